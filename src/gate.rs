//! Whether a report lets a rollback pass, by policy alone.

#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]

use serde::{Deserialize, Serialize};

use crate::exit::ExitStatus;
use crate::forecast::Outcome;
use crate::report::Report;
use crate::report::text::count;
use crate::rules::Severity;

/// What the gate lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatePolicy {
    /// Unwaived findings of this severity or worse block.
    pub fail_on: Severity,
    pub on_inconclusive: OnInconclusive,
}

impl Default for GatePolicy {
    fn default() -> GatePolicy {
        GatePolicy { fail_on: Severity::High, on_inconclusive: OnInconclusive::Block }
    }
}

/// What a blocking gap does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnInconclusive {
    Block,
    Allow,
}

impl OnInconclusive {
    pub fn as_str(self) -> &'static str {
        match self {
            OnInconclusive::Block => "block",
            OnInconclusive::Allow => "allow",
        }
    }
}

/// What the gate says. Findings are looked at first: a report that is both blocked and inconclusive is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Within,
    /// How many unwaived findings reach the threshold; 0 where only the forecast's outcome blocks.
    Blocked {
        findings: usize,
    },
    /// How many gaps block.
    Inconclusive {
        gaps: usize,
    },
}

impl Decision {
    pub fn exit(self) -> ExitStatus {
        match self {
            Decision::Within => ExitStatus::Ok,
            Decision::Blocked { .. } => ExitStatus::Blocked,
            Decision::Inconclusive { .. } => ExitStatus::Inconclusive,
        }
    }
}

impl Decision {
    /// Why the gate is open or closed, without a full stop.
    pub fn sentence(self, policy: &GatePolicy) -> String {
        let threshold = policy.fail_on.as_str();
        match self {
            Decision::Within => format!("open, no finding reaches {threshold}"),
            Decision::Blocked { findings: 0 } => "closed, because the rollback is forecast to fail".to_owned(),
            Decision::Blocked { findings } => {
                format!("closed by {} of severity {threshold} or worse", count(findings, "finding"))
            }
            Decision::Inconclusive { gaps } => format!("closed, {} could not be read", count(gaps, "needed fact")),
        }
    }
}

/// Judges a report.
///
/// A forecast that ends in an error blocks like a high finding even if no rule turned it into one: with a damaged rule
/// set the gate must not open.
pub fn decide(report: &Report, policy: &GatePolicy) -> Decision {
    let findings = report.unwaived().filter(|finding| finding.severity >= policy.fail_on).count();
    let fails = matches!(report.predicted.outcome, Outcome::Fails | Outcome::Stuck);
    if findings > 0 || (fails && policy.fail_on <= Severity::High) {
        return Decision::Blocked { findings };
    }
    let gaps = report.gaps.iter().filter(|gap| gap.blocks).count();
    match policy.on_inconclusive {
        OnInconclusive::Block if gaps > 0 => Decision::Inconclusive { gaps },
        _ => Decision::Within,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Waiver;
    use crate::report::sample;

    fn report(severity: Option<Severity>, waived: bool, gap_blocks: Option<bool>, outcome: Outcome) -> Report {
        let mut report = sample::empty();
        report.predicted.outcome = outcome;
        report.findings = severity.map(|severity| sample::finding("some-rule", severity)).into_iter().collect();
        for finding in &mut report.findings {
            finding.waived = waived.then(|| Waiver { reason: "known".to_owned(), ..Waiver::default() });
        }
        report.gaps = gap_blocks.map(sample::gap).into_iter().collect();
        report
    }

    #[test]
    fn the_table() {
        use OnInconclusive::{Allow, Block};
        use Outcome::{Fails, Stuck, Succeeds, Unknown};
        use Severity::{Critical, High, Info, Low, Medium};
        let table = [
            // finding, waived, gap blocks, outcome, fail_on, on_inconclusive, exit
            (None, false, None, Succeeds, High, Block, 0),
            (Some(Info), false, None, Succeeds, High, Block, 0),
            (Some(Medium), false, None, Succeeds, High, Block, 0),
            (Some(High), false, None, Succeeds, High, Block, 1),
            (Some(Critical), false, None, Succeeds, High, Block, 1),
            (Some(Critical), true, None, Succeeds, High, Block, 0),
            (Some(High), false, None, Succeeds, Critical, Block, 0),
            (Some(Info), false, None, Succeeds, Info, Block, 1),
            (Some(Low), false, None, Succeeds, Medium, Block, 0),
            (None, false, Some(true), Succeeds, High, Block, 4),
            (None, false, Some(true), Succeeds, High, Allow, 0),
            (None, false, Some(false), Succeeds, High, Block, 0),
            (Some(High), false, Some(true), Succeeds, High, Block, 1),
            (Some(High), false, Some(true), Succeeds, High, Allow, 1),
            (Some(High), false, Some(true), Succeeds, Critical, Block, 4),
            (Some(High), true, Some(true), Succeeds, High, Block, 4),
            (None, false, None, Fails, High, Block, 1),
            (None, false, None, Stuck, Low, Block, 1),
            (None, false, None, Stuck, Critical, Block, 0),
            (None, false, None, Unknown, High, Block, 0),
        ];
        for (row, (severity, waived, gap, outcome, fail_on, on_inconclusive, exit)) in table.into_iter().enumerate() {
            let decision = decide(&report(severity, waived, gap, outcome), &GatePolicy { fail_on, on_inconclusive });
            assert_eq!(decision.exit().code(), exit, "row {row}: {decision:?}");
        }
    }
}
