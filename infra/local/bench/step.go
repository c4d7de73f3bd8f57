package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// StepCommand is the argument by which a program that runs [Run] hands over to [Step] when it is started again by it.
const StepCommand = "step"

// step is a piece of work that a child process does, so that its processor time is measured as a handler's is.
type step struct {
	Name string `json:"name"`
	// Pages is how the vendor's pages are asked for, of the steps of ingest.
	Pages *pages `json:"pages,omitempty"`
	// Objects are what is made of which parts, of the steps of preprocess, in Dir.
	Objects []objectParts `json:"objects,omitempty"`
	Dir     string        `json:"dir,omitempty"`
}

// stepResult is what a step has done.
type stepResult struct {
	// CPU is the time that the work took, without the start of the process and what had to be made ready for it.
	CPU     time.Duration `json:"cpu"`
	Records int64         `json:"records"`
	// Bytes are those of the records, of a vendor's pages with what stands around them; Out what became of them.
	Bytes int64 `json:"bytes"`
	Out   int64 `json:"out"`
	// Peak is the most resident memory in bytes.
	Peak int64 `json:"peak"`
}

// steps are the floors, and the steps of each alone.
var steps = map[string]func(step) (stepResult, error){
	stepIngest:     ingestFloor,
	stepRead:       readAlone,
	stepScan:       scanAlone,
	stepCompress:   compressAlone,
	stepPreprocess: preprocessFloor,
	stepGunzip:     gunzipAlone,
	stepTokenize:   tokenizeAlone,
	stepWrite:      writeAlone,
}

// Step does the piece of work that in describes and tells of it on out, as a child of [Run]. It returns the exit status.
func Step(in io.Reader, out, fault io.Writer) int {
	var s step
	if err := json.NewDecoder(in).Decode(&s); err != nil {
		fmt.Fprintln(fault, "step:", err)
		return 1
	}
	do, ok := steps[s.Name]
	if !ok {
		fmt.Fprintf(fault, "step %q: there is no such step\n", s.Name)
		return 1
	}
	// A step does one thing after another. With a second thread Go's scheduler takes a tenth of the time for handing the one
	// goroutine from one to the other, and by what else the machine does, more.
	runtime.GOMAXPROCS(1)
	result, err := do(s)
	if err != nil {
		fmt.Fprintf(fault, "step %s: %v\n", s.Name, err)
		return 1
	}
	result.Peak = ownPeak()
	if err := json.NewEncoder(out).Encode(result); err != nil {
		fmt.Fprintln(fault, "step:", err)
		return 1
	}
	return 0
}

// runStep has a child process do a step.
func runStep(ctx context.Context, s step) (stepResult, error) {
	var result stepResult
	self, err := os.Executable()
	if err != nil {
		return result, err
	}
	spec, err := json.Marshal(s)
	if err != nil {
		return result, err
	}
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, self, stepArguments...)
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(spec), &stdout, &stderr
	if err := command.Run(); err != nil {
		return result, fmt.Errorf("step %s: %w\n%s", s.Name, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return result, json.Unmarshal(stdout.Bytes(), &result)
}

// stepArguments are those of the child; a test's child has others.
var stepArguments = []string{"bench", StepCommand}

// cpuOf returns the processor time that this process takes for work.
func cpuOf(work func() error) (time.Duration, error) {
	before := ownCPU()
	err := work()
	return ownCPU() - before, err
}

func ownCPU() time.Duration {
	usage := ownUsage()
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func ownPeak() int64 { return int64(ownUsage().Maxrss) << 10 }

func ownUsage() syscall.Rusage {
	var usage syscall.Rusage
	// It fails of a wrong argument alone.
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return usage
}
