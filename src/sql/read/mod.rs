//! One statement to what it does: a reader of each dialect's own DDL by keywords, data statements and queries behind it.

pub mod body;
pub mod data;
pub mod expression;
mod opaque;
pub mod query;

use super::cursor::Cursor;
use super::dialect::Dialect;
use super::lexer::lex;
use super::split::{RawStatement, split};
use super::statement::{Op, Statement};

/// What one statement does; what is not understood is [`Op::Opaque`].
pub fn read(raw: &RawStatement, dialect: Dialect) -> Statement {
    read_at(raw, dialect, 0)
}

/// [`read`] for a statement inside `depth` bodies.
pub fn read_at(raw: &RawStatement, dialect: Dialect, depth: u32) -> Statement {
    let tokens = lex(&raw.text, dialect);
    let cursor = Cursor::new(&raw.text, &tokens, dialect).at_depth(depth);
    let ops = operations(cursor).unwrap_or_else(|| vec![opaque::opaque(cursor, "this statement is not known")]);
    Statement { number: raw.number, line: raw.line, ops, templated: raw.templated }
}

/// The statements of a script, read.
pub fn read_script(text: &str, dialect: Dialect) -> Vec<Statement> {
    split(text, dialect).iter().map(|raw| read(raw, dialect)).collect()
}

fn operations(cursor: Cursor) -> Option<Vec<Op>> {
    data::data(cursor)
}
