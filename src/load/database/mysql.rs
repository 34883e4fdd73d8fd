//! A read-only look into MySQL and MariaDB.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value};

use super::{LIMIT, Rows};
use crate::hex::hex;
use crate::load::dsn::mysql::{Target, said};
use crate::migrations::history_table::Cell;
use crate::sql::dialect::Dialect;

pub struct Session {
    connection: Conn,
    pub dialect: Dialect,
}

impl Session {
    /// One read-only transaction holds all queries: also a statement that would end it is refused.
    pub async fn open(target: &Target) -> Result<Session, String> {
        if target.database.is_none() {
            return Err("the connection string names no database".to_owned());
        }
        let mut connection = target.connect().await?;
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
        Ok(Session { connection, dialect: if maria { Dialect::MariaDb } else { Dialect::MySql } })
    }

    pub async fn rows(&mut self, query: &str) -> Result<Rows, String> {
        let answer = tokio::time::timeout(LIMIT + Duration::from_secs(5), rows(&mut self.connection, query)).await;
        answer.map_err(|_| "no answer in time".to_owned())?
    }
}

async fn rows(connection: &mut Conn, query: &str) -> Result<Rows, String> {
    let mut result = connection.query_iter(query).await.map_err(|error| said(&error))?;
    let columns = result.columns_ref().iter().map(|column| column.name_str().into_owned()).collect();
    let rows: Vec<Row> = result.collect().await.map_err(|error| said(&error))?;
    result.drop_result().await.map_err(|error| said(&error))?;
    Ok((columns, rows.into_iter().map(|row| row.unwrap().into_iter().map(cell).collect()).collect()))
}

fn cell(value: Value) -> Cell {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8(bytes).unwrap_or_else(|error| hex(error.as_bytes()))),
        other => Some(other.as_sql(true)),
    }
}
