//! Label selectors (`k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go` `LabelSelectorAsSelector`).

use crate::release::Value;

/// Whether a selector matches these labels: a plain map (Service) or a `LabelSelector` (`matchLabels`, `matchExpressions`).
///
/// An absent selector and an empty plain map match nothing; an empty `LabelSelector` with `matchLabels` or `matchExpressions` matches
/// everything. A plain `{}` is read as a Service's; callers that hold an empty `LabelSelector` know it by its kind.
pub fn selects(selector: &Value, labels: &Value) -> bool {
    let Some(map) = selector.as_map() else {
        return false;
    };
    let is_label_selector = map.keys().all(|key| key == "matchLabels" || key == "matchExpressions");
    match (map.is_empty(), is_label_selector) {
        (true, _) => false,
        (false, true) => selects_by_terms(selector, labels),
        (false, false) => has_all(selector, labels),
    }
}

/// Whether a `LabelSelector` matches; an empty one matches everything.
pub fn selects_by_terms(selector: &Value, labels: &Value) -> bool {
    has_all(selector.get("matchLabels"), labels)
        && selector.get("matchExpressions").as_list().iter().all(|term| term_holds(term, labels))
}

fn has_all(wanted: &Value, labels: &Value) -> bool {
    match wanted.as_map() {
        Some(wanted) => wanted.iter().all(|(key, value)| !value.is_null() && labels.get(key) == value),
        None => true,
    }
}

/// One `matchExpressions` term; an unknown operator matches nothing, as the API server refuses it.
fn term_holds(term: &Value, labels: &Value) -> bool {
    let label = term.get("key").as_str().map_or(&Value::Null, |key| labels.get(key));
    let is_listed = || term.get("values").as_list().contains(label);
    match term.get("operator").as_str() {
        Some("In") => !label.is_null() && is_listed(),
        Some("NotIn") => label.is_null() || !is_listed(),
        Some("Exists") => !label.is_null(),
        Some("DoesNotExist") => label.is_null(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(selector: serde_json::Value, labels: serde_json::Value) -> bool {
        selects(&Value::from_json(selector), &Value::from_json(labels))
    }

    #[test]
    fn plain_maps() {
        assert!(holds(json!({"app": "web"}), json!({"app": "web", "tier": "front"})));
        assert!(!holds(json!({"app": "web"}), json!({"app": "api"})));
        assert!(!holds(json!({"app": "web"}), json!({})));
        assert!(!holds(json!({}), json!({"app": "web"})), "a Service without selector selects nothing");
        assert!(!holds(json!(null), json!({"app": "web"})));
    }

    #[test]
    fn match_labels_and_expressions() {
        let selector = json!({"matchLabels": {"app": "web"}, "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["front", "edge"]},
            {"key": "canary", "operator": "DoesNotExist"},
            {"key": "zone", "operator": "NotIn", "values": ["b"]},
            {"key": "app", "operator": "Exists"},
        ]});
        assert!(holds(selector.clone(), json!({"app": "web", "tier": "edge"})));
        assert!(holds(selector.clone(), json!({"app": "web", "tier": "edge", "zone": "a"})));
        assert!(!holds(selector.clone(), json!({"app": "web", "tier": "edge", "zone": "b"})));
        assert!(!holds(selector.clone(), json!({"app": "web", "tier": "edge", "canary": "1"})));
        assert!(!holds(selector, json!({"app": "web"})));
        assert!(!holds(json!({"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]}), json!({"a": "2"})));
    }

    #[test]
    fn an_empty_label_selector_matches_everything() {
        assert!(selects_by_terms(&Value::from_json(json!({})), &Value::from_json(json!({"a": "b"}))));
        assert!(holds(json!({"matchLabels": {}}), json!({"a": "b"})));
    }
}
