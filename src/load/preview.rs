//! An upgrade that is thought of, as an [`Input`]: *from* is the revision it would make, *to* the one that Helm would go back to
//! if it failed.

use std::path::PathBuf;

use anyhow::Result;

use super::candidate::{self, Known as Render, Rendered, Upgrade};
use super::error::LoadError;
use super::records::{self, Ends, History};
use super::{Place, World, broken_groups, helm, lead_on, live, migrations, schema};
use crate::exit::{Advice, ExitStatus};
use crate::forecast::records::pruned;
use crate::helm::{HelmBinary, RollbackFlags, Wait};
use crate::input::{Input, RevisionEntry, RevisionInfo, TargetChoice};
use crate::k8s::scope::Scopes;
use crate::load::Progress;
use crate::release::manifest::ParseContext;
use crate::release::redact::Redactor;
use crate::release::{Release, Revision, Status, StoredAs};
use crate::settings::LoadOptions;

/// What an upgrade and its own rollback are forecast from.
pub struct Planned {
    /// As if the upgrade had failed already, over the facts of today.
    pub input: Input,
    /// What the upgrade starts from; none where it would install.
    pub current: Option<Release>,
    /// Whether Helm finds a revision to go back to; otherwise *to* is *current*.
    pub has_target: bool,
}

/// Renders the upgrade and reads everything that it and its rollback call for.
///
/// # Errors
/// An [`Advice`] where the chart does not render or Helm would refuse the upgrade at once, else a [`LoadError`]; redacted.
pub async fn planned(options: &LoadOptions, upgrade: &Upgrade, redactor: &Redactor, progress: &dyn Progress) -> Result<Planned> {
    let planner = Planner { options, upgrade, redactor, progress };
    planner.planned().await.map_err(|error| scrubbed(error, redactor))
}

/// The chain of an error without secrets.
fn scrubbed(error: anyhow::Error, redactor: &Redactor) -> anyhow::Error {
    match error.downcast::<LoadError>() {
        Ok(known) => known.scrubbed(redactor).into(),
        Err(error) => match error.downcast_ref::<Advice>().cloned() {
            Some(advice) => {
                let said: Vec<String> = error.chain().skip(1).map(|cause| redactor.scrub(&cause.to_string())).collect();
                let advice = anyhow::Error::from(Advice { message: redactor.scrub(&advice.message), ..advice.clone() });
                if said.is_empty() { advice } else { anyhow::anyhow!(said.join(": ")).context(with_status(&error)) }
            }
            None => anyhow::anyhow!(redactor.scrub(&format!("{error:#}"))),
        },
    }
}

fn with_status(error: &anyhow::Error) -> Advice {
    error
        .downcast_ref::<Advice>()
        .cloned()
        .unwrap_or_else(|| Advice::new(ExitStatus::CouldNotRun, "the upgrade cannot be rendered"))
}

struct Planner<'a> {
    options: &'a LoadOptions,
    upgrade: &'a Upgrade,
    redactor: &'a Redactor,
    progress: &'a dyn Progress,
}

