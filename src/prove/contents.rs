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
        let inner = trimmed.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        // Of an array: quotes stand where one has to.
        let array = inner.filter(|inner| !inner.contains(':')).map(|inner| inner.replace('"', "").trim().to_owned());
        return array.unwrap_or_else(|| trimmed.chars().filter(|c| !c.is_whitespace()).collect());
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
/// Values of a column by the key of their rows.
type Keyed<'a> = BTreeMap<Vec<Option<&'a str>>, Option<&'a str>>;

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

    fn keyed(&self, names: &[&str], column: &str) -> Option<Keyed<'_>> {
        let at = self.columns.iter().position(|own| own == column)?;
        let key: Option<Vec<usize>> = names.iter().map(|name| self.columns.iter().position(|own| own == name)).collect();
        let key = key.filter(|key| !key.is_empty())?;
        Some(self.rows.iter().map(|row| (key.iter().map(|at| row[*at].as_deref()).collect(), row[at].as_deref())).collect())
    }
}

/// The same time, once as a date and once as seconds since 1970.
fn is_same_time(one: &str, other: &str) -> bool {
    let seconds = |text: &str| text.parse::<i64>().ok();
    match (is_date(one), is_date(other)) {
        (true, false) => since_1970(one).is_some_and(|time| seconds(other) == Some(time)),
        (false, true) => is_same_time(other, one),
        _ => false,
    }
}

fn since_1970(text: &str) -> Option<i64> {
    let mut parts = text.splitn(6, ['-', ' ', 'T', ':']).map(|part| part.parse::<i64>().ok());
    let mut next = || parts.next().unwrap_or(Some(0));
    let (year, month, day) = (next()?, next()?, next()?);
    let (hours, minutes, seconds) = (next()?, next()?, next()?);
    // Years that begin in March: the odd day is at their end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468;
    Some(days * 86_400 + hours * 3_600 + minutes * 60 + seconds)
}

/// The columns that tell rows apart were themselves written over: rows are all there under other keys.
fn has_other_keys(before: &Rows, after: &Rows, old: &Keyed<'_>, new: &Keyed<'_>) -> bool {
    let kept = old.keys().filter(|key| new.contains_key(*key)).count();
    after.rows.len() >= before.rows.len() && kept * 2 < old.len()
}

/// Values that left a column: by row where rows can be told apart, else as a bag.
fn lost<'a>(before: &'a Rows, after: Option<&'a Rows>, column: &str) -> Bag<'a> {
    let Some(after) = after else { return bag(before.values(column)) };
    let names: Vec<&str> = before.key.iter().map(|at| before.columns[*at].as_str()).collect();
    if let (Some(old), Some(new)) = (before.keyed(&names, column), after.keyed(&names, column))
        && (old.keys().any(|key| new.contains_key(key)) || new.is_empty())
        && !has_other_keys(before, after, &old, &new)
    {
        let is_same = |was: &str, is: Option<&str>| is.is_some_and(|is| was == is || is_same_time(was, is));
        let left = old.iter().filter_map(|(key, value)| Some((key, (*value)?)));
        return bag(left.filter(|(key, was)| !is_same(was, new.get(*key).copied().flatten())).map(|(_, was)| was));
    }
    minus(bag(before.values(column)), &bag(after.values(column)))
}

