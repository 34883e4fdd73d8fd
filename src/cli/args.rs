//! The command line as clap sees it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::gate::OnInconclusive;
use crate::helm::HelmVersion;
use crate::migrations::framework::Framework;
use crate::report::migrations::Class;
use crate::rules::Severity;
use crate::settings::{ColorMode, Format, MAX_RECORD_BYTES, Manifests, Output};
use crate::settings::{DatabaseSource, SchemaEvidence};
use crate::sql::dialect::Dialect;

use super::accept::AcceptFindingArgs;
use super::apply::ApplyArgs;
use super::flags::{RollbackArgs, go_bool};
use super::kube::{IgnoredArgs, KubeArgs};
use super::plan::PlanArgs;
use super::policy;

pub const EXAMPLES: &str = "\
Examples:
  helm rollback-safe shop
      back to the newest revision that worked: report, ask, roll back, verify
  helm rollback-safe shop 5 --wait
      to revision 5, with flags of helm rollback
  helm rollback-safe check shop
      the report and the gate; changes nothing
  helm rollback-safe check shop --fail-on medium -o json=report.json
      the same in a pipeline
  helm rollback-safe shop 5 --accept sha256:…
      without a terminal: run what that report says
  helm rollback-safe preview shop ./chart -f values.yaml
      before an upgrade: could it be undone?
  helm rollback-safe record shop --out shop.json
  helm rollback-safe check --replay shop.json
      look at the same evidence again, without the cluster
  helm rollback-safe migrations db/migrations
      what old code would meet on the schema of these migrations
  helm rollback-safe run check
      a release that is named like a command";

/// Says what a Helm rollback will not bring back, and runs it only when that report is accepted
#[derive(Parser, Debug)]
#[command(
    name = "helm-rollback-safe",
    version,
    args_override_self = true,
    disable_help_subcommand = false,
    subcommand_required = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub console: ConsoleArgs,
    #[command(flatten)]
    pub kube: KubeArgs,
    #[command(flatten)]
    pub ignored: IgnoredArgs,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Report, ask, run `helm rollback`, verify (what happens without a command)
    Run(RunArgs),
    /// Report and gate; changes nothing
    Check(CheckArgs),
    /// Freeze a report and what it rests on in a file, for review and for `apply`
    Plan(PlanArgs),
    /// Accept findings of a plan
    Accept(AcceptFindingArgs),
    /// Run a plan, unless something that matters has moved since
    Apply(ApplyArgs),
    /// Write everything a check reads to one file, secrets left out
    Record(RecordArgs),
    /// Report on two rendered states, without a cluster: FROM is what runs (or will), TO what a way back restores
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare(CompareArgs),
    /// Before an upgrade: could it be undone, and what would be gone
    #[command(after_help = super::preview::EXAMPLES)]
    Preview(super::preview::PreviewArgs),
    /// What code of an older version would meet on the schema that SQL migrations made
    #[command(after_help = MIGRATIONS_EXAMPLES)]
    Migrations(MigrationsArgs),
    /// Revisions of a release: what each really was, whether it worked, and whether there is a way back
    #[command(after_help = super::history::EXAMPLES)]
    History(super::history::HistoryArgs),
    /// One part of one revision, secrets left out: metadata, values, all-values, manifest, hooks or notes
    #[command(after_help = super::show::EXAMPLES)]
    Show(super::show::ShowArgs),
    /// How two revisions differ, secrets left out
    #[command(after_help = super::diff::EXAMPLES)]
    Diff(super::diff::DiffArgs),
    /// The rules behind the findings
    Rules(RulesArgs),
    /// The policy file: what is in force, and what is wrong with it
    #[command(after_help = policy::EXAMPLES)]
    Policy(policy::PolicyArgs),
    /// Print a completion script for a shell
    Completion { shell: Shell },
    /// Write pages of the manual
    #[command(after_help = super::man::EXAMPLES)]
    Man(super::man::ManArgs),
}

