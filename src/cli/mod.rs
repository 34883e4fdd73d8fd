//! The command line: one file a command, and what all of them share.

mod accept;
mod applied;
mod apply;
pub mod args;
mod argv;
mod around;
mod audit;
mod compare;
mod complete;
mod console;
mod diff;
mod env;
pub mod flags;
mod history;
mod inspect;
mod kube;
mod look;
mod man;
mod migrations;
mod options;
mod output;
mod plan;
mod plan_file;
mod policy;
pub mod preview;
mod progress;
mod prove;
mod record;
mod rules;
mod run;
mod show;
mod vote;

use std::ffi::{OsStr, OsString};

use std::path::Path;

use anyhow::{Context, Result};
use clap::{CommandFactory, FromArgMatches};

use crate::exit::ExitStatus;
use crate::release::redact::Redactor;
use crate::settings::ColorMode;

use args::{CheckArgs, Cli, Command, ConsoleArgs};
use around::Around;
use console::Console;
pub use env::Env;

/// The program's name by which the user knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalledAs {
    Direct,
    HelmPlugin,
    KubectlPlugin,
}

impl CalledAs {
    fn of(program: &OsStr, env: &Env) -> CalledAs {
        if env.text("HELM_PLUGIN_NAME").is_some() {
            return CalledAs::HelmPlugin;
        }
        let file = Path::new(program).file_stem().unwrap_or_default();
        // kubectl looks for `-` as `_` (`pkg/cmd/plugin.go` `HandlePluginCommand`).
        if file == "kubectl-rollback_safe" { CalledAs::KubectlPlugin } else { CalledAs::Direct }
    }

    fn name(self) -> &'static str {
        match self {
            CalledAs::Direct => "helm-rollback-safe",
            CalledAs::HelmPlugin => "helm rollback-safe",
            CalledAs::KubectlPlugin => "kubectl rollback-safe",
        }
    }
}

/// Runs one command line; the whole program behind `main`.
pub fn main(args: Vec<OsString>, env: &Env) -> ExitStatus {
    let called_as = CalledAs::of(args.first().map_or(OsStr::new(""), OsString::as_os_str), env);
    if args.get(1).is_some_and(|word| word == complete::ASKS) {
        return complete::candidates(&args[2..]);
    }
    let mut definition = definition(called_as);
    let words = argv::command_first(args, &definition);
    let parsed = definition.try_get_matches_from_mut(words).and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => dispatch(&cli, called_as, env),
        Err(message) => explain(&message),
    }
}

fn definition(called_as: CalledAs) -> clap::Command {
    let name = called_as.name();
    let statuses: Vec<String> =
        ExitStatus::ALL.iter().map(|status| format!("  {}  {}", status.code(), status.meaning())).collect();
    let examples = args::EXAMPLES.replace("helm rollback-safe", name);
    Cli::command()
        .bin_name(name)
        .override_usage(format!("{name} RELEASE [REVISION] [FLAGS]\n       {name} COMMAND …"))
        .after_help(format!("{examples}\n\nExit status:\n{}", statuses.join("\n")))
}

/// clap's own words: help and version on standard output, faults of usage on standard error and in our form.
fn explain(message: &clap::Error) -> ExitStatus {
    if !message.use_stderr() {
        // Nothing can be done about an output that is gone.
        let _ = message.print();
        return ExitStatus::Ok;
    }
    let text = message.render().to_string().replace("For more information, try", "help: try");
    console::say_lines(&text);
    ExitStatus::Usage
}

fn dispatch(cli: &Cli, called_as: CalledAs, env: &Env) -> ExitStatus {
    let console = console(&cli.console, env);
    let redactor = match Redactor::new() {
        Ok(redactor) => redactor,
        Err(error) => {
            // No redactor, nothing read: this message holds no secret.
            eprintln!("error: {error:#}");
            return ExitStatus::CouldNotRun;
        }
    };
    console::install_panic_hook(redactor.clone());
    let debug = cli.console.debug.unwrap_or_else(|| env.flag("HELM_DEBUG"));
    if debug {
        console::install_debug_log(redactor.clone());
    }
    let around = Around { kube: &cli.kube, env, called_as, debug, console: &console, redactor: &redactor };
    execute(cli, &around).unwrap_or_else(|error| console.fail(&error, &redactor))
}

/// Flag, else `NO_COLOR`, else `HELM_COLOR`, as in Helm 4 (`pkg/cli/environment.go` `envColorMode`).
fn console(args: &ConsoleArgs, env: &Env) -> Console {
    let from_env = || match env.text("HELM_COLOR").map(|text| text.to_lowercase()).as_deref() {
        _ if env.os("NO_COLOR").is_some() => ColorMode::Auto,
        Some("always") => ColorMode::Always,
        Some("never") => ColorMode::Never,
        _ => ColorMode::Auto,
    };
    let color = if args.no_color { ColorMode::Never } else { args.color.unwrap_or_else(from_env) };
    Console::new(color, args.width)
}

fn execute(cli: &Cli, around: &Around<'_>) -> Result<ExitStatus> {
    let start = |check: &CheckArgs, accept| run::run(&around.session(&around.settings(check, accept)?, check));
    match &cli.command {
        Command::Run(args) => start(&args.check, Some(&args.accept)),
        Command::Check(args) => start(args, None),
        Command::Plan(args) => match &args.command {
            Some(plan::PlanCommand::Show(show)) => plan::show(show, around),
            None => plan::run(args, around),
        },
        Command::Accept(args) => accept::run(args, around),
        Command::Apply(args) => apply::run(args, around),
        Command::Record(args) => record::run(&around.load_options(&args.check)?, &args.out, around),
        Command::Compare(args) => compare::run(args, around),
        Command::Preview(args) => preview::run(args, around),
        Command::Migrations(args) => migrations::run(args, around.console),
        Command::History(args) => history::run(args, around),
        Command::Show(args) => show::run(args, around),
        Command::Diff(args) => diff::run(args, around),
        Command::Rules(args) => rules::run(&args.command),
        Command::Policy(args) => policy::run(&args.command, around.kube, around.env, around.redactor),
        Command::Completion { shell } => complete::run(*shell),
        Command::Man(args) => man::run(args, definition(CalledAs::Direct)),
    }
}

/// What commands that wait for others run on.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting up")
}

#[cfg(test)]
mod tests;
