use super::*;
use crate::sql::statement::Transaction;

fn op(op: &Op) -> String {
    match op {
        Op::Block { kind, body } => {
            let mark = match kind {
                BlockKind::Guarded => "g",
                BlockKind::Conditional => "?",
                BlockKind::Executed => "!",
                BlockKind::Anonymous => "",
            };
            format!("{mark}{{{}}}", statements(body))
        }
        Op::Insert(insert) => format!("insert {}", insert.table),
        Op::Update(update) => format!("update {}", update.table),
        Op::Delete(delete) => format!("delete {:?}", delete.tables),
        Op::Select(query) => format!("select {:?}{:?}", query.functions, query.tables),
        Op::AlterTable { table, .. } => format!("alter {table}"),
        Op::DropTable { tables, .. } => format!("drop {tables:?}"),
        Op::CreateTable(table) => format!("create {}", table.name),
        Op::Truncate { tables, .. } => format!("truncate {tables:?}"),
        Op::Dynamic { pieces } => format!("dynamic {pieces:?}"),
        Op::Call { routine } => format!("call {routine}"),
        Op::Transaction(Transaction::Commit) => "commit".into(),
        Op::Opaque { head, .. } => format!("opaque {head}"),
        other => format!("{other:?}").chars().take(20).collect(),
    }
}

fn statements(list: &[Statement]) -> String {
    list.iter().flat_map(|statement| statement.ops.iter().map(op)).collect::<Vec<_>>().join("; ")
}

fn read(text: &str, language: &str, dialect: Dialect) -> RoutineBody {
    body(text, language, dialect, 1)
}

/// The statements, then Raises, returns Null, Opaque.
fn summary(text: &str, language: &str, dialect: Dialect) -> String {
    let body = read(text, language, dialect);
    let mark = |set: bool, mark: &'static str| if set { mark } else { "" };
    let marks = format!("{}{}{}", mark(body.raises, "R"), mark(body.returns_null, "N"), mark(body.opaque, "O"));
    format!("{}|{marks}", statements(&body.statements))
}

#[test]
fn plpgsql() {
    let cases = [
        ("BEGIN DELETE FROM t; END;", "delete [t]|"),
        ("DECLARE x int := 1; r record; BEGIN UPDATE t SET a = x; RETURN; END", "update t|"),
        (
            "BEGIN IF a THEN DELETE FROM t; ELSIF b THEN UPDATE u SET x = 1; ELSE DROP TABLE v; END IF; INSERT INTO w VALUES (1); END",
            "?{delete [t]}; ?{update u}; ?{drop [v]}; insert w|",
        ),
        ("BEGIN FOR r IN SELECT id FROM t LOOP UPDATE u SET x = r.id; END LOOP; END", "select [][t]; ?{update u}|"),
        ("BEGIN WHILE f() LOOP DELETE FROM t; EXIT WHEN NOT FOUND; END LOOP; END", "select [f][]; ?{delete [t]}|"),
        ("<<top>> LOOP DELETE FROM t; EXIT; END LOOP top; DELETE FROM u", "?{delete [t]}; delete [u]|"),
        ("BEGIN CASE x WHEN 1 THEN DELETE FROM t; ELSE NULL; END CASE; END", "?{delete [t]}|"),
        (
            "BEGIN ALTER TABLE t ADD COLUMN c int; EXCEPTION WHEN duplicate_column THEN RAISE NOTICE 'x'; DELETE FROM t; END",
            "alter t; ?{delete [t]}|",
        ),
        ("BEGIN RAISE EXCEPTION 'no %', NEW.a; END", "|R"),
        ("BEGIN RAISE NOTICE 'x'; RETURN NULL; END", "|N"),
        ("BEGIN PERFORM purge(1); PERFORM 1 FROM t; END", "select [purge][]; select [][t]|"),
        ("BEGIN SELECT count(*) INTO n FROM t WHERE a = 1; INSERT INTO u SELECT * FROM t; END", "select [count][t]; insert u|"),
        ("BEGIN SELECT a, b INTO STRICT x.y, z FROM t; x := (SELECT max(a) FROM t); END", "select [][t]; select [max][t]|"),
        ("BEGIN EXECUTE 'DROP TABLE t'; END", "!{drop [t]}|"),
        ("BEGIN EXECUTE 'DROP TABLE ' || 'a' || '; DROP TABLE b'; END", "!{drop [a]; drop [b]}|"),
        ("BEGIN EXECUTE format('ALTER TABLE %I DROP COLUMN %I', 't', 'C x') USING 1; END", "!{alter t}|"),
        (
            "BEGIN FOR r IN SELECT n FROM l LOOP EXECUTE format('DROP TABLE %I', r.n); END LOOP; END",
            "select [][l]; ?{dynamic [\"DROP TABLE %I\"]; select [format][]}|",
        ),
        ("DECLARE q text := 'TRUNCATE t'; BEGIN EXECUTE q; END", "!{truncate [t]}|"),
        ("DECLARE q text; BEGIN q := 'DROP TABLE ' || n; EXECUTE q INTO x; END", "dynamic [\"DROP TABLE \"]|"),
        ("BEGIN EXECUTE 'ALTER TABLE t DROP COLUMN ' || c; END", "dynamic [\"ALTER TABLE t DROP COLUMN \"]|"),
        ("BEGIN RETURN QUERY SELECT a FROM t; END", "select [][t]|"),
        (
            "BEGIN BEGIN DELETE FROM t; END; DECLARE y int; BEGIN DELETE FROM u; END; DELETE FROM v; END",
            "delete [t]; delete [u]; delete [v]|",
        ),
        ("BEGIN IF CASE WHEN a THEN b END THEN DELETE FROM t; END IF; END", "?{delete [t]}|"),
        ("BEGIN FOREACH x IN ARRAY l LOOP DELETE FROM t; END LOOP; END", "?{delete [t]}|"),
    ];
    for (text, expected) in cases {
        let seen = summary(text, "plpgsql", Dialect::PostgreSql);
        assert_eq!(seen.replace("; select [format][]", ""), expected.replace("; select [format][]", ""), "{text}");
    }
}

