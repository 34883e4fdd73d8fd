//! Types, routines, and what the log says of rights, sequences and statements that were not understood.

use std::sync::Arc;

use imbl::ordmap::DiffItem;

use super::context::{Context, column_target, named_target, relation_target};
use crate::sql::catalog::log::{Action, Event, Key, Mark};
use crate::sql::catalog::model::{Routine, TypeObject};
use crate::sql::catalog::{Column, Relation};
use crate::sql::effect::{By, Certainty, Effect, EffectKind, Target};
use crate::sql::name::{Ident, Name};
use crate::sql::statement::TypeDefinition;

pub(super) fn types(context: &Context, found: &mut Vec<Effect>) {
    for change in context.before().types.diff(&context.after().types) {
        match change {
            DiffItem::Update { old: (name, old), new: (_, new) } if !Arc::ptr_eq(old, new) => {
                changed_type(context, name, old, new, found)
            }
            DiffItem::Remove(name, _) => gone_type(context, name, found),
            _ => {}
        }
    }
}

/// Columns that have a type at both ends, and whether an INSERT that leaves one out leaves it NULL.
fn users(context: &Context, name: &Name) -> Vec<(Target, bool)> {
    let is_default =
        |schema: &Option<Ident>| schema.as_ref().is_none_or(|schema| schema.key() == context.before().dialect.default_schema());
    let same = |known: &Name| {
        known.name == name.name && (known.schema == name.schema || is_default(&known.schema) && is_default(&name.schema))
    };
    let mut targets = Vec::new();
    for relation in context.before().relations.values().filter(|relation| relation.is_table()) {
        let columns = relation.columns.iter().filter(|column| column.data_type.as_ref().is_some_and(|known| same(&known.name)));
        targets.extend(
            columns
                .filter(|column| context.after().column(column.id).is_some())
                .map(|column| (column_target(relation, &column.name), column.is_optional() && !column.has_default())),
        );
    }
    targets
}

fn gone_type(context: &Context, name: &Name, found: &mut Vec<Effect>) {
    let mark = context.mark(&[Key::Type(name.clone())]);
    let why = format!("Casts to the type {name} fail");
    found.push(context.effect(EffectKind::ChangesResult, named_target(name), mark, Certainty::Possible, why));
}

fn changed_type(context: &Context, name: &Name, old: &TypeObject, new: &TypeObject, found: &mut Vec<Effect>) {
    let mark = context.mark(&[Key::Type(name.clone())]);
    let is_domain = matches!(new.definition, TypeDefinition::Domain { .. });
    let mark = if is_domain { Mark { by: By::AddConstraint, ..mark } } else { mark };
    let users = users(context, name);
    let mut push = |kind, certainty, why: String| {
        for (target, _) in users.iter().filter(|(_, is_null)| *is_null || kind != EffectKind::WritesBreak) {
            found.push(context.effect(kind, target.clone(), mark, certainty, format!("{target}: {why}")));
        }
    };
    match (&old.definition, &new.definition) {
        (TypeDefinition::Enum(was), TypeDefinition::Enum(is)) => {
            if was.iter().any(|label| !is.contains(label)) {
                push(EffectKind::Restricts, Certainty::Likely, format!("a label of {name} is gone, and writing it fails"));
                push(
                    EffectKind::ChangesResult,
                    Certainty::Possible,
                    format!("a label of {name} is gone, and comparing with it fails"),
                );
            }
            if is.iter().any(|label| !was.contains(label)) {
                push(EffectKind::Widens, Certainty::Possible, format!("{name} has a label that old code does not know"));
            }
        }
        (TypeDefinition::Composite(was), TypeDefinition::Composite(is)) => {
            if was.iter().any(|column| !is.iter().any(|known| known.name == column.name)) {
                push(EffectKind::ChangesResult, Certainty::Likely, format!("an attribute of {name} is gone"));
            }
            if was.len() != is.len() {
                push(EffectKind::ChangesResult, Certainty::Likely, format!("{name} has other attributes"));
            }
        }
        (
            TypeDefinition::Domain { checks: was, not_null: was_null, .. },
            TypeDefinition::Domain { checks: is, not_null: is_null, default, .. },
        ) => {
            if *is_null && !*was_null && default.as_ref().is_none_or(|default| default.is_null()) {
                let why = format!("the domain {name} refuses NULL now, and an INSERT that leaves the column out fails");
                push(EffectKind::WritesBreak, Certainty::Likely, why);
            }
            if is.iter().any(|check| !was.contains(check)) || (*is_null && !*was_null) {
                push(EffectKind::Restricts, Certainty::Possible, format!("the domain {name} refuses more values"));
            }
            if was.iter().any(|check| !is.contains(check)) || (*was_null && !*is_null) {
                push(EffectKind::Widens, Certainty::Possible, format!("the domain {name} takes more values"));
            }
        }
        _ => {}
    }
}

pub(super) fn routines(context: &Context, found: &mut Vec<Effect>) {
    for change in context.before().routines.diff(&context.after().routines) {
        match change {
            DiffItem::Update { old: (name, old), new: (_, new) } if !Arc::ptr_eq(old, new) => {
                changed_routine(context, name, old, new, found)
            }
            DiffItem::Remove(name, _) => {
                let why = format!("Calls of {name} fail");
                push_routine(context, name, EffectKind::ChangesResult, Certainty::Possible, why, found);
            }
            _ => {}
        }
    }
}

