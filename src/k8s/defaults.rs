//! The API server's defaults, from `rules/tables/defaults.csv`.
//!
//! Source: `pkg/apis/*/*/defaults.go`, `+default` tags and conversions of Kubernetes 1.36.3; the last column names the function.
//!
//! A row sets the last key of `path` where it is absent (missing, null or `""`) and its parent exists; `[]` means every item of a
//! list. Rows of one kind apply in file order, so a row may create the parent of the next. `value` is YAML, or
//! * `@Shape`: apply the rows of group `*` and that kind to the node at `path`;
//! * `=field`: the value of a sibling, `=lower:field` and `=list:field` (kind to singular and list kind), `=pull-policy:field`
//!   (from the tag of an image name), `=local:field` (group, kind and name of a reference without namespace),
//!   `=fill:field` (each key that a sibling map has and this one lacks).
//!
//! `condition` joins by `&`: `field=a|b`, `has(field)`, `no(field)`, all of siblings, and `or-zero` (0 counts as absent).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::kinds;
use crate::release::{Map, ObjectRef, Value};
use crate::table;

enum Step {
    Key(&'static str),
    EachItem,
}

enum Default {
    Value(Value),
    Shape(&'static str),
    Sibling(Derivation, &'static str),
}

#[derive(Clone, Copy, PartialEq)]
enum Derivation {
    Copy,
    Lower,
    List,
    PullPolicy,
    Local,
    Fill,
}

enum Condition {
    OneOf(&'static str, Vec<&'static str>),
    Has(&'static str),
    No(&'static str),
    OrZero,
}

struct Row {
    /// To the parent of what is set, or to the node a shape applies to.
    steps: Vec<Step>,
    key: &'static str,
    default: Default,
    conditions: Vec<Condition>,
}

type Key = (&'static str, &'static str);

static ROWS: LazyLock<BTreeMap<Key, Vec<Row>>> = LazyLock::new(|| {
    let mut rows: BTreeMap<Key, Vec<Row>> = BTreeMap::new();
    for record in table::records(include_str!("../../rules/tables/defaults.csv")) {
        if let Some(row) = row(record.field(2), record.field(3), record.field(4)) {
            rows.entry((record.field(0), record.field(1))).or_default().push(row);
        }
    }
    rows
});

/// Reads one row; none where a word is unknown, which a test excludes for the built-in table.
fn row(path: &'static str, value: &'static str, condition: &'static str) -> Option<Row> {
    let default = default(value)?;
    let conditions = condition.split('&').filter(|word| !word.is_empty()).map(read_condition).collect::<Option<_>>()?;
    let (parent, key) = match default {
        Default::Shape(_) => (path, ""),
        _ => path.rsplit_once('.').unwrap_or(("", path)),
    };
    Some(Row { steps: steps(parent), key, default, conditions })
}

fn steps(path: &'static str) -> Vec<Step> {
    path.split('.')
        .filter(|part| !part.is_empty())
        .flat_map(|part| match part.strip_suffix("[]") {
            Some(key) => vec![Step::Key(key), Step::EachItem],
            None => vec![Step::Key(part)],
        })
        .collect()
}

fn default(value: &'static str) -> Option<Default> {
    if let Some(shape) = value.strip_prefix('@') {
        return Some(Default::Shape(shape));
    }
    if let Some(source) = value.strip_prefix('=') {
        let (derivation, field) = source.split_once(':').unwrap_or(("copy", source));
        return Some(Default::Sibling(derivation_of(derivation)?, field));
    }
    if matches!(value, "" | "*") {
        return Some(Default::Value(Value::from(value)));
    }
    serde_yaml::from_str(value).ok().map(|json| Default::Value(Value::from_json(json)))
}

fn derivation_of(word: &str) -> Option<Derivation> {
    match word {
        "copy" => Some(Derivation::Copy),
        "lower" => Some(Derivation::Lower),
        "list" => Some(Derivation::List),
        "pull-policy" => Some(Derivation::PullPolicy),
        "local" => Some(Derivation::Local),
        "fill" => Some(Derivation::Fill),
        _ => None,
    }
}

fn read_condition(word: &'static str) -> Option<Condition> {
    let argument = |name: &str| word.strip_prefix(name)?.strip_suffix(')');
    if word == "or-zero" {
        Some(Condition::OrZero)
    } else if let Some(field) = argument("has(") {
        Some(Condition::Has(field))
    } else if let Some(field) = argument("no(") {
        Some(Condition::No(field))
    } else {
        let (field, values) = word.split_once('=')?;
        Some(Condition::OneOf(field, values.split('|').collect()))
    }
}

/// The body with the API server's defaults filled in; kinds that are not built in come back as they are.
pub fn with_defaults(id: &ObjectRef, body: &Value) -> Value {
    let mut filled = body.clone();
    if !kinds::is_built_in(id) {
        return filled;
    }
    if let Some(path) = kinds::pod_template_path(id)
        && let Some(spec) = path.iter().chain(&["spec"]).try_fold(&mut filled, |node, key| node.as_map_mut()?.get_mut(*key))
    {
        apply_shape(("*", "PodSpec"), spec);
    }
    let group = kinds::current_group(id);
    let rows = ROWS.iter().find(|((of_group, of_kind), _)| *of_group == group && *of_kind == id.kind);
    for row in rows.into_iter().flat_map(|(_, rows)| rows) {
        apply(row, &row.steps, &mut filled);
    }
    filled
}

fn apply_shape(shape: Key, node: &mut Value) {
    for row in ROWS.get(&shape).into_iter().flatten() {
        apply(row, &row.steps, node);
    }
}

/// Walks to every parent the row speaks of. The depth is that of the table's path, not of the data.
fn apply(row: &Row, steps: &[Step], node: &mut Value) {
    match (steps.split_first(), node) {
        (Some((Step::Key(key), rest)), Value::Map(map)) => {
            if let Some(child) = map.get_mut(*key) {
                apply(row, rest, child);
            }
        }
        (Some((Step::EachItem, rest)), Value::List(items)) => items.iter_mut().for_each(|item| apply(row, rest, item)),
        (None, node) => set(row, node),
        _ => {}
    }
}

fn set(row: &Row, node: &mut Value) {
    if let Default::Shape(shape) = row.default {
        return apply_shape(("*", shape), node);
    }
    let Some(map) = node.as_map_mut() else { return };
    if !row.conditions.iter().all(|condition| holds(condition, map)) {
        return;
    }
    if let Default::Sibling(Derivation::Fill, from) = row.default {
        return fill(map, row.key, from);
    }
    let or_zero = row.conditions.iter().any(|condition| matches!(condition, Condition::OrZero));
    if is_absent(map.get(row.key), or_zero)
        && let Some(value) = value_of(&row.default, map)
    {
        map.insert(row.key.to_owned(), value);
    }
}

fn is_absent(value: Option<&Value>, or_zero: bool) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(number @ Value::Number(_)) => or_zero && number.as_i64() == Some(0),
        Some(Value::List(items)) => items.is_empty(),
        Some(_) => false,
    }
}

fn holds(condition: &Condition, map: &Map) -> bool {
    match condition {
        Condition::OneOf(field, values) => map.get(*field).and_then(Value::as_str).is_some_and(|value| values.contains(&value)),
        Condition::Has(field) => !is_absent(map.get(*field), false),
        Condition::No(field) => is_absent(map.get(*field), false),
        Condition::OrZero => true,
    }
}

fn value_of(default: &Default, map: &Map) -> Option<Value> {
    match default {
        Default::Value(value) => Some(value.clone()),
        Default::Shape(_) => None,
        Default::Sibling(derivation, field) => derive(*derivation, map.get(*field)?),
    }
}

fn derive(derivation: Derivation, sibling: &Value) -> Option<Value> {
    match derivation {
        Derivation::Copy => Some(sibling.clone()),
        Derivation::Lower => Some(Value::String(sibling.as_str()?.to_lowercase())),
        Derivation::List => Some(Value::String(format!("{}List", sibling.as_str()?))),
        Derivation::PullPolicy => Some(Value::from(pull_policy(sibling.as_str()?))),
        Derivation::Local => local_reference(sibling),
        Derivation::Fill => None,
    }
}

/// `Always` for `:latest`, and for neither tag nor digest (`pkg/util/parsers/parsers.go` `ParseImageName`).
fn pull_policy(image: &str) -> &'static str {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let last = name.rsplit('/').next().unwrap_or(name);
    match (last.split_once(':'), digest) {
        (Some((_, "latest")), _) | (None, None) => "Always",
        _ => "IfNotPresent",
    }
}

/// A reference to an object of the same namespace; one that names a namespace has no counterpart.
fn local_reference(reference: &Value) -> Option<Value> {
    let map = reference.as_map()?;
    let has_namespace = !is_absent(map.get("namespace"), false);
    (!has_namespace).then(|| reference.clone())
}

fn fill(map: &mut Map, key: &str, from: &str) {
    let Some(source) = map.get(from).and_then(Value::as_map).cloned() else {
        return;
    };
    if is_absent(map.get(key), false) {
        map.insert(key.to_owned(), Value::Map(Map::new()));
    }
    if let Some(target) = map.get_mut(key).and_then(Value::as_map_mut) {
        for (name, value) in source {
            target.entry(name).or_insert(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(api_version: &str, kind: &str, body: serde_json::Value) -> Value {
        with_defaults(&ObjectRef::new(api_version, kind, Some("shop"), "web"), &Value::from_json(body))
    }

    #[test]
    fn the_table_is_whole() {
        let text = include_str!("../../rules/tables/defaults.csv");
        table::check(text);
        let read: usize = ROWS.values().map(Vec::len).sum();
        assert_eq!(read, table::records(text).count(), "a row has a word that is not understood");
        for row in ROWS.values().flatten() {
            if let Default::Shape(shape) = row.default {
                assert!(ROWS.contains_key(&("*", shape)), "unknown shape {shape}");
            }
        }
    }

    #[test]
    fn a_deployment() {
        let body = json!({"spec": {"template": {"spec": {
            "serviceAccountName": "web",
            "containers": [{"name": "web", "image": "web:1", "ports": [{"containerPort": 80}],
                "readinessProbe": {"httpGet": {"port": 80}, "periodSeconds": 0},
                "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]}],
            "volumes": [{"name": "config", "configMap": {"name": "web"}}]}}}});
        insta::with_settings!({snapshot_path => "../../snapshots/k8s", prepend_module_to_snapshot => false}, {
            insta::assert_json_snapshot!("defaults-deployment", filled("apps/v1", "Deployment", body));
        });
    }

    #[test]
    fn a_stateful_set() {
        let body = json!({"spec": {"template": {"spec": {}}, "volumeClaimTemplates": [
            {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]}});
        insta::with_settings!({snapshot_path => "../../snapshots/k8s", prepend_module_to_snapshot => false}, {
            insta::assert_json_snapshot!("defaults-stateful-set", filled("apps/v1", "StatefulSet", body));
        });
    }

    #[test]
    fn given_values_stay() {
        let body = json!({"spec": {"strategy": {"type": "Recreate"}, "replicas": 0, "revisionHistoryLimit": 2,
            "progressDeadlineSeconds": 60}});
        assert_eq!(filled("apps/v1", "Deployment", body.clone()), Value::from_json(body));
    }

    #[test]
    fn filling_twice_changes_nothing_more() {
        for (api_version, kind, body) in [
            (
                "apps/v1",
                "StatefulSet",
                json!({"spec": {"updateStrategy": {"type": "RollingUpdate"}, "template": {"spec": {"containers": [{"image": "a"}]}}}}),
            ),
            ("v1", "Service", json!({"spec": {"type": "LoadBalancer", "ports": [{"port": 80}], "sessionAffinity": "ClientIP"}})),
            (
                "v1",
                "LimitRange",
                json!({"spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1Mi"}}]}}),
            ),
            ("networking.k8s.io/v1", "NetworkPolicy", json!({"spec": {"egress": [{"ports": [{"port": 53}]}]}})),
        ] {
            let once = filled(api_version, kind, body);
            let id = ObjectRef::new(api_version, kind, Some("shop"), "web");
            assert_eq!(with_defaults(&id, &once), once, "{kind}");
        }
    }

    #[test]
    fn services_by_type() {
        let plain = filled("v1", "Service", json!({"spec": {"ports": [{"port": 80}]}}));
        assert_eq!(plain.at(&["spec", "type"]).as_str(), Some("ClusterIP"));
        assert!(plain.at(&["spec", "externalTrafficPolicy"]).is_null());
        assert_eq!(plain.at(&["spec", "ports"]).as_list()[0].get("targetPort").as_i64(), Some(80));
        let external = filled("v1", "Service", json!({"spec": {"type": "ExternalName", "externalName": "db.example.com"}}));
        assert!(external.at(&["spec", "internalTrafficPolicy"]).is_null());
    }

    #[test]
    fn pull_policies() {
        for (image, policy) in [
            ("web", "Always"),
            ("web:latest", "Always"),
            ("registry:5000/web", "Always"),
            ("registry:5000/web:1", "IfNotPresent"),
            ("web@sha256:0123", "IfNotPresent"),
            ("web:latest@sha256:0123", "Always"),
        ] {
            assert_eq!(pull_policy(image), policy, "{image}");
        }
    }

    #[test]
    fn network_policy_types() {
        let types = |body| filled("networking.k8s.io/v1", "NetworkPolicy", body).at(&["spec", "policyTypes"]).display();
        assert_eq!(types(json!({"spec": {"podSelector": {}}})), r#"["Ingress"]"#);
        assert_eq!(types(json!({"spec": {"egress": []}})), r#"["Ingress"]"#);
        assert_eq!(types(json!({"spec": {"egress": [{}]}})), r#"["Ingress","Egress"]"#);
    }

    #[test]
    fn the_service_account_alias_sets_the_name() {
        let pod = filled("v1", "Pod", json!({"spec": {"serviceAccount": "old"}}));
        assert_eq!(pod.at(&["spec", "serviceAccountName"]).as_str(), Some("old"));
    }

    #[test]
    fn custom_resources_and_odd_shapes_come_back_as_they_are() {
        let body = json!({"spec": {"replicas": null, "template": []}});
        assert_eq!(filled("example.com/v1", "Deployment", body.clone()), Value::from_json(body));
        assert_eq!(filled("v1", "Service", json!("text")), Value::from("text"));
        assert_eq!(filled("v1", "Service", json!({"spec": [1], "x": 1})), Value::from_json(json!({"spec": [1], "x": 1})));
    }

    /// Paths at which `ours` has a value that `theirs` has not.
    fn strangers(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
        let last = path.rsplit('.').next().unwrap_or("");
        match (ours, theirs) {
            (Value::Map(map), Value::Map(_)) => {
                map.iter().for_each(|(key, value)| strangers(&format!("{path}.{key}"), value, theirs.get(key), found));
            }
            (Value::List(left), Value::List(right)) if left.len() == right.len() => {
                left.iter().zip(right).for_each(|(a, b)| strangers(path, a, b, found));
            }
            _ if !crate::k8s::semantic::same(path.rsplit('.').nth(1).unwrap_or(""), last, ours, theirs) => {
                found.push(format!("{path}: {ours:?}, the server: {theirs:?}"));
            }
            _ => {}
        }
    }

    /// What the server allocates, generates or admits rather than defaults.
    const ALLOCATED: &[&str] = &[
        "unfilled.metadata",
        "unfilled.status",
        "unfilled.spec.template.metadata",
        ".metadata.creationTimestamp",
        "Service unfilled.spec.clusterIP",
        "Service unfilled.spec.ipFamil",
        "Service unfilled.spec.ports.nodePort",
        "Job unfilled.spec.selector",
        "Pod unfilled.spec.priority",
        "Pod unfilled.spec.preemptionPolicy",
        "Pod unfilled.spec.tolerations",
    ];

    #[test]
    fn a_real_server_fills_in_the_same() {
        let recorded: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/fixtures/api-server.json")).expect("a recording");
        let mut faults = Vec::new();
        for case in recorded["defaults"].as_array().expect("cases") {
            let text = |key: &str| case["manifest"][key].as_str().unwrap_or("");
            let id = ObjectRef::new(text("apiVersion"), text("kind"), Some("shop"), "web");
            let live = Value::from_json(case["live"].clone());
            let ours = with_defaults(&id, &Value::from_json(case["manifest"].clone()));
            strangers(text("kind"), &ours, &live, &mut faults);
            let mut unfilled = Vec::new();
            strangers(&format!("{} unfilled", text("kind")), &live, &ours, &mut unfilled);
            faults.extend(unfilled.into_iter().filter(|fault| !ALLOCATED.iter().any(|path| fault.contains(path))));
            // What the server's object has is complete: nothing is left to fill in.
            strangers(&format!("{} live", text("kind")), &with_defaults(&id, &live), &live, &mut faults);
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
