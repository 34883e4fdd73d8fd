//! Who may say no to a write: permissions, a dry run's answer, ports that are taken, webhooks.

use crate::input::{DryRun, Known};
use crate::release::{Object, ObjectRef, Value};

use super::Run;
use crate::forecast::objects::{Changed, Sides};
use crate::forecast::ports;
use crate::forecast::webhooks::{self, Backend};
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

    pub(super) fn refused_update(&self, id: &ObjectRef, live: &Value) -> Option<Rejected> {
        let reason = self.refusing_webhook(id, live, "UPDATE")?;
        Some(Rejected { object: id.clone(), field: String::new(), reason, confidence: Confidence::Likely, conflict: false })
    }

    /// A fail-closed webhook of the current revision or of the cluster behind which nobody answers.
    pub(super) fn refusing_webhook(&self, id: &ObjectRef, body: &Value, operation: &str) -> Option<String> {
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
}
