//! What happens to release records: pruning first, statuses last.

use crate::input::{Input, RevisionEntry};
use crate::release::{Revision, Status, Value};

use super::{Outcome, RecordForecast};

/// Revisions removed before the new record is created (Helm `pkg/storage/storage.go` `removeLeastRecent`).
///
/// The highest revision whose *label* says `deployed` is never removed; *to* and *from* are not protected otherwise.
pub fn pruned(history: &[RevisionEntry], history_max: u32) -> Vec<Revision> {
    let Some(room) = history_max.checked_sub(1) else {
        return Vec::new();
    };
    let room = room as usize;
    let protected = highest_deployed(history);
    let surplus = history.len().saturating_sub(room);
    history.iter().map(|entry| entry.revision).filter(|revision| Some(*revision) != protected).take(surplus).collect()
}

fn highest_deployed(history: &[RevisionEntry]) -> Option<Revision> {
    history.iter().filter(|entry| label_status(entry) == Status::Deployed).map(|entry| entry.revision).max()
}

/// Helm selects deployed records by label; drivers without labels carry the status in the record.
fn label_status(entry: &RevisionEntry) -> Status {
    entry.stored.status_label.unwrap_or_else(|| entry.status())
}

/// How the rollback stopped, as far as records are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Deployed,
    /// `Update` failed: *from* is forced to `superseded` whatever it was.
    UpdateFailed,
    /// Stopped after the record was created: it stays `pending-rollback`, nothing else is touched.
    Stuck,
    /// The record itself could not be written: nothing is touched.
    NotStarted,
    /// Not decided.
    Unknown,
}

impl Ending {
    pub fn of(outcome: Outcome) -> Ending {
        match outcome {
            Outcome::Succeeds => Ending::Deployed,
            Outcome::Fails => Ending::UpdateFailed,
            Outcome::Stuck => Ending::Stuck,
            Outcome::Unknown => Ending::Unknown,
        }
    }
}

/// What webhooks see of a new record: the labels that Helm's drivers give it (`pkg/storage/driver/secrets.go` `newSecretsObject`).
pub fn body(release: &str, revision: Revision) -> Value {
    let (version, status) = (revision.to_string(), Status::PendingRollback.as_str());
    let labels = [("name", release), ("owner", "helm"), ("status", status), ("version", version.as_str())];
    let labels = labels.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect();
    let metadata = Value::Map([("labels".to_owned(), Value::Map(labels))].into());
    Value::Map([("metadata".to_owned(), metadata)].into())
}

/// Status every touched record ends with, newest first; *from* is always listed.
pub fn endings(input: &Input, ending: Ending, pruned: &[Revision]) -> Vec<RecordForecast> {
    let from = input.from.revision;
    let new_status = match ending {
        Ending::Deployed => Some(Status::Deployed),
        Ending::UpdateFailed => Some(Status::Failed),
        Ending::Stuck => Some(Status::PendingRollback),
        Ending::NotStarted => None,
        Ending::Unknown => Some(Status::Unknown),
    };
    let mut records: Vec<RecordForecast> =
        new_status.map(|status| RecordForecast { revision: from + 1, status }).into_iter().collect();
    for entry in input.history.iter().rev().filter(|entry| !pruned.contains(&entry.revision)) {
        let before = if entry.revision == from { input.from.status } else { entry.status() };
        let superseded = match ending {
            Ending::Deployed => label_status(entry) == Status::Deployed,
            Ending::UpdateFailed => entry.revision == from,
            Ending::Stuck | Ending::NotStarted | Ending::Unknown => false,
        };
        if superseded || entry.revision == from {
            let status = if superseded { Status::Superseded } else { before };
            records.push(RecordForecast { revision: entry.revision, status });
        }
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::StoredAs;

    fn history(statuses: &[Status]) -> Vec<RevisionEntry> {
        statuses
            .iter()
            .zip(1..)
            .map(|(status, revision)| RevisionEntry {
                revision,
                stored: StoredAs { status_label: Some(*status), ..StoredAs::default() },
                record: None,
                undecodable: None,
            })
            .collect()
    }

    #[test]
    fn pruning_keeps_the_deployed_one() {
        use Status::{Deployed, Failed, Superseded};
        let entries = history(&[Superseded, Deployed, Failed, Failed]);
        assert_eq!(pruned(&entries, 0), Vec::<u32>::new());
        assert_eq!(pruned(&entries, 10), Vec::<u32>::new());
        assert_eq!(pruned(&entries, 4), [1]);
        assert_eq!(pruned(&entries, 3), [1, 3]);
        assert_eq!(pruned(&entries, 1), [1, 3, 4]);
    }
}
