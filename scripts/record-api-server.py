#!/usr/bin/env python3
"""Asks a real API server which changes it refuses and what it fills in, and records the answers for the unit tests.

usage: scripts/lab up && . <(scripts/lab env) && scripts/record-api-server.py > tests/fixtures/api-server.json

Every case creates an object, optionally sets its status, and sends one change as a dry run. What is recorded is the object before,
the object as the change would have it, and the answer. Objects live in a namespace of their own, which is deleted at the end.
"""

import copy
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request

SERVER, TOKEN = os.environ["LAB_SERVER"], os.environ["LAB_TOKEN_admin"]
CONTEXT = ssl.create_default_context(cafile=os.environ["LAB_CA"])
NAMESPACE = "record-refusals"
CLUSTER_SCOPED = {
    "PersistentVolume", "StorageClass", "VolumeAttributesClass", "CSIDriver", "IngressClass", "ClusterRoleBinding", "PriorityClass",
    "RuntimeClass", "CustomResourceDefinition", "VolumeAttachment", "FlowSchema", "ValidatingAdmissionPolicy",
    "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration",
}  # fmt: skip


def plural(kind):
    lower = kind.lower()
    if lower == "endpoints":
        return lower
    if lower.endswith("y"):
        return lower[:-1] + "ies"
    return lower + ("es" if lower.endswith("s") else "s")


def call(method, path, body=None, kind="application/json"):
    request = urllib.request.Request(SERVER + path, method=method)
    request.add_header("Authorization", "Bearer " + TOKEN)
    request.add_header("Content-Type", kind)
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, data, context=CONTEXT) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def url(obj, named=True):
    api = obj["apiVersion"]
    parts = ["", "api" if "/" not in api else "apis", api]
    if obj["kind"] not in CLUSTER_SCOPED:
        parts += ["namespaces", NAMESPACE]
    parts.append(plural(obj["kind"]))
    return "/".join(parts + ([obj["metadata"]["name"]] if named else []))


