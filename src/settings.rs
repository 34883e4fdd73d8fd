//! Validated options: what the command line, `HELM_*` variables and defaults add up to.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::helm::{HelmVersion, RollbackFlags};
use crate::release::Revision;
use crate::shell;

/// Default bound of one inflated release record, in bytes.
pub const MAX_RECORD_BYTES: u64 = 64 * 1024 * 1024;

/// How to reach the cluster: Helm's own flags and `HELM_KUBE*` variables, flags winning. Empty strings count as not given.
#[derive(Clone, Debug, Default)]
pub struct KubeOptions {
    pub namespace: Option<String>,
    pub context: Option<String>,
    pub kubeconfig: Option<PathBuf>,
    pub token: Option<String>,
    pub as_user: Option<String>,
    pub as_groups: Vec<String>,
    pub apiserver: Option<String>,
    pub ca_file: Option<PathBuf>,
    pub tls_server_name: Option<String>,
    pub insecure_skip_tls_verify: bool,
    /// Client-side bound of requests in flight at once.
    pub burst_limit: Option<u32>,
    pub qps: Option<f32>,
}

/// Where release records are stored (`HELM_DRIVER`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Driver {
    Secrets,
    ConfigMaps,
    /// PostgreSQL; the connection string may hold a password and is never printed.
    Sql {
        connection: String,
    },
    /// `HELM_MEMORY_DRIVER_DATA`: YAML files with a list of release objects each.
    Memory {
        files: Vec<PathBuf>,
    },
}

/// Where records come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Driver(Driver),
    /// `--releases PATH`.
    File(PathBuf),
    /// `--releases -`.
    Stdin,
    /// Two rendered states, without any record.
    Rendered {
        from: Manifests,
        to: Manifests,
    },
}

/// Where the manifests of one side are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manifests {
    Stdin,
    /// A file, a directory of files, a chart's directory or archive.
    Path(PathBuf),
    /// As a revision of the repository around the working directory has it; the path counts from its root.
    Git {
        revision: String,
        path: String,
    },
}

/// Which revision to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetRequest {
    /// No argument: the newest revision that really worked.
    Best,
    /// `0`: what a bare `helm rollback` takes, newest − 1.
    HelmDefault,
    Revision(Revision),
}

/// What `load` needs to know.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    pub release: String,
    pub target: TargetRequest,
    pub kube: KubeOptions,
    pub source: Source,
    /// `--replay FILE`: a recording instead of everything else.
    pub replay: Option<PathBuf>,
    /// `--live PATH`: saved live objects instead of the cluster's.
    pub live: Option<PathBuf>,
    /// `--discovery PATH`: saved discovery instead of the cluster's.
    pub discovery: Option<PathBuf>,
    /// False = the two records only, no live evidence.
    pub live_evidence: bool,
    /// Ask the API server about every change with `dryRun=All`.
    pub server_dry_run: bool,
    /// How long one read of live evidence may take.
    pub request_timeout: Duration,
    /// How long all of them together may take.
    pub evidence_timeout: Duration,
    /// `HELM_BIN` or `helm`.
    pub helm_bin: OsString,
    /// `--helm-version`: analyse for this version instead of the binary's.
    pub helm_version: Option<HelmVersion>,
    pub flags: RollbackFlags,
    /// Directories of migrations that the records do not carry.
    pub migrations: MigrationSources,
    /// Bound of one inflated record, in bytes.
    pub max_record_bytes: u64,
}

/// Where the migrations of each side lie; none = only what the records carry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrationSources {
    pub from: Option<MigrationSource>,
    pub to: Option<MigrationSource>,
    pub evidence: SchemaEvidence,
}

/// What is read besides the files of migrations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaEvidence {
    /// `--applied FILE`: what the history table holds.
    pub applied: Option<PathBuf>,
    pub database: Option<DatabaseSource>,
    /// Ask the database what its rows decide.
    pub probe_data: bool,
    /// `--code DIR`: code of the old version.
    pub code: Option<PathBuf>,
}

