//! Which kinds Helm can map to endpoints, before anything else happens.
//!
//! Both manifests are mapped before the hooks run; one unmapped kind ends the rollback with a `pending-rollback` record
//! (Helm `pkg/action/rollback.go` `performRollback`; text from cli-runtime `pkg/resource/mapper.go` `infoForData`).
//! The mapping comes from a discovery cache on disk: a kind removed since it was written still maps.

use crate::input::{Discovery, Facts, Known};
use crate::release::{Object, ObjectRef};

/// What is known of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    Yes,
    No,
    Unknown,
}

/// What the API server itself says.
pub fn served(facts: &Facts, id: &ObjectRef) -> Served {
    look_up(&facts.discovery, id)
}

/// What Helm believes: the server's answer, or the cache on disk where that still lists the kind.
pub fn mapped(facts: &Facts, id: &ObjectRef) -> Served {
    match (served(facts, id), look_up(&facts.cached_discovery, id)) {
        (Served::No, Served::Yes) => Served::Yes,
        (answer, _) => answer,
    }
}

fn look_up(discovery: &Known<Discovery>, id: &ObjectRef) -> Served {
    match discovery {
        Known::Yes(kinds) if kinds.contains_key(&(id.api_version.clone(), id.kind.clone())) => Served::Yes,
        Known::Yes(_) => Served::No,
        Known::No(_) => Served::Unknown,
    }
}

/// Kinds that the API server stores once and serves under several groups: kind and those groups
/// (Kubernetes `pkg/registry/{core,events,extensions,apps,networking}/rest`).
const SHARED_STORAGE: [(&str, &[&str]); 6] = [
    ("Event", &["", "events.k8s.io"]),
    ("Ingress", &["extensions", "networking.k8s.io"]),
    ("NetworkPolicy", &["extensions", "networking.k8s.io"]),
    ("Deployment", &["extensions", "apps"]),
    ("DaemonSet", &["extensions", "apps"]),
    ("ReplicaSet", &["extensions", "apps"]),
];

/// Whether two references under different groups name one stored object.
pub fn share_storage(a: &ObjectRef, b: &ObjectRef) -> bool {
    let same_name = a.kind == b.kind && a.name == b.name && a.namespace == b.namespace && a.group() != b.group();
    same_name
        && SHARED_STORAGE
            .iter()
            .any(|(kind, groups)| *kind == a.kind && groups.contains(&a.group()) && groups.contains(&b.group()))
}

/// Objects whose kind satisfies `test`, one per (apiVersion, kind).
pub fn kinds_where(objects: &[Object], test: impl Fn(&ObjectRef) -> bool) -> Vec<&Object> {
    let mut seen = std::collections::BTreeSet::new();
    objects
        .iter()
        .filter(|object| test(&object.id) && seen.insert((object.id.api_version.clone(), object.id.kind.clone())))
        .collect()
}

/// Helm's own words for an unmapped kind.
pub fn no_match_text(which: &str, object: &Object) -> String {
    format!(
        "unable to build kubernetes objects from {which} release manifest: no matches for kind \"{}\" in version \"{}\"",
        object.id.kind, object.id.api_version
    )
}
