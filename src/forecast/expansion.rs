//! Claims that the target wants larger than they are: their class must allow it
//! (Kubernetes `plugin/pkg/admission/storage/persistentvolume/resize`, on by default).

use crate::input::{Input, Known};
use crate::k8s::quantity;
use crate::k8s::surroundings::Surrounding;
use crate::release::{ObjectRef, Value};

use super::{Confidence, Rejected};

/// The API server's words.
pub const NOT_EXPANDABLE: &str =
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";

const REQUEST: [&str; 4] = ["spec", "resources", "requests", "storage"];

/// Whether a claim that grows from `before` to `after` is refused; nothing where its class is not known.
pub fn refusal(input: &Input, id: &ObjectRef, before: &Value, after: &Value) -> Option<Rejected> {
    let grows = quantity::of(after.at(&REQUEST)) > quantity::of(before.at(&REQUEST));
    let bound = before.at(&["status", "phase"]).as_str() == Some("Bound");
    if !id.is("", "PersistentVolumeClaim") || !grows || !bound {
        return None;
    }
    let refusing = answers(input, class(before))?;
    let confidence = if refusing.iter().all(|refuses| *refuses) { Confidence::Certain } else { Confidence::Possible };
    refusing.contains(&true).then(|| Rejected {
        object: id.clone(),
        field: REQUEST.join("."),
        reason: NOT_EXPANDABLE.to_owned(),
        confidence,
        conflict: false,
    })
}

/// The annotation came before the field and counts first (`k8s.io/component-helpers/storage/volume` `GetPersistentVolumeClaimClass`).
fn class(claim: &Value) -> &str {
    let annotated = claim.at(&["metadata", "annotations"]).get("volume.beta.kubernetes.io/storage-class").as_str();
    annotated.or(claim.at(&["spec", "storageClassName"]).as_str()).unwrap_or("")
}

/// What the class says now, and what the target's says: it is applied before, and the API server may not have seen it yet.
fn answers(input: &Input, name: &str) -> Option<Vec<bool>> {
    let Known::Yes(classes) = input.facts.around(Surrounding::StorageClasses, None) else { return None };
    let refuses = |class: &Value| class.get("allowVolumeExpansion").as_bool() != Some(true);
    let live = classes.iter().find(|class| class.body.at(&["metadata", "name"]).as_str() == Some(name));
    let target = input.to.objects.iter().find(|object| object.id.is("storage.k8s.io", "StorageClass") && object.id.name == name);
    let live = live.is_none_or(|class| refuses(&class.body));
    Some([live].into_iter().chain(target.map(|object| refuses(&object.body))).collect())
}
