//! Files that only their owner may read.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::exit::{Advice, ExitStatus};
use crate::plan::Plan;
use crate::plan::file::{self, Fault, MAX_BYTES};

/// Writes a file, or leaves what was there: what is half written never has its name.
pub fn write(path: &Path, text: &str) -> Result<()> {
    let beside = beside(path)?;
    let written = fill(&beside, text).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // It may not even exist.
        let _ = fs::remove_file(&beside);
    }
    written.with_context(|| format!("writing {}", path.display()))
}

fn fill(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn beside(path: &Path) -> Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| Advice::usage(format!("{} is no name of a file", path.display())))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}", std::process::id()));
    Ok(path.with_file_name(hidden))
}

/// Adds a line to a file, which is made where it is not there. One write, so that lines of two programs do not mix.
pub fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())
}

/// Reads a plan.
///
/// # Errors
/// It cannot be read (*could not run*), is no plan of this version (*usage*), or was changed (*plan no longer matches*).
pub fn read_plan(path: &Path) -> Result<Plan> {
    let text = bounded(path).with_context(|| {
        Advice::new(ExitStatus::Usage, format!("the plan {} cannot be read", path.display()))
            .help("`plan RELEASE --out FILE` writes one")
    })?;
    file::parse(&text).map_err(|fault| advice(path, &fault).into())
}

fn bounded(path: &Path) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        anyhow::bail!("it has more than {MAX_BYTES} bytes");
    }
    Ok(text)
}

fn advice(path: &Path, fault: &Fault) -> Advice {
    let message = format!("{}: {fault}", path.display());
    match fault {
        Fault::Changed { .. } => Advice::new(ExitStatus::Changed, message)
            .help("nothing was run; fetch the plan again from where it was reviewed, or make a new one"),
        _ => Advice::usage(message).help("`plan RELEASE --out FILE` writes a plan that this version reads"),
    }
}
