//! Statements change the catalog, in order; what they do to stored values goes to the log.

mod assume;
mod column;
mod condition;
mod constraint;
mod data;
mod depends;
mod drops;
mod extension;
mod implied;
mod routine;
mod session;
mod table;
mod types;
mod view;

use super::log::{Action, Event, Key, Mark};
use super::model::{ColumnId, RelationId};
use super::resolve::Scope;
use super::step::Assumption;
use super::{Catalog, Step};
use crate::sql::dialect::Dialect;
use crate::sql::effect::{By, Certainty};
use crate::sql::name::Name;
use crate::sql::statement::{BlockKind, Op, Statement, TableAction};
use session::Session;

/// Blocks in blocks and routines in routines are followed this deep.
const DEPTH: u32 = 24;

/// Statements of routines that are followed in one migration.
const MOST_RUN: usize = 20_000;

/// Replays migrations one after another.
#[derive(Clone, Debug)]
pub struct Replay {
    pub catalog: Catalog,
    before: Catalog,
    log: Vec<Event>,
    assumed: Vec<Assumption>,
    session: Session,
    mark: Mark,
    /// Counts the calls of `apply`.
    migration: usize,
    /// The first migration met an empty database, so what was not seen being created is not there.
    complete: bool,
    next_id: u32,
    depth: u32,
    /// Statements of bodies that ran since the migration began: routines that call each other must not run for ever.
    ran: usize,
    /// Inside something that may not run.
    conditional: bool,
    /// The statement drops or adds keys and indexes besides: what it needs of them is decided at its end.
    rekeys: bool,
}

fn changes_keys(op: &Op) -> bool {
    match op {
        Op::AlterTable { action, .. } => matches!(
            action,
            TableAction::AddConstraint(_) | TableAction::DropConstraint { .. } | TableAction::DropForeignKey { .. }
        ),
        Op::CreateIndex(_) => true,
        _ => false,
    }
}

impl Replay {
    /// Starts with an empty database.
    pub fn new(dialect: Dialect) -> Self {
        Self::on(Catalog::new(dialect), true)
    }

    /// Starts with a database of which nothing is known.
    pub fn unknown(dialect: Dialect) -> Self {
        Self::on(Catalog::new(dialect), false)
    }

    /// Goes on from a catalog.
    pub fn from_catalog(catalog: Catalog) -> Self {
        Self::on(catalog, true)
    }

    fn on(catalog: Catalog, complete: bool) -> Self {
        let next_id = first_free_id(&catalog);
        let mark = Mark { migration: 0, statement: 0, line: 0, by: By::Unparsed, cap: Certainty::Certain };
        Replay {
            before: catalog.clone(),
            session: Session::new(catalog.dialect),
            catalog,
            log: Vec::new(),
            assumed: Vec::new(),
            mark,
            migration: 0,
            complete,
            next_id,
            depth: 0,
            ran: 0,
            conditional: false,
            rekeys: false,
        }
    }

    /// Applies one migration.
    pub fn apply(&mut self, statements: &[Statement]) -> Step {
        self.before = self.catalog.clone();
        self.session = Session::new(self.catalog.dialect);
        self.ran = 0;
        self.statements(statements, true);
        self.end_session();
        self.migration += 1;
        Step {
            before: self.before.clone(),
            after: self.catalog.clone(),
            log: std::mem::take(&mut self.log),
            assumed: std::mem::take(&mut self.assumed),
        }
    }

    /// `own` statements give the log their numbers; those of a routine's body keep the caller's.
    fn statements(&mut self, statements: &[Statement], own: bool) {
        self.ran = self.ran.saturating_add(if own { 0 } else { statements.len() });
        for statement in statements {
            if own {
                let cap = self.mark.cap;
                self.mark =
                    Mark { migration: self.migration, statement: statement.number, line: statement.line, by: By::Unparsed, cap };
            }
            self.rekeys = statement.ops.len() > 1 && statement.ops.iter().any(changes_keys);
            for op in &statement.ops {
                self.op(op);
            }
        }
    }

    fn op(&mut self, op: &Op) {
        if self.depth > DEPTH {
            return self.opaque(None, "statements nested too deep", "nested too deep to follow");
        }
        self.depth += 1;
        self.dispatch(op);
        self.depth -= 1;
    }

    fn dispatch(&mut self, op: &Op) {
        self.commit_implicitly(op);
        match op {
            Op::CreateTable(table) => self.create_table(table),
            Op::RenameTable { from, to, if_exists } => self.rename_table(from, to, *if_exists),
            Op::SetSchema { object, name, schema, if_exists } => self.set_schema(*object, name, schema, *if_exists),
            Op::AlterTable { table, if_exists, action, .. } => self.alter_table(table, *if_exists, action),
            Op::CreateIndex(index) => self.create_index(index),
            Op::RenameIndex { from, to, table, .. } => self.rename_index(from, to, table.as_ref()),
            Op::CreateView(view) => self.create_view(view),
            Op::RefreshView { view, with_no_data } => self.refresh_view(view, *with_no_data),
            Op::Block { kind, body } => self.block(*kind, body),
            Op::Set { variable, values, .. } => self.set_variable(variable, values),
            Op::Transaction(transaction) => self.transaction(transaction),
            Op::Harmless => {}
            Op::Opaque { head, why, .. } => {
                self.mark.by = By::Unparsed;
                self.opaque(None, head, why);
            }
            Op::Dynamic { pieces } => self.dynamic(pieces),
            _ => self.dispatch_drop(op),
        }
    }

