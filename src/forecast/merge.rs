//! Client-side patches: what an object looks like after Helm's patch was applied to it.
//!
//! Built-in kinds get a three-way strategic merge (original = *from*, modified = *to*, current = live), custom resources a
//! two-way JSON merge patch between the manifests (Helm `pkg/kube/client.go` `createPatch`).

use crate::k8s::lists::{self, ListKind, ListMode};
use crate::release::{Map, ObjectRef, Value};

/// Result of the three-way strategic merge patch on `live`.
///
/// A field of `to` wins over live; a field is removed only if `from` has it and `to` has not; the rest of live stays.
pub fn strategic(id: &ObjectRef, from: &Value, to: &Value, live: &Value) -> Value {
    Strategic { id }.value(from, to, live, "")
}

struct Strategic<'a> {
    id: &'a ObjectRef,
}

impl Strategic<'_> {
    fn value(&self, from: &Value, to: &Value, live: &Value, path: &str) -> Value {
        match (to, live) {
            _ if to == live => without_nulls(live),
            (Value::Map(_), Value::Map(_)) if lists::is_atomic_map(self.id, path, ListMode::StrategicMerge) => without_nulls(to),
            (Value::Map(to_map), Value::Map(live_map)) => self.map(from, to_map, live_map, path),
            (Value::List(to_items), Value::List(live_items)) => self.list(from.as_list(), to_items, live_items, path),
            _ => without_nulls(to),
        }
    }

    fn map(&self, from: &Value, to: &Map, live: &Map, path: &str) -> Value {
        let mut result = Map::new();
        for (key, value) in live {
            let only_live = !to.contains_key(key) && from.get(key).is_null();
            if only_live {
                result.insert(key.clone(), value.clone());
            }
        }
        for (key, value) in to.iter().filter(|(_, value)| !value.is_null()) {
            let child = join(path, key);
            let merged = match live.get(key) {
                Some(current) => self.value(from.get(key), value, current, &child),
                None => without_nulls(value),
            };
            result.insert(key.clone(), merged);
        }
        if lists::retains_keys(self.id, path) {
            result.retain(|key, _| to.contains_key(key));
        }
        Value::Map(result)
    }

    fn list(&self, from: &[Value], to: &[Value], live: &[Value], path: &str) -> Value {
        match lists::list_kind(self.id, path, ListMode::StrategicMerge) {
            ListKind::Atomic => Value::List(to.iter().map(without_nulls).collect()),
            ListKind::Set => Value::List(merge_set(from, to, live)),
            ListKind::Map(keys) => Value::List(self.keyed(from, to, live, path, &keys)),
        }
    }

    fn keyed(&self, from: &[Value], to: &[Value], live: &[Value], path: &str, keys: &[&str]) -> Vec<Value> {
        let mut result: Vec<Value> = to
            .iter()
            .map(|item| match find(live, item, keys) {
                Some(current) => self.value(find(from, item, keys).unwrap_or(&Value::Null), item, current, path),
                None => without_nulls(item),
            })
            .collect();
        let stays = |item: &&Value| find(to, item, keys).is_none() && find(from, item, keys).is_none();
        result.extend(live.iter().filter(stays).cloned());
        result
    }
}

fn merge_set(from: &[Value], to: &[Value], live: &[Value]) -> Vec<Value> {
    let mut result = to.to_vec();
    result.extend(live.iter().filter(|item| !to.contains(item) && !from.contains(item)).cloned());
    result
}

/// Result of the two-way JSON merge patch between the manifests, applied to `live`. `None` = the patch is empty.
pub fn json(from: &Value, to: &Value, live: &Value) -> Option<Value> {
    let patch = json_patch(from, to)?;
    Some(apply_json_patch(live, &patch))
}

