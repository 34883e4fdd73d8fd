//! Builds the analysis input of a case.

use std::collections::BTreeMap;

use super::case::{Case, Kinds, Live, Record, Recorded, Text};
use super::fault::{Collector, Fault, Mark};
use super::kinds;
use crate::helm::{HelmBinary, HelmVersion, RollbackFlags, ServerSide, Wait};
use crate::input::{ApiResource, Between, Discovery, Facts, Input, Known, LiveObject, RevisionEntry, RevisionInfo, TargetChoice};
use crate::k8s::scope::Scopes;
use crate::release::manifest::{ParseContext, parse_manifest};
use crate::release::redact::Redactor;
use crate::release::{
    ApplyMethod, ChartInfo, DeletePolicy, Hook, HookEvent, LastRun, Map, Object, ObjectRef, Release, Revision, Status, StoredAs,
    Value,
};

/// Cases hold no real secrets; a fixed key makes runs repeatable.
const CASE_KEY: [u8; 32] = [7; 32];

const CRD_GROUP: &str = "apiextensions.k8s.io";

/// The input the pipeline would get if the case were real.
pub fn input(case: &Case) -> Result<Input, Vec<Fault>> {
    let mut world = World::new(case);
    let input = world.build();
    if world.faults.is_empty() { Ok(input) } else { Err(world.faults.into_faults()) }
}

struct World<'c> {
    case: &'c Case,
    redactor: Redactor,
    scopes: Scopes,
    faults: Collector,
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
        let facts = self.facts(&from, &to);
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
            residue: Vec::new(),
            facts,
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

    fn objects(&mut self, text: &Text) -> Vec<Object> {
        let context =
            ParseContext { default_namespace: &self.case.namespace, scopes: &self.scopes, redactor: &self.redactor };
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
            chart: ChartInfo { name: "shop".to_owned(), version: format!("1.0.{}", record.revision), ..ChartInfo::default() },
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
        jobs.retain(|object| object.id.is("batch", "Job"));
        Between {
            revision: record.revision,
            status: info.status,
            restores: info.restores,
            chart: info.chart,
            hooks: self.hooks(record),
            jobs,
        }
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

    fn facts(&mut self, from: &Release, to: &Release) -> Facts {
        if self.case.live == Live::Unknown {
            let mut facts = Facts::none("no cluster was asked");
            facts.discovery = self.discovery(&self.case.discovery, &[]);
            return facts;
        }
        let mut live = self.live_objects(from);
        let mut set_claims = self.objects(&self.case.set_claims);
        let volumes = self.objects(&self.case.volumes);
        bind_claims(&volumes, live.iter_mut().chain(&mut set_claims));
        Facts {
            server_version: Known::Yes(self.case.kubernetes.clone()),
            discovery: self.discovery(&self.case.discovery, &live),
            cached_discovery: match &self.case.cached_discovery {
                Some(kinds) => self.discovery(kinds, &[]),
                None => Known::No("there is no discovery cache".to_owned()),
            },
            live: wanted(from, to).map(|id| (id.clone(), Known::Yes(find(&live, id).map(live_object)))).collect(),
            volumes: volumes.iter().map(|volume| (volume.id.name.clone(), Known::Yes(Some(live_object(volume))))).collect(),
            set_claims: claims_by_set(from, to, &set_claims),
            custom_resources: self.custom_resources(&live, from),
            namespace_contents: named(&self.case.namespace_contents, |name| object_ref("v1", name)),
            webhook_backends: BTreeMap::new(),
            cluster_uid: Known::Yes("case".to_owned()),
        }
    }

    fn live_objects(&mut self, from: &Release) -> Vec<Object> {
        let mut live = match &self.case.live {
            Live::Documents(text) => self.objects(text),
            _ => from.objects.iter().map(|object| owned(object, &self.case.release, &self.case.namespace)).collect(),
        };
        for object in self.objects(&self.case.live_also) {
            live.retain(|other| other.id != object.id);
            live.push(object);
        }
        for name in &self.case.live_without {
            let before = live.len();
            live.retain(|object| object.id.to_string() != *name);
            if live.len() == before {
                self.faults.add(Mark::START, format!("`live_without` names {name}, which is not live"));
            }
        }
        live
    }

    fn discovery(&self, kinds: &Kinds, live: &[Object]) -> Known<Discovery> {
        match &kinds.unknown {
            Some(why) => Known::No(why.clone()),
            None => Known::Yes(served(kinds, live)),
        }
    }

    fn custom_resources(&self, live: &[Object], from: &Release) -> BTreeMap<String, Known<Vec<ObjectRef>>> {
        let definitions = || live.iter().chain(&from.objects).filter(|object| object.id.is(CRD_GROUP, "CustomResourceDefinition"));
        let api_version = |crd: &str| {
            let found = definitions().find(|object| object.id.name == crd)?;
            defined(found).into_iter().next().map(|((api_version, _), _)| api_version)
        };
        let lists = self.case.custom_resources.iter();
        lists
            .map(|(crd, names)| {
                let api_version = api_version(crd).unwrap_or_else(|| "v1".to_owned());
                (crd.clone(), Known::Yes(names.iter().map(|name| object_ref(&api_version, name)).collect()))
            })
            .collect()
    }
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
        "--history-max" => match value.parse() {
            Ok(number) => flags.history_max = number,
            Err(_) => return false,
        },
        _ => return false,
    }
    true
}

