//! Views of the two ends, and views whose tables changed under them.

use super::context::{Context, relation_target};
use crate::sql::catalog::log::{Key, Mark};
use crate::sql::catalog::{ColumnId, Relation, RelationId, RelationKind};
use crate::sql::dialect::Dialect;
use crate::sql::effect::{Certainty, Effect, EffectKind};
use crate::sql::expression::Query;

/// A relation that has its old name, where one of the two is a view.
pub(super) fn same_name(context: &Context, old: &Relation, new: &Relation, found: &mut Vec<Effect>) {
    if !old.is_view() && !new.is_view() {
        return;
    }
    let mark = context.mark(&[Key::Relation(new.id), Key::Relation(old.id)]);
    let mut push = |kind, certainty, why: String| found.push(context.effect(kind, relation_target(old), mark, certainty, why));
    if old.is_table() && !takes_writes(context, new) {
        push(EffectKind::WritesBreak, Certainty::Certain, format!("{} is a view that takes no writes", old.name));
    }
    if new.kind == RelationKind::MaterializedView && !new.populated && (old.populated || old.id != new.id) {
        push(EffectKind::ReadsBreak, Certainty::Certain, format!("{} is a materialised view without data", old.name));
    }
    if old.is_view() && !shows_as_much(old, new) {
        push(EffectKind::ChangesResult, Certainty::Likely, format!("The view {} shows something else", old.name));
    }
}

/// The same rows with the same columns, and perhaps more of these behind them.
fn shows_as_much(old: &Relation, new: &Relation) -> bool {
    let (Some(was), Some(is)) = (&old.view, &new.view) else { return false };
    let (was, is) = (&was.query, &is.query);
    // LIMIT and grouping are in the text alone.
    let plain = |query: &Query| !query.combined && !query.guessed && (!query.filtered || query.condition.is_some());
    let wider = || plain(was) && plain(is) && was.from == is.from && was.condition == is.condition;
    old.kind == new.kind && (was.text == is.text || (wider() && is.outputs.starts_with(&was.outputs)))
}

/// Whether INSERT, UPDATE and DELETE of it work; only triggers make SQLite's views take them.
fn takes_writes(context: &Context, relation: &Relation) -> bool {
    let by_trigger = !relation.triggers.is_empty() || relation.rules.iter().any(|(_, instead)| *instead);
    match &relation.view {
        None => relation.is_table(),
        Some(view) => {
            by_trigger
                || (view.writes_to.is_some() && relation.kind == RelationKind::View && context.after().dialect != Dialect::Sqlite)
        }
    }
}

/// Views that name their tables, and fail when these are gone: all but PostgreSQL's.
pub(super) fn broken(context: &Context, found: &mut Vec<Effect>) {
    if context.before().dialect == Dialect::PostgreSql || context.before().relations.ptr_eq(&context.after().relations) {
        return;
    }
    for view in &context.after().views {
        let (Some(old), Some(new)) = (context.old_relation(*view), context.after().relation(*view)) else { continue };
        let same = old.name == new.name && old.view.as_ref().map(|view| &view.query) == new.view.as_ref().map(|view| &view.query);
        if same && let Some(mark) = broken_by(context, old) {
            let why = format!("The view {} names something that is no longer there", old.name);
            found.push(context.effect(EffectKind::ReadsBreak, relation_target(old), mark, Certainty::Certain, why));
        }
    }
}

fn broken_by(context: &Context, view: &Relation) -> Option<Mark> {
    let definition = view.view.as_ref()?;
    let relation = definition.relations.iter().find(|id| is_gone(context, **id));
    let column = || definition.columns.iter().find(|id| is_column_gone(context, **id));
    relation.map(|id| context.mark(&[Key::Relation(*id)])).or_else(|| {
        column().map(|id| {
            let owner = context.before().owners.get(id).copied().unwrap_or(RelationId(0));
            context.mark(&[Key::Column(*id), Key::Relation(owner)])
        })
    })
}

fn is_gone(context: &Context, id: RelationId) -> bool {
    let Some(old) = context.old_relation(id) else { return false };
    let follows = context.before().dialect == Dialect::Sqlite && context.after().relation(id).is_some();
    !follows && context.after().named(&old.name).is_none()
}

fn is_column_gone(context: &Context, id: ColumnId) -> bool {
    let Some((old, column)) = context.before().column(id) else { return false };
    let follows = context.before().dialect == Dialect::Sqlite && context.after().column(id).is_some();
    let now = context.after().named(&old.name);
    !follows && now.is_some_and(|now| now.column(&column.name).is_none() && !now.open)
}
