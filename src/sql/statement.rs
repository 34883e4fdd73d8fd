//! What a statement does, in one form for all dialects: the reader makes these, the catalog applies them.
//!
//! Code migrations (Rails, Django and others) become the same operations, so that they go through the same catalog.

use super::expression::{DataType, Expr, Query};
use super::name::{Ident, Name};

/// One statement of a script.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Counts from 1 in its script.
    pub number: u32,
    /// Line of its first word, from 1 in its file.
    pub line: u32,
    /// What it does, in order; empty for a comment-like statement without effect.
    pub ops: Vec<Op>,
    /// A placeholder (`${x}`, `{{ x }}`) stood in it, so names in it may not be the real ones.
    pub templated: bool,
}

impl Statement {
    /// Whether nothing in it is opaque.
    pub fn is_understood(&self) -> bool {
        !self.ops.iter().any(Op::is_opaque)
    }
}

/// One thing that a statement does. An ALTER TABLE with several actions gives one each.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    CreateTable(Box<CreateTable>),
    DropTable {
        tables: Vec<Name>,
        if_exists: bool,
        cascade: bool,
        temporary: bool,
    },
    /// A table, view, materialised view or sequence under another name; `to` has a schema only where the dialect moves it there.
    RenameTable {
        from: Name,
        to: Name,
        if_exists: bool,
    },
    /// `ALTER … SET SCHEMA`.
    SetSchema {
        object: ObjectKind,
        name: Name,
        schema: Ident,
        if_exists: bool,
    },
    AlterTable {
        table: Name,
        if_exists: bool,
        only: bool,
        action: TableAction,
    },
    Truncate {
        tables: Vec<Name>,
        cascade: bool,
        restart_identity: bool,
    },

    CreateIndex(Box<CreateIndex>),
    /// `table` in MySQL and SQL Server.
    DropIndex {
        indexes: Vec<Name>,
        table: Option<Name>,
        concurrently: bool,
        if_exists: bool,
        cascade: bool,
    },
    /// `table` in MySQL.
    RenameIndex {
        from: Name,
        to: Ident,
        table: Option<Name>,
        if_exists: bool,
    },

    CreateView(Box<CreateView>),
    DropView {
        views: Vec<Name>,
        materialized: bool,
        if_exists: bool,
        cascade: bool,
    },
    /// `ALTER VIEW … RENAME COLUMN` and the like go through AlterTable.
    RefreshView {
        view: Name,
        with_no_data: bool,
    },

    CreateSequence {
        name: Name,
        if_not_exists: bool,
        owned_by: Option<(Name, Ident)>,
    },
    AlterSequence {
        name: Name,
        change: SequenceChange,
        if_exists: bool,
    },
    DropSequence {
        sequences: Vec<Name>,
        if_exists: bool,
        cascade: bool,
    },
    /// `setval('s', 7)`, also inside a SELECT; `value` only where it is a plain number. The sequence may be named by
    /// `pg_get_serial_sequence`, then it is none.
    SetSequence {
        sequence: Option<Name>,
        value: Option<i64>,
    },

    CreateType {
        name: Name,
        definition: TypeDefinition,
    },
    AlterType {
        name: Name,
        change: TypeChange,
        if_exists: bool,
    },
    DropType {
        types: Vec<Name>,
        domain: bool,
        if_exists: bool,
        cascade: bool,
    },

    CreateRoutine(Box<CreateRoutine>),
    /// `arguments` is none where the statement names none.
    DropRoutine {
        name: Name,
        arguments: Option<Vec<DataType>>,
        if_exists: bool,
        cascade: bool,
    },
    RenameRoutine {
        name: Name,
        to: Ident,
    },
    CreateTrigger(Box<CreateTrigger>),
    /// `table` in PostgreSQL.
    DropTrigger {
        name: Name,
        table: Option<Name>,
        if_exists: bool,
    },
    RenameTrigger {
        name: Ident,
        table: Name,
        to: Ident,
    },
    /// CREATE RULE; `instead` swallows the writes.
    CreateRule {
        name: Ident,
        table: Name,
        instead: bool,
    },
    DropRule {
        name: Ident,
        table: Name,
    },
    /// A job that the database runs later (MySQL EVENT), with what it does.
    CreateEvent {
        name: Name,
        body: Vec<Statement>,
    },
    DropEvent {
        name: Name,
    },

    CreateExtension {
        name: Ident,
        if_not_exists: bool,
    },
    DropExtension {
        names: Vec<Ident>,
        if_exists: bool,
        cascade: bool,
    },
    AlterExtension {
        name: Ident,
    },
    CreateSchema {
        name: Ident,
        if_not_exists: bool,
    },
    RenameSchema {
        from: Ident,
        to: Ident,
    },
    DropSchema {
        schemas: Vec<Ident>,
        if_exists: bool,
        cascade: bool,
    },
    DropDatabase {
        name: Ident,
    },

    /// CREATE, ALTER or DROP POLICY.
    Policy {
        name: Ident,
        table: Name,
        change: PolicyChange,
    },
    /// GRANT or REVOKE on tables; `objects` is empty for roles and default privileges.
    Grant {
        objects: Vec<Name>,
    },
    Revoke {
        objects: Vec<Name>,
        privileges: Vec<String>,
    },
    /// DROP OWNED BY: all objects of a role.
    DropOwned,

    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
    /// COPY … FROM, LOAD DATA: rows of a file.
    Load {
        table: Name,
    },
    /// A SELECT outside any other statement: what matters is which functions it calls and what its WITH clause writes.
    Select(Box<Query>),
    /// CALL, EXEC, PERFORM.
    Call {
        routine: Name,
    },

    /// DO blocks, IF branches, batches: what is inside may happen.
    Block {
        kind: BlockKind,
        body: Vec<Statement>,
    },
    /// EXECUTE of text put together at run time: what its literal pieces say.
    Dynamic {
        pieces: Vec<String>,
    },
    /// A constant text that is executed (`EXECUTE 'DROP TABLE t'`, `PREPARE s FROM '…'`) is read and stands as Block.

    /// `SET search_path`, `SET sql_mode`, `SET FOREIGN_KEY_CHECKS`, `PRAGMA foreign_keys`, `USE db`: lower-case name, values as
    /// written without quotes. `local` ends with the transaction.
    Set {
        variable: String,
        values: Vec<String>,
        local: bool,
    },
    Transaction(Transaction),
    /// Known to change neither schema as old code sees it nor rows: COMMENT, ANALYZE, storage options, LOCK, statistics.
    Harmless,
    /// Not understood. `head` is its first words, names and keywords only (no literal); `risky` the destructive words in it.
    Opaque {
        head: String,
        risky: Vec<&'static str>,
        why: String,
    },
}

