//! DROP and TRUNCATE: which reader is meant.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::statement::Op;

use super::harmless::is_harmless_object;
use super::words::cascade;
use super::{index, routine, security, sequence, trigger, type_def, view};

/// What stands behind DROP.
pub fn drop(cursor: &mut Cursor) -> Option<Vec<Op>> {
    if is_harmless_object(cursor) {
        let rest = cursor.take_count(cursor.remaining());
        let cascades = rest.tokens().iter().any(|token| token.text(rest.source).eq_ignore_ascii_case("cascade"));
        // What else goes with it cannot be told.
        return (!cascades).then(|| vec![Op::Harmless]);
    }
    let temporary = cursor.take_one_of(&["TEMPORARY", "TEMP"]).is_some();
    if cursor.take_one_of(&["TABLE", "TABLES"]).is_some() || cursor.take(&["FOREIGN", "TABLE"]) {
        return drop_table(cursor, temporary);
    }
    if cursor.take(&["MATERIALIZED", "VIEW"]) {
        return view::drop_view(cursor, true).map(|op| vec![op]);
    }
    let word = cursor.take_one_of(&[
        "INDEX",
        "VIEW",
        "SEQUENCE",
        "TYPE",
        "DOMAIN",
        "FUNCTION",
        "PROCEDURE",
        "PROC",
        "ROUTINE",
        "AGGREGATE",
        "TRIGGER",
        "RULE",
        "POLICY",
        "EVENT",
        "EXTENSION",
        "SCHEMA",
        "DATABASE",
        "OWNED",
        "ROLE",
        "USER",
        "GROUP",
        "PREPARE",
        "PACKAGE",
    ])?;
    named(cursor, word)
}

fn named(cursor: &mut Cursor, word: &str) -> Option<Vec<Op>> {
    match word {
        "INDEX" => index::drop_index(cursor),
        "VIEW" => view::drop_view(cursor, false).map(|op| vec![op]),
        "SEQUENCE" => sequence::drop(cursor),
        "TYPE" => type_def::drop_type(cursor, false),
        "DOMAIN" => type_def::drop_type(cursor, true),
        "FUNCTION" | "PROCEDURE" | "PROC" | "ROUTINE" | "AGGREGATE" | "PACKAGE" => routine::drop(cursor),
        "TRIGGER" => trigger::drop(cursor),
        "RULE" => trigger::drop_rule(cursor),
        "POLICY" => security::policy(cursor, "DROP"),
        "EVENT" => {
            cursor.take_if_exists();
            Some(vec![Op::DropEvent { name: cursor.take_name()? }])
        }
        "EXTENSION" => security::drop_extension(cursor),
        "SCHEMA" => security::drop_schema(cursor),
        "DATABASE" => security::drop_database(cursor),
        "OWNED" => {
            cursor.take_count(cursor.remaining());
            Some(vec![Op::DropOwned])
        }
        "PREPARE" => {
            cursor.skip();
            Some(vec![Op::Harmless])
        }
        _ => security::drop_role(cursor),
    }
}

fn drop_table(cursor: &mut Cursor, temporary: bool) -> Option<Vec<Op>> {
    let if_exists = cursor.take_if_exists();
    let tables = cursor.take_names();
    let cascade = cascade(cursor);
    if cursor.dialect == Dialect::Oracle {
        cursor.take_word("CONSTRAINTS");
        cursor.take_word("PURGE");
    }
    if cursor.dialect == Dialect::MariaDb {
        cursor.take_word("NOWAIT");
        if cursor.take_word("WAIT") {
            cursor.take_number();
        }
    }
    (!tables.is_empty()).then(|| vec![Op::DropTable { tables, if_exists, cascade, temporary }])
}

/// What stands behind TRUNCATE.
pub fn truncate(cursor: &mut Cursor) -> Option<Vec<Op>> {
    cursor.take_word("TABLE");
    let mut tables = Vec::new();
    loop {
        cursor.take_word("ONLY");
        tables.push(cursor.take_name()?);
        cursor.take_symbol("*");
        if !cursor.take_symbol(",") {
            break;
        }
    }
    let restart_identity =
        cursor.take(&["RESTART", "IDENTITY"]) || !matches!(cursor.dialect, Dialect::PostgreSql | Dialect::Oracle);
    cursor.take(&["CONTINUE", "IDENTITY"]);
    let cascade = cascade(cursor);
    if cursor.dialect == Dialect::Oracle && cursor.take_one_of(&["DROP", "REUSE", "PURGE", "PRESERVE"]).is_some() {
        cursor.take_count(cursor.remaining());
    }
    Some(vec![Op::Truncate { tables, cascade, restart_identity }])
}
