//! Functions, procedures and triggers: their bodies run when they are called.

use std::sync::Arc;

use super::{DEPTH, MOST_RUN, Replay};
use crate::sql::catalog::log::Key;
use crate::sql::catalog::model::{RelationId, Routine, Trigger};
use crate::sql::effect::{By, Certainty};
use crate::sql::expression::DataType;
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{Argument, CreateRoutine, CreateTrigger};

impl Replay {
    pub(super) fn create_routine(&mut self, create: &CreateRoutine) {
        self.mark.by = By::ChangeRoutine;
        let name = self.scope().created(&create.name);
        let routine = Routine {
            procedure: create.procedure,
            arguments: create.arguments.clone(),
            returns: create.returns.clone(),
            body: create.body.clone(),
        };
        self.touch(Key::Routine(name.clone()));
        let mut overloads = self.catalog.routines.get(&name).map(|known| Vec::clone(known)).unwrap_or_default();
        overloads.retain(|known| !same_inputs(known, &routine));
        overloads.push(routine);
        self.catalog.routines.insert(name, Arc::new(overloads));
    }

    fn routine_named(&self, name: &Name) -> Option<Name> {
        self.scope().candidates(name).into_iter().find(|name| self.catalog.routines.contains_key(name))
    }

    pub(super) fn drop_routine(&mut self, name: &Name, arguments: Option<&[DataType]>, cascade: bool) {
        self.mark.by = By::DropRoutine;
        let Some(known) = self.routine_named(name) else { return };
        self.touch(Key::Routine(known.clone()));
        let overloads = self.catalog.routines.get(&known).map(|known| Vec::clone(known)).unwrap_or_default();
        let left: Vec<Routine> = match arguments {
            Some(types) if overloads.len() > 1 => overloads.into_iter().filter(|routine| !has_types(routine, types)).collect(),
            _ => Vec::new(),
        };
        if left.is_empty() {
            if !cascade {
                self.refuse_drop_of_routine(&known);
            }
            self.catalog.routines.remove(&known);
            if cascade {
                self.drop_users_of(&known);
            }
        } else {
            self.catalog.routines.insert(known, Arc::new(left));
        }
    }

    /// Triggers and defaults that call a dropped function.
    fn drop_users_of(&mut self, function: &Name) {
        let calls = |trigger: &Arc<Trigger>| trigger.function.as_ref() == Some(function);
        let found: Vec<(RelationId, Ident)> = self
            .catalog
            .relations
            .values()
            .flat_map(|table| {
                table
                    .triggers
                    .iter()
                    .filter(|trigger| calls(trigger))
                    .map(|trigger| (table.id, trigger.definition.name.name.clone()))
            })
            .collect();
        for (table, trigger) in found {
            self.forget_trigger(table, &trigger);
        }
        self.drop_defaults_calling(&function.name);
        self.drop_relations_calling(&function.name);
    }

    pub(super) fn rename_routine(&mut self, name: &Name, to: &Ident) {
        let schema = self.routine_named(name).and_then(|name| name.schema);
        self.move_routine(name, &Name { schema, name: to.clone() });
    }

    pub(super) fn move_routine(&mut self, name: &Name, to: &Name) {
        self.mark.by = By::Rename;
        let Some(known) = self.routine_named(name) else { return };
        self.touch(Key::Routine(known.clone()));
        let to = self.scope().canonical(to);
        if let Some(routine) = self.catalog.routines.remove(&known) {
            self.catalog.routines.insert(to, routine);
        }
    }

    pub(super) fn call(&mut self, routine: &Name) {
        if self.routine_named(routine).is_some() {
            self.call_function(routine);
        } else {
            self.mark.by = By::Dynamic;
            self.opaque(None, "call", "a routine is called whose body is not known");
        }
    }

    /// Runs the body of a routine that the migrations made; others are the engine's own.
    pub(super) fn call_function(&mut self, name: &Name) {
        let Some(overloads) = self.routine_named(name).and_then(|name| self.catalog.routines.get(&name)).cloned() else { return };
        if self.depth > DEPTH / 2 {
            return;
        }
        if self.ran > MOST_RUN {
            return self.too_many_calls();
        }
        let cap = self.mark.cap;
        for routine in overloads.iter() {
            if overloads.len() > 1 {
                self.mark.cap = cap.min(Certainty::Possible);
            }
            self.statements(&routine.body.statements, false);
            if routine.body.opaque {
                self.mark.by = By::Dynamic;
                self.opaque(None, "call", "the body of the called routine is not understood");
            }
        }
        self.mark.cap = cap;
    }

