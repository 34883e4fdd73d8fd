//! Which kinds the API server serves, and its version.

use std::collections::BTreeMap;
use std::path::Path;

use futures::future::{join, join_all};
use serde::Deserialize;
use serde_json::Value;

use super::cluster::{Accept, ApiError, Cluster, escape};
use super::documents;
use super::error::LoadError;
use crate::input::{ApiResource, Discovery, Known};

/// Served kinds, and group/versions whose own server does not answer (their kinds are then not in `kinds`,
/// as Helm's client leaves them out too).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    pub kinds: Discovery,
    /// Keyed by `group/version`, with the reason.
    pub broken: BTreeMap<String, String>,
}

/// Answer of `/version`, without build suffixes: `1.36.3`.
pub async fn server_version(cluster: &Cluster) -> Result<String, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Version {
        git_version: String,
    }
    let version: Version = cluster.get_json("/version", Accept::Json).await?;
    let text = version.git_version.trim_start_matches('v');
    Ok(text.split(['+', '-']).next().unwrap_or(text).to_owned())
}

/// Everything the server serves, in two requests where it can aggregate (Kubernetes 1.27 and later, 1.26 in beta), else
/// one a group/version.
pub async fn served(cluster: &Cluster) -> Result<Served, ApiError> {
    let (core, groups) = join(cluster.get("/api", Accept::Discovery), cluster.get("/apis", Accept::Discovery)).await;
    let mut served = Served::default();
    let mut versions = Vec::new();
    for body in [core?, groups?] {
        let document: Value =
            serde_json::from_slice(&body).map_err(|error| ApiError::Malformed(super::cluster::position(&error)))?;
        if !served.add(&document) {
            versions.extend(listed_versions(&document));
        }
    }
    join_all(versions.into_iter().map(|version| one_version(cluster, version))).await.into_iter().for_each(
        |(version, answer)| match answer {
            Ok(document) => drop(served.add(&document)),
            Err(error) => drop(served.broken.insert(version, error.to_string())),
        },
    );
    Ok(served)
}

async fn one_version(cluster: &Cluster, version: String) -> (String, Result<Value, ApiError>) {
    let root = if version.contains('/') { "/apis/" } else { "/api/" };
    let path = version.split('/').map(escape).collect::<Vec<_>>().join("/");
    let answer = cluster.get_json(&format!("{root}{path}"), Accept::Json).await;
    (version, answer)
}

