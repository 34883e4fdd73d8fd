//! Pod templates that go back while the pods do not.

use super::{Workload, beside};
use crate::analyze::{Change, ChangeKind, Context, Fact};
use crate::forecast::Confidence;
use crate::input::{Known, LiveObject};
use crate::k8s::surroundings::Surrounding;
use crate::release::Value;
use crate::rules::EvidenceSource;

/// What holds pods back, and which fact says so.
struct Hold {
    fact: Fact,
    path: &'static [&'static str],
    text: String,
}

pub fn analyze(context: &Context<'_>, workloads: &[Workload<'_>]) -> Vec<Change> {
    let changing = workloads.iter().filter(|workload| workload.changes_template());
    changing.filter_map(|workload| held(workload).or_else(|| stuck(context, workload))).collect()
}

/// A setting under which the controller replaces no pod, or not all.
fn held(workload: &Workload<'_>) -> Option<Change> {
    let hold = hold(workload)?;
    let wanted = |body: &Value| body.at(hold.path) == workload.after.at(hold.path);
    let in_both = workload.from.is_some_and(|from| wanted(&from.body)) && wanted(&workload.to.body);
    let change = Change::of(ChangeKind::PodsNotReplaced, workload.id())
        .path(hold.path.join("."))
        .fact(hold.fact)
        .fact_if(in_both, Fact::InBoth)
        .with("setting", &hold.text)
        .with("pods", "its pods")
        .evidence(EvidenceSource::To, &workload.to.origin, "the pod template changes");
    Some(workload.seen(change, format!("{}, and it stays so", hold.text)))
}

fn hold(workload: &Workload<'_>) -> Option<Hold> {
    let on_delete = &["spec", "updateStrategy", "type"];
    let partition = &["spec", "updateStrategy", "rollingUpdate", "partition"];
    let paused = &["spec", "paused"];
    let kind = workload.id().kind.as_str();
    let after = &workload.after;
    if matches!(kind, "StatefulSet" | "DaemonSet") && after.at(on_delete).as_str() == Some("OnDelete") {
        return Some(Hold { fact: Fact::OnDelete, path: on_delete, text: "updateStrategy OnDelete".to_owned() });
    }
    if kind == "StatefulSet" {
        let first = after.at(&["spec", "ordinals", "start"]).as_i64().unwrap_or(0);
        let held = after.at(partition).as_i64().filter(|partition| *partition > first)?;
        return Some(Hold { fact: Fact::Partition, path: partition, text: format!("rollingUpdate.partition {held}") });
    }
    let is_paused = kind == "Deployment" && after.at(paused).as_bool() == Some(true);
    is_paused.then(|| Hold { fact: Fact::Paused, path: paused, text: "spec.paused true".to_owned() })
}

/// A StatefulSet that waits for a pod of the revision that is left, and so will not replace it
/// (kubernetes/kubernetes issue 67250; the manual calls the way out "forced rollback").
fn stuck(context: &Context<'_>, workload: &Workload<'_>) -> Option<Change> {
    let live = workload.live.filter(|_| workload.id().is("apps", "StatefulSet"))?;
    let status = live.body.get("status");
    let revision = status.get("updateRevision").as_str()?;
    let ordered = live.body.at(&["spec", "podManagementPolicy"]).as_str().unwrap_or("OrderedReady") == "OrderedReady";
    if !ordered || status.get("currentRevision").as_str().is_none_or(|current| current == revision) {
        return None;
    }
    let change = Change::of(ChangeKind::PodsNotReplaced, workload.id())
        .fact(Fact::StuckPod)
        .with("setting", "podManagementPolicy OrderedReady")
        .evidence(EvidenceSource::Live, workload.id(), format!("status.updateRevision {revision} is not the currentRevision"));
    match beside(context, Surrounding::Pods, workload.id()) {
        Known::Yes(pods) => waiting_for(change, workload, pods, revision),
        Known::No(why) => not_seen(change, status, &why),
    }
}

fn waiting_for(change: Change, workload: &Workload<'_>, pods: &[LiveObject], revision: &str) -> Option<Change> {
    let of_set = pods.iter().filter(|pod| is_pod_of(pod, workload, revision));
    let unready: Vec<&LiveObject> = of_set.filter(|pod| !is_ready(pod) && !pod.is_terminating()).collect();
    let names: Vec<&str> = unready.iter().map(|pod| pod.name()).collect();
    if names.is_empty() {
        return None;
    }
    let broken = unready.iter().any(|pod| is_broken(&pod.body));
    let change = change.with("pods", names.join(" ")).fact_if(!broken, Fact::Starting);
    let change = if broken { change } else { change.confidence(Confidence::Possible) };
    Some(change.evidence(EvidenceSource::Live, names.join(", "), "a pod of that revision is not Ready"))
}

/// Pods could not be listed: the set's own count says whether one of them is missing.
fn not_seen(change: Change, status: &Value, why: &str) -> Option<Change> {
    let count = |key| status.get(key).as_i64().unwrap_or(0);
    (count("readyReplicas") < count("replicas")).then(|| {
        let text = format!("{} of {} pods are ready; pods not known: {why}", count("readyReplicas"), count("replicas"));
        change.confidence(Confidence::Likely).with("pods", "POD").evidence(EvidenceSource::Live, "status.readyReplicas", text)
    })
}

fn is_pod_of(pod: &LiveObject, workload: &Workload<'_>, revision: &str) -> bool {
    let ordinal = pod.name().strip_prefix(workload.id().name.as_str()).and_then(|rest| rest.strip_prefix('-'));
    ordinal.is_some_and(|ordinal| ordinal.parse::<u32>().is_ok())
        && pod.body.at(&["metadata", "labels"]).get("controller-revision-hash").as_str() == Some(revision)
}

fn is_ready(pod: &LiveObject) -> bool {
    let conditions = pod.body.at(&["status", "conditions"]).as_list();
    conditions
        .iter()
        .any(|condition| condition.get("type").as_str() == Some("Ready") && condition.get("status").as_str() == Some("True"))
}

/// A pod that will not become ready by waiting: not scheduled, restarted, or waiting for something else than its creation.
fn is_broken(pod: &Value) -> bool {
    let lists = ["initContainerStatuses", "containerStatuses"];
    let mut containers = lists.into_iter().flat_map(|list| pod.at(&["status", list]).as_list());
    let unscheduled = pod.at(&["status", "conditions"]).as_list().iter().any(|condition| {
        condition.get("type").as_str() == Some("PodScheduled") && condition.get("status").as_str() == Some("False")
    });
    unscheduled
        || containers.any(|container| {
            let reason = container.at(&["state", "waiting", "reason"]).as_str();
            let restarted = container.get("restartCount").as_i64().unwrap_or(0) > 0;
            restarted || reason.is_some_and(|reason| !matches!(reason, "ContainerCreating" | "PodInitializing"))
        })
}
