//! Privileges, policies, roles, schemas and extensions.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::lexer::TokenKind;
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{Op, PolicyChange};

use super::words::{cascade, idents};

/// What stands behind GRANT.
pub fn grant(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let (_, objects) = privileges(cursor);
    Some(vec![Op::Grant { objects }])
}

/// What stands behind REVOKE.
pub fn revoke(cursor: &mut Cursor) -> Option<Vec<Op>> {
    cursor.take(&["GRANT", "OPTION", "FOR"]);
    let (privileges, objects) = privileges(cursor);
    Some(vec![Op::Revoke { objects, privileges }])
}

/// Privileges up to ON, and the tables behind it; roles and other objects are none.
fn privileges(cursor: &mut Cursor) -> (Vec<String>, Vec<Name>) {
    let is_end = |here: &Cursor| here.is_one_of(&["ON", "TO", "FROM"]);
    let parts = cursor.take_until(is_end).split_commas();
    let words = parts.iter().filter(|part| part.kind_at(0) == Some(TokenKind::Word)).map(|part| part.text_at(0).to_uppercase());
    let words = words.collect();
    let mut objects = Vec::new();
    if cursor.take_word("ON") {
        let is_table = cursor.take_word("TABLE");
        if is_table || !is_other_object(cursor) {
            objects = cursor.take_names();
        }
    }
    cursor.take_count(cursor.remaining());
    (words, objects)
}

fn is_other_object(cursor: &Cursor) -> bool {
    const KINDS: [&str; 16] = [
        "ALL",
        "SCHEMA",
        "SEQUENCE",
        "FUNCTION",
        "PROCEDURE",
        "ROUTINE",
        "DATABASE",
        "DOMAIN",
        "FOREIGN",
        "LANGUAGE",
        "LARGE",
        "PARAMETER",
        "TABLESPACE",
        "TYPE",
        "OBJECT",
        "USER",
    ];
    cursor.is_one_of(&KINDS) && !matches!(cursor.text_at(1).to_ascii_uppercase().as_str(), "TO" | "FROM" | ".")
        || cursor.is_symbol("*")
}

/// What stands behind `CREATE|ALTER|DROP POLICY`.
pub fn policy(cursor: &mut Cursor, verb: &str) -> Option<Vec<Op>> {
    cursor.take_if_exists();
    let name = cursor.take_ident()?;
    if !cursor.take_word("ON") {
        return None;
    }
    let table = cursor.take_name()?;
    let restrictive = cursor.take(&["AS", "RESTRICTIVE"]);
    cursor.take_count(cursor.remaining());
    let change = match verb {
        "CREATE" => PolicyChange::Create { restrictive },
        "ALTER" => PolicyChange::Alter,
        _ => PolicyChange::Drop,
    };
    Some(vec![Op::Policy { name, table, change }])
}

/// What stands behind `CREATE SCHEMA`; statements inside it are read with its name before theirs.
pub fn create_schema(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let if_not_exists = cursor.take_if_not_exists();
    let named = if cursor.is_word_at(0, "AUTHORIZATION") { None } else { cursor.take_ident_or_text() };
    let owner = if cursor.take_word("AUTHORIZATION") { cursor.take_ident() } else { None };
    let name = named.or(owner)?;
    if cursor.dialect.is_mysql() {
        cursor.take_count(cursor.remaining());
        return Some(vec![Op::Harmless]);
    }
    let mut ops = vec![Op::CreateSchema { name: name.clone(), if_not_exists }];
    while !cursor.is_end() {
        let element = element(cursor)?;
        ops.extend(super::one(element).into_iter().map(|op| inside(op, &name)));
    }
    Some(ops)
}

/// One statement of `CREATE SCHEMA`, up to the next CREATE or GRANT.
fn element<'a>(cursor: &mut Cursor<'a>) -> Option<Cursor<'a>> {
    if !cursor.is_one_of(&["CREATE", "GRANT"]) {
        return None;
    }
    let mut behind = *cursor;
    behind.skip();
    let rest = behind.take_until(|here| here.is_one_of(&["CREATE", "GRANT"]));
    Some(cursor.take_count(1 + rest.remaining()))
}

