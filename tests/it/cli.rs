//! The real binary with odd command lines: what is refused, how it is said, and with which exit status.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::process::{Command, Output, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_helm-rollback-safe");

/// Nothing of the caller's environment: no kubeconfig, no Helm, no colours.
fn command(args: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(args).env_clear().env("HOME", "/nonexistent").env("PATH", "/nonexistent").stdin(Stdio::null());
    command
}

fn run(args: &[impl AsRef<OsStr>]) -> Output {
    command(args).output().expect("the binary starts")
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

/// An error in our form, on one screen, with nothing on standard output.
fn refused(output: &Output, status: i32, what: &str) -> String {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{what}: {stderr}");
    assert!(output.stdout.is_empty(), "{what}: {}", text(&output.stdout));
    assert!(stderr.starts_with("error: "), "{what}: {stderr}");
    assert!(stderr.lines().count() <= 24, "{what}: more than a screen: {stderr}");
    assert!(!stderr.contains("panicked") && !stderr.contains("this is a bug"), "{what}: {stderr}");
    stderr
}

#[test]
fn wrong_usage_is_exit_2_and_says_what_to_do() {
    let long = format!("shop --description={}", "x".repeat(257));
    let cases = [
        ("", "RELEASE"),
        ("run", "RELEASE"),
        ("check", "RELEASE"),
        ("--wait", "RELEASE"),
        ("shop -1", "is negative"),
        ("check shop -1", "is negative"),
        ("check shop -- -7", "is negative"),
        ("shop five", "is not a number"),
        ("shop 1.5", "is not a number"),
        ("shop 99999999999999999999", "is too large"),
        ("check shop --replay r.json", "unexpected argument \"shop\""),
        ("check --replay r.json --no-hooks", "a recording holds its own"),
        ("run --replay r.json", "nothing can be rolled back"),
        ("check --replay r.json --no-live", "cannot be used with"),
        ("check shop --request-timeout soon", "write a duration"),
        ("shop 5 4", "unexpected argument \"4\""),
        ("check shop 5 4 3", "unexpected argument \"4\""),
        ("Shop", "cannot be the name of a release"),
        ("../etc", "cannot be the name of a release"),
        (&"x".repeat(54), "cannot be the name of a release"),
        ("shop --kube-context a --kube-context b", "two kube contexts"),
        ("shop --context a --kube-context b", "two kube contexts"),
        ("check shop --context=a --context=b", "two kube contexts"),
        ("check shop -o xml", "text, json, yaml"),
        ("check shop -o pdf=out.pdf", "in-toto, not"),
        ("check shop -o json=", "file name is missing"),
        ("check shop -o json -o text", "standard output"),
        ("check shop -o json=x -o text=x", "two reports would go to x"),
        ("check shop --fail-on terrible", "critical, high, medium, low, info"),
        ("check shop --on-inconclusive maybe", "block or allow"),
        ("shop --accept yes", "64 hex digits"),
        ("shop --accept-critical", "--accept"),
        ("check shop --accept sha256:0", "--accept"),
        ("shop --timeout soon", "duration"),
        ("shop --wait=forever", "watcher"),
        ("shop --server-side=maybe", "true, false or auto"),
        ("shop --dry-run=yes", "none, client, server"),
        ("shop --no-hooks=maybe", "true or false"),
        ("shop --force-conflicts --force-replace", "exclude each other"),
        ("shop --force-conflicts --force", "exclude each other"),
        (&long, "256 characters"),
        ("shop --history-max many", "--history-max"),
        ("shop --releases saved.yaml", "nothing can be rolled back"),
        ("shop --helm-version 4.3.1", "nothing can be rolled back"),
        ("check shop --helm-version 2.17.0", "Helm 2 is not known"),
        ("check shop --helm-version latest", "a version such as"),
        ("check shop --max-record-size 0", "--max-record-size"),
        ("check shop --colour=loud", "auto, always or never"),
        ("shop --recreate-pod", "--recreate-pods"),
        ("shop -n", "--namespace"),
        ("rules", "list"),
        ("rules explain", "<ID>"),
        ("rules explain no-such-rule", "no rule"),
        ("rules new Not_An_Id --dir /nonexistent/x", "error"),
        ("completion tcsh", "bash"),
    ];
    for (line, says) in cases {
        let stderr = refused(&run(&words(line)), 2, line);
        assert!(stderr.contains(says), "{line}: {stderr}");
    }
}

#[test]
fn variables_that_make_no_sense_are_refused() {
    let cases = [
        ("HELM_DRIVER", "etcd", "secret, configmap, sql or memory"),
        ("HELM_DRIVER", "Secret", "secret, configmap, sql or memory"),
        ("HELM_DRIVER", "sql", "HELM_DRIVER_SQL_CONNECTION_STRING"),
    ];
    for (name, value, says) in cases {
        let output = command(&["check", "shop"]).env(name, value).output().expect("starts");
        let stderr = refused(&output, 2, value);
        assert!(stderr.contains(says), "{name}={value}: {stderr}");
    }
}

#[test]
fn a_context_from_helm_and_another_from_the_flag_are_two() {
    let output = command(&["shop", "--context", "b"])
        .env("HELM_PLUGIN_NAME", "rollback-safe")
        .env("HELM_KUBECONTEXT", "a")
        .output()
        .expect("starts");
    assert!(refused(&output, 2, "contexts").contains("two kube contexts"));
}

#[test]
fn what_is_no_utf8_is_refused() {
    let output = run(&[OsString::from("check"), OsString::from_vec(b"sh\xff\xfeop".to_vec())]);
    refused(&output, 2, "release name");
}

#[test]
fn what_was_typed_cannot_write_to_the_terminal() {
    for line in [["check", "\u{1b}[2Jshop"], ["\u{1b}]0;x\u{7}", "\u{9b}31m"], ["shop", "--no-such-\u{1b}[31m"]] {
        let stderr = refused(&run(&line), 2, "escapes");
        assert!(!stderr.chars().any(|c| c.is_control() && c != '\n'), "{stderr:?}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    for line in ["--version", "-V", "--help", "-h", "help", "help check", "run --help", "check -h", "shop --help", "rules --help"]
    {
        let output = run(&words(line));
        assert_eq!(output.status.code(), Some(0), "{line}: {}", text(&output.stderr));
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{line}");
    }
    assert_eq!(text(&run(&["--version"]).stdout), format!("helm-rollback-safe {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn help_texts() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots/cli");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, line) in [
            ("help", "--help"),
            ("help-run", "run --help"),
            ("help-check", "check --help"),
            ("help-rules", "rules --help"),
            ("help-completion", "completion --help"),
        ] {
            let output = command(&words(line)).env("COLUMNS", "80").output().expect("starts");
            insta::assert_snapshot!(name, text(&output.stdout));
        }
    });
}

/// The README's table, the help text and the program say the same.
#[test]
fn the_readme_knows_the_exit_statuses_and_flags() {
    use rollback_safe::exit::ExitStatus;
    let readme = include_str!("../../README.md");
    let help = text(&run(&["--help"]).stdout);
    for status in ExitStatus::ALL {
        let row = format!("| {} | {} |", status.code(), status.meaning());
        assert!(readme.contains(&row), "README lacks: {row}");
        assert!(help.contains(&format!("  {}  {}", status.code(), status.meaning())), "the help text lacks {}", status.code());
    }
    let flags = text(&run(&["run", "--help"]).stdout);
    let named: Vec<&str> =
        readme.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(|word| word.starts_with("--")).collect();
    let ours = ["--accept", "--accept-critical", "--fail-on", "--on-inconclusive", "--releases", "--live"];
    for flag in ours {
        assert!(flags.contains(flag) && named.contains(&flag), "{flag}");
    }
}

#[test]
fn the_name_in_messages_is_the_one_that_was_typed() {
    let folder = tempfile::tempdir().expect("a folder");
    let link = folder.path().join("kubectl-rollback_safe");
    std::os::unix::fs::symlink(BINARY, &link).expect("a link");
    let help = Command::new(link).arg("--help").env_clear().output().expect("starts");
    assert!(text(&help.stdout).contains("kubectl rollback-safe RELEASE [REVISION]"));

    let help = command(&["--help"]).env("HELM_PLUGIN_NAME", "rollback-safe").output().expect("starts");
    assert!(text(&help.stdout).contains("helm rollback-safe RELEASE [REVISION]"));
    assert!(text(&run(&["--help"]).stdout).contains("helm-rollback-safe RELEASE [REVISION]"));
}

#[test]
fn completion_scripts_name_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(&["completion", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = text(&output.stdout);
        assert!(script.contains("check") && script.contains("fail-on"), "{shell}");
    }
}

#[test]
fn rules_can_be_listed_explained_started_and_tested() {
    let list = run(&["rules", "list"]);
    assert_eq!(list.status.code(), Some(0));
    assert!(text(&list.stdout).contains("pvc-removed"));
    let json: serde_json::Value = serde_json::from_slice(&run(&["rules", "list", "-o", "json"]).stdout).expect("JSON");
    assert_eq!(json["schema"], "rollback-safe/rules/v1");
    let page = run(&["rules", "explain", "pvc-removed"]);
    assert_eq!(page.status.code(), Some(0));
    assert!(text(&page.stdout).contains("pvc-removed"));

    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().to_str().expect("UTF-8");
    let new = run(&["rules", "new", "our-claim", "--dir", dir]);
    assert_eq!(new.status.code(), Some(0), "{}", text(&new.stderr));
    assert!(text(&new.stdout).contains("our-claim"));
    let again = run(&["rules", "new", "our-claim", "--dir", dir]);
    refused(&again, 3, "a rule that exists");
    let test = run(&["rules", "test", dir]);
    assert!(matches!(test.status.code(), Some(0 | 1)), "{}", text(&test.stderr));
    assert!(text(&test.stdout).contains("our-claim"), "{}", text(&test.stdout));
    refused(&run(&["rules", "test", "/nonexistent"]), 3, "no folder");
}

/// Whoever reads standard output may stop reading.
#[test]
fn a_closed_standard_output_is_no_drama() {
    let mut child = command(&["rules", "list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
}

/// Records in the form of Helm's memory driver: revision 2 added a claim, revision 3 failed.
const RECORDS: &str = r#"
- name: shop
  version: 1
  namespace: prod
  info: {status: superseded, description: Install complete, last_deployed: "2025-03-01T02:58:11Z"}
  chart: {metadata: {name: shop, version: 1.0.0}}
  manifest: |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: settings}
    data: {mode: a}
- name: shop
  version: 2
  namespace: prod
  info: {status: deployed, description: Upgrade complete, last_deployed: "2025-03-02T02:58:11Z"}
  chart: {metadata: {name: shop, version: 1.1.0}}
  manifest: |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: settings}
    data: {mode: b}
    ---
    apiVersion: v1
    kind: PersistentVolumeClaim
    metadata: {name: cache}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
- name: single
  version: 1
  namespace: prod
  info: {status: deployed}
  chart: {metadata: {name: single, version: 1.0.0}}
"#;

/// A Helm that knows its version, keeps what it was called with, and reports success.
const HELM: &str = r#"
case "$1" in
  version) echo v4.3.1 ;;
  *) echo "$@" >> "$(dirname "$0")/calls"; echo "Rollback was a success! Happy Helming!" ;;
