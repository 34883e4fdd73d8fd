//! Text that is executed: DO blocks, PREPARE, EXECUTE.

use crate::sql::cursor::{Cursor, MAX_DEPTH};
use crate::sql::lexer::{TokenKind, decode_text, lex};
use crate::sql::split::split;
use crate::sql::statement::{BlockKind, Op, RoutineBody, Statement};

use super::opaque::opaque;
use super::routine::{quoted, rest};
use super::{read_at, shift_lines};

/// What stands behind DO in PostgreSQL: `[LANGUAGE x] $$ … $$ [LANGUAGE x]`.
pub fn do_block(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let mut language = "plpgsql".to_owned();
    let mut text = None;
    while !cursor.is_end() {
        if cursor.take_word("LANGUAGE") {
            language = cursor.take_ident_or_text()?.key().to_lowercase();
        } else if cursor.kind_at(0) == Some(TokenKind::Text) {
            text = Some(*cursor);
            cursor.skip();
        } else {
            return None;
        }
    }
    Some(vec![anonymous(quoted(&text?, &language), cursor)])
}

/// A block that stands without quotes: `BEGIN … END` of PL/SQL, `BEGIN NOT ATOMIC … END` of MariaDB.
pub fn bare_block(cursor: &mut Cursor, language: &str) -> Option<Vec<Op>> {
    let body = rest(cursor, language);
    Some(vec![anonymous(body, cursor)])
}

fn anonymous(body: RoutineBody, cursor: &Cursor) -> Op {
    Op::Block { kind: BlockKind::Anonymous, body: statements(body, cursor) }
}

/// The statements of a body, with an opaque one behind them where not all of it is understood.
pub fn statements(body: RoutineBody, cursor: &Cursor) -> Vec<Statement> {
    let mut statements = body.statements;
    if body.opaque {
        let tokens = lex(&body.text, cursor.dialect);
        let inside = Cursor::new(&body.text, &tokens, cursor.dialect);
        let op = opaque(inside, "this block is not understood as a whole");
        statements.push(Statement { number: 1, line: 1, ops: vec![op], templated: false });
    }
    statements
}

/// A constant text that is executed.
pub fn executed(text: &str, cursor: &Cursor, kind: BlockKind) -> Op {
    if cursor.depth >= MAX_DEPTH {
        return opaque(*cursor, "text is executed in text too many times over");
    }
    let raws = split(text, cursor.dialect);
    let mut body: Vec<Statement> = raws.iter().map(|raw| read_at(raw, cursor.dialect, cursor.depth + 1)).collect();
    shift_lines(&mut body, cursor.line() - 1);
    Op::Block { kind, body }
}

/// What stands behind PREPARE: `name AS statement`, or MySQL's `name FROM 'text'`.
pub fn prepare(cursor: &mut Cursor) -> Option<Vec<Op>> {
    if cursor.take_word("TRANSACTION") {
        cursor.take_count(cursor.remaining());
        return Some(vec![Op::Harmless]);
    }
    cursor.take_ident()?;
    cursor.take_parenthesised();
    if cursor.take_word("AS") {
        let statement = cursor.take_count(cursor.remaining());
        return Some(vec![executed(statement.source_text(), &statement, BlockKind::Executed)]);
    }
    if !cursor.take_word("FROM") {
        return None;
    }
    immediate(cursor)
}

/// The text that is next, if it is constant; what its pieces say otherwise.
pub fn immediate(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let whole = cursor.take_count(cursor.remaining());
    if whole.remaining() == 1 && whole.kind_at(0) == Some(TokenKind::Text) {
        return Some(vec![executed(&decode_text(whole.text_at(0), whole.dialect), &whole, BlockKind::Executed)]);
    }
    Some(vec![Op::Dynamic { pieces: pieces(&whole) }])
}

fn pieces(cursor: &Cursor) -> Vec<String> {
    let texts = cursor.tokens().iter().filter(|token| token.kind == TokenKind::Text);
    texts.map(|token| decode_text(token.text(cursor.source), cursor.dialect)).collect()
}

/// `SET @v = …` of MySQL. A text that says SQL is prepared later: a plain one, or each branch of IF, is read at once.
pub fn user_variable(cursor: &mut Cursor, name: &str) -> Option<Op> {
    cursor.skip();
    let whole = cursor.take_count(cursor.remaining());
    let pieces = pieces(&whole);
    if !pieces.iter().any(|piece| says_sql(piece)) {
        return Some(Op::Set { variable: name.to_owned(), values: Vec::new(), local: false });
    }
    let Some(texts) = folded(whole) else { return Some(Op::Dynamic { pieces }) };
    let statements: Vec<String> = texts.into_iter().filter(|text| says_sql(text)).collect();
    let branches =
        whole.tokens().iter().any(|token| ["IF", "CASE"].iter().any(|word| token.text(whole.source).eq_ignore_ascii_case(word)));
    let kind = match (branches, statements.len()) {
        (false, _) => BlockKind::Executed,
        (true, 1) => BlockKind::Guarded,
        (true, _) => BlockKind::Conditional,
    };
    Some(executed(&statements.join(";\n"), &whole, kind))
}

/// The texts in a value, those that CONCAT joins as one; none where it joins what is not known.
fn folded(mut value: Cursor) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    while !value.is_end() {
        if value.is(&["CONCAT"]) && value.text_at(1) == "(" {
            value.skip();
            let parts = value.take_parenthesised()?.split_commas();
            texts.push(parts.into_iter().map(literal).collect::<Option<String>>()?);
        } else if value.kind_at(0) == Some(TokenKind::Text) {
            texts.push(decode_text(value.text_at(0), value.dialect));
            value.skip();
        } else {
            value.skip();
        }
    }
    Some(texts)
}

fn literal(part: Cursor) -> Option<String> {
    match part.kind_at(0) {
        Some(TokenKind::Text) if part.remaining() == 1 => Some(decode_text(part.text_at(0), part.dialect)),
        Some(TokenKind::Number) if part.remaining() == 1 => Some(part.text_at(0).to_owned()),
        _ => None,
    }
}

fn says_sql(text: &str) -> bool {
    const VERBS: [&str; 12] =
        ["ALTER", "CREATE", "DROP", "RENAME", "TRUNCATE", "INSERT", "UPDATE", "DELETE", "REPLACE", "CALL", "GRANT", "REVOKE"];
    let word = text.split_whitespace().next().unwrap_or_default();
    text.trim_start().len() > word.len() && VERBS.iter().any(|verb| verb.eq_ignore_ascii_case(word))
}
