//! What a rollback did, told from the worlds before and after it and from Helm's own output. Knows nothing of the forecast.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde_json::Value;

use crate::api::{Api, Id};
use crate::helm::{Output, Record};
use crate::restored;
use crate::world::World;

type Names = BTreeSet<String>;

#[derive(Clone, Debug, Default)]
pub struct Observation {
    pub outcome: String,
    pub output: Output,
    pub from: u32,
    /// Status of every record that still exists.
    pub records: BTreeMap<u32, String>,
    /// Records that are new or have another status than before.
    pub changed_records: BTreeSet<u32>,
    pub pruned: BTreeSet<u32>,
    pub deletes: Names,
    pub cascades: Names,
    pub creates: Names,
    /// Live before, in *to*, not in *from*.
    pub met: Names,
    /// Those of `met` that the rollback changed.
    pub adopts: Names,
    pub rejected: Names,
    /// Only in *from*, and still there.
    pub kept: Names,
    /// Object → where it differs from the manifest of *to*; only after a success.
    pub not_restored: BTreeMap<String, String>,
    pub terminating: Names,
    pub hooks: Vec<String>,
}

/// What is compared: the worlds, the output, and which records stand for *from* and *to*.
pub struct Rollback<'a> {
    pub api: &'a Api,
    pub namespace: &'a str,
    pub before: &'a World,
    pub after: &'a World,
    pub output: &'a Output,
    pub to: Option<u32>,
    pub started: jiff::Timestamp,
}

