//! A read-only look into PostgreSQL.

use std::time::Duration;

use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{LIMIT, Rows};
use crate::load::storage::{postgres, sql};

pub struct Session {
    client: Client,
}

impl Session {
    pub async fn open(target: postgres::Target) -> Result<Session, String> {
        let postgres::Target { config, tls, server } = target;
        let client = match tls {
            Some(tls) => sql::start(&config, MakeRustlsConnect::new(tls)).await,
            None => sql::start(&config, NoTls).await,
        };
        let client = client.map_err(|error| sql::connect_error(server, &error).to_string())?;
        let session = Session { client };
        session.run("SET default_transaction_read_only = on").await?;
        Ok(session)
    }

    /// Each query has a transaction of its own, so that behind a pooler as well the server holds it to what is set here. Where
    /// row-level security would hide rows the query fails instead: rows that are not seen prove nothing.
    pub async fn rows(&mut self, query: &str) -> Result<Rows, String> {
        let limit = LIMIT.as_millis();
        let begin = format!(
            "BEGIN READ ONLY; SET LOCAL statement_timeout = {limit}; SET LOCAL lock_timeout = {limit}; SET LOCAL row_security = off"
        );
        self.run(&begin).await?;
        let answer = self.run(query).await;
        self.run("ROLLBACK").await?;
        answer.map(of_messages)
    }

    async fn run(&self, query: &str) -> Result<Vec<SimpleQueryMessage>, String> {
        let answer = tokio::time::timeout(LIMIT + Duration::from_secs(5), self.client.simple_query(query)).await;
        answer.map_err(|_| "no answer in time".to_owned())?.map_err(|error| sql::causes(&error))
    }
}

fn of_messages(messages: Vec<SimpleQueryMessage>) -> Rows {
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
