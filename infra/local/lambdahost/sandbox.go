package lambdahost

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Limits of Lambda, https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html and
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html.
const (
	initTimeout      = 10 * time.Second
	maxResponseBytes = 6 << 20
)

const (
	bootstrapFile = "bootstrap"
	runtimePath   = "/2018-06-01/runtime"
	// memoryInterval is how often a busy sandbox's memory is looked at. The peak is read once more at each
	// answer, so nothing is missed; the interval only bounds how long one above its limit goes on.
	memoryInterval = 20 * time.Millisecond
	// pollTimeout is how long a process may take from its answer to asking for more.
	pollTimeout = time.Second
)

// How an invocation ended; the words of Lambda's platform.report.
const (
	endSuccess = "success"
	endError   = "error"
	endTimeout = "timeout"
	endMemory  = "outOfMemory"
)

// invocation is one piece of work for a sandbox.
type invocation struct {
	id      string
	payload []byte
	// begun is when a sandbox fetched it; done gets the answer or says how the sandbox ended.
	begun time.Time
	taken chan struct{}
	done  chan outcome
	// over is closed when the process asks for work again, paced when it is no longer held to its share.
	over, paced chan struct{}
}

type outcome struct {
	payload []byte
	end     string
}

type report struct {
	id     string
	end    string
	billed time.Duration
	cold   bool
	memory int64 // bytes
	// initialization is what a cold start took before the invocation, cpu the processor time of the invocation.
	initialization, cpu time.Duration
}

func newInvocation(payload []byte) *invocation {
	return &invocation{
		id: requestID(), payload: payload,
		taken: make(chan struct{}), done: make(chan outcome, 1), over: make(chan struct{}), paced: make(chan struct{}),
	}
}

// sandbox is one process of a function and the Runtime API it talks to, on a port of its own so that the process
// needs no other name for itself.
type sandbox struct {
	pool    *pool
	options Options
	command *exec.Cmd
	server  *http.Server
	temp    string
	started time.Time
	work    chan *invocation
	dead    chan struct{} // closed when the process has ended

	mutex     sync.Mutex
	ready     time.Time // when it first asked for work
	current   *invocation
	last      *invocation // the one fetched last
	initFault []byte
	killedFor string        // how the invocation under way ends, where the host ended the process
	billed    bool          // the initialization has been billed
	cpu       time.Duration // processor time already counted, or of the initialization
	peak      int64         // resident memory in bytes, as last read
}

func startSandbox(p *pool, o Options) (*sandbox, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("no free port on 127.0.0.1: %w", err)
	}
	temp, err := os.MkdirTemp(o.TempDir, p.Name+"-")
	if err != nil {
		listener.Close()
		return nil, err
	}
	s := &sandbox{
		pool:    p,
		options: o,
		temp:    temp,
		started: time.Now(),
		work:    make(chan *invocation),
		dead:    make(chan struct{}),
	}
	s.command = exec.Command(filepath.Join(p.Dir, bootstrapFile))
	s.command.Dir = p.Dir
	s.command.Env = environment(p.Function, o, listener.Addr().String(), temp)
	s.command.Stdout = p.log
	s.command.Stderr = p.log
	s.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimePath+"/invocation/next", s.next)
	mux.HandleFunc("POST "+runtimePath+"/invocation/{id}/response", s.response)
	mux.HandleFunc("POST "+runtimePath+"/invocation/{id}/error", s.fault)
	mux.HandleFunc("POST "+runtimePath+"/init/error", s.initError)
	s.server = &http.Server{Handler: mux}
	if err := s.command.Start(); err != nil {
		listener.Close()
		os.RemoveAll(temp)
		return nil, fmt.Errorf("start %s: %w", bootstrapFile, err)
	}
	p.add(s)
	go s.server.Serve(listener)
	initialized := time.AfterFunc(initTimeout, func() {
		if !s.initialized() {
			s.kill()
		}
	})
	go func() {
		s.command.Wait()
		initialized.Stop()
		// What the process left running goes with it.
		s.kill()
		p.remove(s)
		close(s.dead)
		s.server.Close()
		os.RemoveAll(temp)
	}()
	return s, nil
}

// environment is what Lambda sets (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html), the
// local services and the function's own variables.
func environment(f Function, o Options, runtimeAPI, temp string) []string {
	variables := []string{
		"AWS_LAMBDA_RUNTIME_API=" + runtimeAPI,
		"AWS_LAMBDA_FUNCTION_NAME=" + f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME=" + filepath.Base(temp),
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"AWS_REGION=" + o.Region,
		"AWS_DEFAULT_REGION=" + o.Region,
		"AWS_EC2_METADATA_DISABLED=true",
		"LAMBDA_TASK_ROOT=" + f.Dir,
		"_HANDLER=bootstrap",
		"LANG=en_US.UTF-8",
		"PATH=/usr/local/bin:/usr/bin:/bin",
		"TZ=:UTC",
		"TMPDIR=" + temp,
		"HOME=" + temp,
	}
	for _, own := range []map[string]string{o.Environment, f.Environment} {
		for name, value := range own {
			variables = append(variables, name+"="+value)
		}
	}
	return variables
}

