//! What a custom resource takes along when it is deleted: its operator decides, by defaults and by fields that it reads.

mod rows;

use std::collections::BTreeSet;

use super::{Change, Context, Fact};
use crate::forecast::Confidence;
use crate::input::{Known, LiveObject};
use crate::k8s::surroundings::Surrounding;
use crate::release::{ObjectRef, Value};
use crate::rules::EvidenceSource;
use rows::{Fate, Row};

/// Keys whose value says whether content outlives the object, and the values that keep it.
const POLICIES: &[(&str, &[&str])] = &[
    ("deletionPolicy", &["retain", "orphan", "keep", "abandon", "none"]),
    ("reclaimPolicy", &["retain", "orphan", "keep"]),
    ("cleanupPolicy", &["skip", "retain", "keep"]),
    ("volumeClaimDeletePolicy", &["deleteonscaledownonly", "retain"]),
    ("deleteClaim", &["false"]),
    ("preventDelete", &["true"]),
    ("keepAfterDelete", &["true"]),
    ("keepAfterDeletion", &["true"]),
    ("whenDeleted", &["retain"]),
];

/// Keys that show that volumes belong to the object.
const STORAGE: &[&str] =
    &["storageClassName", "storageClass", "volumeClaimTemplate", "volumeClaimTemplates", "persistentVolumeClaim", "persistence"];

/// Adds what deleting this custom resource does to data. Live beats the manifest.
pub fn facts(change: Change, context: &Context<'_>, id: &ObjectRef, live: Option<&LiveObject>) -> Change {
    let Some(body) = live.map(|live| &live.body).or_else(|| context.in_from(id).map(|object| &object.body)) else {
        return change;
    };
    let (change, owned) = owned_claims(change, context, id, live);
    if owned {
        return change.fact(Fact::DestroysData).with("loss", "the claims that it owns");
    }
    match rows::of(id) {
        rows if rows.is_empty() => unknown_kind(change, body, live.is_some()),
        rows => known_kind(change, &rows, body, live.is_some()),
    }
}

/// Kubernetes collects claims that have an owner reference to the deleted object, whatever the operator does.
fn owned_claims(change: Change, context: &Context<'_>, id: &ObjectRef, live: Option<&LiveObject>) -> (Change, bool) {
    let (Some(live), Known::Yes(claims)) =
        (live, context.input.facts.around(Surrounding::PersistentVolumeClaims, id.namespace.as_deref()))
    else {
        return (change, false);
    };
    let owned = |claim: &&LiveObject| {
        let owners = claim.body.at(&["metadata", "ownerReferences"]).as_list();
        owners.iter().any(|owner| owner.get("uid").as_str() == Some(&live.uid))
    };
    let names: Vec<String> = claims.iter().filter(owned).map(|claim| claim.body.at(&["metadata", "name"]).display()).collect();
    if names.is_empty() {
        return (change, false);
    }
    let text = format!("owner of {} claims: {}", names.len(), names.iter().take(5).cloned().collect::<Vec<_>>().join(", "));
    (change.evidence(EvidenceSource::Live, "metadata.ownerReferences", text), true)
}

fn known_kind(change: Change, rows: &[Row], body: &Value, is_live: bool) -> Change {
    let Some(first) = rows.first() else { return change };
    let decided = rows.iter().find_map(|row| row.decide(body).map(|(fate, why)| (row, fate, why)));
    let sure = decided.is_some() && is_live;
    let (row, fate, why) = decided.unwrap_or((first, first.default, "the operator's default".to_owned()));
    let fact = match fate {
        Fate::Destroy => Fact::DestroysData,
        Fate::Rebuild => Fact::LosesDerived,
        Fate::Keep => Fact::KeepsData,
        Fate::Nothing => return change,
    };
    let source = if is_live { EvidenceSource::Live } else { EvidenceSource::From };
    change
        .fact(fact)
        .confidence(if sure { Confidence::Certain } else { Confidence::Likely })
        .with("loss", row.loss)
        .evidence(source, if row.place.is_empty() { "kind" } else { row.place }, why)
        .evidence(EvidenceSource::Table, "cr-data-loss.csv", row.source)
}

/// No row: finalizers of others, policy fields and storage settings tell whether a controller has something to lose.
fn unknown_kind(change: Change, body: &Value, is_live: bool) -> Change {
    let mut signs = Signs::default();
    signs.finalizers(body);
    signs.walk(body.get("spec"));
    let fact = match &signs {
        signs if !signs.keeping.is_empty() && signs.destroying.is_empty() => Fact::KeepsData,
        signs if is_live && signs.found.is_empty() => Fact::NoSignOfData,
        _ => Fact::ControllerDecides,
    };
    let source = if is_live { EvidenceSource::Live } else { EvidenceSource::From };
    let text = match signs.found.is_empty() {
        true => "no foreign finalizer, deletion policy or storage setting".to_owned(),
        false => signs.found.into_iter().collect::<Vec<_>>().join(", "),
    };
    let change = change.fact(fact).confidence(Confidence::Possible).with("loss", "what its controller manages for it");
    change.evidence(source, "finalizers and fields", text)
}

/// What an object shows of the content behind it.
#[derive(Default)]
struct Signs {
    found: BTreeSet<String>,
    keeping: BTreeSet<String>,
    destroying: BTreeSet<String>,
}

impl Signs {
    /// Finalizers that are not those of Kubernetes itself.
    fn finalizers(&mut self, body: &Value) {
        let names = body.at(&["metadata", "finalizers"]).as_list().iter().filter_map(Value::as_str);
        let foreign =
            names.filter(|name| !name.starts_with("kubernetes.io/") && !matches!(*name, "foregroundDeletion" | "orphan"));
        self.found.extend(foreign.map(|name| format!("finalizer {name}")));
    }

    /// Depth is bounded where manifests and live objects are parsed.
    fn walk(&mut self, value: &Value) {
        value.as_list().iter().for_each(|item| self.walk(item));
        for (key, value) in value.as_map().into_iter().flatten() {
            self.policy(key, value);
            if STORAGE.contains(&key.as_str()) {
                self.found.insert(key.clone());
            }
            self.walk(value);
        }
    }

    fn policy(&mut self, key: &str, value: &Value) {
        let ends = |name: &str| key == name || (key.ends_with("ReclaimPolicy") && name == "reclaimPolicy");
        let Some((_, keeping)) = POLICIES.iter().find(|(name, _)| ends(name)) else { return };
        let text = format!("{key}: {}", value.display());
        let keeps = keeping.contains(&value.display().to_lowercase().as_str());
        if keeps { &mut self.keeping } else { &mut self.destroying }.insert(text.clone());
        self.found.insert(text);
    }
}
