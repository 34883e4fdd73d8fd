//! A Service whose selector goes back beside a workload that cannot.

use super::{Change, ChangeKind, Context};
use crate::forecast::{Confidence, Rejected};
use crate::input::Known;
use crate::k8s::selector;
use crate::release::{Object, ObjectRef, Value};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let services = context.input.to.objects.iter().filter(|object| object.id.is("", "Service"));
    services.flat_map(|service| emptied(context, service)).collect()
}

/// Updates go on after a refused one, so the Service changes while the refused workload keeps its labels.
fn emptied(context: &Context<'_>, service: &Object) -> Vec<Change> {
    let wanted = service.body.at(&["spec", "selector"]);
    if wanted.is_null() || context.is_rejected(&service.id) || served_by_target(context, service, wanted) {
        return Vec::new();
    }
    let before = current(context, &service.id);
    let old = before.map_or(&Value::Null, |body| body.at(&["spec", "selector"]));
    let rejected = context.forecast.rejected.iter().filter(|rejected| rejected.confidence > Confidence::Possible);
    rejected.filter_map(|rejected| loses(context, service, rejected, old, wanted)).collect()
}

fn loses(context: &Context<'_>, service: &Object, rejected: &Rejected, old: &Value, wanted: &Value) -> Option<Change> {
    let workload = current(context, &rejected.object)?;
    let labels = workload.at(&["spec", "template", "metadata", "labels"]);
    if labels.is_null() || old.is_null() || !selector::selects(old, labels) || selector::selects(wanted, labels) {
        return None;
    }
    Some(
        Change::of(ChangeKind::EndpointsEmptied, &service.id)
            .path("spec.selector")
            .confidence(rejected.confidence)
            .with("workload", &rejected.object)
            .with("field", &rejected.field)
            .evidence(EvidenceSource::To, &service.origin, format!("selector {}", wanted.display()))
            .evidence(
                EvidenceSource::Live,
                &rejected.object,
                format!("pods keep the labels {}: the change is refused ({})", labels.display(), rejected.field),
            ),
    )
}

/// Whether an accepted workload of the target carries the labels the Service asks for.
fn served_by_target(context: &Context<'_>, service: &Object, wanted: &Value) -> bool {
    let workloads = context.input.to.objects.iter().filter(|object| object.id.namespace == service.id.namespace);
    workloads.filter(|object| !context.is_rejected(&object.id)).any(|object| {
        let labels = object.body.at(&["spec", "template", "metadata", "labels"]);
        !labels.is_null() && selector::selects(wanted, labels)
    })
}

/// The live body, or the one in *from* where live is not known.
fn current<'c>(context: &'c Context<'_>, id: &ObjectRef) -> Option<&'c Value> {
    match context.input.facts.live.get(id) {
        Some(Known::Yes(Some(live))) => Some(&live.body),
        Some(Known::Yes(None)) => None,
        _ => context.in_from(id).map(|object| &object.body),
    }
}
