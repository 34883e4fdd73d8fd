//! Everything one comparison was made from, in a form that can be kept: to look again without the cluster, or to show
//! to somebody who may not see it.

#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]

use serde::{Deserialize, Serialize};

use crate::input::{Input, Known, LiveObject};
use crate::release::redact::recording::{Numbers, seal, unseal};
use crate::release::{Hook, Object, Release, Value};

/// The form of the file.
pub const SCHEMA: &str = "rollback-safe/recording/v1";

/// The head of a recording, readable whatever its version.
#[derive(Debug, Deserialize)]
pub struct Head {
    pub schema: String,
    /// Version of the program that wrote it.
    #[serde(default)]
    pub tool: String,
}

/// A recording. Its input holds no digests: secrets are numbered where they stand.
#[derive(Debug, Serialize, Deserialize)]
pub struct Recording {
    pub schema: String,
    /// Version of the program that wrote it.
    pub tool: String,
    pub input: Input,
}

impl Recording {
    pub fn of(input: &Input) -> Recording {
        let mut input = input.clone();
        let mut numbers = Numbers::default();
        each_value(&mut input, &mut |place, value| seal(value, place, &mut numbers));
        Recording { schema: SCHEMA.to_owned(), tool: env!("CARGO_PKG_VERSION").to_owned(), input }
    }

    /// The input that gives the same report.
    pub fn into_input(self) -> Input {
        let mut input = self.input;
        each_value(&mut input, &mut |place, value| unseal(value, place));
        input
    }
}

type Visit<'v> = dyn FnMut(&str, &mut Value) + 'v;

/// Every value that may hold a secret, with the name of its object: the same object has one name in both records and live.
fn each_value(input: &mut Input, visit: &mut Visit<'_>) {
    release(&mut input.from, visit);
    release(&mut input.to, visit);
    for between in &mut input.between {
        hooks(&mut between.hooks, visit);
        objects(&mut between.jobs, visit);
    }
    let facts = &mut input.facts;
    let live = facts.live.values_mut().chain(facts.volumes.values_mut()).filter_map(known).flatten();
    let lists = facts.set_claims.values_mut().chain(facts.around.values_mut()).filter_map(known).flatten();
    live.chain(lists).for_each(|object| live_object(object, visit));
}

fn known<T>(fact: &mut Known<T>) -> Option<&mut T> {
    match fact {
        Known::Yes(value) => Some(value),
        Known::No(_) => None,
    }
}

fn release(release: &mut Release, visit: &mut Visit<'_>) {
    visit("values", &mut release.config);
    objects(&mut release.objects, visit);
    hooks(&mut release.hooks, visit);
}

fn hooks(hooks: &mut [Hook], visit: &mut Visit<'_>) {
    for object in hooks.iter_mut().filter_map(|hook| hook.object.as_mut()) {
        objects(std::slice::from_mut(object), visit);
    }
}

fn objects(objects: &mut [Object], visit: &mut Visit<'_>) {
    for object in objects {
        let place = format!("{}/{}", object.id.group(), object.id);
        visit(&place, &mut object.body);
    }
}

fn live_object(object: &mut LiveObject, visit: &mut Visit<'_>) {
    let text = |path: &[&str]| object.body.at(path).as_str().unwrap_or("").to_owned();
    let (api_version, kind) = (text(&["apiVersion"]), text(&["kind"]));
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let (namespace, name) = (text(&["metadata", "namespace"]), text(&["metadata", "name"]));
    let place = match namespace.is_empty() {
        true => format!("{group}/{kind}/{name}"),
        false => format!("{group}/{kind}/{namespace}/{name}"),
    };
    visit(&place, &mut object.body);
}
