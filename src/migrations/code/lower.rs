//! Changes to the statements that the catalog replays.
//!
//! Tables and columns are written as SQL of the dialect and read again, so that types, defaults and constraints mean what the
//! reader of SQL says. Alterations become operations at once: dialects write them in too many ways, and SQLite cannot.

use super::change::{Change, Column, Constraint, ConstraintKind, Item, Reference};
use crate::sql::dialect::Dialect;
use crate::sql::name::{Ident, Name};
use crate::sql::read::read_script;
use crate::sql::statement::{BlockKind, ColumnChange, ColumnDef, CreateTable, IdentityKind, Op, Statement, TableAction};

const RISKY: [&str; 7] = ["DROP", "DELETE", "TRUNCATE", "ALTER", "RENAME", "UPDATE", "REPLACE"];

/// The statements of all items, numbered from 1.
pub(super) fn lower(items: &[Item], dialect: Dialect) -> Vec<Statement> {
    let mut out: Vec<Statement> = Vec::new();
    for item in items {
        match &item.change {
            Change::Sql(text) => out.extend(script(text, item.line, dialect, false)),
            Change::Group(items) => out.extend(lower(items, dialect)),
            Change::Templated(text) => out.extend(script(text, item.line, dialect, true)),
            change => out.push(Statement { number: 0, line: item.line, ops: operations(change, dialect), templated: false }),
        }
    }
    for (number, statement) in out.iter_mut().enumerate() {
        statement.number = number as u32 + 1;
    }
    out
}

fn script(text: &str, line: u32, dialect: Dialect, templated: bool) -> Vec<Statement> {
    let mut statements = read_script(text, dialect);
    for statement in &mut statements {
        statement.line = line + statement.line.saturating_sub(1);
        statement.templated |= templated;
    }
    statements
}

fn operations(change: &Change, dialect: Dialect) -> Vec<Op> {
    let op = match change {
        Change::Harmless => Op::Harmless,
        Change::Opaque { head, why } => opaque(head, why),
        Change::Conditional(items) => Op::Block { kind: BlockKind::Conditional, body: lower(items, dialect) },
        Change::CreateTable { table, columns, constraints, if_not_exists } => {
            create_table(table, columns, constraints, *if_not_exists, dialect)
        }
        Change::DropTable { table, if_exists, cascade } => {
            Op::DropTable { tables: vec![name(table, dialect)], if_exists: *if_exists, cascade: *cascade, temporary: false }
        }
        Change::RenameTable { from, to } => {
            Op::RenameTable { from: name(from, dialect), to: name(to, dialect), if_exists: false }
        }
        Change::CreateIndex { .. } => return create_index(change, dialect),
        Change::DropIndex { table, name: index, if_exists } => Op::DropIndex {
            indexes: vec![index_name(table, index, dialect)],
            table: dialect.is_mysql().then(|| name(table, dialect)),
            concurrently: false,
            if_exists: *if_exists,
            cascade: false,
        },
        Change::RenameIndex { table, from, to } => Op::RenameIndex {
            from: index_name(table, from, dialect),
            to: ident(to, dialect),
            table: dialect.is_mysql().then(|| name(table, dialect)),
            if_exists: false,
        },
        _ => return alteration(change, dialect),
    };
    vec![op]
}

fn alteration(change: &Change, dialect: Dialect) -> Vec<Op> {
    let (table, action) = match change {
        Change::AddColumn { table, column, if_not_exists } => match column_def(column, dialect) {
            Some(column) => (table, TableAction::AddColumn { column, if_not_exists: *if_not_exists }),
            None => return vec![opaque("add column", "its type is not understood")],
        },
        Change::DropColumn { table, column, if_exists } => {
            let column = ident(column, dialect);
            (table, TableAction::DropColumn { column, if_exists: *if_exists, cascade: false })
        }
        Change::RenameColumn { table, from, to } => {
            (table, TableAction::RenameColumn { from: ident(from, dialect), to: ident(to, dialect) })
        }
        Change::AddConstraint { table, constraint } => match constraint_def(constraint, dialect) {
            Some(constraint) => (table, TableAction::AddConstraint(constraint)),
            None => return vec![opaque("add constraint", "its definition is not understood")],
        },
        Change::DropConstraint { table, name, if_exists } => {
            let name = ident(name, dialect);
            (table, TableAction::DropConstraint { name, if_exists: *if_exists, cascade: false })
        }
        Change::DropPrimaryKey { table } => (table, TableAction::DropPrimaryKey { cascade: false }),
        Change::DropForeignKey { table, name } => {
            let name = ident(name, dialect);
            let action = match dialect.is_mysql() {
                true => TableAction::DropForeignKey { name, if_exists: false },
                false => TableAction::DropConstraint { name, if_exists: false, cascade: false },
            };
            (table, action)
        }
        Change::SetType { table, column, .. }
        | Change::SetDefault { table, column, .. }
        | Change::SetNotNull { table, column, .. } => match column_change(change, dialect) {
            Some(change) => (table, TableAction::AlterColumn { column: ident(column, dialect), change, if_exists: false }),
            None => return vec![opaque("alter column", "its definition is not understood")],
        },
        _ => return Vec::new(),
    };
    vec![Op::AlterTable { table: name(table, dialect), if_exists: false, only: false, action }]
}

