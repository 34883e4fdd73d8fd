//! ServiceAccounts that pods still ask for, and webhooks of the release that judge its own rollback.

use super::{Change, ChangeKind, Context, Fact};
use crate::forecast::webhooks::{self, Applies, Backend, Judge};
use crate::forecast::{Action, Confidence};
use crate::k8s::pods;
use crate::release::{Object, ObjectRef};
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
    deleted
        .flat_map(|account| context.pairs.iter().filter_map(move |pair| aliased(context, account, pair.from?, pair.to?)))
        .collect()
}

fn aliased(context: &Context<'_>, account: &ObjectRef, from: &Object, to: &Object) -> Option<Change> {
    let before = pods::spec(&from.body).get("serviceAccountName").as_str();
    let after = pods::spec(&to.body);
    let asks_again = !after.get("serviceAccountName").is_null() || !after.get("serviceAccount").is_null();
    if before != Some(account.name.as_str())
        || from.id.namespace != account.namespace
        || asks_again
        || context.is_rejected(&to.id)
    {
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

/// A fail-closed webhook of the current revision judges every write of the rollback; it is deleted last, if at all. One that
/// the target brings judges what is written after it.
fn own_webhooks(context: &Context<'_>) -> Vec<Change> {
    let old = webhooks::configurations(&context.input.from.objects).filter_map(|object| own_webhook(context, object));
    let old: Vec<Change> = old.collect();
    let said = |object: &&Object| old.iter().any(|change| change.object.as_ref() == Some(&object.id));
    let new = webhooks::configurations(&context.input.to.objects).filter(|object| !said(object));
    let new: Vec<Change> = new.filter_map(|object| brought_webhook(context, object)).collect();
    old.into_iter().chain(new).collect()
}

fn own_webhook(context: &Context<'_>, configuration: &Object) -> Option<Change> {
    let facts = &context.input.facts;
    let judge = context.input.to.objects.iter().find_map(|object| {
        let labels = object.body.at(&["metadata", "labels"]);
        let judges = ["UPDATE", "CREATE"]
            .into_iter()
            .flat_map(|operation| webhooks::judges(configuration, &object.id, labels, operation, facts));
        judges.into_iter().next()
    })?;
    let change = blocking(configuration, &judge, EvidenceSource::From)?;
    Some(change.with("operation", "writes of this rollback"))
}

/// The first write after that of the configuration which nobody is there to judge: what answers is only starting.
fn brought_webhook(context: &Context<'_>, configuration: &Object) -> Option<Change> {
    let is_created =
        |id: &ObjectRef| context.forecast.steps.iter().any(|step| step.action == Action::Create && step.object == *id);
    let is_written = |id: &ObjectRef| {
        let pair = context.pairs.iter().find(|pair| pair.to.is_some_and(|to| to.id == *id));
        is_created(id) || pair.is_some_and(|pair| pair.from.is_some() && pair.real_changes().next().is_some())
    };
    if !is_written(&configuration.id) {
        return None;
    }
    let after = context.input.to.objects.iter().skip_while(|object| object.id != configuration.id).skip(1);
    let (object, judge) = after.filter(|object| is_written(&object.id)).find_map(|object| {
        let labels = object.body.at(&["metadata", "labels"]);
        let operation = if is_created(&object.id) { "CREATE" } else { "UPDATE" };
        let facts = &context.input.facts;
        let judges = webhooks::judges_in(&configuration.id, &configuration.body, &object.id, labels, operation, facts);
        judges.into_iter().next().map(|judge| (object, judge))
    })?;
    let change = blocking(configuration, &judge, EvidenceSource::To)?;
    Some(change.fact(Fact::ComesWithTarget).with("operation", format!("{}, which Helm writes after it,", object.id)))
}

fn blocking(configuration: &Object, judge: &Judge, source: EvidenceSource) -> Option<Change> {
    let (namespace, service) = &judge.service;
    let (confidence, text) = match &judge.backend {
        Backend::Answers => return None,
        Backend::Nobody => (Confidence::Likely, "no ready endpoints".to_owned()),
        Backend::Unknown(why) => (Confidence::Possible, format!("not known: {why}")),
    };
    let asked = if judge.applies == Applies::Yes { Confidence::Certain } else { Confidence::Possible };
    Some(
        Change::of(ChangeKind::OwnWebhook, &configuration.id)
            .confidence(confidence.min(asked))
            .evidence(source, &configuration.origin, format!("webhook {} fails closed", judge.webhook))
            .evidence(EvidenceSource::Live, format!("Service/{namespace}/{service}"), text),
    )
}
