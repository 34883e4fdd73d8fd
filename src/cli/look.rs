//! One look at a release: what was read, what follows from it, and the report on it.

use anyhow::Result;

use crate::gate::GatePolicy;
use crate::input::Input;
use crate::load::{self, Progress};
use crate::pipeline::{self, Evaluation};
use crate::release::redact::Redactor;
use crate::report::{self, Report, ToolInfo};
use crate::rules::set::RuleSet;
use crate::settings::LoadOptions;

/// Everything that is known at one moment.
pub struct Look {
    pub input: Input,
    pub evaluation: Evaluation,
    pub report: Report,
}

/// Reads everything that a report is made of, and makes it.
pub async fn look(
    options: &LoadOptions,
    policy: &GatePolicy,
    rules: &RuleSet,
    redactor: &Redactor,
    progress: &dyn Progress,
) -> Result<Look> {
    let input = read(options, redactor, progress).await?;
    Ok(judge(input, policy, rules))
}

/// Everything a report is made of. What the API server is asked about follows from a first forecast.
pub async fn read(options: &LoadOptions, redactor: &Redactor, progress: &dyn Progress) -> Result<Input> {
    let mut input = load::input(options, redactor, progress).await?;
    if options.server_dry_run {
        progress.step("asking the API server about every change");
        let forecast = pipeline::analyze(&input).forecast;
        load::dry_run::ask(options, redactor, &mut input, &forecast).await.map_err(|error| error.scrubbed(redactor))?;
    }
    Ok(input)
}

/// The report on what was read.
pub fn judge(input: Input, policy: &GatePolicy, rules: &RuleSet) -> Look {
    let evaluation = pipeline::evaluate(&input, rules);
    let tool = ToolInfo { version: env!("CARGO_PKG_VERSION").to_owned(), rules_digest: rules.digest() };
    let parts = report::Parts {
        forecast: &evaluation.forecast,
        findings: &evaluation.findings,
        schema: &evaluation.schema,
        gaps: &evaluation.gaps,
    };
    let report = report::build(&input, parts, tool, policy);
    tracing::debug!("made the report");
    Look { input, evaluation, report }
}
