//! `record`: what a check reads, in a file.

use std::path::Path;

use anyhow::{Context, Result};

use crate::exit::ExitStatus;
use crate::load;
use crate::release::redact::Redactor;
use crate::settings::Settings;

use super::console::Console;
use super::progress::Spinner;

pub fn run(settings: &Settings, out: &Path, console: &Console, redactor: &Redactor) -> Result<ExitStatus> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting up")?;
    let progress = Spinner::new(settings.debug);
    let input = runtime.block_on(super::look::read(&settings.load, redactor, &progress))?;
    drop(progress);
    load::recording::write(out, &input)?;
    let (from, to) = (input.from.revision, input.to.revision);
    let release = &input.from.name;
    console.note(&format!("Recorded {release}, revision {from} back to {to}, in {}.", out.display()), redactor);
    Ok(ExitStatus::Ok)
}
