//! What a change of a column's type does to stored values, to old INSERTs and to old SELECTs.
//!
//! The facts are rows of `rules/tables/sql-type-changes.csv`, most of them measured on real servers; this part finds the row for two
//! types, reads USING expressions, and derives the way back from the row of the reverse pair.

mod convert;
mod defaults;
mod equal;
mod profile;
mod rules;
mod using;

use super::dialect::Dialect;
use super::effect::Certainty;
use super::expression::{DataType, Expr};
use super::name::Name;

use convert::{Conversion, Engine};
use rules::Alter;

pub use defaults::default_fill;
pub use equal::{display, equal};
pub use rules::{Reads, Writes};

/// What a change of type does.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeChange {
    /// False where the table has no row for the pair, or an expression could not be followed: the rest is a guess to be careful by.
    pub known: bool,
    /// Stored values are silently changed or gone. None where the engine refuses instead, or keeps them.
    pub loses: Option<Certainty>,
    /// The statement fails where stored values do not fit, so that nothing is lost.
    pub refuses: bool,
    /// There is no cast that the engine makes by itself, and no USING: the statement fails.
    pub needs_using: bool,
    /// Whether what an ordinary client wrote for the old type is taken by the new one.
    pub old_writes: Writes,
    /// Old writes are taken and stored rounded, cut or normalised.
    pub changed_writes: Option<Certainty>,
    pub reads: Reads,
    /// The new type holds values that the old one could not: old readers can meet them.
    pub widens: bool,
    pub reverse: Reverse,
    /// A full sentence without values; empty where nothing changes.
    pub why: String,
    /// Where the fact comes from.
    pub source: &'static str,
}

/// What `ALTER … TYPE` back to the old type does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reverse {
    Exact,
    /// It fails on values that only the new type holds.
    MayFail,
    /// It succeeds and changes values.
    Loses,
    /// It needs an expression for the conversion.
    NeedsUsing,
}

/// A type that a migration defined.
#[derive(Clone, Debug, PartialEq)]
pub enum UserType {
    /// Labels in order.
    Enum(Vec<String>),
    /// Its base type, and whether it checks values.
    Domain {
        base: DataType,
        checked: bool,
    },
    Composite,
}

/// Where user types are looked up.
pub trait UserTypes {
    fn find(&self, name: &Name) -> Option<UserType>;
}

/// No user types.
pub struct NoUserTypes;

impl UserTypes for NoUserTypes {
    fn find(&self, _: &Name) -> Option<UserType> {
        None
    }
}

/// What changing a column from one type to another does.
///
/// `strict` is MySQL's strict `sql_mode`, or a STRICT table of SQLite; unknown is the default of current versions: strict for MySQL
/// and MariaDB, not for SQLite.
pub fn change(dialect: Dialect, from: &DataType, to: &DataType, using: Option<&Expr>, strict: Option<bool>) -> TypeChange {
    change_with(dialect, from, to, using, strict, &NoUserTypes)
}

/// Like [`change`], with the enumerations and domains of the database.
pub fn change_with(
    dialect: Dialect,
    from: &DataType,
    to: &DataType,
    using: Option<&Expr>,
    strict: Option<bool>,
    user: &dyn UserTypes,
) -> TypeChange {
    let engine = Engine::new(dialect, strict, user);
    let direct = engine.convert(from, to, engine.mode);
    let back = engine.convert(to, from, engine.mode);
    let stored = match using {
        Some(expression) => using::convert(&engine, from, to, expression),
        None => direct.clone(),
    };
    assemble(direct, stored, &back, using.is_some())
}

/// Writes and reads follow from the two types alone; stored values also from the expression that converts them.
fn assemble(direct: Conversion, stored: Conversion, back: &Conversion, has_using: bool) -> TypeChange {
    let needs_using = match stored.alter {
        Alter::Using | Alter::UsingRefuses | Alter::Impossible => true,
        Alter::Works | Alter::Refuses => false,
    };
    let tells_more = !has_using || stored.loses > direct.loses || stored.why.is_empty();
    let (why, source) = if !has_using || direct.why.is_empty() || (tells_more && !stored.why.is_empty()) {
        (stored.why, stored.source)
    } else {
        (direct.why, direct.source)
    };
    TypeChange {
        known: direct.known && stored.known,
        loses: if needs_using { None } else { stored.loses },
        refuses: needs_using || stored.alter == Alter::Refuses,
        needs_using,
        old_writes: direct.old_writes,
        changed_writes: if direct.old_writes == Writes::None { None } else { direct.loses },
        reads: direct.reads,
        widens: back.loses.is_some() || !matches!(back.alter, Alter::Works | Alter::Using),
        reverse: back.as_reverse(),
        why,
        source,
    }
}

/// Whether `word` is one of the words of `list`, which `|` separates; `*` stands for all but `user`, the types nobody measured.
fn lists(list: &str, word: &str) -> bool {
    list == "*" && word != "user" || list.split('|').any(|entry| entry == word)
}

#[cfg(test)]
mod measured;
#[cfg(test)]
mod tests;
