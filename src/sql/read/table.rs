//! CREATE TABLE.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::name::Name;
use crate::sql::statement::{CreateTable, Like, Op, PartitionOf};

use super::column::column;
use super::constraint::{is_table_constraint, table_constraint};
use super::words::tokens_until;

/// Words between CREATE and TABLE.
pub struct Modifiers {
    pub or_replace: bool,
    pub temporary: bool,
}

/// What stands behind SQLite's `CREATE VIRTUAL`: a module makes the columns from its arguments.
pub fn create_virtual(cursor: &mut Cursor) -> Option<Op> {
    cursor.take_word("TABLE");
    let if_not_exists = cursor.take_if_not_exists();
    let name = cursor.take_name()?;
    cursor.take_word("USING");
    cursor.take_ident()?;
    let mut table = empty(name, Modifiers { or_replace: false, temporary: false });
    table.if_not_exists = if_not_exists;
    let parts = cursor.take_parenthesised().map(Cursor::split_commas).unwrap_or_default();
    // `tokenize = 'porter'` is an option of the module, not a column.
    table.columns = parts.into_iter().filter(|part| part.text_at(1) != "=").filter_map(|mut part| column(&mut part)).collect();
    Some(Op::CreateTable(Box::new(table)))
}

/// What stands behind `CREATE … TABLE`.
pub fn create_table(cursor: &mut Cursor, modifiers: Modifiers) -> Option<Op> {
    let if_not_exists = cursor.take_if_not_exists();
    let name = cursor.take_name()?;
    let mut table = empty(name, modifiers);
    table.if_not_exists = if_not_exists || cursor.take_if_not_exists();
    head(cursor, &mut table)?;
    body(cursor, &mut table)?;
    while option(cursor, &mut table) {}
    as_query(cursor, &mut table);
    Some(Op::CreateTable(Box::new(table)))
}

fn empty(name: Name, modifiers: Modifiers) -> CreateTable {
    let temporary = modifiers.temporary || name.name.as_str().starts_with('#');
    CreateTable { temporary, or_replace: modifiers.or_replace, ..CreateTable::new(name) }
}

/// `LIKE other`, `PARTITION OF parent`, `OF type`: before or instead of the columns.
fn head(cursor: &mut Cursor, table: &mut CreateTable) -> Option<()> {
    if cursor.take(&["PARTITION", "OF"]) {
        table.partition_of = Some(PartitionOf { parent: cursor.take_name()?, default: false });
    } else if cursor.take_word("LIKE") {
        table.like.push(like(cursor)?);
    } else if cursor.take_word("OF") {
        cursor.take_name()?;
    }
    Some(())
}

fn body(cursor: &mut Cursor, table: &mut CreateTable) -> Option<()> {
    // `CREATE TABLE a (SELECT …)` and `CREATE TABLE a (LIKE b)` of MySQL look like a column list.
    let is_query = cursor.text_at(0) == "(" && (cursor.is_word_at(1, "SELECT") || cursor.is_word_at(1, "WITH"));
    if is_query || !cursor.is_symbol("(") {
        return Some(());
    }
    for mut part in cursor.take_parenthesised()?.split_commas() {
        element(&mut part, table)?;
    }
    Some(())
}

fn element(part: &mut Cursor, table: &mut CreateTable) -> Option<()> {
    if part.is_word_at(0, "LIKE") && part.dialect != Dialect::Sqlite {
        part.skip();
        table.like.push(like(part)?);
    } else if is_period(part) {
        return Some(());
    } else if is_table_constraint(part) {
        while !part.is_end() {
            // SQLite lets the comma between table constraints out.
            if !is_table_constraint(part) {
                return None;
            }
            table.constraints.push(table_constraint(part)?);
        }
    } else {
        let column = column(part)?;
        // SQLite lets a table constraint follow without a comma.
        while !part.is_end() && is_table_constraint(part) {
            table.constraints.push(table_constraint(part)?);
        }
        if !part.is_end() {
            return None;
        }
        table.columns.push(column);
    }
    Some(())
}

