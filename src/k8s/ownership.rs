//! Who writes to live objects besides Helm: GitOps controllers and people, from the tables of `rules/tables`.

use crate::release::Value;
use crate::table;

const OWNERS: &str = include_str!("../../rules/tables/gitops-owners.csv");
const HANDS: &str = include_str!("../../rules/tables/hand-managers.csv");
const IDENTITIES: &str = include_str!("../../rules/tables/cloud-identity.csv");

/// A sign that a GitOps controller applies an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sign {
    pub owner: &'static str,
    /// Whether a field manager tells it: the controller has written, a label may be left over.
    pub writes: bool,
    /// The application's name, where the sign has one.
    pub name: Option<String>,
    /// The command that stops the controller, or finds what to stop.
    pub suspend: String,
    /// What was seen: `label argocd.argoproj.io/instance: shop`.
    pub seen: String,
}

/// Signs on one object. An object that its controller is told to leave alone has none.
pub fn gitops_signs(body: &Value) -> Vec<Sign> {
    let metadata = body.get("metadata");
    let annotations = metadata.get("annotations");
    if annotations.get("kustomize.toolkit.fluxcd.io/reconcile").as_str() == Some("disabled") {
        return Vec::new();
    }
    let rows = table::records(OWNERS);
    rows.filter_map(|row| {
        let key = row.field(2);
        let text = match row.field(1) {
            "label" => metadata.get("labels").get(key).as_str(),
            "annotation" => annotations.get(key).as_str(),
            _ => managers(body).find(|manager| *manager == key),
        };
        text.map(|text| sign(&row, text))
    })
    .collect()
}

fn sign(row: &table::Record, text: &str) -> Sign {
    let writes = row.field(1) == "manager";
    let name = (!writes).then(|| text.split(':').next().unwrap_or(text).to_owned());
    let seen = if writes { format!("field manager {text}") } else { format!("{} {}: {text}", row.field(1), row.field(2)) };
    let suspend = row.field(3).replace("{name}", name.as_deref().unwrap_or(""));
    Sign { owner: row.field(0), writes, name, suspend, seen }
}

/// Field managers of a live object.
pub fn managers(body: &Value) -> impl Iterator<Item = &str> {
    let entries = body.at(&["metadata", "managedFields"]).as_list();
    entries.iter().filter_map(|entry| entry.get("manager").as_str())
}

/// The tool of a person behind a field manager, which may name a subresource: `kubectl (scale)`.
pub fn hand(manager: &str) -> Option<&'static str> {
    let name = manager.split(' ').next().unwrap_or(manager);
    table::records(HANDS).find(|row| row.field(0) == name).map(|row| row.field(1))
}

/// Identities in a cloud that a ServiceAccount stands for: cloud, `annotations` or `labels`, key, value.
pub fn cloud_identities(body: &Value) -> Vec<(&'static str, &'static str, &'static str, &Value)> {
    let rows = table::records(IDENTITIES);
    let found =
        rows.map(|row| (row.field(2), row.field(0), row.field(1), body.at(&["metadata", row.field(0)]).get(row.field(1))));
    found.filter(|(.., value)| !value.is_null() && value.as_str() != Some("")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_whole() {
        for (text, columns) in [(OWNERS, 5), (HANDS, 3), (IDENTITIES, 4)] {
            table::check(text);
            assert!(table::records(text).all(|row| (0..columns).all(|column| !row.field(column).is_empty())));
        }
        assert!(table::records(OWNERS).all(|row| matches!(row.field(1), "label" | "annotation" | "manager")));
        assert!(table::records(IDENTITIES).all(|row| matches!(row.field(0), "annotations" | "labels")));
    }

    #[test]
    fn signs_carry_the_application() {
        let body = Value::from_json(
            serde_json::json!({"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:prod/web"},
            "managedFields": [{"manager": "argocd-controller"}, {"manager": "helm"}]}}),
        );
        let signs = gitops_signs(&body);
        assert_eq!(signs.iter().map(|sign| sign.writes).collect::<Vec<_>>(), [false, true]);
        assert_eq!(signs.first().and_then(|sign| sign.name.as_deref()), Some("shop"));
        assert_eq!(hand("kubectl (scale)"), Some("kubectl"));
        assert_eq!(hand("kube-controller-manager"), None);
    }
}
