//! What is in the cluster: snapshots of everything a case can touch.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;

use crate::api::{Api, Id};
use crate::helm::Record;

/// Kinds listed in every namespace of a case; all others are read by name.
const LISTED: [(&str, &str); 9] = [
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("v1", "PersistentVolumeClaim"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
];
/// Between two looks while the cluster settles.
const LOOK: Duration = Duration::from_millis(150);
/// Garbage collection, volume reclaim and finalizers are done well within this, or hang.
const SETTLE_LIMIT: Duration = Duration::from_secs(12);

/// What is looked at.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    pub namespace: String,
    /// Other namespaces that a manifest creates.
    namespaces: BTreeSet<String>,
    pub named: BTreeSet<Id>,
    /// (apiVersion, kind) of custom resources, listed everywhere.
    custom: BTreeSet<(String, String)>,
}

impl Scope {
    pub fn new(namespace: &str) -> Scope {
        Scope { namespace: namespace.into(), ..Scope::default() }
    }

    pub fn add_records(&mut self, api: &Api, records: &BTreeMap<u32, Record>) -> Result<()> {
        for record in records.values() {
            for object in record.objects().iter().chain(&record.hook_objects()) {
                self.add(api, object)?;
            }
        }
        Ok(())
    }

    pub fn add(&mut self, api: &Api, object: &Value) -> Result<()> {
        let Some(id) = api.id_of(object, &self.namespace)? else {
            return Ok(());
        };
        if id.kind == "Namespace" {
            self.namespaces.insert(id.name.clone());
        }
        if id.kind == "CustomResourceDefinition" {
            let spec = &object["spec"];
            for version in spec["versions"].as_array().into_iter().flatten() {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let api_version = format!("{}/{}", text(&spec["group"]), text(&version["name"]));
                self.custom.insert((api_version, text(&spec["names"]["kind"])));
            }
        }
        self.named.insert(id);
        Ok(())
    }

    /// Objects outside the case's namespace, which another case would meet: cluster-scoped ones, and those in `kube-system`.
    pub fn outside(&self) -> impl Iterator<Item = &Id> {
        self.named.iter().filter(|id| id.namespace.as_ref() != Some(&self.namespace))
    }
}

/// Everything in the scope at one time.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub objects: BTreeMap<Id, Value>,
    /// Records of the case's release.
    pub records: BTreeMap<u32, Record>,
}

impl World {
    pub fn take(api: &Api, scope: &Scope, release: &str) -> Result<World> {
        let mut world = World::default();
        let others = scope.namespaces.iter().filter(|name| **name != scope.namespace);
        for namespace in others.chain([&scope.namespace]) {
            for (api_version, kind) in LISTED {
                for object in api.list(api_version, kind, Some(namespace))? {
                    world.add_listed(api_version, kind, object, release, namespace == &scope.namespace)?;
                }
            }
        }
        for (api_version, kind) in &scope.custom {
            for object in api.list(api_version, kind, None)? {
                world.insert(api_version, kind, object);
            }
        }
        world.add_volumes(api, scope)?;
        for id in &scope.named {
            if !world.objects.contains_key(id)
                && !is_listed(id, scope)
                && let Some(object) = api.get(id)?
            {
                world.objects.insert(id.clone(), object);
            }
        }
        Ok(world)
    }

    fn add_listed(&mut self, api_version: &str, kind: &str, object: Value, release: &str, own: bool) -> Result<()> {
        if object["type"] == "helm.sh/release.v1" {
            let labels = &object["metadata"]["labels"];
            if own && labels["name"] == release && labels["owner"] == "helm" {
                let record = Record::of_secret(&object)?;
                self.records.insert(record.revision, record);
            }
        } else if !comes_by_itself(kind, &object) {
            self.insert(api_version, kind, object);
        }
        Ok(())
    }

    fn insert(&mut self, api_version: &str, kind: &str, object: Value) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let metadata = &object["metadata"];
        let id = Id {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: text(&metadata["namespace"]),
            name: text(&metadata["name"]).unwrap_or_default(),
        };
        self.objects.insert(id, object);
    }

    /// Volumes that are bound to claims of the case.
    fn add_volumes(&mut self, api: &Api, scope: &Scope) -> Result<()> {
        for volume in api.list("v1", "PersistentVolume", None)? {
            let claimed_from = volume["spec"]["claimRef"]["namespace"].as_str().unwrap_or_default();
            if claimed_from == scope.namespace || scope.namespaces.contains(claimed_from) {
                self.insert("v1", "PersistentVolume", volume);
            }
        }
        Ok(())
    }

    /// Names and versions of all objects: equal twice in a row means that nothing moves.
    fn fingerprint(&self) -> Vec<(String, String)> {
        let versions =
            self.objects.iter().map(|(id, object)| (id.to_string(), object["metadata"]["resourceVersion"].to_string()));
        versions.chain(self.records.values().map(|record| (record.revision.to_string(), record.status.clone()))).collect()
    }

    pub fn is_gone(&self, name: &str) -> bool {
        !self.objects.iter().any(|(id, object)| id.to_string() == name && object["metadata"]["deletionTimestamp"].is_null())
    }
}

fn is_listed(id: &Id, scope: &Scope) -> bool {
    let listed = LISTED.contains(&(id.api_version.as_str(), id.kind.as_str()));
    listed
        && id.namespace.as_deref().is_some_and(|namespace| namespace == scope.namespace || scope.namespaces.contains(namespace))
}

/// What controllers make and remake in every namespace, or for an owner that is compared itself.
fn comes_by_itself(kind: &str, object: &Value) -> bool {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let owned = object["metadata"]["ownerReferences"].as_array().is_some_and(|owners| !owners.is_empty());
    matches!((kind, name), ("ServiceAccount", "default") | ("ConfigMap", "kube-root-ca.crt")) || (kind == "Job" && owned)
}

/// Looks until nothing has moved between two looks and everything `awaited` to go has gone.
pub fn settle(api: &Api, scope: &Scope, release: &str, awaited: &BTreeSet<String>) -> Result<World> {
    let deadline = Instant::now() + SETTLE_LIMIT;
    let mut before = World::take(api, scope, release)?;
    loop {
        sleep(LOOK);
        let now = World::take(api, scope, release)?;
        let quiet = now.fingerprint() == before.fingerprint();
        let arrived = awaited.iter().all(|name| now.is_gone(name));
        if (quiet && arrived) || Instant::now() > deadline {
            return Ok(now);
        }
        before = now;
    }
}
