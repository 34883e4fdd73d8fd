//! Tests of whole parts, with nothing that is not on this machine: no cluster, no network. One crate, so that it links once.

mod cli;
mod execute;
mod hostile;
mod plugin;
mod report;
mod records;
mod secrets;

use std::io::Write;
use std::path::Path;
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
