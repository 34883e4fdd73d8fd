package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const comparing = "`compare OLD NEW`"

// forms of the report that go to files.
var forms = []string{"json", "yaml", "markdown", "html", "sarif", "junit", "github", "gitlab", "openreports", "policyreport", "in-toto"}

// compares measures two rendered states of the large chart, without a server: one report, then all its forms in one run.
func (s settings) compares() error {
	if !strings.Contains("compare", s.only) {
		return nil
	}
	dir := filepath.Join(s.dir, "compare")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	one := []string{s.tool, "compare"}
	for _, newer := range []bool{true, false} {
		rendered := monitoring("kps", newer, newProse(fmt.Sprint(newer)).join(8, ""))
		path := filepath.Join(dir, fmt.Sprintf("newer-%t.yaml", newer))
		if err := os.WriteFile(path, []byte(rendered.manifest()), 0o644); err != nil {
			return err
		}
		one = append(one, path)
	}
	all := append([]string{}, one...)
	for _, form := range forms {
		all = append(all, "-o", form+"="+filepath.Join(dir, "report."+form))
	}
	results, err := s.bench([]command{
		{"**" + comparing + "**", one, []int{0, 1, 4}, true},
		{"**the same, in " + fmt.Sprint(len(forms)+1) + " forms**", all, []int{0, 1, 4}, true},
	})
	if err != nil {
		return err
	}
	fmt.Printf("\nTwo rendered states of the large release, no server:\n\n")
	fmt.Println("| command | wall ms | CPU ms | peak RSS MB |")
	fmt.Println("| --- | --: | --: | --: |")
	for _, r := range results {
		fmt.Printf("| %s | %s | %s | %.0f |\n", r.name, milliseconds(r.wall), milliseconds(r.cpu), float64(r.rss)/1e6)
	}
	budgetTable().line("compare, wall ms", float64(results[0].wall.Microseconds())/1000, 60, "%.0f")
	return nil
}
