//! Pod Security Standards: what a namespace's level forbids in a pod
//! (<https://kubernetes.io/docs/concepts/security/pod-security-standards/>, `k8s.io/pod-security-admission/policy`).

use crate::release::Value;

/// The label by which a namespace asks for a level to be enforced.
pub const ENFORCE_LABEL: &str = "pod-security.kubernetes.io/enforce";

/// A level that forbids something; `privileged` forbids nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Baseline,
    Restricted,
}

impl Level {
    /// By the label's value; none for `privileged`. The API server treats a value it does not know as `restricted`.
    pub fn parse(label: &str) -> Option<Level> {
        match label {
            "privileged" => None,
            "baseline" => Some(Level::Baseline),
            _ => Some(Level::Restricted),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        }
    }
}

/// Whether a part of the pod breaks a control.
type Broken = fn(&Part<'_>) -> bool;

/// What a control looks at: the pod itself (no container), or one container of it.
struct Part<'v> {
    template: &'v Value,
    spec: &'v Value,
    container: Option<&'v Value>,
}

/// One control of the page, under the field that it is about.
struct Control {
    name: &'static str,
    level: Level,
    per_container: bool,
    broken: Broken,
}

const fn pod(level: Level, name: &'static str, broken: Broken) -> Control {
    Control { name, level, per_container: false, broken }
}

const fn container(level: Level, name: &'static str, broken: Broken) -> Control {
    Control { name, level, per_container: true, broken }
}

const CONTROLS: &[Control] = &[
    pod(Level::Baseline, "hostNetwork, hostPID, hostIPC", |part| {
        ["hostNetwork", "hostPID", "hostIPC"].iter().any(|key| is(part.spec.get(key), true))
    }),
    pod(Level::Baseline, "hostPath volumes", |part| {
        part.spec.get("volumes").as_list().iter().any(|volume| !volume.get("hostPath").is_null())
    }),
    pod(Level::Baseline, "sysctls", |part| {
        let sysctls = part.spec.at(&["securityContext", "sysctls"]).as_list();
        sysctls.iter().filter_map(|sysctl| sysctl.get("name").as_str()).any(|name| !SAFE_SYSCTLS.contains(&name))
    }),
    pod(Level::Baseline, "AppArmor annotations", |part| {
        let annotations = part.template.at(&["metadata", "annotations"]).as_map();
        annotations.into_iter().flatten().any(|(key, value)| key.starts_with(APPARMOR_PREFIX) && !is_safe_apparmor(value))
    }),
    pod(Level::Baseline, "securityContext", |part| unsafe_context(part.spec.get("securityContext"))),
    container(Level::Baseline, "securityContext", |part| unsafe_context(own_context(part))),
    container(Level::Baseline, "privileged", |part| is(own_context(part).get("privileged"), true)),
    container(Level::Baseline, "procMount", |part| {
        let mount = own_context(part).get("procMount").as_str();
        !own_users(part) && mount.is_some_and(|mount| mount != "Default")
    }),
    container(Level::Baseline, "capabilities.add", |part| added(part).iter().any(|name| !DEFAULT_CAPABILITIES.contains(name))),
    container(Level::Baseline, "hostPort", |part| {
        let ports = part.container.map_or(&[][..], |container| container.get("ports").as_list());
        ports.iter().any(|port| port.get("hostPort").as_i64().unwrap_or(0) != 0)
    }),
    pod(Level::Restricted, "volume types", |part| {
        let volumes = part.spec.get("volumes").as_list().iter().filter_map(Value::as_map);
        volumes.flat_map(|volume| volume.keys()).any(|key| key != "name" && !VOLUME_TYPES.contains(&key.as_str()))
    }),
    container(Level::Restricted, "allowPrivilegeEscalation must be false", |part| {
        !is_windows(part) && !is(own_context(part).get("allowPrivilegeEscalation"), false)
    }),
    container(Level::Restricted, "runAsNonRoot must be true", |part| {
        !own_users(part) && !is(effective(part, "runAsNonRoot"), true)
    }),
    container(Level::Restricted, "runAsUser must not be 0", |part| {
        !own_users(part) && effective(part, "runAsUser").as_i64() == Some(0)
    }),
    container(Level::Restricted, "seccompProfile must be set", |part| {
        let profile = effective(part, "seccompProfile").get("type").as_str();
        !is_windows(part) && !profile.is_some_and(|kind| SECCOMP.contains(&kind))
    }),
    container(Level::Restricted, "capabilities must drop ALL", |part| {
        let dropped = own_context(part).at(&["capabilities", "drop"]).as_list();
        let drops_all = dropped.iter().any(|name| name.as_str() == Some("ALL"));
        !is_windows(part) && (!drops_all || added(part).iter().any(|name| *name != "NET_BIND_SERVICE"))
    }),
];

const SECCOMP: [&str; 2] = ["RuntimeDefault", "Localhost"];
const APPARMOR_PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";
const SELINUX_TYPES: [&str; 5] = ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

/// What container runtimes grant by default.
const DEFAULT_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// All that any version has allowed: later versions only added to them.
const SAFE_SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

const VOLUME_TYPES: [&str; 9] =
    ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret"];

fn is(value: &Value, flag: bool) -> bool {
    value.as_bool() == Some(flag)
}

fn own_context<'v>(part: &Part<'v>) -> &'v Value {
    static NONE: Value = Value::Null;
    part.container.map_or(&NONE, |container| container.get("securityContext"))
}

