use serde_json::json;

use super::*;

fn of(api_version: &str, kind: &str) -> ObjectRef {
    ObjectRef::new(api_version, kind, Some("shop"), "web")
}

/// `row path`, in result order, on a 1.36 server.
fn rows(id: &ObjectRef, before: serde_json::Value, after: serde_json::Value) -> Vec<String> {
    rows_on(id, before, after, Some("v1.36.3"))
}

fn rows_on(id: &ObjectRef, before: serde_json::Value, after: serde_json::Value, version: Option<&str>) -> Vec<String> {
    refusals(id, &Value::from_json(before), &Value::from_json(after), version)
        .iter()
        .map(|refusal| format!("{} {}", refusal.row, refusal.path))
        .collect()
}

/// A change in both directions of these two values under `spec` is refused by this row, or by none for `""`.
fn spec_both_ways(id: &ObjectRef, a: serde_json::Value, b: serde_json::Value, expected: &str) {
    for (before, after) in [(&a, &b), (&b, &a)] {
        let found = rows(id, json!({"spec": before}), json!({"spec": after}));
        let expected: Vec<&str> = Some(expected).into_iter().filter(|row| !row.is_empty()).collect();
        assert_eq!(found, expected, "{before} -> {after}");
    }
}

#[test]
fn stateful_sets() {
    let id = of("apps/v1", "StatefulSet");
    spec_both_ways(&id, json!({"serviceName": "a"}), json!({"serviceName": "b"}), "sts-service-name spec.serviceName");
    spec_both_ways(
        &id,
        json!({"podManagementPolicy": "Parallel"}),
        json!({}),
        "sts-pod-management-policy spec.podManagementPolicy",
    );
    spec_both_ways(&id, json!({"podManagementPolicy": "OrderedReady"}), json!({}), "");
    spec_both_ways(&id, json!({"replicas": 1, "minReadySeconds": 3}), json!({"replicas": 5, "ordinals": {"start": 1}}), "");
    spec_both_ways(&id, json!({"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}), json!({}), "");
    spec_both_ways(&id, json!({"revisionHistoryLimit": 3}), json!({}), "");
    let old = rows_on(&id, json!({"spec": {"revisionHistoryLimit": 3}}), json!({"spec": {}}), Some("v1.29.4"));
    assert_eq!(old, ["sts-revision-history-limit spec.revisionHistoryLimit"]);
}

#[test]
fn strategies_that_keep_what_only_the_other_one_may_have() {
    let set = of("apps/v1", "StatefulSet");
    let left_over = json!({"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": {"partition": 0}}}});
    assert_eq!(rows(&set, json!({"spec": {}}), left_over), ["sts-on-delete spec.updateStrategy.rollingUpdate"]);
    assert!(rows(&set, json!({"spec": {}}), json!({"spec": {"updateStrategy": {"type": "OnDelete"}}})).is_empty());
    let deployment = of("apps/v1", "Deployment");
    let left_over = json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": "25%"}}}});
    assert_eq!(rows(&deployment, json!({"spec": {}}), left_over), ["deploy-recreate spec.strategy.rollingUpdate"]);
    assert!(rows(&deployment, json!({"spec": {}}), json!({"spec": {"strategy": {"type": "Recreate"}}})).is_empty());
}

#[test]
fn claim_templates() {
    let id = of("apps/v1", "StatefulSet");
    let template = |metadata: serde_json::Value, spec: serde_json::Value| json!({"volumeClaimTemplates": [{"metadata": metadata, "spec": spec}]});
    let base = || {
        template(
            json!({"name": "data"}),
            json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}),
        )
    };
    let row = "sts-claim-templates spec.volumeClaimTemplates";
    let mut larger = base();
    larger["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] = json!("2Gi");
    spec_both_ways(&id, base(), larger, row);
    let mut labelled = base();
    labelled["volumeClaimTemplates"][0]["metadata"]["labels"] = json!({"helm.sh/chart": "db-2"});
    spec_both_ways(&id, base(), labelled, row);
    spec_both_ways(&id, base(), json!({}), row);
    // What the server fills in, or reads as the same, is no change.
    let mut filled = base();
    let claim = &mut filled["volumeClaimTemplates"][0];
    claim["apiVersion"] = json!("v1");
    claim["kind"] = json!("PersistentVolumeClaim");
    claim["status"] = json!({"phase": "Pending"});
    claim["spec"]["volumeMode"] = json!("Filesystem");
    claim["spec"]["resources"]["requests"]["storage"] = json!("1024Mi");
    claim["metadata"]["creationTimestamp"] = json!(null);
    claim["metadata"]["labels"] = json!({});
    spec_both_ways(&id, base(), filled, "");
}

