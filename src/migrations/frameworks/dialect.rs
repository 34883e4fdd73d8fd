//! Which dialect a history is written in, where nobody said.

use std::collections::BTreeMap;

use super::survey::{Survey, join};
use crate::migrations::history::{History, Language};
use crate::migrations::source::directory;
use crate::sql::dialect::{DIALECTS, Dialect};

/// Of dialects that all are there, the one that is read: the first in the order of help texts.
pub(super) fn preferred(found: impl Iterator<Item = Dialect>) -> Option<Dialect> {
    let found: Vec<Dialect> = found.collect();
    DIALECTS.into_iter().find(|dialect| found.contains(dialect))
}

/// Files in which projects say what their database is.
const CONFIGURATIONS: [&str; 22] = [
    "migration_lock.toml",
    "schema.prisma",
    "flyway.conf",
    "flyway.toml",
    "database.yml",
    "config/database.yml",
    "dbconfig.yml",
    "alembic.ini",
    "diesel.toml",
    "sqitch.conf",
    "atlas.hcl",
    "liquibase.properties",
    "knexfile.js",
    "knexfile.ts",
    "ormconfig.json",
    "drizzle.config.ts",
    "drizzle.config.js",
    "drizzle.config.json",
    "application.properties",
    "application.yml",
    "config/config.json",
    "refinery.toml",
];

/// Words that stand for a database in configurations: keys of `provider`, `dialect`, `adapter`, `client`, `engine`, and URLs.
const WORDS: [(&str, Dialect); 12] = [
    ("postgresql", Dialect::PostgreSql),
    ("postgres", Dialect::PostgreSql),
    ("psycopg2", Dialect::PostgreSql),
    ("asyncpg", Dialect::PostgreSql),
    ("mysql", Dialect::MySql),
    ("mysql2", Dialect::MySql),
    ("mariadb", Dialect::MariaDb),
    ("sqlite", Dialect::Sqlite),
    ("sqlite3", Dialect::Sqlite),
    ("better-sqlite3", Dialect::Sqlite),
    ("sqlserver", Dialect::MsSql),
    ("oracle", Dialect::Oracle),
];

/// By configuration, by the names of directories, by what the statements look like.
pub(super) fn detect(survey: &Survey<'_>, history: &History) -> Option<Dialect> {
    by_configuration(survey, &history.root).or_else(|| super::survey::dialect_of(&history.root)).or_else(|| by_marks(history))
}

fn by_configuration(survey: &Survey<'_>, root: &str) -> Option<Dialect> {
    let mut at = root;
    loop {
        if let Some(found) = CONFIGURATIONS.iter().find_map(|name| said_by(survey, &join(at, name))) {
            return Some(found);
        }
        if at.is_empty() {
            return None;
        }
        at = directory(at);
    }
}

/// The only dialect that a configuration names.
fn said_by(survey: &Survey<'_>, path: &str) -> Option<Dialect> {
    let text = survey.tree.contains(path).then(|| survey.tree.text(path).ok()).flatten()?.text.to_ascii_lowercase();
    let said = text.lines().filter(|line| !line.trim_start().starts_with(['#', ';']) && !line.trim_start().starts_with("//"));
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let words = said.flat_map(|line| line.split(move |c| !is_word(c)));
    let named: std::collections::BTreeSet<Dialect> =
        words.filter_map(|word| WORDS.iter().find(|(known, _)| *known == word).map(|(_, dialect)| *dialect)).collect();
    if named.len() == 1 { named.into_iter().next() } else { None }
}

/// How much text is looked at.
const LOOK: usize = 2 << 20;
/// How much of one script.
const LOOK_EACH: usize = 64 << 10;

fn by_marks(history: &History) -> Option<Dialect> {
    let mut votes: BTreeMap<Dialect, u32> = BTreeMap::new();
    let mut left = LOOK;
    let scripts = history.migrations.iter().flat_map(|migration| &migration.up);
    for script in scripts.filter(|script| script.language == Language::Sql) {
        let Some(text) = script.text() else { continue };
        let text = head(text, LOOK_EACH.min(left));
        left -= text.len();
        marks(text, &mut votes);
    }
    let most = *votes.values().max()?;
    let mut best = votes.iter().filter(|(_, count)| **count == most).map(|(dialect, _)| *dialect);
    let first = best.next()?;
    best.next().is_none().then_some(first)
}