impl Op {
    /// Whether it, or something inside it, is not understood.
    pub fn is_opaque(&self) -> bool {
        match self {
            Op::Opaque { .. } => true,
            Op::Block { body, .. } => body.iter().any(|statement| !statement.is_understood()),
            Op::AlterTable { action: TableAction::Opaque { .. }, .. } => true,
            _ => false,
        }
    }
}

/// Why the statements of a block may not be executed as they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// PostgreSQL's DO, a PL/SQL block, MariaDB's BEGIN NOT ATOMIC: runs, its branches may not.
    Anonymous,
    /// Under IF, CASE, LOOP or an exception handler: may run or not.
    Conditional,
    /// The one branch of a condition, which asks whether it is needed: runs where it can.
    Guarded,
    /// A constant text that is executed: runs.
    Executed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    Table,
    View,
    Sequence,
    Type,
    Routine,
    Other,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTable {
    pub name: Name,
    pub if_not_exists: bool,
    /// MariaDB's OR REPLACE: drops a table of that name.
    pub or_replace: bool,
    pub temporary: bool,
    pub columns: Vec<ColumnDef>,
    /// Table constraints and MySQL's inline keys.
    pub constraints: Vec<Constraint>,
    /// `LIKE other` with what it copies beyond names, types and NOT NULL.
    pub like: Vec<Like>,
    pub inherits: Vec<Name>,
    /// `PARTITION OF parent`.
    pub partition_of: Option<PartitionOf>,
    /// It has partitions (PARTITION BY).
    pub partitioned: bool,
    /// `AS SELECT …`, also SELECT … INTO.
    pub query: Option<Query>,
    /// `WITH NO DATA`.
    pub with_no_data: bool,
    /// SQLite's STRICT.
    pub strict: bool,
    /// SQLite's WITHOUT ROWID: its primary key is NOT NULL and numbers nothing.
    pub without_rowid: bool,
    /// MySQL's default character set and collation of the table.
    pub charset: Option<String>,
    pub collation: Option<String>,
}