impl Rollback<'_> {
    pub fn observe(&self) -> Result<Observation> {
        let from = self.before.records.values().next_back();
        let number = from.map_or(0, |record| record.revision);
        let to = self.before.records.get(&self.to.unwrap_or(number.saturating_sub(1)));
        let mut seen = Observation { from: number, output: self.output.clone(), ..Observation::default() };
        self.records(&mut seen);
        seen.outcome = self.outcome();
        seen.rejected = rejections(&format!("{}\n{}", self.output.stdout, self.output.stderr), self.namespace);
        let from_ids = self.ids(from.map(Record::objects))?;
        let to_ids = self.ids(to.map(Record::objects))?;
        let hook_ids = self.ids(to.map(Record::hook_objects))?;
        self.objects(&mut seen, &from_ids, &to_ids, &hook_ids);
        if let Some(to) = to {
            seen.hooks = self.hooks(to)?;
            if seen.outcome == "succeeds" {
                let from_objects = from.map(|record| record.objects()).unwrap_or_default();
                seen.not_restored = self.not_restored(&from_objects, &to.objects())?;
            }
        }
        Ok(seen)
    }

    fn outcome(&self) -> String {
        let newest = self.after.records.values().next_back().map_or("", |record| record.status.as_str());
        match self.output.code {
            0 => "succeeds",
            _ if newest.starts_with("pending") && self.new_record().is_some() => "stuck",
            _ => "fails",
        }
        .into()
    }

    fn new_record(&self) -> Option<&Record> {
        let newest = self.after.records.values().next_back()?;
        (!self.before.records.contains_key(&newest.revision)).then_some(newest)
    }

    fn records(&self, seen: &mut Observation) {
        let (before, after) = (&self.before.records, &self.after.records);
        seen.records = after.values().map(|record| (record.revision, record.status.clone())).collect();
        seen.pruned = before.keys().filter(|revision| !after.contains_key(revision)).copied().collect();
        let same = |record: &&Record| before.get(&record.revision).is_some_and(|old| old.status == record.status);
        seen.changed_records = after.values().filter(|record| !same(record)).map(|record| record.revision).collect();
    }

    fn ids(&self, objects: Option<Vec<Value>>) -> Result<Ids> {
        let mut ids = BTreeMap::new();
        for object in objects.unwrap_or_default() {
            if let Some(id) = self.api.id_of(&object, self.namespace)? {
                ids.insert(id.identity(), id);
            }
        }
        Ok(ids)
    }

    /// The object under another version of its group: this one may not be served any more.
    fn other_version(&self, id: &Id) -> Option<&Value> {
        self.after.objects.iter().find(|(other, _)| other.identity() == id.identity()).map(|(_, object)| object)
    }

    fn objects(&self, seen: &mut Observation, from: &Ids, to: &Ids, hooks: &Ids) {
        for (id, object) in &self.before.objects {
            let now = self.after.objects.get(id).or_else(|| self.other_version(id));
            let was_going = is_going(object);
            let gone = now.is_none_or(|now| uid(now) != uid(object) || (is_going(now) && !was_going));
            let name = id.to_string();
            let only_in_to = to.contains_key(&id.identity()) && !from.contains_key(&id.identity());
            if only_in_to {
                seen.met.insert(name.clone());
            }
            if gone {
                if from.contains_key(&id.identity()) && !to.contains_key(&id.identity()) {
                    seen.deletes.insert(name);
                } else if !hooks.contains_key(&id.identity()) {
                    // Hooks come and go by their own policies.
                    seen.cascades.insert(name);
                }
                continue;
            }
            let only_in_from = from.contains_key(&id.identity()) && !to.contains_key(&id.identity());
            if only_in_from && !was_going {
                seen.kept.insert(name.clone());
            }
            if only_in_to && now.is_some_and(|now| version(now) != version(object)) {
                seen.adopts.insert(name);
            }
        }
        // A claim and an Event live under one name in several versions or groups.
        let deletes = seen.deletes.clone();
        seen.cascades.retain(|name| !deletes.contains(name));
        for (id, object) in &self.after.objects {
            let existed = self.before.objects.get(id).is_some_and(|before| uid(before) == uid(object));
            if !existed && to.contains_key(&id.identity()) {
                seen.creates.insert(id.to_string());
            }
            if is_going(object) {
                seen.terminating.insert(id.to_string());
            }
        }
    }

    fn not_restored(&self, from: &[Value], to: &[Value]) -> Result<BTreeMap<String, String>> {
        let mut differing = BTreeMap::new();
        for wanted in to {
            let Some(id) = self.api.id_of(wanted, self.namespace)? else {
                continue;
            };
            if wanted["unreadable"] == true {
                continue;
            }
            let Some(live) = self.after.objects.get(&id) else {
                differing.insert(id.to_string(), "does not exist".into());
                continue;
            };
            let mut before = None;
            for object in from {
                if self.api.id_of(object, self.namespace)?.is_some_and(|other| other.identity() == id.identity()) {
                    before = Some(object);
                }
            }
            if is_going(live) {
                differing.insert(id.to_string(), "is being deleted".into());
            } else if let Some(why) = restored::difference(wanted, before, live) {
                differing.insert(id.to_string(), why);
            }
        }
        Ok(differing)
    }

    /// Names of the hooks that this rollback started, in order.
    fn hooks(&self, to: &Record) -> Result<Vec<String>> {
        let Some(record) = self.new_record() else {
            return Ok(Vec::new());
        };
        let rollback_events = |hook: &Value| {
            let events = hook["events"].as_array().cloned().unwrap_or_default();
            events.iter().filter(|event| matches!(event.as_str(), Some("pre-rollback" | "post-rollback"))).count()
        };
        if record.hooks().into_iter().any(|hook| rollback_events(hook) > 1) {
            return self.created_hooks(to);
        }
        let mut started: Vec<(jiff::Timestamp, String)> = Vec::new();
        for hook in record.hooks() {
            let at = hook["last_run"]["started_at"].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
            if let Some(at) = at.filter(|at| *at >= self.started) {
                started.push((at, hook["name"].as_str().unwrap_or_default().to_owned()));
            }
        }
        started.sort();
        Ok(started.into_iter().map(|(_, name)| name).collect())
    }

    /// A hook of both events overwrites its own `last_run`: only the objects made tell that it ran twice.
    fn created_hooks(&self, to: &Record) -> Result<Vec<String>> {
        let names: Names = to.hooks().iter().filter_map(|hook| hook["name"].as_str().map(str::to_owned)).collect();
        let newest = |world: &World| world.objects.values().filter_map(version).max();
        let since = newest(self.before).unwrap_or_default().to_string();
        let mut made: Vec<(u64, String)> = Vec::new();
        for (api_version, kind) in [("batch/v1", "Job"), ("v1", "Pod"), ("v1", "ConfigMap")] {
            for event in self.api.changes_since(api_version, kind, self.namespace, &since)? {
                let name = event["object"]["metadata"]["name"].as_str().unwrap_or_default();
                if event["type"] == "ADDED" && names.contains(name) {
                    made.push((version(&event["object"]).unwrap_or_default(), name.to_owned()));
                }
            }
        }
        made.sort();
        Ok(made.into_iter().map(|(_, name)| name).collect())
    }
}

