//! `accept`: one person's acceptance of findings, written into the plan.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::execute;
use crate::exit::{Advice, ExitStatus};
use crate::input::{Known, NamespacePolicy};
use crate::load::caller;
use crate::plan::approve::{self, Ballot};
use crate::plan::bound::Policy;
use crate::plan::signature::{self, NAMESPACE, Signers};
use crate::plan::{Acceptance, Body, Plan, evidence, stale};
use crate::policy::{Authority, Effective, Scope, SourceInfo};
use crate::release::redact::Redactor;
use crate::report::Finding;
use crate::settings::Settings;

use super::around::Around;
use super::audit::{self, Audit};
use super::console::can_ask;
use super::run::harmless;
use super::{apply, args, look, plan_file};

pub const EXAMPLES: &str = "\
Examples:
  helm rollback-safe accept shop.plan --finding 3f0c9a --reason 'the cache refills itself' --by jane
      the finding whose id begins so; `plan show` names them
  helm rollback-safe accept shop.plan --finding 3f0c9a --reason ok --by jane --sign ~/.ssh/id_ed25519 --until 2026-03-02
      signed by ssh-keygen, so with agents and hardware keys too
  helm rollback-safe accept shop.plan --finding 3f0c9a --reason ok --by jane --accept sha256:…
      asks nobody, on a terminal either, and only in the plan of that digest";

/// Shortest beginning of an id that names a finding.
const SHORTEST_ID: usize = 4;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct AcceptFindingArgs {
    /// The plan; the acceptance is written into it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Finding to accept, by its id or the beginning of it; may be repeated
    #[arg(long, value_name = "ID", required = true, action = clap::ArgAction::Append)]
    pub finding: Vec<String>,
    /// Why it may be
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub reason: String,
    /// Who accepts: a label, what counts is the signature or the cluster's name for you
    #[arg(long, value_name = "WHO", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub by: String,
    /// Last day on which it counts, or a time: 2026-03-02, 2026-03-02T18:00:00Z [default: as long as the plan]
    #[arg(long, value_name = "DATE", value_parser = until)]
    pub until: Option<Timestamp>,
    /// Sign with this SSH key, by `ssh-keygen -Y sign`: a private key, or a public one whose private part an agent has
    #[arg(long, value_name = "KEYFILE")]
    pub sign: Option<PathBuf>,
    /// Accept in the plan of this digest only, and ask nobody. Without a terminal nobody is asked anyway
    #[arg(long, value_name = "DIGEST", value_parser = args::digest)]
    pub accept: Option<String>,
    /// Policy that may set, waive and trust: the one that `apply` will be given
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Add a line of JSON to this file: who, when, what, under which policy
    #[arg(long, value_name = "FILE")]
    pub audit: Option<PathBuf>,
}

/// A day counts to its end, in UTC.
fn until(text: &str) -> Result<Timestamp, String> {
    let wrong = |_| "write a day such as 2026-03-02 or a time such as 2026-03-02T18:00:00Z".to_owned();
    if text.contains('T') {
        return text.parse().map_err(wrong);
    }
    let next = text.parse::<Date>().and_then(Date::tomorrow).map_err(wrong)?;
    next.to_zoned(TimeZone::UTC).map(|midnight| midnight.timestamp()).map_err(wrong)
}

pub fn run(args: &AcceptFindingArgs, around: &Around) -> Result<ExitStatus> {
    let plan = plan_file::read(&args.file)?;
    apply::the_accepted_one(&plan, args.accept.as_deref())?;
    let settings = apply::plain_settings(&plan.plan, args.config.clone(), around)?;
    let now = Timestamp::now();
    let in_force = in_force(&plan.plan, &settings, now)?;
    let policy = Policy { gate: &in_force.gate, approvals: &in_force.approvals };
    in_time(&plan, args, now)?;
    let findings = named(&plan, &args.finding)?;
    refuse_unacceptable(&findings, &policy)?;
    if let Some(status) = ask(&plan.plan, &findings, args, around)? {
        return Ok(status);
    }
    let runtime = super::runtime()?;
    let identity = runtime.block_on(identity(&settings, around));
    let mut accepted = plan.clone();
    for finding in findings {
        let acceptance = Acceptance {
            finding: finding.id.clone(),
            evidence: evidence::digest(finding),
            reason: around.redactor.scrub(&args.reason),
            by: around.redactor.scrub(&args.by),
            identity: identity.clone(),
            at: now,
            until: args.until,
            signature: None,
        };
        accepted = accepted.accepted(signed(acceptance, &plan.plan.digest(), args.sign.as_deref())?);
    }
    let ballot = ballot(&accepted, &policy)?;
    runtime.block_on(leave_traces(&accepted, plan.acceptances.len(), &policy, &Traces { args, settings: &settings, around }))?;
    plan_file::write(&args.file, &accepted)?;
    let text = not_in_force(&plan.plan, &in_force) + &what_is_left(&accepted, &ballot, &policy);
    around.console.note(&text, around.redactor);
    Ok(ExitStatus::Ok)
}

