//! What policy lets the person at the terminal, or whoever gave a digest, accept.

use crate::exit::ExitStatus;
use crate::gate::{self, Decision};
use crate::plan::approve::{self, Ballot, Open};
use crate::plan::bound::Policy;
use crate::report::Report;
use crate::rules::Severity;
use crate::settings::Acceptance;

/// Why it is not accepted.
pub struct Refused {
    pub status: ExitStatus,
    pub headline: &'static str,
    pub lines: Vec<String>,
}

/// Whether one acceptance more, by these means, is enough besides those of the ballot. Somebody at a terminal accepts everything
/// that is shown; a digest accepts what is not critical, and the rest with `--accept-critical`, unless policy forbids it.
///
/// # Errors
/// What remains open, or may be accepted by nobody.
pub fn suffices(
    report: &Report,
    ballot: &Ballot,
    policy: &Policy<'_>,
    given: &Acceptance,
    terminal: bool,
) -> Result<(), Refused> {
    let never = approve::never(report, policy);
    if !never.is_empty() {
        let lines = never.iter().map(|finding| format!("{} ({})", finding.message, finding.rule)).collect();
        return Err(Refused { status: ExitStatus::Blocked, headline: "Policy lets nobody accept:", lines });
    }
    let critical_too = given.critical && !policy.approvals.forbid_accept_critical;
    let by_digest = |severity| given.digest.is_some() && (severity < Severity::Critical || critical_too);
    let votes = report.findings.iter().filter(|finding| terminal || by_digest(finding.severity));
    let open = approve::open(report, &approve::with_vote(ballot, votes), policy);
    if open.is_empty() {
        return Ok(());
    }
    let lines = open.iter().map(Open::line).collect();
    Err(Refused { status: ExitStatus::Blocked, headline: "Not accepted:", lines })
}

/// Whether trusted policy lets this report run without anybody's acceptance (`accept: within-gate`).
pub fn within_gate(report: &Report, policy: &Policy<'_>) -> bool {
    policy.approvals.within_gate
        && gate::decide(report, policy.gate) == Decision::Within
        && approve::never(report, policy).is_empty()
        && approve::open(report, &Ballot::new(), policy).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::GatePolicy;
    use crate::plan::sample;
    use crate::policy::approvals::Approvals;

    fn status(approvals: &Approvals, digest: bool, critical: bool, terminal: bool) -> Option<&'static str> {
        let (gate, report) = (GatePolicy::default(), sample::report(&sample::input()));
        let given = Acceptance { digest: digest.then(|| report.digest.clone()), critical };
        let policy = Policy { gate: &gate, approvals };
        suffices(&report, &Ballot::new(), &policy, &given, terminal).err().map(|refused| refused.headline)
    }

    #[test]
    fn policy_decides_what_one_acceptance_is_good_for() {
        let none = Approvals::default();
        let two = Approvals { require: [(Severity::Critical, 2)].into(), ..Approvals::default() };
        let forbidden = Approvals { forbid_accept_critical: true, ..Approvals::default() };
        let never = Approvals { never_accept: ["pvc-removed".to_owned()].into(), ..Approvals::default() };
        let (open, nobody) = (Some("Not accepted:"), Some("Policy lets nobody accept:"));
        for (row, (approvals, digest, critical, terminal, expected)) in [
            (&none, false, false, true, None),
            (&none, true, false, false, open),
            (&none, true, true, false, None),
            (&none, false, false, false, open),
            (&two, true, true, false, open),
            (&two, false, false, true, open),
            (&forbidden, true, true, false, open),
            (&forbidden, false, false, true, None),
            (&never, true, true, false, nobody),
            (&never, false, false, true, nobody),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(status(approvals, digest, critical, terminal), expected, "row {row}");
        }
    }

    #[test]
    fn within_the_gate_is_not_enough_unless_policy_says_so() {
        let gate = GatePolicy::default();
        let quiet = crate::report::sample::empty();
        let policy = |approvals| Policy { gate: &gate, approvals };
        let (plain, lenient) = (Approvals::default(), Approvals { within_gate: true, ..Approvals::default() });
        assert!(!within_gate(&quiet, &policy(&plain)) && within_gate(&quiet, &policy(&lenient)));
        assert!(!within_gate(&sample::report(&sample::input()), &policy(&lenient)));
    }
}
