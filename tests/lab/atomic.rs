//! Upgrades that fail: what `preview` promised against what `--atomic` (`--rollback-on-failure`) did.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::case::Atomic;
use crate::compare::{self, Faults};
use crate::helm::{self, Output};
use crate::play::{Player, RELEASE};
use crate::world::World;

/// How the release stands after the failed upgrade.
struct Seen {
    output: Output,
    came_back: bool,
    /// `4 deployed: Rollback to 2`.
    newest: String,
}

impl Player<'_> {
    pub fn atomic(&mut self, atomic: &Atomic) -> Result<Vec<String>> {
        let before = self.settled_before()?;
        self.charts += 1;
        let chart = helm::chart_arguments(&self.home.directory, self.charts, &atomic.chart)?;
        let report = self.preview(atomic, &chart)?;
        let seen = self.upgrade(atomic, &chart, &before)?;
        let mut faults = Faults::default();
        if seen.came_back != atomic.comes_back {
            faults.0.push(format!("lab: comes back: expected {}, saw {}", atomic.comes_back, seen.newest));
        }
        for text in self.case.observed.says.iter().filter(|text| !seen.output.stderr.contains(*text)) {
            faults.0.push(format!("lab: helm does not say {text:?}"));
        }
        for live in &self.case.observed.live {
            self.live(live, &mut faults)?;
        }
        if let Some(report) = &report {
            self.promised(atomic, report, &seen, &mut faults);
        }
        if !faults.0.is_empty() || self.lab.verbose {
            faults.0.push(format!("# {}", self.case.mechanism));
            faults.0.push(format!("seen| {}", seen.newest));
            faults.0.extend(seen.output.stderr.lines().map(|line| format!("helm| {line}")));
            faults.0.extend(report.map(|report| format!("said| {} {}", report["preview"], report["predicted"])));
        }
        Ok(faults.0)
    }

    fn preview(&self, atomic: &Atomic, chart: &[String]) -> Result<Option<Value>> {
        let Some(tool) = &self.lab.tool else { return Ok(None) };
        let mut command = self.home.command(tool);
        command.env("HELM_BIN", self.lab.helm(self.helm)).args(["preview", RELEASE]).args(chart).args(&atomic.flags);
        command.args(["-o", "json"]);
        let output = helm::run(command)?;
        let report = serde_json::from_str(&output.stdout);
        let report = report.with_context(|| format!("preview ended with {}: {}{}", output.code, output.stdout, output.stderr))?;
        if !matches!(output.code, 0 | 1 | 4) {
            bail!("preview ended with {}: {}", output.code, output.stderr);
        }
        Ok(Some(report))
    }

    fn upgrade(&self, atomic: &Atomic, chart: &[String], before: &World) -> Result<Seen> {
        let flag = if self.helm.starts_with('3') { "--atomic" } else { "--rollback-on-failure" };
        let mut words =
            vec!["upgrade".to_owned(), RELEASE.to_owned(), flag.to_owned(), "--timeout".to_owned(), atomic.timeout.clone()];
        words.extend(chart.iter().chain(&atomic.flags).cloned());
        let output = self.home.run(&self.lab.helm(self.helm), &words)?;
        if output.code == 0 {
            bail!("the upgrade does not fail: {}", output.stdout);
        }
        let records = World::take(&self.lab.api, &self.scope, RELEASE)?.records;
        let Some(record) = records.values().next_back() else { bail!("no record is left") };
        let description = record.body["info"]["description"].as_str().unwrap_or_default();
        let new = !before.records.contains_key(&record.revision);
        let came_back = new && record.status == "deployed" && description.starts_with("Rollback to ");
        Ok(Seen { output, came_back, newest: format!("{} {}: {description}", record.revision, record.status) })
    }

    fn promised(&self, atomic: &Atomic, report: &Value, seen: &Seen, faults: &mut Faults) {
        let preview = &report["preview"];
        let promise = preview["comes_back"].as_str().unwrap_or("absent");
        let kept = match promise {
            "yes" => seen.came_back,
            "no" => !seen.came_back,
            _ => self.case.expect.may_be_unknown.is_some(),
        };
        if !kept {
            faults.0.push(format!("promise: {promise} ({}), seen {}", preview["reason"], seen.newest));
        }
        let named =
            ["deletes", "cascades"].into_iter().flat_map(|part| preview["upgrade"][part].as_array().into_iter().flatten());
        let named: BTreeSet<&str> = named.filter_map(Value::as_str).collect();
        for missing in atomic.loses.iter().filter(|object| !named.contains(object.as_str())) {
            faults.0.push(format!("loss of {missing} is not named: {named:?}"));
        }
        compare::findings(report, &self.case.expect, faults);
    }
}
