use super::*;
use crate::sql::dialect::Dialect;
use crate::sql::expression::Literal;
use crate::sql::lexer::lex;

fn read(text: &str, dialect: Dialect) -> Expr {
    let tokens = lex(text, dialect);
    expr(Cursor::new(text, &tokens, dialect))
}

fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(" ")
}

/// `columns | functions | tables`.
fn names(text: &str, dialect: Dialect) -> String {
    let expr = read(text, dialect);
    let columns = expr.columns.iter().map(|column| match &column.qualifier {
        Some(qualifier) => format!("{qualifier}.{}", column.column),
        None => column.column.to_string(),
    });
    format!("{}|{}|{}", list(columns), list(&expr.functions), list(&expr.tables))
}

fn shape(expr: &Expr) -> String {
    match &expr.shape {
        Shape::Null => "null".into(),
        Shape::Literal(Literal::Text(text)) => format!("'{text}'"),
        Shape::Literal(Literal::Number(number)) => number.clone(),
        Shape::Literal(Literal::Bool(value)) => value.to_string(),
        Shape::Column(column) => format!("column {}", column.column),
        Shape::Cast { inner, to } => format!("{} as {}", shape(inner), to.name.name.key()),
        Shape::Call { function, arguments } => format!("{function}({})", list(arguments.iter().map(shape))),
        Shape::Default => "default".into(),
        Shape::Other => "other".into(),
    }
}

#[test]
fn shapes_are_known_for_the_common_forms() {
    use Dialect::*;
    let cases = [
        (PostgreSql, "NULL", "null"),
        (PostgreSql, "((NULL))", "null"),
        (PostgreSql, "NULL::character varying(20)", "null as varchar"),
        (PostgreSql, "'a'::text[]", "'a' as text"),
        (PostgreSql, "'a'::timestamp with time zone", "'a' as timestamptz"),
        (PostgreSql, "(a)::text::int", "column a as text as integer"),
        (PostgreSql, "CAST(t.a AS numeric(10, 2))", "column a as numeric"),
        (PostgreSql, "a + 1", "other"),
        (PostgreSql, "a::int + 1", "other"),
        (PostgreSql, "-1", "-1"),
        (PostgreSql, "- 1", "-1"),
        (PostgreSql, "true", "true"),
        (PostgreSql, "DEFAULT", "default"),
        (PostgreSql, "now()", "now()"),
        (PostgreSql, "CURRENT_TIMESTAMP", "current_timestamp()"),
        (PostgreSql, "lower(trim(a))", "lower(trim(column a))"),
        (PostgreSql, "nextval('s'::regclass)", "nextval('s' as regclass)"),
        (PostgreSql, "date '2020-01-01'", "'2020-01-01' as date"),
        (PostgreSql, "\"Weird\"", "column Weird"),
        (PostgreSql, "(SELECT 1)", "other"),
        (PostgreSql, "CASE WHEN a THEN 1 END", "other"),
        (MySql, "CONVERT(a, CHAR)", "column a as char"),
        (MySql, "b'0'", "0"),
        (MySql, "current_timestamp(6)", "current_timestamp(6)"),
        (MySql, "\"text\"", "'text'"),
        (MsSql, "CONVERT(varchar(20), a)", "column a as varchar"),
        (MsSql, "(getdate())", "getdate()"),
        (Sqlite, "(strftime('%s', 'now'))", "strftime('%s' 'now')"),
    ];
    for (dialect, text, expected) in cases {
        assert_eq!(shape(&read(text, dialect)), expected, "{text}");
    }
}

