//! Which records are needed, and reading just those.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};

use super::error::LoadError;
use super::storage::{Fetched, Listing, Store};
use crate::forecast::target::{self, Decision};
use crate::input::{Between, Gap, Residue, RevisionEntry, TargetChoice};
use crate::k8s::scope::Scopes;
use crate::release::manifest::ParseContext;
use crate::release::decode::RawRecord;
use crate::release::redact::Redactor;
use crate::release::{Object, ObjectRef, Release, Revision, Status, StoredAs};
use crate::settings::{LoadOptions, TargetRequest};

/// Records read and held at once while those between are streamed.
const IN_FLIGHT: usize = 4;
/// How far below a failed *from* leftovers are looked for.
const MAX_RESIDUE: usize = 10;

/// The release's history, the chosen target, and the raw records read so far.
pub struct Records {
    store: Store,
    listing: Listing,
    raw: BTreeMap<Revision, (StoredAs, RawRecord)>,
    target: TargetChoice,
    redactor: Redactor,
}

/// Everything of the records, parsed and redacted.
pub struct Parsed {
    pub from: Release,
    pub to: Release,
    pub between: Vec<Between>,
    pub residue: Vec<Residue>,
    pub target: TargetChoice,
}

impl Records {
    /// Lists the history and reads records until the target is found.
    pub async fn choose(store: Store, options: &LoadOptions, redactor: &Redactor) -> Result<Records, LoadError> {
        let hint = match options.target {
            TargetRequest::Revision(revision) => Some(revision),
            TargetRequest::Best | TargetRequest::HelmDefault => None,
        };
        let listing = store.list(&options.release, hint).await?;
        let unchosen = TargetChoice { revision: 0, requested: false, helm_default: None, skipped: Vec::new(), reason: String::new() };
        let mut records = Records { store, listing, raw: BTreeMap::new(), target: unchosen, redactor: redactor.clone() };
        records.find_target(options).await?;
        Ok(records)
    }

    async fn find_target(&mut self, options: &LoadOptions) -> Result<(), LoadError> {
        let newest = self.listing.entries.last().map(|entry| entry.revision);
        let mut wanted: Vec<Revision> = newest.into_iter().collect();
        if let TargetRequest::Revision(revision) = options.target {
            wanted.extend((Some(revision) != newest && self.entry(revision).is_some()).then_some(revision));
        }
        loop {
            self.read(&wanted).await?;
            let none = |why| LoadError::NoTarget { release: options.release.clone(), why };
            match target::choose(options.target, &self.listing.entries).map_err(none)? {
                Decision::Chosen(choice) => {
                    self.target = choice;
                    return Ok(());
                }
                Decision::NeedsRecords(revisions) => wanted = revisions,
            }
        }
    }

    fn entry(&self, revision: Revision) -> Option<&RevisionEntry> {
        self.listing.entries.iter().find(|entry| entry.revision == revision)
    }

    /// Reads these records in parallel and keeps them.
    async fn read(&mut self, revisions: &[Revision]) -> Result<(), LoadError> {
        let entries: Vec<RevisionEntry> =
            revisions.iter().filter(|revision| !self.raw.contains_key(revision)).filter_map(|revision| self.entry(*revision)).cloned().collect();
        let store = &self.store;
        let answers: Vec<(Revision, Result<Fetched, LoadError>)> =
            stream::iter(entries).map(|entry| async move { (entry.revision, store.fetch(&entry).await) }).buffer_unordered(IN_FLIGHT).collect().await;
        for (revision, answer) in answers {
            self.keep(revision, answer?);
        }
        Ok(())
    }

    fn keep(&mut self, revision: Revision, fetched: Fetched) {
        let Some(entry) = self.listing.entries.iter_mut().find(|entry| entry.revision == revision) else {
            return;
        };
        match fetched.record {
            Ok(raw) => {
                entry.record = Some(raw.info(&self.redactor));
                self.raw.insert(revision, (fetched.stored, raw));
            }
            Err(why) => entry.undecodable = Some(why),
        }
    }

    /// Parses *from* and *to*, and streams what is needed of the records between and below.
    pub async fn parse(&mut self, mut scopes: Scopes, redactor: &Redactor) -> Result<Parsed, LoadError> {
        let from = self.listing.entries.last().map_or(0, |entry| entry.revision);
        let to = self.target.revision;
        self.read(&[from, to]).await?;
        let namespace = self.store.namespace().to_owned();
        let from_release = self.release(from, &namespace, &mut scopes, redactor)?;
        let to_release = if to == from { from_release.clone() } else { self.release(to, &namespace, &mut scopes, redactor)? };
        let context = ParseContext { default_namespace: &namespace, scopes: &scopes, redactor };
        let between = self.between(to, from, &context).await?;
        let residue = self.residue(&from_release, &context).await;
        Ok(Parsed { from: from_release, to: to_release, between, residue, target: self.target.clone() })
    }

