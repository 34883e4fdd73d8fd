//! What the chart and the revisions between tell of which code the present schema still supports.

use std::collections::BTreeSet;

use crate::input::Input;
use crate::migrations::order::Order;
use crate::migrations::report::Report;
use crate::migrations::source::file_name;
use crate::release::Revision;

/// Annotation of `Chart.yaml`: the schema that this version's code was written for.
const SCHEMA_REVISION: &str = "rollback-safe/schema-revision";

/// Annotation of `Chart.yaml`: the oldest `appVersion` whose code works on the schema of this version.
const MINIMUM: &str = "rollback-safe/minimum-compatible-version";

/// What the two charts declare, for evidence: a declaration is nobody's proof, so it lowers nothing.
pub fn declared(input: &Input) -> Vec<String> {
    let (from, to) = (&input.from.chart, &input.to.chart);
    let mut said = Vec::new();
    if let (Some(newer), Some(older)) = (from.annotations.get(SCHEMA_REVISION), to.annotations.get(SCHEMA_REVISION)) {
        let word = if newer == older { "the same schema" } else { "another schema" };
        said.push(format!(
            "the charts declare {word}: {newer} of revision {}, {older} of revision {}",
            input.from.revision, input.to.revision
        ));
    }
    if let Some(minimum) = from.annotations.get(MINIMUM) {
        let works = Order::natural(plain(&to.app_version)) >= Order::natural(plain(minimum));
        let word = if works { "is declared to work" } else { "is declared not to work" };
        said.push(format!(
            "code of {} {word} on this schema: the chart of revision {} supports {minimum} and newer",
            to.app_version, input.from.revision
        ));
    }
    said
}

fn plain(version: &str) -> &str {
    version.trim_start_matches(['v', 'V'])
}

/// The oldest revision, of those in a row, whose newest migration the present schema still supports.
pub fn last_supported_revision(input: &Input, report: &Report, older: &BTreeSet<String>) -> Option<Revision> {
    let version = report.oldest_supported_version.as_ref()?;
    let position = report.migrations.iter().position(|migration| migration.version == *version)?;
    // Code that knows one of these knows a schema that is supported.
    let supported: BTreeSet<&str> = report.migrations[position..].iter().map(|migration| file_name(&migration.path)).collect();
    let known: BTreeSet<&str> = report.migrations.iter().map(|migration| file_name(&migration.path)).collect();
    let mut last = input.from.revision;
    for between in input.between.iter().rev() {
        // A ConfigMap may have had another name: the place that shares most files is the one.
        let places =
            between.migration_files.values().map(|files| files.iter().map(|path| file_name(path)).collect::<BTreeSet<_>>());
        let files = places.max_by_key(|files| files.intersection(&known).count()).unwrap_or_default();
        if files.is_disjoint(&supported) {
            return Some(last);
        }
        last = between.revision;
    }
    let older: BTreeSet<&str> = older.iter().map(|path| file_name(path)).collect();
    Some(if older.is_disjoint(&supported) { last } else { input.to.revision })
}
