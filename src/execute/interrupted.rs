//! What an operation that never ended did and did not do, told from its record.

use jiff::Timestamp;

use crate::input::Input;
use crate::release::{Hook, HookEvent, Release, Status};

/// Explains a newest record that is pending; none where it is not. Lines are sentences for a person.
///
/// Helm saves a hook's record before it starts the hook (`pkg/action/hooks.go` `execHook`), and nothing else while it works,
/// so hooks are the only trace of how far it came.
pub fn explain_pending(input: &Input) -> Option<Vec<String>> {
    let from = &input.from;
    if !from.status.is_pending() {
        return None;
    }
    let since = from.last_deployed.as_deref().unwrap_or("an unknown time");
    let mut lines = vec![
        format!(
            "Revision {} has been {} since {since}: {} that was interrupted, or is still running.",
            from.revision,
            from.status,
            operation(from)
        ),
        "Helm keeps no lock: make sure that no other Helm is at work before you go on.".to_owned(),
    ];
    lines.extend(how_far(from));
    lines.push(format!(
        "{} left its status as it was; helm upgrade refuses to run until a rollback has succeeded.",
        deployed(input)
    ));
    Some(lines)
}

fn operation(from: &Release) -> String {
    match (from.status, from.restores()) {
        (Status::PendingRollback, Some(to)) => format!("a rollback to revision {to}"),
        (Status::PendingRollback, None) => "a rollback".to_owned(),
        (Status::PendingInstall, _) => "an installation".to_owned(),
        _ => "an upgrade".to_owned(),
    }
}

fn deployed(input: &Input) -> String {
    let deployed =
        input.history.iter().rev().find(|entry| entry.revision < input.from.revision && entry.status() == Status::Deployed);
    deployed.map_or_else(
        || "The operation".to_owned(),
        |entry| format!("Revision {} is still marked deployed: the operation", entry.revision),
    )
}

fn how_far(from: &Release) -> Vec<String> {
    let (pre, post) = match from.status {
        Status::PendingInstall => (HookEvent::PreInstall, HookEvent::PostInstall),
        Status::PendingUpgrade => (HookEvent::PreUpgrade, HookEvent::PostUpgrade),
        _ => (HookEvent::PreRollback, HookEvent::PostRollback),
    };
    let before = started(from, pre);
    let after = started(from, post);
    if let Some(hook) = after.last() {
        return vec![format!(
            "It came as far as its {} hook {}: all objects were changed before that.",
            post.as_str(),
            hook.name
        )];
    }
    let unstarted = from.hooks.iter().filter(|hook| hook.has_event(pre)).count() > before.len();
    match before.last() {
        Some(hook) if unstarted => vec![
            format!("It came as far as its {} hook {} and did not reach the hooks after it:", pre.as_str(), hook.name),
            "no object of the manifest was touched.".to_owned(),
        ],
        Some(hook) => vec![format!(
            "Its last {} hook {} was started. If that hook did not succeed, no object of the manifest was touched; if it did, any part may be changed.",
            pre.as_str(),
            hook.name
        )],
        None if unstarted => vec![format!(
            "None of its {} hooks was started: unless it ran with --no-hooks, no object of the manifest was touched.",
            pre.as_str()
        )],
        None => vec![
            "It has no hook that tells how far it came: any part of the manifest may be applied, and deletions come last."
                .to_owned(),
        ],
    }
}

/// Hooks of the event that this very operation started; older runs are carried over from the target's record.
fn started(from: &Release, event: HookEvent) -> Vec<&Hook> {
    let begun = from.last_deployed.as_deref().and_then(time);
    let mut hooks: Vec<&Hook> = from
        .hooks
        .iter()
        .filter(|hook| hook.has_event(event))
        .filter(|hook| match (hook.last_run.started_at.as_deref().and_then(time), begun) {
            (Some(started), Some(begun)) => started >= begun,
            (started, _) => started.is_some(),
        })
        .collect();
    hooks.sort_by_key(|hook| hook.last_run.started_at.as_deref().and_then(time));
    hooks
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::sample;
    use crate::release::LastRun;

    fn hook(name: &str, event: HookEvent, started: &str) -> Hook {
        let started_at = (!started.is_empty()).then(|| started.to_owned());
        Hook {
            name: name.into(),
            kind: "Job".into(),
            path: String::new(),
            events: vec![event],
            weight: 0,
            delete_policies: Vec::new(),
            last_run: LastRun { started_at, ..LastRun::default() },
            object: None,
        }
    }

    fn explained(hooks: Vec<Hook>) -> String {
        let mut input = sample::input();
        input.from = sample::release(8, Status::PendingRollback, Vec::new());
        input.from.description = "Rollback to 5".into();
        input.from.hooks = hooks;
        explain_pending(&input).expect("it is pending").join("\n")
    }

    const OLD: &str = "2026-02-01T09:00:00Z";
    const NOW: &str = "2026-03-01T09:00:01Z";

    #[test]
    fn a_finished_record_needs_no_explanation() {
        assert_eq!(explain_pending(&sample::input()), None);
    }

    #[test]
    fn the_operation_and_the_deployed_revision_are_named() {
        let text = explained(Vec::new());
        assert!(
            text.contains("Revision 8 has been pending-rollback since 2026-03-01T09:00:00Z: a rollback to revision 5"),
            "{text}"
        );
        assert!(text.contains("Revision 7 is still marked deployed"), "{text}");
        assert!(text.contains("any part of the manifest may be applied"), "{text}");
    }

    #[test]
    fn hooks_tell_how_far_it_came() {
        use HookEvent::{PostRollback, PreRollback};
        let untouched = "no object of the manifest was touched";
        assert!(explained(vec![hook("stop", PreRollback, OLD)]).contains("unless it ran with --no-hooks, no object"));
        assert!(explained(vec![hook("a", PreRollback, NOW), hook("b", PreRollback, "")]).contains(untouched));
        let last = explained(vec![hook("stop", PreRollback, NOW)]);
        assert!(last.contains("If that hook did not succeed") && last.contains("stop"), "{last}");
        let all = explained(vec![hook("stop", PreRollback, NOW), hook("check", PostRollback, NOW)]);
        assert!(all.contains("all objects were changed before that"), "{all}");
    }
}
