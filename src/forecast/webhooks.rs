//! Admission webhooks of the release that judge its own rollback.
//!
//! The webhook of the revision that is left is deleted last, so it still judges every write before that. Where it fails
//! closed and nothing answers behind it, the API server refuses those writes
//! (`failed calling webhook …`, admissionregistration/v1 `failurePolicy`).

use crate::input::{Facts, Known};
use crate::release::{Object, ObjectRef, Value};

const KINDS: [&str; 2] = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"];

/// A fail-closed webhook that covers an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Judge<'a> {
    pub configuration: &'a ObjectRef,
    /// `webhooks[].name`.
    pub webhook: String,
    /// Namespace and name of the Service behind it.
    pub service: (String, String),
    /// Whether anything answers: ready endpoints behind the Service.
    pub backend: Backend,
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

/// Fail-closed webhooks of `configuration` that cover writing `id` with these labels.
pub fn judges<'a>(configuration: &'a Object, id: &ObjectRef, labels: &Value, operation: &str, facts: &Facts) -> Vec<Judge<'a>> {
    let live = facts.live_of(&configuration.id);
    let body = match &live {
        Known::Yes(Some(live)) => &live.body,
        Known::Yes(None) => return Vec::new(),
        Known::No(_) => &configuration.body,
    };
    // Webhook configurations are never judged by webhooks themselves (API server `pkg/admission/plugin/webhook/rules`).
    if KINDS.contains(&id.kind.as_str()) {
        return Vec::new();
    }
    let covering = body.get("webhooks").as_list().iter().filter(|webhook| covers(webhook, id, labels, operation, facts));
    covering.filter_map(|webhook| judge(&configuration.id, webhook, facts)).collect()
}

fn judge<'a>(configuration: &'a ObjectRef, webhook: &Value, facts: &Facts) -> Option<Judge<'a>> {
    let service = webhook.at(&["clientConfig", "service"]);
    let service = (service.get("namespace").as_str()?.to_owned(), service.get("name").as_str()?.to_owned());
    let backend = match facts.webhook_backends.get(&service) {
        Some(Known::Yes(0)) => Backend::Nobody,
        Some(Known::Yes(_)) => Backend::Answers,
        Some(Known::No(why)) => Backend::Unknown(why.clone()),
        None => Backend::Unknown("its endpoints were not read".to_owned()),
    };
    Some(Judge { configuration, webhook: webhook.get("name").as_str().unwrap_or("").to_owned(), service, backend })
}

fn covers(webhook: &Value, id: &ObjectRef, labels: &Value, operation: &str, facts: &Facts) -> bool {
    let fails_closed = webhook.get("failurePolicy").as_str().unwrap_or("Fail") == "Fail";
    // matchConditions may exempt the object: they are programs, which are not run here.
    let may_exempt = !is_empty(webhook.get("matchConditions")) || !namespace_selected(webhook.get("namespaceSelector"), id);
    let selected =
        is_empty(webhook.get("objectSelector")) || crate::k8s::selector::selects(webhook.get("objectSelector"), labels);
    fails_closed
        && !may_exempt
        && selected
        && webhook.get("rules").as_list().iter().any(|rule| rule_covers(rule, id, operation, facts))
}

/// The label that every namespace carries (Kubernetes 1.21 and later); others are not read.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Whether the selector takes the object's namespace, as far as its name decides it.
fn namespace_selected(selector: &Value, id: &ObjectRef) -> bool {
    let Some(namespace) = id.namespace.as_deref().filter(|_| !is_empty(selector)) else {
        return true;
    };
    let keys = selector.get("matchLabels").as_map().into_iter().flat_map(|labels| labels.keys().map(String::as_str));
    let expressions = selector.get("matchExpressions").as_list().iter().filter_map(|expression| expression.get("key").as_str());
    let labels = Value::Map([(NAMESPACE_NAME.to_owned(), Value::from(namespace))].into());
    keys.chain(expressions).all(|key| key == NAMESPACE_NAME) && crate::k8s::selector::selects_by_terms(selector, &labels)
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
