//! `plan`: the report, frozen together with what it rests on; `plan show`: a plan in any form of a report.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use jiff::Timestamp;

use crate::exit::{Advice, ExitStatus};
use crate::load::caller;
use crate::plan::{Body, Bound, Made, Plan, Request};
use crate::settings::Output;
use crate::shell;

use super::args::{self, AcceptArgs, CheckArgs};
use super::around::Around;
use super::look::Look;
use super::options;
use super::output::{self, BrokenPipe};
use super::plan_file;
use super::run::Session;

pub const EXAMPLES: &str = "\
Examples:
  helm rollback-safe plan shop 5 --out shop.plan
      the report, and what it rests on, for somebody else to review and to run
  helm rollback-safe plan show shop.plan -o markdown
  helm rollback-safe accept shop.plan --finding 3f0c… --reason 'the cache refills itself' --by jane
  helm rollback-safe apply shop.plan
      runs it if nothing that matters has moved, and says what did if not
  helm rollback-safe plan --out show.plan -- show
      a release that is named show";

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_help = EXAMPLES)]
pub struct PlanArgs {
    #[command(subcommand)]
    pub command: Option<PlanCommand>,
    /// File to write; only its owner may read it
    #[arg(long, value_name = "FILE", required = true)]
    pub out: Option<PathBuf>,
    /// How long the plan may be carried out, for example 8h
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = args::duration)]
    pub valid_for: Duration,
    #[command(flatten)]
    pub check: CheckArgs,
}

#[derive(Subcommand, Debug)]
pub enum PlanCommand {
    /// The report of a plan, with what was accepted
    Show(ShowArgs),
}

#[derive(Args, Debug)]
pub struct ShowArgs {
    /// The plan
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Form of the report, as in `check`; may be repeated, =FILE writes it there
    #[arg(short, long, value_name = "FORMAT[=FILE]", value_parser = args::output, action = clap::ArgAction::Append)]
    pub output: Vec<Output>,
}

/// Makes a plan.
pub fn run(args: &PlanArgs, around: &Around<'_>) -> Result<ExitStatus> {
    // It asks nobody, but what it freezes is to be acted on.
    let settings = around.settings(&args.check, Some(&AcceptArgs::default()))?;
    make(&around.session(&settings, &args.check), args)
}

fn make(session: &Session, args: &PlanArgs) -> Result<ExitStatus> {
    let out = args.out.as_deref().ok_or_else(|| Advice::usage("--out FILE is missing"))?;
    refuse_secrets(session)?;
    let runtime = super::runtime()?;
    let plan = runtime.block_on(freeze(session, args))?;
    plan_file::write(out, &plan.0)?;
    let settings = session.settings;
    output::write(&plan.1.report, &plan.1.policy.gate, &settings.outputs, None, session.console, BrokenPipe::Ignore)?;
    let command = how_to_apply(&settings.again.program, out);
    let Plan { plan: body, digest, .. } = &plan.0;
    let text = format!("Plan written to {}, valid until {}.\nIts digest is {digest}\n{command}", out.display(), body.valid_until);
    session.console.note(&text, session.redactor);
    Ok(ExitStatus::Ok)
}

fn how_to_apply(program: &str, file: &Path) -> String {
    format!("To run it:  {program} apply {}", shell::word(&file.display().to_string()))
}

/// The flags are stored as they were given, so that Helm gets them as they were given.
fn refuse_secrets(session: &Session) -> Result<()> {
    match session.settings.helm_flags.iter().find(|word| session.redactor.scrub(word) != **word) {
        None => Ok(()),
        Some(word) => {
            let name = word.split('=').next().unwrap_or_default();
            Err(Advice::usage(format!("the value of {name} looks like a secret, and a plan holds none")).into())
        }
    }
}

async fn freeze(session: &Session<'_>, args: &PlanArgs) -> Result<(Plan, Look)> {
    let settings = session.settings;
    let (look, caller) =
        tokio::join!(session.look(&settings.load, &settings.rules), caller::read(&settings.load, session.redactor));
    let look = look?;
    session.refuse_flags(&look.input)?;
    let at = Timestamp::now();
    let valid_until = at.checked_add(args.valid_for).map_err(|_| Advice::usage("--valid-for is too long"))?;
    let plan = Plan::new(Body {
        made: Made { at, by: caller.name.yes().cloned(), tool: env!("CARGO_PKG_VERSION").to_owned() },
        valid_until,
        request: Request {
            flags: settings.helm_flags.clone(),
            live: settings.load.live_evidence,
            server_dry_run: settings.load.server_dry_run,
            migrations: options::migration_flags(&args.check.evidence),
        },
        bound: Bound::of(&look.input, &look.report, caller.cluster.yes().map(String::as_str), &look.demands()),
        report: look.report.clone(),
    });
    Ok((plan, look))
}

/// Shows a plan.
pub fn show(args: &ShowArgs, around: &Around<'_>) -> Result<ExitStatus> {
    options::one_report_each(&args.output.iter().map(|output| output.file.as_deref()).collect::<Vec<_>>())?;
    let plan = plan_file::read(&args.file)?;
    let report = plan.reviewed();
    // The plan has a digest of its own, which is not the report's.
    output::write(&report, &plan.plan.bound.gate, &args.output, None, around.console, BrokenPipe::Ignore)?;
    let text = format!("{}\n{}", plan.about(Timestamp::now()), how_to_apply(around.called_as.name(), &args.file));
    around.console.note(&text, around.redactor);
    Ok(ExitStatus::Ok)
}
