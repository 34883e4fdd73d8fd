//! Two rendered states as an [`Input`]: what `compare` looks at. No cluster and no record is asked.

use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use jiff::Timestamp;

use super::documents::{self, MAX_FILE};
use super::error::LoadError;
use super::evidence::{Evidence, SavedLive};
use super::{discovery, files, git, helm, live, migrations, schema};
use crate::both::both;
use crate::helm::HelmBinary;
use crate::input::{Facts, Input, Known, RevisionEntry, TargetChoice};
use crate::k8s::scope::Scopes;
use crate::migrations::source::Tree;
use crate::release::hooks::sort_rendered;
use crate::release::manifest::{ParseContext, parse_manifest};
use crate::release::redact::Redactor;
use crate::release::{ChartInfo, Object, Release, Revision, Status, StoredAs, Value};
use crate::settings::{LoadOptions, Manifests};

/// The states are counted as if they were revisions: the way back leads from 2 to 1.
const FROM: Revision = 2;
const TO: Revision = 1;

/// What was read of one side.
struct Side {
    origin: String,
    text: String,
}

pub async fn input(options: &LoadOptions, from: &Manifests, to: &Manifests, redactor: &Redactor) -> Result<Input, LoadError> {
    let helm = helm(options).await?;
    let namespace = options.kube.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let (newer, older) = (read(from, options, &helm, &namespace).await?, read(to, options, &helm, &namespace).await?);
    let mut facts = facts(options)?;
    let scopes = facts.discovery.yes().map_or_else(Scopes::builtin, Scopes::with_discovery);
    let context = ParseContext { default_namespace: &namespace, scopes: &scopes, redactor };
    // Reading YAML is a third of the whole comparison, and one side needs nothing of the other.
    // Reading YAML is a third of the whole comparison, and one side needs nothing of the other.
    let (to, from) = both(
        || release(older, TO, Status::Superseded, &options.release, &context),
        || release(newer, FROM, Status::Deployed, &options.release, &context),
    );
    if let Some(path) = &options.live {
        let evidence = Evidence::File(SavedLive::read(path)?);
        facts.live = live::read(&evidence, live::wanted(&from, &to, &[]), redactor).await;
    }
    let entry =
        |side: &Release| RevisionEntry { revision: side.revision, stored: side.stored.clone(), record: None, undecodable: None };
    let mut input = Input {
        helm,
        flags: options.flags.clone(),
        driver: "files".to_owned(),
        history: vec![entry(&to), entry(&from)],
        target: chosen(),
        between: Vec::new(),
        residue: Vec::new(),
        schema: migrations::named(&options.migrations, redactor)?,
        gaps: Vec::new(),
        namespace,
        from,
        to,
        facts,
    };
    schema::complete(&mut input, &options.migrations.evidence).await?;
    Ok(input)
}

fn chosen() -> TargetChoice {
    TargetChoice {
        revision: TO,
        requested: true,
        helm_default: None,
        skipped: Vec::new(),
        reason: "the two states that were named, counted as revisions 2 and 1".to_owned(),
    }
}

fn facts(options: &LoadOptions) -> Result<Facts, LoadError> {
    let mut facts = Facts::none("rendered manifests are compared: no cluster was asked");
    facts.now = Known::Yes(Timestamp::now());
    if let Some(path) = &options.discovery {
        facts.discovery = Known::Yes(discovery::saved(path)?.kinds);
    }
    Ok(facts)
}

fn release(side: Side, revision: Revision, status: Status, name: &str, context: &ParseContext<'_>) -> Release {
    let parsed = parse_manifest(&side.text, context);
    let (objects, hooks, vanished) = sort_rendered(parsed.objects);
    let chart = chart(&objects).unwrap_or(ChartInfo { name: side.origin, ..ChartInfo::default() });
    Release {
        name: name.to_owned(),
        namespace: context.default_namespace.to_owned(),
        revision,
        status,
        // That a state can be reached is taken for granted: there is no history that could say otherwise.
        description: if revision == TO { "Install complete" } else { "Upgrade complete" }.to_owned(),
        first_deployed: None,
        last_deployed: None,
        rollback_revision: None,
        apply_method: None,
        chart,
        config: Value::Null,
        objects,
        hooks,
        notes: String::new(),
        stored: StoredAs { key: format!("rendered.v{revision}"), uid: None, resource_version: None, status_label: Some(status) },
        gaps: parsed.gaps.into_iter().chain(vanished).collect(),
    }
}

