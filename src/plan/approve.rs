//! Which findings of a plan are accepted, by as many as policy demands.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::bound::Policy;
use super::evidence;
use super::model::{Acceptance, Plan};
use super::signature::{self, Signers};
use crate::forecast::Outcome;
use crate::report::{Finding, Report};
use crate::rules::Severity;

/// Who accepted one finding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Votes {
    /// Keys that signed, by the principals that trusted policy knows them as: two keys of one person are one vote.
    pub signed: BTreeSet<String>,
    /// Somebody accepted without a signature that counts. However many did: nothing tells them apart.
    pub unsigned: bool,
}

impl Votes {
    /// Enough? More than one can only be told apart by their keys.
    pub fn reach(&self, needed: u32) -> bool {
        self.count(needed) >= needed
    }

    fn count(&self, needed: u32) -> u32 {
        let signed = u32::try_from(self.signed.len()).unwrap_or(u32::MAX);
        if needed <= 1 { signed.max(u32::from(self.unsigned)) } else { signed }
    }
}

/// Votes by the finding's fingerprint.
pub type Ballot = BTreeMap<String, Votes>;

/// What is wrong with an acceptance; a plan with one of these is not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub text: String,
    /// True for a signature that does not fit what it stands beside, false for a signer whom policy does not know.
    pub tampered: bool,
}

/// Counts what counts: acceptances of findings of this plan, on the evidence that the plan has, and not over yet.
///
/// # Errors
/// A signature is wrong, or of nobody whom policy trusts.
pub fn count(plan: &Plan, signers: Option<&Signers>, now: Timestamp) -> Result<Ballot, Refusal> {
    let digest = plan.plan.digest();
    let mut ballot = Ballot::new();
    for acceptance in &plan.acceptances {
        let voter = voter(acceptance, &digest, signers, now)?;
        if counts(acceptance, plan, now) {
            let votes = ballot.entry(acceptance.finding.clone()).or_default();
            match voter {
                Some(principal) => drop(votes.signed.insert(principal)),
                None => votes.unsigned = true,
            }
        }
    }
    Ok(ballot)
}

fn counts(acceptance: &Acceptance, plan: &Plan, now: Timestamp) -> bool {
    let finding = plan.plan.report.findings.iter().find(|finding| finding.id == acceptance.finding);
    finding.is_some_and(|finding| evidence::digest(finding) == acceptance.evidence)
        && acceptance.until.is_none_or(|until| now < until)
}

/// The signer as policy knows it; none for an acceptance that is not signed, or where policy trusts no signatures.
///
/// A key counts as long as it is allowed now: the time of acceptance is the signer's own word.
fn voter(acceptance: &Acceptance, plan: &str, signers: Option<&Signers>, now: Timestamp) -> Result<Option<String>, Refusal> {
    let Some(armored) = &acceptance.signature else { return Ok(None) };
    let about = |why: String| format!("the acceptance of finding {} by {:?}: {why}", acceptance.finding, acceptance.by);
    let wrong = |why: String| Refusal { text: about(why), tampered: true };
    let signed = signature::verify(armored, &acceptance.statement(plan)).map_err(wrong)?;
    let Some(signers) = signers else { return Ok(None) };
    let known = signers.principal(&signed, now);
    known.map(Some).map_err(|why| Refusal { text: about(why), tampered: false })
}

/// A finding that is not accepted yet.
#[derive(Clone, Copy, Debug)]
pub struct Open<'a> {
    pub finding: &'a Finding,
    pub have: u32,
    pub need: u32,
}

impl Open<'_> {
    fn missing(&self) -> String {
        match self.need.saturating_sub(self.have) {
            1 => "1 more signer is missing".to_owned(),
            more => format!("{more} more signers are missing"),
        }
    }

    pub fn line(&self) -> String {
        let Open { finding, have, need } = self;
        let many = if *need > 1 { format!(", {have} of {need} signed approvals, {}", self.missing()) } else { String::new() };
        format!("{} {}: {} ({}{many})", finding.id, finding.severity.as_str(), finding.message, finding.rule)
    }
}

/// Findings that nobody may accept.
pub fn never<'a>(report: &'a Report, policy: &Policy<'_>) -> Vec<&'a Finding> {
    report.unwaived().filter(|finding| policy.approvals.never_accept.contains(&finding.rule)).collect()
}

/// Findings that need somebody's acceptance and do not have it.
pub fn open<'a>(report: &'a Report, ballot: &Ballot, policy: &Policy<'_>) -> Vec<Open<'a>> {
    let none = Votes::default();
    let needing = report.unwaived().filter(|finding| needs(finding, policy));
    needing
        .filter_map(|finding| {
            let (votes, need) = (ballot.get(&finding.id).unwrap_or(&none), policy.approvals.needed(finding.severity));
            (!votes.reach(need)).then(|| Open { finding, have: votes.count(need), need })
        })
        .collect()
}

