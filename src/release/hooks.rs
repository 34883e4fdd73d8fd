//! Hooks of a record, and hook annotations as Helm reads them.

use super::manifest::{ParseContext, parse_manifest};
use super::record::RawHook;
use super::split::Chunk;
use super::{DeletePolicy, Hook, HookEvent, LastRun, Object, Value, yaml};
use crate::input::Gap;

pub const HOOK: &str = "helm.sh/hook";
pub const HOOK_WEIGHT: &str = "helm.sh/hook-weight";
pub const HOOK_DELETE_POLICY: &str = "helm.sh/hook-delete-policy";

/// The hooks of a stored record in stored order, redacted, and what of their text could not be read.
pub(super) fn stored_hooks(hooks: Vec<RawHook>, context: &ParseContext<'_>) -> (Vec<Hook>, Vec<Gap>) {
    let mut gaps = Vec::new();
    let hooks = hooks.into_iter().map(|hook| stored_hook(hook, context, &mut gaps)).collect();
    (hooks, gaps)
}

fn stored_hook(raw: RawHook, context: &ParseContext<'_>, gaps: &mut Vec<Gap>) -> Hook {
    let parsed = parse_manifest(&raw.manifest, context);
    let object = parsed.objects.into_iter().next().map(|object| place(object, &raw.path));
    if object.is_none() {
        let why = parsed.gaps.first().map_or("its text holds no object", |gap| gap.why.as_str());
        gaps.push(Gap::new(format!("hook {} of {}", raw.name, raw.path), why).affecting("forecast").blocking());
    }
    Hook {
        events: raw.events.iter().filter_map(|event| HookEvent::parse(event)).collect(),
        delete_policies: raw.delete_policies.iter().map(|policy| parse_policy(policy)).collect(),
        weight: raw.weight,
        last_run: raw.last_run.into(),
        name: raw.name,
        kind: raw.kind,
        path: raw.path,
        object,
    }
}

/// The stored text of a hook has no `# Source:` comment; the record names the template beside it.
fn place(mut object: Object, path: &str) -> Object {
    if !path.is_empty() {
        object.origin.template = Some(path.to_owned());
    }
    object
}

/// What Helm makes of an object's hook annotations (`pkg/release/v1/util/manifest_sorter.go` `manifestFile.sort`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookKind {
    /// No hook annotation: an ordinary manifest object.
    NoHook,
    /// An unknown event, named here: Helm drops the whole object from hooks and manifest.
    Vanishes(String),
    Hook {
        events: Vec<HookEvent>,
        weight: i64,
        delete_policies: Vec<DeletePolicy>,
    },
}

/// Reads the annotations of an unsorted object: rendered templates, or a dump of hooks.
pub fn classify(object: &Object) -> HookKind {
    classify_annotations(|key| object.annotation(key))
}

fn classify_annotations<'a>(annotation: impl Fn(&str) -> Option<&'a str>) -> HookKind {
    let Some(events) = annotation(HOOK) else { return HookKind::NoHook };
    let mut known = Vec::new();
    for event in events.split(',') {
        let event = event.trim().to_lowercase();
        match HookEvent::parse(&event) {
            Some(event) => known.push(event),
            None => return HookKind::Vanishes(event),
        }
    }
    HookKind::Hook {
        events: known,
        weight: annotation(HOOK_WEIGHT).map_or(0, parse_weight),
        delete_policies: annotation(HOOK_DELETE_POLICY)
            .map(|list| list.split(',').map(parse_policy).collect())
            .unwrap_or_default(),
    }
}

/// A hook of `helm get all` or `helm get hooks`, where only the annotations tell event, weight and policy.
pub(super) fn hook_of_text(chunk: &Chunk<'_>) -> RawHook {
    // A text that is no YAML stays a hook: reading it again for the release names the fault.
    let body = yaml::parse(chunk.text, 1, &yaml::Limits::default()).map_or(Value::Null, |document| document.value);
    let annotations = body.at(&["metadata", "annotations"]);
    let mut hook = RawHook {
        name: body.at(&["metadata", "name"]).as_str().unwrap_or_default().to_owned(),
        kind: body.get("kind").as_str().unwrap_or_default().to_owned(),
        path: chunk.source().unwrap_or_default().to_owned(),
        manifest: chunk.text.to_owned(),
        ..RawHook::default()
    };
    if let HookKind::Hook { events, weight, .. } = classify_annotations(|key| annotations.get(key).as_str()) {
        hook.events = events.into_iter().map(|event| event.as_str().to_owned()).collect();
        hook.weight = weight;
        let policies = annotations.get(HOOK_DELETE_POLICY).as_str();
        hook.delete_policies = policies.map(|list| list.split(',').map(str::to_owned).collect()).unwrap_or_default();
    }
    hook
}

