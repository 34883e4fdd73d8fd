//! What every shipped rule has to prove, over all cases of all rules.

#![allow(clippy::disallowed_methods, reason = "tests read and, when asked, rewrite the generated pages")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::builtin::BUILTIN;
use super::case::{self, Case, Live, Promise};
use super::disk;
use super::docs::{self, Example};
use super::file::{Rule, stem};
use super::form::confidence_name;
use super::set::RuleSet;
use super::{Finding, matcher, template, trial, world};
use crate::analyze::{Change, ChangeKind};
use crate::pipeline;
use crate::recording::Recording;

struct Ran {
    case: Case,
    changes: Vec<Change>,
    findings: Vec<Finding>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")
}

/// (path from the project's root, text) of all files below rules/.
fn texts() -> Vec<(String, String)> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR"));
    let relative = |path: String| Path::new(&path).strip_prefix(base).unwrap().to_string_lossy().into_owned();
    disk::read_texts(&root()).unwrap().into_iter().map(|(path, text)| (relative(path), text)).collect()
}

/// Every case of every rule, run once for all tests.
fn all() -> &'static [Ran] {
    static ALL: OnceLock<Vec<Ran>> = OnceLock::new();
    ALL.get_or_init(|| {
        let rules = RuleSet::builtin();
        let cases = texts().into_iter().filter(|(path, _)| case::promise(path).is_some());
        cases.map(|(path, text)| ran(&path, &text, &rules)).collect()
    })
}

