//! What Helm deletes, keeps or takes along, and what the cluster says about it.

use super::{Change, ChangeKind, Context, Fact, claims, custom_data, secrets};
use crate::forecast::{Action, Confidence, StepResult, availability, cascades};
use crate::input::{Known, LiveObject};
use crate::k8s::kinds;
use crate::k8s::surroundings::Surrounding;
use crate::release::{Object, ObjectRef};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let mut changes: Vec<Change> = context.forecast.deletes.iter().map(|id| deleted(context, id)).collect();
    changes.extend(context.forecast.kept.iter().map(|id| kept(context, id)));
    changes.extend(context.forecast.adopts.iter().map(|id| taken_over(context, id)));
    changes.extend(stopped_take_overs(context));
    changes.extend(scale_down_claims(context));
    changes.extend(recreated(context));
    changes.extend(in_two_groups(context));
    changes
}

fn deleted(context: &Context<'_>, id: &ObjectRef) -> Change {
    let live = context.input.facts.live_of(id);
    let template = context.in_from(id).map(|object| object.origin.to_string()).unwrap_or_default();
    let mut change = Change::of(ChangeKind::ObjectDeleted, id).with("template", &template).with("loss", "").evidence(
        EvidenceSource::From,
        template,
        format!("{id} is in revision {} and not in {}", context.input.from.revision, context.input.to.revision),
    );
    change = match &live {
        Known::Yes(Some(live)) => with_live(change, context, id, live),
        Known::Yes(None) => change.fact(Fact::NotLive),
        Known::No(why) => change.fact(Fact::LiveUnknown).evidence(EvidenceSource::Live, id, format!("not known: {why}")),
    };
    if let Some(object) = context.in_from(id) {
        change = keep_traps(change, object, live.yes().copied().flatten());
    }
    content_facts(change, context, id, live.yes().copied().flatten())
}

fn with_live(change: Change, _context: &Context<'_>, id: &ObjectRef, live: &LiveObject) -> Change {
    change.evidence(
        EvidenceSource::Live,
        format!("{id} metadata.annotations"),
        match live.annotation("helm.sh/resource-policy") {
            Some(policy) => format!("helm.sh/resource-policy is \"{policy}\": only exactly \"keep\" protects the object"),
            None => "no helm.sh/resource-policy annotation".to_owned(),
        },
    )
}

/// `keep` that does not protect: only in the manifest, or lost to a duplicate key.
fn keep_traps(change: Change, object: &Object, live: Option<&LiveObject>) -> Change {
    let in_manifest =
        object.annotation("helm.sh/resource-policy").is_some_and(|policy| policy.trim().eq_ignore_ascii_case("keep"));
    let lost = object.duplicate_keys.iter().any(|key| key.path == "metadata.annotations");
    change
        .fact_if(in_manifest && live.is_some(), Fact::KeepOnlyInManifest)
        .fact_if(lost && !in_manifest, Fact::KeepLostToDuplicateKey)
}

/// What the kind makes of its deletion.
fn content_facts(change: Change, context: &Context<'_>, id: &ObjectRef, live: Option<&LiveObject>) -> Change {
    match (id.group(), id.kind.as_str()) {
        ("", "PersistentVolumeClaim") => claim_facts(change, context, id, live),
        ("", "PersistentVolume") => volume_facts(change, context, id, live),
        ("", "Secret") => secrets::deletion_facts(change, context, id, live),
        ("snapshot.storage.k8s.io", "VolumeSnapshot") => snapshot_facts(change, context, live),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            let contents = context.input.facts.custom_resources.get(&id.name);
            counted(change, contents, "custom resources")
        }
        ("", "Namespace") => {
            let own = id.name == context.input.namespace;
            counted(change, context.input.facts.namespace_contents.get(&id.name), "objects").fact_if(own, Fact::ReleaseNamespace)
        }
        ("apps", "StatefulSet") => {
            let deletes_claims = live.is_some_and(|set| cascades::retention(&set.body, "whenDeleted") == "Delete");
            change.fact_if(deletes_claims, Fact::RetentionPolicy)
        }
        _ if !kinds::is_built_in(id) => custom_data::facts(change, context, id, live),
        _ => change,
    }
}

