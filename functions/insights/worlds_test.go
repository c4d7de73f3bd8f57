package insights_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/insights"
	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/lakesql/lakesqltest"
	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
)

// late shows a third of the records late and changes a third of them in place, for vendors that have no documented lateness.
func late(streams ...string) vendortest.Lateness {
	l := vendortest.Lateness{}
	for _, s := range streams {
		l[s] = vendortest.Delay{
			Late: 0.3, Mean: 2 * time.Hour, Longest: 10 * time.Hour,
			Changed: 0.3, ChangesFrom: time.Hour, ChangesUntil: 9 * time.Hour,
		}
	}
	return l
}

// worlds are what the insights are asked about: two days of some hundred attendees each, and a week round the end of a month.
func worlds(lateness vendortest.Lateness) map[string]vendortest.Size {
	days, week := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 29, 0, 0, 0, 0, time.UTC)
	return map[string]vendortest.Size{
		"two days": {Seed: 5, From: days, Until: days.Add(48 * time.Hour), Attendees: 300, Lateness: lateness},
		"week":     {Seed: 6, From: week, Until: week.AddDate(0, 0, 7), Attendees: 60},
	}
}

// readUntil is the end of the newest window that has an attendee.
func (l *lake) readUntil() (end time.Time) {
	for _, h := range l.held["attendees"] {
		if h.End.After(end) {
			end = h.End
		}
	}
	return end
}

func TestInsightsAreThoseOfTheRecords(t *testing.T) {
	for name, vendor := range map[string]struct {
		lateness  vendortest.Lateness
		reference func(*testing.T, *lake) *webinars
	}{
		"on24":        {vendortest.DocumentedLateness(), func(t *testing.T, l *lake) *webinars { return on24Webinars(t, l.records, l.readUntil()) }},
		"zoom":        {late("registrants", "participants", "questions"), func(t *testing.T, l *lake) *webinars { return zoomWebinars(t, l.records) }},
		"gotowebinar": {late("registrants", "attendees", "questions"), func(t *testing.T, l *lake) *webinars { return gotoWebinars(t, l.records) }},
	} {
		most := map[string]int{}
		for world, size := range worlds(vendor.lateness) {
			t.Run(name+", "+world, func(t *testing.T) {
				l := newLake(t, protected(ready[name]), size, size.Until.Add(30*time.Hour))
				want := vendor.reference(t, l).answers()
				want["data_health"] = l.health(t)
				model, queries := insights.Model(l.vendor), map[string]string{}
				for _, insight := range insights.Of(l.vendor, model) {
					queries[insight.Name] = lakesql.DuckDB(insight.SQL)
				}
				answers := lakesqltest.Ask(t, l.write(t, model...), queries)
				for insight, want := range want {
					most[insight] = max(most[insight], len(want))
					if diff := cmp.Diff(plain(t, want), plain(t, answers[insight].Rows)); diff != "" {
						t.Errorf("%s, %d rows (-computed +DuckDB):\n%.3000s", insight, len(want), diff)
					}
				}
			})
		}
		for insight, rows := range most {
			if rows < 2 {
				t.Errorf("%s: %s has %d rows at most: nothing is tested here", name, insight, rows)
			}
		}
	}
}

// plain are rows with each number as text, to nine digits.
func plain(t *testing.T, rows [][]any) (all [][]any) {
	t.Helper()
	for _, row := range rows {
		var values []any
		for _, value := range row {
			switch v := value.(type) {
			case int:
				value = number(float64(v))
			case float64:
				value = number(v)
			case json.Number:
				f, err := v.Float64()
				if err != nil {
					t.Fatal(err)
				}
				value = number(f)
			}
			values = append(values, value)
		}
		all = append(all, values)
	}
	return all
}

func number(v float64) string { return fmt.Sprint(math.Round(v*1e9) / 1e9) }
