//! `--database-…` and `--prove-…` of the program itself, on real servers: what they read, what they refuse, what they say.

mod histories;
mod proofs;
mod sessions;

use std::process::{Command, Output};

use rollback_safe::prove::server::Session;
use rollback_safe::sql::dialect::Dialect;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::servers;

/// One test, by its name; the engines that it needs.
pub struct Test {
    pub name: &'static str,
    pub dialects: &'static [Dialect],
    run: fn(&Place),
}

pub const POSTGRES: &[Dialect] = &[Dialect::PostgreSql];
pub const MARIADB: &[Dialect] = &[Dialect::MariaDb];
pub const BOTH: &[Dialect] = &[Dialect::PostgreSql, Dialect::MariaDb];
pub const ALL: &[Dialect] = &[Dialect::PostgreSql, Dialect::MariaDb, Dialect::Sqlite];

pub fn all() -> Vec<Test> {
    [sessions::TESTS, histories::TESTS, proofs::TESTS].concat().into_iter().map(Test::of).collect()
}

type Row = (&'static str, &'static [Dialect], fn(&Place));

impl Test {
    fn of((name, dialects, run): Row) -> Test {
        Test { name, dialects, run }
    }

    /// Whether it passed on an engine; what failed is printed.
    pub fn passes(&self, dialect: Dialect) -> bool {
        let run = || {
            let place = Place::new(dialect);
            (self.run)(&place);
        };
        std::panic::catch_unwind(run).is_ok()
    }
}

/// The password of both logins.
pub const PASSWORD: &str = "hunter2/@:%";
pub const ENCODED: &str = "hunter2%2F%40%3A%25";

/// A database of an application, and its login, which is nobody special.
pub struct Place {
    pub dialect: Dialect,
    pub directory: tempfile::TempDir,
    runtime: Runtime,
    pub database: String,
    pub login: String,
}

impl Place {
    fn new(dialect: Dialect) -> Place {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let id = format!("app_{}", std::process::id());
        let place =
            Place { dialect, directory: tempfile::tempdir().expect("a directory"), runtime, database: id.clone(), login: id };
        place.clear();
        place.make();
        place
    }

    fn make(&self) {
        let Place { database, login, .. } = self;
        match self.dialect {
            Dialect::PostgreSql => {
                self.admin(&format!("CREATE ROLE {login} LOGIN PASSWORD '{PASSWORD}'"));
                self.admin(&format!("CREATE DATABASE {database} OWNER {login}"));
            }
            Dialect::MariaDb => {
                self.admin(&format!("CREATE DATABASE {database}"));
                self.admin(&format!("CREATE USER {login} IDENTIFIED BY '{PASSWORD}'"));
                self.admin(&format!("GRANT ALL ON {database}.* TO {login}"));
            }
            _ => {}
        }
    }

    fn clear(&self) {
        let Place { database, login, .. } = self;
        if self.dialect == Dialect::Sqlite {
            return;
        }
        self.admin(&format!("DROP DATABASE IF EXISTS {database}"));
        let what = if self.dialect == Dialect::PostgreSql { "ROLE" } else { "USER" };
        self.admin(&format!("DROP {what} IF EXISTS {login}"));
    }

    /// As the server's owner.
    pub fn admin(&self, sql: &str) {
        let name = if self.dialect == Dialect::PostgreSql { "postgres" } else { "mysql" };
        self.runtime.block_on(async {
            let mut session = self.session(name).await;
            session.run(sql).await.unwrap_or_else(|refusal| panic!("{sql}: {refusal}"));
            session.close().await;
        });
    }

    async fn session(&self, database: &str) -> Session {
        let mut server = servers::server(self.dialect).expect("a server");
        server.connect(database).await.unwrap_or_else(|refusal| panic!("{database}: {refusal}"))
    }

    /// In the application's database, as the server's owner; rows of text.
    pub fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        if self.dialect == Dialect::Sqlite {
            let connection = rusqlite::Connection::open(self.directory.path().join("app.db")).expect("a database");
            connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
            return Vec::new();
        }
        self.runtime.block_on(async {
            let mut session = self.session(&self.database).await;
            let mut rows = Vec::new();
            for one in sql.split(";\n").filter(|one| !one.trim().is_empty()) {
                rows = session.rows(one).await.unwrap_or_else(|refusal| panic!("{one}: {refusal}"));
            }
            session.close().await;
            rows
        })
    }

    /// What the application's login may read, it may read as the owner made it.
    pub fn grant(&self) {
        if self.dialect == Dialect::PostgreSql {
            let Place { login, .. } = self;
            let sql = format!(
                "DO $$ DECLARE s text; BEGIN FOR s IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' LOOP \
                 EXECUTE format('GRANT USAGE ON SCHEMA %I TO {login}', s); \
                 EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO {login}', s); END LOOP; END $$"
            );
            self.rows(&sql);
        }
    }

    /// The socket's directory, or the socket.
    pub fn socket(&self) -> String {
        match self.dialect {
            Dialect::PostgreSql => {
                let config = std::env::var("PROOF_POSTGRESQL").expect("set");
                config.split(' ').find_map(|pair| pair.strip_prefix("host=")).expect("a host").to_owned()
            }
            _ => std::env::var("PROOF_MARIADB").expect("set"),
        }
    }

    /// The connection string of the application's login.
    pub fn dsn(&self) -> String {
        let Place { database, login, .. } = self;
        let socket = self.socket().replace('/', "%2F");
        match self.dialect {
            Dialect::PostgreSql => format!("postgresql://{login}:{ENCODED}@{socket}/{database}"),
            Dialect::MariaDb => format!("mysql://{login}:{ENCODED}@localhost/{database}?socket={socket}"),
            _ => format!("sqlite:{}", self.directory.path().join("app.db").display()),
        }
    }

    /// Writes files of migrations and gives their directory.
    pub fn files(&self, name: &str, files: &[(&str, &str)]) -> String {
        let root = self.directory.path().join(name);
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            std::fs::write(path, text).expect("a file");
        }
        root.display().to_string()
    }

    /// Runs `migrations`, with a connection string in the variable DSN; no output of it ever holds the password.
    pub fn migrations(&self, args: &[&str], dsn: &str) -> Output {
        let output = Command::new(env!("CARGO_BIN_EXE_helm-rollback-safe"))
            .arg("migrations")
            .args(args)
            .env("DSN", dsn)
            .env("NO_COLOR", "1")
            .env("HOME", self.directory.path())
            .output()
            .expect("the binary starts");
        for text in [&output.stdout, &output.stderr] {
            let text = String::from_utf8_lossy(text);
            assert!(!text.contains("hunter2"), "{text}");
        }
        output
    }

    pub fn json(&self, args: &[&str]) -> Value {
        let args = [args, &["--database-env", "DSN", "-o", "json"]].concat();
        let output = self.migrations(&args, &self.dsn());
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.clear();
        }
    }
}

/// Error output of a run that ended with a status.
pub fn refused(output: &Output, status: i32) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{text}{}", String::from_utf8_lossy(&output.stdout));
    text
}
