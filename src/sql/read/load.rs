//! Rows from files, and other databases' files.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::statement::Op;

/// What stands behind COPY, LOAD, IMPORT, ATTACH, DETACH and PURGE.
pub fn load(cursor: &mut Cursor, verb: &str) -> Option<Vec<Op>> {
    match verb {
        "COPY" => copy(cursor),
        "LOAD" => load_data(cursor),
        "IMPORT" if cursor.is(&["FOREIGN", "SCHEMA"]) => harmless(cursor),
        "ATTACH" | "DETACH" if cursor.dialect == Dialect::Sqlite => harmless(cursor),
        "PURGE" if cursor.dialect == Dialect::Oracle => harmless(cursor),
        _ => None,
    }
}

fn harmless(cursor: &mut Cursor) -> Option<Vec<Op>> {
    cursor.take_count(cursor.remaining());
    Some(vec![Op::Harmless])
}

fn copy(cursor: &mut Cursor) -> Option<Vec<Op>> {
    if cursor.take_parenthesised().is_some() {
        return cursor.is_word_at(0, "TO").then(|| harmless(cursor)).flatten();
    }
    cursor.take_word("BINARY");
    let table = cursor.take_name()?;
    cursor.take_parenthesised();
    match cursor.take_one_of(&["FROM", "TO"])? {
        "TO" => harmless(cursor),
        _ => {
            cursor.take_count(cursor.remaining());
            Some(vec![Op::Load { table }])
        }
    }
}

fn load_data(cursor: &mut Cursor) -> Option<Vec<Op>> {
    cursor.take_until(|here| here.is(&["INTO", "TABLE"]));
    if !cursor.take(&["INTO", "TABLE"]) {
        return None;
    }
    let table = cursor.take_name()?;
    cursor.take_count(cursor.remaining());
    Some(vec![Op::Load { table }])
}
