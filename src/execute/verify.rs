//! Is the result what was forecast? A pure comparison of what was read before and after.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::exit::ExitStatus;
use crate::forecast::{Forecast, Outcome};
use crate::input::{Input, RevisionEntry};
use crate::release::{Revision, Status};

use super::command::Place;
use super::record::{self, Author, NewRecords, Wanted};
use super::run::HelmExit;
use super::steps::{self, Live};
use super::way_out;

/// What was read after Helm ended.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// All revisions that exist now, oldest first; the payload of those after *from* was read, and of the ones the forecast names.
    pub history: Vec<RevisionEntry>,
    /// Who wrote the records after *from*.
    pub authors: BTreeMap<Revision, Author>,
    /// Live state of every object that a forecast step names.
    pub live: Live,
}

/// How Helm was run, as far as verification needs it.
#[derive(Clone, Debug)]
pub struct Ran {
    pub exit: HelmExit,
    pub started: Timestamp,
    /// The last lines Helm wrote, redacted.
    pub tail: Vec<String>,
    pub place: Place,
}

/// The answer in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The record is ours, and everything that could be compared is as forecast.
    Verified,
    /// Helm failed.
    Failed,
    /// Helm reported success, but something is not as forecast, or the record is not provably ours.
    NotVerified,
    /// Helm reported success, and there is nothing to compare with.
    NotVerifiable,
}

/// The whole answer. All texts are redacted and go to stderr.
#[derive(Clone, Debug)]
pub struct Verification {
    pub verdict: Verdict,
    /// One or two sentences.
    pub headline: String,
    /// `forecast said X; the cluster shows Y`, and what is wrong with the records.
    pub misses: Vec<String>,
    pub notes: Vec<String>,
    pub unchecked: Vec<String>,
    /// Steps that were compared with the cluster.
    pub checked: usize,
    /// What to do now, ready to be typed; empty where nothing is to be done.
    pub way_out: Vec<String>,
}

impl Verification {
    pub fn exit(&self) -> ExitStatus {
        match self.verdict {
            Verdict::Verified | Verdict::NotVerifiable => ExitStatus::Ok,
            Verdict::Failed | Verdict::NotVerified => ExitStatus::RollbackFailed,
        }
    }

    /// The message for stderr, lists bounded.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.headline);
        for (title, lines) in [
            ("Not as forecast:", &self.misses),
            ("Worth knowing:", &self.notes),
            ("Not compared:", &self.unchecked),
            ("What to do now:", &self.way_out),
        ] {
            text.push_str(&section(title, lines));
        }
        text
    }
}

fn section(title: &str, lines: &[String]) -> String {
    const MAX: usize = 25;
    if lines.is_empty() {
        return String::new();
    }
    let shown: String = lines.iter().take(MAX).map(|line| format!("  {}\n", line.replace('\n', "\n  "))).collect();
    let more = lines.len().saturating_sub(MAX);
    let more = if more == 0 { String::new() } else { format!("  … and {more} more\n") };
    format!("\n{title}\n{shown}{more}")
}

/// Compares. `after` is an error where nothing could be read any more.
pub fn verify(before: &Input, forecast: &Forecast, after: Result<&Observed, &str>, ran: &Ran) -> Verification {
    if before.driver == "memory" {
        return in_memory(before, ran);
    }
    match after {
        Ok(after) => Comparison { before, forecast, after, ran }.judge(),
        Err(why) => unseen(before, ran, why),
    }
}

/// Helm's memory driver replaces the Kubernetes client by one that only prints (`pkg/kube/fake/printer.go`).
fn in_memory(before: &Input, ran: &Ran) -> Verification {
    let (verdict, headline) = if ran.exit.succeeded() {
        let new = before.from.revision.saturating_add(1);
        let text = format!(
            "Helm reports success. The result is not verifiable: with the memory driver Helm keeps its records in its own process and \
             sends nothing to a cluster, so revision {new} ended with that process. Nothing outlives it."
        );
        (Verdict::NotVerifiable, text)
    } else {
        (
            Verdict::Failed,
            format!(
                "Helm failed ({}). With the memory driver nothing outlives its process, so nothing is left behind.",
                ran.exit
            ),
        )
    };
    Verification { verdict, headline, ..empty() }
}

fn unseen(before: &Input, ran: &Ran, why: &str) -> Verification {
    let verdict = if ran.exit.succeeded() { Verdict::NotVerified } else { Verdict::Failed };
    let headline = format!("Helm ended with {}, and the release cannot be read any more: {why}", ran.exit);
    Verification { verdict, headline, way_out: way_out::look(&before.from.name, &ran.place), ..empty() }
}

