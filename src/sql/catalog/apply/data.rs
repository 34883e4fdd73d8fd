//! INSERT, UPDATE and DELETE: which stored values go, and where they were put first.

use super::Replay;
use super::condition::only_joins;
use crate::sql::catalog::log::{Action, Copied};
use crate::sql::catalog::model::{Column, ColumnId, Guard, GuardKind, RelationId, Trigger};
use crate::sql::catalog::resolve::{Given, carried};
use crate::sql::dialect::Dialect;
use crate::sql::effect::{By, Certainty};
use crate::sql::effects::CatalogTypes;
use crate::sql::expression::{ColumnRef, DataType, Expr, Query, Shape, Source};
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{Assignment, Delete, Insert, InsertSource, Op, Statement, TriggerTiming, Update};
use crate::sql::types;

impl Replay {
    pub(super) fn insert(&mut self, insert: &Insert) {
        self.mark.by = By::Insert;
        if let InsertSource::Query(query) = &insert.source {
            self.run_modifications(query);
        }
        let Some(id) = self.find(&insert.table) else {
            return self.refused(format!("there is no table {}", insert.table));
        };
        self.refuse_unknown(id, insert);
        let is_free = |query: &Query| query.condition.is_none() && query.from.is_empty();
        let written_out = match &insert.source {
            InsertSource::Query(query) => is_free(query),
            _ => true,
        };
        if written_out && insert.overwrites.is_empty() && !insert.replaces {
            self.event(Action::Inserted { relation: id });
        }
        let targets = self.insert_targets(id, &insert.columns);
        if let InsertSource::Query(query) = &insert.source {
            let given = self.scope().outputs(query);
            self.log_copies(query, &given, &targets);
        }
        self.mark.by = By::Insert;
        self.overwritten_rows(id, insert, &targets);
    }

    /// Columns and tables that an INSERT names and that are not there. Views, functions and system tables are not followed.
    fn refuse_unknown(&mut self, id: RelationId, insert: &Insert) {
        let Some(relation) = self.catalog.relation(id).filter(|relation| !relation.open) else { return };
        let unknown = insert.columns.iter().find(|column| relation.column(column).is_none()).cloned();
        if let Some(column) = unknown.filter(|_| relation.is_table()) {
            self.refused(format!("there is no column {column} in {}", insert.table));
        }
        let InsertSource::Query(query) = &insert.source else { return };
        if !query.guessed {
            self.refuse_missing(&query.tables);
        }
    }

    fn refuse_missing(&mut self, tables: &[Name]) {
        let is_plain = |table: &&Name| table.schema.is_none() && !table.name.key().starts_with("sqlite_");
        let by_name = self.catalog.dialect == Dialect::Sqlite || self.catalog.dialect.is_mysql();
        let missing = tables.iter().filter(is_plain).find(|table| by_name && self.find(table).is_none()).cloned();
        if let Some(table) = missing {
            self.refused(format!("there is no table {table}"));
        }
    }

    /// Rows that are there already and are written anew.
    fn overwritten_rows(&mut self, id: RelationId, insert: &Insert, targets: &[ColumnId]) {
        let why = "rows that are there already are overwritten";
        let overwritten: Vec<ColumnId> = insert.overwrites.iter().filter_map(|column| self.column_named(id, column)).collect();
        if !insert.overwrites.is_empty() {
            self.destroy(id, overwritten, false, Some(String::new()), Certainty::Possible, why);
        } else if insert.replaces && !targets.is_empty() {
            self.destroy(id, self.stored(id), false, Some(String::new()), Certainty::Possible, why);
        }
    }

    fn insert_targets(&self, id: RelationId, columns: &[Ident]) -> Vec<ColumnId> {
        if columns.is_empty() {
            return self.stored(id);
        }
        columns.iter().map(|column| self.column_named(id, column).unwrap_or(ColumnId(0))).collect()
    }

    fn column_named(&self, id: RelationId, name: &Ident) -> Option<ColumnId> {
        self.catalog.relation(id)?.column(name).map(|column| column.id)
    }

