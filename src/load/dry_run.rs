//! `--server-dry-run`: the forecast's own requests, sent with `dryRun=All`. Nothing is stored, but the API server asks for
//! the same permissions as for the real thing, and calls the same webhooks.

use futures::future::join_all;
use http::Method;

use super::cluster::{ApiError, Cluster, resource_path};
use super::error::LoadError;
use crate::forecast::Forecast;
use crate::forecast::writes::{Verb, Write, writes};
use crate::input::{DryRun, Facts, Input};
use crate::release::ObjectRef;
use crate::release::redact::Redactor;
use crate::settings::LoadOptions;

/// Asks the API server about every step that is expected to be accepted, and notes the answers in `input.facts`.
pub async fn ask(options: &LoadOptions, redactor: &Redactor, input: &mut Input, forecast: &Forecast) -> Result<(), LoadError> {
    let cluster = Cluster::connect(&options.kube).await?.limited(options.request_timeout, options.evidence_timeout);
    let writes = writes(input, forecast);
    let asked = writes.asked.into_iter().map(async |write| {
        let answer = send(&cluster, &input.facts, &write, options.flags.force_conflicts, redactor).await;
        (write.object, answer)
    });
    let answers: Vec<(ObjectRef, DryRun)> = join_all(asked).await;
    let skipped = writes.skipped.into_iter().map(|(object, why)| (object, DryRun::NotAsked(why)));
    input.facts.dry_run = answers.into_iter().chain(skipped).collect();
    Ok(())
}

async fn send(cluster: &Cluster, facts: &Facts, write: &Write, force: bool, redactor: &Redactor) -> DryRun {
    let Some(path) = path(facts, write, force) else {
        return DryRun::NotAsked("the kind is not known to be served".to_owned());
    };
    let (method, content_type) = match write.verb {
        Verb::Create => (Method::POST, "application/json"),
        Verb::Apply => (Method::PATCH, "application/apply-patch+yaml"),
        Verb::Merge => (Method::PATCH, "application/merge-patch+json"),
        Verb::Replace => (Method::PUT, "application/json"),
        Verb::Delete => (Method::DELETE, "application/json"),
    };
    let body = if write.verb == Verb::Delete {
        serde_json::json!({"apiVersion": "v1", "kind": "DeleteOptions", "dryRun": ["All"]})
    } else {
        serde_json::to_value(&write.body).unwrap_or_default()
    };
    match cluster.write_json(method, &path, content_type, &body).await {
        Ok(warnings) => DryRun::Accepted { warnings: warnings.iter().map(|text| redactor.scrub(text)).collect() },
        Err(error) => refusal(&error, redactor),
    }
}

/// A server that answers "no" has decided; one that cannot dry-run, or does not answer, has not.
fn refusal(error: &ApiError, redactor: &Redactor) -> DryRun {
    let message = redactor.scrub(&error.to_string());
    let undecided = message.contains("does not support dry run");
    match error {
        ApiError::Forbidden(_) | ApiError::Status { code: 400 | 409 | 422, .. } if !undecided => DryRun::Refused(message),
        _ => DryRun::NotAsked(message),
    }
}

fn path(facts: &Facts, write: &Write, force: bool) -> Option<String> {
    let id = &write.object;
    let resource = facts.discovery.yes()?.get(&(id.api_version.clone(), id.kind.clone()))?;
    let namespace = id.namespace.as_deref().filter(|_| resource.namespaced);
    let name = (write.verb != Verb::Create).then_some(id.name.as_str());
    let mut path = resource_path(&id.api_version, &resource.plural, namespace, name)?;
    // Helm's field manager is the name of its program (Helm `pkg/kube/client.go` `getManagedFieldsManager`).
    path.push_str("?dryRun=All&fieldManager=helm");
    if write.verb == Verb::Apply && force {
        path.push_str("&force=true");
    }
    Some(path)
}
