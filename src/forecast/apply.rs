//! Server-side apply: who owns what, which conflicts follow, and what the object looks like afterwards.
//!
//! `metadata.managedFields` is read as documented in KEP-555 and `sigs.k8s.io/structured-merge-diff` (`fieldpath/serialize`):
//! `f:name` a field, `k:{…}` a list item by its keys, `v:…` a set member, `.` the container itself.

use crate::k8s::lists::{self, ListKind, ListMode};
use crate::release::{ObjectRef, Value};

use super::merge::{find, join, without_nulls};

/// The field manager of every Helm (`pkg/kube/client.go` `ManagedFieldsManager`).
pub const HELM_MANAGER: &str = "helm";

/// A field of *to* that another manager owns with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Dotted path with list keys, `spec.replicas`.
    pub path: String,
    /// `kubectl-edit`, `kube-controller-manager (scale)`.
    pub manager: String,
}

/// An entry of `metadata.managedFields`.
struct Owner<'a> {
    manager: String,
    api_version: &'a str,
    fields: &'a Value,
    is_helm: bool,
}

fn owners(live: &Value) -> Vec<Owner<'_>> {
    let entries = live.at(&["metadata", "managedFields"]).as_list();
    entries.iter().map(owner).collect()
}

fn owner(entry: &Value) -> Owner<'_> {
    let name = entry.get("manager").as_str().unwrap_or("unknown");
    let subresource = entry.get("subresource").as_str();
    let manager = match subresource {
        Some(subresource) => format!("{name} ({subresource})"),
        None => name.to_owned(),
    };
    Owner {
        manager,
        api_version: entry.get("apiVersion").as_str().unwrap_or(""),
        fields: entry.get("fieldsV1"),
        is_helm: name == HELM_MANAGER && subresource.is_none(),
    }
}

/// API versions that the live object's owners recorded, for custom resources whose CRD may have dropped one.
pub fn recorded_versions(live: &Value) -> Vec<String> {
    let mut versions: Vec<String> = owners(live).iter().map(|owner| owner.api_version.to_owned()).collect();
    versions.retain(|version| !version.is_empty());
    versions.sort();
    versions.dedup();
    versions
}

/// Whether `metadata.managedFields` is there to decide by.
pub fn has_owners(live: &Value) -> bool {
    !live.at(&["metadata", "managedFields"]).as_list().is_empty()
}

/// Conflicts that applying `to` as `helm` without force meets.
pub fn conflicts(live: &Value, to: &Value) -> Vec<Conflict> {
    let mut found = Vec::new();
    for owner in owners(live).iter().filter(|owner| !owner.is_helm) {
        let mut paths = Vec::new();
        collect_conflicts(owner.fields, live, to, "", &mut paths);
        found.extend(paths.into_iter().map(|path| Conflict { path, manager: owner.manager.clone() }));
    }
    found.sort_by(|a, b| (&a.path, &a.manager).cmp(&(&b.path, &b.manager)));
    found.dedup();
    found
}

fn collect_conflicts(fields: &Value, live: &Value, to: &Value, path: &str, found: &mut Vec<String>) {
    if to.is_null() {
        return;
    }
    let children = children_of(fields);
    if children.is_empty() {
        // An owner without `fieldsV1` owns nothing (apimachinery `managedfields` `decodeVersionedSet`).
        if !path.is_empty() && live != to && !is_container_only(fields, live, to) {
            found.push(path.to_owned());
        }
        return;
    }
    for (element, child) in children {
        match element {
            Element::Field(name) => {
                collect_conflicts(child, live.get(name), to.get(name), &join(path, name), found);
            }
            Element::Item(keys) => {
                let names: Vec<&str> = keys.as_map().map(|map| map.keys().map(String::as_str).collect()).unwrap_or_default();
                let current = find(live.as_list(), &keys, &names);
                let wanted = find(to.as_list(), &keys, &names);
                if let (Some(current), Some(wanted)) = (current, wanted) {
                    collect_conflicts(child, current, wanted, &format!("{path}[{}]", keys.display()), found);
                }
            }
            Element::Member => {}
        }
    }
}

/// `{".": {}}` owns that the container exists, not what is in it.
fn is_container_only(fields: &Value, live: &Value, to: &Value) -> bool {
    let owns_self = fields.as_map().is_some_and(|map| map.contains_key("."));
    let both_containers = matches!((live, to), (Value::Map(_), Value::Map(_)) | (Value::List(_), Value::List(_)));
    owns_self && both_containers
}

enum Element<'a> {
    Field(&'a str),
    Item(Value),
    Member,
}

fn children_of(fields: &Value) -> Vec<(Element<'_>, &Value)> {
    let Some(map) = fields.as_map() else {
        return Vec::new();
    };
    map.iter().filter_map(|(key, child)| Some((element(key)?, child))).collect()
}

