//! What is printed, kept for a closer look, and published.

use std::fmt::Write as _;
use std::path::Path;

use rollback_safe::prove::compare::{Figures, KINDS};
use rollback_safe::sql::dialect::Dialect;
use serde::Deserialize;

use super::corpora;
use super::kept::{Counts, Kept, Shown, of_dialect};

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

/// Right, false and missed verdicts of a held history when it was measured for the first time.
#[derive(Deserialize)]
struct First {
    history: String,
    reads_break: Counts,
    writes_break: Counts,
    data_loss: Counts,
    downs: [usize; 2],
    understood: [usize; 2],
}

/// The tables for readers.
pub fn markdown(shown: &[Shown], versions: &[String]) -> String {
    let mut text =
        format!("# Verdicts against real databases: figures\n\nMeasured {} with {}.\n", dates(shown), versions.join(", "));
    text += "Written by `PROOF_RESULTS=tests/proof/RESULTS.md cargo test --test proof`; [README.md](README.md) says what is measured.\n";
    text += &other_code(shown);
    text += &not_measured(shown);
    for (held, title) in [(true, "Histories held out"), (false, "Histories that mechanisms were written after")] {
        let chosen: Vec<&Shown> = shown.iter().filter(|one| one.corpus.held == held).collect();
        if !chosen.is_empty() {
            let _ = write!(text, "\n## {title}\n\n{}\n{}", kinds(&chosen), histories(&chosen));
        }
    }
    text + "\n" + &first() + "\n" + &statements(shown)
}

fn dates(shown: &[Shown]) -> String {
    let dates = || shown.iter().map(|one| one.kept.date.as_str());
    match (dates().min(), dates().max()) {
        (Some(first), Some(last)) if first != last => format!("from {first} to {last}"),
        (_, last) => format!("on {}", last.unwrap_or_default()),
    }
}

/// Figures that other sources than these gave are named.
fn other_code(shown: &[Shown]) -> String {
    let code = super::kept::digest();
    let names: Vec<&str> = shown.iter().filter(|one| one.kept.code != code).map(|one| one.kept.name.as_str()).collect();
    if names.is_empty() {
        return String::new();
    }
    format!("Measured with an earlier state of the code: {}.\n", names.join(", "))
}

fn not_measured(shown: &[Shown]) -> String {
    let is_shown = |name: &String| shown.iter().any(|one| one.kept.name == *name);
    let names: Vec<String> = corpora::all().into_iter().map(|corpus| corpus.name).filter(|name| !is_shown(name)).collect();
    if names.is_empty() { String::new() } else { format!("Not measured: {}.\n", names.join(", ")) }
}

fn sum<'a>(chosen: impl IntoIterator<Item = &'a Shown>) -> Kept {
    chosen.into_iter().fold(Kept::default(), |mut sum, one| {
        sum.add(&one.kept);
        sum
    })
}

const HEAD: &str = "| effect | right | false | missed | precision | recall |\n| --- | ---: | ---: | ---: | ---: | ---: |\n";

fn kinds(chosen: &[&Shown]) -> String {
    let sum = sum(chosen.iter().copied());
    let count = |word: &str| sum.kinds.get(word).copied().unwrap_or_default();
    let possible = |word: &str| sum.only_possible.get(word).copied().unwrap_or_default();
    let told = KINDS.map(|(_, word)| format!("{} {word}", possible(word))).join(", ");
    let table = table(KINDS.map(|(_, word)| (word, count(word))), [sum.downs_agree, sum.downs]);
    format!(
        "{table}Of the false ones at least these say *possible* alone, which rows without those values cannot refute: {told}.\n"
    )
}

fn table(kinds: [(&str, Counts); 3], [agree, downs]: [usize; 2]) -> String {
    let mut text = HEAD.to_owned();
    for (word, [right, wrong, missed]) in kinds {
        let (precision, recall) = (ratio(right, right + wrong), ratio(right, right + missed));
        let _ = writeln!(text, "| {word} | {right} | {wrong} | {missed} | {precision} | {recall} |");
    }
    let _ = writeln!(text, "\nDowns: {agree} of {downs} verdicts are what was measured ({}).", share(agree, downs));
    text
}

fn ratio(part: usize, whole: usize) -> String {
    if whole == 0 { "–".to_owned() } else { format!("{:.3}", part as f64 / whole as f64) }
}

fn share(part: usize, whole: usize) -> String {
    if whole == 0 { "–".to_owned() } else { format!("{:.1} %", 100.0 * part as f64 / whole as f64) }
}

/// Right, false, missed.
fn histories(chosen: &[&Shown]) -> String {
    let mut text =
        "| history | framework | migrations | refused | no SQL | reads-break | writes-break | data-loss | downs |\n".to_owned();
    text += "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    for Shown { kept, .. } in chosen {
        let counts: Vec<String> =
            KINDS.iter().map(|(_, word)| shown_counts(kept.kinds.get(*word).copied().unwrap_or_default())).collect();
        let Kept { name, framework, migrations, refused, no_sql, downs, downs_agree, .. } = kept;
        let counts = counts.join(" | ");
        let _ = writeln!(
            text,
            "| {name} | {framework} | {migrations} | {refused} | {no_sql} | {counts} | {downs_agree} of {downs} |"
        );
    }
    text + "\nThree numbers: right, false and missed verdicts.\n"
}

fn shown_counts([right, wrong, missed]: Counts) -> String {
    format!("{right}, {wrong}, {missed}")
}

/// What was right before any mechanism could be written after a history of that repository.
fn first() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proof/first.yaml");
    let text = std::fs::read_to_string(path).expect("first.yaml can be read");
    let all: Vec<First> = serde_yaml::from_str(&text).expect("first.yaml is valid");
    let mut text =
        "## First figures\n\nOf each history when it was measured for the first time, before anybody looked at it.\n\n"
            .to_owned();
    let sum = |of: fn(&First) -> Counts| all.iter().map(of).fold([0; 3], |sum, one| [0, 1, 2].map(|at| sum[at] + one[at]));
    let downs = all.iter().fold([0; 2], |sum, one| [sum[0] + one.downs[0], sum[1] + one.downs[1]]);
    let kinds = [sum(|one| one.reads_break), sum(|one| one.writes_break), sum(|one| one.data_loss)];
    text += &table([0, 1, 2].map(|at| (KINDS[at].1, kinds[at])), downs);
    text += "\n| history | reads-break | writes-break | data-loss | downs | understood |\n| --- | ---: | ---: | ---: | ---: | ---: |\n";
    for First { history, reads_break, writes_break, data_loss, downs, understood } in &all {
        let counts = [reads_break, writes_break, data_loss].map(|counts| shown_counts(*counts)).join(" | ");
        let (down, whole) = (format!("{} of {}", downs[0], downs[1]), format!("{} of {}", understood[0], understood[1]));
        let _ = writeln!(text, "| {history} | {counts} | {down} | {whole} |");
    }
    text
}

fn statements(shown: &[Shown]) -> String {
    let mut text = "## Statements\n\n| database | statements | understood | |\n| --- | ---: | ---: | ---: |\n".to_owned();
    for (dialect, name) in [(Dialect::PostgreSql, "PostgreSQL"), (Dialect::MariaDb, "MariaDB"), (Dialect::Sqlite, "SQLite")] {
        let sum = sum(of_dialect(shown, dialect));
        let _ =
            writeln!(text, "| {name} | {} | {} | {} |", sum.statements, sum.understood, share(sum.understood, sum.statements));
    }
    text
}
