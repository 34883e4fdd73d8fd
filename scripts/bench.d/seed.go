package main

import (
	"fmt"
	"strings"
)

// scenario is a release that commands are measured on. Its namespace has its name.
type scenario struct {
	release   string
	title     string
	revisions int
	render    func(release string, newer bool, checksum string) chart
	// crowd: neighbours of the release in its namespace.
	crowd bool
}

var scenarios = []scenario{
	{"kps-50", "large release, 50 revisions", 50, monitoring, false},
	{"kps-10", "large release, 10 revisions", 10, monitoring, false},
	{"kps-2", "large release, 2 revisions", 2, monitoring, false},
	{"pg-10", "small release, 10 revisions", 10, database, false},
	{"pg-2", "small release, 2 revisions", 2, database, false},
	{"pg-200", "small release, 200 revisions", 200, database, false},
	{"kps-200", "large release, 200 revisions", 200, monitoring, false},
	{"kps-crowd", "large release, 2 revisions, beside 20,000 pods and 5,000 custom resources in its namespace", 2, monitoring, true},
}

// size describes the newest record of a scenario.
type size struct {
	objects, manifest, payload, record int
}

func (s size) String() string {
	return fmt.Sprintf("%d objects, manifest %d kB, record %d kB as JSON and %d kB compressed", s.objects, s.manifest/1000, s.payload/1000, s.record/1000)
}

// seed creates namespace, records and the live objects of the newest revision. The last step up is a new chart version.
func (a *api) seed(s scenario) (size, error) {
	namespace := object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": s.release}}
	if err := a.create(namespace); err != nil {
		return size{}, err
	}
	var newest chart
	var record size
	for revision := 1; revision <= s.revisions; revision++ {
		newest = s.render(s.release, revision == s.revisions, newProse(fmt.Sprint(revision)).join(8, ""))
		var err error
		if record, err = a.store(s, revision, newest); err != nil {
			return size{}, err
		}
	}
	for _, document := range newest.documents {
		if err := a.create(live(document.body, s.release)); err != nil {
			return size{}, err
		}
	}
	if err := a.settled(s.release); err != nil || !s.crowd {
		return record, err
	}
	return record, a.crowd(s.release)
}

func (a *api) store(s scenario, revision int, c chart) (size, error) {
	payload, stored := record(s.release, revision, s.revisions, c)
	compressed := strings.TrimRight(stored, "=")
	sizes := size{len(c.documents), len(c.manifest()), payload, len(compressed) * 3 / 4}
	return sizes, a.create(storageSecret(s.release, revision, s.revisions, stored))
}
