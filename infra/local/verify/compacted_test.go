package verify

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// compactedOf gives a lake the objects of compactions of its day, and says which counts.
func compactedOf(t *testing.T, f Folders, days string, compactions map[string][]person) {
	t.Helper()
	for name, rows := range compactions {
		path := filepath.Join(f.Curated, "compacted", "dt=2026-03-10", name+".parquet")
		writeFile(t, path, nil)
		if err := parquet.WriteFile(path, rows); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, filepath.Join(f.Curated, "days", "days.json"), []byte(days))
}

func TestEachDayIsReadFromOneSide(t *testing.T) {
	t.Parallel()
	older := func(p *person) { name := "Anna"; p.Name = &name }
	compacted := `{"dt":"2026-03-10","compaction":2}` + "\n"
	for name, test := range map[string]struct {
		days        string
		compactions map[string][]person
		// gone deletes the small objects.
		gone        bool
		wantRows    int64
		wantMissing int64
		wantGood    bool
	}{
		"claimed alone":      {`{"dt":"2026-03-10","compaction":0}` + "\n", map[string][]person{"1_a_1-of-1": {ann(middle, nil)}}, false, 2, 0, true},
		"compacted":          {compacted, map[string][]person{"1_a_1-of-1": {ann(start, older)}, "2_b_1-of-1": {ann(middle, nil)}}, false, 1, 0, true},
		"small objects gone": {compacted, map[string][]person{"2_b_1-of-1": {ann(middle, nil)}}, true, 1, 0, true},
		"compaction gone":    {compacted, map[string][]person{"1_a_1-of-1": {ann(middle, nil)}}, false, 0, 1, false},
		"doubled":            {compacted, map[string][]person{"2_b_1-of-1": {ann(middle, nil), ann(middle, nil), ann(middle, nil)}}, false, 3, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := lakeOf(t, []person{ann(start, older)}, []person{ann(middle, nil)})
			compactedOf(t, f, test.days, test.compactions)
			if test.gone {
				if err := os.RemoveAll(filepath.Join(f.Curated, "dt=2026-03-10")); err != nil {
					t.Fatal(err)
				}
			}
			r, err := Check{Stream: stream, Folders: f, Source: vendorOf(annJSON)}.Run()
			if err != nil {
				t.Fatal(err)
			}
			if r.CuratedRows != test.wantRows || r.Missing != test.wantMissing || r.Good() != test.wantGood {
				t.Errorf("%d rows, %d missing, faults %v", r.CuratedRows, r.Missing, r.Faults)
			}
		})
	}
}