fn empty() -> Verification {
    Verification {
        verdict: Verdict::NotVerified,
        headline: String::new(),
        misses: Vec::new(),
        notes: Vec::new(),
        unchecked: Vec::new(),
        checked: 0,
        way_out: Vec::new(),
    }
}

struct Comparison<'a> {
    before: &'a Input,
    forecast: &'a Forecast,
    after: &'a Observed,
    ran: &'a Ran,
}

impl Comparison<'_> {
    fn judge(&self) -> Verification {
        let records = self.records();
        let steps = steps::compare(self.before, self.forecast, &self.after.live);
        let mut misses = self.outcome_misses(&records);
        misses.extend(self.record_misses(&records));
        misses.extend(steps.misses);
        let verdict = match (self.ran.exit.succeeded(), misses.is_empty()) {
            (false, _) => Verdict::Failed,
            (true, true) => Verdict::Verified,
            (true, false) => Verdict::NotVerified,
        };
        Verification {
            verdict,
            headline: self.headline(verdict, &records, steps.checked),
            misses,
            notes: steps.notes,
            unchecked: steps.unchecked,
            checked: steps.checked,
            way_out: self.way_out(&records),
        }
    }

    fn records(&self) -> NewRecords {
        let wanted = Wanted {
            release: &self.before.from.name,
            from: self.before.from.revision,
            to: self.before.to.revision,
            description: self.before.flags.description.as_deref(),
            started: self.ran.started,
        };
        record::sort(&wanted, &self.after.history, &self.after.authors)
    }

    fn headline(&self, verdict: Verdict, records: &NewRecords, checked: usize) -> String {
        let (name, to) = (&self.before.from.name, self.before.to.revision);
        let new = records.ours.map_or_else(String::new, |(revision, status)| format!(" Revision {revision} is {status}."));
        match verdict {
            Verdict::Verified => {
                let compared = if checked == 1 { "1 object was".to_owned() } else { format!("{checked} objects were") };
                format!("Verified: {name} is back at what revision {to} says.{new} {compared} compared with the forecast.")
            }
            Verdict::NotVerified => format!("Helm reports success, but the result is not what was forecast.{new}"),
            _ => format!(
                "The rollback of {name} to revision {to} failed: Helm ended with {}.{new}{}",
                self.ran.exit,
                self.last_word()
            ),
        }
    }

    fn last_word(&self) -> String {
        self.ran.tail.iter().rev().find(|line| line.contains("rror")).map_or_else(String::new, |line| format!("\n{line}"))
    }

    fn outcome_misses(&self, records: &NewRecords) -> Vec<String> {
        let stuck = records.ours.is_some_and(|(_, status)| status.is_pending());
        let seen = match (self.ran.exit.succeeded(), stuck) {
            (true, _) => Outcome::Succeeds,
            (false, true) => Outcome::Stuck,
            (false, false) => Outcome::Fails,
        };
        let foreseen = self.forecast.alternatives.iter().any(|other| other.outcome == seen);
        if self.forecast.outcome == seen || self.forecast.outcome == Outcome::Unknown || foreseen {
            return Vec::new();
        }
        vec![format!("forecast said: the rollback {}; Helm ended with {}", outcome(self.forecast.outcome), self.ran.exit)]
    }

    fn record_misses(&self, records: &NewRecords) -> Vec<String> {
        let mut misses: Vec<String> = records.foreign.iter().map(foreign_text).collect();
        misses.extend(records.unreadable.iter().map(|(revision, why)| format!("revision {revision} cannot be read: {why}")));
        match records.ours {
            Some(_) => misses.extend(self.status_misses()),
            None if self.ran.exit.succeeded() => {
                misses.push("Helm reports success, but no record of this rollback can be found".to_owned())
            }
            None => {}
        }
        misses
    }

    /// Statuses are only compared where the run ended as forecast: another ending has its own miss.
    fn status_misses(&self) -> Vec<String> {
        let as_forecast =
            self.forecast.outcome == if self.ran.exit.succeeded() { Outcome::Succeeds } else { self.forecast.outcome };
        if !as_forecast {
            return Vec::new();
        }
        let wrong = self.forecast.records.iter().filter(|record| record.status != Status::Unknown).filter_map(|record| {
            let seen = self.after.history.iter().find(|entry| entry.revision == record.revision)?.status();
            (seen != record.status)
                .then(|| format!("revision {}: forecast said {}; it is {seen}", record.revision, record.status))
        });
        let still = |revision: &&Revision| self.after.history.iter().any(|entry| entry.revision == **revision);
        let unpruned = self
            .forecast
            .pruned
            .iter()
            .filter(still)
            .map(|revision| format!("revision {revision}: forecast said pruned; it is still there"));
        wrong.chain(unpruned).collect()
    }

    fn way_out(&self, records: &NewRecords) -> Vec<String> {
        if self.ran.exit.succeeded() && records.foreign.is_empty() && records.ours.is_some() {
            return Vec::new();
        }
        let release = way_out::Release {
            name: &self.before.from.name,
            driver: &self.before.driver,
            from: self.before.from.revision,
            to: self.before.to.revision,
            place: &self.ran.place,
        };
        match records.ours {
            Some((revision, status)) if status.is_pending() => release.stuck(revision),
            Some((revision, Status::Failed)) => release.failed(revision, &self.leftovers()),
            _ if !self.ran.exit.succeeded() && records.foreign.is_empty() => release.nothing_written(),
            _ => way_out::look(release.name, release.place),
        }
    }

    /// What only *from* has and is still live: a retry compares with the failed record and never deletes it.
    fn leftovers(&self) -> Vec<String> {
        let in_to = |id: &crate::release::ObjectRef| self.before.to.objects.iter().any(|object| object.id == *id);
        let live = |id: &crate::release::ObjectRef| matches!(self.after.live.get(id), Some(crate::input::Known::Yes(Some(_))));
        self.before
            .from
            .objects
            .iter()
            .map(|object| &object.id)
            .filter(|id| !in_to(id) && live(id))
            .map(ToString::to_string)
            .collect()
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeds => "succeeds",
        Outcome::Fails => "fails",
        Outcome::Stuck => "ends stuck",
        Outcome::Unknown => "is undecided",
    }
}