fn ran(path: &str, text: &str, rules: &RuleSet) -> Ran {
    let fail =
        |faults: Vec<super::fault::Fault>| -> String { faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n") };
    let case = case::parse(path, text).map_err(fail).unwrap_or_else(|faults| panic!("{faults}"));
    let input = world::input(&case).map_err(fail).unwrap_or_else(|faults| panic!("{faults}"));
    let evaluation = pipeline::evaluate(&input, rules);
    Ran { case, changes: evaluation.changes, findings: evaluation.findings }
}

/// The test of one rule: promises, both kinds of case, rendered texts, overlap, and every condition exercised.
pub fn check(path: &str) {
    let id = stem(path);
    let rules = RuleSet::builtin();
    let rule = rules.get(id).expect("the list and the file agree on the id");
    let own: Vec<&Ran> = all().iter().filter(|ran| ran.case.rule == id).collect();
    for promise in [Promise::Fires, Promise::Quiet] {
        assert!(own.iter().any(|ran| ran.case.promise == promise), "{id} has no case with {promise:?}");
    }
    for ran in &own {
        let outcome = trial::run(&ran.case, &rules).unwrap();
        assert_eq!(outcome.broken, None, "{}: {:#?}", ran.case.file, ran.changes);
    }
    let hits = hits(id);
    insta::with_settings!({snapshot_path => "../../snapshots/rules", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!(id, hits);
    });
    assert!(!hits.contains(template::MISSING), "a text of {id} names what the change does not have:\n{hits}");
    let before: Vec<Vec<String>> = all().iter().map(|ran| summary(&rules, ran)).collect();
    for (taken, mutant) in mutants(rule) {
        let rules = rules.replacing(mutant);
        let changed = all().iter().zip(&before).any(|(ran, before)| summary(&rules, ran) != *before);
        assert!(changed, "{id}: no case needs {taken}");
    }
}

/// Everything the rule says about any case of any rule.
fn hits(id: &str) -> String {
    let mut lines = Vec::new();
    for ran in all() {
        for finding in ran.findings.iter().filter(|finding| finding.rule == id) {
            let case = ran.case.file.trim_start_matches("rules/");
            let sure = confidence_name(finding.confidence);
            lines.push(format!(
                "{case}\n  {} {sure}: {}\n{}",
                finding.severity.as_str(),
                finding.message,
                indented(&finding.remediation)
            ));
        }
    }
    lines.join("\n")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

/// The rule with one optional condition taken away at a time; `match.change` cannot be left out of a file.
fn mutants(rule: &Rule) -> Vec<(String, Rule)> {
    let mut mutants: Vec<(String, Rule)> = Vec::new();
    let mut take = |name: String, given: bool, change: &dyn Fn(&mut Rule)| {
        if given {
            let mut mutant = rule.clone();
            change(&mut mutant);
            mutants.push((name, mutant));
        }
    };
    let select = &rule.select;
    take("match.kinds".to_owned(), !select.kinds.is_empty(), &|rule| rule.select.kinds.clear());
    take("match.fields".to_owned(), !select.fields.is_empty(), &|rule| rule.select.fields.clear());
    take("match.facts".to_owned(), !select.facts.is_empty(), &|rule| rule.select.facts.clear());
    take("match.any_facts".to_owned(), !select.any_facts.is_empty(), &|rule| rule.select.any_facts.clear());
    take("match.from_values".to_owned(), !select.from_values.is_empty(), &|rule| rule.select.from_values.clear());
    take("match.to_values".to_owned(), !select.to_values.is_empty(), &|rule| rule.select.to_values.clear());
    take("unless.kinds".to_owned(), !rule.unless.kinds.is_empty(), &|rule| rule.unless.kinds.clear());
    take("unless.fields".to_owned(), !rule.unless.fields.is_empty(), &|rule| rule.unless.fields.clear());
    take("unless.facts".to_owned(), !rule.unless.facts.is_empty(), &|rule| rule.unless.facts.clear());
    take("confidence".to_owned(), rule.confidence.is_some(), &|rule| rule.confidence = None);
    for position in 0..rule.adjust.len() {
        take(format!("adjust[{position}]"), true, &|rule| {
            rule.adjust.remove(position);
        });
    }
    for position in 0..rule.supersedes.len() {
        take(format!("supersedes[{position}]"), true, &|rule| {
            rule.supersedes.remove(position);
        });
    }
    mutants
}

fn summary(rules: &RuleSet, ran: &Ran) -> Vec<String> {
    let findings = matcher::apply(rules, &ran.changes);
    findings
        .iter()
        .map(|finding| format!("{} {:?} {:?} {}", finding.rule, finding.severity, finding.confidence, finding.message))
        .collect()
}

#[test]
fn the_list_and_the_folder_agree() {
    let listed: BTreeSet<String> = BUILTIN.iter().map(|rule| rule.path.to_owned()).collect();
    let on_disk: BTreeSet<String> =
        texts().into_iter().map(|(path, _)| path).filter(|path| case::promise(path).is_none()).collect();
    assert_eq!(listed, on_disk);
    for ran in all() {
        let folder = Path::new(&ran.case.file).parent().unwrap().with_extension("yaml");
        assert!(listed.contains(folder.to_str().unwrap()), "{} lies beside no rule", ran.case.file);
    }
}

#[test]
fn one_rule_speaks_about_a_change() {
    let rules = RuleSet::builtin();
    for ran in all() {
        for change in &ran.changes {
            let speaking: Vec<&str> = matcher::speaking(&rules, change).iter().map(|rule| rule.id.as_str()).collect();
            assert!(speaking.len() <= 1, "{}: {speaking:?} all speak about {change:?}", ran.case.file);
        }
    }
}

/// Rule files are checked against the vocabulary, so what analyzers really make must be in it.
#[test]
fn analyzers_keep_to_the_vocabulary() {
    for ran in all() {
        for change in &ran.changes {
            let kind = change.kind;
            let stray: Vec<_> = change.facts.iter().filter(|fact| !kind.facts().contains(fact)).collect();
            assert!(stray.is_empty(), "{}: {kind:?} comes with {stray:?}", ran.case.file);
            for name in kind.placeholders() {
                assert!(change.param(name).is_some(), "{}: {kind:?} has no {name}", ran.case.file);
            }
        }
    }
}

#[test]
fn ids_of_findings_are_unique_in_a_report() {
    for ran in all() {
        let ids: BTreeSet<&String> = ran.findings.iter().map(|finding| &finding.id).collect();
        assert_eq!(ids.len(), ran.findings.len(), "{}", ran.case.file);
        assert!(ids.iter().all(|id| id.len() == 16));
    }
}

/// Case ids by the rules they expect, from `tests/lab/cases`.
fn experiments() -> BTreeMap<String, BTreeSet<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/cases");
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for document in serde_yaml::Deserializer::from_str(&text) {
            let case = <serde_yaml::Value as serde::Deserialize>::deserialize(document).unwrap();
            let id = case["id"].as_str().unwrap();
            let variants = case["by_helm"].as_mapping().into_iter().flat_map(|map| map.values());
            for said in std::iter::once(&case).chain(variants) {
                let rules = said["expect"]["rules"].as_sequence().into_iter().flatten();
                for rule in rules {
                    found.entry(rule.as_str().unwrap().to_owned()).or_default().insert(id.to_owned());
                }
            }
        }
    }
    found
}