// next hands the process its next piece of work, and waits until there is one.
func (s *sandbox) next(w http.ResponseWriter, r *http.Request) {
	if !s.initialized() {
		used := s.processorTime()
		s.mutex.Lock()
		s.ready, s.cpu = time.Now(), used
		s.mutex.Unlock()
	}
	s.mutex.Lock()
	last := s.last
	s.mutex.Unlock()
	if last != nil { // A new sandbox belongs to the invocation that it was started for.
		s.pool.offer(s)
		close(last.over)
	}
	var work *invocation
	select {
	case work = <-s.work:
	case <-s.dead:
		return
	case <-r.Context().Done():
		s.kill()
		return
	}
	s.mutex.Lock()
	work.begun = time.Now()
	s.current = work
	s.last = work
	s.mutex.Unlock()
	if s.limited() {
		if last != nil {
			<-last.paced
			s.signal(syscall.SIGCONT)
		}
		go s.pace(work)
	}
	close(work.taken)
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Lambda-Runtime-Aws-Request-Id", work.id)
	header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(work.begun.Add(s.pool.Timeout).UnixMilli(), 10))
	header.Set("Lambda-Runtime-Invoked-Function-Arn", s.pool.ARN)
	header.Set("Lambda-Runtime-Trace-Id", "Root=1-"+work.id[:8]+"-"+work.id[9:13]+work.id[14:18]+work.id[19:23]+work.id[24:36]+";Sampled=0")
	w.Write(work.payload)
}

func (s *sandbox) response(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxResponseBytes+1))
	switch {
	case err != nil:
		http.Error(w, "response not read", http.StatusBadRequest)
	case len(body) > maxResponseBytes:
		s.answer(r.PathValue("id"), outcome{end: endError, payload: errorPayload("Function.ResponseSizeTooLarge",
			fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxResponseBytes))})
		http.Error(w, "response too large", http.StatusRequestEntityTooLarge)
	default:
		s.answer(r.PathValue("id"), outcome{end: endSuccess, payload: body})
		w.WriteHeader(http.StatusAccepted)
	}
}

func (s *sandbox) fault(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxResponseBytes))
	s.answer(r.PathValue("id"), outcome{end: endError, payload: errorBody(body, r)})
	w.WriteHeader(http.StatusAccepted)
}

func (s *sandbox) initError(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxResponseBytes))
	s.mutex.Lock()
	s.initFault = errorBody(body, r)
	s.mutex.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

// errorBody is what the runtime says of an error; some send only the header.
func errorBody(body []byte, r *http.Request) []byte {
	if json.Valid(body) {
		return body
	}
	return errorPayload(r.Header.Get("Lambda-Runtime-Function-Error-Type"), string(body))
}

// answer hands the outcome of the invocation under way to its caller. The process's memory is read before the
// process goes on, so that its peak in this invocation is known.
func (s *sandbox) answer(id string, o outcome) {
	s.mutex.Lock()
	work := s.current
	if work == nil || work.id != id {
		s.mutex.Unlock()
		return
	}
	s.current = nil
	s.mutex.Unlock()
	s.memory()
	work.done <- o
}

// finish waits for the outcome of work, which the sandbox has taken, and stops the sandbox at the deadline or above its
// memory.
func (s *sandbox) finish(ctx context.Context, work *invocation) (Result, error) {
	<-work.taken
	deadline := time.NewTimer(s.pool.Timeout)
	defer deadline.Stop()
	look := time.NewTicker(memoryInterval)
	defer look.Stop()
	if s.options.Memory == nil {
		look.Stop()
	}
	for {
		select {
		case o := <-work.done:
			s.awaitPoll(work)
			return s.settle(work, o), nil
		case <-s.dead:
			return s.settle(work, s.deadOutcome(work)), nil
		case <-deadline.C:
			s.end(work, endTimeout)
		case <-look.C:
			if s.memory() > s.limit() {
				s.end(work, endMemory)
			}
		case <-ctx.Done():
			s.kill()
			<-s.dead
			return Result{}, context.Cause(ctx)
		}
	}
}

// awaitPoll waits until the process that answered work asks for more, which is when AWS too ends the invocation, or
// has ended; so that a caller who comes again at once finds it idle.
func (s *sandbox) awaitPoll(work *invocation) {
	select {
	case <-work.over:
	case <-s.dead:
	case <-time.After(pollTimeout):
	}
}

