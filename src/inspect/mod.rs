//! What records say, for people: the history of a release, one record, and how two records differ.

#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]

pub mod differences;
pub mod history;
pub mod show;
mod table;

use serde::Serialize;

use crate::release::{Release, Revision, Status};

/// Whose records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Of {
    pub name: String,
    pub namespace: String,
    /// Where they were read: secrets, configmaps, sql, memory, files.
    pub driver: String,
}

/// One record in a few words.
#[derive(Clone, Debug, Serialize)]
pub struct Brief {
    pub revision: Revision,
    pub status: Status,
    pub chart: String,
    pub app_version: String,
    /// When it was made, RFC 3339 as recorded.
    pub updated: Option<String>,
    pub description: String,
}

impl Brief {
    pub fn of(release: &Release) -> Brief {
        let chart = &release.chart;
        let name = if chart.name.is_empty() { String::new() } else { format!("{}-{}", chart.name, chart.version) };
        Brief {
            revision: release.revision,
            status: release.status,
            chart: name,
            app_version: chart.app_version.clone(),
            updated: release.last_deployed.clone(),
            description: release.description.clone(),
        }
    }
}
