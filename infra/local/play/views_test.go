package play

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
	"github.com/windrow-data/windrow/infra/local/verify"
)

// queried is what `make query` prints of a run's lake, as JSON.
func queried(t *testing.T, out, sql string) string {
	t.Helper()
	answer, err := exec.Command("node", "../query.mjs", "--json", sql, out).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	return strings.TrimSpace(string(answer))
}

// TestViewsOfAnEmptyLake asks every view where nothing has been curated yet, in two pipelines of one vendor.
func TestViewsOfAnEmptyLake(t *testing.T) {
	root := t.TempDir()
	var pipelines []*playing
	for range 2 {
		p := &playing{pipeline: &pipeline{vendor: on24.Vendor("90001")}}
		for i := range p.vendor.Streams {
			stream := &p.vendor.Streams[i]
			p.watched = append(p.watched, &watched{stream: stream, folders: verify.Folders{Curated: filepath.Join(root, "lake", stream.Name)}})
		}
		pipelines = append(pipelines, p)
	}
	sql, err := viewsOf(pipelines)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "views.sql"), []byte(sql), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := queried(t, root, "select (select count(*) from attendees_polls) + (select count(*) from on24_2.events) + (select count(*) from questions_quarantine) + (select count(*) from model_turnout) + (select count(*) from on24_2.model_people) as n"); got != `[{"n":0}]` {
		t.Errorf("got %s", got)
	}
}

// TestViewsReadEveryKindOfFile finds what a table of lines holds, gzipped or not, and nothing of another table's.
func TestViewsReadEveryKindOfFile(t *testing.T) {
	root := t.TempDir()
	stream := vendorapi.Stream{Name: "big-orders", Key: []string{"id"}, Columns: []vendorapi.Column{{Name: "id", Type: vendorapi.TypeString}}}
	folder := filepath.Join(root, "it's", stream.Name)
	for path, content := range map[string]string{
		"days/days.json":             `{"format":1,"dt":"2026-03-10","compaction":2,"objects":[{"key":"k"}]}` + "\n" + `{"format":1,"dt":"2026-03-11","compaction":0}`,
		"quarantine/a_b.ndjson":      `{"reason":"it is a string","part":"p","position":3,"record":{"a":1}}`,
		"receipts/20260310T000000Z_": "",
		"mark.json":                  `{"format":1}`,
	} {
		path = filepath.Join(folder, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("gzip", "-k", filepath.Join(folder, "quarantine", "a_b.ndjson")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	sql, err := viewsOf([]*playing{{
		pipeline: &pipeline{vendor: &vendorapi.Vendor{Name: "web-shop", Streams: []vendorapi.Stream{stream}}},
		watched:  []*watched{{stream: &stream, folders: verify.Folders{Curated: folder}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "views.sql"), []byte(sql), 0o644); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"select * from big_orders_days order by dt":               `[{"dt":"2026-03-10","compaction":2},{"dt":"2026-03-11","compaction":0}]`,
		"select distinct * from web_shop.big_orders_quarantine":   `[{"reason":"it is a string","part":"p","position":3}]`,
		"select count(*) as lines from big_orders_quarantine":     `[{"lines":2}]`,
		"select id from big_orders":                               `[]`,
		"select windrow_compaction, dt from big_orders_compacted": `[]`,
	} {
		if got := queried(t, root, query); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
}
