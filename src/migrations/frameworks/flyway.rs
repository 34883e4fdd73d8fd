//! Flyway, and refinery, which took its names over.
//!
//! Flyway `ResourceNameParser.java`, `MigrationVersion.java`, `Event.java`; refinery `refinery_core/src/util.rs`.

use std::collections::BTreeMap;

use super::reading::{Reading, as_integer};
use super::survey::{Candidate, Strength, Survey, ancestors, dialect_of};
use crate::migrations::framework::Framework;
use crate::migrations::history::{AnomalyKind, Kind, Language};
use crate::migrations::order::Order;
use crate::migrations::source::{directory, file_name};

/// Callbacks that SQL files can be, and whether they run before the migrations.
const CALLBACKS: [(&str, bool); 9] = [
    ("beforeMigrate", true),
    ("beforeEachMigrate", true),
    ("beforeConnect", true),
    ("afterConnect", true),
    ("createSchema", true),
    ("beforeRepeatables", false),
    ("afterVersioned", false),
    ("afterMigrateApplied", false),
    ("afterMigrate", false),
];

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts<'a> {
    prefix: char,
    /// Empty for repeatables.
    version: &'a str,
    name: &'a str,
}

/// `V1_2__name.sql` and the like.
fn parts(file: &str) -> Option<Parts<'_>> {
    let stem = stem(file)?;
    let prefix = stem.chars().next().filter(|prefix| "VURB".contains(*prefix))?;
    let (version, name) = stem[1..].split_once("__").unwrap_or((&stem[1..], ""));
    let is_version = version.starts_with(|c: char| c.is_ascii_digit())
        && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'_');
    let fits = if prefix == 'R' { version.is_empty() && !name.is_empty() } else { is_version };
    fits.then_some(Parts { prefix, version, name })
}

fn stem(file: &str) -> Option<&str> {
    let language = Language::of(file)?;
    let runs = matches!(language, Language::Sql | Language::Java | Language::Rust);
    file.rsplit_once('.').filter(|_| runs).map(|(stem, _)| stem)
}

fn callback(file: &str) -> Option<bool> {
    let stem = stem(file).filter(|_| file.ends_with(".sql"))?;
    let event = stem.split("__").next()?;
    CALLBACKS.iter().find(|(name, _)| *name == event).map(|(_, before)| *before)
}

pub(super) fn find(survey: &Survey<'_>) -> Vec<Candidate> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (directory, names) in survey.directories() {
        let count = names.iter().filter(|name| parts(name).is_some_and(|parts| parts.prefix != 'U')).count();
        if count > 0 {
            *counts.entry(directory).or_default() += count;
        }
    }
    let mut roots: BTreeMap<&str, Candidate> = BTreeMap::new();
    for (directory, count) in &counts {
        // A location is read with all below it; one that is named after a database stands for itself.
        let holds = |above: &&str| roots.get(above).is_some_and(|above| above.dialect == dialect_of(directory));
        match ancestors(directory).find(holds).and_then(|above| roots.get_mut(above)) {
            Some(above) => above.count += count,
            None => drop(roots.insert(directory, candidate(survey, directory, *count))),
        }
    }
    merge(roots.into_values())
}

/// Directories of one history side by side, as one of their parent.
fn merge(candidates: impl Iterator<Item = Candidate>) -> Vec<Candidate> {
    let mut merged: Vec<Candidate> = Vec::new();
    let mut beside: BTreeMap<(String, Framework), usize> = BTreeMap::new();
    for candidate in candidates {
        if candidate.dialect.is_some() || candidate.root.is_empty() {
            merged.push(candidate);
            continue;
        }
        let parent = directory(&candidate.root).to_owned();
        match beside.get(&(parent.clone(), candidate.framework)).and_then(|at| merged.get_mut(*at)) {
            Some(other) => {
                other.count += candidate.count;
                other.root = parent;
            }
            None => {
                beside.insert((parent, candidate.framework), merged.len());
                merged.push(candidate);
            }
        }
    }
    merged
}

fn candidate(survey: &Survey<'_>, directory: &str, count: usize) -> Candidate {
    let names = survey.names(directory);
    let above = |file: &str| survey.above(directory, file).is_some();
    let rust = names.iter().any(|name| name.ends_with(".rs")) || above("refinery.toml") || above("Cargo.toml");
    let marked = above("flyway.conf") || above("flyway.toml") || directory.contains("db/migration");
    let (framework, strength) = match (rust, marked) {
        (true, _) => (Framework::Refinery, Strength::Names),
        (false, true) => (Framework::Flyway, Strength::Marker),
        (false, false) => (Framework::Flyway, Strength::Names),
    };
    Candidate::new(framework, strength, directory, count)
}

