//! The report for a comment on a pull request, or a job's summary.

use std::fmt::Write;

use super::markup::{LONGEST, code, cut_at, html, plain, verbatim};
use super::migrations::markdown::way_back;
use super::text::{count, sentence};
use super::{Finding, Report};
use crate::gate::{self, GatePolicy};
use crate::preview::Preview;

/// Rows of the table; what is left out is counted.
const ROWS: usize = 100;

/// Room that is kept for what stands behind the details.
const RESERVE: usize = 8_192;

/// A step's part of a job's summary (docs.github.com, "Workflow commands for GitHub Actions", "Step isolation and limits": 1 MiB).
const SUMMARY: usize = 1_048_576;

/// Writes the report, worst first, in no more than [`LONGEST`] bytes. Its first line is the same for each report on this release, so that
/// a bot finds the comment that it has to replace.
pub fn render(report: &Report, policy: &GatePolicy) -> String {
    write(format!("<!-- {} -->\n", marker(report)), report, policy, LONGEST)
}

/// Writes the report for the summary of a job: the same, with room for more and without a line to find it by.
pub fn summary(report: &Report, policy: &GatePolicy) -> String {
    write(String::new(), report, policy, SUMMARY)
}

fn write(mut out: String, report: &Report, policy: &GatePolicy, longest: usize) -> String {
    let verdict = report.verdict.as_str();
    let _ = writeln!(out, "### {}: {}\n", verdict.to_uppercase(), plain(&sentence(report)));
    let decision = gate::decide(report, policy);
    let _ = writeln!(out, "Gate: {}.\n", decision.sentence(policy));
    if let Some(section) = &report.preview {
        preview(&mut out, section);
    }
    table(&mut out, report);
    details(&mut out, report, longest);
    for history in report.migrations.iter().chain(&report.other_migrations).filter(|history| !history.runbook.is_empty()) {
        way_back(&mut out, history);
    }
    forecast(&mut out, report);
    gaps(&mut out, report);
    policy_in_force(&mut out, report);
    let _ = writeln!(out, "\n<sub>helm rollback-safe {} · {}</sub>", plain(&report.tool.version), code(&report.digest));
    cut_at(out, longest)
}

/// `rollback-safe: NAMESPACE/RELEASE`, without what could end an HTML comment.
pub fn marker(report: &Report) -> String {
    let name = format!("{}/{}", report.release.namespace, report.release.name);
    let safe: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || "-._/".contains(c) { c } else { '_' }).collect();
    format!("rollback-safe: {}", safe.replace("--", "-_"))
}

/// What the upgrade does, and what to do before it.
fn preview(out: &mut String, preview: &Preview) {
    let names = |objects: &[String]| some(objects.iter().map(|object| code(object)).collect());
    if let Some(upgrade) = &preview.upgrade {
        let _ = writeln!(out, "- the upgrade itself: {}, {}", upgrade.outcome, plain(&upgrade.reason));
        for (what, objects) in [("deletes", &upgrade.deletes), ("and with it", &upgrade.cascades), ("refused", &upgrade.rejected)]
        {
            if !objects.is_empty() {
                let _ = writeln!(out, "- {what}: {}", names(objects));
            }
        }
    }
    if !preview.leaves.is_empty() {
        let _ = writeln!(out, "- a failed installation leaves {}", names(&preview.leaves));
    }
    for step in preview.first.iter().take(20) {
        let object = step.object.as_ref().map_or(String::new(), |object| format!("{}: ", code(object)));
        let _ = writeln!(out, "- do first: {object}{}", plain(&step.what));
    }
    if preview.in_baseline > 0 {
        let _ = writeln!(out, "- {} of the baseline are left out", count(preview.in_baseline, "finding"));
    }
    out.push('\n');
}

fn table(out: &mut String, report: &Report) {
    if report.findings.is_empty() {
        return;
    }
    out.push_str("| severity | rule | object | what |\n| --- | --- | --- | --- |\n");
    for finding in report.findings.iter().take(ROWS) {
        let object = finding.object.as_ref().map_or(String::new(), |object| code(&object.to_string()));
        let (severity, rule) = (severity(finding), code(&finding.rule));
        let _ = writeln!(out, "| {severity} | {rule} | {object} | {} |", plain(&finding.title));
    }
    if report.findings.len() > ROWS {
        let _ = writeln!(out, "\n… and {} more.", report.findings.len() - ROWS);
    }
}

fn severity(finding: &Finding) -> String {
    let word = finding.severity.as_str();
    let word = if finding.severity >= crate::rules::Severity::High { format!("**{word}**") } else { word.to_owned() };
    if finding.waived.is_some() { format!("~~{word}~~ waived") } else { word }
}

