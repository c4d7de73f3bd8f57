package pricing_test

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/pricing"
)

// fourStreams is the construct's default with the four streams of the published comparison.
var fourStreams = pricing.Configuration{
	Streams: 4, Interval: 30 * time.Minute, DaysPerYear: 365, Architecture: pricing.ARM64, MemoryMB: 128, TransitionsPerRun: 11, TracesPerRun: 1,
	LogRetentionDays: 30, AlarmMetrics: 7, CompositeAlarms: 1, CustomMetrics: 3, Secrets: 1, Budgets: 1,
}

// TestAPipelineIsCheap holds what the README promises.
func TestAPipelineIsCheap(t *testing.T) {
	idle := pricing.USEast1.Year(fourStreams, pricing.IdleDay(4, fourStreams.RunsPerDay()))
	busy := pricing.USEast1.Year(fourStreams, pricing.WebinarDay(4, fourStreams.RunsPerDay()))
	running := []pricing.Use{pricing.Compute, pricing.Requests, pricing.Transitions}
	if got := idle.Of(running...); got > 7 {
		t.Errorf("a year without anything new runs for $%.2f, want $7 at most", got)
	}
	if got := idle.Total(); got > 37.5 {
		t.Errorf("a year without anything new costs $%.2f in all, want $37.50 at most", got)
	}
	// What S3 asks for the requests grows with what is written and replaced; what Lambda and Step Functions ask does not.
	lambda := 0.0
	for _, line := range busy.Lines {
		if line.Use == pricing.Requests && line.Service == "Lambda" {
			lambda += line.USD
		}
	}
	if got := busy.Of(pricing.Compute, pricing.Transitions) + lambda; got > 6.60 {
		t.Errorf("a year of webinars takes $%.2f of Lambda and Step Functions, want $6.60 at most", got)
	}
	// What was measured of ON24's five streams: 2,768 rounds of requests to the vendor, 4,717 writes and lists, 3,356 reads, 480 invocations, 519 events.
	five := pricing.WebinarDay(5, 48)
	for what, figures := range map[string][2]float64{
		"rounds": {five.VendorRounds, 2768}, "writes": {five.Writes, 4717}, "reads": {five.Reads, 3356}, "invocations": {five.Invocations, 480}, "events": {five.Events, 519},
	} {
		if math.Abs(figures[0]/figures[1]-1) > 0.03 {
			t.Errorf("a day of five streams has %g %s, measured were %g", figures[0], what, figures[1])
		}
	}
	if glue := pricing.USEast1.Glue(fourStreams, pricing.PublishedJobs()...).Total(); busy.Total() > glue/2 {
		t.Errorf("a year of webinars costs $%.2f in all, want less than half of $%.2f, what Glue takes of compute alone", busy.Total(), glue)
	}
}

func TestDaysScale(t *testing.T) {
	if got, want := pricing.IdleDay(8, 48).Writes, 2*pricing.IdleDay(4, 48).Writes; got != want {
		t.Errorf("twice the streams write %g times, want %g", got, want)
	}
	if got, want := pricing.IdleDay(4, 24).VendorRounds, pricing.IdleDay(4, 48).VendorRounds/2; got != want {
		t.Errorf("half the runs ask %g times, want %g", got, want)
	}
	added := func(streams int) float64 {
		return pricing.WebinarDay(streams, 48).Writes - pricing.IdleDay(streams, 48).Writes
	}
	if got, want := added(1), added(4)/4; got != want {
		t.Errorf("one stream of four has %g writes of the webinars, want %g", got, want)
	}
	if got := added(6) - added(5); got <= 0 || got != added(5)-added(4) {
		t.Errorf("a sixth stream adds %g writes, a fifth %g", got, added(5)-added(4))
	}
}

func TestADayIsRefusedThatIsNone(t *testing.T) {
	for _, day := range []pricing.Workload{pricing.IdleDay(4, 48), pricing.WebinarDay(1, 24)} {
		if err := day.Validate(); err != nil {
			t.Error(err)
		}
	}
	// Each number has its fault: a new field must not be forgotten.
	fields := reflect.TypeFor[pricing.Workload]()
	for i := range fields.NumField() {
		field := fields.Field(i)
		if field.Type.Kind() == reflect.String {
			continue
		}
		day := pricing.IdleDay(4, 48)
		value := reflect.ValueOf(&day).Elem().Field(i)
		if value.CanInt() {
			value.SetInt(-int64(time.Second))
		} else {
			value.SetFloat(-1)
		}
		if err := day.Validate(); err == nil || !strings.Contains(err.Error(), field.Name+" is -1: want") {
			t.Errorf("%s: %v", field.Name, err)
		}
	}
}