/// RFC 7386 patch from `from` to `to`; `None` where they are equal.
fn json_patch(from: &Value, to: &Value) -> Option<Value> {
    let (Value::Map(from_map), Value::Map(to_map)) = (from, to) else {
        return (from != to).then(|| to.clone());
    };
    let mut patch = Map::new();
    for (key, value) in to_map {
        match from_map.get(key) {
            Some(before) => {
                if let Some(child) = json_patch(before, value) {
                    patch.insert(key.clone(), child);
                }
            }
            None => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in from_map.keys().filter(|key| !to_map.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    (!patch.is_empty()).then_some(Value::Map(patch))
}

fn apply_json_patch(target: &Value, patch: &Value) -> Value {
    let Value::Map(patch_map) = patch else {
        return patch.clone();
    };
    let mut result = target.as_map().cloned().unwrap_or_default();
    for (key, value) in patch_map {
        if value.is_null() {
            result.remove(key);
        } else {
            let before = result.get(key).unwrap_or(&Value::Null);
            let merged = apply_json_patch(before, value);
            result.insert(key.clone(), merged);
        }
    }
    Value::Map(result)
}

/// An object as the server stores it: explicit nulls mean "not given".
pub fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Map(map) => Value::Map(
            map.iter().filter(|(_, child)| !child.is_null()).map(|(key, child)| (key.clone(), without_nulls(child))).collect(),
        ),
        Value::List(items) => Value::List(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

/// The same for an object that nobody else looks at.
pub fn prune_nulls(value: &mut Value) {
    match value {
        Value::Map(map) => {
            map.retain(|_, child| !child.is_null());
            map.values_mut().for_each(prune_nulls);
        }
        Value::List(items) => items.iter_mut().for_each(prune_nulls),
        _ => {}
    }
}

/// The item with the same merge keys. A key that only one side leaves out equals the API's default (`protocol: TCP`).
pub fn find<'a>(items: &'a [Value], wanted: &Value, keys: &[&str]) -> Option<&'a Value> {
    items.iter().find(|item| keys.iter().all(|key| key_value(item, key) == key_value(wanted, key)))
}

fn key_value(item: &Value, key: &str) -> Value {
    match item.get(key) {
        Value::Null if key == "protocol" => Value::from("TCP"),
        other => other.clone(),
    }
}

/// Appends a key to a dotted path of keys.
pub fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Value::from_json(serde_yaml::from_str(text).expect("yaml"))
    }

    fn deployment() -> ObjectRef {
        ObjectRef::new("apps/v1", "Deployment", Some("ns"), "web")
    }

    #[test]
    fn drift_stays_and_to_wins() {
        let from = value("spec: {replicas: 1, paused: true}");
        let to = value("spec: {replicas: 2}");
        let live = value("spec: {replicas: 5, paused: true, extra: 1}");
        assert_eq!(strategic(&deployment(), &from, &to, &live), value("spec: {replicas: 2, extra: 1}"));
    }

    #[test]
    fn a_container_left_by_others_survives() {
        let path = "spec: {template: {spec: {containers: ";
        let from = value(&format!("{path}[{{name: a, image: x}}, {{name: b, image: y}}]}}}}}}"));
        let to = value(&format!("{path}[{{name: a, image: z}}]}}}}}}"));
        let live =
            value(&format!("{path}[{{name: a, image: x, tty: true}}, {{name: b, image: y}}, {{name: side, image: s}}]}}}}}}"));
        let after = strategic(&deployment(), &from, &to, &live);
        assert_eq!(after, value(&format!("{path}[{{name: a, image: z, tty: true}}, {{name: side, image: s}}]}}}}}}")));
    }

    #[test]
    fn json_patch_ignores_drift() {
        let from = value("{spec: {a: 1, b: 1}}");
        let to = value("{spec: {a: 1, c: [1]}}");
        let live = value("{spec: {a: 9, b: 1, c: [2, 3]}}");
        assert_eq!(json(&from, &to, &live), Some(value("{spec: {a: 9, c: [1]}}")));
        assert_eq!(json(&from, &from, &live), None);
    }
}