/// The policy without what the namespace adds, which is for `apply` to ask: acceptances can be given without a cluster.
fn in_force(plan: &Body, settings: &Settings, now: Timestamp) -> Result<Effective> {
    let cluster = plan.bound.cluster.clone().map_or_else(|| Known::No("the plan does not know it".to_owned()), Known::Yes);
    let scope = Scope { namespace: &plan.bound.namespace, release: &plan.bound.release, cluster: &cluster, now };
    look::under(&settings.policy, &NamespacePolicy::NotAsked, &scope, &settings.rules)
}

fn in_time(plan: &Plan, args: &AcceptFindingArgs, now: Timestamp) -> Result<()> {
    if let Some(moved) = stale::expired(&plan.plan, now) {
        return Err(Advice::new(ExitStatus::Changed, moved.to_string()).help("make a new plan").into());
    }
    match args.until {
        Some(until) if until <= now => Err(Advice::usage(format!("--until {until} is over already")).into()),
        _ => Ok(()),
    }
}

/// The findings of these ids.
fn named<'a>(plan: &'a Plan, ids: &[String]) -> Result<Vec<&'a Finding>> {
    let findings = &plan.plan.report.findings;
    let one = |id: &String| {
        let exact = findings.iter().find(|finding| finding.id == *id);
        let mut like = findings.iter().filter(|finding| id.len() >= SHORTEST_ID && finding.id.starts_with(id.as_str()));
        match (exact, like.next(), like.next()) {
            (Some(one), _, _) | (None, Some(one), None) => Ok(one),
            (None, Some(_), Some(_)) => {
                Err(unknown(plan, format!("several findings of the plan have an id that begins with {id:?}")))
            }
            (None, None, _) => Err(unknown(plan, format!("the plan has no finding {id:?}"))),
        }
    };
    ids.iter().map(one).collect()
}

fn unknown(plan: &Plan, message: String) -> anyhow::Error {
    const MAX: usize = 20;
    let findings = &plan.plan.report.findings;
    let lines =
        findings.iter().take(MAX).map(|finding| format!("{}  {}  {}", finding.id, finding.severity.as_str(), finding.rule));
    lines.fold(Advice::usage(message), |advice, line| advice.help(harmless(&line))).into()
}

fn refuse_unacceptable(findings: &[&Finding], policy: &Policy<'_>) -> Result<()> {
    match findings.iter().find(|finding| policy.approvals.never_accept.contains(&finding.rule)) {
        None => Ok(()),
        Some(finding) => {
            let text = format!("policy lets nobody accept findings of the rule {}", finding.rule);
            Err(Advice::new(ExitStatus::Blocked, text).into())
        }
    }
}

/// The typed confirmation, where there is somebody to type it. None if it was given, else what the process ends with.
fn ask(plan: &Body, findings: &[&Finding], args: &AcceptFindingArgs, around: &Around<'_>) -> Result<Option<ExitStatus>> {
    if args.accept.is_some() || !can_ask() {
        return Ok(None);
    }
    let question = question(plan, findings, args, around.redactor);
    let release = &plan.bound.release;
    let typed = execute::typed(release, &question, "Nothing was accepted.", io::stdin().lock(), io::stderr());
    let answer = typed.context("asking for acceptance")?;
    if let Some(why) = answer.why_not() {
        around.console.note(why, around.redactor);
    }
    Ok(answer.exit())
}

/// What is accepted, in the words of the report, and what will be written beside it.
fn question(plan: &Body, findings: &[&Finding], args: &AcceptFindingArgs, redactor: &Redactor) -> String {
    let clean = |text: &str| harmless(&redactor.scrub(text));
    let bound = &plan.bound;
    let mut text = format!(
        "\nTo be accepted: of the rollback of release {} in namespace {}, from revision {} to {},\n",
        clean(&bound.release),
        clean(&bound.namespace),
        bound.from(),
        bound.to()
    );
    for finding in findings {
        let Finding { severity, rule, message, why, .. } = finding;
        text += &format!("  - {}: {} ({})\n    {}\n", severity.as_str(), clean(message), clean(rule), clean(why));
    }
    text += &format!("by {}, because: {}\n", clean(&args.by), clean(&args.reason));
    text + "Type the release name to accept that, anything else to stop: "
}

