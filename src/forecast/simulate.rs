//! Runs the model: the steps of `helm rollback` in Helm's order (`pkg/action/rollback.go`, `pkg/kube/client.go` `update`).

use std::collections::BTreeSet;

use crate::helm::HelmVersion;
use crate::input::{DryRun, Gap, Input, Known, LiveObject};
use crate::k8s::identity::IdentityKey;
use crate::k8s::{names, pods};
use crate::release::{Hook, HookEvent, Object, ObjectRef, Value};

use super::availability::{self, Served};
use super::behaviour::Behaviour;
use super::hooks::{self, Start};
use super::objects::{self, Changed, Sides};
use super::ports;
use super::records::{self, Ending};
use super::restored;
use super::webhooks::{self, Backend};
use super::{
    Action, Alternative, Confidence, FORBIDDEN, Forecast, HookRun, Method, NotRestored, Outcome, REFUSED, Rejected, Step,
    StepResult, bodies, cascades, definitions, expansion,
};

/// Why the run cannot go on.
enum Stop {
    /// Helm could not even write the new record.
    NotStarted(String),
    /// The record stays `pending-rollback`.
    Stuck(String),
    /// `Update` failed.
    Failed(String),
}

/// Predicts the rollback for one Helm version.
pub fn simulate(input: &Input, helm: &HelmVersion) -> Forecast {
    let mut run = Run::new(input, helm);
    let stopped = run.steps().err();
    run.finish(stopped)
}

struct Run<'a> {
    input: &'a Input,
    behaviour: Behaviour,
    method: Method,
    forecast: Forecast,
    /// Something a step needed was not known, so success cannot be promised.
    undecided: Vec<String>,
    /// What an `Update` error would say, in order.
    update_errors: Vec<String>,
}

