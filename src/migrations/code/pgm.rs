//! node-pg-migrate: methods of `pgm` (`node-pg-migrate/src/operations`), short types of `src/utils/createTransformer` and
//! `parseColumns`. A way down that is not written is worked out by reverting the calls.

use super::ast::{Call, Node, Value};
use super::change::{Change, Column, Constraint, ConstraintKind, Item, Reference, inverse};
use super::lower::{self, literal, quote, quote_name};
use super::object::{Object, objects};
use super::script::{both, common};
use super::walk::{Vocabulary, Walk, sql_item};
use super::{CodeMigration, DownKind};
use crate::sql::dialect::Dialect;

/// `defaultTypeShorthands` and `applyTypeAdapters`.
const TYPES: &[(&str, &str)] = &[
    ("int", "integer"),
    ("string", "text"),
    ("float", "real"),
    ("double", "double precision"),
    ("datetime", "timestamp"),
    ("bool", "boolean"),
];

struct Pgm;

pub(super) fn read(nodes: &[Node], dialect: Dialect) -> CodeMigration {
    let walk = Walk::with_properties(nodes, dialect);
    let mut read = both(&walk, "up", "down", &Pgm);
    if matches!(walk.constants.get("down"), Some(Value::Bool(false))) {
        read.down_kind = DownKind::Irreversible("it says that there is no way down".into());
        return read;
    }
    if read.down_kind != DownKind::Missing {
        return read;
    }
    let items = walk.functions.get("up").map(|up| walk.within(up).body(&up.body, &Pgm)).unwrap_or_default();
    match inverse(&items) {
        Ok(items) => {
            read.down = Some(lower::lower(&items, dialect));
            read.down_kind = DownKind::Inverse;
        }
        Err(why) => read.down_kind = DownKind::Irreversible(why),
    }
    read
}

impl Vocabulary for Pgm {
    fn call(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        call.receiver.as_ref()?;
        method(walk, call).or_else(|| common(walk, call))
    }
}

fn method(walk: &Walk, call: &Call) -> Option<Vec<Item>> {
    let line = call.line;
    let table = || name(walk, call.args.first()?);
    let text = |position: usize| walk.text(call.args.get(position));
    let options = call.args.iter().rev().find_map(|value| Object::new(walk, value));
    let option = |key: &str| options.is_some_and(|options| options.is(key));
    let one = |change| Some(vec![Item::new(line, change)]);
    match call.name.as_str() {
        "createTable" => create_table(walk, call, table()?),
        "dropTable" => one(Change::DropTable { table: table()?, if_exists: option("ifExists"), cascade: option("cascade") }),
        "renameTable" => one(Change::RenameTable { from: table()?, to: name(walk, call.args.get(1)?)? }),
        "addColumn" | "addColumns" => add_columns(walk, call, &table()?),
        "dropColumn" | "dropColumns" => Some(drop_columns(walk, call, &table()?)),
        "renameColumn" => one(Change::RenameColumn { table: table()?, from: text(1)?, to: text(2)? }),
        "alterColumn" => alter_column(walk, call, &table()?, &text(1)?),
        "addConstraint" | "createConstraint" => add_constraint(walk, call, table()?, text(1)),
        "dropConstraint" => one(Change::DropConstraint { table: table()?, name: text(1)?, if_exists: option("ifExists") }),
        "createIndex" | "addIndex" => create_index(walk, call, table()?),
        "dropIndex" => {
            let name = index_of(walk, call, &table()?)?;
            one(Change::DropIndex { table: table()?, name, if_exists: option("ifExists") })
        }
        "createExtension" | "addExtension" => extension(walk, call, true),
        "dropExtension" => extension(walk, call, false),
        "createType" | "addType" => create_type(walk, call, &table()?),
        "dropType" => one(Change::Sql(format!("DROP TYPE {}{}", if_exists(option("ifExists")), quoted(&table()?)))),
        "addTypeValue" => {
            let absent = if option("ifNotExists") { "IF NOT EXISTS " } else { "" };
            one(Change::Sql(format!("ALTER TYPE {} ADD VALUE {absent}{}", quoted(&table()?), value(&text(1)?))))
        }
        "renameTypeValue" => {
            let (from, to) = (value(&text(1)?), value(&text(2)?));
            one(Change::Sql(format!("ALTER TYPE {} RENAME VALUE {from} TO {to}", quoted(&table()?))))
        }
        "createView" | "createMaterializedView" => create_view(walk, call, &table()?),
        "dropView" => one(Change::Sql(format!("DROP VIEW {}{}", if_exists(option("ifExists")), quoted(&table()?)))),
        "dropMaterializedView" => {
            one(Change::Sql(format!("DROP MATERIALIZED VIEW {}{}", if_exists(option("ifExists")), quoted(&table()?))))
        }
        "createSchema" => one(Change::Sql(format!("CREATE SCHEMA {}", quoted(&table()?)))),
        "dropSchema" => one(Change::Sql(format!("DROP SCHEMA {}", quoted(&table()?)))),
        "sql" => Some(vec![Item {
            undo: super::change::Undo::Never("SQL text cannot be turned round".into()),
            ..sql_item(walk, line, call.args.first())
        }]),
        "noTransaction" => Some(Vec::new()),
        _ => None,
    }
}

