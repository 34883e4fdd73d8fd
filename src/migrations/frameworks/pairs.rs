//! Files in pairs, one up and one down: golang-migrate and what took its names over (morph, pop, sqlx).
//!
//! Names: golang-migrate `source/parse.go`, pop `migrator.go` (`mrx`) with the `.autocommit` of `ory/x/popx`, sqlx
//! `sqlx-core/src/migrate/source.rs`.

use std::collections::BTreeMap;

use super::dialect;
use super::reading::{Reading, as_integer};
use super::survey::{Candidate, Strength, Survey};
use crate::migrations::framework::Framework;
use crate::migrations::history::{AnomalyKind, Language, Migration};
use crate::migrations::order::{Order, leading_digits};
use crate::sql::dialect::Dialect;

/// A file name taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parts<'a> {
    digits: &'a str,
    name: &'a str,
    /// pop's `.postgres`.
    database: Option<&'a str>,
    down: bool,
    /// Has `.up` or `.down` at all.
    paired: bool,
    /// pop's `.autocommit`: not in a transaction.
    autocommit: bool,
}

const DATABASES: [&str; 9] =
    ["postgres", "postgresql", "pg", "cockroach", "cockroachdb", "mysql", "mariadb", "sqlite3", "sqlite"];

fn parts(file: &str) -> Option<Parts<'_>> {
    let (digits, rest) = leading_digits(file)?;
    let rest = rest.strip_prefix('_')?;
    let (rest, extension) = rest.rsplit_once('.')?;
    Language::of(file).filter(|_| !matches!(extension, "json" | "toml" | "yaml" | "yml" | "xml"))?;
    let paired = rest.rsplit_once('.').filter(|(_, direction)| matches!(*direction, "up" | "down"));
    let (rest, direction) = paired.unwrap_or((rest, "up"));
    let (rest, autocommit) = rest.strip_suffix(".autocommit").map_or((rest, false), |rest| (rest, true));
    let named = rest.rsplit_once('.').filter(|(_, database)| DATABASES.contains(database));
    let (name, database) = named.map_or((rest, None), |(name, database)| (name, Some(database)));
    Some(Parts { digits, name, database, down: direction == "down", paired: paired.is_some(), autocommit })
}

pub(super) fn find(survey: &Survey<'_>) -> Vec<Candidate> {
    survey.directories().filter_map(|(directory, names)| candidate(survey, directory, names)).collect()
}

fn candidate(survey: &Survey<'_>, directory: &str, names: &[&str]) -> Option<Candidate> {
    let parsed = || names.iter().filter_map(|name| Some((*name, parts(name)?)));
    let paired: Vec<(&str, Parts<'_>)> = parsed().filter(|(_, parts)| parts.paired).collect();
    let ups = paired.iter().filter(|(_, parts)| !parts.down).count();
    let is_rust = || survey.above(directory, "Cargo.toml").is_some() || survey.above(directory, ".sqlx").is_some();
    let of = |framework, strength| Some(Candidate::new(framework, strength, directory, ups));
    if paired.iter().any(|(name, parts)| parts.database.is_some() || name.ends_with(".fizz")) {
        return of(Framework::Pop, Strength::Names);
    }
    if ups > 0 && (survey.contains(directory, "migrations.list") || survey.above(directory, "migrations.list").is_some()) {
        return of(Framework::Morph, Strength::Names);
    }
    let single = parsed().filter(|(name, parts)| !parts.paired && name.ends_with(".sql")).count();
    if (ups > 0 || single > 0) && is_rust() {
        return Some(Candidate::new(Framework::Sqlx, Strength::Common, directory, ups + single));
    }
    if ups > 0 { of(Framework::GolangMigrate, Strength::Common) } else { None }
}

/// Whether a file of this database is run on that dialect.
fn serves(database: &str, dialect: Dialect) -> bool {
    !database.starts_with("cockroach")
        && database.parse().is_ok_and(|named: Dialect| named == dialect || (named.is_mysql() && dialect.is_mysql()))
}

/// pop's files for one dialect: where a version has one of its own, the general one is not run (pop `migrator.go`).
fn chosen<'a>(files: Vec<(&'a str, Parts<'a>)>, dialect: Option<Dialect>) -> Vec<(&'a str, Parts<'a>)> {
    let own = |parts: &Parts<'_>| parts.database.is_some_and(|named| dialect.is_some_and(|dialect| serves(named, dialect)));
    let has_own: std::collections::BTreeSet<(&str, bool)> =
        files.iter().filter(|(_, parts)| own(parts)).map(|(_, parts)| (parts.digits, parts.down)).collect();
    let runs = |parts: &Parts<'_>| match parts.database {
        Some(_) => own(parts),
        None => !has_own.contains(&(parts.digits, parts.down)),
    };
    files.into_iter().filter(|(_, parts)| runs(parts)).collect()
}

