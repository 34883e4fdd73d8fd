//! SQLite: a database is a file, a copy is a copy of it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::ValueRef;

use super::catalog::{Catalog, Column, ForeignKey, Table};
use super::refusal::Refusal;
use super::server::{Row, quote};
use crate::hex::hex;
use crate::sql::dialect::Dialect;

/// A directory of databases.
pub struct Server {
    pub directory: PathBuf,
}

pub struct Session {
    connection: Connection,
    limit: Duration,
}

impl Server {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.db"))
    }

    pub fn create(&self, name: &str) -> Result<(), Refusal> {
        self.drop(name)?;
        Connection::open(self.path(name)).map(drop).map_err(refusal)
    }

    pub fn copy(&self, from: &str, to: &str) -> Result<(), Refusal> {
        std::fs::copy(self.path(from), self.path(to)).map(drop).map_err(|error| Refusal::said(error.to_string()))
    }

    pub fn drop(&self, name: &str) -> Result<(), Refusal> {
        match std::fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Refusal::said(error.to_string())),
            _ => Ok(()),
        }
    }

    pub fn connect(&self, name: &str, limit: Duration) -> Result<Session, Refusal> {
        let connection = Connection::open(self.path(name)).map_err(refusal)?;
        // SQLite's own default; the library that is linked in was built with the other one.
        connection
            .execute_batch("PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA foreign_keys=OFF")
            .map_err(refusal)?;
        // Other files than its own are none of a migration's business; VACUUM attaches one without a name.
        let own_only = |context: AuthContext<'_>| match context.action {
            AuthAction::Attach { filename } if !filename.is_empty() => Authorization::Deny,
            _ => Authorization::Allow,
        };
        connection.authorizer(Some(own_only)).map_err(refusal)?;
        Ok(Session { connection, limit })
    }
}

impl Session {
    pub fn rows(&mut self, sql: &str) -> Result<Vec<Row>, Refusal> {
        let end = Instant::now() + self.limit;
        self.connection.progress_handler(10_000, Some(move || Instant::now() > end)).map_err(refusal)?;
        let mut statement = self.connection.prepare(sql).map_err(refusal)?;
        let width = statement.column_count();
        let mut rows = statement.raw_query();
        let mut out = Vec::new();
        while let Some(row) = rows.next().map_err(refusal)? {
            out.push((0..width).map(|at| row.get_ref(at).ok().and_then(text)).collect());
        }
        Ok(out)
    }
}

fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => Some(hex(bytes)),
    }
}

fn refusal(error: rusqlite::Error) -> Refusal {
    let message = match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message,
        rusqlite::Error::SqlInputError { msg, .. } => msg,
        other => other.to_string(),
    };
    let column = message.strip_prefix("NOT NULL constraint failed: ").and_then(|rest| rest.rsplit('.').next()).map(str::to_owned);
    Refusal { code: String::new(), message, column, within: false }
}

pub fn catalog(session: &mut Session) -> Result<Catalog, Refusal> {
    let mut catalog = Catalog::default();
    let objects =
        session.rows("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2")?;
    for object in objects {
        let [Some(kind), Some(name), Some(_), sql] = object.as_slice() else { continue };
        let sql = sql.as_deref().unwrap_or_default();
        catalog.lines.extend(if kind == "table" { table_lines(session, name, sql)? } else { vec![line(kind, name, sql)] });
        if kind == "table" || kind == "view" {
            catalog.tables.insert(name.clone(), table(session, name, kind == "table", sql)?);
        }
    }
    Ok(catalog)
}

fn plain(sql: &str) -> String {
    let plain: String = sql.chars().filter(|c| !c.is_whitespace() && !"\"`[]".contains(*c)).collect::<String>().to_lowercase();
    // What every index does unless it is told DESC.
    plain.replace("asc,", ",").replace("asc)", ")")
}

fn line(kind: &str, name: &str, sql: &str) -> String {
    format!("{kind} {name}: {}", plain(sql))
}

