//! Actions of ALTER TABLE that only SQL Server or Oracle have.
//! <https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql>,
//! <https://docs.oracle.com/en/database/oracle/oracle-database/19/sqlrf/ALTER-TABLE.html>.

use crate::sql::cursor::Cursor;
use crate::sql::statement::{ColumnChange, Keeps, TableAction};

use super::column::{column, definition};
use super::constraint::{is_table_constraint, table_constraint};
use super::words::{cascade, expression_until, ident_list, idents};

/// All actions of one statement of SQL Server.
pub fn mssql(cursor: &mut Cursor) -> Option<Vec<TableAction>> {
    let nocheck = cursor.take(&["WITH", "NOCHECK"]);
    cursor.take(&["WITH", "CHECK"]);
    if cursor.take_word("ADD") {
        let parts = cursor.take_count(cursor.remaining()).split_commas();
        return parts.into_iter().map(|mut part| mssql_add(&mut part, nocheck)).collect();
    }
    if cursor.take(&["ALTER", "COLUMN"]) {
        return mssql_alter(cursor).map(|action| vec![action]);
    }
    if cursor.take_word("DROP") {
        return mssql_drop(cursor);
    }
    if cursor.take_word("SWITCH") {
        cursor.take_until(|here| here.is_word_at(0, "TO"));
        cursor.skip();
        let with = cursor.take_name()?;
        cursor.take_count(cursor.remaining());
        return Some(vec![TableAction::ExchangePartition { with }]);
    }
    if let Some(word) = cursor.take_one_of(&["ENABLE", "DISABLE"]) {
        return trigger(cursor, word == "ENABLE");
    }
    if let Some(word) = cursor.take_one_of(&["CHECK", "NOCHECK"]) {
        cursor.take_word("CONSTRAINT");
        let enforced = Some(word == "CHECK");
        return Some(idents(cursor).into_iter().map(|name| TableAction::AlterConstraint { name, enforced }).collect());
    }
    let is_storage = cursor.is_one_of(&["SET", "REBUILD"]);
    cursor.take_count(cursor.remaining());
    is_storage.then(|| vec![TableAction::Harmless])
}

fn trigger(cursor: &mut Cursor, enabled: bool) -> Option<Vec<TableAction>> {
    if !cursor.take_word("TRIGGER") {
        cursor.take_count(cursor.remaining());
        return Some(vec![TableAction::Harmless]);
    }
    if cursor.take_word("ALL") {
        return Some(vec![TableAction::EnableTrigger { name: None, enabled }]);
    }
    Some(idents(cursor).into_iter().map(|name| TableAction::EnableTrigger { name: Some(name), enabled }).collect())
}

fn mssql_add(part: &mut Cursor, nocheck: bool) -> Option<TableAction> {
    part.take_word("COLUMN");
    if let Some(action) = named_default(part) {
        return Some(action);
    }
    if is_table_constraint(part) {
        let mut constraint = table_constraint(part)?;
        constraint.not_valid |= nocheck;
        return part.is_end().then_some(TableAction::AddConstraint(constraint));
    }
    let column = column(part)?;
    part.is_end().then_some(TableAction::AddColumn { column, if_not_exists: false })
}

/// `[CONSTRAINT name] DEFAULT value FOR column`.
fn named_default(part: &mut Cursor) -> Option<TableAction> {
    let mut here = *part;
    if here.take_word("CONSTRAINT") {
        here.take_ident()?;
    }
    if !here.take_word("DEFAULT") {
        return None;
    }
    let value = expression_until(&mut here, &["FOR", "WITH"]);
    if !here.take_word("FOR") {
        return None;
    }
    let column = here.take_ident()?;
    here.take(&["WITH", "VALUES"]);
    *part = here;
    Some(TableAction::AlterColumn { column, change: ColumnChange::SetDefault(value), if_exists: false })
}

