//! What is said about a history of migrations: `rollback-safe/migrations/v1`. Names are frozen; fields may be added, never renamed.

use serde::{Deserialize, Serialize};

use crate::sql::dialect::Dialect;
use crate::sql::down;
use crate::sql::effect::{By, Certainty, Effect, EffectKind};

/// Value of the field `schema`.
pub const SCHEMA: &str = "rollback-safe/migrations/v1";

/// Everything that is said about one history. The text form shows what is in here and nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub schema: String,
    /// Name of the framework as in the table of frameworks; null = not recognised.
    pub framework: Option<String>,
    /// Null = nothing decided it.
    pub dialect: Option<Dialect>,
    /// In the order in which they are applied.
    pub migrations: Vec<Migration>,
    /// Null where there is nothing to go back over.
    pub range: Option<Range>,
    /// Whether the old image's migrator would start; null where no two ends are known.
    pub startup: Option<Startup>,
    pub runbook: Vec<RunStep>,
    /// Newest revision of the release whose code the present schema still supports; null = not known.
    pub last_supported_revision: Option<u32>,
    /// Oldest version whose code still runs on the schema of the newest one, as far as reads and writes of its tables go.
    pub oldest_supported_version: Option<String>,
    /// What the history table of a database says; null = it was not read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub applied: Option<AppliedReport>,
    pub statements: usize,
    pub understood: usize,
    /// What could not be read or decided.
    pub gaps: Vec<Gap>,
    /// What the rows of a database would decide.
    #[serde(skip)]
    pub questions: Vec<super::probe::Question>,
}

/// A history table, compared with the files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedReport {
    /// The file or the table.
    pub origin: String,
    /// Migrations of these files that are applied, half-applied ones left out.
    pub done: usize,
    /// Versions that began and did not end.
    pub failed: Vec<String>,
    /// Versions of these files that are not applied.
    pub pending: Vec<String>,
    /// Applied versions that no side has files of: the present schema is not known.
    pub unknown: Vec<String>,
    /// Migrations whose stored checksum was compared with the file.
    #[serde(default)]
    pub compared: usize,
    /// Versions whose file is not the text that ran, by the stored checksum.
    #[serde(default)]
    pub edited: Vec<String>,
    /// Why stored checksums say nothing about these files.
    #[serde(default)]
    pub not_compared: Option<String>,
}

/// One migration, judged on the schema that all earlier ones built.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Migration {
    pub version: String,
    pub name: String,
    /// Relative to the directory that was read; `/` separates.
    pub path: String,
    pub down_path: Option<String>,
    pub effects: Vec<EffectReport>,
    pub down: DownReport,
    pub statements: usize,
    pub understood: usize,
}

/// An effect as the report writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EffectReport {
    pub kind: EffectKind,
    /// `[schema.]table[.column]`, the default schema left out.
    pub object: String,
    /// `[schema.]table` of it.
    pub table: String,
    /// Where moved values are now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<String>,
    pub by: By,
    pub certainty: Certainty,
    /// From 1 in its migration.
    pub statement: u32,
    /// From 1 in its file.
    pub line: u32,
    pub why: String,
    /// What a database or old code says to it: `database: …`, `code: …`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub evidence: Vec<String>,
    /// Only in a range: the migration that does it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<String>,
    /// Only in a range: its file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
}

impl EffectReport {
    pub fn of(effect: &Effect) -> Self {
        EffectReport {
            kind: effect.kind,
            object: effect.object.to_string(),
            table: effect.object.relation.to_string(),
            to: effect.to.as_ref().map(ToString::to_string),
            by: effect.by,
            certainty: effect.certainty,
            statement: effect.statement,
            line: effect.line,
            why: effect.why.clone(),
            evidence: Vec::new(),
            version: None,
            path: None,
        }
    }
}