/// What is created without a schema goes into the new one.
fn inside(mut op: Op, schema: &Ident) -> Op {
    let name = match &mut op {
        Op::CreateTable(table) => &mut table.name,
        Op::CreateView(view) => &mut view.name,
        Op::CreateIndex(index) => &mut index.table,
        Op::CreateSequence { name, .. } => name,
        Op::CreateTrigger(trigger) => &mut trigger.table,
        _ => return op,
    };
    name.schema.get_or_insert_with(|| schema.clone());
    op
}

/// What stands behind `ALTER SCHEMA`.
pub fn alter_schema(cursor: &mut Cursor) -> Option<Vec<Op>> {
    if cursor.dialect.is_mysql() {
        cursor.take_count(cursor.remaining());
        return Some(vec![Op::Harmless]);
    }
    let from = cursor.take_ident()?;
    if cursor.take(&["RENAME", "TO"]) {
        return Some(vec![Op::RenameSchema { from, to: cursor.take_ident()? }]);
    }
    if cursor.take_word("TRANSFER") {
        return transfer(cursor, from);
    }
    cursor.take(&["OWNER", "TO"]).then(|| {
        cursor.take_count(cursor.remaining());
        vec![Op::Harmless]
    })
}

/// SQL Server moves a table with `ALTER SCHEMA to TRANSFER from.table`.
fn transfer(cursor: &mut Cursor, schema: Ident) -> Option<Vec<Op>> {
    if cursor.take_word("OBJECT") {
        cursor.take_symbol("::");
    }
    let name = cursor.take_name()?;
    Some(vec![Op::SetSchema { object: crate::sql::statement::ObjectKind::Table, name, schema, if_exists: false }])
}

/// What stands behind `DROP SCHEMA`, which is a database in MySQL.
pub fn drop_schema(cursor: &mut Cursor) -> Option<Vec<Op>> {
    if cursor.dialect.is_mysql() {
        return drop_database(cursor);
    }
    let if_exists = cursor.take_if_exists();
    let schemas = idents(cursor);
    let cascade = cascade(cursor);
    (!schemas.is_empty()).then(|| vec![Op::DropSchema { schemas, if_exists, cascade }])
}

/// What stands behind `DROP DATABASE`.
pub fn drop_database(cursor: &mut Cursor) -> Option<Vec<Op>> {
    cursor.take_if_exists();
    let name = cursor.take_ident()?;
    cursor.take_count(cursor.remaining());
    Some(vec![Op::DropDatabase { name }])
}

/// What stands behind `CREATE EXTENSION`.
pub fn create_extension(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let if_not_exists = cursor.take_if_not_exists();
    let name = cursor.take_ident_or_text()?;
    cursor.take_count(cursor.remaining());
    Some(vec![Op::CreateExtension { name, if_not_exists }])
}

/// What stands behind `ALTER EXTENSION`.
pub fn alter_extension(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let name = cursor.take_ident()?;
    cursor.take_count(cursor.remaining());
    Some(vec![Op::AlterExtension { name }])
}

/// What stands behind `DROP EXTENSION`.
pub fn drop_extension(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let if_exists = cursor.take_if_exists();
    let names = idents(cursor);
    let cascade = cascade(cursor);
    (!names.is_empty()).then(|| vec![Op::DropExtension { names, if_exists, cascade }])
}

/// Whether a role without privileges on anything is meant.
pub fn drop_role(cursor: &mut Cursor) -> Option<Vec<Op>> {
    cursor.take_count(cursor.remaining());
    let privileges = Vec::new();
    let ops = if cursor.dialect == Dialect::Sqlite { return None } else { vec![Op::Revoke { objects: Vec::new(), privileges }] };
    Some(ops)
}
