//! Which revision to go back to: the newest one below *from* that really worked.
//!
//! Helm's own default is the number below the newest, whatever became of that revision (`pkg/action/rollback.go`
//! `prepareRollback`), so a second bare rollback goes back to what was fled. Here each revision is judged by what its
//! record says happened, and every one that is passed over gets a reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::input::{RevisionEntry, Skipped, TargetChoice};
use crate::release::{Revision, Status};
use crate::settings::TargetRequest;

/// Answer of [`choose`].
#[derive(Clone, Debug)]
pub enum Decision {
    Chosen(TargetChoice),
    /// The records of these revisions have to be read first, newest first; call again with them filled in.
    NeedsRecords(Vec<Revision>),
}

/// Why there is no target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoTarget {
    /// The history is empty.
    NoHistory,
    /// No revision was asked for, and the newest is the only one there is.
    OnlyRevision(Revision),
    /// The revision asked for (or Helm's default) is not in the history.
    Missing { wanted: Revision, existing: Vec<Revision> },
    /// Revisions exist below the newest, and none of them is known to have worked.
    NoneWorked(Vec<(Revision, String)>),
}

impl fmt::Display for NoTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoTarget::NoHistory => write!(f, "the release has no revisions"),
            NoTarget::OnlyRevision(only) => write!(f, "revision {only} is the only one: there is nothing to go back to"),
            NoTarget::Missing { wanted, existing } => {
                write!(f, "the release has no revision {wanted}; it has {}", ranges(existing))
            }
            NoTarget::NoneWorked(skipped) => {
                write!(f, "no earlier revision is known to have worked:")?;
                skipped.iter().try_for_each(|(revision, why)| write!(f, "\n  {revision}: {why}"))
            }
        }
    }
}

impl std::error::Error for NoTarget {}

/// `1–3, 7`: revisions as a person would list them. `revisions` is ascending.
pub fn ranges(revisions: &[Revision]) -> String {
    let mut spans: Vec<(Revision, Revision)> = Vec::new();
    for &revision in revisions {
        match spans.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(revision) => *last = revision,
            _ => spans.push((revision, revision)),
        }
    }
    let text = |&(first, last): &(Revision, Revision)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first}–{last}"),
    };
    spans.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// Finds the target. `history` is sorted by revision; its last entry is *from*.
///
/// For [`TargetRequest::Best`] the records are needed newest first until one is chosen: the answer then names those
/// still missing.
pub fn choose(request: TargetRequest, history: &[RevisionEntry]) -> Result<Decision, NoTarget> {
    let from = history.last().ok_or(NoTarget::NoHistory)?;
    let default = helm_default(history);
    match request {
        TargetRequest::Revision(wanted) => given(wanted, history, default).map(Decision::Chosen),
        TargetRequest::HelmDefault => {
            let wanted = from.revision.saturating_sub(1);
            if wanted == 0 {
                return Err(NoTarget::OnlyRevision(from.revision));
            }
            given(wanted, history, default).map(Decision::Chosen)
        }
        TargetRequest::Best => best(history, default),
    }
}

/// What a bare `helm rollback` would take: the number below the newest, if there is such a record.
fn helm_default(history: &[RevisionEntry]) -> Option<Revision> {
    let below = history.last()?.revision.checked_sub(1)?;
    history.iter().find(|entry| entry.revision == below && entry.undecodable.is_none()).map(|entry| entry.revision)
}

fn given(wanted: Revision, history: &[RevisionEntry], default: Option<Revision>) -> Result<TargetChoice, NoTarget> {
    if !history.iter().any(|entry| entry.revision == wanted) {
        let existing = history.iter().map(|entry| entry.revision).collect();
        return Err(NoTarget::Missing { wanted, existing });
    }
    let newest = history.last().map(|entry| entry.revision);
    let again = if newest == Some(wanted) { ": it is the newest one, so this is a re-apply" } else { "" };
    let reason = format!("revision {wanted} was asked for{again}");
    Ok(TargetChoice { revision: wanted, requested: true, helm_default: default, skipped: Vec::new(), reason })
}

/// How many unread records are asked for at once.
const BATCH: usize = 4;

