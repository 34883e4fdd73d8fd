//! MariaDB and MySQL: a copy is made table by table from what SHOW CREATE says.

use std::collections::BTreeMap;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, Value};

use super::catalog::{Catalog, Column, ForeignKey, Table, program};
use super::refusal::Refusal;
use super::server::{Row, quote};
use super::sqlite::grouped;
use crate::hex::hex;
use crate::sql::dialect::Dialect;

pub struct Server {
    pub options: OptsBuilder,
}

pub struct Session {
    connection: Conn,
    limit: Duration,
}

fn quoted(name: &str) -> String {
    quote(Dialect::MariaDb, name)
}

impl Server {
    pub async fn create(&self, name: &str) -> Result<(), Refusal> {
        self.drop(name).await?;
        let mut admin = self.connect(None, Duration::from_secs(60)).await?;
        admin.rows(&format!("CREATE DATABASE {} CHARACTER SET utf8mb4", quoted(name))).await.map(drop)
    }

    pub async fn drop(&self, name: &str) -> Result<(), Refusal> {
        let mut admin = self.connect(None, Duration::from_secs(60)).await?;
        // A statement that lifted its own limit goes on without its client, and its locks with it.
        let left = format!("SELECT id FROM information_schema.processlist WHERE db = '{}'", name.replace('\'', "''"));
        for id in admin.rows(&left).await?.into_iter().flatten().flatten() {
            let _ = admin.rows(&format!("KILL {id}")).await;
        }
        admin.rows(&format!("DROP DATABASE IF EXISTS {}", quoted(name))).await.map(drop)
    }

    pub async fn version(&self) -> Result<String, Refusal> {
        let rows = self.connect(None, Duration::from_secs(60)).await?.rows("SELECT version()").await?;
        let version = rows.into_iter().flatten().flatten().next().unwrap_or_default();
        let product = if version.contains("MariaDB") { "MariaDB" } else { "MySQL" };
        Ok(format!("{product} {}", version.split('-').next().unwrap_or_default()))
    }

    pub async fn connect(&self, name: Option<&str>, limit: Duration) -> Result<Session, Refusal> {
        let options = self.options.clone().db_name(name).prefer_socket(false);
        let mut session = Session { connection: Conn::new(options).await.map_err(refusal)?, limit: limit * 2 };
        session.rows(&format!("SET max_statement_time = {}, lock_wait_timeout = {}", limit.as_secs(), limit.as_secs())).await?;
        session.rows("SET time_zone = '+00:00'").await?;
        Ok(session)
    }

    pub async fn copy(&self, from: &str, to: &str) -> Result<(), Refusal> {
        self.create(to).await?;
        let mut source = self.connect(Some(from), Duration::from_secs(60)).await?;
        let mut target = self.connect(Some(to), Duration::from_secs(60)).await?;
        target.rows("SET foreign_key_checks = 0, unique_checks = 0, sql_mode = 'NO_AUTO_VALUE_ON_ZERO'").await?;
        let (views, tables): (Vec<_>, Vec<_>) = kinds(&mut source).await?.into_iter().partition(|(_, kind)| kind == "VIEW");
        let stored = stored(&mut source).await?;
        for (table, _) in &tables {
            target.rows(&shown(&mut source, "TABLE", table, 1).await?).await?;
            fill(&mut target, from, table, stored.get(table).map_or(&[], Vec::as_slice)).await?;
        }
        for (kind, list, at) in [("FUNCTION", ROUTINES, 2), ("PROCEDURE", ROUTINES, 2), ("TRIGGER", TRIGGERS, 2)] {
            for row in source.rows(&list.replace("KIND", kind)).await? {
                let text = shown(&mut source, kind, row[0].as_deref().unwrap_or_default(), at).await?;
                target.rows(&text.replace(&format!("`{from}`."), "")).await?;
            }
        }
        copy_views(&mut source, &mut target, from, views).await
    }
}

const ROUTINES: &str =
    "SELECT routine_name FROM information_schema.routines WHERE routine_schema = database() AND routine_type = 'KIND'";
const TRIGGERS: &str =
    "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = database() AND 'KIND' = 'TRIGGER'";

