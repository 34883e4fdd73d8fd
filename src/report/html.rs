//! The report as one page for a browser. It loads nothing and runs nothing; it can be read without its style and with the keyboard
//! alone.
//!
//! A policy in the page forbids scripts, requests and forms, should a text from outside ever get past the escaping
//! (W3C, "Content Security Policy Level 3": the one style is allowed by its digest).

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::markup::html;
use super::text::{count, sentence};
use super::{Finding, NotRestored, Predicted, Rejected, Report, RevisionInfo, Step};
use crate::gate::{self, GatePolicy};
use crate::migrations;
use crate::migrations::report::{StepImage, When};
use crate::rules::Severity;

/// Without `<` and `&`, so that the page is XML as well.
const STYLE: &str = include_str!("html.css");

/// Writes the whole report: no list is cut.
pub fn render(report: &Report, policy: &GatePolicy) -> String {
    let mut out = head(report);
    top(&mut out, report, policy);
    out.push_str("<main id=\"report\">\n");
    release(&mut out, report);
    findings(&mut out, report);
    for history in report.migrations.iter().chain(&report.other_migrations).filter(|history| !history.runbook.is_empty()) {
        way_back(&mut out, history);
    }
    forecast(&mut out, &report.predicted);
    gaps(&mut out, report);
    policy_in_force(&mut out, report);
    declared(&mut out, report);
    out.push_str("</main>\n");
    let (version, digest) = (html(&report.tool.version), html(&report.digest));
    let _ = writeln!(out, "<footer><p>helm rollback-safe {version}<br/><code>{digest}</code></p></footer>\n</body>\n</html>");
    out
}

fn head(report: &Report) -> String {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    let release = &report.release;
    let title = format!(
        "{}: {}/{} {} → {}",
        report.verdict.as_str(),
        release.namespace,
        release.name,
        release.from.revision,
        release.to.revision
    );
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'; \
         base-uri 'none'; form-action 'none'\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n<meta name=\"referrer\" content=\"no-referrer\"/>\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
        html(&title)
    )
}

fn top(out: &mut String, report: &Report, policy: &GatePolicy) {
    let verdict = report.verdict.as_str();
    let decision = gate::decide(report, policy).sentence(policy);
    out.push_str("<a class=\"skip\" href=\"#findings\">Skip to the findings</a>\n");
    let _ = writeln!(out, "<header>\n<p class=\"verdict {verdict}\">{verdict}</p>\n<h1>{}</h1>", html(&sentence(report)));
    let _ = writeln!(out, "<p>Gate: {}.</p>\n</header>", html(&decision));
}

fn release(out: &mut String, report: &Report) {
    let release = &report.release;
    open(out, "release", "Release");
    out.push_str("<dl>\n");
    let helm = release.helm.as_deref().map_or("unknown version".to_owned(), |version| format!("Helm {version}"));
    field(out, "release", &format!("{} in namespace {} ({helm}, {})", release.name, release.namespace, release.driver));
    field(out, "from", &revision(&release.from));
    if let Some(deployed) = release.deployed {
        field(out, "deployed", &format!("revision {deployed} is the last one marked deployed; Helm compares with the newest"));
    }
    field(out, "to", &revision(&release.to));
    field(out, "why this one", &release.target.reason);
    if let Some(default) = release.target.helm_default.filter(|default| *default != release.to.revision) {
        field(out, "Helm's default", &format!("a bare helm rollback would take {default}"));
    }
    for skipped in &release.target.skipped {
        field(out, &format!("not {}", skipped.revision), &skipped.why);
    }
    out.push_str("</dl>\n</section>\n");
}

fn revision(info: &RevisionInfo) -> String {
    let app = if info.app_version.is_empty() { String::new() } else { format!(" (app {})", info.app_version) };
    let restores = if info.restores == info.revision { String::new() } else { format!(", a rollback to {}", info.restores) };
    let made = info.last_deployed.as_ref().map_or(String::new(), |time| format!(", {time}"));
    format!("revision {}, {}, {}{app}{restores}{made}", info.revision, info.status, info.chart)
}

fn findings(out: &mut String, report: &Report) {
    open(out, "findings", "Findings");
    let counts: Vec<String> = Severity::ALL
        .iter()
        .filter(|severity| report.summary.of(**severity) > 0)
        .map(|severity| format!("{} {}", report.summary.of(*severity), severity.as_str()))
        .collect();
    let _ = writeln!(out, "<p>{}.</p>", if counts.is_empty() { "None".to_owned() } else { counts.join(", ") });
    for finding in &report.findings {
        one(out, finding);
    }
    out.push_str("</section>\n");
}

