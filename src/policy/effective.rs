//! What is in force for one release.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::approvals::Approvals;
use super::model::{At, Demand, Environment, RuleChange, Trust, WaiverRule, Where};
use super::time::{Age, Freeze};
use super::{Authority, Flags, Policy, Source, SourceInfo};
use crate::gate::{GatePolicy, OnInconclusive};
use crate::input::{Gap, Known};
use crate::k8s::glob::glob;
use crate::rules::Severity;

/// The release that is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    pub namespace: &'a str,
    pub release: &'a str,
    /// Uid of the cluster's `kube-system`.
    pub cluster: &'a Known<String>,
    pub now: Timestamp,
}

/// A part of the policy and the place that says it (`FILE:LINE`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    pub value: T,
    pub source: String,
}

/// Why a setting has its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Because {
    pub setting: String,
    pub value: String,
    /// `default`, `flag`, or the place of a source.
    pub source: String,
}

/// The policy in force for one release.
#[derive(Clone, Debug)]
pub struct Effective {
    pub gate: GatePolicy,
    pub approvals: Approvals,
    pub enforce: bool,
    pub max_back: Option<Sourced<u32>>,
    pub max_age: Option<Sourced<Age>>,
    pub freeze: Vec<Sourced<Freeze>>,
    pub evidence: Vec<Sourced<Demand>>,
    /// Set by an authoritative source.
    pub rules: BTreeMap<String, Sourced<RuleChange>>,
    /// Severities below which a rule's findings may not go; set by sources that tighten.
    pub floors: BTreeMap<String, Sourced<RuleChange>>,
    pub waivers: Vec<Sourced<WaiverRule>>,
    pub expired: Vec<Sourced<WaiverRule>>,
    pub trust: Vec<Sourced<Trust>>,
    pub sources: Vec<SourceInfo>,
    /// What sources that may only tighten asked for in vain.
    pub ignored: Vec<String>,
    /// In the order in which it was said; the last about a setting counts.
    pub because: Vec<Because>,
    pub gaps: Vec<Gap>,
    pub now: Timestamp,
    /// Severity of the policy's own findings: one that closes this gate, and would close it without the sources that tighten.
    pub closing: Severity,
}

/// A command line that the policy does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub what: String,
    pub help: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl From<GatePolicy> for Effective {
    /// No policy but the gate's.
    fn from(gate: GatePolicy) -> Effective {
        Effective {
            gate,
            approvals: Approvals::default(),
            enforce: false,
            max_back: None,
            max_age: None,
            freeze: Vec::new(),
            evidence: Vec::new(),
            rules: BTreeMap::new(),
            floors: BTreeMap::new(),
            waivers: Vec::new(),
            expired: Vec::new(),
            trust: Vec::new(),
            sources: Vec::new(),
            ignored: Vec::new(),
            because: Vec::new(),
            gaps: Vec::new(),
            now: Timestamp::UNIX_EPOCH,
            closing: gate.fail_on.max(Severity::High),
        }
    }
}

impl Effective {
    /// Defaults, then authoritative sources, then sources that tighten, then flags.
    ///
    /// # Errors
    /// A flag loosens what the policy enforces.
    pub fn of(policy: &Policy, namespace: Option<&Source>, scope: &Scope) -> Result<Effective, Refusal> {
        let mut effective = Effective { now: scope.now, ..Effective::from(GatePolicy::default()) };
        let sources = || policy.sources.iter().chain(namespace);
        for authority in [Authority::Authoritative, Authority::Tightens] {
            for source in sources().filter(|source| source.info.authority == authority) {
                effective.add(source, scope);
            }
            effective.closing = effective.closing.max(effective.gate.fail_on);
        }
        effective.flags(&policy.flags)?;
        effective.closing = effective.closing.max(effective.gate.fail_on);
        Ok(effective)
    }

