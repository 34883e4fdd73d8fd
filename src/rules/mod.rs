//! Rules are data: a rule selects changes and explains them; it computes nothing.

#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]

pub mod builtin;
pub mod case;
mod cluster;
pub mod disk;
pub mod docs;
pub mod fault;
pub mod file;
pub mod form;
pub mod kinds;
pub mod matcher;
pub mod node;
pub mod pattern;
#[cfg(test)]
mod proof;
pub mod scaffold;
pub mod set;
pub mod template;
pub mod trial;
pub mod world;

use serde::{Deserialize, Serialize};

use crate::forecast::Confidence;
use crate::release::ObjectRef;

pub use set::RuleSet;

/// How bad it is. Ordered from harmless to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    pub const ALL: [Severity; 5] = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

/// What a finding rests on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    pub source: EvidenceSource,
    /// Where: `templates/pvc.yaml (manifest line 12)`, `PersistentVolume/pv-1 spec.persistentVolumeReclaimPolicy`.
    pub at: String,
    /// What stands there; redacted.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceSource {
    Live,
    From,
    To,
    Table,
    Sql,
    /// The release records between *to* and *from*, or the listing.
    History,
    /// A step of the forecast.
    Forecast,
}

impl EvidenceSource {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            EvidenceSource::Live => "cluster",
            EvidenceSource::From => "from",
            EvidenceSource::To => "to",
            EvidenceSource::Table => "table",
            EvidenceSource::Sql => "SQL",
            EvidenceSource::History => "history",
            EvidenceSource::Forecast => "forecast",
        }
    }
}

/// A rule that matched a change.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Stable across runs: rule, object and path, digested. See `matcher::fingerprint`.
    pub id: String,
    pub rule: String,
    pub title: String,
    pub severity: Severity,
    pub confidence: Confidence,
    pub object: Option<ObjectRef>,
    pub path: Option<String>,
    pub message: String,
    pub why: String,
    pub remediation: String,
    pub evidence: Vec<Evidence>,
}
