//! History tables as their frameworks make them, read on each engine: what is applied, half-applied, not applied, and edited.

use super::{ALL, Place, Row};
use rollback_safe::sql::dialect::Dialect;

pub const TESTS: &[Row] = &[
    ("the history table of every framework", ALL, every_framework),
    ("checksums tell edited files", ALL, checksums),
    ("an older file that ran lets the older migrator start", ALL, older_file),
];

/// A framework's table: its statements, with `SERIAL`, `BYTES` and `KEY` for what engines write differently.
struct Table {
    framework: &'static str,
    /// Where the statements were read.
    source: &'static str,
    sql: &'static str,
    files: &'static [(&'static str, &'static str)],
    /// Numbers of applied, half-applied and not applied migrations.
    wanted: (u64, usize, usize),
    /// Only where the engine has schemas.
    schemas: bool,
}

const PAIRS: &[(&str, &str)] = &[
    ("1_a.up.sql", "CREATE TABLE a (id int);"),
    ("1_a.down.sql", "DROP TABLE a;"),
    ("2_b.up.sql", "CREATE TABLE b (id int);"),
    ("2_b.down.sql", "DROP TABLE b;"),
    ("3_c.up.sql", "CREATE TABLE c (id int);"),
    ("3_c.down.sql", "DROP TABLE c;"),
];

