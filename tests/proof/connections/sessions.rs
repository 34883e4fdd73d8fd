//! Sessions: what connection strings name, that nothing can be written, that nothing waits for ever, and that no error says more than it
//! may.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rollback_safe::load::database;
use rollback_safe::migrations::evidence::Answer;
use rollback_safe::migrations::probe::Question;
use rollback_safe::settings::DatabaseSource;
use rollback_safe::sql::dialect::Dialect;
use rollback_safe::sql::effect::EffectKind;

use super::{ALL, BOTH, ENCODED, MARIADB, PASSWORD, POSTGRES, Place, Row, refused};

pub const TESTS: &[Row] = &[
    ("every form of a connection string", ALL, forms),
    ("a service and a password file", POSTGRES, service),
    ("refused logins and hosts that are not there", BOTH, failures),
    ("no database, and a name that is none", MARIADB, nameless),
    ("writes fail and waiting ends", ALL, nothing_is_written),
    ("rows that a policy hides prove nothing", POSTGRES, hidden_rows),
    ("probes turn may into will and won't", ALL, probes),
];

const FILES: &[(&str, &str)] = &[
    ("1_a.up.sql", "CREATE TABLE t (id int PRIMARY KEY);"),
    ("1_a.down.sql", "DROP TABLE t;"),
    ("2_b.up.sql", "CREATE TABLE u (id int PRIMARY KEY);"),
    ("2_b.down.sql", "DROP TABLE u;"),
];

/// golang-migrate `database/postgres/postgres.go`, `database/mysql/mysql.go`, `database/sqlite3/sqlite3.go`: `ensureVersionTable`.
const VERSIONS: &str = "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);\nINSERT INTO schema_migrations VALUES (2, false)";

fn versions(place: &Place) -> String {
    place.rows(VERSIONS);
    place.grant();
    place.files("m", FILES)
}

fn forms(place: &Place) {
    let dir = versions(place);
    let Place { database, login, .. } = place;
    let socket = if place.dialect == Dialect::Sqlite { String::new() } else { place.socket() };
    let quoted = PASSWORD.replace('\\', "\\\\").replace('\'', "\\'");
    let path = place.directory.path().join("app.db").display().to_string();
    let forms = match place.dialect {
        Dialect::PostgreSql => vec![
            place.dsn(),
            place.dsn().replace("postgresql:", "postgres:") + "?sslmode=disable&application_name=x&search_path=public",
            format!("postgres:///{database}?host={socket}&user={login}&password={ENCODED}"),
            format!("host={socket} user={login} password='{quoted}' dbname={database} sslmode=verify-full"),
        ],
        Dialect::MariaDb => vec![
            place.dsn(),
            place.dsn().replace("mysql:", "mariadb:") + "&charset=utf8mb4",
            format!("mysql://{login}:{ENCODED}@unix({socket})/{database}?multiStatements=true"),
        ],
        _ => vec![place.dsn(), format!("sqlite://{path}?mode=ro"), format!("file:{path}")],
    };
    for form in forms {
        let output = place.migrations(&[&dir, "--database-env", "DSN"], &form);
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && text.contains("2 applied"), "{form}: {text}");
    }
    let file = place.files("dsn", &[("one", &format!("{}\n", place.dsn()))]) + "/one";
    assert!(place.migrations(&[&dir, "--database-file", &file], "").status.success());
    // What the files leave open of the dialect, the database says.
    assert_eq!(place.json(&[&dir])["dialect"], place.dialect.as_str());
}

fn service(place: &Place) {
    use std::os::unix::fs::PermissionsExt;
    let dir = versions(place);
    let Place { database, login, .. } = place;
    let text = format!(
        "[other]\nhost=x\n\n# the shop\n[shop]\nhost={}\ndbname={database}\nuser={login}\ntarget_session_attrs=any\n",
        place.socket()
    );
    let home = place.files("", &[(".pg_service.conf", &text), (".pgpass", &format!("*:*:*:{login}:{}\n", escaped()))]);
    let passwords = std::path::Path::new(&home).join(".pgpass");
    // libpq does not read what others may read either.
    std::fs::set_permissions(&passwords, std::fs::Permissions::from_mode(0o644)).expect("permissions");
    let why = refused(&place.migrations(&[&dir, "--database-service", "shop"], ""), 3);
    assert!(why.contains("password"), "{why}");
    std::fs::set_permissions(&passwords, std::fs::Permissions::from_mode(0o600)).expect("permissions");
    assert!(place.migrations(&[&dir, "--database-service", "shop"], "").status.success());
    let why = refused(&place.migrations(&[&dir, "--database-service", "nix"], ""), 3);
    assert!(why.contains("no connection service file has a service \"nix\""), "{why}");
}

