//! Indexes.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::statement::{CreateIndex, Op};

use super::words::{cascade, index_parts};

/// What stands behind `CREATE [UNIQUE] … INDEX`.
pub fn create_index(cursor: &mut Cursor, unique: bool, fulltext: bool) -> Option<Op> {
    let concurrently = cursor.take_word("CONCURRENTLY");
    let if_not_exists = cursor.take_if_not_exists();
    let name = if cursor.is_word_at(0, "ON") { None } else { Some(cursor.take_name()?.name) };
    using(cursor);
    if !cursor.take_word("ON") {
        return None;
    }
    cursor.take_word("ONLY");
    let table = cursor.take_name()?;
    using(cursor);
    let parts = index_parts(cursor)?;
    let mut index = CreateIndex {
        name,
        table,
        unique,
        parts,
        condition: None,
        if_not_exists,
        nulls_not_distinct: false,
        concurrently,
        fulltext,
    };
    options(cursor, &mut index);
    Some(Op::CreateIndex(Box::new(index)))
}

fn using(cursor: &mut Cursor) {
    if cursor.is_word_at(0, "USING") {
        cursor.take_count(2);
    }
}

fn options(cursor: &mut Cursor, index: &mut CreateIndex) {
    while !cursor.is_end() {
        if cursor.take(&["NULLS", "NOT", "DISTINCT"]) {
            index.nulls_not_distinct = true;
        } else if cursor.take_word("WHERE") {
            let rest = cursor.take_count(cursor.remaining());
            index.condition = Some(super::expression::expr(rest));
        } else {
            if cursor.take_parenthesised().is_none() {
                cursor.skip();
            }
        }
    }
}

/// What stands behind `DROP INDEX`.
pub fn drop_index(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let concurrently = cursor.take_word("CONCURRENTLY");
    let if_exists = cursor.take_if_exists();
    let indexes = cursor.take_names();
    let table = if cursor.take_word("ON") { Some(cursor.take_name()?) } else { None };
    let cascade = cascade(cursor);
    if cursor.dialect != Dialect::PostgreSql {
        // ALGORITHM, LOCK, ONLINE, WITH (…).
        cursor.take_count(cursor.remaining());
    }
    (!indexes.is_empty()).then(|| vec![Op::DropIndex { indexes, table, concurrently, if_exists, cascade }])
}

/// What stands behind `ALTER INDEX`; all but RENAME and SET SCHEMA changes how it is stored.
pub fn alter_index(cursor: &mut Cursor) -> Option<Op> {
    if cursor.take(&["ALL", "IN", "TABLESPACE"]) {
        cursor.take_count(cursor.remaining());
        return Some(Op::Harmless);
    }
    let if_exists = cursor.take_if_exists();
    let from = cursor.take_name()?;
    if cursor.take(&["RENAME", "TO"]) {
        return Some(Op::RenameIndex { from, to: cursor.take_ident()?, table: None, if_exists });
    }
    let known = cursor.is_one_of(&STORAGE);
    cursor.take_count(cursor.remaining());
    known.then_some(Op::Harmless)
}

/// Actions that change how an index is kept.
const STORAGE: [&str; 14] = [
    "SET",
    "RESET",
    "ATTACH",
    "ALTER",
    "DEPENDS",
    "NO",
    "REBUILD",
    "DISABLE",
    "REORGANIZE",
    "ON",
    "VISIBLE",
    "INVISIBLE",
    "COALESCE",
    "MONITORING",
];
