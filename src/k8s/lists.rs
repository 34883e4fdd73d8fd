//! How the API server merges a list or a map: by keys, as a set, or as a whole.
//!
//! Source: the OpenAPI document of Kubernetes 1.36.3, `api/openapi-spec/swagger.json` (extensions `x-kubernetes-patch-*`,
//! `x-kubernetes-list-*`, `x-kubernetes-map-type`), extracted by `scripts/merge-keys.py` into `rules/tables/merge-keys.csv`.
//! Absent rows are lists that are replaced and maps that are merged key by key.

use std::sync::LazyLock;

use super::kinds;
use crate::release::ObjectRef;
use crate::table;

/// Which of the two merge schemes is asked for; Kubernetes tags its types for each on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListMode {
    /// `patchMergeKey`/`patchStrategy` struct tags: strategic merge patch, which client-side apply uses.
    StrategicMerge,
    /// `x-kubernetes-list-type`/`x-kubernetes-list-map-keys`: server-side apply.
    ServerSide,
}

/// How a list is merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// Replaced as a whole.
    Atomic,
    /// Items are told apart by these keys; a missing `protocol` counts as `TCP`.
    Map(Vec<&'static str>),
    /// Scalars, each of which stands once.
    Set,
}

/// What is true of one list or map under one scheme.
struct Scheme {
    list: ListKind,
    /// A strategic merge patch removes the keys it does not name, of the map itself or of each item of the list.
    retain_keys: bool,
    /// The map is replaced as a whole.
    atomic_map: bool,
}

struct Row {
    group: &'static str,
    kind: &'static str,
    path: &'static str,
    strategic: Scheme,
    server_side: Scheme,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let mut rows: Vec<Row> = table::records(include_str!("../../rules/tables/merge-keys.csv"))
        .map(|record| {
            let node = record.field(3);
            Row {
                group: record.field(0),
                kind: record.field(1),
                path: record.field(2),
                strategic: scheme(record.field(4), node),
                server_side: scheme(record.field(5), node),
            }
        })
        .collect();
    rows.sort_by(|a, b| key(a).cmp(&key(b)));
    rows
});

fn key(row: &Row) -> (&str, &str, &str) {
    (row.group, row.kind, row.path)
}

/// Reads `name+retainKeys`, `containerPort+protocol`, `set`, `replace`, `atomic` or nothing.
fn scheme(words: &'static str, node: &str) -> Scheme {
    let mut scheme = Scheme { list: ListKind::Atomic, retain_keys: false, atomic_map: false };
    let mut keys = Vec::new();
    for word in words.split('+').filter(|word| !word.is_empty()) {
        match word {
            "retainKeys" => scheme.retain_keys = true,
            "replace" | "atomic" => scheme.atomic_map = true,
            "set" => scheme.list = ListKind::Set,
            _ => keys.push(word),
        }
    }
    if node == "list" && !keys.is_empty() {
        scheme.list = ListKind::Map(keys);
    }
    scheme
}

/// The row for a path, looked up where the shape it belongs to is written: object metadata, a pod spec, or the kind itself.
fn find(id: &ObjectRef, path_keys: &str) -> Option<&'static Row> {
    let group = kinds::current_group(id);
    let (group, kind, path) = if let Some(rest) = metadata_path(id, path_keys) {
        ("*", "ObjectMeta", rest)
    } else if let Some(rest) = kinds::strip_pod_spec(id, path_keys) {
        ("*", "PodSpec", rest)
    } else {
        (group, id.kind.as_str(), path_keys)
    };
    let position = ROWS.binary_search_by(|row| key(row).cmp(&(group, kind, path))).ok()?;
    ROWS.get(position)
}

/// The rest of a path behind the `metadata` of the object itself or of a template in it.
fn metadata_path<'a>(id: &ObjectRef, path_keys: &'a str) -> Option<&'a str> {
    let own = path_keys.strip_prefix("metadata.");
    own.or_else(|| {
        let (before, rest) = path_keys.split_once(".metadata.")?;
        let is_template = before.ends_with("emplate") || before.ends_with("emplates");
        (kinds::is_built_in(id) && is_template).then_some(rest)
    })
}

fn scheme_at(id: &ObjectRef, path_keys: &str, mode: ListMode) -> Option<&'static Scheme> {
    match mode {
        ListMode::StrategicMerge if !kinds::has_strategic_merge(id) => None,
        ListMode::StrategicMerge => find(id, path_keys).map(|row| &row.strategic),
        ListMode::ServerSide => find(id, path_keys).map(|row| &row.server_side),
    }
}

/// How the list at `path_keys` ([`crate::diff::FieldPath::keys`]) of this kind is merged; unknown lists are atomic.
///
/// Custom resources know no strategic merge, and under server-side apply their own lists count as atomic here: their CRD may say
/// otherwise.
pub fn list_kind(id: &ObjectRef, path_keys: &str, mode: ListMode) -> ListKind {
    scheme_at(id, path_keys, mode).map_or(ListKind::Atomic, |scheme| scheme.list.clone())
}

/// Whether a strategic merge patch of the map at `path_keys`, or of an item of the list there, removes the keys that it does not
/// name (`patchStrategy: retainKeys`).
pub fn retains_keys(id: &ObjectRef, path_keys: &str) -> bool {
    scheme_at(id, path_keys, ListMode::StrategicMerge).is_some_and(|scheme| scheme.retain_keys)
}

