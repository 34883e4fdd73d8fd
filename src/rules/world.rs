//! Builds the analysis input of a case.

use std::collections::BTreeMap;

use super::case::{Case, Live, Record, Recorded, Text};
use super::cluster::served;
use super::fault::{Collector, Fault, Mark};
use crate::helm::{HelmBinary, HelmVersion, RollbackFlags, ServerSide, Wait};
use crate::input::{Between, Input, Known, NamedMigrations, Residue, RevisionEntry, RevisionInfo, TargetChoice};
use crate::k8s::scope::Scopes;
use crate::release::chart_files;
use crate::release::manifest::{ParseContext, parse_manifest};
use crate::release::redact::Redactor;
use crate::release::{
    ApplyMethod, ChartInfo, DeletePolicy, Hook, HookEvent, LastRun, Map, Object, ObjectRef, Release, Revision, Status, StoredAs,
    Value,
};

/// Cases hold no real secrets; a fixed key makes runs repeatable.
const CASE_KEY: [u8; 32] = [7; 32];

/// The input the pipeline would get if the case were real.
pub fn input(case: &Case) -> Result<Input, Vec<Fault>> {
    let mut world = World::new(case);
    let input = world.build();
    if world.faults.is_empty() { Ok(input) } else { Err(world.faults.into_faults()) }
}

pub(super) struct World<'c> {
    pub(super) case: &'c Case,
    redactor: Redactor,
    scopes: Scopes,
    pub(super) faults: Collector,
}

