//! Whether a server may be used for a proof: nothing of anybody's is in the database, and migrations of strangers reach no files.

use super::refusal::Refusal;
use super::server::{Server, Session};

/// Roles of PostgreSQL that reach the server's files and programs (manual, "Predefined Roles").
const POSTGRES: &str = "SELECT rolname FROM pg_roles WHERE rolname IN ('pg_read_server_files', 'pg_write_server_files', \
    'pg_execute_server_program') AND pg_has_role(current_user, oid, 'MEMBER') \
    UNION ALL SELECT 'superuser' FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolreplication)";

/// Relations, routines and types of users; a template may bring an extension.
const POSTGRES_OBJECTS: &str = "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
    AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.objid = c.oid AND x.deptype = 'e') \
    UNION ALL SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
    AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.objid = p.oid AND x.deptype = 'e') \
    UNION ALL SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public') LIMIT 1";

const POSTGRES_CREATE: &str = "SELECT FROM pg_roles WHERE rolname = current_user AND rolcreatedb";

/// Global privileges of MySQL that reach files, other sessions or other accounts; roles that are enabled show theirs as well.
const MYSQL: &str = "SELECT privilege_type FROM information_schema.user_privileges \
    WHERE privilege_type IN ('FILE', 'SUPER', 'SHUTDOWN', 'CREATE USER', 'SET USER', 'REPLICATION SLAVE ADMIN')";
const MYSQL_OBJECTS: &str = "SELECT table_name FROM information_schema.tables WHERE table_schema = database() \
    UNION ALL SELECT routine_name FROM information_schema.routines WHERE routine_schema = database() LIMIT 1";

/// Why this server may not be used, if it may not.
pub async fn objection(server: &mut Server, database: &str) -> Result<Option<String>, Refusal> {
    let (powers, objects, may_create) = match server {
        Server::Postgres(_) => (POSTGRES, POSTGRES_OBJECTS, Some(POSTGRES_CREATE)),
        Server::MySql(_) => (MYSQL, MYSQL_OBJECTS, None),
        // Its directory was made for this.
        Server::Sqlite(_) => return Ok(None),
    };
    let mut session = server.connect(database).await?;
    let objection = ask(&mut session, powers, objects, may_create).await;
    session.close().await;
    objection
}

async fn ask(session: &mut Session, powers: &str, objects: &str, may_create: Option<&str>) -> Result<Option<String>, Refusal> {
    let powers: Vec<String> = session.rows(powers).await?.into_iter().flatten().flatten().collect();
    if !powers.is_empty() {
        return Ok(Some(format!("the role may do more than a migration should: {}", powers.join(", "))));
    }
    if !session.rows(objects).await?.is_empty() {
        return Ok(Some("the database is not empty".to_owned()));
    }
    match may_create {
        Some(sql) if session.rows(sql).await?.is_empty() => Ok(Some("the role may not create databases (CREATEDB)".to_owned())),
        _ => Ok(None),
    }
}
