//! Liquibase: changelogs that include each other, and SQL files with changesets in comments.
//!
//! Formatted SQL: `liquibase-standard/…/parser/core/formattedsql/FormattedSqlChangeLogParser.java` and `AbstractFormattedChangeLogParser.java`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::reading::{Cutter, Reading, checksum};
use super::survey::{Candidate, Strength, Survey};
use crate::migrations::code::{self, ChangeSet, CodeMigration, DownKind, Files, Header};
use crate::migrations::framework::Framework;
use crate::migrations::history::{Body, Kind, Language, Migration, Script};
use crate::migrations::order::Order;
use crate::migrations::source::{Tree, directory, file_name};
use crate::sql::dialect::Dialect;
use crate::sql::read::{read_script, shift_lines};
use crate::sql::statement::Statement;

/// How much of a file is looked at to see whether it is a changelog.
const HEAD: usize = 4096;

pub(super) fn find(survey: &Survey<'_>) -> Vec<Candidate> {
    let mut roots: BTreeMap<&str, usize> = BTreeMap::new();
    for (folder, names) in survey.directories() {
        let found = names.iter().filter(|name| may_be(folder, name)).filter(|name| is_changelog(survey, folder, name)).count();
        if found > 0 {
            match super::survey::ancestors(folder).find(|root| roots.contains_key(root)) {
                Some(root) => *roots.entry(root).or_default() += found,
                None => drop(roots.insert(folder, found)),
            }
        }
    }
    let candidates = roots.into_iter();
    candidates.map(|(root, count)| Candidate::new(Framework::Liquibase, Strength::Marker, root, count)).collect()
}

/// Whether a look into the file is worth it: names hold a hint, or the file is SQL.
fn may_be(folder: &str, name: &str) -> bool {
    let hinted = |text: &str| text.contains("changelog") || text.contains("liquibase") || text.contains("changeset");
    let lower = name.to_ascii_lowercase();
    match Language::of(name) {
        Some(Language::Xml | Language::Yaml | Language::Json) => hinted(&lower) || hinted(folder),
        Some(Language::Sql) => true,
        _ => false,
    }
}

fn is_changelog(survey: &Survey<'_>, folder: &str, name: &str) -> bool {
    let Ok(text) = survey.tree.text(&super::survey::join(folder, name)) else { return false };
    match Language::of(name) {
        Some(Language::Sql) => is_formatted(&text.text),
        _ => text.text.char_indices().nth(HEAD).map_or(&*text.text, |(end, _)| &text.text[..end]).contains("databaseChangeLog"),
    }
}

/// The first line of a formatted file says so.
fn is_formatted(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("");
    first.strip_prefix("--").is_some_and(|rest| rest.trim().to_ascii_lowercase().starts_with("liquibase formatted sql"))
}

pub(super) fn read(reading: &mut Reading<'_>) {
    let root = reading.history.root.clone();
    let survey = reading.survey;
    let paths: Vec<String> = survey.under(&root).filter(|path| may_be(directory(path), file_name(path))).collect();
    let logs: Vec<String> = paths.into_iter().filter(|path| is_changelog(survey, directory(path), file_name(path))).collect();
    let dialect = reading.options.dialect.or_else(|| super::dialect::detect(survey, &reading.history));
    reading.history.dialect = dialect;
    let structured: Vec<&String> = logs.iter().filter(|path| Language::of(path) != Some(Language::Sql)).collect();
    match master(&structured) {
        Some(master) => changelogs(reading, &[master], dialect),
        None if structured.is_empty() => logs.iter().for_each(|path| formatted(reading, path, dialect)),
        None => changelogs(reading, &structured, dialect),
    }
}

/// The changelog that includes the others.
fn master<'a>(logs: &[&'a String]) -> Option<&'a String> {
    let named = |word: &str| {
        let mut found: Vec<&&String> = logs.iter().filter(|path| file_name(path).contains(word)).collect();
        found.sort_by_key(|path| (path.matches('/').count(), path.as_str()));
        found.first().map(|path| **path)
    };
    match logs {
        [only] => Some(only),
        _ => named("master").or_else(|| named("root")).or_else(|| named("changelog.")),
    }
}

/// The files of a tree, for changelogs that include others.
struct TreeFiles<'a>(&'a Tree);

impl Files for TreeFiles<'_> {
    fn text(&self, path: &str) -> Option<String> {
        self.0.text(path).ok().map(|text| text.text.to_string())
    }

    fn list(&self, directory: &str) -> Vec<String> {
        self.0.under(directory.trim_end_matches('/')).map(str::to_owned).collect()
    }
}

