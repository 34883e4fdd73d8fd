//! One statement to what it does: a reader of each dialect's own DDL by keywords, data statements and queries behind it.

mod alter;
mod alter_column;
mod alter_mysql;
mod alter_oracle;
mod alter_other;
pub mod body;
pub mod column;
pub mod constraint;
mod create;
pub mod data;
pub mod data_type;
mod drop;
mod dynamic;
pub mod expression;
mod harmless;
mod index;
mod load;
mod opaque;
pub mod query;
mod routine;
pub mod script;
mod security;
mod sequence;
mod session;
mod table;
mod trigger;
mod tsql;
mod type_def;
mod view;
mod words;

use super::cursor::{Cursor, MAX_DEPTH};
use super::dialect::Dialect;
use super::lexer::lex_up_to;
use super::split::{RawStatement, split};
use super::statement::{ObjectKind, Op, Statement};

/// Tokens of one statement that are read; a list of values that is longer says nothing new. Bounds what a statement takes.
const MAX_TOKENS: usize = 100_000;

/// What one statement does; what is not understood is [`Op::Opaque`].
pub fn read(raw: &RawStatement, dialect: Dialect) -> Statement {
    let mut statement = read_at(raw, dialect, 0);
    for op in &mut statement.ops {
        place(op, statement.number, statement.line.saturating_sub(1));
    }
    statement
}

/// [`read`] for a statement inside `depth` bodies; lines of statements in its own bodies count from its first line.
pub fn read_at(raw: &RawStatement, dialect: Dialect, depth: u32) -> Statement {
    let tokens = lex_up_to(&raw.text, dialect, MAX_TOKENS);
    let cursor = Cursor::new(&raw.text, &tokens, dialect).at_depth(depth);
    let ops = operations(cursor);
    Statement { number: raw.number, line: raw.line, ops, templated: raw.templated }
}

/// The statements of a script, read.
pub fn read_script(text: &str, dialect: Dialect) -> Vec<Statement> {
    let mut reader = script::ScriptReader::new(dialect);
    split(text, dialect).iter().map(|raw| reader.read(raw)).collect()
}

/// What the tokens of one statement do.
pub fn operations(cursor: Cursor) -> Vec<Op> {
    if cursor.is_end() {
        return Vec::new();
    }
    if cursor.dialect == Dialect::MsSql {
        return tsql::batch(cursor);
    }
    one(cursor)
}

/// What one statement does.
fn one(cursor: Cursor) -> Vec<Op> {
    definition(cursor).or_else(|| data::data(cursor)).unwrap_or_else(|| vec![opaque::opaque(cursor, opaque::why(&cursor))])
}

/// Everything but data statements; none where it is not known or something is left behind it.
fn definition(cursor: Cursor) -> Option<Vec<Op>> {
    let mut here = cursor;
    if let Some(ops) = control(&mut here) {
        return here.is_end().then_some(ops);
    }
    let verb = here.take_one_of(&VERBS)?;
    let ops = match verb {
        "CREATE" => create::create(&mut here),
        "ALTER" => alter(&mut here),
        "DROP" => drop::drop(&mut here),
        "TRUNCATE" => drop::truncate(&mut here),
        "RENAME" => alter_mysql::rename(&mut here),
        "REFRESH" => here.take(&["MATERIALIZED", "VIEW"]).then(|| view::refresh(&mut here)).flatten().map(|op| vec![op]),
        "GRANT" => security::grant(&mut here),
        "REVOKE" => security::revoke(&mut here),
        "SET" => session::set(&mut here),
        "RESET" => session::reset(&mut here),
        "USE" => session::use_database(&mut here),
        "PRAGMA" => session::pragma(&mut here),
        "DO" => dynamic::do_block(&mut here),
        "PREPARE" => dynamic::prepare(&mut here),
        "EXPLAIN" => explain(&mut here),
        _ => load::load(&mut here, verb),
    }?;
    here.is_end().then_some(ops)
}

const VERBS: [&str; 21] = [
    "CREATE", "ALTER", "DROP", "TRUNCATE", "RENAME", "REFRESH", "GRANT", "REVOKE", "SET", "RESET", "USE", "PRAGMA", "DO",
    "PREPARE", "EXPLAIN", "COPY", "LOAD", "IMPORT", "ATTACH", "DETACH", "PURGE",
];

