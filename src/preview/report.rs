//! The part of a report that is about an upgrade.

use serde::{Deserialize, Serialize};

use crate::forecast::{Forecast, Outcome};
use crate::input::Input;
use crate::release::{ObjectRef, Revision};

use super::{advice, install};

/// Whether Helm's own rollback of a failed upgrade ends well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComesBack {
    Yes,
    No,
    Unknown,
    /// There is no release yet: a failed installation is uninstalled.
    Uninstalls,
}

/// What `preview` adds to a report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Preview {
    /// One sentence that answers the question.
    pub headline: String,
    /// Helm's name of the flag: `--atomic`, or `--rollback-on-failure` since Helm 4.
    pub flag: String,
    pub comes_back: ComesBack,
    /// Why, where it is not a plain yes.
    pub reason: String,
    /// The revision that Helm goes back to by itself; null = none.
    pub goes_back_to: Option<Revision>,
    /// The upgrade itself, as far as it gets; null for an installation.
    pub upgrade: Option<Upgrade>,
    /// What to do before.
    pub first: Vec<Step>,
    /// What a failed installation leaves.
    pub leaves: Vec<String>,
    /// Findings that `--baseline` has already, and that are left out here.
    pub in_baseline: usize,
}

/// The forecast of the upgrade; objects as in `predicted`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Upgrade {
    pub outcome: Outcome,
    pub reason: String,
    pub creates: Vec<String>,
    pub deletes: Vec<String>,
    pub cascades: Vec<String>,
    pub kept: Vec<String>,
    /// `OBJECT FIELD: REASON`.
    pub rejected: Vec<String>,
    pub hooks: Vec<String>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub object: Option<String>,
    pub what: String,
}

impl Step {
    pub fn new(object: &ObjectRef, what: &str) -> Step {
        Step { object: Some(object.to_string()), what: what.to_owned() }
    }
}

/// What both forecasts say.
pub struct Plan<'a> {
    pub input: &'a Input,
    /// None for an installation.
    pub upgrade: Option<&'a Forecast>,
    pub back: &'a Forecast,
    /// Whether Helm finds a revision to go back to.
    pub has_target: bool,
    /// Whether a migration stays behind.
    pub migrations: bool,
}

/// Makes the section.
pub fn section(plan: &Plan<'_>) -> Preview {
    let (comes_back, reason) = judged(plan);
    let flag = flag(plan.input);
    let none = Forecast::empty(plan.back.method);
    Preview {
        headline: headline(plan, comes_back, &reason, flag),
        flag: flag.to_owned(),
        comes_back,
        reason,
        goes_back_to: plan.input.target.helm_default,
        upgrade: plan.upgrade.map(upgrade),
        first: advice::first(plan.upgrade.unwrap_or(&none), plan.back, plan.migrations),
        leaves: if plan.upgrade.is_none() { install::leftovers(plan.input) } else { Vec::new() },
        in_baseline: 0,
    }
}

fn judged(plan: &Plan<'_>) -> (ComesBack, String) {
    if plan.upgrade.is_none() {
        return (ComesBack::Uninstalls, plan.back.reason.clone());
    }
    if !plan.has_target {
        return (ComesBack::No, "no revision is deployed or superseded, so Helm finds none to go back to".to_owned());
    }
    match plan.back.outcome {
        Outcome::Succeeds => (ComesBack::Yes, String::new()),
        Outcome::Fails | Outcome::Stuck => (ComesBack::No, plan.back.reason.clone()),
        Outcome::Unknown => (ComesBack::Unknown, plan.back.reason.clone()),
    }
}

/// Helm 4 renamed the flag and keeps the old name (`pkg/cmd/upgrade.go`).
fn flag(input: &Input) -> &'static str {
    match input.helm.version.yes() {
        Some(version) if version.major >= 4 => "--rollback-on-failure",
        _ => "--atomic",
    }
}

fn headline(plan: &Plan<'_>, comes_back: ComesBack, reason: &str, flag: &str) -> String {
    let (from, to) = (&plan.input.from, plan.input.to.revision);
    let chart = &from.chart;
    let version = if chart.version.is_empty() { String::new() } else { format!("-{}", chart.version) };
    let what = format!("{} to {}{version}", from.name, chart.name);
    let lost = plan.upgrade.map(lost).unwrap_or_default();
    let fails = match plan.upgrade {
        Some(upgrade) if matches!(upgrade.outcome, Outcome::Fails | Outcome::Stuck) => {
            format!("upgrading {what} would fail ({}), and then", upgrade.reason)
        }
        _ => format!("if upgrading {what} fails,"),
    };
    match comes_back {
        ComesBack::Yes => format!("{fails} {flag} comes back to revision {to}{lost}"),
        ComesBack::No => format!("{fails} {flag} could not come back: {reason}{lost}"),
        ComesBack::Unknown => format!("{fails} {flag} may not come back: {reason}{lost}"),
        ComesBack::Uninstalls => {
            let (gone, kept) = (plan.back.deletes.len(), plan.back.kept.len());
            format!("if installing {what} fails, {flag} uninstalls it: {gone} objects go, {kept} stay")
        }
    }
}

/// What the upgrade has deleted by then.
fn lost(upgrade: &Forecast) -> String {
    let data = ["PersistentVolumeClaim", "PersistentVolume", "CustomResourceDefinition", "Namespace"];
    let gone: Vec<String> = upgrade
        .deletes
        .iter()
        .chain(&upgrade.cascades)
        .filter(|id| data.contains(&id.kind.as_str()))
        .map(ObjectRef::to_string)
        .collect();
    match gone.as_slice() {
        [] => String::new(),
        [first] => format!("; the upgrade has deleted {first} by then"),
        [first, rest @ ..] => format!("; the upgrade has deleted {first} and {} more by then", rest.len()),
    }
}

fn upgrade(forecast: &Forecast) -> Upgrade {
    let names = |objects: &[ObjectRef]| objects.iter().map(ObjectRef::to_string).collect();
    let rejected = forecast.rejected.iter().map(|refusal| format!("{} {}", refusal.object, refusal.describe()));
    Upgrade {
        outcome: forecast.outcome,
        reason: forecast.reason.clone(),
        creates: names(&forecast.creates),
        deletes: names(&forecast.deletes),
        cascades: names(&forecast.cascades),
        kept: names(&forecast.kept),
        rejected: rejected.collect(),
        hooks: forecast.hooks.iter().map(|hook| format!("{} ({})", hook.name, hook.event.as_str())).collect(),
    }
}
