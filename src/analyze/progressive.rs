//! Controllers that roll out step by step treat a rollback as one more update, and sticky sessions that outlive a version.

use super::behind::{self, Pods};
use super::{Change, ChangeKind, Context, Fact, after};
use crate::forecast::Confidence;
use crate::input::Known;
use crate::k8s::routes::{self, Backend};
use crate::k8s::surroundings::Surrounding;
use crate::release::{Object, ObjectRef, Value};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let objects = || context.input.to.objects.iter().filter(|object| !context.is_rejected(&object.id));
    let mut changes: Vec<Change> = objects().filter_map(|object| rollout(context, object)).collect();
    changes.extend(canaries(context));
    changes.extend(objects().filter_map(|object| sticky(context, object)));
    changes
}

/// An Argo Rollout whose pods change goes through all its steps (argoproj/argo-rollouts: docs/features/rollback.md).
fn rollout(context: &Context<'_>, object: &Object) -> Option<Change> {
    let strategy = object.body.at(&["spec", "strategy"]);
    let stepwise = !strategy.at(&["canary", "steps"]).as_list().is_empty();
    let blue_green = !strategy.get("blueGreen").is_null();
    if !object.id.is("argoproj.io", "Rollout") || !(stepwise || blue_green) {
        return None;
    }
    let workload = referred(context, object).unwrap_or(object);
    if behind::pods(context, workload) != Pods::Replaced {
        return None;
    }
    let live = context.input.facts.live_of(&object.id).yes().copied().flatten();
    let distance = i64::from(context.input.from.revision.saturating_sub(context.input.to.revision));
    let window = object.body.at(&["spec", "rollbackWindow", "revisions"]).as_i64();
    let status = |key: &str| live.map_or(&Value::Null, |live| live.body.at(&["status", key]));
    let unfinished = !status("stableRS").is_null() && status("stableRS") != status("currentPodHash");
    Some(
        restart(&object.id, "Argo Rollouts", &workload.id)
            .fact_if(window.is_some_and(|revisions| revisions >= distance), Fact::RollbackWindow)
            .fact_if(unfinished, Fact::CanaryUnfinished)
            .fact_if(blue_green, Fact::BlueGreen)
            .evidence(EvidenceSource::To, &object.origin, format!("strategy {}", strategy.display()))
            .evidence(
                EvidenceSource::Live,
                &object.id,
                live.map_or_else(
                    || "not known".to_owned(),
                    |_| format!("phase {}", status("phase").as_str().unwrap_or("unknown")),
                ),
            ),
    )
}

/// The Deployment that a Rollout takes its pods from.
fn referred<'a>(context: &'a Context<'_>, object: &Object) -> Option<&'a Object> {
    target_of(context, &object.id, object.body.at(&["spec", "workloadRef"]))
}

fn target_of<'a>(context: &'a Context<'_>, by: &ObjectRef, reference: &Value) -> Option<&'a Object> {
    let (kind, name) = (reference.get("kind").as_str()?, reference.get("name").as_str()?);
    let mut objects = context.input.to.objects.iter();
    objects.find(|object| object.id.kind == kind && object.id.name == name && object.id.namespace == by.namespace)
}

fn restart(id: &ObjectRef, controller: &str, workload: &ObjectRef) -> Change {
    Change::of(ChangeKind::RolloutRestarts, id)
        .confidence(Confidence::Likely)
        .with("controller", controller)
        .with("workload", workload)
}

/// Flagger keeps the bad version as primary until its analysis of the old one is through (docs/gitbook/usage/how-it-works.md).
fn canaries(context: &Context<'_>) -> Vec<Change> {
    let own = context.input.to.objects.iter().map(|object| (object.id.clone(), &object.body));
    let foreign = after::surrounding(context, Surrounding::Canaries).filter(|(id, _)| after::is_foreign(context, id));
    let all = own.chain(foreign.map(|(id, live)| (id, &live.body))).filter(|(id, _)| id.is("flagger.app", "Canary"));
    all.filter_map(|(id, body)| {
        let workload = target_of(context, &id, body.at(&["spec", "targetRef"]))?;
        let flag = |key: &str| body.at(&["spec", key]).as_bool() == Some(true);
        (behind::pods(context, workload) == Pods::Replaced && !flag("skipAnalysis")).then(|| {
            restart(&id, "Flagger", &workload.id).fact_if(flag("suspend"), Fact::Suspended).evidence(
                EvidenceSource::To,
                &workload.origin,
                format!("the image of {} changes", workload.id),
            )
        })
    })
    .collect()
}

/// Clients stay with the version whose pods go away.
fn sticky(context: &Context<'_>, object: &Object) -> Option<Change> {
    let place = routes::stickiness(&object.id, &object.body)?;
    let backends = backends(object);
    let mut workloads = backends.iter().flat_map(|backend| behind::workloads(context, backend));
    let workload = workloads.find(|workload| behind::pods(context, workload) == Pods::Replaced)?;
    Some(
        Change::of(ChangeKind::StickySessions, &object.id)
            .path(place)
            .confidence(if matches!(context.input.facts.live_of(&object.id), Known::Yes(_)) {
                Confidence::Likely
            } else {
                Confidence::Possible
            })
            .with("workload", &workload.id)
            .evidence(EvidenceSource::To, &object.origin, place)
            .evidence(EvidenceSource::To, &workload.origin, format!("the image of {} changes", workload.id)),
    )
}

fn backends(object: &Object) -> Vec<Backend> {
    if object.id.is("", "Service") {
        return vec![Backend::of(&object.id)];
    }
    let host = routes::subsets(&object.id, &object.body).map(|(host, _)| host);
    host.into_iter().chain(routes::shares(&object.id, &object.body).into_iter().map(|share| share.backend)).collect()
}
