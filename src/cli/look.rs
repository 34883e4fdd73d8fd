//! One look at a release: what was read, what follows from it, and the report on it.

use anyhow::Result;

use crate::both::both;
use crate::exit::Advice;
use crate::input::{Input, NamespacePolicy};
use crate::load::{self, Progress};
use crate::pipeline::{self, Evaluation};
use crate::plan::bound::Policy;
use crate::policy::{self, CONFIG_MAP, Effective, NotInForce, Scope};
use crate::release::redact::Redactor;
use crate::report::{self, Records, Report, ToolInfo};
use crate::rules::set::RuleSet;
use crate::settings::LoadOptions;

/// Everything that is known at one moment.
pub struct Look {
    pub input: Input,
    pub evaluation: Evaluation,
    pub report: Report,
    /// What is in force for this release.
    pub policy: Effective,
}

impl Look {
    /// What decides whether the report passes.
    pub fn demands(&self) -> Policy<'_> {
        Policy { gate: &self.policy.gate, approvals: &self.policy.approvals }
    }
}

/// Reads everything that a report is made of, and makes it.
pub async fn look(
    options: &LoadOptions,
    policy: &policy::Policy,
    rules: &RuleSet,
    redactor: &Redactor,
    progress: &dyn Progress,
) -> Result<Look> {
    let input = read(options, redactor, progress).await?;
    judge(input, policy, rules)
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

/// The report on what was read, under the policy as it is at this moment.
///
/// # Errors
/// The policy of the namespace has faults, or a flag loosens what is enforced: an [`Advice`] of status *usage*.
pub fn judge(input: Input, policy: &policy::Policy, rules: &RuleSet) -> Result<Look> {
    // Neither needs the other.
    let (records, evaluation) = both(|| Records::of(&input), || pipeline::evaluate(&input, rules));
    report_on(input, evaluation, &records, policy, rules)
}

/// The report on what was worked out already, under the policy as it is at this moment.
///
/// # Errors
/// As [`judge`].
pub fn report_on(
    input: Input,
    evaluation: Evaluation,
    records: &Records,
    policy: &policy::Policy,
    rules: &RuleSet,
) -> Result<Look> {
    let policy = in_force(&input, policy, rules)?;
    let tool = ToolInfo { version: env!("CARGO_PKG_VERSION").to_owned(), rules_digest: rules.digest() };
    let parts = report::Parts {
        forecast: &evaluation.forecast,
        findings: &evaluation.findings,
        schema: &evaluation.schema,
        gaps: &evaluation.gaps,
        records,
    };
    let report = report::build_under(&input, parts, tool, &policy);
    tracing::debug!("made the report");
    Ok(Look { input, evaluation, report, policy })
}

fn in_force(input: &Input, policy: &policy::Policy, rules: &RuleSet) -> Result<Effective> {
    let scope = Scope {
        namespace: &input.namespace,
        release: &input.from.name,
        cluster: &input.facts.cluster_uid,
        // Not the time of the evidence: a recording is older than the look at it.
        now: jiff::Timestamp::now(),
    };
    under(policy, &input.facts.namespace_policy, &scope, rules)
}

/// What is in force for one release.
///
/// # Errors
/// As [`judge`].
pub fn under(policy: &policy::Policy, demands: &NamespacePolicy, scope: &Scope, rules: &RuleSet) -> Result<Effective> {
    let place = format!("ConfigMap/{}/{CONFIG_MAP}", scope.namespace);
    policy::in_force(policy, demands, &place, scope, rules).map_err(|error| match error {
        NotInForce::Faults(faults) => load::policy::faulty(faults),
        NotInForce::Refused(refusal) => Advice::usage(refusal.what).help(refusal.help).into(),
    })
}
