//! Who sends which share of requests where: one model over the routing objects of meshes, gateways and ingress controllers.
//!
//! Sources: `istio/api` networking/v1alpha3 `VirtualService` and `DestinationRule`; `kubernetes-sigs/gateway-api` apis/v1
//! `HTTPRoute`, `BackendRef`; `servicemeshinterface/smi-spec` apis/traffic-split; `traefik/traefik` CRDs `IngressRoute` and
//! `TraefikService`; `kubernetes/ingress-nginx` annotations (canary); `argoproj/argo-rollouts` rollout CRD; networking.k8s.io/v1
//! `Ingress`.

use crate::release::{ObjectRef, Value};

/// What a share of the requests is sent to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Backend {
    pub group: String,
    pub kind: String,
    pub namespace: Option<String>,
    pub name: String,
    /// A named part of the backend's pods (Istio).
    pub subset: Option<String>,
}

/// One place in a routing object that names a backend.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// The rule whose shares are weighed against each other: `spec.http[0]`.
    pub rule: String,
    /// Where the backend stands: `spec.http[0].route[1]`.
    pub path: String,
    pub backend: Backend,
    /// Relative weight in thousandths; none where the product knows none in this place.
    pub weight: Option<u64>,
}

impl Backend {
    fn service(namespace: Option<&str>, name: &str) -> Backend {
        Backend {
            group: String::new(),
            kind: "Service".to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
            subset: None,
        }
    }

    /// Something that is no object of the cluster: a host outside, another provider's service.
    fn outside(name: &str) -> Backend {
        Backend { kind: "Host".to_owned(), ..Backend::service(None, name) }
    }

    pub fn of(id: &ObjectRef) -> Backend {
        let own = Backend::service(id.namespace.as_deref(), &id.name);
        Backend { group: id.group().to_owned(), kind: id.kind.clone(), ..own }
    }

    /// Whether it is the backend that this reference names.
    pub fn is(&self, id: &ObjectRef) -> bool {
        id.is(&self.group, &self.kind) && id.name == self.name && id.namespace == self.namespace
    }

    pub fn is_service(&self) -> bool {
        self.group.is_empty() && self.kind == "Service"
    }
}

impl std::fmt::Display for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let namespace = self.namespace.as_deref().unwrap_or("");
        write!(f, "{}/{namespace}/{}", self.kind, self.name)?;
        self.subset.as_ref().map_or(Ok(()), |subset| write!(f, " subset {subset}"))
    }
}

/// API groups whose routes have the Gateway API's shape; Linkerd serves the same kinds under its own group.
const GATEWAY_GROUPS: [&str; 2] = ["gateway.networking.k8s.io", "policy.linkerd.io"];
const TRAEFIK_GROUPS: [&str; 2] = ["traefik.io", "traefik.containo.us"];
const NGINX: &str = "nginx.ingress.kubernetes.io";

/// Every backend that a routing object names, in the order of the document; empty for kinds that route nothing.
pub fn shares(id: &ObjectRef, body: &Value) -> Vec<Share> {
    let mut found = Found { namespace: id.namespace.as_deref(), shares: Vec::new() };
    let spec = body.get("spec");
    match (id.group(), id.kind.as_str()) {
        ("networking.istio.io", "VirtualService") => found.virtual_service(spec),
        (group, "HTTPRoute" | "GRPCRoute" | "TCPRoute" | "TLSRoute" | "UDPRoute") if GATEWAY_GROUPS.contains(&group) => {
            found.gateway_route(spec);
        }
        ("split.smi-spec.io", "TrafficSplit") => found.traffic_split(spec),
        (group, "TraefikService") if TRAEFIK_GROUPS.contains(&group) => found.traefik_service(group, spec),
        (group, "IngressRoute" | "IngressRouteTCP" | "IngressRouteUDP") if TRAEFIK_GROUPS.contains(&group) => {
            found.ingress_route(group, spec);
        }
        ("networking.k8s.io" | "extensions", "Ingress") => found.ingress(body),
        ("argoproj.io", "Rollout") => found.rollout(spec),
        _ => {}
    }
    found.shares
}

/// Subsets that a DestinationRule defines, by the host it is about.
pub fn subsets(id: &ObjectRef, body: &Value) -> Option<(Backend, Vec<String>)> {
    if !id.is("networking.istio.io", "DestinationRule") {
        return None;
    }
    let host = istio_host(body.at(&["spec", "host"]).as_str()?, id.namespace.as_deref())?;
    let names = body.at(&["spec", "subsets"]).as_list().iter().filter_map(|subset| subset.get("name").as_str());
    Some((host, names.map(str::to_owned).collect()))
}

