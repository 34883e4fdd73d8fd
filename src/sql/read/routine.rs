//! Functions and procedures.

use crate::sql::cursor::Cursor;
use crate::sql::dialect::Dialect;
use crate::sql::lexer::{TokenKind, decode_text};
use crate::sql::statement::{Argument, CreateRoutine, ObjectKind, Op, RoutineBody};

use super::body::body;
use super::data_type::data_type;
use super::shift_lines;
use super::words::cascade;

/// What stands behind `CREATE … FUNCTION` or PROCEDURE.
pub fn create(cursor: &mut Cursor, or_replace: bool, procedure: bool) -> Option<Vec<Op>> {
    cursor.take_if_not_exists();
    let name = cursor.take_name()?;
    let arguments = match cursor.take_parenthesised() {
        Some(inside) => inside.split_commas().into_iter().filter_map(argument).collect(),
        None => Vec::new(),
    };
    let mut routine = CreateRoutine {
        name,
        or_replace,
        procedure,
        arguments,
        returns: None,
        language: None,
        body: RoutineBody::unread(cursor.source_text().to_owned(), true),
    };
    match cursor.dialect {
        Dialect::PostgreSql => postgresql(cursor, &mut routine)?,
        Dialect::MsSql | Dialect::Oracle => behind_as(cursor, &mut routine),
        _ => mysql(cursor, &mut routine),
    }
    Some(vec![Op::CreateRoutine(Box::new(routine))])
}

fn argument(mut part: Cursor) -> Option<Argument> {
    let mut is_output = false;
    while let Some(mode) = part.take_one_of(&["IN", "OUT", "INOUT", "VARIADIC"]) {
        is_output |= mode == "OUT";
    }
    let is_default =
        |here: &Cursor| here.is_end() || here.is_word_at(0, "DEFAULT") || here.is_symbol("=") || here.is_symbol(":=");
    let mut here = part;
    let unnamed = data_type(&mut here).filter(|_| is_default(&here) && part.dialect == Dialect::PostgreSql);
    let (name, data_type) = match unnamed {
        Some(data_type) => (None, Some(data_type)),
        None => {
            here = part;
            let name = match here.kind_at(0) {
                Some(TokenKind::Parameter) => {
                    here.skip().map(|token| crate::sql::name::Ident::new(part.dialect, token.text(part.source), false))
                }
                _ => here.take_ident(),
            };
            while let Some(mode) = here.take_one_of(&["IN", "OUT", "INOUT"]) {
                is_output |= mode == "OUT";
            }
            (name, data_type(&mut here))
        }
    };
    let has_default = !here.is_end() && is_default(&here);
    (name.is_some() || data_type.is_some()).then_some(Argument { name, data_type, has_default, is_output })
}

/// Attributes in any order, the body among them.
fn postgresql(cursor: &mut Cursor, routine: &mut CreateRoutine) -> Option<()> {
    let mut text = None;
    while !cursor.is_end() {
        if cursor.take_word("RETURNS") {
            returns(cursor, routine);
        } else if cursor.take_word("LANGUAGE") {
            routine.language = cursor.take_ident_or_text().map(|name| name.key().to_lowercase());
        } else if cursor.is_word_at(0, "AS") && cursor.kind_at(1) == Some(TokenKind::Text) {
            cursor.skip();
            text = Some(*cursor);
            cursor.skip();
        } else if cursor.is(&["BEGIN", "ATOMIC"]) || cursor.is_word_at(0, "RETURN") {
            routine.body = rest(cursor, "sql");
            routine.body.bound = true;
            return Some(());
        } else {
            cursor.skip();
        }
    }
    let language = routine.language.clone().unwrap_or_else(|| "sql".to_owned());
    routine.body = quoted(&text?, &language);
    Some(())
}

fn returns(cursor: &mut Cursor, routine: &mut CreateRoutine) {
    if cursor.is_word_at(0, "NULL") {
        return;
    }
    if !cursor.take_word("TABLE") {
        routine.returns = data_type(cursor);
        return;
    }
    let Some(inside) = cursor.take_parenthesised() else { return };
    let columns = inside.split_commas().into_iter().filter_map(argument);
    routine.arguments.extend(columns.map(|column| Argument { is_output: true, ..column }));
}

