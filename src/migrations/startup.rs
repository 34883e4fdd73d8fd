//! Whether the migrator of an older image starts on a history that a newer one has written.
//!
//! `rules/tables/migrator-startup.csv` holds what each framework does by default, and where that was read.

use std::collections::BTreeSet;

use super::framework::Framework;
use super::history::{AnomalyKind, History, Kind};
use super::order::Order;
use super::range::Range;
use super::report::{Startup, StartupVerdict};
use crate::table::{self, Record};

const TABLE: &str = include_str!("../../rules/tables/migrator-startup.csv");

/// What the older migrator finds that it does not expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    /// Versions after its newest one.
    Newer,
    /// Versions that it does not know, before its newest one.
    Older,
    /// A version that ran with another text.
    Edited,
    /// A repeatable script that it does not have.
    Repeatable,
    /// A repeatable script that ran with a newer text.
    RepeatableEdited,
    /// A migration that failed half-way.
    Failed,
}

const FOUND: [(Found, &str, &str); 6] = [
    (Found::Newer, "newer", "versions after its newest one"),
    (Found::Older, "older", "versions it does not know before its newest one"),
    (Found::Edited, "edited", "a version that ran with another text"),
    (Found::Repeatable, "repeatable", "a repeatable script it does not have"),
    (Found::RepeatableEdited, "repeatable-edited", "a repeatable script that ran with another text"),
    (Found::Failed, "failed", "a migration that failed half-way"),
];

impl Found {
    fn words(self) -> &'static str {
        FOUND.iter().find(|(found, _, _)| *found == self).map_or("", |(_, _, words)| words)
    }
}

/// What the history table says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// A migration of it failed half-way.
    pub failed: bool,
    /// Whether it holds a checksum that is not that of the older side's file; none where it does not say.
    pub edited: Option<bool>,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub framework: Framework,
    pub found: Found,
    pub verdict: StartupVerdict,
    /// When it is otherwise, or why it is so; may be empty.
    pub condition: &'static str,
    pub source: &'static str,
}

fn rows() -> impl Iterator<Item = Row> {
    table::records(TABLE).filter_map(|record| row(&record))
}

fn row(record: &Record) -> Option<Row> {
    let framework = record.field(0).parse().ok()?;
    let (found, _, _) = FOUND.iter().find(|(_, name, _)| *name == record.field(1))?;
    let verdict = match record.field(2) {
        "starts" => StartupVerdict::Starts,
        "refuses" => StartupVerdict::Refuses,
        "reapplies" => StartupVerdict::Reapplies,
        "unknown" => StartupVerdict::Unknown,
        _ => return None,
    };
    Some(Row { framework, found: *found, verdict, condition: record.field(3), source: record.field(4) })
}

/// What the table says of one thing.
pub fn fact(framework: Framework, found: Found) -> Option<Row> {
    rows().find(|row| row.framework == framework && row.found == found)
}

/// What *to*'s migrator finds after *from*'s has run; `to` is none where only one directory is known, cut by version.
pub fn found(from: &History, to: Option<&History>, range: &Range, table: Table) -> BTreeSet<Found> {
    let mut found = BTreeSet::new();
    let of_kind = |at: &usize| from.migrations.get(*at).map(|migration| migration.kind);
    let versioned = |at: &&usize| matches!(of_kind(at), Some(Kind::Versioned | Kind::Baseline));
    let last = last_of(from, to, range);
    for at in range.migrations.iter().filter(versioned) {
        found.insert(if last.is_some_and(|last| *at < last) { Found::Older } else { Found::Newer });
    }
    for at in range.migrations.iter().filter(|at| of_kind(at) == Some(Kind::Repeatable)) {
        let known = to
            .is_some_and(|to| to.migrations.iter().any(|old| old.is_repeatable() && old.version == from.migrations[*at].version));
        found.insert(if known { Found::RepeatableEdited } else { Found::Repeatable });
    }
    // A checksum outweighs what differs between the files of both sides: the older file may be what ran.
    let differs = || range.anomalies.iter().any(|anomaly| anomaly.kind == AnomalyKind::Edited);
    if table.edited.unwrap_or_else(differs) {
        found.insert(Found::Edited);
    }
    if table.failed {
        found.insert(Found::Failed);
    }
    found
}

/// Position among *from*'s migrations before which everything is older than *to*'s newest.
fn last_of(from: &History, to: Option<&History>, range: &Range) -> Option<usize> {
    let versioned = |at: &usize| from.migrations[*at].kind == Kind::Versioned;
    let shared = range.before.iter().copied().filter(versioned).max();
    // *to*'s newest may be one that *from* no longer has: then versions are compared.
    let newest = to.and_then(|to| to.migrations.iter().rfind(|old| old.kind == Kind::Versioned));
    let removed = newest.filter(|newest| !from.migrations.iter().any(|migration| migration.version == newest.version));
    let beyond = removed.and_then(|newest| {
        let order = Order::natural(&newest.version);
        from.migrations
            .iter()
            .rposition(|migration| migration.kind == Kind::Versioned && Order::natural(&migration.version) < order)
    });
    shared.max(beyond.map(|at| at + 1))
}

/// What the older migrator does on *from*'s history.
pub fn startup(from: &History, to: Option<&History>, range: &Range, table: Table) -> Startup {
    let judged = judge(from.framework, &found(from, to, range, table));
    let repeats = to.is_none() && from.migrations.iter().any(|migration| migration.is_repeatable());
    if !repeats || judged.verdict != StartupVerdict::Starts {
        return judged;
    }
    let why = format!("{}; whether its repeatable scripts are the same is not known from one side's files", judged.why);
    Startup { verdict: StartupVerdict::Unknown, why }
}

