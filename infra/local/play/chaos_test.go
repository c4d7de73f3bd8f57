package play

import (
	"reflect"
	"testing"
)

func TestDrawChaos(t *testing.T) {
	t.Parallel()
	plan := drawChaos(7, 1000)
	if !reflect.DeepEqual(plan, drawChaos(7, 1000)) || reflect.DeepEqual(plan, drawChaos(8, 1000)) {
		t.Error("equal seeds give equal plans, and others others")
	}
	kinds, runs := map[blowKind]int{}, map[int]int{}
	for _, d := range plan {
		runs[d.runs]++
		for _, b := range d.blows {
			kinds[b.kind]++
			if b.after < 0 || b.after >= maxAfter || b.lasts < 0 || b.lasts >= maxLasts {
				t.Errorf("a blow after %s that lasts %s", b.after, b.lasts)
			}
		}
	}
	for _, kind := range []blowKind{killFunction, stopS3, stopVendor} {
		if kinds[kind] < 300 {
			t.Errorf("%d of %s in 1000 ticks", kinds[kind], kind)
		}
	}
	for n := range 4 {
		if runs[n] == 0 {
			t.Errorf("no tick with %d runs: %v", n, runs)
		}
	}
}
