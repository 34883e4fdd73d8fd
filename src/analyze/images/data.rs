//! Data that a newer version has written and an older one is to read: the way back that the vendor closes.

use std::collections::{BTreeMap, BTreeSet};

use super::slots::{self, Slot};
use crate::analyze::{Change, ChangeKind, Context, Fact};
use crate::forecast::Confidence;
use crate::k8s::data_format::{self, Product, Row, State, Unprepared, Verdict};
use crate::k8s::image::{Image, Scheme};
use crate::k8s::version::Version;
use crate::release::{ObjectRef, Value};
use crate::rules::EvidenceSource;

/// One change per object and product; products without a volume of their own speak once a release.
pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let slots = slots::of(context);
    let mut changes = Vec::new();
    let mut shared: BTreeMap<&str, Change> = BTreeMap::new();
    for slot in slots.iter().filter(|slot| !is_short_lived(slot) && !slots::is_client(slot.target)) {
        let Some((before, target)) = slot.images() else { continue };
        for (product, change) in known_products(context, slot, &before, &target) {
            match product.state {
                State::Volume => changes.push(change),
                State::Database | State::Resources => {
                    shared.entry(product.id).or_insert(change);
                }
            }
        }
        changes.extend(swapped(context, slot, &before, &target));
        changes.extend(unknown_product(context, slot, &before, &target));
    }
    changes.extend(shared.into_values());
    one_per_object(changes)
}

/// Objects whose program goes back over data that it keeps, in a volume or in a database.
pub fn goes_back(context: &Context<'_>) -> BTreeSet<ObjectRef> {
    let slots = slots::of(context);
    let judged = slots.iter().filter(|slot| !is_short_lived(slot) && !slots::is_client(slot.target)).filter(|slot| {
        slot.images().is_some_and(|(before, target)| {
            let known = known_products(context, slot, &before, &target);
            let known = known.iter().any(|(product, _)| product.state != State::Resources);
            known || unknown_product(context, slot, &before, &target).is_some()
        })
    });
    judged.map(|slot| slot.id.clone()).collect()
}

/// Jobs use the store's image as a client's.
fn is_short_lived(slot: &Slot<'_>) -> bool {
    slot.id.group() == "batch"
}

/// Two containers of one pod may hold the same product; the first speaks.
fn one_per_object(changes: Vec<Change>) -> Vec<Change> {
    let mut kept: Vec<Change> = Vec::new();
    for change in changes {
        let same = |other: &Change| {
            other.kind == change.kind
                && other.object == change.object
                && other.params.get("software") == change.params.get("software")
        };
        if !kept.iter().any(same) {
            kept.push(change);
        }
    }
    kept
}

fn known_products(
    context: &Context<'_>,
    slot: &Slot<'_>,
    before: &Image<'_>,
    target: &Image<'_>,
) -> Vec<(&'static Product, Change)> {
    let in_both = |product: &&Product| data_format::products(before).any(|other| other.id == product.id);
    let keeping = |product: &&Product| product.state != State::Volume || !slot.claims.is_empty();
    let products = data_format::products(target).filter(in_both).filter(keeping);
    products.filter_map(|product| Some((product, judged(context, slot, product, before, target)?))).collect()
}

fn judged(
    context: &Context<'_>,
    slot: &Slot<'_>,
    product: &'static Product,
    before: &Image<'_>,
    target: &Image<'_>,
) -> Option<Change> {
    match (before.version(product.scheme), target.version(product.scheme)) {
        (Some(current), Some(older)) => {
            let rows = data_format::crossed(product, &current, &older);
            let change =
                crossing(Change::of(ChangeKind::DataFormatDowngraded, slot.id).path(&slot.path), &rows, &current, &older)?;
            Some(settle(change, context, slot, product))
        }
        // An extension beside a database need not be named in the tag; the database itself is judged.
        _ if product.scheme == Scheme::Timescale => None,
        _ => Some(unreadable(context, slot, product, before, target)),
    }
}

