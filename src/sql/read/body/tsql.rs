//! Where statements of SQL Server end: a semicolon is optional there.

use crate::sql::cursor::Cursor;
use crate::sql::lexer::TokenKind;

const STARTS: [&str; 27] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "ALTER",
    "CREATE",
    "DROP",
    "TRUNCATE",
    "EXEC",
    "EXECUTE",
    "IF",
    "ELSE",
    "BEGIN",
    "END",
    "WHILE",
    "DECLARE",
    "SET",
    "PRINT",
    "RAISERROR",
    "THROW",
    "RETURN",
    "COMMIT",
    "ROLLBACK",
    "GRANT",
    "GO",
    "WITH",
];

/// The condition of IF and WHILE: up to the word that begins a statement.
pub fn take_condition<'a>(cursor: &mut Cursor<'a>) -> Cursor<'a> {
    cursor.take_until(|here| here.is_symbol(";") || here.is_one_of(&STARTS))
}

/// One statement, from its first word.
pub fn take_statement<'a>(cursor: &mut Cursor<'a>) -> Cursor<'a> {
    let first = cursor.text_at(0).to_ascii_uppercase();
    let (mut count, mut depth, mut parts, mut cases) = (1usize, 0usize, 0usize, 0usize);
    while let Some(kind) = cursor.kind_at(count) {
        let text = cursor.text_at(count);
        match (kind, text) {
            (TokenKind::Symbol, ";") => break,
            (TokenKind::Symbol, "(") => depth += 1,
            (TokenKind::Symbol, ")") => depth = depth.saturating_sub(1),
            (TokenKind::Word, _) if cursor.is_word_at(count, "CASE") => cases += 1,
            (TokenKind::Word, _) if cases > 0 && cursor.is_word_at(count, "END") => cases -= 1,
            (TokenKind::Word, word) if depth == 0 && cases == 0 && begins(cursor, count, word) => {
                match goes_on(cursor, count, &first, parts) {
                    true => parts += 1,
                    false => break,
                }
            }
            _ => {}
        }
        count += 1;
    }
    cursor.take_count(count)
}

fn begins(cursor: &Cursor, at: usize, word: &str) -> bool {
    STARTS.iter().any(|start| word.eq_ignore_ascii_case(start)) && cursor.text_at(at - 1) != "."
}

/// Whether a word that could begin a statement is part of the one before it.
fn goes_on(cursor: &Cursor, at: usize, first: &str, parts: usize) -> bool {
    let is = |ahead: usize, words: &[&str]| words.iter().any(|word| cursor.is_word_at(ahead, word));
    match first {
        "CREATE" if is_routine(cursor) => true,
        "MERGE" => true,
        "ALTER" => is(at, &["DROP", "ALTER", "SET", "WITH"]) && !is(at + 1, &["TABLE", "INDEX", "VIEW", "PROCEDURE", "FUNCTION"]),
        "INSERT" => {
            parts == 0 && is(at, &["SELECT", "EXEC", "EXECUTE", "WITH"]) || is(at - 1, &["UNION", "ALL", "EXCEPT", "INTERSECT"])
        }
        "UPDATE" => parts == 0 && is(at, &["SET"]) || is(at, &["WITH"]),
        "WITH" => parts == 0 && is(at, &["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"]) || is(at, &["SET"]),
        "CREATE" | "DROP" => {
            is(at, &["WITH", "SET", "DELETE", "UPDATE"]) || is(at, &["SELECT"]) && is(at - 1, &["AS"]) || is(at - 1, &["ON"])
        }
        _ => is(at, &["WITH"]) || is(at - 1, &["UNION", "ALL", "EXCEPT", "INTERSECT"]),
    }
}

fn is_routine(cursor: &Cursor) -> bool {
    (1..4).any(|ahead| ["PROCEDURE", "PROC", "FUNCTION", "TRIGGER", "VIEW"].iter().any(|word| cursor.is_word_at(ahead, word)))
}
