//! Secret content that goes back while what it opens may have moved on.

use super::{Change, ChangeKind, Context, Fact};
use crate::diff::Pair;
use crate::forecast::Confidence;
use crate::k8s::pods;
use crate::release::{Object, ObjectRef, Value};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let secrets = context.pairs.iter().filter(|pair| pair.id().is("", "Secret"));
    secrets.filter_map(|pair| reverted(context, pair)).collect()
}

fn reverted(context: &Context<'_>, pair: &Pair<'_>) -> Option<Change> {
    let (from, to) = (pair.from?, pair.to?);
    let keys = changed_keys(context, from, to);
    if keys.is_empty() || context.is_rejected(&to.id) {
        return None;
    }
    // The same values rendered another content: it was generated, not chosen.
    let generated = context.input.from.config == context.input.to.config;
    let store = data_store_user(context, &to.id);
    let change = Change::of(ChangeKind::SecretReverted, &to.id)
        .confidence(if generated { Confidence::Likely } else { Confidence::Possible })
        .fact_if(generated, Fact::Generated)
        .fact_if(store.is_some(), Fact::DataStoreCredential)
        .with("keys", keys.join(", "))
        .evidence(EvidenceSource::From, &from.origin, format!("keys changed: {}", keys.join(", ")))
        .evidence(
            EvidenceSource::History,
            "values",
            if generated {
                "the values of both revisions are equal, the content is not"
            } else {
                "the values of the revisions differ"
            },
        );
    Some(match store {
        Some(workload) => {
            change.evidence(EvidenceSource::To, &workload.origin, format!("{} reads it and keeps a volume", workload.id))
        }
        None => change,
    })
}

/// Keys whose content differs between the revisions and, where it is known, from the live Secret.
fn changed_keys(context: &Context<'_>, from: &Object, to: &Object) -> Vec<String> {
    let live = context.input.facts.live_of(&to.id).yes().copied().flatten();
    let keys = content(&to.body);
    let before = content(&from.body);
    keys.iter()
        .filter(|(key, value)| before.iter().any(|(other, old)| other == key && old != value))
        .filter(|(key, value)| live.is_none_or(|live| live.body.get("data").get(key) != *value))
        .map(|(key, _)| (*key).to_owned())
        .collect()
}

/// Data and stringData; the latter wins, as on the server.
fn content(body: &Value) -> Vec<(&str, &Value)> {
    let plain = body.get("stringData").as_map();
    let data = body.get("data").as_map().into_iter().flatten();
    let mut entries: Vec<(&str, &Value)> = data
        .filter(|(key, _)| !plain.is_some_and(|plain| plain.contains_key(*key)))
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    entries.extend(plain.into_iter().flatten().map(|(key, value)| (key.as_str(), value)));
    entries
}

/// A workload of the target that reads the Secret and keeps data of its own.
fn data_store_user<'c>(context: &'c Context<'_>, secret: &ObjectRef) -> Option<&'c Object> {
    context.input.to.objects.iter().find(|object| {
        object.id.namespace == secret.namespace
            && keeps_data(&object.body)
            && refers_to_secret(pods::spec(&object.body), &secret.name)
    })
}

fn keeps_data(body: &Value) -> bool {
    let claims = !body.at(&["spec", "volumeClaimTemplates"]).as_list().is_empty();
    claims || pods::spec(body).get("volumes").as_list().iter().any(|volume| !volume.get("persistentVolumeClaim").is_null())
}

/// Through a volume, `envFrom` or `env.valueFrom.secretKeyRef`.
pub fn refers_to_secret(pod_spec: &Value, name: &str) -> bool {
    let volumes = pod_spec.get("volumes").as_list().iter();
    let mounted = volumes.into_iter().any(|volume| {
        let projected = volume.at(&["projected", "sources"]).as_list().iter();
        volume.at(&["secret", "secretName"]).as_str() == Some(name)
            || projected.into_iter().any(|source| source.at(&["secret", "name"]).as_str() == Some(name))
    });
    let containers = pod_spec.get("containers").as_list().iter().chain(pod_spec.get("initContainers").as_list());
    mounted || containers.into_iter().any(|container| container_reads(container, name))
}

fn container_reads(container: &Value, name: &str) -> bool {
    let from = container.get("envFrom").as_list().iter().any(|source| source.at(&["secretRef", "name"]).as_str() == Some(name));
    from || container.get("env").as_list().iter().any(|env| env.at(&["valueFrom", "secretKeyRef", "name"]).as_str() == Some(name))
}
