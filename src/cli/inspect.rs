//! What `history`, `show` and `diff` share: where records come from, and the forms of the answer.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use crate::exit::Advice;
use crate::helm::HelmVersion;
use crate::release::Revision;
use crate::settings::LoadOptions;

use super::args::{CheckArgs, EvidenceArgs, LimitArgs, RecordLimit};
use super::around::Around;
use super::options::one_report_each;
use super::output::{self, BrokenPipe};

/// Where records come from.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Records")]
pub struct RecordsArgs {
    /// Read release records from a file or folder of saved Secrets, or from standard input (-)
    #[arg(long, value_name = "PATH|-")]
    pub releases: Option<PathBuf>,
    #[command(flatten)]
    pub limit: RecordLimit,
}

/// One `-o` of these commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectOutput {
    pub format: InspectFormat,
    /// None = standard output.
    pub file: Option<PathBuf>,
}

/// Forms of what they print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InspectFormat {
    Text,
    Json,
    Yaml,
}

/// A revision that must be named by its number.
pub fn revision(text: &str) -> Result<Revision> {
    let wrong =
        |why: &str| Advice::usage(format!("revision {text:?} {why}")).help("`history RELEASE` lists the revisions there are");
    match text.parse::<Revision>() {
        Ok(0) => Err(wrong("does not exist: Helm counts from 1").into()),
        Ok(revision) => Ok(revision),
        Err(_) if text.starts_with('-') => Err(wrong("is negative").into()),
        Err(_) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => Err(wrong("is too large").into()),
        Err(_) => Err(wrong("is not a number").into()),
    }
}

pub fn output(text: &str) -> Result<InspectOutput, String> {
    let (name, file) = super::args::file_of(text)?;
    let format = match name {
        "text" | "table" => InspectFormat::Text,
        "json" => InspectFormat::Json,
        "yaml" => InspectFormat::Yaml,
        other => return Err(format!("this command writes text, json or yaml, not {other:?}")),
    };
    Ok(InspectOutput { format, file })
}

/// Live evidence, for reports on targets.
#[derive(Clone, Debug, Default)]
pub struct LiveArgs {
    /// None of it is read without this.
    pub wanted: bool,
    pub live: Option<PathBuf>,
    pub discovery: Option<PathBuf>,
    pub helm_version: Option<HelmVersion>,
    pub history_max: Option<i64>,
}

impl Around<'_> {
    /// Options as those of a check of this release.
    pub fn options(&self, release: &str, records: &RecordsArgs, live: LiveArgs) -> Result<LoadOptions> {
        let check = CheckArgs {
            release: Some(release.to_owned()),
            evidence: EvidenceArgs {
                releases: records.releases.clone(),
                limits: LimitArgs { record: records.limit, ..LimitArgs::default() },
                no_live: !live.wanted,
                live: live.live,
                discovery: live.discovery,
                helm_version: live.helm_version,
                ..EvidenceArgs::default()
            },
            rollback: super::flags::RollbackArgs { history_max: live.history_max, ..Default::default() },
            ..CheckArgs::default()
        };
        self.load_options(&check)
    }

    /// Runs what reads.
    pub fn block_on<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let runtime = super::runtime()?;
        runtime.block_on(work)
    }

    /// Writes every form that was asked for, files first; text to standard output where none was.
    pub fn write(&self, outputs: &[InspectOutput], render: impl Fn(InspectFormat) -> String) -> Result<()> {
        one_report_each(&outputs.iter().map(|output| output.file.as_deref()).collect::<Vec<Option<&Path>>>())?;
        for InspectOutput { format, file } in outputs {
            if let Some(file) = file {
                output::save(file, &render(*format))?;
            }
        }
        let shown = outputs.iter().find(|output| output.file.is_none());
        output::print(&render(shown.map_or(InspectFormat::Text, |output| output.format)), BrokenPipe::Ignore)
    }
}
