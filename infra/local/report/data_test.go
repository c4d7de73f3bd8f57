package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func text(s string) *string { return &s }

func TestCellsAreReadByTheirTypes(t *testing.T) {
	for _, c := range []struct {
		name, kind, text string
		want             any
	}{
		{"a count", "bigint", "-3", int64(-3)},
		{"a count beyond 64 bits stays text", "bigint", "99999999999999999999", "99999999999999999999"},
		{"a measure", "double", "0.5", 0.5},
		{"a decimal", "decimal(18,3)", "12.250", 12.25},
		{"what is no number stays text", "double", "NaN", "NaN"},
		{"an infinity stays text", "double", "Infinity", "Infinity"},
		{"yes", "boolean", "true", true},
		{"text that looks like a number", "varchar", "007", "007"},
		{"a time", "timestamp", "2026-03-10 14:00:00.000", "2026-03-10T14:00:00Z"},
		{"a time with its zone", "timestamp with time zone", "2026-03-10 14:00:00.000 UTC", "2026-03-10T14:00:00Z"},
		{"a time that is none stays text", "timestamp", "soon", "soon"},
		{"a list", "array", "[a, b]", "[a, b]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := valueOf(c.kind, c.text); got != c.want {
				t.Errorf("valueOf(%q, %q) = %#v, want %#v", c.kind, c.text, got, c.want)
			}
		})
	}
}

func TestAnAnswerKeepsTheFirstRowsAndCountsAll(t *testing.T) {
	columns := []Column{{"event_id", "bigint"}, {"title", "varchar"}, {"starts_at", "timestamp"}, {"person", "varchar"}}
	answer := NewAnswer(Insight{Name: noShows}, columns)
	for i := range 30 {
		id, title := "9007199254740993", "One"
		if i%3 == 0 {
			id, title = "2", "Two"
		}
		var person *string
		if i > 0 {
			person = text("p")
		}
		if err := answer.AddText([]*string{text(id), text(title), text("2026-03-10 14:00:00"), person}); err != nil {
			t.Fatal(err)
		}
	}
	got := answer.Insight()
	if got.Total != 30 || len(got.Rows) != most[noShows] {
		t.Errorf("%d rows of %d, want %d of 30", len(got.Rows), got.Total, most[noShows])
	}
	wantRow := []any{"2", "Two", "2026-03-10T14:00:00Z", nil}
	if diff := cmp.Diff(wantRow, got.Rows[0]); diff != "" {
		t.Errorf("first row (-want +got):\n%s", diff)
	}
	// The id keeps its last digit, which a float64 would lose.
	want := []Webinar{{"2", "Two", "2026-03-10T14:00:00Z", 10}, {"9007199254740993", "One", "2026-03-10T14:00:00Z", 20}}
	if diff := cmp.Diff(want, got.Webinars); diff != "" {
		t.Errorf("webinars (-want +got):\n%s", diff)
	}
	if err := answer.AddText([]*string{text("1")}); err == nil || !strings.Contains(err.Error(), "want the 4 of its columns") {
		t.Errorf("a row of one cell: %v", err)
	}
}

func TestReadRefusesWhatIsNoData(t *testing.T) {
	for _, c := range []struct{ name, json, want string }{
		{"other fields", `{"sauce": 1}`, `unknown field "sauce"`},
		{"a row that is too short", `{"lakes": [{"insights": [{"name": "topics", "columns": [{"name": "topic"}], "rows": [[]]}]}]}`, "a row has 0 cells, want the 1"},
		{"no JSON", `<html>`, "invalid character"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Read(strings.NewReader(c.json)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
