//! Images that the rollback needs and the cluster does not run yet, and tags that name other bits by now.

use std::collections::{BTreeMap, BTreeSet};

use super::slots::{self, Slot};
use crate::analyze::{Change, ChangeKind, Context, Fact};
use crate::forecast::Confidence;
use crate::input::LiveObject;
use crate::k8s::image::Image;
use crate::k8s::image_locations::{self, Location, State};
use crate::k8s::{references, surroundings::Surrounding};
use crate::release::{Object, ObjectRef, Value};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let running = images_of(&context.input.from.objects);
    let mut changes: Vec<Change> =
        context.input.to.objects.iter().filter_map(|object| doubtful(context, object, &running)).collect();
    changes.extend(slots::of(context).iter().filter_map(|slot| floating(context, slot)));
    changes
}

/// Every image that the pods of these objects pull.
fn images_of(objects: &[Object]) -> BTreeSet<Image<'_>> {
    objects.iter().flat_map(|object| images(&object.id, &object.body)).map(|(_, image)| image).collect()
}

fn images<'v>(id: &ObjectRef, body: &'v Value) -> impl Iterator<Item = (&'v Value, Image<'v>)> {
    let containers = references::containers(slots::pod_spec(id, body));
    containers.filter_map(|(_, container)| Some((container, Image::parse(container.get("image").as_str()?)?)))
}

/// An object of the target whose image comes from a dead or moved place and does not run now. The worst image speaks.
fn doubtful(context: &Context<'_>, object: &Object, running: &BTreeSet<Image<'_>>) -> Option<Change> {
    let new = images(&object.id, &object.body).filter(|(_, image)| !running.contains(image));
    let placed: Vec<(&Value, Image<'_>, &'static Location)> = new
        .filter_map(|(container, image)| Some((container, image_locations::of(&image)?)).map(|(c, l)| (c, image, l)))
        .collect();
    let (container, worst, row) = placed.iter().max_by_key(|(_, _, row)| row.state)?;
    let images: BTreeSet<String> = placed.iter().map(|(_, image, _)| image.to_string()).collect();
    let fact = match row.state {
        State::Gone => Fact::PlaceGone,
        State::Moved => Fact::PlaceMoved,
        State::Frozen | State::Served => Fact::PlaceFrozen,
    };
    let name = container.get("name").as_str().unwrap_or("");
    let change = Change::of(ChangeKind::ImagePlaceDoubtful, &object.id)
        .path(format!("{}containers[name={name}].image", slots::spec_prefix(&object.id)))
        .confidence(if row.checked { Confidence::Likely } else { Confidence::Possible })
        .fact(fact)
        .fact_if(running.iter().any(|image| is_same_place(image, row)), Fact::PlaceInFrom)
        .with("image", worst)
        .with("images", images.into_iter().collect::<Vec<_>>().join(", "))
        .with("known", row.fact)
        .with("instead", row.instead)
        .evidence(EvidenceSource::To, &object.origin, format!("image: {worst}"))
        .evidence(EvidenceSource::Table, "image-locations.csv", format!("{} ({})", row.fact, row.source));
    Some(cached(change, context, object, container, worst))
}

/// Where the present image came from the same place, pulls from it may be served by a mirror.
fn is_same_place(image: &Image<'_>, row: &Location) -> bool {
    image_locations::of(image).is_some_and(|other| std::ptr::eq(other, row))
}

/// Which nodes hold the image already; with `imagePullPolicy: Always` the registry is asked all the same.
fn cached(change: Change, context: &Context<'_>, object: &Object, container: &Value, image: &Image<'_>) -> Change {
    let nodes = context.input.facts.around(Surrounding::Nodes, None);
    let pods = context.input.facts.around(Surrounding::Pods, object.id.namespace.as_deref());
    let always = container.get("imagePullPolicy").as_str() == Some("Always");
    let nodes = nodes.yes().copied().unwrap_or_default();
    let pods = pods.yes().copied().unwrap_or_default();
    let holding: BTreeSet<&str> = nodes.iter().filter(|node| node_holds(node, image)).map(LiveObject::name).collect();
    let running: BTreeSet<&str> =
        pods.iter().filter(|pod| pod_runs(pod, image)).filter_map(|pod| pod.body.at(&["spec", "nodeName"]).as_str()).collect();
    let all: BTreeSet<&str> = holding.union(&running).copied().collect();
    if all.is_empty() || always {
        return change;
    }
    let everywhere = !nodes.is_empty() && nodes.iter().map(LiveObject::name).all(|name| all.contains(name));
    let names: Vec<&str> = all.into_iter().collect();
    change.fact(if everywhere { Fact::OnEveryNode } else { Fact::OnSomeNode }).evidence(
        EvidenceSource::Live,
        "Node status.images",
        format!("held by {}", names.join(", ")),
    )
}

