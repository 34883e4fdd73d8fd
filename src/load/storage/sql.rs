//! Records in PostgreSQL (Helm `pkg/storage/driver/sql.go`; both lines share one schema).

use std::fmt;
use std::time::Duration;

use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::postgres::{Target, target};
use super::{Fetched, FetchedHead, Listing, listed};
use crate::input::{Gap, RevisionEntry};
use crate::load::error::LoadError;
use crate::release::decode::{decode_payload, split_key};
use crate::release::{Status, StoredAs};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const QUERY_TIMEOUT: Duration = Duration::from_secs(30);

pub struct SqlStore {
    client: Client,
    namespace: String,
    server: String,
    max_record_bytes: u64,
}

// Helm leaves identifiers unquoted, so PostgreSQL folds them to lower case. `xmin` changes with every write of a row.
const LIST: &str = "SELECT key, status, xmin::text FROM releases_v1 WHERE owner = 'helm' AND name = $1 AND namespace = $2";
const BODY: &str = "SELECT key, status, xmin::text, body FROM releases_v1 WHERE key = $1 AND namespace = $2";
/// Whether row-level security hides rows from this role: Helm enables it without a policy, so others than the owner see none.
const HIDDEN: &str = "SELECT row_security_active('releases_v1')";

impl SqlStore {
    /// The connection string is never shown.
    pub async fn connect(connection: &str, namespace: String, max_record_bytes: u64) -> Result<SqlStore, LoadError> {
        let Target { config, tls, server } = target(connection).map_err(LoadError::Database)?;
        let connecting = async {
            match tls {
                Some(tls) => start(&config, MakeRustlsConnect::new(tls)).await,
                None => start(&config, NoTls).await,
            }
        };
        match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok(client)) => Ok(SqlStore { client, namespace, server, max_record_bytes }),
            Ok(Err(error)) => Err(connect_error(server, &error)),
            Err(_) => {
                Err(LoadError::Unreachable { server, why: format!("no connection within {} s", CONNECT_TIMEOUT.as_secs()) })
            }
        }
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    pub async fn list(&self, release: &str) -> Result<Listing, LoadError> {
        let rows = match self.query(LIST, &[&release, &self.namespace]).await {
            Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Vec::new(),
            other => other.map_err(|error| self.failed("list releases", &error))?,
        };
        let mut listing = Listing::default();
        for row in &rows {
            let stored = stored(row);
            match split_key(&stored.key) {
                Some((name, revision)) if name == release => listing.entries.push(listed(revision, stored)),
                _ => listing
                    .gaps
                    .push(Gap::new(format!("row {:?}", stored.key), "its key is not the name of a record of this release")),
            }
        }
        if listing.entries.is_empty() && self.rows_are_hidden().await {
            let why = "row-level security of releases_v1 hides every row from this role: connect as the role that owns the table (the one Helm uses)";
            listing.gaps.push(Gap::new("rows of releases_v1", why));
        }
        Ok(listing)
    }

    async fn rows_are_hidden(&self) -> bool {
        let rows = self.query(HIDDEN, &[]).await.unwrap_or_default();
        rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or(false)
    }

    pub async fn fetch(&self, entry: &RevisionEntry) -> Result<Fetched, LoadError> {
        let row = self.row(entry).await?;
        let decoded = |text: Vec<u8>| decode_payload(&text, self.max_record_bytes).map_err(|error| error.to_string());
        Ok(Fetched { stored: stored(&row), record: body(&row).and_then(decoded) })
    }

    /// As [`SqlStore::fetch`], keeping only the head; decoded on a thread of its own.
    pub async fn fetch_head(&self, entry: &RevisionEntry) -> Result<FetchedHead, LoadError> {
        let row = self.row(entry).await?;
        let record = super::head_of(body(&row), self.max_record_bytes).await;
        Ok(FetchedHead { stored: stored(&row), record })
    }

    async fn row(&self, entry: &RevisionEntry) -> Result<Row, LoadError> {
        let rows = self.query(BODY, &[&entry.stored.key, &self.namespace]).await;
        let rows = rows.map_err(|error| self.failed("read a release", &error))?;
        rows.into_iter().next().ok_or(LoadError::RecordGone { revision: entry.revision })
    }

    async fn query(&self, statement: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, QueryError> {
        let answer = tokio::time::timeout(QUERY_TIMEOUT, self.client.query(statement, parameters)).await;
        answer.map_err(|_| QueryError::Timeout)?.map_err(QueryError::Database)
    }

    fn failed(&self, what: &str, error: &QueryError) -> LoadError {
        let what = format!("{what} in {}", self.server);
        if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
            return LoadError::Forbidden { what, why: error.to_string() };
        }
        LoadError::Storage(format!("{what}: {error}"))
    }
}

enum QueryError {
    Timeout,
    Database(tokio_postgres::Error),
}

impl QueryError {
    fn code(&self) -> Option<&SqlState> {
        match self {
            QueryError::Timeout => None,
            QueryError::Database(error) => error.code(),
        }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QueryError::Timeout => write!(f, "no answer within {} s", QUERY_TIMEOUT.as_secs()),
            QueryError::Database(error) => f.write_str(&causes(error)),
        }
    }
}

fn body(row: &Row) -> Result<Vec<u8>, String> {
    let text = row.try_get::<_, &str>(3).map_err(|_| "its body is not text".to_owned())?;
    Ok(text.as_bytes().to_vec())
}

fn stored(row: &Row) -> StoredAs {
    let text = |index: usize| row.try_get::<_, &str>(index).ok();
    StoredAs {
        key: text(0).unwrap_or_default().to_owned(),
        uid: None,
        resource_version: text(2).map(|xmin| format!("xmin {xmin}")),
        status_label: text(1).map(Status::parse),
    }
}

pub(in crate::load) async fn start<T>(config: &tokio_postgres::Config, tls: T) -> Result<Client, tokio_postgres::Error>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
    <T as MakeTlsConnect<Socket>>::TlsConnect: TlsConnect<Socket>,
{
    let (client, connection) = config.connect(tls).await?;
    // Ends with the client; an error shows as one of the next query.
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}

pub(in crate::load) fn connect_error(server: String, error: &tokio_postgres::Error) -> LoadError {
    let why = causes(error);
    let refused = error
        .code()
        .is_some_and(|code| [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION].contains(code));
    if refused { LoadError::Unauthorized { server, why } } else { LoadError::Unreachable { server, why } }
}

/// The database's own message where there is one, else what broke.
pub(in crate::load) fn causes(error: &tokio_postgres::Error) -> String {
    if let Some(database) = error.as_db_error() {
        return database.message().to_owned();
    }
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}").replacen("error communicating with the server: ", "", 1),
        None => error.to_string(),
    }
}
