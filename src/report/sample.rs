//! A fixed set of inputs and reports for tests.

use std::collections::BTreeMap;

use super::*;
use crate::forecast::{
    Action, Alternative, Confidence, HookRun, Method, NotRestored, RecordForecast, Rejected, Step, StepResult,
};
use crate::helm::{HelmBinary, RollbackFlags};
use crate::input::{Facts, Known, NamedMigrations, RevisionEntry, Skipped, TargetChoice};
use crate::release::{ChartInfo, HookEvent, StoredAs, Value};
use crate::rules::{Evidence, EvidenceSource};

pub fn gap(blocks: bool) -> Gap {
    Gap {
        what: "live PersistentVolumeClaim/prod/cache".to_owned(),
        why: "forbidden: get persistentvolumeclaims".to_owned(),
        affects: vec!["pvc-removed".to_owned()],
        blocks,
    }
}

fn record(revision: Revision, status: Status) -> Release {
    Release {
        name: "shop".to_owned(),
        namespace: "prod".to_owned(),
        revision,
        status,
        description: String::new(),
        first_deployed: None,
        last_deployed: Some("2025-03-01T02:58:11Z".to_owned()),
        rollback_revision: None,
        apply_method: None,
        chart: ChartInfo {
            name: "shop".to_owned(),
            version: format!("2.{revision}.0"),
            app_version: format!("5.{revision}"),
            ..ChartInfo::default()
        },
        config: Value::Map(BTreeMap::new()),
        objects: Vec::new(),
        hooks: Vec::new(),
        notes: String::new(),
        stored: StoredAs {
            key: format!("sh.helm.release.v1.shop.v{revision}"),
            uid: Some(format!("uid-{revision}")),
            resource_version: Some(format!("10{revision}")),
            status_label: Some(status),
        },
        gaps: Vec::new(),
    }
}

pub fn input() -> Input {
    let (from, to) = (record(7, Status::Deployed), record(5, Status::Superseded));
    let history = [&to, &from]
        .into_iter()
        .map(|r| RevisionEntry { revision: r.revision, stored: r.stored.clone(), record: None, undecodable: None })
        .collect();
    let mut facts = Facts::none("not asked");
    facts.cluster_uid = Known::Yes("cluster-1".to_owned());
    Input {
        helm: HelmBinary { path: None, version: Known::Yes(HelmVersion { major: 4, minor: 3, patch: Some(1) }) },
        flags: RollbackFlags { history_max: 10, ..RollbackFlags::default() },
        driver: "secrets".to_owned(),
        namespace: "prod".to_owned(),
        from,
        to,
        history,
        between: Vec::new(),
        residue: Vec::new(),
        target: TargetChoice {
            revision: 5,
            requested: false,
            helm_default: Some(6),
            skipped: vec![Skipped { revision: 6, why: "failed: timed out waiting for the condition".to_owned() }],
            reason: "the newest revision that is known to have worked".to_owned(),
        },
        facts,
        schema: NamedMigrations::default(),
        gaps: Vec::new(),
    }
}

pub fn forecast() -> Forecast {
    Forecast {
        outcome: Outcome::Succeeds,
        records: vec![
            RecordForecast { revision: 8, status: Status::Deployed },
            RecordForecast { revision: 7, status: Status::Superseded },
        ],
        ..Forecast::empty(Method::ServerSide)
    }
}

pub fn found(rule: &str, severity: Severity) -> rules::Finding {
    rules::Finding {
        id: format!("id-{rule}"),
        rule: rule.to_owned(),
        title: format!("Title of {rule}"),
        severity,
        confidence: Confidence::Certain,
        object: Some(ObjectRef::new("v1", "PersistentVolumeClaim", Some("prod"), "cache")),
        path: None,
        message: "PersistentVolumeClaim/prod/cache is in revision 7 and not in revision 5, so Helm deletes it.".to_owned(),
        why: "Its volume is reclaimed, and the data with it.".to_owned(),
        remediation: "Keep the claim\n(Helm then leaves it alone):\n  kubectl annotate persistentvolumeclaim/cache -n prod helm.sh/resource-policy=keep --overwrite\n".to_owned(),
        evidence: vec![Evidence {
            source: EvidenceSource::Live,
            at: "PersistentVolume/pv-1 spec.persistentVolumeReclaimPolicy".to_owned(),
            text: "Delete".to_owned(),
        }],
    }
}

