package ingest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

func TestStalenessIsTold(t *testing.T) {
	f := newFixture(t)
	f.every(day.Add(-36*time.Hour), time.Minute, 48*time.Hour)
	seconds := func(answer *float64) float64 {
		if answer == nil {
			return -1
		}
		return *answer
	}
	// All is read up to the settle delay.
	if got := seconds(f.execute(day)[0].StalenessSeconds); got != (5 * time.Minute).Seconds() {
		t.Errorf("after a run that read all there is, %g s", got)
	}
	// The vendor is down: the watermark stands where it stood.
	f.model.fail = func(int) int { return http.StatusInternalServerError }
	answer, err := f.invoke(day.Add(2 * time.Hour))
	if got := seconds(answer.StalenessSeconds); err == nil || got != (2*time.Hour+5*time.Minute).Seconds() {
		t.Errorf("after two hours without the vendor, %g s (%v)", got, err)
	}
	// A run that does not learn the watermark says nothing.
	f.model.fail = nil
	f.store.Before = func(objectstoretest.Call) error { return errors.New("S3 is down") }
	if answer, err = f.invoke(day.Add(3 * time.Hour)); err == nil || answer.StalenessSeconds != nil {
		t.Errorf("without S3, %g s (%v)", seconds(answer.StalenessSeconds), err)
	}
}

// TestTheLogHasEachFindingWhole reads a past that the vendor refuses day after day, with much to say of each.
func TestTheLogHasEachFindingWhole(t *testing.T) {
	fields := strings.Repeat("field,", 200)
	f := newFixture(t, func(s *vendorapi.Stream) { s.Query = map[string]string{"fields": fields} })
	f.execute(day)
	f.model.fail = func(int) int { return http.StatusNotFound }
	ctx, cancel, config := f.invocation()
	defer cancel()
	var logs bytes.Buffer
	config.Logger = slog.New(slog.NewJSONHandler(&logs, nil))
	answer, err := ingest.Backfill(ctx, config, ingest.Past{Start: day.Add(-11 * 24 * time.Hour), End: day.Add(-24 * time.Hour)}, day)
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Findings) != telemetry.MaxOfKind || answer.Found() != 10 || answer.Findings[telemetry.MaxOfKind-1].More != 10-telemetry.MaxOfKind {
		t.Errorf("of 10 days %d findings, %d found", len(answer.Findings), answer.Found())
	}
	logged := 0
	for line := range strings.Lines(logs.String()) {
		var l struct{ Msg, Kind, Message string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l.Msg == "finding" && l.Kind == string(telemetry.RangeUnread) && strings.Contains(l.Message, url.QueryEscape(fields)) {
			logged++
		}
	}
	if logged != 10 {
		t.Errorf("the log has %d of them whole, want 10", logged)
	}
}

func TestAnErrorNamesItsStreamAndItsWindowOnce(t *testing.T) {
	reread := func(s *vendorapi.Stream) { s.Audit = vendorapi.AuditReread }
	for name, told := range map[string]func(f *fixture) string{
		"a window is refused": func(f *fixture) string {
			f.model.fail = func(int) int { return http.StatusNotFound }
			_, err := f.invoke(day)
			return err.Error()
		},
		"a window is refused when it is read again": func(f *fixture) string {
			f.execute(day)
			f.model.refuse = day.Add(-24 * time.Hour)
			_, err := f.invoke(day.Add(30 * time.Minute))
			return err.Error()
		},
		"a window of the past is refused": func(f *fixture) string {
			f.execute(day)
			f.model.refuse = day.Add(-24 * time.Hour)
			answer, err := f.backfillOnce(ingest.Past{Start: day.Add(-2 * time.Hour), End: day.Add(-time.Hour)}, day.Add(time.Hour))
			if err != nil {
				return err.Error()
			}
			return "stream " + answer.Findings[0].Stream + ": " + answer.Findings[0].Message
		},
		"a day before genesis is refused": func(f *fixture) string {
			f.execute(day)
			f.model.refuse = day.Add(-3 * 24 * time.Hour)
			answer, err := f.backfillOnce(ingest.Past{Start: day.Add(-3 * 24 * time.Hour), End: day.Add(-2 * 24 * time.Hour)}, day)
			if err != nil {
				return err.Error()
			}
			return "stream " + answer.Findings[0].Stream + ": " + answer.Findings[0].Message
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := told(newFixture(t, reread))
			if strings.Count(text, "stream visits") != 1 || strings.Count(text, "window [") != 1 {
				t.Error(text)
			}
		})
	}
}

