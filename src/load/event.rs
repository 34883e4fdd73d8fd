//! Writes one Event: the only object this program makes itself.

use super::cluster::Cluster;
use crate::release::redact::Redactor;
use crate::settings::{Driver, LoadOptions, Source};

/// Puts the Event into its namespace. Without a cluster nothing is done.
///
/// # Errors
/// Why it could not be written, in words.
pub async fn write(options: &LoadOptions, namespace: &str, event: &serde_json::Value, redactor: &Redactor) -> Result<(), String> {
    let Source::Driver(Driver::Secrets | Driver::ConfigMaps | Driver::Sql { .. }) = options.source else { return Ok(()) };
    let scrub = |why: String| redactor.scrub(&why);
    let cluster = Cluster::connect(&options.kube).await.map_err(|error| scrub(error.to_string()))?;
    let cluster = cluster.limited(options.request_timeout, options.evidence_timeout);
    cluster.create_event(namespace, event).await.map_err(|error| scrub(error.gap("create", "events", Some(namespace))))
}
