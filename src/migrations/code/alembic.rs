//! Alembic: `alembic.operations.Operations` and `BatchOperations`, with the types of SQLAlchemy.

use super::ast::{Call, Node, Value};
use super::change::{Change, Column, Constraint, ConstraintKind, Item, Reference};
use super::rails::pick;
use super::script::{both, common};
use super::walk::{Vocabulary, Walk, sql_item, unknown};
use super::{CodeMigration, Header};
use crate::sql::dialect::Dialect;

/// Class in lower case, PostgreSQL, MySQL, SQLite; `{n}` is the length.
const TYPES: &[(&str, &str, &str, &str)] = &[
    ("integer", "integer", "integer", "integer"),
    ("biginteger", "bigint", "bigint", "bigint"),
    ("smallinteger", "smallint", "smallint", "smallint"),
    ("string", "varchar", "varchar", "varchar"),
    ("unicode", "varchar", "varchar", "varchar"),
    ("text", "text", "text", "text"),
    ("unicodetext", "text", "text", "text"),
    ("boolean", "boolean", "bool", "boolean"),
    ("datetime", "timestamp", "datetime", "datetime"),
    ("timestamp", "timestamp", "timestamp", "timestamp"),
    ("largebinary", "bytea", "blob", "blob"),
    ("interval", "interval", "datetime", "datetime"),
    ("numeric", "numeric", "numeric", "numeric"),
    ("float", "float", "float", "float"),
    ("double", "double precision", "double", "double"),
    ("pickletype", "bytea", "blob", "blob"),
    ("json", "json", "json", "json"),
    ("uuid", "uuid", "char(32)", "char(32)"),
    ("utcdatetime", "timestamptz", "datetime", "datetime"),
    ("guid", "uuid", "char(36)", "char(36)"),
];

struct Alembic {
    /// The table of a batch, with the name of its variable.
    batch: Option<(String, String)>,
}

pub(super) fn read(nodes: &[Node], dialect: Dialect) -> CodeMigration {
    let walk = Walk::with_properties(nodes, dialect);
    let mut read = both(&walk, "upgrade", "downgrade", &Alembic { batch: None });
    read.header = header(&walk);
    read
}

/// What a module assigns to the names that order it.
pub(super) fn header(walk: &Walk) -> Header {
    let list = |name: &str| walk.constants.get(name).map(|value| walk.texts(Some(value))).unwrap_or_default();
    Header {
        id: list("revision").pop(),
        parents: list("down_revision"),
        dependencies: list("depends_on"),
        labels: list("branch_labels"),
        ..Header::default()
    }
}

impl Vocabulary for Alembic {
    fn block(&self, walk: &Walk, head: &Value, body: &[Node]) -> Option<Vec<Item>> {
        let calls: Vec<&Call> = match head {
            Value::Many(parts) => parts.iter().filter_map(Value::as_call).collect(),
            Value::Call(call) => vec![call],
            _ => return None,
        };
        let batch = calls.iter().find(|call| call.name == "batch_alter_table");
        if calls.iter().any(|call| call.name == "autocommit_block") {
            return Some(walk.body(body, self));
        }
        let table = qualified(walk, batch?, walk.text(batch?.arg(0, "table_name"))?);
        let name = calls.last().map(|call| call.name.clone()).unwrap_or_default();
        Some(walk.body(body, &Alembic { batch: Some((name, table)) }))
    }

    fn call(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        let receiver = call.receiver.as_ref().map(Value::path).unwrap_or_default();
        if let Some((name, table)) = &self.batch
            && receiver == *name
        {
            return Some(on_table(walk, call, table, 0).unwrap_or_else(|| vec![unknown(call)]));
        }
        if receiver != "op" && receiver != "alembic.op" {
            return common(walk, call);
        }
        Some(operation(walk, call).unwrap_or_else(|| vec![unknown(call)]))
    }
}

fn qualified(walk: &Walk, call: &Call, table: String) -> String {
    match walk.text(call.keyword("schema")) {
        Some(schema) => format!("{schema}.{table}"),
        None => table,
    }
}

