package erasure_test

import (
	"bytes"
	cmp2 "cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/erasure"
	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/preprocess"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/gotowebinar"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
	"github.com/windrow-data/windrow/functions/vendorapi/zoom"
	"github.com/windrow-data/windrow/functions/window"
)

// described is a ready vendor whose streams say whose doing a record tells of, with a column that some records cannot fill.
func described(v *vendorapi.Vendor, protect vendorapi.Protection, personPaths map[string]string, quarantining map[string]string) *vendorapi.Vendor {
	for i := range v.Streams {
		s := &v.Streams[i]
		if path, ok := personPaths[s.Name]; ok {
			s.PersonPath = path
			for c := range s.Columns {
				if cmp2.Or(s.Columns[c].Path, s.Columns[c].Name) == path {
					s.Columns[c].Personal, s.Columns[c].Protect = vendorapi.PersonalEmail, protect
				}
			}
		}
		if column, ok := quarantining[s.Name]; ok {
			s.Columns = append(s.Columns, vendorapi.Column{Name: "quarantining", Path: column, Type: vendorapi.TypeInt64})
		}
	}
	return v
}

func ready(name string) *vendorapi.Vendor {
	switch name {
	case "on24":
		return described(on24.Vendor("90001"), vendorapi.ProtectKeep, map[string]string{"registrants": "email", "attendees": "email", "leads": "email", "questions": "email"},
			map[string]string{"registrants": "std1"})
	case "zoom":
		return described(zoom.Vendor(), vendorapi.ProtectHash, map[string]string{"registrants": "email", "participants": "user_email", "questions": "email", "polls": "email"}, nil)
	}
	return described(gotowebinar.Vendor("1234567890"), vendorapi.ProtectHash, map[string]string{"registrants": "email", "attendees": "email", "questions": "askedBy"}, nil)
}

// busiest is an address that the most streams have as a person's.
func (l *lake) busiest() string {
	l.t.Helper()
	streams := map[string]map[string]bool{}
	for i := range l.vendor.Streams {
		s := &l.vendor.Streams[i]
		if s.PersonPath == "" {
			continue
		}
		l.records(s, func(record []byte) {
			var fields map[string]any
			if err := json.Unmarshal(record, &fields); err != nil {
				l.t.Fatal(err)
			}
			if email, _ := fields[s.PersonPath].(string); email != "" {
				if streams[email] == nil {
					streams[email] = map[string]bool{}
				}
				streams[email][s.Name] = true
			}
		})
	}
	best := ""
	for email, in := range streams {
		if n := len(streams[best]); len(in) > n || len(in) == n && email < best {
			best = email
		}
	}
	if len(streams[best]) < 2 {
		l.t.Fatalf("nobody is in more than one stream, of %d", len(streams))
	}
	return best
}

// records calls see with each committed record of a stream.
func (l *lake) records(s *vendorapi.Stream, see func(record []byte)) {
	l.t.Helper()
	ctx, z := context.Background(), l.zone(s.Name)
	for ref, err := range z.Commits(ctx, time.Time{}) {
		if err != nil {
			l.t.Fatal(err)
		}
		commit, _, err := z.Commit(ctx, ref)
		if err != nil {
			l.t.Fatal(err)
		}
		for _, part := range commit.Parts {
			body, err := z.OpenPart(ctx, part)
			if err != nil {
				l.t.Fatal(err)
			}
			if err := rawzone.EachRecord(body, func(record []byte) error { see(record); return nil }); err != nil {
				l.t.Fatal(err)
			}
		}
	}
}

