package startup

import (
	"runtime"
	"runtime/debug"

	"github.com/windrow-data/windrow/functions/settings"
)

// memoryPerProcessor is how many MB of memory give a function one processor.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
const memoryPerProcessor = 1769

// fitRuntime fits Go's runtime to a function of so much memory, but for what the function's environment itself says
// (https://pkg.go.dev/runtime#hdr-Environment_Variables).
//
// It collects garbage where [settings.GoMemoryShare] is reached and not before: a handler holds large buffers, among which the
// ordinary rule would collect at each doubling of what it holds, and so need twice as much, or, held to a limit close above them, collect all the time.
// And it runs as many threads as the function has processors: a Lambda sees two even where it is given a fourteenth of one, and handing
// work from thread to thread took a tenth of what ingest does.
func fitRuntime(getenv func(string) string, memoryMB int) {
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(settings.GoMemoryShare * float64(memoryMB<<20)))
	}
	if getenv("GOGC") == "" {
		debug.SetGCPercent(-1)
	}
	if getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS((memoryMB + memoryPerProcessor - 1) / memoryPerProcessor)
	}
}
