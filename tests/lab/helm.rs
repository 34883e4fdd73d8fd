//! Runs the real Helm, writes its charts, reads its records.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::case::{Chart, ChartParts};

/// No Helm of a case may run longer.
const LIMIT: Duration = Duration::from_secs(90);

/// What a process left.
#[derive(Clone, Debug, Default)]
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A home directory of its own, so that discovery caches of cases do not meet.
pub struct Home {
    pub directory: PathBuf,
    pub kubeconfig: PathBuf,
    pub namespace: String,
}

impl Home {
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let helm = self.directory.join("helm");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HELM_")) {
            command.env_remove(name);
        }
        command
            .current_dir(&self.directory)
            .env("HOME", &self.directory)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HELM_CACHE_HOME", helm.join("cache"))
            .env("HELM_CONFIG_HOME", helm.join("config"))
            .env("HELM_DATA_HOME", helm.join("data"))
            .env("HELM_NAMESPACE", &self.namespace)
            .env_remove("KUBECACHEDIR");
        command
    }

    pub fn wipe_discovery(&self) -> Result<()> {
        let cache = self.directory.join(".kube/cache");
        if cache.exists() { fs::remove_dir_all(cache).context("discovery cache") } else { Ok(()) }
    }

    pub fn run(&self, program: &Path, arguments: &[String]) -> Result<Output> {
        let mut command = self.command(program);
        command.args(arguments);
        run(command).with_context(|| format!("{} {}", program.display(), arguments.join(" ")))
    }
}

/// Runs to the end, or to the limit.
pub fn run(mut command: Command) -> Result<Output> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let reader = |mut stream: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            stream.read_to_end(&mut text).map(|_| String::from_utf8_lossy(&text).into_owned())
        })
    };
    let stdout = stdout.map(|stream| reader(Box::new(stream)));
    let stderr = stderr.map(|stream| reader(Box::new(stream)));
    let deadline = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            bail!("still running after {} s", LIMIT.as_secs());
        }
        sleep(Duration::from_millis(10));
    };
    let text = |thread: Option<std::thread::JoinHandle<std::io::Result<String>>>| {
        thread.and_then(|thread| thread.join().ok()).and_then(Result::ok).unwrap_or_default()
    };
    Ok(Output { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) })
}

/// Arguments that name the chart: its directory, and a file of values where it is a real one.
pub fn chart_arguments(under: &Path, number: usize, chart: &Chart) -> Result<Vec<String>> {
    let text = |path: PathBuf| path.display().to_string();
    let Chart::Parts(ChartParts { path: Some(name), values, .. }) = chart else {
        return Ok(vec![text(write_chart(under, number, chart)?)]);
    };
    let charts = charts_directory().context("CHARTS is not set")?;
    let file = under.join(format!("values-{number}.json"));
    fs::write(&file, if values.is_null() { "{}".into() } else { serde_json::to_string(values)? })?;
    Ok(vec![text(charts.join(name)), "--values".into(), text(file)])
}

/// What a public chart and its sub-charts have in `crds/`: Helm installs it, names it in no record and never takes it away.
pub fn crds(chart: &Chart) -> Vec<Value> {
    let (Chart::Parts(ChartParts { path: Some(name), .. }), Some(charts)) = (chart, charts_directory()) else {
        return Vec::new();
    };
    let mut files = Vec::new();
    collect_crds(&charts.join(name), &mut files);
    files.iter().filter_map(|file| fs::read_to_string(file).ok()).flat_map(|text| documents(&text)).collect()
}

fn collect_crds(chart: &Path, files: &mut Vec<PathBuf>) {
    let entries = |directory: PathBuf| fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    files.extend(entries(chart.join("crds")).filter(|path| path.is_file()));
    for part in entries(chart.join("charts")) {
        collect_crds(&part, files);
    }
}

/// Where copies of public charts are.
pub fn charts_directory() -> Option<PathBuf> {
    std::env::var_os("CHARTS").map(PathBuf::from)
}

