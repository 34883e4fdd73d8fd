//! Assignments: to columns of the row that a trigger sees, and to variables.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::lexer::TokenKind;
use crate::sql::name::Ident;
use crate::sql::statement::Statement;

use super::super::expression::expr;
use super::{Reader, take_up_to};

/// `NEW.column`, `OLD.column`, Oracle's `:NEW.column`.
pub fn row_column(here: &mut Cursor) -> Option<Ident> {
    let word = here.text_at(0);
    let name = word.strip_prefix(':').unwrap_or(word);
    let is_row = matches!(here.kind_at(0), Some(TokenKind::Word | TokenKind::Parameter))
        && (name.eq_ignore_ascii_case("NEW") || name.eq_ignore_ascii_case("OLD"))
        && here.text_at(1) == ".";
    if !is_row {
        return None;
    }
    let mut ahead = *here;
    ahead.take_count(2);
    let column = ahead.take_ident()?;
    *here = ahead;
    Some(column)
}

/// Whether the row's column that is next is assigned to: `NEW.a := …`, `SET NEW.a = …`, `NEW.a = …` as a statement.
pub fn is_target(here: &Cursor, before: &str) -> bool {
    const BEFORE: [&str; 6] = ["BEGIN", "THEN", "ELSE", "LOOP", "SET", "DO"];
    let begins = before == ";"
        || (before == "," && here.dialect.is_mysql())
        || BEFORE.iter().any(|word| before.eq_ignore_ascii_case(word));
    here.text_at(1) == "." && (here.text_at(3) == ":=" || (here.text_at(3) == "=" && begins))
}

impl<'a> Reader<'a> {
    /// `name := value;`, `name = value;`; false where the statement is none.
    pub(super) fn assignment(&mut self, out: &mut Vec<Statement>) -> bool {
        let mut ahead = self.here;
        let column = row_column(&mut ahead);
        let first = self.here.text_at(0);
        if column.is_none() && !take_variable(&mut ahead) {
            return false;
        }
        if !(ahead.take_symbol(":=") || ahead.take_symbol("=")) {
            return false;
        }
        self.here = ahead;
        let value = take_up_to(&mut self.here, &[]);
        self.assign(out, column, first, value);
        true
    }

    /// MySQL's and SQL Server's `SET target = value, …;`; false where it sets something of the session.
    pub(super) fn set(&mut self, out: &mut Vec<Statement>) -> bool {
        let mut ahead = self.here;
        ahead.skip();
        let is_row = row_column(&mut { ahead }).is_some();
        let first = ahead.text_at(0);
        let is_variable = ahead.kind_at(0) == Some(TokenKind::Parameter) && !first.starts_with("@@");
        if !is_row && !is_variable && self.held(first).is_none() {
            return false;
        }
        let list = match ahead.dialect {
            Dialect::MsSql => super::tsql::take_statement(&mut ahead),
            _ => take_up_to(&mut ahead, &[]),
        };
        self.here = ahead;
        for mut part in list.split_commas() {
            let column = row_column(&mut part);
            let name = part.text_at(0);
            if column.is_none() {
                part.skip();
            }
            if part.take_symbol(":=") || part.take_symbol("=") {
                self.assign(out, column, name, part.rest());
            }
        }
        true
    }

    fn assign(&mut self, out: &mut Vec<Statement>, column: Option<Ident>, name: &str, value: Cursor<'a>) {
        match column {
            Some(column) => {
                let mut here = value;
                let from = row_column(&mut here).filter(|_| here.is_end());
                self.assigned(column, from);
            }
            None => self.hold(name, value),
        }
        self.value(out, value);
    }

    /// `name [CONSTANT] type [:= value];` up to BEGIN.
    pub(super) fn declarations(&mut self) {
        while !self.here.is_end() && !self.here.is(&["BEGIN"]) {
            let mut part = take_up_to(&mut self.here, &["BEGIN"]);
            self.here.take_symbol(";");
            self.declaration(&mut part);
        }
    }

    pub(super) fn declaration(&mut self, part: &mut Cursor<'a>) {
        let name = part.text_at(0);
        part.take_until(|here| here.is_symbol(":=") || here.is_symbol("=") || here.is(&["DEFAULT"]));
        if part.skip().is_some() {
            self.hold(name, part.rest());
        } else {
            self.variables.entry(name.to_lowercase()).or_default();
        }
    }
}

/// `name`, `record.field`, `array[1]`.
fn take_variable(ahead: &mut Cursor) -> bool {
    if ahead.kind_at(0) == Some(TokenKind::Parameter) {
        ahead.skip();
    } else if expr(ahead.take_count(1)).as_column().is_none() {
        return false;
    }
    while ahead.is_symbol(".") {
        ahead.take_count(2);
    }
    while ahead.take_symbol("[") {
        ahead.take_until(|here| here.is_symbol("]"));
        ahead.take_symbol("]");
    }
    true
}
