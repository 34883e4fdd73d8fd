//! The analysis of a history for a person, in one screen where it is short.

use anstyle::{AnsiColor, Style};

use super::{Class, Deed, checksums, deeds, headline};
use crate::migrations::report::{DownVerdict, Migration, Report, StartupVerdict, StepImage, When};
use crate::report::text::count;
use crate::report::text::page::Page;

/// Migrations that are listed; the newest are what a rollback meets.
const LISTED: usize = 12;

/// Deeds of one class that are listed.
const DEEDS: usize = 15;

/// Writes the report. With `color` the text holds ANSI escapes, all of them ours.
pub fn render(report: &Report, width: usize, color: bool) -> String {
    let mut page = Page::new(width, color);
    let style = if breaks(report) { AnsiColor::Red } else { AnsiColor::Green };
    page.lead(0, style.on_default().bold(), "OLD CODE ON THE NEW SCHEMA", &format!(": {}", headline(report)));
    page.blank();
    about(&mut page, report);
    range(&mut page, report);
    way_back(&mut page, report);
    migrations(&mut page, report);
    gaps(&mut page, report);
    page.finish()
}

fn breaks(report: &Report) -> bool {
    report.range.as_ref().is_some_and(|range| deeds(&range.effects).iter().any(|deed| deed.class() <= Class::Breaks))
}

fn about(page: &mut Page, report: &Report) {
    let framework = report.framework.as_deref().unwrap_or("no known framework");
    let dialect = report.dialect.map_or("unknown dialect", |dialect| dialect.as_str());
    page.field(2, "history", &format!("{framework}, {dialect}: {}", count(report.migrations.len(), "migration")));
    page.field(2, "statements", &format!("{} of {} understood", report.understood, report.statements));
    if let Some(range) = &report.range {
        let to = if range.to.is_empty() { "before the first" } else { &range.to };
        page.field(2, "back", &format!("from {} to {to}, over {}", range.from, count(range.migrations, "migration")));
    }
    if let Some(applied) = &report.applied {
        let mut said = format!("{} applied", applied.done);
        for (versions, word) in [
            (&applied.failed, "half-applied"),
            (&applied.pending, "not applied"),
            (&applied.unknown, "of unknown files"),
            (&applied.edited, "edited since"),
        ] {
            if !versions.is_empty() {
                said.push_str(&format!(", {} {word}", versions.len()));
            }
        }
        page.field(2, "database", &format!("{said} ({})", applied.origin));
        if let Some(said) = checksums(applied) {
            page.field(2, "checksums", &said);
        }
    }
    if let Some(version) = &report.oldest_supported_version {
        page.field(
            2,
            "supported",
            &format!("code of {version} and newer still reads and writes all its tables on the newest schema"),
        );
    }
    if let Some(revision) = report.last_supported_revision {
        page.field(2, "", &format!("revision {revision} is the oldest of the release whose code does"));
    }
}

fn range(page: &mut Page, report: &Report) {
    let Some(range) = &report.range else { return };
    let all = deeds(&range.effects);
    for class in Class::ALL {
        let of_class: Vec<&Deed<'_>> = all.iter().filter(|deed| deed.class() == class).collect();
        if of_class.is_empty() {
            continue;
        }
        page.blank();
        page.lead(0, Style::new().bold(), &class.title().to_uppercase(), &format!(": {}", of_class.len()));
        for deed in of_class.iter().take(DEEDS) {
            one_deed(page, deed);
        }
        if of_class.len() > DEEDS {
            page.paragraph(2, &format!("… and {} more (-o json names them)", of_class.len() - DEEDS));
        }
    }
    cleared(page, report);
}

/// What the rows of the database ruled out.
fn cleared(page: &mut Page, report: &Report) {
    let cleared: Vec<String> =
        report.range.iter().flat_map(|range| &range.cleared).flat_map(|effect| effect.evidence.clone()).collect();
    if !cleared.is_empty() {
        page.blank();
        page.list(2, "ruled out", &cleared);
    }
}

