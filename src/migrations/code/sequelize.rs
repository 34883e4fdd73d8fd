//! Sequelize: methods of `queryInterface` (`sequelize/src/dialects/abstract/query-interface.js`, `query-generator.js`), types of
//! `data-types.js` of each dialect.

use super::CodeMigration;
use super::ast::{Call, Node, Value};
use super::change::{Change, Column, Constraint, ConstraintKind, Item, Reference};
use super::laravel::snake;
use super::lower::{literal, quote, quote_name};
use super::object::{Object, delete, insert, update};
use super::rails::pick;
use super::script::{both, common};
use super::walk::{Vocabulary, Walk};
use crate::sql::dialect::Dialect;

/// Type, PostgreSQL, MySQL, SQLite; `{n}` is the length, `{p}` all digits in their parentheses.
const TYPES: &[(&str, &str, &str, &str)] = &[
    ("STRING", "varchar({n})", "varchar({n})", "varchar({n})"),
    ("CHAR", "char({n})", "char({n})", "char({n})"),
    ("TEXT", "text", "text", "text"),
    ("CITEXT", "citext", "text", "text"),
    ("INTEGER", "integer", "integer", "integer"),
    ("BIGINT", "bigint", "bigint", "bigint"),
    ("SMALLINT", "smallint", "smallint", "smallint"),
    ("MEDIUMINT", "integer", "mediumint", "mediumint"),
    ("TINYINT", "smallint", "tinyint", "tinyint"),
    ("FLOAT", "float", "float{p}", "float"),
    ("REAL", "real", "real{p}", "real"),
    ("DOUBLE", "double precision", "double precision{p}", "double precision"),
    ("DECIMAL", "decimal{p}", "decimal{p}", "decimal"),
    ("NUMERIC", "decimal{p}", "decimal{p}", "decimal"),
    ("BOOLEAN", "boolean", "tinyint(1)", "tinyint(1)"),
    ("DATE", "timestamptz", "datetime{p}", "datetime"),
    ("DATEONLY", "date", "date", "date"),
    ("TIME", "time", "time", "time"),
    ("UUID", "uuid", "char(36)", "uuid"),
    ("JSON", "json", "json", "json"),
    ("JSONB", "jsonb", "json", "jsonb"),
    ("BLOB", "bytea", "blob", "blob"),
    ("HSTORE", "hstore", "text", "text"),
    ("TSVECTOR", "tsvector", "text", "text"),
    ("INET", "inet", "varchar(45)", "text"),
    ("CIDR", "cidr", "varchar(43)", "text"),
    ("MACADDR", "macaddr", "varchar(17)", "text"),
    ("GEOMETRY", "geometry", "geometry", "geometry"),
    ("GEOGRAPHY", "geography", "geometry", "geography"),
];

struct Sequelize;

pub(super) fn read(nodes: &[Node], dialect: Dialect) -> CodeMigration {
    both(&Walk::with_properties(nodes, dialect), "up", "down", &Sequelize)
}

impl Vocabulary for Sequelize {
    fn call(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        call.receiver.as_ref()?;
        method(walk, call).or_else(|| common(walk, call))
    }
}