fn escaped() -> String {
    PASSWORD.replace('\\', "\\\\").replace(':', "\\:")
}

fn failures(place: &Place) {
    let dir = versions(place);
    let Place { database, login, .. } = place;
    let dsn = place.dsn();
    let scheme = if place.dialect == Dialect::PostgreSql { "postgres" } else { "mysql" };
    let cases = [
        (dsn.replace(ENCODED, "hunter2"), "password"),
        (dsn.replace(&format!("//{login}"), "//nobody"), "nobody"),
        (dsn.replace(&format!("/{database}"), "/nix"), "nix"),
        (format!("{scheme}://{login}:{ENCODED}@127.0.0.1:1/{database}"), "Connection refused"),
        (format!("{scheme}://{login}:{ENCODED}@nowhere.invalid/{database}"), "nowhere.invalid"),
        (format!("{scheme}://{login}:{PASSWORD}@127.0.0.1:1/{database}"), "cannot be taken apart"),
        (format!("{scheme}://{login}:{ENCODED}@127.0.0.1:x/{database}"), "the connection string"),
        (format!("{scheme}://{login}:{ENCODED}@127.0.0.1/{database}?sslmode=hunter2"), "none that is known"),
        ("hunter2".to_owned(), "begins with none of"),
        (" ".to_owned(), "is empty"),
    ];
    for (dsn, wanted) in cases {
        let why = refused(&place.migrations(&[&dir, "--database-env", "DSN"], &dsn), 3);
        assert!(why.contains(wanted) && why.contains("--database-env"), "{wanted}: {why}");
    }
}

fn nameless(place: &Place) {
    let dir = versions(place);
    let dsn = place.dsn().replace(&format!("localhost/{}", place.database), "localhost/");
    let why = refused(&place.migrations(&[&dir, "--database-env", "DSN"], &dsn), 3);
    assert!(why.contains("names no database"), "{why}");
}

fn ask(place: &Place, questions: &[&str]) -> BTreeMap<String, Answer> {
    let question = |sql: &&str| Question {
        table: "t".into(),
        object: None,
        kind: EffectKind::Widens,
        sql: (*sql).to_owned(),
        yes: String::new(),
        no: String::new(),
    };
    let questions: Vec<Question> = questions.iter().map(question).collect();
    let file = place.files("dsn", &[("asked", &place.dsn())]) + "/asked";
    place.runtime.block_on(async {
        let mut opened = database::open(&DatabaseSource::File(file.into())).await.expect("opens");
        opened.ask(&questions).await
    })
}

fn nothing_is_written(place: &Place) {
    place.rows("CREATE TABLE t (a int);\nINSERT INTO t VALUES (1)");
    if place.dialect == Dialect::PostgreSql {
        place.rows(&format!("ALTER TABLE t OWNER TO {}", place.login));
    }
    let begin = Instant::now();
    let (sleep, dialect) = match place.dialect {
        Dialect::PostgreSql => ("SELECT pg_sleep(600)", "COMMIT; DELETE FROM t"),
        Dialect::MariaDb => ("SELECT count(*) FROM t WHERE sleep(600) = 7", "CREATE TABLE v (a int)"),
        _ => (
            "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n) SELECT count(*) FROM n",
            "CREATE TEMPORARY TABLE v (a int)",
        ),
    };
    let writes =
        ["DELETE FROM t", "UPDATE t SET a = 2", "INSERT INTO t VALUES (2)", "DROP TABLE t", "ALTER TABLE t ADD b int", dialect];
    let questions = [&writes[..], &[sleep, "SELECT count(*) FROM t"]].concat();
    let answers = ask(place, &questions);
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    for write in writes {
        let Answer::Unknown(why) = &answers[write] else { panic!("{write}: {:?}", answers[write]) };
        let why = why.to_lowercase();
        assert!(why.contains("read-only") || why.contains("read only") || why.contains("readonly"), "{write}: {why}");
    }
    assert!(matches!(answers[sleep], Answer::Unknown(_)), "{:?}", answers[sleep]);
    assert_eq!(answers["SELECT count(*) FROM t"], Answer::Yes);
}

