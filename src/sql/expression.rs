//! Expressions and queries, as far as their effects need them.

use super::name::{Ident, Name};

/// A data type as it was written, its name in one spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataType {
    /// Lower case, words joined by one space, synonyms folded to the dialect's own word (`character varying` is `varchar`,
    /// `int8` is `bigint`, `timestamp with time zone` is `timestamptz`, `integer` is `int` in MySQL); user types as named.
    pub name: Name,
    /// What stands in the parentheses: `10`, `2`, `max`.
    pub arguments: Vec<String>,
    /// Labels of MySQL's ENUM and SET, decoded.
    pub labels: Vec<String>,
    /// Number of array dimensions; 0 for a scalar.
    pub dimensions: u8,
    /// MySQL's UNSIGNED (ZEROFILL implies it).
    pub unsigned: bool,
    /// CHARACTER SET of the column (MySQL), lower case.
    pub charset: Option<String>,
    /// COLLATE of the column.
    pub collation: Option<String>,
}

impl DataType {
    /// A type that is nothing but its name.
    pub fn named(name: Name) -> Self {
        DataType {
            name,
            arguments: Vec::new(),
            labels: Vec::new(),
            dimensions: 0,
            unsigned: false,
            charset: None,
            collation: None,
        }
    }
}

/// `column`, `table.column`, `alias.column`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnRef {
    pub qualifier: Option<Ident>,
    pub column: Ident,
}

/// A value written out. Its text is kept for comparison and never printed: it can be a person's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// Decoded, without quotes.
    Text(String),
    Number(String),
    Bool(bool),
}

/// What an expression is, as far as its effects need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    Null,
    Literal(Literal),
    Column(ColumnRef),
    /// `CAST(inner AS to)`, `inner::to`, `CONVERT(inner, to)`.
    Cast {
        inner: Box<Expr>,
        to: DataType,
    },
    Call {
        function: Name,
        arguments: Vec<Expr>,
    },
    /// The word DEFAULT where a value is expected.
    Default,
    Other,
}

/// An expression, with what it refers to anywhere inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expr {
    pub shape: Shape,
    /// Every column it names, subqueries included, in order, without duplicates.
    pub columns: Vec<ColumnRef>,
    /// Every function it calls, subqueries included.
    pub functions: Vec<Name>,
    /// Every table its subqueries read.
    pub tables: Vec<Name>,
    /// Tokens joined by one space, names folded; for comparing two expressions, never for printing.
    pub text: String,
}

impl Expr {
    /// The expression below casts, if it is a plain column.
    pub fn as_column(&self) -> Option<&ColumnRef> {
        match &self.shape {
            Shape::Column(column) => Some(column),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        match &self.shape {
            Shape::Null => true,
            Shape::Cast { inner, .. } => inner.is_null(),
            _ => false,
        }
    }
}

/// A table that a query or a data statement reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// None for a subquery, a function or VALUES in FROM.
    pub table: Option<Name>,
    pub alias: Option<Ident>,
    /// The subquery in its place.
    pub query: Option<Box<Query>>,
    /// Joined in a way that can drop or multiply rows of the others (anything but the first table and LEFT JOIN of a key).
    pub joined: bool,
}

/// One column that a query gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// `*` or `alias.*`.
    Star { qualifier: Option<Ident> },
    /// The name it gets (its alias, or the column's own name), none where the engine makes one up.
    Column { name: Option<Ident>, value: Expr },
}

/// A SELECT, VALUES or TABLE.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    pub outputs: Vec<Output>,
    pub from: Vec<Source>,
    /// It has WHERE, HAVING, LIMIT, OFFSET or an inner join: rows of the first table can be missing from it.
    pub filtered: bool,
    /// HAVING, LIMIT or the like leave rows out, which neither WHERE nor a join does.
    pub limited: bool,
    /// What each inner join compares, where that is one column with another; none for other inner joins.
    pub inner_joins: Vec<Option<[ColumnRef; 2]>>,
    /// WHERE alone, for comparison with the WHERE of a DELETE.
    pub condition: Option<Expr>,
    /// GROUP BY, DISTINCT, aggregates, UNION and the like: rows are not those of a table, a view of it takes no writes.
    pub combined: bool,
    /// DISTINCT is all that makes it so.
    pub distinct: bool,
    /// Every column named anywhere in it.
    pub columns: Vec<ColumnRef>,
    /// Every table it reads anywhere, names of its own CTEs left out.
    pub tables: Vec<Name>,
    pub functions: Vec<Name>,
    /// INSERT, UPDATE, DELETE and MERGE in its WITH clause, in order.
    pub modifies: Vec<super::statement::Op>,
    /// Tokens joined by one space; for comparing two queries.
    pub text: String,
    /// It could not be read as a query; tables, columns and functions come from its words.
    pub guessed: bool,
}
