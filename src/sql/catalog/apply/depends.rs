//! What the engine refuses because other objects depend on it (PostgreSQL 15 manual, "Dependency Tracking"; InnoDB's foreign keys).

use super::Replay;
use super::implied::leads;
use crate::sql::catalog::model::{ColumnId, Guard, GuardKind, Relation, RelationId};
use crate::sql::dialect::Dialect;
use crate::sql::name::Name;

impl Replay {
    /// Tables that are dropped without CASCADE, while others that stay refer to them.
    pub(super) fn refuse_drop_of_tables(&mut self, tables: &[Name]) {
        let going: Vec<RelationId> = tables.iter().filter_map(|name| self.find(name)).collect();
        for id in going.clone() {
            self.refuse_drop(id, &going);
        }
    }

    /// Foreign keys hold a table in PostgreSQL and MySQL, views in PostgreSQL.
    pub(super) fn refuse_drop(&mut self, id: RelationId, going: &[RelationId]) {
        let Some(relation) = self.catalog.relation(id).cloned() else { return };
        let checked = self.catalog.dialect.is_mysql() && self.session.foreign_keys != Some(false);
        if checked || self.binds_by_id() {
            let references = self.catalog.references_to(id);
            if let Some((child, _)) = references.iter().find(|(child, _)| !going.contains(&child.id) && child.id != id) {
                self.refused(format!("{} is referred to by {}", relation.name, child.name));
            }
        }
        self.refuse_by_view(&relation, None, going);
    }

    pub(super) fn refuse_drop_of_column(&mut self, id: RelationId, column: ColumnId) {
        let Some(relation) = self.catalog.relation(id).cloned() else { return };
        self.refuse_by_view(&relation, Some(column), &[]);
        let points_here =
            |guard: &Guard| matches!(&guard.kind, GuardKind::Foreign { referenced, .. } if referenced.contains(&column));
        let held = self.catalog.references_to(id).into_iter().find(|(child, guard)| child.id != id && points_here(guard));
        if let Some((child, _)) = held.filter(|_| self.binds_by_id()) {
            self.refused(format!("a key of {} is referred to by {}", relation.name, child.name));
        }
        let needs_it = |guard: &Guard| guard.kind.is_foreign() && guard.columns.contains(&column);
        if self.holds_keys() && relation.guards.iter().any(needs_it) {
            self.refused(format!("a foreign key of {} needs the column that is dropped", relation.name));
        }
    }

    /// InnoDB keeps columns and indexes that foreign keys need, with their checks off as well, but where the same statement drops
    /// the key (experiment with MariaDB 10.11: errors 1553 and 1828; MySQL 8.4 manual, 15.1.20.5).
    fn holds_keys(&self) -> bool {
        self.catalog.dialect.is_mysql() && !self.rekeys
    }

    /// The last index of the columns of a foreign key, here or of the table that it points to.
    pub(super) fn refuse_drop_of_index(&mut self, id: RelationId, index: &Guard) {
        let Some(relation) = self.catalog.relation(id).filter(|relation| self.holds_keys() && !relation.open).cloned() else {
            return;
        };
        let is_last = |columns: &[ColumnId]| {
            let mut serving = relation.guards.iter().filter(|guard| leads(guard, columns));
            !columns.is_empty() && serving.next() == Some(index) && serving.next().is_none()
        };
        let own = relation.guards.iter().filter(|guard| guard.kind.is_foreign()).any(|key| is_last(&key.columns));
        let of_child = self.catalog.references_to(id).into_iter().any(|(_, key)| match &key.kind {
            GuardKind::Foreign { referenced, .. } => is_last(referenced),
            _ => false,
        });
        if own || of_child {
            self.refused(format!("a foreign key needs the index of {} that is dropped", relation.name));
        }
    }

    fn refuse_by_view(&mut self, relation: &Relation, column: Option<ColumnId>, going: &[RelationId]) {
        if !self.binds_by_id() {
            return;
        }
        let reads = |view: &&RelationId| {
            let definition = self.catalog.relation(**view).and_then(|view| view.view.as_ref());
            definition.is_some_and(|view| {
                view.relations.contains(&relation.id) && column.is_none_or(|column| view.columns.contains(&column))
            })
        };
        let view = self.catalog.views.iter().filter(|view| !going.contains(view)).find(reads);
        if let Some(view) = view.and_then(|view| self.catalog.relation(*view)).map(|view| view.name.clone()) {
            self.refused(format!("the view {view} depends on {}", relation.name));
        }
    }

    /// A key that foreign keys of other tables point to.
    pub(super) fn refuse_drop_of_key(&mut self, id: RelationId, key: &Guard) {
        if !key.kind.is_unique() || !self.binds_by_id() {
            return;
        }
        let points_here = |reference: &Guard| {
            matches!(&reference.kind, GuardKind::Foreign { referenced, .. }
                if *referenced == key.columns || referenced.is_empty() && key.kind == GuardKind::Primary)
        };
        // Another key on the same columns can be the one that is meant.
        let twice = self.catalog.relation(id).is_some_and(|relation| {
            relation.guards.iter().filter(|guard| guard.kind.is_unique() && guard.columns == key.columns).count() > 1
        });
        let held = self.catalog.references_to(id).into_iter().find(|(_, reference)| points_here(reference));
        if let Some((child, _)) = held.filter(|_| !twice) {
            self.refused(format!("a foreign key of {} needs the key that is dropped", child.name));
        }
    }

    pub(super) fn refuse_drop_of_type(&mut self, name: &Name) {
        let table_of = |users: Vec<(RelationId, ColumnId)>| {
            users.first().and_then(|(table, _)| self.catalog.relation(*table)).map(|table| table.name.clone())
        };
        if let Some(table) = table_of(self.columns_of_type(name)) {
            self.refused(format!("{table} has a column of the type {name}"));
        } else if let Some(table) = table_of(self.defaults_of_type(name)) {
            self.refused(format!("a default of {table} is of the type {name}"));
        }
    }

    /// Triggers hold their function.
    pub(super) fn refuse_drop_of_routine(&mut self, name: &Name) {
        if self.catalog.dialect != Dialect::PostgreSql {
            return;
        }
        let calls = |relation: &&std::sync::Arc<Relation>| {
            relation.triggers.iter().any(|trigger| trigger.function.as_ref() == Some(name))
        };
        let tables = self.catalog.triggered.iter().filter_map(|id| self.catalog.relation(*id));
        if let Some(table) = tables.into_iter().find(|table| calls(table)).map(|table| table.name.clone()) {
            self.refused(format!("a trigger of {table} calls {name}"));
        }
    }
}
