package preprocess

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/objectstore"
)

// daysFormat is the version of days.json. A handler that meets a higher one stops.
const daysFormat = 1

// day is what days.json says of a day: a line of JSON. Readers need dt and compaction, which names the compaction that counts; where that is
// 0 the day is read from its small objects still.
//
// A day has an entry before anything is compacted of it. Claim counts the beginnings. Whoever compacts has claimed the day before it looks at the day's
// windows: an entry with Claimed. Whoever makes a window looks here when its objects are put and before its receipt is, takes a claim away
// that it finds, and sets Stale. So either the compaction has seen the window's objects, or it finds its claim gone when it is about to
// set Compaction, since days.json is put on condition that it is as it was read. A claim is a number and not a lease: two runs that find one
// go on with it side by side, list the same and put the same objects under the same names; a run that was killed hands it on by being killed. No
// content of an entry comes twice, since Claim never falls and between two claims an entry goes from claimed to made to stale and never back.
type day struct {
	// Day is yyyy-mm-dd.
	Day string `json:"dt"`
	// Compaction is that whose objects hold the day's rows, 0 for none.
	Compaction int64 `json:"compaction"`
	Claim      int64 `json:"claim"`
	// Claimed is when the claim was made; zero where it came to an end.
	Claimed time.Time `json:"claimed,omitzero"`
	// Stale says that there is something to compact that Compaction does not hold.
	Stale bool `json:"stale,omitempty"`
	// Columns is the hash of the columns of the last claim. One with other columns takes no part in it.
	Columns string `json:"columns,omitempty"`
	// Digest stands for what Compaction was made of; Objects, Rows and Bytes are what it came to.
	Digest  string `json:"digest,omitempty"`
	Objects int    `json:"objects"`
	Rows    int64  `json:"rows"`
	Bytes   int64  `json:"bytes"`
	// Made is when Compaction was made, and Cleaned says that what it replaced has been deleted since.
	Made    time.Time `json:"made,omitzero"`
	Cleaned bool      `json:"cleaned,omitempty"`
}

// touched says that a window of the day is about to get its receipt. It reports whether that changes anything: where the day is stale already and nobody
// has claimed it since, whoever claims it next sees the window.
func (d *day) touched() bool {
	if d.Stale && d.Claimed.IsZero() {
		return false
	}
	d.Stale, d.Claimed = true, time.Time{}
	return true
}

// claim gives the day a new claim.
func (d *day) claim(columns string, at time.Time) {
	d.Claim = max(d.Claim, d.Compaction) + 1
	d.Stale, d.Claimed, d.Columns = true, at.UTC(), columns
}

// claimedBy reports whether a claim made with the columns stands.
func (d *day) claimedBy(columns string) bool { return !d.Claimed.IsZero() && d.Columns == columns }

// sameClaim reports whether the claim of other still stands.
func (d *day) sameClaim(other day) bool {
	return d.Claim == other.Claim && !d.Claimed.IsZero() && d.Claimed.Equal(other.Claimed)
}

// dayList is days.json. Its lines are in the order of the days, and are read only where they are asked for: in most runs that is one of thousands.
type dayList struct {
	etag  string
	lines []dayLine
}

type dayLine struct {
	day string
	raw []byte
}

// errDamaged says that days.json cannot be read. Nothing but the time until it is made again depends on it: see [run.restoreDays].
var errDamaged = errors.New("damaged")

// dayPrefix is how a line begins as it is written here.
const dayPrefix = `{"dt":"`

// readDays returns days.json; it is empty where there is none. It fails with [errDamaged], and then knows the ETag alone, and with
// [rawzone.ErrNewerFormat].
func (r *run) readDays(ctx context.Context) (*dayList, error) {
	object, body, err := r.Curated.Get(ctx, r.names.Days())
	if errors.Is(err, objectstore.ErrNotFound) {
		return &dayList{}, nil
	}
	if err != nil {
		return nil, err
	}
	if format, _ := strconv.Atoi(object.Metadata[metaFormat]); format > daysFormat {
		return nil, newerFormat(r.names.Days(), format, daysFormat)
	}
	if count, err := strconv.Atoi(object.Metadata[metaRows]); err != nil || count != bytes.Count(body, []byte("\n")) {
		// One that was cut off behind a line looks whole.
		return &dayList{etag: object.ETag}, fmt.Errorf("object %s: %w", r.names.Days(), errDamaged)
	}
	l := &dayList{etag: object.ETag}
	if len(body) == 0 {
		return l, nil
	}
	for raw := range bytes.SplitSeq(bytes.TrimSuffix(body, []byte("\n")), []byte("\n")) {
		line := dayLine{raw: raw}
		if text := string(raw[:min(len(raw), len(dayPrefix)+len(time.DateOnly))]); strings.HasPrefix(text, dayPrefix) {
			line.day = text[len(dayPrefix):]
		}
		last := len(l.lines) - 1
		if _, err := time.Parse(time.DateOnly, line.day); err != nil || !bytes.HasSuffix(raw, []byte("}")) || last >= 0 && l.lines[last].day >= line.day {
			return &dayList{etag: object.ETag}, fmt.Errorf("object %s: %w", r.names.Days(), errDamaged)
		}
		l.lines = append(l.lines, line)
	}
	return l, nil
}

func (l *dayList) find(name string) (int, bool) {
	return slices.BinarySearchFunc(l.lines, name, func(line dayLine, name string) int { return strings.Compare(line.day, name) })
}

