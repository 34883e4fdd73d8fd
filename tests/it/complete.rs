//! The completion scripts in the shells that read them. The program is asked for names by its own hidden word, and asks a Helm of ours.

use std::path::Path;
use std::process::Command;

use crate::place::TOOL;

/// A directory with the program under its name, a Helm with one release, and the script of the shell.
fn place(shell: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(TOOL, dir.path().join("helm-rollback-safe")).unwrap();
    crate::write_script(
        &dir.path().join("helm"),
        r#"case "$1" in
  list) echo shop; echo shelf ;;
  history)
    printf 'REVISION\tUPDATED\tSTATUS\tCHART\tAPP VERSION\tDESCRIPTION\n'
    printf '1\tSun Mar  1 09:00:00 2026\tsuperseded\tshop-1.0.0\t1.0\tInstall complete\n'
    printf '2\tSun Mar  1 10:00:00 2026\tdeployed\tshop-2.0.0\t2.0\tUpgrade complete\n' ;;
esac"#,
    );
    let script = Command::new(TOOL).args(["completion", shell]).output().unwrap().stdout;
    std::fs::write(dir.path().join("script"), script).unwrap();
    std::fs::write(dir.path().join("a-file.plan"), "").unwrap();
    dir
}

fn shell(name: &str, dir: &Path, args: &[&str]) -> Option<Vec<String>> {
    let path = format!("{}:/usr/bin:/bin", dir.display());
    let mut command = Command::new(name);
    command.args(args).current_dir(dir).env_clear().env("PATH", path).env("HOME", dir).env("HELM_BIN", dir.join("helm"));
    let Ok(output) = command.output() else {
        // No part of the test bed: two shells of three are enough nowhere, and bash is everywhere.
        eprintln!("skipped: {name} is not installed");
        return None;
    };
    assert!(output.stderr.is_empty(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

/// What bash would put in place of the last word.
fn in_bash(dir: &Path, words: &[&str]) -> Vec<String> {
    let script = r#"source ./script
words() { complete -p helm-rollback-safe; }
[[ "$(words)" == *"-F _helm_rollback_safe_with_names"* ]] || exit 1
COMP_WORDS=(helm-rollback-safe "$@"); COMP_CWORD=$#
_helm_rollback_safe_with_names helm-rollback-safe "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
[[ ${#COMPREPLY[@]} -eq 0 ]] || printf '%s\n' "${COMPREPLY[@]}""#;
    shell("bash", dir, &[&["--noprofile", "--norc", "-uc", script, "bash"], words].concat()).expect("bash")
}

#[test]
fn bash_completes_releases_revisions_and_flags() {
    let place = place("bash");
    let offered = |words: &[&str]| in_bash(place.path(), words);
    assert_eq!(offered(&["check", ""]), ["shop", "shelf"]);
    assert_eq!(offered(&["check", "sho"]), ["shop"]);
    assert_eq!(offered(&["check", "shop", ""]), ["2", "1"]);
    assert_eq!(offered(&["-n", "prod", "plan", "shop", ""]), ["2", "1"]);
    assert_eq!(offered(&["shop", ""]), ["2", "1"]);
    assert_eq!(offered(&["preview", ""]), ["shop", "shelf"]);
    assert_eq!(offered(&["policy", "explain", ""]), ["shop", "shelf"]);
    assert_eq!(offered(&["check", "shop", "--fail-on", "cr"]), ["critical"]);
    assert_eq!(offered(&["check", "--fail"]), ["--fail-on"]);
    assert_eq!(offered(&["apply", ""]), [""; 0], "files are bash's own affair");
    let first = offered(&[""]);
    assert!(["check", "accept", "shop"].iter().all(|word| first.iter().any(|offer| offer == word)), "{first:?}");
}

#[test]
fn zsh_completes_releases_revisions_and_flags() {
    let place = place("zsh");
    // What its line editor would bring along: names go to _describe, files to _files, flags to _arguments.
    let script = r#"compdef() { print -r -- "registered $1" >&3 }
_describe() { print -rl -- "${(P@)${@[-1]}}" }
_files() { print files }
_arguments() { print flags; return 1 }
source ./script 3>registered
[[ "$(<registered)" == "registered _helm-rollback-safe" ]] || exit 1
words=(helm-rollback-safe "$@") CURRENT=$(( $# + 1 ))
_helm-rollback-safe"#;
    let offered = |words: &[&str]| shell("zsh", place.path(), &[&["-fc", script, "zsh"], words].concat());
    let Some(releases) = offered(&["check", ""]) else { return };
    assert_eq!(releases, ["shop", "shelf"]);
    assert_eq!(offered(&["check", "shop", ""]).unwrap(), ["2:deployed shop-2.0.0", "1:superseded shop-1.0.0"]);
    assert_eq!(offered(&["apply", ""]).unwrap(), ["files"]);
    assert_eq!(offered(&["check", "--fa"]).unwrap(), ["flags"]);
}

#[test]
fn fish_completes_releases_revisions_and_flags() {
    let place = place("fish");
    let offered = |line: &str| {
        let script = format!("source ./script; complete -C 'helm-rollback-safe {line}'");
        shell("fish", place.path(), &["--no-config", "-c", &script])
    };
    let Some(releases) = offered("check ") else { return };
    assert_eq!(releases, ["shop", "shelf"]);
    assert_eq!(offered("check shop ").unwrap(), ["2\tdeployed shop-2.0.0", "1\tsuperseded shop-1.0.0"]);
    assert_eq!(offered("apply a-").unwrap(), ["a-file.plan"]);
    assert!(offered("check --fail-o").unwrap()[0].starts_with("--fail-on"));
}

#[test]
fn names_are_asked_for_by_a_word_that_is_no_release() {
    let place = place("bash");
    let mut command = Command::new(TOOL);
    let output = command.args(["__complete", "check", "shop", ""]).env("HELM_BIN", place.path().join("helm")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "2\tdeployed shop-2.0.0\n1\tsuperseded shop-1.0.0\n:4\n");
    let output = Command::new(TOOL).args(["__complete", "check", ""]).env("HELM_BIN", "/nonexistent").output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stdout)), (Some(0), ":4\n".into()));
}
