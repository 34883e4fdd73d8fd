//! Node ports that other Services hold: the API server gives a number to one Service only
//! (Kubernetes `pkg/registry/core/service/portallocator`).

use std::collections::BTreeSet;

use crate::input::{Input, LiveObject};
use crate::k8s::surroundings::Surrounding;
use crate::release::{Object, ObjectRef, Value};

/// The API server's words.
pub const TAKEN: &str = "provided port is already allocated";

/// Why the API server refuses a Service of the target: another one has a node port that it fixes.
pub fn taken(input: &Input, service: &Object) -> Option<String> {
    if !service.id.is("", "Service") {
        return None;
    }
    let wanted = fixed(&service.body);
    let all = input.facts.around.get(&(Surrounding::Services, None))?.yes()?;
    let mut held = all.iter().filter(|live| !moves(input, live)).filter_map(|live| {
        let port = fixed(&live.body).intersection(&wanted).next().copied()?;
        Some((reference(live), port))
    });
    let (holder, port) = held.next()?;
    Some(format!("spec.ports.nodePort: {port}: {TAKEN} to {holder}"))
}

/// Whether the target fixes a node port anywhere.
pub fn any_fixed(objects: &[Object]) -> bool {
    objects.iter().any(|object| object.id.is("", "Service") && !fixed(&object.body).is_empty())
}

/// A Service of the target keeps its own ports, and whether it gives one up before another asks for it hangs on the order.
fn moves(input: &Input, live: &LiveObject) -> bool {
    let id = reference(live);
    input.to.objects.iter().any(|object| object.id == id)
}

fn reference(live: &LiveObject) -> ObjectRef {
    let text = |key: &str| live.body.at(&["metadata", key]).as_str();
    ObjectRef::new("v1", "Service", text("namespace"), text("name").unwrap_or(""))
}

fn fixed(service: &Value) -> BTreeSet<i64> {
    let ports = service.at(&["spec", "ports"]).as_list().iter();
    ports.filter_map(|port| port.get("nodePort").as_i64()).filter(|port| *port != 0).collect()
}
