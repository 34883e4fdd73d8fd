//! The pure part in one call: diff, forecast, changes, findings.

use crate::analyze::{self, Change, Context};
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
    pub gaps: Vec<Gap>,
}

/// Diffs, forecasts and analyzes. No clock, no environment, no I/O: same input, same result.
pub fn analyze(input: &Input) -> Analysis {
    let identity = input.helm.version.yes().map_or(Identity::Group, Identity::of);
    let pairs = diff::pair(&input.from.objects, &input.to.objects, identity);
    let forecast = forecast::predict(input);
    let changes = analyze::run(&Context { input, forecast: &forecast, pairs: &pairs });
    let gaps = gaps(input, &forecast);
    Analysis { forecast, changes, gaps }
}

fn gaps(input: &Input, forecast: &Forecast) -> Vec<Gap> {
    let mut gaps: Vec<Gap> =
        input.gaps.iter().chain(&input.from.gaps).chain(&input.to.gaps).chain(&forecast.unknowns).cloned().collect();
    gaps.sort();
    gaps.dedup();
    gaps
}

/// What a dry run could not tell.
fn not_asked(input: &Input) -> impl Iterator<Item = Gap> {
    input.facts.dry_run.iter().filter_map(|(id, answer)| match answer {
        DryRun::NotAsked(why) => Some(Gap::new(format!("dry run of {id}"), why.as_str()).affecting("dry-run-refused")),
        DryRun::Accepted { .. } | DryRun::Refused(_) => None,
    })
}

/// What could not be read around the release, with the rules that are blind for it.
fn blinded(input: &Input, rules: &RuleSet) -> Vec<Gap> {
    let unread = input.facts.around.iter().filter_map(|((kind, namespace), found)| Some((kind, namespace, found.why_not()?)));
    unread
        .filter_map(|(kind, namespace, why)| {
            let place = namespace.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
            let mut gap = Gap::new(format!("{}{place}", kind.as_str()), why);
            gap.affects = rules.iter().filter(|rule| rule.needs.contains(kind)).map(|rule| rule.id.clone()).collect();
            (!gap.affects.is_empty()).then_some(gap)
        })
        .collect()
}

/// An analysis with what the rules made of it.
#[derive(Clone, Debug)]
pub struct Evaluation {
    pub forecast: Forecast,
    pub changes: Vec<Change>,
    pub findings: Vec<Finding>,
    pub gaps: Vec<Gap>,
}

/// The whole pure part.
pub fn evaluate(input: &Input, rules: &RuleSet) -> Evaluation {
    let Analysis { forecast, changes, gaps } = analyze(input);
    let findings = matcher::apply(rules, &changes);
    let mut gaps = gaps;
    gaps.extend(blinded(input, rules));
    gaps.extend(not_asked(input));
    Evaluation { forecast, changes, findings, gaps }
}
