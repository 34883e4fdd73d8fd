//! The cases that real databases are asked about too, read and judged.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::effects;
use crate::sql::catalog::{Replay, Step};
use crate::sql::dialect::Dialect;
use crate::sql::down::judge;
use crate::sql::effect::{Certainty, Effect, EffectKind};
use crate::sql::read::read_script;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    /// Of the statement forms of `forms.yaml`.
    #[serde(default)]
    forms: Vec<u32>,
    dialects: Vec<String>,
    #[serde(default)]
    setup: String,
    up: Vec<String>,
    down: Option<String>,
    expect: Expected,
    /// Why a database cannot be asked.
    #[serde(default, rename = "unmeasured")]
    _unmeasured: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    effects: Vec<String>,
    down: Option<String>,
}

const FILES: [&str; 12] = [
    include_str!("../../../tests/proof/cases/back.yaml"),
    include_str!("../../../tests/proof/cases/columns.yaml"),
    include_str!("../../../tests/proof/cases/constraints.yaml"),
    include_str!("../../../tests/proof/cases/corpora.yaml"),
    include_str!("../../../tests/proof/cases/data.yaml"),
    include_str!("../../../tests/proof/cases/mysql.yaml"),
    include_str!("../../../tests/proof/cases/postgres.yaml"),
    include_str!("../../../tests/proof/cases/relations.yaml"),
    include_str!("../../../tests/proof/cases/routines.yaml"),
    include_str!("../../../tests/proof/cases/sqlite.yaml"),
    include_str!("../../../tests/proof/cases/tables.yaml"),
    include_str!("../../../tests/proof/cases/types.yaml"),
];

const FORMS: &str = include_str!("../../../tests/proof/forms.yaml");

fn name<T: serde::Serialize>(value: T) -> String {
    serde_yaml::to_string(&value).unwrap().trim().to_owned()
}

fn told(effect: &Effect) -> String {
    format!("{} {} {}", name(effect.kind), effect.object, name(effect.certainty))
}

/// What is wrong with a case in one dialect.
fn faults(case: &Case, dialect: Dialect) -> Vec<String> {
    let mut replay = Replay::new(dialect);
    replay.apply(&read_script(&case.setup, dialect));
    let steps: Vec<Step> = case.up.iter().map(|up| replay.apply(&read_script(up, dialect))).collect();
    let step = Step::join(&steps).unwrap();
    let found = effects(&step);
    let all: BTreeSet<String> = found.iter().map(told).collect();
    let expected: BTreeSet<String> = case.expect.effects.iter().cloned().collect();
    let strict = |effect: &&Effect| {
        matches!(
            effect.kind,
            EffectKind::DataLoss | EffectKind::Moved | EffectKind::ReadsBreak | EffectKind::WritesBreak | EffectKind::Opaque
        )
    };
    let mut faults: Vec<String> = expected.difference(&all).map(|missing| format!("missing {missing}")).collect();
    let quiet = case.expect.effects.is_empty();
    let extra = found.iter().filter(|effect| strict(effect) || (quiet && effect.certainty > Certainty::Possible));
    faults.extend(extra.map(told).filter(|told| !expected.contains(told)).map(|extra| format!("unexpected {extra}")));
    if let Some(wanted) = &case.expect.down {
        let down = case.down.as_ref().map(|down| read_script(down, dialect));
        let judged = judge(&step, down.as_deref());
        if judged.verdict.as_str() != wanted {
            faults.push(format!("down is {}: {}", judged.verdict.as_str(), judged.why));
        }
    }
    faults
}

#[test]
fn cases() {
    let mut failed = Vec::new();
    for file in FILES {
        let cases: Vec<Case> = serde_yaml::from_str(file).unwrap();
        for case in &cases {
            for dialect in &case.dialects {
                let dialect: Dialect = dialect.parse().unwrap();
                failed.extend(faults(case, dialect).into_iter().map(|fault| format!("{} ({dialect}): {fault}", case.id)));
            }
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

/// Each form of a statement has a case, each case is about known forms, and a name is given once.
#[test]
fn every_form_of_a_statement_has_a_case() {
    let forms: BTreeMap<u32, String> = serde_yaml::from_str(FORMS).unwrap();
    let (mut covered, mut names) = (BTreeSet::new(), BTreeSet::new());
    for case in FILES.iter().flat_map(|file| serde_yaml::from_str::<Vec<Case>>(file).unwrap()) {
        assert!(case.forms.iter().all(|form| forms.contains_key(form)), "{}: {:?}", case.id, case.forms);
        covered.extend(case.forms);
        assert!(names.insert(case.id.clone()), "{} twice", case.id);
    }
    let missing: Vec<(&u32, &String)> = forms.iter().filter(|(form, _)| !covered.contains(form)).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

fn of(dialect: Dialect, scripts: &[&str]) -> Vec<String> {
    let mut replay = Replay::new(dialect);
    let steps: Vec<Step> = scripts.iter().map(|script| replay.apply(&read_script(script, dialect))).collect();
    effects(&Step::join(&steps).unwrap()).iter().map(told).collect()
}

#[test]
fn what_was_never_seen_being_created_was_there() {
    let found = of(Dialect::PostgreSql, &["CREATE TABLE u (id int);", "ALTER TABLE t DROP COLUMN a;"]);
    assert_eq!(found, ["data-loss t.a certain", "reads-break t.a certain", "writes-break t.a certain"]);
    assert_eq!(
        of(Dialect::PostgreSql, &["DROP TABLE IF EXISTS t; ALTER TABLE IF EXISTS u DROP COLUMN a;"]),
        Vec::<String>::new()
    );
}

#[test]
fn a_rebuilt_parent_keeps_its_children() {
    let mut replay = Replay::new(Dialect::Sqlite);
    replay.apply(&read_script(
        "PRAGMA foreign_keys=ON; CREATE TABLE p (id INTEGER PRIMARY KEY);
         CREATE TABLE c (id INTEGER PRIMARY KEY, p_id INT REFERENCES p(id) ON DELETE CASCADE);",
        Dialect::Sqlite,
    ));
    let rebuild = "CREATE TABLE n (id INTEGER PRIMARY KEY, a INT); INSERT INTO n (id) SELECT id FROM p; DROP TABLE p; ALTER TABLE n RENAME TO p;";
    assert!(effects(&replay.apply(&read_script(rebuild, Dialect::Sqlite))).is_empty());
    let step = replay.apply(&read_script("PRAGMA foreign_keys=ON; DELETE FROM p;", Dialect::Sqlite));
    let found: Vec<String> = effects(&step).iter().map(told).collect();
    assert_eq!(found, ["data-loss c likely", "data-loss p certain"]);
}

/// The time of a step does not grow with the history before it.
#[test]
fn long_histories_are_replayed_in_linear_time() {
    let mut replay = Replay::new(Dialect::PostgreSql);
    for number in 0..2000 {
        let script = format!("CREATE TABLE t{number} (id int PRIMARY KEY, a text UNIQUE); ALTER TABLE t{number} DROP COLUMN a;");
        assert!(effects(&replay.apply(&read_script(&script, Dialect::PostgreSql))).is_empty());
    }
}
