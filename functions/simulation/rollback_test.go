package simulation

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// TestColumnsRolledBackAfterARunThatEndedEarly is the smallest history of a window left behind the mark: a
// release with other columns makes it again, is killed before it has moved the mark, and is rolled back.
func TestColumnsRolledBackAfterARunThatEndedEarly(t *testing.T) {
	for killed := 1; killed <= 12; killed++ {
		p := newPlay(&history{
			dialect: dialect{audit: vendorapi.AuditReread, bounds: unixBounds, paging: vendorapi.PagingOffset, counted: true, lookback: 6 * time.Hour},
			begin:   epoch, set: true, release: release{pageSize: 10},
			timeout: time.Minute, latency: time.Millisecond, partBytes: 1, listing: 20,
		}, setting{tempDir: t.TempDir()})
		for hour := range 96 {
			at := epoch.Add(time.Duration(hour) * time.Hour)
			p.world.add(at, at)
		}
		var err error
		synctest.Test(t, func(*testing.T) {
			for range 4 {
				time.Sleep(24 * time.Hour)
				if err = p.ordinary(time.Now().UTC(), nil, longest+1, nil); err != nil {
					return
				}
			}
			crash := round{preprocess: []fault{{at: killed, run: killed, kind: crashAfter}}}
			if _, err := p.streams[0].preprocess(time.Now().UTC(), release{10, true}, crash, nil); err == nil {
				t.Errorf("the run was not killed at request %d", killed)
			}
			for range 2 {
				if err = p.ordinary(time.Now().UTC(), nil, longest+1, nil); err != nil {
					return
				}
				time.Sleep(17 * time.Minute)
			}
			p.ended = time.Now()
		})
		if err == nil {
			err = p.check()
		}
		if err != nil {
			t.Errorf("killed at request %d: %v\n%s", killed, err, p.told())
		}
	}
}