/// The worst row speaks, with the conditions of all rows that are as bad.
pub fn crossing(change: Change, rows: &[&'static Row], current: &Version, older: &Version) -> Option<Change> {
    let worst = rows.first()?;
    let as_bad = rows.iter().filter(|row| (row.verdict, row.unprepared) == (worst.verdict, worst.unprepared));
    let conditions: Vec<&str> = as_bad.clone().map(|row| row.condition).collect();
    let fact = match worst.verdict {
        Verdict::Impossible => Fact::DowngradeImpossible,
        Verdict::Unsupported => Fact::DowngradeUnsupported,
        Verdict::Conditional => Fact::DowngradeConditional,
        Verdict::Safe => Fact::DowngradeSafe,
    };
    let mut change = change
        .confidence(if worst.checked && worst.verdict != Verdict::Conditional { Confidence::Certain } else { Confidence::Likely })
        .fact(fact)
        .fact_if(worst.unprepared == Unprepared::Fails, Fact::FailsUnprepared)
        .fact_if(worst.verdict == Verdict::Conditional && worst.unprepared == Unprepared::Mostly, Fact::MostlyWorks)
        .with("from", current)
        .with("to", older)
        .with("condition", conditions.join(" / "));
    for row in as_bad {
        let text = format!("{}: {} ({})", row.software, row.condition, row.source);
        change = change.evidence(EvidenceSource::Table, "downgrade-boundaries.csv", text);
    }
    Some(change)
}

/// A tag that tells no version on one side: nobody can say whether a boundary is crossed.
fn unreadable(context: &Context<'_>, slot: &Slot<'_>, product: &Product, before: &Image<'_>, target: &Image<'_>) -> Change {
    let shown = |image: &Image<'_>| image.tag.unwrap_or("no tag").to_owned();
    let change = Change::of(ChangeKind::DataFormatDowngraded, slot.id)
        .path(&slot.path)
        .confidence(Confidence::Possible)
        .fact(Fact::VersionUnknown)
        .with("from", shown(before))
        .with("to", shown(target))
        .with("condition", "The tag tells no version, so the boundaries of the table cannot be compared");
    settle(change, context, slot, product)
}

fn settle(change: Change, context: &Context<'_>, slot: &Slot<'_>, product: &Product) -> Change {
    let place = match product.state {
        State::Volume => kept_in(slot),
        State::Database => "the database that it migrates".to_owned(),
        State::Resources => "objects of the cluster".to_owned(),
    };
    let change = change
        .with("software", product.name)
        .with("place", place)
        .with("container", slot.name)
        .fact_if(product.state == State::Database, Fact::ExternalDatabase);
    with_slot(change, context, slot)
}

fn kept_in(slot: &Slot<'_>) -> String {
    let names: Vec<&str> = slot.claims.iter().copied().collect();
    format!("volume {}", names.join(", "))
}

/// What is said of live state, and how sure a change is that an earlier refusal may prevent.
fn with_slot(mut change: Change, context: &Context<'_>, slot: &Slot<'_>) -> Change {
    let ceiling = match (context.is_rejected(slot.id), slot.before_object.live) {
        (true, _) => Confidence::Possible,
        (false, false) => Confidence::Likely,
        (false, true) => Confidence::Certain,
    };
    change.confidence = change.confidence.min(ceiling);
    change.evidence.splice(0..0, slot.evidence());
    change.fact_if(!slot.before_object.live, Fact::LiveUnknown)
}

/// A program nobody tabulated goes below a minor version with its claim kept.
fn unknown_product(context: &Context<'_>, slot: &Slot<'_>, before: &Image<'_>, target: &Image<'_>) -> Option<Change> {
    let is_known = data_format::products(before).chain(data_format::products(target)).next().is_some();
    if is_known || slot.claims.is_empty() || before.name() != target.name() {
        return None;
    }
    let (current, older) = (before.version(Scheme::Plain)?, target.version(Scheme::Plain)?);
    let calendar = current.is_calendar() || older.is_calendar();
    if calendar || current.same_series(&older, 2) || !data_format::is_below(&older, &current) {
        return None;
    }
    let change = Change::of(ChangeKind::StatefulAppDowngraded, slot.id)
        .path(&slot.path)
        .confidence(Confidence::Possible)
        .fact_if(current.major() != older.major(), Fact::MajorVersion)
        .with("software", target.name())
        .with("like", "no product of the tables")
        .with("from", current)
        .with("to", older)
        .with("place", kept_in(slot));
    Some(with_slot(mounted_like(change, slot), context, slot))
}

/// An image of one's own whose volume is mounted where a known product keeps its data.
fn mounted_like(change: Change, slot: &Slot<'_>) -> Change {
    let Some(product) = mounts(slot.target).into_iter().find_map(data_format::product_at) else { return change };
    let text = format!("volumes are mounted where {} keeps its data", product.name);
    change.with("like", product.name).fact(Fact::MountedLikeKnown).evidence(EvidenceSource::Table, "stateful-images.csv", text)
}

/// Another program, or another packager's layout, on the same claim.
fn swapped(context: &Context<'_>, slot: &Slot<'_>, before: &Image<'_>, target: &Image<'_>) -> Option<Change> {
    if slot.claims.is_empty() {
        return None;
    }
    let (old, new) = (data_format::products(before).next()?, data_format::products(target).next()?);
    let change = Change::of(ChangeKind::ImageFamilySwapped, slot.id).path(&slot.path).with("place", kept_in(slot));
    let change =
        if old.id == new.id { repackaged(change, slot, before, target)? } else { exchanged(change, old, new, before, target) };
    Some(with_slot(change.with("from", before).with("to", target), context, slot))
}

fn exchanged(change: Change, old: &'static Product, new: &'static Product, before: &Image<'_>, target: &Image<'_>) -> Change {
    let swap = data_format::swap(old.id, new.id, before.version(old.scheme).as_ref(), target.version(new.scheme).as_ref());
    let change = change.with("software", format!("{} instead of {}", new.name, old.name));
    match swap {
        Some(row) => change
            .confidence(if row.checked { Confidence::Certain } else { Confidence::Likely })
            .with("condition", row.condition)
            .fact_if(row.verdict == Verdict::Safe, Fact::DowngradeSafe)
            .evidence(EvidenceSource::Table, "image-swaps.csv", format!("{} ({})", row.condition, row.source)),
        None => change
            .confidence(Confidence::Likely)
            .with("condition", "Two different programs, and no vendor's word that one reads the other's files"),
    }
}

/// Bitnami's images keep their data elsewhere below the mount, under another user, than those of the projects.
fn repackaged(change: Change, slot: &Slot<'_>, before: &Image<'_>, target: &Image<'_>) -> Option<Change> {
    if is_bitnami(before) == is_bitnami(target) || mounts(slot.before) == mounts(slot.target) {
        return None;
    }
    let packager = |image: &Image<'_>| if is_bitnami(image) { "Bitnami's" } else { "the project's" };
    let software = format!("{} image instead of {}", packager(target), packager(before));
    let condition = "The two images expect the data in different directories and run as different users";
    Some(change.confidence(Confidence::Likely).with("software", software).with("condition", condition))
}

fn is_bitnami(image: &Image<'_>) -> bool {
    image.path.split('/').any(|segment| segment.starts_with("bitnami"))
}

/// Where a container mounts things: the same places mean the same layout.
fn mounts(container: &Value) -> Vec<&str> {
    let mounts = container.get("volumeMounts").as_list().iter();
    mounts.filter_map(|mount| mount.get("mountPath").as_str()).collect()
}
