// Package lambdahost hosts unmodified Lambda functions on this machine: compiled bootstraps that talk to the Lambda
// Runtime API, kept warm in sandboxes, stopped at their deadline and watched for the memory they take.
//
// It follows https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, so that what runs here is, byte for byte
// where the architectures agree, what runs on AWS.
//
// Where it is told to, it holds a function to the share of a processor that its memory has on Lambda, see [ShareOf], without
// being root: it stops the process and has it go on, so that the processor time of all its threads together does not run
// ahead of the share. What the process waits for, a network say, takes its time as ever. Like Lambda, it gives a starting
// process all it can use, up to its first asking for work
// (https://hichaelmart.medium.com/shave-99-93-off-your-lambda-bill-with-this-one-weird-trick-33c0acebb2ea), and an idle one
// nothing. What it cannot do is to make this machine's processors as fast as Lambda's.
package lambdahost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Function is a function to host.
type Function struct {
	Name string
	ARN  string
	// Dir is the asset folder that holds the bootstrap; the function sees it as LAMBDA_TASK_ROOT.
	Dir string
	// Environment are the function's own variables.
	Environment map[string]string
	Timeout     time.Duration
	MemoryMB    int
	// CPUShare is how many processors the function may use, all its threads together, while it works on an invocation; on
	// Lambda that is [ShareOf] its memory. 0 lets it use all there are. It takes Linux, and Options.CPU.
	CPUShare float64
}

// Options say what all functions share.
type Options struct {
	// Region is the region that functions are told.
	Region string
	// Environment is added to each function's own, which win: endpoints of the local services. Nothing
	// of the developer's environment reaches a function.
	Environment map[string]string
	// LogDir gets one file a function, <name>.log, of all it writes, and a platform.report line an invocation.
	LogDir string
	// TempDir gets one folder a sandbox, removed with it.
	TempDir string
	// Memory reads the peak of a process's resident memory in bytes, see [MemoryReader]; nil leaves memory
	// unwatched.
	Memory func(pid int) (int64, error)
	// CPU reads the processor time that a process has taken so far, see [CPUReader]; nil leaves it uncounted.
	CPU func(pid int) (time.Duration, error)
	// Log is told of what a function must not do (pass its memory), in one line.
	Log func(line string)
}

// Stats are the figures of a function, or, added up, of several.
type Stats struct {
	Invocations int
	ColdStarts  int
	// Errors counts the invocations that ended with an error, Timeouts and OutOfMemory included.
	Errors      int
	Timeouts    int
	OutOfMemory int
	// Billed is the duration that AWS would bill, initialization included, in steps of a millisecond.
	Billed time.Duration
	// GBSeconds is Billed times the function's memory.
	GBSeconds float64
	// Initialization is the time that cold starts took, from the start of the process to its first asking for work.
	Initialization time.Duration
	// CPU is the processor time of the invocations, that of the initializations left out; 0 where it is not counted.
	CPU time.Duration
	// LogBytes is the size of what the function wrote to its log; the lines of the platform are not in it.
	LogBytes int64
	// PeakMemory is the highest resident memory of one of its processes in bytes, 0 where it is not watched.
	PeakMemory int64
}

// Add adds the counts of other to s and keeps the higher peak.
func (s *Stats) Add(other Stats) {
	s.Invocations += other.Invocations
	s.ColdStarts += other.ColdStarts
	s.Errors += other.Errors
	s.Timeouts += other.Timeouts
	s.OutOfMemory += other.OutOfMemory
	s.Billed += other.Billed
	s.GBSeconds += other.GBSeconds
	s.Initialization += other.Initialization
	s.CPU += other.CPU
	s.LogBytes += other.LogBytes
	s.PeakMemory = max(s.PeakMemory, other.PeakMemory)
}

// Result is the answer to an invocation.
type Result struct {
	// Payload is the function's answer, or where Failed is set an object with errorType and errorMessage.
	Payload []byte
	// Failed says that the function returned an error, ended, or was stopped.
	Failed bool
	// Cold says that a process was started for it.
	Cold bool
	// Billed is the duration that AWS would bill, Initialization the part of it in which a cold start got ready.
	Billed, Initialization time.Duration
	// CPU is the processor time of the invocation, that of the initialization left out; 0 where it is not counted.
	CPU time.Duration
	// PeakMemory is the highest resident memory so far of the process in bytes, 0 where it is not watched.
	PeakMemory int64
}

// FunctionError is the error of a failed [Result].
type FunctionError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// Error returns the error of a failed result as a *[FunctionError], nil for another.
func (r Result) Error() error {
	if !r.Failed {
		return nil
	}
	fault := &FunctionError{}
	if err := json.Unmarshal(r.Payload, fault); err != nil || fault.Type == "" {
		fault.Type = "Unhandled"
	}
	return fault
}

// ErrNoFunction says that no function has the name.
var ErrNoFunction = errors.New("no such function")

// Host runs functions. Its methods may be called from several goroutines at once.
type Host struct {
	options   Options
	functions map[string]*pool
}

// pool is one function and its sandboxes.
type pool struct {
	Function
	log *os.File

	mutex sync.Mutex
	idle  []*sandbox
	all   map[*sandbox]bool
	stats Stats
	// notOwn is how much of the log is not the function's: what an earlier run has left, and the platform's lines.
	notOwn int64
}

