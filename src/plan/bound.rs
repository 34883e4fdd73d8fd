//! What must still be so when the plan is carried out.

use serde::{Deserialize, Serialize};

use super::canonical;
use crate::gate::GatePolicy;
use crate::helm::RollbackFlags;
use crate::input::Input;
use crate::policy::approvals::Approvals;
use crate::release::{Release, Revision, Status, StoredAs};
use crate::report::Report;

/// Everything that is bound besides what the report says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// Uid of the namespace `kube-system`; null = there is no cluster, or it may not be read.
    pub cluster: Option<String>,
    pub driver: String,
    pub namespace: String,
    pub release: String,
    /// From *to* up to *from*.
    pub records: Vec<Record>,
    /// Version of the Helm that is to run.
    pub helm: Option<String>,
    pub flags: RollbackFlags,
    pub gate: GatePolicy,
    /// Digest of gate, demands on acceptance and the policy file in force.
    pub policy: String,
    /// Digest of the rules in force.
    pub rules: String,
}

/// One release record. A secret has no influence: what is digested is redacted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub revision: Revision,
    pub status: Status,
    pub uid: Option<String>,
    pub resource_version: Option<String>,
    /// Digest of the redacted record, where its storage has no identity.
    pub content: Option<String>,
}

impl Bound {
    /// What this look rests on. The cluster is asked for on its own: a look without live evidence does not know it.
    pub fn of(input: &Input, report: &Report, cluster: Option<&str>, policy: &Policy<'_>) -> Bound {
        Bound {
            cluster: cluster.map(str::to_owned),
            driver: input.driver.clone(),
            namespace: input.namespace.clone(),
            release: input.from.name.clone(),
            records: records(input),
            helm: report.release.helm.clone(),
            flags: input.flags.clone(),
            gate: *policy.gate,
            policy: canonical::digest(&(policy, report.policy.as_ref().map(|policy| &policy.digest))),
            rules: report.tool.rules_digest.clone(),
        }
    }

    /// Number of the newest record.
    pub fn from(&self) -> Revision {
        self.records.last().map_or(0, |record| record.revision)
    }

    /// Number of the record to restore.
    pub fn to(&self) -> Revision {
        self.records.first().map_or(0, |record| record.revision)
    }

    pub fn record(&self, revision: Revision) -> Option<&Record> {
        self.records.iter().find(|record| record.revision == revision)
    }
}

/// What decides whether a report passes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Policy<'a> {
    pub gate: &'a GatePolicy,
    pub approvals: &'a Approvals,
}

impl Policy<'_> {
    pub fn digest(&self) -> String {
        canonical::digest(self)
    }
}

fn records(input: &Input) -> Vec<Record> {
    let mut records = vec![end(&input.to)];
    for between in &input.between {
        let stored = input.history.iter().find(|entry| entry.revision == between.revision).map(|entry| &entry.stored);
        records.push(record(between.revision, between.status, stored, || canonical::digest(between)));
    }
    if input.from.revision != input.to.revision {
        records.push(end(&input.from));
    }
    records
}

fn end(release: &Release) -> Record {
    record(release.revision, release.status, Some(&release.stored), || canonical::digest(release))
}

fn record(revision: Revision, status: Status, stored: Option<&StoredAs>, content: impl Fn() -> String) -> Record {
    let uid = stored.and_then(|stored| stored.uid.clone());
    let resource_version = stored.and_then(|stored| stored.resource_version.clone());
    let content = (uid.is_none() || resource_version.is_none()).then(content);
    Record { revision, status, uid, resource_version, content }
}
