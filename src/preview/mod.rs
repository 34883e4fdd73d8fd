//! Before an upgrade: what it would change, whether Helm's own rollback could come back from it, and what would be gone.
//!
//! Two forecasts, one behind the other: the upgrade over the facts of today, and the rollback over what the upgrade leaves.

#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]

mod advice;
pub mod after;
pub mod install;
mod report;

use crate::forecast::Forecast;
use crate::input::Input;
use crate::pipeline::{self, Evaluation};
use crate::release::Release;
use crate::rules::Finding;
use crate::rules::set::RuleSet;

pub use report::{ComesBack, Plan, Preview, Step, Upgrade, section};

/// Both forecasts, and what the rules say of them.
pub struct Assessed {
    /// What a rollback meets that starts when the upgrade has failed.
    pub input: Input,
    /// Of that rollback; the findings include those of the upgrade.
    pub evaluation: Evaluation,
    pub upgrade: Forecast,
}

/// Rules about what is gone for good. Of the upgrade only these count: whatever else it changes is what it is for.
const LOSSES: [&str; 14] = [
    "crd-removed",
    "custom-resource-removed",
    "key-material-removed",
    "key-material-reverted",
    "namespace-removed",
    "operator-data-removed",
    "pvc-removed",
    "reclaim-policy-to-delete",
    "release-namespace-removed",
    "secret-overwritten",
    "snapshot-policy-to-delete",
    "volume-claims-cascade",
    "volume-removed",
    "volume-snapshot-removed",
];

/// `planned` has the candidate as *from* and the facts of today; `current` is what the upgrade starts from.
pub fn assess(planned: Input, current: &Release, rules: &RuleSet) -> Assessed {
    let forward = forward(&planned, current);
    let upgrade = pipeline::evaluate_upgrade(&forward, rules);
    let facts = after::facts(&forward, &upgrade.forecast);
    let input = Input { facts, ..planned };
    let mut evaluation = pipeline::evaluate(&input, rules);
    evaluation.findings.extend(losses(upgrade.findings));
    Assessed { input, evaluation, upgrade: upgrade.forecast }
}

/// The way from what runs to the candidate.
fn forward(planned: &Input, current: &Release) -> Input {
    let candidate = planned.from.revision;
    Input {
        from: current.clone(),
        to: planned.from.clone(),
        history: planned.history.iter().filter(|entry| entry.revision != candidate).cloned().collect(),
        between: Vec::new(),
        residue: Vec::new(),
        schema: crate::input::NamedMigrations::default(),
        gaps: Vec::new(),
        ..planned.clone()
    }
}

/// The same function of Helm changes objects on both ways, so the rules hold for both; only the operation has another name.
fn losses(findings: Vec<Finding>) -> impl Iterator<Item = Finding> {
    findings.into_iter().filter(|finding| LOSSES.contains(&finding.rule.as_str())).map(|finding| Finding {
        title: named(&finding.title),
        message: named(&finding.message),
        why: named(&finding.why),
        remediation: named(&finding.remediation),
        ..finding
    })
}

fn named(text: &str) -> String {
    text.replace("roll back", "upgrade")
        .replace("Roll back", "Upgrade")
        .replace("rollback", "upgrade")
        .replace("Rollback", "Upgrade")
}
