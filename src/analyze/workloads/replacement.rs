//! What happens between the old pod and the new one: volumes that only one of them can hold, and moments without any.

use super::surge::bounds;
use super::{Workload, beside};
use crate::analyze::{Change, ChangeKind, Context, Fact};
use crate::forecast::Confidence;
use crate::input::Known;
use crate::k8s::references::{self, Referent};
use crate::k8s::surroundings::Surrounding;
use crate::release::Value;
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>, workloads: &[Workload<'_>]) -> Vec<Change> {
    let changing = workloads.iter().filter(|workload| workload.changes_template());
    changing.filter_map(|workload| deadlock(context, workload).or_else(|| gap(workload))).collect()
}

/// A Deployment of one pod that starts the new pod while the old one holds the volume.
fn deadlock(context: &Context<'_>, workload: &Workload<'_>) -> Option<Change> {
    if !workload.id().is("apps", "Deployment") || workload.replicas().1 != Some(1) {
        return None;
    }
    let waits = |body: &Value| bounds(body, 1).is_some_and(|bounds| bounds.surge > 0 && bounds.unavailable == 0);
    if !waits(&workload.after) {
        return None;
    }
    let Exclusive { claim, mode, seen } = exclusive_claim(context, workload)?;
    let in_both = workload.before.as_ref().is_some_and(waits) && references_claim(workload.pod_spec_before(), &claim);
    let change = Change::of(ChangeKind::AttachDeadlock, workload.id())
        .path("spec.strategy")
        .confidence(Confidence::Likely)
        .fact_if(in_both, Fact::InBoth)
        .fact_if(mode == "ReadWriteOncePod", Fact::OnePodOnly)
        .with("claim", &claim)
        .with("mode", mode)
        .evidence(EvidenceSource::To, &workload.to.origin, "one replica, maxUnavailable rounds down to 0")
        .evidence(seen, format!("PersistentVolumeClaim/{claim}"), format!("accessModes: {mode}"));
    Some(with_nodes(context, change))
}

/// A volume attached to the only node serves both pods there.
fn with_nodes(context: &Context<'_>, change: Change) -> Change {
    match context.input.facts.around(Surrounding::Nodes, None) {
        Known::Yes([]) => change,
        Known::Yes(nodes) => change.fact_if(nodes.len() == 1, Fact::OneNode).evidence(
            EvidenceSource::Live,
            "nodes",
            format!("{} in the cluster", nodes.len()),
        ),
        Known::No(why) => change.evidence(EvidenceSource::Live, "nodes", format!("not known: {why}")),
    }
}

/// A claim that only one node, or one pod, can use.
struct Exclusive {
    claim: String,
    mode: &'static str,
    seen: EvidenceSource,
}

/// The first such claim of the pods.
fn exclusive_claim(context: &Context<'_>, workload: &Workload<'_>) -> Option<Exclusive> {
    let references = references::of(workload.pod_spec());
    let claims = references.into_iter().filter(|reference| reference.to == Referent::PersistentVolumeClaim);
    claims.map(|claim| claim.name).find_map(|claim| {
        let (body, seen) = claim_body(context, workload, &claim)?;
        Some(Exclusive { mode: exclusive(body)?, claim, seen })
    })
}

/// The claim as it is live, else as the target writes it.
fn claim_body<'c>(context: &'c Context<'_>, workload: &Workload<'_>, name: &str) -> Option<(&'c Value, EvidenceSource)> {
    let live = beside(context, Surrounding::PersistentVolumeClaims, workload.id());
    let found = live.yes().and_then(|claims| claims.iter().find(|claim| claim.name() == name));
    let objects = context.input.to.objects.iter();
    let mut written = objects.filter(|object| {
        object.id.is("", "PersistentVolumeClaim") && object.id.name == name && object.id.namespace == workload.id().namespace
    });
    found
        .map(|live| (&live.body, EvidenceSource::Live))
        .or_else(|| written.next().map(|object| (&object.body, EvidenceSource::To)))
}

fn exclusive(claim: &Value) -> Option<&'static str> {
    let modes: Vec<&str> = claim.at(&["spec", "accessModes"]).as_list().iter().filter_map(Value::as_str).collect();
    let shared = modes.iter().any(|mode| matches!(*mode, "ReadWriteMany" | "ReadOnlyMany"));
    ["ReadWriteOncePod", "ReadWriteOnce"].into_iter().find(|mode| !shared && modes.contains(mode))
}

fn references_claim(spec: &Value, claim: &str) -> bool {
    references::of(spec).iter().any(|reference| reference.to == Referent::PersistentVolumeClaim && reference.name == claim)
}

/// A moment in which no pod serves.
fn gap(workload: &Workload<'_>) -> Option<Change> {
    let (back, why) = match workload.id().kind.as_str() {
        "Deployment" => deployment_gap(workload)?,
        "StatefulSet" => set_gap(workload)?,
        _ => return None,
    };
    let change = Change::of(ChangeKind::RolloutGap, workload.id()).fact_if(back, Fact::BackToRecreate).with("why", why).evidence(
        EvidenceSource::To,
        &workload.to.origin,
        why,
    );
    Some(workload.seen(change, format!("spec.strategy.type: {}", strategy(workload.now(&[])))))
}

fn strategy(body: &Value) -> &str {
    body.at(&["spec", "strategy", "type"]).as_str().unwrap_or("RollingUpdate")
}

fn deployment_gap(workload: &Workload<'_>) -> Option<(bool, &'static str)> {
    let replicas = workload.replicas().1.filter(|replicas| *replicas > 0)?;
    if strategy(&workload.after) == "Recreate" {
        return Some((strategy(workload.now(&[])) != "Recreate", "strategy Recreate stops all pods before it starts new ones"));
    }
    let all = bounds(&workload.after, replicas).is_some_and(|bounds| bounds.unavailable >= replicas);
    all.then_some((false, "maxUnavailable lets all pods stop at once"))
}

fn set_gap(workload: &Workload<'_>) -> Option<(bool, &'static str)> {
    let rolls = workload.after.at(&["spec", "updateStrategy", "type"]).as_str() != Some("OnDelete");
    (rolls && workload.replicas().1 == Some(1)).then_some((false, "its only pod stops before its successor starts"))
}
