//! `history`: the revisions of a release.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::exit::ExitStatus;
use crate::helm::HelmVersion;
use crate::inspect::Of;
use crate::inspect::history::{self, History, Parts, Risk};
use crate::load::inspect::Session;
use crate::load::policy::Loaded;
use crate::load::{self, Progress};
use crate::policy::Flags;
use crate::release::Revision;
use crate::report::Summary;
use crate::settings::LoadOptions;

use super::args::helm_version;
use super::around::Around;
use super::inspect::{InspectFormat, InspectOutput, LiveArgs, RecordsArgs, output};
use super::look;
use super::progress::Spinner;

pub const EXAMPLES: &str = "\
Examples:
  helm rollback-safe history shop
      the newest 20 revisions, oldest first
  helm rollback-safe history shop --brief
      revision and status of all, from the labels: no record is read
  helm rollback-safe history shop --risk --max 5
      with the verdict of `check` for each as a target; reads the cluster once

Columns:
  CONTENT   whose content the revision holds: a rollback to 4, which was one to 2, is `of 2`
  WORKED    yes, probably (a description of its own hides its end), no, left by N (rollback N went back from it)
  WAY BACK  yes, current (a re-apply), pruned next (the next revision removes it), no (the record is damaged)";

/// Revisions listed where nothing is said.
const LISTED: usize = 20;

#[derive(Args, Debug)]
pub struct HistoryArgs {
    /// Name of the release
    #[arg(value_name = "RELEASE")]
    pub release: String,
    /// List this many of the newest, 0 for all [default: 20, all with --brief]
    #[arg(long, value_name = "NUMBER")]
    pub max: Option<usize>,
    /// Revision and status only, from the labels of the storage objects: reads no record
    #[arg(long)]
    pub brief: bool,
    /// What a report on going back to each of them says; reads the cluster once, and the records between
    #[arg(long, conflicts_with = "brief")]
    pub risk: bool,
    /// Form: text, json or yaml; may be repeated, =FILE writes it there
    #[arg(short, long, value_name = "FORMAT[=FILE]", value_parser = output, action = clap::ArgAction::Append)]
    pub output: Vec<InspectOutput>,
    /// Revisions that Helm keeps, 0 for all [default: HELM_MAX_HISTORY or 10]
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub history_max: Option<i64>,
    #[command(flatten)]
    pub records: RecordsArgs,
    /// With --risk: live objects from saved files instead of the cluster
    #[arg(long, value_name = "PATH", requires = "risk", help_heading = "Evidence")]
    pub live: Option<PathBuf>,
    /// With --risk: what the API server serves, from saved files
    #[arg(long, value_name = "PATH", requires = "risk", help_heading = "Evidence")]
    pub discovery: Option<PathBuf>,
    /// With --risk: compare the records only
    #[arg(long, requires = "risk", help_heading = "Evidence")]
    pub no_live: bool,
    /// With --risk: forecast for this Helm instead of the installed one
    #[arg(long, value_name = "X.Y.Z", value_parser = helm_version, requires = "risk", help_heading = "Evidence")]
    pub helm_version: Option<HelmVersion>,
}

pub fn run(args: &HistoryArgs, around: &Around<'_>) -> Result<ExitStatus> {
    let live = LiveArgs {
        wanted: args.risk && !args.no_live,
        live: args.live.clone(),
        discovery: args.discovery.clone(),
        helm_version: args.helm_version.clone(),
        history_max: args.history_max,
    };
    let options = around.options(&args.release, &args.records, live)?;
    let history = around.block_on(read(args, &options, around))?;
    around.write(&args.output, |format| match format {
        InspectFormat::Text => history.text(),
        InspectFormat::Json => history.json(),
        InspectFormat::Yaml => history.yaml(),
    })?;
    Ok(ExitStatus::Ok)
}

async fn read(args: &HistoryArgs, options: &LoadOptions, around: &Around<'_>) -> Result<History> {
    let progress = Spinner::new(around.debug);
    progress.step("reading revisions");
    let count = match args.max {
        Some(0) => usize::MAX,
        Some(count) => count,
        None if args.brief => usize::MAX,
        None => LISTED,
    };
    let session = Session::open(options, around.redactor, args.risk).await?;
    let listed = session.listed(options, around.redactor, if args.brief { 0 } else { count }).await?;
    let of = Of { name: options.release.clone(), namespace: listed.namespace, driver: listed.driver.to_owned() };
    let mut history = history::build(Parts {
        of,
        entries: listed.entries,
        heads: listed.heads,
        gaps: listed.gaps,
        history_max: options.flags.history_max,
        count,
        brief: args.brief,
    });
    if args.risk {
        let loaded = load::policy::load(None, around.env.directory(), Flags::default())?;
        for target in history.targets() {
            progress.step(&format!("looking at the way back to revision {target}"));
            let risk = risk(&session, options, around, &loaded, target).await;
            history.enter(target, risk);
        }
    }
    Ok(history)
}

/// One revision that cannot be judged does not keep the others from being listed.
async fn risk(session: &Session, options: &LoadOptions, around: &Around<'_>, loaded: &Loaded, target: Revision) -> Risk {
    let input = session.input(options, around.redactor, target).await;
    match input.and_then(|input| Ok(look::judge(input, &loaded.policy, &loaded.rules)?.report)) {
        Ok(report) => Risk { verdict: Some(report.verdict), summary: report.summary, error: None },
        Err(error) => {
            let error = around.redactor.scrub(&format!("{error:#}"));
            Risk { verdict: None, summary: Summary::default(), error: Some(error) }
        }
    }
}
