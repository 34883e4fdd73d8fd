//! What annotations of a Service say about its load balancer, from `rules/tables/load-balancer-annotations.csv`.

use crate::release::Value;
use crate::table;

const TABLE: &str = include_str!("../../rules/tables/load-balancer-annotations.csv");

/// Whether the balancer has no public address.
pub fn is_internal(service: &Value) -> bool {
    says(service, "internal")
}

/// Whether its address is reserved by name, so that a new balancer gets it again.
pub fn is_pinned(service: &Value) -> bool {
    let named = service.at(&["spec", "loadBalancerIP"]).as_str().is_some_and(|address| !address.is_empty());
    named || says(service, "pinned")
}

fn says(service: &Value, meaning: &str) -> bool {
    let annotations = service.at(&["metadata", "annotations"]);
    table::records(TABLE).filter(|row| row.field(2) == meaning).any(|row| match annotations.get(row.field(0)) {
        Value::Null => false,
        Value::String(text) if row.field(1) == "*" => !matches!(text.as_str(), "" | "false"),
        value => row.field(1) == "*" || value.display().eq_ignore_ascii_case(row.field(1)),
    })
}

/// Addresses and host names that the cloud has assigned.
pub fn addresses(service: &Value) -> Vec<&str> {
    let assigned = service.at(&["status", "loadBalancer", "ingress"]).as_list().iter();
    assigned.filter_map(|item| item.get("hostname").as_str().or_else(|| item.get("ip").as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotated(key: &str, value: &str) -> Value {
        Value::from_json(serde_json::json!({"metadata": {"annotations": {key: value}}}))
    }

    #[test]
    fn the_table_is_whole() {
        table::check(TABLE);
        for row in table::records(TABLE) {
            assert!(matches!(row.field(2), "internal" | "pinned"), "{}", row.field(0));
            assert!((0..4).all(|column| !row.field(column).is_empty()), "{}", row.field(0));
        }
    }

    #[test]
    fn annotations_are_read() {
        assert!(is_internal(&annotated("service.beta.kubernetes.io/aws-load-balancer-scheme", "internal")));
        assert!(!is_internal(&annotated("service.beta.kubernetes.io/aws-load-balancer-scheme", "internet-facing")));
        assert!(!is_internal(&annotated("service.beta.kubernetes.io/aws-load-balancer-internal", "false")));
        assert!(is_pinned(&annotated("metallb.io/loadBalancerIPs", "192.0.2.7")));
    }
}
