//! Ecto: functions of `Ecto.Migration` (`ecto_sql/lib/ecto/migration.ex`), types of `Ecto.Adapters.*.Connection.column_type`, what
//! `change` can revert of `Ecto.Migration.Runner.reverse`.

use super::ast::{Call, Function, Node, NodeKind, Value};
use super::change::{Change, Column, Constraint, ConstraintKind, Item, Reference, Undo, inverse};
use super::script::{common, opaque_file};
use super::walk::{Vocabulary, Walk, sql_item, unknown};
use super::{CodeMigration, DownKind, Header, lower};
use crate::sql::dialect::Dialect;

/// Type, PostgreSQL, MySQL, SQLite; `{n}` is the size.
const TYPES: &[(&str, &str, &str, &str)] = &[
    ("id", "bigint", "bigint unsigned", "integer"),
    ("serial", "serial", "serial", "integer"),
    ("bigserial", "bigserial", "bigint unsigned", "integer"),
    ("identity", "bigint", "bigint", "integer"),
    ("string", "varchar({n})", "varchar({n})", "text"),
    ("binary", "bytea", "blob", "blob"),
    ("binary_id", "uuid", "binary(16)", "text"),
    ("uuid", "uuid", "binary(16)", "text"),
    ("integer", "integer", "integer", "integer"),
    ("bigint", "bigint", "bigint", "integer"),
    ("float", "float", "double", "numeric"),
    ("decimal", "decimal{p}", "decimal{p}", "decimal{p}"),
    ("boolean", "boolean", "boolean", "integer"),
    ("map", "jsonb", "json", "text"),
    ("utc_datetime", "timestamp(0)", "datetime", "text"),
    ("naive_datetime", "timestamp(0)", "datetime", "text"),
    ("utc_datetime_usec", "timestamp", "datetime(6)", "text"),
    ("naive_datetime_usec", "timestamp", "datetime(6)", "text"),
    ("datetime", "timestamp", "datetime", "text"),
    ("time", "time(0)", "time", "text"),
    ("time_usec", "time", "time(6)", "text"),
    ("date", "date", "date", "text"),
];

struct Ecto;

pub(super) fn read(nodes: &[Node], dialect: Dialect) -> CodeMigration {
    let walk = Walk::new(nodes, dialect);
    let body = |name: &str| walk.functions.get(name).map(|function| walk.within(function).body(&function.body, &Ecto));
    let attribute = |name: &str| nodes.iter().any(|node| attribute(node, name));
    let transactional = attribute("disable_ddl_transaction").then_some(false);
    let header = Header { id: super::script::class_name(nodes), ..Header::default() };
    let (up, down, kind) = match body("change") {
        Some(change) => {
            let (down, kind) = match inverse(&change) {
                Ok(down) => (Some(down), DownKind::Inverse),
                Err(why) => (None, DownKind::Irreversible(why)),
            };
            (change, down, kind)
        }
        None => written(&walk, body("up").unwrap_or_else(|| vec![opaque_file()]), body("down")),
    };
    let down = down.map(|items| lower::lower(&items, dialect));
    CodeMigration { up: lower::lower(&up, dialect), down, down_kind: kind, header, transactional }
}

fn written(walk: &Walk, up: Vec<Item>, down: Option<Vec<Item>>) -> (Vec<Item>, Option<Vec<Item>>, DownKind) {
    match down {
        None => (up, None, DownKind::Missing),
        Some(_) if walk.functions.get("down").is_some_and(super::rails::raises) => {
            (up, None, DownKind::Irreversible("its down raises an error".into()))
        }
        Some(items) if items.is_empty() => (up, Some(Vec::new()), DownKind::Empty),
        Some(items) => (up, Some(items), DownKind::Written),
    }
}

/// `@disable_ddl_transaction true`.
fn attribute(node: &Node, name: &str) -> bool {
    match &node.kind {
        NodeKind::Class(_, _, body) => body.iter().any(|node| attribute(node, name)),
        NodeKind::Expr(Value::Many(parts)) => parts.iter().any(|part| {
            part.as_call().is_some_and(|call| call.name == name && call.args.first().and_then(Value::as_bool) == Some(true))
        }),
        _ => false,
    }
}