fn operation(walk: &Walk, call: &Call) -> Option<Vec<Item>> {
    let line = call.line;
    let text = |position: usize, name: &str| walk.text(call.arg(position, name));
    let table = |position: usize, name: &str| Some(qualified(walk, call, text(position, name)?));
    Some(match call.name.as_str() {
        "create_table" => create_table(walk, call, &table(0, "table_name")?),
        "drop_table" => {
            let if_exists = call.flag("if_exists") == Some(true);
            vec![Item::new(line, Change::DropTable { table: table(0, "table_name")?, if_exists, cascade: false })]
        }
        "rename_table" => {
            vec![Item::new(line, Change::RenameTable { from: table(0, "old_table_name")?, to: text(1, "new_table_name")? })]
        }
        "execute" => vec![execute(walk, call)],
        "create_index" | "create_unique_constraint" | "create_primary_key" | "create_check_constraint" => {
            on_table(walk, call, &table(1, "table_name")?, 1)?
        }
        "create_foreign_key" => on_table(walk, call, &table(1, "source_table").or_else(|| table(1, "source"))?, 1)?,
        "drop_index" | "drop_constraint" => {
            let table = table(1, "table_name").or_else(|| call.name.contains("index").then(String::new))?;
            on_table(walk, call, &table, 1)?
        }
        "bulk_insert" => vec![insert(walk, call)?],
        "get_bind" | "get_context" | "f" | "create_table_comment" | "drop_table_comment" => Vec::new(),
        "add_column" | "drop_column" | "alter_column" => on_table(walk, call, &table(0, "table_name")?, 1)?,
        _ => return None,
    })
}

/// Methods that a batch has too; `skip` is 1 where the table is an argument.
fn on_table(walk: &Walk, call: &Call, table: &str, skip: usize) -> Option<Vec<Item>> {
    let line = call.line;
    let text =
        |position: usize, name: &str| walk.text(call.arg(position, name)).or_else(|| name_of(walk, call.arg(position, name)?));
    let owned = table.to_owned();
    let add = |kind: ConstraintKind, name: Option<String>, not_valid: bool| {
        let constraint = Constraint { name, kind, not_valid };
        vec![Item::new(line, Change::AddConstraint { table: owned.clone(), constraint })]
    };
    // `create_index(name, table, columns)`: the table stands behind the name.
    let columns = |name: &str| walk.texts(call.arg(1 + skip, name));
    Some(match call.name.as_str() {
        "add_column" => {
            let made = call.arg(skip, "column")?.as_call()?;
            vec![Item::new(line, Change::AddColumn { table: owned, column: column(walk, made)?, if_not_exists: false })]
        }
        "drop_column" => {
            let if_exists = call.flag("if_exists") == Some(true);
            vec![Item::new(line, Change::DropColumn { table: owned, column: text(skip, "column_name")?, if_exists })]
        }
        "alter_column" => alter_column(walk, call, table, &text(skip, "column_name")?),
        "create_index" => {
            let columns = match call.arg(1 + skip, "columns").map(|value| walk.resolve(value)) {
                Some(Value::List(list)) => list.iter().map(|value| expression(walk, value)).collect(),
                _ => return None,
            };
            let condition = ["postgresql_where", "sqlite_where"]
                .iter()
                .find_map(|name| call.keyword(name))
                .map(|value| expression(walk, value));
            let unique = call.arg(2 + skip + 1, "unique").and_then(Value::as_bool) == Some(true);
            let if_not_exists = call.flag("if_not_exists") == Some(true);
            let name = text(0, "index_name");
            vec![Item::new(line, Change::CreateIndex { table: owned, name, columns, unique, condition, if_not_exists })]
        }
        "drop_index" => {
            let if_exists = call.flag("if_exists") == Some(true);
            vec![Item::new(line, Change::DropIndex { table: owned, name: text(0, "index_name")?, if_exists })]
        }
        "drop_constraint" => {
            let name = text(0, "constraint_name")?;
            let kind = walk.text(call.keyword("type_").or_else(|| call.args.get(1 + skip)));
            let change = match kind.as_deref() {
                Some("foreignkey") => Change::DropForeignKey { table: owned, name },
                Some("primary") if walk.dialect.is_mysql() => Change::DropPrimaryKey { table: owned },
                Some("unique") if walk.dialect.is_mysql() => Change::DropIndex { table: owned, name, if_exists: false },
                _ => Change::DropConstraint { table: owned, name, if_exists: false },
            };
            vec![Item::new(line, change)]
        }
        "create_unique_constraint" => add(ConstraintKind::Unique(columns("columns")), text(0, "constraint_name"), false),
        "create_primary_key" => add(ConstraintKind::PrimaryKey(columns("columns")), text(0, "constraint_name"), false),
        "create_check_constraint" => {
            let kind = ConstraintKind::Check(expression(walk, call.arg(1 + skip, "condition")?));
            add(kind, text(0, "constraint_name"), call.flag("postgresql_not_valid") == Some(true))
        }
        "create_foreign_key" => {
            let to = text(1 + skip, "referent_table").or_else(|| text(1 + skip, "referent"))?;
            let to = match walk.text(call.keyword("referent_schema")) {
                Some(schema) => format!("{schema}.{to}"),
                None => to,
            };
            let action = |name: &str| walk.text(call.keyword(name)).unwrap_or_default();
            let reference = Reference {
                table: to,
                columns: walk.texts(call.arg(3 + skip, "remote_cols")),
                on_delete: action("ondelete"),
                on_update: action("onupdate"),
            };
            let own = walk.texts(call.arg(2 + skip, "local_cols"));
            add(
                ConstraintKind::ForeignKey(own, reference),
                text(0, "constraint_name"),
                call.flag("postgresql_not_valid") == Some(true),
            )
        }
        _ => return None,
    })
}

