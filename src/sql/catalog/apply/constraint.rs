//! Constraints and indexes: added, dropped, renamed.

use super::Replay;
use super::implied::{has_key, is_key, is_named_key};
use crate::sql::catalog::log::{Action, Key};
use crate::sql::catalog::model::{ColumnId, Guard, GuardKind, RelationId};
use crate::sql::catalog::names::{Purpose, made_up};
use crate::sql::dialect::Dialect;
use crate::sql::effect::By;
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{Constraint, ConstraintKind, CreateIndex, ForeignKey, IndexPart, TableAction};

/// No table of an application has as many constraints and indexes.
pub(super) const MANY: usize = 256;

impl Replay {
    /// Whether the action was about a constraint or an index.
    pub(super) fn alter_guards_of(&mut self, id: RelationId, action: &TableAction) -> bool {
        match action {
            TableAction::AddConstraint(constraint) => self.add_constraint(id, constraint, false),
            TableAction::DropConstraint { name, if_exists, cascade } => self.drop_constraint(id, name, *if_exists, *cascade),
            TableAction::DropForeignKey { name, if_exists } => self.drop_constraint(id, name, *if_exists, false),
            TableAction::DropPrimaryKey { cascade } => self.drop_primary_key(id, *cascade),
            TableAction::DropIndex { name, if_exists } => self.drop_table_index(id, name, *if_exists),
            TableAction::RenameConstraint { from, to } | TableAction::RenameIndex { from, to } => self.rename_guard(id, from, to),
            TableAction::ValidateConstraint { name } => self.edit_guard(id, name, |guard| guard.not_valid = false),
            TableAction::AlterConstraint { name, enforced } => {
                let enforced = *enforced;
                self.edit_guard(id, name, |guard| guard.not_enforced = enforced.map_or(guard.not_enforced, |enforced| !enforced));
            }
            _ => return false,
        }
        true
    }

    pub(super) fn add_constraint(&mut self, id: RelationId, constraint: &Constraint, at_column: bool) {
        self.mark.by = if at_column && self.mark.by != By::RecreateTable { self.mark.by } else { By::AddConstraint };
        if let ConstraintKind::NotNull { column } = &constraint.kind {
            if let Some(column) = self.target_column(id, column, false) {
                self.edit_by(By::SetNotNull, id, column, |column| column.not_null = true);
            }
            return;
        }
        if at_column && self.ignores_inline(&constraint.kind) {
            return;
        }
        if self.adopts_index(id, constraint) {
            return;
        }
        let Some((kind, columns, purpose)) = self.guard_kind(id, &constraint.kind) else { return };
        let is_index = matches!(kind, GuardKind::Index { .. });
        if kind == GuardKind::Primary {
            self.replace_primary_key(id, &columns);
        }
        let name = constraint.name.clone().or_else(|| self.name_for(id, &columns, purpose));
        let guard = Guard {
            name,
            kind,
            columns,
            is_index,
            not_valid: constraint.not_valid,
            not_enforced: constraint.not_enforced,
            deferrable: constraint.deferrable,
            implied: false,
        };
        self.refuse_taken_name(id, &guard);
        if matches!(guard.kind, GuardKind::Foreign { .. }) {
            self.imply_index(id, &guard, constraint.name.as_ref());
        }
        self.keep_guard(id, guard);
    }

    /// MySQL takes REFERENCES at a column and does nothing with it (MySQL manual, "FOREIGN KEY Constraints"); MariaDB acts on it.
    fn ignores_inline(&self, kind: &ConstraintKind) -> bool {
        self.catalog.dialect == Dialect::MySql && matches!(kind, ConstraintKind::ForeignKey(_))
    }