const TABLES: &[Table] = &[
    Table {
        framework: "golang-migrate",
        source: "golang-migrate/migrate database/postgres/postgres.go ensureVersionTable",
        sql: "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);\nINSERT INTO schema_migrations VALUES (2, true)",
        files: PAIRS,
        wanted: (1, 1, 1),
        schemas: false,
    },
    Table {
        framework: "goose",
        source: "pressly/goose internal/dialect/dialectquery",
        sql: "CREATE TABLE goose_db_version (id SERIAL, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (id));\n\
              INSERT INTO goose_db_version (id, version_id, is_applied) VALUES (1, 0, true), (2, 1, true), (4, 2, false), (3, 2, true)",
        files: &[
            ("1_a.sql", "-- +goose Up\nCREATE TABLE a (id int);\n-- +goose Down\nDROP TABLE a;\n"),
            ("2_b.sql", "-- +goose Up\nCREATE TABLE b (id int);\n"),
        ],
        wanted: (1, 0, 1),
        schemas: false,
    },
    Table {
        framework: "flyway",
        source: "flyway/flyway PostgreSQLDatabase.java getRawCreateScript",
        sql: "CREATE TABLE flyway_schema_history (installed_rank int NOT NULL PRIMARY KEY, version varchar(50), description varchar(200) NOT NULL, type varchar(20) NOT NULL, \
              script varchar(1000) NOT NULL, checksum int, installed_by varchar(100) NOT NULL, installed_on timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, execution_time int NOT NULL, success boolean NOT NULL);\n\
              INSERT INTO flyway_schema_history VALUES (1, NULL, '<< Flyway Schema Creation >>', 'SCHEMA', 'x', NULL, 'u', CURRENT_TIMESTAMP, 0, true), \
              (2, '1', 'a', 'SQL', 'V1__a.sql', NULL, 'u', CURRENT_TIMESTAMP, 0, true), (3, '2', 'b', 'SQL', 'V2__b.sql', NULL, 'u', CURRENT_TIMESTAMP, 0, false)",
        files: &[
            ("V1__a.sql", "CREATE TABLE a (id int);"),
            ("V2__b.sql", "CREATE TABLE b (id int);"),
            ("V3__c.sql", "CREATE TABLE c (id int);"),
        ],
        wanted: (1, 1, 1),
        schemas: false,
    },
    Table {
        framework: "liquibase",
        source: "liquibase/liquibase CreateDatabaseChangeLogTableGenerator.java; PostgreSQL folds the names",
        sql: "CREATE TABLE DATABASECHANGELOG (ID varchar(255) NOT NULL, AUTHOR varchar(255) NOT NULL, FILENAME varchar(255) NOT NULL, DATEEXECUTED timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, \
              ORDEREXECUTED int NOT NULL, EXECTYPE varchar(10) NOT NULL, MD5SUM varchar(35));\n\
              INSERT INTO DATABASECHANGELOG (ID, AUTHOR, FILENAME, ORDEREXECUTED, EXECTYPE, MD5SUM) VALUES ('1', 'me', 'changelog.sql', 1, 'EXECUTED', '9:d41d8cd98f00b204e9800998ecf8427e')",
        files: &[(
            "changelog.sql",
            "--liquibase formatted sql\n--changeset me:1\nCREATE TABLE a (id int);\n--changeset me:2\nCREATE TABLE b (id int);\n",
        )],
        wanted: (1, 0, 1),
        schemas: false,
    },
    Table {
        framework: "rails",
        source: "rails/rails activerecord schema_migration.rb create_table",
        sql: "CREATE TABLE schema_migrations (version KEY NOT NULL PRIMARY KEY);\nINSERT INTO schema_migrations VALUES ('20240101000000')",
        files: &[
            (
                "db/migrate/20240101000000_create_a.rb",
                "class CreateA < ActiveRecord::Migration[7.1]\n  def change\n    create_table :a\n  end\nend\n",
            ),
            (
                "db/migrate/20240102000000_create_b.rb",
                "class CreateB < ActiveRecord::Migration[7.1]\n  def change\n    create_table :b\n  end\nend\n",
            ),
        ],
        wanted: (1, 0, 1),
        schemas: false,
    },
    Table {
        framework: "alembic",
        source: "sqlalchemy/alembic runtime/migration.py version_table_impl",
        sql: "CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY);\nINSERT INTO alembic_version VALUES ('bb')",
        files: &[
            (
                "versions/aa_a.py",
                "revision = 'aa'\ndown_revision = None\n\ndef upgrade():\n    op.create_table('a', sa.Column('id', sa.Integer))\n\ndef downgrade():\n    op.drop_table('a')\n",
            ),
            (
                "versions/bb_b.py",
                "revision = 'bb'\ndown_revision = 'aa'\n\ndef upgrade():\n    op.create_table('b', sa.Column('id', sa.Integer))\n\ndef downgrade():\n    op.drop_table('b')\n",
            ),
            (
                "versions/cc_c.py",
                "revision = 'cc'\ndown_revision = 'bb'\n\ndef upgrade():\n    op.create_table('c', sa.Column('id', sa.Integer))\n\ndef downgrade():\n    op.drop_table('c')\n",
            ),
        ],
        wanted: (2, 0, 1),
        schemas: false,
    },
    Table {
        framework: "django",
        source: "django/django db/migrations/recorder.py MigrationRecorder",
        sql: "CREATE TABLE django_migrations (id SERIAL, app varchar(255) NOT NULL, name varchar(255) NOT NULL, applied timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (id));\n\
              INSERT INTO django_migrations (id, app, name) VALUES (1, 'shop', '0001_initial')",
        files: &[
            (
                "shop/migrations/0001_initial.py",
                "from django.db import migrations, models\n\nclass Migration(migrations.Migration):\n    dependencies = []\n    operations = [migrations.CreateModel(name='A', fields=[('id', models.AutoField(primary_key=True))])]\n",
            ),
            (
                "shop/migrations/0002_b.py",
                "from django.db import migrations, models\n\nclass Migration(migrations.Migration):\n    dependencies = [('shop', '0001_initial')]\n    operations = [migrations.AddField(model_name='a', name='b', field=models.IntegerField(null=True))]\n",
            ),
        ],
        wanted: (1, 0, 1),
        schemas: false,
    },
    Table {
        framework: "prisma",
        source: "prisma/prisma-engines sql-schema-connector imperative_migration_persistence",
        sql: "CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamp NULL, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamp NULL, started_at timestamp NULL, applied_steps_count int NOT NULL DEFAULT 0);\n\
              INSERT INTO _prisma_migrations VALUES ('a', 'x', CURRENT_TIMESTAMP, '20240101000000_a', NULL, NULL, '2024-01-01 00:00:00', 1), ('b', 'x', NULL, '20240102000000_b', 'ERROR', NULL, '2024-01-02 00:00:00', 0)",
        files: &[
            ("prisma/migrations/20240101000000_a/migration.sql", "CREATE TABLE a (id int);"),
            ("prisma/migrations/20240102000000_b/migration.sql", "CREATE TABLE b (id int);"),
            ("prisma/migrations/migration_lock.toml", "provider = \"postgresql\"\n"),
        ],
        wanted: (1, 1, 0),
        schemas: false,
    },
    Table {
        framework: "knex",
        source: "knex/knex lib/migrations/migrate/table-creator.js",
        sql: "CREATE TABLE knex_migrations (id SERIAL, name varchar(255), batch int, migration_time timestamp NULL, PRIMARY KEY (id));\nCREATE TABLE knex_migrations_lock (idx SERIAL, is_locked int, PRIMARY KEY (idx));\n\
              INSERT INTO knex_migrations (id, name, batch) VALUES (1, '20240101000000_a.js', 1)",
        files: &[
            (
                "migrations/20240101000000_a.js",
                "exports.up = (knex) => knex.schema.createTable('a', (t) => { t.increments('id'); });\nexports.down = (knex) => knex.schema.dropTable('a');\n",
            ),
            (
                "migrations/20240102000000_b.js",
                "exports.up = (knex) => knex.schema.createTable('b', (t) => { t.increments('id'); });\nexports.down = (knex) => knex.schema.dropTable('b');\n",
            ),
            ("knexfile.js", "module.exports = {};\n"),
        ],
        wanted: (1, 0, 1),
        schemas: false,
    },
    Table {
        framework: "drizzle",
        source: "drizzle-team/drizzle-orm drizzle-orm/src/pg-core/dialect.ts migrate",
        sql: "CREATE SCHEMA drizzle;\nCREATE TABLE drizzle.__drizzle_migrations (id SERIAL, hash text NOT NULL, created_at bigint, PRIMARY KEY (id));\nINSERT INTO drizzle.__drizzle_migrations (id, hash, created_at) VALUES (1, 'x', 1700000000001)",
        files: &[
            (
                "meta/_journal.json",
                "{\"version\":\"7\",\"dialect\":\"postgresql\",\"entries\":[{\"idx\":0,\"when\":1700000000001,\"tag\":\"0000_a\"},{\"idx\":1,\"when\":1700000000002,\"tag\":\"0001_b\"}]}",
            ),
            ("0000_a.sql", "CREATE TABLE a (id int);"),
            ("0001_b.sql", "CREATE TABLE b (id int);"),
        ],
        wanted: (1, 0, 1),
        schemas: true,
    },
    Table {
        framework: "ef-core",
        source: "dotnet/efcore src/EFCore.Relational/Migrations/HistoryRepository.cs",
        sql: "CREATE TABLE Q__EFMigrationsHistoryQ (QMigrationIdQ varchar(150) NOT NULL PRIMARY KEY, QProductVersionQ varchar(32) NOT NULL);\nINSERT INTO Q__EFMigrationsHistoryQ VALUES ('20240101000000_A', '8.0.0')",
        files: &[
            (
                "Migrations/20240101000000_A.cs",
                "public partial class A : Migration {\n  protected override void Up(MigrationBuilder migrationBuilder) { migrationBuilder.DropTable(name: \"x\"); }\n  protected override void Down(MigrationBuilder migrationBuilder) { }\n}\n",
            ),
            (
                "Migrations/20240102000000_B.cs",
                "public partial class B : Migration {\n  protected override void Up(MigrationBuilder migrationBuilder) { migrationBuilder.DropTable(name: \"y\"); }\n  protected override void Down(MigrationBuilder migrationBuilder) { }\n}\n",
            ),
        ],
        wanted: (1, 0, 1),
        schemas: false,
    },
];

