//! Everything the pure part works on: both records, the history around them, and facts from the cluster.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::helm::{HelmBinary, RollbackFlags};
use crate::k8s::surroundings::Surrounding;
use crate::migrations::applied::Applied;
use crate::migrations::evidence::Evidence;
use crate::release::{Hook, ObjectRef, Release, Revision, Status, StoredAs, Value};

/// A fact, or the reason why it is not known. "Not allowed to look" can never be read as "none exist".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known<T> {
    Yes(T),
    /// Why it is not known, in words for the report: `forbidden: list persistentvolumes`.
    No(String),
}

impl<T> Known<T> {
    pub fn yes(&self) -> Option<&T> {
        match self {
            Known::Yes(value) => Some(value),
            Known::No(_) => None,
        }
    }

    pub fn why_not(&self) -> Option<&str> {
        match self {
            Known::Yes(_) => None,
            Known::No(why) => Some(why),
        }
    }
}

/// Something that could not be known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// What is missing: `live PersistentVolumeClaim/prod/cache`, `document 3 of templates/x.yaml (line 40)`.
    pub what: String,
    /// Why: `forbidden: list persistentvolumes`.
    pub why: String,
    /// Rule ids, or `forecast`, that would have needed it.
    pub affects: Vec<String>,
    /// Whether this very comparison needed it to be decided.
    pub blocks: bool,
}

impl Gap {
    pub fn new(what: impl Into<String>, why: impl Into<String>) -> Gap {
        Gap { what: what.into(), why: why.into(), affects: Vec::new(), blocks: false }
    }

    pub fn affecting(mut self, rule: &str) -> Gap {
        self.affects.push(rule.to_owned());
        self
    }

    pub fn blocking(mut self) -> Gap {
        self.blocks = true;
        self
    }
}

/// A revision of the release as the listing tells it; `record` facts are there where the payload was read too.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RevisionEntry {
    pub revision: Revision,
    pub stored: StoredAs,
    /// From the payload, where it was read.
    pub record: Option<RevisionInfo>,
    /// Why the payload could not be decoded, if it was tried.
    pub undecodable: Option<String>,
}

impl RevisionEntry {
    /// Payload status where known, else the label's.
    pub fn status(&self) -> Status {
        self.record.as_ref().map(|r| r.status).or(self.stored.status_label).unwrap_or(Status::Unknown)
    }
}

/// The `info` part of a record that was read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RevisionInfo {
    pub status: Status,
    pub description: String,
    pub restores: Option<Revision>,
    pub chart: String,
    pub last_deployed: Option<String>,
}

/// A record between *to* and *from*: only what ran is kept of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Between {
    pub revision: Revision,
    pub status: Status,
    pub restores: Option<Revision>,
    pub chart: String,
    pub hooks: Vec<Hook>,
    /// Plain Jobs of its manifest (a migration may be one).
    pub jobs: Vec<crate::release::Object>,
    /// Names of the files that may be migrations: by ConfigMap, and of the chart.
    #[serde(default)]
    pub migration_files: BTreeMap<String, BTreeSet<String>>,
}

/// A live object, redacted. Secrets come without data unless a manifest names them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LiveObject {
    pub uid: String,
    pub resource_version: String,
    pub body: Value,
}

impl LiveObject {
    /// `metadata.name`; empty for an object without one.
    pub fn name(&self) -> &str {
        self.body.at(&["metadata", "name"]).as_str().unwrap_or_default()
    }

    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.body.at(&["metadata", "annotations"]).get(key).as_str()
    }

    pub fn is_terminating(&self) -> bool {
        !self.body.at(&["metadata", "deletionTimestamp"]).is_null()
    }
}

/// One kind that the API server serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiResource {
    pub plural: String,
    pub namespaced: bool,
}

/// Served kinds, keyed by (`group/version`, kind).
pub type Discovery = BTreeMap<(String, String), ApiResource>;

/// One rule of what the caller may do (rbac.authorization.k8s.io/v1 `PolicyRule`); `*` stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRule {
    pub verbs: Vec<String>,
    pub groups: Vec<String>,
    /// Plural names.
    pub resources: Vec<String>,
    /// Empty = every name.
    pub names: Vec<String>,
}

impl Default for Access {
    fn default() -> Access {
        Access { writes_records: Known::No("permissions were not read".to_owned()), by_namespace: BTreeMap::new() }
    }
}

impl AccessRule {
    /// Whether the rule covers this request; `name` is empty where none is known.
    pub fn allows(&self, verb: &str, group: &str, resource: &str, name: &str) -> bool {
        let has = |list: &[String], wanted: &str| list.iter().any(|item| item == "*" || item == wanted);
        // A create request is not checked against names: the server does not know the name yet (Kubernetes RBAC documentation,
        // "Referring to resources").
        let named = self.names.is_empty() || (verb != "create" && self.names.iter().any(|item| item == name));
        has(&self.verbs, verb) && has(&self.groups, group) && has(&self.resources, resource) && named
    }
}

