//! What ties tables to each other: partitions, inheritance, references.

use super::context::{Context, column_target, relation_target};
use crate::sql::catalog::log::Key;
use crate::sql::catalog::{ColumnId, Relation, RelationId};
use crate::sql::effect::{Certainty, Effect, EffectKind};

/// Partitions and inheriting tables: rows that the parent shows no more.
pub(super) fn membership(context: &Context, old: &Relation, found: &mut Vec<Effect>) {
    let parents = |relation: &Relation| relation.partition_of.iter().chain(&relation.inherits).copied().collect::<Vec<_>>();
    let new = context.after().relation(old.id);
    let now = new.map(|new| parents(new)).unwrap_or_default();
    for parent in now.iter().filter(|parent| !parents(old).contains(parent)) {
        joins(context, old, *parent, found);
    }
    for parent in parents(old).into_iter().filter(|parent| !now.contains(parent)) {
        let Some(parent) = context.old_relation(parent).filter(|parent| context.after().relation(parent.id).is_some()) else {
            continue;
        };
        let mark = context.mark(&[Key::Relation(old.id)]);
        let target = relation_target(parent);
        let why = format!("Rows of {} are no longer rows of {}", old.name, parent.name);
        found.push(context.effect(EffectKind::ChangesResult, target.clone(), mark, Certainty::Likely, why));
        if old.partition_of == Some(parent.id) {
            let why = format!("{} takes no rows of the partition {} any more", parent.name, old.name);
            found.push(context.effect(EffectKind::Restricts, target, mark, Certainty::Likely, why));
        }
    }
}

/// A table that was one of its own becomes a part of another.
fn joins(context: &Context, old: &Relation, parent: RelationId, found: &mut Vec<Effect>) {
    let Some(parent) = context.old_relation(parent) else { return };
    let mark = context.mark(&[Key::Relation(old.id)]);
    let why = format!("Rows of {} are rows of {} too", old.name, parent.name);
    found.push(context.effect(EffectKind::ChangesResult, relation_target(parent), mark, Certainty::Likely, why));
    if context.after().relation(old.id).is_some_and(|new| new.partition_of == Some(parent.id)) {
        let why = format!("{} refuses rows that are not of its partition", old.name);
        found.push(context.effect(EffectKind::Restricts, relation_target(old), mark, Certainty::Possible, why));
    }
}

/// MySQL drops a table while FOREIGN_KEY_CHECKS is off though others refer to it, and finds no parent for their rows later.
pub(super) fn left_behind(context: &Context, old: &Relation, found: &mut Vec<Effect>) {
    if !context.after().dialect.is_mysql() {
        return;
    }
    for (child, key) in context.after().references_to(old.id) {
        let Some(known) = context.old_relation(child.id).filter(|known| known.name == child.name) else { continue };
        let is_old = |id: &&ColumnId| known.column_by_id(**id).is_some();
        let columns: Vec<&ColumnId> = key.columns.iter().filter(is_old).collect();
        let required = |id: &&ColumnId| child.column_by_id(**id).is_some_and(|column| column.not_null);
        let mark = context.mark(&[Key::Relation(old.id)]);
        let target = match columns.as_slice() {
            [one] => child.column_by_id(**one).map(|column| column_target(known, &column.name)),
            _ => Some(relation_target(known)),
        };
        let Some(target) = target else { continue };
        let why = format!("{target} refers to {}, which is no longer there", old.name);
        let (kind, certainty) = if !columns.is_empty() && columns.iter().all(required) {
            (EffectKind::WritesBreak, Certainty::Certain)
        } else {
            (EffectKind::Restricts, Certainty::Likely)
        };
        found.push(context.effect(kind, target, mark, certainty, why));
    }
}
