//! The cluster as an upgrade leaves it, where it was not ready in time or a step of it was refused.

use std::collections::BTreeMap;

use crate::forecast::objects::{self, Sides};
use crate::forecast::{Action, Forecast, Method, Step, StepResult, bodies, managed};
use crate::helm::HelmVersion;
use crate::input::{ApiResource, Discovery, Facts, Input, Known, LiveObject};
use crate::k8s::identity::Identity;
use crate::release::{ApplyMethod, Map, Object, ObjectRef, Release, Value};

/// The facts of `forward` with every step that its forecast takes to be done. What is not known stays unknown.
pub fn facts(forward: &Input, forecast: &Forecast) -> Facts {
    let mut facts = forward.facts.clone();
    // One process does both, and does not ask again what is served (cli-runtime `ToRESTMapper`, cached).
    facts.cached_discovery = forward.facts.discovery.clone();
    let state = State::new(forward, forecast.method);
    for step in &forecast.steps {
        let Some(live) = state.after(step) else { continue };
        if step.action == Action::Create {
            empty(&step.object, &mut facts);
        }
        facts.live.insert(step.object.clone(), Known::Yes(live));
    }
    facts.discovery = served(facts.discovery, forward, forecast);
    facts
}

/// What the upgrade itself has made holds nothing but what the upgrade brought.
fn empty(made: &ObjectRef, facts: &mut Facts) {
    if made.is("", "Namespace") {
        facts.namespace_contents.insert(made.name.clone(), Known::Yes(Vec::new()));
    }
    if made.is("apiextensions.k8s.io", "CustomResourceDefinition") {
        facts.custom_resources.insert(made.name.clone(), Known::Yes(Vec::new()));
    }
}

struct State<'a> {
    input: &'a Input,
    method: Method,
    identity: Identity,
    candidate: BTreeMap<&'a ObjectRef, &'a Object>,
}

impl<'a> State<'a> {
    fn new(input: &'a Input, method: Method) -> State<'a> {
        let identity = input.helm.version.yes().map_or(Identity::Group, |version: &HelmVersion| Identity::of(version));
        let candidate = input.to.objects.iter().map(|object| (&object.id, object)).collect();
        State { input, method, identity, candidate }
    }

    /// The object behind a step; none where the step changes nothing or its end is not known.
    fn after(&self, step: &Step) -> Option<Option<LiveObject>> {
        let done = step.result == StepResult::Ok;
        match step.action {
            Action::Delete if done => Some(None),
            Action::Create if done => Some(Some(self.created(self.candidate.get(&step.object)?))),
            Action::Patch | Action::Replace | Action::Adopt if done => {
                let live = self.input.facts.live.get(&step.object)?.yes()?.as_ref()?;
                Some(Some(self.changed(self.candidate.get(&step.object)?, live)))
            }
            _ => None,
        }
    }

    fn created(&self, object: &Object) -> LiveObject {
        let body = bodies::fold_string_data(&object.id, objects::assumed_live(object, &self.input.to));
        LiveObject { uid: String::new(), resource_version: String::new(), body }
    }

    fn changed(&self, object: &Object, live: &LiveObject) -> LiveObject {
        let (from, to) = (&self.input.from, &self.input.to);
        let before = from.objects.iter().find(|before| self.identity.key(&before.id) == self.identity.key(&object.id));
        let stamped = bodies::stamped(&object.body, &to.name, &to.namespace);
        let sides = Sides { id: &object.id, from: before.map(|before| &before.body), to: &stamped, live: &live.body };
        let mut body = objects::change(&sides, self.method, self.input.flags.force_conflicts, &self.input.facts).after;
        if self.method == Method::ServerSide {
            own(&mut body, &object.id, &stamped, to);
        }
        settle(&object.id, &mut body);
        LiveObject { body, ..live.clone() }
    }
}

/// What controllers write into the status by then, as far as the API server judges a way back by it.
fn settle(id: &ObjectRef, body: &mut Value) {
    if id.is("", "PersistentVolumeClaim") {
        // The resizer reports the new size (kubernetes `ValidatePersistentVolumeClaimUpdate` refuses less than that).
        let size = body.at(&["spec", "resources", "requests", "storage"]).clone();
        if let Some(capacity) = status(body).and_then(|status| status.get_mut("capacity")).and_then(Value::as_map_mut) {
            capacity.insert("storage".to_owned(), size);
        }
    }
    if id.is("apiextensions.k8s.io", "CustomResourceDefinition") {
        // Every version that ever was the storage version (apiextensions-apiserver `PrepareForUpdate`).
        let versions = body.at(&["spec", "versions"]).as_list().iter();
        let storage =
            versions.filter(|version| version.get("storage").as_bool() == Some(true)).map(|version| version.get("name").clone());
        let storage: Vec<Value> = storage.collect();
        if let Some(Value::List(stored)) = status(body).and_then(|status| status.get_mut("storedVersions")) {
            stored.extend(storage.into_iter().filter(|name| !stored.contains(name)).collect::<Vec<_>>());
        }
    }
}

fn status(body: &mut Value) -> Option<&mut Map> {
    body.as_map_mut()?.get_mut("status")?.as_map_mut()
}

/// Server-side apply makes Helm the owner of exactly what it sent (KEP-555).
fn own(body: &mut Value, id: &ObjectRef, sent: &Value, release: &Release) {
    let owned = managed::entry(id, sent, Some(release.apply_method.unwrap_or(ApplyMethod::ServerSide)));
    let metadata = body.as_map_mut().and_then(|map| map.get_mut("metadata")).and_then(Value::as_map_mut);
    let Some(Value::List(entries)) = metadata.and_then(|metadata| metadata.get_mut("managedFields")) else { return };
    let helms = |entry: &Value| {
        let text = |key: &str| entry.get(key).as_str();
        text("manager") == owned.get("manager").as_str() && text("operation") == Some("Apply") && text("subresource").is_none()
    };
    entries.retain(|entry| !helms(entry));
    entries.push(owned);
}

/// Definitions that go take their kinds along; those that come bring theirs.
fn served(discovery: Known<Discovery>, forward: &Input, forecast: &Forecast) -> Known<Discovery> {
    let Known::Yes(mut kinds) = discovery else { return discovery };
    for object in forward.from.objects.iter().filter(|object| forecast.deletes.contains(&object.id)) {
        for (key, _) in definition(object) {
            kinds.remove(&key);
        }
    }
    for object in forward.to.objects.iter().filter(|object| forecast.creates.contains(&object.id)) {
        kinds.extend(definition(object));
    }
    Known::Yes(kinds)
}

/// Kinds that a definition makes the API server serve.
fn definition(object: &Object) -> Vec<((String, String), ApiResource)> {
    if !object.id.is("apiextensions.k8s.io", "CustomResourceDefinition") {
        return Vec::new();
    }
    let spec = object.body.get("spec");
    let text = |path: &[&str]| spec.at(path).as_str().unwrap_or_default().to_owned();
    let (group, kind) = (text(&["group"]), text(&["names", "kind"]));
    let resource = ApiResource { plural: text(&["names", "plural"]), namespaced: text(&["scope"]) != "Cluster" };
    let versions = spec.get("versions").as_list().iter().filter(|version| version.get("served").as_bool() != Some(false));
    let names = versions.filter_map(|version| version.get("name").as_str());
    names.map(|version| ((format!("{group}/{version}"), kind.clone()), resource.clone())).collect()
}