/// What is gone between two states, a whole table as one.
pub fn gone(before: &Contents, after: &Contents) -> Vec<Gone> {
    let gains = gains(before, after);
    let place = |table: &String, rows: &Rows, column: &String, lost: &Bag<'_>| {
        let flags = Flags { table, before: rows, after: after.get(table), column };
        if lost.keys().all(|value| matches!(*value, "0" | "1")) { flags.found(lost, &gains) } else { found(lost, &gains) }
    };
    let mut out = Vec::new();
    for (table, rows) in before.iter().filter(|(_, rows)| !rows.rows.is_empty()) {
        let mut of_table = Vec::new();
        for column in &rows.columns {
            let lost = lost(rows, after.get(table), column);
            if !lost.is_empty() {
                of_table.push(Gone { object: format!("{table}.{column}"), to: place(table, rows, column, &lost) });
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

/// A column with two values, which are found in every other such column: only what they say of each row tells where they are.
struct Flags<'a> {
    table: &'a str,
    before: &'a Rows,
    after: Option<&'a Rows>,
    column: &'a str,
}

impl Flags<'_> {
    fn found(&self, lost: &Bag<'_>, gains: &[(String, Bag<'_>)]) -> Option<String> {
        let in_table = |place: &str| place.strip_prefix(self.table).and_then(|rest| rest.strip_prefix('.')).map(str::to_owned);
        let here = gains
            .iter()
            .find(|(place, _)| in_table(place).is_some_and(|column| column != self.column && self.is_told_by(&column)));
        let elsewhere = || {
            let others: Vec<_> = gains.iter().filter(|(place, _)| in_table(place).is_none()).cloned().collect();
            found(lost, &others)
        };
        here.map(|(place, _)| place.clone()).or_else(elsewhere)
    }

    /// Whether each value of a column goes with one value of the flag.
    fn is_told_by(&self, column: &str) -> bool {
        let names: Vec<&str> = self.before.key.iter().map(|at| self.before.columns[*at].as_str()).collect();
        let Some(after) = self.after else { return false };
        let (Some(old), Some(new)) = (self.before.keyed(&names, self.column), after.keyed(&names, column)) else { return false };
        let mut flags: BTreeMap<Option<&str>, &str> = BTreeMap::new();
        old.iter()
            .filter_map(|(key, value)| Some(((*value)?, *new.get(key)?)))
            .all(|(flag, told)| *flags.entry(told).or_insert(flag) == flag)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(columns: &[&str], rows: &[&[Option<&str>]]) -> Contents {
        let rows = rows.iter().map(|row| row.iter().map(|value| value.map(|value| canonical(value.to_owned()))).collect());
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        Contents::from([("t".to_owned(), Rows { columns, key: vec![0], rows: rows.collect() })])
    }

    fn lost(before: &Contents, after: &Contents) -> Vec<String> {
        gone(before, after).into_iter().map(|gone| gone.object).collect()
    }

    #[test]
    fn a_flag_is_where_every_row_tells_it() {
        let before = rows(&["id", "a"], &[&[Some("1"), Some("t")], &[Some("2"), Some("f")], &[Some("3"), Some("t")]]);
        let row = |id, b| [Some(id), Some(b)];
        let told = rows(&["id", "b"], &[&row("1", "1"), &row("2", "0"), &row("3", "1")]);
        assert_eq!(gone(&before, &told)[0].to.as_deref(), Some("t.b"));
        let other = rows(&["id", "b"], &[&row("1", "1"), &row("2", "0"), &row("3", "0")]);
        assert_eq!(gone(&before, &other)[0].to, None);
    }

    #[test]
    fn a_time_is_the_same_as_a_date_and_as_seconds() {
        let before = rows(&["id", "a"], &[&[Some("1"), Some("1709210096")], &[Some("2"), Some("12601")]]);
        let same =
            rows(&["id", "a"], &[&[Some("1"), Some("2024-02-29 12:34:56+00")], &[Some("2"), Some("1970-01-01 03:30:01+00")]]);
        assert!(lost(&before, &same).is_empty());
        let other =
            rows(&["id", "a"], &[&[Some("1"), Some("2024-02-29 12:34:57+00")], &[Some("2"), Some("1970-01-01 03:30:01+00")]]);
        assert_eq!(lost(&before, &other), ["t.a"]);
    }

    #[test]
    fn rows_whose_keys_were_written_over_are_looked_for_as_a_bag() {
        let before = rows(&["id", "a"], &[&[Some("1"), Some("x")], &[Some("2"), Some("y")], &[None, Some("z")]]);
        let after = rows(&["id", "a"], &[&[None, Some("x")], &[None, Some("y")], &[None, Some("z")]]);
        assert_eq!(lost(&before, &after), ["t.id"]);
    }

    #[test]
    fn a_text_with_blanks_is_the_same_in_an_array() {
        assert_eq!(canonical("{\"a b\"}".to_owned()), canonical("a b".to_owned()));
        assert_eq!(canonical("{ \"k\": 1 }".to_owned()), "{\"k\":1}");
    }
}
