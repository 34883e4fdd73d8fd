//! Traffic weights: those that move before the pods are there, those that somebody shifts right now, and those that sum up to nothing.

use std::collections::BTreeMap;

use super::behind::{self, Pods};
use super::{Change, ChangeKind, Context, Fact, after, routing};
use crate::forecast::Confidence;
use crate::input::{Known, LiveObject};
use crate::k8s::routes::{self, Backend, Share};
use crate::k8s::surroundings::Surrounding;
use crate::release::{Object, ObjectRef, Value};
use crate::rules::EvidenceSource;

/// Field managers of controllers that shift weights (argoproj/argo-rollouts, fluxcd/flagger).
const SHIFTERS: [(&str, &str); 3] =
    [("rollouts-controller", "Argo Rollouts"), ("argo-rollouts", "Argo Rollouts"), ("flagger", "Flagger")];

/// The weights of one rule.
type Weights = BTreeMap<Backend, u64>;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let routes = context.input.to.objects.iter().filter(|object| !context.is_rejected(&object.id));
    routes.flat_map(|object| of_route(context, object)).collect()
}

fn of_route(context: &Context<'_>, object: &Object) -> Vec<Change> {
    let target = rules(&routes::shares(&object.id, routing::effective(context, object)));
    if target.is_empty() {
        return Vec::new();
    }
    let mut changes: Vec<Change> = moves(context, object, &target).into_iter().collect();
    changes.extend(shifted(context, object, &target));
    changes.extend(sums(context, object, &target));
    changes
}

/// Weights by rule; backends that stand twice are added up. Rules without weights are left out.
fn rules(shares: &[Share]) -> BTreeMap<String, Weights> {
    let mut rules: BTreeMap<String, Weights> = BTreeMap::new();
    for (share, weight) in shares.iter().filter_map(|share| Some((share, share.weight?))) {
        let sum = rules.entry(share.rule.clone()).or_default().entry(share.backend.clone()).or_insert(0);
        *sum = sum.saturating_add(weight);
    }
    rules
}

fn total(weights: &Weights) -> u64 {
    weights.values().fold(0, |sum, weight| sum.saturating_add(*weight))
}

/// Percent of the rule's requests.
fn percent(weights: &Weights, backend: &Backend) -> u128 {
    let weight = u128::from(weights.get(backend).copied().unwrap_or(0));
    (weight * 100).checked_div(u128::from(total(weights))).unwrap_or(0)
}

fn shown(weights: &Weights) -> String {
    let shares: Vec<String> = weights.keys().map(|backend| format!("{backend} {} %", percent(weights, backend))).collect();
    shares.join(", ")
}

fn same_shares(a: &Weights, b: &Weights) -> bool {
    a.keys().chain(b.keys()).all(|backend| percent(a, backend) == percent(b, backend))
}

/// The share of a backend grows while its pods are only being made.
fn moves(context: &Context<'_>, object: &Object, target: &BTreeMap<String, Weights>) -> Option<Change> {
    let before = rules(&routes::shares(&object.id, behind::body_before(context, &object.id)?));
    let grown = target.iter().filter_map(|(rule, weights)| Some((rule, before.get(rule)?, weights)));
    let mut grown = grown.filter(|(_, before, after)| before.len() > 1 || after.len() > 1).flat_map(|(rule, before, after)| {
        let backends = after.keys().filter(|backend| percent(after, backend) > percent(before, backend));
        backends.map(move |backend| (rule, before, after, backend))
    });
    grown.find_map(|(rule, before, after, backend)| {
        let workloads = behind::workloads(context, backend).into_iter();
        let (workload, pods) =
            workloads.map(|workload| (workload, behind::pods(context, workload))).find(|(_, pods)| *pods != Pods::Stay)?;
        Some(
            moved(object, rule, (before, after), backend)
                .fact_if(pods == Pods::Created, Fact::PodsCreated)
                .with("workload", &workload.id),
        )
    })
}

