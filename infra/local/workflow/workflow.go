// Package workflow runs state machines as Step Functions Standard does, on this machine.
//
// The interpreter is the npm package aws-local-stepfunctions in one long-lived Node process, installed at first
// use; no Go interpreter of the Amazon States Language exists that covers it. This package corrects on a copy of the
// definition what the interpreter does otherwise than AWS (see prepare), refuses what it would silently get wrong,
// and hands every task to the caller, so that nothing is ever sent to AWS.
package workflow

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/windrow-data/windrow/infra/local/toolcache"
)

var (
	//go:embed interpreter/interpreter.mjs
	program []byte
	//go:embed interpreter/package.json
	packageFile []byte
	//go:embed interpreter/package-lock.json
	packageLock []byte
)

const programFile = "interpreter.mjs"

// Install returns the path of the interpreter's program, and installs it first where the cache has none.
func Install(ctx context.Context, cache toolcache.Cache) (path string, err error) {
	dir, err := cache.Ensure(ctx, toolcache.Tool{
		Name:   "interpreter",
		Notice: "installing the state machine interpreter: some seconds, once",
		Files: map[string][]byte{
			programFile:         program,
			"package.json":      packageFile,
			"package-lock.json": packageLock,
		},
		Make: func(ctx context.Context, dir string) error {
			command := exec.CommandContext(ctx, "npm", "ci", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error")
			command.Dir = dir
			if output, err := command.CombinedOutput(); err != nil {
				return fmt.Errorf("npm ci: %w\n%s", err, bytes.TrimSpace(output))
			}
			return nil
		},
	})
	return filepath.Join(dir, programFile), err
}

// Interpreter is a running interpreter. Its methods may be called from several goroutines at once.
type Interpreter struct {
	command *exec.Cmd
	stdin   io.WriteCloser
	exited  chan struct{}
	fault   error // why it ended, set before exited is closed

	mutex   sync.Mutex
	loads   map[string]chan message
	running map[string]*running
}

// running is an execution under way.
type running struct {
	messages chan message
	ended    chan struct{}
}

// message is what is said to and by the interpreter.
type message struct {
	Op          string          `json:"op"`
	Machine     string          `json:"machine,omitempty"`
	Definition  json.RawMessage `json:"definition,omitempty"`
	Execution   string          `json:"execution,omitempty"`
	Input       json.RawMessage `json:"input,omitempty"`
	Context     json.RawMessage `json:"context,omitempty"`
	Task        int             `json:"task,omitempty"`
	State       string          `json:"state,omitempty"`
	Resource    string          `json:"resource,omitempty"`
	Parameters  json.RawMessage `json:"parameters,omitempty"`
	Result      json.RawMessage `json:"result,omitempty"`
	Type        string          `json:"type,omitempty"`
	Status      Status          `json:"status,omitempty"`
	Output      json.RawMessage `json:"output,omitempty"`
	Transitions int             `json:"transitions,omitempty"`
	Cause       string          `json:"cause,omitempty"`
	Message     string          `json:"message,omitempty"`
	// Error is a name from the interpreter, and a *TaskError to it.
	Error any `json:"error,omitempty"`
}

// Start starts an interpreter whose program is at path, as [Install] returned it. Its process ends with this one.
func Start(path string) (*Interpreter, error) {
	i := &Interpreter{
		exited:  make(chan struct{}),
		loads:   map[string]chan message{},
		running: map[string]*running{},
	}
	i.command = exec.Command("node", path)
	// It gets no terminal signals: the run stops it when the executions under way have ended.
	i.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stderr bytes.Buffer
	i.command.Stderr = &stderr
	var err error
	if i.stdin, err = i.command.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := i.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := i.command.Start(); err != nil {
		return nil, fmt.Errorf("start the state machine interpreter: %w", err)
	}
	go func() {
		i.read(stdout)
		err := i.command.Wait()
		i.fault = fmt.Errorf("the state machine interpreter ended (%v): %s", err, strings.TrimSpace(stderr.String()))
		close(i.exited)
	}()
	return i, nil
}

// Load makes the state machine known under arn. Its error says what in the definition is wrong, or cannot be run here.
func (i *Interpreter) Load(ctx context.Context, arn string, definition []byte) error {
	prepared, err := prepare(definition)
	if err != nil {
		return fmt.Errorf("state machine %s: %w", arn, err)
	}
	reply := make(chan message, 1)
	i.mutex.Lock()
	i.loads[arn] = reply
	i.mutex.Unlock()
	if err := i.send(message{Op: "load", Machine: arn, Definition: prepared}); err != nil {
		return err
	}
	select {
	case m := <-reply:
		if m.Op == "refused" {
			return fmt.Errorf("state machine %s: %s", arn, m.Message)
		}
		return nil
	case <-i.exited:
		return i.fault
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Execution is one run of a state machine.
type Execution struct {
	Machine string // the ARN it was loaded under
	Name    string
	Input   json.RawMessage
	Started time.Time
}

// Task is one piece of work of an execution.
type Task struct {
	Execution string
	State     string
	// Resource is the integration, for example "arn:aws:states:::lambda:invoke".
	Resource string
	// Parameters is the input of the integration, paths evaluated.
	Parameters json.RawMessage
}

// TaskError is an error that Retry and Catch can name.
type TaskError struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

func (e *TaskError) Error() string { return e.Name + ": " + e.Message }

// Event is something that goes otherwise than planned.
type Event struct {
	Execution string
	Type      string // StateFailed, StateRetried or StateCaught
	State     string
	Error     string
	Cause     string
}

// Handler does what an execution asks for.
type Handler struct {
	// Do does a task. The state machine takes an error that is no *[TaskError] for a Lambda.ServiceException. Tasks of
	// one execution may be done at once.
	Do func(context.Context, Task) (json.RawMessage, error)
	// Observe is told of events, one after another.
	Observe func(Event)
}

// Status is how an execution ended.
type Status string

const (
	Succeeded Status = "SUCCEEDED"
	Failed    Status = "FAILED"
	TimedOut  Status = "TIMED_OUT"
	Aborted   Status = "ABORTED"
)

// Outcome is the end of an execution.
type Outcome struct {
	Status Status
	Output json.RawMessage
	Error  string
	Cause  string
	// Transitions is the number of states entered, which is what Step Functions bills.
	Transitions int
}

// Run runs an execution to its end. The error is that of the interpreter or of ctx; the execution's own stands in the
// outcome.
func (i *Interpreter) Run(ctx context.Context, e Execution, h Handler) (Outcome, error) {
	contextObject, err := json.Marshal(map[string]any{
		executionObject: map[string]any{
			"Id":        executionARN(e),
			"Name":      e.Name,
			"Input":     e.Input,
			"StartTime": e.Started.UTC().Format("2006-01-02T15:04:05.000Z"),
		},
		"StateMachine": map[string]any{"Id": e.Machine, "Name": lastPart(e.Machine)},
	})
	if err != nil {
		return Outcome{}, err
	}
	r := &running{messages: make(chan message, 64), ended: make(chan struct{})}
	defer close(r.ended)
	i.mutex.Lock()
	i.running[e.Name] = r
	i.mutex.Unlock()
	defer func() {
		i.mutex.Lock()
		delete(i.running, e.Name)
		i.mutex.Unlock()
	}()
	if err := i.send(message{Op: "start", Machine: e.Machine, Execution: e.Name, Input: e.Input, Context: contextObject}); err != nil {
		return Outcome{}, err
	}
	var tasks sync.WaitGroup
	defer tasks.Wait()
	for {
		select {
		case m := <-r.messages:
			switch m.Op {
			case "task":
				tasks.Go(func() { i.do(ctx, m, h) })
			case "event":
				h.Observe(Event{Execution: m.Execution, Type: m.Type, State: m.State, Error: m.errorName(), Cause: m.Cause})
			case "ended":
				return Outcome{Status: m.Status, Output: m.Output, Error: m.errorName(), Cause: m.Cause, Transitions: m.Transitions}, nil
			}
		case <-i.exited:
			return Outcome{}, i.fault
		case <-ctx.Done():
			i.send(message{Op: "abort", Execution: e.Name})
			return Outcome{Status: Aborted}, context.Cause(ctx)
		}
	}
}

func (i *Interpreter) do(ctx context.Context, m message, h Handler) {
	answer := message{Op: "answer", Task: m.Task}
	result, err := h.Do(ctx, Task{Execution: m.Execution, State: m.State, Resource: m.Resource, Parameters: m.Parameters})
	if err == nil {
		answer.Result = result
	} else {
		fault := &TaskError{}
		if !errors.As(err, &fault) {
			fault = &TaskError{Name: "Lambda.ServiceException", Message: err.Error()}
		}
		answer.Error = fault
	}
	i.send(answer) // Where the interpreter has ended, Run says so.
}

// Close stops the interpreter and waits until it has ended.
func (i *Interpreter) Close() error {
	i.stdin.Close()
	select {
	case <-i.exited:
	case <-time.After(stopTimeout):
		i.command.Process.Kill()
		<-i.exited
	}
	return nil
}

const stopTimeout = 2 * time.Second

func (i *Interpreter) send(m message) error {
	line, err := json.Marshal(m)
	if err != nil {
		return err
	}
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if _, err := i.stdin.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("the state machine interpreter does not listen: %w", err)
	}
	return nil
}

// read hands out what the interpreter says until it ends.
func (i *Interpreter) read(stdout io.Reader) {
	lines := bufio.NewReader(stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(line, &m) != nil {
			continue // Not a message: something that a library prints.
		}
		i.mutex.Lock()
		load, execution := i.loads[m.Machine], i.running[m.Execution]
		i.mutex.Unlock()
		switch {
		case m.Op == "loaded" || m.Op == "refused":
			load <- m
		case execution != nil:
			select {
			case execution.messages <- m:
			case <-execution.ended:
			}
		}
	}
}

func (m message) errorName() string {
	name, _ := m.Error.(string)
	return name
}

// executionARN is the ARN that Step Functions would give.
func executionARN(e Execution) string {
	return strings.Replace(e.Machine, ":stateMachine:", ":execution:", 1) + ":" + e.Name
}

func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }
