//! A migration history: what ran, in which order, with which way back.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::framework::Framework;
pub use super::report::{AnomalyKind, Gap};
use super::source::file_name;
use crate::hex::hex;
use crate::sql::dialect::Dialect;
use crate::sql::statement::Statement;

/// What the reader of a history was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub framework: Option<Framework>,
    pub dialect: Option<Dialect>,
}

/// The migrations of one tree, in the order in which the framework applies them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    pub framework: Framework,
    /// `None` where nothing decides; a gap says so.
    pub dialect: Option<Dialect>,
    /// The directory of the migrations within the tree, `""` for the tree itself.
    pub root: String,
    pub migrations: Vec<Migration>,
    /// Scripts that stand for earlier migrations which are here as well (Flyway's `B`, Atlas' checkpoints, Django's squashes): on a
    /// database with a history they are not run.
    pub baselines: Vec<Migration>,
    pub anomalies: Vec<Anomaly>,
    pub gaps: Vec<Gap>,
}

/// One migration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Migration {
    /// As the framework stores it.
    pub version: String,
    pub name: String,
    /// Within the tree.
    pub path: String,
    /// Where the way back is, if it is in a file of its own.
    pub down_path: Option<String>,
    pub up: Vec<Script>,
    /// `None` where there is no way back. A code migration has its way back in the same text: its reader finds it.
    pub down: Option<Vec<Script>>,
    pub kind: Kind,
    /// Whether the framework runs it in a transaction.
    pub transactional: bool,
    /// SHA-256 of the files of the way up, with line ends and the end of the file made equal, in hexadecimal.
    pub checksum: String,
    /// The file of the way up as it was written; none where it is several, too large, or in an encoding that was guessed.
    pub source: Option<Arc<str>>,
    /// Findings of other linters that were switched off in it.
    pub acknowledged: Vec<Acknowledgement>,
}

impl Migration {
    /// Whether it runs again when its text changes.
    pub fn is_repeatable(&self) -> bool {
        self.kind == Kind::Repeatable
    }
}

/// When a migration runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Once.
    #[default]
    Versioned,
    /// Whenever its text has changed.
    Repeatable,
    /// Once, in place of those before it.
    Baseline,
    /// At every run of the migrator.
    Callback,
}

/// A text to run, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    pub path: String,
    /// Where the text begins in its file, from 1.
    pub line: u32,
    pub body: Body,
    pub language: Language,
    /// The framework sends it to the database as one piece, whatever semicolons are in it.
    pub whole: bool,
}

/// The text of a script.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Text(Arc<str>),
    /// Read already, where the framework's own language is not read file by file (Liquibase's changelogs).
    Statements(Arc<[Statement]>),
    /// A file of this many bytes: stream it from the tree.
    Large(u64),
    /// A gap says why there is no text.
    Unread,
}

impl Script {
    pub fn sql(path: &str, line: u32, text: &str) -> Self {
        Script { path: path.to_owned(), line, body: Body::Text(Arc::from(text)), language: Language::Sql, whole: false }
    }

    /// The text, if it is at hand.
    pub fn text(&self) -> Option<&str> {
        match &self.body {
            Body::Text(text) => Some(text),
            Body::Statements(_) | Body::Large(_) | Body::Unread => None,
        }
    }
}

/// What a script is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    #[default]
    Sql,
    Ruby,
    Python,
    JavaScript,
    TypeScript,
    CSharp,
    Php,
    Elixir,
    Go,
    Rust,
    Java,
    Xml,
    Yaml,
    Json,
    Toml,
    /// soda's own language.
    Fizz,
}

impl Language {
    /// By the end of a file's name.
    pub fn of(path: &str) -> Option<Self> {
        let (_, extension) = path.rsplit_once('.')?;
        Some(match extension.to_ascii_lowercase().as_str() {
            "sql" | "postgres" | "sqlite" => Language::Sql,
            "rb" => Language::Ruby,
            "py" => Language::Python,
            "js" | "cjs" | "mjs" => Language::JavaScript,
            "ts" | "cts" | "mts" => Language::TypeScript,
            "cs" => Language::CSharp,
            "php" => Language::Php,
            "exs" | "ex" => Language::Elixir,
            "go" => Language::Go,
            "rs" => Language::Rust,
            "java" | "kt" | "groovy" | "scala" => Language::Java,
            "xml" => Language::Xml,
            "yaml" | "yml" => Language::Yaml,
            "json" => Language::Json,
            "toml" => Language::Toml,
            "fizz" => Language::Fizz,
            _ => return None,
        })
    }
}

/// Files without a known end that frameworks read, too: sums, plans, settings, pgroll's ledger.
const MARKS: [&str; 6] = ["atlas.sum", "sqitch.plan", "sqitch.conf", "alembic.ini", "flyway.conf", ".ledger"];

/// Whether any framework could read this file; pictures and archives need not be fetched.
pub fn is_readable(path: &str) -> bool {
    Language::of(path).is_some() || MARKS.contains(&file_name(path))
}

/// A comment that switches a linter's finding off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    pub path: String,
    pub line: u32,
    /// The comment, without its marks.
    pub text: String,
}

/// Something about a history that its framework would trip over, or a reader should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    pub kind: AnomalyKind,
    pub version: String,
    pub path: String,
    pub why: String,
}

/// Collects what is hashed of a migration.
#[derive(Default)]
pub(super) struct Checksum(Sha256);

impl Checksum {
    /// Adds a file's text, so that neither its line ends nor blank lines at its end count.
    pub(super) fn add(&mut self, text: &str) {
        for line in text.trim_end().lines() {
            self.0.update(line.as_bytes());
            self.0.update(b"\n");
        }
        self.0.update([0]);
    }

    pub(super) fn finish(self) -> String {
        hex(self.0.finalize())
    }
}