/// A statement as the engine writes it.
fn spelled(dialect: Dialect, sql: &str) -> String {
    let (serial, bytes, quote) = match dialect {
        Dialect::PostgreSql => ("serial", "bytea", "\""),
        Dialect::MariaDb => ("int AUTO_INCREMENT", "varbinary(64)", "`"),
        _ => ("integer", "blob", "\""),
    };
    let sql = sql.replace("SERIAL", serial).replace("BYTES", bytes).replace(" KEY NOT", " varchar(255) NOT");
    sql.replace("Q__", &format!("{quote}__"))
        .replace("HistoryQ", &format!("History{quote}"))
        .replace("(QM", &format!("({quote}M"))
        .replace("IdQ", &format!("Id{quote}"))
        .replace(" QP", &format!(" {quote}P"))
        .replace("VersionQ", &format!("Version{quote}"))
}

fn every_framework(place: &Place) {
    for table in TABLES.iter().filter(|table| !table.schemas || place.dialect == Dialect::PostgreSql) {
        assert!(!table.source.is_empty());
        place.rows(&spelled(place.dialect, table.sql));
        place.grant();
        let dir = place.files(table.framework, table.files);
        let report = place.json(&[&dir]);
        let applied = &report["applied"];
        let count = |field: &str| applied[field].as_array().map_or(0, Vec::len);
        let seen = (applied["done"].as_u64().unwrap_or_default(), count("failed"), count("pending"));
        assert_eq!((report["framework"].as_str(), seen), (Some(table.framework), table.wanted), "{applied}");
        assert_eq!(count("unknown"), 0, "{}: {applied}", table.framework);
        empty(place, table.sql);
    }
}

