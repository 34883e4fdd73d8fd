//! Enums, domains, composites, sequences and schemas.

use std::sync::Arc;

use super::Replay;
use crate::sql::catalog::log::{Action, Key};
use crate::sql::catalog::model::{ColumnId, Relation, RelationId, RelationKind, TypeObject};
use crate::sql::effect::By;
use crate::sql::expression::Shape;
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{PolicyChange, SequenceChange, TypeChange, TypeDefinition};

impl Replay {
    pub(super) fn create_type(&mut self, name: &Name, definition: &TypeDefinition) {
        self.mark.by = By::TypeDefinition;
        let name = self.scope().created(name);
        if self.catalog.types.contains_key(&name) {
            return;
        }
        self.next_id += 1;
        let object = TypeObject { id: self.next_id, definition: definition.clone() };
        self.touch(Key::Type(name.clone()));
        self.catalog.types.insert(name, Arc::new(object));
    }

    pub(super) fn type_named(&self, name: &Name) -> Option<Name> {
        self.scope().candidates(name).into_iter().find(|name| self.catalog.types.contains_key(name))
    }

    pub(super) fn alter_type(&mut self, name: &Name, change: &TypeChange) {
        self.mark.by = By::TypeDefinition;
        let Some(known) = self.type_named(name) else { return };
        self.touch(Key::Type(known.clone()));
        match change {
            TypeChange::Rename(to) => {
                let schema = known.schema.clone();
                self.move_type_to(&known, Name { schema, name: to.clone() });
            }
            TypeChange::SetSchema(schema) => {
                self.move_type(name, &Name { schema: Some(schema.clone()), name: name.name.clone() });
            }
            TypeChange::DropAttribute { name: attribute, .. } => self.drop_attribute(&known, attribute),
            _ => self.edit_type(&known, |definition| edit_definition(definition, change)),
        }
    }

    fn edit_type(&mut self, name: &Name, change: impl FnOnce(&mut TypeDefinition)) {
        if let Some(object) = self.catalog.types.get_mut(name) {
            change(&mut Arc::make_mut(object).definition);
        }
    }

    fn drop_attribute(&mut self, name: &Name, attribute: &Ident) {
        self.edit_type(name, |definition| {
            if let TypeDefinition::Composite(columns) = definition {
                columns.retain(|column| column.name != *attribute);
            }
        });
        for (relation, column) in self.columns_of_type(name) {
            let why = "an attribute of the column's type is dropped with its values";
            self.destroy(relation, vec![column], false, None, crate::sql::effect::Certainty::Certain, why);
        }
    }

    pub(super) fn move_type(&mut self, from: &Name, to: &Name) {
        let Some(known) = self.type_named(from) else { return };
        let to = self.scope().canonical(to);
        self.move_type_to(&known, to);
    }

    /// Columns follow the new name of their type.
    fn move_type_to(&mut self, from: &Name, to: Name) {
        self.touch(Key::Type(from.clone()));
        let users = self.columns_of_type(from);
        if let Some(object) = self.catalog.types.remove(from) {
            self.catalog.types.insert(to.clone(), object);
        }
        for (relation, column) in users {
            self.catalog.edit(relation, |relation| {
                for known in relation.columns.iter_mut().filter(|known| known.id == column) {
                    if let Some(data_type) = &mut known.data_type {
                        data_type.name = to.clone();
                    }
                }
            });
        }
    }

    pub(super) fn columns_of_type(&self, name: &Name) -> Vec<(RelationId, ColumnId)> {
        let uses = |relation: &Arc<Relation>| {
            let fits = relation.columns.iter().filter(|column| {
                column.data_type.as_ref().is_some_and(|known| self.scope().candidates(&known.name).contains(name))
            });
            fits.map(|column| (relation.id, column.id)).collect::<Vec<_>>()
        };
        self.catalog.relations.values().flat_map(uses).collect()
    }

    /// Columns of other types whose default is a value of a type.
    pub(super) fn defaults_of_type(&self, name: &Name) -> Vec<(RelationId, ColumnId)> {
        let is_of = |known: &Name| known == name || self.scope().candidates(known).contains(name);
        let uses = |relation: &Arc<Relation>| {
            let fits = relation.columns.iter().filter(|column| {
                let cast = column.default.as_ref().and_then(|default| match &default.shape {
                    Shape::Cast { to, .. } => Some(&to.name),
                    _ => None,
                });
                column.default_type.as_ref().or(cast).is_some_and(is_of)
            });
            fits.map(|column| (relation.id, column.id)).collect::<Vec<_>>()
        };
        self.catalog.relations.values().flat_map(uses).collect()
    }

    pub(super) fn drop_types(&mut self, types: &[Name], cascade: bool) {
        self.mark.by = By::DropType;
        for name in types {
            let Some(known) = self.type_named(name) else { continue };
            self.touch(Key::Type(known.clone()));
            if !cascade {
                self.refuse_drop_of_type(&known);
            }
            if cascade {
                for (relation, column) in self.columns_of_type(&known) {
                    self.remove_column(relation, column, true, "the column goes with its type");
                }
                for (relation, column) in self.defaults_of_type(&known) {
                    self.edit_column(relation, column, |column| {
                        column.default = None;
                        column.default_type = None;
                    });
                }
            }
            self.catalog.types.remove(&known);
        }
    }

