//! Compares each forecast step with what the cluster shows afterwards.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::{FieldDiff, FieldPath, fields};
use crate::forecast::bodies::fold_string_data;
use crate::forecast::{Action, Forecast, Step, StepResult};
use crate::input::{Input, Known, LiveObject};
use crate::k8s::identity::Identity;
use crate::release::{Object, ObjectRef, Value};

/// Live state after the rollback, keyed as [`crate::input::Facts::live`].
pub type Live = BTreeMap<ObjectRef, Known<Option<LiveObject>>>;

/// How the steps turned out. Objects are written `Kind/namespace/name`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// `object: forecast said X, the cluster shows Y`.
    pub misses: Vec<String>,
    /// True, expected or harmless, but worth a line: an object still terminating, a field that somebody else changed.
    pub notes: Vec<String>,
    /// What could not be looked at, and why.
    pub unchecked: Vec<String>,
    /// Steps that were compared.
    pub checked: usize,
}

/// Compares all steps that left something to look at.
pub fn compare(before: &Input, forecast: &Forecast, live: &Live) -> Steps {
    let view = View::new(before, forecast, live);
    let mut steps = Steps::default();
    for step in final_steps(forecast) {
        view.check(step, &mut steps);
    }
    steps
}

/// The last step of each object, hooks left out: their policies delete them, and they run whenever it suits.
fn final_steps(forecast: &Forecast) -> impl Iterator<Item = &Step> {
    let relevant = |step: &&Step| !matches!(step.action, Action::Hook | Action::Wait);
    let last: BTreeMap<&ObjectRef, usize> =
        forecast.steps.iter().enumerate().filter(|(_, step)| relevant(step)).map(|(at, step)| (&step.object, at)).collect();
    let kept: BTreeSet<usize> = last.into_values().collect();
    forecast.steps.iter().enumerate().filter(move |(at, _)| kept.contains(at)).map(|(_, step)| step)
}

struct View<'a> {
    before: &'a Input,
    live: &'a Live,
    /// Named by the forecast as not coming back as *to* says.
    excused: BTreeSet<&'a ObjectRef>,
    identity: Identity,
}

