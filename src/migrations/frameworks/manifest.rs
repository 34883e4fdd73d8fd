//! Temporal's schema directories: a manifest in each version's directory names the files and their order.
//!
//! `tools/common/schema/updatetask.go`: `manifest.json` with `CurrVersion`, `MinCompatibleVersion`, `Description` and
//! `SchemaUpdateCqlFiles`; directories `v1.2` in the order of their versions.

use std::collections::BTreeSet;

use serde_json::Value;

use super::reading::Reading;
use super::survey::{Candidate, Strength, Survey, join};
use crate::migrations::framework::Framework;
use crate::migrations::history::AnomalyKind;
use crate::migrations::order::Order;
use crate::migrations::source::{directory, file_name};

pub(super) fn find(survey: &Survey<'_>) -> Vec<Candidate> {
    let folders: Vec<&str> = survey.directories().filter(|(_, names)| is_version(names)).map(|(folder, _)| folder).collect();
    let roots: BTreeSet<&str> = folders.iter().map(|folder| directory(folder)).collect();
    let count = |root: &str| folders.iter().filter(|folder| directory(folder) == root).count();
    roots.into_iter().map(|root| Candidate::new(Framework::Temporal, Strength::Marker, root, count(root))).collect()
}

fn is_version(names: &[&str]) -> bool {
    names.contains(&"manifest.json") && names.iter().any(|name| name.ends_with(".sql"))
}

pub(super) fn read(reading: &mut Reading<'_>) {
    let (survey, root) = (reading.survey, reading.history.root.clone());
    let folders = survey.directories().filter(|(folder, names)| directory(folder) == root && is_version(names));
    let folders: Vec<&str> = folders.map(|(folder, _)| folder).collect();
    for folder in folders {
        version(reading, folder);
    }
}

fn version(reading: &mut Reading<'_>, folder: &str) {
    let manifest = reading.load(&join(folder, "manifest.json"));
    let Ok(value) = serde_json::from_str::<Value>(manifest.text()) else {
        return reading.gap(&manifest.path, "the manifest is no JSON: what it names is not known");
    };
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let version = Some(text("CurrVersion")).filter(|version| !version.is_empty());
    let version = version.unwrap_or_else(|| file_name(folder).trim_start_matches('v').to_owned());
    let mut migration = manifest.migration(&version, &text("Description"));
    migration.up.clear();
    migration.path = folder.to_owned();
    let files = value.get("SchemaUpdateCqlFiles").and_then(Value::as_array).into_iter().flatten();
    let mut sums = String::new();
    for file in files.filter_map(Value::as_str) {
        let path = join(folder, file);
        if !reading.survey.tree.contains(&path) {
            reading.anomaly(AnomalyKind::Missing, &version, &path, "the manifest names it and there is no such file");
            continue;
        }
        let loaded = reading.load(&path);
        let part = loaded.migration("", "");
        sums.push_str(&part.checksum);
        migration.acknowledged.extend(part.acknowledged);
        migration.up.push(loaded.script());
        migration.path = path;
    }
    if migration.up.len() != 1 {
        migration.path = folder.to_owned();
    }
    migration.checksum = super::reading::checksum(&sums);
    migration.transactional = false;
    reading.add(Order::numbers(version.trim_start_matches('v')), migration);
}
