//! The columns, functions and tables that an expression or a query names, each once, in order.

use std::collections::BTreeSet;

use crate::sql::expression::{ColumnRef, Query};
use crate::sql::name::Name;

/// A list without duplicates that keeps the order of the first ones.
#[derive(Clone, Debug)]
pub struct Unique<T> {
    items: Vec<T>,
    seen: BTreeSet<T>,
}

impl<T: Ord + Clone> Unique<T> {
    pub fn push(&mut self, item: T) {
        if self.seen.insert(item.clone()) {
            self.items.push(item);
        }
    }

    pub fn extend(&mut self, items: impl IntoIterator<Item = T>) {
        items.into_iter().for_each(|item| self.push(item));
    }

    pub fn into_vec(self) -> Vec<T> {
        self.items
    }
}

impl<T> Default for Unique<T> {
    fn default() -> Self {
        Unique { items: Vec::new(), seen: BTreeSet::new() }
    }
}

/// What was named.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pub columns: Unique<ColumnRef>,
    pub functions: Unique<Name>,
    pub tables: Unique<Name>,
}

impl Names {
    /// Takes over what a query names.
    pub fn add_query(&mut self, query: &Query) {
        self.columns.extend(query.columns.iter().cloned());
        self.functions.extend(query.functions.iter().cloned());
        self.tables.extend(query.tables.iter().cloned());
    }
}
