//! Triggers of the two ends, and those that can no longer run.

use std::sync::Arc;

use imbl::ordmap::DiffItem;

use super::context::{Context, relation_target};
use crate::sql::catalog::log::{Key, Mark};
use crate::sql::catalog::model::Trigger;
use crate::sql::catalog::{Catalog, Column, Relation};
use crate::sql::effect::{By, Certainty, Effect, EffectKind};
use crate::sql::name::Ident;
use crate::sql::statement::{Op, RoutineBody, Statement, TriggerTiming};

/// What a trigger runs.
fn body<'a>(catalog: &'a Catalog, trigger: &'a Trigger) -> Option<&'a RoutineBody> {
    if let Some(body) = &trigger.definition.body {
        return Some(body);
    }
    let function = trigger.function.as_ref()?;
    catalog.routines.get(function)?.first().map(|routine| &routine.body)
}

/// Whether a trigger gives the column a value before each INSERT.
pub(super) fn fills(context: &Context, relation: &Relation, column: &Column) -> bool {
    let mut before = relation.triggers.iter().filter(|trigger| {
        trigger.enabled
            && trigger.definition.insert
            && trigger.definition.timing == TriggerTiming::Before
            && !trigger.definition.conditional
    });
    let assigns = |body: &RoutineBody| body.assigns.iter().any(|(name, _)| *name == column.name);
    before.any(|trigger| body(context.after(), trigger).is_some_and(assigns))
}

pub(super) fn compare(context: &Context, old: &Relation, new: &Relation, found: &mut Vec<Effect>) {
    let named = |relation: &Relation, name: &Ident| {
        relation.triggers.iter().find(|trigger| trigger.definition.name.name == *name).cloned()
    };
    let enabled = |trigger: &Arc<Trigger>| trigger.enabled;
    for trigger in new.triggers.iter().filter(|trigger| trigger.enabled) {
        let name = &trigger.definition.name.name;
        match named(old, name).filter(enabled) {
            None => added(context, old, new, trigger, found),
            Some(known) if known.definition == trigger.definition => {}
            Some(_) => changed(context, old, name, "does something else now", found),
        }
    }
    for trigger in old.triggers.iter().filter(|trigger| trigger.enabled) {
        let name = &trigger.definition.name.name;
        if named(new, name).filter(enabled).is_none() {
            changed(context, old, name, "no longer runs", found);
        }
    }
}

fn changed(context: &Context, old: &Relation, name: &Ident, what: &str, found: &mut Vec<Effect>) {
    let mark = context.mark(&[Key::Part(old.id, Some(name.clone())), Key::Relation(old.id)]);
    let why = format!("The trigger {name} of {} {what}", old.name);
    found.push(context.effect(EffectKind::ChangesResult, relation_target(old), mark, Certainty::Likely, why));
}

fn added(context: &Context, old: &Relation, new: &Relation, trigger: &Trigger, found: &mut Vec<Effect>) {
    let name = &trigger.definition.name.name;
    let mark = context.mark(&[Key::Part(new.id, Some(name.clone())), Key::Relation(new.id)]);
    let Some(body) = body(context.after(), trigger) else {
        return changed(context, old, name, "runs with every write", found);
    };
    if body.raises {
        // One that looks at the row first asks something of it.
        let plain = body.statements.is_empty() && body.reads.is_empty() && !body.opaque;
        let always = !trigger.definition.conditional && !has_branches(&body.statements) && plain;
        let (kind, certainty) =
            if always { (EffectKind::WritesBreak, Certainty::Likely) } else { (EffectKind::Restricts, Certainty::Possible) };
        let why = format!("The trigger {name} of {} refuses writes", old.name);
        found.push(context.effect(kind, relation_target(old), mark, certainty, why));
    }
    // Only columns that old code does not know are filled: nothing that it sees changes.
    let is_new = |column: &Ident| old.column(column).is_none();
    let syncs = |(column, source): &(Ident, Option<Ident>)| is_new(column) || source.is_some();
    if body.returns_null || body.opaque || !body.assigns.iter().all(syncs) || writes_anything(&body.statements) {
        changed(context, old, name, "runs with every write", found);
    }
}

fn has_branches(statements: &[Statement]) -> bool {
    statements.iter().flat_map(|statement| &statement.ops).any(|op| matches!(op, Op::Block { .. }))
}

fn writes_anything(statements: &[Statement]) -> bool {
    statements.iter().flat_map(|statement| &statement.ops).any(|op| match op {
        Op::Insert(_) | Op::Update(_) | Op::Delete(_) => true,
        Op::Block { body, .. } => writes_anything(body),
        _ => false,
    })
}

