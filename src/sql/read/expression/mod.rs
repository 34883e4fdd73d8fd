//! Expressions: what they refer to, and the shapes whose effect can be told.

pub mod names;
mod scan;
mod shape;
mod words;

#[cfg(test)]
mod tests;

use crate::sql::cursor::Cursor;
use crate::sql::expression::{Expr, Shape};
use crate::sql::lexer::{TokenKind, decode_name};

pub use scan::scan;
pub use words::{Infix, infix, is_reserved};

/// Expressions and queries in one another that are read; what is deeper is only searched for its names.
pub const MAX_NESTING: u32 = 16;

/// The expression that these tokens are.
pub fn expr(cursor: Cursor) -> Expr {
    expr_at(cursor, 0)
}

/// [`expr`] inside `nesting` others.
pub fn expr_at(cursor: Cursor, nesting: u32) -> Expr {
    read(cursor, nesting, 0)
}

/// An expression inside the shape of another. The names of the whole are known, so its subqueries are not read again: that
/// would double the work at every level.
fn part(cursor: Cursor, level: u32) -> Expr {
    read(cursor, MAX_NESTING, level)
}

fn read(cursor: Cursor, nesting: u32, level: u32) -> Expr {
    let mut names = names::Names::default();
    scan(cursor, nesting, &mut names);
    let shape = if level < MAX_NESTING { shape::shape(cursor, level) } else { Shape::Other };
    Expr {
        shape,
        columns: names.columns.into_vec(),
        functions: names.functions.into_vec(),
        tables: names.tables.into_vec(),
        text: text(cursor),
    }
}

/// A text beyond this length is its beginning and a digest of the rest, which is all that comparing takes.
const LONGEST_TEXT: usize = 256 << 10;

/// Tokens joined by one space, names folded, `!=` as `<>`: the same for two spellings of one text.
pub fn text(cursor: Cursor) -> String {
    let mut out = String::with_capacity(cursor.source_text().len().min(LONGEST_TEXT));
    for (at, token) in cursor.tokens().iter().enumerate() {
        if !out.is_empty() {
            out.push(' ');
        }
        let written = token.text(cursor.source);
        if out.len() + written.len() > LONGEST_TEXT {
            out.push_str(&digest(cursor, at));
            return out;
        }
        match token.kind {
            TokenKind::Word => out.push_str(&cursor.dialect.fold(written, false)),
            TokenKind::Quoted => out.push_str(&cursor.dialect.fold(&decode_name(written), true)),
            TokenKind::Symbol if written == "!=" => out.push_str("<>"),
            _ => out.push_str(written),
        }
    }
    out
}

/// Stands for the tokens from `start` on (FNV-1a of what is written).
fn digest(cursor: Cursor, start: usize) -> String {
    let rest = cursor.tokens().iter().skip(start);
    let bytes = rest.flat_map(|token| token.text(cursor.source).bytes().chain([b' ']));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    format!("#{hash:016x}")
}
