//! The plan as it is stored: `rollback-safe/plan/v1`. Names are frozen; the schema is closed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bound::Bound;
use super::canonical;
use crate::report::{Report, Waiver};

/// Value of the field `schema`.
pub const SCHEMA: &str = "rollback-safe/plan/v1";

/// The whole file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    pub schema: String,
    /// `sha256:` and 64 hex digits over `plan` and `acceptances`.
    pub digest: String,
    pub plan: Body,
    pub acceptances: Vec<Acceptance>,
}

/// What acceptances are about; it never changes once it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Body {
    pub made: Made,
    /// From then on the plan counts no more.
    pub valid_until: Timestamp,
    pub request: Request,
    pub bound: Bound,
    /// The report that is reviewed.
    pub report: Report,
}

/// Who made it, when, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    pub at: Timestamp,
    /// The name by which the cluster knows the caller (SelfSubjectReview); null = it did not say.
    pub by: Option<String>,
    /// Version of this program.
    pub tool: String,
}

/// What has to be read again, as it was asked for. It names no file and no server: those are for the caller to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Flags of `helm rollback`, as they were given.
    pub flags: Vec<String>,
    /// False = the records only.
    pub live: bool,
    pub server_dry_run: bool,
    /// Options that name migrations and databases; `apply` needs the same ones.
    pub migrations: Vec<String>,
}

/// One person's acceptance of one finding of this plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// Fingerprint of the finding.
    pub finding: String,
    /// Digest of what the finding rested on.
    pub evidence: String,
    pub reason: String,
    /// A label; what counts is the signature, or else the cluster's name for the caller.
    pub by: String,
    /// The cluster's name for who accepted; null = it did not say.
    pub identity: Option<String>,
    pub at: Timestamp,
    /// From then on it counts no more; null = as long as the plan.
    pub until: Option<Timestamp>,
    /// An SSH signature (`ssh-keygen -Y sign`, namespace `rollback-safe`) over [`Acceptance::statement`].
    pub signature: Option<String>,
}

/// What a signature is made over: the acceptance and the plan it is for.
#[derive(Serialize)]
struct Statement<'a> {
    schema: &'static str,
    plan: &'a str,
    finding: &'a str,
    evidence: &'a str,
    reason: &'a str,
    by: &'a str,
    identity: &'a Option<String>,
    at: Timestamp,
    until: Option<Timestamp>,
}

impl Acceptance {
    /// The bytes to be signed, for the plan with this [`Body::digest`].
    pub fn statement(&self, plan: &str) -> Vec<u8> {
        canonical::bytes(&Statement {
            schema: "rollback-safe/acceptance/v1",
            plan,
            finding: &self.finding,
            evidence: &self.evidence,
            reason: &self.reason,
            by: &self.by,
            identity: &self.identity,
            at: self.at,
            until: self.until,
        })
    }
}

impl Body {
    /// What acceptances are bound to.
    pub fn digest(&self) -> String {
        canonical::digest(self)
    }
}

impl Plan {
    /// A plan that nobody has accepted yet.
    pub fn new(plan: Body) -> Plan {
        let mut whole = Plan { schema: SCHEMA.to_owned(), digest: String::new(), plan, acceptances: Vec::new() };
        whole.digest = whole.computed();
        whole
    }

    /// The same plan with one acceptance more. Several of one signer count once.
    pub fn accepted(mut self, acceptance: Acceptance) -> Plan {
        self.acceptances.push(acceptance);
        self.digest = self.computed();
        self
    }

    /// What the field `digest` has to be.
    pub fn computed(&self) -> String {
        canonical::digest(&(&self.schema, &self.plan, &self.acceptances))
    }
}

impl Plan {
    /// The report with the acceptances beside their findings. Whether they count is for policy to say.
    pub fn reviewed(&self) -> Report {
        let mut report = self.plan.report.clone();
        for finding in &mut report.findings {
            let given = self.acceptances.iter().filter(|acceptance| acceptance.finding == finding.id);
            let reasons: Vec<String> = given.map(|acceptance| format!("{}: {}", acceptance.by, acceptance.reason)).collect();
            finding.accepted = (!reasons.is_empty()).then(|| Waiver { reason: reasons.join("; "), ..Waiver::default() });
        }
        report
    }

    /// Who made it, how long it is valid, what it is called.
    pub fn about(&self, now: Timestamp) -> String {
        let Body { made, valid_until, .. } = &self.plan;
        let who = made.by.as_deref().unwrap_or("somebody whom no cluster names");
        let over = if now >= *valid_until { ", which is over" } else { "" };
        let accepted = self.acceptances.len();
        format!(
            "Made by {who} at {}, valid until {valid_until}{over}; acceptances: {accepted}.\nIts digest is {}",
            made.at, self.digest
        )
    }
}
