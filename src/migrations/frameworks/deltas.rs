//! Synapse's deltas: numbered directories, files for one database among them.
//!
//! `synapse/storage/prepare_database.py`: directories `delta/N` of all data stores together, in each the files in the order of
//! their names; `.sql` runs everywhere, `.sql.postgres` and `.sql.sqlite` on their database, `.py` is a program. New databases
//! start from `full_schemas/N`.

use super::dialect;
use super::reading::{Reading, as_integer};
use super::survey::{Candidate, Strength, Survey, join};
use crate::migrations::framework::Framework;
use crate::migrations::history::{Kind, Migration};
use crate::migrations::order::Order;
use crate::migrations::source::{directory, file_name};
use crate::sql::dialect::Dialect;

pub(super) fn find(survey: &Survey<'_>) -> Vec<Candidate> {
    let deltas: Vec<&str> = survey.directories().map(|(folder, _)| folder).filter(|folder| is_delta(folder)).collect();
    let Some(first) = deltas.first() else { return Vec::new() };
    let root = deltas.iter().fold(above(first), |root, folder| common(root, above(folder)));
    vec![Candidate::new(Framework::Synapse, Strength::Names, root, deltas.len())]
}

fn is_delta(folder: &str) -> bool {
    let number = file_name(folder);
    file_name(directory(folder)) == "delta" && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The directory that holds `delta/N`.
fn above(folder: &str) -> &str {
    directory(directory(folder))
}

fn common<'a>(one: &'a str, other: &str) -> &'a str {
    let mut at = one;
    while !super::survey::is_below(other, at) {
        at = directory(at);
    }
    at
}

fn database(name: &str) -> Option<Dialect> {
    name.rsplit_once(".sql.").and_then(|(_, database)| database.parse().ok())
}

pub(super) fn read(reading: &mut Reading<'_>) {
    let root = reading.history.root.clone();
    let survey = reading.survey;
    let paths: Vec<String> = survey.under(&root).collect();
    let deltas: Vec<&String> = paths.iter().filter(|path| is_delta(directory(path))).collect();
    let decided = reading.options.dialect.or_else(|| dialect::preferred(deltas.iter().filter_map(|path| database(path))));
    reading.history.dialect = decided;
    let runs = |path: &str| database(path).is_none_or(|database| Some(database) == decided);
    let oldest = deltas.iter().map(|path| number(path)).min();
    let after = start(reading, &paths, oldest.as_ref(), &runs);
    let before = deltas.iter().filter(|path| after.as_ref().is_some_and(|start| number(path) <= *start)).count();
    if before > 0 {
        let why = format!("{before} deltas are not read: the schema that they begin with is not here, only one that holds them");
        reading.gap(&root, &why);
    }
    let deltas = deltas.into_iter().filter(|path| after.as_ref().is_none_or(|start| number(path) > *start));
    let kept = deltas.filter(|path| path.ends_with(".py") || path.contains(".sql")).filter(|path| runs(path));
    for path in kept {
        let number = file_name(directory(path));
        let loaded = reading.load(path);
        let version = format!("{}/{}", as_integer(number), file_name(path));
        let migration = Migration { transactional: true, ..loaded.migration(&version, file_name(path)) };
        reading.add(Order::numbers(number).then(Order::text(file_name(path))), migration);
    }
}

/// The number of a file's directory.
fn number(path: &str) -> Order {
    Order::numbers(file_name(directory(path)))
}

/// Puts the full schema first that the deltas here go on from: the newest one older than all of them, else the oldest. None is
/// needed where the deltas begin with the first.
fn start(reading: &mut Reading<'_>, paths: &[String], oldest: Option<&Order>, runs: &dyn Fn(&str) -> bool) -> Option<Order> {
    if oldest.is_some_and(|oldest| *oldest <= Order::numbers("1")) {
        return None;
    }
    let full = |path: &&String| file_name(directory(directory(path))) == "full_schemas" && path.contains(".sql") && runs(path);
    let fulls: Vec<&String> = paths.iter().filter(full).collect();
    let older = fulls.iter().map(|path| number(path)).filter(|number| oldest.is_none_or(|oldest| number < oldest)).max();
    let chosen = older.or_else(|| fulls.iter().map(|path| number(path)).min())?;
    for path in fulls.into_iter().filter(|path| number(path) == chosen) {
        let loaded = reading.load(path);
        let version = format!("{}/{}", as_integer(file_name(directory(path))), file_name(path));
        let migration = Migration { kind: Kind::Baseline, ..loaded.migration(&version, &join("full_schemas", file_name(path))) };
        reading.add(Order::first().then(Order::numbers("0")).then(Order::text(file_name(path))), migration);
    }
    Some(chosen)
}
