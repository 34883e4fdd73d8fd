//! DROP of tables, schemas and what hangs on them, and TRUNCATE.

use std::collections::BTreeSet;

use super::Replay;
use crate::sql::catalog::log::{Action, Key};
use crate::sql::catalog::model::{Column, ColumnId, Guard, GuardKind, Relation, RelationId, RelationKind};
use crate::sql::dialect::Dialect;
use crate::sql::effect::{By, Certainty};
use crate::sql::name::{Ident, Name};
use crate::sql::statement::ReferentialAction;

impl Replay {
    pub(super) fn drop_tables(&mut self, tables: &[Name], if_exists: bool, cascade: bool) {
        self.mark.by = By::DropTable;
        if !cascade {
            self.refuse_drop_of_tables(tables);
        }
        for table in tables {
            self.mark.by = By::DropTable;
            let Some(id) = self.target(table, if_exists) else { continue };
            if self.catalog.dialect == Dialect::Sqlite && self.session.foreign_keys == Some(true) {
                self.cascade_rows(id, Certainty::Certain, None);
            }
            self.refuse_parent(id, tables);
            self.mark.by = By::DropTable;
            self.drop_relation(id, cascade);
        }
    }

    /// MySQL drops no table that a foreign key of another one names, but together with that (its manual, "FOREIGN KEY
    /// Constraints", "Foreign Key Checks").
    fn refuse_parent(&mut self, id: RelationId, tables: &[Name]) {
        if !self.catalog.dialect.is_mysql() || self.session.foreign_keys == Some(false) {
            return;
        }
        let goes_too = |child: &Relation| tables.iter().any(|table| self.find(table) == Some(child.id));
        let children = self.catalog.references_to(id);
        let stays = children.iter().find(|(child, _)| child.id != id && !goes_too(child));
        let Some((child, _)) = stays else { return };
        let parent = self.catalog.relation(id).map(|parent| parent.name.to_string()).unwrap_or_default();
        let why = format!("{parent} cannot be dropped while {} refers to it", child.name);
        self.event(Action::Refused { why });
    }

    /// Removes a relation with all that goes with it.
    pub(super) fn drop_relation(&mut self, id: RelationId, cascade: bool) {
        let Some(relation) = self.catalog.relation(id).cloned() else { return };
        if relation.is_table() {
            let why = "the table is dropped with all its rows";
            self.destroy(id, self.stored(id), true, None, Certainty::Certain, why);
        }
        self.touch_relation(id);
        for part in self.parts_of(id) {
            let is_partition = self.catalog.relation(part).is_some_and(|part| part.partition_of == Some(id));
            if is_partition || cascade {
                self.drop_relation(part, cascade);
            }
        }
        if self.catalog.dialect == Dialect::PostgreSql || cascade {
            self.drop_keys_to(id);
        }
        self.catalog.remove(id);
        if cascade && self.binds_by_id() {
            self.drop_views_on(id, None);
        }
        self.forget_names(&relation);
    }

    /// Views are bound to relations when they are made, and go with them, in PostgreSQL only.
    pub(super) fn binds_by_id(&self) -> bool {
        self.catalog.dialect == Dialect::PostgreSql
    }

    /// Names of its indexes are free again, and the sequences of its columns go.
    fn forget_names(&mut self, relation: &Relation) {
        for name in relation.guards.iter().filter_map(|guard| guard.name.clone()) {
            self.catalog.indexes.remove(&Name { schema: relation.name.schema.clone(), name });
        }
        for column in &relation.columns {
            self.drop_owned_sequence(column.id);
        }
        let by_name = self.catalog.dialect != Dialect::PostgreSql;
        if by_name && self.catalog.children.contains_key(&relation.id) {
            self.catalog.orphaned.insert(relation.name.clone(), relation.id);
        }
    }

    pub(super) fn drop_owned_sequence(&mut self, column: ColumnId) {
        if let Some(sequence) = self.catalog.sequences.remove(&column) {
            let name = self.catalog.relation(sequence).map(|sequence| sequence.name.name.clone());
            self.touch_relation(sequence);
            self.catalog.remove(sequence);
            // Only CASCADE lets it go while defaults of other columns use it.
            name.iter().for_each(|name| self.drop_defaults_calling(name));
        }
    }