#[test]
fn selectors() {
    let body = |selector: &str, label: &str| json!({"selector": {"matchLabels": {"app": selector}}, "template": {"metadata": {"labels": {"app": label}}}});
    for (kind, prefix) in [("Deployment", "deploy"), ("DaemonSet", "ds"), ("ReplicaSet", "rs")] {
        spec_both_ways(&of("apps/v1", kind), body("a", "a"), body("b", "b"), &format!("{prefix}-selector spec.selector"));
    }
    let id = of("apps/v1", "Deployment");
    let mut normalised = body("a", "a");
    normalised["selector"]["matchExpressions"] = json!([]);
    spec_both_ways(&id, body("a", "a"), normalised, "");
    let mismatch = rows(&id, json!({"spec": body("a", "a")}), json!({"spec": body("a", "b")}));
    assert_eq!(mismatch, ["deploy-labels spec.template.metadata.labels"]);
    assert_eq!(
        rows(&of("extensions/v1beta1", "Deployment"), json!({"spec": body("a", "a")}), json!({"spec": body("b", "b")})).len(),
        1
    );
}

fn job(image: &str, more: serde_json::Value) -> serde_json::Value {
    let mut spec =
        json!({"template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": image}]}}});
    spec.as_object_mut().expect("map").extend(more.as_object().expect("map").clone());
    spec
}

#[test]
fn jobs() {
    let id = of("batch/v1", "Job");
    spec_both_ways(&id, job("a:1", json!({})), job("a:2", json!({})), "job-template spec.template");
    let mut filled = job("a:1", json!({"completions": 1, "parallelism": 1, "completionMode": "NonIndexed", "suspend": false}));
    filled["template"]["spec"]["restartPolicy"] = json!("Always");
    filled["template"]["spec"]["containers"][0]["imagePullPolicy"] = json!("IfNotPresent");
    spec_both_ways(&id, job("a:1", json!({})), filled, "");
    spec_both_ways(
        &id,
        job("a", json!({"backoffLimit": 1, "ttlSecondsAfterFinished": 1})),
        job("a", json!({"parallelism": 1, "completions": 1})),
        "",
    );
    spec_both_ways(
        &id,
        job("a", json!({"completions": 2})),
        job("a", json!({"completions": 3})),
        "job-completions spec.completions",
    );
    spec_both_ways(
        &id,
        job("a", json!({"backoffLimitPerIndex": 1})),
        job("a", json!({})),
        "job-backoff-limit-per-index spec.backoffLimitPerIndex",
    );
    let indexed = |completions: u32, parallelism: u32| {
        job("a", json!({"completionMode": "Indexed", "completions": completions, "parallelism": parallelism}))
    };
    spec_both_ways(&id, indexed(2, 2), indexed(3, 3), "");
    assert_eq!(
        rows(&id, json!({"spec": indexed(2, 2)}), json!({"spec": indexed(3, 2)})),
        ["job-completions-indexed spec.completions"]
    );
}