fn element(key: &str) -> Option<Element<'_>> {
    match key.split_once(':')? {
        ("f", name) => Some(Element::Field(name)),
        ("k", keys) => Some(Element::Item(Value::from_json(serde_json::from_str(keys).ok()?))),
        ("v", _) | ("i", _) => Some(Element::Member),
        _ => None,
    }
}

/// The object after applying `to` as `helm`: what only `helm` owned and `to` lacks is removed, `to` is merged over the rest.
pub fn apply(id: &ObjectRef, live: &Value, to: &Value) -> Value {
    let mut helm_fields = Vec::new();
    let mut other_fields = Vec::new();
    for owner in owners(live) {
        if owner.is_helm {
            helm_fields.push(owner.fields);
        } else {
            other_fields.push(owner.fields);
        }
    }
    let kept = remove_owned(live, to, &helm_fields, &other_fields);
    overlay(id, &kept, to, "")
}

/// `live` without what the trees in `mine` own, the trees in `others` do not, and `to` lacks.
fn remove_owned(live: &Value, to: &Value, mine: &[&Value], others: &[&Value]) -> Value {
    match live {
        Value::Map(map) => Value::Map(
            map.iter()
                .filter_map(|(key, child)| {
                    let step = format!("f:{key}");
                    Some((key.clone(), keep_child(child, to.get(key), &step, mine, others)?))
                })
                .collect(),
        ),
        Value::List(items) => Value::List(items.iter().filter_map(|item| keep_item(item, to, mine, others)).collect()),
        scalar => scalar.clone(),
    }
}

fn keep_item(item: &Value, to: &Value, mine: &[&Value], others: &[&Value]) -> Option<Value> {
    let Some(step) = item_step(item, mine) else {
        return Some(item.clone());
    };
    let wanted = match element(&step) {
        Some(Element::Item(keys)) => {
            let names: Vec<&str> = keys.as_map().map(|map| map.keys().map(String::as_str).collect()).unwrap_or_default();
            find(to.as_list(), &keys, &names).unwrap_or(&Value::Null)
        }
        _ => to.as_list().iter().find(|wanted| *wanted == item).unwrap_or(&Value::Null),
    };
    keep_child(item, wanted, &step, mine, others)
}

/// The step in `trees` that names this list item.
fn item_step(item: &Value, trees: &[&Value]) -> Option<String> {
    let steps = trees.iter().filter_map(|tree| tree.as_map()).flat_map(|map| map.keys());
    steps.into_iter().find(|step| step_names(step, item)).cloned()
}

fn step_names(step: &str, item: &Value) -> bool {
    match step.split_once(':') {
        Some(("k", _)) => match element(step) {
            Some(Element::Item(keys)) => keys.as_map().is_some_and(|map| map.iter().all(|(key, value)| item.get(key) == value)),
            _ => false,
        },
        Some(("v", text)) => serde_json::from_str(text).map(Value::from_json).is_ok_and(|member| member == *item),
        _ => false,
    }
}

fn keep_child(child: &Value, to: &Value, step: &str, mine: &[&Value], others: &[&Value]) -> Option<Value> {
    let my_trees = descend(mine, step);
    if my_trees.is_empty() {
        return Some(child.clone());
    }
    let other_trees = descend(others, step);
    if to.is_null() && other_trees.is_empty() && goes_whole(child, step, &my_trees) {
        return None;
    }
    let kept = remove_owned(child, to, &my_trees, &other_trees);
    let emptied = matches!(&kept, Value::Map(map) if map.is_empty()) || matches!(&kept, Value::List(items) if items.is_empty());
    if to.is_null() && emptied && other_trees.is_empty() { None } else { Some(kept) }
}

/// Whether what goes takes along what nobody owns inside, such as defaults. A named field does (`structured-merge-diff`
/// `merge.Updater.prune`, `fieldpath.Set.EnsureNamedFieldsAreMembers`), and so does a list item that is owned itself.
fn goes_whole(child: &Value, step: &str, trees: &[&Value]) -> bool {
    let is_scalar = !matches!(child, Value::Map(_) | Value::List(_));
    let is_member = |tree: &&Value| tree.as_map().is_some_and(|map| map.is_empty() || map.contains_key("."));
    is_scalar || step.starts_with("f:") || trees.iter().any(is_member)
}

fn descend<'a>(trees: &[&'a Value], step: &str) -> Vec<&'a Value> {
    trees.iter().filter_map(|tree| tree.as_map()?.get(step)).collect()
}

fn overlay(id: &ObjectRef, live: &Value, to: &Value, path: &str) -> Value {
    match (live, to) {
        (Value::Map(_), Value::Map(_)) if lists::is_atomic_map(id, path, ListMode::ServerSide) => without_nulls(to),
        (Value::Map(live_map), Value::Map(to_map)) => {
            let mut result = live_map.clone();
            for (key, value) in to_map.iter().filter(|(_, value)| !value.is_null()) {
                let merged = overlay(id, live.get(key), value, &join(path, key));
                result.insert(key.clone(), merged);
            }
            Value::Map(result)
        }
        (Value::List(live_items), Value::List(to_items)) => overlay_list(id, live_items, to_items, path),
        _ => without_nulls(to),
    }
}

