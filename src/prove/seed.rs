//! Synthetic rows: several a table, parents first, going on with gaps where a table takes none.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::{Catalog, Column, ForeignKey, Table};
use super::server::{Row, Session, quote};
use super::values::{Reach, literal, text};
use crate::sql::dialect::Dialect;

/// Rows written into a table.
const ROWS: usize = 5;
/// Rows whose values come from the migration's own conditions.
const HINTED: usize = 6;
/// Rows of trials start here, so that they meet no row that is stored.
pub const TRIALS: usize = 100;
/// The row that is like the first.
const TWIN: usize = 60;
/// Rows of trials of one statement.
pub const TRIED: usize = 5;

/// Literals that a script compares columns with, by column name.
pub type Hints = BTreeMap<String, Vec<String>>;

/// An INSERT with the columns that it names.
#[derive(Clone, Debug)]
pub struct Insert {
    pub columns: Vec<String>,
    pub sql: String,
}

/// How an INSERT is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A value for every column.
    Full,
    /// NULL where it is allowed.
    Nulls,
    /// Only the columns that must be named.
    Required,
}

/// Makes INSERTs for one table.
pub struct Maker<'a> {
    dialect: Dialect,
    table: &'a Table,
    parents: Vec<(&'a ForeignKey, Vec<Row>)>,
    checked: Hints,
    reach: Reach,
}

impl<'a> Maker<'a> {
    pub async fn new(session: &mut Session, catalog: &'a Catalog, table: &'a Table, reach: Reach) -> Maker<'a> {
        let mut parents = Vec::new();
        for key in &table.foreign {
            let rows = parent_rows(session, catalog, key).await;
            parents.push((key, rows));
        }
        Maker { dialect: session.dialect(), table, parents, checked: checked(table), reach }
    }

    pub fn insert(&self, row: usize, shape: Shape, hints: &Hints) -> Insert {
        let columns: Vec<&Column> = self.table.columns.iter().filter(|column| self.named(column, shape)).collect();
        let values: Vec<String> = columns.iter().map(|column| self.value(column, row, shape, hints)).collect();
        let names: Vec<String> = columns.iter().map(|column| quote(self.dialect, &column.name)).collect();
        let sql = if columns.is_empty() {
            let empty = if self.dialect.is_mysql() { "() VALUES ()" } else { "DEFAULT VALUES" };
            format!("INSERT INTO {} {empty}", self.table.quoted)
        } else {
            format!("INSERT INTO {} ({}) VALUES ({})", self.table.quoted, names.join(", "), values.join(", "))
        };
        Insert { columns: columns.into_iter().map(|column| column.name.clone()).collect(), sql }
    }

    fn named(&self, column: &Column, shape: Shape) -> bool {
        // A default that refers to no row is none.
        let refers = column.not_null && self.table.foreign.iter().any(|key| key.columns.contains(&column.name));
        !column.computed && (shape != Shape::Required || column.is_required() || refers)
    }

    /// A row like the first one, but for its keys: texts in them differ by case alone.
    fn twin(&self) -> Insert {
        let twin = self.insert(TWIN, Shape::Full, &Hints::new());
        let columns: Vec<&Column> = twin.columns.iter().filter_map(|name| self.table.column(name)).collect();
        let names: Vec<String> = columns.iter().map(|column| quote(self.dialect, &column.name)).collect();
        let values: Vec<String> = columns.iter().map(|column| self.twin_value(column)).collect();
        let sql = format!("INSERT INTO {} ({}) VALUES ({})", self.table.quoted, names.join(", "), values.join(", "));
        Insert { sql, ..twin }
    }

    fn twin_value(&self, column: &Column) -> String {
        let first = self.value(column, 0, Shape::Full, &Hints::new());
        let is_last = |key: &Vec<String>| key.last() == Some(&column.name);
        let refers = self.table.foreign.iter().any(|key| key.columns.contains(&column.name));
        match std::iter::once(&self.table.primary).chain(&self.table.uniques).any(is_last) {
            true if is_text(column) && !refers => first.to_lowercase(),
            true => self.value(column, TWIN, Shape::Full, &Hints::new()),
            false => first,
        }
    }

    fn value(&self, column: &Column, row: usize, shape: Shape, hints: &Hints) -> String {
        // The engine's own next number would never meet one that is stored; ours must not either.
        if shape == Shape::Nulls && !column.not_null && !self.table.primary.contains(&column.name) {
            return "NULL".to_owned();
        }
        if let Some(value) = self.referenced(column, row) {
            return value.map_or("NULL".to_owned(), |value| text(self.dialect, &value));
        }
        let hinted = hints.get(&column.name.to_lowercase()).or_else(|| self.checked.get(&column.name));
        match hinted {
            Some(values) if !values.is_empty() => text(self.dialect, &values[row % values.len()]),
            // The greatest number would leave the engine none to count on to.
            _ if self.is_checked(column) => {
                literal(self.dialect, &Column { name: "id".to_owned(), ..column.clone() }, row, self.reach)
            }
            _ => literal(self.dialect, column, row, if column.counted { Reach::Ordinary } else { self.reach }),
        }
    }

    /// What a CHECK looks at is as plain as can be.
    fn is_checked(&self, column: &Column) -> bool {
        let names = |check: &String| check.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == column.name);
        !column.counted && !is_text(column) && self.table.checks.iter().any(names)
    }

    /// The value of a parent's row; Some(None) where there is none yet.
    fn referenced(&self, column: &Column, row: usize) -> Option<Option<String>> {
        let (key, rows) = self.parents.iter().find(|(key, _)| key.columns.contains(&column.name))?;
        let at = key.columns.iter().position(|own| *own == column.name)?;
        let row = if row >= TRIALS { row - TRIALS + ROWS - 2 } else { row };
        if rows.is_empty() {
            return (!column.not_null).then_some(None);
        }
        Some(rows[row % rows.len()].get(at).cloned().flatten())
    }
}

