//! Pairs of manifests that whole suites run through the pipeline: `from`, `to` and what is live, in the form of a rule's case.

use std::fs;
use std::path::{Path, PathBuf};

use rollback_safe::pipeline;
use rollback_safe::rules::case::{self, Case, Live};
use rollback_safe::rules::{Finding, RuleSet, world};

/// Whole charts with their definitions have some megabytes.
const LARGEST: usize = 16 * 1024 * 1024;

/// Helm lines to ask: both apply in their own way.
const HELMS: [&str; 2] = ["3.22.0", "4.3.1"];

/// The files of one suite, or of the folder that the variable names.
pub fn files(suite: &str, variable: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(suite);
    let folder = std::env::var_os(variable).map_or(folder, PathBuf::from);
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("the fixtures").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    files.sort();
    files
}

pub fn parse(path: &Path, text: &str) -> Case {
    let name = path.file_name().expect("a name").to_string_lossy();
    case::parse_within(&format!("pairs/quiet-{name}"), text, LARGEST).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

pub fn findings(case: &Case, rules: &RuleSet) -> Vec<Finding> {
    let input = world::input(case).unwrap_or_else(|faults| panic!("{faults:#?}"));
    pipeline::evaluate(&input, rules).findings
}

/// The pair on each Helm line, with nothing known of the cluster, and with what the fixture says is live.
pub fn worlds(case: &Case) -> impl Iterator<Item = (String, Case)> {
    HELMS.into_iter().flat_map(move |helm| {
        [(Live::Unknown, "no cluster"), (case.live.clone(), "live")]
            .map(|(live, name)| (format!("Helm {helm}, {name}"), Case { helm: helm.to_owned(), live, ..case.clone() }))
    })
}
