package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Bound is what a figure has to keep to; a side that is nil is open.
type Bound struct {
	AtMost  *float64 `json:"atMost,omitempty"`
	AtLeast *float64 `json:"atLeast,omitempty"`
}

func atMost(limit float64) *Bound  { return &Bound{AtMost: &limit} }
func atLeast(limit float64) *Bound { return &Bound{AtLeast: &limit} }

// Holds reports whether the value keeps to the bound. What is no number keeps to none.
func (b *Bound) Holds(value float64) bool {
	switch {
	case b == nil:
		return true
	case math.IsNaN(value), b.AtMost != nil && value > *b.AtMost, b.AtLeast != nil && value < *b.AtLeast:
		return false
	}
	return true
}

func (b *Bound) String() string {
	if b == nil {
		return ""
	}
	var sides []string
	if b.AtMost != nil {
		sides = append(sides, "<= "+number(*b.AtMost))
	}
	if b.AtLeast != nil {
		sides = append(sides, ">= "+number(*b.AtLeast))
	}
	return strings.Join(sides, ", ")
}

// Figure is one thing that was measured.
type Figure struct {
	// Measure is the name that -only takes, Name says what the figure is.
	Measure string  `json:"measure"`
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit,omitempty"`
	// Bound is nil of a figure that is told and not judged.
	Bound *Bound `json:"bound,omitempty"`
	OK    bool   `json:"ok"`
	// Samples are the values whose median the figure is, in the order in which they were taken.
	Samples []float64 `json:"samples,omitempty"`
	// Note says what has to be known to read the figure.
	Note string `json:"note,omitempty"`
}

// Report is what a run has measured.
type Report struct {
	Date    time.Time `json:"date"`
	Machine Machine   `json:"machine"`
	// Commit is the commit of the checkout, with "+" where files differ from it; empty where git tells none.
	Commit  string       `json:"commit"`
	Records int          `json:"records"`
	Quick   bool         `json:"quick"`
	Seconds float64      `json:"seconds"`
	Figures []Figure     `json:"figures"`
	told    func(string) // progress
	measure string       // the measure at work
}

// add adds a figure of the measure at work, and judges it.
func (r *Report) add(f Figure) {
	f.Measure = r.measure
	f.OK = f.Bound.Holds(f.Value)
	r.Figures = append(r.Figures, f)
	verdict := ""
	switch {
	case f.Bound != nil && f.OK:
		verdict = "  ok, " + f.Bound.String()
	case f.Bound != nil:
		verdict = "  BROKEN, want " + f.Bound.String()
	}
	r.told(fmt.Sprintf("  %s: %s%s", f.Name, f.text(), verdict))
}

func (f Figure) text() string { return strings.TrimSpace(number(f.Value) + " " + f.Unit) }

// Good reports whether every bound holds.
func (r *Report) Good() bool {
	return !slices.ContainsFunc(r.Figures, func(f Figure) bool { return !f.OK })
}

// Print writes the report as a table.
func (r *Report) Print(out io.Writer) {
	fmt.Fprintf(out, "\n%s, %d cores, %s, commit %s, %d records, %.0f s\n\n", r.Machine.CPU, r.Machine.Cores, r.Machine.Go, r.Commit, r.Records, r.Seconds)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "measure\twhat\tfigure\tbound\t")
	for _, f := range r.Figures {
		verdict := ""
		if f.Bound != nil {
			verdict = "ok"
		}
		if !f.OK {
			verdict = "BROKEN"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", f.Measure, f.Name, f.text(), f.Bound, verdict)
	}
	table.Flush()
	told := map[string]bool{}
	for _, f := range r.Figures {
		if note := f.Measure + ": " + f.Note; f.Note != "" && !told[note] {
			told[note] = true
			fmt.Fprintf(out, "\n%s\n", note)
		}
	}
}

// write puts the report into a file.
func (r *Report) write(path string) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o644)
}

// number writes a value with three or four digits that count.
func number(value float64) string {
	switch size := math.Abs(value); {
	case value == math.Trunc(value) && size < 1e15:
		return strconv.FormatFloat(value, 'f', -1, 64)
	case size >= 1000:
		return strconv.FormatFloat(value, 'f', 0, 64)
	case size >= 0.01:
		return strconv.FormatFloat(value, 'f', 1+max(0, 2-int(math.Floor(math.Log10(size)))-1), 64)
	}
	return strconv.FormatFloat(value, 'g', 3, 64)
}

// median returns the middle of values, NaN of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
