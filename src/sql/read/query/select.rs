//! One SELECT: its list, its sources and its conditions.

use crate::sql::cursor::Cursor;
use crate::sql::expression::Query;
use crate::sql::lexer::TokenKind;

use super::super::expression::{expr_at, scan};
use super::output::{is_aggregate, outputs};
use super::{Reader, sources, take_clause};

const MODIFIERS: [&str; 9] = [
    "ALL",
    "STRAIGHT_JOIN",
    "HIGH_PRIORITY",
    "SQL_CALC_FOUND_ROWS",
    "SQL_NO_CACHE",
    "SQL_CACHE",
    "SQL_SMALL_RESULT",
    "SQL_BIG_RESULT",
    "SQL_BUFFER_RESULT",
];

/// What DISTINCT looks at: whole rows, or the keys of DISTINCT ON.
#[derive(PartialEq, Eq)]
enum Distinct {
    Rows,
    Keys,
}

impl Reader {
    pub(super) fn select(&mut self, cursor: &mut Cursor) -> Query {
        let quantifier = self.quantifier(cursor);
        let mut query =
            Query { combined: quantifier.is_some(), distinct: quantifier == Some(Distinct::Rows), ..Query::default() };
        query.limited = self.top(cursor);
        query.filtered = query.limited;
        let list = take_clause(cursor);
        query.outputs = outputs(list, self.nesting, &mut self.names);
        query.combined |= is_aggregate(list);
        query.distinct &= !is_aggregate(list);
        self.take_into(cursor);
        if cursor.take_word("FROM") {
            let from = sources(take_clause(cursor), self.nesting, &mut self.names);
            query.filtered |= !from.inner_joins.is_empty();
            query.inner_joins = from.inner_joins;
            query.guessed |= from.guessed;
            query.from = from.sources;
        }
        self.conditions(cursor, &mut query);
        query
    }

    /// DISTINCT and the words that change no result.
    fn quantifier(&mut self, cursor: &mut Cursor) -> Option<Distinct> {
        while cursor.take_one_of(&MODIFIERS).is_some() {}
        let distinct = cursor.take_one_of(&["DISTINCT", "DISTINCTROW", "UNIQUE"]).is_some();
        if distinct
            && cursor.take_word("ON")
            && let Some(keys) = cursor.take_parenthesised()
        {
            scan(keys, self.nesting, &mut self.names);
            return Some(Distinct::Keys);
        }
        distinct.then_some(Distinct::Rows)
    }

    /// SQL Server's TOP.
    fn top(&mut self, cursor: &mut Cursor) -> bool {
        let follows = matches!(cursor.kind_at(1), Some(TokenKind::Number | TokenKind::Parameter)) || cursor.text_at(1) == "(";
        if !follows || !cursor.take_word("TOP") {
            return false;
        }
        if cursor.take_parenthesised().is_none() {
            cursor.skip();
        }
        cursor.take_word("PERCENT");
        cursor.take(&["WITH", "TIES"]);
        true
    }

    /// The table of SELECT … INTO; variables and files are none.
    fn take_into(&mut self, cursor: &mut Cursor) {
        if !cursor.take_word("INTO") {
            return;
        }
        let mut part = take_clause(cursor);
        if part.is_one_of(&["OUTFILE", "DUMPFILE"]) {
            return;
        }
        while part.take_one_of(&["TEMPORARY", "TEMP", "UNLOGGED", "TABLE", "STRICT"]).is_some() {}
        self.into = part.take_name().filter(|_| part.is_end());
    }

    fn conditions(&mut self, cursor: &mut Cursor, query: &mut Query) {
        loop {
            let word = cursor.take_one_of(&["WHERE", "HAVING", "GROUP", "CONNECT", "START", "QUALIFY"]);
            let Some(word) = word else { break };
            let _ = cursor.take_one_of(&["BY", "WITH"]);
            let part = take_clause(cursor);
            scan(part, self.nesting, &mut self.names);
            query.filtered |= word != "GROUP";
            query.limited |= !matches!(word, "GROUP" | "WHERE");
            query.combined |= matches!(word, "GROUP" | "HAVING" | "CONNECT");
            query.distinct &= word == "WHERE";
            if word == "WHERE" {
                query.condition = Some(expr_at(part, self.nesting + 1));
            }
        }
    }
}
