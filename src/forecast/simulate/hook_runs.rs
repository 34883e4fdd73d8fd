//! The hooks of the target that run.

use crate::release::{Hook, HookEvent};

use super::{Run, Stop};
use crate::forecast::hooks::{self, Start};
use crate::forecast::{Action, Alternative, Confidence, HookRun, Outcome, StepResult};

impl<'a> Run<'a> {
    pub(super) fn hooks(&mut self, event: HookEvent) -> Result<(), Stop> {
        if self.input.flags.no_hooks {
            return Ok(());
        }
        for hook in hooks::chosen(&self.input.to.hooks, event) {
            self.hook(hook, event)?;
        }
        Ok(())
    }

    pub(super) fn hook(&mut self, hook: &'a Hook, event: HookEvent) -> Result<(), Stop> {
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

    pub(super) fn hook_starts(&mut self, hook: &Hook, event: HookEvent) {
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
    pub(super) fn hook_may_fail(&mut self, hook: &Hook, event: HookEvent) {
        if !matches!(hook.kind.as_str(), "Job" | "Pod") {
            return;
        }
        let done = if event == self.events[0] { "nothing else was changed" } else { "everything else was changed" };
        self.forecast.alternatives.push(Alternative {
            when: format!("{} hook {} fails or times out", event.as_str(), hook.name),
            outcome: Outcome::Stuck,
            reason: format!("a failing rollback hook leaves the new record pending-rollback; {done}"),
        });
    }
}
