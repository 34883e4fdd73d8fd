//! Constraints, at a table or at a column.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::name::Ident;
use crate::sql::statement::{Constraint, ConstraintKind, ForeignKey, IndexPart, ReferentialAction};

use super::words::{ident_list, index_parts, referential_action};

/// Whether a table constraint is next, not a column.
pub fn is_table_constraint(cursor: &Cursor) -> bool {
    if cursor.is(&["CONSTRAINT"]) || cursor.is(&["FOREIGN", "KEY"]) || cursor.is(&["PRIMARY", "KEY"]) {
        return true;
    }
    let opens = |ahead: usize| cursor.text_at(ahead) == "(";
    if cursor.is(&["CHECK"]) {
        return opens(1);
    }
    if cursor.is(&["UNIQUE"]) {
        return true;
    }
    if cursor.is(&["EXCLUDE"]) {
        return opens(1) || cursor.is_word_at(1, "USING");
    }
    if cursor.is(&["NOT", "NULL"]) {
        return cursor.dialect == Dialect::PostgreSql;
    }
    cursor.dialect.is_mysql() && is_inline_index(cursor) || cursor.dialect == Dialect::MsSql && cursor.is(&["INDEX"])
}

/// `KEY (a)`, `KEY name (a)`, `INDEX name USING BTREE (a)`, `FULLTEXT KEY …`; a column may be called `key` too.
fn is_inline_index(cursor: &Cursor) -> bool {
    if cursor.is_one_of(&["FULLTEXT", "SPATIAL"]) {
        return true;
    }
    cursor.is_one_of(&["KEY", "INDEX"])
        && (cursor.text_at(1) == "("
            || cursor.text_at(2) == "("
            || cursor.is_word_at(2, "USING")
            || cursor.is_word_at(1, "USING")
            || cursor.is(&["INDEX", "IF"])
            || cursor.is(&["KEY", "IF"]))
}

/// The table constraint that is next.
pub fn table_constraint(cursor: &mut Cursor) -> Option<Constraint> {
    let mut name = None;
    if cursor.take_word("CONSTRAINT") {
        cursor.take_if_not_exists();
        if !is_kind(cursor) {
            name = cursor.take_name().map(|name| name.name);
        }
    }
    let if_not_exists = cursor.take_if_not_exists();
    let kind = table_kind(cursor, &mut name)?;
    let mut constraint = Constraint { name, kind, not_valid: false, not_enforced: false, deferrable: false, if_not_exists };
    attributes(cursor, &mut constraint);
    Some(constraint)
}

fn is_kind(cursor: &Cursor) -> bool {
    cursor.is_one_of(&["PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE"]) && !cursor.is_word_at(1, "CHECK")
}

fn table_kind(cursor: &mut Cursor, name: &mut Option<Ident>) -> Option<ConstraintKind> {
    if cursor.take(&["PRIMARY", "KEY"]) {
        return primary_key(cursor, name);
    }
    if cursor.take_word("UNIQUE") {
        return unique(cursor, name);
    }
    if cursor.take_word("CHECK") {
        return check(cursor);
    }
    if cursor.take(&["FOREIGN", "KEY"]) {
        return foreign_key(cursor, name);
    }
    if cursor.take_word("EXCLUDE") {
        return exclude(cursor);
    }
    if cursor.take(&["NOT", "NULL"]) {
        return Some(ConstraintKind::NotNull { column: cursor.take_ident()? });
    }
    inline_index(cursor, name)
}

/// MySQL names a key behind its kind; a name of CONSTRAINT goes first.
fn key_name(cursor: &mut Cursor, name: &mut Option<Ident>) {
    cursor.take_if_not_exists();
    if !cursor.is_symbol("(") && !cursor.is_one_of(&["USING", "NONCLUSTERED", "CLUSTERED", "NULLS"]) {
        let written = cursor.take_ident_or_text();
        if name.is_none() {
            *name = written;
        }
    }
    while cursor.take_one_of(&["CLUSTERED", "NONCLUSTERED"]).is_some() {}
    index_type(cursor);
}

fn index_type(cursor: &mut Cursor) {
    if cursor.is_word_at(0, "USING") && !cursor.is_word_at(1, "INDEX") {
        cursor.take_count(2);
    }
}

fn using_index(cursor: &mut Cursor) -> Option<Ident> {
    if !cursor.is(&["USING", "INDEX"]) || cursor.is_word_at(2, "TABLESPACE") {
        return None;
    }
    cursor.take_count(2);
    cursor.take_name().map(|name| name.name)
}

fn primary_key(cursor: &mut Cursor, name: &mut Option<Ident>) -> Option<ConstraintKind> {
    if let Some(index) = using_index(cursor) {
        return Some(ConstraintKind::PrimaryKey { columns: Vec::new(), using_index: Some(index) });
    }
    let mut unused = name.clone().or(None);
    key_name(cursor, &mut unused);
    if cursor.dialect != Dialect::MySql {
        *name = name.take().or(unused);
    }
    Some(ConstraintKind::PrimaryKey { columns: index_parts(cursor)?, using_index: None })
}

fn unique(cursor: &mut Cursor, name: &mut Option<Ident>) -> Option<ConstraintKind> {
    let mut nulls_not_distinct = nulls(cursor);
    if let Some(index) = using_index(cursor) {
        return Some(ConstraintKind::Unique { columns: Vec::new(), nulls_not_distinct, using_index: Some(index) });
    }
    cursor.take_one_of(&["KEY", "INDEX"]);
    key_name(cursor, name);
    nulls_not_distinct |= nulls(cursor);
    Some(ConstraintKind::Unique { columns: index_parts(cursor)?, nulls_not_distinct, using_index: None })
}