/// `ALTER COLUMN c type [NULL | NOT NULL]` writes nullability anew; default and identity stay.
fn mssql_alter(cursor: &mut Cursor) -> Option<TableAction> {
    let name = cursor.take_ident()?;
    if cursor.take_one_of(&["ADD", "DROP"]).is_some() {
        cursor.take_count(cursor.remaining());
        return Some(TableAction::AlterColumn { column: name, change: ColumnChange::Harmless, if_exists: false });
    }
    let column = definition(cursor, name.clone());
    column.data_type.as_ref()?;
    let keeps = Keeps { default: true, not_null: false, identity: true, data_type: false };
    cursor.is_end().then_some(TableAction::RedefineColumn { from: name, column, keeps, if_exists: false })
}

/// `DROP COLUMN a, b, CONSTRAINT c, d`: a kind holds until the next one.
fn mssql_drop(cursor: &mut Cursor) -> Option<Vec<TableAction>> {
    let mut is_column = false;
    let mut actions = Vec::new();
    loop {
        match cursor.take_one_of(&["COLUMN", "CONSTRAINT"]) {
            Some(word) => is_column = word == "COLUMN",
            None if actions.is_empty() => is_column = false,
            None => {}
        }
        let if_exists = cursor.take_if_exists();
        let name = cursor.take_ident()?;
        actions.push(if is_column {
            TableAction::DropColumn { column: name, if_exists, cascade: false }
        } else {
            TableAction::DropConstraint { name, if_exists, cascade: false }
        });
        if !cursor.take_symbol(",") {
            return Some(actions);
        }
    }
}

/// All actions of one statement of Oracle.
pub fn oracle(cursor: &mut Cursor) -> Option<Vec<TableAction>> {
    let mut actions = Vec::new();
    while !cursor.is_end() {
        actions.extend(oracle_action(cursor)?);
    }
    Some(actions)
}

fn oracle_action(cursor: &mut Cursor) -> Option<Vec<TableAction>> {
    if cursor.take_word("ADD") {
        return listed(cursor, oracle_add);
    }
    if cursor.take_word("MODIFY") {
        if cursor.take_one_of(&["CONSTRAINT", "PRIMARY", "UNIQUE"]).is_some() {
            return modify_constraint(cursor);
        }
        return listed(cursor, oracle_modify);
    }
    if cursor.take(&["SET", "UNUSED"]) {
        cursor.take_word("COLUMN");
        let columns = ident_list(cursor).or_else(|| cursor.take_ident().map(|column| vec![column]))?;
        cursor.take_count(cursor.remaining());
        return Some(vec![TableAction::SetUnused { columns }]);
    }
    if cursor.take_word("DROP") {
        return oracle_drop(cursor);
    }
    if cursor.take(&["TRUNCATE", "PARTITION"]) {
        let partitions = idents(cursor);
        cursor.take_count(cursor.remaining());
        return Some(vec![TableAction::TruncatePartition { partitions }]);
    }
    if cursor.take(&["EXCHANGE", "PARTITION"]) {
        cursor.take_until(|here| here.is_word_at(0, "TABLE"));
        cursor.skip();
        let with = cursor.take_name()?;
        cursor.take_count(cursor.remaining());
        return Some(vec![TableAction::ExchangePartition { with }]);
    }
    oracle_other(cursor)
}

/// One in parentheses or not: `ADD (a int, b int)`, `ADD a int`.
fn listed<'a>(cursor: &mut Cursor<'a>, read: fn(&mut Cursor<'a>) -> Option<TableAction>) -> Option<Vec<TableAction>> {
    if cursor.is_symbol("(") {
        let parts = cursor.take_parenthesised()?.split_commas();
        return parts.into_iter().map(|mut part| read(&mut part).filter(|_| part.is_end())).collect();
    }
    read(cursor).map(|action| vec![action])
}

