//! What `helm rollback` will do, step by step: a pure model of the Helm version at hand.

#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]

pub mod apply;
pub mod availability;
pub mod behaviour;
pub mod bodies;
pub mod cascades;
pub mod definitions;
pub mod expansion;
pub mod hooks;
pub mod managed;
pub mod merge;
pub mod objects;
pub mod ports;
pub mod records;
pub mod restored;
pub mod simulate;
pub mod target;
pub mod webhooks;
pub mod writes;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::helm::HelmVersion;
use crate::input::{Input, Known};

use crate::release::{HookEvent, ObjectRef, Revision, Status};

/// Newest version of each line that the model was checked against.
const NEWEST: [HelmVersion; 2] =
    [HelmVersion { major: 3, minor: 22, patch: None }, HelmVersion { major: 4, minor: 3, patch: None }];

/// Predicts what the rollback does. Where Helm's version is not known, both lines are tried and differences are named.
pub fn predict(input: &Input) -> Forecast {
    match &input.helm.version {
        Known::Yes(version) => simulate::simulate(input, version, simulate::ROLLBACK),
        Known::No(_) => predict_both(input),
    }
}

/// Predicts what `helm upgrade` from *from* to *to* does. Without a version, as the newest Helm 4 does it.
pub fn predict_upgrade(input: &Input) -> Forecast {
    let [_, newest] = NEWEST;
    let version = input.helm.version.yes().unwrap_or(&newest);
    simulate::simulate(input, version, simulate::UPGRADE)
}

fn predict_both(input: &Input) -> Forecast {
    let [three, four] = NEWEST.map(|version| simulate::simulate(input, &version, simulate::ROLLBACK));
    let likely_four = input.from.apply_method.is_some() || input.to.apply_method.is_some();
    let (mut shown, other, other_line) = if likely_four { (four, three, "3") } else { (three, four, "4") };
    if shown.outcome != other.outcome {
        shown.alternatives.push(Alternative {
            when: format!("the rollback is run by Helm {other_line}"),
            outcome: other.outcome,
            reason: other.reason,
        });
        shown.reason = format!("Helm's version is not known, and its lines end differently here; shown: {}", shown.reason);
        shown.outcome = Outcome::Unknown;
    }
    shown
}

/// The whole prediction. Lists hold objects in the order in which Helm meets them.
#[derive(Clone, Debug, Serialize)]
pub struct Forecast {
    pub outcome: Outcome,
    /// One sentence: why this outcome.
    pub reason: String,
    /// Status each touched record ends with, newest first.
    pub records: Vec<RecordForecast>,
    /// Revisions that `--history-max` removes, oldest first.
    pub pruned: Vec<Revision>,
    pub steps: Vec<Step>,
    /// Objects Helm deletes.
    pub deletes: Vec<ObjectRef>,
    /// What goes with them.
    pub cascades: Vec<ObjectRef>,
    pub creates: Vec<ObjectRef>,
    pub adopts: Vec<ObjectRef>,
    pub rejected: Vec<Rejected>,
    /// Only in *from* and not deleted: because of the live `keep` annotation, or because the caller may not.
    pub kept: Vec<ObjectRef>,
    pub not_restored: Vec<NotRestored>,
    pub hooks: Vec<HookRun>,
    /// Another outcome that is possible, and on what it depends (stale discovery cache, unknown Helm version).
    pub alternatives: Vec<Alternative>,
    /// What the forecast needed and did not have.
    pub unknowns: Vec<crate::input::Gap>,
    /// How objects are applied.
    pub method: Method,
}

/// How the reason of a change begins that the caller may not make; a verb and an object follow.
pub const FORBIDDEN: &str = "forbidden: you may not";

/// How the reason of a change begins that the API server refused in a dry run; its message follows.
pub const REFUSED: &str = "refused in a dry run:";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Helm exits 0.
    Succeeds,
    /// Helm exits 1; the newest record is not pending.
    Fails,
    /// Helm exits 1, and the newest record stays `pending-*`.
    Stuck,
    Unknown,
}

/// Client-side or server-side apply, or PUT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    ClientSide,
    ServerSide,
    Replace,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordForecast {
    pub revision: Revision,
    pub status: Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    Hook,
    Create,
    Patch,
    Replace,
    Adopt,
    Delete,
    Keep,
    Wait,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepResult {
    Ok,
    Rejected,
    Conflict,
    Skipped,
    NotRun,
    Unknown,
}

#[derive(Clone, Debug, Serialize)]
pub struct Step {
    pub action: Action,
    pub object: ObjectRef,
    pub result: StepResult,
    pub why: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rejected {
    pub object: ObjectRef,
    /// Path of the field, or empty where the whole object is refused.
    pub field: String,
    pub reason: String,
    pub confidence: Confidence,
    /// `true` for an ownership conflict under server-side apply, `false` for a refusal of the value.
    pub conflict: bool,
}

impl Rejected {
    /// Field and reason; the reason alone where the whole object is refused.
    pub fn describe(&self) -> String {
        if self.field.is_empty() { self.reason.clone() } else { format!("{}: {}", self.field, self.reason) }
    }
}

/// Something that is not as *to* says although Helm does not fail on it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NotRestored {
    pub object: ObjectRef,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HookRun {
    pub name: String,
    pub kind: String,
    pub event: HookEvent,
    pub weight: i64,
    pub from_revision: Revision,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    pub when: String,
    pub outcome: Outcome,
    pub reason: String,
}

/// How sure a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    Possible,
    Likely,
    Certain,
}

/// As JSON writes it.
impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// As JSON writes it.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// As JSON writes it.
impl fmt::Display for StepResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// As JSON writes it.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests;
