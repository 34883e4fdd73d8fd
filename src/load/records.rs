//! From the listing to the records of a comparison: the target is chosen, *from* and *to* are parsed, what lies between
//! is streamed.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use super::error::LoadError;
use super::storage::{Fetched, Listing, Store};
use crate::forecast::target::{self, Decision};
use crate::input::{Between, Gap, Residue, RevisionEntry, TargetChoice};
use crate::release::chart_files;
use crate::release::decode::RawRecord;
use crate::release::manifest::ParseContext;
use crate::release::redact::Redactor;
use crate::release::{Object, ObjectRef, Release, Revision, Status, StoredAs};
use crate::settings::{LoadOptions, TargetRequest};

/// Records between that are held undigested at once.
const CHUNK: usize = 4;
/// Records looked at for what failed attempts left.
const MAX_RESIDUE: usize = 12;

/// The history of one release with the payloads read so far.
pub struct History<'a> {
    store: &'a Store,
    redactor: &'a Redactor,
    pub entries: Vec<RevisionEntry>,
    raw: BTreeMap<Revision, RawRecord>,
    pub gaps: Vec<Gap>,
}

/// Both ends of the comparison.
pub struct Ends {
    pub from: Release,
    pub to: Release,
}

/// What lies around them.
#[derive(Default)]
pub struct Around {
    /// Oldest first.
    pub between: Vec<Between>,
    /// Newest first.
    pub residue: Vec<Residue>,
}

