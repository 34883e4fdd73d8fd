//! Small readers that many statements share.

use crate::sql::cursor::Cursor;
use crate::sql::expression::Expr;
use crate::sql::lexer::TokenKind;
use crate::sql::name::Ident;
use crate::sql::statement::{IndexPart, ReferentialAction};

/// `(a, b, c)` as names; none where no parenthesis is next.
pub fn ident_list(cursor: &mut Cursor) -> Option<Vec<Ident>> {
    let inside = cursor.take_parenthesised()?;
    Some(inside.split_commas().into_iter().filter_map(|mut part| part.take_ident_or_text()).collect())
}

/// `a, b, c` without parentheses.
pub fn idents(cursor: &mut Cursor) -> Vec<Ident> {
    let mut out = Vec::new();
    while let Some(ident) = cursor.take_ident_or_text() {
        out.push(ident);
        if !cursor.take_symbol(",") {
            break;
        }
    }
    out
}

/// CASCADE or RESTRICT at the end of a DROP.
pub fn cascade(cursor: &mut Cursor) -> bool {
    let found = cursor.take_word("CASCADE");
    cursor.take_word("RESTRICT");
    found
}

/// The parts of an index or key: `(a, b DESC, lower(c), d(10))`.
pub fn index_parts(cursor: &mut Cursor) -> Option<Vec<IndexPart>> {
    let inside = cursor.take_parenthesised()?;
    Some(inside.split_commas().into_iter().map(index_part).collect())
}

fn index_part(part: Cursor) -> IndexPart {
    let mut here = part;
    let column = here.take_ident_or_text();
    if let Some(column) = column {
        if here.is_end() || is_part_option(&here) {
            return plain_part(part, column, None);
        }
        if here.dialect.is_mysql()
            && let Some(mut inside) = here.take_parenthesised()
            && inside.remaining() == 1
            && let Some(length) = inside.take_number()
        {
            return plain_part(part, column, u32::try_from(length).ok());
        }
    }
    let mut end = part;
    let value = end.take_until(is_part_option);
    IndexPart { column: None, expression: super::expression::expr(value), prefix: None }
}

fn plain_part(part: Cursor, column: Ident, prefix: Option<u32>) -> IndexPart {
    let mut here = part;
    let first = here.take_count(1);
    IndexPart { column: Some(column), expression: super::expression::expr(first), prefix }
}

/// Order, nulls, collation and operator class behind an index part: nothing here tells data apart.
fn is_part_option(here: &Cursor) -> bool {
    const WORDS: [&str; 6] = ["ASC", "DESC", "NULLS", "COLLATE", "WITH", "WITHOUT"];
    here.is_one_of(&WORDS) || is_operator_class(here)
}

fn is_operator_class(here: &Cursor) -> bool {
    here.kind_at(0) == Some(TokenKind::Word) && here.text_at(0).ends_with("_ops")
}

/// The expression that is next, up to one of these words or a comma outside parentheses and CASE; at least one token.
pub fn expression_until(cursor: &mut Cursor, stops: &[&str]) -> Expr {
    super::expression::expr(tokens_until(cursor, stops))
}

/// [`expression_until`], unread.
pub fn tokens_until<'a>(cursor: &mut Cursor<'a>, stops: &[&str]) -> Cursor<'a> {
    let (mut count, mut depth, mut cases) = (0usize, 0usize, 0usize);
    while let Some(kind) = cursor.kind_at(count) {
        // `::timestamp with time zone` goes on.
        let is_zone = cursor.is_word_at(count, "WITH") && cursor.is_word_at(count + 1, "TIME");
        let is_stop = kind == TokenKind::Word && !is_zone && stops.iter().any(|stop| cursor.is_word_at(count, stop));
        let is_comma = cursor.text_at(count) == ",";
        if depth == 0 && cases == 0 && (is_comma || (is_stop && count > 0)) {
            break;
        }
        match (kind, cursor.text_at(count)) {
            (TokenKind::Symbol, "(" | "[") => depth += 1,
            (TokenKind::Symbol, ")" | "]") => depth = depth.saturating_sub(1),
            (TokenKind::Word, word) if word.eq_ignore_ascii_case("CASE") => cases += 1,
            (TokenKind::Word, word) if word.eq_ignore_ascii_case("END") => cases = cases.saturating_sub(1),
            _ => {}
        }
        count += 1;
    }
    cursor.take_count(count)
}

/// CASCADE, SET NULL and the like; PostgreSQL's `SET NULL (columns)` too.
pub fn referential_action(cursor: &mut Cursor) -> ReferentialAction {
    let action = if cursor.take_word("CASCADE") {
        ReferentialAction::Cascade
    } else if cursor.take_word("RESTRICT") {
        ReferentialAction::Restrict
    } else if cursor.take(&["SET", "NULL"]) {
        ReferentialAction::SetNull
    } else if cursor.take(&["SET", "DEFAULT"]) {
        ReferentialAction::SetDefault
    } else {
        cursor.take(&["NO", "ACTION"]);
        ReferentialAction::NoAction
    };
    if cursor.is_symbol("(") {
        cursor.take_parenthesised();
    }
    action
}
