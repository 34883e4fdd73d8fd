//! Whether a server may be used for a proof: nothing of anybody's is in the database, and migrations of strangers reach no files.

use super::refusal::Refusal;
use super::server::{Server, Session};

/// Powers that are named one by one.
const SHOWN: usize = 5;

/// Roles of PostgreSQL that reach the server's files and programs (manual, "Predefined Roles").
/// Whoever may make roles may give itself these before version 16, and whoever is a member of a role can become it.
const POSTGRES: &str = "SELECT CASE WHEN rolsuper THEN 'superuser' WHEN rolreplication THEN 'replication' \
    WHEN rolcreaterole THEN 'createrole' WHEN rolbypassrls THEN 'bypassrls' ELSE rolname END \
    || CASE WHEN rolname = current_user OR rolname LIKE 'pg\\_%' THEN '' ELSE ' by ' || rolname END FROM pg_roles \
    WHERE (rolsuper OR rolreplication OR rolcreaterole OR rolbypassrls \
    OR rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')) \
    AND pg_has_role(current_user, oid, 'MEMBER') ORDER BY 1";

/// Relations, routines and types of users; a template may bring an extension.
const POSTGRES_OBJECTS: &str = "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
    AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.objid = c.oid AND x.deptype = 'e') \
    UNION ALL SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
    AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.objid = p.oid AND x.deptype = 'e') \
    UNION ALL SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public') LIMIT 1";

const POSTGRES_CREATE: &str = "SELECT 1 FROM pg_roles WHERE rolname = current_user AND rolcreatedb";

/// Privileges on everything reach files, accounts and other databases; so may a role that can be taken on. Databases of the
/// server itself that everybody sees cannot be written.
const MYSQL: &str = "SELECT concat(privilege_type, ' on all databases') FROM information_schema.user_privileges \
    WHERE privilege_type NOT IN ('USAGE', 'SHOW DATABASES') \
    AND grantee = concat('''', replace(current_user(), '@', '''@'''), '''') \
    UNION ALL SELECT concat('role ', role_name) FROM information_schema.applicable_roles \
    UNION ALL SELECT concat('database ', schema_name) FROM information_schema.schemata WHERE schema_name <> database() \
    AND schema_name NOT IN ('information_schema', 'performance_schema', 'sys') AND schema_name NOT LIKE 'proof\\_%'";
const MYSQL_OBJECTS: &str = "SELECT table_name FROM information_schema.tables WHERE table_schema = database() \
    UNION ALL SELECT routine_name FROM information_schema.routines WHERE routine_schema = database() LIMIT 1";

/// What is granted on databases is granted by a pattern of their names.
const MYSQL_CREATE: &str = "SELECT 1 FROM information_schema.schema_privileges \
    WHERE privilege_type = 'CREATE' AND 'proof_state_1' LIKE table_schema \
    AND grantee = concat('''', replace(current_user(), '@', '''@'''), '''') LIMIT 1";

/// What a role needs that may be used.
const POSTGRES_WANTED: &str = "CREATE ROLE scratch LOGIN CREATEDB; CREATE DATABASE scratch OWNER scratch";
const MYSQL_WANTED: &str = "CREATE DATABASE scratch; CREATE USER scratch; GRANT ALL ON scratch.* TO scratch; \
    GRANT ALL ON `proof\\_%`.* TO scratch";

/// Why a server may not be used, and what would do.
pub struct Objection {
    pub why: String,
    pub wanted: &'static str,
}

/// What is asked of one engine.
struct Questions {
    powers: &'static str,
    objects: &'static str,
    may_create: &'static str,
    /// The privilege that `may_create` looks for.
    privilege: &'static str,
    wanted: &'static str,
}

/// Why this server may not be used, if it may not.
pub async fn objection(server: &mut Server, database: &str) -> Result<Option<Objection>, Refusal> {
    let questions = match server {
        Server::Postgres(_) => Questions {
            powers: POSTGRES,
            objects: POSTGRES_OBJECTS,
            may_create: POSTGRES_CREATE,
            privilege: "CREATEDB",
            wanted: POSTGRES_WANTED,
        },
        Server::MySql(_) => Questions {
            powers: MYSQL,
            objects: MYSQL_OBJECTS,
            may_create: MYSQL_CREATE,
            privilege: "ALL ON `proof\\_%`.*",
            wanted: MYSQL_WANTED,
        },
        // Its directory was made for this.
        Server::Sqlite(_) => return Ok(None),
    };
    let mut session = server.connect(database).await?;
    let why = ask(&mut session, &questions).await;
    session.close().await;
    Ok(why?.map(|why| Objection { why, wanted: questions.wanted }))
}

async fn ask(session: &mut Session, questions: &Questions) -> Result<Option<String>, Refusal> {
    let powers: Vec<String> = session.rows(questions.powers).await?.into_iter().flatten().flatten().collect();
    if !powers.is_empty() {
        let shown: Vec<&str> = powers.iter().take(SHOWN).map(String::as_str).collect();
        let more = if powers.len() > SHOWN { format!(" and {} more", powers.len() - SHOWN) } else { String::new() };
        return Ok(Some(format!("the role reaches more than a migration of strangers should: {}{more}", shown.join(", "))));
    }
    if let Some(object) = session.rows(questions.objects).await?.into_iter().flatten().flatten().next() {
        return Ok(Some(format!("the database is not empty: it has {object}")));
    }
    let may_create = !session.rows(questions.may_create).await?.is_empty();
    Ok((!may_create).then(|| format!("the role may not create databases ({})", questions.privilege)))
}
