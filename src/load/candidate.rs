//! The revision that an upgrade would make, rendered by the user's own Helm. Nothing is stored and nothing is changed.
//!
//! Where Helm can read the release itself, `helm upgrade --dry-run` makes the whole record: it merges values as an upgrade does
//! (`pkg/action/upgrade.go` `reuseValues`), counts the revision, and knows what the API server serves. Where records come from
//! files, `helm template --is-upgrade` renders, and the values of the release are handed over on its standard input.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, anyhow};
use serde::Deserialize;
use serde_json::Value as Json;
use tokio::io::AsyncWriteExt;

use super::documents::{self, MAX_FILE};
use super::rendered;
use crate::execute::command;
use crate::exit::{Advice, ExitStatus};
use crate::input::Discovery;
use crate::release::hooks::sort_rendered;
use crate::release::manifest::{ParseContext, parse_manifest};
use crate::release::{ChartInfo, RawRecord, Release, Revision, Status, StoredAs, Value};
use crate::settings::{Driver, LoadOptions, Source};

/// What the values of the release do to an upgrade's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValuesMode {
    /// They are taken if the upgrade gives none at all.
    #[default]
    Auto,
    Reset,
    Reuse,
    ResetThenReuse,
}

/// An upgrade that is thought of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upgrade {
    /// As `helm upgrade` takes it: a directory, an archive, `repository/name`, an URL.
    pub chart: String,
    /// Flags that choose the chart and give values, as given.
    pub flags: Vec<String>,
    /// Whether any of those gives values.
    pub gives_values: bool,
    /// Whether one of them reads standard input.
    pub reads_stdin: bool,
    pub values: ValuesMode,
    /// Install it where there is no such release.
    pub install: bool,
    /// Templates may read the cluster (`lookup`).
    pub server_render: bool,
    pub no_hooks: bool,
    /// Compare with this revision instead of the one that Helm would go back to.
    pub against: Option<Revision>,
    /// Kubernetes version that templates see where there is no cluster.
    pub kube_version: Option<String>,
}

/// What Helm rendered.
pub enum Rendered {
    Record(Box<RawRecord>),
    Manifests {
        text: String,
        /// What the directory of the chart says of itself.
        chart: Option<ChartInfo>,
    },
}

/// What is known when the candidate is rendered.
pub struct Known<'a> {
    pub options: &'a LoadOptions,
    pub upgrade: &'a Upgrade,
    pub helm: &'a Path,
    pub namespace: &'a str,
    /// Whether there is a release to upgrade.
    pub exists: bool,
    /// The values of the release, where they are needed and Helm cannot read them itself.
    pub values: Option<Json>,
    pub served: Option<&'a Discovery>,
}

/// Whether Helm reads the release and the cluster itself.
pub fn helm_reads(source: &Source) -> bool {
    matches!(source, Source::Driver(Driver::Secrets | Driver::ConfigMaps | Driver::Sql { .. }))
}

impl Upgrade {
    /// Whether the values of the release go into the new revision.
    pub fn takes_old_values(&self) -> bool {
        match self.values {
            ValuesMode::Auto => !self.gives_values,
            ValuesMode::Reset => false,
            ValuesMode::Reuse | ValuesMode::ResetThenReuse => true,
        }
    }
}

