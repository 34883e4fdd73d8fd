//! Objects that the target's pods refer to and that will not be there.

use std::collections::{BTreeMap, BTreeSet};

use super::after::{self, Presence};
use super::{Change, ChangeKind, Context, Fact};
use crate::forecast::Confidence;
use crate::input::Known;
use crate::k8s::pods;
use crate::k8s::references::{self, Reference, Referent};
use crate::release::{Object, ObjectRef, Value};
use crate::rules::EvidenceSource;

/// Made by Kubernetes in every namespace or cluster (kube-controller-manager, scheduling/v1 system priorities, OpenShift's CA).
const ALWAYS_THERE: [(Referent, &str); 5] = [
    (Referent::ServiceAccount, "default"),
    (Referent::ConfigMap, "kube-root-ca.crt"),
    (Referent::ConfigMap, "openshift-service-ca.crt"),
    (Referent::PriorityClass, "system-cluster-critical"),
    (Referent::PriorityClass, "system-node-critical"),
];

/// What is missing: an object, or one key of it.
type Missing = (ObjectRef, Option<String>);

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let mut users: BTreeMap<Missing, Vec<User<'_>>> = BTreeMap::new();
    for object in context.input.to.objects.iter().filter(|object| !context.is_rejected(&object.id)) {
        for reference in needed(object) {
            let id = referent(&reference, &object.id);
            users.entry((id, reference.key.clone())).or_default().push(User { object, place: reference.place });
        }
        for (class, place) in storage_classes(context, object) {
            users.entry((class, None)).or_default().push(User { object, place });
        }
    }
    without_keys_of_missing(users.iter().filter_map(|(missing, users)| check(context, missing, users)).collect())
}

struct User<'a> {
    object: &'a Object,
    place: String,
}

/// References without which a pod of the object does not start.
fn needed(object: &Object) -> impl Iterator<Item = Reference> + use<> {
    references::of(pods::spec(&object.body)).into_iter().filter(|reference| {
        !reference.optional && !ALWAYS_THERE.iter().any(|(to, name)| *to == reference.to && *name == reference.name)
    })
}

fn referent(reference: &Reference, user: &ObjectRef) -> ObjectRef {
    let (group, kind) = reference.to.kind();
    let version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
    let cluster_wide = matches!(reference.to, Referent::PriorityClass | Referent::RuntimeClass);
    ObjectRef::new(&version, kind, user.namespace.as_deref().filter(|_| !cluster_wide), &reference.name)
}

/// Classes of claims that are made by this rollback; a bound claim needs its class no more.
fn storage_classes(context: &Context<'_>, object: &Object) -> Vec<(ObjectRef, String)> {
    let is_new = context.forecast.creates.contains(&object.id);
    let claims: Vec<(&Value, String)> = match object.id.kind.as_str() {
        "PersistentVolumeClaim" if is_new && object.id.group().is_empty() => vec![(&object.body, String::new())],
        "StatefulSet" if is_new => {
            let templates = object.body.at(&["spec", "volumeClaimTemplates"]).as_list();
            templates.iter().map(|claim| (claim, "spec.volumeClaimTemplates: ".to_owned())).collect()
        }
        _ => Vec::new(),
    };
    let named = claims.into_iter().filter_map(|(claim, place)| {
        let class = claim.at(&["spec", "storageClassName"]).as_str().filter(|class| !class.is_empty())?;
        let bound = !claim.at(&["spec", "volumeName"]).is_null();
        let id = ObjectRef::new("storage.k8s.io/v1", "StorageClass", None, class);
        (!bound).then(|| (id, format!("{place}spec.storageClassName")))
    });
    named.collect()
}

fn check(context: &Context<'_>, missing: &Missing, users: &[User<'_>]) -> Option<Change> {
    let (id, key) = missing;
    let live_known = after::is_live(context, id).yes().is_some();
    let (confidence, reason) = match after::presence(context, id) {
        Presence::Deleted if live_known => (Confidence::Certain, "the rollback deletes it".to_owned()),
        Presence::Deleted => (Confidence::Likely, "the rollback deletes it".to_owned()),
        Presence::Absent => (Confidence::Likely, "it is neither in the target nor in the cluster".to_owned()),
        Presence::MayBeMade(maker) => (Confidence::Possible, format!("it is not there now, {maker} may make it")),
        Presence::There => return key.as_ref().and_then(|key| missing_key(context, id, key, users)),
        Presence::Unknown(_) => return None,
    };
    let may_be_made = confidence == Confidence::Possible;
    let in_both = reason != "the rollback deletes it" && users.iter().all(|user| refers_in_from(context, user, id, None));
    Some(change(missing, users, confidence, &reason).fact_if(in_both, Fact::InBoth).fact_if(may_be_made, Fact::MayBeMade))
}

