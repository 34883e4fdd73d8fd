//! Miniature worlds: manifests and live objects in, forecast out. The lab proves the same mechanisms with real Helms.

use std::collections::BTreeMap;

use super::*;
use crate::helm::{HelmBinary, RollbackFlags};
use crate::input::{ApiResource, Discovery, Facts, LiveObject, NamedMigrations, RevisionEntry, TargetChoice};
use crate::k8s::scope::Scopes;
use crate::release::manifest::{ParseContext, parse_manifest};
use crate::release::redact::Redactor;
use crate::release::{ApplyMethod, ChartInfo, DeletePolicy, Hook, HookEvent, LastRun, Object, Release, StoredAs, Value};

const OWNED: &str = "labels: {app.kubernetes.io/managed-by: Helm}, annotations: {meta.helm.sh/release-name: r, meta.helm.sh/release-namespace: ns}";

struct World {
    helm: &'static str,
    from: String,
    to: String,
    live: String,
    from_method: Option<ApplyMethod>,
    to_method: Option<ApplyMethod>,
    flags: RollbackFlags,
    served: Vec<(&'static str, &'static str)>,
    cached: Option<Vec<(&'static str, &'static str)>>,
}

fn world(helm: &'static str) -> World {
    let method = helm.starts_with('4').then_some(ApplyMethod::ServerSide);
    World {
        helm,
        from: String::new(),
        to: String::new(),
        live: String::new(),
        from_method: method,
        to_method: method,
        flags: RollbackFlags { history_max: 10, ..RollbackFlags::default() },
        served: vec![("v1", "ConfigMap"), ("v1", "PersistentVolumeClaim"), ("apps/v1", "Deployment"), ("x.io/v1", "Widget")],
        cached: None,
    }
}

impl World {
    fn from(mut self, manifest: &str) -> World {
        self.from = manifest.to_owned();
        self
    }

    fn to(mut self, manifest: &str) -> World {
        self.to = manifest.to_owned();
        self
    }

    fn live(mut self, documents: &str) -> World {
        self.live = documents.to_owned();
        self
    }

    fn predict(self) -> Forecast {
        predict(&self.input())
    }

    fn input(self) -> Input {
        let (from, to) = (release(2, &self.from, self.from_method), release(1, &self.to, self.to_method));
        let mut facts = Facts::none("not asked");
        facts.server_version = Known::Yes("1.36.3".into());
        facts.discovery = Known::Yes(discovery(&self.served));
        if let Some(cached) = &self.cached {
            facts.cached_discovery = Known::Yes(discovery(cached));
        }
        let live = objects(&self.live);
        for object in from.objects.iter().chain(&to.objects) {
            let found = live.iter().find(|live| live.id == object.id).map(live_object);
            facts.live.insert(object.id.clone(), Known::Yes(found));
        }
        Input {
            helm: HelmBinary { path: None, version: Known::Yes(HelmVersion::parse(self.helm).expect("a version")) },
            flags: self.flags,
            driver: "secrets".into(),
            namespace: "ns".into(),
            history: vec![entry(1, Status::Superseded), entry(2, Status::Deployed)],
            between: Vec::new(),
            residue: Vec::new(),
            target: TargetChoice {
                revision: 1,
                requested: true,
                helm_default: Some(1),
                skipped: Vec::new(),
                reason: String::new(),
            },
            from,
            to,
            facts,
            schema: NamedMigrations::default(),
            gaps: Vec::new(),
        }
    }
}

fn objects(text: &str) -> Vec<Object> {
    let redactor = Redactor::with_key([7; 32]);
    let parsed = parse_manifest(text, &ParseContext { default_namespace: "ns", scopes: &Scopes::builtin(), redactor: &redactor });
    assert!(parsed.gaps.is_empty(), "{:?}", parsed.gaps);
    parsed.objects
}

fn live_object(object: &Object) -> LiveObject {
    LiveObject { uid: object.id.to_string(), resource_version: "1".into(), body: object.body.clone() }
}

fn discovery(kinds: &[(&str, &str)]) -> Discovery {
    let resource = |kind: &str| ApiResource { plural: format!("{}s", kind.to_lowercase()), namespaced: true };
    kinds.iter().map(|(version, kind)| (((*version).to_owned(), (*kind).to_owned()), resource(kind))).collect()
}

