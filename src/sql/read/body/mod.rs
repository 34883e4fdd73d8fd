//! Bodies of routines, triggers and blocks: their statements, and what a trigger does to its row.

mod assign;
mod control;
mod dynamic;
mod statement;
mod tsql;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::sql::cursor::{Cursor, MAX_DEPTH};
use crate::sql::dialect::Dialect;
use crate::sql::expression::Query;
use crate::sql::lexer::{TokenKind, lex};
use crate::sql::name::Ident;
use crate::sql::statement::{BlockKind, Op, RoutineBody, Statement};

use super::expression::{expr, text as canonical};

use dynamic::{Executed, Held, executed};

/// Blocks in blocks that are read; what is deeper makes the body opaque.
const MAX_BLOCKS: u32 = 48;

/// Bytes of text that the variables of a body hold: one that joins another with itself doubles it each time.
const MAX_HELD: usize = 1 << 17;

/// What a body does. Lines of its statements count from 1 in `text`; `depth` is how many bodies it stands in, a body at
/// [`crate::sql::cursor::MAX_DEPTH`] is opaque. A nested statement is read with [`super::read_at`] and `depth + 1`.
pub fn body(text: &str, language: &str, dialect: Dialect, depth: u32) -> RoutineBody {
    let tokens = lex(text, dialect);
    let cursor = Cursor::new(text, &tokens, dialect).at_depth(depth);
    let opaque = depth >= MAX_DEPTH || !is_known(language);
    let mut body = RoutineBody::unread(canonical(cursor), opaque);
    if !body.opaque {
        let mut reader = Reader { here: cursor, body, variables: BTreeMap::new(), held: 0, executed: 0, number: 0, handlers: 0 };
        reader.row_reads(cursor);
        reader.start();
        let statements = reader.all();
        body = RoutineBody { statements, ..reader.body };
    }
    body
}

/// Languages whose bodies are statements of the database.
fn is_known(language: &str) -> bool {
    ["", "sql", "plpgsql", "plsql", "plpg", "tsql", "edbspl"].iter().any(|known| known.eq_ignore_ascii_case(language.trim()))
}

struct Reader<'a> {
    here: Cursor<'a>,
    body: RoutineBody,
    variables: BTreeMap<String, Held>,
    /// Bytes that the variables hold.
    held: usize,
    /// Bytes of the texts that were executed.
    executed: usize,
    number: u32,
    /// Exception handlers that the place is in: an error that is raised again there is none of the body's own.
    handlers: u32,
}

impl<'a> Reader<'a> {
    /// Declarations that stand before BEGIN without a keyword (PL/SQL behind IS).
    fn start(&mut self) {
        let is_plsql = self.here.dialect == Dialect::Oracle && !self.here.is_one_of(&["BEGIN", "DECLARE"]);
        if is_plsql && self.here.tokens().iter().any(|token| token.text(self.here.source).eq_ignore_ascii_case("BEGIN")) {
            self.declarations();
        }
    }

    /// Everything; a word that ends no block is skipped, and what is behind it may not be what it seems.
    fn all(&mut self) -> Vec<Statement> {
        let mut statements = self.list(0);
        while !self.here.is_end() {
            self.body.opaque = true;
            self.here.skip();
            statements.extend(self.list(0));
        }
        statements
    }

    /// Statements up to a word that ends the list, or to the end.
    fn list(&mut self, nesting: u32) -> Vec<Statement> {
        const ENDS: [&str; 7] = ["END", "ELSE", "ELSIF", "ELSEIF", "WHEN", "EXCEPTION", "UNTIL"];
        let mut out = Vec::new();
        if nesting > MAX_BLOCKS {
            self.body.opaque = true;
            self.here.take_count(self.here.remaining());
            return out;
        }
        while !self.here.is_end() {
            if self.here.take_symbol(";") || self.label() {
                continue;
            }
            if self.here.is_one_of(&ENDS) {
                break;
            }
            let before = self.here.remaining();
            self.statement(&mut out, nesting);
            if self.here.remaining() == before {
                self.here.skip();
            }
        }
        out
    }

