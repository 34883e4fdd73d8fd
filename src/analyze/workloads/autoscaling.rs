//! Autoscalers and the replicas that a manifest puts in their place.

use super::{Workload, beside};
use crate::analyze::{Change, ChangeKind, Context, Fact};
use crate::forecast::Confidence;
use crate::input::LiveObject;
use crate::k8s::surroundings::Surrounding;
use crate::release::{ObjectRef, Value};
use crate::rules::EvidenceSource;

/// A drop of this many per cent is a loss of capacity that load feels at once.
const LARGE_DROP: i64 = 30;

/// API group, kind and the kind around the release of everything that scales by a `scaleTargetRef`.
const SCALERS: [(&str, &str, Surrounding); 2] = [
    ("autoscaling", "HorizontalPodAutoscaler", Surrounding::HorizontalPodAutoscalers),
    ("keda.sh", "ScaledObject", Surrounding::ScaledObjects),
];

pub fn analyze(context: &Context<'_>, workloads: &[Workload<'_>]) -> Vec<Change> {
    workloads.iter().flat_map(|workload| of_workload(context, workload)).collect()
}

fn of_workload(context: &Context<'_>, workload: &Workload<'_>) -> Option<Change> {
    match (staying(context, workload), removed(context, workload)) {
        (Some(scaler), _) => replicas_drop(workload, &scaler),
        (None, Some(scaler)) => Some(scaler_removed(context, workload, scaler)),
        (None, None) => None,
    }
}

/// An autoscaler as it is now, or as the target brings it.
struct Scaler<'a> {
    /// `HorizontalPodAutoscaler/web`.
    name: String,
    body: &'a Value,
}

/// Annotations by which KEDA leaves a workload alone (keda.sh, "Pause autoscaling").
const PAUSES: [(&str, Option<&str>); 3] = [
    ("autoscaling.keda.sh/paused", Some("true")),
    ("autoscaling.keda.sh/paused-scale-out", Some("true")),
    ("autoscaling.keda.sh/paused-replicas", None),
];

impl Scaler<'_> {
    fn is_keda(&self) -> bool {
        self.name.starts_with("ScaledObject/")
    }

    /// Whether the scaler does not raise the number while it is so annotated (`paused-scale-in` stops the other way only).
    fn is_paused(&self) -> bool {
        let annotations = self.body.at(&["metadata", "annotations"]);
        let set = |(key, wanted): (&str, Option<&str>)| {
            annotations.get(key).as_str().is_some_and(|value| wanted.is_none_or(|wanted| wanted == value))
        };
        self.is_keda() && PAUSES.into_iter().any(set)
    }

    /// KEDA stops a workload without events unless a minimum keeps it (keda.sh, `minReplicaCount`).
    fn may_idle(&self) -> bool {
        let spec = self.body.get("spec");
        let minimum =
            if spec.get("idleReplicaCount").is_null() { spec.get("minReplicaCount") } else { spec.get("idleReplicaCount") };
        self.is_keda() && minimum.as_i64().unwrap_or(0) == 0
    }
}

/// An autoscaler that is there after the rollback: in the target, or live and not deleted.
fn staying<'c>(context: &'c Context<'_>, workload: &Workload<'_>) -> Option<Scaler<'c>> {
    SCALERS.iter().find_map(|(group, kind, around)| {
        let manifest = context.input.to.objects.iter().find(|object| {
            object.id.is(group, kind) && object.id.namespace == workload.id().namespace && scales(&object.body, workload.id())
        });
        let kept = |name: &str| !context.forecast.deletes.iter().any(|id| id.is(group, kind) && id.name == name);
        let found = beside(context, *around, workload.id());
        let live = found.yes().and_then(|list| list.iter().find(|live| scales(&live.body, workload.id()) && kept(live.name())));
        let body = live.map(|live| &live.body).or(manifest.map(|object| &object.body))?;
        let name = manifest.map(|object| object.id.name.as_str()).or_else(|| live.map(LiveObject::name));
        name.map(|name| Scaler { name: format!("{kind}/{name}"), body })
    })
}

/// An autoscaler of the workload that Helm deletes.
fn removed<'c>(context: &'c Context<'_>, workload: &Workload<'_>) -> Option<&'c ObjectRef> {
    context.forecast.deletes.iter().find(|id| {
        let is_scaler = SCALERS.iter().any(|(group, kind, _)| id.is(group, kind));
        let body = context.in_from(id).map(|object| &object.body);
        is_scaler && id.namespace == workload.id().namespace && body.is_some_and(|body| scales(body, workload.id()))
    })
}

