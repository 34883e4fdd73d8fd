//! Live state of the objects that the comparison is about.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures::future::{join4, join_all};

use super::cluster::{Accept, ApiError, Cluster, resource_path};
use super::documents;
use super::error::LoadError;
use super::live_more;
use super::records::Parsed;
use crate::input::{Discovery, Facts, Known, LiveObject};
use crate::release::redact::Redactor;
use crate::release::{HookEvent, ObjectRef, Value};

/// Everything either manifest, a rollback hook of *to* or an abandoned attempt names.
pub fn wanted(parsed: &Parsed) -> BTreeSet<ObjectRef> {
    let manifests = parsed.from.objects.iter().chain(&parsed.to.objects);
    let is_rollback = |event: &HookEvent| matches!(event, HookEvent::PreRollback | HookEvent::PostRollback);
    let hooks = parsed.to.hooks.iter().filter(|hook| hook.events.iter().any(is_rollback)).filter_map(|hook| hook.object.as_ref());
    let residue = parsed.residue.iter().flat_map(|residue| residue.objects.iter().cloned());
    manifests.chain(hooks).map(|object| object.id.clone()).chain(residue).collect()
}

/// Reads live state in two waves: the objects themselves, then what they point at.
pub async fn read(cluster: &Cluster, facts: &mut Facts, parsed: &Parsed, redactor: &Redactor) {
    facts.live = objects(cluster, wanted(parsed), &facts.discovery, redactor).await;
    let (volumes, claims, contents, backends) = join4(
        live_more::volumes(cluster, facts, redactor),
        live_more::set_claims(cluster, facts, parsed, redactor),
        live_more::contents(cluster, facts, parsed),
        live_more::webhook_backends(cluster, facts, parsed),
    )
    .await;
    facts.volumes = volumes;
    facts.set_claims = claims.0;
    facts.volumes.extend(claims.1);
    facts.custom_resources = contents.0;
    facts.namespace_contents = contents.1;
    facts.webhook_backends = backends;
}

/// Live state of each object, keyed as asked.
pub async fn objects(
    cluster: &Cluster,
    ids: BTreeSet<ObjectRef>,
    discovery: &Known<Discovery>,
    redactor: &Redactor,
) -> BTreeMap<ObjectRef, Known<Option<LiveObject>>> {
    let reads = ids.into_iter().map(|id| async {
        let found = one(cluster, &id, discovery, redactor).await;
        (id, found)
    });
    join_all(reads).await.into_iter().collect()
}

async fn one(cluster: &Cluster, id: &ObjectRef, discovery: &Known<Discovery>, redactor: &Redactor) -> Known<Option<LiveObject>> {
    let kinds = match discovery {
        Known::Yes(kinds) => kinds,
        Known::No(why) => return Known::No(format!("not known where {} is served: {why}", id.kind)),
    };
    // A kind that is not served has no objects to whoever asks: the server answers 404.
    let Some(resource) = kinds.get(&(id.api_version.clone(), id.kind.clone())) else {
        return Known::Yes(None);
    };
    let namespace = id.namespace.as_deref().filter(|_| resource.namespaced);
    get(cluster, &id.api_version, &resource.plural, namespace, &id.name, redactor).await
}

/// One object, redacted; `Yes(None)` where the server says it does not exist.
pub async fn get(
    cluster: &Cluster,
    api_version: &str,
    plural: &str,
    namespace: Option<&str>,
    name: &str,
    redactor: &Redactor,
) -> Known<Option<LiveObject>> {
    let Some(path) = resource_path(api_version, plural, namespace, Some(name)) else {
        return Known::No(format!("{name:?} cannot be part of a request path"));
    };
    match cluster.get_json::<serde_json::Value>(&path, Accept::Json).await {
        Ok(body) => Known::Yes(Some(live_object(body, redactor))),
        Err(ApiError::NotFound(_)) => Known::Yes(None),
        Err(error) => Known::No(redactor.scrub(&error.gap("get", plural, namespace))),
    }
}

/// A JSON object as the API server sends it, redacted.
pub fn live_object(body: serde_json::Value, redactor: &Redactor) -> LiveObject {
    let text = |key: &str| body.pointer(&format!("/metadata/{key}")).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let (uid, resource_version) = (text("uid"), text("resourceVersion"));
    let mut body = Value::from_json(body);
    redactor.object(&mut body);
    LiveObject { uid, resource_version, body }
}

/// `--live PATH`: objects as `kubectl get -o yaml|json` prints them. What the file does not hold is not known, not absent.
pub fn saved(path: &Path, facts: &mut Facts, parsed: &Parsed, redactor: &Redactor) -> Result<(), LoadError> {
    let failed = |why: String| LoadError::File { path: path.display().to_string(), why };
    let mut found: BTreeMap<(String, String, String, String), LiveObject> = BTreeMap::new();
    for body in documents::parse(&documents::read(path)?).map_err(failed)? {
        let text = |pointer: &str| body.pointer(pointer).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        let group = text("/apiVersion").split_once('/').map(|(group, _)| group.to_owned()).unwrap_or_default();
        let key = (group, text("/kind"), text("/metadata/namespace"), text("/metadata/name"));
        if key.1 == "PersistentVolume" {
            let volume = live_object(body.clone(), redactor);
            facts.volumes.insert(key.3.clone(), Known::Yes(Some(volume)));
        }
        found.insert(key, live_object(body, redactor));
    }
    for id in wanted(parsed) {
        let key = (id.group().to_owned(), id.kind.clone(), id.namespace.clone().unwrap_or_default(), id.name.clone());
        let state = match found.get(&key) {
            Some(live) => Known::Yes(Some(live.clone())),
            None => Known::No(format!("not among the saved live objects ({})", path.display())),
        };
        facts.live.insert(id, state);
    }
    Ok(())
}
