//! Django: the operations of `django.db.migrations.operations`, applied to the state of all models as
//! `django.db.backends.base.schema` does. A default is the program's, so a column keeps none in the database (`effective_default`
//! is set and dropped again by `add_field`), unless `db_default` says so.

use std::collections::BTreeMap;

use super::ast::{Call, Node, NodeKind, Value};
use super::change::{Change, Column, Constraint, ConstraintKind, Item, Reference, Undo, inverse};
use super::django_field::{Field, field, order_field};
use super::lower::{literal, quote, quote_name};
use super::walk::Walk;
use super::{CodeMigration, DownKind, Header, lower};
use crate::sql::dialect::Dialect;

/// A model as all migrations so far left it.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub name: String,
    pub table: String,
    /// Its table when it was made: names of constraints and indexes come from it and outlive renames.
    pub origin: String,
    /// `db_table` is written, so that the table keeps its name when the model is renamed.
    pub fixed: bool,
    /// A proxy or unmanaged: it has no table here.
    pub unmanaged: bool,
    pub fields: Vec<(String, Field)>,
    pub unique_together: Vec<Vec<String>>,
    pub index_together: Vec<Vec<String>>,
    /// Tables and fields of constraints and indexes by their name.
    pub named: BTreeMap<String, Change>,
}

impl Model {
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|(own, _)| own == name).map(|(_, field)| field)
    }

    fn column(&self, name: &str) -> String {
        self.field(name).map_or(name, |field| &field.column).to_owned()
    }

    /// The columns of fields as they were called first.
    fn origins(&self, fields: &[String]) -> String {
        let first = fields.iter().map(|name| self.field(name).map_or(name, |field| &field.origin.1).as_str());
        first.collect::<Vec<_>>().join("_")
    }
}

/// All models by `app.model` in lower case.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub models: BTreeMap<String, Model>,
}

/// Primary keys that are foreign keys are followed this far.
const MAX_KEYS: u32 = 8;

struct Run<'a> {
    walk: &'a Walk,
    app: String,
    state: &'a mut State,
    /// Operations change the database, the state, or both.
    database: bool,
}

/// One file; `state` is what the earlier files left.
pub(super) fn read(nodes: &[Node], path: &str, state: &mut State, dialect: Dialect) -> CodeMigration {
    let walk = Walk::with_properties(nodes, dialect);
    let header = header(nodes, path);
    let app = header.app.clone().unwrap_or_default();
    let mut run = Run { walk: &walk, app, state, database: true };
    let mut items = Vec::new();
    for node in class_body(nodes) {
        match &node.kind {
            NodeKind::Assign(name, value) if name == "operations" => run.operations(value, node.line, &mut items),
            NodeKind::Expr(value) if names_operations(value) => run.operations(value, node.line, &mut items),
            _ => {}
        }
    }
    let down = inverse(&items);
    let up = lower::lower(&items, dialect);
    let (down, down_kind) = match down {
        Ok(items) => (Some(lower::lower(&items, dialect)), DownKind::Inverse),
        Err(why) => (None, DownKind::Irreversible(why)),
    };
    let transactional = walk.constants.get("atomic").and_then(Value::as_bool);
    CodeMigration { up, down, down_kind, header, transactional }
}

/// `operations += […]`.
fn names_operations(value: &Value) -> bool {
    matches!(value, Value::Many(parts) if parts.first().is_some_and(|part| part.path() == "operations"))
}

fn class_body(nodes: &[Node]) -> &[Node] {
    let found = nodes.iter().find_map(|node| match &node.kind {
        NodeKind::Class(name, _, body) if name == "Migration" => Some(body.as_slice()),
        _ => None,
    });
    found.unwrap_or(&[])
}

/// Dependencies, `replaces` and the label of the application.
pub(super) fn header(nodes: &[Node], path: &str) -> Header {
    let mut parts = path.rsplit('/');
    let file = parts.next().unwrap_or("").trim_end_matches(".py");
    let app = parts.nth(1).filter(|app| !app.is_empty()).map(str::to_owned);
    let mut header = Header { id: Some(file.to_owned()), app, ..Header::default() };
    for node in class_body(nodes) {
        let NodeKind::Assign(name, Value::List(list)) = &node.kind else { continue };
        let pairs =
            || list.iter().filter_map(|pair| <[String; 2]>::try_from(pair.texts()).ok()).map(|pair| pair.join(".")).collect();
        match name.as_str() {
            "dependencies" => header.dependencies = pairs(),
            "replaces" => header.replaces = pairs(),
            "run_before" => header.run_before = pairs(),
            _ => {}
        }
    }
    header
}

