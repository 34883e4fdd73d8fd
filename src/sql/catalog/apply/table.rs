//! CREATE TABLE, renames, and what ALTER TABLE does to the table as a whole.

use super::Replay;
use crate::sql::catalog::log::{Action, Key};
use crate::sql::catalog::model::{Column, ColumnId, Guard, GuardKind, Relation, RelationId, RelationKind};
use crate::sql::dialect::Dialect;
use crate::sql::effect::By;
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{ColumnDef, CreateTable, IdentityKind, Like, ObjectKind, TableAction};

impl Replay {
    pub(super) fn create_table(&mut self, create: &CreateTable) {
        self.mark.by = By::RecreateTable;
        let name = self.scope().created(&create.name);
        if let Some(existing) = self.catalog.named(&name).map(|relation| relation.id) {
            if !create.or_replace {
                if !create.if_not_exists {
                    self.refused(format!("there is a table {name} already"));
                }
                return;
            }
            self.drop_relation(existing, true);
        }
        let id = self.fresh_relation();
        let mut relation = Relation::new(id, name, RelationKind::Table);
        self.table_options(&mut relation, create);
        for parent in relation.inherits.iter().chain(&relation.partition_of) {
            self.catalog.parts.entry(*parent).or_default().insert(id);
        }
        self.catalog.insert(relation);
        self.touch_relation(id);
        self.inherited_columns(id, create);
        self.copy_like(id, &create.like);
        for column in &create.columns {
            self.new_column(id, column);
        }
        self.fill_from_query(id, create);
        self.table_constraints(id, create);
        if create.without_rowid {
            self.key_of_its_own(id);
        } else {
            self.implicit_rowid(id);
        }
        if let Some(name) = self.catalog.relation(id).map(|relation| relation.name.clone()) {
            self.adopt_children(id, &name);
        }
    }

    fn table_options(&mut self, relation: &mut Relation, create: &CreateTable) {
        relation.partitioned = create.partitioned;
        relation.temporary = create.temporary;
        relation.strict = create.strict;
        relation.charset.clone_from(&create.charset);
        relation.collation.clone_from(&create.collation);
        relation.inherits = create.inherits.iter().filter_map(|parent| self.find(parent)).collect();
        if let Some(partition) = &create.partition_of {
            relation.partition_of = self.find(&partition.parent);
            relation.default_partition = partition.default;
        }
        if create.temporary {
            self.session.temporary.push(relation.id);
        }
    }

    fn inherited_columns(&mut self, id: RelationId, create: &CreateTable) {
        let parents = create.inherits.iter().chain(create.partition_of.as_ref().map(|partition| &partition.parent));
        for parent in parents {
            let like = Like { table: parent.clone(), defaults: true, constraints: true, indexes: create.partition_of.is_some() };
            self.copy_like(id, &[like]);
        }
    }

    fn copy_like(&mut self, id: RelationId, likes: &[Like]) {
        for like in likes {
            let Some(source) = self.find(&like.table).and_then(|source| self.catalog.relation(source).cloned()) else {
                self.catalog.edit(id, |relation| relation.open = true);
                continue;
            };
            let mut renamed: Vec<(ColumnId, ColumnId)> = Vec::new();
            for column in &source.columns {
                let fresh = self.fresh_column();
                renamed.push((column.id, fresh));
                let mut copied = Column { id: fresh, ..column.clone() };
                if !like.defaults {
                    copied.default = None;
                    copied.identity = None;
                }
                self.add_column_to(id, copied);
            }
            let wanted = |guard: &&Guard| match guard.kind {
                GuardKind::Check { .. } => like.constraints,
                GuardKind::Foreign { .. } => false,
                _ => like.indexes,
            };
            let guards: Vec<Guard> = source.guards.iter().filter(wanted).map(|guard| renumber(guard, &renamed)).collect();
            self.catalog.edit(id, |relation| relation.guards.extend(guards));
        }
    }

    fn fill_from_query(&mut self, id: RelationId, create: &CreateTable) {
        let Some(query) = &create.query else { return };
        let given = self.scope().outputs(query);
        let (_, _, resolved) = self.scope().columns_of(query);
        let written = self.catalog.relation(id).is_some_and(|relation| !relation.columns.is_empty());
        if !written {
            for (at, output) in given.iter().enumerate() {
                let name =
                    output.name.clone().unwrap_or_else(|| Ident::stored(self.catalog.dialect, &format!("column{}", at + 1)));
                let fresh = self.fresh_column();
                let data_type = output.cast.clone().or_else(|| output.data_type.clone());
                self.add_column_to(id, Column { data_type, ..Column::new(fresh, name) });
            }
        }
        self.catalog.edit(id, |relation| relation.open |= !resolved);
        let targets: Vec<ColumnId> = self
            .catalog
            .relation(id)
            .map(|relation| relation.columns.iter().map(|column| column.id).collect())
            .unwrap_or_default();
        if !create.with_no_data {
            self.log_copies(query, &given, &targets);
        }
        self.run_modifications(query);
    }

