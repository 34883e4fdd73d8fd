//! ALTER TABLE of PostgreSQL and SQLite, and what the other dialects share with them.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{ObjectKind, Op, TableAction};

use super::column::column;
use super::constraint::{is_table_constraint, table_constraint};
use super::opaque::head;
use super::words::cascade;
use super::{alter_mysql, alter_oracle};

/// What every action of one ALTER TABLE says.
#[derive(Clone)]
pub struct Target {
    pub table: Name,
    pub if_exists: bool,
    pub only: bool,
    pub object: ObjectKind,
}

impl Target {
    pub fn op(&self, action: TableAction) -> Op {
        Op::AlterTable { table: self.table.clone(), if_exists: self.if_exists, only: self.only, action }
    }
}

/// What stands behind `ALTER TABLE` (VIEW, FOREIGN TABLE).
pub fn alter_table(cursor: &mut Cursor, object: ObjectKind) -> Option<Vec<Op>> {
    if cursor.take(&["ALL", "IN", "TABLESPACE"]) {
        cursor.take_count(cursor.remaining());
        return Some(vec![Op::Harmless]);
    }
    let if_exists = cursor.take_if_exists();
    let only = cursor.take_word("ONLY");
    let table = cursor.take_name()?;
    cursor.take_symbol("*");
    let target = Target { table, if_exists, only, object };
    let ops = actions(cursor, &target);
    (!ops.is_empty()).then_some(ops)
}

fn actions(cursor: &mut Cursor, target: &Target) -> Vec<Op> {
    let special = match cursor.dialect {
        Dialect::MsSql => Some(alter_oracle::mssql as fn(&mut Cursor) -> Option<Vec<TableAction>>),
        Dialect::Oracle if !cursor.is(&["RENAME"]) => Some(alter_oracle::oracle as fn(&mut Cursor) -> Option<Vec<TableAction>>),
        _ => None,
    };
    if let Some(read) = special {
        let whole = cursor.take_count(cursor.remaining());
        let mut here = whole;
        return match read(&mut here) {
            Some(actions) if here.is_end() => actions.into_iter().map(|action| target.op(action)).collect(),
            _ => vec![target.op(TableAction::Opaque { head: head(whole) })],
        };
    }
    let mut ops = Vec::new();
    while !cursor.is_end() {
        let takes_rest = cursor.dialect.is_mysql() && alter_mysql::takes_rest(cursor);
        let part = if takes_rest { cursor.take_count(cursor.remaining()) } else { cursor.take_until(|here| here.is_symbol(",")) };
        cursor.take_symbol(",");
        ops.extend(action(part, target));
    }
    if cursor.dialect.is_mysql() { at_once(ops, cursor.dialect) } else { ops }
}

/// MySQL renames the columns of one ALTER TABLE at once: a column that takes the name of one that is renamed later waits for it
/// under a name that nothing has (MySQL manual, "ALTER TABLE", "Renaming, Redefining, and Reordering Columns").
fn at_once(mut ops: Vec<Op>, dialect: Dialect) -> Vec<Op> {
    let mut given = Vec::new();
    let mut waiting = Vec::new();
    for op in ops.iter_mut().rev() {
        let Op::AlterTable { action: TableAction::RenameColumn { from, to }, .. } = op else { continue };
        given.push(from.clone());
        if from != to && given.contains(to) {
            let place = Ident::stored(dialect, &format!("\u{1}{to}"));
            waiting.push((place.clone(), std::mem::replace(to, place)));
        }
    }
    let rename = |op: &Op, (from, to): (Ident, Ident)| match op {
        Op::AlterTable { table, if_exists, only, .. } => {
            let action = TableAction::RenameColumn { from, to };
            Some(Op::AlterTable { table: table.clone(), if_exists: *if_exists, only: *only, action })
        }
        _ => None,
    };
    if let Some(first) = ops.first().cloned() {
        ops.extend(waiting.into_iter().filter_map(|names| rename(&first, names)));
    }
    ops
}