impl<'a> View<'a> {
    fn new(before: &'a Input, forecast: &'a Forecast, live: &'a Live) -> View<'a> {
        let excused = forecast.not_restored.iter().map(|entry| &entry.object).collect();
        let identity = before.helm.version.yes().map_or(Identity::Group, Identity::of);
        View { before, live, excused, identity }
    }

    fn check(&self, step: &Step, out: &mut Steps) {
        if step.result == StepResult::Unknown {
            out.unchecked.push(format!("{}: nothing was forecast", step.object));
            return;
        }
        let now = match self.live.get(&step.object) {
            Some(Known::Yes(found)) => found.as_ref(),
            Some(Known::No(why)) => return out.unchecked.push(format!("{}: {why}", step.object)),
            None => return out.unchecked.push(format!("{}: it was not read again", step.object)),
        };
        out.checked += 1;
        match (step.action, step.result) {
            (Action::Delete, StepResult::Ok) => self.deleted(&step.object, now, out),
            (Action::Delete | Action::Keep, _) | (_, StepResult::NotRun) => self.untouched(step, now, out),
            (_, StepResult::Rejected | StepResult::Conflict) => self.refused(step, now, out),
            (_, StepResult::Ok) => self.applied(step, now, out),
            _ => {}
        }
    }

    fn was(&self, id: &ObjectRef) -> Option<&LiveObject> {
        self.before.facts.live.get(id)?.yes()?.as_ref()
    }

    fn deleted(&self, id: &ObjectRef, now: Option<&LiveObject>, out: &mut Steps) {
        let Some(now) = now else { return };
        if self.was(id).is_some_and(|was| was.uid != now.uid) {
            out.notes.push(format!("{id} was deleted, and somebody has created another one of that name"));
        } else if now.is_terminating() {
            out.notes.push(format!("{id} is still terminating{}", finalizers(now)));
        } else {
            out.misses.push(miss(id, "deleted", "it is still there"));
        }
    }

    /// Kept, skipped, or never reached.
    fn untouched(&self, step: &Step, now: Option<&LiveObject>, out: &mut Steps) {
        let said = match step.result {
            StepResult::NotRun => "not reached",
            _ if step.action == Action::Keep => "kept",
            _ => "not there, nothing to do",
        };
        match (self.was(&step.object), now) {
            (Some(_), None) => out.misses.push(miss(&step.object, said, "it is gone")),
            (Some(was), Some(now)) if was.uid != now.uid => {
                out.misses.push(miss(&step.object, said, "it was replaced by another one"))
            }
            (None, Some(_)) if step.result == StepResult::NotRun => out.misses.push(miss(&step.object, said, "it exists now")),
            _ => {}
        }
    }

    fn refused(&self, step: &Step, now: Option<&LiveObject>, out: &mut Steps) {
        let Some(now) = now else {
            if self.was(&step.object).is_some() {
                out.misses.push(miss(&step.object, "refused", "it is gone"));
            }
            return;
        };
        let changed = self.changed_fields(&step.object);
        let pending = self.differences(&step.object, now);
        let applied = !changed.is_empty() && changed.iter().all(|field| at(&pending, &field.path).is_none());
        if applied {
            out.misses.push(miss(&step.object, "refused", "it has the target's fields"));
        }
    }

    fn applied(&self, step: &Step, now: Option<&LiveObject>, out: &mut Steps) {
        let id = &step.object;
        let Some(now) = now else {
            if !self.excused.contains(id) {
                out.misses.push(miss(id, verb(step.action), "it does not exist"));
            }
            return;
        };
        if step.action == Action::Adopt && now.annotation("meta.helm.sh/release-name") != Some(self.before.from.name.as_str()) {
            out.misses.push(miss(id, "taken over", "its owner annotation does not name this release"));
        }
        if self.excused.contains(id) {
            return;
        }
        let pending = self.differences(id, now);
        for field in self.changed_fields(id) {
            field_result(id, &field, at(&pending, &field.path), out);
        }
    }

    /// What differs between the manifests and is more than noise.
    fn changed_fields(&self, id: &ObjectRef) -> Vec<FieldDiff> {
        let (Some(from), Some(to)) = (self.object(&self.before.from.objects, id), self.object(&self.before.to.objects, id))
        else {
            return Vec::new();
        };
        meaningful(fields::compare(&folded(id, &from.body), &folded(id, &to.body), id))
    }

    /// What differs between the cluster and *to*.
    fn differences(&self, id: &ObjectRef, now: &LiveObject) -> Vec<FieldDiff> {
        let Some(to) = self.object(&self.before.to.objects, id) else {
            return Vec::new();
        };
        meaningful(fields::compare(&folded(id, &now.body), &folded(id, &to.body), id))
    }

    fn object<'o>(&self, objects: &'o [Object], id: &ObjectRef) -> Option<&'o Object> {
        objects.iter().find(|object| self.identity.same(&object.id, id))
    }
}

/// A changed field that still has *from*'s value is a miss; one with a third value was changed by somebody else
/// (an autoscaler, a webhook, a controller), which Helm's success does not exclude.
fn field_result(id: &ObjectRef, field: &FieldDiff, pending: Option<&FieldDiff>, out: &mut Steps) {
    let Some(pending) = pending else { return };
    let path = &field.path;
    if field.to.is_none() {
        out.notes.push(format!("{id}: {path} is not in the target, but still set"));
    } else if pending.from == field.from {
        out.misses.push(miss(id, &format!("{path} = {}", shown(field.to.as_ref())), &shown(pending.from.as_ref())));
    } else {
        out.notes.push(format!("{id}: {path} is {}, the target says {}", shown(pending.from.as_ref()), shown(field.to.as_ref())));
    }
}