impl<'a> Run<'a> {
    fn new(input: &'a Input, helm: &HelmVersion) -> Run<'a> {
        let behaviour = Behaviour::of(helm);
        let method = behaviour.method(&input.flags, input.to.apply_method);
        let mut forecast = Forecast::empty(method);
        forecast.pruned = records::pruned(&input.history, input.flags.history_max);
        Run { input, behaviour, method, forecast, undecided: Vec::new(), update_errors: Vec::new() }
    }

    fn steps(&mut self) -> Result<(), Stop> {
        self.record()?;
        self.map_kinds()?;
        self.hooks(HookEvent::PreRollback)?;
        self.refused_flags()?;
        self.update()?;
        self.wait();
        self.hooks(HookEvent::PostRollback)
    }

    /// The first write is that of the new record (Helm `pkg/action/rollback.go` `Run`); webhooks judge it like any other.
    fn record(&mut self) -> Result<(), Stop> {
        let kind = match self.input.driver.as_str() {
            "secret" | "secrets" => "Secret",
            "configmap" | "configmaps" => "ConfigMap",
            _ => return Ok(()),
        };
        let (release, revision) = (&self.input.from.name, self.input.from.revision + 1);
        let name = format!("sh.helm.release.v1.{release}.v{revision}");
        let id = ObjectRef::new("v1", kind, Some(&self.input.namespace), &name);
        match self.refusing_webhook(&id, &records::body(release, revision), "CREATE") {
            Some(reason) => Err(Stop::NotStarted(format!("Helm cannot write its own record, so nothing is changed: {reason}"))),
            None => Ok(()),
        }
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

    fn hooks(&mut self, event: HookEvent) -> Result<(), Stop> {
        if self.input.flags.no_hooks {
            return Ok(());
        }
        for hook in hooks::chosen(&self.input.to.hooks, event) {
            self.hook(hook, event)?;
        }
        Ok(())
    }

    fn hook(&mut self, hook: &'a Hook, event: HookEvent) -> Result<(), Stop> {
        let Some(object) = &hook.object else {
            self.undecided.push(format!("{event} hook {} could not be parsed", hook.name, event = event.as_str()));
            return Ok(());
        };
        let stuck = |reason: String| Stop::Stuck(format!("{} hook {} cannot be created: {reason}", event.as_str(), hook.name));
        let start = hooks::start(hook, &object.id, self.method, &self.input.facts);
        if !matches!(start, Start::Unbuildable(_)) {
            self.hook_starts(hook, event);
        }
        match start {
            Start::Runs => self.step(Action::Hook, &object.id, StepResult::Ok, Some(event.as_str().into())),
            Start::Reused { failed: false } => {
                let why = "a finished object of an earlier run is left as it is: it does not run again and its old result counts";
                self.not_restored(&object.id, why);
                self.step(Action::Hook, &object.id, StepResult::Skipped, Some(why.into()));
            }
            Start::Reused { failed: true } => {
                self.step(
                    Action::Hook,
                    &object.id,
                    StepResult::Rejected,
                    Some("the failed run of an earlier hook counts".into()),
                );
                return Err(stuck("the failed result of an earlier run counts".into()));
            }
            Start::Unbuildable(reason) => {
                self.step(Action::Hook, &object.id, StepResult::Rejected, Some(reason.clone()));
                return Err(stuck(reason));
            }
            Start::Blocked(reason) => {
                self.reject(&object.id, "", &reason, Confidence::Certain, false);
                self.step(Action::Hook, &object.id, StepResult::Rejected, Some(reason.clone()));
                return Err(stuck(reason));
            }
            Start::Unknown(why) => {
                self.undecided.push(format!("whether hook object {} is left over from an earlier run: {why}", object.id));
                self.step(Action::Hook, &object.id, StepResult::Unknown, Some(why));
            }
        }
        self.hook_may_fail(hook, event);
        Ok(())
    }

    fn hook_starts(&mut self, hook: &Hook, event: HookEvent) {
        self.forecast.hooks.push(HookRun {
            name: hook.name.clone(),
            kind: hook.kind.clone(),
            event,
            weight: hook.weight,
            from_revision: self.input.to.revision,
        });
    }

    /// What a hook's container does is not ours to know: name the outcome of its failure. Helm waits for Jobs and Pods only
    /// (`watchUntilReady` in `pkg/kube/client.go` of 3.22.0; 4.3.1 `statuswait.go` takes every other kind for ready).
    fn hook_may_fail(&mut self, hook: &Hook, event: HookEvent) {
        if !matches!(hook.kind.as_str(), "Job" | "Pod") {
            return;
        }
        let done = if event == HookEvent::PreRollback { "nothing else was changed" } else { "everything else was changed" };
        self.forecast.alternatives.push(Alternative {
            when: format!("{} hook {} fails or times out", event.as_str(), hook.name),
            outcome: Outcome::Stuck,
            reason: format!("a failing rollback hook leaves the new record pending-rollback; {done}"),
        });
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

    fn target_object(&mut self, object: &'a Object, before: Option<&'a Object>) -> Result<(), String> {
        // Helm looks at each object first; any answer but "not found" ends the run.
        if let Some(reason) = self.forbidden(&object.id, &["get"]) {
            let reason = format!("could not get information about the resource: {reason}");
            return self.refuse(Action::Patch, &object.id, reason);
        }
        match self.live_of(&object.id) {
            Known::Yes(None) => self.create(object, before.is_some()),
            Known::Yes(Some(_)) if before.is_none() && !self.behaviour.takes_over => self.abort_at(object),
            Known::Yes(Some(live)) => {
                self.change(object, before, live);
                Ok(())
            }
            Known::No(why) => {
                self.change_unseen(object, before, &why);
                Ok(())
            }
        }
    }

    /// A kind that is not served has no objects to whoever asks: the API server answers 404.
    fn live_of(&self, id: &ObjectRef) -> Known<Option<&'a LiveObject>> {
        match availability::served(&self.input.facts, id) {
            Served::No => Known::Yes(None),
            Served::Yes | Served::Unknown => self.input.facts.live_of(id),
        }
    }

    /// What the API server would say if the caller may not do one of these, or what it said in a dry run.
    fn forbidden(&self, id: &ObjectRef, verbs: &[&str]) -> Option<String> {
        let facts = &self.input.facts;
        match verbs.iter().find(|verb| facts.may(verb, id) == Known::Yes(false)) {
            Some(verb) => Some(format!("{FORBIDDEN} {verb} {id}")),
            None if verbs.contains(&"get") => None,
            None => match facts.dry_run.get(id)? {
                DryRun::Refused(message) => Some(format!("{REFUSED} {message}")),
                DryRun::Accepted { .. } | DryRun::NotAsked(_) => None,
            },
        }
    }

    /// A server-side apply that creates needs both verbs (apiserver `pkg/endpoints/handlers/patch.go` `withAuthorization`).
    fn verbs_of_create(&self) -> &'static [&'static str] {
        if self.method == Method::ServerSide { &["patch", "create"] } else { &["create"] }
    }

    fn refuse(&mut self, action: Action, id: &ObjectRef, reason: String) -> Result<(), String> {
        self.reject(id, "", &reason, Confidence::Certain, false);
        self.step(action, id, StepResult::Rejected, Some(reason.clone()));
        Err(reason)
    }

    fn create(&mut self, object: &Object, was_in_from: bool) -> Result<(), String> {
        if let Some(reason) = self.forbidden(&object.id, self.verbs_of_create()) {
            return self.refuse(Action::Create, &object.id, format!("failed to create resource: {reason}"));
        }
        if let Some(reason) = self.refusing_webhook(&object.id, &object.body, "CREATE") {
            let reason = format!("failed to create resource: {reason}");
            self.reject(&object.id, "", &reason, Confidence::Likely, false);
            self.step(Action::Create, &object.id, StepResult::Rejected, Some(reason.clone()));
            return Err(reason);
        }
        if availability::served(&self.input.facts, &object.id) == Served::No {
            if self.brings_kind(&object.id) {
                return self.race_for(object);
            }
            let reason = format!("failed to create resource: {}: the server could not find the requested resource", object.id);
            self.reject(&object.id, "", &reason, Confidence::Certain, false);
            self.step(Action::Create, &object.id, StepResult::Rejected, Some(reason.clone()));
            return Err(reason);
        }
        if let Some(reason) = ports::taken(self.input, object) {
            return self.refuse(Action::Create, &object.id, format!("failed to create resource: {reason}"));
        }
        if let Some(reason) = names::refusal(&object.id) {
            let reason = format!("failed to create resource: {reason}");
            self.reject(&object.id, "metadata.name", &reason, Confidence::Certain, false);
            self.step(Action::Create, &object.id, StepResult::Rejected, Some(reason.clone()));
            return Err(reason);
        }
        let why = was_in_from.then(|| "it is in both revisions, but gone from the cluster".to_owned());
        self.forecast.creates.push(object.id.clone());
        self.step(Action::Create, &object.id, StepResult::Ok, why);
        Ok(())
    }

    /// The definition of this kind was created a moment ago by this very run.
    fn brings_kind(&self, id: &ObjectRef) -> bool {
        let defines = |object: &&Object| {
            object.id.is("apiextensions.k8s.io", "CustomResourceDefinition")
                && object.body.at(&["spec", "group"]).as_str() == Some(id.group())
                && object.body.at(&["spec", "names", "kind"]).as_str() == Some(&id.kind)
        };
        self.input.to.objects.iter().filter(defines).any(|object| self.forecast.creates.contains(&object.id))
    }

    /// The API server needs a moment to serve a new kind: the next request may come too early (seen both ways).
    fn race_for(&mut self, object: &Object) -> Result<(), String> {
        let why = "its definition is created just before it, and may not be served yet";
        self.undecided.push(format!("whether {} can be created: {why}", object.id));
        self.forecast.alternatives.push(Alternative {
            when: format!("the API server does not serve {} fast enough", object.id.kind),
            outcome: Outcome::Fails,
            reason: "failed to create resource: the server could not find the requested resource".into(),
        });
        self.forecast.creates.push(object.id.clone());
        self.step(Action::Create, &object.id, StepResult::Unknown, Some(why.into()));
        Ok(())
    }

    fn abort_at(&mut self, object: &Object) -> Result<(), String> {
        let reason = format!("no {} with the name \"{}\" found", object.id.kind, object.id.name);
        self.reject(&object.id, "", &format!("{reason}: it is live but not in the current revision"), Confidence::Certain, false);
        self.step(Action::Adopt, &object.id, StepResult::Rejected, Some(reason.clone()));
        Err(reason)
    }

    fn change(&mut self, object: &Object, before: Option<&Object>, live: &LiveObject) {
        let stamped = bodies::stamped(&object.body, &self.input.from.name, &self.input.from.namespace);
        let sides = Sides { id: &object.id, from: before.map(|from| &from.body), to: &stamped, live: &live.body };
        let mut changed = objects::change(&sides, self.method, self.input.flags.force_conflicts, &self.input.facts);
        self.judge_by_others(&sides, &mut changed);
        // A server-side apply is sent whether or not it changes anything.
        if (!changed.unchanged || self.method == Method::ServerSide) && changed.rejected.is_empty() {
            changed.rejected.extend(self.forbidden_update(&object.id));
        }
        if !changed.unchanged && changed.rejected.is_empty() {
            changed.rejected.extend(self.refused_update(&object.id, &live.body));
        }
        if !changed.unchanged && changed.rejected.is_empty() {
            changed.rejected.extend(self.refused_port(object));
        }
        let adopts = before.is_none();
        self.record_change(object, &changed, adopts);
        if !changed.rejected.iter().any(|r| r.confidence > Confidence::Possible) {
            self.after_change(&sides, &changed, live);
        }
    }

    /// What another object decides: the definition of a custom resource, the class of a claim.
    fn judge_by_others(&self, sides: &Sides<'_>, changed: &mut Changed) {
        if !changed.unchanged && changed.rejected.is_empty() {
            let (id, live) = (sides.id, sides.live);
            let by_definition = definitions::refusal(self.input, id, live, &changed.after, &self.forecast.rejected);
            changed.rejected.extend(by_definition.or_else(|| expansion::refusal(self.input, id, live, &changed.after)));
        }
    }

    fn forbidden_update(&self, id: &ObjectRef) -> Option<Rejected> {
        let verb = if self.method == Method::Replace { "update" } else { "patch" };
        let reason = self.forbidden(id, &[verb])?;
        Some(Rejected { object: id.clone(), field: String::new(), reason, confidence: Confidence::Certain, conflict: false })
    }

    fn refused_port(&self, object: &Object) -> Option<Rejected> {
        let reason = ports::taken(self.input, object)?;
        Some(Rejected {
            object: object.id.clone(),
            field: String::new(),
            reason,
            confidence: Confidence::Certain,
            conflict: false,
        })
    }

    fn refused_update(&self, id: &ObjectRef, live: &Value) -> Option<Rejected> {
        let reason = self.refusing_webhook(id, live, "UPDATE")?;
        Some(Rejected { object: id.clone(), field: String::new(), reason, confidence: Confidence::Likely, conflict: false })
    }

    /// A fail-closed webhook of the current revision or of the cluster behind which nobody answers.
    fn refusing_webhook(&self, id: &ObjectRef, body: &Value, operation: &str) -> Option<String> {
        let (labels, facts) = (body.at(&["metadata", "labels"]), &self.input.facts);
        let own = webhooks::configurations(&self.input.from.objects);
        let own = own.flat_map(|object| webhooks::judges(object, id, labels, operation, facts));
        let of_cluster = webhooks::of_cluster(self.input)
            .flat_map(|(name, live)| webhooks::judges_in(&name, &live.body, id, labels, operation, facts));
        let judge = own.chain(of_cluster).find(|judge| judge.backend == Backend::Nobody)?;
        let (namespace, service) = &judge.service;
        Some(format!(
            "failed calling webhook \"{}\" of {}: no ready endpoints behind Service/{namespace}/{service}",
            judge.webhook, judge.configuration
        ))
    }

    fn after_change(&mut self, sides: &Sides<'_>, changed: &Changed, live: &LiveObject) {
        if sides.from.is_none() {
            self.forecast.adopts.push(sides.id.clone());
        }
        if live.is_terminating() {
            self.not_restored(
                sides.id,
                "it is being deleted already: the change is accepted and the object goes away all the same",
            );
        } else if let Some(why) = restored::shortfall(sides.id, sides.from, sides.to, &changed.after) {
            self.not_restored(sides.id, &why);
        }
        if sides.id.is("apps", "StatefulSet") {
            let gone = cascades::of_scale_down(sides.id, &live.body, &changed.after, &self.input.facts);
            self.forecast.cascades.extend(gone);
        }
    }

    /// Live state is not known: judge by *from*'s manifest and promise nothing.
    fn change_unseen(&mut self, object: &Object, before: Option<&Object>, why: &str) {
        let Some(before) = before else {
            self.undecided.push(format!("whether {} exists: {why}", object.id));
            self.forecast.creates.push(object.id.clone());
            self.step(Action::Create, &object.id, StepResult::Unknown, Some(why.to_owned()));
            return;
        };
        let (name, namespace) = (&self.input.from.name, &self.input.from.namespace);
        let stamped = bodies::stamped(&object.body, name, namespace);
        let live = objects::assumed_live(before, &self.input.from);
        let sides = Sides { id: &object.id, from: Some(&before.body), to: &stamped, live: &live };
        let mut changed = objects::change(&sides, self.method, self.input.flags.force_conflicts, &self.input.facts);
        self.judge_by_others(&sides, &mut changed);
        for rejected in &mut changed.rejected {
            rejected.confidence = rejected.confidence.min(Confidence::Likely);
        }
        if !changed.unchanged {
            self.undecided.push(format!("live state of {}: {why}", object.id));
        }
        self.record_change(object, &changed, false);
        if changed.rejected.is_empty()
            && let Some(step) = self.forecast.steps.last_mut()
        {
            step.result = StepResult::Unknown;
            step.why = Some(why.to_owned());
        }
    }

    fn record_change(&mut self, object: &Object, changed: &Changed, adopts: bool) {
        let action = match (adopts, self.method) {
            (true, _) => Action::Adopt,
            (false, Method::Replace) => Action::Replace,
            (false, _) => Action::Patch,
        };
        let firm = changed.rejected.iter().find(|rejected| rejected.confidence > Confidence::Possible);
        let (result, why) = match firm {
            Some(rejected) if rejected.conflict => (StepResult::Conflict, Some(describe(rejected))),
            Some(rejected) => (StepResult::Rejected, Some(describe(rejected))),
            None if !changed.rejected.is_empty() => {
                self.undecided.push(format!("whether {} is accepted", object.id));
                (StepResult::Unknown, changed.rejected.first().map(describe))
            }
            None if changed.unchanged => (StepResult::Ok, Some("nothing to change".to_owned())),
            None => (StepResult::Ok, None),
        };
        if let Some(rejected) = firm {
            self.update_errors.push(format!("{}: {}", object.id, describe(rejected)));
        }
        self.forecast.rejected.extend(changed.rejected.iter().cloned());
        self.step(action, &object.id, result, why);
    }

    /// Objects only in *from*, in install order.
    fn deletions(&mut self) -> Result<(), Stop> {
        let mut refused = Vec::new();
        for object in self.only_in_from() {
            if matches!(self.live_of(&object.id), Known::Yes(None)) {
                self.delete(object);
            } else if let Some(reason) = self.forbidden(&object.id, &["get"]) {
                // `Unable to get obj`: logged, and on to the next (Helm `pkg/kube/client.go` `update`).
                self.stays(&object.id, reason);
            } else if let Some(reason) = self.forbidden(&object.id, &["delete"]) {
                refused.extend(self.refused_deletion(&object.id, format!("failed to delete resource: {reason}")));
            } else {
                self.delete(object);
            }
        }
        if refused.is_empty() { Ok(()) } else { Err(Stop::Failed(refused.join(" && "))) }
    }

    /// The error of the rollback, for Helms in which a refused deletion is one.
    fn refused_deletion(&mut self, id: &ObjectRef, reason: String) -> Option<String> {
        if !self.behaviour.delete_errors_fail {
            self.stays(id, reason);
            return None;
        }
        self.reject(id, "", &reason, Confidence::Certain, false);
        self.step(Action::Delete, id, StepResult::Rejected, Some(reason.clone()));
        Some(reason)
    }

    /// Not deleted, and called a success.
    fn stays(&mut self, id: &ObjectRef, reason: String) {
        self.forecast.kept.push(id.clone());
        self.step(Action::Delete, id, StepResult::Rejected, Some(format!("{reason}; Helm only logs that")));
    }

    fn delete(&mut self, object: &'a Object) {
        let created_now = self.created_by_hook(&object.id) || self.created_under_other_group(&object.id);
        match self.live_of(&object.id) {
            Known::Yes(None) if !created_now => {
                self.step(Action::Delete, &object.id, StepResult::Skipped, Some("not in the cluster".into()));
            }
            Known::Yes(Some(live)) if objects::is_kept(live) => {
                self.forecast.kept.push(object.id.clone());
                self.step(
                    Action::Keep,
                    &object.id,
                    StepResult::Ok,
                    Some("the live object is annotated helm.sh/resource-policy: keep".into()),
                );
            }
            Known::Yes(live) => {
                let gone = if self.stays_mounted(&object.id) {
                    Vec::new()
                } else {
                    cascades::of_deleted(&object.id, live, &self.input.facts)
                };
                self.forecast.deletes.push(object.id.clone());
                self.forecast.cascades.extend(gone);
                self.step(Action::Delete, &object.id, StepResult::Ok, None);
                self.deletes_its_other_name(&object.id);
            }
            Known::No(why) => {
                self.undecided.push(format!("whether {} is live and annotated keep: {why}", object.id));
                if objects::says_keep(object) {
                    self.forecast.kept.push(object.id.clone());
                    self.step(Action::Keep, &object.id, StepResult::Unknown, Some(why));
                    return;
                }
                self.forecast.deletes.push(object.id.clone());
                self.forecast.cascades.extend(cascades::of_deleted(&object.id, None, &self.input.facts));
                self.step(Action::Delete, &object.id, StepResult::Unknown, Some(why));
            }
        }
    }

    /// Pods of *to* that use the claim hold it in Terminating (`kubernetes.io/pvc-protection`): its volume stays for now.
    fn stays_mounted(&self, id: &ObjectRef) -> bool {
        let mounts =
            |object: &&Object| object.id.namespace == id.namespace && pods::mounts_claim(pods::spec(&object.body), &id.name);
        id.is("", "PersistentVolumeClaim") && self.input.to.objects.iter().any(|object| mounts(&object))
    }

    fn only_in_from(&self) -> Vec<&'a Object> {
        let in_to: BTreeSet<IdentityKey> =
            self.input.to.objects.iter().map(|object| self.behaviour.identity.key(&object.id)).collect();
        self.input.from.objects.iter().filter(|object| !in_to.contains(&self.behaviour.identity.key(&object.id))).collect()
    }

