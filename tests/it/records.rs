//! Records that real Helms wrote (see tests/fixtures/records/README.md).

use std::path::PathBuf;

use rollback_safe::k8s::scope::Scopes;
use rollback_safe::release::manifest::ParseContext;
use rollback_safe::release::redact::Redactor;
use rollback_safe::release::saved::{SavedRecord, parse_saved};
use rollback_safe::release::{ApplyMethod, DeletePolicy, HookEvent, Release, Status};

const LIMIT: u64 = 1 << 20;

pub fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/records").join(name);
    std::fs::read(path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn records(name: &str) -> Vec<SavedRecord> {
    parse_saved(&fixture(name), "shop.v2", "", LIMIT).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub fn parse(saved: SavedRecord, redactor: &Redactor) -> Release {
    let scopes = Scopes::builtin();
    let record = saved.record.expect("a good record");
    let namespace = record.namespace().to_owned();
    record.into_release(saved.stored, &ParseContext { default_namespace: &namespace, scopes: &scopes, redactor })
}

fn releases(name: &str) -> Vec<Release> {
    let redactor = Redactor::with_key([1; 32]);
    records(name).into_iter().map(|saved| parse(saved, &redactor)).collect()
}

/// What both lines wrote alike.
fn check_history(releases: &[Release], namespace: &str) {
    let facts: Vec<_> = releases
        .iter()
        .map(|r| (r.revision, r.status, r.description.as_str(), r.chart.version.as_str(), r.chart.app_version.as_str()))
        .collect();
    assert_eq!(
        facts,
        [
            (1, Status::Superseded, "Install complete", "1.0.0", "5.1"),
            (2, Status::Superseded, "Upgrade complete", "1.1.0", "5.2"),
            (3, Status::Deployed, "Rollback to 1", "1.0.0", "5.1"),
        ]
    );
    for release in releases {
        assert_eq!((release.name.as_str(), release.namespace.as_str()), ("shop.v2", namespace));
        assert!(release.last_deployed.as_deref().is_some_and(|time| time.starts_with("2026-")));
        assert_eq!(release.stored.status_label, Some(release.status));
        assert!(release.stored.uid.is_some() && release.stored.resource_version.is_some());
        assert_eq!(release.chart.crd_files, ["crds/widget.yaml"]);
        assert_eq!(release.gaps, []);
    }
    assert_eq!(releases[2].restores(), Some(1));
}

/// Objects, origins, scopes and hooks of one record.
fn check_content(release: &Release, namespace: &str) {
    let ids: Vec<String> = release.objects.iter().map(|object| object.id.to_string()).collect();
    // In install order; the list that the chart wrote comes last, because Helm does not look into it.
    let mut expected = vec![
        format!("Secret/{namespace}/credentials"),
        format!("ConfigMap/{namespace}/settings"),
        format!("ServiceAccount/{namespace}/one"),
        format!("ClusterRole/{namespace}-reader"),
        // Its scope is told by discovery only: the CRD is not in the manifest.
        format!("Fixture/{namespace}/{namespace}"),
    ];
    let mut sorted = ids.clone();
    sorted.sort();
    expected.sort();
    assert_eq!(sorted, expected);
    assert!(
        release
            .objects
            .iter()
            .all(|object| object.origin.template.as_deref() == Some("shop/templates/all.yaml") && object.origin.line > 1)
    );

    let settings = release.objects.iter().find(|object| object.id.name == "settings").unwrap();
    assert_eq!(settings.annotation("helm.sh/resource-policy"), None, "keep is lost to the second annotations key");
    assert_eq!(settings.annotation("example.com/on"), Some("yes"));
    let duplicates: Vec<_> = settings.duplicate_keys.iter().map(|key| key.path.as_str()).collect();
    assert_eq!(duplicates, ["metadata.annotations"]);

    let fixture = release.objects.iter().find(|object| object.id.kind == "Fixture").unwrap();
    assert_eq!(fixture.body.at(&["spec", "octal"]).as_i64(), Some(0o644));
    assert_eq!(fixture.body.at(&["spec", "on"]).as_bool(), Some(true));

    let [hook] = release.hooks.as_slice() else { panic!("one hook, the one with an unknown event vanished") };
    assert_eq!(
        (hook.name.as_str(), hook.kind.as_str(), hook.path.as_str(), hook.weight),
        ("migrate", "Job", "shop/templates/migrate.yaml", -5)
    );
    assert_eq!(hook.events, [HookEvent::PreUpgrade, HookEvent::PreRollback]);
    assert_eq!(hook.delete_policies, [DeletePolicy::BeforeHookCreation, DeletePolicy::HookSucceeded]);
    assert!(hook.object.as_ref().is_some_and(|object| object.id.is("batch", "Job")));
}

#[test]
fn secrets_of_both_lines() {
    for (file, namespace) in [("helm-3.22.0-secret.yaml", "fix3-secret"), ("helm-4.3.1-secret.yaml", "fix4-secret")] {
        let releases = releases(file);
        check_history(&releases, namespace);
        releases.iter().for_each(|release| check_content(release, namespace));
        assert_eq!(releases[2].hooks[0].last_run.phase, "Succeeded");
        assert_eq!(releases[0].hooks[0].last_run.started_at, None, "a zero time is no time");
    }
}

#[test]
fn config_maps_of_both_lines() {
    for (file, namespace) in [("helm-3.22.0-configmap.yaml", "fix3-configmap"), ("helm-4.3.1-configmap.yaml", "fix4-configmap")] {
        let releases = releases(file);
        check_history(&releases, namespace);
        releases.iter().for_each(|release| check_content(release, namespace));
    }
}

#[test]
fn json_and_yaml_of_the_same_secrets_are_the_same_records() {
    for line in ["3.22.0", "4.3.1"] {
        let [yaml, json] = ["yaml", "json"].map(|form| releases(&format!("helm-{line}-secret.{form}")));
        assert_eq!(serde_json::to_string(&yaml).unwrap(), serde_json::to_string(&json).unwrap());
    }
}

#[test]
fn only_helm_4_tells_apply_method_and_restored_revision() {
    let three = releases("helm-3.22.0-secret.yaml");
    assert!(three.iter().all(|release| release.apply_method.is_none() && release.rollback_revision.is_none()));
    let four = releases("helm-4.3.1-secret.yaml");
    assert!(four.iter().all(|release| release.apply_method == Some(ApplyMethod::ServerSide)));
    assert_eq!(four[2].rollback_revision, Some(1));
}

#[test]
fn dumps_of_helm_itself_say_what_they_lack() {
    for (line, namespace) in [("3.22.0", "fix3-secret"), ("4.3.1", "fix4-secret")] {
        for (file, lacks) in [
            (format!("helm-{line}-get-all.txt"), "results of earlier hook runs"),
            (format!("helm-{line}-status.json"), "chart metadata"),
        ] {
            let mut records = records(&file);
            assert_eq!(records.len(), 1, "{file}");
            let saved = records.remove(0);
            assert!(saved.lacks.contains(&lacks), "{file}: {:?}", saved.lacks);
            assert_eq!(saved.stored.key, "sh.helm.release.v1.shop.v2.v3");
            let release = parse(saved, &Redactor::with_key([1; 32]));
            // `helm get all` of Helm 3 prints no description, so what was restored is not known.
            let described = !(line.starts_with('3') && file.ends_with("get-all.txt"));
            assert_eq!((release.revision, release.status, release.restores()), (3, Status::Deployed, described.then_some(1)));
            check_content(&release, namespace);
            assert!(release.notes.contains("Your password: <redacted>"), "{}", release.notes);
            assert_eq!(release.gaps, []);
        }
    }
}

#[test]
fn memory_driver_files() {
    let releases = releases("memory.yaml");
    assert_eq!(releases.len(), 2, "records of other releases are left out");
    assert_eq!((releases[0].chart.name.as_str(), releases[0].chart.app_version.as_str()), ("shop", "5.1"));
    assert_eq!(releases[0].objects[0].body.at(&["data", "true"]).as_str(), Some("yes"), "the key `on` is a boolean in YAML 1.1");
    assert_eq!(releases[1].config.at(&["auth", "password"]).display(), "\"<redacted>\"");
}

#[test]
fn a_record_in_between_keeps_what_ran() {
    let redactor = Redactor::with_key([1; 32]);
    let scopes = Scopes::builtin();
    let context = ParseContext { default_namespace: "n", scopes: &scopes, redactor: &redactor };
    let between = records("helm-4.3.1-secret.yaml").remove(1).record.unwrap().into_between(&context);
    assert_eq!((between.revision, between.status, between.chart.as_str()), (2, Status::Superseded, "shop-1.1.0"));
    assert_eq!(between.hooks.len(), 1);
    assert!(between.jobs.is_empty(), "hooks are no plain Jobs");
}

#[test]
fn another_namespace_or_release_has_no_records() {
    let text = fixture("helm-4.3.1-secret.yaml");
    assert_eq!(parse_saved(&text, "shop.v2", "elsewhere", LIMIT).unwrap().len(), 0);
    assert_eq!(parse_saved(&text, "shop", "", LIMIT).unwrap().len(), 0);
    assert_eq!(parse_saved(&text, "shop.v2", "fix4-secret", LIMIT).unwrap().len(), 3);
}
