//! The form of a case file: one mechanism, told as steps, a rollback, and what must be seen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

/// Helm binaries a case runs with unless it names others: the newest of both lines.
const DEFAULT_HELMS: [&str; 2] = ["3.22.0", "4.3.1"];

/// One document of a case file. `$ns` stands for the case's own namespace everywhere in it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub id: String,
    /// One sentence: what happens, and why.
    pub mechanism: String,
    /// Where the statement can be looked up: Helm file and version, API validation function, KEP, manual page, chart.
    #[allow(dead_code)] // for readers of the file
    pub source: String,
    #[serde(default)]
    pub helm: Vec<String>,
    /// Runs with the same word here use the same cluster-scoped names and never run at the same time.
    #[serde(default)]
    pub alone: Option<String>,
    pub steps: Vec<Step>,
    #[serde(default)]
    pub rollback: Rollback,
    /// Instead of a rollback: an upgrade that fails and that Helm has to come back from by itself.
    #[serde(default)]
    pub atomic: Option<Atomic>,
    #[serde(default)]
    pub expect: Expect,
    #[serde(default)]
    pub observed: Expected,
    /// Keys are Helm versions or their beginnings (`3`, `4.2`); the longest that fits is laid over `expect` and `observed`.
    #[serde(default)]
    pub by_helm: BTreeMap<String, Variant>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Variant {
    pub expect: Expect,
    pub observed: Expected,
    /// Flags of the rollback, instead of the case's.
    pub flags: Option<Vec<String>>,
}

/// One thing done before the rollback; exactly one of the actions is given.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// Installs or upgrades with this chart.
    pub chart: Option<Chart>,
    /// Runs Helm with these arguments; the namespace is added.
    pub helm: Option<Vec<String>>,
    /// Creates an object through the API.
    pub create: Option<Value>,
    /// Applies an object server-side, as another manager than Helm.
    pub apply: Option<Apply>,
    pub patch: Option<Patch>,
    /// Deletes an object: `v1/ConfigMap/name`.
    pub delete: Option<String>,
    /// Waits until a field of an object has a value, or the object is gone.
    pub wait: Option<Wait>,
    /// `wipe`: the next Helm starts without a discovery cache.
    pub cache: Option<String>,
    /// Changes a stored release record behind Helm's back.
    pub record: Option<RecordEdit>,

    /// Flags of the install or upgrade.
    pub flags: Vec<String>,
    /// The Helm command is expected to fail.
    pub fails: bool,
    /// Another Helm than the case's: for releases that both lines have touched.
    pub with: Option<String>,
    /// Release name, where it is not the case's own.
    pub release: Option<String>,
    /// Only for Helm versions that begin like this.
    pub only: Option<String>,
}