fn changelogs(reading: &mut Reading<'_>, paths: &[&String], dialect: Option<Dialect>) {
    let tree = reading.survey.tree;
    let dialect = dialect.unwrap_or(Dialect::PostgreSql);
    let sets = paths.iter().flat_map(|path| code::changelog(path, &TreeFiles(tree), dialect));
    let sets: Vec<ChangeSet> = sets.filter(|set| !set.other_database).collect();
    for (set, position) in sets.into_iter().zip(0..) {
        let migration = of_set(set);
        reading.add(Order::position(position), migration);
    }
}

fn of_set(set: ChangeSet) -> Migration {
    let script = |statements: Vec<crate::sql::statement::Statement>| Script {
        body: Body::Statements(Arc::from(statements)),
        line: set.line,
        ..Script::sql(&set.file, set.line, "")
    };
    Migration {
        version: format!("{}::{}::{}", set.file, set.id, set.author),
        name: set.id.clone(),
        path: set.file.clone(),
        kind: if set.repeatable { Kind::Repeatable } else { Kind::Versioned },
        transactional: set.migration.transactional.unwrap_or(true),
        checksum: checksum(&format!("{:?}", set.migration.up.iter().map(|statement| &statement.ops).collect::<Vec<_>>())),
        up: vec![script(set.migration.up)],
        down: set.migration.down.map(|down| vec![script(down)]),
        ..Migration::default()
    }
}

/// One changeset of a formatted file.
#[derive(Debug, Default, PartialEq)]
struct Set {
    author: String,
    id: String,
    attributes: String,
    line: u32,
    up: Vec<Script>,
    down: Option<Vec<Script>>,
}

impl Set {
    /// `name:value`, the value quoted perhaps.
    fn attribute(&self, name: &str) -> Option<&str> {
        let at = self.attributes.match_indices(name).find(|(at, _)| {
            let starts = *at == 0 || self.attributes.as_bytes()[at - 1].is_ascii_whitespace();
            starts && self.attributes[at + name.len()..].starts_with(':')
        })?;
        let value = &self.attributes[at.0 + name.len() + 1..];
        match value.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next(),
            None => value.split_whitespace().next(),
        }
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.attribute(name).is_some_and(|found| found.eq_ignore_ascii_case(value))
    }

    /// Whether `dbms` leaves this dialect out.
    fn skips(&self, dialect: Option<Dialect>) -> bool {
        let (Some(listed), Some(dialect)) = (self.attribute("dbms"), dialect) else { return false };
        let names =
            |name: &str| name.parse::<Dialect>().is_ok_and(|named| named == dialect || (named.is_mysql() && dialect.is_mysql()));
        let (not, only): (Vec<&str>, Vec<&str>) = listed.split(',').map(str::trim).partition(|name| name.starts_with('!'));
        let left_out = not.iter().any(|name| names(&name[1..]));
        left_out || (!only.is_empty() && !only.iter().any(|name| names(name) || *name == "all"))
    }
}

/// The text of a comment line that begins with a word of Liquibase.
fn comment<'l>(line: &'l str, word: &str) -> Option<&'l str> {
    let text = line.trim_start().strip_prefix("--")?.trim_start();
    let head = text.get(..word.len())?;
    let rest = &text[word.len()..];
    let ends = rest.is_empty() || rest.starts_with(|c: char| c.is_whitespace() || c == ':');
    (head.eq_ignore_ascii_case(word) && ends).then_some(rest)
}

fn sets(path: &str, text: &str) -> Vec<Set> {
    let mut sets: Vec<Set> = Vec::new();
    let mut up = Cutter::new(path);
    let mut down: Option<Cutter<'_>> = None;
    let mut in_rollback = false;
    let close = |sets: &mut Vec<Set>, up: &mut Cutter<'_>, down: &mut Option<Cutter<'_>>| {
        let scripts = std::mem::replace(up, Cutter::new("")).finish();
        if let Some(set) = sets.last_mut() {
            set.up = scripts;
            set.down = down.take().map(Cutter::finish);
        }
    };
    for (line, number) in text.lines().zip(1u32..) {
        let lower = line.trim().to_ascii_lowercase();
        if let Some(rest) = comment(line, "changeset") {
            close(&mut sets, &mut up, &mut down);
            up = Cutter::new(path);
            sets.push(head(rest, number));
        } else if let Some(rest) = comment(line, "rollback") {
            let down = down.get_or_insert_with(|| Cutter::new(path));
            if !matches!(rest.trim().to_ascii_lowercase().as_str(), "empty" | "not required") {
                down.line(number, rest);
            }
        } else if lower.starts_with("/*") && lower[2..].trim_start().starts_with("liquibase rollback") {
            in_rollback = true;
            down.get_or_insert_with(|| Cutter::new(path));
        } else if in_rollback {
            in_rollback = !lower.ends_with("*/");
            let text = line.trim_end().strip_suffix("*/").unwrap_or(line);
            down.get_or_insert_with(|| Cutter::new(path)).line(number, text);
        } else if !sets.is_empty() {
            up.line(number, line);
        }
    }
    close(&mut sets, &mut up, &mut down);
    sets
}