func TestAVendorThatTakesNoNoticeOfTheWindowIsTold(t *testing.T) {
	month := 30 * 24 * time.Hour
	old := func(f *fixture, records int) {
		for range records {
			f.add(day.Add(-month))
		}
	}
	recent := func(f *fixture, records int) {
		f.every(day.Add(-10*time.Hour), time.Minute, time.Duration(records)*time.Minute)
	}
	for name, test := range map[string]struct {
		change func(*vendorapi.Stream)
		fill   func(*fixture)
		deaf   bool
		want   telemetry.Numbers
	}{
		"it gives a month for a day": {nil, func(f *fixture) { f.every(day.Add(-month), time.Hour, month) }, true, telemetry.Numbers{"outside": 648, "records": 720}},
		"and for each of several windows": {
			func(s *vendorapi.Stream) { s.Window.LongestSpan = vendorapi.Duration(6 * time.Hour) },
			func(f *fixture) { f.every(day.Add(-month), time.Hour, month) }, true, telemetry.Numbers{"outside": 648, "records": 720},
		},
		"records are placed by their own time": {
			func(s *vendorapi.Stream) { s.Window.Resolution, s.Audit = 0, vendorapi.AuditReread },
			func(f *fixture) { f.every(day.Add(-month), time.Hour, month) }, true, telemetry.Numbers{"outside": 648, "records": 720},
		},
		"it gives what is asked for":     {nil, func(f *fixture) { f.every(day.Add(-month), time.Hour, month) }, false, nil},
		"it has no more than the day":    {nil, func(f *fixture) { recent(f, 20) }, true, nil},
		"half of its records are old":    {nil, func(f *fixture) { old(f, 3); recent(f, 3) }, true, telemetry.Numbers{"outside": 3, "records": 6}},
		"fewer than half are":            {nil, func(f *fixture) { old(f, 3); recent(f, 4) }, true, nil},
		"one is no sign":                 {nil, func(f *fixture) { old(f, 1) }, true, nil},
		"records do not show their time": {func(s *vendorapi.Stream) { s.TimePath = "" }, func(f *fixture) { old(f, 9) }, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			if test.change != nil {
				test.change(&f.vendor.Streams[0])
			}
			test.fill(f)
			f.model.deaf = test.deaf
			answer, err := f.invoke(day)
			if err != nil {
				t.Fatal(err)
			}
			var got []telemetry.Numbers
			for _, finding := range answer.Findings {
				if finding.Kind == telemetry.OutsideWindow {
					got = append(got, finding.Numbers)
				}
			}
			var want []telemetry.Numbers
			if test.want != nil {
				want = append(want, test.want)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMuchThrottlingIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		// one of so many requests is let through.
		of   int
		want bool
	}{
		"hardly any request is let through": {3, true},
		"most are":                          {0, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.vendor.Retry.MaxAttempts = 5
			f.every(day.Add(-24*time.Hour), 2*time.Minute, 24*time.Hour)
			f.model.fail = func(request int) int {
				if c.of > 0 && request%c.of != 0 || c.of == 0 && request%10 == 0 {
					return http.StatusTooManyRequests
				}
				return 0
			}
			told := false
			for _, answer := range f.execute(day) {
				for _, finding := range answer.Findings {
					if finding.Kind == telemetry.VendorThrottles {
						told = true
						if finding.Numbers["throttled"] < 20 || finding.Numbers["requests"] <= finding.Numbers["throttled"] {
							t.Errorf("numbers %v", finding.Numbers)
						}
					}
				}
			}
			if told != c.want {
				t.Errorf("told: %t, want %t", told, c.want)
			}
		})
	}
}
