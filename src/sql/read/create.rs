//! CREATE: which reader is meant.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::statement::Op;

use super::harmless::{is_harmless_object, is_harmless_to_create};
use super::{index, routine, security, sequence, table, trigger, type_def, view};

/// Words between CREATE and what is created.
#[derive(Clone, Copy, Default)]
struct Prefix {
    or_replace: bool,
    temporary: bool,
    materialized: bool,
    unique: bool,
    fulltext: bool,
}

const MODIFIERS: [&str; 25] = [
    "TEMP",
    "TEMPORARY",
    "GLOBAL",
    "LOCAL",
    "UNLOGGED",
    "FOREIGN",
    "MATERIALIZED",
    "RECURSIVE",
    "UNIQUE",
    "FULLTEXT",
    "SPATIAL",
    "VECTOR",
    "CLUSTERED",
    "NONCLUSTERED",
    "COLUMNSTORE",
    "BITMAP",
    "PRIVATE",
    "FORCE",
    "NOFORCE",
    "EDITIONABLE",
    "NONEDITIONABLE",
    "CONSTRAINT",
    "AGGREGATE",
    "ONLINE",
    "OFFLINE",
];

/// What stands behind CREATE.
pub fn create(cursor: &mut Cursor) -> Option<Vec<Op>> {
    if is_harmless_object(cursor) || is_harmless_to_create(cursor) {
        cursor.take_count(cursor.remaining());
        return Some(vec![Op::Harmless]);
    }
    let prefix = prefix(cursor);
    if let Some(op) = relation(cursor, prefix) {
        return op.map(|op| vec![op]);
    }
    let or_replace = prefix.or_replace;
    let word = cursor.take_one_of(&[
        "SEQUENCE",
        "TYPE",
        "DOMAIN",
        "EXTENSION",
        "SCHEMA",
        "FUNCTION",
        "PROCEDURE",
        "PROC",
        "TRIGGER",
        "RULE",
        "POLICY",
        "EVENT",
    ])?;
    match word {
        "SEQUENCE" => sequence::create(cursor),
        "TYPE" if cursor.dialect == Dialect::PostgreSql => type_def::create_type(cursor),
        "DOMAIN" => type_def::create_domain(cursor),
        "EXTENSION" => security::create_extension(cursor),
        "SCHEMA" => security::create_schema(cursor),
        "FUNCTION" => routine::create(cursor, or_replace, false),
        "PROCEDURE" | "PROC" => routine::create(cursor, or_replace, true),
        "TRIGGER" => trigger::create(cursor, or_replace),
        "RULE" => trigger::create_rule(cursor),
        "POLICY" => security::policy(cursor, "CREATE"),
        "EVENT" => routine::event(cursor),
        _ => None,
    }
}

fn prefix(cursor: &mut Cursor) -> Prefix {
    let or_replace = cursor.take(&["OR", "REPLACE"]) || cursor.take(&["OR", "ALTER"]);
    let mut prefix = Prefix { or_replace, ..Prefix::default() };
    loop {
        match cursor.take_one_of(&MODIFIERS) {
            Some("TEMP" | "TEMPORARY") => prefix.temporary = true,
            Some("MATERIALIZED") => prefix.materialized = true,
            Some("UNIQUE") => prefix.unique = true,
            Some("FULLTEXT") => prefix.fulltext = true,
            Some(_) => {}
            None if cursor.dialect.is_mysql() && mysql_prefix(cursor) => {}
            None => return prefix,
        }
    }
}

/// `DEFINER = a@b`, `ALGORITHM = MERGE`, `SQL SECURITY INVOKER`.
fn mysql_prefix(cursor: &mut Cursor) -> bool {
    if cursor.take(&["SQL", "SECURITY"]) {
        return cursor.skip().is_some();
    }
    if cursor.take_one_of(&["DEFINER", "ALGORITHM"]).is_none() {
        return false;
    }
    const CREATED: [&str; 7] = ["VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "SQL", "AGGREGATE"];
    while !cursor.is_end() && !cursor.is_one_of(&CREATED) && !cursor.is_word_at(0, "DEFINER") {
        cursor.skip();
    }
    true
}

/// A table, view or index; None where something else is created, Some(None) where it is not understood.
fn relation(cursor: &mut Cursor, prefix: Prefix) -> Option<Option<Op>> {
    let Prefix { or_replace, temporary, materialized, unique, fulltext } = prefix;
    match cursor.take_one_of(&["TABLE", "VIRTUAL", "VIEW", "INDEX"])? {
        "TABLE" => Some(table::create_table(cursor, table::Modifiers { or_replace, temporary })),
        "VIRTUAL" => Some(table::create_virtual(cursor)),
        "VIEW" => Some(view::create_view(cursor, view::Modifiers { or_replace, temporary, materialized })),
        _ => Some(index::create_index(cursor, unique, fulltext)),
    }
}
