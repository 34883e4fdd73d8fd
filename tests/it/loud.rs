//! The loud suite: upgrades of public charts whose way back is known to hurt, each reported with its object and reason.
//!
//! A fixture is reduced from a pair of public chart versions to what hurts: the same kinds, names, images and fields, and
//! nothing of the chart's text. Two YAML documents: what must be said and where the harm is documented, then the pair in
//! the form of a rule's case.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use rollback_safe::rules::case::Case;
use rollback_safe::rules::{Finding, RuleSet, Severity};
use serde::Deserialize;

use crate::pairs;

/// So many pairs at least.
const PAIRS: usize = 24;

/// The first document of a fixture.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// Chart and versions, newer to older.
    chart: String,
    /// Where the harm is told.
    source: String,
    expect: Vec<Said>,
}

/// A finding that must be there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    rule: String,
    /// `Kind/namespace/name`.
    object: String,
    /// A word of the message or of the evidence: the reason, not just the rule.
    says: String,
    /// At least so severe; high where nothing is written.
    severity: Option<Severity>,
    /// Only where the cluster was read.
    #[serde(default)]
    live: bool,
    /// Only on this Helm line, `3` or `4`.
    helm: Option<String>,
}

impl Said {
    fn applies(&self, world: &str) -> bool {
        (!self.live || world.ends_with(", live"))
            && self.helm.as_ref().is_none_or(|line| world.starts_with(&format!("Helm {line}")))
    }

    fn is(&self, finding: &Finding) -> bool {
        let object = finding.object.as_ref().is_some_and(|object| object.to_string() == self.object);
        let mut texts = finding.evidence.iter().map(|evidence| &evidence.text).chain([&finding.message]);
        let severe = finding.severity >= self.severity.unwrap_or(Severity::High);
        finding.rule == self.rule && object && severe && texts.any(|text| text.contains(&self.says))
    }
}

fn read(path: &Path) -> (Expected, Case) {
    let text = fs::read_to_string(path).expect("a fixture");
    let (expected, case) = text.split_once("\n---\n").unwrap_or_else(|| panic!("{}: two documents", path.display()));
    let expected = serde_yaml::from_str(expected).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (expected, pairs::parse(path, case))
}

fn shown(findings: &[Finding]) -> String {
    findings.iter().fold(String::new(), |mut text, finding| {
        let Finding { rule, severity, message, .. } = finding;
        writeln!(text, "    {} {rule}: {message}", severity.as_str()).expect("text");
        text
    })
}

#[test]
fn what_is_known_to_hurt_is_reported() {
    let rules = RuleSet::builtin();
    let mut missing = String::new();
    for path in pairs::files("loud", "ROLLBACK_SAFE_LOUD") {
        let (expected, fixture) = read(&path);
        for (world, case) in pairs::worlds(&fixture) {
            let findings = pairs::findings(&case, &rules);
            for said in expected.expect.iter().filter(|said| said.applies(&world)) {
                if !findings.iter().any(|finding| said.is(finding)) {
                    let Said { rule, object, says, .. } = said;
                    writeln!(missing, "{} ({world})\n  {rule} {object} `{says}`", path.display()).expect("text");
                    missing.push_str(&shown(&findings));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing}");
}

#[test]
fn there_are_enough_pairs_each_with_its_source() {
    let files = pairs::files("loud", "ROLLBACK_SAFE_LOUD");
    assert!(files.len() >= PAIRS, "{} pairs", files.len());
    let mut charts = BTreeSet::new();
    for path in files {
        let (expected, fixture) = read(&path);
        assert!(expected.source.starts_with("https://"), "{}", path.display());
        assert!(!expected.expect.is_empty() && fixture.about.is_some(), "{}", path.display());
        assert!(charts.insert(expected.chart.clone()), "{} is there twice", expected.chart);
    }
}
