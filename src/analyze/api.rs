//! Kinds that the API server does not serve, or will not serve for long.

use super::{Change, ChangeKind, Context, Fact};
use crate::forecast::Confidence;
use crate::forecast::availability::{self, Served};
use crate::k8s::api_removals::{self, Removal};
use crate::k8s::version::Version;
use crate::release::{Object, ObjectRef};
use crate::rules::EvidenceSource;

/// The table that tells when kinds were removed.
const TABLE: &str = "api-removals.csv";

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let (from, to) = (&context.input.from, &context.input.to);
    let mut changes = unserved(context, &to.objects, to.revision, Fact::InTo);
    let only_from = unserved(context, &from.objects, from.revision, Fact::OnlyInFrom);
    let in_to: Vec<ObjectRef> = changes.iter().filter_map(|change| change.object.clone()).collect();
    let same_kind = |id: &ObjectRef| in_to.iter().any(|other| is_kind(id, other));
    changes.extend(only_from.into_iter().filter(|change| !change.object.as_ref().is_some_and(same_kind)));
    changes.extend(deprecated(context));
    changes
}

fn is_kind(a: &ObjectRef, b: &ObjectRef) -> bool {
    a.api_version == b.api_version && a.kind == b.kind
}

fn unserved(context: &Context<'_>, objects: &[Object], revision: u32, side: Fact) -> Vec<Change> {
    let missing = availability::kinds_where(objects, |id| is_missing(context, id));
    missing.into_iter().map(|object| change(context, object, revision, side)).collect()
}

/// Discovery decides; where nobody asked for it, the table does by the server's version.
fn is_missing(context: &Context<'_>, id: &ObjectRef) -> bool {
    match availability::served(&context.input.facts, id) {
        Served::No => true,
        Served::Yes => false,
        Served::Unknown => removed_by_version(context, id).is_some(),
    }
}

fn removed_by_version(context: &Context<'_>, id: &ObjectRef) -> Option<&'static Removal> {
    let server = server(context)?;
    api_removals::of(id).filter(|removal| removal.is_gone(&server))
}

fn server(context: &Context<'_>) -> Option<Version> {
    Version::parse(context.input.facts.server_version.yes()?)
}

fn change(context: &Context<'_>, object: &Object, revision: u32, side: Fact) -> Change {
    let asked = context.input.facts.discovery.yes().is_some();
    let removal = api_removals::of(&object.id);
    let change = Change::of(ChangeKind::ApiNotServed, &object.id)
        .confidence(if asked { Confidence::Certain } else { Confidence::Likely })
        .with("api_version", &object.id.api_version)
        .with("revision", revision)
        .with(
            "explanation",
            removal.map_or_else(|| "The definition of the kind is not installed".to_owned(), Removal::explanation),
        )
        .fact(side)
        .fact_if(crd_in_target(context, &object.id), Fact::CrdInTo)
        .evidence(
            if side == Fact::InTo { EvidenceSource::To } else { EvidenceSource::From },
            &object.origin,
            format!("{} {}", object.id.api_version, object.id),
        );
    explained(seen(change, context, &object.id), removal)
}

/// What the API server itself said, where it was asked.
fn seen(change: Change, context: &Context<'_>, id: &ObjectRef) -> Change {
    let version = context.input.facts.server_version.yes().map_or("of unknown version", String::as_str);
    match context.input.facts.discovery.why_not() {
        None => change.evidence(
            EvidenceSource::Live,
            "discovery",
            format!("the API server ({version}) does not serve {} {}", id.api_version, id.kind),
        ),
        Some(why) => {
            change.evidence(EvidenceSource::Live, "version", format!("{version}; which kinds it serves is not known: {why}"))
        }
    }
}

fn explained(change: Change, removal: Option<&Removal>) -> Change {
    let Some(removal) = removal else { return change };
    let notes = if removal.notes.is_empty() { String::new() } else { format!("; {}", removal.notes) };
    change.evidence(EvidenceSource::Table, TABLE, format!("{}{notes} ({})", removal.explanation(), removal.source))
}

/// Kinds of the target that the next minor version of Kubernetes removes.
fn deprecated(context: &Context<'_>) -> Vec<Change> {
    let Some(server) = server(context) else { return Vec::new() };
    let goes = |id: &ObjectRef| api_removals::of(id).filter(|removal| removal.goes_next(&server));
    let objects = availability::kinds_where(&context.input.to.objects, |id| goes(id).is_some() && !is_missing(context, id));
    let in_from = |id: &ObjectRef| context.input.from.objects.iter().any(|object| is_kind(&object.id, id));
    let found = objects.into_iter().filter_map(|object| Some((object, goes(&object.id)?)));
    found
        .map(|(object, removal)| {
            let change = Change::of(ChangeKind::ApiDeprecated, &object.id)
                .with("api_version", &object.id.api_version)
                .with("server_version", &server)
                .with("explanation", removal.explanation())
                .fact_if(in_from(&object.id), Fact::KindInFrom)
                .evidence(EvidenceSource::To, &object.origin, format!("{} {}", object.id.api_version, object.id))
                .evidence(EvidenceSource::Live, "version", &server);
            explained(change, Some(removal))
        })
        .collect()
}

/// The target's own CRD does not help: Helm maps kinds before it creates anything.
fn crd_in_target(context: &Context<'_>, id: &ObjectRef) -> bool {
    context.input.to.objects.iter().any(|object| {
        object.id.is("apiextensions.k8s.io", "CustomResourceDefinition")
            && object.body.at(&["spec", "group"]).as_str() == Some(id.group())
            && object.body.at(&["spec", "names", "kind"]).as_str() == Some(&id.kind)
    })
}