fn is_text(column: &Column) -> bool {
    column.type_text.contains("char") || column.type_text.contains("text")
}

async fn parent_rows(session: &mut Session, catalog: &Catalog, key: &ForeignKey) -> Vec<Row> {
    let Some(parent) = catalog.tables.get(&key.table) else { return Vec::new() };
    let columns = if key.referenced.is_empty() { &parent.primary } else { &key.referenced };
    let names: Vec<String> = columns.iter().map(|name| session.quote(name)).collect();
    session.rows(&format!("SELECT {} FROM {} LIMIT 20", names.join(", "), parent.quoted)).await.unwrap_or_default()
}

/// Literals of the CHECKs that name a column.
fn checked(table: &Table) -> Hints {
    let mut hints = Hints::new();
    for check in &table.checks {
        let words: BTreeSet<&str> = check.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let literals: Vec<String> =
            check.split('\'').skip(1).step_by(2).map(str::to_owned).filter(|text| !text.is_empty()).collect();
        for column in table.columns.iter().filter(|column| words.contains(column.name.as_str()) && !literals.is_empty()) {
            hints.entry(column.name.clone()).or_default().extend(literals.iter().cloned());
        }
    }
    hints
}

/// Writes rows into every base table. Returns the tables that took none.
pub async fn seed(session: &mut Session, catalog: &Catalog, scripts: &[String], back: &[String], reach: Reach) -> Vec<String> {
    let mut gaps = Vec::new();
    if reach == Reach::Empty {
        return gaps;
    }
    let hints = &hints(&[scripts, back].concat());
    let written: BTreeSet<String> = scripts.iter().flat_map(|script| words(script)).collect();
    for name in parents_first(catalog) {
        let table = &catalog.tables[&name];
        let plain = name.rsplit('.').next().unwrap_or_default().to_lowercase();
        if reach == Reach::Elsewhere && written.contains(&plain) {
            gaps.push(name);
            continue;
        }
        let maker = Maker::new(session, catalog, table, reach).await;
        if fill(session, table, &maker, hints).await == 0 {
            gaps.push(name);
        }
        if reach == Reach::Twins {
            let _ = session.run(&maker.twin().sql).await;
        }
    }
    gaps
}

/// Whether scripts look for rows that are alike.
pub fn asks_for_twins(scripts: &[String]) -> bool {
    const ASKS: [&str; 6] = ["having", "row_number", "partition", "distinct", "min", "using"];
    scripts.iter().any(|script| {
        let words = words(script);
        words.iter().any(|word| word == "delete" || word == "update") && words.iter().any(|word| ASKS.contains(&word.as_str()))
    })
}

async fn fill(session: &mut Session, table: &Table, maker: &Maker<'_>, hints: &Hints) -> usize {
    let by_parent = |key: &Vec<String>| key.iter().all(|name| table.foreign.iter().any(|foreign| foreign.columns.contains(name)));
    let tied = !table.foreign.is_empty()
        && std::iter::once(&table.primary).chain(&table.uniques).any(|key| !key.is_empty() && by_parent(key));
    let rows = if tied { ROWS - 2 } else { ROWS };
    let mut stored = 0;
    for row in 0..rows {
        let shape = if row == 1 { Shape::Nulls } else { Shape::Full };
        stored += usize::from(store(session, maker, row, shape, &Hints::new()).await);
    }
    if hints.keys().any(|name| table.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name))) {
        for row in ROWS..ROWS + HINTED {
            stored += hinted(session, table, maker, row, hints).await;
        }
    }
    count_on(session, table).await;
    stored
}

/// A row with the values of all hints, or one row for each column where they do not go together: a literal may be no value of a column.
async fn hinted(session: &mut Session, table: &Table, maker: &Maker<'_>, row: usize, hints: &Hints) -> usize {
    if store(session, maker, row, Shape::Full, hints).await {
        return 1;
    }
    let mut stored = 0;
    for (at, column) in table.columns.iter().enumerate() {
        let Some((name, values)) = hints.get_key_value(&column.name.to_lowercase()) else { continue };
        let one = Hints::from([(name.clone(), values.clone())]);
        // Another number than that of the next hinted row.
        stored += usize::from(store(session, maker, row + HINTED * (at % 10 + 1), Shape::Full, &one).await);
    }
    stored
}