/// `op.f("name")`, `sa.text("…")`.
fn name_of(walk: &Walk, value: &Value) -> Option<String> {
    match walk.resolve(value) {
        Value::Call(call) if call.called => walk.text(call.args.first()),
        _ => None,
    }
}

fn expression(walk: &Walk, value: &Value) -> String {
    walk.text(Some(value)).or_else(|| name_of(walk, value)).unwrap_or_else(|| "''".into())
}

fn execute(walk: &Walk, call: &Call) -> Item {
    let arg = call.arg(0, "sqltext");
    match arg.map(|value| walk.resolve(value)) {
        Some(Value::Call(inner)) if inner.name == "text" => sql_item(walk, call.line, inner.args.first()),
        Some(Value::Call(inner)) => data(walk, call, inner),
        _ => sql_item(walk, call.line, arg),
    }
}

/// `table.update().where(…).values(a=…)`: the table and columns are what the chain says.
fn data(walk: &Walk, call: &Call, inner: &Call) -> Item {
    let chain = inner.chain();
    let table = |value: &Value| match walk.resolve(value) {
        Value::Call(made) if made.name.eq_ignore_ascii_case("table") => walk.text(made.args.first()),
        _ => None,
    };
    let quote = |text: &str| super::lower::quote_name(text, walk.dialect);
    for (at, link) in chain.iter().enumerate() {
        let named = link.receiver.as_ref().and_then(table).or_else(|| link.args.first().and_then(table));
        let Some(name) = named else { continue };
        let filter = if chain.iter().any(|link| link.name == "where") { " WHERE 1 = (SELECT 1)" } else { "" };
        match link.name.as_str() {
            "update" => {
                let set: Vec<String> = assigned(walk, &chain[at..]);
                if !set.is_empty() {
                    return Item::new(call.line, Change::Sql(format!("UPDATE {} SET {}{filter}", quote(&name), set.join(", "))));
                }
            }
            "delete" => return Item::new(call.line, Change::Sql(format!("DELETE FROM {}{filter}", quote(&name)))),
            "insert" => {
                let keys: Vec<String> = values_of(&chain[at..]).into_iter().map(|(key, _)| key).collect();
                return Item::new(call.line, Change::Sql(insertion(walk, &quote(&name), &keys)));
            }
            _ => {}
        }
    }
    let head = format!("execute {}", inner.path());
    Item::new(call.line, Change::Opaque { head, why: "a statement put together elsewhere".into() })
}

