//! Files with both ways in one, told apart by comments: goose, sql-migrate, dbmate, node-pg-migrate.
//!
//! goose `internal/sqlparser/parser.go`; sql-migrate `sqlparse/sqlparse.go`; dbmate `pkg/dbmate/migration.go`; node-pg-migrate
//! `src/sqlMigration.ts`.

use super::reading::{Cutter, Loaded, Reading, as_integer};
use super::survey::{Candidate, Strength, Survey};
use crate::migrations::framework::Framework;
use crate::migrations::history::{Language, Migration, Script};
use crate::migrations::order::{Order, leading_digits};

/// What a comment line means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Up,
    Down,
    Begin,
    End,
    NoTransaction,
    /// Known, and of no interest here.
    Other,
}

pub(super) fn find(survey: &Survey<'_>) -> Vec<Candidate> {
    survey.directories().filter_map(|(directory, names)| candidate(survey, directory, names)).collect()
}

const FRAMEWORKS: [Framework; 4] = [Framework::Goose, Framework::SqlMigrate, Framework::Dbmate, Framework::NodePgMigrate];

fn candidate(survey: &Survey<'_>, directory: &str, names: &[&str]) -> Option<Candidate> {
    let scripts: Vec<&str> = names.iter().copied().filter(|name| is_numbered(name) && name.ends_with(".sql")).collect();
    let marked = |framework: &Framework| {
        survey.sample(directory, &scripts, |text| text.lines().any(|line| mark(*framework, line) == Some(Mark::Up)))
    };
    let framework = FRAMEWORKS.into_iter().find(marked)?;
    Some(Candidate::new(framework, Strength::Marker, directory, scripts.len()))
}

fn is_numbered(name: &str) -> bool {
    leading_digits(name).is_some()
}

fn mark(framework: Framework, line: &str) -> Option<Mark> {
    if !line.trim_start().starts_with("--") {
        return None;
    }
    let words = |prefix: &str| line.trim_start().trim_start_matches('-').trim().strip_prefix(prefix).map(str::trim);
    match framework {
        Framework::Goose => Some(annotation(words("+goose")?)),
        Framework::SqlMigrate => Some(annotation(words("+migrate")?)),
        Framework::Dbmate => dbmate(words("migrate:")?),
        _ => node_pg_migrate(line),
    }
}

fn annotation(text: &str) -> Mark {
    let lower = text.to_ascii_lowercase();
    let first = lower.split_whitespace().next().unwrap_or("");
    match first {
        "up" => Mark::Up,
        "down" => Mark::Down,
        "statementbegin" => Mark::Begin,
        "statementend" => Mark::End,
        "no" if lower.contains("transaction") => Mark::NoTransaction,
        _ => Mark::Other,
    }
}

fn dbmate(text: &str) -> Option<Mark> {
    match text.split_whitespace().next()? {
        "up" => Some(Mark::Up),
        "down" => Some(Mark::Down),
        _ => None,
    }
}

/// `^\s*--[\s-]*up\s+migration`, without regard to case.
fn node_pg_migrate(line: &str) -> Option<Mark> {
    let text = line.trim_start().trim_start_matches(|c: char| c == '-' || c.is_whitespace()).to_ascii_lowercase();
    let mut words = text.split_whitespace();
    let way = match words.next()? {
        "up" => Mark::Up,
        "down" => Mark::Down,
        _ => return None,
    };
    words.next()?.starts_with("migration").then_some(way)
}

/// A file cut at its marks.
#[derive(Debug, Default, PartialEq)]
struct Sections {
    up: Vec<Script>,
    down: Option<Vec<Script>>,
    no_transaction: bool,
    /// Text that no section holds.
    before: bool,
    /// A `StatementBegin` without its end.
    open: bool,
}

fn cut(framework: Framework, path: &str, text: &str) -> Sections {
    let (mut up, mut down) = (Cutter::new(path), Cutter::new(path));
    let mut sections = Sections::default();
    // A file of node-pg-migrate without marks is one way up.
    let unmarked = framework == Framework::NodePgMigrate && !text.lines().any(|line| mark(framework, line) == Some(Mark::Up));
    let mut at = if unmarked { Some(Mark::Up) } else { None };
    for (line, number) in text.lines().zip(1u32..) {
        let found = mark(framework, line);
        if let Some(way @ (Mark::Up | Mark::Down)) = found {
            at = Some(way);
            up.cut();
            down.cut();
            sections.no_transaction |= has_no_transaction(line);
        }
        let cutter = if at == Some(Mark::Down) { &mut down } else { &mut up };
        match found {
            Some(mark @ (Mark::Begin | Mark::End)) => {
                cutter.cut();
                cutter.whole = mark == Mark::Begin;
            }
            Some(Mark::NoTransaction) => sections.no_transaction = true,
            Some(_) => {}
            None if at.is_none() => sections.before |= !is_idle(line),
            None => cutter.line(number, line),
        }
        if at == Some(Mark::Down) {
            sections.down.get_or_insert_default();
        }
    }
    sections.open = up.whole || down.whole;
    sections.up = up.finish();
    sections.down = sections.down.map(|_| down.finish());
    sections
}

