//! Rollback hooks that do not run, leftovers in their way, and Jobs that run again.

use super::{Change, ChangeKind, Context, Fact};
use crate::forecast::{Action, StepResult};
use crate::input::Known;
use crate::release::{DeletePolicy, Hook, HookEvent, Object, ObjectRef};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let mut changes = hooks_not_run(context);
    changes.extend(leftovers(context));
    changes.extend(jobs_again(context));
    changes
}

/// Helm takes rollback hooks from the target: one that only *from* has does not run.
fn hooks_not_run(context: &Context<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    for event in [HookEvent::PreRollback, HookEvent::PostRollback] {
        let in_target =
            |hook: &Hook| context.input.to.hooks.iter().any(|other| other.name == hook.name && other.has_event(event));
        let only_in_from = context.input.from.hooks.iter().filter(|hook| hook.has_event(event) && !in_target(hook));
        changes.extend(only_in_from.map(|hook| not_run(context, hook, event)));
    }
    changes
}

fn not_run(context: &Context<'_>, hook: &Hook, event: HookEvent) -> Change {
    let id = hook_id(context, hook);
    Change::of(ChangeKind::HookNotRun, &id)
        .fact_if(hook.object.as_ref().is_some_and(names_framework), Fact::FrameworkKnown)
        .with("event", event.as_str())
        .with("revision", context.input.from.revision)
        .evidence(
            EvidenceSource::From,
            &hook.path,
            format!("{} hook of revision {}", event.as_str(), context.input.from.revision),
        )
        .evidence(
            EvidenceSource::To,
            format!("revision {}", context.input.to.revision),
            format!("has no {} hook {}", event.as_str(), hook.name),
        )
}

fn names_framework(object: &Object) -> bool {
    super::migrations::recognise(&object.body, &object.id.name).is_some_and(|found| found.framework != "any")
}

pub fn hook_id(context: &Context<'_>, hook: &Hook) -> ObjectRef {
    match &hook.object {
        Some(object) => object.id.clone(),
        None => ObjectRef::new("", &hook.kind, Some(&context.input.namespace), &hook.name),
    }
}

/// Hook objects of an earlier run that block this one, or whose old result would count.
fn leftovers(context: &Context<'_>) -> Vec<Change> {
    let steps = context.forecast.steps.iter().filter(|step| step.action == Action::Hook);
    let blocked = steps.filter(|step| matches!(step.result, StepResult::Rejected | StepResult::Skipped));
    blocked.filter_map(|step| leftover(context, &step.object, step.result)).collect()
}

fn leftover(context: &Context<'_>, id: &ObjectRef, result: StepResult) -> Option<Change> {
    let hooks = &context.input.to.hooks;
    let hook = hooks.iter().find(|hook| hook.object.as_ref().is_some_and(|object| object.id == *id))?;
    let Known::Yes(Some(live)) = context.input.facts.live_of(id) else {
        return None;
    };
    let event = if hook.has_event(HookEvent::PreRollback) { HookEvent::PreRollback } else { HookEvent::PostRollback };
    Some(
        Change::of(ChangeKind::HookLeftover, id)
            .fact_if(result == StepResult::Skipped, Fact::OldResultCounts)
            .with("event", event.as_str())
            .with("policy", policies(hook))
            .evidence(EvidenceSource::Live, id, format!("exists, uid {}", live.uid))
            .evidence(EvidenceSource::To, &hook.path, format!("helm.sh/hook-delete-policy: {}", policies(hook))),
    )
}

fn policies(hook: &Hook) -> String {
    let names = hook.delete_policies.iter().map(|policy| match policy {
        DeletePolicy::HookSucceeded => "hook-succeeded",
        DeletePolicy::HookFailed => "hook-failed",
        DeletePolicy::BeforeHookCreation => "before-hook-creation",
        DeletePolicy::Unknown => "(unknown policy)",
    });
    names.collect::<Vec<_>>().join(",")
}

/// Plain Jobs of the target that are not there: the rollback creates and so runs them.
fn jobs_again(context: &Context<'_>) -> Vec<Change> {
    let jobs = context.forecast.creates.iter().filter(|id| id.is("batch", "Job"));
    jobs.map(|id| {
        let gone = context.in_from(id).is_some();
        let unknown = context.input.facts.live_of(id).why_not().is_some();
        let why = if gone { "in both revisions, but no longer in the cluster" } else { "in the target only" };
        Change::of(ChangeKind::JobRunsAgain, id)
            .fact_if(gone, Fact::NotLive)
            .fact_if(unknown, Fact::LiveUnknown)
            .fact_if(looks_like_migration(context, id), Fact::FrameworkKnown)
            .with("revision", context.input.to.revision)
            .evidence(EvidenceSource::To, id, why)
    })
    .collect()
}

fn looks_like_migration(context: &Context<'_>, id: &ObjectRef) -> bool {
    context.in_to(id).is_some_and(|object| super::migrations::recognise(&object.body, &id.name).is_some())
}
