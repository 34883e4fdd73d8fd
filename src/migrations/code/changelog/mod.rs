//! Liquibase's changelogs in XML, YAML and JSON: changesets in the order of their inclusion.
//!
//! `liquibase.changelog.DatabaseChangeLog`, `ChangeSet` and `ChangeLogParameters` of liquibase-standard.

mod changes;
mod guards;
pub(super) mod tree;
mod types;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use self::guards::Runs;
use self::tree::Node;
use super::change::{Change, Item, inverse};
use super::lower::lower;
use super::{ChangeSet, CodeMigration, DownKind, Files, Header};
use crate::migrations::frameworks;
use crate::sql::catalog::Replay;
use crate::sql::dialect::Dialect;

/// Changelogs that include each other are followed this far.
const MAX_INCLUDES: usize = 64;
/// Most files of one changelog.
const MAX_FILES: usize = 20_000;

/// The changesets of a changelog with all that it includes, in their order.
pub(super) fn read(path: &str, files: &dyn Files, dialect: Dialect) -> Vec<ChangeSet> {
    let Some(text) = files.text(path) else { return Vec::new() };
    let mut reader = Reader {
        files,
        all: files.list(""),
        dialect,
        replay: Replay::new(dialect),
        properties: BTreeMap::new(),
        seen: BTreeSet::new(),
        forward: BTreeMap::new(),
        out: Vec::new(),
    };
    reader.seen.insert(path.to_owned());
    reader.file(path, &text, 0);
    reader.out
}

struct Reader<'f> {
    files: &'f dyn Files,
    /// Paths of all files, for names that count from another root.
    all: Vec<String>,
    dialect: Dialect,
    /// What the changesets so far built, for preconditions.
    replay: Replay,
    properties: BTreeMap<String, String>,
    seen: BTreeSet<String>,
    /// Changes of earlier changesets by id and author, for rollbacks that name one.
    forward: BTreeMap<(String, String), Vec<Item>>,
    out: Vec<ChangeSet>,
}

/// A name as the database stores it when it is written without quotes: Liquibase quotes names of mixed case in PostgreSQL only.
fn folded(name: &str, dialect: Dialect) -> String {
    let (upper, lower) = (name.to_uppercase(), name.to_lowercase());
    match dialect {
        Dialect::PostgreSql if name == upper => lower,
        Dialect::Oracle => upper,
        _ => name.to_owned(),
    }
}

