//! Reports about every shipped rule case: real input through the whole pure part, in every form.

use std::path::Path;

use rollback_safe::gate::{self, GatePolicy};
use rollback_safe::pipeline;
use rollback_safe::report::text::{self, TextOptions};
use rollback_safe::report::{self, Parts, Records, Report, ToolInfo, Verdict, json};
use rollback_safe::rules::set::RuleSet;
use rollback_safe::rules::{Severity, case, disk, world};

fn reports() -> Vec<(String, Report)> {
    let rules = RuleSet::builtin();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let texts = disk::read_texts(&folder).expect("the shipped rules");
    let cases = texts.into_iter().filter(|(path, _)| case::promise(path).is_some());
    cases
        .map(|(path, text)| {
            let case = case::parse(&path, &text).unwrap_or_else(|faults| panic!("{path}: {faults:?}"));
            let input = world::input(&case).unwrap_or_else(|faults| panic!("{path}: {faults:?}"));
            let evaluation = pipeline::evaluate(&input, &rules);
            let tool = ToolInfo { version: "0.0.0".to_owned(), rules_digest: rules.digest() };
            let parts = Parts {
                forecast: &evaluation.forecast,
                findings: &evaluation.findings,
                schema: &evaluation.schema,
                gaps: &evaluation.gaps,
                records: &Records::of(&input),
            };
            (path, report::build(&input, parts, tool, &GatePolicy::default()))
        })
        .collect()
}

#[test]
fn every_case_gives_a_report_that_matches_the_schema() {
    let schema = serde_json::from_str(include_str!("../../schema/report-v1.schema.json")).expect("the schema is JSON");
    let schema = jsonschema::validator_for(&schema).expect("the schema is a schema");
    let reports = reports();
    assert!(reports.len() > 50, "{} cases", reports.len());
    for (path, report) in &reports {
        let json: serde_json::Value = serde_json::from_str(&json::render(report)).expect("valid JSON");
        let errors: Vec<String> = schema.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{path}: {errors:#?}");
    }
}

#[test]
fn the_same_case_gives_the_same_bytes() {
    for ((path, first), (_, second)) in reports().into_iter().zip(reports()) {
        assert_eq!(json::render(&first), json::render(&second), "{path}");
    }
}

/// What one part says, the others must not deny.
#[test]
fn verdict_findings_gate_and_text_agree() {
    for (path, report) in reports() {
        let worst = report.unwaived().map(|finding| finding.severity).max();
        let expect_unsafe = worst >= Some(Severity::High);
        assert!(!expect_unsafe || report.verdict == Verdict::Unsafe, "{path}: {:?} with {worst:?}", report.verdict);
        assert_ne!((report.verdict, report.blocking_gaps() > 0), (Verdict::Safe, true), "{path}: safe with a blocking gap");

        let policy = GatePolicy::default();
        let exit = gate::decide(&report, &policy).exit().code();
        let expected = match report.verdict {
            Verdict::Unsafe => 1,
            Verdict::Inconclusive => 4,
            Verdict::Caution | Verdict::Safe => 0,
        };
        assert_eq!(exit, expected, "{path}: {:?}", report.verdict);

        let options = TextOptions { width: 80, color: false, command: Some("helm rollback-safe x".to_owned()) };
        let text = text::render(&report, &policy, &options);
        assert!(text.starts_with(&report.verdict.as_str().to_uppercase()), "{path}: {text}");
        assert!(text.contains(&report.digest), "{path}");
        for finding in &report.findings {
            assert!(text.contains(&finding.rule), "{path}: {} is missing", finding.rule);
        }
        assert_eq!(text.contains("--accept-critical"), report.has_critical(), "{path}");
    }
}