/// The container's own setting, else the pod's.
fn effective<'v>(part: &Part<'v>, key: &str) -> &'v Value {
    match own_context(part).get(key) {
        Value::Null => part.spec.at(&["securityContext", key]),
        own => own,
    }
}

/// A pod with a user namespace of its own is root only inside it.
fn own_users(part: &Part<'_>) -> bool {
    is(part.spec.get("hostUsers"), false)
}

fn is_windows(part: &Part<'_>) -> bool {
    part.spec.at(&["os", "name"]).as_str() == Some("windows")
}

fn added<'v>(part: &Part<'v>) -> Vec<&'v str> {
    own_context(part).at(&["capabilities", "add"]).as_list().iter().filter_map(Value::as_str).collect()
}

/// Host processes, SELinux, AppArmor and seccomp settings that leave the sandbox, in a pod's or a container's context.
fn unsafe_context(context: &Value) -> bool {
    let text = |path: &[&str]| context.at(path).as_str().unwrap_or("");
    let profile = |key: &str| context.at(&[key, "type"]).as_str().is_some_and(|kind| !SECCOMP.contains(&kind));
    is(context.at(&["windowsOptions", "hostProcess"]), true)
        || !SELINUX_TYPES.contains(&text(&["seLinuxOptions", "type"]))
        || !text(&["seLinuxOptions", "user"]).is_empty()
        || !text(&["seLinuxOptions", "role"]).is_empty()
        || profile("appArmorProfile")
        || profile("seccompProfile")
}

fn is_safe_apparmor(value: &Value) -> bool {
    value.as_str().is_some_and(|value| matches!(value, "" | "runtime/default") || value.starts_with("localhost/"))
}

/// Controls of the level (and of those below it) that pods of this template break, each with the container where there is one.
pub fn violations(level: Level, template: &Value) -> Vec<String> {
    let spec = template.get("spec");
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    let containers: Vec<&Value> = lists.into_iter().flat_map(|list| spec.get(list).as_list()).collect();
    let mut found = Vec::new();
    for control in CONTROLS.iter().filter(|control| control.level <= level) {
        if !control.per_container && (control.broken)(&Part { template, spec, container: None }) {
            found.push(control.name.to_owned());
        }
        for container in containers.iter().filter(|_| control.per_container) {
            if (control.broken)(&Part { template, spec, container: Some(container) }) {
                found.push(format!("{} ({})", control.name, container.get("name").as_str().unwrap_or("")));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn broken(level: Level, spec: serde_json::Value) -> Vec<String> {
        violations(level, &Value::from_json(json!({"spec": spec})))
    }

    #[test]
    fn levels_by_label() {
        assert_eq!(Level::parse("privileged"), None);
        assert_eq!(Level::parse("baseline"), Some(Level::Baseline));
        assert_eq!(Level::parse("typo"), Some(Level::Restricted));
    }

    #[test]
    fn a_plain_pod_is_baseline_and_not_restricted() {
        let spec = json!({"containers": [{"name": "a"}]});
        assert!(broken(Level::Baseline, spec.clone()).is_empty());
        let expected = [
            "allowPrivilegeEscalation must be false (a)",
            "runAsNonRoot must be true (a)",
            "seccompProfile must be set (a)",
            "capabilities must drop ALL (a)",
        ];
        assert_eq!(broken(Level::Restricted, spec), expected);
    }

    #[test]
    fn a_hardened_pod_is_restricted() {
        let context = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}});
        let spec = json!({
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "a", "securityContext": context}],
            "volumes": [{"name": "x", "emptyDir": {}}],
        });
        assert!(broken(Level::Restricted, spec).is_empty());
    }

    #[test]
    fn each_baseline_control() {
        let cases = [
            (json!({"hostNetwork": true}), "hostNetwork, hostPID, hostIPC"),
            (json!({"volumes": [{"name": "x", "hostPath": {"path": "/"}}]}), "hostPath volumes"),
            (json!({"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}), "sysctls"),
            (json!({"securityContext": {"seLinuxOptions": {"type": "spc_t"}}}), "securityContext"),
            (json!({"containers": [{"name": "a", "securityContext": {"privileged": true}}]}), "privileged (a)"),
            (json!({"containers": [{"name": "a", "securityContext": {"procMount": "Unmasked"}}]}), "procMount (a)"),
            (
                json!({"containers": [{"name": "a", "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}]}),
                "capabilities.add (a)",
            ),
            (json!({"initContainers": [{"name": "i", "ports": [{"hostPort": 80}]}]}), "hostPort (i)"),
            (
                json!({"containers": [{"name": "a", "securityContext": {"seccompProfile": {"type": "Unconfined"}}}]}),
                "securityContext (a)",
            ),
        ];
        for (spec, name) in cases {
            assert_eq!(broken(Level::Baseline, spec), [name]);
        }
    }

    #[test]
    fn user_namespaces_and_windows_are_exempt_from_what_means_nothing_there() {
        let inside = broken(Level::Restricted, json!({"hostUsers": false, "containers": [{"name": "a"}]}));
        assert!(!inside.iter().any(|name| name.starts_with("runAs")), "{inside:?}");
        let windows = broken(Level::Restricted, json!({"os": {"name": "windows"}, "containers": [{"name": "a"}]}));
        assert_eq!(windows, ["runAsNonRoot must be true (a)"]);
    }
}