/// What `values(…)` of a chain names.
fn values_of<'a>(chain: &[&'a Call]) -> Vec<(String, &'a Value)> {
    let links = chain.iter().filter(|link| link.name == "values");
    let pairs = links.flat_map(|link| {
        let named = link.keywords.iter().map(|(key, value)| (key.clone(), value));
        let mapped = link.args.iter().flat_map(|arg| match arg {
            Value::Map(entries) => entries.iter().map(|(key, value)| (last_name(key), value)).collect(),
            _ => Vec::new(),
        });
        named.chain(mapped).collect::<Vec<_>>()
    });
    pairs.collect()
}

/// `column = value`, where the value is a literal or another column (`t.c.name`).
fn assigned(walk: &Walk, chain: &[&Call]) -> Vec<String> {
    let quote = |text: &str| super::lower::quote(text, walk.dialect);
    let value = |value: &Value| {
        let path = value.path();
        match path.rsplit_once(".c.") {
            Some((_, column)) => quote(column),
            None => walk.sql(value).unwrap_or_else(|| "NULL".into()),
        }
    };
    values_of(chain).into_iter().map(|(key, given)| format!("{} = {}", quote(&key), value(given))).collect()
}

fn last_name(value: &Value) -> String {
    match value {
        Value::Text { text, .. } => text.clone(),
        other => other.path().rsplit('.').next().unwrap_or("").to_owned(),
    }
}

fn insert(walk: &Walk, call: &Call) -> Option<Item> {
    let Value::Call(made) = walk.resolve(call.args.first()?) else { return None };
    let table = super::lower::quote_name(&walk.text(made.args.first())?, walk.dialect);
    let rows = match call.args.get(1).map(|value| walk.resolve(value)) {
        Some(Value::List(rows)) => rows.as_slice(),
        _ => &[],
    };
    let keys = match rows.first() {
        Some(Value::Map(entries)) => entries.iter().map(|(key, _)| last_name(key)).collect(),
        _ => Vec::new(),
    };
    Some(Item::new(call.line, Change::Sql(insertion(walk, &table, &keys))))
}

/// The columns are what matters; what goes into them is the program's.
fn insertion(walk: &Walk, table: &str, keys: &[String]) -> String {
    if keys.is_empty() {
        return format!("INSERT INTO {table} SELECT 1");
    }
    let columns: Vec<String> = keys.iter().map(|key| super::lower::quote(key, walk.dialect)).collect();
    let values = vec!["''"; keys.len()].join(", ");
    format!("INSERT INTO {table} ({}) VALUES ({values})", columns.join(", "))
}

