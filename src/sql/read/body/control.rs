//! Blocks, branches and loops.

use crate::sql::dialect::Dialect;
use crate::sql::lexer::TokenKind;
use crate::sql::statement::Statement;

use super::{Reader, take_up_to, tsql};

impl Reader<'_> {
    /// `BEGIN … [EXCEPTION WHEN … THEN …] END`: its statements stand among those around it, its handlers may run.
    pub(super) fn block(&mut self, out: &mut Vec<Statement>, nesting: u32) {
        self.here.skip();
        self.here.take_word("NOT");
        self.body.bound |= self.here.is(&["ATOMIC"]) && self.here.dialect == Dialect::PostgreSql;
        self.here.take_word("ATOMIC");
        let is_catch = self.here.take_word("CATCH");
        self.here.take_word("TRY");
        let line = self.here.line();
        self.handlers += u32::from(is_catch);
        let statements = self.list(nesting + 1);
        self.handlers -= u32::from(is_catch);
        match is_catch {
            true => self.push_conditional(out, line, statements),
            false => out.extend(statements),
        }
        if self.here.take_word("EXCEPTION") {
            self.handlers += 1;
            self.branches(out, nesting);
            self.handlers -= 1;
        }
        self.end();
    }

    /// `END`, `END IF`, `END name`, and the delimiter.
    fn end(&mut self) {
        if self.here.take_word("END") {
            let _ = self.here.take_one_of(&["IF", "LOOP", "CASE", "WHILE", "REPEAT", "FOR", "TRY", "CATCH"]);
            let is_label = matches!(self.here.kind_at(0), Some(TokenKind::Word | TokenKind::Quoted))
                && (self.here.text_at(1) == ";" || self.here.remaining() == 1);
            // `END` of a block may stand right before that of another.
            if is_label && !self.here.is_one_of(&["END", "ELSE"]) {
                self.here.skip();
            }
        }
        self.here.take_symbol(";");
    }

    /// `WHEN … THEN …` of CASE and EXCEPTION, and ELSE.
    fn branches(&mut self, out: &mut Vec<Statement>, nesting: u32) {
        loop {
            let line = self.here.line();
            if self.here.take_word("WHEN") {
                let condition = take_up_to(&mut self.here, &["THEN"]);
                if self.handlers == 0 {
                    self.value(out, condition);
                }
                self.here.take_word("THEN");
            } else if !self.here.take_word("ELSE") {
                return;
            }
            let branch = self.list(nesting + 1);
            self.push_conditional(out, line, branch);
        }
    }

    pub(super) fn case(&mut self, out: &mut Vec<Statement>, nesting: u32) {
        self.here.skip();
        let selector = take_up_to(&mut self.here, &["WHEN"]);
        self.value(out, selector);
        let handlers = std::mem::take(&mut self.handlers);
        self.branches(out, nesting);
        self.handlers = handlers;
        self.end();
    }

    pub(super) fn branch(&mut self, out: &mut Vec<Statement>, nesting: u32) {
        if self.here.dialect == Dialect::MsSql {
            return self.tsql_branch(out, nesting);
        }
        while self.here.take_one_of(&["IF", "ELSIF", "ELSEIF"]).is_some() {
            let condition = take_up_to(&mut self.here, &["THEN"]);
            self.value(out, condition);
            self.here.take_word("THEN");
            self.conditional(out, nesting);
        }
        if self.here.take_word("ELSE") {
            self.conditional(out, nesting);
        }
        self.end();
    }

    fn conditional(&mut self, out: &mut Vec<Statement>, nesting: u32) {
        let line = self.here.line();
        let statements = self.list(nesting + 1);
        self.push_conditional(out, line, statements);
    }

    /// `IF condition statement [ELSE statement]`.
    fn tsql_branch(&mut self, out: &mut Vec<Statement>, nesting: u32) {
        self.here.skip();
        let condition = tsql::take_condition(&mut self.here);
        self.value(out, condition);
        loop {
            let (line, mut branch) = (self.here.line(), Vec::new());
            if nesting < super::MAX_BLOCKS {
                self.statement(&mut branch, nesting + 1);
            } else {
                self.body.opaque = true;
                self.here.take_count(self.here.remaining());
            }
            self.push_conditional(out, line, branch);
            let mut ahead = self.here;
            ahead.take_symbol(";");
            if !ahead.take_word("ELSE") {
                return;
            }
            self.here = ahead;
        }
    }

    /// LOOP, WHILE, FOR, FOREACH, REPEAT: what is inside may run or not.
    pub(super) fn repeated(&mut self, out: &mut Vec<Statement>, nesting: u32) {
        let word = self.here.text_at(0).to_ascii_uppercase();
        self.here.skip();
        match word.as_str() {
            "WHILE" if self.here.dialect == Dialect::MsSql => {
                let condition = tsql::take_condition(&mut self.here);
                self.value(out, condition);
                let (line, mut inner) = (self.here.line(), Vec::new());
                if nesting < super::MAX_BLOCKS {
                    self.statement(&mut inner, nesting + 1);
                }
                return self.push_conditional(out, line, inner);
            }
            "FOR" | "FOREACH" => self.over(out),
            "WHILE" => {
                let condition = take_up_to(&mut self.here, &["LOOP", "DO"]);
                self.value(out, condition);
            }
            _ => {}
        }
        let _ = self.here.take_one_of(&["LOOP", "DO"]);
        self.conditional(out, nesting);
        if self.here.take_word("UNTIL") {
            take_up_to(&mut self.here, &["END"]);
        }
        self.end();
    }

    /// What a FOR loop goes over: a query, a text that is executed, numbers.
    fn over(&mut self, out: &mut Vec<Statement>) {
        take_up_to(&mut self.here, &["IN", "LOOP", "DO"]);
        self.here.take_word("IN");
        self.here.take_word("REVERSE");
        if self.here.take_word("EXECUTE") {
            let text = take_up_to(&mut self.here, &["LOOP", "USING"]);
            self.execute(out, text);
            take_up_to(&mut self.here, &["LOOP"]);
            return;
        }
        let over = take_up_to(&mut self.here, &["LOOP", "DO"]);
        match over.is_one_of(&["SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE"]) || over.is_symbol("(") {
            true => self.sql(out, over),
            false => self.value(out, over),
        }
    }
}
