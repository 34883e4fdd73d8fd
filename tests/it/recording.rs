//! `record` and `--replay` with the real binary, over records with planted secrets.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn run(directory: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_helm-rollback-safe"));
    command.args(args).current_dir(directory).env_clear().env("HOME", directory).env("PATH", "/nonexistent");
    command.output().expect("the binary starts")
}

fn fixture(file: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/records").join(file).display().to_string()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

#[test]
fn a_replay_says_the_same_and_shows_no_secret() {
    for file in ["helm-3.22.0-secret.yaml", "helm-4.3.1-secret.yaml", "helm-4.3.1-configmap.yaml"] {
        let directory = tempfile::tempdir().unwrap();
        let here = directory.path();
        let records = ["--releases", &fixture(file), "--helm-version", "4.3.1"];
        let recorded = run(here, &[&["record", "shop.v2", "1", "--out", "r.json"], records.as_slice()].concat());
        assert!(recorded.status.success(), "{file}: {}", text(&recorded.stderr));
        for form in ["text", "json"] {
            let first = run(here, &[&["check", "shop.v2", "1", "-o", form], records.as_slice()].concat());
            let again = run(here, &["check", "--replay", "r.json", "-o", form]);
            assert!(!first.stdout.is_empty(), "{file}: {}", text(&first.stderr));
            assert_eq!(text(&first.stdout), text(&again.stdout), "{file}");
            assert_eq!(first.status.code(), again.status.code(), "{file}");
        }
        let written = std::fs::read_to_string(here.join("r.json")).unwrap();
        assert!(!written.contains("planted") && !written.contains("cGxhbnRlZ"), "{file}");
        let mode = std::fs::metadata(here.join("r.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn what_is_no_recording_is_named_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let cases = [
        ("not json", "it is no recording (line 1, column 2)"),
        ("{}", "it is no recording"),
        (r#"{"schema": "rollback-safe/recording/v9", "tool": "9.0"}"#, "reads rollback-safe/recording/v1"),
        (r#"{"schema": "rollback-safe/recording/v1", "tool": "0.0.1", "input": {}}"#, "written by version 0.0.1"),
    ];
    for (content, expected) in cases {
        std::fs::write(here.join("r.json"), content).unwrap();
        let output = run(here, &["check", "--replay", "r.json"]);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains(expected), "{content}: {stderr}");
    }
    let output = run(here, &["check", "--replay", "missing.json"]);
    assert!(text(&output.stderr).contains("missing.json"), "{}", text(&output.stderr));
}
