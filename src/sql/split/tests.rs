//! Scripts and where they are cut.

use super::*;
use crate::sql::dialect::{DIALECTS, Dialect::*};

fn texts(script: &str, dialect: Dialect) -> Vec<String> {
    split(script, dialect).into_iter().map(|statement| statement.text).collect()
}

#[test]
fn statements_end_where_the_client_ends_them() {
    for (dialect, script, expected) in [
        (PostgreSql, "a;;b -- ;\n;c", vec!["a", "b", "c"]),
        (PostgreSql, "DO $$ a; b $$; c", vec!["DO $$ a; b $$", "c"]),
        (PostgreSql, "E'\\';'; '\\'; x", vec!["E'\\';'", "'\\'", "x"]),
        (
            PostgreSql,
            "CREATE FUNCTION f() BEGIN ATOMIC SELECT CASE 1 WHEN 2 THEN 3 END; b; END; c",
            vec!["CREATE FUNCTION f() BEGIN ATOMIC SELECT CASE 1 WHEN 2 THEN 3 END; b; END", "c"],
        ),
        (PostgreSql, "CREATE RULE r AS ON INSERT TO t DO (a; b); c", vec!["CREATE RULE r AS ON INSERT TO t DO (a; b)", "c"]),
        (PostgreSql, "BEGIN; a; END; b", vec!["BEGIN", "a", "END", "b"]),
        (PostgreSql, "COPY t FROM stdin;\n1;\t'\n\\.\nb;", vec!["COPY t FROM stdin", "b"]),
        (PostgreSql, "\\set x 1\n\\i other.sql\na;", vec!["\\i other.sql", "a"]),
        (PostgreSql, "CREATE TABLE t (a int; b; c", vec!["CREATE TABLE t (a int", "b", "c"]),
        (
            MySql,
            "DELIMITER //\nCREATE PROCEDURE p() BEGIN a; END//\nDELIMITER ;\nb;",
            vec!["CREATE PROCEDURE p() BEGIN a; END", "b"],
        ),
        (
            MySql,
            "CREATE TRIGGER x FOR EACH ROW BEGIN IF a THEN b; END IF; SELECT IF(a,b,c); END; d",
            vec!["CREATE TRIGGER x FOR EACH ROW BEGIN IF a THEN b; END IF; SELECT IF(a,b,c); END", "d"],
        ),
        (
            MySql,
            "CREATE TRIGGER x FOR EACH ROW IF a THEN IF c THEN d; END IF; END IF; e",
            vec!["CREATE TRIGGER x FOR EACH ROW IF a THEN IF c THEN d; END IF; END IF", "e"],
        ),
        (
            MySql,
            "CREATE PROCEDURE p() BEGIN CASE a WHEN 1 THEN b; END CASE; WHILE x DO y; END WHILE; END; c",
            vec!["CREATE PROCEDURE p() BEGIN CASE a WHEN 1 THEN b; END CASE; WHILE x DO y; END WHILE; END", "c"],
        ),
        (MySql, "# a;\n/*!40101 SET x=1 */;\n/* b; */ c", vec!["/*!40101 SET x=1 */", "c"]),
        (MariaDb, "BEGIN NOT ATOMIC a; b; END; c", vec!["BEGIN NOT ATOMIC a; b; END", "c"]),
        (
            Sqlite,
            "CREATE TRIGGER x AFTER INSERT ON t BEGIN UPDATE t SET a = CASE WHEN 1 THEN 2 END; END; BEGIN; b",
            vec!["CREATE TRIGGER x AFTER INSERT ON t BEGIN UPDATE t SET a = CASE WHEN 1 THEN 2 END; END", "BEGIN", "b"],
        ),
        (
            MsSql,
            "a\nGO\nCREATE PROC p AS b; c\ngo 3\nBEGIN TRAN; d; IF x BEGIN e; f; END",
            vec!["a", "CREATE PROC p AS b; c", "BEGIN TRAN", "d", "IF x BEGIN e; f; END"],
        ),
        (
            Oracle,
            "a;\nBEGIN b; END;\n/\nCREATE TYPE BODY x AS c; d;\n/\ne",
            vec!["a", "BEGIN b; END;", "CREATE TYPE BODY x AS c; d;", "e"],
        ),
    ] {
        assert_eq!(texts(script, dialect), expected, "{dialect}: {script}");
    }
}

#[test]
fn placeholders_become_names_of_their_length() {
    for (script, expected) in [
        ("DROP TABLE ${schema}.t", "DROP TABLE __schema_.t"),
        ("DROP TABLE \"${a}\"", "DROP TABLE \"__a_\""),
        ("DROP TABLE {{ .x }}_t", "DROP TABLE ____x____t"),
        ("{% if a %}DROP TABLE t", "DROP TABLE t"),
        ("SELECT %(a)s, @@b@@, <%= c %>", "SELECT __a_s, __b__, ____c___"),
    ] {
        let statement = &split(script, PostgreSql)[0];
        assert_eq!((statement.text.as_str(), statement.templated), (expected, true));
    }
    for script in ["SELECT '{{1},{2}}'", "SELECT a % (b), @@x = 1", "SELECT $1"] {
        assert!(!split(script, PostgreSql)[0].templated, "{script}");
    }
}

#[test]
fn lines_count_in_the_file() {
    let lines = |script| split(script, PostgreSql).iter().map(|statement| statement.line).collect::<Vec<_>>();
    assert_eq!(lines("\u{feff}a;\r\n\r\n-- x\r\nb\r\n;/*\n*/ c"), [1, 4, 6]);
    assert_eq!(split("a /* x\ny */ b", PostgreSql)[0].text.matches('\n').count(), 1);
}

#[test]
fn a_long_statement_keeps_its_beginning() {
    let script = format!("INSERT INTO t VALUES ('{}'); b", "é".repeat(1 << 20));
    let statements = split(&script, PostgreSql);
    assert!(statements[0].head_only && statements[0].text.len() < 100_000);
    assert_eq!(statements[0].length as usize, script.len() - 3);
    assert_eq!(statements[1].text, "b");
}

#[test]
fn other_encodings_are_read() {
    assert_eq!(decode(b"\xef\xbb\xbfa"), ("a".into(), false));
    assert_eq!(decode(b"\xff\xfea\0"), ("a".into(), true));
    assert_eq!(decode(b"'\x80\xe9'"), ("'€é'".into(), true));
    let mut splitter = Splitter::new(&b"SELECT '\xe9'; b"[..], PostgreSql);
    assert_eq!(splitter.next().map(|found| found.map(|statement| statement.text).ok()), Some(Some("SELECT 'é'".to_owned())));
}

#[test]
fn hostile_scripts_end() {
    let many = [";", "{{", "$$", "$a$", "(", "BEGIN ", "/*", "'", "\\", "a;", "<%", "\u{feff}", "DELIMITER \n", ".\n"];
    for piece in many {
        for dialect in DIALECTS {
            split(&piece.repeat(2_000), dialect);
        }
    }
}

#[test]
fn rows_are_cut_at_their_delimiter() {
    let script = "INSERT INTO t VALUES (1, 'a;b'), (2.5, E'\\';'), (3, $$;$$) ;DELETE FROM t; REPLACE INTO t VALUES ((1)) ; x";
    assert_eq!(texts(script, PostgreSql).len(), 4, "{:?}", texts(script, PostgreSql));
}