fn overlay_list(id: &ObjectRef, live: &[Value], to: &[Value], path: &str) -> Value {
    match lists::list_kind(id, path, ListMode::ServerSide) {
        ListKind::Atomic => Value::List(to.iter().map(without_nulls).collect()),
        ListKind::Set => {
            let mut result = to.to_vec();
            result.extend(live.iter().filter(|item| !to.contains(item)).cloned());
            Value::List(result)
        }
        ListKind::Map(keys) => {
            let merged = |item: &Value| match find(live, item, &keys) {
                Some(current) => overlay(id, current, item, path),
                None => without_nulls(item),
            };
            let mut result: Vec<Value> = to.iter().map(merged).collect();
            result.extend(live.iter().filter(|item| find(to, item, &keys).is_none()).cloned());
            Value::List(result)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Value::from_json(serde_yaml::from_str(text).expect("yaml"))
    }

    fn live() -> Value {
        value(
            r#"
metadata:
  managedFields:
  - {manager: helm, operation: Apply, apiVersion: apps/v1, fieldsV1: {"f:spec": {"f:replicas": {}, "f:paused": {}}}}
  - {manager: kube-controller-manager, operation: Update, subresource: scale, fieldsV1: {"f:spec": {"f:replicas": {}}}}
spec: {replicas: 5, paused: true, other: 1}
"#,
        )
    }

    #[test]
    fn scaled_replicas_conflict() {
        let found = conflicts(&live(), &value("spec: {replicas: 2}"));
        assert_eq!(found, [Conflict { path: "spec.replicas".into(), manager: "kube-controller-manager (scale)".into() }]);
        assert!(conflicts(&live(), &value("spec: {replicas: 5}")).is_empty());
        assert!(conflicts(&live(), &value("spec: {paused: false}")).is_empty());
    }

    #[test]
    fn only_fields_that_helm_alone_owned_go() {
        let id = ObjectRef::new("apps/v1", "Deployment", Some("ns"), "web");
        let after = apply(&id, &live(), &value("spec: {x: 1}"));
        assert_eq!(after.get("spec"), &value("{replicas: 5, other: 1, x: 1}"));
    }

    #[test]
    fn defaults_go_with_the_field_or_item_they_belong_to() {
        let live = value(
            r#"
metadata:
  managedFields:
  - {manager: helm, operation: Apply, fieldsV1: {"f:spec": {"f:strategy": {"f:rollingUpdate": {"f:maxSurge": {}}}, "f:containers": {
      'k:{"name":"a"}': {".": {}, "f:name": {}, "f:readinessProbe": {"f:httpGet": {"f:port": {}}}}, 'k:{"name":"b"}': {".": {}, "f:name": {}}}}}}
spec:
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 25%}}
  containers: [{name: a, imagePullPolicy: Always, readinessProbe: {httpGet: {port: 80, scheme: HTTP}, periodSeconds: 10}}, {name: b, imagePullPolicy: Always}]
"#,
        );
        let id = ObjectRef::new("v1", "Pod", Some("ns"), "web");
        let after = apply(&id, &live, &value("spec: {strategy: {type: Recreate}, containers: [{name: a}]}"));
        let expected = value("{strategy: {type: Recreate}, containers: [{name: a, imagePullPolicy: Always}]}");
        assert_eq!(after.get("spec"), &expected);
    }

    #[test]
    fn defaults_stay_with_what_another_manager_owns() {
        let live = value(
            r#"
metadata:
  managedFields:
  - {manager: helm, operation: Apply, fieldsV1: {"f:spec": {"f:rollingUpdate": {"f:maxSurge": {}}}}}
  - {manager: kubectl-edit, operation: Update, fieldsV1: {"f:spec": {"f:rollingUpdate": {"f:maxUnavailable": {}}}}}
spec: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0, other: 1}}
"#,
        );
        let id = ObjectRef::new("apps/v1", "Deployment", Some("ns"), "web");
        let after = apply(&id, &live, &value("spec: {}"));
        assert_eq!(after.get("spec"), &value("{rollingUpdate: {maxUnavailable: 0, other: 1}}"));
    }

    #[test]
    fn an_owner_without_fields_owns_nothing() {
        let live = value("{metadata: {managedFields: [{manager: edit, operation: Update}]}, spec: {replicas: 5}}");
        assert!(conflicts(&live, &value("spec: {replicas: 2}")).is_empty());
    }

    #[test]
    fn list_items_by_key() {
        let live = value(
            r#"
metadata:
  managedFields:
  - {manager: kubectl-edit, operation: Update, fieldsV1: {"f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {"f:targetPort": {}}}}}}
spec: {ports: [{port: 80, protocol: TCP, targetPort: 8080}]}
"#,
        );
        let found = conflicts(&live, &value("spec: {ports: [{port: 80, targetPort: 9090}]}"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, r#"spec.ports[{"port":80,"protocol":"TCP"}].targetPort"#);
    }
}
