package play

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Screen tells a person how a run goes: a bar on a terminal, plain lines elsewhere. It is safe for concurrent use.
type Screen struct {
	out      io.Writer
	terminal bool

	mutex sync.Mutex
	bar   *progressbar.ProgressBar
}

// NewScreen returns a screen on out; terminal says whether that can redraw a line.
func NewScreen(out io.Writer, terminal bool) *Screen {
	return &Screen{out: out, terminal: terminal}
}

// Line tells one thing.
func (s *Screen) Line(text string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.line(text)
}

func (s *Screen) line(text string) {
	if s.bar != nil {
		s.bar.Clear()
	}
	fmt.Fprintln(s.out, text)
	if s.bar != nil {
		s.bar.RenderBlank()
	}
}

// Begin starts the bar of so many ticks.
func (s *Screen) Begin(ticks int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.terminal {
		s.bar = progressbar.NewOptions(ticks,
			progressbar.OptionSetWriter(s.out),
			progressbar.OptionSetWidth(30),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionClearOnFinish(),
		)
	}
}

// End takes the bar away.
func (s *Screen) End() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.bar != nil {
		s.bar.Clear()
		s.bar = nil
	}
}

// Tick tells what the run of a tick has added to the figures of its streams.
func (s *Screen) Tick(tick time.Time, before, after []StreamSummary) {
	var added []string
	retries := 0
	for i, now := range after {
		then := before[i]
		retries += now.Retries - then.Retries
		if records := now.ingested - then.ingested; records > 0 {
			text := fmt.Sprintf("%s +%d", now.Name, records)
			if windows := now.windows - then.windows; windows > 1 {
				text += fmt.Sprintf(" in %d windows", windows)
			}
			added = append(added, text)
		}
	}
	if retries > 0 {
		added = append(added, fmt.Sprintf("retries +%d", retries))
	}
	if len(added) == 0 {
		added = append(added, "nothing new")
	}
	text := stamp(tick) + "  " + strings.Join(added, ", ")
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.bar == nil {
		s.line(text)
		return
	}
	s.bar.Describe(text)
	s.bar.Add(1)
}
