// Package verify proves that nothing was lost or doubled: it compares what the vendor holds with what the lake holds,
// record by record, key and content.
//
// It stands apart from the functions and shares none of their code for converting, naming or reading, since a check
// that made the same mistakes would prove nothing. It reads the lake as plain files, as any reader could.
package verify

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// Record is one that the lake should hold in its newest version.
type Record struct {
	JSON []byte
	// VisibleAt is when the vendor first showed this version; zero where that is not known.
	VisibleAt time.Time
}

// Source yields the newest version of each record whose window time lies in within.
type Source func(within window.Window) iter.Seq2[Record, error]

// Check is what to compare.
type Check struct {
	Stream  *vendorapi.Stream
	Folders Folders
	// Source is the vendor. Nil compares the lake with the committed parts instead.
	Source Source
	// Since leaves out what has its window time before it. Zero compares from genesis on.
	Since time.Time
	// Seen is the scheduled time at which each Parquet object appeared, by its path. Objects that are missing
	// have no part in the freshness.
	Seen map[string]time.Time
	// Playing is when the runs began: what was visible before had to wait for the first, and has no part in the
	// freshness.
	Playing time.Time
}

// Result is what came of a check.
type Result struct {
	// Windows are the committed ones. BackedOff had their span shortened, Resumed were taken up by a later
	// invocation; MaxBackoffs and MaxParts are the most of one window.
	Windows     int `json:"windows"`
	BackedOff   int `json:"backedOff"`
	Resumed     int `json:"resumed"`
	Parts       int `json:"parts"`
	MaxBackoffs int `json:"maxBackoffs"`
	MaxParts    int `json:"maxParts"`

	// VendorRecords is the number of newest versions that the lake should hold.
	VendorRecords    int64 `json:"vendorRecords"`
	CommittedRecords int64 `json:"committedRecords"`
	CuratedRows      int64 `json:"curatedRows"`
	Quarantined      int64 `json:"quarantined"`
	// Missing counts newest versions that the view of newest versions lacks.
	Missing int64 `json:"missing"`
	// Duplicated counts keys with more than one row in the view, and rows of equal key and content in two windows.
	Duplicated int64 `json:"duplicated"`
	// FreshnessP95Seconds is the 95th percentile of the time from when a record was visible to the scheduled time
	// of the run in which its row appeared.
	FreshnessP95Seconds float64 `json:"freshnessP95Seconds"`

	// Faults say in words what is wrong, the first few of each kind.
	Faults []string `json:"faults,omitempty"`
}

// Good reports whether nothing is missing, doubled or otherwise wrong.
func (r Result) Good() bool { return r.Missing == 0 && r.Duplicated == 0 && len(r.Faults) == 0 }

// maxFaults is how many faults of a kind are told; the counts tell the rest.
const maxFaults = 3

// Run compares. Its error is that of reading; what is wrong with the lake stands in the result.
func (c Check) Run() (Result, error) {
	t, err := newTable(c.Stream)
	if err != nil {
		return Result{}, err
	}
	commits, err := c.Folders.Commits()
	if err != nil {
		return Result{}, err
	}
	r := Result{}
	r.count(commits)
	lake, err := c.readLake(t, &r)
	if err != nil {
		return r, err
	}
	if r.Quarantined, err = c.Folders.quarantined(); err != nil {
		return r, err
	}
	if r.CuratedRows+r.Quarantined != r.CommittedRecords {
		r.Faults = append(r.Faults, fmt.Sprintf("%d rows and %d quarantined records do not add up to %d committed records", r.CuratedRows, r.Quarantined, r.CommittedRecords))
	}
	if len(commits) == 0 {
		r.Faults = append(r.Faults, "no window is committed")
		return r, nil
	}
	within := window.Window{Start: commits[0].Start, End: commits[len(commits)-1].End}
	if c.Since.After(within.Start) {
		within.Start = c.Since
	}
	source := c.Source
	if source == nil {
		source = c.committed(t, commits)
	}
	return r, c.compare(t, &r, lake, source(within))
}

// count takes the figures of the commits, and sees that each starts where the one before ends.
func (r *Result) count(commits []rawzone.Commit) {
	for i, commit := range commits {
		r.Windows++
		r.Parts += len(commit.Parts)
		r.CommittedRecords += commit.Records
		r.MaxBackoffs = max(r.MaxBackoffs, commit.Backoffs)
		r.MaxParts = max(r.MaxParts, len(commit.Parts))
		if commit.Backoffs > 0 {
			r.BackedOff++
		}
		if commit.Resumes > 0 {
			r.Resumed++
		}
		if i > 0 && !commits[i-1].End.Equal(commit.Start) {
			r.Faults = append(r.Faults, fmt.Sprintf("the commit before %s ends at %s", commit.Start.Format(time.RFC3339), commits[i-1].End.Format(time.RFC3339)))
		}
	}
}

// entry is what is kept of the rows of one key: the newest ones, and what stands in which window.
type entry struct {
	rank   rank
	newest []digest
	object int32
	rows   []placed
}

// placed is a row's content and the start of its window.
type placed struct {
	content     digest
	windowStart int64
}

// repeated counts the rows whose content stands in an earlier window too.
func (e *entry) repeated() int64 {
	var count int64
	for i, row := range e.rows {
		if slices.ContainsFunc(e.rows[:i], func(before placed) bool {
			return before.content == row.content && before.windowStart != row.windowStart
		}) {
			count++
		}
	}
	return count
}

// rank orders the versions of a record: by the field that grows with each change where there is one, then by when
// they were read.
type rank struct {
	version     string
	ingestedAt  int64
	windowStart int64
}

