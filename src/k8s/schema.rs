//! What an older schema of a CustomResourceDefinition takes from a newer one
//! (apiextensions.k8s.io/v1 `JSONSchemaProps`; pruning: kubernetes.io, "Field pruning" of structural schemas).

use crate::release::Value;

/// How one version's schema narrows. Paths as people write them: `spec.storage.volumes[].size`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// Fields that are pruned at the next write of a custom resource.
    pub pruned: Vec<String>,
    /// Places that kept unknown fields and do not any more.
    pub preserve_dropped: Vec<String>,
    /// Values that are refused from now on: enum items that go, fields that become required, new patterns, bounds and rules.
    pub tightened: Vec<String>,
}

impl Narrowing {
    /// Compares `spec.versions[].schema.openAPIV3Schema` of one version. `status` is not looked at: its controller writes it anew.
    pub fn between(before: &Value, after: &Value) -> Narrowing {
        let mut found = Narrowing::default();
        found.walk(before, after, "");
        found
    }

    /// Depth is bounded where the definitions are parsed.
    fn walk(&mut self, before: &Value, after: &Value, path: &str) {
        let preserves = |schema: &Value| schema.get("x-kubernetes-preserve-unknown-fields").as_bool() == Some(true);
        let open = preserves(after) || !is_closed(after.get("additionalProperties"));
        if preserves(before) && !preserves(after) {
            // A place whose fields are described keeps what its schema forgot; one without is free-form, and its content goes.
            match before.get("properties").as_map().is_some_and(|named| !named.is_empty()) {
                true => self.pruned.push(format!("fields of {} that the present schema does not describe", shown(path))),
                false => self.preserve_dropped.push(shown(path)),
            }
        }
        self.tightening(before, after, path);
        for (name, old) in before.get("properties").as_map().into_iter().flatten() {
            let below = join(path, name);
            match after.get("properties").get(name) {
                _ if below == "status" || matches!(below.as_str(), "apiVersion" | "kind" | "metadata") => {}
                Value::Null if open => {}
                Value::Null => self.pruned.push(below),
                new => self.walk(old, new, &below),
            }
        }
        self.open_maps(before, after, path, open);
        if !before.get("items").is_null() && !after.get("items").is_null() {
            self.walk(before.get("items"), after.get("items"), &format!("{path}[]"));
        }
    }

    fn open_maps(&mut self, before: &Value, after: &Value, path: &str, open: bool) {
        let old = before.get("additionalProperties");
        match after.get("additionalProperties") {
            new @ Value::Map(_) if old.as_map().is_some() => self.walk(old, new, &join(path, "*")),
            _ if !is_closed(old) && !open => self.pruned.push(join(path, "*")),
            _ => {}
        }
    }

    fn tightening(&mut self, before: &Value, after: &Value, path: &str) {
        let gone: Vec<String> = match after.get("enum") {
            Value::Null => Vec::new(),
            allowed => {
                let allowed = allowed.as_list();
                before.get("enum").as_list().iter().filter(|item| !allowed.contains(item)).map(Value::display).collect()
            }
        };
        if !gone.is_empty() {
            self.tightened.push(format!("{} no longer takes {}", shown(path), gone.join(", ")));
        }
        let required = before.get("required").as_list();
        let new = after.get("required").as_list().iter().filter(|name| !required.contains(name));
        self.tightened.extend(new.map(|name| format!("{} is required", join(path, &name.display()))));
        for key in ["pattern", "format", "maxLength", "maximum", "maxItems", "minLength", "minimum", "minItems"] {
            let (old, new) = (before.get(key), after.get(key));
            if is_tighter(key, old, new) {
                self.tightened.push(format!("{} gets {key} {}", shown(path), new.display()));
            }
        }
    }
}

fn is_closed(additional: &Value) -> bool {
    additional.is_null() || additional.as_bool() == Some(false)
}

/// Another pattern counts as tighter: which of two is wider cannot be told.
fn is_tighter(key: &str, old: &Value, new: &Value) -> bool {
    if new.is_null() || old == new {
        return false;
    }
    match (crate::k8s::quantity::of(old), crate::k8s::quantity::of(new)) {
        (Some(old), Some(new)) if key.starts_with("max") => new < old,
        (Some(old), Some(new)) if key.starts_with("min") => new > old,
        _ => true,
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn shown(path: &str) -> String {
    if path.is_empty() { "the object".to_owned() } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn between(before: serde_json::Value, after: serde_json::Value) -> Narrowing {
        Narrowing::between(&Value::from_json(before), &Value::from_json(after))
    }

    #[test]
    fn fields_that_go_are_pruned_unless_the_place_keeps_unknown_ones() {
        let before = json!({"properties": {"spec": {"properties": {"a": {}, "list": {"items": {"properties": {"b": {}, "c": {}}}}}},
            "status": {"properties": {"x": {}}}}});
        let after = json!({"properties": {"spec": {"properties": {"list": {"items": {"properties": {"b": {}}}}}}}});
        assert_eq!(between(before.clone(), after).pruned, ["spec.a", "spec.list[].c"]);
        let open = json!({"properties": {"spec": {"x-kubernetes-preserve-unknown-fields": true}}});
        assert_eq!(between(before.clone(), open.clone()), Narrowing::default());
        let found = between(open, json!({"properties": {"spec": {"type": "object"}}}));
        assert_eq!(found.preserve_dropped, ["spec"]);
        let described = json!({"properties": {"a": {}}, "x-kubernetes-preserve-unknown-fields": true});
        let found = between(described, json!({"properties": {"a": {}}}));
        assert_eq!(found.pruned, ["fields of the object that the present schema does not describe"]);
        assert!(found.preserve_dropped.is_empty());
    }

    #[test]
    fn maps_of_any_key() {
        let map = json!({"properties": {"spec": {"additionalProperties": {"properties": {"a": {}}}}}});
        let narrow = json!({"properties": {"spec": {"additionalProperties": {"properties": {}}}}});
        assert_eq!(between(map.clone(), narrow).pruned, ["spec.*.a"]);
        assert_eq!(between(map, json!({"properties": {"spec": {}}})).pruned, ["spec.*"]);
    }

    #[test]
    fn tighter_values() {
        let before = json!({"enum": ["a", "b"], "maxLength": 10, "required": ["x"]});
        let after = json!({"enum": ["a"], "maxLength": 5, "required": ["x", "y"], "pattern": "^a"});
        let told = ["the object no longer takes b", "y is required", "the object gets pattern ^a", "the object gets maxLength 5"];
        assert_eq!(between(before.clone(), after.clone()).tightened, told);
        assert_eq!(between(after, json!({"maxLength": 10})).tightened, Vec::<String>::new());
    }
}
