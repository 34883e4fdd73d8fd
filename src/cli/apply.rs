//! `apply`: reads everything anew, refuses if what the plan binds has moved, and runs it if it is accepted.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Command, FromArgMatches};
use jiff::Timestamp;

use crate::execute::{self, Given};
use crate::exit::{Advice, ExitStatus};
use crate::gate::{GatePolicy, OnInconclusive};
use crate::load::caller::{self, Caller};
use crate::load::error::LoadError;
use crate::plan::{Body, Bound, Moved, Now, Plan, approve, moved, stale};
use crate::report::Report;
use crate::rules::Severity;
use crate::settings::{LoadOptions, Settings, TargetRequest};

use super::applied;
use super::args::{self, AcceptArgs, CheckArgs, EvidenceArgs, GateArgs, LimitArgs, SchemaArgs, SideDir};
use super::around::Around;
use super::audit;
use super::console::can_ask;
use super::flags::RollbackArgs;
use super::kube::KubeArgs;
use super::look::Look;
use super::output::{self, BrokenPipe};
use super::run::{Session, harmless, may_write_records};
use super::{options, plan_file, vote};

pub const EXAMPLES: &str = "\
Examples:
  helm rollback-safe apply shop.plan
      asks on a terminal; without one, runs if what needs acceptance is accepted in the plan
  helm rollback-safe apply shop.plan --accept sha256:…
      runs exactly the plan of that digest, which came another way than the plan";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ApplyArgs {
    /// The plan
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub accept: AcceptArgs,
    #[command(flatten)]
    pub gate: GateArgs,
    #[command(flatten)]
    pub evidence: ApplyEvidenceArgs,
}

/// What a plan does not name: places on the machine it is carried out on, and how patient to be.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Evidence")]
pub struct ApplyEvidenceArgs {
    /// The --migrations that the plan was made with
    #[arg(long, value_name = "[SIDE=]DIR", value_parser = args::side_dir, action = clap::ArgAction::Append)]
    pub migrations: Vec<SideDir>,
    /// The --git that the plan was made with
    #[arg(long, value_name = "OLD..NEW", value_parser = args::git_range, requires = "migrations")]
    pub git: Option<(String, String)>,
    #[command(flatten)]
    pub schema: SchemaArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
}

pub fn run(args: &ApplyArgs, around: &Around) -> Result<ExitStatus> {
    let plan = plan_file::read(&args.file)?;
    the_accepted_one(&plan, args.accept.accept.as_deref())?;
    let check = check_args(&plan.plan, &args.gate, &args.evidence)?;
    let settings = settings(&plan.plan, &check, &args.accept, around)?;
    same_migrations(&plan.plan, &check)?;
    let session = around.session(&settings, &check);
    let runtime = super::runtime()?;
    let apply = Apply { plan: &plan, session: &session };
    runtime.block_on(apply.go())
}

/// A digest that came another way than the plan leaves nothing in the plan to be changed.
pub fn the_accepted_one(plan: &Plan, accepted: Option<&str>) -> Result<()> {
    match accepted {
        Some(digest) if digest != plan.digest => Err(refusal(
            &[],
            format!("this is not the plan that was accepted: accepted {digest},\nbut its digest is {}", plan.digest),
        )
        .into()),
        _ => Ok(()),
    }
}

/// What `check` would have been given. Of the plan only names, revisions and flags of `helm rollback` get here, each of which
/// is checked as if it had been typed.
fn check_args(plan: &Body, gate: &GateArgs, evidence: &ApplyEvidenceArgs) -> Result<CheckArgs> {
    let given = evidence.clone();
    Ok(CheckArgs {
        release: Some(plan.bound.release.clone()),
        revision: Some(plan.bound.to().to_string()),
        surplus: Vec::new(),
        gate: gate.clone(),
        evidence: EvidenceArgs {
            no_live: !plan.request.live,
            server_dry_run: plan.request.server_dry_run && plan.request.live,
            migrations: given.migrations,
            git: given.git,
            schema: given.schema,
            limits: given.limits,
            ..EvidenceArgs::default()
        },
        rollback: rollback_flags(&plan.request.flags)?,
    })
}

fn rollback_flags(words: &[String]) -> Result<RollbackArgs> {
    let command = <RollbackArgs as Args>::augment_args(Command::new("plan").no_binary_name(true).disable_help_flag(true));
    let wrong = || Advice::usage("the plan holds flags that are none of helm rollback's").help("make a new plan");
    let matches = command.try_get_matches_from(words).map_err(|_| wrong())?;
    let flags = RollbackArgs::from_arg_matches(&matches).map_err(|_| wrong())?;
    if flags.pass_on() != words { Err(wrong().into()) } else { Ok(flags) }
}

