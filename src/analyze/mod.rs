//! Turns diff, forecast and facts into typed changes. Consequences beyond Helm belong here.

#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]

pub mod access;
pub mod addresses;
pub mod after;
pub mod api;
pub mod behind;
pub mod certificates;
pub mod claims;
pub mod cluster_fit;
pub mod custom_data;
pub mod dangling;
pub mod definitions;
pub mod deletions;
pub mod fields;
pub mod guards;
pub mod hardening;
pub mod hooks;
pub mod hosts;
pub mod images;
mod interval;
pub mod key_material;
mod kinds;
pub mod migrations;
pub mod nodes;
pub mod outside;
pub mod owners;
pub mod progressive;
pub mod rejections;
pub mod release;
pub mod routing;
pub mod schema;
pub mod secret_sources;
pub mod secrets;
pub mod selectors;
mod store_credentials;
pub mod traffic;
pub mod vocabulary;
pub mod volumes;
pub mod weights;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::Pair;
use crate::forecast::{Confidence, Forecast};
use crate::input::Input;
use crate::release::{Object, ObjectRef};
use crate::rules::{Evidence, EvidenceSource};

pub use kinds::{ChangeKind, Fact};

/// A typed fact about from → to.
#[derive(Clone, Debug)]
pub struct Change {
    pub kind: ChangeKind,
    pub object: Option<ObjectRef>,
    /// Display form of the field path.
    pub path: Option<String>,
    pub confidence: Confidence,
    pub facts: BTreeSet<Fact>,
    /// What messages may name: placeholder → text, redacted. `object`, `kind`, `name`, `namespace` and `path` are always there.
    pub params: BTreeMap<&'static str, String>,
    pub evidence: Vec<Evidence>,
}

/// What analyzers look at.
pub struct Context<'a> {
    pub input: &'a Input,
    pub forecast: &'a Forecast,
    pub pairs: &'a [Pair<'a>],
    /// Histories of migrations that the records carry.
    pub schema: &'a [schema::Found],
}

/// One analyzer: a subject's changes.
type Analyzer = fn(&Context<'_>) -> Vec<Change>;

const ANALYZERS: &[Analyzer] = &[
    deletions::analyze,
    fields::analyze,
    schema::analyze,
    rejections::analyze,
    api::analyze,
    release::analyze,
    hooks::analyze,
    migrations::analyze,
    traffic::analyze,
    access::analyze,
    secrets::analyze,
    release::analyze_outcome,
    volumes::analyze,
    definitions::analyze,
    images::data::analyze,
    images::operators::analyze,
    images::locations::analyze,
    cluster_fit::analyze,
    nodes::analyze,
    hardening::analyze,
    workloads::analyze,
    interval::analyze,
    outside::analyze,
    secret_sources::analyze,
    certificates::analyze,
    selectors::analyze,
    routing::analyze,
    dangling::analyze,
    addresses::analyze,
    hosts::analyze,
    weights::analyze,
    progressive::analyze,
    owners::analyze,
    guards::analyze,
];

/// All changes, in analyzer order.
pub fn run(context: &Context<'_>) -> Vec<Change> {
    let mut changes: Vec<Change> =
        ANALYZERS.iter().flat_map(|analyze| analyze(context)).map(|change| with_release(change, context.input)).collect();
    // These say why an object is not restored; saying it twice would be noise.
    let explains = |change: &&Change| {
        matches!(change.kind, ChangeKind::ServiceAccountAlias | ChangeKind::ObjectInTwoGroups | ChangeKind::ObjectTerminating)
    };
    let explained: BTreeSet<String> =
        changes.iter().filter(explains).filter_map(|change| change.object.as_ref()).map(ToString::to_string).collect();
    changes.retain(|change| {
        let named = change.object.as_ref().is_some_and(|id| explained.contains(&id.to_string()));
        change.kind != ChangeKind::NotRestored || !named
    });
    changes
}

/// What every message may name.
fn with_release(change: Change, input: &Input) -> Change {
    change
        .with("release", &input.from.name)
        .with("release_namespace", &input.namespace)
        .with("from_revision", input.from.revision)
        .with("to_revision", input.to.revision)
}

impl Change {
    pub fn new(kind: ChangeKind, object: Option<&ObjectRef>) -> Change {
        Change {
            kind,
            object: object.cloned(),
            path: None,
            confidence: Confidence::Certain,
            facts: BTreeSet::new(),
            params: BTreeMap::new(),
            evidence: Vec::new(),
        }
    }

    pub fn of(kind: ChangeKind, object: &ObjectRef) -> Change {
        Change::new(kind, Some(object))
    }

    pub fn path(mut self, path: impl Into<String>) -> Change {
        self.path = Some(path.into());
        self
    }

    pub fn confidence(mut self, confidence: Confidence) -> Change {
        self.confidence = confidence;
        self
    }

    pub fn fact(mut self, fact: Fact) -> Change {
        self.facts.insert(fact);
        self
    }

    pub fn fact_if(self, condition: bool, fact: Fact) -> Change {
        if condition { self.fact(fact) } else { self }
    }

    /// Sets what messages may name.
    pub fn with(mut self, name: &'static str, text: impl ToString) -> Change {
        self.params.insert(name, text.to_string());
        self
    }

    pub fn evidence(mut self, source: EvidenceSource, at: impl ToString, text: impl ToString) -> Change {
        self.evidence.push(Evidence { source, at: at.to_string(), text: text.to_string() });
        self
    }
}

impl Context<'_> {
    /// The object of *from* with this reference.
    pub fn in_from(&self, id: &ObjectRef) -> Option<&Object> {
        self.input.from.objects.iter().find(|object| object.id == *id)
    }

    /// The object of *to* with this reference.
    pub fn in_to(&self, id: &ObjectRef) -> Option<&Object> {
        self.input.to.objects.iter().find(|object| object.id == *id)
    }

    pub fn is_rejected(&self, id: &ObjectRef) -> bool {
        self.forecast.rejected.iter().any(|rejected| rejected.object == *id && rejected.confidence > Confidence::Possible)
    }
}
