//! What probes say, container by container.

use std::collections::BTreeMap;

use crate::k8s::selector;
use crate::release::{Object, Value};

/// The handlers of a probe (core/v1 `ProbeHandler`).
const HANDLERS: [&str; 4] = ["httpGet", "tcpSocket", "exec", "grpc"];

/// Commands that succeed whatever the application does.
const PROVES_NOTHING: [&str; 8] = ["true", "ls", "pidof", "pgrep", "cat", "echo", "sleep", "test"];

/// A readiness probe that waits this long before it takes a pod out of its Services, in seconds.
const LONG_BLINDNESS: i64 = 120;

/// Why a pod may count as ready without being so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weakness {
    /// No readiness probe on the container that a Service sends traffic to.
    Missing,
    /// The check proves too little: an open port, or a command that always succeeds.
    Shallow,
    /// The same check as the liveness probe.
    SameAsLiveness,
    /// A broken pod stays in its Services for minutes.
    Slow,
    /// The Service lists pods that are not ready.
    Ignored,
}

/// Weaknesses of a pod by kind and container (or Service), each in words.
pub type Weaknesses = BTreeMap<(Weakness, String), String>;

/// What is weak about the readiness of pods of this template behind these Services.
pub fn weaknesses(template: &Value, services: &[&Object]) -> Weaknesses {
    let spec = template.get("spec");
    let labels = template.at(&["metadata", "labels"]);
    let mut found = Weaknesses::new();
    for service in services.iter().filter(|service| selector::selects(service.body.at(&["spec", "selector"]), labels)) {
        behind(&mut found, spec, service);
    }
    for container in spec.get("containers").as_list() {
        of_container(&mut found, container);
    }
    found
}

fn behind(found: &mut Weaknesses, spec: &Value, service: &Object) {
    for container in serving(spec, &service.body) {
        if container.get("readinessProbe").is_null() {
            let text = format!("{} has no readiness probe behind Service {}", name(container), service.id.name);
            found.insert((Weakness::Missing, name(container).to_owned()), text);
        }
    }
    let headless = service.body.at(&["spec", "clusterIP"]).as_str() == Some("None");
    // Headless Services publish unready peers on purpose, so that they find each other while they start.
    if service.body.at(&["spec", "publishNotReadyAddresses"]).as_bool() == Some(true) && !headless {
        let text = format!("Service {} publishes addresses that are not ready", service.id.name);
        found.insert((Weakness::Ignored, service.id.name.clone()), text);
    }
}

/// Containers that a Service sends traffic to. Ports need not be declared: where none is, a container alone serves them, and of
/// several containers one with a readiness probe is enough.
fn serving<'v>(spec: &'v Value, service: &Value) -> Vec<&'v Value> {
    let containers = spec.get("containers").as_list();
    let targets: Vec<&Value> = service.at(&["spec", "ports"]).as_list().iter().map(target_port).collect();
    let declared: Vec<&Value> =
        containers.iter().filter(|container| targets.iter().any(|target| declares(container, target))).collect();
    match declared.is_empty() {
        false => declared,
        true if containers.iter().any(|container| !container.get("readinessProbe").is_null()) => Vec::new(),
        true => containers.iter().take(1).collect(),
    }
}

fn target_port(port: &Value) -> &Value {
    match port.get("targetPort") {
        Value::Null => port.get("port"),
        target => target,
    }
}

/// Whether the container lists the port, by name or number.
pub fn declares(container: &Value, port: &Value) -> bool {
    let ports = container.get("ports").as_list();
    ports.iter().any(|item| !port.is_null() && (item.get("name") == port || item.get("containerPort") == port))
}

fn of_container(found: &mut Weaknesses, container: &Value) {
    let readiness = container.get("readinessProbe");
    let mut add = |kind, text: &str| {
        found.insert((kind, name(container).to_owned()), format!("the readiness probe of {} {text}", name(container)));
    };
    if readiness.is_null() {
        return;
    }
    if !readiness.get("tcpSocket").is_null() {
        add(Weakness::Shallow, "only asks whether a TCP port is open");
    } else if proves_nothing(readiness) {
        add(Weakness::Shallow, "runs a command that says nothing about the application");
    }
    let liveness = container.get("livenessProbe");
    if !liveness.is_null() && HANDLERS.iter().all(|handler| readiness.get(handler) == liveness.get(handler)) {
        add(Weakness::SameAsLiveness, "is the liveness probe's");
    }
    let blind = seconds(readiness, "failureThreshold", 3).saturating_mul(seconds(readiness, "periodSeconds", 10));
    if blind > LONG_BLINDNESS {
        add(Weakness::Slow, &format!("leaves a broken pod in its Services for {blind} s"));
    }
}

