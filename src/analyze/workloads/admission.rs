//! Pods of the target that admission refuses: the workload is accepted, its pods are not.

use super::quotas::{amount, counts};
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
    new_pods
        .flat_map(|workload| [by_level(context, workload), by_limits(context, workload), by_quota(context, workload)])
        .flatten()
        .collect()
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

/// What a quota can demand of each container (Kubernetes `pkg/quota/v1/evaluator/core/pods.go` `validationSet`), and where it may
/// stand: a request left out is the limit.
const DEMANDS: [(&str, &str, &[&str]); 6] = [
    ("cpu", "cpu", &["requests", "limits"]),
    ("memory", "memory", &["requests", "limits"]),
    ("requests.cpu", "cpu", &["requests", "limits"]),
    ("requests.memory", "memory", &["requests", "limits"]),
    ("limits.cpu", "cpu", &["limits"]),
    ("limits.memory", "memory", &["limits"]),
];

/// Quotas that count a resource refuse pods with a container that does not state it.
fn by_quota(context: &Context<'_>, workload: &Workload<'_>) -> Option<Change> {
    let quotas = beside(context, Surrounding::ResourceQuotas, workload.id());
    let ranges = beside(context, Surrounding::LimitRanges, workload.id());
    let known = ranges.yes().is_some();
    let ranges = ranges.yes().copied().unwrap_or_default();
    let refusal = quotas.yes()?.iter().find_map(|quota| {
        refused(
            workload,
            &Refusal {
                fact: Fact::QuotaDemands,
                by: format!("ResourceQuota/{}", quota.name()),
                now: unstated(quota, ranges, workload.pod_spec_before()),
                then: unstated(quota, ranges, workload.pod_spec()),
                evidence: "spec.hard counts what the containers do not state",
            },
        )
    });
    // LimitRanges that nobody may read may fill it in.
    refusal.map(|change| if known { change } else { change.confidence(Confidence::Possible) })
}

fn unstated(quota: &LiveObject, ranges: &[LiveObject], spec: &Value) -> Vec<String> {
    // Resources of the pod as a whole stand for those of its containers.
    let of_pod = spec.get("resources").as_map().is_some_and(|resources| !resources.is_empty());
    if of_pod || !counts(quota, spec) {
        return Vec::new();
    }
    let hard = quota.body.at(&["spec", "hard"]);
    let demands = DEMANDS.iter().filter(|(name, ..)| !hard.get(name).is_null());
    let containers = || ["initContainers", "containers"].into_iter().flat_map(|list| spec.get(list).as_list());
    let lacking = demands.flat_map(|(name, resource, lists)| {
        let lacks = move |container: &&Value| {
            let stated = lists.iter().any(|list| !container.at(&["resources", list, resource]).is_null());
            !stated && !filled_in(ranges, lists, resource)
        };
        containers().filter(lacks).map(move |container| format!("no {name} on {}", container.get("name").as_str().unwrap_or("")))
    });
    lacking.collect()
}

/// Whether a LimitRange fills the resource in (core/v1 `LimitRangeItem`); the server has put `max` into `default` already.
fn filled_in(ranges: &[LiveObject], lists: &[&str], resource: &str) -> bool {
    let items = ranges.iter().flat_map(|range| range.body.at(&["spec", "limits"]).as_list());
    let mut of_containers = items.filter(|item| item.get("type").as_str() == Some("Container"));
    of_containers.any(|item| {
        let by_request = lists.contains(&"requests") && !item.at(&["defaultRequest", resource]).is_null();
        by_request || !item.at(&["default", resource]).is_null()
    })
}