fn entry(revision: Revision, status: Status) -> RevisionEntry {
    let stored = StoredAs { status_label: Some(status), ..StoredAs::default() };
    RevisionEntry { revision, stored, record: None, undecodable: None }
}

fn release(revision: Revision, manifest: &str, apply_method: Option<ApplyMethod>) -> Release {
    Release {
        name: "r".into(),
        namespace: "ns".into(),
        revision,
        status: if revision == 2 { Status::Deployed } else { Status::Superseded },
        description: "Upgrade complete".into(),
        first_deployed: None,
        last_deployed: None,
        rollback_revision: None,
        apply_method,
        chart: ChartInfo::default(),
        config: Value::Null,
        objects: objects(manifest),
        hooks: Vec::new(),
        notes: String::new(),
        stored: StoredAs::default(),
        gaps: Vec::new(),
    }
}

fn config(name: &str, metadata: &str, data: &str) -> String {
    format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, {metadata}}}\ndata: {data}\n")
}

fn names(ids: &[ObjectRef]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

#[test]
fn only_the_exact_live_annotation_keeps() {
    let all = [config("a", "", "{}"), config("b", "", "{}"), config("c", "annotations: {helm.sh/resource-policy: keep}", "{}")]
        .concat();
    let live = [
        config("a", "annotations: {helm.sh/resource-policy: keep}", "{}"),
        config("b", "annotations: {helm.sh/resource-policy: Keep}", "{}"),
        config("c", "", "{}"),
    ]
    .concat();
    let forecast = world("3.22.0").from(&all).live(&live).predict();
    assert_eq!(forecast.outcome, Outcome::Succeeds);
    assert_eq!(names(&forecast.kept), ["ConfigMap/ns/a"]);
    assert_eq!(names(&forecast.deletes), ["ConfigMap/ns/b", "ConfigMap/ns/c"]);
    assert_eq!(
        forecast.records,
        [RecordForecast { revision: 3, status: Status::Deployed }, RecordForecast { revision: 2, status: Status::Superseded }]
    );
}

#[test]
fn take_over_stops_older_helms_and_nothing_is_deleted() {
    let to = [config("a", "", "{k: v}"), config("b", "", "{}")].concat();
    let live = [config("a", "", "{k: hand}"), config("gone", "", "{}")].concat();
    let base = |helm| world(helm).from(&config("gone", "", "{}")).to(&to).live(&live).predict();
    let old = base("3.21.4");
    assert_eq!((old.outcome, names(&old.creates), names(&old.deletes)), (Outcome::Fails, vec![], vec![]));
    let new = base("3.22.0");
    assert_eq!(new.outcome, Outcome::Succeeds);
    assert_eq!(names(&new.adopts), ["ConfigMap/ns/a"]);
    assert_eq!(names(&new.deletes), ["ConfigMap/ns/gone"]);
}

#[test]
fn custom_resources_cannot_be_taken_over_client_side() {
    let widget = "apiVersion: x.io/v1\nkind: Widget\nmetadata: {name: w}\nspec: {a: 1}\n";
    let forecast = world("3.22.0").to(widget).live(widget).predict();
    assert_eq!(forecast.outcome, Outcome::Fails);
    assert_eq!(forecast.rejected[0].field, "metadata.resourceVersion");
    let server_side = world("4.3.1").to(widget).live(widget).predict();
    assert_eq!(server_side.outcome, Outcome::Succeeds);
}

#[test]
fn a_field_of_another_manager_conflicts_server_side() {
    let managed =
        r#"managedFields: [{manager: kubectl-edit, operation: Update, apiVersion: v1, fieldsV1: {"f:data": {"f:k": {}}}}]"#;
    let live = config("a", &format!("{managed}, {OWNED}"), "{k: hand}");
    let build = |helm| world(helm).from(&config("a", "", "{k: two}")).to(&config("a", "", "{k: one}")).live(&live);
    let four = build("4.3.1").predict();
    assert_eq!(four.outcome, Outcome::Fails);
    assert!(four.rejected[0].conflict);
    let three = build("3.22.0").predict();
    assert_eq!(three.outcome, Outcome::Succeeds);
    let mut forced = build("4.3.1");
    forced.flags.force_conflicts = true;
    assert_eq!(forced.predict().outcome, Outcome::Succeeds);
}

#[test]
fn an_unserved_kind_is_stuck_unless_the_cache_still_has_it() {
    let widget = "apiVersion: gone.io/v1\nkind: Widget\nmetadata: {name: w}\n";
    let stuck = world("3.22.0").from(widget).predict();
    assert_eq!(stuck.outcome, Outcome::Stuck);
    assert_eq!(stuck.records[0].status, Status::PendingRollback);
    assert_eq!(stuck.records[1].status, Status::Deployed);
    assert_eq!(stuck.alternatives[0].outcome, Outcome::Succeeds);
    let mut cached = world("3.22.0").from(widget);
    cached.cached = Some(vec![("gone.io/v1", "Widget")]);
    let forecast = cached.predict();
    assert_eq!(forecast.outcome, Outcome::Succeeds);
    assert_eq!(forecast.alternatives[0].outcome, Outcome::Stuck);
}

#[test]
fn the_target_of_an_unserved_kind_fails_half_way_with_a_stale_cache() {
    let to = format!("{}---\napiVersion: gone.io/v1\nkind: Widget\nmetadata: {{name: w}}\n", config("first", "", "{}"));
    let mut build = world("4.3.1").from(&config("only", "", "{}")).to(&to).live(&config("only", OWNED, "{}"));
    build.cached = Some(vec![("gone.io/v1", "Widget")]);
    let forecast = build.predict();
    assert_eq!(forecast.outcome, Outcome::Fails);
    assert_eq!(names(&forecast.creates), ["ConfigMap/ns/first"]);
    assert!(forecast.deletes.is_empty());
    assert_eq!(forecast.records[1].status, Status::Superseded);
}

#[test]
fn without_live_state_nothing_is_promised() {
    let mut input = world("3.22.0").from(&config("a", "", "{k: two}")).to(&config("a", "", "{k: one}")).input();
    input.facts = Facts::none("no cluster was asked");
    let forecast = predict(&input);
    assert_eq!(forecast.outcome, Outcome::Unknown);
    assert_eq!(forecast.steps[0].result, StepResult::Unknown);
    assert!(forecast.unknowns.iter().all(|gap| !gap.blocks));
}

#[test]
fn an_unknown_helm_names_both_ends() {
    let managed =
        r#"managedFields: [{manager: kubectl-edit, operation: Update, apiVersion: v1, fieldsV1: {"f:data": {"f:k": {}}}}]"#;
    let live = config("a", managed, "{k: hand}");
    let mut input = world("4.3.1").from(&config("a", "", "{k: two}")).to(&config("a", "", "{k: one}")).live(&live).input();
    input.helm.version = Known::No("a wrapper".into());
    let forecast = predict(&input);
    assert_eq!(forecast.outcome, Outcome::Unknown);
    assert!(forecast.alternatives.iter().any(|other| other.when.contains("Helm 3") && other.outcome == Outcome::Succeeds));
}

#[test]
fn a_claim_takes_its_volume_along_when_the_policy_says_so() {
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {volumeName: pv-1}\n";
    let mut input = world("3.22.0").from(claim).live(claim).input();
    let volume = Value::from_json(serde_json::json!({"spec": {"persistentVolumeReclaimPolicy": "Delete"}}));
    let live = LiveObject { uid: "u".into(), resource_version: "1".into(), body: volume };
    input.facts.volumes = BTreeMap::from([("pv-1".to_owned(), Known::Yes(Some(live)))]);
    let forecast = predict(&input);
    assert_eq!(names(&forecast.cascades), ["PersistentVolume/pv-1"]);
}

#[test]
fn only_hooks_that_run_can_fail() {
    let hook = |object: Object| Hook {
        name: object.id.name.clone(),
        kind: object.id.kind.clone(),
        path: String::new(),
        events: vec![HookEvent::PreRollback],
        weight: 0,
        delete_policies: vec![DeletePolicy::BeforeHookCreation],
        last_run: LastRun::default(),
        object: Some(object),
    };
    let mut input = world("4.3.1").input();
    input.facts.discovery = Known::Yes(discovery(&[("v1", "ConfigMap"), ("batch/v1", "Job")]));
    input.to.hooks = objects(&config("crds", "", "{k: one}")).into_iter().map(hook).collect();
    assert!(predict(&input).alternatives.is_empty());
    let job = objects("apiVersion: batch/v1\nkind: Job\nmetadata: {name: crds}\nspec: {}\n").into_iter().map(hook);
    input.to.hooks.extend(job);
    let forecast = predict(&input);
    assert_eq!((forecast.hooks.len(), forecast.alternatives.len()), (2, 1));
}
