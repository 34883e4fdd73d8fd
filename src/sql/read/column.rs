//! Columns: name, type and what is written behind them.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::name::Ident;
use crate::sql::statement::{ColumnDef, Constraint, ConstraintKind, Generated, IdentityKind, IndexPart};

use super::constraint::{attributes, references};
use super::data_type::{add_implied, data_type, serial};
use super::words::expression_until;

/// Words that end a DEFAULT.
const AFTER_DEFAULT: [&str; 31] = [
    "NOT",
    "NULL",
    "CONSTRAINT",
    "PRIMARY",
    "UNIQUE",
    "CHECK",
    "REFERENCES",
    "COLLATE",
    "GENERATED",
    "AUTO_INCREMENT",
    "AUTOINCREMENT",
    "KEY",
    "COMMENT",
    "ON",
    "DEFERRABLE",
    "INITIALLY",
    "FIRST",
    "AFTER",
    "VISIBLE",
    "INVISIBLE",
    "STORAGE",
    "COLUMN_FORMAT",
    "ENABLE",
    "DISABLE",
    "WITH",
    "FOR",
    "IDENTITY",
    "ROWGUIDCOL",
    "AS",
    "COMPRESSED",
    "ENCODE",
];

/// The column definition that is next: `name type …`.
pub fn column(cursor: &mut Cursor) -> Option<ColumnDef> {
    let name = cursor.take_ident_or_text()?;
    Some(definition(cursor, name))
}

/// What stands behind a column's name.
pub fn definition(cursor: &mut Cursor, name: Ident) -> ColumnDef {
    let (written, identity) = (cursor.text_at(0), serial(cursor));
    let mut data_type = data_type(cursor);
    if let Some(data_type) = &mut data_type {
        add_implied(written, data_type, cursor.dialect);
    }
    let mut column = ColumnDef {
        name,
        data_type,
        not_null: identity.is_some(),
        default: None,
        generated: None,
        identity,
        on_update: false,
        constraints: Vec::new(),
    };
    while part(cursor, &mut column) {}
    column
}

/// One part behind the type; false where none is next.
fn part(cursor: &mut Cursor, column: &mut ColumnDef) -> bool {
    let name = constraint_name(cursor);
    nullability(cursor, column)
        || value(cursor, column)
        || key(cursor, column, &name)
        || rule(cursor, column, &name)
        || text(cursor, column)
        || storage(cursor)
        || name.is_some()
}

fn constraint_name(cursor: &mut Cursor) -> Option<Ident> {
    cursor.take_word("CONSTRAINT").then(|| cursor.take_ident_or_text())?
}

fn nullability(cursor: &mut Cursor, column: &mut ColumnDef) -> bool {
    if cursor.take(&["NOT", "NULL"]) {
        column.not_null = true;
    } else if !cursor.take_word("NULL") {
        return false;
    }
    conflict(cursor);
    cursor.take(&["NO", "INHERIT"]);
    true
}

/// SQLite's ON CONFLICT behind a column constraint.
fn conflict(cursor: &mut Cursor) {
    if cursor.take(&["ON", "CONFLICT"]) {
        cursor.skip();
    }
}

fn value(cursor: &mut Cursor, column: &mut ColumnDef) -> bool {
    if cursor.take(&["DEFAULT", "ON", "NULL"]) || cursor.take_word("DEFAULT") {
        column.default = Some(expression_until(cursor, &AFTER_DEFAULT));
    } else if cursor.take(&["ON", "UPDATE"]) {
        column.on_update = true;
        cursor.skip();
        cursor.take_parenthesised();
    } else if cursor.take_one_of(&["AUTO_INCREMENT", "AUTOINCREMENT"]).is_some() {
        column.identity = Some(IdentityKind::Serial);
    } else if cursor.dialect == Dialect::MsSql && cursor.take_word("IDENTITY") {
        column.identity = Some(IdentityKind::Always);
        cursor.take_parenthesised();
        cursor.take(&["NOT", "FOR", "REPLICATION"]);
    } else {
        return generated(cursor, column);
    }
    true
}

fn generated(cursor: &mut Cursor, column: &mut ColumnDef) -> bool {
    let always = cursor.take(&["GENERATED", "ALWAYS"]);
    let by_default = !always && cursor.take(&["GENERATED", "BY", "DEFAULT"]);
    if by_default {
        cursor.take(&["ON", "NULL"]);
    }
    if !cursor.take_word("AS") {
        return always || by_default;
    }
    if cursor.take_word("IDENTITY") {
        column.identity = Some(if always { IdentityKind::Always } else { IdentityKind::ByDefault });
        column.not_null = true;
        cursor.take_parenthesised();
        return true;
    }
    let Some(inside) = cursor.take_parenthesised() else {
        // SQL Server's temporal `AS ROW START`.
        cursor.take_count(2);
        return true;
    };
    let stored = cursor.take_one_of(&["STORED", "PERSISTENT", "PERSISTED"]).is_some();
    cursor.take_word("VIRTUAL");
    column.generated = Some(Generated { expression: super::expression::expr(inside), stored });
    true
}

