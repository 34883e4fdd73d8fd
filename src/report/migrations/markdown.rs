//! The analysis of a history for a comment on a pull request.

use std::fmt::Write;

use super::{Class, checksums, deeds, headline};
use crate::migrations::report::{Report, StepImage, When};
use crate::report::markup::{code, cut, plain};

/// Rows of the table; the JSON form has all.
const ROWS: usize = 60;

/// Writes the report. Names from files cannot open markup: they stand in code spans, without backticks or bars.
pub fn render(report: &Report) -> String {
    let mut out = String::from("<!-- rollback-safe: migrations -->\n");
    let _ = writeln!(out, "### Old code on the new schema: {}\n", headline(report));
    about(&mut out, report);
    table(&mut out, report);
    way_back(&mut out, report);
    gaps(&mut out, report);
    cut(out)
}

fn about(out: &mut String, report: &Report) {
    let framework = report.framework.as_deref().unwrap_or("no known framework");
    let dialect = report.dialect.map_or("unknown dialect", |dialect| dialect.as_str());
    let _ = writeln!(out, "{framework}, {dialect}; {} of {} statements understood.", report.understood, report.statements);
    if let Some(range) = &report.range {
        let to = if range.to.is_empty() { "before the first".to_owned() } else { code(&range.to) };
        let _ = writeln!(out, "Going back from {} to {to}, over {} migrations.", code(&range.from), range.migrations);
    }
    if let Some(applied) = &report.applied {
        let counts = [applied.failed.len(), applied.pending.len(), applied.unknown.len()];
        let [failed, pending, unknown] = counts;
        let origin = code(&applied.origin);
        let _ = writeln!(
            out,
            "{origin}: {} applied, {failed} half-applied, {pending} not applied, {unknown} of unknown files.",
            applied.done
        );
        if let Some(said) = checksums(applied) {
            let _ = writeln!(out, "Checksums: {}.", plain(&said));
        }
    }
    if let Some(version) = &report.oldest_supported_version {
        let _ = writeln!(out, "Code of {} and newer still reads and writes all its tables on the newest schema.", code(version));
    }
}

fn table(out: &mut String, report: &Report) {
    let Some(range) = &report.range else { return };
    let deeds = deeds(&range.effects);
    if deeds.is_empty() {
        return;
    }
    out.push_str("\n| what | object | by | certainty | where | why |\n| --- | --- | --- | --- | --- | --- |\n");
    for deed in deeds.iter().take(ROWS) {
        let mark = if deed.class() <= Class::Breaks { "**" } else { "" };
        let (words, object, place) = (plain(&deed.words()), code(deed.object), code(&deed.place("")));
        let sure = deed.certainty;
        let _ = writeln!(out, "| {mark}{words}{mark} | {object} | {} | {sure} | {place} | {} |", deed.by, plain(deed.why()));
    }
    if deeds.len() > ROWS {
        let _ = writeln!(out, "\n… and {} more.", deeds.len() - ROWS);
    }
}

/// What has to be done about the schema, in order.
pub fn way_back(out: &mut String, report: &Report) {
    out.push_str("\n**The way back**\n\n");
    if let Some(range) = &report.range {
        let _ = writeln!(out, "- down scripts: **{}**, {}", range.down.verdict.as_str(), plain(&range.down.why));
    }
    if let Some(startup) = &report.startup {
        let _ = writeln!(out, "- the old migrator: **{}**, {}", startup.verdict.as_str(), plain(&startup.why));
    }
    for (position, step) in report.runbook.iter().enumerate() {
        let when = if step.when == When::Before { "before" } else { "after" };
        let image = match step.image {
            StepImage::From => ", image deployed now",
            StepImage::To => ", image restored",
            StepImage::None => "",
        };
        let _ = writeln!(out, "{}. {when} the rollback{image}: {}", position + 1, plain(&step.step));
    }
}

/// A reason may stand alone: of a whole directory there is no place to name.
fn line(place: &str, why: &str) -> String {
    if place.is_empty() { format!("- {}", plain(why)) } else { format!("- {}: {}", code(place), plain(why)) }
}

fn gaps(out: &mut String, report: &Report) {
    let anomalies = report.range.iter().flat_map(|range| &range.anomalies);
    let mut lines: Vec<String> = anomalies.map(|anomaly| line(&anomaly.version, &anomaly.why)).collect();
    lines.extend(report.gaps.iter().take(ROWS).map(|gap| line(&gap.what, &gap.why)));
    if !lines.is_empty() {
        let _ = writeln!(
            out,
            "\n<details><summary>Not in order or not known ({})</summary>\n\n{}\n\n</details>",
            lines.len(),
            lines.join("\n")
        );
    }
}