fn counted(change: Change, contents: Option<&Known<Vec<ObjectRef>>>, what: &str) -> Change {
    match contents {
        Some(Known::Yes(list)) if list.is_empty() => {
            change.fact(Fact::NoCustomResources).with("count", 0).evidence(EvidenceSource::Live, "listing", format!("no {what}"))
        }
        Some(Known::Yes(list)) => {
            let names: Vec<String> = list.iter().take(5).map(ToString::to_string).collect();
            let text = format!("{} {what}: {}{}", list.len(), names.join(", "), if list.len() > 5 { ", …" } else { "" });
            change.fact(Fact::HasCustomResources).with("count", list.len()).evidence(EvidenceSource::Live, "listing", text)
        }
        Some(Known::No(why)) => change.fact(Fact::CountUnknown).with("count", "an unknown number of").evidence(
            EvidenceSource::Live,
            "listing",
            format!("not known: {why}"),
        ),
        None => change.fact(Fact::CountUnknown).with("count", "an unknown number of"),
    }
}

/// Bound or not, what the volume's reclaim policy does with the data, and what could bring it back.
pub fn claim_facts(change: Change, context: &Context<'_>, id: &ObjectRef, live: Option<&LiveObject>) -> Change {
    let Some(claim) = live else {
        return claims::evidence(change.fact(Fact::BoundVolume).fact(Fact::ReclaimUnknown), &context.input.facts, id, None);
    };
    let Some(volume) = claim.body.at(&["spec", "volumeName"]).as_str() else {
        return change.fact(Fact::NeverBound).evidence(
            EvidenceSource::Live,
            "spec.volumeName",
            "the claim was never bound to a volume",
        );
    };
    claims::evidence(reclaim_facts(change, context, volume), &context.input.facts, id, live)
}

fn reclaim_facts(change: Change, context: &Context<'_>, volume: &str) -> Change {
    let change = change.fact(Fact::BoundVolume);
    let at = format!("PersistentVolume/{volume} spec.persistentVolumeReclaimPolicy");
    match context.input.facts.volumes.get(volume) {
        Some(Known::Yes(Some(found))) => {
            let policy = cascades::reclaim_policy(&found.body).unwrap_or("Retain");
            let fact = if policy == "Retain" { Fact::ReclaimRetain } else { Fact::ReclaimDelete };
            change.fact(fact).evidence(EvidenceSource::Live, at, policy)
        }
        Some(Known::Yes(None)) => {
            change.fact(Fact::ReclaimUnknown).evidence(EvidenceSource::Live, at, "the volume does not exist")
        }
        Some(Known::No(why)) => change.fact(Fact::ReclaimUnknown).evidence(EvidenceSource::Live, at, format!("not known: {why}")),
        None => change.fact(Fact::ReclaimUnknown).evidence(EvidenceSource::Live, at, "not read"),
    }
}

/// A volume of the release itself: what its policy does, and whether a claim uses it.
fn volume_facts(change: Change, context: &Context<'_>, id: &ObjectRef, live: Option<&LiveObject>) -> Change {
    let Some(body) = live.map(|live| &live.body).or_else(|| context.in_from(id).map(|object| &object.body)) else {
        return change;
    };
    let policy = cascades::reclaim_policy(body).unwrap_or("Retain");
    let claim = body.at(&["spec", "claimRef"]);
    let never = live.is_some() && claim.is_null();
    let users = match (never, claim.get("name").as_str()) {
        (true, _) => "no claim was ever bound to it".to_owned(),
        (false, Some(name)) => format!("claim {}/{name}", claim.get("namespace").display()),
        (false, None) => "not known".to_owned(),
    };
    let source = if live.is_some() { EvidenceSource::Live } else { EvidenceSource::From };
    change
        .fact(if policy == "Delete" { Fact::ReclaimDelete } else { Fact::ReclaimRetain })
        .fact(if never { Fact::NeverBound } else { Fact::BoundVolume })
        .evidence(source, "spec.persistentVolumeReclaimPolicy", policy)
        .evidence(source, "spec.claimRef", users)
}