fn head(text: &str, length: usize) -> &str {
    let end = (0..=length.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// Words that one database has, compared in lower case.
const MARKS: [(&str, Dialect); 45] = [
    ("serial", Dialect::PostgreSql),
    ("bigserial", Dialect::PostgreSql),
    ("smallserial", Dialect::PostgreSql),
    ("jsonb", Dialect::PostgreSql),
    ("timestamptz", Dialect::PostgreSql),
    ("bytea", Dialect::PostgreSql),
    ("plpgsql", Dialect::PostgreSql),
    ("concurrently", Dialect::PostgreSql),
    ("tsvector", Dialect::PostgreSql),
    ("citext", Dialect::PostgreSql),
    ("gen_random_uuid", Dialect::PostgreSql),
    ("uuid_generate_v4", Dialect::PostgreSql),
    ("ilike", Dialect::PostgreSql),
    ("nextval", Dialect::PostgreSql),
    ("search_path", Dialect::PostgreSql),
    ("inet", Dialect::PostgreSql),
    ("returning", Dialect::PostgreSql),
    ("extension", Dialect::PostgreSql),
    ("auto_increment", Dialect::MySql),
    ("engine", Dialect::MySql),
    ("innodb", Dialect::MySql),
    ("utf8mb4", Dialect::MySql),
    ("mediumtext", Dialect::MySql),
    ("longtext", Dialect::MySql),
    ("tinyint", Dialect::MySql),
    ("mediumint", Dialect::MySql),
    ("unsigned", Dialect::MySql),
    ("longblob", Dialect::MySql),
    ("foreign_key_checks", Dialect::MySql),
    ("delimiter", Dialect::MySql),
    ("modify", Dialect::MySql),
    ("autoincrement", Dialect::Sqlite),
    ("pragma", Dialect::Sqlite),
    ("sqlite_sequence", Dialect::Sqlite),
    ("rowid", Dialect::Sqlite),
    ("sqlite_master", Dialect::Sqlite),
    ("strftime", Dialect::Sqlite),
    ("nvarchar", Dialect::MsSql),
    ("uniqueidentifier", Dialect::MsSql),
    ("datetime2", Dialect::MsSql),
    ("nonclustered", Dialect::MsSql),
    ("go", Dialect::MsSql),
    ("varchar2", Dialect::Oracle),
    ("nvarchar2", Dialect::Oracle),
    ("sysdate", Dialect::Oracle),
];

/// Counts marks of each dialect outside comments and literals.
fn marks(text: &str, votes: &mut BTreeMap<Dialect, u32>) {
    let mut vote = |dialect: Dialect| *votes.entry(dialect).or_default() += 1;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        at += match rest {
            [b'-', b'-', ..] => until(rest, b"\n"),
            [b'/', b'*', ..] => until(rest, b"*/"),
            [b'\'', ..] => 1 + until(&rest[1..], b"'"),
            [b'"', ..] => 1 + until(&rest[1..], b"\""),
            [b'`', ..] => {
                vote(Dialect::MySql);
                1 + until(&rest[1..], b"`")
            }
            [b'$', b'$', ..] | [b':', b':', ..] => {
                vote(Dialect::PostgreSql);
                2
            }
            [first, ..] if first.is_ascii_alphabetic() || *first == b'_' => {
                let end = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
                let word = String::from_utf8_lossy(&rest[..end.min(32)]).to_ascii_lowercase();
                if let Some((_, dialect)) = MARKS.iter().find(|(mark, _)| *mark == word) {
                    vote(*dialect);
                }
                end
            }
            _ => 1,
        };
    }
}

fn until(bytes: &[u8], end: &[u8]) -> usize {
    bytes.windows(end.len()).position(|window| window == end).map_or(bytes.len(), |position| position + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_marks_outside_comments_and_literals() {
        let mut votes = BTreeMap::new();
        marks(
            "-- auto_increment\nCREATE TABLE t (id BIGSERIAL, b jsonb DEFAULT 'engine'); SELECT 1::int /* pragma */",
            &mut votes,
        );
        assert_eq!(votes, BTreeMap::from([(Dialect::PostgreSql, 3)]));
    }

    #[test]
    fn unclosed_literals_end_with_the_text() {
        let mut votes = BTreeMap::new();
        marks("'abc /* serial", &mut votes);
        marks("\"", &mut votes);
        assert!(votes.is_empty());
    }
}
