//! Object literals of JavaScript whose entries describe a table, a column or a constraint.

use super::ast::Value;
use super::change::{Change, Item};
use super::lower::quote_name;
use super::walk::Walk;

/// An object literal, or the one that a constructor gets: `new Table({…})`.
#[derive(Clone, Copy)]
pub(super) struct Object<'a> {
    pub walk: &'a Walk,
    value: &'a Value,
}

impl<'a> Object<'a> {
    pub fn new(walk: &'a Walk, value: &'a Value) -> Option<Object<'a>> {
        let value = walk.resolve(value);
        let value = match value {
            Value::Call(call) if call.called => walk.resolve(call.args.first()?),
            value => value,
        };
        matches!(value, Value::Map(_)).then_some(Object { walk, value })
    }

    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.value.get(key).map(|value| self.walk.resolve(value))
    }

    pub fn entries(&self) -> &'a [(Value, Value)] {
        match self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn text(&self, key: &str) -> Option<String> {
        self.get(key).and_then(Value::as_text).map(str::to_owned)
    }

    /// A string or a number as written.
    pub fn digits(&self, key: &str) -> Option<String> {
        match self.get(key)? {
            Value::Number(number) => Some(number.clone()),
            value => value.as_text().map(str::to_owned).filter(|text| !text.is_empty()),
        }
    }

    pub fn flag(&self, key: &str) -> Option<bool> {
        self.get(key).and_then(Value::as_bool)
    }

    pub fn is(&self, key: &str) -> bool {
        self.flag(key) == Some(true)
    }

    pub fn texts(&self, key: &str) -> Vec<String> {
        self.walk.texts(self.get(key))
    }

    /// The objects of a list.
    pub fn objects(&self, key: &str) -> Option<Vec<Object<'a>>> {
        self.get(key).map_or(Some(Vec::new()), |value| objects(self.walk, value))
    }
}

/// The objects of a list, or the one; none where one of them is something else.
pub(super) fn objects<'a>(walk: &'a Walk, value: &'a Value) -> Option<Vec<Object<'a>>> {
    match walk.resolve(value) {
        Value::List(list) => list.iter().map(|value| Object::new(walk, value)).collect(),
        value => Object::new(walk, value).map(|object| vec![object]),
    }
}

/// Inserts rows of these columns; which values they hold matters to nobody.
pub(super) fn insert(walk: &Walk, line: u32, table: &str, columns: &[String]) -> Item {
    let quoted: Vec<String> = columns.iter().map(|column| super::lower::quote(column, walk.dialect)).collect();
    let values = vec!["''"; columns.len()].join(", ");
    let table = quote_name(table, walk.dialect);
    Item::new(line, Change::Sql(format!("INSERT INTO {table} ({}) VALUES ({values})", quoted.join(", "))))
}

/// Sets columns of some or of all rows.
pub(super) fn update(walk: &Walk, line: u32, table: &str, columns: &[String], all: bool) -> Item {
    let set: Vec<String> = columns.iter().map(|column| format!("{} = ''", super::lower::quote(column, walk.dialect))).collect();
    let sql = format!("UPDATE {} SET {}{}", quote_name(table, walk.dialect), set.join(", "), filter(all));
    Item::new(line, Change::Sql(sql))
}

/// Deletes some or all rows.
pub(super) fn delete(walk: &Walk, line: u32, table: &str, all: bool) -> Item {
    Item::new(line, Change::Sql(format!("DELETE FROM {}{}", quote_name(table, walk.dialect), filter(all))))
}

/// A condition that holds for rows that are not known.
fn filter(all: bool) -> &'static str {
    if all { "" } else { " WHERE 1 = (SELECT 1)" }
}
