//! Data statements: INSERT, REPLACE, UPDATE, DELETE, MERGE, CALL, WITH and SELECT.

mod assign;
mod delete;
mod insert;
mod merge;
mod select;
mod update;

#[cfg(test)]
mod tests;

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::expression::Expr;
use crate::sql::expression::Output;
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{Insert, InsertSource, Op};

use super::expression::MAX_NESTING;
use super::query::With;

pub use assign::assignments;

/// What these tokens do; none where they are no data statement.
pub fn data(cursor: Cursor) -> Option<Vec<Op>> {
    operations(cursor, 0)
}

/// [`data`] inside `nesting` other statements and queries.
pub fn operations(cursor: Cursor, nesting: u32) -> Option<Vec<Op>> {
    if nesting >= MAX_NESTING {
        return None;
    }
    let mut here = cursor;
    let Some(with) = With::take(&mut here, nesting) else { return statement(cursor, nesting) };
    if !here.is_one_of(&["INSERT", "REPLACE", "UPDATE", "DELETE", "MERGE"]) {
        return statement(cursor, nesting);
    }
    Some(with.run(statement(here, nesting)?))
}

fn statement(cursor: Cursor, nesting: u32) -> Option<Vec<Op>> {
    let mut here = cursor;
    if here.is_symbol("(") || here.is(&["WITH"]) || here.is(&["SELECT"]) || here.is(&["VALUES"]) || is_table(&here) {
        return select::select(cursor, nesting);
    }
    match here.take_one_of(&["INSERT", "REPLACE", "UPDATE", "DELETE", "MERGE", "CALL"])? {
        "INSERT" => insert::insert(here, false, nesting),
        "REPLACE" => insert::insert(here, true, nesting),
        "UPDATE" => update::update(here, nesting),
        "DELETE" => delete::delete(here, nesting),
        "MERGE" => merge::merge(here, nesting),
        _ => Some(vec![Op::Call { routine: here.take_name()? }]),
    }
}

/// `TABLE t` as a statement.
fn is_table(here: &Cursor) -> bool {
    here.is(&["TABLE"]) && !matches!(here.dialect, Dialect::MsSql | Dialect::Sqlite)
}

/// The tokens in front of RETURNING (OUTPUT in SQL Server), without what is behind it.
fn before_returning<'a>(cursor: Cursor<'a>) -> Cursor<'a> {
    let mut here = cursor;
    here.take_until(|here| here.is(&["RETURNING"]))
}

/// Skips SQL Server's OUTPUT up to one of the words that may follow it.
fn skip_output(cursor: &mut Cursor) {
    if cursor.dialect == Dialect::MsSql && cursor.take_word("OUTPUT") {
        cursor.take_until(|here| here.is_one_of(&["FROM", "WHERE", "VALUES", "SELECT", "DEFAULT", "EXEC", "EXECUTE"]));
    }
}

/// The WHERE clause; ORDER BY and LIMIT of MySQL stand for one where there is none.
fn condition(cursor: &mut Cursor, nesting: u32) -> Option<Expr> {
    if cursor.take_word("WHERE") {
        return Some(super::expression::expr_at(super::query::take_clause(cursor), nesting));
    }
    cursor.is_one_of(&["ORDER", "LIMIT"]).then(|| super::expression::expr_at(*cursor, nesting))
}

impl With {
    /// The operations of this clause, then those of its statement, names of the clause resolved in it.
    fn run(mut self, mut main: Vec<Op>) -> Vec<Op> {
        for op in &mut main {
            self.hide_in_op(op);
            self.link(op);
        }
        self.modifies.into_iter().map(|(_, op)| op).chain(main).collect()
    }

    /// Takes the clause's names out of what a data statement reads.
    pub fn hide_in_op(&self, op: &mut Op) {
        match op {
            Op::Insert(insert) => {
                if let InsertSource::Query(query) = &mut insert.source {
                    self.hide(query);
                }
            }
            Op::Update(update) => self.hide_from(&mut update.from),
            Op::Delete(delete) => self.hide_from(&mut delete.using),
            _ => {}
        }
    }

    /// Notes for a DELETE of the clause that this INSERT takes its whole rows.
    pub fn link(&mut self, op: &Op) {
        let Op::Insert(insert) = op else { return };
        let Some(name) = whole_rows_of(insert) else { return };
        let target: Name = insert.table.clone();
        let returns_all = self.whole_rows.contains(name);
        for (_, op) in self.modifies.iter_mut().filter(|(cte, _)| cte == name && returns_all) {
            if let Op::Delete(delete) = op {
                delete.moved_to = Some(target.clone());
            }
        }
    }
}

/// The only source of an INSERT … SELECT * without conditions.
fn whole_rows_of(insert: &Insert) -> Option<&Ident> {
    let InsertSource::Query(query) = &insert.source else { return None };
    let ([Output::Star { .. }], [source]) = (query.outputs.as_slice(), query.from.as_slice()) else { return None };
    if query.filtered || query.combined {
        return None;
    }
    match &source.table {
        Some(table) => Some(&table.name),
        None => source.alias.as_ref(),
    }
}
