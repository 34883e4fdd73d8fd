use super::*;
use crate::gate::{self, OnInconclusive};
use crate::helm::ServerSide;
use crate::report::text::TextOptions;

fn options(color: bool) -> TextOptions {
    TextOptions { width: 80, color, command: Some("helm rollback-safe shop 5 --namespace prod".to_owned()) }
}

fn snapshots(check: impl Fn(&str, &Report)) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots/report");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, report) in sample::all() {
            check(name, &report);
        }
    });
}

#[test]
fn plain_text() {
    snapshots(|name, report| {
        insta::assert_snapshot!(format!("{name}.plain"), text::render(report, &GatePolicy::default(), &options(false)));
    });
}

#[test]
fn coloured_text() {
    snapshots(|name, report| {
        let text = text::render(report, &GatePolicy::default(), &options(true));
        insta::assert_snapshot!(format!("{name}.color"), text.replace('\u{1b}', "ESC"));
    });
}

#[test]
fn json_text() {
    snapshots(|name, report| {
        if ["safe", "full", "hostile"].contains(&name) {
            insta::assert_snapshot!(format!("{name}.json"), json::render(report));
        }
    });
}

fn schema() -> jsonschema::Validator {
    let text = include_str!("../../schema/report-v1.schema.json");
    jsonschema::validator_for(&serde_json::from_str(text).expect("the schema is JSON")).expect("the schema is a schema")
}

#[test]
fn every_report_matches_the_schema() {
    let schema = schema();
    for (name, report) in sample::all() {
        let json: serde_json::Value = serde_json::from_str(&json::render(&report)).expect("valid JSON");
        let errors: Vec<String> = schema.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}

/// The schema must be able to fail, and must know every field: a report without one of them is no report.
#[test]
fn the_schema_requires_every_field() {
    let schema = schema();
    let (_, report) = sample::all().into_iter().find(|(name, _)| *name == "full").expect("in the set");
    let json: serde_json::Value = serde_json::from_str(&json::render(&report)).expect("valid JSON");
    let mut paths = Vec::new();
    fields(&json, String::new(), &mut paths);
    assert!(paths.len() > 100, "{}", paths.len());
    for path in paths {
        let mut broken = json.clone();
        let (parent, key) = path.rsplit_once('/').expect("starts with a slash");
        broken.pointer_mut(parent).and_then(|node| node.as_object_mut()).expect("an object").remove(key);
        assert!(!schema.is_valid(&broken), "{path} may be missing");
    }
}

/// JSON pointers of all object members.
fn fields(json: &serde_json::Value, at: String, found: &mut Vec<String>) {
    match json {
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                found.push(format!("{at}/{key}"));
                fields(value, format!("{at}/{key}"), found);
            }
        }
        serde_json::Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                fields(item, format!("{at}/{index}"), found);
            }
        }
        _ => (),
    }
}

#[test]
fn colours_add_escapes_and_nothing_else() {
    for (name, report) in sample::all() {
        let plain = text::render(&report, &GatePolicy::default(), &options(false));
        let color = text::render(&report, &GatePolicy::default(), &options(true));
        assert_eq!(anstream::adapter::strip_str(&color).to_string(), plain, "{name}");
    }
}

#[test]
fn no_form_lets_hostile_characters_through() {
    for (name, report) in sample::all() {
        let plain = text::render(&report, &GatePolicy::default(), &options(false));
        let json = json::render(&report);
        for c in plain.chars().chain(json.chars()).filter(|c| *c != '\n') {
            assert!(!clean::is_hostile(c), "{name}: {c:?}");
        }
        assert!(!plain.lines().any(|line| line.starts_with("GATE: open")) || name != "hostile", "a forged line");
    }
}

#[test]
fn json_keeps_hostile_text_as_data() {
    let (_, report) = sample::all().into_iter().find(|(name, _)| *name == "hostile").expect("in the set");
    let json: serde_json::Value = serde_json::from_str(&json::render(&report)).expect("valid JSON");
    assert_eq!(json["findings"][0]["message"], sample::HOSTILE);
}

