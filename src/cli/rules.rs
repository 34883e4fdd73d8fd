//! `rules list|explain|test|new`.

use anyhow::Result;

use crate::exit::{Advice, ExitStatus};
use crate::rules::set::RuleSet;
use crate::rules::{disk, docs, scaffold, trial};

use super::args::{ListFormat, RulesCommand};
use super::output::{BrokenPipe, print};

pub fn run(command: &RulesCommand) -> Result<ExitStatus> {
    let (text, status) = match command {
        RulesCommand::List { format, wide } => (list(*format, *wide), ExitStatus::Ok),
        RulesCommand::Explain { id } => (explain(id)?, ExitStatus::Ok),
        RulesCommand::Test { dir } => test(dir)?,
        RulesCommand::New { id, dir } => (new(id, dir)?, ExitStatus::Ok),
    };
    print(&text, BrokenPipe::Ignore)?;
    Ok(status)
}

fn list(format: ListFormat, wide: bool) -> String {
    match format {
        ListFormat::Text if wide => docs::list_wide(&RuleSet::builtin()),
        ListFormat::Text => docs::list_text(&RuleSet::builtin()),
        ListFormat::Json => docs::list_json(&RuleSet::builtin()),
    }
}

fn explain(id: &str) -> Result<String> {
    docs::explain(&RuleSet::builtin(), id).map_err(|why| Advice::usage(why).into())
}

/// Faulty files and cases that do not come out as promised are what the command is for: both are *blocked*, not errors.
fn test(dir: &std::path::Path) -> Result<(String, ExitStatus)> {
    let report = trial::run_texts(&RuleSet::builtin(), disk::read_texts(dir)?);
    if report.outcomes.is_empty() && report.faults.is_empty() && report.untested.is_empty() {
        return Err(Advice::usage(format!("there is no rule and no case in {}", dir.display()))
            .help("a rule lies in ID.yaml, its cases beside it in ID/fires-….yaml and ID/quiet-….yaml; `rules new ID` starts one")
            .into());
    }
    let status = if report.passed() { ExitStatus::Ok } else { ExitStatus::Blocked };
    Ok((format!("{report}\n"), status))
}

fn new(id: &str, dir: &std::path::Path) -> Result<String> {
    let files = scaffold::files(id).map_err(Advice::usage)?;
    let written = disk::write_new(dir, &files)?;
    let lines: Vec<String> = written.iter().map(|path| format!("{}\n", path.display())).collect();
    Ok(lines.concat())
}