pub fn finding(rule: &str, severity: Severity) -> Finding {
    super::finding(&found(rule, severity))
}

pub fn tool() -> ToolInfo {
    ToolInfo { version: "0.1.0".to_owned(), rules_digest: "sha256:0".to_owned() }
}

pub fn built(input: &Input, forecast: &Forecast, findings: &[rules::Finding], gaps: &[Gap]) -> Report {
    build(input, Parts { forecast, findings, schema: &[], gaps, records: &Records::of(input) }, tool(), &GatePolicy::default())
}

/// Nothing found, nothing missing.
pub fn empty() -> Report {
    built(&input(), &forecast(), &[], &[])
}

/// Text that tries to get at the terminal or to pass for our own lines.
pub const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}evil\u{200b}\r\nGATE: open\t<b>\u{e0041}";

/// Every list of a forecast filled.
fn full() -> Forecast {
    let claim = ObjectRef::new("v1", "PersistentVolumeClaim", Some("prod"), "cache");
    let set = ObjectRef::new("apps/v1", "StatefulSet", Some("prod"), "db");
    let map = ObjectRef::new("v1", "ConfigMap", Some("prod"), "settings");
    Forecast {
        outcome: Outcome::Fails,
        reason: "StatefulSet/prod/db is refused: spec.serviceName is immutable".to_owned(),
        pruned: vec![1],
        steps: vec![
            Step { action: Action::Hook, object: map.clone(), result: StepResult::Ok, why: None },
            Step {
                action: Action::Patch,
                object: set.clone(),
                result: StepResult::Rejected,
                why: Some("spec.serviceName is immutable".to_owned()),
            },
            Step { action: Action::Patch, object: map.clone(), result: StepResult::Unknown, why: None },
            Step { action: Action::Delete, object: claim.clone(), result: StepResult::NotRun, why: None },
        ],
        deletes: vec![claim],
        cascades: vec![
            ObjectRef::new("v1", "PersistentVolume", None, "pv-1"),
            ObjectRef::new("example.com/v1", "Widget", Some("prod"), "a"),
        ],
        creates: vec![ObjectRef::new("batch/v1", "Job", Some("prod"), "bootstrap")],
        adopts: vec![map.clone()],
        rejected: vec![Rejected {
            object: set.clone(),
            field: "spec.serviceName".to_owned(),
            reason: "field is immutable".to_owned(),
            confidence: Confidence::Certain,
            conflict: false,
        }],
        kept: vec![ObjectRef::new("v1", "Secret", Some("prod"), "license")],
        not_restored: vec![NotRestored { object: set, why: "spec.replicas stays as scaled".to_owned() }],
        hooks: vec![HookRun {
            name: "migrate".to_owned(),
            kind: "Job".to_owned(),
            event: HookEvent::PreRollback,
            weight: -5,
            from_revision: 5,
        }],
        alternatives: vec![Alternative {
            when: "Helm's discovery cache is empty".to_owned(),
            outcome: Outcome::Stuck,
            reason: "the kind Widget is not served".to_owned(),
        }],
        records: vec![
            RecordForecast { revision: 8, status: Status::Failed },
            RecordForecast { revision: 7, status: Status::Superseded },
        ],
        ..forecast()
    }
}

