//! Whether a kind lives in a namespace.

use std::collections::BTreeMap;

use super::kinds;
use crate::input::Discovery;
use crate::release::{Object, Value};

/// What is known about the scope of kinds. The server's own discovery wins, then the CRDs of the manifest, then the built-in kinds.
#[derive(Clone, Debug, Default)]
pub struct Scopes {
    /// Keyed by (`group/version`, kind).
    discovered: BTreeMap<(String, String), bool>,
    /// Keyed by (group, kind): all versions of a group's kind have one scope.
    groups: BTreeMap<(String, String), bool>,
    /// From CRDs, keyed by (group, kind).
    crds: BTreeMap<(String, String), bool>,
}

/// Cluster-scoped kinds that Kubernetes itself has served since 1.16 (group, kind), from the API reference's `Namespaced` column
/// (`kubectl api-resources --namespaced=false`). Everything else in these groups is namespaced.
const CLUSTER_SCOPED: &[(&str, &str)] = &[
    ("", "ComponentStatus"),
    ("", "Namespace"),
    ("", "Node"),
    ("", "PersistentVolume"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "APIService"),
    ("authentication.k8s.io", "SelfSubjectReview"),
    ("authentication.k8s.io", "TokenReview"),
    ("authorization.k8s.io", "SelfSubjectAccessReview"),
    ("authorization.k8s.io", "SelfSubjectRulesReview"),
    ("authorization.k8s.io", "SubjectAccessReview"),
    ("certificates.k8s.io", "CertificateSigningRequest"),
    ("certificates.k8s.io", "ClusterTrustBundle"),
    ("extensions", "PodSecurityPolicy"),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
    ("internal.apiserver.k8s.io", "StorageVersion"),
    ("networking.k8s.io", "IPAddress"),
    ("networking.k8s.io", "IngressClass"),
    ("networking.k8s.io", "ServiceCIDR"),
    ("node.k8s.io", "RuntimeClass"),
    ("policy", "PodSecurityPolicy"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("resource.k8s.io", "DeviceClass"),
    ("resource.k8s.io", "DeviceTaintRule"),
    ("resource.k8s.io", "ResourceSlice"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("storage.k8s.io", "CSIDriver"),
    ("storage.k8s.io", "CSINode"),
    ("storage.k8s.io", "StorageClass"),
    ("storage.k8s.io", "VolumeAttachment"),
    ("storage.k8s.io", "VolumeAttributesClass"),
    ("storagemigration.k8s.io", "StorageVersionMigration"),
];

impl Scopes {
    /// The kinds of Kubernetes itself only.
    pub fn builtin() -> Scopes {
        Scopes::default()
    }

    /// The kinds this API server serves, and the built-in ones behind them.
    pub fn with_discovery(discovery: &Discovery) -> Scopes {
        let mut scopes = Scopes::default();
        for ((api_version, kind), resource) in discovery {
            scopes.groups.insert((group_of(api_version).to_owned(), kind.clone()), resource.namespaced);
            scopes.discovered.insert((api_version.clone(), kind.clone()), resource.namespaced);
        }
        scopes
    }

    /// Takes the scope of every kind that a CustomResourceDefinition among these objects defines.
    pub fn learn_crds(&mut self, objects: &[Object]) {
        for object in objects.iter().filter(|object| object.id.is("apiextensions.k8s.io", "CustomResourceDefinition")) {
            self.learn_crd(&object.body);
        }
    }

    /// As [`Scopes::learn_crds`], from one CRD's body.
    pub fn learn_crd(&mut self, body: &Value) {
        let spec = body.get("spec");
        let kind = spec.at(&["names", "kind"]).as_str();
        if let (Some(group), Some(kind), Some(scope)) = (spec.get("group").as_str(), kind, spec.get("scope").as_str()) {
            self.crds.insert((group.to_owned(), kind.to_owned()), scope == "Namespaced");
        }
    }

    /// Whether the kind lives in a namespace; `None` where nothing tells (callers take it as namespaced).
    pub fn namespaced(&self, api_version: &str, kind: &str) -> Option<bool> {
        let group = group_of(api_version);
        let exact = self.discovered.get(&(api_version.to_owned(), kind.to_owned()));
        let by_group = (group.to_owned(), kind.to_owned());
        exact
            .or_else(|| self.groups.get(&by_group))
            .or_else(|| self.crds.get(&by_group))
            .copied()
            .or_else(|| builtin(group, kind))
    }
}

fn builtin(group: &str, kind: &str) -> Option<bool> {
    if CLUSTER_SCOPED.contains(&(group, kind)) {
        return Some(false);
    }
    // A kind of Kubernetes itself that is not in the table above is namespaced.
    kinds::is_built_in_group(group).then_some(true)
}

fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::ApiResource;

    #[test]
    fn built_in_kinds_have_their_documented_scope() {
        let scopes = Scopes::builtin();
        assert_eq!(scopes.namespaced("v1", "ConfigMap"), Some(true));
        assert_eq!(scopes.namespaced("v1", "Namespace"), Some(false));
        assert_eq!(scopes.namespaced("rbac.authorization.k8s.io/v1", "ClusterRole"), Some(false));
        assert_eq!(scopes.namespaced("rbac.authorization.k8s.io/v1beta1", "Role"), Some(true));
        assert_eq!(scopes.namespaced("example.com/v1", "Widget"), None);
        assert_eq!(scopes.namespaced("example.com/v1", "Namespace"), None, "the kind alone says nothing");
    }

    #[test]
    fn discovery_beats_a_crd_of_the_manifest_and_covers_other_versions() {
        let mut discovery = Discovery::new();
        let key = ("example.com/v1".to_owned(), "Widget".to_owned());
        discovery.insert(key, ApiResource { plural: "widgets".to_owned(), namespaced: false });
        let mut scopes = Scopes::with_discovery(&discovery);
        scopes.learn_crd(&crd("example.com", "Widget", "Namespaced"));
        scopes.learn_crd(&crd("example.com", "Gadget", "Cluster"));
        assert_eq!(scopes.namespaced("example.com/v1", "Widget"), Some(false));
        assert_eq!(scopes.namespaced("example.com/v2", "Widget"), Some(false));
        assert_eq!(scopes.namespaced("example.com/v2", "Gadget"), Some(false));
        assert_eq!(scopes.namespaced("v1", "Secret"), Some(true));
    }

    fn crd(group: &str, kind: &str, scope: &str) -> Value {
        Value::from_json(serde_json::json!({"spec": {"group": group, "scope": scope, "names": {"kind": kind}}}))
    }
}
