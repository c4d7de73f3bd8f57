package pricing

import "time"

// Architecture is the instruction set of a function, in Lambda's words. What is not [ARM64] is billed as
// [X86], the dearer of the two, so that a mistake never makes a cost look small.
type Architecture string

const (
	// ARM64 is Graviton.
	ARM64 Architecture = "arm64"
	// X86 is 64-bit x86.
	X86 Architecture = "x86_64"
)

// Usage is what one invocation of a function has used.
type Usage struct {
	// Duration is what Lambda bills: the initialization, where there was one, and the handler.
	Duration time.Duration
	// MemoryMB is the function's memory, which is billed whether it is used or not.
	MemoryMB     int
	Architecture Architecture
	// Writes are the PUT, COPY, POST and LIST requests to S3, the refused ones included.
	Writes int
	// Reads are the GET and HEAD requests to S3.
	Reads int
	// Transitions are the state transitions that the invocation stands for: an execution's transitions are
	// counted by none of its functions, so each takes its share. May be a fraction.
	Transitions float64
}

// Invocation returns what u costs in US dollars: the GB-seconds, in whole milliseconds rounded up, the Lambda
// request, the requests to S3 and the transitions. Over a day this is what [Prices.Day] expects. Logs are not
// in it, nor what is paid by the month.
func (p Prices) Invocation(u Usage) float64 {
	billed := u.Duration.Truncate(time.Millisecond)
	if billed < u.Duration {
		billed += time.Millisecond
	}
	return billed.Seconds()*gigabytes(u.MemoryMB)*p.gbSecond(u.Architecture) +
		p.LambdaRequest +
		float64(u.Writes)*p.S3Write +
		float64(u.Reads)*p.S3Read +
		u.Transitions*p.Transition
}

func (p Prices) gbSecond(a Architecture) float64 {
	if a == ARM64 {
		return p.LambdaARM64GBSecond
	}
	return p.LambdaX86GBSecond
}

// gigabytes is memory as Lambda bills it: 128 MB are an eighth of a GB.
func gigabytes(memoryMB int) float64 { return float64(memoryMB) / 1024 }
