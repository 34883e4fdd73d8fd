//! The report for a person: what happens and whether to do it first, reasons below.

mod forecast;
mod headline;
pub mod page;
mod preview;

use anstyle::{AnsiColor, Style};

use crate::gate::{self, Decision, GatePolicy};
use crate::release::Revision;
use crate::report::{Finding, Report, RevisionInfo, Verdict};
use crate::rules::Severity;
pub use headline::{count, sentence};
use page::Page;

/// How to write, and what the report says to run.
#[derive(Clone, Debug)]
pub struct TextOptions {
    /// Columns.
    pub width: usize,
    pub color: bool,
    /// The command that runs this rollback, quoted for a shell, without `--accept`; none where it cannot be run (saved records).
    pub command: Option<String>,
}

/// Writes the report. With `color` the text holds ANSI escapes, all of them ours.
pub fn render(report: &Report, policy: &GatePolicy, options: &TextOptions) -> String {
    let mut page = Page::new(options.width, options.color);
    let verdict = report.verdict.as_str().to_uppercase();
    page.lead(0, verdict_style(report.verdict), &verdict, &format!(": {}", sentence(report)));
    page.blank();
    release(&mut page, report);
    if let Some(section) = &report.preview {
        preview::write(&mut page, section);
    }
    findings(&mut page, report);
    for history in report.migrations.iter().chain(&report.other_migrations).filter(|history| !history.runbook.is_empty()) {
        crate::report::migrations::text::way_back(&mut page, history);
    }
    forecast::write(&mut page, &report.predicted);
    gaps(&mut page, report);
    declared(&mut page, report);
    policy_in_force(&mut page, report);
    gate(&mut page, report, policy, options);
    page.finish()
}

fn release(page: &mut Page, report: &Report) {
    let release = &report.release;
    let helm = release.helm.as_deref().map_or("unknown version".to_owned(), |version| format!("Helm {version}"));
    page.field(2, "release", &format!("{} in namespace {} ({helm}, {})", release.name, release.namespace, release.driver));
    page.field(2, "from", &revision(&release.from));
    if let Some(deployed) = release.deployed {
        page.field(2, "", &format!("revision {deployed} is the last one marked deployed; Helm compares with the newest"));
    }
    page.field(2, "to", &revision(&release.to));
    page.field(2, "why this one", &release.target.reason);
    if let Some(default) = release.target.helm_default.filter(|default| *default != release.to.revision) {
        page.field(2, "", &format!("a bare `helm rollback` would take {default}"));
    }
    for skipped in &release.target.skipped {
        page.field(2, "", &format!("not {}: {}", skipped.revision, skipped.why));
    }
}

fn revision(info: &RevisionInfo) -> String {
    let app = if info.app_version.is_empty() { String::new() } else { format!(" (app {})", info.app_version) };
    let restores: Option<Revision> = Some(info.restores).filter(|restored| *restored != info.revision);
    let restores = restores.map_or(String::new(), |restored| format!(", a rollback to {restored}"));
    let made = info.last_deployed.as_ref().map_or(String::new(), |time| format!(", {time}"));
    format!("revision {}, {}, {}{app}{restores}{made}", info.revision, info.status, info.chart)
}

fn findings(page: &mut Page, report: &Report) {
    let counts: Vec<String> = Severity::ALL
        .iter()
        .map(|severity| (report.summary.of(*severity), severity.as_str()))
        .filter(|(number, _)| *number > 0)
        .map(|(number, severity)| format!("{number} {severity}"))
        .collect();
    page.blank();
    let counts = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
    page.lead(0, heading(), "FINDINGS", &format!(": {counts}"));
    for finding in &report.findings {
        page.blank();
        one_finding(page, finding);
    }
}