fn if_exists(flag: bool) -> &'static str {
    if flag { "IF EXISTS " } else { "" }
}

fn quoted(name: &str) -> String {
    quote_name(name, Dialect::PostgreSql)
}

fn value(text: &str) -> String {
    literal(text, Dialect::PostgreSql)
}

/// A name, or `{ schema, name }`.
fn name(walk: &Walk, value: &Value) -> Option<String> {
    match Object::new(walk, value) {
        Some(object) => {
            let name = object.text("name")?;
            Some(object.text("schema").map_or(name.clone(), |schema| format!("{schema}.{name}")))
        }
        None => walk.text(Some(value)),
    }
}

fn column(walk: &Walk, table: &str, name: &str, value: &Value) -> Option<Column> {
    let object = Object::new(walk, value);
    let written = match &object {
        Some(object) => object.text("type")?,
        None => walk.text(Some(value))?,
    };
    let id = written == "id";
    let sql_type = if id { "serial".to_owned() } else { adapted(&written) };
    let mut column = Column { name: name.to_owned(), sql_type, primary_key: id, not_null: id, ..Column::default() };
    if let Some(object) = &object {
        describe(object, table, name, &mut column)?;
    }
    Some(column)
}

fn adapted(kind: &str) -> String {
    let (word, rest) = kind.split_at(kind.find(['(', '[']).unwrap_or(kind.len()));
    let known = TYPES.iter().find(|(short, _)| *short == word).map_or(word, |(_, long)| long);
    format!("{known}{rest}")
}

fn describe(object: &Object, table: &str, name: &str, column: &mut Column) -> Option<()> {
    column.primary_key |= object.is("primaryKey");
    column.not_null |= object.is("notNull") || column.primary_key;
    column.unique = object.is("unique");
    column.check = object.text("check");
    column.default = object.get("default").and_then(|value| default_sql(object.walk, value));
    column.identity = object.get("sequenceGenerated").or_else(|| object.get("identity")).is_some();
    column.generated = object.text("expressionGenerated").map(|text| (text, true));
    if let Some(value) = object.get("references") {
        let action = |key: &str| object.text(key).unwrap_or_default();
        let (to, columns) = target(object.walk, value)?;
        column.references = Some(Reference { table: to, columns, on_delete: action("onDelete"), on_update: action("onUpdate") });
        let given = object.text("referencesConstraintName");
        column.reference_name = Some(given.unwrap_or_else(|| format!("{}_fk_{name}", table.rsplit('.').next().unwrap_or(table))));
    }
    Some(())
}

/// `users`, `users(id)`, `"users"`, `{ schema, name }`.
fn target(walk: &Walk, value: &Value) -> Option<(String, Vec<String>)> {
    let text = name(walk, value)?;
    let plain = |text: &str| text.trim().trim_matches('"').replace("\".\"", ".");
    match text.split_once('(') {
        Some((table, rest)) => Some((plain(table), rest.trim_end().trim_end_matches(')').split(',').map(plain).collect())),
        None => Some((plain(&text), Vec::new())),
    }
}

/// `pgm.func('…')` is an expression.
fn default_sql(walk: &Walk, value: &Value) -> Option<String> {
    match walk.resolve(value) {
        Value::Call(call) if call.name == "func" => walk.text(call.args.first()),
        Value::Call(call) if call.name == "literal" => walk.text(call.args.first()),
        value => walk.sql(value),
    }
}

fn create_table(walk: &Walk, call: &Call, table: String) -> Option<Vec<Item>> {
    let object = Object::new(walk, call.args.get(1)?)?;
    let columns = object.entries().iter().map(|(key, value)| column(walk, &table, key.as_text()?, value));
    let mut columns: Vec<Column> = columns.collect::<Option<_>>()?;
    let keys: Vec<String> = columns.iter().filter(|column| column.primary_key).map(|column| column.name.clone()).collect();
    let mut constraints = Vec::new();
    if keys.len() > 1 {
        columns.iter_mut().for_each(|column| column.primary_key = false);
        constraints.push(Constraint { name: None, kind: ConstraintKind::PrimaryKey(keys), not_valid: false });
    }
    let options = call.args.get(2).and_then(|value| Object::new(walk, value));
    if let Some(value) = options.and_then(|options| options.get("constraints")) {
        constraints.extend(described(walk, &table, None, &Object::new(walk, value)?)?);
    }
    let if_not_exists = options.is_some_and(|options| options.is("ifNotExists"));
    Some(vec![Item::new(call.line, Change::CreateTable { table, columns, constraints, if_not_exists })])
}

