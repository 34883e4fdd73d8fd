//! The cluster of a case: live objects, volumes, served kinds, contents.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::case::{Kinds, Live};
use super::fault::Mark;
use super::kinds;
use super::world::World;
use crate::forecast::managed;
use crate::input::{Access, AccessRule, ApiResource, Discovery, DryRun, Facts, Known, LiveObject, NamespacePolicy, Residue};
use crate::k8s::surroundings::Surrounding;
use crate::release::{ApplyMethod, Map, Object, ObjectRef, Release, Value};

const CRD_GROUP: &str = "apiextensions.k8s.io";

impl World<'_> {
    pub(super) fn facts(&mut self, from: &Release, to: &Release, residue: &[Residue]) -> Facts {
        if self.case.live == Live::Unknown {
            let mut facts = Facts::none("no cluster was asked");
            facts.discovery = self.discovery(&self.case.discovery, &[]);
            facts.now = self.now();
            return facts;
        }
        let mut live = self.live_objects(from);
        let mut set_claims = self.objects(&self.case.set_claims);
        let volumes = self.objects(&self.case.volumes);
        bind_claims(&volumes, live.iter_mut().chain(&mut set_claims));
        let around = self.around(&live, from, to);
        Facts {
            around,
            now: self.now(),
            access: self.access(from, to),
            dry_run: self.dry_run(from, to),
            server_version: Known::Yes(self.case.kubernetes.clone()),
            discovery: self.discovery(&self.case.discovery, &live),
            cached_discovery: match &self.case.cached_discovery {
                Some(kinds) => self.discovery(kinds, &[]),
                None => Known::No("there is no discovery cache".to_owned()),
            },
            live: wanted(from, to, residue).map(|id| (id.clone(), Known::Yes(find(&live, id).map(live_object)))).collect(),
            volumes: volumes.iter().map(|volume| (volume.id.name.clone(), Known::Yes(Some(live_object(volume))))).collect(),
            set_claims: claims_by_set(from, to, &set_claims),
            custom_resources: self.custom_resources(&live, from),
            namespace_contents: named(&self.case.namespace_contents, |name| object_ref("v1", name)),
            webhook_backends: self
                .case
                .webhook_backends
                .iter()
                .map(|(service, ready)| (service.clone(), Known::Yes(*ready)))
                .collect(),
            cluster_uid: Known::Yes("case".to_owned()),
            namespace_policy: NamespacePolicy::NotAsked,
        }
    }

    fn now(&mut self) -> Known<Timestamp> {
        match self.case.now.parse() {
            Ok(now) => Known::Yes(now),
            Err(_) => {
                self.faults.add(Mark::START, format!("`{}` is no time like 2026-01-01T00:00:00Z", self.case.now));
                Known::No("not readable".to_owned())
            }
        }
    }

    fn live_objects(&mut self, from: &Release) -> Vec<Object> {
        let mut live = match &self.case.live {
            Live::Documents(text) => self.objects(text),
            _ => {
                let (release, namespace, method) = (&self.case.release, &self.case.namespace, from.apply_method);
                from.objects.iter().map(|object| owned(object, release, namespace, method)).collect()
            }
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

    /// The same permissions in every namespace and cluster-wide; none given = not known.
    fn access(&self, from: &Release, to: &Release) -> Access {
        let rules: Vec<AccessRule> = self.case.access.iter().map(|(_, rule)| rule.clone()).collect();
        if rules.is_empty() {
            return Access::default();
        }
        let objects = from.objects.iter().chain(&to.objects);
        let namespaces: BTreeSet<Option<String>> = objects.map(|object| object.id.namespace.clone()).chain([None]).collect();
        let writes_records = Known::Yes(true);
        Access {
            writes_records,
            by_namespace: namespaces.into_iter().map(|namespace| (namespace, Known::Yes(rules.clone()))).collect(),
        }
    }

    /// Answers by object, as the case names it: `accepted`, or what the server said against it.
    fn dry_run(&self, from: &Release, to: &Release) -> BTreeMap<ObjectRef, DryRun> {
        let objects = || from.objects.iter().chain(&to.objects).map(|object| &object.id);
        let answers =
            self.case.dry_run.iter().filter_map(|(name, said)| Some((objects().find(|id| id.to_string() == *name)?, said)));
        answers
            .map(|(id, said)| match said.as_str() {
                "accepted" => (id.clone(), DryRun::Accepted { warnings: Vec::new() }),
                text => match text.strip_prefix("warning: ") {
                    Some(warning) => (id.clone(), DryRun::Accepted { warnings: vec![warning.to_owned()] }),
                    None => (id.clone(), DryRun::Refused(text.to_owned())),
                },
            })
            .collect()
    }

    /// Every surrounding kind in every namespace of the manifests: of the live objects and of those the case puts around them.
    fn around(
        &mut self,
        live: &[Object],
        from: &Release,
        to: &Release,
    ) -> BTreeMap<(Surrounding, Option<String>), Known<Vec<LiveObject>>> {
        let extra = self.objects(&self.case.around);
        let mut namespaces: BTreeSet<&str> =
            from.objects.iter().chain(&to.objects).filter_map(|object| object.id.namespace.as_deref()).collect();
        namespaces.insert(&self.case.namespace);
        let mut around = BTreeMap::new();
        for kind in Surrounding::ALL.iter().copied() {
            let places: Vec<Option<&str>> =
                if kind.is_namespaced() { namespaces.iter().copied().map(Some).collect() } else { Vec::new() };
            // Node ports belong to the whole cluster.
            let everywhere = (!kind.is_namespaced() || kind == Surrounding::Services).then_some(None);
            for place in places.into_iter().chain(everywhere) {
                let of_kind = live.iter().chain(&extra).filter(|object| object.id.is(kind.group(), kind.kubernetes_kind()));
                let here = of_kind.filter(|object| place.is_none() || object.id.namespace.as_deref() == place);
                let found = match self.case.unreadable.contains(&kind) {
                    true => Known::No(format!("forbidden: list {}", kind.as_str())),
                    false => Known::Yes(here.map(live_object).collect()),
                };
                around.insert((kind, place.map(str::to_owned)), found);
            }
        }
        around
    }

    fn discovery(&self, kinds: &Kinds, live: &[Object]) -> Known<Discovery> {
        match &kinds.unknown {
            Some(why) => Known::No(why.clone()),
            None => Known::Yes(served(kinds, live)),
        }
    }

    fn custom_resources(&self, live: &[Object], from: &Release) -> BTreeMap<String, Known<Vec<ObjectRef>>> {
        let definitions =
            || live.iter().chain(&from.objects).filter(|object| object.id.is(CRD_GROUP, "CustomResourceDefinition"));
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

/// Kinds of Kubernetes itself and of live definitions, with the case's changes.
pub(super) fn served(kinds: &Kinds, live: &[Object]) -> Discovery {
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
    versions.map(|version| ((format!("{group}/{}", text(version.get("name"))), kind.clone()), resource.clone())).collect()
}

/// Every object that either manifest, a hook, or an abandoned revision names.
fn wanted<'r>(from: &'r Release, to: &'r Release, residue: &'r [Residue]) -> impl Iterator<Item = &'r ObjectRef> {
    let hooks = from.hooks.iter().chain(&to.hooks).filter_map(|hook| hook.object.as_ref());
    let abandoned = residue.iter().flat_map(|residue| &residue.objects);
    from.objects.iter().chain(&to.objects).chain(hooks).map(|object| &object.id).chain(abandoned)
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
    let mut body = object.body.clone();
    if let Some(namespace) = &object.id.namespace {
        set(&mut body, &["metadata", "namespace"], Value::from(namespace.as_str()));
    }
    LiveObject {
        uid: given("uid", format!("uid-of-{}-{}", object.id.group(), object.id)),
        resource_version: given("resourceVersion", "1".to_owned()),
        body,
    }
}

/// The object as Helm left it in the cluster: with its ownership marks, of the object and of its fields.
fn owned(object: &Object, release: &str, namespace: &str, method: Option<ApplyMethod>) -> Object {
    let mut object = object.clone();
    let marks = [
        ("annotations", "meta.helm.sh/release-name", release),
        ("annotations", "meta.helm.sh/release-namespace", namespace),
        ("labels", "app.kubernetes.io/managed-by", "Helm"),
    ];
    for (map, key, text) in marks {
        set(&mut object.body, &["metadata", map, key], Value::from(text));
    }
    let entry = managed::entry(&object.id, &object.body, method);
    set(&mut object.body, &["metadata", "managedFields"], Value::List(vec![entry]));
    object
}

/// Binds the claim that a volume's `claimRef` names, as the volume controller does.
fn bind_claims<'o>(volumes: &[Object], claims: impl Iterator<Item = &'o mut Object>) {
    for claim in claims.filter(|object| object.id.is("", "PersistentVolumeClaim")) {
        let refers = |volume: &&Object| {
            let reference = volume.body.at(&["spec", "claimRef"]);
            reference.get("name").as_str() == Some(&claim.id.name)
                && reference.get("namespace").as_str() == claim.id.namespace.as_deref()
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
