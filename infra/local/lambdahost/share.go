package lambdahost

import (
	"fmt"
	"runtime"
	"syscall"
	"time"
)

// processorMB is the memory at which a function has one processor; more memory has more and less has less, in proportion.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
const processorMB = 1769

// ShareOf returns the processors that Lambda gives to a function of a memory size: 0.072 of one at 128 MB, 1 at 1,769 MB,
// 1.7 at 3,008 MB.
func ShareOf(memoryMB int) float64 { return float64(memoryMB) / processorMB }

const (
	// sharePeriod is in which time a function gets its share once. AWS does not tell its own; it is found by looking at when
	// a function that spins stands still, https://arxiv.org/abs/2506.01283.
	sharePeriod = 20 * time.Millisecond
	// shareLook is the least time between two looks at what a process has taken. A kernel looks at each tick of its timer,
	// every 4 ms as Linux is mostly built, so that no more is overdrawn here before it is noticed than there.
	// https://docs.kernel.org/scheduler/sched-bwc.html
	shareLook = time.Millisecond
)

// budget is the processor time that a process may take. Each period fills it with the share of one period and no more, so
// that nothing is saved up by waiting; what a process overdraws it is paid out of the periods that follow.
type budget struct {
	// quota is what a period gives.
	quota time.Duration
	// processors is how many of them the process can use at once.
	processors int
	left       time.Duration // below 0: overdrawn
	used       time.Duration // the processor time as last read
	filled     time.Time     // the beginning of the period under way
}

func newBudget(share float64, processors int, now time.Time, used time.Duration) *budget {
	quota := time.Duration(share * float64(sharePeriod))
	return &budget{quota: quota, processors: processors, left: quota, used: used, filled: now}
}

// look takes note of the processor time that has been used by now. It tells whether the process may run, and after which
// time to look again.
func (b *budget) look(now time.Time, used time.Duration) (run bool, again time.Duration) {
	b.left -= used - b.used
	b.used = used
	if periods := now.Sub(b.filled) / sharePeriod; periods > 0 {
		b.filled = b.filled.Add(periods * sharePeriod)
		b.left = min(b.left+periods*b.quota, b.quota)
	}
	if b.left > 0 {
		return true, max(b.left/time.Duration(b.processors), shareLook)
	}
	owed := -b.left/b.quota + 1 // in periods
	return false, b.filled.Add(owed * sharePeriod).Sub(now)
}

// checkShare says why this machine cannot hold a function to its share, and tells of a share that it cannot give.
func checkShare(f Function, o Options) error {
	switch processors := runtime.NumCPU(); {
	case f.CPUShare == 0:
	case f.CPUShare < 0:
		return fmt.Errorf("function %s: %v processors: want more than 0, or 0 for all there are", f.Name, f.CPUShare)
	case o.CPU == nil:
		return fmt.Errorf("function %s is to have %.3f processors, for which its processor time must be counted: "+
			"that works on Linux only, and with Options.CPU set", f.Name, f.CPUShare)
	case f.CPUShare > float64(processors):
		o.Log(fmt.Sprintf("%s is to have %.2f processors and gets the %d of this machine", f.Name, f.CPUShare, processors))
	}
	return nil
}

// limited reports whether the sandbox has to be held to a share, which one of all the machine's processors need not be.
func (s *sandbox) limited() bool {
	return s.pool.CPUShare > 0 && s.pool.CPUShare < float64(runtime.NumCPU())
}

// pace holds the process to its share until it asks for work again, and then leaves it frozen.
func (s *sandbox) pace(work *invocation) {
	defer close(work.paced)
	budget := newBudget(s.pool.CPUShare, runtime.NumCPU(), time.Now(), s.processorTime())
	running := true
	next := time.NewTimer(shareLook)
	defer next.Stop()
	for {
		select {
		case <-s.dead:
			return
		case <-work.over:
			s.signal(syscall.SIGSTOP)
			return
		case <-next.C:
		}
		run, again := budget.look(time.Now(), s.processorTime())
		if run != running {
			what := syscall.SIGSTOP
			if run {
				what = syscall.SIGCONT
			}
			s.signal(what)
			running = run
		}
		next.Reset(again)
	}
}

// signal sends a signal to the process and all that it started.
func (s *sandbox) signal(what syscall.Signal) { syscall.Kill(-s.command.Process.Pid, what) }
