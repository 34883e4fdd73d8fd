//! When two values are the same to the API server although they are written differently.
//!
//! Source: `k8s.io/apimachinery/pkg/api/equality` `Semantic` (quantities by amount, nil and empty lists and maps alike) and the
//! `omitempty` tags of k8s.io/api 0.36.

use super::quantity;
use crate::release::Value;

/// Maps of quantities by resource name.
const QUANTITY_MAPS: &[&str] = &[
    "limits",
    "requests",
    "capacity",
    "allocatedResources",
    "hard",
    "overhead",
    "podFixed",
    "max",
    "min",
    "default",
    "defaultRequest",
    "maxLimitRequestRatio",
];

/// Single quantities, by the field's name.
const QUANTITY_FIELDS: &[&str] = &["sizeLimit", "divisor", "storage", "averageValue", "maximumVolumeSize"];

/// Fields that Go holds as a plain map or struct, so that `{}` and absence are one; where Go has a pointer to a struct
/// (`emptyDir`, `podSelector`, `securityContext` of a container) the empty one means something.
const PLAIN_MAPS: &[&str] = &[
    "annotations",
    "labels",
    "matchLabels",
    "nodeSelector",
    "resources",
    "limits",
    "requests",
    "hard",
    "data",
    "stringData",
    "binaryData",
    "parameters",
    "strategy",
    "updateStrategy",
    "metadata",
    "status",
    "volumeAttributes",
];

/// Strings that Go holds without a pointer, so that `""` and absence are one. Pointers (`storageClassName`, `loadBalancerClass`) and
/// keys of free maps are not among them.
const PLAIN_STRINGS: &[&str] = &[
    "apiGroup",
    "clusterIP",
    "externalTrafficPolicy",
    "hostname",
    "loadBalancerIP",
    "nodeName",
    "priorityClassName",
    "serviceName",
    "subPath",
    "subdomain",
    "volumeName",
];

/// Whether the API holds a quantity at a path that ends in these keys.
pub fn is_quantity(parent: &str, key: &str) -> bool {
    QUANTITY_MAPS.contains(&parent) || QUANTITY_FIELDS.contains(&key) || (parent == "target" && key == "value")
}

/// Whether a value says no more than its absence does.
pub fn is_empty(key: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::List(items) => items.is_empty(),
        Value::String(text) => text.is_empty() && PLAIN_STRINGS.contains(&key),
        Value::Map(map) => PLAIN_MAPS.contains(&key) && map.iter().all(|(key, value)| is_empty(key, value)),
        _ => false,
    }
}

/// Whether two values under `key` of `parent` are one value to the API server.
///
/// Recursion ends with the values, whose depth is bounded where they are parsed.
pub fn same(parent: &str, key: &str, a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Map(left), Value::Map(right)) => {
            let only_right = right.keys().filter(|name| !left.contains_key(*name));
            left.keys().chain(only_right).all(|name| same(key, name, a.get(name), b.get(name)))
        }
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(a, b)| same(parent, key, a, b))
        }
        _ => a == b || same_scalar(parent, key, a, b) || (is_empty(key, a) && is_empty(key, b)),
    }
}

/// Quantities of one amount where the API has quantities, and numbers of one value.
pub fn same_scalar(parent: &str, key: &str, a: &Value, b: &Value) -> bool {
    let is_number = |value: &Value| matches!(value, Value::Number(_));
    let comparable = is_quantity(parent, key) || (is_number(a) && is_number(b));
    comparable && matches!((quantity::of(a), quantity::of(b)), (Some(a), Some(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn alike(a: serde_json::Value, b: serde_json::Value) -> bool {
        let (a, b) = (Value::from_json(a), Value::from_json(b));
        let (there, back) = (same("", "spec", &a, &b), same("", "spec", &b, &a));
        assert_eq!(there, back, "not symmetric");
        there
    }

    #[test]
    fn quantities_only_where_the_api_has_them() {
        assert!(alike(json!({"resources": {"requests": {"cpu": 1}}}), json!({"resources": {"requests": {"cpu": "1000m"}}})));
        assert!(alike(json!({"emptyDir": {"sizeLimit": "1Gi"}}), json!({"emptyDir": {"sizeLimit": "1024Mi"}})));
        assert!(!alike(json!({"args": ["1Gi"]}), json!({"args": ["1024Mi"]})));
        assert!(!alike(json!({"targetPort": 80}), json!({"targetPort": "80"})));
        assert!(alike(json!({"replicas": 3}), json!({"replicas": 3.0})));
    }

    #[test]
    fn empty_and_absent() {
        assert!(alike(
            json!({"selector": {"matchLabels": {"a": "b"}, "matchExpressions": []}}),
            json!({"selector": {"matchLabels": {"a": "b"}}})
        ));
        assert!(alike(json!({"metadata": {"labels": {}, "annotations": null}}), json!({})));
        assert!(alike(json!({"serviceName": ""}), json!({})));
        assert!(!alike(json!({"storageClassName": ""}), json!({})));
        assert!(!alike(json!({"emptyDir": {}}), json!({})));
        assert!(!alike(json!({"podSelector": {}}), json!({})));
        assert!(!alike(json!({"paused": false}), json!({"paused": true})));
    }
}
