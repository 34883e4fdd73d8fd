package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// firstDeployed is fixed, so that records are the same in every run.
var firstDeployed = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// record is a release as Helm stores it (helm pkg/release/v1 Release, pkg/storage/driver encodeRelease): JSON, gzip, base64.
// It returns the size of the JSON, in bytes, and the stored text.
func record(release string, revision, newest int, c chart) (int, string) {
	deployed := firstDeployed.Add(time.Duration(revision) * time.Hour).Format(time.RFC3339)
	hooks := []any{}
	for _, hook := range c.hooks {
		metadata := hook.body["metadata"].(object)
		hooks = append(hooks, object{
			"name": metadata["name"], "kind": hook.body["kind"], "path": c.name + "/templates/" + hook.template, "manifest": yamlText(hook.body),
			"events": []any{"pre-install", "pre-upgrade"}, "delete_policies": []any{"before-hook-creation", "hook-succeeded"},
			"last_run": object{"started_at": deployed, "completed_at": deployed, "phase": "Succeeded"},
		})
	}
	body := object{
		"name": release, "namespace": release, "version": revision,
		"info": object{
			"first_deployed": firstDeployed.Format(time.RFC3339), "last_deployed": deployed, "deleted": "",
			"description": "Upgrade complete", "status": status(revision, newest), "notes": newProse("notes").paragraphs(1000),
		},
		"chart": object{
			"metadata":  object{"name": c.name, "version": c.version, "appVersion": c.appVersion, "apiVersion": "v2", "type": "application"},
			"lock":      nil,
			"templates": encoded(c.templates), "files": encoded(c.files), "values": c.values, "schema": nil,
		},
		"config": object{"checksum": newProse(fmt.Sprint(revision)).word()}, "manifest": c.manifest(), "hooks": hooks,
	}
	payload := mustJSON(body)
	return len(payload), base64.StdEncoding.EncodeToString(compress(payload))
}

func status(revision, newest int) string {
	if revision == newest {
		return "deployed"
	}
	return "superseded"
}

func encoded(files []file) []any {
	list := make([]any, len(files))
	for i, file := range files {
		list[i] = object{"name": file.name, "data": base64.StdEncoding.EncodeToString([]byte(file.text))}
	}
	return list
}

func compress(data []byte) []byte {
	var out bytes.Buffer
	writer, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	if _, err := writer.Write(data); err != nil {
		panic(err) // a buffer takes everything
	}
	if err := writer.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// storageSecret is the Secret that holds a record.
func storageSecret(release string, revision, newest int, payload string) object {
	return object{
		"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
		"metadata": object{
			"name": fmt.Sprintf("sh.helm.release.v1.%s.v%d", release, revision), "namespace": release,
			"labels": object{
				"name": release, "owner": "helm", "status": status(revision, newest), "version": fmt.Sprint(revision),
				"modifiedAt": fmt.Sprint(firstDeployed.Unix() + int64(revision)*3600),
			},
		},
		"data": object{"release": base64.StdEncoding.EncodeToString([]byte(payload))},
	}
}

// live is the object as Helm would have created it.
func live(body object, release string) object {
	annotations := object{"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": release}
	metadata := body["metadata"].(object)
	if own, ok := metadata["annotations"].(object); ok {
		for key, value := range own {
			annotations[key] = value
		}
	}
	metadata["annotations"] = annotations
	metadata["labels"].(object)["app.kubernetes.io/managed-by"] = "Helm"
	return body
}

// plural is right for every kind used here.
func plural(kind string) string {
	name := strings.ToLower(kind)
	switch {
	case strings.HasSuffix(name, "y"):
		return strings.TrimSuffix(name, "y") + "ies"
	case strings.HasSuffix(name, "s"):
		return name + "es"
	}
	return name + "s"
}
