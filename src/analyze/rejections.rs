//! What the API server or another field manager refuses.

use super::{Change, ChangeKind, Context, Fact};
use crate::forecast::definitions::BY_RULE;
use crate::forecast::expansion::NOT_EXPANDABLE;
use crate::forecast::{Action, Confidence, FORBIDDEN, REFUSED, Rejected, ports};
use crate::input::{DryRun, Known};
use crate::release::{ObjectRef, Value};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    // A hook object that is in the way is its own kind of change.
    let of_hook = |rejected: &&Rejected| {
        context.forecast.steps.iter().any(|step| step.action == Action::Hook && step.object == rejected.object)
    };
    let rejected = context.forecast.rejected.iter().filter(|rejected| !of_hook(rejected));
    rejected.map(|rejected| change(context, rejected)).chain(warned(context)).collect()
}

/// What the API server warned of in a dry run, one change an object.
fn warned(context: &Context<'_>) -> impl Iterator<Item = Change> {
    // Pod Security answers for workloads with a warning only (Kubernetes `pod-security-admission/admission` `EvaluatePodController`).
    const POD_SECURITY: &str = "would violate PodSecurity";
    context.input.facts.dry_run.iter().filter_map(|(id, answer)| match answer {
        DryRun::Accepted { warnings } if !warnings.is_empty() => {
            let change = Change::of(ChangeKind::ServerWarns, id).with("warning", warnings.join("; "));
            let pods = warnings.iter().any(|warning| warning.contains(POD_SECURITY));
            Some(change.fact_if(pods, Fact::PodSecurity).evidence(EvidenceSource::Live, "dry run", warnings.join("; ")))
        }
        _ => None,
    })
}

fn change(context: &Context<'_>, rejected: &Rejected) -> Change {
    let rule = rejected.reason.strip_prefix(BY_RULE).map(str::trim);
    let kind = match rule {
        _ if rejected.conflict => ChangeKind::ApplyConflict,
        Some(_) => ChangeKind::CustomResourceRefused,
        None => ChangeKind::UpdateRejected,
    };
    let id = &rejected.object;
    let origin = context.in_to(id).map(|object| object.origin.to_string()).unwrap_or_default();
    let mut change = Change::of(kind, id)
        .confidence(rejected.confidence)
        .with("reason", &rejected.reason)
        .with("rule", rule.unwrap_or(""))
        .with("row", "")
        .with("from", side(context, id, rejected, true))
        .with("to", side(context, id, rejected, false))
        .with("manager", rejected.reason.split('"').nth(1).unwrap_or(""))
        .evidence(EvidenceSource::To, origin, rejected.describe());
    // A whole object that is refused has no path.
    change.path = Some(rejected.field.clone()).filter(|field| !field.is_empty());
    let change = lowered(change, rejected)
        .fact_if(rule.is_some() && rejected.confidence > Confidence::Possible, Fact::ImmutableByRule)
        .fact_if(rule.is_some() && rejected.confidence == Confidence::Possible, Fact::MayRefuse);
    live_evidence(change, context, id)
}

fn lowered(change: Change, rejected: &Rejected) -> Change {
    let grows = rejected.reason == NOT_EXPANDABLE;
    let sized = rejected.field.starts_with("spec.resources.requests") && rejected.object.is("", "PersistentVolumeClaim");
    change
        .fact_if(sized && !grows, Fact::Shrinks)
        .fact_if(grows, Fact::CannotExpand)
        .fact_if(rejected.reason.contains(FORBIDDEN), Fact::Forbidden)
        .fact_if(rejected.reason.contains(REFUSED), Fact::DryRun)
        .fact_if(rejected.reason.contains(ports::TAKEN), Fact::PortTaken)
}

fn live_evidence(change: Change, context: &Context<'_>, id: &ObjectRef) -> Change {
    match context.input.facts.live_of(id) {
        Known::Yes(Some(live)) => {
            change.evidence(EvidenceSource::Live, id, format!("compared with the live object, uid {}", live.uid))
        }
        Known::Yes(None) => change.fact(Fact::NotLive),
        Known::No(why) => change.fact(Fact::LiveUnknown).evidence(
            EvidenceSource::From,
            id,
            format!("compared with the current revision: {why}"),
        ),
    }
}

/// The value on one side: what stands at the path, live before *from*; else as the diff of the two manifests shows it.
fn side(context: &Context<'_>, id: &ObjectRef, rejected: &Rejected, from: bool) -> String {
    let live = context.input.facts.live_of(id).yes().copied().flatten().map(|live| &live.body);
    let body =
        if from { live.or(context.in_from(id).map(|object| &object.body)) } else { context.in_to(id).map(|object| &object.body) };
    let keys: Vec<&str> = rejected.field.split('.').collect();
    let value = body.map_or(&Value::Null, |body| body.at(&keys));
    if value.is_null() { in_diff(context, id, rejected, from) } else { value.display() }
}

fn in_diff(context: &Context<'_>, id: &ObjectRef, rejected: &Rejected, from: bool) -> String {
    let pair = context.pairs.iter().find(|pair| pair.id() == id);
    let field = pair.and_then(|pair| pair.fields.iter().find(|field| field.path.to_string() == rejected.field));
    let value = field.and_then(|field| if from { field.from.as_ref() } else { field.to.as_ref() });
    value.map(Value::display).unwrap_or_default()
}
