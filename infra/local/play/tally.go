package play

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"
)

// source is whose findings or failures are told as one: their texts differ in the window, and in little else.
type source struct {
	Vendor string `json:"vendor"`
	Stream string `json:"stream"`
	// Handler is ingest or preprocess; Kind that of the finding, or the type of the error.
	Handler string `json:"handler"`
	Kind    string `json:"kind"`
}

// Tally is how often a handler of a stream has found or met one kind of thing.
type Tally struct {
	source
	Count int `json:"count"`
	// First and Last are the scheduled times of the first and the last of the runs in which it did.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// Example is the message of the first.
	Example string `json:"example"`
}

// tallies are those of findings, or of failures.
type tallies map[source]*Tally

// add adds what happened in a run that stands for at. It reports whether it is the first of its kind.
func (t tallies) add(s source, at time.Time, message string) (first bool) {
	one := t[s]
	if one == nil {
		one = &Tally{source: s, First: at, Example: message}
		t[s] = one
	}
	one.Count++
	one.Last = at
	return one.Count == 1
}

// sorted are in the order in which they began.
func (t tallies) sorted() []Tally {
	var all []Tally
	for _, one := range t {
		all = append(all, *one)
	}
	slices.SortFunc(all, func(a, b Tally) int {
		return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.Vendor, b.Vendor), cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Handler, b.Handler), cmp.Compare(a.Kind, b.Kind))
	})
	return all
}

// printTallies prints each with its example.
func printTallies(w io.Writer, title string, all []Tally) {
	for i, one := range all {
		if i == 0 {
			fmt.Fprintf(w, "%s, each with an example:\n", title)
		}
		when := stamp(one.First)
		if !one.Last.Equal(one.First) {
			when += " to " + stamp(one.Last)
		}
		fmt.Fprintf(w, "  %d x %s, %s, %s, %s: %s\n", one.Count, one.Vendor, one.Stream, one.Handler, one.Kind, when)
		if one.Example != "" {
			fmt.Fprintf(w, "      %s\n", one.Example)
		}
	}
}
