package main

import (
	"fmt"
	"strings"
	"time"
)

const yardstick = "`helm3 diff rollback R N`"

func printTable(title string, results []result, delay time.Duration) {
	reference := find(results, yardstick)
	fmt.Printf("\n%s:\n\n", title)
	fmt.Printf("| command | wall ms | CPU ms | peak RSS MB | requests | moved MB | wall ms at +%d ms a request | wall / CPU against `helm3 diff rollback` |\n", delay.Milliseconds())
	fmt.Println("| --- | --: | --: | --: | --: | --: | --: | --: |")
	for _, r := range results {
		requests, moved, delayed := fmt.Sprint(r.requests), fmt.Sprintf("%.2f", float64(r.bytes)/1e6), milliseconds(r.wallWithDelay)
		if r.offline {
			requests, moved, delayed = "–", "–", "–"
		}
		fmt.Printf("| %s | %s | %s | %.0f | %s | %s | %s | %s |\n",
			r.name, milliseconds(r.wall), milliseconds(r.cpu), float64(r.rss)/1e6, requests, moved, delayed, ratios(r, reference))
	}
}

func milliseconds(d time.Duration) string {
	value := float64(d.Microseconds()) / 1000
	if value < 10 {
		return fmt.Sprintf("%.1f", value)
	}
	return fmt.Sprintf("%.0f", value)
}

func ratios(r result, reference *result) string {
	if reference == nil {
		return "–"
	}
	return fmt.Sprintf("%.3f / %.3f", ratio(r.wall, reference.wall), ratio(r.cpu, reference.cpu))
}

func ratio[T int64 | time.Duration](a, b T) float64 { return float64(a) / float64(b) }

func find(results []result, name string) *result {
	for i := range results {
		if strings.Trim(results[i].name, "*") == name {
			return &results[i]
		}
	}
	return nil
}

// budgets are this project's own bounds, on the large release with 50 revisions.
type budgets struct {
	startUp result
	large   []result
	crowd   []result
	// histories of many revisions.
	histories []history
}

type history struct {
	title   string
	results []result
}

type boundTable struct{}

func budgetTable() boundTable {
	fmt.Printf("\nBudgets:\n\n| what | measured | at most |\n| --- | --: | --: |\n")
	return boundTable{}
}

func (boundTable) line(what string, measured, bound float64, form string) {
	mark := ""
	if measured > bound {
		mark = " **over**"
	}
	fmt.Printf("| %s | "+form+"%s | "+form+" |\n", what, measured, mark, bound)
}

func (b budgets) print() {
	line := budgetTable().line
	line("`--version`, wall ms", float64(b.startUp.wall.Microseconds())/1000, 5, "%.1f")
	for _, h := range b.histories {
		for _, bound := range []struct {
			name string
			most float64
		}{{"`history R --brief`", 100}, {"`history R`", 300}} {
			if r := find(h.results, bound.name); r != nil {
				line(h.title+": "+bound.name+", wall ms", float64(r.wall.Microseconds())/1000, bound.most, "%.0f")
			}
		}
	}
	records, full, reference := find(b.large, "`check R N --no-live`"), find(b.large, "`check R N`"), find(b.large, yardstick)
	if records == nil || full == nil {
		return
	}
	line("peak RSS MB with live evidence", float64(full.rss)/1e6, 40, "%.0f")
	if crowd := find(b.crowd, "`check R N`"); crowd != nil {
		line("the same in a crowd", float64(crowd.rss)/1e6, 40, "%.0f")
	}
	if reference == nil {
		return
	}
	line("two records: wall against `helm3 diff rollback`", ratio(records.wall, reference.wall), 0.04, "%.3f")
	line("two records: CPU", ratio(records.cpu, reference.cpu), 0.04, "%.3f")
	line("two records: bytes", ratio(records.bytes, reference.bytes), 0.08, "%.3f")
	line("live evidence: wall", ratio(full.wall, reference.wall), 0.10, "%.3f")
	line("live evidence: CPU", ratio(full.cpu, reference.cpu), 0.10, "%.3f")
}
