//! `--database`: reads the history table of an application's database, and asks it what its rows decide. Nothing is written: the
//! session is read-only, every statement is bounded in time, and no text of a row is kept but that of the history table.

mod mysql;
mod postgres;
mod sqlite;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::dsn::{self, Target};
use super::error::LoadError;
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

/// Names of columns, and rows.
type Rows = (Vec<String>, Vec<Vec<Cell>>);

/// A read-only session.
pub enum Database {
    Postgres(postgres::Session),
    MySql(mysql::Session),
    Sqlite(sqlite::Session),
}

/// Opens the database that a file, a variable or a service names. No error quotes the text.
pub async fn open(source: &DatabaseSource) -> Result<Database, LoadError> {
    let target = dsn::read(source).map_err(LoadError::Connection)?;
    let server = match &target {
        Target::Postgres(target) => target.server.clone(),
        Target::MySql(target) => target.server.clone(),
        Target::Sqlite(path) => path.display().to_string(),
    };
    let opening = async {
        Ok(match target {
            Target::Postgres(target) => Database::Postgres(postgres::Session::open(*target).await?),
            Target::MySql(target) => Database::MySql(mysql::Session::open(&target).await?),
            Target::Sqlite(path) => Database::Sqlite(sqlite::Session::open(&path)?),
        })
    };
    let opened = tokio::time::timeout(LIMIT * 2, opening).await;
    opened.unwrap_or_else(|_| Err(format!("cannot reach {server}: no connection in time"))).map_err(LoadError::Connection)
}

impl Database {
    pub fn dialect(&self) -> Dialect {
        match self {
            Database::Postgres(_) => Dialect::PostgreSql,
            Database::MySql(session) => session.dialect,
            Database::Sqlite(_) => Dialect::Sqlite,
        }
    }

    async fn rows(&mut self, query: &str) -> Result<Rows, String> {
        match self {
            Database::Postgres(session) => session.rows(query).await,
            Database::MySql(session) => session.rows(query).await,
            Database::Sqlite(session) => session.rows(query),
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
        // Frameworks spell the column as the engine folds it, and another framework's table of the name may have no such one.
        let columns = self.rows(&format!("SELECT * FROM {whole} LIMIT 0")).await?.0;
        let order = columns.iter().find(|column| column.eq_ignore_ascii_case(known.order));
        let order = order.map(|column| format!(" ORDER BY {}", quote(dialect, column))).unwrap_or_default();
        let (columns, rows) = self.rows(&format!("SELECT * FROM {whole}{order} LIMIT {MOST_ROWS}")).await?;
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

#[cfg(test)]
mod tests {
    use std::fs;

    use rusqlite::Connection;

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
    fn errors_do_not_quote_the_connection() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("dsn");
        for text in
            ["mysql://u:secret@127.0.0.1:1/x", "postgres://u:secret@127.0.0.1:1/x", "nonsense-secret", "mysql://secret:@:@"]
        {
            fs::write(&file, text).unwrap();
            let failed = runtime().block_on(open(&DatabaseSource::File(file.clone()))).err().expect("refused");
            assert!(!failed.to_string().contains("secret"), "{failed}");
        }
    }
}
