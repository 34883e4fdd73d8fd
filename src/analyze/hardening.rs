//! Protections that the present revision has and the target lacks: the way back reopens what was closed.

use std::collections::BTreeSet;

use super::images::slots::{self, Before, Slot};
use super::{Change, ChangeKind, Context, Fact};
use crate::diff::Pair;
use crate::forecast::Confidence;
use crate::k8s::data_format;
use crate::k8s::image::Scheme;
use crate::release::{ObjectRef, Value};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let pods = context.pairs.iter().filter_map(|pair| pods(context, pair));
    let roles = context.pairs.iter().filter_map(|pair| role(context, pair));
    patches(context).into_iter().chain(pods).chain(roles).collect()
}

/// Images that only lose patches: those are mostly fixes. One change for the release.
fn patches(context: &Context<'_>) -> Option<Change> {
    let slots = slots::of(context);
    let lost: BTreeSet<String> = slots.iter().filter_map(lost_patch).collect();
    let first = slots.iter().find(|slot| lost_patch(slot).is_some())?;
    let mut change = Change::new(ChangeKind::HardeningReverted, None)
        .confidence(Confidence::Possible)
        .fact(Fact::PatchReverted)
        .with("what", format!("patch versions go back ({})", lost.into_iter().collect::<Vec<_>>().join(", ")));
    change.evidence = first.evidence();
    Some(change)
}

fn lost_patch(slot: &Slot<'_>) -> Option<String> {
    let (before, target) = slot.images()?;
    let scheme = data_format::products(&target).next().map_or(Scheme::Plain, |product| product.scheme);
    let (current, older) = (before.version(scheme)?, target.version(scheme)?);
    let lost = before.name() == target.name() && current.same_series(&older, 2) && data_format::is_below(&older, &current);
    lost.then(|| format!("{} {current} to {older}", target.name()))
}

/// What a pod template gives up against what is live and against *from*: what only the cluster has, an injected setting
/// for one, stays through the patch.
fn pods(context: &Context<'_>, pair: &Pair<'_>) -> Option<Change> {
    let (before, from, to) = (Before::of(context, pair)?, pair.from?, pair.to?);
    let new = slots::pod_spec(&to.id, &to.body);
    let against_from = Lost::between(slots::pod_spec(&to.id, &from.body), new);
    let mut lost = Lost::between(slots::pod_spec(&to.id, before.body), new);
    lost.what.retain(|what| against_from.what.contains(what));
    lost.host &= against_from.host;
    let path = slots::spec_prefix(&to.id);
    let change = lost.into_change(&to.id, path.trim_end_matches('.'))?;
    let mut change =
        change.fact_if(!before.live, Fact::LiveUnknown).evidence(EvidenceSource::To, &to.origin, "without these protections");
    change.evidence.push(before.evidence("has these protections"));
    Some(change)
}

fn slots_of(spec: &Value) -> impl Iterator<Item = &Value> {
    spec.get("containers").as_list().iter().chain(spec.get("initContainers").as_list())
}

#[derive(Default)]
struct Lost {
    what: Vec<String>,
    host: bool,
}

/// A container's effective security context: its own settings before those of the pod.
struct View<'v> {
    name: &'v str,
    own: &'v Value,
    pod: &'v Value,
}

impl<'v> View<'v> {
    fn new(spec: &'v Value, container: &'v Value) -> View<'v> {
        let name = container.get("name").as_str().unwrap_or("");
        View { name, own: container.get("securityContext"), pod: spec.get("securityContext") }
    }

    fn get(&self, key: &str) -> &'v Value {
        let own = self.own.get(key);
        if own.is_null() { self.pod.get(key) } else { own }
    }

    fn is(&self, key: &str, wanted: bool) -> bool {
        self.get(key).as_bool() == Some(wanted)
    }

    fn capabilities(&self, list: &str) -> BTreeSet<&'v str> {
        self.own.at(&["capabilities", list]).as_list().iter().filter_map(Value::as_str).collect()
    }

    /// A seccomp profile that confines.
    fn is_confined(&self) -> bool {
        self.get("seccompProfile").get("type").as_str().is_some_and(|kind| kind != "Unconfined")
    }
}

impl Lost {
    fn between(old: &Value, new: &Value) -> Lost {
        let mut lost = Lost::default();
        lost.host(old, new);
        for container in slots_of(new) {
            let earlier = slots_of(old).find(|other| other.get("name") == container.get("name"));
            if let Some(earlier) = earlier {
                lost.container(&View::new(old, earlier), &View::new(new, container));
            }
        }
        lost
    }