esac
"#;

/// Records and a Helm in a folder of their own.
struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Scene {
        let scene = Scene(tempfile::tempdir().expect("a folder"));
        std::fs::write(scene.0.path().join("records.yaml"), RECORDS).expect("records");
        crate::write_script(&scene.0.path().join("helm"), HELM);
        scene
    }

    fn command(&self, line: &str) -> Command {
        let mut command = command(&words(line));
        let path = self.0.path();
        command.current_dir(path).env("HELM_DRIVER", "memory").env("HELM_MEMORY_DRIVER_DATA", path.join("records.yaml"));
        command.env("HELM_NAMESPACE", "prod").env("HELM_BIN", path.join("helm")).env("PATH", "/usr/bin:/bin");
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().expect("starts")
    }

    /// What Helm was asked to do, besides its version.
    fn calls(&self) -> String {
        std::fs::read_to_string(self.0.path().join("calls")).unwrap_or_default()
    }
}

fn digest(output: &Output) -> String {
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a JSON report");
    report["digest"].as_str().expect("a digest").to_owned()
}

#[test]
fn check_reports_and_changes_nothing() {
    let scene = Scene::new();
    let text_form = scene.run("check shop");
    let stdout = text(&text_form.stdout);
    assert_eq!(text_form.status.code(), Some(1), "{stdout}{}", text(&text_form.stderr));
    assert!(stdout.starts_with("UNSAFE: rolling back shop 2 → 1"), "{stdout}");
    assert!(stdout.contains("pvc-removed") && stdout.contains("--accept-critical"), "{stdout}");
    assert!(!stdout.contains('\u{1b}'), "colours without a terminal");
    assert!(text_form.stderr.is_empty(), "{}", text(&text_form.stderr));

    let json = scene.run("check shop -o json");
    assert_eq!(json.status.code(), Some(1));
    assert!(stdout.contains(&digest(&json)));
    assert_eq!(scene.run("shop --dry-run -o json").stdout, json.stdout, "--dry-run is check");
    assert_eq!(scene.run("check shop 1 -o json").status.code(), Some(1));
    assert!(scene.calls().is_empty());
}

