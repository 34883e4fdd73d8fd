//! The pure part in one call: diff, forecast, changes, findings.

use std::collections::{BTreeMap, BTreeSet};

use crate::analyze::{self, Change, Context, schema};
use crate::diff;
use crate::forecast::{self, Forecast};
use crate::input::{DryRun, Gap, Input};
use crate::k8s::identity::Identity;
use crate::rules::Finding;
use crate::rules::matcher;
use crate::rules::set::RuleSet;

/// What follows from one input, before any rule looks at it.
#[derive(Clone, Debug)]
pub struct Analysis {
    pub forecast: Forecast,
    pub changes: Vec<Change>,
    /// Histories of migrations that the records carry.
    pub schema: Vec<schema::Found>,
    pub gaps: Vec<Gap>,
}

/// Diffs, forecasts and analyzes. No clock, no environment, no I/O: same input, same result.
pub fn analyze(input: &Input) -> Analysis {
    analyze_as(input, forecast::predict(input))
}

/// The same over a forecast that was made already.
fn analyze_as(input: &Input, forecast: Forecast) -> Analysis {
    let identity = input.helm.version.yes().map_or(Identity::Group, Identity::of);
    let pairs = diff::pair(&input.from.objects, &input.to.objects, identity);
    let (schema, schema_gaps) = schema::run(input);
    let changes = analyze::run(&Context { input, forecast: &forecast, pairs: &pairs, schema: &schema });
    let mut gaps = gaps(input, &forecast);
    gaps.extend(schema_gaps);
    Analysis { forecast, changes, schema, gaps }
}

fn gaps(input: &Input, forecast: &Forecast) -> Vec<Gap> {
    let mut gaps: Vec<Gap> =
        input.gaps.iter().chain(&input.from.gaps).chain(&input.to.gaps).chain(&forecast.unknowns).cloned().collect();
    gaps.sort();
    gaps.dedup();
    gaps
}

/// What the manifests led to and could not be read, with the rules that are blind for it.
fn unread_facts(input: &Input) -> Vec<Gap> {
    let facts = &input.facts;
    let mut gaps = Vec::new();
    let mut add = |what: String, why: Option<&str>, rules: &[&str]| {
        if let Some(why) = why {
            gaps.push(rules.iter().fold(Gap::new(what, why), |gap, rule| gap.affecting(rule)));
        }
    };
    for (name, volume) in &facts.volumes {
        let rules = ["pvc-removed", "volume-claims-cascade", "claim-recreated-empty"];
        add(format!("PersistentVolume/{name}"), volume.why_not(), &rules);
    }
    for (set, claims) in &facts.set_claims {
        add(format!("claims of {set}"), claims.why_not(), &["volume-claims-cascade"]);
    }
    for (crd, found) in &facts.custom_resources {
        add(format!("custom resources of {crd}"), found.why_not(), &["crd-removed"]);
    }
    for (namespace, found) in &facts.namespace_contents {
        add(format!("contents of Namespace/{namespace}"), found.why_not(), &["namespace-removed"]);
    }
    for ((namespace, service), ready) in &facts.webhook_backends {
        let rules = ["own-webhook-blocks", "cluster-webhook-blocks"];
        add(format!("endpoints of Service/{namespace}/{service}"), ready.why_not(), &rules);
    }
    for (namespace, rules) in &facts.access.by_namespace {
        let place = namespace.as_ref().map_or_else(|| "in the whole cluster".to_owned(), |name| format!("in {name}"));
        add(format!("what you may do {place}"), rules.why_not(), &["change-forbidden", "deletion-forbidden"]);
    }
    gaps
}

/// What a dry run could not tell.
fn not_asked(input: &Input) -> impl Iterator<Item = Gap> {
    input.facts.dry_run.iter().filter_map(|(id, answer)| match answer {
        DryRun::NotAsked(why) => Some(Gap::new(format!("dry run of {id}"), why.as_str()).affecting("dry-run-refused")),
        DryRun::Accepted { .. } | DryRun::Refused(_) => None,
    })
}

/// The rule that looks at Services of the whole cluster.
const NODE_PORTS: &str = "node-port-taken";

/// What could not be read around the release, with the rules that are blind for it; one gap for one reason.
fn blinded(input: &Input, rules: &RuleSet) -> Vec<Gap> {
    let mut by_reason: BTreeMap<&str, (Vec<String>, BTreeSet<&str>)> = BTreeMap::new();
    for ((kind, namespace), found) in &input.facts.around {
        let Some(why) = found.why_not() else { continue };
        // The list of every namespace is read for one rule alone.
        let everywhere = kind.is_namespaced() && namespace.is_none();
        let blind = rules.iter().filter(|rule| rule.needs.contains(kind) && (rule.id == NODE_PORTS) == everywhere);
        let blind: Vec<&str> = blind.map(|rule| rule.id.as_str()).collect();
        if !blind.is_empty() {
            let place = namespace.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
            let (what, affects) = by_reason.entry(why).or_default();
            what.push(format!("{}{place}", kind.as_str()));
            affects.extend(blind);
        }
    }
    let gap = |(why, (what, affects)): (&str, (Vec<String>, BTreeSet<&str>))| {
        affects.into_iter().fold(Gap::new(what.join(", "), why), Gap::affecting)
    };
    by_reason.into_iter().map(gap).collect()
}

/// An analysis with what the rules made of it.
#[derive(Clone, Debug)]
pub struct Evaluation {
    pub forecast: Forecast,
    pub changes: Vec<Change>,
    pub schema: Vec<schema::Found>,
    pub findings: Vec<Finding>,
    pub gaps: Vec<Gap>,
}

/// The whole pure part.
pub fn evaluate(input: &Input, rules: &RuleSet) -> Evaluation {
    judged(input, analyze(input), rules)
}

/// The same for an upgrade from *from* to *to*.
pub fn evaluate_upgrade(input: &Input, rules: &RuleSet) -> Evaluation {
    judged(input, analyze_as(input, forecast::predict_upgrade(input)), rules)
}

fn judged(input: &Input, analysis: Analysis, rules: &RuleSet) -> Evaluation {
    let Analysis { forecast, changes, schema, gaps } = analysis;
    let findings = matcher::apply(rules, &changes);
    let mut gaps = gaps;
    gaps.extend(blinded(input, rules));
    gaps.extend(not_asked(input));
    gaps.extend(unread_facts(input));
    Evaluation { forecast, changes, schema, findings, gaps }
}
