//! One statement of a body.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::lexer::TokenKind;
use crate::sql::split::RawStatement;
use crate::sql::statement::{Op, Statement};

use super::{Reader, take_up_to, tsql};

/// Statements that neither touch tables nor call anything that matters.
const IDLE: [&str; 19] = [
    "NULL",
    "EXIT",
    "CONTINUE",
    "LEAVE",
    "ITERATE",
    "FETCH",
    "CLOSE",
    "MOVE",
    "GET",
    "ASSERT",
    "PRINT",
    "DEALLOCATE",
    "GOTO",
    "PRAGMA",
    "RESIGNAL",
    "WAITFOR",
    "BREAK",
    "USE",
    "GO",
];

impl<'a> Reader<'a> {
    pub(super) fn statement(&mut self, out: &mut Vec<Statement>, nesting: u32) {
        let here = self.here;
        match here.text_at(0).to_ascii_uppercase().as_str() {
            _ if here.kind_at(0) != Some(TokenKind::Word) || here.text_at(1) == "." => self.other(out),
            "DECLARE" => self.declare(out, nesting),
            "BEGIN" if !here.is_word_at(1, "TRAN") && !here.is_word_at(1, "TRANSACTION") => self.block(out, nesting),
            "IF" => self.branch(out, nesting),
            "CASE" => self.case(out, nesting),
            "LOOP" | "WHILE" | "FOR" | "FOREACH" | "REPEAT" => self.repeated(out, nesting),
            "RAISE" | "SIGNAL" | "RAISERROR" | "THROW" | "RAISE_APPLICATION_ERROR" => self.raise(),
            "RETURN" => self.returned(out),
            "PERFORM" => self.perform(out),
            "EXECUTE" | "EXEC" | "PREPARE" => self.run_text(out),
            "OPEN" => self.open(out),
            "SET" if self.set(out) => {}
            word if IDLE.contains(&word) => {
                self.take();
            }
            _ => self.other(out),
        }
    }