    /// Foreign keys of MySQL and SQLite name their table: one that takes the name of a dropped one takes its place.
    pub(super) fn adopt_children(&mut self, id: RelationId, name: &Name) {
        let Some(gone) = self.catalog.orphaned.remove(name) else { return };
        for child in self.catalog.children.remove(&gone).into_iter().flatten() {
            self.catalog.children.entry(id).or_default().insert(child);
            let renamed = self.same_names(gone, id);
            self.catalog.edit(child, |child| child.guards.iter_mut().for_each(|guard| point_to(guard, gone, id, &renamed)));
        }
    }

    /// Columns of a table that is gone, with those of the same name in another.
    fn same_names(&self, gone: RelationId, new: RelationId) -> Vec<(ColumnId, ColumnId)> {
        let (Some(old), Some(new)) = (self.before.relation(gone), self.catalog.relation(new)) else { return Vec::new() };
        let pair = |column: &Column| new.column(&column.name).map(|now| (column.id, now.id));
        old.columns.iter().filter_map(pair).collect()
    }

    fn drop_keys_to(&mut self, id: RelationId) {
        for (child, key) in self.catalog.references_to(id) {
            if child.id != id {
                self.touch(Key::Part(child.id, key.name.clone()));
                self.catalog.edit(child.id, |child| child.guards.retain(|guard| !guard.references(id)));
            }
        }
    }

    pub(super) fn drop_views_on(&mut self, id: RelationId, column: Option<ColumnId>) {
        let reads = |view: &RelationId| {
            let definition = self.catalog.relation(*view).and_then(|view| view.view.as_ref());
            definition
                .is_some_and(|view| view.relations.contains(&id) && column.is_none_or(|column| view.columns.contains(&column)))
        };
        let views: Vec<RelationId> = self.catalog.views.iter().filter(|view| **view != id && reads(view)).copied().collect();
        for view in views {
            self.drop_relation(view, true);
        }
    }

    /// DROP COLUMN … CASCADE: views that name it, foreign keys that point to it, columns generated from it.
    pub(super) fn drop_dependents_of_column(&mut self, id: RelationId, column: ColumnId) {
        if self.binds_by_id() {
            self.drop_views_on(id, Some(column));
        }
        for (child, key) in self.catalog.references_to(id) {
            let points_here = matches!(&key.kind, GuardKind::Foreign { referenced, .. } if referenced.contains(&column));
            if points_here {
                self.touch(Key::Part(child.id, key.name.clone()));
                self.catalog.edit(child.id, |child| child.guards.retain(|guard| *guard != key));
            }
        }
        let name = self.catalog.relation(id).and_then(|relation| relation.column_by_id(column)).map(|column| column.name.clone());
        let Some(relation) = self.catalog.relation(id).cloned() else { return };
        for generated in relation.columns.iter().filter(|known| known.id != column) {
            let reads = |name: &Ident| {
                generated
                    .generated
                    .as_ref()
                    .is_some_and(|generated| generated.expression.columns.iter().any(|read| read.column == *name))
            };
            if name.as_ref().is_some_and(reads) {
                self.remove_column(id, generated.id, false, "the generated column goes with the one it is made from");
            }
        }
    }

    pub(super) fn stored(&self, id: RelationId) -> Vec<ColumnId> {
        self.catalog.relation(id).map(|relation| relation.stored_columns().map(|column| column.id).collect()).unwrap_or_default()
    }

    pub(super) fn truncate(&mut self, tables: &[Name], cascade: bool) {
        self.mark.by = By::Truncate;
        for table in tables {
            let Some(id) = self.target(table, false) else { continue };
            let mut seen = BTreeSet::new();
            self.truncate_one(id, cascade, &mut seen);
        }
    }

