//! Field by field comparison with Kubernetes merge keys.

use std::collections::BTreeSet;

use super::items::{self, Pairing};
use super::{FieldDiff, FieldPath, Noise, Segment, noise};
use crate::k8s::defaults::with_defaults;
use crate::k8s::lists::{ListKind, ListMode, list_kind};
use crate::k8s::semantic;
use crate::release::{ObjectRef, Value};

/// Maps that are compared key by key even where one side has none of it: their keys speak for themselves.
const OPEN_MAPS: &[&str] = &["labels", "annotations", "data", "stringData", "binaryData", "nodeSelector", "limits", "requests"];

static ABSENT: Value = Value::Null;

/// Differences between two bodies of one object, in path order.
///
/// `null` counts as absent, as it does for the API server. Noise is classified and stays in the result.
pub fn compare(from: &Value, to: &Value, id: &ObjectRef) -> Vec<FieldDiff> {
    if from == to {
        return Vec::new();
    }
    let (filled_from, filled_to) = (with_defaults(id, from), with_defaults(id, to));
    let mut walk = Walk { id, bodies: (from, to), path: Vec::new(), found: Vec::new() };
    walk.node(Side { raw: from, filled: &filled_from }, Side { raw: to, filled: &filled_to });
    walk.found.sort_by(|a, b| a.path.cmp(&b.path));
    walk.found
}

/// One side's value: as written, and with the API server's defaults.
#[derive(Clone, Copy)]
struct Side<'a> {
    raw: &'a Value,
    filled: &'a Value,
}

impl<'a> Side<'a> {
    fn get(self, key: &str) -> Side<'a> {
        Side { raw: self.raw.get(key), filled: self.filled.get(key) }
    }

    /// The list item at this position; absent for none.
    fn item(self, position: Option<usize>) -> Side<'a> {
        let at = |list: &'a Value| position.and_then(|position| list.as_list().get(position)).unwrap_or(&ABSENT);
        Side { raw: at(self.raw), filled: at(self.filled) }
    }
}

struct Walk<'a> {
    id: &'a ObjectRef,
    bodies: (&'a Value, &'a Value),
    path: Vec<Segment>,
    found: Vec<FieldDiff>,
}

impl Walk<'_> {
    /// Recursion ends with the values, whose depth is bounded where they are parsed.
    fn node(&mut self, from: Side, to: Side) {
        if from.raw == to.raw {
            return;
        }
        match (from.raw, to.raw) {
            (Value::Map(_), Value::Map(_)) => self.map(from, to),
            (Value::Map(_), Value::Null) | (Value::Null, Value::Map(_)) if self.is_open_map() => self.map(from, to),
            (Value::List(_), Value::List(_)) => self.list(from, to),
            _ => self.report(from, to),
        }
    }

    fn is_open_map(&self) -> bool {
        matches!(self.path.last(), Some(Segment::Key(key)) if OPEN_MAPS.contains(&key.as_str()))
    }

    fn map(&mut self, from: Side, to: Side) {
        let keys = |value: &Value| value.as_map().map(|map| map.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
        let mut names = keys(from.raw);
        names.extend(keys(to.raw));
        names.sort();
        names.dedup();
        if names.is_empty() {
            return self.report(from, to);
        }
        for name in names {
            let (left, right) = (from.get(&name), to.get(&name));
            self.step(Segment::Key(name), left, right);
        }
    }

    fn step(&mut self, segment: Segment, from: Side, to: Side) {
        self.path.push(segment);
        self.node(from, to);
        self.path.pop();
    }

    fn list(&mut self, from: Side, to: Side) {
        let path = FieldPath(self.path.clone()).keys();
        let (left, right) = (from.raw.as_list(), to.raw.as_list());
        match self.list_kind(&path) {
            ListKind::Set => return self.set(from, to),
            ListKind::Map(keys) => {
                if let Some(pairing) = items::by_keys(left, right, &keys) {
                    let order_matters = path.ends_with("initContainers") || path.ends_with(".env");
                    return self.items(pairing, from, to, order_matters);
                }
            }
            ListKind::Atomic => {
                if let Some(pairing) = items::by_keys(left, right, &["name"]) {
                    return self.items(pairing, from, to, true);
                }
            }
        }
        self.by_position(from, to);
    }

    /// Server-side keys are the finer ones; where there are none, those of strategic merge.
    fn list_kind(&self, path: &str) -> ListKind {
        match list_kind(self.id, path, ListMode::ServerSide) {
            ListKind::Atomic => list_kind(self.id, path, ListMode::StrategicMerge),
            kind => kind,
        }
    }

    fn items(&mut self, pairing: Pairing, from: Side, to: Side, order_matters: bool) {
        for pair in &pairing.pairs {
            self.step(Segment::Item(pair.key.clone()), from.item(pair.from), to.item(pair.to));
        }
        if pairing.reordered {
            self.push(from, to, (!order_matters).then_some(Noise::SameValue));
        }
    }

    /// Lists of scalars that differ in length are one difference: positions would all have moved.
    fn by_position(&mut self, from: Side, to: Side) {
        let (left, right) = (from.raw.as_list().len(), to.raw.as_list().len());
        let is_scalar = |item: &Value| !matches!(item, Value::Map(_) | Value::List(_));
        if left != right && from.raw.as_list().iter().chain(to.raw.as_list()).all(is_scalar) {
            return self.report(from, to);
        }
        for position in 0..left.max(right) {
            self.step(Segment::Index(position), from.item(Some(position)), to.item(Some(position)));
        }
    }

    fn set(&mut self, from: Side, to: Side) {
        let members =
            |list: &Value| list.as_list().iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<BTreeSet<_>>>();
        match (members(from.raw), members(to.raw)) {
            (Some(left), Some(right)) if left == right => self.push(from, to, Some(Noise::SameValue)),
            _ => self.report(from, to),
        }
    }

    fn report(&mut self, from: Side, to: Side) {
        let noise = self.noise(from, to);
        self.push(from, to, noise);
    }

    fn push(&mut self, from: Side, to: Side, noise: Option<Noise>) {
        let side = |value: &Value| (!value.is_null()).then(|| value.clone());
        self.found.push(FieldDiff { path: FieldPath(self.path.clone()), from: side(from.raw), to: side(to.raw), noise });
    }

    fn noise(&self, from: Side, to: Side) -> Option<Noise> {
        let (parent, key) = noise::last_keys(&self.path);
        if noise::is_chart_label(self.id, &self.path) {
            return Some(Noise::ChartLabel);
        }
        if parent == "annotations" && noise::is_checksum(key, from.raw, to.raw) {
            return Some(Noise::Checksum);
        }
        if noise::is_same_secret(self.id, &self.path, self.bodies) {
            return Some(Noise::SameValue);
        }
        let both = !from.raw.is_null() && !to.raw.is_null();
        if both && semantic::same(parent, key, from.raw, to.raw) {
            return Some(Noise::SameValue);
        }
        semantic::same(parent, key, from.filled, to.filled).then_some(Noise::Default)
    }
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
