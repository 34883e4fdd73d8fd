//! What chart authors declare under `rollback-safe/`, in Chart.yaml and on objects.
//!
//! A declaration is evidence, not proof: it lowers a severity only where an authoritative policy lists it, and never
//! that of a critical finding.

use crate::input::Input;
use crate::k8s::glob::glob;
use crate::migrations::order::Order;
use crate::release::{Object, ObjectRef, Release};
use crate::report::Finding;
use crate::rules::{Evidence, EvidenceSource};

/// One annotation of the contract.
#[derive(Clone, Copy, Debug)]
pub struct Annotation {
    pub name: &'static str,
    /// Whether it may lower a severity where a policy says so.
    pub lowers: bool,
    pub meaning: &'static str,
}

const fn annotation(name: &'static str, lowers: bool, meaning: &'static str) -> Annotation {
    Annotation { name, lowers, meaning }
}

const OLDEST: &str = "rollback-safe/oldest-chart-version";
const DISPOSABLE: &str = "rollback-safe/disposable";
const RERUNNABLE: &str = "rollback-safe/rerunnable";
const DISPOSABLE_OBJECTS: &str = "rollback-safe/disposable-objects";
const RERUNNABLE_HOOKS: &str = "rollback-safe/rerunnable-hooks";

/// The contract.
pub const ANNOTATIONS: [Annotation; 10] = [
    annotation(OLDEST, false, "Chart.yaml: the oldest chart version that data of this version still supports"),
    annotation("rollback-safe/schema-revision", false, "Chart.yaml: the schema that this version's code was written for"),
    annotation(
        "rollback-safe/minimum-compatible-version",
        false,
        "Chart.yaml: the oldest appVersion whose code works on the schema of this version",
    ),
    annotation("rollback-safe/migration-jobs", false, "Chart.yaml: names of the Jobs and hooks that migrate data, with commas"),
    annotation("rollback-safe/irreversible", false, "Chart.yaml or an object: what no rollback brings back, in words"),
    annotation("rollback-safe/migration-job", false, "a Job or hook: it migrates data"),
    annotation(RERUNNABLE_HOOKS, true, "Chart.yaml: names of the hooks that may run again, with commas"),
    annotation(RERUNNABLE, true, "a Job or hook: it may run again (\"true\")"),
    annotation(DISPOSABLE_OBJECTS, true, "Chart.yaml: objects that may be lost, Kind/name with commas"),
    annotation(DISPOSABLE, true, "an object: it may be lost (\"true\")"),
];

/// What the two charts declare of themselves.
pub fn of_charts(input: &Input) -> Vec<Evidence> {
    let mut found = Vec::new();
    for (source, release) in [(EvidenceSource::From, &input.from), (EvidenceSource::To, &input.to)] {
        for annotation in &ANNOTATIONS {
            if let Some(text) = release.chart.annotations.get(annotation.name) {
                found.push(Evidence { source, at: format!("Chart.yaml {}", annotation.name), text: text.clone() });
            }
        }
    }
    found.extend(unsupported(input));
    found
}

/// The newer chart says how far back its data can go.
fn unsupported(input: &Input) -> Option<Evidence> {
    let oldest = input.from.chart.annotations.get(OLDEST)?;
    let target = &input.to.chart.version;
    let plain = |version: &str| Order::natural(version.trim_start_matches(['v', 'V']));
    let word = if plain(target) >= plain(oldest) { "which covers" } else { "which does not cover" };
    let text = format!("data of {} supports charts from {oldest} on, {word} {target}", input.from.chart.version);
    Some(Evidence { source: EvidenceSource::From, at: format!("Chart.yaml {OLDEST}"), text })
}

/// What is declared of one object, by itself or by its chart; the annotation that says so comes first.
pub fn of_object(input: &Input, id: &ObjectRef) -> Vec<(&'static str, Evidence)> {
    let mut found = Vec::new();
    for (source, release) in [(EvidenceSource::From, &input.from), (EvidenceSource::To, &input.to)] {
        for object in release.objects.iter().chain(release.hook_objects()).filter(|object| object.id == *id) {
            found.extend(on_object(source, object));
        }
        found.extend(by_chart(source, release, id));
    }
    found
}

fn on_object(source: EvidenceSource, object: &Object) -> impl Iterator<Item = (&'static str, Evidence)> {
    let annotations = object.body.at(&["metadata", "annotations"]);
    ANNOTATIONS.iter().filter_map(move |annotation| {
        let text = annotations.get(annotation.name).as_str()?;
        let at = format!("{} metadata.annotations[\"{}\"]", object.id, annotation.name);
        Some((annotation.name, Evidence { source, at, text: text.to_owned() }))
    })
}

fn by_chart(source: EvidenceSource, release: &Release, id: &ObjectRef) -> Vec<(&'static str, Evidence)> {
    let named = |annotation: &'static str, wanted: &str| {
        let text = release.chart.annotations.get(annotation)?;
        text.split(',')
            .any(|name| glob(name.trim(), wanted))
            .then(|| (annotation, Evidence { source, at: format!("Chart.yaml {annotation}"), text: text.clone() }))
    };
    let short = format!("{}/{}", id.kind, id.name);
    named(DISPOSABLE_OBJECTS, &short).into_iter().chain(named(RERUNNABLE_HOOKS, &id.name)).collect()
}

/// Whether the declaration says yes; lists of the chart do by naming the object.
pub fn affirms(annotation: &str, evidence: &Evidence) -> bool {
    !matches!(annotation, DISPOSABLE | RERUNNABLE) || evidence.text == "true"
}

/// Shows what is declared of the finding's object beside what was found.
pub fn show(finding: &mut Finding, declared: &[(&'static str, Evidence)]) {
    for (_, evidence) in declared {
        if !finding.evidence.contains(evidence) {
            finding.evidence.push(evidence.clone());
        }
    }
}