impl Vocabulary for Ecto {
    fn call(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        if call.receiver.is_some() {
            return if call.path().ends_with("Logger.info") { Some(Vec::new()) } else { common(walk, call) };
        }
        match call.name.as_str() {
            "create" | "create_if_not_exists" => create(walk, call),
            "alter" => {
                let table = Target::new(walk, call.args.first()?)?;
                Some(alter(walk, &table, call.block.as_ref()?))
            }
            "drop" | "drop_if_exists" => drop(walk, call),
            "rename" => rename(walk, call),
            "execute" => execute(walk, call),
            "flush" | "raise" | "repo" | "direction" | "prefix" | "disable_ddl_transaction" => Some(Vec::new()),
            _ => None,
        }
    }
}

/// `table(…)`, `index(…)`, `unique_index(…)`, `constraint(…)`.
struct Target<'a> {
    call: &'a Call,
    walk: &'a Walk,
    name: String,
}

impl<'a> Target<'a> {
    fn new(walk: &'a Walk, value: &'a Value) -> Option<Target<'a>> {
        let call = walk.resolve(value).as_call().filter(|call| call.called)?;
        let name = atom(walk, call.args.first()?)?;
        let name = match call.option("prefix").and_then(|value| atom(walk, value)) {
            Some(prefix) => format!("{prefix}.{name}"),
            None => name,
        };
        Some(Target { call, walk, name })
    }

    fn option(&self, name: &str) -> Option<String> {
        atom(self.walk, self.call.option(name)?)
    }

    /// `Ecto.Migration.default_index_name`.
    fn index_name(&self, columns: &[String]) -> String {
        let table = self.name.rsplit('.').next().unwrap_or(&self.name);
        let plain =
            |text: &String| text.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect::<String>();
        let parts: Vec<String> = columns.iter().map(plain).collect();
        self.option("name").unwrap_or_else(|| format!("{table}_{}_index", parts.join("_")))
    }

    fn columns(&self) -> Option<Vec<String>> {
        match self.walk.resolve(self.call.args.get(1)?) {
            Value::List(list) => list.iter().map(|value| atom(self.walk, value)).collect(),
            value => atom(self.walk, value).map(|column| vec![column]),
        }
    }
}

/// An atom or a string.
fn atom(walk: &Walk, value: &Value) -> Option<String> {
    match walk.resolve(value) {
        Value::Call(call) if call.name == "fragment" => walk.text(call.args.first()),
        value => value.as_text().map(str::to_owned),
    }
}

fn create(walk: &Walk, call: &Call) -> Option<Vec<Item>> {
    let target = Target::new(walk, call.args.first()?)?;
    let if_not_exists = call.name == "create_if_not_exists";
    match target.call.name.as_str() {
        "table" => create_table(walk, call, &target, if_not_exists),
        "index" | "unique_index" => {
            let columns = target.columns()?;
            let unique = target.call.name == "unique_index" || target.call.flag("unique") == Some(true);
            let change = Change::CreateIndex {
                name: Some(target.index_name(&columns)),
                condition: target.option("where"),
                table: target.name.clone(),
                columns,
                unique,
                if_not_exists,
            };
            Some(vec![Item::new(call.line, change)])
        }
        "constraint" => {
            let kind = ConstraintKind::Check(target.option("check")?);
            let name = target.call.args.get(1).and_then(|value| atom(walk, value));
            let not_valid = target.call.flag("validate") == Some(false);
            let constraint = Constraint { name, kind, not_valid };
            Some(vec![Item::new(call.line, Change::AddConstraint { table: target.name, constraint })])
        }
        _ => None,
    }
}

fn create_table(walk: &Walk, call: &Call, target: &Target, if_not_exists: bool) -> Option<Vec<Item>> {
    let mut columns = key(target);
    let mut rest = Vec::new();
    let empty = Function::default();
    for item in alter(walk, target, call.block.as_ref().unwrap_or(&empty)) {
        match item.change {
            Change::AddColumn { column, .. } => columns.push(column),
            _ => rest.push(item),
        }
    }
    let keys: Vec<String> = columns.iter().filter(|column| column.primary_key).map(|column| column.name.clone()).collect();
    let mut constraints = Vec::new();
    if keys.len() > 1 {
        columns.iter_mut().for_each(|column| column.primary_key = false);
        constraints.push(Constraint { name: None, kind: ConstraintKind::PrimaryKey(keys), not_valid: false });
    }
    let change = Change::CreateTable { table: target.name.clone(), columns, constraints, if_not_exists };
    let mut out = vec![Item::new(call.line, change)];
    out.append(&mut rest);
    Some(out)
}

