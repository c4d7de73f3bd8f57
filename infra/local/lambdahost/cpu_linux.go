package lambdahost

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit in which the kernel tells processor time, whatever its own clock does: USER_HZ is 100 on every
// machine that Go runs on.
const tick = time.Second / 100

// CPUReader returns a function that reads the processor time that a process has taken in all of its threads, in steps of
// 10 ms (utime and stime in proc(5)), or nil on a system where there is none.
func CPUReader() func(pid int) (time.Duration, error) {
	return func(pid int) (time.Duration, error) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			return 0, err
		}
		// The name of the program, in parentheses, may hold spaces.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		const utime, stime = 11, 12
		if len(fields) <= stime {
			return 0, fmt.Errorf("/proc/%d/stat has %d fields after the name: want more than %d", pid, len(fields), stime)
		}
		var ticks int64
		for _, field := range fields[utime : stime+1] {
			n, err := strconv.ParseInt(string(field), 10, 64)
			if err != nil {
				return 0, err
			}
			ticks += n
		}
		return time.Duration(ticks) * tick, nil
	}
}
