//! Configuration that goes back under pods that go on with what they read at their start.

use std::collections::{BTreeMap, BTreeSet};

use super::{Workload, predicted};
use crate::analyze::{Change, ChangeKind, Context, Fact};
use crate::diff::Pair;
use crate::forecast::bodies::fold_string_data;
use crate::k8s::patterns::{self, PatternTable};
use crate::k8s::references::{self, Reference, Referent};
use crate::release::{ObjectRef, Value};
use crate::rules::EvidenceSource;

/// What restarts or reloads pods when their configuration changes: tool, field, pattern, source.
const RELOADERS: PatternTable = PatternTable::new(include_str!("../../../rules/tables/reloaders.csv"));

/// Controllers whose pods run on; Jobs end, and a CronJob's next run reads what is there then.
const RUN_ON: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

pub fn analyze(context: &Context<'_>, workloads: &[Workload<'_>]) -> Vec<Change> {
    let changed: Vec<Content<'_>> = context.pairs.iter().filter_map(|pair| Content::changed(context, pair)).collect();
    if changed.is_empty() {
        return Vec::new();
    }
    let run_on = workloads.iter().filter(|workload| RUN_ON.contains(&workload.id().kind.as_str()));
    let keep_pods = run_on.filter(|workload| workload.before.is_some() && !workload.changes_template());
    keep_pods.filter(|workload| workload.replicas().1 != Some(0)).filter_map(|workload| stale(workload, &changed)).collect()
}

/// A ConfigMap or Secret of both revisions whose content changes.
struct Content<'a> {
    id: &'a ObjectRef,
    referent: Referent,
    keys: BTreeSet<String>,
    watched: bool,
}

impl<'a> Content<'a> {
    fn changed(context: &Context<'a>, pair: &'a Pair<'a>) -> Option<Content<'a>> {
        let (from, to) = (pair.from?, pair.to?);
        let referent = match (to.id.group(), to.id.kind.as_str()) {
            ("", "ConfigMap") => Referent::ConfigMap,
            ("", "Secret") => Referent::Secret,
            _ => return None,
        };
        if context.is_rejected(&to.id) || pair.real_changes().next().is_none() {
            return None;
        }
        let live = context.input.facts.live_of(&to.id).yes().copied().flatten();
        let before = fold_string_data(&to.id, live.map_or(&from.body, |live| &live.body).clone());
        let after = fold_string_data(&to.id, predicted(context, to, Some(from), &before));
        let keys = differing_keys(&before, &after);
        let watched = to.body.at(&["metadata", "annotations", "reloader.stakater.com/match"]).as_str() == Some("true");
        (!keys.is_empty()).then_some(Content { id: &to.id, referent, keys, watched })
    }
}

fn differing_keys(before: &Value, after: &Value) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for part in ["data", "binaryData"] {
        let sides = [before.get(part), after.get(part)];
        let named = sides.into_iter().filter_map(Value::as_map).flat_map(|map| map.keys());
        keys.extend(named.filter(|key| before.get(part).get(key) != after.get(part).get(key)).cloned());
    }
    keys
}

/// How a pod reads it: fixed at its start, or as files that the kubelet renews.
fn stale(workload: &Workload<'_>, changed: &[Content<'_>]) -> Option<Change> {
    let spec = workload.pod_spec();
    let references = references::of(spec);
    let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut fixed, mut watched) = (false, false);
    for content in changed.iter().filter(|content| content.id.namespace == workload.id().namespace) {
        for reference in references.iter().filter(|reference| reads(reference, content)) {
            fixed |= is_fixed(spec, &reference.place);
            watched |= content.watched;
            places.entry(format!("{}/{}", content.id.kind, content.id.name)).or_default().insert(reference.place.clone());
        }
    }
    if places.is_empty() {
        return None;
    }
    let names = places.keys().cloned().collect::<Vec<_>>().join(", ");
    let reloader = reloader(workload).or(watched.then_some("Reloader"));
    let mut change = Change::of(ChangeKind::ConfigNotReloaded, workload.id())
        .fact_if(fixed, Fact::ReadAtStart)
        .fact_if(reloader.is_some(), Fact::Reloaded)
        .with("config", &names)
        .with("reloader", reloader.unwrap_or("nothing"));
    for (name, places) in &places {
        let places = places.iter().cloned().collect::<Vec<_>>().join(", ");
        change = change.evidence(EvidenceSource::To, name, format!("its content changes; read by {places}"));
    }
    Some(workload.seen(change, "the pod template stays as it is, so no pod is replaced"))
}

fn reads(reference: &Reference, content: &Content<'_>) -> bool {
    reference.to == content.referent
        && reference.name == content.id.name
        && reference.place != "imagePullSecrets"
        && reference.key.as_ref().is_none_or(|key| content.keys.contains(key))
}

/// Environment variables and `subPath` mounts never change under a running container; other mounts do after about a minute.
fn is_fixed(spec: &Value, place: &str) -> bool {
    let Some(volume) = place.strip_prefix("volumes[name=").and_then(|rest| rest.strip_suffix(']')) else {
        return true;
    };
    references::containers(spec).flat_map(|(_, container)| container.get("volumeMounts").as_list()).any(|mount| {
        let sub_path = !mount.get("subPath").is_null() || !mount.get("subPathExpr").is_null();
        sub_path && mount.get("name").as_str() == Some(volume)
    })
}

/// The tool that restarts or reloads the workload's pods, by annotation or by a container beside them.
fn reloader(workload: &Workload<'_>) -> Option<&'static str> {
    let template = workload.after.at(&["spec", "template"]);
    let annotations = [&workload.after, template].map(|body| body.at(&["metadata", "annotations"]));
    let on = |pattern: &str| {
        annotations.iter().any(|map| {
            let value = map.get(pattern);
            !value.is_null() && value.as_str() != Some("false")
        })
    };
    let has_image = |pattern: &str| {
        let images = references::containers(workload.pod_spec()).filter_map(|(_, container)| container.get("image").as_str());
        images.map(patterns::repository).any(|image| patterns::glob(pattern, image))
    };
    let row = RELOADERS.rows().find(|row| match row.field {
        "annotation" => on(row.pattern),
        _ => has_image(row.pattern),
    });
    row.map(|row| row.name)
}