impl<'c> World<'c> {
    fn new(case: &'c Case) -> World<'c> {
        let scopes = Scopes::with_discovery(&served(&case.discovery, &[]));
        World { case, redactor: Redactor::with_key(CASE_KEY), scopes, faults: Collector::new(&case.file) }
    }

    fn build(&mut self) -> Input {
        self.learn_scopes();
        let from = self.release(&self.case.from, Status::Deployed);
        let to = self.release(&self.case.to, Status::Superseded);
        let between: Vec<Between> = self.case.between.iter().map(|record| self.between(record)).collect();
        let flags = self.flags();
        let residue = self.residue(&from);
        let facts = self.facts(&from, &to, &residue);
        Input {
            helm: HelmBinary { path: None, version: self.helm_version() },
            flags,
            driver: "secrets".to_owned(),
            namespace: self.case.namespace.clone(),
            history: self.history(&from, &to, &between),
            target: TargetChoice {
                revision: to.revision,
                requested: true,
                helm_default: from.revision.checked_sub(1).filter(|revision| *revision > 0),
                skipped: Vec::new(),
                reason: "named by the case".to_owned(),
            },
            from,
            to,
            between,
            residue,
            facts,
            schema: NamedMigrations::default(),
            gaps: Vec::new(),
        }
    }

    /// Definitions anywhere in the case tell the scope of their kinds, whatever the order of the documents.
    fn learn_scopes(&mut self) {
        let live = match &self.case.live {
            Live::Documents(text) => text,
            _ => &self.case.live_also,
        };
        for text in [&self.case.from.manifest, &self.case.to.manifest, live, &self.case.live_also] {
            let objects = self.objects(text);
            self.scopes.learn_crds(&objects);
        }
        // What could not be parsed is reported when the text is read for good.
        self.faults = Collector::new(&self.case.file);
    }

    pub(super) fn objects(&mut self, text: &Text) -> Vec<Object> {
        let context = ParseContext { default_namespace: &self.case.namespace, scopes: &self.scopes, redactor: &self.redactor };
        let parsed = parse_manifest(&text.text, &context);
        for gap in &parsed.gaps {
            self.faults.add(text.mark.unwrap_or(Mark::START), format!("{}: {}", gap.what, gap.why));
        }
        parsed.objects
    }

    fn helm_version(&mut self) -> Known<HelmVersion> {
        if self.case.helm == "unknown" {
            return Known::No("the case says so".to_owned());
        }
        match HelmVersion::parse(&self.case.helm) {
            Some(version) => Known::Yes(version),
            None => {
                self.faults.add(Mark::START, format!("`{}` is no Helm version", self.case.helm));
                Known::No("not readable".to_owned())
            }
        }
    }

    fn release(&mut self, record: &Record, status: Status) -> Release {
        let info = info(record, status);
        let hooks = self.hooks(record);
        Release {
            name: self.case.release.clone(),
            namespace: self.case.namespace.clone(),
            revision: record.revision,
            status: info.status,
            description: info.description,
            first_deployed: None,
            last_deployed: None,
            rollback_revision: record.restores,
            apply_method: self.apply_method(record),
            chart: chart(record),
            config: self.values(&record.values),
            objects: self.objects(&record.manifest),
            hooks,
            notes: String::new(),
            stored: stored(&self.case.release, record.revision, Some(info.status)),
            gaps: Vec::new(),
        }
    }

    fn between(&mut self, record: &Record) -> Between {
        let info = info(record, Status::Superseded);
        let mut jobs = self.objects(&record.manifest);
        let migration_files = chart_files::names(&jobs, &[], std::iter::empty());
        jobs.retain(|object| object.id.is("batch", "Job"));
        Between {
            revision: record.revision,
            status: info.status,
            restores: info.restores,
            chart: info.chart,
            hooks: self.hooks(record),
            jobs,
            migration_files,
        }
    }

    /// Below a failed or pending *from*: what the record before had and it has not was never deleted.
    fn residue(&mut self, from: &Release) -> Vec<Residue> {
        let mut records: Vec<&Record> = self.case.between.iter().chain([&self.case.to]).collect();
        records.sort_by_key(|record| std::cmp::Reverse(record.revision));
        let mut residue = Vec::new();
        let (mut status, mut kept) = (from.status, ids(&from.objects));
        for record in records {
            if status != Status::Failed && !status.is_pending() {
                break;
            }
            let had = ids(&self.objects(&record.manifest));
            let objects = had.iter().filter(|id| !kept.contains(id)).cloned().collect();
            residue.push(Residue { revision: record.revision, objects });
            status = info(record, Status::Superseded).status;
            kept = had;
        }
        residue
    }

    fn apply_method(&self, record: &Record) -> Option<ApplyMethod> {
        match record.apply_method {
            Some(Recorded::ServerSide) => Some(ApplyMethod::ServerSide),
            Some(Recorded::ClientSide) => Some(ApplyMethod::ClientSide),
            Some(Recorded::None) => None,
            None => (!self.case.helm.trim_start_matches('v').starts_with('3')).then_some(ApplyMethod::ServerSide),
        }
    }

    fn values(&mut self, text: &Text) -> Value {
        if text.text.is_empty() {
            return Value::Map(Map::new());
        }
        let parsed: Result<serde_json::Value, _> = serde_yaml::from_str(&text.text);
        match parsed {
            Ok(json) => {
                let mut values = Value::from_json(json);
                self.redactor.values(&mut values);
                values
            }
            Err(error) => {
                self.faults.add(text.mark.unwrap_or(Mark::START), format!("values: {error}"));
                Value::Null
            }
        }
    }

    fn hooks(&mut self, record: &Record) -> Vec<Hook> {
        let objects = self.objects(&record.hooks);
        objects.into_iter().map(|object| hook(object, record)).collect()
    }

    fn history(&self, from: &Release, to: &Release, between: &[Between]) -> Vec<RevisionEntry> {
        let mut entries: BTreeMap<Revision, RevisionEntry> = BTreeMap::new();
        let mut add = |revision, info: RevisionInfo, label| {
            let stored = stored(&self.case.release, revision, Some(label));
            entries.insert(revision, RevisionEntry { revision, stored, record: Some(info), undecodable: None });
        };
        if self.case.history.is_empty() {
            for (record, status) in [(&self.case.to, to.status), (&self.case.from, from.status)] {
                add(record.revision, info(record, status), status);
            }
            for (record, ran) in self.case.between.iter().zip(between) {
                add(record.revision, info(record, ran.status), ran.status);
            }
        }
        for entry in &self.case.history {
            let status = entry.status.unwrap_or(Status::Superseded);
            let record = Record {
                revision: entry.revision,
                description: entry.description.clone(),
                restores: entry.restores,
                ..Record::default()
            };
            add(entry.revision, info(&record, status), entry.label.unwrap_or(status));
        }
        entries.into_values().collect()
    }

    fn flags(&mut self) -> RollbackFlags {
        let mut flags = RollbackFlags { history_max: 10, ..RollbackFlags::default() };
        for (mark, text) in &self.case.flags {
            if !set_flag(&mut flags, text) {
                self.faults.add(*mark, format!("`{text}` is no flag of helm rollback that changes what it does"));
            }
        }
        flags
    }
}

fn ids(objects: &[Object]) -> Vec<ObjectRef> {
    objects.iter().map(|object| object.id.clone()).collect()
}

fn info(record: &Record, default: Status) -> RevisionInfo {
    let description = match record.revision {
        1 => "Install complete",
        _ => "Upgrade complete",
    };
    RevisionInfo {
        status: record.status.unwrap_or(default),
        description: record.description.clone().unwrap_or_else(|| description.to_owned()),
        restores: record.restores,
        chart: format!("shop-1.0.{}", record.revision),
        last_deployed: None,
    }
}

fn chart(record: &Record) -> ChartInfo {
    ChartInfo {
        name: "shop".to_owned(),
        version: format!("1.0.{}", record.revision),
        app_version: record.app_version.clone().unwrap_or_default(),
        kube_version: record.kube_version.clone(),
        ..ChartInfo::default()
    }
}

fn stored(release: &str, revision: Revision, label: Option<Status>) -> StoredAs {
    StoredAs {
        key: format!("sh.helm.release.v1.{release}.v{revision}"),
        uid: Some(format!("record-{revision}")),
        resource_version: Some(revision.to_string()),
        status_label: label,
    }
}

/// A hook as Helm stores it, from its document's annotations.
fn hook(object: Object, record: &Record) -> Hook {
    let words = |key: &str| -> Vec<String> {
        let text = object.annotation(key).unwrap_or("");
        text.split(',').map(|word| word.trim().to_lowercase()).filter(|word| !word.is_empty()).collect()
    };
    let policies = words("helm.sh/hook-delete-policy");
    let policy = |name: &str| match name {
        "hook-succeeded" => Some(DeletePolicy::HookSucceeded),
        "hook-failed" => Some(DeletePolicy::HookFailed),
        "before-hook-creation" => Some(DeletePolicy::BeforeHookCreation),
        _ => None,
    };
    let ran = record.ran.iter().find(|(name, _)| *name == object.id.name);
    Hook {
        name: object.id.name.clone(),
        kind: object.id.kind.clone(),
        path: object.origin.template.clone().unwrap_or_else(|| "shop/templates/hook.yaml".to_owned()),
        events: words("helm.sh/hook").iter().filter_map(|event| HookEvent::parse(event)).collect(),
        weight: object.annotation("helm.sh/hook-weight").and_then(|weight| weight.parse().ok()).unwrap_or(0),
        delete_policies: policies.iter().filter_map(|name| policy(name)).collect(),
        last_run: LastRun { phase: ran.map(|(_, phase)| phase.clone()).unwrap_or_default(), ..LastRun::default() },
        object: Some(object),
    }
}

/// False for a flag that is not known here.
fn set_flag(flags: &mut RollbackFlags, text: &str) -> bool {
    let (name, value) = text.split_once('=').unwrap_or((text, "true"));
    let on = value == "true";
    match name {
        "--no-hooks" => flags.no_hooks = on,
        "--force" | "--force-replace" => flags.force_replace = on,
        "--force-conflicts" => flags.force_conflicts = on,
        "--wait-for-jobs" => flags.wait_for_jobs = on,
        "--cleanup-on-fail" => flags.cleanup_on_fail = on,
        "--recreate-pods" => flags.recreate_pods = on,
        "--server-side" => {
            flags.server_side = match value {
                "true" => ServerSide::True,
                "false" => ServerSide::False,
                _ => ServerSide::Auto,
            }
        }
        "--wait" => {
            flags.wait = match value {
                "legacy" => Wait::Legacy,
                "hookOnly" | "false" => Wait::HookOnly,
                _ => Wait::Watcher,
            }
        }
        "--timeout" => flags.timeout = Some(value.to_owned()),
        "--history-max" => match value.parse() {
            Ok(number) => flags.history_max = number,
            Err(_) => return false,
        },
        _ => return false,
    }
    true
}
