package lambdahost

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"
)

// CPUReader returns a function that reads the processor time that a process has taken in all of its threads, those that
// have ended included, or nil on a system where there is none. It reads the clock of the process, which is exact to the
// nanosecond and up to date while threads run (clock_getcpuclockid(3)); the files in /proc are not.
func CPUReader() func(pid int) (time.Duration, error) {
	return func(pid int) (time.Duration, error) {
		var used syscall.Timespec
		clock := uintptr(^pid<<3 | processClock)
		if _, _, fault := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&used)), 0); fault != 0 {
			return 0, fmt.Errorf("processor time of the process %d: %w", pid, fault)
		}
		return time.Duration(used.Nano()), nil
	}
}

// processClock is CPUCLOCK_SCHED of the kernel's include/linux/posix-timers.h, by which a process and not a thread is
// meant: https://github.com/torvalds/linux/blob/v6.6/include/linux/posix-timers.h
const processClock = 2
