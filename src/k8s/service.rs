//! What the API server makes of an updated Service before it validates it.
//!
//! Source: `pkg/registry/core/service/storage/storage.go` `patchAllocatedValues` and `normalizeClusterIPs`, then
//! `pkg/registry/core/service/strategy.go` `dropTypeDependentFields`, of Kubernetes 1.36.3.

use std::collections::{BTreeMap, BTreeSet};

use crate::release::{Map, Value};

/// Both sides as validation sees them: allocated addresses and ports carried over, fields of another type dropped.
/// Both come with defaults filled in.
pub(super) fn stored(before: &Value, after: &Value) -> (Value, Value) {
    let (mut before, mut after) = (before.clone(), after.clone());
    edit(&mut before, plural_from_singular);
    let old = before.get("spec").clone();
    edit(&mut after, |new| {
        carry_over(&old, new);
        normalize_cluster_ips(&old, new);
        drop_type_dependent(&old, new);
    });
    (before, after)
}

fn edit(body: &mut Value, change: impl FnOnce(&mut Map)) {
    if let Some(spec) = body.as_map_mut().and_then(|map| map.get_mut("spec")).and_then(Value::as_map_mut) {
        change(spec);
    }
}

fn at<'a>(spec: &'a Map, key: &str) -> &'a Value {
    static ABSENT: Value = Value::Null;
    spec.get(key).unwrap_or(&ABSENT)
}

fn text<'a>(spec: &'a Map, key: &str) -> &'a str {
    at(spec, key).as_str().unwrap_or("")
}

fn set(spec: &mut Map, key: &str, value: &Value) {
    spec.insert(key.to_owned(), value.clone());
}

/// `clusterIPs` of an object that only has the older, singular field.
fn plural_from_singular(spec: &mut Map) {
    let single = text(spec, "clusterIP").to_owned();
    if !single.is_empty() && at(spec, "clusterIPs").as_list().is_empty() {
        spec.insert("clusterIPs".to_owned(), Value::List(vec![Value::String(single)]));
    }
}

fn has_cluster_ip(kind: &str) -> bool {
    kind != "ExternalName"
}

fn has_node_ports(spec: &Map) -> bool {
    match text(spec, "type") {
        "NodePort" => true,
        "LoadBalancer" => at(spec, "allocateLoadBalancerNodePorts").as_bool().unwrap_or(true),
        _ => false,
    }
}

fn has_health_check(spec: &Map) -> bool {
    text(spec, "type") == "LoadBalancer" && text(spec, "externalTrafficPolicy") == "Local"
}

