//! Every acceptance and every run leaves a line, and an Event where that is allowed.

use std::path::Path;

use anyhow::{Context, Result};
use jiff::Timestamp;

use crate::execute::HelmCommand;
use crate::exit::{Advice, ExitStatus};
use crate::input::Input;
use crate::load;
use crate::load::caller::Caller;
use crate::plan::audit::{Action, Entry, Outcome, SCHEMA};
use crate::plan::bound::Policy;
use crate::plan::{Acceptance, Body};
use crate::settings::{Driver, LoadOptions, Source};

use super::console::Console;
use super::look::Look;
use super::run::Session;
use crate::release::redact::Redactor;

/// Where traces are left.
pub struct Audit<'a> {
    pub file: Option<&'a Path>,
    pub load: &'a LoadOptions,
    pub console: &'a Console,
    pub redactor: &'a Redactor,
}

impl Audit<'_> {
    /// The line first: who asked for a file wants nothing to happen that is not in it.
    pub async fn leave(&self, entry: &Entry) -> Result<()> {
        if let Some(file) = self.file {
            crate::whole::append(file, &entry.line()).with_context(|| {
                Advice::new(ExitStatus::Usage, format!("the audit file {} cannot be written", file.display()))
            })?;
        }
        let key = format!("sh.helm.release.v1.{}.v{}", entry.release, entry.from);
        let record = match self.load.source {
            Source::Driver(Driver::Secrets) => Some(("Secret", key.as_str())),
            Source::Driver(Driver::ConfigMaps) => Some(("ConfigMap", key.as_str())),
            _ => None,
        };
        if let Err(why) = load::event::write(self.load, &entry.namespace, &entry.event(record), self.redactor).await {
            self.console.note(&format!("No Event was left in namespace {}: {why}", entry.namespace), self.redactor);
        }
        Ok(())
    }
}

/// What an acceptance leaves.
pub fn acceptance(acceptance: &Acceptance, plan: &Body, digest: &str, policy: &Policy<'_>) -> Entry {
    let bound = &plan.bound;
    Entry {
        schema: SCHEMA,
        at: acceptance.at,
        action: Action::Accept,
        outcome: Outcome::Accepted,
        who: acceptance.identity.clone(),
        by: Some(acceptance.by.clone()),
        signed: Some(acceptance.signature.is_some()),
        reason: Some(acceptance.reason.clone()),
        cluster: bound.cluster.clone(),
        namespace: bound.namespace.clone(),
        release: bound.release.clone(),
        from: bound.from(),
        to: bound.to(),
        digest: digest.to_owned(),
        findings: vec![acceptance.finding.clone()],
        policy: policy.digest(),
    }
}

/// Runs the rollback between two entries. `digest` is that of the plan or of the report, `findings` are what was accepted.
pub async fn carry_out(
    session: &Session<'_>,
    look: &Look,
    command: &HelmCommand,
    (digest, findings): (&str, Vec<String>),
    caller: &Caller,
) -> Result<ExitStatus> {
    let settings = session.settings;
    let policy = look.demands();
    let audit =
        Audit { file: settings.audit.as_deref(), load: &settings.load, console: session.console, redactor: session.redactor };
    let started = Entry { digest: digest.to_owned(), findings, ..entry(&look.input, caller, &policy) };
    audit.leave(&started).await?;
    let ended = session.roll_back(look, command).await;
    let outcome = if matches!(ended, Ok(ExitStatus::Ok)) { Outcome::Done } else { Outcome::Failed };
    let left = audit.leave(&Entry { at: Timestamp::now(), outcome, ..started }).await;
    // Helm has run: what came of it weighs more than a line that could not be written.
    if let Err(error) = left {
        session.console.note(&format!("{error:#}"), session.redactor);
    }
    ended
}

fn entry(input: &Input, caller: &Caller, policy: &Policy<'_>) -> Entry {
    Entry {
        schema: SCHEMA,
        at: Timestamp::now(),
        action: Action::Run,
        outcome: Outcome::Started,
        who: caller.name.yes().cloned(),
        by: None,
        signed: None,
        reason: None,
        cluster: caller.cluster.yes().cloned(),
        namespace: input.namespace.clone(),
        release: input.from.name.clone(),
        from: input.from.revision,
        to: input.to.revision,
        digest: String::new(),
        findings: Vec::new(),
        policy: policy.digest(),
    }
}
