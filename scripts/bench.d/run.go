package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// settings are the programs and places of a run.
type settings struct {
	tool, helm3, helm4, helmDiff, squawk, corpora, measure, dir string
	runs                                                        int
	delay                                                       time.Duration
	only                                                        string
}

// command is a line of a table.
type command struct {
	name string
	line []string
	// accepted exit statuses: a closed gate is a result, not a failure.
	accepted []int
	// offline commands ask no server.
	offline bool
}

// result holds medians, and the counts of one run through the proxy.
type result struct {
	command
	wall, cpu     time.Duration
	rss           int64 // bytes
	requests      int64
	bytes         int64
	wallWithDelay time.Duration
}

// sample is one run.
type sample struct {
	exit      int
	wall, cpu time.Duration
	rss       int64
}

func (s settings) commands(c scenario) []command {
	newest, target := fmt.Sprint(c.revisions), fmt.Sprint(c.revisions-1)
	check := func(name string, line ...string) command {
		return command{name, append(line, "-n", c.release), []int{0, 1, 4}, false}
	}
	peer := func(name string, line ...string) command {
		return command{name, append(line, "-n", c.release), []int{0}, false}
	}
	if c.revisions > 100 {
		return []command{
			peer("**`history R --brief`**", s.tool, "history", c.release, "--brief"),
			peer("**`history R`**", s.tool, "history", c.release),
			peer("`helm3 history R --max 20`", s.helm3, "history", c.release, "--max", "20"),
			peer("`helm4 history R --max 20`", s.helm4, "history", c.release, "--max", "20"),
		}
	}
	list := []command{
		check("**`check R N --no-live`**", s.tool, "check", c.release, target, "--no-live"),
		check("**`check R N`**", s.tool, "check", c.release, target),
		check("**`helm3 rollback-safe check R N`**", s.helm3, "rollback-safe", "check", c.release, target),
	}
	if c.revisions > 10 {
		far := fmt.Sprint(c.revisions - 10)
		list = append(list, check("**`check R N-10 --no-live`**", s.tool, "check", c.release, far, "--no-live"))
	}
	// Helm 3's flag is a switch; Helm 4's is a word.
	for _, helm := range []struct{ name, path, dryRun string }{{"helm3", s.helm3, "--dry-run"}, {"helm4", s.helm4, "--dry-run=server"}} {
		if s.helmDiff != "" {
			list = append(list,
				peer("`"+helm.name+" diff rollback R N`", helm.path, "diff", "rollback", c.release, target),
				peer("`"+helm.name+" diff revision R N-1 N`", helm.path, "diff", "revision", c.release, target, newest))
		}
		list = append(list, peer("`"+helm.name+" rollback R N "+helm.dryRun+"`", helm.path, "rollback", c.release, target, helm.dryRun))
	}
	return list
}

// startUps need no cluster.
func (s settings) startUps() []command {
	return []command{
		{"**`helm-rollback-safe --version`**", []string{s.tool, "--version"}, []int{0}, true},
		{"`helm3 version`", []string{s.helm3, "version"}, []int{0}, true},
		{"`helm4 version`", []string{s.helm4, "version"}, []int{0}, true},
	}
}

// bench runs every command once for warmth, once through the proxy for the counts, then in turn for the times.
func (s settings) bench(commands []command) ([]result, error) {
	results := make([]result, len(commands))
	for i, command := range commands {
		results[i].command = command
		if _, err := s.run(command, os.Getenv("KUBECONFIG"), fmt.Sprintf("out-%02d", i)); err != nil {
			return nil, err
		}
		if !command.offline {
			if err := s.count(&results[i]); err != nil {
				return nil, err
			}
		}
	}
	samples := make([][]sample, len(commands))
	for range s.runs {
		for i, command := range commands {
			taken, err := s.run(command, os.Getenv("KUBECONFIG"), "")
			if err != nil {
				return nil, err
			}
			samples[i] = append(samples[i], taken)
		}
	}
	for i := range results {
		results[i].wall = median(samples[i], func(s sample) time.Duration { return s.wall })
		results[i].cpu = median(samples[i], func(s sample) time.Duration { return s.cpu })
		results[i].rss = median(samples[i], func(s sample) int64 { return s.rss })
	}
	return results, nil
}

