//! Kinds that are read around a release because manifests alone cannot tell what they tell.

use serde::{Deserialize, Serialize};

/// A kind that is listed around the release, once a namespace, because manifests alone cannot tell what it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Surrounding {
    /// Pods that a workload of either manifest selects, or that mount one of their claims.
    Pods,
    PersistentVolumeClaims,
    StorageClasses,
    VolumeSnapshots,
    HorizontalPodAutoscalers,
    ScaledObjects,
    VerticalPodAutoscalers,
    ResourceQuotas,
    LimitRanges,
    /// The namespaces that objects of either manifest live in.
    Namespaces,
    Nodes,
    EndpointSlices,
    /// Events about pods that are not ready.
    Events,
    ValidatingWebhooks,
    MutatingWebhooks,
    /// Metadata only.
    ConfigMaps,
    /// Metadata only; never Helm's own records.
    Secrets,
    /// Metadata only.
    ServiceAccounts,
    Services,
    Ingresses,
    HttpRoutes,
    GrpcRoutes,
    VirtualServices,
    DestinationRules,
    TrafficSplits,
    TraefikServices,
    Rollouts,
    Canaries,
    /// Contents of VolumeSnapshots that the rollback deletes: their deletion policy.
    VolumeSnapshotContents,
    /// Definitions of the custom resources in either manifest: their schemas.
    CustomResourceDefinitions,
    /// Where pods of the target name one.
    PriorityClasses,
    /// Where pods of the target name one.
    RuntimeClasses,
    ApiServices,
}

/// One row of the table of surrounding kinds.
struct SurroundingRow {
    kind: Surrounding,
    name: &'static str,
    api_versions: &'static [&'static str],
    kubernetes_kind: &'static str,
    namespaced: bool,
}

const fn around(
    kind: Surrounding,
    name: &'static str,
    api_versions: &'static [&'static str],
    kubernetes_kind: &'static str,
    namespaced: bool,
) -> SurroundingRow {
    SurroundingRow { kind, name, api_versions, kubernetes_kind, namespaced }
}