fn create_table(walk: &Walk, call: &Call, table: &str) -> Vec<Item> {
    let (mut columns, mut constraints, mut after) = (Vec::new(), Vec::new(), Vec::new());
    for arg in call.args.iter().skip(1) {
        let Some(part) = walk.resolve(arg).as_call() else {
            after.push(unknown(call));
            continue;
        };
        let named = || walk.text(part.keyword("name")).or_else(|| name_of(walk, part.keyword("name")?));
        let texts = || part.args.iter().filter_map(|arg| walk.text(Some(arg))).collect::<Vec<_>>();
        let kind = match part.name.as_str() {
            "Column" => {
                match column(walk, part) {
                    Some(column) => {
                        after.extend(index_of(table, part, &column));
                        columns.push(column);
                    }
                    None => after.push(unknown(part)),
                }
                continue;
            }
            "PrimaryKeyConstraint" => ConstraintKind::PrimaryKey(texts()),
            "UniqueConstraint" => ConstraintKind::Unique(texts()),
            "CheckConstraint" => {
                ConstraintKind::Check(part.args.first().map(|value| expression(walk, value)).unwrap_or_default())
            }
            "ForeignKeyConstraint" => match foreign(walk, part) {
                Some(kind) => kind,
                None => {
                    after.push(unknown(part));
                    continue;
                }
            },
            "Index" => {
                let columns = part.args.iter().skip(1).map(|value| expression(walk, value)).collect();
                let name = part.args.first().and_then(|value| walk.text(Some(value)).or_else(|| name_of(walk, value)));
                let unique = part.flag("unique") == Some(true);
                let condition = part.keyword("postgresql_where").map(|value| expression(walk, value));
                let table = table.to_owned();
                let index = Change::CreateIndex { table, name, columns, unique, condition, if_not_exists: false };
                after.push(Item::new(part.line, index));
                continue;
            }
            _ => {
                after.push(unknown(part));
                continue;
            }
        };
        constraints.push(Constraint { name: named(), kind, not_valid: false });
    }
    count_key(&mut columns, &mut constraints);
    let if_not_exists = call.flag("if_not_exists") == Some(true);
    let create = Change::CreateTable { table: table.to_owned(), columns, constraints, if_not_exists };
    let mut out = enums(walk, call);
    out.push(Item::new(call.line, create));
    out.append(&mut after);
    out
}

/// PostgreSQL's named enums come before the table (`sqlalchemy.dialects.postgresql.named_types`).
fn enums(walk: &Walk, call: &Call) -> Vec<Item> {
    let parts = call.args.iter().filter_map(|arg| walk.resolve(arg).as_call()).filter(|part| part.name == "Column");
    let kinds = parts.flat_map(|part| part.args.iter()).filter_map(|arg| walk.resolve(arg).as_call());
    let named = kinds.filter(|kind| kind.name.eq_ignore_ascii_case("enum") && walk.dialect == Dialect::PostgreSql);
    let made = named.filter(|kind| kind.flag("create_type") != Some(false) && kind.flag("native_enum") != Some(false));
    made.filter_map(|kind| {
        let name = super::lower::quote_name(&walk.text(kind.keyword("name"))?, walk.dialect);
        let labels = kind.args.iter().filter_map(|arg| walk.text(Some(arg)));
        let labels: Vec<String> = labels.map(|text| super::lower::literal(&text, walk.dialect)).collect();
        Some(Item::new(kind.line, Change::Sql(format!("CREATE TYPE {name} AS ENUM ({})", labels.join(", ")))))
    })
    .collect()
}

/// A key of one integer column counts by itself, whichever way it is declared.
fn count_key(columns: &mut [Column], constraints: &mut [Constraint]) {
    let own: Vec<String> = columns.iter().filter(|column| column.primary_key).map(|column| column.name.clone()).collect();
    let keyed = constraints.iter().find_map(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey(columns) => Some(columns.clone()),
        _ => None,
    });
    let key = keyed.unwrap_or(own);
    for column in columns.iter_mut().filter(|column| key.len() == 1 && key[0] == column.name) {
        let counted = matches!(column.sql_type.as_str(), "integer" | "bigint" | "smallint");
        column.identity |= counted && column.references.is_none() && column.default.is_none();
    }
}

fn index_of(table: &str, part: &Call, column: &Column) -> Option<Item> {
    (part.flag("index") == Some(true)).then(|| {
        let name = Some(format!("ix_{}_{}", table.replace('.', "_"), column.name));
        let columns = vec![column.name.clone()];
        Item::new(
            part.line,
            Change::CreateIndex {
                table: table.to_owned(),
                name,
                columns,
                unique: column.unique,
                condition: None,
                if_not_exists: false,
            },
        )
    })
}

fn foreign(walk: &Walk, part: &Call) -> Option<ConstraintKind> {
    let own = walk.texts(part.args.first());
    let to = walk.texts(part.args.get(1));
    let (table, _) = to.first()?.rsplit_once('.')?;
    let columns = to.iter().filter_map(|text| text.rsplit_once('.')).map(|(_, column)| column.to_owned()).collect();
    let action = |name: &str| walk.text(part.keyword(name)).unwrap_or_default();
    let reference = Reference { table: table.to_owned(), columns, on_delete: action("ondelete"), on_update: action("onupdate") };
    Some(ConstraintKind::ForeignKey(own, reference))
}

