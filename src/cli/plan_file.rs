//! Plan files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};

use crate::exit::{Advice, ExitStatus};
use crate::plan::Plan;
use crate::plan::file::{self, Fault, MAX_BYTES};
use crate::whole::{self, Readers};

/// Writes a plan, for its owner alone.
pub fn write(path: &Path, plan: &Plan) -> Result<()> {
    whole::write(path, &file::render(plan), Readers::Owner).with_context(|| format!("writing {}", path.display()))
}

/// Reads a plan.
///
/// # Errors
/// It cannot be read (*could not run*), is no plan of this version (*usage*), or was changed (*plan no longer matches*).
pub fn read(path: &Path) -> Result<Plan> {
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
