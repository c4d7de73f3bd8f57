package erasure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/rawzone"
)

// FormatVersion is the version of a record's JSON form. A higher one is refused.
const FormatVersion = 1

// record says that a person was erased: when, by what, and what was found. It is the body of <vendor>/erasures/<digest>.json in the raw
// bucket, and is kept. It has nothing of the person but the digest.
type record struct {
	Format int    `json:"format"`
	Digest string `json:"digest"`
	// Begun is when the digest was on the list, Finished when nothing of the person was left; zero as long as something may be.
	Begun    time.Time `json:"begun"`
	Finished time.Time `json:"finished,omitzero"`
	// Execution is the last one that erased the person.
	Execution string `json:"execution"`
	// Streams has the parts that held the person, by the streams' names and the parts' keys. One stands there before it is replaced,
	// so that a killed call leaves none that is not followed up.
	Streams map[string]map[string]held `json:"streams"`
	// Deleted is how many versions of objects were deleted, QueryResults how many of them were results of queries.
	Deleted      int `json:"deleted"`
	QueryResults int `json:"queryResults"`

	etag string
}

// held is what a part held of the person.
type held struct {
	Records int64 `json:"records"`
	Emptied int64 `json:"emptied,omitzero"`
}

func recordKey(vendor, digest string) string { return vendor + "/erasures/" + digest + ".json" }

func (e *erasing) readRecord(ctx context.Context) error {
	key := recordKey(e.Vendor.Name, e.Digest)
	object, body, err := e.Raw.Get(ctx, key)
	if errors.Is(err, objectstore.ErrNotFound) {
		e.record = record{Digest: e.Digest, Streams: map[string]map[string]held{}}
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, &e.record); err != nil {
		return fmt.Errorf("object %s: %w", key, err)
	}
	if e.record.Format > FormatVersion {
		return fmt.Errorf("object %s has format version %d, this release knows up to %d: %w", key, e.record.Format, FormatVersion, rawzone.ErrNewerFormat)
	}
	if e.record.Streams == nil {
		e.record.Streams = map[string]map[string]held{}
	}
	e.record.etag = object.ETag
	return nil
}

// errBusy says that another execution erases the same person.
var errBusy = errors.New("another execution is erasing the same person: let it end, and start this again if it fails")

func (e *erasing) putRecord(ctx context.Context) error {
	e.record.Format = FormatVersion
	body, err := json.Marshal(e.record, json.Deterministic(true))
	if err != nil {
		return err
	}
	key := recordKey(e.Vendor.Name, e.Digest)
	etag, err := e.Raw.Put(ctx, key, bytes.NewReader(body), "application/json", nil, objectstore.Seen(e.record.etag))
	if errors.Is(err, objectstore.ErrTaken) || errors.Is(err, objectstore.ErrChanged) {
		// A put whose answer was lost is sent again, and then meets its own record.
		object, there, read := e.Raw.Get(ctx, key)
		if read != nil || !bytes.Equal(there, body) {
			return errors.Join(errBusy, read)
		}
		etag, err = object.ETag, nil
	}
	if err == nil {
		e.record.etag = etag
	}
	return err
}

// note adds what parts of a stream hold to the record, and stores it where that is news.
func (e *erasing) note(ctx context.Context, s stream, found map[string]held) error {
	known := e.record.Streams[s.Name]
	if known == nil {
		known = map[string]held{}
		e.record.Streams[s.Name] = known
	}
	news := false
	for key, h := range found {
		if known[key] != h {
			known[key], news = h, true
		}
	}
	if !news {
		return nil
	}
	return e.putRecord(ctx)
}

// count has the record say how much this call has deleted, and stores it where that, or anything else, is news.
func (e *erasing) count(ctx context.Context, news bool) error {
	if e.counted == e.deleted && !news {
		return nil
	}
	e.record.Deleted += e.deleted - e.counted
	e.counted = e.deleted
	return e.putRecord(ctx)
}

// starts are the windows of a stream that held the person, in order.
func (r *record) starts(vendor, stream string) []time.Time {
	zone := rawzone.Zone{Vendor: vendor, Stream: stream}
	found := map[time.Time]bool{}
	for key := range r.Streams[stream] {
		if start, ok := zone.PartStart(key); ok {
			found[start] = true
		}
	}
	return slices.SortedFunc(maps.Keys(found), time.Time.Compare)
}

// ranges are the spans of the streams' windows that held the person.
func (r *record) ranges(vendor string) map[string]Range {
	ranges := map[string]Range{}
	for name := range r.Streams {
		if starts := r.starts(vendor, name); len(starts) > 0 {
			ranges[name] = Range{Start: starts[0], End: starts[len(starts)-1].Add(time.Second)}
		}
	}
	return ranges
}

// tell puts what was found into an answer.
func (e *erasing) tell(a *Answer) {
	a.Found = map[string]Found{}
	for name, parts := range e.record.Streams {
		f := Found{Parts: len(parts), Windows: len(e.record.starts(e.Vendor.Name, name))}
		for _, h := range parts {
			f.Records += h.Records
			f.Emptied += h.Emptied
		}
		a.Found[name] = f
	}
	a.QueryResults = e.record.QueryResults
}
