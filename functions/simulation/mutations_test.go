package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// unconditional takes the conditions from puts of keys that hold a text; all of them, or If-Match alone.
type unconditional struct {
	objectstore.API
	key  string
	both bool
}

func (u unconditional) PutObject(ctx context.Context, in *s3.PutObjectInput, options ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if strings.Contains(*in.Key, u.key) && (u.both || in.IfMatch != nil) {
		bare := *in
		bare.IfMatch, bare.IfNoneMatch = nil, nil
		in = &bare
	}
	return u.API.PutObject(ctx, in, options...)
}

func withoutConditions(key string) func(objectstore.API) objectstore.API {
	return func(api objectstore.API) objectstore.API { return unconditional{api, key, true} }
}

// byTime shows a receipt, and what the mark says of a commit, as of the commit there is, where it is younger than that.
type byTime struct{ objectstore.API }

func (b byTime) GetObject(ctx context.Context, in *s3.GetObjectInput, options ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	out, err := b.API.GetObject(ctx, in, options...)
	prefix, isMark := strings.CutSuffix(*in.Key, "/mark.json")
	if err != nil || !isMark {
		return out, err
	}
	var mark map[string]any
	if err := json.NewDecoder(out.Body).Decode(&mark); err != nil {
		return nil, err
	}
	made, _ := mark["made"].(map[string]any)
	for start := range made {
		commit, err := b.API.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String("raw"), Key: aws.String(prefix + "/commits/" + start + ".json")})
		if err == nil && !commit.LastModified.After(*out.LastModified) {
			made[start] = strings.Trim(*commit.ETag, `"`)
		}
	}
	body, err := json.Marshal(mark)
	out.Body = io.NopCloser(bytes.NewReader(body))
	return out, err
}

func (b byTime) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input, options ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	out, err := b.API.ListObjectsV2(ctx, in, options...)
	if err != nil || !strings.Contains(*in.Prefix, "/receipts/") {
		return out, err
	}
	for i, object := range out.Contents {
		prefix, name, _ := strings.Cut(*object.Key, "/receipts/")
		fields := strings.Split(name, "_")
		commit, err := b.API.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String("raw"), Key: aws.String(prefix + "/commits/" + fields[0] + ".json")})
		if err == nil && !commit.LastModified.After(*object.LastModified) {
			fields[1] = strings.Trim(*commit.ETag, `"`)
			out.Contents[i].Key = aws.String(prefix + "/receipts/" + strings.Join(fields, "_"))
		}
	}
	return out, nil
}

// forgetful shows a commit otherwise than it was put, to the process whose put has just met it.
type forgetful struct {
	objectstore.API
	mu  *sync.Mutex
	met map[string]bool
}

func (f forgetful) PutObject(ctx context.Context, in *s3.PutObjectInput, options ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	out, err := f.API.PutObject(ctx, in, options...)
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusPreconditionFailed && strings.Contains(*in.Key, "/commits/") {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.met[*in.Key] = true
	}
	return out, err
}

func (f forgetful) GetObject(ctx context.Context, in *s3.GetObjectInput, options ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	out, err := f.API.GetObject(ctx, in, options...)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil && f.met[*in.Key] {
		delete(f.met, *in.Key)
		body, _ := io.ReadAll(out.Body)
		out.Body = io.NopCloser(bytes.NewReader(append(body, ' ')))
	}
	return out, err
}

// mixed stores the parts of all attempts at a window as those of one, begun by whoever asks.
type mixed struct{ objectstore.API }

var attempt = regexp.MustCompile(`_a(\d+)-(run\d+)_`)

func (m mixed) key(key *string) *string {
	return aws.String(attempt.ReplaceAllStringFunc(*key, func(found string) string {
		fields := attempt.FindStringSubmatch(found)
		return "_a1-" + fields[2] + "x" + fields[1] + "_"
	}))
}

func (m mixed) PutObject(ctx context.Context, in *s3.PutObjectInput, options ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	moved := *in
	moved.Key = m.key(in.Key)
	return m.API.PutObject(ctx, &moved, options...)
}

func (m mixed) GetObject(ctx context.Context, in *s3.GetObjectInput, options ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	moved := *in
	moved.Key = m.key(in.Key)
	return m.API.GetObject(ctx, &moved, options...)
}

