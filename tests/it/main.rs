//! Tests of whole parts, with nothing that is not on this machine: no cluster, no network. One crate, so that it links once.

mod act;
mod approvals;
mod ci;
mod cli;
mod compare;
mod complete;
mod execute;
mod formats;
mod hostile;
mod inspect;
mod loud;
mod migrations;
mod pairs;
mod place;
mod plan;
mod plugin;
mod policy;
mod preview;
mod quiet;
mod rbac;
mod recording;
mod records;
mod report;
mod secrets;
mod signatures;
mod slow;
mod valid;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Writes an executable shell script, from another process: a descriptor open for writing here could be inherited by a child
/// of another test, and running the script would then fail with "text file busy".
fn write_script(path: &Path, text: &str) {
    let mut shell = Command::new("sh")
        .args(["-c", r#"mkdir -p "$(dirname "$0")" && cat > "$0" && chmod 755 "$0""#])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("sh");
    write!(shell.stdin.take().expect("a pipe"), "#!/bin/sh\n{text}\n").expect("writing a script");
    assert!(shell.wait().expect("sh ends").success());
}

/// Helm binaries built by `scripts/lab build`; a missing one is a skip that says so, unless the whole test bed is required.
fn helms() -> Vec<PathBuf> {
    let cache = std::env::var_os("ROLLBACK_SAFE_CACHE").map(PathBuf::from).or_else(|| {
        let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        base.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"))).map(|base| base.join("rollback-safe"))
    });
    let bin = cache.unwrap_or_default().join("bin");
    let paths = ["helm-3.22.0", "helm-4.3.1"].map(|name| bin.join(name));
    let (found, missing): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| path.exists());
    for path in &missing {
        skip(&format!("{} is not built (scripts/lab build)", path.display()));
    }
    found
}

/// The variables of the running lab that `ROLLBACK_SAFE_LAB` names.
fn lab() -> Option<BTreeMap<String, String>> {
    let Some(dir) = std::env::var_os("ROLLBACK_SAFE_LAB") else {
        skip("no lab (scripts/lab up; ROLLBACK_SAFE_LAB names its directory)");
        return None;
    };
    let text = std::fs::read_to_string(Path::new(&dir).join("env")).expect("the lab's env file");
    let pair = |line: &str| {
        let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
        Some((name.to_owned(), value.trim_matches('\'').to_owned()))
    };
    Some(text.lines().filter_map(pair).collect())
}

fn skip(why: &str) {
    assert!(std::env::var_os("ROLLBACK_SAFE_REQUIRE_LAB").is_none(), "required, but missing: {why}");
    // Past the capture of libtest, so that a green run still says what it left out.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}
