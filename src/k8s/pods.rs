//! Pod specs inside workloads.

use crate::release::{Map, Value};

/// Where kinds keep their pod spec, most nested first.
const PLACES: [&[&str]; 3] = [&["spec", "jobTemplate", "spec", "template", "spec"], &["spec", "template", "spec"], &["spec"]];

/// The pod spec of a workload, CronJob or Pod; `Null` where there is none.
pub fn spec(body: &Value) -> &Value {
    static NONE: Value = Value::Null;
    PLACES.iter().map(|path| body.at(path)).find(|spec| !spec.get("containers").is_null()).unwrap_or(&NONE)
}

/// The pod spec for changing it.
pub fn spec_mut(body: &mut Value) -> Option<&mut Map> {
    let path = PLACES.iter().find(|path| !body.at(path).get("containers").is_null())?;
    path.iter().try_fold(body, |value, key| value.as_map_mut()?.get_mut(*key))?.as_map_mut()
}

/// Whether a pod of this spec mounts the claim.
pub fn mounts_claim(spec: &Value, claim: &str) -> bool {
    let volumes = spec.get("volumes").as_list();
    volumes.iter().any(|volume| volume.at(&["persistentVolumeClaim", "claimName"]).as_str() == Some(claim))
}