#[test]
fn suspended_jobs_may_be_rescheduled() {
    let id = of("batch/v1", "Job");
    let suspended = json!({"suspend": true});
    let (mut before, mut after) = (job("a:1", suspended.clone()), job("a:1", suspended));
    after["template"]["spec"]["nodeSelector"] = json!({"zone": "b"});
    after["template"]["spec"]["affinity"] = json!({"nodeAffinity": {"x": []}});
    after["template"]["metadata"]["labels"] = json!({"a": "c"});
    let bodies =
        |status: serde_json::Value| (json!({"spec": before, "status": status}), json!({"spec": after, "status": status}));
    let (never, never_after) = bodies(json!({}));
    let (started, started_after) = bodies(json!({"startTime": "2026-01-01T00:00:00Z"}));
    for version in ["v1.30.0", "v1.36.3"] {
        assert!(rows_on(&id, never.clone(), never_after.clone(), Some(version)).is_empty(), "{version}");
    }
    assert_eq!(
        rows_on(&id, started.clone(), started_after.clone(), Some("v1.30.0")),
        ["job-template-suspended-started spec.template"]
    );
    assert!(rows_on(&id, started, started_after, Some("v1.36.0")).is_empty());
    before["template"]["spec"]["containers"][0]["image"] = json!("a:2");
    assert_eq!(rows(&id, json!({"spec": before}), json!({"spec": after})), ["job-template-suspended-relaxed spec.template"]);
}

#[test]
fn bare_pods() {
    let id = of("v1", "Pod");
    let pod = |more: serde_json::Value| {
        let mut spec = json!({"containers": [{"name": "a", "image": "a:1"}], "nodeName": "n1"});
        spec.as_object_mut().expect("map").extend(more.as_object().expect("map").clone());
        spec
    };
    let container = |more: serde_json::Value| pod(json!({"containers": [{"name": "a", "image": "a:1", "args": more}]}));
    spec_both_ways(&id, container(json!(["x"])), container(json!(["y"])), "pod-spec spec");
    let mut other_tag = pod(json!({}));
    other_tag["containers"][0]["image"] = json!("b:1");
    spec_both_ways(&id, pod(json!({})), other_tag, "");
    let toleration = |keys: &[&str]| pod(json!({"tolerations": keys.iter().map(|key| json!({"key": key})).collect::<Vec<_>>()}));
    let with = |spec: serde_json::Value| json!({"spec": spec});
    assert!(rows(&id, with(toleration(&["a"])), with(toleration(&["a", "b"]))).is_empty());
    assert_eq!(rows(&id, with(toleration(&["a", "b"])), with(toleration(&["a"]))), ["pod-tolerations spec.tolerations"]);
    let deadline = |seconds: u32| pod(json!({"activeDeadlineSeconds": seconds}));
    assert!(rows(&id, with(deadline(20)), with(deadline(10))).is_empty());
    assert_eq!(rows(&id, with(deadline(10)), with(deadline(20))), ["pod-deadline-raised spec.activeDeadlineSeconds"]);
    assert_eq!(rows(&id, with(deadline(10)), with(pod(json!({})))), ["pod-deadline-removed spec.activeDeadlineSeconds"]);
    assert!(rows(&id, with(pod(json!({}))), with(deadline(10))).is_empty());
}

fn claim(spec: serde_json::Value, status: serde_json::Value) -> serde_json::Value {
    let mut body = json!({"metadata": {"uid": "u"}, "spec": {"accessModes": ["ReadWriteOnce"], "volumeName": "pv-1", "storageClassName": "fast"}, "status": status});
    body["spec"].as_object_mut().expect("map").extend(spec.as_object().expect("map").clone());
    body
}

fn sized(storage: &str, capacity: &str) -> serde_json::Value {
    claim(json!({"resources": {"requests": {"storage": storage}}}), json!({"phase": "Bound", "capacity": {"storage": capacity}}))
}

