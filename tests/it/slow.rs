//! An API server that answers about records and hangs on everything else: time-outs, not a hang.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const NAMESPACE: &str = "fix4-secret";

/// What the server knows, by path without query; everything else is never answered.
fn answer(path: &str, records: &[Value]) -> Option<Value> {
    let secrets = format!("/api/v1/namespaces/{NAMESPACE}/secrets");
    let resource = |kind: &str, plural: &str, namespaced: bool| json!({"kind": kind, "name": plural, "namespaced": namespaced});
    match path {
        "/version" => Some(json!({"gitVersion": "v1.36.3"})),
        "/api" => Some(json!({"kind": "APIVersions", "versions": ["v1"]})),
        "/apis" => Some(json!({"kind": "APIGroupList", "groups": [{"versions": [{"groupVersion": "batch/v1"}]}]})),
        "/api/v1" => Some(json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": [
            resource("Secret", "secrets", true), resource("ConfigMap", "configmaps", true), resource("Pod", "pods", true),
            resource("ServiceAccount", "serviceaccounts", true), resource("Namespace", "namespaces", false)]})),
        "/apis/batch/v1" => {
            Some(json!({"kind": "APIResourceList", "groupVersion": "batch/v1", "resources": [resource("Job", "jobs", true)]}))
        }
        "/api/v1/namespaces/kube-system" => Some(json!({"metadata": {"name": "kube-system", "uid": "u"}})),
        _ if path == secrets => Some(json!({"metadata": {}, "items": records})),
        _ => records.iter().find(|record| format!("{secrets}/{}", record["metadata"]["name"].as_str().unwrap()) == path).cloned(),
    }
}

/// Serves one connection for as long as its requests have answers.
fn serve(stream: TcpStream, records: &[Value]) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request).unwrap_or(0) == 0 {
            return;
        }
        let mut header = String::new();
        while reader.read_line(&mut header).unwrap_or(0) > 2 {
            header.clear();
        }
        let target = request.split(' ').nth(1).unwrap_or("");
        let Some(body) = answer(target.split('?').next().unwrap_or(""), records) else {
            std::thread::sleep(Duration::from_secs(60));
            return;
        };
        let body = body.to_string();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).is_err() {
            return;
        }
    }
}

fn start() -> String {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/records/helm-4.3.1-secret.yaml"));
    let list: Value = serde_yaml::from_str(&text.unwrap()).unwrap();
    let records: Arc<Vec<Value>> = Arc::new(list["items"].as_array().unwrap().clone());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let records = Arc::clone(&records);
            std::thread::spawn(move || serve(stream, &records));
        }
    });
    address
}

#[test]
fn reads_that_hang_become_gaps_in_time() {
    let address = start();
    let started = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_helm-rollback-safe"))
        .args(["check", "shop.v2", "1", "-n", NAMESPACE, "--helm-version", "4.3.1", "-o", "json"])
        .args(["--kube-apiserver", &address, "--request-timeout", "500ms", "--evidence-timeout", "2s"])
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("PATH", "/nonexistent")
        .output()
        .unwrap();
    let took = started.elapsed();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1 | 4)), "{stderr}");
    // Not a measurement: without the limits it would take a minute.
    assert!(took < Duration::from_secs(30), "{took:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let gaps = report["gaps"].as_array().unwrap();
    let text = serde_json::to_string(gaps).unwrap();
    assert!(text.contains("no answer within") || text.contains("were over"), "{text}");
    assert_ne!(report["verdict"], "safe");
}