// litter leaves what an erasure has to find beside the commits: an abandoned attempt, one that was swept, one of a window without a commit,
// and results of queries.
func (l *lake) litter(email string) {
	l.t.Helper()
	ctx := context.Background()
	z := l.zone(l.vendor.Streams[len(l.vendor.Streams)-1].Name)
	for _, s := range l.vendor.Streams {
		if s.PersonPath != "" {
			z = l.zone(s.Name)
		}
	}
	store := func(run string, start time.Time) string {
		buffer := rawzone.NewBuffer(1 << 10)
		buffer.Reset()
		buffer.Page(1)
		buffer.Add([]byte(`{"email":"` + strings.ToUpper(email) + `","text":"of nobody's interest"}`))
		attempt := rawzone.Attempt{Window: window.Window{Start: start, End: start.Add(time.Hour)}, Number: 7, Begun: start}
		if err := z.Store(ctx, &attempt, buffer, run); err != nil {
			l.t.Fatal(err)
		}
		return attempt.Parts[0].Key
	}
	store("abandoned", begin)
	store("unfinished", begin.AddDate(0, 0, 3))
	if err := z.Bucket.Delete(ctx, store("swept", begin)); err != nil {
		l.t.Fatal(err)
	}
	l.store.Set("results", "0b7c.csv", []byte("email\n"+email+"\n"))
	l.store.Set("results", "0b7c.csv.metadata", []byte("x"))
}

func TestErasingLeavesNoTrace(t *testing.T) {
	for _, name := range []string{"on24", "zoom", "gotowebinar"} {
		t.Run(name, func(t *testing.T) {
			l := newLake(t, ready(name), 60)
			email := l.busiest()
			l.litter(email)
			before := map[string]map[string]int{}
			mentioned := 0
			for i := range l.vendor.Streams {
				s := &l.vendor.Streams[i]
				before[s.Name] = l.rows(s, email)
				l.records(s, func(record []byte) { mentioned += bytes.Count(bytes.ToLower(record), []byte(email)) })
			}
			kinds := map[string]bool{}
			for _, where := range l.traces(email) {
				kinds[kindOf(where)] = true
			}
			want := []string{"raw/parts", "results"}
			if name == "on24" {
				want = append(want, "curated/dt", "curated/quarantine")
			}
			for _, kind := range want {
				if !kinds[kind] {
					t.Errorf("nothing of the person is in %s, so that nothing is shown: only in %v", kind, kinds)
				}
			}

			l.logs.Reset()
			answer := l.erase(email)
			if strings.Contains(strings.ToLower(l.logs.String()), email) {
				t.Error("a log has the address")
			}
			if text, err := json.Marshal(answer); err != nil || strings.Contains(strings.ToLower(string(text)), email) {
				t.Errorf("the answer has the address: %v", err)
			}
			check := func(when string) {
				t.Helper()
				for _, where := range l.traces(email) {
					t.Errorf("%s the address is in %s", when, where)
				}
				for i := range l.vendor.Streams {
					s := &l.vendor.Streams[i]
					if diff := cmp.Diff(before[s.Name], l.rows(s, email)); diff != "" {
						t.Errorf("%s the other rows of %s have changed (-before +after):\n%s", when, s.Name, diff)
					}
				}
				l.settled()
			}
			check("after the erasure")
			t.Logf("%d mentions, found %+v", mentioned, answer.Found)
			total := int64(0)
			for _, f := range answer.Found {
				total += f.Records + f.Emptied
			}
			if total < 3 || answer.QueryResults != 2 {
				t.Errorf("of %d mentions the record says %d, with %d query results", mentioned, total, answer.QueryResults)
			}
			// The vendor still has the person, and is asked again.
			l.play(begin.AddDate(0, 0, 4))
			for _, where := range l.traces(email) {
				t.Errorf("after the audits the address is in %s", where)
			}
			l.settled()
			again := l.erase(email)
			if diff := cmp.Diff(answer.Found, again.Found); diff != "" {
				t.Errorf("a second erasure found more (-first +second):\n%s", diff)
			}
		})
	}
}

