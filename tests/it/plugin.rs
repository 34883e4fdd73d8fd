//! The plugin's files: both Helm lines must load them, and the hook must end with a binary or with advice.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_yaml::Value;
use tempfile::TempDir;

use crate::helms;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn yaml(file: &str) -> Value {
    serde_yaml::from_str(&fs::read_to_string(root().join(file)).unwrap()).unwrap()
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o111 == 0o111)
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// One unknown key stops every plugin in Helm 3, and `command` beside `platformCommand` the plugin in Helm 4.
#[test]
fn plugin_yaml_has_only_keys_that_both_lines_read() {
    let plugin = yaml("plugin.yaml");
    let keys: Vec<&str> = plugin.as_mapping().unwrap().keys().filter_map(Value::as_str).collect();
    assert_eq!(keys, ["name", "version", "usage", "description", "platformCommand", "hooks"]);
    assert_eq!(plugin["name"], "rollback-safe");
    assert_eq!(plugin["version"], VERSION, "strict SemVer without a leading v, the crate's own");
    assert!(!plugin["usage"].as_str().unwrap().contains('\n'));
    let commands = plugin["platformCommand"].as_sequence().unwrap();
    assert_eq!(commands.len(), 1);
    assert_eq!(commands[0].as_mapping().unwrap().len(), 1, "an entry without os and arch matches everywhere");
    assert_eq!(commands[0]["command"], "${HELM_PLUGIN_DIR}/bin/helm-rollback-safe");
}

#[test]
fn hooks_and_completions_are_there_and_executable() {
    let plugin = yaml("plugin.yaml");
    for event in ["install", "update"] {
        let hook = plugin["hooks"][event].as_str().unwrap().replace("$HELM_PLUGIN_DIR/", "");
        assert!(is_executable(&root().join(&hook)), "{hook}");
    }
    for file in ["plugin.complete", "scripts/link-kubectl", "scripts/kubectl_complete-rollback_safe"] {
        assert!(is_executable(&root().join(file)), "{file}");
    }
}

/// Sub-commands would switch dynamic completion off; Helm offers its own connection flags itself.
#[test]
fn completion_lists_the_flags_that_exist_and_no_commands() {
    let completion = yaml("completion.yaml");
    assert!(completion.get("commands").is_none() && completion.get("validArgs").is_none());
    let listed = completion["flags"].as_sequence().unwrap().iter().filter_map(Value::as_str);
    let listed: BTreeSet<String> = listed.filter(|name| name.len() > 1).map(|name| format!("--{name}")).collect();
    let helms = |flag: &String| {
        flag.starts_with("--kube") || ["--namespace", "--burst-limit", "--qps", "--debug", "--help"].contains(&flag.as_str())
    };
    let kubectls = |flag: &String| ["--as", "--as-group", "--context", "--server"].contains(&flag.as_str());
    let commands = ["run", "history", "show", "diff"];
    let real = commands.into_iter().flat_map(flags).filter(|flag| !helms(flag) && !kubectls(flag));
    let real: BTreeSet<String> = real.collect();
    assert_eq!(listed, real);
}

/// Long flags that the help of a command starts a line with.
fn flags(command: &str) -> BTreeSet<String> {
    let help = Command::new(env!("CARGO_BIN_EXE_helm-rollback-safe")).args([command, "--help"]).output().unwrap();
    let lines = String::from_utf8(help.stdout).unwrap();
    let flag = |line: &str| {
        let line = line.trim_start();
        let line = line.split_once(", ").map_or(line, |(short, long)| if short.len() == 2 { long } else { line });
        let name: String = line.strip_prefix("--")?.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
        Some(format!("--{name}"))
    };
    lines.lines().filter_map(flag).collect()
}

/// A copy of the plugin without sources, so that nothing is built.
fn unpacked() -> TempDir {
    let dir = TempDir::new().unwrap();
    for file in ["plugin.yaml", "completion.yaml", "plugin.complete", "scripts/install-plugin"] {
        let to = dir.path().join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        assert!(Command::new("cp").arg(root().join(file)).arg(to).status().unwrap().success());
    }
    dir
}

fn binary(dir: &Path, version: &str) -> PathBuf {
    let path = dir.join("helm-rollback-safe");
    crate::write_script(
        &path,
        &format!(
            "[ \"$1\" = --version ] && echo helm-rollback-safe {version} && exit; echo \"args:$*\"; echo \"ns:$HELM_NAMESPACE\"; exit 4"
        ),
    );
    path
}