    fn truncate_one(&mut self, id: RelationId, cascade: bool, seen: &mut BTreeSet<RelationId>) {
        if !seen.insert(id) {
            return;
        }
        let why =
            if seen.len() == 1 { "all rows are removed" } else { "all rows are removed with those of the table they refer to" };
        self.destroy(id, self.stored(id), true, None, Certainty::Certain, why);
        for part in self.parts_of(id) {
            self.truncate_one(part, cascade, seen);
        }
        for (child, _) in self.catalog.references_to(id) {
            if cascade {
                self.truncate_one(child.id, true, seen);
            }
        }
    }

    /// Rows of a table are deleted: those that refer to them go with them, or lose the reference.
    pub(super) fn cascade_rows(&mut self, id: RelationId, certainty: Certainty, condition: Option<&str>) {
        let mut seen = BTreeSet::from([id]);
        let mut pending = vec![id];
        while let Some(parent) = pending.pop() {
            for (child, key) in self.catalog.references_to(parent) {
                self.mark.by = By::ForeignKeyCascade;
                let condition = condition.map(|_| String::new());
                match key.kind {
                    GuardKind::Foreign { on_delete: ReferentialAction::Cascade, .. } if seen.insert(child.id) => {
                        let certainty = child_certainty(certainty);
                        self.destroy(
                            child.id,
                            self.stored(child.id),
                            true,
                            condition,
                            certainty,
                            "rows go with the ones they refer to (ON DELETE CASCADE)",
                        );
                        pending.push(child.id);
                    }
                    GuardKind::Foreign { on_delete: ReferentialAction::SetNull | ReferentialAction::SetDefault, .. } => {
                        let why = "references to the deleted rows are replaced";
                        self.destroy(child.id, key.columns.clone(), false, condition, child_certainty(certainty), why);
                    }
                    _ => {}
                }
            }
        }
    }

    pub(super) fn lose_rows(&mut self, id: RelationId, by: By, why: &str) {
        self.mark.by = by;
        self.destroy(id, self.stored(id), true, None, Certainty::Certain, why);
        self.touch_relation(id);
    }

    pub(super) fn drop_sequences(&mut self, sequences: &[Name], cascade: bool) {
        self.mark.by = By::DropSequence;
        for name in sequences {
            let Some(id) = self.find(name) else { continue };
            let is_sequence = self.catalog.relation(id).is_some_and(|relation| relation.kind == RelationKind::Sequence);
            if is_sequence {
                self.touch_relation(id);
                self.catalog.remove(id);
            }
            if cascade {
                self.drop_defaults_calling(&name.name);
            }
        }
    }