impl Run<'_> {
    fn operations(&mut self, value: &Value, line: u32, out: &mut Vec<Item>) {
        match self.walk.resolve(value) {
            Value::List(list) | Value::Many(list) => {
                for value in list.clone() {
                    self.operations(&value, line, out);
                }
            }
            Value::Call(call) if call.called => out.extend(self.operation(call)),
            Value::Call(call) if call.name != "operations" => out.push(super::walk::unknown(call)),
            Value::Call(_) => {}
            _ => out.push(Item::new(line, not_read("operations"))),
        }
    }

    fn text(&self, call: &Call, position: usize, name: &str) -> Option<String> {
        self.walk.text(call.arg(position, name))
    }

    fn key(&self, name: &str) -> String {
        format!("{}.{}", self.app, name).to_lowercase()
    }

    fn operation(&mut self, call: &Call) -> Vec<Item> {
        self.known(call).unwrap_or_else(|| vec![super::walk::unknown(call)])
    }

    /// An item, or nothing where only the state changes.
    fn item(&self, line: u32, change: Change) -> Vec<Item> {
        if self.database { vec![Item::new(line, change)] } else { Vec::new() }
    }

    fn items(&self, line: u32, up: Vec<Change>, down: Vec<Change>) -> Vec<Item> {
        if !self.database || up.is_empty() {
            return Vec::new();
        }
        vec![Item::with(line, Change::Group(up.into_iter().map(|change| Item::new(line, change)).collect()), down)]
    }

    fn known(&mut self, call: &Call) -> Option<Vec<Item>> {
        let line = call.line;
        Some(match call.name.as_str() {
            "CreateModel" => self.create_model(call)?,
            "DeleteModel" => {
                let key = self.key(&self.text(call, 0, "name")?);
                let model = self.state.models.get(&key)?.clone();
                let create = self.creation(&model);
                let mut drops: Vec<Change> = self.many_tables(&model).into_iter().map(drop_table).collect();
                self.state.models.remove(&key);
                if !model.unmanaged {
                    drops.push(drop_table(model.table.clone()));
                }
                self.items(line, drops, create)
            }
            "RenameModel" => self.rename_model(call)?,
            "AlterModelTable" => self.alter_table(call)?,
            "AddField" => self.add_field(call)?,
            "RemoveField" => {
                let key = self.key(&self.text(call, 0, "model_name")?);
                let name = self.text(call, 1, "name")?;
                let model = self.state.models.get_mut(&key)?;
                let at = model.fields.iter().position(|(own, _)| *own == name)?;
                let (_, field) = model.fields.remove(at);
                let model = model.clone();
                let (added, removed) = (self.added(&model, &name, &field), self.removed(&model, &name, &field));
                self.items(line, removed, added)
            }
            "AlterField" => self.alter_field(call)?,
            "RenameField" => self.rename_field(call)?,
            "AlterUniqueTogether" | "AlterIndexTogether" => self.together(call)?,
            "AddIndex" | "AddIndexConcurrently" | "AddConstraint" | "AddConstraintNotValid" => self.add_named(call)?,
            "RemoveIndex" | "RemoveConstraint" | "RemoveIndexConcurrently" => self.remove_named(call)?,
            "RenameIndex" => self.rename_index(call)?,
            "AlterOrderWithRespectTo" => self.alter_order(call)?,
            "RunSQL" => self.run_sql(call),
            "RunPython" => self.run_python(call),
            "SeparateDatabaseAndState" => self.separate(call),
            "AlterModelOptions" | "AlterModelManagers" | "AlterModelTableComment" | "ValidateConstraint" => {
                self.item(line, Change::Harmless)
            }
            name if name.ends_with("Extension") => {
                let extension = match name {
                    "CreateExtension" => self.text(call, 0, "name")?,
                    "TrigramExtension" => "pg_trgm".into(),
                    "BtreeGinExtension" => "btree_gin".into(),
                    "BtreeGistExtension" => "btree_gist".into(),
                    "CryptoExtension" => "pgcrypto".into(),
                    other => other.trim_end_matches("Extension").to_lowercase(),
                };
                if self.walk.dialect != Dialect::PostgreSql {
                    return Some(Vec::new());
                }
                let on = Change::Sql(format!("CREATE EXTENSION IF NOT EXISTS \"{extension}\""));
                self.items(line, vec![on], vec![Change::Sql(format!("DROP EXTENSION IF EXISTS \"{extension}\""))])
            }
            _ => return None,
        })
    }

    fn create_model(&mut self, call: &Call) -> Option<Vec<Item>> {
        let name = self.text(call, 0, "name")?;
        let options = call.arg(2, "options").map(|value| self.walk.resolve(value).clone()).unwrap_or(Value::Null);
        let written = self.walk.text(options.get("db_table"));
        let mut model = Model {
            table: written.clone().unwrap_or_else(|| format!("{}_{}", self.app, name.to_lowercase())),
            origin: String::new(),
            fixed: written.is_some(),
            unmanaged: options.get("proxy").and_then(Value::as_bool) == Some(true)
                || options.get("managed").and_then(Value::as_bool) == Some(false),
            name,
            ..Model::default()
        };
        model.origin.clone_from(&model.table);
        let Some(Value::List(fields)) = call.arg(1, "fields").map(|value| self.walk.resolve(value)) else { return None };
        let key = self.key(&model.name);
        self.state.models.insert(key.clone(), model.clone());
        let mut missing = Vec::new();
        for pair in fields {
            if let Value::List(pair) = pair
                && let [Value::Text { text, .. }, Value::Call(kind)] = pair.as_slice()
            {
                let made = field(self.walk, self.state, &self.app, &model, text, kind);
                model.fields.push((text.clone(), made));
                self.state.models.insert(key.clone(), model.clone());
            } else {
                missing.push(not_read("a field of CreateModel"));
            }
        }
        if options.get("order_with_respect_to").is_some_and(|value| *value != Value::Null) {
            model.fields.push(("_order".into(), order_field(&model.table)));
        }
        model.unique_together = together_lists(options.get("unique_together"));
        model.index_together = together_lists(options.get("index_together"));
        let mut changes = self.creation(&model);
        let mut named = Vec::new();
        for option in ["constraints", "indexes"] {
            if let Some(Value::List(list)) = options.get(option) {
                for part in list {
                    match part.as_call().and_then(|call| self.named(&model, call, false)) {
                        Some(found) => named.push(found),
                        None => missing.push(not_read(option)),
                    }
                }
            }
        }
        for (name, change) in named {
            changes.push(change.clone());
            model.named.insert(name, change);
        }
        changes.append(&mut missing);
        let down = self.many_tables(&model).into_iter().chain([model.table.clone()]).map(drop_table).collect();
        let unmanaged = model.unmanaged;
        self.state.models.insert(key, model);
        Some(if unmanaged { Vec::new() } else { self.items(call.line, changes, down) })
    }

    /// CREATE TABLE of a model with its indexes and tables of many-to-many fields.
    fn creation(&self, model: &Model) -> Vec<Change> {
        if model.unmanaged {
            return Vec::new();
        }
        let own = model.fields.iter().filter(|(_, field)| field.many.is_none());
        let columns: Vec<Column> = own.clone().map(|(_, field)| field.column(self.walk.dialect)).collect();
        let constraints = model.unique_together.iter().map(|fields| self.unique(model, fields)).collect();
        let mut out = vec![Change::CreateTable { table: model.table.clone(), columns, constraints, if_not_exists: false }];
        out.extend(own.filter_map(|(_, field)| index_of(model, field, self.walk.dialect)));
        out.extend(model.index_together.iter().map(|fields| index_together(model, fields)));
        out.extend(model.fields.iter().flat_map(|(name, field)| self.many_changes(model, name, field)));
        out
    }

    fn unique(&self, model: &Model, fields: &[String]) -> Constraint {
        let columns: Vec<String> = fields.iter().map(|name| model.column(name)).collect();
        let name = Some(format!("{}_{}_uniq", model.origin, model.origins(fields)));
        Constraint { name, kind: ConstraintKind::Unique(columns), not_valid: false }
    }

    fn many_tables(&self, model: &Model) -> Vec<String> {
        let tables = model.fields.iter().filter_map(|(name, field)| self.many_table(model, name, field));
        tables
            .filter_map(|change| match change {
                Change::CreateTable { table, .. } => Some(table),
                _ => None,
            })
            .collect()
    }

    /// The table that a many-to-many field makes.
    fn many_table(&self, model: &Model, name: &str, field: &Field) -> Option<Change> {
        let many = field.many.as_ref()?;
        if many.through || model.unmanaged {
            return None;
        }
        let table = many.table.clone().unwrap_or_else(|| format!("{}_{name}", model.table));
        let own = self.key(&model.name);
        let to_name = many.to.rsplit('.').next().unwrap_or("").to_owned();
        let from_name = model.name.to_lowercase();
        let (from, to) = match many.to == own {
            true => (format!("from_{from_name}_id"), format!("to_{to_name}_id")),
            false => (format!("{from_name}_id"), format!("{to_name}_id")),
        };
        let side = |name: &str, key: &str| Column {
            name: name.to_owned(),
            sql_type: self.state.key_of(key).map_or_else(|| "bigint".to_owned(), |field| field.reference_type()),
            not_null: true,
            references: Some(self.state.reference(key)),
            ..Column::default()
        };
        let id = Column {
            name: "id".into(),
            sql_type: if self.walk.dialect == Dialect::Sqlite { "integer" } else { "bigint" }.into(),
            not_null: true,
            identity: true,
            primary_key: true,
            ..Column::default()
        };
        let unique = Constraint { name: None, kind: ConstraintKind::Unique(vec![from.clone(), to.clone()]), not_valid: false };
        let columns = vec![id, side(&from, &own), side(&to, &many.to)];
        Some(Change::CreateTable { table, columns, constraints: vec![unique], if_not_exists: false })
    }

    /// That table with the indexes of its two sides.
    fn many_changes(&self, model: &Model, name: &str, field: &Field) -> Vec<Change> {
        let Some(Change::CreateTable { table, columns, constraints, if_not_exists }) = self.many_table(model, name, field) else {
            return Vec::new();
        };
        let sides = columns.iter().filter(|column| column.references.is_some() && !self.walk.dialect.is_mysql());
        let index = |column: &Column| Change::CreateIndex {
            table: table.clone(),
            name: Some(format!("{table}_{}_idx", column.name)),
            columns: vec![column.name.clone()],
            unique: false,
            condition: None,
            if_not_exists: false,
        };
        let indexes: Vec<Change> = sides.map(index).collect();
        let mut out = vec![Change::CreateTable { table: table.clone(), columns, constraints, if_not_exists }];
        out.extend(indexes);
        out
    }

    fn add_field(&mut self, call: &Call) -> Option<Vec<Item>> {
        let key = self.key(&self.text(call, 0, "model_name")?);
        let name = self.text(call, 1, "name")?;
        let kind = call.arg(2, "field")?.as_call()?;
        let model = self.state.models.get(&key).cloned().unwrap_or_else(|| self.unknown_model(&key));
        let made = field(self.walk, self.state, &self.app, &model, &name, kind);
        let (mut added, removed) = (self.added(&model, &name, &made), self.removed(&model, &name, &made));
        if let Some(Change::AddColumn { column, .. }) = added.first_mut()
            && let Some(default) = made.effective_default(self.walk.dialect)
            && column.default.is_none()
        {
            column.default = Some(default);
            let (table, column) = (model.table.clone(), made.column.clone());
            added.insert(1, Change::SetDefault { table, column, default: None });
        }
        let model = self.state.models.entry(key).or_insert(model);
        model.fields.push((name, made));
        Some(self.items(call.line, added, removed))
    }

    /// A model whose migration was not seen: its table has the usual name.
    fn unknown_model(&self, key: &str) -> Model {
        let name = key.rsplit('.').next().unwrap_or("").to_owned();
        let table = format!("{}_{name}", self.app);
        Model { origin: table.clone(), table, name, ..Model::default() }
    }

    fn added(&self, model: &Model, name: &str, made: &Field) -> Vec<Change> {
        if model.unmanaged {
            return Vec::new();
        }
        if made.many.is_some() {
            return self.many_changes(model, name, made);
        }
        let column = made.column(self.walk.dialect);
        let mut out = vec![Change::AddColumn { table: model.table.clone(), column, if_not_exists: false }];
        out.extend(index_of(model, made, self.walk.dialect));
        out
    }

    fn removed(&self, model: &Model, name: &str, made: &Field) -> Vec<Change> {
        if model.unmanaged {
            return Vec::new();
        }
        if made.many.is_some() {
            let table = self.many_table(model, name, made);
            return table
                .into_iter()
                .filter_map(|change| match change {
                    Change::CreateTable { table, .. } => Some(drop_table(table)),
                    _ => None,
                })
                .collect();
        }
        vec![Change::DropColumn { table: model.table.clone(), column: made.column.clone(), if_exists: false }]
    }

    fn alter_field(&mut self, call: &Call) -> Option<Vec<Item>> {
        let key = self.key(&self.text(call, 0, "model_name")?);
        let name = self.text(call, 1, "name")?;
        let kind = call.arg(2, "field")?.as_call()?;
        let model = self.state.models.get(&key).cloned().unwrap_or_else(|| self.unknown_model(&key));
        let mut to = field(self.walk, self.state, &self.app, &model, &name, kind);
        let Some(from) = model.field(&name).cloned() else {
            let model = self.state.models.entry(key).or_insert(model);
            model.fields.push((name, to));
            return None;
        };
        to.origin.clone_from(&from.origin);
        let (mut up, mut down) = (self.altered(&model, &name, &from, &to), self.altered(&model, &name, &to, &from));
        let rebuilt = model.table.clone();
        let model = self.state.models.get_mut(&key)?;
        if let Some(slot) = model.fields.iter_mut().find(|(own, _)| *own == name) {
            slot.1 = to.clone();
        }
        if from.primary_key && to.primary_key && from.reference_type() != to.reference_type() {
            let mut following = self.followers(&key, 0);
            if from.sql_type == to.sql_type {
                // SQLite counts every key as integer: only the rebuilt table itself gets the new type.
                following.retain(|(table, _)| *table == rebuilt);
            }
            for (table, column) in following {
                up.push(self.type_change(&table, &column, &to.reference_type()));
                down.push(self.type_change(&table, &column, &from.reference_type()));
            }
            self.state.follow(&key, &to.reference_type(), 0);
        }
        Some(self.items(call.line, up, down))
    }

    fn altered(&self, model: &Model, name: &str, from: &Field, to: &Field) -> Vec<Change> {
        if model.unmanaged {
            return Vec::new();
        }
        match (&from.many, &to.many) {
            (None, None) => {}
            (Some(_), Some(_)) => return Vec::new(),
            _ => return self.removed(model, name, from).into_iter().chain(self.added(model, name, to)).collect(),
        }
        let (table, column) = (model.table.clone(), to.column.clone());
        let mut out = Vec::new();
        if from.column != to.column {
            out.push(Change::RenameColumn { table: table.clone(), from: from.column.clone(), to: column.clone() });
        }
        if from.sql_type != to.sql_type {
            let base = |field: &Field| field.sql_type.split('(').next().unwrap_or("").to_owned();
            out.push(match base(from) == base(to) {
                // `_using_sql`: none where the type differs in its length alone.
                true => {
                    let (table, column) = (table.clone(), column.clone());
                    Change::SetType { table, column, sql_type: to.sql_type.clone(), using: None }
                }
                false => self.type_change(&table, &column, &to.sql_type),
            });
        }
        if from.db_default != to.db_default {
            out.push(Change::SetDefault { table: table.clone(), column: column.clone(), default: to.db_default.clone() });
        }
        if from.null != to.null {
            if let Some(default) = to.effective_default(self.walk.dialect).filter(|_| !to.null) {
                let column = quote(&column, self.walk.dialect);
                let table = quote_name(&table, self.walk.dialect);
                out.push(Change::Sql(format!("UPDATE {table} SET {column} = {default} WHERE {column} IS NULL")));
            }
            out.push(Change::SetNotNull { table: table.clone(), column: column.clone(), not_null: !to.null });
        }
        if from.positive != to.positive {
            let constraint = to.check_constraint(self.walk.dialect);
            let name = constraint.name.clone().unwrap_or_default();
            out.push(match to.positive {
                true => Change::AddConstraint { table: table.clone(), constraint },
                false => Change::DropConstraint { table: table.clone(), name, if_exists: false },
            });
        }
        match (from.wants_index(), to.wants_index()) {
            (true, false) => out.extend(index_of(model, from, self.walk.dialect).and_then(|gone| dropped(&gone))),
            (false, true) => out.extend(index_of(model, to, self.walk.dialect)),
            _ => {}
        }
        let unique = |field: &Field| field.unique && !field.primary_key;
        if unique(from) != unique(to) {
            let constraint = to.unique_constraint();
            out.push(match unique(to) {
                true => Change::AddConstraint { table: table.clone(), constraint },
                false => {
                    Change::DropConstraint { table: table.clone(), name: constraint.name.unwrap_or_default(), if_exists: false }
                }
            });
        }
        out.extend(foreign_changes(&table, from, to));
        out
    }

    fn type_change(&self, table: &str, column: &str, sql_type: &str) -> Change {
        let using =
            (self.walk.dialect == Dialect::PostgreSql).then(|| format!("{}::{sql_type}", quote(column, self.walk.dialect)));
        Change::SetType { table: table.to_owned(), column: column.to_owned(), sql_type: sql_type.to_owned(), using }
    }

    /// Tables and columns whose type follows the primary key of a model.
    fn followers(&self, key: &str, depth: u32) -> Vec<(String, String)> {
        let mut out = Vec::new();
        for (own, model) in &self.state.models {
            for (name, field) in model.fields.iter().filter(|_| !model.unmanaged) {
                if field.follows(key) {
                    out.push((model.table.clone(), field.column.clone()));
                    if field.primary_key && depth < MAX_KEYS {
                        out.extend(self.followers(own, depth + 1));
                    }
                }
                if let Some(Change::CreateTable { table, columns, .. }) = self.many_table(model, name, field) {
                    let to = field.many.as_ref().is_some_and(|many| many.to == key);
                    let sides = columns.iter().skip(1).zip([own == key, to]).filter(|(_, is)| *is);
                    out.extend(sides.map(|(column, _)| (table.clone(), column.name.clone())));
                }
            }
        }
        out
    }

    fn alter_table(&mut self, call: &Call) -> Option<Vec<Item>> {
        let key = self.key(&self.text(call, 0, "name")?);
        let written = self.text(call, 1, "table");
        let before = self.every_many(&key);
        let app = self.app.clone();
        let model = self.state.models.get_mut(&key)?;
        let to = written.clone().unwrap_or_else(|| format!("{app}_{}", model.name.to_lowercase()));
        let from = std::mem::replace(&mut model.table, to.clone());
        model.fixed = written.is_some();
        let unmanaged = model.unmanaged;
        let mut out = Vec::new();
        if from != to && !unmanaged {
            out.push(Item::new(call.line, Change::RenameTable { from, to }));
            self.many_renames(&before, &key, &key, call.line, &mut out);
        }
        Some(if self.database { out } else { Vec::new() })
    }

    fn rename_index(&mut self, call: &Call) -> Option<Vec<Item>> {
        let key = self.key(&self.text(call, 0, "model_name")?);
        let to = self.text(call, 1, "new_name")?;
        let model = self.state.models.get_mut(&key)?;
        let change = match self.walk.text(call.arg(2, "old_name")) {
            Some(old) => model.named.remove(&old)?,
            None => {
                let fields = self.walk.texts(call.arg(3, "old_fields"));
                let at = model.index_together.iter().position(|own| *own == fields)?;
                let fields = model.index_together.remove(at);
                index_together(model, &fields)
            }
        };
        let Change::CreateIndex { table: _, name: Some(from), columns, unique, condition, if_not_exists } = change else {
            return None;
        };
        let table = model.table.clone();
        let name = Some(to.clone());
        let made = Change::CreateIndex { table: table.clone(), name, columns, unique, condition, if_not_exists };
        model.named.insert(to.clone(), made);
        Some(self.item(call.line, Change::RenameIndex { table, from, to }))
    }

    /// The column `_order` comes and goes with the option.
    fn alter_order(&mut self, call: &Call) -> Option<Vec<Item>> {
        let key = self.key(&self.text(call, 0, "name")?);
        let wanted = call.arg(1, "order_with_respect_to").is_some_and(|value| *self.walk.resolve(value) != Value::Null);
        let model = self.state.models.get(&key)?.clone();
        let field = order_field(&model.table);
        let has = model.field("_order").is_some();
        let slot = self.state.models.get_mut(&key)?;
        slot.fields.retain(|(name, _)| name != "_order");
        if wanted {
            slot.fields.push(("_order".into(), field.clone()));
        }
        let (added, removed) = (self.added(&model, "_order", &field), self.removed(&model, "_order", &field));
        Some(match (has, wanted) {
            (false, true) => self.items(call.line, added, removed),
            (true, false) => self.items(call.line, removed, added),
            _ => Vec::new(),
        })
    }

    fn rename_field(&mut self, call: &Call) -> Option<Vec<Item>> {
        let key = self.key(&self.text(call, 0, "model_name")?);
        let (old, new) = (self.text(call, 1, "old_name")?, self.text(call, 2, "new_name")?);
        let model = self.state.models.get(&key)?.clone();
        let slot = model.field(&old)?;
        let mut renamed = slot.clone();
        renamed.rename(&old, &new);
        let change = match (&slot.many, self.many_table(&model, &old, slot), self.many_table(&model, &new, &renamed)) {
            (Some(_), Some(Change::CreateTable { table: from, .. }), Some(Change::CreateTable { table: to, .. })) => {
                Change::RenameTable { from, to }
            }
            _ => Change::RenameColumn { table: model.table.clone(), from: slot.column.clone(), to: renamed.column.clone() },
        };
        let nothing = slot.many.is_none() && slot.column == renamed.column;
        let own = self.state.models.get_mut(&key)?;
        own.named.values_mut().for_each(|change| rename_in(change, &slot.column, &renamed.column));
        for (name, field) in &mut own.fields {
            if *name == old {
                (*name, *field) = (new.clone(), renamed.clone());
            }
        }
        for list in own.unique_together.iter_mut().chain(&mut own.index_together).flatten() {
            if *list == old {
                list.clone_from(&new);
            }
        }
        Some(if nothing || model.unmanaged { Vec::new() } else { self.item(call.line, change) })
    }

    fn rename_model(&mut self, call: &Call) -> Option<Vec<Item>> {
        let (old, new) = (self.text(call, 0, "old_name")?, self.text(call, 1, "new_name")?);
        let (old_key, new_key) = (self.key(&old), self.key(&new));
        let before = self.every_many(&old_key);
        let mut model = self.state.models.remove(&old_key)?;
        let from = model.table.clone();
        model.name.clone_from(&new);
        if !model.fixed {
            model.table = format!("{}_{}", self.app, new.to_lowercase());
        }
        let (to, unmanaged) = (model.table.clone(), model.unmanaged);
        self.state.models.insert(new_key.clone(), model);
        for model in self.state.models.values_mut() {
            model.fields.iter_mut().for_each(|(_, field)| field.retarget(&old_key, &new_key));
        }
        let mut out = Vec::new();
        if from != to && !unmanaged {
            out.push(Item::new(call.line, Change::RenameTable { from, to }));
        }
        self.many_renames(&before, &old_key, &new_key, call.line, &mut out);
        Some(if self.database { out } else { Vec::new() })
    }

    /// Tables of the many-to-many fields from or to a model, with their columns, by model and field.
    fn every_many(&self, key: &str) -> Vec<(String, String, Shape)> {
        let fields = self.state.models.iter().flat_map(|(own, model)| model.fields.iter().map(move |field| (own, model, field)));
        let related =
            fields.filter(|(own, _, (_, field))| field.many.as_ref().is_some_and(|many| own.as_str() == key || many.to == key));
        related
            .filter_map(|(own, model, (name, field))| {
                Some((own.clone(), name.clone(), shape(self.many_table(model, name, field)?)?))
            })
            .collect()
    }

    /// What became of those tables when the model got another key or table.
    fn many_renames(&self, before: &[(String, String, Shape)], old: &str, new: &str, line: u32, out: &mut Vec<Item>) {
        for (own, name, (from, from_columns)) in before {
            let own = if own == old { new } else { own };
            let model = self.state.models.get(own);
            let after = model.and_then(|model| shape(self.many_table(model, name, model.field(name)?)?));
            let Some((to, to_columns)) = after else { continue };
            for (old, new) in from_columns.iter().zip(&to_columns).filter(|(old, new)| old != new) {
                let change = Change::RenameColumn { table: from.clone(), from: old.clone(), to: new.clone() };
                out.push(Item::new(line, change));
            }
            if *from != to {
                out.push(Item::new(line, Change::RenameTable { from: from.clone(), to }));
            }
        }
    }

    fn together(&mut self, call: &Call) -> Option<Vec<Item>> {
        let unique = call.name == "AlterUniqueTogether";
        let key = self.key(&self.text(call, 0, "name")?);
        let wanted = together_lists(call.arg(1, if unique { "unique_together" } else { "index_together" }));
        let model = self.state.models.get(&key)?.clone();
        let had = if unique { model.unique_together.clone() } else { model.index_together.clone() };
        let slot = self.state.models.get_mut(&key)?;
        *(if unique { &mut slot.unique_together } else { &mut slot.index_together }) = wanted.clone();
        let make = |fields: &Vec<String>| match unique {
            true => Change::AddConstraint { table: model.table.clone(), constraint: self.unique(&model, fields) },
            false => index_together(&model, fields),
        };
        let gone = had.iter().filter(|fields| !wanted.contains(fields)).map(make);
        let made = wanted.iter().filter(|fields| !had.contains(fields)).map(make);
        let mut up: Vec<Change> = gone.clone().filter_map(|change| dropped(&change)).collect();
        let mut down: Vec<Change> = made.clone().filter_map(|change| dropped(&change)).collect();
        up.extend(made);
        down.extend(gone);
        Some(self.items(call.line, up, down))
    }

    fn add_named(&mut self, call: &Call) -> Option<Vec<Item>> {
        let key = self.key(&self.text(call, 0, "model_name")?);
        let model = self.state.models.get(&key).cloned().unwrap_or_else(|| self.unknown_model(&key));
        let inner = call.args.get(1).or(call.keyword("index")).or(call.keyword("constraint"))?.as_call()?;
        let (name, change) = self.named(&model, inner, call.name == "AddConstraintNotValid")?;
        if let Some(model) = self.state.models.get_mut(&key) {
            model.named.insert(name, change.clone());
        }
        let down = dropped(&change).into_iter().collect();
        Some(self.items(call.line, vec![change], down))
    }

    fn remove_named(&mut self, call: &Call) -> Option<Vec<Item>> {
        let key = self.key(&self.text(call, 0, "model_name")?);
        let name = self.text(call, 1, "name")?;
        let model = self.state.models.get_mut(&key)?;
        let change = match model.named.remove(&name) {
            Some(mut change) => {
                if let Change::CreateIndex { table, .. } | Change::AddConstraint { table, .. } = &mut change {
                    table.clone_from(&model.table);
                }
                change
            }
            None => return None,
        };
        Some(match dropped(&change) {
            Some(drop) => self.items(call.line, vec![drop], vec![change]),
            None => self.item(call.line, change),
        })
    }

    /// `models.Index(…)`, `models.UniqueConstraint(…)`, `models.CheckConstraint(…)` with its name.
    fn named(&self, model: &Model, call: &Call, not_valid: bool) -> Option<(String, Change)> {
        let name = self.walk.text(call.keyword("name"))?;
        let fields = self.walk.texts(call.keyword("fields"));
        let columns: Vec<String> = fields.iter().map(|field| model.column(field.trim_start_matches('-'))).collect();
        let condition = call.keyword("condition").map(|value| self.condition(model, value));
        let table = model.table.clone();
        let partial = !self.walk.dialect.is_mysql();
        let change = match call.name.as_str() {
            // `supports_partial_indexes`: a partial constraint is left out, an index is made whole.
            "UniqueConstraint" if condition.is_some() && !partial => Change::Harmless,
            "CheckConstraint" => {
                let text = self.condition(model, call.keyword("check").or(call.keyword("condition"))?);
                let constraint = Constraint { name: Some(name.clone()), kind: ConstraintKind::Check(text), not_valid };
                Change::AddConstraint { table, constraint }
            }
            "UniqueConstraint" if condition.is_none() && !columns.is_empty() => {
                let constraint = Constraint { name: Some(name.clone()), kind: ConstraintKind::Unique(columns), not_valid };
                Change::AddConstraint { table, constraint }
            }
            kind if kind == "UniqueConstraint" || kind.ends_with("Index") => {
                let parts = if columns.is_empty() { vec![self.expressions(model, call)] } else { columns };
                let unique = kind == "UniqueConstraint";
                let condition = condition.filter(|_| partial);
                Change::CreateIndex { table, name: Some(name.clone()), columns: parts, unique, condition, if_not_exists: false }
            }
            _ => return None,
        };
        Some((name, change))
    }

    /// Columns that a `Q` or an expression names, as a condition over them: what it says of them is not translated.
    fn condition(&self, model: &Model, value: &Value) -> String {
        let mut columns = Vec::new();
        mentioned(value, &mut columns);
        let known: Vec<String> = columns
            .iter()
            .filter_map(|name| model.field(name.split("__").next().unwrap_or("").trim_start_matches('-')))
            .map(|field| {
                format!("{} IS NOT DISTINCT FROM {}", quote(&field.column, self.walk.dialect), literal("", self.walk.dialect))
            })
            .collect();
        if known.is_empty() { "1 = 1".into() } else { known.join(" OR ").replace("IS NOT DISTINCT FROM", "=") }
    }

    fn expressions(&self, model: &Model, call: &Call) -> String {
        let mut columns = Vec::new();
        call.args.iter().for_each(|arg| mentioned(arg, &mut columns));
        let known = columns.iter().filter_map(|name| model.field(name.trim_start_matches('-')));
        let list: Vec<String> = known.map(|field| quote(&field.column, self.walk.dialect)).collect();
        format!("lower({})", list.join(" || "))
    }

    fn run_sql(&mut self, call: &Call) -> Vec<Item> {
        let mut state = Vec::new();
        if let Some(operations) = call.arg(2, "state_operations") {
            self.only(false, operations, call.line, &mut state);
        }
        let up = self.sql(call.arg(0, "sql"));
        let undo = match call.arg(1, "reverse_sql") {
            None | Some(Value::Null) => Undo::Never("RunSQL without reverse_sql cannot be reverted".into()),
            Some(value) => Undo::Changes(self.sql(Some(value))),
        };
        let group = up.into_iter().map(|change| Item::new(call.line, change)).collect();
        vec![Item { line: call.line, change: Change::Group(group), undo }]
    }

    fn sql(&self, value: Option<&Value>) -> Vec<Change> {
        match value.map(|value| self.walk.resolve(value)) {
            Some(Value::Text { text, filled: false }) => vec![Change::Sql(text.clone())],
            Some(Value::Text { text, .. }) => vec![Change::Templated(text.clone())],
            Some(Value::List(list)) => list
                .iter()
                .flat_map(|entry| match entry {
                    Value::List(pair) => self.sql(pair.first()),
                    other => self.sql(Some(other)),
                })
                .collect(),
            Some(Value::Call(call)) if call.name == "noop" => Vec::new(),
            _ => vec![Change::Opaque { head: "RunSQL".into(), why: "its text is put together elsewhere".into() }],
        }
    }

    fn run_python(&self, call: &Call) -> Vec<Item> {
        let opaque = |value: Option<&Value>| {
            let name = value.map(Value::path).unwrap_or_default();
            let last = name.rsplit('.').next().unwrap_or("").to_owned();
            match last.as_str() {
                "noop" => None,
                _ => Some(Change::Opaque {
                    head: format!("RunPython {last}"),
                    why: "a program whose effect on rows is not known".into(),
                }),
            }
        };
        let undo = match call.arg(1, "reverse_code") {
            None | Some(Value::Null) => Undo::Never("RunPython without reverse_code cannot be reverted".into()),
            value => Undo::Changes(opaque(value).into_iter().collect()),
        };
        let change = opaque(call.arg(0, "code")).unwrap_or(Change::Harmless);
        vec![Item { line: call.line, change, undo }]
    }

    fn separate(&mut self, call: &Call) -> Vec<Item> {
        let mut out = Vec::new();
        let same = matches!((call.arg(0, "database_operations"), call.arg(1, "state_operations")), (Some(_), Some(_)));
        if let Some(value) = call.arg(0, "database_operations") {
            // Both parts often hold the same operation; the state follows the second one.
            let saved = same.then(|| self.state.clone());
            self.only(true, value, call.line, &mut out);
            if let Some(saved) = saved {
                *self.state = saved;
            }
        }
        if let Some(value) = call.arg(1, "state_operations") {
            self.only(false, value, call.line, &mut out);
        }
        out
    }

    fn only(&mut self, database: bool, operations: &Value, line: u32, out: &mut Vec<Item>) {
        let before = self.database;
        self.database = before && database;
        let mut found = Vec::new();
        self.operations(operations, line, &mut found);
        self.database = before;
        // What changes the state in a way that is not known makes later operations doubtful.
        out.extend(
            found
                .into_iter()
                .filter(|item| database || matches!(&item.change, Change::Opaque { head, .. } if !head.starts_with("RunPython"))),
        );
    }
}