#[test]
fn lines_fit_unless_one_word_does_not() {
    for width in [40, 80, 120] {
        for (name, report) in sample::all() {
            let text = text::render(&report, &GatePolicy::default(), &TextOptions { width, ..options(false) });
            for line in
                text.lines().filter(|line| !line.contains("sha256:") && !line.ends_with('\\') && !line.contains("kubectl"))
            {
                let longest = line.split_whitespace().map(|word| word.chars().count()).max().unwrap_or(0);
                let fits = line.chars().count() <= width;
                // A label and a name too long to fit beside it stay on one line.
                assert!(fits || longest > width - 20, "{name} at {width}: {line:?}");
            }
        }
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for ((name, first), (_, second)) in sample::all().into_iter().zip(sample::all()) {
        assert_eq!(json::render(&first), json::render(&second), "{name}");
    }
}

#[test]
fn order_of_discovery_does_not_show() {
    let (input, forecast) = (sample::input(), sample::forecast());
    let mut findings: Vec<_> = Severity::ALL.iter().map(|s| sample::found("some-rule", *s)).collect();
    let mut gaps = vec![sample::gap(true), Gap::new("b", "x"), Gap::new("a", "x")];
    let first = sample::built(&input, &forecast, &findings, &gaps);
    findings.reverse();
    gaps.reverse();
    let second = sample::built(&input, &forecast, &findings, &gaps);
    assert_eq!(json::render(&first), json::render(&second));
    assert_eq!(first.findings.first().map(|f| f.severity), Some(Severity::Critical));
    assert!(first.gaps[0].blocks);
}

#[test]
fn a_gap_met_twice_is_said_once() {
    let mut input = sample::input();
    input.gaps = vec![Gap::new("a", "x").affecting("one")];
    let mut forecast = sample::forecast();
    forecast.unknowns = vec![Gap::new("a", "x").affecting("forecast").blocking()];
    let report = sample::built(&input, &forecast, &[], &[Gap::new("a", "x").affecting("one")]);
    assert_eq!(report.gaps.len(), 1);
    assert_eq!(report.gaps[0].affects, ["forecast", "one"]);
    assert!(report.gaps[0].blocks);
    assert_eq!(report.verdict, Verdict::Inconclusive);
}

#[test]
fn an_unknown_helm_is_a_gap_that_blocks_where_the_lines_differ() {
    let (mut input, mut forecast) = (sample::input(), sample::forecast());
    input.helm.version = crate::input::Known::No("the binary does not tell".to_owned());
    let same = sample::built(&input, &forecast, &[], &[]);
    assert_eq!((same.verdict, same.gaps.len(), same.release.helm.as_ref()), (Verdict::Safe, 1, None));
    forecast.outcome = Outcome::Unknown;
    forecast.alternatives =
        vec![crate::forecast::Alternative { when: String::new(), outcome: Outcome::Fails, reason: String::new() }];
    assert_eq!(sample::built(&input, &forecast, &[], &[]).verdict, Verdict::Inconclusive);
}

#[test]
fn verdicts() {
    use Outcome::{Fails, Stuck, Succeeds, Unknown};
    let gaps = |blocks: Option<bool>| blocks.map(sample::gap).into_iter().collect::<Vec<_>>();
    let table = [
        (None, None, Succeeds, Verdict::Safe),
        (Some(Severity::Info), None, Succeeds, Verdict::Safe),
        (Some(Severity::Low), Some(false), Succeeds, Verdict::Safe),
        (Some(Severity::Medium), None, Succeeds, Verdict::Caution),
        (None, None, Unknown, Verdict::Caution),
        (None, Some(true), Unknown, Verdict::Inconclusive),
        (Some(Severity::Medium), Some(true), Succeeds, Verdict::Inconclusive),
        (Some(Severity::High), Some(true), Succeeds, Verdict::Unsafe),
        (Some(Severity::Critical), None, Succeeds, Verdict::Unsafe),
        (None, None, Fails, Verdict::Unsafe),
        (None, Some(true), Stuck, Verdict::Unsafe),
    ];
    for (row, (severity, blocks, outcome, expected)) in table.into_iter().enumerate() {
        let findings: Vec<_> = severity.map(|s| sample::finding("some-rule", s)).into_iter().collect();
        assert_eq!(verdict(&findings, &gaps(blocks), outcome), expected, "row {row}");
    }
    let mut waived = sample::finding("some-rule", Severity::Critical);
    waived.waived = Some(Waiver { reason: "known".to_owned(), ..Waiver::default() });
    assert_eq!(verdict(&[waived], &[], Succeeds), Verdict::Safe);
}

/// Each thing that acceptance binds changes the digest; what it does not bind leaves it.
#[test]
fn the_digest_binds_what_matters() {
    let digest = |change: &dyn Fn(&mut Input, &mut Forecast, &mut GatePolicy)| {
        let (mut input, mut forecast, mut policy) = (sample::input(), sample::forecast(), GatePolicy::default());
        change(&mut input, &mut forecast, &mut policy);
        build(
            &input,
            Parts { forecast: &forecast, findings: &[], schema: &[], gaps: &[], records: &Records::of(&input) },
            sample::tool(),
            &policy,
        )
        .digest
    };
    let base = digest(&|_, _, _| ());
    assert!(base.starts_with("sha256:") && base.len() == 71, "{base}");
    type Change = dyn Fn(&mut Input, &mut Forecast, &mut GatePolicy);
    let bound: [(&str, &Change); 13] = [
        ("cluster", &|i, _, _| i.facts.cluster_uid = crate::input::Known::Yes("cluster-2".to_owned())),
        ("namespace", &|i, _, _| i.namespace = "test".to_owned()),
        ("driver", &|i, _, _| i.driver = "configmaps".to_owned()),
        ("release", &|i, _, _| i.from.name = "other".to_owned()),
        ("from uid", &|i, _, _| i.from.stored.uid = Some("x".to_owned())),
        ("from version", &|i, _, _| i.from.stored.resource_version = Some("x".to_owned())),
        ("to version", &|i, _, _| i.to.stored.resource_version = Some("x".to_owned())),
        ("helm", &|i, _, _| i.helm.version = crate::input::Known::No("?".to_owned())),
        ("flags", &|i, _, _| i.flags.server_side = ServerSide::True),
        ("fail-on", &|_, _, p| p.fail_on = Severity::Low),
        ("on-inconclusive", &|_, _, p| p.on_inconclusive = OnInconclusive::Allow),
        ("forecast", &|_, f, _| f.pruned = vec![1]),
        ("gap", &|i, _, _| i.gaps = vec![sample::gap(false)]),
    ];
    for (what, change) in bound {
        assert_ne!(digest(change), base, "{what}");
    }
    assert_eq!(digest(&|i, _, _| i.target.requested = true), base, "naming the chosen revision is the same rollback");

    let content = |notes: &str| {
        digest(&|i, _, _| {
            i.from.stored.uid = None;
            i.from.notes = notes.to_owned();
        })
    };
    assert_ne!(content("a"), content("b"), "without a storage identity the redacted content counts");
}

#[test]
fn a_finding_changes_the_digest() {
    let (input, forecast) = (sample::input(), sample::forecast());
    let one = sample::built(&input, &forecast, &[sample::found("a", Severity::Low)], &[]);
    let other = sample::built(&input, &forecast, &[sample::found("a", Severity::High)], &[]);
    assert_ne!(one.digest, other.digest);
}

/// Every form but the one for people, by name.
fn machine_forms(report: &Report) -> Vec<(&'static str, String)> {
    let policy = GatePolicy::default();
    vec![
        ("json", json::render(report)),
        ("yaml", yaml::render(report)),
        ("markdown", markdown::render(report, &policy)),
        ("sarif", sarif::render(report)),
        ("junit", junit::render(report, &policy)),
        ("github", github::render(report)),
        ("gitlab", gitlab::render(report)),
        ("html", html::render(report, &policy)),
        ("openreports", policy_report::openreports(report, &policy)),
        ("policyreport", policy_report::policyreport(report, &policy)),
        ("in-toto", in_toto::render(report, &policy)),
        ("github-summary", markdown::summary(report, &policy)),
    ]
}

/// The sample reports, and one whose worst finding is waived.
fn reports() -> Vec<(&'static str, Report)> {
    let mut all = sample::all();
    let (_, mut waived) = all.iter().find(|(name, _)| *name == "full").cloned().expect("in the set");
    waived.findings[0].waived = Some(Waiver { reason: "the cache fills itself".to_owned(), ..Waiver::default() });
    all.push(("waived", waived));
    all
}

#[test]
fn forms_for_machines() {
    snapshots(|name, report| {
        for (form, text) in machine_forms(report) {
            // Those hold what the JSON form holds, or what Markdown does.
            let known = ["json", "in-toto", "policyreport", "github-summary"].contains(&form);
            if !known && ["full", "hostile"].contains(&name) {
                insta::assert_snapshot!(format!("{name}.{form}"), text);
            }
        }
    });
}

#[test]
fn no_form_for_machines_lets_hostile_characters_through() {
    for (name, report) in reports() {
        for (form, text) in machine_forms(&report) {
            for c in text.chars().filter(|c| *c != '\n') {
                assert!(!clean::is_hostile(c), "{name} as {form}: {c:?}");
            }
            assert!(
                !text.lines().any(|line| line.starts_with("GATE:") || line.starts_with("::") && form != "github"),
                "{name} as {form}"
            );
        }
    }
}

/// Read by a YAML reader that is not the writer's.
#[test]
fn yaml_says_what_json_says() {
    for (name, report) in reports() {
        let of_json: serde_json::Value = serde_json::from_str(&json::render(&report)).expect("valid JSON");
        let of_yaml: serde_json::Value = serde_yaml::from_str(&yaml::render(&report)).expect("valid YAML");
        assert_eq!(of_yaml, of_json, "{name}");
    }
}

#[test]
fn sarif_is_valid() {
    let text = include_str!("../../tests/fixtures/formats/sarif-2.1.0.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(text).expect("the schema is JSON")).expect("a schema");
    for (name, report) in reports() {
        let log: serde_json::Value = serde_json::from_str(&sarif::render(&report)).expect("valid JSON");
        let errors: Vec<String> = schema.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
        let results = log["runs"][0]["results"].as_array().expect("a list");
        assert_eq!(results.len(), report.findings.len(), "{name}");
        let suppressed = results.iter().filter(|result| result.get("suppressions").is_some()).count();
        assert_eq!(suppressed, report.findings.iter().filter(|finding| finding.waived.is_some()).count(), "{name}");
    }
    let mut broken: serde_json::Value = serde_json::from_str(&sarif::render(&sample::empty())).expect("valid JSON");
    broken["runs"][0]["tool"] = serde_json::json!({});
    assert!(!schema.is_valid(&broken), "the schema must be able to fail");
}

#[test]
fn junit_counts_what_it_holds() {
    for (name, report) in reports() {
        let text = junit::render(&report, &GatePolicy::default());
        let document = roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).expect("a suite");
        let count = |tag: &str| suite.descendants().filter(|node| node.has_tag_name(tag)).count().to_string();
        for (attribute, tag) in [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")] {
            assert_eq!(suite.attribute(attribute), Some(count(tag).as_str()), "{name}: {attribute}");
        }
        let closed = gate::decide(&report, &GatePolicy::default()) != gate::Decision::Within;
        assert_eq!(closed, text.contains("<failure") || text.contains("<error"), "{name}");
    }
}

#[test]
fn gitlab_gets_fingerprints_that_are_unique_and_stay() {
    for (name, report) in reports() {
        let entries: Vec<serde_json::Value> = serde_json::from_str(&gitlab::render(&report)).expect("valid JSON");
        assert_eq!(entries.len(), report.unwaived().count(), "{name}");
        let prints: BTreeSet<&str> = entries.iter().filter_map(|entry| entry["fingerprint"].as_str()).collect();
        assert_eq!(prints.len(), entries.len(), "{name}");
        for entry in &entries {
            assert!(
                ["blocker", "critical", "major", "minor", "info"].contains(&entry["severity"].as_str().expect("text")),
                "{name}"
            );
            assert!(entry["location"]["path"].as_str().is_some_and(|path| !path.is_empty()), "{name}");
            assert!(entry["location"]["lines"]["begin"].is_u64(), "{name}");
        }
    }
}

#[test]
fn each_github_command_is_one_line() {
    for (name, report) in reports() {
        for line in github::render(&report).lines() {
            let known = ["::error ", "::warning ", "::notice "].iter().any(|word| line.starts_with(word));
            assert!(known, "{name}: {line}");
        }
    }
}

#[test]
fn a_comment_fits_and_can_be_found_again() {
    let finding = |number: usize| sample::found(&format!("rule-{number}"), Severity::High);
    let many: Vec<rules::Finding> = (0..2_000).map(finding).collect();
    let long = sample::built(&sample::input(), &sample::forecast(), &many, &[]);
    for (name, report) in reports().into_iter().chain([("many", long)]) {
        let text = markdown::render(&report, &GatePolicy::default());
        assert!(text.len() <= markup::LONGEST, "{name}: {}", text.len());
        assert_eq!(text.lines().next(), Some("<!-- rollback-safe: prod/shop -->"), "{name}");
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count(), "{name}");
    }
}

