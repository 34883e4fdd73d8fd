//! Plays one case with one Helm.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::api::Api;
use crate::case::{Case, Chart, Live, Patch, RecordEdit, Step, Wait, fits};
use crate::compare::{self, Faults};
use crate::helm::{self, Home, Output, Record};
use crate::observe::{Observation, Rollback};
use crate::world::{self, Scope, World};

const JSON: &str = "application/json";
/// The quota controller stands still while it learns the kinds that other cases define, and gives one try half a minute.
const WAIT_LIMIT: Duration = Duration::from_secs(90);
/// Until controllers have done with the restored objects what a case says.
const LIVE_LIMIT: Duration = Duration::from_secs(6);
pub const RELEASE: &str = "r";

/// What all cases share.
pub struct Lab {
    pub api: Api,
    pub kubeconfig: PathBuf,
    /// Directory of the `helm-VERSION` binaries.
    pub bin: PathBuf,
    /// The tool; None: only the lab's own facts are checked.
    pub tool: Option<PathBuf>,
    pub scratch: PathBuf,
    pub turns: Turns,
    /// Print what Helm and the tool said even where all is well.
    pub verbose: bool,
}

/// Cases that would meet at cluster-scoped names take turns.
#[derive(Default)]
pub struct Turns(Mutex<BTreeMap<String, Arc<Mutex<()>>>>);

impl Turns {
    pub fn of(&self, name: Option<&str>) -> Option<Arc<Mutex<()>>> {
        let mut turns = self.0.lock().ok()?;
        Some(turns.entry(name?.to_owned()).or_default().clone())
    }
}

impl Lab {
    pub fn helm(&self, version: &str) -> PathBuf {
        self.bin.join(format!("helm-{version}"))
    }
}

/// Runs the case; the faults found.
pub fn play(lab: &Lab, case: &Case, helm: &str, namespace: &str) -> Result<Vec<String>> {
    let directory = lab.scratch.join(namespace);
    std::fs::create_dir_all(&directory)?;
    let home = Home { directory, kubeconfig: lab.kubeconfig.clone(), namespace: namespace.into() };
    let mut player = Player { lab, case, helm, home, scope: Scope::new(namespace), charts: 0 };
    let result = player.play();
    player.clean_up();
    result
}

pub struct Player<'a> {
    pub lab: &'a Lab,
    pub case: &'a Case,
    pub helm: &'a str,
    pub home: Home,
    pub scope: Scope,
    pub charts: usize,
}

