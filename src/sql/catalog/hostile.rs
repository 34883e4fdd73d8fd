//! Scripts that would take for ever, or all memory, if every reference were followed to its end.

use super::Replay;
use crate::sql::dialect::{DIALECTS, Dialect};
use crate::sql::effect::EffectKind;
use crate::sql::effects::effects;
use crate::sql::read::read_script;

fn kinds(script: &str, dialect: Dialect) -> Vec<EffectKind> {
    let mut replay = Replay::new(dialect);
    replay.apply(&read_script("CREATE TABLE old (a int)", dialect));
    let step = replay.apply(&read_script(script, dialect));
    effects(&step).into_iter().map(|effect| effect.kind).collect()
}

#[test]
fn views_that_double_their_columns_end() {
    let views = (1..18).map(|n| format!("CREATE VIEW v{n} AS SELECT * FROM v{0} a, v{0} b;", n - 1));
    let script = format!("CREATE TABLE v0 (a int, b int);{}", views.collect::<String>());
    kinds(&script, Dialect::PostgreSql);
}

#[test]
fn routines_that_call_each_other_end_and_are_said_not_to_be_followed() {
    let body = |n: u32| format!("SELECT f{}(); ", (n + 1) % 3).repeat(50);
    let functions = (0..3).map(|n| format!("CREATE FUNCTION f{n}() RETURNS int LANGUAGE sql AS $${}$$;", body(n)));
    let script = format!("{}SELECT f0();SELECT f0();", functions.collect::<String>());
    assert_eq!(kinds(&script, Dialect::PostgreSql), [EffectKind::Opaque]);
}

#[test]
fn views_in_a_circle_can_be_dropped() {
    let script = "CREATE VIEW a AS SELECT * FROM b; CREATE VIEW b AS SELECT * FROM a; CREATE OR REPLACE VIEW a AS SELECT * FROM b; \
        DROP VIEW a CASCADE";
    for dialect in DIALECTS {
        kinds(script, dialect);
    }
}

#[test]
fn constraints_without_names_are_counted_soon() {
    for dialect in [Dialect::PostgreSql, Dialect::MariaDb] {
        kinds(&"ALTER TABLE old ADD CHECK (a > 1);".repeat(1_000), dialect);
        kinds(&"CREATE INDEX ON old (a);".repeat(1_000), dialect);
    }
}

#[test]
fn garbage_is_named_and_nothing_else() {
    let found = kinds(&"DROP every thing \u{0}; é DELETE (;".repeat(2_000), Dialect::PostgreSql);
    assert!(!found.is_empty() && found.iter().all(|kind| *kind == EffectKind::Opaque));
}

#[test]
fn names_may_be_long() {
    let name = "x".repeat(1 << 20);
    let script = format!("CREATE TABLE \"{name}\" (\"{name}\" int); DROP TABLE \"{name}\"; DROP TABLE old");
    assert!(kinds(&script, Dialect::PostgreSql).contains(&EffectKind::DataLoss));
}

#[test]
fn variables_that_double_their_texts_end() {
    let itself = "x = x || chr(get_byte(y, 1) & 31); ".repeat(200);
    let each_other: String = (1..200).map(|n| format!("v{n} := v{0} || v{0}; ", n - 1)).collect();
    let wide = format!("c := concat({}); ", ["v9"; 500].join(", "));
    let runs = "EXECUTE v5; ".repeat(5_000);
    let script = format!(
        "DO $do$ DECLARE x text = ''; v0 text := 'SELECT 1; DROP TABLE old; '; c text; BEGIN {itself}{each_other}{wide}{runs} EXECUTE c; \
        EXECUTE format('%1$s{}', v9); EXECUTE v199; END $do$",
        "%1$s".repeat(500)
    );
    let found = kinds(&script, Dialect::PostgreSql);
    assert!(found.contains(&EffectKind::DataLoss) && found.contains(&EffectKind::Opaque), "{found:?}");
}
