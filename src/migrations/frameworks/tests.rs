//! One small tree for each way of keeping migrations: which framework, which order, which texts both ways.

use crate::migrations::framework::Framework;
use crate::migrations::history::{AnomalyKind, History, Options, Script};
use crate::migrations::source::Tree;
use crate::sql::dialect::Dialect;

fn read(files: &[(&str, &str)]) -> History {
    super::history(&Tree::from_files(files.iter().copied()), &Options::default())
}

fn texts(scripts: &[Script]) -> String {
    let texts: Vec<&str> = scripts.iter().filter_map(Script::text).map(str::trim).collect();
    texts.join("|")
}

/// Version, way up, way back (`-` for none).
fn shown(history: &History) -> Vec<String> {
    let line = |migration: &crate::migrations::history::Migration| {
        let down = migration.down.as_ref().map_or("-".to_owned(), |down| texts(down));
        format!("{}: {} / {}", migration.version, texts(&migration.up), down)
    };
    history.migrations.iter().map(line).collect()
}

fn kinds(history: &History) -> Vec<AnomalyKind> {
    history.anomalies.iter().map(|anomaly| anomaly.kind).collect()
}

/// A framework, files of a tree, and its migrations in order.
type Case = (Framework, &'static [(&'static str, &'static str)], &'static [&'static str]);

const CASES: [Case; 22] = [
    (
        Framework::Flyway,
        &[
            ("db/migration/V1.10__c.sql", "C;"),
            ("db/migration/V1.9__b.sql", "B;"),
            ("db/migration/V001__a.sql", "A;"),
            ("db/migration/more/V2__d.sql", "D;"),
            ("db/migration/U1.10__c.sql", "UC;"),
            ("db/migration/R__views.sql", "R;"),
            ("db/migration/R__functions.sql", "F;"),
            ("db/migration/beforeMigrate.sql", "X;"),
            ("db/migration/afterMigrate.sql", "Y;"),
        ],
        &[
            ": X; / -",
            "001: A; / -",
            "1.9: B; / -",
            "1.10: C; / UC;",
            "2: D; / -",
            "functions: F; / -",
            "views: R; / -",
            ": Y; / -",
        ],
    ),
    (
        Framework::GolangMigrate,
        &[("10_b.up.sql", "B;"), ("9_a.up.sql", "A;"), ("9_a.down.sql", "UA;"), ("10_b.down.sql", "")],
        &["9: A; / UA;", "10: B; / "],
    ),
    (
        Framework::Morph,
        &[("postgres/000001_a.up.sql", "A;"), ("postgres/000001_a.down.sql", "UA;"), ("migrations.list", "")],
        &["1: A; / UA;"],
    ),
    (
        Framework::Goose,
        &[
            ("00002_b.sql", "-- +goose Up\nB;\n-- +goose Down\nUB;"),
            ("00001_a.sql", "-- +goose Up\nA;"),
            ("00003_c.go", "package m"),
        ],
        &["1: A; / -", "2: B; / UB;", "3: package m / -"],
    ),
    (
        Framework::SqlMigrate,
        &[("1_a.sql", "-- +migrate Up\nA;\n-- +migrate Down\nUA;"), ("10_b.sql", "-- +migrate Up notransaction\nB;")],
        &["1_a.sql: A; / UA;", "10_b.sql: B; / -"],
    ),
    (
        Framework::Dbmate,
        &[("2_b.sql", "-- migrate:up\nB;\n-- migrate:down\nUB;\n"), ("10_a.sql", "-- migrate:up\nA;\n-- migrate:down\n")],
        &["10: A; / ", "2: B; / UB;"],
    ),
    (
        Framework::NodePgMigrate,
        &[
            ("1600000000000_a.sql", "-- Up Migration\nA;\n\n-- Down Migration\nUA;"),
            ("1600000000001_b.sql", "-- Up Migration\nB;"),
        ],
        &["1600000000000_a: A; / UA;", "1600000000001_b: B; / -"],
    ),
    (
        Framework::Sqlx,
        &[("migrations/2_b.sql", "B;"), ("migrations/1_a.up.sql", "A;"), ("migrations/1_a.down.sql", "UA;"), ("Cargo.toml", "")],
        &["1: A; / UA;", "2: B; / -"],
    ),
    (
        Framework::Diesel,
        &[
            ("2018-03-04-101500_b/up.sql", "B;"),
            ("20180102030405_a/up.sql", "A;"),
            ("20180102030405_a/down.sql", "UA;"),
            ("00000000000000_diesel_initial_setup/up.sql", ""),
        ],
        &["00000000000000:  / -", "20180102030405: A; / UA;", "20180304101500: B; / -"],
    ),
    (
        Framework::Refinery,
        &[("migrations/V2__b.sql", "B;"), ("migrations/U1__a.sql", "A;"), ("migrations/V10__c.rs", "fn"), ("Cargo.toml", "")],
        &["1: A; / -", "2: B; / -", "10: fn / -"],
    ),
    (
        Framework::Prisma,
        &[
            ("migrations/20200102000000_b/migration.sql", "B;"),
            ("migrations/20200101000000_a/migration.sql", "A;"),
            ("migrations/migration_lock.toml", "provider = \"mysql\""),
        ],
        &["20200101000000_a: A; / -", "20200102000000_b: B; / -"],
    ),
    (
        Framework::Drizzle,
        &[
            ("0000_z.sql", "A;--> statement-breakpoint\nB;"),
            ("0001_a.sql", "C;"),
            (
                "meta/_journal.json",
                r#"{"dialect":"sqlite","entries":[{"idx":0,"when":7,"tag":"0000_z"},{"idx":1,"when":9,"tag":"0001_a"}]}"#,
            ),
        ],
        &["7: A;|B; / -", "9: C; / -"],
    ),
    (
        Framework::Atlas,
        &[
            ("20200101_a.sql", "A;"),
            ("20200102_b.sql", "-- atlas:txmode none\n\nB;"),
            ("20200103_c.sql", "-- atlas:checkpoint\n\nAB;"),
            ("atlas.sum", "h1:x\n20200101_a.sql h1:a\n20200102_b.sql h1:b\n20200103_c.sql h1:c\n"),
        ],
        &["20200101: A; / -", "20200102: -- atlas:txmode none\n\nB; / -"],
    ),
    (
        Framework::Sqitch,
        &[
            ("sqitch.plan", "%project=x\n\nzeta 2020 N <e>\nalpha [zeta] 2020 N <e>\n@v1 2020\nzeta [zeta@v1] 2021\n"),
            ("deploy/zeta.sql", "Z2;"),
            ("deploy/zeta@v1.sql", "Z1;"),
            ("revert/zeta@v1.sql", "UZ1;"),
            ("deploy/alpha.sql", "A;"),
            ("revert/alpha.sql", "UA;"),
        ],
        &["zeta@v1: Z1; / UZ1;", "alpha: A; / UA;", "zeta: Z2; / -"],
    ),
    (
        Framework::Pop,
        &[
            ("20200101_a.up.fizz", "create_table"),
            ("20200102_b.up.sql", "B;"),
            ("20200102_b.mysql.up.sql", "BM;"),
            ("20200102_b.postgres.up.sql", "BP;"),
            ("20200102_b.postgres.down.sql", "UBP;"),
            ("20200102_b.cockroach.up.sql", "BC;"),
            ("20200103_c.cockroach.up.sql", "CC;"),
        ],
        &["20200101: create_table / -", "20200102: BP; / UBP;"],
    ),
    (
        Framework::Liquibase,
        &[("b.sql", "--liquibase formatted sql\n--changeset x:1\nA;\n--rollback UA;\n--changeset x:2 dbms:oracle\nB;\n")],
        &["b.sql::1::x: A; / UA;", "b.sql::2::x: B; / -"],
    ),
    (
        Framework::Plain,
        &[("10_b.sql", "B;"), ("9_a.sql", "A;"), ("9_a.down.sql", "UA;"), ("LATEST.sql", "L;")],
        &["9: A; / UA;", "10: B; / -"],
    ),
    (
        Framework::Plain,
        &[("0.10/00__c.sql", "C;"), ("0.9/00__a.sql", "A;"), ("0.9/01__b.sql", "B;")],
        &["0.9/0: A; / -", "0.9/1: B; / -", "0.10/0: C; / -"],
    ),
    (
        Framework::Temporal,
        &[
            ("versioned/v1.10/manifest.json", r#"{"CurrVersion":"1.10","Description":"b","SchemaUpdateCqlFiles":["b.sql"]}"#),
            ("versioned/v1.10/b.sql", "B;"),
            (
                "versioned/v1.9/manifest.json",
                r#"{"CurrVersion":"1.9","Description":"a","SchemaUpdateCqlFiles":["z.sql","a.sql"]}"#,
            ),
            ("versioned/v1.9/a.sql", "A;"),
            ("versioned/v1.9/z.sql", "Z;"),
        ],
        &["1.9: Z;|A; / -", "1.10: B; / -"],
    ),
    (
        Framework::Synapse,
        &[
            ("main/delta/9/01a.sql", "A;"),
            ("state/delta/10/01b.sql.postgres", "BP;"),
            ("state/delta/10/01b.sql.sqlite", "BS;"),
            ("main/delta/10/02c.py", "def"),
        ],
        &["9/01a.sql: A; / -", "10/01b.sql.postgres: BP; / -", "10/02c.py: def / -"],
    ),
    (
        Framework::TypeOrm,
        &[
            ("2-B.ts", "class B1600000000002 implements MigrationInterface"),
            ("9-A.ts", "class A1600000000001 implements MigrationInterface"),
        ],
        &[
            "1600000000001: class A1600000000001 implements MigrationInterface / -",
            "1600000000002: class B1600000000002 implements MigrationInterface / -",
        ],
    ),
    (
        Framework::Pgroll,
        &[("02_b.yaml", "operations: []"), ("01_a.json", "{\"operations\": []}")],
        &["01_a: {\"operations\": []} / -", "02_b: operations: [] / -"],
    ),
];

#[test]
fn every_framework_is_recognised_and_ordered() {
    for (framework, files, expected) in CASES {
        let history = read(files);
        assert_eq!(history.framework, framework, "{files:?}");
        assert_eq!(shown(&history), expected, "{framework}");
        assert_eq!(history.anomalies, [], "{framework}");
    }
}

#[test]
fn names_of_programs_tell_their_framework() {
    let of = |path: &str, text: &str| read(&[(path, text)]).framework;
    assert_eq!(of("db/migrate/20200101000000_a.rb", ""), Framework::Rails);
    assert_eq!(of("priv/repo/migrations/20200101000000_a.exs", ""), Framework::Ecto);
    assert_eq!(of("Migrations/20200101000000_A.cs", ""), Framework::EfCore);
    assert_eq!(of("database/migrations/2020_01_01_000000_a.php", ""), Framework::Laravel);
    assert_eq!(of("db/migrations/20200101000000_a.php", ""), Framework::Phinx);
    assert_eq!(of("migrations/Version20200101000000.php", ""), Framework::Doctrine);
    assert_eq!(of("src/m20200101_000001_a.rs", ""), Framework::SeaOrm);
    assert_eq!(of("20200101000000_a.js", "exports.up = (knex) => knex.schema"), Framework::Knex);
    assert_eq!(of("20200101000000-a.js", "up: (queryInterface, Sequelize) =>"), Framework::Sequelize);
    assert_eq!(of("1600000000000_a.js", "exports.up = pgm => {"), Framework::NodePgMigrate);
    assert_eq!(of("app/migrations/0001_initial.py", "class Migration(migrations.Migration):"), Framework::Django);
    assert_eq!(of("alembic/versions/a_b.py", "revision = 'a'\ndown_revision = None"), Framework::Alembic);
    assert_eq!(of("01_a.toml", "[[actions]]\ntype = \"create_table\""), Framework::Reshape);
}

#[test]
fn a_baseline_starts_a_history_only_where_nothing_is_before_it() {
    let whole = read(&[("V1__a.sql", "A;"), ("B2__all.sql", "AB;"), ("V2__b.sql", "B;"), ("V3__c.sql", "C;")]);
    assert_eq!(shown(&whole), ["1: A; / -", "2: B; / -", "3: C; / -"]);
    assert_eq!(whole.baselines.len(), 1);
    let cut = read(&[("B2__all.sql", "AB;"), ("V3__c.sql", "C;")]);
    assert_eq!(shown(&cut), ["2: AB; / -", "3: C; / -"]);
}

#[test]
fn directories_for_several_databases_are_told_apart() {
    let files = [
        ("migrations/mysql/1_a/up.sql", "M;"),
        ("migrations/postgresql/1_a/up.sql", "P;"),
        ("migrations/sqlite/1_a/up.sql", "S;"),
    ];
    let history = read(&files);
    assert_eq!((history.dialect, shown(&history)), (Some(Dialect::PostgreSql), vec!["1: P; / -".to_owned()]));
    assert_eq!(history.gaps.len(), 2);
    let options = Options { dialect: Some(Dialect::MariaDb), ..Options::default() };
    let history = super::history(&Tree::from_files(files), &options);
    assert_eq!((history.dialect, shown(&history)), (Some(Dialect::MariaDb), vec!["1: M; / -".to_owned()]));
}

#[test]
fn dialects_are_told_by_configuration_directory_and_words() {
    let dialect = |files: &[(&str, &str)]| read(files).dialect;
    assert_eq!(dialect(&[("1_a.sql", "CREATE TABLE t (id BIGSERIAL)")]), Some(Dialect::PostgreSql));
    assert_eq!(dialect(&[("1_a.sql", "CREATE TABLE `t` (id int AUTO_INCREMENT) ENGINE=InnoDB")]), Some(Dialect::MySql));
    assert_eq!(dialect(&[("1_a.sql", "PRAGMA foreign_keys=off; -- serial")]), Some(Dialect::Sqlite));
    assert_eq!(dialect(&[("1_a.sql", "CREATE TABLE t (n NVARCHAR(10))\nGO")]), Some(Dialect::MsSql));
    assert_eq!(dialect(&[("1_a.sql", "CREATE TABLE t (n VARCHAR2(10))")]), Some(Dialect::Oracle));
    assert_eq!(dialect(&[("sqlite/1_a.sql", "CREATE TABLE t (n int)")]), Some(Dialect::Sqlite));
    let rails = [("config/database.yml", "default:\n  adapter: postgresql\n"), ("db/migrate/20200101000000_a.rb", "")];
    assert_eq!(dialect(&rails), Some(Dialect::PostgreSql));
    let silent = read(&[("1_a.sql", "CREATE TABLE t (n int)")]);
    assert_eq!((silent.dialect, silent.gaps.len()), (None, 1));
}

#[test]
fn lines_are_lines_of_the_file() {
    let history = read(&[("1_a.sql", "-- note\n-- +goose Up\n\nA;\n-- +goose Down\nB;\n")]);
    let migration = &history.migrations[0];
    assert_eq!((migration.up[0].line, migration.down.as_ref().unwrap()[0].line), (3, 6));
}

#[test]
fn what_is_wrong_is_named_and_the_rest_is_read() {
    let twice = read(&[("1_a.up.sql", "A;"), ("1_b.up.sql", "B;"), ("3_c.down.sql", "C;")]);
    assert_eq!(kinds(&twice), [AnomalyKind::Unmatched, AnomalyKind::Duplicate]);
    assert_eq!(twice.migrations.len(), 2);
    let left_out = read(&[("1_a.sql", ""), ("2_b.sql", ""), ("3_b.sql", ""), ("5_c.sql", "")]);
    assert_eq!(kinds(&left_out), [AnomalyKind::Missing]);
    assert_eq!(left_out.anomalies[0].version, "4");
    let two = read(&[("1_a.sql", "-- +goose Up\nA;"), ("2_b.sql", "-- +goose Up\nB;"), ("V1__x.sql", "X;")]);
    assert_eq!((two.framework, kinds(&two)), (Framework::Goose, vec![AnomalyKind::OtherFramework]));
    assert_eq!(read(&[]).gaps[0].why, "there are no files");
    assert_eq!(read(&[("README.md", "x")]).gaps[0].why, "no file looks like a migration");
}

#[test]
fn junk_and_odd_names_do_not_stop_it() {
    let mut tree = Tree::from_files([("1_ok.sql", b"CREATE TABLE t (id serial);".to_vec()), ("2_junk.sql", vec![0u8, 1, 2])]);
    tree.insert("3_with space\u{7}.sql", crate::migrations::source::Content::Missing("permission denied".to_owned()));
    tree.insert("4_é__\u{202e}.sql", crate::migrations::source::Content::Bytes(std::sync::Arc::from(&b"SELECT 1;"[..])));
    let history = super::history(&tree, &Options::default());
    assert_eq!(history.migrations.len(), 4);
    let gaps: Vec<&str> = history.gaps.iter().map(|gap| gap.why.as_str()).collect();
    assert_eq!(gaps, ["it is not text", "permission denied"]);
}

#[test]
fn a_config_map_is_a_flat_tree() {
    let history = read(&[("V1__a.sql", "A;"), ("V2__b.sql", "B;"), ("flyway.conf", "flyway.url=jdbc:mariadb://db/x")]);
    assert_eq!((history.framework, history.dialect), (Framework::Flyway, Some(Dialect::MariaDb)));
    assert_eq!(shown(&history), ["1: A; / -", "2: B; / -"]);
}

#[test]
fn checksums_look_past_line_ends() {
    let of = |text: &str| read(&[("1_a.sql", text)]).migrations[0].checksum.clone();
    assert_eq!(of("A;\nB;"), of("A;\r\nB;\r\n\r\n"));
    assert_ne!(of("A;"), of("B;"));
    assert_eq!(of("A;").len(), 64);
}

#[test]
fn acknowledgements_are_listed() {
    let history = read(&[("1_a.sql", "-- squawk-ignore ban-drop-column\nALTER TABLE t DROP COLUMN a;\n-- atlas:nolint\n")]);
    let listed: Vec<(u32, &str)> = history.migrations[0].acknowledged.iter().map(|it| (it.line, it.text.as_str())).collect();
    assert_eq!(listed, [(1, "squawk-ignore ban-drop-column"), (3, "atlas:nolint")]);
}

fn django(dependencies: &str) -> String {
    format!("class Migration(migrations.Migration):\n    dependencies = [{dependencies}]\n")
}

#[test]
fn django_runs_what_others_build_on_first() {
    let files = [
        ("b/migrations/__init__.py", String::new()),
        ("a/migrations/0001_initial.py", django("")),
        ("a/migrations/0002_x.py", django("('a', '0001_initial'), ('b', '0001_initial')")),
        ("b/migrations/0001_initial.py", django("('auth', '0001_initial'), ('a', '__first__')")),
    ];
    let history = super::history(&Tree::from_files(files), &Options::default());
    let versions: Vec<&str> = history.migrations.iter().map(|migration| migration.version.as_str()).collect();
    assert_eq!(versions, ["a.0001_initial", "b.0001_initial", "a.0002_x"]);
    assert_eq!(history.anomalies, []);
}

#[test]
fn django_squashes_are_not_run_beside_what_they_replace() {
    let squash = "class Migration(migrations.Migration):\n    replaces = [('a', '0001_i'), ('a', '0002_x')]\n";
    let next = django("('a', '0001_squashed')");
    let all = [
        ("a/migrations/0001_i.py", django("")),
        ("a/migrations/0002_x.py", django("('a', '0001_i')")),
        ("a/migrations/0001_squashed.py", squash.to_owned()),
        ("a/migrations/0003_y.py", next),
    ];
    let versions = |history: &History| history.migrations.iter().map(|it| it.version.clone()).collect::<Vec<_>>();
    let history = super::history(&Tree::from_files(all.clone()), &Options::default());
    assert_eq!(versions(&history), ["a.0001_i", "a.0002_x", "a.0003_y"]);
    assert_eq!((history.baselines.len(), history.anomalies.len()), (1, 0));
    let history = super::history(&Tree::from_files(all[2..].to_vec()), &Options::default());
    assert_eq!(versions(&history), ["a.0001_squashed", "a.0003_y"]);
}

#[test]
fn alembic_follows_revisions_and_names_branches_and_cycles() {
    let revision = |id: &str, down: &str| (format!("versions/{id}_x.py"), format!("revision = '{id}'\ndown_revision = {down}\n"));
    let read = |files: Vec<(String, String)>| super::history(&Tree::from_files(files), &Options::default());
    let versions = |history: &History| history.migrations.iter().map(|it| it.version.clone()).collect::<Vec<_>>();
    let line = read(vec![revision("c", "None"), revision("a", "'c'"), revision("b", "('a',)")]);
    assert_eq!((versions(&line), kinds(&line)), (vec!["c".to_owned(), "a".to_owned(), "b".to_owned()], vec![]));
    let branch = read(vec![revision("c", "None"), revision("a", "'c'"), revision("b", "'c'")]);
    assert_eq!(kinds(&branch), [AnomalyKind::Branch]);
    let cycle = read(vec![revision("c", "None"), revision("a", "'b'"), revision("b", "'a'")]);
    assert_eq!((kinds(&cycle), cycle.migrations.len()), (vec![AnomalyKind::Cycle], 3));
    let missing = read(vec![revision("a", "'gone'"), revision("b", "'a'")]);
    assert_eq!(kinds(&missing), [AnomalyKind::Missing]);
}
