//! DROP: which reader is meant.

use crate::sql::cursor::Cursor;
use crate::sql::statement::Op;

use super::words::cascade;
use super::{index, view};

/// What stands behind DROP.
pub fn drop(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let temporary = cursor.take_one_of(&["TEMPORARY", "TEMP"]).is_some();
    if cursor.take_word("TABLE") || cursor.take(&["FOREIGN", "TABLE"]) {
        let if_exists = cursor.take_if_exists();
        let tables = cursor.take_names();
        let cascade = cascade(cursor);
        return (!tables.is_empty()).then(|| vec![Op::DropTable { tables, if_exists, cascade, temporary }]);
    }
    if cursor.take_word("INDEX") {
        return index::drop_index(cursor).map(|op| vec![op]);
    }
    if cursor.take(&["MATERIALIZED", "VIEW"]) {
        return view::drop_view(cursor, true).map(|op| vec![op]);
    }
    if cursor.take_word("VIEW") {
        return view::drop_view(cursor, false).map(|op| vec![op]);
    }
    None
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
    let restart_identity = cursor.take(&["RESTART", "IDENTITY"]);
    cursor.take(&["CONTINUE", "IDENTITY"]);
    let cascade = cascade(cursor);
    Some(vec![Op::Truncate { tables, cascade, restart_identity }])
}
