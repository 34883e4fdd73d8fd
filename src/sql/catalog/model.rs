//! What the catalog knows of a database: relations and what belongs to them, each with an id that outlives renames.

use std::sync::Arc;

use crate::sql::expression::{DataType, Expr, Query};
use crate::sql::name::{Ident, Name};
use crate::sql::statement::{Argument, CreateTrigger, Generated, IdentityKind, ReferentialAction, RoutineBody, TypeDefinition};

/// A relation through all its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RelationId(pub u32);

/// A column through all its names, unique in the whole catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnId(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    Table,
    View,
    MaterializedView,
    Sequence,
}

/// A table, view or sequence.
#[derive(Clone, Debug)]
pub struct Relation {
    pub id: RelationId,
    /// Without the default schema.
    pub name: Name,
    pub kind: RelationKind,
    pub columns: Vec<Column>,
    pub guards: Vec<Guard>,
    pub triggers: Vec<Arc<Trigger>>,
    pub view: Option<Arc<ViewDefinition>>,
    pub partitioned: bool,
    /// The table that this is a partition of.
    pub partition_of: Option<RelationId>,
    pub default_partition: bool,
    pub inherits: Vec<RelationId>,
    pub row_security: bool,
    pub force_row_security: bool,
    /// Name and whether it is restrictive.
    pub policies: Vec<(Ident, bool)>,
    /// Rewrite rules: name and whether it replaces the write.
    pub rules: Vec<(Ident, bool)>,
    pub temporary: bool,
    /// SQLite's STRICT.
    pub strict: bool,
    pub charset: Option<String>,
    pub collation: Option<String>,
    pub unlogged: bool,
    /// Its creation was not seen, or not understood: it can have more columns than are listed.
    pub open: bool,
    /// Sequences: the column that owns it.
    pub owned_by: Option<ColumnId>,
    /// A materialised view that was filled.
    pub populated: bool,
}

/// One version of a relation equals itself alone: telling changed ones apart stays cheap, and what changed is asked column by column.
impl PartialEq for Relation {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Relation {
    pub fn new(id: RelationId, name: Name, kind: RelationKind) -> Self {
        Relation {
            id,
            name,
            kind,
            columns: Vec::new(),
            guards: Vec::new(),
            triggers: Vec::new(),
            view: None,
            partitioned: false,
            partition_of: None,
            default_partition: false,
            inherits: Vec::new(),
            row_security: false,
            force_row_security: false,
            policies: Vec::new(),
            rules: Vec::new(),
            temporary: false,
            strict: false,
            charset: None,
            collation: None,
            unlogged: false,
            open: false,
            owned_by: None,
            populated: true,
        }
    }

    pub fn is_table(&self) -> bool {
        self.kind == RelationKind::Table
    }

    pub fn is_view(&self) -> bool {
        matches!(self.kind, RelationKind::View | RelationKind::MaterializedView)
    }

    pub fn column(&self, name: &Ident) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == *name)
    }

    pub fn column_by_id(&self, id: ColumnId) -> Option<&Column> {
        self.columns.iter().find(|column| column.id == id)
    }

    pub fn guard(&self, name: &Ident) -> Option<&Guard> {
        self.guards.iter().find(|guard| guard.name.as_ref() == Some(name))
    }

    /// The columns of its primary key.
    pub fn primary_key(&self) -> Option<&Guard> {
        self.guards.iter().find(|guard| guard.kind == GuardKind::Primary)
    }

    /// Columns that hold values of their own.
    pub fn stored_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.generated.is_none())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub id: ColumnId,
    pub name: Ident,
    /// None where it is not known, or SQLite was told none.
    pub data_type: Option<DataType>,
    pub not_null: bool,
    pub default: Option<Expr>,
    /// The user's type that the default is a value of, where the column has got another type since: dropping it with CASCADE takes
    /// the default along (experiment: proof case `pg-default-of-a-dropped-type`).
    pub default_type: Option<Name>,
    pub generated: Option<Generated>,
    pub identity: Option<IdentityKind>,
    /// MySQL's ON UPDATE CURRENT_TIMESTAMP.
    pub on_update: bool,
    /// Its creation was not seen.
    pub assumed: bool,
    /// Of a view: the column it shows as it is.
    pub source: Option<ColumnId>,
}

impl Column {
    pub fn new(id: ColumnId, name: Ident) -> Self {
        Column {
            id,
            name,
            data_type: None,
            not_null: false,
            default: None,
            default_type: None,
            generated: None,
            identity: None,
            on_update: false,
            assumed: false,
            source: None,
        }
    }

    /// Whether an INSERT that leaves it out finds a value, or may leave it without one.
    pub fn is_optional(&self) -> bool {
        !self.not_null || self.has_default() || self.generated.is_some() || self.identity.is_some()
    }

    /// A DEFAULT other than NULL.
    pub fn has_default(&self) -> bool {
        self.default.as_ref().is_some_and(|default| !default.is_null())
    }
}

/// A constraint or an index.
#[derive(Clone, Debug, PartialEq)]
pub struct Guard {
    /// As written, or as the engine makes it up; none where it makes up none.
    pub name: Option<Ident>,
    pub kind: GuardKind,
    pub columns: Vec<ColumnId>,
    /// Made by CREATE INDEX.
    pub is_index: bool,
    pub not_valid: bool,
    pub not_enforced: bool,
    pub deferrable: bool,
    /// MySQL made it for a foreign key, and takes it away for an index that does as well.
    pub implied: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum GuardKind {
    Primary,
    Unique {
        nulls_not_distinct: bool,
        /// Expressions and prefixes among its parts, as text.
        expressions: Vec<String>,
        /// WHERE of a partial index, as text.
        condition: Option<String>,
    },
    Check {
        text: String,
        functions: Vec<Name>,
    },
    Foreign {
        table: RelationId,
        /// Empty: its primary key.
        referenced: Vec<ColumnId>,
        on_delete: ReferentialAction,
        on_update: ReferentialAction,
    },
    Exclude {
        text: String,
    },
    /// An index that refuses nothing.
    Index {
        text: String,
        fulltext: bool,
    },
}

impl GuardKind {
    /// PRIMARY KEY or UNIQUE.
    pub fn is_unique(&self) -> bool {
        matches!(self, GuardKind::Primary | GuardKind::Unique { .. })
    }

    pub fn is_foreign(&self) -> bool {
        matches!(self, GuardKind::Foreign { .. })
    }
}

#[derive(Clone, Debug)]
pub struct Trigger {
    pub definition: CreateTrigger,
    /// Without the default schema.
    pub function: Option<Name>,
    pub enabled: bool,
}

/// What a view shows.
#[derive(Clone, Debug)]
pub struct ViewDefinition {
    pub query: Query,
    /// Relations it reads, as they were bound when it was made.
    pub relations: Vec<RelationId>,
    /// Columns it names, as they were bound.
    pub columns: Vec<ColumnId>,
    /// INSERT, UPDATE and DELETE go through it to this table.
    pub writes_to: Option<RelationId>,
    pub check_option: bool,
    /// WITH clause modifiers and the like left aside, what it reads could be found.
    pub resolved: bool,
}

/// An enum, domain or composite.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeObject {
    pub id: u32,
    pub definition: TypeDefinition,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Routine {
    pub procedure: bool,
    pub arguments: Vec<Argument>,
    pub returns: Option<DataType>,
    pub body: RoutineBody,
}

impl Routine {
    /// Arguments that a call gives values for.
    pub fn inputs(&self) -> impl Iterator<Item = &Argument> {
        self.arguments.iter().filter(|argument| !argument.is_output)
    }
}