impl State {
    /// The primary key of a model.
    pub fn key_of(&self, model: &str) -> Option<&Field> {
        self.models.get(model)?.fields.iter().map(|(_, field)| field).find(|field| field.primary_key)
    }

    /// Gives the fields that refer to the primary key of a model its new type.
    fn follow(&mut self, key: &str, sql_type: &str, depth: u32) {
        let mut next = Vec::new();
        for (own, model) in &mut self.models {
            for (_, field) in model.fields.iter_mut().filter(|(_, field)| field.follows(key)) {
                field.sql_type = sql_type.to_owned();
                if field.primary_key {
                    next.push(own.clone());
                }
            }
        }
        for own in next.iter().filter(|_| depth < MAX_KEYS) {
            self.follow(own, sql_type, depth + 1);
        }
    }

    pub fn reference(&self, model: &str) -> Reference {
        let table = self.models.get(model).map_or_else(|| model.replace('.', "_"), |model| model.table.clone());
        let column = self.key_of(model).map_or("id", |field| &field.column).to_owned();
        Reference { table, columns: vec![column], ..Reference::default() }
    }
}

/// A table with its columns.
type Shape = (String, Vec<String>);

fn not_read(head: &str) -> Change {
    Change::Opaque { head: head.to_owned(), why: "it is put together elsewhere".into() }
}

