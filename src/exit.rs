//! Exit statuses, as documented in the README, and errors that know theirs.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

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

impl ExitStatus {
    pub const ALL: [ExitStatus; 7] = [
        ExitStatus::Ok,
        ExitStatus::Blocked,
        ExitStatus::Usage,
        ExitStatus::CouldNotRun,
        ExitStatus::Inconclusive,
        ExitStatus::RollbackFailed,
        ExitStatus::Changed,
    ];

    /// The number the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// One line for the help text and the README.
    pub fn meaning(self) -> &'static str {
        match self {
            ExitStatus::Ok => "done, or within the gate",
            ExitStatus::Blocked => "blocked by findings, or not accepted",
            ExitStatus::Usage => "wrong usage or configuration",
            ExitStatus::CouldNotRun => "could not run: no such release, no such revision, no cluster, no Helm",
            ExitStatus::Inconclusive => "inconclusive",
            ExitStatus::RollbackFailed => "the rollback ran and failed, or did not verify",
            ExitStatus::Changed => "what was accepted no longer matches what is there",
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> ExitCode {
        ExitCode::from(status.code())
    }
}

/// An error, or a context of one, that knows its exit status and what to do about it.
///
/// Attach it where the situation is recognised: `result.context(Advice::new(ExitStatus::CouldNotRun, "…").help("…"))`,
/// or return it alone through `anyhow::Error::from`. `main` prints `help:` lines of the first one in the chain. An error
/// without any ends with [`ExitStatus::CouldNotRun`].
#[derive(Clone, Debug)]
pub struct Advice {
    pub status: ExitStatus,
    pub message: String,
    pub help: Vec<String>,
}

impl Advice {
    pub fn new(status: ExitStatus, message: impl Into<String>) -> Advice {
        Advice { status, message: message.into(), help: Vec::new() }
    }

    pub fn usage(message: impl Into<String>) -> Advice {
        Advice::new(ExitStatus::Usage, message)
    }

    pub fn help(mut self, line: impl Into<String>) -> Advice {
        self.help.push(line.into());
        self
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Advice {}
