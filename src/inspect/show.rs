//! One part of one record, redacted: as `helm get` prints it, or as data.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::{Brief, Of};
use crate::input::Gap;
use crate::release::{ApplyMethod, Hook, Inspected, LastRun, Object, ObjectRef, Revision, Value};
use crate::report::{self, clean};

/// `schema` of the JSON form.
pub const SCHEMA: &str = "rollback-safe/show/v1";

/// Parts of a record that can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    Metadata,
    Values,
    AllValues,
    Manifest,
    Hooks,
    Notes,
}

impl Part {
    pub const ALL: [Part; 6] = [Part::Metadata, Part::Values, Part::AllValues, Part::Manifest, Part::Hooks, Part::Notes];

    pub fn as_str(self) -> &'static str {
        match self {
            Part::Metadata => "metadata",
            Part::Values => "values",
            Part::AllValues => "all-values",
            Part::Manifest => "manifest",
            Part::Hooks => "hooks",
            Part::Notes => "notes",
        }
    }
}

/// What is shown. Exactly one of the optional fields is there: that of the part.
#[derive(Debug, Serialize)]
pub struct Shown<'a> {
    pub schema: &'static str,
    pub release: &'a Of,
    pub revision: Brief,
    pub part: Part,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<Vec<ShownObject<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Vec<ShownHook<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<&'a str>,
    /// What of the record could not be read, and so is not shown.
    pub gaps: &'a [Gap],
}

/// What Helm's `get metadata` tells, and what a rollback restored.
#[derive(Debug, Serialize)]
pub struct Metadata<'a> {
    pub chart: &'a str,
    pub version: &'a str,
    pub app_version: &'a str,
    pub kube_version: Option<&'a str>,
    pub annotations: &'a BTreeMap<String, String>,
    pub dependencies: &'a [String],
    pub first_deployed: Option<&'a str>,
    /// Absent in records of Helm 3, which applies on the client's side.
    pub apply_method: Option<ApplyMethod>,
    pub rollback_to: Option<Revision>,
}

/// An object of the manifest.
#[derive(Debug, Serialize)]
pub struct ShownObject<'a> {
    #[serde(flatten)]
    pub id: &'a ObjectRef,
    pub template: Option<&'a str>,
    pub body: &'a Value,
}

/// A hook.
#[derive(Debug, Serialize)]
pub struct ShownHook<'a> {
    pub name: &'a str,
    pub kind: &'a str,
    pub template: &'a str,
    pub events: Vec<&'static str>,
    pub weight: i64,
    pub last_run: &'a LastRun,
    /// Absent where its text could not be read.
    pub body: Option<&'a Value>,
}

/// Takes one part of a record.
pub fn show<'a>(of: &'a Of, record: &'a Inspected, part: Part) -> Shown<'a> {
    let release = &record.release;
    let mut shown = Shown {
        schema: SCHEMA,
        release: of,
        revision: Brief::of(release),
        part,
        metadata: None,
        values: None,
        objects: None,
        hooks: None,
        notes: None,
        gaps: &release.gaps,
    };
    match part {
        Part::Metadata => shown.metadata = Some(metadata(record)),
        Part::Values => shown.values = Some(&release.config),
        Part::AllValues => shown.values = Some(&record.computed),
        Part::Manifest => shown.objects = Some(release.objects.iter().map(object).collect()),
        Part::Hooks => shown.hooks = Some(release.hooks.iter().map(hook).collect()),
        Part::Notes => shown.notes = Some(&release.notes),
    }
    shown
}

fn metadata(record: &Inspected) -> Metadata<'_> {
    let release = &record.release;
    Metadata {
        chart: &release.chart.name,
        version: &release.chart.version,
        app_version: &release.chart.app_version,
        kube_version: release.chart.kube_version.as_deref(),
        annotations: &release.chart.annotations,
        dependencies: &record.dependencies,
        first_deployed: release.first_deployed.as_deref(),
        apply_method: release.apply_method,
        rollback_to: release.restores(),
    }
}

