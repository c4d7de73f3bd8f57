package assembly

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Rule says when a schedule ticks.
type Rule struct {
	// every is the distance of ticks, counted from where a day begins to be played; zero for a cron expression.
	every time.Duration
	// minutes and hours are those at which a cron expression ticks, in order.
	minutes []int
	hours   []int
}

// Every returns the rule that ticks each interval.
func Every(interval time.Duration) Rule { return Rule{every: interval} }

const ruleForms = `want rate(N minutes|hours|days), or cron(MINUTES HOURS * * ? *)`

// ParseRule reads a schedule expression: a rate, or a cron expression whose days are all days. See
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html.
func ParseRule(expression string) (Rule, error) {
	fault := fmt.Errorf("ScheduleExpression is %q: %s", expression, ruleForms)
	kind, rest, _ := strings.Cut(strings.TrimSuffix(expression, ")"), "(")
	fields := strings.Fields(rest)
	switch {
	case kind == "rate" && len(fields) == 2:
		units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
		number, err := strconv.Atoi(fields[0])
		unit, known := units[strings.TrimSuffix(fields[1], "s")]
		if err != nil || number < 1 || !known {
			return Rule{}, fault
		}
		return Every(time.Duration(number) * unit), nil
	case kind == "cron" && len(fields) == 6:
		for _, day := range fields[2:] {
			if day != "*" && day != "?" {
				return Rule{}, fault
			}
		}
		minutes, ok := cronField(fields[0], 60)
		hours, ok2 := cronField(fields[1], 24)
		if !ok || !ok2 {
			return Rule{}, fault
		}
		return Rule{minutes: minutes, hours: hours}, nil
	}
	return Rule{}, fault
}

// Ticks yields the times at which the rule ticks after from, up to and including until.
func (r Rule) Ticks(from, until time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		if r.every > 0 {
			for t := from.Add(r.every); !t.After(until); t = t.Add(r.every) {
				if !yield(t) {
					return
				}
			}
			return
		}
		for t := from.Truncate(time.Minute).Add(time.Minute); !t.After(until); t = t.Add(time.Minute) {
			utc := t.UTC()
			if slices.Contains(r.minutes, utc.Minute()) && slices.Contains(r.hours, utc.Hour()) && !yield(t) {
				return
			}
		}
	}
}

// LongestInterval is the longest time between two ticks that follow on one another.
func (r Rule) LongestInterval() (longest time.Duration) {
	// A rate of days ticks no more often; all else comes round within a day.
	from := time.Unix(0, 0).UTC()
	last := time.Time{}
	for tick := range r.Ticks(from, from.Add(max(2*24*time.Hour, 2*r.every))) {
		if !last.IsZero() {
			longest = max(longest, tick.Sub(last))
		}
		last = tick
	}
	return longest
}

// cronField reads one field of a cron expression with values from 0 to size-1: *, A, A-B, A/STEP, and lists of them.
func cronField(field string, size int) (values []int, ok bool) {
	for item := range strings.SplitSeq(field, ",") {
		span, stepText, stepped := strings.Cut(item, "/")
		step := 1
		if stepped {
			var err error
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 {
				return nil, false
			}
		}
		first, last := 0, size-1
		if span != "*" {
			firstText, lastText, ranged := strings.Cut(span, "-")
			var err error
			if first, err = strconv.Atoi(firstText); err != nil {
				return nil, false
			}
			switch {
			case ranged:
				if last, err = strconv.Atoi(lastText); err != nil {
					return nil, false
				}
			case !stepped:
				last = first
			}
		}
		if first < 0 || last >= size || first > last {
			return nil, false
		}
		for value := first; value <= last; value += step {
			values = append(values, value)
		}
	}
	return values, true
}