def merged(target, patch):
    """JSON merge patch, RFC 7386."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = copy.deepcopy(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def words(message):
    """The first line of a message, without the middle of a long value in it."""
    line = message.split("\n")[0]
    return line if len(line) < 500 else line[:60] + " ... " + line[-240:]


def tidy(obj):
    """The object without what differs from run to run."""
    meta = obj.get("metadata", {})
    for key in ("managedFields", "creationTimestamp", "resourceVersion", "generation"):
        meta.pop(key, None)
    if "uid" in meta:
        meta["uid"] = "uid"
    return obj


COUNT = 0


def run(case):
    global COUNT
    COUNT += 1
    obj = copy.deepcopy(case["object"])
    obj.setdefault("metadata", {}).setdefault("name", f"case-{os.getpid()}-{COUNT}")
    call("DELETE", url(obj))
    status, live = call("POST", url(obj, False), obj)
    if status >= 300:
        sys.exit(f"cannot create for {case['name']}: {live.get('message')}")
    if "status" in case:
        status, live = call("PATCH", url(obj) + "/status", {"status": case["status"]}, "application/merge-patch+json")
        if status >= 300:
            sys.exit(f"cannot set status for {case['name']}: {live.get('message')}")
    for _ in range(50 if "until" in case else 0):
        _, live = call("GET", url(obj))
        if case["until"](live):
            break
        time.sleep(0.1)
    live = tidy(live)
    if "put" in case:
        after = merged(copy.deepcopy(obj), case["put"])
        after = tidy(after)
        status, answer = call("PUT", url(obj) + "?dryRun=All", after)
    else:
        after = merged(live, case["patch"])
        status, answer = call("PATCH", url(obj) + "?dryRun=All", case["patch"], "application/merge-patch+json")
    call("DELETE", url(obj))
    refused = status == 422
    if status >= 300 and not refused:
        sys.exit(f"{case['name']}: {status} {answer.get('message')}")
    causes = [f"{cause.get('field')}: {words(cause.get('message', ''))}" for cause in answer.get("details", {}).get("causes", [])]
    expected = bool(case["rows"])
    if refused != expected:
        print(f"UNEXPECTED {case['name']}: refused={refused} {causes}", file=sys.stderr)
    return {"name": case["name"], "rows": case["rows"], "before": live, "after": after, "refused": refused, "causes": causes}


def pod(more=None, **container):
    spec = {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a:1", **container}]}
    return {**spec, **(more or {})}


def workload(kind, **spec):
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    return {"apiVersion": "apps/v1", "kind": kind, "spec": {"selector": {"matchLabels": {"app": "a"}}, "template": template, **spec}}


def claim_template(**spec):
    return {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}}


def stateful(**spec):
    return workload("StatefulSet", replicas=0, serviceName="a", volumeClaimTemplates=[claim_template()], **spec)


def job(template=None, **spec):
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": template or pod()}, **spec}}


def claim(**spec):
    base = {"accessModes": ["ReadWriteOnce"], "storageClassName": "none-such", "resources": {"requests": {"storage": "10Gi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {**base, **spec}}


def bound(size="10Gi", **more):
    return {"phase": "Bound", "capacity": {"storage": size}, **more}


def service(**spec):
    return {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80, "name": "http"}], **spec}}


def volume(**spec):
    base = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "csi": {"driver": "d", "volumeHandle": "a"},
            "persistentVolumeReclaimPolicy": "Retain", "storageClassName": "none-such"}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "spec": {**base, **spec}}


def crd(name, versions=("v2", "v1"), scope="Namespaced"):
    listed = [{"name": v, "served": True, "storage": n == 0, "schema": {"openAPIV3Schema": {"type": "object"}}} for n, v in enumerate(versions)]
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"{name}s.record.example.com"},
            "spec": {"group": "record.example.com", "scope": scope, "names": {"kind": name.title(), "plural": name + "s"}, "versions": listed}}


def established(live):
    return any(c["type"] == "Established" and c["status"] == "True" for c in live.get("status", {}).get("conditions") or [])


def cases():
    def case(name, obj, patch, *rows, **more):
        yield {"name": name, "object": obj, "patch": patch, "rows": list(rows), **more}

    def put(name, obj, put, *rows, **more):
        yield {"name": name, "object": obj, "put": put, "rows": list(rows), **more}

    # StatefulSet
    both = {"spec": {"selector": {"matchLabels": {"app": "b"}}, "template": {"metadata": {"labels": {"app": "b"}}}}}
    yield from case("sts selector", stateful(), both, "sts-selector")
    yield from case("sts serviceName", stateful(), {"spec": {"serviceName": "b"}}, "sts-service-name")
    yield from case("sts policy", stateful(), {"spec": {"podManagementPolicy": "Parallel"}}, "sts-pod-management-policy")
    for name, template in {
        "size": claim_template(resources={"requests": {"storage": "2Gi"}}),
        "class": claim_template(storageClassName="x"),
        "labels": {**claim_template(), "metadata": {"name": "data", "labels": {"helm.sh/chart": "db-2"}}},
    }.items():
        yield from case(f"sts claim {name}", stateful(), {"spec": {"volumeClaimTemplates": [template]}}, "sts-claim-templates")
    yield from case("sts claim gone", stateful(), {"spec": {"volumeClaimTemplates": None}}, "sts-claim-templates")
    filled = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {}, **claim_template(volumeMode="Filesystem", resources={"requests": {"storage": "1024Mi"}})}
    yield from case("sts claim filled in", stateful(), {"spec": {"volumeClaimTemplates": [filled]}})
    yield from case("sts claim bare", stateful(), {"spec": {"volumeClaimTemplates": [claim_template()]}})
    yield from case("sts mutable", stateful(), {"spec": {"replicas": 0, "ordinals": {"start": 2}, "minReadySeconds": 4, "revisionHistoryLimit": 2,
                    "updateStrategy": {"type": "OnDelete", "rollingUpdate": None}, "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}})
    default = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}}
    yield from case("sts on delete", stateful(**default), {"spec": {"updateStrategy": {"type": "OnDelete"}}}, "sts-on-delete")
    yield from case("sts labels", stateful(), {"spec": {"template": {"metadata": {"labels": {"app": "b"}}}}}, "sts-labels")

    # Selectors
    yield from case("deploy recreate", workload("Deployment", replicas=0), {"spec": {"strategy": {"type": "Recreate"}}}, "deploy-recreate")
    for kind, prefix, more in (("Deployment", "deploy", {"replicas": 0}), ("DaemonSet", "ds", {}), ("ReplicaSet", "rs", {"replicas": 0})):
        yield from case(f"{kind} selector", workload(kind, **more), both, f"{prefix}-selector")
        yield from case(f"{kind} labels", workload(kind, **more), {"spec": {"template": {"metadata": {"labels": {"app": "b"}}}}}, f"{prefix}-labels")
        yield from case(f"{kind} empty expressions", workload(kind, **more), {"spec": {"selector": {"matchExpressions": []}}})
    yield from case("revision data", {"apiVersion": "apps/v1", "kind": "ControllerRevision", "revision": 1, "data": {"a": 1}}, {"data": {"a": 2}}, "controller-revision-data")

    # Jobs
    image = {"spec": {"template": {"spec": pod(image="a:2")}}}
    yield from case("job image", job(), image, "job-template")
    yield from case("job template label", job(), {"spec": {"template": {"metadata": {"labels": {"x": "y"}}}}}, "job-template")
    yield from case("job empty container security context", job(), {"spec": {"template": {"spec": pod(securityContext={})}}}, "job-template")
    yield from case("job empty resources", job(), {"spec": {"template": {"spec": pod(resources={})}}})
    yield from case("job defaults", job(), {"spec": {"template": {"spec": pod(imagePullPolicy="IfNotPresent", terminationMessagePath="/dev/termination-log")}}})
    yield from case("job quantity", job(pod(resources={"limits": {"memory": "1Gi"}})), {"spec": {"template": {"spec": pod(resources={"limits": {"memory": "1024Mi"}})}}})
    yield from case("job resources", job(pod(resources={"limits": {"memory": "1Gi"}})), {"spec": {"template": {"spec": pod(resources={"limits": {"memory": "2Gi"}})}}}, "job-template")
    yield from case("job selector", job(), {"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}}}}, "job-selector", "job-template")
    yield from case("job completions", job(completions=2), {"spec": {"completions": 3}}, "job-completions")
    indexed = job(completions=2, parallelism=2, completionMode="Indexed")
    yield from case("job indexed together", indexed, {"spec": {"completions": 3, "parallelism": 3}})
    yield from case("job indexed alone", indexed, {"spec": {"completions": 3}}, "job-completions-indexed")
    yield from case("job completionMode", job(completions=2, parallelism=2), {"spec": {"completionMode": "Indexed"}}, "job-completion-mode")
    policy = {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [3]}}]}
    yield from case("job podFailurePolicy", job(podFailurePolicy=policy), {"spec": {"podFailurePolicy": {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [4]}}]}}}, "job-pod-failure-policy")
    yield from case("job backoffLimitPerIndex", job(completions=2, completionMode="Indexed", backoffLimitPerIndex=1), {"spec": {"backoffLimitPerIndex": 2}}, "job-backoff-limit-per-index")
    yield from case("job managedBy", job(managedBy="example.com/a"), {"spec": {"managedBy": "example.com/b"}}, "job-managed-by")
    success = {"rules": [{"succeededCount": 1}]}
    yield from case("job successPolicy", job(completions=3, completionMode="Indexed", successPolicy=success), {"spec": {"successPolicy": {"rules": [{"succeededCount": 2}]}}}, "job-success-policy")
    yield from case("job mutable", job(), {"spec": {"parallelism": 2, "backoffLimit": 1, "activeDeadlineSeconds": 60, "ttlSecondsAfterFinished": 60, "suspend": True}})
    yield from put("job replaced by its own manifest", job(), {}, "job-selector", "job-template")
    suspended = {"spec": {"template": {"metadata": {"annotations": {"a": "b"}}, "spec": {"nodeSelector": {"zone": "b"}, "affinity": {"nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}}}}}}}
    yield from case("job suspended rescheduled", job(suspend=True), suspended)
    yield from case("job suspended resources", job(pod(resources={"limits": {"memory": "1Gi"}}), suspend=True), {"spec": {"template": {"spec": pod(resources={"limits": {"memory": "2Gi"}})}}})
    yield from case("job suspended image", job(suspend=True), image, "job-template-suspended-relaxed")

    # Pods
    bare = {"apiVersion": "v1", "kind": "Pod", "spec": pod()}
    yield from case("pod args", bare, {"spec": {"containers": [{"name": "a", "image": "a:1", "args": ["x"]}]}}, "pod-spec")
    yield from case("pod image", {"apiVersion": "v1", "kind": "Pod", "spec": pod({"automountServiceAccountToken": False})}, {"spec": {"activeDeadlineSeconds": 30}})
    deadline = {"apiVersion": "v1", "kind": "Pod", "spec": pod({"activeDeadlineSeconds": 30, "tolerations": [{"key": "a", "operator": "Exists"}]})}
    yield from case("pod deadline raised", deadline, {"spec": {"activeDeadlineSeconds": 60}}, "pod-deadline-raised")
    yield from case("pod deadline lowered", deadline, {"spec": {"activeDeadlineSeconds": 10}})
    yield from case("pod deadline removed", deadline, {"spec": {"activeDeadlineSeconds": None}}, "pod-deadline-removed")
    yield from case("pod tolerations gone", deadline, {"spec": {"tolerations": []}}, "pod-tolerations")
    gated = {"apiVersion": "v1", "kind": "Pod", "spec": pod({"schedulingGates": [{"name": "example.com/a"}]})}
    yield from case("pod gated node selector", gated, {"spec": {"nodeSelector": {"a": "b"}}})
    yield from case("pod gated hostname", gated, {"spec": {"hostname": "x"}}, "pod-spec-gated")

    # Claims
    spec = lambda **fields: {"spec": fields}  # noqa: E731
    request = lambda size: spec(resources={"requests": {"storage": size}})  # noqa: E731
    yield from case("claim access modes", claim(), spec(accessModes=["ReadWriteMany"]), "pvc-access-modes", status=bound())
    yield from case("claim class", claim(), spec(storageClassName="other"), "pvc-storage-class", status=bound())
    yield from case("claim class removed", claim(), spec(storageClassName=None), "pvc-storage-class", status=bound())
    yield from case("claim selector", claim(selector={"matchLabels": {"a": "b"}}), spec(selector={"matchLabels": {"a": "c"}}), "pvc-selector", status=bound())
    yield from case("claim volume changed", claim(volumeName="pv-a"), spec(volumeName="pv-b"), "pvc-volume-name", status=bound())
    yield from case("claim volume blanked", claim(volumeName="pv-a"), spec(volumeName=None), "pvc-volume-name", status=bound())
    yield from case("claim volume set once", claim(), spec(volumeName="pv-a"))
    source = {"kind": "VolumeSnapshot", "name": "s", "apiGroup": "snapshot.storage.k8s.io"}
    other = {**source, "name": "t"}
    yield from case("claim data source", claim(dataSource=source), spec(dataSource=other, dataSourceRef=other), "pvc-data-source", "pvc-data-source-ref", status=bound())
    yield from case("claim data source by its other name", claim(dataSource=source), spec(dataSourceRef=source), status=bound())
    yield from put("claim replaced by its manifest", claim(dataSource=source, volumeName="pv-a"), {}, status=bound())
    yield from put("claim replaced without volume", claim(volumeName="pv-a"), spec(volumeName=None), "pvc-volume-name", status=bound())
    limited = claim(resources={"requests": {"storage": "10Gi"}, "limits": {"storage": "20Gi"}})
    yield from case("claim limits", limited, spec(resources={"limits": {"storage": "30Gi"}}), "pvc-limits", status=bound())
    yield from case("claim volume mode", claim(), spec(volumeMode="Block"), "pvc-volume-mode", status=bound())
    yield from case("claim lowered", claim(), request("5Gi"), "pvc-request-lowered", status=bound())
    yield from case("claim lowered to its capacity", claim(resources={"requests": {"storage": "20Gi"}}), request("10Gi"), "pvc-request-lowered", status=bound())
    yield from case("claim expansion given up", claim(resources={"requests": {"storage": "20Gi"}}), request("15Gi"), status=bound())
    yield from case("claim same amount", claim(), request("10240Mi"), status=bound())
    yield from case("claim pending lowered", claim(), request("5Gi"), "pvc-request-unbound")
    yield from case("claim pending attributes", claim(volumeAttributesClassName="a"), spec(volumeAttributesClassName="b"), "pvc-attributes-class-unbound")
    applied = bound(currentVolumeAttributesClassName="a")
    attributed = claim(volumeAttributesClassName="a")
    yield from case("claim attributes changed", attributed, spec(volumeAttributesClassName="b"), status=applied)
    yield from case("claim attributes removed", attributed, spec(volumeAttributesClassName=None), "pvc-attributes-class-removed", status=applied)
    yield from case("claim attributes emptied", attributed, spec(volumeAttributesClassName=""), "pvc-attributes-class-emptied", status=applied)
    yield from case("claim attributes never applied", attributed, spec(volumeAttributesClassName=None), status=bound())

    # Volumes and classes
    yield from case("volume handle", volume(), spec(csi={"volumeHandle": "b"}), "pv-source")
    yield from case("volume secret set", volume(), spec(csi={"controllerExpandSecretRef": {"name": "s", "namespace": "n"}}))
    secret = volume(csi={"driver": "d", "volumeHandle": "a", "controllerExpandSecretRef": {"name": "s", "namespace": "n"}})
    yield from case("volume secret removed", secret, spec(csi={"controllerExpandSecretRef": None}), "pv-expand-secret")
    yield from case("volume mode", volume(), spec(volumeMode="Block"), "pv-volume-mode")
    affinity = lambda zone: {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": [zone]}]}]}}  # noqa: E731
    yield from case("volume affinity set", volume(), spec(nodeAffinity=affinity("a")))
    yield from case("volume affinity", volume(nodeAffinity=affinity("a")), spec(nodeAffinity=affinity("b")), "pv-node-affinity")
    yield from case("volume affinity removed", volume(nodeAffinity=affinity("a")), spec(nodeAffinity=None), "pv-node-affinity")
    yield from case("volume attributes removed", volume(volumeAttributesClassName="a"), spec(volumeAttributesClassName=None), "pv-attributes-class-removed")
    yield from case("volume policy", volume(), spec(persistentVolumeReclaimPolicy="Delete", mountOptions=["ro"]))
    storage = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "a", "parameters": {"a": "b"}}
    yield from case("class provisioner", storage, {"provisioner": "b"}, "sc-provisioner")
    yield from case("class parameters", storage, {"parameters": {"a": "c"}}, "sc-parameters")
    yield from case("class reclaim", storage, {"reclaimPolicy": "Retain"}, "sc-reclaim-policy")
    yield from case("class binding", storage, {"volumeBindingMode": "WaitForFirstConsumer"}, "sc-volume-binding-mode")
    yield from case("class mutable", storage, {"allowVolumeExpansion": True, "mountOptions": ["ro"], "reclaimPolicy": "Delete"})
    attributes = {"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttributesClass", "driverName": "a", "parameters": {"a": "b"}}
    yield from case("attributes driver", attributes, {"driverName": "b"}, "vac-driver-name")
    yield from case("attributes parameters", attributes, {"parameters": {"a": "c"}}, "vac-parameters")
    driver = {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "spec": {"attachRequired": True}}
    yield from case("driver attach", driver, spec(attachRequired=False), "csi-driver-attach-required")
    yield from case("driver modes", driver, spec(volumeLifecycleModes=["Persistent", "Ephemeral"]), "csi-driver-lifecycle-modes")
    yield from case("driver mutable", driver, spec(podInfoOnMount=True, fsGroupPolicy="File", storageCapacity=True, volumeLifecycleModes=["Persistent"]))
    capacity = {"apiVersion": "storage.k8s.io/v1", "kind": "CSIStorageCapacity", "storageClassName": "a", "nodeTopology": {"matchLabels": {"a": "b"}}}
    yield from case("capacity class", capacity, {"storageClassName": "b"}, "csi-capacity-class")
    yield from case("capacity topology", capacity, {"nodeTopology": {"matchLabels": {"a": "c"}}}, "csi-capacity-topology")
    attachment = {"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "spec": {"attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "p"}}}
    yield from case("attachment", attachment, spec(nodeName="m"), "volume-attachment-spec")
    devices = lambda count: {"devices": {"requests": [{"name": "a", "exactly": {"deviceClassName": "d", "count": count}}]}}  # noqa: E731
    device_claim = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "spec": devices(1)}
    yield from case("device claim", device_claim, spec(**devices(2)), "resource-claim-spec")
    yield from case("device claim default", device_claim, spec(devices={"requests": [{"name": "a", "exactly": {"deviceClassName": "d", "allocationMode": "ExactCount"}}]}))
    device_template = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "spec": {"spec": devices(1)}}
    yield from case("device template", device_template, spec(spec=devices(2)), "resource-claim-template-spec")

    # Services
    headless = service(clusterIP="None", selector={"a": "b"})
    yield from case("service to headless", service(), spec(clusterIP="None"), "svc-cluster-ip")
    yield from case("service from headless", headless, spec(clusterIP="10.0.0.77"), "svc-cluster-ip")
    yield from case("service headless dropped", headless, spec(clusterIP=None))
    yield from case("service address dropped", service(), spec(clusterIP=None))
    yield from case("service address emptied", service(), spec(clusterIP=""))
    yield from case("service addresses emptied", service(), spec(clusterIP="", clusterIPs=[]))
    yield from case("service to external name", service(), spec(type="ExternalName", externalName="x.example.com"))
    yield from case("service external with address", service(type="ExternalName", externalName="x.example.com"), spec(type="ClusterIP"))
    yield from case("service external keeps another address", service(), spec(type="ExternalName", externalName="x.example.com", clusterIP="None"), "svc-external-name-ip")
    yield from put("service replaced without address", service(), {})
    yield from put("service replaced headless without address", headless, {"spec": {"clusterIP": None}})
    yield from case("service family", service(), spec(ipFamilies=["IPv6"]), "svc-ip-family")
    yield from case("service headless by node port", headless, spec(type="NodePort"), "svc-headless-node-port")
    yield from case("service headless balanced", headless, spec(type="LoadBalancer"), "svc-headless-balancer")
    balancer = service(type="LoadBalancer", loadBalancerClass="example.com/x")
    yield from case("service class", balancer, spec(loadBalancerClass="example.com/y"), "svc-load-balancer-class")
    yield from case("service class removed", balancer, spec(loadBalancerClass=None), "svc-load-balancer-class")
    yield from case("service class leaves with the type", balancer, spec(type="ClusterIP"))
    yield from case("service class changed with the type", balancer, spec(type="ClusterIP", loadBalancerClass="example.com/y"), "svc-load-balancer-class-type")
    node_port = service(type="NodePort")
    yield from case("service port leaves with the type", node_port, spec(type="ClusterIP"))
    yield from case("service port dropped with the type", service(type="NodePort", ports=[{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]), spec(type="ClusterIP", ports=[{"port": 80, "name": "a"}]))
    yield from case("service port fixed", node_port, spec(type="ClusterIP", ports=[{"port": 80, "name": "http", "nodePort": 32766}]), "svc-node-port")
    yield from case("service ranges", service(type="LoadBalancer", loadBalancerSourceRanges=["10.0.0.0/8"]), spec(type="ClusterIP"), "svc-source-ranges")
    yield from case("service policy leaves with the type", service(type="LoadBalancer", externalTrafficPolicy="Local"), spec(type="ClusterIP"))
    yield from case("service policy fixed", node_port, spec(type="ClusterIP", externalTrafficPolicy="Local"), "svc-external-policy")
    yield from case("service allocate fixed", service(type="LoadBalancer"), spec(type="ClusterIP", allocateLoadBalancerNodePorts=False), "svc-allocate-node-ports")
    local = service(type="LoadBalancer", externalTrafficPolicy="Local")
    yield from case("service health port", local, spec(healthCheckNodePort=32765), "svc-health-check-port")
    yield from case("service health port dropped", local, spec(healthCheckNodePort=None))
    yield from case("service becomes balancer", service(), spec(type="LoadBalancer"))

    # Config, identity, policy
    yield from case("secret type", {"apiVersion": "v1", "kind": "Secret", "data": {"a": "YQ=="}}, {"type": "example.com/x"}, "secret-type")
    for kind, prefix, one, two in (("Secret", "secret", "YQ==", "Yg=="), ("ConfigMap", "configmap", "a", "b")):
        locked = {"apiVersion": "v1", "kind": kind, "immutable": True, "data": {"a": one}}
        yield from case(f"{kind} data", locked, {"data": {"a": two}}, f"{prefix}-immutable-data")
        yield from case(f"{kind} flag", locked, {"immutable": None}, f"{prefix}-immutable-flag")
        yield from case(f"{kind} becomes immutable", {**locked, "immutable": False}, {"immutable": True, "data": {"a": two}})
    binary = {"apiVersion": "v1", "kind": "ConfigMap", "immutable": True, "binaryData": {"a": "YQ=="}}
    yield from case("ConfigMap binary data", binary, {"binaryData": {"a": "Yg=="}}, "configmap-immutable-binary-data")
    for kind, role, row in (("RoleBinding", "Role", "role-binding-role"), ("ClusterRoleBinding", "ClusterRole", "cluster-role-binding-role")):
        binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": "view"}}
        yield from case(f"{kind} role", binding, {"roleRef": {"name": "edit"}}, row)
        yield from put(f"{kind} without group", binding, {"roleRef": {"apiGroup": None}, "subjects": [{"kind": "User", "name": "x"}]})
    priority = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 5}
    yield from case("priority value", priority, {"value": 6}, "priority-class-value")
    yield from case("priority preemption", priority, {"preemptionPolicy": "Never"}, "priority-class-preemption")
    yield from put("priority default", priority, {"description": "x"})
    yield from case("runtime handler", {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "handler": "a"}, {"handler": "b"}, "runtime-class-handler")
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "spec": {"hard": {"pods": "1000"}, "scopes": ["NotTerminating", "NotBestEffort"]}}
    yield from case("quota scopes", quota, spec(scopes=["NotTerminating"]), "quota-scopes")
    yield from case("quota scopes in another order", quota, spec(scopes=["NotBestEffort", "NotTerminating"], hard={"pods": "2000"}))
    yield from case("ingress controller", {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "spec": {"controller": "example.com/a"}}, spec(controller="example.com/b"), "ingress-class-controller")
    yield from case("slice type", {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "endpoints": []}, {"addressType": "IPv6"}, "endpoint-slice-address-type")

    # Custom resource definitions
    one = crd("one", ("v2", "v1"))
    v1_only = [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}]
    yield from case("crd stored version", one, spec(versions=v1_only), "crd-stored-version", until=established)
    both_versions = crd("two", ("v1", "v2"))
    yield from case("crd version never stored", both_versions, spec(versions=v1_only), until=established)
    yield from case("crd scope", crd("three"), spec(scope="Cluster"), "crd-scope", until=established)
    yield from case("crd kind", crd("four"), spec(names={"kind": "Fourth", "listKind": "FourthList"}), "crd-kind", until=established)
    yield from case("crd list kind", crd("five"), spec(names={"shortNames": ["f"]}), until=established)


def filled():
    """Manifests that leave out what has a default."""
    probe = {"httpGet": {"port": 80}}
    container = {"name": "a", "image": "a", "ports": [{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}], "livenessProbe": probe,
                 "readinessProbe": {"grpc": {"port": 90}}, "startupProbe": {"tcpSocket": {"port": 80}, "timeoutSeconds": 0},
                 "lifecycle": {"preStop": {"httpGet": {"port": 80}}}, "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
                 "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                         {"name": "B", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}]}
    volumes = [{"name": "a", "configMap": {"name": "c"}}, {"name": "b", "secret": {"secretName": "s"}}, {"name": "c", "hostPath": {"path": "/x"}},
               {"name": "d", "downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]}},
               {"name": "e", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}, {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]}}]}},
               {"name": "f", "ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}},
               {"name": "g", "iscsi": {"targetPortal": "1.2.3.4", "iqn": "iqn.2001-04.com.example:s", "lun": 0}}, {"name": "h", "rbd": {"monitors": ["m"], "image": "i"}},
               {"name": "i", "azureDisk": {"diskName": "d", "diskURI": "https://blob.core.windows.net/d"}}, {"name": "j", "image": {"reference": "a:1"}},
               {"name": "k", "scaleIO": {"gateway": "g", "system": "s", "secretRef": {"name": "s"}, "volumeName": "v"}}]
    rich = {"serviceAccountName": "default", "initContainers": [{"name": "i", "image": "registry:5000/a@sha256:" + "0" * 64}], "containers": [container], "volumes": volumes}
    for kind in ("Deployment", "DaemonSet", "ReplicaSet", "StatefulSet"):
        obj = workload(kind)
        obj["spec"]["template"]["spec"] = rich
        if kind == "StatefulSet":
            obj["spec"]["volumeClaimTemplates"] = [claim_template()]
        yield obj
    yield {"apiVersion": "v1", "kind": "Pod", "spec": {**rich, "automountServiceAccountToken": False}}
    yield {"apiVersion": "v1", "kind": "ReplicationController", "spec": {"selector": {"app": "a"}, "template": workload("Deployment")["spec"]["template"]}}
    yield workload("StatefulSet", updateStrategy={"type": "RollingUpdate"})
    yield workload("Deployment", strategy={"type": "Recreate"})
    yield workload("Deployment", strategy={"rollingUpdate": {"maxSurge": 1}})
    yield workload("DaemonSet", updateStrategy={"type": "OnDelete"})
    yield job()
    yield job(parallelism=3)
    yield job(completions=2, completionMode="Indexed", backoffLimitPerIndex=1)
    yield job(podFailurePolicy={"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]})
    yield {"apiVersion": "batch/v1", "kind": "CronJob", "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": pod()}}}}}
    for fields in ({}, {"type": "NodePort"}, {"type": "LoadBalancer"}, {"sessionAffinity": "ClientIP"}, {"externalIPs": ["1.2.3.4"]}, {"type": "ExternalName", "externalName": "x.example.com"}):
        yield service(**fields)
    yield {"apiVersion": "v1", "kind": "Secret"}
    yield claim(dataSourceRef={"kind": "VolumeSnapshot", "name": "s", "apiGroup": "snapshot.storage.k8s.io"})
    yield {"apiVersion": "v1", "kind": "PersistentVolume", "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}}
    yield {"apiVersion": "v1", "kind": "LimitRange", "spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}, "min": {"cpu": "1", "memory": "1Mi"}}]}}
    yield {"apiVersion": "v1", "kind": "Endpoints", "subsets": [{"addresses": [{"ip": "1.2.3.4"}], "ports": [{"port": 80}]}]}
    yield {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "endpoints": [], "ports": [{"port": 80}]}
    port = [{"ports": [{"port": 53}]}]
    for fields in ({}, {"egress": port}, {"ingress": port, "egress": []}):
        yield {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": {"podSelector": {}, **fields}}
    yield {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "spec": {"controller": "example.com/a", "parameters": {"kind": "K", "name": "n"}}}
    for fields in ({}, {"behavior": {"scaleUp": {}}}, {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 5}}}):
        yield {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "a", "apiVersion": "apps/v1"}, **fields}}
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "roleRef": {"kind": "Role", "name": "a"}}
    yield {**binding, "subjects": [{"kind": "User", "name": "a"}, {"kind": "Group", "name": "a"}, {"kind": "ServiceAccount", "name": "a", "namespace": "b"}]}
    yield {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 5}
    yield {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "a"}
    yield {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "spec": {}}
    hook = {"name": "a.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "clientConfig": {"service": {"name": "a", "namespace": "b"}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}]}
    for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
        yield {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "webhooks": [hook]}
    yield {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "spec": {"validations": [{"expression": "true"}],
           "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}]}}}
    yield {"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema", "spec": {"priorityLevelConfiguration": {"name": "a"}}}
    request = {"devices": {"requests": [{"name": "a", "exactly": {"deviceClassName": "d"}}, {"name": "b", "firstAvailable": [{"name": "c", "deviceClassName": "d"}]}]}}
    yield {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "spec": request}
    yield {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "spec": {"spec": request}}
    plain = crd("six")
    yield plain


def fill(obj):
    obj = copy.deepcopy(obj)
    obj.setdefault("metadata", {}).setdefault("name", "filled")
    status, answer = call("POST", url(obj, False) + "?dryRun=All", obj)
    if status >= 300:
        sys.exit(f"cannot create {json.dumps(obj)}: {answer.get('message')}")
    return {"manifest": obj, "live": tidy(answer)}


def lines(items):
    """One item a line, so that a new server version shows what it changed."""
    return "[\n" + ",\n".join(json.dumps(item, sort_keys=True) for item in items) + "\n]"


def main():
    call("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    call("POST", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": "default"}})
    _, version = call("GET", "/version")
    results = [run(case) for case in cases()]
    defaults = [fill(obj) for obj in filled()]
    call("DELETE", f"/api/v1/namespaces/{NAMESPACE}")
    print(f'{{"server": "{version["gitVersion"]}",\n"refusals": {lines(results)},\n"defaults": {lines(defaults)}}}')


if __name__ == "__main__":
    main()
