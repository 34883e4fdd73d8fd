package main

import "fmt"

// Sizes of kube-prometheus-stack 88.5.3 as Helm stores it: 115 objects, a manifest of 655 kB, a record of 302 kB.
const (
	dashboards     = 26
	dashboardSize  = 15_900
	alertGroups    = 34
	alertGroupSize = 3_150
	otherTemplates = 700_000
)

var (
	monitors  = []string{"apiserver", "coredns", "controller", "etcd", "exporter", "grafana", "kubelet", "operator", "proxy", "prometheus", "scheduler", "state", "alertmanager"}
	accounts  = []string{"operator", "grafana", "state", "exporter", "prometheus", "alertmanager"}
	clustered = []string{"operator", "grafana", "state", "prometheus", "admission"}
)

// monitoring is a chart of kube-prometheus-stack's size and mix: dashboards, alert rules and scrape targets as custom
// resources, RBAC, a few workloads, webhooks.
func monitoring(release string, newer bool, checksum string) chart {
	r := renderer{release, "kube-prometheus-stack", "87.21.0", newer, checksum}
	if newer {
		r.version = "88.5.3"
	}
	documents := concat(r.configuration(), r.dashboards(), r.access(), r.workloads(), r.scraping(), r.alerting(), r.webhooks())
	templates := []file{{"templates/_helpers.tpl", newProse("helpers").paragraphs(otherTemplates)}}
	for _, document := range documents {
		templates = append(templates, source(document))
	}
	return chart{
		name: r.chart, version: r.version, appVersion: "v0.92.1",
		documents: documents,
		hooks:     r.admissionHooks(),
		templates: templates,
		files:     []file{{"README.md", newProse("readme").paragraphs(60_000)}},
		values:    object{"defaults": newProse("values").paragraphs(100_000)},
	}
}

