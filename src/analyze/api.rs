//! Kinds that the API server does not serve.

use super::{Change, ChangeKind, Context, Fact};
use crate::forecast::Confidence;
use crate::forecast::availability::{self, Served};
use crate::release::{Object, ObjectRef};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let (from, to) = (&context.input.from, &context.input.to);
    let mut changes = unserved(context, &to.objects, to.revision, Fact::InTo);
    let only_from = unserved(context, &from.objects, from.revision, Fact::OnlyInFrom);
    let in_to: Vec<ObjectRef> = changes.iter().filter_map(|change| change.object.clone()).collect();
    let same_kind = |id: &ObjectRef| in_to.iter().any(|other| other.api_version == id.api_version && other.kind == id.kind);
    changes.extend(only_from.into_iter().filter(|change| !change.object.as_ref().is_some_and(same_kind)));
    changes
}

fn unserved(context: &Context<'_>, objects: &[Object], revision: u32, side: Fact) -> Vec<Change> {
    let facts = &context.input.facts;
    let missing = availability::kinds_where(objects, |id| availability::served(facts, id) == Served::No);
    missing.into_iter().map(|object| change(context, object, revision, side)).collect()
}

fn change(context: &Context<'_>, object: &Object, revision: u32, side: Fact) -> Change {
    let version = context.input.facts.server_version.yes().map_or("of unknown version", String::as_str);
    Change::of(ChangeKind::ApiNotServed, &object.id)
        .confidence(Confidence::Certain)
        .with("api_version", &object.id.api_version)
        .with("revision", revision)
        .fact(side)
        .fact_if(crd_in_target(context, &object.id), Fact::CrdInTo)
        .evidence(
            if side == Fact::InTo { EvidenceSource::To } else { EvidenceSource::From },
            &object.origin,
            format!("{} {}", object.id.api_version, object.id),
        )
        .evidence(
            EvidenceSource::Live,
            "discovery",
            format!("the API server ({version}) does not serve {} {}", object.id.api_version, object.id.kind),
        )
}

/// The target's own CRD does not help: Helm maps kinds before it creates anything.
fn crd_in_target(context: &Context<'_>, id: &ObjectRef) -> bool {
    context.input.to.objects.iter().any(|object| {
        object.id.is("apiextensions.k8s.io", "CustomResourceDefinition")
            && object.body.at(&["spec", "group"]).as_str() == Some(id.group())
            && object.body.at(&["spec", "names", "kind"]).as_str() == Some(&id.kind)
    })
}