fn one(out: &mut String, finding: &Finding) {
    let severity = finding.severity.as_str();
    let open = if finding.severity >= Severity::High && finding.waived.is_none() { " open=\"\"" } else { "" };
    let _ = writeln!(
        out,
        "<details{open}>\n<summary><span class=\"severity {severity}\">{severity}</span> <h3>{}</h3> <code>{}</code></summary>",
        html(&finding.title),
        html(&finding.rule)
    );
    let _ = writeln!(out, "<p>{}</p>\n<dl>", html(&finding.message));
    let object = finding.object.as_ref().map(ToString::to_string);
    let fields = [("object", object.as_deref()), ("field", finding.path.as_deref()), ("template", finding.template.as_deref())];
    for (name, value) in fields {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            coded(out, name, value);
        }
    }
    field(out, "why", &finding.why);
    field(out, "confidence", &finding.confidence.to_string());
    if let Some(waiver) = &finding.waived {
        field(out, "waived", &waiver.reason);
    }
    if let Some(acceptance) = &finding.accepted {
        field(out, "accepted", &acceptance.reason);
    }
    out.push_str("</dl>\n");
    evidence(out, finding);
    let remediation: Vec<String> = finding.remediation.lines().map(|line| format!("  {}", html(line))).collect();
    let _ = writeln!(out, "<p>What to do:</p>\n<pre>{}</pre>\n</details>", remediation.join("\n"));
}

fn evidence(out: &mut String, finding: &Finding) {
    if finding.evidence.is_empty() {
        return;
    }
    out.push_str("<p>Evidence:</p>\n<ul>\n");
    for item in &finding.evidence {
        let at = if item.at.is_empty() { String::new() } else { format!(" <code>{}</code>", html(&item.at)) };
        let _ = writeln!(out, "<li>{}{at}: {}</li>", item.source.word(), html(&item.text));
    }
    out.push_str("</ul>\n");
}

fn way_back(out: &mut String, history: &migrations::report::Report) {
    out.push_str("<section>\n<h2>The way back of the schema</h2>\n<dl>\n");
    if let Some(range) = &history.range {
        field(out, "down scripts", &format!("{}, {}", range.down.verdict.as_str(), range.down.why));
    }
    if let Some(startup) = &history.startup {
        field(out, "the old migrator", &format!("{}, {}", startup.verdict.as_str(), startup.why));
    }
    out.push_str("</dl>\n<ol>\n");
    for step in &history.runbook {
        let when = if step.when == When::Before { "before" } else { "after" };
        let image = match step.image {
            StepImage::From => ", image deployed now",
            StepImage::To => ", image restored",
            StepImage::None => "",
        };
        let _ = writeln!(out, "<li>{when} the rollback{image}: {}</li>", html(&step.step));
    }
    out.push_str("</ol>\n</section>\n");
}

