//! A small release for tests: revision 7 is deployed, revision 5 is the target.

use std::collections::BTreeMap;

use crate::forecast::{Action, Forecast, Method, Outcome, RecordForecast, Step, StepResult};
use crate::helm::{HelmBinary, HelmVersion, RollbackFlags};
use crate::input::{Facts, Input, Known, LiveObject, NamedMigrations, RevisionEntry, TargetChoice};
use crate::release::{ChartInfo, Object, ObjectRef, Origin, Release, Revision, Status, StoredAs, Value};

pub fn id(kind: &str, name: &str) -> ObjectRef {
    ObjectRef::new("v1", kind, Some("prod"), name)
}

/// A body from YAML.
pub fn body(yaml: &str) -> Value {
    Value::from_json(serde_yaml::from_str(yaml).expect("test YAML"))
}

pub fn object(kind: &str, name: &str, yaml: &str) -> Object {
    Object {
        id: id(kind, name),
        body: body(yaml),
        origin: Origin::default(),
        duplicate_keys: Vec::new(),
        certificates: Vec::new(),
    }
}

pub fn live(kind: &str, name: &str, uid: &str, yaml: &str) -> Known<Option<LiveObject>> {
    let _ = (kind, name);
    Known::Yes(Some(LiveObject { uid: uid.to_owned(), resource_version: "1".into(), body: body(yaml) }))
}

pub fn release(revision: Revision, status: Status, objects: Vec<Object>) -> Release {
    Release {
        name: "shop".into(),
        namespace: "prod".into(),
        revision,
        status,
        description: "Upgrade complete".into(),
        first_deployed: None,
        last_deployed: Some("2026-03-01T09:00:00Z".into()),
        rollback_revision: None,
        apply_method: None,
        chart: ChartInfo::default(),
        config: Value::Null,
        objects,
        hooks: Vec::new(),
        notes: String::new(),
        stored: StoredAs { key: format!("sh.helm.release.v1.shop.v{revision}"), ..StoredAs::default() },
        gaps: Vec::new(),
    }
}

/// *from* has a claim that *to* lacks; both have `settings` (changed) and `web` (unchanged).
pub fn input() -> Input {
    let web = "spec: {type: ClusterIP}";
    let from = vec![
        object("ConfigMap", "settings", "data: {mode: new}"),
        object("Service", "web", web),
        object("PersistentVolumeClaim", "cache", "{}"),
    ];
    let to = vec![object("ConfigMap", "settings", "data: {mode: old}"), object("Service", "web", web)];
    let mut facts = Facts::none("not asked");
    facts.live = BTreeMap::from([
        (id("ConfigMap", "settings"), live("ConfigMap", "settings", "uid-settings", "data: {mode: new}")),
        (id("Service", "web"), live("Service", "web", "uid-web", "status: {a: 1}")),
        (id("PersistentVolumeClaim", "cache"), live("PersistentVolumeClaim", "cache", "uid-cache", "{}")),
    ]);
    Input {
        helm: HelmBinary { path: None, version: Known::Yes(HelmVersion { major: 3, minor: 22, patch: Some(0) }) },
        flags: RollbackFlags::default(),
        driver: "secrets".into(),
        namespace: "prod".into(),
        from: release(7, Status::Deployed, from),
        to: release(5, Status::Superseded, to),
        history: vec![entry(5, Status::Superseded), entry(7, Status::Deployed)],
        residue: Vec::new(),
        between: Vec::new(),
        target: TargetChoice {
            revision: 5,
            requested: true,
            helm_default: Some(6),
            skipped: Vec::new(),
            reason: "asked for".into(),
        },
        facts,
        schema: NamedMigrations::default(),
        gaps: Vec::new(),
    }
}

pub fn entry(revision: Revision, status: Status) -> RevisionEntry {
    super::record::tests::entry(revision, status, "Upgrade complete", "2026-03-01T09:00:00Z")
}

pub fn step(action: Action, kind: &str, name: &str, result: StepResult) -> Step {
    Step { action, object: id(kind, name), result, why: None }
}

/// What revision 7 to 5 of [`input`] should do.
pub fn forecast() -> Forecast {
    let status = |revision, status| RecordForecast { revision, status };
    Forecast {
        outcome: Outcome::Succeeds,
        records: vec![status(8, Status::Deployed), status(7, Status::Superseded)],
        steps: vec![
            step(Action::Patch, "ConfigMap", "settings", StepResult::Ok),
            step(Action::Patch, "Service", "web", StepResult::Ok),
            step(Action::Delete, "PersistentVolumeClaim", "cache", StepResult::Ok),
        ],
        deletes: vec![id("PersistentVolumeClaim", "cache")],
        ..Forecast::empty(Method::ClientSide)
    }
}
