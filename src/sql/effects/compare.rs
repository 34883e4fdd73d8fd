//! Relations and columns of the two ends: what an old SELECT or INSERT meets.

use std::sync::Arc;

use imbl::ordmap::DiffItem;

use super::context::{CatalogTypes, Context, column_target, relation_target};
use super::{guards, ties, triggers, views};
use crate::sql::catalog::log::{Key, Mark};
use crate::sql::catalog::{Catalog, Column, Relation, RelationKind};
use crate::sql::dialect::Dialect;
use crate::sql::effect::{By, Certainty, Effect, EffectKind};
use crate::sql::expression::DataType;
use crate::sql::name::Name;
use crate::sql::statement::IdentityKind;
use crate::sql::types::{self, Reads, UserType, UserTypes, Writes};

pub(super) fn relations(context: &Context, found: &mut Vec<Effect>) {
    for change in context.before().relations.diff(&context.after().relations) {
        match change {
            DiffItem::Add(_, new) => guards::new_table(context, new, found),
            DiffItem::Update { old: (_, old), new: (_, new) } => {
                if !Arc::ptr_eq(old, new) {
                    relation(context, old, found);
                }
            }
            DiffItem::Remove(_, old) => {
                relation(context, old, found);
                ties::left_behind(context, old, found);
            }
        }
    }
}

/// One relation that old code knows by its old name.
fn relation(context: &Context, old: &Relation, found: &mut Vec<Effect>) {
    if old.kind == RelationKind::Sequence {
        return renamed_sequence(context, old, found);
    }
    if old.temporary {
        return;
    }
    ties::membership(context, old, found);
    let Some(new) = context.after().named(&old.name) else { return gone(context, old, found) };
    if new.kind == RelationKind::Sequence {
        return gone(context, old, found);
    }
    columns(context, old, new, found);
    views::same_name(context, old, new, found);
    if new.is_table() && old.is_table() {
        added_columns(context, old, new, found);
        guards::compare(context, old, new, found);
        triggers::compare(context, old, new, found);
        security(context, old, new, found);
    }
}

/// Defaults follow a sequence, what old code writes out does not.
fn renamed_sequence(context: &Context, old: &Relation, found: &mut Vec<Effect>) {
    let renamed = context.after().relation(old.id).filter(|new| new.name != old.name);
    if let Some(new) = renamed.filter(|_| context.after().named(&old.name).is_none()) {
        let mark = context.mark(&[Key::Relation(old.id)]);
        let why = format!("The sequence {} is now {}", old.name, new.name);
        found.push(context.effect(EffectKind::ChangesResult, relation_target(old), mark, Certainty::Possible, why));
    }
}

fn gone(context: &Context, old: &Relation, found: &mut Vec<Effect>) {
    let mark = context.mark(&[Key::Relation(old.id)]);
    let what = if old.is_table() { "table" } else { "view" };
    let why = match context.after().relation(old.id) {
        Some(renamed) => format!("The {what} {} is now {}", old.name, renamed.name),
        None => format!("The {what} {} is no longer there", old.name),
    };
    let target = relation_target(old);
    found.push(context.effect(EffectKind::ReadsBreak, target.clone(), mark, Certainty::Certain, why.clone()));
    if old.is_table() {
        found.push(context.effect(EffectKind::WritesBreak, target, mark, Certainty::Certain, why));
    }
}

fn columns(context: &Context, old: &Relation, new: &Relation, found: &mut Vec<Effect>) {
    for column in &old.columns {
        match new.column(&column.name) {
            None if new.open && new.id != old.id => {}
            None => missing_column(context, old, column, found),
            Some(now) => same_name(context, old, new, column, now, found),
        }
    }
}

