package vendortest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var realNow = time.Date(2026, 11, 5, 12, 0, 0, 0, time.UTC)

// attendeeURL asks for an hour with many attendees.
func attendeeURL(base, page string) string {
	query := url.Values{"startDate": {"2026-03-10T13:00:00+00:00"}, "endDate": {"2026-03-10T13:59:59+00:00"}, "dateFilterMode": {"lastActivity"}, "pageOffset": {page}}
	return base + "/v2/client/90001/attendee?" + query.Encode()
}

func get(t testing.TB, address string) (*http.Response, []byte, error) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("accessTokenKey", "the-key")
	r.Header.Set("accessTokenSecret", "the-secret")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

func TestEachFaultIsWhatItSays(t *testing.T) {
	v, w := smallON24(t, 400)
	var slept time.Duration
	var mu sync.Mutex
	s := NewServer(v, w, secret, ServerOptions{
		Now: dayEnd, Clock: func() time.Time { return realNow },
		Sleep: func(_ context.Context, d time.Duration) error {
			mu.Lock()
			defer mu.Unlock()
			slept = d
			return nil
		},
	})
	over := httptest.NewServer(s)
	defer over.Close()
	_, whole, err := get(t, attendeeURL(over.URL, "0"))
	if err != nil || len(whole) < 10_000 {
		t.Fatalf("%d bytes, %v", len(whole), err)
	}
	for _, test := range []struct {
		fault      Fault
		status     int
		retryAfter string
		body       func([]byte, error) bool
	}{
		{Fault429Seconds, 429, "2", message},
		{Fault429Date, 429, "Thu, 05 Nov 2026 12:00:01 GMT", message},
		{Fault429ISO, 429, "2026-11-05T12:00:01.500Z", message},
		{Fault429Bare, 429, "", message},
		{FaultOverLimit, 403, "", func(b []byte, _ error) bool {
			return string(b) == `{"message":"You have reached the maximum number of calls for this api"}`
		}},
		{Fault500, 500, "", message},
		{Fault408, 408, "", message},
		{FaultCut, 200, "", func(b []byte, err error) bool {
			return errors.Is(err, io.ErrUnexpectedEOF) && len(b) < len(whole)
		}},
		{FaultSlow, 200, "", func(b []byte, err error) bool { return err == nil && string(b) == string(whole) }},
		{FaultTruncated, 200, "", func(b []byte, err error) bool {
			return err == nil && len(b) == len(whole)/2 && !json.Valid(b)
		}},
		{FaultHTML, 200, "", func(b []byte, err error) bool { return strings.Contains(string(b), "<html>") }},
	} {
		t.Run(string(test.fault), func(t *testing.T) {
			s.SetFaults(Plan{Script: []Fault{test.fault}, RetryAfter: 1500 * time.Millisecond, Slowness: time.Hour})
			resp, body, err := get(t, attendeeURL(over.URL, "0"))
			if resp == nil || resp.StatusCode != test.status || resp.Header.Get("Retry-After") != test.retryAfter || !test.body(body, err) {
				t.Errorf("answer %v, %d bytes %.80s, %v", resp, len(body), body, err)
			}
			mu.Lock()
			if test.fault == FaultSlow && slept != time.Hour {
				t.Errorf("slept %s, want an hour", slept)
			}
			mu.Unlock()
			if _, body, err = get(t, attendeeURL(over.URL, "0")); err != nil || string(body) != string(whole) {
				t.Errorf("after the fault: %d bytes, %v", len(body), err)
			}
		})
	}
	stats := s.Stats()
	if stats.FaultTotal() != 11 || stats.Faults[FaultCut] != 1 || stats.Streams["attendees"].Faults[Fault429ISO] != 1 || stats.Requests != 23 {
		t.Errorf("stats %+v", stats)
	}
}

func message(b []byte, _ error) bool { return strings.HasPrefix(string(b), `{"message":"`) }

