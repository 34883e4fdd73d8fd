//! The release object as Helm stores it, before manifest and hooks are parsed.
//!
//! Fields are those of `pkg/release` (3.x) and `pkg/release/v1` (4.x). Chart templates, default values and most files are skipped while reading:
//! they are most of a record, and a rollback does not use them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::chart_files::{self, RawFile};
use super::hooks::stored_hooks;
use super::manifest::{ParseContext, parse_manifest, parse_where};
use super::redact::Redactor;
use super::{ApplyMethod, ChartInfo, LastRun, Object, Release, Revision, Status, StoredAs, Value};
use crate::input::{Between, RevisionInfo};

/// A decoded record before its manifest and hooks are parsed. Not redacted yet: keep it short-lived, and never print it.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct RawRecord {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) namespace: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) version: Revision,
    #[serde(deserialize_with = "or_default")]
    pub(super) info: RawInfo,
    #[serde(deserialize_with = "or_default")]
    pub(super) manifest: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) hooks: Vec<RawHook>,
    pub(super) config: serde_json::Value,
    #[serde(deserialize_with = "or_default")]
    pub(super) chart: RawChart,
    #[serde(deserialize_with = "or_default")]
    pub(super) apply_method: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawInfo {
    #[serde(deserialize_with = "or_default")]
    pub status: String,
    #[serde(deserialize_with = "or_default")]
    pub description: String,
    #[serde(deserialize_with = "or_default")]
    pub notes: String,
    #[serde(deserialize_with = "or_default")]
    pub first_deployed: String,
    #[serde(deserialize_with = "or_default")]
    pub last_deployed: String,
    #[serde(deserialize_with = "or_default")]
    pub rollback_revision: Revision,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawHook {
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    #[serde(deserialize_with = "or_default")]
    pub kind: String,
    #[serde(deserialize_with = "or_default")]
    pub path: String,
    #[serde(deserialize_with = "or_default")]
    pub manifest: String,
    #[serde(deserialize_with = "or_default")]
    pub events: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub weight: i64,
    #[serde(deserialize_with = "or_default")]
    pub delete_policies: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub last_run: RawLastRun,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawLastRun {
    #[serde(deserialize_with = "or_default")]
    started_at: String,
    #[serde(deserialize_with = "or_default")]
    completed_at: String,
    #[serde(deserialize_with = "or_default")]
    phase: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawChart {
    #[serde(deserialize_with = "or_default")]
    pub metadata: RawMetadata,
    /// The chart's own default values, undecoded: only `show` uses them.
    pub values: Option<Box<RawValue>>,
    #[serde(deserialize_with = "or_default")]
    pub files: Vec<RawFile>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawMetadata {
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    #[serde(deserialize_with = "text")]
    pub version: String,
    /// Go's JSON reader ignores case; hand-written memory-driver files use that.
    #[serde(rename = "appVersion", alias = "appversion", deserialize_with = "text")]
    pub app_version: String,
    #[serde(rename = "kubeVersion", deserialize_with = "or_default")]
    kube_version: String,
    #[serde(deserialize_with = "or_default")]
    annotations: BTreeMap<String, Option<String>>,
    #[serde(deserialize_with = "or_default")]
    pub dependencies: Vec<RawDependency>,
}

/// An entry of `dependencies` in Chart.yaml.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawDependency {
    #[serde(deserialize_with = "or_default")]
    pub name: String,
}

/// `null` counts as absent, as in Go.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A number counts as its text, as it does where Go's YAML reader fills a string field (`version: 1.2` in a memory-driver file).
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text,
        serde_json::Value::Number(number) => number.to_string(),
        _ => return Err(serde::de::Error::custom("not a text")),
    })
}

fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// A time as stored; Helm 3 writes `""` for a zero time, and either line may have written Go's own zero time.
fn time(text: String) -> Option<String> {
    given(text).filter(|text| !text.starts_with("0001-01-01T00:00:00"))
}