/// What closes the gate, what is critical, and what policy names.
fn needs(finding: &Finding, policy: &Policy<'_>) -> bool {
    finding.severity >= policy.gate.fail_on
        || finding.severity == Severity::Critical
        || policy.approvals.require.contains_key(&finding.severity)
}

/// The ballot with one vote more on each of these: the person at the terminal, or who was given the digest.
pub fn with_vote<'a>(ballot: &Ballot, findings: impl IntoIterator<Item = &'a Finding>) -> Ballot {
    let mut ballot = ballot.clone();
    for finding in findings {
        ballot.entry(finding.id.clone()).or_default().unsigned = true;
    }
    ballot
}

/// Whether the forecast ends in an error that no finding tells of, so that accepting findings does not accept it.
pub fn fails_unsaid(report: &Report) -> bool {
    matches!(report.predicted.outcome, Outcome::Fails | Outcome::Stuck)
        && !report.findings.iter().any(|finding| finding.severity >= Severity::High)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::GatePolicy;
    use crate::plan::sample::{self, time};
    use crate::policy::approvals::Approvals;

    const NOW: &str = "2026-03-01T12:00:00Z";

    fn acceptance(plan: &Plan, rule: &str) -> Acceptance {
        let finding = plan.plan.report.findings.iter().find(|finding| finding.rule == rule).unwrap();
        Acceptance {
            finding: finding.id.clone(),
            evidence: evidence::digest(finding),
            reason: "the cache refills itself".into(),
            by: "jane".into(),
            identity: Some("jane".into()),
            at: time("2026-03-01T10:00:00Z"),
            until: None,
            signature: None,
        }
    }

    fn open_rules(plan: &Plan, approvals: &Approvals) -> Vec<String> {
        let gate = GatePolicy::default();
        let ballot = count(plan, None, time(NOW)).unwrap();
        let open = open(&plan.plan.report, &ballot, &Policy { gate: &gate, approvals });
        open.iter().map(|open| open.finding.rule.clone()).collect()
    }

    #[test]
    fn one_unsigned_acceptance_suffices_where_one_is_needed() {
        let plan = sample::plan();
        assert_eq!(open_rules(&plan, &Approvals::default()), ["pvc-removed"]);
        let accepted = plan.clone().accepted(acceptance(&plan, "pvc-removed"));
        assert_eq!(open_rules(&accepted, &Approvals::default()), [""; 0]);
    }

    #[test]
    fn unsigned_acceptances_never_add_up() {
        let approvals = Approvals { require: [(Severity::Critical, 2)].into(), ..Approvals::default() };
        let mut plan = sample::plan();
        for name in ["jane", "joe", "mallory"] {
            let one = Acceptance { by: name.into(), identity: Some(name.into()), ..acceptance(&plan, "pvc-removed") };
            plan = plan.accepted(one);
        }
        assert_eq!(open_rules(&plan, &approvals), ["pvc-removed"]);
    }

    #[test]
    fn what_is_over_or_about_something_else_does_not_count() {
        let plan = sample::plan();
        let good = acceptance(&plan, "pvc-removed");
        for bad in [
            Acceptance { until: Some(time(NOW)), ..good.clone() },
            Acceptance { evidence: "sha256:0".into(), ..good.clone() },
            Acceptance { finding: "another".into(), ..good.clone() },
        ] {
            assert_eq!(open_rules(&plan.clone().accepted(bad), &Approvals::default()), ["pvc-removed"]);
        }
    }

    #[test]
    fn policy_names_further_severities_and_what_nobody_may_accept() {
        let plan = sample::plan();
        let approvals = Approvals {
            require: [(Severity::Medium, 1)].into(),
            never_accept: ["no-probe".to_owned()].into(),
            ..Approvals::default()
        };
        assert_eq!(open_rules(&plan, &approvals), ["pvc-removed", "no-probe"]);
        let gate = GatePolicy::default();
        let never = never(&plan.plan.report, &Policy { gate: &gate, approvals: &approvals });
        assert_eq!(never.iter().map(|finding| finding.rule.as_str()).collect::<Vec<_>>(), ["no-probe"]);
    }

    #[test]
    fn a_vote_of_the_moment_is_one_unsigned_acceptance() {
        let plan = sample::plan();
        let findings = &plan.plan.report.findings;
        let ballot = with_vote(&Ballot::new(), findings);
        assert!(ballot.values().all(|votes| votes.reach(1) && !votes.reach(2)));
    }
}
