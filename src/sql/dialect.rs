//! The dialects that are told apart, and how each writes names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A database's own SQL. PostgreSQL, the MySQL family and SQLite are read in depth, the others at statement level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    PostgreSql,
    MySql,
    MariaDb,
    Sqlite,
    MsSql,
    Oracle,
}

/// Every dialect, in the order of help texts.
pub const DIALECTS: [Dialect; 6] =
    [Dialect::PostgreSql, Dialect::MySql, Dialect::MariaDb, Dialect::Sqlite, Dialect::MsSql, Dialect::Oracle];

impl Dialect {
    /// As in options and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Dialect::PostgreSql => "postgresql",
            Dialect::MySql => "mysql",
            Dialect::MariaDb => "mariadb",
            Dialect::Sqlite => "sqlite",
            Dialect::MsSql => "mssql",
            Dialect::Oracle => "oracle",
        }
    }

    /// MySQL or MariaDB.
    pub fn is_mysql(self) -> bool {
        matches!(self, Dialect::MySql | Dialect::MariaDb)
    }

    /// Schemas whose name a reader leaves out.
    pub fn default_schema(self) -> &'static str {
        match self {
            Dialect::PostgreSql => "public",
            Dialect::Sqlite => "main",
            Dialect::MsSql => "dbo",
            Dialect::MySql | Dialect::MariaDb | Dialect::Oracle => "",
        }
    }

    /// How names are compared: PostgreSQL folds unquoted ones to lower case and keeps quoted ones; Oracle folds to upper case;
    /// the others compare without regard to case (MySQL's table names do so on some file systems only).
    pub fn fold(self, text: &str, quoted: bool) -> String {
        match self {
            Dialect::PostgreSql | Dialect::Oracle if quoted => text.to_owned(),
            Dialect::Oracle => text.to_uppercase(),
            _ => text.to_lowercase(),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Dialect {
    type Err = String;

    /// Also the names that URLs, drivers and frameworks give them.
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "postgresql" | "postgres" | "pg" | "pgsql" | "pgx" | "pgx5" | "cockroachdb" | "cockroach" => Dialect::PostgreSql,
            "mysql" | "mysql2" => Dialect::MySql,
            "mariadb" => Dialect::MariaDb,
            "sqlite" | "sqlite3" => Dialect::Sqlite,
            "mssql" | "sqlserver" | "tsql" => Dialect::MsSql,
            "oracle" => Dialect::Oracle,
            _ => return Err(format!("unknown dialect {text:?}: one of {}", DIALECTS.map(Dialect::as_str).join(", "))),
        })
    }
}
