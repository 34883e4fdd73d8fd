//! Live facts the two manifests call for: their objects first, then what those lead to.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{join, join_all};
use serde_json::Value as Json;

use super::around::Around;
use super::evidence::{Evidence, Query, live_object};
use crate::input::{Facts, Known, LiveObject, Residue};
use crate::k8s::endpoints;
use crate::k8s::surroundings::Surrounding;
use crate::release::redact::Redactor;
use crate::release::{HookEvent, Object, ObjectRef, Release, Value};

/// Live state of objects, keyed by the reference asked for.
pub type Live = BTreeMap<ObjectRef, Known<Option<LiveObject>>>;

/// Every object of both manifests, of their rollback hooks and of what failed attempts left.
pub fn wanted(from: &Release, to: &Release, residue: &[Residue]) -> BTreeSet<ObjectRef> {
    let manifests = from.objects.iter().chain(&to.objects);
    let rollback = [HookEvent::PreRollback, HookEvent::PostRollback];
    let hooks = from.hooks.iter().chain(&to.hooks).filter(|hook| rollback.iter().any(|event| hook.has_event(*event)));
    let objects = manifests.chain(hooks.filter_map(|hook| hook.object.as_ref())).map(|object| object.id.clone());
    objects.chain(residue.iter().flat_map(|left| left.objects.iter().cloned())).collect()
}

/// Reads these objects: one list for each kind in a namespace, one GET where there is one object of it.
pub async fn read(evidence: &Evidence, ids: BTreeSet<ObjectRef>, redactor: &Redactor) -> Live {
    let mut groups: BTreeMap<(String, String, Option<String>), Vec<ObjectRef>> = BTreeMap::new();
    for id in ids {
        groups.entry((id.api_version.clone(), id.kind.clone(), id.namespace.clone())).or_default().push(id);
    }
    join_all(groups.into_values().map(|ids| group(evidence, ids, redactor))).await.into_iter().flatten().collect()
}

/// Kinds whose neighbours are not to be read: Secrets, whose list would bring the values of others', and definitions,
/// which are large and many.
const READ_ONE_BY_ONE: [(&str, &str); 2] = [("", "Secret"), ("apiextensions.k8s.io", "CustomResourceDefinition")];

/// Objects of one kind in one namespace.
async fn group(evidence: &Evidence, ids: Vec<ObjectRef>, redactor: &Redactor) -> Vec<(ObjectRef, Known<Option<LiveObject>>)> {
    let Some(first) = ids.first() else { return Vec::new() };
    let alone = READ_ONE_BY_ONE.iter().any(|(group, kind)| first.is(group, kind));
    if ids.len() > 1 && !alone && evidence.lists_exactly() {
        // Where a list is refused or fails, each object may still be readable.
        if let Ok(found) = listed(evidence, first, &ids, redactor).await {
            return ids.into_iter().map(|id| (id.clone(), Known::Yes(found.get(&id.name).cloned()))).collect();
        }
    }
    join_all(ids.into_iter().map(async |id| (id.clone(), evidence.get(&id, redactor).await))).await
}

/// Keyed by name. Helm's own records in ConfigMaps are labelled `owner=helm` (Helm `pkg/storage/driver/cfgmaps.go`).
async fn listed(
    evidence: &Evidence,
    first: &ObjectRef,
    ids: &[ObjectRef],
    redactor: &Redactor,
) -> Result<BTreeMap<String, LiveObject>, String> {
    let names: BTreeSet<&str> = ids.iter().map(|id| id.name.as_str()).collect();
    let query = Query::all(&first.api_version, &first.kind, first.namespace.as_deref());
    let query = if first.is("", "ConfigMap") { query.labelled("owner!=helm") } else { query };
    let items = evidence.list_where(&query, &|metadata| names.contains(metadata.name.as_str())).await?;
    let objects = items.into_iter().map(|item| {
        let name = item["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        (name, live_object(item, redactor))
    });
    Ok(objects.collect())
}

/// The second wave: reads what the objects in `facts.live` lead to.
pub async fn follow(evidence: &Evidence, from: &Release, to: &Release, facts: &mut Facts, redactor: &Redactor) {
    let follow = Follow { evidence, from, to, live: &facts.live, around: &facts.around, redactor };
    let claims = async {
        let set_claims = follow.set_claims().await;
        let volumes = follow.volumes(&set_claims).await;
        (set_claims, volumes)
    };
    let contents = join(follow.custom_resources(), follow.namespace_contents());
    let (((set_claims, volumes), (custom_resources, namespace_contents)), backends) =
        join(join(claims, contents), follow.webhook_backends()).await;
    facts.set_claims = set_claims;
    facts.volumes = volumes;
    facts.custom_resources = custom_resources;
    facts.namespace_contents = namespace_contents;
    facts.webhook_backends = backends;
}

struct Follow<'a> {
    evidence: &'a Evidence,
    from: &'a Release,
    to: &'a Release,
    live: &'a Live,
    around: &'a Around,
    redactor: &'a Redactor,
}