fn method(walk: &Walk, call: &Call) -> Option<Vec<Item>> {
    let line = call.line;
    let table = || table_name(walk, call.args.first()?);
    let text = |position: usize| walk.text(call.args.get(position));
    let one = |change| Some(vec![Item::new(line, change)]);
    match call.name.as_str() {
        "createTable" => create_table(walk, call, table()?),
        "dropTable" => one(Change::DropTable { table: table()?, if_exists: true, cascade: cascades(walk, call, 1) }),
        "renameTable" => one(Change::RenameTable { from: table()?, to: table_name(walk, call.args.get(1)?)? }),
        "addColumn" => add_column(walk, call, table()?, text(1)?),
        "removeColumn" => one(Change::DropColumn { table: table()?, column: text(1)?, if_exists: false }),
        "renameColumn" => one(Change::RenameColumn { table: table()?, from: text(1)?, to: text(2)? }),
        "changeColumn" => change_column(walk, call, table()?, text(1)?),
        "addIndex" => add_index(walk, call, table()?),
        "removeIndex" => one(Change::DropIndex { name: index_of(walk, call, &table()?)?, table: table()?, if_exists: true }),
        "addConstraint" => add_constraint(walk, call, table()?),
        "removeConstraint" => one(drop_constraint(walk, table()?, text(1)?)),
        "bulkInsert" => bulk_insert(walk, call, &table()?),
        "bulkUpdate" => {
            let set = Object::new(walk, call.args.get(1)?)?;
            Some(vec![update(walk, line, &table()?, &keys(&set), everything(walk, call.args.get(2)))])
        }
        "bulkDelete" => Some(vec![delete(walk, line, &table()?, everything(walk, call.args.get(1)))]),
        "createSchema" => one(Change::Sql(format!("CREATE SCHEMA {}", quote(&text(0)?, walk.dialect)))),
        "dropSchema" => one(Change::Sql(format!("DROP SCHEMA {} CASCADE", quote(&text(0)?, walk.dialect)))),
        "describeTable" | "tableExists" | "showAllTables" | "showIndex" | "showConstraint" => Some(Vec::new()),
        "commit" | "rollback" if call.args.is_empty() => Some(Vec::new()),
        _ => None,
    }
}

/// A name, or `{ tableName, schema }`.
fn table_name(walk: &Walk, value: &Value) -> Option<String> {
    if let Some(object) = Object::new(walk, value) {
        let name = object.text("tableName").or_else(|| object.text("name"))?;
        return Some(object.text("schema").map_or(name.clone(), |schema| format!("{schema}.{name}")));
    }
    walk.text(Some(value))
}

fn cascades(walk: &Walk, call: &Call, position: usize) -> bool {
    call.args.get(position).and_then(|value| Object::new(walk, value)).is_some_and(|options| options.is("cascade"))
}

fn keys(object: &Object) -> Vec<String> {
    object.entries().iter().filter_map(|(key, _)| key.as_text().map(str::to_owned)).collect()
}

/// No condition, or an empty one.
fn everything(walk: &Walk, value: Option<&Value>) -> bool {
    match value.map(|value| walk.resolve(value)) {
        None | Some(Value::Null) => true,
        Some(Value::Map(entries)) => entries.is_empty(),
        _ => false,
    }
}

fn bulk_insert(walk: &Walk, call: &Call, table: &str) -> Option<Vec<Item>> {
    let Value::List(rows) = walk.resolve(call.args.get(1)?) else { return None };
    let columns = rows.first().and_then(|row| Object::new(walk, row)).map(|row| keys(&row))?;
    Some(vec![insert(walk, call.line, table, &columns)])
}

/// A column with the type that it needs on PostgreSQL: an enum is a type of its own (`enum_<table>_<column>`).
fn column(walk: &Walk, table: &str, name: &str, value: &Value) -> Option<(Option<Change>, Column)> {
    let value = walk.resolve(value);
    let object = Object::new(walk, value).filter(|object| object.get("type").is_some());
    let kind = object.as_ref().map_or(Some(value), |object| object.get("type"))?;
    let labels = labels(walk, kind, object.as_ref());
    let (before, sql_type) = match labels {
        Some(labels) => enum_type(walk, table, name, &labels),
        None => (None, sql_type(walk, kind)?),
    };
    let mut column = Column { name: name.to_owned(), sql_type, ..Column::default() };
    if let Some(object) = &object {
        describe(object, &mut column);
    }
    Some((before, column))
}

fn describe(object: &Object, column: &mut Column) {
    column.not_null = object.flag("allowNull") == Some(false) || object.is("primaryKey");
    column.primary_key = object.is("primaryKey");
    column.identity = object.is("autoIncrement") || object.is("autoIncrementIdentity");
    column.unique = object.is("unique") || object.text("unique").is_some();
    column.default = object.get("defaultValue").and_then(|value| default_sql(object.walk, value));
    column.references = object.get("references").and_then(|value| reference(object, value));
}

