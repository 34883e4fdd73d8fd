//! What an acceptance binds, as one digest.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Finding, Predicted, Report};
use crate::gate::GatePolicy;
use crate::helm::RollbackFlags;
use crate::input::{Gap, Input, Known};
use crate::release::{Release, Revision};

/// All that must still be so when the rollback runs. How the target was chosen is not among it: naming the revision
/// that was chosen anyway is the same rollback. Nor is the tool's version: what it says is in findings and forecast.
#[derive(Serialize)]
struct Bound<'a> {
    cluster_uid: &'a Known<String>,
    driver: &'a str,
    namespace: &'a str,
    release: &'a str,
    from: &'a Record,
    to: &'a Record,
    helm: Option<&'a str>,
    flags: &'a RollbackFlags,
    policy: &'a GatePolicy,
    /// What is in force besides; absent without any source, so that a digest given then still holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_force: Option<&'a str>,
    predicted: &'a Predicted,
    findings: &'a [Finding],
    gaps: &'a [Gap],
}

/// A record by the identity of its storage object, or else by its redacted content.
#[derive(Clone, Debug, Serialize)]
enum Record {
    Stored { revision: Revision, uid: String, resource_version: String },
    Content { revision: Revision, sha256: String },
}

/// Both records, as the digest names them.
///
/// Worked out by themselves: without storage objects two manifests are much to hash, and nothing else is needed for it.
#[derive(Clone, Debug)]
pub struct Records {
    from: Record,
    to: Record,
}

impl Records {
    /// Reads both records through where storage does not identify them.
    pub fn of(input: &Input) -> Records {
        Records { from: record(&input.from), to: record(&input.to) }
    }
}

/// `sha256:` and 64 hex digits.
///
/// Everything hashed is redacted text: a secret scalar serialises as the same word in every run, so neither the value
/// nor its keyed digest has any influence.
pub fn of(input: &Input, report: &Report, policy: &GatePolicy, records: &Records) -> String {
    let bound = Bound {
        cluster_uid: &input.facts.cluster_uid,
        driver: &input.driver,
        namespace: &input.namespace,
        release: &input.from.name,
        from: &records.from,
        to: &records.to,
        helm: report.release.helm.as_deref(),
        flags: &input.flags,
        policy,
        in_force: report.policy.as_ref().map(|policy| policy.digest.as_str()),
        predicted: &report.predicted,
        findings: &report.findings,
        gaps: &report.gaps,
    };
    format!("sha256:{}", sha256(&bound))
}

fn record(release: &Release) -> Record {
    let revision = release.revision;
    match (&release.stored.uid, &release.stored.resource_version) {
        (Some(uid), Some(version)) => Record::Stored { revision, uid: uid.clone(), resource_version: version.clone() },
        _ => Record::Content { revision, sha256: sha256(release) },
    }
}

fn sha256(value: &impl Serialize) -> String {
    let mut text = BufWriter::new(Hashed(Sha256::new()));
    serde_json::to_writer(&mut text, value).expect("string-keyed values without custom serializers that fail");
    let Hashed(hash) = text.into_inner().expect("a hash takes every byte");
    crate::hex::hex(hash.finalize())
}

/// What is written goes into the hash, so that the text of a manifest is never there as a whole.
#[derive(Debug)]
struct Hashed(Sha256);

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