    fn dispatch_drop(&mut self, op: &Op) {
        match op {
            Op::DropTable { tables, if_exists, cascade, .. } => self.drop_tables(tables, *if_exists, *cascade),
            Op::Truncate { tables, cascade, .. } => self.truncate(tables, *cascade),
            Op::DropIndex { indexes, concurrently: true, .. } if indexes.len() > 1 => {
                // PostgreSQL 15 manual, DROP INDEX.
                self.refused("DROP INDEX CONCURRENTLY takes one index".to_owned());
            }
            Op::DropIndex { indexes, table, if_exists, cascade, .. } => {
                self.drop_indexes(indexes, table.as_ref(), *if_exists, *cascade);
            }
            Op::DropView { views, if_exists, cascade, .. } => self.drop_views(views, *if_exists, *cascade),
            Op::DropSequence { sequences, cascade, .. } => self.drop_sequences(sequences, *cascade),
            Op::DropType { types, cascade, .. } => self.drop_types(types, *cascade),
            Op::DropRoutine { name, arguments, cascade, .. } => self.drop_routine(name, arguments.as_deref(), *cascade),
            Op::DropTrigger { name, table, .. } => self.drop_trigger(name, table.as_ref()),
            Op::DropRule { name, table } => self.drop_rule(name, table),
            Op::DropExtension { names, cascade, .. } => self.drop_extensions(names, *cascade),
            Op::DropSchema { schemas, cascade, .. } => self.drop_schemas(schemas, *cascade),
            Op::DropDatabase { name } => self.drop_database(name),
            Op::DropOwned => self.drop_owned(),
            Op::DropEvent { .. } => {}
            _ => self.dispatch_data(op),
        }
    }

    fn dispatch_data(&mut self, op: &Op) {
        match op {
            Op::Insert(insert) => self.insert(insert),
            Op::Update(update) => self.update(update),
            Op::Delete(delete) => self.delete(delete),
            Op::Load { table } => self.load(table),
            Op::Select(query) => self.select(query),
            Op::Call { routine } => self.call(routine),
            Op::SetSequence { sequence, value } => self.set_sequence(sequence.as_ref(), *value),
            Op::Revoke { objects, privileges } => self.revoke(objects, privileges),
            Op::CreateEvent { body, .. } => self.create_event(body),
            _ => self.dispatch_other(op),
        }
    }

    fn dispatch_other(&mut self, op: &Op) {
        match op {
            Op::CreateSequence { name, owned_by, .. } => self.create_sequence(name, owned_by.as_ref()),
            Op::AlterSequence { name, change, .. } => self.alter_sequence(name, change),
            Op::CreateType { name, definition } => self.create_type(name, definition),
            Op::AlterType { name, change, .. } => self.alter_type(name, change),
            Op::CreateRoutine(routine) => self.create_routine(routine),
            Op::RenameRoutine { name, to } => self.rename_routine(name, to),
            Op::CreateTrigger(trigger) => self.create_trigger(trigger),
            Op::RenameTrigger { name, table, to } => self.rename_trigger(name, table, to),
            Op::CreateRule { name, table, instead } => self.create_rule(name, table, *instead),
            Op::CreateExtension { name, .. } => self.create_extension(name),
            Op::CreateSchema { name, .. } => self.create_schema(name),
            Op::RenameSchema { from, to } => self.rename_schema(from, to),
            Op::Policy { name, table, change } => self.policy(name, table, *change),
            _ => {}
        }
    }

    fn block(&mut self, kind: BlockKind, body: &[Statement]) {
        let (cap, conditional) = (self.mark.cap, self.conditional);
        match kind {
            BlockKind::Anonymous => self.mark.cap = cap.min(Certainty::Likely),
            BlockKind::Conditional => {
                self.mark.cap = cap.min(Certainty::Possible);
                self.conditional = true;
            }
            BlockKind::Guarded => {
                self.mark.cap = cap.min(Certainty::Likely);
                self.conditional = true;
            }
            BlockKind::Executed => {}
        }
        self.statements(body, false);
        self.mark.cap = cap;
        self.conditional = conditional;
    }

    fn scope(&self) -> Scope<'_> {
        Scope { catalog: &self.catalog, path: &self.session.search_path }
    }

    fn find(&self, name: &Name) -> Option<RelationId> {
        self.scope().find_id(name)
    }

    fn event(&mut self, action: Action) {
        self.log.push(Event { mark: self.mark, action });
    }

    fn touch(&mut self, key: Key) {
        self.event(Action::Touch(key));
    }

    fn touch_relation(&mut self, id: RelationId) {
        self.touch(Key::Relation(id));
    }

    fn opaque(&mut self, relation: Option<RelationId>, head: &str, why: &str) {
        self.event(Action::Opaque { relation, head: head.to_owned(), why: why.to_owned() });
    }

    /// What the engine does not take as it stands.
    fn refused(&mut self, why: String) {
        if !self.conditional {
            self.event(Action::Refused { why });
        }
    }

    fn fresh_relation(&mut self) -> RelationId {
        self.next_id += 1;
        RelationId(self.next_id)
    }

    fn fresh_column(&mut self) -> ColumnId {
        self.next_id += 1;
        ColumnId(self.next_id)
    }
}

/// Above every id in use.
fn first_free_id(catalog: &Catalog) -> u32 {
    let columns = |id: &RelationId| {
        let relation = catalog.relation(*id);
        relation.and_then(|relation| relation.columns.iter().map(|column| column.id.0).max()).unwrap_or(0)
    };
    let waiting = catalog.orphaned.values().map(|id| id.0).max().unwrap_or(0);
    catalog.relations.keys().map(|id| id.0.max(columns(id))).max().unwrap_or(0).max(waiting)
}