/// Kinds asked for in a Namespace that would be deleted; custom ones come from discovery.
const COMMON_KINDS: [(&str, &str); 13] = [
    ("v1", "PersistentVolumeClaim"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("networking.k8s.io/v1", "Ingress"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
];
/// Definitions that change whose custom resources are counted; operators bring dozens.
const MAX_CHANGING: usize = 12;
/// Custom kinds asked for in a Namespace.
const MAX_CUSTOM_KINDS: usize = 80;

impl<'a> Follow<'a> {
    /// The live body if there is one, else the manifest's.
    fn body(&self, object: &'a Object) -> &'a Value {
        match self.live.get(&object.id) {
            Some(Known::Yes(Some(live))) => &live.body,
            _ => &object.body,
        }
    }

    /// Objects of a kind that *from* has and *to* has not, and that are not known to be gone.
    fn leaving(&self, group: &'a str, kind: &'a str) -> impl Iterator<Item = &'a Object> {
        let of_kind = move |object: &&Object| object.id.is(group, kind);
        let kept: BTreeSet<(&Option<String>, &str)> =
            self.to.objects.iter().filter(of_kind).map(|object| (&object.id.namespace, object.id.name.as_str())).collect();
        let leaving = self.from.objects.iter().filter(of_kind);
        leaving
            .filter(move |object| !kept.contains(&(&object.id.namespace, object.id.name.as_str())))
            .filter(|object| !matches!(self.live.get(&object.id), Some(Known::Yes(None))))
    }

    async fn volumes(&self, set_claims: &BTreeMap<ObjectRef, Known<Vec<LiveObject>>>) -> Volumes {
        let claims = self.live.iter().filter(|(id, _)| id.is("", "PersistentVolumeClaim"));
        let claims = claims.filter_map(|(_, live)| live.yes()?.as_ref());
        let of_sets = set_claims.values().filter_map(Known::yes).flatten();
        let names: BTreeSet<&str> =
            claims.chain(of_sets).filter_map(|claim| claim.body.at(&["spec", "volumeName"]).as_str()).collect();
        let names = names.into_iter().filter(|name| !name.is_empty());
        let reads = names.map(async |name| {
            let id = ObjectRef::new("v1", "PersistentVolume", None, name);
            (name.to_owned(), self.evidence.get(&id, self.redactor).await)
        });
        join_all(reads).await.into_iter().collect()
    }

    async fn set_claims(&self) -> BTreeMap<ObjectRef, Known<Vec<LiveObject>>> {
        let sets: Vec<ClaimedSet> = self.from.objects.iter().filter_map(|set| self.claimed(set)).collect();
        let namespaces: BTreeSet<Option<&str>> = sets.iter().map(|set| set.namespace).collect();
        let lists = namespaces
            .into_iter()
            .map(async |namespace| (namespace, self.evidence.list(&Query::all("v1", "PersistentVolumeClaim", namespace)).await));
        let lists: BTreeMap<_, _> = join_all(lists).await.into_iter().collect();
        let mut claims = BTreeMap::new();
        for set in sets {
            let found = match lists.get(&set.namespace) {
                Some(Ok(items)) => Known::Yes(
                    items.iter().filter(|item| set.owns(item)).map(|item| live_object(item.clone(), self.redactor)).collect(),
                ),
                Some(Err(why)) => Known::No(self.redactor.scrub(why)),
                None => continue,
            };
            set.ids.into_iter().for_each(|id| drop(claims.insert(id, found.clone())));
        }
        claims
    }

    /// A StatefulSet whose claims may go: it is deleted, shrinks, or has a retention policy that deletes.
    fn claimed(&self, set: &'a Object) -> Option<ClaimedSet<'a>> {
        if !set.id.is("apps", "StatefulSet") {
            return None;
        }
        let same = |object: &&Object| {
            object.id.is("apps", "StatefulSet") && object.id.name == set.id.name && object.id.namespace == set.id.namespace
        };
        let to = self.to.objects.iter().find(same);
        let bodies: Vec<&Value> =
            [Some(&set.body), to.map(|object| &object.body), Some(self.body(set))].into_iter().flatten().collect();
        let deletes = |body: &Value| {
            let policy = body.at(&["spec", "persistentVolumeClaimRetentionPolicy"]);
            [policy.get("whenDeleted"), policy.get("whenScaled")].iter().any(|when| when.as_str() == Some("Delete"))
        };
        let replicas = |body: &Value| body.at(&["spec", "replicas"]).as_i64().unwrap_or(1);
        let shrinks = to.is_some_and(|to| bodies.iter().any(|body| replicas(body) > replicas(&to.body)));
        if to.is_some() && !shrinks && !bodies.iter().any(|body| deletes(body)) {
            return None;
        }
        let templates = bodies.iter().flat_map(|body| body.at(&["spec", "volumeClaimTemplates"]).as_list());
        let templates: BTreeSet<&str> = templates.filter_map(|template| template.at(&["metadata", "name"]).as_str()).collect();
        let ids: BTreeSet<ObjectRef> = [Some(set), to].into_iter().flatten().map(|object| object.id.clone()).collect();
        let namespace = set.id.namespace.as_deref();
        (!templates.is_empty()).then_some(ClaimedSet { ids, namespace, name: &set.id.name, templates })
    }

    async fn custom_resources(&self) -> BTreeMap<String, Known<Vec<ObjectRef>>> {
        let changing = self.from.objects.iter().filter(|crd| {
            let other = self.to.objects.iter().find(|object| object.id == crd.id);
            crd.id.is("apiextensions.k8s.io", "CustomResourceDefinition") && other.is_some_and(|other| other.body != crd.body)
        });
        let reads = self.leaving("apiextensions.k8s.io", "CustomResourceDefinition").chain(changing.take(MAX_CHANGING)).map(
            async |crd| {
                let listed = match query_of(self.body(crd)) {
                    Some(query) => self.references(&query, true).await,
                    None => Err("the definition names no served version".to_owned()),
                };
                (crd.id.name.clone(), self.known(listed))
            },
        );
        join_all(reads).await.into_iter().collect()
    }

    async fn namespace_contents(&self) -> BTreeMap<String, Known<Vec<ObjectRef>>> {
        let reads = self.leaving("", "Namespace").map(async |namespace| {
            let name = &namespace.id.name;
            (name.clone(), self.known(self.contents(name).await))
        });
        join_all(reads).await.into_iter().collect()
    }

    /// What lives in a namespace on its own account: nothing that an owner makes, nor what Kubernetes puts in every namespace.
    async fn contents(&self, namespace: &str) -> Result<Vec<ObjectRef>, String> {
        let mut kinds: BTreeSet<(&str, &str)> = COMMON_KINDS.into_iter().collect();
        let custom = self.evidence.served().into_iter().flat_map(|served| &served.kinds);
        let is_custom = |api_version: &str| {
            api_version.split_once('/').is_some_and(|(group, _)| group.contains('.') && !group.ends_with(".k8s.io"))
        };
        let custom = custom.filter(|((api_version, _), resource)| resource.namespaced && is_custom(api_version));
        kinds.extend(custom.map(|((api_version, kind), _)| (api_version.as_str(), kind.as_str())).take(MAX_CUSTOM_KINDS));
        let reads = kinds
            .into_iter()
            .map(async |(api_version, kind)| self.references(&Query::all(api_version, kind, Some(namespace)), false).await);
        let mut found = BTreeSet::new();
        for answer in join_all(reads).await {
            match answer {
                Ok(ids) => found.extend(ids),
                // A kind this server does not have is no gap.
                Err(why) if why.starts_with("not served") => {}
                Err(why) => return Err(why),
            }
        }
        Ok(one_version_each(found).into_iter().filter(|id| !is_standard(id)).collect())
    }

    /// The objects of a kind, with or without those that another object owns.
    async fn references(&self, query: &Query, owned: bool) -> Result<Vec<ObjectRef>, String> {
        let items = self.evidence.list(&query.clone().metadata()).await?;
        let free = |metadata: &&Json| owned || metadata["ownerReferences"].as_array().is_none_or(Vec::is_empty);
        Ok(items
            .iter()
            .map(|item| &item["metadata"])
            .filter(free)
            .filter_map(|metadata| {
                Some(ObjectRef::new(&query.api_version, &query.kind, metadata["namespace"].as_str(), metadata["name"].as_str()?))
            })
            .collect())
    }

    fn known(&self, found: Result<Vec<ObjectRef>, String>) -> Known<Vec<ObjectRef>> {
        found.map_or_else(|why| Known::No(self.redactor.scrub(&why)), Known::Yes)
    }

    /// Webhooks of the cluster that refuse what they cannot judge, for groups of either manifest.
    fn cluster_webhooks(&self) -> impl Iterator<Item = &'a Value> {
        let kinds = [Surrounding::ValidatingWebhooks, Surrounding::MutatingWebhooks];
        let found = kinds.into_iter().filter_map(|kind| self.around.get(&(kind, None))?.yes());
        let objects = || self.from.objects.iter().chain(&self.to.objects);
        // Helm's own records are of the core group.
        let groups: BTreeSet<&str> = objects().map(|object| object.id.group()).chain([""]).collect();
        let judges = move |webhook: &&Value| {
            let listed = webhook.get("rules").as_list().iter().flat_map(|rule| rule.get("apiGroups").as_list());
            let mut listed = listed.filter_map(Value::as_str);
            webhook.get("failurePolicy").as_str() != Some("Ignore") && listed.any(|group| group == "*" || groups.contains(group))
        };
        found.flatten().flat_map(|live| live.body.get("webhooks").as_list()).filter(judges)
    }

    /// Ready endpoints behind every Service that a webhook configuration of either manifest names, or a webhook of the
    /// cluster that stands in the way.
    async fn webhook_backends(&self) -> BTreeMap<(String, String), Known<usize>> {
        let objects = self.from.objects.iter().chain(&self.to.objects);
        let configurations = objects.filter(|object| {
            object.id.group() == "admissionregistration.k8s.io" && object.id.kind.ends_with("WebhookConfiguration")
        });
        let bodies = configurations.flat_map(|object| [&object.body, self.body(object)]);
        let own = bodies.flat_map(|body| body.get("webhooks").as_list());
        let services = own.chain(self.cluster_webhooks()).filter_map(|webhook| {
            let service = webhook.at(&["clientConfig", "service"]);
            Some((service.get("namespace").as_str()?.to_owned(), service.get("name").as_str()?.to_owned()))
        });
        let services: BTreeSet<(String, String)> = services.collect();
        join_all(services.into_iter().map(async |service| (self.ready(&service).await, service)))
            .await
            .into_iter()
            .map(|(n, s)| (s, n))
            .collect()
    }

    async fn ready(&self, (namespace, name): &(String, String)) -> Known<usize> {
        let slices = Query::all("discovery.k8s.io/v1", "EndpointSlice", Some(namespace))
            .labelled(&format!("kubernetes.io/service-name={name}"));
        match self.evidence.list(&slices).await {
            Ok(slices) => Known::Yes(slices.into_iter().map(|slice| endpoints::ready(&Value::from_json(slice))).sum()),
            Err(why) => Known::No(self.redactor.scrub(&why)),
        }
    }
}

/// Keyed by volume name.
type Volumes = BTreeMap<String, Known<Option<LiveObject>>>;

struct ClaimedSet<'a> {
    /// References of this set in both manifests.
    ids: BTreeSet<ObjectRef>,
    namespace: Option<&'a str>,
    name: &'a str,
    templates: BTreeSet<&'a str>,
}

impl ClaimedSet<'_> {
    /// `<template>-<set>-<ordinal>` (Kubernetes `pkg/controller/statefulset/stateful_set_utils.go` `getPersistentVolumeClaimName`).
    fn owns(&self, claim: &Json) -> bool {
        let Some(name) = claim["metadata"]["name"].as_str() else { return false };
        self.templates.iter().any(|template| {
            let ordinal =
                name.strip_prefix(template).and_then(|rest| rest.strip_prefix('-')?.strip_prefix(self.name)?.strip_prefix('-'));
            ordinal.is_some_and(|ordinal| !ordinal.is_empty() && ordinal.bytes().all(|byte| byte.is_ascii_digit()))
        })
    }
}

