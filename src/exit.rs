//! Exit statuses, as documented in the README.

/// What a run ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// Done, or within the gate.
    Ok = 0,
    /// Blocked by findings, or not accepted.
    Blocked = 1,
    /// Usage or configuration.
    Usage = 2,
    /// Could not run.
    CouldNotRun = 3,
    /// Inconclusive.
    Inconclusive = 4,
    /// The rollback ran and failed, or did not verify.
    RollbackFailed = 5,
    /// The plan, or what was accepted, no longer matches.
    Changed = 6,
}
