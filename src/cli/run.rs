//! `run` and `check`: look, report, judge; then, for `run`, accept, look again, act and verify.

use std::io;

use anyhow::{Context, Result};

use crate::execute::{self, Evidence, Given, HelmCommand, Proposal};
use crate::exit::{Advice, ExitStatus};
use crate::gate;
use crate::input::{Input, Known};
use crate::load::{self, caller};
use crate::plan::approve::Ballot;
use crate::plan::bound::Policy;
use crate::release::redact::Redactor;
use crate::report::{self, Report};
use crate::rules::Severity;
use crate::rules::set::RuleSet;
use crate::settings::{LoadOptions, Settings, TargetRequest};

use super::audit;
use super::console::{Console, can_ask};
use super::flags;
use super::look::{self, Look};
use super::output::{self, BrokenPipe};
use super::progress::Spinner;
use super::vote;

/// What a command works with.
pub struct Session<'a> {
    pub settings: &'a Settings,
    /// The user's `helm rollback` flags, for what the Helm at hand would refuse.
    pub given: &'a flags::RollbackArgs,
    pub console: &'a Console,
    pub redactor: &'a Redactor,
}

pub fn run(session: &Session) -> Result<ExitStatus> {
    let runtime = super::runtime()?;
    runtime.block_on(session.go())
}

