//! Batches of SQL Server: statements follow one another without a mark between them.

use crate::sql::cursor::Cursor;
use crate::sql::lexer::TokenKind;
use crate::sql::name::Ident;
use crate::sql::statement::{BlockKind, Op, Statement, TableAction};

use super::dynamic::{executed, immediate};
use super::opaque::opaque;

/// Statements in one batch that are read; a longer one is not understood from there on.
const MAX_STATEMENTS: usize = 100_000;

/// Words that begin a statement wherever they stand outside parentheses, but behind the words that need them.
const VERBS: [&str; 33] = [
    "CREATE",
    "ALTER",
    "DROP",
    "TRUNCATE",
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "EXEC",
    "EXECUTE",
    "DECLARE",
    "IF",
    "ELSE",
    "WHILE",
    "PRINT",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVE",
    "GRANT",
    "REVOKE",
    "DENY",
    "USE",
    "RAISERROR",
    "THROW",
    "RETURN",
    "WAITFOR",
    "DBCC",
    "END",
    "SET",
    "SELECT",
    "ENABLE",
    "DISABLE",
];

/// Everything that a batch does.
pub fn batch(cursor: Cursor) -> Vec<Op> {
    if is_routine(&cursor) {
        return super::one(cursor);
    }
    let mut ops = Vec::new();
    let mut here = cursor;
    let mut conditional = false;
    for _ in 0..MAX_STATEMENTS {
        while here.take_symbol(";") {}
        if here.is_end() {
            return ops;
        }
        let part = statement(&mut here);
        step(part, &mut conditional, &mut ops);
    }
    ops.push(opaque(here, "the batch has too many statements"));
    ops
}

fn is_routine(cursor: &Cursor) -> bool {
    const OBJECTS: [&str; 5] = ["PROCEDURE", "PROC", "FUNCTION", "TRIGGER", "VIEW"];
    let ahead = if cursor.is(&["CREATE", "OR", "ALTER"]) { 3 } else { 1 };
    cursor.is_one_of(&["CREATE", "ALTER"]) && OBJECTS.iter().any(|word| cursor.is_word_at(ahead, word))
}

/// The tokens of the statement that is next.
fn statement<'a>(here: &mut Cursor<'a>) -> Cursor<'a> {
    if here.is_word_at(0, "BEGIN") && !here.is_word_at(1, "TRAN") && !here.is_word_at(1, "TRANSACTION") {
        let count = 1 + usize::from(here.is_word_at(1, "TRY") || here.is_word_at(1, "CATCH"));
        return here.take_count(count);
    }
    let first = here.text_at(0).to_ascii_uppercase();
    let (mut count, mut depth) = (1usize, 0usize);
    while let Some(kind) = here.kind_at(count) {
        let text = here.text_at(count);
        match (kind, text) {
            (TokenKind::Symbol, "(") => depth += 1,
            (TokenKind::Symbol, ")") => depth = depth.saturating_sub(1),
            (TokenKind::Symbol, ";") if depth == 0 => break,
            (TokenKind::Word, _) if depth == 0 && begins(here, count, &first) => break,
            _ => {}
        }
        count += 1;
    }
    here.take_count(count)
}

/// Whether the word there begins the next statement and does not belong to this one.
fn begins(here: &Cursor, at: usize, first: &str) -> bool {
    let word = here.text_at(at).to_ascii_uppercase();
    if !VERBS.contains(&word.as_str()) {
        return false;
    }
    let previous = here.text_at(at - 1).to_ascii_uppercase();
    let follows = |words: &[&str]| words.contains(&previous.as_str());
    let belongs = match word.as_str() {
        "SELECT" => matches!(first, "INSERT" | "WITH") || follows(&["UNION", "ALL", "EXCEPT", "INTERSECT", "AS", "FOR"]),
        "SET" => matches!(first, "UPDATE" | "MERGE") || first == "ALTER" || follows(&["ON", "DELETE", "UPDATE"]),
        "UPDATE" | "DELETE" | "INSERT" => {
            follows(&["ON", "FOR", "AFTER", "OF", "THEN", ",", "GRANT", "REVOKE", "DENY", "WITH"])
                || matches!(first, "MERGE" | "GRANT" | "REVOKE" | "DENY" | "WITH")
        }
        "DROP" | "ALTER" | "ENABLE" | "DISABLE" => {
            first == "ALTER" && at < 8 && !here.is_word_at(at + 1, "TABLE") && !here.is_word_at(at + 1, "INDEX")
        }
        "EXEC" | "EXECUTE" => matches!(first, "INSERT" | "GRANT" | "REVOKE" | "DENY") || follows(&["WITH", "AS"]),
        "END" | "ELSE" | "IF" => {
            follows(&["DROP", "TABLE", "COLUMN", "CONSTRAINT", "VIEW", "INDEX", "PROCEDURE"]) || in_case(here, at)
        }
        "CREATE" | "MERGE" | "USE" | "RETURN" | "BEGIN" => follows(&["GRANT", "TO", "OPTION", "INNER", "LEFT"]),
        _ => false,
    };
    !belongs
}

