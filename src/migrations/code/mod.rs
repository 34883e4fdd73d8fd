//! Code migrations: files of a programming language or a changelog, read lexically for what they do to the schema.
//!
//! ```text
//! text -> lex -> parse (calls, blocks, literals) -> one table of methods per framework -> change::Change -> lower -> sql::statement
//! ```
//!
//! Nothing is executed. A call that no table knows becomes one opaque operation with its line and name; what stands under `if` or
//! a loop becomes a conditional block.

mod alembic;
mod ast;
mod change;
mod changelog;
mod django;
mod django_field;
mod ecto;
mod efcore;
mod fizz;
mod idents;
mod knex;
mod laravel;
mod lex;
mod lower;
mod object;
mod parse;
mod pgm;
mod pgroll;
mod phinx;
mod rails;
mod script;
mod seaorm;
mod sequelize;
mod typeorm;
mod walk;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod truth;

use lex::Language;

use crate::sql::dialect::Dialect;
use crate::sql::statement::Statement;

/// Who wrote the file's vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Rails,
    Django,
    Alembic,
    Laravel,
    Phinx,
    Doctrine,
    Knex,
    Sequelize,
    TypeOrm,
    NodePgMigrate,
    EfCore,
    FluentMigrator,
    Ecto,
    Fizz,
    /// Rust files of sea-orm or refinery: SQL in string literals.
    Rust,
    /// Go files of goose, golang-migrate forks and others: SQL in string literals.
    Go,
    /// Java and Kotlin files of Flyway: SQL in string literals.
    Java,
    Pgroll,
    Reshape,
}

/// What a file of code migrates, both ways.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeMigration {
    pub up: Vec<Statement>,
    /// What reverting it executes; none where nothing can be executed.
    pub down: Option<Vec<Statement>>,
    pub down_kind: DownKind,
    pub header: Header,
    /// Whether it runs in one transaction; none where the framework's default holds.
    pub transactional: Option<bool>,
}

/// Where the statements of `down` come from, or why there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DownKind {
    /// Its author wrote it.
    Written,
    /// The framework works it out from the way up.
    Inverse,
    /// The framework refuses to revert it, or its author raises an error.
    Irreversible(String),
    /// Written, and does nothing.
    Empty,
    /// Not there.
    Missing,
}

/// What a file says about itself and its neighbours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Alembic's `revision`, the class name of Rails, Doctrine and TypeORM, Liquibase's `id`.
    pub id: Option<String>,
    /// Alembic's `down_revision` (several of a merge).
    pub parents: Vec<String>,
    /// Alembic's `depends_on`, Django's `dependencies` as `app.name`.
    pub dependencies: Vec<String>,
    /// Alembic's `branch_labels`.
    pub labels: Vec<String>,
    /// Django's label of the application.
    pub app: Option<String>,
    /// Django's `replaces` as `app.name`.
    pub replaces: Vec<String>,
    /// Django's `run_before` as `app.name`.
    pub run_before: Vec<String>,
}

/// One changeset of a Liquibase changelog.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeSet {
    pub id: String,
    pub author: String,
    /// The changelog it stands in, as its identity names it.
    pub file: String,
    pub line: u32,
    /// `runOnChange` or `runAlways`.
    pub repeatable: bool,
    /// `contextFilter` or `labels`: runs only where they are chosen.
    pub context: Option<String>,
    /// `dbms` does not name this dialect: it is skipped, its statements are empty.
    pub other_database: bool,
    pub migration: CodeMigration,
}

/// Files that a changelog includes.
pub trait Files {
    /// Text of a file by its path from the root, if it is there.
    fn text(&self, path: &str) -> Option<String>;
    /// Paths of all files below a directory, in any order.
    fn list(&self, directory: &str) -> Vec<String>;
}

/// No other file.
pub struct Alone;

impl Files for Alone {
    fn text(&self, _: &str) -> Option<String> {
        None
    }

    fn list(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

/// Reads the files of one history in their order: Django's operations name fields whose definition stands in earlier files.
#[derive(Clone, Debug)]
pub struct Reader {
    kind: Kind,
    dialect: Dialect,
    models: django::State,
}

impl Reader {
    pub fn new(kind: Kind, dialect: Dialect) -> Self {
        Reader { kind, dialect, models: django::State::default() }
    }

    /// `path` is the file's path in the project: Django takes the label of the application from it.
    pub fn read(&mut self, path: &str, text: &str) -> CodeMigration {
        let parsed = |language| parse::parse(text, language);
        let dialect = self.dialect;
        match self.kind {
            Kind::Rails => rails::read(&parsed(Language::Ruby), dialect),
            Kind::Go => script::scanned(text, Language::Go, dialect),
            Kind::Rust => seaorm::read(text, dialect),
            Kind::Java => script::scanned(text, Language::Java, dialect),
            Kind::Django => django::read(&parsed(Language::Python), path, &mut self.models, dialect),
            Kind::Alembic => alembic::read(&parsed(Language::Python), dialect),
            Kind::EfCore => efcore::read(&parsed(Language::CSharp), dialect),
            Kind::FluentMigrator => plain(&parsed(Language::CSharp), "Up", "Down", dialect),
            Kind::Fizz => fizz::read(&parsed(Language::Ruby), dialect),
            Kind::Ecto => ecto::read(&parsed(Language::Elixir), dialect),
            Kind::Knex => knex::read(&parsed(Language::Js), dialect),
            Kind::Laravel => laravel::read(&parsed(Language::Php), dialect),
            Kind::Phinx => phinx::read(&parsed(Language::Php), dialect),
            Kind::Doctrine => plain(&parsed(Language::Php), "up", "down", dialect),
            Kind::Pgroll => pgroll::read(text, dialect),
            Kind::Reshape => pgroll::reshape(text, dialect),
            Kind::Sequelize => sequelize::read(&parsed(Language::Js), dialect),
            Kind::TypeOrm => typeorm::read(&parsed(Language::Js), dialect),
            Kind::NodePgMigrate => pgm::read(&parsed(Language::Js), dialect),
        }
    }
}

/// SQL in calls; every other call is named as not understood.
fn plain(nodes: &[ast::Node], up: &str, down: &str, dialect: Dialect) -> CodeMigration {
    let mut read = script::both(&walk::Walk::with_properties(nodes, dialect), up, down, &script::Plain);
    read.header.id = script::class_name(nodes);
    read
}

/// One file by itself.
pub fn read(kind: Kind, path: &str, text: &str, dialect: Dialect) -> CodeMigration {
    Reader::new(kind, dialect).read(path, text)
}

/// What a file says of its place in the history, without reading what it does.
pub fn header(kind: Kind, path: &str, text: &str) -> Header {
    match kind {
        Kind::Django => django::header(&parse::parse(text, Language::Python), path),
        Kind::Alembic => {
            alembic::header(&walk::Walk::with_properties(&parse::parse(text, Language::Python), Dialect::PostgreSql))
        }
        _ => read(kind, path, text, Dialect::PostgreSql).header,
    }
}

/// The changesets of a Liquibase changelog (XML, YAML, JSON) with all that it includes, in their order.
pub fn changelog(path: &str, files: &dyn Files, dialect: Dialect) -> Vec<ChangeSet> {
    changelog::read(path, files, dialect)
}
