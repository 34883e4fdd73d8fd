//! The report as it leaves the program: `rollback-safe/report/v1`. Names are frozen; fields may be added, never renamed.

use serde::{Deserialize, Serialize};

use crate::forecast::{Action, Alternative, Confidence, Method, Outcome, StepResult};
use crate::input::{Gap, Skipped};
use crate::migrations;
use crate::policy::SourceInfo;
use crate::release::{HookEvent, ObjectRef, Revision, Status};
use crate::rules::{Evidence, Severity};

/// Value of the field `schema`.
pub const SCHEMA: &str = "rollback-safe/report/v1";

/// Everything that is said about one rollback. The text form shows what is in here and nothing else.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    pub schema: String,
    pub tool: ToolInfo,
    pub release: ReleaseInfo,
    /// `sha256:` and 64 hex digits, over all that acceptance binds.
    pub digest: String,
    pub verdict: Verdict,
    pub predicted: Predicted,
    /// Worst first.
    pub findings: Vec<Finding>,
    /// Those that block first.
    pub gaps: Vec<Gap>,
    /// Analysis of the SQL migrations that the records carry; null = they carry none.
    pub migrations: Option<migrations::report::Report>,
    /// Further histories, where the release has several.
    pub other_migrations: Vec<migrations::report::Report>,
    pub summary: Summary,
    /// About the upgrade, in the report of `preview` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<crate::preview::Preview>,
    /// The policy that was in force; null = none but the gate's defaults and flags.
    pub policy: Option<PolicyInfo>,
    /// What the charts declare of themselves under `rollback-safe/`.
    pub declared: Vec<Evidence>,
}

impl Report {
    /// Findings that count.
    pub fn unwaived(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.waived.is_none())
    }

    /// Whether a digest alone does not suffice to accept this report.
    pub fn has_critical(&self) -> bool {
        self.unwaived().any(|finding| finding.severity == Severity::Critical)
    }

    pub fn blocking_gaps(&self) -> usize {
        self.gaps.iter().filter(|gap| gap.blocks).count()
    }
}

/// What made the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolInfo {
    pub version: String,
    /// `sha256:` over the rules in force.
    pub rules_digest: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReleaseInfo {
    pub name: String,
    pub namespace: String,
    /// Version of the Helm that would run the rollback; null = not known (a gap says why).
    pub helm: Option<String>,
    /// Where the records were read: `secrets`, `configmaps`, `sql`, `memory`, `files`.
    pub driver: String,
    pub from: RevisionInfo,
    pub to: RevisionInfo,
    /// The newest revision whose status is `deployed`, where that is not *from*.
    pub deployed: Option<Revision>,
    pub target: Target,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RevisionInfo {
    pub revision: Revision,
    pub status: Status,
    /// `name-version`.
    pub chart: String,
    pub app_version: String,
    /// The revision whose content this one holds: its own number unless it was made by a rollback.
    pub restores: Revision,
    /// When it was made, RFC 3339 as recorded.
    pub last_deployed: Option<String>,
}

/// How the target was found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Target {
    pub requested: bool,
    /// What a bare `helm rollback` would take.
    pub helm_default: Option<Revision>,
    pub reason: String,
    pub skipped: Vec<Skipped>,
}

/// In this order of precedence (see `verdict`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Unsafe,
    Inconclusive,
    Caution,
    Safe,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Unsafe => "unsafe",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Caution => "caution",
            Verdict::Safe => "safe",
        }
    }
}

