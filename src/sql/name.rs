//! Names of tables, columns and the like, compared as their dialect compares them.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::dialect::Dialect;

/// One part of a name. Compared, ordered and hashed by its folded form; shown as the database would show it.
#[derive(Clone)]
pub struct Ident {
    text: Arc<str>,
    key: Arc<str>,
}

impl Ident {
    /// `text` without its quotes, escapes undone.
    pub fn new(dialect: Dialect, text: &str, quoted: bool) -> Self {
        let key: Arc<str> = dialect.fold(text, quoted).into();
        // PostgreSQL and Oracle store the folded form, the others what was written.
        let shown = if matches!(dialect, Dialect::PostgreSql | Dialect::Oracle) { key.clone() } else { text.into() };
        Ident { text: shown, key }
    }

    /// A name that is already as the database stores it.
    pub fn stored(dialect: Dialect, text: &str) -> Self {
        Ident::new(dialect, text, true)
    }

    /// As the database shows it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The form that is compared.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl PartialEq for Ident {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Ident {}

impl PartialOrd for Ident {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ident {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl Hash for Ident {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.text)
    }
}

/// A name with the schema that was written before it, if any. A database (`db.schema.name`) is dropped by the reader.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    pub schema: Option<Ident>,
    pub name: Ident,
}

impl Name {
    /// A name without a schema.
    pub fn bare(name: Ident) -> Self {
        Name { schema: None, name }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        write!(f, "{}", self.name)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
