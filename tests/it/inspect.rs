//! `history`, `show`, `diff` and `man` with the real binary, from files and the memory driver.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_helm-rollback-safe");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// In the repository's root, with nothing of the caller's environment.
fn command(line: &str) -> Command {
    let mut command = Command::new(BINARY);
    command.args(line.split_whitespace()).env_clear().env("HOME", "/nonexistent").env("PATH", "/nonexistent");
    command.current_dir(root()).stdin(Stdio::null());
    command
}

fn run(line: &str) -> Output {
    command(line).output().expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

/// Standard output of a run that must do well.
fn done(line: &str) -> String {
    let output = run(line);
    assert_eq!(output.status.code(), Some(0), "{line}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The JSON form, valid by its schema; the YAML form says the same.
fn data(line: &str, schema: &str) -> Value {
    let json: Value = serde_json::from_str(&done(&format!("{line} -o json"))).expect("JSON");
    let yaml: Value = serde_yaml::from_str(&done(&format!("{line} -o yaml"))).expect("YAML");
    assert_eq!(json, yaml, "{line}");
    let path = root().join(format!("schema/{schema}-v1.schema.json"));
    let schema = serde_json::from_slice(&std::fs::read(path).expect("a schema")).expect("the schema is JSON");
    let schema = jsonschema::validator_for(&schema).expect("the schema is a schema");
    let errors: Vec<String> = schema.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{line}: {errors:#?}");
    json
}

const TRY: &str = "--releases examples/try/releases.yaml";

#[test]
fn a_history_is_a_table_and_data() {
    let table = done(&format!("history shop {TRY}"));
    assert!(table.starts_with("REVISION  UPDATED               STATUS"), "{table}");
    assert_eq!(table.lines().filter(|line| line.contains("shop-")).count(), 3, "{table}");
    let json = data(&format!("history shop {TRY}"), "history");
    assert_eq!(json["release"]["driver"], "files");
    let told = |row: &Value| (row["revision"].as_u64(), row["worked"].clone(), row["reach"].clone(), row["content"].as_u64());
    let rows: Vec<_> = json["revisions"].as_array().expect("rows").iter().map(told).collect();
    let row = |revision, reach: &str| (Some(revision), Value::from("yes"), Value::from(reach), Some(revision));
    assert_eq!(rows, [row(1, "yes"), row(2, "yes"), row(3, "current")]);
}

#[test]
fn histories_can_be_cut_and_say_so() {
    let table = done(&format!("history shop {TRY} --max 1 --history-max 3"));
    assert!(table.contains("2 older, not listed: --max 0 lists all."), "{table}");
    let json = data(&format!("history shop {TRY} --max 0 --history-max 3"), "history");
    assert_eq!(json["revisions"][0]["reach"], "pruned-next");
    assert_eq!(json["history_max"], 3);
}

#[test]
fn records_come_from_every_kind_of_source() {
    let by_file = done(&format!("history shop {TRY}"));
    let releases = root().join("examples/try/releases.yaml");
    let memory = |line: &str| {
        let output = command(line)
            .env("HELM_DRIVER", "memory")
            .env("HELM_MEMORY_DRIVER_DATA", &releases)
            .env("HELM_NAMESPACE", "default")
            .output()
            .expect("starts");
        assert_eq!(output.status.code(), Some(0), "{line}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    assert_eq!(memory("history shop"), by_file);
    assert!(memory("diff shop 2 3").contains("+++ shop revision 3"));
    assert!(memory("show shop").contains("CHART: shop\n"));
    let mut child = command("history shop --risk --helm-version 4.3.1 --releases -");
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    child.stdin.take().expect("a pipe").write_all(&std::fs::read(&releases).expect("records")).expect("a reader");
    let output = child.wait_with_output().expect("ends");
    let table = text(&output.stdout);
    assert!(table.contains("RISK") && table.contains("unsafe"), "{table}");
}

#[test]
fn a_brief_history_reads_labels_only() {
    let file = "tests/fixtures/records/helm-3.22.0-secret.yaml";
    let json = data(&format!("history shop.v2 --releases {file} --brief"), "history");
    let rows = json["revisions"].as_array().expect("rows");
    assert!(rows.len() > 1 && rows.iter().all(|row| row["chart"].is_null() && row["worked"].is_null()), "{json:#}");
    let statuses: Vec<&str> = rows.iter().filter_map(|row| row["status"].as_str()).collect();
    assert!(statuses.contains(&"deployed") && !statuses.contains(&"unknown"), "{statuses:?}");
}

/// The verdict of a row is that of `check` for this target.
#[test]
fn risk_is_what_check_says() {
    let json = data(&format!("history shop {TRY} --risk --helm-version 4.3.1"), "history");
    for row in json["revisions"].as_array().expect("rows").iter().take(2) {
        let line = format!("check shop {} {TRY} --helm-version 4.3.1 -o json", row["revision"]);
        let report: Value = serde_json::from_slice(&run(&line).stdout).expect("a report");
        assert_eq!(row["risk"]["verdict"], report["verdict"], "{line}");
        assert_eq!(row["risk"]["summary"], report["summary"], "{line}");
    }
    assert!(json["revisions"][2]["risk"].is_null(), "going back to the newest is no way back");
}

#[test]
fn every_part_can_be_shown() {
    let text = |part: &str| done(&format!("show shop 3 {part} {TRY}"));
    assert!(text("").starts_with("NAME: shop\nCHART: shop\nVERSION: 2.0.0\nAPP_VERSION: 2.0\n"), "{}", text(""));
    assert!(text("values").starts_with("USER-SUPPLIED VALUES:\n"));
    assert!(text("all-values").starts_with("COMPUTED VALUES:\n"));
    assert!(text("manifest").starts_with("---\n# Source: shop/templates/"), "{}", text("manifest"));
    assert!(text("hooks").contains("kind: Job"), "{}", text("hooks"));
    assert_eq!(done(&format!("show shop manifest {TRY}")), text("manifest"), "the newest without a number");
    for part in ["metadata", "values", "all-values", "manifest", "hooks", "notes"] {
        let json = data(&format!("show shop 3 {part} {TRY}"), "show");
        assert_eq!((json["part"].as_str(), json["revision"]["revision"].as_u64()), (Some(part), Some(3)));
        data(&format!("show shop.v2 1 {part} --releases tests/fixtures/records/helm-4.3.1-secret.yaml"), "show");
    }
}

#[test]
fn differences_have_exit_statuses_of_diff_on_request() {
    let status = |line: &str| run(line).status.code();
    assert_eq!(status(&format!("diff shop 2 3 {TRY}")), Some(0));
    assert_eq!(status(&format!("diff shop 2 3 {TRY} --exit-code")), Some(1));
    assert_eq!(status(&format!("diff shop 3 3 {TRY} --exit-code")), Some(0));
    assert_eq!(status(&format!("diff shop 2 3 {TRY} --exit-code --notes")), Some(0), "the notes are the same");
    for (line, expected) in
        [("diff shop 2 9", 3), ("diff nope 1 2", 3), ("diff shop 0 1", 2), ("diff shop x", 2), ("diff shop -1", 2)]
    {
        let output = run(&format!("{line} {TRY} --exit-code"));
        assert_eq!(output.status.code(), Some(expected), "{line}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty() && text(&output.stderr).starts_with("error: "), "{line}");
    }
}

#[test]
fn parts_are_compared_alone_or_together() {
    let json = data(&format!("diff shop 2 3 {TRY}"), "diff");
    let parts: Vec<&str> = json["counts"].as_array().expect("counts").iter().filter_map(|count| count["part"].as_str()).collect();
    assert_eq!(parts, ["values", "crds", "manifest", "hooks", "notes"]);
    let hooks = data(&format!("diff shop 2 3 --hooks {TRY}"), "diff");
    assert_eq!(hooks["counts"].as_array().map(Vec::len), Some(1));
    assert_eq!(hooks["differences"][0]["became"], "added");
    let stat = done(&format!("diff shop 2 3 --stat {TRY}"));
    assert!(stat.contains("PART") && !stat.contains("@@"), "{stat}");
    let hunks = done(&format!("diff shop 2 3 --manifest {TRY}"));
    assert!(hunks.contains("\n-") && hunks.contains("\n+") && hunks.contains("PersistentVolumeClaim"), "{hunks}");
    let newest = done(&format!("diff shop 2 {TRY}"));
    assert!(newest.contains("+++ shop revision 3"), "{newest}");
}

/// The fixtures hold planted secrets in values, Secrets, arguments, notes and descriptions.
#[test]
fn nothing_planted_is_shown() {
    for file in ["helm-3.22.0-secret.yaml", "helm-4.3.1-secret.yaml", "helm-3.22.0-get-all.txt", "memory.yaml"] {
        let from = format!("--releases tests/fixtures/records/{file}");
        let history = data(&format!("history shop.v2 {from}"), "history");
        let newest = history["revisions"].as_array().and_then(|rows| rows.last()).expect("a revision")["revision"].clone();
        let mut lines = vec![format!("history shop.v2 {from}"), format!("diff shop.v2 {newest} {newest} {from}")];
        let oldest = &history["revisions"][0]["revision"];
        lines.push(format!("diff shop.v2 {oldest} {newest} {from}"));
        let parts = ["metadata", "values", "all-values", "manifest", "hooks", "notes"];
        lines.extend(parts.map(|part| format!("show shop.v2 {part} {from}")));
        for line in lines {
            for form in ["text", "json", "yaml"] {
                let out = done(&format!("{line} -o {form}"));
                assert!(!out.contains("planted") && !out.contains("cGxhbnRlZ"), "{line} -o {form}: {out}");
            }
        }
    }
}

const HOSTILE: &str = r##"
- name: shop
  version: 1
  info: {status: superseded, description: "Install complete"}
  chart: {metadata: {name: shop, version: 1.0.0}}
  manifest: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: \"one\"}\n"
- name: shop
  version: 2
  info: {status: deployed, description: "\e[2Jerror: forged\nGATE: open \u202e", notes: "a\e]0;x\a\n--- forged\n"}
  chart: {metadata: {name: "sh\e[31mop", version: "2\n0", appVersion: "\u200b"}}
  config: {"k\e[1m": "v\u2066"}
  manifest: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: \"two\\e[2J\\n--- forged\\n+++ forged\"}\n"
"##;

#[test]
fn hostile_text_is_inert() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("records.yaml");
    std::fs::write(&file, HOSTILE).expect("records");
    let from = format!("--releases {}", file.display());
    let mut lines: Vec<String> =
        ["history shop", "history shop --brief", "diff shop 1 2", "diff shop 1 2 --stat"].map(str::to_owned).into();
    lines.extend(["metadata", "values", "all-values", "manifest", "hooks", "notes"].map(|part| format!("show shop {part}")));
    for line in lines {
        for form in ["text", "json", "yaml"] {
            let out = done(&format!("{line} {from} -o {form}"));
            let bad = |c: char| {
                (c.is_control() && c != '\n')
                    || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            };
            assert!(!out.chars().any(bad), "{line} -o {form}: {out:?}");
            let forged = |text: &str| ["error:", "GATE", "+++ forged"].iter().any(|start| text.starts_with(start));
            assert!(form != "text" || line.starts_with("show") || !out.lines().any(forged), "{line}: {out}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("records.yaml");
    let secret = |revision: u32, release: &str| {
        format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: sh.helm.release.v1.shop.v{revision}, namespace: prod, labels: {{status: superseded}}}}\ndata: {{release: {release}}}\n"
        )
    };
    std::fs::write(&file, secret(1, "bm90IGEgcmVjb3Jk") + &secret(2, "'%%%'")).expect("records");
    let from = format!("--releases {}", file.display());
    let json = data(&format!("history shop {from}"), "history");
    let reach: Vec<&str> = json["revisions"].as_array().expect("rows").iter().filter_map(|row| row["reach"].as_str()).collect();
    assert_eq!(reach, ["no", "no"]);
    assert!(done(&format!("history shop {from}")).contains("2: its record cannot be decoded: the payload is not base64"));
    let output = run(&format!("show shop 1 values {from}"));
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("the record of revision 1 cannot be used"), "{}", text(&output.stderr));
}

#[test]
fn wrong_usage_is_exit_2() {
    for (line, says) in [
        ("history", "RELEASE"),
        ("history Shop", "cannot be the name of a release"),
        ("history shop --brief --risk", "cannot be used with"),
        ("history shop --no-live", "--risk"),
        ("history shop -o sarif", "text, json or yaml"),
        ("history shop -o json -o yaml", "standard output"),
        ("show shop secrets", "no part of a record"),
        ("show shop 1 2", "no part of a record"),
        ("show shop 0", "does not exist"),
        ("diff shop", "<A>"),
        ("diff shop one", "is not a number"),
        ("man", "<DIR>"),
    ] {
        let output = run(&format!("{line} {}", if line == "man" { "" } else { TRY }));
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{line}: {stderr}");
        assert!(output.stdout.is_empty() && stderr.starts_with("error: ") && stderr.contains(says), "{line}: {stderr}");
    }
}

#[test]
fn forms_go_to_files_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let (json, yaml) = (folder.path().join("h.json"), folder.path().join("h.yaml"));
    let out = done(&format!("history shop {TRY} -o json={} -o yaml={}", json.display(), yaml.display()));
    assert!(out.starts_with("REVISION"), "text goes to standard output: {out}");
    assert_eq!(std::fs::read_to_string(json).expect("written"), done(&format!("history shop {TRY} -o json")));
    assert_eq!(std::fs::read_to_string(yaml).expect("written"), done(&format!("history shop {TRY} -o yaml")));
}

/// `helm get` says the same where nothing is secret.
#[test]
fn parts_are_those_of_helm() {
    for program in crate::helms() {
        let helm = |line: &str| {
            let output = Command::new(&program)
                .args(line.split_whitespace())
                .env("HELM_DRIVER", "memory")
                .env("HELM_NAMESPACE", "default")
                .env("HELM_MEMORY_DRIVER_DATA", root().join("examples/try/releases.yaml"))
                .output()
                .expect("Helm starts");
            assert!(output.status.success(), "{line}: {}", text(&output.stderr));
            text(&output.stdout)
        };
        let ours = done(&format!("show shop 3 {TRY}"));
        for line in helm("get metadata shop --revision 3").lines().filter(|line| !line.starts_with("LABELS:")) {
            assert!(ours.lines().any(|our| our.trim_end() == line.trim_end()), "{line:?} is missing in {ours}");
        }
        let of_helm: Value = serde_json::from_str(&helm("get values shop --revision 3 --all -o json")).expect("JSON");
        assert_eq!(data(&format!("show shop 3 all-values {TRY}"), "show")["values"], of_helm);
        let documents = |manifest: &str| -> Vec<Value> {
            let documents = serde_yaml::Deserializer::from_str(manifest);
            let values = documents.map(|document| serde::Deserialize::deserialize(document).expect("YAML"));
            values.filter(|value: &Value| !value.is_null()).collect()
        };
        assert_eq!(documents(&done(&format!("show shop 3 manifest {TRY}"))), documents(&helm("get manifest shop --revision 3")));
        let history: Value = serde_json::from_str(&helm("history shop -o json")).expect("JSON");
        let ours = data(&format!("history shop {TRY}"), "history");
        for (theirs, ours) in history.as_array().expect("rows").iter().zip(ours["revisions"].as_array().expect("rows")) {
            for field in ["revision", "status", "chart", "app_version", "description"] {
                assert_eq!(theirs[field], ours[field], "{field}");
            }
        }
    }
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("man1");
    let written = done(&format!("man {}", dir.display()));
    for page in [
        "helm-rollback-safe.1",
        "helm-rollback-safe-check.1",
        "helm-rollback-safe-history.1",
        "helm-rollback-safe-rules-explain.1",
    ] {
        let text = std::fs::read_to_string(dir.join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        assert!(text.contains(".TH ") && text.contains(".SH SYNOPSIS"), "{page}: {text}");
        assert!(written.contains(page), "{written}");
    }
    let history = std::fs::read_to_string(dir.join("helm-rollback-safe-history.1")).expect("a page");
    assert!(history.contains("\\-\\-brief") && history.contains("Examples:"), "{history}");
    let refused = run("man /dev/null/x");
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused.stderr));
}
