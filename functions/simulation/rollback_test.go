package simulation

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
)

// TestColumnsRolledBackAfterARunThatEndedEarly is the smallest history of a window left behind the mark: a
// release with other columns makes it again, is killed before it has moved the mark, and is rolled back.
func TestColumnsRolledBackAfterARunThatEndedEarly(t *testing.T) {
	for killed := 1; killed <= 12; killed++ {
		store := objectstoretest.New()
		var h *history
		var err error
		synctest.Test(t, func(*testing.T) {
			begin := time.Now().UTC()
			h = &history{
				setting: setting{tempDir: t.TempDir()}, store: store, api: store, faults: map[string]int{},
				world:   &world{dialect: dialect{counted: true}, asked: map[int64][2]time.Time{}},
				current: deployment{pageSize: 10}, genesis: begin, timeout: time.Minute, latency: time.Millisecond, part: 1,
			}
			for hour := range 96 {
				at := begin.Add(time.Duration(hour) * time.Hour)
				h.world.add(at, at)
			}
			for range 4 {
				time.Sleep(24 * time.Hour)
				if err = h.execution(time.Now().UTC(), false, false); err != nil {
					return
				}
			}
			wide := deployment{pageSize: 10, wide: true}
			crash := []fault{{at: killed, run: killed, kind: crashAfter}}
			if _, _, err := h.preprocess(h.now, wide, &process{history: h, next: store, s3Faults: crash}); err == nil {
				t.Errorf("the run was not killed at request %d", killed)
			}
			err = h.execution(h.now, false, false)
			h.ended = time.Now()
		})
		if err == nil {
			err = h.check()
		}
		if err != nil {
			t.Errorf("killed at request %d: %v", killed, err)
		}
	}
}