    fn add(&mut self, source: &Source, scope: &Scope) {
        self.sources.push(source.info.clone());
        self.enforce |= source.file.enforce;
        if source.file.enforce {
            self.note("enforce", "true", &source.info.path);
        }
        let path = &source.info.path;
        let sections = std::iter::once(&source.file.base).chain(
            source
                .file
                .overrides
                .iter()
                .filter(|other| applies(&other.place, &source.file.environments, scope, &mut self.gaps))
                .map(|other| &other.section),
        );
        let sections: Vec<_> = sections.collect();
        for section in sections {
            match source.info.authority {
                Authority::Authoritative => self.set(section, path),
                Authority::Tightens => self.tighten(section, path),
            }
        }
        match source.info.authority {
            Authority::Authoritative => self.grant(source, scope),
            Authority::Tightens => self.refuse_grants(source),
        }
    }

    /// What only an authoritative source may give.
    fn grant(&mut self, source: &Source, scope: &Scope) {
        let path = &source.info.path;
        let here = |waiver: &&At<WaiverRule>| {
            let is = |pattern: &Option<String>, text| pattern.as_ref().is_none_or(|pattern| glob(pattern, text));
            is(&waiver.value.release, scope.release) && is(&waiver.value.namespace, scope.namespace)
        };
        for waiver in source.file.waivers.iter().filter(here) {
            let list = if waiver.value.expires.is_over(scope.now) { &mut self.expired } else { &mut self.waivers };
            list.push(sourced(waiver, path));
        }
        let release = |trust: &&At<Trust>| trust.value.release.as_ref().is_none_or(|pattern| glob(pattern, scope.release));
        self.trust.extend(source.file.trust.iter().filter(release).map(|trust| sourced(trust, path)));
        if let (Some(file), Some(text)) = (&source.file.allowed_signers, &source.signers) {
            self.note("allowed_signers", &file.value, &place(file, path));
            self.approvals.allowed_signers = Some(text.clone());
        }
    }

    fn refuse_grants(&mut self, source: &Source) {
        let file = &source.file;
        for (count, what) in [
            (file.waivers.len(), "waivers"),
            (file.trust.len(), "trust_annotations"),
            (usize::from(file.allowed_signers.is_some()), "allowed_signers"),
        ] {
            if count > 0 {
                self.ignored.push(format!("{what} of {}: only the file of --config may grant anything", source.info.path));
            }
        }
    }

    /// Flags have the last word unless the policy is enforced.
    fn flags(&mut self, flags: &Flags) -> Result<(), Refusal> {
        if let Some(severity) = flags.fail_on {
            self.may(severity <= self.gate.fail_on, &format!("--fail-on {}", severity.as_str()), "fail_on")?;
            self.gate.fail_on = severity;
            self.note("fail_on", severity.as_str(), "--fail-on");
        }
        if let Some(answer) = flags.on_inconclusive {
            let tighter = answer == OnInconclusive::Block || self.gate.on_inconclusive == OnInconclusive::Allow;
            self.may(tighter, &format!("--on-inconclusive {}", answer.as_str()), "on_inconclusive")?;
            self.gate.on_inconclusive = answer;
            self.note("on_inconclusive", answer.as_str(), "--on-inconclusive");
        }
        if self.enforce {
            self.approvals.forbid_accept_critical = true;
        }
        if flags.accept_critical && self.approvals.forbid_accept_critical {
            return Err(Refusal {
                what: format!("the policy does not allow --accept-critical ({})", self.origin("forbid_accept_critical")),
                help: "accept critical findings on a terminal, or in a plan that was approved".to_owned(),
            });
        }
        Ok(())
    }

    fn may(&self, tighter: bool, flag: &str, setting: &str) -> Result<(), Refusal> {
        if tighter || !self.enforce {
            return Ok(());
        }
        Err(Refusal {
            what: format!("the policy is enforced, and {flag} would loosen it ({})", self.origin(setting)),
            help: "leave the flag out, or have the policy changed; `policy explain RELEASE` shows what is in force".to_owned(),
        })
    }

