//! Sequences.

use crate::sql::cursor::Cursor;
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{ObjectKind, Op, SequenceChange};

use super::words::cascade;

/// What stands behind `CREATE SEQUENCE`.
pub fn create(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let if_not_exists = cursor.take_if_not_exists();
    let name = cursor.take_name()?;
    let mut owned_by = None;
    while !cursor.is_end() {
        if cursor.take(&["OWNED", "BY"]) {
            owned_by = owner(cursor)?;
        } else {
            cursor.skip();
        }
    }
    Some(vec![Op::CreateSequence { name, if_not_exists, owned_by }])
}

/// `[schema.]table.column` or NONE.
fn owner(cursor: &mut Cursor) -> Option<Option<(Name, Ident)>> {
    if cursor.take_word("NONE") {
        return Some(None);
    }
    let mut parts = vec![cursor.take_ident()?];
    while cursor.take_symbol(".") {
        parts.push(cursor.take_ident()?);
    }
    let column = parts.pop()?;
    let table = Name { name: parts.pop()?, schema: parts.pop() };
    Some(Some((table, column)))
}

/// What stands behind `ALTER SEQUENCE`.
pub fn alter(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let if_exists = cursor.take_if_exists();
    let name = cursor.take_name()?;
    if cursor.take(&["RENAME", "TO"]) {
        return Some(vec![Op::RenameTable { from: name, to: cursor.take_name()?, if_exists }]);
    }
    if cursor.take(&["SET", "SCHEMA"]) {
        let schema = cursor.take_ident()?;
        return Some(vec![Op::SetSchema { object: ObjectKind::Sequence, name, schema, if_exists }]);
    }
    let mut ops = Vec::new();
    while !cursor.is_end() {
        let change = change(cursor)?;
        ops.push(Op::AlterSequence { name: name.clone(), change, if_exists });
    }
    Some(ops)
}

fn change(cursor: &mut Cursor) -> Option<SequenceChange> {
    if cursor.take_word("RESTART") {
        cursor.take_word("WITH");
        cursor.take_symbol("=");
        return Some(SequenceChange::Restart(cursor.take_number()));
    }
    if cursor.take(&["OWNED", "BY"]) {
        return owner(cursor).map(SequenceChange::OwnedBy);
    }
    if cursor.take_word("INCREMENT") {
        cursor.take_one_of(&["BY"]);
        cursor.take_symbol("=");
        cursor.take_number();
        return Some(SequenceChange::Increment);
    }
    // The rest up to the next option that is told apart.
    cursor.skip();
    while !cursor.is_end() && !cursor.is_one_of(&["RESTART", "OWNED", "INCREMENT"]) {
        cursor.skip();
    }
    Some(SequenceChange::Other)
}

/// What stands behind `DROP SEQUENCE`.
pub fn drop(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let if_exists = cursor.take_if_exists();
    let sequences = cursor.take_names();
    let cascade = cascade(cursor);
    (!sequences.is_empty()).then(|| vec![Op::DropSequence { sequences, if_exists, cascade }])
}
