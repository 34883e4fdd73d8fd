//! Admission webhooks that judge the rollback: those of the release itself, and those of the cluster.
//!
//! The webhook of the revision that is left is deleted last, so it still judges every write before that. Where it fails
//! closed and nothing answers behind it, the API server refuses those writes
//! (`failed calling webhook …`, admissionregistration/v1 `failurePolicy`).

use crate::input::{Facts, Input, Known, LiveObject};
use crate::k8s::surroundings::Surrounding;
use crate::k8s::{endpoints, selector};
use crate::release::{Object, ObjectRef, Value};

const KINDS: [&str; 2] = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"];

/// A fail-closed webhook that covers an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Judge {
    pub configuration: ObjectRef,
    /// `webhooks[].name`.
    pub webhook: String,
    /// Namespace and name of the Service behind it.
    pub service: (String, String),
    /// Whether anything answers: ready endpoints behind the Service.
    pub backend: Backend,
    /// Never [`Applies::No`].
    pub applies: Applies,
}

/// Whether a webhook is asked about a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Applies {
    No,
    /// Match conditions, which are programs and not run here, or labels that are not known decide.
    Maybe,
    Yes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    Answers,
    Nobody,
    Unknown(String),
}

/// Webhook configurations among these objects.
pub fn configurations(objects: &[Object]) -> impl Iterator<Item = &Object> {
    objects
        .iter()
        .filter(|object| object.id.group() == "admissionregistration.k8s.io" && KINDS.contains(&object.id.kind.as_str()))
}

/// Live configurations that neither revision has.
pub fn of_cluster(input: &Input) -> impl Iterator<Item = (ObjectRef, &LiveObject)> {
    let kinds = [Surrounding::ValidatingWebhooks, Surrounding::MutatingWebhooks].into_iter();
    let own = |id: &ObjectRef| {
        let mut objects = input.from.objects.iter().chain(&input.to.objects);
        objects.any(|object| object.id.kind == id.kind && object.id.name == id.name && object.id.group() == id.group())
    };
    let live = kinds.flat_map(|kind| {
        let found = input.facts.around(kind, None).yes().copied().unwrap_or_default();
        let name = |live: &LiveObject| live.body.at(&["metadata", "name"]).as_str().unwrap_or("").to_owned();
        found.iter().map(move |live| (ObjectRef::new(kind.api_versions()[0], kind.kubernetes_kind(), None, &name(live)), live))
    });
    live.filter(move |(id, _)| !own(id))
}

/// Fail-closed webhooks of `configuration` that cover writing `id` with these labels.
pub fn judges(configuration: &Object, id: &ObjectRef, labels: &Value, operation: &str, facts: &Facts) -> Vec<Judge> {
    let live = facts.live_of(&configuration.id);
    let body = match &live {
        Known::Yes(Some(live)) => &live.body,
        Known::Yes(None) => return Vec::new(),
        Known::No(_) => &configuration.body,
    };
    judges_in(&configuration.id, body, id, labels, operation, facts)
}

/// The same for a configuration with this body.
pub fn judges_in(
    configuration: &ObjectRef,
    body: &Value,
    id: &ObjectRef,
    labels: &Value,
    operation: &str,
    facts: &Facts,
) -> Vec<Judge> {
    // Webhook configurations are never judged by webhooks themselves (API server `pkg/admission/plugin/webhook/rules`).
    if KINDS.contains(&id.kind.as_str()) {
        return Vec::new();
    }
    let webhooks = body.get("webhooks").as_list().iter();
    let asked = webhooks.map(|webhook| (webhook, applies(webhook, id, labels, operation, facts)));
    let asked = asked.filter(|(_, applies)| *applies != Applies::No);
    asked.filter_map(|(webhook, applies)| judge(configuration, webhook, applies, facts)).collect()
}

fn judge(configuration: &ObjectRef, webhook: &Value, applies: Applies, facts: &Facts) -> Option<Judge> {
    let service = webhook.at(&["clientConfig", "service"]);
    let service = (service.get("namespace").as_str()?.to_owned(), service.get("name").as_str()?.to_owned());
    let backend = backend(&service, facts);
    let webhook = webhook.get("name").as_str().unwrap_or("").to_owned();
    Some(Judge { configuration: configuration.clone(), webhook, service, backend, applies })
}