/// Numbers that were given do not move PostgreSQL's sequences: the next number would meet a stored one.
async fn count_on(session: &mut Session, table: &Table) {
    if session.dialect() != Dialect::PostgreSql {
        return;
    }
    for column in table.columns.iter().filter(|column| column.counted) {
        let (of, name) = (text(Dialect::PostgreSql, &table.quoted), text(Dialect::PostgreSql, &column.name));
        let _ = session.run(&format!("SELECT setval(pg_get_serial_sequence({of}, {name}), 1000)")).await;
    }
}

/// Tries several forms of one row.
async fn store(session: &mut Session, maker: &Maker<'_>, row: usize, shape: Shape, hints: &Hints) -> bool {
    for (row, shape) in [(row, shape), (row, Shape::Full), (row + 40, Shape::Full), (row, Shape::Nulls), (row, Shape::Required)] {
        if session.run(&maker.insert(row, shape, hints).sql).await.is_ok() {
            return true;
        }
    }
    false
}

fn parents_first(catalog: &Catalog) -> Vec<String> {
    let mut left: Vec<&String> =
        catalog.tables.iter().filter(|(_, table)| table.base && !table.part).map(|(name, _)| name).collect();
    let mut order: Vec<String> = Vec::new();
    while !left.is_empty() {
        let (ready, waiting): (Vec<_>, Vec<_>) = left.iter().copied().partition(|name| {
            let parents = catalog.tables[*name].foreign.iter().map(|key| &key.table);
            parents.into_iter().all(|parent| parent == *name || order.contains(parent) || !catalog.tables.contains_key(parent))
        });
        // A cycle: as they come, their references stay NULL where they may.
        let next = if ready.is_empty() { left.clone() } else { ready };
        order.extend(next.into_iter().cloned());
        left = if order.len() == left.len() { Vec::new() } else { waiting };
        left.retain(|name| !order.contains(name));
    }
    order
}

/// What the scripts compare columns with: `column = 'x'`, `column IN ('x', 'y')`, `column LIKE 'x%'`, `CASE column WHEN 'x'`.
pub fn hints(scripts: &[String]) -> Hints {
    let mut hints = Hints::new();
    for script in scripts {
        let (mut column, mut chosen, mut assigns) = (String::new(), String::new(), false);
        let words = words(script);
        for (at, word) in words.iter().cloned().enumerate() {
            // What is assigned is not what is looked for: rows that have it already would not change.
            assigns = word == "set" || (assigns && !ENDS_ASSIGNMENTS.contains(&word.as_str()));
            if assigns && (word.starts_with('\'') || word.chars().all(|c| c.is_ascii_digit())) && !is_compared(&words, at) {
                continue;
            }
            if let Some(value) = word.strip_prefix('\'') {
                hint(&mut hints, &column, value.replace('%', "x"));
            } else if word.chars().all(|c| c.is_ascii_digit()) {
                hint(&mut hints, &column, word);
            } else if word == "case" {
                chosen = words.get(at + 1).cloned().unwrap_or_default();
            } else if word == "when" {
                column.clone_from(&chosen);
            } else if !matches!(word.as_str(), "in" | "not" | "like" | "ilike" | "is" | "any" | "array") {
                column = word;
            }
        }
    }
    before_renames(scripts, &mut hints);
    hints
}

/// Words that end the list behind SET.
const ENDS_ASSIGNMENTS: [&str; 9] = ["where", "from", "update", "alter", "insert", "delete", "create", "drop", "when"];

/// `CASE column WHEN 'x'` asks inside an assignment as well.
fn is_compared(words: &[String], at: usize) -> bool {
    at.checked_sub(1).and_then(|before| words.get(before)).is_some_and(|word| word == "when")
}

fn hint(hints: &mut Hints, column: &str, value: String) {
    let values = hints.entry(column.to_owned()).or_default();
    if values.len() < HINTED && !values.contains(&value) {
        values.push(value);
    }
}

/// What the script says of a column's new name holds for its old name.
fn before_renames(scripts: &[String], hints: &mut Hints) {
    for script in scripts {
        let words = words(script);
        for window in words.windows(5) {
            let [rename, column, old, to, new] = window else { continue };
            if rename == "rename"
                && column == "column"
                && to == "to"
                && let Some(values) = hints.get(new).cloned()
            {
                hints.entry(old.clone()).or_insert(values);
            }
        }
    }
}

/// Names in lower case, numbers, and strings behind a single quote.
fn words(script: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (at, part) in script.split('\'').enumerate() {
        if at % 2 == 1 {
            out.push(format!("'{part}"));
        } else {
            let names = part.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
            out.extend(names.map(str::to_lowercase));
        }
    }
    out
}
