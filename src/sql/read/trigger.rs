//! Triggers and rules.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::statement::{CreateTrigger, Op, TriggerTiming};

use super::routine::rest;
use super::words::{cascade, idents};

/// What stands behind `CREATE … TRIGGER`.
pub fn create(cursor: &mut Cursor, or_replace: bool) -> Option<Vec<Op>> {
    let mut if_not_exists = cursor.take_if_not_exists();
    let name = cursor.take_name()?;
    if_not_exists |= cursor.take_if_not_exists();
    let mut trigger = CreateTrigger {
        table: name.clone(),
        name,
        or_replace,
        if_not_exists,
        timing: if cursor.dialect == Dialect::Sqlite { TriggerTiming::Before } else { TriggerTiming::After },
        insert: false,
        delete: false,
        update: None,
        conditional: false,
        function: None,
        body: None,
    };
    let mut on = false;
    while header(cursor, &mut trigger, &mut on)? {}
    if !on {
        return None;
    }
    tail(cursor, &mut trigger)?;
    Some(vec![Op::CreateTrigger(Box::new(trigger))])
}

/// Words and marks between the parts.
fn takes_filler(cursor: &mut Cursor) -> bool {
    cursor.take_one_of(&["AFTER", "OR", "TRUNCATE"]).is_some()
        || (cursor.dialect == Dialect::MsSql && cursor.take_word("FOR"))
        || cursor.take_symbol(",")
}

/// One of timing, events and table; false where neither is next.
fn header(cursor: &mut Cursor, trigger: &mut CreateTrigger, on: &mut bool) -> Option<bool> {
    if cursor.take_word("BEFORE") {
        trigger.timing = TriggerTiming::Before;
    } else if cursor.take(&["INSTEAD", "OF"]) {
        trigger.timing = TriggerTiming::InsteadOf;
    } else if takes_filler(cursor) {
        // Says nothing that is kept.
    } else if cursor.take_word("INSERT") {
        trigger.insert = true;
    } else if cursor.take_word("DELETE") {
        trigger.delete = true;
    } else if cursor.take_word("UPDATE") {
        let columns = if cursor.take_word("OF") { idents(cursor) } else { Vec::new() };
        trigger.update = Some(columns);
    } else if !*on && cursor.take_word("ON") {
        trigger.table = cursor.take_name()?;
        *on = true;
    } else {
        return Some(false);
    }
    Some(true)
}

fn tail(cursor: &mut Cursor, trigger: &mut CreateTrigger) -> Option<()> {
    let is_body = |here: &Cursor| match here.dialect {
        Dialect::PostgreSql => here.is_word_at(0, "EXECUTE"),
        Dialect::MsSql => here.is_word_at(0, "AS"),
        Dialect::Oracle => here.is_one_of(&["BEGIN", "DECLARE", "CALL", "COMPOUND"]),
        Dialect::Sqlite => here.is_word_at(0, "BEGIN"),
        Dialect::MySql | Dialect::MariaDb => true,
    };
    cursor.take(&["FOR", "EACH", "ROW"]);
    if cursor.dialect.is_mysql() && cursor.is_one_of(&["FOLLOWS", "PRECEDES"]) {
        cursor.take_count(2);
    }
    while !cursor.is_end() && !is_body(cursor) {
        trigger.conditional |= cursor.take_word("WHEN");
        if cursor.take_parenthesised().is_none() {
            cursor.skip();
        }
    }
    if cursor.dialect == Dialect::PostgreSql {
        cursor.take_word("EXECUTE");
        cursor.take_one_of(&["FUNCTION", "PROCEDURE"]);
        trigger.function = Some(cursor.take_name()?);
        cursor.take_parenthesised();
        return Some(());
    }
    let language = match cursor.dialect {
        Dialect::MsSql => "tsql",
        Dialect::Oracle => "plsql",
        _ => "sql",
    };
    if cursor.dialect == Dialect::MsSql {
        cursor.take_word("AS");
    }
    trigger.body = Some(rest(cursor, language));
    Some(())
}

/// What stands behind `DROP TRIGGER`.
pub fn drop(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let if_exists = cursor.take_if_exists();
    let names = cursor.take_names();
    let table = if cursor.take_word("ON") { Some(cursor.take_name()?) } else { None };
    cascade(cursor);
    let one = |name| Op::DropTrigger { name, table: table.clone(), if_exists };
    (!names.is_empty()).then(|| names.into_iter().map(one).collect())
}

/// What stands behind `ALTER TRIGGER`.
pub fn alter(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let name = cursor.take_ident()?;
    if !cursor.take_word("ON") {
        cursor.take_count(cursor.remaining());
        return Some(vec![Op::Harmless]);
    }
    let table = cursor.take_name()?;
    if cursor.take(&["RENAME", "TO"]) {
        return Some(vec![Op::RenameTrigger { name, table, to: cursor.take_ident()? }]);
    }
    cursor.take_count(cursor.remaining());
    Some(vec![Op::Harmless])
}

/// What stands behind `CREATE RULE`.
pub fn create_rule(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let name = cursor.take_ident()?;
    cursor.take_until(|here| here.is_word_at(0, "TO"));
    if !cursor.take_word("TO") {
        return None;
    }
    let table = cursor.take_name()?;
    cursor.take_until(|here| here.is_word_at(0, "DO"));
    let instead = cursor.is(&["DO", "INSTEAD"]);
    cursor.take_count(cursor.remaining());
    Some(vec![Op::CreateRule { name, table, instead }])
}

/// What stands behind `DROP RULE`.
pub fn drop_rule(cursor: &mut Cursor) -> Option<Vec<Op>> {
    cursor.take_if_exists();
    let name = cursor.take_ident()?;
    if !cursor.take_word("ON") {
        return None;
    }
    let table = cursor.take_name()?;
    cascade(cursor);
    Some(vec![Op::DropRule { name, table }])
}