#[test]
fn every_name_is_found_and_no_keyword() {
    use Dialect::*;
    let cases = [
        (PostgreSql, "a = 1 AND b.c IS NOT NULL OR NOT d", "a b.c d||"),
        (PostgreSql, "lower(a) || coalesce(b, 'x')::text", "a b|lower coalesce|"),
        (PostgreSql, "CASE WHEN status = 'x' THEN date ELSE value END", "status date value||"),
        (PostgreSql, "extract(epoch FROM created AT TIME ZONE 'UTC')", "created|extract|"),
        (PostgreSql, "a IS DISTINCT FROM b", "a b||"),
        (PostgreSql, "a IS NOT UNKNOWN AND b IS JSON OBJECT AND unknown", "a b unknown||"),
        (PostgreSql, "2 * x", "x||"),
        (PostgreSql, "a BETWEEN SYMMETRIC b AND c COLLATE \"C\"", "a b c||"),
        (PostgreSql, "now() - interval '1 day' * n", "n|now|"),
        (PostgreSql, "timestamp with time zone '2020-01-01' < x", "x||"),
        (PostgreSql, "id IN (SELECT t.id FROM s.t WHERE t.k = o.k)", "id t.id t.k o.k||s.t"),
        (PostgreSql, "EXISTS (SELECT 1 FROM a WHERE a.x = y)", "a.x y||a"),
        (
            PostgreSql,
            "sum(x) FILTER (WHERE y > 0) OVER (PARTITION BY p ORDER BY o ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
            "x y p o|sum|",
        ),
        (PostgreSql, "percentile_cont(0.5) WITHIN GROUP (ORDER BY v DESC NULLS LAST)", "v|percentile_cont|"),
        (PostgreSql, "row_number() OVER w", "|row_number|"),
        (PostgreSql, "f(arg => a, other := b)", "a b|f|"),
        (PostgreSql, "data -> 'x' ->> 'y' ? 'z'", "data||"),
        (PostgreSql, "ARRAY[a, b][1 : n]", "a b n||"),
        (PostgreSql, "substring(name from 1 for len)", "name len|substring|"),
        (PostgreSql, "trim(both 'x' from name)", "name|trim|"),
        (PostgreSql, "position('a' in name)", "name|position|"),
        (PostgreSql, "(addr).city", "addr||"),
        (PostgreSql, "CAST(a AS double precision)", "a||"),
        (PostgreSql, "array_agg(a ORDER BY b)", "a b|array_agg|"),
        (PostgreSql, "ARRAY(SELECT x FROM t)", "x||t"),
        (PostgreSql, "a = ANY (ARRAY['x'::varchar, 'y']::text[])", "a||"),
        (PostgreSql, "a OPERATOR(pg_catalog.=) b", "a b||"),
        (MySql, "TIMESTAMPDIFF(SECOND, a, b)", "a b|TIMESTAMPDIFF|"),
        (MySql, "DATE_ADD(a, INTERVAL b DAY)", "a b|DATE_ADD|"),
        (MySql, "MATCH (a, b) AGAINST ('x' IN BOOLEAN MODE)", "a b|MATCH|"),
        (MySql, "CONVERT(a USING utf8mb4)", "a|CONVERT|"),
        (MySql, "GROUP_CONCAT(DISTINCT a ORDER BY b SEPARATOR ',')", "a b|GROUP_CONCAT|"),
        (MySql, "`key` = user AND BINARY x = y", "key user x y||"),
        (MySql, "IF(a, LEFT(b, 2), REPLACE(c, 'x', 'y'))", "a b c|IF LEFT REPLACE|"),
        (MsSql, "DATEADD(day, 1, [when])", "when|DATEADD|"),
        (MsSql, "CONVERT(varchar(20), a, 120)", "a|CONVERT|"),
        (Sqlite, "typeof(a) = 'text' AND b GLOB 'x*'", "a b|typeof|"),
        (Oracle, "a + SYSDATE", "A|SYSDATE|"),
    ];
    for (dialect, text, expected) in cases {
        assert_eq!(names(text, dialect), expected, "{text}");
    }
}

#[test]
fn texts_are_equal_for_two_spellings() {
    let text = |source| read(source, Dialect::PostgreSql).text;
    assert_eq!(text("Lower( A )!=\"b\""), text("lower(a) <> b"));
    assert_ne!(text("\"A\""), text("a"));
}

#[test]
fn hostile_nesting_ends_soon() {
    let deep = [
        "(".repeat(5_000),
        format!("{}1{}", "(".repeat(3_000), ")".repeat(3_000)),
        format!("{}1{}", "f(".repeat(3_000), ")".repeat(3_000)),
        format!("{}1{}", "(SELECT f(".repeat(1_000), "))".repeat(1_000)),
        format!("a{}", "::int".repeat(3_000)),
        format!("a{}", " OR a = 1".repeat(10_000)),
        "CASE WHEN ".repeat(3_000),
        "a[".repeat(3_000),
    ];
    for text in deep {
        let started = text.len();
        assert!(read(&text, Dialect::PostgreSql).text.len() >= started / 4);
    }
}