    /// Which columns a query's values come from, and which they go to.
    pub(super) fn log_copies(&mut self, query: &Query, given: &[Given], targets: &[ColumnId]) {
        let one_table = query.from.len() == 1;
        // Every value is among those that are distinct.
        let limited =
            (query.combined && !query.distinct) || query.guessed || query.limited || (query.condition.is_some() && !one_table);
        let condition = condition_of(query.condition.as_ref());
        for (output, to) in given.iter().zip(targets) {
            let Some(from) = output.source else { continue };
            let complete = self.completeness(output, *to);
            let Some(complete) = complete else { continue };
            let complete = if output.first { complete } else { complete.min(Certainty::Likely) };
            let condition = condition.clone().filter(|text| !self.skips_nulls_of(from, text));
            let partial = limited || !self.keeps_rows(query, from);
            self.copied(from, *to, condition, complete, partial);
        }
    }

    /// Whether inner joins leave no row out of the table that a column is of: each goes along a reference that is never NULL.
    fn keeps_rows(&self, query: &Query, column: ColumnId) -> bool {
        if query.inner_joins.is_empty() {
            return true;
        }
        let Some((owner, _)) = self.catalog.column(column) else { return false };
        let mut sources = Vec::new();
        self.add_sources(&query.from, &mut sources);
        let id = |reference: &ColumnRef| self.scope().column(reference, &sources);
        let ids = |join: &Option<[ColumnRef; 2]>| join.as_ref().and_then(|[a, b]| Some([id(a)?, id(b)?]));
        let Some(mut left) = query.inner_joins.iter().map(ids).collect::<Option<Vec<_>>>() else { return false };
        let mut reached = vec![owner.id];
        // A table is joined at most once by each round: as many rounds as joins reach all that can be reached.
        for _ in 0..left.len() {
            left.retain(|[a, b]| {
                let along = [(*a, *b), (*b, *a)].into_iter().find(|(from, to)| self.refers(*from, *to, &reached));
                reached.extend(along.and_then(|(_, to)| self.catalog.column(to)).map(|(table, _)| table.id));
                along.is_none()
            });
        }
        left.is_empty()
    }

    /// Whether a column of one of these tables is never NULL and a foreign key to another column.
    fn refers(&self, from: ColumnId, to: ColumnId, tables: &[RelationId]) -> bool {
        let (Some((child, column)), Some((parent, _))) = (self.catalog.column(from), self.catalog.column(to)) else {
            return false;
        };
        let is_key = |guard: &Guard| {
            let GuardKind::Foreign { table, referenced, .. } = &guard.kind else { return false };
            let names = referenced.as_slice() == [to]
                || (referenced.is_empty() && parent.primary_key().is_some_and(|key| key.columns == [to]));
            *table == parent.id && guard.columns == [from] && names && !guard.not_valid && !guard.not_enforced
        };
        tables.contains(&child.id) && column.not_null && child.guards.iter().any(is_key)
    }

    /// `WHERE a IS NOT NULL` leaves no value of `a` out.
    fn skips_nulls_of(&self, column: ColumnId, condition: &str) -> bool {
        let Some(tested) = condition.to_lowercase().strip_suffix(" is not null").map(str::to_owned) else { return false };
        let is_name = !tested.contains(['(', ' ']) || tested.rsplit_once(" . ").is_some_and(|(alias, _)| !alias.contains(' '));
        let name = tested.rsplit(['.', ' ']).next().unwrap_or_default();
        is_name && self.column_by_id(column).is_some_and(|column| is_same_name(name, &column.name))
    }

    fn copied(&mut self, from: ColumnId, to: ColumnId, condition: Option<String>, complete: Certainty, partial: bool) {
        if to.0 != 0 && from != to {
            let owner = self.catalog.column(from).map(|(relation, _)| relation.id);
            let tested = self.tested(owner, condition.as_deref());
            self.event(Action::Copy(Copied { from, to, condition, tested, complete, partial }));
        }
    }

    /// The columns that a test for NULL can name.
    pub(super) fn tested(&self, relation: Option<RelationId>, condition: Option<&str>) -> Vec<(Ident, ColumnId)> {
        let relation = relation.filter(|_| condition.is_some_and(|text| text.contains("null")));
        let columns = relation.and_then(|id| self.catalog.relation(id)).map(|relation| &relation.columns);
        columns.into_iter().flatten().map(|column| (column.name.clone(), column.id)).collect()
    }

