//! Release records: decoding, parsing as Helm parses, redaction.
//!
//! Everything that leaves this module is redacted: a [`Release`] holds no plain secret value.

#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]

pub mod certificate;
pub mod chart_files;
mod compose;
pub mod decode;
mod dump;
mod head;
pub mod hooks;
mod inspected;
pub mod manifest;
pub mod object;
mod plain;
mod record;
pub mod redact;
pub mod saved;
mod scalar;
mod split;
pub mod value;
pub mod yaml;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use certificate::Certificate;
pub use head::Head;
pub use inspected::Inspected;
pub use object::{Object, ObjectRef, Origin};
pub use record::RawRecord;
pub use value::{Map, Redacted, Value};

use crate::input::Gap;

/// A revision number. Helm counts from 1.
pub type Revision = u32;

/// Status of a release record (Helm `pkg/release/status.go` 3.x, `pkg/release/common/status.go` 4.x).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    Unknown,
    Deployed,
    Uninstalled,
    Superseded,
    Failed,
    Uninstalling,
    PendingInstall,
    PendingUpgrade,
    PendingRollback,
}

impl Status {
    pub const ALL: [Status; 9] = [
        Status::Unknown,
        Status::Deployed,
        Status::Uninstalled,
        Status::Superseded,
        Status::Failed,
        Status::Uninstalling,
        Status::PendingInstall,
        Status::PendingUpgrade,
        Status::PendingRollback,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Status::Unknown => "unknown",
            Status::Deployed => "deployed",
            Status::Uninstalled => "uninstalled",
            Status::Superseded => "superseded",
            Status::Failed => "failed",
            Status::Uninstalling => "uninstalling",
            Status::PendingInstall => "pending-install",
            Status::PendingUpgrade => "pending-upgrade",
            Status::PendingRollback => "pending-rollback",
        }
    }

    /// The status with this spelling; an unlisted one is `Unknown`, as in Helm.
    pub fn parse(text: &str) -> Status {
        Status::ALL.into_iter().find(|s| s.as_str() == text).unwrap_or(Status::Unknown)
    }

    /// Statuses for which `helm upgrade` answers "another operation is in progress".
    pub fn is_pending(self) -> bool {
        matches!(self, Status::PendingInstall | Status::PendingUpgrade | Status::PendingRollback)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How Helm 4 recorded that a revision was applied (`apply_method`); absent in Helm 3's records, which means client-side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApplyMethod {
    #[serde(rename = "ssa")]
    ServerSide,
    #[serde(rename = "csa")]
    ClientSide,
}

/// Where a record was read, and what the storage object says beside the payload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredAs {
    /// Storage key, `sh.helm.release.v1.<name>.v<revision>`.
    pub key: String,
    /// `metadata.uid` of the storing Secret or ConfigMap.
    pub uid: Option<String>,
    /// `metadata.resourceVersion` of the storing object.
    pub resource_version: Option<String>,
    /// The `status` label: a second source of truth, which Helm uses to find the deployed revision.
    pub status_label: Option<Status>,
}

/// One decoded, parsed and redacted release record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Release {
    pub name: String,
    pub namespace: String,
    pub revision: Revision,
    pub status: Status,
    /// `info.description`, redacted.
    pub description: String,
    /// RFC 3339 with the client's offset; absent where Helm wrote a zero time.
    pub first_deployed: Option<String>,
    pub last_deployed: Option<String>,
    /// `info.rollback_revision`, written by Helm 4.3.0 and later only.
    pub rollback_revision: Option<Revision>,
    /// Absent in records written by Helm 3.
    pub apply_method: Option<ApplyMethod>,
    pub chart: ChartInfo,
    /// User-supplied values, redacted.
    pub config: Value,
    /// Manifest objects in stored order, `kind: List` flattened.
    pub objects: Vec<Object>,
    pub hooks: Vec<Hook>,
    /// `info.notes`, redacted.
    pub notes: String,
    pub stored: StoredAs,
    /// What could not be parsed in this record.
    pub gaps: Vec<Gap>,
}