/// `scaleTargetRef`; KEDA's names a Deployment where it says no kind.
fn scales(scaler: &Value, id: &ObjectRef) -> bool {
    let target = scaler.at(&["spec", "scaleTargetRef"]);
    target.get("name").as_str() == Some(&id.name) && target.get("kind").as_str().unwrap_or("Deployment") == id.kind
}

/// Replicas that the manifest sets (or, by leaving them out, sets to the default of one) under a scaler's hands.
fn replicas_drop(workload: &Workload<'_>, scaler: &Scaler<'_>) -> Option<Change> {
    let (now, then) = workload.replicas();
    let (now, then) = (now?, then?);
    if workload.live.is_none() {
        return unknown_drop(workload, &scaler.name, then);
    }
    if now == 0 && then > 0 {
        return idle_wakes(workload, scaler, then);
    }
    if then >= now {
        return None;
    }
    let given = !workload.to.body.at(&["spec", "replicas"]).is_null();
    let why = if given { "replicas is in the manifest" } else { "replicas leaves the manifest, and the API's default is 1" };
    let change = Change::of(ChangeKind::AutoscaledReplicas, workload.id())
        .path("spec.replicas")
        .fact_if(is_large(now, then), Fact::LargeDrop)
        .fact_if(scaler.is_paused(), Fact::ScalerPaused)
        .with("from", now)
        .with("to", then)
        .with("scaler", &scaler.name)
        .evidence(EvidenceSource::To, &workload.to.origin, why);
    Some(workload.seen(change, format!("spec.replicas: {now}, scaled by {}", scaler.name)))
}

/// What KEDA has stopped for want of events, or somebody through KEDA, runs again.
fn idle_wakes(workload: &Workload<'_>, scaler: &Scaler<'_>, then: i64) -> Option<Change> {
    let paused = scaler.is_paused();
    (paused || scaler.may_idle()).then(|| {
        let change = Change::of(ChangeKind::IdleWakes, workload.id())
            .path("spec.replicas")
            .fact_if(paused, Fact::ScalerPaused)
            .with("to", then)
            .with("scaler", &scaler.name)
            .evidence(EvidenceSource::To, &workload.to.origin, format!("spec.replicas: {then}"));
        workload.seen(change, format!("spec.replicas: 0, held by {}", scaler.name))
    })
}

/// The cluster was not asked: the autoscaler may have set any number.
fn unknown_drop(workload: &Workload<'_>, scaler: &str, then: i64) -> Option<Change> {
    let given = !workload.to.body.at(&["spec", "replicas"]).is_null();
    given.then(|| {
        Change::of(ChangeKind::AutoscaledReplicas, workload.id())
            .path("spec.replicas")
            .confidence(Confidence::Possible)
            .fact(Fact::LiveUnknown)
            .with("from", "what the autoscaler has set")
            .with("to", then)
            .with("scaler", scaler)
            .evidence(EvidenceSource::To, &workload.to.origin, format!("spec.replicas: {then} beside {scaler}"))
    })
}

fn is_large(now: i64, then: i64) -> bool {
    (now - then).saturating_mul(100) >= now.saturating_mul(LARGE_DROP)
}

fn scaler_removed(context: &Context<'_>, workload: &Workload<'_>, scaler: &ObjectRef) -> Change {
    let (now, then) = workload.replicas();
    let dropped = now.zip(then).is_some_and(|(now, then)| workload.live.is_some() && then < now && is_large(now, then));
    let shown = |count: Option<i64>| count.map_or_else(|| "1".to_owned(), |count| count.to_string());
    let change = Change::of(ChangeKind::AutoscalerRemoved, scaler)
        .fact_if(dropped, Fact::LargeDrop)
        .fact_if(workload.live.is_none(), Fact::LiveUnknown)
        .with("workload", workload.id())
        .with("from", if workload.live.is_some() { shown(now) } else { "an unknown number of".to_owned() })
        .with("to", shown(then))
        .evidence(EvidenceSource::Forecast, scaler, format!("only in revision {}: Helm deletes it", context.input.from.revision));
    workload.seen(change, format!("spec.replicas: {}", shown(now)))
}