fn reference(column: &Object, value: &Value) -> Option<Reference> {
    let to = Object::new(column.walk, value);
    let table = match &to {
        Some(to) => table_name(column.walk, to.get("model").or_else(|| to.get("table"))?)?,
        None => column.walk.text(Some(value))?,
    };
    let key = to.and_then(|to| to.text("key").or_else(|| to.text("field"))).unwrap_or_else(|| "id".into());
    let action = |key: &str| column.text(key).unwrap_or_default();
    Some(Reference { table, columns: vec![key], on_delete: action("onDelete"), on_update: action("onUpdate") })
}

/// Values that the program makes (`UUIDV4`, `NOW`, functions) are no defaults of the database (`Utils.defaultValueSchemable`).
fn default_sql(walk: &Walk, value: &Value) -> Option<String> {
    match walk.resolve(value) {
        Value::Call(call) if call.name == "literal" => walk.text(call.args.first()),
        Value::Call(call) if call.name == "fn" => {
            let name = walk.text(call.args.first())?;
            let plain = call.args.len() == 1;
            Some(if plain { format!("{name}()") } else { "''".into() })
        }
        Value::Call(call) if matches!(call.name.as_str(), "UUIDV4" | "UUIDV1" | "NOW") => None,
        Value::Function(_) => None,
        Value::List(list) if walk.dialect == Dialect::PostgreSql && list.is_empty() => Some("'{}'".into()),
        value => walk.sql(value),
    }
}

/// `Sequelize.STRING(10).BINARY`: the type's call.
fn type_call<'a>(walk: &'a Walk, value: &'a Value) -> Option<&'a Call> {
    let call = walk.resolve(value).as_call()?;
    call.chain()
        .into_iter()
        .find(|link| link.name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()) && link.name != "UNSIGNED")
}

fn labels(walk: &Walk, kind: &Value, object: Option<&Object>) -> Option<Vec<String>> {
    let call = type_call(walk, kind).filter(|call| call.name == "ENUM")?;
    let mut labels: Vec<String> = call.args.iter().flat_map(|arg| walk.texts(Some(arg))).collect();
    if let Some(values) = call.args.first().and_then(|value| Object::new(walk, value)) {
        labels = values.texts("values");
    }
    if labels.is_empty() {
        labels = object.map(|object| object.texts("values")).unwrap_or_default();
    }
    Some(labels)
}

fn enum_type(walk: &Walk, table: &str, column: &str, labels: &[String]) -> (Option<Change>, String) {
    let list: Vec<String> = labels.iter().map(|label| literal(label, walk.dialect)).collect();
    match walk.dialect {
        Dialect::PostgreSql => {
            let (schema, table) = table.split_once('.').unwrap_or(("public", table));
            let name = quote_name(&format!("{schema}.enum_{table}_{column}"), walk.dialect);
            (Some(Change::Sql(format!("CREATE TYPE {name} AS ENUM ({})", list.join(", ")))), name)
        }
        Dialect::MySql | Dialect::MariaDb => (None, format!("enum({})", list.join(", "))),
        _ => (None, "text".into()),
    }
}

fn sql_type(walk: &Walk, kind: &Value) -> Option<String> {
    if let Some(text) = walk.resolve(kind).as_text() {
        return Some(text.to_owned());
    }
    let call = type_call(walk, kind)?;
    if call.name == "ARRAY" {
        return Some(format!("{}[]", sql_type(walk, call.args.first()?)?));
    }
    let row = TYPES.iter().find(|row| row.0 == call.name)?;
    let digits: Vec<String> = call.args.iter().filter_map(|arg| number(walk, arg)).collect();
    let all = if digits.is_empty() { String::new() } else { format!("({})", digits.join(",")) };
    let length = digits.first().cloned().unwrap_or_else(|| "255".into());
    let mut out = pick(row, walk.dialect).replace("{n}", &length).replace("{p}", &all);
    if let (Some(size), true) = (walk.text(call.args.first()), walk.dialect.is_mysql()) {
        out = format!("{}{out}", size.to_lowercase());
    }
    let unsigned = walk.resolve(kind).as_call().is_some_and(|call| call.chain().iter().any(|link| link.name == "UNSIGNED"));
    if unsigned && walk.dialect.is_mysql() {
        out += " unsigned";
    }
    Some(out)
}

