//! What `history`, `show` and `diff` read: records, and nothing of the cluster besides.

use futures::future::join_all;

use super::error::LoadError;
use super::storage::{Fetched, Store};
use super::{Place, Progress, gather_at};
use crate::forecast::target::NoTarget;
use crate::input::{Gap, Input, RevisionEntry};
use crate::k8s::scope::Scopes;
use crate::release::manifest::ParseContext;
use crate::release::redact::Redactor;
use crate::release::{Head, Inspected, Revision};
use crate::settings::{LoadOptions, TargetRequest};

/// The revisions of a release.
pub struct Listed {
    pub driver: &'static str,
    pub namespace: String,
    /// All that exist, oldest first; what was read of the newest is entered.
    pub entries: Vec<RevisionEntry>,
    /// Of the records that were read, oldest first.
    pub heads: Vec<(Revision, Head)>,
    pub gaps: Vec<Gap>,
}

/// One release, for several looks at it: one connection, and what was read once is not read again.
pub struct Session {
    place: Place,
}

impl Session {
    /// Opens the storage. For several looks everything that is read is remembered.
    pub async fn open(options: &LoadOptions, redactor: &Redactor, several_looks: bool) -> anyhow::Result<Session> {
        let place = Place::open_for(options, several_looks).await;
        Ok(Session { place: place.map_err(|error| error.scrubbed(redactor))? })
    }

    /// The listing, with the heads of the newest `count` records, which are read in parallel.
    pub async fn listed(&self, options: &LoadOptions, redactor: &Redactor, count: usize) -> anyhow::Result<Listed> {
        listed(&self.place.store, options, redactor, count).await.map_err(|error| error.scrubbed(redactor).into())
    }

    /// Everything that a report on going back to this revision needs.
    pub async fn input(&self, options: &LoadOptions, redactor: &Redactor, target: Revision) -> anyhow::Result<Input> {
        let options = LoadOptions { target: TargetRequest::Revision(target), ..options.clone() };
        gather_at(&self.place, &options, redactor, &() as &dyn Progress).await.map_err(|error| error.scrubbed(redactor).into())
    }

    /// These records, parsed; none stands for the newest.
    pub async fn records(
        &self,
        options: &LoadOptions,
        redactor: &Redactor,
        wanted: &[Option<Revision>],
    ) -> anyhow::Result<Vec<Inspected>> {
        records(&self.place.store, options, redactor, wanted).await.map_err(|error| error.scrubbed(redactor).into())
    }

    /// As in [`crate::input::Input::driver`].
    pub fn driver(&self) -> &'static str {
        self.place.store.driver()
    }

    pub fn namespace(&self) -> &str {
        self.place.store.namespace()
    }
}

async fn listed(store: &Store, options: &LoadOptions, redactor: &Redactor, count: usize) -> Result<Listed, LoadError> {
    let mut listing = store.list(&options.release, None).await?;
    if let Store::Saved(saved) = store {
        let unlabelled = listing.entries.iter_mut().filter(|entry| entry.stored.status_label.is_none());
        unlabelled.for_each(|entry| entry.stored.status_label = saved.status(entry.revision));
    }
    let older = listing.entries.len().saturating_sub(count);
    let newest = listing.entries.iter_mut().skip(older);
    let answers = join_all(newest.map(async |entry| (store.fetch_head(entry, redactor).await, entry))).await;
    let mut heads = Vec::new();
    for (answer, entry) in answers {
        let (stored, head) = match answer {
            Ok(answer) => answer,
            Err(gone @ LoadError::RecordGone { .. }) => (entry.stored.clone(), Err(gone.to_string())),
            Err(error) => return Err(error),
        };
        entry.stored = stored;
        match head {
            Ok(head) => {
                listing.gaps.extend(other_number(entry.revision, head.revision));
                entry.record = Some(head.info.clone());
                heads.push((entry.revision, head));
            }
            Err(why) => entry.undecodable = Some(why),
        }
    }
    let (driver, namespace) = (store.driver(), store.namespace().to_owned());
    Ok(Listed { driver, namespace, entries: listing.entries, heads, gaps: listing.gaps })
}

fn other_number(listed: Revision, named: Revision) -> Option<Gap> {
    let differs = listed != named;
    differs.then(|| Gap::new(format!("revision {listed}"), format!("its payload says that it is revision {named}")))
}

async fn records(
    store: &Store,
    options: &LoadOptions,
    redactor: &Redactor,
    wanted: &[Option<Revision>],
) -> Result<Vec<Inspected>, LoadError> {
    let listing = store.list(&options.release, wanted.iter().copied().flatten().next()).await?;
    let entries = wanted.iter().map(|revision| find(&listing.entries, *revision, &options.release));
    let entries: Vec<&RevisionEntry> = entries.collect::<Result<_, _>>()?;
    let answers = join_all(entries.iter().map(|entry| store.fetch(entry))).await;
    let scopes = Scopes::builtin();
    let context = ParseContext { default_namespace: store.namespace(), scopes: &scopes, redactor };
    let mut records = Vec::new();
    for (answer, entry) in answers.into_iter().zip(entries) {
        let Fetched { stored, record } = answer?;
        let raw = record.map_err(|why| LoadError::CorruptRecord { revision: entry.revision, why })?;
        let gap = other_number(entry.revision, raw.revision());
        let mut inspected = raw.into_inspected(stored, &context);
        // Where key and payload disagree, the key is what was listed and asked for.
        inspected.release.revision = entry.revision;
        inspected.release.gaps.extend(gap);
        inspected.release.description = redactor.text(&inspected.release.description);
        inspected.release.notes = redactor.text(&inspected.release.notes);
        records.push(inspected);
    }
    Ok(records)
}

/// The entry of a revision, of the newest where none is named.
fn find<'e>(entries: &'e [RevisionEntry], wanted: Option<Revision>, release: &str) -> Result<&'e RevisionEntry, LoadError> {
    let found = match wanted {
        None => entries.last(),
        Some(revision) => entries.iter().find(|entry| entry.revision == revision),
    };
    found.ok_or_else(|| {
        let existing = entries.iter().map(|entry| entry.revision).collect();
        LoadError::NoTarget { release: release.to_owned(), why: NoTarget::Missing { wanted: wanted.unwrap_or(0), existing } }
    })
}