    fn release(&mut self, revision: Revision, namespace: &str, scopes: &mut Scopes, redactor: &Redactor) -> Result<Release, LoadError> {
        let Some((stored, raw)) = self.raw.remove(&revision) else {
            let why = self.entry(revision).and_then(|entry| entry.undecodable.clone());
            return Err(LoadError::CorruptRecord { revision, why: why.unwrap_or_else(|| "it was not read".to_owned()) });
        };
        let mut release = raw.into_release(stored, &ParseContext { default_namespace: namespace, scopes, redactor });
        scopes.learn_crds(&release.objects);
        let objects = release.objects.iter_mut().chain(release.hooks.iter_mut().filter_map(|hook| hook.object.as_mut()));
        objects.for_each(|object| rescope(object, scopes));
        // A record saved without its namespace or name is still the one that was asked for.
        if release.namespace.is_empty() {
            release.namespace = namespace.to_owned();
        }
        Ok(release)
    }

    /// Records strictly between, oldest first: each is reduced to what ran and dropped.
    async fn between(&mut self, to: Revision, from: Revision, context: &ParseContext<'_>) -> Result<Vec<Between>, LoadError> {
        let mut between = Vec::new();
        let wanted: Vec<RevisionEntry> =
            self.listing.entries.iter().filter(|entry| entry.revision > to && entry.revision < from).cloned().collect();
        let (read, unread): (Vec<RevisionEntry>, Vec<RevisionEntry>) = wanted.into_iter().partition(|entry| self.raw.contains_key(&entry.revision));
        for entry in read {
            if let Some((_, raw)) = self.raw.remove(&entry.revision) {
                between.push(raw.into_between(context));
            }
        }
        let store = &self.store;
        let mut answers =
            stream::iter(unread).map(|entry| async move { (entry.revision, store.fetch(&entry).await) }).buffer_unordered(IN_FLIGHT);
        let mut seen = Vec::new();
        while let Some((revision, answer)) = answers.next().await {
            match answer?.record {
                Ok(raw) => {
                    seen.push((revision, Ok(raw.info(&self.redactor))));
                    between.push(raw.into_between(context));
                }
                Err(why) => seen.push((revision, Err(why))),
            }
        }
        drop(answers);
        seen.into_iter().for_each(|(revision, info)| self.note(revision, info));
        between.sort_by_key(|record| record.revision);
        Ok(between)
    }

    fn note(&mut self, revision: Revision, info: Result<crate::input::RevisionInfo, String>) {
        if let Some(entry) = self.listing.entries.iter_mut().find(|entry| entry.revision == revision) {
            match info {
                Ok(info) => entry.record = Some(info),
                Err(why) => entry.undecodable = Some(why),
            }
        }
    }

    /// Objects of the records below a *from* that did not work, down to the newest one that did.
    async fn residue(&self, from: &Release, context: &ParseContext<'_>) -> Vec<Residue> {
        let mut residue = Vec::new();
        if worked(from.status, &from.description) {
            return residue;
        }
        let below = self.listing.entries.iter().rev().filter(|entry| entry.revision < from.revision).take(MAX_RESIDUE);
        for entry in below {
            let Ok(fetched) = self.store.fetch(entry).await else { break };
            let Ok(raw) = fetched.record else { break };
            let release = raw.into_release(fetched.stored, context);
            let objects: Vec<ObjectRef> = release.objects.into_iter().map(|object| object.id).collect();
            residue.push(Residue { revision: entry.revision, objects });
            if worked(release.status, &release.description) {
                break;
            }
        }
        residue
    }

    /// What could not be seen of the history.
    pub fn gaps(&self) -> Vec<Gap> {
        let mut gaps = self.listing.gaps.clone();
        let range = self.target.revision..=self.listing.entries.last().map_or(0, |entry| entry.revision);
        for entry in &self.listing.entries {
            if let Some(why) = &entry.undecodable {
                let gap = Gap::new(format!("record of revision {}", entry.revision), why.clone()).affecting("migration-stays");
                gaps.push(if range.contains(&entry.revision) { gap.blocking() } else { gap });
            }
        }
        gaps
    }

    pub fn driver(&self) -> &'static str {
        self.store.driver()
    }

    pub fn namespace(&self) -> &str {
        self.store.namespace()
    }

    pub fn history(&self) -> Vec<RevisionEntry> {
        self.listing.entries.clone()
    }
}

/// Deployed, or superseded after having been; a failed record may be forced to `superseded` and keeps its failure text.
fn worked(status: Status, description: &str) -> bool {
    matches!(status, Status::Deployed | Status::Superseded) && !crate::analyze::release::says_it_failed(description)
}

/// A definition further down in the manifests tells the scope of kinds that stood before it.
fn rescope(object: &mut Object, scopes: &Scopes) {
    if scopes.namespaced(&object.id.api_version, &object.id.kind) == Some(false) {
        object.id.namespace = None;
    }
}