fn one_finding(page: &mut Page, finding: &Finding) {
    let severity = finding.severity.as_str().to_uppercase();
    let object = finding.object.as_ref().map_or(String::new(), |object| format!("  {object}"));
    let path = finding.path.as_ref().filter(|path| !path.is_empty()).map_or(String::new(), |path| format!("  {path}"));
    page.lead(0, severity_style(finding.severity), &severity, &format!("  {}{object}{path}", finding.rule));
    page.paragraph(2, &finding.message);
    page.field(2, "why", &finding.why);
    let evidence: Vec<String> = finding
        .evidence
        .iter()
        .map(|item| {
            let at = if item.at.is_empty() { String::new() } else { format!(" {}", item.at) };
            format!("{}{at}: {}", item.source.word(), item.text.replace('\n', " "))
        })
        .collect();
    page.list(2, "evidence", &evidence);
    page.field(2, "what to do", &finding.remediation);
    if finding.confidence != crate::forecast::Confidence::Certain {
        page.field(2, "confidence", &finding.confidence.to_string());
    }
    if let Some(adjusted) = &finding.adjusted {
        page.field(2, "severity", &adjusted.sentence());
    }
    if let Some(waiver) = &finding.waived {
        page.field(2, "waived", &waiver.sentence());
    }
    if let Some(acceptance) = &finding.accepted {
        page.field(2, "accepted", &acceptance.sentence());
    }
}

fn declared(page: &mut Page, report: &Report) {
    if report.declared.is_empty() {
        return;
    }
    page.blank();
    page.lead(0, heading(), "DECLARED", ": by the charts, which is nobody's proof");
    for item in &report.declared {
        page.lead(2, Style::new(), item.source.word(), &format!(" {}: {}", item.at, item.text.replace('\n', " ")));
    }
}

fn policy_in_force(page: &mut Page, report: &Report) {
    let Some(policy) = &report.policy else { return };
    page.blank();
    page.lead(0, heading(), "POLICY", &format!(": {}", policy.digest));
    for source in &policy.sources {
        page.lead(2, Style::new(), source.authority.as_str(), &format!("  {}", source.path));
        page.verbatim(4, &source.digest);
    }
    for (head, waivers) in [("expired waiver", &policy.expired_waivers), ("unused waiver", &policy.unused_waivers)] {
        for waiver in waivers {
            page.lead(2, AnsiColor::Yellow.on_default(), head, &format!("  {}", waiver.sentence()));
        }
    }
    for ignored in &policy.ignored {
        page.lead(2, AnsiColor::Yellow.on_default(), "ignored", &format!("  {ignored}"));
    }
}

fn gaps(page: &mut Page, report: &Report) {
    if report.gaps.is_empty() {
        return;
    }
    page.blank();
    let blocking = match report.blocking_gaps() {
        0 => "none of it was needed here".to_owned(),
        blocking => format!("{blocking} of {} needed here", report.gaps.len()),
    };
    page.lead(0, heading(), "NOT KNOWN", &format!(": {blocking}"));
    for gap in &report.gaps {
        let (style, mark) = if gap.blocks { (Style::new().bold(), "needed") } else { (Style::new().dimmed(), "other") };
        let affects = if gap.affects.is_empty() { String::new() } else { format!(" (for {})", gap.affects.join(", ")) };
        page.lead(2, style, mark, &format!("  {}: {}{affects}", gap.what, gap.why));
    }
}

fn gate(page: &mut Page, report: &Report, policy: &GatePolicy, options: &TextOptions) {
    let decision = gate::decide(report, policy);
    page.blank();
    let style = if decision == Decision::Within { AnsiColor::Green } else { AnsiColor::Red };
    page.lead(0, style.on_default().bold(), "GATE", &format!(": {}", decision.sentence(policy)));
    page.verbatim(2, &format!("digest {}", report.digest));
    if let Some(command) = &options.command {
        let critical = if report.has_critical() { " --accept-critical" } else { "" };
        page.paragraph(
            2,
            if decision == Decision::Within { "To run exactly this:" } else { "To accept this report and run it all the same:" },
        );
        page.verbatim(2, &format!("{command}{critical} \\"));
        page.verbatim(4, &format!("--accept {}", report.digest));
    }
}

fn heading() -> Style {
    Style::new().bold()
}

fn verdict_style(verdict: Verdict) -> Style {
    let color = match verdict {
        Verdict::Unsafe => AnsiColor::Red,
        Verdict::Inconclusive => AnsiColor::Magenta,
        Verdict::Caution => AnsiColor::Yellow,
        Verdict::Safe => AnsiColor::Green,
    };
    color.on_default().bold()
}

fn severity_style(severity: Severity) -> Style {
    let color = match severity {
        Severity::Critical | Severity::High => AnsiColor::Red,
        Severity::Medium => AnsiColor::Yellow,
        Severity::Low => AnsiColor::Cyan,
        Severity::Info => AnsiColor::Blue,
    };
    let style = color.on_default();
    if severity >= Severity::High { style.bold() } else { style }
}
