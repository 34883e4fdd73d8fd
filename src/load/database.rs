//! `--database`: reads the history table of an application's database, and asks it what its rows decide. Nothing is written: the
//! session is read-only, every statement is bounded in time, and no text of a row is kept but that of the history table.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::LoadError;
use super::storage::{postgres, sql};
use crate::migrations::applied::Applied;
use crate::migrations::evidence::Answer;
use crate::migrations::history_table::{Cell, HistoryTable, read as table, tables};
use crate::migrations::probe::{Question, quote};
use crate::settings::DatabaseSource;
use crate::sql::dialect::Dialect;

/// How long one statement may take.
const LIMIT: Duration = Duration::from_secs(5);

/// How long all questions together may take.
const ALL: Duration = Duration::from_secs(60);

/// Rows of a history table that are read.
const MOST_ROWS: usize = 100_000;

/// A read-only session.
pub enum Database {
    Postgres(Client),
    MySql(Conn, Dialect),
    Sqlite(Connection),
}

/// Opens the database that a file, a variable or a service names. No error quotes the text.
pub async fn open(source: &DatabaseSource) -> Result<Database, LoadError> {
    let text = connection_string(source).map_err(LoadError::Database)?;
    let opened = match text.split_once(':') {
        Some(("mysql" | "mariadb", rest)) => tokio::time::timeout(LIMIT * 2, mysql(rest)).await,
        Some(("sqlite" | "file", rest)) => Ok(sqlite(Path::new(rest.strip_prefix("//").unwrap_or(rest)))),
        Some(("postgres" | "postgresql", _)) => return self::postgres(&text).await,
        _ if text.contains('=') => return self::postgres(&text).await,
        _ => Err(LoadError::Database("expected postgres://…, mysql://…, sqlite:PATH or host=… dbname=…".to_owned())).map(Ok)?,
    };
    opened.unwrap_or_else(|_| Err("no connection in time".to_owned())).map_err(LoadError::Database)
}

fn connection_string(source: &DatabaseSource) -> Result<String, String> {
    let text = match source {
        DatabaseSource::File(path) => fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?,
        DatabaseSource::Variable(name) => env::var(name).map_err(|_| format!("the variable {name} is not set"))?,
        DatabaseSource::Service(name) => service(name)?,
    };
    let text = text.trim().to_owned();
    if text.is_empty() { Err("the connection string is empty".to_owned()) } else { Ok(text) }
}

/// PostgreSQL manual, "The Connection Service File".
fn service(name: &str) -> Result<String, String> {
    let of = |variable: &str| env::var_os(variable).map(PathBuf::from);
    let files = [
        of("PGSERVICEFILE"),
        of("HOME").map(|home| home.join(".pg_service.conf")),
        of("PGSYSCONFDIR").map(|dir| dir.join("pg_service.conf")),
    ];
    let found = files.iter().flatten().filter_map(|file| fs::read_to_string(file).ok());
    let found = found.filter_map(|text| section(&text, name)).next();
    found.ok_or_else(|| format!("no service file has a service {name:?}"))
}

fn section(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim).skip_while(|line| *line != format!("[{name}]"));
    lines.next()?;
    let pairs = lines.take_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with('#'));
    let quoted = |value: &str| format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"));
    let pairs =
        pairs.filter_map(|line| line.split_once('=')).map(|(key, value)| format!("{}={}", key.trim(), quoted(value.trim())));
    Some(pairs.collect::<Vec<_>>().join(" "))
}

async fn postgres(text: &str) -> Result<Database, LoadError> {
    let postgres::Target { config, tls, server } = postgres::target(text).map_err(LoadError::Database)?;
    let connecting = async {
        match tls {
            Some(tls) => sql::start(&config, MakeRustlsConnect::new(tls)).await,
            None => sql::start(&config, NoTls).await,
        }
    };
    let unreachable = |why: String| LoadError::Unreachable { server: server.clone(), why };
    let client =
        tokio::time::timeout(LIMIT * 2, connecting).await.map_err(|_| unreachable("no connection in time".to_owned()))?;
    let client = client.map_err(|error| sql::connect_error(server.clone(), &error))?;
    let limit = LIMIT.as_millis();
    let bounds = format!(
        "SET default_transaction_read_only = on; SET statement_timeout = {limit}; SET lock_timeout = {limit}; SET client_min_messages = error"
    );
    client.batch_execute(&bounds).await.map_err(|error| unreachable(sql::causes(&error)))?;
    Ok(Database::Postgres(client))
}

