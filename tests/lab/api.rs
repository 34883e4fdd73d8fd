//! A small blocking client of the lab's API server.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Names one object through the API that a manifest or a case gives for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    pub api_version: String,
    pub kind: String,
    /// None: cluster-scoped.
    pub namespace: Option<String>,
    pub name: String,
}

impl Id {
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// What Helm compares: not the version (`pkg/kube/resource.go` `isMatchingInfo`).
    pub fn identity(&self) -> (String, String, Option<String>, String) {
        (self.group().to_owned(), self.kind.clone(), self.namespace.clone(), self.name.clone())
    }
}

/// `Kind/namespace/name`, as reports write it.
impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{}/{namespace}/{}", self.kind, self.name),
            None => write!(f, "{}/{}", self.kind, self.name),
        }
    }
}

#[derive(Clone, Debug)]
struct Resource {
    kind: String,
    plural: String,
    namespaced: bool,
}

/// One answer.
pub struct Answer {
    pub code: u16,
    pub body: Value,
}

impl Answer {
    fn is_ok(&self) -> bool {
        (200..300).contains(&self.code)
    }

    fn message(&self) -> String {
        format!("{}: {}", self.code, self.body["message"].as_str().unwrap_or(""))
    }
}

pub struct Api {
    agent: ureq::Agent,
    server: String,
    token: String,
    /// Kinds of group versions that no case can change.
    kinds: Mutex<BTreeMap<String, Arc<Vec<Resource>>>>,
}

impl Api {
    pub fn new(server: &str, token: &str, ca_file: &Path) -> Result<Api> {
        let pem = std::fs::read(ca_file).with_context(|| ca_file.display().to_string())?;
        let roots = vec![Certificate::from_pem(&pem)?.to_owned()];
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .tls_config(tls)
            .max_idle_connections_per_host(16)
            .timeout_global(Some(std::time::Duration::from_secs(30)))
            .build();
        Ok(Api { agent: config.into(), server: server.into(), token: token.into(), kinds: Mutex::default() })
    }

