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
        ("shop 5 4", "unexpected argument \"4\""),
        ("check shop 5 4 3", "unexpected argument \"4\""),
        ("Shop", "cannot be the name of a release"),
        ("../etc", "cannot be the name of a release"),
        (&"x".repeat(54), "cannot be the name of a release"),
        ("shop --kube-context a --kube-context b", "two kube contexts"),
        ("shop --context a --kube-context b", "two kube contexts"),
        ("check shop --context=a --context=b", "two kube contexts"),
        ("check shop -o yaml", "text and json"),
        ("check shop -o sarif=out.sarif", "text and json"),
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
    for line in ["--version", "-V", "--help", "-h", "help", "help check", "run --help", "check -h", "shop --help", "rules --help"] {
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
