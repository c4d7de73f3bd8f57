package vendortest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
	"github.com/windrow-data/windrow/functions/window"
)

// These tests let the real client read the simulated vendor. The two share no code, so what one of them
// gets wrong shows as a record too many or too few.

// sleepless are a client's surroundings in which no time passes.
func sleepless() vendorapi.Options {
	return vendorapi.Options{
		Now:    func() time.Time { return realNow },
		Sleep:  func(context.Context, time.Duration) error { return nil },
		Random: func() float64 { return 0.5 },
		Logger: slog.New(slog.DiscardHandler),
	}
}

// handlerTransport answers requests from a handler without a network. A cut connection is a body that ends early.
type handlerTransport struct{ http.Handler }

func (h handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	clone := r.Clone(r.Context())
	if clone.Body == nil {
		clone.Body = http.NoBody
	}
	if clone.Host == "" {
		clone.Host = r.URL.Host
	}
	h.ServeHTTP(rec, clone)
	resp := rec.Result()
	resp.Request = r
	return resp, nil
}

// read reads a window to its end with the client.
func read(v *vendorapi.Vendor, transport http.RoundTripper, stream string, fields map[string]string, in window.Window) (records []string, err error) {
	o := sleepless()
	o.Transport = transport
	c, err := vendorapi.NewClient(v, stream, fields, o)
	if err != nil {
		return nil, err
	}
	for at := (vendorapi.Cursor{}); ; {
		page, err := c.Page(context.Background(), in, at)
		if err != nil {
			return records, err
		}
		if page.Outside > 0 {
			return records, fmt.Errorf("%d records of a good vendor are taken for ones that lie outside the window", page.Outside)
		}
		for record := range page.Records() {
			records = append(records, string(record))
		}
		if page.Last {
			return records, nil
		}
		at = page.Next
	}
}

func TestClientReadsON24ThroughFaults(t *testing.T) {
	v := on24.Vendor("90001")
	v.AllowPrivate = true
	for i := range v.Streams {
		v.Streams[i].RateLimit = vendorapi.RateLimit{}
	}
	w := world(t, v, dayStart, 2000)
	plan := Mixed(5, 0.4)
	plan.Slowness = time.Millisecond
	s := NewServer(v, w, secret, ServerOptions{Now: dayEnd, Faults: []Plan{plan}, Clock: func() time.Time { return realNow }})
	over := httptest.NewServer(s)
	defer over.Close()
	v.BaseURL = over.URL + "/v2"
	for i := range v.Streams {
		stream := &v.Streams[i]
		span := 6 * time.Hour
		if longest := stream.Window.LongestSpan.D(); longest > 0 && longest < span {
			span = longest
		}
		for start := dayStart.Add(12 * time.Hour); start.Before(dayStart.Add(18 * time.Hour)); start = start.Add(span) {
			in := window.Window{Start: start, End: start.Add(span)}
			got, err := read(v, nil, stream.Name, secret, in)
			if diff := cmp.Diff(jsonOf(w.Records(stream.Name, in, dayEnd)), got); err != nil || diff != "" {
				t.Errorf("%s %s: %v (-held +read):\n%s", stream.Name, in, err, diff)
			}
		}
	}
	if stats := s.Stats(); stats.FaultTotal() < 20 {
		t.Errorf("%d faults, want at least 20", stats.FaultTotal())
	}
}