fn number(walk: &Walk, value: &Value) -> Option<String> {
    match walk.resolve(value) {
        Value::Number(number) => Some(number.clone()),
        _ => None,
    }
}

fn create_table(walk: &Walk, call: &Call, table: String) -> Option<Vec<Item>> {
    let object = Object::new(walk, call.args.get(1)?)?;
    let (mut out, mut columns) = (Vec::new(), Vec::new());
    for (key, value) in object.entries() {
        let (before, column) = column(walk, &table, key.as_text()?, value)?;
        out.extend(before.map(|change| Item::new(call.line, change)));
        columns.push(column);
    }
    let keys: Vec<String> = columns.iter().filter(|column| column.primary_key).map(|column| column.name.clone()).collect();
    let mut constraints = Vec::new();
    if keys.len() > 1 {
        columns.iter_mut().for_each(|column| column.primary_key = false);
        constraints.push(Constraint { name: None, kind: ConstraintKind::PrimaryKey(keys), not_valid: false });
    }
    let options = call.args.get(2).and_then(|value| Object::new(walk, value));
    for unique in options.and_then(|options| options.get("uniqueKeys")).and_then(|value| Object::new(walk, value)).iter() {
        for (name, value) in unique.entries() {
            let kind = ConstraintKind::Unique(Object::new(walk, value)?.texts("fields"));
            constraints.push(Constraint { name: name.as_text().map(str::to_owned), kind, not_valid: false });
        }
    }
    out.push(Item::new(call.line, Change::CreateTable { table, columns, constraints, if_not_exists: true }));
    Some(out)
}

fn add_column(walk: &Walk, call: &Call, table: String, name: String) -> Option<Vec<Item>> {
    let (before, column) = column(walk, &table, &name, call.args.get(2)?)?;
    let mut out: Vec<Item> = before.into_iter().map(|change| Item::new(call.line, change)).collect();
    out.push(Item::new(call.line, Change::AddColumn { table, column, if_not_exists: false }));
    Some(out)
}

/// Everything that is not written is taken away: `changeColumnQuery` sets or drops NOT NULL and the default, MySQL's CHANGE too.
fn change_column(walk: &Walk, call: &Call, table: String, name: String) -> Option<Vec<Item>> {
    let (before, column) = column(walk, &table, &name, call.args.get(2)?)?;
    let using = before.as_ref().map(|_| format!("{}::text::{}", quote(&name, walk.dialect), column.sql_type));
    let mut out: Vec<Change> = before.into_iter().collect();
    if column.references.is_none() || walk.dialect.is_mysql() {
        out.push(Change::SetNotNull { table: table.clone(), column: name.clone(), not_null: column.not_null });
        out.push(Change::SetDefault { table: table.clone(), column: name.clone(), default: column.default });
    }
    out.push(Change::SetType { table: table.clone(), column: name.clone(), sql_type: column.sql_type, using });
    let kind = column.unique.then(|| ConstraintKind::Unique(vec![name.clone()]));
    let foreign = column.references.map(|reference| ConstraintKind::ForeignKey(vec![name], reference));
    for kind in kind.into_iter().chain(foreign) {
        let constraint = Constraint { name: None, kind, not_valid: false };
        out.push(Change::AddConstraint { table: table.clone(), constraint });
    }
    Some(out.into_iter().map(|change| Item::new(call.line, change)).collect())
}

/// `{ name, order, … }`, a string, or an expression.
fn field(walk: &Walk, value: &Value) -> Option<String> {
    if let Some(object) = Object::new(walk, value).filter(|object| object.get("name").or(object.get("attribute")).is_some()) {
        return object.text("name").or_else(|| object.text("attribute"));
    }
    match walk.resolve(value) {
        Value::Call(call) if call.name == "literal" => walk.text(call.args.first()),
        Value::Call(call) if call.name == "fn" => {
            let inner = call.args.get(1).and_then(|arg| match walk.resolve(arg) {
                Value::Call(column) => walk.text(column.args.first()),
                other => walk.text(Some(other)),
            })?;
            Some(format!("{}({})", walk.text(call.args.first())?, quote(&inner, walk.dialect)))
        }
        value => walk.text(Some(value)),
    }
}