fn moved(object: &Object, rule: &str, (before, after): (&Weights, &Weights), backend: &Backend) -> Change {
    Change::of(ChangeKind::WeightsMove, &object.id)
        .path(rule)
        .confidence(Confidence::Likely)
        .with("backend", backend)
        .with("from", percent(before, backend))
        .with("to", percent(after, backend))
        .evidence(EvidenceSource::Live, format!("{} {rule}", object.id), format!("before: {}", shown(before)))
        .evidence(EvidenceSource::To, &object.origin, shown(after))
}

/// Live weights are neither those of *from* nor those of the target.
fn shifted(context: &Context<'_>, object: &Object, target: &BTreeMap<String, Weights>) -> Option<Change> {
    let Known::Yes(Some(live)) = context.input.facts.live_of(&object.id) else { return None };
    let from = after::before(context, &object.id)?;
    let now = rules(&routes::shares(&object.id, &live.body));
    let written = rules(&routes::shares(&from.id, &from.body));
    let (rule, now) = now.iter().find(|(rule, now)| {
        let differs =
            |other: Option<&Weights>| other.is_some_and(|other| other.keys().eq(now.keys()) && !same_shares(other, now));
        differs(written.get(*rule)) && differs(target.get(*rule))
    })?;
    let owner = shifter(context, object, live);
    Some(
        Change::of(ChangeKind::WeightsShifted, &object.id)
            .path(rule)
            .with("live", shown(now))
            .with("to", target.get(rule).map(shown).unwrap_or_default())
            .with("owner", owner.clone().unwrap_or_else(|| "somebody".to_owned()))
            .fact_if(owner.is_some(), Fact::ControllerOwned)
            .evidence(EvidenceSource::Live, format!("{} {rule}", object.id), shown(now))
            .evidence(EvidenceSource::From, &from.origin, written.get(rule).map(shown).unwrap_or_default()),
    )
}

/// Who shifts: by the field managers, else a Rollout or Canary that names the route.
fn shifter(context: &Context<'_>, object: &Object, live: &LiveObject) -> Option<String> {
    let managers =
        live.body.at(&["metadata", "managedFields"]).as_list().iter().filter_map(|entry| entry.get("manager").as_str());
    let by_manager = managers
        .filter_map(|manager| SHIFTERS.iter().find(|(name, _)| *name == manager))
        .map(|(_, who)| (*who).to_owned())
        .next();
    let own = context.input.to.objects.iter().map(|object| (object.id.clone(), &object.body));
    let around = [Surrounding::Rollouts, Surrounding::Canaries].into_iter();
    let around = around.flat_map(|kind| after::surrounding(context, kind).map(|(id, live)| (id, &live.body)).collect::<Vec<_>>());
    let mut controllers = own.chain(around).filter(|(id, _)| id.is("argoproj.io", "Rollout") || id.is("flagger.app", "Canary"));
    by_manager.or_else(|| controllers.find(|(id, body)| drives(id, body, &object.id)).map(|(id, _)| id.to_string()))
}

/// Flagger names its mesh objects after the Canary; a Rollout names them in its strategy.
fn drives(controller: &ObjectRef, body: &Value, route: &ObjectRef) -> bool {
    let by_name = controller.kind == "Canary" && controller.name == route.name;
    controller.namespace == route.namespace && (by_name || after::mentions(body.get("spec"), &route.name))
}

/// A rule whose weights are all zero is refused (Istio) or answers 500 (Gateway API `BackendRef.weight`).
fn sums(context: &Context<'_>, object: &Object, target: &BTreeMap<String, Weights>) -> Option<Change> {
    let canary = object.id.kind == "Ingress";
    let (rule, weights) = target.iter().find(|(_, weights)| !canary && total(weights) == 0)?;
    let before = after::before(context, &object.id).map(|from| rules(&routes::shares(&from.id, &from.body))).unwrap_or_default();
    let in_both = before.get(rule).is_some_and(|before| total(before) == 0);
    Some(Change::of(ChangeKind::WeightsZero, &object.id).path(rule).fact_if(in_both, Fact::InBoth).evidence(
        EvidenceSource::To,
        &object.origin,
        format!("{rule}: {}", shown(weights)),
    ))
}