type Ids = BTreeMap<(String, String, Option<String>, String), Id>;

fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}

fn is_going(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

fn version(object: &Value) -> Option<u64> {
    object["metadata"]["resourceVersion"].as_str()?.parse().ok()
}

/// Objects that Helm's output says could not be created, changed or deleted, as `Kind/name`: the texts do not always say where.
fn rejections(output: &str, _namespace: &str) -> Names {
    let mut found = Names::new();
    for line in output.lines() {
        found.extend(cannot_patch(line));
        found.extend(apply_failed(line));
        found.extend(no_such_object(line));
        found.extend(refused(line));
    }
    found
}

/// `cannot patch "NAME" with kind KIND: …`
fn cannot_patch(line: &str) -> Vec<String> {
    after_each(line, "cannot patch \"")
        .filter_map(|rest| {
            let (name, rest) = rest.split_once("\" with kind ")?;
            Some(format!("{}/{name}", word(rest)))
        })
        .collect()
}

/// `server-side apply failed for object NAMESPACE/NAME group/version, Kind=KIND: …`, the same after `conflict occurred while applying object`.
fn apply_failed(line: &str) -> Vec<String> {
    ["server-side apply failed for object ", "while applying object ", "request to convert CR "]
        .iter()
        .flat_map(|prefix| after_each(line, prefix))
        .filter_map(|rest| {
            let (path, rest) = rest.split_once(' ')?;
            let (_, kind) = rest.split_once("Kind=")?;
            Some(format!("{}/{}", word(kind), path.rsplit('/').next()?))
        })
        .collect()
}

/// `no KIND with the name "NAME" found` (Helm up to 3.21).
fn no_such_object(line: &str) -> Vec<String> {
    after_each(line, "no ")
        .filter_map(|rest| {
            let (kind, rest) = rest.split_once(" with the name \"")?;
            let (name, rest) = rest.split_once('"')?;
            (!kind.contains(' ') && rest.starts_with(" found")).then(|| format!("{kind}/{name}"))
        })
        .collect()
}

/// `failed to replace object: KIND "NAME" is invalid`, `failed to create resource: RESOURCE "NAME" is forbidden`,
/// `failed to delete resource namespace=…, name=NAME, kind=KIND`.
fn refused(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for prefix in ["failed to replace object: ", "failed to create resource: "] {
        // `configmaps is forbidden: User "x" cannot create …` and `failed calling webhook "x"` name no object.
        let names_none = |rest: &&str| rest.contains(" is forbidden: User \"") || rest.contains("failed calling webhook \"");
        for rest in after_each(line, prefix).filter(|rest| !names_none(rest)) {
            if let Some((kind, rest)) = rest.split_once(" \"") {
                let kind = kind.rsplit(' ').next().unwrap_or(kind).split('.').next().unwrap_or(kind);
                found.push(format!("{kind}/{}", rest.split('"').next().unwrap_or_default()));
            }
        }
    }
    for rest in after_each(line, "failed to delete resource ") {
        let field = |name: &str| rest.split_once(name).map(|(_, rest)| word(rest).to_owned());
        if let (Some(name), Some(kind)) = (field("name="), field("kind=")) {
            found.push(format!("{kind}/{name}"));
        }
    }
    found
}

fn after_each<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(prefix).map(move |(at, _)| &line[at + prefix.len()..])
}

fn word(text: &str) -> &str {
    text.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '.')).next().unwrap_or_default().trim_end_matches('.')
}
