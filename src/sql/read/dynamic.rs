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
    if whole.tokens().iter().any(|token| token.text(whole.source).eq_ignore_ascii_case("CONCAT")) {
        return Some(Op::Dynamic { pieces });
    }
    let kind = if whole.remaining() == 1 { BlockKind::Executed } else { BlockKind::Conditional };
    let statements = pieces.iter().filter(|piece| says_sql(piece)).cloned().collect::<Vec<_>>();
    Some(executed(&statements.join(";\n"), &whole, kind))
}

fn says_sql(text: &str) -> bool {
    const VERBS: [&str; 12] =
        ["ALTER", "CREATE", "DROP", "RENAME", "TRUNCATE", "INSERT", "UPDATE", "DELETE", "REPLACE", "CALL", "GRANT", "REVOKE"];
    let word = text.split_whitespace().next().unwrap_or_default();
    text.trim_start().len() > word.len() && VERBS.iter().any(|verb| verb.eq_ignore_ascii_case(word))
}

/// Texts that were read where a variable was set are not dynamic where the variable is prepared.
pub fn settle(statements: &mut [Statement]) {
    let mut known = false;
    for statement in statements {
        for op in &mut statement.ops {
            match op {
                Op::Block { kind: BlockKind::Executed | BlockKind::Conditional, .. } => known = true,
                Op::Dynamic { pieces } if pieces.is_empty() && known => *op = Op::Harmless,
                Op::Dynamic { .. } => known = true,
                _ => {}
            }
        }
    }
}