/// Without encryption only this machine is spoken to.
async fn mysql(rest: &str) -> Result<Database, String> {
    let options =
        Opts::from_url(&format!("mysql:{rest}")).map_err(|_| "the MySQL connection string cannot be read".to_owned())?;
    let host = options.ip_or_hostname().to_owned();
    if options.socket().is_none() && !["localhost", "127.0.0.1", "::1", "[::1]"].contains(&host.as_str()) {
        return Err(
            "MySQL is spoken to without encryption, so only on this machine: forward its port and name 127.0.0.1".to_owned()
        );
    }
    let options = OptsBuilder::from_opts(options).prefer_socket(false);
    let mut connection = Conn::new(options).await.map_err(|error| said(&error))?;
    let version: Option<String> = connection.query_first("SELECT version()").await.map_err(|error| said(&error))?;
    let maria = version.is_some_and(|version| version.contains("MariaDB"));
    let limit = match maria {
        true => format!("SET SESSION max_statement_time = {}", LIMIT.as_secs()),
        false => format!("SET SESSION max_execution_time = {}", LIMIT.as_millis()),
    };
    let lock = format!("SET SESSION lock_wait_timeout = {}", LIMIT.as_secs());
    for bound in [limit.as_str(), lock.as_str(), "SET SESSION TRANSACTION READ ONLY", "START TRANSACTION READ ONLY"] {
        connection.query_drop(bound).await.map_err(|error| said(&error))?;
    }
    Ok(Database::MySql(connection, if maria { Dialect::MariaDb } else { Dialect::MySql }))
}

fn said(error: &mysql_async::Error) -> String {
    match error {
        mysql_async::Error::Server(said) => said.message.clone(),
        mysql_async::Error::Io(error) => error.to_string(),
        _ => "the MySQL server cannot be spoken to".to_owned(),
    }
}

fn sqlite(path: &Path) -> Result<Database, String> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| error.to_string())?;
    connection.execute_batch("PRAGMA query_only = ON").map_err(|error| error.to_string())?;
    Ok(Database::Sqlite(connection))
}

impl Database {
    pub fn dialect(&self) -> Dialect {
        match self {
            Database::Postgres(_) => Dialect::PostgreSql,
            Database::MySql(_, dialect) => *dialect,
            Database::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// Columns and rows of one query.
    async fn rows(&mut self, query: &str) -> Result<(Vec<String>, Vec<Vec<Cell>>), String> {
        match self {
            Database::Postgres(client) => {
                let answer = tokio::time::timeout(LIMIT * 2, client.simple_query(query)).await;
                let messages = answer.map_err(|_| "no answer in time".to_owned())?;
                Ok(of_messages(messages.map_err(|error| sql::causes(&error))?))
            }
            Database::MySql(connection, _) => {
                let answer = tokio::time::timeout(LIMIT * 2, mysql_rows(connection, query)).await;
                answer.map_err(|_| "no answer in time".to_owned())?
            }
            Database::Sqlite(connection) => sqlite_rows(connection, query).map_err(|error| error.to_string()),
        }
    }

    /// Every history table that is there, read; what cannot be read is named.
    pub async fn histories(&mut self) -> Result<Vec<Applied>, String> {
        let there = self.rows(self.listing()).await?.1;
        let text = |row: &[Cell], at: usize| row.get(at).cloned().flatten().unwrap_or_default();
        let mut found = Vec::new();
        for row in &there {
            let (schema, name, is_default) = (text(row, 0), text(row, 1), text(row, 2) == "1");
            let mut known = tables().filter(|known| known.name.eq_ignore_ascii_case(&name));
            let fits = |known: &HistoryTable| {
                known.schema == schema || (known.schema.is_empty() && (is_default || !is_own_schema(&schema)))
            };
            let Some(known) = known.find(fits) else { continue };
            found.push(self.history(&known, &schema, &name).await.map_err(|why| format!("{name}: {why}"))?);
        }
        Ok(found)
    }

    /// Schema, name, and whether it is the default schema.
    fn listing(&self) -> &'static str {
        match self {
            Database::Postgres(_) => {
                "SELECT table_schema, table_name, CASE WHEN table_schema = current_schema() THEN 1 ELSE 0 END \
                 FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 3 DESC, 1, 2"
            }
            Database::MySql(..) => {
                "SELECT table_schema, table_name, 1 FROM information_schema.tables WHERE table_schema = database() ORDER BY table_name"
            }
            Database::Sqlite(_) => "SELECT 'main', name, 1 FROM sqlite_master WHERE type = 'table' ORDER BY name",
        }
    }

    async fn history(&mut self, known: &HistoryTable, schema: &str, name: &str) -> Result<Applied, String> {
        let dialect = self.dialect();
        let whole = format!("{}.{}", quote(dialect, schema), quote(dialect, name));
        let ordered = format!("SELECT * FROM {whole} ORDER BY {} LIMIT {MOST_ROWS}", quote(dialect, known.order));
        let answer = match known.order {
            "" => Err(String::new()),
            _ => self.rows(&ordered).await,
        };
        // The table of another framework of the same name has no such column.
        let (columns, rows) = match answer {
            Ok(answer) => answer,
            Err(_) => self.rows(&format!("SELECT * FROM {whole} LIMIT {MOST_ROWS}")).await?,
        };
        Ok(table(&format!("table {schema}.{name}"), &columns, &rows))
    }

    /// Asks everything, in the time there is.
    pub async fn ask(&mut self, questions: &[Question]) -> BTreeMap<String, Answer> {
        let end = Instant::now() + ALL;
        let mut answers = BTreeMap::new();
        for question in questions {
            let answer = if Instant::now() > end {
                Answer::Unknown("the time for questions to the database is over".to_owned())
            } else {
                self.answer(&question.sql).await
            };
            answers.insert(question.sql.clone(), answer);
        }
        answers
    }

    async fn answer(&mut self, query: &str) -> Answer {
        match self.rows(query).await {
            Ok((_, rows)) => match rows.first().and_then(|row| row.first()?.as_deref()) {
                Some("1") => Answer::Yes,
                Some("0") => Answer::No,
                _ => Answer::Unknown("the database gave no answer".to_owned()),
            },
            Err(why) => Answer::Unknown(why),
        }
    }
}

/// Schemas that a framework keeps for itself.
fn is_own_schema(schema: &str) -> bool {
    tables().any(|known| !known.schema.is_empty() && known.schema == schema)
}

fn of_messages(messages: Vec<SimpleQueryMessage>) -> (Vec<String>, Vec<Vec<Cell>>) {
    let (mut columns, mut rows) = (Vec::new(), Vec::new());
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(all) => columns = all.iter().map(|column| column.name().to_owned()).collect(),
            SimpleQueryMessage::Row(row) => rows.push((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect()),
            _ => {}
        }
    }
    (columns, rows)
}

