use super::*;
use crate::sql::expression::Shape;
use crate::sql::lexer::lex;
use crate::sql::statement::{Assignment, Delete, Update};

fn list<T: ToString>(items: impl IntoIterator<Item = T>, between: &str) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(between)
}

fn assignment(assignment: &Assignment) -> String {
    let reads = list(assignment.value.columns.iter().map(|column| &column.column), "+");
    let shape = if assignment.value.shape == Shape::Null { "null" } else { "" };
    format!("{}={reads}{shape}", assignment.column)
}

fn from(sources: &[crate::sql::expression::Source]) -> String {
    list(sources.iter().map(|source| source.table.as_ref().map_or("-".to_owned(), |table| table.to_string())), ",")
}

fn filter(condition: &Option<Expr>) -> &str {
    condition.as_ref().map_or("all", |condition| &condition.text)
}

fn op(op: &Op) -> String {
    match op {
        Op::Insert(insert) => {
            let source = match &insert.source {
                InsertSource::Values(rows) => rows.to_string(),
                InsertSource::Query(query) => format!("query {}", list(&query.tables, ",")),
                InsertSource::Other => "other".into(),
            };
            let columns = list(&insert.columns, ",");
            let conflict = insert.conflict.as_ref().map_or(String::new(), |columns| format!(" on {}", list(columns, ",")));
            let overwrites = list(&insert.overwrites, ",");
            let replaces = if insert.replaces { " replaces" } else { "" };
            format!("insert {}({columns}) {source}{conflict} [{overwrites}]{replaces}", insert.table)
        }
        Op::Update(update) => {
            let Update { table, from: sources, assignments, condition, .. } = update.as_ref();
            let assigned = list(assignments.iter().map(assignment), " ");
            format!("update {table} {assigned} from {} where {}", from(sources), filter(condition))
        }
        Op::Delete(delete) => {
            let Delete { tables, using, condition, moved_to } = delete.as_ref();
            let moved = moved_to.as_ref().map_or(String::new(), |to| format!(" to {to}"));
            format!("delete {} using {} where {}{moved}", list(tables, ","), from(using), filter(condition))
        }
        Op::Select(query) => format!("select {}", list(&query.functions, ",")),
        Op::CreateTable(table) => format!("create {}{}", table.name, if table.temporary { " temporary" } else { "" }),
        Op::SetSequence { sequence, value } => format!("setval {sequence:?} {value:?}"),
        Op::Call { routine } => format!("call {routine}"),
        other => format!("{other:?}"),
    }
}

fn summary(text: &str, dialect: Dialect) -> String {
    let tokens = lex(text, dialect);
    data(Cursor::new(text, &tokens, dialect)).map_or("none".into(), |ops| list(ops.iter().map(op), "; "))
}

fn check(cases: &[(Dialect, &str, &str)]) {
    for (dialect, text, expected) in cases {
        assert_eq!(summary(text, *dialect), *expected, "{text}");
    }
}

#[test]
fn inserts() {
    use Dialect::*;
    check(&[
        (PostgreSql, "INSERT INTO t VALUES (1, 'a;)'), (2, f(3))", "insert t() 2 []"),
        (PostgreSql, "INSERT INTO s.t AS x (a, \"B\") VALUES (1, 2) RETURNING id", "insert s.t(a,B) 1 []"),
        (PostgreSql, "INSERT INTO t (a) SELECT a FROM u WHERE x ON CONFLICT DO NOTHING", "insert t(a) query u []"),
        (PostgreSql, "INSERT INTO t (SELECT * FROM u)", "insert t() query u []"),
        (PostgreSql, "INSERT INTO t(a) OVERRIDING SYSTEM VALUE VALUES (1)", "insert t(a) 1 []"),
        (PostgreSql, "INSERT INTO t DEFAULT VALUES", "insert t() other []"),
        (
            PostgreSql,
            "INSERT INTO t(a, b) VALUES (1, 2) ON CONFLICT (a) WHERE c DO UPDATE SET b = EXCLUDED.b, d = t.d WHERE t.x RETURNING *",
            "insert t(a,b) 1 on a [b]",
        ),
        (
            PostgreSql,
            "INSERT INTO t(a) VALUES (1) ON CONFLICT ON CONSTRAINT k DO UPDATE SET (a, b) = (1, 2)",
            "insert t(a) 1 [a,b]",
        ),
        (PostgreSql, "WITH s AS (SELECT 1 AS a FROM u) INSERT INTO t SELECT * FROM s", "insert t() query  []"),
        (MySql, "INSERT IGNORE INTO `t` (`a`) VALUES ('x\\'y'), (2)", "insert t(a) 2 []"),
        (MySql, "INSERT t SET a = 1, b = c", "insert t(a,b) 1 []"),
        (MySql, "INSERT INTO t (a) VALUES (1) AS new ON DUPLICATE KEY UPDATE a = a", "insert t(a) 1 []"),
        (
            MySql,
            "INSERT INTO t (a) SELECT a FROM u ON DUPLICATE KEY UPDATE b = VALUES(b), c = c + 1",
            "insert t(a) query u [b,c]",
        ),
        (MySql, "REPLACE INTO t VALUES (1)", "insert t() 1 [] replaces"),
        (Sqlite, "INSERT OR REPLACE INTO t(a) VALUES (1)", "insert t(a) 1 [] replaces"),
        (Sqlite, "INSERT OR IGNORE INTO t(a) SELECT a FROM u", "insert t(a) query u []"),
        (MsSql, "INSERT [dbo].[t] ([a]) OUTPUT inserted.id VALUES (N'x')", "insert dbo.t(a) 1 []"),
    ]);
}