/// The body in the string that is next.
pub fn quoted(cursor: &Cursor, language: &str) -> RoutineBody {
    let text = decode_text(cursor.text_at(0), cursor.dialect);
    let mut body = body(&text, language, cursor.dialect, cursor.depth + 1);
    shift_lines(&mut body.statements, cursor.line() - 1);
    body
}

/// The body that all the rest is.
pub fn rest(cursor: &mut Cursor, language: &str) -> RoutineBody {
    let rest = cursor.take_count(cursor.remaining());
    let mut body = body(rest.source_text(), language, rest.dialect, rest.depth + 1);
    shift_lines(&mut body.statements, rest.line() - 1);
    body
}

/// MySQL's characteristics, then the body.
fn mysql(cursor: &mut Cursor, routine: &mut CreateRoutine) {
    const PLAIN: [&[&str]; 9] = [
        &["LANGUAGE", "SQL"],
        &["NOT", "DETERMINISTIC"],
        &["DETERMINISTIC"],
        &["CONTAINS", "SQL"],
        &["NO", "SQL"],
        &["READS", "SQL", "DATA"],
        &["MODIFIES", "SQL", "DATA"],
        &["SQL", "SECURITY", "DEFINER"],
        &["SQL", "SECURITY", "INVOKER"],
    ];
    if cursor.take_word("RETURNS") {
        routine.returns = data_type(cursor);
    }
    loop {
        if cursor.take_word("COMMENT") {
            cursor.skip();
        } else if !PLAIN.iter().any(|words| cursor.take(words)) {
            break;
        }
    }
    routine.language = Some("sql".to_owned());
    routine.body = rest(cursor, "sql");
}

/// T-SQL and PL/SQL: the body stands behind AS or IS.
fn behind_as(cursor: &mut Cursor, routine: &mut CreateRoutine) {
    if cursor.take_one_of(&["RETURNS", "RETURN"]).is_some() {
        routine.returns = data_type(cursor);
    }
    cursor.take_until(|here| here.is_one_of(&["AS", "IS"]));
    cursor.skip();
    let language = if cursor.dialect == Dialect::MsSql { "tsql" } else { "plsql" };
    routine.language = Some(language.to_owned());
    routine.body = rest(cursor, language);
}

/// What stands behind `ALTER FUNCTION` and the like of PostgreSQL.
pub fn alter(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let name = cursor.take_name()?;
    cursor.take_parenthesised();
    if cursor.take(&["RENAME", "TO"]) {
        return Some(vec![Op::RenameRoutine { name, to: cursor.take_ident()? }]);
    }
    if cursor.take(&["SET", "SCHEMA"]) {
        let schema = cursor.take_ident()?;
        return Some(vec![Op::SetSchema { object: ObjectKind::Routine, name, schema, if_exists: false }]);
    }
    cursor.take_count(cursor.remaining());
    Some(vec![Op::Harmless])
}

/// What stands behind `DROP FUNCTION` and the like.
pub fn drop(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let if_exists = cursor.take_if_exists();
    let mut dropped = Vec::new();
    loop {
        let name = cursor.take_name()?;
        let arguments = cursor.take_parenthesised().map(|inside| {
            let arguments = inside.split_commas().into_iter().filter_map(argument);
            arguments.filter(|argument| !argument.is_output).filter_map(|argument| argument.data_type).collect::<Vec<_>>()
        });
        dropped.push((name, arguments));
        if !cursor.take_symbol(",") {
            break;
        }
    }
    let cascade = cascade(cursor);
    Some(dropped.into_iter().map(|(name, arguments)| Op::DropRoutine { name, arguments, if_exists, cascade }).collect())
}

/// What stands behind `CREATE … EVENT`: the body behind DO.
pub fn event(cursor: &mut Cursor) -> Option<Vec<Op>> {
    cursor.take_if_not_exists();
    cursor.take_if_exists();
    let name = cursor.take_name()?;
    cursor.take_until(|here| here.is_word_at(0, "DO"));
    if !cursor.take_word("DO") {
        // ALTER EVENT without a body.
        return Some(vec![Op::Harmless]);
    }
    let body = rest(cursor, "sql");
    let body = super::dynamic::statements(body, cursor);
    Some(vec![Op::CreateEvent { name, body }])
}