    /// `ADD CONSTRAINT … USING INDEX`: the index becomes the constraint and takes its name.
    fn adopts_index(&mut self, id: RelationId, constraint: &Constraint) -> bool {
        let (index, primary) = match &constraint.kind {
            ConstraintKind::Unique { using_index: Some(index), .. } => (index, false),
            ConstraintKind::PrimaryKey { using_index: Some(index), .. } => (index, true),
            _ => return false,
        };
        let Some(guard) = self.catalog.relation(id).and_then(|relation| relation.guard(index)).cloned() else { return true };
        let kind = if primary { GuardKind::Primary } else { guard.kind.clone() };
        if primary {
            self.replace_primary_key(id, &guard.columns);
        }
        self.forget_guard(id, index);
        let name = constraint.name.clone().or(guard.name);
        self.keep_guard(
            id,
            Guard { name, kind, is_index: false, deferrable: constraint.deferrable, columns: guard.columns, ..guard },
        );
        true
    }

    fn keep_guard(&mut self, id: RelationId, guard: Guard) {
        self.drop_implied(id, &guard);
        if let GuardKind::Foreign { table, .. } = &guard.kind {
            self.catalog.children.entry(*table).or_default().insert(id);
        }
        // SQLite's index of a constraint has a name of its own that cannot be used; MySQL finds indexes by their table.
        let is_addressed = match self.catalog.dialect {
            Dialect::Sqlite => guard.is_index,
            dialect => !dialect.is_mysql() || is_named_key(&guard),
        };
        if let Some(name) = guard.name.clone().filter(|_| is_addressed) {
            let schema = self.catalog.relation(id).and_then(|relation| relation.name.schema.clone());
            self.catalog.indexes.insert(Name { schema, name }, id);
        }
        self.touch(Key::Part(id, guard.name.clone()));
        self.catalog.edit(id, |relation| relation.guards.push(guard));
    }

    /// Columns of a primary key are NOT NULL, but in SQLite (its manual: "a long-standing coding oversight").
    fn replace_primary_key(&mut self, id: RelationId, columns: &[ColumnId]) {
        if self.catalog.dialect != Dialect::Sqlite {
            for column in columns {
                let nullable = self
                    .catalog
                    .relation(id)
                    .and_then(|table| table.column_by_id(*column))
                    .is_some_and(|column| !column.not_null);
                if nullable {
                    self.edit_column(id, *column, |column| column.not_null = true);
                }
            }
        }
        self.catalog.edit(id, |relation| relation.guards.retain(|guard| guard.kind != GuardKind::Primary));
    }

    fn guard_kind(&mut self, id: RelationId, kind: &ConstraintKind) -> Option<(GuardKind, Vec<ColumnId>, Purpose)> {
        Some(match kind {
            ConstraintKind::PrimaryKey { columns, .. } => (GuardKind::Primary, self.part_columns(id, columns), Purpose::Primary),
            ConstraintKind::Unique { columns, nulls_not_distinct, .. } => {
                let kind = unique(columns, *nulls_not_distinct, None);
                (kind, self.part_columns(id, columns), Purpose::Unique)
            }
            ConstraintKind::Check { expression } => {
                let names = expression.columns.iter().map(|column| column.column.clone()).collect::<Vec<_>>();
                let kind = GuardKind::Check { text: expression.text.clone(), functions: expression.functions.clone() };
                (kind, self.known_columns(id, &names), Purpose::Check)
            }
            ConstraintKind::ForeignKey(key) => self.foreign_key(id, key)?,
            ConstraintKind::Exclude { text, columns } => {
                (GuardKind::Exclude { text: text.clone() }, self.known_columns(id, columns), Purpose::Exclude)
            }
            ConstraintKind::Index { columns, fulltext } => {
                let kind = GuardKind::Index { text: text_of(columns), fulltext: *fulltext };
                (kind, self.part_columns(id, columns), Purpose::Index)
            }
            ConstraintKind::NotNull { .. } => return None,
        })
    }

    fn foreign_key(&mut self, id: RelationId, key: &ForeignKey) -> Option<(GuardKind, Vec<ColumnId>, Purpose)> {
        let table = if self.keeps_dangling() { self.parent_to_be(&key.table) } else { self.target(&key.table, false) }?;
        let referenced = self.known_columns(table, &key.referenced);
        let kind = GuardKind::Foreign { table, referenced, on_delete: key.on_delete, on_update: key.on_update };
        Some((kind, self.known_columns(id, &key.columns), Purpose::Foreign))
    }

