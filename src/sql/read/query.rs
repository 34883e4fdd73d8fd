//! Queries: what they give, read and call.

use crate::sql::cursor::Cursor;
use crate::sql::expression::Query;

/// The query that these tokens are.
pub fn query(cursor: Cursor) -> Query {
    let expression = super::expression::expr(cursor);
    Query { columns: expression.columns, text: expression.text, guessed: true, ..Query::default() }
}