fn nulls(cursor: &mut Cursor) -> bool {
    let found = cursor.take(&["NULLS", "NOT", "DISTINCT"]);
    cursor.take(&["NULLS", "DISTINCT"]);
    found
}

fn check(cursor: &mut Cursor) -> Option<ConstraintKind> {
    cursor.take(&["NOT", "FOR", "REPLICATION"]);
    let inside = cursor.take_parenthesised()?;
    Some(ConstraintKind::Check { expression: super::expression::expr(inside) })
}

fn foreign_key(cursor: &mut Cursor, name: &mut Option<Ident>) -> Option<ConstraintKind> {
    cursor.take_if_not_exists();
    if !cursor.is_symbol("(") {
        let written = cursor.take_ident_or_text();
        if name.is_none() {
            *name = written;
        }
    }
    let columns = ident_list(cursor)?;
    if !cursor.take_word("REFERENCES") {
        return None;
    }
    references(cursor, columns).map(ConstraintKind::ForeignKey)
}

/// What stands behind REFERENCES.
pub fn references(cursor: &mut Cursor, columns: Vec<Ident>) -> Option<ForeignKey> {
    let table = cursor.take_name()?;
    let referenced = ident_list(cursor).unwrap_or_default();
    let mut key =
        ForeignKey { columns, table, referenced, on_delete: ReferentialAction::NoAction, on_update: ReferentialAction::NoAction };
    loop {
        if cursor.take(&["ON", "DELETE"]) {
            key.on_delete = referential_action(cursor);
        } else if cursor.take(&["ON", "UPDATE"]) {
            key.on_update = referential_action(cursor);
        } else if cursor.is_word_at(0, "MATCH") {
            cursor.take_count(2);
        } else {
            return Some(key);
        }
    }
}

fn exclude(cursor: &mut Cursor) -> Option<ConstraintKind> {
    let whole = *cursor;
    index_type(cursor);
    let inside = cursor.take_parenthesised()?;
    let columns = inside.split_commas().into_iter().filter_map(|mut part| part.take_ident()).collect();
    let text = super::expression::expr(whole).text;
    Some(ConstraintKind::Exclude { text, columns })
}

fn inline_index(cursor: &mut Cursor, name: &mut Option<Ident>) -> Option<ConstraintKind> {
    let fulltext = cursor.take_one_of(&["FULLTEXT", "SPATIAL"]) == Some("FULLTEXT");
    cursor.take_one_of(&["KEY", "INDEX"]);
    key_name(cursor, name);
    let columns: Vec<IndexPart> = index_parts(cursor)?;
    Some(ConstraintKind::Index { columns, fulltext })
}

/// What stands behind a constraint: its validity, its deferral and options of its index.
pub fn attributes(cursor: &mut Cursor, constraint: &mut Constraint) {
    while attribute(cursor, constraint) {}
}

fn attribute(cursor: &mut Cursor, constraint: &mut Constraint) -> bool {
    if cursor.take(&["NOT", "VALID"]) || cursor.take(&["ENABLE", "NOVALIDATE"]) || cursor.take_word("NOVALIDATE") {
        constraint.not_valid = true;
    } else if cursor.take(&["NOT", "ENFORCED"]) || cursor.take_word("DISABLE") {
        constraint.not_enforced = true;
    } else if cursor.take(&["NOT", "DEFERRABLE"]) {
        constraint.deferrable = false;
    } else if cursor.take_word("DEFERRABLE") {
        constraint.deferrable = true;
    } else if cursor.take_word("INITIALLY") {
        constraint.deferrable |= cursor.is_word_at(0, "DEFERRED");
        cursor.take_one_of(&["DEFERRED", "IMMEDIATE"]);
    } else {
        return index_option(cursor);
    }
    true
}

/// Options that change how an index is stored.
fn index_option(cursor: &mut Cursor) -> bool {
    const ALONE: [&str; 8] = ["ENFORCED", "VISIBLE", "INVISIBLE", "ENABLE", "VALIDATE", "RELY", "NORELY", "IGNORED"];
    if cursor.take_one_of(&ALONE).is_some() || cursor.take(&["NO", "INHERIT"]) || cursor.take(&["NOT", "IGNORED"]) {
        return true;
    }
    if cursor.take(&["USING", "INDEX"]) {
        cursor.take_word("TABLESPACE");
        cursor.take_ident();
        return true;
    }
    if cursor.take_word("INCLUDE") || cursor.take_word("WHERE") {
        return cursor.take_parenthesised().is_some();
    }
    if cursor.is_word_at(0, "WITH") && cursor.text_at(1) == "(" {
        cursor.skip();
        return cursor.take_parenthesised().is_some();
    }
    if cursor.take(&["ON", "CONFLICT"]) || cursor.take(&["WITH", "PARSER"]) || cursor.take_word("TABLESPACE") {
        return cursor.skip().is_some();
    }
    if cursor.is_one_of(&["USING", "COMMENT"]) {
        cursor.take_count(2);
        return true;
    }
    if cursor.is_one_of(&["KEY_BLOCK_SIZE", "ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE", "CLUSTERING"]) {
        cursor.skip();
        cursor.take_symbol("=");
        return cursor.skip().is_some();
    }
    if cursor.dialect == Dialect::MsSql && cursor.is_word_at(0, "ON") && !cursor.is_one_of(&["DELETE", "UPDATE"]) {
        cursor.take_count(2);
        cursor.take_parenthesised();
        return true;
    }
    false
}
