package lambdahost

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
)

// MemoryReader returns a function that reads the peak of a process's resident memory in bytes, as the kernel keeps
// it (VmHWM in proc(5)), or nil on a system where there is none.
func MemoryReader() func(pid int) (int64, error) {
	return func(pid int) (int64, error) {
		status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		if err != nil {
			return 0, err
		}
		lines := bufio.NewScanner(bytes.NewReader(status))
		for lines.Scan() {
			var kilobytes int64
			if n, _ := fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &kilobytes); n == 1 {
				return kilobytes << 10, nil
			}
		}
		return 0, errors.New("no VmHWM: the process has ended")
	}
}
