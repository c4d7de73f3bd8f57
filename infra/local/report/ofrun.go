package report

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/insights"
	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/verify"
)

// summary is what summary.json says of a run, as far as it is shown. Package play writes it and says what the figures mean; here
// it is read as any other reader would, so that the summary of another version is a page with what that has.
type summary struct {
	Vendor string    `json:"vendor"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
	// Right is the run's own verdict; nil of a version that tells none.
	Right       *bool           `json:"right"`
	Runs        int             `json:"runs"`
	FailedRuns  int             `json:"failedRuns"`
	Streams     []streamSummary `json:"streams"`
	Transitions int             `json:"transitions"`
	Lambda      struct {
		Invocations   int                `json:"invocations"`
		GBSeconds     float64            `json:"gbSeconds"`
		ColdStarts    int                `json:"coldStarts"`
		OutOfMemory   int                `json:"outOfMemory"`
		PeakMemoryMBs map[string]float64 `json:"peakMemoryMBs"`
	} `json:"lambda"`
	Faults   map[string]int `json:"faults"`
	Chaos    map[string]int `json:"chaos"`
	Findings []Tally        `json:"findings"`
	Failures []Tally        `json:"failures"`
	Denied   map[string]int `json:"denied"`
	// DeadLetters are the ticks that were not delivered.
	DeadLetters int `json:"deadLetters"`
	Alarms      map[string]struct {
		Tripped  bool   `json:"tripped"`
		Timeline string `json:"timeline"`
	} `json:"alarms"`
	Requests struct {
		S3 map[string]struct {
			Requests int `json:"requests"`
		} `json:"s3"`
		Secrets int `json:"secrets"`
		Events  int `json:"events"`
	} `json:"requests"`
	Handlers map[string]struct {
		CPUSeconds  float64 `json:"cpuSeconds"`
		InitSeconds float64 `json:"initSeconds"`
		LogBytes    float64 `json:"logBytes"`
	} `json:"handlers"`
}

type streamSummary struct {
	Vendor           string   `json:"vendor"`
	Name             string   `json:"name"`
	Windows          int      `json:"windows"`
	BackedOff        int      `json:"backedOff"`
	Resumed          int      `json:"resumed"`
	CommittedRecords int64    `json:"committedRecords"`
	CuratedRows      int64    `json:"curatedRows"`
	Quarantined      int64    `json:"quarantined"`
	Missing          int64    `json:"missing"`
	Duplicated       int64    `json:"duplicated"`
	Stale            int64    `json:"stale"`
	Requests         int      `json:"requests"`
	Retries          int      `json:"retries"`
	Throttled        int      `json:"throttled"`
	Reread           int      `json:"reread"`
	Replaced         int      `json:"replaced"`
	Faults           []string `json:"faults"`

	Freshness Freshness `json:"freshness"`
}

// OfRun reads what a local run has left in the folder dir: what it did, what that costs, and what its lake answers to the insights of
// each vendor, see [Ask] for root. Its error wraps [fs.ErrNotExist] where there was no run.
func OfRun(ctx context.Context, root, dir string) (Data, error) {
	content, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return Data{}, fmt.Errorf("%s has no summary.json: make run first (%w)", dir, err)
	}
	if err != nil {
		return Data{}, err
	}
	var s summary
	if err := json.Unmarshal(content, &s); err != nil {
		return Data{}, fmt.Errorf("%s: %w", filepath.Join(dir, "summary.json"), err)
	}
	synthesized, err := assembly.Load(filepath.Join(dir, "cdk.out"))
	if err != nil {
		return Data{}, err
	}
	d := Data{Source: "a day that was simulated on one machine", Vendor: s.Vendor, From: s.From, Until: s.Until}
	if s.Faults == nil {
		d.Source = "a run against a vendor's own address"
	}
	if d.Run, err = s.run(dir, synthesized); err != nil {
		return Data{}, err
	}
	if d.Costs, err = s.costs(dir, synthesized); err != nil {
		return Data{}, err
	}
	vendors, err := vendorsIn(synthesized)
	if err != nil {
		return Data{}, err
	}
	d.Lakes, err = Ask(ctx, root, dir, askedOf(vendors))
	return d, err
}

// askedOf are the insights of each vendor, as its pipeline keeps them in Athena, in DuckDB's words.
func askedOf(vendors map[string]*vendorapi.Vendor) []Asked {
	var all []Asked
	for _, name := range slices.Sorted(maps.Keys(vendors)) {
		vendor := vendors[name]
		asked := Asked{Name: name, Schema: lakesql.TableName(name)}
		model := insights.Model(vendor)
		if len(model) > 0 {
			asked.Kept = insights.Turnout
		}
		for _, i := range insights.Of(vendor, model) {
			asked.Questions = append(asked.Questions, Question{Name: i.Name, Title: i.Title, Decision: i.Decision, SQL: lakesql.DuckDB(i.SQL)})
		}
		all = append(all, asked)
	}
	return all
}

func (s *summary) run(dir string, synthesized *assembly.Assembly) (*Run, error) {
	r := &Run{
		Runs: s.Runs, FailedRuns: s.FailedRuns, Faults: s.Faults, Chaos: s.Chaos, Findings: s.Findings, Failures: s.Failures,
		Invocations: s.Lambda.Invocations, ColdStarts: s.Lambda.ColdStarts, Transitions: s.Transitions, Wrong: s.wrong(),
	}
	r.Good = len(r.Wrong) == 0
	for _, stream := range s.Streams {
		windows, err := s.windows(dir, stream)
		if err != nil {
			return nil, err
		}
		r.Streams = append(r.Streams, Stream{
			Vendor: stream.Vendor, Name: stream.Name, Windows: windows,
			Committed: stream.Windows, BackedOff: stream.BackedOff, Resumed: stream.Resumed, Reread: stream.Reread, Replaced: stream.Replaced,
			Records: stream.CommittedRecords, Rows: stream.CuratedRows, Quarantined: stream.Quarantined,
			Missing: stream.Missing, Duplicated: stream.Duplicated, Stale: stream.Stale,
			Requests: stream.Requests, Retries: stream.Retries, Throttled: stream.Throttled,
			Freshness: stream.Freshness,
		})
	}
	for _, f := range synthesized.Functions {
		peak, watched := s.Lambda.PeakMemoryMBs[f.Name]
		if !watched {
			continue
		}
		r.MemoryMB = max(r.MemoryMB, f.MemoryMB)
		r.Memory = append(r.Memory, Memory{nameOf(f), peak})
	}
	slices.SortFunc(r.Memory, func(a, b Memory) int {
		return cmp.Or(cmp.Compare(b.PeakMB, a.PeakMB), cmp.Compare(a.Function, b.Function))
	})
	for _, name := range slices.Sorted(maps.Keys(s.Alarms)) {
		alarm := s.Alarms[name]
		// Names begin with that of the pipeline.
		_, short, found := strings.Cut(name, ": ")
		if !found {
			short = name
		}
		r.Alarms = append(r.Alarms, Alarm{Name: short, Tripped: alarm.Tripped, Timeline: alarm.Timeline})
	}
	return r, nil
}

// vendorsIn are the vendors whose descriptions the functions carry, by their names.
func vendorsIn(synthesized *assembly.Assembly) (map[string]*vendorapi.Vendor, error) {
	vendors := map[string]*vendorapi.Vendor{}
	for _, f := range synthesized.Functions {
		description, err := os.ReadFile(filepath.Join(f.Dir, settings.VendorFile))
		if errors.Is(err, fs.ErrNotExist) {
			continue // Not one of Windrow's.
		}
		if err != nil {
			return nil, err
		}
		vendor, err := vendorapi.Parse(description)
		if err != nil {
			return nil, fmt.Errorf("function %s: %s: %w", f.Name, settings.VendorFile, err)
		}
		vendors[vendor.Name] = vendor
	}
	return vendors, nil
}

// nameOf calls a function by its stream and what it does, where it is one of Windrow's.
func nameOf(f assembly.Function) string {
	stream := f.Environment[settings.EnvStream]
	switch {
	case stream == "":
		return f.Name
	case f.Environment[settings.EnvCuratedBucket] != "":
		return stream + ", preprocess"
	}
	return stream + ", ingest"
}

// wrong says what is, in words: what makes a run fail.
func (s *summary) wrong() []string {
	var all []string
	for _, stream := range s.Streams {
		for _, of := range []struct {
			records int64
			what    string
		}{{stream.Missing, "missing"}, {stream.Duplicated, "doubled"}, {stream.Stale, "stale"}} {
			if of.records > 0 {
				all = append(all, fmt.Sprintf("%s: %s %s", stream.Name, counted(float64(of.records), "record is", "records are"), of.what))
			}
		}
		for _, fault := range stream.Faults {
			all = append(all, stream.Name+": "+fault)
		}
	}
	if s.FailedRuns > 0 && s.Chaos == nil {
		all = append(all, fmt.Sprintf("%s of %s failed", count(float64(s.FailedRuns)), counted(float64(s.Runs), "run", "runs")))
	}
	if s.DeadLetters > 0 && s.Chaos == nil {
		all = append(all, counted(float64(s.DeadLetters), "run was", "runs were")+" not started")
	}
	if s.Lambda.OutOfMemory > 0 {
		all = append(all, "functions ran out of memory "+counted(float64(s.Lambda.OutOfMemory), "time", "times"))
	}
	for _, call := range slices.Sorted(maps.Keys(s.Denied)) {
		all = append(all, "denied: "+call)
	}
	if s.Right != nil && !*s.Right {
		all = append(all, s.unusual()...)
		if len(all) == 0 {
			all = append(all, "the run says so, where it ended")
		}
	}
	return all
}

// unusual is what no day may show that nobody has disturbed.
func (s *summary) unusual() []string {
	var all []string
	for _, stream := range s.Streams {
		if f := stream.Freshness; f.BoundSeconds > 0 && f.OnTime.P95Seconds > f.BoundSeconds {
			all = append(all, fmt.Sprintf("%s: records on time took %s, more than %s", stream.Name, span(f.OnTime.P95Seconds), span(f.BoundSeconds)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Alarms)) {
		if s.Alarms[name].Tripped {
			all = append(all, "an alarm went off: "+name)
		}
	}
	return all
}

// windows are the commits that touch the run's span.
func (s *summary) windows(dir string, stream streamSummary) ([]Window, error) {
	// The raw bucket is the one that has commits.
	folders, err := filepath.Glob(filepath.Join(dir, "lake", "*", stream.Vendor, stream.Name, "commits"))
	if err != nil {
		return nil, err
	}
	windows := []Window{}
	for _, folder := range folders {
		commits, err := verify.Folders{Raw: filepath.Dir(folder)}.Commits()
		if err != nil {
			return nil, err
		}
		for _, commit := range commits {
			if s.touches(commit) {
				windows = append(windows, Window{
					Start: commit.Start, End: commit.End, ReadAt: commit.ReadAt, Records: commit.Records,
					Backoffs: commit.Backoffs, Resumes: commit.Resumes, Attempt: commit.Attempt, Generation: commit.Generation,
				})
			}
		}
	}
	slices.SortFunc(windows, func(a, b Window) int { return a.Start.Compare(b.Start) })
	return windows, nil
}

func (s *summary) touches(commit rawzone.Commit) bool {
	return commit.End.After(s.From) && commit.Start.Before(s.Until)
}