fn missing_column(context: &Context, old: &Relation, column: &Column, found: &mut Vec<Effect>) {
    let mark = context.mark(&[Key::Column(column.id), Key::Relation(old.id)]);
    let target = column_target(old, &column.name);
    let now = context.after().column(column.id).filter(|(relation, _)| relation.name == old.name);
    let why = match now {
        Some((_, renamed)) => format!("{target} is now {}", renamed.name),
        None => format!("{target} is no longer there"),
    };
    found.push(context.effect(EffectKind::ReadsBreak, target.clone(), mark, Certainty::Certain, why.clone()));
    if old.is_table() && column.generated.is_none() {
        found.push(context.effect(EffectKind::WritesBreak, target, mark, Certainty::Certain, why));
    }
}

fn same_name(context: &Context, old: &Relation, new: &Relation, column: &Column, now: &Column, found: &mut Vec<Effect>) {
    let is_copied_view = old.is_view() && new.is_view();
    if column.id != now.id && !is_copied_view && column.generated.is_none() && !context.same_values(column, now) {
        let mark = context.mark(&[Key::Column(now.id), Key::Relation(new.id)]);
        let target = column_target(old, &column.name);
        let why = format!("{target} is another column under the old name");
        found.push(context.effect(EffectKind::ChangesResult, target, mark, Certainty::Likely, why));
    }
    if column == now {
        return;
    }
    let mark = context.mark(&[Key::Column(now.id), Key::Relation(new.id)]);
    let pair = Pair { context, old, new, column, now, mark };
    pair.data_type(found);
    if new.is_table() && old.is_table() {
        pair.presence(found);
        pair.default(found);
        pair.generation(found);
    }
}

/// The types of both ends: what a column became can be made by the same step.
struct BothEnds<'a>(&'a Context<'a>);

impl UserTypes for BothEnds<'_> {
    fn find(&self, name: &Name) -> Option<UserType> {
        CatalogTypes(self.0.before()).find(name).or_else(|| CatalogTypes(self.0.after()).find(name))
    }
}

/// A column before and after.
struct Pair<'a> {
    context: &'a Context<'a>,
    old: &'a Relation,
    new: &'a Relation,
    column: &'a Column,
    now: &'a Column,
    mark: Mark,
}

