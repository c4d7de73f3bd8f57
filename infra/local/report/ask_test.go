package report

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../../.."

func TestALakeAnswers(t *testing.T) {
	dir := t.TempDir()
	views := `create schema first; use first; create view v as select * from (values (1, 'a', timestamp '2026-03-10 14:00:00'), (2, null, null)) as t(n, s, happened);
		create schema second; use second; create view v as select range as n from range(2500);`
	if err := os.WriteFile(filepath.Join(dir, "views.sql"), []byte(views), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := Ask(t.Context(), root, dir, []Asked{
		{"One", "first", "v", []Question{{Name: "all", Title: "All", Decision: "Whether.", SQL: "select * from v order by n"}, {Name: "none", SQL: "select * from v where false"}}},
		{"Two", "second", "v", []Question{{Name: "broken", SQL: "select nothing from v"}, {Name: "many", SQL: "select cast(n as double) / 4 as share, true as yes from v order by n"}, {Name: "ids", SQL: "select 7 as event_id, 1 as n"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []Lake{
		{Name: "One", Insights: []Insight{
			{Name: "all", Title: "All", Decision: "Whether.", Columns: []Column{{"n", "INTEGER"}, {"s", "VARCHAR"}, {"happened", "TIMESTAMP"}},
				Rows: [][]any{{json.Number("1"), "a", "2026-03-10T14:00:00Z"}, {json.Number("2"), nil, nil}}, Total: 2},
			{Name: "none", Columns: []Column{{"n", "INTEGER"}, {"s", "VARCHAR"}, {"happened", "TIMESTAMP"}}, Rows: [][]any{}},
		}},
		{Name: "Two", Insights: []Insight{
			{Name: "broken", Rows: [][]any{}, Fault: "nothing"},
			{Name: "many", Columns: []Column{{"share", "DOUBLE"}, {"yes", "BOOLEAN"}}, Rows: [][]any{{json.Number("0"), true}, {json.Number("0.25"), true}}, Total: 2500},
			// What identifies is no number, and is not written as one.
			{Name: "ids", Columns: []Column{{"event_id", "INTEGER"}, {"n", "INTEGER"}}, Rows: [][]any{{"7", json.Number("1")}}, Total: 1, Webinars: []Webinar{{EventID: "7", Rows: 1}}},
		}},
	}
	if many := &got[1].Insights[1]; len(many.Rows) != mostRows {
		t.Errorf("%d rows are kept, want %d", len(many.Rows), mostRows)
	} else {
		many.Rows = many.Rows[:2]
	}
	if broken := &got[1].Insights[0]; !strings.Contains(broken.Fault, "nothing") {
		t.Errorf("fault %q", broken.Fault)
	} else {
		broken.Fault = "nothing"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func TestALakeThatCannotBeAsked(t *testing.T) {
	dir := t.TempDir()
	if _, err := Ask(t.Context(), dir, dir, make([]Asked, 1)); !errors.Is(err, ErrNoLibraries) {
		t.Errorf("without packages: %v", err)
	}
	if _, err := Ask(t.Context(), root, dir, []Asked{{"One", "", "", []Question{{SQL: "select 1"}}}}); err == nil || !strings.Contains(err.Error(), "views.sql") {
		t.Errorf("without views: %v", err)
	}
	if _, err := OfRun(t.Context(), root, dir); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "make run first") {
		t.Errorf("without a run: %v", err)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	asked := []Asked{{"One", "first", "", []Question{{Name: "a"}, {Name: "b"}}}}
	for _, c := range []struct{ name, told, want string }{
		{"nothing", ``, "EOF"},
		{"half of it", `{"0 a": {"columns": [`, "unexpected EOF"},
		{"one of two", `{"0 a": {"columns": ["n"], "types": ["BIGINT"], "rows": []}}`, "b was not answered"},
		{"a schema that is not there", `{"lake 0": {"error": "no such schema"}}`, "the lake has no schema first: no such schema"},
		{"a row of another width", `{"0 a": {"columns": ["n"], "types": ["BIGINT"], "rows": [[1, 2]]}}`, "a row has 2 cells"},
		{"columns without types", `{"0 a": {"columns": ["n"], "rows": []}}`, "0 types for 1 columns"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := readAnswers(strings.NewReader(c.told), asked); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
