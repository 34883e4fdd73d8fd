//! What goes away with a deleted or shrunk object.

use crate::input::{Facts, Known, LiveObject};
use crate::release::{ObjectRef, Value};

/// Objects that go with `deleted`. Unknown contents are not listed here; the caller reports them.
pub fn of_deleted(deleted: &ObjectRef, live: Option<&LiveObject>, facts: &Facts) -> Vec<ObjectRef> {
    if deleted.is("", "PersistentVolumeClaim") {
        return live.and_then(|claim| reclaimed_volume(&claim.body, facts)).into_iter().collect();
    }
    if deleted.is("apiextensions.k8s.io", "CustomResourceDefinition") {
        return known_list(facts.custom_resources.get(&deleted.name));
    }
    if deleted.is("", "Namespace") {
        return known_list(facts.namespace_contents.get(&deleted.name));
    }
    if deleted.is("apps", "StatefulSet") {
        let policy = live.map(|set| retention(&set.body, "whenDeleted"));
        if policy == Some("Delete") {
            return claims_with_volumes(set_claims(deleted, facts), facts);
        }
    }
    Vec::new()
}

/// Claims that go when a StatefulSet is scaled down under `whenScaled: Delete`
/// (apps/v1 `StatefulSetPersistentVolumeClaimRetentionPolicy`).
pub fn of_scale_down(set: &ObjectRef, before: &Value, after: &Value, facts: &Facts) -> Vec<ObjectRef> {
    if retention(after, "whenScaled") != "Delete" {
        return Vec::new();
    }
    let (was, will) = (replicas(before), replicas(after));
    if will >= was {
        return Vec::new();
    }
    let start = after.at(&["spec", "ordinals", "start"]).as_i64().unwrap_or(0);
    let surplus = |claim: &&LiveObject| ordinal(claim, set).is_some_and(|ordinal| ordinal >= start + will);
    claims_with_volumes(set_claims(set, facts).iter().filter(surplus).cloned().collect(), facts)
}

/// The volume that is deleted with its claim; none where it is retained or not known.
pub fn reclaimed_volume(claim: &Value, facts: &Facts) -> Option<ObjectRef> {
    let name = claim.at(&["spec", "volumeName"]).as_str()?;
    match facts.volumes.get(name) {
        Some(Known::Yes(Some(volume))) if reclaim_policy(&volume.body) == Some("Delete") => {
            Some(ObjectRef::new("v1", "PersistentVolume", None, name))
        }
        _ => None,
    }
}

pub fn reclaim_policy(volume: &Value) -> Option<&str> {
    volume.at(&["spec", "persistentVolumeReclaimPolicy"]).as_str()
}

fn known_list(list: Option<&Known<Vec<ObjectRef>>>) -> Vec<ObjectRef> {
    list.and_then(Known::yes).cloned().unwrap_or_default()
}

fn set_claims(set: &ObjectRef, facts: &Facts) -> Vec<LiveObject> {
    facts.set_claims.get(set).and_then(Known::yes).cloned().unwrap_or_default()
}

fn claims_with_volumes(claims: Vec<LiveObject>, facts: &Facts) -> Vec<ObjectRef> {
    let mut gone = Vec::new();
    for claim in claims {
        let metadata = claim.body.get("metadata");
        if let Some(name) = metadata.get("name").as_str() {
            gone.push(ObjectRef::new("v1", "PersistentVolumeClaim", metadata.get("namespace").as_str(), name));
            gone.extend(reclaimed_volume(&claim.body, facts));
        }
    }
    gone
}

/// `Retain` unless the set says otherwise.
pub fn retention<'a>(set: &'a Value, when: &str) -> &'a str {
    set.at(&["spec", "persistentVolumeClaimRetentionPolicy", when]).as_str().unwrap_or("Retain")
}

fn replicas(set: &Value) -> i64 {
    set.at(&["spec", "replicas"]).as_i64().unwrap_or(1)
}

fn ordinal(claim: &LiveObject, set: &ObjectRef) -> Option<i64> {
    let name = claim.body.at(&["metadata", "name"]).as_str()?;
    let (rest, ordinal) = name.rsplit_once('-')?;
    rest.ends_with(&format!("-{}", set.name)).then(|| ordinal.parse().ok())?
}