    fn table_constraints(&mut self, id: RelationId, create: &CreateTable) {
        for column in &create.columns {
            for constraint in &column.constraints {
                self.add_constraint(id, constraint, true);
            }
        }
        for constraint in &create.constraints {
            self.add_constraint(id, constraint, false);
        }
    }

    /// SQLite's INTEGER PRIMARY KEY is another name of the row id ("ROWIDs and the INTEGER PRIMARY KEY" in SQLite's CREATE TABLE).
    fn implicit_rowid(&mut self, id: RelationId) {
        if self.catalog.dialect != Dialect::Sqlite {
            return;
        }
        self.catalog.edit(id, |relation| {
            let key = relation.primary_key().filter(|key| key.columns.len() == 1).map(|key| key.columns[0]);
            let column = relation.columns.iter_mut().find(|column| Some(column.id) == key);
            let is_integer = |column: &&mut Column| {
                column.data_type.as_ref().is_some_and(|data_type| {
                    data_type.name.name.key().eq_ignore_ascii_case("integer") && data_type.arguments.is_empty()
                })
            };
            if let Some(column) = column.filter(is_integer) {
                column.identity = Some(IdentityKind::Serial);
            }
        });
    }

    /// The columns of the key of a table WITHOUT ROWID are NOT NULL ("The WITHOUT ROWID Optimization" in SQLite's manual).
    fn key_of_its_own(&mut self, id: RelationId) {
        self.catalog.edit(id, |relation| {
            let key = relation.primary_key().map(|key| key.columns.clone()).unwrap_or_default();
            relation.columns.iter_mut().filter(|column| key.contains(&column.id)).for_each(|column| column.not_null = true);
        });
    }

    /// Adds a column with what is written at it, its constraints left aside.
    pub(super) fn new_column(&mut self, id: RelationId, definition: &ColumnDef) -> ColumnId {
        let column = self.column_from(definition);
        let column_id = column.id;
        self.add_column_to(id, column);
        column_id
    }

    pub(super) fn column_from(&mut self, definition: &ColumnDef) -> Column {
        Column {
            data_type: definition.data_type.clone(),
            not_null: definition.not_null || definition.identity.is_some(),
            default: definition.default.clone(),
            generated: definition.generated.clone(),
            identity: definition.identity,
            on_update: definition.on_update,
            ..Column::new(self.fresh_column(), definition.name.clone())
        }
    }

    fn add_column_to(&mut self, id: RelationId, column: Column) {
        self.touch(Key::Column(column.id));
        self.catalog.owners.insert(column.id, id);
        self.catalog.edit(id, |relation| {
            // A column that a parent gave is merged with the one written out.
            match relation.columns.iter_mut().find(|known| known.name == column.name) {
                Some(known) => *known = Column { id: known.id, ..column },
                None => relation.columns.push(column),
            }
        });
    }

    pub(super) fn rename_table(&mut self, from: &Name, to: &Name, if_exists: bool) {
        self.mark.by = By::Rename;
        let Some(id) = self.target(from, if_exists) else { return };
        let Some(schema) = self.catalog.relation(id).map(|relation| relation.name.schema.clone()) else { return };
        let schema = if to.schema.is_some() { self.scope().canonical(to).schema } else { schema };
        self.give_name(id, Name { schema, name: to.name.clone() });
    }

    pub(super) fn give_name(&mut self, id: RelationId, name: Name) {
        let Some(old) = self.catalog.relation(id).map(|relation| relation.name.clone()) else { return };
        if self.catalog.names.get(&name).is_some_and(|other| *other != id) {
            self.refused(format!("there is a table {name} already"));
        }
        if self.catalog.names.get(&old) == Some(&id) {
            self.catalog.names.remove(&old);
        }
        self.catalog.names.insert(name.clone(), id);
        self.adopt_children(id, &name);
        self.catalog.edit(id, |relation| relation.name = name);
        self.touch_relation(id);
    }

