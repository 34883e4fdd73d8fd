//! What is known of a claim that goes: its size, who uses it, and whether a snapshot of it exists.
//!
//! No clock: a snapshot's creation time is told, not its age. What was not seen is stated, never guessed.

use super::Change;
use crate::input::{Facts, Known, LiveObject};
use crate::k8s::pods;
use crate::k8s::surroundings::Surrounding;
use crate::release::{ObjectRef, Value};
use crate::rules::EvidenceSource;

/// Adds size, users and backups to a change about a claim.
pub fn evidence(change: Change, facts: &Facts, claim: &ObjectRef, live: Option<&LiveObject>) -> Change {
    let change = match live {
        Some(live) => change.evidence(EvidenceSource::Live, format!("{claim} status.capacity.storage"), size(&live.body)),
        None => change,
    };
    let change = change.evidence(EvidenceSource::Live, format!("{claim} pods"), users(facts, claim));
    backup(change, facts, claim)
}

/// Whether anything to restore from can be seen.
pub fn backup(change: Change, facts: &Facts, claim: &ObjectRef) -> Change {
    change.evidence(EvidenceSource::Live, format!("{claim} snapshots"), newest_snapshot(facts, claim))
}

fn size(claim: &Value) -> String {
    let capacity = claim.at(&["status", "capacity", "storage"]);
    match capacity.is_null() {
        false => capacity.display(),
        true => format!("not known; {} requested", claim.at(&["spec", "resources", "requests", "storage"]).display()),
    }
}

fn users(facts: &Facts, claim: &ObjectRef) -> String {
    match facts.around(Surrounding::Pods, claim.namespace.as_deref()) {
        Known::No(why) => format!("not known: {why}"),
        Known::Yes(all) => {
            let uses = |pod: &&LiveObject| pods::mounts_claim(pods::spec(&pod.body), &claim.name);
            let names: Vec<&str> = all.iter().filter(uses).map(LiveObject::name).collect();
            match names.as_slice() {
                [] => "no pod of the release uses it".to_owned(),
                names if names.len() > 5 => format!("{} pods of the release use it: {}, …", names.len(), names[..5].join(", ")),
                names => format!("used by {}", names.join(", ")),
            }
        }
    }
}

fn newest_snapshot(facts: &Facts, claim: &ObjectRef) -> String {
    let snapshots = match facts.around(Surrounding::VolumeSnapshots, claim.namespace.as_deref()) {
        Known::Yes(snapshots) => snapshots,
        Known::No(why) => return format!("not known: {why}"),
    };
    let of_claim =
        |snapshot: &&LiveObject| snapshot.body.at(&["spec", "source", "persistentVolumeClaimName"]).as_str() == Some(&claim.name);
    let all: Vec<&LiveObject> = snapshots.iter().filter(of_claim).collect();
    let ready = all.iter().filter(|snapshot| snapshot.body.at(&["status", "readyToUse"]).as_bool() == Some(true));
    // RFC 3339 in UTC, as the API server writes it, sorts as text.
    match ready.max_by_key(|snapshot| taken(snapshot)) {
        Some(newest) => format!("newest ready VolumeSnapshot: {}, taken {}", newest.name(), taken(newest)),
        None if all.is_empty() => "no VolumeSnapshot of it".to_owned(),
        None => format!("{} VolumeSnapshots of it, none ready to use", all.len()),
    }
}

/// When the snapshot was cut; where its driver does not say so, when it was asked for.
fn taken(snapshot: &LiveObject) -> &str {
    let cut = snapshot.body.at(&["status", "creationTime"]);
    cut.as_str().or_else(|| snapshot.body.at(&["metadata", "creationTimestamp"]).as_str()).unwrap_or("at an unknown time")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn live(body: serde_json::Value) -> LiveObject {
        LiveObject { uid: String::new(), resource_version: String::new(), body: Value::from_json(body) }
    }

    fn snapshot(name: &str, ready: bool, time: &str) -> LiveObject {
        live(json!({"metadata": {"name": name}, "spec": {"source": {"persistentVolumeClaimName": "data"}},
            "status": {"readyToUse": ready, "creationTime": time}}))
    }

    fn facts(pods: Vec<LiveObject>, snapshots: Vec<LiveObject>) -> Facts {
        let mut facts = Facts::none("no cluster");
        let prod = Some("prod".to_owned());
        facts.around.insert((Surrounding::Pods, prod.clone()), Known::Yes(pods));
        facts.around.insert((Surrounding::VolumeSnapshots, prod), Known::Yes(snapshots));
        facts
    }

    fn claim() -> ObjectRef {
        ObjectRef::new("v1", "PersistentVolumeClaim", Some("prod"), "data")
    }

    #[test]
    fn the_newest_ready_snapshot_counts() {
        let all = vec![
            snapshot("old", true, "2026-01-01T00:00:00Z"),
            snapshot("new", true, "2026-02-01T00:00:00Z"),
            snapshot("cutting", false, "2026-03-01T00:00:00Z"),
        ];
        let told = newest_snapshot(&facts(Vec::new(), all), &claim());
        assert_eq!(told, "newest ready VolumeSnapshot: new, taken 2026-02-01T00:00:00Z");
        let told = newest_snapshot(&facts(Vec::new(), vec![snapshot("x", false, "")]), &claim());
        assert_eq!(told, "1 VolumeSnapshots of it, none ready to use");
    }

    #[test]
    fn missing_evidence_is_stated() {
        assert_eq!(newest_snapshot(&facts(Vec::new(), Vec::new()), &claim()), "no VolumeSnapshot of it");
        assert_eq!(newest_snapshot(&Facts::none("no cluster"), &claim()), "not known: no cluster");
        assert_eq!(users(&Facts::none("no cluster"), &claim()), "not known: no cluster");
    }

    #[test]
    fn users_and_size() {
        let pod = live(json!({"metadata": {"name": "db-0"}, "spec": {"containers": [{"name": "db"}],
            "volumes": [{"persistentVolumeClaim": {"claimName": "data"}}]}}));
        assert_eq!(users(&facts(vec![pod], Vec::new()), &claim()), "used by db-0");
        assert_eq!(users(&facts(Vec::new(), Vec::new()), &claim()), "no pod of the release uses it");
        let pending = Value::from_json(json!({"spec": {"resources": {"requests": {"storage": "1Gi"}}}}));
        assert_eq!(size(&pending), "not known; 1Gi requested");
    }
}