func (m mixed) HeadObject(ctx context.Context, in *s3.HeadObjectInput, options ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	moved := *in
	moved.Key = m.key(in.Key)
	out, err := m.API.HeadObject(ctx, &moved, options...)
	if err == nil && *moved.Key == *in.Key && out.Metadata["windrow-begun"] != "" {
		out.Metadata["windrow-begun"] = time.Now().UTC().Truncate(time.Hour).Format(time.RFC3339)
		out.Metadata["windrow-moved"] = "0"
	}
	return out, err
}

// byCount keeps the commit that there is where a reading gives as many records.
type byCount struct{ objectstore.API }

func (b byCount) PutObject(ctx context.Context, in *s3.PutObjectInput, options ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if in.IfMatch == nil || !strings.Contains(*in.Key, "/commits/") {
		return b.API.PutObject(ctx, in, options...)
	}
	body, _ := io.ReadAll(in.Body)
	there, err := b.API.GetObject(ctx, &s3.GetObjectInput{Bucket: in.Bucket, Key: in.Key})
	if err != nil {
		return nil, err
	}
	old, _ := io.ReadAll(there.Body)
	var before, after rawzone.Commit
	if err := errors.Join(json.Unmarshal(old, &before), json.Unmarshal(body, &after)); err != nil {
		return nil, err
	}
	if before.Records-before.Carried == after.Records-after.Carried {
		return &s3.PutObjectOutput{ETag: there.ETag}, nil
	}
	again := *in
	again.Body = bytes.NewReader(body)
	return b.API.PutObject(ctx, &again, options...)
}

// laterGenesis shows the log as begun later than it was, once it has commits.
type laterGenesis struct{ objectstore.API }

func (l laterGenesis) GetObject(ctx context.Context, in *s3.GetObjectInput, options ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	out, err := l.API.GetObject(ctx, in, options...)
	if err != nil || !strings.HasSuffix(*in.Key, "/genesis.json") {
		return out, err
	}
	var genesis rawzone.Genesis
	if err := json.NewDecoder(out.Body).Decode(&genesis); err != nil {
		return nil, err
	}
	genesis.Start = genesis.Start.Add(90 * time.Minute)
	body, err := json.Marshal(genesis)
	out.Body = io.NopCloser(bytes.NewReader(body))
	return out, err
}

// steady is a vendor whose totals never move, whatever its records do.
type steady struct {
	ingest.Vendor
	totals map[window.Window]int64
}

func (s steady) Page(ctx context.Context, w window.Window, at vendorapi.Cursor) (*vendorapi.Page, error) {
	page, err := s.Vendor.Page(ctx, w, at)
	if err != nil || page.Total < 0 {
		return page, err
	}
	total, known := s.totals[w]
	if !known {
		total = page.Total
		s.totals[w] = total
	}
	page.Total = total
	if page.Last {
		page.Next.Seen = total
	}
	return page, nil
}

// sizeless describes requests without the size of their pages.
type sizeless struct{ ingest.Vendor }

var size = regexp.MustCompile(`size=\d+`)

func (s sizeless) Describe(w window.Window) string {
	return size.ReplaceAllString(s.Vendor.Describe(w), "")
}

// forgotten takes a roster as stored, and stores none.
type forgotten struct{ objectstore.API }

func (f forgotten) PutObject(ctx context.Context, in *s3.PutObjectInput, options ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if strings.HasSuffix(*in.Key, "/"+roster) {
		return &s3.PutObjectOutput{ETag: aws.String(`"none"`)}, nil
	}
	return f.API.PutObject(ctx, in, options...)
}

// readRoster shows the roster changed, or one where there is none.
type readRoster struct {
	objectstore.API
	change func(*rawzone.Roster)
	empty  bool
}

