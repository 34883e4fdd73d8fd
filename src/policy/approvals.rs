//! Who has to accept findings, and which nobody may.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::rules::Severity;

/// Demands on acceptance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Approvals {
    /// How many approvals each finding of a severity needs; a severity that is not named needs one.
    pub require: BTreeMap<Severity, u32>,
    /// Rules whose findings nobody may accept.
    pub never_accept: BTreeSet<String>,
    /// Text of an allowed-signers file as `ssh-keygen -Y verify` takes it (ssh-keygen(1), ALLOWED SIGNERS); None = no
    /// signature is trusted.
    pub allowed_signers: Option<String>,
    /// Without a terminal, a report within the gate runs without anybody's acceptance (`accept: within-gate`).
    pub within_gate: bool,
    /// `--accept-critical` does not suffice: critical findings need a terminal or an approved plan.
    pub forbid_accept_critical: bool,
}

impl Approvals {
    /// How many approvals a finding of this severity needs: never fewer than a milder one.
    pub fn needed(&self, severity: Severity) -> u32 {
        self.require.range(..=severity).map(|(_, number)| *number).max().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_needs_one() {
        let approvals = Approvals { require: [(Severity::Critical, 2)].into(), ..Approvals::default() };
        assert_eq!((approvals.needed(Severity::Critical), approvals.needed(Severity::High)), (2, 1));
        let milder = Approvals { require: [(Severity::High, 3)].into(), ..Approvals::default() };
        assert_eq!((milder.needed(Severity::Critical), milder.needed(Severity::Medium)), (3, 1));
    }
}
