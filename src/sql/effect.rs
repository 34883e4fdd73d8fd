//! What a migration does to the code that was there before it, and to the values that were stored.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::name::{Ident, Name};

/// What happens, observably.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffectKind {
    /// Stored values that existed before are gone and are not found elsewhere in the database.
    DataLoss,
    /// A SELECT of a column that existed before now fails.
    ReadsBreak,
    /// An INSERT with the old column list, or an UPDATE or DELETE of a base table, that worked before now fails whatever the data.
    WritesBreak,
    /// Writes that were valid before are refused for some values or rows.
    Restricts,
    /// Old statements succeed and mean something else.
    ChangesResult,
    /// The database may now hold values that the old schema could not.
    Widens,
    /// Values left their place and are found elsewhere in the database.
    Moved,
    /// A statement that cannot be understood.
    Opaque,
}

/// How sure an effect is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// Depends on particular values, or on statements that only some old code would issue.
    Possible,
    /// Happens with ordinary rows or ordinary old code.
    Likely,
    /// Happens whatever the rows are.
    Certain,
}

/// The kind of statement that does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    DropColumn,
    DropTable,
    DropView,
    DropSchema,
    DropDatabase,
    DropType,
    DropRoutine,
    DropSequence,
    DropExtension,
    DropIndex,
    DropConstraint,
    DropDefault,
    DropTrigger,
    DropPartition,
    Rename,
    MoveSchema,
    Truncate,
    Delete,
    Update,
    Insert,
    Load,
    TypeChange,
    TypeDefinition,
    AddColumn,
    AddConstraint,
    AddIndex,
    AddTrigger,
    AddRule,
    SetNotNull,
    DropNotNull,
    SetDefault,
    Identity,
    Generated,
    Charset,
    RedefineColumn,
    RecreateTable,
    ChangeView,
    ChangeRoutine,
    RefreshView,
    Sequence,
    Partition,
    Inheritance,
    RowSecurity,
    Revoke,
    Storage,
    ForeignKeyCascade,
    Dynamic,
    Unparsed,
    Code,
}

/// As JSON writes it.
impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// As JSON writes it.
impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// What an effect is about: a relation, a column of it, or another object (type, function, sequence).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Without the default schema.
    pub relation: Name,
    pub column: Option<Ident>,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.relation)?;
        match &self.column {
            Some(column) => write!(f, ".{column}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// One effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    pub kind: EffectKind,
    pub object: Target,
    /// Where moved values are now.
    pub to: Option<Target>,
    pub by: By,
    pub certainty: Certainty,
    /// Position of the migration in the replayed order, from 0.
    pub migration: usize,
    /// From 1 in its script.
    pub statement: u32,
    /// From 1 in its file.
    pub line: u32,
    /// A full sentence without literals.
    pub why: String,
}