/// Whether the snapshot outlives its object: its content says so.
fn snapshot_facts(change: Change, context: &Context<'_>, live: Option<&LiveObject>) -> Change {
    let change = match live.map(|live| live.body.at(&["spec", "source", "persistentVolumeClaimName"]).display()) {
        Some(claim) => change.evidence(EvidenceSource::Live, "spec.source", format!("of claim {claim}")),
        None => change,
    };
    let bound = live.and_then(|live| live.body.at(&["status", "boundVolumeSnapshotContentName"]).as_str());
    let contents = context.input.facts.around(Surrounding::VolumeSnapshotContents, None);
    let (Some(name), Known::Yes(contents)) = (bound, &contents) else {
        let why = contents.why_not().unwrap_or("the snapshot names no content");
        return change.fact(Fact::ReclaimUnknown).evidence(EvidenceSource::Live, "deletionPolicy", format!("not known: {why}"));
    };
    let found = contents.iter().find(|content| content.body.at(&["metadata", "name"]).as_str() == Some(name));
    let at = format!("VolumeSnapshotContent/{name} spec.deletionPolicy");
    match found.and_then(|content| content.body.at(&["spec", "deletionPolicy"]).as_str()) {
        Some("Retain") => change.fact(Fact::ReclaimRetain).evidence(EvidenceSource::Live, at, "Retain"),
        Some(policy) => change.fact(Fact::ReclaimDelete).evidence(EvidenceSource::Live, at, policy),
        None => change.fact(Fact::ReclaimUnknown).evidence(EvidenceSource::Live, at, "the content was not found"),
    }
}

fn kept(context: &Context<'_>, id: &ObjectRef) -> Change {
    let template = context.in_from(id).map(|object| object.origin.to_string()).unwrap_or_default();
    let refused = context.forecast.steps.iter().find(|step| step.object == *id && step.result == StepResult::Rejected);
    if let Some(why) = refused.and_then(|step| step.why.as_ref()) {
        return Change::of(ChangeKind::ObjectKept, id)
            .fact(Fact::Forbidden)
            .evidence(EvidenceSource::Forecast, id, why)
            .evidence(EvidenceSource::From, template, "only in the revision that is left");
    }
    let change = match context.input.facts.live_of(id) {
        Known::No(why) => Change::of(ChangeKind::ObjectKept, id).confidence(Confidence::Likely).fact(Fact::LiveUnknown).evidence(
            EvidenceSource::From,
            &template,
            format!("helm.sh/resource-policy is \"keep\"; live state is not known: {why}"),
        ),
        Known::Yes(_) => Change::of(ChangeKind::ObjectKept, id).evidence(
            EvidenceSource::Live,
            format!("{id} metadata.annotations"),
            "helm.sh/resource-policy is \"keep\"",
        ),
    };
    change.evidence(EvidenceSource::From, template, "only in the revision that is left")
}

fn taken_over(context: &Context<'_>, id: &ObjectRef) -> Change {
    owned_change(context, id, Change::of(ChangeKind::ObjectTakenOver, id))
}

/// Take-overs that this Helm refuses, or that the server or another field manager refuses.
fn stopped_take_overs(context: &Context<'_>) -> Vec<Change> {
    let steps = context.forecast.steps.iter();
    let stopped = steps.filter(|step| step.action == Action::Adopt && step.result != StepResult::Ok);
    stopped.map(|step| owned_change(context, &step.object, Change::of(ChangeKind::ObjectTakenOver, &step.object))).collect()
}

