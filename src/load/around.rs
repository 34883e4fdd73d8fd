//! What surrounds the release: kinds that are listed because the manifests call for them.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use serde_json::Value as Json;

use super::evidence::{Evidence, Metadata, Query, live_object};
use crate::forecast::ports;
use crate::input::{Known, LiveObject};
use crate::k8s::references::{self, Referent};
use crate::k8s::surroundings::Surrounding;
use crate::k8s::{kinds, pods};
use crate::release::redact::Redactor;
use crate::release::{Object, ObjectRef, Release, Value};

/// Surrounding objects, keyed by kind and namespace (none for cluster-scoped kinds).
pub type Around = BTreeMap<(Surrounding, Option<String>), Known<Vec<LiveObject>>>;

/// Lists everything the two manifests call for, all at once.
pub async fn read(evidence: &Evidence, from: &Release, to: &Release, redactor: &Redactor) -> Around {
    let need = Need::of(from, to);
    let lists = need.lists();
    let first = join_all(lists.into_iter().map(async |(kind, place)| {
        let found = need.list(evidence, kind, place.as_deref(), redactor).await;
        ((kind, place), found)
    }));
    let mut around: Around = first.await.into_iter().collect();
    around.extend(events(evidence, &around, redactor).await);
    around
}

/// What the manifests are made of, as far as it decides which lists are asked for.
struct Need {
    /// Namespaces with a workload in either manifest.
    workloads: BTreeSet<String>,
    /// Namespaces of all objects of either manifest.
    namespaces: BTreeSet<String>,
    /// Namespaces with a Service in either manifest.
    services: BTreeSet<String>,
    /// Whether the target fixes a node port.
    fixed_ports: bool,
    /// Namespaces with a claim, or a workload that mounts or makes one.
    claims: BTreeSet<String>,
    /// Whether a VolumeSnapshot goes.
    snapshots_go: bool,
    /// (`group/version`, kind) of custom resources that change.
    custom: BTreeSet<(String, String)>,
    /// Kinds that the target's pods refer to without the target having the object, by namespace.
    references: BTreeSet<(Referent, String)>,
    /// Labels that every pod of either manifest carries.
    common: BTreeMap<String, String>,
    /// Label selectors (plain maps) of the pods of either manifest.
    selectors: Vec<BTreeMap<String, String>>,
}

impl Need {
    fn of(from: &Release, to: &Release) -> Need {
        let objects: Vec<&Object> = from.objects.iter().chain(&to.objects).collect();
        let templates: Vec<(&Object, &Value)> = objects
            .iter()
            .map(|object| (*object, kinds::pod_template(&object.id, &object.body)))
            .filter(|(_, template)| !template.is_null())
            .collect();
        let selectors: Vec<BTreeMap<String, String>> =
            templates.iter().map(|(object, template)| pod_labels(object, template)).collect();
        let of_kind = |group: &str, kind: &str| -> BTreeSet<String> {
            objects.iter().filter(|object| object.id.is(group, kind)).filter_map(|object| object.id.namespace.clone()).collect()
        };
        let mut claims = of_kind("", "PersistentVolumeClaim");
        claims.extend(
            templates.iter().filter(|(object, _)| keeps_data(object)).filter_map(|(object, _)| object.id.namespace.clone()),
        );
        claims.extend(
            custom_resources(from)
                .filter(|id| to.objects.iter().all(|kept| kept.id != **id))
                .filter_map(|id| id.namespace.clone()),
        );
        Need {
            snapshots_go: from
                .objects
                .iter()
                .any(|object| object.id.is(SNAPSHOTS, "VolumeSnapshot") && !to.objects.iter().any(|kept| kept.id == object.id)),
            custom: changing_kinds(from, to),
            workloads: templates.iter().filter_map(|(object, _)| object.id.namespace.clone()).collect(),
            namespaces: objects.iter().filter_map(|object| object.id.namespace.clone()).collect(),
            services: of_kind("", "Service"),
            fixed_ports: ports::any_fixed(&to.objects),
            claims,
            references: references(to),
            common: common(&selectors),
            selectors,
        }
    }