impl Session<'_> {
    async fn go(&self) -> Result<ExitStatus> {
        let rules = &self.settings.rules;
        let look = self.look(&self.settings.load, rules).await?;
        self.refuse_flags(&look.input)?;
        if let Some(lines) = execute::explain_pending(&look.input) {
            self.console.note(&lines.join("\n"), self.redactor);
        }
        self.show(&look)?;
        if !self.settings.act {
            let status = gate::decide(&look.report, &look.policy.gate).exit();
            // The program ends here: taking both manifests apart value by value would only cost time.
            std::mem::forget(look);
            return Ok(status);
        }
        let command = self.helm(&look.input)?;
        may_write_records(&look.input)?;
        if let Some(status) = self.ask(&look, &command)? {
            return Ok(status);
        }
        self.still_so(&look, rules).await?;
        let caller = caller::read(&self.settings.load, self.redactor).await;
        let accepted = look.report.unwaived().map(|finding| finding.id.clone()).collect();
        audit::carry_out(self, &look, &command, (&look.report.digest, accepted), &caller).await
    }

    pub(super) async fn look(&self, options: &LoadOptions, rules: &RuleSet) -> Result<Look> {
        let progress = Spinner::new(self.settings.debug);
        look::look(options, &self.settings.policy, rules, self.redactor, &progress).await
    }

    /// Some of these Helm itself would refuse only after it has written the new record.
    pub(super) fn refuse_flags(&self, input: &Input) -> Result<()> {
        match flags::refusals(&input.helm.version, self.given, input.to.apply_method).into_iter().next() {
            Some(why) => Err(Advice::usage(why).help("`helm rollback --help` lists the flags of the installed Helm").into()),
            None => Ok(()),
        }
    }

    fn show(&self, look: &Look) -> Result<()> {
        let settings = self.settings;
        // Who accepted a digest has read the report already.
        let must_be_read = settings.act && settings.acceptance.digest.is_none();
        let broken = if must_be_read { BrokenPipe::Fail } else { BrokenPipe::Ignore };
        let command = settings
            .again
            .can_act
            .then(|| settings.again.command(&look.report.release.name, &look.input.namespace, look.input.to.revision));
        output::write(&look.report, &look.policy.gate, &settings.outputs, command, self.console, broken)
    }

    pub(super) fn helm(&self, input: &Input) -> Result<HelmCommand> {
        let program = input.helm.path.clone().ok_or_else(|| {
            Advice::new(ExitStatus::CouldNotRun, "there is no Helm to run the rollback with")
                .help("install Helm, or point HELM_BIN at the binary; `check` works without")
        })?;
        Ok(HelmCommand {
            program,
            release: input.from.name.clone(),
            to: input.to.revision,
            from: input.from.revision,
            namespace: input.namespace.clone(),
            kube: self.settings.load.kube.clone(),
            flags: self.settings.helm_flags.clone(),
        })
    }

    /// None if the report is accepted, else what the process ends with.
    fn ask(&self, look: &Look, command: &HelmCommand) -> Result<Option<ExitStatus>> {
        let policy = look.demands();
        if self.settings.acceptance.digest.is_none() && !can_ask() && vote::within_gate(&look.report, &policy) {
            return Ok(None);
        }
        let critical: Vec<String> = look
            .report
            .unwaived()
            .filter(|finding| finding.severity == Severity::Critical)
            .map(|f| harmless(&f.message))
            .collect();
        let given = Given {
            digest: self.settings.acceptance.digest.clone(),
            critical: self.settings.acceptance.critical,
            terminal: can_ask(),
        };
        let refused = self.propose(look, command, &look.report.digest, &critical, &given)?;
        Ok(refused.or_else(|| self.beyond_one_vote(look, &policy)))
    }

    /// Has one person accept what goes by this digest, with these lines about critical findings. None if it is accepted, else what
    /// the process ends with.
    pub(super) fn propose(
        &self,
        look: &Look,
        command: &HelmCommand,
        digest: &str,
        critical: &[String],
        given: &Given,
    ) -> Result<Option<ExitStatus>> {
        let proposal = Proposal {
            release: &look.input.from.name,
            namespace: &look.input.namespace,
            from: look.input.from.revision,
            to: look.input.to.revision,
            digest,
            critical,
            command: &harmless(&command.display()),
        };
        let answer = execute::accept(&proposal, given, io::stdin().lock(), io::stderr()).context("asking for acceptance")?;
        if let Some(why) = answer.why_not() {
            self.console.note(why, self.redactor);
        }
        Ok(answer.exit())
    }

    /// What policy does not leave to one person: it takes a plan.
    fn beyond_one_vote(&self, look: &Look, policy: &Policy<'_>) -> Option<ExitStatus> {
        let terminal = self.settings.acceptance.digest.is_none();
        let refused = vote::suffices(&look.report, &Ballot::new(), policy, &self.settings.acceptance, terminal).err()?;
        let lines: String = refused.lines.iter().map(|line| format!("\n  {}", harmless(line))).collect();
        let way = "Nothing was run. A plan gathers more acceptances: `plan`, `accept`, `apply`.";
        self.console.note(&format!("{}{lines}\n{way}", refused.headline), self.redactor);
        Some(refused.status)
    }

    /// Reads everything once more: between the report and its acceptance a person may have thought for an hour.
    async fn still_so(&self, accepted: &Look, rules: &RuleSet) -> Result<()> {
        let target = TargetRequest::Revision(accepted.input.to.revision);
        let now = self.look(&LoadOptions { target, ..self.settings.load.clone() }, rules).await?;
        let (was_lines, is_lines) = (finding_lines(&accepted.report), finding_lines(&now.report));
        let was = evidence(accepted, &was_lines);
        let is = evidence(&now, &is_lines);
        match execute::moved(&was, &is) {
            None => Ok(()),
            Some(lines) => {
                Err(Advice::new(ExitStatus::Changed, format!("what was accepted no longer holds:\n{}", lines.join("\n")))
                    .help("nothing was run; check again and read the new report")
                    .into())
            }
        }
    }

    pub(super) async fn roll_back(&self, look: &Look, command: &HelmCommand) -> Result<ExitStatus> {
        let scrub = |text: &str| harmless(&self.redactor.scrub(text));
        let ran = execute::run(command, scrub, io::stderr()).await?;
        let seen = load::after(&self.settings.load, self.redactor, &look.input).await;
        let ran = execute::Ran { exit: ran.exit, started: ran.started, tail: ran.tail, place: command.same_place() };
        let why = seen.as_ref().err().map(|error| format!("{error:#}"));
        let after = seen.as_ref().map_err(|_| why.as_deref().unwrap_or_default());
        let verification = execute::verify(&look.input, &look.evaluation.forecast, after, &ran);
        self.console.note(&verification.text(), self.redactor);
        Ok(verification.exit())
    }
}

/// Helm writes the new record first; without the right to, nothing else happens.
pub(super) fn may_write_records(input: &Input) -> Result<()> {
    match input.facts.access.writes_records {
        Known::Yes(false) => Err(Advice::new(
            ExitStatus::CouldNotRun,
            format!("you may not create release records in namespace {}", input.namespace),
        )
        .help("run it as somebody who may; `check` works without")
        .into()),
        _ => Ok(()),
    }
}

fn evidence<'a>(look: &'a Look, findings: &'a [String]) -> Evidence<'a> {
    Evidence { input: &look.input, findings, gaps: &look.report.gaps, digest: &look.report.digest }
}

fn finding_lines(report: &Report) -> Vec<String> {
    report.findings.iter().map(|finding| format!("{} ({})", finding.message, finding.rule)).collect()
}

pub(super) fn harmless(text: &str) -> String {
    report::clean(text).into_owned()
}
