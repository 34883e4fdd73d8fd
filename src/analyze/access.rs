//! ServiceAccounts that pods still ask for, and webhooks of the release that judge its own rollback.

use super::{Change, ChangeKind, Context};
use crate::forecast::Confidence;
use crate::release::{Object, ObjectRef, Value};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let mut changes = service_account_aliases(context);
    changes.extend(own_webhooks(context));
    changes
}

/// Removing `serviceAccountName` does not remove its deprecated alias `serviceAccount`, which the API server keeps in
/// step: the pod template goes on asking for the account that the same rollback deletes (seen with Helm 3.22 and 4.3 on
/// Kubernetes 1.36; core/v1 `PodSpec.DeprecatedServiceAccount`).
fn service_account_aliases(context: &Context<'_>) -> Vec<Change> {
    let deleted = context.forecast.deletes.iter().filter(|id| id.is("", "ServiceAccount"));
    deleted.flat_map(|account| context.pairs.iter().filter_map(move |pair| aliased(context, account, pair.from?, pair.to?))).collect()
}

fn aliased(context: &Context<'_>, account: &ObjectRef, from: &Object, to: &Object) -> Option<Change> {
    let before = pod_spec(&from.body).get("serviceAccountName").as_str();
    let after = pod_spec(&to.body);
    let asks_again = !after.get("serviceAccountName").is_null() || !after.get("serviceAccount").is_null();
    if before != Some(account.name.as_str()) || from.id.namespace != account.namespace || asks_again || context.is_rejected(&to.id) {
        return None;
    }
    Some(
        Change::of(ChangeKind::ServiceAccountAlias, &to.id)
            .path("spec.template.spec.serviceAccount")
            .with("service_account", &account.name)
            .with("workload", &to.id)
            .evidence(EvidenceSource::From, &from.origin, format!("serviceAccountName: {}", account.name))
            .evidence(EvidenceSource::To, &to.origin, "no serviceAccountName"),
    )
}

/// The pod spec of a workload, CronJob or Pod.
pub fn pod_spec(body: &Value) -> &Value {
    let candidates = [
        body.at(&["spec", "template", "spec"]),
        body.at(&["spec", "jobTemplate", "spec", "template", "spec"]),
        body.get("spec"),
    ];
    candidates.into_iter().find(|spec| !spec.get("containers").is_null()).unwrap_or(&Value::Null)
}

const WEBHOOK_KINDS: [&str; 2] = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"];

/// A fail-closed webhook of the current revision judges every write of the rollback; it is deleted last, if at all.
fn own_webhooks(context: &Context<'_>) -> Vec<Change> {
    let configurations = context.input.from.objects.iter().filter(|object| WEBHOOK_KINDS.contains(&object.id.kind.as_str()));
    configurations.filter_map(|object| own_webhook(context, object)).collect()
}

fn own_webhook(context: &Context<'_>, configuration: &Object) -> Option<Change> {
    let backend = context.input.facts.live_of(&configuration.id).yes().copied().flatten().map_or(&configuration.body, |live| &live.body);
    let webhook = backend.get("webhooks").as_list().iter().find(|webhook| judges_rollback(context, webhook))?;
    let service = webhook.at(&["clientConfig", "service"]);
    let name = service.get("name").as_str()?;
    let namespace = service.get("namespace").as_str();
    let going_away = context.forecast.deletes.iter().any(|id| id.is("", "Service") && id.name == name && id.namespace.as_deref() == namespace);
    let gone = context.in_to(&configuration.id).is_none();
    Some(
        Change::of(ChangeKind::OwnWebhook, &configuration.id)
            .confidence(if going_away || gone { Confidence::Likely } else { Confidence::Possible })
            .with("operation", "the objects of this rollback")
            .evidence(
                EvidenceSource::From,
                &configuration.origin,
                format!("webhook {} is fail-closed and served by Service {name}", webhook.get("name").as_str().unwrap_or("")),
            ),
    )
}

/// Fail-closed (the default), and its rules cover an object that the rollback writes.
fn judges_rollback(context: &Context<'_>, webhook: &Value) -> bool {
    let fails_closed = webhook.get("failurePolicy").as_str().unwrap_or("Fail") == "Fail";
    fails_closed && context.input.to.objects.iter().any(|object| covers(context, webhook, &object.id))
}

fn covers(context: &Context<'_>, webhook: &Value, id: &ObjectRef) -> bool {
    let discovery = context.input.facts.discovery.yes();
    let plural = discovery.and_then(|kinds| kinds.get(&(id.api_version.clone(), id.kind.clone()))).map(|resource| resource.plural.clone());
    let plural = plural.unwrap_or_else(|| format!("{}s", id.kind.to_lowercase()));
    webhook.get("rules").as_list().iter().any(|rule| {
        names(rule.get("apiGroups"), id.group()) && names(rule.get("apiVersions"), id.version()) && names(rule.get("resources"), &plural)
    })
}

fn names(list: &Value, wanted: &str) -> bool {
    list.as_list().iter().filter_map(Value::as_str).any(|item| item == "*" || item == "*/*" || item == wanted)
}
