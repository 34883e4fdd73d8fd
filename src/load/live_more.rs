//! The second wave: what the live objects point at, and what would go with deleted ones.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{join, join_all};
use serde::Deserialize;

use super::cluster::{Accept, ApiError, Cluster, escape, resource_path};
use super::live;
use super::records::Parsed;
use crate::forecast::webhooks;
use crate::input::{Facts, Known, LiveObject};
use crate::release::redact::Redactor;
use crate::release::{Object, ObjectRef, Value};

/// Objects of one list answer.
const PAGE: usize = 500;
/// Pages of one list; beyond, what is there is more than anybody reads.
const MAX_PAGES: usize = 20;

type Volumes = BTreeMap<String, Known<Option<LiveObject>>>;
type Contents = BTreeMap<String, Known<Vec<ObjectRef>>>;

/// Identity of the cluster, digest-free: uid of `kube-system`.
pub async fn cluster_uid(cluster: &Cluster) -> Known<String> {
    match cluster.get_json::<serde_json::Value>("/api/v1/namespaces/kube-system", Accept::Metadata).await {
        Ok(body) => match body.pointer("/metadata/uid").and_then(|uid| uid.as_str()) {
            Some(uid) => Known::Yes(uid.to_owned()),
            None => Known::No("kube-system has no uid".to_owned()),
        },
        Err(error) => Known::No(error.gap("get", "namespaces", None)),
    }
}

/// Volumes behind the live claims of the release.
pub async fn volumes(cluster: &Cluster, facts: &Facts, redactor: &Redactor) -> Volumes {
    let claims = facts.live.iter().filter(|(id, _)| id.is("", "PersistentVolumeClaim"));
    let bodies = claims.filter_map(|(_, live)| live.yes()?.as_ref()).map(|live| &live.body);
    by_name(cluster, bodies.filter_map(volume_name).collect(), redactor).await
}

fn volume_name(claim: &Value) -> Option<String> {
    claim.at(&["spec", "volumeName"]).as_str().map(str::to_owned)
}

async fn by_name(cluster: &Cluster, names: BTreeSet<String>, redactor: &Redactor) -> Volumes {
    let reads = names.into_iter().map(|name| async {
        let volume = live::get(cluster, "v1", "persistentvolumes", None, &name, redactor).await;
        (name, volume)
    });
    join_all(reads).await.into_iter().collect()
}

/// Claims that StatefulSets made which the rollback may delete or scale down, and the volumes behind them.
pub async fn set_claims(
    cluster: &Cluster,
    facts: &Facts,
    parsed: &Parsed,
    redactor: &Redactor,
) -> (BTreeMap<ObjectRef, Known<Vec<LiveObject>>>, Volumes) {
    let sets: Vec<&Object> = parsed.from.objects.iter().chain(&parsed.to.objects).filter(|object| object.id.is("apps", "StatefulSet")).collect();
    let at_risk: BTreeSet<&ObjectRef> = sets.iter().filter(|set| deletes_claims(set, facts, parsed)).map(|set| &set.id).collect();
    let reads = at_risk.into_iter().map(|set| async { (set.clone(), claims_of(cluster, set, facts, parsed, redactor).await) });
    let claims: BTreeMap<ObjectRef, Known<Vec<LiveObject>>> = join_all(reads).await.into_iter().collect();
    let names = claims.values().filter_map(Known::yes).flatten().filter_map(|claim| volume_name(&claim.body)).collect();
    let volumes = by_name(cluster, names, redactor).await;
    (claims, volumes)
}

/// Only a retention policy makes claims go with their set (apps/v1 `persistentVolumeClaimRetentionPolicy`).
fn deletes_claims(set: &Object, facts: &Facts, parsed: &Parsed) -> bool {
    let says_delete = |body: &Value| {
        body.at(&["spec", "persistentVolumeClaimRetentionPolicy"]).as_map().is_some_and(|policy| policy.values().any(|value| value.as_str() == Some("Delete")))
    };
    let live = facts.live_of(&set.id).yes().copied().flatten().map(|live| &live.body);
    let same = |object: &&Object| object.id == set.id;
    let manifests = parsed.from.objects.iter().chain(&parsed.to.objects).filter(same).map(|object| &object.body);
    manifests.chain(live).any(says_delete)
}

async fn claims_of(cluster: &Cluster, set: &ObjectRef, facts: &Facts, parsed: &Parsed, redactor: &Redactor) -> Known<Vec<LiveObject>> {
    let namespace = set.namespace.as_deref();
    let Some(path) = resource_path("v1", "persistentvolumeclaims", namespace, None) else {
        return Known::No("its namespace cannot be part of a request path".to_owned());
    };
    let templates = template_names(set, facts, parsed);
    let prefixes: Vec<String> = templates.iter().map(|template| format!("{template}-{}-", set.name)).collect();
    match list(cluster, &path, "", Accept::Json).await {
        Ok(items) => {
            let of_set = |item: &serde_json::Value| {
                let name = item.pointer("/metadata/name").and_then(|name| name.as_str()).unwrap_or_default();
                prefixes.iter().any(|prefix| name.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.parse::<u32>().is_ok()))
            };
            Known::Yes(items.into_iter().filter(of_set).map(|item| live::live_object(item, redactor)).collect())
        }
        Err(error) => Known::No(redactor.scrub(&error.gap("list", "persistentvolumeclaims", namespace))),
    }
}