func concat(lists ...[]document) []document {
	all := []document{}
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

func (r renderer) configuration() []document {
	text := newProse("configuration")
	secret := func(name string) document {
		data := object{"config.yaml": text.paragraphs(900), "password": text.join(3, "-")}
		return document{"secrets/" + name + ".yaml", r.object("v1", "Secret", name, "grafana", object{"type": "Opaque", "stringData": data})}
	}
	claim := object{"spec": object{
		"accessModes": []any{"ReadWriteOnce"},
		"resources":   object{"requests": object{"storage": "10Gi"}},
	}}
	return []document{
		secret("grafana"), secret("alertmanager"), secret("remote-write"),
		{"grafana/pvc.yaml", r.object("v1", "PersistentVolumeClaim", "grafana", "grafana", claim)},
	}
}

func (r renderer) dashboards() []document {
	list := []document{}
	for i := range dashboards {
		name := fmt.Sprintf("dashboard-%02d", i)
		size := dashboardSize/2 + i*dashboardSize/dashboards
		if r.changed && i%3 == 0 {
			size += 700
		}
		body := r.object("v1", "ConfigMap", name, "grafana", object{"data": object{name + ".json": dashboard(name, size)}})
		body["metadata"].(object)["labels"].(object)["grafana_dashboard"] = "1"
		list = append(list, document{"grafana/dashboards-1.14/" + name + ".yaml", body})
	}
	return list
}

// dashboard is one line of JSON of at least size bytes, as charts embed dashboards.
func dashboard(name string, size int) string {
	text := newProse(name)
	board := object{"title": text.join(4, " "), "uid": text.join(3, ""), "schemaVersion": 39, "refresh": "10s", "tags": []any{"mixin"}}
	panels := []any{}
	for length := 0; length < size; {
		panel := object{
			"id": len(panels), "title": text.join(3, " "), "type": "timeseries", "description": text.sentence(),
			"datasource":  object{"type": "prometheus", "uid": "${datasource}"},
			"gridPos":     object{"h": 7, "w": 12, "x": text.IntN(24), "y": text.IntN(200)},
			"fieldConfig": object{"defaults": object{"unit": text.word(), "custom": object{"fillOpacity": 10, "showPoints": "never"}}, "overrides": []any{}},
			"targets": []any{
				object{"expr": text.expression(), "legendFormat": "{{" + text.word() + "}}", "refId": "A"},
				object{"expr": text.expression(), "legendFormat": "{{" + text.word() + "}}", "refId": "B"},
			},
		}
		panels = append(panels, panel)
		length += len(mustJSON(panel))
	}
	board["panels"] = panels
	return string(mustJSON(board))
}

func (r renderer) access() []document {
	list := []document{}
	for _, name := range accounts {
		list = append(list, document{name + "/serviceaccount.yaml", r.object("v1", "ServiceAccount", name, name, object{"automountServiceAccountToken": true})})
	}
	for _, name := range clustered {
		list = append(list, document{name + "/clusterrole.yaml", r.role("ClusterRole", name)}, document{name + "/clusterrolebinding.yaml", r.binding("ClusterRoleBinding", name)})
	}
	return append(list, document{"grafana/role.yaml", r.role("Role", "grafana")}, document{"grafana/rolebinding.yaml", r.binding("RoleBinding", "grafana")})
}

func (r renderer) workloads() []document {
	list := []document{
		{"operator/deployment.yaml", r.workload("Deployment", "operator", 1)},
		{"grafana/deployment.yaml", r.workload("Deployment", "grafana", 3)},
		{"state/deployment.yaml", r.workload("Deployment", "state", 1)},
		{"exporter/daemonset.yaml", r.workload("DaemonSet", "exporter", 1)},
	}
	for i, name := range monitors[:12] {
		list = append(list, document{name + "/service.yaml", r.service(name, 8080+i)})
	}
	return list
}

func (r renderer) scraping() []document {
	list := []document{}
	for _, name := range monitors {
		spec := object{
			"endpoints":         []any{object{"port": "http", "interval": "30s", "honorLabels": true, "scheme": "https"}},
			"selector":          object{"matchLabels": r.selector(name)},
			"namespaceSelector": object{"matchNames": []any{r.release}},
			"jobLabel":          "app",
		}
		list = append(list, document{name + "/servicemonitor.yaml", r.object(monitoringGroup+"/v1", "ServiceMonitor", name, name, object{"spec": spec})})
	}
	return list
}

func (r renderer) alerting() []document {
	list := []document{}
	for i := range alertGroups {
		name := fmt.Sprintf("rules-%02d", i)
		text := newProse(name)
		size := alertGroupSize/2 + i*alertGroupSize/alertGroups
		if r.changed && i%4 == 0 {
			size += 300
		}
		rules := []any{}
		for length := 0; length < size; {
			rule := object{
				"alert": text.join(3, ""), "expr": text.expression() + "\nor\n" + text.expression(), "for": "15m",
				"labels":      object{"severity": "warning"},
				"annotations": object{"summary": text.sentence(), "description": text.sentence(), "runbook_url": "https://runbooks.example/" + text.word()},
			}
			rules = append(rules, rule)
			length += len(yamlText(rule))
		}
		groups := []any{object{"name": name, "rules": rules}}
		list = append(list, document{"prometheus/rules-1.14/" + name + ".yaml", r.object(monitoringGroup+"/v1", "PrometheusRule", name, "prometheus", object{"spec": object{"groups": groups}})})
	}
	server := func(kind, component string) document {
		spec := object{"replicas": 1, "version": r.version, "retention": "10d", "serviceAccountName": r.name(component), "podMetadata": object{"annotations": object{"checksum/config": r.checksum}}}
		return document{component + "/" + component + ".yaml", r.object(monitoringGroup+"/v1", kind, component, component, object{"spec": spec})}
	}
	return append(list, server("Prometheus", "prometheus"), server("Alertmanager", "alertmanager"))
}

func (r renderer) webhooks() []document {
	webhook := func(kind string) document {
		hook := object{
			"name":                    "rules.monitoring.example",
			"admissionReviewVersions": []any{"v1"}, "sideEffects": "None", "failurePolicy": "Ignore", "timeoutSeconds": 10,
			"clientConfig": object{"service": object{"name": r.name("operator"), "namespace": r.release, "path": "/admit"}},
			"rules":        []any{object{"apiGroups": []any{monitoringGroup}, "apiVersions": []any{"*"}, "operations": []any{"CREATE", "UPDATE"}, "resources": []any{"prometheusrules"}}},
			// No namespace has the label: nothing in the lab answers.
			"namespaceSelector": object{"matchLabels": object{"admission": "on"}},
		}
		return document{"admission/" + kind + ".yaml", r.object("admissionregistration.k8s.io/v1", kind, "admission", "operator", object{"webhooks": []any{hook}})}
	}
	return []document{webhook("MutatingWebhookConfiguration"), webhook("ValidatingWebhookConfiguration")}
}

func (r renderer) admissionHooks() []document {
	list := []document{}
	for _, step := range []string{"create", "patch"} {
		job := r.object("batch/v1", "Job", "admission-"+step, "admission", object{"spec": object{"template": r.podTemplate("admission", 1)}})
		job["metadata"].(object)["annotations"] = object{"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded"}
		job["spec"].(object)["template"].(object)["spec"].(object)["restartPolicy"] = "OnFailure"
		list = append(list, document{"admission/job-" + step + ".yaml", job})
	}
	return list
}
