//! The policy file as a user meets it: sources, what each may do, exit statuses.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_helm-rollback-safe");
const HEAD: &str = "schema: rollback-safe/policy/v1\n";

/// Going back deletes a claim: a finding of `pvc-removed`.
fn place() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  a: \"1\"\n";
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: cache\nspec:\n  accessModes: [ReadWriteOnce]\n  resources:\n    requests:\n      storage: 1Gi\n";
    fs::write(dir.path().join("new.yaml"), format!("{map}---\n{claim}")).expect("a file");
    fs::write(dir.path().join("old.yaml"), map).expect("a file");
    dir
}

fn run(directory: &Path, args: &[&str]) -> Output {
    Command::new(BINARY)
        .args(args)
        .current_dir(directory)
        .env("NO_COLOR", "1")
        .env("HELM_BIN", "/nonexistent/helm")
        .output()
        .expect("starts")
}

fn compare(directory: &Path, more: &[&str]) -> (Option<i32>, Value, String) {
    let args = [&["compare", "new.yaml", "old.yaml", "--helm-version", "4.3.1", "-o", "json"], more].concat();
    let output = run(directory, &args);
    let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), report, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn write(directory: &Path, name: &str, text: &str) {
    fs::write(directory.join(name), format!("{HEAD}{text}")).expect("a file");
}

const WAIVER: &str =
    "waivers:\n- {object: PersistentVolumeClaim/*/cache, reason: fills itself, owner: us, expires: 2126-01-01}\n";

