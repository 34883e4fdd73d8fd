//! Live objects, from the cluster or from a file: one object, or a list of one kind.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::cluster::{Accept, ApiError, Cluster, escape, position, resource_path};
use super::discovery::Served;
use super::documents;
use super::error::LoadError;
use crate::input::{ApiResource, Known, LiveObject};
use crate::release::redact::Redactor;
use crate::release::{ObjectRef, Value};

/// Pages read of one list; a longer one is not known.
const MAX_PAGES: usize = 400;

/// Where live state is read.
#[expect(clippy::large_enum_variant, reason = "there is one of it a run")]
pub enum Evidence {
    Cluster {
        cluster: Cluster,
        served: Known<Served>,
    },
    /// `--live PATH`.
    File(SavedLive),
    /// Nowhere, and why.
    None(String),
}

/// What to list.
#[derive(Clone, Debug)]
pub struct Query {
    pub api_version: String,
    pub kind: String,
    pub namespace: Option<String>,
    /// Label selector, empty for all.
    pub selector: String,
    /// Field selector, empty for all.
    pub fields: String,
    pub metadata_only: bool,
    /// Objects a page.
    pub page: usize,
}

impl Query {
    pub fn all(api_version: &str, kind: &str, namespace: Option<&str>) -> Query {
        Query {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            selector: String::new(),
            fields: String::new(),
            metadata_only: false,
            page: 500,
        }
    }

    pub fn metadata(self) -> Query {
        Query { metadata_only: true, ..self }
    }

    pub fn with_fields(self, fields: &str) -> Query {
        Query { fields: fields.to_owned(), ..self }
    }

    /// Smaller pages, for kinds whose objects are large.
    pub fn paged(self, page: usize) -> Query {
        Query { page, ..self }
    }

    pub fn labelled(self, selector: &str) -> Query {
        Query { selector: selector.to_owned(), ..self }
    }
}

impl Evidence {
    /// Live state of one object at the version that the reference names; redacted.
    pub async fn get(&self, id: &ObjectRef, redactor: &Redactor) -> Known<Option<LiveObject>> {
        let found = match self {
            Evidence::Cluster { cluster, served } => get(cluster, served, id).await,
            Evidence::File(saved) => saved.get(id).map(Some),
            Evidence::None(why) => Err(why.clone()),
        };
        match found {
            Ok(body) => Known::Yes(body.map(|body| live_object(body, redactor))),
            Err(why) => Known::No(redactor.scrub(&why)),
        }
    }

    /// Objects of one kind, as JSON and not redacted; reason where they are not known.
    pub async fn list(&self, query: &Query) -> Result<Vec<Json>, String> {
        self.list_where(query, &|_| true).await
    }

    /// As [`Evidence::list`], of those only whose metadata passes: what does not is dropped page by page, unparsed.
    pub async fn list_where(&self, query: &Query, keep: &Keep<'_>) -> Result<Vec<Json>, String> {
        match self {
            Evidence::Cluster { cluster, served } => list(cluster, served, query, keep).await,
            Evidence::File(saved) => {
                let found = saved.list(query)?.into_iter();
                Ok(found.filter(|object| Metadata::of(object).is_some_and(|metadata| keep(&metadata))).collect())
            }
            Evidence::None(why) => Err(why.clone()),
        }
    }

    /// Whether what a list does not hold does not exist.
    pub fn lists_exactly(&self) -> bool {
        matches!(self, Evidence::Cluster { .. })
    }

    /// Whether the kind is known not to be served here.
    pub fn lacks(&self, api_version: &str, kind: &str) -> bool {
        let is_broken = |served: &Served| served.broken.contains_key(api_version);
        let key = (api_version.to_owned(), kind.to_owned());
        self.served().is_some_and(|served| !is_broken(served) && !served.kinds.contains_key(&key))
    }

    /// The kinds that can be listed here, if that is known.
    pub fn served(&self) -> Option<&Served> {
        match self {
            Evidence::Cluster { served, .. } => served.yes(),
            _ => None,
        }
    }
}

/// A redacted live object from the server's JSON.
pub fn live_object(body: Json, redactor: &Redactor) -> LiveObject {
    let text = |key: &str| body["metadata"][key].as_str().unwrap_or_default().to_owned();
    let (uid, resource_version) = (text("uid"), text("resourceVersion"));
    let mut body = Value::from_json(body);
    redactor.object(&mut body);
    LiveObject { uid, resource_version, body }
}

fn resource<'a>(served: &'a Known<Served>, api_version: &str, kind: &str) -> Result<&'a ApiResource, String> {
    let served = match served {
        Known::Yes(served) => served,
        Known::No(why) => return Err(format!("served kinds are not known: {why}")),
    };
    if let Some(why) = served.broken.get(api_version) {
        return Err(format!("{api_version}: {why}"));
    }
    served.kinds.get(&(api_version.to_owned(), kind.to_owned())).ok_or_else(|| format!("not served: {kind} in {api_version}"))
}