#[test]
fn claim_sizes() {
    let id = of("v1", "PersistentVolumeClaim");
    let row = ["pvc-request-lowered spec.resources.requests.storage"];
    assert_eq!(rows(&id, sized("20Gi", "20Gi"), sized("10Gi", "20Gi")), row);
    assert_eq!(rows(&id, sized("30Gi", "20Gi"), sized("20Gi", "20Gi")), row, "equal to the capacity is refused too");
    assert!(
        rows(&id, sized("30Gi", "20Gi"), sized("21Gi", "20Gi")).is_empty(),
        "an expansion that did not happen may be given up"
    );
    assert!(
        rows(&id, sized("10Gi", "10Gi"), sized("20Gi", "10Gi")).is_empty(),
        "growing needs the class, which is not decided here"
    );
    assert!(rows(&id, sized("1Gi", "1Gi"), sized("1024Mi", "1Gi")).is_empty());
    let strict = rows_on(&id, sized("30Gi", "20Gi"), sized("21Gi", "20Gi"), Some("v1.28.0"));
    assert_eq!(strict, ["pvc-request-lowered-strict spec.resources.requests.storage"]);
    assert_eq!(rows_on(&id, sized("20Gi", "20Gi"), sized("10Gi", "20Gi"), None), row, "one refusal where the version is unknown");
    let pending =
        |size: &str| claim(json!({"volumeName": "", "resources": {"requests": {"storage": size}}}), json!({"phase": "Pending"}));
    for (before, after) in [("1Gi", "2Gi"), ("2Gi", "1Gi")] {
        assert_eq!(rows(&id, pending(before), pending(after)), ["pvc-request-unbound spec.resources.requests.storage"]);
    }
}

#[test]
fn claim_fields() {
    let id = of("v1", "PersistentVolumeClaim");
    let bound = |spec: serde_json::Value| claim(spec, json!({"phase": "Bound"}));
    assert_eq!(
        rows(&id, bound(json!({})), bound(json!({"accessModes": ["ReadWriteMany"]}))),
        ["pvc-access-modes spec.accessModes"]
    );
    assert_eq!(
        rows(&id, bound(json!({})), bound(json!({"storageClassName": "slow"}))),
        ["pvc-storage-class spec.storageClassName"]
    );
    assert_eq!(
        rows(&id, bound(json!({})), bound(json!({"storageClassName": null}))),
        ["pvc-storage-class spec.storageClassName"]
    );
    assert!(
        rows(&id, bound(json!({"storageClassName": null})), bound(json!({"storageClassName": "slow"}))).is_empty(),
        "set once"
    );
    assert_eq!(rows(&id, bound(json!({})), bound(json!({"volumeName": null}))), ["pvc-volume-name spec.volumeName"]);
    assert_eq!(rows(&id, bound(json!({})), bound(json!({"volumeMode": "Block"}))), ["pvc-volume-mode spec.volumeMode"]);
    assert!(rows(&id, bound(json!({})), bound(json!({"volumeMode": "Filesystem"}))).is_empty());
    let source = json!({"kind": "VolumeSnapshot", "name": "s", "apiGroup": "snapshot.storage.k8s.io"});
    assert!(
        rows(&id, bound(json!({"dataSource": source, "dataSourceRef": source})), bound(json!({"dataSource": source}))).is_empty()
    );
    assert_eq!(rows(&id, bound(json!({"dataSource": source})), bound(json!({}))).len(), 2);
}

#[test]
fn claim_attributes_class() {
    let id = of("v1", "PersistentVolumeClaim");
    let class = |name: serde_json::Value| {
        claim(json!({"volumeAttributesClassName": name}), json!({"phase": "Bound", "currentVolumeAttributesClassName": "gold"}))
    };
    assert!(rows(&id, class(json!("gold")), class(json!("silver"))).is_empty());
    assert_eq!(
        rows(&id, class(json!("gold")), class(json!(null))),
        ["pvc-attributes-class-removed spec.volumeAttributesClassName"]
    );
    assert_eq!(
        rows(&id, class(json!("gold")), class(json!(""))),
        ["pvc-attributes-class-emptied spec.volumeAttributesClassName"]
    );
    let unapplied = |name: serde_json::Value| claim(json!({"volumeAttributesClassName": name}), json!({"phase": "Bound"}));
    assert!(rows(&id, unapplied(json!("gold")), unapplied(json!(null))).is_empty());
}

