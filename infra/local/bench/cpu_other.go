//go:build !linux

package bench

import (
	"errors"
	"time"
)

// processCPU cannot tell what another process takes on this system.
func processCPU(int) (time.Duration, error) {
	return 0, errors.New("the benchmark needs Linux: only there the processor time of a living process is told")
}