/// Ready endpoints, from what was read for webhooks or from the slices around the release.
fn backend(service: &(String, String), facts: &Facts) -> Backend {
    let ready = match facts.webhook_backends.get(service) {
        Some(known) => known.clone(),
        None => around(service, facts),
    };
    match ready {
        Known::Yes(0) => Backend::Nobody,
        Known::Yes(_) => Backend::Answers,
        Known::No(why) => Backend::Unknown(why),
    }
}

fn around((namespace, service): &(String, String), facts: &Facts) -> Known<usize> {
    let slices = match facts.around(Surrounding::EndpointSlices, Some(namespace)) {
        Known::Yes(slices) => slices,
        Known::No(_) => return Known::No("its endpoints were not read".to_owned()),
    };
    let of_service =
        |live: &&LiveObject| live.body.at(&["metadata", "labels", "kubernetes.io/service-name"]).as_str() == Some(service);
    Known::Yes(slices.iter().filter(of_service).map(|slice| endpoints::ready(&slice.body)).sum())
}

/// Whether a fail-closed webhook is asked about writing this object.
fn applies(webhook: &Value, id: &ObjectRef, labels: &Value, operation: &str, facts: &Facts) -> Applies {
    let fails_closed = webhook.get("failurePolicy").as_str().unwrap_or("Fail") == "Fail";
    let wanted = webhook.get("objectSelector");
    let selected = is_empty(wanted) || selector::selects_by_terms(wanted, labels);
    let ruled = webhook.get("rules").as_list().iter().any(|rule| rule_covers(rule, id, operation, facts));
    if !(fails_closed && selected && ruled) {
        return Applies::No;
    }
    let unconditional = if is_empty(webhook.get("matchConditions")) { Applies::Yes } else { Applies::Maybe };
    by_namespace(webhook.get("namespaceSelector"), id, facts).min(unconditional)
}

/// The label that every namespace carries (Kubernetes 1.21 and later).
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Whether the selector takes the object's namespace, as far as the labels that are known decide it.
fn by_namespace(wanted: &Value, id: &ObjectRef, facts: &Facts) -> Applies {
    let Some(namespace) = id.namespace.as_deref().filter(|_| !is_empty(wanted)) else {
        return Applies::Yes;
    };
    let decided = |labels: &Value| if selector::selects_by_terms(wanted, labels) { Applies::Yes } else { Applies::No };
    let all = facts.around(Surrounding::Namespaces, None).yes().copied().unwrap_or_default();
    if let Some(live) = all.iter().find(|live| live.name() == namespace) {
        return decided(live.body.at(&["metadata", "labels"]));
    }
    let keys = wanted.get("matchLabels").as_map().into_iter().flat_map(|labels| labels.keys().map(String::as_str));
    let expressions = wanted.get("matchExpressions").as_list().iter().filter_map(|expression| expression.get("key").as_str());
    let labels = Value::Map([(NAMESPACE_NAME.to_owned(), Value::from(namespace))].into());
    if keys.chain(expressions).all(|key| key == NAMESPACE_NAME) { decided(&labels) } else { Applies::Maybe }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Map(map) => map.values().all(is_empty),
        Value::List(items) => items.is_empty(),
        _ => false,
    }
}

fn rule_covers(rule: &Value, id: &ObjectRef, operation: &str, facts: &Facts) -> bool {
    let scope = rule.get("scope").as_str().unwrap_or("*");
    let in_scope = match scope {
        "Namespaced" => id.namespace.is_some(),
        "Cluster" => id.namespace.is_none(),
        _ => true,
    };
    in_scope
        && names(rule.get("apiGroups"), id.group())
        && names(rule.get("apiVersions"), id.version())
        && names(rule.get("operations"), operation)
        && names(rule.get("resources"), &plural(id, facts))
}

/// The resource name; guessed by the usual rule where discovery is not known.
fn plural(id: &ObjectRef, facts: &Facts) -> String {
    let kinds = facts.discovery.yes();
    let known = kinds.and_then(|kinds| kinds.get(&(id.api_version.clone(), id.kind.clone())));
    known.map_or_else(|| format!("{}s", id.kind.to_lowercase()), |resource| resource.plural.clone())
}

fn names(list: &Value, wanted: &str) -> bool {
    list.as_list().iter().filter_map(Value::as_str).any(|item| matches!(item, "*" | "*/*") || item == wanted)
}
