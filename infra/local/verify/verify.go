// Package verify proves that nothing was lost or doubled: it compares what the vendor holds with what the lake holds,
// record by record, key and content.
//
// A vendor shows some records late, changes some and loses some. What the lake should hold of a window is then what the
// vendor showed when the window was last to be read: that follows from the runs that there were and from when a window is
// read again (DESIGN.md, "The raw bucket"), and is worked out here from the vendor's history, version by version.
//
// It stands apart from the functions and shares none of their code for converting, naming or reading, since a check
// that made the same mistakes would prove nothing. It reads the lake as plain files, as any reader could.
package verify

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// Record is one version of a record of the vendor.
type Record struct {
	JSON []byte
	// Time is the window time.
	Time time.Time
	// VisibleAt is when the vendor first showed this version, GoneAt when it did no more; zero where it always did, or
	// still does.
	VisibleAt, GoneAt time.Time
	// Key identifies the record at the vendor. Parent is the Key of a child's parent, whose own time is Time then.
	Key, Parent string
}

// Source yields the versions of each record whose window time lies in within: all of them where the check has Runs,
// else the newest. It is called more than once.
type Source func(within window.Window) iter.Seq2[Record, error]

// Check is what to compare.
type Check struct {
	Stream  *vendorapi.Stream
	Folders Folders
	// Key is what personal values are hashed with; nil where no column is.
	Key []byte
	// Source is the vendor. Nil compares the lake with the committed parts instead.
	Source Source
	// Parents is the vendor's parent stream, for a child stream.
	Parents *Check
	// Runs are all runs of the stream up to now, in order. None compares the lake with the newest version of each
	// record, as though each window had just been read.
	Runs []Run
	// Since leaves out the windows before it, but for what the view shows of their records. Zero compares from genesis on.
	Since time.Time
	// Puts are when each Parquet object was put, in order, by its path. Objects that are missing have no part in the freshness.
	Puts map[string][]Put
	// Interval is the distance of the schedule's runs; zero where there is none.
	Interval time.Duration
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

	// VendorRecords is the number of records that the lake should hold.
	VendorRecords    int64 `json:"vendorRecords"`
	CommittedRecords int64 `json:"committedRecords"`
	CuratedRows      int64 `json:"curatedRows"`
	Quarantined      int64 `json:"quarantined"`
	// Missing counts records that the view of newest versions lacks, those it had and has no more included, or has with content that the vendor never showed.
	Missing int64 `json:"missing"`
	// Duplicated counts keys with more than one row in the view, and rows of equal key and content in two windows.
	Duplicated int64 `json:"duplicated"`
	// Stale counts records that the view has in an older version than a reading saw, and rows that the last reading
	// of their window did not see any more, but for those of records that have left it.
	Stale int64 `json:"stale"`
	// NotYetDue counts records whose newest version the vendor has shown only since the last reading of its window. It is no
	// fault: they are seen when the window is next due.
	NotYetDue int64 `json:"notYetDue"`
	// Freshness says how long records took to become rows.
	Freshness Freshness `json:"freshness"`

	// Faults say in words what is wrong, the first few of each kind.
	Faults []string `json:"faults,omitempty"`
}

// Good reports whether nothing is missing, doubled, stale or otherwise wrong.
func (r Result) Good() bool {
	return r.Missing == 0 && r.Duplicated == 0 && r.Stale == 0 && len(r.Faults) == 0
}

// errNoParent says that the vendor's history is not one.
var errNoParent = errors.New("the vendor has a child whose parent it never had")

// maxFaults is how many faults of a kind are told; the counts tell the rest.
const maxFaults = 3

