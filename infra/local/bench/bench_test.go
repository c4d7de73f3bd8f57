package bench

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// childFlag has the test's own binary do a step, as the program does that runs the benchmark.
const childFlag = "-bench-step"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == childFlag {
		os.Exit(Step(os.Stdin, os.Stdout, os.Stderr))
	}
	stepArguments = []string{childFlag}
	os.Exit(m.Run())
}

func TestBoundHolds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		bound *Bound
		value float64
		want  bool
	}{
		{"none", nil, 1e9, true},
		{"at most, below", atMost(1.6), 1.59, true},
		{"at most, just so", atMost(1.6), 1.6, true},
		{"at most, above", atMost(1.6), 1.61, false},
		{"at least, above", atLeast(8000), 8001, true},
		{"at least, just so", atLeast(8000), 8000, true},
		{"at least, below", atLeast(8000), 7999, false},
		{"nothing was measured, at most", atMost(1.6), math.NaN(), false},
		{"nothing was measured, at least", atLeast(1.6), math.NaN(), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := test.bound.Holds(test.value); got != test.want {
				t.Errorf("%s holds of %v: %t, want %t", test.bound, test.value, got, test.want)
			}
		})
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	for want, values := range map[float64][]float64{3: {9, 3, 1}, 2.5: {3, 2}, 7: {7}} {
		if got := median(values); got != want {
			t.Errorf("median of %v is %v, want %v", values, got, want)
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing is %v, want no number", got)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	var told []string
	r := &Report{
		Date: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC), Machine: Machine{Cores: 2, CPU: "one of these", Go: "go1.26"},
		Commit: "abc", Records: 100, told: func(line string) { told = append(told, line) }, measure: "ingest",
	}
	r.add(Figure{Name: "told", Value: 1.23456, Unit: "ms"})
	r.add(Figure{Name: "kept", Value: 1.5, Bound: atMost(1.6), Samples: []float64{1.4, 1.5, 1.6}, Note: "so it is"})
	if !r.Good() {
		t.Error("a report whose bounds hold is not good")
	}
	r.add(Figure{Name: "broken", Value: 1.7, Bound: atMost(1.6), Note: "so it is"})
	if r.Good() {
		t.Error("a report with a broken bound is good")
	}
	var table bytes.Buffer
	r.Print(&table)
	for _, want := range []string{"1.23 ms", "<= 1.60  ok", "<= 1.60  BROKEN", "one of these, 2 cores", "commit abc"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &table)
		}
	}
	if strings.Count(table.String(), "so it is") != 1 {
		t.Errorf("a note is not told once:\n%s", &table)
	}
	if len(told) != 3 || !strings.Contains(told[2], "BROKEN") {
		t.Errorf("told was %q", told)
	}

	path := filepath.Join(t.TempDir(), "new", "bench.json")
	if err := r.write(path); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var read Report
	if err := json.Unmarshal(content, &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.Figures, read.Figures); diff != "" {
		t.Errorf("the figures are read otherwise than they were written:\n%s", diff)
	}
	if !read.Date.Equal(r.Date) || read.Machine != r.Machine || read.Commit != "abc" {
		t.Errorf("read %+v", read)
	}
}

// A value that is no number must not lose the whole report.
func TestReportWithoutAValue(t *testing.T) {
	t.Parallel()
	r := &Report{told: func(string) {}}
	r.add(Figure{Name: "nothing", Value: math.NaN(), Bound: atMost(1)})
	if err := r.write(filepath.Join(t.TempDir(), "bench.json")); err == nil || r.Good() {
		t.Errorf("no number was written as one (%v), good %t", err, r.Good())
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for want, value := range map[string]float64{"8": 8, "1.60": 1.6, "0.512": 0.5123, "24.7": 24.67, "235276": 235275.6, "1000000": 1e6, "0.00012": 0.00012, "0.0150": 0.015} {
		if got := number(value); got != want {
			t.Errorf("%v is written %s, want %s", value, got, want)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		options Options
		wrong   string
	}{
		{"defaults", Options{}, ""},
		{"some measures", Options{Only: []string{"ingest", "idle"}}, ""},
		{"no such measure", Options{Only: []string{"inges"}}, `measure "inges": want one of`},
		{"too few records", Options{Records: 99}, "want at least 10000"},
		{"negative", Options{Records: -1}, "want at least 10000"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := test.options.Validate()
			if test.wrong == "" && err != nil || test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)) {
				t.Errorf("got %v, want %q", err, test.wrong)
			}
		})
	}
	chosen, err := Options{Only: []string{"idle", "ingest"}}.chosen()
	if err != nil || len(chosen) != 2 || chosen[0].name != "ingest" {
		t.Errorf("chosen are %v (%v), want ingest and idle, in the benchmark's own order", chosen, err)
	}
}

func TestMostWithin(t *testing.T) {
	t.Parallel()
	at := func(milliseconds ...int) (times []time.Time) {
		for _, ms := range milliseconds {
			times = append(times, time.UnixMilli(int64(ms)))
		}
		return times
	}
	tests := []struct {
		name  string
		asked []time.Time
		want  int
	}{
		{"none", nil, 0},
		{"one", at(5), 1},
		{"even", at(0, 500, 1000, 1500), 2},
		{"just inside", at(0, 500, 999), 3},
		{"a burst at the end", at(0, 2000, 2001, 2002), 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := mostWithin(test.asked, time.Second); got != test.want {
				t.Errorf("most in a second are %d, want %d", got, test.want)
			}
		})
	}
}
