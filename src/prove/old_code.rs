//! What old code does: reads every column, writes with the column lists that it knows.

use std::collections::BTreeSet;

use super::catalog::{Catalog, Table};
use super::hints::Hints;
use super::refusal::{Cause, Refusal};
use super::seed::{Insert, Maker, Shape, TRIALS, TRIED};
use super::server::{Session, quote};
use super::values::{Reach, text};

/// The statements that worked on the old schema.
#[derive(Clone, Debug, Default)]
pub struct OldCode {
    reads: Vec<Read>,
    writes: Vec<Write>,
}

#[derive(Clone, Debug)]
struct Read {
    table: String,
    quoted: String,
    columns: Vec<String>,
}

/// One kind of write with all statements of it that worked, alike but for their values.
#[derive(Clone, Debug)]
struct Write {
    object: String,
    what: String,
    columns: Vec<String>,
    statements: Vec<String>,
}

/// What does not work any more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Broken {
    pub object: String,
    pub what: String,
    pub refusal: String,
}

/// Which statements of old code broke.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub reads: Vec<Broken>,
    pub writes: Vec<Broken>,
    pub restricted: Vec<Broken>,
}

impl OldCode {
    /// Tables of which no INSERT worked.
    pub fn closed(&self) -> Vec<String> {
        let inserts = |write: &&Write| write.what.starts_with("INSERT");
        let worked: BTreeSet<&str> = self
            .writes
            .iter()
            .filter(inserts)
            .filter(|write| !write.statements.is_empty())
            .map(|write| write.object.as_str())
            .collect();
        let tried: BTreeSet<&str> = self.writes.iter().filter(inserts).map(|write| write.object.as_str()).collect();
        tried.difference(&worked).map(|table| (*table).to_owned()).collect()
    }
}

/// Tries everything on the old schema and keeps what works.
pub async fn record(session: &mut Session, catalog: &Catalog) -> OldCode {
    let mut old = OldCode::default();
    for (name, table) in &catalog.tables {
        let columns = readable(session, table).await;
        old.reads.push(Read { table: name.clone(), quoted: table.quoted.clone(), columns });
        if table.base {
            inserts(session, catalog, name, table, &mut old.writes).await;
            updates(session, name, table, &mut old.writes).await;
            deletes(session, name, table, &mut old.writes).await;
        }
    }
    old
}

/// SQLite takes an unknown name for a string unless the table stands before it.
fn select(session: &Session, quoted: &str, columns: &[String]) -> String {
    let table = quoted.to_owned();
    let names: Vec<String> = columns.iter().map(|name| format!("{table}.{}", quote(session.dialect(), name))).collect();
    format!("SELECT {} FROM {quoted} LIMIT 5", names.join(", "))
}

async fn readable(session: &mut Session, table: &Table) -> Vec<String> {
    let all: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    let sql = select(session, &table.quoted, &all);
    if session.run(&sql).await.is_ok() {
        return all;
    }
    let mut working = Vec::new();
    for name in all {
        let sql = select(session, &table.quoted, std::slice::from_ref(&name));
        if session.run(&sql).await.is_ok() {
            working.push(name);
        }
    }
    working
}

async fn inserts(session: &mut Session, catalog: &Catalog, name: &str, table: &Table, out: &mut Vec<Write>) {
    let maker = Maker::new(session, catalog, table, Reach::Ordinary).await;
    for (shape, what) in [(Shape::Full, "INSERT of all columns"), (Shape::Required, "INSERT of the required columns")] {
        let mut write = Write { object: name.to_owned(), what: what.to_owned(), columns: Vec::new(), statements: Vec::new() };
        // The old column list with NULLs is the same list.
        let all = shape == Shape::Full;
        let shape = |row: usize| if all && row == TRIALS + 3 { Shape::Nulls } else { shape };
        let none = Hints::default();
        let mut tried: Vec<Insert> = (TRIALS..TRIALS + TRIED).map(|row| maker.insert(row, shape(row), &none)).collect();
        // Not every row of trials finds a parent that no other row refers to.
        let labelled = |label| [TRIALS + 1, TRIALS + 2].map(|row| maker.insert(row, Shape::Label(label), &none));
        tried.extend(labels(table).filter(|_| all).flat_map(labelled));
        let texts: Vec<String> = tried.iter().map(|insert| insert.sql.clone()).collect();
        for (insert, _) in tried.into_iter().zip(session.trials(&texts).await).filter(|(_, outcome)| outcome.is_ok()) {
            write.columns = insert.columns;
            write.statements.push(insert.sql);
        }
        out.push(write);
    }
}

