//! What is said of a statement that is not understood.

use crate::sql::cursor::Cursor;
use crate::sql::lexer::TokenKind;
use crate::sql::statement::Op;

const RISKY: [&str; 9] = ["DROP", "TRUNCATE", "DELETE", "UPDATE", "ALTER", "RENAME", "REPLACE", "MERGE", "PURGE"];
const HEAD_WORDS: usize = 6;

/// The operation for tokens that are not understood; `why` is a clause without a full stop.
pub fn opaque(cursor: Cursor, why: &str) -> Op {
    Op::Opaque { head: head(cursor), risky: risky(cursor), why: why.to_owned() }
}

/// The first names and keywords, without literals.
pub fn head(cursor: Cursor) -> String {
    let mut words = Vec::new();
    let mut here = cursor;
    while words.len() < HEAD_WORDS && !here.is_end() {
        if matches!(here.kind_at(0), Some(TokenKind::Word | TokenKind::Quoted)) {
            words.push(here.text_at(0).chars().take(64).collect::<String>());
        }
        here.skip();
    }
    words.join(" ")
}

fn risky(cursor: Cursor) -> Vec<&'static str> {
    let is_there = |word: &&'static str| {
        cursor.tokens().iter().any(|token| token.kind == TokenKind::Word && token.text(cursor.source).eq_ignore_ascii_case(word))
    };
    RISKY.iter().copied().filter(|word| is_there(word)).collect()
}

/// Why a statement as a whole is not understood.
pub fn why(cursor: &Cursor) -> &'static str {
    if cursor.is_symbol("\\") || cursor.is_symbol(".") {
        return "a directive of the client runs something that is not in this script";
    }
    "the statement is not of a form that is known"
}