    /// How sure it is that values survive the copy into a column of another type; none where they surely do not.
    fn completeness(&self, output: &Given, to: ColumnId) -> Option<Certainty> {
        let Some(from) = &output.data_type else { return Some(Certainty::Certain) };
        let target = self.column_by_id(to).and_then(|column| column.data_type.clone());
        let steps = [output.cast.clone(), target];
        let mut at = from.clone();
        let mut sure = Certainty::Certain;
        for step in steps.into_iter().flatten() {
            let user = CatalogTypes(&self.catalog);
            let change = types::change_with(self.catalog.dialect, &at, &step, None, self.session.strict, &user);
            sure = sure.min(survival(change.loses)?);
            at = step;
        }
        Some(sure)
    }

    pub(super) fn column_by_id(&self, id: ColumnId) -> Option<&Column> {
        self.catalog.column(id).map(|(_, column)| column)
    }

    pub(super) fn update(&mut self, update: &Update) {
        self.mark.by = By::Update;
        if self.is_system(&update.table) {
            return;
        }
        let Some(id) = self.target(&update.table, false) else { return };
        let mut sources = vec![(update.alias.clone().or_else(|| Some(update.table.name.clone())), id)];
        self.add_sources(&update.from, &mut sources);
        for assignment in &update.assignments {
            let owner = self.assigned_table(assignment, &sources).unwrap_or(id);
            self.refuse_missing(&assignment.value.tables);
            self.assign(owner, assignment, update, &sources);
        }
        self.triggered_by_update(id, update);
    }

    /// BEFORE triggers write other columns of the same rows, as those that keep the time of the last change.
    fn triggered_by_update(&mut self, id: RelationId, update: &Update) {
        let Some(relation) = self.catalog.relation(id).cloned() else { return };
        let named = |name: &Ident| update.assignments.iter().any(|assignment| assignment.column == *name);
        for trigger in relation.triggers.iter().filter(|trigger| trigger.enabled) {
            let fires = match &trigger.definition.update {
                Some(columns) => columns.is_empty() || columns.iter().any(named),
                None => false,
            };
            if !fires || trigger.definition.timing != TriggerTiming::Before {
                continue;
            }
            let assigned = self.assigned_by(trigger);
            let written: Vec<ColumnId> =
                assigned.iter().filter(|name| !named(name)).filter_map(|name| self.column_named(id, name)).collect();
            if !written.is_empty() {
                let filtered = update.condition.is_some() || trigger.definition.conditional;
                let certainty = if filtered { Certainty::Possible } else { Certainty::Likely };
                self.destroy(
                    id,
                    written,
                    false,
                    Some(String::new()),
                    certainty,
                    "a trigger writes over values of the changed rows",
                );
            }
        }
    }

    /// Columns that a trigger gives values other than those of the row.
    fn assigned_by(&self, trigger: &Trigger) -> Vec<Ident> {
        let of_function = || self.catalog.routines.get(trigger.function.as_ref()?)?.first().map(|routine| &routine.body);
        let Some(body) = trigger.definition.body.as_ref().or_else(of_function) else { return Vec::new() };
        // Another column of the row is kept in step: its values are there twice.
        body.assigns.iter().filter(|(_, source)| source.is_none()).map(|(column, _)| column.clone()).collect()
    }

    fn add_sources(&self, from: &[Source], into: &mut Vec<(Option<Ident>, RelationId)>) {
        for source in from {
            if let Some((table, id)) = source.table.as_ref().and_then(|table| Some((table, self.find(table)?))) {
                into.push((source.alias.clone().or_else(|| Some(table.name.clone())), id));
            }
        }
    }

    /// MySQL's UPDATE of several tables says which by a qualifier.
    fn assigned_table(&self, assignment: &Assignment, sources: &[(Option<Ident>, RelationId)]) -> Option<RelationId> {
        let qualifier = assignment.qualifier.as_ref()?;
        sources.iter().find(|(name, _)| name.as_ref() == Some(qualifier)).map(|(_, id)| *id)
    }

