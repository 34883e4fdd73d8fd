//! A plan for tests: revision 7 is deployed, revision 6 failed, revision 5 is the target.

use jiff::Timestamp;

use super::bound::{Bound, Policy};
use super::model::{Body, Made, Plan, Request};
use crate::forecast::{Action, Step, StepResult};
use crate::gate::GatePolicy;
use crate::input::{Between, Input, RevisionEntry};
use crate::policy::approvals::Approvals;
use crate::release::{ObjectRef, Status, StoredAs};
use crate::report::{Finding, Report, sample};
use crate::rules::{Evidence, EvidenceSource, Severity};

pub fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub fn input() -> Input {
    let mut input = sample::input();
    let stored = StoredAs {
        key: "sh.helm.release.v1.shop.v6".into(),
        uid: Some("uid-6".into()),
        resource_version: Some("106".into()),
        status_label: Some(Status::Failed),
    };
    input.history.insert(1, RevisionEntry { revision: 6, stored, record: None, undecodable: None });
    input.between = vec![Between {
        revision: 6,
        status: Status::Failed,
        restores: None,
        chart: "shop-2.6.0".into(),
        hooks: Vec::new(),
        jobs: Vec::new(),
        migration_files: Default::default(),
    }];
    input
}

pub fn finding(rule: &str, severity: Severity) -> Finding {
    sample::finding(rule, severity)
}

/// One critical finding and one of medium severity.
pub fn report(input: &Input) -> Report {
    let mut found = [sample::found("pvc-removed", Severity::Critical), sample::found("no-probe", Severity::Medium)];
    found[0].evidence.push(Evidence {
        source: EvidenceSource::Live,
        at: "Pod/prod/web-6d4cf56db6-x7k2p".into(),
        text: "Pod/prod/web-6d4cf56db6-x7k2p uses it since 2026-03-01T10:00:00Z".into(),
    });
    let settings = ObjectRef::new("v1", "ConfigMap", Some("prod"), "settings");
    let step = Step { action: Action::Patch, object: settings, result: StepResult::Ok, why: None };
    let forecast = crate::forecast::Forecast { steps: vec![step], ..sample::forecast() };
    sample::built(input, &forecast, &found, &[])
}

pub fn plan() -> Plan {
    plan_with(&Approvals::default())
}

pub fn plan_with(approvals: &Approvals) -> Plan {
    let (input, gate) = (input(), GatePolicy::default());
    let report = report(&input);
    let bound = Bound::of(&input, &report, Some("cluster-1"), &Policy { gate: &gate, approvals });
    Plan::new(Body {
        made: Made { at: time("2026-03-01T09:00:00Z"), by: Some("jane".into()), tool: "0.1.0".into() },
        valid_until: time("2026-03-02T09:00:00Z"),
        request: Request { flags: vec!["--wait".into()], live: true, server_dry_run: false, migrations: Vec::new() },
        bound,
        report,
    })
}