impl<'a> History<'a> {
    /// Lists the revisions.
    pub async fn list(store: &'a Store, options: &LoadOptions, redactor: &'a Redactor) -> Result<History<'a>, LoadError> {
        let hint = match options.target {
            TargetRequest::Revision(revision) => Some(revision),
            _ => None,
        };
        let listing = store.list(&options.release, hint).await?;
        Ok(History::of(store, listing, redactor))
    }

    /// A listing that was read already.
    pub fn of(store: &'a Store, listing: Listing, redactor: &'a Redactor) -> History<'a> {
        History { store, redactor, entries: listing.entries, raw: BTreeMap::new(), gaps: listing.gaps }
    }

    /// Chooses the target and reads what that takes; at the end the payloads of *from* and the target are there.
    pub async fn choose(&mut self, options: &LoadOptions) -> Result<TargetChoice, LoadError> {
        let refused = |why| LoadError::NoTarget { release: options.release.clone(), why };
        let choice = loop {
            match target::choose(options.target, &self.entries).map_err(refused)? {
                Decision::Chosen(choice) => break choice,
                Decision::NeedsRecords(wanted) => self.read(&wanted).await?,
            }
            self.usable(self.newest())?;
        };
        self.read(&[self.newest(), choice.revision]).await?;
        self.usable(self.newest())?;
        self.usable(choice.revision)?;
        Ok(choice)
    }

    fn newest(&self) -> Revision {
        self.entries.last().map_or(0, |entry| entry.revision)
    }

    fn usable(&self, revision: Revision) -> Result<(), LoadError> {
        match self.entries.iter().find(|entry| entry.revision == revision).and_then(|entry| entry.undecodable.clone()) {
            Some(why) => Err(LoadError::CorruptRecord { revision, why }),
            None => Ok(()),
        }
    }

    /// Reads the payloads of these revisions that were not read yet, in parallel.
    async fn read(&mut self, wanted: &[Revision]) -> Result<(), LoadError> {
        let (store, release_gaps) = (self.store, &mut self.gaps);
        let missing = |entry: &&mut RevisionEntry| {
            wanted.contains(&entry.revision) && entry.record.is_none() && entry.undecodable.is_none()
        };
        let entries: Vec<&mut RevisionEntry> = self.entries.iter_mut().filter(missing).collect();
        let answers =
            join_all(entries.into_iter().map(async |entry| (store.fetch(entry).await.map(Fetched::for_release), entry))).await;
        for (answer, entry) in answers {
            match answer {
                Ok(fetched) => {
                    if let Some(raw) = note(entry, fetched, self.redactor, release_gaps) {
                        self.raw.insert(entry.revision, raw);
                    }
                }
                Err(gone @ LoadError::RecordGone { .. }) => entry.undecodable = Some(gone.to_string()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads payloads of the newest revisions, for their `info` only.
    pub async fn read_infos(&mut self, wanted: &[Revision]) -> Result<(), LoadError> {
        self.read(wanted).await?;
        self.raw.clear();
        Ok(())
    }

    /// Parses both ends. Call after [`History::choose`].
    pub fn ends(&mut self, choice: &TargetChoice, context: &ParseContext<'_>) -> Result<Ends, LoadError> {
        let newest = self.newest();
        let from = self.take(newest, context)?;
        let to = if choice.revision == newest { from.clone() } else { self.take(choice.revision, context)? };
        Ok(Ends { from, to })
    }

    /// Reads, newest first, what has no label that tells its status, until a deployed revision is found.
    pub async fn read_statuses(&mut self) -> Result<(), LoadError> {
        let revisions: Vec<Revision> = self.entries.iter().map(|entry| entry.revision).rev().collect();
        for chunk in revisions.chunks(CHUNK) {
            let unlabelled = |n: &Revision| self.entry(*n).is_some_and(|entry| entry.stored.status_label.is_none());
            let wanted: Vec<Revision> = chunk.iter().copied().filter(unlabelled).collect();
            self.read(&wanted).await?;
            if chunk.iter().any(|n| self.entry(*n).is_some_and(|entry| entry.status() == Status::Deployed)) {
                break;
            }
        }
        Ok(())
    }

    /// Reads and parses one revision.
    pub async fn release(&mut self, revision: Revision, context: &ParseContext<'_>) -> Result<Release, LoadError> {
        self.read(&[revision]).await?;
        self.usable(revision)?;
        self.take(revision, context)
    }

    /// The values that the user gave a revision, not redacted; none if there are none. Call before it is parsed.
    pub async fn values(&mut self, revision: Revision) -> Result<Option<serde_json::Value>, LoadError> {
        self.read(&[revision]).await?;
        self.usable(revision)?;
        Ok(self.raw.get(&revision).and_then(RawRecord::given_values))
    }

    fn take(&mut self, revision: Revision, context: &ParseContext<'_>) -> Result<Release, LoadError> {
        let raw = self.raw.remove(&revision).ok_or(LoadError::RecordGone { revision })?;
        let release = raw.into_release(self.stored(revision), context);
        // Where key and payload disagree a gap says so; the key is what was listed and asked for.
        Ok(Release { revision, ..release })
    }

    fn stored(&self, revision: Revision) -> StoredAs {
        self.entries.iter().find(|entry| entry.revision == revision).map(|entry| entry.stored.clone()).unwrap_or_default()
    }

    /// Reads what lies between the ends, and below *to* as long as attempts failed. A few payloads are held at once.
    pub async fn around(&mut self, ends: &Ends, context: &ParseContext<'_>) -> Result<Around, LoadError> {
        let below: Vec<Revision> =
            self.entries.iter().map(|entry| entry.revision).filter(|n| *n < ends.from.revision).rev().collect();
        let mut walk = Walk::new(self, ends);
        for chunk in below.chunks(CHUNK) {
            let wanted: Vec<Revision> = chunk.iter().copied().filter(|n| *n != ends.to.revision && walk.wants(*n)).collect();
            if wanted.is_empty() && !chunk.iter().any(|n| walk.wants(*n)) {
                break;
            }
            walk.history.read(&wanted).await?;
            chunk.iter().for_each(|revision| walk.step(*revision, ends, context));
        }
        Ok(walk.finish())
    }

    /// Descriptions once more: values that were recognised as secrets later are removed from earlier texts too.
    pub fn scrub(&mut self) {
        for record in self.entries.iter_mut().filter_map(|entry| entry.record.as_mut()) {
            record.description = self.redactor.text(&record.description);
        }
    }
}

/// Enters what a fetched payload says.
fn note(entry: &mut RevisionEntry, fetched: Fetched, redactor: &Redactor, gaps: &mut Vec<Gap>) -> Option<RawRecord> {
    entry.stored = fetched.stored;
    match fetched.record {
        Ok(raw) => {
            entry.record = Some(raw.info(redactor));
            if raw.revision() != entry.revision {
                let why = format!("its payload says that it is revision {}", raw.revision());
                gaps.push(Gap::new(format!("revision {}", entry.revision), why).affecting("forecast").blocking());
            }
            Some(raw)
        }
        Err(why) => {
            let gap = Gap::new(format!("record of revision {}", entry.revision), why.clone());
            gaps.push(gap.affecting("forecast"));
            entry.undecodable = Some(why);
            None
        }
    }
}

/// Going down from *from*.
struct Walk<'h, 'a> {
    history: &'h mut History<'a>,
    to: Revision,
    /// What the record above the current one had, as long as every record so far failed or hung.
    failing: Option<BTreeSet<ObjectRef>>,
    around: Around,
}

impl<'h, 'a> Walk<'h, 'a> {
    fn new(history: &'h mut History<'a>, ends: &Ends) -> Walk<'h, 'a> {
        let failing = (!history.has_worked(ends.from.revision)).then(|| ids(&ends.from.objects));
        Walk { history, to: ends.to.revision, failing, around: Around::default() }
    }

    fn wants(&self, revision: Revision) -> bool {
        revision > self.to || (self.failing.is_some() && self.around.residue.len() < MAX_RESIDUE)
    }

    fn step(&mut self, revision: Revision, ends: &Ends, context: &ParseContext<'_>) {
        if !self.wants(revision) {
            return;
        }
        if revision == self.to {
            return self.left(revision, &ends.to.objects);
        }
        let between = revision > self.to;
        let Some(raw) = self.history.raw.remove(&revision) else {
            // Not decodable, which a gap says: how far back the failures go is not known.
            self.failing = None;
            return;
        };
        if self.failing.is_none() {
            return self.around.between.extend(between.then(|| raw.into_between(context)));
        }
        let chart = self.history.entry(revision).and_then(|entry| entry.record.as_ref()).map(|info| info.chart.clone());
        let release = raw.into_release(StoredAs::default(), context);
        self.left(revision, &release.objects);
        self.around.between.extend(between.then(|| as_between(release, chart.unwrap_or_default())));
    }

    /// A record below failed ones: what it had and the one above has not was never deleted.
    fn left(&mut self, revision: Revision, objects: &[Object]) {
        let Some(above) = self.failing.take() else { return };
        let had = ids(objects);
        let objects = had.difference(&above).cloned().collect();
        self.around.residue.push(Residue { revision, objects });
        if !self.history.has_worked(revision) {
            self.failing = Some(had);
        }
    }

    fn finish(mut self) -> Around {
        self.around.between.reverse();
        self.around
    }
}

impl History<'_> {
    fn entry(&self, revision: Revision) -> Option<&RevisionEntry> {
        self.entries.iter().find(|entry| entry.revision == revision)
    }

    fn has_worked(&self, revision: Revision) -> bool {
        self.entry(revision).is_some_and(target::worked)
    }
}

fn ids(objects: &[Object]) -> BTreeSet<ObjectRef> {
    objects.iter().map(|object| object.id.clone()).collect()
}

fn as_between(release: Release, chart: String) -> Between {
    let restores = release.restores();
    let files = release.chart.files.keys().map(String::as_str);
    let migration_files = chart_files::names(&release.objects, &release.hooks, files);
    Between {
        revision: release.revision,
        migration_files,
        status: release.status,
        restores,
        chart,
        hooks: release.hooks,
        jobs: release.objects.into_iter().filter(|object| object.id.is("batch", "Job")).collect(),
    }
}
