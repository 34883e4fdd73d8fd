//! What happens to one object of *to* that is already in the cluster.

use crate::input::{Facts, LiveObject};
use crate::k8s::{immutable, kinds};
use crate::release::{ApplyMethod, Object, ObjectRef, Release, Value};

use super::availability::{self, Served};
use super::{Confidence, Method, Rejected, apply, bodies, managed, merge};

/// Result of changing one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// The object as it will be stored; the live one where the change is refused.
    pub after: Value,
    /// Nothing is sent, because the patch is empty.
    pub unchanged: bool,
    pub rejected: Vec<Rejected>,
}

/// The three bodies a change works on. `to` is stamped with Helm's metadata.
pub struct Sides<'a> {
    pub id: &'a ObjectRef,
    /// Absent for a take-over.
    pub from: Option<&'a Value>,
    pub to: &'a Value,
    pub live: &'a Value,
}

/// Applies `to` by `method` and asks whether the API server takes it.
pub fn change(sides: &Sides<'_>, method: Method, force_conflicts: bool, facts: &Facts) -> Changed {
    match method {
        Method::ServerSide => server_side(sides, force_conflicts, facts),
        Method::ClientSide => client_side(sides, facts),
        Method::Replace => judged(sides, sides.to.clone(), facts),
    }
}

fn client_side(sides: &Sides<'_>, facts: &Facts) -> Changed {
    // A take-over uses the live object as the original (Helm 3.22 `update`, Helm 4.2 `patchResourceClientSide`).
    let base = sides.from.unwrap_or(sides.live);
    if kinds::has_strategic_merge(sides.id) {
        return judged(sides, merge::strategic(sides.id, base, sides.to, sides.live), facts);
    }
    if sides.from.is_none() {
        // The JSON merge patch then removes `metadata.resourceVersion`, which custom resources must carry.
        return refused(sides, "metadata.resourceVersion", "Invalid value: 0: must be specified for an update", false);
    }
    match merge::json(base, sides.to, sides.live) {
        Some(after) => judged(sides, after, facts),
        None => Changed { after: sides.live.clone(), unchanged: true, rejected: Vec::new() },
    }
}

fn server_side(sides: &Sides<'_>, force_conflicts: bool, facts: &Facts) -> Changed {
    if let Some(version) = dropped_version(sides, facts) {
        let reason = format!("request to convert CR to an invalid group/version: {version}");
        return refused(sides, "metadata.managedFields", &reason, false);
    }
    let conflicts = apply::conflicts(sides.live, sides.to);
    if !force_conflicts && !conflicts.is_empty() {
        let rejected = conflicts
            .into_iter()
            .map(|conflict| Rejected {
                object: sides.id.clone(),
                field: conflict.path,
                reason: format!("conflict with \"{}\"", conflict.manager),
                confidence: Confidence::Certain,
                conflict: true,
            })
            .collect();
        return Changed { after: sides.live.clone(), unchanged: false, rejected };
    }
    judged(sides, apply::apply(sides.id, sides.live, sides.to), facts)
}

/// A version that an owner of a custom resource recorded and that the CRD no longer serves.
fn dropped_version(sides: &Sides<'_>, facts: &Facts) -> Option<String> {
    if kinds::has_strategic_merge(sides.id) {
        return None;
    }
    apply::recorded_versions(sides.live).into_iter().find(|version| {
        let id = ObjectRef { api_version: version.clone(), ..sides.id.clone() };
        id.group() == sides.id.group() && availability::served(facts, &id) == Served::No
    })
}

fn refused(sides: &Sides<'_>, field: &str, reason: &str, conflict: bool) -> Changed {
    let rejected = Rejected {
        object: sides.id.clone(),
        field: field.to_owned(),
        reason: reason.to_owned(),
        confidence: Confidence::Certain,
        conflict,
    };
    Changed { after: sides.live.clone(), unchanged: false, rejected: vec![rejected] }
}

fn judged(sides: &Sides<'_>, mut after: Value, facts: &Facts) -> Changed {
    merge::prune_nulls(&mut after);
    let after = bodies::with_server_fields(sides.id, after, sides.live);
    if after == *sides.live {
        return Changed { after, unchanged: true, rejected: Vec::new() };
    }
    let version = facts.server_version.yes().map(String::as_str);
    let rejected = immutable::refusals(sides.id, sides.live, &after, version)
        .into_iter()
        .map(|refusal| Rejected {
            object: sides.id.clone(),
            field: refusal.path.to_string(),
            reason: refusal.reason,
            confidence: refusal.confidence,
            conflict: false,
        })
        .collect();
    Changed { after, unchanged: false, rejected }
}

/// What the live object is compared as where it could not be read: *from*'s manifest with Helm's metadata, each field Helm's own
/// where *from* was applied by the server.
pub fn assumed_live(object: &Object, from: &Release) -> Value {
    let mut live = bodies::stamped(&object.body, &from.name, &from.namespace);
    merge::prune_nulls(&mut live);
    if from.apply_method == Some(ApplyMethod::ServerSide) {
        let entry = managed::entry(&object.id, &live, from.apply_method);
        if let Some(metadata) = live.as_map_mut().and_then(|map| map.get_mut("metadata")).and_then(Value::as_map_mut) {
            metadata.insert("managedFields".to_owned(), Value::List(vec![entry]));
        }
    }
    live
}

/// Both manifests say the same of an object that is taken to be as *from* says: the patch between three equal bodies is empty
/// (apimachinery `CreateThreeWayMergePatch`, `jsonmergepatch.CreateThreeWayJSONMergePatch`), so Helm sends none. A server-side apply
/// and a replacement are sent all the same.
pub fn leaves_alone(before: &Object, object: &Object, method: Method) -> bool {
    method == Method::ClientSide && before.body == object.body
}

/// Whether the live annotation protects the object from deletion: exactly `keep`, no trimming or case folding
/// (Helm `pkg/kube/client.go` `update`, unlike `helm uninstall`).
pub fn is_kept(live: &LiveObject) -> bool {
    live.annotation("helm.sh/resource-policy") == Some("keep")
}

/// The same by the manifest, which was what Helm last wrote.
pub fn says_keep(object: &Object) -> bool {
    object.annotation("helm.sh/resource-policy") == Some("keep")
}
