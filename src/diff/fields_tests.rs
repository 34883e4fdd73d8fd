use serde_json::json;

use super::*;

fn id(api_version: &str, kind: &str) -> ObjectRef {
    ObjectRef::new(api_version, kind, Some("shop"), "web")
}

fn diff(id: &ObjectRef, from: serde_json::Value, to: serde_json::Value) -> Vec<FieldDiff> {
    compare(&Value::from_json(from), &Value::from_json(to), id)
}

/// `path` or `path (noise)`, in result order.
fn summary(id: &ObjectRef, from: serde_json::Value, to: serde_json::Value) -> Vec<String> {
    diff(id, from, to)
        .iter()
        .map(|field| match field.noise {
            None => field.path.to_string(),
            Some(noise) => format!("{} ({noise:?})", field.path),
        })
        .collect()
}

fn pod_spec(containers: serde_json::Value) -> serde_json::Value {
    json!({"spec": {"template": {"spec": {"containers": containers}}}})
}

#[test]
fn list_items_are_told_apart_by_merge_keys() {
    let deployment = id("apps/v1", "Deployment");
    let from = pod_spec(json!([
        {"name": "sidecar", "image": "proxy:1"},
        {"name": "web", "image": "web:2", "ports": [{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}],
            "env": [{"name": "MODE", "value": "new"}, {"name": "KEEP", "value": "1"}]},
    ]));
    let to = pod_spec(json!([
        {"name": "web", "image": "web:1", "ports": [{"containerPort": 80, "protocol": "TCP", "name": "http"}, {"containerPort": 53}],
            "env": [{"name": "KEEP", "value": "1"}]},
    ]));
    assert_eq!(
        summary(&deployment, from, to),
        [
            "spec.template.spec.containers[name=sidecar]",
            "spec.template.spec.containers[name=web].env[name=MODE]",
            "spec.template.spec.containers[name=web].image",
            "spec.template.spec.containers[name=web].ports[containerPort=53,protocol=TCP]",
            "spec.template.spec.containers[name=web].ports[containerPort=53,protocol=UDP]",
            "spec.template.spec.containers[name=web].ports[containerPort=80,protocol=TCP].name",
            "spec.template.spec.containers[name=web].ports[containerPort=80,protocol=TCP].protocol (Default)",
        ]
    );
}

