//! SQL files in the order of their numbers, where nothing tells who runs them.

use std::collections::BTreeMap;

use super::reading::{Reading, as_integer};
use super::survey::{Candidate, Strength, Survey, join};
use crate::migrations::framework::Framework;
use crate::migrations::order::{Order, leading_digits};
use crate::migrations::source::{directory, file_name};

/// Ends of names that are ways back.
const DOWNS: [&str; 7] = [".down", "_down", "-down", ".rollback", "_rollback", ".undo", ".revert"];
const UPS: [&str; 3] = [".up", "_up", "-up"];

pub(super) fn find(survey: &Survey<'_>) -> Vec<Candidate> {
    let mut found: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
    for (folder, names) in survey.directories() {
        let scripts = || names.iter().filter(|name| name.ends_with(".sql"));
        let numbered = scripts().filter(|name| digits(name).is_some()).count();
        if numbered > 0 {
            let root = if is_version(folder) { directory(folder) } else { folder };
            let entry = found.entry(root).or_default();
            *entry = (entry.0 + numbered, true);
        } else if scripts().count() > 0 && !is_version(folder) {
            found.entry(folder).or_default().0 += scripts().count();
        }
    }
    let candidate = |(root, (count, numbered)): (&str, (usize, bool))| {
        Candidate::new(Framework::Plain, if numbered { Strength::Common } else { Strength::Guess }, root, count)
    };
    found.into_iter().map(candidate).collect()
}

/// A directory named after a version: `1.2`, `v3`, `0012`.
fn is_version(folder: &str) -> bool {
    let name = file_name(folder).trim_start_matches(['v', 'V']);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'_')
}

/// The number at the start of a name, after a `v` perhaps.
fn digits(name: &str) -> Option<&str> {
    leading_digits(name.trim_start_matches(['v', 'V'])).map(|(digits, _)| digits)
}

fn without<'a>(stem: &'a str, ends: &[&str]) -> Option<&'a str> {
    ends.iter().find_map(|end| stem.strip_suffix(end))
}

pub(super) fn read(reading: &mut Reading<'_>) {
    let root = reading.history.root.clone();
    let in_versions = |path: &str| directory(path) == root || (directory(directory(path)) == root && is_version(directory(path)));
    let survey = reading.survey;
    let scripts = survey.under(&root).filter(|path| path.ends_with(".sql") && in_versions(path));
    let all: Vec<String> = scripts.collect();
    let any_numbered = all.iter().any(|path| digits(file_name(path)).is_some());
    let paths = all.into_iter().filter(|path| !any_numbered || digits(file_name(path)).is_some());
    let (downs, ups): (Vec<String>, Vec<String>) =
        paths.partition(|path| without(path.trim_end_matches(".sql"), &DOWNS).is_some());
    let mut downs: BTreeMap<String, String> = downs.into_iter().map(|path| (key(&path), path)).collect();
    for path in &ups {
        let down = downs.remove(&key(path));
        add(reading, &root, path, down);
    }
    for path in downs.into_values() {
        reading.anomaly(super::AnomalyKind::Unmatched, "", &path, "there is a way back and no way up");
    }
}

/// The name that a way up and its way back share.
fn key(path: &str) -> String {
    let stem = path.trim_end_matches(".sql");
    without(stem, &DOWNS).or_else(|| without(stem, &UPS)).unwrap_or(stem).to_owned()
}

fn add(reading: &mut Reading<'_>, root: &str, path: &str, down: Option<String>) {
    let loaded = reading.load(path);
    let relative = path.strip_prefix(root).unwrap_or(path).trim_start_matches('/');
    let folder = directory(relative);
    let name = file_name(relative).trim_end_matches(".sql");
    let number = digits(name).map_or_else(|| name.to_owned(), as_integer);
    let version = if folder.is_empty() { number } else { join(folder, &number) };
    let mut migration = loaded.migration(&version, name);
    if let Some(down) = down {
        let loaded = reading.load(&down);
        migration.down_path = Some(down);
        migration.down = Some(vec![loaded.script()]);
    }
    // Nobody says whether there is a transaction around it.
    migration.transactional = false;
    let order = Order::natural(folder.trim_start_matches(['v', 'V']));
    reading.add(order.then(Order::natural(name.trim_start_matches(['v', 'V']))), migration);
}