impl RawRecord {
    /// Release name as in the payload.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Namespace as in the payload.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    pub fn revision(&self) -> Revision {
        self.version
    }

    /// The user's values as they are, for Helm to render with; none if there are none.
    pub fn given_values(&self) -> Option<serde_json::Value> {
        self.config.as_object().filter(|values| !values.is_empty()).map(|_| self.config.clone())
    }

    /// `info.status`.
    pub fn status(&self) -> Status {
        Status::parse(&self.info.status)
    }

    /// The `info` part, redacted.
    pub fn info(&self, redactor: &Redactor) -> RevisionInfo {
        self.info.public(&self.chart.metadata, redactor)
    }

    /// Without what [`RawRecord::into_inspected`] alone reads, which is as large as the rest.
    pub fn for_release(mut self) -> Self {
        self.chart.values = None;
        self.chart.files.iter_mut().for_each(RawFile::forget_definition);
        self
    }

    /// Parses and redacts everything.
    pub fn into_release(self, stored: StoredAs, context: &ParseContext<'_>) -> Release {
        let redactor = context.redactor;
        // Values first: what is a secret there is recognised in descriptions and notes too.
        let mut config = Value::from_json(self.config);
        redactor.values(&mut config);
        let manifest = parse_manifest(&self.manifest, context);
        drop(self.manifest);
        let (hooks, hook_gaps) = stored_hooks(self.hooks, context);
        let mut gaps = manifest.gaps;
        gaps.extend(hook_gaps);
        Release {
            name: self.name,
            namespace: self.namespace,
            revision: self.version,
            status: Status::parse(&self.info.status),
            description: redactor.text(&self.info.description),
            first_deployed: time(self.info.first_deployed),
            last_deployed: time(self.info.last_deployed),
            rollback_revision: Some(self.info.rollback_revision).filter(|revision| *revision > 0),
            apply_method: apply_method(&self.apply_method),
            chart: self.chart.into_info(redactor),
            config,
            objects: manifest.objects,
            hooks,
            notes: redactor.text(&self.info.notes),
            stored,
            gaps,
        }
    }

    /// Keeps what ran: info, hooks, and plain Jobs of the manifest.
    pub fn into_between(self, context: &ParseContext<'_>) -> Between {
        let info = self.info(context.redactor);
        let scripts = |document: &str| document.contains("ConfigMap") && document.contains(".sql");
        let manifest = parse_where(&self.manifest, context, |document| document.contains("Job") || scripts(document));
        let hooks = stored_hooks(self.hooks, context).0;
        let chart = self.chart.files.iter().filter(|file| file.is_kept()).map(|file| file.name.as_str());
        let migration_files = chart_files::names(&manifest.objects, &hooks, chart);
        Between {
            revision: self.version,
            status: info.status,
            restores: info.restores,
            chart: info.chart,
            hooks,
            migration_files,
            jobs: manifest.objects.into_iter().filter(|object: &Object| object.id.is("batch", "Job")).collect(),
        }
    }
}

impl RawInfo {
    /// What is told of a revision, redacted.
    pub fn public(&self, chart: &RawMetadata, redactor: &Redactor) -> RevisionInfo {
        let description = redactor.text(&self.description);
        RevisionInfo {
            status: Status::parse(&self.status),
            restores: restores(self.rollback_revision, &description),
            description,
            chart: chart.full_name(),
            last_deployed: time(self.last_deployed.clone()),
        }
    }
}

impl RawMetadata {
    /// `name-version`, as `helm history` prints it.
    fn full_name(&self) -> String {
        if self.name.is_empty() { String::new() } else { format!("{}-{}", self.name, self.version) }
    }
}

fn restores(rollback_revision: Revision, description: &str) -> Option<Revision> {
    let described = || description.strip_prefix("Rollback to ").and_then(|revision| revision.parse().ok());
    Some(rollback_revision).filter(|revision| *revision > 0).or_else(described)
}

fn apply_method(text: &str) -> Option<ApplyMethod> {
    match text {
        "ssa" => Some(ApplyMethod::ServerSide),
        "csa" => Some(ApplyMethod::ClientSide),
        _ => None,
    }
}

impl From<RawLastRun> for LastRun {
    fn from(raw: RawLastRun) -> LastRun {
        LastRun { started_at: time(raw.started_at), completed_at: time(raw.completed_at), phase: raw.phase }
    }
}

impl RawChart {
    fn into_info(self, redactor: &Redactor) -> ChartInfo {
        let RawChart { metadata, files, .. } = self;
        ChartInfo {
            name: metadata.name,
            version: metadata.version,
            app_version: metadata.app_version,
            annotations: metadata.annotations.into_iter().filter_map(|(key, value)| Some((key, value?))).collect(),
            kube_version: given(metadata.kube_version),
            files: chart_files::texts(&files, redactor),
            crd_files: files.into_iter().map(|file| file.name).filter(|name| name.starts_with("crds/")).collect(),
        }
    }
}
