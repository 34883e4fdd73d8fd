//! Actions of ALTER TABLE about partitions, inheritance, triggers, security and storage.

use crate::sql::cursor::Cursor;
use crate::sql::statement::TableAction;

/// The action that is next.
pub fn other(cursor: &mut Cursor) -> Option<TableAction> {
    partition(cursor).or_else(|| inheritance(cursor)).or_else(|| switch(cursor)).or_else(|| storage(cursor))
}

fn partition(cursor: &mut Cursor) -> Option<TableAction> {
    if cursor.take(&["ATTACH", "PARTITION"]) {
        let partition = cursor.take_name()?;
        let default = cursor.take_word("DEFAULT");
        cursor.take_count(cursor.remaining());
        return Some(TableAction::AttachPartition { partition, default });
    }
    if cursor.take(&["DETACH", "PARTITION"]) {
        let partition = cursor.take_name()?;
        cursor.take_one_of(&["CONCURRENTLY", "FINALIZE"]);
        return Some(TableAction::DetachPartition { partition });
    }
    None
}

fn inheritance(cursor: &mut Cursor) -> Option<TableAction> {
    if cursor.take(&["NO", "INHERIT"]) {
        return Some(TableAction::NoInherit { parent: cursor.take_name()? });
    }
    cursor.take_word("INHERIT").then(|| cursor.take_name()).flatten().map(|parent| TableAction::Inherit { parent })
}

fn switch(cursor: &mut Cursor) -> Option<TableAction> {
    if cursor.take(&["NO", "FORCE", "ROW", "LEVEL", "SECURITY"]) {
        return Some(TableAction::ForceRowSecurity { forced: false });
    }
    if cursor.take(&["FORCE", "ROW", "LEVEL", "SECURITY"]) {
        return Some(TableAction::ForceRowSecurity { forced: true });
    }
    let enabled = cursor.take_one_of(&["ENABLE", "DISABLE"])? == "ENABLE";
    if cursor.take(&["ROW", "LEVEL", "SECURITY"]) {
        return Some(TableAction::RowSecurity { enabled });
    }
    cursor.take_one_of(&["REPLICA", "ALWAYS"]);
    if cursor.take_word("RULE") {
        cursor.take_ident()?;
        return Some(TableAction::Harmless);
    }
    if !cursor.take_word("TRIGGER") {
        return None;
    }
    let all = cursor.remaining() == 1 && cursor.take_one_of(&["ALL", "USER"]).is_some();
    let name = if all { None } else { Some(cursor.take_ident()?) };
    Some(TableAction::EnableTrigger { name, enabled })
}

fn storage(cursor: &mut Cursor) -> Option<TableAction> {
    const HARMLESS: [&[&str]; 10] = [
        &["SET", "TABLESPACE"],
        &["SET", "WITHOUT"],
        &["SET", "WITH", "OIDS"],
        &["SET", "ACCESS", "METHOD"],
        &["SET", "("],
        &["RESET"],
        &["CLUSTER", "ON"],
        &["REPLICA", "IDENTITY"],
        &["NOT", "OF"],
        &["OPTIONS"],
    ];
    if cursor.take(&["OWNER", "TO"]) {
        cursor.skip();
        return Some(TableAction::OwnerTo);
    }
    if cursor.take(&["SET", "LOGGED"]) {
        return Some(TableAction::SetLogged { logged: true });
    }
    if cursor.take(&["SET", "UNLOGGED"]) {
        return Some(TableAction::SetLogged { logged: false });
    }
    let is_parameters = cursor.is_word_at(0, "SET") && cursor.text_at(1) == "(";
    if !is_parameters && !HARMLESS.iter().any(|words| cursor.is(words)) {
        return None;
    }
    cursor.take_count(cursor.remaining());
    Some(TableAction::Harmless)
}
