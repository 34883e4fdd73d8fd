//! INSERT and REPLACE. Rows that are written out are counted, not read.

use crate::sql::cursor::Cursor;
use crate::sql::name::Ident;
use crate::sql::statement::{Insert, InsertSource, Op};

use super::super::query::query_at;
use super::{assignments, before_returning, skip_output};

pub fn insert(cursor: Cursor, replaces: bool, nesting: u32) -> Option<Vec<Op>> {
    let mut here = before_tail(cursor);
    let mut tail = cursor;
    tail.take_count(here.remaining());
    let replaces = modifiers(&mut here) || replaces;
    here.take_word("INTO");
    here.take_word("TABLE");
    let table = here.take_name()?;
    alias(&mut here);
    let columns = column_list(&mut here);
    let (source, set_columns) = source(&mut here, nesting)?;
    let mut insert = Insert {
        table,
        columns: columns.or(set_columns).unwrap_or_default(),
        source,
        overwrites: Vec::new(),
        replaces,
        conflict: None,
    };
    conflicts(&mut tail, &mut insert, nesting);
    Some(vec![Op::Insert(Box::new(insert))])
}

/// The tokens in front of ON CONFLICT, ON DUPLICATE KEY and RETURNING.
fn before_tail<'a>(cursor: Cursor<'a>) -> Cursor<'a> {
    let mut here = cursor;
    here.take_until(|here| here.is(&["RETURNING"]) || here.is(&["ON", "CONFLICT"]) || here.is(&["ON", "DUPLICATE"]))
}

/// Words between INSERT and INTO; whether one of them replaces rows.
fn modifiers(here: &mut Cursor) -> bool {
    let mut replaces = false;
    while let Some(word) = here.take_one_of(&["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "OR", "OVERWRITE"]) {
        if word == "OR" {
            replaces |= here.is(&["REPLACE"]);
            here.skip();
        }
    }
    if here.take_word("TOP") {
        here.take_parenthesised();
    }
    replaces
}

fn alias(here: &mut Cursor) {
    if here.take_word("PARTITION") {
        here.take_parenthesised();
    }
    if here.take_word("AS") {
        here.take_ident();
        return;
    }
    const NEXT: [&str; 12] =
        ["VALUES", "VALUE", "SELECT", "WITH", "SET", "DEFAULT", "OVERRIDING", "TABLE", "EXEC", "EXECUTE", "OUTPUT", "ROW"];
    if !here.is_symbol("(") && !here.is_one_of(&NEXT) {
        here.take_ident();
    }
}

/// `(a, b)`; none where the parentheses hold the query.
fn column_list(here: &mut Cursor) -> Option<Vec<Ident>> {
    let mut ahead = *here;
    let inner = ahead.take_parenthesised()?;
    if inner.is_symbol("(") || inner.is_one_of(&["SELECT", "WITH", "VALUES"]) {
        return None;
    }
    *here = ahead;
    Some(inner.split_commas().into_iter().filter_map(column).collect())
}

/// The last part of `a`, `t.a`.
fn column(mut part: Cursor) -> Option<Ident> {
    let name = part.take_name()?;
    Some(name.name)
}

/// Where the rows come from, and the columns of MySQL's `SET a = 1`.
fn source(here: &mut Cursor, nesting: u32) -> Option<(InsertSource, Option<Vec<Ident>>)> {
    if here.take_word("OVERRIDING") {
        here.take_count(2);
    }
    skip_output(here);
    if here.take_one_of(&["VALUES", "VALUE"]).is_some() {
        return Some((InsertSource::Values(count_rows(here)), None));
    }
    if here.take_word("SET") {
        let columns = assignments(here.rest(), nesting).into_iter().map(|assignment| assignment.column).collect();
        return Some((InsertSource::Values(1), Some(columns)));
    }
    let is_query = here.is_symbol("(") || here.is_one_of(&["SELECT", "WITH", "TABLE"]);
    if is_query {
        return Some((InsertSource::Query(query_at(here.rest(), nesting + 1)), None));
    }
    (here.is_end() || here.is_one_of(&["DEFAULT", "EXEC", "EXECUTE"])).then_some((InsertSource::Other, None))
}

fn count_rows(here: &mut Cursor) -> usize {
    let mut rows = 0;
    loop {
        here.take_word("ROW");
        if here.take_parenthesised().is_none() {
            return rows;
        }
        rows += 1;
        here.take_symbol(",");
    }
}

/// ON CONFLICT and ON DUPLICATE KEY UPDATE.
fn conflicts(tail: &mut Cursor, insert: &mut Insert, nesting: u32) {
    let mut tail = before_returning(*tail);
    while tail.take_word("ON") {
        if tail.take_word("DUPLICATE") {
            tail.take(&["KEY", "UPDATE"]);
            return add_overwrites(tail, insert, nesting);
        }
        tail.take_word("CONFLICT");
        if let Some(columns) = tail.take_parenthesised() {
            let columns = columns.split_commas().into_iter();
            insert.conflict = Some(columns.filter_map(|mut part| part.take_ident().filter(|_| !part.is_symbol("("))).collect());
        }
        tail.take_until(|here| here.is(&["DO"]));
        tail.take_word("DO");
        let mut action = tail.take_until(|here| here.is(&["ON", "CONFLICT"]));
        if action.take(&["UPDATE", "SET"]) {
            add_overwrites(action.take_until(|here| here.is(&["WHERE"])), insert, nesting);
        }
    }
}

/// `a = a` writes back what is there.
fn add_overwrites(list: Cursor, insert: &mut Insert, nesting: u32) {
    for assignment in assignments(list, nesting) {
        let keeps = assignment.value.as_column().is_some_and(|value| {
            value.column == assignment.column && value.qualifier.as_ref().is_none_or(|qualifier| *qualifier == insert.table.name)
        });
        if !keeps && !insert.overwrites.contains(&assignment.column) {
            insert.overwrites.push(assignment.column);
        }
    }
}
