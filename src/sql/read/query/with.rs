//! WITH: queries under a name, and data statements that run with the query.

use crate::sql::cursor::Cursor;
use crate::sql::expression::{Query, Source};
use crate::sql::name::{Ident, Name};
use crate::sql::statement::Op;

use super::super::data;
use super::super::expression::names::Names;
use super::from::rename_outputs;
use super::query_at;

/// Larger queries are not repeated in place of their name.
const MAX_WEIGHT: usize = 4096;
const MAX_COPIES: usize = 32;

/// One `name AS (…)`.
struct Cte {
    name: Ident,
    /// None for a data statement.
    query: Option<Query>,
}

/// A WITH clause.
pub struct With {
    ctes: Vec<Cte>,
    names: Names,
    /// The DELETEs that return their whole rows.
    pub whole_rows: Vec<Ident>,
    /// What its data statements do, each with the name its rows have.
    pub modifies: Vec<(Ident, Op)>,
}

impl With {
    pub fn take(cursor: &mut Cursor, nesting: u32) -> Option<With> {
        if !cursor.take_word("WITH") {
            return None;
        }
        let recursive = cursor.take_word("RECURSIVE");
        let mut with = With { ctes: Vec::new(), names: Names::default(), whole_rows: Vec::new(), modifies: Vec::new() };
        while with.take_one(cursor, recursive, nesting).is_some() && cursor.take_symbol(",") {}
        Some(with)
    }

    fn take_one(&mut self, cursor: &mut Cursor, recursive: bool, nesting: u32) -> Option<()> {
        let mut here = *cursor;
        let name = here.take_ident()?;
        let columns = here.take_parenthesised().map(Cursor::split_commas).unwrap_or_default();
        if !here.take_word("AS") {
            return None;
        }
        here.take_word("NOT");
        here.take_word("MATERIALIZED");
        let inner = here.take_parenthesised()?;
        while take_search(&mut here) {}
        *cursor = here;
        let columns: Vec<Ident> = columns.into_iter().filter_map(|mut part| part.take_ident()).collect();
        self.add(name, inner, &columns, recursive, nesting);
        Some(())
    }

    fn add(&mut self, name: Ident, inner: Cursor, columns: &[Ident], recursive: bool, nesting: u32) {
        if recursive {
            self.ctes.push(Cte { name: name.clone(), query: None });
        }
        let changes = match is_change(inner) {
            true => data::operations(inner, nesting + 1),
            false => None,
        };
        let query = match changes {
            Some(ops) => {
                self.add_changes(&name, inner, ops);
                None
            }
            None => {
                let mut query = query_at(inner, nesting + 1);
                self.hide(&mut query);
                self.names.add_query(&query);
                self.modifies.extend(std::mem::take(&mut query.modifies).into_iter().map(|op| (name.clone(), op)));
                rename_outputs(&mut query, columns);
                Some(query)
            }
        };
        self.ctes.retain(|cte| cte.name != name);
        self.ctes.push(Cte { name, query });
    }

    fn add_changes(&mut self, name: &Ident, inner: Cursor, ops: Vec<Op>) {
        let last = inner.remaining().saturating_sub(1);
        if inner.text_at(last) == "*" && last > 0 && inner.is_word_at(last - 1, "RETURNING") {
            self.whole_rows.push(name.clone());
        }
        for mut op in ops {
            self.hide_in_op(&mut op);
            self.link(&op);
            self.modifies.push((name.clone(), op));
        }
    }

    /// Gives a query what its WITH clause names, and takes the clause's own names out of its tables.
    pub fn apply(self, query: &mut Query) {
        self.hide(query);
        let mut names = self.names;
        names.add_query(query);
        query.modifies.splice(0..0, self.modifies.into_iter().map(|(_, op)| op));
        query.columns = names.columns.into_vec();
        query.functions = names.functions.into_vec();
        query.tables = names.tables.into_vec();
    }

    /// The names of the data statements, for telling where their rows go.
    pub fn has(&self, name: &Name) -> bool {
        name.schema.is_none() && self.ctes.iter().any(|cte| cte.name == name.name)
    }

    pub fn hide(&self, query: &mut Query) {
        let mut copies = MAX_COPIES;
        self.hide_in(query, &mut copies);
    }

    fn hide_in(&self, query: &mut Query, copies: &mut usize) {
        query.tables.retain(|table| !self.has(table));
        for output in &mut query.outputs {
            if let crate::sql::expression::Output::Column { value, .. } = output {
                value.tables.retain(|table| !self.has(table));
            }
        }
        if let Some(condition) = &mut query.condition {
            condition.tables.retain(|table| !self.has(table));
        }
        self.hide_sources(&mut query.from, copies);
    }

    /// Puts the queries in the place of their names.
    fn hide_sources(&self, sources: &mut [Source], copies: &mut usize) {
        for source in sources {
            if let Some(inner) = &mut source.query {
                self.hide_in(inner, copies);
            }
            let Some(table) = source.table.take_if(|table| self.has(table)) else { continue };
            let cte = self.ctes.iter().find(|cte| cte.name == table.name);
            let query = cte.and_then(|cte| cte.query.as_ref()).filter(|query| weight(query) <= MAX_WEIGHT && *copies > 0);
            if let Some(query) = query {
                *copies -= 1;
                source.query = Some(Box::new(query.clone()));
            }
            source.alias.get_or_insert(table.name);
        }
    }

    /// As [`With::hide`] for the sources of a data statement.
    pub fn hide_from(&self, sources: &mut [Source]) {
        let mut copies = MAX_COPIES;
        self.hide_sources(sources, &mut copies);
    }
}

/// `SEARCH DEPTH FIRST BY a, b SET c`, `CYCLE a, b SET c [TO x DEFAULT y] USING d`.
fn take_search(here: &mut Cursor) -> bool {
    let found = here.take_one_of(&["SEARCH", "CYCLE"]).is_some();
    if found {
        here.take_until(|here| here.is(&["SET"]));
        here.take_count(2);
        if here.take_word("TO") {
            here.take_until(|here| here.is(&["USING"]));
        }
        if here.take_word("USING") {
            here.skip();
        }
    }
    found
}

pub fn is_change(cursor: Cursor) -> bool {
    let mut here = cursor;
    if here.is(&["WITH"]) {
        // A data statement behind its own WITH clause.
        let found = here.take_until(|here| here.is_one_of(&["INSERT", "UPDATE", "DELETE", "MERGE", "SELECT", "VALUES"]));
        let _ = found;
    }
    here.is_one_of(&["INSERT", "UPDATE", "DELETE", "MERGE"])
}

/// About how much a copy of it costs.
fn weight(query: &Query) -> usize {
    let own = query.text.len() + query.columns.len() + query.outputs.len();
    query.from.iter().filter_map(|source| source.query.as_deref()).map(weight).sum::<usize>() + own
}
