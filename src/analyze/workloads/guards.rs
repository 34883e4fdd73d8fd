//! Settings that make the switch between pods gentle, going back.

use super::Workload;
use crate::analyze::{Change, ChangeKind, Context};
use crate::release::Value;
use crate::rules::EvidenceSource;

pub fn analyze(_context: &Context<'_>, workloads: &[Workload<'_>]) -> Vec<Change> {
    let serving =
        workloads.iter().filter(|workload| matches!(workload.id().kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet"));
    serving.filter(|workload| workload.before.is_some()).filter_map(weakened).collect()
}

fn weakened(workload: &Workload<'_>) -> Option<Change> {
    let lost: Vec<String> = min_ready(workload).into_iter().chain(grace(workload)).chain(hooks(workload)).collect();
    if lost.is_empty() {
        return None;
    }
    let change = Change::of(ChangeKind::SwitchLessGentle, workload.id()).with("lost", lost.join("; ")).evidence(
        EvidenceSource::To,
        &workload.to.origin,
        lost.join("; "),
    );
    Some(workload.seen(change, "more generous now"))
}

fn min_ready(workload: &Workload<'_>) -> Option<String> {
    let seconds = |body: &Value| body.at(&["spec", "minReadySeconds"]).as_i64().unwrap_or(0);
    fell("minReadySeconds", seconds(workload.before.as_ref()?), seconds(&workload.after))
}

fn grace(workload: &Workload<'_>) -> Option<String> {
    let key = "terminationGracePeriodSeconds";
    let seconds = |spec: &Value| spec.get(key).as_i64().unwrap_or(30);
    fell(key, seconds(workload.pod_spec_before()), seconds(workload.pod_spec()))
}

fn fell(key: &str, before: i64, after: i64) -> Option<String> {
    (after < before).then(|| format!("{key} {before} → {after}"))
}

/// Containers of both whose `preStop` hook goes.
fn hooks<'w>(workload: &'w Workload<'_>) -> impl Iterator<Item = String> + 'w {
    let after = workload.pod_spec().get("containers").as_list();
    let before = workload.pod_spec_before().get("containers").as_list();
    let hook = |container: &Value| !container.at(&["lifecycle", "preStop"]).is_null();
    let had = move |wanted: &Value| before.iter().any(|container| container.get("name") == wanted.get("name") && hook(container));
    let lost = after.iter().filter(move |container| !hook(container) && had(container));
    lost.map(|container| format!("no preStop hook in {}", super::probes::name(container)))
}
