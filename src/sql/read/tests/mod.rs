//! Forms of statements and what they are read as.

use super::*;
use crate::sql::dialect::Dialect::PostgreSql;

fn ops(text: &str, dialect: Dialect) -> Vec<Op> {
    read_script(text, dialect).into_iter().flat_map(|statement| statement.ops).collect()
}

fn column_words(column: &crate::sql::statement::ColumnDef) -> String {
    let mut out = vec![column.name.to_string()];
    if let Some(data_type) = &column.data_type {
        out.push(data_type.name.to_string());
        if !data_type.arguments.is_empty() {
            out.push(format!("({})", data_type.arguments.join(",")));
        }
        out.extend((data_type.dimensions > 0).then(|| format!("[{}]", data_type.dimensions)));
    }
    out.extend(column.not_null.then(|| "!null".to_owned()));
    out.extend(column.default.as_ref().map(|default| format!("={}", default.text)));
    out.extend(column.identity.map(|kind| format!("{kind:?}")));
    out.extend(
        column
            .constraints
            .iter()
            .map(|constraint| format!("{:?}", constraint.kind).chars().take_while(|c| c.is_alphabetic()).collect()),
    );
    out.join(" ")
}

#[test]
fn tables_of_postgresql() {
    let script = "CREATE TABLE IF NOT EXISTS s.t (id bigserial PRIMARY KEY, a character varying(20)[] DEFAULT '{}'::text[] NOT NULL, \
        b timestamp(3) with time zone DEFAULT now() AT TIME ZONE 'utc' REFERENCES o(id) ON DELETE CASCADE, \
        CONSTRAINT c CHECK (b > 1) NOT VALID, UNIQUE (a, b), EXCLUDE USING gist (a WITH =))";
    let Op::CreateTable(table) = &ops(script, PostgreSql)[0] else { panic!("{:?}", ops(script, PostgreSql)) };
    assert_eq!(
        table.columns.iter().map(column_words).collect::<Vec<_>>(),
        [
            "id bigint !null Serial PrimaryKey",
            "a varchar (20) [1] !null ='{}' :: text [ ]",
            "b timestamptz (3) =now ( ) at time zone 'utc' ForeignKey",
        ]
    );
    assert_eq!(table.constraints.len(), 3);
    assert!(table.constraints[0].not_valid);
}

#[test]
fn actions_of_alter_table() {
    let script = "ALTER TABLE IF EXISTS ONLY t ADD COLUMN IF NOT EXISTS c int DEFAULT (1), ADD c2 text, DROP COLUMN a CASCADE, \
        ALTER COLUMN b TYPE numeric(10,2) USING b::numeric(10,2), ALTER b SET NOT NULL, ADD CONSTRAINT x UNIQUE USING INDEX i, \
        DROP CONSTRAINT IF EXISTS y, ENABLE ROW LEVEL SECURITY";
    let ops = ops(script, PostgreSql);
    assert_eq!(ops.len(), 8);
    assert!(!ops.iter().any(Op::is_opaque), "{ops:?}");
}

mod summary;

/// A form a line, and behind `=>` on the next line what it is read as.
fn check(name: &str, expected: &str, dialect: Dialect) {
    let mut seen = String::new();
    for form in expected.lines().filter(|line| !line.starts_with("  => ") && !line.is_empty()) {
        seen += &format!("{form}\n  => {}\n", summary::summary(&ops(form, dialect)));
    }
    for (seen, expected) in seen.lines().zip(expected.lines()) {
        assert_eq!(seen, expected, "{name}");
    }
    assert_eq!(seen.lines().count(), expected.lines().count(), "{name}");
}

#[test]
fn forms_of_postgresql() {
    check("postgresql", include_str!("postgresql.txt"), PostgreSql);
}

#[test]
fn forms_of_mariadb() {
    check("mariadb", include_str!("mariadb.txt"), Dialect::MariaDb);
}

#[test]
fn forms_of_sqlite() {
    check("sqlite", include_str!("sqlite.txt"), Dialect::Sqlite);
}

#[test]
fn forms_of_sql_server() {
    check("mssql", include_str!("mssql.txt"), Dialect::MsSql);
}

#[test]
fn forms_of_oracle() {
    check("oracle", include_str!("oracle.txt"), Dialect::Oracle);
}

#[test]
fn arguments_of_routines() {
    let form = "CREATE FUNCTION f(a int, OUT b text, double precision, VARIADIC c int[] DEFAULT '{}') RETURNS TABLE (d int) LANGUAGE sql AS 'SELECT 1'";
    let Op::CreateRoutine(routine) = &ops(form, PostgreSql)[0] else { panic!("no routine") };
    let names: Vec<_> =
        routine.arguments.iter().map(|argument| (argument.name.as_ref().map(|name| name.as_str()), argument.is_output)).collect();
    assert_eq!(names, [(Some("a"), false), (Some("b"), true), (None, false), (Some("c"), false), (Some("d"), true)]);
    assert!(routine.arguments[3].has_default);
}

#[test]
fn hostile_statements_end() {
    let pieces = [
        "CREATE TABLE t (",
        "ALTER TABLE t ADD ",
        "(",
        "DO $$ ",
        "[",
        "a.",
        "CASE ",
        "CREATE SCHEMA s ",
        "EXPLAIN ANALYZE ",
        "PREPARE p AS ",
        "IF x ",
        "EXEC ('",
        "é",
        "'",
        "\\",
    ];
    for piece in pieces {
        for dialect in crate::sql::dialect::DIALECTS {
            read_script(&piece.repeat(500), dialect);
        }
    }
}
