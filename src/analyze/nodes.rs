//! Whether any node fits what the target's pods ask for.

use super::images::slots::{self, Before};
use super::{Change, ChangeKind, Context, Fact};
use crate::diff::Pair;
use crate::forecast::Confidence;
use crate::input::{Known, LiveObject};
use crate::k8s::surroundings::Surrounding;
use crate::release::{ObjectRef, Value};
use crate::rules::EvidenceSource;

/// Labels of node pools that grow on demand: Karpenter, GKE, EKS and AKS.
const POOL_LABELS: [&str; 5] = [
    "karpenter.sh/nodepool",
    "karpenter.sh/provisioner-name",
    "cloud.google.com/gke-nodepool",
    "eks.amazonaws.com/nodegroup",
    "kubernetes.azure.com/agentpool",
];

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let Known::Yes(nodes) = context.input.facts.around(Surrounding::Nodes, None) else { return Vec::new() };
    context.pairs.iter().filter_map(|pair| unschedulable(context, pair, nodes)).collect()
}

/// A workload whose demands change, to some that no node meets. A DaemonSet runs wherever it fits: that it fits nowhere
/// counts only if it runs somewhere now.
fn unschedulable(context: &Context<'_>, pair: &Pair<'_>, nodes: &[LiveObject]) -> Option<Change> {
    let to = pair.to.filter(|to| !to.id.is("apps", "DaemonSet") || runs_somewhere(context, &to.id))?;
    let target = Demand::of(&to.id, &to.body);
    let bodies = [Before::of(context, pair).map(|before| before.body), pair.from.map(|from| &from.body)];
    if target.is_empty() || bodies.into_iter().flatten().any(|body| Demand::of(&to.id, body) == target) {
        return None;
    }
    let reasons: Vec<String> = nodes.iter().map(|node| target.refused_by(node)).collect::<Option<_>>()?;
    let pools = nodes.iter().any(|node| POOL_LABELS.iter().any(|label| !label_of(node, label).is_null()));
    let may_come = pools || nodes.is_empty();
    let change = Change::of(ChangeKind::NoNodeFits, &to.id)
        .path(slots::spec_prefix(&to.id).trim_end_matches('.'))
        .confidence(if may_come { Confidence::Possible } else { Confidence::Likely })
        .fact_if(may_come, Fact::NodesMayCome)
        .with("nodes", nodes.len())
        .with("demand", target.shown())
        .evidence(EvidenceSource::To, &to.origin, target.shown());
    Some(reasons.into_iter().take(5).fold(change, |change, reason| change.evidence(EvidenceSource::Live, "Node", reason)))
}

fn runs_somewhere(context: &Context<'_>, id: &ObjectRef) -> bool {
    let live = context.input.facts.live_of(id).yes().copied().flatten();
    live.is_some_and(|live| live.body.at(&["status", "currentNumberScheduled"]).as_i64().unwrap_or(0) > 0)
}

fn label_of<'n>(node: &'n LiveObject, key: &str) -> &'n Value {
    node.body.at(&["metadata", "labels"]).get(key)
}

/// What a pod asks of its node (core/v1 `PodSpec`, `NodeAffinity`).
#[derive(PartialEq)]
struct Demand<'v> {
    selector: &'v Value,
    /// Alternatives; none = no required affinity.
    terms: &'v [Value],
    tolerations: &'v [Value],
}

impl<'v> Demand<'v> {
    fn of(id: &ObjectRef, body: &'v Value) -> Demand<'v> {
        let spec = slots::pod_spec(id, body);
        let required = ["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"];
        Demand {
            selector: spec.get("nodeSelector"),
            terms: spec.at(&required).as_list(),
            tolerations: spec.get("tolerations").as_list(),
        }
    }

    fn is_empty(&self) -> bool {
        self.selector.as_map().is_none_or(|map| map.is_empty()) && self.terms.is_empty()
    }

    fn shown(&self) -> String {
        let selector = self.selector.as_map().into_iter().flatten().map(|(key, value)| format!("{key}={}", value.display()));
        let terms = self.terms.iter().map(|term| format!("affinity {}", term.display()));
        selector.chain(terms).collect::<Vec<_>>().join(", ")
    }

    /// Why the node does not take the pod; none where it does.
    fn refused_by(&self, node: &LiveObject) -> Option<String> {
        let name = node.body.at(&["metadata", "name"]).display();
        let mut wanted = self.selector.as_map().into_iter().flatten();
        if let Some((key, value)) = wanted.find(|(key, value)| label_of(node, key) != *value) {
            return Some(format!("{name} has no label {key}={}", value.display()));
        }
        if !self.terms.is_empty() && !self.terms.iter().any(|term| meets(node, term)) {
            return Some(format!("{name} meets no term of the affinity"));
        }
        let taint = node.body.at(&["spec", "taints"]).as_list().iter().find(|taint| self.is_repelled_by(taint))?;
        Some(format!("{name} has the taint {}", taint.get("key").display()))
    }

    fn is_repelled_by(&self, taint: &Value) -> bool {
        let repels = matches!(taint.get("effect").as_str(), Some("NoSchedule" | "NoExecute"));
        // A cordon or a lost kubelet passes.
        let passing = taint.get("key").as_str().is_some_and(|key| key.starts_with("node.kubernetes.io/"));
        repels && !passing && !self.tolerations.iter().any(|toleration| tolerates(toleration, taint))
    }
}

/// Kubernetes `component-helpers/scheduling/corev1` `Toleration.ToleratesTaint`.
fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let same_or_any = |field: &str| toleration.get(field).is_null() || toleration.get(field) == taint.get(field);
    let exists = toleration.get("operator").as_str() == Some("Exists");
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    same_or_any("effect") && same_or_any("key") && (exists || text(toleration.get("value")) == text(taint.get("value")))
}

/// All expressions of a term; a term without any matches nothing (core/v1 `NodeSelectorTerm`).
fn meets(node: &LiveObject, term: &Value) -> bool {
    let (labels, fields) = (term.get("matchExpressions").as_list(), term.get("matchFields").as_list());
    let name = node.body.at(&["metadata", "name"]);
    !(labels.is_empty() && fields.is_empty())
        && labels.iter().all(|wanted| holds(wanted, label_of(node, wanted.get("key").as_str().unwrap_or(""))))
        && fields.iter().all(|wanted| holds(wanted, name))
}

fn holds(wanted: &Value, value: &Value) -> bool {
    let listed = wanted.get("values").as_list().contains(value);
    let number = |value: &Value| value.as_str().and_then(|text| text.parse::<i64>().ok());
    let limit = wanted.get("values").as_list().first().and_then(number);
    match wanted.get("operator").as_str() {
        Some("In") => listed,
        Some("NotIn") => !listed,
        Some("Exists") => !value.is_null(),
        Some("DoesNotExist") => value.is_null(),
        Some("Gt") => number(value).zip(limit).is_some_and(|(value, limit)| value > limit),
        Some("Lt") => number(value).zip(limit).is_some_and(|(value, limit)| value < limit),
        // An operator nobody knows yet: not said to be unmet.
        _ => true,
    }
}