/// What the way back by its own script would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownReport {
    pub verdict: DownVerdict,
    pub why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DownVerdict {
    /// There is no script.
    None,
    /// There is one that does nothing.
    Empty,
    /// It cannot be read.
    Unparseable,
    /// The schema of before, and every value of before.
    Exact,
    /// The schema of before; values are missing.
    Lossy,
    /// Another schema than before.
    Differs,
    /// It is refused where new code has written what the old schema forbids.
    MayFail,
}

impl From<down::Down> for DownReport {
    fn from(judged: down::Down) -> Self {
        let verdict = match judged.verdict {
            down::Verdict::None => DownVerdict::None,
            down::Verdict::Empty => DownVerdict::Empty,
            down::Verdict::Unparseable => DownVerdict::Unparseable,
            down::Verdict::Exact => DownVerdict::Exact,
            down::Verdict::Lossy => DownVerdict::Lossy,
            down::Verdict::Differs => DownVerdict::Differs,
            down::Verdict::MayFail => DownVerdict::MayFail,
        };
        DownReport { verdict, why: judged.why }
    }
}

impl DownVerdict {
    /// Whether there are scripts that bring the old schema back, at whatever price.
    pub fn restores(self) -> bool {
        matches!(self, DownVerdict::Exact | DownVerdict::Lossy | DownVerdict::MayFail)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            DownVerdict::None => "none",
            DownVerdict::Empty => "empty",
            DownVerdict::Unparseable => "unparseable",
            DownVerdict::Exact => "exact",
            DownVerdict::Lossy => "lossy",
            DownVerdict::Differs => "differs",
            DownVerdict::MayFail => "may-fail",
        }
    }
}

/// Everything between two versions as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Version of the newest migration that is in it: where the database is.
    pub from: String,
    /// Version that old code knows; empty = before the first.
    pub to: String,
    /// Number of migrations in it.
    pub migrations: usize,
    /// Net: what was added and dropped again, renamed and renamed back, copied before it was dropped, is judged as one.
    pub effects: Vec<EffectReport>,
    /// What could have been and, by the rows of the database, is not.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub cleared: Vec<EffectReport>,
    pub down: DownReport,
    pub anomalies: Vec<Anomaly>,
}

/// Something about the files themselves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Anomaly {
    pub kind: AnomalyKind,
    pub version: String,
    pub why: String,
}

impl Anomaly {
    pub fn of(anomaly: &super::history::Anomaly) -> Self {
        Anomaly { kind: anomaly.kind, version: anomaly.version.clone(), why: anomaly.why.clone() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnomalyKind {
    /// Both sides have the version, with other content.
    Edited,
    /// The old side has it, the new one has not.
    Removed,
    /// New, with a version below the old side's newest.
    OutOfOrder,
    /// Two files with one version.
    Duplicate,
    /// A version that others build on, or a number of a row, is not there.
    Missing,
    /// A way back, or an entry of a plan, without its migration.
    Unmatched,
    /// Migrations that depend on each other.
    Cycle,
    /// More than one newest migration.
    Branch,
    /// Another framework's migrations are here as well.
    OtherFramework,
}

/// Whether the old image's migrator starts against the newer history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Startup {
    pub verdict: StartupVerdict,
    pub why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartupVerdict {
    Starts,
    Refuses,
    Reapplies,
    Unknown,
}

impl StartupVerdict {
    pub fn as_str(self) -> &'static str {
        match self {
            StartupVerdict::Starts => "starts",
            StartupVerdict::Refuses => "refuses",
            StartupVerdict::Reapplies => "reapplies",
            StartupVerdict::Unknown => "unknown",
        }
    }
}

/// One step of the way back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStep {
    pub step: String,
    pub image: StepImage,
    pub when: When,
}

/// Which release's image holds the files that the step needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepImage {
    From,
    To,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    Before,
    After,
}

/// What could not be read or decided, with its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// A file, a statement, a version.
    pub what: String,
    pub why: String,
}
