//! Whose record is it? Storage has no lock, so another Helm may have written between our last look and our own record.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::input::{RevisionEntry, RevisionInfo};
use crate::release::{Revision, Status};

/// Who wrote a storage object, as far as it tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    /// Field managers or other marks of the writer: `helm`, `argocd-controller`.
    pub who: Option<String>,
    /// RFC 3339, the server's creation time where known.
    pub when: Option<String>,
}

/// What our record must look like.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    pub release: &'a str,
    pub from: Revision,
    pub to: Revision,
    /// A `--description` of the user's (Helm 4.3 and later).
    pub description: Option<&'a str>,
    /// The moment before Helm was started.
    pub started: Timestamp,
}

/// A record after *from* that Helm did not write for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    pub revision: Revision,
    pub status: Status,
    pub author: Author,
    /// What gives it away.
    pub why: String,
}

/// The records after *from*.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRecords {
    /// Revision and status of the record our Helm wrote.
    pub ours: Option<(Revision, Status)>,
    /// Records of others, oldest first.
    pub foreign: Vec<Foreign>,
    /// Records that could not be read, and why.
    pub unreadable: Vec<(Revision, String)>,
}

/// Sorts the records after *from* into ours and others'.
///
/// Ours is the record `from + 1` that restores *to* and is not older than our start. Another number means that Helm compared
/// with a revision that was never checked.
pub fn sort(wanted: &Wanted, history: &[RevisionEntry], authors: &BTreeMap<Revision, Author>) -> NewRecords {
    let mut found = NewRecords::default();
    for entry in history.iter().filter(|entry| entry.revision > wanted.from) {
        let Some(record) = &entry.record else {
            let why = entry.undecodable.clone().unwrap_or_else(|| "it was not read".to_owned());
            found.unreadable.push((entry.revision, why));
            continue;
        };
        match not_ours(wanted, entry.revision, record) {
            None => found.ours = Some((entry.revision, record.status)),
            Some(why) => found.foreign.push(foreign(entry.revision, record, authors, why)),
        }
    }
    found
}

fn foreign(revision: Revision, record: &RevisionInfo, authors: &BTreeMap<Revision, Author>, why: String) -> Foreign {
    let mut author = authors.get(&revision).cloned().unwrap_or_default();
    author.when = author.when.or_else(|| record.last_deployed.clone());
    Foreign { revision, status: record.status, author, why }
}

/// What speaks against the record being ours; none if nothing does.
fn not_ours(wanted: &Wanted, revision: Revision, record: &RevisionInfo) -> Option<String> {
    let expected = wanted.from.saturating_add(1);
    if revision != expected {
        let may_be_ours = if record.restores == Some(wanted.to) {
            "; if it is this rollback after all, Helm compared with a revision that was never checked"
        } else {
            ""
        };
        return Some(format!("its number is {revision}, ours would be {expected}{may_be_ours}"));
    }
    if let Some(other) = record.restores.filter(|restored| *restored != wanted.to) {
        return Some(format!("it restores revision {other}, not {}", wanted.to));
    }
    if record.restores.is_none() && !describes_ours(wanted, &record.description) {
        return Some(format!("it does not say that it restores revision {}", wanted.to));
    }
    let written = record.last_deployed.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
    match written {
        Some(written) if written < wanted.started => Some(format!("it was written before our start ({})", wanted.started)),
        Some(_) => None,
        None => Some("it does not say when it was written".to_owned()),
    }
}

/// Helm below 4.3 leaves no target in the record of a failed rollback: its description is replaced by the error
/// (`pkg/action/rollback.go` `performRollback`).
fn describes_ours(wanted: &Wanted, description: &str) -> bool {
    wanted.description == Some(description)
        || description.starts_with(&format!("Rollback \"{}\" failed", wanted.release))
        || description.starts_with(&format!("Release \"{}\" failed", wanted.release))
}

#[cfg(test)]
pub(in crate::execute) mod tests {
    use super::*;
    use crate::release::StoredAs;

    pub fn entry(revision: Revision, status: Status, description: &str, at: &str) -> RevisionEntry {
        let restores = description.strip_prefix("Rollback to ").and_then(|number| number.parse().ok());
        RevisionEntry {
            revision,
            stored: StoredAs::default(),
            record: Some(RevisionInfo {
                status,
                description: description.to_owned(),
                restores,
                chart: "shop-1.0.0".to_owned(),
                last_deployed: Some(at.to_owned()),
            }),
            undecodable: None,
        }
    }

    const AFTER: &str = "2026-03-01T12:00:05.1+02:00";

    fn wanted() -> Wanted<'static> {
        Wanted { release: "shop", from: 7, to: 5, description: None, started: "2026-03-01T10:00:00Z".parse().unwrap() }
    }

    fn sorted(entries: &[RevisionEntry]) -> NewRecords {
        sort(&wanted(), entries, &BTreeMap::new())
    }

    #[test]
    fn our_record_is_recognised_across_time_zones() {
        let found = sorted(&[
            entry(7, Status::Superseded, "Upgrade complete", AFTER),
            entry(8, Status::Deployed, "Rollback to 5", AFTER),
        ]);
        assert_eq!(found, NewRecords { ours: Some((8, Status::Deployed)), ..NewRecords::default() });
    }

    #[test]
    fn a_failed_rollback_is_recognised_by_its_error() {
        let found = sorted(&[entry(8, Status::Failed, "Rollback \"shop\" failed: cannot patch", AFTER)]);
        assert_eq!(found.ours, Some((8, Status::Failed)));
    }

    #[test]
    fn other_target_other_time_other_number_are_foreign() {
        for (entry, why) in [
            (entry(8, Status::Deployed, "Rollback to 4", AFTER), "restores revision 4"),
            (entry(8, Status::Deployed, "Upgrade complete", AFTER), "does not say"),
            (entry(8, Status::Deployed, "Rollback to 5", "2026-03-01T09:59:59Z"), "before our start"),
            (entry(8, Status::Deployed, "Rollback to 5", ""), "when it was written"),
            (entry(9, Status::Deployed, "Rollback to 5", AFTER), "ours would be 8"),
        ] {
            let found = sorted(&[entry]);
            assert_eq!(found.ours, None);
            assert!(found.foreign[0].why.contains(why), "{found:?}");
        }
    }

    #[test]
    fn a_foreign_record_in_between_names_author_and_time() {
        let entries = [entry(8, Status::Deployed, "Upgrade complete", AFTER), entry(9, Status::Deployed, "Rollback to 5", AFTER)];
        let author = Author { who: Some("argocd".into()), when: Some("2026-03-01T10:00:01Z".into()) };
        let found = sort(&wanted(), &entries, &BTreeMap::from([(8, author.clone())]));
        assert_eq!(found.foreign.len(), 2);
        assert_eq!(found.foreign[0].author, author);
        assert_eq!(found.foreign[1].author.when.as_deref(), Some(AFTER));
    }

    #[test]
    fn a_description_of_the_users_counts() {
        let wanted = Wanted { description: Some("back for tonight"), ..wanted() };
        let found = sort(&wanted, &[entry(8, Status::Deployed, "back for tonight", AFTER)], &BTreeMap::new());
        assert_eq!(found.ours, Some((8, Status::Deployed)));
    }

    #[test]
    fn an_unreadable_record_is_neither() {
        let broken =
            RevisionEntry { record: None, undecodable: Some("bad gzip".into()), ..entry(8, Status::Deployed, "", AFTER) };
        assert_eq!(sorted(&[broken]).unreadable, [(8, "bad gzip".to_owned())]);
    }
}
