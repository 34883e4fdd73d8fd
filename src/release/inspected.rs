//! A record as people look at it: the release, and what no forecast needs.

use serde_json::{Map as JsonMap, Value as Json};

use super::manifest::{ParseContext, parse_manifest};
use super::record::{RawChart, RawRecord};
use super::{Object, Release, StoredAs, Value};
use crate::input::Gap;

/// A release with the parts that only `show` and `diff` read; redacted.
#[derive(Clone, Debug)]
pub struct Inspected {
    pub release: Release,
    /// The chart's default values with the user's over them, as `helm get values --all` has them.
    pub computed: Value,
    /// `info.notes` as one value: equal only if the texts with their credentials are.
    pub notes: Value,
    /// What the files of the chart's own `crds/` define.
    pub definitions: Vec<Object>,
    /// Names of the chart's dependencies.
    pub dependencies: Vec<String>,
}

impl RawRecord {
    /// Parses and redacts everything, also what [`RawRecord::into_release`] leaves out.
    pub fn into_inspected(mut self, stored: StoredAs, context: &ParseContext<'_>) -> Inspected {
        let (defaults, mut gaps) = default_values(&mut self.chart);
        let mut computed = Value::from_json(Json::Object(coalesce(&self.config, defaults)));
        context.redactor.values(&mut computed);
        let mut notes = Value::String(self.info.notes.clone());
        context.redactor.values(&mut notes);
        let (definitions, unread) = definitions(&self.chart, context);
        gaps.extend(unread);
        let dependencies = self.chart.metadata.dependencies.iter().map(|dependency| dependency.name.clone()).collect();
        let mut release = self.into_release(stored, context);
        release.gaps.extend(gaps);
        release.chart.annotations.values_mut().for_each(|text| *text = context.redactor.text(text));
        Inspected { release, computed, notes, definitions, dependencies }
    }
}

fn default_values(chart: &mut RawChart) -> (JsonMap<String, Json>, Vec<Gap>) {
    match chart.values.take().map(|values| serde_json::from_str::<Json>(values.get())) {
        Some(Ok(Json::Object(values))) => (values, Vec::new()),
        None | Some(Ok(Json::Null)) => (JsonMap::new(), Vec::new()),
        Some(_) => (JsonMap::new(), vec![Gap::new("default values of the chart", "they are no table")]),
    }
}

/// Files of `crds/` with the endings that Helm installs (`pkg/chart/chart.go` `CRDObjects`, `hasManifestExtension`).
fn definitions(chart: &RawChart, context: &ParseContext<'_>) -> (Vec<Object>, Vec<Gap>) {
    let (mut objects, mut gaps) = (Vec::new(), Vec::new());
    let manifest = |name: &str| [".yaml", ".yml", ".json"].iter().any(|end| name.to_ascii_lowercase().ends_with(end));
    for file in chart.files.iter().filter(|file| file.name.starts_with("crds/") && manifest(&file.name)) {
        let Some(text) = file.definition() else {
            gaps.push(Gap::new(file.name.as_str(), "the file is empty, too long or no text"));
            continue;
        };
        let parsed = parse_manifest(&text, context);
        gaps.extend(parsed.gaps.into_iter().map(|gap| Gap { what: format!("{}: {}", file.name, gap.what), ..gap }));
        objects.extend(parsed.objects.into_iter().map(|mut object| {
            object.origin.template = Some(file.name.clone());
            object
        }));
    }
    (objects, gaps)
}

/// Helm's `CoalesceValues` (`pkg/chartutil/coalesce.go` 3.22, `pkg/chart/common/util/coalesce.go` 4.3) for a chart without
/// subcharts: a stored one has none, their values were folded into its own.
fn coalesce(given: &Json, defaults: JsonMap<String, Json>) -> JsonMap<String, Json> {
    let mut values = given.as_object().cloned().unwrap_or_default();
    for (key, default) in defaults {
        match (values.get_mut(&key), default) {
            // At the top a null takes the key away, whatever the chart has.
            (Some(Json::Null), _) => drop(values.remove(&key)),
            (Some(Json::Object(table)), Json::Object(default)) => coalesce_tables(table, default),
            (Some(_), _) => {}
            (None, default) => drop(values.insert(key, default)),
        }
    }
    values
}

/// `coalesceTablesFullKey`: below the top a null takes away only what the chart has set.
fn coalesce_tables(values: &mut JsonMap<String, Json>, defaults: JsonMap<String, Json>) {
    for (key, default) in defaults {
        match (values.get_mut(&key), default) {
            (Some(Json::Null), Json::Null) => {}
            (Some(Json::Null), _) => drop(values.remove(&key)),
            (Some(Json::Object(table)), Json::Object(default)) => coalesce_tables(table, default),
            (Some(_), _) => {}
            (None, default) => drop(values.insert(key, default)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Expected values printed by `helm get values --all` of Helm 3.22.0 and 4.3.1.
    #[test]
    fn values_are_coalesced_as_helm_does() {
        let given = json!({"a": null, "b": {"x": 1, "gone": null, "kept": null}, "c": "text", "d": {"m": {"z": null}},
            "new": null, "f": null, "g": {"h": null}});
        let defaults = json!({"a": {"k": 1}, "b": {"x": 0, "w": 2, "gone": 3}, "c": {"t": 1}, "d": {"m": {"z": 1, "w": 2}},
            "e": [1], "f": null, "g": {"h": null}});
        let expected = json!({"b": {"x": 1, "w": 2, "kept": null}, "c": "text", "d": {"m": {"w": 2}},
            "new": null, "e": [1], "g": {"h": null}});
        assert_eq!(Json::Object(coalesce(&given, defaults.as_object().cloned().unwrap_or_default())), expected);
    }
}
