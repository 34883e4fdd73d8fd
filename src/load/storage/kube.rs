//! Records in Secrets or ConfigMaps (Helm `pkg/storage/driver/{secrets,cfgmaps}.go`).

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::probe::{self, Look};
use super::{Fetched, FetchedHead, Listing, listed};
use crate::execute::record::Author;
use crate::input::{Gap, RevisionEntry};
use crate::load::cluster::{Accept, ApiError, Cluster, escape, resource_path};
use crate::load::error::LoadError;
use crate::release::decode::{decode_payload, split_key};
use crate::release::{Status, StoredAs};

/// Which kind of object holds the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    Secrets,
    ConfigMaps,
}

impl Stored {
    /// Plural name, also the driver's name.
    pub fn plural(self) -> &'static str {
        match self {
            Stored::Secrets => "secrets",
            Stored::ConfigMaps => "configmaps",
        }
    }
}

pub struct KubeStore {
    cluster: Cluster,
    kind: Stored,
    max_record_bytes: u64,
}

/// `metadata` as far as it matters here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    name: String,
    uid: Option<String>,
    resource_version: Option<String>,
    creation_timestamp: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    managed_fields: Option<Vec<ManagedFields>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ManagedFields {
    manager: String,
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMetadata,
    /// Go writes an empty list as `null`.
    #[serde(default)]
    items: Option<Vec<Item>>,
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(rename = "continue", default)]
    next: String,
}

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
    #[serde(default)]
    data: Option<BTreeMap<String, String>>,
}

impl Metadata {
    fn stored(&self) -> StoredAs {
        StoredAs {
            key: self.name.clone(),
            uid: self.uid.clone(),
            resource_version: self.resource_version.clone(),
            status_label: self.labels.as_ref().and_then(|labels| labels.get("status")).map(|status| Status::parse(status)),
        }
    }

    fn author(&self) -> Author {
        let mut managers: Vec<&str> = self.managed_fields.iter().flatten().map(|field| field.manager.as_str()).collect();
        managers.sort_unstable();
        managers.dedup();
        Author { who: (!managers.is_empty()).then(|| managers.join(", ")), when: self.creation_timestamp.clone() }
    }
}

/// Tries to list again when a continuation has expired.
const RESTARTS: usize = 3;

impl KubeStore {
    pub fn new(cluster: Cluster, kind: Stored, max_record_bytes: u64) -> KubeStore {
        KubeStore { cluster, kind, max_record_bytes }
    }

    pub fn kind(&self) -> Stored {
        self.kind
    }

    pub fn namespace(&self) -> &str {
        self.cluster.namespace()
    }

    fn path(&self, name: Option<&str>) -> Result<String, LoadError> {
        resource_path("v1", self.kind.plural(), Some(self.namespace()), name)
            .ok_or_else(|| LoadError::Storage(format!("{:?} cannot be a namespace", self.namespace())))
    }

    fn reading(&self, verb: &str) -> String {
        format!("{verb} {} in {}", self.kind.plural(), self.namespace())
    }

    pub async fn list(&self, release: &str, hint: Option<u32>) -> Result<Listing, LoadError> {
        for _ in 0..RESTARTS {
            match self.pages(release).await {
                Ok(items) => return Ok(listing(release, items)),
                Err(ApiError::Expired) => continue,
                Err(ApiError::Forbidden(why)) => return self.probe(release, hint, why).await,
                Err(error) => return Err(error.fatal(self.cluster.route(), &self.reading("list"))),
            }
        }
        Err(ApiError::Expired.fatal(self.cluster.route(), &self.reading("list")))
    }

    async fn pages(&self, release: &str) -> Result<Vec<Metadata>, ApiError> {
        let selector = escape(&format!("owner=helm,name={release}"));
        let base = self.path(None).map_err(|error| ApiError::Malformed(error.to_string()))?;
        let (mut items, mut next) = (Vec::new(), String::new());
        loop {
            let mut path = format!("{base}?labelSelector={selector}&limit=500");
            if !next.is_empty() {
                path.push_str(&format!("&continue={}", escape(&next)));
            }
            let page: Page = self.cluster.get_json(&path, Accept::MetadataList).await?;
            items.extend(page.items.unwrap_or_default().into_iter().map(|item| item.metadata));
            next = page.metadata.next;
            if next.is_empty() {
                return Ok(items);
            }
        }
    }

