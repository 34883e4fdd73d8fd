//! The report: what was found, said once, in every form.

#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]

mod clean;
mod digest;
pub mod github;
pub mod gitlab;
pub mod html;
pub mod in_toto;
pub mod json;
pub mod junit;
mod location;
pub mod markdown;
mod markup;
pub mod migrations;
mod model;
pub mod policy_report;
#[cfg(test)]
pub mod sample;
pub mod sarif;
pub mod text;
mod uri;
pub mod yaml;

pub use digest::Records;

use std::collections::{BTreeMap, BTreeSet};

pub use clean::clean;
pub use model::*;

use crate::analyze::schema;
use crate::forecast::{Forecast, Outcome};
use crate::gate::GatePolicy;
use crate::helm::HelmVersion;
use crate::input::{Gap, Input};
use crate::policy::{Effective, contract, judge};
use crate::release::{ObjectRef, Release, Revision, Status};
use crate::rules::{self, Severity};

/// What the pure part worked out about an [`Input`].
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    pub forecast: &'a Forecast,
    pub findings: &'a [rules::Finding],
    pub schema: &'a [schema::Found],
    /// Gaps met on the way; those of the input and of the forecast are added here.
    pub gaps: &'a [Gap],
    /// As the digest names both records; of the same input.
    pub records: &'a Records,
}

/// Makes the report without a policy but the gate's. The same input gives the same report, byte for byte.
pub fn build(input: &Input, parts: Parts<'_>, tool: ToolInfo, policy: &GatePolicy) -> Report {
    build_under(input, parts, tool, &Effective::from(*policy))
}

/// Makes the report under a policy.
pub fn build_under(input: &Input, parts: Parts<'_>, tool: ToolInfo, policy: &Effective) -> Report {
    let judged = judge::apply(policy, input, made(input, parts.findings));
    let findings = sorted(judged.findings);
    let gaps = gaps(input, parts, &judged.gaps);
    let predicted = predicted(parts.forecast);
    let mut report = Report {
        schema: SCHEMA.to_owned(),
        tool,
        release: release(input),
        digest: String::new(),
        verdict: verdict(&findings, &gaps, predicted.outcome),
        predicted,
        summary: Summary::count(findings.iter().filter(|finding| finding.waived.is_none())),
        findings,
        gaps,
        migrations: parts.schema.first().map(|found| found.report.clone()),
        other_migrations: parts.schema.iter().skip(1).map(|found| found.report.clone()).collect(),
        preview: None,
        policy: judged.info,
        declared: contract::of_charts(input),
    };
    report.digest = digest::of(input, &report, &policy.gate, parts.records);
    report
}

/// The verdict; the first that matches wins.
///
/// A gap without `blocks` decides nothing: what it hides was not needed in this comparison.
pub fn verdict(findings: &[Finding], gaps: &[Gap], outcome: Outcome) -> Verdict {
    let worst = findings.iter().filter(|finding| finding.waived.is_none()).map(|finding| finding.severity).max();
    if worst >= Some(Severity::High) || matches!(outcome, Outcome::Fails | Outcome::Stuck) {
        Verdict::Unsafe
    } else if gaps.iter().any(|gap| gap.blocks) {
        Verdict::Inconclusive
    } else if worst >= Some(Severity::Medium) || outcome == Outcome::Unknown {
        Verdict::Caution
    } else {
        Verdict::Safe
    }
}

fn made(input: &Input, found: &[rules::Finding]) -> Vec<Finding> {
    let templates = templates(input);
    let template = |object: &ObjectRef| templates.get(object).map(|template| (*template).to_owned());
    let made = |found: &rules::Finding| Finding { template: found.object.as_ref().and_then(template), ..finding(found) };
    found.iter().map(made).collect()
}

/// Worst first, then in an order that does not depend on who found them.
fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|a, b| {
        (b.severity, b.confidence)
            .cmp(&(a.severity, a.confidence))
            .then_with(|| (&a.rule, &a.object, &a.path, &a.id).cmp(&(&b.rule, &b.object, &b.path, &b.id)))
    });
    findings
}

/// Which template makes an object: that of the newer revision, where both have it.
fn templates(input: &Input) -> BTreeMap<&ObjectRef, &str> {
    let all = [&input.to, &input.from].into_iter().flat_map(|release| release.objects.iter().chain(release.hook_objects()));
    all.filter_map(|object| Some((&object.id, object.origin.template.as_deref()?))).collect()
}

fn finding(found: &rules::Finding) -> Finding {
    Finding {
        id: found.id.clone(),
        rule: found.rule.clone(),
        title: found.title.clone(),
        severity: found.severity,
        confidence: found.confidence,
        object: found.object.clone(),
        path: found.path.clone(),
        template: None,
        message: found.message.clone(),
        why: found.why.clone(),
        remediation: found.remediation.clone(),
        evidence: found.evidence.clone(),
        adjusted: None,
        waived: None,
        accepted: None,
    }
}

