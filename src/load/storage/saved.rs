//! Records from files and standard input, and Helm's memory driver (`HELM_MEMORY_DRIVER_DATA`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{Fetched, Listing, listed};
use crate::input::{Gap, RevisionEntry};
use crate::load::documents::{self, MAX_FILE};
use crate::load::error::LoadError;
use crate::load::kubeconfig;
use crate::release::decode::{RawRecord, split_key};
use crate::release::saved::{SavedRecord, parse_saved};
use crate::release::{Revision, Status};
use crate::settings::LoadOptions;

pub struct SavedStore {
    driver: &'static str,
    namespace: String,
    place: String,
    /// A record is handed out once, unless it is kept: it is large.
    records: Mutex<BTreeMap<Revision, SavedRecord>>,
    keeps: bool,
    listing: Listing,
}

impl SavedStore {
    /// The namespace counts as for Helm: records of others are not seen.
    pub fn memory(files: &[PathBuf], options: &LoadOptions) -> Result<SavedStore, LoadError> {
        let namespace = kubeconfig::namespace(&options.kube);
        let mut records = Vec::new();
        for path in files {
            let text = documents::read(path)?;
            records.extend(records_in(&text, path, options, &namespace)?);
        }
        let place = format!("namespace {namespace:?} of the memory storage (HELM_MEMORY_DRIVER_DATA)");
        Ok(SavedStore::new("memory", namespace, place, records))
    }

    pub fn file(path: &Path, options: &LoadOptions) -> Result<SavedStore, LoadError> {
        SavedStore::text(&documents::read(path)?, path, options)
    }

    pub fn stdin(options: &LoadOptions) -> Result<SavedStore, LoadError> {
        let path = Path::new("standard input");
        let failed = |why: String| LoadError::File { path: "standard input".to_owned(), why };
        let mut text = Vec::new();
        std::io::stdin().lock().take(MAX_FILE + 1).read_to_end(&mut text).map_err(|error| failed(error.to_string()))?;
        if u64::try_from(text.len()).is_ok_and(|size| size > MAX_FILE) {
            return Err(failed(format!("more than the limit of {MAX_FILE} bytes")));
        }
        SavedStore::text(&text, path, options)
    }

    /// A file may come from any namespace: the one asked for is preferred, a single other one is taken.
    fn text(text: &[u8], path: &Path, options: &LoadOptions) -> Result<SavedStore, LoadError> {
        let wanted = kubeconfig::namespace(&options.kube);
        let mut records = records_in(text, path, options, &wanted)?;
        if records.is_empty() {
            records = records_in(text, path, options, "")?;
        }
        let namespaces: BTreeSet<&str> = records.iter().filter_map(namespace_of).collect();
        if namespaces.len() > 1 {
            let names = namespaces.into_iter().collect::<Vec<_>>().join(", ");
            let why = format!("it holds release {:?} of several namespaces ({names}); choose one with -n", options.release);
            return Err(LoadError::File { path: path.display().to_string(), why });
        }
        let namespace = namespaces.first().map_or(wanted, |name| (*name).to_owned());
        Ok(SavedStore::new("files", namespace, path.display().to_string(), records))
    }

    fn new(driver: &'static str, namespace: String, place: String, found: Vec<SavedRecord>) -> SavedStore {
        let mut records = BTreeMap::new();
        let mut listing = Listing::default();
        for record in found {
            let Some(revision) = revision_of(&record) else {
                listing.gaps.push(Gap::new(
                    format!("record {:?}", record.stored.key),
                    "neither its name nor its content tells a revision",
                ));
                continue;
            };
            if !record.lacks.is_empty() {
                listing.gaps.push(Gap::new(
                    format!("parts of revision {revision}"),
                    format!("this kind of dump lacks: {}", record.lacks.join(", ")),
                ));
            }
            if records.insert(revision, record).is_some() {
                listing.gaps.push(
                    Gap::new(format!("revision {revision}"), "it is there more than once; the last one was taken")
                        .affecting("forecast"),
                );
            }
        }
        listing.entries = records.iter().map(|(revision, record)| listed(*revision, record.stored.clone())).collect();
        SavedStore { driver, namespace, place, records: Mutex::new(records), keeps: false, listing }
    }

    pub fn driver(&self) -> &'static str {
        self.driver
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    pub fn place(&self) -> String {
        self.place.clone()
    }

    pub fn list(&self) -> Listing {
        self.listing.clone()
    }

    pub fn fetch(&self, entry: &RevisionEntry) -> Result<Fetched, LoadError> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let saved = if self.keeps { records.get(&entry.revision).cloned() } else { records.remove(&entry.revision) };
        let saved = saved.ok_or(LoadError::RecordGone { revision: entry.revision })?;
        Ok(Fetched { stored: saved.stored, record: saved.record.map_err(|error| error.to_string()) })
    }

    /// The status that a record tells: only saved Secrets and ConfigMaps have labels.
    pub fn status(&self, revision: Revision) -> Option<Status> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.get(&revision)?.record.as_ref().ok().map(RawRecord::status)
    }

    /// For several looks at one release: records can be asked for again.
    pub fn keep(&mut self) {
        self.keeps = true;
    }
}

fn records_in(text: &[u8], path: &Path, options: &LoadOptions, namespace: &str) -> Result<Vec<SavedRecord>, LoadError> {
    parse_saved(text, &options.release, namespace, options.max_record_bytes)
        .map_err(|error| LoadError::File { path: path.display().to_string(), why: error.to_string() })
}

fn revision_of(record: &SavedRecord) -> Option<Revision> {
    let from_key = || split_key(&record.stored.key).map(|(_, revision)| revision);
    let from_payload = || record.record.as_ref().ok().map(|raw| raw.revision()).filter(|n| *n > 0);
    from_key().or_else(from_payload)
}

fn namespace_of(record: &SavedRecord) -> Option<&str> {
    record.record.as_ref().ok().map(|raw| raw.namespace()).filter(|name| !name.is_empty())
}
