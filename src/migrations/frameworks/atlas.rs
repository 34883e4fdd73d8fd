//! Atlas: versioned files with a sum file, checkpoints and directives.
//!
//! `sql/migrate/dir.go`: files ending in `.sql`, the version is the text before the first `_`; a checkpoint holds all before it.

use super::reading::Reading;
use super::survey::{Candidate, Strength, Survey};
use crate::migrations::framework::Framework;
use crate::migrations::history::{AnomalyKind, Kind};
use crate::migrations::order::Order;

const SUM: &str = "atlas.sum";

pub(super) fn find(survey: &Survey<'_>) -> Vec<Candidate> {
    let marked = survey.directories().filter(|(_, names)| names.contains(&SUM));
    let count = |names: &[&str]| names.iter().filter(|name| name.ends_with(".sql")).count();
    marked.map(|(root, names)| Candidate::new(Framework::Atlas, Strength::Marker, root, count(names))).collect()
}

/// The value of a directive in the comments that a file begins with.
fn directive<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let head = text.lines().map(str::trim).take_while(|line| line.is_empty() || line.starts_with("--") || line.starts_with('#'));
    let mut values =
        head.filter_map(|line| line.trim_start_matches(['-', '#']).trim().strip_prefix("atlas:")?.strip_prefix(name));
    values.next().map(str::trim)
}

pub(super) fn read(reading: &mut Reading<'_>) {
    let root = reading.history.root.clone();
    let names: Vec<&str> = reading.survey.names(&root).iter().copied().filter(|name| name.ends_with(".sql")).collect();
    let mut found = 0;
    for name in &names {
        // Files in golang-migrate's form are read with their way back.
        if name.ends_with(".down.sql") {
            continue;
        }
        let stem = name.trim_end_matches(".sql").trim_end_matches(".up");
        let (version, title) = stem.split_once('_').unwrap_or((stem, stem));
        let loaded = reading.load_name(name);
        let mut migration = loaded.migration(version, title);
        migration.transactional = directive(loaded.text(), "txmode").is_none_or(|mode| mode != "none");
        let down = format!("{stem}.down.sql");
        if names.contains(&down.as_str()) {
            let loaded = reading.load_name(&down);
            migration.down_path = Some(loaded.path.clone());
            migration.down = Some(vec![loaded.script()]);
        }
        if directive(loaded.text(), "checkpoint").is_some() {
            migration.kind = Kind::Baseline;
            if found > 0 {
                reading.history.baselines.push(migration);
                continue;
            }
        }
        found += 1;
        reading.add(Order::text(name), migration);
    }
    compare_with_sum(reading, &names);
}

/// Atlas refuses a directory whose files and sum file differ in their names (it also compares hashes).
fn compare_with_sum(reading: &mut Reading<'_>, names: &[&str]) {
    if !reading.survey.contains(&reading.history.root, SUM) {
        return;
    }
    let sum = reading.load_name(SUM);
    let listed: std::collections::BTreeSet<&str> =
        sum.text().lines().skip(1).filter_map(|line| line.rsplit_once(" h1:").map(|(name, _)| name)).collect();
    for name in names.iter().filter(|name| !listed.contains(*name)) {
        reading.anomaly(AnomalyKind::Unmatched, name, name, "atlas.sum does not name it: the directory is refused");
    }
    for name in listed.iter().filter(|name| !names.contains(name)) {
        reading.anomaly(AnomalyKind::Missing, name, &sum.path, "atlas.sum names it and there is no such file");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_directives_at_the_head_only() {
        assert_eq!(directive("-- atlas:txmode none\n\nA;", "txmode"), Some("none"));
        assert_eq!(directive("A;\n-- atlas:txmode none", "txmode"), None);
        assert_eq!(directive("-- atlas:checkpoint\n", "checkpoint"), Some(""));
    }
}
