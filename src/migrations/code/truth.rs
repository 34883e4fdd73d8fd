//! Code migrations against the SQL that their own tools print for them: both are replayed, catalogs and effects have to agree.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kind, Reader};
use crate::sql::catalog::{Catalog, Guard, GuardKind, Relation, Replay, Step};
use crate::sql::dialect::Dialect;
use crate::sql::effect::{Certainty, EffectKind};
use crate::sql::effects::effects;
use crate::sql::expression::DataType;
use crate::sql::read::read_script;
use crate::sql::statement::Statement;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../tests/fixtures/code-migrations/", $name))
    };
}

/// Framework, its files, and what its tool prints per dialect; the first line of a file names the tool and its version.
type Printed = (Kind, &'static str, &'static [(Dialect, &'static str)]);

const HISTORIES: &[Printed] = &[
    (
        Kind::Rails,
        fixture!("rails.txt"),
        &[
            (Dialect::PostgreSql, fixture!("rails-postgresql.sql")),
            (Dialect::MariaDb, fixture!("rails-mysql.sql")),
            (Dialect::Sqlite, fixture!("rails-sqlite.sql")),
        ],
    ),
    (
        Kind::Laravel,
        fixture!("laravel.txt"),
        &[(Dialect::PostgreSql, fixture!("laravel-postgresql.sql")), (Dialect::MariaDb, fixture!("laravel-mysql.sql"))],
    ),
    (
        Kind::Sequelize,
        fixture!("sequelize.txt"),
        &[(Dialect::PostgreSql, fixture!("sequelize-postgresql.sql")), (Dialect::MariaDb, fixture!("sequelize-mysql.sql"))],
    ),
    (
        Kind::TypeOrm,
        fixture!("typeorm.txt"),
        &[(Dialect::PostgreSql, fixture!("typeorm-postgresql.sql")), (Dialect::MariaDb, fixture!("typeorm-mysql.sql"))],
    ),
    (Kind::NodePgMigrate, fixture!("node-pg-migrate.txt"), &[(Dialect::PostgreSql, fixture!("node-pg-migrate-postgresql.sql"))]),
    (
        Kind::Django,
        fixture!("django.txt"),
        &[
            (Dialect::PostgreSql, fixture!("django-postgresql.sql")),
            (Dialect::MariaDb, fixture!("django-mysql.sql")),
            (Dialect::Sqlite, fixture!("django-sqlite.sql")),
        ],
    ),
    (
        Kind::Alembic,
        fixture!("alembic.txt"),
        &[(Dialect::PostgreSql, fixture!("alembic-postgresql.sql")), (Dialect::MariaDb, fixture!("alembic-mysql.sql"))],
    ),
    (
        Kind::Knex,
        fixture!("knex.txt"),
        &[(Dialect::PostgreSql, fixture!("knex-postgresql.sql")), (Dialect::MariaDb, fixture!("knex-mysql.sql"))],
    ),
];

/// Parts of a file behind lines `=== name`.
fn parts(text: &str) -> Vec<(&str, String)> {
    let mut out: Vec<(&str, String)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("=== "), out.last_mut()) {
            (Some(name), _) => out.push((name, String::new())),
            (None, Some((_, body))) => {
                body.push_str(line);
                body.push('\n');
            }
            (None, None) => {}
        }
    }
    out
}

fn type_of(kind: &DataType) -> String {
    let unsigned = if kind.unsigned { " unsigned" } else { "" };
    format!(
        "{}({}){}{unsigned}{}",
        kind.name.to_string().to_lowercase(),
        kind.arguments.join(","),
        "[]".repeat(kind.dimensions.into()),
        kind.labels.join("|")
    )
}

/// All that SQLite keeps of a type ("Datatypes In SQLite", 3.1); tools write it in other words when they rebuild a table.
fn affinity(kind: &DataType) -> &'static str {
    let name = kind.name.to_string().to_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    match () {
        () if has(&["INT"]) => "integer",
        () if has(&["CHAR", "CLOB", "TEXT"]) => "text",
        () if has(&["BLOB"]) || name.is_empty() => "blob",
        () if has(&["REAL", "FLOA", "DOUB"]) => "real",
        () => "numeric",
    }
}

fn guard(catalog: &Catalog, relation: &Relation, guard: &Guard) -> String {
    let names = |table: &Relation, ids: &[_]| {
        let found = ids.iter().map(|id| table.column_by_id(*id).map_or("?".to_owned(), |column| column.name.to_string()));
        found.collect::<Vec<_>>().join(",")
    };
    let own = names(relation, &guard.columns);
    match &guard.kind {
        GuardKind::Primary => format!("primary {own}"),
        GuardKind::Unique { condition, expressions, .. } => {
            format!(
                "unique {own}{}{}",
                if condition.is_some() { " where" } else { "" },
                if expressions.is_empty() { "" } else { " of" }
            )
        }
        GuardKind::Check { .. } => format!("check {own}"),
        GuardKind::Foreign { table, referenced, on_delete, .. } => match catalog.relation(*table) {
            Some(to) => format!("foreign {own} {} {} {on_delete:?}", to.name, names(to, referenced)),
            None => format!("foreign {own} nothing"),
        },
        GuardKind::Exclude { .. } => format!("exclude {own}"),
        GuardKind::Index { .. } => format!("index {own}"),
    }
}