/// Of values that are few each is tried, or those that stay would not be found.
fn labels(table: &Table) -> std::ops::Range<usize> {
    const TRIED_LABELS: usize = 24;
    0..table.columns.iter().map(|column| column.labels.len()).max().unwrap_or_default().min(TRIED_LABELS)
}

async fn updates(session: &mut Session, name: &str, table: &Table, out: &mut Vec<Write>) {
    let columns: Vec<&str> = table.columns.iter().filter(|column| !column.computed).map(|column| column.name.as_str()).collect();
    let quoted = columns.iter().map(|column| session.quote(column));
    let texts: Vec<String> = quoted.map(|column| format!("UPDATE {} SET {column} = {column}", table.quoted)).collect();
    let outcomes = session.trials(&texts).await;
    for ((column, sql), _) in columns.into_iter().zip(texts).zip(outcomes).filter(|(_, outcome)| outcome.is_ok()) {
        let object = format!("{name}.{column}");
        out.push(Write { object, what: "UPDATE".to_owned(), columns: vec![column.to_owned()], statements: vec![sql] });
    }
}

async fn deletes(session: &mut Session, name: &str, table: &Table, out: &mut Vec<Write>) {
    let mut write = Write { object: name.to_owned(), what: "DELETE".to_owned(), columns: Vec::new(), statements: Vec::new() };
    let nothing = format!("DELETE FROM {} WHERE 1 = 0", table.quoted);
    if table.key().is_empty() {
        write.statements.push(nothing);
        return out.push(write);
    }
    let names: Vec<String> = table.key().iter().map(|name| session.quote(name)).collect();
    let rows = session.rows(&format!("SELECT {} FROM {} LIMIT 3", names.join(", "), table.quoted)).await.unwrap_or_default();
    let dialect = session.dialect();
    let mut candidates = vec![nothing];
    for row in rows.iter().filter(|row| row.iter().all(Option::is_some)) {
        let parts: Vec<String> = names
            .iter()
            .zip(row)
            .map(|(name, value)| format!("{name} = {}", text(dialect, value.as_deref().unwrap_or_default())))
            .collect();
        candidates.push(format!("DELETE FROM {} WHERE {}", table.quoted, parts.join(" AND ")));
    }
    let outcomes = session.trials(&candidates).await;
    write.statements.extend(candidates.into_iter().zip(outcomes).filter(|(_, outcome)| outcome.is_ok()).map(|(sql, _)| sql));
    out.push(write);
}

/// Tries on the new schema what worked on the old one.
pub async fn replay(session: &mut Session, old: &OldCode) -> Outcome {
    let mut outcome = Outcome::default();
    for read in &old.reads {
        reads(session, read, &mut outcome).await;
    }
    for writes in old.writes.chunks(8) {
        let texts: Vec<String> = writes.iter().flat_map(|write| &write.statements).cloned().collect();
        let mut outcomes = session.trials(&texts).await.into_iter();
        for write in writes {
            let refusals = outcomes.by_ref().take(write.statements.len()).filter_map(Result::err).collect();
            judge(write, refusals, &mut outcome);
        }
    }
    outcome
}

async fn reads(session: &mut Session, read: &Read, outcome: &mut Outcome) {
    let sql = select(session, &read.quoted, &read.columns);
    if read.columns.is_empty() || session.run(&sql).await.is_ok() {
        return;
    }
    let mut broken = Vec::new();
    for name in &read.columns {
        let sql = select(session, &read.quoted, std::slice::from_ref(name));
        if let Err(refusal) = session.run(&sql).await {
            broken.push(Broken {
                object: format!("{}.{name}", read.table),
                what: "SELECT".to_owned(),
                refusal: refusal.to_string(),
            });
        }
    }
    if broken.len() == read.columns.len() {
        broken.truncate(1);
        broken[0].object.clone_from(&read.table);
    }
    outcome.reads.extend(broken);
}

/// All refused by the statement itself, or every value refused: broken. Some refused: restricted.
fn judge(write: &Write, refusals: Vec<Refusal>, outcome: &mut Outcome) {
    let Some(first) = refusals.first() else { return };
    let mildest = refusals.iter().map(|refusal| refusal.cause(&write.columns)).min().unwrap_or(Cause::Rows);
    let all = refusals.len() == write.statements.len() && mildest != Cause::Rows;
    // One row of a wrong kind proves nothing about other values.
    let proven = mildest == Cause::Statement || write.statements.len() > 1;
    let object = match &first.column {
        Some(column) if !write.columns.contains(column) && !write.object.contains('.') => format!("{}.{column}", write.object),
        _ => write.object.clone(),
    };
    let broken = Broken { object, what: write.what.clone(), refusal: first.to_string() };
    if all && proven { outcome.writes.push(broken) } else { outcome.restricted.push(broken) }
}
