//! The tables are sound, and agree with what real servers did.

use std::collections::{BTreeMap, BTreeSet};

use super::profile::names;
use super::rules::rows;
use super::*;
use crate::sql::dialect::DIALECTS;
use crate::sql::expression::{ColumnRef, Shape};
use crate::sql::name::Ident;

/// `numeric(10,2)`, `bigint unsigned`, `integer[]`, `enum('a','b')`, `varchar(20) character set latin1`.
pub(super) fn parse(dialect: Dialect, text: &str) -> DataType {
    let (text, collation) = clause(text, " collate ");
    let (text, charset) = clause(text, " character set ");
    let (text, dimensions) = text.strip_suffix("[]").map_or((text, 0), |element| (element, 1));
    let (text, unsigned) = text.strip_suffix(" unsigned").map_or((text, false), |signed| (signed, true));
    let (name, inside) = text.split_once('(').map_or((text, ""), |(name, rest)| (name, rest.trim_end_matches(')')));
    let parts = inside.split(',').filter(|part| !part.is_empty()).map(|part| part.trim_matches('\'').to_owned());
    let (arguments, labels) = if inside.starts_with('\'') { (vec![], parts.collect()) } else { (parts.collect(), vec![]) };
    let name = Name::bare(Ident::stored(dialect, name));
    DataType { arguments, labels, dimensions, unsigned, charset, collation, ..DataType::named(name) }
}

fn clause<'a>(text: &'a str, word: &str) -> (&'a str, Option<String>) {
    text.split_once(word).map_or((text, None), |(before, after)| (before, Some(after.to_owned())))
}

fn postgresql(from: &str, to: &str) -> TypeChange {
    change(Dialect::PostgreSql, &parse(Dialect::PostgreSql, from), &parse(Dialect::PostgreSql, to), None, None)
}

fn expr(shape: Shape, text: &str) -> Expr {
    let column = ColumnRef { qualifier: None, column: Ident::stored(Dialect::PostgreSql, "c") };
    let columns = if text.contains('c') { vec![column] } else { vec![] };
    Expr { shape, columns, functions: vec![], tables: vec![], text: text.to_owned() }
}

pub(super) fn column() -> Expr {
    let column = ColumnRef { qualifier: None, column: Ident::stored(Dialect::PostgreSql, "c") };
    expr(Shape::Column(column), "c")
}

pub(super) fn cast(inner: Expr, to: &str) -> Expr {
    let text = format!("{} :: {to}", inner.text);
    expr(Shape::Cast { inner: Box::new(inner), to: parse(Dialect::PostgreSql, to) }, &text)
}

fn call(function: &str, argument: Expr) -> Expr {
    let text = format!("{function} ( {} )", argument.text);
    let function = Name::bare(Ident::stored(Dialect::PostgreSql, function));
    expr(Shape::Call { function, arguments: vec![argument] }, &text)
}

fn with_using(from: &str, to: &str, using: &Expr) -> TypeChange {
    change(Dialect::PostgreSql, &parse(Dialect::PostgreSql, from), &parse(Dialect::PostgreSql, to), Some(using), None)
}

#[test]
fn rows_have_keys_of_their_own() {
    let mut keys = BTreeSet::new();
    for row in rows() {
        assert!(keys.insert(row.key.as_str()), "{} stands twice", row.key);
        assert!(row.why.ends_with('.') && !row.source.is_empty(), "{}", row.key);
    }
}

#[test]
fn names_are_unique_in_their_dialect() {
    for dialect in DIALECTS {
        let of_dialect: Vec<_> =
            names().iter().filter(|row| row.dialects.split('|').any(|name| name == dialect.as_str())).collect();
        let unique: BTreeSet<_> = of_dialect.iter().map(|row| row.name).collect();
        assert_eq!(unique.len(), of_dialect.len(), "{dialect}");
    }
}

#[test]
fn every_pair_of_known_types_has_a_row() {
    for dialect in DIALECTS {
        let of_dialect = names().iter().filter(|row| lists(row.dialects, dialect.as_str()));
        let canonical: BTreeMap<_, _> = of_dialect.map(|row| (row.canonical, row.name)).collect();
        for from in canonical.values() {
            for to in canonical.values() {
                let result = change(dialect, &parse(dialect, from), &parse(dialect, to), None, None);
                assert!(result.known, "{dialect}: {from} to {to}");
            }
        }
    }
}

#[test]
fn what_nobody_measured_is_not_taken_for_safe() {
    let result = postgresql("thing", "integer");
    assert!(!result.known && result.loses.is_some() && result.old_writes != Writes::All);
}

