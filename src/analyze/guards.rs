//! What guards the cluster besides this release: webhooks and extension servers that do not answer, certificates they are trusted
//! by, identities of pods, and policies for traffic.

use std::collections::BTreeSet;

use super::{Change, ChangeKind, Context, Fact, after, behind, selectors};
use crate::forecast::webhooks::{self, Applies, Backend, Judge};
use crate::forecast::{Action, Confidence};
use crate::k8s::surroundings::Surrounding;
use crate::k8s::{ownership, selector};
use crate::release::{Object, ObjectRef, Value};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let mut changes = cluster_webhooks(context);
    changes.extend(api_services(context));
    changes.extend(context.input.to.objects.iter().filter_map(|object| ca_bundle(context, object)));
    changes.extend(context.input.from.objects.iter().filter_map(|object| identity(context, object)));
    changes.extend(policies(context));
    changes
}

/// A write that a webhook may judge.
struct Write<'a> {
    id: ObjectRef,
    labels: &'a Value,
    operation: &'static str,
}

/// What the rollback writes, and the pods that controllers make of it.
fn writes<'a>(context: &'a Context<'_>) -> Vec<Write<'a>> {
    let changed =
        context.pairs.iter().filter(|pair| pair.from.is_none() || pair.fields.iter().any(|field| field.from != field.to));
    let mut writes = Vec::new();
    for object in changed.filter_map(|pair| pair.to) {
        let operation = if is_created(context, &object.id) { "CREATE" } else { "UPDATE" };
        writes.push(Write { id: object.id.clone(), labels: object.body.at(&["metadata", "labels"]), operation });
        if let Some(labels) = selectors::template_labels(object).filter(|_| behind::pods(context, object) != behind::Pods::Stay) {
            let id = ObjectRef::new("v1", "Pod", object.id.namespace.as_deref(), &object.id.name);
            writes.push(Write { id, labels, operation: "CREATE" });
        }
    }
    writes
}

/// Whether it is to be created, whatever becomes of that.
fn is_created(context: &Context<'_>, id: &ObjectRef) -> bool {
    context.forecast.steps.iter().any(|step| step.action == Action::Create && step.object == *id)
}

fn cluster_webhooks(context: &Context<'_>) -> Vec<Change> {
    let foreign: Vec<_> = webhooks::of_cluster(context.input).collect();
    if foreign.is_empty() {
        return Vec::new();
    }
    let writes = writes(context);
    foreign.into_iter().filter_map(|(id, live)| blocks(context, &id, &live.body, &writes)).collect()
}

/// Writes that a webhook without an answering Service refuses.
fn blocks(context: &Context<'_>, id: &ObjectRef, body: &Value, writes: &[Write<'_>]) -> Option<Change> {
    let unanswered = |write: &Write<'_>| {
        let judges = webhooks::judges_in(id, body, &write.id, write.labels, write.operation, &context.input.facts);
        judges.into_iter().filter(|judge| judge.backend == Backend::Nobody)
    };
    let hits: Vec<(&Write<'_>, Judge)> =
        writes.iter().flat_map(|write| unanswered(write).map(move |judge| (write, judge))).collect();
    let (write, judge) = hits.first()?;
    let of_first: Vec<_> = hits.iter().filter(|(_, other)| other.webhook == judge.webhook).collect();
    let sure = of_first.iter().any(|(_, judge)| judge.applies == Applies::Yes);
    let pods_only = of_first.iter().all(|(write, _)| write.id.is("", "Pod"));
    Some(
        blocked(id, judge, write, of_first.len())
            .confidence(if sure { Confidence::Likely } else { Confidence::Possible })
            .fact_if(pods_only, Fact::PodsOnly),
    )
}

fn blocked(id: &ObjectRef, judge: &Judge, first: &Write<'_>, count: usize) -> Change {
    let service = format!("Service/{}/{}", judge.service.0, judge.service.1);
    let others = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
    Change::of(ChangeKind::ClusterWebhook, id)
        .with("webhook", &judge.webhook)
        .with("service", &service)
        .with("writes", format!("{}{others}", first.id))
        .evidence(EvidenceSource::Live, id, "failurePolicy is Fail, and its rules cover the write")
        .evidence(EvidenceSource::Live, service, "no ready endpoints")
}