fn best(history: &[RevisionEntry], default: Option<Revision>) -> Result<Decision, NoTarget> {
    let Some((from, below)) = history.split_last() else { return Err(NoTarget::NoHistory) };
    if below.is_empty() {
        return Err(NoTarget::OnlyRevision(from.revision));
    }
    if !is_read(from) {
        return Ok(Decision::NeedsRecords(unread(history, from.revision)));
    }
    let mut skipped = Vec::new();
    for (position, entry) in below.iter().enumerate().rev() {
        if !is_read(entry) {
            return Ok(Decision::NeedsRecords(unread(history.get(..=position).unwrap_or_default(), from.revision)));
        }
        // Everything above `entry` has been read by now, so the story is complete from here up.
        let story = Story::tell(history.get(position..).unwrap_or_default());
        match story.judge(entry, from) {
            Ok(evidence) => return Ok(Decision::Chosen(chosen(entry, from, evidence, default, skipped))),
            Err(why) => skipped.push(Skipped { revision: entry.revision, why }),
        }
    }
    Err(NoTarget::NoneWorked(skipped.into_iter().map(|s| (s.revision, s.why)).collect()))
}

fn is_read(entry: &RevisionEntry) -> bool {
    entry.record.is_some() || entry.undecodable.is_some()
}

/// The newest unread revisions: down to the first whose label lets hope for more than a failure, at most [`BATCH`].
fn unread(history: &[RevisionEntry], newest: Revision) -> Vec<Revision> {
    let mut wanted = Vec::new();
    for entry in history.iter().rev().filter(|entry| !is_read(entry)).take(BATCH) {
        wanted.push(entry.revision);
        if entry.revision != newest && matches!(entry.status(), Status::Deployed | Status::Superseded) {
            break;
        }
    }
    wanted
}

fn chosen(
    entry: &RevisionEntry,
    from: &RevisionEntry,
    evidence: Evidence,
    helm_default: Option<Revision>,
    skipped: Vec<Skipped>,
) -> TargetChoice {
    let revision = entry.revision;
    let restored = entry.record.as_ref().and_then(|record| record.restores);
    let content = restored.map(|n| format!(" (the content of revision {n})")).unwrap_or_default();
    let worked = match evidence {
        Evidence::Worked => "worked",
        Evidence::Probably => "probably worked (its description is custom, its status says so)",
    };
    let differs = match helm_default {
        Some(default) if default == revision => String::new(),
        Some(default) => format!("; a bare helm rollback would take {default}"),
        None => "; a bare helm rollback would fail, as the revision before the newest is missing or unreadable".to_owned(),
    };
    let uninstalled = match from.status() {
        Status::Uninstalled => format!("; give {} to bring back what was uninstalled", from.revision),
        _ => String::new(),
    };
    let reason =
        format!("revision {revision}{content} is the newest one before {} that {worked}{differs}{uninstalled}", from.revision);
    TargetChoice { revision, requested: false, helm_default, skipped, reason }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    Worked,
    /// A custom `--description` hides how it ended; the status says deployed or superseded.
    Probably,
}

/// What later revisions tell about earlier ones.
#[derive(Debug, Default)]
struct Story {
    /// Revision whose content each rollback revision carries.
    content: BTreeMap<Revision, Revision>,
    /// Content that was gone back from last time it was current: which rollback did it, and where to.
    fled: BTreeMap<Revision, (Revision, Revision)>,
    /// Rollbacks whose end is not success.
    failed_rollbacks: BTreeSet<Revision>,
}

impl Story {
    /// `entries` ascending; those above the one to judge must have been read.
    fn tell(entries: &[RevisionEntry]) -> Story {
        let mut story = Story::default();
        for entry in entries {
            let Some(record) = &entry.record else { continue };
            let Some(restored) = record.restores.filter(|n| *n < entry.revision) else { continue };
            let root = story.content_of(restored);
            story.content.insert(entry.revision, root);
            if !matches!(record.status, Status::Deployed | Status::Superseded) {
                story.failed_rollbacks.insert(entry.revision);
            }
            for passed in entries.iter().map(|e| e.revision).filter(|n| (restored + 1..entry.revision).contains(n)) {
                let content = story.content_of(passed);
                story.fled.insert(content, (entry.revision, restored));
            }
            // Going back to it speaks for it again.
            story.fled.remove(&root);
        }
        story
    }

