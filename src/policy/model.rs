//! What a policy file says, as it was written.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::pattern::ObjectPattern;
use super::time::{Age, Freeze, Moment};
use crate::gate::OnInconclusive;
use crate::rules::Severity;
use crate::rules::fault::Mark;

/// Value of the field `schema`.
pub const SCHEMA: &str = "rollback-safe/policy/v1";

/// A value and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At<T> {
    pub mark: Mark,
    pub value: T,
}

/// Where it stands is no part of what it says.
impl<T: Serialize> Serialize for At<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

/// One policy file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyFile {
    /// Flags may not loosen what is in force.
    pub enforce: bool,
    pub base: Section,
    /// Later ones win.
    pub overrides: Vec<Override>,
    pub environments: BTreeMap<String, Environment>,
    pub waivers: Vec<At<WaiverRule>>,
    pub trust: Vec<At<Trust>>,
    /// Folders of own rules, relative to the file.
    pub rule_dirs: Vec<At<String>>,
    /// A file beside this one.
    pub allowed_signers: Option<At<String>>,
    /// Every rule id that is named, to be compared with the rules that exist.
    pub mentions: Vec<At<String>>,
}

/// Settings that may differ by place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    pub fail_on: Option<At<Severity>>,
    pub on_inconclusive: Option<At<OnInconclusive>>,
    pub accept: Option<At<AcceptMode>>,
    pub forbid_accept_critical: Option<At<bool>>,
    pub require: BTreeMap<Severity, At<u32>>,
    pub never_accept: Vec<At<String>>,
    pub max_back: Option<At<u32>>,
    pub max_age: Option<At<Age>>,
    pub freeze: Vec<At<Freeze>>,
    pub evidence: Vec<At<Demand>>,
    pub rules: BTreeMap<String, At<RuleChange>>,
}

/// Other settings for some places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    pub place: Where,
    pub section: Section,
}

/// All that is given must match; patterns in which `*` stands for any run of characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Where {
    pub namespace: Option<String>,
    pub release: Option<String>,
    pub environment: Option<String>,
}

/// A name for places. All lists that are not empty must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    pub namespaces: Vec<String>,
    pub releases: Vec<String>,
    /// Uids of `kube-system` (what a report's digest binds as the cluster).
    pub clusters: Vec<String>,
}

/// Whether somebody is asked where no terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AcceptMode {
    /// Always.
    Asked,
    /// A report within the gate runs.
    WithinGate,
}

impl AcceptMode {
    pub fn as_str(self) -> &'static str {
        match self {
            AcceptMode::Asked => "asked",
            AcceptMode::WithinGate => "within-gate",
        }
    }
}

/// What is made of a rule's findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleChange {
    /// None = its findings do not count.
    pub severity: Option<Severity>,
    pub reason: String,
}

/// Findings that are known and may stay. All selectors that are given must match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaiverRule {
    pub rule: Option<String>,
    pub object: Option<ObjectPattern>,
    pub release: Option<String>,
    pub namespace: Option<String>,
    /// Fingerprint of one finding.
    pub id: Option<String>,
    pub reason: String,
    pub owner: String,
    pub expires: Moment,
}

impl WaiverRule {
    /// The selectors in one line.
    pub fn selector(&self) -> String {
        let object = self.object.as_ref().map(ToString::to_string);
        let parts = [
            ("rule", self.rule.clone()),
            ("object", object),
            ("release", self.release.clone()),
            ("namespace", self.namespace.clone()),
            ("id", self.id.clone()),
        ];
        let given: Vec<String> = parts.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?))).collect();
        given.join(", ")
    }
}

/// An annotation of chart authors that may lower severities, never that of a critical finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trust {
    pub annotation: String,
    pub rules: BTreeSet<String>,
    pub object: Option<ObjectPattern>,
    pub release: Option<String>,
    pub severity: Severity,
    pub reason: String,
}

/// Evidence without which nothing is rolled back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Demand {
    pub name: String,
    pub object: ObjectPattern,
    pub proof: Proof,
    pub younger_than: Age,
}

/// Where the evidence stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// A time in an annotation of the live object.
    Annotation(String),
    /// A VolumeSnapshot of the claim that is ready to use (snapshot.storage.k8s.io/v1).
    VolumeSnapshot,
}
