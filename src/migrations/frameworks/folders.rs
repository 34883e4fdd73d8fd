//! One directory a migration: diesel, Prisma and Drizzle's newer layout.
//!
//! diesel `diesel_migrations/migrations_internals/src/lib.rs` (`version_from_string`); Prisma's
//! `schema-engine/connectors/schema-connector/src/migrations_directory.rs`.

use std::collections::BTreeMap;

use super::reading::Reading;
use super::survey::{Candidate, Strength, Survey, join};
use crate::migrations::framework::Framework;
use crate::migrations::history::AnomalyKind;
use crate::migrations::order::Order;
use crate::migrations::source::{directory, file_name};

pub(super) fn find(survey: &Survey<'_>) -> Vec<Candidate> {
    let mut found: BTreeMap<(&str, Framework), usize> = BTreeMap::new();
    for (folder, names) in survey.directories() {
        if let Some(framework) = kind(folder, names) {
            *found.entry((directory(folder), framework)).or_default() += 1;
        }
    }
    let candidates = found.into_iter().map(|((root, framework), count)| {
        let marker = if framework == Framework::Prisma { "migration_lock.toml" } else { "diesel.toml" };
        let marked = survey.above(root, marker).is_some();
        Candidate::new(framework, if marked { Strength::Marker } else { Strength::Names }, root, count)
    });
    candidates.collect()
}

fn kind(folder: &str, names: &[&str]) -> Option<Framework> {
    let has = |name: &str| names.contains(&name);
    let numbered = file_name(folder).starts_with(|c: char| c.is_ascii_digit());
    match () {
        () if has("up.sql") => Some(Framework::Diesel),
        () if has("migration.sql") && has("snapshot.json") => Some(Framework::Drizzle),
        () if has("migration.sql") && numbered => Some(Framework::Prisma),
        () => None,
    }
}

/// Text before the first `_`, without `-`.
fn diesel_version(folder: &str) -> String {
    folder.split('_').next().unwrap_or(folder).replace('-', "")
}

pub(super) fn read(reading: &mut Reading<'_>) {
    let (survey, framework, root) = (reading.survey, reading.history.framework, reading.history.root.clone());
    let below = survey.directories().filter(|(folder, _)| directory(folder) == root && *folder != root);
    let folders: Vec<(&str, &[&str])> = below.collect();
    for (folder, names) in folders {
        let name = file_name(folder);
        match (framework, kind(folder, names)) {
            (Framework::Diesel, Some(Framework::Diesel)) => diesel(reading, folder, names),
            (_, Some(found)) if found == framework => single(reading, folder, name),
            (Framework::Diesel, _) if names.contains(&"down.sql") => {
                let path = join(folder, "down.sql");
                reading.anomaly(AnomalyKind::Unmatched, &diesel_version(name), &path, "there is a way back and no way up");
            }
            _ if name.starts_with(|c: char| c.is_ascii_digit()) => {
                let why = format!("the directory holds no migration: {} refuses or skips it", framework.title());
                reading.anomaly(AnomalyKind::Missing, name, folder, why);
            }
            _ => {}
        }
    }
}

/// Prisma and Drizzle: the directory's name is the version, and there is no way back.
fn single(reading: &mut Reading<'_>, folder: &str, name: &str) {
    let loaded = reading.load(&join(folder, "migration.sql"));
    let mut migration = loaded.migration(name, name.split_once('_').map_or(name, |(_, name)| name));
    if reading.history.framework == Framework::Drizzle {
        migration.up = super::journal::breakpoints(&loaded.path, loaded.text());
    }
    // Prisma sends the file as one script and opens no transaction of its own.
    migration.transactional = reading.history.framework != Framework::Prisma;
    reading.add(Order::text(name), migration);
}

fn diesel(reading: &mut Reading<'_>, folder: &str, names: &[&str]) {
    let name = file_name(folder);
    let version = diesel_version(name);
    let loaded = reading.load(&join(folder, "up.sql"));
    let mut migration = loaded.migration(&version, name.split_once('_').map_or(name, |(_, name)| name));
    if names.contains(&"down.sql") {
        let loaded = reading.load(&join(folder, "down.sql"));
        migration.down_path = Some(loaded.path.clone());
        migration.down = Some(vec![loaded.script()]);
    }
    if names.contains(&"metadata.toml") {
        let loaded = reading.load(&join(folder, "metadata.toml"));
        let off = |line: &str| line.replace([' ', '\t'], "").starts_with("run_in_transaction=false");
        migration.transactional = !loaded.text().lines().any(off);
    }
    reading.add(Order::text(&version), migration);
}
