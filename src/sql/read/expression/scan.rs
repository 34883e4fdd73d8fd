//! What an expression names, found in one pass over its tokens: a word is a name where a value is expected and an operator
//! after one. Only subqueries go deeper, so that no nesting of parentheses can exhaust the stack.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::expression::ColumnRef;
use crate::sql::lexer::TokenKind;
use crate::sql::name::{Ident, Name};

use super::super::query::query_at;
use super::MAX_NESTING;
use super::names::Names;
use super::words::{Infix, Prefix, among, infix, is_unit, prefix, unit_first};

/// Adds every column, function and table that these tokens name; they may be several expressions between commas.
pub fn scan(cursor: Cursor, nesting: u32, names: &mut Names) {
    let mut scan = Scan { here: cursor, names, nesting, frames: Vec::new(), wants_value: true };
    while !scan.here.is_end() {
        scan.step();
    }
}

/// Parentheses or brackets that are open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    Group,
    Call,
    /// MySQL's `CONVERT(value, type)`.
    Convert,
    /// OVER, FILTER, WITHIN GROUP.
    Clause,
}

struct Scan<'a, 'n> {
    here: Cursor<'a>,
    names: &'n mut Names,
    nesting: u32,
    frames: Vec<Frame>,
    wants_value: bool,
}