/// A view may stand on another that is not there yet, so they are tried until no more goes.
async fn copy_views(source: &mut Session, target: &mut Session, from: &str, views: Vec<(String, String)>) -> Result<(), Refusal> {
    let mut left: Vec<String> = Vec::new();
    for (view, _) in views {
        left.push(shown(source, "VIEW", &view, 1).await?.replace(&format!("`{from}`."), ""));
    }
    loop {
        let before = left.len();
        let mut refused = Vec::new();
        for text in left {
            if target.rows(&text).await.is_err() {
                refused.push(text);
            }
        }
        left = refused;
        if left.is_empty() || left.len() == before {
            return Ok(());
        }
    }
}

async fn kinds(session: &mut Session) -> Result<Vec<(String, String)>, Refusal> {
    let rows = session.rows("SHOW FULL TABLES").await?;
    Ok(rows.into_iter().map(|row| (row[0].clone().unwrap_or_default(), row[1].clone().unwrap_or_default())).collect())
}

async fn shown(session: &mut Session, kind: &str, name: &str, at: usize) -> Result<String, Refusal> {
    let rows = session.rows(&format!("SHOW CREATE {kind} {}", quoted(name))).await?;
    Ok(rows.into_iter().next().and_then(|row| row.get(at).cloned().flatten()).unwrap_or_default())
}

/// The columns of all tables that take values.
async fn stored(session: &mut Session) -> Result<BTreeMap<String, Vec<String>>, Refusal> {
    let sql = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = database() AND is_generated = 'NEVER' ORDER BY ordinal_position";
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in session.rows(sql).await? {
        let mut texts = row.into_iter().map(Option::unwrap_or_default);
        columns.entry(texts.next().unwrap_or_default()).or_default().push(quoted(&texts.next().unwrap_or_default()));
    }
    Ok(columns)
}

async fn fill(target: &mut Session, from: &str, table: &str, columns: &[String]) -> Result<(), Refusal> {
    let names = columns.join(", ");
    target.rows(&format!("INSERT INTO {0} ({names}) SELECT {names} FROM {1}.{0}", quoted(table), quoted(from))).await.map(drop)
}

impl Session {
    pub async fn close(self) {
        let _ = self.connection.disconnect().await;
    }

    pub async fn rows(&mut self, sql: &str) -> Result<Vec<Row>, Refusal> {
        // Scripts can lift the server's limit, so there is one here as well.
        let rows: Vec<mysql_async::Row> = match tokio::time::timeout(self.limit, self.connection.query(sql)).await {
            Ok(answer) => answer.map_err(refusal)?,
            Err(_) => return Err(Refusal::timeout()),
        };
        Ok(rows.into_iter().map(|row| row.unwrap().into_iter().map(text).collect()).collect())
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8(bytes).unwrap_or_else(|error| hex(error.as_bytes()))),
        other => Some(other.as_sql(true)),
    }
}

fn refusal(error: mysql_async::Error) -> Refusal {
    match error {
        mysql_async::Error::Server(said) => Refusal {
            code: said.code.to_string(),
            column: said.message.split('\'').nth(1).filter(|_| matches!(said.code, 1048 | 1364)).map(str::to_owned),
            message: said.message,
            within: false,
        },
        other => Refusal { code: "2013".to_owned(), message: other.to_string(), column: None, within: false },
    }
}

const COLUMNS: &str = "SELECT table_name, column_name, column_type, is_nullable, column_default, \
    is_generated <> 'NEVER', extra LIKE '%auto_increment%' FROM information_schema.columns WHERE table_schema = database() \
    ORDER BY table_name, ordinal_position";
const KEYS: &str = "SELECT concat(table_name, '\\n', index_name), column_name FROM information_schema.statistics \
    WHERE table_schema = database() AND non_unique = 0 ORDER BY table_name, index_name, seq_in_index";
const FOREIGN: &str = "SELECT table_name, constraint_name, column_name, referenced_table_name, referenced_column_name \
    FROM information_schema.key_column_usage WHERE table_schema = database() AND referenced_table_name IS NOT NULL \
    ORDER BY table_name, constraint_name, ordinal_position";
const CHECKS: &str =
    "SELECT table_name, check_clause FROM information_schema.check_constraints WHERE constraint_schema = database()";

