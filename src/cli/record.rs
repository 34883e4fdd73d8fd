//! `record`: what a check reads, in a file.

use std::path::Path;

use anyhow::Result;

use crate::exit::ExitStatus;
use crate::load;
use crate::settings::LoadOptions;

use super::around::Around;
use super::progress::Spinner;

pub fn run(options: &LoadOptions, out: &Path, around: &Around<'_>) -> Result<ExitStatus> {
    let runtime = super::runtime()?;
    let progress = Spinner::new(around.debug);
    let input = runtime.block_on(super::look::read(options, around.redactor, &progress))?;
    drop(progress);
    load::recording::write(out, &input)?;
    let (from, to) = (input.from.revision, input.to.revision);
    let release = &input.from.name;
    let text = format!("Recorded {release}, revision {from} back to {to}, in {}.", out.display());
    around.console.note(&text, around.redactor);
    Ok(ExitStatus::Ok)
}