/// What the caller may do, by namespace; `None` = in the whole cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Access {
    /// Who may not write release records looks on behalf of somebody else: the rollback will run with other permissions.
    pub writes_records: Known<bool>,
    #[serde(with = "pairs")]
    pub by_namespace: BTreeMap<Option<String>, Known<Vec<AccessRule>>>,
}

/// What the API server said when it was asked with `dryRun=All`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DryRun {
    Accepted {
        warnings: Vec<String>,
    },
    /// Its message.
    Refused(String),
    /// Why there is no answer.
    NotAsked(String),
}

/// The policy that lies in the release's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamespacePolicy {
    /// No cluster was used.
    #[default]
    NotAsked,
    /// The namespace has none.
    None,
    Text(String),
    /// Why it could not be read.
    Unread(String),
}

/// Facts from the cluster (or from files). Every part says on its own whether it is known.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Facts {
    /// Kubernetes version of the API server, `1.36.3`.
    pub server_version: Known<String>,
    #[serde(with = "known_pairs")]
    pub discovery: Known<Discovery>,
    /// What Helm's on-disk discovery cache still holds for this server; `No` where there is no cache.
    #[serde(with = "known_pairs")]
    pub cached_discovery: Known<Discovery>,
    /// Live state of every object that either manifest or a rollback hook names, keyed by the reference in the manifest.
    /// `Yes(None)` = the server says it does not exist.
    #[serde(with = "pairs")]
    pub live: BTreeMap<ObjectRef, Known<Option<LiveObject>>>,
    /// PersistentVolumes bound to claims of the release, keyed by volume name.
    pub volumes: BTreeMap<String, Known<Option<LiveObject>>>,
    /// Claims of the StatefulSets in either manifest (`<template>-<set>-<ordinal>`) that exist, keyed by the StatefulSet.
    #[serde(with = "pairs")]
    pub set_claims: BTreeMap<ObjectRef, Known<Vec<LiveObject>>>,
    /// Custom resources of each CRD in *from* and not in *to*, keyed by the CRD's name.
    pub custom_resources: BTreeMap<String, Known<Vec<ObjectRef>>>,
    /// Contents of each Namespace object that would be deleted, keyed by namespace.
    pub namespace_contents: BTreeMap<String, Known<Vec<ObjectRef>>>,
    /// Ready endpoints behind each Service that a webhook of *from* or *to* names, keyed by (namespace, Service).
    #[serde(with = "pairs")]
    pub webhook_backends: BTreeMap<(String, String), Known<usize>>,
    /// What is around the release, keyed by kind and namespace (none for cluster-scoped kinds). A kind that was not asked
    /// for, because nothing in either manifest calls for it, is absent.
    #[serde(with = "pairs")]
    pub around: BTreeMap<(Surrounding, Option<String>), Known<Vec<LiveObject>>>,
    /// When the facts were read.
    pub now: Known<Timestamp>,
    /// What the caller may do.
    pub access: Access,
    /// Answers to `--server-dry-run`; empty where nothing was asked.
    #[serde(with = "pairs")]
    pub dry_run: BTreeMap<ObjectRef, DryRun>,
    /// Digest-free identity of the cluster: uid of `kube-system`.
    pub cluster_uid: Known<String>,
    /// What the release's namespace demands.
    #[serde(default)]
    pub namespace_policy: NamespacePolicy,
}

impl Facts {
    /// No cluster was asked, for the reason given.
    pub fn none(why: &str) -> Facts {
        Facts {
            server_version: Known::No(why.to_owned()),
            discovery: Known::No(why.to_owned()),
            cached_discovery: Known::No(why.to_owned()),
            live: BTreeMap::new(),
            volumes: BTreeMap::new(),
            set_claims: BTreeMap::new(),
            custom_resources: BTreeMap::new(),
            namespace_contents: BTreeMap::new(),
            webhook_backends: BTreeMap::new(),
            around: BTreeMap::new(),
            now: Known::No(why.to_owned()),
            access: Access::default(),
            dry_run: BTreeMap::new(),
            cluster_uid: Known::No(why.to_owned()),
            namespace_policy: NamespacePolicy::NotAsked,
        }
    }

    /// Whether the caller may do this to the object.
    pub fn may(&self, verb: &str, id: &ObjectRef) -> Known<bool> {
        let why = || Known::No("permissions were not read".to_owned());
        if self.access.writes_records == Known::Yes(false) {
            return Known::No("the rollback will be run by somebody else".to_owned());
        }
        let served = self.discovery.yes().and_then(|kinds| kinds.get(&(id.api_version.clone(), id.kind.clone())));
        let (Some(resource), Some(rules)) = (served, self.access.by_namespace.get(&id.namespace)) else { return why() };
        match rules {
            Known::Yes(rules) => Known::Yes(rules.iter().any(|rule| rule.allows(verb, id.group(), &resource.plural, &id.name))),
            Known::No(why) => Known::No(why.clone()),
        }
    }

