//! Who asks, and which cluster answers.

use serde::Deserialize;
use serde_json::json;

use super::cluster::Cluster;
use super::cluster_uid;
use crate::input::Known;
use crate::release::redact::Redactor;
use crate::settings::{Driver, LoadOptions, Source};

/// Stable since Kubernetes 1.28 (KEP-3325).
const REVIEW: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

/// What the cluster says about itself and about the caller.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    /// The name by which the cluster knows the caller.
    pub name: Known<String>,
    /// Uid of the namespace `kube-system`.
    pub cluster: Known<String>,
}

#[derive(Deserialize)]
struct Review {
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    user_info: UserInfo,
}

#[derive(Deserialize)]
struct UserInfo {
    username: String,
}

/// One review and one GET. Without a cluster both are unknown, with the reason.
pub async fn read(options: &LoadOptions, redactor: &Redactor) -> Caller {
    let unknown = |why: &str| Caller { name: Known::No(why.to_owned()), cluster: Known::No(why.to_owned()) };
    let Source::Driver(Driver::Secrets | Driver::ConfigMaps | Driver::Sql { .. }) = options.source else {
        return unknown("there is no cluster");
    };
    let cluster = match Cluster::connect(&options.kube).await {
        Ok(cluster) => cluster.limited(options.request_timeout, options.evidence_timeout),
        Err(error) => return unknown(&redactor.scrub(&error.to_string())),
    };
    let (name, uid) = tokio::join!(name(&cluster), cluster_uid(&cluster));
    let scrubbed = |fact: Known<String>| match fact {
        Known::No(why) => Known::No(redactor.scrub(&why)),
        known => known,
    };
    Caller { name: scrubbed(name), cluster: scrubbed(uid) }
}

async fn name(cluster: &Cluster) -> Known<String> {
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    match cluster.post_json::<Review>(REVIEW, &request).await {
        Ok(review) if review.status.user_info.username.is_empty() => Known::No("the API server gave no name".to_owned()),
        Ok(review) => Known::Yes(review.status.user_info.username),
        Err(error) => Known::No(error.gap("create", "selfsubjectreviews", None)),
    }
}
