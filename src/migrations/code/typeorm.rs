//! TypeORM: methods of `queryRunner` (`typeorm/src/query-runner/QueryRunner.ts`) with `Table`, `TableColumn`, `TableIndex`,
//! `TableForeignKey` and their like (`src/schema-builder/table`, `src/schema-builder/options`).

use super::CodeMigration;
use super::ast::{Call, Node, Value};
use super::change::{Change, Column, Constraint, ConstraintKind, Item, Reference};
use super::lower::{literal, quote, quote_name};
use super::object::{Object, objects};
use super::script::{both, class_name, common};
use super::walk::{Vocabulary, Walk};
use crate::sql::dialect::Dialect;

struct TypeOrm;

pub(super) fn read(nodes: &[Node], dialect: Dialect) -> CodeMigration {
    let mut read = both(&Walk::with_properties(nodes, dialect), "up", "down", &TypeOrm);
    read.header.id = class_name(nodes);
    read
}

impl Vocabulary for TypeOrm {
    fn call(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        call.receiver.as_ref()?;
        let changes = on_table(walk, call).or_else(|| on_parts(walk, call));
        match changes {
            Some(changes) => Some(changes.into_iter().map(|change| Item::new(call.line, change)).collect()),
            None => common(walk, call),
        }
    }
}

/// A name or a `Table`.
fn table_name(walk: &Walk, value: &Value) -> Option<String> {
    match Object::new(walk, value) {
        Some(object) => object.text("name"),
        None => walk.text(Some(value)),
    }
}

fn on_table(walk: &Walk, call: &Call) -> Option<Vec<Change>> {
    let table = || table_name(walk, call.args.first()?);
    let flag = |position: usize| call.args.get(position).and_then(Value::as_bool) == Some(true);
    Some(match call.name.as_str() {
        "createTable" => create_table(walk, call)?,
        "dropTable" => vec![Change::DropTable { table: table()?, if_exists: flag(1), cascade: false }],
        "renameTable" => vec![rename_table(table()?, walk.text(call.args.get(1))?)],
        "clearTable" => vec![Change::Sql(format!("TRUNCATE TABLE {}", quote_name(&table()?, walk.dialect)))],
        "addColumn" | "addColumns" => {
            let table = table()?;
            let objects = objects(walk, call.args.get(1)?)?;
            let columns: Option<Vec<Made>> = objects.iter().map(|object| column(object, &table)).collect();
            columns?.into_iter().flat_map(|made| made.added(&table)).collect()
        }
        "dropColumn" | "dropColumns" => {
            let table = table()?;
            let columns = names(walk, call.args.get(1)?)?;
            columns.into_iter().map(|column| Change::DropColumn { table: table.clone(), column, if_exists: false }).collect()
        }
        "renameColumn" => {
            let to = call.args.get(2)?;
            vec![Change::RenameColumn { table: table()?, from: table_name(walk, call.args.get(1)?)?, to: table_name(walk, to)? }]
        }
        "changeColumn" => change_column(walk, call, &table()?)?,
        "createSchema" => vec![Change::Sql(format!("CREATE SCHEMA {}", quote(&table()?, walk.dialect)))],
        "dropSchema" => vec![Change::Sql(format!("DROP SCHEMA {}", quote(&table()?, walk.dialect)))],
        "startTransaction" | "commitTransaction" | "rollbackTransaction" | "getTable" | "getTables" => Vec::new(),
        _ => return None,
    })
}

/// The new name is without a schema.
fn rename_table(from: String, to: String) -> Change {
    match from.split_once('.') {
        Some((schema, _)) if !to.contains('.') => Change::RenameTable { to: format!("{schema}.{to}"), from },
        _ => Change::RenameTable { from, to },
    }
}

/// Names of objects, or strings.
fn names(walk: &Walk, value: &Value) -> Option<Vec<String>> {
    match walk.resolve(value) {
        Value::List(list) => list.iter().map(|value| table_name(walk, value)).collect(),
        value => table_name(walk, value).map(|name| vec![name]),
    }
}

fn on_parts(walk: &Walk, call: &Call) -> Option<Vec<Change>> {
    let table = table_name(walk, call.args.first()?)?;
    let second = call.args.get(1);
    let each =
        |make: &dyn Fn(&Object) -> Option<Change>| -> Option<Vec<Change>> { objects(walk, second?)?.iter().map(make).collect() };
    let drops = |make: &dyn Fn(String) -> Change| Some(names(walk, second?)?.into_iter().map(make).collect::<Vec<Change>>());
    let drop_constraint = |name| Change::DropConstraint { table: table.clone(), name, if_exists: false };
    match call.name.as_str() {
        "createIndex" | "createIndices" => each(&|object| Some(index(object, &table))),
        "createForeignKey" | "createForeignKeys" => each(&|object| Some(add(&table, foreign(object)?))),
        "createUniqueConstraint" | "createUniqueConstraints" => each(&|object| Some(add(&table, unique(object)))),
        "createCheckConstraint" | "createCheckConstraints" => each(&|object| Some(add(&table, check(object)?))),
        "createPrimaryKey" => {
            let kind = ConstraintKind::PrimaryKey(walk.texts(second));
            Some(vec![add(&table, Constraint { name: None, kind, not_valid: false })])
        }
        "dropPrimaryKey" => Some(vec![Change::DropPrimaryKey { table }]),
        "dropIndex" | "dropIndices" => drops(&|name| Change::DropIndex { table: table.clone(), name, if_exists: false }),
        "dropForeignKey" | "dropForeignKeys" => drops(&|name| Change::DropForeignKey { table: table.clone(), name }),
        // MySQL's unique constraints are its indexes.
        "dropUniqueConstraint" | "dropUniqueConstraints" if walk.dialect.is_mysql() => {
            drops(&|name| Change::DropIndex { table: table.clone(), name, if_exists: false })
        }
        "dropUniqueConstraint" | "dropUniqueConstraints" | "dropCheckConstraint" | "dropCheckConstraints" => {
            drops(&drop_constraint)
        }
        _ => None,
    }
}

