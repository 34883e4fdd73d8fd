//! The list behind SET.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::expression::ColumnRef;
use crate::sql::lexer::TokenKind;
use crate::sql::statement::Assignment;

use super::super::expression::expr_at;

/// `a = 1, t.b = x, (c, d) = (1, 2)`.
pub fn assignments(cursor: Cursor, nesting: u32) -> Vec<Assignment> {
    cursor.split_commas().into_iter().flat_map(|part| assignment(part, nesting)).collect()
}

fn assignment(part: Cursor, nesting: u32) -> Vec<Assignment> {
    match part.is_symbol("(") {
        true => row(part, nesting).unwrap_or_default(),
        false => single(part, nesting).into_iter().collect(),
    }
}

fn single(part: Cursor, nesting: u32) -> Option<Assignment> {
    let mut here = part;
    // SQL Server's `@old = column = value`.
    if here.kind_at(0) == Some(TokenKind::Parameter) && here.text_at(1) == "=" && here.text_at(3) == "=" {
        here.take_count(2);
    }
    let (mut column, mut qualifier) = (here.take_ident_or_text()?, None);
    let mut is_part = here.is_symbol("[");
    while here.take_symbol(".") {
        let next = here.take_ident_or_text()?;
        // PostgreSQL takes no table here: what follows is a field of the column.
        match here.dialect {
            Dialect::PostgreSql => is_part = true,
            _ => qualifier = Some(std::mem::replace(&mut column, next)),
        }
    }
    let whole = is_part || !(here.is_symbol("=") || here.is_symbol(":="));
    if whole && !part.tokens().iter().any(|token| matches!(token.text(part.source), "=" | ":=" | "+=")) {
        return None;
    }
    here.skip();
    // A part of a column, or `a += 1`: the old value is read too.
    let mut value = expr_at(if whole { part } else { here.rest() }, nesting);
    let old = ColumnRef { qualifier: None, column: column.clone() };
    if whole && !value.columns.contains(&old) {
        value.columns.insert(0, old);
    }
    Some(Assignment { qualifier, column, value })
}

/// `(a, b) = (1, 2)`, `(a, b) = ROW (1, 2)`, `(a, b) = (SELECT …)`.
fn row(mut part: Cursor, nesting: u32) -> Option<Vec<Assignment>> {
    let columns = part.take_parenthesised()?.split_commas();
    part.take_symbol("=").then_some(())?;
    let whole = part.rest();
    part.take_word("ROW");
    let values = part
        .take_parenthesised()
        .filter(|inner| part.is_end() && !inner.is_one_of(&["SELECT", "WITH", "VALUES"]))
        .map(Cursor::split_commas)
        .filter(|values| values.len() == columns.len());
    let one = |(position, mut column): (usize, Cursor)| {
        let value = values.as_ref().and_then(|values| values.get(position)).copied().unwrap_or(whole);
        let mut name = column.take_ident()?;
        let mut qualifier = None;
        if column.take_symbol(".") {
            qualifier = Some(std::mem::replace(&mut name, column.take_ident()?));
        }
        Some(Assignment { qualifier, column: name, value: expr_at(value, nesting) })
    };
    Some(columns.into_iter().enumerate().filter_map(one).collect())
}
