//! The report to where it was asked for.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};

use crate::exit::Advice;
use crate::gate::GatePolicy;
use crate::report::text::{self, TextOptions};
use crate::report::{Report, github, gitlab, html, in_toto, json, junit, markdown, policy_report, sarif, yaml};
use crate::settings::{Format, Output};
use crate::whole::{self, Readers, Whole};

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
            let text = render(report, policy, output.format, &options(false));
            // A step's other words are in that file already.
            if output.format == Format::GithubSummary { append(file, &text)? } else { save(file, &text)? }
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
        Format::GithubSummary => markdown::summary(report, policy),
        Format::Gitlab => gitlab::render(report),
        Format::Html => html::render(report, policy),
        Format::Openreports => policy_report::openreports(report, policy),
        Format::Policyreport => policy_report::policyreport(report, policy),
        Format::InToto => in_toto::render(report, policy),
    }
}

/// Finds out before anything else is done whether a report can be written to a file; leaves no trace.
pub fn probe(file: &Path) -> Result<()> {
    let refused = || {
        Advice::usage(format!("the report cannot be written to {}", file.display()))
            .help("name a file in a directory that exists and that you may write to; nothing was done")
    };
    match fs::metadata(file) {
        // Whoever reads from a pipe would take a look at it for the end.
        Ok(found) if !found.is_file() && !found.is_dir() => Ok(()),
        Ok(_) => OpenOptions::new().append(true).open(file).map(drop).with_context(refused),
        Err(_) => Whole::begin(file, Readers::AsBefore).map(drop).with_context(refused),
    }
}

/// Writes a file, whole or not at all: whoever reads it meanwhile sees the former one.
pub fn save(file: &Path, text: &str) -> Result<()> {
    whole::write(file, text, Readers::AsBefore).with_context(|| format!("writing the report to {}", file.display()))
}

fn append(file: &Path, text: &str) -> Result<()> {
    let open = OpenOptions::new().create(true).append(true).open(file);
    open.and_then(|mut out| out.write_all(text.as_bytes())).with_context(|| format!("writing the report to {}", file.display()))
}

/// Prints to standard output.
pub fn print(text: &str, broken: BrokenPipe) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe && broken == BrokenPipe::Ignore => Ok(()),
        result => result.context("writing to standard output"),
    }
}
