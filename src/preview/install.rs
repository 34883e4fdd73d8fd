//! A first installation that fails: `helm upgrade --install --atomic` uninstalls it (Helm `pkg/action/install.go` `failRelease`).

use crate::forecast::{Action, Forecast, Method, Outcome, Step, StepResult};
use crate::input::{Input, Known};
use crate::release::{HookEvent, Object, ObjectRef};

/// What the uninstallation does: everything goes but what its own manifest says to keep (Helm `pkg/action/resource_policy.go`
/// `filterManifestsToKeep`, which trims and lowers the annotation's value). Hook objects and `crds/` stay.
pub fn uninstalled(input: &Input) -> Forecast {
    let mut forecast = Forecast::empty(Method::ClientSide);
    forecast.outcome = Outcome::Succeeds;
    forecast.reason = "what was installed is uninstalled, and the release is gone".to_owned();
    for object in &input.from.objects {
        let kept = keeps(object);
        let (action, list) = if kept { (Action::Keep, &mut forecast.kept) } else { (Action::Delete, &mut forecast.deletes) };
        list.push(object.id.clone());
        forecast.steps.push(Step { action, object: object.id.clone(), result: StepResult::Ok, why: None });
    }
    forecast
}

fn keeps(object: &Object) -> bool {
    object.annotation("helm.sh/resource-policy").is_some_and(|value| value.trim().eq_ignore_ascii_case("keep"))
}

/// What stays of a failed installation.
pub fn leftovers(input: &Input) -> Vec<String> {
    let installs = [HookEvent::PreInstall, HookEvent::PostInstall];
    let hooks = input.from.hooks.iter().filter(|hook| installs.iter().any(|event| hook.has_event(*event)));
    let hooks = hooks.filter_map(|hook| hook.object.as_ref()).map(|object| object.id.to_string());
    hooks.chain(input.from.chart.crd_files.iter().cloned()).collect()
}

/// Objects that exist already: Helm refuses to install over what is not its own (`existingResourceConflict`).
pub fn in_the_way(input: &Input) -> Vec<&ObjectRef> {
    let exists = |id: &&ObjectRef| matches!(input.facts.live.get(*id), Some(Known::Yes(Some(_))));
    input.from.objects.iter().map(|object| &object.id).filter(exists).collect()
}