func (a rank) compare(b rank) int {
	switch {
	case len(a.version) != len(b.version) && numeric(a.version) && numeric(b.version):
		return len(a.version) - len(b.version)
	case a.version != b.version:
		return strings.Compare(a.version, b.version)
	case a.ingestedAt != b.ingestedAt:
		return int(max(-1, min(1, a.ingestedAt-b.ingestedAt)))
	}
	return int(max(-1, min(1, a.windowStart-b.windowStart)))
}

// numeric reports whether s holds digits only; longer numbers are then higher ones.
func numeric(s string) bool { return strings.Trim(s, "0123456789") == "" }

// lake is what the curated bucket holds of a stream, by key.
type lake struct {
	entries map[string]*entry
	objects []string
}

func (c Check) readLake(t *table, r *Result) (lake, error) {
	objects, err := c.Folders.Objects()
	if err != nil {
		return lake{}, err
	}
	l := lake{entries: map[string]*entry{}, objects: slices.Sorted(maps.Keys(objects))}
	for i, path := range l.objects {
		err := readObject(t, path, func(row row, s stored) error {
			r.CuratedRows++
			l.add(t.keyOf(row), row.digest(), int32(i), s.windowStart, rank{t.versionOf(row), s.ingestedAt, s.windowStart})
			return nil
		})
		if err != nil {
			return lake{}, err
		}
	}
	for key, e := range l.entries {
		if len(e.newest) > 1 {
			r.Duplicated++
			r.tell("duplicated: key %s has %d newest rows", key, len(e.newest))
		}
		if repeated := e.repeated(); repeated > 0 {
			r.Duplicated += repeated
			r.tell("duplicated: key %s has equal rows in more than one window", key)
		}
	}
	return l, nil
}

func (l lake) add(key string, content digest, object int32, windowStart int64, rank rank) {
	e := l.entries[key]
	if e == nil {
		e = &entry{}
		l.entries[key] = e
	}
	switch order := rank.compare(e.rank); {
	case len(e.newest) == 0 || order > 0:
		e.rank, e.newest, e.object = rank, []digest{content}, object
	case order == 0:
		e.newest = append(e.newest, content)
	}
	e.rows = append(e.rows, placed{content, windowStart})
}

// tell adds a fault, unless enough of its kind (its text up to the colon) are told.
func (r *Result) tell(format string, arguments ...any) {
	text := fmt.Sprintf(format, arguments...)
	kind, _, _ := strings.Cut(text, ":")
	told := 0
	for _, fault := range r.Faults {
		if strings.HasPrefix(fault, kind+":") {
			told++
		}
	}
	if told < maxFaults {
		r.Faults = append(r.Faults, text)
	}
}

func (c Check) compare(t *table, r *Result, l lake, records iter.Seq2[Record, error]) error {
	var ages []float64
	for record, err := range records {
		if err != nil {
			return err
		}
		want, err := t.expected(record.JSON)
		if errors.Is(err, errUnconvertible) {
			// It belongs in quarantine, whose count is compared with the commits'.
			continue
		} else if err != nil {
			return err
		}
		r.VendorRecords++
		key := t.keyOf(want)
		e := l.entries[key]
		if e == nil || !slices.Contains(e.newest, want.digest()) {
			r.Missing++
			if e == nil {
				r.tell("missing: the lake has no record %s", key)
			} else if text, err := explain(t, l, e, key, want); err != nil {
				return err
			} else {
				r.tell("missing: %s", text)
			}
			continue
		}
		if seen, ok := c.Seen[l.objects[e.object]]; ok && !record.VisibleAt.Before(c.Playing) {
			ages = append(ages, seen.Sub(record.VisibleAt).Seconds())
		}
	}
	r.FreshnessP95Seconds = percentile(ages, 0.95)
	return nil
}

// explain says how the newest row of a key differs from the record; the row is read again for it.
func explain(t *table, l lake, e *entry, key string, want row) (string, error) {
	text := ""
	err := readObject(t, l.objects[e.object], func(got row, _ stored) error {
		if t.keyOf(got) == key && slices.Contains(e.newest, got.digest()) {
			text = fmt.Sprintf("record %s is there with other content in %s", key, strings.Join(t.differences(got, want), ", "))
		}
		return nil
	})
	return text, err
}

// committed yields the newest version of each record in the committed parts. It stands in for a vendor that cannot be
// asked for all that it holds.
func (c Check) committed(t *table, commits []rawzone.Commit) Source {
	return func(within window.Window) iter.Seq2[Record, error] {
		return func(yield func(Record, error) bool) {
			newest := map[string]struct {
				rank rank
				json []byte
			}{}
			for _, commit := range commits {
				if commit.Start.Before(within.Start) {
					continue
				}
				for _, part := range commit.Parts {
					// Keys begin with <vendor>/<stream>, which Raw ends with.
					path := filepath.Join(filepath.Dir(filepath.Dir(c.Folders.Raw)), filepath.FromSlash(part.Key))
					err := linesOf(path, func(line []byte) error {
						row, err := t.expected(line)
						if errors.Is(err, errUnconvertible) {
							return nil
						} else if err != nil {
							return err
						}
						key, of := t.keyOf(row), rank{t.versionOf(row), commit.WrittenAt.UnixMicro(), commit.Start.UnixMicro()}
						if before, ok := newest[key]; !ok || of.compare(before.rank) >= 0 {
							before.rank, before.json = of, line
							newest[key] = before
						}
						return nil
					})
					if err != nil {
						yield(Record{}, err)
						return
					}
				}
			}
			for _, record := range newest {
				if !yield(Record{JSON: record.json}, nil) {
					return
				}
			}
		}
	}
}

// percentile returns the smallest value that at least the share of values do not exceed, 0 of none.
func percentile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[max(0, int(math.Ceil(share*float64(len(values))))-1)]
}
