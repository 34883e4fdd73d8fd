//! Where one clause of a query ends and the next begins.

use crate::sql::cursor::Cursor;
use crate::sql::lexer::TokenKind;

/// The tokens up to the next clause outside parentheses, or to the end; the place is before it.
pub fn take_clause<'a>(cursor: &mut Cursor<'a>) -> Cursor<'a> {
    let mut whole = *cursor;
    let (mut count, mut depth) = (0usize, 0usize);
    while let Some(kind) = whole.kind_at(count) {
        match (kind, whole.text_at(count)) {
            (TokenKind::Symbol, "(" | "[") => depth += 1,
            (TokenKind::Symbol, ")" | "]") => depth = depth.saturating_sub(1),
            (TokenKind::Word, word) if depth == 0 && starts(&whole, count, word) => break,
            _ => {}
        }
        count += 1;
    }
    let taken = whole.take_count(count);
    *cursor = whole;
    taken
}

/// Whether the word at `at` begins a clause.
fn starts(cursor: &Cursor, at: usize, word: &str) -> bool {
    // Most words begin none.
    if !word.starts_with([
        'f', 'F', 'w', 'W', 'h', 'H', 'u', 'U', 'i', 'I', 'e', 'E', 'g', 'G', 'o', 'O', 'l', 'L', 'm', 'M', 'c', 'C', 's', 'S',
    ]) || is_part_of_name(cursor, at)
    {
        return false;
    }
    let next = |other: &str| cursor.is_word_at(at + 1, other);
    match word.to_ascii_uppercase().as_str() {
        "WHERE" | "HAVING" | "UNION" | "INTERSECT" | "EXCEPT" | "INTO" | "LIMIT" => true,
        "FROM" => !is_distinct_from(cursor, at) && !is_rows_from(cursor, at),
        "GROUP" => next("BY"),
        "ORDER" => next("BY") || next("SIBLINGS"),
        "OFFSET" => {
            matches!(cursor.kind_at(at + 1), Some(TokenKind::Number | TokenKind::Parameter)) || cursor.text_at(at + 1) == "("
        }
        "FETCH" => next("FIRST") || next("NEXT"),
        "FOR" => ["UPDATE", "SHARE", "NO", "KEY", "XML", "JSON", "BROWSE"].iter().any(|other| next(other)),
        "WINDOW" => cursor.is_word_at(at + 2, "AS"),
        "LOCK" => next("IN"),
        "MINUS" => next("SELECT") || cursor.text_at(at + 1) == "(",
        "CONNECT" => next("BY"),
        "START" => next("WITH"),
        "WITH" => ["CHECK", "LOCAL", "CASCADED", "NO", "DATA", "READ"].iter().any(|other| next(other)),
        "OPTION" => cursor.text_at(at + 1) == "(",
        _ => false,
    }
}

/// After a dot any word is a name.
fn is_part_of_name(cursor: &Cursor, at: usize) -> bool {
    at > 0 && cursor.text_at(at - 1) == "."
}

/// `a IS [NOT] DISTINCT FROM b` is one comparison.
fn is_distinct_from(cursor: &Cursor, at: usize) -> bool {
    at > 1 && cursor.is_word_at(at - 1, "DISTINCT") && (cursor.is_word_at(at - 2, "IS") || cursor.is_word_at(at - 2, "NOT"))
}

/// PostgreSQL's `ROWS FROM (f(), g())`.
fn is_rows_from(cursor: &Cursor, at: usize) -> bool {
    at > 0 && cursor.is_word_at(at - 1, "ROWS") && cursor.text_at(at + 1) == "("
}

/// The word that begins a clause behind the SELECTs of a query.
pub fn take_tail_word(cursor: &mut Cursor) -> Option<&'static str> {
    const WORDS: [&str; 11] = ["ORDER", "LIMIT", "OFFSET", "FETCH", "FOR", "LOCK", "WITH", "OPTION", "WINDOW", "INTO", "CONNECT"];
    if !starts(cursor, 0, cursor.text_at(0)) {
        return None;
    }
    let word = WORDS.iter().copied().find(|word| cursor.is_word_at(0, word))?;
    cursor.skip();
    cursor.take_word("SIBLINGS");
    cursor.take_word("BY");
    Some(word)
}
