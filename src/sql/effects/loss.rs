//! Stored values that are gone, and those that are somewhere else: the log is followed in order.

use super::context::{Context, Place, column_target, relation_target};
use crate::sql::catalog::log::{Action, Destruction, Mark};
use crate::sql::catalog::{Column, ColumnId, Relation};
use crate::sql::effect::{Certainty, Effect, EffectKind, Target};

/// What became of one column's values.
enum Fate {
    Gone(Certainty),
    Elsewhere(Place),
    /// They are found where old code looks for them.
    Stayed,
    /// The rows are, with numbers that the database gives anew.
    Renumbered,
}

pub(super) fn losses(context: &Context, found: &mut Vec<Effect>) {
    for (at, event) in context.step.log.iter().enumerate() {
        if let Action::Destroy(destruction) = &event.action
            && !context.spares_old_rows(at, destruction)
        {
            lost(context, at, event.mark, destruction, found);
        }
    }
}

fn lost(context: &Context, at: usize, mark: Mark, destruction: &Destruction, found: &mut Vec<Effect>) {
    // What was made on the way is no loss.
    let Some(relation) = context.old_relation(destruction.relation).filter(|relation| !relation.temporary) else { return };
    let columns: Vec<&Column> = destruction
        .columns
        .iter()
        .filter_map(|id| relation.column_by_id(*id))
        .filter(|column| column.generated.is_none())
        .collect();
    let emptied = columns.iter().filter(|column| context.was_emptied(column.id, at)).count();
    if emptied > 0 && emptied == columns.len() {
        return;
    }
    if columns.is_empty() {
        if destruction.rows && (relation.open || destruction.columns.is_empty()) {
            found.push(gone(context, mark, relation_target(relation), destruction.certainty, &destruction.why));
        }
        return;
    }
    let fates: Vec<(&Column, Fate)> =
        columns.iter().map(|column| (*column, fate(context, at, relation, column, destruction))).collect();
    if destruction.rows && report_whole(context, mark, relation, &fates, destruction, found) {
        return;
    }
    for (column, fate) in fates {
        let target = column_target(relation, &column.name);
        match fate {
            Fate::Gone(certainty) => found.push(gone(context, mark, target, certainty, &destruction.why)),
            Fate::Elsewhere(place) => found.extend(moved(context, mark, target, &place, false)),
            Fate::Renumbered => found.push(renumbered(context, mark, target)),
            Fate::Stayed => {}
        }
    }
}

fn renumbered(context: &Context, mark: Mark, target: Target) -> Effect {
    let why =
        format!("The rows are copied without {target}, which is counted anew: where numbers were left out, rows get others");
    context.effect(EffectKind::ChangesResult, target, mark, Certainty::Likely, why)
}

/// Rows that all went the same way are told of once.
fn report_whole(
    context: &Context,
    mark: Mark,
    relation: &Relation,
    fates: &[(&Column, Fate)],
    destruction: &Destruction,
    found: &mut Vec<Effect>,
) -> bool {
    if fates.iter().all(|(_, fate)| matches!(fate, Fate::Gone(_))) {
        let certainty = fates.iter().map(|(_, fate)| certainty_of(fate)).max().unwrap_or(destruction.certainty);
        found.push(gone(context, mark, relation_target(relation), certainty, &destruction.why));
        return true;
    }
    let place = fates.iter().find_map(|(_, fate)| if let Fate::Elsewhere(place) = fate { Some(place) } else { None });
    let all_there = fates.iter().all(|(_, fate)| matches!(fate, Fate::Elsewhere(_)));
    if let Some(place) = place.filter(|place| all_there && is_one_table(context, place, fates)) {
        found.extend(moved(context, mark, relation_target(relation), place, true));
        return true;
    }
    false
}

fn certainty_of(fate: &Fate) -> Certainty {
    match fate {
        Fate::Gone(certainty) => *certainty,
        Fate::Elsewhere(_) | Fate::Stayed | Fate::Renumbered => Certainty::Possible,
    }
}

fn is_one_table(context: &Context, first: &Place, fates: &[(&Column, Fate)]) -> bool {
    let table = |column: ColumnId| context.after().owners.get(&column);
    fates.iter().all(|(_, fate)| match fate {
        Fate::Elsewhere(place) => table(place.column) == table(first.column),
        Fate::Gone(_) | Fate::Stayed | Fate::Renumbered => false,
    })
}

fn fate(context: &Context, at: usize, relation: &Relation, column: &Column, destruction: &Destruction) -> Fate {
    let Some(place) = context.place(column.id, at, destruction.condition.as_deref()) else {
        if is_renumbered(context, at, relation, column) {
            return Fate::Renumbered;
        }
        return Fate::Gone(certainty_of_loss(context, at, column, destruction));
    };
    let Some((table, at_end)) = context.after().column(place.column) else { return Fate::Gone(destruction.certainty) };
    let stayed = table.name == relation.name && at_end.name == column.name;
    if stayed { Fate::Stayed } else { Fate::Elsewhere(Place { certainty: place.certainty.min(destruction.certainty), ..place }) }
}

/// A counted column that was left out when all rows were copied into a table of the same name, in the order that they stood in.
fn is_renumbered(context: &Context, at: usize, relation: &Relation, column: &Column) -> bool {
    let now = context.after().named(&relation.name).filter(|now| now.id != relation.id);
    let counted = now.and_then(|now| now.column(&column.name)).filter(|now| now.identity.is_some() && column.identity.is_some());
    let Some(counted) = counted else { return false };
    let is_left_out = context.only_copy_to(counted.id, usize::MAX).is_none();
    let stays = |other: &Column| {
        let place = context.place(other.id, at, None);
        place.and_then(|place| context.after().column(place.column)).is_some_and(|(table, _)| table.name == relation.name)
    };
    is_left_out && relation.stored_columns().any(stays)
}

/// Values of which some were copied, or that a copy numbers anew, are not surely gone.
fn certainty_of_loss(context: &Context, at: usize, column: &Column, destruction: &Destruction) -> Certainty {
    if context.is_partly_copied(column.id, at) { destruction.certainty.min(Certainty::Likely) } else { destruction.certainty }
}

fn gone(context: &Context, mark: Mark, target: Target, certainty: Certainty, why: &str) -> Effect {
    context.effect(EffectKind::DataLoss, target.clone(), mark, certainty, sentence(&target, why))
}

fn sentence(target: &Target, why: &str) -> String {
    if why.is_empty() { format!("Stored values of {target} are changed") } else { format!("{target}: {why}") }
}

fn moved(context: &Context, mark: Mark, target: Target, place: &Place, whole: bool) -> Option<Effect> {
    let (table, column) = context.after().column(place.column)?;
    let to = if whole { relation_target(table) } else { column_target(table, &column.name) };
    let why = format!("The values of {target} are in {to}, where they were copied before they went");
    let effect = context.effect(EffectKind::Moved, target, mark, place.certainty, why);
    Some(Effect { to: Some(to), ..effect })
}
