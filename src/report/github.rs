//! The report as workflow commands of GitHub Actions, which become annotations of the run.
//!
//! docs.github.com, "Workflow commands for GitHub Actions": `%`, CR and LF are escaped in the text, `:` and `,` also in properties.

use std::fmt::Write;

use super::text::{count, sentence};
use super::{Finding, Report, clean};
use crate::policy::SourceInfo;
use crate::rules::Severity;

/// The host shows about ten annotations of a level for one step; the rest is counted.
const MOST: usize = 10;

/// One command a finding that counts, worst first, then one for each needed fact that is missing, one for the
/// policy and one for the verdict.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    for level in ["error", "warning", "notice"] {
        let of_level: Vec<&Finding> = report.unwaived().filter(|finding| word(finding.severity) == level).collect();
        for finding in of_level.iter().take(MOST) {
            command(&mut out, level, &finding.title, &text(finding));
        }
        if let Some(left) = of_level.len().checked_sub(MOST + 1) {
            command(&mut out, level, "more findings", &format!("{} of this level not shown here", count(left + 1, "finding")));
        }
    }
    for gap in report.gaps.iter().filter(|gap| gap.blocks).take(MOST) {
        command(&mut out, "warning", "not known", &format!("{}: {}", gap.what, gap.why));
    }
    if let Some(policy) = &report.policy {
        let sources: Vec<String> = policy.sources.iter().map(SourceInfo::sentence).collect();
        command(&mut out, "notice", "rollback-safe: policy", &format!("{}; in force: {}", sources.join(", "), policy.digest));
    }
    command(&mut out, "notice", &format!("rollback-safe: {}", report.verdict.as_str()), &sentence(report));
    out
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "notice",
    }
}

fn text(finding: &Finding) -> String {
    format!("{}: {} {}", finding.rule, finding.message, finding.why)
}

fn command(out: &mut String, level: &str, title: &str, text: &str) {
    let data = clean(text).replace('%', "%25");
    let title = clean(title).replace('%', "%25").replace(':', "%3A").replace(',', "%2C");
    let _ = writeln!(out, "::{level} title={title}::{data}");
}