fn template_names(set: &ObjectRef, facts: &Facts, parsed: &Parsed) -> BTreeSet<String> {
    let live = facts.live_of(set).yes().copied().flatten().map(|live| &live.body);
    let manifests = parsed.from.objects.iter().chain(&parsed.to.objects).filter(|object| object.id == *set).map(|object| &object.body);
    let templates = manifests.chain(live).flat_map(|body| body.at(&["spec", "volumeClaimTemplates"]).as_list());
    templates.filter_map(|template| template.at(&["metadata", "name"]).as_str()).map(str::to_owned).collect()
}

/// Custom resources of definitions, and contents of namespaces, that only *from* has.
pub async fn contents(cluster: &Cluster, facts: &Facts, parsed: &Parsed) -> (Contents, Contents) {
    let kept: BTreeSet<(&str, &str)> = parsed.to.objects.iter().map(|object| (object.id.kind.as_str(), object.id.name.as_str())).collect();
    let leaving = |group: &'static str, kind: &'static str| {
        let kept = &kept;
        parsed.from.objects.iter().filter(move |object| object.id.is(group, kind) && !kept.contains(&(kind, object.id.name.as_str())))
    };
    let definitions = leaving("apiextensions.k8s.io", "CustomResourceDefinition").map(|object| async {
        let live = facts.live_of(&object.id).yes().copied().flatten().map_or(&object.body, |live| &live.body);
        (object.id.name.clone(), custom_resources(cluster, live).await)
    });
    let namespaces = leaving("", "Namespace").map(|object| async { (object.id.name.clone(), namespace_contents(cluster, facts, &object.id.name).await) });
    let (definitions, namespaces) = join(join_all(definitions), join_all(namespaces)).await;
    (definitions.into_iter().collect(), namespaces.into_iter().collect())
}

async fn custom_resources(cluster: &Cluster, definition: &Value) -> Known<Vec<ObjectRef>> {
    let spec = definition.get("spec");
    let served = spec.get("versions").as_list().iter().find(|version| version.get("served").as_bool() == Some(true));
    let version = served.and_then(|version| version.get("name").as_str());
    let (Some(group), Some(version), Some(plural), Some(kind)) =
        (spec.get("group").as_str(), version, spec.at(&["names", "plural"]).as_str(), spec.at(&["names", "kind"]).as_str())
    else {
        return Known::No("the definition names no served version".to_owned());
    };
    references(cluster, &format!("{group}/{version}"), plural, kind, None, "").await
}

/// Kinds of one namespace that carry data or configuration of their own; what controllers make of them is left out.
const CONTENTS: [(&str, &str, &str); 12] = [
    ("v1", "PersistentVolumeClaim", ""),
    ("v1", "ConfigMap", "metadata.name!=kube-root-ca.crt"),
    // No list ever pulls Helm's own records.
    ("v1", "Secret", "type!=helm.sh/release.v1"),
    ("v1", "Service", ""),
    ("v1", "ServiceAccount", "metadata.name!=default"),
    ("apps/v1", "Deployment", ""),
    ("apps/v1", "StatefulSet", ""),
    ("apps/v1", "DaemonSet", ""),
    ("batch/v1", "CronJob", ""),
    ("batch/v1", "Job", ""),
    ("networking.k8s.io/v1", "Ingress", ""),
    ("networking.k8s.io/v1", "NetworkPolicy", ""),
];

async fn namespace_contents(cluster: &Cluster, facts: &Facts, namespace: &str) -> Known<Vec<ObjectRef>> {
    let Some(kinds) = facts.discovery.yes() else {
        return Known::No("which kinds are served is not known".to_owned());
    };
    let builtin = CONTENTS.iter().filter_map(|(version, kind, selector)| {
        let resource = kinds.get(&((*version).to_owned(), (*kind).to_owned()))?;
        Some(((*version).to_owned(), resource.plural.clone(), (*kind).to_owned(), *selector))
    });
    let custom = kinds.iter().filter(|((version, _), resource)| resource.namespaced && is_custom(version));
    let custom = custom.map(|((version, kind), resource)| (version.clone(), resource.plural.clone(), kind.clone(), ""));
    let wanted: Vec<(String, String, String, &str)> = builtin.chain(custom).collect();
    let reads = wanted.iter().map(|(version, plural, kind, selector)| references(cluster, version, plural, kind, Some(namespace), selector));
    let mut found = Vec::new();
    for answer in join_all(reads).await {
        match answer {
            Known::Yes(list) => found.extend(list),
            Known::No(why) => return Known::No(why),
        }
    }
    found.sort();
    Known::Yes(found)
}