impl Pair<'_> {
    fn push(&self, found: &mut Vec<Effect>, kind: EffectKind, by: By, certainty: Certainty, what: &str) {
        let target = column_target(self.old, &self.column.name);
        let why = format!("{target} {what}");
        found.push(self.context.effect(kind, target, self.marked(by), certainty, why));
    }

    /// What was restated as a whole is not called by the part that changed.
    fn marked(&self, by: By) -> Mark {
        let by = if matches!(self.mark.by, By::RedefineColumn | By::RecreateTable | By::Rename | By::AddColumn) {
            self.mark.by
        } else {
            by
        };
        Mark { by, ..self.mark }
    }

    fn data_type(&self, found: &mut Vec<Effect>) {
        let (Some(from), Some(to)) = (&self.column.data_type, &self.now.data_type) else { return };
        let dialect = self.context.before().dialect;
        if dialect == Dialect::Sqlite && self.new.strict && !self.old.strict && self.new.is_table() {
            self.push(found, EffectKind::Restricts, By::TypeChange, Certainty::Possible, "takes values of its type alone");
        }
        if self.is_renamed_type(from, to) {
            return;
        }
        if dialect == Dialect::PostgreSql && from.collation != to.collation {
            self.push(found, EffectKind::ChangesResult, By::Charset, Certainty::Possible, "is compared by another collation");
        }
        let (from, to) = (&of_table(from, self.old), &of_table(to, self.new));
        if from == to || (self.column.generated.is_some() && self.now.generated.is_some()) {
            return;
        }
        let strict = self.new.strict.then_some(true);
        let change = types::change_with(dialect, from, to, None, strict, &BothEnds(self.context));
        let says = |fallback: &str| {
            if change.why.is_empty() { fallback.to_owned() } else { format!("has another type: {}", change.why) }
        };
        // Of one column the stored values fitted the new type, or the migration failed; of another one nothing is known, and no
        // ordinary text is a UUID. Numbers, times and bytes are texts as well (experiment: histories of hatchet and convoy).
        let is_other = self.column.id != self.now.id && change.needs_using && to.name.name.key() == "uuid";
        match change.old_writes {
            _ if !self.new.is_table() => {}
            Writes::Some(_) if is_other && (self.column.not_null || self.now.not_null) => self.push(
                found,
                EffectKind::WritesBreak,
                By::TypeChange,
                Certainty::Likely,
                "is another column, of a type that old values are not of",
            ),
            Writes::All => {}
            Writes::Some(certainty) => {
                self.push(found, EffectKind::Restricts, By::TypeChange, certainty, &says("takes fewer values"))
            }
            // NULL passes, and whoever leaves the column out.
            Writes::None if !self.column.not_null && !self.now.not_null => {
                self.push(found, EffectKind::Restricts, By::TypeChange, Certainty::Likely, &says("takes no old values but NULL"))
            }
            Writes::None => {
                self.push(found, EffectKind::WritesBreak, By::TypeChange, Certainty::Likely, &says("takes no old values"))
            }
        }
        if change.reads == Reads::Differs {
            self.push(found, EffectKind::ChangesResult, By::TypeChange, Certainty::Likely, &says("reads as another type"));
        } else if let Some(certainty) = change.changed_writes {
            self.push(found, EffectKind::ChangesResult, By::TypeChange, certainty, &says("keeps other values than were written"));
        }
        if change.widens {
            self.push(
                found,
                EffectKind::Widens,
                By::TypeChange,
                Certainty::Possible,
                "can hold values that the old type could not",
            );
        }
    }

    /// The same type under another name.
    fn is_renamed_type(&self, from: &DataType, to: &DataType) -> bool {
        let id = |catalog: &Catalog, name: &Name| catalog.types.get(name).map(|known| known.id);
        let same = DataType { name: to.name.clone(), ..from.clone() } == *to;
        let was = id(self.context.before(), &from.name);
        same && was.is_some() && was == id(self.context.after(), &to.name)
    }

    fn presence(&self, found: &mut Vec<Effect>) {
        let (column, now) = (self.column, self.now);
        if column.not_null && !now.not_null {
            self.push(found, EffectKind::Widens, By::DropNotNull, Certainty::Possible, "can be NULL now");
        }
        let filled = triggers::fills(self.context, self.new, now);
        if !column.not_null && now.not_null && !filled && !column.assumed {
            self.push(found, EffectKind::Restricts, By::SetNotNull, Certainty::Possible, "refuses NULL now");
        }
        if column.is_optional()
            && !is_filled(self.context.after().dialect, now)
            && !filled
            && !column.assumed
            && column.generated.is_none()
        {
            let (by, certainty) = match () {
                () if column.identity.is_some() => (By::Identity, Certainty::Certain),
                () if column.has_default() => (By::DropDefault, Certainty::Likely),
                () => (By::SetNotNull, Certainty::Likely),
            };
            self.push(found, EffectKind::WritesBreak, by, certainty, "must be given now, and an INSERT that leaves it out fails");
        }
    }

    fn default(&self, found: &mut Vec<Effect>) {
        let (column, now) = (self.column, self.now);
        let text =
            |column: &Column| column.default.as_ref().filter(|default| !default.is_null()).map(|default| default.text.clone());
        let could_leave_out = column.is_optional() && now.is_optional() && column.generated.is_none() && now.generated.is_none();
        if could_leave_out && column.identity.is_none() && now.identity.is_none() && text(column) != text(now) && !column.assumed
        {
            let by = if now.default.is_some() { By::SetDefault } else { By::DropDefault };
            self.push(
                found,
                EffectKind::ChangesResult,
                by,
                Certainty::Possible,
                "gets another value where an INSERT leaves it out",
            );
        }
        if column.on_update && !now.on_update {
            self.push(found, EffectKind::ChangesResult, By::RedefineColumn, Certainty::Likely, "is no longer set by each UPDATE");
        }
        if column.identity.is_some()
            && now.identity.is_none()
            && now.is_optional()
            && !now.has_default()
            && now.generated.is_none()
        {
            self.push(found, EffectKind::ChangesResult, By::Identity, Certainty::Likely, "is no longer numbered");
        }
        if column.identity != Some(IdentityKind::Always) && now.identity == Some(IdentityKind::Always) {
            self.push(found, EffectKind::WritesBreak, By::Identity, Certainty::Likely, "refuses values that are given");
        }
    }

    fn generation(&self, found: &mut Vec<Effect>) {
        match (&self.column.generated, &self.now.generated) {
            (None, Some(_)) => {
                self.push(
                    found,
                    EffectKind::WritesBreak,
                    By::Generated,
                    Certainty::Certain,
                    "is generated now and takes no values",
                );
            }
            (Some(_), None) => {
                self.push(
                    found,
                    EffectKind::ChangesResult,
                    By::Generated,
                    Certainty::Likely,
                    "is no longer kept by the database",
                );
            }
            (Some(was), Some(is)) if was.expression.text != is.expression.text => {
                self.push(found, EffectKind::ChangesResult, By::Generated, Certainty::Likely, "is made by another expression");
            }
            _ => {}
        }
    }
}

