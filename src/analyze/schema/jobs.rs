//! SQL in the arguments of hooks and Jobs that ran between the revisions, and scripts that cannot be read.

use crate::analyze::migrations::{runs_since, same_in_target};
use crate::input::{Gap, Input};
use crate::k8s::pods;
use crate::migrations::analysis::{self, Ask};
use crate::migrations::history::{History, Language, Migration, Script};
use crate::migrations::shell::{self, ShellSql};
use crate::release::{Object, Release, Value};

use super::Found;

/// One report for each client that a Job ran: nothing is known of the database it met.
pub fn found(input: &Input) -> Vec<Found> {
    let mut all = Vec::new();
    for run in runs_since(input).iter().filter(|run| !same_in_target(input, run)) {
        for sql in of_pod(run.body) {
            let origin = format!("arguments of {} in revision {}", run.id, run.revision);
            let history = history(&sql, &origin, run.revision);
            let open = |_: &str| Err("there is no such file".to_owned());
            let none = History { dialect: history.dialect, ..History::default() };
            let ask = Ask { from: None, to: None, older: Some(&none), applied: None, on_unknown: true, open: &open };
            if let Ok(mut report) = analysis::analyze(&history, &ask) {
                // Nobody keeps a history of it: no migrator will look for one.
                report.startup = None;
                all.push(Found { origin, object: Some(run.id.clone()), report });
            }
        }
    }
    // The same Job in several revisions says the same.
    all.dedup_by(|later, earlier| {
        later.object == earlier.object
            && later.report.range.as_ref().map(|r| &r.effects) == earlier.report.range.as_ref().map(|r| &r.effects)
    });
    all
}

fn of_pod(body: &Value) -> Vec<ShellSql> {
    let spec = pods::spec(body);
    let containers = spec.get("initContainers").as_list().iter().chain(spec.get("containers").as_list());
    containers.flat_map(|container| shell::sql(&argv(container))).collect()
}

fn argv(container: &Value) -> Vec<String> {
    let words = container.get("command").as_list().iter().chain(container.get("args").as_list());
    words.map(Value::display).collect()
}

fn history(sql: &ShellSql, origin: &str, revision: u32) -> History {
    let migration = Migration {
        version: format!("revision {revision}"),
        path: origin.to_owned(),
        up: vec![Script::sql(origin, 1, &sql.text)],
        checksum: revision.to_string(),
        ..Migration::default()
    };
    History { dialect: Some(sql.dialect), migrations: vec![migration], ..History::default() }
}

/// Scripts in Secrets: their texts are not read, and only whether they changed is known.
pub fn hidden(input: &Input) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for object in secrets(&input.from) {
        let older = secrets(&input.to).find(|older| older.id == object.id);
        for place in ["data", "stringData"] {
            let entries = object.body.get(place).as_map().into_iter().flat_map(|map| map.iter());
            for (key, value) in entries.filter(|(key, _)| Language::of(key) == Some(Language::Sql)) {
                if older.is_none_or(|older| older.body.get(place).get(key) != value) {
                    let why = "values of Secrets are not kept, and it is not in the target as it is: name the directory of the scripts with --migrations";
                    gaps.push(
                        Gap::new(format!("SQL in key {key} of {}", object.id), why)
                            .affecting("old-code-fails")
                            .affecting("migrated-data-lost"),
                    );
                }
            }
        }
    }
    gaps
}

fn secrets(release: &Release) -> impl Iterator<Item = &Object> {
    release.objects.iter().chain(release.hook_objects()).filter(|object| object.id.is("", "Secret"))
}