/// The forecast. Objects are written `Kind/namespace/name`, cluster-scoped ones `Kind/name`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    pub outcome: Outcome,
    pub reason: String,
    pub method: Method,
    pub records: Vec<Record>,
    pub pruned: Vec<Revision>,
    pub steps: Vec<Step>,
    pub deletes: Vec<String>,
    pub cascades: Vec<String>,
    pub creates: Vec<String>,
    pub adopts: Vec<String>,
    pub rejected: Vec<Rejected>,
    pub kept: Vec<String>,
    pub not_restored: Vec<NotRestored>,
    pub hooks: Vec<Hook>,
    /// Other outcomes that are possible, and on what they depend.
    pub alternatives: Vec<Alternative>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub revision: Revision,
    pub status: Status,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub action: Action,
    pub api_version: String,
    pub object: String,
    pub result: StepResult,
    pub why: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rejected {
    pub object: String,
    /// Empty where the whole object is refused.
    pub field: String,
    pub reason: String,
    pub confidence: Confidence,
    /// True for a field that another manager owns, false for a refusal of the value.
    pub conflict: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NotRestored {
    pub object: String,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hook {
    pub name: String,
    pub kind: String,
    pub event: HookEvent,
    pub weight: i64,
    pub from_revision: Revision,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable across runs.
    pub id: String,
    pub rule: String,
    pub title: String,
    pub severity: Severity,
    pub confidence: Confidence,
    pub object: Option<ObjectRef>,
    pub path: Option<String>,
    /// The template that makes the object, as Helm names it (`CHART/templates/…`).
    pub template: Option<String>,
    pub message: String,
    pub why: String,
    pub remediation: String,
    pub evidence: Vec<Evidence>,
    /// Set where a policy changed the severity.
    pub adjusted: Option<Adjusted>,
    pub waived: Option<Waiver>,
    pub accepted: Option<Waiver>,
}

/// Why a finding does not count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    pub reason: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// From then on the finding counts again.
    pub expires: Option<String>,
    /// `FILE:LINE` of the policy.
    pub source: Option<String>,
}

impl Waiver {
    /// `reason (owner, until 2027-01-31, policy.yaml:12)`.
    pub fn sentence(&self) -> String {
        let until = self.expires.as_ref().map(|end| format!("until {end}"));
        let around: Vec<String> = [self.owner.clone(), until, self.source.clone()].into_iter().flatten().collect();
        if around.is_empty() { self.reason.clone() } else { format!("{} ({})", self.reason, around.join(", ")) }
    }
}

/// Another severity than the rule's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjusted {
    pub from: Severity,
    pub reason: String,
    /// `FILE:LINE` of the policy.
    pub source: String,
}

impl Adjusted {
    /// `was high: reason (policy.yaml:12)`.
    pub fn sentence(&self) -> String {
        format!("was {}: {} ({})", self.from.as_str(), self.reason, self.source)
    }
}

/// The policy that was in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyInfo {
    /// `sha256:` over what is in force for this release, wherever it stands.
    pub digest: String,
    pub sources: Vec<SourceInfo>,
    /// Waivers for this release that no finding matched.
    pub unused_waivers: Vec<WaiverNote>,
    /// Waivers for this release that are over: what they waived counts again.
    pub expired_waivers: Vec<WaiverNote>,
    /// What sources that may only tighten asked for in vain.
    pub ignored: Vec<String>,
}

/// A waiver that did nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaiverNote {
    pub selector: String,
    pub reason: String,
    pub owner: String,
    pub expires: String,
    pub source: String,
}

impl WaiverNote {
    /// `rule x: reason (owner, until 2027-01-31, policy.yaml:12)`.
    pub fn sentence(&self) -> String {
        format!("{}: {} ({}, until {}, {})", self.selector, self.reason, self.owner, self.expires, self.source)
    }
}

/// Unwaived findings by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub critical: usize,
    pub high: usize,
    pub medium: usize,
    pub low: usize,
    pub info: usize,
}

impl Summary {
    pub fn of(&self, severity: Severity) -> usize {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Info => self.info,
        }
    }

    pub fn count<'a>(findings: impl Iterator<Item = &'a Finding>) -> Summary {
        findings.fold(Summary::default(), |mut summary, finding| {
            match finding.severity {
                Severity::Critical => summary.critical += 1,
                Severity::High => summary.high += 1,
                Severity::Medium => summary.medium += 1,
                Severity::Low => summary.low += 1,
                Severity::Info => summary.info += 1,
            }
            summary
        })
    }
}