    pub(super) fn create_sequence(&mut self, name: &Name, owned_by: Option<&(Name, Ident)>) {
        self.mark.by = By::Sequence;
        let name = self.scope().created(name);
        if self.catalog.named(&name).is_some() {
            return;
        }
        let id = self.fresh_relation();
        let mut sequence = Relation::new(id, name, RelationKind::Sequence);
        sequence.owned_by = owned_by.and_then(|owner| self.owner(owner));
        if let Some(column) = sequence.owned_by {
            self.catalog.sequences.insert(column, id);
        }
        self.catalog.insert(sequence);
        self.touch_relation(id);
    }

    fn owner(&self, (table, column): &(Name, Ident)) -> Option<ColumnId> {
        let table = self.scope().find(table)?;
        table.column(column).map(|column| column.id)
    }

    pub(super) fn alter_sequence(&mut self, name: &Name, change: &SequenceChange) {
        self.mark.by = By::Sequence;
        match change {
            SequenceChange::Restart(_) => self.sequence_set(name),
            SequenceChange::OwnedBy(owner) => {
                let owner = owner.as_ref().and_then(|owner| self.owner(owner));
                if let Some(id) = self.find(name) {
                    if let Some(column) = owner {
                        self.catalog.sequences.insert(column, id);
                    }
                    self.catalog.edit(id, |sequence| sequence.owned_by = owner);
                }
            }
            SequenceChange::Increment | SequenceChange::Other => {}
        }
    }

    pub(super) fn set_sequence(&mut self, sequence: Option<&Name>, value: Option<i64>) {
        self.mark.by = By::Sequence;
        // A value from a query is the maximum in use in all but odd cases.
        if let Some(name) = sequence.filter(|_| value.is_some()) {
            self.sequence_set(name);
        }
    }

    fn sequence_set(&mut self, name: &Name) {
        let sequence = self.scope().canonical(name);
        self.event(Action::SequenceSet { sequence });
    }

    pub(super) fn create_schema(&mut self, name: &Ident) {
        self.catalog.schemas.insert(name.clone());
    }

    pub(super) fn rename_schema(&mut self, from: &Ident, to: &Ident) {
        self.mark.by = By::Rename;
        let default = self.catalog.dialect.default_schema();
        let of = |name: &Ident| (name.key() != default).then(|| name.clone());
        let (from, to) = (of(from), of(to));
        let moved: Vec<(Name, RelationId)> =
            self.catalog.names.iter().filter(|(name, _)| name.schema == from).map(|(name, id)| (name.clone(), *id)).collect();
        for (name, id) in moved {
            self.give_name(id, Name { schema: to.clone(), name: name.name });
        }
        let types: Vec<Name> = self.catalog.types.keys().filter(|name| name.schema == from).cloned().collect();
        for name in types {
            self.move_type_to(&name, Name { schema: to.clone(), name: name.name.clone() });
        }
    }

    pub(super) fn policy(&mut self, name: &Ident, table: &Name, change: PolicyChange) {
        let Some(id) = self.target(table, false) else { return };
        self.set_option(id, By::RowSecurity, |table| match change {
            PolicyChange::Create { restrictive } => table.policies.push((name.clone(), restrictive)),
            PolicyChange::Drop => table.policies.retain(|(known, _)| known != name),
            // Another policy under the same name.
            PolicyChange::Alter => table.policies.sort_by_key(|(known, _)| known == name),
        });
    }

    pub(super) fn revoke(&mut self, objects: &[Name], _privileges: &[String]) {
        self.mark.by = By::Revoke;
        for object in objects {
            let relation = self.find(object);
            self.event(Action::Rights { relation });
        }
    }
}

fn edit_definition(definition: &mut TypeDefinition, change: &TypeChange) {
    match (definition, change) {
        (TypeDefinition::Enum(labels), TypeChange::AddValue { label, .. }) if !labels.contains(label) => {
            labels.push(label.clone())
        }
        (TypeDefinition::Enum(labels), TypeChange::RenameValue { from, to }) => {
            labels.iter_mut().filter(|label| *label == from).for_each(|label| label.clone_from(to));
        }
        (TypeDefinition::Composite(columns), TypeChange::AddAttribute(column)) => columns.push(column.clone()),
        (TypeDefinition::Composite(columns), TypeChange::RenameAttribute { from, to }) => {
            columns.iter_mut().filter(|column| column.name == *from).for_each(|column| column.name = to.clone());
        }
        (TypeDefinition::Composite(columns), TypeChange::AlterAttribute { name, data_type }) => {
            columns
                .iter_mut()
                .filter(|column| column.name == *name)
                .for_each(|column| column.data_type = Some(data_type.clone()));
        }
        (TypeDefinition::Domain { not_null, default, checks, .. }, change) => edit_domain(not_null, default, checks, change),
        _ => {}
    }
}

fn edit_domain(
    not_null: &mut bool,
    default: &mut Option<crate::sql::expression::Expr>,
    checks: &mut Vec<crate::sql::statement::Constraint>,
    change: &TypeChange,
) {
    match change {
        TypeChange::SetNotNull => *not_null = true,
        TypeChange::DropNotNull => *not_null = false,
        TypeChange::SetDefault(value) => *default = Some(value.clone()),
        TypeChange::DropDefault => *default = None,
        TypeChange::AddConstraint(constraint) => checks.push(constraint.clone()),
        TypeChange::DropConstraint { name, .. } => checks.retain(|check| check.name.as_ref() != Some(name)),
        _ => {}
    }
}
