//! Actions of ALTER TABLE that only MySQL and MariaDB have, RENAME TABLE, and ALTER of other objects there.
//! <https://dev.mysql.com/doc/refman/8.4/en/alter-table.html>, <https://mariadb.com/kb/en/alter-table/>.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::statement::{ColumnChange, Keeps, ObjectKind, Op, TableAction};

use super::alter::Target;
use super::column::{column, definition};
use super::constraint::{is_table_constraint, table_constraint};
use super::view::{Modifiers, create_view};
use super::words::idents;
use super::{routine, sequence};

/// Words behind which commas do not part actions.
pub fn takes_rest(cursor: &Cursor) -> bool {
    let partition = ["DROP", "TRUNCATE", "REORGANIZE", "ANALYZE", "CHECK", "OPTIMIZE", "REBUILD", "REPAIR", "DISCARD", "IMPORT"];
    cursor.is(&["ORDER", "BY"])
        || cursor.is(&["PARTITION", "BY"])
        || (cursor.is_one_of(&partition) && cursor.is_word_at(1, "PARTITION"))
}

/// The action that is next; none where it is not one of MySQL's own.
pub fn action(cursor: &mut Cursor, target: &Target) -> Option<Vec<TableAction>> {
    let mut here = *cursor;
    let found = one(&mut here, versioning)
        .or_else(|| columns(&mut here))
        .or_else(|| one(&mut here, redefine))
        .or_else(|| one(&mut here, drop))
        .or_else(|| one(&mut here, rename_index))
        .or_else(|| one(&mut here, alter))
        .or_else(|| partition(&mut here, target))
        .or_else(|| one(&mut here, options))?;
    *cursor = here;
    Some(found)
}

/// MariaDB keeps old rows beside the table; what it shows stays the same.
fn versioning(cursor: &mut Cursor) -> Option<TableAction> {
    let taken = cursor.take(&["ADD", "SYSTEM", "VERSIONING"]) || cursor.take(&["DROP", "SYSTEM", "VERSIONING"]);
    taken.then_some(TableAction::Harmless)
}

fn one<'a>(cursor: &mut Cursor<'a>, read: fn(&mut Cursor<'a>) -> Option<TableAction>) -> Option<Vec<TableAction>> {
    let mut here = *cursor;
    let found = read(&mut here)?;
    *cursor = here;
    Some(vec![found])
}

/// `ADD COLUMN (a int, b int)` and `ADD COLUMN a int AFTER b`.
fn columns(cursor: &mut Cursor) -> Option<Vec<TableAction>> {
    let mut here = *cursor;
    if !here.take_word("ADD") || is_partitions(&here) {
        return None;
    }
    here.take_word("COLUMN");
    let mut if_not_exists = here.take_if_not_exists();
    let found = if here.is_symbol("(") {
        here.take_parenthesised()?.split_commas().into_iter().map(|mut part| element(&mut part)).collect::<Option<Vec<_>>>()?
    } else if is_table_constraint(&here) {
        return None;
    } else {
        let column = column(&mut here)?;
        if_not_exists |= here.take_if_not_exists();
        position(&mut here);
        vec![TableAction::AddColumn { column, if_not_exists }]
    };
    *cursor = here;
    Some(found)
}

/// `PARTITION (…)`, `PARTITION PARTITIONS 4`: not a column of that name.
fn is_partitions(here: &Cursor) -> bool {
    here.is_word_at(0, "PARTITION") && (here.text_at(1) == "(" || here.is_word_at(1, "PARTITIONS") || here.is_word_at(1, "IF"))
}

fn element(part: &mut Cursor) -> Option<TableAction> {
    if is_table_constraint(part) {
        return table_constraint(part).map(TableAction::AddConstraint);
    }
    let column = column(part)?;
    part.is_end().then_some(TableAction::AddColumn { column, if_not_exists: false })
}

fn position(cursor: &mut Cursor) {
    if cursor.take_word("AFTER") {
        cursor.take_ident_or_text();
    }
    cursor.take_word("FIRST");
}

fn redefine(cursor: &mut Cursor) -> Option<TableAction> {
    let word = cursor.take_one_of(&["MODIFY", "CHANGE"])?;
    cursor.take_word("COLUMN");
    let if_exists = cursor.take_if_exists();
    let from = cursor.take_ident_or_text()?;
    let to = if word == "CHANGE" { cursor.take_ident_or_text()? } else { from.clone() };
    let column = definition(cursor, to);
    column.data_type.as_ref()?;
    position(cursor);
    Some(TableAction::RedefineColumn { from, column, keeps: Keeps::NOTHING, if_exists })
}

