//! Room that a namespace's quota leaves for the pods of a rollout.

use std::collections::{BTreeMap, BTreeSet};

use super::surge::bounds;
use super::{Workload, beside};
use crate::analyze::{Change, ChangeKind, Context, Fact};
use crate::forecast::Confidence;
use crate::input::LiveObject;
use crate::k8s::quantity;
use crate::k8s::surroundings::Surrounding;
use crate::release::{ObjectRef, Value};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>, workloads: &[Workload<'_>]) -> Vec<Change> {
    let mut changes = Vec::new();
    for namespace in workloads.iter().map(|workload| &workload.id().namespace).collect::<BTreeSet<_>>() {
        let here: Vec<&Workload<'_>> = workloads.iter().filter(|workload| workload.id().namespace == *namespace).collect();
        let Some(first) = here.first() else { continue };
        let quotas = beside(context, Surrounding::ResourceQuotas, first.id());
        let quotas = quotas.yes().copied().unwrap_or_default().iter();
        changes.extend(quotas.filter(|quota| counts_ordinary_pods(quota)).filter_map(|quota| short(quota, &here)));
    }
    changes
}

/// Whether the quota counts a pod of this spec; `NotBestEffort` leaves out pods that state nothing at all.
pub(super) fn counts(quota: &LiveObject, spec: &Value) -> bool {
    let scopes = quota.body.at(&["spec", "scopes"]).as_list();
    let stated = |container: &Value| container.get("resources").as_map().is_some_and(|resources| !resources.is_empty());
    let any_stated = ["initContainers", "containers"].into_iter().any(|list| spec.get(list).as_list().iter().any(stated));
    counts_ordinary_pods(quota) && (any_stated || scopes.iter().all(|scope| scope.as_str() != Some("NotBestEffort")))
}

/// Quotas of a scope count some pods only: those that end, those without requests, those of a priority.
fn counts_ordinary_pods(quota: &LiveObject) -> bool {
    let scopes = quota.body.at(&["spec", "scopes"]).as_list().iter().filter_map(Value::as_str);
    quota.body.at(&["spec", "scopeSelector"]).is_null()
        && scopes.into_iter().all(|scope| matches!(scope, "NotTerminating" | "NotBestEffort"))
}

/// Resources of the quota that the rollback needs more of than is left.
fn short(quota: &LiveObject, workloads: &[&Workload<'_>]) -> Option<Change> {
    let hard = quota.body.at(&["status", "hard"]).as_map()?;
    let mut lacks: BTreeMap<&str, String> = BTreeMap::new();
    let mut stops = false;
    for (resource, limit) in hard {
        let needs: Vec<Need> = workloads.iter().filter_map(|workload| need(workload, resource)).collect();
        let total: i128 = needs.iter().map(|need| need.amount).sum();
        let left = amount(limit)? - amount(quota.body.at(&["status", "used", resource])).unwrap_or(0);
        if total > 0 && total > left {
            stops |= needs.iter().any(|need| need.amount > 0 && !need.yields);
            lacks.insert(resource, format!("{resource}: {} more, {} left", shown(resource, total), shown(resource, left.max(0))));
        }
    }
    if lacks.is_empty() {
        return None;
    }
    let namespace = quota.body.at(&["metadata", "namespace"]).as_str();
    let id = ObjectRef::new("v1", "ResourceQuota", namespace, quota.name());
    let lacks: Vec<String> = lacks.into_values().collect();
    Some(
        Change::of(ChangeKind::QuotaExceeded, &id)
            .confidence(Confidence::Likely)
            .fact_if(!stops, Fact::RollsInPlace)
            .with("lacks", lacks.join("; "))
            .evidence(EvidenceSource::Live, &id, lacks.join("; ")),
    )
}

/// What a workload needs at the worst moment, in thousandths.
struct Need {
    amount: i128,
    /// The rollout stops old pods first where it finds no room.
    yields: bool,
}

fn need(workload: &Workload<'_>, resource: &str) -> Option<Need> {
    let per_pod = |spec: &Value| per_pod(spec, resource);
    let (old, new) = (per_pod(workload.pod_spec_before()), per_pod(workload.pod_spec()));
    let (before, after) = pods(workload);
    let growth = new * i128::from(after) - old * i128::from(before);
    let kind = workload.id().kind.as_str();
    if !matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet" | "Job") || (kind == "Job" && workload.before.is_some()) {
        return None;
    }
    let rolling = bounds(&workload.after, after).filter(|_| kind == "Deployment" && workload.changes_template());
    let surge = rolling.map_or(0, |bounds| new * i128::from(bounds.surge));
    let yields = rolling.is_some_and(|bounds| bounds.unavailable > 0) && growth <= 0;
    Some(Need { amount: growth.max(surge), yields })
}

/// Pods before and after; a DaemonSet keeps as many as nodes fit.
fn pods(workload: &Workload<'_>) -> (i64, i64) {
    let (before, after) = workload.replicas();
    let daemons = workload.now(&["status", "desiredNumberScheduled"]).as_i64();
    let none = i64::from(workload.before.is_some());
    (before.or(daemons).unwrap_or(none), after.or(daemons).unwrap_or(1))
}

/// What one pod counts for under this name of a quota: itself, or the sum of its containers' requests or limits.
fn per_pod(spec: &Value, resource: &str) -> i128 {
    if spec.is_null() {
        return 0;
    }
    match resource.split_once('.') {
        None if matches!(resource, "pods" | "count/pods") => 1000,
        None if matches!(resource, "cpu" | "memory") => of_containers(spec, &["requests", "limits"], resource),
        Some(("requests", name)) => of_containers(spec, &["requests", "limits"], name),
        Some(("limits", name)) => of_containers(spec, &["limits"], name),
        _ => 0,
    }
}

/// Init containers run one after the other, so the largest of them counts; a request left out is the limit.
fn of_containers(spec: &Value, lists: &[&str], name: &str) -> i128 {
    let of = |container: &Value| lists.iter().find_map(|list| amount(container.at(&["resources", list, name]))).unwrap_or(0);
    let sum: i128 = spec.get("containers").as_list().iter().map(of).sum();
    let largest = spec.get("initContainers").as_list().iter().map(of).max().unwrap_or(0);
    sum.max(largest)
}

pub(super) fn amount(value: &Value) -> Option<i128> {
    quantity::of(value).and_then(|quantity| quantity.thousandths())
}

/// `3`, `250m`, `512Mi`.
fn shown(resource: &str, thousandths: i128) -> String {
    const MEBI: i128 = 1024 * 1024 * 1000;
    match thousandths {
        amount if resource.ends_with("memory") => format!("{}Mi", (amount + MEBI - 1) / MEBI),
        amount if amount % 1000 == 0 => (amount / 1000).to_string(),
        amount => format!("{amount}m"),
    }
}