fn column_change(change: &Change, dialect: Dialect) -> Option<ColumnChange> {
    Some(match change {
        Change::SetType { sql_type, using, .. } => {
            let plain = Column { name: "c".into(), sql_type: sql_type.clone(), ..Column::default() };
            let data_type = column_def(&plain, dialect)?.data_type?;
            let using = match using {
                Some(text) => Some(default_expr(text, dialect)?),
                None => None,
            };
            ColumnChange::Type { data_type, using }
        }
        Change::SetDefault { default: Some(text), .. } => ColumnChange::SetDefault(default_expr(text, dialect)?),
        Change::SetDefault { .. } => ColumnChange::DropDefault,
        Change::SetNotNull { not_null: true, .. } => ColumnChange::SetNotNull,
        _ => ColumnChange::DropNotNull,
    })
}

/// An expression, read where every dialect takes one.
fn default_expr(text: &str, dialect: Dialect) -> Option<crate::sql::expression::Expr> {
    let tokens = crate::sql::lexer::lex(text, dialect);
    let cursor = crate::sql::cursor::Cursor::new(text, &tokens, dialect);
    (!tokens.is_empty()).then(|| crate::sql::read::expression::expr(cursor))
}

fn create_table(table: &str, columns: &[Column], constraints: &[Constraint], if_not_exists: bool, dialect: Dialect) -> Op {
    match read_table(table, columns, constraints, dialect) {
        Some(mut created) => {
            created.if_not_exists = if_not_exists;
            Op::CreateTable(created)
        }
        None => opaque(&format!("create table {table}"), "a column or constraint of it is not understood"),
    }
}

fn read_table(table: &str, columns: &[Column], constraints: &[Constraint], dialect: Dialect) -> Option<Box<CreateTable>> {
    let mut parts: Vec<String> = columns.iter().map(|column| column_sql(column, dialect)).collect();
    parts.extend(constraints.iter().map(|constraint| constraint_sql(constraint, dialect)));
    let text = format!("CREATE TABLE {} ({})", quote_name(table, dialect), parts.join(", "));
    let mut created = read_script(&text, dialect).into_iter().flat_map(|statement| statement.ops).find_map(|op| match op {
        Op::CreateTable(created) => Some(created),
        _ => None,
    })?;
    for (made, column) in created.columns.iter_mut().zip(columns) {
        if column.identity && made.identity.is_none() {
            made.identity = Some(IdentityKind::Serial);
        }
    }
    for (made, constraint) in created.constraints.iter_mut().zip(constraints) {
        made.not_valid |= constraint.not_valid;
    }
    (created.columns.len() == columns.len()).then_some(created)
}

fn column_def(column: &Column, dialect: Dialect) -> Option<ColumnDef> {
    read_table("t", std::slice::from_ref(column), &[], dialect).and_then(|table| table.columns.into_iter().next())
}

fn constraint_def(constraint: &Constraint, dialect: Dialect) -> Option<crate::sql::statement::Constraint> {
    let column = Column { name: "c".into(), sql_type: "integer".into(), ..Column::default() };
    let table = read_table("t", &[column], std::slice::from_ref(constraint), dialect)?;
    table.constraints.into_iter().next()
}

fn create_index(change: &Change, dialect: Dialect) -> Vec<Op> {
    let Change::CreateIndex { table, name, columns, unique, condition, if_not_exists } = change else { return Vec::new() };
    let parts: Vec<String> = columns.iter().map(|column| index_part(column, dialect)).collect();
    let unique = if *unique { "UNIQUE " } else { "" };
    let name = quote(name.as_deref().unwrap_or("unnamed"), dialect);
    let condition = condition.as_ref().map_or(String::new(), |text| format!(" WHERE {text}"));
    let text = format!("CREATE {unique}INDEX {name} ON {} ({}){condition}", quote_name(table, dialect), parts.join(", "));
    let mut ops: Vec<Op> = read_script(&text, dialect).into_iter().flat_map(|statement| statement.ops).collect();
    for op in &mut ops {
        if let Op::CreateIndex(index) = op {
            index.if_not_exists = *if_not_exists;
        }
    }
    ops
}