/// `sa.Column("name", sa.String(10), sa.ForeignKey("t.id"), nullable=False, server_default=…)`.
fn column(walk: &Walk, call: &Call) -> Option<Column> {
    let name = walk.text(call.arg(0, "name"))?;
    let mut made = Column {
        name,
        sql_type: String::new(),
        not_null: call.flag("nullable") == Some(false),
        default: server_default(walk, call.keyword("server_default")),
        primary_key: call.flag("primary_key") == Some(true),
        unique: call.flag("unique") == Some(true),
        ..Column::default()
    };
    for arg in call.args.iter().skip(1).chain(call.keyword("type_")) {
        match walk.resolve(arg) {
            Value::Call(part) if part.name == "ForeignKey" => {
                let to = walk.text(part.args.first())?;
                let (table, column) = to.rsplit_once('.')?;
                let action = |name: &str| walk.text(part.keyword(name)).unwrap_or_default();
                let (on_delete, on_update) = (action("ondelete"), action("onupdate"));
                made.reference_name =
                    part.keyword("name").and_then(|value| walk.text(Some(value)).or_else(|| name_of(walk, value)));
                made.references = Some(Reference { table: table.into(), columns: vec![column.into()], on_delete, on_update });
            }
            Value::Call(part) if part.name == "Computed" => {
                made.generated = walk.text(part.args.first()).map(|text| (text, true));
            }
            Value::Call(part) if part.name == "Identity" => made.identity = true,
            value @ Value::Call(_) if made.sql_type.is_empty() => made.sql_type = sql_type(walk, value),
            _ => {}
        }
    }
    if made.sql_type.is_empty() {
        made.sql_type = "integer".into();
    }
    Some(made)
}

fn server_default(walk: &Walk, value: Option<&Value>) -> Option<String> {
    match walk.resolve(value?) {
        Value::Null | Value::Bool(false) => None,
        Value::Call(call) if call.name == "text" || call.name == "literal_column" => walk.text(call.args.first()),
        Value::Call(call) if matches!(call.name.as_str(), "false" | "true") => Some(walk.truth(call.name == "true")),
        Value::Call(call) if matches!(call.name.as_str(), "now" | "current_timestamp" | "utcnow") => {
            Some("CURRENT_TIMESTAMP".into())
        }
        Value::Call(call) if call.name == "FetchedValue" => None,
        value => walk.sql(value),
    }
}

fn sql_type(walk: &Walk, value: &Value) -> String {
    let Value::Call(call) = walk.resolve(value) else { return "text".into() };
    let name = call.name.to_lowercase();
    let digits = |position: usize, name: &str| match call.arg(position, name).map(|value| walk.resolve(value)) {
        Some(Value::Number(number)) => Some(number.clone()),
        _ => None,
    };
    let dialect = walk.dialect;
    match name.as_str() {
        "array" => {
            let base = call.args.first().map_or_else(|| "text".to_owned(), |value| sql_type(walk, value));
            return if dialect == Dialect::PostgreSql { format!("{base}[]") } else { base };
        }
        "enum" => {
            let labels: Vec<String> = call
                .args
                .iter()
                .filter_map(|arg| walk.text(Some(arg)))
                .map(|text| super::lower::literal(&text, dialect))
                .collect();
            if dialect.is_mysql() && !labels.is_empty() {
                return format!("ENUM({})", labels.join(", "));
            }
            let native = call.flag("native_enum") != Some(false) && dialect == Dialect::PostgreSql;
            return walk.text(call.keyword("name")).filter(|_| native).unwrap_or_else(|| "varchar".into());
        }
        "variant" | "with_variant" => {
            return call.receiver.as_ref().map_or_else(|| "text".to_owned(), |value| sql_type(walk, value));
        }
        "datetime" | "timestamp" if call.flag("timezone") == Some(true) && dialect == Dialect::PostgreSql => {
            return "timestamptz".into();
        }
        _ => {}
    }
    let base = TYPES.iter().find(|row| row.0 == name).map_or(name.as_str(), |row| pick(row, dialect));
    let base = if base.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ' ' || c == '(' || c == ')') {
        base
    } else {
        "text"
    };
    match base {
        "varchar" | "char" | "nvarchar" | "varbinary" | "bit" => match digits(0, "length") {
            Some(length) => format!("{base}({length})"),
            None if dialect.is_mysql() => format!("{base}(255)"),
            None => base.to_owned(),
        },
        "numeric" | "decimal" => match (digits(0, "precision"), digits(1, "scale")) {
            (Some(precision), Some(scale)) => format!("{base}({precision},{scale})"),
            (Some(precision), None) => format!("{base}({precision})"),
            _ => base.to_owned(),
        },
        _ => base.to_owned(),
    }
}