    /// Said once a migration.
    fn too_many_calls(&mut self) {
        if self.ran < usize::MAX {
            self.ran = usize::MAX;
            self.mark.by = By::Dynamic;
            self.opaque(None, "call", "routines call each other more often than is followed");
        }
    }

    /// Text that is put together at run time is executed.
    pub(super) fn dynamic(&mut self, pieces: &[String]) {
        self.mark.by = By::Dynamic;
        let words = risky_words(pieces);
        let why = if words.is_empty() {
            "a statement is put together at run time".to_owned()
        } else {
            format!("a statement with {} is put together at run time", words.join(", "))
        };
        self.opaque(None, "execute", &why);
    }

    pub(super) fn create_trigger(&mut self, create: &CreateTrigger) {
        self.mark.by = By::AddTrigger;
        let Some(id) = self.target(&create.table, false) else { return };
        let name = create.name.name.clone();
        let function = create
            .function
            .as_ref()
            .map(|function| self.routine_named(function).unwrap_or_else(|| self.scope().canonical(function)));
        let trigger = Arc::new(Trigger { definition: create.clone(), function, enabled: true });
        self.catalog.triggers.insert(name.clone(), id);
        self.catalog.triggered.insert(id);
        self.catalog.edit(id, |table| {
            table.triggers.retain(|known| known.definition.name.name != name);
            table.triggers.push(trigger);
        });
        self.touch(Key::Part(id, Some(name)));
    }

    pub(super) fn drop_trigger(&mut self, name: &Name, table: Option<&Name>) {
        self.mark.by = By::DropTrigger;
        let id = match table {
            Some(table) => self.find(table),
            None => self.catalog.triggers.get(&name.name).copied(),
        };
        if let Some(id) = id {
            self.forget_trigger(id, &name.name);
        }
    }

    fn forget_trigger(&mut self, id: RelationId, name: &Ident) {
        self.touch(Key::Part(id, Some(name.clone())));
        self.catalog.triggers.remove(name);
        self.catalog.edit(id, |table| table.triggers.retain(|known| known.definition.name.name != *name));
    }

    pub(super) fn rename_trigger(&mut self, name: &Ident, table: &Name, to: &Ident) {
        self.mark.by = By::Rename;
        let Some(id) = self.find(table) else { return };
        self.catalog.edit(id, |table| {
            for trigger in table.triggers.iter_mut().filter(|trigger| trigger.definition.name.name == *name) {
                Arc::make_mut(trigger).definition.name.name = to.clone();
            }
        });
    }

    pub(super) fn enable_trigger(&mut self, id: RelationId, name: Option<&Ident>, enabled: bool) {
        self.set_option(id, By::DropTrigger, |table| {
            let is_meant = |trigger: &&mut Arc<Trigger>| name.is_none_or(|name| trigger.definition.name.name == *name);
            for trigger in table.triggers.iter_mut().filter(is_meant) {
                Arc::make_mut(trigger).enabled = enabled;
            }
        });
    }

    pub(super) fn create_rule(&mut self, name: &Ident, table: &Name, instead: bool) {
        let Some(id) = self.target(table, false) else { return };
        self.set_option(id, By::AddRule, |table| table.rules.push((name.clone(), instead)));
    }

    pub(super) fn drop_rule(&mut self, name: &Ident, table: &Name) {
        let Some(id) = self.find(table) else { return };
        self.set_option(id, By::AddRule, |table| table.rules.retain(|(known, _)| known != name));
    }
}

fn same_inputs(one: &Routine, other: &Routine) -> bool {
    let types = |routine: &Routine| routine.inputs().map(|argument: &Argument| argument.data_type.clone()).collect::<Vec<_>>();
    types(one) == types(other)
}

fn has_types(routine: &Routine, types: &[DataType]) -> bool {
    routine.inputs().map(|argument| argument.data_type.as_ref()).eq(types.iter().map(Some))
}

/// The destructive keywords among the words of a text.
fn risky_words(pieces: &[String]) -> Vec<&'static str> {
    const RISKY: [&str; 6] = ["DROP", "TRUNCATE", "DELETE", "ALTER", "UPDATE", "RENAME"];
    let has = |word: &&&str| {
        let mut words = pieces.iter().flat_map(|piece| piece.split(|letter: char| !letter.is_alphanumeric() && letter != '_'));
        words.any(|known| known.eq_ignore_ascii_case(word))
    };
    RISKY.iter().filter(has).copied().collect()
}
