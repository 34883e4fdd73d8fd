//! What the caller may do, asked of the API server itself.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use serde::Deserialize;
use serde_json::json;

use super::cluster::Cluster;
use crate::input::{Access, AccessRule, Known};
use crate::release::Release;
use crate::release::redact::Redactor;

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
/// A namespace in which no RoleBinding can be: what is allowed there is allowed in the whole cluster. Underscores are no
/// part of a namespace's name (Kubernetes `pkg/apis/core/validation` `ValidateNamespaceName`).
const NOWHERE: &str = "__cluster_wide__";

#[derive(Deserialize)]
struct Review {
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    resource_rules: Vec<Rule>,
    #[serde(default)]
    incomplete: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    #[serde(default)]
    verbs: Vec<String>,
    #[serde(default)]
    api_groups: Vec<String>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    resource_names: Vec<String>,
}

/// One review for each namespace of the manifests, one for what is allowed everywhere. `records` is the plural of the kind
/// that holds release records, where the cluster holds them.
pub async fn read(cluster: &Cluster, from: &Release, to: &Release, records: Option<&str>, redactor: &Redactor) -> Access {
    let mut access = all(cluster, from, to, redactor).await;
    let own = access.by_namespace.get(&Some(from.namespace.clone())).and_then(Known::yes);
    access.writes_records = match (records, own) {
        (Some(plural), Some(rules)) => Known::Yes(rules.iter().any(|rule| rule.allows("create", "", plural, ""))),
        (Some(_), None) => Known::No("permissions were not read".to_owned()),
        (None, _) => Known::Yes(true),
    };
    access
}

async fn all(cluster: &Cluster, from: &Release, to: &Release, redactor: &Redactor) -> Access {
    let objects = from.objects.iter().chain(&to.objects);
    let named = objects.map(|object| object.id.namespace.clone());
    let namespaces: BTreeSet<Option<String>> = named.chain([None, Some(from.namespace.clone())]).collect();
    let reviews = namespaces.into_iter().map(async |namespace| {
        let rules = review(cluster, namespace.as_deref().unwrap_or(NOWHERE)).await;
        (namespace, rules.map_or_else(|why| Known::No(redactor.scrub(&why)), Known::Yes))
    });
    let by_namespace: BTreeMap<_, _> = join_all(reviews).await.into_iter().collect();
    Access { by_namespace, ..Access::default() }
}

async fn review(cluster: &Cluster, namespace: &str) -> Result<Vec<AccessRule>, String> {
    let request =
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}});
    let answer: Result<Review, _> = cluster.post_json(REVIEWS, &request).await;
    let status = answer.map_err(|error| error.gap("create", "selfsubjectrulesreviews", None))?.status;
    if status.incomplete {
        return Err("the API server cannot list all permissions: it has an authorizer besides RBAC".to_owned());
    }
    let rules = status.resource_rules.into_iter();
    Ok(rules
        .map(|rule| AccessRule {
            verbs: rule.verbs,
            groups: rule.api_groups,
            resources: rule.resources,
            names: rule.resource_names,
        })
        .collect())
}