fn hidden_rows(place: &Place) {
    place.rows("CREATE TABLE t (a int);\nINSERT INTO t VALUES (NULL);\nALTER TABLE t ENABLE ROW LEVEL SECURITY");
    place.grant();
    let question = "SELECT CASE WHEN EXISTS (SELECT 1 FROM t WHERE a IS NULL) THEN 1 ELSE 0 END";
    let answers = ask(place, &[question]);
    assert!(matches!(&answers[question], Answer::Unknown(why) if why.contains("row-level security")), "{answers:?}");
}

/// One column or key for each question, with rows that answer it one way and then the other.
fn probes(place: &Place) {
    let whole = "CREATE TABLE p (id int PRIMARY KEY);\n\
                 CREATE TABLE t (id int PRIMARY KEY, a varchar(5) NOT NULL, b smallint NOT NULL, c int, d int, CONSTRAINT c_key UNIQUE (c), \
                 CONSTRAINT d_key FOREIGN KEY (d) REFERENCES p (id));\n";
    let old = match place.dialect {
        // It changes no constraint in place.
        Dialect::Sqlite => {
            "CREATE TABLE t (id int PRIMARY KEY, a varchar(5), b int, c int, d int);\nCREATE UNIQUE INDEX c_key ON t (c);\n"
        }
        _ => whole,
    };
    let new = match place.dialect {
        Dialect::PostgreSql => {
            "ALTER TABLE t ALTER COLUMN a DROP NOT NULL, ALTER COLUMN a TYPE varchar(50), ALTER COLUMN b TYPE bigint, \
             DROP CONSTRAINT c_key, DROP CONSTRAINT d_key;\n"
        }
        Dialect::MariaDb => {
            "ALTER TABLE t DROP FOREIGN KEY d_key;\nALTER TABLE t MODIFY a varchar(50), MODIFY b bigint NOT NULL, DROP INDEX c_key;\n"
        }
        _ => "DROP INDEX c_key;\n",
    };
    place.rows(VERSIONS);
    place.rows(&format!("{old}{new}"));
    place.grant();
    let dir = place.files("m", &[("1_a.up.sql", old), ("1_a.down.sql", ""), ("2_b.up.sql", new), ("2_b.down.sql", "")]);
    let asked = |place: &Place| place.json(&[&dir, "--to", "1", "--probe-data"]);
    let widened = |report: &serde_json::Value, part: &str| -> Vec<(String, String)> {
        let effects = report["range"][part].as_array().cloned().unwrap_or_default();
        let text = |effect: &serde_json::Value, field: &str| effect[field].as_str().unwrap_or_default().to_owned();
        let widens = effects.iter().filter(|effect| effect["kind"] == "widens");
        widens.map(|effect| (text(effect, "object"), text(effect, "certainty"))).collect()
    };
    let empty = asked(place);
    assert_eq!(widened(&empty, "effects"), [], "no rows, so nothing that the old schema could not hold");
    assert!(!widened(&empty, "cleared").is_empty(), "{empty}");
    place.rows("INSERT INTO t VALUES (1, 'ok', 1, 5, 7);\nINSERT INTO t VALUES (2, NULL, 70000, 5, NULL);\nINSERT INTO t VALUES (3, 'too long', 3, NULL, NULL)");
    let full = asked(place);
    let found = widened(&full, "effects");
    assert!(found.iter().all(|(_, certainty)| certainty == "certain"), "{found:?}");
    let text = full.to_string();
    let mut wanted = vec!["with the same values are there now"];
    if place.dialect != Dialect::Sqlite {
        wanted.extend([
            "rows without a value in t.a are there now",
            "which are not there exist now",
            "values that the old type of t.a does not hold are there now",
            "values that the old type of t.b does not hold are there now",
        ]);
    }
    for wanted in wanted {
        assert!(text.contains(wanted), "{wanted}: {found:?}");
    }
}
