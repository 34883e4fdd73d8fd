package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// object is a Kubernetes object or a part of one, as encoding/json has it.
type object = map[string]any

var (
	plain    = regexp.MustCompile(`^[A-Za-z_/][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*$`)
	reserved = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
)

// yamlText is the block style of Helm's toYaml: sorted keys, literal blocks for text of several lines.
func yamlText(value object) string {
	var out strings.Builder
	writeMap(&out, value, 0)
	return out.String()
}

func writeMap(out *strings.Builder, value object, indent int) {
	for _, key := range sortedKeys(value) {
		out.WriteString(strings.Repeat(" ", indent) + scalar(key) + ":")
		writeValue(out, value[key], indent+2)
	}
}

func writeValue(out *strings.Builder, value any, indent int) {
	switch value := value.(type) {
	case object:
		if len(value) == 0 {
			out.WriteString(" {}\n")
			return
		}
		out.WriteString("\n")
		writeMap(out, value, indent)
	case []any:
		if len(value) == 0 {
			out.WriteString(" []\n")
			return
		}
		out.WriteString("\n")
		writeList(out, value, indent)
	case string:
		if strings.Contains(value, "\n") || len(value) > 200 {
			writeBlock(out, value, indent)
			return
		}
		out.WriteString(" " + scalar(value) + "\n")
	default:
		fmt.Fprintf(out, " %v\n", value)
	}
}

func writeList(out *strings.Builder, list []any, indent int) {
	for _, item := range list {
		var text strings.Builder
		writeValue(&text, item, indent+2)
		// A map begins on the dash's own line.
		body := strings.TrimPrefix(text.String(), "\n")
		out.WriteString(strings.Repeat(" ", indent) + "- " + strings.TrimLeft(body, " "))
	}
}

func writeBlock(out *strings.Builder, text string, indent int) {
	out.WriteString(" |-\n")
	for line := range strings.Lines(text) {
		out.WriteString(strings.Repeat(" ", indent) + strings.TrimSuffix(line, "\n") + "\n")
	}
}

func scalar(text string) string {
	if plain.MatchString(text) && !slices.Contains(reserved, strings.ToLower(text)) {
		return text
	}
	return string(mustJSON(text))
}

func sortedKeys(value object) []string {
	keys := make([]string, 0, len(value))
	for key := range value {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// mustJSON is for values built here from maps, lists, strings and numbers, which always have a JSON form.
func mustJSON(value any) []byte {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return []byte(strings.TrimSuffix(out.String(), "\n"))
}
