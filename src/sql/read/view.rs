//! Views and materialised views.

use crate::sql::cursor::Cursor;
use crate::sql::expression::Query;
use crate::sql::statement::{CreateView, Op};

use super::words::{cascade, ident_list};

/// Words between CREATE and VIEW.
#[derive(Default)]
pub struct Modifiers {
    pub or_replace: bool,
    pub temporary: bool,
    pub materialized: bool,
}

/// What stands behind `CREATE … VIEW`, and ALTER VIEW of MySQL.
pub fn create_view(cursor: &mut Cursor, modifiers: Modifiers) -> Option<Op> {
    let if_not_exists = cursor.take_if_not_exists();
    let name = cursor.take_name()?;
    let columns = ident_list(cursor).unwrap_or_default();
    while !cursor.is_end() && !cursor.take_word("AS") {
        if cursor.take_parenthesised().is_none() {
            cursor.skip();
        }
    }
    if cursor.is_end() {
        return None;
    }
    let check_option = has_check_option(cursor);
    let (query, with_no_data) = query_and_data(cursor);
    Some(Op::CreateView(Box::new(CreateView {
        name,
        or_replace: modifiers.or_replace,
        if_not_exists,
        materialized: modifiers.materialized,
        temporary: modifiers.temporary,
        columns,
        query,
        with_no_data,
        check_option,
    })))
}

fn has_check_option(cursor: &Cursor) -> bool {
    let mut here = *cursor;
    let left = here.remaining();
    here.take_count(left.saturating_sub(2));
    here.is(&["CHECK", "OPTION"])
}

/// The query that is left, and whether `WITH NO DATA` stands behind it.
pub fn query_and_data(cursor: &mut Cursor) -> (Query, bool) {
    let mut whole = cursor.take_count(cursor.remaining());
    let count = whole.remaining();
    let tail = tail_length(&whole);
    let mut end = whole;
    end.take_count(count - tail);
    let query = super::query::query(whole.take_count(count - tail));
    (query, end.is(&["WITH", "NO", "DATA"]))
}

/// Tokens of `WITH [NO] DATA`, `WITH [LOCAL|CASCADED] CHECK OPTION` and `WITH READ ONLY` at the end.
fn tail_length(cursor: &Cursor) -> usize {
    const TAILS: [&[&str]; 7] = [
        &["WITH", "NO", "DATA"],
        &["WITH", "DATA"],
        &["WITH", "CHECK", "OPTION"],
        &["WITH", "LOCAL", "CHECK", "OPTION"],
        &["WITH", "CASCADED", "CHECK", "OPTION"],
        &["WITH", "READ", "ONLY"],
        &["WITH", "NO", "SCHEMA", "BINDING"],
    ];
    let count = cursor.remaining();
    TAILS
        .iter()
        .map(|tail| tail.len())
        .zip(TAILS)
        .find_map(|(length, tail)| {
            let mut end = *cursor;
            end.take_count(count.checked_sub(length)?);
            end.is(tail).then_some(length)
        })
        .unwrap_or(0)
}

/// What stands behind `DROP [MATERIALIZED] VIEW`.
pub fn drop_view(cursor: &mut Cursor, materialized: bool) -> Option<Op> {
    let if_exists = cursor.take_if_exists();
    let views = cursor.take_names();
    let cascade = cascade(cursor);
    (!views.is_empty()).then_some(Op::DropView { views, materialized, if_exists, cascade })
}

/// What stands behind `REFRESH MATERIALIZED VIEW`.
pub fn refresh(cursor: &mut Cursor) -> Option<Op> {
    cursor.take_word("CONCURRENTLY");
    let view = cursor.take_name()?;
    Some(Op::RefreshView { view, with_no_data: cursor.take(&["WITH", "NO", "DATA"]) })
}
