//! Command line and environment → [`Settings`].

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::exit::Advice;
use crate::gate::OnInconclusive;
use crate::load as reading;
use crate::policy::Flags;
use crate::release::Revision;
use crate::rules::Severity;
use crate::settings::{
    Acceptance, Again, Driver, KubeOptions, LoadOptions, MigrationSource, MigrationSources, SchemaEvidence, Settings, Source,
    TargetRequest,
};

use super::CalledAs;
use super::args::{AcceptArgs, CheckArgs, EvidenceArgs, SideDir};
use super::env::Env;
use super::flags;
use super::kube::KubeArgs;
use super::output;

/// Longest release name (Helm `pkg/chart/common/util/validate_name.go`).
const MAX_RELEASE_NAME: usize = 53;

/// What the command line holds for `run` (`accept` given) and `check` (none).
pub struct Given<'a> {
    pub check: &'a CheckArgs,
    pub accept: Option<&'a AcceptArgs>,
    pub kube: &'a KubeArgs,
    pub debug: bool,
    pub called_as: CalledAs,
}

/// # Errors
/// What was asked for makes no sense; always an [`Advice`] of status *usage*.
pub fn settings(given: &Given, env: &Env) -> Result<Settings> {
    let check = given.check;
    let act = given.accept.is_some() && check.rollback.dry_run != Some(true);
    let again = again(given, &given.kube.options(env)?, env);
    if act && !again.can_act {
        return Err(Advice::usage("with --releases, --live, --discovery, --replay or --helm-version nothing can be rolled back")
            .help("use the command `check`, or --dry-run")
            .into());
    }
    let load = load(given, env)?;
    let loaded = reading::policy::load(check.gate.config.as_deref(), env.directory(), gate_flags(given))?;
    Ok(Settings {
        load,
        policy: loaded.policy,
        rules: loaded.rules,
        outputs: outputs(check)?,
        acceptance: acceptance(given.accept),
        audit: given.accept.and_then(|accept| accept.audit.clone()),
        helm_flags: check.rollback.pass_on(),
        act,
        debug: given.debug,
        again,
    })
}

/// What has to be read.
///
/// # Errors
/// As [`settings`].
pub fn load(given: &Given, env: &Env) -> Result<LoadOptions> {
    let check = given.check;
    refuse_surplus(check)?;
    if check.evidence.replay.is_some() && (check.revision.is_some() || !check.rollback.pass_on().is_empty()) {
        return Err(Advice::usage("a recording holds its own revision and flags of helm rollback")
            .help("leave them out with --replay, or record again with others")
            .into());
    }
    if let [first, ..] = flags::contradictions(&check.rollback).as_slice() {
        return Err(Advice::usage(first.clone()).into());
    }
    let evidence = &check.evidence;
    Ok(LoadOptions {
        release: release(check)?,
        target: check.revision.as_deref().map_or(Ok(TargetRequest::Best), target)?,
        kube: given.kube.options(env)?,
        source: source(evidence, env)?,
        replay: evidence.replay.clone(),
        live: evidence.live.clone(),
        discovery: evidence.discovery.clone(),
        live_evidence: !evidence.no_live,
        server_dry_run: evidence.server_dry_run,
        request_timeout: evidence.limits.request_timeout,
        evidence_timeout: evidence.limits.evidence_timeout,
        helm_bin: env.os("HELM_BIN").unwrap_or_else(|| "helm".into()),
        helm_version: evidence.helm_version.clone(),
        flags: check.rollback.flags(env),
        migrations: migrations(evidence)?,
        max_record_bytes: evidence.limits.record.max_record_size,
    })
}

/// `helm rollback` ignores a third argument, and with it what was meant by it.
fn refuse_surplus(check: &CheckArgs) -> Result<()> {
    match check.surplus.first() {
        None => Ok(()),
        Some(word) => Err(Advice::usage(format!("unexpected argument {word:?} after RELEASE and REVISION"))
            .help("only one release and one revision can be named; helm rollback would ignore the rest silently")
            .into()),
    }
}

/// Empty only where a recording says which one it is.
fn release(check: &CheckArgs) -> Result<String> {
    match (&check.release, &check.evidence.replay) {
        (Some(name), Some(_)) => Err(Advice::usage(format!("unexpected argument {name:?} with --replay"))
            .help("a recording is of one release; leave the name out")
            .into()),
        (Some(name), None) => release_name(name),
        (None, _) => Ok(String::new()),
    }
}

