//! `migrations --prove` from end to end: what it refuses, and that it leaves nothing behind.

use rollback_safe::sql::dialect::Dialect;

use super::{ALL, BOTH, ENCODED, MARIADB, POSTGRES, Place, Row, refused};

pub const TESTS: &[Row] = &[
    ("a proof agrees, says where it was made, and leaves nothing", ALL, agrees),
    ("a database of somebody is refused", BOTH, refuses),
    ("roles that reach files or programs are refused", POSTGRES, powers),
    ("privileges on other databases are refused", MARIADB, privileges),
    ("a statement that lifts its limit is ended", BOTH, ends),
];

const PAIRS: &[(&str, &str)] = &[
    ("1_a.up.sql", "CREATE TABLE t (id int PRIMARY KEY, a varchar(20), b varchar(20));"),
    ("1_a.down.sql", "DROP TABLE t;"),
    ("2_b.up.sql", "ALTER TABLE t DROP COLUMN b;"),
    ("2_b.down.sql", "ALTER TABLE t ADD COLUMN b varchar(20);"),
];
const GOOSE: &[(&str, &str)] = &[
    ("1_a.sql", "-- +goose Up\nCREATE TABLE t (id int PRIMARY KEY, a varchar(20));\n-- +goose Down\nDROP TABLE t;\n"),
    ("2_b.sql", "-- +goose Up\nALTER TABLE t RENAME COLUMN a TO b;\n-- +goose Down\nALTER TABLE t RENAME COLUMN b TO a;\n"),
];
const FLYWAY: &[(&str, &str)] =
    &[("V1__a.sql", "CREATE TABLE t (id int PRIMARY KEY, a varchar(20));"), ("V2__b.sql", "CREATE VIEW v AS SELECT a FROM t;")];

fn able(place: &Place) {
    match place.dialect {
        Dialect::PostgreSql => place.admin(&format!("ALTER ROLE {} CREATEDB", place.login)),
        Dialect::MariaDb => place.admin(&format!("GRANT ALL ON `proof\\_%`.* TO {}", place.login)),
        _ => {}
    }
}

fn prove(place: &Place, dir: &str, more: &[&str]) -> std::process::Output {
    let path = place.directory.path().join("scratch").display().to_string();
    let source = if place.dialect == Dialect::Sqlite { ["--prove-sqlite", &path] } else { ["--prove-dsn-env", "DSN"] };
    place.migrations(&[&[dir, "--prove"], &source[..], more].concat(), &place.dsn())
}

const SURE: &str = "--i-own-this-database";

/// Databases that a proof made and did not drop.
fn left(place: &Place) -> usize {
    match place.dialect {
        Dialect::PostgreSql => place.rows("SELECT datname FROM pg_database WHERE datname LIKE 'proof\\_%'").len(),
        Dialect::MariaDb => {
            place.rows("SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'proof\\_%'").len()
        }
        _ => usize::from(place.directory.path().join("scratch").exists()),
    }
}

fn agrees(place: &Place) {
    able(place);
    for (name, files) in [("pairs", PAIRS), ("goose", GOOSE), ("flyway", FLYWAY)] {
        let dir = place.files(name, files);
        let why = refused(&prove(place, &dir, &[]), 3);
        assert!(why.contains("databases named proof_") && why.contains(SURE), "{why}");
        let output = prove(place, &dir, &[SURE]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{name}: {text}{}", String::from_utf8_lossy(&output.stderr));
        let engine = match place.dialect {
            Dialect::PostgreSql => "PostgreSQL ",
            Dialect::MariaDb => "MariaDB ",
            _ => "SQLite ",
        };
        assert!(text.contains(engine) && text.contains("2 migrations"), "{text}");
        assert!(place.dialect == Dialect::Sqlite || text.contains(&place.database), "{text}");
    }
    assert_eq!(left(place), 0);
}

fn refuses(place: &Place) {
    able(place);
    let dir = place.files("pairs", PAIRS);
    place.rows("CREATE TABLE mine (a int)");
    let why = refused(&prove(place, &dir, &[SURE]), 3);
    assert!(why.contains("the database is not empty: it has mine") && why.contains(&place.database), "{why}");
    place.rows("DROP TABLE mine");
    let wrong = place.dsn().replace(ENCODED, "hunter2");
    let why = refused(&place.migrations(&[&dir, "--prove", "--prove-dsn-env", "DSN", SURE], &wrong), 3);
    assert!(why.contains("password"), "{why}");
    match place.dialect {
        Dialect::PostgreSql => place.admin(&format!("ALTER ROLE {} NOCREATEDB", place.login)),
        _ => place.admin(&format!("REVOKE ALL ON `proof\\_%`.* FROM {}", place.login)),
    }
    let why = refused(&prove(place, &dir, &[SURE]), 3);
    assert!(why.contains("may not create databases"), "{why}");
    assert_eq!(left(place), 0);
}

fn powers(place: &Place) {
    able(place);
    let (dir, login) = (place.files("pairs", PAIRS), &place.login);
    for role in ["pg_read_server_files", "pg_write_server_files", "pg_execute_server_program", "proof"] {
        place.admin(&format!("GRANT {role} TO {login}"));
        let why = refused(&prove(place, &dir, &[SURE]), 3);
        let wanted = if role == "proof" { "superuser by proof" } else { role };
        assert!(why.contains(wanted), "{role}: {why}");
        place.admin(&format!("REVOKE {role} FROM {login}"));
    }
    for (power, no) in [("SUPERUSER", "NOSUPERUSER"), ("CREATEROLE", "NOCREATEROLE"), ("REPLICATION", "NOREPLICATION")] {
        place.admin(&format!("ALTER ROLE {login} {power}"));
        let why = refused(&prove(place, &dir, &[SURE]), 3);
        assert!(why.contains(&power.to_lowercase()), "{power}: {why}");
        place.admin(&format!("ALTER ROLE {login} {no}"));
    }
}

fn privileges(place: &Place) {
    able(place);
    let (dir, login) = (place.files("pairs", PAIRS), &place.login);
    for (privilege, on, wanted) in [
        ("FILE", "*.*", "FILE on all databases"),
        ("SELECT", "mysql.*", "database mysql"),
        ("SUPER", "*.*", "SUPER on all databases"),
    ] {
        place.admin(&format!("GRANT {privilege} ON {on} TO {login}"));
        let why = refused(&prove(place, &dir, &[SURE]), 3);
        assert!(why.contains(wanted), "{privilege}: {why}");
        place.admin(&format!("REVOKE {privilege} ON {on} FROM {login}"));
    }
}

/// What the server goes on with when nobody waits for it any more must not stop what comes after it.
fn ends(place: &Place) {
    able(place);
    let sleep = match place.dialect {
        Dialect::PostgreSql => "SET statement_timeout = 0;\nSELECT pg_sleep(600);",
        _ => "SET SESSION max_statement_time = 0;\nDO sleep(600);",
    };
    let dir = place.files("pairs", &[&[("3_c.up.sql", sleep), ("3_c.down.sql", "SELECT 1;")], PAIRS].concat());
    let output = prove(place, &dir, &[SURE]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(4), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("took too long") && text.contains("2 migrations compared, 1 refused"), "{text}");
    assert_eq!(left(place), 0);
}
