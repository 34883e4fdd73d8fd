use super::*;
use crate::sql::dialect::Dialect;
use crate::sql::lexer::lex;

fn read(text: &str, dialect: Dialect) -> Query {
    let tokens = lex(text, dialect);
    query(Cursor::new(text, &tokens, dialect))
}

fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(" ")
}

fn outputs(query: &Query) -> String {
    list(query.outputs.iter().map(|output| match output {
        Output::Star { qualifier: None } => "*".to_owned(),
        Output::Star { qualifier: Some(qualifier) } => format!("{qualifier}.*"),
        Output::Column { name, .. } => name.as_ref().map_or("?".to_owned(), |name| name.to_string()),
    }))
}

fn sources(query: &Query) -> String {
    list(query.from.iter().map(|source| {
        let table = source.table.as_ref().map_or("-".to_owned(), |table| table.to_string());
        let alias = source.alias.as_ref().map_or(String::new(), |alias| format!(":{alias}"));
        format!("{table}{alias}{}{}", if source.query.is_some() { "(q)" } else { "" }, if source.joined { "+" } else { "" })
    }))
}

/// `outputs|from|tables|marks`, the marks being Filtered, Combined, Guessed.
fn summary(text: &str, dialect: Dialect) -> String {
    let query = read(text, dialect);
    let mark = |set: bool, mark: &'static str| if set { mark } else { "" };
    let marks = format!("{}{}{}", mark(query.filtered, "F"), mark(query.combined, "C"), mark(query.guessed, "G"));
    format!("{}|{}|{}|{marks}", outputs(&query), sources(&query), list(&query.tables))
}

#[test]
fn queries_are_read_in_their_forms() {
    use Dialect::*;
    let cases = [
        (PostgreSql, "SELECT * FROM t", "*|t|t|"),
        (PostgreSql, "SELECT a, b AS x, c y, t.d, 'k', lower(e), f::text FROM s.t t", "a x y d ? lower f|s.t:t|s.t|"),
        (PostgreSql, "SELECT t.*, u.name FROM t LEFT JOIN u ON u.id = t.uid", "t.* name|t u|t u|"),
        (PostgreSql, "SELECT a FROM t JOIN u USING (id) WHERE b > 0", "a|t u+|t u|F"),
        (PostgreSql, "SELECT a FROM t, LATERAL (SELECT 1 AS b) s", "a|t -:s(q)+|t|F"),
        (PostgreSql, "SELECT count(*) FROM t GROUP BY a HAVING count(*) > 1", "count|t|t|FC"),
        (PostgreSql, "SELECT DISTINCT ON (a) b FROM t ORDER BY a LIMIT 1", "b|t|t|FC"),
        (PostgreSql, "SELECT a FROM t UNION ALL SELECT b FROM u", "a|t|t u|C"),
        (PostgreSql, "(SELECT a FROM t) EXCEPT (SELECT b FROM u) ORDER BY 1", "a|t|t u|C"),
        (PostgreSql, "VALUES (1, 'a'), (2, 'b')", "column1 column2|||C"),
        (PostgreSql, "TABLE t", "*|t|t|"),
        (PostgreSql, "SELECT v.a FROM (VALUES (1, 2)) AS v(a, b)", "a|-:v(q)||"),
        (PostgreSql, "SELECT x FROM unnest(ARRAY[1,2]) WITH ORDINALITY AS u(x, n)", "x|-:u||"),
        (PostgreSql, "SELECT 1 FROM (t JOIN u ON t.a = u.a) JOIN v ON true", "?|t u+ v+|t u v|F"),
        (PostgreSql, "SELECT 2*x, 2::int8 * m, x * y FROM t GROUP BY GROUPING SETS (a)", "? ? ?|t|t|C"),
        (PostgreSql, "SELECT 1 FROM ((SELECT 2 AS n) s LEFT JOIN u ON true) JOIN v ON true", "?|-:s(q) u v+|u v|F"),
        (PostgreSql, "SELECT 1 FROM ((SELECT a FROM t) UNION (SELECT b FROM u)) s", "?|-:s(q)|t u|"),
        (PostgreSql, "SELECT a FROM ROWS FROM (f(1), g(2)) WITH ORDINALITY AS z(a, b)", "a|-:z||"),
        (
            PostgreSql,
            "WITH RECURSIVE r AS (SELECT 1) SEARCH DEPTH FIRST BY a, b SET o CYCLE a SET c USING p SELECT * FROM r",
            "*|-:r(q)||",
        ),
        (PostgreSql, "SELECT a IS DISTINCT FROM b AS d FROM t", "d|t|t|"),
        (PostgreSql, "SELECT a FROM t FOR UPDATE SKIP LOCKED", "a|t|t|"),
        (PostgreSql, "SELECT a FROM ONLY t TABLESAMPLE system (1) AS s", "a|t:s|t|"),
        (PostgreSql, "WITH c AS (SELECT * FROM t) SELECT a FROM c JOIN u ON true", "a|-:c(q) u+|t u|F"),
        (PostgreSql, "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r", "n|-:r(q)||"),
        (PostgreSql, "WITH t AS (SELECT * FROM t) SELECT * FROM t", "*|-:t(q)|t|"),
        (PostgreSql, "SELECT (SELECT max(x) FROM u) AS m, date FROM t", "m date|t|u t|"),
        (PostgreSql, "SELECT row_number() OVER (ORDER BY a) AS n FROM t", "n|t|t|C"),
        (MySql, "SELECT `a` 'x', \"lit\" FROM `db`.`t` USE INDEX (i) WHERE a = 1", "x ?|db.t|db.t|F"),
        (MySql, "SELECT offset, name FROM t STRAIGHT_JOIN u", "offset name|t u+|t u|F"),
        (Sqlite, "SELECT rowid, a FROM t INDEXED BY i NATURAL JOIN u", "rowid a|t u+|t u|F"),
        (MsSql, "SELECT TOP 1 x = a, [b] FROM [dbo].[t] WITH (NOLOCK) CROSS APPLY f(t.a) AS g", "x b|dbo.t -:g+|dbo.t|F"),
        (Oracle, "SELECT a FROM t START WITH p IS NULL CONNECT BY PRIOR id = p", "A|T|T|FC"),
        (PostgreSql, "nonsense a FROM t JOIN u", "||t u|G"),
    ];
    for (dialect, text, expected) in cases {
        assert_eq!(summary(text, dialect), expected, "{text}");
    }
}

#[test]
fn data_statements_in_the_with_clause_are_kept() {
    let query = read("WITH d AS (DELETE FROM t RETURNING *), u AS (UPDATE v SET a = 1) SELECT * FROM d", Dialect::PostgreSql);
    assert_eq!(query.modifies.len(), 2);
    assert!(query.tables.is_empty());
}

#[test]
fn hostile_queries_end_soon() {
    let doubling: String = (1..40).map(|i| format!("c{i} AS (SELECT * FROM c{} a, c{} b), ", i - 1, i - 1)).collect();
    let deep = [
        format!("{}1", "SELECT * FROM (".repeat(3_000)),
        format!("{}1", "WITH a AS (".repeat(3_000)),
        "SELECT 1 UNION ".repeat(3_000),
        format!("SELECT * FROM {}t", "(".repeat(3_000)),
        format!("WITH c0 AS (SELECT 1), {doubling} z AS (SELECT 1) SELECT * FROM c39"),
        format!("SELECT 1 FROM t{}", " JOIN t ON a = b".repeat(3_000)),
    ];
    for text in deep {
        assert!(!read(&text, Dialect::PostgreSql).text.is_empty());
    }
}