func (r readRoster) GetObject(ctx context.Context, in *s3.GetObjectInput, options ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	out, err := r.API.GetObject(ctx, in, options...)
	if !strings.HasSuffix(*in.Key, "/"+roster) {
		return out, err
	}
	var answer *smithyhttp.ResponseError
	if r.empty && errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusNotFound {
		put := &s3.PutObjectInput{Bucket: in.Bucket, Key: in.Key, Body: strings.NewReader(`{}`), IfNoneMatch: aws.String("*")}
		if _, err := r.API.PutObject(ctx, put); err != nil {
			return nil, err
		}
		out, err = r.API.GetObject(ctx, in, options...)
	}
	if err != nil {
		return nil, err
	}
	body, _ := io.ReadAll(out.Body)
	var read rawzone.Roster
	if json.Unmarshal(body, &read) == nil {
		r.change(&read)
		if body, err = json.Marshal(read); err != nil {
			return nil, err
		}
	}
	out.Body = io.NopCloser(bytes.NewReader(body))
	return out, nil
}

// carrying keeps of a parent those children that are there no more, in a part behind those of the reading.
type carrying struct{ objectstore.API }

func (c carrying) PutObject(ctx context.Context, in *s3.PutObjectInput, options ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if in.IfMatch == nil || !strings.Contains(*in.Key, children+"/commits/") {
		return c.API.PutObject(ctx, in, options...)
	}
	body, _ := io.ReadAll(in.Body)
	there, err := c.API.GetObject(ctx, &s3.GetObjectInput{Bucket: in.Bucket, Key: in.Key})
	if err != nil {
		return nil, err
	}
	old, _ := io.ReadAll(there.Body)
	var before, after rawzone.Commit
	if err := errors.Join(json.Unmarshal(old, &before), json.Unmarshal(body, &after)); err != nil {
		return nil, err
	}
	if before.Records > after.Records {
		after.Parts, after.Records = before.Parts, before.Records
		if body, err = json.Marshal(after); err != nil {
			return nil, err
		}
	}
	again := *in
	again.Body = bytes.NewReader(body)
	return c.API.PutObject(ctx, &again, options...)
}

// firstPage is a vendor of whom only first pages are read.
type firstPage struct{ ingest.Vendor }

func (f firstPage) Page(ctx context.Context, w window.Window, at vendorapi.Cursor) (*vendorapi.Page, error) {
	page, err := f.Vendor.Page(ctx, w, at)
	if err == nil {
		page.Last = true
	}
	return page, err
}

// daysOf passes what is put as days.json through change, which gets the entries that were there before by their days, and returns what
// each is to be.
type daysOf struct {
	objectstore.API
	change func(before, after map[string]any) map[string]any
}

func (d daysOf) PutObject(ctx context.Context, in *s3.PutObjectInput, options ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if !strings.HasSuffix(*in.Key, "/days.json") {
		return d.API.PutObject(ctx, in, options...)
	}
	read := func(body io.Reader) (lines []map[string]any) {
		decoder := json.NewDecoder(body)
		for {
			var line map[string]any
			if decoder.Decode(&line) != nil {
				return lines
			}
			lines = append(lines, line)
		}
	}
	before := map[any]map[string]any{}
	if there, err := d.API.GetObject(ctx, &s3.GetObjectInput{Bucket: in.Bucket, Key: in.Key}); err == nil {
		for _, line := range read(there.Body) {
			before[line["dt"]] = line
		}
	}
	var body bytes.Buffer
	kept := 0
	for _, after := range read(in.Body) {
		if line := d.change(before[after["dt"]], after); line != nil {
			text, err := json.Marshal(line)
			if err != nil {
				return nil, err
			}
			// The day stands first in a line.
			day, _ := line["dt"].(string)
			fields := strings.Replace(string(text), `"dt":"`+day+`",`, "", 1)
			fmt.Fprintf(&body, `{"dt":%q,%s`+"\n", day, strings.TrimPrefix(strings.Replace(fields, `,"dt":"`+day+`"`, "", 1), "{"))
			kept++
		}
	}
	again := *in
	again.Body = bytes.NewReader(body.Bytes())
	again.Metadata = map[string]string{"windrow-format": "1", "windrow-rows": strconv.Itoa(kept)}
	return d.API.PutObject(ctx, &again, options...)
}

func daysThat(change func(before, after map[string]any) map[string]any) func(objectstore.API) objectstore.API {
	return func(api objectstore.API) objectstore.API { return daysOf{api, change} }
}

// patient shows what was made as made long ago.
type patient struct{ objectstore.API }