/// As Helm checks it (`ValidateReleaseName`): DNS labels joined by dots.
pub fn release_name(name: &str) -> Result<String> {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label = |label: &str| label.starts_with(edge) && label.ends_with(edge) && label.chars().all(|c| edge(c) || c == '-');
    if name.len() <= MAX_RELEASE_NAME && name.split('.').all(label) {
        return Ok(name.to_owned());
    }
    Err(Advice::usage(format!("{name:?} cannot be the name of a release"))
        .help("names have at most 53 characters: lower case letters, digits, dashes and dots; `helm list -A` shows them")
        .into())
}

fn target(text: &str) -> Result<TargetRequest> {
    let wrong = |why: &str| {
        Advice::usage(format!("REVISION {text:?} {why}"))
            .help("give a revision that `helm history` lists, 0 for the one before the newest, or none to have it chosen")
    };
    if text.strip_prefix('-').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())) {
        return Err(wrong("is negative").into());
    }
    match text.parse::<Revision>() {
        Ok(0) => Ok(TargetRequest::HelmDefault),
        Ok(revision) => Ok(TargetRequest::Revision(revision)),
        Err(_) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => Err(wrong("is too large").into()),
        Err(_) => Err(wrong("is not a number").into()),
    }
}

/// Without a side a directory is what is deployed; with `--git` it is both, each as its revision has it.
fn migrations(evidence: &EvidenceArgs) -> Result<MigrationSources> {
    let plain = |dir: &PathBuf| Some(MigrationSource { dir: dir.clone(), revision: None });
    let mut sources =
        MigrationSources { evidence: evidence.schema.settings().map_err(Advice::usage)?, ..MigrationSources::default() };
    if evidence.replay.is_some() && sources.evidence != SchemaEvidence::default() {
        return Err(Advice::usage("a recording holds what the database and the code said")
            .help("leave those options out with --replay")
            .into());
    }
    for given in &evidence.migrations {
        let (newer, older) = match (given, &evidence.git) {
            (SideDir::From(dir), None) | (SideDir::Both(dir), None) => (plain(dir), None),
            (SideDir::To(dir), None) => (None, plain(dir)),
            (SideDir::Both(dir), Some((old, new))) => {
                let at = |revision: &String| Some(MigrationSource { dir: dir.clone(), revision: Some(revision.clone()) });
                (at(new), at(old))
            }
            (SideDir::From(_) | SideDir::To(_), Some(_)) => {
                return Err(Advice::usage("--git names both sides of one directory")
                    .help("write --migrations DIR --git OLD..NEW, or --migrations from=DIR --migrations to=DIR without it")
                    .into());
            }
        };
        if (newer.is_some() && sources.from.is_some()) || (older.is_some() && sources.to.is_some()) {
            return Err(Advice::usage("--migrations names one side twice").into());
        }
        sources.from = newer.or(sources.from);
        sources.to = older.or(sources.to);
    }
    Ok(sources)
}

fn source(evidence: &EvidenceArgs, env: &Env) -> Result<Source> {
    match &evidence.releases {
        Some(path) if path.as_os_str() == "-" => Ok(Source::Stdin),
        Some(path) => Ok(Source::File(path.clone())),
        None => driver(env).map(Source::Driver),
    }
}

/// Helm's drivers, spelled as Helm takes them (`pkg/action/action.go` `Init`): case counts.
fn driver(env: &Env) -> Result<Driver> {
    let name = env.text("HELM_DRIVER").unwrap_or_default();
    match name.as_str() {
        "" | "secret" | "secrets" => Ok(Driver::Secrets),
        "configmap" | "configmaps" => Ok(Driver::ConfigMaps),
        "sql" => match env.text("HELM_DRIVER_SQL_CONNECTION_STRING") {
            Some(connection) => Ok(Driver::Sql { connection }),
            None => Err(Advice::usage("HELM_DRIVER is sql, and HELM_DRIVER_SQL_CONNECTION_STRING is not set")
                .help("set it to the connection string that Helm uses")
                .into()),
        },
        "memory" => Ok(Driver::Memory { files: memory_files(env) }),
        other => Err(Advice::usage(format!("HELM_DRIVER is {other:?}, which Helm does not know"))
            .help("it may be secret, configmap, sql or memory")
            .into()),
    }
}

/// Colon-separated on every platform, as in Helm (`loadReleasesInMemory`).
fn memory_files(env: &Env) -> Vec<std::path::PathBuf> {
    let files = env.text("HELM_MEMORY_DRIVER_DATA").unwrap_or_default();
    files.split(':').filter(|file| !file.is_empty()).map(Into::into).collect()
}

fn gate_flags(given: &Given) -> Flags {
    let gate = &given.check.gate;
    Flags {
        fail_on: gate.fail_on,
        on_inconclusive: gate.on_inconclusive,
        accept_critical: given.accept.is_some_and(|accept| accept.accept_critical),
    }
}

