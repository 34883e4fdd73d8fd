//! Pods of the target that admission refuses: the workload is accepted, its pods are not.

use super::quotas::amount;
use super::{Workload, beside};
use crate::analyze::{Change, ChangeKind, Context, Fact};
use crate::forecast::Confidence;
use crate::input::LiveObject;
use crate::k8s::kinds;
use crate::k8s::pod_security::{self, Level};
use crate::k8s::surroundings::Surrounding;
use crate::release::Value;
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>, workloads: &[Workload<'_>]) -> Vec<Change> {
    let new_pods = workloads.iter().filter(|workload| workload.before.is_none() || workload.changes_template());
    new_pods.flat_map(|workload| [by_level(context, workload), by_limits(context, workload)]).flatten().collect()
}

/// What refuses the pods, for which reasons, and for which it would refuse the present ones as well.
struct Refusal<'t> {
    fact: Fact,
    by: String,
    now: Vec<String>,
    then: Vec<String>,
    evidence: &'t str,
}

fn refused(workload: &Workload<'_>, refusal: &Refusal<'_>) -> Option<Change> {
    if refusal.then.is_empty() {
        return None;
    }
    // Pods that broke the same rules run: they are older than the rule, or exempt from it.
    let in_both = workload.before.is_some() && refusal.then.iter().all(|reason| refusal.now.contains(reason));
    let new: Vec<&str> =
        refusal.then.iter().filter(|reason| in_both || !refusal.now.contains(reason)).map(String::as_str).collect();
    Some(
        Change::of(ChangeKind::PodsRefused, workload.id())
            .confidence(if in_both { Confidence::Possible } else { Confidence::Likely })
            .fact(refusal.fact)
            .fact_if(in_both, Fact::InBoth)
            .with("by", &refusal.by)
            .with("reasons", new.join("; "))
            .evidence(EvidenceSource::To, &workload.to.origin, new.join("; "))
            .evidence(EvidenceSource::Live, &refusal.by, refusal.evidence),
    )
}

/// The Pod Security level that the namespace enforces.
fn by_level(context: &Context<'_>, workload: &Workload<'_>) -> Option<Change> {
    let name = workload.id().namespace.as_deref()?;
    let namespaces = context.input.facts.around(Surrounding::Namespaces, None);
    let namespace = namespaces.yes()?.iter().find(|namespace| namespace.name() == name)?;
    let label = namespace.body.at(&["metadata", "labels"]).get(pod_security::ENFORCE_LABEL).as_str()?;
    let level = Level::parse(label)?;
    let broken = |body: &Value| pod_security::violations(level, kinds::pod_template(workload.id(), body));
    refused(
        workload,
        &Refusal {
            fact: Fact::PodSecurity,
            by: format!("Namespace/{name}"),
            now: workload.before.as_ref().map(broken).unwrap_or_default(),
            then: broken(&workload.after),
            evidence: &format!("{}: {}", pod_security::ENFORCE_LABEL, level.as_str()),
        },
    )
}

/// Minima and maxima of the namespace's LimitRanges.
fn by_limits(context: &Context<'_>, workload: &Workload<'_>) -> Option<Change> {
    let ranges = beside(context, Surrounding::LimitRanges, workload.id());
    ranges.yes()?.iter().find_map(|range| {
        refused(
            workload,
            &Refusal {
                fact: Fact::LimitRange,
                by: format!("LimitRange/{}", range.name()),
                now: out_of_range(range, workload.pod_spec_before()),
                then: out_of_range(range, workload.pod_spec()),
                evidence: "min and max of type Container",
            },
        )
    })
}

fn out_of_range(range: &LiveObject, spec: &Value) -> Vec<String> {
    let items = range.body.at(&["spec", "limits"]).as_list().iter();
    let of_containers = items.filter(|item| item.get("type").as_str() == Some("Container"));
    of_containers.flat_map(|item| spec.get("containers").as_list().iter().flat_map(|container| beyond(item, container))).collect()
}

/// Requests below the minimum, and requests or limits above the maximum.
fn beyond(item: &Value, container: &Value) -> Vec<String> {
    let checks = [("min", "requests"), ("max", "requests"), ("max", "limits")];
    let mut found = Vec::new();
    for (bound, given) in checks {
        for (resource, limit) in item.get(bound).as_map().into_iter().flatten() {
            let value = container.at(&["resources", given, resource]);
            let (Some(value_amount), Some(limit_amount)) = (amount(value), amount(limit)) else { continue };
            let outside = if bound == "min" { value_amount < limit_amount } else { value_amount > limit_amount };
            if outside {
                let name = container.get("name").as_str().unwrap_or("");
                found.push(format!("{given}.{resource} {} of {name} beyond {bound} {}", value.display(), limit.display()));
            }
        }
    }
    found
}