fn drop(cursor: &mut Cursor) -> Option<TableAction> {
    if !cursor.take_word("DROP") || cursor.is_word_at(0, "PARTITION") {
        return None;
    }
    if cursor.take(&["PRIMARY", "KEY"]) {
        return Some(TableAction::DropPrimaryKey { cascade: false });
    }
    let is_foreign = cursor.take(&["FOREIGN", "KEY"]);
    let is_index = !is_foreign && cursor.remaining() > 1 && cursor.take_one_of(&["INDEX", "KEY"]).is_some();
    if is_foreign || is_index {
        let if_exists = cursor.take_if_exists();
        let name = cursor.take_ident_or_text()?;
        return Some(if is_foreign {
            TableAction::DropForeignKey { name, if_exists }
        } else {
            TableAction::DropIndex { name, if_exists }
        });
    }
    if cursor.remaining() < 2 || !cursor.take_word("CHECK") {
        return None;
    }
    let if_exists = cursor.take_if_exists();
    Some(TableAction::DropConstraint { name: cursor.take_ident_or_text()?, if_exists, cascade: false })
}

fn rename_index(cursor: &mut Cursor) -> Option<TableAction> {
    if !cursor.take_word("RENAME") || cursor.take_one_of(&["INDEX", "KEY"]).is_none() {
        return None;
    }
    let from = cursor.take_ident_or_text()?;
    cursor.take_word("TO");
    Some(TableAction::RenameIndex { from, to: cursor.take_ident_or_text()? })
}

/// `ALTER CHECK`, `ALTER INDEX`, `ALTER COLUMN … SET VISIBLE`.
fn alter(cursor: &mut Cursor) -> Option<TableAction> {
    if !cursor.take_word("ALTER") {
        return None;
    }
    if cursor.remaining() > 2 && cursor.take_one_of(&["INDEX", "KEY"]).is_some() {
        cursor.take_count(cursor.remaining());
        return Some(TableAction::Harmless);
    }
    if cursor.take_one_of(&["CHECK", "CONSTRAINT"]).is_some() {
        let name = cursor.take_ident_or_text()?;
        let enforced = !cursor.take_word("NOT");
        cursor.take_word("ENFORCED");
        return Some(TableAction::AlterConstraint { name, enforced: Some(enforced) });
    }
    cursor.take_word("COLUMN");
    let column = cursor.take_ident_or_text()?;
    cursor.take_word("SET");
    cursor.take_one_of(&["VISIBLE", "INVISIBLE"])?;
    Some(TableAction::AlterColumn { column, change: ColumnChange::Harmless, if_exists: false })
}

fn partition(cursor: &mut Cursor, target: &Target) -> Option<Vec<TableAction>> {
    let mut here = *cursor;
    let action = if here.take(&["DROP", "PARTITION"]) {
        here.take_if_exists();
        TableAction::DropPartition { partitions: idents(&mut here) }
    } else if here.take(&["TRUNCATE", "PARTITION"]) {
        TableAction::TruncatePartition { partitions: idents(&mut here) }
    } else if here.take(&["EXCHANGE", "PARTITION"]) {
        here.take_ident()?;
        here.take(&["WITH", "TABLE"]);
        let with = here.take_name()?;
        here.take_count(here.remaining());
        TableAction::ExchangePartition { with }
    } else if here.take(&["CONVERT", "PARTITION"]) {
        here.take_ident()?;
        here.take(&["TO", "TABLE"]);
        TableAction::DetachPartition { partition: here.take_name()? }
    } else if is_partition_upkeep(&here) {
        here.take_count(here.remaining());
        TableAction::Harmless
    } else {
        return None;
    };
    let _ = target;
    *cursor = here;
    Some(vec![action])
}

fn is_partition_upkeep(here: &Cursor) -> bool {
    const VERBS: [&str; 10] =
        ["ADD", "COALESCE", "REORGANIZE", "ANALYZE", "CHECK", "OPTIMIZE", "REBUILD", "REPAIR", "DISCARD", "IMPORT"];
    here.is(&["PARTITION", "BY"])
        || here.is(&["REMOVE", "PARTITIONING"])
        || (here.is_one_of(&VERBS) && here.is_word_at(1, "PARTITION"))
        || (here.is_one_of(&["DISCARD", "IMPORT"]) && here.is_word_at(1, "TABLESPACE"))
}

/// Options of the table; several may follow one another without commas.
fn options(cursor: &mut Cursor) -> Option<TableAction> {
    if cursor.take(&["CONVERT", "TO"]) {
        return charset(cursor, true);
    }
    if is_charset(cursor) {
        return charset(cursor, false);
    }
    if cursor.take_word("AUTO_INCREMENT") {
        cursor.take_symbol("=");
        return Some(TableAction::AutoIncrement(cursor.take_number()));
    }
    if cursor.take_word("ENGINE") {
        cursor.take_symbol("=");
        let engine = cursor.take_ident_or_text()?.key().to_owned();
        return Some(TableAction::Engine(engine));
    }
    let is_known =
        cursor.is_one_of(&STORAGE) || takes_rest(cursor) || cursor.is(&["ENABLE", "KEYS"]) || cursor.is(&["DISABLE", "KEYS"]);
    let is_versioning = cursor.dialect == Dialect::MariaDb && cursor.is_one_of(&["WAIT", "NOWAIT"]);
    if !is_known && !is_versioning {
        return None;
    }
    cursor.take_count(cursor.remaining());
    Some(TableAction::Harmless)
}

