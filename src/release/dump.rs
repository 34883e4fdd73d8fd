//! The text of `helm get all` (`statusPrinter.WriteTable` in `cmd/helm/status.go` 3.x, `pkg/cmd/status.go` 4.x).

use super::hooks::hook_of_text;
use super::record::RawRecord;
use super::saved::SavedError;
use super::{split, yaml};

/// What this text leaves out of a record.
pub(super) const LACKS: [&str; 4] =
    ["results of earlier hook runs", "apply method", "chart annotations", "deployment times with a zone"];

const VALUES: &str = "USER-SUPPLIED VALUES:";
const COMPUTED: &str = "COMPUTED VALUES:";
const HOOKS: &str = "HOOKS:";
const MANIFEST: &str = "MANIFEST:";
const NOTES: &str = "NOTES:";

pub(super) fn is_dump(text: &str) -> bool {
    text.trim_start().starts_with("NAME: ") && section(text, MANIFEST, NOTES).is_some()
}

pub(super) fn read(text: &str) -> Result<RawRecord, SavedError> {
    let mut record = RawRecord::default();
    let head = text.split(VALUES).next().unwrap_or_default();
    for (key, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        set_field(&mut record, key.trim(), value.trim());
    }
    let fault = |what: &str| SavedError { document: 1, line: 1, what: what.to_owned() };
    if record.name.is_empty() || record.version == 0 {
        return Err(fault("the dump names no release or no revision"));
    }
    let values = section(text, VALUES, COMPUTED).unwrap_or_default();
    let values = yaml::parse(values, 1, &yaml::Limits::default()).map_err(|_| fault("its user-supplied values are no YAML"))?;
    record.config = serde_json::to_value(values.value).unwrap_or_default();
    let hooks = section(text, HOOKS, MANIFEST).unwrap_or_default();
    record.hooks = split::documents(hooks).filter(|chunk| !chunk.is_blank()).map(|chunk| hook_of_text(&chunk)).collect();
    record.manifest = section(text, MANIFEST, NOTES).unwrap_or_default().to_owned();
    record.info.notes =
        text[text.find(MANIFEST).unwrap_or_default()..].rsplit_once("\nNOTES:\n").map_or("", |(_, notes)| notes).to_owned();
    Ok(record)
}

fn set_field(record: &mut RawRecord, key: &str, value: &str) {
    let value = value.to_owned();
    match key {
        "NAME" => record.name = value,
        "NAMESPACE" => record.namespace = value,
        "STATUS" => record.info.status = value,
        "REVISION" => record.version = value.parse().unwrap_or_default(),
        "CHART" => record.chart.metadata.name = value,
        "VERSION" => record.chart.metadata.version = value,
        "APP_VERSION" => record.chart.metadata.app_version = value,
        "DESCRIPTION" => record.info.description = value,
        _ => {}
    }
}

/// The lines between two headings that stand alone on theirs. The last heading counts as the end, as NOTES may repeat anything.
fn section<'t>(text: &'t str, from: &str, to: &str) -> Option<&'t str> {
    let heading = format!("\n{from}\n");
    let start = text.find(&heading)? + heading.len();
    let rest = &text[start..];
    let end = rest.rfind(&format!("\n{to}\n")).map_or(rest.len(), |at| at + 1);
    let empty = rest.starts_with(&format!("{to}\n"));
    Some(if empty { "" } else { &rest[..end] })
}