/// As many as fit, whole ones only.
fn details(out: &mut String, report: &Report, longest: usize) {
    let room = longest.saturating_sub(RESERVE);
    for (position, finding) in report.findings.iter().enumerate() {
        let text = detail(finding);
        if out.len() + text.len() > room {
            let left = count(report.findings.len() - position, "finding");
            let _ = writeln!(out, "\n… the details of {left} did not fit here; the JSON form has them.");
            return;
        }
        out.push_str(&text);
    }
}

fn detail(finding: &Finding) -> String {
    let object = finding.object.as_ref().map_or(String::new(), |object| format!(" <code>{}</code>", html(&object.to_string())));
    let mut out = format!(
        "\n<details><summary>{} <code>{}</code>{object}</summary>\n\n{}\n",
        finding.severity.as_str(),
        html(&finding.rule),
        plain(&finding.message)
    );
    let _ = writeln!(out, "\n{}", plain(&finding.why));
    for item in &finding.evidence {
        let at = if item.at.is_empty() { String::new() } else { format!(" {}", code(&item.at)) };
        let _ = writeln!(out, "- {}{at}: {}", item.source.word(), plain(&item.text));
    }
    if let Some(waiver) = &finding.waived {
        let _ = writeln!(out, "\nWaived: {}", plain(&waiver.sentence()));
    }
    if let Some(adjusted) = &finding.adjusted {
        let _ = writeln!(out, "\nSeverity: {}", plain(&adjusted.sentence()));
    }
    if let Some(acceptance) = &finding.accepted {
        let _ = writeln!(out, "\nAccepted: {}", plain(&acceptance.reason));
    }
    let _ = write!(out, "\nWhat to do:\n\n{}\n</details>\n", verbatim(&finding.remediation));
    out
}

fn forecast(out: &mut String, report: &Report) {
    let predicted = &report.predicted;
    let lists = [
        ("deletes", &predicted.deletes),
        ("goes along", &predicted.cascades),
        ("creates", &predicted.creates),
        ("takes over", &predicted.adopts),
        ("keeps", &predicted.kept),
    ];
    let steps = count(predicted.steps.len(), "step");
    let _ = write!(out, "\n<details><summary>Forecast: {}, {steps}</summary>\n\n", predicted.outcome);
    for (name, objects) in lists.iter().filter(|(_, objects)| !objects.is_empty()) {
        let _ = writeln!(out, "- {name}: {}", some(objects.iter().map(|object| code(object)).collect()));
    }
    for refused in predicted.rejected.iter().take(20) {
        let _ = writeln!(out, "- refused: {} {}: {}", code(&refused.object), code(&refused.field), plain(&refused.reason));
    }
    let kept = predicted.not_restored.iter().map(|item| format!("{} ({})", code(&item.object), plain(&item.why))).collect();
    if !predicted.not_restored.is_empty() {
        let _ = writeln!(out, "- not restored: {}", some(kept));
    }
    out.push_str("\n</details>\n");
}

fn some(items: Vec<String>) -> String {
    let more = items.len().saturating_sub(20);
    let shown = items.into_iter().take(20).collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

fn policy_in_force(out: &mut String, report: &Report) {
    let Some(policy) = &report.policy else { return };
    let _ = write!(out, "\n<details><summary>Policy: {}</summary>\n\n", count(policy.sources.len(), "source"));
    for source in &policy.sources {
        let _ = writeln!(out, "- {} {}, {}", source.authority.as_str(), code(&source.path), code(&source.digest));
    }
    let expired = policy.expired_waivers.iter().map(|waiver| format!("expired waiver {}", waiver.sentence()));
    let unused = policy.unused_waivers.iter().map(|waiver| format!("unused waiver {}", waiver.sentence()));
    let ignored = policy.ignored.iter().map(|what| format!("ignored {what}"));
    for line in expired.chain(unused).chain(ignored).take(20) {
        let _ = writeln!(out, "- {}", plain(&line));
    }
    out.push_str("\n</details>\n");
}

fn gaps(out: &mut String, report: &Report) {
    if report.gaps.is_empty() {
        return;
    }
    let needed = report.blocking_gaps();
    let _ = write!(out, "\n<details><summary>Not known ({}, {needed} needed here)</summary>\n\n", report.gaps.len());
    for gap in report.gaps.iter().take(20) {
        let mark = if gap.blocks { "**needed** " } else { "" };
        let _ = writeln!(out, "- {mark}{}: {}", plain(&gap.what), plain(&gap.why));
    }
    if report.gaps.len() > 20 {
        let _ = writeln!(out, "- … and {} more", report.gaps.len() - 20);
    }
    out.push_str("\n</details>\n");
}