#[test]
fn postgresql_widens_and_narrows() {
    let wider = postgresql("integer", "bigint");
    assert_eq!((wider.loses, wider.refuses, wider.old_writes, wider.reads), (None, false, Writes::All, Reads::Same));
    assert!(wider.widens && wider.reverse == Reverse::MayFail);
    let narrower = postgresql("varchar(50)", "varchar(20)");
    assert_eq!((narrower.loses, narrower.refuses), (None, true));
    assert_eq!(narrower.old_writes, Writes::Some(Certainty::Possible));
    assert!(!narrower.widens && narrower.reverse == Reverse::Exact);
}

#[test]
fn postgresql_loses_silently() {
    assert_eq!(postgresql("timestamp", "date").loses, Some(Certainty::Certain));
    let rounded = postgresql("numeric(10,4)", "numeric(10,2)");
    assert_eq!((rounded.loses, rounded.changed_writes), (Some(Certainty::Likely), Some(Certainty::Likely)));
}

#[test]
fn a_cast_that_is_written_out_cuts_where_an_assignment_refuses() {
    let cut = with_using("text", "varchar(20)", &cast(column(), "varchar(20)"));
    assert_eq!((cut.loses, cut.refuses), (Some(Certainty::Possible), false));
    assert_eq!(cut.old_writes, Writes::Some(Certainty::Possible));
    let day = with_using("timestamptz", "timestamptz", &cast(column(), "date"));
    assert_eq!(day.loses, Some(Certainty::Certain));
}

#[test]
fn text_needs_an_expression_to_become_a_number() {
    assert!(postgresql("text", "integer").needs_using);
    let number = with_using("text", "integer", &cast(column(), "integer"));
    assert!(number.refuses && !number.needs_using);
    assert_eq!(number.old_writes, Writes::Some(Certainty::Likely));
    assert_eq!(number.reverse, Reverse::Exact);
}

#[test]
fn expressions_are_followed() {
    let null = with_using("integer", "boolean", &expr(Shape::Null, "NULL"));
    assert_eq!((null.loses, null.old_writes), (Some(Certainty::Certain), Writes::None));
    let trimmed = with_using("text", "varchar(20)", &call("left", column()));
    assert_eq!(trimmed.loses, Some(Certainty::Possible));
    let moment = with_using("bigint", "timestamptz", &call("to_timestamp", column()));
    assert_eq!((moment.loses, moment.old_writes), (None, Writes::None));
    let mapped = with_using("boolean", "integer", &expr(Shape::Other, "case when c then 1 else 0 end"));
    assert_eq!(mapped.loses, None);
    let tested = with_using("integer", "boolean", &expr(Shape::Other, "c <> 0"));
    assert_eq!(tested.loses, Some(Certainty::Likely));
    let other = with_using("integer", "integer", &call("frobnicate_c", column()));
    assert_eq!((other.loses, other.known), (Some(Certainty::Possible), false));
}

/// Types of a catalog.
pub(super) struct Moods;

impl UserTypes for Moods {
    fn find(&self, name: &Name) -> Option<UserType> {
        let labels = |labels: &[&str]| Some(UserType::Enum(labels.iter().map(|label| (*label).to_owned()).collect()));
        let base = || parse(Dialect::PostgreSql, "integer");
        match name.name.key() {
            "mood" => labels(&["a", "b", "c"]),
            "mood2" => labels(&["a", "b", "c", "d"]),
            "posint" => Some(UserType::Domain { base: base(), checked: true }),
            "pair" => Some(UserType::Composite),
            _ => None,
        }
    }
}

#[test]
fn enumerations_convert_by_label() {
    let parse = |text| parse(Dialect::PostgreSql, text);
    let using = cast(cast(column(), "text"), "mood2");
    let wider = change_with(Dialect::PostgreSql, &parse("mood"), &parse("mood2"), Some(&using), None, &Moods);
    assert_eq!((wider.loses, wider.refuses, wider.old_writes), (None, false, Writes::All));
    assert!(wider.widens && wider.known);
    let using = cast(cast(column(), "text"), "mood");
    let narrower = change_with(Dialect::PostgreSql, &parse("mood2"), &parse("mood"), Some(&using), None, &Moods);
    assert_eq!((narrower.loses, narrower.refuses), (None, true));
    assert_eq!(narrower.old_writes, Writes::Some(Certainty::Possible));
}