/// What a table is, however it is written: SQLite keeps the text of constraints, where and under which name they stand.
fn table_lines(session: &mut Session, name: &str, sql: &str) -> Result<Vec<String>, Refusal> {
    let literal = name.replace('\'', "''");
    let queries = [
        format!(
            "SELECT 'column ' || name || ' ' || lower(type) || ' ' || \"notnull\" || ' ' || coalesce(dflt_value, '') || ' ' || pk || hidden FROM pragma_table_xinfo('{literal}')"
        ),
        format!(
            "SELECT 'foreign ' || group_concat(f.\"from\" || '>' || coalesce(f.\"to\", (SELECT name FROM pragma_table_info(f.\"table\") WHERE pk = f.seq + 1), '')) || ' ' || lower(f.\"table\") || f.on_update || f.on_delete FROM pragma_foreign_key_list('{literal}') f GROUP BY f.id, f.\"table\", f.on_update, f.on_delete"
        ),
        format!(
            "SELECT 'unique ' || (SELECT group_concat(name) FROM pragma_index_info(l.name)) FROM pragma_index_list('{literal}') l WHERE l.origin = 'u'"
        ),
    ];
    let mut lines = Vec::new();
    for query in &queries {
        let rows = session.rows(query)?.into_iter().filter_map(|row| row.into_iter().next().flatten());
        lines.extend(rows.map(|row| format!("table {name}: {}", plain(&row))));
    }
    let text = plain(sql);
    let (_, inner) = text.split_once('(').unwrap_or_default();
    let (columns, options) = inner.rsplit_once(')').unwrap_or((inner, ""));
    for part in cut(columns) {
        let more = ["check(", "generatedalways", "as(", "collate", "autoincrement"].into_iter();
        lines.extend(more.filter_map(|word| part.find(word)).map(|at| format!("table {name}: {}", &part[at..])));
    }
    lines.push(format!("table {name}: {options}"));
    Ok(lines)
}

fn cut(text: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in text.chars() {
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            _ => {
                depth += i32::from(c == '(') - i32::from(c == ')');
                parts.last_mut().expect("never empty").push(c);
            }
        }
    }
    parts
}

fn table(session: &mut Session, name: &str, base: bool, sql: &str) -> Result<Table, Refusal> {
    let literal = name.replace('\'', "''");
    let mut table = Table { quoted: quote(Dialect::Sqlite, name), base, ..Table::default() };
    // A view over something that is gone has no columns to ask for.
    let info =
        session.rows(&format!("SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo('{literal}')"));
    let info = if base { info? } else { info.unwrap_or_default() };
    let keys = info.iter().filter(|row| row[4].as_deref() != Some("0")).count();
    for row in &info {
        let declared = row[1].clone().unwrap_or_default().to_lowercase();
        let in_key = row[4].as_deref() != Some("0");
        if in_key {
            table.primary.push(row[0].clone().unwrap_or_default());
        }
        table.columns.push(Column {
            name: row[0].clone().unwrap_or_default(),
            not_null: row[2].as_deref() == Some("1"),
            default: row[3].clone(),
            computed: row[5].as_deref() != Some("0"),
            counted: in_key && keys == 1 && declared == "integer",
            type_text: declared,
            labels: Vec::new(),
        });
    }
    table.uniques = uniques(session, &literal)?;
    table.foreign = foreign(session, &literal)?;
    table.checks = sql.to_lowercase().split("check").skip(1).map(|rest| rest.chars().take(400).collect()).collect();
    Ok(table)
}

fn uniques(session: &mut Session, literal: &str) -> Result<Vec<Vec<String>>, Refusal> {
    let rows = session.rows(&format!(
        "SELECT l.name, i.name FROM pragma_index_list('{literal}') l, pragma_index_info(l.name) i WHERE l.\"unique\" ORDER BY l.seq, i.seqno"
    ))?;
    Ok(grouped(rows.into_iter().map(|row| (row[0].clone().unwrap_or_default(), row[1].clone().unwrap_or_default()))))
}

/// The second halves of neighbours with the same first half.
pub fn grouped(pairs: impl Iterator<Item = (String, String)>) -> Vec<Vec<String>> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (group, member) in pairs {
        match groups.last_mut() {
            Some((last, members)) if *last == group => members.push(member),
            _ => groups.push((group, vec![member])),
        }
    }
    groups.into_iter().map(|(_, members)| members).collect()
}

fn foreign(session: &mut Session, literal: &str) -> Result<Vec<ForeignKey>, Refusal> {
    let rows = session
        .rows(&format!("SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list('{literal}') ORDER BY id, seq"))?;
    let mut keys: Vec<(Option<String>, ForeignKey)> = Vec::new();
    for row in rows {
        if keys.last().is_none_or(|(id, _)| *id != row[0]) {
            keys.push((row[0].clone(), ForeignKey { table: row[1].clone().unwrap_or_default(), ..ForeignKey::default() }));
        }
        let (_, key) = keys.last_mut().expect("just pushed");
        key.columns.push(row[2].clone().unwrap_or_default());
        key.referenced.extend(row[3].clone());
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}