/// A chart: the text of its single template, or its parts.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Chart {
    Template(String),
    Parts(ChartParts),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChartParts {
    /// An unpacked chart, `NAME-VERSION` under the directory that `CHARTS` names; `values` are laid over its own.
    pub path: Option<String>,
    pub templates: BTreeMap<String, String>,
    pub crds: BTreeMap<String, String>,
    pub values: Value,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apply {
    pub manager: String,
    pub body: Value,
    #[serde(default)]
    pub force: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    pub object: String,
    pub body: Value,
    #[serde(default = "merge")]
    pub r#type: String,
    /// `status`, `scale`.
    #[serde(default)]
    pub subresource: Option<String>,
    #[serde(default = "kubectl_edit")]
    pub manager: String,
}

fn merge() -> String {
    "merge".into()
}

fn kubectl_edit() -> String {
    "kubectl-edit".into()
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wait {
    pub object: String,
    /// JSON pointer; `key=value` picks an item of a list.
    pub path: String,
    pub equals: Value,
    pub gone: bool,
    /// Until a DELETE (tried without effect) is refused by admission.
    pub delete_refused: bool,
    /// The same for an update.
    pub update_refused: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecordEdit {
    pub revision: u32,
    /// Payload status and label, as an interrupted Helm leaves them.
    pub status: Option<String>,
    /// Only the label.
    pub label: Option<String>,
    /// Laid over the metadata of the chart: what Helm refuses to install today, and another cluster took before.
    pub chart_metadata: BTreeMap<String, Value>,
    pub delete: bool,
}

/// An upgrade with `--atomic` (`--rollback-on-failure`) that must fail, and what `preview` promised of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Atomic {
    pub chart: Chart,
    /// Whether Helm comes back.
    pub comes_back: bool,
    /// Flags of both the upgrade and the preview.
    #[serde(default)]
    pub flags: Vec<String>,
    /// Objects that the upgrade has deleted by then, as its forecast must name them.
    #[serde(default)]
    pub loses: BTreeSet<String>,
    #[serde(default = "short")]
    pub timeout: String,
}

fn short() -> String {
    "4s".into()
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// Absent: a bare `helm rollback`.
    #[serde(default)]
    pub to: Option<u32>,
    #[serde(default)]
    pub flags: Vec<String>,
    /// Flags of the check alone.
    #[serde(default)]
    pub check_flags: Vec<String>,
}

/// What the tool must say beyond what is compared anyway.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// Rules that must fire.
    pub rules: BTreeSet<String>,
    /// Rules that must not.
    pub not_rules: BTreeSet<String>,
    /// No finding of this severity or above at all.
    pub quiet_from: Option<String>,
    pub verdict: Option<String>,
    /// The outcome hangs on something nobody can know before (what a container does): it must be among the named alternatives.
    pub alternative: bool,
    /// Two outcomes are possible for the reason given, and time decides: only the findings are compared.
    pub race: Option<String>,
    /// The tool must refuse with a message, as Helm does.
    pub refused: bool,
    /// The tool may refuse what Helm starts and then fails at.
    pub may_refuse: bool,
    /// The forecast may say `unknown` here, with this reason.
    pub may_be_unknown: Option<String>,
}

/// What the lab must show whatever the tool says; each part that is given is compared whole.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expected {
    pub outcome: Option<String>,
    /// Revision → status, of those named.
    pub records: BTreeMap<u32, String>,
    pub pruned: Option<BTreeSet<u32>>,
    pub deletes: Option<BTreeSet<String>>,
    pub cascades: Option<BTreeSet<String>>,
    pub creates: Option<BTreeSet<String>>,
    pub adopts: Option<BTreeSet<String>>,
    pub rejected: Option<BTreeSet<String>>,
    pub kept: Option<BTreeSet<String>>,
    pub not_restored: Option<BTreeSet<String>>,
    pub terminating: Option<BTreeSet<String>>,
    pub hooks: Option<Vec<String>>,
    /// Texts that Helm's output must contain.
    pub says: Vec<String>,
    pub says_not: Vec<String>,
    /// Fields of live objects after the rollback.
    pub live: Vec<Live>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    /// `v1/ConfigMap/name`.
    pub object: String,
    /// JSON pointer; `key=value` picks an item of a list; empty: the object itself.
    #[serde(default)]
    pub path: String,
    /// Absent: the field, or the object, must not exist.
    #[serde(default)]
    pub equals: Option<Value>,
}

impl Case {
    pub fn helms(&self) -> Vec<String> {
        if self.helm.is_empty() { DEFAULT_HELMS.map(str::to_owned).to_vec() } else { self.helm.clone() }
    }

    /// The case as it is for one Helm.
    pub fn for_helm(&self, helm: &str) -> Case {
        let mut case = self.clone();
        let mut variants: Vec<_> = self.by_helm.iter().filter(|(prefix, _)| fits(prefix, helm)).collect();
        variants.sort_by_key(|(prefix, _)| prefix.len());
        for (_, variant) in variants {
            case.expect.lay_over(&variant.expect);
            case.observed.lay_over(&variant.observed);
            if let Some(flags) = &variant.flags {
                case.rollback.flags = flags.clone();
            }
        }
        case
    }
}

