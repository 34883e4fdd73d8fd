//! One statement to what it does: a reader of each dialect's own DDL by keywords, data statements and queries behind it.

mod alter;
mod alter_column;
mod alter_other;
pub mod body;
pub mod column;
pub mod constraint;
mod create;
pub mod data;
pub mod data_type;
mod drop;
pub mod expression;
mod index;
mod opaque;
pub mod query;
mod table;
mod view;
mod words;

use super::cursor::Cursor;
use super::dialect::Dialect;
use super::lexer::lex;
use super::split::{RawStatement, split};
use super::statement::{ObjectKind, Op, Statement};

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
    definition(cursor).or_else(|| data::data(cursor))
}

/// Everything but data statements; none where it is not known or something is left behind it.
fn definition(cursor: Cursor) -> Option<Vec<Op>> {
    let mut here = cursor;
    let first = here.take_one_of(&["CREATE", "ALTER", "DROP", "TRUNCATE"])?;
    let ops = match first {
        "CREATE" => create::create(&mut here),
        "ALTER" => alter(&mut here),
        "DROP" => drop::drop(&mut here),
        _ => drop::truncate(&mut here),
    }?;
    here.is_end().then_some(ops)
}

fn alter(cursor: &mut Cursor) -> Option<Vec<Op>> {
    if cursor.take_word("TABLE") || cursor.take(&["FOREIGN", "TABLE"]) {
        return alter::alter_table(cursor, ObjectKind::Table);
    }
    if cursor.take(&["MATERIALIZED", "VIEW"]) || cursor.take_word("VIEW") {
        return alter::alter_table(cursor, ObjectKind::View);
    }
    if cursor.take_word("INDEX") {
        return index::alter_index(cursor).map(|op| vec![op]);
    }
    None
}

#[cfg(test)]
mod tests;
