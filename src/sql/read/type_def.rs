//! Types and domains of PostgreSQL.

use crate::sql::cursor::Cursor;
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{Op, TypeChange, TypeDefinition};

use super::column::{column, definition};
use super::constraint::table_constraint;
use super::data_type::data_type;
use super::expression::expr;
use super::words::cascade;

/// What stands behind `CREATE TYPE`.
pub fn create_type(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let name = cursor.take_name()?;
    let definition = if cursor.take(&["AS", "ENUM"]) {
        let labels = cursor.take_parenthesised()?.split_commas();
        TypeDefinition::Enum(labels.into_iter().filter_map(|mut part| part.take_text()).collect())
    } else if cursor.is_word_at(0, "AS") && cursor.text_at(1) == "(" {
        cursor.skip();
        let parts = cursor.take_parenthesised()?.split_commas();
        TypeDefinition::Composite(parts.into_iter().filter_map(|mut part| column(&mut part)).collect())
    } else {
        cursor.take_count(cursor.remaining());
        TypeDefinition::Other
    };
    Some(vec![Op::CreateType { name, definition }])
}

/// What stands behind `CREATE DOMAIN`: a type with what a column may have.
pub fn create_domain(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let name = cursor.take_name()?;
    cursor.take_word("AS");
    let column = definition(cursor, Ident::stored(cursor.dialect, "value"));
    let definition = TypeDefinition::Domain {
        base: column.data_type?,
        not_null: column.not_null,
        default: column.default,
        checks: column.constraints,
    };
    Some(vec![Op::CreateType { name, definition }])
}

/// What stands behind `ALTER TYPE`.
pub fn alter_type(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let name = cursor.take_name()?;
    let parts = cursor.take_count(cursor.remaining()).split_commas();
    if parts.first()?.is(&["SET"]) && parts.first()?.text_at(1) == "(" {
        return Some(vec![op(&name, TypeChange::Harmless, false)]);
    }
    parts
        .into_iter()
        .map(|mut part| {
            let change = shared(&mut part).or_else(|| value(&mut part)).or_else(|| attribute(&mut part))?;
            part.is_end().then(|| op(&name, change, false))
        })
        .collect()
}

fn op(name: &Name, change: TypeChange, if_exists: bool) -> Op {
    Op::AlterType { name: name.clone(), change, if_exists }
}

fn shared(cursor: &mut Cursor) -> Option<TypeChange> {
    if cursor.take(&["RENAME", "TO"]) {
        return cursor.take_ident().map(TypeChange::Rename);
    }
    if cursor.take(&["SET", "SCHEMA"]) {
        return cursor.take_ident().map(TypeChange::SetSchema);
    }
    if cursor.take(&["OWNER", "TO"]) {
        cursor.skip();
        return Some(TypeChange::Harmless);
    }
    None
}

fn value(cursor: &mut Cursor) -> Option<TypeChange> {
    if cursor.take(&["RENAME", "VALUE"]) {
        let from = cursor.take_text()?;
        cursor.take_word("TO");
        return Some(TypeChange::RenameValue { from, to: cursor.take_text()? });
    }
    if !cursor.take(&["ADD", "VALUE"]) {
        return None;
    }
    let if_not_exists = cursor.take_if_not_exists();
    let label = cursor.take_text()?;
    let at_end = cursor.take_one_of(&["BEFORE", "AFTER"]).is_none();
    if !at_end {
        cursor.take_text()?;
    }
    Some(TypeChange::AddValue { label, if_not_exists, at_end })
}

fn attribute(cursor: &mut Cursor) -> Option<TypeChange> {
    let action = cursor.take_one_of(&["ADD", "DROP", "ALTER", "RENAME"])?;
    if !cursor.take_word("ATTRIBUTE") {
        return None;
    }
    let change = match action {
        "ADD" => TypeChange::AddAttribute(column(cursor)?),
        "DROP" => {
            cursor.take_if_exists();
            let name = cursor.take_ident()?;
            return Some(TypeChange::DropAttribute { name, cascade: cascade(cursor) });
        }
        "ALTER" => alter_attribute(cursor)?,
        _ => {
            let from = cursor.take_ident()?;
            cursor.take_word("TO");
            TypeChange::RenameAttribute { from, to: cursor.take_ident()? }
        }
    };
    cascade(cursor);
    Some(change)
}

fn alter_attribute(cursor: &mut Cursor) -> Option<TypeChange> {
    let name = cursor.take_ident()?;
    cursor.take(&["SET", "DATA"]);
    cursor.take_word("TYPE");
    let mut data_type = data_type(cursor)?;
    if cursor.take_word("COLLATE") {
        data_type.collation = cursor.take_name().map(|name| name.name.as_str().to_owned());
    }
    Some(TypeChange::AlterAttribute { name, data_type })
}

/// What stands behind `ALTER DOMAIN`.
pub fn alter_domain(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let if_exists = cursor.take_if_exists();
    let name = cursor.take_name()?;
    let change = shared(cursor).or_else(|| domain(cursor))?;
    Some(vec![op(&name, change, if_exists)])
}

fn domain(cursor: &mut Cursor) -> Option<TypeChange> {
    if cursor.take(&["SET", "DEFAULT"]) {
        return Some(TypeChange::SetDefault(expr(cursor.take_count(cursor.remaining()))));
    }
    const PLAIN: [(&[&str], TypeChange); 3] = [
        (&["DROP", "DEFAULT"], TypeChange::DropDefault),
        (&["SET", "NOT", "NULL"], TypeChange::SetNotNull),
        (&["DROP", "NOT", "NULL"], TypeChange::DropNotNull),
    ];
    if let Some((_, change)) = PLAIN.iter().find(|(words, _)| cursor.take(words)) {
        return Some(change.clone());
    }
    if cursor.take(&["DROP", "CONSTRAINT"]) {
        let if_exists = cursor.take_if_exists();
        let name = cursor.take_ident()?;
        cascade(cursor);
        return Some(TypeChange::DropConstraint { name, if_exists });
    }
    if cursor.take(&["VALIDATE", "CONSTRAINT"]) || cursor.take(&["RENAME", "CONSTRAINT"]) {
        cursor.take_count(cursor.remaining());
        return Some(TypeChange::Harmless);
    }
    if !cursor.take_word("ADD") {
        return None;
    }
    if cursor.is(&["NOT", "NULL"]) {
        cursor.take_count(2);
        return Some(TypeChange::SetNotNull);
    }
    table_constraint(cursor).map(TypeChange::AddConstraint)
}

/// What stands behind `DROP TYPE` and `DROP DOMAIN`.
pub fn drop_type(cursor: &mut Cursor, domain: bool) -> Option<Vec<Op>> {
    let if_exists = cursor.take_if_exists();
    let types = cursor.take_names();
    let cascade = cascade(cursor);
    (!types.is_empty()).then(|| vec![Op::DropType { types, domain, if_exists, cascade }])
}