/// Read as a host reads it: what came from outside opens no element, no link, no mention, no table cell.
#[test]
fn hostile_markdown_is_inert() {
    let (_, report) = sample::all().into_iter().find(|(name, _)| *name == "hostile").expect("in the set");
    let mut report = report;
    let evil = "</details><script>alert(1)</script> [x](javascript:x) @all | a | `b` <!-- ![i](http://x/y)";
    report.findings[0].message = evil.to_owned();
    report.findings[0].remediation = format!("{evil}\n```\n{evil}");
    report.release.name = evil.to_owned();
    let parser = pulldown_cmark::Parser::new_ext(
        &markdown::render(&report, &GatePolicy::default()),
        pulldown_cmark::Options::ENABLE_TABLES,
    )
    .map(pulldown_cmark::Event::into_static)
    .collect::<Vec<_>>();
    for event in &parser {
        match event {
            pulldown_cmark::Event::Html(html) | pulldown_cmark::Event::InlineHtml(html) => {
                assert!(!html.contains("<script") && !html.contains("<a") && !html.contains("<img"), "{html}");
            }
            pulldown_cmark::Event::Start(pulldown_cmark::Tag::Link { .. } | pulldown_cmark::Tag::Image { .. }) => {
                panic!("{event:?}")
            }
            _ => {}
        }
    }
}