    /// Which kinds are listed, and where.
    fn lists(&self) -> BTreeSet<(Surrounding, Option<String>)> {
        use Surrounding as S;
        let mut lists = BTreeSet::new();
        let mut add = |kind: S, namespaces: &BTreeSet<String>| {
            if kind.is_namespaced() {
                lists.extend(namespaces.iter().map(|namespace| (kind, Some(namespace.clone()))));
            } else if !namespaces.is_empty() {
                lists.insert((kind, None));
            }
        };
        for kind in [S::Pods, S::HorizontalPodAutoscalers, S::ScaledObjects, S::VerticalPodAutoscalers, S::Rollouts, S::Canaries]
        {
            add(kind, &self.workloads);
        }
        for kind in [S::ResourceQuotas, S::LimitRanges, S::Nodes] {
            add(kind, &self.workloads);
        }
        add(S::Namespaces, &self.namespaces);
        for kind in [S::EndpointSlices, S::Services, S::Ingresses, S::HttpRoutes, S::GrpcRoutes] {
            add(kind, &self.services);
        }
        for kind in [S::VirtualServices, S::DestinationRules, S::TrafficSplits, S::TraefikServices] {
            add(kind, &self.services);
        }
        for kind in [S::PersistentVolumeClaims, S::StorageClasses, S::VolumeSnapshots] {
            add(kind, &self.claims);
        }
        if self.fixed_ports {
            // Node ports belong to the whole cluster.
            lists.insert((S::Services, None));
        }
        lists.extend([(S::ValidatingWebhooks, None), (S::MutatingWebhooks, None), (S::ApiServices, None)]);
        if self.snapshots_go {
            lists.insert((S::VolumeSnapshotContents, None));
        }
        if !self.custom.is_empty() {
            lists.insert((S::CustomResourceDefinitions, None));
        }
        for (referent, namespace) in &self.references {
            let kind = match referent {
                Referent::ConfigMap => S::ConfigMaps,
                Referent::Secret => S::Secrets,
                Referent::ServiceAccount => S::ServiceAccounts,
                Referent::PersistentVolumeClaim => S::PersistentVolumeClaims,
                Referent::PriorityClass => S::PriorityClasses,
                Referent::RuntimeClass => S::RuntimeClasses,
            };
            lists.insert((kind, kind.is_namespaced().then(|| namespace.clone())));
        }
        lists
    }

    async fn list(
        &self,
        evidence: &Evidence,
        kind: Surrounding,
        place: Option<&str>,
        redactor: &Redactor,
    ) -> Known<Vec<LiveObject>> {
        let version = kind.api_versions().iter().find(|version| !evidence.lacks(version, kind.kubernetes_kind()));
        match kind {
            Surrounding::Namespaces => {
                let ids = self.namespaces.iter().map(|name| ObjectRef::new("v1", "Namespace", None, name));
                return each(evidence, ids.collect(), redactor).await;
            }
            Surrounding::CustomResourceDefinitions => return each(evidence, self.definitions(evidence), redactor).await,
            _ => {}
        }
        // A kind that the server does not have surrounds nothing.
        let Some(version) = version else { return Known::Yes(Vec::new()) };
        let query = self.query(kind, version, place);
        let listed = evidence.list_where(&query, &|metadata| self.wants(kind, metadata)).await;
        match listed {
            Ok(items) => Known::Yes(items.into_iter().map(|item| live_object(trimmed(kind, item), redactor)).collect()),
            Err(why) => Known::No(redactor.scrub(&why)),
        }
    }