#[test]
fn volumes() {
    let id = of("v1", "PersistentVolume");
    let csi = |handle: &str| json!({"csi": {"driver": "d", "volumeHandle": handle}, "capacity": {"storage": "1Gi"}});
    spec_both_ways(&id, csi("a"), csi("b"), "pv-source spec");
    spec_both_ways(&id, csi("a"), json!({"nfs": {"server": "s"}, "capacity": {"storage": "1Gi"}}), "pv-source spec");
    let mut more = csi("a");
    more["persistentVolumeReclaimPolicy"] = json!("Delete");
    more["capacity"]["storage"] = json!("2Gi");
    spec_both_ways(&id, csi("a"), more, "");
    let mut secret = csi("a");
    secret["csi"]["controllerExpandSecretRef"] = json!({"name": "s"});
    assert!(rows(&id, json!({"spec": csi("a")}), json!({"spec": secret})).is_empty());
    assert_eq!(
        rows(&id, json!({"spec": secret}), json!({"spec": csi("a")})),
        ["pv-expand-secret spec.csi.controllerExpandSecretRef"]
    );
}

fn service(spec: serde_json::Value) -> serde_json::Value {
    json!({"metadata": {"uid": "u"}, "spec": spec})
}

#[test]
fn cluster_ips() {
    let id = of("v1", "Service");
    let live =
        service(json!({"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ipFamilies": ["IPv4"], "ports": [{"port": 80}]}));
    let patched = |spec: serde_json::Value| {
        let mut body = live.clone();
        body["spec"].as_object_mut().expect("map").extend(spec.as_object().expect("map").clone());
        body
    };
    let row = ["svc-cluster-ip spec.clusterIP"];
    assert_eq!(rows(&id, live.clone(), patched(json!({"clusterIP": "None"}))), row);
    assert_eq!(rows(&id, live.clone(), patched(json!({"clusterIP": "10.0.0.2"}))), row);
    assert!(rows(&id, live.clone(), patched(json!({"clusterIP": null}))).is_empty(), "kept by the server");
    assert!(rows(&id, live.clone(), service(json!({"ports": [{"port": 80}]}))).is_empty(), "a PUT without addresses keeps them");
    assert!(rows(&id, live.clone(), patched(json!({"type": "ExternalName", "externalName": "x"}))).is_empty());
    let headless = service(json!({"clusterIP": "None", "clusterIPs": ["None"]}));
    let allocated = service(json!({"clusterIP": "10.0.0.1", "clusterIPs": ["None"]}));
    assert_eq!(rows(&id, headless.clone(), allocated), row);
    let cleared = service(json!({"clusterIPs": ["None"]}));
    assert!(rows(&id, headless.clone(), cleared).is_empty(), "stays headless");
    let exposed = service(json!({"clusterIPs": ["None"], "type": "LoadBalancer"}));
    assert_eq!(rows(&id, headless, exposed), ["svc-headless-balancer spec.clusterIP"]);
    let manifests = rows(&id, json!({"spec": {"ports": []}}), json!({"spec": {"clusterIP": "None"}}));
    assert_eq!(manifests, row, "without live state an absent address counts as allocated");
    assert_eq!(rows(&id, live.clone(), patched(json!({"ipFamilies": ["IPv6"]}))), ["svc-ip-family spec.ipFamilies[0]"]);
    assert!(
        rows(&id, live.clone(), patched(json!({"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "PreferDualStack"}))).is_empty()
    );
}

#[test]
fn service_types() {
    let id = of("v1", "Service");
    let balancer = json!({"type": "LoadBalancer", "loadBalancerClass": "x", "clusterIP": "10.0.0.1", "allocateLoadBalancerNodePorts": true,
        "externalTrafficPolicy": "Cluster", "ports": [{"port": 80, "nodePort": 30080}]});
    let with = |changes: serde_json::Value| {
        let mut spec = balancer.clone();
        spec.as_object_mut().expect("map").extend(changes.as_object().expect("map").clone());
        service(spec)
    };
    let live = || service(balancer.clone());
    assert!(rows(&id, live(), with(json!({"type": "ClusterIP"}))).is_empty(), "what the type no longer needs is wiped");
    let port = json!({"type": "ClusterIP", "ports": [{"port": 80, "nodePort": 30999}]});
    assert_eq!(rows(&id, live(), with(port)), ["svc-node-port spec.ports.nodePort"]);
    assert_eq!(rows(&id, live(), with(json!({"loadBalancerClass": null}))), ["svc-load-balancer-class spec.loadBalancerClass"]);
    assert_eq!(rows(&id, live(), with(json!({"loadBalancerClass": "y"}))), ["svc-load-balancer-class spec.loadBalancerClass"]);
    let ranges = json!({"type": "ClusterIP", "loadBalancerSourceRanges": ["10.0.0.0/8"]});
    assert_eq!(rows(&id, live(), with(ranges)), ["svc-source-ranges spec.loadBalancerSourceRanges"]);
    let policy = json!({"type": "ClusterIP", "externalTrafficPolicy": "Local"});
    assert_eq!(rows(&id, live(), with(policy)), ["svc-external-policy spec.externalTrafficPolicy"]);
    let plain = service(json!({"type": "ClusterIP", "clusterIP": "10.0.0.1", "ports": [{"port": 80}]}));
    assert!(rows(&id, plain, live()).is_empty(), "becoming a load balancer is allowed");
}

#[test]
fn secrets_and_config_maps() {
    let secret = of("v1", "Secret");
    assert_eq!(rows(&secret, json!({"type": "Opaque"}), json!({"type": "kubernetes.io/tls"})), ["secret-type type"]);
    assert!(rows(&secret, json!({"data": {}}), json!({"type": "Opaque"})).is_empty());
    let metadata_only = json!({"metadata": {"uid": "u", "name": "web"}});
    assert!(rows(&secret, metadata_only, json!({"type": "kubernetes.io/tls", "data": {"a": "b"}})).is_empty());
    let locked = |data: &str| json!({"immutable": true, "data": {"a": data}});
    for (kind, prefix) in [("Secret", "secret"), ("ConfigMap", "configmap")] {
        let id = of("v1", kind);
        assert_eq!(rows(&id, locked("1"), locked("2")), [format!("{prefix}-immutable-data data")]);
        assert_eq!(rows(&id, locked("1"), json!({"data": {"a": "1"}})), [format!("{prefix}-immutable-flag immutable")]);
        assert!(rows(&id, json!({"data": {"a": "1"}}), locked("2")).is_empty(), "becoming immutable is allowed");
    }
    let text = json!({"immutable": true, "stringData": {"a": "1"}});
    assert!(rows(&secret, locked("1"), text).is_empty(), "stringData of the same content");
}

#[test]
fn identity_and_policy_kinds() {
    let role = |name: &str| json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}});
    for (kind, row) in [("RoleBinding", "role-binding-role roleRef"), ("ClusterRoleBinding", "cluster-role-binding-role roleRef")]
    {
        let id = of("rbac.authorization.k8s.io/v1", kind);
        assert_eq!(rows(&id, role("a"), role("b")), [row]);
        assert!(rows(&id, role("a"), json!({"roleRef": {"kind": "Role", "name": "a"}})).is_empty(), "the group is a default");
    }
    let priority = of("scheduling.k8s.io/v1", "PriorityClass");
    assert_eq!(rows(&priority, json!({"value": 1}), json!({"value": 2})), ["priority-class-value value"]);
    assert!(
        rows(
            &priority,
            json!({"value": 1}),
            json!({"value": 1, "preemptionPolicy": "PreemptLowerPriority", "globalDefault": true})
        )
        .is_empty()
    );
    assert_eq!(
        rows(&of("node.k8s.io/v1", "RuntimeClass"), json!({"handler": "a"}), json!({"handler": "b"})),
        ["runtime-class-handler handler"]
    );
    let quota = of("v1", "ResourceQuota");
    spec_both_ways(&quota, json!({"scopes": ["BestEffort"]}), json!({}), "quota-scopes spec.scopes");
    spec_both_ways(&quota, json!({"scopes": ["A", "B"]}), json!({"scopes": ["B", "A"], "hard": {"pods": 1}}), "");
    spec_both_ways(
        &of("networking.k8s.io/v1", "IngressClass"),
        json!({"controller": "a"}),
        json!({"controller": "b"}),
        "ingress-class-controller spec.controller",
    );
    let slice = of("discovery.k8s.io/v1", "EndpointSlice");
    assert_eq!(
        rows(&slice, json!({"addressType": "IPv4"}), json!({"addressType": "IPv6"})),
        ["endpoint-slice-address-type addressType"]
    );
    let class = of("storage.k8s.io/v1", "StorageClass");
    assert_eq!(rows(&class, json!({"provisioner": "a", "parameters": {"a": "b"}}), json!({"provisioner": "b"})).len(), 2);
    assert!(
        rows(
            &class,
            json!({}),
            json!({"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate", "allowVolumeExpansion": true, "parameters": {}})
        )
        .is_empty()
    );
    spec_both_ways(
        &of("resource.k8s.io/v1", "ResourceClaim"),
        json!({"devices": {"requests": []}}),
        json!({"devices": {"config": [1]}}),
        "resource-claim-spec spec",
    );
}

#[test]
fn custom_resource_definitions() {
    let id = of("apiextensions.k8s.io/v1", "CustomResourceDefinition");
    let crd = |versions: &[&str], stored: &[&str]| {
        let versions: Vec<_> = versions.iter().enumerate().map(|(n, name)| json!({"name": name, "storage": n == 0})).collect();
        json!({"spec": {"group": "g", "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"}, "versions": versions},
            "status": {"storedVersions": stored, "conditions": [{"type": "Established", "status": "True"}]}})
    };
    let found = refusals(
        &id,
        &Value::from_json(crd(&["v2", "v1"], &["v1", "v2"])),
        &Value::from_json(crd(&["v1"], &["v1", "v2"])),
        Some("v1.36.3"),
    );
    assert_eq!(found.len(), 1);
    assert!(
        found[0].reason.starts_with("missing from spec.versions; v2 was previously a storage version"),
        "{}",
        found[0].reason
    );
    assert!(rows(&id, crd(&["v1", "v2"], &["v1"]), crd(&["v1"], &["v1"])).is_empty(), "v2 was never stored");
    let manifest = |version: &str| json!({"spec": {"versions": [{"name": version, "storage": true}]}});
    assert_eq!(rows(&id, manifest("v2"), manifest("v1")), ["crd-stored-version status.storedVersions"]);
    let mut cluster = crd(&["v1"], &["v1"]);
    cluster["spec"]["scope"] = json!("Cluster");
    assert_eq!(rows(&id, crd(&["v1"], &["v1"]), cluster.clone()), ["crd-scope spec.scope"]);
    let mut fresh = crd(&["v1"], &["v1"]);
    fresh["status"]["conditions"][0]["status"] = json!("False");
    assert!(rows(&id, fresh, cluster).is_empty(), "not established yet");
    let mut webhook = crd(&["v1"], &["v1"]);
    webhook["spec"]["conversion"] = json!({"strategy": "Webhook"});
    webhook["spec"]["names"]["listKind"] = json!("WidgetList");
    assert!(rows(&id, crd(&["v1"], &["v1"]), webhook).is_empty());
}

