//! PostgreSQL: a copy is a database made from a template.

use std::time::Duration;

use rustls::ClientConfig;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use tokio_postgres_rustls::MakeRustlsConnect;

use super::catalog::{Catalog, Column, ForeignKey, Table, program};
use super::refusal::Refusal;
use super::server::{Row, quote};
use crate::sql::dialect::Dialect;

/// A server, by a connection to the database that the DSN names.
pub struct Server {
    config: Config,
    tls: Option<ClientConfig>,
    admin: Option<Session>,
}

pub struct Session {
    client: Client,
    connection: JoinHandle<()>,
    limit: Duration,
}

impl Server {
    /// Without TLS nothing is encrypted.
    pub fn new(config: Config, tls: Option<ClientConfig>) -> Self {
        Server { config, tls, admin: None }
    }

    async fn admin(&mut self) -> Result<&mut Session, Refusal> {
        if self.admin.is_none() {
            self.admin = Some(open(&self.config, self.tls.as_ref(), Duration::from_secs(60)).await?);
        }
        Ok(self.admin.as_mut().expect("just set"))
    }

    pub async fn create(&mut self, name: &str, template: Option<&str>) -> Result<(), Refusal> {
        self.drop(name).await?;
        if let Some(template) = template {
            self.wait_for_others(template).await?;
        }
        let name = quote(Dialect::PostgreSql, name);
        let template = quote(Dialect::PostgreSql, template.unwrap_or("template1"));
        let strategy = if self.knows_strategies().await? { " STRATEGY file_copy" } else { "" };
        self.admin().await?.rows(&format!("CREATE DATABASE {name} TEMPLATE {template}{strategy}")).await.map(drop)
    }

    /// Since version 15 copying files, the quicker way for small databases, has to be asked for.
    async fn knows_strategies(&mut self) -> Result<bool, Refusal> {
        let rows = self.admin().await?.rows("SELECT current_setting('server_version_num')::int >= 150000").await?;
        Ok(rows.into_iter().flatten().flatten().next().as_deref() == Some("t"))
    }