#[test]
fn reports_go_where_they_are_sent() {
    let scene = Scene::new();
    let both = scene.run("check shop -o json=report.json --color always");
    assert!(text(&both.stdout).contains("\u{1b}["), "text on standard output all the same, in colour where asked for");
    let file = std::fs::read(scene.0.path().join("report.json")).expect("the file");
    assert_eq!(file, scene.run("check shop -o json").stdout);
    assert!(scene.run("check shop -o json -o text=report.txt").stdout.starts_with(b"{"));
    let plain = std::fs::read_to_string(scene.0.path().join("report.txt")).expect("the file");
    assert!(plain.starts_with("UNSAFE"), "{plain}");
    let nowhere = scene.run("check shop -o json=missing/report.json");
    assert!(refused(&nowhere, 2, "a folder that is not there").contains("missing/report.json"));
}

#[test]
fn colours_follow_flags_and_variables() {
    let scene = Scene::new();
    let coloured = |line: &str, name: &str, value: &str| {
        let output = scene.command(line).env(name, value).output().expect("starts");
        text(&output.stdout).contains('\u{1b}')
    };
    assert!(!coloured("check shop", "X", "x"));
    assert!(coloured("check shop", "CLICOLOR_FORCE", "1"));
    assert!(coloured("check shop", "HELM_COLOR", "always"));
    assert!(!coloured("check shop --color never", "CLICOLOR_FORCE", "1"));
    assert!(!coloured("check shop --no-color", "CLICOLOR_FORCE", "1"));
    assert!(coloured("check shop --color always", "NO_COLOR", "1"));
}