const COMPARE_EXAMPLES: &str = "\
Examples:
  helm rollback-safe compare new.yaml old.yaml
      rendered manifests: output of helm template, kustomize build, kubectl get -o yaml
  kustomize build overlays/prod | helm rollback-safe compare - git:main:rendered/prod.yaml
      what this branch would make hard to undo; Git's own REV:PATH, nothing is checked out
  helm rollback-safe compare ./chart shop-2.0.3.tgz --migrations db/migrations -o markdown
      two charts with their own values, rendered by the installed Helm";

const MIGRATIONS_EXAMPLES: &str = "\
Examples:
  helm rollback-safe migrations db/migrations
      each migration, and the way from the newest back to the first
  helm rollback-safe migrations db/migrations --to 20240301
      what code of that version would meet now
  helm rollback-safe migrations db/migrations --git v1.4.0..HEAD -o markdown
      what the migrations of a branch mean for code of v1.4.0; nothing is checked out
  helm rollback-safe migrations db/migrations --fail-on breaks -o sarif=migrations.sarif
      a gate in a pipeline: 1 if old code would fail or values are lost";

/// Where output goes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct ConsoleArgs {
    /// Use colours: auto, always or never
    #[arg(long, alias = "colour", global = true, value_name = "WHEN", value_parser = color)]
    pub color: Option<ColorMode>,
    /// No colours: the same as --color never
    #[arg(long, global = true, hide = true, conflicts_with = "color")]
    pub no_color: bool,
    /// Columns of text [default: the terminal's, 80 without one]
    #[arg(long, global = true, value_name = "COLUMNS")]
    pub width: Option<u16>,
    /// Say on stderr what is being done
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub debug: Option<bool>,
}

#[derive(Args, Debug, Default)]
pub struct RunArgs {
    #[command(flatten)]
    pub check: CheckArgs,
    #[command(flatten)]
    pub accept: AcceptArgs,
}

#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Acceptance")]
pub struct AcceptArgs {
    /// Run if the report still has this digest, and ask nobody
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    pub accept: Option<String>,
    /// Accept critical findings too; only with --accept
    #[arg(long, requires = "accept")]
    pub accept_critical: bool,
    /// Add a line of JSON to this file for what is accepted and run: who, when, what, under which policy
    #[arg(long, value_name = "FILE")]
    pub audit: Option<PathBuf>,
}

#[derive(Args, Debug, Default)]
pub struct CheckArgs {
    /// Name of the release; with --replay that of the recording
    #[arg(value_name = "RELEASE", required_unless_present = "replay")]
    pub release: Option<String>,
    /// Revision to go back to; 0 is Helm's own default, the one before the newest. Without it: the newest that worked
    #[arg(value_name = "REVISION", allow_hyphen_values = false, allow_negative_numbers = true)]
    pub revision: Option<String>,
    /// Helm ignores further arguments; what was meant by them would be lost.
    #[arg(hide = true, allow_negative_numbers = true)]
    pub surplus: Vec<String>,
    #[command(flatten)]
    pub gate: GateArgs,
    #[command(flatten)]
    pub evidence: EvidenceArgs,
    #[command(flatten)]
    pub rollback: RollbackArgs,
}

#[derive(Args, Debug)]
pub struct CompareArgs {
    /// Manifests that run, or that an upgrade will bring: a file, a directory, a chart, git:REV:PATH, or - for standard input
    #[arg(value_name = "FROM", value_parser = manifests)]
    pub from: Manifests,
    /// Manifests that the way back restores
    #[arg(value_name = "TO", value_parser = manifests)]
    pub to: Manifests,
    /// Name of the release, for templates and for the report
    #[arg(long, value_name = "RELEASE", default_value = "release")]
    pub name: String,
    #[command(flatten)]
    pub gate: GateArgs,
    #[command(flatten)]
    pub evidence: CompareEvidenceArgs,
    #[command(flatten)]
    pub rollback: RollbackArgs,
}

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Evidence")]
pub struct CompareEvidenceArgs {
    /// Live objects from saved files
    #[arg(long, value_name = "PATH")]
    pub live: Option<PathBuf>,
    /// What the API server serves, from saved files
    #[arg(long, value_name = "PATH")]
    pub discovery: Option<PathBuf>,
    /// Directory of migrations: from=DIR (what runs) and to=DIR (what is restored), or DIR with --git
    #[arg(long, value_name = "[SIDE=]DIR", value_parser = side_dir, action = clap::ArgAction::Append)]
    pub migrations: Vec<SideDir>,
    /// Git revisions of the --migrations directory, OLD..NEW for what is restored and what runs; nothing is checked out
    #[arg(long, value_name = "OLD..NEW", value_parser = git_range, requires = "migrations")]
    pub git: Option<(String, String)>,
    #[command(flatten)]
    pub schema: SchemaArgs,
    /// Forecast for this Helm instead of the installed one
    #[arg(long, value_name = "X.Y.Z", value_parser = helm_version)]
    pub helm_version: Option<HelmVersion>,
}

