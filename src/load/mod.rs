//! Everything that is asked of the world, at once and redacted on the way in.
//!
//! Four rounds of requests: the listing beside discovery; the records; the live objects they name beside the records in
//! between; what those objects lead to.

pub mod access;
mod answers;
pub mod applied;
pub mod around;
pub mod caller;
pub mod candidate;
pub mod cluster;
pub mod database;
pub mod discovery;
pub mod discovery_cache;
pub mod documents;
pub mod dry_run;
pub mod dsn;
pub mod error;
pub mod event;
pub mod evidence;
pub mod files;
pub mod git;
pub mod helm_binary;
pub mod inspect;
pub mod kubeconfig;
pub mod live;
pub mod migrations;
pub mod old_code;
pub mod policy;
pub mod preview;
pub mod recording;
pub mod records;
pub mod rendered;
pub mod schema;
pub mod storage;

use std::collections::BTreeSet;

use jiff::Timestamp;

use self::cluster::{Accept, ApiError, Cluster};
use self::discovery::Served;
use self::error::LoadError;
use self::evidence::{Evidence, SavedLive};
use self::records::{Ends, History};
use self::storage::Store;
use crate::execute::verify::Observed;
use crate::helm::HelmBinary;
use crate::input::{Access, Facts, Gap, Input, Known, NamespacePolicy};
use crate::k8s::scope::Scopes;
use crate::release::manifest::ParseContext;
use crate::release::redact::Redactor;
use crate::settings::{Driver, LoadOptions, Source};

/// Hears what is being done, in a few words: `reading revisions`.
pub trait Progress {
    fn step(&self, text: &str);
}

/// Hears nothing.
impl Progress for () {
    fn step(&self, _: &str) {}
}

/// Reads everything that one comparison needs. The error is a [`LoadError`], its texts redacted.
///
/// To compare with what was accepted, call it again.
pub async fn input(options: &LoadOptions, redactor: &Redactor, progress: &dyn Progress) -> anyhow::Result<Input> {
    gather(options, redactor, progress).await.map_err(|error| error.scrubbed(redactor).into())
}

async fn gather(options: &LoadOptions, redactor: &Redactor, progress: &dyn Progress) -> Result<Input, LoadError> {
    if let Some(path) = &options.replay {
        return recording::read(path);
    }
    if let Source::Rendered { from, to } = &options.source {
        return rendered::input(options, from, to, redactor).await;
    }
    let place = Place::open(options).await?;
    gather_at(&place, options, redactor, progress).await
}

async fn gather_at(
    place: &Place,
    options: &LoadOptions,
    redactor: &Redactor,
    progress: &dyn Progress,
) -> Result<Input, LoadError> {
    let store = &place.store;
    progress.step("reading revisions and served kinds");
    let records = async {
        let mut history = History::list(store, options, redactor).await?;
        let choice = history.choose(options).await?;
        Ok((history, choice))
    };
    let world = async { Ok(place.world(options, redactor).await) };
    let demands = async { Ok(place.policy(options, redactor).await) };
    let ((mut history, target), world, helm, demands) = tokio::try_join!(records, world, helm(options), demands)?;
    let World { mut facts, served } = world?;
    facts.namespace_policy = demands;

    progress.step("reading records");
    let scopes = facts.discovery.yes().map_or_else(Scopes::builtin, Scopes::with_discovery);
    let context = ParseContext { default_namespace: store.namespace(), scopes: &scopes, redactor };
    let ends = history.ends(&target, &context)?;
    let evidence = place.evidence(options, served)?;
    let named = migrations::named(&options.migrations, redactor)?;
    progress.step("reading live objects and the records in between");
    let around = lead_on(place, &evidence, options, &mut history, &ends, &mut facts, &context).await?;
    history.scrub();
    let mut gaps = history.gaps;
    gaps.extend(broken_groups(&evidence, &ends, redactor));
    let Ends { from, to } = ends;
    let mut input = Input {
        helm,
        flags: options.flags.clone(),
        driver: store.driver().to_owned(),
        namespace: store.namespace().to_owned(),
        from,
        to,
        history: history.entries,
        between: around.between,
        residue: around.residue,
        target,
        facts,
        schema: named,
        gaps,
    };
    schema::complete(&mut input, &options.migrations.evidence).await?;
    Ok(input)
}