#[test]
fn a_named_policy_waives_and_a_found_one_does_not() {
    let dir = place();
    let (bare, before, _) = compare(dir.path(), &[]);
    assert_eq!((bare, &before["policy"]), (Some(1), &Value::Null));
    write(dir.path(), "policy.yaml", WAIVER);
    let (status, report, said) = compare(dir.path(), &["--config", "policy.yaml"]);
    assert_eq!(status, Some(0), "{said}");
    let source = &report["policy"]["sources"][0];
    assert_eq!((source["path"].as_str(), source["authority"].as_str()), (Some("policy.yaml"), Some("authoritative")));
    let sum = Command::new("sha256sum").arg(dir.path().join("policy.yaml")).output().expect("sha256sum");
    let sum = String::from_utf8_lossy(&sum.stdout);
    assert_eq!(source["digest"].as_str(), Some(&*format!("sha256:{}", &sum[..64])));
    let waived = report["findings"].as_array().unwrap().iter().find(|finding| !finding["waived"].is_null()).expect("waived");
    assert_eq!((waived["waived"]["owner"].as_str(), waived["waived"]["source"].as_str()), (Some("us"), Some("policy.yaml:3")));
    assert_ne!(report["digest"], before["digest"]);

    write(dir.path(), "rollback-safe.yaml", &format!("fail_on: critical\n{WAIVER}"));
    let (status, report, _) = compare(dir.path(), &[]);
    assert_eq!(status, Some(1));
    assert_eq!(report["policy"]["ignored"].as_array().map(Vec::len), Some(2), "{}", report["policy"]);
    let text = run(dir.path(), &["compare", "new.yaml", "old.yaml", "--helm-version", "4.3.1"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("POLICY") && text.contains("ignored") && text.contains("sha256:"), "{text}");
}

#[test]
fn a_found_policy_tightens() {
    let dir = place();
    fs::write(dir.path().join("new.yaml"), fs::read(dir.path().join("old.yaml")).unwrap()).unwrap();
    assert_eq!(compare(dir.path(), &[]).0, Some(0));
    write(dir.path(), "rollback-safe.yaml", "freeze:\n- {reason: always, zone: UTC, from: 2020-01-01, to: 2999-01-01}\n");
    let (status, report, _) = compare(dir.path(), &["--fail-on", "critical"]);
    assert_eq!((status, report["findings"][0]["rule"].as_str()), (Some(1), Some("policy-freeze-window")));
}

#[test]
fn what_is_wrong_with_a_policy_is_exit_2() {
    let dir = place();
    write(dir.path(), "policy.yaml", "fial_on: high\nrules: {no-such-rule: {severity: low, reason: x}}\nwaivers: [{}]\n");
    let (status, report, said) = compare(dir.path(), &["--config", "policy.yaml"]);
    assert_eq!((status, report), (Some(2), Value::Null));
    for part in ["error: the policy cannot be used", "policy.yaml:2:1: ", "policy.yaml:4:11: ", "help: "] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let checked = run(dir.path(), &["policy", "check", "policy.yaml"]);
    assert_eq!(checked.status.code(), Some(2));
    write(dir.path(), "policy.yaml", "rules: {no-such-rule: {severity: low, reason: x}}\n");
    assert!(compare(dir.path(), &["--config", "policy.yaml"]).2.contains("policy.yaml:2:23: no rule is called `no-such-rule`"));
    assert_eq!(compare(dir.path(), &["--config", "nowhere.yaml"]).0, Some(2));
    write(dir.path(), "rollback-safe.yaml", "");
    fs::set_permissions(dir.path().join("rollback-safe.yaml"), fs::Permissions::from_mode(0o666)).unwrap();
    let (status, _, said) = compare(dir.path(), &[]);
    assert!(status == Some(2) && said.contains("written by everybody") && said.contains("chmod o-w"), "{said}");
}

/// One that is faulty, or is no file at all, keeps nothing from being said about the others.
#[test]
fn all_files_are_checked_whatever_is_wrong_with_the_first() {
    let dir = place();
    write(dir.path(), "first.yaml", "fail_on: worst\n");
    write(dir.path(), "good.yaml", "fail_on: low\n");
    write(dir.path(), "last.yaml", "accept: yes\nrules: {no-such-rule: {severity: low}}\n");
    write(dir.path(), "keys.yaml", "fail_on: low\nallowed_signers: signers\n");
    fs::write(dir.path().join("signers"), "# people\njane no key\n").expect("a file");
    let checked = run(dir.path(), &["policy", "check", "first.yaml", "gone.yaml", "good.yaml", "keys.yaml", "last.yaml"]);
    assert_eq!(checked.status.code(), Some(2));
    let (out, said) = (String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    assert!(out.starts_with("good.yaml: ok, sha256:") && out.lines().count() == 1, "{out}");
    let parts = [
        "error: 4 of 5 policies cannot be used",
        "first.yaml:2:10: ",
        "keys.yaml:3:18: the allowed signers in \"signers\" cannot be read: line 2: ",
        "last.yaml:2:9: ",
        "last.yaml:3:",
        "gone.yaml",
        "help: ",
    ];
    for part in parts {
        assert!(said.contains(part), "{part}: {said}");
    }
    let checked = run(dir.path(), &["policy", "check", "good.yaml", "good.yaml"]);
    assert_eq!((checked.status.code(), checked.stdout.iter().filter(|byte| **byte == b'\n').count()), (Some(0), 2));
}

#[test]
fn enforced_policy_refuses_flags_that_loosen() {
    let dir = place();
    write(dir.path(), "policy.yaml", "enforce: true\nfail_on: medium\n");
    let with = |flags: &[&str]| compare(dir.path(), &[&["--config", "policy.yaml"], flags].concat());
    let (status, _, said) = with(&["--fail-on", "critical"]);
    assert!(status == Some(2) && said.contains("policy.yaml:3"), "{said}");
    assert_eq!(with(&["--on-inconclusive", "allow"]).0, Some(2));
    assert_eq!(with(&["--fail-on", "low"]).0, Some(1));
}

#[test]
fn check_explain_and_schema_print() {
    let dir = place();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/policy/rollback-safe.yaml");
    let checked = run(dir.path(), &["policy", "check", example]);
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stderr));
    let explained = run(dir.path(), &["policy", "explain", "shop", "-n", "prod", "--no-cluster", "--config", example]);
    let text = String::from_utf8_lossy(&explained.stdout).into_owned();
    assert!(text.contains("Policy for shop in namespace prod") && text.contains("freeze"), "{text}");
    let json = run(dir.path(), &["policy", "explain", "shop", "--no-cluster", "--config", example, "-o", "json"]);
    let json: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(json["schema"], "rollback-safe/policy-explained/v1");
    let schema = run(dir.path(), &["policy", "schema"]);
    jsonschema::validator_for(&serde_json::from_slice(&schema.stdout).expect("JSON")).expect("a schema");
}