async fn mysql_rows(connection: &mut Conn, query: &str) -> Result<(Vec<String>, Vec<Vec<Cell>>), String> {
    let mut result = connection.query_iter(query).await.map_err(|error| said(&error))?;
    let columns = result.columns_ref().iter().map(|column| column.name_str().into_owned()).collect();
    let rows: Vec<mysql_async::Row> = result.collect().await.map_err(|error| said(&error))?;
    result.drop_result().await.map_err(|error| said(&error))?;
    Ok((columns, rows.into_iter().map(|row| row.unwrap().into_iter().map(mysql_cell).collect()).collect()))
}

fn mysql_cell(value: mysql_async::Value) -> Cell {
    match value {
        mysql_async::Value::NULL => None,
        mysql_async::Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => Some(other.as_sql(true)),
    }
}

fn sqlite_rows(connection: &Connection, query: &str) -> rusqlite::Result<(Vec<String>, Vec<Vec<Cell>>)> {
    let end = Instant::now() + LIMIT;
    connection.progress_handler(10_000, Some(move || Instant::now() > end))?;
    let mut statement = connection.prepare(query)?;
    let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut found = statement.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        rows.push((0..columns.len()).map(|at| row.get_ref(at).ok().and_then(sqlite_cell)).collect());
    }
    Ok((columns, rows))
}

fn sqlite_cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::effect::EffectKind;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn reads_a_history_and_writes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let made = Connection::open(&path).unwrap();
        made.execute_batch("CREATE TABLE goose_db_version (id integer, version_id bigint, is_applied int, tstamp text); INSERT INTO goose_db_version VALUES (2, 5, 1, 'x'), (1, 0, 1, 'x'), (3, 5, 0, 'x'); CREATE TABLE t (a int); INSERT INTO t VALUES (NULL);").unwrap();
        let file = dir.path().join("dsn");
        fs::write(&file, format!("sqlite:{}\n", path.display())).unwrap();
        let question = |sql: &str| Question {
            table: "t".into(),
            object: None,
            kind: EffectKind::Widens,
            sql: sql.into(),
            yes: String::new(),
            no: String::new(),
        };
        runtime().block_on(async {
            let mut database = open(&DatabaseSource::File(file)).await.unwrap();
            let found = database.histories().await.unwrap();
            assert_eq!(found.len(), 1);
            let names: Vec<&str> = found[0].rows.iter().map(|row| row.names[0].as_str()).collect();
            assert_eq!((found[0].origin.as_str(), names), ("table main.goose_db_version", vec!["0", "5", "5"]));
            let asked = [
                question("SELECT CASE WHEN EXISTS (SELECT 1 FROM [t] WHERE [a] IS NULL) THEN 1 ELSE 0 END"),
                question("SELECT CASE WHEN EXISTS (SELECT 1 FROM [t] WHERE [a] > 1) THEN 1 ELSE 0 END"),
                question("DELETE FROM t"),
            ];
            let answers: Vec<Answer> = database.ask(&asked).await.into_values().collect();
            assert!(matches!(&answers[0], Answer::Unknown(why) if why.contains("readonly")), "{answers:?}");
            assert!(answers.contains(&Answer::Yes) && answers.contains(&Answer::No));
        });
    }

    #[test]
    fn services_are_read_by_their_name() {
        let text = "[one]\nhost=a\n\n[two]\n# no\nhost = b\npassword=it's\n[three]\nhost=c\n";
        assert_eq!(section(text, "two").as_deref(), Some("host='b' password='it\\'s'"));
        assert_eq!(section(text, "four"), None);
    }

    #[test]
    fn errors_do_not_quote_the_connection() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("dsn");
        for text in ["mysql://u:secret@db.example/x", "nonsense-secret", "mysql://secret:@:@"] {
            fs::write(&file, text).unwrap();
            let failed = runtime().block_on(open(&DatabaseSource::File(file.clone()))).err().expect("refused");
            assert!(!failed.to_string().contains("secret"), "{failed}");
        }
    }
}