impl Release {
    /// The revision this one restored, if it was a rollback: `info.rollback_revision` if there, else `Rollback to N`.
    ///
    /// Any Helm before 4.3 that rewrites a record drops the field, so the description is the fallback.
    pub fn restores(&self) -> Option<Revision> {
        self.rollback_revision.filter(|n| *n > 0).or_else(|| self.description.strip_prefix("Rollback to ")?.parse().ok())
    }

    /// What the hooks create; a hook whose text could not be read has a gap instead.
    pub fn hook_objects(&self) -> impl Iterator<Item = &Object> {
        self.hooks.iter().filter_map(|hook| hook.object.as_ref())
    }
}

/// What is kept of `chart.metadata`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChartInfo {
    pub name: String,
    pub version: String,
    pub app_version: String,
    pub annotations: BTreeMap<String, String>,
    pub kube_version: Option<String>,
    /// Names of the chart's own `crds/` files, which Helm never rolls back.
    pub crd_files: Vec<String>,
    /// Files of the chart that may be migrations, by path: redacted text.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
}

/// Hook events (Helm `pkg/release/hook.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookEvent {
    PreInstall,
    PostInstall,
    PreDelete,
    PostDelete,
    PreUpgrade,
    PostUpgrade,
    PreRollback,
    PostRollback,
    Test,
}

impl HookEvent {
    pub const ALL: [HookEvent; 9] = [
        HookEvent::PreInstall,
        HookEvent::PostInstall,
        HookEvent::PreDelete,
        HookEvent::PostDelete,
        HookEvent::PreUpgrade,
        HookEvent::PostUpgrade,
        HookEvent::PreRollback,
        HookEvent::PostRollback,
        HookEvent::Test,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            HookEvent::PreInstall => "pre-install",
            HookEvent::PostInstall => "post-install",
            HookEvent::PreDelete => "pre-delete",
            HookEvent::PostDelete => "post-delete",
            HookEvent::PreUpgrade => "pre-upgrade",
            HookEvent::PostUpgrade => "post-upgrade",
            HookEvent::PreRollback => "pre-rollback",
            HookEvent::PostRollback => "post-rollback",
            HookEvent::Test => "test",
        }
    }

    /// The event as Helm stores it; `test-success` is stored as `test`.
    pub fn parse(text: &str) -> Option<HookEvent> {
        let text = if text == "test-success" { "test" } else { text };
        HookEvent::ALL.into_iter().find(|e| e.as_str() == text)
    }
}

/// When a hook object is deleted (annotation `helm.sh/hook-delete-policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeletePolicy {
    HookSucceeded,
    HookFailed,
    BeforeHookCreation,
    /// A spelling Helm does not act on. It is stored all the same, and switches the default policy off.
    Unknown,
}

/// Last run of a hook as the record tells it; carried over by a rollback from its target, so it may be old.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LastRun {
    pub started_at: Option<String>,
    pub completed_at: Option<String>,
    /// `Succeeded`, `Failed`, `Running`, `Unknown`, or empty if it never ran.
    pub phase: String,
}

/// One hook of a record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hook {
    pub name: String,
    pub kind: String,
    /// Template path inside the chart.
    pub path: String,
    pub events: Vec<HookEvent>,
    pub weight: i64,
    /// As stored: empty means that Helm uses `before-hook-creation`.
    pub delete_policies: Vec<DeletePolicy>,
    pub last_run: LastRun,
    /// The parsed object; absent when its text could not be parsed (then a gap says so).
    pub object: Option<Object>,
}

impl Hook {
    pub fn has_event(&self, event: HookEvent) -> bool {
        self.events.contains(&event)
    }

    /// The policies in force: none given means `before-hook-creation` (Helm `pkg/action/hooks.go` `execHook`).
    pub fn has_policy(&self, policy: DeletePolicy) -> bool {
        match self.delete_policies.as_slice() {
            [] => policy == DeletePolicy::BeforeHookCreation,
            given => given.contains(&policy),
        }
    }
}
