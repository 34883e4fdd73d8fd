//! `preview`: whether an upgrade could be undone, before it is made.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde::Deserialize;

use crate::cli::args::{CheckArgs, EvidenceArgs, GateArgs, LimitArgs, SchemaArgs, SideDir};
use crate::exit::{Advice, ExitStatus};
use crate::gate;
use crate::helm::HelmVersion;
use crate::load::candidate::{self, Upgrade, ValuesMode};
use crate::load::documents;
use crate::load::preview::{self as load, Planned};
use crate::pipeline;
use crate::preview;
use crate::release::Revision;
use crate::report::Records;
use crate::report::{self, Report, Summary};
use crate::settings::Settings;

use super::around::Around;
use super::flags::RollbackArgs;
use super::look::{self, Look};
use super::output::{self, BrokenPipe};
use super::progress::Spinner;

pub const EXAMPLES: &str = "\
Examples:
  helm rollback-safe preview shop ./chart -f values.yaml
      if this upgrade fails, does --atomic come back, and what would be gone?
  helm rollback-safe preview shop oci://registry.example/shop --version 2.1.0 --reuse-values -o markdown
      with the values of the release; for a comment on a pull request
  helm rollback-safe preview shop ./chart --install
      the first installation counts too: what a failed one leaves
  helm rollback-safe preview shop ./chart --releases saved.yaml --baseline main.json
      without a cluster, and only what this change adds to the report of the main branch";

#[derive(Args, Debug)]
pub struct PreviewArgs {
    /// Name of the release
    #[arg(value_name = "RELEASE")]
    pub release: String,
    /// Chart as `helm upgrade` takes it: a directory, an archive, repository/name, an URL
    #[arg(value_name = "CHART")]
    pub chart: String,
    #[command(flatten)]
    pub upgrade: UpgradeArgs,
    /// Compare with this revision instead of the one that Helm would go back to
    #[arg(long, value_name = "REVISION", value_parser = clap::value_parser!(u32).range(1..))]
    pub against: Option<Revision>,
    /// Leave out the findings that this report (JSON) has already
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    #[command(flatten)]
    pub gate: GateArgs,
    #[command(flatten)]
    pub evidence: PreviewEvidenceArgs,
    #[command(flatten)]
    pub rollback: RollbackArgs,
}