fn add(table: &str, constraint: Constraint) -> Change {
    Change::AddConstraint { table: table.to_owned(), constraint }
}

fn index(object: &Object, table: &str) -> Change {
    let columns = object.texts("columnNames");
    // Names that nobody gives are made of a digest (`DefaultNamingStrategy.indexName`); none is needed here.
    let name = object.text("name").unwrap_or_else(|| format!("IDX_{table}_{}", columns.join("_")));
    Change::CreateIndex {
        table: table.to_owned(),
        name: Some(name),
        columns,
        unique: object.is("isUnique"),
        condition: object.text("where"),
        if_not_exists: false,
    }
}

fn foreign(object: &Object) -> Option<Constraint> {
    let action = |key: &str| object.text(key).unwrap_or_default();
    let reference = Reference {
        table: object.text("referencedTableName")?,
        columns: object.texts("referencedColumnNames"),
        on_delete: action("onDelete"),
        on_update: action("onUpdate"),
    };
    let kind = ConstraintKind::ForeignKey(object.texts("columnNames"), reference);
    Some(Constraint { name: object.text("name"), kind, not_valid: false })
}

fn unique(object: &Object) -> Constraint {
    Constraint { name: object.text("name"), kind: ConstraintKind::Unique(object.texts("columnNames")), not_valid: false }
}

fn check(object: &Object) -> Option<Constraint> {
    let kind = ConstraintKind::Check(object.text("expression")?);
    Some(Constraint { name: object.text("name"), kind, not_valid: false })
}

/// A column, with the type that it needs on PostgreSQL.
struct Made {
    before: Option<Change>,
    column: Column,
}

impl Made {
    fn added(self, table: &str) -> Vec<Change> {
        let add = Change::AddColumn { table: table.to_owned(), column: self.column, if_not_exists: false };
        self.before.into_iter().chain([add]).collect()
    }
}

fn column(object: &Object, table: &str) -> Option<Made> {
    let name = object.text("name")?;
    let (before, sql_type) = data_type(object, table, &name)?;
    let strategy = object.text("generationStrategy");
    let strategy = strategy.as_deref();
    // MySQL and SQLite want the strategy written out (`buildCreateColumnSql` of each query runner).
    let plain = strategy.is_none() && object.walk.dialect == Dialect::PostgreSql && object.is("isGenerated");
    let (counted, uuid) = (plain || matches!(strategy, Some("increment" | "identity")), strategy == Some("uuid"));
    let default = object.get("default").and_then(default_sql);
    let column = Column {
        sql_type,
        not_null: !object.is("isNullable"),
        default: default.or_else(|| (uuid && object.walk.dialect == Dialect::PostgreSql).then(|| "uuid_generate_v4()".into())),
        identity: counted,
        primary_key: object.is("isPrimary"),
        unique: object.is("isUnique"),
        generated: object
            .text("asExpression")
            .map(|text| (text, object.text("generatedType").is_some_and(|kind| kind == "STORED"))),
        name,
        ..Column::default()
    };
    Some(Made { before, column })
}

