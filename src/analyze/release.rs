//! The release records themselves: target, pruning, pending states, outcome.

use std::collections::BTreeSet;

use super::{Change, ChangeKind, Context, Fact};
use crate::forecast::{Confidence, Method, Outcome};
use crate::k8s::identity::{Identity, IdentityKey};
use crate::release::{ApplyMethod, ObjectRef, Release, Revision, Status};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    changes.extend(target_doubtful(context));
    changes.extend(target_pruned(context));
    changes.extend(operation_pending(context));
    changes.extend(labels_differ(context));
    changes.extend(apply_method_changes(context));
    changes.extend(not_restored(context));
    changes.extend(objects_leaked(context));
    changes
}

/// Objects that an attempt before *from* left, that neither manifest has and that are live: Helm's deletions compare
/// *from* and *to* only, so nothing deletes them any more.
fn objects_leaked(context: &Context<'_>) -> Vec<Change> {
    let input = context.input;
    let identity = input.helm.version.yes().map_or(Identity::Group, Identity::of);
    let known: BTreeSet<IdentityKey> =
        input.from.objects.iter().chain(&input.to.objects).map(|object| identity.key(&object.id)).collect();
    let mut seen = BTreeSet::new();
    let mut changes = Vec::new();
    for residue in &input.residue {
        let left: Vec<&ObjectRef> = residue
            .objects
            .iter()
            .filter(|id| !known.contains(&identity.key(id)) && seen.insert(identity.key(id)) && is_own_and_live(context, id))
            .collect();
        if !left.is_empty() {
            changes.push(leaked(residue.revision, &left));
        }
    }
    changes
}

fn is_own_and_live(context: &Context<'_>, id: &ObjectRef) -> bool {
    let live = context.input.facts.live_of(id).yes().copied().flatten();
    live.is_some_and(|live| live.annotation("meta.helm.sh/release-name") == Some(context.input.from.name.as_str()))
}

fn leaked(revision: Revision, left: &[&ObjectRef]) -> Change {
    let names: Vec<String> = left.iter().map(ToString::to_string).collect();
    Change::new(ChangeKind::ObjectsLeaked, None).with("revision", revision).with("count", left.len()).evidence(
        EvidenceSource::Live,
        format!("objects of revision {revision}"),
        names.join(", "),
    )
}

/// The outcome, as a change of its own: a rollback that cannot work is always reported.
pub fn analyze_outcome(context: &Context<'_>) -> Vec<Change> {
    let next = context.input.from.revision + 1;
    let change = match context.forecast.outcome {
        Outcome::Fails => Change::new(ChangeKind::RollbackFails, None),
        Outcome::Stuck => Change::new(ChangeKind::RollbackStuck, None).with("remedy", way_out(context)),
        Outcome::Succeeds | Outcome::Unknown => return Vec::new(),
    };
    vec![change.confidence(outcome_confidence(context)).with("reason", &context.forecast.reason).with("revision", next).evidence(
        EvidenceSource::Forecast,
        "predicted.outcome",
        &context.forecast.reason,
    )]
}

/// As sure as the surest refusal.
fn outcome_confidence(context: &Context<'_>) -> Confidence {
    context.forecast.rejected.iter().map(|rejected| rejected.confidence).max().unwrap_or(Confidence::Certain)
}

fn way_out(context: &Context<'_>) -> String {
    format!(
        "remove what blocks it, then run helm rollback-safe {} {} again: a rollback goes on over a pending record, an upgrade does not",
        context.input.from.name, context.input.to.revision
    )
}

/// Descriptions that Helm writes when an operation worked.
fn says_it_worked(description: &str) -> bool {
    description == "Install complete" || description == "Upgrade complete" || description.starts_with("Rollback to ")
}

/// Descriptions that Helm writes when it failed, whatever status the record was forced to later.
pub fn says_it_failed(description: &str) -> bool {
    let failed = |prefix: &str| description.starts_with(prefix) && description.contains("failed");
    failed("Upgrade \"") || failed("Rollback \"") || failed("Release \"")
}