/// Takes the tables away again: several frameworks share names.
fn empty(place: &Place, sql: &str) {
    for statement in sql.split(";\n").collect::<Vec<_>>().into_iter().rev() {
        let mut words = statement.split([' ', '(']).filter(|word| !word.is_empty());
        if words.next() == Some("CREATE") {
            let (what, name) = (words.next().expect("a kind"), words.next().expect("a name"));
            place.rows(&spelled(place.dialect, &format!("DROP {what} {name}")));
        }
    }
}

/// Checksums that the frameworks themselves computed over these texts, by `zlib.crc32` and `hashlib` of Python.
const FLYWAY: &str = "CREATE TABLE flyway_schema_history (installed_rank int, version varchar(50), description varchar(200), type varchar(20), script varchar(1000), checksum int, success boolean);\n\
    INSERT INTO flyway_schema_history VALUES (1, '1', 'a', 'SQL', 'V1__a.sql', -623083431, true), (2, '2', 'b', 'SQL', 'V2__b.sql', 17, true)";
const SQLX: &str = "CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL, success boolean NOT NULL, checksum BYTES NOT NULL);\n\
    INSERT INTO _sqlx_migrations VALUES (1, 'a', true, HEX_A), (2, 'b', true, HEX_X)";
const A: &str = "CREATE TABLE a (id int);\n";
const B: &str = "CREATE TABLE b (id int);\n";

fn edited(report: &serde_json::Value) -> (u64, String) {
    (report["applied"]["compared"].as_u64().unwrap_or_default(), report["applied"]["edited"].to_string())
}

fn checksums(place: &Place) {
    place.rows(FLYWAY);
    place.grant();
    let dir = place.files("flyway", &[("V1__a.sql", A), ("V2__b.sql", B)]);
    let report = place.json(&[&dir, "--to", "2"]);
    assert_eq!(edited(&report), (2, "[\"2\"]".to_owned()), "{}", report["applied"]);
    let why = "the file is not the text that ran: the database stored another checksum";
    assert!(report["range"]["anomalies"].to_string().contains(why), "{}", report["range"]);
    assert_eq!(report["startup"]["verdict"], "refuses");
    empty(place, FLYWAY);
    let bytes = |hex: &str| match place.dialect {
        Dialect::PostgreSql => format!("'\\x{hex}'"),
        _ => format!("x'{hex}'"),
    };
    let sql = spelled(place.dialect, SQLX).replace("HEX_A", &bytes(SHA_A)).replace("HEX_X", &bytes(&SHA_A.replace('0', "f")));
    place.rows(&sql);
    place.grant();
    let dir = place.files("sqlx", &[("migrations/1_a.sql", A), ("migrations/2_b.sql", B), ("Cargo.toml", "")]);
    assert_eq!(edited(&place.json(&[&dir, "--framework", "sqlx"])), (2, "[\"2\"]".to_owned()));
    empty(place, SQLX);
    let liquibase = TABLES.iter().find(|table| table.framework == "liquibase").expect("a row");
    place.rows(liquibase.sql);
    place.grant();
    let dir = place.files("liquibase", liquibase.files);
    let why = place.json(&[&dir])["applied"]["not_compared"].to_string();
    assert!(why.contains("Liquibase stores checksums that the files alone do not give"), "{why}");
}

const SHA_A: &str = "52dcffb424aeb77cd96de966de88547001ad9656d3d53e03c8907e0f31653840336ff6b02aeb25a48ef7d46e1ce5f7f9";

/// The newer side's file was edited after the older side's had run: the older migrator finds what it knows.
fn older_file(place: &Place) {
    place.rows(&FLYWAY.replace(", (2, '2', 'b', 'SQL', 'V2__b.sql', 17, true)", ""));
    place.grant();
    let (new, old) = (place.files("new", &[("V1__a.sql", B)]), place.files("old", &[("V1__a.sql", A)]));
    let report = place.json(&[&new, "--old", &old, "--framework", "flyway"]);
    assert_eq!((edited(&report), &report["startup"]["verdict"]), ((1, "[\"1\"]".to_owned()), &"starts".into()), "{report}");
    let report = place.json(&[&old, "--old", &new, "--framework", "flyway"]);
    assert_eq!((edited(&report), &report["startup"]["verdict"]), ((1, "[]".to_owned()), &"refuses".into()), "{report}");
}
