//! What happens to release records: pruning first, statuses last.

use crate::input::{Input, RevisionEntry};
use crate::release::{Revision, Status};

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

/// Status every touched record ends with, newest first; *from* is always listed.
pub fn endings(input: &Input, ending: Ending, pruned: &[Revision]) -> Vec<RecordForecast> {
    let from = input.from.revision;
    let new_status = match ending {
        Ending::Deployed => Status::Deployed,
        Ending::UpdateFailed => Status::Failed,
        Ending::Stuck => Status::PendingRollback,
        Ending::Unknown => Status::Unknown,
    };
    let mut records = vec![RecordForecast { revision: from + 1, status: new_status }];
    for entry in input.history.iter().rev().filter(|entry| !pruned.contains(&entry.revision)) {
        let before = if entry.revision == from { input.from.status } else { entry.status() };
        let superseded = match ending {
            Ending::Deployed => label_status(entry) == Status::Deployed,
            Ending::UpdateFailed => entry.revision == from,
            Ending::Stuck | Ending::Unknown => false,
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