#[test]
fn custom_resources_of_the_same_kind_name_are_left_alone() {
    let id = of("serving.knative.dev/v1", "Service");
    assert!(rows(&id, json!({"spec": {"clusterIP": "10.0.0.1"}}), json!({"spec": {"clusterIP": "None"}})).is_empty());
}

#[test]
fn odd_shapes_are_no_panic() {
    for kind in ["Service", "Pod", "Secret", "PersistentVolumeClaim", "PersistentVolume", "ResourceQuota"] {
        for body in [
            json!(null),
            json!([]),
            json!("x"),
            json!({"spec": []}),
            json!({"spec": {"ports": {"a": 1}, "containers": "x", "clusterIPs": "None"}}),
        ] {
            for other in [
                json!({"spec": {"ports": [1, null], "containers": [null]}}),
                json!({}),
                json!({"spec": "x", "stringData": [], "data": 1}),
            ] {
                rows(&of("v1", kind), body.clone(), other.clone());
                rows(&of("v1", kind), other, body.clone());
            }
        }
    }
}

#[test]
fn confidence_needs_proof_and_a_known_version() {
    let row = |proven: bool, bounds: bool| Row { min: bounds.then_some((1, 30)), max: None, proven, ..rows::sample() };
    assert_eq!(confidence(&row(true, false), None), Some(Confidence::Certain));
    assert_eq!(confidence(&row(true, true), None), Some(Confidence::Likely));
    assert_eq!(confidence(&row(true, true), Some((1, 36))), Some(Confidence::Certain));
    assert_eq!(confidence(&row(true, true), Some((1, 29))), None);
    assert_eq!(confidence(&row(false, false), Some((1, 36))), Some(Confidence::Likely));
}

