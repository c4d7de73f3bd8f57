package bench

import "testing"

func TestMorePairsAreTakenWhereABoundIsBroken(t *testing.T) {
	t.Parallel()
	b := &bench{options: Options{Quick: true}}
	repeat := func(value float64, times int) (values []float64) {
		for range times {
			values = append(values, value)
		}
		return values
	}
	few, many := b.pairs(), patience*b.pairs()
	for name, test := range map[string]struct {
		ratio, sum float64
		taken      int
		want       bool
	}{
		"none yet":                   {1, 1, 0, true},
		"too few":                    {1, 1, few - 1, true},
		"enough":                     {1, 1, few, false},
		"the ratio is above":         {mostIngest + 0.01, 1, few, true},
		"the floor is no floor":      {1, mostFloor + 0.01, few, true},
		"above, and enough of it":    {mostIngest + 0.01, 1, many, false},
		"above, and nearly as often": {mostIngest + 0.01, 1, many - 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			a := &against{ratios: repeat(test.ratio, test.taken), sums: repeat(test.sum, test.taken)}
			if got := b.again(a, mostIngest); got != test.want {
				t.Errorf("another pair: %t, want %t", got, test.want)
			}
		})
	}
}