impl CreateTable {
    /// A table without columns.
    pub fn new(name: Name) -> Self {
        CreateTable {
            name,
            if_not_exists: false,
            or_replace: false,
            temporary: false,
            columns: Vec::new(),
            constraints: Vec::new(),
            like: Vec::new(),
            inherits: Vec::new(),
            partition_of: None,
            partitioned: false,
            query: None,
            with_no_data: false,
            strict: false,
            without_rowid: false,
            charset: None,
            collation: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Like {
    pub table: Name,
    pub defaults: bool,
    pub constraints: bool,
    pub indexes: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionOf {
    pub parent: Name,
    /// The DEFAULT partition.
    pub default: bool,
}

/// A column of CREATE TABLE, ADD COLUMN, MODIFY or CHANGE.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDef {
    pub name: Ident,
    /// None where SQLite or CREATE TABLE AS leaves it out. PostgreSQL's `serial` is `integer` with `identity`.
    pub data_type: Option<DataType>,
    /// NOT NULL written (PRIMARY KEY adds it in the catalog).
    pub not_null: bool,
    pub default: Option<Expr>,
    pub generated: Option<Generated>,
    pub identity: Option<IdentityKind>,
    /// MySQL's ON UPDATE CURRENT_TIMESTAMP.
    pub on_update: bool,
    /// PRIMARY KEY, UNIQUE, CHECK, REFERENCES written at the column; their columns are filled in.
    pub constraints: Vec<Constraint>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    pub expression: Expr,
    pub stored: bool,
}

/// Where a column's value comes from when an INSERT leaves it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityKind {
    /// GENERATED ALWAYS AS IDENTITY, SQL Server's IDENTITY: refuses explicit values.
    Always,
    /// GENERATED BY DEFAULT AS IDENTITY.
    ByDefault,
    /// serial, AUTO_INCREMENT, AUTOINCREMENT.
    Serial,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    pub name: Option<Ident>,
    pub kind: ConstraintKind,
    /// NOT VALID, WITH NOCHECK, ENABLE NOVALIDATE: rows that are there were not checked.
    pub not_valid: bool,
    /// NOT ENFORCED, DISABLE: nothing is checked.
    pub not_enforced: bool,
    pub deferrable: bool,
    /// PostgreSQL's IF NOT EXISTS does not exist here; MariaDB's does.
    pub if_not_exists: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ConstraintKind {
    PrimaryKey {
        columns: Vec<IndexPart>,
        using_index: Option<Ident>,
    },
    Unique {
        columns: Vec<IndexPart>,
        nulls_not_distinct: bool,
        using_index: Option<Ident>,
    },
    Check {
        expression: Expr,
    },
    ForeignKey(ForeignKey),
    Exclude {
        text: String,
        columns: Vec<Ident>,
    },
    /// PostgreSQL 18's named NOT NULL.
    NotNull {
        column: Ident,
    },
    /// MySQL's inline KEY, INDEX, FULLTEXT, SPATIAL: no constraint.
    Index {
        columns: Vec<IndexPart>,
        fulltext: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    pub columns: Vec<Ident>,
    pub table: Name,
    /// Empty: the primary key.
    pub referenced: Vec<Ident>,
    pub on_delete: ReferentialAction,
    pub on_update: ReferentialAction,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReferentialAction {
    #[default]
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

/// One column or expression of an index.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexPart {
    /// None for an expression.
    pub column: Option<Ident>,
    /// The expression, or the column as an expression.
    pub expression: Expr,
    /// MySQL's prefix length.
    pub prefix: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateIndex {
    /// None where the engine makes one up.
    pub name: Option<Ident>,
    pub table: Name,
    pub unique: bool,
    pub parts: Vec<IndexPart>,
    /// WHERE of a partial index.
    pub condition: Option<Expr>,
    pub if_not_exists: bool,
    pub nulls_not_distinct: bool,
    /// CONCURRENTLY: leaves an invalid index behind when it fails.
    pub concurrently: bool,
    pub fulltext: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateView {
    pub name: Name,
    pub or_replace: bool,
    pub if_not_exists: bool,
    pub materialized: bool,
    pub temporary: bool,
    /// Written after the name; empty where the query names them.
    pub columns: Vec<Ident>,
    pub query: Query,
    pub with_no_data: bool,
    pub check_option: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SequenceChange {
    /// RESTART [WITH n].
    Restart(Option<i64>),
    /// OWNED BY table.column or NONE.
    OwnedBy(Option<(Name, Ident)>),
    Increment,
    /// Bounds, cache, cycle, type.
    Other,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TypeDefinition {
    /// Labels in order.
    Enum(Vec<String>),
    Composite(Vec<ColumnDef>),
    Domain {
        base: DataType,
        not_null: bool,
        default: Option<Expr>,
        checks: Vec<Constraint>,
    },
    /// Ranges, base types, shells, table types.
    Other,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TypeChange {
    /// `before` or `after` is the neighbour's label.
    AddValue {
        label: String,
        if_not_exists: bool,
        at_end: bool,
    },
    RenameValue {
        from: String,
        to: String,
    },
    AddAttribute(ColumnDef),
    DropAttribute {
        name: Ident,
        cascade: bool,
    },
    AlterAttribute {
        name: Ident,
        data_type: DataType,
    },
    RenameAttribute {
        from: Ident,
        to: Ident,
    },
    Rename(Ident),
    SetSchema(Ident),
    /// Of a domain.
    AddConstraint(Constraint),
    DropConstraint {
        name: Ident,
        if_exists: bool,
    },
    SetNotNull,
    DropNotNull,
    SetDefault(Expr),
    DropDefault,
    /// OWNER TO, VALIDATE CONSTRAINT.
    Harmless,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateRoutine {
    pub name: Name,
    pub or_replace: bool,
    pub procedure: bool,
    pub arguments: Vec<Argument>,
    /// `trigger` for trigger functions.
    pub returns: Option<DataType>,
    /// Lower case.
    pub language: Option<String>,
    pub body: RoutineBody,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    pub name: Option<Ident>,
    pub data_type: Option<DataType>,
    pub has_default: bool,
    /// OUT and TABLE columns take no value in a call.
    pub is_output: bool,
}

/// What a routine or trigger does when it is called.
#[derive(Clone, Debug)]
pub struct RoutineBody {
    /// Read as statements, as far as they could be; what is under IF and LOOP stands as Block.
    pub statements: Vec<Statement>,
    /// It raises an error on purpose (RAISE EXCEPTION, SIGNAL, RAISE(ABORT)).
    pub raises: bool,
    /// Columns of NEW that it assigns (`NEW.x := …`, `SET NEW.x = …`), with whether the value is another column of NEW alone.
    pub assigns: Vec<(Ident, Option<Ident>)>,
    /// Columns of NEW or OLD that it reads.
    pub reads: Vec<Ident>,
    /// `RETURN NULL` of a BEFORE trigger: writes vanish.
    pub returns_null: bool,
    /// Names bind when it is created (BEGIN ATOMIC), not when it runs.
    pub bound: bool,
    /// Not understood: another language, or syntax.
    pub opaque: bool,
    /// For comparing two bodies.
    pub text: String,
}

/// The same text is the same body, wherever in its file it stands.
impl PartialEq for RoutineBody {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.bound, self.opaque) == (&other.text, other.bound, other.opaque)
    }
}

impl RoutineBody {
    /// A body of which nothing is read yet.
    pub fn unread(text: String, opaque: bool) -> Self {
        RoutineBody {
            statements: Vec::new(),
            raises: false,
            assigns: Vec::new(),
            reads: Vec::new(),
            returns_null: false,
            bound: false,
            opaque,
            text,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTrigger {
    pub name: Name,
    pub or_replace: bool,
    pub if_not_exists: bool,
    pub table: Name,
    pub timing: TriggerTiming,
    pub insert: bool,
    pub delete: bool,
    /// Some for UPDATE: the columns of UPDATE OF, empty for all.
    pub update: Option<Vec<Ident>>,
    /// WHEN (…) in front.
    pub conditional: bool,
    /// PostgreSQL's EXECUTE FUNCTION.
    pub function: Option<Name>,
    /// The body of the other dialects.
    pub body: Option<RoutineBody>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerTiming {
    Before,
    After,
    InsteadOf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyChange {
    Create { restrictive: bool },
    Alter,
    Drop,
}

/// One action of ALTER TABLE (ALTER VIEW and ALTER FOREIGN TABLE where they share it).
#[derive(Clone, Debug, PartialEq)]
pub enum TableAction {
    AddColumn {
        column: ColumnDef,
        if_not_exists: bool,
    },
    DropColumn {
        column: Ident,
        if_exists: bool,
        cascade: bool,
    },
    RenameColumn {
        from: Ident,
        to: Ident,
    },
    AlterColumn {
        column: Ident,
        change: ColumnChange,
        if_exists: bool,
    },
    /// MODIFY and CHANGE of MySQL, ALTER COLUMN of SQL Server and MODIFY of Oracle: the whole definition anew. `keeps` is what
    /// the dialect keeps though it is not written (Oracle all, SQL Server default and identity, MySQL nothing).
    RedefineColumn {
        from: Ident,
        column: ColumnDef,
        keeps: Keeps,
        if_exists: bool,
    },
    AddConstraint(Constraint),
    DropConstraint {
        name: Ident,
        if_exists: bool,
        cascade: bool,
    },
    DropPrimaryKey {
        cascade: bool,
    },
    /// MySQL.
    DropForeignKey {
        name: Ident,
        if_exists: bool,
    },
    /// MySQL's DROP INDEX and DROP KEY.
    DropIndex {
        name: Ident,
        if_exists: bool,
    },
    RenameConstraint {
        from: Ident,
        to: Ident,
    },
    /// MySQL's RENAME INDEX and RENAME KEY.
    RenameIndex {
        from: Ident,
        to: Ident,
    },
    ValidateConstraint {
        name: Ident,
    },
    /// DEFERRABLE; `enforced` where it is written.
    AlterConstraint {
        name: Ident,
        enforced: Option<bool>,
    },
    AttachPartition {
        partition: Name,
        default: bool,
    },
    DetachPartition {
        partition: Name,
    },
    /// MySQL, Oracle: rows go too.
    DropPartition {
        partitions: Vec<Ident>,
    },
    TruncatePartition {
        partitions: Vec<Ident>,
    },
    /// MySQL's EXCHANGE PARTITION, SQL Server's SWITCH: rows change places with the other table.
    ExchangePartition {
        with: Name,
    },
    Inherit {
        parent: Name,
    },
    NoInherit {
        parent: Name,
    },
    RowSecurity {
        enabled: bool,
    },
    ForceRowSecurity {
        forced: bool,
    },
    /// None: ALL or USER.
    EnableTrigger {
        name: Option<Ident>,
        enabled: bool,
    },
    OwnerTo,
    /// MySQL's CONVERT TO CHARACTER SET (all columns), or the table's default only.
    Charset {
        charset: Option<String>,
        collation: Option<String>,
        convert: bool,
    },
    /// MySQL's AUTO_INCREMENT = n.
    AutoIncrement(Option<i64>),
    SetLogged {
        logged: bool,
    },
    /// MySQL's ENGINE, lower case.
    Engine(String),
    /// Oracle's SET UNUSED.
    SetUnused {
        columns: Vec<Ident>,
    },
    /// Storage, statistics, replica identity, tablespace, ALGORITHM, LOCK, comments.
    Harmless,
    Opaque {
        head: String,
    },
}

/// What RedefineColumn keeps of a column though it is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeps {
    pub default: bool,
    pub not_null: bool,
    pub identity: bool,
    /// The data type, where only NULL or DEFAULT is written.
    pub data_type: bool,
}

impl Keeps {
    /// MySQL's MODIFY and CHANGE.
    pub const NOTHING: Keeps = Keeps { default: false, not_null: false, identity: false, data_type: false };
}

#[derive(Clone, Debug, PartialEq)]
pub enum ColumnChange {
    Type {
        data_type: DataType,
        using: Option<Expr>,
    },
    SetDefault(Expr),
    DropDefault,
    SetNotNull,
    DropNotNull,
    AddIdentity(IdentityKind),
    SetIdentity(IdentityKind),
    DropIdentity {
        if_exists: bool,
    },
    SetExpression(Expr),
    DropExpression {
        if_exists: bool,
    },
    /// STATISTICS, STORAGE, COMPRESSION, options, RESTART of an identity.
    Harmless,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Insert {
    pub table: Name,
    /// Empty: all, in their order.
    pub columns: Vec<Ident>,
    pub source: InsertSource,
    /// ON CONFLICT DO UPDATE, ON DUPLICATE KEY UPDATE: columns of rows that are there are overwritten.
    pub overwrites: Vec<Ident>,
    /// REPLACE INTO, INSERT OR REPLACE: rows that are there are deleted first.
    pub replaces: bool,
    /// ON CONFLICT (columns); none where it names no columns or there is none.
    pub conflict: Option<Vec<Ident>>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum InsertSource {
    /// Number of rows written out.
    Values(usize),
    Query(Query),
    /// DEFAULT VALUES, or not read.
    Other,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    pub table: Name,
    pub alias: Option<Ident>,
    /// Other tables it reads (FROM, JOIN), names only.
    pub from: Vec<super::expression::Source>,
    /// Column and value; a qualifier says which table in MySQL's multi-table form.
    pub assignments: Vec<Assignment>,
    pub condition: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    pub qualifier: Option<Ident>,
    pub column: Ident,
    pub value: Expr,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Delete {
    /// Usually one; MySQL's multi-table form deletes from several.
    pub tables: Vec<Name>,
    pub using: Vec<super::expression::Source>,
    pub condition: Option<Expr>,
    /// The table that takes its RETURNING rows (`WITH d AS (DELETE … RETURNING *) INSERT INTO …`), whole rows only.
    pub moved_to: Option<Name>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transaction {
    Begin,
    Commit,
    Rollback,
    Savepoint(Ident),
    RollbackTo(Ident),
    Release(Ident),
}