/// Whether a CASE is open there.
fn in_case(here: &Cursor, at: usize) -> bool {
    let mut open = 0usize;
    for ahead in at.saturating_sub(256)..at {
        if here.is_word_at(ahead, "CASE") {
            open += 1;
        } else if here.is_word_at(ahead, "END") {
            open = open.saturating_sub(1);
        }
    }
    open > 0
}

fn step(part: Cursor, conditional: &mut bool, ops: &mut Vec<Op>) {
    let mut here = part;
    if here.take_one_of(&["BEGIN", "END"]).is_some() && (here.is_end() || here.is_one_of(&["TRY", "CATCH"])) {
        return;
    }
    if part.is_one_of(&["IF", "WHILE", "ELSE"]) {
        // What is behind the condition may run or not; blocks are not followed further.
        *conditional = true;
        return;
    }
    let found = read(part);
    if !*conditional {
        ops.extend(found);
        return;
    }
    let body = vec![Statement { number: 1, line: part.line(), ops: found, templated: false }];
    ops.push(Op::Block { kind: BlockKind::Conditional, body });
}

fn read(part: Cursor) -> Vec<Op> {
    let mut here = part;
    if here.take_one_of(&["EXEC", "EXECUTE"]).is_some() {
        return execute(&mut here).unwrap_or_else(|| vec![opaque(part, "the call is not understood")]);
    }
    if here.take_word("DENY") {
        return super::security::revoke(&mut here).unwrap_or_default();
    }
    super::one(part)
}

/// `EXEC sp_rename …`, `EXEC ('text')`, `EXEC sp_executesql N'text'`, `EXEC procedure`.
fn execute(here: &mut Cursor) -> Option<Vec<Op>> {
    if let Some(mut inside) = here.take_parenthesised() {
        return immediate(&mut inside);
    }
    if here.kind_at(0) == Some(TokenKind::Parameter) && here.text_at(1) == "=" {
        here.take_count(2);
    }
    let routine = here.take_name()?;
    let arguments = here.take_count(here.remaining()).split_commas();
    let texts: Vec<Option<String>> = arguments.iter().map(|part| text(*part)).collect();
    match routine.name.key() {
        "sp_rename" => rename(here, &texts),
        "sp_executesql" => match texts.first()? {
            Some(text) => Some(vec![executed(text, here, BlockKind::Executed)]),
            None => Some(vec![Op::Dynamic { pieces: Vec::new() }]),
        },
        "sp_addextendedproperty" | "sp_updateextendedproperty" | "sp_dropextendedproperty" | "sp_bindefault" => {
            Some(vec![Op::Harmless])
        }
        _ => Some(vec![Op::Call { routine }]),
    }
}

/// A constant argument, also `@name = N'…'`.
fn text(mut part: Cursor) -> Option<String> {
    if part.kind_at(0) == Some(TokenKind::Parameter) && part.text_at(1) == "=" {
        part.take_count(2);
    }
    part.take_text().or_else(|| part.take_ident().map(|name| name.as_str().to_owned()))
}

fn rename(here: &Cursor, texts: &[Option<String>]) -> Option<Vec<Op>> {
    let [from, to, rest @ ..] = texts else { return None };
    let from = from.as_deref()?;
    let to = Ident::new(here.dialect, to.as_deref()?, true);
    let tokens = crate::sql::lexer::lex(from, here.dialect);
    let mut parts = Cursor::new(from, &tokens, here.dialect);
    let mut idents = vec![parts.take_ident()?];
    while parts.take_symbol(".") {
        idents.push(parts.take_ident()?);
    }
    let kind = rest.first().and_then(|kind| kind.as_deref()).unwrap_or("OBJECT").to_ascii_uppercase();
    let last = idents.pop()?;
    let name = |mut idents: Vec<Ident>| idents.pop().map(|name| crate::sql::name::Name { schema: idents.pop(), name });
    match kind.as_str() {
        "COLUMN" => {
            let action = TableAction::RenameColumn { from: last, to };
            Some(vec![Op::AlterTable { table: name(idents)?, if_exists: false, only: false, action }])
        }
        "INDEX" => {
            let table = name(idents);
            Some(vec![Op::RenameIndex { from: crate::sql::name::Name::bare(last), to, table, if_exists: false }])
        }
        "OBJECT" => {
            let from = crate::sql::name::Name { schema: idents.pop(), name: last };
            Some(vec![Op::RenameTable { from, to: crate::sql::name::Name::bare(to), if_exists: false }])
        }
        _ => Some(vec![Op::Harmless]),
    }
}