/// Kinds of Kubernetes itself and of live definitions, with the case's changes.
fn served(kinds: &Kinds, live: &[Object]) -> Discovery {
    let builtin = kinds::BUILTIN.iter().map(|(api_version, kind, plural, namespaced)| {
        let resource = ApiResource { plural: (*plural).to_owned(), namespaced: *namespaced };
        (((*api_version).to_owned(), (*kind).to_owned()), resource)
    });
    let mut discovery: Discovery = builtin.collect();
    for definition in live.iter().filter(|object| object.id.is(CRD_GROUP, "CustomResourceDefinition")) {
        discovery.extend(defined(definition));
    }
    for kind in &kinds.add {
        let plural = kind.plural.clone().unwrap_or_else(|| format!("{}s", kind.kind.to_lowercase()));
        let key = (kind.api_version.clone(), kind.kind.clone());
        discovery.insert(key, ApiResource { plural, namespaced: kind.namespaced });
    }
    for kind in &kinds.remove {
        discovery.remove(&(kind.api_version.clone(), kind.kind.clone()));
    }
    discovery
}

/// The kinds that a CustomResourceDefinition brings.
fn defined(definition: &Object) -> Vec<((String, String), ApiResource)> {
    let spec = definition.body.get("spec");
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let group = text(spec.get("group"));
    let kind = text(spec.at(&["names", "kind"]));
    let resource =
        ApiResource { plural: text(spec.at(&["names", "plural"])), namespaced: spec.get("scope").as_str() != Some("Cluster") };
    let versions = spec.get("versions").as_list().iter().filter(|version| version.get("served").as_bool() != Some(false));
    versions
        .map(|version| ((format!("{group}/{}", text(version.get("name"))), kind.clone()), resource.clone()))
        .collect()
}

/// Every object that either manifest or a hook names.
fn wanted<'r>(from: &'r Release, to: &'r Release) -> impl Iterator<Item = &'r ObjectRef> {
    let hooks = from.hooks.iter().chain(&to.hooks).filter_map(|hook| hook.object.as_ref());
    from.objects.iter().chain(&to.objects).chain(hooks).map(|object| &object.id)
}

/// The live object of this name; another version of the same group is the same object.
fn find<'l>(live: &'l [Object], id: &ObjectRef) -> Option<&'l Object> {
    let same = |object: &&Object| {
        let other = &object.id;
        other.is(id.group(), &id.kind) && other.name == id.name && other.namespace == id.namespace
    };
    live.iter().find(|object| object.id == *id).or_else(|| live.iter().find(same))
}

