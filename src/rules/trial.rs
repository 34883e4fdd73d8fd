//! Runs cases through the whole pipeline and judges them by the promise in their names.

use std::fmt;

use super::case::{Case, Promise};
use super::fault::{Fault, Faults};
use super::set::RuleSet;
use super::{Finding, Severity, builtin, case, world};
use crate::pipeline;

/// Why a case did not keep its promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// `fires-*` without a finding of the rule. Holds the rules that spoke instead.
    Silent { others: Vec<String> },
    /// `quiet-*` with a finding of the rule: its message.
    Fired { message: String },
    /// The finding has another severity than the case says.
    Severity { expected: Severity, found: Severity },
    /// The folder names no rule.
    NoSuchRule,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Silent { others } if others.is_empty() => f.write_str("the rule did not fire, nor did any other"),
            Broken::Silent { others } => write!(f, "the rule did not fire; these did: {}", others.join(", ")),
            Broken::Fired { message } => write!(f, "the rule fired: {message}"),
            Broken::Severity { expected, found } => {
                write!(f, "the severity is {}, and the case expects {}", found.as_str(), expected.as_str())
            }
            Broken::NoSuchRule => f.write_str("no rule is called like the folder this case lies in"),
        }
    }
}

/// One case and what came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub file: String,
    pub rule: String,
    /// What every rule said.
    pub findings: Vec<Finding>,
    pub broken: Option<Broken>,
}

/// Runs one case.
pub fn run(case: &Case, rules: &RuleSet) -> Result<Outcome, Vec<Fault>> {
    let input = world::input(case)?;
    let findings = pipeline::evaluate(&input, rules).findings;
    Ok(Outcome { file: case.file.clone(), rule: case.rule.clone(), broken: judge(case, rules, &findings), findings })
}

fn judge(case: &Case, rules: &RuleSet, findings: &[Finding]) -> Option<Broken> {
    if rules.get(&case.rule).is_none() {
        return Some(Broken::NoSuchRule);
    }
    let found = findings.iter().find(|finding| finding.rule == case.rule);
    match (case.promise, found) {
        (Promise::Fires, None) => Some(Broken::Silent { others: findings.iter().map(|finding| finding.rule.clone()).collect() }),
        (Promise::Quiet, Some(finding)) => Some(Broken::Fired { message: finding.message.clone() }),
        (Promise::Fires, Some(finding)) => {
            let expected = case.severity?;
            let found = finding.severity;
            (expected != found).then_some(Broken::Severity { expected, found })
        }
        (Promise::Quiet, None) => None,
    }
}

/// What `rules test` found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub outcomes: Vec<Outcome>,
    pub faults: Vec<Fault>,
    /// Rules of the tested files without a case that must fire, or without one that must not.
    pub untested: Vec<(String, Promise)>,
}

impl Report {
    pub fn passed(&self) -> bool {
        self.faults.is_empty() && self.untested.is_empty() && self.outcomes.iter().all(|outcome| outcome.broken.is_none())
    }
}

/// Loads rules and cases out of (path, text) pairs on top of `base` and runs every case.
///
/// Only rules among `texts` must have cases; a case may also lie in a folder named like a rule of `base`.
pub fn run_texts(base: &RuleSet, texts: Vec<(String, String)>) -> Report {
    let (cases, rules): (Vec<_>, Vec<_>) = texts.into_iter().partition(|(path, _)| case::promise(path).is_some());
    let own: Vec<String> = rules.iter().map(|(path, _)| super::file::stem(path).to_owned()).collect();
    let mut report = Report::default();
    let rules = loaded(base, rules).unwrap_or_else(|faults| {
        report.faults = faults.0;
        base.clone()
    });
    let mut promised = Vec::new();
    for (path, text) in cases {
        let ran = case::parse(&path, &text).and_then(|case| {
            promised.push((case.rule.clone(), case.promise));
            run(&case, &rules)
        });
        match ran {
            Ok(outcome) => report.outcomes.push(outcome),
            Err(faults) => report.faults.extend(faults),
        }
    }
    report.outcomes.sort_by(|a, b| a.file.cmp(&b.file));
    for id in own {
        let missing = [Promise::Fires, Promise::Quiet].into_iter().filter(|promise| !promised.contains(&(id.clone(), *promise)));
        report.untested.extend(missing.map(|promise| (id.clone(), promise)));
    }
    report
}