async fn get(cluster: &Cluster, served: &Known<Served>, id: &ObjectRef) -> Result<Option<Json>, String> {
    let resource = resource(served, &id.api_version, &id.kind)?;
    let namespace = resource.namespaced.then(|| id.namespace.as_deref().unwrap_or(cluster.namespace()));
    let path = resource_path(&id.api_version, &resource.plural, namespace, Some(&id.name));
    let path = path.ok_or_else(|| format!("{:?} cannot be a name", id.name))?;
    match cluster.get_json(&path, Accept::Json).await {
        Ok(body) => Ok(Some(body)),
        // The message for a path that is not there at all (apimachinery `pkg/api/errors` `NewGenericServerResponse`).
        Err(ApiError::NotFound(why)) if why.contains("could not find the requested resource") => {
            Err(format!("not served: {} in {}", id.kind, id.api_version))
        }
        Err(ApiError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.gap("get", &resource.plural, namespace)),
    }
}

/// Which items of a list are wanted, by their metadata.
pub type Keep<'a> = dyn Fn(&Metadata) -> bool + Sync + 'a;

/// What tells whether an item of a list is wanted.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Metadata {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub namespace: Option<String>,
    #[serde(default)]
    pub labels: Option<BTreeMap<String, String>>,
}

impl Metadata {
    fn of(object: &Json) -> Option<Metadata> {
        Metadata::deserialize(&object["metadata"]).ok()
    }
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default)]
    metadata: PageMetadata,
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(rename = "continue", default)]
    next: String,
}

async fn list(cluster: &Cluster, served: &Known<Served>, query: &Query, keep: &Keep<'_>) -> Result<Vec<Json>, String> {
    let resource = resource(served, &query.api_version, &query.kind)?;
    let namespace = query.namespace.as_deref();
    let path = resource_path(&query.api_version, &resource.plural, namespace, None).ok_or("a name cannot be part of a path")?;
    let accept = if query.metadata_only { Accept::MetadataList } else { Accept::Json };
    let (mut items, mut next) = (Vec::new(), String::new());
    for _ in 0..MAX_PAGES {
        let mut page = format!("{path}?limit={}", query.page);
        if !query.selector.is_empty() {
            page.push_str(&format!("&labelSelector={}", escape(&query.selector)));
        }
        if !query.fields.is_empty() {
            page.push_str(&format!("&fieldSelector={}", escape(&query.fields)));
        }
        if !next.is_empty() {
            page.push_str(&format!("&continue={}", escape(&next)));
        }
        let failed = |error: ApiError| error.gap("list", &resource.plural, namespace);
        let body = match cluster.get(&page, accept).await {
            Ok(body) => body,
            // The kind went away since discovery was read: nothing of it is left.
            Err(ApiError::NotFound(_)) => return Ok(items),
            Err(error) => return Err(failed(error)),
        };
        let page: Page = serde_json::from_slice(&body).map_err(|error| failed(ApiError::Malformed(position(&error))))?;
        items.extend(
            page.items.unwrap_or_default().into_iter().filter_map(|item| wanted(item, keep)).map(|item| typed(item, query)),
        );
        next = page.metadata.next;
        if next.is_empty() {
            return Ok(items);
        }
    }
    Err(format!("list {}: more than {MAX_PAGES} pages of {}", resource.plural, query.page))
}

/// The item if it is wanted; one without readable metadata names nothing.
fn wanted(item: &RawValue, keep: &Keep<'_>) -> Option<Json> {
    let head: Item = serde_json::from_str(item.get()).ok()?;
    if keep(&head.metadata) { serde_json::from_str(item.get()).ok() } else { None }
}

/// Items of a list come without their type, and metadata-only ones with another; redaction goes by kind.
fn typed(mut item: Json, query: &Query) -> Json {
    if let Some(map) = item.as_object_mut() {
        map.insert("apiVersion".to_owned(), query.api_version.clone().into());
        map.insert("kind".to_owned(), query.kind.clone().into());
    }
    item
}

/// Saved live objects, as `kubectl get -o yaml` and `-o json` print them.
#[derive(Default)]
pub struct SavedLive {
    /// Keyed by group, kind, namespace (empty for none) and name.
    objects: BTreeMap<[String; 4], Vec<Json>>,
}

const NOT_SAVED: &str = "not in the saved live objects";

impl SavedLive {
    pub fn read(path: &Path) -> Result<SavedLive, LoadError> {
        let failed = |why: String| LoadError::File { path: path.display().to_string(), why };
        let objects = documents::parse(&documents::read(path)?).map_err(failed)?;
        let mut saved = SavedLive::default();
        objects.into_iter().for_each(|object| saved.add(object));
        if saved.objects.is_empty() {
            return Err(failed("it holds no Kubernetes object with kind and name".to_owned()));
        }
        Ok(saved)
    }

