//! Unified hunks for people, made from redacted objects.

use std::collections::BTreeMap;

use similar::TextDiff;

use crate::release::Value;
use crate::release::value::REDACTED_TEXT;

/// Lines of unchanged text around a change.
const CONTEXT: usize = 3;
/// Lines of both sides together beyond which no hunks are made: the time of a diff grows with the square of what differs.
const MAX_LINES: usize = 40_000;
/// What a secret prints as where it is not the same as on the other side.
const CHANGED_TEXT: &str = "<redacted, changed>";

/// A unified diff of both sides as YAML, three lines of context; empty where nothing differs.
///
/// Secrets show as redacted; one that differs shows as changed on the `to` side.
pub fn hunks(from: Option<&Value>, to: Option<&Value>) -> String {
    let absent = Value::Null;
    let before = from.map_or_else(String::new, |from| yaml(&plain(from, from)));
    let after = to.map_or_else(String::new, |to| yaml(&plain(to, from.unwrap_or(&absent))));
    lines(&before, &after)
}

/// The same of two texts that were redacted already.
pub fn lines(before: &str, after: &str) -> String {
    let lines = before.lines().count() + after.lines().count();
    if lines > MAX_LINES && before != after {
        return format!("({lines} lines, too long to show what differs)\n");
    }
    TextDiff::from_lines(before, after).unified_diff().context_radius(CONTEXT).to_string()
}

fn yaml(value: &serde_json::Value) -> String {
    // Every JSON value has a YAML form; an empty text would only lose a hunk.
    serde_yaml::to_string(value).unwrap_or_default()
}

/// The value as plain data; a secret that differs from its counterpart says so.
fn plain(value: &Value, other: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => number.clone().into(),
        Value::String(text) => text.as_str().into(),
        Value::Redacted(_) if matches!(other, Value::Redacted(_)) && value != other => CHANGED_TEXT.into(),
        Value::Redacted(_) => REDACTED_TEXT.into(),
        Value::Masked(masked) if other.as_str() == Some(masked.text()) && value != other => {
            masked.text().replace(REDACTED_TEXT, CHANGED_TEXT).into()
        }
        Value::Masked(masked) => masked.text().into(),
        Value::List(items) => plain_list(items, other.as_list()),
        Value::Map(map) => map.iter().map(|(key, value)| (key.clone(), plain(value, other.get(key)))).collect(),
    }
}

/// Each item beside the other side's one of the same name, else beside the one at the same position.
fn plain_list(items: &[Value], others: &[Value]) -> serde_json::Value {
    static ABSENT: Value = Value::Null;
    let named: BTreeMap<&str, &Value> = others.iter().filter_map(|item| Some((item.get("name").as_str()?, item))).collect();
    let counterpart = |position: usize, item: &Value| {
        let same_name = item.get("name").as_str().and_then(|name| named.get(name).copied());
        same_name.or_else(|| others.get(position)).unwrap_or(&ABSENT)
    };
    items.iter().enumerate().map(|(position, item)| plain(item, counterpart(position, item))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(json: serde_json::Value) -> Value {
        Value::from_json(json)
    }

    #[test]
    fn a_changed_object() {
        let object = |image: &str, script: &str| {
            value(json!({"kind": "Deployment", "metadata": {"name": "web", "labels": {"a": "1", "b": "2", "c": "3"}},
                "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "web", "image": image, "command": ["sh", "-c", script]}]}}}}))
        };
        let text = hunks(Some(&object("web:2", "set -e\nrun --new\n")), Some(&object("web:1", "set -e\nrun\n")));
        insta::with_settings!({snapshot_path => "../../snapshots/diff", prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!("hunks", text);
        });
    }

    #[test]
    fn one_side_only() {
        let object = value(json!({"kind": "ConfigMap"}));
        assert_eq!(hunks(None, Some(&object)), "@@ -0,0 +1 @@\n+kind: ConfigMap\n");
        assert_eq!(hunks(Some(&object), None), "@@ -1 +0,0 @@\n-kind: ConfigMap\n");
        assert_eq!(hunks(None, None), "");
    }

    #[test]
    fn equal_objects_have_no_hunks() {
        let object = value(json!({"a": [1, "x", null], "b": {"c": true}}));
        assert_eq!(hunks(Some(&object), Some(&object)), "");
    }

    #[test]
    fn text_that_yaml_would_read_otherwise_stays_text() {
        let text = hunks(None, Some(&value(json!({"a": "true", "b": "1", "c": true}))));
        assert!(text.contains("+a: 'true'") && text.contains("+b: '1'") && text.contains("+c: true"), "{text}");
    }

    #[test]
    fn huge_objects_are_not_compared_line_by_line() {
        let list = |text: &str| value(serde_json::Value::Array(vec![json!(text); 30_000]));
        assert_eq!(hunks(Some(&list("a")), Some(&list("b"))), "(60000 lines, too long to show what differs)\n");
    }
}