#[test]
fn a_domain_checks_what_its_base_type_takes() {
    let parse = |text| parse(Dialect::PostgreSql, text);
    let checked = change_with(Dialect::PostgreSql, &parse("integer"), &parse("posint"), None, None, &Moods);
    assert!(checked.refuses && checked.old_writes == Writes::Some(Certainty::Possible) && !checked.why.is_empty());
    let free = change_with(Dialect::PostgreSql, &parse("posint"), &parse("integer"), None, None, &Moods);
    assert!(!free.refuses && free.widens);
}

#[test]
fn two_spellings_are_one_type() {
    let same = |dialect, a, b| equal(dialect, &parse(dialect, a), &parse(dialect, b));
    for (a, b) in [("int4", "integer"), ("character varying(20)", "varchar(20)"), ("decimal", "numeric"), ("char", "char(1)")] {
        assert!(same(Dialect::PostgreSql, a, b), "{a} {b}");
    }
    for (a, b) in [("int(11)", "integer"), ("boolean", "tinyint(1)"), ("decimal", "numeric(10,0)"), ("utf8", "utf8")] {
        assert!(same(Dialect::MySql, a, b), "{a} {b}");
    }
    // MariaDB's JSON is a LONGTEXT that checks its values.
    assert!(!same(Dialect::MariaDb, "json", "longtext"));
    assert!(same(Dialect::MySql, "varchar(9) character set utf8", "varchar(9) character set utf8mb3"));
    assert!(same(Dialect::Sqlite, "varchar(20)", "text") && !same(Dialect::Sqlite, "text", "integer"));
    assert!(!same(Dialect::PostgreSql, "varchar(20)", "varchar(50)") && !same(Dialect::MySql, "int", "int unsigned"));
    assert_eq!(display(Dialect::PostgreSql, &parse(Dialect::PostgreSql, "character varying(20)")), "varchar(20)");
    assert_eq!(display(Dialect::MySql, &parse(Dialect::MySql, "int(11) unsigned")), "int unsigned");
}

/// What SQLite 3.40.1 made of values that were copied into a table whose column has the other type.
#[test]
fn sqlite_converts_by_affinity() {
    let sqlite = |from, to, strict| {
        change(Dialect::Sqlite, &parse(Dialect::Sqlite, from), &parse(Dialect::Sqlite, to), None, Some(strict))
    };
    let digits = sqlite("varchar(20)", "integer", false);
    assert_eq!((digits.loses, digits.old_writes, digits.reads), (Some(Certainty::Possible), Writes::All, Reads::Differs));
    let text = sqlite("integer", "text", false);
    assert_eq!((text.loses, text.old_writes, text.reads), (None, Writes::All, Reads::Differs));
    assert_eq!(sqlite("bigint", "real", false).loses, Some(Certainty::Possible));
    assert_eq!(sqlite("text", "blob", false).reads, Reads::Same);
    assert_eq!(sqlite("bigint", "int", false), sqlite("text", "varchar(9)", false));
    assert!(sqlite("text", "integer", true).refuses && sqlite("real", "blob", true).old_writes == Writes::None);
}

#[test]
fn mysql_stores_the_nearest_value_without_strict_mode() {
    let mysql = |from, to, strict| change(Dialect::MySql, &parse(Dialect::MySql, from), &parse(Dialect::MySql, to), None, strict);
    let strict = mysql("varchar(50)", "varchar(20)", None);
    assert_eq!((strict.loses, strict.refuses, strict.old_writes), (None, true, Writes::Some(Certainty::Possible)));
    let lax = mysql("varchar(50)", "varchar(20)", Some(false));
    assert_eq!((lax.loses, lax.refuses, lax.old_writes), (Some(Certainty::Possible), false, Writes::All));
    assert_eq!(lax.changed_writes, Some(Certainty::Possible));
    let moved = mysql("enum('a','b')", "enum('b','a')", None);
    assert_eq!((moved.loses, moved.reads, moved.refuses), (None, Reads::Differs, false));
    assert_eq!(mysql("enum('a')", "enum('a','b')", None).reads, Reads::Same);
    let narrower = mysql("varchar(9) character set utf8mb4", "varchar(9) character set latin1", None);
    assert!(narrower.refuses && narrower.loses.is_none());
    let collated = mysql("varchar(9) collate utf8mb4_bin", "varchar(9) collate utf8mb4_general_ci", None);
    assert_eq!((collated.reads, collated.loses), (Reads::Differs, None));
    let unsigned = mysql("int", "int unsigned", None);
    assert_eq!((unsigned.refuses, unsigned.widens, unsigned.reads), (true, true, Reads::Same));
}