/// Groups of custom resources: built-in ones have no dot or end in `.k8s.io` (which CRDs need an approval for).
fn is_custom(api_version: &str) -> bool {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    group.contains('.') && !group.ends_with(".k8s.io")
}

async fn references(cluster: &Cluster, api_version: &str, plural: &str, kind: &str, namespace: Option<&str>, fields: &str) -> Known<Vec<ObjectRef>> {
    let Some(path) = resource_path(api_version, plural, namespace, None) else {
        return Known::No("its name cannot be part of a request path".to_owned());
    };
    let query = if fields.is_empty() { String::new() } else { format!("&fieldSelector={}", escape(fields)) };
    match list(cluster, &path, &query, Accept::MetadataList).await {
        Ok(items) => Known::Yes(items.iter().filter_map(|item| reference(item, api_version, kind)).collect()),
        Err(ApiError::NotFound(_)) => Known::Yes(Vec::new()),
        Err(error) => Known::No(error.gap("list", plural, namespace)),
    }
}

fn reference(item: &serde_json::Value, api_version: &str, kind: &str) -> Option<ObjectRef> {
    let name = item.pointer("/metadata/name")?.as_str()?;
    let namespace = item.pointer("/metadata/namespace").and_then(|namespace| namespace.as_str());
    let owned = item.pointer("/metadata/ownerReferences").and_then(|owners| owners.as_array()).is_some_and(|owners| !owners.is_empty());
    (!owned).then(|| ObjectRef::new(api_version, kind, namespace, name))
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMetadata,
    #[serde(default)]
    items: Vec<serde_json::Value>,
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    token: Option<String>,
}

/// All pages of a list. `query` starts with `&` or is empty.
async fn list(cluster: &Cluster, path: &str, query: &str, accept: Accept) -> Result<Vec<serde_json::Value>, ApiError> {
    let mut items = Vec::new();
    let mut token = String::new();
    for _ in 0..MAX_PAGES {
        let next = if token.is_empty() { String::new() } else { format!("&continue={}", escape(&token)) };
        let page: Page = cluster.get_json(&format!("{path}?limit={PAGE}{query}{next}"), accept).await?;
        items.extend(page.items);
        match page.metadata.token.filter(|token| !token.is_empty()) {
            Some(more) => token = more,
            None => return Ok(items),
        }
    }
    Err(ApiError::Malformed(format!("more than {} objects", PAGE * MAX_PAGES)))
}

/// Ready endpoints behind the Services of fail-closed webhooks.
pub async fn webhook_backends(cluster: &Cluster, facts: &Facts, parsed: &Parsed) -> BTreeMap<(String, String), Known<usize>> {
    let configurations = webhooks::configurations(&parsed.from.objects).chain(webhooks::configurations(&parsed.to.objects));
    let mut services = BTreeSet::new();
    for configuration in configurations {
        let live = facts.live_of(&configuration.id).yes().copied().flatten().map_or(&configuration.body, |live| &live.body);
        for webhook in live.get("webhooks").as_list() {
            let service = webhook.at(&["clientConfig", "service"]);
            if let (Some(namespace), Some(name)) = (service.get("namespace").as_str(), service.get("name").as_str()) {
                services.insert((namespace.to_owned(), name.to_owned()));
            }
        }
    }
    let reads = services.into_iter().map(|service| async {
        let ready = ready_endpoints(cluster, &service.0, &service.1).await;
        (service, ready)
    });
    join_all(reads).await.into_iter().collect()
}

async fn ready_endpoints(cluster: &Cluster, namespace: &str, service: &str) -> Known<usize> {
    let Some(path) = resource_path("discovery.k8s.io/v1", "endpointslices", Some(namespace), None) else {
        return Known::No("its namespace cannot be part of a request path".to_owned());
    };
    let query = format!("&labelSelector={}", escape(&format!("kubernetes.io/service-name={service}")));
    match list(cluster, &path, &query, Accept::Json).await {
        Ok(slices) => Known::Yes(slices.iter().map(ready_in).sum()),
        Err(error) => Known::No(error.gap("list", "endpointslices", Some(namespace))),
    }
}

fn ready_in(slice: &serde_json::Value) -> usize {
    let endpoints = slice.get("endpoints").and_then(|endpoints| endpoints.as_array());
    // An absent condition counts as ready (discovery/v1 `EndpointConditions.ready`).
    let is_ready = |endpoint: &&serde_json::Value| endpoint.pointer("/conditions/ready").and_then(|ready| ready.as_bool()) != Some(false);
    endpoints.map_or(0, |endpoints| endpoints.iter().filter(is_ready).count())
}