/// Extension servers that do not answer: their kinds cannot be read, and no namespace can be deleted meanwhile.
fn api_services(context: &Context<'_>) -> Vec<Change> {
    let down = after::surrounding(context, Surrounding::ApiServices).filter(|(_, live)| is_down(&live.body));
    down.map(|(id, live)| {
        let group = live.body.at(&["spec", "group"]).as_str().unwrap_or("").to_owned();
        let release = context.input.to.objects.iter().chain(&context.input.from.objects);
        let used = release.into_iter().any(|object| object.id.group() == group);
        let deletes_namespace = context.forecast.deletes.iter().any(|id| id.is("", "Namespace"));
        Change::of(ChangeKind::ApiServiceDown, &id)
            .with("group", &group)
            .fact_if(!used && !deletes_namespace, Fact::NotUsed)
            .evidence(EvidenceSource::Live, &id, "condition Available is False")
    })
    .collect()
}

fn is_down(body: &Value) -> bool {
    let conditions = body.at(&["status", "conditions"]).as_list().iter();
    conditions
        .into_iter()
        .any(|item| item.get("type").as_str() == Some("Available") && item.get("status").as_str() == Some("False"))
}

/// Annotations by which cert-manager fills the bundle in, whatever the manifest says (cert-manager docs: CA injector).
const INJECTS: [&str; 3] =
    ["cert-manager.io/inject-ca-from", "cert-manager.io/inject-ca-from-secret", "cert-manager.io/inject-apiserver-ca"];

/// The target trusts another certificate than the live object does.
fn ca_bundle(context: &Context<'_>, object: &Object) -> Option<Change> {
    let before = behind::body_before(context, &object.id)?;
    let (old, new) = (bundles(&object.id, before), bundles(&object.id, &object.body));
    let injected = INJECTS.iter().any(|key| object.annotation(key).is_some());
    let changed = new.iter().find(|(name, bundle)| old.iter().any(|(other, old)| other == name && old != bundle))?;
    if injected || context.is_rejected(&object.id) {
        return None;
    }
    Some(
        Change::of(ChangeKind::CaBundleChanges, &object.id)
            .path(changed.0.clone())
            .confidence(Confidence::Likely)
            .fact_if(serving_certificate_changes(context), Fact::CertificateGoesBack)
            .evidence(EvidenceSource::To, &object.origin, format!("{} is not the one in use", changed.0)),
    )
}