fn target_doubtful(context: &Context<'_>) -> Option<Change> {
    let to = &context.input.to;
    let fact = doubt(to)?;
    Some(
        Change::new(ChangeKind::TargetDoubtful, None)
            .confidence(if fact == Fact::TargetUnproven { Confidence::Possible } else { Confidence::Certain })
            .fact(fact)
            .with("revision", to.revision)
            .with("status", to.status)
            .with("description", &to.description)
            .evidence(
                EvidenceSource::To,
                format!("revision {}", to.revision),
                format!("status {}, description \"{}\"", to.status, to.description),
            ),
    )
}

fn doubt(to: &Release) -> Option<Fact> {
    match to.status {
        Status::Failed => Some(Fact::TargetFailed),
        status if status.is_pending() => Some(Fact::TargetPending),
        // "superseded" does not prove that it worked: a failed revision is forced to it by a failed rollback.
        _ if says_it_failed(&to.description) => Some(Fact::TargetFailed),
        Status::Superseded | Status::Deployed if says_it_worked(&to.description) => None,
        _ => Some(Fact::TargetUnproven),
    }
}

fn target_pruned(context: &Context<'_>) -> Option<Change> {
    let to = context.input.to.revision;
    let max = context.input.flags.history_max;
    context.forecast.pruned.contains(&to).then(|| {
        Change::new(ChangeKind::TargetPruned, None).with("revision", to).with("history_max", max).evidence(
            EvidenceSource::History,
            format!("revision {to}"),
            format!("{} revisions are stored, --history-max is {max}", context.input.history.len()),
        )
    })
}

fn operation_pending(context: &Context<'_>) -> Option<Change> {
    let from = &context.input.from;
    from.status.is_pending().then(|| {
        Change::new(ChangeKind::OperationPending, None).with("revision", from.revision).with("status", from.status).evidence(
            EvidenceSource::From,
            format!("revision {}", from.revision),
            format!("status {} since {}", from.status, from.last_deployed.as_deref().unwrap_or("an unknown time")),
        )
    })
}

fn labels_differ(context: &Context<'_>) -> Vec<Change> {
    let entries = context.input.history.iter();
    let differing = entries.filter_map(|entry| {
        let (label, record) = (entry.stored.status_label?, entry.record.as_ref()?);
        (label != record.status).then_some((entry.revision, label, record.status))
    });
    differing
        .map(|(revision, label, status)| {
            Change::new(ChangeKind::StatusLabelDiffers, None)
                .with("revision", revision)
                .with("label", label)
                .with("status", status)
                .evidence(
                    EvidenceSource::History,
                    format!("revision {revision}"),
                    format!("label says {label}, record says {status}"),
                )
        })
        .collect()
}

/// A rollback across the border between Helm 3 and Helm 4 turns later upgrades to the other apply method.
fn apply_method_changes(context: &Context<'_>) -> Option<Change> {
    let before = context.input.from.apply_method?;
    let is_four = context.input.helm.version.yes().is_none_or(|version| version.major >= 4);
    let after = if context.forecast.method == Method::ServerSide { ApplyMethod::ServerSide } else { ApplyMethod::ClientSide };
    (is_four && before != after).then(|| {
        Change::new(ChangeKind::ApplyMethodChanges, None)
            .with("from", method_name(before))
            .with("to", method_name(after))
            .evidence(
                EvidenceSource::To,
                format!("revision {}", context.input.to.revision),
                format!("apply_method {}", context.input.to.apply_method.map_or("absent, as in records of Helm 3", method_name)),
            )
    })
}

fn method_name(method: ApplyMethod) -> &'static str {
    match method {
        ApplyMethod::ServerSide => "server-side",
        ApplyMethod::ClientSide => "client-side",
    }
}

/// A hook's leftover is a change of its own (`HookLeftover`) and is not said twice.
fn not_restored(context: &Context<'_>) -> Vec<Change> {
    let is_hook =
        |id: &ObjectRef| context.input.to.hooks.iter().any(|hook| hook.object.as_ref().is_some_and(|object| object.id == *id));
    let entries = context.forecast.not_restored.iter().filter(|entry| !is_hook(&entry.object));
    entries
        .map(|entry| {
            Change::of(ChangeKind::NotRestored, &entry.object).with("reason", &entry.why).evidence(
                EvidenceSource::Forecast,
                &entry.object,
                &entry.why,
            )
        })
        .collect()
}