const STORAGE: [&str; 32] = [
    "ALGORITHM",
    "LOCK",
    "COMMENT",
    "ROW_FORMAT",
    "KEY_BLOCK_SIZE",
    "MAX_ROWS",
    "MIN_ROWS",
    "AVG_ROW_LENGTH",
    "CHECKSUM",
    "FORCE",
    "COMPRESSION",
    "ENCRYPTION",
    "DELAY_KEY_WRITE",
    "INSERT_METHOD",
    "PACK_KEYS",
    "STATS_AUTO_RECALC",
    "STATS_PERSISTENT",
    "STATS_SAMPLE_PAGES",
    "TABLESPACE",
    "UNION",
    "CONNECTION",
    "DATA",
    "INDEX",
    "PAGE_CHECKSUM",
    "PAGE_COMPRESSED",
    "TRANSACTIONAL",
    "ENCRYPTED",
    "WITH",
    "WITHOUT",
    "SECONDARY_LOAD",
    "SECONDARY_UNLOAD",
    "AUTOEXTEND_SIZE",
];

fn is_charset(cursor: &Cursor) -> bool {
    let ahead = usize::from(cursor.is_word_at(0, "DEFAULT"));
    ["CHARACTER", "CHARSET", "COLLATE", "CHAR"].iter().any(|word| cursor.is_word_at(ahead, word))
}

fn charset(cursor: &mut Cursor, convert: bool) -> Option<TableAction> {
    let (mut charset, mut collation) = (None, None);
    while !cursor.is_end() {
        cursor.take_word("DEFAULT");
        let is_charset = cursor.take(&["CHARACTER", "SET"]) || cursor.take(&["CHAR", "SET"]) || cursor.take_word("CHARSET");
        if !is_charset && !cursor.take_word("COLLATE") {
            break;
        }
        cursor.take_symbol("=");
        let name = cursor.take_ident_or_text().map(|name| name.key().to_owned());
        *(if is_charset { &mut charset } else { &mut collation }) = name;
    }
    Some(TableAction::Charset { charset, collation, convert })
}

/// What stands behind RENAME: `TABLE a TO b, c TO d`, Oracle's `a TO b`, MySQL's `USER a TO b`.
pub fn rename(cursor: &mut Cursor) -> Option<Vec<Op>> {
    if cursor.dialect.is_mysql() && cursor.take_word("USER") {
        cursor.take_count(cursor.remaining());
        return Some(vec![Op::Harmless]);
    }
    cursor.take_one_of(&["TABLE", "TABLES"]);
    let if_exists = cursor.take_if_exists();
    let mut ops = Vec::new();
    loop {
        let from = cursor.take_name()?;
        if !cursor.take_word("TO") {
            return None;
        }
        ops.push(Op::RenameTable { from, to: cursor.take_name()?, if_exists });
        if !cursor.take_symbol(",") {
            return Some(ops);
        }
    }
}

/// What stands behind ALTER where it is no table.
pub fn alter_object(cursor: &mut Cursor) -> Option<Vec<Op>> {
    while !cursor.is_end() && cursor.is_one_of(&["ALGORITHM", "DEFINER", "SQL"]) {
        cursor.take_until(|here| here.is_one_of(&["VIEW", "EVENT", "SQL", "DEFINER"]));
        if cursor.take(&["SQL", "SECURITY"]) {
            cursor.skip();
        } else if cursor.is_word_at(0, "DEFINER") && cursor.text_at(1) != "=" {
            return None;
        }
        if cursor.is_word_at(0, "DEFINER") {
            cursor.skip();
        }
    }
    match cursor.take_one_of(&["VIEW", "EVENT", "SEQUENCE", "SCHEMA", "PROCEDURE", "FUNCTION"])? {
        "VIEW" => create_view(cursor, Modifiers { or_replace: true, ..Modifiers::default() }).map(|op| vec![op]),
        "EVENT" => routine::event(cursor),
        "SEQUENCE" => sequence::alter(cursor),
        _ => {
            cursor.take_count(cursor.remaining());
            Some(vec![Op::Harmless])
        }
    }
}

/// `RENAME name` without TO renames the table.
pub fn rename_table(cursor: &mut Cursor, target: &Target) -> Option<Op> {
    let mut here = *cursor;
    if !here.take_word("RENAME") || here.is_one_of(&["COLUMN", "INDEX", "KEY"]) {
        return None;
    }
    here.take_one_of(&["TO", "AS"]);
    here.take_symbol("=");
    let to = here.take_name()?;
    *cursor = here;
    debug_assert!(target.object == ObjectKind::Table || target.object == ObjectKind::View);
    Some(Op::RenameTable { from: target.table.clone(), to, if_exists: target.if_exists })
}