/// Bundles by the name of what they are for.
fn bundles<'a>(id: &ObjectRef, body: &'a Value) -> Vec<(String, &'a Value)> {
    let bundle = |path: String, value: &'a Value| (!value.is_null() && value.as_str() != Some("")).then_some((path, value));
    match (id.group(), id.kind.as_str()) {
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration") => {
            let webhooks = body.get("webhooks").as_list().iter();
            let name = |webhook: &Value| format!("webhooks[name={}].clientConfig.caBundle", webhook.get("name").display());
            webhooks.filter_map(|webhook| bundle(name(webhook), webhook.at(&["clientConfig", "caBundle"]))).collect()
        }
        ("apiregistration.k8s.io", "APIService") => {
            bundle("spec.caBundle".to_owned(), body.at(&["spec", "caBundle"])).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The certificate behind the bundle is in a Secret of the release and goes back as well.
fn serving_certificate_changes(context: &Context<'_>) -> bool {
    let secrets = context.pairs.iter().filter(|pair| pair.id().is("", "Secret") && pair.from.is_some());
    secrets.into_iter().any(|pair| pair.real_changes().any(|field| field.path.keys().ends_with(".crt")))
}

/// A ServiceAccount that stands for an identity in a cloud loses it, or gets another one.
fn identity(context: &Context<'_>, object: &Object) -> Option<Change> {
    let target = context.input.to.objects.iter().find(|other| after::same_object(&other.id, &object.id));
    let deleted = context.forecast.deletes.contains(&object.id);
    if !object.id.is("", "ServiceAccount") || (target.is_none() && !deleted) {
        return None;
    }
    let elsewhere: BTreeSet<String> =
        context.input.to.objects.iter().filter(|other| other.id.kind == "ServiceAccount").flat_map(identities).collect();
    let after: BTreeSet<String> = target.map(identities).unwrap_or_default().into_iter().collect();
    let lost: Vec<String> = identities(object).into_iter().filter(|identity| !after.contains(identity)).collect();
    let moved = target.is_none() && lost.iter().all(|identity| elsewhere.contains(identity));
    (!lost.is_empty() && !moved).then(|| {
        Change::of(ChangeKind::IdentityLost, &object.id)
            .confidence(Confidence::Likely)
            .fact_if(target.is_none(), Fact::AccountDeleted)
            .with("identity", lost.join(", "))
            .evidence(EvidenceSource::From, &object.origin, lost.join(", "))
            .evidence(EvidenceSource::To, target.map(|target| target.origin.to_string()).unwrap_or_default(), "not there")
    })
}

fn identities(account: &Object) -> Vec<String> {
    let found = ownership::cloud_identities(&account.body);
    found.into_iter().map(|(cloud, _, key, value)| format!("{key}: {} ({cloud})", value.display())).collect()
}

/// Kinds that allow, deny or encrypt traffic.
fn is_policy(id: &ObjectRef) -> bool {
    matches!(
        (id.group(), id.kind.as_str()),
        ("networking.k8s.io", "NetworkPolicy")
            | ("policy.networking.k8s.io", "AdminNetworkPolicy" | "BaselineAdminNetworkPolicy")
            | ("cilium.io", "CiliumNetworkPolicy" | "CiliumClusterwideNetworkPolicy")
            | ("crd.projectcalico.org" | "projectcalico.org", "NetworkPolicy" | "GlobalNetworkPolicy")
            | ("security.istio.io", "AuthorizationPolicy" | "PeerAuthentication" | "RequestAuthentication")
            | ("policy.linkerd.io", "Server" | "ServerAuthorization" | "AuthorizationPolicy")
            | ("gateway.networking.k8s.io", "BackendTLSPolicy")
    )
}

/// Policies that only one revision has; one of equal content under another name is the same policy.
fn policies(context: &Context<'_>) -> Vec<Change> {
    let (from, to) = (&context.input.from.objects, &context.input.to.objects);
    let twin = |object: &Object, others: &[Object]| {
        others.iter().any(|other| {
            other.id.kind == object.id.kind
                && other.id.namespace == object.id.namespace
                && other.body.get("spec") == object.body.get("spec")
        })
    };
    let gone = context.forecast.deletes.iter().filter_map(|id| from.iter().find(|object| object.id == *id));
    let gone = gone.filter(|object| is_policy(&object.id) && !twin(object, to));
    let gone = gone
        .map(|object| policy(object, EvidenceSource::From, Fact::Removed).fact_if(!selects_any(object, to), Fact::WithItsPods));
    let new = context.forecast.creates.iter().filter_map(|id| to.iter().find(|object| object.id == *id));
    let new = new.filter(|object| is_policy(&object.id) && after::before(context, &object.id).is_none() && !twin(object, from));
    let new =
        new.map(|object| policy(object, EvidenceSource::To, Fact::Added).fact_if(!selects_any(object, from), Fact::WithItsPods));
    gone.chain(new).collect()
}

/// Whether pods of these objects are under the policy; one that does not say which pods is for all.
fn selects_any(policy: &Object, objects: &[Object]) -> bool {
    let spec = policy.body.get("spec");
    let selector =
        ["podSelector", "endpointSelector", "selector"].into_iter().map(|key| spec.get(key)).find(|value| !value.is_null());
    let named = selector.filter(|selector| selector.as_map().is_some_and(|map| !map.is_empty()));
    let Some(named) = named else { return true };
    let here = objects.iter().filter(|object| object.id.namespace == policy.id.namespace);
    here.filter_map(selectors::template_labels).any(|labels| selector::selects_by_terms(named, labels))
}

fn policy(object: &Object, source: EvidenceSource, fact: Fact) -> Change {
    let effect = if fact == Fact::Added { "comes back" } else { "goes away" };
    Change::of(ChangeKind::PolicyInOneRevision, &object.id).fact(fact).with("effect", effect).evidence(
        source,
        &object.origin,
        format!("{} {effect}", object.id),
    )
}