/// The cluster's name for the caller. An acceptance can be made without a cluster; then it has none.
async fn identity(settings: &Settings, around: &Around<'_>) -> Option<String> {
    let caller = caller::read(&settings.load, around.redactor).await;
    if let Some(why) = caller.name.why_not() {
        around
            .console
            .note(&format!("The cluster does not say who you are ({why}); the acceptance stands without that."), around.redactor);
    }
    caller.name.yes().cloned()
}

struct Traces<'a> {
    args: &'a AcceptFindingArgs,
    settings: &'a Settings,
    around: &'a Around<'a>,
}

/// One for each acceptance that is new.
async fn leave_traces(plan: &Plan, old: usize, policy: &Policy<'_>, traces: &Traces<'_>) -> Result<()> {
    let Traces { args, settings, around } = traces;
    let audit = Audit { file: args.audit.as_deref(), load: &settings.load, console: around.console, redactor: around.redactor };
    for acceptance in plan.acceptances.iter().skip(old) {
        audit.leave(&audit::acceptance(acceptance, &plan.plan, &plan.digest, policy)).await?;
    }
    Ok(())
}

fn signed(acceptance: Acceptance, plan: &str, key: Option<&Path>) -> Result<Acceptance> {
    let Some(key) = key else { return Ok(acceptance) };
    let statement = acceptance.statement(plan);
    let armored = ssh_sign(key, &statement)?;
    signature::verify(&armored, &statement).map_err(Advice::usage)?;
    Ok(Acceptance { signature: Some(armored), ..acceptance })
}

/// The user's own `ssh-keygen`, which knows agents, hardware keys and passphrases. An argument vector, never a shell line.
fn ssh_sign(key: &Path, statement: &[u8]) -> Result<String> {
    let cannot =
        || Advice::usage("the acceptance could not be signed").help("--sign KEYFILE needs ssh-keygen (OpenSSH 8.2 or later)");
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-n", NAMESPACE, "-f"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(cannot)?;
    let mut stdin = child.stdin.take().context("a pipe to ssh-keygen")?;
    // Where it has ended already, its status says so.
    let _ = stdin.write_all(statement);
    drop(stdin);
    let output = child.wait_with_output().with_context(cannot)?;
    if !output.status.success() {
        return Err(anyhow::anyhow!("ssh-keygen ended with {}", output.status).context(cannot()));
    }
    String::from_utf8(output.stdout).with_context(cannot)
}

/// Counts a plan's acceptances by what policy trusts.
///
/// # Errors
/// The allowed signers cannot be read, or a signature is wrong.
pub fn ballot(plan: &Plan, policy: &Policy<'_>) -> Result<Ballot> {
    let text = policy.approvals.allowed_signers.as_deref();
    let signers = text.map(Signers::parse).transpose();
    let signers = signers.map_err(|why| Advice::usage(format!("the policy's allowed signers cannot be read: {why}")))?;
    approve::count(plan, signers.as_ref(), Timestamp::now()).map_err(|refusal| {
        let status = if refusal.tampered { ExitStatus::Changed } else { ExitStatus::Usage };
        let help = if refusal.tampered { "have it accepted again" } else { "the policy's allowed signers say whose keys count" };
        Advice::new(status, harmless(&refusal.text)).help(format!("nothing was run; {help}")).into()
    })
}

/// Sources that the plan was judged by and that have no say here: what is left could be more than is seen from here.
fn not_in_force(plan: &Body, in_force: &Effective) -> String {
    let sources = plan.report.policy.iter().flat_map(|policy| &policy.sources);
    let absent = sources.filter(|source| !in_force.sources.iter().any(|here| here.digest == source.digest));
    let line = |source: &SourceInfo| {
        let way = if source.authority == Authority::Authoritative { ", which --config FILE names" } else { "" };
        format!("The plan was judged by {} too{way}: `apply` may want more than is said here.\n", harmless(&source.sentence()))
    };
    absent.map(line).collect()
}

fn what_is_left(plan: &Plan, ballot: &Ballot, policy: &Policy<'_>) -> String {
    let open = approve::open(&plan.plan.report, ballot, policy);
    let left = match open.len() {
        0 => "Everything that needs acceptance is accepted.".to_owned(),
        _ => open.iter().fold("Still to be accepted:".to_owned(), |text, open| format!("{text}\n  {}", open.line())),
    };
    format!("{left}\nThe plan's digest is now {}", plan.digest)
}
