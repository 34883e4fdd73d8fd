//! The three engines behind one interface: text in, rows of text out.

use std::time::Duration;

use super::catalog::Catalog;
use super::refusal::Refusal;
use super::{mysql, postgres, sqlite};
use crate::sql::dialect::Dialect;

/// A row as text; none is NULL.
pub type Row = Vec<Option<String>>;

/// A connection to one database.
pub enum Session {
    Postgres(postgres::Session),
    MySql(mysql::Session),
    Sqlite(sqlite::Session),
}

impl Session {
    pub async fn rows(&mut self, sql: &str) -> Result<Vec<Row>, Refusal> {
        match self {
            Session::Postgres(session) => session.rows(sql).await,
            Session::MySql(session) => session.rows(sql).await,
            Session::Sqlite(session) => session.rows(sql),
        }
    }

    pub async fn run(&mut self, sql: &str) -> Result<(), Refusal> {
        self.rows(sql).await.map(drop)
    }

    pub async fn catalog(&mut self) -> Result<Catalog, Refusal> {
        match self {
            Session::Postgres(session) => postgres::catalog(session).await,
            Session::MySql(session) => mysql::catalog(session).await,
            Session::Sqlite(session) => sqlite::catalog(session),
        }
    }

    /// Ends the connection and waits for it: a database that is in use can be no template.
    pub async fn close(self) {
        match self {
            Session::Postgres(session) => session.close().await,
            Session::MySql(session) => session.close().await,
            Session::Sqlite(_) => {}
        }
    }

    pub fn dialect(&self) -> Dialect {
        match self {
            Session::Postgres(_) => Dialect::PostgreSql,
            Session::MySql(_) => Dialect::MariaDb,
            Session::Sqlite(_) => Dialect::Sqlite,
        }
    }

    pub fn quote(&self, name: &str) -> String {
        quote(self.dialect(), name)
    }

    /// Runs one statement, takes it back, and says whether it was accepted.
    pub async fn trial(&mut self, sql: &str) -> Result<(), Refusal> {
        if matches!(self, Session::Postgres(_)) {
            let outcome = self.run(&format!("BEGIN; {sql}; SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK")).await;
            if outcome.is_err() {
                let _ = self.run("ROLLBACK").await;
            }
            return outcome;
        }
        self.run("BEGIN").await?;
        let outcome = self.run(sql).await;
        // SQLite takes a transaction back by itself after some errors.
        let _ = self.run("ROLLBACK").await;
        outcome
    }

    /// Tries statements, each by itself. Where the server is another process they are first tried all in one go: most pass.
    pub async fn trials(&mut self, statements: &[String]) -> Vec<Result<(), Refusal>> {
        if statements.len() > 1 && self.all_pass(statements).await {
            return vec![Ok(()); statements.len()];
        }
        let mut outcomes = Vec::new();
        for sql in statements {
            outcomes.push(self.trial(sql).await);
        }
        outcomes
    }

    async fn all_pass(&mut self, statements: &[String]) -> bool {
        let check = match self {
            Session::Postgres(_) => "; SET CONSTRAINTS ALL IMMEDIATE",
            Session::MySql(_) => "",
            Session::Sqlite(_) => return false,
        };
        for some in statements.chunks(TOGETHER) {
            let script: String = some.iter().map(|sql| format!("BEGIN; {sql}{check}; ROLLBACK; ")).collect();
            if self.run(script.trim_end_matches("; ")).await.is_err() {
                let _ = self.run("ROLLBACK").await;
                return false;
            }
        }
        true
    }
}

/// Statements sent together.
const TOGETHER: usize = 40;

/// A name in the dialect's quotes.
pub fn quote(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::MySql | Dialect::MariaDb => format!("`{}`", name.replace('`', "``")),
        // Not in double quotes: SQLite reads those as a string where no such column exists.
        Dialect::Sqlite if !name.contains('`') => format!("`{name}`"),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// Where databases are made, by the name of the connection.
pub enum Server {
    Postgres(postgres::Server),
    MySql(mysql::Server),
    Sqlite(sqlite::Server),
}

impl Server {
    /// Makes an empty database, dropping one of that name that an earlier run left.
    pub async fn create(&mut self, name: &str) -> Result<(), Refusal> {
        match self {
            Server::Postgres(server) => server.create(name, None).await,
            Server::MySql(server) => server.create(name).await,
            Server::Sqlite(server) => server.create(name),
        }
    }

    /// Makes `to` a copy of `from`, which must have no connection.
    pub async fn copy(&mut self, from: &str, to: &str) -> Result<(), Refusal> {
        match self {
            Server::Postgres(server) => server.create(to, Some(from)).await,
            Server::MySql(server) => server.copy(from, to).await,
            Server::Sqlite(server) => server.copy(from, to),
        }
    }

    pub async fn connect(&mut self, name: &str) -> Result<Session, Refusal> {
        Ok(match self {
            Server::Postgres(server) => Session::Postgres(server.connect(name, LIMIT).await?),
            Server::MySql(server) => Session::MySql(server.connect(Some(name), LIMIT).await?),
            Server::Sqlite(server) => Session::Sqlite(server.connect(name, LIMIT)?),
        })
    }

    pub async fn drop(&mut self, name: &str) -> Result<(), Refusal> {
        match self {
            Server::Postgres(server) => server.drop(name).await,
            Server::MySql(server) => server.drop(name).await,
            Server::Sqlite(server) => server.drop(name),
        }
    }

    /// What the server calls itself.
    pub async fn version(&mut self) -> Result<String, Refusal> {
        match self {
            Server::Postgres(server) => server.version().await,
            Server::MySql(server) => server.version().await,
            Server::Sqlite(_) => Ok(format!("SQLite {}", rusqlite::version())),
        }
    }

    pub fn dialect(&self) -> Dialect {
        match self {
            Server::Postgres(_) => Dialect::PostgreSql,
            Server::MySql(_) => Dialect::MariaDb,
            Server::Sqlite(_) => Dialect::Sqlite,
        }
    }
}

/// No statement of a migration over a handful of rows needs longer.
const LIMIT: Duration = Duration::from_secs(10);