func (p patient) GetObject(ctx context.Context, in *s3.GetObjectInput, options ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	out, err := p.API.GetObject(ctx, in, options...)
	if err != nil || !strings.HasSuffix(*in.Key, "/days.json") {
		return out, err
	}
	body, _ := io.ReadAll(out.Body)
	out.Body = io.NopCloser(bytes.NewReader(regexp.MustCompile(`"made":"[^"]*"`).ReplaceAll(body, []byte(`"made":"1999-01-01T00:00:00Z"`))))
	return out, nil
}

// unclaimed takes a claim as stored, and stores none.
type unclaimed struct{ objectstore.API }

func (u unclaimed) PutObject(ctx context.Context, in *s3.PutObjectInput, options ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if !strings.HasSuffix(*in.Key, "/days.json") {
		return u.API.PutObject(ctx, in, options...)
	}
	body, _ := io.ReadAll(in.Body)
	there, err := u.API.HeadObject(ctx, &s3.HeadObjectInput{Bucket: in.Bucket, Key: in.Key})
	switch {
	case bytes.Contains(body, []byte(`"claimed"`)) && err == nil:
		return &s3.PutObjectOutput{ETag: there.ETag}, nil
	case bytes.Contains(body, []byte(`"claimed"`)):
		// There has to be an object for later conditions.
		body = nil
	}
	again := *in
	again.Body = bytes.NewReader(body)
	if body == nil {
		again.Metadata = map[string]string{"windrow-format": "1", "windrow-rows": "0"}
	}
	return u.API.PutObject(ctx, &again, options...)
}

