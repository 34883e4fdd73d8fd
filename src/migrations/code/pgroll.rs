//! pgroll (`pkg/migrations/op_*.go`) and Reshape (`src/migrations/*.rs`): operations of expand and contract.
//!
//! What a migration leaves behind once it is complete is read: before that, the version schema of the old release still stands and
//! the tool itself can go back. After it, neither tool has a way down.

use super::change::{Change, Column, Constraint, ConstraintKind, Item, Reference};
use super::changelog::tree::{self, Node};
use super::lower::lower;
use super::{CodeMigration, DownKind, Header};
use crate::sql::dialect::Dialect;

const NO_WAY_BACK: &str = "a completed migration is not rolled back";

/// A file of pgroll, in YAML or JSON.
pub(super) fn read(text: &str, dialect: Dialect) -> CodeMigration {
    let mut items = Vec::new();
    match tree::yaml(text) {
        Ok(root) => match root.child("operations") {
            Some(list) => list.children.iter().for_each(|node| items.extend(operation(node))),
            None if root.values.iter().any(|(key, _)| key == "operations") => {}
            None => items.push(opaque(1, "operations", "the file has no operations")),
        },
        Err((line, why)) => items.push(opaque(line, "operations", &format!("the file is not read: {why}"))),
    }
    done(items, dialect)
}

/// Reshape's actions have forms of their own that are not taken apart: one opaque statement for each.
pub(super) fn reshape(text: &str, dialect: Dialect) -> CodeMigration {
    let kind = |line: &str| {
        let (key, value) = line.trim().trim_end_matches(',').split_once(['=', ':'])?;
        let name = value.trim().trim_matches('"');
        let plain = name.contains('_') && name.chars().all(|c| c.is_ascii_lowercase() || c == '_') || name == "custom";
        (key.trim().trim_matches('"') == "type" && plain).then(|| name.to_owned())
    };
    let found = text.lines().zip(1u32..).filter_map(|(line, number)| Some((number, kind(line)?)));
    let mut items: Vec<Item> = found.map(|(line, name)| opaque(line, &name, "an action that is not taken apart")).collect();
    if items.is_empty() {
        items.push(opaque(1, "actions", "the file is not taken apart"));
    }
    done(items, dialect)
}

fn done(items: Vec<Item>, dialect: Dialect) -> CodeMigration {
    let down_kind = DownKind::Irreversible(NO_WAY_BACK.into());
    CodeMigration { up: lower(&items, dialect), down: None, down_kind, header: Header::default(), transactional: Some(false) }
}

fn opaque(line: u32, head: &str, why: &str) -> Item {
    Item::new(line, Change::Opaque { head: head.to_owned(), why: why.to_owned() })
}

/// What an operation leaves; what is not known or lacks a part is opaque.
fn operation(node: &Node) -> Vec<Item> {
    let changes = known(node);
    match changes {
        Some(changes) => changes.into_iter().map(|change| Item::new(node.line, change)).collect(),
        None => vec![opaque(node.line, &node.name, "an operation that is not known, or lacks a part")],
    }
}

fn known(node: &Node) -> Option<Vec<Change>> {
    let text = |key: &str| node.value(key).map(str::to_owned);
    let table = || text("table");
    Some(match node.name.as_str() {
        "create_table" => vec![create_table(node)?],
        "drop_table" => vec![Change::DropTable { table: text("name")?, if_exists: true, cascade: false }],
        "rename_table" => vec![Change::RenameTable { from: text("from")?, to: text("to")? }],
        "add_column" => {
            let about = node.child("column")?;
            let mut changes = vec![Change::AddColumn { table: table()?, column: column(about)?, if_not_exists: false }];
            changes.extend(constraints(about, &table()?));
            changes
        }
        "drop_column" => vec![Change::DropColumn { table: table()?, column: text("column")?, if_exists: false }],
        "rename_column" => vec![Change::RenameColumn { table: table()?, from: text("from")?, to: text("to")? }],
        "alter_column" => alter_column(node, table()?, text("column")?)?,
        "create_index" => vec![create_index(node)?],
        "drop_index" => vec![Change::DropIndex { table: String::new(), name: text("name")?, if_exists: true }],
        "drop_constraint" | "drop_multicolumn_constraint" => {
            vec![Change::DropConstraint { table: table()?, name: text("name")?, if_exists: false }]
        }
        "create_constraint" => vec![Change::AddConstraint { table: table()?, constraint: constraint(node)? }],
        "sql" => vec![Change::Sql(text("up")?)],
        "set_replica_identity" => vec![Change::Harmless],
        _ => return None,
    })
}

fn create_table(node: &Node) -> Option<Change> {
    let table = node.value("name")?.to_owned();
    // Items of a list are joined into one node, so that columns are read from where each begins.
    let (mut columns, mut listed) = (Vec::new(), Vec::new());
    for about in node.child("columns")?.items() {
        let made = column(&about)?;
        listed.extend(parts(&about, &made.name));
        columns.push(made);
    }
    let items = node.child("constraints").map(Node::items).unwrap_or_default();
    let constraints: Option<Vec<Constraint>> = items.iter().map(constraint).collect();
    listed.extend(constraints?);
    Some(Change::CreateTable { table, columns, constraints: listed, if_not_exists: false })
}

