//! `compare` as a user runs it: rendered manifests in, a report out, no cluster.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::{helms, write_script};

const BINARY: &str = env!("CARGO_BIN_EXE_helm-rollback-safe");

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  a: \"1\"\n";

const CLAIM: &str = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: cache\nspec:\n  accessModes: [ReadWriteOnce]\n  resources:\n    requests:\n      storage: 1Gi\n";

fn command(args: &[&str], directory: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.arg("compare").args(args).current_dir(directory).env("NO_COLOR", "1").env("HELM_BIN", "/nonexistent/helm");
    command
}

fn run(args: &[&str], directory: &Path) -> Output {
    command(args, directory).output().expect("the binary starts")
}

fn json(args: &[&str], directory: &Path) -> Value {
    let output = run(&[args, &["-o", "json", "--helm-version", "4.3.1"]].concat(), directory);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{args:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn error(args: &[&str], directory: &Path) -> (Option<i32>, String) {
    let output = run(args, directory);
    assert!(output.stdout.is_empty(), "{args:?} printed a report");
    (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
}

/// `new.yaml` has a claim that `old.yaml` has not; the same as directories and as revisions of a repository.
fn place() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |path: &str| dir.path().join(path);
    fs::create_dir_all(at("new/below")).expect("a directory");
    fs::create_dir_all(at("old")).expect("a directory");
    fs::write(at("new.yaml"), format!("{MAP}---\n{CLAIM}")).expect("a file");
    fs::write(at("old.yaml"), MAP).expect("a file");
    fs::write(at("new/map.yaml"), MAP).expect("a file");
    fs::write(at("new/below/claim.yml"), format!("---\n{CLAIM}")).expect("a file");
    fs::write(at("new/README.md"), "no manifest").expect("a file");
    fs::write(at("old/map.yaml"), MAP).expect("a file");
    dir
}

fn deletes(report: &Value) -> Vec<&str> {
    report["predicted"]["deletes"].as_array().expect("a list").iter().filter_map(Value::as_str).collect()
}

const GONE: [&str; 1] = ["PersistentVolumeClaim/default/cache"];

#[test]
fn what_only_the_newer_state_has_goes() {
    let dir = place();
    let report = json(&["new.yaml", "old.yaml"], dir.path());
    assert_eq!(deletes(&report), GONE);
    assert_eq!(report["verdict"], "unsafe");
    assert_eq!(report["release"]["from"]["chart"], "new.yaml");
    let rules: Vec<&str> = report["findings"].as_array().unwrap().iter().filter_map(|f| f["rule"].as_str()).collect();
    assert!(rules.contains(&"pvc-removed"), "{rules:?}");
    assert!(!rules.contains(&"target-never-worked"), "there is no history that could say so: {rules:?}");
    assert_eq!(run(&["new.yaml", "old.yaml"], dir.path()).status.code(), Some(1));
    let other = json(&["new.yaml", "old.yaml", "-n", "prod", "--name", "shop"], dir.path());
    assert_eq!(deletes(&other), ["PersistentVolumeClaim/prod/cache"]);
    assert_eq!(other["release"]["name"], "shop");
}

#[test]
fn equal_states_are_safe() {
    let dir = place();
    let output = run(&["old.yaml", "old", "--helm-version", "4.3.1"], dir.path());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(!text.contains("--accept"), "there is nothing to accept: {text}");
}

#[test]
fn directories_are_read_with_what_lies_below() {
    let dir = place();
    let report = json(&["new", "old"], dir.path());
    assert_eq!(deletes(&report), GONE);
    let claim = report["findings"].as_array().unwrap().iter().find(|f| f["rule"] == "pvc-removed").expect("found");
    assert_eq!(claim["template"], "below/claim.yml");
}

#[test]
fn one_side_comes_from_standard_input() {
    let dir = place();
    let mut child = command(&["-", "old.yaml", "-o", "json", "--helm-version", "3.22.0"], dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    child.stdin.take().expect("a pipe").write_all(format!("{MAP}---\n{CLAIM}").as_bytes()).expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(deletes(&serde_json::from_slice(&output.stdout).expect("JSON")), GONE);
    let (status, said) = error(&["-", "-"], dir.path());
    assert_eq!(status, Some(2), "{said}");
}

#[test]
fn revisions_of_a_repository_are_read_without_a_checkout() {
    let dir = place();
    let git = |args: &[&str]| {
        let done = Command::new("git").args(args).current_dir(dir.path()).output().expect("git");
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "one"]);
    for path in ["new.yaml", "new", "old.yaml"] {
        fs::remove_file(dir.path().join(path)).or_else(|_| fs::remove_dir_all(dir.path().join(path))).expect("removed");
    }
    assert_eq!(deletes(&json(&["git:HEAD:new.yaml", "git:HEAD:old.yaml"], dir.path())), GONE);
    assert_eq!(deletes(&json(&["git:HEAD:new/", "old"], dir.path())), GONE);
    let (status, said) = error(&["git:HEAD:nowhere", "old"], dir.path());
    assert!(status == Some(3) && said.contains("nowhere"), "{status:?} {said}");
    let (status, said) = error(&["git:--output=x:new", "old"], dir.path());
    assert!(status == Some(3) && said.contains("no revision"), "{status:?} {said}");
}

#[test]
fn what_cannot_be_read_is_said_with_its_name() {
    let dir = place();
    fs::create_dir_all(dir.path().join("base")).expect("a directory");
    fs::write(dir.path().join("base/kustomization.yaml"), "resources: []\n").expect("a file");
    fs::create_dir_all(dir.path().join("none")).expect("a directory");
    for (place, word) in [("absent.yaml", "absent.yaml"), ("base", "kustomize build"), ("none", "no .yaml")] {
        let (status, said) = error(&[place, "old.yaml", "--helm-version", "4.3.1"], dir.path());
        assert!(status == Some(3) && said.contains(word), "{place}: {status:?} {said}");
    }
    fs::write(dir.path().join("broken.yaml"), format!("{MAP}---\na: [\n")).expect("a file");
    let report = json(&["broken.yaml", "old.yaml"], dir.path());
    assert!(
        report["gaps"].as_array().unwrap().iter().any(|gap| gap["what"].as_str().unwrap().contains("document 2")),
        "{report}"
    );
}

/// With both lines of Helm; the chart names nothing that only a cluster knows.
#[test]
fn charts_are_rendered_by_the_installed_helm() {
    let dir = place();
    let chart = dir.path().join("-chart");
    fs::create_dir_all(chart.join("templates")).expect("a directory");
    fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: shop\nversion: 1.0.0\n").expect("a file");
    fs::write(chart.join("templates/claim.yaml"), CLAIM).expect("a file");
    for helm in helms() {
        let output =
            command(&["./-chart", "old.yaml", "-o", "json"], dir.path()).env("HELM_BIN", &helm).output().expect("starts");
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(deletes(&report), GONE, "{}", helm.display());
        let claim = report["findings"].as_array().unwrap().iter().find(|f| f["rule"] == "pvc-removed").expect("found");
        assert_eq!(claim["template"], "shop/templates/claim.yaml");
    }
    let failing = dir.path().join("helm");
    write_script(&failing, "echo 'Error: it does not render' >&2; exit 1");
    let output = command(&["./-chart", "old.yaml", "--helm-version", "4.3.1"], dir.path())
        .env("HELM_BIN", &failing)
        .output()
        .expect("starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(3) && said.contains("it does not render"), "{said}");
}