/// The kubelet reports the names under which it knows an image (the fifty largest by default).
fn node_holds(node: &LiveObject, image: &Image<'_>) -> bool {
    let images = node.body.at(&["status", "images"]).as_list().iter();
    let mut names = images.flat_map(|image| image.get("names").as_list()).filter_map(Value::as_str).filter_map(Image::parse);
    names.any(|held| same_bits(&held, image))
}

fn pod_runs(pod: &LiveObject, image: &Image<'_>) -> bool {
    let statuses = pod.body.at(&["status", "containerStatuses"]).as_list().iter();
    let mut names = statuses.filter_map(|status| status.get("image").as_str()).filter_map(Image::parse);
    names.any(|held| same_bits(&held, image))
}

fn same_bits(held: &Image<'_>, wanted: &Image<'_>) -> bool {
    held.repository() == wanted.repository()
        && match wanted.digest {
            Some(digest) => held.digest == Some(digest),
            None => held.tag == wanted.tag,
        }
}

/// The same floating tag in both revisions: the rollback asks for whatever the tag names today.
fn floating(context: &Context<'_>, slot: &Slot<'_>) -> Option<Change> {
    let text = slot.target.get("image").as_str()?;
    let image = Image::parse(text).filter(Image::is_floating)?;
    let in_from = slots::pod_spec(slot.id, &slot.before_object.object.body);
    let same = in_from.get("containers").as_list().iter().any(|container| container.get("image") == slot.target.get("image"));
    let (from, to) = (&context.input.from.chart, &context.input.to.chart);
    if !same || (from.app_version == to.app_version && !template_changes(context, slot)) {
        return None;
    }
    let digests = digests(context, slot, &image);
    let change = Change::of(ChangeKind::FloatingImage, slot.id)
        .path(&slot.path)
        .confidence(Confidence::Likely)
        .with("image", &image)
        .fact_if(digests.len() > 1, Fact::DigestsDiffer)
        .evidence(EvidenceSource::To, &slot.target_object.origin, format!("{}: {text}", slot.path));
    let found: Vec<&str> = digests.keys().copied().collect();
    Some(if found.is_empty() {
        change
    } else {
        change.evidence(EvidenceSource::Live, "Pod status.containerStatuses.imageID", found.join(", "))
    })
}

/// Whether the rollback replaces the pods, so that the tag is looked up again.
fn template_changes(context: &Context<'_>, slot: &Slot<'_>) -> bool {
    let prefix = slots::spec_prefix(slot.id);
    let pair = context.pairs.iter().find(|pair| pair.id() == slot.id);
    pair.is_some_and(|pair| pair.real_changes().any(|field| field.path.to_string().starts_with(&prefix)))
}

/// Digests under which live pods run this very image, with how many do.
fn digests<'c>(context: &Context<'c>, slot: &Slot<'_>, image: &Image<'_>) -> BTreeMap<&'c str, usize> {
    let mut digests = BTreeMap::new();
    let facts = &context.input.facts;
    let Some(crate::input::Known::Yes(pods)) = facts.around.get(&(Surrounding::Pods, slot.id.namespace.clone())) else {
        return digests;
    };
    for status in pods.iter().flat_map(|pod| pod.body.at(&["status", "containerStatuses"]).as_list()) {
        let runs = status.get("image").as_str().and_then(Image::parse).is_some_and(|held| same_bits(&held, image));
        if let Some((_, digest)) = status.get("imageID").as_str().filter(|_| runs).and_then(|id| id.split_once('@')) {
            *digests.entry(digest).or_insert(0) += 1;
        }
    }
    digests
}