impl<'a> Scan<'a, '_> {
    fn step(&mut self) {
        match self.here.kind_at(0) {
            Some(TokenKind::Word) if self.wants_value => self.word(),
            Some(TokenKind::Quoted) if self.wants_value => self.name(),
            Some(TokenKind::Word) => self.operator(),
            Some(TokenKind::Symbol) => self.symbol(),
            // PostgreSQL's `?` is an operator between two values.
            Some(TokenKind::Parameter) => {
                self.wants_value = !self.wants_value && self.here.text_at(0) == "?";
                self.here.skip();
            }
            _ => {
                self.wants_value = false;
                self.here.skip();
            }
        }
    }

    fn word(&mut self) {
        let word = self.here.text_at(0);
        if self.is_text_at(1, ".") {
            return self.name();
        }
        if self.here.take(&["GROUPING", "SETS"]) {
            return;
        }
        match prefix(word, self.here.dialect) {
            Prefix::Value | Prefix::End => self.leave_value(),
            Prefix::Operator => self.enter(),
            Prefix::Niladic if !self.is_text_at(1, "(") => {
                self.names.functions.push(Name::bare(Ident::new(self.here.dialect, word, false)));
                self.leave_value();
            }
            Prefix::Soft if self.is_soft_prefix(word) => self.enter(),
            _ if self.is_clause_word(word) => self.enter(),
            _ => self.name(),
        }
    }

    /// `PARTITION BY`, `ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW` and the like.
    fn is_clause_word(&self, word: &str) -> bool {
        const WORDS: [&str; 10] =
            ["PARTITION", "ROW", "ROWS", "RANGE", "GROUPS", "UNBOUNDED", "PRECEDING", "FOLLOWING", "CURRENT", "EXCLUDE"];
        self.frames.last() == Some(&Frame::Clause) && among(&WORDS, word)
    }

    /// INTERVAL, ARRAY and the like stand for themselves only where a value follows.
    fn is_soft_prefix(&self, word: &str) -> bool {
        let next = self.here.text_at(1);
        match self.here.kind_at(1) {
            Some(TokenKind::Symbol) => match next {
                "(" => among(&["ROW", "ARRAY", "INTERVAL", "BINARY", "PRIOR", "LATERAL", "MULTISET"], word),
                "[" => word.eq_ignore_ascii_case("ARRAY"),
                "-" | "+" | "@" => word.eq_ignore_ascii_case("INTERVAL"),
                _ => false,
            },
            Some(TokenKind::Word) => infix(next) == Infix::Other && !is_unit(next) || word.eq_ignore_ascii_case("INTERVAL"),
            Some(_) => true,
            None => false,
        }
    }

    /// The word is an operator: a value follows.
    fn enter(&mut self) {
        self.here.skip();
        self.wants_value = true;
    }

    /// The word was the value.
    fn leave_value(&mut self) {
        self.here.skip();
        self.wants_value = false;
    }

    fn is_text_at(&self, ahead: usize, symbol: &str) -> bool {
        self.here.kind_at(ahead) == Some(TokenKind::Symbol) && self.here.text_at(ahead) == symbol
    }

    fn name(&mut self) {
        let quoted = self.here.kind_at(0) == Some(TokenKind::Quoted);
        let word = self.here.text_at(0);
        if !quoted && self.is_typed_literal(word) {
            return;
        }
        let Some(last) = self.here.take_ident() else { return self.leave_value() };
        let (mut last, mut before) = (last, None);
        while self.here.take_symbol(".") {
            if self.here.take_symbol("*") {
                self.wants_value = false;
                return;
            }
            let Some(part) = self.here.take_ident_or_text() else { break };
            before = Some(std::mem::replace(&mut last, part));
        }
        self.place(before, last, word);
    }

    /// `date '2020-01-01'`, `timestamp with time zone '…'`, `interval(3) '…'`: a type, then a string.
    fn is_typed_literal(&mut self, word: &str) -> bool {
        let zone = usize::from(among(&["TIMESTAMP", "TIME"], word) && self.here.is_word_at(2, "TIME")) * 3;
        let is_literal = self.here.kind_at(1 + zone) == Some(TokenKind::Text);
        if is_literal {
            self.here.take_count(1 + zone);
        }
        is_literal
    }

    fn place(&mut self, before: Option<Ident>, last: Ident, word: &str) {
        if self.is_text_at(0, "(") {
            return self.call(Name { schema: before, name: last }, word);
        }
        let named_argument = self.is_text_at(0, "=>") || (self.is_text_at(0, ":=") && self.frames.last() == Some(&Frame::Call));
        if !named_argument {
            self.names.columns.push(ColumnRef { qualifier: before, column: last });
        }
        self.wants_value = false;
    }

    fn call(&mut self, function: Name, word: &str) {
        let dialect = self.here.dialect;
        let is_converting = among(&["CONVERT", "TRY_CONVERT"], word);
        if !among(&["CAST", "TRY_CAST", "SAFE_CAST"], word) {
            self.names.functions.push(function);
        }
        self.here.skip();
        self.wants_value = true;
        match () {
            () if is_converting && dialect == Dialect::MsSql => {
                self.here.take_until(|here| here.is_symbol(",") || here.is_symbol(")"));
            }
            () if unit_first(word, dialect) && self.is_text_at(1, ",") => self.leave_value(),
            () if word.eq_ignore_ascii_case("EXTRACT") && self.here.is_word_at(1, "FROM") => self.leave_value(),
            () => {}
        }
        self.frames.push(if is_converting && dialect.is_mysql() { Frame::Convert } else { Frame::Call });
    }

    fn operator(&mut self) {
        let word = self.here.text_at(0);
        match infix(word) {
            Infix::Operator => self.infix_word(word),
            Infix::As if matches!(self.frames.last(), Some(Frame::Call | Frame::Convert)) => self.skip_to_close(),
            Infix::As | Infix::Collate => {
                self.here.skip();
                self.here.take_name();
            }
            Infix::At => {
                self.here.skip();
                self.wants_value = self.here.take(&["TIME", "ZONE"]);
                if !self.wants_value {
                    self.here.take_word("LOCAL");
                }
            }
            Infix::Over | Infix::Clause => self.window(),
            Infix::Custom => {
                self.here.skip();
                self.here.take_parenthesised();
                self.wants_value = true;
            }
            Infix::Other => {
                self.here.skip();
            }
        }
    }

    fn infix_word(&mut self, word: &str) {
        let mode = word.eq_ignore_ascii_case("IN") && (self.here.is_word_at(1, "BOOLEAN") || self.here.is_word_at(1, "NATURAL"));
        if mode && self.here.kind_at(2) == Some(TokenKind::Word) {
            self.here.take_count(3);
            return;
        }
        if word.eq_ignore_ascii_case("IS") {
            return self.is_something();
        }
        if word.eq_ignore_ascii_case("USING") && self.frames.last() == Some(&Frame::Convert) {
            return self.skip_to_close();
        }
        self.enter();
    }

    /// `IS NOT UNKNOWN`, `IS JSON OBJECT`: keywords that are names elsewhere.
    fn is_something(&mut self) {
        self.enter();
        self.here.take_word("NOT");
        let word = self.here.take_one_of(&["UNKNOWN", "JSON", "DOCUMENT", "NORMALIZED"]);
        if word == Some("JSON") {
            let _ = self.here.take_one_of(&["VALUE", "ARRAY", "OBJECT", "SCALAR"]);
        }
        self.wants_value = word.is_none();
    }

    fn window(&mut self) {
        self.here.skip();
        if self.here.take_symbol("(") {
            self.frames.push(Frame::Clause);
            self.wants_value = true;
        } else if self.here.kind_at(0) == Some(TokenKind::Word) {
            self.here.skip();
        }
    }

    /// What is left of the parentheses is a type.
    fn skip_to_close(&mut self) {
        self.here.take_until(|here| here.is_symbol(")"));
    }

    fn symbol(&mut self) {
        match self.here.text_at(0) {
            "(" => self.open(),
            ")" | "]" => {
                self.frames.pop();
                self.leave_value();
            }
            "[" => {
                self.frames.push(Frame::Group);
                self.enter();
            }
            "," if self.frames.last() == Some(&Frame::Convert) => self.skip_to_close(),
            "*" if self.wants_value => self.leave_value(),
            "." => {
                self.here.skip();
                if self.here.take_symbol("*") || self.here.take_ident().is_some() {
                    self.wants_value = false;
                }
            }
            "::" => {
                self.here.skip();
                skip_type(&mut self.here);
                self.wants_value = false;
            }
            _ => self.enter(),
        }
    }

    fn open(&mut self) {
        let is_query = ["SELECT", "WITH", "VALUES"].iter().any(|word| self.here.is_word_at(1, word));
        if is_query && self.nesting < MAX_NESTING {
            let Some(inner) = self.here.take_parenthesised() else { return };
            self.names.add_query(&query_at(inner, self.nesting + 1));
            self.wants_value = false;
            return;
        }
        self.frames.push(Frame::Group);
        self.enter();
    }
}

/// Skips a type after `::`.
pub fn skip_type(cursor: &mut Cursor) {
    let word = cursor.text_at(0);
    if cursor.take_name().is_none() {
        return;
    }
    match () {
        () if word.eq_ignore_ascii_case("double") => {
            cursor.take_word("PRECISION");
        }
        () if among(&["character", "bit", "char"], word) => {
            cursor.take_word("VARYING");
        }
        () => {}
    }
    cursor.take_parenthesised();
    if among(&["timestamp", "time"], word) && cursor.is_word_at(1, "TIME") {
        cursor.take_count(3);
    }
    if word.eq_ignore_ascii_case("interval") {
        while is_unit(cursor.text_at(0)) || (cursor.is_word_at(0, "TO") && is_unit(cursor.text_at(1))) {
            cursor.skip();
        }
    }
    while cursor.is_symbol("[") {
        cursor.take_until(|here| here.is_symbol("]"));
        cursor.take_symbol("]");
    }
}