impl Known<'_> {
    /// Runs Helm. The error carries what Helm said, not scrubbed yet.
    pub async fn render(&self) -> Result<Rendered> {
        let output = self.run().await?;
        if output.stdout.len() as u64 > MAX_FILE {
            return Err(Advice::usage(format!("the rendered chart has more than the limit of {MAX_FILE} bytes")).into());
        }
        if !helm_reads(&self.options.source) {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            return Ok(Rendered::Manifests { text, chart: described(Path::new(&self.upgrade.chart)) });
        }
        let record = serde_json::from_slice(&output.stdout);
        let advice = || Advice::new(ExitStatus::CouldNotRun, "what helm upgrade --dry-run printed is not a release");
        record.map(|raw| Rendered::Record(Box::new(raw))).with_context(advice)
    }

    async fn run(&self) -> Result<std::process::Output> {
        let failed = |what: &str| {
            Advice::usage(format!("{what}, so there is nothing to look at"))
                .help("helm upgrade would end the same way; nothing was changed")
        };
        let mut command = tokio::process::Command::new(self.helm);
        command.args(self.arguments()).envs(command::connection_env(&self.options.kube)).kill_on_drop(true);
        let piped = self.values.as_ref().filter(|_| !helm_reads(&self.options.source));
        let stdin = match piped {
            Some(_) => Stdio::piped(),
            None if self.upgrade.reads_stdin => Stdio::inherit(),
            None => Stdio::null(),
        };
        let mut child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("starting Helm")?;
        if let (Some(values), Some(mut input)) = (piped, child.stdin.take()) {
            // A Helm that does not read to the end says why itself.
            let _ = input.write_all(&serde_json::to_vec(values)?).await;
        }
        let output = child.wait_with_output().await.context("running Helm")?;
        if output.status.success() {
            return Ok(output);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("level=") && !line.trim().is_empty()).collect();
        let said = lines.join("\n");
        let said = said.trim_start_matches("Error: ").trim_start_matches("UPGRADE FAILED: ").to_owned();
        Err(anyhow!(said).context(failed("Helm does not render this upgrade")))
    }

    fn arguments(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = if helm_reads(&self.options.source) { self.dry_run() } else { self.template() };
        words.extend(self.upgrade.flags.iter().map(OsString::from));
        if helm_reads(&self.options.source) {
            words.extend(command::connection(self.namespace, &self.options.kube));
        } else {
            words.extend(["--namespace".into(), self.namespace.into()]);
        }
        // Whatever it is called, it is no flag.
        words.extend(["--".into(), (&self.options.release).into(), (&self.upgrade.chart).into()]);
        words
    }

    fn dry_run(&self) -> Vec<OsString> {
        let place = if self.upgrade.server_render { "--dry-run=server" } else { "--dry-run=client" };
        let mut words: Vec<OsString> = vec!["upgrade".into(), place.into(), "-o".into(), "json".into()];
        let values = match self.upgrade.values {
            ValuesMode::Auto => None,
            ValuesMode::Reset => Some("--reset-values"),
            ValuesMode::Reuse => Some("--reuse-values"),
            ValuesMode::ResetThenReuse => Some("--reset-then-reuse-values"),
        };
        let install = self.upgrade.install.then_some("--install");
        let hooks = self.upgrade.no_hooks.then_some("--no-hooks");
        words.extend([values, install, hooks].into_iter().flatten().map(OsString::from));
        words
    }

    fn template(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["template".into()];
        words.extend(self.exists.then(|| "--is-upgrade".into()));
        words.extend(self.upgrade.no_hooks.then(|| "--no-hooks".into()));
        if let Some(version) = &self.upgrade.kube_version {
            words.extend(["--kube-version".into(), version.into()]);
        }
        if let Some(served) = self.served.filter(|served| !served.is_empty()) {
            words.extend(["--api-versions".into(), api_versions(served).into()]);
        }
        if self.values.is_some() {
            words.extend(["--values".into(), "-".into()]);
        }
        words
    }
}

/// As `.Capabilities.APIVersions` has them: group and version, and each kind of it.
fn api_versions(served: &Discovery) -> String {
    let mut names: Vec<String> = served.keys().map(|(version, kind)| format!("{version}/{kind}")).collect();
    names.extend(served.keys().map(|(version, _)| version.clone()));
    names.sort();
    names.dedup();
    names.join(",")
}

impl Rendered {
    /// As the record of an upgrade that failed, which is what Helm's own rollback finds.
    pub fn into_release(self, name: &str, revision: Revision, current: Option<&Release>, context: &ParseContext<'_>) -> Release {
        let stored = StoredAs { key: String::new(), status_label: Some(Status::Failed), ..StoredAs::default() };
        let release = match self {
            Rendered::Record(raw) => raw.into_release(stored, context),
            Rendered::Manifests { text, chart } => of_manifests(&text, chart, stored, current, context),
        };
        Release {
            name: name.to_owned(),
            namespace: context.default_namespace.to_owned(),
            revision,
            status: Status::Failed,
            description: format!("Upgrade \"{name}\" failed"),
            rollback_revision: None,
            ..release
        }
    }
}

/// Name and version from a chart's directory. Helm has read the same file, so what it could not read is no error here.
fn described(chart: &Path) -> Option<ChartInfo> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        name: String,
        version: String,
        #[serde(default)]
        app_version: String,
    }
    let Metadata { name, version, app_version } =
        serde_yaml::from_slice(&documents::read(&chart.join("Chart.yaml")).ok()?).ok()?;
    Some(ChartInfo { name, version, app_version, ..ChartInfo::default() })
}

fn of_manifests(
    text: &str,
    chart: Option<ChartInfo>,
    stored: StoredAs,
    current: Option<&Release>,
    context: &ParseContext<'_>,
) -> Release {
    let parsed = parse_manifest(text, context);
    let (objects, hooks, vanished) = sort_rendered(parsed.objects);
    let named = |name: &str| ChartInfo { name: name.to_owned(), ..ChartInfo::default() };
    let chart = chart.or_else(|| rendered::chart(&objects)).unwrap_or_else(|| named("chart"));
    Release {
        name: String::new(),
        namespace: String::new(),
        revision: 0,
        status: Status::Failed,
        description: String::new(),
        first_deployed: None,
        last_deployed: None,
        rollback_revision: None,
        // `--server-side=auto` goes on as the last revision was applied (Helm 4 `getUpgradeServerSideValue`).
        apply_method: current.and_then(|current| current.apply_method),
        chart,
        config: Value::Null,
        objects,
        hooks,
        notes: String::new(),
        stored,
        gaps: parsed.gaps.into_iter().chain(vanished).collect(),
    }
}
