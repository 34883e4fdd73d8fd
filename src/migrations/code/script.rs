//! Files with one function for each way (`up`, `down`), and calls whose argument is SQL.

use super::ast::{Call, Function, Node, NodeKind, Value};
use super::change::Item;
use super::lex::{Language, Tok, lex};
use super::walk::{Vocabulary, Walk, sql_item};
use super::{CodeMigration, DownKind, Header, lower};
use crate::sql::dialect::Dialect;

/// Methods that execute the text they get.
const EXECUTES: &[&str] = &[
    "query",
    "raw",
    "execute",
    "sql",
    "Sql",
    "addSql",
    "exec",
    "Exec",
    "ExecContext",
    "MustExec",
    "statement",
    "unprepared",
    "execute_unprepared",
    "executeStatement",
    "executeQuery",
    "QueryRow",
    "Query",
    "execute_batch",
    "NewRaw",
    "Raw",
    "executeUpdate",
];

/// Calls that report or ask, and change nothing.
const NOTHING: &[&str] = &[
    "log",
    "info",
    "print",
    "println",
    "warn",
    "warning",
    "abortIf",
    "skipIf",
    "hasTable",
    "hasColumn",
    "hasIndex",
    "debug",
    "bindparam",
    "get_bind",
    "get_context",
    "inspect",
    "Inspector",
    "has_table",
    "has_column",
    "get_columns",
    "get_indexes",
    "get_table_names",
    "get_foreign_keys",
    "get_unique_constraints",
    "super",
];

/// Whether one of the arguments calls something itself.
fn calls_more(call: &Call) -> bool {
    let called = |value: &Value| matches!(value, Value::Call(inner) if inner.called && !NOTHING.contains(&inner.name.as_str()));
    call.args.iter().any(|arg| match arg {
        Value::Many(parts) => parts.iter().any(called),
        Value::Function(_) => true,
        value => called(value) && value.as_call().is_some_and(|inner| !super::walk::reads(&inner.name)),
    })
}

/// Reads the two functions with a framework's words.
pub(super) fn both(walk: &Walk, up: &str, down: &str, words: &dyn Vocabulary) -> CodeMigration {
    let read = |function: &Function| walk.within(function).body(&function.body, words);
    let items = walk.functions.get(up).map_or_else(|| vec![opaque_file()], read);
    let (down, down_kind) = match walk.functions.get(down) {
        None => (None, DownKind::Missing),
        Some(function) if refuses(function) => (None, DownKind::Irreversible("its way down raises an error".into())),
        Some(function) => {
            let items = walk.within(function).body(&function.body, words);
            let kind = if items.is_empty() { DownKind::Empty } else { DownKind::Written };
            (Some(lower::lower(&items, walk.dialect)), kind)
        }
    };
    let up = lower::lower(&items, walk.dialect);
    CodeMigration { up, down, down_kind, header: Header::default(), transactional: None }
}

/// Whether a function raises an error whatever happens.
fn refuses(function: &Function) -> bool {
    function.body.iter().any(|node| match &node.kind {
        NodeKind::Raise(_) => true,
        NodeKind::Expr(Value::Call(call)) => call.name == "throwIrreversibleMigrationException",
        _ => false,
    })
}

/// What every framework shares: calls with SQL, and calls that only report or ask.
pub(super) fn common(walk: &Walk, call: &Call) -> Option<Vec<Item>> {
    if NOTHING.contains(&call.name.as_str()) {
        return (!calls_more(call)).then(Vec::new);
    }
    if call.receiver.is_some() && EXECUTES.contains(&call.name.as_str()) {
        let text = call.args.iter().find(|arg| matches!(walk.resolve(arg), Value::Text { .. }));
        let wrapped = call.args.iter().filter_map(Value::as_call).find_map(|inner| inner.args.first());
        let text = text.or(wrapped.filter(|arg| matches!(walk.resolve(arg), Value::Text { .. }))).or(call.args.first());
        return Some(vec![sql_item(walk, call.line, text)]);
    }
    None
}

/// SQL in calls, nothing else.
pub(super) struct Plain;

impl Vocabulary for Plain {
    fn call(&self, walk: &Walk, call: &Call) -> Option<Vec<Item>> {
        common(walk, call)
    }
}

/// Names of the class, for frameworks whose history holds them.
pub(super) fn class_name(nodes: &[Node]) -> Option<String> {
    nodes.iter().find_map(|node| match &node.kind {
        NodeKind::Class(name, _, _) => Some(name.clone()),
        _ => None,
    })
}