    fn host(&mut self, old: &Value, new: &Value) {
        for key in ["hostNetwork", "hostPID", "hostIPC"] {
            if new.get(key).as_bool() == Some(true) && old.get(key).as_bool() != Some(true) {
                self.host = true;
                self.what.push(format!("{key} comes back"));
            }
        }
        let paths = |spec: &Value| -> BTreeSet<String> {
            let volumes = spec.get("volumes").as_list().iter();
            volumes.filter_map(|volume| volume.at(&["hostPath", "path"]).as_str().map(str::to_owned)).collect()
        };
        for path in paths(new).difference(&paths(old)) {
            self.host = true;
            self.what.push(format!("host path {path} comes back"));
        }
    }

    fn container(&mut self, old: &View<'_>, new: &View<'_>) {
        let name = new.name;
        if new.is("privileged", true) && !old.is("privileged", true) {
            self.host = true;
            self.what.push(format!("{name} is privileged"));
        }
        for (key, wanted) in [("allowPrivilegeEscalation", false), ("runAsNonRoot", true), ("readOnlyRootFilesystem", true)] {
            if old.is(key, wanted) && !new.is(key, wanted) {
                self.what.push(format!("{name} loses {key}: {wanted}"));
            }
        }
        let gained: Vec<&str> = new.capabilities("add").difference(&old.capabilities("add")).copied().collect();
        if !gained.is_empty() {
            self.what.push(format!("{name} gains {}", gained.join(", ")));
        }
        if old.capabilities("drop").contains("ALL") && !new.capabilities("drop").contains("ALL") {
            self.what.push(format!("{name} drops fewer capabilities"));
        }
        if old.is_confined() && !new.is_confined() {
            self.what.push(format!("{name} loses its seccomp profile"));
        }
    }

    fn into_change(self, id: &ObjectRef, path: &str) -> Option<Change> {
        let change = Change::of(ChangeKind::HardeningReverted, id).path(path).with("what", self.what.join("; "));
        (!self.what.is_empty()).then(|| change.fact_if(self.host, Fact::HostAccess))
    }
}

/// Rights of a role that the present one does not have.
fn role(context: &Context<'_>, pair: &Pair<'_>) -> Option<Change> {
    let (before, to) = (Before::of(context, pair)?, pair.to?);
    if to.id.group() != "rbac.authorization.k8s.io" || !matches!(to.id.kind.as_str(), "Role" | "ClusterRole") {
        return None;
    }
    let has = rights(before.body);
    let gained: Vec<String> = rights(&to.body)
        .into_iter()
        .filter(|right| !has.iter().any(|held| held.covers(right)))
        .map(|right| right.shown())
        .collect();
    if gained.is_empty() {
        return None;
    }
    let more = gained.len().saturating_sub(5);
    let listed = gained.iter().take(5).cloned().collect::<Vec<_>>().join("; ");
    let listed = if more > 0 { format!("{listed}; and {more} more") } else { listed };
    let mut change = Change::of(ChangeKind::HardeningReverted, &to.id)
        .path("rules")
        .fact(Fact::RightsWidened)
        .fact_if(!before.live, Fact::LiveUnknown)
        .with("what", format!("it may again {listed}"))
        .evidence(EvidenceSource::To, &to.origin, listed);
    change.evidence.push(before.evidence("rules without these rights"));
    Some(change)
}

/// One verb on one resource.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Right<'v> {
    group: &'v str,
    resource: &'v str,
    /// Names it is limited to; empty = all.
    names: BTreeSet<&'v str>,
    verb: &'v str,
}

impl Right<'_> {
    /// `*` stands for everything (rbac/v1 `PolicyRule`).
    fn covers(&self, other: &Right<'_>) -> bool {
        let is = |held: &str, wanted: &str| held == "*" || held == wanted;
        let named = self.names.is_empty() || (!other.names.is_empty() && other.names.is_subset(&self.names));
        named && is(self.group, other.group) && is(self.resource, other.resource) && is(self.verb, other.verb)
    }

    fn shown(&self) -> String {
        let resource = if self.group.is_empty() { self.resource.to_owned() } else { format!("{}.{}", self.resource, self.group) };
        format!("{} {resource}", self.verb)
    }
}

fn rights(role: &Value) -> BTreeSet<Right<'_>> {
    let mut rights = BTreeSet::new();
    for rule in role.get("rules").as_list() {
        let list = |key: &str| rule.get(key).as_list().iter().filter_map(Value::as_str);
        for (group, resource) in list("apiGroups").flat_map(|group| list("resources").map(move |resource| (group, resource))) {
            rights.extend(list("verbs").map(|verb| Right { group, resource, names: list("resourceNames").collect(), verb }));
        }
    }
    rights
}