fn owned_change(context: &Context<'_>, id: &ObjectRef, change: Change) -> Change {
    let live = context.input.facts.live_of(id);
    let Known::Yes(Some(live)) = live else {
        return change.with("owner", "unknown").fact(Fact::LiveUnknown);
    };
    let owner = live.annotation("meta.helm.sh/release-name");
    let namespace = live.annotation("meta.helm.sh/release-namespace").unwrap_or("");
    let (fact, text) = match owner {
        Some(name) if name == context.input.from.name && namespace == context.input.from.namespace => {
            (Fact::OwnRelease, format!("this release ({name})"))
        }
        Some(name) => (Fact::OtherRelease, format!("release {name} in namespace {namespace}")),
        None => (Fact::Unowned, "no Helm release".to_owned()),
    };
    change.fact(fact).with("owner", &text).evidence(EvidenceSource::Live, format!("{id} meta.helm.sh/release-name"), text)
}

/// StatefulSets that shrink under `whenScaled: Delete` take claims along.
fn scale_down_claims(context: &Context<'_>) -> Vec<Change> {
    let of_sets = context.forecast.cascades.iter().filter(|id| id.is("", "PersistentVolumeClaim"));
    of_sets
        .filter_map(|claim| Some((claim, owning_set(context, claim)?)))
        .map(|(claim, (set, body))| {
            let change = Change::of(ChangeKind::Cascade, claim).with("with", set).with("count", 1).fact(Fact::RetentionPolicy);
            let change =
                change.evidence(EvidenceSource::Live, format!("{set} spec.persistentVolumeClaimRetentionPolicy"), "Delete");
            claim_facts(change, context, claim, Some(body))
        })
        .collect()
}

fn owning_set<'c>(context: &'c Context<'_>, claim: &ObjectRef) -> Option<(&'c ObjectRef, &'c LiveObject)> {
    context.input.facts.set_claims.iter().find_map(|(set, claims)| {
        let body = claims.yes()?.iter().find(|live| live.body.at(&["metadata", "name"]).as_str() == Some(&claim.name))?;
        Some((set, body))
    })
}

/// Objects of both revisions that are gone live: a claim comes back empty.
fn recreated(context: &Context<'_>) -> Vec<Change> {
    let creates = context.forecast.creates.iter();
    creates
        .filter(|id| context.in_from(id).is_some() && matches!(context.input.facts.live_of(id), Known::Yes(None)))
        .map(|id| {
            let change = Change::of(ChangeKind::ObjectRecreated, id).fact(Fact::NotLive).evidence(
                EvidenceSource::Live,
                id,
                "not in the cluster although the current revision has it",
            );
            if id.is("", "PersistentVolumeClaim") { claims::backup(change, &context.input.facts, id) } else { change }
        })
        .collect()
}

/// One name and kind under two API groups that share a storage: changed under one, deleted under the other.
fn in_two_groups(context: &Context<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    for left in context.input.from.objects.iter().filter(|object| context.in_to(&object.id).is_none()) {
        for other in context.input.to.objects.iter().filter(|object| is_one_object(context, &object.id, &left.id)) {
            changes.push(
                Change::of(ChangeKind::ObjectInTwoGroups, &left.id)
                    .with("other", &other.id.api_version)
                    .evidence(EvidenceSource::From, &left.origin, &left.id.api_version)
                    .evidence(EvidenceSource::To, &other.origin, &other.id.api_version),
            );
        }
    }
    changes
}

fn is_one_object(context: &Context<'_>, a: &ObjectRef, b: &ObjectRef) -> bool {
    let same_name = a.kind == b.kind && a.name == b.name && a.namespace == b.namespace && a.group() != b.group();
    let uid = |id: &ObjectRef| context.input.facts.live_of(id).yes().copied().flatten().map(|live| live.uid.clone());
    same_name && (availability::share_storage(a, b) || (uid(a).is_some() && uid(a) == uid(b)))
}
