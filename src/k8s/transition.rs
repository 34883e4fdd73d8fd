//! CEL transition rules: what a CustomResourceDefinition lets change. A rule of `x-kubernetes-validations` that names `oldSelf` runs
//! on updates only, and only where both the old and the new value are there (kubernetes.io, "Transition rules").

use crate::diff::{FieldPath, Segment};
use crate::k8s::quantity;
use crate::release::Value;

/// What the definition's rules say about one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub refusal: Refusal,
    /// The rule as written.
    pub rule: String,
    /// What the definition tells the user, where it does.
    pub message: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// The rule compares old and new value and may or may not allow this one.
    Possible,
    /// The rule forbids the change whatever the values are.
    Sure,
}

/// The worst verdict of the rules on the way to a changed field; `schema` is that of the object.
pub fn check(schema: &Value, path: &FieldPath, old: &Value, new: &Value) -> Option<Verdict> {
    let leaf = path.0.iter().fold(schema, child);
    if path.find(new).is_null() && !path.find(old).is_null() && leaf.get("default") == path.find(old) {
        // The API server puts the default back before rules run.
        return None;
    }
    let mut verdicts = Vec::new();
    let mut schema = schema;
    for depth in 0..=path.0.len() {
        let (above, below) = path.0.split_at(depth);
        let place = FieldPath(above.to_vec());
        let change = Change { old: place.find(old), new: place.find(new), below };
        if change.old.is_null() || change.new.is_null() {
            break;
        }
        verdicts.extend(transition_rules(schema).filter_map(|rule| judge(rule, &change)));
        match below.first() {
            Some(segment) => schema = child(schema, segment),
            None => break,
        }
    }
    verdicts.into_iter().max_by_key(|verdict| verdict.refusal)
}

fn child<'s>(schema: &'s Value, segment: &Segment) -> &'s Value {
    match segment {
        Segment::Key(key) => match schema.get("properties").get(key) {
            Value::Null => schema.get("additionalProperties"),
            property => property,
        },
        Segment::Index(_) | Segment::Item(_) => schema.get("items"),
    }
}

fn transition_rules(schema: &Value) -> impl Iterator<Item = &Value> {
    let rules = schema.get("x-kubernetes-validations").as_list().iter();
    rules.filter(|rule| rule.get("rule").as_str().is_some_and(|text| text.contains("oldSelf")))
}

/// The values at the place of a rule, and the way from there to what changes.
struct Change<'v> {
    old: &'v Value,
    new: &'v Value,
    below: &'v [Segment],
}

fn judge(rule: &Value, change: &Change<'_>) -> Option<Verdict> {
    let text = rule.get("rule").as_str()?;
    let plain: String = text.chars().filter(|one| !one.is_whitespace()).collect();
    let refusals = conjuncts(&plain).into_iter().filter_map(|part| refusal(part, change));
    let refusal = refusals.max()?;
    Some(Verdict { refusal, rule: text.to_owned(), message: rule.get("message").as_str().map(str::to_owned) })
}

/// Parts joined by `&&` outside brackets: each must hold. One whole where `||` or `?` joins them.
fn conjuncts(rule: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_usize, 0, Vec::new());
    let bytes = rule.as_bytes();
    for (position, byte) in bytes.iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'|' | b'?' if depth == 0 => return vec![rule],
            b'&' if depth == 0 && bytes.get(position + 1) == Some(&b'&') => {
                parts.push(&rule[start..position]);
                start = position + 2;
            }
            _ => {}
        }
    }
    parts.push(&rule[start..]);
    parts
}

fn refusal(part: &str, change: &Change<'_>) -> Option<Refusal> {
    if !part.contains("oldSelf") {
        return None;
    }
    let Some(field) = compared(part) else { return other(part, change) };
    // Nothing at this place changes, or another field than the rule is about.
    let touched = change.below.iter().map(Segment::as_key).zip(field.iter()).all(|(key, want)| key == Some(want));
    let value = |root: &Value| field.iter().fold(root.clone(), |value, key| value.get(key).clone());
    let (old, new) = (value(change.old), value(change.new));
    match comparison(part) {
        _ if !touched || old == new => None,
        // A rule guarded by has() or a rule that meets a missing field: set once.
        _ if old.is_null() => None,
        Comparison::Equal => Some(Refusal::Sure),
        Comparison::NotLess => match (quantity::of(&old), quantity::of(&new)) {
            (Some(old), Some(new)) => (new < old).then_some(Refusal::Sure),
            _ => Some(Refusal::Possible),
        },
        Comparison::StillThere => new.is_null().then_some(Refusal::Sure),
    }
}

#[derive(Clone, Copy)]
enum Comparison {
    Equal,
    NotLess,
    StillThere,
}

fn comparison(part: &str) -> Comparison {
    if part.contains(">=") {
        Comparison::NotLess
    } else if part.contains("==") {
        Comparison::Equal
    } else {
        Comparison::StillThere
    }
}

/// The field that a rule of a known form compares with its old value; empty for `self` itself.
///
/// Known: `self.f == oldSelf.f` and `>=`, both ways round, each also behind `!has(oldSelf.f) ||`, and `!has(oldSelf.f) || has(self.f)`.
fn compared(part: &str) -> Option<Vec<String>> {
    let part = part.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).filter(|inner| balanced(inner)).unwrap_or(part);
    match part.split_once("||") {
        None => equality(part),
        Some((guard, rule)) => {
            let guarded = field(guard.strip_prefix("!has(")?.strip_suffix(')')?, "oldSelf")?;
            let kept = rule.strip_prefix("has(").and_then(|rule| rule.strip_suffix(')')).and_then(|rule| field(rule, "self"));
            kept.or_else(|| equality(rule)).filter(|compared| *compared == guarded)
        }
    }
}

