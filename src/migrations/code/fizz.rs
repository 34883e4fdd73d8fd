//! Fizz, the language of pop's migrations (gobuffalo/fizz: `fizz/table.go`, `fizz/columns.go`, `translators/*.go`).
//!
//! It is Go's template language Plush, whose calls and blocks look like Ruby's as far as migrations go.

use super::ast::{Call, Node, NodeKind, Value};
use super::change::{Change, Column, Constraint, ConstraintKind, Item, Reference};
use super::rails::pick;
use super::walk::{Vocabulary, Walk, sql_item, unknown};
use super::{CodeMigration, DownKind, Header, lower};
use crate::sql::dialect::Dialect;

/// Type, PostgreSQL, MySQL, SQLite; `{n}` is the size, `{p}` precision and scale in their parentheses. Others go through as they are.
const TYPES: &[(&str, &str, &str, &str)] = &[
    ("string", "varchar({n})", "varchar({n})", "text"),
    ("text", "text", "text", "text"),
    ("uuid", "uuid", "char(36)", "char(36)"),
    ("timestamp", "timestamp", "datetime", "datetime"),
    ("time", "timestamptz", "datetime", "datetime"),
    ("datetime", "timestamptz", "datetime", "datetime"),
    ("int", "integer", "integer", "integer"),
    ("integer", "integer", "integer", "integer"),
    ("bool", "bool", "bool", "bool"),
    ("boolean", "boolean", "boolean", "numeric"),
    ("date", "date", "date", "numeric"),
    ("float", "decimal{p}", "float{p}", "real"),
    ("decimal", "decimal{p}", "decimal{p}", "decimal"),
    ("blob", "bytea", "blob", "blob"),
    ("[]byte", "bytea", "blob", "blob"),
    ("[]string", "varchar[]", "[]string", "[]string"),
    ("[]float", "decimal[]", "[]float", "[]float"),
    ("[]int", "integer[]", "[]int", "[]int"),
    ("json", "jsonb", "json", "text"),
];

struct Fizz;

/// Reads one file: what it does is its `up`, whichever way the file is for.
pub(super) fn read(nodes: &[Node], dialect: Dialect) -> CodeMigration {
    let walk = Walk::with_properties(nodes, dialect);
    let up = lower::lower(&walk.body(nodes, &Fizz), dialect);
    CodeMigration { up, down: None, down_kind: DownKind::Missing, header: Header::default(), transactional: None }
}

impl Vocabulary for Fizz {
    fn call(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        let of = Of { walk, call };
        let table = || of.text(0);
        let change = match call.name.as_str() {
            "create_table" => return of.create_table(),
            "sql" | "raw" => return Some(vec![sql_item(walk, call.line, call.args.first())]),
            "drop_table" => Change::DropTable { table: table()?, if_exists: false, cascade: false },
            "rename_table" => Change::RenameTable { from: table()?, to: of.text(1)? },
            "add_column" => Change::AddColumn { table: table()?, column: of.column(1)?, if_not_exists: false },
            "change_column" => return of.change_column(),
            "drop_column" => Change::DropColumn { table: table()?, column: of.text(1)?, if_exists: false },
            "rename_column" => Change::RenameColumn { table: table()?, from: of.text(1)?, to: of.text(2)? },
            "add_index" => of.index(&table()?, 1),
            "drop_index" => Change::DropIndex { table: table()?, name: of.text(1)?, if_exists: false },
            "rename_index" => Change::RenameIndex { table: table()?, from: of.text(1)?, to: of.text(2)? },
            "add_foreign_key" => Change::AddConstraint { constraint: of.foreign(&table()?, 1)?, table: table()? },
            "drop_foreign_key" => Change::DropForeignKey { table: table()?, name: of.text(1)? },
            _ => return None,
        };
        Some(vec![Item::new(call.line, change)])
    }
}

/// A call with what it stands in.
struct Of<'a> {
    walk: &'a Walk,
    call: &'a Call,
}

/// A table while its block is read.
struct Made {
    table: String,
    columns: Vec<Column>,
    constraints: Vec<Constraint>,
    /// Indexes, and what was not understood.
    rest: Vec<Item>,
    timestamps: bool,
}