fn proves_nothing(probe: &Value) -> bool {
    let command: Vec<&str> = probe.at(&["exec", "command"]).as_list().iter().filter_map(Value::as_str).collect();
    let words: Vec<&str> = command.iter().flat_map(|part| part.split_whitespace()).collect();
    let words = match words.as_slice() {
        [shell, "-c", rest @ ..] if shell.ends_with("sh") => rest,
        words => words,
    };
    match words {
        ["exit", "0"] => true,
        // More words than a command and its arguments is a script, which may well test something.
        [first, ..] => words.len() <= 3 && PROVES_NOTHING.contains(&first.rsplit('/').next().unwrap_or(first)),
        [] => false,
    }
}

/// A number of a probe, or the API's default (core/v1 `SetDefaults_Probe`).
pub fn seconds(probe: &Value, key: &str, default: i64) -> i64 {
    probe.get(key).as_i64().unwrap_or(default)
}

/// The name of a container.
pub fn name(container: &Value) -> &str {
    container.get("name").as_str().unwrap_or("")
}

/// Whether the pod has a container of this name.
pub fn has_container(spec: &Value, wanted: &str) -> bool {
    spec.get("containers").as_list().iter().any(|container| name(container) == wanted)
}

/// A probe that asks for a port nobody listens on by the manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LostPort {
    pub container: String,
    pub probe: &'static str,
    pub port: String,
    /// A name is resolved among the container's own ports; a number need not be declared anywhere.
    pub named: bool,
}

/// Probes whose port no container of the pod declares, a named one: not the probed container itself.
pub fn lost_ports(spec: &Value) -> Vec<LostPort> {
    let containers = spec.get("containers").as_list();
    let any_declared = containers.iter().any(|container| !container.get("ports").as_list().is_empty());
    let mut lost = Vec::new();
    for container in containers {
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            let handlers = HANDLERS.iter().map(|handler| container.get(probe).get(handler).get("port"));
            let Some(port) = handlers.into_iter().find(|port| !port.is_null()) else { continue };
            let named = port.as_str().is_some_and(|text| text.parse::<u16>().is_err());
            let known = match named {
                true => declares(container, port),
                false => !any_declared || containers.iter().any(|container| declares(container, &number(port))),
            };
            if !known {
                lost.push(LostPort { container: name(container).to_owned(), probe, port: port.display(), named });
            }
        }
    }
    lost
}

/// `"8080"` and `8080` are one port.
fn number(port: &Value) -> Value {
    match port.as_str().and_then(|text| text.parse::<u16>().ok()) {
        Some(number) => Value::Number(number.into()),
        None => port.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn commands_that_prove_nothing() {
        let probe = |command: &[&str]| Value::from_json(json!({"exec": {"command": command}}));
        assert!(proves_nothing(&probe(&["true"])) && proves_nothing(&probe(&["/bin/ls", "/tmp"])));
        assert!(proves_nothing(&probe(&["sh", "-c", "exit 0"])) && proves_nothing(&probe(&["/bin/sh", "-c", "true"])));
        assert!(!proves_nothing(&probe(&["pg_isready"])) && !proves_nothing(&probe(&["sh", "-c", "test -f /a && curl -f x"])));
        assert!(!proves_nothing(&Value::Null));
    }

    #[test]
    fn ports_by_name_and_number() {
        let spec = |probe: serde_json::Value, other: &str| {
            Value::from_json(json!({"containers": [
                {"name": "a", "readinessProbe": {"httpGet": {"port": probe}}, "ports": [{"containerPort": 80, "name": "http"}]},
                {"name": "b", "ports": [{"containerPort": 9090, "name": other}]},
            ]}))
        };
        assert!(lost_ports(&spec(json!("http"), "x")).is_empty() && lost_ports(&spec(json!(9090), "x")).is_empty());
        assert!(lost_ports(&spec(json!("80"), "x")).is_empty());
        assert!(lost_ports(&spec(json!("metrics"), "metrics"))[0].named);
        assert!(!lost_ports(&spec(json!(81), "x"))[0].named);
        let undeclared = json!({"containers": [{"name": "a", "livenessProbe": {"tcpSocket": {"port": 80}}}]});
        assert!(lost_ports(&Value::from_json(undeclared)).is_empty());
    }
}
