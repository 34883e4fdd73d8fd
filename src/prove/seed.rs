//! Synthetic rows: several a table, parents first, going on with gaps where a table takes none.

use std::collections::BTreeSet;

use super::catalog::{Catalog, Column, ForeignKey, Table};
use super::hints::{self, HINTED, Hints};
use super::server::{Row, Session, quote};
use super::values::{Reach, literal, text};
use crate::sql::dialect::Dialect;

/// Rows written into a table.
const ROWS: usize = 5;
/// Rows of trials start here, so that they meet no row that is stored.
pub const TRIALS: usize = 100;
/// The row that comes when all others are there, so that no row refers to it.
const LATE: usize = 94;
/// Rows that are like the first, from here on.
const TWIN: usize = 200;
/// Rows of trials of one statement.
pub const TRIED: usize = 5;

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
    /// As full, with the label at this place of the list where there is one.
    Label(usize),
}

/// Makes INSERTs for one table.
pub struct Maker<'a> {
    dialect: Dialect,
    table: &'a Table,
    parents: Vec<(&'a ForeignKey, Vec<Row>)>,
    checked: Hints,
    reach: Reach,
}

/// A reference that no row answers to, where no foreign key looks.
const NOBODY: [(&str, &str); 3] = [("int", "900417"), ("char", "900417"), ("uuid", "ffffffff-0000-4000-8000-00000090a417")];

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

    /// What rows that are there get: `column = value` of each column that may be changed freely.
    fn given(&self, row: usize, hints: &Hints) -> Vec<String> {
        let is_free = |column: &&Column| !column.computed && !self.table.key().contains(&column.name) && !self.refers(column);
        let columns = self.table.columns.iter().filter(is_free);
        let assigned =
            |column: &Column| format!("{} = {}", quote(self.dialect, &column.name), self.value(column, row, Shape::Full, hints));
        columns.map(assigned).collect()
    }

    /// A row like the first one, but for its keys and one other column: texts in keys differ by case alone.
    fn twin(&self, other: Option<&str>, row: usize) -> Insert {
        let twin = self.insert(row, Shape::Full, &Hints::default());
        let columns: Vec<&Column> = twin.columns.iter().filter_map(|name| self.table.column(name)).collect();
        let names: Vec<String> = columns.iter().map(|column| quote(self.dialect, &column.name)).collect();
        let value = |column: &&Column| match other {
            Some(name) if name == column.name => self.value(column, row, Shape::Full, &Hints::default()),
            _ => self.twin_value(column, row),
        };
        let values: Vec<String> = columns.iter().map(value).collect();
        let sql = format!("INSERT INTO {} ({}) VALUES ({})", self.table.quoted, names.join(", "), values.join(", "));
        Insert { sql, ..twin }
    }

    fn twin_value(&self, column: &Column, row: usize) -> String {
        let first = self.value(column, 0, Shape::Full, &Hints::default());
        let is_last = |key: &Vec<String>| key.last() == Some(&column.name);
        match std::iter::once(&self.table.primary).chain(&self.table.uniques).any(is_last) {
            true if is_text(column) && !self.refers(column) => first.to_lowercase(),
            true => self.value(column, row, Shape::Full, &Hints::default()),
            false => first,
        }
    }

    fn refers(&self, column: &Column) -> bool {
        self.table.foreign.iter().any(|key| key.columns.contains(&column.name))
    }

    fn value(&self, column: &Column, row: usize, shape: Shape, hints: &Hints) -> String {
        // The engine's own next number would never meet one that is stored; ours must not either.
        let may_be_null = !column.not_null && !self.table.primary.contains(&column.name);
        if may_be_null && (shape == Shape::Nulls || hints.is_null(&column.name, row)) {
            return "NULL".to_owned();
        }
        if let Shape::Label(at) = shape
            && !column.labels.is_empty()
        {
            return text(self.dialect, &column.labels[at % column.labels.len()]);
        }
        let hinted = hints.value(&column.name, row).or_else(|| self.checked.value(&column.name, row));
        // SQLite looks at no references unless it is told to.
        if let (Dialect::Sqlite, Some(value)) = (self.dialect, hints.value(&column.name, row)) {
            return text(self.dialect, value);
        }
        if let Some(value) = self.referenced(column, row) {
            return value.map_or("NULL".to_owned(), |value| text(self.dialect, &value));
        }
        if let Some(value) = hinted {
            return text(self.dialect, value);
        }
        self.literal(self.instead(column, row, hints), row)
    }

    fn literal(&self, column: &Column, row: usize) -> String {
        // MariaDB keeps JSON as text, with a CHECK.
        let is_json = |check: &String| check.contains("json_valid") && check.contains(&column.name);
        if self.dialect.is_mysql() && self.table.checks.iter().any(is_json) {
            return literal(self.dialect, &Column { type_text: "json".to_owned(), ..column.clone() }, row, self.reach);
        }
        if self.is_checked(column) {
            // The greatest number would leave the engine none to count on to.
            return literal(self.dialect, &Column { name: "id".to_owned(), ..column.clone() }, row, self.reach);
        }
        literal(self.dialect, column, row, if column.counted { Reach::Ordinary } else { self.reach })
    }

    /// The column whose value it gets: another of its kind that it is compared with. What tells rows apart keeps its own.
    fn instead(&self, column: &'a Column, row: usize, hints: &Hints) -> &'a Column {
        let is_free = |column: &Column| !column.counted && !self.table.is_unique(&column.name) && !self.refers(column);
        let other = hints.instead(&column.name, row).and_then(|name| self.table.column(name));
        let other = other.filter(|other| other.type_text == column.type_text && is_free(other) && is_free(column));
        other.unwrap_or(column)
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
    let mut hints = Hints::default();
    for check in &table.checks {
        let words: BTreeSet<&str> = check.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let literals: Vec<&str> = check.split('\'').skip(1).step_by(2).filter(|text| !text.is_empty()).collect();
        for column in table.columns.iter().filter(|column| words.contains(column.name.as_str())) {
            literals.iter().for_each(|literal| hints.add(&column.name.to_lowercase(), (*literal).to_owned()));
        }
    }
    hints
}

/// Writes rows into every base table.
pub async fn seed(session: &mut Session, catalog: &Catalog, scripts: &[String], back: &[String], reach: Reach) {
    if reach == Reach::Empty {
        return;
    }
    let dialect = session.dialect();
    let hints = &Hints::of(&[scripts, back].concat(), dialect);
    let (written, changed) = (hints::words(scripts, dialect), hints::changed_tables(scripts, dialect));
    let tables = parents_first(catalog);
    for name in &tables {
        let (table, plain) = (&catalog.tables[name], plain(name));
        if reach == Reach::Elsewhere && written.contains(&plain) {
            continue;
        }
        let maker = Maker::new(session, catalog, table, reach).await;
        fill(session, table, &maker, hints).await;
        if reach == Reach::Twins && changed.contains(&plain) {
            twins(session, &maker).await;
        }
    }
    if reach != Reach::Elsewhere && hints::asks_for_orphans(&[scripts, back].concat(), dialect) {
        for name in tables.iter().filter(|name| written.contains(&plain(name))) {
            orphans(session, catalog, &catalog.tables[name], reach).await;
        }
    }
}

/// The name of a table without its schema, as scripts are searched for it.
fn plain(name: &str) -> String {
    name.rsplit('.').next().unwrap_or_default().to_lowercase()
}

/// Rows like the first. Where rules that are not seen here refuse one, each has one more column of its own.
async fn twins(session: &mut Session, maker: &Maker<'_>) {
    if session.run(&maker.twin(None, TWIN).sql).await.is_ok() {
        return;
    }
    for (at, column) in maker.table.columns.iter().enumerate() {
        let _ = session.run(&maker.twin(Some(&column.name), TWIN + 1 + at).sql).await;
    }
}

/// A row that no other refers to, and rows that refer to none where nothing forbids it.
async fn orphans(session: &mut Session, catalog: &Catalog, table: &Table, reach: Reach) {
    let maker = Maker::new(session, catalog, table, reach).await;
    store(session, &maker, LATE, Shape::Full, &Hints::default()).await;
    let ends_alike = |column: &&Column| column.name.to_lowercase().ends_with("id") && !column.counted;
    for (at, column) in table.columns.iter().filter(ends_alike).enumerate().take(5) {
        let nobody = NOBODY.iter().find(|(kind, _)| column.type_text.contains(kind));
        if let Some((_, value)) = nobody {
            let mut hints = Hints::default();
            hints.add(&column.name.to_lowercase(), (*value).to_owned());
            store(session, &maker, LATE + 1 + at, Shape::Full, &hints).await;
        }
    }
}

async fn fill(session: &mut Session, table: &Table, maker: &Maker<'_>, hints: &Hints) {
    let by_parent = |key: &Vec<String>| key.iter().all(|name| table.foreign.iter().any(|foreign| foreign.columns.contains(name)));
    let tied = !table.foreign.is_empty()
        && std::iter::once(&table.primary).chain(&table.uniques).any(|key| !key.is_empty() && by_parent(key));
    let rows = if tied { ROWS - 2 } else { ROWS };
    let mut stored = 0;
    for row in 0..rows {
        let shape = if row == 1 { Shape::Nulls } else { Shape::Full };
        stored += usize::from(store(session, maker, row, shape, &Hints::default()).await);
    }
    let is_asked = table.columns.iter().any(|column| hints.names(&column.name));
    for row in (ROWS..ROWS + HINTED).filter(|_| is_asked) {
        stored += hinted(session, table, maker, row, hints).await;
    }
    if stored == 0 {
        refill(session, table, maker, hints).await;
    }
    count_on(session, table).await;
}

/// Rows that triggers made, one for each of another table, leave no place for others: they get values of their own.
async fn refill(session: &mut Session, table: &Table, maker: &Maker<'_>, hints: &Hints) {
    let names: Vec<String> = table.key().iter().map(|name| session.quote(name)).collect();
    if names.is_empty() {
        return;
    }
    let found = session.rows(&format!("SELECT {} FROM {} LIMIT {}", names.join(", "), table.quoted, ROWS + HINTED)).await;
    for (row, key) in found.unwrap_or_default().into_iter().enumerate() {
        let same = |(name, value): (&String, &Option<String>)| {
            value.as_ref().map(|value| format!("{name} = {}", text(maker.dialect, value)))
        };
        let Some(key) = names.iter().zip(&key).map(same).collect::<Option<Vec<_>>>() else { continue };
        let none = Hints::default();
        let given = maker.given(row, if row < ROWS { &none } else { hints });
        let update = |set: &str| format!("UPDATE {} SET {set} WHERE {}", table.quoted, key.join(" AND "));
        if session.run(&update(&given.join(", "))).await.is_err() {
            for one in &given {
                let _ = session.run(&update(one)).await;
            }
        }
    }
}

/// A row with the values of all hints that go together: a literal may be no value of a column. One row for each that is left.
async fn hinted(session: &mut Session, table: &Table, maker: &Maker<'_>, row: usize, hints: &Hints) -> usize {
    if store(session, maker, row, Shape::Full, hints).await {
        return 1;
    }
    let asked: Vec<String> =
        table.columns.iter().map(|column| column.name.to_lowercase()).filter(|name| hints.names(name)).collect();
    let mut refused: BTreeSet<String> = asked.iter().cloned().collect();
    for name in &asked {
        let without: BTreeSet<String> = refused.iter().filter(|other| *other != name).cloned().collect();
        let tried = maker.insert(row, Shape::Full, &hints.without(&without)).sql;
        if session.trials(&[tried]).await.iter().all(Result::is_ok) {
            refused = without;
        }
    }
    let mut stored = usize::from(store(session, maker, row, Shape::Full, &hints.without(&refused)).await);
    for (at, name) in asked.iter().enumerate().filter(|(_, name)| refused.contains(*name)) {
        let others: BTreeSet<String> = hints.compared().filter(|other| *other != name).cloned().collect();
        // Another number than that of the next hinted row.
        stored += usize::from(store(session, maker, row + HINTED * (at % 5 + 1), Shape::Full, &hints.without(&others)).await);
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
    for (row, shape) in
        [(row, shape), (row, Shape::Full), ((row + 40) % TRIALS, Shape::Full), (row, Shape::Nulls), (row, Shape::Required)]
    {
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
