//! Which kinds are built in, and where the ones that run pods keep their pod spec.

use crate::release::{ObjectRef, Value};

/// API groups whose types are compiled into client-go (`kubernetes/scheme/register.go` of client-go 0.36).
const CLIENT_GO_GROUPS: &[&str] = &[
    "",
    "admissionregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "imagepolicy.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// Groups that every API server serves but that client-go has no types for.
const AGGREGATED_GROUPS: &[&str] = &["apiextensions.k8s.io", "apiregistration.k8s.io"];

/// Whether the API server itself defines the kind, rather than a CRD or an extension server.
pub fn is_built_in(id: &ObjectRef) -> bool {
    CLIENT_GO_GROUPS.contains(&id.group()) || AGGREGATED_GROUPS.contains(&id.group())
}

/// Whether Helm's client-side apply sends a strategic merge patch: kinds whose types its binary knows, which are those of
/// client-go's scheme and `apiextensions.k8s.io/v1`. All others get a JSON merge patch (Helm `pkg/kube/client.go` `createPatch`,
/// `converter.go`).
pub fn has_strategic_merge(id: &ObjectRef) -> bool {
    CLIENT_GO_GROUPS.contains(&id.group()) || id.api_version == "apiextensions.k8s.io/v1"
}

/// Whether the group is one of Kubernetes itself, whose kinds are namespaced unless a table says otherwise.
pub fn is_built_in_group(group: &str) -> bool {
    CLIENT_GO_GROUPS.contains(&group)
}

/// The group that holds the kind's types today; `extensions` gave its kinds to `apps`, `networking.k8s.io` and `policy`.
pub fn current_group(id: &ObjectRef) -> &str {
    match (id.group(), id.kind.as_str()) {
        ("extensions", "Deployment" | "DaemonSet" | "ReplicaSet") => "apps",
        ("extensions", "Ingress" | "NetworkPolicy") => "networking.k8s.io",
        ("extensions", "PodSecurityPolicy") => "policy",
        (group, _) => group,
    }
}

/// Keys from the object to its pod template's metadata and spec; none for kinds that run no pods. A Pod is its own template.
pub fn pod_template_path(id: &ObjectRef) -> Option<&'static [&'static str]> {
    match (current_group(id), id.kind.as_str()) {
        ("", "Pod") => Some(&[]),
        ("", "PodTemplate") => Some(&["template"]),
        ("", "ReplicationController")
        | ("apps", "Deployment" | "DaemonSet" | "ReplicaSet" | "StatefulSet")
        | ("batch", "Job") => Some(&["spec", "template"]),
        ("batch", "CronJob") => Some(&["spec", "jobTemplate", "spec", "template"]),
        _ => None,
    }
}

/// The pod template of an object, or `Null` where it has none.
pub fn pod_template<'a>(id: &ObjectRef, body: &'a Value) -> &'a Value {
    static NULL: Value = Value::Null;
    pod_template_path(id).map_or(&NULL, |path| body.at(path))
}

/// The part of a dotted path below the pod spec.
pub fn strip_pod_spec<'a>(id: &ObjectRef, path_keys: &'a str) -> Option<&'a str> {
    let mut rest = path_keys;
    for key in pod_template_path(id)?.iter().chain(&["spec"]) {
        rest = rest.strip_prefix(key)?.strip_prefix('.')?;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pod_spec_paths() {
        let cron = ObjectRef::new("batch/v1", "CronJob", Some("shop"), "nightly");
        assert_eq!(strip_pod_spec(&cron, "spec.jobTemplate.spec.template.spec.containers"), Some("containers"));
        assert_eq!(strip_pod_spec(&cron, "spec.jobTemplate.spec.template.spec"), None);
        assert_eq!(strip_pod_spec(&cron, "spec.jobTemplate.spec.template.specs.x"), None);
        let pod = ObjectRef::new("v1", "Pod", Some("shop"), "one");
        assert_eq!(strip_pod_spec(&pod, "spec.volumes"), Some("volumes"));
        assert_eq!(strip_pod_spec(&ObjectRef::new("example.com/v1", "Pod", None, "x"), "spec.volumes"), None);
    }

    #[test]
    fn which_kinds_are_built_in() {
        let crd = ObjectRef::new("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, "widgets.example.com");
        assert!(is_built_in(&crd) && has_strategic_merge(&crd));
        let old = ObjectRef::new("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", None, "widgets.example.com");
        assert!(is_built_in(&old) && !has_strategic_merge(&old));
        assert!(has_strategic_merge(&ObjectRef::new("v1", "Service", None, "web")));
        assert!(!is_built_in(&ObjectRef::new("cert-manager.io/v1", "Certificate", None, "web")));
    }
}