/// Go, Rust and Java: text in calls of the two functions, the calls themselves not followed.
pub(super) fn scanned(text: &str, language: Language, dialect: Dialect) -> CodeMigration {
    let tokens = lex(text, language);
    let mut up = Vec::new();
    let mut down = None;
    let mut into_down = false;
    let mut found = 0usize;
    for (at, token) in tokens.iter().enumerate() {
        let Tok::Word(word) = &token.tok else { continue };
        let defines = at > 0
            && matches!(&tokens[at - 1].tok, Tok::Word(before) if matches!(before.as_str(), "func" | "fn" | "void" | "fun"))
            || tokens.get(at.wrapping_sub(1)).is_some_and(|token| token.tok == Tok::Symbol(")"));
        let lower = word.to_lowercase();
        if defines && lower.starts_with("down") {
            into_down = true;
            down.get_or_insert_with(Vec::new);
        } else if defines && (lower.starts_with("up") || lower == "migrate" || lower == "migration") {
            into_down = false;
        }
        let behind_dot = at > 0 && matches!(tokens[at - 1].tok, Tok::Symbol("." | "::" | "?."));
        let Some(item) = executed(&tokens[at..], word).or_else(|| writes(&tokens[at..], word, behind_dot)) else { continue };
        found += 1;
        let list = if into_down { down.get_or_insert_with(Vec::new) } else { &mut up };
        list.push(item);
    }
    if found == 0 {
        up.push(opaque_file());
    }
    let down_kind = match &down {
        None => DownKind::Missing,
        Some(items) if items.is_empty() => DownKind::Empty,
        Some(_) => DownKind::Written,
    };
    let down = down.map(|items| lower::lower(&items, dialect));
    CodeMigration { up: lower::lower(&up, dialect), down, down_kind, header: Header::default(), transactional: None }
}

/// A file without the function that is run, or without a call that is known.
pub(super) fn opaque_file() -> Item {
    use super::change::Change;
    Item::new(1, Change::Opaque { head: "code".into(), why: "a program whose calls are not read".into() })
}

/// Methods of query builders and drivers that write and are given no SQL: Go's gorm, bun and xorm, Rust's sea-orm and diesel, Java's
/// jOOQ and JdbcTemplate. Their names are those of a database handle's methods and of little else.
const WRITES: &[&str] = &[
    "AutoMigrate",
    "CreateTable",
    "DropTable",
    "AddColumn",
    "DropColumn",
    "RenameColumn",
    "AlterColumn",
    "MigrateColumn",
    "RenameTable",
    "CreateIndex",
    "DropIndex",
    "CreateConstraint",
    "DropConstraint",
    "Prepare",
    "PrepareContext",
    "SendBatch",
    "CopyFrom",
    "BulkInsert",
    "NamedExec",
    "NewCreateTable",
    "NewDropTable",
    "NewAddColumn",
    "NewDropColumn",
    "NewInsert",
    "NewUpdate",
    "NewDelete",
    "create_table",
    "drop_table",
    "alter_table",
    "rename_table",
    "truncate_table",
    "create_index",
    "drop_index",
    "create_foreign_key",
    "drop_foreign_key",
    "create_type",
    "drop_type",
    "alter_type",
    "exec_stmt",
    "exec_drop",
    "insert_many",
    "update_many",
    "delete_many",
    "prepareStatement",
    "prepareCall",
    "batchUpdate",
    "executeBatch",
    "createTable",
    "dropTable",
    "alterTable",
];

/// A call that writes to the database in a way that is not read.
fn writes(tokens: &[super::lex::Token], word: &str, behind_dot: bool) -> Option<Item> {
    use super::change::Change;
    let called = tokens.get(1).map(|token| &token.tok) == Some(&Tok::Symbol("("));
    let why = "a call that writes to the database in a way that is not read";
    (behind_dot && called && WRITES.contains(&word))
        .then(|| Item::new(tokens[0].line, Change::Opaque { head: word.to_owned(), why: why.into() }))
}

/// `tx.Exec(ctx, "…")`: the first text among the arguments.
fn executed(tokens: &[super::lex::Token], word: &str) -> Option<Item> {
    use super::change::Change;
    let known = EXECUTES.contains(&word) || matches!(word, "sql_query" | "from_string" | "inject_custom");
    if !known || tokens.get(1).map(|token| &token.tok) != Some(&Tok::Symbol("(")) {
        return None;
    }
    let line = tokens[0].line;
    for token in tokens.iter().skip(2).take(24) {
        match &token.tok {
            Tok::Text { text, filled: false } => return Some(Item::new(token.line, Change::Sql(text.clone()))),
            Tok::Text { text, .. } => return Some(Item::new(token.line, Change::Templated(text.clone()))),
            Tok::Symbol(")" | ";" | "{") => break,
            _ => {}
        }
    }
    Some(Item::new(line, Change::Opaque { head: word.to_owned(), why: "its text is put together elsewhere".into() }))
}