#[test]
fn implicit_defaults_are_those_of_the_server() {
    let fill = |text, strict| default_fill(Dialect::MariaDb, &parse(Dialect::MariaDb, text), strict);
    assert!(fill("enum('a')", None) && !fill("int", None) && fill("int", Some(false)) && !fill("json", Some(false)));
    assert!(!default_fill(Dialect::PostgreSql, &parse(Dialect::PostgreSql, "integer"), Some(false)));
}

/// The change of one statement of PostgreSQL, read from its text.
fn altered(from: &str, statement: &str) -> TypeChange {
    use crate::sql::statement::{ColumnChange, Op, TableAction};
    let raw = crate::sql::split::split(statement, Dialect::PostgreSql).remove(0);
    let ops = crate::sql::read::read(&raw, Dialect::PostgreSql).ops;
    let [Op::AlterTable { action: TableAction::AlterColumn { change: ColumnChange::Type { data_type, using }, .. }, .. }] =
        &ops[..]
    else {
        panic!("{ops:?}")
    };
    change_with(Dialect::PostgreSql, &parse(Dialect::PostgreSql, from), data_type, using.as_ref(), None, &Moods)
}

#[test]
fn expressions_of_real_statements_are_followed() {
    use Certainty::{Certain, Likely, Possible};
    let cases = [
        ("text", "varchar(20) USING left(c, 20)", Some(Possible), false),
        ("text", "varchar(20) USING substring(c from 1 for 20)", Some(Possible), false),
        ("text", "varchar(20) USING (c::varchar(20))", Some(Possible), false),
        ("text", "varchar(20) USING CAST(c AS varchar(20))", Some(Possible), false),
        ("integer", "text USING c::text", None, false),
        ("integer", "text USING (c)::text", None, false),
        ("integer", "boolean USING c::boolean", Some(Likely), false),
        ("integer", "boolean USING c <> 0", Some(Likely), false),
        ("integer", "boolean USING (CASE WHEN c = 1 THEN true ELSE false END)", Some(Likely), false),
        ("boolean", "integer USING CASE WHEN c THEN 1 ELSE 0 END", None, false),
        ("boolean", "integer USING (CASE c WHEN true THEN 1 ELSE 0 END)", None, false),
        ("boolean", "integer USING c::int", None, false),
        ("timestamp", "date USING c::date", Some(Certain), false),
        ("timestamp", "timestamptz USING c AT TIME ZONE 'UTC'", None, false),
        ("timestamptz", "timestamp USING (c AT TIME ZONE 'UTC')", None, false),
        ("bigint", "timestamptz USING to_timestamp(c / 1000)", Some(Possible), false),
        ("bigint", "timestamptz USING to_timestamp(c)", None, false),
        ("timestamptz", "bigint USING extract(epoch from c)", Some(Likely), true),
        ("text", "integer USING NULL", Some(Certain), false),
        ("text", "integer USING NULL::integer", Some(Certain), false),
        ("text", "integer USING 0", Some(Certain), false),
        ("integer", "uuid USING gen_random_uuid()", Some(Certain), false),
        ("text", "integer USING NULLIF(c, '')::integer", Some(Possible), true),
        ("text", "jsonb USING to_jsonb(c)", None, false),
        ("text", "jsonb USING c::jsonb", Some(Possible), true),
        ("text", "text[] USING ARRAY[c]", None, false),
        ("text", "text[] USING string_to_array(c, ',')", None, false),
        ("mood", "mood2 USING c::text::mood2", None, false),
        ("mood2", "mood USING (c::text::mood)", None, true),
        ("numeric(10,4)", "integer USING trunc(c)", Some(Likely), true),
        ("state", "state_new USING c::text::state_new", None, true),
        ("text", "text USING c || 'x'", None, false),
        ("text", "uuid USING c::uuid", None, true),
        ("varchar(20)", "varchar(50) USING trim(c)", Some(Possible), false),
        ("integer", "bigint USING c * 100", Some(Possible), false),
    ];
    let mut wrong = Vec::new();
    for (from, to, loses, refuses) in cases {
        let said = altered(from, &format!("ALTER TABLE t ALTER COLUMN c TYPE {to};"));
        if (said.loses, said.refuses, said.needs_using) != (loses, refuses, false) {
            wrong.push(format!("{from} -> {to}: {:?} {} {}", said.loses, said.refuses, said.needs_using));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