/// Group/versions of an `APIVersions` or `APIGroupList`.
fn listed_versions(document: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let core = array(document, "versions").iter().filter_map(text);
    let groups = array(document, "groups").iter().flat_map(|group| array(group, "versions"));
    core.chain(groups.filter_map(|version| text(&version["groupVersion"]))).collect()
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

impl Served {
    /// Adds what a discovery document says; false where it is none that lists kinds.
    fn add(&mut self, document: &Value) -> bool {
        match document["kind"].as_str() {
            Some("APIGroupDiscoveryList") => array(document, "items").iter().for_each(|group| self.add_group(group)),
            Some("APIGroupDiscovery") => self.add_group(document),
            Some("APIResourceList") => self.add_resources(document),
            _ => return false,
        }
        true
    }

    fn add_group(&mut self, group: &Value) {
        let name = group["metadata"]["name"].as_str().unwrap_or_default();
        for version in array(group, "versions") {
            let Some(number) = version["version"].as_str() else { continue };
            let api_version = if name.is_empty() { number.to_owned() } else { format!("{name}/{number}") };
            if version["freshness"].as_str() == Some("Stale") {
                self.broken.insert(api_version, "the server of this API group does not answer".to_owned());
                continue;
            }
            for resource in array(version, "resources") {
                let namespaced = resource["scope"].as_str() == Some("Namespaced");
                self.insert(&api_version, &resource["responseKind"]["kind"], &resource["resource"], namespaced);
            }
        }
    }

    /// Adds an `APIResourceList`, which may lack its `kind` in cache files.
    pub(super) fn add_list(&mut self, list: &Value) {
        self.add_resources(list);
    }

    fn add_resources(&mut self, list: &Value) {
        let Some(api_version) = list["groupVersion"].as_str() else { return };
        for resource in array(list, "resources") {
            self.insert(api_version, &resource["kind"], &resource["name"], resource["namespaced"].as_bool() == Some(true));
        }
    }

    fn insert(&mut self, api_version: &str, kind: &Value, plural: &Value, namespaced: bool) {
        let (Some(kind), Some(plural)) = (kind.as_str(), plural.as_str()) else { return };
        // Sub-resources (`deployments/scale`) share their path with an object and are no kinds of their own.
        if kind.is_empty() || plural.is_empty() || plural.contains('/') {
            return;
        }
        let resource = ApiResource { plural: plural.to_owned(), namespaced };
        self.kinds.entry((api_version.to_owned(), kind.to_owned())).or_insert(resource);
    }

    /// As a fact.
    pub fn into_known(self) -> Known<Discovery> {
        Known::Yes(self.kinds)
    }
}

/// `--discovery PATH`: answers of `kubectl get --raw /apis` (and `/api`) with the aggregated media type, or `APIResourceList`s
/// such as `kubectl get --raw /apis/apps/v1` and the `serverresources.json` files of a discovery cache; JSON or YAML, any number.
pub fn saved(path: &Path) -> Result<Served, LoadError> {
    let failed = |why: String| LoadError::File { path: path.display().to_string(), why };
    let mut served = Served::default();
    for (index, document) in documents::parse(&documents::read(path)?).map_err(failed)?.iter().enumerate() {
        if !served.add(document) {
            let kind = document["kind"].as_str().unwrap_or("no kind").chars().take(60).collect::<String>();
            return Err(failed(format!(
                "document {} ({kind}) is neither an APIGroupDiscoveryList nor an APIResourceList",
                index + 1
            )));
        }
    }
    if served.kinds.is_empty() {
        return Err(failed("it names no served kind".to_owned()));
    }
    Ok(served)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(api_version: &str, kind: &str) -> (String, String) {
        (api_version.to_owned(), kind.to_owned())
    }

    #[test]
    fn aggregated_answer_with_a_stale_group() {
        let resource =
            |kind: &str, plural: &str, scope: &str| json!({"resource": plural, "responseKind": {"kind": kind}, "scope": scope});
        let document = json!({"kind": "APIGroupDiscoveryList", "items": [
            {"metadata": {"name": "apps"}, "versions": [{"version": "v1", "freshness": "Current",
                "resources": [resource("Deployment", "deployments", "Namespaced"), resource("", "odd", "Cluster")]}]},
            {"metadata": {}, "versions": [{"version": "v1", "resources": [resource("Node", "nodes", "Cluster")]}]},
            {"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": "v1beta1", "freshness": "Stale",
                "resources": [resource("PodMetrics", "pods", "Namespaced")]}]},
        ]});
        let mut served = Served::default();
        assert!(served.add(&document));
        assert_eq!(served.kinds.len(), 2);
        assert!(served.kinds[&key("apps/v1", "Deployment")].namespaced);
        assert!(!served.kinds[&key("v1", "Node")].namespaced);
        assert_eq!(served.broken.keys().collect::<Vec<_>>(), ["metrics.k8s.io/v1beta1"]);
    }

    #[test]
    fn older_servers_list_versions_first() {
        assert_eq!(listed_versions(&json!({"kind": "APIVersions", "versions": ["v1"]})), ["v1"]);
        let groups = json!({"kind": "APIGroupList", "groups": [{"name": "apps", "versions": [{"groupVersion": "apps/v1"}]}]});
        assert_eq!(listed_versions(&groups), ["apps/v1"]);
        assert!(!Served::default().add(&groups));
    }

    #[test]
    fn saved_lists_in_yaml() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d.yaml");
        let text = "kind: APIResourceList\ngroupVersion: apps/v1\nresources:\n- {name: deployments, kind: Deployment, namespaced: true}\n\
                    - {name: deployments/scale, kind: Scale, namespaced: true}\n---\n\
                    {kind: APIResourceList, groupVersion: v1, resources: [{name: nodes, kind: Node, namespaced: false}]}\n";
        std::fs::write(&path, text).unwrap();
        let served = saved(&path).unwrap();
        assert_eq!(served.kinds.keys().cloned().collect::<Vec<_>>(), [key("apps/v1", "Deployment"), key("v1", "Node")]);
        std::fs::write(&path, "kind: APIGroupList\n").unwrap();
        assert!(saved(&path).unwrap_err().to_string().ends_with("neither an APIGroupDiscoveryList nor an APIResourceList"));
    }
}