    /// The place that set a value; where none did, the one that enforces.
    fn origin(&self, setting: &str) -> &str {
        let last =
            |setting: &str| self.because.iter().rfind(|because| because.setting == setting).map(|because| &*because.source);
        last(setting).or_else(|| last("enforce")).unwrap_or("default")
    }

    pub(super) fn note(&mut self, setting: &str, value: &str, source: &str) {
        self.because.push(Because { setting: setting.to_owned(), value: value.to_owned(), source: source.to_owned() });
    }

    /// `sha256:` over what is in force, wherever it stands; none without any source.
    pub fn digest(&self) -> Option<String> {
        #[derive(Serialize)]
        struct Meaning<'a> {
            gate: &'a GatePolicy,
            approvals: &'a Approvals,
            enforce: bool,
            max_back: Option<u32>,
            max_age: Option<&'a Age>,
            freeze: Vec<&'a Freeze>,
            evidence: Vec<&'a Demand>,
            rules: BTreeMap<&'a str, &'a RuleChange>,
            floors: BTreeMap<&'a str, &'a RuleChange>,
            waivers: Vec<&'a WaiverRule>,
            trust: Vec<&'a Trust>,
        }
        let meaning = Meaning {
            gate: &self.gate,
            approvals: &self.approvals,
            enforce: self.enforce,
            max_back: self.max_back.as_ref().map(|back| back.value),
            max_age: self.max_age.as_ref().map(|age| &age.value),
            freeze: self.freeze.iter().map(|freeze| &freeze.value).collect(),
            evidence: self.evidence.iter().map(|demand| &demand.value).collect(),
            rules: self.rules.iter().map(|(id, change)| (id.as_str(), &change.value)).collect(),
            floors: self.floors.iter().map(|(id, change)| (id.as_str(), &change.value)).collect(),
            waivers: self.waivers.iter().map(|waiver| &waiver.value).collect(),
            trust: self.trust.iter().map(|trust| &trust.value).collect(),
        };
        // String-keyed maps, texts, numbers and unit enums always have a JSON form.
        let bytes = serde_json::to_vec(&meaning).unwrap_or_default();
        (!self.sources.is_empty()).then(|| format!("sha256:{}", crate::hex::hex(Sha256::digest(bytes))))
    }
}

/// `FILE:LINE`.
pub(super) fn place<T>(at: &At<T>, path: &str) -> String {
    format!("{path}:{}", at.mark.line)
}

pub(super) fn sourced<T: Clone>(at: &At<T>, path: &str) -> Sourced<T> {
    Sourced { value: at.value.clone(), source: place(at, path) }
}

/// An environment whose cluster is not known does not apply, and that is said: it might have tightened.
fn applies(place: &Where, environments: &BTreeMap<String, Environment>, scope: &Scope, gaps: &mut Vec<Gap>) -> bool {
    let is = |pattern: &Option<String>, text: &str| pattern.as_ref().is_none_or(|pattern| glob(pattern, text));
    if !is(&place.namespace, scope.namespace) || !is(&place.release, scope.release) {
        return false;
    }
    let Some(name) = &place.environment else { return true };
    let Some(environment) = environments.get(name) else { return false };
    let any = |patterns: &[String], text: &str| patterns.is_empty() || patterns.iter().any(|pattern| glob(pattern, text));
    if !any(&environment.namespaces, scope.namespace) || !any(&environment.releases, scope.release) {
        return false;
    }
    match scope.cluster {
        _ if environment.clusters.is_empty() => true,
        Known::Yes(uid) => environment.clusters.contains(uid),
        Known::No(why) => {
            gaps.push(Gap::new(format!("whether this is the environment {name}"), why.clone()).affecting("policy").blocking());
            false
        }
    }
}