impl Reader<'_> {
    fn file(&mut self, path: &str, text: &str, depth: usize) {
        let extension = path.rsplit('.').next().unwrap_or("").to_ascii_lowercase();
        let parsed = match extension.as_str() {
            "xml" => tree::xml(text),
            "yaml" | "yml" | "json" => tree::yaml(text),
            "sql" => return self.sql(path, text),
            _ => Err((1, "its notation is not known".to_owned())),
        };
        match parsed {
            Ok(root) => {
                let log = root.child("databaseChangeLog").unwrap_or(&root).clone();
                self.changelog(path, log, depth);
            }
            Err((line, why)) => self.unread(path, line, "databaseChangeLog", &format!("the changelog is not read: {why}")),
        }
    }

    fn sql(&mut self, path: &str, text: &str) {
        for set in frameworks::formatted_sql(path, text, self.dialect) {
            if !set.other_database {
                self.replay.apply(&set.migration.up);
            }
            self.out.push(set);
        }
    }

    fn changelog(&mut self, path: &str, log: Node, depth: usize) {
        let logical = log.value("logicalFilePath").map_or_else(|| path.to_owned(), str::to_owned);
        let before = self.properties.clone();
        let mut local = BTreeSet::new();
        for mut child in log.children {
            let properties = &self.properties;
            child.map(&|text| expanded(text, properties));
            match child.name.as_str() {
                "property" => self.property(path, &child, &mut local),
                "changeSet" => self.set(path, &logical, &child),
                "include" => self.include(path, &child, depth),
                "includeAll" => self.include_all(path, &child, depth),
                _ => {}
            }
        }
        for name in local {
            match before.get(&name) {
                Some(value) => drop(self.properties.insert(name, value.clone())),
                None => drop(self.properties.remove(&name)),
            }
        }
    }

    /// The first definition that fits the database holds.
    fn property(&mut self, path: &str, node: &Node, local: &mut BTreeSet<String>) {
        let left_out =
            node.value("context").or(node.value("contextFilter")).is_some_and(|text| guards::leaves_out(text, self.dialect));
        if !guards::matches_database(node.value("dbms"), self.dialect) || left_out {
            return;
        }
        let mut found = Vec::new();
        if let (Some(name), Some(value)) = (node.value("name"), node.value("value")) {
            found.push((name.trim().to_owned(), value.to_owned()));
        }
        if let Some(text) =
            node.value("file").and_then(|file| self.find(path, file, node)).and_then(|file| self.files.text(&file))
        {
            let lines = text.lines().filter(|line| !line.trim_start().starts_with(['#', '!']));
            let pairs = lines.filter_map(|line| line.split_once(['=', ':']));
            found.extend(pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())));
        }
        for (name, value) in found {
            if node.flag("global") == Some(false) {
                local.insert(name.clone());
            }
            self.properties.entry(name).or_insert(value);
        }
    }

    fn include(&mut self, path: &str, node: &Node, depth: usize) {
        if self.skips(node) {
            return;
        }
        let Some(file) = node.value("file") else { return };
        match self.find(path, file, node) {
            Some(found) => self.enter(&found, depth),
            None if node.flag("errorIfMissing") == Some(false) => {}
            None => self.unread(path, node.line, &format!("include {file}"), "the changelog that it includes is not there"),
        }
    }

    fn include_all(&mut self, path: &str, node: &Node, depth: usize) {
        if self.skips(node) {
            return;
        }
        let Some(wanted) = node.value("path") else { return };
        let mut found = self.below(path, wanted, node);
        found.sort();
        if found.is_empty() && node.flag("errorIfMissingOrEmpty") != Some(false) {
            self.unread(path, node.line, &format!("includeAll {wanted}"), "the directory that it includes is not there");
        }
        for file in found {
            self.enter(&file, depth);
        }
    }

    fn skips(&self, node: &Node) -> bool {
        let context = node.value("context").or(node.value("contextFilter"));
        node.flag("ignore") == Some(true) || context.is_some_and(|text| guards::leaves_out(text, self.dialect))
    }

    fn enter(&mut self, file: &str, depth: usize) {
        if depth >= MAX_INCLUDES || self.seen.len() >= MAX_FILES || !self.seen.insert(file.to_owned()) {
            return;
        }
        match self.files.text(file) {
            Some(text) => self.file(file, &text, depth + 1),
            None => self.unread(file, 1, "databaseChangeLog", "the changelog cannot be read as text"),
        }
    }

    /// A file by its name in an attribute. Names count from a search path that is not known here, so that the file whose path ends
    /// like the name and has most in common with the path of the changelog is meant.
    fn find(&self, from: &str, wanted: &str, node: &Node) -> Option<String> {
        let wanted = wanted.trim().trim_start_matches("classpath*:").trim_start_matches("classpath:");
        let beside = normal(&format!("{}/{wanted}", crate::migrations::source::directory(from)));
        let relative = node.flag("relativeToChangelogFile") == Some(true);
        let plain = normal(wanted);
        let there = |path: &String| self.all.iter().any(|file| file == path);
        if relative {
            return Some(beside).filter(there);
        }
        if there(&plain) {
            return Some(plain);
        }
        let mut tail = plain.as_str();
        loop {
            let ends = |file: &&String| file.strip_suffix(tail).is_some_and(|head| head.is_empty() || head.ends_with('/'));
            if let Some(found) = self.all.iter().filter(ends).max_by_key(|file| common(file, from)) {
                return Some(found.clone());
            }
            tail = tail.split_once('/').filter(|(_, rest)| rest.contains('/') || !tail.contains('/')).map(|(_, rest)| rest)?;
        }
    }

    /// Changelogs below a directory.
    fn below(&self, from: &str, wanted: &str, node: &Node) -> Vec<String> {
        let wanted = wanted.trim().trim_start_matches("classpath*:").trim_start_matches("classpath:");
        let beside = normal(&format!("{}/{wanted}", crate::migrations::source::directory(from)));
        let plain = normal(wanted);
        let relative = node.flag("relativeToChangelogFile") == Some(true);
        let directory = if relative { beside } else { plain };
        let deep = node.value("maxDepth").and_then(|depth| depth.trim().parse::<usize>().ok()).unwrap_or(usize::MAX);
        let ending = node.value("endsWithFilter").unwrap_or("").to_owned();
        let inside = |file: &&String| {
            let rest = match file.split_once(&format!("{directory}/")) {
                Some((head, rest)) if head.is_empty() || !relative && head.ends_with('/') => rest,
                _ => return false,
            };
            let known = [".xml", ".yaml", ".yml", ".json", ".sql"].iter().any(|end| file.to_ascii_lowercase().ends_with(end));
            known && file.ends_with(&ending) && rest.matches('/').count() < deep && file.as_str() != from
        };
        self.all.iter().filter(inside).cloned().collect()
    }

    fn set(&mut self, path: &str, logical: &str, node: &Node) {
        if node.flag("ignore") == Some(true) {
            return;
        }
        let context = ["contextFilter", "context", "labels"].iter().find_map(|name| node.value(name)).map(str::to_owned);
        let contexts = node.value("contextFilter").or(node.value("context"));
        let other = !guards::matches_database(node.value("dbms"), self.dialect)
            || contexts.is_some_and(|text| guards::leaves_out(text, self.dialect));
        let migration = if other { nothing() } else { self.migration(path, node) };
        if !other {
            self.replay.apply(&migration.up);
        }
        self.out.push(ChangeSet {
            id: node.value("id").unwrap_or("").trim().to_owned(),
            author: node.value("author").unwrap_or("").trim().to_owned(),
            file: node.value("logicalFilePath").unwrap_or(logical).to_owned(),
            line: node.line,
            repeatable: node.flag("runOnChange") == Some(true) || node.flag("runAlways") == Some(true),
            context,
            other_database: other,
            migration,
        });
    }

    fn migration(&mut self, path: &str, node: &Node) -> CodeMigration {
        let runs = guards::runs(node, &self.replay.catalog);
        let items = if runs == Runs::Never { Vec::new() } else { self.items(path, node) };
        let key = (node.value("id").unwrap_or("").to_owned(), node.value("author").unwrap_or("").to_owned());
        let (down, down_kind) = self.down(path, node, &items);
        self.forward.insert(key, items.clone());
        let wrapped = |items: Vec<Item>| match runs == Runs::Perhaps && !items.is_empty() {
            true => vec![Item::new(node.line, Change::Conditional(items))],
            false => items,
        };
        CodeMigration {
            up: lower(&wrapped(items), self.dialect),
            down: down.map(|items| lower(&wrapped(items), self.dialect)),
            down_kind,
            header: Header::default(),
            transactional: node.flag("runInTransaction"),
        }
    }

    /// The changes of a changeset or a rollback; in YAML they stand in a list of their own.
    fn items(&self, path: &str, node: &Node) -> Vec<Item> {
        const ABOUT: [&str; 6] = ["validCheckSum", "comment", "preConditions", "rollback", "property", "changes"];
        let list = node.children.iter().flat_map(|child| match child.name.as_str() {
            "changes" => child.children.iter().collect::<Vec<_>>(),
            _ => vec![child],
        });
        let changes = list.filter(|child| !ABOUT.contains(&child.name.as_str()));
        let scope = changes::Scope {
            dialect: self.dialect,
            text: &|name, node| self.find(path, name, node).and_then(|file| self.files.text(&file)),
        };
        changes.flat_map(|change| scope.change(change)).collect()
    }

    fn down(&self, path: &str, node: &Node, items: &[Item]) -> (Option<Vec<Item>>, DownKind) {
        let written: Vec<&Node> = node.children.iter().filter(|child| child.name == "rollback").collect();
        let short = node.values.iter().find(|(name, _)| name == "rollback");
        if written.is_empty() && short.is_none() {
            return match inverse(items) {
                Ok(items) => (Some(items), DownKind::Inverse),
                Err(why) => (None, DownKind::Irreversible(why)),
            };
        }
        let mut out: Vec<Item> = short.into_iter().filter_map(|(_, text)| sql(node.line, text)).collect();
        for rollback in written {
            if let Some(id) = rollback.value("changeSetId") {
                let author = rollback.value("changeSetAuthor").unwrap_or("");
                match self.forward.get(&(id.to_owned(), author.to_owned())) {
                    Some(items) => out.extend(items.iter().cloned()),
                    None => out.push(Item::new(rollback.line, opaque("rollback", "the changeset that it names was not seen"))),
                }
            } else {
                out.extend(self.items(path, rollback));
                out.extend(sql(rollback.text_line, &rollback.text));
            }
        }
        let kind = if out.is_empty() { DownKind::Empty } else { DownKind::Written };
        (Some(out), kind)
    }

    /// A place for what is not read, so that it is seen where it would have run.
    fn unread(&mut self, path: &str, line: u32, head: &str, why: &str) {
        let up = lower(&[Item::new(line, opaque(head, why))], self.dialect);
        let migration = CodeMigration { up, down: None, down_kind: DownKind::Missing, ..nothing() };
        self.out.push(ChangeSet {
            id: head.to_owned(),
            author: String::new(),
            file: path.to_owned(),
            line,
            repeatable: false,
            context: None,
            other_database: false,
            migration,
        });
    }
}

