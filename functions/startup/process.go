package startup

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Process is what a main has of the process that it runs in. All fields are needed.
type Process struct {
	// Began is when the process did.
	Began time.Time
	// Getenv reads its environment, ReadFile the files of its asset, and Logs takes its log.
	Getenv   func(string) string
	ReadFile func(string) ([]byte, error)
	Logs     io.Writer
	// TempDir is where it may write, and Now its clock.
	TempDir string
	Now     func() time.Time
}

// Load makes a function of what the process was told, see [Load], and fits Go's runtime to its memory: it holds at most
// [settings.GoMemoryShare] of it, and runs as many threads as Lambda gives processors. What GOMEMLIMIT and GOMAXPROCS say in the
// environment stays.
func (p Process) Load() (*Function, error) {
	f, err := Load(p.Getenv, p.ReadFile, p.Logs)
	if f.memoryMB > 0 {
		fitRuntime(p.Getenv, f.memoryMB)
	}
	return f, err
}

// RunName is the request's own: a name that no other invocation has, not even one of the same execution.
func RunName(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return strings.ToLower(strings.ReplaceAll(lc.AwsRequestID, "-", ""))
	}
	return fmt.Sprintf("%x", rand.Uint64())
}

// Sleep waits, or fails when the context ends.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