/// `PERIOD FOR SYSTEM_TIME (a, b)`: no column.
fn is_period(part: &Cursor) -> bool {
    part.is(&["PERIOD", "FOR"])
}

fn like(cursor: &mut Cursor) -> Option<Like> {
    let table = cursor.take_name()?;
    let every = cursor.dialect.is_mysql();
    let mut like = Like { table, defaults: every, constraints: every, indexes: every };
    while let Some(word) = cursor.take_one_of(&["INCLUDING", "EXCLUDING"]) {
        let on = word == "INCLUDING";
        match cursor.take_one_of(&["ALL", "DEFAULTS", "CONSTRAINTS", "INDEXES"]) {
            Some("ALL") => (like.defaults, like.constraints, like.indexes) = (on, on, on),
            Some("DEFAULTS") => like.defaults = on,
            Some("CONSTRAINTS") => like.constraints = on,
            Some(_) => like.indexes = on,
            None => {
                cursor.skip();
            }
        }
    }
    Some(like)
}

/// One thing behind the columns; false where the statement ends or a query begins.
fn option(cursor: &mut Cursor, table: &mut CreateTable) -> bool {
    if cursor.is_end() || is_query(cursor) || cursor.is_word_at(0, "AS") {
        return false;
    }
    if cursor.take_word("INHERITS") {
        let parents = cursor.take_parenthesised();
        table.inherits = parents.map(|mut inside| inside.take_names()).unwrap_or_default();
    } else if cursor.take(&["PARTITION", "BY"]) {
        table.partitioned = true;
        partitions(cursor);
    } else if cursor.take(&["FOR", "VALUES"]) {
        // Bounds of a partition; a query cannot follow.
        cursor.take_until(|here| {
            here.is(&["PARTITION", "BY"]) || here.is_one_of(&["WITH", "TABLESPACE", "USING", "SERVER"]) && here.text_at(1) != "("
        });
    } else if cursor.take_word("STRICT") {
        table.strict = true;
    } else if cursor.take(&["WITHOUT", "ROWID"]) {
        table.without_rowid = true;
    } else if cursor.take_word("DEFAULT") {
        if let Some(partition) = &mut table.partition_of {
            partition.default = true;
        }
    } else if !charset(cursor, table) && cursor.take_parenthesised().is_none() {
        cursor.skip();
    }
    true
}

fn charset(cursor: &mut Cursor, table: &mut CreateTable) -> bool {
    let is_charset = cursor.take(&["CHARACTER", "SET"]) || cursor.take_word("CHARSET");
    if !is_charset && !cursor.take_word("COLLATE") {
        return false;
    }
    cursor.take_symbol("=");
    let name = cursor.take_ident_or_text().map(|name| name.key().to_owned());
    *(if is_charset { &mut table.charset } else { &mut table.collation }) = name;
    true
}

/// Everything about partitions up to a query.
fn partitions(cursor: &mut Cursor) {
    while !cursor.is_end() && !is_query(cursor) && !cursor.is_word_at(0, "AS") {
        if cursor.take_parenthesised().is_none() {
            cursor.skip();
        }
    }
}

fn is_query(cursor: &Cursor) -> bool {
    cursor.is_one_of(&["SELECT", "VALUES"])
        || cursor.is_word_at(0, "WITH")
            && cursor.text_at(1) != "("
            && !cursor.is_word_at(1, "NO")
            && !cursor.is_word_at(1, "DATA")
            && !cursor.is_word_at(1, "SYSTEM")
        || (cursor.text_at(0) == "(" && (cursor.is_word_at(1, "SELECT") || cursor.is_word_at(1, "WITH")))
}

fn as_query(cursor: &mut Cursor, table: &mut CreateTable) {
    cursor.take_word("AS");
    cursor.take_one_of(&["IGNORE", "REPLACE"]);
    if cursor.is_end() {
        return;
    }
    let (query, with_no_data) = super::view::query_and_data(cursor);
    table.query = Some(query);
    table.with_no_data = with_no_data;
    tokens_until(cursor, &[]);
}