/// Names in bodies bind when they run: a trigger whose body names a column or table that is gone fails every write.
pub(super) fn broken(context: &Context, found: &mut Vec<Effect>) {
    if context.before().relations.ptr_eq(&context.after().relations)
        && context.before().routines.ptr_eq(&context.after().routines)
    {
        return;
    }
    // Without a name or a routine that went away only the columns of a table that changed can be missing.
    let bodies_whole = context.before().routines.ptr_eq(&context.after().routines) && !loses_names(context);
    for relation in context.after().triggered.iter().filter_map(|id| context.after().relation(*id)) {
        let Some(old) = context.before().relation(relation.id).filter(|old| old.name == relation.name) else { continue };
        if bodies_whole && Arc::ptr_eq(old, relation) {
            continue;
        }
        for trigger in relation.triggers.iter().filter(|trigger| trigger.enabled) {
            fails(context, old, relation, trigger, found);
        }
    }
}

fn loses_names(context: &Context) -> bool {
    let mut changes = context.before().names.diff(&context.after().names);
    changes.any(|change| matches!(change, DiffItem::Remove(..)))
}

fn fails(context: &Context, old: &Relation, new: &Relation, trigger: &Trigger, found: &mut Vec<Effect>) {
    let Some(body) = body(context.after(), trigger) else {
        return function_gone(context, old, trigger, found);
    };
    if body.bound {
        return;
    }
    let read = body.reads.iter().chain(body.assigns.iter().map(|(column, _)| column));
    for column in read.filter_map(|name| old.column(name)).filter(|column| new.column(&column.name).is_none()) {
        let mark = context.mark(&[Key::Column(column.id), Key::Relation(old.id)]);
        let why = format!("Writes to {} fail in the trigger {}, which names {}", old.name, trigger.definition.name, column.name);
        found.push(context.effect(EffectKind::WritesBreak, relation_target(old), mark, Certainty::Certain, why));
    }
    let knew = old.triggers.iter().any(|known| known.definition.name == trigger.definition.name);
    if !knew && !new.open && !has_branches(&body.statements) {
        names_nothing(context, old, new, (trigger, body), found);
    }
    for table in tables_in(&body.statements, 0) {
        let Some(gone) = context.before().named(table).filter(|_| context.after().named(table).is_none()) else { continue };
        let mark = context.mark(&[Key::Relation(gone.id)]);
        let why = format!("Writes to {} fail in the trigger {}, which names {}", old.name, trigger.definition.name, gone.name);
        found.push(context.effect(EffectKind::WritesBreak, relation_target(old), mark, Certainty::Likely, why));
    }
}

/// A new trigger that asks its row for a column which the table does not have yet.
fn names_nothing(
    context: &Context,
    old: &Relation,
    new: &Relation,
    (trigger, body): (&Trigger, &RoutineBody),
    found: &mut Vec<Effect>,
) {
    let is_missing = |name: &&Ident| new.column(name).is_none() && old.column(name).is_none();
    if let Some(name) = body.reads.iter().find(is_missing) {
        let mark = context.mark(&[Key::Part(new.id, Some(trigger.definition.name.name.clone())), Key::Relation(new.id)]);
        let why = format!("Writes to {} fail in the trigger {}, which names {name}", old.name, trigger.definition.name);
        found.push(context.effect(EffectKind::WritesBreak, relation_target(old), mark, Certainty::Likely, why));
    }
}

fn function_gone(context: &Context, old: &Relation, trigger: &Trigger, found: &mut Vec<Effect>) {
    let Some(function) = &trigger.function else { return };
    // PostgreSQL keeps a function that a trigger calls, and its triggers follow renames.
    let known = context.before().routines.contains_key(function) && !context.after().routines.contains_key(function);
    if known && context.after().dialect != crate::sql::dialect::Dialect::PostgreSql {
        let mark: Mark = Mark { by: By::DropRoutine, ..context.mark(&[Key::Routine(function.clone())]) };
        let why = format!("Writes to {} fail in the trigger {}", old.name, trigger.definition.name);
        found.push(context.effect(EffectKind::WritesBreak, relation_target(old), mark, Certainty::Likely, why));
    }
}

fn tables_in(statements: &[Statement], depth: u32) -> Vec<&crate::sql::name::Name> {
    if depth > 8 {
        return Vec::new();
    }
    statements.iter().flat_map(|statement| &statement.ops).flat_map(|op| tables_of(op, depth)).collect()
}

fn tables_of(op: &Op, depth: u32) -> Vec<&crate::sql::name::Name> {
    match op {
        Op::Insert(insert) => vec![&insert.table],
        Op::Update(update) => vec![&update.table],
        Op::Delete(delete) => delete.tables.iter().collect(),
        Op::Block { body, .. } => tables_in(body, depth + 1),
        _ => Vec::new(),
    }
}