/// A plain word is a column, anything else an expression.
fn index_part(text: &str, dialect: Dialect) -> String {
    let plain = text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if plain { quote(text, dialect) } else { text.to_owned() }
}

fn column_sql(column: &Column, dialect: Dialect) -> String {
    let mut out = format!("{} {}", quote(&column.name, dialect), column.sql_type);
    if let Some((expression, stored)) = &column.generated {
        out += &format!(" GENERATED ALWAYS AS ({expression}){}", if *stored { " STORED" } else { "" });
    }
    if let Some(default) = &column.default {
        out += &format!(" DEFAULT {default}");
    }
    if column.not_null {
        out += " NOT NULL";
    }
    if column.primary_key {
        out += " PRIMARY KEY";
    }
    if column.unique {
        out += &named(column.unique_name.as_ref(), dialect);
        out += " UNIQUE";
    }
    if let Some(check) = &column.check {
        out += &format!(" CHECK ({check})");
    }
    if let Some(reference) = &column.references {
        out += &named(column.reference_name.as_ref(), dialect);
        out += &reference_sql(reference, dialect);
    }
    out
}

fn named(name: Option<&String>, dialect: Dialect) -> String {
    name.map_or(String::new(), |name| format!(" CONSTRAINT {}", quote(name, dialect)))
}

fn constraint_sql(constraint: &Constraint, dialect: Dialect) -> String {
    let list = |columns: &[String]| columns.iter().map(|column| index_part(column, dialect)).collect::<Vec<_>>().join(", ");
    let head = constraint.name.as_ref().map_or(String::new(), |name| format!("CONSTRAINT {} ", quote(name, dialect)));
    head + &match &constraint.kind {
        ConstraintKind::PrimaryKey(columns) => format!("PRIMARY KEY ({})", list(columns)),
        ConstraintKind::Unique(columns) => format!("UNIQUE ({})", list(columns)),
        ConstraintKind::Check(text) => format!("CHECK ({text})"),
        ConstraintKind::ForeignKey(columns, reference) => {
            format!("FOREIGN KEY ({}){}", list(columns), reference_sql(reference, dialect))
        }
    }
}

fn reference_sql(reference: &Reference, dialect: Dialect) -> String {
    let mut out = format!(" REFERENCES {}", quote_name(&reference.table, dialect));
    if !reference.columns.is_empty() {
        let columns: Vec<String> = reference.columns.iter().map(|column| quote(column, dialect)).collect();
        out += &format!(" ({})", columns.join(", "));
    }
    for (word, action) in [("DELETE", &reference.on_delete), ("UPDATE", &reference.on_update)] {
        let action = action.to_uppercase().replace('_', " ");
        if matches!(action.as_str(), "CASCADE" | "SET NULL" | "RESTRICT" | "SET DEFAULT" | "NO ACTION") {
            out += &format!(" ON {word} {action}");
        }
    }
    out
}

fn opaque(head: &str, why: &str) -> Op {
    let upper = head.to_uppercase();
    let risky = RISKY.into_iter().filter(|word| upper.contains(word)).collect();
    Op::Opaque { head: head.to_owned(), risky, why: why.to_owned() }
}

/// A name as the framework writes it, quoted.
pub(super) fn quote(text: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::MySql | Dialect::MariaDb => format!("`{}`", text.replace('`', "``")),
        Dialect::MsSql => format!("[{}]", text.replace(']', "]]")),
        _ => format!("\"{}\"", text.replace('"', "\"\"")),
    }
}

pub(super) fn quote_name(text: &str, dialect: Dialect) -> String {
    match text.split_once('.') {
        Some((schema, name)) => format!("{}.{}", quote(schema, dialect), quote(name, dialect)),
        None => quote(text, dialect),
    }
}

/// A string literal.
pub(super) fn literal(text: &str, dialect: Dialect) -> String {
    let text = text.replace('\'', "''");
    let text = if dialect.is_mysql() { text.replace('\\', "\\\\") } else { text };
    format!("'{text}'")
}

fn ident(text: &str, dialect: Dialect) -> Ident {
    Ident::stored(dialect, text)
}

fn name(text: &str, dialect: Dialect) -> Name {
    match text.split_once('.') {
        Some((schema, _)) if schema == dialect.default_schema() => {
            Name::bare(ident(text.split_once('.').map_or(text, |(_, name)| name), dialect))
        }
        Some((schema, name)) => Name { schema: Some(ident(schema, dialect)), name: ident(name, dialect) },
        None => Name::bare(ident(text, dialect)),
    }
}

/// An index stands in its table's schema.
fn index_name(table: &str, index: &str, dialect: Dialect) -> Name {
    match table.split_once('.') {
        Some((schema, _)) if !index.contains('.') && !dialect.is_mysql() => name(&format!("{schema}.{index}"), dialect),
        _ => name(index, dialect),
    }
}
