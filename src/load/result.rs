//! The look after the rollback: the history, the records it touched, and the same objects once more.

use anyhow::Result;

use super::cluster::Cluster;
use super::live;
use super::storage::Store;
use super::{asks_cluster, connect};
use crate::execute::Observed;
use crate::input::{Input, Known, RevisionEntry};
use crate::release::redact::Redactor;
use crate::settings::LoadOptions;

/// Reads what verification compares with the forecast.
pub async fn after(options: &LoadOptions, redactor: &Redactor, before: &Input) -> Result<Observed> {
    let cluster = connect(options).await?;
    let store = Store::open(options, cluster.as_ref()).await?;
    let mut listing = store.list(&options.release, Some(before.from.revision + 1)).await?;
    for entry in listing.entries.iter_mut().filter(|entry| may_have_changed(entry, before)) {
        match store.fetch(entry).await?.record {
            Ok(raw) => entry.record = Some(raw.info(redactor)),
            Err(why) => entry.undecodable = Some(why),
        }
    }
    let live = live_again(options, cluster.as_ref(), redactor, before).await;
    Ok(Observed { history: listing.entries, authors: listing.authors, live })
}

/// New records, *from*, and whatever was rewritten since it was read.
fn may_have_changed(entry: &RevisionEntry, before: &Input) -> bool {
    let known = before.history.iter().find(|known| known.revision == entry.revision);
    entry.revision >= before.from.revision || known.is_none_or(|known| known.stored.resource_version != entry.stored.resource_version)
}

async fn live_again(options: &LoadOptions, cluster: Option<&Cluster>, redactor: &Redactor, before: &Input) -> crate::execute::steps::Live {
    let ids = before.facts.live.keys().cloned().collect();
    match cluster.filter(|_| asks_cluster(options)) {
        Some(cluster) => live::objects(cluster, ids, &before.facts.discovery, redactor).await,
        None => ids.into_iter().map(|id| (id, Known::No("no cluster was asked".to_owned()))).collect(),
    }
}
