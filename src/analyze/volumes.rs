//! Where containers find their data: a claim, a directory of it or a mount point that goes back.
//!
//! Kubernetes mounts what the pod template names (core/v1 `VolumeMount`, apps/v1 `StatefulSetSpec.volumeClaimTemplates`): a template
//! that goes back to another claim or directory starts the application on other data, and nothing reports an error.

mod mounts;

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, ChangeKind, Context, Fact};
use crate::input::{Known, LiveObject};
use crate::k8s::kinds;
use crate::k8s::surroundings::Surrounding;
use crate::release::{Object, ObjectRef, Value};
use crate::rules::EvidenceSource;
use mounts::{Move, Source};

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    workloads(context).filter_map(|(before, after)| moved(context, &before, after)).collect()
}

/// What runs now: live where it is known, else as *from* says.
struct Before<'c> {
    id: &'c ObjectRef,
    /// The body in *from*.
    manifest: &'c Value,
    body: &'c Value,
    at: (EvidenceSource, String),
}

/// Workloads of the target with what they take the place of: themselves, or one that goes where they come.
fn workloads<'c>(context: &'c Context<'_>) -> impl Iterator<Item = (Before<'c>, &'c Object)> {
    let runs_pods = |object: &&Object| kinds::pod_template_path(&object.id).is_some_and(|path| !path.is_empty());
    let targets = context.input.to.objects.iter().filter(runs_pods).filter(|object| !context.is_rejected(&object.id));
    targets.filter_map(|target| {
        let before = context.in_from(&target.id).or_else(|| predecessor(context, target))?;
        Some((current(context, before)?, target))
    })
}

fn current<'c>(context: &'c Context<'_>, object: &'c Object) -> Option<Before<'c>> {
    match context.input.facts.live.get(&object.id) {
        Some(Known::Yes(Some(live))) => Some(Before {
            id: &object.id,
            manifest: &object.body,
            body: &live.body,
            at: (EvidenceSource::Live, object.id.to_string()),
        }),
        Some(Known::Yes(None)) => None,
        _ => Some(Before {
            id: &object.id,
            manifest: &object.body,
            body: &object.body,
            at: (EvidenceSource::From, object.origin.to_string()),
        }),
    }
}

/// A workload that is deleted while this one is created, and whose pods they both are: the same name, or the same container.
fn predecessor<'c>(context: &'c Context<'_>, target: &Object) -> Option<&'c Object> {
    let gone = context.forecast.deletes.iter().filter_map(|id| context.in_from(id));
    let gone: Vec<&Object> =
        gone.filter(|object| object.id.namespace == target.id.namespace && runs_alike(object, target)).collect();
    let same_name = gone.iter().copied().find(|object| object.id.name == target.id.name);
    match gone.as_slice() {
        [only] => Some(only),
        _ => same_name,
    }
}

fn runs_alike(gone: &Object, target: &Object) -> bool {
    let images = |object: &Object| -> BTreeSet<String> { containers(&object.id, &object.body).filter_map(repository).collect() };
    let is_long_running = |id: &ObjectRef| kinds::current_group(id) == "apps";
    is_long_running(&gone.id) && is_long_running(&target.id) && !images(gone).is_disjoint(&images(target))
}

fn containers<'v>(id: &ObjectRef, body: &'v Value) -> impl Iterator<Item = &'v Value> {
    kinds::pod_template(id, body).at(&["spec", "containers"]).as_list().iter()
}

/// The image without tag and digest.
fn repository(container: &Value) -> Option<String> {
    let image = container.get("image").as_str()?;
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    let tag = image.rfind(':').filter(|colon| !image[*colon..].contains('/'));
    Some(tag.map_or(image, |colon| &image[..colon]).to_owned())
}

