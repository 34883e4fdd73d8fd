//! Connection strings of applications' databases: where they come from, and what they name. Errors never quote them.

pub mod mysql;
pub mod service;

use std::env;
use std::fs;
use std::path::PathBuf;

use super::storage::postgres;
use crate::settings::DatabaseSource;

/// A database to connect to. Holds a password: not printable.
pub enum Target {
    Postgres(Box<postgres::Target>),
    MySql(Box<mysql::Target>),
    Sqlite(PathBuf),
}

/// Reads what a file, a variable or a service names.
pub fn read(source: &DatabaseSource) -> Result<Target, String> {
    let text = match source {
        DatabaseSource::File(path) => fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?,
        DatabaseSource::Variable(name) => env::var(name).map_err(|_| format!("the variable {name} is not set, or no text"))?,
        DatabaseSource::Service(name) => service::connection_string(name)?,
    };
    let text = text.trim();
    if text.is_empty() {
        return Err("the connection string is empty".to_owned());
    }
    parse(text)
}

fn parse(text: &str) -> Result<Target, String> {
    let postgres = || postgres::target(text).map(|target| Target::Postgres(Box::new(target)));
    match text.split_once(':') {
        Some(("postgres" | "postgresql", _)) => postgres(),
        Some(("mysql" | "mariadb", rest)) => mysql::target(rest).map(|target| Target::MySql(Box::new(target))),
        Some(("sqlite" | "sqlite3" | "file", rest)) => Ok(Target::Sqlite(sqlite(rest))),
        _ if text.contains('=') => postgres(),
        _ => Err("the connection string begins with none of postgres://, mysql://, mariadb:// and sqlite:, and has no key=value"
            .to_owned()),
    }
}

/// `sqlite:PATH`, `sqlite://PATH?mode=…`; what follows `?` says how to write.
fn sqlite(rest: &str) -> PathBuf {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let whole = PathBuf::from(path);
    match path.split_once('?') {
        Some((path, _)) if !whole.exists() => PathBuf::from(path),
        _ => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_names_its_database() {
        assert!(matches!(parse("postgresql://u@h/d"), Ok(Target::Postgres(_))));
        assert!(matches!(parse("host=/run/postgresql dbname=d"), Ok(Target::Postgres(_))));
        assert!(matches!(parse("mariadb://u@localhost/d"), Ok(Target::MySql(_))));
        for text in ["sqlite:a.db", "sqlite://a.db?mode=ro", "file:a.db?mode=ro", "sqlite3://a.db"] {
            assert!(matches!(parse(text), Ok(Target::Sqlite(path)) if path.as_os_str() == "a.db"), "{text}");
        }
        for text in [
            "hunter2",
            "oracle://u:hunter2@h/d",
            "mysql://u:hunter2@h:x/d",
            "mysql://u:1/hunter2@h/d",
            "mysql://u:hunter2@h/d?ssl-mode=hunter2",
        ] {
            assert!(parse(text).err().is_some_and(|why| !why.contains("hunter2")), "{text}");
        }
    }
}