fn settings(plan: &Body, check: &CheckArgs, accept: &AcceptArgs, around: &Around) -> Result<Settings> {
    let namespace = &plan.bound.namespace;
    if let Some(other) = around.kube.namespace.as_ref().filter(|other| *other != namespace) {
        let moved = Moved { what: stale::What::Namespace, text: format!("the plan is for {namespace}, not for {other}") };
        return Err(refusal(&[moved], "the plan is for something else".to_owned()).into());
    }
    let kube = KubeArgs { namespace: Some(namespace.clone()), ..around.kube.clone() };
    Around { kube: &kube, ..*around }.settings(check, Some(accept))
}

/// Settings for work on the plan itself.
pub fn plain_settings(plan: &Body, config: Option<PathBuf>, around: &Around) -> Result<Settings> {
    let gate = GateArgs { config, ..GateArgs::default() };
    let check = check_args(plan, &gate, &ApplyEvidenceArgs::default())?;
    settings(plan, &check, &AcceptArgs::default(), around)
}

/// A plan may tighten the gate of the one who carries it out; what it loosens has moved.
fn stricter(own: GatePolicy, plan: GatePolicy) -> GatePolicy {
    let block = [own.on_inconclusive, plan.on_inconclusive].contains(&OnInconclusive::Block);
    GatePolicy {
        fail_on: own.fail_on.min(plan.fail_on),
        on_inconclusive: if block { OnInconclusive::Block } else { OnInconclusive::Allow },
    }
}

/// Where migrations and databases are is not taken from a file that others can write.
fn same_migrations(plan: &Body, check: &CheckArgs) -> Result<()> {
    let (was, is) = (&plan.request.migrations, options::migration_flags(&check.evidence));
    if *was == is {
        return Ok(());
    }
    let words = |words: &[String]| match words {
        [] => "none of these options".to_owned(),
        words => words.iter().map(|word| harmless(&crate::shell::word(word))).collect::<Vec<_>>().join(" "),
    };
    Err(Advice::usage(format!("the plan was made with {}, and this is {}", words(was), words(&is)))
        .help("give apply the same options for migrations and databases, or make a new plan")
        .into())
}

/// Nothing was run, because this moved.
fn refusal(moved: &[Moved], headline: String) -> Advice {
    const MAX: usize = 25;
    let mut lines = vec![headline];
    lines.extend(moved.iter().take(MAX).map(|moved| harmless(&moved.to_string())));
    if moved.len() > MAX {
        lines.push(format!("… and {} more", moved.len() - MAX));
    }
    Advice::new(ExitStatus::Changed, lines.join("\n")).help("nothing was run; make a new plan and have it reviewed")
}

struct Apply<'a> {
    plan: &'a Plan,
    session: &'a Session<'a>,
}

