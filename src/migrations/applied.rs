//! What a database says was applied to it: the rows of a framework's history table, matched with the files.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::checksum::{Checksums, Compared};
use super::framework::Framework;
use super::history::{History, Kind, Migration};
use super::order::integer;
use super::range::Range;
use super::source::file_name;

/// Prefixes of one failed migration that are told apart.
pub const MOST_PREFIXES: usize = 64;

/// The history table of one database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Where it was read: a file, or the table of a database.
    pub origin: String,
    pub rows: Vec<Row>,
    /// Only the newest version is stored (golang-migrate, Alembic): all before it are applied too.
    pub head_only: bool,
}

/// One row of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// What names the migration, the surest first: version, name, script.
    pub names: Vec<String>,
    pub checksum: Option<String>,
    pub state: State,
}

/// How far a migration came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    #[default]
    Done,
    /// It began and did not end, or it is marked dirty.
    Failed,
    /// It was undone.
    Undone,
}

/// Rows by the files that they are of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placed {
    /// Positions in the history of what is applied.
    pub done: BTreeSet<usize>,
    /// Positions of what failed half-way.
    pub failed: BTreeSet<usize>,
    /// Names of rows that this history has no file of.
    pub unknown: Vec<(String, State)>,
    /// Positions whose stored checksum could be compared with the file.
    pub compared: BTreeSet<usize>,
    /// Positions whose file is not what ran.
    pub edited: BTreeSet<usize>,
    /// Why stored checksums say nothing about these files.
    pub not_compared: Option<String>,
}

impl Applied {
    /// Finds the migration of every row.
    pub fn place(&self, history: &History) -> Placed {
        let mut placed = Placed::default();
        let sums = Checksums::of(history);
        for row in &self.rows {
            match find(history, row) {
                Some(at) => {
                    placed.enter(at, row.state);
                    placed.compare(at, row, &sums);
                }
                None if names_nothing(history.framework, row) => {}
                None => placed.unknown.push((row.names.first().cloned().unwrap_or_default(), row.state)),
            }
        }
        let heads_only = self.head_only || (self.rows.len() == 1 && stores_heads(history.framework));
        let newest = placed.done.iter().chain(&placed.failed).max().copied();
        if let Some(newest) = newest.filter(|_| heads_only) {
            placed.done.extend((0..newest).filter(|at| !placed.failed.contains(at)));
        }
        if let (true, Some(first)) = (sums.are_chained(), placed.edited.first().copied()) {
            placed.edited = BTreeSet::from([first]);
        }
        placed.not_compared = sums.objection().filter(|_| self.rows.iter().any(|row| row.checksum.is_some()));
        placed
    }
}

impl Placed {
    /// Later rows of a version say what became of it.
    fn enter(&mut self, at: usize, state: State) {
        self.done.remove(&at);
        self.failed.remove(&at);
        match state {
            State::Done => self.done.insert(at),
            State::Failed => self.failed.insert(at),
            State::Undone => false,
        };
    }

    /// What failed may have been mended since; what was undone, and repeatable scripts, run again.
    fn compare(&mut self, at: usize, row: &Row, sums: &Checksums<'_>) {
        self.compared.remove(&at);
        self.edited.remove(&at);
        let Some(stored) = row.checksum.as_deref().filter(|_| row.state == State::Done && sums.run_once(at)) else { return };
        let compared = sums.compare(at, stored);
        if compared != Compared::Unknown {
            self.compared.insert(at);
        }
        if compared == Compared::Edited {
            self.edited.insert(at);
        }
    }

    pub fn is_applied(&self, at: usize) -> bool {
        self.done.contains(&at) || self.failed.contains(&at)
    }

    /// Leaves in the range what is applied; gives what is not, though the older side knows it too.
    pub fn narrow(&self, range: &mut Range, history: &History) -> Vec<usize> {
        let once = |at: &usize| matches!(history.migrations[*at].kind, Kind::Versioned | Kind::Baseline);
        range.migrations.retain(|at| self.is_applied(*at));
        range.before.iter().copied().filter(|at| once(at) && !self.is_applied(*at)).collect()
    }
}

