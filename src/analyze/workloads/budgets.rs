//! Disruption budgets that allow no disruption.

use super::Workload;
use crate::analyze::{Change, ChangeKind, Context, Fact};
use crate::k8s::{kinds, selector};
use crate::release::{Object, Value};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>, workloads: &[Workload<'_>]) -> Vec<Change> {
    let budgets = context.input.to.objects.iter().filter(|object| object.id.is("policy", "PodDisruptionBudget"));
    budgets.filter_map(|budget| blocks(context, budget, workloads)).collect()
}

/// A budget of the target that lets no pod of its workload go.
fn blocks(context: &Context<'_>, budget: &Object, workloads: &[Workload<'_>]) -> Option<Change> {
    let wanted = budget.body.at(&["spec", "selector"]);
    let workload = workloads.iter().find(|workload| {
        let labels = kinds::pod_template(workload.id(), &workload.after).at(&["metadata", "labels"]);
        workload.id().namespace == budget.id.namespace && selector::selects(wanted, labels)
    })?;
    let replicas = workload.replicas().1.filter(|replicas| *replicas > 0)?;
    let setting = allows_none(&budget.body, replicas)?;
    let before = context.in_from(&budget.id).map(|object| &object.body);
    let in_both = before.zip(workload.replicas().0).is_some_and(|(body, replicas)| allows_none(body, replicas).is_some());
    let change = Change::of(ChangeKind::EvictionBlocked, &budget.id)
        .fact_if(in_both, Fact::InBoth)
        .with("setting", &setting)
        .with("workload", workload.id())
        .with("replicas", replicas);
    Some(change.evidence(EvidenceSource::To, &budget.origin, format!("{setting} of {replicas} replicas")))
}

/// The setting by which none of this many pods may be evicted; percentages of minAvailable round up, of maxUnavailable too
/// (`GetScaledValueFromIntOrPercent` with `roundUp`).
fn allows_none(budget: &Value, replicas: i64) -> Option<String> {
    let percent = |value: &Value| value.as_str()?.strip_suffix('%')?.parse::<i64>().ok();
    let number = |value: &Value| {
        let scaled = || percent(value)?.checked_mul(replicas)?.checked_add(99).map(|hundredths| hundredths / 100);
        value.as_i64().or_else(scaled)
    };
    let (least, most) = (budget.at(&["spec", "minAvailable"]), budget.at(&["spec", "maxUnavailable"]));
    if number(least).is_some_and(|least| least >= replicas) {
        return Some(format!("minAvailable {}", least.display()));
    }
    (number(most) == Some(0)).then(|| format!("maxUnavailable {}", most.display()))
}
