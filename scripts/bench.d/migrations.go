package main

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// histories are those of scripts/corpora that squawk reads too, the largest first.
var histories = []struct{ name, path string }{
	{"lemmy", "lemmy/migrations"},
	{"kratos", "kratos/persistence/sql/migrations/sql"},
	{"hydra", "hydra/persistence/sql/migrations"},
	{"concourse", "concourse/atc/db/migration/migrations"},
}

const (
	linter   = "`squawk FILES`"
	analyser = "`migrations DIR`"
	// dumped is what the made-up dump holds, in bytes.
	dumped = 200_000_000
)

// migrations measures the analysis of public histories beside a linter of the same files, and of one large dump.
func (s settings) migrations() error {
	found := make([]result, 0, len(histories))
	for _, history := range histories {
		if !strings.Contains(history.name, s.only) || s.corpora == "" {
			continue
		}
		dir := filepath.Join(s.corpora, history.path)
		files, size, err := scripts(dir)
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: skipped: migrations of %s (%s)\n", history.name, err)
			continue
		}
		results, err := s.bench(s.onHistory(dir, files))
		if err != nil {
			return err
		}
		printMigrations(fmt.Sprintf("%s, %d files, %.2f MB of SQL", history.name, len(files), float64(size)/1e6), results)
		found = append(found, results...)
	}
	streamed, err := s.stream()
	if err != nil {
		return err
	}
	printMigrationBudgets(found, streamed)
	return nil
}

func (s settings) onHistory(dir string, files []string) []command {
	list := []command{{"**" + analyser + "**", []string{s.tool, "migrations", dir, "--dialect", "postgresql", "-o", "json"}, []int{0}, true}}
	if s.squawk != "" {
		// It ends with 1 where it finds something.
		list = append(list, command{linter, append([]string{s.squawk}, files...), []int{0, 1}, true})
	}
	return list
}

// scripts are the SQL files below a directory, and their bytes together.
func scripts(dir string) (files []string, size int64, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".sql" {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			files, size = append(files, path), size+info.Size()
		}
		return err
	})
	return files, size, err
}

// stream analyses one dump that is mostly rows.
func (s settings) stream() ([]result, error) {
	if !strings.Contains("dump", s.only) {
		return nil, nil
	}
	dir := filepath.Join(s.dir, "dump")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := writeDump(filepath.Join(dir, "0001_dump.sql")); err != nil {
		return nil, err
	}
	line := []string{s.tool, "migrations", dir, "--dialect", "postgresql", "-o", "json"}
	results, err := s.bench([]command{{"**" + analyser + "**", line, []int{0}, true}})
	if err == nil {
		printMigrations(fmt.Sprintf("A dump in one file, %d MB", dumped/1_000_000), results)
	}
	return results, err
}

func writeDump(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	out := bufio.NewWriter(file)
	fmt.Fprintln(out, "CREATE TABLE t (a int, b text, c text, d int, e float8, f timestamp);")
	insert := "INSERT INTO t VALUES " + strings.Repeat("(1,'abc def','it''s',NULL,3.14,'2020-01-01 00:00:00'),", 17_000) + "(1,'a','b',NULL,1,NULL);\n"
	for range dumped / len(insert) {
		if _, err := out.WriteString(insert); err != nil {
			return err
		}
	}
	return out.Flush()
}

func printMigrations(title string, results []result) {
	reference := find(results, linter)
	fmt.Printf("\n%s:\n\n", title)
	fmt.Println("| command | wall ms | CPU ms | peak RSS MB | wall / CPU against `squawk` |")
	fmt.Println("| --- | --: | --: | --: | --: |")
	for _, r := range results {
		fmt.Printf("| %s | %s | %s | %.0f | %s |\n",
			r.name, milliseconds(r.wall), milliseconds(r.cpu), float64(r.rss)/1e6, ratios(r, reference))
	}
}

// printMigrationBudgets takes the first history for the largest.
func printMigrationBudgets(found, streamed []result) {
	if len(found)+len(streamed) == 0 {
		return
	}
	budgets := budgetTable()
	if own, peer := find(found, analyser), find(found, linter); own != nil {
		budgets.line("the largest history, peak RSS MB", float64(own.rss)/1e6, 150, "%.0f")
		if peer != nil {
			budgets.line("the largest history: wall against squawk", ratio(own.wall, peer.wall), 0.5, "%.2f")
			budgets.line("the largest history: CPU", ratio(own.cpu, peer.cpu), 0.5, "%.2f")
		}
	}
	if own := find(streamed, analyser); own != nil {
		budgets.line("the dump, peak RSS MB", float64(own.rss)/1e6, 64, "%.0f")
	}
}