#[derive(Args, Debug, Default)]
pub struct RecordArgs {
    /// File to write; only its owner may read it
    #[arg(long, value_name = "FILE", default_value = "rollback-safe-recording.json")]
    pub out: PathBuf,
    #[command(flatten)]
    pub check: CheckArgs,
}

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Report and gate")]
pub struct GateArgs {
    /// Form of the report: text, json, yaml, markdown, html, sarif, junit, github (annotations of a run), github-summary (of a job),
    /// gitlab (Code Quality), openreports, policyreport, in-toto; may be repeated, =FILE writes it there
    #[arg(short, long, value_name = "FORMAT[=FILE]", value_parser = output, action = clap::ArgAction::Append)]
    pub output: Vec<Output>,
    /// Findings that close the gate: critical, high, medium, low, info [default: high]
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub fail_on: Option<Severity>,
    /// What happens when a needed fact could not be read: block or allow [default: block]
    #[arg(long, value_name = "WHAT", value_parser = on_inconclusive)]
    pub on_inconclusive: Option<OnInconclusive>,
    /// Policy that may set, waive and trust; rollback-safe.yaml of the repository and of the namespace can only tighten it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Evidence")]
pub struct EvidenceArgs {
    /// Read release records from a file or folder of saved Secrets, or from standard input (-)
    #[arg(long, value_name = "PATH|-")]
    pub releases: Option<PathBuf>,
    /// Read live objects from saved files instead of the cluster
    #[arg(long, value_name = "PATH")]
    pub live: Option<PathBuf>,
    /// Read what the API server serves from saved files instead of the cluster
    #[arg(long, value_name = "PATH")]
    pub discovery: Option<PathBuf>,
    /// Report from what `record` wrote, and read nothing else
    #[arg(long, value_name = "FILE", conflicts_with_all = ["releases", "live", "discovery", "no_live", "helm_version"])]
    pub replay: Option<PathBuf>,
    /// Compare the records only, and ask the cluster for nothing else
    #[arg(long)]
    pub no_live: bool,
    /// Ask the API server about every change beforehand, with dryRun=All: it needs your right to make the change
    #[arg(long, conflicts_with_all = ["releases", "live", "discovery", "no_live", "replay", "helm_version"])]
    pub server_dry_run: bool,
    /// Directory of migrations that the release does not carry: from=DIR (what is deployed) and to=DIR (what is restored), or DIR with --git
    #[arg(long, value_name = "[SIDE=]DIR", value_parser = side_dir, action = clap::ArgAction::Append, conflicts_with = "replay")]
    pub migrations: Vec<SideDir>,
    /// Git revisions of the --migrations directory, OLD..NEW for what is restored and what is deployed; nothing is checked out
    #[arg(long, value_name = "OLD..NEW", value_parser = git_range, requires = "migrations")]
    pub git: Option<(String, String)>,
    #[command(flatten)]
    pub schema: SchemaArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Forecast for this Helm instead of the installed one
    #[arg(long, value_name = "X.Y.Z", value_parser = helm_version)]
    pub helm_version: Option<HelmVersion>,
}

#[derive(Args, Debug)]
pub struct MigrationsArgs {
    /// Directory of migrations, or one SQL file
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Version that the database is at [default: the newest]
    #[arg(long, value_name = "VERSION")]
    pub from: Option<String>,
    /// Version that old code knows [default: the first, or what --git or --old has]
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["git", "old"])]
    pub to: Option<String>,
    /// Compare two revisions of DIR, OLD..NEW; nothing is checked out
    #[arg(long, value_name = "OLD..NEW", value_parser = git_range)]
    pub git: Option<(String, String)>,
    /// Directory of the older version's migrations, where it lies elsewhere
    #[arg(long, value_name = "DIR", conflicts_with = "git")]
    pub old: Option<PathBuf>,
    /// postgresql, mysql, mariadb, sqlite, mssql or oracle [default: what the files say]
    #[arg(long, value_name = "DIALECT")]
    pub dialect: Option<Dialect>,
    #[arg(long, value_name = "FRAMEWORK", help = frameworks())]
    pub framework: Option<Framework>,
    #[command(flatten)]
    pub schema: SchemaArgs,
    /// Form of the report: text, json, markdown or sarif; may be repeated, =FILE writes it there
    #[arg(short, long, value_name = "FORMAT[=FILE]", value_parser = migrations_output, action = clap::ArgAction::Append)]
    pub output: Vec<MigrationsOutput>,
    /// End with 1 if going back meets this: loss (values are gone), breaks (or old code fails), differs (or may fail or see something else)
    #[arg(long, value_name = "WHAT", value_parser = fail_on_class)]
    pub fail_on: Option<Class>,
    #[command(flatten)]
    pub proof: ProofArgs,
}