    /// A pre-rollback hook of this very run may have created what *from* has as a template.
    fn created_by_hook(&self, id: &ObjectRef) -> bool {
        self.forecast.steps.iter().any(|step| step.action == Action::Hook && step.result == StepResult::Ok && step.object == *id)
    }

    /// The stored object that *to* names under another group goes with this deletion.
    fn deletes_its_other_name(&mut self, id: &ObjectRef) {
        let other = self.input.to.objects.iter().find(|object| availability::share_storage(&object.id, id));
        if let Some(object) = other {
            let why = format!("it is deleted again under its other name {}", id.api_version);
            self.not_restored(&object.id, &why);
        }
    }

    /// This run created the same stored object under another API group.
    fn created_under_other_group(&self, id: &ObjectRef) -> bool {
        self.forecast.creates.iter().any(|created| availability::share_storage(created, id))
    }

    fn not_run_after(&mut self, position: usize) {
        for object in self.input.to.objects.iter().skip(position + 1) {
            self.step(Action::Patch, &object.id, StepResult::NotRun, Some("Helm stops before it".into()));
        }
        self.deletions_not_run();
    }

    fn deletions_not_run(&mut self) {
        for object in self.only_in_from() {
            let why = "nothing is deleted when an update failed";
            self.step(Action::Delete, &object.id, StepResult::NotRun, Some(why.into()));
        }
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

fn describe(rejected: &Rejected) -> String {
    if rejected.field.is_empty() { rejected.reason.clone() } else { format!("{}: {}", rejected.field, rejected.reason) }
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
