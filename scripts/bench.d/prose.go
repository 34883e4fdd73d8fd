package main

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
)

// prose makes text that compresses about as dashboards, rules and templates of real charts do: a limited vocabulary
// in patterns that recur. The same seed gives the same text on every machine.
type prose struct {
	*rand.Rand
}

var (
	vocabulary = words(300)
	metrics    = phrases(120, 3, "_")
	clauses    = phrases(60, 12, " ")
)

func newProse(seed string) prose {
	hash := fnv.New64a()
	hash.Write([]byte(seed))
	return prose{rand.New(rand.NewPCG(hash.Sum64(), 1))}
}

func words(count int) []string {
	syllables := strings.Fields("ab al an ar ba be ca ce co cu da de di do en er es fi fo ga ge ha he im in ka ki la le li lo " +
		"ma me mi mo na ne no nu or pa pe po qu ra re ri ro sa se si so sta ta te ti to tra tu un ur va ve vi wa we")
	rng := rand.New(rand.NewPCG(7, 7))
	list := make([]string, count)
	for i := range list {
		for range 2 + rng.IntN(3) {
			list[i] += syllables[rng.IntN(len(syllables))]
		}
	}
	return list
}

// phrases recur as metric names and turns of speech do.
func phrases(count, length int, separator string) []string {
	text := newProse(separator)
	list := make([]string, count)
	for i := range list {
		list[i] = text.join(length, separator)
	}
	return list
}

// word prefers the front of the vocabulary, as languages do.
func (p prose) word() string {
	return vocabulary[int(float64(len(vocabulary))*p.Float64()*p.Float64())]
}

func (p prose) join(count int, separator string) string {
	list := make([]string, count)
	for i := range list {
		list[i] = p.word()
	}
	return strings.Join(list, separator)
}

func (p prose) sentence() string {
	text := p.clause() + " " + p.word() + " " + p.clause()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func (p prose) clause() string { return clauses[p.IntN(len(clauses))] }

func (p prose) metric() string { return metrics[p.IntN(len(metrics))] }

func (p prose) expression() string {
	return fmt.Sprintf(`sum by (cluster, namespace, %s) (rate(%s_total{cluster="$cluster", namespace=~"$namespace", job="%s"}[$__rate_interval])) / on (cluster) group_left () %s{job="%s"} > %d`,
		p.word(), p.metric(), p.word(), p.metric(), p.word(), 5*p.IntN(20))
}

// paragraphs is text of at least size bytes, in lines.
func (p prose) paragraphs(size int) string {
	var out strings.Builder
	for out.Len() < size {
		out.WriteString(p.sentence() + " " + p.sentence() + "\n")
	}
	return out.String()
}