// drawVendor draws a description, for which places, pages, bounds, totals and credentials vary.
func drawVendor(t *rapid.T) *vendorapi.Vendor {
	days := rapid.IntRange(0, 3).Draw(t, "whole days") == 0
	return described(func(v *vendorapi.Vendor, s *vendorapi.Stream) {
		w := &s.Window
		w.Zone = rapid.SampledFrom([]string{"", "America/Los_Angeles", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"}).Draw(t, "zone")
		w.EndInclusive = rapid.Bool().Draw(t, "inclusive")
		s.Paging = vendorapi.Paging{Kind: rapid.SampledFrom([]vendorapi.PagingKind{vendorapi.PagingNone, vendorapi.PagingOffset, vendorapi.PagingNumber,
			vendorapi.PagingToken, vendorapi.PagingNextLink, vendorapi.PagingLinkHeader}).Draw(t, "paging")}
		// A link can only be followed by GET.
		link := s.Paging.Kind == vendorapi.PagingNextLink || s.Paging.Kind == vendorapi.PagingLinkHeader
		in := vendorapi.InQuery
		if !link && rapid.Bool().Draw(t, "post") {
			s.Method, in = http.MethodPost, vendorapi.InBody
		}
		w.Start, w.End = vendorapi.Place{In: in, Name: "range.from"}, vendorapi.Place{In: in, Name: "range.to"}
		if days {
			w.Layout, w.Resolution, w.Granularity = time.DateOnly, 0, vendorapi.Duration(24*time.Hour)
		} else {
			w.Layout = rapid.SampledFrom([]string{time.RFC3339, "2006-01-02T15:04:05.000Z07:00", "2006-01-02 15:04:05", vendorapi.LayoutUnix, vendorapi.LayoutUnixMilli}).Draw(t, "layout")
			w.Resolution = vendorapi.Duration(rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute}).Draw(t, "resolution"))
		}
		switch s.Paging.Kind {
		case vendorapi.PagingNone:
		case vendorapi.PagingToken:
			s.Paging.Place, s.Paging.NextPath = vendorapi.Place{In: in, Name: "page.token"}, "data.next"
		case vendorapi.PagingNextLink:
			s.Paging.NextPath = "links.next"
		case vendorapi.PagingNumber:
			s.Paging.First = rapid.IntRange(0, 1).Draw(t, "first")
			s.Paging.Place = vendorapi.Place{In: in, Name: "page.number"}
		case vendorapi.PagingOffset:
			s.Paging.Place = vendorapi.Place{In: in, Name: "page.offset"}
		}
		if s.Paging.Kind != vendorapi.PagingNone {
			s.Paging.Size = rapid.IntRange(5, 40).Draw(t, "size")
			if rapid.Bool().Draw(t, "asked size") {
				s.Paging.SizePlace = vendorapi.Place{In: in, Name: "page.size"}
			}
		}
		switch rapid.IntRange(0, 2).Draw(t, "total") {
		case 0:
			s.Total = vendorapi.Total{}
		case 1:
			s.Total = vendorapi.Total{Header: "X-Total-Count"}
		}
		if s.Total.Path == "" && s.Paging.Kind != vendorapi.PagingToken && s.Paging.Kind != vendorapi.PagingNextLink && rapid.Bool().Draw(t, "bare array") {
			s.RecordsPath = ""
		} else {
			s.RecordsAbsentWhenEmpty = rapid.Bool().Draw(t, "absent")
		}
		v.Auth = rapid.SampledFrom([]vendorapi.Auth{
			{Kind: vendorapi.AuthNone},
			{Kind: vendorapi.AuthBearer, TokenField: "token"},
			{Kind: vendorapi.AuthBasic, UsernameField: "user", PasswordField: "token"},
			{Kind: vendorapi.AuthQueryKey, TokenField: "token", Parameter: "key"},
			{Kind: vendorapi.AuthHeaders, HeaderFields: map[string]string{"X-Token": "token"}},
		}).Draw(t, "auth")
	})
}

