//! The Helm that will run the rollback: its version, and what changes with it.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::input::Known;

/// A Helm version. The patch number is absent where the binary does not tell it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelmVersion {
    pub major: u32,
    pub minor: u32,
    pub patch: Option<u32>,
}

impl HelmVersion {
    /// Parses `v3.22.0`, `4.3`, `v3.14.2+g1234` and the like.
    pub fn parse(text: &str) -> Option<HelmVersion> {
        let text = text.trim().trim_start_matches('v');
        let core = text.split(['+', '-']).next()?;
        let mut parts = core.split('.').map(str::parse::<u32>);
        let major = parts.next()?.ok()?;
        let minor = parts.next()?.ok()?;
        let patch = parts.next().and_then(Result::ok);
        Some(HelmVersion { major, minor, patch })
    }

    /// `self >= major.minor.patch`; a missing patch number counts as the newest of its minor.
    pub fn at_least(&self, major: u32, minor: u32, patch: u32) -> bool {
        (self.major, self.minor, self.patch.unwrap_or(u32::MAX)) >= (major, minor, patch)
    }
}

impl fmt::Display for HelmVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.patch {
            Some(patch) => write!(f, "{}.{}.{patch}", self.major, self.minor),
            None => write!(f, "{}.{}", self.major, self.minor),
        }
    }
}

/// The binary that will be run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HelmBinary {
    /// As resolved from `HELM_BIN` or `PATH`; none in runs that only analyse files.
    #[serde(skip)]
    pub path: Option<PathBuf>,
    pub version: Known<HelmVersion>,
}

/// Server-side choice of `helm rollback` in Helm 4 (`--server-side`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerSide {
    #[default]
    Auto,
    True,
    False,
}

/// `--wait` of either line: Helm 3 knows none and `Watcher`-like waiting, Helm 4 has strategies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wait {
    /// Flag not given: nothing but hooks is waited for.
    #[default]
    NotGiven,
    /// `--wait=hookOnly` (Helm 4).
    HookOnly,
    /// Bare `--wait`, `--wait=true`, or `--wait=watcher`.
    Watcher,
    /// `--wait=legacy` (Helm 4).
    Legacy,
}

impl Wait {
    /// Whether readiness of the target's objects is waited for.
    pub fn waits_for_objects(self) -> bool {
        matches!(self, Wait::Watcher | Wait::Legacy)
    }
}

/// `helm rollback --timeout` where it is not given (Helm `pkg/cmd/rollback.go`), in seconds.
const DEFAULT_TIMEOUT: f64 = 300.0;

/// Flags of `helm rollback` that change what it does. Parsed once; passed on to Helm as given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackFlags {
    pub no_hooks: bool,
    /// `--force` of either line or `--force-replace`: PUT instead of patch.
    pub force_replace: bool,
    pub force_conflicts: bool,
    pub server_side: ServerSide,
    pub wait: Wait,
    pub wait_for_jobs: bool,
    pub cleanup_on_fail: bool,
    pub recreate_pods: bool,
    /// `--history-max`; default `HELM_MAX_HISTORY` or 10; 0 = unlimited.
    pub history_max: u32,
    /// `--description` (4.3 and later).
    pub description: Option<String>,
    /// `--timeout` as given.
    pub timeout: Option<String>,
}

impl RollbackFlags {
    /// How long Helm waits for the target's objects, in whole seconds; none where the text is no duration.
    pub fn timeout_seconds(&self) -> Option<i64> {
        let seconds = self.timeout.as_deref().map_or(Some(DEFAULT_TIMEOUT), go_seconds)?;
        // A float that is out of range saturates.
        Some(seconds as i64)
    }
}

/// Go's `time.ParseDuration`: `5m0s`, `1.5h`, `300ms`, `0`.
fn go_seconds(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 8] =
        [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("μs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut sum = 0.0;
    while !rest.is_empty() && rest != "0" {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let (unit, seconds) = UNITS.iter().find(|(unit, _)| tail.starts_with(unit))?;
        sum += number.parse::<f64>().ok()? * seconds;
        rest = tail.get(unit.len()..)?;
    }
    Some(sum)
}