    /// SQLite looks a parent up when rows are written; MySQL takes one that is not there while FOREIGN_KEY_CHECKS is off
    /// (SQLite "Foreign Key Support" section 3; MySQL manual, "FOREIGN KEY Constraints").
    fn keeps_dangling(&self) -> bool {
        self.catalog.dialect == Dialect::Sqlite || self.catalog.dialect.is_mysql()
    }

    /// The table that a foreign key names, or the place that one of this name will take.
    fn parent_to_be(&mut self, name: &Name) -> Option<RelationId> {
        if let Some(id) = self.find(name) {
            return Some(id);
        }
        let name = self.scope().created(name);
        if let Some(id) = self.catalog.orphaned.get(&name) {
            return Some(*id);
        }
        let id = self.fresh_relation();
        self.catalog.orphaned.insert(name, id);
        Some(id)
    }

    fn part_columns(&mut self, id: RelationId, parts: &[IndexPart]) -> Vec<ColumnId> {
        let names: Vec<Ident> = parts.iter().filter_map(|part| part.column.clone()).collect();
        names.iter().filter_map(|name| self.target_column(id, name, false)).collect()
    }

    fn known_columns(&self, id: RelationId, names: &[Ident]) -> Vec<ColumnId> {
        let Some(relation) = self.catalog.relation(id) else { return Vec::new() };
        names.iter().filter_map(|name| relation.column(name)).map(|column| column.id).collect()
    }

    fn name_for(&self, id: RelationId, columns: &[ColumnId], purpose: Purpose) -> Option<Ident> {
        let relation = self.catalog.relation(id)?;
        let names: Vec<&str> =
            columns.iter().filter_map(|id| relation.column_by_id(*id)).map(|column| column.name.as_str()).collect();
        let by_name = |name: &Ident| {
            let name = Name { schema: relation.name.schema.clone(), name: name.clone() };
            self.catalog.indexes.get(&name) == Some(&id)
        };
        // One look at many constraints takes longer than one at the names of all.
        let is_many = relation.guards.len() > MANY && !self.catalog.dialect.is_mysql();
        let taken = |name: &Ident| if is_many { by_name(name) } else { relation.guard(name).is_some() };
        made_up(self.catalog.dialect, relation.name.name.as_str(), &names, purpose, taken)
    }

    pub(super) fn create_index(&mut self, index: &CreateIndex) {
        self.mark.by = By::AddIndex;
        let Some(id) = self.target(&index.table, false) else { return };
        let is_there = index.name.as_ref().is_some_and(|name| self.is_index_name_taken(id, name));
        if (index.if_not_exists || self.conditional) && is_there {
            return;
        }
        let columns = self.part_columns(id, &index.parts);
        let condition = index.condition.as_ref().map(|condition| condition.text.clone());
        let kind = if index.unique {
            unique(&index.parts, index.nulls_not_distinct, condition)
        } else {
            let condition = condition.map(|condition| format!(" where {condition}")).unwrap_or_default();
            GuardKind::Index { text: text_of(&index.parts) + &condition, fulltext: index.fulltext }
        };
        let name = index.name.clone().or_else(|| self.name_for(id, &columns, Purpose::Index));
        let guard = Guard {
            name,
            kind,
            columns,
            is_index: true,
            not_valid: false,
            not_enforced: false,
            deferrable: false,
            implied: false,
        };
        self.refuse_taken_name(id, &guard);
        self.keep_guard(id, guard);
    }

    fn is_index_name_taken(&self, id: RelationId, name: &Ident) -> bool {
        let Some(relation) = self.catalog.relation(id) else { return false };
        let named = Name { schema: relation.name.schema.clone(), name: name.clone() };
        if self.catalog.dialect.is_mysql() { relation.guard(name).is_some() } else { self.catalog.indexes.contains_key(&named) }
    }