    fn send(&self, method: &str, path: &str, content_type: &str, body: Vec<u8>) -> Result<(u16, String)> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.server))
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Accept", "application/json")
            .header("Content-Type", content_type);
        let mut response = if body.is_empty() { self.agent.run(request.body(())?) } else { self.agent.run(request.body(body)?) }
            .with_context(|| format!("{method} {path}"))?;
        let text = response.body_mut().with_config().limit(64 << 20).read_to_string()?;
        Ok((response.status().as_u16(), text))
    }

    pub fn call(&self, method: &str, path: &str, content_type: &str, body: Option<&Value>) -> Result<Answer> {
        let bytes = body.map(serde_json::to_vec).transpose()?.unwrap_or_default();
        let (mut code, mut text) = self.send(method, path, content_type, bytes.clone())?;
        // "storage is (re)initializing" for a moment after a CustomResourceDefinition changed.
        for _ in 0..100 {
            if code != 429 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
            (code, text) = self.send(method, path, content_type, bytes.clone())?;
        }
        let body = serde_json::from_str(&text).unwrap_or_else(|_| serde_json::json!({"message": text}));
        Ok(Answer { code, body })
    }

    /// The answer's body; another status than 2xx is an error.
    pub fn ok(&self, method: &str, path: &str, content_type: &str, body: Option<&Value>) -> Result<Value> {
        let answer = self.call(method, path, content_type, body)?;
        if !answer.is_ok() {
            bail!("{method} {path}: {}", answer.message());
        }
        Ok(answer.body)
    }

    /// None where the object, or its kind, does not exist.
    pub fn get(&self, id: &Id) -> Result<Option<Value>> {
        let Some(path) = self.path(id)? else {
            return Ok(None);
        };
        let answer = self.call("GET", &path, "application/json", None)?;
        match answer.code {
            200 => Ok(Some(answer.body)),
            404 => Ok(None),
            _ => bail!("GET {path}: {}", answer.message()),
        }
    }

    /// All objects of a kind, in one namespace or everywhere; empty where the kind is not served.
    pub fn list(&self, api_version: &str, kind: &str, namespace: Option<&str>) -> Result<Vec<Value>> {
        let Some(resource) = self.resource(api_version, kind)? else {
            return Ok(Vec::new());
        };
        let path = collection(api_version, &resource.plural, namespace.filter(|_| resource.namespaced));
        let answer = self.call("GET", &path, "application/json", None)?;
        match answer.code {
            200 => Ok(answer.body["items"].as_array().cloned().unwrap_or_default()),
            404 => Ok(Vec::new()),
            _ => bail!("GET {path}: {}", answer.message()),
        }
    }

    /// Every change of a kind since `resource_version`, as the watch replays it within a second.
    pub fn changes_since(&self, api_version: &str, kind: &str, namespace: &str, resource_version: &str) -> Result<Vec<Value>> {
        let Some(resource) = self.resource(api_version, kind)? else {
            return Ok(Vec::new());
        };
        let collection = collection(api_version, &resource.plural, Some(namespace));
        let path = format!("{collection}?watch=1&timeoutSeconds=1&resourceVersion={resource_version}");
        let (_, text) = self.send("GET", &path, "application/json", Vec::new())?;
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// The object's address; None where its kind is not served.
    pub fn path(&self, id: &Id) -> Result<Option<String>> {
        let Some(resource) = self.resource(&id.api_version, &id.kind)? else {
            return Ok(None);
        };
        let collection = collection(&id.api_version, &resource.plural, id.namespace.as_deref().filter(|_| resource.namespaced));
        Ok(Some(format!("{collection}/{}", id.name)))
    }

    /// The address for creating objects like this one.
    pub fn collection_of(&self, id: &Id) -> Result<String> {
        let resource = self.resource(&id.api_version, &id.kind)?;
        let resource = resource.with_context(|| format!("{} {} is not served", id.api_version, id.kind))?;
        Ok(collection(&id.api_version, &resource.plural, id.namespace.as_deref()))
    }

    /// The id of a manifest document; objects without namespace get `namespace` where their kind has one.
    pub fn id_of(&self, object: &Value, namespace: &str) -> Result<Option<Id>> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        let name = text(&object["metadata"]["name"]);
        if api_version.is_empty() || kind.is_empty() || name.is_empty() {
            return Ok(None);
        }
        let own = object["metadata"]["namespace"].as_str().unwrap_or(namespace).to_owned();
        let namespace = self.is_namespaced(&api_version, &kind)?.then_some(own);
        Ok(Some(Id { api_version, kind, namespace, name }))
    }

    /// `v1/ConfigMap/name`, `apps/v1/Deployment/namespace/name`.
    pub fn parse_id(&self, text: &str, namespace: &str) -> Result<Id> {
        let mut parts: Vec<&str> = text.split('/').collect();
        let core = parts.first().is_some_and(|part| part.len() == 2 && part.starts_with('v'));
        let api_version =
            if core { parts.remove(0).to_owned() } else { parts.drain(..2.min(parts.len())).collect::<Vec<_>>().join("/") };
        let (kind, own, name) = match parts.as_slice() {
            [kind, name] => (*kind, None, *name),
            [kind, own, name] => (*kind, Some(*own), *name),
            _ => bail!("'{text}' is not apiVersion/Kind/[namespace/]name"),
        };
        let namespaced = own.is_some() || self.is_namespaced(&api_version, kind)?;
        let namespace = namespaced.then(|| own.unwrap_or(namespace).to_owned());
        Ok(Id { api_version, kind: kind.into(), namespace, name: name.into() })
    }

    /// Kinds that are not served count as namespaced, unless they are known not to be.
    fn is_namespaced(&self, api_version: &str, kind: &str) -> Result<bool> {
        Ok(self.resource(api_version, kind)?.is_none_or(|resource| resource.namespaced))
    }

    fn resource(&self, api_version: &str, kind: &str) -> Result<Option<Resource>> {
        let known = self.kinds.lock().ok().and_then(|kinds| kinds.get(api_version).cloned());
        // A case may have brought the kind meanwhile.
        let resources = match known.filter(|resources| resources.iter().any(|resource| resource.kind == kind)) {
            Some(resources) => resources,
            None => self.discover(api_version)?,
        };
        Ok(resources.iter().find(|resource| resource.kind == kind).cloned())
    }

    fn discover(&self, api_version: &str) -> Result<Arc<Vec<Resource>>> {
        let path = if api_version.contains('/') { format!("/apis/{api_version}") } else { format!("/api/{api_version}") };
        let answer = self.call("GET", &path, "application/json", None)?;
        let listed = answer.body["resources"].as_array().cloned().unwrap_or_default();
        let resources: Vec<Resource> = listed.iter().filter_map(resource).collect();
        let resources = Arc::new(resources);
        // Groups with a dot that is not Kubernetes' own come and go with the cases.
        let lasting = !api_version.contains('.') || api_version.contains(".k8s.io/");
        if lasting
            && answer.code == 200
            && let Ok(mut kinds) = self.kinds.lock()
        {
            kinds.insert(api_version.to_owned(), resources.clone());
        }
        Ok(resources)
    }
}

fn resource(listed: &Value) -> Option<Resource> {
    let plural = listed["name"].as_str().filter(|name| !name.contains('/'))?;
    let kind = listed["kind"].as_str()?;
    Some(Resource { kind: kind.into(), plural: plural.into(), namespaced: listed["namespaced"].as_bool()? })
}

fn collection(api_version: &str, plural: &str, namespace: Option<&str>) -> String {
    let root = if api_version.contains('/') { "/apis" } else { "/api" };
    match namespace {
        Some(namespace) => format!("{root}/{api_version}/namespaces/{namespace}/{plural}"),
        None => format!("{root}/{api_version}/{plural}"),
    }
}
