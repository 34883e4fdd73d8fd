//! Runs the model: the steps of `helm rollback` in Helm's order (`pkg/action/rollback.go`, `pkg/kube/client.go` `update`).

mod deletions;
mod hook_runs;
mod refusals;
mod target;

use std::collections::BTreeSet;

use crate::helm::HelmVersion;
use crate::input::{Gap, Input};
use crate::release::{HookEvent, Object, ObjectRef};

use super::availability::{self, Served};
use super::behaviour::Behaviour;
use super::records::{self, Ending};
use super::{Action, Alternative, Confidence, Forecast, Method, NotRestored, Outcome, Rejected, Step, StepResult};

/// Why the run cannot go on.
enum Stop {
    /// Helm could not even write the new record.
    NotStarted(String),
    /// The record stays `pending-rollback`.
    Stuck(String),
    /// `Update` failed.
    Failed(String),
}

/// The hook events around the changes of an operation.
pub type Events = [HookEvent; 2];

/// Those of `helm rollback`.
pub const ROLLBACK: Events = [HookEvent::PreRollback, HookEvent::PostRollback];

/// Those of `helm upgrade`, which changes objects by the same function of Helm (`pkg/action/upgrade.go` `releasingUpgrade`).
pub const UPGRADE: Events = [HookEvent::PreUpgrade, HookEvent::PostUpgrade];

/// Predicts the way from *from* to *to* for one Helm version.
pub fn simulate(input: &Input, helm: &HelmVersion, events: Events) -> Forecast {
    let mut run = Run::new(input, helm, events);
    let stopped = run.steps().err();
    run.finish(stopped)
}

struct Run<'a> {
    input: &'a Input,
    behaviour: Behaviour,
    method: Method,
    events: Events,
    forecast: Forecast,
    /// Something a step needed was not known, so success cannot be promised.
    undecided: Vec<String>,
    /// What an `Update` error would say, in order.
    update_errors: Vec<String>,
}