impl Apply<'_> {
    fn body(&self) -> &Body {
        &self.plan.plan
    }

    async fn go(&self) -> Result<ExitStatus> {
        let caller = caller::read(&self.session.settings.load, self.session.redactor).await;
        self.right_place(&caller)?;
        let look = match self.look().await {
            Ok(look) => look,
            Err(error) => return self.gone(error).await,
        };
        if applied::is_own(self.body(), &look.input.from) {
            return applied::verify(self.body(), self.session).await;
        }
        self.still_holds(&look, &caller)?;
        self.session.refuse_flags(&look.input)?;
        if let Some(lines) = execute::explain_pending(&look.input) {
            self.session.console.note(&lines.join("\n"), self.session.redactor);
        }
        let report = self.reviewed(&look.report);
        self.show(&report, &look.policy.gate)?;
        let command = self.session.helm(&look.input)?;
        may_write_records(&look.input)?;
        if let Some(status) = self.accept(&look, &caller, &command).await? {
            return Ok(status);
        }
        let accepted = self.plan.acceptances.iter().map(|one| one.finding.clone()).collect();
        audit::carry_out(self.session, &look, &command, (&self.plan.digest, accepted), &caller).await
    }

    async fn look(&self) -> Result<Look> {
        let target = TargetRequest::Revision(self.body().bound.to());
        let options = LoadOptions { target, ..self.session.settings.load.clone() };
        let mut look = self.session.look(&options, &self.session.settings.rules).await?;
        look.policy.gate = stricter(look.policy.gate, self.body().bound.gate);
        Ok(look)
    }

    /// Told before anything else is read: in another place everything differs.
    fn right_place(&self, caller: &Caller) -> Result<()> {
        // A cluster that does not answer is an error of reading, which says more than that.
        let known = caller.cluster.yes();
        match known.and_then(|uid| stale::other_cluster(&self.body().bound, Some(uid))) {
            Some(moved) => Err(refusal(&[moved], "the plan no longer holds".to_owned()).into()),
            None => Ok(()),
        }
    }

    /// A revision that is gone, or the whole release, is a plan that no longer holds; unless the plan itself has led there.
    async fn gone(&self, error: anyhow::Error) -> Result<ExitStatus> {
        let text = match error.downcast_ref::<LoadError>() {
            Some(gone @ (LoadError::NoSuchRelease { .. } | LoadError::NoTarget { .. } | LoadError::RecordGone { .. })) => {
                gone.to_string()
            }
            _ => return Err(error),
        };
        if applied::newest_is_own(self.body(), self.session).await {
            return applied::verify(self.body(), self.session).await;
        }
        let mut moved: Vec<Moved> = stale::expired(self.body(), Timestamp::now()).into_iter().collect();
        moved.push(Moved { what: stale::What::Revision, text });
        Err(refusal(&moved, "the plan no longer holds".to_owned()).into())
    }

    fn still_holds(&self, look: &Look, caller: &Caller) -> Result<()> {
        let cluster = caller.cluster.yes().map(String::as_str);
        let bound = Bound::of(&look.input, &look.report, cluster, &look.demands());
        let accepted: BTreeSet<String> = self.plan.acceptances.iter().map(|one| one.finding.clone()).collect();
        let now = Now { bound: &bound, report: &look.report, at: Timestamp::now(), accepted: &accepted };
        match moved(self.body(), &now).as_slice() {
            [] => Ok(()),
            moved => Err(refusal(moved, "the plan no longer holds".to_owned()).into()),
        }
    }

    /// What was read now, with the plan's acceptances beside it.
    fn reviewed(&self, report: &Report) -> Report {
        let plan = self.plan.reviewed();
        let mut report = report.clone();
        for finding in &mut report.findings {
            let same = plan.findings.iter().find(|old| old.id == finding.id);
            finding.accepted = same.and_then(|old| old.accepted.clone());
        }
        report
    }

    fn show(&self, report: &Report, gate: &GatePolicy) -> Result<()> {
        let settings = self.session.settings;
        let broken = if settings.acceptance.digest.is_some() { BrokenPipe::Ignore } else { BrokenPipe::Fail };
        output::write(report, gate, &settings.outputs, None, self.session.console, broken)
    }

    /// None if the plan is accepted, else what the process ends with.
    async fn accept(&self, look: &Look, caller: &Caller, command: &execute::HelmCommand) -> Result<Option<ExitStatus>> {
        let policy = look.demands();
        let ballot = super::accept::ballot(self.plan, &policy)?;
        let given = &self.session.settings.acceptance;
        let terminal = can_ask() && given.digest.is_none();
        if let Err(refused) = vote::suffices(&look.report, &ballot, &policy, given, terminal) {
            return Ok(Some(self.refuse(refused.status, refused.headline, refused.lines)));
        }
        match (terminal, &given.digest) {
            (true, _) => self.ask(look, caller, &ballot, command).await,
            (false, Some(_)) => Ok(None),
            (false, None) => Ok(self.by_the_plan_alone(&look.report, &look.policy.gate)),
        }
    }

    fn refuse(&self, status: ExitStatus, headline: &str, lines: Vec<String>) -> ExitStatus {
        let lines: String = lines.iter().map(|line| format!("\n  {}", harmless(line))).collect();
        self.session.console.note(
            &format!(
                "{headline}{lines}\nNothing was run. `accept FILE --finding ID --reason TEXT --by WHO` accepts a finding of a plan, \
                 `apply FILE --accept {}` the rest of it.",
                self.plan.digest
            ),
            self.session.redactor,
        );
        status
    }

    /// Findings are accepted one by one; what else is against it is for a person, or for the digest.
    fn by_the_plan_alone(&self, report: &Report, gate: &GatePolicy) -> Option<ExitStatus> {
        if approve::fails_unsaid(report) && gate.fail_on <= Severity::High {
            return Some(self.refuse(ExitStatus::Blocked, "Not accepted: the rollback is forecast to fail.", Vec::new()));
        }
        let gaps: Vec<String> =
            report.gaps.iter().filter(|gap| gap.blocks).map(|gap| format!("{}: {}", gap.what, gap.why)).collect();
        let closed = !gaps.is_empty() && gate.on_inconclusive == OnInconclusive::Block;
        closed.then(|| self.refuse(ExitStatus::Inconclusive, "Not accepted: what was needed could not be read:", gaps))
    }

    /// The typed confirmation; a person may have thought for an hour, so everything is read once more behind it.
    async fn ask(
        &self,
        look: &Look,
        caller: &Caller,
        ballot: &approve::Ballot,
        command: &execute::HelmCommand,
    ) -> Result<Option<ExitStatus>> {
        let policy = look.demands();
        let open = approve::open(&look.report, ballot, &policy);
        let critical = open.iter().filter(|open| open.finding.severity == Severity::Critical);
        let critical: Vec<String> = critical.map(|open| harmless(&open.finding.message)).collect();
        let given = Given { terminal: true, ..Given::default() };
        let refused = self.session.propose(look, command, &self.plan.digest, &critical, &given)?;
        if refused.is_some() {
            return Ok(refused);
        }
        self.still_holds(&self.look().await?, caller)?;
        Ok(None)
    }
}