/// Whether the map at `path_keys` is replaced as a whole (`x-kubernetes-map-type: atomic`, `patchStrategy: replace`).
pub fn is_atomic_map(id: &ObjectRef, path_keys: &str, mode: ListMode) -> bool {
    scheme_at(id, path_keys, mode).is_some_and(|scheme| scheme.atomic_map)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(api_version: &str, kind: &str) -> ObjectRef {
        ObjectRef::new(api_version, kind, Some("shop"), "web")
    }

    fn both(id: &ObjectRef, path: &str) -> (ListKind, ListKind) {
        (list_kind(id, path, ListMode::StrategicMerge), list_kind(id, path, ListMode::ServerSide))
    }

    fn by(keys: &[&'static str]) -> ListKind {
        ListKind::Map(keys.to_vec())
    }

    #[test]
    fn the_two_schemes_differ_on_ports() {
        let ports = "spec.template.spec.containers.ports";
        assert_eq!(both(&id("apps/v1", "Deployment"), ports), (by(&["containerPort"]), by(&["containerPort", "protocol"])));
        assert_eq!(both(&id("v1", "Service"), "spec.ports"), (by(&["port"]), by(&["port", "protocol"])));
    }

    #[test]
    fn pod_specs_are_found_wherever_they_stand() {
        let places = [
            ("v1", "Pod", "spec"),
            ("apps/v1", "Deployment", "spec.template.spec"),
            ("extensions/v1beta1", "Deployment", "spec.template.spec"),
            ("apps/v1", "StatefulSet", "spec.template.spec"),
            ("apps/v1", "DaemonSet", "spec.template.spec"),
            ("apps/v1", "ReplicaSet", "spec.template.spec"),
            ("v1", "ReplicationController", "spec.template.spec"),
            ("batch/v1", "Job", "spec.template.spec"),
            ("batch/v1", "CronJob", "spec.jobTemplate.spec.template.spec"),
            ("v1", "PodTemplate", "template.spec"),
        ];
        for (api_version, kind, prefix) in places {
            let id = id(api_version, kind);
            for (list, keys) in [
                ("containers", by(&["name"])),
                ("initContainers", by(&["name"])),
                ("containers.env", by(&["name"])),
                ("containers.volumeMounts", by(&["mountPath"])),
                ("containers.volumeDevices", by(&["devicePath"])),
                ("volumes", by(&["name"])),
                ("imagePullSecrets", by(&["name"])),
                ("hostAliases", by(&["ip"])),
                ("resourceClaims", by(&["name"])),
                ("tolerations", ListKind::Atomic),
                ("containers.command", ListKind::Atomic),
            ] {
                let path = format!("{prefix}.{list}");
                assert_eq!(both(&id, &path), (keys.clone(), keys), "{kind} {path}");
            }
        }
    }

    #[test]
    fn metadata_is_shared_by_every_kind() {
        for path in ["metadata.finalizers", "spec.template.metadata.finalizers", "spec.volumeClaimTemplates.metadata.finalizers"]
        {
            assert_eq!(both(&id("apps/v1", "StatefulSet"), path), (ListKind::Set, ListKind::Set), "{path}");
        }
        assert_eq!(both(&id("apps/v1", "StatefulSet"), "metadata.ownerReferences"), (by(&["uid"]), by(&["uid"])));
    }

    #[test]
    fn custom_resources_have_no_strategic_merge() {
        let widget = id("example.com/v1", "Deployment");
        assert_eq!(both(&widget, "metadata.finalizers"), (ListKind::Atomic, ListKind::Set));
        assert_eq!(both(&widget, "spec.template.spec.containers"), (ListKind::Atomic, ListKind::Atomic));
        assert_eq!(both(&widget, "spec.template.metadata.finalizers"), (ListKind::Atomic, ListKind::Atomic));
        let crd = id("apiextensions.k8s.io/v1", "CustomResourceDefinition");
        assert_eq!(both(&crd, "status.conditions"), (ListKind::Atomic, by(&["type"])));
    }

    #[test]
    fn retained_keys_and_atomic_maps() {
        let deployment = id("apps/v1", "Deployment");
        assert!(retains_keys(&deployment, "spec.strategy"));
        assert!(retains_keys(&deployment, "spec.template.spec.volumes"));
        assert!(!retains_keys(&deployment, "spec.template.spec.containers"));
        assert!(!retains_keys(&id("apps/v1", "StatefulSet"), "spec.updateStrategy"));
        assert!(is_atomic_map(&deployment, "spec.selector", ListMode::ServerSide));
        assert!(!is_atomic_map(&deployment, "spec.selector", ListMode::StrategicMerge));
        let budget = id("policy/v1", "PodDisruptionBudget");
        assert!(is_atomic_map(&budget, "spec.selector", ListMode::StrategicMerge));
        assert!(is_atomic_map(&id("v1", "Service"), "spec.selector", ListMode::ServerSide));
    }

    #[test]
    fn the_table_is_sorted_out_and_whole() {
        table::check(include_str!("../../rules/tables/merge-keys.csv"));
        assert!(ROWS.len() > 200);
        for pair in ROWS.windows(2) {
            assert_ne!(key(&pair[0]), key(&pair[1]), "a row stands twice");
        }
    }
}