/// Tables with their columns and guards, names of guards left out.
fn told(catalog: &Catalog) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for relation in
        catalog.relations.values().filter(|relation| relation.is_table() && !relation.name.to_string().ends_with("_id_seq"))
    {
        let uniques: BTreeSet<_> = relation.guards.iter().filter(|own| own.kind.is_unique()).map(|own| &own.columns).collect();
        out.insert(relation.name.to_string());
        for column in &relation.columns {
            let kind = match (catalog.dialect, &column.data_type) {
                (Dialect::Sqlite, Some(kind)) => affinity(kind).to_owned(),
                (_, kind) => kind.as_ref().map(type_of).unwrap_or_default(),
            };
            let null = if column.not_null { " not null" } else { "" };
            let default = if column.has_default() { " default" } else { "" };
            let identity = if column.identity.is_some() { " identity" } else { "" };
            let generated = if column.generated.is_some() { " generated" } else { "" };
            out.insert(format!("{}.{} {kind}{null}{default}{identity}{generated}", relation.name, column.name));
        }
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for own in &relation.guards {
            // An index that refuses nothing: how many there are (`…_like` of PostgreSQL) does not matter.
            let plain = matches!(own.kind, GuardKind::Index { .. });
            match plain {
                // One on an expression holds no column.
                true if uniques.contains(&own.columns) || own.columns.is_empty() => {}
                true => *counts.entry(guard(catalog, relation, own)).or_default() = 1,
                false => *counts.entry(guard(catalog, relation, own)).or_default() += 1,
            }
        }
        out.extend(counts.into_iter().map(|(text, count)| format!("{}: {count} {text}", relation.name)));
    }
    out
}

/// On SQLite the tool rebuilds tables, which is told from a rename by values that move and keys that are made again.
fn seen(step: &Step) -> BTreeSet<String> {
    let rebuilt = step.after.dialect == Dialect::Sqlite;
    let kept = effects(step).into_iter().filter(|effect| match effect.kind {
        EffectKind::ReadsBreak | EffectKind::WritesBreak | EffectKind::Opaque => true,
        EffectKind::DataLoss => !rebuilt || effect.certainty > Certainty::Possible,
        _ => !rebuilt,
    });
    // The sequence of a key is renamed by the tool and is not in the catalog.
    let kept = kept.filter(|effect| !effect.object.to_string().ends_with("_id_seq"));
    kept.map(|effect| format!("{:?} {} {:?}", effect.kind, effect.object, effect.certainty)).collect()
}

fn faults(place: &str, ours: &Step, truth: &Step, out: &mut Vec<String>) {
    let mut compare = |ours: BTreeSet<String>, truth: BTreeSet<String>| {
        out.extend(truth.difference(&ours).map(|line| format!("{place}: missing {line}")));
        out.extend(ours.difference(&truth).map(|line| format!("{place}: wrong {line}")));
    };
    compare(told(&ours.after), told(&truth.after));
    compare(seen(ours), seen(truth));
}

/// Both ways of one history.
fn history(kind: Kind, dialect: Dialect, sources: &str, printed: &str) -> Vec<String> {
    let printed: BTreeMap<&str, String> = parts(printed).into_iter().collect();
    let mut reader = Reader::new(kind, dialect);
    let (mut ours, mut truth) = (Replay::new(dialect), Replay::new(dialect));
    let mut out = Vec::new();
    let sql = |path: &str, way: &str| printed.get(format!("{path} {way}").as_str()).map(|text| read_script(text, dialect));
    for (path, text) in parts(sources) {
        let read = reader.read(path, &text);
        let Some(up) = sql(path, "up") else { continue };
        let (mine, real) = (ours.apply(&read.up), truth.apply(&up));
        let before = out.len();
        faults(&format!("{dialect:?} {path}"), &mine, &real, &mut out);
        if let (Some(down), Some(real_down)) = (&read.down, sql(path, "down")) {
            let back = |step: &Step, statements: &[Statement]| Replay::from_catalog(step.after.clone()).apply(statements);
            faults(&format!("{dialect:?} {path} down"), &back(&mine, down), &back(&real, &real_down), &mut out);
        }
        if out.len() > before {
            ours = Replay::from_catalog(truth.catalog.clone());
        }
    }
    out
}

#[test]
fn code_does_what_its_tool_prints() {
    let run = |(kind, sources, dialects): &(Kind, &str, &[(Dialect, &str)])| {
        dialects.iter().flat_map(|(dialect, printed)| history(*kind, *dialect, sources, printed)).collect::<Vec<_>>()
    };
    let faults: Vec<String> = HISTORIES.iter().flat_map(run).collect();
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}