fn balanced(text: &str) -> bool {
    let mut depth = 0_i32;
    for one in text.chars() {
        depth += match one {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

fn equality(rule: &str) -> Option<Vec<String>> {
    let (left, right) = rule.split_once("==").or_else(|| rule.split_once(">="))?;
    let direct = field(left, "self").zip(field(right, "oldSelf"));
    let turned = || field(left, "oldSelf").zip(field(right, "self")).filter(|_| rule.contains("=="));
    direct.or_else(turned).filter(|(a, b)| a == b).map(|(field, _)| field)
}

/// `self.a.b` → a, b. Anything but plain fields is another form of rule.
fn field(text: &str, root: &str) -> Option<Vec<String>> {
    let mut parts = text.split('.');
    if parts.next() != Some(root) {
        return None;
    }
    let plain = |part: &&str| !part.is_empty() && part.chars().all(|one| one.is_ascii_alphanumeric() || one == '_');
    let parts: Vec<&str> = parts.collect();
    parts.iter().all(plain).then(|| parts.into_iter().map(str::to_owned).collect())
}

/// A form that is not known: it may refuse the change if it speaks of the field, or of the value as a whole.
fn other(part: &str, change: &Change<'_>) -> Option<Refusal> {
    if change.old == change.new {
        return None;
    }
    let named = change.below.iter().find_map(Segment::as_key).is_none_or(|key| part.contains(key));
    named.then_some(Refusal::Possible)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The verdict on `spec.<key>` going from old to new under a rule at spec, and whether it is sure.
    fn at_spec(rule: &str, old: serde_json::Value, new: serde_json::Value) -> Option<Refusal> {
        let schema = json!({"properties": {"spec": {"x-kubernetes-validations": [{"rule": rule}]}}});
        let path = FieldPath::default().key("spec").key("size");
        let body = |spec: serde_json::Value| Value::from_json(json!({ "spec": spec }));
        check(&Value::from_json(schema), &path, &body(old), &body(new)).map(|verdict| verdict.refusal)
    }

    #[test]
    fn equal_to_the_old_value() {
        let (one, two) = (json!({"size": 1, "x": 1}), json!({"size": 2, "x": 1}));
        for rule in [
            "self == oldSelf",
            "self.size == oldSelf.size",
            "oldSelf.size==self.size",
            "self.x == oldSelf.x && self.size == oldSelf.size",
        ] {
            assert_eq!(at_spec(rule, one.clone(), two.clone()), Some(Refusal::Sure), "{rule}");
        }
        for rule in ["self.x == oldSelf.x", "self.size > 0"] {
            assert_eq!(at_spec(rule, one.clone(), two.clone()), None, "{rule}");
        }
    }

    #[test]
    fn set_once_and_never_smaller() {
        let guarded = "!has(oldSelf.size) || self.size == oldSelf.size";
        assert_eq!(at_spec(guarded, json!({"x": 1}), json!({"size": 2})), None);
        assert_eq!(at_spec(guarded, json!({"size": 1}), json!({"size": 2})), Some(Refusal::Sure));
        let kept = "!has(oldSelf.size) || has(self.size)";
        assert_eq!(at_spec(kept, json!({"size": 1}), json!({"size": 2})), None);
        assert_eq!(at_spec(kept, json!({"size": 1}), json!({"x": 2})), Some(Refusal::Sure));
        assert_eq!(at_spec("self.size >= oldSelf.size", json!({"size": 1}), json!({"size": 2})), None);
        assert_eq!(at_spec("self.size >= oldSelf.size", json!({"size": 2}), json!({"size": 1})), Some(Refusal::Sure));
    }

    #[test]
    fn other_forms_are_possible_where_they_name_the_field() {
        let rule = "oldSelf.mode == 'open' || self.size == oldSelf.size";
        assert_eq!(at_spec(rule, json!({"size": 1}), json!({"size": 2})), Some(Refusal::Possible));
        assert_eq!(at_spec("oldSelf.all(k, k in self)", json!({"size": 1}), json!({"size": 2})), None);
    }

    #[test]
    fn a_field_that_falls_back_to_its_default_does_not_change() {
        let spec = json!({"x-kubernetes-validations": [{"rule": "self == oldSelf"}], "properties": {"size": {"default": 1}}});
        let schema = Value::from_json(json!({"properties": {"spec": spec}}));
        let path = FieldPath::default().key("spec").key("size");
        let body = |spec: serde_json::Value| Value::from_json(json!({ "spec": spec }));
        assert_eq!(check(&schema, &path, &body(json!({"size": 1})), &body(json!({"x": 1}))), None);
    }

    #[test]
    fn a_rule_at_a_field_needs_both_values() {
        let schema = Value::from_json(json!({"properties": {"spec": {"properties": {"list": {"items": {"properties": {
            "class": {"x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "class is immutable"}]}}}}}}}}));
        let path =
            FieldPath::default().key("spec").key("list").child(Segment::Item(vec![("name".into(), "a".into())])).key("class");
        let body = |class: serde_json::Value| Value::from_json(json!({"spec": {"list": [{"name": "a", "class": class}]}}));
        let verdict = check(&schema, &path, &body(json!("x")), &body(json!("y"))).unwrap();
        assert_eq!((verdict.refusal, verdict.message.as_deref()), (Refusal::Sure, Some("class is immutable")));
        assert_eq!(check(&schema, &path, &body(json!("x")), &body(json!(null))), None);
    }
}
