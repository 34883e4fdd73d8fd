//! What a database says it holds: enough to write rows into it, and a normalised text to compare two states by.

use std::collections::{BTreeMap, BTreeSet};

use crate::sql::dialect::Dialect;
use crate::sql::lexer::{dollar_body, lex};

/// Everything of one database that old code can meet.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// By name, the default schema left out.
    pub tables: BTreeMap<String, Table>,
    /// One line an object, without the order of columns.
    pub lines: BTreeSet<String>,
}

/// A table or view.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// As the dialect writes it, with its schema.
    pub quoted: String,
    /// Rows are stored in it and old code writes to it.
    pub base: bool,
    /// Of a partitioned or parent table: what it holds is seen there as well.
    pub part: bool,
    pub columns: Vec<Column>,
    pub primary: Vec<String>,
    pub uniques: Vec<Vec<String>>,
    pub foreign: Vec<ForeignKey>,
    /// Texts of CHECK constraints.
    pub checks: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Column {
    pub name: String,
    /// Lower case, as the database spells it; of a domain the type under it.
    pub type_text: String,
    pub not_null: bool,
    pub default: Option<String>,
    /// The database computes it, or refuses a value for it.
    pub computed: bool,
    /// Filled when left out: identity, AUTO_INCREMENT, rowid.
    pub counted: bool,
    /// Of an enum or set.
    pub labels: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub struct ForeignKey {
    pub columns: Vec<String>,
    pub table: String,
    /// Empty: the primary key.
    pub referenced: Vec<String>,
}

impl Table {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Columns by which a row is found again.
    pub fn key(&self) -> &[String] {
        if self.primary.is_empty() { self.uniques.first().map_or(&[], Vec::as_slice) } else { &self.primary }
    }

    pub fn is_unique(&self, column: &str) -> bool {
        std::iter::once(&self.primary).chain(&self.uniques).any(|key| key.iter().any(|own| own == column))
    }
}

impl Column {
    /// Whether an INSERT must name it.
    pub fn is_required(&self) -> bool {
        self.not_null && self.default.is_none() && !self.counted && !self.computed
    }
}

/// The text of a routine without its comments, words joined by one space: what it does, and not how it was laid out.
pub fn program(text: &str, dialect: Dialect) -> String {
    let tokens = lex(text, dialect);
    let words = tokens.iter().map(|token| token.text(text)).map(|token| match dollar_body(token) {
        Some(body) => format!("$$ {} $$", lex(body, dialect).iter().map(|word| word.text(body)).collect::<Vec<_>>().join(" ")),
        None => token.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}
