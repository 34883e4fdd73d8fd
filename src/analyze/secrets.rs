//! Secret content that goes, or goes back, while what it opens stays or has moved on.

use super::key_material;
use super::store_credentials::{self, Use};
use super::{Change, ChangeKind, Context, Fact};
use crate::diff::Pair;
use crate::forecast::Confidence;
use crate::input::LiveObject;
use crate::release::{Object, ObjectRef, Value};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let secrets = context.pairs.iter().filter(|pair| pair.id().is("", "Secret"));
    secrets.flat_map(|pair| reverted(context, pair).into_iter().chain(overwritten(context, pair))).collect()
}

/// Adds what a deleted Secret takes along: keys that open stored data.
pub fn deletion_facts(change: Change, context: &Context<'_>, id: &ObjectRef, live: Option<&LiveObject>) -> Change {
    let Some(object) = context.in_from(id) else { return change };
    let keys = content(&object.body);
    let names: Vec<&str> = keys.iter().map(|(key, _)| *key).filter(|key| key_material::recognise(key).is_some()).collect();
    if names.is_empty() {
        return change;
    }
    let renamed = names.iter().all(|name| elsewhere_in_target(context, id, name));
    let change = key_evidence(change.fact(Fact::KeyMaterial), &names).with("loss", names.join(", "));
    managed(change.fact_if(renamed, Fact::KeysElsewhere), live)
}

/// Another Secret of the target has the key: this one may have been renamed. Content is never compared across objects, so that a
/// recording cannot tell which objects share a secret.
fn elsewhere_in_target(context: &Context<'_>, id: &ObjectRef, key: &str) -> bool {
    let others =
        context.input.to.objects.iter().filter(|object| object.id.is("", "Secret") && object.id.namespace == id.namespace);
    others.flat_map(|object| content(&object.body)).any(|(other, _)| other == key)
}

fn key_evidence(change: Change, names: &[&str]) -> Change {
    names.iter().fold(change, |change, name| match key_material::recognise(name) {
        Some(known) => {
            change.evidence(EvidenceSource::Table, "key-material.csv", format!("{name}: {} ({})", known.what, known.source))
        }
        None => change,
    })
}

/// A controller that writes the content again: the owner says so, or the annotation of cert-manager.
fn managed(change: Change, live: Option<&LiveObject>) -> Change {
    let Some(live) = live else { return change };
    const WRITERS: &[&str] = &[
        "ExternalSecret",
        "SealedSecret",
        "Certificate",
        "VaultStaticSecret",
        "VaultDynamicSecret",
        "InfisicalSecret",
        "OnePasswordItem",
    ];
    let owners = live.body.at(&["metadata", "ownerReferences"]).as_list();
    let owner = owners.iter().filter_map(|owner| owner.get("kind").as_str()).find(|kind| WRITERS.contains(kind));
    let certificate = live.annotation("cert-manager.io/certificate-name");
    match (owner, certificate) {
        (Some(kind), _) => change.fact(Fact::WrittenByController).evidence(
            EvidenceSource::Live,
            "metadata.ownerReferences",
            format!("owned by a {kind}"),
        ),
        (None, Some(name)) => {
            let at = "metadata.annotations[\"cert-manager.io/certificate-name\"]";
            change.fact(Fact::WrittenByController).evidence(EvidenceSource::Live, at, name)
        }
        (None, None) => change,
    }
}

/// Content that is the same in both revisions and another one live: somebody changed it, and Helm writes the stored one back.
fn overwritten(context: &Context<'_>, pair: &Pair<'_>) -> Option<Change> {
    let (from, to) = (pair.from?, pair.to?);
    let live = context.input.facts.live_of(&to.id).yes().copied().flatten()?;
    if context.is_rejected(&to.id) {
        return None;
    }
    let before = content(&from.body);
    let wanted = content(&to.body);
    let changed_live = |key: &str, value: &Value| {
        let now = live.body.get("data").get(key);
        !now.is_null() && now != value
    };
    let same = wanted.iter().filter(|(key, value)| before.iter().any(|(other, old)| other == key && old == value));
    let keys: Vec<&str> = same.filter(|(key, value)| changed_live(key, value)).map(|(key, _)| *key).collect();
    if keys.is_empty() {
        return None;
    }
    let material: Vec<&str> = keys.iter().copied().filter(|key| key_material::recognise(key).is_some()).collect();
    let change = Change::of(ChangeKind::SecretOverwritten, &to.id)
        .confidence(Confidence::Likely)
        .with("keys", keys.join(", "))
        .fact_if(!material.is_empty(), Fact::KeyMaterial)
        .evidence(
            EvidenceSource::Live,
            format!("{} data", to.id),
            format!("other content than both revisions: {}", keys.join(", ")),
        )
        .evidence(EvidenceSource::To, &to.origin, "the stored content is written again");
    Some(used_by_store(managed(change, Some(live)), context, &to.id, &keys))
}

fn used_by_store(change: Change, context: &Context<'_>, secret: &ObjectRef, keys: &[&str]) -> Change {
    let Some(store) = store_credentials::find(context, secret, keys) else { return change };
    let Use { workload, variable, what, source } = store;
    change
        .fact(Fact::DataStoreCredential)
        .evidence(EvidenceSource::To, &workload.origin, format!("{} keeps a volume and reads {variable}", workload.id))
        .evidence(EvidenceSource::Table, "store-credentials.csv", format!("{variable}: {what} ({source})"))
}

fn reverted(context: &Context<'_>, pair: &Pair<'_>) -> Option<Change> {
    let (from, to) = (pair.from?, pair.to?);
    let keys = changed_keys(context, from, to);
    if keys.is_empty() || context.is_rejected(&to.id) {
        return None;
    }
    // The same values rendered another content: it was generated, not chosen.
    let generated = context.input.from.config == context.input.to.config;
    let material: Vec<&str> = keys.iter().map(String::as_str).filter(|key| key_material::recognise(key).is_some()).collect();
    let change = Change::of(ChangeKind::SecretReverted, &to.id)
        .confidence(if generated { Confidence::Likely } else { Confidence::Possible })
        .fact_if(generated, Fact::Generated)
        .fact_if(!material.is_empty(), Fact::KeyMaterial)
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
    let change = managed(key_evidence(change, &material), context.input.facts.live_of(&to.id).yes().copied().flatten());
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    Some(used_by_store(change, context, &to.id, &keys))
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
