package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/startup"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
	"github.com/windrow-data/windrow/functions/window"
)

// few are fewer templates than the benchmark's, which take a second to make.
var few = sync.OnceValue(func() []template {
	templates, err := makeTemplates(1, 150)
	if err != nil {
		panic(err)
	}
	return templates
})

func TestTemplates(t *testing.T) {
	t.Parallel()
	size := 0
	for _, template := range few() {
		size += len(template.json)
		if !json.Valid(template.json) {
			t.Fatalf("no JSON: %s", template.json)
		}
		if digits := template.json[template.user : template.user+9]; len(template.dates) == 0 || digits[0] < '1' || digits[8] > '9' {
			t.Fatalf("the places of %s are %+v", template.json, template)
		}
	}
	if average := size / len(few()); average < meanRecordBytes*9/10 || average > meanRecordBytes {
		t.Errorf("records have %d bytes on average, want about %d", average, meanRecordBytes)
	}
}

// What is before a time is what the times of all tell.
func TestAttendanceBefore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		a := attendance{from: firstDay, perDay: rapid.IntRange(1, 40).Draw(rt, "perDay")}
		a.total = rapid.IntRange(0, 100).Draw(rt, "total")
		at := firstDay.Add(time.Duration(rapid.Int64Range(-3, 120*24*3600).Draw(rt, "at")) * time.Second)
		want := 0
		for k := range a.total {
			if a.at(k).Before(at) {
				want++
			}
		}
		if got := a.before(at); got != want {
			rt.Errorf("%d are before %s, want %d", got, at, want)
		}
	})
}

// The pages, read by the client that the handlers read with, hold each attendee once, on the day of the window.
func TestPagesAreON24s(t *testing.T) {
	t.Parallel()
	v, err := serveVendor(attendance{templates: few(), from: firstDay, perDay: 230, total: 2 * 230}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	described := v.description()
	client, err := vendorapi.NewClient(described, stream, vendorapi.Secret{on24.AccessTokenKey: "k", on24.AccessTokenSecret: "s"}, vendorapi.Options{
		Now: time.Now, Sleep: startup.Sleep, Random: func() float64 { return 0 }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	users := map[int64]bool{}
	for day := range 2 {
		w := window.Window{Start: firstDay.AddDate(0, 0, day), End: firstDay.AddDate(0, 0, day+1)}
		var cursor vendorapi.Cursor
		for {
			page, err := client.Page(t.Context(), w, cursor)
			if err != nil {
				t.Fatal(err)
			}
			if page.Total != 230 {
				t.Fatalf("the total of %s is %d, want 230", w, page.Total)
			}
			for record := range page.Records() {
				var attendee struct {
					EventUserID int64  `json:"eventuserid"`
					Last        string `json:"lastliveactivity"`
					Archive     string `json:"lastarchiveactivity"`
				}
				if err := json.Unmarshal(record, &attendee); err != nil {
					t.Fatal(err)
				}
				if users[attendee.EventUserID] {
					t.Fatalf("the attendee %d comes twice", attendee.EventUserID)
				}
				users[attendee.EventUserID] = true
				if last := max(attendee.Last, attendee.Archive)[:10]; last < w.Start.Format(time.DateOnly) || last > w.End.Format(time.DateOnly) {
					t.Fatalf("an attendee of %s was there last on %s", w, last)
				}
			}
			if cursor = page.Next; page.Last {
				break
			}
		}
	}
	if len(users) != 2*230 {
		t.Errorf("%d attendees were given, want %d", len(users), 2*230)
	}
	if got, want := v.requests.Load(), int64(2*3); got != want {
		t.Errorf("%d pages were asked for, want %d", got, want)
	}
}

// The floor asks for the pages that the client asks for, by the same requests.
func TestFloorAsksAsTheClient(t *testing.T) {
	t.Parallel()
	v, err := serveVendor(attendance{templates: few(), from: firstDay, perDay: 100, total: 100}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	w := window.Window{Start: firstDay, End: v.until()}
	client, err := vendorapi.NewClient(v.description(), stream, vendorapi.Secret{on24.AccessTokenKey: "k", on24.AccessTokenSecret: "s"}, vendorapi.Options{
		Now: time.Now, Sleep: startup.Sleep, Random: func() float64 { return 0 }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	floor, err := http.NewRequestWithContext(context.Background(), http.MethodGet, v.pagesOf(w).URL+"0", nil)
	if err != nil {
		t.Fatal(err)
	}
	// Describe is the method, the address and the body.
	var method, address string
	if _, err := fmt.Sscan(client.Describe(w), &method, &address); err != nil {
		t.Fatal(err)
	}
	asked := httptest.NewRequest(method, address, nil)
	if diff := cmp.Diff(asked.URL.Query(), floor.URL.Query()); diff != "" || asked.URL.Path != floor.URL.Path {
		t.Errorf("the client asks %s, the floor %s:\n%s", asked.URL, floor.URL, diff)
	}
}

func TestVendorRefuses(t *testing.T) {
	t.Parallel()
	v := &vendorServer{attendance: attendance{templates: few(), from: firstDay, perDay: 10, total: 10}}
	v.buffers.New = func() any { return new([]byte) }
	good := "/v2/client/" + clientID + "/attendee?startDate=2026-01-05T08:00:00%2B00:00&endDate=2026-01-06T07:59:59%2B00:00&itemsPerPage=100&pageOffset=0"
	tests := []struct {
		name, target, key string
		want              int
	}{
		{"as it should be", good, "k", http.StatusOK},
		{"no key", good, "", http.StatusNotFound},
		{"another path", "/v2/client/1/attendee", "k", http.StatusNotFound},
		{"no bounds", "/v2/client/" + clientID + "/attendee?itemsPerPage=100&pageOffset=0", "k", http.StatusBadRequest},
		{"too many on a page", good[:len(good)-len("100&pageOffset=0")] + "101&pageOffset=0", "k", http.StatusBadRequest},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			request := httptest.NewRequest(http.MethodGet, test.target, nil)
			request.Header.Set(on24.AccessTokenKey, test.key)
			answer := httptest.NewRecorder()
			v.ServeHTTP(answer, request)
			if answer.Code != test.want {
				t.Errorf("answered with %d, want %d: %s", answer.Code, test.want, answer.Body)
			}
		})
	}
}
