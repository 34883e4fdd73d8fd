//! Who else writes to the objects of the release: GitOps controllers, people, and whoever has begun to delete them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, ChangeKind, Context, Fact, after};
use crate::forecast::{Confidence, Method, apply};
use crate::input::{Known, LiveObject};
use crate::k8s::kinds;
use crate::k8s::ownership::{self, Sign};
use crate::k8s::surroundings::Surrounding;
use crate::release::{Object, ObjectRef, Value};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let mut changes: Vec<Change> = gitops(context).into_iter().collect();
    let objects = || context.input.to.objects.iter();
    changes.extend(objects().filter_map(|object| edited(context, object)));
    changes.extend(objects().filter_map(|object| terminating(context, object)));
    changes.extend(terminating_namespaces(context));
    changes
}

fn live_of<'a>(context: &'a Context<'_>, id: &ObjectRef) -> Option<&'a LiveObject> {
    context.input.facts.live_of(id).yes().copied().flatten()
}

/// One finding for the release, whatever the number of objects that carry the signs.
fn gitops(context: &Context<'_>) -> Option<Change> {
    let mut signs: BTreeMap<&str, BTreeSet<Sign>> = BTreeMap::new();
    let mut seen: Option<(EvidenceSource, String)> = None;
    let mut has_managers = false;
    for object in &context.input.from.objects {
        let live = live_of(context, &object.id);
        let body = live.map_or(&object.body, |live| &live.body);
        has_managers |= apply::has_owners(body);
        for sign in ownership::gitops_signs(body) {
            let source = if live.is_some() { EvidenceSource::Live } else { EvidenceSource::From };
            seen.get_or_insert((source, object.id.to_string()));
            signs.entry(sign.owner).or_default().insert(sign);
        }
    }
    // The owner with the most signs; a release has one.
    let (owner, signs) = signs.into_iter().max_by_key(|(_, signs)| signs.len())?;
    let writes = signs.iter().any(|sign| sign.writes);
    let named = signs.iter().find(|sign| sign.name.is_some()).or_else(|| signs.first())?;
    let (source, at) = seen?;
    let change = Change::new(ChangeKind::GitopsOwned, None)
        .confidence(if writes || !has_managers { Confidence::Likely } else { Confidence::Possible })
        .fact_if(has_managers && !writes, Fact::LeftOver)
        .with("owner", owner)
        .with("application", named.name.as_deref().unwrap_or("not named"))
        .with("suspend", &named.suspend);
    Some(signs.iter().fold(change, |change, sign| change.evidence(source, &at, &sign.seen)))
}

/// Fields that a person has changed since the upgrade and that the rollback overwrites.
fn edited(context: &Context<'_>, object: &Object) -> Option<Change> {
    let (live, from) = (live_of(context, &object.id)?, after::before(context, &object.id)?);
    // A merge patch between two revisions that are alike here leaves what others changed.
    let untouched =
        context.forecast.method == Method::ClientSide && !kinds::has_strategic_merge(&object.id) && from.body == object.body;
    if untouched || live.is_terminating() || context.is_rejected(&object.id) {
        return None;
    }
    let since: BTreeSet<(String, String)> = by_hand(&live.body, &from.body).collect();
    let overwritten: BTreeSet<(String, String)> =
        by_hand(&live.body, &object.body).filter(|field| since.contains(field)).collect();
    let paths: BTreeSet<&str> = overwritten.iter().map(|(path, _)| path.as_str()).collect();
    let change = Change::of(ChangeKind::EditLost, &object.id)
        .path(paths.first().copied()?)
        .with("fields", paths.into_iter().collect::<Vec<_>>().join(", "))
        .evidence(EvidenceSource::From, &from.origin, "the live value is not that of the current revision")
        .evidence(EvidenceSource::To, &object.origin, "nor that of the target");
    Some(overwritten.iter().take(5).fold(change, |change, (path, manager)| {
        let tool = ownership::hand(manager).unwrap_or(manager);
        change.evidence(
            EvidenceSource::Live,
            format!("{} {path}", object.id),
            format!("changed with {tool} (field manager {manager})"),
        )
    }))
}

/// Fields of the manifest that somebody owns live by hand with another value.
fn by_hand(live: &Value, manifest: &Value) -> impl Iterator<Item = (String, String)> {
    let conflicts = apply::conflicts(live, manifest).into_iter();
    conflicts.filter(|conflict| ownership::hand(&conflict.manager).is_some()).map(|conflict| (conflict.path, conflict.manager))
}

/// What is being deleted takes a patch and goes away all the same.
fn terminating(context: &Context<'_>, object: &Object) -> Option<Change> {
    let live = live_of(context, &object.id).filter(|live| live.is_terminating())?;
    let finalizers = finalizers(&live.body);
    Some(
        Change::of(ChangeKind::ObjectTerminating, &object.id)
            .with("finalizers", &finalizers)
            .evidence(EvidenceSource::Live, &object.id, deleted_since(&live.body))
            .evidence(EvidenceSource::Live, "metadata.finalizers", finalizers),
    )
}

fn finalizers(body: &Value) -> String {
    let names: Vec<&str> = body.at(&["metadata", "finalizers"]).as_list().iter().filter_map(Value::as_str).collect();
    if names.is_empty() { "no finalizer".to_owned() } else { names.join(", ") }
}

fn deleted_since(body: &Value) -> String {
    format!("metadata.deletionTimestamp: {}", body.at(&["metadata", "deletionTimestamp"]).display())
}

/// Nothing can be created in a namespace that is being deleted (API server admission plugin `NamespaceLifecycle`).
fn terminating_namespaces(context: &Context<'_>) -> Vec<Change> {
    let Known::Yes(namespaces) = context.input.facts.around(Surrounding::Namespaces, None) else { return Vec::new() };
    let creates_in = |name: &str| context.forecast.creates.iter().any(|id| id.namespace.as_deref() == Some(name));
    let going = namespaces.iter().filter(|live| live.is_terminating() && creates_in(live.name()));
    let own = |id: &ObjectRef| context.input.to.objects.iter().any(|object| object.id == *id);
    going
        .map(|live| (ObjectRef::new("v1", "Namespace", None, live.name()), live))
        .filter(|(id, _)| !own(id))
        .map(|(id, live)| {
            Change::of(ChangeKind::ObjectTerminating, &id)
                .fact(Fact::HoldsTarget)
                .with("finalizers", finalizers(&live.body))
                .evidence(EvidenceSource::Live, &id, deleted_since(&live.body))
        })
        .collect()
}