#[test]
fn updates() {
    use Dialect::*;
    check(&[
        (PostgreSql, "UPDATE t SET a = NULL", "update t a=null from  where all"),
        (
            PostgreSql,
            "UPDATE ONLY s.t AS x SET a = b, c = DEFAULT WHERE x.d IS NULL",
            "update s.t a=b c= from  where x . d is null",
        ),
        (PostgreSql, "UPDATE t SET a = u.b FROM u WHERE u.id = t.id RETURNING *", "update t a=b from u where u . id = t . id"),
        (PostgreSql, "UPDATE t SET (a, b) = (c, 1), d = (SELECT max(x) FROM u)", "update t a=c b= d=x from  where all"),
        (PostgreSql, "UPDATE t SET (a, b) = (SELECT x, y FROM u) WHERE z", "update t a=x+y b=x+y from  where z"),
        (PostgreSql, "UPDATE t SET a[1] = 2, b.c = 3", "update t a=a b=b+c from  where all"),
        (PostgreSql, "UPDATE t SET a = b IS DISTINCT FROM c FROM u", "update t a=b+c from u where all"),
        (
            PostgreSql,
            "WITH s AS (SELECT id FROM u) UPDATE t SET a = 1 FROM s WHERE s.id = t.id",
            "update t a= from - where s . id = t . id",
        ),
        (MySql, "UPDATE t, u SET t.a = u.b WHERE t.id = u.id", "update t a=b from u where t . id = u . id"),
        (MySql, "UPDATE a x JOIN b y ON x.i = y.i SET y.c = x.c", "update b c=c from a where all"),
        (MySql, "UPDATE a, b SET a.x = 1, b.y = 2", "update a x= from b where all; update b y= from a where all"),
        (MySql, "UPDATE t SET a = 1 ORDER BY id LIMIT 10", "update t a= from  where order by id limit 10"),
        (Sqlite, "UPDATE OR IGNORE t SET a = 1", "update t a= from  where all"),
        (MsSql, "UPDATE x SET x.a = y.b FROM t x JOIN u y ON y.i = x.i", "update t a=b from u where all"),
        (MsSql, "UPDATE t SET a += 1 OUTPUT deleted.a WHERE b = 1", "update t a=a from  where b = 1"),
    ]);
}

#[test]
fn deletes_and_merges() {
    use Dialect::*;
    check(&[
        (PostgreSql, "DELETE FROM t", "delete t using  where all"),
        (PostgreSql, "DELETE FROM t AS a USING u WHERE a.x = u.x", "delete t using u where a . x = u . x"),
        (PostgreSql, "DELETE FROM t a USING t b WHERE a.id < b.id", "delete t using t where a . id < b . id"),
        (
            PostgreSql,
            "WITH d AS (DELETE FROM t WHERE b = 0 RETURNING *) INSERT INTO x SELECT * FROM d",
            "delete t using  where b = 0 to x; insert x() query  []",
        ),
        (
            PostgreSql,
            "WITH d AS (DELETE FROM t RETURNING id) INSERT INTO x SELECT * FROM d",
            "delete t using  where all; insert x() query  []",
        ),
        (
            PostgreSql,
            "WITH d AS (DELETE FROM t RETURNING *), i AS (INSERT INTO x SELECT * FROM d) SELECT 1",
            "delete t using  where all to x; insert x() query  []; select ",
        ),
        (MySql, "DELETE a, b FROM t1 a JOIN t2 b ON a.i = b.i WHERE a.x", "delete t1,t2 using  where a . x"),
        (MySql, "DELETE FROM a USING t AS a JOIN u WHERE u.i = a.i", "delete t using u where u . i = a . i"),
        (MySql, "DELETE t1.* FROM t1 LEFT JOIN t2 ON t1.i = t2.i", "delete t1 using t2 where all"),
        (MsSql, "DELETE a FROM t a JOIN u ON u.i = a.i", "delete t using u where all"),
        (MsSql, "DELETE TOP (5) FROM t WHERE x = 1", "delete t using  where x = 1"),
        (Oracle, "DELETE t WHERE x = 1", "delete T using  where X = 1"),
        (
            PostgreSql,
            "MERGE INTO t USING u ON t.id = u.id WHEN MATCHED AND u.gone THEN DELETE WHEN MATCHED THEN UPDATE SET a = CASE WHEN b THEN 1 END WHEN NOT MATCHED THEN INSERT (id) VALUES (u.id)",
            "delete t using u where u . gone; update t a=b from u where t . id = u . id; insert t(id) other []",
        ),
    ]);
}

#[test]
fn selects() {
    use Dialect::*;
    check(&[
        (PostgreSql, "SELECT setval('s.q'::regclass, 7, false)", "setval Some(s.q) Some(7); select setval"),
        (
            PostgreSql,
            "SELECT setval(pg_get_serial_sequence('t', 'id'), max(id)) FROM t",
            "setval None None; select setval,pg_get_serial_sequence,max",
        ),
        (PostgreSql, "SELECT a INTO n FROM t", "create n"),
        (PostgreSql, "SELECT a INTO TEMP TABLE n FROM t", "create n temporary"),
        (MySql, "SELECT a INTO @x FROM t", "select "),
        (PostgreSql, "SELECT purge()", "select purge"),
        (PostgreSql, "CALL s.p(1)", "call s.p"),
        (PostgreSql, "VACUUM t", "none"),
    ]);
}

#[test]
fn many_rows_are_only_counted() {
    let text = format!("INSERT INTO t (a, b) VALUES {}", vec!["(1, 'it''s (a) row, really')"; 30_000].join(", "));
    assert_eq!(summary(&text, Dialect::PostgreSql), "insert t(a,b) 30000 []");
}
