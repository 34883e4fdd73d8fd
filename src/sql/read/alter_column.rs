//! ALTER COLUMN and ALTER CONSTRAINT.

use crate::sql::cursor::Cursor;
use crate::sql::statement::{ColumnChange, IdentityKind, TableAction};

use super::data_type::data_type;
use super::expression::expr;

/// What stands behind ALTER in an ALTER TABLE.
pub fn alter(cursor: &mut Cursor) -> Option<TableAction> {
    if cursor.take_word("CONSTRAINT") {
        return alter_constraint(cursor);
    }
    if cursor.remaining() > 2 {
        cursor.take_word("COLUMN");
    }
    let if_exists = cursor.take_if_exists();
    let column = cursor.take_ident_or_text()?;
    let change = change(cursor)?;
    Some(TableAction::AlterColumn { column, change, if_exists })
}

fn alter_constraint(cursor: &mut Cursor) -> Option<TableAction> {
    let name = cursor.take_ident()?;
    let mut enforced = None;
    while !cursor.is_end() {
        if cursor.take(&["NOT", "ENFORCED"]) {
            enforced = Some(false);
        } else if cursor.take_word("ENFORCED") {
            enforced = Some(true);
        } else {
            cursor.skip();
        }
    }
    Some(TableAction::AlterConstraint { name, enforced })
}

fn change(cursor: &mut Cursor) -> Option<ColumnChange> {
    if cursor.take(&["SET", "DATA", "TYPE"]) || cursor.take_word("TYPE") {
        return set_type(cursor);
    }
    if cursor.take(&["SET", "DEFAULT"]) {
        return Some(ColumnChange::SetDefault(expr(cursor.take_count(cursor.remaining()))));
    }
    if cursor.take(&["SET", "NOT", "NULL"]) {
        return Some(ColumnChange::SetNotNull);
    }
    if cursor.take_word("DROP") {
        return drop(cursor);
    }
    if cursor.take(&["ADD", "GENERATED"]) {
        let kind = identity(cursor)?;
        cursor.take(&["AS", "IDENTITY"]);
        cursor.take_parenthesised();
        return Some(ColumnChange::AddIdentity(kind));
    }
    if cursor.take(&["SET", "EXPRESSION"]) {
        cursor.take_word("AS");
        return Some(ColumnChange::SetExpression(expr(cursor.take_parenthesised()?)));
    }
    identity_or_storage(cursor)
}

fn set_type(cursor: &mut Cursor) -> Option<ColumnChange> {
    let mut data_type = data_type(cursor)?;
    if cursor.take_word("COLLATE") {
        data_type.collation = cursor.take_name().map(|name| name.name.as_str().to_owned());
    }
    let using = cursor.take_word("USING").then(|| expr(cursor.take_count(cursor.remaining())));
    Some(ColumnChange::Type { data_type, using })
}

fn drop(cursor: &mut Cursor) -> Option<ColumnChange> {
    if cursor.take(&["NOT", "NULL"]) {
        return Some(ColumnChange::DropNotNull);
    }
    match cursor.take_one_of(&["DEFAULT", "IDENTITY", "EXPRESSION"])? {
        "DEFAULT" => Some(ColumnChange::DropDefault),
        "IDENTITY" => Some(ColumnChange::DropIdentity { if_exists: cursor.take_if_exists() }),
        _ => Some(ColumnChange::DropExpression { if_exists: cursor.take_if_exists() }),
    }
}

fn identity(cursor: &mut Cursor) -> Option<IdentityKind> {
    if cursor.take_word("ALWAYS") {
        return Some(IdentityKind::Always);
    }
    cursor.take(&["BY", "DEFAULT"]).then_some(IdentityKind::ByDefault)
}

/// `SET GENERATED …`, `RESTART`, `SET STORAGE`, `SET (…)` and the like.
fn identity_or_storage(cursor: &mut Cursor) -> Option<ColumnChange> {
    let kind = cursor.take(&["SET", "GENERATED"]).then(|| identity(cursor)).flatten();
    if kind.is_none() && !cursor.is_one_of(&["SET", "RESET", "RESTART", "OPTIONS"]) {
        return None;
    }
    cursor.take_count(cursor.remaining());
    Some(kind.map_or(ColumnChange::Harmless, ColumnChange::SetIdentity))
}
