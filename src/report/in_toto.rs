//! The report as an in-toto statement, to be signed by whatever signs attestations
//! (github.com/in-toto/attestation, spec/v1/statement.md).
//!
//! `schema/in-toto-v1.schema.json` is the predicate's definition.

use serde_json::json;

use super::{Report, clean, json as form};
use crate::gate::{self, Decision, GatePolicy};

/// Fixed by the specification.
pub const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// What the predicate means: the verdict of the gate on a report.
pub const PREDICATE: &str = "urn:rollback-safe:predicate:v1";

/// The subject is what acceptance binds, by the digest that `--accept` takes.
pub fn render(report: &Report, policy: &GatePolicy) -> String {
    let release = &report.release;
    let name = format!("{}/{} {} to {}", release.namespace, release.name, release.from.revision, release.to.revision);
    let decision = gate::decide(report, policy);
    form::harmless(&json!({
        "_type": STATEMENT,
        "subject": [{
            "name": clean(&name),
            "digest": {"sha256": report.digest.trim_start_matches("sha256:")},
        }],
        "predicateType": PREDICATE,
        "predicate": {
            "gate": {"decision": word(decision), "reason": decision.sentence(policy), "policy": policy},
            "report": report,
        },
    }))
}

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Within => "open",
        Decision::Blocked { .. } => "closed",
        Decision::Inconclusive { .. } => "inconclusive",
    }
}
