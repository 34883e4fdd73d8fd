//! The requests that carry a forecast out, for asking the API server about them beforehand.

use std::collections::BTreeSet;

use crate::input::{Input, Known};
use crate::release::{Object, ObjectRef, Value};

use super::objects::{self, Sides};
use super::{Action, Forecast, Method, StepResult, bodies};

/// How an object is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Verb {
    /// POST, or an apply where Helm applies server-side.
    Create,
    /// Server-side apply.
    Apply,
    /// JSON merge patch from the live object to what the forecast expects: the same result as Helm's own patch.
    Merge,
    Replace,
    Delete,
}

/// One request. Secret values in the body are placeholders.
#[derive(Clone, Debug)]
pub struct Write {
    pub object: ObjectRef,
    pub verb: Verb,
    pub body: Value,
}

/// What can be asked, and what cannot with the reason.
#[derive(Clone, Debug, Default)]
pub struct Writes {
    pub asked: Vec<Write>,
    pub skipped: Vec<(ObjectRef, String)>,
}

/// The writes of every step that is expected to be accepted, in Helm's order.
pub fn writes(input: &Input, forecast: &Forecast) -> Writes {
    let mut writes = Writes::default();
    let made = made_by_this_run(input, forecast);
    for step in &forecast.steps {
        if !matches!(step.result, StepResult::Ok | StepResult::Unknown) || matches!(step.action, Action::Hook | Action::Keep) {
            continue;
        }
        match write(input, forecast.method, step.action, &step.object, &made) {
            Ok(Some(write)) => writes.asked.push(write),
            Ok(None) => {}
            Err(why) => writes.skipped.push((step.object.clone(), why)),
        }
    }
    writes
}

/// Namespaces and kinds that only come with this very rollback: what is in them would be answered with a false 404.
struct Made {
    namespaces: BTreeSet<String>,
    /// (group, kind)
    kinds: BTreeSet<(String, String)>,
}

fn made_by_this_run(input: &Input, forecast: &Forecast) -> Made {
    let created = || input.to.objects.iter().filter(|object| forecast.creates.contains(&object.id));
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    Made {
        namespaces: created().filter(|object| object.id.is("", "Namespace")).map(|object| object.id.name.clone()).collect(),
        kinds: created()
            .filter(|object| object.id.is("apiextensions.k8s.io", "CustomResourceDefinition"))
            .map(|object| (text(object.body.at(&["spec", "group"])), text(object.body.at(&["spec", "names", "kind"]))))
            .collect(),
    }
}

fn write(input: &Input, method: Method, action: Action, id: &ObjectRef, made: &Made) -> Result<Option<Write>, String> {
    if action == Action::Delete {
        return Ok(Some(Write { object: id.clone(), verb: Verb::Delete, body: Value::Null }));
    }
    let Some(object) = input.to.objects.iter().find(|object| object.id == *id) else { return Ok(None) };
    if id.is("", "Secret") {
        return Err("its values are not kept, so it cannot be sent".to_owned());
    }
    let in_new_namespace = id.namespace.as_ref().is_some_and(|namespace| made.namespaces.contains(namespace));
    if in_new_namespace || made.kinds.contains(&(id.group().to_owned(), id.kind.clone())) {
        return Err("it depends on another object of this rollback".to_owned());
    }
    Ok(body(input, method, action, object).map(|(verb, body)| Write { object: id.clone(), verb, body }))
}

fn body(input: &Input, method: Method, action: Action, object: &Object) -> Option<(Verb, Value)> {
    let stamped = bodies::stamped(&object.body, &input.from.name, &input.from.namespace);
    match (method, action) {
        (Method::ServerSide, _) => Some((Verb::Apply, stamped)),
        (_, Action::Create) => Some((Verb::Create, stamped)),
        (Method::Replace, _) => Some((Verb::Replace, stamped)),
        (Method::ClientSide, _) => {
            let Known::Yes(Some(live)) = input.facts.live_of(&object.id) else { return None };
            let from = input.from.objects.iter().find(|before| before.id == object.id).map(|before| &before.body);
            let sides = Sides { id: &object.id, from, to: &stamped, live: &live.body };
            let changed = objects::change(&sides, method, input.flags.force_conflicts, &input.facts);
            (!changed.unchanged).then(|| (Verb::Merge, merge_patch(&live.body, &changed.after)))
        }
    }
}

/// The JSON merge patch (RFC 7386) that turns one value into the other.
fn merge_patch(before: &Value, after: &Value) -> Value {
    let (Some(old), Some(new)) = (before.as_map(), after.as_map()) else { return after.clone() };
    let removed = old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let changed = new.iter().filter(|(key, value)| old.get(*key) != Some(value)).map(|(key, value)| {
        let patch = old.get(key).map_or_else(|| value.clone(), |before| merge_patch(before, value));
        (key.clone(), patch)
    });
    Value::Map(removed.chain(changed).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_merge_patch_holds_only_what_differs() {
        let value = Value::from_json;
        let before = value(json!({"spec": {"a": 1, "b": {"c": 1, "d": 2}, "list": [1]}, "status": {"x": 1}}));
        let after = value(json!({"spec": {"b": {"c": 1, "d": 3}, "list": [1, 2]}, "status": {"x": 1}}));
        let patch = merge_patch(&before, &after);
        assert_eq!(patch, value(json!({"spec": {"a": null, "b": {"d": 3}, "list": [1, 2]}})));
    }
}