impl Planner<'_> {
    async fn planned(&self) -> Result<Planned> {
        let place = Place::open(self.options).await?;
        self.progress.step("reading revisions and served kinds");
        let (listed, world, helm) = tokio::join!(
            History::list(&place.store, self.options, self.redactor),
            place.world(self.options, self.redactor),
            helm(self.options)
        );
        let (world, helm) = (world?, helm?);
        match listed {
            Ok(history) => self.upgraded(&place, history, world, helm).await,
            Err(LoadError::NoSuchRelease { .. }) if self.upgrade.install => self.installed(&place, world, helm).await,
            Err(missing @ LoadError::NoSuchRelease { .. }) => {
                let help = "check the name and the namespace (-n); --install looks at the first installation";
                Err(Advice::new(ExitStatus::CouldNotRun, missing.to_string()).help(help).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn upgraded(&self, place: &Place, mut history: History<'_>, world: World, helm: HelmBinary) -> Result<Planned> {
        let World { mut facts, served } = world;
        let scopes = facts.discovery.yes().map_or_else(Scopes::builtin, Scopes::with_discovery);
        let context = ParseContext { default_namespace: place.store.namespace(), scopes: &scopes, redactor: self.redactor };
        history.read_statuses().await?;
        let newest = not_pending(&history.entries)?;
        let current = current(&history.entries).unwrap_or(newest);
        let helms = helms_target(&history.entries, self.options.flags.history_max);
        let target = self.upgrade.against.or(helms).unwrap_or(current);
        let values = self.old_values(&mut history, current).await?;

        self.progress.step("reading records");
        let current = history.release(current, &context).await?;
        let to = if target == current.revision { current.clone() } else { history.release(target, &context).await? };
        self.progress.step("rendering the chart");
        let rendered = self.render(place, &helm, true, values, facts.discovery.yes()).await?;
        let from = rendered.into_release(&self.options.release, newest.saturating_add(1), Some(&current), &context);
        let ends = Ends { from, to };

        let evidence = place.evidence(self.options, served)?;
        self.progress.step("reading live objects and the records in between");
        let around = lead_on(place, &evidence, self.options, &mut history, &ends, &mut facts, &context).await?;
        let more = live::wanted(&current, &ends.from, &[]).into_iter().filter(|id| !facts.live.contains_key(id)).collect();
        let more = live::read(&evidence, more, self.redactor).await;
        facts.live.extend(more);
        if self.options.live_evidence {
            let mut leaving = facts.clone();
            live::follow(&evidence, &current, &ends.from, &mut leaving, self.redactor).await;
            add_missing(&mut facts, leaving);
        }
        history.scrub();
        let mut gaps = std::mem::take(&mut history.gaps);
        gaps.extend(broken_groups(&evidence, &ends, self.redactor));
        let choice = choice(target, self.upgrade.against, helms);
        let entries = std::mem::take(&mut history.entries);
        let input = Parts { place, helm, facts, gaps, around, entries, choice }.input(self.options, ends, self.redactor).await?;
        Ok(Planned { input, current: Some(current), has_target: helms.is_some() || self.upgrade.against.is_some() })
    }

    async fn installed(&self, place: &Place, world: World, helm: HelmBinary) -> Result<Planned> {
        let World { mut facts, served } = world;
        let scopes = facts.discovery.yes().map_or_else(Scopes::builtin, Scopes::with_discovery);
        let context = ParseContext { default_namespace: place.store.namespace(), scopes: &scopes, redactor: self.redactor };
        self.progress.step("rendering the chart");
        let rendered = self.render(place, &helm, false, None, facts.discovery.yes()).await?;
        let from = rendered.into_release(&self.options.release, 1, None, &context);
        let nothing = nothing(&from);
        let evidence = place.evidence(self.options, served)?;
        facts.live = live::read(&evidence, live::wanted(&from, &nothing, &[]), self.redactor).await;
        let ends = Ends { from, to: nothing };
        let choice = TargetChoice {
            revision: 0,
            requested: false,
            helm_default: None,
            skipped: Vec::new(),
            reason: "there is no release yet: what fails is uninstalled".to_owned(),
        };
        let around = records::Around::default();
        let parts = Parts { place, helm, facts, gaps: Vec::new(), around, entries: Vec::new(), choice };
        Ok(Planned { input: parts.input(self.options, ends, self.redactor).await?, current: None, has_target: false })
    }

    /// The values of the release for a Helm that cannot read them; what it needs beyond them cannot be done from files.
    async fn old_values(&self, history: &mut History<'_>, current: Revision) -> Result<Option<serde_json::Value>> {
        if candidate::helm_reads(&self.options.source) || !self.upgrade.takes_old_values() {
            return Ok(None);
        }
        if self.upgrade.values == candidate::ValuesMode::Reuse {
            return Err(Advice::usage(
                "--reuse-values also takes the older chart's defaults, which only Helm can read from the release",
            )
            .help("leave --releases out, or give the values with -f")
            .into());
        }
        if self.upgrade.reads_stdin {
            return Err(Advice::usage("the values of the release already go to Helm's standard input")
                .help("write your own to a file that only you can read, and name it with -f")
                .into());
        }
        Ok(history.values(current).await?)
    }

    async fn render(
        &self,
        place: &Place,
        helm: &HelmBinary,
        exists: bool,
        values: Option<serde_json::Value>,
        served: Option<&crate::input::Discovery>,
    ) -> Result<Rendered> {
        let program: &PathBuf = helm.path.as_ref().ok_or_else(|| {
            Advice::new(ExitStatus::CouldNotRun, "there is no Helm to render the chart with")
                .help("install Helm, or point HELM_BIN at the binary; `compare` takes manifests that are rendered already")
        })?;
        let (options, upgrade, namespace) = (self.options, self.upgrade, place.store.namespace());
        Render { options, upgrade, helm: program, namespace, exists, values, served }.render().await
    }
}

/// What [`Input`] is made of besides both ends.
struct Parts<'a> {
    place: &'a Place,
    helm: HelmBinary,
    facts: crate::input::Facts,
    gaps: Vec<crate::input::Gap>,
    around: records::Around,
    entries: Vec<RevisionEntry>,
    choice: TargetChoice,
}

impl Parts<'_> {
    async fn input(self, options: &LoadOptions, ends: Ends, redactor: &Redactor) -> Result<Input, LoadError> {
        let mut history = self.entries;
        history.push(entry(&ends.from));
        let mut input = Input {
            helm: self.helm,
            flags: rollback_flags(&options.flags),
            driver: self.place.store.driver().to_owned(),
            namespace: self.place.store.namespace().to_owned(),
            from: ends.from,
            to: ends.to,
            history,
            between: self.around.between,
            residue: self.around.residue,
            target: self.choice,
            facts: self.facts,
            schema: migrations::named(&options.migrations, redactor)?,
            gaps: self.gaps,
        };
        schema::complete(&mut input, &options.migrations.evidence).await?;
        Ok(input)
    }
}

/// What the rollback of a failed upgrade inherits from its flags: it waits, prunes nothing, cleans nothing up and has a
/// description of its own (Helm 3.22.0 and 4.3.1 `pkg/action/upgrade.go` `failRelease`).
fn rollback_flags(given: &RollbackFlags) -> RollbackFlags {
    let wait = if given.wait.waits_for_objects() { given.wait } else { Wait::Watcher };
    RollbackFlags { wait, history_max: 0, cleanup_on_fail: false, description: None, ..given.clone() }
}

/// The newest revision; `helm upgrade` refuses to start while it is pending (`prepareUpgrade`).
fn not_pending(entries: &[RevisionEntry]) -> Result<Revision> {
    let newest = entries.last().ok_or_else(|| LoadError::Storage("the release has no revisions".to_owned()))?;
    if newest.status().is_pending() {
        let message = format!("revision {} is {}: helm upgrade refuses to start", newest.revision, newest.status());
        let help = "wait for the operation that runs; if none does, roll back to the last revision that worked first";
        return Err(Advice::new(ExitStatus::CouldNotRun, message).help(help).into());
    }
    Ok(newest.revision)
}

/// What an upgrade compares with: the newest deployed revision, whatever came after it.
fn current(entries: &[RevisionEntry]) -> Option<Revision> {
    entries.iter().rev().find(|entry| entry.status() == Status::Deployed).map(|entry| entry.revision)
}

/// What `failRelease` takes: the newest revision that is superseded or deployed, among those that the upgrade's own record
/// does not push out of the history.
fn helms_target(entries: &[RevisionEntry], history_max: u32) -> Option<Revision> {
    let gone = pruned(entries, history_max);
    let good = |entry: &&RevisionEntry| matches!(entry.status(), Status::Superseded | Status::Deployed);
    entries.iter().rev().filter(|entry| !gone.contains(&entry.revision)).find(good).map(|entry| entry.revision)
}

fn choice(revision: Revision, against: Option<Revision>, helms: Option<Revision>) -> TargetChoice {
    let reason = match (against, helms) {
        (Some(asked), Some(helms)) if asked != helms => {
            format!("revision {asked} was asked for; --atomic (--rollback-on-failure) would go back to {helms}")
        }
        (Some(asked), _) => format!("revision {asked} was asked for"),
        (None, Some(_)) => {
            "--atomic (--rollback-on-failure) goes back to the newest revision that is deployed or superseded".to_owned()
        }
        (None, None) => {
            "no revision is deployed or superseded, so --atomic (--rollback-on-failure) finds none to go back to".to_owned()
        }
    };
    TargetChoice { revision, requested: against.is_some(), helm_default: helms, skipped: Vec::new(), reason }
}

fn entry(release: &Release) -> RevisionEntry {
    let info = RevisionInfo {
        status: release.status,
        description: release.description.clone(),
        restores: None,
        chart: format!("{}-{}", release.chart.name, release.chart.version),
        last_deployed: None,
    };
    RevisionEntry { revision: release.revision, stored: release.stored.clone(), record: Some(info), undecodable: None }
}

/// The state before a first installation.
fn nothing(of: &Release) -> Release {
    Release {
        revision: 0,
        status: Status::Unknown,
        description: String::new(),
        chart: crate::release::ChartInfo::default(),
        config: crate::release::Value::Null,
        objects: Vec::new(),
        hooks: Vec::new(),
        notes: String::new(),
        stored: StoredAs::default(),
        gaps: Vec::new(),
        ..of.clone()
    }
}

/// What objects that leave with the upgrade lead to, beside what those lead to that leave with the rollback.
fn add_missing(facts: &mut crate::input::Facts, leaving: crate::input::Facts) {
    for (key, value) in leaving.volumes {
        facts.volumes.entry(key).or_insert(value);
    }
    for (key, value) in leaving.set_claims {
        facts.set_claims.entry(key).or_insert(value);
    }
    for (key, value) in leaving.custom_resources {
        facts.custom_resources.entry(key).or_insert(value);
    }
    for (key, value) in leaving.namespace_contents {
        facts.namespace_contents.entry(key).or_insert(value);
    }
    for (key, value) in leaving.webhook_backends {
        facts.webhook_backends.entry(key).or_insert(value);
    }
}
