//! `policy check|explain|schema`.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use clap::{Args, Subcommand};

use super::Env;
use super::args::ListFormat;
use super::kube::KubeArgs;
use super::look;
use super::options;
use super::output::{BrokenPipe, print};
use crate::exit::{Advice, ExitStatus};
use crate::input::{Known, NamespacePolicy};
use crate::load::cluster::Cluster;
use crate::load::policy as files;
use crate::plan::signature::Signers;
use crate::policy::{Flags, Policy, SCHEMA_TEXT, Scope, explain};
use crate::release::redact::Redactor;
use crate::report::clean;
use crate::rules::fault::{Fault, Faults};

pub const EXAMPLES: &str = "\
Examples:
  helm rollback-safe policy check rollback-safe.yaml
      every fault with its line and column; takes several files, and looks at all of them
  helm rollback-safe policy explain shop -n prod --config policy.yaml
      which sources there are, what is in force for this release, and why
  helm rollback-safe policy schema > rollback-safe.schema.json
      for editors";

#[derive(Args, Debug)]
pub struct PolicyArgs {
    #[command(subcommand)]
    pub command: PolicyCommand,
}

#[derive(Subcommand, Debug)]
pub enum PolicyCommand {
    /// Read policy files and say everything that is wrong with them
    Check {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Which sources there are, what is in force for a release, and why
    Explain {
        #[arg(value_name = "RELEASE")]
        release: String,
        /// Policy that may set, waive and trust
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Ask no cluster: leaves out what the namespace demands
        #[arg(long)]
        no_cluster: bool,
        /// text or json
        #[arg(short = 'o', long = "output", value_name = "FORMAT", value_enum, default_value_t, hide_possible_values = true)]
        format: ListFormat,
    },
    /// JSON Schema of the policy file, for editors
    Schema,
}

pub fn run(command: &PolicyCommand, kube: &KubeArgs, env: &Env, redactor: &Redactor) -> Result<ExitStatus> {
    let text = match command {
        PolicyCommand::Check { files } => return check(files).map(|()| ExitStatus::Ok),
        PolicyCommand::Schema => SCHEMA_TEXT.to_owned(),
        PolicyCommand::Explain { release, config, no_cluster, format } => {
            options::release_name(release)?;
            let loaded = files::load(config.as_deref(), env.directory(), Flags::default())?;
            let seen = if *no_cluster { Seen::nothing(kube, env)? } else { Seen::of_cluster(kube, env, redactor)? };
            let scope = Scope { namespace: &seen.namespace, release, cluster: &seen.cluster, now: jiff::Timestamp::now() };
            let effective = look::under(&loaded.policy, &seen.demands, &scope, &loaded.rules)?;
            match format {
                ListFormat::Text => explain::text(&effective, &scope),
                ListFormat::Json => format!("{:#}\n", explain::json(&effective, &scope)),
            }
        }
    };
    print(&text, BrokenPipe::Ignore)?;
    Ok(ExitStatus::Ok)
}

/// Looks at every file; one that cannot be used keeps none of the others from being looked at.
fn check(paths: &[PathBuf]) -> Result<()> {
    let (mut out, mut wrong) = (String::new(), Vec::new());
    for path in paths {
        match files::check(path).and_then(|loaded| signers(path, &loaded.policy).map(|()| loaded)) {
            Ok(loaded) => {
                let digest = loaded.policy.sources.first().map_or("", |source| &source.info.digest);
                out.push_str(&format!("{}: ok, {digest}\n", clean(&path.display().to_string())));
            }
            Err(error) => wrong.push(error),
        }
    }
    print(&out, BrokenPipe::Ignore)?;
    if wrong.is_empty() { Ok(()) } else { Err(all_faults(wrong, paths.len())) }
}

/// Keys that cannot be read would be found out when somebody has signed already.
fn signers(path: &Path, policy: &Policy) -> Result<()> {
    let named = policy.sources.iter().find_map(|source| Some((source.file.allowed_signers.as_ref()?, source.signers.as_ref()?)));
    let Some((file, text)) = named else { return Ok(()) };
    Signers::parse(text).map(drop).map_err(|why| {
        let message = format!("the allowed signers in {:?} cannot be read: {why}", file.value);
        files::faulty(Faults(vec![Fault { file: path.display().to_string(), mark: file.mark, message }]))
    })
}

/// Faults with their places first; then what has none, such as a file that cannot be read.
fn all_faults(wrong: Vec<anyhow::Error>, files: usize) -> anyhow::Error {
    let count = wrong.len();
    let (mut faults, mut others) = (Vec::new(), Vec::new());
    for error in &wrong {
        match error.downcast_ref::<Faults>() {
            Some(Faults(found)) => faults.extend(found.clone()),
            None => others.push(error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")),
        }
    }
    let lines: Vec<String> = faults.iter().map(ToString::to_string).chain(others).collect();
    let headline = match (count, files) {
        (_, 1) => "the policy cannot be used".to_owned(),
        _ => format!("{count} of {files} policies cannot be used"),
    };
    let mut advice = Advice::usage(headline);
    for line in wrong.iter().filter_map(|error| error.downcast_ref::<Advice>()).flat_map(|advice| &advice.help) {
        if !advice.help.contains(line) {
            advice = advice.help(line);
        }
    }
    anyhow!(lines.join("\n")).context(advice)
}

/// What a cluster says about the release's namespace.
struct Seen {
    namespace: String,
    cluster: Known<String>,
    demands: NamespacePolicy,
}

impl Seen {
    fn nothing(kube: &KubeArgs, env: &Env) -> Result<Seen> {
        let namespace = kube.options(env)?.namespace.unwrap_or_else(|| "default".to_owned());
        let cluster = Known::No("no cluster was asked".to_owned());
        Ok(Seen { namespace, cluster, demands: NamespacePolicy::NotAsked })
    }

    fn of_cluster(kube: &KubeArgs, env: &Env, redactor: &Redactor) -> Result<Seen> {
        let options = kube.options(env)?;
        let runtime = super::runtime()?;
        runtime.block_on(async {
            let cluster = Cluster::connect(&options).await.map_err(|error| error.scrubbed(redactor)).map_err(no_cluster)?;
            let namespace = cluster.namespace().to_owned();
            let (demands, uid) =
                tokio::join!(files::of_namespace(&cluster, &namespace, redactor), crate::load::cluster_uid(&cluster));
            Ok(Seen { namespace, cluster: uid, demands })
        })
    }
}

fn no_cluster(error: impl Into<anyhow::Error>) -> anyhow::Error {
    let why: anyhow::Error = error.into();
    why.context(
        Advice::new(ExitStatus::CouldNotRun, "cannot ask the cluster what the namespace demands")
            .help("with --no-cluster the files alone are explained"),
    )
}
