//! Rollback hooks: which run, in which order, and what an earlier run's leftover does to them.

use crate::input::{Facts, Known, LiveObject};
use crate::k8s::immutable;
use crate::release::{DeletePolicy, Hook, HookEvent, ObjectRef, Value};

use super::availability::{self, Served};
use super::{Method, apply, bodies, merge};

/// Hooks of the *target* with this event, in the order Helm runs them: weight, then name, then as stored
/// (Helm `pkg/action/hooks.go` `hookByWeight`).
pub fn chosen(hooks: &[Hook], event: HookEvent) -> Vec<&Hook> {
    let mut chosen: Vec<&Hook> = hooks.iter().filter(|hook| hook.has_event(event)).collect();
    chosen.sort_by(|a, b| (a.weight, &a.name).cmp(&(b.weight, &b.name)));
    chosen
}

/// How creating one hook object ends, as far as it can be known before it runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// Created, or created again after the old one was deleted.
    Runs,
    /// Server-side apply leaves the finished object as it is; its old result counts.
    Reused {
        failed: bool,
    },
    /// Creating it fails: the record stays `pending-rollback`.
    Blocked(String),
    /// Its kind is not served: Helm stops before it starts the hook.
    Unbuildable(String),
    Unknown(String),
}

/// What the hook meets in the cluster.
pub fn start(hook: &Hook, id: &ObjectRef, method: Method, facts: &Facts) -> Start {
    match availability::mapped(facts, id) {
        Served::No => {
            return Start::Unbuildable(format!(
                "unable to build kubernetes object for hook {}: no matches for kind \"{}\" in version \"{}\"",
                hook.path, id.kind, id.api_version
            ));
        }
        Served::Unknown | Served::Yes => {}
    }
    let never_deleted = hook.kind == "CustomResourceDefinition";
    if hook.has_policy(DeletePolicy::BeforeHookCreation) && !never_deleted {
        return Start::Runs;
    }
    match facts.live_of(id) {
        Known::Yes(None) => Start::Runs,
        Known::Yes(Some(live)) => over_leftover(hook, id, live, method),
        Known::No(why) => Start::Unknown(why),
    }
}

fn over_leftover(hook: &Hook, id: &ObjectRef, live: &LiveObject, method: Method) -> Start {
    if method != Method::ServerSide {
        return Start::Blocked(format!("{id} already exists"));
    }
    let body = hook.object.as_ref().map_or(Value::Null, |object| object.body.clone());
    // Hooks are applied as written: only manifest objects are stamped with the release's metadata.
    if let Some(conflict) = apply::conflicts(&live.body, &body).first() {
        return Start::Blocked(format!("{id}: conflict with \"{}\" on {}", conflict.manager, conflict.path));
    }
    let after = bodies::with_server_fields(id, merge::without_nulls(&apply::apply(id, &live.body, &body)), &live.body);
    if let Some(refusal) = immutable::refusals(id, &live.body, &after, None).first() {
        return Start::Blocked(format!("{id}: {}: {}", refusal.path, refusal.reason));
    }
    match finished(&live.body) {
        Some(failed) => Start::Reused { failed },
        None => Start::Runs,
    }
}

/// Whether a Job or Pod has finished, and then whether it failed.
pub fn finished(live: &Value) -> Option<bool> {
    let conditions = live.at(&["status", "conditions"]).as_list();
    let holds = |kind: &str| {
        conditions
            .iter()
            .any(|condition| condition.get("type").as_str() == Some(kind) && condition.get("status").as_str() == Some("True"))
    };
    match live.at(&["status", "phase"]).as_str() {
        Some("Succeeded") => Some(false),
        Some("Failed") => Some(true),
        _ if holds("Complete") => Some(false),
        _ if holds("Failed") => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::LastRun;

    fn hook(name: &str, weight: i64) -> Hook {
        Hook {
            name: name.into(),
            kind: "Job".into(),
            path: String::new(),
            events: vec![HookEvent::PreRollback],
            weight,
            delete_policies: Vec::new(),
            last_run: LastRun::default(),
            object: None,
        }
    }

    #[test]
    fn weight_then_name() {
        let hooks = [hook("b", 0), hook("z", -5), hook("a", 0)];
        let names: Vec<&str> = chosen(&hooks, HookEvent::PreRollback).iter().map(|hook| hook.name.as_str()).collect();
        assert_eq!(names, ["z", "a", "b"]);
        assert!(chosen(&hooks, HookEvent::PostRollback).is_empty());
    }
}
