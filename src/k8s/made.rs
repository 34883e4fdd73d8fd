//! Objects that operators make from their custom resources, from `rules/tables/made-objects.csv`.

use crate::release::{ObjectRef, Value};
use crate::table;

const TABLE: &str = include_str!("../../rules/tables/made-objects.csv");

/// Whether an operator makes the core object of this kind and name from a custom resource.
pub fn makes(id: &ObjectRef, body: &Value, kind: &str, name: &str) -> bool {
    let rows = table::records(TABLE).filter(|row| id.is(row.field(0), row.field(1)) && row.field(2) == kind);
    rows.into_iter().any(|row| match row.field(3).strip_prefix('=') {
        Some(path) => body.at(&path.split('.').collect::<Vec<_>>()).as_str() == Some(name),
        None => row.field(3).replace("{name}", &id.name) == name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        table::check(TABLE);
        for row in table::records(TABLE) {
            assert!(matches!(row.field(2), "ConfigMap" | "Secret" | "Service"), "{}", row.field(2));
            assert!((0..5).all(|column| !row.field(column).is_empty()), "{}", row.field(1));
        }
    }

    #[test]
    fn names_come_from_a_field_or_from_the_resource() {
        let certificate = ObjectRef::new("cert-manager.io/v1", "Certificate", Some("prod"), "web");
        let body = Value::from_json(serde_json::json!({"spec": {"secretName": "web-tls"}}));
        assert!(makes(&certificate, &body, "Secret", "web-tls"));
        assert!(!makes(&certificate, &body, "ConfigMap", "web-tls") && !makes(&certificate, &body, "Secret", "web"));
        let cluster = ObjectRef::new("postgresql.cnpg.io/v1", "Cluster", Some("prod"), "db");
        assert!(makes(&cluster, &Value::Null, "Secret", "db-app"));
    }
}