fn action(part: Cursor, target: &Target) -> Vec<Op> {
    let mut here = part;
    let mut ops = Vec::new();
    // MySQL lets options of a table follow one another without a comma.
    while !here.is_end() {
        let before = here.remaining();
        match known(&mut here, target) {
            Some(found) if here.is_end() || (here.dialect.is_mysql() && here.remaining() < before) => ops.extend(found),
            _ => return vec![target.op(TableAction::Opaque { head: head(part) })],
        }
    }
    ops
}

fn known(cursor: &mut Cursor, target: &Target) -> Option<Vec<Op>> {
    if cursor.dialect.is_mysql()
        && let Some(actions) = alter_mysql::action(cursor, target)
    {
        return Some(actions.into_iter().map(|action| target.op(action)).collect());
    }
    if let Some(op) = rename(cursor, target) {
        return Some(vec![op]);
    }
    if cursor.dialect.is_mysql()
        && let Some(op) = alter_mysql::rename_table(cursor, target)
    {
        return Some(vec![op]);
    }
    if cursor.take(&["SET", "SCHEMA"]) {
        let (object, if_exists) = (target.object, target.if_exists);
        return Some(vec![Op::SetSchema { object, name: target.table.clone(), schema: cursor.take_ident()?, if_exists }]);
    }
    common(cursor).map(|action| vec![target.op(action)])
}

fn rename(cursor: &mut Cursor, target: &Target) -> Option<Op> {
    let mut here = *cursor;
    if !here.take_word("RENAME") {
        return None;
    }
    let op = if here.take_one_of(&["TO", "AS"]).is_some() {
        let (from, if_exists) = (target.table.clone(), target.if_exists);
        Op::RenameTable { from, to: here.take_name()?, if_exists }
    } else if here.take_word("CONSTRAINT") {
        let from = here.take_ident()?;
        here.take_word("TO");
        target.op(TableAction::RenameConstraint { from, to: here.take_ident()? })
    } else {
        if !here.is_word_at(1, "TO") || here.is(&["COLUMN", "TO", "TO"]) {
            here.take_word("COLUMN");
        }
        let from = here.take_ident_or_text()?;
        if !here.take_word("TO") {
            return None;
        }
        target.op(TableAction::RenameColumn { from, to: here.take_ident_or_text()? })
    };
    *cursor = here;
    Some(op)
}

fn common(cursor: &mut Cursor) -> Option<TableAction> {
    if cursor.take_word("ADD") {
        return add(cursor);
    }
    if cursor.take_word("DROP") {
        return drop(cursor);
    }
    if cursor.take_word("ALTER") {
        return super::alter_column::alter(cursor);
    }
    if cursor.take(&["VALIDATE", "CONSTRAINT"]) {
        return Some(TableAction::ValidateConstraint { name: cursor.take_ident()? });
    }
    super::alter_other::other(cursor)
}

fn add(cursor: &mut Cursor) -> Option<TableAction> {
    if is_table_constraint(cursor) {
        return Some(TableAction::AddConstraint(table_constraint(cursor)?));
    }
    cursor.take_word("COLUMN");
    let if_not_exists = cursor.take_if_not_exists();
    Some(TableAction::AddColumn { column: column(cursor)?, if_not_exists })
}

fn drop(cursor: &mut Cursor) -> Option<TableAction> {
    if cursor.take_word("CONSTRAINT") {
        let if_exists = cursor.take_if_exists();
        let name = cursor.take_ident()?;
        return Some(TableAction::DropConstraint { name, if_exists, cascade: cascade(cursor) });
    }
    if cursor.remaining() > 1 {
        cursor.take_word("COLUMN");
    }
    let if_exists = cursor.take_if_exists();
    let column = cursor.take_ident_or_text()?;
    Some(TableAction::DropColumn { column, if_exists, cascade: cascade(cursor) })
}