/// Labels that a subset adds to the Service's selector.
pub fn subset_labels<'a>(body: &'a Value, subset: &str) -> &'a Value {
    let subsets = body.at(&["spec", "subsets"]).as_list().iter();
    static NONE: Value = Value::Null;
    subsets.filter(|item| item.get("name").as_str() == Some(subset)).map(|item| item.get("labels")).next().unwrap_or(&NONE)
}

/// The Service behind an Istio host; none for hosts outside the cluster and wildcards.
///
/// A name without dots is one of the rule's own namespace (`istio/istio` pkg/config/resource `ResolveShortnameToFQDN`).
pub fn istio_host(host: &str, namespace: Option<&str>) -> Option<Backend> {
    let mut parts = host.split('.');
    let name = parts.next().filter(|name| !name.is_empty() && !name.contains('*'))?;
    match (parts.next(), parts.next()) {
        (None, _) => Some(Backend::service(namespace, name)),
        (Some(other), Some("svc")) => Some(Backend::service(Some(other), name)),
        _ => None,
    }
}

struct Found<'a> {
    namespace: Option<&'a str>,
    shares: Vec<Share>,
}

impl Found<'_> {
    fn add(&mut self, rule: &str, path: String, backend: Option<Backend>, weight: Option<u64>) {
        if let Some(backend) = backend {
            self.shares.push(Share { rule: rule.to_owned(), path, backend, weight });
        }
    }

    fn own_service(&self, name: &Value) -> Option<Backend> {
        name.as_str().filter(|name| !name.is_empty()).map(|name| Backend::service(self.namespace, name))
    }

    fn virtual_service(&mut self, spec: &Value) {
        for list in ["http", "tls", "tcp"] {
            for (position, rule) in spec.get(list).as_list().iter().enumerate() {
                let path = format!("spec.{list}[{position}]");
                self.destinations(&path, rule.get("route").as_list());
                let mirrors = rule.get("mirrors").as_list().iter().map(|mirror| mirror.get("destination"));
                for mirror in std::iter::once(rule.get("mirror")).chain(mirrors) {
                    let backend = self.destination(mirror);
                    self.add(&path, format!("{path}.mirror"), backend, None);
                }
            }
        }
    }

    /// One route alone gets everything, whatever its weight says.
    fn destinations(&mut self, rule: &str, routes: &[Value]) {
        for (position, route) in routes.iter().enumerate() {
            let weight = match routes.len() {
                1 => ONE,
                _ => thousandths(route.get("weight")).unwrap_or(0),
            };
            let backend = self.destination(route.get("destination"));
            self.add(rule, format!("{rule}.route[{position}]"), backend, Some(weight));
        }
    }

    fn destination(&self, destination: &Value) -> Option<Backend> {
        let host = destination.get("host").as_str()?;
        let host = istio_host(host, self.namespace).unwrap_or_else(|| Backend::outside(host));
        Some(Backend { subset: destination.get("subset").as_str().map(str::to_owned), ..host })
    }

    fn gateway_route(&mut self, spec: &Value) {
        for (position, rule) in spec.get("rules").as_list().iter().enumerate() {
            let path = format!("spec.rules[{position}]");
            for (position, reference) in rule.get("backendRefs").as_list().iter().enumerate() {
                let weight = thousandths(reference.get("weight")).or(Some(ONE));
                let backend = self.backend_ref(reference);
                self.add(&path, format!("{path}.backendRefs[{position}]"), backend, weight);
            }
        }
    }

    fn backend_ref(&self, reference: &Value) -> Option<Backend> {
        let own = self.own_service(reference.get("name"))?;
        Some(Backend {
            group: reference.get("group").as_str().unwrap_or("").to_owned(),
            kind: reference.get("kind").as_str().unwrap_or("Service").to_owned(),
            namespace: reference.get("namespace").as_str().map(str::to_owned).or(own.namespace),
            ..own
        })
    }

    fn traffic_split(&mut self, spec: &Value) {
        for (position, item) in spec.get("backends").as_list().iter().enumerate() {
            let backend = self.own_service(item.get("service"));
            self.add("spec", format!("spec.backends[{position}]"), backend, thousandths(item.get("weight")));
        }
        let root = self.own_service(spec.get("service"));
        self.add("spec.service", "spec.service".to_owned(), root, None);
    }

    fn traefik_service(&mut self, group: &str, spec: &Value) {
        self.traefik_services(group, "spec.weighted", spec.at(&["weighted", "services"]).as_list());
        let mirroring = spec.get("mirroring");
        let main = self.traefik_backend(group, mirroring);
        self.add("spec.mirroring", "spec.mirroring".to_owned(), main, None);
        for (position, mirror) in mirroring.get("mirrors").as_list().iter().enumerate() {
            let backend = self.traefik_backend(group, mirror);
            self.add("spec.mirroring", format!("spec.mirroring.mirrors[{position}]"), backend, None);
        }
    }

    fn ingress_route(&mut self, group: &str, spec: &Value) {
        for (position, route) in spec.get("routes").as_list().iter().enumerate() {
            self.traefik_services(group, &format!("spec.routes[{position}]"), route.get("services").as_list());
        }
    }

    fn traefik_services(&mut self, group: &str, rule: &str, services: &[Value]) {
        for (position, service) in services.iter().enumerate() {
            let weight = thousandths(service.get("weight")).or(Some(ONE));
            let backend = self.traefik_backend(group, service);
            self.add(rule, format!("{rule}.services[{position}]"), backend, weight);
        }
    }

    /// A name with `@` belongs to another provider (`api@internal`).
    fn traefik_backend(&self, group: &str, service: &Value) -> Option<Backend> {
        let own = self.own_service(service.get("name"))?;
        if own.name.contains('@') {
            return Some(Backend::outside(&own.name));
        }
        let namespace = service.get("namespace").as_str().map(str::to_owned).or(own.namespace.clone());
        let (group, kind) = match service.get("kind").as_str() {
            Some("TraefikService") => (group.to_owned(), "TraefikService".to_owned()),
            _ => (String::new(), own.kind.clone()),
        };
        Some(Backend { group, kind, namespace, ..own })
    }

    fn ingress(&mut self, body: &Value) {
        let weight = canary_weight(body);
        let spec = body.get("spec");
        self.ingress_backend("spec.defaultBackend", spec.get("defaultBackend"), weight);
        self.ingress_backend("spec.backend", spec.get("backend"), weight);
        for (position, rule) in spec.get("rules").as_list().iter().enumerate() {
            for (number, path) in rule.at(&["http", "paths"]).as_list().iter().enumerate() {
                let place = format!("spec.rules[{position}].http.paths[{number}]");
                self.ingress_backend(&place, path.get("backend"), weight);
            }
        }
    }

    /// The AWS controller takes the name for that of an action where the port is `use-annotation`.
    fn ingress_backend(&mut self, place: &str, backend: &Value, weight: Option<u64>) {
        let service = backend.get("service");
        let port = [service.at(&["port", "name"]), backend.get("servicePort")];
        if port.iter().any(|port| port.as_str() == Some("use-annotation")) {
            return;
        }
        let named = if service.is_null() { backend.get("serviceName") } else { service.get("name") };
        let found = self.own_service(named);
        self.add(place, format!("{place}.backend"), found, weight);
    }

    fn rollout(&mut self, spec: &Value) {
        let places: [&[&str]; 6] = [
            &["strategy", "canary", "canaryService"],
            &["strategy", "canary", "stableService"],
            &["strategy", "canary", "pingPong", "pingService"],
            &["strategy", "canary", "pingPong", "pongService"],
            &["strategy", "blueGreen", "activeService"],
            &["strategy", "blueGreen", "previewService"],
        ];
        for path in places {
            let backend = self.own_service(spec.at(path));
            self.add("spec.strategy", format!("spec.{}", path.join(".")), backend, None);
        }
    }
}