/// A type with the character set and collation that MySQL gives it from its table.
fn of_table(data_type: &DataType, table: &Relation) -> DataType {
    if data_type.charset.is_some() || data_type.collation.is_some() || table.charset.is_none() {
        return data_type.clone();
    }
    DataType { charset: table.charset.clone(), collation: table.collation.clone(), ..data_type.clone() }
}

/// Whether an INSERT that leaves the column out is taken.
fn is_filled(dialect: Dialect, column: &Column) -> bool {
    let by_type = |data_type: &DataType| types::default_fill(dialect, data_type, None);
    column.is_optional() || column.data_type.as_ref().is_some_and(by_type)
}

fn added_columns(context: &Context, old: &Relation, new: &Relation, found: &mut Vec<Effect>) {
    for column in new.columns.iter().filter(|column| old.column(&column.name).is_none() && !column.assumed) {
        if old.open && old.id != new.id {
            continue;
        }
        if !is_filled(context.after().dialect, column) && !triggers::fills(context, new, column) {
            let mark = context.mark(&[Key::Column(column.id), Key::Relation(new.id)]);
            let target = column_target(old, &column.name);
            let why = format!("{target} is NOT NULL without a default, so an INSERT that does not know it fails");
            found.push(context.effect(EffectKind::WritesBreak, target, mark, Certainty::Certain, why));
        }
    }
}

fn security(context: &Context, old: &Relation, new: &Relation, found: &mut Vec<Effect>) {
    let mark = context.mark(&[Key::Relation(new.id)]);
    let target = relation_target(old);
    let mut push = |kind, certainty, why: String| found.push(context.effect(kind, target.clone(), mark, certainty, why));
    if (old.row_security, old.force_row_security) != (new.row_security, new.force_row_security) {
        push(EffectKind::ChangesResult, Certainty::Likely, format!("Row security of {} decides which rows are seen", old.name));
        if new.row_security && !old.row_security {
            push(
                EffectKind::Restricts,
                Certainty::Likely,
                format!("Row security of {} refuses rows that no policy allows", old.name),
            );
        }
    } else if old.policies != new.policies && new.row_security {
        push(EffectKind::ChangesResult, Certainty::Possible, format!("The policies of {} changed", old.name));
        push(EffectKind::Restricts, Certainty::Possible, format!("The policies of {} changed", old.name));
    }
    if old.rules != new.rules {
        push(EffectKind::ChangesResult, Certainty::Likely, format!("The rules of {} changed", old.name));
    }
}