    /// `<<name>>`, `name:`.
    fn label(&mut self) -> bool {
        if self.here.is_symbol("<<") {
            return self.here.take_count(3).remaining() > 0;
        }
        let is_label = self.here.kind_at(0) == Some(TokenKind::Word) && self.here.text_at(1) == ":";
        is_label && self.here.take_count(2).remaining() > 0
    }

    fn push(&mut self, out: &mut Vec<Statement>, line: u32, ops: Vec<Op>) {
        if !ops.is_empty() {
            self.number += 1;
            out.push(Statement { number: self.number, line, ops, templated: false });
        }
    }

    /// What may run or not.
    fn push_conditional(&mut self, out: &mut Vec<Statement>, line: u32, body: Vec<Statement>) {
        if !body.is_empty() {
            self.push(out, line, vec![Op::Block { kind: BlockKind::Conditional, body }]);
        }
    }

    /// An expression outside any statement: as a SELECT, where it calls or reads something.
    fn value(&mut self, out: &mut Vec<Statement>, value: Cursor<'a>) {
        let read = expr(value);
        if read.functions.is_empty() && read.tables.is_empty() {
            return;
        }
        let query =
            Query { columns: read.columns, tables: read.tables, functions: read.functions, text: read.text, ..Query::default() };
        self.push(out, value.line(), vec![Op::Select(Box::new(query))]);
    }

    /// Columns of NEW and OLD anywhere in the body, but for those that are assigned to.
    fn row_reads(&mut self, cursor: Cursor) {
        let mut here = cursor;
        let mut before = ";";
        while !here.is_end() {
            let is_target = assign::is_target(&here, before);
            before = here.text_at(0);
            match assign::row_column(&mut here) {
                Some(column) if !is_target && !self.body.reads.contains(&column) => self.body.reads.push(column),
                Some(_) => {}
                None => {
                    here.skip();
                }
            }
        }
    }

    fn held(&self, name: &str) -> Option<&Held> {
        self.variables.get(&name.to_lowercase())
    }

    fn hold(&mut self, name: &str, value: Cursor<'a>) {
        let found = executed(value, &|name| self.held(name));
        let is_constant = matches!(found, Executed::Text(_));
        let held = self.variables.entry(name.to_lowercase()).or_default();
        held.assigned += 1;
        let pieces = match found {
            Executed::Text(text) => vec![text],
            Executed::Pieces(pieces) => pieces,
        };
        let fresh: Vec<String> = pieces.into_iter().filter(|piece| !held.pieces.contains(piece)).collect();
        let size: usize = fresh.iter().map(String::len).sum();
        let is_whole = held.assigned == 1 && is_constant;
        held.constant = None;
        if self.held + 2 * size > MAX_HELD {
            return;
        }
        self.held += 2 * size;
        held.constant = fresh.first().filter(|_| is_whole).cloned();
        held.pieces.extend(fresh);
    }

    fn assigned(&mut self, column: Ident, from: Option<Ident>) {
        self.body.assigns.push((column, from));
    }
}

/// The tokens up to one of these words outside parentheses and CASE, or to a semicolon.
fn take_up_to<'a>(cursor: &mut Cursor<'a>, words: &[&str]) -> Cursor<'a> {
    let (mut count, mut depth, mut cases) = (0usize, 0usize, 0usize);
    while let Some(kind) = cursor.kind_at(count) {
        let text = cursor.text_at(count);
        let is_word = kind == TokenKind::Word;
        if depth == 0 && (text == ";" || (cases == 0 && is_word && words.iter().any(|word| text.eq_ignore_ascii_case(word)))) {
            break;
        }
        match (kind, text) {
            (TokenKind::Symbol, "(") => depth += 1,
            (TokenKind::Symbol, ")") => depth = depth.saturating_sub(1),
            (TokenKind::Word, word) if word.eq_ignore_ascii_case("CASE") => cases += 1,
            (TokenKind::Word, word) if word.eq_ignore_ascii_case("END") => cases = cases.saturating_sub(1),
            _ => {}
        }
        count += 1;
    }
    cursor.take_count(count)
}