    fn assign(&mut self, id: RelationId, assignment: &Assignment, update: &Update, sources: &[(Option<Ident>, RelationId)]) {
        let Some(to) = self.target_column(id, &assignment.column, false) else { return };
        let (column, cast) = carried(&assignment.value);
        let from = column.and_then(|column| self.scope().column(column, sources));
        let looked_up = self.looked_up(&assignment.value);
        if from == Some(to) && cast.is_none() {
            return;
        }
        let joined = !update.from.is_empty();
        if !fills_nulls_only(&assignment.column, update.condition.as_ref()) {
            let filtered = match joined {
                true => !only_joins(update.condition.as_ref(), self.catalog.dialect),
                false => condition_of(update.condition.as_ref()).is_some(),
            };
            let certainty = overwriting(&assignment.value, &assignment.column, filtered, joined);
            let condition = condition_of(update.condition.as_ref());
            self.destroy(id, vec![to], false, condition, certainty, "values are written over");
        }
        if let Some(from) = from {
            self.assigned_copy(from, to, cast, column.map(|column| &column.column), update);
        } else if let Some(from) = looked_up.filter(|from| *from != to) {
            let condition = condition_of(update.condition.as_ref());
            self.copied(from, to, condition, Certainty::Likely, false);
        } else if let Some(flag) = self.told_by_flag(to, assignment, update, sources) {
            self.copied(flag, to, None, Certainty::Likely, false);
        }
    }

    /// The column that a subquery of one table takes a value from: `(SELECT a FROM t WHERE …)`.
    fn looked_up(&self, value: &Expr) -> Option<ColumnId> {
        let ([table], Some(first)) = (value.tables.as_slice(), value.columns.first()) else { return None };
        let selected = value.text.strip_prefix("( select ")?.split(" from ").next()?;
        let is_first = selected.rsplit(['.', ' ']).next().is_some_and(|name| name == first.column.key());
        let is_plain = !selected.contains(['(', ',', '+', '|']) && selected.split(' ').count() <= 3;
        let id = self.find(table).filter(|_| is_first && is_plain)?;
        self.column_named(id, &first.column)
    }

    /// `UPDATE t SET x = a`: the values of a are in x as well, of the rows that the condition lets through.
    fn assigned_copy(&mut self, from: ColumnId, to: ColumnId, cast: Option<DataType>, name: Option<&Ident>, update: &Update) {
        let data_type = self.column_by_id(from).and_then(|column| column.data_type.clone());
        let output = Given { name: None, source: Some(from), first: true, cast, data_type };
        let Some(complete) = self.completeness(&output, to) else { return };
        let joined = !update.from.is_empty();
        let text = condition_of(update.condition.as_ref()).map(|text| text.to_lowercase());
        let skips_nulls = |text: &String| name.is_some_and(|name| *text == format!("{} is not null", name.key()));
        let condition = text.filter(|text| !joined && !skips_nulls(text));
        let complete = if joined { complete.min(Certainty::Likely) } else { complete };
        self.copied(from, to, condition, complete, false);
    }

    pub(super) fn delete(&mut self, delete: &Delete) {
        for table in &delete.tables {
            self.mark.by = By::Delete;
            let Some(id) = Some(table).filter(|table| !self.is_system(table)).and_then(|table| self.target(table, false)) else {
                continue;
            };
            if let Some(archive) = delete.moved_to.as_ref().and_then(|archive| self.find(archive)) {
                self.rows_moved(id, archive, delete.condition.as_ref());
            }
            let filtered = condition_of(delete.condition.as_ref()).is_some() || !delete.using.is_empty();
            let certainty = if filtered { Certainty::Possible } else { Certainty::Certain };
            let condition =
                filtered.then(|| delete.condition.as_ref().map(|condition| condition.text.clone()).unwrap_or_default());
            let why = if filtered { "rows that meet the condition are deleted" } else { "all rows are deleted" };
            self.destroy(id, self.stored(id), true, condition.clone(), certainty, why);
            self.cascade_of_delete(id, certainty, condition.as_deref());
        }
    }

    /// The engine's own tables hold no values of old code.
    fn is_system(&self, table: &Name) -> bool {
        let of_catalog = table.schema.as_ref().is_some_and(|schema| schema.key() == "pg_catalog");
        let is_bare = table.schema.is_none() && table.name.key().starts_with("pg_") && self.find(table).is_none();
        self.catalog.dialect == Dialect::PostgreSql && (of_catalog || is_bare)
    }

