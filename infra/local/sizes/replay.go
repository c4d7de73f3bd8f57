package sizes

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/windrow-data/windrow/infra/local/play"
)

// Replay is an invocation of the day that was made again at each size.
type Replay struct {
	Tick    time.Time `json:"tick"`
	Handler string    `json:"handler"`
	Stream  string    `json:"stream"`
	// Warm says that a process stood ready for it.
	Warm bool `json:"warm"`
	// Work is what the recorded one had to do: an ingest's requests to the vendor, a preprocess's rows.
	Work int64 `json:"work"`
	// StandsFor is how many invocations of the day it stands for.
	StandsFor float64   `json:"standsFor"`
	Sizes     []Figures `json:"sizes"`
}

// Figures are what one invocation took with one memory size.
type Figures struct {
	MemoryMB int `json:"memoryMB"`
	// BilledMs is what AWS would bill, InitMs the part of it in which a cold start got ready, CPUMs the processor time after that.
	BilledMs float64 `json:"billedMs"`
	InitMs   float64 `json:"initMs"`
	CPUMs    float64 `json:"cpuMs"`
	PeakMB   float64 `json:"peakMB"`
	// Work is as in [Replay]: a slow function may see its time end, and leave some of it to the next one.
	Work int64 `json:"work"`
	// Fault is the error of an invocation that failed.
	Fault string `json:"fault,omitempty"`
}

// replay makes the invocations of the sample again at each size, and tells how far it has come.
func replay(ctx context.Context, o Options, stage *play.Stage, recording *sample) ([]Replay, error) {
	var all []Replay
	kept := recording.kept()
	began := time.Now()
	for n, i := range kept {
		r := Replay{
			Tick: i.Tick, Handler: i.Handler, Stream: i.Stream, Warm: i.Warm,
			Work: workOf(i.Handler, i.Result.Payload), StandsFor: recording.standsFor(i),
		}
		for _, memoryMB := range o.MemoryMBs {
			var quickest Figures
			for repeat := range o.Repeats {
				figures, err := replayAt(ctx, stage, i, memoryMB)
				if err != nil {
					return nil, err
				}
				if repeat == 0 || figures.BilledMs < quickest.BilledMs {
					quickest = figures
				}
			}
			r.Sizes = append(r.Sizes, quickest)
		}
		if err := i.Forget(); err != nil {
			return nil, err
		}
		all = append(all, r)
		first, last := r.Sizes[0], r.Sizes[len(r.Sizes)-1]
		o.Play.Screen.Line(fmt.Sprintf("%3d of %d, after %s: %s %s, %s: %.2f s with %d MB, %.2f s with %d MB",
			n+1, len(kept), time.Since(began).Round(time.Second), i.Stream, i.Handler, amount(i.Handler, r.Work),
			first.BilledMs/1000, first.MemoryMB, last.BilledMs/1000, last.MemoryMB))
	}
	return all, nil
}

func replayAt(ctx context.Context, stage *play.Stage, i *play.Invocation, memoryMB int) (Figures, error) {
	result, err := stage.Replay(ctx, i, memoryMB)
	if err != nil {
		return Figures{}, err
	}
	figures := Figures{
		MemoryMB: memoryMB,
		BilledMs: milliseconds(result.Billed), InitMs: milliseconds(result.Initialization), CPUMs: milliseconds(result.CPU),
		PeakMB: tenths(float64(result.PeakMemory) / (1 << 20)),
		Work:   workOf(i.Handler, result.Payload),
	}
	if err := result.Error(); err != nil {
		figures.Fault = err.Error()
	}
	return figures, nil
}

func milliseconds(d time.Duration) float64 { return tenths(float64(d) / float64(time.Millisecond)) }

func tenths(x float64) float64 { return math.Round(x*10) / 10 }
