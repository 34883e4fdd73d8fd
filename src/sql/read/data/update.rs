//! UPDATE in the forms of all dialects.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::expression::{Expr, Source};
use crate::sql::name::Ident;
use crate::sql::statement::{Assignment, Op, Update};

use super::super::expression::names::Names;
use super::super::query::{sources, take_clause};
use super::{assignments, before_returning, condition, skip_output};

pub fn update(cursor: Cursor, nesting: u32) -> Option<Vec<Op>> {
    let mut here = before_returning(cursor);
    modifiers(&mut here);
    let mut names = Names::default();
    let written = here.take_until(|here| here.is(&["SET"]));
    let mut tables = sources(written, nesting, &mut names).sources;
    here.take_word("SET").then_some(())?;
    let mut list = take_clause(&mut here);
    if here.dialect == Dialect::MsSql {
        list = list.take_until(|here| here.is(&["OUTPUT"]));
    }
    let assigned = assignments(list, nesting);
    skip_output(&mut here);
    if here.take_word("FROM") {
        tables = with_from(tables, sources(take_clause(&mut here), nesting, &mut names).sources, cursor.dialect);
    }
    let condition = condition(&mut here, nesting);
    split(tables, assigned, condition)
}

fn modifiers(here: &mut Cursor) {
    while let Some(word) = here.take_one_of(&["LOW_PRIORITY", "IGNORE", "OR", "TOP"]) {
        match word {
            "OR" => here.skip().is_some(),
            "TOP" => here.take_parenthesised().is_some(),
            _ => true,
        };
    }
}

/// SQL Server updates the table of FROM that the target names, by its alias or by its name; the others add theirs to the target.
pub fn with_from(mut tables: Vec<Source>, mut from: Vec<Source>, dialect: Dialect) -> Vec<Source> {
    let target = tables.first().and_then(|source| source.table.as_ref()).map(|table| table.name.clone());
    let place = target.filter(|_| dialect == Dialect::MsSql).and_then(|target| find(&from, &target));
    if let Some(place) = place {
        let target = from.remove(place);
        from.insert(0, target);
        return from;
    }
    tables.append(&mut from);
    tables
}

/// The source with this alias, or this name.
pub fn find(sources: &[Source], name: &Ident) -> Option<usize> {
    let by_alias = sources.iter().position(|source| source.alias.as_ref() == Some(name));
    by_alias.or_else(|| sources.iter().position(|source| source.table.as_ref().is_some_and(|table| table.name == *name)))
}

/// One operation for each table that is assigned to: MySQL takes several.
fn split(tables: Vec<Source>, assigned: Vec<Assignment>, condition: Option<Expr>) -> Option<Vec<Op>> {
    let mut targets: Vec<(usize, Vec<Assignment>)> = Vec::new();
    for assignment in assigned {
        let place = assignment.qualifier.as_ref().and_then(|qualifier| find(&tables, qualifier)).unwrap_or(0);
        match targets.iter_mut().find(|(target, _)| *target == place) {
            Some((_, list)) => list.push(assignment),
            None => targets.push((place, vec![assignment])),
        }
    }
    let one = |(place, assignments): (usize, Vec<Assignment>)| {
        let mut from = tables.clone();
        let target = from.remove(place);
        let update = Update { table: target.table?, alias: target.alias, from, assignments, condition: condition.clone() };
        Some(Op::Update(Box::new(update)))
    };
    if tables.is_empty() || targets.is_empty() {
        return None;
    }
    targets.into_iter().map(one).collect()
}