fn moved(context: &Context<'_>, before: &Before<'_>, after: &Object) -> Option<Change> {
    let old = mounts::of(before.id, before.body);
    let declared = mounts::of(before.id, before.manifest);
    let mut moves = mounts::compare(&old, &mounts::of(&after.id, &after.body));
    // A mount that only the live object has, and for which the target has nothing, is an addition that Helm leaves alone.
    moves.retain(|one| one.entered().is_some() || declared.mounts(one.left()));
    // Of a claim that is deleted and mounted no more, its deletion says it all.
    moves.retain(|one| one.fact() != Fact::NotMounted || !is_deleted(context, &after.id, one.left()));
    let worst = moves.iter().map(Move::fact).min()?;
    let empty = moves.iter().all(|one| never_used(context, &after.id, one.left()));
    let same_images = images(before.id, before.body) == images(&after.id, &after.body);
    let moves_text: Vec<String> = moves.iter().map(ToString::to_string).collect();
    let (source, at) = before.at.clone();
    let mut change = Change::of(ChangeKind::DataMoved, &after.id)
        .fact(worst)
        .fact_if(empty, Fact::NeverBound)
        .fact_if(!same_images, Fact::ImageChanges)
        .with("moves", moves_text.join("; "))
        .evidence(source, at, told(&moves, Move::before))
        .evidence(EvidenceSource::To, &after.origin, told(&moves, Move::after));
    for claim in moves.iter().flat_map(|one| [Some(one.left()), one.entered()]).flatten().collect::<BTreeSet<_>>() {
        change = claim_evidence(change, context, &after.id, claim);
    }
    Some(change)
}

fn told(moves: &[Move], side: impl Fn(&Move) -> String) -> String {
    moves.iter().map(side).collect::<Vec<_>>().join("; ")
}

fn images(id: &ObjectRef, body: &Value) -> BTreeMap<String, String> {
    let named = containers(id, body).map(|container| (container.get("name").display(), container.get("image").display()));
    named.collect()
}

/// Whether the cluster says that no volume was ever bound to what is left behind.
fn never_used(context: &Context<'_>, workload: &ObjectRef, source: &Source) -> bool {
    match source {
        Source::Claim(name) => match live_claim(context, workload, name) {
            Known::Yes(Some(claim)) => claim.body.at(&["spec", "volumeName"]).is_null(),
            Known::Yes(None) => true,
            Known::No(_) => false,
        },
        Source::Template { .. } | Source::Other(_) => false,
    }
}

fn is_deleted(context: &Context<'_>, workload: &ObjectRef, source: &Source) -> bool {
    let Source::Claim(name) = source else { return false };
    let id = ObjectRef::new("v1", "PersistentVolumeClaim", workload.namespace.as_deref(), name);
    context.forecast.deletes.contains(&id)
}

/// What becomes of a claim, and whether there is one.
fn claim_evidence(change: Change, context: &Context<'_>, workload: &ObjectRef, source: &Source) -> Change {
    let Source::Claim(name) = source else { return change };
    let id = ObjectRef::new("v1", "PersistentVolumeClaim", workload.namespace.as_deref(), name);
    if context.forecast.deletes.contains(&id) {
        return change.evidence(EvidenceSource::From, &id, "deleted by this rollback");
    }
    if context.forecast.creates.contains(&id) {
        return change.evidence(EvidenceSource::To, &id, "created by this rollback, empty");
    }
    let text = match live_claim(context, workload, name) {
        Known::Yes(Some(claim)) => match claim.body.at(&["spec", "volumeName"]).as_str() {
            Some(volume) => format!("exists, bound to {volume}"),
            None => "exists, never bound to a volume".to_owned(),
        },
        Known::Yes(None) => "does not exist".to_owned(),
        Known::No(why) => format!("not known: {why}"),
    };
    change.evidence(EvidenceSource::Live, &id, text)
}

/// The claim among the release's live objects, or among all claims around it.
fn live_claim<'c>(context: &'c Context<'_>, workload: &ObjectRef, name: &str) -> Known<Option<&'c LiveObject>> {
    let id = ObjectRef::new("v1", "PersistentVolumeClaim", workload.namespace.as_deref(), name);
    if let Some(Known::Yes(found)) = context.input.facts.live.get(&id) {
        return Known::Yes(found.as_ref());
    }
    match context.input.facts.around(Surrounding::PersistentVolumeClaims, workload.namespace.as_deref()) {
        Known::Yes(claims) => Known::Yes(claims.iter().find(|claim| claim.body.at(&["metadata", "name"]).as_str() == Some(name))),
        Known::No(why) => Known::No(why),
    }
}