    pub async fn drop(&mut self, name: &str) -> Result<(), Refusal> {
        let name = quote(Dialect::PostgreSql, name);
        self.admin().await?.rows(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.map(drop)
    }

    pub async fn version(&mut self) -> Result<String, Refusal> {
        let rows = self.admin().await?.rows("SHOW server_version").await?;
        let version = rows.into_iter().flatten().flatten().next().unwrap_or_default();
        Ok(format!("PostgreSQL {}", version.split(' ').next().unwrap_or_default()))
    }

    /// The server ends a connection some time after the client did, and looks for others only every tenth of a second.
    async fn wait_for_others(&mut self, name: &str) -> Result<(), Refusal> {
        let sql = format!("SELECT FROM pg_stat_activity WHERE datname = '{}'", name.replace('\'', "''"));
        for _ in 0..500 {
            if self.admin().await?.rows(&sql).await?.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // A statement that lifted its own limit goes on without its client.
        self.admin().await?.rows(&sql.replace("SELECT FROM", "SELECT pg_terminate_backend(pid) FROM")).await.map(drop)
    }

    pub async fn connect(&self, name: &str, limit: Duration) -> Result<Session, Refusal> {
        let mut config = self.config.clone();
        open(config.dbname(name), self.tls.as_ref(), limit).await
    }
}

async fn open(config: &Config, tls: Option<&ClientConfig>, limit: Duration) -> Result<Session, Refusal> {
    // Errors of a connection show as errors of the next query.
    let (client, connection) = match tls {
        Some(tls) => {
            let (client, connection) = config.connect(MakeRustlsConnect::new(tls.clone())).await.map_err(refusal)?;
            (client, tokio::spawn(async move { drop(connection.await) }))
        }
        None => {
            let (client, connection) = config.connect(NoTls).await.map_err(refusal)?;
            (client, tokio::spawn(async move { drop(connection.await) }))
        }
    };
    // Scripts can lift the server's limit, so there is one here as well.
    let mut session = Session { client, connection, limit: limit * 2 };
    let limit = limit.as_millis();
    session.rows(&format!("SET statement_timeout = {limit}; SET lock_timeout = {limit}; SET TimeZone = 'UTC'")).await?;
    session.rows("SET client_min_messages = error; SET bytea_output = hex; SET extra_float_digits = 3").await?;
    Ok(session)
}

impl Session {
    pub async fn close(self) {
        drop(self.client);
        // It would wait for the answer to a statement that took too long.
        let mut connection = self.connection;
        if tokio::time::timeout(Duration::from_secs(1), &mut connection).await.is_err() {
            connection.abort();
        }
    }

    pub async fn rows(&mut self, sql: &str) -> Result<Vec<Row>, Refusal> {
        let messages = match tokio::time::timeout(self.limit, self.client.simple_query(sql)).await {
            Ok(answer) => answer.map_err(refusal)?,
            Err(_) => return Err(Refusal::timeout()),
        };
        Ok(messages.into_iter().filter_map(row).collect())
    }
}

fn row(message: SimpleQueryMessage) -> Option<Row> {
    let SimpleQueryMessage::Row(row) = message else { return None };
    Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
}

fn refusal(error: tokio_postgres::Error) -> Refusal {
    match error.as_db_error() {
        Some(said) => Refusal {
            code: said.code().code().to_owned(),
            message: said.message().to_owned(),
            column: said.column().map(str::to_owned),
            within: said.where_().is_some_and(|place| place.contains(" function ")),
        },
        None => Refusal { code: "08000".to_owned(), message: error.to_string(), column: None, within: false },
    }
}

/// Schemas of users; what an extension brought is not theirs.
const OURS: &str = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

const COLUMNS: &str = "SELECT n.nspname, c.relname, c.relkind, a.attname, format_type(coalesce(nullif(t.typbasetype, 0), t.oid), a.atttypmod), \
    a.attnotnull OR t.typnotnull, coalesce(pg_get_expr(d.adbin, d.adrelid), t.typdefault), a.attgenerated <> '' OR a.attidentity = 'a', \
    a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid), '') LIKE 'nextval(%', \
    (SELECT string_agg(e.enumlabel, E'\\n' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = coalesce(nullif(t.typbasetype, 0), t.oid)), \
    c.relispartition OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid), \
    format_type(a.atttypid, a.atttypmod) || ' ' || a.attidentity::text || a.attgenerated::text || coalesce(' collate ' || (SELECT collname FROM pg_collation WHERE oid = a.attcollation AND a.attcollation <> t.typcollation), '') \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
    JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.objid = c.oid AND x.deptype = 'e')";

const CONSTRAINTS: &str = "SELECT n.nspname, c.relname, o.conname, o.contype, pg_get_constraintdef(o.oid), \
    (SELECT string_agg(a.attname, E'\\n' ORDER BY k.at) FROM unnest(o.conkey) WITH ORDINALITY k(num, at) JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = k.num), \
    fn.nspname, f.relname, (SELECT string_agg(a.attname, E'\\n' ORDER BY k.at) FROM unnest(o.confkey) WITH ORDINALITY k(num, at) JOIN pg_attribute a ON a.attrelid = o.confrelid AND a.attnum = k.num) \
    FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
    LEFT JOIN pg_class f ON f.oid = o.confrelid LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace WHERE o.contype <> 't'";

const INDEXES: &str = "SELECT n.nspname, c.relname, pg_get_indexdef(i.indexrelid), i.indisunique, \
    (SELECT string_agg(a.attname, E'\\n') FROM unnest(i.indkey) k(num) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num), i.indisvalid, i.indexprs IS NULL AND i.indpred IS NULL \
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE true";

/// Everything else, one line an object.
const OTHERS: &str = "\
    SELECT 'view ' || n.nspname || '.' || c.relname || ' ' || regexp_replace(pg_get_viewdef(c.oid), '\\s+', ' ', 'g') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') AND OURS \
    UNION ALL SELECT 'routine ' || pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.prokind IN ('f', 'p') AND OURS AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.objid = p.oid AND x.deptype = 'e') \
    UNION ALL SELECT 'trigger ' || pg_get_triggerdef(t.oid) || t.tgenabled::text FROM pg_trigger t WHERE NOT t.tgisinternal \
    UNION ALL SELECT 'type ' || n.nspname || '.' || t.typname || ' ' || coalesce((SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid), '') || t.typnotnull::text || coalesce(t.typdefault, '') FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype IN ('e', 'd') AND OURS AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.objid = t.oid AND x.deptype = 'e') \
    UNION ALL SELECT 'constraint of domain ' || t.typname || ' ' || pg_get_constraintdef(o.oid) FROM pg_constraint o JOIN pg_type t ON t.oid = o.contypid JOIN pg_namespace n ON n.oid = t.typnamespace WHERE OURS \
    UNION ALL SELECT 'sequence ' || n.nspname || '.' || c.relname || ' ' || s.seqincrement || ' ' || s.seqmax FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE OURS \
    UNION ALL SELECT 'policy ' || p.polname || ' ' || c.relname || coalesce(pg_get_expr(p.polqual, p.polrelid), '') FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid \
    UNION ALL SELECT 'row security ' || c.relname || c.relforcerowsecurity::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relrowsecurity AND OURS \
    UNION ALL SELECT 'schema ' || n.nspname FROM pg_namespace n WHERE OURS \
    UNION ALL SELECT 'rule ' || r.definition FROM pg_rules r WHERE r.schemaname !~ '^pg_' AND r.schemaname <> 'information_schema' \
    UNION ALL SELECT 'extension ' || extname FROM pg_extension";

pub async fn catalog(session: &mut Session) -> Result<Catalog, Refusal> {
    let mut catalog = Catalog::default();
    for row in session.rows(&format!("{COLUMNS} AND {OURS} ORDER BY n.nspname, c.relname, a.attnum")).await? {
        column(&mut catalog, &texts(row));
    }
    for row in session.rows(&format!("{CONSTRAINTS} AND {OURS} ORDER BY o.conname")).await? {
        constraint(&mut catalog, &texts(row));
    }
    for row in session.rows(&format!("{INDEXES} AND {OURS}")).await? {
        let row = texts(row);
        catalog.lines.insert(format!("index {} {}", plain(&row[2]), row[5]));
        // One over an expression or over some rows does not tell rows apart by its columns.
        let is_key = row[3] == "t" && row[6] == "t";
        if let Some(table) = catalog.tables.get_mut(&shown(&row[0], &row[1])).filter(|_| is_key) {
            table.uniques.push(split(&row[4]));
        }
    }
    let others = session.rows(&OTHERS.replace("OURS", OURS)).await?;
    let others = others.into_iter().filter_map(|row| row.into_iter().next().flatten());
    catalog
        .lines
        .extend(others.map(|line| if line.starts_with("routine ") { program(&line, Dialect::PostgreSql) } else { line }));
    Ok(catalog)
}

fn texts(row: Row) -> Vec<String> {
    row.into_iter().map(Option::unwrap_or_default).collect()
}

fn shown(schema: &str, name: &str) -> String {
    if schema == "public" { name.to_owned() } else { format!("{schema}.{name}") }
}

fn split(list: &str) -> Vec<String> {
    list.split('\n').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn column(catalog: &mut Catalog, row: &[String]) {
    let name = shown(&row[0], &row[1]);
    let line = format!("column {name}.{} {} {} {} {}", row[3], row[11], row[5], row[6], row[2]);
    catalog.lines.insert(line);
    let quoted = format!("{}.{}", quote(Dialect::PostgreSql, &row[0]), quote(Dialect::PostgreSql, &row[1]));
    let table = catalog.tables.entry(name).or_insert_with(|| Table {
        quoted,
        base: row[2] == "r" || row[2] == "p",
        part: row[10] == "t",
        ..Table::default()
    });
    table.columns.push(Column {
        name: row[3].clone(),
        type_text: row[4].to_lowercase(),
        not_null: row[5] == "t",
        default: Some(row[6].clone()).filter(|text| !text.is_empty()),
        computed: row[7] == "t",
        counted: row[8] == "t",
        labels: split(&row[9]),
    });
}

/// Types of more than one word, as casts name them.
const LONG_TYPES: [&str; 4] =
    ["character varying", "double precision", "timestamp without time zone", "timestamp with time zone"];

/// An expression without the brackets and casts that the server writes as the types around it ask.
fn plain(definition: &str) -> String {
    let shorter = LONG_TYPES.iter().fold(definition.to_owned(), |text, long| text.replace(&format!("::{long}"), ""));
    let mut parts = shorter.split("::");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(part.trim_start_matches(|c: char| c.is_alphanumeric() || "_.\"[]".contains(c)));
    }
    out.retain(|c| !"()".contains(c));
    out
}

fn constraint(catalog: &mut Catalog, row: &[String]) {
    let name = shown(&row[0], &row[1]);
    let definition = if row[3] == "c" { plain(&row[4]) } else { row[4].clone() };
    catalog.lines.insert(format!("constraint {name} {} {definition}", row[2]));
    let Some(table) = catalog.tables.get_mut(&name) else { return };
    match row[3].as_str() {
        "p" => table.primary = split(&row[5]),
        "c" => table.checks.push(row[4].clone()),
        "f" => {
            table.foreign.push(ForeignKey { columns: split(&row[5]), table: shown(&row[6], &row[7]), referenced: split(&row[8]) })
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn expressions_are_compared_without_what_the_server_adds() {
        let one = "CREATE INDEX i ON public.t USING btree (a, COALESCE(b, c) DESC) WHERE ((s = 'x'::public.state) AND d)";
        let other =
            "CREATE INDEX i ON public.t USING btree (a, COALESCE((b)::bigint, (c)::bigint) DESC) WHERE (s = 'x'::state) AND d";
        assert_eq!(plain(one), plain(other));
        assert_eq!(plain("CHECK (((a)::text <> ''::character varying))"), "CHECK a <> ''");
        assert_ne!(plain("CHECK ((a > 1))"), plain("CHECK ((a > 2))"));
    }
}