func median[T int64 | time.Duration](samples []sample, of func(sample) T) T {
	values := make([]T, len(samples))
	for i, sample := range samples {
		values[i] = of(sample)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// count goes through the proxy twice: what a command caches about a server is there the second time.
func (s settings) count(r *result) error {
	trace, err := os.Create(filepath.Join(s.dir, "trace"))
	if err != nil {
		return err
	}
	defer trace.Close()
	proxy, err := listen(s.delay, log.New(trace, "", 0))
	if err != nil {
		return err
	}
	kubeconfig, err := s.proxied(proxy)
	if err != nil {
		return err
	}
	for range 2 {
		proxy.reset()
		proxy.trace.Println("#", strings.Join(r.line, " "))
		taken, err := s.run(r.command, kubeconfig, "")
		if err != nil {
			return err
		}
		r.requests, r.bytes, r.wallWithDelay = proxy.requests.Load(), proxy.bytes.Load(), taken.wall
	}
	return appendFile(filepath.Join(s.dir, "traces"), trace.Name())
}

// proxied is the lab's kubeconfig with the proxy's address in place of the server's.
func (s settings) proxied(p *proxy) (string, error) {
	text, err := os.ReadFile(os.Getenv("KUBECONFIG"))
	if err != nil {
		return "", err
	}
	path := filepath.Join(s.dir, "kubeconfig")
	changed := strings.ReplaceAll(string(text), os.Getenv("LAB_SERVER"), p.address)
	return path, os.WriteFile(path, []byte(changed), 0o600)
}

func appendFile(to, from string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(to, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.Write(text)
	return err
}

// run measures one run. Output goes nowhere, or with a name to a file of that name.
func (s settings) run(c command, kubeconfig, output string) (sample, error) {
	resultFile := filepath.Join(s.dir, "result")
	if output == "" {
		output = "out"
	}
	out, err := os.Create(filepath.Join(s.dir, output))
	if err != nil {
		return sample{}, err
	}
	defer out.Close()
	measured := exec.Command(s.measure, append([]string{resultFile}, c.line...)...)
	measured.Env = s.environment(kubeconfig)
	measured.Stdout, measured.Stderr = out, out
	if err := measured.Run(); err != nil {
		return sample{}, fmt.Errorf("%s: %w", strings.Join(c.line, " "), err)
	}
	taken, err := readSample(resultFile)
	if err == nil && !slices.Contains(c.accepted, taken.exit) {
		text, _ := os.ReadFile(out.Name())
		err = fmt.Errorf("%s: exit status %d\n%s", strings.Join(c.line, " "), taken.exit, text[max(0, len(text)-2000):])
	}
	return taken, err
}

func readSample(path string) (sample, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return sample{}, err
	}
	var taken sample
	var wall, cpu, kibibytes int64
	if _, err := fmt.Sscan(string(text), &taken.exit, &wall, &cpu, &kibibytes); err != nil {
		return sample{}, err
	}
	taken.wall, taken.cpu, taken.rss = time.Duration(wall)*time.Microsecond, time.Duration(cpu)*time.Microsecond, kibibytes*1024
	return taken, nil
}

// environment holds nothing of the user's: no other plugins, caches or contexts.
func (s settings) environment(kubeconfig string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "KUBECONFIG=" + kubeconfig,
		"HELM_BIN=" + s.helm3, "HELM_PLUGINS=" + filepath.Join(s.dir, "plugins"),
	}
}

// install puts both plugins where each Helm finds them.
func (s settings) install() error {
	programs := map[string]string{"rollback-safe": s.tool}
	if s.helmDiff != "" {
		programs["diff"] = s.helmDiff
	}
	for name, program := range programs {
		dir := filepath.Join(s.dir, "plugins", name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		text := fmt.Sprintf("name: %s\nversion: 0.0.0\nusage: measured\ndescription: measured\ncommand: $HELM_PLUGIN_DIR/run\n", name)
		if err := os.WriteFile(filepath.Join(dir, "plugin.yaml"), []byte(text), 0o644); err != nil {
			return err
		}
		if err := os.Symlink(program, filepath.Join(dir, "run")); err != nil {
			return err
		}
	}
	return nil
}
