//! What is kept of each acceptance and each run: who, when, what, under which policy.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::release::Revision;
use crate::report::clean;

/// Value of the field `schema`.
pub const SCHEMA: &str = "rollback-safe/audit/v1";

/// Longest message of an Event, in bytes (Kubernetes `pkg/apis/core/validation/events.go` `NoteLengthLimit`).
const MAX_MESSAGE: usize = 1024;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    Accept,
    Run,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Accepted,
    /// Helm is about to be started.
    Started,
    /// It ended with success, and the result is what was forecast or cannot be compared.
    Done,
    /// It failed, or the result is not what was forecast.
    Failed,
}

/// One line of the audit file.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    pub schema: &'static str,
    pub at: Timestamp,
    pub action: Action,
    pub outcome: Outcome,
    /// The cluster's name for who did it; null = it did not say.
    pub who: Option<String>,
    /// The label that was given.
    pub by: Option<String>,
    /// Whether an acceptance is signed.
    pub signed: Option<bool>,
    pub reason: Option<String>,
    /// Uid of `kube-system`.
    pub cluster: Option<String>,
    pub namespace: String,
    pub release: String,
    pub from: Revision,
    pub to: Revision,
    /// Digest of the plan, or of the report where there was no plan.
    pub digest: String,
    /// Ids of the findings that were accepted.
    pub findings: Vec<String>,
    /// Digest of the policy in force.
    pub policy: String,
}

impl Entry {
    /// One line of JSON, without a line feed. What could do harm on a terminal is escaped.
    pub fn line(&self) -> String {
        let pretty = crate::report::json::harmless(self);
        let lines = pretty.lines().map(str::trim_start);
        lines.collect::<Vec<_>>().join(" ")
    }

    /// An Event beside the newest release record; `record` is its kind and name where the cluster holds it.
    pub fn event(&self, record: Option<(&str, &str)>) -> Value {
        let about = match record {
            Some((kind, name)) => json!({"apiVersion": "v1", "kind": kind, "namespace": self.namespace, "name": name}),
            None => json!({"apiVersion": "helm.sh/v3", "kind": "Release", "namespace": self.namespace, "name": self.release}),
        };
        let at = self.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"generateName": "rollback-safe-", "namespace": self.namespace},
            "involvedObject": about,
            "type": "Normal",
            "reason": match self.outcome {
                Outcome::Accepted => "RollbackFindingAccepted",
                Outcome::Started => "RollbackStarted",
                Outcome::Done => "RollbackDone",
                Outcome::Failed => "RollbackFailed",
            },
            "message": self.message(),
            "source": {"component": "rollback-safe"},
            "firstTimestamp": at, "lastTimestamp": at, "count": 1,
        })
    }

    fn message(&self) -> String {
        let who = self.who.as_deref().or(self.by.as_deref()).unwrap_or("somebody");
        let what = match self.action {
            Action::Accept => "accepted findings of",
            Action::Run => "ran",
        };
        let reason = self.reason.as_ref().map(|reason| format!("; reason: {reason}")).unwrap_or_default();
        let Entry { release, from, to, digest, policy, .. } = self;
        let findings = if self.findings.is_empty() { String::new() } else { format!("; findings {}", self.findings.join(" ")) };
        let text = format!(
            "{who} {what} the rollback of {release} from revision {from} to {to}: {digest}, policy {policy}{findings}{reason}"
        );
        bounded(&clean(&text))
    }
}

fn bounded(text: &str) -> String {
    let end = (0..=MAX_MESSAGE.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            schema: SCHEMA,
            at: "2026-03-01T12:00:00.5Z".parse().unwrap(),
            action: Action::Accept,
            outcome: Outcome::Accepted,
            who: Some("system:serviceaccount:ci:deployer".into()),
            by: Some("jane".into()),
            signed: Some(false),
            reason: Some("one\n\u{1b}[2Jtwo".into()),
            cluster: Some("cluster-1".into()),
            namespace: "prod".into(),
            release: "shop".into(),
            from: 7,
            to: 5,
            digest: "sha256:d".into(),
            findings: vec!["id-pvc-removed".into()],
            policy: "sha256:p".into(),
        }
    }

    #[test]
    fn a_line_is_one_line_of_json_whatever_it_quotes() {
        let line = entry().line();
        assert!(!line.contains('\n') && !line.contains('\u{1b}'), "{line}");
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["reason"], "one\n\u{1b}[2Jtwo");
        assert_eq!((&read["who"], &read["policy"]), (&json!("system:serviceaccount:ci:deployer"), &json!("sha256:p")));
    }

    #[test]
    fn an_event_is_harmless_and_short_enough() {
        let long = Entry { reason: Some("ü".repeat(5000)), ..entry() };
        let event = long.event(Some(("Secret", "sh.helm.release.v1.shop.v7")));
        let message = event["message"].as_str().unwrap();
        assert!(message.len() <= MAX_MESSAGE && message.starts_with("system:serviceaccount:ci:deployer accepted findings of"));
        assert!(!entry().event(None)["message"].as_str().unwrap().contains('\u{1b}'));
        assert_eq!(event["firstTimestamp"], "2026-03-01T12:00:00Z");
    }
}