/// Reads what both records lead to: live objects, what surrounds them, what may be done, and the records in between.
async fn lead_on(
    place: &Place,
    evidence: &Evidence,
    options: &LoadOptions,
    history: &mut History<'_>,
    ends: &Ends,
    facts: &mut Facts,
    context: &ParseContext<'_>,
) -> Result<records::Around, LoadError> {
    let redactor = context.redactor;
    let live = live::read(evidence, live::wanted(&ends.from, &ends.to, &[]), redactor);
    let surroundings = async {
        if options.live_evidence { around::read(evidence, &ends.from, &ends.to, redactor).await } else { around::Around::new() }
    };
    let access = async {
        match evidence {
            Evidence::Cluster { cluster, .. } => {
                access::read(cluster, &ends.from, &ends.to, place.store.records_kind(), redactor).await
            }
            Evidence::File(_) | Evidence::None(_) => Access::default(),
        }
    };
    let (around, live, surroundings, access) = tokio::join!(history.around(ends, context), live, surroundings, access);
    let around = around?;
    facts.live = live;
    facts.around = surroundings;
    facts.access = access;
    let left =
        live::wanted(&ends.from, &ends.to, &around.residue).into_iter().filter(|id| !facts.live.contains_key(id)).collect();
    let left = live::read(evidence, left, redactor).await;
    facts.live.extend(left);
    if options.live_evidence {
        live::follow(evidence, &ends.from, &ends.to, facts, redactor).await;
    }
    Ok(around)
}

/// Reads again what verification compares: the revisions (payloads from *from* on, and of those whose record the rollback
/// may have rewritten), who wrote the new ones, and the live state of every object that was read before.
pub async fn after(options: &LoadOptions, redactor: &Redactor, before: &Input) -> anyhow::Result<Observed> {
    observe(options, redactor, before).await.map_err(|error| error.scrubbed(redactor).into())
}

async fn observe(options: &LoadOptions, redactor: &Redactor, before: &Input) -> Result<Observed, LoadError> {
    let place = Place::open(options).await?;
    let revisions = async {
        let next = before.from.revision.saturating_add(1);
        let listing = place.store.list(&options.release, Some(next)).await?;
        let authors = listing.authors.clone();
        let mut history = History::of(&place.store, listing, redactor);
        let rewritten = |revision: u32| {
            revision >= before.from.revision
                || before.history.iter().any(|old| old.revision == revision && old.status() == crate::release::Status::Deployed)
        };
        let wanted: Vec<u32> = history.entries.iter().map(|entry| entry.revision).filter(|n| rewritten(*n)).collect();
        history.read_infos(&wanted).await?;
        Ok::<_, LoadError>((history.entries, authors))
    };
    let served = place.served(options);
    let (revisions, served) = tokio::join!(revisions, served);
    let (history, mut authors) = revisions?;
    authors.retain(|revision, _| *revision > before.from.revision);
    let evidence = place.evidence(options, served?)?;
    let ids: BTreeSet<_> = before.facts.live.keys().cloned().collect();
    let live = live::read(&evidence, ids, redactor).await;
    Ok(Observed { history, authors, live })
}

/// The storage, and the cluster if there is one.
struct Place {
    store: Store,
    /// Reason where there is none.
    cluster: Result<Cluster, String>,
}

/// What is known of the server itself.
struct World {
    facts: Facts,
    served: Known<Served>,
}

impl Place {
    async fn open(options: &LoadOptions) -> Result<Place, LoadError> {
        Place::open_for(options, false).await
    }

    /// For several looks at one release what was read once is remembered.
    async fn open_for(options: &LoadOptions, several_looks: bool) -> Result<Place, LoadError> {
        let cluster = match &options.source {
            Source::Driver(Driver::Secrets | Driver::ConfigMaps) => Ok(Cluster::connect(&options.kube).await?),
            Source::Driver(Driver::Sql { .. }) if options.live_evidence => {
                Cluster::connect(&options.kube).await.map_err(|error| error.to_string())
            }
            Source::Driver(Driver::Sql { .. }) => Err("live evidence was turned off".to_owned()),
            Source::Driver(Driver::Memory { .. }) => Err("memory storage: there is no cluster".to_owned()),
            Source::File(_) | Source::Stdin | Source::Rendered { .. } => {
                Err("records from a file: no cluster was asked".to_owned())
            }
        };
        let cluster = if several_looks { cluster.map(Cluster::remembering) } else { cluster };
        let mut store = Store::open(options, cluster.as_ref().ok()).await?;
        if several_looks {
            store.keep();
        }
        Ok(Place { store, cluster })
    }

