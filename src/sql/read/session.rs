//! SET and its kin, transactions.

use crate::sql::cursor::Cursor;
use crate::sql::lexer::TokenKind;
use crate::sql::statement::{Op, Transaction};

use super::words::tokens_until;

/// What stands behind SET.
pub fn set(cursor: &mut Cursor) -> Option<Vec<Op>> {
    const NO_VARIABLE: [&str; 8] =
        ["TRANSACTION", "CONSTRAINTS", "ROLE", "AUTHORIZATION", "CHARACTERISTICS", "PASSWORD", "RESOURCE", "DEFAULT"];
    let mut local = cursor.take_word("LOCAL");
    if cursor.remaining() > 1 {
        cursor.take_one_of(&["SESSION", "GLOBAL", "PERSIST", "PERSIST_ONLY", "STATEMENT"]);
    }
    if cursor.is_one_of(&NO_VARIABLE) || cursor.is(&["TIME", "ZONE"]) {
        cursor.take_count(cursor.remaining());
        return Some(vec![Op::Harmless]);
    }
    if cursor.dialect.is_mysql() {
        let parts = cursor.take_count(cursor.remaining()).split_commas();
        return parts.into_iter().map(|mut part| variable(&mut part, false)).collect();
    }
    local &= !cursor.is_end();
    variable(cursor, local).map(|op| vec![op])
}

fn variable(cursor: &mut Cursor, local: bool) -> Option<Op> {
    cursor.take_one_of(&["SESSION", "GLOBAL", "LOCAL", "PERSIST"]);
    let mut name = String::new();
    while !cursor.is_end() && !is_assignment(cursor) {
        name.push_str(&cursor.text_at(0).to_lowercase());
        cursor.skip();
        if !name.ends_with('.') && cursor.kind_at(0) == Some(TokenKind::Word) && !is_assignment(cursor) {
            // `SET NAMES utf8`, `SET NOCOUNT ON`, `SET IDENTITY_INSERT t ON`: the value follows at once.
            break;
        }
    }
    if cursor.dialect.is_mysql() && name.starts_with('@') && !name.starts_with("@@") {
        return super::dynamic::user_variable(cursor, &name);
    }
    let name = name.trim_start_matches("@@session.").trim_start_matches("@@global.").trim_start_matches("@@").to_owned();
    if is_assignment(cursor) {
        cursor.skip();
    }
    let values = cursor.take_count(cursor.remaining()).split_commas().into_iter().map(value).collect();
    Some(Op::Set { variable: name, values, local })
}

fn is_assignment(cursor: &Cursor) -> bool {
    cursor.is_symbol("=") || cursor.is_symbol(":=") || cursor.is_word_at(0, "TO")
}

fn value(mut part: Cursor) -> String {
    match part.kind_at(0) {
        Some(TokenKind::Text) if part.remaining() == 1 => part.take_text().unwrap_or_default(),
        Some(TokenKind::Quoted) if part.remaining() == 1 => {
            part.take_ident().map(|name| name.as_str().to_owned()).unwrap_or_default()
        }
        _ => part.source_text().to_owned(),
    }
}

/// What stands behind RESET: a variable without values.
pub fn reset(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let variable = cursor.take_count(cursor.remaining()).source_text().to_lowercase();
    Some(vec![Op::Set { variable, values: Vec::new(), local: false }])
}

/// What stands behind USE.
pub fn use_database(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let name = cursor.take_ident()?;
    Some(vec![Op::Set { variable: "use".to_owned(), values: vec![name.as_str().to_owned()], local: false }])
}

/// What stands behind PRAGMA: `name`, `name = value`, `name(value)`.
pub fn pragma(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let name = cursor.take_name()?.name;
    let value = if cursor.take_symbol("=") { Some(cursor.take_count(cursor.remaining())) } else { cursor.take_parenthesised() };
    let values = value.map(|value: Cursor| value.source_text().trim_matches(['\'', '"']).to_lowercase()).into_iter().collect();
    Some(vec![Op::Set { variable: name.key().to_owned(), values, local: false }])
}

/// `SELECT set_config('search_path', 'a, b', false)` as dumps have it.
pub fn set_config(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let mut here = *cursor;
    here.take_word("SELECT");
    here.take_word("PG_CATALOG").then(|| here.take_symbol("."));
    if !here.take_word("SET_CONFIG") {
        return None;
    }
    let mut inside = here.take_parenthesised()?;
    let variable = inside.take_text()?.to_lowercase();
    inside.take_symbol(",");
    let text = inside.take_text()?;
    inside.take_symbol(",");
    let local = inside.is_word_at(0, "TRUE");
    let values = text.split(',').map(|part| part.trim().trim_matches('"').to_owned()).collect();
    *cursor = here;
    cursor.is_end().then(|| vec![Op::Set { variable, values, local }])
}

/// BEGIN, COMMIT and the like; none for other statements.
pub fn transaction(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let mut here = *cursor;
    let first = here.take_one_of(&["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "SAVE", "RELEASE"])?;
    if here.take_word("PREPARED") {
        here.skip();
        *cursor = here;
        return Some(vec![Op::Harmless]);
    }
    if first == "START" && !here.is_word_at(0, "TRANSACTION") || (first == "BEGIN" && !is_begin(&here)) {
        return None;
    }
    here.take_one_of(&["WORK", "TRANSACTION", "TRAN", "DEFERRED", "IMMEDIATE", "EXCLUSIVE"]);
    here.take_word("TRANSACTION");
    let transaction = match first {
        "BEGIN" | "START" => Transaction::Begin,
        "COMMIT" | "END" => Transaction::Commit,
        "ROLLBACK" | "ABORT" => rollback(&mut here)?,
        "RELEASE" => {
            here.take_word("SAVEPOINT");
            Transaction::Release(here.take_ident()?)
        }
        _ => Transaction::Savepoint(here.take_ident()?),
    };
    // Isolation, AND CHAIN, a transaction's name.
    tokens_until(&mut here, &[]);
    here.take_count(here.remaining());
    *cursor = here;
    Some(vec![Op::Transaction(transaction)])
}

fn is_begin(here: &Cursor) -> bool {
    const BEHIND: [&str; 9] =
        ["WORK", "TRANSACTION", "TRAN", "DEFERRED", "IMMEDIATE", "EXCLUSIVE", "ISOLATION", "READ", "CONCURRENT"];
    here.is_end() || here.is_one_of(&BEHIND) || here.is(&["NOT", "DEFERRABLE"]) || here.is(&["DEFERRABLE"])
}

fn rollback(here: &mut Cursor) -> Option<Transaction> {
    if here.take_word("TO") {
        here.take_word("SAVEPOINT");
        return here.take_ident().map(Transaction::RollbackTo);
    }
    Some(Transaction::Rollback)
}
