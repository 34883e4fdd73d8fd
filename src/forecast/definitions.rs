//! What the rules of a CustomResourceDefinition say about a custom resource that goes back.

use crate::diff::{FieldPath, fields};
use crate::input::Input;
use crate::k8s::kinds;
use crate::k8s::surroundings::Surrounding;
use crate::k8s::transition::{self, Refusal, Verdict};
use crate::release::{Object, ObjectRef, Value};

use super::{Confidence, Rejected};

const GROUP: &str = "apiextensions.k8s.io";
const KIND: &str = "CustomResourceDefinition";

/// How the reason of a change begins that a rule of its definition refuses; the rule follows.
pub const BY_RULE: &str = "its definition says";

/// A definition that may judge a custom resource, and where it was seen.
#[derive(Clone, Copy)]
pub struct Judge<'a> {
    pub body: &'a Value,
    pub seen: Seen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Target,
    Live,
    Current,
}

/// The field that is refused, or may be; one for an object. `before` is what is live, `after` what would be stored.
pub fn refusal(input: &Input, id: &ObjectRef, before: &Value, after: &Value, rejected: &[Rejected]) -> Option<Rejected> {
    if kinds::is_built_in(id) {
        return None;
    }
    let judges = judges(input, id, rejected);
    let paths: Vec<FieldPath> = fields::compare(before, after, id).into_iter().map(|field| field.path).collect();
    let found = paths.iter().filter_map(|path| Some((path, ruling(&judges, id, path, before, after)?)));
    let (path, verdict) = found.max_by_key(|(_, verdict)| verdict.refusal)?;
    let message = verdict.message.as_deref().map(|message| format!(" ({message})")).unwrap_or_default();
    Some(Rejected {
        object: id.clone(),
        field: path.to_string(),
        reason: format!("{BY_RULE} {}{message}", verdict.rule),
        confidence: confidence(&verdict, &judges),
        conflict: false,
    })
}

/// Sure is what no judge allows.
fn ruling(judges: &[Judge<'_>], id: &ObjectRef, path: &FieldPath, before: &Value, after: &Value) -> Option<Verdict> {
    let verdicts: Vec<Option<Verdict>> = judges.iter().map(|judge| verdict(judge.body, id, path, before, after)).collect();
    let agreed = verdicts.iter().all(Option::is_some);
    let mut worst = verdicts.into_iter().flatten().max_by_key(|verdict| verdict.refusal)?;
    if !agreed {
        worst.refusal = Refusal::Possible;
    }
    Some(worst)
}

fn verdict(definition: &Value, id: &ObjectRef, path: &FieldPath, before: &Value, after: &Value) -> Option<Verdict> {
    let versions = definition.at(&["spec", "versions"]).as_list();
    let version = versions.iter().find(|version| version.get("name").as_str() == Some(id.version()))?;
    transition::check(version.at(&["schema", "openAPIV3Schema"]), path, before, after)
}

fn confidence(verdict: &Verdict, judges: &[Judge<'_>]) -> Confidence {
    match verdict.refusal {
        Refusal::Possible => Confidence::Possible,
        Refusal::Sure if judges.iter().any(|judge| judge.seen == Seen::Live) => Confidence::Certain,
        Refusal::Sure => Confidence::Likely,
    }
}

/// The definitions that may judge the write. The target's own is applied before, and the API server needs a moment to take it
/// up, so that the live one may still judge; a target's definition that is refused never does.
fn judges<'a>(input: &'a Input, id: &ObjectRef, rejected: &[Rejected]) -> Vec<Judge<'a>> {
    let in_target = in_manifest(&input.to.objects, id).filter(|object| {
        !rejected.iter().any(|refused| refused.object == object.id && refused.confidence > Confidence::Possible)
    });
    let target = in_target.map(|object| Judge { body: &object.body, seen: Seen::Target });
    let live = live(input, id).map(|body| Judge { body, seen: Seen::Live });
    let current = || in_manifest(&input.from.objects, id).map(|object| Judge { body: &object.body, seen: Seen::Current });
    let judges: Vec<Judge<'a>> = target.into_iter().chain(live).collect();
    if judges.is_empty() { current().into_iter().collect() } else { judges }
}

fn live<'a>(input: &'a Input, id: &ObjectRef) -> Option<&'a Value> {
    let of_release = input.facts.live.iter().filter(|(other, _)| other.is(GROUP, KIND));
    let of_release = of_release.filter_map(|(_, found)| found.yes()?.as_ref());
    let around = input.facts.around(Surrounding::CustomResourceDefinitions, None).yes().copied().unwrap_or_default();
    of_release.chain(around).map(|live| &live.body).find(|body| defines(body, id))
}

fn in_manifest<'a>(objects: &'a [Object], id: &ObjectRef) -> Option<&'a Object> {
    objects.iter().find(|object| object.id.is(GROUP, KIND) && defines(&object.body, id))
}

fn defines(definition: &Value, id: &ObjectRef) -> bool {
    let spec = definition.get("spec");
    spec.get("group").as_str() == Some(id.group()) && spec.at(&["names", "kind"]).as_str() == Some(&id.kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn definition(rule: &str) -> Value {
        let spec = json!({"properties": {"size": {"x-kubernetes-validations": [{"rule": rule, "message": "no"}]}}});
        let schema = json!({"openAPIV3Schema": {"properties": {"spec": spec}}});
        Value::from_json(json!({"spec": {"versions": [{"name": "v1", "schema": schema}]}}))
    }

    fn ruled(rules: &[&str]) -> Option<Refusal> {
        let definitions: Vec<Value> = rules.iter().map(|rule| definition(rule)).collect();
        let judges: Vec<Judge<'_>> = definitions.iter().map(|body| Judge { body, seen: Seen::Live }).collect();
        let body = |size: u8| Value::from_json(json!({"spec": {"size": size}}));
        let path = FieldPath::default().key("spec").key("size");
        let id = ObjectRef::new("example.com/v1", "Store", Some("ns"), "main");
        ruling(&judges, &id, &path, &body(3), &body(2)).map(|verdict| verdict.refusal)
    }

    #[test]
    fn a_definition_that_comes_with_the_rollback_may_be_late() {
        assert_eq!(ruled(&["self == oldSelf", "self >= oldSelf"]), Some(Refusal::Sure));
        assert_eq!(ruled(&["self == oldSelf", "self > 0"]), Some(Refusal::Possible));
        assert_eq!(ruled(&["self > 0"]), None);
    }
}