fn add_columns(walk: &Walk, call: &Call, table: &str) -> Option<Vec<Item>> {
    let object = Object::new(walk, call.args.get(1)?)?;
    let options = call.args.get(2).and_then(|value| Object::new(walk, value));
    let if_not_exists = options.is_some_and(|options| options.is("ifNotExists"));
    let columns = object.entries().iter().map(|(key, value)| column(walk, table, key.as_text()?, value));
    let columns: Vec<Column> = columns.collect::<Option<_>>()?;
    let add = |column| Item::new(call.line, Change::AddColumn { table: table.to_owned(), column, if_not_exists });
    Some(columns.into_iter().map(add).collect())
}

fn drop_columns(walk: &Walk, call: &Call, table: &str) -> Vec<Item> {
    let options = call.args.get(2).and_then(|value| Object::new(walk, value));
    let if_exists = options.is_some_and(|options| options.is("ifExists"));
    let columns = match call.args.get(1).and_then(|value| Object::new(walk, value)) {
        Some(object) => object.entries().iter().filter_map(|(key, _)| key.as_text().map(str::to_owned)).collect(),
        None => walk.texts(call.args.get(1)),
    };
    if columns.is_empty() {
        return vec![super::walk::unknown(call)];
    }
    let drop = |column| Item::new(call.line, Change::DropColumn { table: table.to_owned(), column, if_exists });
    columns.into_iter().map(drop).collect()
}

fn alter_column(walk: &Walk, call: &Call, table: &str, column: &str) -> Option<Vec<Item>> {
    let object = Object::new(walk, call.args.get(2)?)?;
    let (table, column) = (table.to_owned(), column.to_owned());
    let mut out = Vec::new();
    if let Some(value) = object.get("default") {
        let default = default_sql(walk, value);
        out.push(Change::SetDefault { table: table.clone(), column: column.clone(), default });
    }
    if let Some(kind) = object.text("type") {
        let (table, column) = (table.clone(), column.clone());
        out.push(Change::SetType { table, column, sql_type: adapted(&kind), using: object.text("using") });
    }
    let not_null = object.flag("notNull").or_else(|| object.flag("allowNull").map(|allow| !allow));
    if let Some(not_null) = not_null {
        out.push(Change::SetNotNull { table, column, not_null });
    }
    let known = object.entries().iter().all(|(key, _)| {
        matches!(key.as_text(), Some("default" | "type" | "using" | "notNull" | "allowNull" | "comment" | "collation"))
    });
    let never = |change| Item::never(call.line, change, "alterColumn cannot be reverted");
    known.then(|| out.into_iter().map(never).collect())
}

/// The constraints of an object; `given` names the one.
fn described(walk: &Walk, table: &str, given: Option<String>, object: &Object) -> Option<Vec<Constraint>> {
    let short = table.rsplit('.').next().unwrap_or(table);
    let named = |default: String| Some(given.clone().unwrap_or(default));
    let mut out = Vec::new();
    let mut push = |name, kind| out.push(Constraint { name, kind, not_valid: false });
    if let Some(value) = object.get("unique") {
        for columns in column_sets(walk, value) {
            push(named(format!("{short}_uniq_{}", columns.join("_"))), ConstraintKind::Unique(columns));
        }
    }
    let keys = object.texts("primaryKey");
    if !keys.is_empty() {
        push(named(format!("{short}_pkey")), ConstraintKind::PrimaryKey(keys));
    }
    for check in object.texts("check") {
        push(named(format!("{short}_chck")), ConstraintKind::Check(check));
    }
    for foreign in object.get("foreignKeys").map_or(Some(Vec::new()), |value| objects(walk, value))? {
        let columns = foreign.texts("columns");
        let (to, keys) = target(walk, foreign.get("references")?)?;
        let action = |key: &str| foreign.text(key).unwrap_or_default();
        let reference = Reference { table: to, columns: keys, on_delete: action("onDelete"), on_update: action("onUpdate") };
        let name = foreign.text("referencesConstraintName").unwrap_or_else(|| format!("{short}_fk_{}", columns.join("_")));
        push(named(name), ConstraintKind::ForeignKey(columns, reference));
    }
    (!out.is_empty()).then_some(out)
}

/// `'a'`, `['a', 'b']`, `[['a', 'b'], 'c']`.
fn column_sets(walk: &Walk, value: &Value) -> Vec<Vec<String>> {
    match walk.resolve(value) {
        Value::List(list) if list.iter().any(|part| matches!(walk.resolve(part), Value::List(_))) => {
            list.iter().map(|part| walk.texts(Some(part))).collect()
        }
        value => vec![walk.texts(Some(value))],
    }
}

