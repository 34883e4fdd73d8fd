//! Addresses of Services that clients outside the cluster know: load balancers and node ports.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, ChangeKind, Context, Fact, after};
use crate::forecast::Confidence;
use crate::input::Known;
use crate::k8s::balancers;
use crate::release::{ObjectRef, Value};
use crate::rules::EvidenceSource;

pub fn analyze(context: &Context<'_>) -> Vec<Change> {
    let services = context.input.from.objects.iter().filter(|object| object.id.is("", "Service"));
    let exposed = services.filter_map(|object| Exposed::of(context, &object.id, &object.body));
    exposed.flat_map(|service| [balancer(&service), node_ports(&service)]).flatten().collect()
}

/// A Service of *from*, before and after the rollback.
struct Exposed<'a> {
    id: &'a ObjectRef,
    from: &'a Value,
    live: Option<&'a Value>,
    /// None where the rollback deletes it.
    after: Option<&'a Value>,
}

impl<'a> Exposed<'a> {
    /// None where nothing happens to the Service: it is kept, refused, or gone already.
    fn of(context: &'a Context<'_>, id: &'a ObjectRef, from: &'a Value) -> Option<Exposed<'a>> {
        let live = context.input.facts.live_of(id);
        if matches!(live, Known::Yes(None)) || context.is_rejected(id) {
            return None;
        }
        let after = context.input.to.objects.iter().find(|object| after::same_object(&object.id, id)).map(|object| &object.body);
        let deleted = context.forecast.deletes.contains(id);
        let live = live.yes().copied().flatten().map(|live| &live.body);
        (after.is_some() || deleted).then_some(Exposed { id, from, live, after })
    }

    fn before(&self) -> &'a Value {
        self.live.unwrap_or(self.from)
    }

    fn becomes(&self) -> String {
        self.after.map_or_else(|| "deleted".to_owned(), |after| format!("of type {}", kind(after)))
    }
}

fn kind(service: &Value) -> &str {
    service.at(&["spec", "type"]).as_str().unwrap_or("ClusterIP")
}

/// The cloud gives a load balancer back when its Service goes or changes type; the next one has another address.
fn balancer(service: &Exposed<'_>) -> Option<Change> {
    let before = service.before();
    if kind(before) != "LoadBalancer" || service.after.is_some_and(|after| kind(after) == "LoadBalancer") {
        return None;
    }
    let addresses = balancers::addresses(before);
    let shown = if addresses.is_empty() { "its address".to_owned() } else { addresses.join(", ") };
    let confidence = if service.live.is_some() { Confidence::Certain } else { Confidence::Likely };
    Some(
        Change::of(ChangeKind::AddressLost, service.id)
            .path("spec.type")
            .confidence(confidence)
            .with("address", &shown)
            .with("becomes", service.becomes())
            .fact_if(balancers::is_internal(before), Fact::InternalAddress)
            .fact_if(balancers::is_pinned(before), Fact::PinnedAddress)
            .fact_if(service.live.is_some() && addresses.is_empty(), Fact::NeverAssigned)
            .evidence(source(service), service.id, format!("type LoadBalancer, status.loadBalancer: {shown}"))
            .evidence(EvidenceSource::Forecast, service.id, service.becomes()),
    )
}

fn source(service: &Exposed<'_>) -> EvidenceSource {
    if service.live.is_some() { EvidenceSource::Live } else { EvidenceSource::From }
}

/// The server keeps a node port where the target names none, by the name of the port
/// (Kubernetes `pkg/registry/core/service/storage` `patchAllocatedValues`).
fn node_ports(service: &Exposed<'_>) -> Option<Change> {
    if !matches!((kind(service.before()), service.after.map(kind)), ("NodePort", _) | (_, Some("NodePort"))) {
        return None;
    }
    let before = numbers(service.before());
    let after = service.after.map(|after| ports_after(&before, after)).unwrap_or_default();
    let kept: BTreeSet<i64> = after.values().copied().collect();
    let lost: BTreeMap<&str, i64> = before.into_iter().filter(|(_, number)| !kept.contains(number)).collect();
    let pinned = numbers(service.from);
    let lost_text: Vec<String> = lost.values().map(i64::to_string).collect();
    (!lost.is_empty()).then(|| {
        Change::of(ChangeKind::NodePortLost, service.id)
            .path("spec.ports")
            .with("ports", lost_text.join(", "))
            .with("becomes", service.becomes())
            .fact_if(!lost.values().any(|number| pinned.values().any(|pin| pin == number)), Fact::Allocated)
            .evidence(source(service), service.id, format!("node ports {}", lost_text.join(", ")))
            .evidence(EvidenceSource::Forecast, service.id, service.becomes())
    })
}

/// Node ports by the name of their port.
fn numbers(service: &Value) -> BTreeMap<&str, i64> {
    let ports = service.at(&["spec", "ports"]).as_list().iter();
    ports.filter_map(|port| Some((port_name(port), port.get("nodePort").as_i64().filter(|number| *number != 0)?))).collect()
}

fn port_name(port: &Value) -> &str {
    port.get("name").as_str().unwrap_or("")
}

fn ports_after<'a>(before: &BTreeMap<&'a str, i64>, after: &'a Value) -> BTreeMap<&'a str, i64> {
    let mut numbers = numbers(after);
    if matches!(kind(after), "NodePort" | "LoadBalancer") {
        for port in after.at(&["spec", "ports"]).as_list() {
            if let Some(number) = before.get(port_name(port)) {
                numbers.entry(port_name(port)).or_insert(*number);
            }
        }
    }
    numbers
}
