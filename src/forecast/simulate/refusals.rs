//! Who may say no to a write: permissions, a dry run's answer, ports that are taken, webhooks.

use crate::input::{DryRun, Known};
use crate::release::{Object, ObjectRef, Value};

use super::Run;
use crate::forecast::objects::{Changed, Sides};
use crate::forecast::ports;
use crate::forecast::webhooks::{self, Applies, Backend, Judge};
use crate::forecast::{Action, Confidence, FORBIDDEN, Method, REFUSED, Rejected, StepResult, definitions, expansion};

impl<'a> Run<'a> {
    /// What the API server would say if the caller may not do one of these, or what it said in a dry run.
    pub(super) fn forbidden(&self, id: &ObjectRef, verbs: &[&str]) -> Option<String> {
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
    pub(super) fn verbs_of_create(&self) -> &'static [&'static str] {
        if self.method == Method::ServerSide { &["patch", "create"] } else { &["create"] }
    }

    pub(super) fn refuse(&mut self, action: Action, id: &ObjectRef, reason: String) -> Result<(), String> {
        self.reject(id, "", &reason, Confidence::Certain, false);
        self.step(action, id, StepResult::Rejected, Some(reason.clone()));
        Err(reason)
    }

    /// What another object decides: the definition of a custom resource, the class of a claim.
    pub(super) fn judge_by_others(&self, sides: &Sides<'_>, changed: &mut Changed) {
        if !changed.unchanged && changed.rejected.is_empty() {
            let (id, live) = (sides.id, sides.live);
            let by_definition = definitions::refusal(self.input, id, live, &changed.after, &self.forecast.rejected);
            changed.rejected.extend(by_definition.or_else(|| expansion::refusal(self.input, id, live, &changed.after)));
        }
    }

    pub(super) fn forbidden_update(&self, id: &ObjectRef) -> Option<Rejected> {
        let verb = if self.method == Method::Replace { "update" } else { "patch" };
        let reason = self.forbidden(id, &[verb])?;
        Some(Rejected { object: id.clone(), field: String::new(), reason, confidence: Confidence::Certain, conflict: false })
    }

    pub(super) fn refused_port(&self, object: &Object) -> Option<Rejected> {
        let reason = ports::taken(self.input, object)?;
        Some(Rejected {
            object: object.id.clone(),
            field: String::new(),
            reason,
            confidence: Confidence::Certain,
            conflict: false,
        })
    }

    pub(super) fn refused_update(&mut self, id: &ObjectRef, live: &Value) -> Option<Rejected> {
        let reason = self.refusing_webhook(id, live, "UPDATE")?;
        Some(Rejected { object: id.clone(), field: String::new(), reason, confidence: Confidence::Likely, conflict: false })
    }

    /// A fail-closed webhook of the current revision, of the cluster, or of what this run has written, behind which nobody
    /// answers. Where it is not known whether it is asked, the outcome is not either.
    pub(super) fn refusing_webhook(&mut self, id: &ObjectRef, body: &Value, operation: &str) -> Option<String> {
        let (labels, facts) = (body.at(&["metadata", "labels"]), &self.input.facts);
        let own = webhooks::configurations(&self.input.from.objects);
        let own = own.flat_map(|object| webhooks::judges(object, id, labels, operation, facts));
        let foreign = webhooks::of_cluster(self.input).map(|(name, live)| (name, &live.body));
        let others = foreign.chain(self.new_webhooks());
        let others = others.flat_map(|(name, body)| webhooks::judges_in(&name, body, id, labels, operation, facts));
        let silent: Vec<Judge> = own.chain(others).filter(|judge| judge.backend == Backend::Nobody).collect();
        if let Some(judge) = silent.iter().find(|judge| judge.applies == Applies::Yes) {
            return Some(failed_call(judge));
        }
        if let Some(judge) = silent.first() {
            let why = "its conditions, or labels that are not known, decide";
            self.undecided.push(format!("whether webhook {} is asked about {id}: {why}", judge.webhook));
        }
        None
    }

    /// Configurations that this very run has written: they hold for the next write, while what answers is only starting
    /// (seen with Helm 3.22 and 4.3 on Kubernetes 1.36: the first object after them is refused).
    fn new_webhooks(&self) -> impl Iterator<Item = (ObjectRef, &'a Value)> {
        let written =
            |object: &&Object| self.forecast.steps.iter().any(|step| step.object == object.id && step.result == StepResult::Ok);
        let input = self.input;
        let new = webhooks::configurations(&input.to.objects).filter(written);
        new.map(|object| (object.id.clone(), &object.body))
    }
}

/// The API server's words.
fn failed_call(judge: &Judge) -> String {
    let (namespace, service) = &judge.service;
    format!(
        "failed calling webhook \"{}\" of {}: no ready endpoints behind Service/{namespace}/{service}",
        judge.webhook, judge.configuration
    )
}
