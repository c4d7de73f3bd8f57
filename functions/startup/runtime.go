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
// What it holds is bounded by [settings.GoMemoryShare], well above what a handler needs: with a limit close to that, garbage would be
// collected all the time. And it runs as many threads as the function has processors: a Lambda sees two even where it is given a
// fourteenth of one, and handing work from thread to thread took a tenth of what ingest does.
func fitRuntime(getenv func(string) string, memoryMB int) {
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit(memoryMB))
	}
	if getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(processors(memoryMB))
	}
}

func memoryLimit(memoryMB int) int64 { return int64(settings.GoMemoryShare * float64(memoryMB<<20)) }

func processors(memoryMB int) int { return (memoryMB + memoryPerProcessor - 1) / memoryPerProcessor }