/// The table that fits a history best; none where no row of any is of its files.
pub fn choose<'a>(tables: &'a [Applied], history: &History) -> Option<&'a Applied> {
    let fits = |table: &&Applied| {
        let placed = table.place(history);
        let known = (placed.done.len() + placed.failed.len()) as i64;
        (known, -(placed.unknown.len() as i64))
    };
    tables.iter().filter(|table| fits(table).0 > 0).max_by_key(fits)
}

/// golang-migrate `database/postgres/postgres.go` (`SetVersion` truncates first), Alembic's `alembic_version` (the heads).
fn stores_heads(framework: Framework) -> bool {
    matches!(framework, Framework::GolangMigrate | Framework::Alembic | Framework::Synapse | Framework::Temporal)
}

/// goose enters a version 0 when it makes its table (`dialect/…` `create version table`), Flyway enters its schemas and
/// a baseline of no script.
fn names_nothing(framework: Framework, row: &Row) -> bool {
    let first = row.names.first().map_or("", String::as_str);
    first.is_empty() || (framework == Framework::Goose && first == "0") || first.starts_with("<< Flyway")
}

fn find(history: &History, row: &Row) -> Option<usize> {
    row.names.iter().find_map(|name| history.migrations.iter().rposition(|migration| is_of(migration, name)))
}

fn is_of(migration: &Migration, name: &str) -> bool {
    // Doctrine stores the class with its namespace, Liquibase a file below any root.
    let plain = name.rsplit('\\').next().unwrap_or(name);
    let file = file_name(&migration.path);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let same_number = || is_number(plain) && is_number(&migration.version) && integer(plain) == integer(&migration.version);
    plain == migration.version
        || same_number()
        || (!is_number(plain) && (plain == migration.name || plain == file || plain == stem || file_name(plain) == file))
        || (name.contains("::") && change_set(name) == change_set(&migration.version))
}

/// Id and author of `file::id::author`, with the name of the file.
fn change_set(version: &str) -> Option<(&str, &str)> {
    let (path, rest) = version.split_once("::")?;
    Some((file_name(path), rest))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::history::Options;
    use crate::migrations::source::Tree;

    fn history(files: &[(&str, &str)]) -> History {
        crate::migrations::history(&Tree::from_files(files.iter().copied()), &Options::default())
    }

    fn applied(rows: &[(&str, State)]) -> Applied {
        let row = |(name, state): &(&str, State)| Row { names: vec![(*name).to_owned()], state: *state, checksum: None };
        Applied { rows: rows.iter().map(row).collect(), ..Applied::default() }
    }

    #[test]
    fn finds_the_files_of_rows() {
        let flyway = history(&[("V1__a.sql", "A;"), ("V1.2__b.sql", "B;"), ("R__view.sql", "C;")]);
        let placed = applied(&[("1", State::Done), ("1.2", State::Failed), ("R__view.sql", State::Done), ("9", State::Done)])
            .place(&flyway);
        assert_eq!(placed.done.len(), 2);
        assert_eq!(placed.failed.len(), 1);
        assert_eq!(placed.unknown, [("9".to_owned(), State::Done)]);
    }

    #[test]
    fn one_version_stands_for_all_before_it() {
        let files = [
            ("1_a.up.sql", "A;"),
            ("1_a.down.sql", "A;"),
            ("2_b.up.sql", "B;"),
            ("2_b.down.sql", "B;"),
            ("3_c.up.sql", "C;"),
            ("3_c.down.sql", "C;"),
        ];
        let placed = applied(&[("2", State::Failed)]).place(&history(&files));
        assert_eq!((placed.done, placed.failed), (BTreeSet::from([0]), BTreeSet::from([1])));
    }

    #[test]
    fn what_was_undone_is_not_applied() {
        let files = [("1_a.sql", "-- +goose Up\nA;"), ("2_b.sql", "-- +goose Up\nB;")];
        let rows = [("0", State::Done), ("1", State::Done), ("2", State::Done), ("2", State::Undone)];
        let placed = applied(&rows).place(&history(&files));
        assert_eq!((placed.done, placed.unknown.len()), (BTreeSet::from([0]), 0));
    }
}