    /// Without the right to list: asks for one key after the other.
    async fn probe(&self, release: &str, hint: Option<u32>, denied: String) -> Result<Listing, LoadError> {
        let found = probe::probe(hint, |revision| self.look(release, revision)).await;
        let found = found.map_err(|error| error.fatal(self.cluster.route(), &self.reading("get")))?;
        if found.seen.is_empty() && found.denied > 0 {
            return Err(LoadError::Forbidden { what: self.reading("list"), why: denied });
        }
        let mut listing = listing(release, found.seen.into_values().collect());
        let reason = format!("forbidden: {}", self.reading("list"));
        let what = format!(
            "revisions other than {}: they cannot be listed, numbers {} were tried one by one",
            found.range, found.searched
        );
        let mut gap = Gap::new(what, reason).affecting("forecast");
        if found.denied > 0 {
            // Rights on single names: a newer revision may be there and not be ours to see.
            gap = gap.blocking();
        }
        listing.gaps.push(gap);
        Ok(listing)
    }

    async fn look(&self, release: &str, revision: u32) -> Result<Look<Metadata>, ApiError> {
        let name = format!("sh.helm.release.v1.{release}.v{revision}");
        let path = self.path(Some(&name)).map_err(|error| ApiError::Malformed(error.to_string()))?;
        match self.cluster.get_json::<Item>(&path, Accept::Metadata).await {
            Ok(item) => Ok(Look::Found(item.metadata)),
            Err(ApiError::NotFound(_)) => Ok(Look::Missing),
            Err(ApiError::Forbidden(_)) => Ok(Look::Denied),
            Err(error) => Err(error),
        }
    }

    pub async fn fetch(&self, entry: &RevisionEntry) -> Result<Fetched, LoadError> {
        let object = self.object(entry).await?;
        let (stored, payload) = (object.metadata.stored(), self.payload(&object));
        drop(object);
        let record = payload.and_then(|text| decode_payload(&text, self.max_record_bytes).map_err(|error| error.to_string()));
        Ok(Fetched { stored, record })
    }

    /// As [`KubeStore::fetch`], keeping only the head; decoded on a thread of its own.
    pub async fn fetch_head(&self, entry: &RevisionEntry) -> Result<FetchedHead, LoadError> {
        let object = self.object(entry).await?;
        let stored = object.metadata.stored();
        let record = super::head_of(self.payload(&object), self.max_record_bytes).await;
        Ok(FetchedHead { stored, record })
    }

    async fn object(&self, entry: &RevisionEntry) -> Result<Object, LoadError> {
        let path = self.path(Some(&entry.stored.key))?;
        match self.cluster.get_json(&path, Accept::Json).await {
            Ok(object) => Ok(object),
            Err(ApiError::NotFound(_)) => Err(LoadError::RecordGone { revision: entry.revision }),
            Err(error) => Err(error.fatal(self.cluster.route(), &self.reading("get"))),
        }
    }

    fn payload(&self, object: &Object) -> Result<Vec<u8>, String> {
        let text = object.data.as_ref().and_then(|data| data.get("release")).ok_or("it has no data key \"release\"")?;
        match self.kind {
            Stored::ConfigMaps => Ok(text.clone().into_bytes()),
            // Kubernetes' own base64 around Helm's.
            Stored::Secrets => STANDARD.decode(text).map_err(|_| "its data is not base64".to_owned()),
        }
    }
}

/// Keys of other forms than Helm's own are reported, not dropped.
fn listing(release: &str, items: Vec<Metadata>) -> Listing {
    let mut listing = Listing::default();
    for metadata in items {
        match split_key(&metadata.name) {
            Some((name, revision)) if name == release => {
                listing.authors.insert(revision, metadata.author());
                listing.entries.push(listed(revision, metadata.stored()));
            }
            _ => listing.gaps.push(Gap::new(
                format!("storage object {:?}", metadata.name),
                "it has Helm's labels for this release but not the name of a record of it",
            )),
        }
    }
    listing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(name: &str, status: &str) -> Metadata {
        let text = format!(
            r#"{{"name":"{name}","uid":"u","resourceVersion":"7","labels":{{"status":"{status}","version":"2"}},
            "creationTimestamp":"2026-01-01T00:00:00Z","managedFields":[{{"manager":"helm"}},{{"manager":"helm"}}]}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn an_empty_list_is_null() {
        let page: Page = serde_json::from_str(r#"{"kind":"PartialObjectMetadataList","metadata":{},"items":null}"#).unwrap();
        assert!(page.items.is_none());
    }

    #[test]
    fn names_with_dots_and_versions_inside() {
        let listing =
            listing("a.v2", vec![metadata("sh.helm.release.v1.a.v2.v3", "deployed"), metadata("sh.helm.release.v1.a.v2", "x")]);
        assert_eq!(listing.entries.len(), 1);
        let entry = &listing.entries[0];
        assert_eq!((entry.revision, entry.status()), (3, Status::Deployed));
        assert_eq!(entry.stored.uid.as_deref(), Some("u"));
        assert_eq!(listing.gaps.len(), 1);
        assert_eq!(listing.authors[&3].who.as_deref(), Some("helm"));
    }
}
