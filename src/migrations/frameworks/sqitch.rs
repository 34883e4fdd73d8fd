//! Sqitch: a plan, and a deploy, a revert and a verify script for each change.
//!
//! `lib/App/Sqitch/Plan.pm`: one change a line, `@tag` lines, `%` pragmas; a change that is planned again is *reworked*: the earlier
//! one's scripts are then kept under `name@tag.sql`, with the first tag after it.

use std::collections::BTreeMap;

use super::reading::Reading;
use super::survey::{Candidate, Strength, Survey, join};
use crate::migrations::framework::Framework;
use crate::migrations::history::AnomalyKind;
use crate::migrations::order::Order;

const PLAN: &str = "sqitch.plan";

pub(super) fn find(survey: &Survey<'_>) -> Vec<Candidate> {
    let planned = survey.directories().filter(|(_, names)| names.contains(&PLAN));
    let count = |root: &str| survey.under(root).filter(|path| path.contains("deploy/")).count();
    planned.map(|(root, _)| Candidate::new(Framework::Sqitch, Strength::Marker, root, count(root))).collect()
}

/// A change, its dependencies and the first tag after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Change<'t> {
    name: &'t str,
    requires: Vec<&'t str>,
    tag: Option<&'t str>,
    reworked: bool,
}

fn plan(text: &str) -> Vec<Change<'_>> {
    let mut changes: Vec<Change<'_>> = Vec::new();
    let mut tagged = 0;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '%', '-'])) {
        if let Some(tag) = line.strip_prefix('@') {
            let tag = tag.split_whitespace().next().unwrap_or("");
            changes[tagged..].iter_mut().for_each(|change| change.tag = Some(tag));
            tagged = changes.len();
        } else {
            changes.push(change(line.trim_start_matches('+').trim_start()));
        }
    }
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for position in 0..changes.len() {
        if let Some(earlier) = last.insert(changes[position].name, position) {
            changes[earlier].reworked = true;
        }
    }
    changes
}

fn change(line: &str) -> Change<'_> {
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let inside = rest.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or("", |(inside, _)| inside);
    let requires = inside.split_whitespace().filter(|name| !name.starts_with('!')).collect();
    Change { name, requires, ..Change::default() }
}

pub(super) fn read(reading: &mut Reading<'_>) {
    let loaded = reading.load_name(PLAN);
    let root = reading.history.root.clone();
    let mut seen = std::collections::BTreeSet::new();
    for (change, position) in plan(loaded.text()).iter().zip(0..) {
        let name = change.name;
        for required in change.requires.iter().filter(|name| !name.contains(':')) {
            let bare = required.split('@').next().unwrap_or(required);
            if !bare.is_empty() && !seen.contains(bare) {
                reading.anomaly(
                    AnomalyKind::Missing,
                    bare,
                    &loaded.path,
                    format!("{name} requires it and it is not planned before"),
                );
            }
        }
        seen.insert(name);
        let file = match change.tag.filter(|_| change.reworked) {
            Some(tag) => format!("{name}@{tag}"),
            None => name.to_owned(),
        };
        deploy(reading, &root, change, &file, position);
    }
}

fn deploy(reading: &mut Reading<'_>, root: &str, change: &Change<'_>, file: &str, position: usize) {
    let path = join(root, &format!("deploy/{file}.sql"));
    if !reading.survey.tree.contains(&path) {
        return reading.anomaly(AnomalyKind::Missing, change.name, &path, "the plan names it and there is no such file");
    }
    let loaded = reading.load(&path);
    let mut migration = loaded.migration(file, change.name);
    let revert = join(root, &format!("revert/{file}.sql"));
    if reading.survey.tree.contains(&revert) {
        let loaded = reading.load(&revert);
        migration.down_path = Some(revert);
        migration.down = Some(vec![loaded.script()]);
    }
    // Scripts hold their own BEGIN and COMMIT.
    migration.transactional = false;
    reading.add(Order::position(position), migration);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_plans() {
        let text = "%syntax-version=1.0.0\n%project=x\n\na 2020-01-01T00:00:00Z N <e> # note\nb [a !c x:y] 2020 N <e>\n@v1 2020\na [a@v1] 2021\n";
        let changes = plan(text);
        let seen: Vec<_> = changes.iter().map(|change| (change.name, change.tag, change.reworked)).collect();
        assert_eq!(seen, [("a", Some("v1"), true), ("b", Some("v1"), false), ("a", None, false)]);
        assert_eq!(changes[1].requires, ["a", "x:y"]);
    }
}