fn opaque(head: &str, why: &str) -> Change {
    Change::Opaque { head: head.to_owned(), why: why.to_owned() }
}

/// Text that is executed; white space is nothing.
fn sql(line: u32, text: &str) -> Option<Item> {
    (!text.trim().is_empty()).then(|| Item::new(line, Change::Sql(text.to_owned())))
}

fn nothing() -> CodeMigration {
    CodeMigration { up: Vec::new(), down: None, down_kind: DownKind::Empty, header: Header::default(), transactional: None }
}

/// `${name}` of known properties; others stay as they are. None where nothing changes.
fn expanded(text: &str, properties: &BTreeMap<String, String>) -> Option<String> {
    let mut text = text.to_owned();
    let mut changed = false;
    // Values may name properties in turn; a circle ends.
    for _ in 0..8 {
        let Some(next) = expanded_once(&text, properties) else { break };
        text = next;
        changed = true;
    }
    changed.then_some(text)
}

fn expanded_once(text: &str, properties: &BTreeMap<String, String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    let mut changed = false;
    while let Some(start) = rest.find("${") {
        let end = rest[start..].find('}').map(|end| start + end)?;
        out += &rest[..start];
        match properties.get(rest[start + 2..end].trim()) {
            Some(value) if text.len() + value.len() < 1_000_000 => {
                out += value;
                changed = true;
            }
            _ => out += &rest[start..=end],
        }
        rest = &rest[end + 1..];
    }
    out += rest;
    changed.then_some(out)
}

/// A path without `.` and `..`.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn common(a: &str, b: &str) -> usize {
    a.split('/').zip(b.split('/')).take_while(|(a, b)| a == b).count()
}