fn one_deed(page: &mut Page, deed: &Deed<'_>) {
    let sure = deed.certainty;
    let line = format!("  {sure}, {}: {} ({})", deed.by, deed.words(), deed.place(""));
    page.lead(2, class_style(deed.class()), deed.object, &line);
    page.paragraph(4, deed.why());
    let mut said: Vec<&String> = deed.effects.iter().flat_map(|effect| &effect.evidence).collect();
    said.dedup();
    for text in said {
        page.paragraph(4, text);
    }
}

fn class_style(class: Class) -> Style {
    match class {
        Class::Gone | Class::Breaks => AnsiColor::Red.on_default().bold(),
        Class::Differs => AnsiColor::Yellow.on_default(),
        Class::Opaque => AnsiColor::Magenta.on_default(),
    }
}

/// Down scripts, the old migrator, and the run book.
pub fn way_back(page: &mut Page, report: &Report) {
    page.blank();
    page.lead(0, Style::new().bold(), "THE WAY BACK OF THE SCHEMA", "");
    if let Some(range) = &report.range {
        page.field(2, "down scripts", &format!("{}: {}", range.down.verdict.as_str(), range.down.why));
    }
    if let Some(startup) =
        report.startup.as_ref().filter(|startup| startup.verdict != StartupVerdict::Unknown || !startup.why.is_empty())
    {
        page.field(2, "old migrator", &format!("{}: {}", startup.verdict.as_str(), startup.why));
    }
    for (position, step) in report.runbook.iter().enumerate() {
        let image = match step.image {
            StepImage::From => ", with the image that is deployed now",
            StepImage::To => ", with the image that is restored",
            StepImage::None => "",
        };
        let when = if step.when == When::Before { "before the rollback" } else { "after the rollback" };
        page.field(2, &format!("{}.", position + 1), &format!("{when}{image}: {}", step.step));
    }
}

fn migrations(page: &mut Page, report: &Report) {
    let worth = |migration: &&Migration| !migration.effects.is_empty() || migration.down.verdict != DownVerdict::Exact;
    let newest: Vec<&Migration> = report.migrations.iter().rev().filter(worth).take(LISTED).collect();
    if newest.is_empty() {
        return;
    }
    page.blank();
    page.lead(0, Style::new().bold(), "MIGRATIONS", ": the newest that leave something behind");
    for migration in newest {
        let words: Vec<String> = summary(migration);
        let said = if words.is_empty() { "old code is not touched".to_owned() } else { words.join(", ") };
        page.lead(
            2,
            Style::new(),
            &migration.version,
            &format!(" {}: {said}; down {}", migration.name, migration.down.verdict.as_str()),
        );
    }
}

/// `2 lost, 1 fails`: how many deeds of each class.
fn summary(migration: &Migration) -> Vec<String> {
    let all = deeds(&migration.effects);
    let words =
        [(Class::Gone, "gone"), (Class::Breaks, "failing"), (Class::Differs, "differing"), (Class::Opaque, "not understood")];
    words
        .iter()
        .map(|(class, word)| (all.iter().filter(|deed| deed.class() == *class).count(), word))
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect()
}

fn gaps(page: &mut Page, report: &Report) {
    let anomalies = report.range.iter().flat_map(|range| &range.anomalies);
    let anomalies: Vec<String> = anomalies.map(|anomaly| format!("{}: {}", anomaly.version, anomaly.why)).collect();
    let gaps: Vec<String> = report.gaps.iter().map(|gap| format!("{}: {}", gap.what, gap.why)).collect();
    if anomalies.is_empty() && gaps.is_empty() {
        return;
    }
    page.blank();
    page.lead(0, Style::new().bold(), "NOT IN ORDER OR NOT KNOWN", "");
    page.list(2, "files", &anomalies);
    page.list(2, "not known", &gaps);
}
