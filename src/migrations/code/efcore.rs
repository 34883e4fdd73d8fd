//! EF Core: methods of `MigrationBuilder` (`src/EFCore.Relational/Migrations/MigrationBuilder.cs`) and of the builders that its
//! lambdas get; types of the providers' `TypeMappingSource` where a call does not write one.

use super::CodeMigration;
use super::ast::{Call, Function, Node, NodeKind, Value};
use super::change::{Change, Column, Constraint, ConstraintKind, Item, Reference};
use super::lower::{quote, quote_name};
use super::object::{delete, insert, update};
use super::rails::pick;
use super::script::{both, class_name, common};
use super::walk::{Vocabulary, Walk};
use crate::sql::dialect::Dialect;

/// Type of C#, Npgsql, Pomelo for MySQL, SQLite.
const TYPES: &[(&str, &str, &str, &str)] = &[
    ("string", "text", "longtext", "TEXT"),
    ("int", "integer", "int", "INTEGER"),
    ("long", "bigint", "bigint", "INTEGER"),
    ("short", "smallint", "smallint", "INTEGER"),
    ("byte", "smallint", "tinyint unsigned", "INTEGER"),
    ("uint", "bigint", "int unsigned", "INTEGER"),
    ("ulong", "numeric(20,0)", "bigint unsigned", "INTEGER"),
    ("bool", "boolean", "tinyint(1)", "INTEGER"),
    ("float", "real", "float", "REAL"),
    ("double", "double precision", "double", "REAL"),
    ("decimal", "numeric", "decimal(65,30)", "TEXT"),
    ("Guid", "uuid", "char(36)", "TEXT"),
    ("DateTime", "timestamp with time zone", "datetime(6)", "TEXT"),
    ("DateTimeOffset", "timestamp with time zone", "datetime(6)", "TEXT"),
    ("DateOnly", "date", "date", "TEXT"),
    ("TimeOnly", "time", "time(6)", "TEXT"),
    ("TimeSpan", "interval", "time(6)", "TEXT"),
    ("byte[]", "bytea", "longblob", "BLOB"),
    ("char", "character(1)", "varchar(1)", "TEXT"),
];

/// Keys of annotations that say how a number is made.
const COUNTED: [&str; 3] = ["ValueGenerationStrategy", "Identity", "Autoincrement"];

struct EfCore;

pub(super) fn read(nodes: &[Node], dialect: Dialect) -> CodeMigration {
    let mut read = both(&Walk::with_properties(nodes, dialect), "Up", "Down", &EfCore);
    read.header.id = class_name(nodes);
    read
}

impl Vocabulary for EfCore {
    fn call(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        // `.Annotation(…)` follows the call that it belongs to.
        let chain = call.chain();
        let main = chain.iter().rev().find(|link| !link.name.ends_with("Annotation"))?;
        main.receiver.as_ref()?;
        let found = Of { walk, call: main }.changes(&chain);
        match found {
            Some(changes) => Some(changes.into_iter().map(|change| Item::new(main.line, change)).collect()),
            None => rows(walk, main).or_else(|| common(walk, main)),
        }
    }
}

struct Of<'a> {
    walk: &'a Walk,
    call: &'a Call,
}