/// The worst of what the framework does about each thing found.
pub fn judge(framework: Framework, found: &BTreeSet<Found>) -> Startup {
    if found.is_empty() {
        let why = "it finds the history that it knows".to_owned();
        return Startup { verdict: StartupVerdict::Starts, why };
    }
    let said = found.iter().map(|thing| (*thing, fact(framework, *thing)));
    let worst = said.max_by_key(|(_, fact)| fact.map_or(2, |row| rank(row.verdict)));
    let (thing, fact) = worst.unwrap_or((Found::Newer, None));
    let title = framework.title();
    let things = thing.words();
    let Some(row) = fact else {
        let why = format!("what {title} does on {things} is not known");
        return Startup { verdict: StartupVerdict::Unknown, why };
    };
    let does = match row.verdict {
        StartupVerdict::Starts => "goes on",
        StartupVerdict::Refuses => "stops",
        StartupVerdict::Reapplies => "runs its own text over it",
        StartupVerdict::Unknown => "may stop",
    };
    let condition = if row.condition.is_empty() { String::new() } else { format!(" ({})", row.condition) };
    Startup { verdict: row.verdict, why: format!("{title} {does} when it finds {things}{condition}") }
}

fn rank(verdict: StartupVerdict) -> u8 {
    match verdict {
        StartupVerdict::Starts => 0,
        StartupVerdict::Reapplies => 1,
        StartupVerdict::Unknown => 2,
        StartupVerdict::Refuses => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::history::Options;
    use crate::migrations::range::{between, within};
    use crate::migrations::source::Tree;

    fn read(files: &[(&str, &str)]) -> History {
        crate::migrations::history(&Tree::from_files(files.iter().copied()), &Options::default())
    }

    fn verdict(from: &[(&str, &str)], to: &[(&str, &str)]) -> StartupVerdict {
        let (from, to) = (read(from), read(to));
        judge(from.framework, &found(&from, Some(&to), &between(&from, &to), Table::default())).verdict
    }

    #[test]
    fn every_row_is_read_and_has_a_source() {
        table::check(TABLE);
        let lines = table::strict(TABLE, &["framework", "found", "verdict", "condition", "source"])
            .expect("every row has its source")
            .len();
        assert_eq!(rows().count(), lines);
        let pairs: BTreeSet<(Framework, Found)> = rows().map(|row| (row.framework, row.found)).collect();
        assert_eq!(pairs.len(), lines, "a row is there twice");
    }

    #[test]
    fn what_is_known_of_each_framework_covers_newer_versions() {
        let silent: Vec<Framework> = Framework::all().filter(|framework| fact(*framework, Found::Newer).is_none()).collect();
        assert_eq!(silent, [Framework::Pgroll, Framework::Reshape, Framework::Plain]);
    }

    #[test]
    fn flyway_tolerates_newer_versions_and_nothing_else() {
        let old: &[(&str, &str)] = &[("V1__a.sql", "A;"), ("V3__c.sql", "C;"), ("R__v.sql", "one")];
        let with = |extra: &[(&'static str, &'static str)]| [old, extra].concat();
        assert_eq!(verdict(old, old), StartupVerdict::Starts);
        assert_eq!(verdict(&with(&[("V4__d.sql", "D;")]), old), StartupVerdict::Starts);
        assert_eq!(verdict(&with(&[("V2__b.sql", "B;")]), old), StartupVerdict::Refuses);
        assert_eq!(verdict(&with(&[("R__w.sql", "W;")]), old), StartupVerdict::Refuses);
        let edited = [("V1__a.sql", "A2;"), ("V3__c.sql", "C;"), ("R__v.sql", "one")];
        assert_eq!(verdict(&edited, old), StartupVerdict::Refuses);
        let changed = [("V1__a.sql", "A;"), ("V3__c.sql", "C;"), ("R__v.sql", "two")];
        assert_eq!(verdict(&changed, old), StartupVerdict::Reapplies);
    }

    #[test]
    fn golang_migrate_stops_at_versions_it_has_no_file_of() {
        let old: &[(&str, &str)] = &[("1_a.up.sql", "A;")];
        assert_eq!(verdict(&[("1_a.up.sql", "A;"), ("2_b.up.sql", "B;")], old), StartupVerdict::Refuses);
        let history = read(&[("1_a.up.sql", "A;"), ("2_b.up.sql", "B;")]);
        let range = within(&history, None, Some("1")).unwrap();
        let seen = found(&history, None, &range, Table::default());
        assert_eq!(judge(history.framework, &seen).why, "golang-migrate stops when it finds versions after its newest one");
        let failed = found(&history, None, &within(&history, None, None).unwrap(), Table { failed: true, edited: None });
        assert!(failed.contains(&Found::Failed));
    }

    #[test]
    fn repeatable_scripts_of_one_side_leave_it_open() {
        let history = read(&[("V1__a.sql", "A;"), ("V2__b.sql", "B;"), ("R__v.sql", "one")]);
        let range = within(&history, None, Some("1")).unwrap();
        assert_eq!(startup(&history, None, &range, Table::default()).verdict, StartupVerdict::Unknown);
        assert_eq!(
            startup(&history, Some(&history), &between(&history, &history), Table::default()).verdict,
            StartupVerdict::Starts
        );
    }

    #[test]
    fn plain_files_leave_it_open() {
        assert_eq!(verdict(&[("1_a.sql", "A;"), ("2_b.sql", "B;")], &[("1_a.sql", "A;")]), StartupVerdict::Unknown);
    }
}