// TestCompactedDays plays compaction: an erasure waits for the next one of a day that held the person, and deletes the ones before.
func TestCompactedDays(t *testing.T) {
	l := newLake(t, ready("gotowebinar"), 60)
	email := l.busiest()
	prefix := "gotowebinar/attendees/"
	put := func(day string, compaction int, text string) string {
		key := fmt.Sprintf("%scompacted/dt=%s/%d_0123456789abcdef_1-of-1", prefix, day, compaction)
		l.store.Set("curated", key, []byte(text))
		return key
	}
	set := func(compaction int, stale bool) {
		l.store.Set("curated", prefix+"days/days.json", fmt.Appendf(nil, "{\"dt\":\"2026-03-10\",\"compaction\":%d,\"stale\":%v,\"made\":%q}\n", compaction, stale, l.clock.Format(time.RFC3339)))
	}
	nothing, before := put("2026-03-10", 1, email), put("2026-03-10", 2, email)
	other := put("2026-03-01", 1, "others")
	set(2, false)
	var answer erasure.Answer
	var after, begun string
	rounds := 0
	for answer.Next != erasure.Done {
		next, err := l.step(email, answer)
		if err != nil {
			t.Fatal(err)
		}
		if answer = next; answer.Next != erasure.Remake {
			continue
		}
		switch rounds++; rounds {
		case 1:
			set(2, true) // preprocess has made a window of the day
		case 3:
			after = put("2026-03-10", 3, "others")
			l.clock = l.clock.Add(time.Minute)
			set(3, false)
			l.clock = l.clock.Add(time.Minute)
			begun = put("2026-03-10", 4, "others")
		}
	}
	if rounds != 3 {
		t.Errorf("preprocess was called %d times, want 3", rounds)
	}
	if diff := cmp.Diff([]string{other, after, begun}, l.store.Keys("curated", prefix+"compacted/")); diff != "" {
		t.Errorf("of %s, %s and others are left (-want +got):\n%s", nothing, before, diff)
	}
	// A compaction that does not come is told.
	set(3, true)
	answer = erasure.Answer{}
	for range 100 {
		var err error
		if answer, err = l.step(email, answer); err != nil {
			if !errors.Is(err, erasure.ErrNotRemade) || !strings.Contains(err.Error(), "dt=2026-03-10") {
				t.Errorf("got %v", err)
			}
			return
		}
	}
	t.Error("an erasure waits for ever")
}