    pub(super) fn set_schema(&mut self, object: ObjectKind, name: &Name, schema: &Ident, if_exists: bool) {
        self.mark.by = By::MoveSchema;
        let schema = Some(schema.clone());
        match object {
            ObjectKind::Table | ObjectKind::View | ObjectKind::Sequence => {
                let Some(id) = self.target(name, if_exists) else { return };
                let to = self.scope().canonical(&Name { schema, name: name.name.clone() });
                self.give_name(id, to);
            }
            ObjectKind::Type => self.move_type(name, &Name { schema, name: name.name.clone() }),
            ObjectKind::Routine => self.move_routine(name, &Name { schema, name: name.name.clone() }),
            ObjectKind::Other => {}
        }
    }

    pub(super) fn alter_table(&mut self, table: &Name, if_exists: bool, action: &TableAction) {
        if matches!(action, TableAction::Harmless | TableAction::OwnerTo) {
            return;
        }
        let Some(id) = self.target(table, if_exists) else { return };
        if !self.alter_column_of(id, action) && !self.alter_guards_of(id, action) {
            self.alter_rest_of(id, action);
        }
    }

    fn alter_rest_of(&mut self, id: RelationId, action: &TableAction) {
        match action {
            TableAction::AttachPartition { partition, default } => self.attach(id, partition, *default),
            TableAction::DetachPartition { partition } => self.detach(partition),
            TableAction::DropPartition { .. } => self.lose_rows(id, By::DropPartition, "the rows of the partition go with it"),
            TableAction::TruncatePartition { .. } => self.lose_rows(id, By::Truncate, "the rows of the partition are removed"),
            TableAction::ExchangePartition { with } => self.exchange(id, with),
            TableAction::Inherit { parent } => self.inherit(id, parent, true),
            TableAction::NoInherit { parent } => self.inherit(id, parent, false),
            TableAction::RowSecurity { enabled } => self.set_option(id, By::RowSecurity, |table| table.row_security = *enabled),
            TableAction::ForceRowSecurity { forced } => {
                self.set_option(id, By::RowSecurity, |table| table.force_row_security = *forced);
            }
            TableAction::EnableTrigger { name, enabled } => self.enable_trigger(id, name.as_ref(), *enabled),
            TableAction::Charset { charset, collation, convert } => {
                self.set_charset(id, charset.as_ref(), collation.as_ref(), *convert);
            }
            TableAction::SetLogged { logged } => self.set_option(id, By::Storage, |table| table.unlogged = !*logged),
            TableAction::Opaque { head } => {
                self.mark.by = By::Unparsed;
                self.opaque(Some(id), head, "this action of ALTER TABLE is not understood");
            }
            _ => {}
        }
    }

    pub(super) fn set_option(&mut self, id: RelationId, by: By, change: impl FnOnce(&mut Relation)) {
        self.mark.by = by;
        self.catalog.edit(id, change);
        self.touch_relation(id);
    }

    fn attach(&mut self, id: RelationId, partition: &Name, default: bool) {
        let Some(part) = self.target(partition, false) else { return };
        self.catalog.parts.entry(id).or_default().insert(part);
        self.set_option(part, By::Partition, |table| {
            table.partition_of = Some(id);
            table.default_partition = default;
        });
    }

    fn detach(&mut self, partition: &Name) {
        let Some(part) = self.target(partition, false) else { return };
        self.set_option(part, By::Partition, |table| table.partition_of = None);
    }

    fn exchange(&mut self, id: RelationId, with: &Name) {
        let Some(other) = self.target(with, false) else { return };
        self.mark.by = By::Partition;
        for (relation, with) in [(id, other), (other, id)] {
            self.event(Action::Exchanged { relation, with });
        }
    }

    fn inherit(&mut self, id: RelationId, parent: &Name, inherits: bool) {
        let Some(parent) = self.target(parent, false) else { return };
        self.catalog.parts.entry(parent).or_default().insert(id);
        self.set_option(id, By::Inheritance, |table| {
            table.inherits.retain(|known| *known != parent);
            if inherits {
                table.inherits.push(parent);
            }
        });
    }
}

/// The same guard on the columns of a copy; names are made anew.
fn renumber(guard: &Guard, renamed: &[(ColumnId, ColumnId)]) -> Guard {
    let new = |id: &ColumnId| renamed.iter().find(|(old, _)| old == id).map_or(*id, |(_, new)| *new);
    Guard { columns: guard.columns.iter().map(new).collect(), name: None, ..guard.clone() }
}
