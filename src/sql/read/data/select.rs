//! A SELECT that stands for itself: what it calls, what its WITH clause writes, the table that INTO makes.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::expression::{Expr, Literal, Query, Shape};
use crate::sql::lexer::lex;
use crate::sql::name::Name;
use crate::sql::statement::{CreateTable, Op};

use super::super::expression::expr_at;
use super::super::query::{Parsed, parse};

pub fn select(cursor: Cursor, nesting: u32) -> Option<Vec<Op>> {
    let Parsed { mut query, into } = parse(cursor, nesting);
    let mut ops = std::mem::take(&mut query.modifies);
    if let Some(name) = into.filter(|_| makes_table(cursor.dialect)) {
        ops.push(Op::CreateTable(Box::new(create(name, query, cursor))));
        return Some(ops);
    }
    if cursor.dialect == Dialect::PostgreSql && query.functions.iter().any(is_setval) {
        ops.extend(set_sequences(cursor, nesting));
    }
    ops.push(Op::Select(Box::new(query)));
    Some(ops)
}

/// Elsewhere INTO takes variables.
fn makes_table(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::PostgreSql | Dialect::MsSql)
}

fn create(name: Name, query: Query, cursor: Cursor) -> CreateTable {
    let temporary = name.name.as_str().starts_with('#') || is_temporary(cursor);
    CreateTable { temporary, query: Some(query), ..CreateTable::new(name) }
}

fn is_temporary(mut cursor: Cursor) -> bool {
    cursor.take_until(|here| here.is(&["INTO"]));
    cursor.take_word("INTO") && cursor.is_one_of(&["TEMP", "TEMPORARY"])
}

fn is_setval(name: &Name) -> bool {
    name.name.key() == "setval"
}

/// Every call of setval, wherever it stands.
fn set_sequences(cursor: Cursor, nesting: u32) -> Vec<Op> {
    let (mut ops, mut here) = (Vec::new(), cursor);
    while !here.is_end() {
        if here.take_word("setval") {
            let arguments = here.take_parenthesised().map(Cursor::split_commas).unwrap_or_default();
            let arguments: Vec<Expr> = arguments.into_iter().take(3).map(|argument| expr_at(argument, nesting + 1)).collect();
            if let Some(sequence) = arguments.first() {
                let value = arguments.get(1).and_then(number);
                ops.push(Op::SetSequence { sequence: sequence_name(sequence, cursor.dialect), value });
            }
        } else {
            here.skip();
        }
    }
    ops
}

fn number(value: &Expr) -> Option<i64> {
    match &value.shape {
        Shape::Literal(Literal::Number(number)) => number.parse().ok(),
        Shape::Cast { inner, .. } => number(inner),
        _ => None,
    }
}

/// `'schema.sequence'`, with or without a cast to regclass.
fn sequence_name(value: &Expr, dialect: Dialect) -> Option<Name> {
    match &value.shape {
        Shape::Literal(Literal::Text(text)) => {
            let tokens = lex(text, dialect);
            Cursor::new(text, &tokens, dialect).take_name()
        }
        Shape::Cast { inner, .. } => sequence_name(inner, dialect),
        _ => None,
    }
}