fn object(object: &Object) -> ShownObject<'_> {
    ShownObject { id: &object.id, template: object.origin.template.as_deref(), body: &object.body }
}

fn hook(hook: &Hook) -> ShownHook<'_> {
    ShownHook {
        name: &hook.name,
        kind: &hook.kind,
        template: &hook.path,
        events: hook.events.iter().map(|event| event.as_str()).collect(),
        weight: hook.weight,
        last_run: &hook.last_run,
        body: hook.object.as_ref().map(|object| &object.body),
    }
}

impl Shown<'_> {
    pub fn json(&self) -> String {
        report::json::harmless(self)
    }

    pub fn yaml(&self) -> String {
        report::yaml::harmless(self)
    }

    /// In the form of `helm get PART` (`cmd/helm/get_*.go` 3.x, `pkg/cmd/get_*.go` 4.x); objects are written anew, so that
    /// comments and the order of keys are not the stored ones.
    pub fn text(&self) -> String {
        let mut out = String::new();
        if let Some(metadata) = &self.metadata {
            self.metadata_text(metadata, &mut out);
        }
        if let Some(values) = self.values {
            out += if self.part == Part::AllValues { "COMPUTED VALUES:\n" } else { "USER-SUPPLIED VALUES:\n" };
            push_lines(&mut out, &yaml(values));
        }
        for object in self.objects.iter().flatten() {
            document(&mut out, object.template, object.body);
        }
        for hook in self.hooks.iter().flatten() {
            document(&mut out, Some(hook.template), hook.body.unwrap_or(&Value::Null));
        }
        if let Some(notes) = self.notes.filter(|notes| !notes.is_empty()) {
            out += "NOTES:\n";
            push_lines(&mut out, notes);
        }
        for gap in self.gaps {
            push(&mut out, format_args!("# not shown: {}: {}", clean(&gap.what), clean(&gap.why)));
        }
        out
    }

    fn metadata_text(&self, metadata: &Metadata<'_>, out: &mut String) {
        let pairs: Vec<String> = metadata.annotations.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let method = match metadata.apply_method {
            None => "client-side apply (defaulted)",
            Some(ApplyMethod::ClientSide) => "client-side apply",
            Some(ApplyMethod::ServerSide) => "server-side apply",
        };
        let mut lines = vec![
            ("NAME", self.release.name.clone()),
            ("CHART", metadata.chart.to_owned()),
            ("VERSION", metadata.version.to_owned()),
            ("APP_VERSION", metadata.app_version.to_owned()),
            ("ANNOTATIONS", pairs.join(",")),
            ("DEPENDENCIES", metadata.dependencies.join(",")),
            ("NAMESPACE", self.release.namespace.clone()),
            ("REVISION", self.revision.revision.to_string()),
            ("STATUS", self.revision.status.to_string()),
            ("DEPLOYED_AT", self.revision.updated.clone().unwrap_or_default()),
            ("APPLY_METHOD", method.to_owned()),
            ("DESCRIPTION", self.revision.description.clone()),
        ];
        lines.extend(metadata.rollback_to.map(|revision| ("ROLLBACK_TO", revision.to_string())));
        for (name, text) in lines {
            push(out, format_args!("{name}: {}", clean(&text)));
        }
    }
}

fn document(out: &mut String, template: Option<&str>, body: &Value) {
    *out += "---\n";
    if let Some(template) = template.filter(|template| !template.is_empty()) {
        push(out, format_args!("# Source: {}", clean(template)));
    }
    push_lines(out, &yaml(body));
}

/// Lines of others, each harmless.
fn push_lines(out: &mut String, text: &str) {
    for line in text.lines() {
        push(out, format_args!("{}", clean(line)));
    }
}

fn push(out: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(out, "{line}").expect("writing to a String");
}

fn yaml(value: &Value) -> String {
    // Every value has a YAML form.
    serde_yaml::to_string(value).unwrap_or_default()
}
