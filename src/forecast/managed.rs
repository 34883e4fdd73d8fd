//! Field ownership as the API server keeps it after Helm wrote an object: what a live object that was not read is taken for.

use crate::k8s::lists::{self, ListKind, ListMode};
use crate::release::{ApplyMethod, Map, ObjectRef, Value};

use super::apply::HELM_MANAGER;
use super::merge::join;

/// What the server does not count as a field that somebody owns (structured-merge-diff strips the identity of an object).
const NOBODYS: [&str; 6] = ["apiVersion", "kind", "metadata.name", "metadata.namespace", "metadata.managedFields", "status"];

/// The entry of `metadata.managedFields` that Helm leaves: server-side apply is `Apply`, every other way of writing `Update`.
pub fn entry(id: &ObjectRef, body: &Value, method: Option<ApplyMethod>) -> Value {
    let operation = if method == Some(ApplyMethod::ServerSide) { "Apply" } else { "Update" };
    let text = [
        ("manager", HELM_MANAGER),
        ("operation", operation),
        ("apiVersion", id.api_version.as_str()),
        ("fieldsType", "FieldsV1"),
    ];
    let mut entry: Map = text.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect();
    entry.insert("fieldsV1".to_owned(), fields(id, body, ""));
    Value::Map(entry)
}

/// The set of fields in the form of `fieldpath/serialize`: `f:name`, `k:{"name":"web"}`, `v:"member"`; a leaf is empty.
/// The volume of a claim is left out: the volume controller wrote it as well, so that it stays without Helm.
fn fields(id: &ObjectRef, value: &Value, path: &str) -> Value {
    let children: Map = match value {
        Value::Map(map) if !lists::is_atomic_map(id, path, ListMode::ServerSide) => {
            let owned = map.iter().map(|(key, child)| (key, child, join(path, key)));
            let shared = |at: &str| id.is("", "PersistentVolumeClaim") && at == "spec.volumeName";
            let owned = owned.filter(|(_, child, at)| !child.is_null() && !NOBODYS.contains(&at.as_str()) && !shared(at));
            owned.map(|(key, child, at)| (format!("f:{key}"), fields(id, child, &at))).collect()
        }
        Value::List(items) => items.iter().filter_map(|item| member(id, item, path)).collect(),
        _ => Map::new(),
    };
    Value::Map(children)
}

/// An item of a list that is merged; an atomic list has none.
fn member(id: &ObjectRef, item: &Value, path: &str) -> Option<(String, Value)> {
    match lists::list_kind(id, path, ListMode::ServerSide) {
        ListKind::Atomic => None,
        ListKind::Set => Some((format!("v:{}", serde_json::to_string(item.as_str()?).ok()?), Value::Map(Map::new()))),
        ListKind::Map(keys) => {
            let given = keys.iter().filter(|key| !item.get(key).is_null());
            let keys: serde_json::Map<String, serde_json::Value> =
                given.map(|key| Some(((*key).to_owned(), scalar(item.get(key))?))).collect::<Option<_>>()?;
            let mut children = fields(id, item, path);
            children.as_map_mut()?.insert(".".to_owned(), Value::Map(Map::new()));
            Some((format!("k:{}", serde_json::Value::Object(keys)), children))
        }
    }
}

fn scalar(value: &Value) -> Option<serde_json::Value> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(number) => Some(serde_json::Value::Number(number.clone())),
        Value::Bool(flag) => Some((*flag).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::apply;

    #[test]
    fn a_field_that_only_helm_wrote_goes_with_the_target() {
        let value = |text: &str| Value::from_json(serde_yaml::from_str(text).expect("yaml"));
        let id = ObjectRef::new("apps/v1", "Deployment", Some("prod"), "web");
        let mut live = value(
            "{metadata: {name: web, finalizers: [a.example/b]}, spec: {replicas: 2, minReadySeconds: 5, template: {spec: {containers: \
             [{name: web, image: x, ports: [{containerPort: 80}]}, {name: side, image: y}]}}}}",
        );
        let mark = entry(&id, &live, Some(ApplyMethod::ServerSide));
        assert_eq!(mark.get("operation").as_str(), Some("Apply"));
        let text = mark.get("fieldsV1").display();
        for part in [r#"k:{\"name\":\"web\"}"#, r#"k:{\"containerPort\":80}"#, r#"v:\"a.example/b\""#, "f:minReadySeconds"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("f:name\":{},\"f:finalizers"), "{text}");
        live.as_map_mut()
            .and_then(|map| map.get_mut("metadata")?.as_map_mut())
            .unwrap()
            .insert("managedFields".to_owned(), Value::List(vec![mark]));
        let to = value("{metadata: {name: web}, spec: {replicas: 2, template: {spec: {containers: [{name: web, image: x}]}}}}");
        let after = apply::apply(&id, &live, &to);
        assert_eq!(after.get("spec"), to.get("spec"));
    }
}
