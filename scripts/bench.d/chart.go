package main

import (
	"fmt"
	"strings"
)

// chart is one version of a chart, rendered for one revision of a release.
type chart struct {
	name, version, appVersion string
	documents                 []document
	hooks                     []document
	templates                 []file
	files                     []file
	values                    object
}

// document is a rendered template.
type document struct {
	template string
	body     object
}

type file struct{ name, text string }

func (c chart) manifest() string {
	var out strings.Builder
	for _, document := range c.documents {
		out.WriteString("---\n# Source: " + c.name + "/templates/" + document.template + "\n" + yamlText(document.body))
	}
	return out.String()
}

// source makes the template from which a document could have been rendered: the record holds the chart too.
func source(rendered document) file {
	text := yamlText(rendered.body)
	text = strings.ReplaceAll(text, "helm.sh/chart:", `{{ include "common.labels" . | nindent 4 }} #`)
	return file{"templates/" + rendered.template, fmt.Sprintf("{{- if and .Values.create (semverCompare \">=1.25.0-0\" .Capabilities.KubeVersion.Version) }}\n%s{{- end }}\n", text)}
}

// renderer builds the objects of one release at one version of its chart.
type renderer struct {
	release, chart, version string
	// changed says that this is the newer version: some texts have grown.
	changed bool
	// checksum stands for what differs between revisions of one version.
	checksum string
}

func (r renderer) name(suffix string) string {
	if suffix == "" {
		return r.release
	}
	return r.release + "-" + suffix
}

func (r renderer) labels(component string) object {
	return object{
		"app":                          component,
		"app.kubernetes.io/component":  component,
		"app.kubernetes.io/instance":   r.release,
		"app.kubernetes.io/managed-by": "Helm",
		"app.kubernetes.io/part-of":    r.chart,
		"app.kubernetes.io/version":    r.version,
		"helm.sh/chart":                r.chart + "-" + r.version,
		"heritage":                     "Helm",
		"release":                      r.release,
	}
}

func (r renderer) selector(component string) object {
	return object{"app": component, "release": r.release}
}

// object is what all kinds have in common; further keys are added by the caller.
func (r renderer) object(apiVersion, kind, suffix, component string, more object) object {
	metadata := object{"name": r.name(suffix), "labels": r.labels(component)}
	if !isClusterScoped(kind) {
		metadata["namespace"] = r.release
	}
	body := object{"apiVersion": apiVersion, "kind": kind, "metadata": metadata}
	for key, value := range more {
		body[key] = value
	}
	return body
}

func isClusterScoped(kind string) bool {
	return strings.HasPrefix(kind, "Cluster") || strings.HasSuffix(kind, "WebhookConfiguration")
}

func (r renderer) service(suffix string, port int) object {
	return r.object("v1", "Service", suffix, suffix, object{"spec": object{
		"type":     "ClusterIP",
		"ports":    []any{object{"name": "http", "port": port, "targetPort": port, "protocol": "TCP"}},
		"selector": r.selector(suffix),
	}})
}

func (r renderer) podTemplate(component string, containers int) object {
	text := newProse(component)
	list := []any{}
	for i := range containers {
		list = append(list, object{
			"name":            fmt.Sprintf("%s-%d", component, i),
			"image":           fmt.Sprintf("registry.example/%s/%s:v%s", component, text.word(), r.version),
			"imagePullPolicy": "IfNotPresent",
			"args":            []any{"--" + text.join(2, "-") + "=" + text.word(), "--" + text.join(3, "-"), "--listen=:8080"},
			"env":             []any{object{"name": strings.ToUpper(text.join(2, "_")), "value": text.word()}},
			"ports":           []any{object{"name": fmt.Sprintf("http-%d", i), "containerPort": 8080 + i, "protocol": "TCP"}},
			"livenessProbe":   object{"httpGet": object{"path": "/healthz", "port": 8080 + i}, "initialDelaySeconds": 10, "periodSeconds": 15},
			"readinessProbe":  object{"httpGet": object{"path": "/ready", "port": 8080 + i}, "periodSeconds": 5},
			"resources":       object{"requests": object{"cpu": "100m", "memory": "128Mi"}, "limits": object{"memory": "256Mi"}},
			"securityContext": object{"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true},
			"volumeMounts":    []any{object{"name": "config", "mountPath": "/etc/config", "readOnly": true}},
		})
	}
	return object{
		"metadata": object{"labels": r.selector(component), "annotations": object{"checksum/config": r.checksum}},
		"spec": object{
			"serviceAccountName": r.name(component),
			"containers":         list,
			"volumes":            []any{object{"name": "config", "configMap": object{"name": r.name("config"), "optional": true}}},
		},
	}
}

func (r renderer) workload(kind, component string, containers int) object {
	spec := object{
		"selector": object{"matchLabels": r.selector(component)},
		"template": r.podTemplate(component, containers),
	}
	if kind != "DaemonSet" {
		spec["replicas"] = 1
	}
	return r.object("apps/v1", kind, component, component, object{"spec": spec})
}

func (r renderer) binding(kind, suffix string) object {
	return r.object("rbac.authorization.k8s.io/v1", kind, suffix, suffix, object{
		"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": strings.TrimSuffix(kind, "Binding"), "name": r.name(suffix)},
		"subjects": []any{object{"kind": "ServiceAccount", "name": r.name(suffix), "namespace": r.release}},
	})
}

func (r renderer) role(kind, suffix string) object {
	text := newProse(suffix)
	rules := []any{}
	for range 6 {
		rules = append(rules, object{
			"apiGroups": []any{text.word() + ".example"},
			"resources": []any{text.word(), text.word(), text.word()},
			"verbs":     []any{"get", "list", "watch"},
		})
	}
	return r.object("rbac.authorization.k8s.io/v1", kind, suffix, suffix, object{"rules": rules})
}