// TestThePersonDoesNotComeBack erases somebody in the midst of the day, while the vendor goes on gaining and changing records of
// theirs, and has a past range read again at the end. What the lake holds of others is then what it would hold anyway.
func TestThePersonDoesNotComeBack(t *testing.T) {
	for _, name := range []string{"on24", "zoom", "gotowebinar"} {
		t.Run(name, func(t *testing.T) {
			undisturbed := newLake(t, ready(name), 60)
			undisturbed.play(begin.AddDate(0, 0, 4))
			email := undisturbed.busiest()
			l := emptyLake(t, ready(name), 60)
			l.play(begin.Add(18 * time.Hour))
			l.erase(email)
			l.play(begin.AddDate(0, 0, 4))
			withheld := int64(0)
			for i := range l.vendor.Streams {
				s := &l.vendor.Streams[i]
				past := ingest.Past{Start: begin.Add(-6 * time.Hour), End: begin.AddDate(0, 0, 2)}
				if s.Parent == nil && s.Window.Listing == nil {
					if _, err := ingest.Backfill(context.Background(), l.ingestConfig(s), past, l.clock); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := preprocess.Remake(context.Background(), l.preprocess(s), preprocess.Past{Start: past.Start, End: past.End}, l.clock); err != nil {
					t.Fatal(err)
				}
				for ref, err := range l.zone(s.Name).Commits(context.Background(), time.Time{}) {
					if err != nil {
						t.Fatal(err)
					}
					commit, _, err := l.zone(s.Name).Commit(context.Background(), ref)
					if err != nil {
						t.Fatal(err)
					}
					withheld += commit.Withheld
				}
				got := l.rows(s, email)
				for row := range undisturbed.rows(s, email) {
					if got[row] == 0 {
						t.Errorf("%s lacks the row %s", s.Name, row)
					}
				}
			}
			for _, where := range l.traces(email) {
				t.Errorf("the address is in %s", where)
			}
			if withheld < 3 {
				t.Errorf("%d records are withheld, so that nothing is shown", withheld)
			}
			l.settled()
		})
	}
}

// TestNothingIsDeletedBeforeEveryRunIsOver has a run that began before the list was changed commit the person after the first look.
func TestNothingIsDeletedBeforeEveryRunIsOver(t *testing.T) {
	l := newLake(t, ready("on24"), 60)
	email := l.busiest()
	ctx, z := context.Background(), l.zone("attendees")
	buffer := rawzone.NewBuffer(1 << 10)
	page := func(number int) {
		buffer.Reset()
		buffer.Page(number)
		buffer.Add([]byte(`{"email":"` + email + `","eventid":1}`))
		buffer.Add([]byte(`{"email":"bob@example.com","eventid":1}`))
	}
	newest, _, err := z.Newest(ctx, l.clock)
	if err != nil {
		t.Fatal(err)
	}
	w := window.Window{Start: newest.End, End: newest.End.Add(time.Hour)}
	attempt := rawzone.Attempt{Window: w, Number: 1, Begun: l.clock}
	page(1)
	if err := z.Store(ctx, &attempt, buffer, "early"); err != nil {
		t.Fatal(err)
	}
	parts := l.store.Keys("raw", z.PartsPrefix())
	answer, err := erasure.Erase(ctx, l.config(email), "")
	if err != nil || answer.Next != erasure.Wait {
		t.Fatalf("%+v, %v", answer, err)
	}
	page(2)
	if err := z.Store(ctx, &attempt, buffer, "early"); err != nil {
		t.Fatal(err)
	}
	if _, err := z.Put(ctx, &rawzone.Commit{Start: w.Start, End: w.End, Generation: 1, Announced: 4, Records: 4, Pages: 2, Settled: true, Parts: attempt.Parts}, ""); err != nil {
		t.Fatal(err)
	}
	l.clock = l.clock.Add(erasure.LongestRun - time.Minute)
	if answer, err = erasure.Erase(ctx, l.config(email), answer.Position); err != nil || answer.Next != erasure.Wait {
		t.Fatalf("too early: %+v, %v", answer, err)
	}
	there := map[string]bool{}
	for _, key := range l.store.Keys("raw", z.PartsPrefix()) {
		there[key] = true
	}
	for _, key := range parts {
		if !there[key] {
			t.Errorf("%s is deleted while it may be read", key)
		}
	}
	for answer.Next != erasure.Done {
		if answer, err = l.step(email, answer); err != nil {
			t.Fatal(err)
		}
	}
	if traces := l.traces(email); len(traces) > 0 {
		t.Errorf("the address is in %v", traces)
	}
	commit, _, err := z.Commit(ctx, z.Ref(w.Start, ""))
	if err != nil || commit.Records != 2 || commit.Withheld != 2 || commit.Generation != 2 {
		t.Errorf("%+v, %v", commit, err)
	}
	l.settled()
}

// kindOf names what an object is.
func kindOf(where string) string {
	bucket, rest, _ := strings.Cut(where, "/")
	if bucket == "results" {
		return bucket
	}
	elements := strings.Split(rest, "/")
	kind, _, _ := strings.Cut(elements[min(2, len(elements)-1)], "=")
	return bucket + "/" + kind
}

// TestErasureIsKilledAtEachRequest kills an erasure at each of its requests, in turn before and after its effect, and goes on where its last answer
// was.
func TestErasureIsKilledAtEachRequest(t *testing.T) {
	v := ready("on24")
	v.Streams = v.Streams[1:3]
	l := newLake(t, v, 6)
	email := l.busiest()
	l.litter(email)
	original, clock := l.store, l.clock
	before := map[string]map[string]int{}
	for i := range v.Streams {
		before[v.Streams[i].Name] = l.rows(&v.Streams[i], email)
	}
	check := func(what string) {
		t.Helper()
		if traces := l.traces(email); len(traces) > 0 {
			t.Fatalf("%s: the address is in %v", what, traces)
		}
		for i := range v.Streams {
			if diff := cmp.Diff(before[v.Streams[i].Name], l.rows(&v.Streams[i], email)); diff != "" {
				t.Fatalf("%s: %s", what, diff)
			}
		}
		l.settled()
	}
	l.store = original.Clone()
	l.store.ResetCalls()
	want := l.erase(email).Found
	requests := len(l.store.Calls())
	check("undisturbed")
	stride := 1
	if testing.Short() {
		stride = 7
	}
	for n := 1; n <= requests; n += stride {
		// Every other request has its effect: one that had is as the next one that had none.
		effect := n%2 == 0
		l.store, l.clock = original.Clone(), clock
		l.store.CrashAt(n, effect)
		var answer erasure.Answer
		crashed := false
		for range 100 {
			next, err := l.step(email, answer)
			if errors.Is(err, objectstoretest.ErrCrash) && !crashed {
				crashed = true
				l.store.Revive()
				continue
			}
			if err != nil {
				t.Fatalf("killed at request %d (effect %v): %v", n, effect, err)
			}
			if answer = next; answer.Next == erasure.Done {
				break
			}
		}
		if !crashed || answer.Next != erasure.Done {
			t.Fatalf("killed at request %d: crashed %v, at the end %q", n, crashed, answer.Next)
		}
		check("killed at a request")
		if diff := cmp.Diff(want, answer.Found); diff != "" {
			t.Fatalf("killed at request %d (effect %v), it tells otherwise (-undisturbed +killed):\n%s", n, effect, diff)
		}
	}
	t.Logf("%d requests", requests)
}

// TestTheVendorsForgottenAreFound has ON24 forget somebody, by which it overwrites the address, and sees that preprocess tells of it and
// who it was is found.
func TestTheVendorsForgottenAreFound(t *testing.T) {
	v := ready("on24")
	for i := range v.Streams {
		if s := &v.Streams[i]; s.Name == "registrants" {
			s.Forgotten = vendorapi.Status{Path: "userstatus", Values: []string{"forgotten"}}
		}
	}
	l := newLake(t, v, 60)
	email := l.busiest()
	ctx := context.Background()
	s, err := v.Stream("registrants")
	if err != nil {
		t.Fatal(err)
	}
	var ids string
	l.records(s, func(record []byte) {
		if bytes.Contains(record, []byte(email)) {
			var r struct {
				Client, Event, User int64
			}
			for name, to := range map[string]*int64{"clientid": &r.Client, "eventid": &r.Event, "eventuserid": &r.User} {
				if _, after, ok := bytes.Cut(record, []byte(`"`+name+`":`)); ok {
					fmt.Sscan(string(after), to)
				}
			}
			ids = fmt.Sprintf(`"clientid":%d,"eventid":%d,"eventuserid":%d`, r.Client, r.Event, r.User)
		}
	})
	// https://apidoc.on24.com/ says what the vendor writes in place of the address.
	buffer := rawzone.NewBuffer(1 << 10)
	buffer.Reset()
	buffer.Page(1)
	buffer.Add([]byte(`{` + ids + `,"email":"700000123-deleted","userstatus":"forgotten"}`))
	buffer.Add([]byte(`{"clientid":1,"eventid":2,"eventuserid":3,"email":"bob@example.com","userstatus":"active","city":"forgotten"}`))
	z := l.zone("registrants")
	newest, _, err := z.Newest(ctx, l.clock)
	if err != nil {
		t.Fatal(err)
	}
	w := window.Window{Start: newest.End, End: newest.End.Add(time.Hour)}
	attempt := rawzone.Attempt{Window: w, Number: 1, Begun: l.clock}
	if err := z.Store(ctx, &attempt, buffer, "forgets"); err != nil {
		t.Fatal(err)
	}
	if _, err := z.Put(ctx, &rawzone.Commit{Start: w.Start, End: w.End, Generation: 1, Records: 2, Parts: attempt.Parts}, ""); err != nil {
		t.Fatal(err)
	}
	var told []telemetry.PersonForgotten
	config := l.preprocess(s)
	config.Forgotten = func(_ context.Context, p telemetry.PersonForgotten) error { told = append(told, p); return nil }
	if _, err := preprocess.Run(ctx, config, l.clock); err != nil {
		t.Fatal(err)
	}
	if len(told) != 1 || len(told[0].Keys) != 1 || told[0].Stream != "registrants" || told[0].Vendor != "on24" {
		t.Fatalf("told %+v", told)
	}
	find := func() []string {
		t.Helper()
		ctx, cancel := context.WithDeadline(ctx, l.clock)
		defer cancel()
		var answer erasure.Answer
		for answer.Next != erasure.Done {
			if answer, err = erasure.Find(undone{ctx}, l.config(""), told[0].Stream, told[0].Keys, answer.Position); err != nil {
				t.Fatal(err)
			}
		}
		return answer.Digests
	}
	if diff := cmp.Diff([]string{secretKey.Digest(email)}, find()); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	l.erase(email)
	if found := find(); len(found) > 0 {
		t.Errorf("who is erased is found: %v", found)
	}
}
