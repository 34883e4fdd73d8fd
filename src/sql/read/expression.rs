//! Expressions: what they refer to.

use crate::sql::cursor::Cursor;
use crate::sql::expression::{ColumnRef, Expr, Literal, Shape};
use crate::sql::lexer::TokenKind;

/// The expression that these tokens are.
pub fn expr(cursor: Cursor) -> Expr {
    let mut words = Vec::new();
    let mut columns: Vec<ColumnRef> = Vec::new();
    let mut here = cursor;
    while !here.is_end() {
        words.push(here.text_at(0).to_lowercase());
        match here.take_ident() {
            Some(column) => {
                let column = ColumnRef { qualifier: None, column };
                if !columns.contains(&column) {
                    columns.push(column);
                }
            }
            None => {
                here.skip();
            }
        }
    }
    let shape = shape(cursor, &columns);
    Expr { shape, columns, functions: Vec::new(), tables: Vec::new(), text: words.join(" ") }
}

fn shape(mut cursor: Cursor, columns: &[ColumnRef]) -> Shape {
    if cursor.remaining() != 1 {
        return Shape::Other;
    }
    match cursor.kind_at(0) {
        _ if cursor.is(&["NULL"]) => Shape::Null,
        _ if cursor.is(&["DEFAULT"]) => Shape::Default,
        Some(TokenKind::Text) => Shape::Literal(Literal::Text(cursor.take_text().unwrap_or_default())),
        Some(TokenKind::Number) => Shape::Literal(Literal::Number(cursor.text_at(0).to_owned())),
        _ => columns.first().map_or(Shape::Other, |column| Shape::Column(column.clone())),
    }
}
