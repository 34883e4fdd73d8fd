//! What a change of a column's type does to stored values, to old INSERTs and to old SELECTs.
//!
//! The facts are rows of `rules/tables/sql-type-changes.csv`, most of them measured on real servers; this part finds the row for two
//! types, reads USING expressions, and derives the way back from the row of the reverse pair.
//!
//! # What a column loses besides its type in MySQL and MariaDB
//!
//! Experiments on MariaDB 10.11.19, which its manual and MySQL's (8.4 §15.1.9, ALTER TABLE) agree with:
//!
//! - MODIFY and CHANGE state the column anew. NOT NULL, DEFAULT, AUTO_INCREMENT, ON UPDATE, COMMENT, UNSIGNED, ZEROFILL and a CHECK that
//!   was written at the column are gone where they are not written again. A column of the primary key stays NOT NULL. Keys, foreign keys
//!   and a CHECK of the table stay; a renamed column keeps its keys. A generated column does not become a plain one (error 1907).
//! - Without CHARACTER SET or COLLATE the column takes those of the table, not those it had; the values are converted. Where the new
//!   character set lacks a character, strict mode refuses, and otherwise it becomes a question mark.
//! - CONVERT TO CHARACTER SET converts every column of texts, ENUM and SET included, and makes `text` of one byte a character `mediumtext`.
//!   DEFAULT CHARACTER SET changes no column that is there, only what later ones take.
//! - NULL to NOT NULL over rows with NULL is refused in strict mode, and otherwise stores the implicit default.
//! - A collation without regard to case over a UNIQUE key is refused where two values differ in case alone.
//! - Members of ENUM and SET keep their text whatever their place; their numbers, which ORDER BY and arithmetic use, follow the place. A
//!   member that is used and missing is refused in strict mode, and otherwise becomes the empty text.
//! - Between INT and INT UNSIGNED values outside the range are refused in strict mode and clamped otherwise; a subtraction below zero that
//!   worked before fails on UNSIGNED (error 1690).

mod convert;
mod defaults;
mod equal;
mod profile;
mod rules;
mod table;
mod using;

use std::cmp::Ordering;

use super::dialect::Dialect;
use super::effect::Certainty;
use super::expression::{DataType, Expr};
use super::name::{Ident, Name};

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
    Context { dialect, strict, user: &NoUserTypes, column: None }.change(from, to, using)
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
    Context { dialect, strict, user, column: None }.change(from, to, using)
}

/// Where a change of type happens.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub dialect: Dialect,
    /// As in [`change`].
    pub strict: Option<bool>,
    pub user: &'a dyn UserTypes,
    /// The column that changes: a USING expression without it replaces every value. None where any column may stand for it.
    pub column: Option<&'a Ident>,
}

impl Context<'_> {
    /// What changing the column from one type to another does.
    pub fn change(&self, from: &DataType, to: &DataType, using: Option<&Expr>) -> TypeChange {
        change_in(self, from, to, using)
    }
}

fn change_in(context: &Context, from: &DataType, to: &DataType, using: Option<&Expr>) -> TypeChange {
    let engine = Engine::new(context.dialect, context.strict, context.user);
    let direct = engine.convert(from, to, engine.mode);
    let back = engine.convert(to, from, engine.mode);
    let stored = match using {
        Some(expression) => using::convert(&engine, context.column, from, to, expression),
        None => direct.clone(),
    };
    let (from, to) = (display(context.dialect, from), display(context.dialect, to));
    let by_types = match direct.old_writes {
        Writes::All => format!("Values of {from} are returned as {to}."),
        Writes::Some(_) => format!("Some values as they were written for {from} are refused where {to} is expected."),
        Writes::None => format!("Values as they were written for {from} are refused where {to} is expected."),
    };
    assemble(direct, stored, &back, &by_types)
}

/// Writes and reads follow from the two types alone; stored values also from the expression that converts them.
fn assemble(direct: Conversion, stored: Conversion, back: &Conversion, by_types: &str) -> TypeChange {
    let needs_using = match stored.alter {
        Alter::Using | Alter::UsingRefuses | Alter::Impossible => true,
        Alter::Works | Alter::Refuses => false,
    };
    let (why, source) = match stored.loses.cmp(&direct.loses) {
        // What the engine would do by itself says nothing about values that the expression keeps.
        Ordering::Less => (by_types.to_owned(), direct.source),
        Ordering::Equal if !direct.why.is_empty() => (direct.why, direct.source),
        _ => (stored.why, stored.source),
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

#[cfg(test)]
mod measured;
#[cfg(test)]
mod tests;
