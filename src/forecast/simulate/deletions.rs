//! Objects that only the revision left has.

use std::collections::BTreeSet;

use crate::input::Known;
use crate::k8s::identity::IdentityKey;
use crate::k8s::pods;
use crate::release::{Object, ObjectRef};

use super::{Run, Stop};
use crate::forecast::availability;
use crate::forecast::objects;
use crate::forecast::{Action, Confidence, StepResult, cascades};

impl<'a> Run<'a> {
    /// Objects only in *from*, in install order.
    pub(super) fn deletions(&mut self) -> Result<(), Stop> {
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
    pub(super) fn refused_deletion(&mut self, id: &ObjectRef, reason: String) -> Option<String> {
        if !self.behaviour.delete_errors_fail {
            self.stays(id, reason);
            return None;
        }
        self.reject(id, "", &reason, Confidence::Certain, false);
        self.step(Action::Delete, id, StepResult::Rejected, Some(reason.clone()));
        Some(reason)
    }

    /// Not deleted, and called a success.
    pub(super) fn stays(&mut self, id: &ObjectRef, reason: String) {
        self.forecast.kept.push(id.clone());
        self.step(Action::Delete, id, StepResult::Rejected, Some(format!("{reason}; Helm only logs that")));
    }

    pub(super) fn delete(&mut self, object: &'a Object) {
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
    pub(super) fn stays_mounted(&self, id: &ObjectRef) -> bool {
        let mounts =
            |object: &&Object| object.id.namespace == id.namespace && pods::mounts_claim(pods::spec(&object.body), &id.name);
        id.is("", "PersistentVolumeClaim") && self.input.to.objects.iter().any(|object| mounts(&object))
    }

    pub(super) fn only_in_from(&self) -> Vec<&'a Object> {
        let in_to: BTreeSet<IdentityKey> =
            self.input.to.objects.iter().map(|object| self.behaviour.identity.key(&object.id)).collect();
        self.input.from.objects.iter().filter(|object| !in_to.contains(&self.behaviour.identity.key(&object.id))).collect()
    }

    /// A pre-rollback hook of this very run may have created what *from* has as a template.
    pub(super) fn created_by_hook(&self, id: &ObjectRef) -> bool {
        self.forecast.steps.iter().any(|step| step.action == Action::Hook && step.result == StepResult::Ok && step.object == *id)
    }

    /// The stored object that *to* names under another group goes with this deletion.
    pub(super) fn deletes_its_other_name(&mut self, id: &ObjectRef) {
        let other = self.input.to.objects.iter().find(|object| availability::share_storage(&object.id, id));
        if let Some(object) = other {
            let why = format!("it is deleted again under its other name {}", id.api_version);
            self.not_restored(&object.id, &why);
        }
    }

    /// This run created the same stored object under another API group.
    pub(super) fn created_under_other_group(&self, id: &ObjectRef) -> bool {
        self.forecast.creates.iter().any(|created| availability::share_storage(created, id))
    }

    pub(super) fn deletions_not_run(&mut self) {
        for object in self.only_in_from() {
            let why = "nothing is deleted when an update failed";
            self.step(Action::Delete, &object.id, StepResult::NotRun, Some(why.into()));
        }
    }
}
