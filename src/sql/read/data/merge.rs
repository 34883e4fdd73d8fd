//! MERGE as the updates, deletes and inserts of its branches.

use crate::sql::cursor::Cursor;
use crate::sql::expression::{Expr, Source};
use crate::sql::lexer::TokenKind;
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{Delete, Insert, InsertSource, Op, Update};

use super::super::expression::expr_at;
use super::super::expression::names::Names;
use super::super::query::sources;
use super::{assignments, before_returning};

struct Merge {
    table: Name,
    alias: Option<Ident>,
    from: Vec<Source>,
    nesting: u32,
}

pub fn merge(cursor: Cursor, nesting: u32) -> Option<Vec<Op>> {
    let mut here = before_returning(cursor);
    if here.take_word("TOP") {
        here.take_parenthesised();
    }
    here.take_word("INTO");
    let mut names = Names::default();
    let target = here.take_until(|here| here.is(&["USING"]));
    let target = sources(target, nesting, &mut names).sources.into_iter().next()?;
    here.take_word("USING").then_some(())?;
    let from = sources(here.take_until(|here| here.is(&["ON"])), nesting, &mut names).sources;
    here.take_word("ON");
    let merge = Merge { table: target.table?, alias: target.alias, from, nesting };
    let mut branches = branches(here).into_iter();
    let on = branches.next()?;
    Some(branches.filter_map(|branch| merge.branch(on, branch)).flatten().collect())
}

/// The condition, then what stands behind each WHEN outside CASE.
fn branches(cursor: Cursor) -> Vec<Cursor> {
    let (mut parts, mut here) = (Vec::new(), cursor);
    while !here.is_end() {
        here.take_word("WHEN");
        let (mut count, mut depth, mut cases) = (0usize, 0usize, 0usize);
        while let Some(kind) = here.kind_at(count) {
            match (kind, here.text_at(count)) {
                (TokenKind::Symbol, "(") => depth += 1,
                (TokenKind::Symbol, ")") => depth = depth.saturating_sub(1),
                (TokenKind::Word, _) if here.is_word_at(count, "CASE") => cases += 1,
                (TokenKind::Word, _) if here.is_word_at(count, "END") => cases = cases.saturating_sub(1),
                (TokenKind::Word, _) if depth == 0 && cases == 0 && here.is_word_at(count, "WHEN") => break,
                _ => {}
            }
            count += 1;
        }
        parts.push(here.take_count(count));
    }
    parts
}

impl Merge {
    fn branch(&self, on: Cursor, branch: Cursor) -> Option<Vec<Op>> {
        let mut here = branch;
        let head = take_head(&mut here);
        let condition = Some(self.condition(on, head));
        match here.take_one_of(&["UPDATE", "DELETE", "INSERT"])? {
            "UPDATE" => Some(self.update(here, condition)),
            "DELETE" => Some(vec![self.delete(condition)]),
            _ => Some(vec![self.insert(here)]),
        }
    }

    /// Both conditions, as far as they can be one expression: the branch's where it has one.
    fn condition(&self, on: Cursor, head: Cursor) -> Expr {
        let mut own = head;
        own.take_until(|here| here.is(&["AND"]));
        match own.take_word("AND") {
            true => expr_at(own.rest(), self.nesting),
            false => expr_at(on, self.nesting),
        }
    }

    /// Oracle adds `DELETE WHERE` to an update.
    fn update(&self, mut here: Cursor, condition: Option<Expr>) -> Vec<Op> {
        here.take_word("SET");
        let list = here.take_until(|here| here.is_one_of(&["WHERE", "DELETE", "OUTPUT"]));
        let deletes = {
            here.take_until(|here| here.is(&["DELETE"]));
            here.is(&["DELETE"])
        };
        let update = Update {
            table: self.table.clone(),
            alias: self.alias.clone(),
            from: self.from.clone(),
            assignments: assignments(list, self.nesting),
            condition: condition.clone(),
        };
        let mut ops = vec![Op::Update(Box::new(update))];
        if deletes {
            ops.push(self.delete(condition));
        }
        ops
    }

    fn delete(&self, condition: Option<Expr>) -> Op {
        Op::Delete(Box::new(Delete { tables: vec![self.table.clone()], using: self.from.clone(), condition, moved_to: None }))
    }

    fn insert(&self, mut here: Cursor) -> Op {
        let columns = here.take_parenthesised().map(Cursor::split_commas).unwrap_or_default();
        let columns = columns.into_iter().filter_map(|mut part| part.take_name()).map(|name| name.name).collect();
        Op::Insert(Box::new(Insert {
            table: self.table.clone(),
            columns,
            source: InsertSource::Other,
            overwrites: Vec::new(),
            replaces: false,
            conflict: None,
        }))
    }
}

/// `[NOT] MATCHED [BY SOURCE] [AND …]`, up to THEN outside CASE.
fn take_head<'a>(here: &mut Cursor<'a>) -> Cursor<'a> {
    let (mut count, mut cases) = (0usize, 0usize);
    while !(here.kind_at(count).is_none() || cases == 0 && here.is_word_at(count, "THEN")) {
        cases += usize::from(here.is_word_at(count, "CASE"));
        cases -= usize::from(cases > 0 && here.is_word_at(count, "END"));
        count += 1;
    }
    let head = here.take_count(count);
    here.take_word("THEN");
    head
}