/// A definition after one of its columns got another name.
fn rename_in(change: &mut Change, old: &str, new: &str) {
    let columns = match change {
        Change::CreateIndex { columns, .. } => columns,
        Change::AddConstraint { constraint, .. } => match &mut constraint.kind {
            ConstraintKind::Unique(columns) => columns,
            _ => return,
        },
        _ => return,
    };
    columns.iter_mut().filter(|column| *column == old).for_each(|column| *column = new.to_owned());
}

fn shape(change: Change) -> Option<Shape> {
    match change {
        Change::CreateTable { table, columns, .. } => Some((table, columns.into_iter().map(|column| column.name).collect())),
        _ => None,
    }
}

fn drop_table(table: String) -> Change {
    Change::DropTable { table, if_exists: false, cascade: false }
}

fn dropped(change: &Change) -> Option<Change> {
    Some(match change {
        Change::AddConstraint { table, constraint } => {
            Change::DropConstraint { table: table.clone(), name: constraint.name.clone()?, if_exists: false }
        }
        Change::CreateIndex { table, name, .. } => {
            Change::DropIndex { table: table.clone(), name: name.clone()?, if_exists: false }
        }
        _ => return None,
    })
}

/// MySQL makes the index of a foreign key by itself (`_field_should_be_indexed`).
fn index_of(model: &Model, field: &Field, dialect: Dialect) -> Option<Change> {
    let wanted = field.wants_index() && !(dialect.is_mysql() && field.references.is_some());
    wanted.then(|| Change::CreateIndex {
        table: model.table.clone(),
        name: Some(field.made_name("idx")),
        columns: vec![field.column.clone()],
        unique: false,
        condition: None,
        if_not_exists: false,
    })
}

