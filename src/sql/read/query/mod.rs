//! Queries: what they give, read, join and call.

mod clause;
mod from;
mod output;
mod select;
mod with;

#[cfg(test)]
mod tests;

use crate::sql::cursor::Cursor;
use crate::sql::expression::{Output, Query};
use crate::sql::name::{Ident, Name};

use super::expression::names::Names;
use super::expression::{MAX_NESTING, expr_at, scan, text};

pub use clause::take_clause;
pub use from::sources;
pub use with::With;

/// The query that these tokens are.
pub fn query(cursor: Cursor) -> Query {
    query_at(cursor, 0)
}

/// [`query`] inside `nesting` other queries and expressions.
pub fn query_at(cursor: Cursor, nesting: u32) -> Query {
    parse(cursor, nesting).query
}

/// A query, and the table that SELECT … INTO makes of it.
pub struct Parsed {
    pub query: Query,
    pub into: Option<Name>,
}

pub fn parse(cursor: Cursor, nesting: u32) -> Parsed {
    let mut parsed = match nesting < MAX_NESTING {
        true => Reader { nesting, into: None, names: Names::default() }.read(cursor),
        false => None,
    }
    .unwrap_or_else(|| Parsed { query: guess(cursor), into: None });
    parsed.query.text = text(cursor);
    parsed
}

/// Words after FROM, JOIN, INTO and UPDATE as tables, the others as columns.
fn guess(cursor: Cursor) -> Query {
    let mut names = Names::default();
    let mut here = cursor;
    while !here.is_end() {
        if here.take_one_of(&["FROM", "JOIN", "INTO", "UPDATE"]).is_some() {
            here.take_word("ONLY");
            if let Some(table) = here.take_name().filter(|_| !here.is_symbol("(")) {
                names.tables.push(table);
            }
        } else {
            here.skip();
        }
    }
    // Deep enough that subqueries are not read again.
    scan(cursor, MAX_NESTING, &mut names);
    finish(Query { guessed: true, ..Query::default() }, names)
}

fn finish(query: Query, names: Names) -> Query {
    Query { columns: names.columns.into_vec(), functions: names.functions.into_vec(), tables: names.tables.into_vec(), ..query }
}

/// Reads one query with its WITH clause, set operations and tail.
struct Reader {
    nesting: u32,
    into: Option<Name>,
    names: Names,
}

impl Reader {
    fn read(mut self, mut cursor: Cursor) -> Option<Parsed> {
        let with = With::take(&mut cursor, self.nesting);
        let mut query = self.operand(&mut cursor)?;
        while take_set_operator(&mut cursor) {
            let other = self.operand(&mut cursor)?;
            query.combined = true;
            query.distinct = false;
            query.guessed |= other.guessed;
            query.modifies.extend(other.modifies);
        }
        self.tail(&mut cursor, &mut query);
        if !cursor.is_end() {
            query.guessed = true;
            scan(cursor, self.nesting, &mut self.names);
        }
        let mut query = finish(query, self.names);
        if let Some(with) = with {
            with.apply(&mut query);
        }
        Some(Parsed { query, into: self.into })
    }

    fn operand(&mut self, cursor: &mut Cursor) -> Option<Query> {
        if cursor.is_symbol("(") {
            let inner = parse(cursor.take_parenthesised()?, self.nesting + 1).query;
            self.names.add_query(&inner);
            return Some(inner);
        }
        match cursor.take_one_of(&["SELECT", "VALUES", "VALUE", "TABLE"])? {
            "SELECT" => Some(self.select(cursor)),
            "TABLE" => self.table(cursor),
            _ => Some(self.values(cursor)),
        }
    }

    /// `TABLE t`.
    fn table(&mut self, cursor: &mut Cursor) -> Option<Query> {
        cursor.take_word("ONLY");
        let mut one = *cursor;
        cursor.take_name()?;
        let from = sources(one.take_count(one.remaining() - cursor.remaining()), self.nesting, &mut self.names).sources;
        Some(Query { outputs: vec![Output::Star { qualifier: None }], from, ..Query::default() })
    }

    fn values(&mut self, cursor: &mut Cursor) -> Query {
        let rows = take_clause(cursor);
        scan(rows, self.nesting, &mut self.names);
        let mut rows = rows;
        rows.take_word("ROW");
        let first = rows.take_parenthesised().map(Cursor::split_commas).unwrap_or_default();
        let name = |position: usize| match cursor.dialect.is_mysql() {
            true => format!("column_{position}"),
            false => format!("column{}", position + 1),
        };
        let output = |(position, value): (usize, &Cursor)| Output::Column {
            name: Some(Ident::stored(cursor.dialect, &name(position))),
            value: expr_at(*value, self.nesting + 1),
        };
        Query { outputs: first.iter().enumerate().map(output).collect(), combined: true, ..Query::default() }
    }

    /// ORDER BY, LIMIT, OFFSET, FETCH, FOR UPDATE and what dialects put behind them.
    fn tail(&mut self, cursor: &mut Cursor, query: &mut Query) {
        while let Some(word) = clause::take_tail_word(cursor) {
            query.limited |= matches!(word, "LIMIT" | "OFFSET" | "FETCH");
            query.filtered |= query.limited;
            let part = take_clause(cursor);
            if matches!(word, "ORDER" | "LIMIT" | "OFFSET") {
                scan(part, self.nesting, &mut self.names);
            }
        }
    }
}

fn take_set_operator(cursor: &mut Cursor) -> bool {
    let found = cursor.take_one_of(&["UNION", "INTERSECT", "EXCEPT"]).is_some()
        || (cursor.is_one_of(&["MINUS"]) && cursor.take_word("MINUS"));
    if found {
        let _ = cursor.take_one_of(&["ALL", "DISTINCT"]);
        cursor.take_word("CORRESPONDING");
    }
    found
}