/// `strconv.Atoi`, and 0 where that fails: no spaces, no fraction.
fn parse_weight(text: &str) -> i64 {
    text.parse().unwrap_or(0)
}

fn parse_policy(text: &str) -> DeletePolicy {
    match text.trim().to_lowercase().as_str() {
        "hook-succeeded" => DeletePolicy::HookSucceeded,
        "hook-failed" => DeletePolicy::HookFailed,
        "before-hook-creation" => DeletePolicy::BeforeHookCreation,
        _ => DeletePolicy::Unknown,
    }
}

/// Splits rendered objects as Helm does before it stores them: plain objects, hooks, and a gap for every object that vanishes.
pub fn sort_rendered(objects: Vec<Object>) -> (Vec<Object>, Vec<Hook>, Vec<Gap>) {
    let (mut plain, mut hooks, mut gaps) = (Vec::new(), Vec::new(), Vec::new());
    for object in objects {
        match classify(&object) {
            HookKind::NoHook => plain.push(object),
            HookKind::Vanishes(event) => gaps.push(vanished(&object, &event)),
            HookKind::Hook { events, weight, delete_policies } => {
                hooks.push(rendered_hook(object, events, weight, delete_policies));
            }
        }
    }
    (plain, hooks, gaps)
}

fn vanished(object: &Object, event: &str) -> Gap {
    let why = format!("Helm drops it: {event:?} is no hook event");
    Gap::new(format!("{} at {}", object.id, object.origin), why).affecting("forecast")
}

fn rendered_hook(object: Object, events: Vec<HookEvent>, weight: i64, delete_policies: Vec<DeletePolicy>) -> Hook {
    Hook {
        name: object.id.name.clone(),
        kind: object.id.kind.clone(),
        path: object.origin.template.clone().unwrap_or_default(),
        events,
        weight,
        delete_policies,
        last_run: LastRun::default(),
        object: Some(object),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::k8s::scope::Scopes;
    use crate::release::redact::Redactor;

    fn objects(text: &str) -> Vec<Object> {
        let (scopes, redactor) = (Scopes::builtin(), Redactor::with_key([0; 32]));
        let parsed = parse_manifest(text, &ParseContext { default_namespace: "ns", scopes: &scopes, redactor: &redactor });
        assert_eq!(parsed.gaps, []);
        parsed.objects
    }

    fn with_annotations(annotations: &str) -> Object {
        let text = format!(
            "# Source: c/templates/h.yaml\napiVersion: v1\nkind: Pod\nmetadata:\n  name: h\n  annotations:\n{annotations}\n"
        );
        objects(&text).remove(0)
    }

    #[test]
    fn events_are_trimmed_and_lower_cased_and_weights_must_be_integers() {
        let object = with_annotations(
            "    helm.sh/hook: ' Pre-Upgrade ,post-ROLLBACK, test-success'\n    helm.sh/hook-weight: ' 5'\n    helm.sh/hook-delete-policy: ' Hook-Succeeded,nonsense'",
        );
        let expected = HookKind::Hook {
            events: vec![HookEvent::PreUpgrade, HookEvent::PostRollback, HookEvent::Test],
            weight: 0,
            delete_policies: vec![DeletePolicy::HookSucceeded, DeletePolicy::Unknown],
        };
        assert_eq!(classify(&object), expected);
        let weighted = with_annotations("    helm.sh/hook: pre-upgrade\n    helm.sh/hook-weight: '-5'");
        assert!(matches!(classify(&weighted), HookKind::Hook { weight: -5, .. }));
    }

    #[test]
    fn one_unknown_event_makes_the_object_vanish_and_is_a_gap() {
        let object = with_annotations("    helm.sh/hook: pre-upgrade,crd-install");
        let (plain, hooks, gaps) = sort_rendered(vec![object]);
        assert!(plain.is_empty() && hooks.is_empty());
        assert_eq!(gaps.len(), 1);
        assert_eq!(gaps[0].what, "Pod/ns/h at c/templates/h.yaml (manifest line 1)");
        assert_eq!(gaps[0].why, "Helm drops it: \"crd-install\" is no hook event");
    }

    #[test]
    fn objects_without_the_annotation_are_no_hooks() {
        let (plain, hooks, gaps) = sort_rendered(vec![with_annotations("    a: b"), with_annotations("    helm.sh/hook: test")]);
        assert_eq!((plain.len(), hooks.len(), gaps.len()), (1, 1, 0));
        assert_eq!((hooks[0].path.as_str(), hooks[0].kind.as_str()), ("c/templates/h.yaml", "Pod"));
        assert!(hooks[0].has_policy(DeletePolicy::BeforeHookCreation), "no policy given means before-hook-creation");
    }
}
