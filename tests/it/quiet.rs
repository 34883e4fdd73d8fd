//! The quiet suite: ordinary upgrades, going back, raise nothing high or critical.
//!
//! Each fixture keeps the shape of a pair of public charts: a patch update, or a step that its vendor says can be undone. It
//! is written for this suite, with the two manifests in the form of a rule's case; all objects, names and versions of
//! applications are of our own. A rule that fires here frightens people for nothing.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use rollback_safe::pipeline;
use rollback_safe::rules::case::{self, Case, Live};
use rollback_safe::rules::{Finding, RuleSet, Severity, world};

/// What issue readers are promised: so many pairs at least.
const PAIRS: usize = 30;

/// Helm lines to ask: both apply in their own way.
const HELMS: [&str; 2] = ["3.22.0", "4.3.1"];

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/quiet");
    let folder = std::env::var_os("ROLLBACK_SAFE_QUIET").map_or(folder, PathBuf::from);
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("the fixtures").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    files.sort();
    files
}

fn read(path: &Path) -> Case {
    let text = fs::read_to_string(path).expect("a fixture");
    let name = path.file_name().expect("a name").to_string_lossy();
    case::parse(&format!("quiet/quiet-{name}"), &text).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn findings(case: &Case, rules: &RuleSet) -> Vec<Finding> {
    let input = world::input(case).unwrap_or_else(|faults| panic!("{faults:#?}"));
    pipeline::evaluate(&input, rules).findings
}

/// The fixture with nothing known of the cluster, and with everything live as Helm left it.
fn worlds(case: &Case) -> impl Iterator<Item = (String, Case)> {
    HELMS.into_iter().flat_map(move |helm| {
        [(Live::Unknown, "no cluster"), (Live::SameAsFrom, "live")]
            .map(|(live, name)| (format!("Helm {helm}, {name}"), Case { helm: helm.to_owned(), live, ..case.clone() }))
    })
}

#[test]
fn ordinary_upgrades_go_back_without_alarm() {
    let rules = RuleSet::builtin();
    let mut alarms = String::new();
    for path in fixtures() {
        let fixture = read(&path);
        for (name, case) in worlds(&fixture) {
            for finding in findings(&case, &rules).iter().filter(|finding| finding.severity >= Severity::High) {
                let Finding { rule, severity, message, .. } = finding;
                writeln!(alarms, "{} ({name})\n  {} {rule}: {message}", path.display(), severity.as_str()).expect("text");
            }
        }
    }
    assert!(alarms.is_empty(), "{alarms}");
}

#[test]
fn there_are_enough_pairs_and_each_differs() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= PAIRS, "{} pairs", fixtures.len());
    for path in fixtures {
        let fixture = read(&path);
        assert!(fixture.about.is_some(), "{} does not say what it is", path.display());
        assert_ne!(fixture.from.manifest.text, fixture.to.manifest.text, "{}", path.display());
    }
}