/// The list of a CRD's custom resources in all namespaces, at the stored version if it is served.
fn query_of(crd: &Value) -> Option<Query> {
    let spec = crd.get("spec");
    let (group, kind) = (spec.get("group").as_str()?, spec.at(&["names", "kind"]).as_str()?);
    let mut served: Vec<&Value> =
        spec.get("versions").as_list().iter().filter(|version| version.get("served").as_bool() != Some(false)).collect();
    served.sort_by_key(|version| version.get("storage").as_bool() != Some(true));
    let version = served.first().map_or(spec.get("version"), |version| version.get("name")).as_str()?;
    Some(Query::all(&format!("{group}/{version}"), kind, None))
}

/// One reference for an object that several versions of its group serve: of the highest one that was listed.
fn one_version_each(ids: BTreeSet<ObjectRef>) -> Vec<ObjectRef> {
    let mut by_group = BTreeMap::new();
    for id in ids {
        by_group.insert((id.group().to_owned(), id.kind.clone(), id.namespace.clone(), id.name.clone()), id);
    }
    by_group.into_values().collect()
}

fn is_standard(id: &ObjectRef) -> bool {
    (id.is("", "ConfigMap") && id.name == "kube-root-ca.crt") || (id.is("", "ServiceAccount") && id.name == "default")
}