fn add_constraint(walk: &Walk, call: &Call, table: String, name: Option<String>) -> Option<Vec<Item>> {
    let given = call.args.get(2)?;
    if let Some(object) = Object::new(walk, given) {
        let made = described(walk, &table, name, &object)?;
        let add = |constraint| Item::new(call.line, Change::AddConstraint { table: table.clone(), constraint });
        return Some(made.into_iter().map(add).collect());
    }
    let text = walk.text(Some(given))?;
    let named = name.as_ref().map_or(String::new(), |name| format!("CONSTRAINT {} ", quote(name, Dialect::PostgreSql)));
    let add = Change::Sql(format!("ALTER TABLE {} ADD {named}{text}", quoted(&table)));
    Some(vec![Item::never(call.line, add, "a constraint that is written as text cannot be reverted")])
}

/// Columns of an index, objects with `name` among them.
fn index_columns(walk: &Walk, value: &Value) -> Option<Vec<String>> {
    match walk.resolve(value) {
        Value::List(list) => list.iter().map(|value| name(walk, value)).collect(),
        value => name(walk, value).map(|column| vec![column]),
    }
}

/// `generateColumnString` and the name of `createIndex`.
fn index_name(table: &str, columns: &[String], unique: bool) -> String {
    let plain = |text: &String| text.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect::<String>();
    let columns: Vec<String> = columns.iter().map(plain).collect();
    let unique = if unique { "_unique" } else { "" };
    format!("{}_{}{unique}_index", table.rsplit('.').next().unwrap_or(table), columns.join("_"))
}

fn create_index(walk: &Walk, call: &Call, table: String) -> Option<Vec<Item>> {
    let columns = index_columns(walk, call.args.get(1)?)?;
    let options = call.args.get(2).and_then(|value| Object::new(walk, value));
    let unique = options.is_some_and(|options| options.is("unique"));
    let given = options.and_then(|options| options.text("name"));
    let name = Some(given.unwrap_or_else(|| index_name(&table, &columns, unique)));
    let condition = options.and_then(|options| options.text("where"));
    let if_not_exists = options.is_some_and(|options| options.is("ifNotExists"));
    Some(vec![Item::new(call.line, Change::CreateIndex { table, name, columns, unique, condition, if_not_exists })])
}

fn index_of(walk: &Walk, call: &Call, table: &str) -> Option<String> {
    let options = call.args.get(2).and_then(|value| Object::new(walk, value));
    let unique = options.is_some_and(|options| options.is("unique"));
    options
        .and_then(|options| options.text("name"))
        .or_else(|| Some(index_name(table, &index_columns(walk, call.args.get(1)?)?, unique)))
}

fn extension(walk: &Walk, call: &Call, create: bool) -> Option<Vec<Item>> {
    let names = walk.texts(call.args.first());
    let on = |name: &String| Change::Sql(format!("CREATE EXTENSION IF NOT EXISTS {}", quote(name, Dialect::PostgreSql)));
    let off = |name: &String| Change::Sql(format!("DROP EXTENSION IF EXISTS {}", quote(name, Dialect::PostgreSql)));
    let item = |name: &String| match create {
        true => Item::with(call.line, on(name), vec![off(name)]),
        false => Item::never(call.line, off(name), "dropExtension cannot be reverted"),
    };
    (!names.is_empty()).then(|| names.iter().map(item).collect())
}

fn create_type(walk: &Walk, call: &Call, name: &str) -> Option<Vec<Item>> {
    let Value::List(_) = walk.resolve(call.args.get(1)?) else { return None };
    let labels: Vec<String> = walk.texts(call.args.get(1)).iter().map(|label| value(label)).collect();
    let create = Change::Sql(format!("CREATE TYPE {} AS ENUM ({})", quoted(name), labels.join(", ")));
    Some(vec![Item::with(call.line, create, vec![Change::Sql(format!("DROP TYPE {}", quoted(name)))])])
}

fn create_view(walk: &Walk, call: &Call, name: &str) -> Option<Vec<Item>> {
    let body = walk.text(call.args.last())?;
    let options = call.args.get(1).and_then(|value| Object::new(walk, value));
    let replace = if options.is_some_and(|options| options.is("replace")) { "OR REPLACE " } else { "" };
    let kind = if call.name == "createView" { "VIEW" } else { "MATERIALIZED VIEW" };
    let create = Change::Sql(format!("CREATE {replace}{kind} {} AS {body}", quoted(name)));
    Some(vec![Item::with(call.line, create, vec![Change::Sql(format!("DROP {kind} {}", quoted(name)))])])
}
