//! Where in a chart a finding lies, for hosts that show nothing without a file.

use std::path::{Component, Path};

use super::{Finding, Report};
use crate::policy::SourceInfo;

/// The template that made the object, as Helm names it (`CHART/templates/…`); the chart's `Chart.yaml` where no template is known.
///
/// Lines of a template are not known: a record holds what was rendered.
pub fn file(report: &Report, finding: &Finding) -> String {
    match &finding.template {
        Some(template) => super::clean(template).into_owned(),
        None => chart(report),
    }
}

/// The file of a policy, if it lies below the working directory; else the chart's `Chart.yaml`.
pub fn policy(report: &Report, source: &SourceInfo) -> String {
    let path = source.path.trim_start_matches("./");
    let inside = Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(name) if !name.to_string_lossy().starts_with('.')));
    if inside && !path.starts_with("ConfigMap/") { super::clean(path).into_owned() } else { chart(report) }
}

fn chart(report: &Report) -> String {
    format!("{}/Chart.yaml", chart_name(&report.release.from.chart))
}

/// `shop` of `shop-2.1.0-rc.1+3`: a chart's version begins at the first digit that follows a dash.
fn chart_name(chart: &str) -> String {
    let version = chart.match_indices('-').find(|(at, _)| chart[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    super::clean(version.map_or(chart, |(at, _)| &chart[..at])).into_owned()
}