/// In a checkout of the project the files of shipped rules stand for the embedded ones.
fn loaded(base: &RuleSet, texts: Vec<(String, String)>) -> Result<RuleSet, Faults> {
    let (shipped, own): (Vec<_>, Vec<_>) = texts.into_iter().partition(|(path, _)| builtin::is_shipped(path));
    if shipped.is_empty() { base.with_texts(own) } else { builtin::with_edited(shipped)?.with_texts(own) }
}

impl fmt::Display for Report {
    /// One line per case, then what is missing, then a count.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for outcome in &self.outcomes {
            match &outcome.broken {
                None => writeln!(f, "ok    {}", outcome.file)?,
                Some(broken) => writeln!(f, "FAIL  {}: {broken}", outcome.file)?,
            }
        }
        for fault in &self.faults {
            writeln!(f, "FAULT {fault}")?;
        }
        for (rule, promise) in &self.untested {
            let name = if *promise == Promise::Fires { "fires" } else { "quiet" };
            writeln!(f, "FAIL  {rule}: has no {name}-….yaml case")?;
        }
        let failed = self.outcomes.iter().filter(|outcome| outcome.broken.is_some()).count() + self.untested.len();
        write!(f, "{} cases, {failed} failed, {} faults", self.outcomes.len(), self.faults.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str, text: &str) -> (String, String) {
        (path.to_owned(), text.to_owned())
    }

    const SAME: &str = "from: {manifest: ''}\nto: {manifest: ''}\n";

    #[test]
    fn a_broken_promise_says_what_happened_instead() {
        let texts = vec![
            text("x/object-kept/fires-nothing.yaml", SAME),
            text("x/object-kept/quiet-nothing.yaml", SAME),
            text("x/no-rule/quiet-nothing.yaml", SAME),
            text("x/object-kept/quiet-broken.yaml", "from: {}\n"),
        ];
        let report = run_texts(&RuleSet::builtin(), texts);
        assert!(!report.passed());
        let text = report.to_string();
        assert!(text.contains("FAIL  x/object-kept/fires-nothing.yaml: the rule did not fire, nor did any other"), "{text}");
        assert!(text.contains("ok    x/object-kept/quiet-nothing.yaml"), "{text}");
        assert!(text.contains("FAIL  x/no-rule/quiet-nothing.yaml: no rule is called like the folder"), "{text}");
        assert!(text.contains("FAULT x/object-kept/quiet-broken.yaml:1:1: a case needs `to`"), "{text}");
    }

    #[test]
    fn a_rule_without_both_kinds_of_case_is_untested() {
        let (_, rule) = crate::rules::scaffold::files("mine").unwrap().remove(0);
        let report = run_texts(&RuleSet::builtin(), vec![text("d/mine.yaml", &rule)]);
        assert_eq!(report.untested.len(), 2);
        assert!(!report.passed());
    }

    #[test]
    fn an_edited_shipped_rule_is_tested_as_edited_and_a_copy_elsewhere_is_refused() {
        let shipped = builtin::BUILTIN.iter().find(|rule| rule.path.ends_with("/object-kept.yaml")).unwrap();
        let edited = shipped.text.replace("severity: info", "severity: low");
        let report = run_texts(&RuleSet::builtin(), vec![text(&format!("./{}", shipped.path), &edited)]);
        assert_eq!(report.faults, Vec::new());
        let report = run_texts(&RuleSet::builtin(), vec![text("mine/object-kept.yaml", &edited)]);
        assert!(report.faults[0].message.contains("is taken by"), "{:?}", report.faults);
    }
}