impl<'a> Run<'a> {
    fn new(input: &'a Input, helm: &HelmVersion, events: Events) -> Run<'a> {
        let behaviour = Behaviour::of(helm);
        let method = behaviour.method(&input.flags, input.to.apply_method);
        let mut forecast = Forecast::empty(method);
        forecast.pruned = records::pruned(&input.history, input.flags.history_max);
        Run { input, behaviour, method, events, forecast, undecided: Vec::new(), update_errors: Vec::new() }
    }

    fn steps(&mut self) -> Result<(), Stop> {
        self.record()?;
        self.map_kinds()?;
        self.hooks(self.events[0])?;
        self.refused_flags()?;
        self.update()?;
        self.wait();
        self.hooks(self.events[1])?;
        // A webhook that this run has brought judges the last write as well.
        match self.record_refused("UPDATE") {
            Some(reason) => Err(Stop::Stuck(format!("Helm cannot close its record, although everything is changed: {reason}"))),
            None => Ok(()),
        }
    }

    /// The first write is that of the new record (Helm `pkg/action/rollback.go` `Run`); webhooks judge it like any other.
    fn record(&mut self) -> Result<(), Stop> {
        match self.record_refused("CREATE") {
            Some(reason) => Err(Stop::NotStarted(format!("Helm cannot write its own record, so nothing is changed: {reason}"))),
            None => Ok(()),
        }
    }

    fn record_refused(&mut self, operation: &str) -> Option<String> {
        let kind = match self.input.driver.as_str() {
            "secret" | "secrets" => "Secret",
            "configmap" | "configmaps" => "ConfigMap",
            _ => return None,
        };
        let (release, revision) = (&self.input.from.name, self.input.from.revision + 1);
        let name = format!("sh.helm.release.v1.{release}.v{revision}");
        let id = ObjectRef::new("v1", kind, Some(&self.input.namespace), &name);
        self.refusing_webhook(&id, &records::body(release, revision), operation)
    }

    /// Both manifests are mapped to endpoints before anything else; *from* first.
    fn map_kinds(&mut self) -> Result<(), Stop> {
        let facts = &self.input.facts;
        for (which, objects) in [("current", &self.input.from.objects), ("new", &self.input.to.objects)] {
            let unmapped = availability::kinds_where(objects, |id| availability::mapped(facts, id) == Served::No);
            if let Some(object) = unmapped.first() {
                self.alternative_for_stale_cache();
                return Err(Stop::Stuck(availability::no_match_text(which, object)));
            }
        }
        self.alternative_for_fresh_cache();
        if let Some(why) = facts.discovery.why_not() {
            let gap = Gap::new("which kinds the API server serves", why).affecting("api-not-served").affecting("forecast");
            let asked = facts.server_version.yes().is_some();
            self.forecast.unknowns.push(if asked { gap.blocking() } else { gap });
        }
        Ok(())
    }

    /// The server lacks a kind, and this machine's cache lacks it too: another machine's cache may still have it.
    fn alternative_for_stale_cache(&mut self) {
        let in_target = !self.unserved(&self.input.to.objects).is_empty();
        let (outcome, reason) = if in_target {
            (Outcome::Fails, "the kind still maps, and creating or reading the object fails half-way")
        } else {
            (Outcome::Succeeds, "the kind still maps, and the object of the current revision is skipped as not found")
        };
        self.forecast.alternatives.push(Alternative {
            when: "Helm's discovery cache on disk (up to 6 hours old) still lists the missing kind".into(),
            outcome,
            reason: reason.into(),
        });
    }

    fn alternative_for_fresh_cache(&mut self) {
        let facts = &self.input.facts;
        let missing = self.unserved(&self.input.from.objects).into_iter().chain(self.unserved(&self.input.to.objects)).next();
        if let Some(object) = missing.filter(|object| availability::mapped(facts, &object.id) == Served::Yes) {
            let reason = availability::no_match_text("current or new", object);
            self.forecast.alternatives.push(Alternative {
                when: "Helm's discovery cache on disk is empty or expired".into(),
                outcome: Outcome::Stuck,
                reason,
            });
        }
    }

    fn unserved<'o>(&self, objects: &'o [Object]) -> Vec<&'o Object> {
        availability::kinds_where(objects, |id| availability::served(&self.input.facts, id) == Served::No)
    }

    /// Combinations that Helm refuses inside `Update`, after the record was written. The command line refuses them first.
    fn refused_flags(&mut self) -> Result<(), Stop> {
        let flags = &self.input.flags;
        let refused = match self.method {
            Method::ServerSide if flags.force_replace => "cannot use server-side apply and force replace together",
            Method::ClientSide if flags.force_conflicts && self.behaviour.server_side => {
                "forceConflicts enabled when serverSideApply disabled"
            }
            _ => return Ok(()),
        };
        Err(Stop::Failed(format!("invalid client update option(s): {refused}")))
    }

    /// Helm's `update`: change or create every object of *to*, stop at the first that cannot be created, and delete only
    /// when nothing failed.
    fn update(&mut self) -> Result<(), Stop> {
        let from_index = self.behaviour.identity.index(&self.input.from.objects);
        for (position, object) in self.input.to.objects.iter().enumerate() {
            let before = from_index.get(&self.behaviour.identity.key(&object.id)).map(|at| &self.input.from.objects[*at]);
            if let Err(reason) = self.target_object(object, before) {
                self.not_run_after(position);
                return Err(Stop::Failed(reason));
            }
        }
        if !self.update_errors.is_empty() {
            self.deletions_not_run();
            return Err(Stop::Failed(self.update_errors.join(" && ")));
        }
        self.failed_before();
        self.deletions()
    }

    /// The target's own installation was refused by the API server: nothing shows that its manifest is accepted now.
    fn failed_before(&mut self) {
        const REFUSALS: [&str; 3] = ["failed to create resource", "cannot patch", "server-side apply failed"];
        let description = &self.input.to.description;
        if REFUSALS.iter().any(|refusal| description.contains(refusal)) {
            self.undecided.push(format!("whether revision {} is accepted this time: {description}", self.input.to.revision));
        }
    }

    fn not_run_after(&mut self, position: usize) {
        for object in self.input.to.objects.iter().skip(position + 1) {
            self.step(Action::Patch, &object.id, StepResult::NotRun, Some("Helm stops before it".into()));
        }
        self.deletions_not_run();
    }

    fn wait(&mut self) {
        if !self.input.flags.wait.waits_for_objects() {
            return;
        }
        self.forecast.alternatives.push(Alternative {
            when: "an object of the target does not get ready before the timeout".into(),
            outcome: Outcome::Fails,
            reason: "everything is changed, the new record is failed, and the previous one keeps its status".into(),
        });
    }

    fn step(&mut self, action: Action, object: &ObjectRef, result: StepResult, why: Option<String>) {
        self.forecast.steps.push(Step { action, object: object.clone(), result, why });
    }

    fn reject(&mut self, object: &ObjectRef, field: &str, reason: &str, confidence: Confidence, conflict: bool) {
        let (object, field, reason) = (object.clone(), field.to_owned(), reason.to_owned());
        self.forecast.rejected.push(Rejected { object, field, reason, confidence, conflict });
    }

    fn not_restored(&mut self, object: &ObjectRef, why: &str) {
        self.forecast.not_restored.push(NotRestored { object: object.clone(), why: why.to_owned() });
    }

    /// `--cleanup-on-fail` acts when `Update` failed: what this run created is deleted again.
    fn clean_up(&mut self) {
        for id in std::mem::take(&mut self.forecast.creates) {
            self.step(Action::Delete, &id, StepResult::Ok, Some("created by this run, removed by --cleanup-on-fail".into()));
        }
    }

    fn finish(mut self, stopped: Option<Stop>) -> Forecast {
        if self.input.flags.cleanup_on_fail && matches!(stopped, Some(Stop::Failed(_))) {
            self.clean_up();
        }
        let not_started = matches!(stopped, Some(Stop::NotStarted(_)));
        let (outcome, reason) = match stopped {
            Some(Stop::NotStarted(reason)) => (Outcome::Fails, reason),
            Some(Stop::Stuck(reason)) => (Outcome::Stuck, reason),
            Some(Stop::Failed(reason)) => (Outcome::Fails, reason),
            None if self.undecided.is_empty() => (Outcome::Succeeds, "every step is expected to be accepted".to_owned()),
            None => (Outcome::Unknown, format!("not known: {}", first_few(&self.undecided))),
        };
        self.forecast.outcome = outcome;
        self.forecast.reason = reason;
        let ending = if not_started { Ending::NotStarted } else { Ending::of(outcome) };
        self.forecast.records = records::endings(self.input, ending, &self.forecast.pruned);
        dedup(&mut self.forecast.cascades, &self.forecast.deletes);
        let unknowns: Vec<Gap> = self.undecided.iter().map(|what| self.unknown(what)).collect();
        self.forecast.unknowns.extend(unknowns);
        self.forecast
    }

    /// A missing fact blocks where a cluster was asked and did not tell; where none was asked, the outcome is *unknown* and
    /// the verdict no better than *caution*.
    fn unknown(&self, what: &str) -> Gap {
        let gap = Gap::new(what, "the forecast needs it to be decided").affecting("forecast");
        if self.input.facts.server_version.yes().is_some() { gap.blocking() } else { gap }
    }
}