#[test]
fn the_gate_follows_its_flags() {
    let scene = Scene::new();
    let by_gap = scene.run("check single --fail-on critical");
    refused(&by_gap, 3, "a release with one revision");
    let json: serde_json::Value = serde_json::from_slice(&scene.run("check shop -o json").stdout).expect("JSON");
    let blocking = json["gaps"].as_array().expect("gaps").iter().any(|gap| gap["blocks"] == true);
    let critical = json["summary"]["critical"].as_u64().expect("a number") > 0;
    let expected = if critical {
        1
    } else if blocking {
        4
    } else {
        0
    };
    assert_eq!(scene.run("check shop --fail-on critical").status.code(), Some(expected));
}

#[test]
fn without_a_terminal_only_the_digest_runs_it() {
    let scene = Scene::new();
    let refused = scene.run("shop 1");
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("--accept sha256:"), "{}", text(&refused.stderr));

    let digest = digest(&scene.run("check shop -o json"));
    let half = scene.run(&format!("shop 1 --accept {digest}"));
    assert_eq!(half.status.code(), Some(1), "critical findings need more");
    let other = scene.run(&format!("shop 1 --wait --accept {digest} --accept-critical"));
    assert_eq!(other.status.code(), Some(6), "other flags, other digest: {}", text(&other.stderr));
    let policy = scene.run(&format!("shop 1 --fail-on low --accept {digest} --accept-critical"));
    assert_eq!(policy.status.code(), Some(6), "another policy, another digest");
    assert!(scene.calls().is_empty(), "{}", scene.calls());

    let done = scene.run(&format!("shop 1 --accept {digest} --accept-critical"));
    let stderr = text(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("helm: Rollback was a success!") && stderr.contains("not verifiable"), "{stderr}");
    assert_eq!(scene.calls(), "rollback shop 1 --namespace prod\n");
    assert!(!text(&done.stdout).contains("Happy Helming"), "standard output is for the report");
}