/// `id bigserial` unless `primary_key: false` or another one is written.
fn key(target: &Target) -> Vec<Column> {
    let mut column = Column { name: "id".into(), not_null: true, primary_key: true, identity: true, ..Column::default() };
    let mut kind = "bigserial".to_owned();
    match target.call.option("primary_key").map(|value| target.walk.resolve(value)) {
        Some(Value::Bool(false)) => return Vec::new(),
        Some(options @ (Value::Map(_) | Value::List(_))) => {
            let get = |key: &str| match options {
                Value::List(list) => list.iter().find_map(|part| part.get(key)),
                map => map.get(key),
            };
            column.name = get("name").and_then(Value::as_text).unwrap_or("id").to_owned();
            kind = get("type").and_then(Value::as_text).unwrap_or("bigserial").to_owned();
        }
        _ => {}
    }
    column.identity = matches!(kind.as_str(), "bigserial" | "serial" | "id" | "identity");
    column.sql_type = named_type(&kind, None, "", target.walk.dialect);
    vec![column]
}

fn named_type(kind: &str, size: Option<String>, digits: &str, dialect: Dialect) -> String {
    let found = TYPES.iter().find(|row| row.0 == kind).map_or(kind, |row| match dialect {
        Dialect::MySql | Dialect::MariaDb => row.2,
        Dialect::Sqlite => row.3,
        _ => row.1,
    });
    found.replace("{n}", size.as_deref().unwrap_or("255")).replace("{p}", digits)
}

/// The calls of a block: `add`, `modify`, `remove`, `timestamps`.
fn alter(walk: &Walk, target: &Target, block: &Function) -> Vec<Item> {
    walk.body(&block.body, &Block { target })
}

struct Block<'a> {
    target: &'a Target<'a>,
}

impl Vocabulary for Block<'_> {
    fn call(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        if call.receiver.is_some() {
            return common(walk, call);
        }
        let found = match call.name.as_str() {
            "add" | "add_if_not_exists" => self.add(walk, call),
            "modify" => self.modify(walk, call),
            "remove" | "remove_if_exists" => self.remove(walk, call),
            "timestamps" => Some(self.timestamps(walk, call)),
            _ if walk.functions.contains_key(&call.name) => return None,
            _ => None,
        };
        Some(found.unwrap_or_else(|| vec![unknown(call)]))
    }
}

/// A column, with the foreign key of `references(…)` in it.
fn column(walk: &Walk, table: &str, call: &Call, kind: &Value) -> Option<Column> {
    let name = atom(walk, call.args.first()?)?;
    let number = |key: &str| match call.option(key).map(|value| walk.resolve(value)) {
        Some(Value::Number(number)) => Some(number.clone()),
        _ => None,
    };
    let digits = match (number("precision"), number("scale")) {
        (Some(precision), scale) => format!("({precision},{})", scale.unwrap_or_else(|| "0".into())),
        _ => String::new(),
    };
    let mut column = Column { name, ..Column::default() };
    match walk.resolve(kind) {
        Value::Call(reference) if reference.name == "references" => referenced(walk, table, reference, &mut column)?,
        value => column.sql_type = type_of(walk, value, number("size"), &digits)?,
    }
    column.not_null = call.flag("null") == Some(false);
    column.primary_key = call.flag("primary_key") == Some(true);
    column.default = call.option("default").and_then(|value| default_sql(walk, value));
    Some(column)
}

fn type_of(walk: &Walk, value: &Value, size: Option<String>, digits: &str) -> Option<String> {
    let list = |parts: &[Value]| match parts {
        [kind, inner] if kind.as_text() == Some("array") => Some(format!("{}[]", type_of(walk, inner, size.clone(), digits)?)),
        [kind, _] if kind.as_text() == Some("map") => Some(named_type("map", None, "", walk.dialect)),
        _ => None,
    };
    match value {
        Value::List(parts) => list(parts),
        // Text with a space or parentheses is a type as the database writes it.
        value => atom(walk, value).map(|kind| named_type(&kind, size, digits, walk.dialect)),
    }
}