// settle counts the invocation and turns its outcome into a result.
func (s *sandbox) settle(work *invocation, o outcome) Result {
	memory := s.memory()
	if memory > s.limit() && o.end != endMemory {
		s.kill()
		o = outcome{end: endMemory, payload: s.memoryPayload(work)}
	}
	if o.end == endMemory {
		s.options.Log(fmt.Sprintf("%s took %d MB of memory, above its %d MB", s.pool.Name, max(memory, s.limit())>>20, s.pool.MemoryMB))
	}
	r := s.bill(work, o.end, memory)
	s.pool.record(r)
	return Result{
		Payload: o.payload, Failed: o.end != endSuccess, Cold: r.cold,
		Billed: r.billed, Initialization: r.initialization, CPU: r.cpu, PeakMemory: r.memory,
	}
}

// bill returns the report of an invocation; the first one carries the initialization.
func (s *sandbox) bill(work *invocation, end string, memory int64) report {
	used := s.processorTime()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	r := report{id: work.id, end: end, cold: !s.billed, memory: memory}
	duration := time.Since(work.begun)
	if r.cold {
		s.billed = true
		r.initialization = s.ready.Sub(s.started)
		duration += r.initialization
	}
	r.billed = ceilMillisecond(duration)
	if used > s.cpu { // Counted from one invocation to the next, so that nothing in between is lost.
		r.cpu, s.cpu = used-s.cpu, used
	}
	return r
}

// processorTime returns the processor time of the process so far, 0 where it is not counted.
func (s *sandbox) processorTime() time.Duration {
	if s.options.CPU == nil {
		return 0
	}
	select {
	case <-s.dead:
		return s.command.ProcessState.UserTime() + s.command.ProcessState.SystemTime()
	default:
	}
	used, err := s.options.CPU(s.command.Process.Pid)
	if err != nil {
		return 0 // It is about to be found dead.
	}
	return used
}

// deadOutcome says how work ended with the process.
func (s *sandbox) deadOutcome(work *invocation) outcome {
	select {
	case o := <-work.done:
		return o // The runtime reported the error and then ended, as after a panic.
	default:
	}
	s.mutex.Lock()
	killedFor := s.killedFor
	s.mutex.Unlock()
	switch killedFor {
	case endTimeout:
		return outcome{end: endTimeout, payload: errorPayload("Sandbox.Timedout",
			fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", work.id, s.pool.Timeout.Seconds()))}
	case endMemory:
		return outcome{end: endMemory, payload: s.memoryPayload(work)}
	}
	return outcome{end: endError, payload: errorPayload("Runtime.ExitError",
		fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %s", work.id, s.command.ProcessState))}
}

func (s *sandbox) memoryPayload(work *invocation) []byte {
	return errorPayload("Runtime.OutOfMemory",
		fmt.Sprintf("RequestId: %s Error: Runtime exited with error: signal: killed", work.id))
}

// failInit answers work that the process never fetched, since it ended while it initialized itself.
func (s *sandbox) failInit(work *invocation) Result {
	s.mutex.Lock()
	payload := s.initFault
	s.mutex.Unlock()
	if payload == nil {
		payload = errorPayload("Runtime.ExitError",
			fmt.Sprintf("RequestId: %s Error: Runtime exited before it asked for work: %s", work.id, s.command.ProcessState))
	}
	took := time.Since(s.started)
	billed := ceilMillisecond(took)
	s.pool.record(report{id: work.id, end: endError, billed: billed, cold: true, initialization: took})
	return Result{Payload: payload, Failed: true, Cold: true, Billed: billed, Initialization: took}
}

func (s *sandbox) initialized() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return !s.ready.IsZero()
}

// end stops the process for the sake of work, unless that has just been answered.
func (s *sandbox) end(work *invocation, how string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.current == work && s.killedFor == "" {
		s.killedFor = how
		s.kill()
	}
}

// kill ends the process and all that it started.
func (s *sandbox) kill() { s.signal(syscall.SIGKILL) }

// memory returns the peak of the process's resident memory so far, 0 where it is not watched.
func (s *sandbox) memory() int64 {
	if s.options.Memory == nil {
		return 0
	}
	peak, err := s.options.Memory(s.command.Process.Pid)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err == nil { // Otherwise it has just ended, and what was last read stands.
		s.peak = max(s.peak, peak)
	}
	return s.peak
}

func (s *sandbox) limit() int64 { return int64(s.pool.MemoryMB) << 20 }

func errorPayload(kind, message string) []byte {
	payload, err := json.Marshal(FunctionError{Type: kind, Message: message})
	if err != nil {
		panic(err) // Two strings always marshal.
	}
	return payload
}

func ceilMillisecond(d time.Duration) time.Duration {
	return (d + time.Millisecond - 1).Truncate(time.Millisecond)
}

func requestID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