#[test]
fn other_languages() {
    use Dialect::*;
    let cases = [
        (PostgreSql, "sql", "DELETE FROM t; SELECT 1", "delete [t]; select [][]|"),
        (PostgreSql, "plpython3u", "import os", "|O"),
        (
            MySql,
            "",
            "BEGIN DECLARE n INT DEFAULT 0; DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END; DELETE FROM t; END",
            "?{Transaction(Rollback}; delete [t]|",
        ),
        (
            MySql,
            "",
            "BEGIN DECLARE done INT; DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = 1; IF NOT EXISTS (SELECT 1 FROM information_schema.columns) THEN ALTER TABLE t ADD c INT; END IF; END",
            "select [][information_schema.columns]; ?{alter t}|",
        ),
        (MySql, "", "lbl: LOOP DELETE FROM t; LEAVE lbl; END LOOP lbl", "?{delete [t]}|"),
        (MySql, "", "BEGIN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'x'; END", "|R"),
        (
            MySql,
            "",
            "BEGIN SET @q = CONCAT('DROP TABLE ', 't'); PREPARE s FROM @q; EXECUTE s; DEALLOCATE PREPARE s; END",
            "select [CONCAT][]; !{drop [t]}|",
        ),
        (MySql, "", "BEGIN REPEAT DELETE FROM t LIMIT 1; UNTIL ROW_COUNT() = 0 END REPEAT; END", "?{delete [t]}|"),
        (MySql, "", "BEGIN WHILE x DO DELETE FROM t; END WHILE; END", "?{delete [t]}|"),
        (Sqlite, "", "BEGIN SELECT RAISE(ABORT, 'no') WHERE NEW.a IS NULL; END", "select [RAISE][]|R"),
        (Sqlite, "", "BEGIN UPDATE t SET a = CASE WHEN 1 THEN 2 END; DELETE FROM u; END", "update t; delete [u]|"),
        (Oracle, "", "x NUMBER; BEGIN EXECUTE IMMEDIATE 'DROP TABLE t'; EXCEPTION WHEN OTHERS THEN RAISE; END;", "!{drop [T]}|"),
    ];
    for (dialect, language, text, expected) in cases {
        assert_eq!(summary(text, language, dialect), expected, "{text}");
    }
}

#[test]
fn triggers_tell_what_they_do_to_their_row() {
    let cases = [
        (Dialect::PostgreSql, "plpgsql", "BEGIN NEW.x := NEW.a; NEW.y = lower(NEW.b); RETURN NEW; END", "x:a y:", "a b"),
        (Dialect::MySql, "", "SET NEW.x = NEW.a, NEW.y = OLD.z", "x:a y:z", "a z"),
        (Dialect::Oracle, "", "BEGIN :NEW.x := :OLD.a; END", "X:A", "A"),
    ];
    for (dialect, language, text, assigns, reads) in cases {
        let body = read(text, language, dialect);
        let assigned = body.assigns.iter().map(|(to, from)| {
            let from = from.as_ref().map_or("", |from| from.as_str());
            format!("{to}:{from}")
        });
        assert_eq!(assigned.collect::<Vec<_>>().join(" "), assigns, "{text}");
        let seen: Vec<&str> = body.reads.iter().map(|read| read.as_str()).collect();
        assert_eq!(seen.join(" "), reads, "{text}");
    }
}

#[test]
fn lines_count_in_the_text() {
    let body = read("BEGIN\n  IF a THEN\n    DELETE FROM t;\n  END IF;\nEND", "plpgsql", Dialect::PostgreSql);
    let Op::Block { body, .. } = &body.statements[0].ops[0] else { panic!("a block") };
    assert_eq!(body[0].line, 3);
}

#[test]
fn hostile_bodies_end() {
    for text in [
        "BEGIN ".repeat(1_000),
        "IF a THEN ".repeat(1_000),
        "IF a ".repeat(500),
        "LOOP ".repeat(1_000),
        "END; ".repeat(500),
        "DECLARE EXIT HANDLER FOR 1 ".repeat(500),
        format!("EXECUTE {}'a'", "('a' || ".repeat(500)),
    ] {
        for dialect in crate::sql::dialect::DIALECTS {
            read(&text, "", dialect);
        }
    }
    let mut nested = "DROP TABLE t".to_owned();
    for _ in 0..12 {
        nested = format!("BEGIN EXECUTE '{}'; END", nested.replace('\'', "''"));
        if nested.len() > 1 << 16 {
            break;
        }
    }
    read(&nested, "plpgsql", Dialect::PostgreSql);
}
