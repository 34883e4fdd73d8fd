//! Whether a changeset runs: databases, contexts and preconditions, with three answers.
//!
//! `liquibase.database.DatabaseList.definitionMatches`, `liquibase.ContextExpression`, `liquibase.precondition.core`.

use super::tree::Node;
use crate::sql::catalog::{Catalog, GuardKind, RelationKind};
use crate::sql::dialect::Dialect;
use crate::sql::name::{Ident, Name};

/// Whether a list of databases (`postgresql, !h2`) names this one.
pub(super) fn matches_database(list: Option<&str>, dialect: Dialect) -> bool {
    let Some(list) = list.map(str::trim).filter(|list| !list.is_empty()) else { return true };
    let words: Vec<String> =
        list.split(',').map(|word| word.trim().to_ascii_lowercase()).filter(|word| !word.is_empty()).collect();
    if words.iter().any(|word| word == "none") {
        return false;
    }
    let (not, only): (Vec<&String>, Vec<&String>) = words.iter().partition(|word| word.starts_with('!'));
    let left_out = not.iter().any(|word| is_database(&word[1..], dialect) == Some(true));
    let chosen = |word: &&String| *word == "all" || is_database(word, dialect) == Some(true);
    !left_out && (only.is_empty() || only.iter().any(chosen))
}

/// Whether a word names this database; none where it names none that is known.
fn is_database(word: &str, dialect: Dialect) -> Option<bool> {
    const OTHERS: [&str; 14] = [
        "h2",
        "hsqldb",
        "derby",
        "db2",
        "db2z",
        "sybase",
        "asany",
        "firebird",
        "informix",
        "ingres",
        "snowflake",
        "vertica",
        "edb",
        "hana",
    ];
    match word.parse::<Dialect>() {
        Ok(_) if word.starts_with("cockroach") => Some(false),
        Ok(named) => Some(named == dialect || named.is_mysql() && dialect.is_mysql()),
        Err(_) => OTHERS.contains(&word).then_some(false),
    }
}

/// Whether a context expression leaves this database out. A context that is called like a database is chosen with it; of others
/// nothing is known, and without any chosen all of them run.
pub(super) fn leaves_out(expression: &str, dialect: Dialect) -> bool {
    let spaced = expression.replace(',', " , ").replace('(', " ( ").replace(')', " ) ").replace('!', " ! ");
    let words: Vec<String> = spaced.split_whitespace().map(str::to_ascii_lowercase).collect();
    let mut at = 0;
    any(&words, &mut at, dialect, 0) == Some(false)
}

fn any(words: &[String], at: &mut usize, dialect: Dialect, depth: u32) -> Option<bool> {
    let mut found = all(words, at, dialect, depth);
    while matches!(words.get(*at).map(String::as_str), Some("or" | ",")) {
        *at += 1;
        found = or(found, all(words, at, dialect, depth));
    }
    found
}

fn all(words: &[String], at: &mut usize, dialect: Dialect, depth: u32) -> Option<bool> {
    let mut found = one(words, at, dialect, depth);
    while words.get(*at).map(String::as_str) == Some("and") {
        *at += 1;
        found = and(found, one(words, at, dialect, depth));
    }
    found
}

fn one(words: &[String], at: &mut usize, dialect: Dialect, depth: u32) -> Option<bool> {
    let word = words.get(*at)?;
    *at += 1;
    match word.as_str() {
        _ if depth > 32 => None,
        "!" | "not" => one(words, at, dialect, depth + 1).map(|found| !found),
        "(" => {
            let found = any(words, at, dialect, depth + 1);
            *at += usize::from(words.get(*at).map(String::as_str) == Some(")"));
            found
        }
        word => is_database(word, dialect),
    }
}

fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn or(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    and(a.map(|a| !a), b.map(|b| !b)).map(|found| !found)
}

/// What preconditions let a changeset do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runs {
    Always,
    Never,
    Perhaps,
}

/// Preconditions that only stop the whole run when they fail say nothing: where it goes on, they held.
pub(super) fn runs(set: &Node, catalog: &Catalog) -> Runs {
    let mut result = Runs::Always;
    for conditions in set.children.iter().filter(|child| child.name == "preConditions") {
        let passes_over = |name| matches!(conditions.value(name), Some("MARK_RAN" | "CONTINUE"));
        if !passes_over("onFail") && !passes_over("onError") {
            continue;
        }
        match conditions.children.iter().map(|child| holds(child, catalog, 0)).reduce(and).unwrap_or(Some(true)) {
            Some(true) => {}
            Some(false) => return Runs::Never,
            None => result = Runs::Perhaps,
        }
    }
    result
}

fn holds(node: &Node, catalog: &Catalog, depth: u32) -> Option<bool> {
    if depth > 32 {
        return None;
    }
    let inner = || node.children.iter().map(|child| holds(child, catalog, depth + 1));
    match node.name.as_str() {
        "and" => inner().fold(Some(true), and),
        "or" => inner().fold(Some(false), or),
        "not" => node.children.iter().map(|child| absent(child, catalog, depth + 1)).fold(Some(true), and),
        "dbms" => Some(matches_database(node.value("type"), catalog.dialect)),
        _ => exists(node, catalog).filter(|found| *found),
    }
}

/// The opposite of [`holds`]: what the changelog never made is not there.
fn absent(node: &Node, catalog: &Catalog, depth: u32) -> Option<bool> {
    exists(node, catalog).or_else(|| holds(node, catalog, depth)).map(|found| !found)
}

/// Whether an object is in the catalog; none for conditions about anything else.
fn exists(node: &Node, catalog: &Catalog) -> Option<bool> {
    let dialect = catalog.dialect;
    let relation = |name: &str| {
        let ident = super::folded(node.value(name)?, dialect);
        catalog.named(&Name::bare(Ident::stored(dialect, &ident))).cloned()
    };
    let table = || relation("tableName").or_else(|| relation("foreignKeyTableName"));
    let guard = |name: &str| {
        let wanted = super::folded(node.value(name)?, dialect);
        let found = |guards: &[crate::sql::catalog::Guard]| {
            guards.iter().any(|guard| guard.name.as_ref().is_some_and(|name| name.as_str().eq_ignore_ascii_case(&wanted)))
        };
        Some(match table() {
            Some(table) => found(&table.guards),
            None => catalog.relations.values().any(|relation| found(&relation.guards)),
        })
    };
    match node.name.as_str() {
        "tableExists" => Some(relation("tableName").is_some_and(|table| table.is_table())),
        "viewExists" => Some(relation("viewName").is_some_and(|view| view.is_view())),
        "sequenceExists" => Some(relation("sequenceName").is_some_and(|found| found.kind == RelationKind::Sequence)),
        "columnExists" => {
            let column = Ident::stored(dialect, &super::folded(node.value("columnName")?, dialect));
            Some(relation("tableName").is_some_and(|table| table.column(&column).is_some()))
        }
        "primaryKeyExists" => {
            let key = table().map(|table| table.guards.iter().any(|guard| guard.kind == GuardKind::Primary));
            key.or(Some(false)).filter(|_| node.value("tableName").is_some())
        }
        "indexExists" => node.value("indexName").and_then(|_| guard("indexName")),
        "foreignKeyConstraintExists" => node.value("foreignKeyName").and_then(|_| guard("foreignKeyName")),
        "uniqueConstraintExists" => node.value("constraintName").and_then(|_| guard("constraintName")),
        _ => None,
    }
}
