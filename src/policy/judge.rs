//! Findings as the policy sees them, and findings of its own.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::contract;
use super::demands;
use super::effective::{Effective, Sourced};
use super::model::{RuleChange, WaiverRule};
use crate::forecast::Confidence;
use crate::input::{Gap, Input};
use crate::release::ObjectRef;
use crate::report::{Adjusted, Finding, PolicyInfo, Waiver, WaiverNote};
use crate::rules::{Evidence, Severity};

pub const FREEZE: &str = "policy-freeze-window";
pub const TARGET: &str = "policy-target-window";
pub const EVIDENCE: &str = "policy-evidence";

/// Rules whose findings come from the policy itself.
pub const OWN_RULES: [&str; 3] = [FREEZE, TARGET, EVIDENCE];

/// What the policy makes of a report's findings.
#[derive(Debug)]
pub struct Judged {
    pub findings: Vec<Finding>,
    pub gaps: Vec<Gap>,
    /// None without any source.
    pub info: Option<PolicyInfo>,
}

/// Adds the policy's own findings, sets severities, waives.
pub fn apply(effective: &Effective, input: &Input, mut findings: Vec<Finding>) -> Judged {
    let mut gaps = effective.gaps.clone();
    findings.extend(demands::run(effective, input, &mut gaps));
    let mut used = BTreeSet::new();
    let mut declared: BTreeMap<ObjectRef, Vec<(&'static str, Evidence)>> = BTreeMap::new();
    for finding in &mut findings {
        let object = finding.object.clone();
        let said = object.map(|id| &*declared.entry(id.clone()).or_insert_with(|| contract::of_object(input, &id)));
        let said = said.map_or(&[][..], Vec::as_slice);
        contract::show(finding, said);
        effective.adjust(finding, said);
        finding.waived = effective.waive(finding, &mut used);
    }
    Judged { findings, gaps, info: effective.info(&used) }
}

impl Effective {
    /// Severity: what the authority sets, what it lets chart authors lower, what others raise.
    fn adjust(&self, finding: &mut Finding, declared: &[(&'static str, Evidence)]) {
        let found = finding.severity;
        let mut change: Option<Adjusted> = None;
        let mut to = |severity: Severity, reason: &str, source: &str, finding: &mut Finding| {
            if severity != finding.severity {
                finding.severity = severity;
                change = Some(Adjusted { from: found, reason: reason.to_owned(), source: source.to_owned() });
            }
        };
        if let Some(Sourced { value: RuleChange { severity: Some(severity), reason }, source }) = self.rules.get(&finding.rule) {
            to(*severity, reason, source, finding);
        }
        // Also one that the policy itself has made less than critical: what declares and what judges stay apart.
        if found != Severity::Critical && finding.severity != Severity::Critical {
            let trusted: Vec<_> = self.trust.iter().filter(|trust| trusted(&trust.value, finding, declared)).collect();
            for trust in trusted {
                let lower = trust.value.severity.min(finding.severity);
                to(lower, &trust.value.reason, &trust.source, finding);
            }
        }
        if let Some(Sourced { value: RuleChange { severity: Some(severity), reason }, source }) = self.floors.get(&finding.rule) {
            let raised = (*severity).max(finding.severity);
            to(raised, reason, source, finding);
        }
        finding.adjusted = change;
    }

    /// The first waiver that matches; what nobody may accept is not waived.
    fn waive(&self, finding: &Finding, used: &mut BTreeSet<usize>) -> Option<Waiver> {
        if self.approvals.never_accept.contains(&finding.rule) {
            return None;
        }
        let matching = self.waivers.iter().enumerate().filter(|(_, waiver)| selects(&waiver.value, finding));
        let mut first = None;
        for (position, waiver) in matching {
            used.insert(position);
            first = first.or(Some(waiver));
        }
        if let Some(waiver) = first {
            return Some(Waiver {
                reason: waiver.value.reason.clone(),
                owner: Some(waiver.value.owner.clone()),
                expires: Some(waiver.value.expires.text.clone()),
                source: Some(waiver.source.clone()),
            });
        }
        let off = self.rules.get(&finding.rule).filter(|rule| rule.value.severity.is_none());
        // A source that tightens has a say about this rule.
        let off = off.filter(|_| !self.floors.contains_key(&finding.rule));
        off.map(|rule| Waiver {
            reason: format!("the rule is turned off: {}", rule.value.reason),
            source: Some(rule.source.clone()),
            ..Waiver::default()
        })
    }

    fn info(&self, used: &BTreeSet<usize>) -> Option<PolicyInfo> {
        let unused = self.waivers.iter().enumerate().filter(|(position, _)| !used.contains(position));
        Some(PolicyInfo {
            digest: self.digest()?,
            sources: self.sources.clone(),
            unused_waivers: unused.map(|(_, waiver)| note(waiver)).collect(),
            expired_waivers: self.expired.iter().map(note).collect(),
            ignored: self.ignored.clone(),
        })
    }
}

fn trusted(trust: &super::model::Trust, finding: &Finding, declared: &[(&'static str, Evidence)]) -> bool {
    trust.rules.contains(&finding.rule)
        && trust.object.as_ref().is_none_or(|pattern| finding.object.as_ref().is_some_and(|id| pattern.matches(id)))
        && declared.iter().any(|(name, evidence)| *name == trust.annotation && contract::affirms(name, evidence))
}

fn selects(waiver: &WaiverRule, finding: &Finding) -> bool {
    waiver.rule.as_ref().is_none_or(|rule| *rule == finding.rule)
        && waiver.id.as_ref().is_none_or(|id| *id == finding.id)
        && waiver.object.as_ref().is_none_or(|pattern| finding.object.as_ref().is_some_and(|id| pattern.matches(id)))
}

fn note(waiver: &Sourced<WaiverRule>) -> WaiverNote {
    WaiverNote {
        selector: waiver.value.selector(),
        reason: waiver.value.reason.clone(),
        owner: waiver.value.owner.clone(),
        expires: waiver.value.expires.text.clone(),
        source: waiver.source.clone(),
    }
}

/// A finding of the policy's own.
pub(super) struct Own<'a> {
    pub rule: &'a str,
    pub title: &'a str,
    pub object: Option<ObjectRef>,
    /// What tells findings of the rule apart.
    pub key: &'a str,
    pub message: String,
    pub why: String,
    pub remediation: String,
    pub evidence: Vec<Evidence>,
}

impl Own<'_> {
    pub fn finding(self, severity: Severity) -> Finding {
        let object = self.object.as_ref().map_or(String::new(), ToString::to_string);
        let hash = Sha256::digest(format!("{}\0{object}\0{}", self.rule, self.key));
        Finding {
            id: crate::hex::hex(hash).chars().take(16).collect(),
            rule: self.rule.to_owned(),
            title: self.title.to_owned(),
            severity,
            confidence: Confidence::Certain,
            object: self.object,
            path: None,
            template: None,
            message: self.message,
            why: self.why,
            remediation: self.remediation,
            evidence: self.evidence,
            adjusted: None,
            waived: None,
            accepted: None,
        }
    }
}