fn key(cursor: &mut Cursor, column: &mut ColumnDef, name: &Option<Ident>) -> bool {
    let parts = vec![IndexPart { column: Some(column.name.clone()), expression: column_expression(&column.name), prefix: None }];
    let kind = if cursor.take(&["PRIMARY", "KEY"]) || (cursor.dialect.is_mysql() && cursor.take_word("KEY")) {
        cursor.take_one_of(&["ASC", "DESC"]);
        ConstraintKind::PrimaryKey { columns: parts, using_index: None }
    } else if cursor.take_word("UNIQUE") {
        cursor.take_word("KEY");
        let nulls_not_distinct = cursor.take(&["NULLS", "NOT", "DISTINCT"]);
        cursor.take(&["NULLS", "DISTINCT"]);
        ConstraintKind::Unique { columns: parts, nulls_not_distinct, using_index: None }
    } else {
        return false;
    };
    while cursor.take_one_of(&["CLUSTERED", "NONCLUSTERED"]).is_some() {}
    conflict(cursor);
    push(cursor, column, name, kind);
    true
}

fn column_expression(name: &Ident) -> crate::sql::expression::Expr {
    use crate::sql::expression::{ColumnRef, Expr, Shape};
    let column = ColumnRef { qualifier: None, column: name.clone() };
    Expr {
        shape: Shape::Column(column.clone()),
        columns: vec![column],
        functions: Vec::new(),
        tables: Vec::new(),
        text: name.key().to_owned(),
    }
}

fn rule(cursor: &mut Cursor, column: &mut ColumnDef, name: &Option<Ident>) -> bool {
    if cursor.is_word_at(0, "CHECK") {
        cursor.skip();
        cursor.take(&["NOT", "FOR", "REPLICATION"]);
        let Some(inside) = cursor.take_parenthesised() else { return true };
        push(cursor, column, name, ConstraintKind::Check { expression: super::expression::expr(inside) });
    } else if cursor.take(&["FOREIGN", "KEY", "REFERENCES"]) || cursor.take_word("REFERENCES") {
        let Some(key) = references(cursor, vec![column.name.clone()]) else { return true };
        push(cursor, column, name, ConstraintKind::ForeignKey(key));
    } else {
        return false;
    }
    true
}

fn push(cursor: &mut Cursor, column: &mut ColumnDef, name: &Option<Ident>, kind: ConstraintKind) {
    let mut constraint =
        Constraint { name: name.clone(), kind, not_valid: false, not_enforced: false, deferrable: false, if_not_exists: false };
    attributes_of_column(cursor, &mut constraint);
    column.constraints.push(constraint);
}

/// A COMMENT, NOT NULL or ON UPDATE that follows is the column's.
fn attributes_of_column(cursor: &mut Cursor, constraint: &mut Constraint) {
    if !cursor.is_one_of(&["COMMENT", "ON", "VISIBLE", "INVISIBLE"]) {
        attributes(cursor, constraint);
    }
}

fn text(cursor: &mut Cursor, column: &mut ColumnDef) -> bool {
    let is_charset = cursor.take(&["CHARACTER", "SET"]) || cursor.take_word("CHARSET");
    if !is_charset && !cursor.take_word("COLLATE") {
        return false;
    }
    cursor.take_symbol("=");
    let name = cursor.take_name().map(|name| name.name);
    if let (Some(data_type), Some(name)) = (&mut column.data_type, name) {
        let place = if is_charset { &mut data_type.charset } else { &mut data_type.collation };
        *place = Some(if cursor.dialect.is_mysql() { name.key() } else { name.as_str() }.to_owned());
    }
    true
}

/// Comments, visibility, storage and compression.
fn storage(cursor: &mut Cursor) -> bool {
    const ALONE: [&str; 10] =
        ["VISIBLE", "INVISIBLE", "SPARSE", "ROWGUIDCOL", "ENABLE", "DISABLE", "VIRTUAL", "STORED", "PERSISTENT", "DEFERRABLE"];
    const WITH_VALUE: [&str; 9] = [
        "COMMENT",
        "STORAGE",
        "COMPRESSION",
        "COLUMN_FORMAT",
        "SRID",
        "REF_SYSTEM_ID",
        "ENGINE_ATTRIBUTE",
        "INITIALLY",
        "ENCODE",
    ];
    if cursor.take_one_of(&ALONE).is_some() || cursor.take(&["WITHOUT", "SYSTEM", "VERSIONING"]) {
        return true;
    }
    if cursor.take(&["WITH", "VALUES"]) || cursor.take(&["WITH", "SYSTEM", "VERSIONING"]) {
        return true;
    }
    if cursor.take_one_of(&["COMPRESSED", "MASKED", "ENCRYPTED", "OPTIONS", "WITH"]).is_some() {
        cursor.take_word("WITH");
        cursor.take_symbol("=");
        cursor.take_parenthesised();
        return true;
    }
    if cursor.take_one_of(&WITH_VALUE).is_some() {
        cursor.take_symbol("=");
        return cursor.skip().is_some();
    }
    false
}
