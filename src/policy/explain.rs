//! What is in force for one release, and why.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::effective::{Because, Effective, Scope, Sourced};
use super::model::{AcceptMode, WaiverRule};
use crate::report::clean;

/// Value of the field `schema` of the JSON form.
pub const SCHEMA: &str = "rollback-safe/policy-explained/v1";

/// Settings with one value, with it and why.
fn single(effective: &Effective) -> Vec<Because> {
    let approvals = &effective.approvals;
    let accept = if approvals.within_gate { AcceptMode::WithinGate } else { AcceptMode::Asked };
    let values = [
        ("fail_on", effective.gate.fail_on.as_str().to_owned()),
        ("on_inconclusive", effective.gate.on_inconclusive.as_str().to_owned()),
        ("accept", accept.as_str().to_owned()),
        ("forbid_accept_critical", approvals.forbid_accept_critical.to_string()),
        ("enforce", effective.enforce.to_string()),
    ];
    let why = |setting: &str| effective.because.iter().rfind(|because| because.setting == setting);
    let source = |setting: &str| match (setting, why(setting)) {
        // Enforcement forbids it wherever nothing else does.
        ("forbid_accept_critical", found) if effective.enforce && found.is_none_or(|found| found.value == "false") => {
            why("enforce").map_or_else(|| "enforce".to_owned(), |because| format!("{} (enforce)", because.source))
        }
        (_, Some(because)) => because.source.clone(),
        (_, None) => "default".to_owned(),
    };
    let made = |(setting, value): (&str, String)| Because { setting: setting.to_owned(), value, source: source(setting) };
    values.into_iter().map(made).collect()
}

/// What else is in force: the last word about each, and every demand.
fn others(effective: &Effective) -> Vec<&Because> {
    let lists = ["never_accept", "freeze", "evidence"];
    let singles = ["fail_on", "on_inconclusive", "accept", "forbid_accept_critical", "enforce"];
    let all = &effective.because;
    let counts = |(position, because): (usize, &Because)| {
        let last = || !all[position + 1..].iter().any(|later| later.setting == because.setting);
        !singles.contains(&&*because.setting) && (lists.contains(&&*because.setting) || last())
    };
    all.iter().enumerate().filter(|pair| counts(*pair)).map(|(_, because)| because).collect()
}

/// For people.
pub fn text(effective: &Effective, scope: &Scope) -> String {
    let mut out = format!("Policy for {} in namespace {}\n\nSources\n", clean(scope.release), clean(scope.namespace));
    for source in &effective.sources {
        let _ = writeln!(out, "  {:<14} {}\n  {:<14} {}", source.authority.as_str(), clean(&source.path), "", source.digest);
    }
    if effective.sources.is_empty() {
        out.push_str("  none: defaults and flags\n");
    }
    out.push_str("\nIn force\n");
    for because in single(effective).iter().chain(others(effective)) {
        let (value, source) = (clean(&because.value), clean(&because.source));
        let _ = writeln!(out, "  {:<24} {value}  [{source}]", clean(&because.setting));
    }
    waivers(&mut out, "Waivers", &effective.waivers);
    waivers(&mut out, "Expired waivers (what they waived counts again)", &effective.expired);
    lines(
        &mut out,
        "Trusted annotations",
        effective.trust.iter().map(|trust| {
            let rules: Vec<&str> = trust.value.rules.iter().map(String::as_str).collect();
            let severity = trust.value.severity.as_str();
            format!(
                "{} makes {} at most {severity}: {}  [{}]",
                trust.value.annotation,
                rules.join(", "),
                trust.value.reason,
                trust.source
            )
        }),
    );
    lines(&mut out, "Ignored", effective.ignored.iter().cloned());
    lines(&mut out, "Not known", effective.gaps.iter().map(|gap| format!("{}: {}", gap.what, gap.why)));
    if let Some(digest) = effective.digest() {
        let _ = writeln!(out, "\ndigest {digest}");
    }
    out
}

fn waivers(out: &mut String, head: &str, waivers: &[Sourced<WaiverRule>]) {
    lines(
        out,
        head,
        waivers.iter().map(|waiver| {
            let rule = &waiver.value;
            format!("{}: {} ({}, until {})  [{}]", rule.selector(), rule.reason, rule.owner, rule.expires.text, waiver.source)
        }),
    );
}

fn lines(out: &mut String, head: &str, lines: impl Iterator<Item = String>) {
    for (position, line) in lines.enumerate() {
        if position == 0 {
            let _ = writeln!(out, "\n{head}");
        }
        let _ = writeln!(out, "  {}", clean(&line.replace('\n', " ")));
    }
}

/// For programs.
pub fn json(effective: &Effective, scope: &Scope) -> Value {
    let waiver = |waiver: &Sourced<WaiverRule>| {
        let rule = &waiver.value;
        json!({"selector": rule.selector(), "reason": rule.reason, "owner": rule.owner, "expires": rule.expires.text, "source": waiver.source})
    };
    let settings: Vec<Value> = single(effective).iter().chain(others(effective)).map(|because| json!(because)).collect();
    json!({
        "schema": SCHEMA,
        "release": scope.release,
        "namespace": scope.namespace,
        "digest": effective.digest(),
        "sources": effective.sources,
        "settings": settings,
        "waivers": effective.waivers.iter().map(waiver).collect::<Vec<_>>(),
        "expired_waivers": effective.expired.iter().map(waiver).collect::<Vec<_>>(),
        "ignored": effective.ignored,
        "gaps": effective.gaps,
    })
}