    fn add(&mut self, object: Json) {
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let (api_version, kind, metadata) = (text(&object["apiVersion"]), text(&object["kind"]), &object["metadata"]);
        let (namespace, name) = (text(&metadata["namespace"]), text(&metadata["name"]));
        if !kind.is_empty() && !name.is_empty() {
            let id = ObjectRef::new(&api_version, &kind, Some(&namespace), &name);
            self.objects.entry(key(&id)).or_default().push(object);
        }
    }

    fn get(&self, id: &ObjectRef) -> Result<Json, String> {
        let found = self.objects.get(&key(id)).ok_or(NOT_SAVED)?;
        let version = |object: &&Json| object["apiVersion"].as_str() == Some(id.api_version.as_str());
        found.iter().find(version).cloned().ok_or_else(|| {
            let saved = found.first().and_then(|object| object["apiVersion"].as_str()).unwrap_or_default();
            format!("saved at {saved}, and the manifest has {}", id.api_version)
        })
    }

    /// A file may not hold everything: only what is there is known.
    fn list(&self, query: &Query) -> Result<Vec<Json>, String> {
        let wanted = ObjectRef::new(&query.api_version, &query.kind, query.namespace.as_deref(), "");
        let [group, kind, namespace, _] = key(&wanted);
        let in_place =
            |key: &[String; 4]| key[0] == group && key[1] == kind && (query.namespace.is_none() || key[2] == namespace);
        let found = self.objects.iter().filter(|(key, _)| in_place(key)).flat_map(|(_, objects)| objects);
        let found: Vec<Json> = found.filter(|object| selected(object, &query.selector)).cloned().collect();
        if found.is_empty() { Err(NOT_SAVED.to_owned()) } else { Ok(found) }
    }
}

fn key(id: &ObjectRef) -> [String; 4] {
    [id.group().to_owned(), id.kind.clone(), id.namespace.clone().unwrap_or_default(), id.name.clone()]
}

/// `key=value,key!=value,…` only: that is all this program asks for.
fn selected(object: &Json, selector: &str) -> bool {
    let labels = &object["metadata"]["labels"];
    selector.split(',').filter_map(|term| term.split_once('=')).all(|(key, value)| match key.strip_suffix('!') {
        Some(key) => labels[key].as_str() != Some(value),
        None => labels[key].as_str() == Some(value),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn saved() -> Evidence {
        let mut saved = SavedLive::default();
        saved.add(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "prod", "uid": "u", "resourceVersion": "5"},
            "data": {"password": "aHVudGVyMg=="}}));
        saved.add(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "prod", "labels": {"app": "web"}}}));
        saved.add(json!({"kind": "Broken"}));
        Evidence::File(saved)
    }

    #[tokio::test]
    async fn saved_objects_are_redacted_and_others_unknown() {
        let redactor = Redactor::with_key([1; 32]);
        let evidence = saved();
        let secret = evidence.get(&ObjectRef::new("v1", "Secret", Some("prod"), "db"), &redactor).await;
        let Known::Yes(Some(secret)) = secret else { panic!("{secret:?}") };
        assert_eq!((secret.uid.as_str(), secret.resource_version.as_str()), ("u", "5"));
        assert!(!format!("{secret:?}").contains("aHVu"));
        let other = evidence.get(&ObjectRef::new("v1", "Secret", Some("prod"), "x"), &redactor).await;
        assert_eq!(other.why_not(), Some(NOT_SAVED));
        let version = evidence.get(&ObjectRef::new("apps/v1beta1", "Deployment", Some("prod"), "web"), &redactor).await;
        assert_eq!(version.why_not(), Some("saved at apps/v1, and the manifest has apps/v1beta1"));
    }

    #[tokio::test]
    async fn saved_lists_never_claim_to_be_empty() {
        let evidence = saved();
        let web = Query::all("apps/v1", "Deployment", Some("prod"));
        assert_eq!(evidence.list(&web.clone().labelled("app=web")).await.unwrap().len(), 1);
        assert_eq!(evidence.list(&web.labelled("app=db")).await.unwrap_err(), NOT_SAVED);
    }

    #[test]
    fn kinds_that_are_not_served_say_so() {
        let mut served = Served::default();
        served.broken.insert("metrics.k8s.io/v1".to_owned(), "down".to_owned());
        let served = Known::Yes(served);
        assert_eq!(resource(&served, "v1", "Widget").unwrap_err(), "not served: Widget in v1");
        assert_eq!(resource(&served, "metrics.k8s.io/v1", "X").unwrap_err(), "metrics.k8s.io/v1: down");
    }
}