/// All gaps, each once: the same one met in two places affects what both said.
fn gaps(input: &Input, parts: Parts<'_>, of_policy: &[Gap]) -> Vec<Gap> {
    let all = [&input.gaps, &input.from.gaps, &input.to.gaps, &parts.forecast.unknowns];
    let mut merged: BTreeMap<(&str, &str), (BTreeSet<&str>, bool)> = BTreeMap::new();
    let helm = helm_gap(input, parts.forecast);
    for gap in all.into_iter().flatten().chain(parts.gaps).chain(of_policy).chain(&helm) {
        let (affects, blocks) = merged.entry((&gap.what, &gap.why)).or_default();
        affects.extend(gap.affects.iter().map(String::as_str));
        *blocks |= gap.blocks;
    }
    let mut gaps: Vec<Gap> = merged
        .into_iter()
        .map(|((what, why), (affects, blocks))| Gap {
            what: what.to_owned(),
            why: why.to_owned(),
            affects: affects.into_iter().map(str::to_owned).collect(),
            blocks,
        })
        .collect();
    gaps.sort_by_key(|gap| !gap.blocks);
    gaps
}

/// Without a version the forecast is made for both lines of Helm; the version was needed if they end differently.
fn helm_gap(input: &Input, forecast: &Forecast) -> Option<Gap> {
    let gap = Gap::new("the version of Helm", input.helm.version.why_not()?).affecting("forecast");
    let differ = forecast.outcome == Outcome::Unknown && !forecast.alternatives.is_empty();
    Some(if differ { gap.blocking() } else { gap })
}

fn release(input: &Input) -> ReleaseInfo {
    let target = &input.target;
    ReleaseInfo {
        name: input.from.name.clone(),
        namespace: input.namespace.clone(),
        helm: input.helm.version.yes().map(HelmVersion::to_string),
        driver: input.driver.clone(),
        from: revision(&input.from),
        to: revision(&input.to),
        deployed: other_deployed(input),
        target: Target {
            requested: target.requested,
            helm_default: target.helm_default,
            reason: target.reason.clone(),
            skipped: target.skipped.clone(),
        },
    }
}

fn other_deployed(input: &Input) -> Option<Revision> {
    let deployed = input.history.iter().rev().find(|entry| entry.status() == Status::Deployed)?;
    (deployed.revision != input.from.revision).then_some(deployed.revision)
}

fn revision(record: &Release) -> RevisionInfo {
    let chart = &record.chart;
    RevisionInfo {
        revision: record.revision,
        status: record.status,
        chart: if chart.version.is_empty() { chart.name.clone() } else { format!("{}-{}", chart.name, chart.version) },
        app_version: chart.app_version.clone(),
        restores: record.restores().unwrap_or(record.revision),
        last_deployed: record.last_deployed.clone(),
    }
}

fn predicted(forecast: &Forecast) -> Predicted {
    Predicted {
        outcome: forecast.outcome,
        reason: forecast.reason.clone(),
        method: forecast.method,
        records: forecast.records.iter().map(|r| Record { revision: r.revision, status: r.status }).collect(),
        pruned: forecast.pruned.clone(),
        steps: forecast.steps.iter().map(step).collect(),
        deletes: names(&forecast.deletes),
        cascades: names(&forecast.cascades),
        creates: names(&forecast.creates),
        adopts: names(&forecast.adopts),
        rejected: forecast.rejected.iter().map(rejected).collect(),
        kept: names(&forecast.kept),
        not_restored: forecast
            .not_restored
            .iter()
            .map(|item| NotRestored { object: item.object.to_string(), why: item.why.clone() })
            .collect(),
        hooks: forecast.hooks.iter().map(hook).collect(),
        alternatives: forecast.alternatives.clone(),
    }
}

fn names(objects: &[ObjectRef]) -> Vec<String> {
    objects.iter().map(ObjectRef::to_string).collect()
}

fn step(step: &crate::forecast::Step) -> Step {
    Step {
        action: step.action,
        api_version: step.object.api_version.clone(),
        object: step.object.to_string(),
        result: step.result,
        why: step.why.clone(),
    }
}

fn rejected(refusal: &crate::forecast::Rejected) -> Rejected {
    Rejected {
        object: refusal.object.to_string(),
        field: refusal.field.clone(),
        reason: refusal.reason.clone(),
        confidence: refusal.confidence,
        conflict: refusal.conflict,
    }
}

fn hook(run: &crate::forecast::HookRun) -> Hook {
    Hook {
        name: run.name.clone(),
        kind: run.kind.clone(),
        event: run.event,
        weight: run.weight,
        from_revision: run.from_revision,
    }
}

#[cfg(test)]
mod matrix;
#[cfg(test)]
mod tests;