    /// Definitions are named `plural.group`.
    fn definitions(&self, evidence: &Evidence) -> Vec<ObjectRef> {
        let plural = |key: &(String, String)| evidence.served().and_then(|served| Some(served.kinds.get(key)?.plural.clone()));
        let names: BTreeSet<String> =
            self.custom.iter().filter_map(|key| Some(format!("{}.{}", plural(key)?, key.0.split_once('/')?.0))).collect();
        names.iter().map(|name| ObjectRef::new("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, name)).collect()
    }

    fn query(&self, kind: Surrounding, version: &str, place: Option<&str>) -> Query {
        let query = Query::all(version, kind.kubernetes_kind(), place);
        match kind {
            Surrounding::Pods => query.labelled(&selector(&self.common)).paged(100),
            Surrounding::Nodes => query.paged(100),
            // Helm's own records are labelled `owner=helm` (Helm `pkg/storage/driver/secrets.go`).
            Surrounding::Secrets | Surrounding::ConfigMaps => query.labelled("owner!=helm").metadata(),
            Surrounding::ServiceAccounts | Surrounding::PriorityClasses | Surrounding::RuntimeClasses => query.metadata(),
            _ => query,
        }
    }

    fn wants(&self, kind: Surrounding, metadata: &Metadata) -> bool {
        match kind {
            Surrounding::Pods => self.selectors.iter().any(|selector| has_all(metadata, selector)),
            _ => true,
        }
    }
}

fn has_all(metadata: &Metadata, selector: &BTreeMap<String, String>) -> bool {
    let label = |key: &String| metadata.labels.as_ref().and_then(|labels| labels.get(key));
    selector.iter().all(|(key, value)| label(key) == Some(value))
}

const SNAPSHOTS: &str = "snapshot.storage.k8s.io";

fn custom_resources(release: &Release) -> impl Iterator<Item = &ObjectRef> {
    release.objects.iter().map(|object| &object.id).filter(|id| !kinds::is_built_in(id))
}

/// Kinds of custom resources that change in more than their metadata: their definitions may have something against it.
fn changing_kinds(from: &Release, to: &Release) -> BTreeSet<(String, String)> {
    let content = |object: &Object| -> Value {
        let mut body = object.body.clone();
        body.as_map_mut().and_then(|map| map.remove("metadata"));
        body
    };
    let custom = to.objects.iter().filter(|object| !kinds::is_built_in(&object.id));
    let changes = |object: &&Object| {
        let before = from.objects.iter().find(|before| before.id == object.id);
        before.is_some_and(|before| before.body != object.body && content(before) != content(object))
    };
    custom.filter(changes).map(|object| (object.id.api_version.clone(), object.id.kind.clone())).collect()
}

/// Read one by one: a Role of the namespace can allow that for its Namespace, and definitions are large and many.
async fn each(evidence: &Evidence, ids: Vec<ObjectRef>, redactor: &Redactor) -> Known<Vec<LiveObject>> {
    let reads = join_all(ids.into_iter().map(async |id| evidence.get(&id, redactor).await)).await;
    let mut found = Vec::new();
    for read in reads {
        match read {
            Known::Yes(namespace) => found.extend(namespace),
            Known::No(why) => return Known::No(why),
        }
    }
    Known::Yes(found)
}

/// Warnings about pods that are not ready, in namespaces where there are such pods.
async fn events(evidence: &Evidence, around: &Around, redactor: &Redactor) -> Around {
    let unready = around.iter().filter(|((kind, _), _)| *kind == Surrounding::Pods).filter_map(|((_, namespace), pods)| {
        let names: BTreeSet<String> =
            pods.yes()?.iter().filter(|pod| !is_ready(&pod.body)).map(|pod| pod.name().to_owned()).collect();
        (!names.is_empty()).then_some((namespace.clone(), names))
    });
    let reads = unready.map(async |(namespace, names)| {
        let query = Query::all("v1", "Event", namespace.as_deref()).with_fields("type=Warning,involvedObject.kind=Pod");
        // An event is named after its object: `<pod>.<hexadecimal time>` (client-go `tools/record/event.go`).
        let about = |metadata: &Metadata| metadata.name.rsplit_once('.').is_some_and(|(pod, _)| names.contains(pod));
        let found = match evidence.list_where(&query, &about).await {
            Ok(items) => Known::Yes(items.into_iter().map(|item| live_object(item, redactor)).collect()),
            Err(why) => Known::No(redactor.scrub(&why)),
        };
        ((Surrounding::Events, namespace), found)
    });
    join_all(reads).await.into_iter().collect()
}

fn is_ready(pod: &Value) -> bool {
    let finished = matches!(pod.at(&["status", "phase"]).as_str(), Some("Succeeded"));
    let conditions = pod.at(&["status", "conditions"]).as_list();
    let ready = |condition: &&Value| condition.get("type").as_str() == Some("Ready");
    finished || conditions.iter().find(ready).is_some_and(|condition| condition.get("status").as_str() == Some("True"))
}

/// What the pods of the target refer to and the target does not have itself.
fn references(to: &Release) -> BTreeSet<(Referent, String)> {
    let present: BTreeSet<(&str, &str, &str)> = to
        .objects
        .iter()
        .map(|object| (object.id.kind.as_str(), object.id.namespace.as_deref().unwrap_or(""), object.id.name.as_str()))
        .collect();
    let mut missing = BTreeSet::new();
    for object in &to.objects {
        let Some(namespace) = &object.id.namespace else { continue };
        for reference in references::of(pods::spec(&object.body)) {
            let (_, kind) = reference.to.kind();
            if !reference.optional && !present.contains(&(kind, namespace.as_str(), reference.name.as_str())) {
                missing.insert((reference.to, namespace.clone()));
            }
        }
    }
    missing
}

/// Makes claims, or mounts one.
fn keeps_data(object: &Object) -> bool {
    let makes = !object.body.at(&["spec", "volumeClaimTemplates"]).as_list().is_empty();
    let volumes = pods::spec(&object.body).get("volumes").as_list();
    makes || volumes.iter().any(|volume| !volume.get("persistentVolumeClaim").is_null())
}

/// The labels by which the pods of a workload are found: its selector's, else those of its template.
fn pod_labels(object: &Object, template: &Value) -> BTreeMap<String, String> {
    let selector = labels(object.body.at(&["spec", "selector", "matchLabels"]));
    if selector.is_empty() { labels(template.at(&["metadata", "labels"])) } else { selector }
}

fn labels(map: &Value) -> BTreeMap<String, String> {
    let entries = map.as_map().into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// What all of them have in common.
fn common(selectors: &[BTreeMap<String, String>]) -> BTreeMap<String, String> {
    let Some((first, rest)) = selectors.split_first() else { return BTreeMap::new() };
    let shared = first.iter().filter(|(key, value)| rest.iter().all(|other| other.get(*key) == Some(value)));
    shared.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn selector(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// Without what no analyzer reads and large clusters have much of.
fn trimmed(kind: Surrounding, mut item: Json) -> Json {
    if let Some(metadata) = item["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    if kind == Surrounding::Nodes
        && let Some(status) = item["status"].as_object_mut()
    {
        status.retain(|key, _| matches!(key.as_str(), "images" | "allocatable" | "conditions" | "nodeInfo"));
    }
    item
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn pods_are_asked_for_by_what_all_have_in_common() {
        let web = map(&[("app", "web"), ("release", "shop")]);
        let db = map(&[("app", "db"), ("release", "shop")]);
        assert_eq!(selector(&common(&[web.clone(), db])), "release=shop");
        assert_eq!(selector(&common(&[web, map(&[("app", "other")])])), "");
        assert_eq!(selector(&common(&[])), "");
    }

    #[test]
    fn a_finished_pod_is_not_unready() {
        let pod = |phase: &str, ready: &str| {
            Value::from_json(json!({"status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]}}))
        };
        assert!(is_ready(&pod("Running", "True")));
        assert!(is_ready(&pod("Succeeded", "False")));
        assert!(!is_ready(&pod("Running", "False")));
        assert!(!is_ready(&Value::from_json(json!({"status": {"phase": "Pending"}}))));
    }
}
