//! Operators that go below what they have written, and custom resources that name an older version of their software.

use super::data;
use super::slots::{self, Before, Slot};
use crate::analyze::{Change, ChangeKind, Context, Fact};
use crate::diff::Pair;
use crate::forecast::Confidence;
use crate::k8s::data_format::{self, State};
use crate::k8s::image::{Image, Scheme};
use crate::k8s::operator_versions::{self, Row};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let mut changes: Vec<Change> = context.pairs.iter().filter_map(|pair| resource(context, pair)).collect();
    let slots = slots::of(context);
    let operators = slots.iter().filter_map(|slot| operator(context, slot));
    for change in operators {
        // The parts of one operator come from one release of it.
        let same = |other: &Change| other.kind == change.kind && other.params.get("to") == change.params.get("to");
        if !changes.iter().any(same) {
            changes.push(change);
        }
    }
    changes
}

/// A custom resource whose version field goes below a boundary of the product.
fn resource(context: &Context<'_>, pair: &Pair<'_>) -> Option<Change> {
    let (before, to) = (Before::of(context, pair)?, pair.to?);
    let row = operator_versions::of(&to.id).find(|row| !row.value(&to.body).is_null())?;
    let (current, target) = (row.version(row.value(before.body))?, row.version(row.value(&to.body))?);
    let rows = data_format::crossed(row.product, &current, &target);
    let change = data::crossing(Change::of(ChangeKind::DataFormatDowngraded, &to.id).path(row.path), &rows, &current, &target)?;
    let place = format!("the data that the operator keeps for this {}", to.id.kind);
    let ceiling = match (context.is_rejected(&to.id), before.live) {
        (true, _) => Confidence::Possible,
        (false, true) => Confidence::Certain,
        (false, false) => Confidence::Likely,
    };
    let by_table = if row.checked { Confidence::Certain } else { Confidence::Likely };
    let sure = change.confidence.min(ceiling).min(by_table);
    let mut change = change
        .confidence(sure)
        .fact(Fact::ThroughOperator)
        .fact_if(!before.live, Fact::LiveUnknown)
        .with("software", row.product.name)
        .with("place", place)
        .with("container", &to.id.kind)
        .evidence(EvidenceSource::To, &to.origin, shown(row, &to.body));
    change.evidence.push(before.evidence(shown(row, before.body)));
    Some(change)
}

fn shown(row: &Row, body: &crate::release::Value) -> String {
    format!("{}: {}", row.path, row.value(body).display())
}

/// An operator goes below a minor version while its definitions and what it wrote stay.
fn operator(context: &Context<'_>, slot: &Slot<'_>) -> Option<Change> {
    let (before, target) = slot.images()?;
    let known = data_format::products(&target).any(|product| product.state != State::Volume);
    if known || before.name() != target.name() || !is_operator(context, &target) {
        return None;
    }
    let (current, older) = (before.version(Scheme::Plain)?, target.version(Scheme::Plain)?);
    if current.same_series(&older, 2) || !data_format::is_below(&older, &current) {
        return None;
    }
    let mut change = Change::of(ChangeKind::OperatorDowngraded, slot.id)
        .path(&slot.path)
        .confidence(Confidence::Possible)
        .fact_if(current.major() != older.major(), Fact::MajorVersion)
        .fact_if(!slot.before_object.live, Fact::LiveUnknown)
        .with("operator", target.name())
        .with("from", &current)
        .with("to", &older);
    change.evidence = slot.evidence();
    Some(change)
}

/// By its name; a plain "controller" counts only in a chart that brings definitions of its own.
fn is_operator(context: &Context<'_>, image: &Image<'_>) -> bool {
    let words = || image.name().split(['-', '_']);
    let is_definition = |object: &crate::release::Object| object.id.is("apiextensions.k8s.io", "CustomResourceDefinition");
    let chart_defines = || !context.input.to.chart.crd_files.is_empty() || context.input.to.objects.iter().any(is_definition);
    words().any(|word| word == "operator") || (words().any(|word| word == "controller") && chart_defines())
}