/// Where verdicts are compared with what a database does.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Proof")]
pub struct ProofArgs {
    /// Compare the verdicts with what a scratch database does: its migrations run, over rows that are made up
    #[arg(long, requires = "prove_source")]
    pub prove: bool,
    /// File with a postgres:// or mysql:// connection string of an empty database
    #[arg(long, value_name = "FILE", group = "prove_source", requires = "prove")]
    pub prove_dsn_file: Option<PathBuf>,
    /// Environment variable with such a string
    #[arg(long, value_name = "NAME", group = "prove_source", requires = "prove")]
    pub prove_dsn_env: Option<String>,
    /// Service of PostgreSQL's connection service file
    #[arg(long, value_name = "SERVICE", group = "prove_source", requires = "prove")]
    pub prove_service: Option<String>,
    /// Use SQLite in PATH, which must not exist yet and is removed afterwards
    #[arg(long, value_name = "PATH", group = "prove_source", requires = "prove")]
    pub prove_sqlite: Option<PathBuf>,
    /// Nobody needs what is on that server
    #[arg(long, requires = "prove")]
    pub i_own_this_database: bool,
}

/// How patient to be with a cluster, and how much of a record to take.
#[derive(Args, Clone, Copy, Debug)]
pub struct LimitArgs {
    /// How long one read of live evidence may take
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub request_timeout: Duration,
    /// How long all reads of live evidence together may take
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = duration)]
    pub evidence_timeout: Duration,
    #[command(flatten)]
    pub record: RecordLimit,
}

/// Shared by everything that reads records.
#[derive(Args, Clone, Copy, Debug)]
pub struct RecordLimit {
    /// Largest inflated release record, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = MAX_RECORD_BYTES, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_record_size: u64,
}

impl Default for LimitArgs {
    fn default() -> LimitArgs {
        LimitArgs {
            request_timeout: Duration::from_secs(5),
            evidence_timeout: Duration::from_secs(20),
            record: RecordLimit { max_record_size: MAX_RECORD_BYTES },
        }
    }
}

/// What is read besides the files of migrations.
#[derive(Args, Clone, Debug, Default)]
pub struct SchemaArgs {
    /// What is applied: a list of versions, or the history table as CSV or JSON (psql --csv -c 'SELECT * FROM …')
    #[arg(long, value_name = "FILE")]
    pub applied: Option<PathBuf>,
    /// File with the connection string of the application's database: its history table is read, nothing is written
    #[arg(long, value_name = "FILE", conflicts_with_all = ["applied", "database_env", "database_service"])]
    pub database_file: Option<PathBuf>,
    /// The same from an environment variable
    #[arg(long, value_name = "NAME", conflicts_with_all = ["applied", "database_service"])]
    pub database_env: Option<String>,
    /// The same from a service of PostgreSQL's connection service file
    #[arg(long, value_name = "NAME", conflicts_with = "applied")]
    pub database_service: Option<String>,
    /// Ask that database whether there are rows that old code or a way back would trip over
    #[arg(long)]
    pub probe_data: bool,
    /// Code or unpacked image of the old version: names that stand nowhere in it make findings less certain
    #[arg(long, visible_alias = "image-files", value_name = "DIR")]
    pub code: Option<PathBuf>,
}

