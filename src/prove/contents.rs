//! What the tables hold before and after: which values are gone, and which are found elsewhere.

use std::collections::BTreeMap;

use super::catalog::Catalog;
use super::server::{Row, Session};

/// More rows than a migration over synthetic ones makes.
const ROWS: usize = 2_000;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    columns: Vec<String>,
    key: Vec<usize>,
    rows: Vec<Row>,
}

/// The rows of all base tables by name.
pub type Contents = BTreeMap<String, Rows>;

/// Values of a column that are not where they were.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gone {
    pub object: String,
    /// Where they are found.
    pub to: Option<String>,
}

pub async fn read(session: &mut Session, catalog: &Catalog) -> Contents {
    let mut contents = Contents::new();
    for (name, table) in catalog.tables.iter().filter(|(_, table)| table.base && !table.part) {
        let columns: Vec<String> =
            table.columns.iter().filter(|column| !column.computed || column.counted).map(|column| column.name.clone()).collect();
        let names: Vec<String> = columns.iter().map(|name| session.quote(name)).collect();
        let sql = format!("SELECT {} FROM {} LIMIT {ROWS}", names.join(", "), table.quoted);
        let rows = if columns.is_empty() { Vec::new() } else { session.rows(&sql).await.unwrap_or_default() };
        let rows = rows.into_iter().map(|row| row.into_iter().map(|value| value.map(canonical)).collect()).collect();
        let key = table.key().iter().filter_map(|name| columns.iter().position(|own| own == name)).collect();
        contents.insert(name.clone(), Rows { columns, key, rows });
    }
    contents
}

/// The same value in one spelling, whatever type it is kept in.
fn canonical(value: String) -> String {
    let trimmed = value.trim_end();
    match trimmed {
        "t" | "true" => return "1".to_owned(),
        "f" | "false" => return "0".to_owned(),
        _ => {}
    }
    if trimmed.contains('.') && trimmed.parse::<f64>().is_ok() {
        return trimmed.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    if trimmed.starts_with(['{', '[']) {
        let inner: String = trimmed.chars().filter(|c| !c.is_whitespace()).collect();
        return inner
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            .filter(|rest| !rest.contains(':'))
            // Of an array: quotes stand where one has to.
            .map_or_else(|| inner.clone(), |array| array.replace('"', ""));
    }
    if is_date(trimmed) {
        let plain = trimmed.trim_end_matches("+00");
        let plain = if plain.contains('.') { plain.trim_end_matches('0').trim_end_matches('.') } else { plain };
        return plain.trim_end_matches(" 00:00:00").to_owned();
    }
    trimmed.to_owned()
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 10 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[..4].iter().all(u8::is_ascii_digit)
}

type Bag<'a> = BTreeMap<&'a str, usize>;

fn bag<'a>(values: impl Iterator<Item = &'a str>) -> Bag<'a> {
    let mut bag = Bag::new();
    for value in values {
        *bag.entry(value).or_default() += 1;
    }
    bag
}

fn minus<'a>(mut left: Bag<'a>, right: &Bag<'_>) -> Bag<'a> {
    left.retain(|value, count| {
        *count = count.saturating_sub(right.get(value).copied().unwrap_or_default());
        *count > 0
    });
    left
}

impl Rows {
    fn values(&self, column: &str) -> impl Iterator<Item = &str> {
        let at = self.columns.iter().position(|own| own == column);
        self.rows.iter().filter_map(move |row| at.and_then(|at| row.get(at)).and_then(Option::as_deref))
    }

    fn keyed(&self, names: &[&str], column: &str) -> Option<BTreeMap<Vec<Option<&str>>, Option<&str>>> {
        let at = self.columns.iter().position(|own| own == column)?;
        let key: Option<Vec<usize>> = names.iter().map(|name| self.columns.iter().position(|own| own == name)).collect();
        let key = key.filter(|key| !key.is_empty())?;
        Some(self.rows.iter().map(|row| (key.iter().map(|at| row[*at].as_deref()).collect(), row[at].as_deref())).collect())
    }
}

/// Values that left a column: by row where rows can be told apart, else as a bag.
fn lost<'a>(before: &'a Rows, after: Option<&'a Rows>, column: &str) -> Bag<'a> {
    let Some(after) = after else { return bag(before.values(column)) };
    let names: Vec<&str> = before.key.iter().map(|at| before.columns[*at].as_str()).collect();
    if let (Some(old), Some(new)) = (before.keyed(&names, column), after.keyed(&names, column))
        && (old.keys().any(|key| new.contains_key(key)) || new.is_empty())
    {
        let changed = old.iter().filter(|(key, value)| new.get(*key) != Some(*value));
        return bag(changed.filter_map(|(_, value)| *value));
    }
    minus(bag(before.values(column)), &bag(after.values(column)))
}

/// What is gone between two states, a whole table as one.
pub fn gone(before: &Contents, after: &Contents) -> Vec<Gone> {
    let gains = gains(before, after);
    let mut out = Vec::new();
    for (table, rows) in before.iter().filter(|(_, rows)| !rows.rows.is_empty()) {
        let mut of_table = Vec::new();
        for column in &rows.columns {
            let lost = lost(rows, after.get(table), column);
            if !lost.is_empty() {
                of_table.push(Gone { object: format!("{table}.{column}"), to: found(&lost, &gains) });
            }
        }
        let emptied = of_table.iter().filter(|gone| gone.to.is_none()).count() > 0
            && after.get(table).is_none_or(|left| left.rows.len() < rows.rows.len());
        if emptied {
            out.push(Gone { object: table.clone(), to: None });
            of_table.retain(|gone| gone.to.is_some());
        }
        out.extend(of_table);
    }
    out
}

fn gains<'a>(before: &'a Contents, after: &'a Contents) -> Vec<(String, Bag<'a>)> {
    let mut gains = Vec::new();
    for (table, rows) in after {
        for column in &rows.columns {
            let had = before.get(table).map(|rows| bag(rows.values(column))).unwrap_or_default();
            let gained = minus(bag(rows.values(column)), &had);
            if !gained.is_empty() {
                gains.push((format!("{table}.{column}"), gained));
            }
        }
    }
    gains
}

/// The place that took all of the values, whole or inside longer ones.
fn found(lost: &Bag<'_>, gains: &[(String, Bag<'_>)]) -> Option<String> {
    let whole = |gained: &Bag<'_>| lost.keys().all(|value| gained.contains_key(value));
    if let Some((place, _)) = gains.iter().find(|(_, gained)| whole(gained)) {
        return Some(place.clone());
    }
    let inside = |gained: &Bag<'_>| lost.keys().all(|value| value.len() >= 6 && gained.keys().any(|text| text.contains(value)));
    gains.iter().find(|(_, gained)| inside(gained)).map(|(place, _)| place.clone())
}

/// Tables without rows, and columns of the others (`table.column`) without a value.
pub fn empty(contents: &Contents) -> Vec<String> {
    contents.iter().flat_map(|(name, rows)| rows.empty(name)).collect()
}

impl Rows {
    fn empty(&self, name: &str) -> Vec<String> {
        if self.rows.is_empty() {
            return vec![name.to_owned()];
        }
        let without = |at: usize| self.rows.iter().all(|row| row.get(at).is_none_or(Option::is_none));
        let columns = self.columns.iter().enumerate().filter(|(at, _)| without(*at));
        columns.map(|(_, column)| format!("{name}.{column}")).collect()
    }
}
