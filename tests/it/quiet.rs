//! The quiet suite: ordinary upgrades, going back, raise nothing high or critical.
//!
//! Each fixture keeps the shape of a pair of public charts: a patch update, or a step that its vendor says can be undone. It
//! is written for this suite, with the two manifests in the form of a rule's case; all objects, names and versions of
//! applications are of our own. A rule that fires here frightens people for nothing. `ROLLBACK_SAFE_QUIET` names another
//! folder, such as one with whole charts rendered into the same form.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use rollback_safe::rules::case::Case;
use rollback_safe::rules::{Finding, RuleSet, Severity};

use crate::pairs;

/// What issue readers are promised: so many pairs at least.
const PAIRS: usize = 30;

fn fixtures() -> Vec<PathBuf> {
    pairs::files("quiet", "ROLLBACK_SAFE_QUIET")
}

fn read(path: &Path) -> Case {
    pairs::parse(path, &fs::read_to_string(path).expect("a fixture"))
}

#[test]
fn ordinary_upgrades_go_back_without_alarm() {
    let rules = RuleSet::builtin();
    let mut alarms = String::new();
    for path in fixtures() {
        let fixture = read(&path);
        for (name, case) in pairs::worlds(&fixture) {
            for finding in pairs::findings(&case, &rules).iter().filter(|finding| finding.severity >= Severity::High) {
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