/// Transactions, blocks and what is harmless as a whole.
fn control(cursor: &mut Cursor) -> Option<Vec<Op>> {
    if cursor.is(&["SELECT"]) {
        return session::set_config(cursor);
    }
    if let Some(ops) = session::transaction(cursor) {
        return Some(ops);
    }
    if cursor.is(&["BEGIN", "NOT", "ATOMIC"]) {
        return dynamic::bare_block(cursor, "sql");
    }
    if cursor.dialect == Dialect::Oracle && cursor.is_one_of(&["BEGIN", "DECLARE"]) {
        return dynamic::bare_block(cursor, "plsql");
    }
    if harmless::is_harmless(cursor) {
        cursor.take_count(cursor.remaining());
        return Some(vec![Op::Harmless]);
    }
    None
}

/// EXPLAIN runs its statement only with ANALYZE.
fn explain(cursor: &mut Cursor) -> Option<Vec<Op>> {
    let whole = cursor.take_count(cursor.remaining());
    let runs = whole.tokens().iter().any(|token| token.text(whole.source).eq_ignore_ascii_case("analyze"));
    if !runs {
        return Some(vec![Op::Harmless]);
    }
    let mut here = whole;
    here.take_parenthesised();
    while here.take_one_of(&["ANALYZE", "VERBOSE"]).is_some() {}
    (here.depth < MAX_DEPTH).then(|| one(here.rest().at_depth(here.depth + 1)))
}

fn alter(cursor: &mut Cursor) -> Option<Vec<Op>> {
    if harmless::is_harmless_object(cursor) || harmless::is_harmless_to_create(cursor) {
        cursor.take_count(cursor.remaining());
        return Some(vec![Op::Harmless]);
    }
    if cursor.take(&["DEFAULT", "PRIVILEGES"]) {
        cursor.take_count(cursor.remaining());
        return Some(vec![Op::Grant { objects: Vec::new() }]);
    }
    cursor.take_one_of(&["ONLINE", "OFFLINE", "IGNORE"]);
    if cursor.dialect.is_mysql() && !cursor.is(&["TABLE"]) {
        return alter_mysql::alter_object(cursor);
    }
    cursor.take_one_of(&["FOREIGN", "MATERIALIZED"]);
    match cursor.take_one_of(&ALTERED)? {
        "TABLE" => alter::alter_table(cursor, ObjectKind::Table),
        "VIEW" => alter_view(cursor),
        "INDEX" => index::alter_index(cursor).map(|op| vec![op]),
        "SEQUENCE" => sequence::alter(cursor),
        "TYPE" => type_def::alter_type(cursor),
        "DOMAIN" => type_def::alter_domain(cursor),
        "TRIGGER" => trigger::alter(cursor),
        "POLICY" => security::policy(cursor, "ALTER"),
        "SCHEMA" => security::alter_schema(cursor),
        "EXTENSION" => security::alter_extension(cursor),
        "RULE" => {
            cursor.take_count(cursor.remaining());
            Some(vec![Op::Harmless])
        }
        word if cursor.dialect == Dialect::MsSql => routine::create(cursor, true, word.starts_with("PROC")),
        _ => routine::alter(cursor),
    }
}

const ALTERED: [&str; 16] = [
    "TABLE",
    "VIEW",
    "INDEX",
    "SEQUENCE",
    "TYPE",
    "DOMAIN",
    "TRIGGER",
    "POLICY",
    "SCHEMA",
    "EXTENSION",
    "RULE",
    "FUNCTION",
    "PROCEDURE",
    "PROC",
    "ROUTINE",
    "AGGREGATE",
];

/// SQL Server writes the query anew, PostgreSQL changes single things.
fn alter_view(cursor: &mut Cursor) -> Option<Vec<Op>> {
    if cursor.dialect == Dialect::MsSql {
        let modifiers = view::Modifiers { or_replace: true, ..Default::default() };
        return view::create_view(cursor, modifiers).map(|op| vec![op]);
    }
    alter::alter_table(cursor, ObjectKind::View)
}

/// Moves the lines of nested statements down.
pub fn shift_lines(statements: &mut [Statement], by: u32) {
    for statement in statements {
        statement.line = statement.line.saturating_add(by);
        for op in &mut statement.ops {
            if let Some(body) = bodies(op) {
                shift_lines(body, by);
            }
        }
    }
}

/// Gives nested statements the number of the one they stand in, and lines of the file.
fn place(op: &mut Op, number: u32, by: u32) {
    if let Some(body) = bodies(op) {
        for statement in body.iter_mut() {
            statement.number = number;
            statement.line = statement.line.saturating_add(by);
            for op in &mut statement.ops {
                place(op, number, by);
            }
        }
    }
}

fn bodies(op: &mut Op) -> Option<&mut Vec<Statement>> {
    match op {
        Op::Block { body, .. } | Op::CreateEvent { body, .. } => Some(body),
        Op::CreateRoutine(routine) => Some(&mut routine.body.statements),
        Op::CreateTrigger(trigger) => trigger.body.as_mut().map(|body| &mut body.statements),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