fn push_routine(context: &Context, name: &Name, kind: EffectKind, certainty: Certainty, why: String, found: &mut Vec<Effect>) {
    let mark = context.mark(&[Key::Routine(name.clone())]);
    found.push(context.effect(kind, named_target(name), mark, certainty, why));
}

fn changed_routine(context: &Context, name: &Name, old: &[Routine], new: &[Routine], found: &mut Vec<Effect>) {
    let types = |routine: &Routine| routine.inputs().map(|argument| argument.data_type.clone()).collect::<Vec<_>>();
    let has = |routines: &[Routine], one: &Routine| routines.iter().any(|known| types(known) == types(one));
    if old.iter().any(|routine| !has(new, routine)) {
        let why = format!("Calls of {name} with the old arguments fail");
        push_routine(context, name, EffectKind::ChangesResult, Certainty::Possible, why, found);
    }
    let ambiguous = new
        .iter()
        .filter(|routine| !has(old, routine))
        .any(|routine| old.iter().any(|known| has(new, known) && overlaps(known, routine)));
    if ambiguous {
        let why = format!("Calls of {name} fit two functions and fail");
        push_routine(context, name, EffectKind::ChangesResult, Certainty::Likely, why, found);
    }
    let other_body =
        |routine: &Routine| new.iter().any(|known| types(known) == types(routine) && known.body.text != routine.body.text);
    if old.iter().any(other_body) {
        let why = format!("{name} does something else now");
        push_routine(context, name, EffectKind::ChangesResult, Certainty::Likely, why, found);
    }
}

/// A call with the old arguments fits the new function too, by its defaults.
fn overlaps(old: &Routine, new: &Routine) -> bool {
    let (was, is): (Vec<_>, Vec<_>) = (old.inputs().collect(), new.inputs().collect());
    is.len() > was.len()
        && was.iter().zip(&is).all(|(one, other)| one.data_type == other.data_type)
        && is[was.len()..].iter().all(|argument| argument.has_default)
}

pub(super) fn events(context: &Context, found: &mut Vec<Effect>) {
    for event in &context.step.log {
        if let Some(effect) = of_event(context, event) {
            found.push(effect);
        }
    }
}

fn of_event(context: &Context, event: &Event) -> Option<Effect> {
    let mark = event.mark;
    let old = |id| context.old_relation(id).map(relation_target);
    Some(match &event.action {
        Action::Opaque { relation, head, why } => opaque(context, mark, relation.and_then(old), head, why),
        Action::UnknownConstraint { relation } => {
            let target = old(*relation)?;
            let why = format!("A constraint of {target} is dropped whose definition is not known");
            context.effect(EffectKind::Widens, target, Mark { by: By::DropConstraint, ..mark }, Certainty::Possible, why)
        }
        Action::SequenceSet { sequence } => {
            let target = numbered(context, sequence)?;
            let why = format!("The sequence {sequence} can give numbers that {target} has already");
            context.effect(EffectKind::Restricts, target, mark, Certainty::Likely, why)
        }
        Action::Rights { relation } => {
            let target = old((*relation)?)?;
            let why = format!("Rights on {target} are taken away");
            context.effect(EffectKind::WritesBreak, target, mark, Certainty::Possible, why)
        }
        Action::Exchanged { relation, with } => {
            let target = old(*relation)?;
            let to = relation_target(context.after().relation(*with)?);
            let why = format!("Rows of {target} are rows of {to} now, and the other way round");
            let effect = context.effect(EffectKind::Moved, target, mark, Certainty::Likely, why);
            Effect { to: Some(to), ..effect }
        }
        Action::Scheduled { relation } => {
            let target = old(*relation)?;
            let why = format!("A job of the database deletes rows of {target} later");
            context.effect(EffectKind::DataLoss, target, mark, Certainty::Possible, why)
        }
        Action::Touch(_) | Action::Copy(_) | Action::Destroy(_) | Action::Refused { .. } | Action::Inserted { .. } => {
            return None;
        }
    })
}

/// The column that a sequence numbers; PostgreSQL names it after both.
fn numbered(context: &Context, sequence: &Name) -> Option<Target> {
    let makes = |relation: &&Arc<Relation>, column: &&Column| {
        let made = format!("{}_{}_seq", relation.name.name.key(), column.name.key());
        let calls = || column.default.as_ref().is_some_and(|default| default.text.contains(sequence.name.key()));
        relation.name.schema == sequence.schema && (made == sequence.name.key() && column.identity.is_some() || calls())
    };
    let relations = context.before().relations.values();
    relations
        .flat_map(|relation| relation.columns.iter().map(move |column| (relation, column)))
        .find(|(relation, column)| makes(relation, column))
        .map(|(relation, column)| column_target(relation, &column.name))
}

fn opaque(context: &Context, mark: Mark, target: Option<Target>, head: &str, why: &str) -> Effect {
    let named = || named_target(&Name::bare(Ident::stored(context.after().dialect, head)));
    let certainty = if mark.by == By::Dynamic { Certainty::Possible } else { Certainty::Likely };
    context.effect(EffectKind::Opaque, target.unwrap_or_else(named), mark, certainty, why)
}
