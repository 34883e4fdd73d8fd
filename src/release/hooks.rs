//! Hooks of a record, and hook annotations as Helm reads them.

use super::record::RawHook;
use super::manifest::{ParseContext, parse_manifest};
use super::{DeletePolicy, Hook, HookEvent, LastRun, Object};
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
    Hook { events: Vec<HookEvent>, weight: i64, delete_policies: Vec<DeletePolicy> },
}

/// Reads the annotations of an unsorted object: rendered templates, or a dump of hooks.
pub fn classify(object: &Object) -> HookKind {
    let Some(events) = object.annotation(HOOK) else { return HookKind::NoHook };
    let mut known = Vec::new();
    for event in events.split(',') {
        let event = event.trim().to_lowercase();
        match HookEvent::parse(&event) {
            Some(event) => known.push(event),
            None => return HookKind::Vanishes(event),
        }
    }
    let policies = object.annotation(HOOK_DELETE_POLICY);
    HookKind::Hook {
        events: known,
        weight: object.annotation(HOOK_WEIGHT).map_or(0, parse_weight),
        delete_policies: policies.map(|list| list.split(',').map(parse_policy).collect()).unwrap_or_default(),
    }
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
