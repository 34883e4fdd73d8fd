//! Data statements: INSERT, UPDATE, DELETE, MERGE, REPLACE, CALL, WITH and SELECT.

use crate::sql::cursor::Cursor;
use crate::sql::statement::Op;

/// What these tokens do; none where they are no data statement.
pub fn data(cursor: Cursor) -> Option<Vec<Op>> {
    let _ = cursor;
    None
}
