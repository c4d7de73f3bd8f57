package ingest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/forgotten"
	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

var privacyKey = privacy.Key(strings.Repeat("k", privacy.GeneratedKeyLength))

func emailOf(id int) string { return fmt.Sprintf("p%d@example.com", id) }

func ofPeople(s *vendorapi.Stream) {
	s.PersonPath = "email"
	s.Columns = append(s.Columns, vendorapi.Column{Name: "email", Type: vendorapi.TypeString, Personal: vendorapi.PersonalEmail})
}

// newPeople is a fixture whose records are of people, each with the one before as a host.
func newPeople(t *testing.T, change ...func(*vendorapi.Stream)) *fixture {
	f := newFixture(t, append(change, ofPeople)...)
	f.model.named = true
	return f
}

// forget puts a person on the list.
func (f *fixture) forget(id int) {
	f.t.Helper()
	if _, err := forgotten.Add(context.Background(), f.zone.Bucket, f.zone.Vendor, privacyKey.Digest(emailOf(id))); err != nil {
		f.t.Fatal(err)
	}
}

// invokeKeyed is invoke of a function that has the key of digests.
func (f *fixture) invokeKeyed(now time.Time) ingest.Answer {
	f.t.Helper()
	ctx, cancel, config := f.invocation()
	defer cancel()
	config.PrivacyKey = func(context.Context) (privacy.Key, error) { return privacyKey, nil }
	answer, err := ingest.Run(ctx, config, now)
	if err != nil {
		f.t.Fatal(err)
	}
	return answer
}

// mentions counts the current parts that have the person's address in them.
func (f *fixture) mentions(commit *rawzone.Commit, id int) (n int) {
	f.t.Helper()
	for _, part := range commit.Parts {
		body, err := f.zone.OpenPart(context.Background(), part)
		if err != nil {
			f.t.Fatal(err)
		}
		err = rawzone.EachRecord(body, func(record []byte) error {
			n += strings.Count(string(record), `"`+emailOf(id)+`"`)
			return nil
		})
		if err != nil {
			f.t.Fatal(err)
		}
	}
	return n
}

func TestWhoIsForgottenIsNotStored(t *testing.T) {
	for name, change := range map[string]func(*vendorapi.Stream){"counted": func(*vendorapi.Stream) {}, "read again": moving} {
		t.Run(name, func(t *testing.T) {
			f := newPeople(t, change)
			f.every(day.Add(-50*time.Minute), time.Minute, 40*time.Minute)
			f.forget(7)
			answer := f.invokeKeyed(day)
			commits := f.commits()
			last := commits[len(commits)-1]
			if answer.Withheld != 1 || last.Withheld != 1 || last.Records != 39 || last.Announced != 40 || !last.Settled || last.Format != 2 {
				t.Fatalf("withheld %d; commit %+v", answer.Withheld, last)
			}
			if n, others := f.mentions(last, 7), f.mentions(last, 8); n != 0 || others != 2 {
				t.Errorf("the address stands in what is stored, %d times, and that of the next one %d times, want 0 and 2", n, others)
			}
			// Audits take the window for unchanged, and a run that reads no window does not ask who is forgotten.
			f.store.ResetCalls()
			for now := day.Add(30 * time.Minute); now.Before(day.Add(50 * time.Hour)); now = now.Add(30 * time.Minute) {
				f.invokeKeyed(now)
			}
			for _, call := range f.store.Calls() {
				if call.Key == forgotten.Key("model") && name == "counted" {
					t.Fatalf("an idle run reads the list, at request %d", call.Number)
				}
				if call.Operation == objectstoretest.Put && strings.Contains(call.Key, "parts/") {
					t.Fatalf("an audit stores the part %s", call.Key)
				}
			}
			if again := f.commits(); again[len(commits)-1].Generation != 1 {
				t.Errorf("an audit has replaced the commit: %+v", again[len(commits)-1])
			}
		})
	}
}

func TestWhoIsForgottenStaysSoWhereAWindowIsReplaced(t *testing.T) {
	f := newPeople(t, moving)
	f.every(day.Add(-50*time.Minute), time.Minute, 40*time.Minute)
	f.invokeKeyed(day)
	f.forget(7)
	f.forget(40)
	// The last one has moved on, and is carried over from what was stored before; the forgotten are not.
	f.model.records = f.model.records[:38]
	answer := f.invokeKeyed(day.Add(time.Hour))
	commits := f.commits()
	c := commits[0]
	if answer.Replaced != 1 || c.Generation != 2 || c.Withheld != 1 || c.Carried != 1 || c.Records != 38 || answer.Late != 0 {
		t.Fatalf("answer %+v, commit %+v", answer, c)
	}
	if n := f.mentions(c, 7) + f.mentions(c, 40); n != 0 {
		t.Errorf("the addresses stand in what is stored, %d times", n)
	}
}

func TestWhatWasStoredUnderAnEarlierListIsNotGoneOnWith(t *testing.T) {
	for name, forget := range map[string]bool{"nobody is forgotten": false, "somebody is forgotten meanwhile": true} {
		t.Run(name, func(t *testing.T) {
			f := newPeople(t)
			f.every(day.Add(-20*time.Minute), time.Second, 14*time.Minute)
			f.timeout, f.model.perPage = time.Minute, 2*time.Second
			f.vendor.Streams[0].Window.LongestSpan = vendorapi.Duration(24 * time.Hour)
			if answer := f.invokeKeyed(day); !answer.More {
				t.Fatalf("the window is read at once: %+v", answer)
			}
			if forget {
				f.forget(3)
			}
			f.timeout = time.Hour
			f.invokeKeyed(day)
			for _, c := range f.commits() {
				if c.Records == 0 {
					continue
				}
				if resumed := c.Resumes > 0; resumed == forget {
					t.Errorf("resumed %v; attempt %d", resumed, c.Attempt)
				}
				if forget && f.mentions(c, 3) != 0 {
					t.Error("the address stands in what is stored")
				}
			}
		})
	}
}

func TestAListWithoutAKeyStopsIngest(t *testing.T) {
	f := newPeople(t)
	f.every(day.Add(-50*time.Minute), time.Minute, 40*time.Minute)
	f.forget(7)
	if _, err := f.invoke(day); err == nil || !strings.Contains(err.Error(), "no key to know them by") {
		t.Errorf("got %v", err)
	}
	if parts := f.store.Keys("raw", "model/visits/parts/"); len(parts) > 0 {
		t.Errorf("parts are stored: %v", parts)
	}
}