    /// The statement's tokens, its delimiter left.
    fn take(&mut self) -> Cursor<'a> {
        match self.here.dialect {
            Dialect::MsSql => tsql::take_statement(&mut self.here),
            _ => self.here.take_until(|here| here.is_symbol(";")),
        }
    }

    fn other(&mut self, out: &mut Vec<Statement>) {
        if self.assignment(out) {
            return;
        }
        let statement = self.take();
        self.raised_inside(statement);
        self.sql(out, statement);
    }

    /// SQLite's `SELECT RAISE(ABORT, …)`.
    fn raised_inside(&mut self, statement: Cursor) {
        let mut here = statement;
        while !here.is_end() {
            if here.take_word("RAISE") && here.take_symbol("(") {
                match here.is(&["IGNORE"]) {
                    true => self.body.returns_null = true,
                    false => self.body.raises = true,
                }
            }
            here.skip();
        }
    }

    /// Reads SQL; INTO of a SELECT takes variables here.
    pub(super) fn sql(&mut self, out: &mut Vec<Statement>, statement: Cursor<'a>) {
        let text = without_into(statement);
        self.read(out, text, statement.line());
    }

    pub(super) fn read(&mut self, out: &mut Vec<Statement>, text: String, line: u32) {
        if text.is_empty() {
            return;
        }
        let length = text.len() as u64;
        let raw = RawStatement { number: self.number + 1, line, text, templated: false, head_only: false, length };
        let read = super::super::read_at(&raw, self.here.dialect, self.here.depth);
        self.push(out, line, read.ops);
    }

    /// `PERFORM f()` is a SELECT whose result is thrown away.
    fn perform(&mut self, out: &mut Vec<Statement>) {
        self.here.skip();
        let statement = self.take();
        self.read(out, format!("SELECT {}", statement.source_text()), statement.line());
    }

    fn open(&mut self, out: &mut Vec<Statement>) {
        let mut statement = self.take();
        statement.take_until(|here| here.is(&["FOR"]));
        statement.take_word("FOR");
        if statement.take_word("EXECUTE") {
            self.execute(out, statement.take_until(|here| here.is(&["USING"])));
        } else if !statement.is_end() {
            self.sql(out, statement.rest());
        }
    }

    /// An error that the body raises itself; levels below EXCEPTION go on.
    fn raise(&mut self) {
        const LEVELS: [&str; 6] = ["DEBUG", "LOG", "INFO", "NOTICE", "WARNING", "SQLSTATE"];
        let first = self.here;
        let statement = self.take();
        let goes_on = first.is(&["RAISE"]) && LEVELS[..5].iter().any(|level| first.is_word_at(1, level));
        // Alone it hands on the error that was caught.
        let hands_on = self.handlers > 0 && statement.remaining() <= 1;
        self.body.raises |= !goes_on && !hands_on && self.handlers == 0;
    }

    fn returned(&mut self, out: &mut Vec<Statement>) {
        self.here.skip();
        if self.here.take_word("QUERY") {
            if self.here.take_word("EXECUTE") {
                let text = take_up_to(&mut self.here, &["USING"]);
                self.execute(out, text);
                self.take();
                return;
            }
            let statement = self.take();
            return self.sql(out, statement);
        }
        self.here.take_word("NEXT");
        let value = match self.here.is_end() || self.here.is_symbol(";") {
            true => return,
            false => self.take(),
        };
        self.body.returns_null |= value.is(&["NULL"]) && value.remaining() == 1;
        if !value.is_one_of(&["NEW", "OLD", "NULL"]) {
            self.value(out, value);
        }
    }

    /// Declarations before BEGIN; one variable, handler or cursor in MySQL and SQL Server.
    fn declare(&mut self, out: &mut Vec<Statement>, nesting: u32) {
        self.here.skip();
        match self.here.dialect {
            Dialect::MsSql => {
                let statement = tsql::take_statement(&mut self.here);
                statement.split_commas().iter_mut().for_each(|part| self.declaration(part));
            }
            Dialect::MySql | Dialect::MariaDb => self.declare_one(out, nesting),
            _ => self.declarations(),
        }
    }

    fn declare_one(&mut self, out: &mut Vec<Statement>, nesting: u32) {
        let is_handler = self.here.is_word_at(1, "HANDLER");
        if !is_handler {
            let mut statement = self.take();
            return self.declaration(&mut statement);
        }
        self.here.take_count(2);
        self.here.take_word("FOR");
        // The conditions: names, NOT FOUND, SQLSTATE 'x', numbers, between commas.
        loop {
            let _ = self.here.take(&["NOT", "FOUND"]) || self.here.take_word("SQLSTATE");
            self.here.take_word("VALUE");
            if !self.here.is_one_of(&["BEGIN", "SET"]) && !self.here.is_symbol(",") {
                let is_condition = self.here.is_one_of(&["SQLEXCEPTION", "SQLWARNING"])
                    || matches!(self.here.kind_at(0), Some(TokenKind::Number | TokenKind::Text))
                    || self.here.text_at(1) == ",";
                if is_condition {
                    self.here.skip();
                }
            }
            if !self.here.take_symbol(",") {
                break;
            }
        }
        let (line, mut inner) = (self.here.line(), Vec::new());
        self.handlers += 1;
        if nesting < super::MAX_BLOCKS {
            self.statement(&mut inner, nesting + 1);
        }
        self.handlers -= 1;
        self.push_conditional(out, line, inner);
    }

    /// EXECUTE of a text, PREPARE … FROM, and SQL Server's EXEC of a procedure or a text.
    fn run_text(&mut self, out: &mut Vec<Statement>) {
        let line = self.here.line();
        let is_prepare = self.here.is(&["PREPARE"]);
        self.here.skip();
        let immediate = self.here.take_word("IMMEDIATE");
        match self.here.dialect {
            Dialect::MySql | Dialect::MariaDb if is_prepare => {
                take_up_to(&mut self.here, &["FROM"]);
                self.here.take_word("FROM");
                let text = self.take();
                self.execute(out, text);
            }
            // The text was looked at where it was prepared.
            Dialect::MySql | Dialect::MariaDb if !immediate => {
                self.take();
            }
            Dialect::MsSql => self.exec(out, line),
            _ => {
                let text = take_up_to(&mut self.here, &["INTO", "USING", "BULK", "RETURNING"]);
                self.take();
                self.execute(out, text);
            }
        }
    }

    fn exec(&mut self, out: &mut Vec<Statement>, line: u32) {
        let mut statement = self.take();
        if let Some(text) = statement.take_parenthesised() {
            return self.execute(out, text);
        }
        let whole = statement;
        let Some(routine) = statement.take_name() else { return };
        match routine.name.key() {
            "sp_executesql" => {
                statement.take_until(|here| here.kind_at(0) != Some(TokenKind::Word));
                self.execute(out, statement.take_until(|here| here.is_symbol(",")));
            }
            key if key.starts_with("sp_") => self.read(out, format!("EXEC {}", whole.source_text()), line),
            _ => self.push(out, line, vec![Op::Call { routine }]),
        }
    }
}

/// The text of a statement, without the variables that a SELECT puts its values into.
fn without_into(statement: Cursor) -> String {
    let whole = statement.source_text();
    let start = statement.token().map_or(0, |token| token.start as usize);
    if !statement.is_one_of(&["SELECT", "WITH"]) || statement.dialect == Dialect::MsSql {
        return whole.to_owned();
    }
    let mut here = statement;
    let mut last = "";
    loop {
        here.take_until(|here| here.is_one_of(&["INTO", "INSERT", "MERGE"]));
        if !here.is(&["INTO"]) {
            last = here.text_at(0);
        } else if !last.is_empty() {
            return whole.to_owned();
        } else {
            break;
        }
        if here.skip().is_none() {
            return whole.to_owned();
        }
    }
    let from = here.token().map_or(0, |token| token.start as usize);
    here.skip();
    here.take_word("STRICT");
    loop {
        here.skip();
        while here.is_symbol(".") {
            here.take_count(2);
        }
        if !here.take_symbol(",") {
            break;
        }
    }
    let to = here.token().map_or(start + whole.len(), |token| token.start as usize);
    format!("{} {}", &whole[..from - start], &whole[to - start..])
}