fn alter_column(walk: &Walk, call: &Call, table: &str, column: &str) -> Vec<Item> {
    if let Some(text) = redefined(walk, call, table, column) {
        return vec![Item::new(call.line, Change::Sql(text))];
    }
    let (table, mut column) = (table.to_owned(), column.to_owned());
    let mut out = Vec::new();
    if let Some(value) = call.keyword("type_") {
        let using = walk.text(call.keyword("postgresql_using"));
        out.push(Change::SetType { table: table.clone(), column: column.clone(), sql_type: sql_type(walk, value), using });
    }
    if let Some(value) = call.keyword("server_default") {
        let default = server_default(walk, Some(value));
        out.push(Change::SetDefault { table: table.clone(), column: column.clone(), default });
    }
    if let Some(nullable) = call.flag("nullable") {
        out.push(Change::SetNotNull { table: table.clone(), column: column.clone(), not_null: !nullable });
    }
    let renamed = walk.text(call.keyword("new_column_name")).or_else(|| walk.text(call.keyword("name")));
    if let Some(to) = renamed.filter(|to| *to != column) {
        let from = std::mem::replace(&mut column, to.clone());
        out.push(Change::RenameColumn { table, from, to });
    }
    if out.is_empty() {
        out.push(Change::Harmless);
    }
    out.into_iter().map(|change| Item::new(call.line, change)).collect()
}

/// MySQL writes the whole column anew: what the call does not say is lost (`alembic.ddl.mysql.MySQLImpl.alter_column`).
fn redefined(walk: &Walk, call: &Call, table: &str, column: &str) -> Option<String> {
    let renamed = walk.text(call.keyword("new_column_name")).or_else(|| walk.text(call.keyword("name")));
    let anew = renamed.is_some() || ["type_", "nullable", "autoincrement"].iter().any(|name| call.keyword(name).is_some());
    if !walk.dialect.is_mysql() || !anew {
        return None;
    }
    let kind = sql_type(walk, call.keyword("type_").or_else(|| call.keyword("existing_type"))?);
    let nullable = call.flag("nullable").or_else(|| call.flag("existing_nullable")) != Some(false);
    let default = server_default(walk, call.keyword("server_default").or_else(|| call.keyword("existing_server_default")));
    let counted = call.flag("autoincrement").or_else(|| call.flag("existing_autoincrement")) == Some(true);
    let quote = |text: &str| super::lower::quote(text, walk.dialect);
    let head = match renamed {
        Some(to) => format!("CHANGE {} {}", quote(column), quote(&to)),
        None => format!("MODIFY {}", quote(column)),
    };
    let null = if nullable { " NULL" } else { " NOT NULL" };
    let count = if counted { " AUTO_INCREMENT" } else { "" };
    let default = default.map_or(String::new(), |text| format!(" DEFAULT {text}"));
    let table = super::lower::quote_name(table, walk.dialect);
    Some(format!("ALTER TABLE {table} {head} {kind}{null}{count}{default}"))
}
