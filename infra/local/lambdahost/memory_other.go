//go:build !linux

package lambdahost

// MemoryReader returns a function that reads the peak of a process's resident memory in bytes, or nil on a system
// where there is none.
func MemoryReader() func(pid int) (int64, error) { return nil }