impl SchemaArgs {
    /// As settings; the error says what does not go together.
    pub fn settings(&self) -> Result<SchemaEvidence, String> {
        let file = self.database_file.clone().map(DatabaseSource::File);
        let variable = self.database_env.clone().map(DatabaseSource::Variable);
        let database = file.or(variable).or(self.database_service.clone().map(DatabaseSource::Service));
        if self.probe_data && database.is_none() {
            return Err("--probe-data needs --database-file, --database-env or --database-service".to_owned());
        }
        Ok(SchemaEvidence { applied: self.applied.clone(), database, probe_data: self.probe_data, code: self.code.clone() })
    }

    /// The flags again.
    pub fn flags(&self) -> Vec<String> {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let values = [
            ("--applied", path(&self.applied)),
            ("--database-file", path(&self.database_file)),
            ("--database-env", self.database_env.clone()),
            ("--database-service", self.database_service.clone()),
            ("--code", path(&self.code)),
        ];
        let given = values.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?]));
        given.flatten().chain(self.probe_data.then(|| "--probe-data".to_owned())).collect()
    }
}

/// One `--migrations`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SideDir {
    From(PathBuf),
    To(PathBuf),
    Both(PathBuf),
}

pub(super) fn side_dir(text: &str) -> Result<SideDir, String> {
    let (side, dir) = match text.split_once('=') {
        Some(("from", dir)) => (SideDir::From as fn(PathBuf) -> SideDir, dir),
        Some(("to", dir)) => (SideDir::To as fn(PathBuf) -> SideDir, dir),
        _ => (SideDir::Both as fn(PathBuf) -> SideDir, text),
    };
    if dir.is_empty() { Err("a directory is missing".to_owned()) } else { Ok(side(PathBuf::from(dir))) }
}

/// One `-o` of `migrations`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationsOutput {
    pub format: MigrationsFormat,
    /// None = standard output.
    pub file: Option<PathBuf>,
}

/// Forms of the analysis of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationsFormat {
    Text,
    Json,
    Markdown,
    Sarif,
}

const MIGRATIONS_FORMATS: [(&str, MigrationsFormat); 4] = [
    ("text", MigrationsFormat::Text),
    ("json", MigrationsFormat::Json),
    ("markdown", MigrationsFormat::Markdown),
    ("sarif", MigrationsFormat::Sarif),
];

fn migrations_output(text: &str) -> Result<MigrationsOutput, String> {
    let (name, file) = file_of(text)?;
    let found = MIGRATIONS_FORMATS.iter().find(|(known, _)| *known == name);
    let names = || MIGRATIONS_FORMATS.map(|(name, _)| name).join(", ");
    let (_, format) = found.ok_or_else(|| format!("`migrations` writes {}, not {name:?}", names()))?;
    Ok(MigrationsOutput { format: *format, file })
}

fn fail_on_class(text: &str) -> Result<Class, String> {
    match text {
        "loss" => Ok(Class::Gone),
        "breaks" => Ok(Class::Breaks),
        "differs" => Ok(Class::Differs),
        _ => Err("expected loss, breaks or differs".to_owned()),
    }
}

pub(super) fn git_range(text: &str) -> Result<(String, String), String> {
    crate::load::git::range(text)
}

#[derive(Args, Debug)]
#[command(arg_required_else_help = false)]
pub struct RulesArgs {
    #[command(subcommand)]
    pub command: RulesCommand,
}

/// Forms of the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ListFormat {
    #[default]
    Text,
    Json,
}