fn referenced(walk: &Walk, table: &str, call: &Call, column: &mut Column) -> Option<()> {
    let to = atom(walk, call.args.first()?)?;
    let to = match call.option("prefix").and_then(|value| atom(walk, value)) {
        Some(prefix) => format!("{prefix}.{to}"),
        None => to,
    };
    let text = |key: &str| call.option(key).and_then(|value| atom(walk, value));
    let kind = text("type").unwrap_or_else(|| "bigserial".into());
    // `reference_column_type`: a key that counts is referred to by a plain number.
    let plain = match kind.as_str() {
        "serial" => "integer",
        "bigserial" | "id" | "identity" => "id",
        kind => kind,
    };
    column.sql_type = named_type(plain, None, "", walk.dialect);
    let key = text("column").unwrap_or_else(|| "id".into());
    let reference =
        Reference { table: to, columns: vec![key], on_delete: action(text("on_delete")), on_update: action(text("on_update")) };
    let short = table.rsplit('.').next().unwrap_or(table);
    column.reference_name = Some(text("name").unwrap_or_else(|| format!("{short}_{}_fkey", column.name)));
    column.references = Some(reference);
    Some(())
}

fn action(word: Option<String>) -> String {
    match word.as_deref() {
        Some("nilify_all") => "set null",
        Some("delete_all" | "update_all") => "cascade",
        Some("default_all") => "set default",
        Some("restrict") => "restrict",
        _ => "",
    }
    .to_owned()
}

fn default_sql(walk: &Walk, value: &Value) -> Option<String> {
    match walk.resolve(value) {
        Value::Call(call) if call.name == "fragment" => walk.text(call.args.first()),
        value => walk.sql(value),
    }
}

impl Block<'_> {
    fn table(&self) -> String {
        self.target.name.clone()
    }

    fn add(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        let column = column(walk, &self.target.name, call, call.args.get(1)?)?;
        let if_not_exists = call.name == "add_if_not_exists";
        Some(vec![Item::new(call.line, Change::AddColumn { table: self.table(), column, if_not_exists })])
    }

    /// With `from:` it can be reverted.
    fn modify(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        let made = column(walk, &self.target.name, call, call.args.get(1)?)?;
        let changes = self.modified(call, made);
        let undo = match call.option("from").map(|value| walk.resolve(value)) {
            None => Undo::Never("modify without from: cannot be reverted".into()),
            Some(from) => Undo::Changes(self.restored(walk, call, from)?),
        };
        let last = changes.len().saturating_sub(1);
        let items = changes.into_iter().enumerate().map(|(at, change)| {
            let undo = if at == last { undo.clone() } else { Undo::Nothing };
            Item { line: call.line, change, undo }
        });
        Some(items.collect())
    }

    fn modified(&self, call: &Call, made: Column) -> Vec<Change> {
        let (table, column) = (self.table(), made.name);
        let mut out =
            vec![Change::SetType { table: table.clone(), column: column.clone(), sql_type: made.sql_type, using: None }];
        if let Some(null) = call.flag("null") {
            out.push(Change::SetNotNull { table: table.clone(), column: column.clone(), not_null: !null });
        }
        if call.option("default").is_some() {
            out.push(Change::SetDefault { table: table.clone(), column: column.clone(), default: made.default });
        }
        if let Some(reference) = made.references {
            let kind = ConstraintKind::ForeignKey(vec![column], reference);
            out.push(Change::AddConstraint {
                table,
                constraint: Constraint { name: made.reference_name, kind, not_valid: false },
            });
        }
        out
    }

    /// `from: type` or `from: {type, options}`.
    fn restored(&self, walk: &Walk, call: &Call, from: &Value) -> Option<Vec<Change>> {
        let (kind, options) = match from {
            Value::List(parts) if parts.first().and_then(Value::as_text) != Some("array") => {
                (parts.first()?, parts.get(1..)?.to_vec())
            }
            value => (value, Vec::new()),
        };
        let mut old = Call { args: vec![call.args.first()?.clone(), kind.clone()], ..Call::default() };
        old.args.extend(options);
        let made = column(walk, &self.target.name, &old, kind)?;
        let mut out = self.modified(&old, made.clone());
        let foreign = |value: Option<&Value>| value.and_then(Value::as_call).is_some_and(|call| call.name == "references");
        if foreign(call.args.get(1)) && !foreign(Some(kind)) {
            let name = format!("{}_{}_fkey", self.target.name, made.name);
            out.insert(0, Change::DropForeignKey { table: self.table(), name });
        }
        Some(out)
    }

    fn remove(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        let name = atom(walk, call.args.first()?)?;
        let change = Change::DropColumn { table: self.table(), column: name, if_exists: call.name == "remove_if_exists" };
        Some(vec![match call.args.get(1).filter(|_| call.name == "remove") {
            Some(kind) => {
                let column = column(walk, &self.target.name, call, kind)?;
                Item::with(call.line, change, vec![Change::AddColumn { table: self.table(), column, if_not_exists: false }])
            }
            None => Item::never(call.line, change, "remove without a type cannot be reverted"),
        }])
    }

    fn timestamps(&self, walk: &Walk, call: &Call) -> Vec<Item> {
        let kind = call.option("type").and_then(|value| atom(walk, value)).unwrap_or_else(|| "naive_datetime".into());
        let null = call.flag("null") == Some(true);
        let default = call.option("default").and_then(|value| default_sql(walk, value));
        let names = [("inserted_at", "inserted_at"), ("updated_at", "updated_at")];
        let written = names.iter().filter_map(|(option, name)| match call.option(option).map(|value| walk.resolve(value)) {
            Some(Value::Bool(false)) => None,
            Some(value) => atom(walk, value),
            None => Some((*name).to_owned()),
        });
        let column = |name: String| Column {
            name,
            sql_type: named_type(&kind, None, "", walk.dialect),
            not_null: !null,
            default: default.clone(),
            ..Column::default()
        };
        let add = |column| Item::new(call.line, Change::AddColumn { table: self.table(), column, if_not_exists: false });
        written.map(column).map(add).collect()
    }
}