    fn drop_constraint(&mut self, id: RelationId, name: &Ident, if_exists: bool, cascade: bool) {
        self.mark.by = By::DropConstraint;
        let Some(guard) = self.catalog.relation(id).and_then(|relation| relation.guard(name)).cloned() else {
            if !if_exists && !self.conditional && !self.is_not_null_name(id, name) {
                self.event(Action::UnknownConstraint { relation: id });
                self.refuse_unknown_constraint(id, name);
            }
            return;
        };
        if !cascade {
            self.refuse_drop_of_key(id, &guard);
        }
        self.forget_guard(id, name);
        if cascade && guard.kind.is_unique() {
            self.drop_references(id, &guard);
        }
    }

    fn refuse_unknown_constraint(&mut self, id: RelationId, name: &Ident) {
        let Some(relation) = self.catalog.relation(id).filter(|relation| !relation.open) else { return };
        // In MySQL it can have gone with a column that the same statement drops before it.
        if self.rekeys && self.catalog.dialect.is_mysql() {
            return;
        }
        // A name that the engine made is known only where its rule is.
        if (self.catalog.dialect == Dialect::PostgreSql || self.catalog.dialect.is_mysql())
            && relation.guards.iter().all(|guard| guard.name.is_some())
        {
            self.refused(format!("there is no constraint {name}"));
        }
    }

    /// PostgreSQL 18 names NOT NULL constraints `table_column_not_null`.
    fn is_not_null_name(&mut self, id: RelationId, name: &Ident) -> bool {
        let Some(relation) = self.catalog.relation(id) else { return false };
        let table = relation.name.name.as_str();
        let is_of = |column: &&crate::sql::catalog::Column| name.as_str() == format!("{table}_{}_not_null", column.name);
        let column = relation.columns.iter().find(is_of).map(|column| column.id);
        if let Some(column) = column {
            self.edit_by(By::DropNotNull, id, column, |column| column.not_null = false);
        }
        column.is_some()
    }

    /// CASCADE of a key drops the foreign keys that point to it.
    fn drop_references(&mut self, id: RelationId, key: &Guard) {
        for (child, reference) in self.catalog.references_to(id) {
            let GuardKind::Foreign { referenced, .. } = &reference.kind else { continue };
            let points_here = *referenced == key.columns || (referenced.is_empty() && key.kind == GuardKind::Primary);
            if let Some(name) = reference.name.as_ref().filter(|_| points_here) {
                self.forget_guard(child.id, name);
            }
        }
    }

    pub(super) fn forget_guard(&mut self, id: RelationId, name: &Ident) {
        self.touch(Key::Part(id, Some(name.clone())));
        let schema = self.catalog.relation(id).and_then(|relation| relation.name.schema.clone());
        self.catalog.indexes.remove(&Name { schema, name: name.clone() });
        // MySQL's index for a foreign key has the same name, and stays.
        self.catalog.edit(id, |relation| relation.guards.retain(|guard| guard.implied || guard.name.as_ref() != Some(name)));
    }

    fn drop_primary_key(&mut self, id: RelationId, cascade: bool) {
        self.mark.by = By::DropConstraint;
        let Some(key) = self.catalog.relation(id).and_then(|relation| relation.primary_key()).cloned() else { return };
        self.touch(Key::Part(id, key.name.clone()));
        self.catalog.edit(id, |relation| relation.guards.retain(|guard| guard.kind != GuardKind::Primary));
        if cascade {
            self.drop_references(id, &key);
        }
    }

    fn drop_table_index(&mut self, id: RelationId, name: &Ident, if_exists: bool) {
        self.mark.by = By::DropIndex;
        if name.key() == "primary" {
            return self.drop_primary_key(id, false);
        }
        let known = self
            .catalog
            .relation(id)
            .and_then(|relation| relation.guards.iter().find(|guard| is_key(guard) && guard.name.as_ref() == Some(name)));
        if let Some(index) = known.cloned() {
            self.refuse_drop_of_index(id, &index);
            self.touch(Key::Part(id, Some(name.clone())));
            self.catalog.edit(id, |relation| relation.guards.retain(|guard| !is_key(guard) || guard.name.as_ref() != Some(name)));
        } else if !if_exists && !self.conditional && !self.is_index_of_key(id, name) {
            self.event(Action::UnknownConstraint { relation: id });
            self.refuse_unknown_index(id, name);
        }
    }