impl Of<'_> {
    fn text(&self, position: usize, key: &str) -> Option<String> {
        self.walk.text(self.call.arg(position, key))
    }

    fn named(&self, key: &str) -> Option<String> {
        self.walk.text(self.call.keyword(key))
    }

    fn in_schema(&self, name: Option<String>) -> Option<String> {
        let name = name?;
        Some(self.named("schema").map_or(name.clone(), |schema| format!("{schema}.{name}")))
    }

    /// The table of an operation on a part of it, which is its second argument.
    fn table(&self) -> Option<String> {
        self.in_schema(self.text(1, "table"))
    }

    /// `column: "a"` or `columns: new[] { "a", "b" }`.
    fn columns(&self, one: &str, many: &str) -> Vec<String> {
        self.walk.texts(self.call.keyword(one).or_else(|| self.call.keyword(many)))
    }

    fn changes(&self, chain: &[&Call]) -> Option<Vec<Change>> {
        let name = || self.text(0, "name");
        let new_name = || self.named("newName");
        let if_exists = false;
        Some(vec![match self.call.name.as_str() {
            "AddColumn" => Change::AddColumn { table: self.table()?, column: self.column(name()?, chain)?, if_not_exists: false },
            "AlterColumn" => return self.alter_column(),
            "DropColumn" => Change::DropColumn { table: self.table()?, column: name()?, if_exists },
            "RenameColumn" => Change::RenameColumn { table: self.table()?, from: name()?, to: self.text(2, "newName")? },
            "CreateTable" => self.create_table()?,
            "DropTable" => Change::DropTable { table: self.in_schema(name())?, if_exists, cascade: false },
            "RenameTable" => self.rename_table()?,
            "CreateIndex" => self.create_index()?,
            "DropIndex" => Change::DropIndex { table: self.table()?, name: name()?, if_exists },
            "RenameIndex" => Change::RenameIndex { table: self.table()?, from: name()?, to: new_name()? },
            "AddForeignKey" => self.add(self.foreign(self.columns("column", "columns"))?)?,
            "AddPrimaryKey" => self.add(ConstraintKind::PrimaryKey(self.columns("column", "columns")))?,
            "AddUniqueConstraint" => self.add(ConstraintKind::Unique(self.columns("column", "columns")))?,
            "AddCheckConstraint" | "CreateCheckConstraint" => self.add(ConstraintKind::Check(self.text(2, "sql")?))?,
            "DropForeignKey" => Change::DropForeignKey { table: self.table()?, name: name()? },
            "DropPrimaryKey" => Change::DropPrimaryKey { table: self.table()? },
            "DropUniqueConstraint" if self.walk.dialect.is_mysql() => {
                Change::DropIndex { table: self.table()?, name: name()?, if_exists }
            }
            "DropUniqueConstraint" | "DropCheckConstraint" => {
                Change::DropConstraint { table: self.table()?, name: name()?, if_exists }
            }
            "EnsureSchema" => Change::Sql(format!("CREATE SCHEMA IF NOT EXISTS {}", quote(&name()?, self.walk.dialect))),
            "DropSchema" => Change::Sql(format!("DROP SCHEMA {}", quote(&name()?, self.walk.dialect))),
            "CreateSequence" => Change::Sql(format!("CREATE SEQUENCE {}", self.quoted(name())?)),
            "DropSequence" => Change::Sql(format!("DROP SEQUENCE {}", self.quoted(name())?)),
            "AlterDatabase" => return alter_database(self.walk, chain),
            "AlterTable" => Change::Harmless,
            _ => return None,
        }])
    }

    fn quoted(&self, name: Option<String>) -> Option<String> {
        Some(quote_name(&self.in_schema(name)?, self.walk.dialect))
    }

    fn add(&self, kind: ConstraintKind) -> Option<Change> {
        let constraint = Constraint { name: self.text(0, "name"), kind, not_valid: false };
        Some(Change::AddConstraint { table: self.table()?, constraint })
    }

    fn foreign(&self, columns: Vec<String>) -> Option<ConstraintKind> {
        let table = self.named("principalTable")?;
        let action = |key: &str| self.call.keyword(key).map(|value| Reference::action(&value.path())).unwrap_or_default();
        let reference = Reference {
            table: self.named("principalSchema").map_or(table.clone(), |schema| format!("{schema}.{table}")),
            columns: self.columns("principalColumn", "principalColumns"),
            on_delete: action("onDelete"),
            on_update: action("onUpdate"),
        };
        Some(ConstraintKind::ForeignKey(columns, reference))
    }

    fn rename_table(&self) -> Option<Change> {
        let (name, schema) = (self.text(0, "name")?, self.named("schema"));
        let to = self.named("newName").unwrap_or_else(|| name.clone());
        let new_schema = self.named("newSchema").or_else(|| schema.clone());
        let whole = |schema: Option<String>, name: String| schema.map_or(name.clone(), |schema| format!("{schema}.{name}"));
        Some(Change::RenameTable { from: whole(schema, name), to: whole(new_schema, to) })
    }

    fn create_index(&self) -> Option<Change> {
        Some(Change::CreateIndex {
            table: self.table()?,
            name: self.text(0, "name"),
            columns: self.columns("column", "columns"),
            unique: self.call.flag("unique") == Some(true),
            condition: self.named("filter"),
            if_not_exists: false,
        })
    }

    fn sql_type(&self, written: &str, generic: &str) -> Option<String> {
        if let Some(text) = self.named(written) {
            return Some(text);
        }
        let kind = generic.trim_end_matches('?');
        let row = TYPES.iter().find(|row| row.0 == kind)?;
        match (kind, self.call.keyword("maxLength"), self.walk.dialect) {
            ("string", Some(Value::Number(length)), dialect) if dialect != Dialect::Sqlite => Some(format!("varchar({length})")),
            _ => Some(pick(row, self.walk.dialect).to_owned()),
        }
    }

    fn default(&self, value: &str, sql: &str) -> Option<String> {
        let text = self.call.keyword(sql).filter(|value| !matches!(value, Value::Null));
        let value = self.call.keyword(value).filter(|value| !matches!(value, Value::Null));
        self.walk.text(text).or_else(|| self.walk.sql(value?))
    }

    fn column(&self, name: String, chain: &[&Call]) -> Option<Column> {
        let counted = chain
            .iter()
            .filter(|link| link.name == "Annotation")
            .filter_map(|link| link.text(0))
            .any(|key| COUNTED.iter().any(|word| key.ends_with(word)));
        Some(Column {
            name,
            sql_type: self.sql_type("type", &self.call.generic)?,
            not_null: self.call.flag("nullable") != Some(true),
            default: self.default("defaultValue", "defaultValueSql"),
            identity: counted,
            generated: self.named("computedColumnSql").map(|text| (text, self.call.flag("stored") == Some(true))),
            ..Column::default()
        })
    }

    /// `MigrationsSqlGenerator.Generate(AlterColumnOperation)`: what differs from the old column; rows without a value get the
    /// default before the column refuses them.
    fn alter_column(&self) -> Option<Vec<Change>> {
        let (table, column) = (self.table()?, self.text(0, "name")?);
        let old_generic = self.call.keyword("oldClrType").and_then(type_of).unwrap_or_else(|| self.call.generic.clone());
        let (kind, old) = (self.sql_type("type", &self.call.generic)?, self.sql_type("oldType", &old_generic));
        let (nullable, was) = (self.call.flag("nullable") == Some(true), self.call.flag("oldNullable") == Some(true));
        let default = self.default("defaultValue", "defaultValueSql");
        let mut out = Vec::new();
        if let (true, Some(_)) = (was && !nullable, &default) {
            let (table, column) = (quote_name(&table, self.walk.dialect), quote(&column, self.walk.dialect));
            out.push(Change::Sql(format!("UPDATE {table} SET {column} = {} WHERE {column} IS NULL", default.clone()?)));
        }
        if old.as_ref() != Some(&kind) {
            out.push(Change::SetType { table: table.clone(), column: column.clone(), sql_type: kind, using: None });
        }
        if nullable != was {
            out.push(Change::SetNotNull { table: table.clone(), column: column.clone(), not_null: !nullable });
        }
        if default != self.default("oldDefaultValue", "oldDefaultValueSql") {
            out.push(Change::SetDefault { table, column, default });
        }
        if out.is_empty() {
            out.push(Change::Harmless);
        }
        Some(out)
    }

    fn create_table(&self) -> Option<Change> {
        let table = self.in_schema(self.text(0, "name"))?;
        let Value::Function(columns) = self.call.arg(1, "columns")? else { return None };
        let Value::Map(entries) = returned(columns)? else { return None };
        let columns: Option<Vec<Column>> = entries.iter().map(|(key, value)| self.defined(key.as_text()?, value)).collect();
        let constraints = match self.call.keyword("constraints") {
            Some(Value::Function(function)) => self.constraints(function)?,
            _ => Vec::new(),
        };
        Some(Change::CreateTable { table, columns: columns?, constraints, if_not_exists: false })
    }

    /// `Id = table.Column<int>(…).Annotation(…)`; `name:` gives a column another name than its property.
    fn defined(&self, property: &str, value: &Value) -> Option<Column> {
        let chain = value.as_call()?.chain();
        let call = chain.iter().find(|link| link.name == "Column")?;
        let of = Of { walk: self.walk, call };
        of.column(of.named("name").unwrap_or_else(|| property.to_owned()), &chain)
    }

    fn constraints(&self, function: &Function) -> Option<Vec<Constraint>> {
        let calls = function.body.iter().filter_map(|node| match &node.kind {
            NodeKind::Expr(value) | NodeKind::Return(Some(value)) => value.as_call(),
            _ => None,
        });
        calls.map(|call| self.constraint(call)).collect()
    }

    fn constraint(&self, call: &Call) -> Option<Constraint> {
        let chain = call.chain();
        let call = chain
            .iter()
            .find(|link| matches!(link.name.as_str(), "PrimaryKey" | "ForeignKey" | "UniqueConstraint" | "CheckConstraint"))?;
        let of = Of { walk: self.walk, call };
        let columns = || properties(call.arg(1, "columns").or_else(|| call.keyword("column")));
        let kind = match call.name.as_str() {
            "PrimaryKey" => ConstraintKind::PrimaryKey(columns()?),
            "UniqueConstraint" => ConstraintKind::Unique(columns()?),
            "CheckConstraint" => ConstraintKind::Check(of.text(1, "sql")?),
            _ => of.foreign(properties(call.keyword("column").or_else(|| call.arg(1, "columns")))?)?,
        };
        Some(Constraint { name: of.text(0, "name"), kind, not_valid: false })
    }
}