fn first_few(reasons: &[String]) -> String {
    let shown: Vec<&str> = reasons.iter().take(3).map(String::as_str).collect();
    let more = reasons.len().saturating_sub(shown.len());
    if more == 0 { shown.join("; ") } else { format!("{}; and {more} more", shown.join("; ")) }
}

/// A thing that Helm deletes itself is not also listed as going with another.
fn dedup(cascades: &mut Vec<ObjectRef>, deletes: &[ObjectRef]) {
    let mut seen: BTreeSet<ObjectRef> = deletes.iter().cloned().collect();
    cascades.retain(|object| seen.insert(object.clone()));
}

impl Forecast {
    /// Nothing is forecast yet.
    pub(crate) fn empty(method: Method) -> Forecast {
        Forecast {
            outcome: Outcome::Unknown,
            reason: String::new(),
            records: Vec::new(),
            pruned: Vec::new(),
            steps: Vec::new(),
            deletes: Vec::new(),
            cascades: Vec::new(),
            creates: Vec::new(),
            adopts: Vec::new(),
            rejected: Vec::new(),
            kept: Vec::new(),
            not_restored: Vec::new(),
            hooks: Vec::new(),
            alternatives: Vec::new(),
            unknowns: Vec::new(),
            method,
        }
    }
}
