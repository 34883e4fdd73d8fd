//! The report as GitLab's Code Quality artifact (docs.gitlab.com, "Code Quality": Code Climate's form, a JSON array).

use serde_json::{Value, json};

use super::{Finding, Report, clean, location};
use crate::rules::Severity;

/// One entry a finding that counts. A finding without a template lies in the chart's `Chart.yaml`: the host shows nothing without a file.
pub fn render(report: &Report) -> String {
    let entries: Vec<Value> = report.unwaived().map(|finding| entry(report, finding)).collect();
    super::json::harmless(&Value::Array(entries))
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