/// `author:id attributes`; either may be quoted.
fn head(text: &str, line: u32) -> Set {
    let text = text.trim_start_matches(':').trim();
    let (author, rest) = text.split_once(':').unwrap_or(("", text));
    let (id, attributes) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
        None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
    };
    let plain = |text: &str| text.trim().trim_matches('"').to_owned();
    Set { author: plain(author), id: plain(id), attributes: attributes.trim().to_owned(), line, ..Set::default() }
}

/// The changesets of a SQL file that a changelog includes; a file that is not formatted is one of them
/// (`liquibase.parser.core.sql.SqlChangeLogParser`).
pub(in crate::migrations) fn formatted_sql(path: &str, text: &str, dialect: Dialect) -> Vec<ChangeSet> {
    let plain = || {
        let mut whole = Cutter::new(path);
        text.lines().zip(1u32..).for_each(|(line, number)| whole.line(number, line));
        vec![Set { author: "includeAll".into(), id: "raw".into(), line: 1, up: whole.finish(), ..Set::default() }]
    };
    let sets = if is_formatted(text) { sets(path, text) } else { plain() };
    sets.into_iter().map(|set| included(path, set, dialect)).collect()
}

fn included(path: &str, set: Set, dialect: Dialect) -> ChangeSet {
    let read = |scripts: &[Script]| -> Vec<Statement> {
        let of = |script: &Script| {
            let mut statements = script.text().map(|text| read_script(text, dialect)).unwrap_or_default();
            shift_lines(&mut statements, script.line.saturating_sub(1));
            statements
        };
        scripts.iter().flat_map(of).collect()
    };
    let other_database = set.skips(Some(dialect));
    let down = set.down.as_deref().map(read);
    let down_kind = match &down {
        None => DownKind::Missing,
        Some(down) if down.is_empty() => DownKind::Empty,
        Some(_) => DownKind::Written,
    };
    let up = if other_database { Vec::new() } else { read(&set.up) };
    let transactional = set.attribute("runInTransaction").map(|value| value.eq_ignore_ascii_case("true"));
    ChangeSet {
        repeatable: set.is("runOnChange", "true") || set.is("runAlways", "true"),
        context: set.attribute("contextFilter").or(set.attribute("context")).map(str::to_owned),
        id: set.id,
        author: set.author,
        file: path.to_owned(),
        line: set.line,
        other_database,
        migration: CodeMigration { up, down, down_kind, header: Header::default(), transactional },
    }
}

fn formatted(reading: &mut Reading<'_>, path: &str, dialect: Option<Dialect>) {
    let loaded = reading.load(path);
    for set in sets(path, loaded.text()).into_iter().filter(|set| !set.skips(dialect)) {
        let repeats = set.is("runOnChange", "true") || set.is("runAlways", "true");
        let text: String = set.up.iter().filter_map(Script::text).collect();
        let migration = Migration {
            kind: if repeats { Kind::Repeatable } else { Kind::Versioned },
            transactional: !set.is("runInTransaction", "false"),
            checksum: checksum(&text),
            up: set.up,
            down: set.down,
            ..loaded.migration(&format!("{path}::{}::{}", set.id, set.author), &set.id)
        };
        // Repeatable changesets keep their place among the others.
        reading.add(Order::natural(path).then(Order::position(set.line as usize)), migration);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_changesets_in_comments() {
        let text = "--liquibase formatted sql\n\n--changeset ann:1 dbms:postgresql runInTransaction:false\nA;\nB;\n--rollback C;\n--rollback D;\n\
                    -- changeset bob:\"two words\" runOnChange:true\nE;\n/* liquibase rollback\nF;\n*/\n--changeset ann:3\nG;\n--rollback empty\n";
        let sets = sets("x.sql", text);
        let seen: Vec<_> = sets.iter().map(|set| (set.author.as_str(), set.id.as_str(), set.line)).collect();
        assert_eq!(seen, [("ann", "1", 3), ("bob", "two words", 8), ("ann", "3", 13)]);
        let down = |set: &Set| set.down.as_ref().map(|down| down.iter().filter_map(Script::text).collect::<String>());
        assert_eq!(sets[0].up[0].text(), Some("A;\nB;\n"));
        assert_eq!(down(&sets[0]).as_deref(), Some(" C;\n D;\n"));
        assert_eq!(down(&sets[1]).as_deref(), Some("F;\n\n"));
        assert_eq!(down(&sets[2]).as_deref(), Some(""));
        assert!(sets[0].is("runInTransaction", "false") && sets[1].is("runOnChange", "true"));
        assert!(sets[0].skips(Some(Dialect::MySql)) && !sets[0].skips(Some(Dialect::PostgreSql)) && !sets[0].skips(None));
    }
}
