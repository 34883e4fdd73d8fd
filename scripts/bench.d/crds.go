package main

import "strings"

const monitoringGroup = "monitoring.coreos.com"

// customKinds are the ten kinds of the group with the size of their definition in bytes, as in kube-prometheus-stack 88.
var customKinds = []struct {
	kind string
	size int
}{
	{"Alertmanager", 520_000}, {"AlertmanagerConfig", 560_000}, {"PodMonitor", 70_000}, {"Probe", 70_000}, {"Prometheus", 660_000},
	{"PrometheusAgent", 560_000}, {"PrometheusRule", 10_000}, {"ScrapeConfig", 600_000}, {"ServiceMonitor", 70_000}, {"ThanosRuler", 470_000},
}

func definitions() []object {
	list := []object{}
	for _, custom := range customKinds {
		list = append(list, definition(custom.kind, custom.size))
	}
	return list
}

// definition accepts every body: the size of its schema is what counts here.
func definition(kind string, size int) object {
	names := object{"kind": kind, "listKind": kind + "List", "plural": plural(kind), "singular": strings.ToLower(kind)}
	schema := object{"type": "object", "properties": object{
		"spec": object{"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": properties(kind, size)},
	}}
	version := object{"name": "v1", "served": true, "storage": true, "schema": object{"openAPIV3Schema": schema}}
	return object{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": object{"name": plural(kind) + "." + monitoringGroup},
		"spec":     object{"group": monitoringGroup, "scope": "Namespaced", "names": names, "versions": []any{version}},
	}
}

func properties(kind string, size int) object {
	text := newProse("definition " + kind)
	fields := object{}
	for length := 0; length < size; {
		field := object{"type": "object", "description": text.sentence() + " " + text.sentence(), "x-kubernetes-preserve-unknown-fields": true, "properties": object{
			text.join(2, ""): object{"type": "string", "description": text.sentence()},
			text.join(3, ""): object{"type": "integer", "description": text.sentence()},
		}}
		fields["x"+text.join(3, "")] = field
		length += len(mustJSON(field))
	}
	return fields
}