/// Columns are NOT NULL unless they say otherwise (`Column.IsNullable`).
fn column(about: &Node) -> Option<Column> {
    let generated = about.child("generated").filter(|generated| generated.value("expression").is_none());
    Some(Column {
        name: about.value("name")?.to_owned(),
        sql_type: about.value("type")?.to_owned(),
        not_null: about.flag("nullable") != Some(true),
        default: about.value("default").map(str::to_owned),
        primary_key: about.flag("pk") == Some(true),
        unique: about.flag("unique") == Some(true),
        identity: generated.is_some(),
        generated: about.child("generated").and_then(|node| node.value("expression")).map(|text| (text.to_owned(), true)),
        ..Column::default()
    })
}

/// Check and foreign key of a column.
fn parts(about: &Node, column: &str) -> Vec<Constraint> {
    let made = |node: &Node, kind| Constraint { name: node.value("name").map(str::to_owned), kind, not_valid: false };
    let check =
        about.child("check").and_then(|node| Some(made(node, ConstraintKind::Check(node.value("constraint")?.to_owned()))));
    let foreign = about.child("references").and_then(|node| {
        let reference = reference(node, node.value("column").map(str::to_owned).into_iter().collect())?;
        Some(made(node, ConstraintKind::ForeignKey(vec![column.to_owned()], reference)))
    });
    check.into_iter().chain(foreign).collect()
}

fn constraints(about: &Node, table: &str) -> Vec<Change> {
    let name = about.value("name").unwrap_or("");
    let listed = parts(about, name).into_iter();
    listed.map(|constraint| Change::AddConstraint { table: table.to_owned(), constraint }).collect()
}

fn reference(node: &Node, columns: Vec<String>) -> Option<Reference> {
    let action = |key: &str| node.value(key).unwrap_or("").to_owned();
    let table = node.value("table")?.to_owned();
    Some(Reference { table, columns, on_delete: action("on_delete"), on_update: action("on_update") })
}

fn list(node: &Node, key: &str) -> Vec<String> {
    let own = node.value(key).map(str::to_owned).into_iter();
    let listed = node.child(key).map(Node::texts).unwrap_or_default();
    if listed.is_empty() { own.collect() } else { listed }
}

fn constraint(node: &Node) -> Option<Constraint> {
    let columns = list(node, "columns");
    let kind = match node.value("type")? {
        "unique" => ConstraintKind::Unique(columns),
        "primary_key" => ConstraintKind::PrimaryKey(columns),
        "check" => ConstraintKind::Check(node.value("check")?.to_owned()),
        "foreign_key" => {
            let about = node.child("references")?;
            ConstraintKind::ForeignKey(columns, reference(about, list(about, "columns"))?)
        }
        _ => return None,
    };
    Some(Constraint { name: Some(node.value("name")?.to_owned()), kind, not_valid: false })
}

/// The new column that takes the old one's name is filled by `up`: the type changes through that expression.
fn alter_column(node: &Node, table: String, column: String) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    if let Some(kind) = node.value("type") {
        let (table, column, sql_type) = (table.clone(), column.clone(), kind.to_owned());
        changes.push(Change::SetType { table, column, sql_type, using: node.value("up").map(str::to_owned) });
    }
    if let Some(nullable) = node.flag("nullable") {
        changes.push(Change::SetNotNull { table: table.clone(), column: column.clone(), not_null: !nullable });
    }
    if let Some(default) = node.value("default") {
        let default = Some(default.to_owned()).filter(|text| !text.eq_ignore_ascii_case("null"));
        changes.push(Change::SetDefault { table: table.clone(), column: column.clone(), default });
    }
    if let Some(unique) = node.child("unique") {
        let name = unique.value("name").map(str::to_owned);
        let kind = ConstraintKind::Unique(vec![column.clone()]);
        changes.push(Change::AddConstraint { table: table.clone(), constraint: Constraint { name, kind, not_valid: false } });
    }
    for constraint in parts(node, &column) {
        changes.push(Change::AddConstraint { table: table.clone(), constraint });
    }
    if let Some(to) = node.value("name") {
        changes.push(Change::RenameColumn { table, from: column, to: to.to_owned() });
    }
    let harmless = node.values.iter().any(|(key, _)| key == "comment");
    if changes.is_empty() && harmless {
        changes.push(Change::Harmless);
    }
    (!changes.is_empty()).then_some(changes)
}

fn create_index(node: &Node) -> Option<Change> {
    let mut columns = list(node, "columns");
    if columns.is_empty() {
        columns = node.child("columns")?.children.iter().map(|child| child.name.clone()).collect();
    }
    Some(Change::CreateIndex {
        table: node.value("table")?.to_owned(),
        name: Some(node.value("name")?.to_owned()),
        columns,
        unique: node.flag("unique") == Some(true),
        condition: node.value("predicate").map(str::to_owned),
        if_not_exists: false,
    })
}