/// `4.3` fits `4.3.1`, and not `4.30.0`.
pub fn fits(prefix: &str, version: &str) -> bool {
    version == prefix || version.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'))
}

impl Expect {
    fn lay_over(&mut self, over: &Expect) {
        self.rules.extend(over.rules.iter().cloned());
        self.not_rules.extend(over.not_rules.iter().cloned());
        self.quiet_from = over.quiet_from.clone().or(self.quiet_from.take());
        self.verdict = over.verdict.clone().or(self.verdict.take());
        self.alternative |= over.alternative;
        self.race = over.race.clone().or(self.race.take());
        self.refused |= over.refused;
        self.may_refuse |= over.may_refuse;
        self.may_be_unknown = over.may_be_unknown.clone().or(self.may_be_unknown.take());
    }
}

impl Expected {
    fn lay_over(&mut self, over: &Expected) {
        self.outcome = over.outcome.clone().or(self.outcome.take());
        self.records.extend(over.records.clone());
        self.pruned = over.pruned.clone().or(self.pruned.take());
        self.deletes = over.deletes.clone().or(self.deletes.take());
        self.cascades = over.cascades.clone().or(self.cascades.take());
        self.creates = over.creates.clone().or(self.creates.take());
        self.adopts = over.adopts.clone().or(self.adopts.take());
        self.rejected = over.rejected.clone().or(self.rejected.take());
        self.kept = over.kept.clone().or(self.kept.take());
        self.not_restored = over.not_restored.clone().or(self.not_restored.take());
        self.terminating = over.terminating.clone().or(self.terminating.take());
        self.hooks = over.hooks.clone().or(self.hooks.take());
        self.says.extend(over.says.iter().cloned());
        self.says_not.extend(over.says_not.iter().cloned());
        self.live.extend(over.live.iter().cloned());
    }
}

/// A case's text before `$ns` is known, with its id and Helms.
pub struct Source {
    pub id: String,
    pub helms: Vec<String>,
    pub alone: Option<String>,
    /// Charts under `CHARTS` that the case needs.
    pub charts: Vec<String>,
    text: String,
}

impl Source {
    /// Parses the text for one namespace.
    pub fn case(&self, namespace: &str) -> Result<Case> {
        let text = self.text.replace("$ns", namespace);
        serde_yaml::from_str(&text).with_context(|| format!("case {}", self.id))
    }
}

/// Reads every case of a directory, sorted by file and then as written.
pub fn read_all(directory: &Path) -> Result<Vec<Source>> {
    let entries = std::fs::read_dir(directory).with_context(|| directory.display().to_string())?;
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let mut sources = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        for document in split_documents(&text) {
            sources.push(read(document).with_context(|| file.display().to_string())?);
        }
    }
    let mut seen = BTreeSet::new();
    match sources.iter().find(|source| !seen.insert(source.id.clone())) {
        Some(twice) => bail!("two cases are called {}", twice.id),
        None => Ok(sources),
    }
}

/// Separators inside block scalars are indented; those between cases are not.
fn split_documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.lines() {
        if line == "---" {
            documents.push(String::new());
        } else if let Some(last) = documents.last_mut() {
            last.push_str(line);
            last.push('\n');
        }
    }
    let is_text = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    documents.retain(|document| document.lines().any(is_text));
    documents
}

/// One case from its text.
pub fn read(text: String) -> Result<Source> {
    let first = text.lines().find(|line| line.starts_with("id:")).unwrap_or("a case without id").to_owned();
    let case: Case = serde_yaml::from_str(&text).with_context(|| first)?;
    let charts = case.steps.iter().filter_map(|step| match &step.chart {
        Some(Chart::Parts(parts)) => parts.path.clone(),
        _ => None,
    });
    Ok(Source { id: case.id.clone(), helms: case.helms(), charts: charts.collect(), alone: case.alone.clone(), text })
}
