//! Everything that is asked of the world, at once and redacted on the way in.

pub mod cluster;
pub mod discovery;
pub mod discovery_cache;
pub mod documents;
pub mod error;
pub mod helm_binary;
pub mod kubeconfig;
pub mod live;
pub mod live_more;
pub mod records;
pub mod result;
pub mod storage;

use anyhow::Result;
use futures::future::{OptionFuture, join, join3};

use self::cluster::Cluster;
use self::discovery::Served;
use self::error::LoadError;
use self::records::Records;
use self::storage::Store;
use crate::input::{Facts, Gap, Input, Known};
use crate::k8s::scope::Scopes;
use crate::release::redact::Redactor;
use crate::settings::{Driver, LoadOptions, Source};

pub use result::after;

/// Told what is being done, for people who wait.
pub trait Progress {
    fn step(&self, text: &str);
}

/// What is known of the API server before any object is read.
struct Server {
    version: Known<String>,
    discovery: Known<discovery::Served>,
    uid: Known<String>,
}

/// Reads both records, those between, and the facts the comparison calls for.
///
/// Errors are [`LoadError`] where a person can do something about them.
pub async fn input(options: &LoadOptions, redactor: &Redactor, progress: &dyn Progress) -> Result<Input> {
    progress.step("reading the release's revisions");
    let cluster = connect(options).await?;
    let helm = helm_binary::helm_binary(&options.helm_bin, options.helm_version.as_ref());
    let server = server(options, cluster.as_ref());
    let (helm, server, records) = join3(helm, server, choose(options, cluster.as_ref(), redactor)).await;
    let (helm, mut records) = (helm?, records?);

    let scopes = match &server.discovery {
        Known::Yes(served) => Scopes::with_discovery(&served.kinds),
        Known::No(_) => Scopes::builtin(),
    };
    progress.step("reading the records between");
    let parsed = records.parse(scopes, redactor).await?;
    let mut gaps = records.gaps();
    gaps.extend(broken_groups(&server.discovery));

    progress.step("reading live state");
    let facts = facts(options, cluster.as_ref(), server, &parsed, redactor, &mut gaps).await?;
    Ok(Input {
        helm,
        flags: options.flags.clone(),
        driver: records.driver().to_owned(),
        namespace: records.namespace().to_owned(),
        history: records.history(),
        from: parsed.from,
        to: parsed.to,
        between: parsed.between,
        residue: parsed.residue,
        target: parsed.target,
        facts,
        gaps,
    })
}

async fn choose(options: &LoadOptions, cluster: Option<&Cluster>, redactor: &Redactor) -> Result<Records, LoadError> {
    let store = Store::open(options, cluster).await?;
    Records::choose(store, options, redactor).await
}

/// A cluster is asked unless records and live objects both come from somewhere else.
async fn connect(options: &LoadOptions) -> Result<Option<Cluster>, LoadError> {
    let stores_records = matches!(options.source, Source::Driver(Driver::Secrets | Driver::ConfigMaps));
    if !stores_records && !asks_cluster(options) {
        return Ok(None);
    }
    match Cluster::connect(&options.kube).await {
        Ok(cluster) => Ok(Some(cluster)),
        Err(error) if stores_records => Err(error),
        // Records come from a database: the comparison goes on, and says what it could not see.
        Err(_) => Ok(None),
    }
}

/// Whether live state is to be read from the cluster that the records belong to.
fn asks_cluster(options: &LoadOptions) -> bool {
    let has_cluster = matches!(options.source, Source::Driver(Driver::Secrets | Driver::ConfigMaps | Driver::Sql { .. }));
    has_cluster && options.live_evidence && options.live.is_none()
}

/// Why no cluster was asked.
fn why_not_asked(options: &LoadOptions) -> &'static str {
    match &options.source {
        Source::Driver(Driver::Memory { .. }) => "memory storage: there is no cluster behind it",
        Source::File(_) | Source::Stdin => "records come from files: no cluster was asked",
        Source::Driver(_) if !options.live_evidence => "live state was not asked for (--no-live)",
        Source::Driver(_) => "the cluster could not be reached",
    }
}

async fn server(options: &LoadOptions, cluster: Option<&Cluster>) -> Server {
    let asked = cluster.filter(|_| asks_cluster(options));
    let uid: OptionFuture<_> = asked.map(live_more::cluster_uid).into();
    let version: OptionFuture<_> = asked.map(discovery::server_version).into();
    let kinds: OptionFuture<_> = asked.map(discovery::served).into();
    let (uid, (version, kinds)) = join(uid, join(version, kinds)).await;
    let unasked = || why_not_asked(options).to_owned();
    Server {
        version: match version {
            Some(Ok(version)) => Known::Yes(version),
            Some(Err(error)) => Known::No(error.gap("get", "/version", None)),
            None => Known::No(unasked()),
        },
        discovery: match kinds {
            Some(Ok(served)) => Known::Yes(served),
            Some(Err(error)) => Known::No(error.gap("get", "/apis", None)),
            None => Known::No(unasked()),
        },
        uid: uid.unwrap_or_else(|| Known::No(unasked())),
    }
}

fn broken_groups(discovery: &Known<Served>) -> Vec<Gap> {
    let broken = discovery.yes().map(|served| &served.broken);
    let gaps = broken.into_iter().flatten();
    gaps.map(|(version, why)| Gap::new(format!("kinds of {version}"), why.clone()).affecting("api-not-served")).collect()
}

async fn facts(
    options: &LoadOptions,
    cluster: Option<&Cluster>,
    server: Server,
    parsed: &records::Parsed,
    redactor: &Redactor,
    gaps: &mut Vec<Gap>,
) -> Result<Facts, LoadError> {
    let mut facts = Facts::none(why_not_asked(options));
    facts.server_version = server.version;
    facts.cluster_uid = server.uid;
    facts.discovery = match server.discovery {
        Known::Yes(served) => served.into_known(),
        Known::No(why) => Known::No(why),
    };
    if let Some(path) = &options.discovery {
        let served = discovery::saved(path)?;
        gaps.extend(broken_groups(&Known::Yes(served.clone())));
        facts.discovery = served.into_known();
    }
    if let Some(path) = &options.live {
        live::saved(path, &mut facts, parsed, redactor)?;
    } else if let Some(cluster) = cluster.filter(|_| asks_cluster(options)) {
        facts.cached_discovery = discovery_cache::cached(cluster.server());
        live::read(cluster, &mut facts, parsed, redactor).await;
    }
    Ok(facts)
}
