package ingest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// TestWhenStoredPartsAreLookedFor reads a window of one page, and then one of five pages, for the first time and again, that an
// invocation has left unfinished after its third page. What is asked of the vendor is told by the number of records before the page.
func TestWhenStoredPartsAreLookedFor(t *testing.T) {
	tests := []struct {
		name                   string
		change                 func(*vendorapi.Stream)
		single, resumed, again string
	}{
		// The first page says whether it is worth to look.
		{"pages by offset", func(*vendorapi.Stream) {}, "page 0", "page 0, look, page 30, page 40", "page 0, look, page 30, page 40"},
		{"pages by number", byNumber, "page 0", "page 0, look, page 30, page 40", "page 0, look, page 30, page 40"},
		// Another first page may be the end of the tokens that are stored.
		{"pages by token", byToken, "look, page 0", "look, page 30, page 40", "look, page 30, page 40"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t, test.change, func(s *vendorapi.Stream) { s.Lookback = 0 })
			var asked []string
			f.model.total = func(_, truth int) int {
				asked = append(asked, fmt.Sprintf("page %d", f.model.offset))
				return truth
			}
			f.store.Before = func(c objectstoretest.Call) error {
				if c.Operation == objectstoretest.List && strings.Contains(c.Key, "/parts/") {
					asked = append(asked, "look")
				}
				return nil
			}
			sequence := func() string {
				defer func() { asked = nil }()
				return strings.Join(asked, ", ")
			}
			// fails lets the fourth request from now on fail.
			fails := func() {
				before := f.model.requests
				f.model.fail = func(request int) int {
					if request == before+4 {
						return http.StatusInternalServerError
					}
					return 0
				}
			}
			f.every(day.Add(-time.Hour), 10*time.Minute, 50*time.Minute)
			f.every(day, 30*time.Second, 25*time.Minute)
			f.execute(day)
			if diff := cmp.Diff(test.single, sequence()); diff != "" {
				t.Errorf("a single page (-want +got):\n%s", diff)
			}
			fails()
			if _, err := f.invoke(day.Add(30 * time.Minute)); err == nil {
				t.Fatal("no error")
			}
			sequence()
			f.execute(day.Add(30 * time.Minute))
			if diff := cmp.Diff(test.resumed, sequence()); diff != "" {
				t.Errorf("resumed (-want +got):\n%s", diff)
			}
			commits := f.check()
			past := ingest.Past{Start: day, End: commits[len(commits)-1].End}
			f.model.records[len(f.model.records)-1].score = 1
			fails()
			if _, err := f.backfillOnce(past, day.Add(time.Hour)); err == nil {
				t.Fatal("no error")
			}
			sequence()
			if _, err := f.backfillOnce(past, day.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.again, sequence()); diff != "" {
				t.Errorf("read again (-want +got):\n%s", diff)
			}
			f.check()
		})
	}
}
