//! Which migrations lie between two ends: what *from* has and *to* has not, by version and by checksum.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{Anomaly, AnomalyKind, History, Kind, Migration};
use super::order::integer;

/// Migrations of a history by position.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Range {
    /// Positions in *from*'s history of what ran after *to*, in the order in which it ran.
    pub migrations: Vec<usize>,
    /// Positions in *from*'s history of what both ends have, in order.
    pub before: Vec<usize>,
    /// *to*'s files no longer are a part of *from*'s (a squash, edited files): the schema of before is the one that *to*'s own
    /// history builds.
    pub replay_to: bool,
    /// Positions in *from*'s history of migrations that stand for removed ones: on this database they were not run.
    pub squashes: Vec<usize>,
    pub anomalies: Vec<Anomaly>,
}

/// The position of the migration that a version names: as stored, as a number, by its name, or by its file.
pub fn find(history: &History, wanted: &str) -> Option<usize> {
    let tests: [&dyn Fn(&Migration) -> bool; 5] = [
        &|it| it.version == wanted,
        &|it| is_number(wanted) && is_number(&it.version) && integer(&it.version) == integer(wanted),
        &|it| it.name == wanted || it.path == wanted,
        &|it| stem(&it.path) == wanted,
        &|it| it.version.split(['_', '-', ':']).next() == Some(wanted),
    ];
    tests.iter().find_map(|test| history.migrations.iter().rposition(test))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn stem(path: &str) -> &str {
    let name = super::source::file_name(path);
    name.split_once('.').map_or(name, |(stem, _)| stem)
}

/// The part of one history between two versions: `from` is where the database is (none: the newest), `to` what old code knows
/// (none: before the first).
pub fn within(history: &History, from: Option<&str>, to: Option<&str>) -> Result<Range, String> {
    let position = |wanted: &str| find(history, wanted).ok_or_else(|| format!("there is no version {wanted:?} in this history"));
    let end = from.map(position).transpose()?.map_or(history.migrations.len(), |at| at + 1);
    let start = to.map(position).transpose()?.map_or(0, |at| at + 1);
    if start > end {
        return Err("the version to come from is older than the one to go to".to_owned());
    }
    // Scripts that run whenever they change are there at both ends: nobody knows what their older text was.
    let runs = |position: &usize| history.migrations[*position].kind == Kind::Versioned;
    let migrations = (start..end).filter(|at| runs(at) || history.migrations[*at].kind == Kind::Baseline).collect();
    let before = (0..start).chain((start..history.migrations.len()).filter(|at| history.migrations[*at].is_repeatable()));
    Ok(Range { migrations, before: before.collect(), anomalies: duplicates(history), ..Range::default() })
}

/// What is in *from*'s files and not in *to*'s.
pub fn between(from: &History, to: &History) -> Range {
    let old: BTreeMap<String, &Migration> = to.migrations.iter().map(|migration| (key(migration), migration)).collect();
    let new: BTreeSet<String> = from.migrations.iter().chain(&from.baselines).map(key).collect();
    let mut range = Range { anomalies: duplicates(from), ..Range::default() };
    for (migration, position) in from.migrations.iter().zip(0..) {
        match old.get(&key(migration)) {
            None => range.migrations.push(position),
            Some(other) if same(migration, other) => range.before.push(position),
            Some(_) => edited(&mut range, migration, position),
        }
    }
    let removed: Vec<&Migration> = to.migrations.iter().filter(|migration| !new.contains(&key(migration))).collect();
    for migration in &removed {
        let why = "the older side has it, the newer one has not";
        range.anomalies.push(anomaly(AnomalyKind::Removed, migration, why));
    }
    range.replay_to |= !removed.is_empty();
    squashes(&mut range, from, !removed.is_empty());
    out_of_order(&mut range, from);
    range
}

/// Two sides name a migration the same: by kind and version.
fn key(migration: &Migration) -> String {
    let version = if is_number(&migration.version) { integer(&migration.version) } else { migration.version.clone() };
    match migration.kind {
        Kind::Versioned | Kind::Baseline => version,
        Kind::Repeatable => format!("repeatable {version}"),
        Kind::Callback => format!("callback {}", migration.name),
    }
}

/// Texts that could not be read are taken for the same.
fn same(one: &Migration, other: &Migration) -> bool {
    one.checksum == other.checksum || one.checksum.is_empty() || other.checksum.is_empty()
}

/// A repeatable script has run again; any other ran in one of its two forms, and which is not known.
fn edited(range: &mut Range, migration: &Migration, position: usize) {
    if migration.kind == Kind::Repeatable {
        return range.migrations.push(position);
    }
    range.before.push(position);
    if migration.kind != Kind::Callback {
        range.replay_to = true;
        range.anomalies.push(anomaly(AnomalyKind::Edited, migration, "both sides have it, with different texts"));
    }
}

fn anomaly(kind: AnomalyKind, migration: &Migration, why: &str) -> Anomaly {
    Anomaly { kind, version: migration.version.clone(), path: migration.path.clone(), why: why.to_owned() }
}

/// Where files went away, new ones that come before all that both sides have stand for them; so do new baselines.
fn squashes(range: &mut Range, from: &History, removed: bool) {
    if !removed {
        return;
    }
    let first = range.before.iter().copied().find(|at| from.migrations[*at].kind == Kind::Versioned);
    let is_squash = |at: usize| match first {
        Some(first) => at < first,
        None => at == 0,
    };
    let (squashes, migrations): (Vec<usize>, Vec<usize>) =
        range.migrations.iter().copied().partition(|at| is_squash(*at) || from.migrations[*at].kind == Kind::Baseline);
    range.squashes = squashes;
    range.migrations = migrations;
}

/// New ones before something that had run.
fn out_of_order(range: &mut Range, from: &History) {
    let last = range.before.iter().copied().filter(|at| from.migrations[*at].kind == Kind::Versioned).max();
    let Some(last) = last else { return };
    let early = |at: &&usize| **at < last && from.migrations[**at].kind == Kind::Versioned;
    let found: Vec<Anomaly> = range
        .migrations
        .iter()
        .filter(early)
        .map(|at| {
            let why = format!("new, and before {}, which both sides have", from.migrations[last].version);
            anomaly(AnomalyKind::OutOfOrder, &from.migrations[*at], &why)
        })
        .collect();
    range.anomalies.extend(found);
}

fn duplicates(history: &History) -> Vec<Anomaly> {
    history.anomalies.iter().filter(|anomaly| anomaly.kind == AnomalyKind::Duplicate).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::history::Options;
    use crate::migrations::source::Tree;

    fn read(files: &[(&str, &str)]) -> History {
        crate::migrations::history(&Tree::from_files(files.iter().copied()), &Options::default())
    }

    fn versions(history: &History, positions: &[usize]) -> Vec<String> {
        positions.iter().map(|at| history.migrations[*at].version.clone()).collect()
    }

    fn kinds(range: &Range) -> Vec<(AnomalyKind, &str)> {
        range.anomalies.iter().map(|anomaly| (anomaly.kind, anomaly.version.as_str())).collect()
    }

    #[test]
    fn a_range_lies_between_two_versions() {
        let history = read(&[("01_a.up.sql", ""), ("02_b.up.sql", ""), ("03_c.up.sql", ""), ("10_d.up.sql", "")]);
        let range = within(&history, Some("3"), Some("0001")).unwrap();
        assert_eq!(versions(&history, &range.migrations), ["2", "3"]);
        assert_eq!(versions(&history, &range.before), ["1"]);
        assert_eq!(versions(&history, &within(&history, None, Some("b")).unwrap().migrations), ["3", "10"]);
        assert_eq!(within(&history, None, None).unwrap().migrations.len(), 4);
        assert!(within(&history, Some("1"), Some("3")).is_err());
        assert!(within(&history, Some("7"), None).is_err());
    }

    #[test]
    fn files_of_one_side_only_are_told_apart() {
        let to = read(&[("V1__a.sql", "A;"), ("V3__c.sql", "C;"), ("V4__d.sql", "D;"), ("R__v.sql", "one"), ("R__w.sql", "W")]);
        let from = read(&[
            ("V1__a.sql", "A;"),
            ("V2__b.sql", "B;"),
            ("V3__c.sql", "C2;"),
            ("V5__e.sql", "E;"),
            ("R__v.sql", "two"),
            ("R__w.sql", "W"),
        ]);
        let range = between(&from, &to);
        assert_eq!(versions(&from, &range.migrations), ["2", "5", "v"]);
        assert_eq!(kinds(&range), [(AnomalyKind::Edited, "3"), (AnomalyKind::Removed, "4"), (AnomalyKind::OutOfOrder, "2")]);
        assert!(range.replay_to);
    }

    #[test]
    fn a_squash_was_not_run() {
        let to = read(&[("0001_a.sql", "A;"), ("0002_b.sql", "B;"), ("0003_c.sql", "C;")]);
        let from = read(&[("0000_all.sql", "AB;"), ("0003_c.sql", "C;"), ("0004_d.sql", "D;")]);
        let range = between(&from, &to);
        assert_eq!(versions(&from, &range.migrations), ["4"]);
        assert_eq!(versions(&from, &range.squashes), ["0"]);
        assert!(range.replay_to);
    }

    #[test]
    fn the_same_files_leave_nothing() {
        let one = read(&[("1_a.sql", "A;\r\n")]);
        let other = read(&[("001_a.sql", "A;\n")]);
        assert_eq!(between(&one, &other), Range { before: vec![0], ..Range::default() });
    }
}
