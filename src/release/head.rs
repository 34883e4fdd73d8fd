//! The part of a record that a history shows: `info` and the chart's name and versions.

use serde::Deserialize;

use super::Revision;
use super::record::{RawInfo, RawMetadata, RawRecord, or_default};
use super::redact::Redactor;
use crate::input::RevisionInfo;

/// What a history tells of one revision, redacted.
#[derive(Clone, Debug)]
pub struct Head {
    pub info: RevisionInfo,
    pub app_version: String,
    /// The number that the payload itself names.
    pub revision: Revision,
}

/// A record of which manifest, hooks, values and the chart's files are skipped while reading. Not redacted yet.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct RawHead {
    #[serde(deserialize_with = "or_default")]
    version: Revision,
    #[serde(deserialize_with = "or_default")]
    info: RawInfo,
    #[serde(deserialize_with = "or_default")]
    chart: RawChartHead,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawChartHead {
    #[serde(deserialize_with = "or_default")]
    metadata: RawMetadata,
}

impl RawHead {
    pub fn head(&self, redactor: &Redactor) -> Head {
        head(self.version, &self.info, &self.chart.metadata, redactor)
    }
}

impl RawRecord {
    /// What a history tells of it.
    pub fn head(&self, redactor: &Redactor) -> Head {
        head(self.version, &self.info, &self.chart.metadata, redactor)
    }
}

fn head(revision: Revision, info: &RawInfo, chart: &RawMetadata, redactor: &Redactor) -> Head {
    Head { info: info.public(chart, redactor), app_version: chart.app_version.clone(), revision }
}