fn is_external(spec: &Map) -> bool {
    match text(spec, "type") {
        "LoadBalancer" | "NodePort" => true,
        "ClusterIP" => !at(spec, "externalIPs").as_list().is_empty(),
        _ => false,
    }
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn node_ports(spec: &Map) -> BTreeSet<i64> {
    at(spec, "ports").as_list().iter().map(|port| number(port.get("nodePort"))).filter(|port| *port != 0).collect()
}

fn ports_mut(spec: &mut Map) -> impl Iterator<Item = &mut Map> {
    let ports = match spec.get_mut("ports") {
        Some(Value::List(ports)) => ports.as_mut_slice(),
        _ => &mut [],
    };
    ports.iter_mut().filter_map(Value::as_map_mut)
}

/// `patchAllocatedValues`: what a client need not repeat.
fn carry_over(old: &Value, new: &mut Map) {
    let Some(old) = old.as_map() else { return };
    if has_cluster_ip(text(old, "type")) && has_cluster_ip(text(new, "type")) {
        if text(new, "clusterIP").is_empty() {
            set(new, "clusterIP", at(old, "clusterIP"));
        }
        if at(new, "clusterIPs").as_list().is_empty() {
            set(new, "clusterIPs", at(old, "clusterIPs"));
        }
        if at(new, "ipFamilies").as_list().is_empty() {
            set(new, "ipFamilies", at(old, "ipFamilies"));
        }
    }
    if has_node_ports(old) && has_node_ports(new) {
        carry_over_node_ports(old, new);
    }
    if has_health_check(old) && has_health_check(new) && number(at(new, "healthCheckNodePort")) == 0 {
        set(new, "healthCheckNodePort", at(old, "healthCheckNodePort"));
    }
}

/// Node ports are matched by port name, so a renamed port loses its number.
fn carry_over_node_ports(old: &Map, new: &mut Map) {
    let taken: BTreeSet<i64> = node_ports(old).intersection(&node_ports(new)).copied().collect();
    let ports = at(old, "ports").as_list().iter();
    let by_name: BTreeMap<&str, &Value> =
        ports.map(|port| (port.get("name").as_str().unwrap_or(""), port.get("nodePort"))).collect();
    for port in ports_mut(new) {
        let Some(old_value) = by_name.get(text(port, "name")) else { continue };
        if number(at(port, "nodePort")) == 0 && !taken.contains(&number(old_value)) {
            set(port, "nodePort", old_value);
        }
    }
}

/// The singular field is what older clients change; the plural one follows where the client left it alone.
fn normalize_cluster_ips(old: &Value, new: &mut Map) {
    let changed = old.get("clusterIP").as_str().unwrap_or("") != text(new, "clusterIP");
    if !changed || at(new, "clusterIPs") != old.get("clusterIPs") {
        return;
    }
    match text(new, "clusterIP") {
        "" => new.insert("clusterIPs".to_owned(), Value::Null),
        single => new.insert("clusterIPs".to_owned(), Value::List(vec![Value::from(single)])),
    };
}

/// Fields that the new type has no use for are wiped where the client did not change them as well.
fn drop_type_dependent(old: &Value, new: &mut Map) {
    let Some(old) = old.as_map() else { return };
    let leaves = |of: fn(&Map) -> bool, new: &Map| of(old) && !of(new);
    if leaves(|spec| has_cluster_ip(text(spec, "type")), new) {
        drop_same(old, new, &["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]);
    }
    if leaves(has_node_ports, new) && node_ports(old).is_superset(&node_ports(new)) {
        ports_mut(new).for_each(|port| {
            port.remove("nodePort");
        });
    }
    if leaves(has_health_check, new) {
        drop_same(old, new, &["healthCheckNodePort"]);
    }
    if leaves(|spec| text(spec, "type") == "LoadBalancer", new) {
        drop_same(old, new, &["allocateLoadBalancerNodePorts", "loadBalancerClass"]);
    }
    if leaves(is_external, new) {
        drop_same(old, new, &["externalTrafficPolicy"]);
    }
}

fn drop_same(old: &Map, new: &mut Map, keys: &[&str]) {
    for key in keys {
        if at(old, key) == at(new, key) {
            new.remove(*key);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(before: serde_json::Value, after: serde_json::Value) -> Value {
        let body = |spec| Value::from_json(json!({"spec": spec}));
        stored(&body(before), &body(after)).1.get("spec").clone()
    }

    #[test]
    fn allocated_values_need_not_be_repeated() {
        let live = json!({"type": "NodePort", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"],
            "ports": [{"name": "http", "port": 80, "nodePort": 30080}, {"name": "old", "port": 81, "nodePort": 30081}]});
        let after =
            spec(live, json!({"type": "NodePort", "ports": [{"name": "http", "port": 8080}, {"name": "renamed", "port": 81}]}));
        assert_eq!(after.get("clusterIP").as_str(), Some("10.0.0.1"));
        let ports: Vec<i64> = after.get("ports").as_list().iter().map(|port| number(port.get("nodePort"))).collect();
        assert_eq!(ports, [30080, 0]);
    }

    #[test]
    fn leaving_a_type_drops_what_it_left_unchanged() {
        let live = json!({"type": "LoadBalancer", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "loadBalancerClass": "x",
            "allocateLoadBalancerNodePorts": true, "externalTrafficPolicy": "Local", "healthCheckNodePort": 31000,
            "ports": [{"port": 80, "nodePort": 30080}]});
        let mut patched = live.clone();
        patched["type"] = json!("ClusterIP");
        let after = spec(live, patched);
        for key in ["loadBalancerClass", "allocateLoadBalancerNodePorts", "externalTrafficPolicy", "healthCheckNodePort"] {
            assert!(after.get(key).is_null(), "{key}");
        }
        assert!(after.get("ports").as_list()[0].get("nodePort").is_null());
    }

    #[test]
    fn the_plural_field_follows_the_singular_one() {
        let live = json!({"type": "ClusterIP", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"]});
        let after = spec(live, json!({"type": "ClusterIP", "clusterIP": "None"}));
        assert_eq!(after.get("clusterIPs").display(), r#"["None"]"#);
    }
}