fn foreign_text(foreign: &record::Foreign) -> String {
    let who = foreign.author.who.as_deref().unwrap_or("an unknown writer");
    let when = foreign.author.when.as_deref().unwrap_or("an unknown time");
    format!("revision {} ({}) is not ours: {}; written by {who} at {when}", foreign.revision, foreign.status, foreign.why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::record::tests::entry;
    use crate::execute::sample;
    use crate::input::Known;

    const AFTER: &str = "2026-03-01T10:00:05Z";

    fn ran(exit: HelmExit) -> Ran {
        Ran {
            exit,
            started: "2026-03-01T10:00:00Z".parse().unwrap(),
            tail: vec!["Error: cannot patch \"web\"".into()],
            place: Place { namespace: "prod".into(), context: None },
        }
    }

    fn observed(new: Vec<RevisionEntry>, from: Status) -> Observed {
        let mut history = vec![sample::entry(5, Status::Superseded), sample::entry(7, from)];
        history.extend(new);
        let live = Live::from([
            (sample::id("ConfigMap", "settings"), sample::live("", "", "uid-settings", "data: {mode: old}")),
            (sample::id("Service", "web"), sample::live("", "", "uid-web", "spec: {type: ClusterIP}")),
            (sample::id("PersistentVolumeClaim", "cache"), Known::Yes(None)),
        ]);
        Observed { history, live, ..Observed::default() }
    }

    fn rolled_back() -> Observed {
        observed(vec![entry(8, Status::Deployed, "Rollback to 5", AFTER)], Status::Superseded)
    }

    fn judge(after: &Observed, exit: HelmExit) -> Verification {
        verify(&sample::input(), &sample::forecast(), Ok(after), &ran(exit))
    }

    #[test]
    fn success_as_forecast_is_verified() {
        let result = judge(&rolled_back(), HelmExit::Code(0));
        assert_eq!((result.verdict, result.exit()), (Verdict::Verified, ExitStatus::Ok), "{}", result.text());
        assert!(result.headline.contains("Revision 8 is deployed. 3 objects were compared"), "{}", result.headline);
        assert!(result.way_out.is_empty());
    }

    #[test]
    fn a_miss_makes_success_unverified() {
        let mut after = rolled_back();
        after.live.insert(sample::id("PersistentVolumeClaim", "cache"), sample::live("", "", "uid-cache", "{}"));
        let result = judge(&after, HelmExit::Code(0));
        assert_eq!((result.verdict, result.exit()), (Verdict::NotVerified, ExitStatus::RollbackFailed));
        assert!(result.text().contains("cache: forecast said: deleted; the cluster shows: it is still there"));
    }

    #[test]
    fn a_record_status_that_differs_is_a_miss() {
        let after = observed(vec![entry(8, Status::Deployed, "Rollback to 5", AFTER)], Status::Deployed);
        let result = judge(&after, HelmExit::Code(0));
        assert_eq!(result.misses, ["revision 7: forecast said superseded; it is deployed"]);
    }

    #[test]
    fn a_foreign_record_in_between_is_named() {
        let new = vec![entry(8, Status::Deployed, "Upgrade complete", AFTER), entry(9, Status::Deployed, "Rollback to 5", AFTER)];
        let mut after = observed(new, Status::Superseded);
        after.authors.insert(8, Author { who: Some("argocd-controller".into()), when: Some("2026-03-01T10:00:01Z".into()) });
        let result = judge(&after, HelmExit::Code(0));
        assert_eq!(result.exit(), ExitStatus::RollbackFailed);
        let text = result.text();
        assert!(
            text.contains("revision 8 (deployed) is not ours")
                && text.contains("written by argocd-controller at 2026-03-01T10:00:01Z"),
            "{text}"
        );
        assert!(text.contains("helm history shop -n prod"), "{text}");
    }

    #[test]
    fn success_without_a_record_is_not_verified() {
        let result = judge(&observed(Vec::new(), Status::Deployed), HelmExit::Code(0));
        assert_eq!(result.verdict, Verdict::NotVerified);
        assert!(result.text().contains("no record of this rollback can be found"));
    }

    #[test]
    fn a_failure_ends_with_helms_words_and_a_way_out() {
        let new = vec![entry(8, Status::Failed, "Rollback \"shop\" failed: cannot patch", AFTER)];
        let mut after = observed(new, Status::Superseded);
        after.live.insert(sample::id("PersistentVolumeClaim", "cache"), sample::live("", "", "uid-cache", "{}"));
        let result = judge(&after, HelmExit::Code(1));
        assert_eq!((result.verdict, result.exit()), (Verdict::Failed, ExitStatus::RollbackFailed));
        let text = result.text();
        assert!(text.contains("Error: cannot patch \"web\""), "{text}");
        assert!(text.contains("forecast said: the rollback succeeds; Helm ended with exit status 1"), "{text}");
        assert!(text.contains("never delete what only 7 has: PersistentVolumeClaim/prod/cache"), "{text}");
    }

    #[test]
    fn a_stuck_record_ends_with_the_exact_way_out() {
        let after = observed(vec![entry(8, Status::PendingRollback, "Rollback to 5", AFTER)], Status::Deployed);
        let text = judge(&after, HelmExit::Signal(2)).text();
        assert!(text.contains("killed by SIGINT") && text.contains("Revision 8 is stuck in pending-rollback"), "{text}");
        assert!(text.contains("kubectl delete secret sh.helm.release.v1.shop.v8 -n prod"), "{text}");
    }

    #[test]
    fn a_failure_before_any_record_says_so() {
        let text = judge(&observed(Vec::new(), Status::Deployed), HelmExit::Code(1)).text();
        assert!(text.contains("Helm wrote no record"), "{text}");
    }

    #[test]
    fn an_unreadable_release_is_never_verified() {
        let blind = |exit| verify(&sample::input(), &sample::forecast(), Err("connection refused"), &ran(exit));
        assert_eq!(blind(HelmExit::Code(0)).exit(), ExitStatus::RollbackFailed);
        assert!(blind(HelmExit::Code(0)).text().contains("connection refused"));
    }

    #[test]
    fn memory_is_never_verified_and_says_why() {
        let mut input = sample::input();
        input.driver = "memory".into();
        let result = verify(&input, &sample::forecast(), Ok(&rolled_back()), &ran(HelmExit::Code(0)));
        assert_eq!((result.verdict, result.exit()), (Verdict::NotVerifiable, ExitStatus::Ok));
        assert!(result.text().contains("not verifiable") && result.text().contains("Nothing outlives it"), "{}", result.text());
        assert!(!result.text().to_lowercase().contains("verified"));
        let failed = verify(&input, &sample::forecast(), Ok(&rolled_back()), &ran(HelmExit::Code(1)));
        assert_eq!(failed.exit(), ExitStatus::RollbackFailed);
    }
}