/// The chart whose templates these are, with the version in its own label; charts below it have labels of their own.
pub(super) fn chart(objects: &[Object]) -> Option<ChartInfo> {
    let (name, _) = objects.iter().find_map(|object| object.origin.template.as_deref()?.split_once("/templates/"))?;
    let name = name.split('/').next().unwrap_or(name);
    let labels = objects.iter().filter_map(|object| object.label("helm.sh/chart"));
    let version = labels
        .filter_map(|label| label.strip_prefix(name)?.strip_prefix('-'))
        .find(|version| version.starts_with(|c: char| c.is_ascii_digit()));
    Some(ChartInfo { name: name.to_owned(), version: version.unwrap_or_default().to_owned(), ..ChartInfo::default() })
}

async fn read(place: &Manifests, options: &LoadOptions, helm: &HelmBinary, namespace: &str) -> Result<Side, LoadError> {
    match place {
        Manifests::Stdin => stdin(),
        Manifests::Git { revision, path } => {
            let origin = format!("{revision}:{path}");
            let text = joined(&git::at_path(Path::new("."), revision, path)?, &origin)?;
            Ok(Side { origin, text })
        }
        Manifests::Path(path) => {
            let origin = path.display().to_string();
            let text = match Form::of(path)? {
                Form::File => text(&documents::read(path)?),
                Form::Directory => joined(&files::tree(path)?, &origin)?,
                Form::Chart => template(path, options, helm, namespace).await?,
            };
            Ok(Side { origin, text })
        }
    }
}

/// What a path is.
enum Form {
    File,
    Directory,
    Chart,
}

impl Form {
    fn of(path: &Path) -> Result<Form, LoadError> {
        let found = std::fs::metadata(path).map_err(|error| failed(path, &error.to_string()))?;
        let archive = ["tgz", "tar.gz"].iter().any(|end| path.to_string_lossy().ends_with(end));
        let kustomization =
            ["kustomization.yaml", "kustomization.yml", "Kustomization"].iter().any(|name| path.join(name).is_file());
        match (found.is_dir(), archive || path.join("Chart.yaml").is_file()) {
            (_, true) => Ok(Form::Chart),
            (true, false) if kustomization => Err(failed(
                path,
                "it is a base of Kustomize: write what `kustomize build` prints to a file, or to standard input for -",
            )),
            (true, false) => Ok(Form::Directory),
            (false, false) => Ok(Form::File),
        }
    }
}

fn stdin() -> Result<Side, LoadError> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(MAX_FILE + 1).read_to_end(&mut bytes);
    let wrong = |why: String| LoadError::File { path: "standard input".to_owned(), why };
    read.map_err(|error| wrong(error.to_string()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(wrong(format!("more than the limit of {MAX_FILE} bytes")));
    }
    Ok(Side { origin: "standard input".to_owned(), text: text(&bytes) })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The manifests of a directory as one text, in the order of their paths, each under the name of its file.
fn joined(tree: &Tree, origin: &str) -> Result<String, LoadError> {
    let mut all = String::new();
    for path in tree.paths().filter(|path| is_manifest(path)) {
        let wrong = |why: String| LoadError::File { path: format!("{origin}/{path}"), why };
        let text = tree.text(path).map_err(|why| wrong(why.to_string()))?.text;
        if (all.len() + text.len()) as u64 > MAX_FILE {
            return Err(wrong(format!("all files together have more than the limit of {MAX_FILE} bytes")));
        }
        all.push_str("---\n");
        if !text.contains("# Source: ") {
            all.push_str(&format!("# Source: {path}\n"));
        }
        all.push_str(text.trim_start_matches("---\n"));
        all.push('\n');
    }
    if all.is_empty() {
        return Err(LoadError::File { path: origin.to_owned(), why: "it holds no .yaml, .yml or .json file".to_owned() });
    }
    Ok(all)
}

fn is_manifest(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, end)| matches!(end, "yaml" | "yml" | "json"))
}

/// `helm template` with the chart's own values, by the user's own Helm; nothing is asked of a cluster.
async fn template(chart: &Path, options: &LoadOptions, helm: &HelmBinary, namespace: &str) -> Result<String, LoadError> {
    let program = helm.path.as_ref().ok_or_else(|| failed(chart, "it is a chart, and there is no Helm to render it with"))?;
    // A path that begins with a dash would be taken for a flag.
    let chart_path = if chart.is_absolute() { chart.to_owned() } else { Path::new(".").join(chart) };
    let mut command = tokio::process::Command::new(program);
    command.arg("template").arg(&options.release).arg(chart_path).args(["--namespace", namespace]);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.map_err(|error| failed(chart, &format!("running {}: {error}", program.display())))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(chart, &format!("helm template failed: {}", said.trim())));
    }
    Ok(text(&output.stdout))
}

fn failed(path: &Path, why: &str) -> LoadError {
    LoadError::File { path: path.display().to_string(), why: why.to_owned() }
}