    /// Objects of a surrounding kind in a namespace (`None` for cluster-scoped kinds); what nobody listed is unknown, not empty.
    pub fn around(&self, kind: Surrounding, namespace: Option<&str>) -> Known<&[LiveObject]> {
        match self.around.get(&(kind, namespace.map(str::to_owned))) {
            Some(Known::Yes(found)) => Known::Yes(found.as_slice()),
            Some(Known::No(why)) => Known::No(why.clone()),
            None => {
                let why = self.server_version.why_not().unwrap_or("not read");
                Known::No(why.to_owned())
            }
        }
    }

    /// Live state of an object; an object nobody asked for is unknown, not absent.
    pub fn live_of(&self, id: &ObjectRef) -> Known<Option<&LiveObject>> {
        match self.live.get(id) {
            Some(Known::Yes(found)) => Known::Yes(found.as_ref()),
            Some(Known::No(why)) => Known::No(why.clone()),
            None => Known::No(self.server_version.why_not().unwrap_or("live state was not read").to_owned()),
        }
    }
}

/// Why a revision was not chosen as the target.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Skipped {
    pub revision: Revision,
    pub why: String,
}

/// Objects of a record below *from* whose deletions never ran.
///
/// Walking down from *from*: as long as a record failed or hung, what the one before it had and it has not was never
/// deleted. The last entry is the newest record that worked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Residue {
    pub revision: Revision,
    pub objects: Vec<ObjectRef>,
}

/// How the target was found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TargetChoice {
    pub revision: Revision,
    /// Given on the command line (a number, or `0`), or chosen because it worked.
    pub requested: bool,
    /// What a bare `helm rollback` would take.
    pub helm_default: Option<Revision>,
    pub skipped: Vec<Skipped>,
    /// One sentence for the report.
    pub reason: String,
}

/// Migrations of one side that were read from a directory or a Git revision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MigrationFiles {
    /// The directory, with the revision.
    pub origin: String,
    /// Redacted text by path, `/` separated.
    pub texts: BTreeMap<String, String>,
    /// Why a file could not be read, by path.
    pub unread: BTreeMap<String, String>,
}

/// Migrations that the user named, by side; none = only what the records carry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NamedMigrations {
    pub from: Option<MigrationFiles>,
    pub to: Option<MigrationFiles>,
    /// History tables that were read.
    #[serde(default)]
    pub applied: Vec<Applied>,
    /// What the database and old code said.
    #[serde(default)]
    pub evidence: Evidence,
}

/// What the pure part gets. Redacted and complete: no later step asks for anything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Input {
    pub helm: HelmBinary,
    pub flags: RollbackFlags,
    /// Storage driver the records came from: `secrets`, `configmaps`, `sql`, `memory`, `files`.
    pub driver: String,
    /// Namespace of the storage objects; also the default namespace of manifest objects.
    pub namespace: String,
    /// Newest record, whatever its status: what Helm compares with.
    pub from: Release,
    pub to: Release,
    /// All revisions that exist, oldest first.
    pub history: Vec<RevisionEntry>,
    /// Records strictly between *to* and *from*, oldest first.
    pub between: Vec<Between>,
    /// Records below a failed or pending *from*, newest first; empty where *from* worked. Live state of their objects is
    /// in `facts.live` like that of the manifests' objects.
    pub residue: Vec<Residue>,
    pub target: TargetChoice,
    pub facts: Facts,
    #[serde(default)]
    pub schema: NamedMigrations,
    pub gaps: Vec<Gap>,
}

/// Maps whose keys are no texts, as lists of pairs.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer, K: Serialize, V: Serialize>(map: &BTreeMap<K, V>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub fn deserialize<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        D: Deserializer<'de>,
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}

/// The same behind [`Known`].
mod known_pairs {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{ApiResource, Discovery, Known};

    pub fn serialize<S: Serializer>(known: &Known<Discovery>, serializer: S) -> Result<S::Ok, S::Error> {
        let pairs = match known {
            Known::Yes(map) => Known::Yes(map.iter().collect::<Vec<_>>()),
            Known::No(why) => Known::No(why.clone()),
        };
        pairs.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Known<Discovery>, D::Error> {
        let pairs: Known<Vec<((String, String), ApiResource)>> = Known::deserialize(deserializer)?;
        Ok(match pairs {
            Known::Yes(pairs) => Known::Yes(pairs.into_iter().collect()),
            Known::No(why) => Known::No(why),
        })
    }
}
