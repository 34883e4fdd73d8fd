//! The report as JUnit XML, as the build servers read it: a failure closes the gate, an error is a needed fact that is missing.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::text::sentence;
use super::{Finding, Report, clean};
use crate::gate::GatePolicy;

/// What became of one test case.
enum Result {
    Passed,
    Failure(String),
    Error(String),
    Skipped(String),
}

struct Case {
    name: String,
    class: String,
    result: Result,
    /// What is said all the same.
    out: String,
}

/// One suite for the release, one case a finding and a needed fact, and one for the rollback itself, so that a safe one passes visibly.
pub fn render(report: &Report, policy: &GatePolicy) -> String {
    let cases = cases(report, policy);
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    write(&mut writer, report, &cases).expect("writing to memory");
    let text = String::from_utf8(writer.into_inner()).expect("made of text");
    format!("{text}\n")
}

fn cases(report: &Report, policy: &GatePolicy) -> Vec<Case> {
    let whole = Case {
        name: format!("rollback to revision {}", report.release.to.revision),
        class: "forecast".to_owned(),
        result: match report.predicted.outcome {
            crate::forecast::Outcome::Fails | crate::forecast::Outcome::Stuck => Result::Failure(report.predicted.reason.clone()),
            _ => Result::Passed,
        },
        out: clean(&sentence(report)).into_owned(),
    };
    let findings = report.findings.iter().map(|finding| case(finding, policy));
    let gaps = report.gaps.iter().filter(|gap| gap.blocks).map(|gap| Case {
        name: gap.what.clone(),
        class: "not known".to_owned(),
        result: Result::Error(gap.why.clone()),
        out: String::new(),
    });
    std::iter::once(whole).chain(findings).chain(gaps).collect()
}

fn case(finding: &Finding, policy: &GatePolicy) -> Case {
    let object = finding.object.as_ref().map_or_else(|| finding.title.clone(), ToString::to_string);
    let path = finding.path.as_ref().filter(|path| !path.is_empty()).map_or(String::new(), |path| format!(" {path}"));
    let (message, why) = (clean(&finding.message), clean(&finding.why));
    let text = format!("{message}\n{why}\nWhat to do:\n{}", indented(&finding.remediation));
    let result = match &finding.waived {
        Some(waiver) => Result::Skipped(waiver.sentence()),
        None if finding.severity >= policy.fail_on => {
            Result::Failure(format!("{}: {}", finding.severity.as_str(), finding.title))
        }
        None => Result::Passed,
    };
    Case { name: format!("{object}{path}"), class: finding.rule.clone(), result, out: text }
}

fn write(writer: &mut Writer<Vec<u8>>, report: &Report, cases: &[Case]) -> std::io::Result<()> {
    let counted = |wanted: fn(&Result) -> bool| cases.iter().filter(|case| wanted(&case.result)).count().to_string();
    let (failures, errors) = (counted(|r| matches!(r, Result::Failure(_))), counted(|r| matches!(r, Result::Error(_))));
    let (skipped, tests) = (counted(|r| matches!(r, Result::Skipped(_))), cases.len().to_string());
    let name = format!("{}/{}", report.release.namespace, report.release.name);
    let numbers = [("tests", &*tests), ("failures", &*failures), ("errors", &*errors)];
    let suite = BytesStart::new("testsuite").with_attributes([("name", &*clean(&name))]);
    let suite = suite.with_attributes(numbers).with_attributes([("skipped", &*skipped)]);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer.write_event(Event::Start(BytesStart::new("testsuites").with_attributes(numbers)))?;
    writer.write_event(Event::Start(suite))?;
    write_policy(writer, report)?;
    for case in cases {
        write_case(writer, case)?;
    }
    writer.write_event(Event::End(BytesEnd::new("testsuite")))?;
    writer.write_event(Event::End(BytesEnd::new("testsuites")))
}

/// What it was judged by: each source of the policy with its digest.
fn write_policy(writer: &mut Writer<Vec<u8>>, report: &Report) -> std::io::Result<()> {
    let Some(policy) = &report.policy else { return Ok(()) };
    let sources = policy.sources.iter().zip(1..);
    let sources = sources.map(|(source, number)| (format!("rollback-safe.policy.{number}"), source.sentence()));
    let properties = std::iter::once(("rollback-safe.policy".to_owned(), policy.digest.clone())).chain(sources);
    writer.create_element("properties").write_inner_content(|writer| {
        for (name, value) in properties {
            let property = [("name", &*name), ("value", &*clean(&value))];
            writer.create_element("property").with_attributes(property).write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}

fn write_case(writer: &mut Writer<Vec<u8>>, case: &Case) -> std::io::Result<()> {
    let head = [("classname", &*clean(&case.class)), ("name", &*clean(&case.name))];
    let element = writer.create_element("testcase").with_attributes(head);
    element.write_inner_content(|writer| {
        match &case.result {
            Result::Passed => {}
            Result::Skipped(why) => said(writer, "skipped", why, "")?,
            Result::Failure(why) => said(writer, "failure", why, &case.out)?,
            Result::Error(why) => said(writer, "error", why, &case.out)?,
        }
        if matches!(case.result, Result::Passed) && !case.out.is_empty() {
            writer.create_element("system-out").write_text_content(BytesText::new(&lines(&case.out)))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn said(writer: &mut Writer<Vec<u8>>, element: &str, message: &str, text: &str) -> std::io::Result<()> {
    let element = writer.create_element(element).with_attribute(("message", &*clean(message)));
    if text.is_empty() {
        element.write_empty()?
    } else {
        element.write_text_content(BytesText::new(&lines(text)))?
    };
    Ok(())
}

/// Commands stay on lines of their own, set off so that none can pass for ours.
fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {}\n", clean(line))).collect()
}

/// XML 1.0 has no place for control characters, escaped or not: they are made visible, line by line.
fn lines(text: &str) -> String {
    text.trim_end().lines().map(clean).collect::<Vec<_>>().join("\n")
}
