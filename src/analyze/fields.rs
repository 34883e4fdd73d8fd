//! What changes in objects that both revisions have, and what only the target has: raw material for rules that need no more.

use super::{Change, ChangeKind, Context, Fact};
use crate::diff::{FieldDiff, FieldPath, Pair, Segment};
use crate::input::Known;
use crate::k8s::{quantity, semantic};
use crate::release::{Object, ObjectRef, Value};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let changed = context.pairs.iter().flat_map(|pair| changed(context, pair));
    changed.chain(created(context)).collect()
}

/// Differences that the rollback really makes: none where the object is refused, gone, or live already as *to* says.
fn changed(context: &Context<'_>, pair: &Pair<'_>) -> Vec<Change> {
    let (Some(from), Some(to)) = (pair.from, pair.to) else { return Vec::new() };
    let live = context.input.facts.live_of(&to.id);
    if context.is_rejected(&to.id) || matches!(live, Known::Yes(None)) {
        return Vec::new();
    }
    let body = live.yes().copied().flatten().map(|live| &live.body);
    pair.real_changes().filter_map(|field| change(from, to, field, body)).collect()
}

fn change(from: &Object, to: &Object, field: &FieldDiff, live: Option<&Value>) -> Option<Change> {
    let target = field.to.as_ref().unwrap_or(&Value::Null);
    let before = match live {
        Some(body) => field.path.find(body),
        None => field.from.as_ref().unwrap_or(&Value::Null),
    };
    if is_same(&field.path, before, target) {
        return None;
    }
    let change = Change::of(ChangeKind::FieldChanged, &to.id)
        .path(field.path.to_string())
        .with("from", before.display())
        .with("to", target.display())
        .fact_if(live.is_none(), Fact::LiveUnknown)
        .fact_if(before.is_null(), Fact::Added)
        .fact_if(target.is_null(), Fact::Removed)
        .evidence(EvidenceSource::To, &to.origin, shown(&field.path, target));
    let change = match live {
        Some(_) => change.evidence(EvidenceSource::Live, &to.id, shown(&field.path, before)),
        None => change.evidence(EvidenceSource::From, &from.origin, shown(&field.path, before)),
    };
    Some(match (quantity::of(before), quantity::of(target)) {
        (Some(a), Some(b)) => change.fact_if(b > a, Fact::Raised).fact_if(b < a, Fact::Lowered),
        _ => change,
    })
}

/// Whether two values mean the same to the API server.
pub(super) fn is_same(path: &FieldPath, a: &Value, b: &Value) -> bool {
    let keys: Vec<&str> = path.0.iter().rev().filter_map(Segment::as_key).take(2).collect();
    semantic::same(keys.get(1).unwrap_or(&""), keys.first().unwrap_or(&""), a, b)
}

fn shown(path: &FieldPath, value: &Value) -> String {
    if value.is_null() { format!("no {path}") } else { format!("{path}: {}", value.display()) }
}

fn created(context: &Context<'_>) -> impl Iterator<Item = Change> {
    let new = context.forecast.creates.iter().filter(|id| context.in_from(id).is_none());
    new.filter_map(|id| Some((id, context.in_to(id)?))).map(|(id, object): (&ObjectRef, &Object)| {
        Change::of(ChangeKind::ObjectCreated, id)
            .with("template", &object.origin)
            .fact_if(context.input.facts.live_of(id).yes().is_none(), Fact::LiveUnknown)
            .evidence(EvidenceSource::To, &object.origin, format!("{id} is in revision {} only", context.input.to.revision))
    })
}
