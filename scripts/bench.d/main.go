// Command bench measures helm-rollback-safe beside its peers on a lab's API server and prints Markdown.
// scripts/bench builds what it needs and starts it.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	var s settings
	flag.StringVar(&s.tool, "tool", "", "helm-rollback-safe")
	flag.StringVar(&s.helm3, "helm3", "", "Helm 3")
	flag.StringVar(&s.helm4, "helm4", "", "Helm 4")
	flag.StringVar(&s.helmDiff, "helm-diff", "", "the helm-diff plugin's binary; empty: not measured")
	flag.StringVar(&s.squawk, "squawk", "", "the linter squawk; empty: not measured")
	flag.StringVar(&s.corpora, "corpora", "", "the histories of scripts/corpora; empty: not measured")
	flag.StringVar(&s.measure, "measure", "", "the compiled measure/measure.c")
	flag.StringVar(&s.dir, "dir", "", "an empty directory to work in")
	flag.IntVar(&s.runs, "runs", 7, "timed runs of each command")
	flag.DurationVar(&s.delay, "delay", 30*time.Millisecond, "how long the proxy holds a request back")
	flag.StringVar(&s.only, "only", "", "only the scenarios whose name has this part")
	flag.Parse()
	if err := s.measureAll(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (s settings) measureAll() error {
	a, err := connect()
	if err != nil {
		return err
	}
	for _, dir := range []*string{&s.dir, &s.tool, &s.measure, &s.helmDiff, &s.squawk, &s.corpora} {
		if *dir == "" {
			continue
		}
		if *dir, err = filepath.Abs(*dir); err != nil {
			return err
		}
	}
	if err := s.install(); err != nil {
		return err
	}
	if err := a.define(); err != nil {
		return err
	}
	startUps, err := s.bench(s.startUps())
	if err != nil {
		return err
	}
	printTable("Start-up", startUps, s.delay)
	budgets := budgets{startUp: startUps[0]}
	for _, scenario := range scenarios {
		if !strings.Contains(scenario.release, s.only) {
			continue
		}
		results, err := s.scenario(a, scenario)
		if err != nil {
			return err
		}
		switch scenario.release {
		case "kps-50":
			budgets.large = results
		case "kps-crowd":
			budgets.crowd = results
		case "pg-200", "kps-200":
			budgets.histories = append(budgets.histories, history{scenario.title, results})
		}
	}
	budgets.print()
	if err := s.compares(); err != nil {
		return err
	}
	return s.migrations()
}

func (s settings) scenario(a *api, c scenario) ([]result, error) {
	start := time.Now()
	record, err := a.seed(c)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "bench: %s: seeded in %.1f s (%s)\n", c.release, time.Since(start).Seconds(), record)
	results, err := s.bench(s.commands(c))
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "bench: %s: done after %.1f s\n", c.release, time.Since(start).Seconds())
	printTable(fmt.Sprintf("%s (%s)", c.title, record), results, s.delay)
	return results, nil
}

func (a *api) define() error {
	list := definitions()
	for _, definition := range list {
		if err := a.create(definition); err != nil {
			return err
		}
	}
	return a.established(list)
}