fn drop(walk: &Walk, call: &Call) -> Option<Vec<Item>> {
    let target = Target::new(walk, call.args.first()?)?;
    let if_exists = call.name == "drop_if_exists";
    let cascade = call.option("mode").and_then(|value| atom(walk, value)).as_deref() == Some("cascade");
    let table = target.name.clone();
    Some(vec![match target.call.name.as_str() {
        "table" => {
            let why = "a drop does not say what the table held";
            Item::never(call.line, Change::DropTable { table, if_exists, cascade }, why)
        }
        "index" | "unique_index" => {
            let columns = target.columns().unwrap_or_default();
            let name = target.index_name(&columns);
            let unique = target.call.name == "unique_index" || target.call.flag("unique") == Some(true);
            let condition = target.option("where");
            let create = Change::CreateIndex {
                table: table.clone(),
                name: Some(name.clone()),
                columns,
                unique,
                condition,
                if_not_exists: false,
            };
            Item::with(call.line, Change::DropIndex { table, name, if_exists }, vec![create])
        }
        "constraint" => {
            let name = target.call.args.get(1).and_then(|value| atom(walk, value))?;
            let change = match name.ends_with("_fkey") {
                true if !if_exists => Change::DropForeignKey { table, name },
                _ => Change::DropConstraint { table, name, if_exists },
            };
            Item::never(call.line, change, "a drop does not say what the constraint was")
        }
        _ => return None,
    }])
}

/// `rename table(:a), to: table(:b)`, `rename table(:a), :x, to: :y`.
fn rename(walk: &Walk, call: &Call) -> Option<Vec<Item>> {
    let target = Target::new(walk, call.args.first()?)?;
    let to = call.keyword("to")?;
    let table = target.name.clone();
    let change = match (target.call.name.as_str(), call.args.get(1)) {
        ("table", Some(column)) => Change::RenameColumn { table, from: atom(walk, column)?, to: atom(walk, to)? },
        ("table", None) => Change::RenameTable { from: table, to: Target::new(walk, to)?.name },
        ("index", _) => {
            let from = target.index_name(&target.columns().unwrap_or_default());
            Change::RenameIndex { table, from, to: atom(walk, to)? }
        }
        _ => return None,
    };
    Some(vec![Item::new(call.line, change)])
}

/// `execute up` or `execute up, down`; without the second it cannot be reverted.
fn execute(walk: &Walk, call: &Call) -> Option<Vec<Item>> {
    if let Some(Value::Function(function)) = call.args.first() {
        let items = walk.body(&function.body, &Ecto);
        return Some(items.into_iter().map(|item| Item::never(item.line, item.change, "execute cannot be reverted")).collect());
    }
    let mut item = sql_item(walk, call.line, call.args.first());
    item.undo = match call.args.get(1) {
        Some(down) => Undo::Changes(vec![sql_item(walk, call.line, Some(down)).change]),
        None => Undo::Never("execute cannot be reverted".into()),
    };
    Some(vec![item])
}