/// Text of a default is SQL.
fn default_sql(value: &Value) -> Option<String> {
    match value {
        Value::Text { text, .. } => Some(text.clone()),
        Value::Number(number) => Some(number.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null => None,
        _ => Some("''".into()),
    }
}

fn data_type(object: &Object, table: &str, name: &str) -> Option<(Option<Change>, String)> {
    let dialect = object.walk.dialect;
    let kind = object.text("type")?;
    let labels: Vec<String> = object.texts("enum").iter().map(|label| literal(label, dialect)).collect();
    if matches!(kind.as_str(), "enum" | "simple-enum") && !labels.is_empty() {
        return Some(enum_type(object, table, name, &labels));
    }
    let digits = match (object.digits("length"), object.digits("precision"), object.digits("scale")) {
        (Some(length), ..) => format!("({length})"),
        (None, Some(precision), Some(scale)) => format!("({precision},{scale})"),
        (None, Some(precision), None) => format!("({precision})"),
        _ => String::new(),
    };
    let mut out = match kind.as_str() {
        "varchar" | "character varying" | "string" if digits.is_empty() && dialect.is_mysql() => "varchar(255)".to_owned(),
        "timestamp without time zone" | "timestamp with time zone" | "time with time zone" if !digits.is_empty() => {
            let (word, rest) = kind.split_once(' ').unwrap_or((&kind, ""));
            format!("{word}{digits} {rest}")
        }
        "string" => format!("varchar{digits}"),
        _ if kind.contains('(') => kind,
        _ => format!("{kind}{digits}"),
    };
    if object.is("unsigned") && dialect.is_mysql() {
        out += " unsigned";
    }
    if object.is("isArray") && dialect == Dialect::PostgreSql {
        out += "[]";
    }
    Some((None, out))
}

/// `PostgresQueryRunner.buildEnumName`: `<table>_<column>_enum`.
fn enum_type(object: &Object, table: &str, name: &str, labels: &[String]) -> (Option<Change>, String) {
    match object.walk.dialect {
        Dialect::PostgreSql => {
            let (schema, table) = table.split_once('.').unwrap_or(("public", table));
            let name = object.text("enumName").unwrap_or_else(|| format!("{table}_{name}_enum"));
            let name = quote_name(&format!("{schema}.{name}"), Dialect::PostgreSql);
            let array = if object.is("isArray") { "[]" } else { "" };
            (Some(Change::Sql(format!("CREATE TYPE {name} AS ENUM ({})", labels.join(", ")))), format!("{name}{array}"))
        }
        Dialect::MySql | Dialect::MariaDb => (None, format!("enum({})", labels.join(", "))),
        _ => (None, "varchar".into()),
    }
}

fn create_table(walk: &Walk, call: &Call) -> Option<Vec<Change>> {
    let object = Object::new(walk, call.args.first()?)?;
    let table = object.text("name")?;
    let made: Option<Vec<Made>> = object.objects("columns")?.iter().map(|object| column(object, &table)).collect();
    let (mut out, mut columns) = (Vec::new(), Vec::new());
    for made in made? {
        out.extend(made.before);
        columns.push(made.column);
    }
    let mut constraints: Vec<Constraint> = object.objects("foreignKeys")?.iter().map(foreign).collect::<Option<_>>()?;
    constraints.extend(object.objects("uniques")?.iter().map(unique));
    constraints.extend(object.objects("checks")?.iter().map(check).collect::<Option<Vec<_>>>()?);
    let keys: Vec<String> = columns.iter().filter(|column| column.primary_key).map(|column| column.name.clone()).collect();
    if keys.len() > 1 {
        columns.iter_mut().for_each(|column| column.primary_key = false);
        constraints.push(Constraint { name: None, kind: ConstraintKind::PrimaryKey(keys), not_valid: false });
    }
    let if_not_exists = call.args.get(1).and_then(Value::as_bool) == Some(true);
    let indexes = object.objects("indices")?.iter().map(|object| index(object, &table)).collect::<Vec<_>>();
    out.push(Change::CreateTable { table, columns, constraints, if_not_exists });
    out.extend(indexes);
    Some(out)
}

/// Where the type, length or kind of generation differs, the column is dropped and added again (`changeColumn` of each query
/// runner): to tell, both columns have to be written out.
fn change_column(walk: &Walk, call: &Call, table: &str) -> Option<Vec<Change>> {
    let (old, new) = (Object::new(walk, call.args.get(1)?)?, Object::new(walk, call.args.get(2)?)?);
    let made = column(&new, table)?;
    let same = ["type", "length", "isArray", "generatedType", "asExpression"].iter().all(|key| old.get(key) == new.get(key));
    let from = old.text("name")?;
    if !same {
        let drop = Change::DropColumn { table: table.to_owned(), column: from, if_exists: false };
        return Some([drop].into_iter().chain(made.added(table)).collect());
    }
    let (table, column) = (table.to_owned(), made.column);
    let mut out = Vec::new();
    if from != column.name {
        out.push(Change::RenameColumn { table: table.clone(), from, to: column.name.clone() });
    }
    let name = column.name;
    if old.is("isNullable") == column.not_null {
        out.push(Change::SetNotNull { table: table.clone(), column: name.clone(), not_null: column.not_null });
    }
    if old.get("default") != new.get("default") {
        out.push(Change::SetDefault { table: table.clone(), column: name.clone(), default: column.default });
    }
    if old.is("isUnique") != column.unique {
        // The name of the constraint is a digest.
        let kind = ConstraintKind::Unique(vec![name.clone()]);
        let constraint = Constraint { name: None, kind, not_valid: false };
        let why = "the name of the constraint is made by TypeORM".to_owned();
        let dropped = Change::Opaque { head: "drop unique".into(), why };
        out.push(if column.unique { Change::AddConstraint { table: table.clone(), constraint } } else { dropped });
    }
    if ["precision", "scale", "enum", "unsigned"].iter().any(|key| old.get(key) != new.get(key)) {
        out.push(Change::SetType { table, column: name, sql_type: column.sql_type, using: None });
    }
    Some(out)
}
