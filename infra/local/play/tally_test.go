package play

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTallies(t *testing.T) {
	t.Parallel()
	at := func(hour int) time.Time { return time.Date(2026, 3, 10, hour, 0, 0, 0, time.UTC) }
	all := tallies{}
	for i, add := range []struct {
		stream, handler, kind string
		hour                  int
		message               string
		first                 bool
	}{
		{"leads", "ingest", "vendor-unavailable", 1, "window 01:00", true},
		{"leads", "ingest", "vendor-unavailable", 2, "window 02:00", false},
		{"events", "ingest", "vendor-unavailable", 1, "window 01:00", true},
		{"leads", "preprocess", "vendor-unavailable", 1, "window 01:00", true},
		{"leads", "ingest", "Unhandled", 3, "", true},
		{"leads", "ingest", "vendor-unavailable", 4, "window 04:00", false},
	} {
		if first := all.add(source{"on24", add.stream, add.handler, add.kind}, at(add.hour), add.message); first != add.first {
			t.Errorf("the %d. is the first of its kind: %t", i, first)
		}
	}
	var said bytes.Buffer
	printTallies(&said, "failures of functions", all.sorted())
	const want = `failures of functions, each with an example:
  1 x on24, events, ingest, vendor-unavailable: 2026-03-10 01:00
      window 01:00
  3 x on24, leads, ingest, vendor-unavailable: 2026-03-10 01:00 to 2026-03-10 04:00
      window 01:00
  1 x on24, leads, preprocess, vendor-unavailable: 2026-03-10 01:00
      window 01:00
  1 x on24, leads, ingest, Unhandled: 2026-03-10 03:00
`
	if diff := cmp.Diff(want, said.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