/// Where the connection string of an application's database is; never the string itself, which others would see in argv.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseSource {
    File(PathBuf),
    Variable(String),
    /// Of PostgreSQL's connection service file.
    Service(String),
}

/// A directory, as it is or as a Git revision has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationSource {
    pub dir: PathBuf,
    pub revision: Option<String>,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorMode {
    /// On a terminal that wants them (`NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE`, `TERM=dumb`).
    #[default]
    Auto,
    Always,
    Never,
}

/// Forms of the report that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
    Yaml,
    Markdown,
    Sarif,
    Junit,
    /// Workflow commands of GitHub Actions.
    Github,
    /// The summary of a job of GitHub Actions, Markdown.
    GithubSummary,
    /// The Code Quality artifact of GitLab.
    Gitlab,
    /// A page for a browser.
    Html,
    /// A `Report` of openreports.io.
    Openreports,
    /// A `PolicyReport` of wgpolicyk8s.io.
    Policyreport,
    /// An in-toto statement.
    InToto,
}

impl Format {
    pub const ALL: [Format; 13] = [
        Format::Text,
        Format::Json,
        Format::Yaml,
        Format::Markdown,
        Format::Sarif,
        Format::Junit,
        Format::Github,
        Format::GithubSummary,
        Format::Gitlab,
        Format::Html,
        Format::Openreports,
        Format::Policyreport,
        Format::InToto,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Json => "json",
            Format::Yaml => "yaml",
            Format::Markdown => "markdown",
            Format::Sarif => "sarif",
            Format::Junit => "junit",
            Format::Github => "github",
            Format::GithubSummary => "github-summary",
            Format::Gitlab => "gitlab",
            Format::Html => "html",
            Format::Openreports => "openreports",
            Format::Policyreport => "policyreport",
            Format::InToto => "in-toto",
        }
    }
}

/// One `-o FORMAT[=FILE]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub format: Format,
    /// None = standard output.
    pub file: Option<PathBuf>,
}

/// What was accepted beforehand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acceptance {
    /// `--accept`: the digest of the report that was read.
    pub digest: Option<String>,
    /// `--accept-critical`: findings of that severity are accepted too.
    pub critical: bool,
}

/// Options of `run` and `check`, complete and valid.
#[derive(Clone, Debug)]
pub struct Settings {
    pub load: LoadOptions,
    /// What the policy files and the flags of the gate say; what follows from it depends on the release.
    pub policy: crate::policy::Policy,
    /// The shipped rules and those that the policy adds.
    pub rules: crate::rules::set::RuleSet,
    /// At most one of them goes to standard output; none means text there.
    pub outputs: Vec<Output>,
    pub acceptance: Acceptance,
    /// What policy demands of acceptance.
    /// `--audit`: where acceptances and runs leave a line.
    pub audit: Option<PathBuf>,
    /// `helm rollback` flags to pass on, in the form they were given.
    pub helm_flags: Vec<String>,
    /// False for `check` and `--dry-run`.
    pub act: bool,
    pub debug: bool,
    /// How to repeat this command.
    pub again: Again,
}

/// The parts of a command line that leads to the same report.
#[derive(Clone, Debug, Default)]
pub struct Again {
    /// `helm rollback-safe`, `kubectl rollback-safe` or the name of the binary.
    pub program: String,
    /// Flags, one word each, without namespace and acceptance. No secret among them.
    pub flags: Vec<String>,
    /// False where evidence came from files or another Helm was assumed: such a report cannot be acted on.
    pub can_act: bool,
}

impl Again {
    /// For this release and target, quoted for a shell.
    pub fn command(&self, release: &str, namespace: &str, target: Revision) -> String {
        let target = target.to_string();
        let words = [release, &target, "--namespace", namespace];
        let words = words.into_iter().chain(self.flags.iter().map(String::as_str)).map(shell::word);
        std::iter::once(self.program.clone()).chain(words).collect::<Vec<_>>().join(" ")
    }
}
