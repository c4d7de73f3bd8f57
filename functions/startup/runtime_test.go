package startup

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestTheRuntimeFitsTheFunction(t *testing.T) {
	for _, c := range []struct {
		name       string
		memoryMB   int
		env        map[string]string
		limit      int64
		processors int
	}{
		{"the smallest", 128, nil, 44 << 20, 1},
		{"a whole processor", 1769, nil, 608.09375 * (1 << 20), 1},
		{"a little more", 1770, nil, 608.4375 * (1 << 20), 2},
		{"the largest", 10240, nil, 3520 << 20, 6},
		{"a limit of its own", 128, map[string]string{"GOMEMLIMIT": "60MiB"}, math.MaxInt64, 1},
		{"threads of its own", 128, map[string]string{"GOMAXPROCS": "3"}, 44 << 20, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			limit, threads := debug.SetMemoryLimit(math.MaxInt64), runtime.GOMAXPROCS(3)
			defer func() { debug.SetMemoryLimit(limit); runtime.GOMAXPROCS(threads) }()
			fitRuntime(func(name string) string { return c.env[name] }, c.memoryMB)
			if got := debug.SetMemoryLimit(-1); got != c.limit {
				t.Errorf("the memory limit is %d, want %d", got, c.limit)
			}
			if got := runtime.GOMAXPROCS(0); got != c.processors {
				t.Errorf("there are %d threads, want %d", got, c.processors)
			}
		})
	}
}
