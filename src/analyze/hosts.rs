//! Hosts, paths and certificates that only the revision that is left serves.

use std::collections::BTreeSet;

use super::routing::ROUTES;
use super::{Change, ChangeKind, Context, Fact, after};
use crate::k8s::hosts::{self, Served};
use crate::release::{Object, ObjectRef};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let after: Vec<Served> = context.input.to.objects.iter().flat_map(|object| hosts::served(&object.id, &object.body)).collect();
    let elsewhere = elsewhere(context);
    let leaves = |object: &&Object| is_changed(context, &object.id);
    let objects = context.input.from.objects.iter().filter(leaves);
    objects.filter_map(|object| lost(object, &after, &elsewhere)).collect()
}

/// The object is deleted, or in both revisions and not refused.
fn is_changed(context: &Context<'_>, id: &ObjectRef) -> bool {
    let deleted = context.forecast.deletes.contains(id);
    let stays = context.input.to.objects.iter().any(|object| after::same_object(&object.id, id));
    let moves = context.input.to.objects.iter().any(|object| object.id.kind == id.kind && object.id.name == id.name);
    deleted || ((stays || moves) && !context.is_rejected(id))
}

/// What live objects outside the release serve.
fn elsewhere(context: &Context<'_>) -> Vec<(ObjectRef, Served)> {
    let live = ROUTES.into_iter().flat_map(|kind| after::surrounding(context, kind).collect::<Vec<_>>());
    live.filter(|(id, _)| after::is_foreign(context, id))
        .flat_map(|(id, live)| hosts::served(&id, &live.body).into_iter().map(move |served| (id.clone(), served)))
        .collect()
}

fn lost(object: &Object, after: &[Served], elsewhere: &[(ObjectRef, Served)]) -> Option<Change> {
    let mut hosts = BTreeSet::new();
    let mut paths = BTreeSet::new();
    let mut certificates = BTreeSet::new();
    for served in hosts::served(&object.id, &object.body) {
        let stays = || after.iter().filter(|other| other.covers_host(&served.host));
        if stays().next().is_none() {
            hosts.insert(served.host.clone());
        } else if !stays().any(|other| other.covers_path(&served)) {
            paths.insert(format!("{}{}", served.host, served.path));
        }
        if served.tls && stays().next().is_some() && !stays().any(|other| other.tls) {
            certificates.insert(served.host.clone());
        }
    }
    change(object, [&hosts, &paths, &certificates], elsewhere)
}

fn change(object: &Object, lost: [&BTreeSet<String>; 3], elsewhere: &[(ObjectRef, Served)]) -> Option<Change> {
    let [hosts, paths, certificates] = lost;
    let list = |words: &str, items: &BTreeSet<String>| {
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        (!items.is_empty()).then(|| format!("{words} {}", items.join(", ")))
    };
    let parts = [list("host", hosts), list("path", paths), list("TLS for", certificates)];
    let text: Vec<String> = parts.into_iter().flatten().collect();
    let others: Vec<&ObjectRef> =
        elsewhere.iter().filter(|(_, served)| hosts.iter().any(|host| served.covers_host(host))).map(|(id, _)| id).collect();
    let all_elsewhere = paths.is_empty()
        && certificates.is_empty()
        && hosts.iter().all(|host| elsewhere.iter().any(|(_, served)| served.covers_host(host)));
    let change = Change::of(ChangeKind::HostLost, &object.id)
        .with("lost", text.join("; "))
        .fact_if(hosts.is_empty() && certificates.is_empty(), Fact::PathOnly)
        .fact_if(all_elsewhere, Fact::ServedElsewhere)
        .evidence(EvidenceSource::From, &object.origin, text.join("; "))
        .evidence(EvidenceSource::To, "manifest", "no object of the target serves it");
    let change = others.into_iter().fold(change, |change, id| change.evidence(EvidenceSource::Live, id, "serves the host too"));
    (!text.is_empty()).then_some(change)
}
