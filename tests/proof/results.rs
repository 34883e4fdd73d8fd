//! What is printed, kept for a closer look, and published.

use std::fmt::Write as _;
use std::path::Path;

use rollback_safe::prove::compare::{Count, Figures, KINDS};
use rollback_safe::sql::dialect::Dialect;

use super::corpora::Proved;

/// A few lines on one history or all cases.
pub fn summary(name: &str, figures: &Figures) -> String {
    let Figures { migrations, refused, code, statements, understood, downs, downs_agree, .. } = figures;
    let each = figures.millis / (*migrations).max(1) as u128;
    let mut text = format!("{name}: {migrations} migrations, {refused} refused, {code} no SQL, ");
    let _ = writeln!(text, "{understood} of {statements} statements understood, {each} ms each");
    for (kind, count) in &figures.kinds {
        let _ = writeln!(text, "  {kind}: {} right, {} false, {} missed", count.right, count.false_alarms, count.missed);
    }
    let _ = writeln!(text, "  downs: {downs_agree} of {downs} agree");
    text
}

/// Writes every disagreement into a file of the directory that `PROOF_OUTPUT` names.
pub fn keep(name: &str, figures: &Figures, more: &[String]) {
    let Some(directory) = std::env::var_os("PROOF_OUTPUT") else { return };
    let mut text = summary(name, figures);
    for found in &figures.disagreements {
        let _ = writeln!(text, "{}: {}: predicted {:?}, measured {:?}", found.path, found.about, found.predicted, found.measured);
    }
    more.iter().for_each(|line| text += &format!("{line}\n"));
    let _ = std::fs::create_dir_all(&directory);
    let _ = std::fs::write(Path::new(&directory).join(format!("{name}.txt")), text);
}

/// The table for readers.
pub fn markdown(proved: &[Proved], versions: &[String], date: &str) -> String {
    let mut text = format!("# Verdicts against real databases: figures\n\nMeasured on {date} with {}.\n", versions.join(", "));
    text += "Written by `PROOF_RESULTS=tests/proof/RESULTS.md cargo test --test proof`; [README.md](README.md) says what is measured.\n";
    for (held, title) in [(true, "Histories held out"), (false, "Histories that mechanisms were written after")] {
        let chosen: Vec<&Proved> = proved.iter().filter(|one| one.corpus.held == held).collect();
        if !chosen.is_empty() {
            let _ = write!(text, "\n## {title}\n\n{}\n{}", kinds(&chosen), histories(&chosen));
        }
    }
    text + "\n" + &statements(proved)
}

fn sum<'a>(chosen: impl IntoIterator<Item = &'a Proved>) -> Figures {
    chosen.into_iter().fold(Figures::default(), |mut sum, one| {
        sum += &one.figures;
        sum
    })
}

fn kinds(chosen: &[&Proved]) -> String {
    let sum = sum(chosen.iter().copied());
    let mut text =
        "| effect | right | false | missed | precision | recall |\n| --- | ---: | ---: | ---: | ---: | ---: |\n".to_owned();
    for (_, word) in KINDS {
        let count = sum.kinds.get(word).copied().unwrap_or_default();
        let (precision, recall) = (decimal(count.precision()), decimal(count.recall()));
        let _ =
            writeln!(text, "| {word} | {} | {} | {} | {precision} | {recall} |", count.right, count.false_alarms, count.missed);
    }
    let _ = writeln!(
        text,
        "\nDowns: {} of {} verdicts are what was measured ({}).",
        sum.downs_agree,
        sum.downs,
        share(sum.downs_agree, sum.downs)
    );
    text
}

fn decimal(ratio: Option<f64>) -> String {
    ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.3}"))
}

fn share(part: usize, whole: usize) -> String {
    if whole == 0 { "–".to_owned() } else { format!("{:.1} %", 100.0 * part as f64 / whole as f64) }
}

/// Right, false, missed.
fn histories(chosen: &[&Proved]) -> String {
    let mut text =
        "| history | framework | migrations | refused | no SQL | reads-break | writes-break | data-loss | downs |\n".to_owned();
    text += "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    for one in chosen {
        let figures = &one.figures;
        let counts: Vec<String> = KINDS
            .iter()
            .map(|(_, word)| figures.kinds.get(word).copied().unwrap_or_default())
            .map(|Count { right, false_alarms, missed }| format!("{right}, {false_alarms}, {missed}"))
            .collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} of {} |",
            one.corpus.name,
            one.framework,
            figures.migrations,
            figures.refused,
            figures.code,
            counts.join(" | "),
            figures.downs_agree,
            figures.downs
        );
    }
    text + "\nThree numbers: right, false and missed verdicts.\n"
}

fn statements(proved: &[Proved]) -> String {
    let mut text = "## Statements\n\n| database | statements | understood | |\n| --- | ---: | ---: | ---: |\n".to_owned();
    for (dialect, name) in [(Dialect::PostgreSql, "PostgreSQL"), (Dialect::MariaDb, "MariaDB"), (Dialect::Sqlite, "SQLite")] {
        let sum = sum(proved.iter().filter(|one| one.corpus.dialect == dialect));
        let _ =
            writeln!(text, "| {name} | {} | {} | {} |", sum.statements, sum.understood, share(sum.understood, sum.statements));
    }
    text
}