#[derive(Subcommand, Debug)]
pub enum RulesCommand {
    /// All rules, one a line
    List {
        /// text or json
        #[arg(short = 'o', long = "output", value_name = "FORMAT", value_enum, default_value_t, hide_possible_values = true)]
        format: ListFormat,
        /// Also what each rule needs to be read, and what shows that it is true
        #[arg(long)]
        wide: bool,
    },
    /// What a rule finds, why it matters and what to do
    Explain { id: String },
    /// Run the cases of the rules in a folder
    Test { dir: PathBuf },
    /// Start a rule: a rule file and its first cases
    New {
        /// Lower case letters, digits and dashes
        id: String,
        /// Folder to write to
        #[arg(long, value_name = "DIR", default_value = ".")]
        dir: PathBuf,
    },
}

/// `5s`, `1m30s`, as Go programs take them.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed: Option<jiff::SignedDuration> = text.parse().ok();
    let duration = parsed.and_then(|duration| Duration::try_from(duration).ok()).filter(|duration| !duration.is_zero());
    duration.ok_or_else(|| "write a duration such as 5s or 1m30s".to_owned())
}

fn color(text: &str) -> Result<ColorMode, String> {
    match text {
        "auto" => Ok(ColorMode::Auto),
        "always" => Ok(ColorMode::Always),
        "never" => Ok(ColorMode::Never),
        _ => Err("expected auto, always or never".to_owned()),
    }
}

fn severity(text: &str) -> Result<Severity, String> {
    let names = || Severity::ALL.map(Severity::as_str).join(", ");
    Severity::ALL.into_iter().find(|severity| severity.as_str() == text).ok_or_else(|| format!("expected one of {}", names()))
}

fn on_inconclusive(text: &str) -> Result<OnInconclusive, String> {
    match text {
        "block" => Ok(OnInconclusive::Block),
        "allow" => Ok(OnInconclusive::Allow),
        _ => Err("expected block or allow".to_owned()),
    }
}

pub(super) fn digest(text: &str) -> Result<String, String> {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    let whole = hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    whole
        .then(|| text.to_owned())
        .ok_or_else(|| "expected sha256: and 64 hex digits, as the end of a report shows them".to_owned())
}

pub(super) fn helm_version(text: &str) -> Result<HelmVersion, String> {
    let version = HelmVersion::parse(text).ok_or("expected a version such as 4.3.1")?;
    match version.major {
        3 | 4 => Ok(version),
        other => Err(format!("Helm {other} is not known here, only 3 and 4")),
    }
}

/// `json` or `json=FILE`; `-` as a file is standard output.
pub(super) fn output(text: &str) -> Result<Output, String> {
    let (name, file) = file_of(text)?;
    Ok(Output { format: format(name)?, file })
}

/// Help of `--framework`.
fn frameworks() -> String {
    let names: Vec<&str> = Framework::all().map(Framework::as_str).collect();
    format!("Framework that applies them [default: what the files say]: {}", names.join(", "))
}

/// `-`, `git:REV:PATH`, or a path.
fn manifests(text: &str) -> Result<Manifests, String> {
    match text.strip_prefix("git:") {
        _ if text == "-" => Ok(Manifests::Stdin),
        Some(place) => match place.split_once(':') {
            Some((revision, path)) if !revision.is_empty() && !path.is_empty() => {
                Ok(Manifests::Git { revision: revision.to_owned(), path: path.to_owned() })
            }
            _ => Err("write git:REV:PATH, with the path from the root of the repository".to_owned()),
        },
        None => Ok(Manifests::Path(PathBuf::from(text))),
    }
}

pub(super) fn file_of(text: &str) -> Result<(&str, Option<PathBuf>), String> {
    match text.split_once('=') {
        Some((name, "")) => Err(format!("a file name is missing behind {name}=")),
        Some((name, "-")) => Ok((name, None)),
        Some((name, file)) => Ok((name, Some(PathBuf::from(file)))),
        None => Ok((text, None)),
    }
}

fn format(name: &str) -> Result<Format, String> {
    let names = || Format::ALL.map(Format::as_str).join(", ");
    let found = Format::ALL.into_iter().find(|format| format.as_str() == name);
    found.ok_or_else(|| format!("this version writes {}, not {name:?}", names()))
}