fn write_chart(under: &Path, number: usize, chart: &Chart) -> Result<PathBuf> {
    let parts = match chart {
        Chart::Parts(parts) => parts.clone(),
        Chart::Template(text) => {
            ChartParts { templates: BTreeMap::from([("all.yaml".into(), text.clone())]), ..ChartParts::default() }
        }
    };
    let directory = under.join(format!("chart-{number}"));
    for (folder, files) in [("templates", &parts.templates), ("crds", &parts.crds)] {
        fs::create_dir_all(directory.join(folder))?;
        for (name, text) in files {
            fs::write(directory.join(folder).join(name), text)?;
        }
    }
    fs::write(
        directory.join("Chart.yaml"),
        format!("apiVersion: v2\nname: c\nversion: 0.{number}.0\nappVersion: \"{number}\"\n"),
    )?;
    let values = if parts.values.is_null() { "{}".into() } else { serde_json::to_string(&parts.values)? };
    fs::write(directory.join("values.yaml"), values)?;
    Ok(directory)
}

/// A release record: what Helm stored of one revision.
#[derive(Clone, Debug)]
pub struct Record {
    pub revision: u32,
    pub status: String,
    pub body: Value,
}

impl Record {
    /// Secret of type `helm.sh/release.v1` → record (Helm `pkg/storage/driver/util.go` `decodeRelease`).
    pub fn of_secret(secret: &Value) -> Result<Record> {
        let outer = STANDARD.decode(secret["data"]["release"].as_str().unwrap_or_default())?;
        let inner = STANDARD.decode(outer)?;
        let mut text = String::new();
        flate2::read::GzDecoder::new(inner.as_slice()).read_to_string(&mut text)?;
        let body: Value = serde_json::from_str(&text)?;
        let revision =
            body["version"].as_u64().and_then(|number| u32::try_from(number).ok()).context("record without version")?;
        let status = body["info"]["status"].as_str().unwrap_or_default().to_owned();
        Ok(Record { revision, status, body })
    }

    /// The other way, for a record changed by a case.
    pub fn payload(&self) -> Result<String> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &serde_json::to_vec(&self.body)?)?;
        Ok(STANDARD.encode(STANDARD.encode(encoder.finish()?)))
    }

    pub fn objects(&self) -> Vec<Value> {
        documents(self.body["manifest"].as_str().unwrap_or_default())
    }

    pub fn hooks(&self) -> Vec<&Value> {
        self.body["hooks"].as_array().map(|hooks| hooks.iter().collect()).unwrap_or_default()
    }

    pub fn hook_objects(&self) -> Vec<Value> {
        self.hooks().into_iter().flat_map(|hook| documents(hook["manifest"].as_str().unwrap_or_default())).collect()
    }
}

/// Documents of a manifest; Lists are flattened.
pub fn documents(text: &str) -> Vec<Value> {
    let mut objects = Vec::new();
    let mut parts = vec![String::new()];
    for line in text.split_inclusive('\n') {
        match parts.last_mut() {
            Some(part) if !line.starts_with("---") => part.push_str(line),
            _ => parts.push(String::new()),
        }
    }
    for document in &parts {
        match serde_yaml::from_str::<Value>(document).unwrap_or_else(|_| identity_only(document)) {
            Value::Object(map) if map.get("items").is_some_and(Value::is_array) => {
                objects.extend(map["items"].as_array().cloned().unwrap_or_default());
            }
            object @ Value::Object(_) => objects.push(object),
            _ => {}
        }
    }
    objects
}

/// Of a document that our strict reader refuses (duplicate keys are a case of their own): which object it is.
fn identity_only(document: &str) -> Value {
    let field = |prefix: &str| {
        let line = document.lines().find(|line| line.starts_with(prefix))?;
        Some(line[prefix.len()..].trim().trim_matches('"').to_owned())
    };
    serde_json::json!({
        "apiVersion": field("apiVersion:"),
        "kind": field("kind:"),
        "metadata": {"name": field("  name:")},
        "unreadable": true,
    })
}
