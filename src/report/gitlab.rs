//! The report as GitLab's Code Quality artifact (docs.gitlab.com, "Code Quality": Code Climate's form, a JSON array).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Finding, Report, clean, location};
use crate::policy::SourceInfo;
use crate::rules::Severity;

/// One entry a finding that counts, and one a source of the policy. What has no file of its own lies in the chart's `Chart.yaml`: the host
/// shows nothing without a file.
pub fn render(report: &Report) -> String {
    let findings = report.unwaived().map(|finding| entry(report, finding));
    let sources = report.policy.iter().flat_map(|policy| &policy.sources);
    let mut seen = BTreeSet::new();
    let sources = sources.filter(|source| seen.insert((source.authority.as_str(), &source.digest)));
    super::json::harmless(&Value::Array(findings.chain(sources.map(|source| policy(report, source))).collect()))
}

/// The host compares the artifacts of both branches by fingerprint, and shows what only one has: a request sees this entry where it is
/// judged by another policy than its base.
fn policy(report: &Report, source: &SourceInfo) -> Value {
    let digest = source.digest.trim_start_matches("sha256:");
    json!({
        "description": clean(&format!("Judged by the policy {}", source.sentence())),
        "check_name": "rollback-safe-policy",
        "fingerprint": format!("policy-{}-{digest}", source.authority.as_str()),
        "severity": "info",
        "location": {"path": location::policy(report, source), "lines": {"begin": 1}},
    })
}

fn entry(report: &Report, finding: &Finding) -> Value {
    json!({
        "description": clean(&format!("{}: {}", finding.title, finding.message)),
        "check_name": finding.rule,
        "fingerprint": finding.id,
        "severity": severity(finding.severity),
        "location": {"path": location::file(report, finding), "lines": {"begin": 1}},
    })
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "blocker",
        Severity::High => "critical",
        Severity::Medium => "major",
        Severity::Low => "minor",
        Severity::Info => "info",
    }
}
