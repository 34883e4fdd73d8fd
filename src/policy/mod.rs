//! What a team demands before a rollback runs.
//!
//! ```text
//! files, ConfigMap -> Source (file.rs) -> Effective for one release (effective.rs) -> findings judged (judge.rs) -> Report -> gate
//! ```
//!
//! One file may be authoritative, because whoever runs the command named it. Every other source can come from what is
//! under review, so it may only tighten.

#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]

pub mod approvals;
pub mod contract;
mod demands;
pub mod effective;
pub mod explain;
pub mod file;
mod fold;
pub mod judge;
pub mod model;
mod pattern;
#[cfg(test)]
mod tests;
pub mod time;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use effective::{Effective, Refusal, Scope};

use crate::gate::OnInconclusive;
use crate::input::{Gap, NamespacePolicy};
use crate::rules::Severity;
use crate::rules::fault::{Fault, Faults};
use crate::rules::set::RuleSet;
use file::Faulty;
use model::PolicyFile;

/// Name of a policy file that is searched for, and of the key in the ConfigMap.
pub const FILE_NAME: &str = "rollback-safe.yaml";

/// JSON Schema of the file, for editors.
pub const SCHEMA_TEXT: &str = include_str!("../../schema/policy-v1.schema.json");

/// Name of the ConfigMap in a release's namespace.
pub const CONFIG_MAP: &str = "rollback-safe-policy";

/// What a source may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// It was named on the command line: it sets.
    Authoritative,
    /// It was found: it may only tighten.
    Tightens,
}

impl Authority {
    pub fn as_str(self) -> &'static str {
        match self {
            Authority::Authoritative => "authoritative",
            Authority::Tightens => "tightens",
        }
    }
}

/// Where a part of the policy comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceInfo {
    /// A file, or `ConfigMap/NAMESPACE/NAME`.
    pub path: String,
    /// `sha256:` over its bytes.
    pub digest: String,
    pub authority: Authority,
}

impl SourceInfo {
    /// `policy.yaml (authoritative) sha256:…`.
    pub fn sentence(&self) -> String {
        format!("{} ({}) {}", self.path, self.authority.as_str(), self.digest)
    }
}

/// A source that cannot be used.
#[derive(Clone, Debug)]
pub struct FaultySource {
    pub faults: Vec<Fault>,
    /// What could be read all the same, to find more faults by and for nothing else.
    pub rest: Option<Box<Source>>,
}

impl FaultySource {
    /// All faults, names of rules that do not exist among them.
    pub fn faults(self, rules: &RuleSet) -> Vec<Fault> {
        let unknown = self.rest.map(|rest| rest.unknown_rules(rules)).unwrap_or_default();
        let mut faults = self.faults;
        faults.extend(unknown);
        faults.sort();
        faults
    }
}

/// A source that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub info: SourceInfo,
    pub file: PolicyFile,
    /// Text of the allowed-signers file that it names.
    pub signers: Option<String>,
}

impl Source {
    /// Reads the text of one source.
    ///
    /// # Errors
    /// Every fault of the text.
    pub fn parse(path: &str, text: &str, authority: Authority) -> Result<Source, FaultySource> {
        let digest = format!("sha256:{}", crate::hex::hex(Sha256::digest(text.as_bytes())));
        let info = SourceInfo { path: path.to_owned(), digest, authority };
        match file::parse(path, text) {
            Ok(file) => Ok(Source { info, file, signers: None }),
            Err(Faulty { faults, rest }) => {
                let rest = rest.map(|file| Box::new(Source { info, file: *file, signers: None }));
                Err(FaultySource { faults, rest })
            }
        }
    }

    /// Names of rules that do not exist.
    pub fn unknown_rules(&self, rules: &RuleSet) -> Vec<Fault> {
        let unknown =
            self.file.mentions.iter().filter(|id| rules.get(&id.value).is_none() && !judge::OWN_RULES.contains(&&*id.value));
        unknown
            .map(|id| Fault {
                file: self.info.path.clone(),
                mark: id.mark,
                message: format!("no rule is called `{}`; `rules list` names them", id.value),
            })
            .collect()
    }
}

/// What the command line asks of the gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    pub fail_on: Option<Severity>,
    pub on_inconclusive: Option<OnInconclusive>,
    pub accept_critical: bool,
}

/// Everything that decides about the gate and was known before anything was asked of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The authoritative one first, if there is one.
    pub sources: Vec<Source>,
    pub flags: Flags,
}

impl Policy {
    /// # Errors
    /// Names of rules that do not exist, of all sources at once.
    pub fn check_rules(&self, rules: &RuleSet) -> Result<(), Faults> {
        let faults: Vec<Fault> = self.sources.iter().flat_map(|source| source.unknown_rules(rules)).collect();
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }
}

/// Why no policy can be put in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotInForce {
    Faults(Faults),
    Refused(Refusal),
}

/// What is in force for one release, with what its namespace demands; `place` names that source.
///
/// # Errors
/// The namespace's policy has faults, or a flag loosens what is enforced.
pub fn in_force(
    policy: &Policy,
    namespace: &NamespacePolicy,
    place: &str,
    scope: &Scope,
    rules: &RuleSet,
) -> Result<Effective, NotInForce> {
    let faulty = |faults| NotInForce::Faults(Faults(faults));
    let (source, gap) = match namespace {
        NamespacePolicy::Text(text) => (Some(of_namespace(place, text, rules).map_err(faulty)?), None),
        NamespacePolicy::Unread(why) => (None, Some(Gap::new("policy of the namespace", why.as_str()).affecting("policy"))),
        NamespacePolicy::NotAsked | NamespacePolicy::None => (None, None),
    };
    let mut effective = Effective::of(policy, source.as_ref(), scope).map_err(NotInForce::Refused)?;
    effective.gaps.extend(gap);
    Ok(effective)
}

/// Folders lie beside files only.
fn of_namespace(place: &str, text: &str, rules: &RuleSet) -> Result<Source, Vec<Fault>> {
    let source = Source::parse(place, text, Authority::Tightens).map_err(|faulty| faulty.faults(rules))?;
    let mut faults = source.unknown_rules(rules);
    faults.extend(source.file.rule_dirs.first().map(|dir| Fault {
        file: place.to_owned(),
        mark: dir.mark,
        message: "`rule_dirs` has no meaning in a ConfigMap".to_owned(),
    }));
    if faults.is_empty() { Ok(source) } else { Err(faults) }
}