pub async fn catalog(session: &mut Session) -> Result<Catalog, Refusal> {
    let mut catalog = Catalog::default();
    for (name, kind) in kinds(session).await? {
        let table = Table { quoted: quoted(&name), base: kind != "VIEW", ..Table::default() };
        let what = if table.base { "TABLE" } else { "VIEW" };
        // A view over something that is gone cannot be shown.
        let text = shown(session, what, &name, 1).await.unwrap_or_default();
        catalog.lines.extend(text.lines().map(|line| format!("{name}: {}", settled(line))));
        catalog.tables.insert(name, table);
    }
    columns(session, &mut catalog).await?;
    keys(session, &mut catalog).await?;
    for query in [
        "SELECT concat('routine ', routine_name, ' ', routine_definition) FROM information_schema.routines WHERE routine_schema = database()",
        "SELECT concat('trigger ', trigger_name, event_object_table, action_timing, event_manipulation, action_statement) FROM information_schema.triggers WHERE trigger_schema = database()",
    ] {
        let lines = session.rows(query).await?.into_iter().filter_map(|row| row.into_iter().next().flatten());
        catalog.lines.extend(lines.map(|line| program(&line, Dialect::MySql)));
    }
    Ok(catalog)
}

/// Without what changes by itself: the comma of the last line, the next number, the database's own name.
fn settled(line: &str) -> String {
    let words = line.trim().trim_end_matches(',').split(' ').filter(|word| !word.starts_with("AUTO_INCREMENT="));
    let line: Vec<&str> = words.collect();
    let line = line.join(" ");
    match (line.find("`proof_"), line.find("VIEW")) {
        (Some(_), Some(at)) => strip_database(&line[at..]),
        _ => line,
    }
}

fn strip_database(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("`proof_") {
        out.push_str(&rest[..at]);
        rest = rest[at + 1..].find("`.").map_or("", |end| &rest[at + 1 + end + 2..]);
    }
    out + rest
}

async fn columns(session: &mut Session, catalog: &mut Catalog) -> Result<(), Refusal> {
    for row in session.rows(COLUMNS).await? {
        let Some(table) = row[0].as_ref().and_then(|name| catalog.tables.get_mut(name)) else { continue };
        let type_text = row[2].clone().unwrap_or_default();
        let not_null = row[3].as_deref() == Some("NO");
        table.columns.push(Column {
            name: row[1].clone().unwrap_or_default(),
            not_null,
            default: row[4].clone().filter(|text| text != "NULL" || !not_null),
            computed: row[5].as_deref() == Some("1"),
            counted: row[6].as_deref() == Some("1"),
            labels: labels(&type_text),
            type_text: type_text.to_lowercase(),
        });
    }
    Ok(())
}

fn labels(type_text: &str) -> Vec<String> {
    if !type_text.starts_with("enum(") && !type_text.starts_with("set(") {
        return Vec::new();
    }
    type_text.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

async fn keys(session: &mut Session, catalog: &mut Catalog) -> Result<(), Refusal> {
    let pairs: Vec<(String, String)> = session
        .rows(KEYS)
        .await?
        .into_iter()
        .map(|row| (row[0].clone().unwrap_or_default(), row[1].clone().unwrap_or_default()))
        .collect();
    let mut names: Vec<String> = pairs.iter().map(|(name, _)| name.clone()).collect();
    names.dedup();
    for (name, columns) in names.iter().zip(grouped(pairs.into_iter())) {
        let Some((table, index)) = name.split_once('\n') else { continue };
        let Some(table) = catalog.tables.get_mut(table) else { continue };
        if index == "PRIMARY" { table.primary = columns } else { table.uniques.push(columns) }
    }
    let mut last = (None, None);
    for row in session.rows(FOREIGN).await? {
        let Some(table) = row[0].as_ref().and_then(|name| catalog.tables.get_mut(name)) else { continue };
        let this = (row[0].clone(), row[1].clone());
        if this != last {
            table.foreign.push(ForeignKey { table: row[3].clone().unwrap_or_default(), ..ForeignKey::default() });
            last = this;
        }
        let key = table.foreign.last_mut().expect("just pushed");
        key.columns.extend(row[2].clone());
        key.referenced.extend(row[4].clone());
    }
    for row in session.rows(CHECKS).await? {
        if let Some(table) = row[0].as_ref().and_then(|name| catalog.tables.get_mut(name)) {
            table.checks.extend(row[1].clone());
        }
    }
    Ok(())
}
