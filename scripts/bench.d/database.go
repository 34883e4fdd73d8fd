package main

// database is a chart of bitnami/postgresql's size: 7 objects; most of the record is the chart itself.
func database(release string, newer bool, checksum string) chart {
	r := renderer{release, "postgresql", "15.5.38", newer, checksum}
	if newer {
		r.version = "16.0.0"
	}
	documents := r.databaseObjects()
	templates := []file{{"templates/_helpers.tpl", newProse("database helpers").paragraphs(440_000)}}
	for _, document := range documents {
		templates = append(templates, source(document))
	}
	return chart{
		name: r.chart, version: r.version, appVersion: "17.0.0",
		documents: documents,
		templates: templates,
		files:     []file{{"README.md", newProse("database readme").paragraphs(310_000)}},
		values:    object{"defaults": newProse("database values").paragraphs(50_000)},
	}
}

func (r renderer) databaseObjects() []document {
	set := r.workload("StatefulSet", "db", 1)
	spec := set["spec"].(object)
	spec["serviceName"] = r.name("db-headless")
	spec["volumeClaimTemplates"] = []any{object{
		"metadata": object{"name": "data"},
		"spec":     object{"accessModes": []any{"ReadWriteOnce"}, "resources": object{"requests": object{"storage": "8Gi"}}},
	}}
	headless := r.service("db-headless", 5432)
	headless["spec"].(object)["clusterIP"] = "None"
	ingress := object{"ports": []any{object{"port": 5432}}}
	return []document{
		{"networkpolicy.yaml", r.object("networking.k8s.io/v1", "NetworkPolicy", "db", "db", object{"spec": object{"podSelector": object{"matchLabels": r.selector("db")}, "policyTypes": []any{"Ingress"}, "ingress": []any{ingress}}})},
		{"pdb.yaml", r.object("policy/v1", "PodDisruptionBudget", "db", "db", object{"spec": object{"maxUnavailable": 1, "selector": object{"matchLabels": r.selector("db")}}})},
		{"serviceaccount.yaml", r.object("v1", "ServiceAccount", "db", "db", object{"automountServiceAccountToken": false})},
		{"secrets.yaml", r.object("v1", "Secret", "db", "db", object{"type": "Opaque", "data": object{"postgres-password": "Ym9ndXMtcGFzc3dvcmQ="}})},
		{"svc-headless.yaml", headless},
		{"svc.yaml", r.service("db", 5432)},
		{"statefulset.yaml", set},
	}
}
