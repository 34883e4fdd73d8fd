//! Bodies as Helm sends them and as the server stores them.

use crate::k8s::pods;
use crate::release::{Map, ObjectRef, Value};

/// The target object with the metadata Helm forces on it (`pkg/action/validate.go` `setMetadataVisitor`).
pub fn stamped(body: &Value, release: &str, namespace: &str) -> Value {
    let mut body = body.clone();
    if let Some(metadata) = child_map(&mut body, "metadata") {
        if let Some(labels) = metadata_map(metadata, "labels") {
            labels.insert("app.kubernetes.io/managed-by".into(), Value::from("Helm"));
        }
        if let Some(annotations) = metadata_map(metadata, "annotations") {
            annotations.insert("meta.helm.sh/release-name".into(), Value::from(release));
            annotations.insert("meta.helm.sh/release-namespace".into(), Value::from(namespace));
        }
    }
    body
}

fn child_map<'a>(body: &'a mut Value, key: &str) -> Option<&'a mut Map> {
    metadata_map(body.as_map_mut()?, key)
}

fn metadata_map<'a>(map: &'a mut Map, key: &str) -> Option<&'a mut Map> {
    let child = map.entry(key.to_owned()).or_insert(Value::Null);
    if child.is_null() {
        *child = Value::Map(Map::new());
    }
    child.as_map_mut()
}

/// Metadata that only the server writes: a patch or PUT cannot change or remove it.
const SERVER_METADATA: [&str; 8] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// `after` with everything back that the server keeps whatever the client sends: its own metadata and the status.
pub fn with_server_fields(id: &ObjectRef, mut after: Value, live: &Value) -> Value {
    for field in SERVER_METADATA {
        let current = live.at(&["metadata", field]);
        if let Some(metadata) = child_map(&mut after, "metadata").filter(|_| !current.is_null()) {
            metadata.insert(field.to_owned(), current.clone());
        }
    }
    if let Some(map) = after.as_map_mut().filter(|_| !live.get("status").is_null()) {
        map.insert("status".to_owned(), live.get("status").clone());
    }
    sync_service_account(&mut after);
    if id.is("", "Service") {
        keep_allocated(&mut after, live);
    }
    fold_string_data(id, after)
}

/// A Service keeps the cluster IP that it was given, `None` included, where the new object names none
/// (Kubernetes `pkg/registry/core/service/storage` `patchAllocatedValues`).
fn keep_allocated(after: &mut Value, live: &Value) {
    let needs_ip = |body: &Value| body.at(&["spec", "type"]).as_str() != Some("ExternalName");
    if !needs_ip(after) || !needs_ip(live) {
        return;
    }
    let Some(spec) = child_map(after, "spec") else {
        return;
    };
    for field in ["clusterIP", "clusterIPs"] {
        let current = live.at(&["spec", field]);
        let same_ip = field == "clusterIP" || spec.get("clusterIP") == Some(live.at(&["spec", "clusterIP"]));
        if !spec.contains_key(field) && !current.is_null() && same_ip {
            spec.insert(field.to_owned(), current.clone());
        }
    }
}

/// The API server keeps `serviceAccountName` and its deprecated alias `serviceAccount` in step: what the alias still says
/// comes back as the name (core/v1 `PodSpec.DeprecatedServiceAccount`, `Convert_v1_PodSpec_To_core_PodSpec`).
fn sync_service_account(body: &mut Value) {
    let Some(spec) = pods::spec_mut(body) else {
        return;
    };
    if let (Some(alias), None) = (spec.get("serviceAccount").cloned(), spec.get("serviceAccountName")) {
        spec.insert("serviceAccountName".to_owned(), alias);
    }
}

/// A Secret's `stringData` is written into `data` by the server and never stored itself (core/v1 `Secret`).
pub fn fold_string_data(id: &ObjectRef, mut body: Value) -> Value {
    if !id.is("", "Secret") {
        return body;
    }
    let Some(map) = body.as_map_mut() else {
        return body;
    };
    if let Some(Value::Map(plain)) = map.remove("stringData")
        && let Some(data) = metadata_map(map, "data")
    {
        data.extend(plain);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::k8s::kinds;

    #[test]
    fn group_decides_the_patch_type() {
        let structured = |api_version: &str| kinds::has_strategic_merge(&ObjectRef::new(api_version, "X", None, "n"));
        assert!(structured("v1") && structured("apps/v1") && structured("apiextensions.k8s.io/v1"));
        assert!(!structured("apiextensions.k8s.io/v1beta1"));
        assert!(!structured("gateway.networking.k8s.io/v1"));
        assert!(!structured("apiregistration.k8s.io/v1"));
    }

    #[test]
    fn stamping_adds_to_what_is_there() {
        let body = Value::from_json(serde_json::json!({"metadata": {"labels": {"a": "b"}}}));
        let stamped = stamped(&body, "shop", "prod");
        assert_eq!(stamped.at(&["metadata", "labels", "a"]).as_str(), Some("b"));
        assert_eq!(stamped.at(&["metadata", "labels", "app.kubernetes.io/managed-by"]).as_str(), Some("Helm"));
        assert_eq!(stamped.at(&["metadata", "annotations", "meta.helm.sh/release-name"]).as_str(), Some("shop"));
    }
}