fn fields(walk: &Walk, value: &Value) -> Option<Vec<String>> {
    match walk.resolve(value) {
        Value::List(list) => list.iter().map(|value| field(walk, value)).collect(),
        value => field(walk, value).map(|field| vec![field]),
    }
}

/// `nameIndex`: table and fields in snake case.
fn index_name(table: &str, fields: &[String]) -> String {
    let fields: Vec<String> = fields.iter().map(|field| snake(field)).collect();
    format!("{}_{}", snake(table.rsplit('.').next().unwrap_or(table)), fields.join("_"))
}

fn add_index(walk: &Walk, call: &Call, table: String) -> Option<Vec<Item>> {
    let list = |value: &&Value| matches!(walk.resolve(value), Value::List(_));
    let options = call.args.iter().skip(1).find_map(|value| Object::new(walk, value));
    let given = call.args.get(1).filter(list).or_else(|| options.and_then(|options| options.get("fields")))?;
    let columns = fields(walk, given)?;
    let text = |key: &str| options.and_then(|options| options.text(key));
    let name = text("name").or_else(|| text("indexName")).or_else(|| walk.text(call.args.get(2)));
    let unique = options.is_some_and(|options| options.is("unique"))
        || text("type").is_some_and(|kind| kind.eq_ignore_ascii_case("unique"));
    // Which rows the condition takes does not matter, that there is one does.
    let condition = options.and_then(|options| options.get("where")).map(|_| "1 = (SELECT 1)".to_owned());
    let name = Some(name.unwrap_or_else(|| index_name(&table, &columns)));
    Some(vec![Item::new(call.line, Change::CreateIndex { table, name, columns, unique, condition, if_not_exists: false })])
}

fn index_of(walk: &Walk, call: &Call, table: &str) -> Option<String> {
    match walk.resolve(call.args.get(1)?) {
        list @ Value::List(_) => Some(index_name(table, &fields(walk, list)?)),
        value => match Object::new(walk, value) {
            Some(object) => object.text("name").or_else(|| Some(index_name(table, &object.texts("fields")))),
            None => walk.text(Some(value)),
        },
    }
}

fn add_constraint(walk: &Walk, call: &Call, table: String) -> Option<Vec<Item>> {
    let options = call.args.iter().skip(1).find_map(|value| Object::new(walk, value))?;
    let given = options.get("fields").or_else(|| call.args.get(1))?;
    let columns = fields(walk, given)?;
    let joined = columns.join("_");
    let (kind, end) = match options.text("type")?.to_lowercase().as_str() {
        "unique" => (ConstraintKind::Unique(columns), "uk".to_owned()),
        "primary key" => (ConstraintKind::PrimaryKey(columns), "pk".into()),
        // The condition is an object of the query builder.
        "check" => {
            (ConstraintKind::Check(format!("{} IS NOT NULL OR 1 = 1", quote(columns.first()?, walk.dialect))), "ck".into())
        }
        "foreign key" => {
            let to = Object::new(walk, options.get("references")?)?;
            let target = table_name(walk, to.get("table").or_else(|| to.get("model"))?)?;
            let keys = to.text("field").map_or_else(|| to.texts("fields"), |field| vec![field]);
            let action = |key: &str| options.text(key).unwrap_or_default();
            let end = format!("{target}_fk");
            let reference =
                Reference { table: target, columns: keys, on_delete: action("onDelete"), on_update: action("onUpdate") };
            (ConstraintKind::ForeignKey(columns, reference), end)
        }
        _ => return None,
    };
    let name = Some(options.text("name").unwrap_or_else(|| format!("{table}_{joined}_{end}")));
    let constraint = Constraint { name, kind, not_valid: false };
    Some(vec![Item::new(call.line, Change::AddConstraint { table, constraint })])
}

/// On MySQL the generator writes DROP FOREIGN KEY or DROP INDEX, by what the constraint is: names say it as Sequelize makes them.
fn drop_constraint(walk: &Walk, table: String, name: String) -> Change {
    match walk.dialect.is_mysql() && name.to_lowercase().contains("fk") {
        true => Change::DropForeignKey { table, name },
        false => Change::DropConstraint { table, name, if_exists: false },
    }
}