#[test]
fn rules_name_the_experiments_that_show_them() {
    let experiments = experiments();
    for rule in RuleSet::builtin().iter() {
        let shown = experiments.get(&rule.id).cloned().unwrap_or_default();
        let named: BTreeSet<String> = rule.proof.iter().cloned().collect();
        assert_eq!(named, shown, "{}: `proof` and tests/lab/cases differ", rule.file);
        assert!(!shown.is_empty() || !rule.references.is_empty(), "{} rests on nothing", rule.file);
    }
}

/// What is written down is all that a report is made of.
#[test]
fn a_recording_gives_the_same_findings() {
    let rules = RuleSet::builtin();
    for ran in all() {
        let input = world::input(&ran.case).unwrap_or_else(|faults| panic!("{faults:#?}"));
        let text = serde_json::to_string(&Recording::of(&input)).unwrap();
        let read: Recording = serde_json::from_str(&text).unwrap();
        let again = pipeline::evaluate(&read.into_input(), &rules);
        let first = pipeline::evaluate(&input, &rules);
        let shown = |evaluation: &pipeline::Evaluation| {
            serde_json::to_string(&(&evaluation.forecast, &evaluation.findings, &evaluation.gaps)).unwrap()
        };
        assert_eq!(shown(&again), shown(&first), "{}", ran.case.file);
    }
}

/// Going from a revision to itself changes nothing: only what does not come from a difference may be said.
#[test]
fn a_re_apply_is_silent() {
    let rules = RuleSet::builtin();
    for ran in all() {
        for record in [&ran.case.from, &ran.case.to] {
            let case = re_apply(&ran.case, record);
            let input = world::input(&case).unwrap_or_else(|faults| panic!("{faults:#?}"));
            for change in pipeline::evaluate(&input, &rules).changes {
                let revision = record.revision;
                assert!(!change.kind.needs_difference(), "{} {revision}→{revision}: {change:?}", case.file);
                assert!(may_drift(&case) || !is_drift(change.kind), "{} {revision}→{revision}: {change:?}", case.file);
            }
        }
    }
}

/// The case with one record on both sides; `live: same-as-from` follows it.
fn re_apply(case: &Case, record: &case::Record) -> Case {
    let mut case = case.clone();
    case.from = record.clone();
    case.to = record.clone();
    case.between.clear();
    let still_there = |name: &String| record.manifest.text.contains(name.rsplit('/').next().unwrap_or(name));
    case.live_without.retain(still_there);
    case
}

/// Changes that a difference between the target and the cluster makes, whatever *from* says.
fn is_drift(kind: ChangeKind) -> bool {
    matches!(
        kind,
        ChangeKind::UpdateRejected
            | ChangeKind::ApplyConflict
            | ChangeKind::ObjectRecreated
            | ChangeKind::SecretOverwritten
            | ChangeKind::DataMoved
    )
}

fn may_drift(case: &Case) -> bool {
    case.live != Live::SameAsFrom
        || !case.live_also.text.is_empty()
        || !case.live_without.is_empty()
        || !case.volumes.text.is_empty()
        || !case.access.is_empty()
        || !case.dry_run.is_empty()
}

/// The cases of `id` with what the rule made of them.
fn examples(id: &str) -> Vec<Example<'static>> {
    let own = all().iter().filter(|ran| ran.case.rule == id);
    own.map(|ran| Example { case: &ran.case, finding: ran.findings.iter().find(|finding| finding.rule == id) }).collect()
}

#[test]
fn pages_are_as_generated() {
    let rules = RuleSet::builtin();
    let mut pages: BTreeMap<PathBuf, String> = BTreeMap::new();
    pages.insert(root().join("README.md"), docs::index(&rules));
    for rule in rules.iter() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&rule.file).with_extension("md");
        pages.insert(path, docs::page(rule, &examples(&rule.id)));
    }
    for (path, page) in pages {
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &page).unwrap();
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(there == page, "{} is out of date: run UPDATE_DOCS=1 cargo test --lib rules", path.display());
    }
}

#[test]
fn a_scaffold_passes_as_it_is() {
    let files = super::scaffold::files("state-removed").unwrap();
    let texts = files.into_iter().map(|(path, text)| (format!("mine/{path}"), text)).collect();
    let report = trial::run_texts(&RuleSet::builtin(), texts);
    assert!(report.passed(), "{report}");
    assert_eq!(report.outcomes.len(), 2);
    assert!(super::scaffold::files("Not An Id").is_err());
}
