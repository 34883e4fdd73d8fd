//! Drizzle: the journal says what runs and in which order.
//!
//! `drizzle-orm/src/migrator.ts`: entries in the journal's order, statements cut at `--> statement-breakpoint`, each entry stored by
//! the hash of its file and its `when`.

use serde_json::Value;

use super::reading::{Cutter, Reading};
use super::survey::{Candidate, Strength, Survey, join};
use crate::migrations::framework::Framework;
use crate::migrations::history::{AnomalyKind, Script};
use crate::migrations::order::{Order, leading_digits};
use crate::migrations::source::directory;

const JOURNAL: &str = "meta/_journal.json";

pub(super) fn find(survey: &Survey<'_>) -> Vec<Candidate> {
    let journals = survey.directories().filter(|(folder, names)| folder.ends_with("meta") && names.contains(&"_journal.json"));
    let roots = journals.map(|(folder, _)| directory(folder));
    let flat = survey.directories().filter(|(_, names)| names.contains(&"_journal.json")).map(|(folder, _)| folder);
    let candidate = |root: &str| {
        let count = survey.names(root).iter().filter(|name| name.ends_with(".sql")).count();
        (count > 0).then(|| Candidate::new(Framework::Drizzle, Strength::Marker, root, count))
    };
    roots.chain(flat).filter_map(candidate).collect()
}

/// Cuts where the generator has said that a statement ends.
pub(super) fn breakpoints(path: &str, text: &str) -> Vec<Script> {
    let mut cutter = Cutter::new(path);
    for (line, number) in text.lines().zip(1u32..) {
        match line.find("--> statement-breakpoint") {
            Some(at) => {
                cutter.line(number, &line[..at]);
                cutter.cut();
            }
            None => cutter.line(number, line),
        }
    }
    cutter.finish()
}

pub(super) fn read(reading: &mut Reading<'_>) {
    let root = reading.history.root.clone();
    let nested = join(&root, JOURNAL);
    let path = if reading.survey.tree.contains(&nested) { nested } else { join(&root, "_journal.json") };
    if !reading.survey.tree.contains(&path) {
        return super::folders::read(reading);
    }
    let loaded = reading.load(&path);
    let Ok(journal) = serde_json::from_str::<Value>(loaded.text()) else {
        reading.gap(&path, "the journal is no JSON: files are taken in the order of their names");
        return without_journal(reading);
    };
    reading.history.dialect = journal.get("dialect").and_then(Value::as_str).and_then(|name| name.parse().ok());
    let mut listed = std::collections::BTreeSet::new();
    for (entry, position) in journal.get("entries").and_then(Value::as_array).into_iter().flatten().zip(0..) {
        let Some(tag) = entry.get("tag").and_then(Value::as_str) else { continue };
        let when = entry.get("when").map(Value::to_string);
        listed.insert(format!("{tag}.sql"));
        add(reading, tag, &when.unwrap_or_else(|| tag.to_owned()), position, &path);
    }
    let others = reading.survey.names(&root).iter().filter(|name| name.ends_with(".sql"));
    let left: Vec<String> = others.map(|name| (*name).to_owned()).filter(|name| !listed.contains(name.as_str())).collect();
    for name in left {
        reading.anomaly(AnomalyKind::Unmatched, &name, &join(&root, &name), "the journal does not name it: it is not run");
    }
}

fn add(reading: &mut Reading<'_>, tag: &str, version: &str, position: usize, journal: &str) {
    let file = format!("{tag}.sql");
    if !reading.survey.contains(&reading.history.root, &file) {
        let why = "the journal names it and there is no such file: the migrator stops";
        return reading.anomaly(AnomalyKind::Missing, version, journal, format!("{tag}: {why}"));
    }
    let loaded = reading.load_name(&file);
    let mut migration = loaded.migration(version, tag);
    migration.up = breakpoints(&loaded.path, loaded.text());
    reading.add(Order::position(position), migration);
}

fn without_journal(reading: &mut Reading<'_>) {
    let root = reading.history.root.clone();
    let names: Vec<&str> = reading.survey.names(&root).iter().copied().filter(|name| name.ends_with(".sql")).collect();
    for name in names.into_iter().filter(|name| leading_digits(name).is_some()) {
        let loaded = reading.load_name(name);
        let tag = name.trim_end_matches(".sql");
        let mut migration = loaded.migration(tag, tag);
        migration.up = breakpoints(&loaded.path, loaded.text());
        reading.add(Order::text(name), migration);
    }
}