func TestClientReadsDescribedVendorsExactly(t *testing.T) {
	fields := map[string]string{"user": "somebody", "token": "t0ken-of-some-length"}
	// Both clock changes of 2026 in the zones drawn lie in these days, beside an ordinary one.
	starts := []time.Time{dayStart, time.Date(2026, 3, 8, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 28, 18, 0, 0, 0, time.UTC), time.Date(2026, 4, 4, 8, 0, 0, 0, time.UTC),
		time.Date(2026, 10, 3, 8, 0, 0, 0, time.UTC), time.Date(2026, 10, 24, 18, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	rapid.Check(t, func(t *rapid.T) {
		v := drawVendor(t)
		if err := v.Validate(); err != nil {
			t.Fatal(err)
		}
		stream := &v.Streams[0]
		from := rapid.SampledFrom(starts).Draw(t, "day")
		w, err := Generate(v, Size{Seed: 3, From: from, Until: from.Add(24 * time.Hour), Attendees: 200})
		if err != nil {
			t.Fatal(err)
		}
		now := from.Add(25 * time.Hour)
		transport := handlerTransport{NewServer(v, w, fields, ServerOptions{Now: now})}
		cuts := []time.Time{stream.AlignDown(from.Add(-time.Hour)), stream.AlignDown(from.Add(30 * time.Hour))}
		for range rapid.IntRange(0, 3).Draw(t, "cuts") {
			cuts = append(cuts, stream.AlignDown(from.Add(time.Duration(rapid.IntRange(0, 24*3600*1000).Draw(t, "cut"))*time.Millisecond)))
		}
		slices.SortFunc(cuts, time.Time.Compare)
		var total int
		for i := range len(cuts) - 1 {
			in := window.Window{Start: cuts[i], End: cuts[i+1]}
			if !in.End.After(in.Start) {
				continue
			}
			got, err := read(v, transport, stream.Name, fields, in)
			if err != nil {
				t.Fatal(err)
			}
			total += len(got)
			if diff := cmp.Diff(jsonOf(w.Records(stream.Name, in, now)), got); diff != "" {
				t.Fatalf("%s (-held +read):\n%s", in, diff)
			}
		}
		if whole := len(w.Records(stream.Name, window.Window{Start: from.AddDate(-1, 0, 0), End: from.AddDate(1, 0, 0)}, now)); total != whole || whole != 200 {
			t.Fatalf("%d records read in all windows, %d held, want 200", total, whole)
		}
	})
}

// A simulated vendor that a wrong description could read rightly would prove nothing.
func TestClientWithAWrongDescriptionReadsSomethingElse(t *testing.T) {
	right := func(change func(*vendorapi.Stream)) *vendorapi.Vendor {
		return described(func(_ *vendorapi.Vendor, s *vendorapi.Stream) {
			s.Window.Layout, s.Window.Zone, s.Window.EndInclusive = "2006-01-02 15:04:05", "Europe/Berlin", true
			s.Paging = vendorapi.Paging{Kind: vendorapi.PagingNumber, First: 1, Place: inQuery("page"), Size: 7, SizePlace: inQuery("take")}
			change(s)
		})
	}
	truth := right(func(*vendorapi.Stream) {})
	w := world(t, truth, dayStart, 400)
	transport := handlerTransport{NewServer(truth, w, nil, ServerOptions{Now: dayEnd})}
	// Both bounds lie in seconds with records.
	burst := dayStart.Add(13*time.Hour + 12*time.Minute)
	in := window.Window{Start: burst, End: burst.Add(20 * time.Second)}
	want := jsonOf(w.Records("calls", in, dayEnd))
	if got, err := read(truth, transport, "calls", nil, in); err != nil || !slices.Equal(got, want) || len(want) < 30 {
		t.Fatalf("the right description reads %d records of %d: %v", len(got), len(want), err)
	}
	for name, change := range map[string]func(*vendorapi.Stream){
		"the end is taken to be exclusive": func(s *vendorapi.Stream) { s.Window.EndInclusive = false },
		"another zone":                     func(s *vendorapi.Stream) { s.Window.Zone = "Europe/London" },
		"pages counted from 0":             func(s *vendorapi.Stream) { s.Paging.First = 0 },
		"pages too large":                  func(s *vendorapi.Stream) { s.Paging.Size = 8 },
		"offsets in place of numbers":      func(s *vendorapi.Stream) { s.Paging.Kind, s.Paging.First = vendorapi.PagingOffset, 0 },
		"records elsewhere":                func(s *vendorapi.Stream) { s.RecordsPath = "data.records" },
		"another layout":                   func(s *vendorapi.Stream) { s.Window.Layout = time.RFC3339 },
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := read(right(change), transport, "calls", nil, in); err == nil && slices.Equal(got, want) {
				t.Errorf("it reads the very same %d records", len(got))
			}
		})
	}
}
