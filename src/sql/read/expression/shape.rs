//! The shapes of expressions whose effect can be told: values, columns, casts and calls.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::expression::{ColumnRef, Expr, Literal, Shape};
use crate::sql::lexer::TokenKind;
use crate::sql::name::{Ident, Name};

use super::super::data_type::data_type;
use super::scan::skip_type;
use super::words::{Prefix, among, prefix};
use super::{MAX_NESTING, is_reserved, part};

/// Longer expressions have no shape, so that a hostile one is not read over and over.
const MAX_TOKENS: usize = 4096;

/// What this expression is; `Other` unless all of its tokens fit.
pub fn shape(cursor: Cursor, level: u32) -> Shape {
    if cursor.remaining() > MAX_TOKENS {
        return Shape::Other;
    }
    let cursor = without_parentheses(cursor);
    let mut here = cursor;
    let Some(mut shape) = primary(&mut here, level) else { return Shape::Other };
    let mut casts = 0;
    loop {
        let inner = before(cursor, here);
        if here.is_end() {
            return shape;
        }
        if !here.take_symbol("::") {
            return Shape::Other;
        }
        let Some(to) = take_cast_type(&mut here) else { return Shape::Other };
        casts += 1;
        if casts > MAX_NESTING {
            return Shape::Other;
        }
        shape = Shape::Cast { inner: Box::new(Expr { shape, ..part(inner, MAX_NESTING) }), to };
    }
}

/// A type after `::`, without the words that could follow it as part of a column definition.
fn take_cast_type(here: &mut Cursor) -> Option<crate::sql::expression::DataType> {
    let start = *here;
    skip_type(here);
    let mut written = before(start, *here);
    data_type(&mut written)
}

/// The tokens of `cursor` in front of `place`.
fn before<'a>(mut cursor: Cursor<'a>, place: Cursor<'a>) -> Cursor<'a> {
    cursor.take_count(cursor.remaining() - place.remaining())
}

fn without_parentheses(mut cursor: Cursor) -> Cursor {
    for _ in 0..MAX_NESTING {
        let mut here = cursor;
        match here.take_parenthesised() {
            Some(inner) if here.is_end() && !inner.is_end() && !is_query(inner) => cursor = inner,
            _ => break,
        }
    }
    cursor
}

fn is_query(cursor: Cursor) -> bool {
    cursor.is_one_of(&["SELECT", "WITH", "VALUES"])
}

fn primary(here: &mut Cursor, level: u32) -> Option<Shape> {
    match here.kind_at(0)? {
        TokenKind::Text => Some(Shape::Literal(take_string(here)?)),
        TokenKind::Number => Some(Shape::Literal(Literal::Number(here.skip()?.text(here.source).to_owned()))),
        TokenKind::Symbol if here.is_symbol("(") => {
            let inner = here.take_parenthesised()?;
            (!is_query(inner)).then(|| part(inner, level + 1).shape)
        }
        TokenKind::Symbol => signed_number(here),
        TokenKind::Quoted => chain(here, level),
        TokenKind::Word => word(here, level),
        TokenKind::Parameter => None,
    }
}

/// A string; `b'101'` is a number in the MySQL family.
fn take_string(here: &mut Cursor) -> Option<Literal> {
    let written = here.text_at(0);
    let is_bits = here.dialect.is_mysql() && written.starts_with(['b', 'B']);
    let text = here.take_text()?;
    match is_bits.then(|| u64::from_str_radix(&text, 2)) {
        Some(Ok(number)) => Some(Literal::Number(number.to_string())),
        _ => Some(Literal::Text(text)),
    }
}

fn signed_number(here: &mut Cursor) -> Option<Shape> {
    let sign = here.text_at(0);
    if !["-", "+"].contains(&sign) || here.kind_at(1) != Some(TokenKind::Number) {
        return None;
    }
    let number = here.text_at(1);
    here.take_count(2);
    let number = if sign == "-" { format!("-{number}") } else { number.to_owned() };
    Some(Shape::Literal(Literal::Number(number)))
}

fn word(here: &mut Cursor, level: u32) -> Option<Shape> {
    let word = here.text_at(0);
    let dotted = here.text_at(1) == ".";
    let simple = match prefix(word, here.dialect) {
        _ if dotted => None,
        Prefix::Value => Some(match word.to_ascii_uppercase().as_str() {
            "NULL" => Shape::Null,
            "DEFAULT" => Shape::Default,
            other => Shape::Literal(Literal::Bool(other == "TRUE")),
        }),
        Prefix::Niladic => {
            let function = Name::bare(Ident::new(here.dialect, word, false));
            here.skip();
            let arguments = here.take_parenthesised().map(|inner| arguments(inner, level)).unwrap_or_default();
            return Some(Shape::Call { function, arguments });
        }
        Prefix::Operator | Prefix::End => return None,
        _ => None,
    };
    if simple.is_some() {
        here.skip();
        return simple;
    }
    if here.text_at(1) == "(" {
        if among(&["CAST", "TRY_CAST"], word) {
            return cast(here, level);
        }
        if among(&["CONVERT", "TRY_CONVERT"], word) && here.dialect != Dialect::PostgreSql {
            return convert(here, level);
        }
    }
    typed_literal(here, word, level).or_else(|| chain(here, level))
}

/// `date '2020-01-01'`.
fn typed_literal(here: &mut Cursor, word: &str, level: u32) -> Option<Shape> {
    if here.dialect == Dialect::Sqlite || is_reserved(word) {
        return None;
    }
    let mut ahead = *here;
    let to = take_cast_type(&mut ahead)?;
    if ahead.kind_at(0) != Some(TokenKind::Text) {
        return None;
    }
    let literal = ahead.take_count(1);
    *here = ahead;
    Some(Shape::Cast { inner: Box::new(part(literal, level + 1)), to })
}

/// A column, or a function with its arguments.
fn chain(here: &mut Cursor, level: u32) -> Option<Shape> {
    let mut last = here.take_ident()?;
    let mut before = None;
    while here.take_symbol(".") {
        before = Some(std::mem::replace(&mut last, here.take_ident()?));
    }
    match here.take_parenthesised() {
        Some(inner) => Some(Shape::Call { function: Name { schema: before, name: last }, arguments: arguments(inner, level) }),
        None => Some(Shape::Column(ColumnRef { qualifier: before, column: last })),
    }
}

fn arguments(inner: Cursor, level: u32) -> Vec<Expr> {
    inner.split_commas().into_iter().map(|argument| part(argument, level + 1)).collect()
}

fn cast(here: &mut Cursor, level: u32) -> Option<Shape> {
    here.skip();
    let mut inside = here.take_parenthesised()?;
    let value = inside.take_until(|here| here.is(&["AS"]));
    inside.take_word("AS");
    let to = data_type(&mut inside)?;
    Some(Shape::Cast { inner: Box::new(part(value, level + 1)), to })
}

/// `CONVERT(value, type)` of MySQL, `CONVERT(type, value)` of SQL Server. With USING it changes the character set only.
fn convert(here: &mut Cursor, level: u32) -> Option<Shape> {
    here.skip();
    let parts = here.take_parenthesised()?.split_commas();
    let (value, mut to) = match parts.as_slice() {
        [to, value, ..] if here.dialect == Dialect::MsSql => (*value, *to),
        [value, to] => (*value, *to),
        _ => return None,
    };
    Some(Shape::Cast { inner: Box::new(part(value, level + 1)), to: data_type(&mut to)? })
}