/// What a real API server answered; see `scripts/record-api-server.py`.
fn recorded() -> serde_json::Value {
    serde_json::from_str(include_str!("../../../tests/fixtures/api-server.json")).expect("a recording")
}

#[test]
fn a_real_server_refuses_what_the_table_says_and_nothing_else() {
    let recorded = recorded();
    let server = recorded["server"].as_str();
    let mut faults = Vec::new();
    for case in recorded["refusals"].as_array().expect("cases") {
        let text = |key: &str| case["before"][key].as_str().unwrap_or("");
        let id = ObjectRef::new(text("apiVersion"), text("kind"), Some("shop"), "web");
        let found = refusals(&id, &Value::from_json(case["before"].clone()), &Value::from_json(case["after"].clone()), server);
        let rows: Vec<&str> = found.iter().map(|refusal| refusal.row.as_str()).collect();
        let expected: Vec<&str> = case["rows"].as_array().expect("rows").iter().filter_map(|row| row.as_str()).collect();
        if rows != expected || case["refused"] != json!(!expected.is_empty()) {
            faults.push(format!("{}: {rows:?}, the server: {}", case["name"], case["causes"]));
        }
        for refusal in &found {
            // The single-stack server words a changed family by the address that no longer fits.
            let is_said =
                case["causes"].to_string().replace("\\\"", "\"").contains(&refusal.reason) || refusal.row == "svc-ip-family";
            if !is_said || refusal.confidence != Confidence::Certain {
                faults.push(format!("{}: {refusal:?}, the server: {}", case["name"], case["causes"]));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn rows_are_proven_exactly_where_a_real_server_was_asked() {
    let recorded = recorded();
    let cases = recorded["refusals"].as_array().expect("cases");
    let refused = cases.iter().filter(|case| case["refused"] == json!(true));
    let asked: std::collections::BTreeSet<&str> =
        refused.flat_map(|case| case["rows"].as_array().expect("rows")).filter_map(|row| row.as_str()).collect();
    for row in rows::all() {
        assert_eq!(row.proven, asked.contains(row.id), "{}", row.id);
    }
}