/// Share of a canary Ingress in percent; none for an ordinary one.
fn canary_weight(body: &Value) -> Option<u64> {
    let annotations = body.at(&["metadata", "annotations"]);
    let annotation = |name: &str| annotations.get(&format!("{NGINX}/{name}")).as_str();
    let weight = annotations.get(&format!("{NGINX}/canary-weight"));
    (annotation("canary") == Some("true")).then(|| thousandths(weight).unwrap_or(0))
}

/// The weight of a route that says none, in thousandths.
const ONE: u64 = 1000;

/// A whole number, or the `500m` of SMI v1alpha1.
fn thousandths(weight: &Value) -> Option<u64> {
    match weight {
        Value::Number(number) => number.as_u64().map(|number| number.saturating_mul(ONE)),
        Value::String(text) => match text.strip_suffix('m') {
            Some(milli) => milli.parse().ok(),
            None => text.parse().ok().map(|whole: u64| whole.saturating_mul(ONE)),
        },
        _ => None,
    }
}

/// Whether clients stick to one pod or version, and where the object says so.
pub fn stickiness(id: &ObjectRef, body: &Value) -> Option<&'static str> {
    let given = |path: &[&str]| !body.at(path).is_null();
    match (id.group(), id.kind.as_str()) {
        ("", "Service") => (body.at(&["spec", "sessionAffinity"]).as_str() == Some("ClientIP")).then_some("spec.sessionAffinity"),
        ("networking.istio.io", "DestinationRule") => given(&["spec", "trafficPolicy", "loadBalancer", "consistentHash"])
            .then_some("spec.trafficPolicy.loadBalancer.consistentHash"),
        (group, "TraefikService") if TRAEFIK_GROUPS.contains(&group) => {
            given(&["spec", "weighted", "sticky"]).then_some("spec.weighted.sticky")
        }
        ("networking.k8s.io", "Ingress") => {
            let affinity = body.at(&["metadata", "annotations"]).get("nginx.ingress.kubernetes.io/affinity");
            (affinity.as_str() == Some("cookie")).then_some("metadata.annotations[\"nginx.ingress.kubernetes.io/affinity\"]")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(api_version: &str, kind: &str, body: &str) -> Vec<String> {
        let id = ObjectRef::new(api_version, kind, Some("prod"), "web");
        let body = Value::from_json(serde_yaml::from_str(body).expect("yaml"));
        shares(&id, &body).iter().map(|share| format!("{} {} {:?}", share.path, share.backend, share.weight)).collect()
    }

    #[test]
    fn istio_hosts_are_expanded() {
        let spec = "spec: {http: [{route: [{destination: {host: a, subset: v1}, weight: 0}, {destination: {host: b.other.svc.cluster.local}, weight: 5}]},
            {route: [{destination: {host: example.com}}]}], tcp: [{route: [{destination: {host: c}}]}]}";
        let expected = [
            "spec.http[0].route[0] Service/prod/a subset v1 Some(0)",
            "spec.http[0].route[1] Service/other/b Some(5000)",
            "spec.http[1].route[0] Host//example.com Some(1000)",
            "spec.tcp[0].route[0] Service/prod/c Some(1000)",
        ];
        assert_eq!(found("networking.istio.io/v1", "VirtualService", spec), expected);
    }

    #[test]
    fn gateway_and_smi_and_traefik() {
        let route = "spec: {rules: [{backendRefs: [{name: a, port: 80}, {name: b, namespace: x, weight: 0}, {group: g, kind: K, name: c}]}]}";
        let expected = [
            "spec.rules[0].backendRefs[0] Service/prod/a Some(1000)",
            "spec.rules[0].backendRefs[1] Service/x/b Some(0)",
            "spec.rules[0].backendRefs[2] K/prod/c Some(1000)",
        ];
        assert_eq!(found("gateway.networking.k8s.io/v1", "HTTPRoute", route), expected);
        let split = "spec: {service: web, backends: [{service: a, weight: 500m}]}";
        let expected = ["spec.backends[0] Service/prod/a Some(500)", "spec.service Service/prod/web None"];
        assert_eq!(found("split.smi-spec.io/v1alpha1", "TrafficSplit", split), expected);
        let route = "spec: {routes: [{services: [{name: a}, {name: w, kind: TraefikService}, {name: api@internal}]}]}";
        let expected = [
            "spec.routes[0].services[0] Service/prod/a Some(1000)",
            "spec.routes[0].services[1] TraefikService/prod/w Some(1000)",
            "spec.routes[0].services[2] Host//api@internal Some(1000)",
        ];
        assert_eq!(found("traefik.io/v1alpha1", "IngressRoute", route), expected);
    }

    #[test]
    fn ingresses_with_canaries_and_actions() {
        let body = "metadata: {annotations: {nginx.ingress.kubernetes.io/canary: 'true', nginx.ingress.kubernetes.io/canary-weight: '10'}}
spec: {rules: [{http: {paths: [{backend: {service: {name: a}}}, {backend: {service: {name: act, port: {name: use-annotation}}}}]}}]}";
        assert_eq!(
            found("networking.k8s.io/v1", "Ingress", body),
            ["spec.rules[0].http.paths[0].backend Service/prod/a Some(10000)"]
        );
        let old = "spec: {backend: {serviceName: old, servicePort: 80}}";
        assert_eq!(found("extensions/v1beta1", "Ingress", old), ["spec.backend.backend Service/prod/old None"]);
    }
}