    fn content_of(&self, revision: Revision) -> Revision {
        self.content.get(&revision).copied().unwrap_or(revision)
    }

    /// A rollback that fails marks the record before it superseded, even one that hung or failed.
    fn overwritten(&self, entry: &RevisionEntry) -> Option<String> {
        let next = entry.revision.checked_add(1)?;
        let overwritten = entry.status() == Status::Superseded
            && self.content.contains_key(&entry.revision)
            && self.failed_rollbacks.contains(&next);
        overwritten.then(|| format!("the failed rollback {next} overwrote its status, so it cannot be told how it ended"))
    }

    fn judge(&self, entry: &RevisionEntry, from: &RevisionEntry) -> Result<Evidence, String> {
        if let Some(why) = &entry.undecodable {
            return Err(format!("its record cannot be decoded: {why}"));
        }
        let evidence = evidence(entry)?;
        if let Some(why) = self.overwritten(entry) {
            return Err(why);
        }
        let content = self.content_of(entry.revision);
        if let Some((rollback, to)) = self.fled.get(&content) {
            let through =
                if content == entry.revision { String::new() } else { format!("it has the content of revision {content}, and ") };
            return Err(format!("{through}revision {rollback} went back from it to {to}"));
        }
        if from.status() == Status::Deployed && self.content_of(from.revision) == content {
            return Err(format!("it has the same content as revision {}, which is deployed now", from.revision));
        }
        Ok(evidence)
    }
}

/// How Helm describes revisions that did not come to a good end (`pkg/action/{install,upgrade,rollback,uninstall}.go`).
const BAD_DESCRIPTIONS: [&str; 7] = [
    "Initial install underway",
    "Preparing upgrade",
    "Upgrade \"",
    "Rollback \"",
    "Release \"",
    "Deletion in progress",
    "Uninstallation complete",
];

/// Whether the record is known to have come to its end: what it no longer had was deleted.
pub fn worked(entry: &RevisionEntry) -> bool {
    evidence(entry).is_ok()
}

/// What records tell of one revision's end, and of the way back from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// The revision whose content it holds: its own number unless it was made by a rollback.
    pub content: Revision,
    /// Whether it came to its end; false where its record hides that, because it has a description of its own.
    pub worked: Result<bool, String>,
    /// The rollback that went back from its content last, and where to.
    pub left: Option<(Revision, Revision)>,
}

/// The past of every revision whose record was read (or could not be), by what those read tell; `history` is ascending.
pub fn pasts(history: &[RevisionEntry]) -> BTreeMap<Revision, Past> {
    let story = Story::tell(history);
    let past = |entry: &RevisionEntry| {
        let worked = match (&entry.undecodable, story.overwritten(entry)) {
            (Some(why), _) => Err(format!("its record cannot be decoded: {why}")),
            (None, Some(why)) => Err(why),
            (None, None) => evidence(entry).map(|evidence| evidence == Evidence::Worked),
        };
        let content = story.content_of(entry.revision);
        Past { content, worked, left: story.fled.get(&content).copied() }
    };
    history.iter().filter(|entry| is_read(entry)).map(|entry| (entry.revision, past(entry))).collect()
}

fn evidence(entry: &RevisionEntry) -> Result<Evidence, String> {
    let Some(record) = &entry.record else { return Err("its record was not read".to_owned()) };
    if !matches!(record.status, Status::Deployed | Status::Superseded) {
        return Err(format!("its status is {}", record.status));
    }
    let text = record.description.as_str();
    let rollback = text.strip_prefix("Rollback to ").is_some_and(|n| n.parse::<Revision>().is_ok());
    if rollback || matches!(text, "Install complete" | "Upgrade complete") {
        return Ok(Evidence::Worked);
    }
    // "Superseded" only says that something came after it.
    if BAD_DESCRIPTIONS.iter().any(|bad| text.starts_with(bad)) {
        let line = text.lines().next().unwrap_or_default();
        let short: String = line.chars().take(80).collect();
        return Err(format!("it did not work although its status is {}: {short}", record.status));
    }
    Ok(Evidence::Probably)
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