fn has_no_transaction(line: &str) -> bool {
    line.contains("transaction:false") || line.contains("notransaction")
}

fn is_idle(line: &str) -> bool {
    line.trim().is_empty() || line.trim_start().starts_with("--")
}

pub(super) fn read(reading: &mut Reading<'_>) {
    let framework = reading.history.framework;
    let root = reading.history.root.clone();
    let survey = reading.survey;
    let names = survey.names(&root).iter().filter(|name| is_numbered(name));
    for name in names.filter(|name| is_migration(framework, name)) {
        let (digits, rest) = leading_digits(name).unwrap_or_default();
        let loaded = reading.load_name(name);
        let stem = rest.rsplit_once('.').map_or(rest, |(stem, _)| stem).trim_start_matches(['_', '-']);
        let version = match framework {
            Framework::Goose => as_integer(digits),
            Framework::SqlMigrate => (*name).to_owned(),
            Framework::NodePgMigrate => name.rsplit_once('.').map_or(*name, |(stem, _)| stem).to_owned(),
            _ => digits.to_owned(),
        };
        let order = match framework {
            Framework::Dbmate => Order::text(digits),
            Framework::Goose => Order::numbers(digits),
            _ => Order::numbers(digits).then(Order::text(name)),
        };
        let migration = migration(reading, framework, &loaded, &version, stem);
        reading.add(order, migration);
    }
}

fn is_migration(framework: Framework, name: &str) -> bool {
    let program = match framework {
        Framework::Goose => name.ends_with(".go") && !name.ends_with("_test.go"),
        Framework::NodePgMigrate => matches!(Language::of(name), Some(Language::JavaScript | Language::TypeScript)),
        _ => false,
    };
    program || name.ends_with(".sql")
}

fn migration(reading: &mut Reading<'_>, framework: Framework, loaded: &Loaded, version: &str, name: &str) -> Migration {
    let mut migration = loaded.migration(version, name);
    if !loaded.path.ends_with(".sql") || loaded.text().is_empty() {
        return migration;
    }
    let sections = cut(framework, &loaded.path, loaded.text());
    if sections.before {
        reading.gap(&loaded.path, &format!("statements stand before the first mark: {} refuses the file", framework.title()));
    }
    if sections.open {
        reading.gap(&loaded.path, "a statement is begun and its end is not marked");
    }
    migration.transactional = !sections.no_transaction;
    migration.up = sections.up;
    migration.down = sections.down;
    migration
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scripts: &[Script]) -> Vec<(u32, &str, bool)> {
        scripts.iter().map(|script| (script.line, script.text().unwrap().trim_end(), script.whole)).collect()
    }

    #[test]
    fn cuts_goose_files() {
        let text = "-- +goose NO TRANSACTION\n-- +goose Up\nA;\n-- +goose StatementBegin\nB;\nC;\n-- +goose StatementEnd\nD;\n-- +goose Down\nE;\n";
        let sections = cut(Framework::Goose, "1.sql", text);
        assert_eq!(texts(&sections.up), [(3, "A;", false), (5, "B;\nC;", true), (8, "D;", false)]);
        assert_eq!(texts(&sections.down.unwrap()), [(10, "E;", false)]);
        assert!(sections.no_transaction && !sections.open && !sections.before);
    }

    #[test]
    fn cuts_several_pairs_of_dbmate() {
        let text = "-- migrate:up transaction:false\nA;\n-- migrate:down\nB;\n-- migrate:up\nC;\n--migrate:down\n";
        let sections = cut(Framework::Dbmate, "1.sql", text);
        assert_eq!(texts(&sections.up), [(2, "A;", false), (6, "C;", false)]);
        assert_eq!(texts(&sections.down.unwrap()), [(4, "B;", false)]);
        assert!(sections.no_transaction);
    }

    #[test]
    fn a_node_pg_migrate_file_without_marks_goes_up() {
        let sections = cut(Framework::NodePgMigrate, "1.sql", "A;\nB;\n");
        assert_eq!(texts(&sections.up), [(1, "A;\nB;", false)]);
        assert_eq!(sections.down, None);
    }

    #[test]
    fn names_what_is_out_of_place() {
        assert!(cut(Framework::Goose, "1.sql", "A;\n-- +goose Up\n-- +goose StatementBegin\nB;").open);
        assert!(cut(Framework::Dbmate, "1.sql", "A;\n-- migrate:up\nB;").before);
    }
}
