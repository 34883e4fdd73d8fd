//! What to do before an upgrade that cannot be undone.

use crate::forecast::{Confidence, Forecast};
use crate::release::ObjectRef;

use super::report::Step;

/// Steps to take first, the most urgent ones at the head: what would be lost, then what could not go back.
pub fn first(upgrade: &Forecast, back: &Forecast, migrations: bool) -> Vec<Step> {
    let mut steps: Vec<Step> = upgrade.deletes.iter().filter(|id| holds_data(id)).map(keep).collect();
    let claims = upgrade.cascades.iter().filter(|id| id.kind == "PersistentVolumeClaim");
    steps.extend(claims.map(|id| Step::new(id, "take a snapshot or a backup of it: the upgrade removes it with its owner")));
    if migrations {
        steps.push(Step {
            object: None,
            what: "split the schema change (expand, then contract in a later release), and take a backup first".to_owned(),
        });
    }
    let mut refused: Vec<&ObjectRef> =
        back.rejected.iter().filter(|refusal| refusal.confidence > Confidence::Possible).map(|refusal| &refusal.object).collect();
    refused.dedup();
    steps.extend(refused.into_iter().map(|id| Step::new(id, back_refused(id))));
    steps
}

fn holds_data(id: &ObjectRef) -> bool {
    ["PersistentVolumeClaim", "PersistentVolume", "CustomResourceDefinition", "Namespace", "VolumeSnapshot"]
        .contains(&id.kind.as_str())
}

fn keep(id: &ObjectRef) -> Step {
    let place = id.namespace.as_ref().map(|namespace| format!(" -n {}", crate::shell::word(namespace))).unwrap_or_default();
    let kind = id.kind.to_lowercase();
    let name = crate::shell::word(&id.name);
    let what = format!(
        "save it, and let the upgrade leave it: kubectl annotate {kind} {name}{place} helm.sh/resource-policy=keep --overwrite"
    );
    Step::new(id, &what)
}

fn back_refused(id: &ObjectRef) -> &'static str {
    match id.kind.as_str() {
        "PersistentVolumeClaim" => "a claim never shrinks: take a snapshot, and let the older chart ask for the new size too",
        "CustomResourceDefinition" => "bring the new version beside the old one, and drop the old one in a later release",
        "ConfigMap" | "Secret" => "give the immutable object a new name instead of new content",
        _ => "bring the change under a new name beside the old object, and remove that one in a later release",
    }
}
