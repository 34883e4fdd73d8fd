//! The report as SARIF 2.1.0 (OASIS Standard, 27 March 2020), for code scanning.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Finding, Report, clean, location, uri};
use crate::rules::Severity;

pub const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Hosts show no more results of a run than this.
const RESULTS: usize = 5_000;

/// Writes the report: one result a finding, waived ones as suppressed, what is not known as notifications of the run.
pub fn render(report: &Report) -> String {
    let mut rules: BTreeMap<&str, &Finding> = BTreeMap::new();
    for finding in &report.findings {
        rules.entry(&finding.rule).or_insert(finding);
    }
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(position, id)| (*id, position)).collect();
    let results: Vec<Value> =
        report.findings.iter().take(RESULTS).map(|finding| result(report, finding, index[finding.rule.as_str()])).collect();
    let mut log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "rollback-safe",
                "semanticVersion": report.tool.version,
                "rules": rules.values().map(|finding| rule(finding)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications": report.gaps.iter().map(notification).collect::<Vec<_>>(),
            }],
            "results": results,
            "properties": {"verdict": report.verdict.as_str(), "digest": report.digest},
        }],
    });
    if report.policy.is_some() {
        log["runs"][0]["properties"]["policy"] = json!(sources(report));
    }
    super::json::harmless(&log)
}

/// Each source of the policy with its digest.
fn sources(report: &Report) -> Vec<Value> {
    let sources = report.policy.iter().flat_map(|policy| &policy.sources);
    sources.map(|source| json!({"path": clean(&source.path), "digest": source.digest, "authority": source.authority})).collect()
}

fn rule(finding: &Finding) -> Value {
    json!({
        "id": finding.rule,
        "name": finding.rule,
        "shortDescription": {"text": clean(&finding.title)},
        "defaultConfiguration": {"level": level(finding.severity)},
        "properties": {"tags": ["helm", "rollback"]},
    })
}

fn result(report: &Report, finding: &Finding, rule: usize) -> Value {
    let mut result = json!({
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": level(finding.severity),
        "message": {"text": clean(&format!("{} {} What to do: {}", finding.message, finding.why, finding.remediation))},
        "locations": [{
            // Lines of a template are not known: a record holds what was rendered.
            "physicalLocation": {"artifactLocation": {"uri": uri::path(&location::file(report, finding))}, "region": {"startLine": 1}},
            "logicalLocations": logical(finding),
        }],
        "partialFingerprints": {"rollbackSafe/v1": finding.id},
        "properties": {"severity": finding.severity.as_str(), "confidence": finding.confidence.to_string()},
    });
    if let Some(waiver) = &finding.waived {
        result["suppressions"] = json!([{"kind": "external", "status": "accepted", "justification": clean(&waiver.sentence())}]);
    }
    result
}

fn logical(finding: &Finding) -> Vec<Value> {
    let Some(object) = &finding.object else { return Vec::new() };
    let path = finding.path.as_ref().filter(|path| !path.is_empty()).map_or(String::new(), |path| format!("#{path}"));
    let (name, whole) = (object.to_string(), format!("{object}{path}"));
    vec![json!({"name": clean(&name), "fullyQualifiedName": clean(&whole), "kind": "resource"})]
}

fn notification(gap: &crate::input::Gap) -> Value {
    let level = if gap.blocks { "warning" } else { "note" };
    json!({"level": level, "message": {"text": clean(&format!("not known: {}: {}", gap.what, gap.why))}})
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}