pub(super) fn read(reading: &mut Reading<'_>) {
    let framework = reading.history.framework;
    let survey = reading.survey;
    let root = reading.history.root.clone();
    let files: Vec<(&str, Parts<'_>)> = survey.names(&root).iter().filter_map(|name| Some((*name, parts(name)?))).collect();
    let files = match framework {
        Framework::Pop => {
            let named = files.iter().filter_map(|(_, parts)| parts.database.filter(|name| !name.starts_with("cockroach")));
            let decided = reading.options.dialect.or_else(|| dialect::preferred(named.filter_map(|name| name.parse().ok())));
            reading.history.dialect = decided;
            chosen(files, decided)
        }
        Framework::Sqlx => files,
        _ => files.into_iter().filter(|(_, parts)| parts.paired).collect(),
    };
    let mut downs: BTreeMap<String, Vec<(&str, Parts<'_>)>> = BTreeMap::new();
    for (file, parts) in files.iter().filter(|(_, parts)| parts.down) {
        downs.entry(as_integer(parts.digits)).or_default().push((file, *parts));
    }
    for (file, parts) in files.iter().filter(|(_, parts)| !parts.down) {
        let of_version = downs.get_mut(&as_integer(parts.digits));
        let down = of_version.and_then(|downs| take(downs, parts.name));
        migration(reading, file, parts, down);
    }
    for (file, parts) in downs.into_values().flatten() {
        reading.anomaly(AnomalyKind::Unmatched, &as_integer(parts.digits), file, "there is a way back and no way up");
    }
}

/// The down file of the same name, or else the only one of the version.
fn take<'a>(downs: &mut Vec<(&'a str, Parts<'a>)>, name: &str) -> Option<&'a str> {
    let same = downs.iter().position(|(_, parts)| parts.name == name);
    let position = same.or(if downs.len() == 1 { Some(0) } else { None })?;
    Some(downs.remove(position).0)
}

fn migration(reading: &mut Reading<'_>, file: &str, parts: &Parts<'_>, down: Option<&str>) {
    let framework = reading.history.framework;
    let loaded = reading.load_name(file);
    let is_string = framework == Framework::Pop;
    let version = if is_string { parts.digits.to_owned() } else { as_integer(parts.digits) };
    let mut migration: Migration = loaded.migration(&version, parts.name);
    let opted_out = framework == Framework::Sqlx && loaded.text().starts_with("-- no-transaction");
    migration.transactional = !parts.autocommit && !opted_out;
    if let Some(down) = down {
        let loaded = reading.load_name(down);
        migration.down_path = Some(loaded.path.clone());
        migration.down = Some(vec![loaded.script()]);
    }
    let order = if is_string { Order::text(parts.digits) } else { Order::numbers(parts.digits) };
    reading.add(order, migration);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_apart() {
        let pop = parts("20200101_x.mysql.autocommit.up.sql").unwrap();
        assert_eq!((pop.digits, pop.name, pop.database, pop.autocommit, pop.down), ("20200101", "x", Some("mysql"), true, false));
        let plain = parts("1_a.b.down.sql").unwrap();
        assert_eq!((plain.name, plain.down, plain.database), ("a.b", true, None));
        assert_eq!(parts("x_1.up.sql"), None);
        assert_eq!(parts("1_x.up.md"), None);
    }
}