    fn refuse_unknown_index(&mut self, id: RelationId, name: &Ident) {
        let Some(relation) = self.catalog.relation(id).filter(|relation| !relation.open) else { return };
        if name.key() != "primary" && !has_key(relation, name) && !self.is_index_of_key(id, name) {
            self.refused(format!("there is no index {name}"));
        }
    }

    /// MySQL makes an index for a foreign key, named after the constraint or the first column.
    fn is_index_of_key(&self, id: RelationId, name: &Ident) -> bool {
        let Some(relation) = self.catalog.relation(id) else { return false };
        let mut keys = relation.guards.iter().filter(|guard| matches!(guard.kind, GuardKind::Foreign { .. }));
        keys.any(|key| key.columns.first().and_then(|id| relation.column_by_id(*id)).is_some_and(|column| column.name == *name))
    }

    pub(super) fn drop_indexes(&mut self, indexes: &[Name], table: Option<&Name>, if_exists: bool, cascade: bool) {
        self.mark.by = By::DropIndex;
        for index in indexes {
            if let Some(table) = table.and_then(|table| self.find(table)) {
                if !if_exists {
                    self.refuse_unknown_index(table, &index.name);
                }
                self.drop_table_index(table, &index.name, true);
            } else if let Some(id) = self.index_owner(index) {
                let guard = self.catalog.relation(id).and_then(|relation| relation.guard(&index.name)).cloned();
                self.forget_guard(id, &index.name);
                if let Some(guard) = guard.filter(|guard| cascade && guard.kind.is_unique()) {
                    self.drop_references(id, &guard);
                }
            } else if !if_exists && !self.conditional && table.is_none() {
                self.refused(format!("there is no index {}", index.name));
            }
        }
    }

    fn index_owner(&self, index: &Name) -> Option<RelationId> {
        self.scope().candidates(index).iter().find_map(|name| self.catalog.indexes.get(name)).copied()
    }

    pub(super) fn rename_index(&mut self, from: &Name, to: &Ident, table: Option<&Name>) {
        self.mark.by = By::Rename;
        let id = table.and_then(|table| self.find(table)).or_else(|| self.index_owner(from));
        if let Some(id) = id {
            self.rename_guard(id, &from.name, to);
        }
    }

    fn rename_guard(&mut self, id: RelationId, from: &Ident, to: &Ident) {
        self.mark.by = By::Rename;
        let schema = self.catalog.relation(id).and_then(|relation| relation.name.schema.clone());
        if self.catalog.indexes.remove(&Name { schema: schema.clone(), name: from.clone() }).is_some() {
            self.catalog.indexes.insert(Name { schema, name: to.clone() }, id);
        }
        self.edit_guard(id, from, |guard| guard.name = Some(to.clone()));
    }

    fn edit_guard(&mut self, id: RelationId, name: &Ident, change: impl Fn(&mut Guard)) {
        self.catalog
            .edit(id, |relation| relation.guards.iter_mut().filter(|guard| guard.name.as_ref() == Some(name)).for_each(change));
        self.touch(Key::Part(id, Some(name.clone())));
    }
}

fn unique(parts: &[IndexPart], nulls_not_distinct: bool, condition: Option<String>) -> GuardKind {
    let is_special = |part: &&IndexPart| part.column.is_none() || part.prefix.is_some();
    let text = |part: &IndexPart| match part.prefix {
        Some(length) => format!("{} ({length})", part.expression.text),
        None => part.expression.text.clone(),
    };
    GuardKind::Unique { nulls_not_distinct, expressions: parts.iter().filter(is_special).map(text).collect(), condition }
}

fn text_of(parts: &[IndexPart]) -> String {
    parts.iter().map(|part| part.expression.text.as_str()).collect::<Vec<_>>().join(" , ")
}