fn meaningful(fields: Vec<FieldDiff>) -> Vec<FieldDiff> {
    fields.into_iter().filter(|field| field.noise.is_none()).collect()
}

fn at<'f>(fields: &'f [FieldDiff], path: &FieldPath) -> Option<&'f FieldDiff> {
    fields.iter().find(|field| field.path == *path)
}

fn folded(id: &ObjectRef, body: &Value) -> Value {
    fold_string_data(id, body.clone())
}

fn verb(action: Action) -> &'static str {
    match action {
        Action::Create => "created",
        Action::Adopt => "taken over",
        Action::Replace => "replaced",
        _ => "changed",
    }
}

fn miss(id: &ObjectRef, said: &str, shows: &str) -> String {
    format!("{id}: forecast said: {said}; the cluster shows: {shows}")
}

fn shown(value: Option<&Value>) -> String {
    const MAX: usize = 120;
    let text = value.map_or_else(|| "nothing".to_owned(), Value::display);
    match text.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn finalizers(object: &LiveObject) -> String {
    let names: Vec<&str> = object.body.at(&["metadata", "finalizers"]).as_list().iter().filter_map(Value::as_str).collect();
    if names.is_empty() { String::new() } else { format!(" (finalizers: {})", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::sample::{self, id, live, step};

    /// The world as the sample's forecast wants it.
    fn as_forecast() -> Live {
        BTreeMap::from([
            (id("ConfigMap", "settings"), live("ConfigMap", "settings", "uid-settings", "data: {mode: old}")),
            (id("Service", "web"), live("Service", "web", "uid-web", "spec: {type: ClusterIP}")),
            (id("PersistentVolumeClaim", "cache"), Known::Yes(None)),
        ])
    }

    fn compared(steps: Vec<Step>, change: impl FnOnce(&mut Live)) -> Steps {
        let mut forecast = sample::forecast();
        if !steps.is_empty() {
            forecast.steps = steps;
        }
        let mut world = as_forecast();
        change(&mut world);
        compare(&sample::input(), &forecast, &world)
    }

    #[test]
    fn a_world_as_forecast_has_no_miss() {
        assert_eq!(compared(Vec::new(), |_| {}), Steps { checked: 3, ..Steps::default() });
    }

    #[test]
    fn a_deleted_object_must_be_gone_or_going() {
        let cache = id("PersistentVolumeClaim", "cache");
        let there = compared(Vec::new(), |world| drop(world.insert(cache.clone(), live("", "", "uid-cache", "{}"))));
        assert_eq!(
            there.misses,
            ["PersistentVolumeClaim/prod/cache: forecast said: deleted; the cluster shows: it is still there"]
        );
        let going = "metadata: {deletionTimestamp: \"2026-03-01T10:00:00Z\", finalizers: [kubernetes.io/pvc-protection]}";
        let going = compared(Vec::new(), |world| drop(world.insert(cache.clone(), live("", "", "uid-cache", going))));
        assert!(
            going.misses.is_empty() && going.notes[0].contains("still terminating (finalizers: kubernetes.io/pvc-protection)")
        );
        let again = compared(Vec::new(), |world| drop(world.insert(cache, live("", "", "uid-new", "{}"))));
        assert!(again.misses.is_empty() && again.notes[0].contains("another one of that name"));
    }

    #[test]
    fn what_was_to_exist_must_exist() {
        let gone = compared(Vec::new(), |world| drop(world.insert(id("Service", "web"), Known::Yes(None))));
        assert_eq!(gone.misses, ["Service/prod/web: forecast said: changed; the cluster shows: it does not exist"]);
    }

    #[test]
    fn what_helm_did_not_reach_must_be_untouched() {
        let steps = vec![
            step(Action::Delete, "PersistentVolumeClaim", "cache", StepResult::NotRun),
            step(Action::Patch, "Secret", "new", StepResult::NotRun),
        ];
        let moved = compared(steps, |world| drop(world.insert(id("Secret", "new"), live("", "", "uid", "{}"))));
        assert_eq!(moved.misses.len(), 2, "{moved:?}");
        assert!(moved.misses[0].contains("not reached; the cluster shows: it is gone"));
        assert!(moved.misses[1].contains("it exists now"));
    }

    #[test]
    fn a_kept_object_must_be_the_same_one() {
        let steps = vec![step(Action::Keep, "PersistentVolumeClaim", "cache", StepResult::Ok)];
        assert!(compared(steps.clone(), |_| {}).misses[0].contains("kept; the cluster shows: it is gone"));
        let other =
            compared(steps, |world| drop(world.insert(id("PersistentVolumeClaim", "cache"), live("", "", "uid-2", "{}"))));
        assert!(other.misses[0].contains("replaced by another one"));
    }

    #[test]
    fn the_last_step_of_an_object_counts_and_hooks_do_not() {
        let steps = vec![
            step(Action::Hook, "Job", "migrate", StepResult::Ok),
            step(Action::Patch, "PersistentVolumeClaim", "cache", StepResult::Ok),
            step(Action::Delete, "PersistentVolumeClaim", "cache", StepResult::Ok),
        ];
        assert_eq!(compared(steps, |_| {}), Steps { checked: 1, ..Steps::default() });
    }

    #[test]
    fn what_cannot_be_seen_is_said() {
        let blind = compared(vec![step(Action::Create, "Secret", "x", StepResult::Ok)], |world| {
            world.insert(id("Secret", "x"), Known::No("forbidden: get secrets".into()));
        });
        assert_eq!(blind.unchecked, ["Secret/prod/x: forbidden: get secrets"]);
        assert_eq!(blind.checked, 0);
    }

    fn settings(body: &str) -> Steps {
        compared(Vec::new(), |world| drop(world.insert(id("ConfigMap", "settings"), live("", "", "uid-settings", body))))
    }

    #[test]
    fn a_field_that_kept_its_value_is_a_miss() {
        let kept = settings("data: {mode: new}");
        assert_eq!(kept.misses, ["ConfigMap/prod/settings: forecast said: data.mode = old; the cluster shows: new"]);
    }

    #[test]
    fn a_field_that_somebody_else_changed_is_only_a_note() {
        let other = settings("data: {mode: manual}");
        assert_eq!(other.misses, Vec::<String>::new());
        assert_eq!(other.notes, ["ConfigMap/prod/settings: data.mode is manual, the target says old"]);
    }

    #[test]
    fn what_only_the_cluster_has_is_no_news() {
        let more = "data: {mode: old, added: by-hand}\nmetadata: {uid: x, annotations: {a: b}}";
        assert_eq!(settings(more), Steps { checked: 3, ..Steps::default() });
    }

    #[test]
    fn a_refused_change_must_not_be_there() {
        let steps = || vec![step(Action::Patch, "ConfigMap", "settings", StepResult::Rejected)];
        assert!(compared(steps(), |_| {}).misses[0].contains("refused; the cluster shows: it has the target's fields"));
        let unchanged = compared(steps(), |world| {
            world.insert(id("ConfigMap", "settings"), live("", "", "uid-settings", "data: {mode: new}"));
        });
        assert_eq!(unchanged, Steps { checked: 1, ..Steps::default() });
    }

    #[test]
    fn an_adopted_object_must_name_the_release() {
        let steps = || vec![step(Action::Adopt, "ConfigMap", "found", StepResult::Ok)];
        let owned = |name: &str| format!("metadata: {{annotations: {{meta.helm.sh/release-name: {name}}}}}");
        let adopt = |name: &str| {
            compared(steps(), |world| drop(world.insert(id("ConfigMap", "found"), live("", "", "uid", &owned(name)))))
        };
        assert!(adopt("shop").misses.is_empty());
        assert!(adopt("other").misses[0].contains("does not name this release"));
    }
}
