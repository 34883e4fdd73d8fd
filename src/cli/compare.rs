//! `compare`: the report on two rendered states.

use anyhow::Result;

use crate::exit::{Advice, ExitStatus};
use crate::release::redact::Redactor;
use crate::settings::{Manifests, Settings, Source};

use super::args::{CheckArgs, CompareArgs, EvidenceArgs};
use super::console::Console;
use super::options::{self, Given};
use super::{CalledAs, Env, run};
use crate::cli::kube::KubeArgs;

/// What a comparison is given besides its own arguments.
pub struct Around<'a> {
    pub kube: &'a KubeArgs,
    pub env: &'a Env,
    pub called_as: CalledAs,
    pub debug: bool,
}

pub fn run(args: &CompareArgs, around: &Around<'_>, console: &Console, redactor: &Redactor) -> Result<ExitStatus> {
    if args.from == Manifests::Stdin && args.to == Manifests::Stdin {
        return Err(Advice::usage("only one of the two sides can come from standard input").into());
    }
    let check = check(args);
    let settings = settings(args, &check, around)?;
    run::run(&run::Session { settings: &settings, given: &check.rollback, console, redactor })
}

fn settings(args: &CompareArgs, check: &CheckArgs, around: &Around<'_>) -> Result<Settings> {
    let given = Given { check, accept: None, kube: around.kube, debug: around.debug, called_as: around.called_as };
    let mut settings = options::settings(&given, around.env)?;
    settings.load.source = Source::Rendered { from: args.from.clone(), to: args.to.clone() };
    // There is no release that could be rolled back.
    settings.again.can_act = false;
    Ok(settings)
}

/// The same questions as those of a check whose records come from files.
fn check(args: &CompareArgs) -> CheckArgs {
    let given = args.evidence.clone();
    CheckArgs {
        release: Some(args.name.clone()),
        gate: args.gate.clone(),
        evidence: EvidenceArgs {
            // Any value: no record is read.
            releases: Some("-".into()),
            live: given.live,
            discovery: given.discovery,
            migrations: given.migrations,
            git: given.git,
            schema: given.schema,
            helm_version: given.helm_version,
            ..EvidenceArgs::default()
        },
        rollback: args.rollback.clone(),
        ..CheckArgs::default()
    }
}