impl Of<'_> {
    fn text(&self, position: usize) -> Option<String> {
        self.walk.text(self.call.args.get(position))
    }

    fn create_table(&self) -> Option<Vec<Item>> {
        let timestamps = self.call.flag("timestamps") != Some(false);
        let mut made = Made { table: self.text(0)?, columns: Vec::new(), constraints: Vec::new(), rest: Vec::new(), timestamps };
        for node in self.call.block.iter().flat_map(|block| &block.body) {
            match &node.kind {
                NodeKind::Expr(Value::Call(call)) => {
                    let line = Of { walk: self.walk, call };
                    if line.part(&mut made).is_none() {
                        made.rest.push(unknown(call));
                    }
                }
                _ => return None,
            }
        }
        Some(made.items(self.call.line, self.walk.dialect))
    }

    /// One line of the block: `t.Column(…)`.
    fn part(&self, made: &mut Made) -> Option<()> {
        let call = self.call;
        match call.name.as_str() {
            "Column" => {
                let column = self.column(0)?;
                // The table builder puts `id` first.
                let at = if column.name == "id" { 0 } else { made.columns.len() };
                made.columns.insert(at, column);
            }
            "Timestamp" => made.columns.push(timestamp(&self.text(0)?, self.walk.dialect)),
            "Timestamps" => made.timestamps = true,
            "DisableTimestamps" => made.timestamps = false,
            "PrimaryKey" => {
                let columns = call.args.iter().map(|arg| self.walk.text(Some(arg))).collect::<Option<Vec<_>>>()?;
                made.constraints.push(Constraint { name: None, kind: ConstraintKind::PrimaryKey(columns), not_valid: false });
            }
            "Index" => made.rest.push(Item::new(call.line, self.index(&made.table, 0))),
            "ForeignKey" => {
                // Inside CREATE TABLE it gets no name.
                let constraint = Constraint { name: None, ..self.foreign(&made.table, 0)? };
                made.constraints.push(constraint);
            }
            _ => return None,
        }
        Some(())
    }

    /// `"name", "type", {options}` from a position on.
    fn column(&self, position: usize) -> Option<Column> {
        let (name, kind) = (self.text(position)?, self.text(position + 1)?);
        let primary_key = self.call.option("primary").is_some();
        let default = self.call.option("default").map(|value| self.walk.resolve(value)).filter(|value| **value != Value::Null);
        let raw = self.call.option_text("default_raw").map(str::to_owned);
        let counts = kind.to_lowercase().ends_with("int") || kind == "integer";
        Some(Column {
            sql_type: self.sql_type(&kind),
            not_null: primary_key || !self.takes_null(),
            default: raw.or_else(|| default.and_then(|value| self.walk.sql(value))),
            identity: primary_key && counts && self.walk.dialect != Dialect::PostgreSql,
            primary_key,
            name,
            ..Column::default()
        })
    }

    /// The option alone makes it so, whatever it says; MySQL's translator knows `"false"`.
    fn takes_null(&self) -> bool {
        let given = self.call.option("null").filter(|value| **value != Value::Null);
        given.is_some_and(|value| !self.walk.dialect.is_mysql() || value.as_text() != Some("false"))
    }

    fn sql_type(&self, kind: &str) -> String {
        let Some(row) = TYPES.iter().find(|row| row.0 == kind) else { return kind.to_owned() };
        let size = self.walk.number(self.call, "size").unwrap_or_else(|| "255".to_owned());
        pick(row, self.walk.dialect).replace("{n}", &size).replace("{p}", &self.walk.digits(self.call))
    }

    /// PostgreSQL keeps the default that no option names; MySQL's MODIFY and SQLite's new table do not.
    fn change_column(&self) -> Option<Vec<Item>> {
        let (table, column) = (self.text(0)?, self.column(1)?);
        let keeps = self.walk.dialect == Dialect::PostgreSql && column.default.is_none();
        let name = column.name;
        let mut changes = vec![
            Change::SetType { table: table.clone(), column: name.clone(), sql_type: column.sql_type, using: None },
            Change::SetNotNull { table: table.clone(), column: name.clone(), not_null: column.not_null },
        ];
        if !keeps {
            changes.push(Change::SetDefault { table, column: name, default: column.default });
        }
        Some(changes.into_iter().map(|change| Item::new(self.call.line, change)).collect())
    }

    fn index(&self, table: &str, position: usize) -> Change {
        let columns = self.walk.texts(self.call.args.get(position));
        let given = self.call.option_text("name").map(str::to_owned);
        let name = given.unwrap_or_else(|| format!("{table}_{}_idx", columns.join("_")));
        let unique = self.call.flag("unique") == Some(true);
        Change::CreateIndex { table: table.to_owned(), name: Some(name), columns, unique, condition: None, if_not_exists: false }
    }

    /// `"column", {"table": ["column"]}, {options}` from a position on.
    fn foreign(&self, table: &str, position: usize) -> Option<Constraint> {
        let column = self.text(position)?;
        let Value::Map(entries) = self.walk.resolve(self.call.args.get(position + 1)?) else { return None };
        let [(parent, columns)] = entries.as_slice() else { return None };
        let (parent, columns) = (parent.as_text()?.to_owned(), self.walk.texts(Some(columns)));
        let action = |key: &str| self.call.option_text(key).unwrap_or_default().to_owned();
        let given = self.call.option_text("name").map(str::to_owned);
        let name = given.unwrap_or_else(|| format!("{table}_{parent}_{}_fk", columns.join("_")));
        let reference = Reference { table: parent, columns, on_delete: action("on_delete"), on_update: action("on_update") };
        Some(Constraint { name: Some(name), kind: ConstraintKind::ForeignKey(vec![column], reference), not_valid: false })
    }
}

fn timestamp(name: &str, dialect: Dialect) -> Column {
    let row = TYPES.iter().find(|row| row.0 == "timestamp");
    let sql_type = row.map_or("timestamp", |row| pick(row, dialect)).to_owned();
    Column { name: name.to_owned(), sql_type, not_null: true, ..Column::default() }
}

impl Made {
    fn items(mut self, line: u32, dialect: Dialect) -> Vec<Item> {
        for name in ["created_at", "updated_at"] {
            if self.timestamps && !self.columns.iter().any(|column| column.name == name) {
                self.columns.push(timestamp(name, dialect));
            }
        }
        let create =
            Change::CreateTable { table: self.table, columns: self.columns, constraints: self.constraints, if_not_exists: false };
        std::iter::once(Item::new(line, create)).chain(self.rest).collect()
    }
}