    /// The cluster where it may be asked for evidence.
    fn asked(&self, options: &LoadOptions) -> Result<&Cluster, String> {
        match &self.cluster {
            Ok(_) if !options.live_evidence => Err("live evidence was turned off".to_owned()),
            Ok(cluster) => Ok(cluster),
            Err(why) => Err(why.clone()),
        }
    }

    /// Asked for also where live evidence is turned off: no flag may take away what it demands.
    async fn policy(&self, options: &LoadOptions, redactor: &Redactor) -> NamespacePolicy {
        match &self.cluster {
            Ok(cluster) => {
                let cluster = cluster.limited(options.request_timeout, options.request_timeout);
                policy::of_namespace(&cluster, self.store.namespace(), redactor).await
            }
            Err(_) => NamespacePolicy::NotAsked,
        }
    }

    async fn served(&self, options: &LoadOptions) -> Result<Known<Served>, LoadError> {
        if let Some(path) = &options.discovery {
            return discovery::saved(path).map(Known::Yes);
        }
        Ok(match self.asked(options) {
            Ok(cluster) => known(discovery::served(cluster).await, "served kinds"),
            Err(why) => Known::No(why),
        })
    }

    async fn world(&self, options: &LoadOptions, redactor: &Redactor) -> Result<World, LoadError> {
        let (served, mut facts) = match self.asked(options) {
            Ok(cluster) => {
                let version = discovery::server_version(cluster);
                let (served, version, uid) = tokio::join!(self.served(options), version, cluster_uid(cluster));
                let mut facts = Facts::none("not read");
                facts.server_version = known(version, "server version");
                facts.cluster_uid = uid;
                facts.cached_discovery = discovery_cache::cached(cluster.server());
                (served?, facts)
            }
            Err(why) => (self.served(options).await?, Facts::none(&why)),
        };
        facts.now = Known::Yes(Timestamp::now());
        facts.discovery = match &served {
            Known::Yes(served) => Known::Yes(served.kinds.clone()),
            Known::No(why) => Known::No(redactor.scrub(why)),
        };
        Ok(World { facts, served })
    }

    fn evidence(&self, options: &LoadOptions, served: Known<Served>) -> Result<Evidence, LoadError> {
        if let Some(path) = &options.live {
            return SavedLive::read(path).map(Evidence::File);
        }
        Ok(match self.asked(options) {
            Ok(cluster) => {
                let cluster = cluster.limited(options.request_timeout, options.evidence_timeout);
                Evidence::Cluster { cluster, served }
            }
            Err(why) => Evidence::None(why),
        })
    }
}

fn known<T>(answer: Result<T, ApiError>, what: &str) -> Known<T> {
    match answer {
        Ok(value) => Known::Yes(value),
        Err(error) => Known::No(error.gap("get", what, None)),
    }
}

/// Uid of `kube-system`.
pub async fn cluster_uid(cluster: &Cluster) -> Known<String> {
    let answer = cluster.get_json::<serde_json::Value>("/api/v1/namespaces/kube-system", Accept::Metadata).await;
    match answer.map(|namespace| namespace["metadata"]["uid"].as_str().map(str::to_owned)) {
        Ok(Some(uid)) => Known::Yes(uid),
        Ok(None) => Known::No("namespace kube-system has no uid".to_owned()),
        Err(error) => Known::No(error.gap("get", "namespaces", None)),
    }
}

/// Records from files can be judged without a Helm; everything else is about running one.
async fn helm(options: &LoadOptions) -> Result<HelmBinary, LoadError> {
    match helm_binary::helm_binary(&options.helm_bin, options.helm_version.as_ref()).await {
        Err(missing @ LoadError::HelmMissing { .. }) if !matches!(options.source, Source::Driver(_)) => {
            Ok(HelmBinary { path: None, version: Known::No(missing.to_string()) })
        }
        other => other,
    }
}

/// Groups of the manifests whose own API server does not answer: whether their kinds are served is not known.
fn broken_groups(evidence: &Evidence, ends: &Ends, redactor: &Redactor) -> Vec<Gap> {
    let Some(served) = evidence.served() else { return Vec::new() };
    let objects = ends.from.objects.iter().chain(&ends.to.objects);
    let named: BTreeSet<&str> = objects.map(|object| object.id.api_version.as_str()).collect();
    let broken = served.broken.iter().filter(|(api_version, _)| named.contains(api_version.as_str()));
    broken
        .map(|(api_version, why)| {
            Gap::new(format!("API group {api_version}"), redactor.scrub(why)).affecting("forecast").blocking()
        })
        .collect()
}