/// Flags of `helm upgrade` that decide what is rendered.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Flags of helm upgrade (passed on to Helm)")]
pub struct UpgradeArgs {
    /// Values from a YAML file or URL
    #[arg(short = 'f', long, value_name = "FILE")]
    pub values: Vec<String>,
    /// Values: key1=val1,key2=val2. Other users see command lines: secrets belong into a file
    #[arg(long, value_name = "VALUES")]
    pub set: Vec<String>,
    /// Text values
    #[arg(long, value_name = "VALUES")]
    pub set_string: Vec<String>,
    /// Values from files: key1=path1
    #[arg(long, value_name = "VALUES")]
    pub set_file: Vec<String>,
    /// Values as JSON: key1=jsonval1
    #[arg(long, value_name = "VALUES")]
    pub set_json: Vec<String>,
    /// A literal text value
    #[arg(long, value_name = "VALUES")]
    pub set_literal: Vec<String>,
    /// Version of the chart, or a range
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
    /// Chart repository
    #[arg(long, value_name = "URL")]
    pub repo: Option<String>,
    /// Take the values of the last revision, with those given here over them
    #[arg(long, conflicts_with_all = ["reset_values", "reset_then_reuse_values"])]
    pub reuse_values: bool,
    /// Forget the values of the last revision
    #[arg(long, conflicts_with = "reset_then_reuse_values")]
    pub reset_values: bool,
    /// The new chart's values, under those of the last revision, under those given here
    #[arg(long)]
    pub reset_then_reuse_values: bool,
    /// Install if there is no such release
    #[arg(short = 'i', long)]
    pub install: bool,
    /// What this is about; taken so that a command line of helm upgrade can stay as it is
    #[arg(long, alias = "rollback-on-failure", hide = true)]
    pub atomic: bool,
    /// Render on the server: templates may read the cluster with your rights (lookup)
    #[arg(long)]
    pub server_render: bool,
    /// Kubernetes version for templates, where there is no cluster
    #[arg(long, value_name = "VERSION")]
    pub kube_version: Option<String>,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Evidence")]
pub struct PreviewEvidenceArgs {
    /// Read release records from a file or folder of saved Secrets, or from standard input (-)
    #[arg(long, value_name = "PATH|-")]
    pub releases: Option<PathBuf>,
    /// Read live objects from saved files instead of the cluster
    #[arg(long, value_name = "PATH")]
    pub live: Option<PathBuf>,
    /// Read what the API server serves from saved files instead of the cluster
    #[arg(long, value_name = "PATH")]
    pub discovery: Option<PathBuf>,
    /// Compare the manifests only, and ask the cluster for nothing but the records
    #[arg(long)]
    pub no_live: bool,
    /// Directory of migrations that the charts do not carry: from=DIR (what the upgrade brings) and to=DIR (what runs), or DIR with --git
    #[arg(long, value_name = "[SIDE=]DIR", value_parser = super::args::side_dir, action = clap::ArgAction::Append)]
    pub migrations: Vec<SideDir>,
    /// Git revisions of the --migrations directory, OLD..NEW; nothing is checked out
    #[arg(long, value_name = "OLD..NEW", value_parser = super::args::git_range, requires = "migrations")]
    pub git: Option<(String, String)>,
    #[command(flatten)]
    pub schema: SchemaArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Forecast for this Helm instead of the installed one, which still renders
    #[arg(long, value_name = "X.Y.Z", value_parser = super::args::helm_version)]
    pub helm_version: Option<HelmVersion>,
}

pub fn run(args: &PreviewArgs, around: &Around<'_>) -> Result<ExitStatus> {
    let check = check(args);
    let settings = around.settings(&check, None)?;
    let upgrade = upgrade(args)?;
    if upgrade.server_render && !candidate::helm_reads(&settings.load.source) {
        return Err(Advice::usage("--server-render needs a cluster").help("leave --releases out").into());
    }
    let baseline = args.baseline.as_deref().map(baseline).transpose()?;
    let runtime = super::runtime()?;
    let progress = Spinner::new(settings.debug);
    let planned = runtime.block_on(load::planned(&settings.load, &upgrade, around.redactor, &progress))?;
    drop(progress);
    let mut look = judged(planned, &settings)?;
    if let Some(known) = &baseline {
        leave_out(&mut look.report, known);
    }
    let gate = &look.policy.gate;
    output::write(&look.report, gate, &settings.outputs, None, around.console, BrokenPipe::Ignore)?;
    Ok(gate::decide(&look.report, gate).exit())
}

/// The report on the rollback of the failed upgrade, with the section about the upgrade.
fn judged(planned: Planned, settings: &Settings) -> Result<Look> {
    let rules = &settings.rules;
    let Planned { input, current, has_target } = planned;
    let (input, evaluation, upgrade) = match &current {
        Some(current) => {
            let assessed = preview::assess(input, current, rules);
            (assessed.input, assessed.evaluation, Some(assessed.upgrade))
        }
        None => {
            let forecast = preview::install::uninstalled(&input);
            let gaps = input.from.gaps.clone();
            let evaluation =
                pipeline::Evaluation { forecast, changes: Vec::new(), schema: Vec::new(), findings: Vec::new(), gaps };
            (input, evaluation, None)
        }
    };
    let records = Records::of(&input);
    let mut look = look::report_on(input, evaluation, &records, &settings.policy, rules)?;
    let Look { input, evaluation, .. } = &look;
    let migrations = evaluation.findings.iter().any(|finding| finding.rule.starts_with("migra"));
    let plan = preview::Plan { input, upgrade: upgrade.as_ref(), back: &evaluation.forecast, has_target, migrations };
    look.report.preview = Some(preview::section(&plan));
    Ok(look)
}

/// The findings of an earlier report.
#[derive(Deserialize)]
struct Baseline {
    schema: String,
    findings: Vec<Known>,
}

#[derive(Deserialize)]
struct Known {
    id: String,
}

fn baseline(path: &Path) -> Result<BTreeSet<String>> {
    let wrong = |why: &str| {
        Advice::usage(format!("{}: {why}", path.display())).help("--baseline takes what `-o json=FILE` wrote for another chart")
    };
    let text = documents::read(path).map_err(|error| anyhow::anyhow!("{error}")).context(wrong("the baseline cannot be read"))?;
    let report: Baseline = serde_json::from_slice(&text).context(wrong("it is not a report"))?;
    if report.schema != report::SCHEMA {
        return Err(wrong(&format!("it is not a {}", report::SCHEMA)).into());
    }
    Ok(report.findings.into_iter().map(|finding| finding.id).collect())
}

/// Takes known findings out. The forecast stays: it is of the whole upgrade.
fn leave_out(report: &mut Report, known: &BTreeSet<String>) {
    let before = report.findings.len();
    report.findings.retain(|finding| !known.contains(&finding.id));
    report.summary = Summary::count(report.findings.iter().filter(|finding| finding.waived.is_none()));
    report.verdict = report::verdict(&report.findings, &report.gaps, report.predicted.outcome);
    let left_out = before - report.findings.len();
    if let Some(preview) = &mut report.preview {
        preview.in_baseline = left_out;
    }
}

fn upgrade(args: &PreviewArgs) -> Result<Upgrade> {
    let given = &args.upgrade;
    let lists = [
        ("--values", &given.values),
        ("--set", &given.set),
        ("--set-string", &given.set_string),
        ("--set-file", &given.set_file),
        ("--set-json", &given.set_json),
        ("--set-literal", &given.set_literal),
    ];
    let mut flags: Vec<String> =
        lists.iter().flat_map(|(name, values)| values.iter().map(move |value| format!("{name}={value}"))).collect();
    let gives_values = !flags.is_empty() && !only_empty_files(given);
    flags.extend(given.version.iter().map(|version| format!("--version={version}")));
    flags.extend(given.repo.iter().map(|repo| format!("--repo={repo}")));
    let values = match (given.reuse_values, given.reset_values, given.reset_then_reuse_values) {
        (true, ..) => ValuesMode::Reuse,
        (_, true, _) => ValuesMode::Reset,
        (.., true) => ValuesMode::ResetThenReuse,
        _ => ValuesMode::Auto,
    };
    if args.chart.is_empty() {
        return Err(Advice::usage("CHART is empty").into());
    }
    let reads_stdin = given.values.iter().any(|file| file.split(',').any(|file| file == "-"));
    Ok(Upgrade {
        chart: args.chart.clone(),
        flags,
        gives_values,
        reads_stdin,
        values,
        install: given.install,
        server_render: given.server_render,
        no_hooks: args.rollback.no_hooks.unwrap_or(false),
        against: args.against,
        kube_version: given.kube_version.clone(),
    })
}

/// Helm takes the old values where the new ones come to nothing, and files may be empty (`reuseValues`).
fn only_empty_files(given: &UpgradeArgs) -> bool {
    let sets = [&given.set, &given.set_string, &given.set_file, &given.set_json, &given.set_literal];
    let empty = |path: &str| {
        let text = documents::read(Path::new(path)).ok();
        let parsed = text.map(|text| serde_yaml::from_slice::<serde_json::Value>(&text));
        parsed.is_some_and(|values| {
            values.is_ok_and(|values| values.is_null() || values.as_object().is_some_and(|map| map.is_empty()))
        })
    };
    sets.iter().all(|list| list.is_empty())
        && given.values.iter().flat_map(|file| file.split(',')).all(|file| file != "-" && empty(file))
}

/// The same questions as those of a check.
fn check(args: &PreviewArgs) -> CheckArgs {
    let given = args.evidence.clone();
    CheckArgs {
        release: Some(args.release.clone()),
        gate: args.gate.clone(),
        evidence: EvidenceArgs {
            releases: given.releases,
            live: given.live,
            discovery: given.discovery,
            no_live: given.no_live,
            migrations: given.migrations,
            git: given.git,
            schema: given.schema,
            limits: given.limits,
            helm_version: given.helm_version,
            ..EvidenceArgs::default()
        },
        rollback: args.rollback.clone(),
        ..CheckArgs::default()
    }
}