// TestEachMutationIsFound bends the protocol in one place at a time, from outside, and wants a history that shows it. The
// kinds of fault are those that can, so that few histories are enough.
func TestEachMutationIsFound(t *testing.T) {
	rivals := []string{rivalBefore, rivalAfter, zombie}
	// changing is a vendor whose records move and come late, so that windows are replaced.
	changing := func(d *dialect) {
		d.audit, d.counted, d.unknown, d.bounds, d.lookback = vendorapi.AuditReread, true, false, unixBounds, 2*time.Hour
		d.late, d.moves, d.edits, d.vanish = true, true, true, false
	}
	// dense is a schedule whose runs are often still at work when the next one begins.
	dense := func(h *history) {
		h.interval, h.timeout, h.latency, h.genesis, h.set = 5*time.Minute, 15*time.Minute, 5*time.Millisecond, 3*time.Hour, true
		h.bursts, h.records, h.release.pageSize, h.outages, h.jams = nil, 60, 40, nil, nil
	}
	// vanishing is a vendor whose records may all leave a window, and sparse a history with few of them.
	vanishing := func(d *dialect) {
		d.audit, d.counted, d.unknown, d.bounds, d.lookback = vendorapi.AuditCount, true, false, unixBounds, 6*time.Hour
		d.late, d.moves, d.edits, d.vanish = false, false, false, true
	}
	sparse := func(h *history) {
		h.interval, h.records, h.bursts, h.outages, h.jams = 30*time.Minute, 20, nil, nil, nil
	}
	// changingParents is a vendor whose parents come late and change, with another time than that of their windows.
	changingParents := func(f *family) { f.elsewhen, f.refused = true, 0 }
	few := func(h *history) {
		h.outages, h.jams = nil, nil
		h.interval, h.timeout, h.latency, h.partBytes = 30*time.Minute, 15*time.Minute, 5*time.Millisecond, 3000
	}
	tests := map[string]struct {
		setting
		want string
	}{
		"a commit without its condition": {
			setting{s3: withoutConditions("/commits/"), faults: rivals}, "overlaps the one before|does not start where|has left window|takes the place of generation",
		},
		"a replacement without its condition": {
			setting{
				s3:     func(api objectstore.API) objectstore.API { return unconditional{api, "/commits/", false} },
				faults: rivals, dialect: changing, history: dense, kinds: []string{scheduled}, ticks: 12,
			}, "takes the place of generation",
		},
		"two first starts": {
			setting{ticks: 1, s3: withoutConditions("/genesis.json"), faults: rivals}, "overlaps the one before|does not start where",
		},
		"an unconditional curated put": {
			setting{
				s3: withoutConditions("/dt="), faults: rivals, dialect: changing, history: dense, kinds: []string{scheduled}, ticks: 12,
			}, "of an older commit",
		},
		"a resume without the total's check": {
			setting{
				vendor:  func(v ingest.Vendor) ingest.Vendor { return steady{v, map[window.Window]int64{}} },
				dialect: func(d *dialect) { changing(d); d.late = false }, faults: append([]string{vendorShift, crashBefore}, rivals...),
			}, "does not hold it",
		},
		"make by time in place of receipts": {
			setting{
				s3:     func(api objectstore.API) objectstore.API { return byTime{api} },
				faults: rivals, dialect: changing, history: dense, kinds: []string{scheduled}, ticks: 12,
			}, "made from another commit|has no receipt|without a receipt|is of no commit",
		},
		"one's own 412 taken as a loss": {
			setting{
				s3:     func(api objectstore.API) objectstore.API { return forgetful{api, &sync.Mutex{}, map[string]bool{}} },
				faults: []string{sentTwice}, kinds: []string{scheduled},
			}, "tells of another run, and there was none",
		},
		"parts of two attempts mixed": {
			setting{
				s3:      func(api objectstore.API) objectstore.API { return mixed{api} },
				dialect: changing, faults: []string{vendorShift, vendorSwap, crashBefore},
			}, "does not hold it|times in window",
		},
		"a page size changed between part and resume": {
			setting{
				vendor: func(v ingest.Vendor) ingest.Vendor { return sizeless{v} },
				dialect: func(d *dialect) {
					*d = dialect{audit: vendorapi.AuditReread, paging: vendorapi.PagingNumber, bounds: unixBounds, zone: d.zone}
				},
				history: func(h *history) {
					h.bursts, h.partBytes, h.interval, h.set, h.outages, h.jams = []int{100}, 1, 5*time.Minute, true, nil, nil
					for i := range h.ticks {
						h.ticks[i].release = &release{pageSize: 3 + 4*(i%2)}
					}
				},
				faults: []string{crashBefore}, kinds: []string{scheduled},
			}, "does not hold it",
		},
		"equal totals with swapped records": {
			setting{
				s3:      func(api objectstore.API) objectstore.API { return byCount{api} },
				dialect: func(d *dialect) { changing(d); d.edits = false }, faults: []string{vendorSwap},
			}, "is not in window|has left window|compared for ever",
		},
		"a late record that another's move hides": {
			setting{dialect: func(d *dialect) { changing(d); d.audit, d.edits = vendorapi.AuditCount, false }, faults: []string{vendorSwap}},
			"is not in window|which the vendor has no more",
		},
		"an inclusive end that forgets the fraction of a second": {
			setting{
				stream: func(s *vendorapi.Stream) { s.Window.Resolution = vendorapi.Duration(time.Second) },
				dialect: func(d *dialect) {
					changing(d)
					d.inclusive, d.unknown = true, true
				},
				history: func(h *history) { h.bursts = []int{150, 150} }, faults: []string{crashBefore},
			}, "does not hold it",
		},
		"an emptied window that nobody is told of": {
			setting{
				unheard: func(a telemetry.Announcement) bool { return len(a.Keys) == 0 },
				dialect: vanishing, history: sparse, faults: []string{crashBefore}, kinds: []string{scheduled},
			}, "has generation 2 and the objects \\[\\], and was last announced as of",
		},
		"a scheduled time in the future": {
			setting{trusting: true, faults: []string{crashBefore}, kinds: []string{scheduled, aheadTick}}, "does not hold it|is not in window",
		},
		"a slot taken without If-None-Match": {
			setting{
				families: 1, s3: withoutConditions("/slots/"), history: few, faults: []string{crashBefore}, kinds: []string{scheduled},
				family: func(f *family) { f.elsewhen, f.sameHour, f.refused = true, true, 0 },
			}, "takes the place of that of parent|holds child",
		},
		"a roster that is never stored": {
			setting{
				families: 1, s3: func(api objectstore.API) objectstore.API { return forgotten{api} }, history: few, faults: []string{crashBefore}, kinds: []string{scheduled},
				family: func(f *family) { f.refused = 2 },
			}, "compared for ever",
		},
		"vanished children carried over": {
			setting{
				families: 1, s3: func(api objectstore.API) objectstore.API { return carrying{api} }, history: few, faults: []string{crashBefore, vendorShift}, kinds: []string{scheduled},
			}, "which the vendor has no more",
		},
		"a parent's commit without its condition": {
			setting{
				families: 1, s3: withoutConditions(children + "/commits/"), faults: rivals, kinds: []string{scheduled}, ticks: 12,
				dialect: changing, history: dense, family: func(f *family) { f.lookback, f.ahead, f.refused = max(f.lookback, 2*time.Hour), 48*time.Hour, 0 },
			}, "takes the place of generation",
		},
		"children of which only the first page is read": {
			setting{
				families: 1, children: func(v ingest.Vendor) ingest.Vendor { return firstPage{v} }, history: few, faults: []string{crashBefore}, kinds: []string{scheduled},
			}, "does not hold it|is marked unsettled, though",
		},
		"an older window's record of a parent in place of a newer one": {
			setting{
				families: 1, dialect: changing, family: changingParents, history: few, faults: []string{crashBefore, vendorShift}, kinds: []string{scheduled}, ticks: 12,
				s3: func(api objectstore.API) objectstore.API {
					return readRoster{API: api, change: func(r *rawzone.Roster) {
						for i := range r.Parents {
							r.Parents[i].Shown = time.Time{}
						}
					}}
				},
			}, "in its commit, read at|has no commit|does not hold it|which the vendor has no more",
		},
		"parents of a lost roster looked for only within the lookback": {
			setting{
				families: 1, history: few, faults: []string{crashBefore}, kinds: []string{scheduled}, family: changingParents, ticks: 12,
				s3: func(api objectstore.API) objectstore.API {
					return readRoster{API: api, empty: true, change: func(r *rawzone.Roster) {
						if r.From.IsZero() {
							r.From, r.Seen = time.Now().Add(-12*time.Hour), map[string]string{}
						}
					}}
				},
			}, "has no commit|does not hold it",
		},
		"a compaction that counts though its claim is gone": {
			setting{s3: withoutConditions("/days.json"), history: contended, faults: rivals, kinds: []string{scheduled}}, "want \\[",
		},
		"windows that nobody tells days.json of": {
			setting{
				s3: daysThat(func(before, after map[string]any) map[string]any {
					if before != nil && before["stale"] == nil && after["stale"] == true && after["claimed"] == nil {
						return before
					}
					return after
				}), history: olderHistory, faults: []string{crashBefore}, kinds: []string{scheduled},
			}, "want \\[",
		},
		"windows that take no claim away": {
			setting{
				s3: daysThat(func(before, after map[string]any) map[string]any {
					if before["claimed"] != nil && after["stale"] == true && after["claimed"] == nil {
						return before
					}
					return after
				}), history: contended, faults: rivals, kinds: []string{scheduled},
			}, "want \\[",
		},
		"a day that is not claimed before it is compacted": {
			setting{s3: func(api objectstore.API) objectstore.API { return unclaimed{api} }, history: contended, faults: rivals, kinds: []string{scheduled}},
			"want \\[",
		},
		"small objects deleted at once": {
			setting{s3: func(api objectstore.API) objectstore.API { return patient{api} }, history: olderHistory, faults: []string{crashBefore}, kinds: []string{scheduled}},
			"deletes .*, which was read until",
		},
		"a backfill that overlaps": {
			setting{
				s3:     func(api objectstore.API) objectstore.API { return laterGenesis{api} },
				faults: []string{crashBefore}, kinds: []string{scheduled, backfill},
			}, "overlaps the one before",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const most = 5000
			test.tempDir, test.young = t.TempDir(), true
			c := &tally{faults: map[string]int{}}
			began := time.Now()
			for seed := range most {
				h := rapid.Custom(func(rt *rapid.T) *history { return drawHistory(rt, test.setting) }).Example(seed)
				if err := simulate(t, h, test.setting, c); err != nil {
					first, _, _ := strings.Cut(err.Error(), "\n")
					if !regexp.MustCompile(test.want).MatchString(first) {
						t.Fatalf("history %d fails otherwise than wanted (%s): %v", seed, test.want, err)
					}
					t.Logf("found by history %d after %s: %s", seed+1, time.Since(began).Round(time.Millisecond), first)
					return
				}
			}
			t.Errorf("not found in %d histories: %s", most, c)
		})
	}
}