fn forecast(out: &mut String, predicted: &Predicted) {
    open(out, "forecast", "Forecast");
    out.push_str("<dl>\n");
    field(out, "outcome", &predicted.outcome.to_string());
    field(out, "reason", &predicted.reason);
    for other in &predicted.alternatives {
        field(out, "or else", &format!("{} if {}: {}", other.outcome, other.when, other.reason));
    }
    let records: Vec<String> = predicted.records.iter().map(|r| format!("revision {} {}", r.revision, r.status)).collect();
    field(out, "records after", &records.join(", "));
    field(out, "pruned", &predicted.pruned.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    out.push_str("</dl>\n");
    objects(out, "Deletes", &predicted.deletes);
    objects(out, "Goes along", &predicted.cascades);
    objects(out, "Creates", &predicted.creates);
    objects(out, "Takes over", &predicted.adopts);
    reasons(out, "Refused", predicted.rejected.iter().map(refused));
    objects(out, "Keeps", &predicted.kept);
    reasons(out, "Not restored", predicted.not_restored.iter().map(not_restored));
    let hooks = predicted.hooks.iter();
    let hooks: Vec<String> = hooks
        .map(|hook| {
            format!(
                "{} {}/{}, weight {}, as in revision {}",
                hook.event.as_str(),
                hook.kind,
                hook.name,
                hook.weight,
                hook.from_revision
            )
        })
        .collect();
    objects(out, "Hooks", &hooks);
    steps(out, &predicted.steps);
    out.push_str("</section>\n");
}

fn refused(item: &Rejected) -> (String, String) {
    let space = if item.field.is_empty() { "" } else { " " };
    (format!("{}{space}{}", item.object, item.field), item.reason.clone())
}

fn not_restored(item: &NotRestored) -> (String, String) {
    (item.object.clone(), item.why.clone())
}

fn objects(out: &mut String, name: &str, objects: &[String]) {
    reasons(out, name, objects.iter().map(|object| (object.clone(), String::new())));
}

/// What was said and why, behind a fold.
fn reasons(out: &mut String, name: &str, items: impl ExactSizeIterator<Item = (String, String)>) {
    if items.len() == 0 {
        return;
    }
    let _ = writeln!(out, "<details>\n<summary><h3>{name}</h3> ({})</summary>\n<ul>", items.len());
    for (what, why) in items {
        let why = if why.is_empty() { String::new() } else { format!(": {}", html(&why)) };
        let _ = writeln!(out, "<li><code>{}</code>{why}</li>", html(&what));
    }
    out.push_str("</ul>\n</details>\n");
}

fn steps(out: &mut String, steps: &[Step]) {
    if steps.is_empty() {
        return;
    }
    let _ = writeln!(out, "<details>\n<summary><h3>Steps</h3> ({})</summary>\n<table>", steps.len());
    out.push_str("<thead><tr><th scope=\"col\">action</th><th scope=\"col\">object</th><th scope=\"col\">result</th></tr></thead>\n<tbody>\n");
    for step in steps {
        let why = step.why.as_ref().map_or(String::new(), |why| format!(": {}", html(why)));
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td><code>{}</code></td><td>{}{why}</td></tr>",
            step.action,
            html(&step.object),
            step.result
        );
    }
    out.push_str("</tbody>\n</table>\n</details>\n");
}

fn gaps(out: &mut String, report: &Report) {
    if report.gaps.is_empty() {
        return;
    }
    open(out, "unknown", "Not known");
    let _ = writeln!(out, "<p>{} of {} needed here.</p>\n<ul>", report.blocking_gaps(), count(report.gaps.len(), "fact"));
    for gap in &report.gaps {
        let mark = if gap.blocks { "<strong>needed</strong> " } else { "" };
        let affects = if gap.affects.is_empty() { String::new() } else { format!(" (for {})", gap.affects.join(", ")) };
        let _ = writeln!(out, "<li>{mark}{}: {}{}</li>", html(&gap.what), html(&gap.why), html(&affects));
    }
    out.push_str("</ul>\n</section>\n");
}

/// Each source of the policy with its digest, and what of it did nothing.
fn policy_in_force(out: &mut String, report: &Report) {
    let Some(policy) = &report.policy else { return };
    open(out, "policy", "Policy");
    out.push_str("<dl>\n");
    coded(out, "in force", &policy.digest);
    for source in &policy.sources {
        field(out, source.authority.as_str(), &source.path);
        coded(out, "digest", &source.digest);
    }
    for (name, waivers) in [("expired waiver", &policy.expired_waivers), ("unused waiver", &policy.unused_waivers)] {
        waivers.iter().for_each(|waiver| field(out, name, &waiver.sentence()));
    }
    policy.ignored.iter().for_each(|ignored| field(out, "ignored", ignored));
    out.push_str("</dl>\n</section>\n");
}

/// What the charts say of themselves.
fn declared(out: &mut String, report: &Report) {
    if report.declared.is_empty() {
        return;
    }
    open(out, "declared", "Declared by the chart");
    out.push_str("<dl>\n");
    report.declared.iter().for_each(|item| field(out, item.source.word(), &format!("{}: {}", item.at, item.text)));
    out.push_str("</dl>\n</section>\n");
}

fn open(out: &mut String, id: &str, title: &str) {
    let _ = writeln!(out, "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\" tabindex=\"-1\">{title}</h2>");
}

fn field(out: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        let _ = writeln!(out, "<dt>{}</dt><dd>{}</dd>", html(name), html(&value.replace('\n', " ")));
    }
}

fn coded(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "<dt>{name}</dt><dd><code>{}</code></dd>", html(value));
}
