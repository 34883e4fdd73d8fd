//! Pairs of public charts (`charts.yaml`): where each version comes from, how the pair is rolled back, and which case of
//! our own keeps its mechanism where no copy of the charts is at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_yaml::Value;

use crate::case::{self, Source};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    /// Directory under `CHARTS` → where `scripts/charts` takes it from.
    charts: BTreeMap<String, Origin>,
    /// Cases, each with `reduced`.
    pairs: Vec<BTreeMap<String, Value>>,
}

/// Read by `scripts/charts`; here only its form is checked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Origin {
    /// `OWNER/NAME` on GitHub.
    repository: String,
    path: String,
    r#ref: String,
    /// Where the project writes the version into Chart.yaml only when it releases.
    version: Option<String>,
}

/// The pairs as cases. `cases` are those that always run: a pair must name one of them that shows its mechanism.
pub fn read(file: &Path, cases: &[Source]) -> Result<Vec<Source>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let list: List = serde_yaml::from_str(&text).with_context(|| file.display().to_string())?;
    let mut sources = Vec::new();
    for pair in list.pairs {
        sources.push(source(pair, &list.charts, cases)?);
    }
    let used: BTreeSet<&String> = sources.iter().flat_map(|source| &source.charts).collect();
    match list.charts.keys().find(|name| !used.contains(name)) {
        Some(name) => bail!("no pair uses the chart {name}"),
        None => Ok(sources),
    }
}

fn source(mut pair: BTreeMap<String, Value>, charts: &BTreeMap<String, Origin>, cases: &[Source]) -> Result<Source> {
    let reduced: Vec<String> = serde_yaml::from_value(pair.remove("reduced").unwrap_or_default()).context("reduced")?;
    let source = case::read(serde_yaml::to_string(&pair)?)?;
    if reduced.is_empty() {
        bail!("{}: no case keeps its mechanism", source.id);
    }
    if let Some(id) = reduced.iter().find(|id| !cases.iter().any(|case| case.id == **id)) {
        bail!("{}: there is no case {id}", source.id);
    }
    match source.charts.iter().find(|name| !charts.contains_key(*name)) {
        Some(name) => bail!("{}: nothing says where the chart {name} comes from", source.id),
        None => Ok(source),
    }
}
