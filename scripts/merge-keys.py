#!/usr/bin/env python3
"""Writes rules/tables/merge-keys.csv from the OpenAPI document of a Kubernetes source tree.

usage: scripts/merge-keys.py KUBERNETES_SOURCE > rules/tables/merge-keys.csv

KUBERNETES_SOURCE holds api/openapi-spec/swagger.json, for instance the directory that
`go mod download -json k8s.io/kubernetes@v1.36.3` names.
"""

import csv
import json
import os
import sys

# Shapes that many kinds share: written once, found by prefix.
SHARED = {
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": "ObjectMeta",
    "io.k8s.api.core.v1.PodSpec": "PodSpec",
}
# Types that no manifest holds.
SKIPPED_KINDS = {"DeleteOptions", "WatchEvent", "Status", "APIGroup", "APIGroupList", "APIResourceList", "APIVersions"}


def strategic(prop):
    """The strategic merge tag in one word: merge key, `set`, with `retainKeys` or `replace` behind a plus."""
    strategy = set(filter(None, prop.get("x-kubernetes-patch-strategy", "").split(",")))
    words = []
    if "merge" in strategy:
        words.append(prop.get("x-kubernetes-patch-merge-key", "set"))
    words += sorted(strategy - {"merge"})
    return "+".join(words)


def server_side(prop, target):
    kind = prop.get("x-kubernetes-list-type")
    if kind == "map":
        return "+".join(prop["x-kubernetes-list-map-keys"])
    if kind == "set":
        return "set"
    if prop.get("type") != "array":
        atomic = prop.get("x-kubernetes-map-type") or target.get("x-kubernetes-map-type")
        return "atomic" if atomic == "atomic" else ""
    return ""


def reference(prop):
    return (prop.get("$ref") or (prop.get("items") or {}).get("$ref") or "").removeprefix("#/definitions/")


def walk(definitions, name, path, seen, out):
    if name in seen:
        return
    for field, prop in sorted(definitions[name].get("properties", {}).items()):
        here = f"{path}.{field}" if path else field
        target = reference(prop)
        scheme = (strategic(prop), server_side(prop, definitions.get(target, {})))
        if any(scheme):
            out[here] = (("list" if prop.get("type") == "array" else "map",) + scheme, name)
        if target in SHARED and not field == "metadata":
            out[here + "|"] = SHARED[target]
        elif target and target not in SHARED and target in definitions:
            walk(definitions, target, here, seen | {name}, out)


def main(source):
    with open(os.path.join(source, "api/openapi-spec/swagger.json"), encoding="utf-8") as file:
        definitions = json.load(file)["definitions"]
    rows, pods = {}, set()
    for name, definition in sorted(definitions.items()):
        if name in SHARED:
            gvks = [{"group": "*", "kind": SHARED[name]}]
        else:
            gvks = definition.get("x-kubernetes-group-version-kind", [])
        if len(gvks) != 1 or gvks[0]["kind"] in SKIPPED_KINDS or gvks[0]["kind"].endswith("List"):
            continue
        found = {}
        walk(definitions, name, "", set(), found)
        group, kind = gvks[0]["group"], gvks[0]["kind"]
        for path, entry in found.items():
            if path.endswith("|"):
                pods.add((kind, path[:-1], entry))
                continue
            scheme, owner = entry
            key = (group, kind, path)
            if key in rows and rows[key][0] != scheme:
                print("versions disagree:", key, rows[key], entry, file=sys.stderr)
            rows[key] = (scheme, owner)
    for use in sorted(pods):
        print("shared:", *use, file=sys.stderr)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["group", "kind", "path", "node", "strategic", "server_side", "source"])
    for key, (scheme, owner) in sorted(rows.items()):
        writer.writerow([*key, *scheme, owner.removeprefix("io.k8s.")])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