    fn cascade_of_delete(&mut self, id: RelationId, certainty: Certainty, condition: Option<&str>) {
        let enforced = match self.catalog.dialect {
            crate::sql::dialect::Dialect::Sqlite => self.session.foreign_keys == Some(true),
            dialect if dialect.is_mysql() => self.session.foreign_keys != Some(false),
            _ => true,
        };
        if enforced {
            self.cascade_rows(id, certainty, condition);
        }
        self.mark.by = By::Delete;
    }

    /// `WITH d AS (DELETE … RETURNING *) INSERT INTO archive SELECT * FROM d`.
    fn rows_moved(&mut self, from: RelationId, to: RelationId, condition: Option<&Expr>) {
        let (sources, targets) = (self.stored(from), self.stored(to));
        let condition = condition.map(|condition| condition.text.clone());
        for (from, to) in sources.into_iter().zip(targets) {
            self.copied(from, to, condition.clone(), Certainty::Certain, false);
        }
    }

    pub(super) fn load(&mut self, table: &Name) {
        let _ = self.find(table);
    }

    pub(super) fn select(&mut self, query: &Query) {
        self.run_modifications(query);
        let functions = query.functions.clone();
        for function in &functions {
            self.call_function(function);
        }
    }

    /// What the WITH clause of a query writes.
    pub(super) fn run_modifications(&mut self, query: &Query) {
        for op in &query.modifies {
            self.op(op);
        }
    }

    pub(super) fn create_event(&mut self, body: &[Statement]) {
        for op in body.iter().flat_map(|statement| &statement.ops) {
            let table = match op {
                Op::Delete(delete) => delete.tables.first().cloned(),
                Op::Truncate { tables, .. } | Op::DropTable { tables, .. } => tables.first().cloned(),
                _ => None,
            };
            if let Some(relation) = table.and_then(|table| self.find(&table)) {
                self.mark.by = By::Delete;
                self.event(Action::Scheduled { relation });
            }
        }
    }
}

/// What a WHERE says, as text; none where it lets every row through.
fn condition_of(condition: Option<&Expr>) -> Option<String> {
    let text = &condition?.text;
    (!matches!(text.to_lowercase().as_str(), "true" | "1" | "1 = 1")).then(|| text.clone())
}

/// Values that a cast surely or likely changes did not survive it.
fn survival(loses: Option<Certainty>) -> Option<Certainty> {
    match loses {
        None => Some(Certainty::Certain),
        Some(Certainty::Possible) => Some(Certainty::Likely),
        Some(_) => None,
    }
}

/// `WHERE a IS NULL`, also among other conditions: no value of `a` is written over.
fn fills_nulls_only(column: &Ident, condition: Option<&Expr>) -> bool {
    let Some(condition) = condition else { return false };
    let text = condition.text.to_lowercase();
    let padded = format!(" {text} ");
    let parts: Vec<&str> =
        if padded.contains(" or ") || padded.contains("(") { vec![text.as_str()] } else { text.split(" and ").collect() };
    parts.iter().any(|part| is_null_test(part, column))
}

fn is_null_test(part: &str, column: &Ident) -> bool {
    let Some(tested) = part.trim().strip_suffix(" is null") else { return false };
    let name = tested.rsplit(['.', ' ']).next().unwrap_or(tested);
    is_same_name(name, column) && tested.split_whitespace().count() <= 3
}

/// Conditions are compared as text in lower case, where a quoted name has its quotes still.
fn is_same_name(written: &str, column: &Ident) -> bool {
    written.trim_matches(['"', '`', '[', ']']).eq_ignore_ascii_case(column.key())
}

/// How sure it is that values are lost that were there.
fn overwriting(value: &Expr, column: &Ident, filtered: bool, joined: bool) -> Certainty {
    let of_itself = value.columns.iter().any(|read| read.column == *column);
    match value.shape {
        _ if filtered => Certainty::Possible,
        _ if joined || of_itself => Certainty::Likely,
        Shape::Null | Shape::Literal(_) | Shape::Default => Certainty::Certain,
        _ => Certainty::Likely,
    }
}