// Run compares. Its error is that of reading; what is wrong with the lake stands in the result.
func (c Check) Run() (Result, error) {
	t, err := newTable(c.Stream, c.Key)
	if err != nil {
		return Result{}, err
	}
	commits, err := c.Folders.Commits()
	if err != nil {
		return Result{}, err
	}
	r := Result{}
	r.count(commits)
	if c.Stream.Parent == nil {
		r.chain(commits)
	}
	lake, err := c.readLake(t, &r)
	if err != nil {
		return r, err
	}
	var exposed []string
	if r.Quarantined, exposed, err = c.Folders.quarantined(t); err != nil {
		return r, err
	}
	if len(exposed) > 0 {
		r.Faults = append(r.Faults, "quarantine holds what is personal: "+strings.Join(exposed, ", "))
	}
	folded, err := c.Folders.folded(commits, lake.compactedRows)
	if err != nil {
		return r, err
	}
	if folded < 0 || r.CuratedRows+r.Quarantined+folded != r.CommittedRecords {
		r.Faults = append(r.Faults, fmt.Sprintf("%d rows, %d quarantined records and %d of which compacted days have a newer version do not add up to %d committed records", r.CuratedRows, r.Quarantined, folded, r.CommittedRecords))
	}
	if len(commits) == 0 {
		r.Faults = append(r.Faults, "no window is committed")
		return r, nil
	}
	if c.Stream.Parent != nil && c.Source != nil {
		return r, c.children(t, commits, lake, &r)
	}
	within := window.Window{Start: commits[0].Start, End: commits[len(commits)-1].End}
	if c.Since.After(within.Start) {
		within.Start = c.Since
	}
	genesis, err := c.Folders.genesis()
	if err != nil {
		return r, err
	}
	comparison := &comparison{Check: c, genesis: genesis, table: t, result: &r, lake: lake, source: c.Source, windows: commits, wanted: map[string]*want{}}
	switch {
	case c.Source == nil:
		comparison.source, comparison.Runs = c.committed(t, commits), nil
	case c.Stream.Window.Listing != nil:
		comparison.source, comparison.Runs = c.listed(), nil
	}
	for _, commit := range commits {
		if len(comparison.Runs) > 0 {
			comparison.readings = append(comparison.readings, comparison.lastReading(commit))
		}
	}
	if len(comparison.Runs) > 0 && comparison.now().After(within.End) {
		within.End = comparison.now() // What has happened since is not yet due.
	}
	comparison.within = within
	return r, comparison.run()
}

// count takes the figures of the commits.
func (r *Result) count(commits []rawzone.Commit) {
	for _, commit := range commits {
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
	}
}

// chain sees that each commit starts where the one before ends.
func (r *Result) chain(commits []rawzone.Commit) {
	for i, commit := range commits {
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
	// first is, in a listing, the first object that holds each content: later ones show it again as long as it is listed.
	first map[digest]int32
}

// placed is a row's content and the start of its window.
type placed struct {
	content     digest
	windowStart int64
}

// repeated counts the rows whose content stands in an earlier window too, of those that start at since or later.
func (e *entry) repeated(since time.Time) int64 {
	var count int64
	rows := e.rowsSince(since)
	for i, row := range rows {
		if slices.ContainsFunc(rows[:i], func(before placed) bool {
			return before.content == row.content && before.windowStart != row.windowStart
		}) {
			count++
		}
	}
	return count
}

// rowsSince are the rows in windows that start at since or later.
func (e *entry) rowsSince(since time.Time) []placed {
	from := since.UnixMicro()
	return slices.DeleteFunc(slices.Clone(e.rows), func(row placed) bool { return row.windowStart < from })
}

// rank orders the versions of a record: by the field that grows with each change where there is one, then by their
// windows, since a record moves to later ones, then by when they were read.
type rank struct {
	version     string
	windowStart int64
	ingestedAt  int64
}

func (a rank) compare(b rank) int {
	switch {
	case len(a.version) != len(b.version) && numeric(a.version) && numeric(b.version):
		return len(a.version) - len(b.version)
	case a.version != b.version:
		return strings.Compare(a.version, b.version)
	case a.windowStart != b.windowStart:
		return cmp.Compare(a.windowStart, b.windowStart)
	}
	return cmp.Compare(a.ingestedAt, b.ingestedAt)
}

// numeric reports whether s holds digits only; longer numbers are then higher ones.
func numeric(s string) bool { return strings.Trim(s, "0123456789") == "" }

// lake is what the curated bucket holds of a stream, by key.
type lake struct {
	entries map[string]*entry
	objects []string
	// compactedRows are those of compacted days.
	compactedRows int64
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
			if isCompacted(path) {
				l.compactedRows++
			}
			e := l.add(t.keyOf(row), row.digest(), int32(i), s.windowStart, rank{t.versionOf(row), s.windowStart, s.ingestedAt})
			if c.Stream.Window.Listing != nil {
				e.listed(row.digest(), int32(i))
			}
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
		if repeated := e.repeated(c.Since); repeated > 0 && c.Stream.Window.Listing == nil {
			r.Duplicated += repeated
			r.tell("duplicated: key %s has equal rows in more than one window", key)
		}
	}
	return l, nil
}

// listed notes the first object that holds a content. Objects are read in the order of their windows.
func (e *entry) listed(content digest, object int32) {
	if e.first == nil {
		e.first = map[digest]int32{}
	}
	if _, known := e.first[content]; !known {
		e.first[content] = object
	}
}

func (l lake) add(key string, content digest, object int32, windowStart int64, rank rank) *entry {
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
	return e
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
						key, of := t.keyOf(row), rank{t.versionOf(row), commit.Start.UnixMicro(), commit.WrittenAt.UnixMicro()}
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