fn outputs(check: &CheckArgs) -> Result<Vec<crate::settings::Output>> {
    let files: Vec<Option<&Path>> = check.gate.output.iter().map(|output| output.file.as_deref()).collect();
    one_report_each(&files)?;
    Ok(check.gate.output.clone())
}

/// Where reports go (none: standard output): two to one place would overwrite or run into each other, and a place that cannot be
/// written is said before anything is read or run.
pub fn one_report_each(files: &[Option<&Path>]) -> Result<()> {
    if files.iter().filter(|file| file.is_none()).count() > 1 {
        return Err(Advice::usage("two reports would go to standard output")
            .help("write one of them to a file: -o json=report.json")
            .into());
    }
    for (position, file) in files.iter().enumerate() {
        if let Some(path) = file.filter(|_| files[..position].contains(file)) {
            return Err(Advice::usage(format!("two reports would go to {}", path.display())).into());
        }
    }
    files.iter().flatten().try_for_each(|file| output::probe(file))
}

fn acceptance(accept: Option<&AcceptArgs>) -> Acceptance {
    accept
        .map_or_else(Acceptance::default, |accept| Acceptance { digest: accept.accept.clone(), critical: accept.accept_critical })
}

/// Everything that the digest binds and that a flag can say. The token is left out: it is a secret.
///
/// The connection is written out as resolved: what Helm took off its plugin's command line is in variables that are gone
/// when the person types the next command.
fn again(given: &Given, kube: &KubeOptions, env: &Env) -> Again {
    let check = given.check;
    let mut flags = connection(given.called_as, kube, env);
    let mut push =
        |name: &str, value: Option<&str>| flags.extend(value.into_iter().flat_map(|value| [name.to_owned(), value.to_owned()]));
    push("--fail-on", check.gate.fail_on.map(Severity::as_str));
    push("--on-inconclusive", check.gate.on_inconclusive.map(OnInconclusive::as_str));
    if let Some(config) = &check.gate.config {
        flags.extend(["--config".to_owned(), config.display().to_string()]);
    }
    if check.evidence.no_live {
        flags.push("--no-live".to_owned());
    }
    if check.evidence.server_dry_run {
        flags.push("--server-dry-run".to_owned());
    }
    flags.extend(migration_flags(&check.evidence));
    flags.extend(check.rollback.pass_on());
    let evidence = &check.evidence;
    let can_act = [&evidence.releases, &evidence.live, &evidence.discovery, &evidence.replay].iter().all(|file| file.is_none())
        && evidence.helm_version.is_none();
    Again { program: given.called_as.name().to_owned(), flags, can_act }
}

pub(super) fn migration_flags(evidence: &EvidenceArgs) -> Vec<String> {
    let dirs = evidence.migrations.iter().map(|given| match given {
        SideDir::From(dir) => format!("from={}", dir.display()),
        SideDir::To(dir) => format!("to={}", dir.display()),
        SideDir::Both(dir) => dir.display().to_string(),
    });
    let mut flags: Vec<String> = dirs.flat_map(|dir| ["--migrations".to_owned(), dir]).collect();
    if let Some((old, new)) = &evidence.git {
        flags.extend(["--git".to_owned(), format!("{old}..{new}")]);
    }
    flags.extend(evidence.schema.flags());
    flags
}

fn connection(called_as: CalledAs, kube: &KubeOptions, env: &Env) -> Vec<String> {
    let text = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let context = if called_as == CalledAs::KubectlPlugin { "--context" } else { "--kube-context" };
    // Helm hands `--kubeconfig` to plugins as KUBECONFIG, which may also be a list of the user's own; no flag takes a list.
    let inherited = || env.text("KUBECONFIG").filter(|path| called_as == CalledAs::HelmPlugin && !path.contains(':'));
    let values = [
        (context, kube.context.clone()),
        ("--kubeconfig", text(&kube.kubeconfig).or_else(inherited)),
        ("--kube-as-user", kube.as_user.clone()),
        ("--kube-apiserver", kube.apiserver.clone()),
        ("--kube-ca-file", text(&kube.ca_file)),
        ("--kube-tls-server-name", kube.tls_server_name.clone()),
    ];
    let groups = kube.as_groups.iter().map(|group| ("--kube-as-group", Some(group.clone())));
    let mut flags: Vec<String> = values
        .into_iter()
        .chain(groups)
        .filter_map(|(name, value)| value.map(|value| [name.to_owned(), value]))
        .flatten()
        .collect();
    if kube.insecure_skip_tls_verify {
        flags.push("--kube-insecure-skip-tls-verify=true".to_owned());
    }
    flags
}
