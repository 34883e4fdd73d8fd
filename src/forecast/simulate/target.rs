//! Objects of the target: created, changed or taken over, one by one.

use crate::input::{Known, LiveObject};
use crate::k8s::names;
use crate::release::{Object, ObjectRef};

use super::Run;
use crate::forecast::availability::{self, Served};
use crate::forecast::objects::{self, Changed, Sides};
use crate::forecast::ports;
use crate::forecast::restored;
use crate::forecast::{Action, Alternative, Confidence, Method, Outcome, Rejected, StepResult, bodies, cascades};

impl<'a> Run<'a> {
    pub(super) fn target_object(&mut self, object: &'a Object, before: Option<&'a Object>) -> Result<(), String> {
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
    pub(super) fn live_of(&self, id: &ObjectRef) -> Known<Option<&'a LiveObject>> {
        match availability::served(&self.input.facts, id) {
            Served::No => Known::Yes(None),
            Served::Yes | Served::Unknown => self.input.facts.live_of(id),
        }
    }

    pub(super) fn create(&mut self, object: &Object, was_in_from: bool) -> Result<(), String> {
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
    pub(super) fn brings_kind(&self, id: &ObjectRef) -> bool {
        let defines = |object: &&Object| {
            object.id.is("apiextensions.k8s.io", "CustomResourceDefinition")
                && object.body.at(&["spec", "group"]).as_str() == Some(id.group())
                && object.body.at(&["spec", "names", "kind"]).as_str() == Some(&id.kind)
        };
        self.input.to.objects.iter().filter(defines).any(|object| self.forecast.creates.contains(&object.id))
    }

    /// The API server needs a moment to serve a new kind: the next request may come too early (seen both ways).
    pub(super) fn race_for(&mut self, object: &Object) -> Result<(), String> {
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

    pub(super) fn abort_at(&mut self, object: &Object) -> Result<(), String> {
        let reason = format!("no {} with the name \"{}\" found", object.id.kind, object.id.name);
        self.reject(&object.id, "", &format!("{reason}: it is live but not in the current revision"), Confidence::Certain, false);
        self.step(Action::Adopt, &object.id, StepResult::Rejected, Some(reason.clone()));
        Err(reason)
    }

    pub(super) fn change(&mut self, object: &Object, before: Option<&Object>, live: &LiveObject) {
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

    pub(super) fn after_change(&mut self, sides: &Sides<'_>, changed: &Changed, live: &LiveObject) {
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
    pub(super) fn change_unseen(&mut self, object: &Object, before: Option<&Object>, why: &str) {
        let Some(before) = before else {
            self.undecided.push(format!("whether {} exists: {why}", object.id));
            self.forecast.creates.push(object.id.clone());
            self.step(Action::Create, &object.id, StepResult::Unknown, Some(why.to_owned()));
            return;
        };
        if objects::leaves_alone(before, object, self.method) {
            return self.step(Action::Patch, &object.id, StepResult::Unknown, Some(why.to_owned()));
        }
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

    pub(super) fn record_change(&mut self, object: &Object, changed: &Changed, adopts: bool) {
        let action = match (adopts, self.method) {
            (true, _) => Action::Adopt,
            (false, Method::Replace) => Action::Replace,
            (false, _) => Action::Patch,
        };
        let firm = changed.rejected.iter().find(|rejected| rejected.confidence > Confidence::Possible);
        let (result, why) = match firm {
            Some(rejected) if rejected.conflict => (StepResult::Conflict, Some(rejected.describe())),
            Some(rejected) => (StepResult::Rejected, Some(rejected.describe())),
            None if !changed.rejected.is_empty() => {
                self.undecided.push(format!("whether {} is accepted", object.id));
                (StepResult::Unknown, changed.rejected.first().map(Rejected::describe))
            }
            None if changed.unchanged => (StepResult::Ok, Some("nothing to change".to_owned())),
            None => (StepResult::Ok, None),
        };
        if let Some(rejected) = firm {
            self.update_errors.push(format!("{}: {}", object.id, rejected.describe()));
        }
        self.forecast.rejected.extend(changed.rejected.iter().cloned());
        self.step(action, &object.id, result, why);
    }
}