pub(super) fn read(reading: &mut Reading<'_>) {
    let survey = reading.survey;
    let root = reading.history.root.clone();
    let own = |path: &String| dialect_of(directory(path)) == dialect_of(&root) || dialect_of(directory(path)).is_none();
    let paths: Vec<String> = survey.under(&root).filter(own).collect();
    let mut undo: BTreeMap<Order, String> = BTreeMap::new();
    if reading.history.framework == Framework::Flyway {
        for path in &paths {
            if let Some(parts) = parts(file_name(path)).filter(|parts| parts.prefix == 'U') {
                undo.insert(Order::numbers(parts.version), path.clone());
            }
        }
    }
    let first = paths.iter().filter_map(|path| parts(file_name(path))).filter(|parts| parts.prefix == 'V');
    let first = first.map(|parts| Order::numbers(parts.version)).min();
    for path in &paths {
        match parts(file_name(path)) {
            Some(parts) => versioned(reading, path, &parts, &mut undo, first.as_ref()),
            None => called_back(reading, path),
        }
    }
    for path in undo.into_values() {
        reading.anomaly(AnomalyKind::Unmatched, "", &path, "there is a way back and no way up");
    }
}

fn called_back(reading: &mut Reading<'_>, path: &str) {
    let Some(before) = callback(file_name(path)).filter(|_| reading.history.framework == Framework::Flyway) else { return };
    let loaded = reading.load(path);
    let mut migration = loaded.migration("", stem(file_name(path)).unwrap_or_default());
    migration.kind = Kind::Callback;
    reading.add(if before { Order::first() } else { Order::last("~").then(Order::text(path)) }, migration);
}

fn versioned(
    reading: &mut Reading<'_>,
    path: &str,
    parts: &Parts<'_>,
    undo: &mut BTreeMap<Order, String>,
    first: Option<&Order>,
) {
    let is_flyway = reading.history.framework == Framework::Flyway;
    if parts.prefix == 'U' && is_flyway {
        return;
    }
    let loaded = reading.load(path);
    let version = if is_flyway { parts.version.replace('_', ".") } else { as_integer(parts.version) };
    let mut migration = loaded.migration(&version, &parts.name.replace('_', " "));
    migration.transactional = is_flyway && !survey_says_no_transaction(reading, path);
    let order = Order::numbers(parts.version);
    match parts.prefix {
        'R' => {
            migration.version = parts.name.to_owned();
            migration.kind = Kind::Repeatable;
            return reading.add(Order::last(parts.name), migration);
        }
        'B' => {
            migration.kind = Kind::Baseline;
            // Where the scripts that it stands for are here, the database was built by them.
            if first.is_some_and(|first| *first <= order) {
                return reading.history.baselines.push(migration);
            }
        }
        _ => {}
    }
    if let Some(down) = undo.remove(&order) {
        let loaded = reading.load(&down);
        migration.down_path = Some(down);
        migration.down = Some(vec![loaded.script()]);
    }
    migration.transactional |= !is_flyway;
    reading.add(order, migration);
}

/// `executeInTransaction=false` in the file of the same name with `.conf` (Flyway's script configuration).
fn survey_says_no_transaction(reading: &Reading<'_>, path: &str) -> bool {
    let text = reading.survey.tree.text(&format!("{path}.conf"));
    text.is_ok_and(|text| text.text.lines().any(|line| line.replace(' ', "") == "executeInTransaction=false"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_apart() {
        assert_eq!(parts("V1_2__a_b.sql"), Some(Parts { prefix: 'V', version: "1_2", name: "a_b" }));
        assert_eq!(parts("R__view.sql"), Some(Parts { prefix: 'R', version: "", name: "view" }));
        assert_eq!(parts("V1.sql"), Some(Parts { prefix: 'V', version: "1", name: "" }));
        assert_eq!(parts("Values.sql"), None);
        assert_eq!(parts("V1__x.txt"), None);
        assert_eq!(parts("é.sql"), None);
        assert_eq!(callback("afterMigrate__grants.sql"), Some(false));
    }
}
