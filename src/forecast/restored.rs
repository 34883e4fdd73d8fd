//! Whether an object is what *to* says after a change that Helm calls a success.
//!
//! It is not where the patch leaves drift (custom resources get a two-way patch), where another manager co-owns what *from*
//! had set, or where the server keeps a second spelling of a field.

use crate::k8s::lists::{self, ListKind, ListMode};
use crate::k8s::quantity;
use crate::release::{ObjectRef, Value};

use super::bodies;
use super::merge::{find, join};

/// The first place where `after` is not as `to` says, or keeps what only `from` had set; none where all is restored.
pub fn shortfall(id: &ObjectRef, from: Option<&Value>, to: &Value, after: &Value) -> Option<String> {
    let fold = |body: &Value| bodies::fold_string_data(id, body.clone());
    let (to, after) = (fold(to), fold(after));
    let check = Check { id };
    check.root(&to, &after).or_else(|| check.left_over(&fold(from?), &to, &after, ""))
}

struct Check<'a> {
    id: &'a ObjectRef,
}

impl Check<'_> {
    /// The status is the server's, and type and version are the request's.
    fn root(&self, to: &Value, after: &Value) -> Option<String> {
        let fields = to.as_map()?.iter().filter(|(key, _)| !matches!(key.as_str(), "status" | "apiVersion" | "kind"));
        let mut faults = fields.filter_map(|(key, value)| self.missing(value, after.get(key), key));
        faults.next()
    }

    fn missing(&self, to: &Value, after: &Value, path: &str) -> Option<String> {
        match (to, after) {
            (to, Value::Null) if is_empty(to) => None,
            (Value::Map(map), Value::Map(_)) => {
                map.iter().find_map(|(key, value)| self.missing(value, after.get(key), &join(path, key)))
            }
            (Value::List(items), Value::List(others)) => self.missing_items(items, others, path),
            _ if same_at(path, to, after) => None,
            _ => Some(format!("{path} is not as the target says: the patch does not touch what others changed there")),
        }
    }

    fn missing_items(&self, items: &[Value], others: &[Value], path: &str) -> Option<String> {
        let kind = self.list_kind(path);
        items.iter().enumerate().find_map(|(position, item)| {
            let other = match &kind {
                ListKind::Map(keys) => find(others, item, keys),
                ListKind::Set => others.iter().find(|other| same(item, other)),
                ListKind::Atomic => others.get(position),
            };
            match other {
                Some(other) => self.missing(item, other, path),
                None => Some(format!("an item of {path} is missing")),
            }
        })
    }

    /// The server-side keys tell items apart that the strategic merge key does not: one port for TCP and for UDP.
    fn list_kind(&self, path: &str) -> ListKind {
        match lists::list_kind(self.id, path, ListMode::ServerSide) {
            ListKind::Atomic => lists::list_kind(self.id, path, ListMode::StrategicMerge),
            keyed => keyed,
        }
    }

    fn left_over(&self, from: &Value, to: &Value, after: &Value, path: &str) -> Option<String> {
        match (from, after) {
            (Value::Map(map), Value::Map(_)) => map.iter().find_map(|(key, value)| {
                let (wanted, stays) = (to.get(key), after.get(key));
                let path = join(path, key);
                if is_assigned_by_server(self.id, &path, stays) {
                    return None;
                }
                if wanted.is_null() && !is_empty(value) && !matches!(value, Value::Map(_) | Value::List(_)) && same(value, stays)
                {
                    return Some(format!("{path} of the current revision stays"));
                }
                self.left_over(value, wanted, stays, &path)
            }),
            (Value::List(items), Value::List(others)) => self.items_left(items, to, others, path),
            _ => None,
        }
    }

    fn items_left(&self, items: &[Value], to: &Value, others: &[Value], path: &str) -> Option<String> {
        let ListKind::Map(keys) = self.list_kind(path) else {
            return None;
        };
        items.iter().find_map(|item| {
            let stays = find(others, item, &keys)?;
            match find(to.as_list(), item, &keys) {
                Some(wanted) => self.left_over(item, wanted, stays, path),
                None => Some(format!("an item of {path} of the current revision stays")),
            }
        })
    }
}

/// Fields that the server or a controller fills in either revision: a manifest that stops naming them loses nothing.
/// A Service without an address (`None`) is another matter: it stays headless.
fn is_assigned_by_server(id: &ObjectRef, path: &str, stays: &Value) -> bool {
    match (id.group(), id.kind.as_str(), path) {
        ("", "PersistentVolumeClaim", "spec.volumeName") => true,
        ("", "Service", "spec.clusterIP") => stays.as_str() != Some("None"),
        ("", "Service", "spec.clusterIPs" | "spec.ports.nodePort" | "spec.healthCheckNodePort") => true,
        _ => false,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Map(map) => map.values().all(is_empty),
        Value::List(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

fn same(a: &Value, b: &Value) -> bool {
    a == b || (is_empty(a) && is_empty(b))
}

/// Paths below which scalars are quantities, which the server may write in another unit.
const QUANTITY_FIELDS: [&str; 6] = ["resources", "capacity", "sizeLimit", "hard", "divisor", "storage"];

fn same_at(path: &str, a: &Value, b: &Value) -> bool {
    let is_quantity = path.split('.').any(|key| QUANTITY_FIELDS.contains(&key));
    same(a, b) || (is_quantity && quantity::equal(&a.display(), &b.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Value::from_json(serde_yaml::from_str(text).expect("yaml"))
    }

    #[test]
    fn one_port_in_two_protocols_is_two_items() {
        let id = ObjectRef::new("apps/v1", "Deployment", Some("ns"), "web");
        let ports = "ports: [{name: gossip-tcp, containerPort: 9094, protocol: TCP}, {name: gossip-udp, containerPort: 9094, protocol: UDP}]";
        let web = value(&format!("spec: {{template: {{spec: {{containers: [{{name: c, {ports}}}]}}}}}}"));
        assert_eq!(shortfall(&id, Some(&web), &web, &web), None);
        let service = ObjectRef::new("v1", "Service", Some("ns"), "dns");
        let two = value("spec: {ports: [{name: tcp, port: 53}, {name: udp, port: 53, protocol: UDP}]}");
        let one = value("spec: {ports: [{name: tcp, port: 53, protocol: TCP}]}");
        assert_eq!(shortfall(&service, Some(&two), &one, &one), None);
        assert!(shortfall(&service, Some(&two), &one, &two).is_some());
    }

    #[test]
    fn a_claim_keeps_its_volume() {
        let id = ObjectRef::new("v1", "PersistentVolumeClaim", Some("ns"), "data");
        let bound = value("spec: {volumeName: pv-1, storageClassName: fast}");
        assert_eq!(shortfall(&id, Some(&bound), &value("spec: {storageClassName: fast}"), &bound), None);
        assert!(shortfall(&id, Some(&bound), &value("spec: {}"), &bound).is_some());
    }
}