fn oracle_add(part: &mut Cursor) -> Option<TableAction> {
    if is_table_constraint(part) {
        return table_constraint(part).map(TableAction::AddConstraint);
    }
    part.take_word("COLUMN");
    Some(TableAction::AddColumn { column: column(part)?, if_not_exists: false })
}

/// What is not written stays as it was.
fn oracle_modify(part: &mut Cursor) -> Option<TableAction> {
    let name = part.take_ident()?;
    let mut nullable = *part;
    nullable.take_until(|here| here.is_word_at(0, "NULL") || here.is(&["NOT", "NULL"]));
    let says_null = nullable.is_word_at(0, "NULL");
    let column = definition(part, name.clone());
    let keeps = Keeps {
        default: column.default.is_none(),
        not_null: !says_null && !column.not_null,
        identity: true,
        data_type: column.data_type.is_none(),
    };
    Some(TableAction::RedefineColumn { from: name, column, keeps, if_exists: false })
}

fn modify_constraint(cursor: &mut Cursor) -> Option<Vec<TableAction>> {
    let name = cursor.take_ident()?;
    let enforced = Some(!cursor.is_word_at(0, "DISABLE"));
    cursor.take_count(cursor.remaining());
    Some(vec![TableAction::AlterConstraint { name, enforced }])
}

fn oracle_drop(cursor: &mut Cursor) -> Option<Vec<TableAction>> {
    let cascades = |cursor: &mut Cursor| {
        let found = cascade(cursor);
        cursor.take_one_of(&["CONSTRAINTS", "CONSTRAINT"]);
        cursor.take_one_of(&["INVALIDATE", "ONLINE"]);
        found
    };
    if cursor.take(&["UNUSED", "COLUMNS"]) {
        return Some(vec![TableAction::Harmless]);
    }
    if cursor.take_word("PARTITION") {
        let partitions = idents(cursor);
        cursor.take_count(cursor.remaining());
        return Some(vec![TableAction::DropPartition { partitions }]);
    }
    if cursor.take_word("CONSTRAINT") {
        let name = cursor.take_ident()?;
        return Some(vec![TableAction::DropConstraint { name, if_exists: false, cascade: cascades(cursor) }]);
    }
    if cursor.take(&["PRIMARY", "KEY"]) {
        return Some(vec![TableAction::DropPrimaryKey { cascade: cascades(cursor) }]);
    }
    let columns = if cursor.take_word("COLUMN") { vec![cursor.take_ident()?] } else { ident_list(cursor)? };
    let cascade = cascades(cursor);
    Some(columns.into_iter().map(|column| TableAction::DropColumn { column, if_exists: false, cascade }).collect())
}

fn oracle_other(cursor: &mut Cursor) -> Option<Vec<TableAction>> {
    if let Some(word) = cursor.take_one_of(&["ENABLE", "DISABLE"]) {
        if cursor.take(&["ALL", "TRIGGERS"]) {
            return Some(vec![TableAction::EnableTrigger { name: None, enabled: word == "ENABLE" }]);
        }
        cursor.take_one_of(&["VALIDATE", "NOVALIDATE"]);
        cursor.take_word("CONSTRAINT");
        let name = cursor.take_ident()?;
        cursor.take_count(cursor.remaining());
        return Some(vec![TableAction::AlterConstraint { name, enforced: Some(word == "ENABLE") }]);
    }
    const STORAGE: [&str; 18] = [
        "MOVE",
        "LOGGING",
        "NOLOGGING",
        "PARALLEL",
        "NOPARALLEL",
        "CACHE",
        "NOCACHE",
        "COMPRESS",
        "NOCOMPRESS",
        "PCTFREE",
        "INITRANS",
        "STORAGE",
        "SHRINK",
        "ROW",
        "MONITORING",
        "SPLIT",
        "MERGE",
        "READ",
    ];
    let is_storage = cursor.is_one_of(&STORAGE);
    cursor.take_count(cursor.remaining());
    is_storage.then(|| vec![TableAction::Harmless])
}
