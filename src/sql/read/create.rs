//! CREATE: which reader is meant.

use crate::sql::cursor::Cursor;
use crate::sql::statement::Op;

use super::{index, table, view};

/// What stands behind CREATE.
pub fn create(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let or_replace = cursor.take(&["OR", "REPLACE"]) || cursor.take(&["OR", "ALTER"]);
    let mut temporary = false;
    let (mut materialized, mut recursive, mut unique, mut fulltext) = (false, false, false, false);
    while let Some(word) = cursor.take_one_of(&MODIFIERS) {
        temporary |= matches!(word, "TEMP" | "TEMPORARY");
        materialized |= word == "MATERIALIZED";
        recursive |= word == "RECURSIVE";
        unique |= word == "UNIQUE";
        fulltext |= word == "FULLTEXT";
    }
    if cursor.take_word("TABLE") {
        return table::create_table(cursor, table::Modifiers { or_replace, temporary }).map(|op| vec![op]);
    }
    if cursor.take_word("VIEW") {
        let modifiers = view::Modifiers { or_replace, temporary, materialized, recursive };
        return view::create_view(cursor, modifiers).map(|op| vec![op]);
    }
    if cursor.take_word("INDEX") {
        return index::create_index(cursor, unique, fulltext).map(|op| vec![op]);
    }
    None
}

const MODIFIERS: [&str; 16] = [
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
    "CLUSTERED",
    "NONCLUSTERED",
    "BITMAP",
    "PRIVATE",
    "FORCE",
];