fn hook(dir: &Path) -> Output {
    let command = dir.join("scripts/install-plugin");
    // No cargo on this PATH.
    Command::new(command)
        .env("HELM_PLUGIN_DIR", dir)
        .env("PATH", "/usr/bin:/bin")
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .unwrap()
}

#[test]
fn the_hook_takes_a_binary_that_came_with_the_archive() {
    let dir = unpacked();
    binary(&dir.path().join("bin"), VERSION);
    let output = hook(dir.path());
    assert!(output.status.success() && text(&output).contains("is ready"), "{}", text(&output));
}

#[test]
fn the_hook_takes_a_binary_that_was_built_here() {
    let dir = unpacked();
    binary(&dir.path().join("target/release"), VERSION);
    assert!(hook(dir.path()).status.success());
    assert!(is_executable(&dir.path().join("bin/helm-rollback-safe")));
}

#[test]
fn the_hook_says_what_to_do_when_there_is_no_binary() {
    let output = hook(unpacked().path());
    assert_eq!(output.status.code(), Some(1));
    let text = text(&output);
    assert!(
        text.contains("cannot be used yet") && text.contains("rustup.rs") && text.contains("scripts/install-plugin"),
        "{text}"
    );
}

#[test]
fn the_hook_refuses_a_binary_of_another_version_or_machine() {
    let dir = unpacked();
    binary(&dir.path().join("bin"), "0.0.0");
    assert_eq!(hook(dir.path()).status.code(), Some(1));
    fs::write(dir.path().join("bin/helm-rollback-safe"), b"\x7fELF of another machine").unwrap();
    assert_eq!(hook(dir.path()).status.code(), Some(1));
}

fn complete(words: &[&str]) -> (Vec<String>, String) {
    let dir = TempDir::new().unwrap();
    let helm = dir.path().join("helm");
    crate::write_script(
        &helm,
        r#"echo noise >&2
case "$1" in
  list) echo shop; echo "shop-$*" >> "$0.log" ;;
  history)
    echo "REVISION	UPDATED                 	STATUS    	CHART     	APP VERSION	DESCRIPTION"
    echo "1       	Sun Mar  1 09:00:00 2026	superseded	shop-1.0.0	1.0        	Install complete"
    echo "2       	Sun Mar  1 10:00:00 2026	deployed  	shop-2.0.0	2.0        	Upgrade complete" ;;
esac"#,
    );
    let output = Command::new(root().join("plugin.complete")).args(words).env("HELM_BIN", &helm).output().unwrap();
    assert!(output.stderr.is_empty(), "Helm 4 would offer this as candidates: {}", text(&output));
    let lines = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    (lines, fs::read_to_string(helm.with_extension("log")).unwrap_or_default())
}

#[test]
fn completion_offers_releases_then_revisions() {
    let (first, _) = complete(&[""]);
    assert!(first.iter().any(|line| line == "shop") && first.iter().any(|line| line.starts_with("check\t")), "{first:?}");
    let revisions = ["2\tdeployed shop-2.0.0", "1\tsuperseded shop-1.0.0", ":4"];
    assert_eq!(complete(&["shop", ""]).0, revisions);
    assert_eq!(complete(&["check", "--wait", "shop", "1"]).0, revisions);
    assert_eq!(complete(&["shop", "1", ""]).0, [":4"]);
    assert_eq!(complete(&["--fail-on", ""]).0, ["critical", "high", "medium", "low", "info", ":4"]);
}

#[test]
fn completion_knows_the_places_of_the_inspecting_commands() {
    let revisions = ["2\tdeployed shop-2.0.0", "1\tsuperseded shop-1.0.0", ":4"];
    for command in ["history", "show", "diff"] {
        assert_eq!(complete(&[command, ""]).0, ["shop", ":4"], "{command}");
    }
    assert_eq!(complete(&["diff", "shop", ""]).0, revisions);
    assert_eq!(complete(&["diff", "shop", "2", ""]).0, revisions);
    assert_eq!(complete(&["diff", "shop", "2", "1", ""]).0, [":4"]);
    let parts = ["metadata", "values", "all-values", "manifest", "hooks", "notes"];
    assert_eq!(complete(&["show", "shop", ""]).0, [&parts[..], &revisions[..]].concat());
    assert_eq!(complete(&["show", "shop", "2", ""]).0, [&parts[..], &[":4"]].concat());
    assert_eq!(complete(&["show", "shop", "hooks", ""]).0, revisions);
    assert_eq!(complete(&["history", "shop", "--max", ""]).0, [":4"]);
    assert_eq!(complete(&["diff", "shop", "-o", ""]).0, ["text", "json", "yaml", ":4"]);
}