/// In the order of the declaration. API versions: the first that is served is asked.
const SURROUNDINGS: &[SurroundingRow] = &[
    around(Surrounding::Pods, "pods", &["v1"], "Pod", true),
    around(Surrounding::PersistentVolumeClaims, "persistent-volume-claims", &["v1"], "PersistentVolumeClaim", true),
    around(Surrounding::StorageClasses, "storage-classes", &["storage.k8s.io/v1"], "StorageClass", false),
    around(Surrounding::VolumeSnapshots, "volume-snapshots", &["snapshot.storage.k8s.io/v1"], "VolumeSnapshot", true),
    around(
        Surrounding::HorizontalPodAutoscalers,
        "horizontal-pod-autoscalers",
        &["autoscaling/v2", "autoscaling/v1"],
        "HorizontalPodAutoscaler",
        true,
    ),
    around(Surrounding::ScaledObjects, "scaled-objects", &["keda.sh/v1alpha1"], "ScaledObject", true),
    around(
        Surrounding::VerticalPodAutoscalers,
        "vertical-pod-autoscalers",
        &["autoscaling.k8s.io/v1"],
        "VerticalPodAutoscaler",
        true,
    ),
    around(Surrounding::ResourceQuotas, "resource-quotas", &["v1"], "ResourceQuota", true),
    around(Surrounding::LimitRanges, "limit-ranges", &["v1"], "LimitRange", true),
    around(Surrounding::Namespaces, "namespaces", &["v1"], "Namespace", false),
    around(Surrounding::Nodes, "nodes", &["v1"], "Node", false),
    around(Surrounding::EndpointSlices, "endpoint-slices", &["discovery.k8s.io/v1"], "EndpointSlice", true),
    around(Surrounding::Events, "events", &["v1"], "Event", true),
    around(
        Surrounding::ValidatingWebhooks,
        "validating-webhooks",
        &["admissionregistration.k8s.io/v1"],
        "ValidatingWebhookConfiguration",
        false,
    ),
    around(
        Surrounding::MutatingWebhooks,
        "mutating-webhooks",
        &["admissionregistration.k8s.io/v1"],
        "MutatingWebhookConfiguration",
        false,
    ),
    around(Surrounding::ConfigMaps, "config-maps", &["v1"], "ConfigMap", true),
    around(Surrounding::Secrets, "secrets", &["v1"], "Secret", true),
    around(Surrounding::ServiceAccounts, "service-accounts", &["v1"], "ServiceAccount", true),
    around(Surrounding::Services, "services", &["v1"], "Service", true),
    around(Surrounding::Ingresses, "ingresses", &["networking.k8s.io/v1"], "Ingress", true),
    around(
        Surrounding::HttpRoutes,
        "http-routes",
        &["gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1"],
        "HTTPRoute",
        true,
    ),
    around(Surrounding::GrpcRoutes, "grpc-routes", &["gateway.networking.k8s.io/v1"], "GRPCRoute", true),
    around(
        Surrounding::VirtualServices,
        "virtual-services",
        &["networking.istio.io/v1", "networking.istio.io/v1beta1", "networking.istio.io/v1alpha3"],
        "VirtualService",
        true,
    ),
    around(
        Surrounding::DestinationRules,
        "destination-rules",
        &["networking.istio.io/v1", "networking.istio.io/v1beta1", "networking.istio.io/v1alpha3"],
        "DestinationRule",
        true,
    ),
    around(
        Surrounding::TrafficSplits,
        "traffic-splits",
        &["split.smi-spec.io/v1alpha4", "split.smi-spec.io/v1alpha2", "split.smi-spec.io/v1alpha1"],
        "TrafficSplit",
        true,
    ),
    around(Surrounding::TraefikServices, "traefik-services", &["traefik.io/v1alpha1"], "TraefikService", true),
    around(Surrounding::Rollouts, "rollouts", &["argoproj.io/v1alpha1"], "Rollout", true),
    around(Surrounding::Canaries, "canaries", &["flagger.app/v1beta1"], "Canary", true),
    around(
        Surrounding::VolumeSnapshotContents,
        "volume-snapshot-contents",
        &["snapshot.storage.k8s.io/v1"],
        "VolumeSnapshotContent",
        false,
    ),
    around(
        Surrounding::CustomResourceDefinitions,
        "custom-resource-definitions",
        &["apiextensions.k8s.io/v1"],
        "CustomResourceDefinition",
        false,
    ),
    around(Surrounding::PriorityClasses, "priority-classes", &["scheduling.k8s.io/v1"], "PriorityClass", false),
    around(Surrounding::RuntimeClasses, "runtime-classes", &["node.k8s.io/v1"], "RuntimeClass", false),
    around(Surrounding::ApiServices, "api-services", &["apiregistration.k8s.io/v1"], "APIService", false),
];

impl Surrounding {
    pub const ALL: &'static [Surrounding] = &{
        let mut all = [Surrounding::Pods; SURROUNDINGS.len()];
        let mut position = 0;
        while position < all.len() {
            all[position] = SURROUNDINGS[position].kind;
            position += 1;
        }
        all
    };

    fn row(self) -> &'static SurroundingRow {
        // The table follows the declaration; a test keeps it so.
        &SURROUNDINGS[self as usize]
    }

    /// The spelling in rule files: `resource-quotas`.
    pub fn as_str(self) -> &'static str {
        self.row().name
    }

    /// API versions to ask, the preferred one first.
    pub fn api_versions(self) -> &'static [&'static str] {
        self.row().api_versions
    }

    /// The Kubernetes kind: `ResourceQuota`.
    pub fn kubernetes_kind(self) -> &'static str {
        self.row().kubernetes_kind
    }

    pub fn group(self) -> &'static str {
        self.row().api_versions[0].split_once('/').map_or("", |(group, _)| group)
    }

    pub fn is_namespaced(self) -> bool {
        self.row().namespaced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_surroundings_follows_the_declaration() {
        for (position, row) in SURROUNDINGS.iter().enumerate() {
            assert_eq!(row.kind as usize, position, "{}", row.name);
            assert_eq!(serde_json::to_value(row.kind).unwrap(), row.name);
        }
        assert_eq!(Surrounding::ApiServices as usize + 1, SURROUNDINGS.len(), "a kind without a row");
    }
}