// New prepares to host functions; a sandbox is started when it is needed. It fails where a bootstrap is missing or
// built for another machine.
func New(functions []Function, o Options) (*Host, error) {
	for _, dir := range []string{o.LogDir, o.TempDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("functions: %w", err)
		}
	}
	h := &Host{options: o, functions: map[string]*pool{}}
	checked := map[string]error{}
	var faults []error
	for _, f := range functions {
		faults = append(faults, checkShare(f, o))
		bootstrap := filepath.Join(f.Dir, bootstrapFile)
		fault, known := checked[bootstrap]
		if !known {
			fault = checkExecutable(bootstrap)
			checked[bootstrap] = fault
			faults = append(faults, fault)
		}
		if fault != nil {
			continue
		}
		log, err := os.OpenFile(filepath.Join(o.LogDir, f.Name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		h.functions[f.Name] = &pool{Function: f, log: log, all: map[*sandbox]bool{}, notOwn: size(log)}
	}
	if err := errors.Join(faults...); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// Invoke runs the function called name (its name or its ARN) and waits for its answer. The error is that of
// hosting; a function's own is in the result. When ctx ends, the invocation is abandoned and its sandbox ended.
func (h *Host) Invoke(ctx context.Context, name string, payload []byte) (Result, error) {
	p := h.find(name)
	if p == nil {
		return Result{}, fmt.Errorf("function %q: %w", name, ErrNoFunction)
	}
	work := newInvocation(payload)
	for {
		s, err := h.take(p)
		if err != nil {
			return Result{}, fmt.Errorf("function %q: %w", name, err)
		}
		select {
		case s.work <- work:
			return s.finish(ctx, work)
		case <-s.dead:
			if s.initialized() {
				continue // It ended while idle; AWS starts another one too.
			}
			return s.failInit(work), nil
		case <-ctx.Done():
			s.kill()
			return Result{}, context.Cause(ctx)
		}
	}
}

// Stats returns the figures of each function by its name.
func (h *Host) Stats() map[string]Stats {
	stats := map[string]Stats{}
	for name, p := range h.functions {
		p.mutex.Lock()
		of := p.stats
		of.LogBytes = size(p.log) - p.notOwn
		stats[name] = of
		p.mutex.Unlock()
	}
	return stats
}

// Kill ends the process of an invocation that is under way, as a machine that fails does: the invocation ends with
// Runtime.ExitError. Which one it is follows from the number. It reports false where none is under way.
func (h *Host) Kill(which int) bool {
	var busy []*sandbox
	for _, name := range slices.Sorted(maps.Keys(h.functions)) {
		p := h.functions[name]
		p.mutex.Lock()
		for s := range p.all {
			s.mutex.Lock()
			if s.current != nil {
				busy = append(busy, s)
			}
			s.mutex.Unlock()
		}
		p.mutex.Unlock()
	}
	if len(busy) == 0 {
		return false
	}
	busy[which%len(busy)].kill()
	return true
}

// Close ends all sandboxes.
func (h *Host) Close() error {
	for _, p := range h.functions {
		p.mutex.Lock()
		sandboxes := maps.Clone(p.all)
		p.mutex.Unlock()
		for s := range sandboxes {
			s.kill()
			<-s.dead
		}
		p.log.Close()
	}
	return nil
}

func (h *Host) find(name string) *pool {
	if p, ok := h.functions[name]; ok {
		return p
	}
	for _, p := range h.functions {
		if p.ARN == name {
			return p
		}
	}
	return nil
}

// take returns a sandbox that waits for work, or a new one.
func (h *Host) take(p *pool) (*sandbox, error) {
	p.mutex.Lock()
	if last := len(p.idle) - 1; last >= 0 {
		s := p.idle[last]
		p.idle = p.idle[:last]
		p.mutex.Unlock()
		return s, nil
	}
	p.mutex.Unlock()
	return startSandbox(p, h.options)
}

// offer puts a sandbox that polls for work among the idle ones.
func (p *pool) offer(s *sandbox) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.idle = append(p.idle, s)
}

func (p *pool) add(s *sandbox) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.all[s] = true
}

func (p *pool) remove(s *sandbox) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.all, s)
	for i := range p.idle {
		if p.idle[i] == s {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			return
		}
	}
}

// record counts a finished invocation and writes its report to the log.
func (p *pool) record(r report) {
	p.mutex.Lock()
	p.stats.Invocations++
	p.stats.Billed += r.billed
	p.stats.GBSeconds += r.billed.Seconds() * float64(p.MemoryMB) / 1024
	p.stats.PeakMemory = max(p.stats.PeakMemory, r.memory)
	p.stats.Initialization += r.initialization
	p.stats.CPU += r.cpu
	if r.cold {
		p.stats.ColdStarts++
	}
	switch r.end {
	case endTimeout:
		p.stats.Timeouts++
		p.stats.Errors++
	case endMemory:
		p.stats.OutOfMemory++
		p.stats.Errors++
	case endError:
		p.stats.Errors++
	}
	defer p.mutex.Unlock()
	line, err := json.Marshal(map[string]any{
		"type": "platform.report",
		"record": map[string]any{
			"requestId": r.id,
			"status":    r.end,
			"metrics": map[string]any{
				"billedDurationMs": r.billed.Milliseconds(),
				"memorySizeMB":     p.MemoryMB,
				"maxMemoryUsedMB":  (r.memory + 1<<20 - 1) >> 20,
			},
		},
	})
	if err == nil {
		n, _ := p.log.Write(append(line, '\n'))
		p.notOwn += int64(n)
	}
}

func size(file *os.File) int64 {
	info, err := file.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}