// get returns a day's entry, and false where it has none.
func (l *dayList) get(name string) (day, bool, error) {
	i, found := l.find(name)
	if !found {
		return day{Day: name}, false, nil
	}
	var d day
	if err := json.Unmarshal(l.lines[i].raw, &d); err != nil || d.Day != name {
		return d, false, fmt.Errorf("days.json, line %d: %w", i+1, errDamaged)
	}
	return d, true, nil
}

// set gives a day its entry.
func (l *dayList) set(d day) error {
	raw, err := json.Marshal(d)
	if err != nil {
		return err
	}
	i, found := l.find(d.Day)
	if !found {
		l.lines = slices.Insert(l.lines, i, dayLine{})
	}
	l.lines[i] = dayLine{d.Day, raw}
	return nil
}

// all returns all entries.
func (l *dayList) all() ([]day, error) {
	days := make([]day, 0, len(l.lines))
	for _, line := range l.lines {
		d, _, err := l.get(line.day)
		if err != nil {
			return nil, err
		}
		days = append(days, d)
	}
	return days, nil
}

// putDays stores l on condition that days.json is as it was read.
func (r *run) putDays(ctx context.Context, l *dayList) (err error) {
	var body bytes.Buffer
	for _, line := range l.lines {
		body.Write(line.raw)
		body.WriteByte('\n')
	}
	metadata := map[string]string{metaFormat: strconv.Itoa(daysFormat), metaRows: strconv.Itoa(len(l.lines))}
	l.etag, err = r.Curated.Put(ctx, r.names.Days(), bytes.NewReader(body.Bytes()), "application/x-ndjson", metadata, objectstore.Seen(l.etag))
	return err
}

// dayTries bounds how often days.json is read again that other runs put at the same time.
const dayTries = 10

// changeDays has change work on l, and then on what days.json is by then, until what it changes is stored, or it changes nothing. It returns
// days.json as it then is.
func (r *run) changeDays(ctx context.Context, l *dayList, change func(*dayList) (changed bool, err error)) (*dayList, error) {
	for try := 1; ; try++ {
		if l == nil {
			var err error
			if l, err = r.readDays(ctx); err != nil {
				return l, err
			}
		}
		changed, err := change(l)
		if err != nil || !changed {
			return l, err
		}
		err = r.putDays(ctx, l)
		if lost := errors.Is(err, objectstore.ErrTaken) || errors.Is(err, objectstore.ErrChanged); !lost || try == dayTries {
			return l, err
		}
		l = nil
	}
}

// touchDay has the day of a window be compacted again where days.json has it. It comes after the window's objects and before its receipt.
func (r *run) touchDay(ctx context.Context, start time.Time) error {
	day := start.UTC().Truncate(oneDay)
	_, err := r.changeDays(ctx, nil, func(l *dayList) (bool, error) {
		d, found, err := l.get(day.Format(time.DateOnly))
		if err != nil {
			return false, err
		}
		if !found {
			if r.begun.IsZero() || day.Before(r.begun) {
				r.begun = day
			}
			return false, nil
		}
		r.touched = true
		if !d.touched() {
			return false, nil
		}
		return true, l.set(d)
	})
	if errors.Is(err, errDamaged) {
		// When it is made again, all days in it are stale.
		return nil
	}
	return err
}

// noteDays has the mark tell later runs which days this one has left to compact. Where that is lost, a day that has been compacted is found by the look that is due
// once a day, and one that has not keeps its small objects.
func (r *run) noteDays(m *mark) {
	if r.touched {
		m.Survey, m.changed = r.Clock().UTC(), true
	}
	if !r.begun.IsZero() && r.begun.Before(m.Listed) {
		m.Listed, m.changed = r.begun, true
	}
}

// lostClaims is how many claims are passed over when days.json is made again: those that have left no object yet, and may be those of runs that are
// still at work. No more than that are made while one is.
const lostClaims = 100

// restoreDays makes days.json again where it was lost or damaged: each day with the newest compaction of which all objects are there, as stale, so that all
// are compacted again. What stands in l is its ETag.
func (r *run) restoreDays(ctx context.Context, l *dayList) (*dayList, error) {
	type set struct {
		curated.CompactedObject
		objects int
		bytes   int64
	}
	restored := map[string]day{}
	var at set
	whole := func() {
		d := restored[at.Day]
		d.Day, d.Stale = at.Day, true
		d.Claim = max(d.Claim, at.Compaction+lostClaims)
		if at.objects == at.Of && at.Compaction > d.Compaction {
			d.Compaction, d.Digest, d.Objects, d.Bytes, d.Made = at.Compaction, at.Digest, at.objects, at.bytes, r.Clock().UTC()
		}
		restored[at.Day] = d
	}
	for object, err := range r.Curated.List(ctx, r.names.Compacted(), "") {
		if err != nil {
			return nil, err
		}
		name, ok := r.names.ParseCompacted(object.Key)
		if !ok {
			continue
		}
		if name.K = at.K; name != at.CompactedObject {
			if at.Of > 0 {
				whole()
			}
			at = set{CompactedObject: name}
		}
		at.objects++
		at.bytes += object.Size
	}
	if at.Of > 0 {
		whole()
	}
	l.lines = nil
	for _, d := range restored {
		if err := l.set(d); err != nil {
			return nil, err
		}
	}
	if len(restored) == 0 && l.etag == "" {
		return l, nil
	}
	err := r.putDays(ctx, l)
	if errors.Is(err, objectstore.ErrTaken) || errors.Is(err, objectstore.ErrChanged) {
		// Another run has restored it, or has compacted the first days.
		return r.readDays(ctx)
	}
	r.restored = len(restored)
	return l, err
}