fn live_object(object: &Object) -> LiveObject {
    let metadata = object.body.get("metadata");
    let given = |key: &str, default: String| metadata.get(key).as_str().map_or(default, str::to_owned);
    LiveObject {
        uid: given("uid", format!("uid-of-{}-{}", object.id.group(), object.id)),
        resource_version: given("resourceVersion", "1".to_owned()),
        body: object.body.clone(),
    }
}

/// The object as Helm left it in the cluster: with its ownership marks.
fn owned(object: &Object, release: &str, namespace: &str) -> Object {
    let mut object = object.clone();
    let marks = [
        ("annotations", "meta.helm.sh/release-name", release),
        ("annotations", "meta.helm.sh/release-namespace", namespace),
        ("labels", "app.kubernetes.io/managed-by", "Helm"),
    ];
    for (map, key, text) in marks {
        set(&mut object.body, &["metadata", map, key], Value::from(text));
    }
    object
}

/// Binds the claim that a volume's `claimRef` names, as the volume controller does.
fn bind_claims<'o>(volumes: &[Object], claims: impl Iterator<Item = &'o mut Object>) {
    for claim in claims.filter(|object| object.id.is("", "PersistentVolumeClaim")) {
        let refers = |volume: &&Object| {
            let reference = volume.body.at(&["spec", "claimRef"]);
            reference.get("name").as_str() == Some(&claim.id.name) && reference.get("namespace").as_str() == claim.id.namespace.as_deref()
        };
        let Some(volume) = volumes.iter().find(refers) else { continue };
        set(&mut claim.body, &["spec", "volumeName"], Value::from(volume.id.name.as_str()));
        set(&mut claim.body, &["status", "phase"], Value::from("Bound"));
        let capacity = volume.body.at(&["spec", "capacity", "storage"]);
        if !capacity.is_null() {
            set(&mut claim.body, &["status", "capacity", "storage"], capacity.clone());
        }
    }
}

/// Sets a nested key, making maps on the way; what is already there stays.
fn set(body: &mut Value, path: &[&str], value: Value) {
    let Some((key, rest)) = path.split_first() else { return };
    if body.is_null() {
        *body = Value::Map(Map::new());
    }
    let Some(map) = body.as_map_mut() else { return };
    if rest.is_empty() {
        map.entry((*key).to_owned()).or_insert(value);
    } else {
        set(map.entry((*key).to_owned()).or_insert(Value::Null), rest, value);
    }
}

/// Claims named `<template>-<set>-<ordinal>`, by the StatefulSet of either manifest.
fn claims_by_set(from: &Release, to: &Release, claims: &[Object]) -> BTreeMap<ObjectRef, Known<Vec<LiveObject>>> {
    let sets = from.objects.iter().chain(&to.objects).filter(|object| object.id.is("apps", "StatefulSet"));
    sets.map(|set| {
        let infix = format!("-{}-", set.id.name);
        let of_set = claims.iter().filter(|claim| {
            let ordinal = claim.id.name.rsplit_once(&infix).map(|(_, ordinal)| ordinal);
            claim.id.namespace == set.id.namespace && ordinal.is_some_and(|ordinal| ordinal.parse::<u32>().is_ok())
        });
        (set.id.clone(), Known::Yes(of_set.map(live_object).collect()))
    })
    .collect()
}

fn named(lists: &[(String, Vec<String>)], to_ref: impl Fn(&str) -> ObjectRef) -> BTreeMap<String, Known<Vec<ObjectRef>>> {
    lists.iter().map(|(name, items)| (name.clone(), Known::Yes(items.iter().map(|item| to_ref(item)).collect()))).collect()
}

/// `Kind/namespace/name` or `Kind/name`.
fn object_ref(api_version: &str, name: &str) -> ObjectRef {
    let parts: Vec<&str> = name.split('/').collect();
    match parts.as_slice() {
        [kind, namespace, name] => ObjectRef::new(api_version, kind, Some(namespace), name),
        [kind, name] => ObjectRef::new(api_version, kind, None, name),
        _ => ObjectRef::new(api_version, name, None, ""),
    }
}