fn returned(function: &Function) -> Option<&Value> {
    function.body.iter().find_map(|node| match &node.kind {
        NodeKind::Expr(value) | NodeKind::Return(Some(value)) => Some(value),
        _ => None,
    })
}

/// `x => x.Id`, `x => new { x.A, x.B }`: names of properties, which are those of the columns.
fn properties(value: Option<&Value>) -> Option<Vec<String>> {
    let Value::Function(function) = value? else { return None };
    let name = |value: &Value| value.as_call().map(|call| call.name.clone());
    match returned(function)? {
        Value::List(list) => list.iter().map(name).collect(),
        value => name(value).map(|name| vec![name]),
    }
}

/// `typeof(int)`.
fn type_of(value: &Value) -> Option<String> {
    let name = value.as_call().map(|call| call.args.first().and_then(Value::as_call).unwrap_or(call).name.clone())?;
    Some(name)
}

/// Annotations of the database: extensions and collations change nothing that is there, enums are types.
fn alter_database(walk: &Walk, chain: &[&Call]) -> Option<Vec<Change>> {
    let mut out = vec![Change::Harmless];
    for link in chain.iter().filter(|link| link.name == "Annotation") {
        let Some(name) = walk.text(link.args.first()).and_then(|key| key.strip_prefix("Npgsql:Enum:").map(str::to_owned)) else {
            continue;
        };
        let again = chain.iter().any(|old| old.name == "OldAnnotation" && old.text(0) == link.text(0));
        let labels = walk.text(link.args.get(1))?;
        let labels: Vec<String> = labels.split(',').map(|label| super::lower::literal(label, walk.dialect)).collect();
        match again {
            true if chain.iter().any(|old| old.name == "OldAnnotation" && old.args == link.args) => {}
            true => return None,
            false => {
                let name = quote_name(&name, walk.dialect);
                out.push(Change::Sql(format!("CREATE TYPE {name} AS ENUM ({})", labels.join(", "))));
            }
        }
    }
    for link in chain.iter().filter(|link| link.name == "OldAnnotation") {
        let Some(name) = link.text(0).and_then(|key| key.strip_prefix("Npgsql:Enum:")) else { continue };
        if !chain.iter().any(|new| new.name == "Annotation" && new.text(0) == link.text(0)) {
            out.push(Change::Sql(format!("DROP TYPE {}", quote_name(name, walk.dialect))));
        }
    }
    Some(out)
}

/// `InsertData`, `UpdateData`, `DeleteData`.
fn rows(walk: &Walk, call: &Call) -> Option<Vec<Item>> {
    let of = Of { walk, call };
    let table = || of.in_schema(of.text(0, "table"));
    match call.name.as_str() {
        "InsertData" => {
            let mut columns = of.columns("column", "columns");
            if columns.is_empty() {
                columns = walk.texts(call.args.get(1));
            }
            (!columns.is_empty()).then(|| Some(vec![insert(walk, call.line, &table()?, &columns)]))?
        }
        "UpdateData" => {
            let columns = of.columns("column", "columns");
            (!columns.is_empty()).then(|| Some(vec![update(walk, call.line, &table()?, &columns, false)]))?
        }
        "DeleteData" => Some(vec![delete(walk, call.line, &table()?, false)]),
        _ => None,
    }
}