#[test]
fn keys_that_do_not_tell_items_apart_fall_back_to_positions() {
    let from = pod_spec(json!([{"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "X", "value": "2"}]}]));
    let to = pod_spec(json!([{"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "X", "value": "3"}]}]));
    assert_eq!(summary(&id("apps/v1", "Deployment"), from, to), ["spec.template.spec.containers[name=a].env[1].value"]);
}

#[test]
fn order_counts_where_it_has_an_effect() {
    let lists = |field: &str, names: [&str; 2]| {
        let items: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
        json!({"spec": {"template": {"spec": {field: items}}}})
    };
    let order = |field: &str| summary(&id("apps/v1", "Deployment"), lists(field, ["a", "b"]), lists(field, ["b", "a"]));
    assert_eq!(order("initContainers"), ["spec.template.spec.initContainers"]);
    assert_eq!(order("volumes"), ["spec.template.spec.volumes (SameValue)"]);
}

#[test]
fn sets_and_atomic_lists() {
    let finalizers = |list: serde_json::Value| json!({"metadata": {"finalizers": list}});
    let deployment = id("apps/v1", "Deployment");
    assert_eq!(
        summary(&deployment, finalizers(json!(["a", "b"])), finalizers(json!(["b", "a"]))),
        ["metadata.finalizers (SameValue)"]
    );
    assert_eq!(summary(&deployment, finalizers(json!(["a"])), finalizers(json!(["a", "b"]))), ["metadata.finalizers"]);
    let args = |list: serde_json::Value| pod_spec(json!([{"name": "a", "args": list}]));
    assert_eq!(
        summary(&deployment, args(json!(["--x", "--y"])), args(json!(["--x", "--z"]))),
        ["spec.template.spec.containers[name=a].args[1]"]
    );
    assert_eq!(
        summary(&deployment, args(json!(["--x", "--y"])), args(json!(["--y"]))),
        ["spec.template.spec.containers[name=a].args"]
    );
    let rules = |verbs: &str| json!({"rules": [{"resources": ["pods"], "verbs": [verbs]}]});
    assert_eq!(summary(&id("rbac.authorization.k8s.io/v1", "Role"), rules("get"), rules("list")), ["rules[0].verbs[0]"]);
}

#[test]
fn custom_resources_pair_items_by_name_where_they_have_one() {
    let groups = |names: &[&str]| json!({"spec": {"groups": names.iter().map(|name| json!({"name": name, "rules": []})).collect::<Vec<_>>()}});
    let rule = id("monitoring.coreos.com/v1", "PrometheusRule");
    assert_eq!(summary(&rule, groups(&["a", "b"]), groups(&["new", "a", "b"])), ["spec.groups[name=new]"]);
    assert_eq!(summary(&rule, groups(&["a", "b"]), groups(&["b", "a"])), ["spec.groups"]);
}

#[test]
fn quantities_and_defaults_are_noise() {
    let resources = |memory: serde_json::Value| pod_spec(json!([{"name": "a", "resources": {"limits": {"memory": memory}}}]));
    let deployment = id("apps/v1", "Deployment");
    assert_eq!(
        summary(&deployment, resources(json!("1Gi")), resources(json!("1024Mi"))),
        ["spec.template.spec.containers[name=a].resources.limits.memory (SameValue)"]
    );
    assert_eq!(
        summary(&deployment, json!({"spec": {}}), json!({"spec": {"replicas": 1, "revisionHistoryLimit": 3}})),
        ["spec.replicas (Default)", "spec.revisionHistoryLimit"]
    );
    assert_eq!(
        summary(&deployment, json!({"spec": {}}), json!({"spec": {"strategy": {"type": "RollingUpdate"}}})),
        ["spec.strategy (Default)"]
    );
    assert_eq!(
        summary(
            &id("v1", "Service"),
            json!({"spec": {"ports": [{"port": 80}]}}),
            json!({"spec": {"type": "ClusterIP", "ports": [{"port": 80, "targetPort": 80}]}})
        ),
        ["spec.ports[port=80,protocol=TCP].targetPort (Default)", "spec.type (Default)"]
    );
    assert_eq!(summary(&id("example.com/v1", "Widget"), json!({}), json!({"spec": {"replicas": 1}})), ["spec"]);
}

#[test]
fn int_or_string_is_no_quantity() {
    // The API server refuses a string of digits there, so the two are not one value.
    let port = |port: serde_json::Value| json!({"spec": {"ports": [{"port": 1, "targetPort": port}]}});
    assert_eq!(summary(&id("v1", "Service"), port(json!(80)), port(json!("80"))), ["spec.ports[port=1,protocol=TCP].targetPort"]);
}

#[test]
fn chart_labels_and_checksums_are_noise_outside_what_is_immutable() {
    let labels = json!({"helm.sh/chart": "web-2", "app.kubernetes.io/version": "2", "app": "web"});
    let other = json!({"helm.sh/chart": "web-1", "app.kubernetes.io/version": "1", "app": "api"});
    assert_eq!(
        summary(&id("v1", "Service"), json!({"metadata": {"labels": labels}}), json!({"metadata": {"labels": other}})),
        [
            "metadata.labels.app",
            "metadata.labels[\"app.kubernetes.io/version\"] (ChartLabel)",
            "metadata.labels[\"helm.sh/chart\"] (ChartLabel)"
        ]
    );
    let claim = |chart: &str| json!({"spec": {"volumeClaimTemplates": [{"metadata": {"name": "data", "labels": {"helm.sh/chart": chart}}}]}});
    assert_eq!(summary(&id("apps/v1", "StatefulSet"), claim("2"), claim("1")).len(), 1);
    assert!(diff(&id("apps/v1", "StatefulSet"), claim("2"), claim("1"))[0].noise.is_none());
    let template = |chart: &str| json!({"spec": {"template": {"metadata": {"labels": {"chart": chart}}}}});
    assert!(diff(&id("batch/v1", "Job"), template("2"), template("1"))[0].noise.is_none());
    assert_eq!(diff(&id("apps/v1", "Deployment"), template("2"), template("1"))[0].noise, Some(Noise::ChartLabel));
    let selector = |chart: &str| json!({"spec": {"selector": {"matchLabels": {"chart": chart}}}});
    assert!(diff(&id("apps/v1", "Deployment"), selector("2"), selector("1"))[0].noise.is_none());
}

#[test]
fn checksum_annotations() {
    let noise = |key: &str, from: &str, to: &str| {
        let body = |value: &str| json!({"spec": {"template": {"metadata": {"annotations": {key: value}}}}});
        diff(&id("apps/v1", "Deployment"), body(from), body(to))[0].noise
    };
    assert_eq!(noise("checksum/config", "aa", "bb"), Some(Noise::Checksum));
    assert_eq!(noise("config-checksum", "aa", "bb"), Some(Noise::Checksum));
    assert_eq!(noise("rollme", "Xw3e", "9Kls"), Some(Noise::Checksum));
    assert_eq!(noise("example.com/config-hash", "0123456789ab", "ba9876543210"), Some(Noise::Checksum));
    assert_eq!(noise("example.com/hash-policy", "consistent", "round-robin"), None);
    assert_eq!(noise("prometheus.io/scrape", "true", "false"), None);
}

#[test]
fn secrets_by_content() {
    let secret = id("v1", "Secret");
    // Plain strings stand for digests of equal content.
    let data = json!({"data": {"password": "digest", "user": "digest2"}});
    let text = json!({"data": {"user": "other"}, "stringData": {"password": "digest"}});
    assert_eq!(
        summary(&secret, data.clone(), text.clone()),
        ["data.password (SameValue)", "data.user", "stringData.password (SameValue)"]
    );
    assert_eq!(summary(&id("v1", "ConfigMap"), data, text), ["data.password", "data.user", "stringData.password"]);
}

#[test]
fn null_is_absence() {
    let deployment = id("apps/v1", "Deployment");
    assert!(diff(&deployment, json!({"spec": {"paused": null}}), json!({"spec": {}})).is_empty());
    let found = diff(&deployment, json!({"spec": {"paused": null}}), json!({"spec": {"paused": true}}));
    assert_eq!((found[0].from.clone(), found[0].to.clone()), (None, Some(Value::Bool(true))));
    assert_eq!(summary(&deployment, json!({"metadata": {"labels": {}}}), json!({"metadata": {}})), ["metadata.labels (Default)"]);
}

fn samples() -> Vec<(ObjectRef, Value)> {
    let deployment = id("apps/v1", "Deployment");
    let bodies = [
        json!({"metadata": {"labels": {"helm.sh/chart": "a-1"}}, "spec": {"replicas": 1}}),
        pod_spec(json!([{"name": "a", "image": "x", "env": [{"name": "A", "value": "1"}, {"name": "B"}]}])),
        pod_spec(
            json!([{"name": "b"}, {"name": "a", "image": "x:2", "env": [{"name": "B"}, {"name": "A", "value": "1"}], "args": ["1"]}]),
        ),
        pod_spec(json!([{"name": "a"}, {"name": "a"}, 5, null])),
        pod_spec(json!({"not": "a list"})),
        json!({"metadata": {"labels": null, "annotations": {}, "finalizers": ["a", "b", "a"]}, "spec": {"strategy": {}}}),
        json!({"metadata": {"finalizers": ["b", "a"]}, "spec": {"strategy": {"type": "Recreate"}, "selector": {"matchLabels": {}}}}),
        json!([]),
        json!("text"),
    ];
    bodies.into_iter().map(|body| (deployment.clone(), Value::from_json(body))).collect()
}

#[test]
fn a_value_does_not_differ_from_itself() {
    for (id, body) in samples() {
        assert!(compare(&body, &body, &id).is_empty(), "{body:?}");
    }
}

#[test]
fn the_way_back_mirrors_the_way_there() {
    for (id, a) in samples() {
        for (_, b) in samples() {
            let there = compare(&a, &b, &id);
            let back = compare(&b, &a, &id);
            assert_eq!(there.len(), back.len(), "{a:?} {b:?}");
            for (there, back) in there.iter().zip(&back) {
                assert_eq!((&there.path, &there.from, &there.to, there.noise), (&back.path, &back.to, &back.from, back.noise));
                assert!(there.from.is_some() || there.to.is_some());
                assert_ne!(there.from, there.to);
            }
        }
    }
}