impl Player<'_> {
    fn namespace(&self) -> &str {
        &self.home.namespace
    }

    fn play(&mut self) -> Result<Vec<String>> {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace()}});
        self.lab.api.ok("POST", "/api/v1/namespaces", JSON, Some(&body))?;
        self.wait_for_account()?;
        for (number, step) in self.case.steps.iter().enumerate() {
            self.step(step).with_context(|| format!("step {}", number + 1))?;
        }
        if let Some(atomic) = &self.case.atomic {
            return self.atomic(atomic);
        }
        let before = self.settled_before()?;
        let report = self.check()?;
        let (output, started) = self.roll_back()?;
        let awaited = self.awaited(report.as_ref());
        let after = world::settle(&self.lab.api, &self.scope, RELEASE, &awaited)?;
        let rollback = Rollback {
            api: &self.lab.api,
            namespace: self.namespace(),
            before: &before,
            after: &after,
            output: &output,
            to: self.case.rollback.to.filter(|to| *to != 0),
            started,
        };
        let seen = rollback.observe()?;
        self.judge(report.as_ref(), &seen)
    }

    /// Pods are refused until the controller has made the namespace's ServiceAccount.
    fn wait_for_account(&self) -> Result<()> {
        let wait = Wait {
            object: "v1/ServiceAccount/default".into(),
            path: "/metadata/name".into(),
            equals: "default".into(),
            ..Wait::default()
        };
        self.wait(&wait)
    }

    pub fn settled_before(&mut self) -> Result<World> {
        let records = World::take(&self.lab.api, &self.scope, RELEASE)?.records;
        self.scope.add_records(&self.lab.api, &records)?;
        world::settle(&self.lab.api, &self.scope, RELEASE, &BTreeSet::new())
    }

    fn awaited(&self, report: Option<&Value>) -> BTreeSet<String> {
        let mut awaited: BTreeSet<String> = BTreeSet::new();
        for part in ["deletes", "cascades"] {
            let listed = report.map(|report| report["predicted"][part].clone()).unwrap_or_default();
            awaited.extend(listed.as_array().into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)));
        }
        awaited.extend(self.case.observed.deletes.iter().flatten().cloned());
        awaited.extend(self.case.observed.cascades.iter().flatten().filter(|name| !name.contains('*')).cloned());
        awaited
    }

    fn judge(&self, report: Option<&Value>, seen: &Observation) -> Result<Vec<String>> {
        let mut faults = Faults::default();
        compare::observed(&self.case.observed, seen, &mut faults);
        for live in &self.case.observed.live {
            self.live(live, &mut faults)?;
        }
        if let Some(report) = report {
            compare::forecast(report, self.case, seen, &mut faults);
            compare::findings(report, &self.case.expect, &mut faults);
        }
        if !faults.0.is_empty() || self.lab.verbose {
            faults.0.push(format!("# {}", self.case.mechanism));
            for line in seen.output.stdout.lines().chain(seen.output.stderr.lines()).filter(|line| !line.contains("level=INFO")) {
                faults.0.push(format!("helm| {line}"));
            }
            if self.lab.verbose {
                faults.0.extend(described(seen));
            }
            if let Some(report) = report {
                faults.0.push(format!("said| {}", report["predicted"]));
            }
        }
        Ok(faults.0)
    }

    /// Controllers may need a moment to get there.
    pub fn live(&self, live: &Live, faults: &mut Faults) -> Result<()> {
        let id = self.lab.api.parse_id(&live.object, self.namespace())?;
        let deadline = Instant::now() + LIVE_LIMIT;
        loop {
            let value = match self.lab.api.get(&id)? {
                Some(object) if live.path.is_empty() => object.get("metadata").map(|_| Value::from(true)),
                Some(object) => at(&object, &live.path).cloned(),
                None => None,
            };
            if value == live.equals {
                return Ok(());
            }
            if Instant::now() > deadline {
                faults.0.push(format!("lab: {id} {} expected {:?}, got {value:?}", live.path, live.equals));
                return Ok(());
            }
            sleep(Duration::from_millis(100));
        }
    }

    // ---- steps ----

    fn step(&mut self, step: &Step) -> Result<()> {
        if step.only.as_ref().is_some_and(|prefix| !fits(prefix, self.helm)) {
            return Ok(());
        }
        if let Some(chart) = &step.chart {
            return self.deploy(step, chart);
        }
        if let Some(arguments) = &step.helm {
            return self.expect_code(step, arguments);
        }
        if let Some(object) = &step.create {
            return self.create(object);
        }
        if let Some(apply) = &step.apply {
            self.scope.add(&self.lab.api, &apply.body)?;
            return self.apply(&apply.body, &apply.manager, apply.force);
        }
        if let Some(patch) = &step.patch {
            return self.patch(patch);
        }
        if let Some(object) = &step.delete {
            return self.delete(object);
        }
        if let Some(wait) = &step.wait {
            return self.wait(wait);
        }
        if let Some(edit) = &step.record {
            return self.edit_record(edit);
        }
        match step.cache.as_deref() {
            Some("wipe") => self.home.wipe_discovery(),
            other => bail!("a step without an action ({other:?})"),
        }
    }

    fn deploy(&mut self, step: &Step, chart: &Chart) -> Result<()> {
        self.charts += 1;
        let release = step.release.as_deref().unwrap_or(RELEASE);
        let mut arguments = vec!["upgrade".into(), "--install".into(), release.into()];
        arguments.extend(helm::chart_arguments(&self.home.directory, self.charts, chart)?);
        arguments.extend(step.flags.iter().cloned());
        for crd in helm::crds(chart) {
            self.scope.add(&self.lab.api, &crd)?;
        }
        self.expect_code(step, &arguments)
    }

    fn expect_code(&self, step: &Step, arguments: &[String]) -> Result<()> {
        let version = step.with.as_deref().unwrap_or(self.helm);
        let output = self.home.run(&self.lab.helm(version), arguments)?;
        if (output.code != 0) != step.fails {
            bail!("helm {} ended with {}: {}{}", arguments.join(" "), output.code, output.stdout, output.stderr);
        }
        Ok(())
    }

    fn create(&mut self, object: &Value) -> Result<()> {
        let api = &self.lab.api;
        let named = || api.id_of(object, &self.home.namespace)?.context("an object without apiVersion, kind or name");
        self.wait_until_served(&named()?)?;
        let id = named()?; // its scope is known only now
        let path = format!("{}?fieldManager=kubectl-create", api.collection_of(&id)?);
        api.ok("POST", &path, JSON, Some(object))?;
        self.scope.add(api, object)?;
        if id.kind == "CustomResourceDefinition" {
            let established = |crd: &Value| {
                crd["status"]["conditions"].as_array().is_some_and(|conditions| {
                    conditions.iter().any(|condition| condition["type"] == "Established" && condition["status"] == "True")
                })
            };
            self.until(&id, |object| object.is_some_and(established))?;
        }
        Ok(())
    }

    fn wait_until_served(&self, id: &crate::api::Id) -> Result<()> {
        let deadline = Instant::now() + WAIT_LIMIT;
        while self.lab.api.path(id)?.is_none() {
            if Instant::now() > deadline {
                bail!("{} {} is not served", id.api_version, id.kind);
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn apply(&self, body: &Value, manager: &str, force: bool) -> Result<()> {
        let api = &self.lab.api;
        let id = api.id_of(body, self.namespace())?.context("an object without apiVersion, kind or name")?;
        let path = api.path(&id)?.with_context(|| format!("{id} is not served"))?;
        api.ok("PATCH", &format!("{path}?fieldManager={manager}&force={force}"), "application/apply-patch+yaml", Some(body))?;
        Ok(())
    }

    fn patch(&self, patch: &Patch) -> Result<()> {
        let api = &self.lab.api;
        let id = api.parse_id(&patch.object, self.namespace())?;
        let path = api.path(&id)?.with_context(|| format!("{id} is not served"))?;
        let subresource = patch.subresource.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
        let content_type = match patch.r#type.as_str() {
            "merge" => "application/merge-patch+json",
            "strategic" => "application/strategic-merge-patch+json",
            "json" => "application/json-patch+json",
            other => bail!("patch type {other}"),
        };
        let address = format!("{path}{subresource}?fieldManager={}", patch.manager);
        api.ok("PATCH", &address, content_type, Some(&patch.body))?;
        Ok(())
    }

    fn delete(&self, object: &str) -> Result<()> {
        let id = self.lab.api.parse_id(object, self.namespace())?;
        let path = self.lab.api.path(&id)?.with_context(|| format!("{id} is not served"))?;
        let before = self.lab.api.get(&id)?.unwrap_or_default();
        let uid = &before["metadata"]["uid"];
        self.lab.api.ok("DELETE", &format!("{path}?propagationPolicy=Background"), JSON, None)?;
        // Claims in use, and what has a finalizer, stay Terminating: that is a state a case may want.
        let held = before["metadata"]["finalizers"].as_array().is_some_and(|finalizers| {
            finalizers.iter().any(|finalizer| !finalizer.as_str().unwrap_or_default().starts_with("kubernetes.io/"))
        });
        if held || id.kind == "PersistentVolumeClaim" || id.kind == "Namespace" {
            return Ok(());
        }
        // A controller may have made another one of that name already.
        self.until(&id, |object| object.is_none_or(|object| object["metadata"]["uid"] != *uid))
    }

    fn wait(&self, wait: &Wait) -> Result<()> {
        let id = self.lab.api.parse_id(&wait.object, self.namespace())?;
        if wait.delete_refused {
            return self.wait_for_refusal(&id, "DELETE");
        }
        if wait.update_refused {
            return self.wait_for_refusal(&id, "PATCH");
        }
        self.until(&id, |object| match object {
            None => wait.gone,
            Some(object) => !wait.gone && at(object, &wait.path) == Some(&wait.equals),
        })
    }

    /// Admission policies take effect some time after they were created.
    fn wait_for_refusal(&self, id: &crate::api::Id, method: &str) -> Result<()> {
        let path = self.lab.api.path(id)?.with_context(|| format!("{id} is not served"))?;
        let deadline = Instant::now() + WAIT_LIMIT;
        let body = json!({"metadata": {"labels": {"lab": "tried"}}});
        let (content_type, body) = if method == "PATCH" { ("application/merge-patch+json", Some(&body)) } else { (JSON, None) };
        while self.lab.api.call(method, &format!("{path}?dryRun=All"), content_type, body)?.code < 400 {
            if Instant::now() > deadline {
                bail!("{method} of {id} is not refused");
            }
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn until(&self, id: &crate::api::Id, holds: impl Fn(Option<&Value>) -> bool) -> Result<()> {
        let deadline = Instant::now() + WAIT_LIMIT;
        while !holds(self.lab.api.get(id)?.as_ref()) {
            if Instant::now() > deadline {
                bail!("{id} did not get there: {:?}", self.lab.api.get(id)?.map(|object| object["status"].clone()));
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn edit_record(&self, edit: &RecordEdit) -> Result<()> {
        let path = format!("/api/v1/namespaces/{}/secrets/sh.helm.release.v1.{RELEASE}.v{}", self.namespace(), edit.revision);
        if edit.delete {
            return self.lab.api.ok("DELETE", &path, JSON, None).map(drop);
        }
        let mut body = json!({});
        let mut record = Record::of_secret(&self.lab.api.ok("GET", &path, JSON, None)?)?;
        for (key, value) in &edit.chart_metadata {
            record.body["chart"]["metadata"][key] = value.clone();
        }
        if let Some(status) = &edit.status {
            record.body["info"]["status"] = status.as_str().into();
            body["metadata"]["labels"]["status"] = status.as_str().into();
        }
        if edit.status.is_some() || !edit.chart_metadata.is_empty() {
            body["data"]["release"] = record.payload()?.into();
        }
        if let Some(label) = &edit.label {
            body["metadata"]["labels"]["status"] = label.as_str().into();
        }
        self.lab.api.ok("PATCH", &path, "application/merge-patch+json", Some(&body)).map(drop)
    }

    // ---- the two runs that are compared ----

    /// The tool's report; None where there is no tool.
    fn check(&self) -> Result<Option<Value>> {
        let Some(tool) = &self.lab.tool else {
            return Ok(None);
        };
        let mut command = self.home.command(tool);
        command.env("HELM_BIN", self.lab.helm(self.helm)).args(["check", RELEASE]);
        if let Some(to) = self.case.rollback.to {
            command.arg(to.to_string());
        }
        command.args(&self.case.rollback.flags).args(&self.case.rollback.check_flags).args(["-o", "json"]);
        let output = helm::run(command)?;
        let expect = &self.case.expect;
        if matches!(output.code, 2 | 3) && (expect.refused || expect.may_refuse) && !output.stderr.is_empty() {
            return Ok(None);
        }
        if expect.refused {
            bail!("check does not refuse this: it ended with {}", output.code);
        }
        let report = serde_json::from_str(&output.stdout);
        let report = report.with_context(|| format!("check ended with {}: {}{}", output.code, output.stdout, output.stderr))?;
        if !matches!(output.code, 0 | 1 | 4) {
            bail!("check ended with {}: {}", output.code, output.stderr);
        }
        Ok(Some(report))
    }

    fn roll_back(&self) -> Result<(Output, jiff::Timestamp)> {
        let mut arguments = vec!["rollback".to_owned(), RELEASE.to_owned()];
        arguments.extend(self.case.rollback.to.map(|to| to.to_string()));
        arguments.extend(self.case.rollback.flags.iter().cloned());
        let started = jiff::Timestamp::now();
        Ok((self.home.run(&self.lab.helm(self.helm), &arguments)?, started))
    }

    /// The namespace stays: deleting it costs the control plane more than it is worth, and the lab is thrown away.
    fn clean_up(&self) {
        for id in self.scope.outside().filter(|id| id.kind != "Namespace") {
            if let Ok(Some(path)) = self.lab.api.path(id) {
                let _ = self.lab.api.call("DELETE", &path, JSON, None);
            }
        }
        // The next run of a pair would meet what this one's Helm owns there.
        for id in self.scope.outside().filter(|id| id.kind == "CustomResourceDefinition") {
            let _ = self.until(id, |object| object.is_none());
        }
        let _ = std::fs::remove_dir_all(Path::new(&self.home.directory));
    }
}

/// A JSON pointer in which `type=Ready` picks the item of a list with that field.
fn at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('/').skip(1).try_fold(object, |value, part| match part.split_once('=') {
        Some((key, wanted)) if value.is_array() => value.as_array()?.iter().find(|item| item[key] == wanted),
        _ => value.pointer(&format!("/{part}")),
    })
}

/// The observation in lines, to write a case from.
fn described(seen: &Observation) -> Vec<String> {
    let mut lines = vec![format!("seen| outcome {} from {} records {:?}", seen.outcome, seen.from, seen.records)];
    let sets = [
        ("deletes", &seen.deletes),
        ("cascades", &seen.cascades),
        ("creates", &seen.creates),
        ("met", &seen.met),
        ("adopts", &seen.adopts),
        ("rejected", &seen.rejected),
        ("kept", &seen.kept),
        ("terminating", &seen.terminating),
    ];
    lines.extend(sets.iter().filter(|(_, set)| !set.is_empty()).map(|(what, set)| format!("seen| {what} {set:?}")));
    lines.push(format!("seen| hooks {:?} pruned {:?} not restored {:?}", seen.hooks, seen.pruned, seen.not_restored));
    lines
}
