//! A read-only look into SQLite.

use std::path::Path;
use std::time::Instant;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::{LIMIT, Rows};
use crate::hex::hex;
use crate::migrations::history_table::Cell;

pub struct Session {
    connection: Connection,
}

impl Session {
    pub fn open(path: &Path) -> Result<Session, String> {
        let failed = |error: rusqlite::Error| match error {
            // Its text names the path itself.
            rusqlite::Error::SqliteFailure(_, Some(message)) if message.contains(&*path.to_string_lossy()) => message,
            error => format!("{}: {error}", path.display()),
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.execute_batch("PRAGMA query_only = ON; SELECT count(*) FROM sqlite_master").map_err(failed)?;
        Ok(Session { connection })
    }

    pub fn rows(&mut self, query: &str) -> Result<Rows, String> {
        self.read(query).map_err(|error| error.to_string())
    }

    fn read(&self, query: &str) -> rusqlite::Result<Rows> {
        let end = Instant::now() + LIMIT;
        self.connection.progress_handler(10_000, Some(move || Instant::now() > end))?;
        let mut statement = self.connection.prepare(query)?;
        let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
        let mut found = statement.raw_query();
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            rows.push((0..columns.len()).map(|at| row.get_ref(at).ok().and_then(cell)).collect());
        }
        Ok((columns, rows))
    }
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Some(String::from_utf8(bytes.to_vec()).unwrap_or_else(|error| hex(error.as_bytes())))
        }
    }
}
