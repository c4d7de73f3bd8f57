package report

import (
	"testing"
	"time"
)

func TestFiguresAreWrittenForPeople(t *testing.T) {
	at := func(text string) time.Time {
		t.Helper()
		parsed, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	for _, c := range []struct{ got, want string }{
		{count(0), "0"}, {count(999), "999"}, {count(1000), "1,000"}, {count(1234567), "1,234,567"}, {count(-1234), "−1,234"}, {count(-0.2), "0"},
		{measure(12), "12"}, {measure(1234.5), "1,234.5"}, {measure(0.126), "0.13"}, {measure(-2.25), "−2.25"},
		{percent(0), "0 %"}, {percent(0.001), "under 1 %"}, {percent(0.544), "54 %"}, {percent(0.999), "99.9 %"}, {percent(1), "100 %"}, {percent(0.99996), "99.9 %"},
		{of(1, 0), "–"}, {of(1, 4), "25 %"},
		{dollars(0), "$0.00"}, {dollars(0.0551), "$0.055"}, {dollars(39.026), "$39.03"}, {dollars(1204.2), "$1,204"},
		{span(59), "1 min"}, {span(1565), "26 min"}, {span(3600), "1 h"}, {span(13247), "3 h 41 min"},
		{days(at("2026-03-10T00:00:00Z"), at("2026-03-11T00:00:00Z")), "10 March 2026"},
		{days(at("2026-03-10T00:00:00Z"), at("2026-03-12T12:00:00Z")), "10 March 2026 to 12 March 2026"},
		{days(time.Time{}, time.Time{}), ""},
		{vendorName("on24"), "ON24"}, {vendorName("on24,acme"), "ON24 and acme"},
		{label("came_share"), "Came of those registered"}, {label("watched_later"), "Watched later"},
		{and([]string{"a", "b", "c"}), "a, b and c"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// TestSentencesSayWhatIsThere holds what is told in words to the rows, those of vendors that lack a figure included.
func TestSentencesSayWhatIsThere(t *testing.T) {
	columns := func(names ...string) (all []Column) {
		for _, n := range names {
			all = append(all, Column{Name: n})
		}
		return all
	}
	for _, c := range []struct {
		name    string
		insight Insight
		want    string
	}{
		{"a funnel", Insight{Name: funnel, Total: 2, Columns: columns("registered", "came", "stayed", "asked", "downloaded"),
			Rows: [][]any{{int64(1000), int64(400), int64(200), int64(40), int64(1)}, {int64(200), int64(100), int64(50), int64(10), int64(0)}}},
			"Of 1,200 registrations for 2 webinars, 500 came (42 %); of those 50 % stayed, 10 % asked a question and under 1 % downloaded something."},
		{"a funnel without downloads", Insight{Name: funnel, Total: 1, Columns: columns("registered", "came", "stayed", "asked", "downloaded"), Rows: [][]any{{int64(10), int64(5), int64(4), int64(1), int64(0)}}},
			"Of 10 registrations for 1 webinar, 5 came (50 %); of those 80 % stayed and 20 % asked a question."},
		{"a funnel of what is to come", Insight{Name: funnel, Total: 1, Columns: columns("registered", "came"), Rows: [][]any{{int64(1), int64(0)}}},
			"Of 1 registration for 1 webinar, 0 came (0 %)."},
		{"topics", Insight{Name: topics, Total: 2, Columns: columns("topic", "average_minutes", "average_score"), Rows: [][]any{{"Tax", 40.0, 5.0}, {"Bonds", 30.0, 6.04}}},
			"“Bonds” engages most, with a score of 6 on average; “Tax” keeps people longest, 40 minutes."},
		{"a topic of few", Insight{Name: topics, Total: 2, Columns: columns("topic", "came", "average_minutes", "average_score"), Rows: [][]any{{"Tax", int64(1000), 40.0, 5.0}, {"Cloud", int64(6), 50.0, 9.0}}},
			"“Tax” engages most, with a score of 5 on average, and keeps people longest, 40 minutes."},
		{"topics without scores", Insight{Name: topics, Total: 1, Columns: columns("topic", "average_minutes", "average_score"), Rows: [][]any{{"Tax", 40.26, nil}}},
			"“Tax” keeps people longest, 40.3 minutes on average."},
		{"one topic for both", Insight{Name: topics, Total: 1, Columns: columns("topic", "average_minutes", "average_score"), Rows: [][]any{{"Tax", 40.0, 5.0}}},
			"“Tax” engages most, with a score of 5 on average, and keeps people longest, 40 minutes."},
		{"leads", Insight{Name: leads, Total: 500, Rows: make([][]any, 25)}, "500 people are worth a call; the 25 with the most points come first."},
		{"one lead", Insight{Name: leads, Total: 1, Rows: make([][]any, 1)}, "1 person is worth a call."},
		{"no shows", Insight{Name: noShows, Total: 2500, Webinars: make([]Webinar, 1)}, "2,500 registrations for 1 webinar did not come."},
		{"questions", Insight{Name: openQuestions, Total: 1, Webinars: make([]Webinar, 1)}, "1 question from 1 webinar waits for an answer."},
		{"a trend in any order", Insight{Name: trend, Total: 2, Columns: columns("month", "webinars", "registered", "came"), Rows: [][]any{{"2026-03", int64(2), int64(10), int64(5)}, {"2026-02", int64(1), int64(1), int64(1)}}},
			"March 2026 had 2 webinars with 10 registrations, of whom 50 % came."},
		{"health", Insight{Name: health, Total: 1, Columns: columns("records", "late_records", "quarantined", "undeclared_fields"), Rows: [][]any{{int64(10), int64(1), int64(0), "mood, shoes"}}},
			"10 records of 1 stream: no records in quarantine and 2 undeclared fields."},
		{"an insight of one's own", Insight{Name: "weather", Total: 1, Rows: make([][]any, 1)}, ""},
		{"no rows", Insight{Name: funnel}, ""},
		{"no answer", Insight{Name: leads, Total: 1, Fault: "it broke"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := says(&c.insight); got != c.want {
				t.Errorf("%q,\nwant %q", got, c.want)
			}
		})
	}
}
