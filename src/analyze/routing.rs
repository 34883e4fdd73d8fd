//! Routes that point to backends which will not be there, and foreign routes to Services that the rollback deletes.

use std::collections::{BTreeMap, BTreeSet};

use super::after::{self, Presence};
use super::{Change, ChangeKind, Context, Fact};
use crate::forecast::{Confidence, Method};
use crate::input::Known;
use crate::k8s::kinds;
use crate::k8s::routes::{self, Backend, Share};
use crate::k8s::surroundings::Surrounding;
use crate::release::{Object, ObjectRef, Value};
use crate::rules::EvidenceSource;

/// Kinds that route requests, as they are listed around a release.
pub const ROUTES: [Surrounding; 7] = [
    Surrounding::Ingresses,
    Surrounding::HttpRoutes,
    Surrounding::GrpcRoutes,
    Surrounding::VirtualServices,
    Surrounding::TrafficSplits,
    Surrounding::TraefikServices,
    Surrounding::Rollouts,
];

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let routes = context.input.to.objects.iter().filter(|object| !context.is_rejected(&object.id));
    let mut changes: Vec<Change> = routes.flat_map(|object| own_route(context, object)).collect();
    changes.extend(foreign_routes(context));
    changes
}

/// The route as it is after the rollback. Where Helm merges a custom resource that both revisions have alike, what others made
/// of it stays (JSON merge patch between the revisions, Helm `pkg/kube/client.go` `createPatch`).
pub fn effective<'a>(context: &'a Context<'_>, object: &'a Object) -> &'a Value {
    let unchanged = after::before(context, &object.id).is_some_and(|from| from.body == object.body);
    let merged = context.forecast.method == Method::ClientSide && !kinds::has_strategic_merge(&object.id);
    match context.input.facts.live_of(&object.id) {
        Known::Yes(Some(live)) if unchanged && merged => &live.body,
        _ => &object.body,
    }
}

fn own_route(context: &Context<'_>, object: &Object) -> Vec<Change> {
    let shares = routes::shares(&object.id, effective(context, object));
    let mut first: BTreeMap<&Backend, &Share> = BTreeMap::new();
    for share in &shares {
        first.entry(&share.backend).or_insert(share);
    }
    first.into_values().filter_map(|share| to_nothing(context, object, share)).collect()
}

fn to_nothing(context: &Context<'_>, object: &Object, share: &Share) -> Option<Change> {
    let id = service_ref(&share.backend)?;
    let presence = match after::presence(context, &id) {
        Presence::There if share.backend.subset.is_some() => subset(context, &object.id, &share.backend),
        other => other,
    };
    let (confidence, reason) = match &presence {
        Presence::Deleted => (deletion_confidence(context, &id), "the rollback takes it away".to_owned()),
        Presence::Absent => (Confidence::Likely, "it is neither in the target nor in the cluster".to_owned()),
        Presence::MayBeMade(maker) => (Confidence::Possible, format!("it is not there now, {maker} may make it")),
        Presence::There | Presence::Unknown(_) => return None,
    };
    let in_both = presence != Presence::Deleted && names_in_from(context, object, &share.backend);
    Some(
        Change::of(ChangeKind::RouteToNothing, &object.id)
            .path(&share.path)
            .confidence(confidence)
            .fact_if(in_both, Fact::InBoth)
            .fact_if(matches!(presence, Presence::MayBeMade(_)), Fact::MayBeMade)
            .with("backend", &share.backend)
            .with("reason", &reason)
            .evidence(EvidenceSource::To, &object.origin, format!("{} names {}", share.path, share.backend))
            .evidence(EvidenceSource::Forecast, &id, reason),
    )
}

fn deletion_confidence(context: &Context<'_>, id: &ObjectRef) -> Confidence {
    if after::is_live(context, id).yes().is_some() { Confidence::Certain } else { Confidence::Likely }
}

/// Backends that can be looked for: Services, and Traefik's own kind.
fn service_ref(backend: &Backend) -> Option<ObjectRef> {
    let api_version = match (backend.group.as_str(), backend.kind.as_str()) {
        ("", "Service") => "v1".to_owned(),
        (group, "TraefikService") => format!("{group}/v1alpha1"),
        _ => return None,
    };
    Some(ObjectRef::new(&api_version, &backend.kind, backend.namespace.as_deref(), &backend.name))
}

fn names_in_from(context: &Context<'_>, object: &Object, backend: &Backend) -> bool {
    let before = after::before(context, &object.id).map(|from| routes::shares(&from.id, &from.body)).unwrap_or_default();
    before.iter().any(|share| share.backend == *backend)
}

/// Whether any DestinationRule that is there afterwards defines the subset.
fn subset(context: &Context<'_>, route: &ObjectRef, backend: &Backend) -> Presence {
    let host = Backend { subset: None, ..backend.clone() };
    let wanted = backend.subset.as_deref().unwrap_or("");
    let defines = |id: &ObjectRef, body: &Value| {
        routes::subsets(id, body).is_some_and(|(about, names)| about == host && names.iter().any(|name| name == wanted))
    };
    let target = context.input.to.objects.iter().any(|object| defines(&object.id, &object.body));
    let around = || after::surrounding(context, Surrounding::DestinationRules);
    let stays = around().any(|(id, live)| after::is_foreign(context, &id) && defines(&id, &live.body));
    if target || stays {
        return Presence::There;
    }
    let listed = context.input.facts.around(Surrounding::DestinationRules, route.namespace.as_deref());
    let before = context.input.from.objects.iter().any(|object| defines(&object.id, &object.body));
    match listed {
        _ if before => Presence::Deleted,
        Known::Yes(_) => Presence::Absent,
        Known::No(why) => Presence::Unknown(why),
    }
}

/// Services that the rollback deletes while a live route outside the release sends requests to them.
fn foreign_routes(context: &Context<'_>) -> Vec<Change> {
    let mut by_service: BTreeMap<&ObjectRef, BTreeSet<String>> = BTreeMap::new();
    let deleted = || context.forecast.deletes.iter().filter(|id| id.is("", "Service"));
    for kind in ROUTES {
        for (id, live) in after::surrounding(context, kind).filter(|(id, _)| after::is_foreign(context, id)) {
            let shares = routes::shares(&id, &live.body);
            for service in deleted().filter(|service| shares.iter().any(|share| share.backend.is(service))) {
                by_service.entry(service).or_default().insert(id.to_string());
            }
        }
    }
    by_service.into_iter().map(|(service, routes)| foreign(service, &routes)).collect()
}

fn foreign(service: &ObjectRef, routes: &BTreeSet<String>) -> Change {
    let names: Vec<&str> = routes.iter().map(String::as_str).collect();
    let change = Change::of(ChangeKind::ForeignRouteBroken, service)
        .confidence(Confidence::Likely)
        .with("routes", names.join(", "))
        .evidence(EvidenceSource::Forecast, service, "deleted by the rollback");
    names.iter().fold(change, |change, route| {
        change.evidence(EvidenceSource::Live, route, format!("sends requests to {service}; not part of this release"))
    })
}
