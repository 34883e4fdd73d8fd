//! `compare`: the report on two rendered states.

use anyhow::Result;

use crate::exit::{Advice, ExitStatus};
use crate::settings::{Manifests, Settings, Source};

use super::args::{CheckArgs, CompareArgs, EvidenceArgs};
use super::around::Around;
use super::run;

pub fn run(args: &CompareArgs, around: &Around<'_>) -> Result<ExitStatus> {
    if args.from == Manifests::Stdin && args.to == Manifests::Stdin {
        return Err(Advice::usage("only one of the two sides can come from standard input").into());
    }
    let check = check(args);
    let settings = settings(args, &check, around)?;
    run::run(&around.session(&settings, &check))
}

fn settings(args: &CompareArgs, check: &CheckArgs, around: &Around<'_>) -> Result<Settings> {
    let mut settings = around.settings(check, None)?;
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
