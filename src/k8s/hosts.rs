//! Host names and paths that routing objects answer for.
//!
//! Sources: networking.k8s.io/v1 `IngressRule`; Gateway API `HTTPRoute` (`hostnames`, `matches`); Istio `VirtualService`
//! (`hosts`, `http.match.uri`); Traefik `IngressRoute` (`match` rules); OpenShift `Route`.

use crate::release::{ObjectRef, Value};

/// One host and path that an object answers for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Served {
    pub host: String,
    /// The path's prefix, without wildcards; `/` for all.
    pub path: String,
    /// Whether the object names a certificate for the host.
    pub tls: bool,
}

impl Served {
    /// Whether this object answers for the host; `*.example.com` does for `a.example.com`.
    pub fn covers_host(&self, host: &str) -> bool {
        let wild = self.host.strip_prefix('*').filter(|rest| !rest.is_empty());
        self.host == host || self.host == "*" || wild.is_some_and(|rest| host.ends_with(rest))
    }

    /// Whether requests for the other's path arrive here too.
    pub fn covers_path(&self, other: &Served) -> bool {
        other.path.starts_with(&self.path)
    }
}

/// What the object answers for; empty for kinds that answer for no host.
pub fn served(id: &ObjectRef, body: &Value) -> Vec<Served> {
    let spec = body.get("spec");
    let mut found = match (id.group(), id.kind.as_str()) {
        ("networking.k8s.io" | "extensions", "Ingress") => ingress(spec),
        ("gateway.networking.k8s.io", "HTTPRoute" | "GRPCRoute" | "TLSRoute") => gateway_route(spec),
        ("networking.istio.io", "VirtualService") => virtual_service(spec),
        ("traefik.io" | "traefik.containo.us", "IngressRoute") => ingress_route(spec),
        ("route.openshift.io", "Route") => openshift_route(spec),
        _ => Vec::new(),
    };
    found.sort();
    found.dedup();
    found
}

fn entry(host: &str, path: &str, tls: bool) -> Served {
    let prefix = path.split(['(', '*', '[', '$', '\\']).next().unwrap_or("");
    let path = if prefix.starts_with('/') { prefix } else { "/" };
    Served { host: if host.is_empty() { "*".to_owned() } else { host.to_ascii_lowercase() }, path: path.to_owned(), tls }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_list().iter().filter_map(Value::as_str)
}

fn ingress(spec: &Value) -> Vec<Served> {
    let certified = |host: &str| spec.get("tls").as_list().iter().any(|tls| texts(tls.get("hosts")).any(|other| other == host));
    let mut found = Vec::new();
    for rule in spec.get("rules").as_list() {
        let host = rule.get("host").as_str().unwrap_or("");
        for path in rule.at(&["http", "paths"]).as_list() {
            found.push(entry(host, path.get("path").as_str().unwrap_or("/"), certified(host)));
        }
    }
    found
}

fn gateway_route(spec: &Value) -> Vec<Served> {
    let matches = spec.get("rules").as_list().iter().flat_map(|rule| rule.get("matches").as_list());
    let mut paths: Vec<&str> = matches.map(|item| item.at(&["path", "value"]).as_str().unwrap_or("/")).collect();
    let open = spec.get("rules").as_list().iter().any(|rule| rule.get("matches").as_list().is_empty());
    if open || paths.is_empty() {
        paths.push("/");
    }
    texts(spec.get("hostnames")).flat_map(|host| paths.iter().map(move |path| entry(host, path, false))).collect()
}

/// Only hosts with dots that are no Services: short names are those of the mesh.
fn virtual_service(spec: &Value) -> Vec<Served> {
    let public = |host: &&str| host.contains('.') && !host.ends_with(".svc.cluster.local");
    texts(spec.get("hosts")).filter(public).map(|host| entry(host, "/", false)).collect()
}

fn ingress_route(spec: &Value) -> Vec<Served> {
    let tls = !spec.get("tls").is_null();
    let rules = spec.get("routes").as_list().iter().filter_map(|route| route.get("match").as_str());
    rules.flat_map(|rule| traefik_rule(rule, tls)).collect()
}

/// Hosts and the first path of a rule such as ``Host(`a`, `b`) && PathPrefix(`/x`)``.
fn traefik_rule(rule: &str, tls: bool) -> Vec<Served> {
    let path = arguments(rule, &["PathPrefix(", "Path("]).into_iter().next().unwrap_or("/");
    arguments(rule, &["Host("]).into_iter().map(|host| entry(host, path, tls)).collect()
}

/// Quoted arguments of the calls of these functions.
fn arguments<'a>(rule: &'a str, calls: &[&str]) -> Vec<&'a str> {
    let rests = calls.iter().flat_map(|call| rule.split(call).skip(1));
    let lists = rests.filter_map(|rest| rest.split_once(')')).flat_map(|(list, _)| list.split(','));
    lists.map(|item| item.trim().trim_matches(['`', '"', '\''])).collect()
}

fn openshift_route(spec: &Value) -> Vec<Served> {
    let host = spec.get("host").as_str().filter(|host| !host.is_empty());
    let path = spec.get("path").as_str().unwrap_or("/");
    host.map(|host| entry(host, path, !spec.get("tls").is_null())).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(api_version: &str, kind: &str, body: &str) -> Vec<String> {
        let body = Value::from_json(serde_yaml::from_str(body).expect("yaml"));
        let found = served(&ObjectRef::new(api_version, kind, Some("prod"), "web"), &body);
        found.iter().map(|served| format!("{}{}{}", served.host, served.path, if served.tls { " tls" } else { "" })).collect()
    }

    #[test]
    fn every_product_is_read() {
        let ingress = "spec: {tls: [{hosts: [a.b]}], rules: [{host: a.b, http: {paths: [{path: '/api(/|$)(.*)'}, {}]}}]}";
        assert_eq!(found("networking.k8s.io/v1", "Ingress", ingress), ["a.b/ tls", "a.b/api tls"]);
        let route = "spec: {hostnames: [a.b], rules: [{matches: [{path: {value: /x}}]}]}";
        assert_eq!(found("gateway.networking.k8s.io/v1", "HTTPRoute", route), ["a.b/x"]);
        let rule = "spec: {tls: {}, routes: [{match: 'Host(`a.b`) && PathPrefix(`/x`)'}]}";
        assert_eq!(found("traefik.io/v1alpha1", "IngressRoute", rule), ["a.b/x tls"]);
        let mesh = "spec: {hosts: [web, a.b, web.prod.svc.cluster.local]}";
        assert_eq!(found("networking.istio.io/v1", "VirtualService", mesh), ["a.b/"]);
    }

    #[test]
    fn wildcards_and_prefixes_cover() {
        let served = |host: &str, path: &str| entry(host, path, false);
        assert!(served("*.b.c", "/").covers_host("a.b.c") && served("", "/").covers_host("a.b.c"));
        assert!(!served("*.b.c", "/").covers_host("b.d"));
        assert!(served("a", "/x").covers_path(&served("a", "/x/y")) && !served("a", "/x").covers_path(&served("a", "/")));
    }
}
