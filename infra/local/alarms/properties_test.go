package alarms_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/infra/local/alarms"
)

// drawn is an alarm with points for three hours.
type drawn struct {
	alarm  alarms.MetricAlarm
	points map[int]float64 // by minute; 0 does not breach, 1 does
	span   time.Duration
}

func (d drawn) fill(by time.Duration) *alarms.Store {
	store := &alarms.Store{}
	for minute, value := range d.points {
		store.Add(failed, minutes(minute).Add(by), value)
	}
	return store
}

func drawAlarm(t *rapid.T) drawn {
	d := drawn{points: map[int]float64{}, span: 3 * time.Hour}
	n := rapid.IntRange(1, 4).Draw(t, "n")
	d.alarm = on("a", failed, func(a *alarms.MetricAlarm) {
		a.EvaluationPeriods = n
		a.DatapointsToAlarm = rapid.IntRange(1, n).Draw(t, "m")
		a.RangePeriods = n + rapid.IntRange(0, 3).Draw(t, "extra")
		a.Period = time.Duration(rapid.IntRange(1, 5).Draw(t, "period")) * time.Minute
		a.MissingData = rapid.SampledFrom([]alarms.MissingData{
			alarms.MissingIsMissing, alarms.MissingIsNotBreaching, alarms.MissingIsBreaching, alarms.MissingIsIgnored,
		}).Draw(t, "missing")
		a.Queries[0].Statistic = alarms.Maximum
	})
	// Runs of minutes with and without data, so that both full and empty ranges are met.
	for minute := -30; minute < 180; {
		length := rapid.IntRange(1, 12).Draw(t, "length")
		kind := rapid.SampledFrom([]string{"none", "good", "bad", "mixed", "sparse"}).Draw(t, "kind")
		for i := range length {
			switch kind {
			case "good":
				d.points[minute+i] = 0
			case "bad":
				d.points[minute+i] = 1
			case "mixed":
				d.points[minute+i] = float64(i % 2)
			case "sparse":
				if i%4 == 0 {
					d.points[minute+i] = 1
				}
			}
		}
		minute += length
	}
	return d
}

// inRange counts the periods of the evaluation range at a time by what they hold.
func (d drawn) inRange(at time.Time) (good, bad, none int) {
	end := int(at.Sub(midnight) / time.Minute)
	length := int(d.alarm.Period / time.Minute)
	for p := range d.alarm.RangePeriods {
		found, worst := false, 0.0
		for minute := end - (p+1)*length; minute < end-p*length; minute++ {
			if value, ok := d.points[minute]; ok {
				found, worst = true, max(worst, value)
			}
		}
		switch {
		case !found:
			none++
		case worst > 0:
			bad++
		default:
			good++
		}
	}
	return good, bad, none
}

func TestNoChangeWithoutACause(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawAlarm(t)
		result, err := alarms.Evaluate(alarms.Alarms{Metric: []alarms.MetricAlarm{d.alarm}}, d.fill(0), midnight, midnight.Add(d.span), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		state := alarms.InsufficientData
		for _, c := range result.Changes {
			good, bad, none := d.inRange(c.At)
			treatment := d.alarm.MissingData
			var caused bool
			switch c.To {
			case alarms.InAlarm:
				caused = bad > 0 || none > 0 && treatment == alarms.MissingIsBreaching
			case alarms.OK:
				caused = good > 0 || none > 0 && treatment == alarms.MissingIsNotBreaching
			case alarms.InsufficientData:
				caused = good+bad == 0 && treatment == alarms.MissingIsMissing
			}
			if !caused {
				t.Fatalf("%s -> %s at %s without a cause: %d periods good, %d bad, %d without data, which is %s", c.From, c.To, c.At, good, bad, none, treatment)
			}
			if c.From != state || c.To == c.From {
				t.Fatalf("%s -> %s at %s, in state %s", c.From, c.To, c.At, state)
			}
			state = c.To
		}
		if state != result.States["a"] {
			t.Fatalf("the last change is to %s, the final state %s", state, result.States["a"])
		}
	})
}

// With all data there and nothing but the periods to look at, an alarm is a count.
func TestFullDataIsACount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawAlarm(t)
		for minute := -30; minute < 180; minute++ {
			if _, ok := d.points[minute]; !ok {
				d.points[minute] = 0
			}
		}
		store := d.fill(0)
		d.alarm.RangePeriods = d.alarm.EvaluationPeriods
		for minute := 1; minute < 180; minute += 7 {
			_, bad, _ := d.inRange(minutes(minute))
			want := alarms.OK
			if bad >= d.alarm.DatapointsToAlarm {
				want = alarms.InAlarm
			}
			result, err := alarms.Evaluate(alarms.Alarms{Metric: []alarms.MetricAlarm{d.alarm}}, store, minutes(minute-1), minutes(minute), time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if got := result.States["a"]; got != want {
				t.Fatalf("%s at %s, want %s: %d of %d periods breach, %d are enough", got, minutes(minute), want, bad, d.alarm.EvaluationPeriods, d.alarm.DatapointsToAlarm)
			}
		}
	})
}

// What happens a number of days later happens the same way, and the order in which points come does not matter.
func TestTimeIsOnlyADistance(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawAlarm(t)
		if rapid.Bool().Draw(t, "over more than a day") {
			d.alarm.Period = 24 * time.Hour
			d.alarm.EvaluationPeriods, d.alarm.RangePeriods = 2, 4
			d.alarm.DatapointsToAlarm = min(d.alarm.DatapointsToAlarm, 2)
		}
		all := alarms.Alarms{
			Metric:    []alarms.MetricAlarm{d.alarm},
			Composite: []alarms.CompositeAlarm{{Name: "c", Rule: `ALARM(a) OR INSUFFICIENT_DATA(a)`}},
		}
		shift := time.Duration(rapid.IntRange(-400, 400).Draw(t, "days")) * 24 * time.Hour
		first, err := alarms.Evaluate(all, d.fill(0), midnight, midnight.Add(d.span), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		// fill goes over a map, so the points come in another order.
		second, err := alarms.Evaluate(all, d.fill(shift), midnight.Add(shift), midnight.Add(shift+d.span), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for i := range second.Changes {
			second.Changes[i].At = second.Changes[i].At.Add(-shift)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatalf("shifted by %s (-want +got):\n%s", shift, diff)
		}
	})
}

// A longer step sees the same states, only later.
func TestStepSeesTheSameStates(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawAlarm(t)
		// What is missing and young leaves the state as it was, which depends on when it was looked at last.
		d.alarm.MissingData = rapid.SampledFrom([]alarms.MissingData{alarms.MissingIsBreaching, alarms.MissingIsNotBreaching}).Draw(t, "filled in")
		all := alarms.Alarms{Metric: []alarms.MetricAlarm{d.alarm}}
		step := time.Duration(rapid.IntRange(2, 30).Draw(t, "step")) * time.Minute
		until := midnight.Add(step * time.Duration(rapid.IntRange(1, 6).Draw(t, "steps")))
		store := d.fill(0)
		var states []string
		for _, by := range []time.Duration{time.Minute, step} {
			result, err := alarms.Evaluate(all, store, midnight, until, by)
			if err != nil {
				t.Fatal(err)
			}
			states = append(states, fmt.Sprint(result.States))
		}
		if states[0] != states[1] {
			t.Fatalf("%s minute by minute, %s in steps of %s", states[0], states[1], step)
		}
	})
}