#[test]
fn flags_reach_helm_as_they_were_given() {
    let scene = Scene::new();
    let line = "shop 1 --wait=legacy --timeout 90s --no-hooks";
    let digest = digest(&scene.run(&format!("check {line} -o json")));
    let done = scene.run(&format!("{line} --accept {digest} --accept-critical"));
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert_eq!(scene.calls(), "rollback shop 1 --no-hooks --wait=legacy --timeout=90s --namespace prod\n");
}

#[test]
fn what_this_helm_would_refuse_is_refused_first() {
    let scene = Scene::new();
    for line in ["check shop --recreate-pods", "shop --force-conflicts", "check shop --force-replace --server-side true"] {
        refused(&scene.run(line), 2, line);
    }
    refused(&scene.run("check shop --helm-version 3.22.0 --server-side auto"), 2, "Helm 3");
    refused(&scene.run("check shop --helm-version 4.2.4 --description x"), 2, "4.2");
}

#[test]
fn what_cannot_be_done_is_exit_3_with_advice() {
    let scene = Scene::new();
    for (line, says) in [
        ("check nope", "no release \"nope\""),
        ("check shop 9", "no revision 9"),
        ("check single", "release \"single\""),
        ("check shop --releases missing.yaml", "missing.yaml"),
        ("check shop --releases records.yaml --live missing.yaml", "missing.yaml"),
    ] {
        let stderr = refused(&scene.run(line), 3, line);
        assert!(stderr.contains(says), "{line}: {stderr}");
    }
    let no_helm = scene.command("check shop").env("HELM_BIN", "/nonexistent/helm").output().expect("starts");
    assert!(refused(&no_helm, 3, "no Helm").contains("help: install Helm"));
    let unreachable =
        scene.command("check shop --kube-apiserver http://127.0.0.1:1").env("HELM_DRIVER", "secret").output().expect("starts");
    assert!(refused(&unreachable, 3, "unreachable").contains("cannot reach http://127.0.0.1:1"));
    let config = scene.command("check shop --kubeconfig /nonexistent").env("HELM_DRIVER", "").output().expect("starts");
    refused(&config, 2, "no kubeconfig");
}

/// A Helm of unknown version is a gap that blocks or two forecasts, and never an error.
#[test]
fn a_helm_that_hides_its_version_is_reported() {
    let scene = Scene::new();
    let hidden = scene.0.path().join("hidden");
    crate::write_script(&hidden, "echo custom-build");
    let output = scene.command("check shop -o json").env("HELM_BIN", &hidden).output().expect("starts");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert!(report["release"]["helm"].is_null());
    let gaps = report["gaps"].as_array().expect("gaps");
    assert!(gaps.iter().any(|gap| gap["what"].as_str().is_some_and(|what| what.to_lowercase().contains("helm"))), "{gaps:?}");
}

#[test]
fn debug_messages_go_to_stderr() {
    let scene = Scene::new();
    for line in ["check shop --debug -o json", "check shop --debug=true -o json"] {
        let output = scene.run(line);
        assert!(text(&output.stderr).contains("DEBUG"), "{line}");
        digest(&output);
    }
    let by_variable = scene.command("check shop").env("HELM_DEBUG", "true").output().expect("starts");
    assert!(text(&by_variable.stderr).contains("DEBUG"));
}
