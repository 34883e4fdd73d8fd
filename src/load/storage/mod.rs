//! Helm's release storage: which revisions there are, and their records.

pub mod kube;
pub mod postgres;
pub mod probe;
pub mod saved;
pub mod sql;

use std::collections::BTreeMap;

use self::kube::{KubeStore, Stored};
use self::saved::SavedStore;
use self::sql::SqlStore;
use super::cluster::Cluster;
use super::error::LoadError;
use super::kubeconfig;
use crate::execute::record::Author;
use crate::input::{Gap, RevisionEntry};
use crate::release::decode::{RawHead, RawRecord, decode_head};
use crate::release::redact::Redactor;
use crate::release::{Head, StoredAs};
use crate::settings::{Driver, LoadOptions, Source};

/// Where the records of one release are.
pub enum Store {
    Kube(KubeStore),
    Sql(SqlStore),
    Saved(SavedStore),
}

/// The revisions that exist, oldest first, without their payloads.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    pub entries: Vec<RevisionEntry>,
    pub gaps: Vec<Gap>,
    /// Who wrote the storage objects, as far as they tell.
    pub authors: BTreeMap<u32, Author>,
}

/// One record that was read.
pub struct Fetched {
    pub stored: StoredAs,
    /// Why it cannot be decoded, in words.
    pub record: Result<RawRecord, String>,
}

impl Fetched {
    /// Without what only `show` and `diff` read.
    pub fn for_release(self) -> Self {
        Fetched { record: self.record.map(RawRecord::for_release), ..self }
    }
}

/// The head of one record that was read.
pub struct FetchedHead {
    pub stored: StoredAs,
    /// Why it cannot be decoded, in words.
    pub record: Result<RawHead, String>,
}

/// Inflating is most of the work of a history, and threads share it.
async fn head_of(payload: Result<Vec<u8>, String>, limit: u64) -> Result<RawHead, String> {
    let text = payload?;
    let decoded = tokio::task::spawn_blocking(move || decode_head(&text, limit)).await;
    decoded.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

impl Store {
    /// Opens the storage that the options name. `cluster` must be given for drivers that live in one.
    pub async fn open(options: &LoadOptions, cluster: Option<&Cluster>) -> Result<Store, LoadError> {
        let kube = |kind| match cluster {
            Some(cluster) => Ok(Store::Kube(KubeStore::new(cluster.clone(), kind, options.max_record_bytes))),
            None => Err(LoadError::Storage("this storage needs a cluster".to_owned())),
        };
        match &options.source {
            Source::Driver(Driver::Secrets) => kube(Stored::Secrets),
            Source::Driver(Driver::ConfigMaps) => kube(Stored::ConfigMaps),
            Source::Driver(Driver::Sql { connection }) => {
                let namespace = kubeconfig::namespace(&options.kube);
                SqlStore::connect(connection, namespace, options.max_record_bytes).await.map(Store::Sql)
            }
            Source::Driver(Driver::Memory { files }) => SavedStore::memory(files, options).map(Store::Saved),
            Source::File(path) => SavedStore::file(path, options).map(Store::Saved),
            Source::Stdin => SavedStore::stdin(options).map(Store::Saved),
            Source::Rendered { .. } => Err(LoadError::Storage("rendered manifests are no records".to_owned())),
        }
    }

    /// As in [`crate::input::Input::driver`].
    pub fn driver(&self) -> &'static str {
        match self {
            Store::Kube(store) => store.kind().plural(),
            Store::Sql(_) => "sql",
            Store::Saved(store) => store.driver(),
        }
    }

    /// Plural of the kind that holds the records, where a cluster holds them.
    pub fn records_kind(&self) -> Option<&'static str> {
        match self {
            Store::Kube(store) => Some(store.kind().plural()),
            Store::Sql(_) | Store::Saved(_) => None,
        }
    }

    /// Namespace of the storage objects.
    pub fn namespace(&self) -> &str {
        match self {
            Store::Kube(store) => store.namespace(),
            Store::Sql(store) => store.namespace(),
            Store::Saved(store) => store.namespace(),
        }
    }

    /// All revisions of the release. `hint` is a revision that is thought to exist, for storages that cannot be listed.
    pub async fn list(&self, release: &str, hint: Option<u32>) -> Result<Listing, LoadError> {
        let mut listing = match self {
            Store::Kube(store) => store.list(release, hint).await?,
            Store::Sql(store) => store.list(release).await?,
            Store::Saved(store) => store.list(),
        };
        listing.entries.sort_by_key(|entry| entry.revision);
        if listing.entries.is_empty() {
            let place = match self {
                Store::Kube(_) => format!("namespace {:?} ({} storage)", self.namespace(), self.driver()),
                Store::Sql(_) => format!("namespace {:?} of the SQL storage", self.namespace()),
                Store::Saved(store) => store.place(),
            };
            let hint = listing.gaps.first().map(|gap| gap.why.clone());
            return Err(LoadError::NoSuchRelease { release: release.to_owned(), place, hint });
        }
        Ok(listing)
    }

    /// Reads one record. A record that cannot be decoded is an answer, not an error.
    pub async fn fetch(&self, entry: &RevisionEntry) -> Result<Fetched, LoadError> {
        match self {
            Store::Kube(store) => store.fetch(entry).await,
            Store::Sql(store) => store.fetch(entry).await,
            Store::Saved(store) => store.fetch(entry),
        }
    }

    /// Reads the head of one record, redacted: what a history shows.
    pub async fn fetch_head(
        &self,
        entry: &RevisionEntry,
        redactor: &Redactor,
    ) -> Result<(StoredAs, Result<Head, String>), LoadError> {
        let fetched = match self {
            Store::Kube(store) => store.fetch_head(entry).await?,
            Store::Sql(store) => store.fetch_head(entry).await?,
            Store::Saved(store) => {
                let Fetched { stored, record } = store.fetch(entry)?;
                return Ok((stored, record.map(|raw| raw.head(redactor))));
            }
        };
        Ok((fetched.stored, fetched.record.map(|raw| raw.head(redactor))))
    }

    /// For several looks at one release: what was read once can be read again.
    pub fn keep(&mut self) {
        if let Store::Saved(store) = self {
            store.keep();
        }
    }
}

/// An entry of which only the storage object's metadata is known.
fn listed(revision: u32, stored: StoredAs) -> RevisionEntry {
    RevisionEntry { revision, stored, record: None, undecodable: None }
}
