//! The list of a SELECT: stars, values, and the names they get.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::expression::{Expr, Output, Shape};
use crate::sql::lexer::TokenKind;
use crate::sql::name::Ident;

use super::super::expression::names::Names;
use super::super::expression::{Infix, expr_at, infix, is_reserved};

/// Functions of many rows: with them a SELECT has one row for many.
const AGGREGATES: [&str; 26] = [
    "COUNT",
    "SUM",
    "MIN",
    "MAX",
    "AVG",
    "ARRAY_AGG",
    "STRING_AGG",
    "GROUP_CONCAT",
    "JSON_AGG",
    "JSONB_AGG",
    "JSON_OBJECT_AGG",
    "JSONB_OBJECT_AGG",
    "JSON_ARRAYAGG",
    "JSON_OBJECTAGG",
    "BOOL_AND",
    "BOOL_OR",
    "EVERY",
    "BIT_AND",
    "BIT_OR",
    "STDDEV",
    "VARIANCE",
    "TOTAL",
    "LISTAGG",
    "COUNT_BIG",
    "XMLAGG",
    "ANY_VALUE",
];

pub fn outputs(list: Cursor, nesting: u32, names: &mut Names) -> Vec<Output> {
    list.split_commas().into_iter().map(|item| output(item, nesting, names)).collect()
}

fn output(item: Cursor, nesting: u32, names: &mut Names) -> Output {
    if let Some(qualifier) = star(item) {
        return Output::Star { qualifier };
    }
    let (alias, value) = split_alias(item);
    let value = expr_at(value, nesting);
    names.columns.extend(value.columns.iter().cloned());
    names.functions.extend(value.functions.iter().cloned());
    names.tables.extend(value.tables.iter().cloned());
    Output::Column { name: alias.or_else(|| own_name(&value, item.dialect)), value }
}

/// `*`, `alias.*`, `schema.table.*`.
fn star(mut item: Cursor) -> Option<Option<Ident>> {
    let mut qualifier = None;
    loop {
        // SQL Server, BigQuery and others allow more behind it; it stays a star.
        if item.take_symbol("*") {
            return item.is_end().then_some(qualifier);
        }
        qualifier = Some(item.take_ident()?);
        if !item.take_symbol(".") {
            return None;
        }
    }
}

/// `value AS alias`, `value alias`, SQL Server's `alias = value`.
fn split_alias<'a>(mut item: Cursor<'a>) -> (Option<Ident>, Cursor<'a>) {
    let length = item.remaining();
    if item.dialect == Dialect::MsSql && item.text_at(1) == "=" {
        let mut here = item;
        if let Some(alias) = here.take_ident() {
            here.skip();
            return (Some(alias), here.rest());
        }
    }
    let ends_in_name = length > 1 && is_alias(&item, length - 1);
    let has_as = length > 2 && item.is_word_at(length - 2, "AS");
    let value = match () {
        () if has_as => item.take_count(length - 2),
        () if ends_in_name && ends_value(&item, length - 2) => item.take_count(length - 1),
        () => return (None, item),
    };
    item.take_word("AS");
    (item.take_ident_or_text(), value)
}

fn is_alias(item: &Cursor, at: usize) -> bool {
    let text = item.text_at(at);
    match item.kind_at(at) {
        Some(TokenKind::Quoted) => true,
        Some(TokenKind::Text) => item.dialect != Dialect::PostgreSql && item.dialect != Dialect::Oracle,
        Some(TokenKind::Word) => infix(text) == Infix::Other && !is_reserved(text) && !text.eq_ignore_ascii_case("END"),
        _ => false,
    }
}

/// Whether the value is complete with this token, so that a name behind it can only be its alias.
fn ends_value(item: &Cursor, at: usize) -> bool {
    const OPEN: [&str; 8] = ["ZONE", "COLLATE", "INTERVAL", "BINARY", "AS", "NOT", "DISTINCT", "OVER"];
    let text = item.text_at(at);
    let is_literal = item.kind_at(at) == Some(TokenKind::Text) && item.kind_at(at + 1) == Some(TokenKind::Text);
    match item.kind_at(at) {
        Some(TokenKind::Symbol) => matches!(text, ")" | "]"),
        Some(TokenKind::Word) => {
            infix(text) == Infix::Other
                && !OPEN.iter().any(|word| text.eq_ignore_ascii_case(word))
                && !(is_operator_word(text))
                && item.kind_at(at + 1) != Some(TokenKind::Text)
                || (at > 0 && item.text_at(at - 1) == ".")
        }
        Some(_) => {
            let is_unit = at > 0 && item.is_word_at(at - 1, "INTERVAL");
            !is_literal && !is_unit
        }
        None => false,
    }
}

fn is_operator_word(text: &str) -> bool {
    const VALUES: [&str; 4] = ["NULL", "TRUE", "FALSE", "DEFAULT"];
    is_reserved(text) && !VALUES.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// The name of a column without an alias. PostgreSQL names calls after their function and casts after what they cast
/// (FigureColname in its `parse_target.c`); the others make names of the text.
fn own_name(value: &Expr, dialect: Dialect) -> Option<Ident> {
    match &value.shape {
        Shape::Column(column) => Some(column.column.clone()),
        Shape::Call { function, .. } if dialect == Dialect::PostgreSql => Some(function.name.clone()),
        Shape::Cast { inner, to } if dialect == Dialect::PostgreSql => {
            own_name(inner, dialect).or_else(|| Some(to.name.name.clone()))
        }
        _ => None,
    }
}

/// Whether a function of many rows, or a window, is called outside subqueries.
pub fn is_aggregate(list: Cursor) -> bool {
    let mut here = list;
    while !here.is_end() {
        if here.is_symbol("(") && (here.is_word_at(1, "SELECT") || here.is_word_at(1, "WITH")) {
            here.take_parenthesised();
            continue;
        }
        let is_call = here.kind_at(0) == Some(TokenKind::Word) && here.text_at(1) == "(";
        if is_call && AGGREGATES.iter().chain(&["OVER"]).any(|name| here.is_word_at(0, name)) {
            return true;
        }
        here.skip();
    }
    false
}
