package ingest_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/telemetry"
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