/// With records that both Helms read, through Helm's own completion.
#[test]
fn both_helm_lines_complete_releases_and_revisions() {
    for program in helms() {
        let (plugin, home) = (unpacked(), TempDir::new().unwrap());
        binary(&plugin.path().join("bin"), VERSION);
        let installed = helm(&program, home.path(), &["plugin", "install", plugin.path().to_str().unwrap()]);
        assert!(installed.status.success(), "{}", text(&installed));
        let candidates = |words: &[&str]| {
            let mut command = helm_command(&program, home.path(), &["__complete", "rollback-safe"]);
            command.args(words).env("HELM_DRIVER", "memory").env("HELM_NAMESPACE", "default");
            command.env("HELM_MEMORY_DRIVER_DATA", root().join("examples/try/releases.yaml"));
            String::from_utf8(command.output().unwrap().stdout).unwrap()
        };
        assert!(candidates(&["history", ""]).lines().any(|line| line == "shop"), "{}", candidates(&["history", ""]));
        let revisions = candidates(&["diff", "shop", ""]);
        assert!(revisions.starts_with("3\tdeployed shop-2.0.0\n"), "{program:?}: {revisions}");
        assert!(candidates(&["show", "shop", "2", ""]).starts_with("metadata\nvalues\n"));
    }
}

#[test]
fn kubectls_completion_knows_flags_as_well() {
    let script = root().join("scripts/kubectl_complete-rollback_safe");
    let output = Command::new(&script).args(["check", "--fail"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("--fail-on\n") && text.ends_with(":4\n") && !text.contains("--o\n"), "{text}");
    let output = Command::new(&script).args(["--fail-on", ""]).output().unwrap();
    assert!(output.stdout.starts_with(b"critical\n"));
}

#[test]
fn completion_passes_the_place_on_to_helm() {
    let (_, log) = complete(&["-n", "prod", "--context", "east", "check", ""]);
    assert!(log.contains("--namespace=prod --kube-context=east"), "{log}");
}

fn helm(program: &Path, home: &Path, args: &[&str]) -> Output {
    helm_command(program, home, args).output().unwrap()
}

fn helm_command(program: &Path, home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(args)
        .env("HELM_DATA_HOME", home.join("data"))
        .env("HELM_CACHE_HOME", home.join("cache"))
        .env("HELM_CONFIG_HOME", home.join("config"));
    command.env_remove("HELM_PLUGINS").env_remove("HELM_NAMESPACE").env("KUBECONFIG", home.join("none"));
    command
}

#[test]
fn both_helm_lines_install_and_call_the_plugin() {
    for program in helms() {
        let plugin = unpacked();
        binary(&plugin.path().join("bin"), VERSION);
        let home = TempDir::new().unwrap();
        let installed = helm(&program, home.path(), &["plugin", "install", plugin.path().to_str().unwrap()]);
        assert!(installed.status.success() && text(&installed).contains("is ready"), "{}", text(&installed));
        assert!(text(&helm(&program, home.path(), &["plugin", "list"])).contains("rollback-safe"));
        let called = helm(&program, home.path(), &["rollback-safe", "check", "shop", "-n", "prod", "--wait"]);
        assert_eq!(called.status.code(), Some(4), "the plugin's exit status is Helm's");
        assert!(text(&called).contains("args:check shop --wait\nns:prod"), "{}", text(&called));
        let candidates = helm(&program, home.path(), &["__complete", "rollback-safe", "--fail-on", ""]);
        assert!(String::from_utf8_lossy(&candidates.stdout).starts_with("critical\nhigh\n"), "{}", text(&candidates));
    }
}

#[test]
fn both_helm_lines_pass_on_the_hooks_advice() {
    for program in helms() {
        let (plugin, home) = (unpacked(), TempDir::new().unwrap());
        let output = helm(&program, home.path(), &["plugin", "install", plugin.path().to_str().unwrap()]);
        assert!(!output.status.success() && text(&output).contains("cannot be used yet"), "{}", text(&output));
    }
}

/// What the README tells a newcomer to do, from the sources to the first answer.
#[test]
#[ignore = "builds a release binary"]
fn this_checkout_installs_and_answers() {
    for program in helms() {
        let home = TempDir::new().unwrap();
        let installed = helm(&program, home.path(), &["plugin", "install", root().to_str().unwrap()]);
        assert!(installed.status.success(), "{}", text(&installed));
        let version = helm(&program, home.path(), &["rollback-safe", "--version"]);
        assert!(text(&version).contains(VERSION), "{}", text(&version));
        let rules = helm(&program, home.path(), &["rollback-safe", "rules", "list"]);
        assert!(rules.status.success() && text(&rules).contains("pvc"), "{}", text(&rules));
    }
}
