//! What happened on the way: which statement touched what, where values were destroyed, and where they were copied to.

use super::model::{ColumnId, RelationId};
use crate::sql::effect::{By, Certainty};
use crate::sql::name::{Ident, Name};

/// The statement that did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub migration: usize,
    pub statement: u32,
    pub line: u32,
    pub by: By,
    /// How sure it is that the statement runs as it stands.
    pub cap: Certainty,
}

/// What a statement changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Relation(RelationId),
    Column(ColumnId),
    /// A constraint, index, trigger, policy or rule of a relation.
    Part(RelationId, Option<Ident>),
    Type(Name),
    Routine(Name),
    Schema(Ident),
}

/// One thing on the path.
#[derive(Clone, Debug)]
pub struct Event {
    pub mark: Mark,
    pub action: Action,
}

#[derive(Clone, Debug)]
pub enum Action {
    /// The definition changed; what the change means is read from the two ends.
    Touch(Key),
    /// Values of these columns of all or some rows are gone.
    Destroy(Destruction),
    /// Values were put into another column as well.
    Copy(Copied),
    /// The new value of a sequence can be lower than the values in use.
    SequenceSet { sequence: Name },
    /// REVOKE, DROP OWNED: rights that the old code may need.
    Rights { relation: Option<RelationId> },
    /// A constraint that was never seen was dropped.
    UnknownConstraint { relation: RelationId },
    /// Rows of a partition changed places with those of another table.
    Exchanged { relation: RelationId, with: RelationId },
    /// A job that destroys values runs later.
    Scheduled { relation: RelationId },
    /// Rows were put in that were written out, whatever was there.
    Inserted { relation: RelationId },
    /// The engine refuses it whatever the rows are: said of downs, as what was applied was not refused.
    Refused { why: String },
    /// Not understood.
    Opaque { relation: Option<RelationId>, head: String, why: String },
}

#[derive(Clone, Debug)]
pub struct Destruction {
    pub relation: RelationId,
    /// The stored columns that lose values; empty where none is known.
    pub columns: Vec<ColumnId>,
    /// Rows or the relation itself go, not single columns.
    pub rows: bool,
    /// WHERE of it, as text.
    pub condition: Option<String>,
    /// The columns of the relation, where the condition tests for NULL.
    pub tested: Vec<(Ident, ColumnId)>,
    /// The column of which the condition asks for another value than its default.
    pub beyond_default: Option<ColumnId>,
    pub certainty: Certainty,
    pub why: String,
}

#[derive(Clone, Debug)]
pub struct Copied {
    pub from: ColumnId,
    pub to: ColumnId,
    /// WHERE of the copy, as text; none for all rows.
    pub condition: Option<String>,
    /// The columns of the table that is read, where the condition tests for NULL.
    pub tested: Vec<(Ident, ColumnId)>,
    /// How sure it is that every value of the rows that it covers arrives.
    pub complete: Certainty,
    /// The rows that are copied were filtered in a way that cannot be compared.
    pub partial: bool,
}
