//go:build !linux

package lambdahost

import "time"

// CPUReader returns a function that reads the processor time that a process has taken, or nil on a system where there
// is none.
func CPUReader() func(pid int) (time.Duration, error) { return nil }
