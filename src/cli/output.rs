//! The report to where it was asked for.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};

use crate::gate::GatePolicy;
use crate::report::text::{self, TextOptions};
use crate::report::{Report, github, gitlab, json, junit, markdown, sarif, yaml};
use crate::settings::{Format, Output};

use super::console::Console;

/// What to do with a standard output that nobody reads any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenPipe {
    /// As if it had been read: the exit status carries the verdict.
    Ignore,
    /// The report must have been shown before anything is done.
    Fail,
}

/// Writes the report in all forms. Without a form for standard output, text goes there.
///
/// Files first: where one cannot be written, nothing was promised yet on standard output.
pub fn write(
    report: &Report,
    policy: &GatePolicy,
    outputs: &[Output],
    command: Option<String>,
    console: &Console,
    broken: BrokenPipe,
) -> Result<()> {
    let options = |color: bool| TextOptions { width: console.width, color, command: command.clone() };
    for output in outputs {
        if let Some(file) = &output.file {
            save(file, &render(report, policy, output.format, &options(false)))?;
        }
    }
    let format = outputs.iter().find(|output| output.file.is_none()).map_or(Format::Text, |output| output.format);
    print(&render(report, policy, format, &options(console.color_stdout())), broken)
}

fn render(report: &Report, policy: &GatePolicy, format: Format, options: &TextOptions) -> String {
    match format {
        Format::Text => text::render(report, policy, options),
        Format::Json => json::render(report),
        Format::Yaml => yaml::render(report),
        Format::Markdown => markdown::render(report, policy),
        Format::Sarif => sarif::render(report),
        Format::Junit => junit::render(report, policy),
        Format::Github => github::render(report),
        Format::Gitlab => gitlab::render(report),
    }
}

/// Writes a file.
pub fn save(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("writing the report to {}", file.display()))
}

/// Prints to standard output.
pub fn print(text: &str, broken: BrokenPipe) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe && broken == BrokenPipe::Ignore => Ok(()),
        result => result.context("writing to standard output"),
    }
}
