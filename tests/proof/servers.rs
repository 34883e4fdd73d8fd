//! The engines that the environment names.

use std::path::PathBuf;

use rollback_safe::prove::server::Server;
use rollback_safe::prove::{mysql, postgres, sqlite};
use rollback_safe::sql::dialect::Dialect;

fn directory() -> PathBuf {
    std::env::temp_dir().join(format!("rollback-safe-proof-{}", std::process::id()))
}

/// A server for a dialect, or what is missing for it.
pub fn server(dialect: Dialect) -> Result<Server, String> {
    match dialect {
        Dialect::PostgreSql => {
            let config = std::env::var("PROOF_POSTGRESQL").map_err(|_| "PROOF_POSTGRESQL is not set")?;
            Ok(Server::Postgres(postgres::Server::new(
                config.parse().map_err(|_| "PROOF_POSTGRESQL is no connection string")?,
                None,
            )))
        }
        Dialect::MySql | Dialect::MariaDb => {
            let socket = std::env::var("PROOF_MARIADB").map_err(|_| "PROOF_MARIADB is not set")?;
            let options = mysql_async::OptsBuilder::default().socket(Some(socket)).user(Some("root"));
            Ok(Server::MySql(mysql::Server { options }))
        }
        Dialect::Sqlite => {
            let directory = directory();
            std::fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
            Ok(Server::Sqlite(sqlite::Server { directory }))
        }
        other => Err(format!("no {other} here")),
    }
}

/// Takes the directory of SQLite databases away.
pub fn clean() {
    let _ = std::fs::remove_dir_all(directory());
}

/// What the engines that are there call themselves.
pub async fn versions() -> Vec<String> {
    let mut versions = Vec::new();
    for dialect in [Dialect::PostgreSql, Dialect::MariaDb, Dialect::Sqlite] {
        if let Ok(mut server) = server(dialect) {
            versions.extend(server.version().await.ok());
        }
    }
    versions
}