    /// Defaults that take their value from a dropped sequence or function go with it.
    pub(super) fn drop_defaults_calling(&mut self, name: &Ident) {
        let uses = |column: &&crate::sql::catalog::Column| {
            column.default.as_ref().is_some_and(|default| {
                default.functions.iter().any(|function| function.name == *name)
                    || default.text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name.key())
            })
        };
        let found: Vec<(RelationId, ColumnId)> = self
            .catalog
            .relations
            .values()
            .flat_map(|relation| relation.columns.iter().filter(uses).map(|column| (relation.id, column.id)))
            .collect();
        for (relation, column) in found {
            self.edit_column(relation, column, |column| column.default = None);
        }
    }

    /// Generated columns, checks, indexes and views that call a dropped function go with it.
    pub(super) fn drop_relations_calling(&mut self, name: &Ident) {
        let mut columns = Vec::new();
        let mut views = Vec::new();
        for relation in self.catalog.relations.values() {
            let calls = |column: &&Column| column.generated.as_ref().is_some_and(|made| called(&made.expression.functions, name));
            columns.extend(relation.columns.iter().filter(calls).map(|column| (relation.id, column.id)));
            views.extend(relation.view.as_ref().filter(|view| called(&view.query.functions, name)).map(|_| relation.id));
        }
        for (relation, column) in columns {
            self.remove_column(relation, column, true, "the generated column goes with the function that makes it");
        }
        views.into_iter().for_each(|view| self.drop_relation(view, true));
        self.drop_guards_calling(name);
    }

    fn drop_guards_calling(&mut self, name: &Ident) {
        let calls = |guard: &Guard| match &guard.kind {
            GuardKind::Check { functions, .. } => called(functions, name),
            GuardKind::Index { text, .. } | GuardKind::Exclude { text } => text_calls(text, name),
            GuardKind::Unique { expressions, condition, .. } => {
                expressions.iter().chain(condition).any(|text| text_calls(text, name))
            }
            GuardKind::Primary | GuardKind::Foreign { .. } => false,
        };
        let having = self.catalog.relations.values().filter(|relation| relation.guards.iter().any(calls));
        for id in having.map(|relation| relation.id).collect::<Vec<_>>() {
            self.touch_relation(id);
            self.catalog.edit(id, |relation| relation.guards.retain(|guard| !calls(guard)));
        }
    }

    pub(super) fn drop_schemas(&mut self, schemas: &[Ident], cascade: bool) {
        for schema in schemas {
            self.mark.by = By::DropSchema;
            self.touch(Key::Schema(schema.clone()));
            self.catalog.schemas.remove(schema);
            if !cascade && self.catalog.dialect == Dialect::PostgreSql {
                continue;
            }
            let schema = (schema.key() != self.catalog.dialect.default_schema()).then(|| schema.clone());
            self.drop_all(|name| name.schema == schema);
            self.catalog.types.retain_names(|name| name.schema != schema);
            self.drop_routines_in(schema.as_ref());
        }
    }

    fn drop_all(&mut self, is_meant: impl Fn(&Name) -> bool) {
        let ids: Vec<RelationId> = self.catalog.names.iter().filter(|(name, _)| is_meant(name)).map(|(_, id)| *id).collect();
        ids.into_iter().for_each(|id| self.drop_relation(id, true));
    }

    fn drop_routines_in(&mut self, schema: Option<&Ident>) {
        let names = self.catalog.routines.keys().filter(|name| name.schema.as_ref() == schema).cloned();
        for name in names.collect::<Vec<_>>() {
            self.touch(Key::Routine(name.clone()));
            self.catalog.routines.remove(&name);
        }
    }

    pub(super) fn drop_database(&mut self, name: &Ident) {
        self.mark.by = By::DropDatabase;
        self.touch(Key::Schema(name.clone()));
        if self.catalog.dialect.is_mysql() {
            let schema = Some(name.clone());
            self.drop_all(|known| known.schema == schema);
        }
        self.opaque(None, "drop database", "a whole database is dropped");
    }

    pub(super) fn drop_owned(&mut self) {
        self.event(Action::Rights { relation: None });
        self.opaque(None, "drop owned", "every object of a role is dropped");
    }
}

fn called(functions: &[Name], name: &Ident) -> bool {
    functions.iter().any(|function| function.name == *name)
}

/// Tokens of an expression stand one space apart.
fn text_calls(text: &str, name: &Ident) -> bool {
    let mut words = text.split(' ').peekable();
    while let Some(word) = words.next() {
        if word == name.key() && words.peek() == Some(&"(") {
            return true;
        }
    }
    false
}

fn point_to(guard: &mut Guard, gone: RelationId, id: RelationId, renamed: &[(ColumnId, ColumnId)]) {
    if let GuardKind::Foreign { table, referenced, .. } = &mut guard.kind
        && *table == gone
    {
        *table = id;
        for column in referenced {
            *column = renamed.iter().find(|(old, _)| old == column).map_or(*column, |(_, new)| *new);
        }
    }
}

/// Whether rows refer to the deleted ones depends on the rows.
fn child_certainty(parent: Certainty) -> Certainty {
    parent.min(Certainty::Likely)
}

/// Keeping some of a map's entries.
trait RetainNames {
    fn retain_names(&mut self, keep: impl Fn(&Name) -> bool);
}

impl<V: Clone> RetainNames for imbl::OrdMap<Name, V> {
    fn retain_names(&mut self, keep: impl Fn(&Name) -> bool) {
        let gone: Vec<Name> = self.keys().filter(|name| !keep(name)).cloned().collect();
        for name in gone {
            self.remove(&name);
        }
    }
}