fn change(missing: &Missing, users: &[User<'_>], confidence: Confidence, reason: &str) -> Change {
    let (id, key) = missing;
    let names: BTreeSet<String> = users.iter().map(|user| user.object.id.to_string()).collect();
    let users_shown = names.into_iter().collect::<Vec<_>>().join(", ");
    let subject = key.as_ref().filter(|_| reason == NO_KEY).map_or_else(|| id.to_string(), |key| format!("key {key} of {id}"));
    let change = Change::of(ChangeKind::ReferenceDangles, id)
        .confidence(confidence)
        .with("subject", subject)
        .with("users", users_shown)
        .with("reason", reason)
        .evidence(EvidenceSource::Forecast, id, reason);
    users.iter().take(5).fold(change, |change, user| {
        change.evidence(EvidenceSource::To, &user.object.origin, format!("{} {}", user.object.id, user.place))
    })
}

const NO_KEY: &str = "the target's object has no such key";

/// The object is in the target: its keys are those of the target, and those that others added in the cluster.
fn missing_key(context: &Context<'_>, id: &ObjectRef, key: &str, users: &[User<'_>]) -> Option<Change> {
    let object = context.input.to.objects.iter().find(|object| after::same_object(&object.id, id))?;
    let live = context.input.facts.live_of(&object.id);
    let from = after::before(context, &object.id);
    let added = |body: &Value| has_key(body, key) && !from.is_some_and(|from| has_key(&from.body, key));
    let filled_elsewhere = keys(&object.body).next().is_none();
    let there = match &live {
        Known::Yes(Some(live)) => added(&live.body),
        Known::Yes(None) => false,
        Known::No(_) => filled_elsewhere,
    };
    if has_key(&object.body, key) || there || context.is_rejected(&object.id) {
        return None;
    }
    let confidence = if filled_elsewhere || live.yes().is_none() { Confidence::Possible } else { Confidence::Likely };
    let in_both = from.is_some_and(|from| !has_key(&from.body, key))
        && users.iter().all(|user| refers_in_from(context, user, id, Some(key)));
    Some(change(&(id.clone(), Some(key.to_owned())), users, confidence, NO_KEY).fact_if(in_both, Fact::InBoth))
}

fn keys(body: &Value) -> impl Iterator<Item = &String> {
    ["data", "stringData", "binaryData"].into_iter().filter_map(|map| body.get(map).as_map()).flat_map(|map| map.keys())
}

fn has_key(body: &Value, key: &str) -> bool {
    keys(body).any(|other| other == key)
}

fn refers_in_from(context: &Context<'_>, user: &User<'_>, id: &ObjectRef, key: Option<&str>) -> bool {
    let before = after::before(context, &user.object.id);
    before.is_some_and(|before| {
        let classes = || storage_classes(context, before).into_iter().map(|(class, _)| class).collect::<Vec<_>>();
        let same = |reference: Reference| {
            after::same_object(&referent(&reference, &before.id), id) && (key.is_none() || reference.key.as_deref() == key)
        };
        needed(before).any(same) || classes().iter().any(|class| after::same_object(class, id))
    })
}

/// A missing object is told once, not again for each of its keys.
fn without_keys_of_missing(changes: Vec<Change>) -> Vec<Change> {
    let mut whole: BTreeMap<String, Change> = BTreeMap::new();
    let mut rest = Vec::new();
    for change in changes {
        let subject = change.params.get("subject").cloned().unwrap_or_default();
        match whole.get_mut(&subject) {
            Some(known) => merge(known, change),
            None if change.evidence.first().is_some_and(|evidence| evidence.text == NO_KEY) => rest.push(change),
            None => drop(whole.insert(subject, change)),
        }
    }
    whole.into_values().chain(rest).collect()
}

fn merge(known: &mut Change, other: Change) {
    let users = |change: &Change| change.params.get("users").cloned().unwrap_or_default();
    let all: BTreeSet<String> = users(known).split(", ").chain(users(&other).split(", ")).map(str::to_owned).collect();
    known.params.insert("users", all.into_iter().collect::<Vec<_>>().join(", "));
    known.evidence.extend(other.evidence.into_iter().skip(1));
    if !other.facts.contains(&Fact::InBoth) {
        known.facts.remove(&Fact::InBoth);
    }
}