func TestDrawnFaultsComeAtTheirRateAndLetEveryRequestThrough(t *testing.T) {
	draw := func(seed uint64) (faults map[Fault]int, longest int, sequence []Fault) {
		p := Mixed(seed, 0.3)
		p.MaxInRow = 2
		f := newFaulter(p)
		faults = map[Fault]int{}
		for request := range uint64(5000) {
			inRow := 0
			for {
				fault := f.next("attendees", request)
				sequence = append(sequence, fault)
				faults[fault]++
				if fault == FaultNone || fault == FaultSlow {
					break
				}
				inRow++
			}
			longest = max(longest, inRow)
		}
		return faults, longest, sequence
	}
	faults, longest, sequence := draw(1)
	if longest != 2 {
		t.Errorf("the same request met %d faults in a row, want 2", longest)
	}
	for _, kind := range TransientFaults {
		if faults[kind] < 100 || faults[kind] > 300 {
			t.Errorf("%s: %d times, want about 200", kind, faults[kind])
		}
	}
	if _, _, again := draw(1); !cmp.Equal(sequence, again) {
		t.Error("the draws of one seed differ")
	}
	if _, _, other := draw(2); cmp.Equal(sequence, other) {
		t.Error("the draws of two seeds are the same")
	}
}

func TestPlansCanBeForOneStreamAndForAlways(t *testing.T) {
	f := newFaulter(Plan{Streams: []string{"leads"}, Always: FaultHTML})
	for range 10 {
		if f.next("leads", 1) != FaultHTML || f.next("events", 1) != FaultNone {
			t.Fatal("want the fault always, and for leads only")
		}
	}
	scripted := newFaulter(Plan{Script: []Fault{Fault500, FaultNone, Fault500}})
	for i, want := range []Fault{Fault500, FaultNone, Fault500, FaultNone} {
		if got := scripted.next("events", uint64(i)); got != want {
			t.Errorf("request %d met %q, want %q", i, got, want)
		}
	}
}

func TestLimitsAreEnforcedByTheRealClock(t *testing.T) {
	v, w := smallON24(t, 40)
	clock := realNow
	s := NewServer(v, w, secret, ServerOptions{Now: dayEnd, EnforceLimits: true, Clock: func() time.Time { return clock }})
	query := span("2026-03-10", "2026-03-10")
	for i := range 30 {
		clock = clock.Add(time.Second)
		if status, body := ask(t, s, "lead", query); status != 200 {
			t.Fatalf("request %d: %d %v", i, status, body)
		}
	}
	if status, body := ask(t, s, "lead", query); status != 403 || body["message"] != "You have reached the maximum number of calls for this api" {
		t.Errorf("request 31: %d %v", status, body)
	}
	if status, _ := ask(t, s, "event", query); status != 200 {
		t.Errorf("another endpoint: %d, want 200", status)
	}
	clock = clock.Add(time.Minute)
	if status, _ := ask(t, s, "lead", query); status != 200 {
		t.Errorf("a minute later: %d, want 200", status)
	}
	stats := s.Stats()
	if leads := stats.Streams["leads"]; leads.MaxPerMinute != 31 || leads.Refused != 1 || stats.MaxPerMinute != 32 {
		t.Errorf("stats %+v", stats)
	}
}

func TestServerMayBeUsedByManyAtOnce(t *testing.T) {
	v, w := smallON24(t, 100)
	s := NewServer(v, w, secret, ServerOptions{Now: dayStart, Faults: []Plan{{Rates: map[Fault]float64{Fault500: 0.2}}}})
	var wait sync.WaitGroup
	for i := range 4 {
		wait.Go(func() {
			for n := range 20 {
				s.SetNow(dayStart.Add(time.Duration(n) * 72 * time.Minute))
				rec := httptest.NewRecorder()
				r := httptest.NewRequest(http.MethodGet, attendeeURL("", "0"), nil)
				r.Header.Set("accessTokenKey", "the-key")
				r.Header.Set("accessTokenSecret", "the-secret")
				s.ServeHTTP(rec, r)
				s.Stats()
				w.Records(v.Streams[i].Name, all(), dayEnd)
			}
		})
	}
	wait.Wait()
	if got := s.Stats().Requests; got != 80 {
		t.Errorf("%d requests counted, want 80", got)
	}
}

func TestLatencyEndsWithTheRequest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := wait(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("wait: %v, want a cancelled one to end", err)
	}
	if err := wait(t.Context(), time.Millisecond); err != nil {
		t.Errorf("wait: %v", err)
	}
}

func TestUnknownStreamIsTheCallersMistake(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("want a panic")
		}
	}()
	(&World{shelves: map[string]shelf{}}).Records("nothing", all(), dayEnd)
}

var _ http.Handler = (*Server)(nil)