fn index_together(model: &Model, fields: &[String]) -> Change {
    let columns: Vec<String> = fields.iter().map(|name| model.column(name)).collect();
    let name = Some(format!("{}_{}_idx", model.origin, model.origins(fields)));
    Change::CreateIndex { table: model.table.clone(), name, columns, unique: false, condition: None, if_not_exists: false }
}

fn foreign_changes(table: &str, from: &Field, to: &Field) -> Vec<Change> {
    let name = |field: &Field| field.made_name("fk");
    let mut out = Vec::new();
    if from.references.as_ref().map(|reference| &reference.table) == to.references.as_ref().map(|reference| &reference.table) {
        return out;
    }
    if from.references.is_some() {
        out.push(Change::DropForeignKey { table: table.to_owned(), name: name(from) });
    }
    if let Some(reference) = &to.references {
        let kind = ConstraintKind::ForeignKey(vec![to.column.clone()], reference.clone());
        let constraint = Constraint { name: Some(name(to)), kind, not_valid: false };
        out.push(Change::AddConstraint { table: table.to_owned(), constraint });
    }
    out
}

/// `{('a', 'b')}`, `[['a', 'b']]`, `set()`; one flat tuple is one group.
fn together_lists(value: Option<&Value>) -> Vec<Vec<String>> {
    match value {
        Some(Value::Call(call)) => together_lists(call.args.first()),
        Some(Value::List(list)) if list.iter().all(|entry| matches!(entry, Value::Text { .. })) && !list.is_empty() => {
            vec![list.iter().flat_map(Value::texts).collect()]
        }
        Some(Value::List(list)) => list.iter().map(Value::texts).filter(|texts| !texts.is_empty()).collect(),
        _ => Vec::new(),
    }
}

/// Names that keywords of `Q` and texts of `F` mention.
fn mentioned(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Text { text, .. } => out.push(text.clone()),
        Value::List(list) | Value::Many(list) => list.iter().for_each(|value| mentioned(value, out)),
        Value::Call(call) => {
            out.extend(call.keywords.iter().map(|(key, _)| key.clone()));
            call.args
                .iter()
                .chain(&call.receiver)
                .chain(call.keywords.iter().map(|(_, value)| value))
                .for_each(|arg| mentioned(arg, out));
        }
        _ => {}
    }
}