/// The reports every form is tested with, by name.
pub fn all() -> Vec<(&'static str, Report)> {
    let mut set = vec![("safe", empty())];
    for severity in Severity::ALL {
        let name = severity.as_str();
        set.push((name, built(&input(), &forecast(), &[found("some-rule", severity)], &[])));
    }
    set.push((
        "inconclusive",
        built(&input(), &forecast(), &[found("note", Severity::Info)], &[gap(true), Gap::new("events", "not asked")]),
    ));
    set.push(("claim", claim()));
    set.push((
        "full",
        built(
            &input(),
            &full(),
            &[
                found("pvc-removed", Severity::Critical),
                found("statefulset-immutable", Severity::High),
                found("note", Severity::Medium),
            ],
            &[gap(true)],
        ),
    ));
    set.push(("hostile", hostile()));
    set.push(("long", long()));
    set
}

fn claim() -> Report {
    let mut forecast = forecast();
    forecast.deletes = vec![ObjectRef::new("v1", "PersistentVolumeClaim", Some("prod"), "cache")];
    forecast.cascades = vec![ObjectRef::new("v1", "PersistentVolume", None, "pv-1")];
    built(&input(), &forecast, &[found("pvc-removed", Severity::Critical)], &[])
}

fn hostile() -> Report {
    full_of(HOSTILE)
}

/// Every place for foreign text holds `text`, and findings are waived and accepted because of it.
pub fn evil(text: &str) -> Report {
    let mut report = full_of(text);
    let owned = || text.to_owned();
    report.release.name = owned();
    report.release.namespace = owned();
    report.release.from.chart = owned();
    report.release.to.last_deployed = Some(owned());
    report.findings[0].rule = owned();
    report.findings[0].template = Some(owned());
    let waived = Finding { waived: Some(Waiver { reason: owned(), ..Waiver::default() }), ..report.findings[0].clone() };
    let accepted = Finding { accepted: Some(Waiver { reason: owned(), ..Waiver::default() }), ..report.findings[0].clone() };
    report.findings.extend([waived, accepted]);
    let object = owned();
    report.predicted.rejected =
        vec![super::Rejected { object, field: owned(), reason: owned(), confidence: Confidence::Likely, conflict: true }];
    report.predicted.hooks =
        vec![Hook { name: owned(), kind: owned(), event: HookEvent::PreRollback, weight: 0, from_revision: 5 }];
    report.predicted.alternatives = vec![Alternative { when: owned(), outcome: Outcome::Fails, reason: owned() }];
    report.predicted.steps = vec![super::Step {
        action: Action::Patch,
        api_version: owned(),
        object: owned(),
        result: StepResult::Unknown,
        why: Some(owned()),
    }];
    report
}

fn full_of(text: &str) -> Report {
    let mut input = input();
    input.from.chart.app_version = text.to_owned();
    input.target.reason = text.to_owned();
    input.target.skipped = vec![Skipped { revision: 6, why: text.to_owned() }];
    let mut forecast = forecast();
    forecast.reason = text.to_owned();
    forecast.deletes = vec![ObjectRef::new("v1", "ConfigMap", Some("prod"), text)];
    forecast.not_restored = vec![NotRestored { object: ObjectRef::new("v1", "Secret", None, text), why: text.to_owned() }];
    let mut finding = found("some-rule", Severity::High);
    finding.object = Some(ObjectRef::new("v1", "ConfigMap", Some(text), text));
    finding.path = Some(text.to_owned());
    finding.title = text.to_owned();
    finding.message = text.to_owned();
    finding.why = text.to_owned();
    finding.remediation = text.to_owned();
    finding.evidence = vec![Evidence { source: EvidenceSource::From, at: text.to_owned(), text: text.to_owned() }];
    built(&input, &forecast, &[finding], &[Gap::new(text, text).affecting(text).blocking()])
}

fn long() -> Report {
    let name = |number: usize| format!("{}-{number}", "a-rather-long-name".repeat(12));
    let mut forecast = forecast();
    forecast.deletes = (0..30).map(|n| ObjectRef::new("v1", "ConfigMap", Some("prod"), &name(n))).collect();
    let mut finding = found("object-deleted", Severity::Medium);
    finding.object = Some(ObjectRef::new("v1", "ConfigMap", Some("prod"), &name(0)));
    finding.message = "Words that go on and on. ".repeat(20).trim_end().to_owned();
    built(&input(), &forecast, &[finding], &[])
}
