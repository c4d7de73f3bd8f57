package simulation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
)

// Kinds of fault, each at one request of an invocation. "Took effect" is what S3 did with the request.
const (
	crashBefore  = "crash before a request"
	crashAfter   = "crash after a request"
	lostAnswer   = "answer lost, took effect"
	sentTwice    = "answer lost, sent again"
	s3Error      = "S3 500"
	s3Conflict   = "S3 409"
	hang         = "late answer"
	zombie       = "process asleep, its request takes effect later"
	rivalBefore  = "another run before a request"
	rivalAfter   = "another run after a request"
	vendorError  = "vendor 500"
	vendorBusy   = "vendor 429"
	vendorBroken = "vendor answer cut off"
	vendorGone   = "vendor connection lost"
	vendorShift  = "records change between pages"
	vendorSwap   = "records change places between pages, total the same"

	// These strike outside requests.
	deadline      = "deadline reached"
	tickMissed    = "tick missed"
	tickDoubled   = "tick doubled"
	tickLate      = "tick late"
	refusedAhead  = "tick refused as ahead of its time"
	sizeChanged   = "page size changed"
	columnChanged = "columns changed"
	outage        = "vendor out of order (503)"
	jam           = "vendor throttles (429)"
)

var (
	s3Faults     = []string{crashBefore, crashAfter, lostAnswer, sentTwice, s3Error, s3Conflict, hang, zombie, rivalBefore, rivalAfter}
	vendorFaults = []string{vendorShift, vendorShift, vendorSwap, crashBefore, vendorError, vendorBusy, vendorBroken, vendorGone, hang, zombie, rivalBefore, rivalAfter}
)

var (
	errKilled = errors.New("the process is gone")
	errLost   = errors.New("connection reset by peer")
)

// fault strikes at the atth request, and at the ones after it up to run.
type fault struct {
	at, run int
	// on strikes at the first request whose operation and key begin so, in place of one of a number.
	on      string
	kind    string
	wait    time.Duration
	records int
	rival   *execution
}

// drawFaults draws the faults that one kind of request of one invocation meets.
func drawFaults(rt *rapid.T, s setting, h *history, kinds []string, within, depth int) (faults []fault) {
	for range rapid.SampledFrom([]int{0, 1, 1, 2}).Draw(rt, "faults") {
		f := fault{at: rapid.IntRange(1, within).Draw(rt, "at"), kind: rapid.SampledFrom(kinds).Draw(rt, "kind")}
		f.run = f.at
		switch f.kind {
		case vendorError, vendorBusy, s3Conflict:
			f.run += rapid.IntRange(0, 8).Draw(rt, "run")
		case hang:
			f.wait = time.Duration(rapid.IntRange(0, 90).Draw(rt, "wait")) * time.Second
		case rivalBefore, rivalAfter, zombie:
			f.wait = time.Duration(rapid.IntRange(0, 14*60).Draw(rt, "wait")) * time.Second
			if f.kind != zombie && depth > 0 {
				f.rival = drawExecution(rt, s, h, depth-1)
			}
		case vendorShift, vendorSwap:
			f.records = rapid.IntRange(1, 20).Draw(rt, "records")
		}
		faults = append(faults, f)
	}
	return faults
}

// process is one invocation of a handler: its requests to S3 and to the vendor go through it, and meet its
// faults. Once it is killed none takes effect any more.
type process struct {
	*play
	// of is the stream that it works at.
	of        *stream
	name      string
	began     time.Time
	next      objectstore.API
	random    *rand.Rand
	s3, asked int
	s3Faults  []fault
	askFaults []fault
	dead      bool
	// struck counts the faults met; met are the states of the vendor.
	struck int
	met    map[string]bool
	// denied is how often the vendor has refused what it was asked.
	denied int
	// past says that it is about a past range.
	past bool
	// unsettled are the commits put, as far as the handler knows, whose counts do not agree; findings are those logged.
	unsettled int
	findings  map[string]int
}

// process is an invocation at the stream; one without a name gets one.
func (s *stream) process(name string, s3Faults, askFaults []fault) *process {
	p := s.play
	p.mu.Lock()
	defer p.mu.Unlock()
	p.processes++
	if name == "" {
		name = fmt.Sprintf("pre%d", p.processes)
	}
	return &process{
		play: p, of: s, name: name, began: time.Now(), next: p.api, random: rand.New(rand.NewPCG(p.history.seed, uint64(p.processes))),
		s3Faults: s3Faults, askFaults: askFaults, findings: map[string]int{}, met: map[string]bool{},
	}
}

func at(faults []fault, n int) (fault, bool) {
	i := slices.IndexFunc(faults, func(f fault) bool { return f.on == "" && f.at <= n && n <= f.run })
	if i < 0 {
		return fault{}, false
	}
	return faults[i], true
}

func (p *process) strike(kind string) {
	p.struck++
	p.fault(kind)
}

// longestLife is how long Lambda lets a process live: what it has sent later takes no effect.
const longestLife = 15 * time.Minute

// pause lets time pass, and a little more, so that no two processes ever go on at the same moment: a history is played
// the same each time. It fails where the context ends meanwhile.
func (p *process) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d + time.Duration(p.random.IntN(1_000_000)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sleep is a pause that no deadline ends, as of a process that is frozen. It reports whether what the process was about
// to do still takes effect.
func (p *process) sleep(d time.Duration) bool {
	_ = p.pause(context.Background(), d)
	if time.Since(p.began) > longestLife {
		p.dead = true
	}
	return !p.dead
}

// begin is what every request meets first. It fails where the process is killed or its time is over.
func (p *process) begin(ctx context.Context, latency time.Duration) error {
	if p.dead {
		return errKilled
	}
	if p.history.latency == 0 {
		// A history without any other process: nothing has to be kept apart.
		return ctx.Err()
	}
	if err := p.pause(ctx, latency); err != nil {
		p.strike(deadline)
		return err
	}
	return nil
}

func request[Out any](ctx context.Context, p *process, operation, key string, effect func(context.Context) (*Out, error)) (*Out, error) {
	if err := p.begin(ctx, p.history.latency/100); err != nil {
		return nil, err
	}
	p.s3++
	f, ok := at(p.s3Faults, p.s3)
	if i := slices.IndexFunc(p.s3Faults, func(f fault) bool { return f.on != "" && strings.HasPrefix(operation+" "+key, f.on) }); i >= 0 {
		f, ok = p.s3Faults[i], true
		p.s3Faults = slices.Delete(slices.Clone(p.s3Faults), i, i+1)
	}
	if !ok || f.kind == s3Conflict && operation != "PUT" {
		out, err := effect(ctx)
		p.record(p.name, operation, key, "", err)
		return out, err
	}
	p.strike(f.kind)
	p.record(p.name, operation, key, f.kind, nil)
	late := context.WithoutCancel(ctx)
	switch f.kind {
	case crashBefore:
		p.dead = true
		return nil, errKilled
	case crashAfter:
		_, _ = effect(ctx)
		p.dead = true
		return nil, errKilled
	case lostAnswer:
		_, _ = effect(ctx)
		return nil, errLost
	case sentTwice:
		_, _ = effect(ctx)
	case s3Error:
		return nil, objectstoretest.Failure(http.StatusInternalServerError, "InternalError")
	case s3Conflict:
		return nil, objectstoretest.Failure(http.StatusConflict, "ConditionalRequestConflict")
	case hang:
		out, err := effect(ctx)
		if err := p.pause(ctx, f.wait); err != nil {
			p.strike(deadline)
			return nil, err
		}
		return out, err
	case zombie, rivalBefore:
		p.begins(f.rival)
		if !p.sleep(f.wait) {
			return nil, errKilled
		}
		out, err := effect(late)
		p.record(p.name, operation, key, "awake again", err)
		return out, err
	case rivalAfter:
		out, err := effect(ctx)
		p.begins(f.rival)
		if !p.sleep(f.wait) {
			return nil, errKilled
		}
		return out, err
	}
	return effect(ctx)
}

// announce plays the event bus.
func (p *process) announce(ctx context.Context, a telemetry.Announcement) error {
	_, err := request(ctx, p, "EVENT", rawzone.FormatTime(a.Window.Start), func(context.Context) (*telemetry.Announcement, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		start := a.Window.Start.UTC()
		if a.Generation >= p.of.announced[start].Generation && (p.unheard == nil || !p.unheard(a)) {
			p.of.announced[start] = a
		}
		return &a, nil
	})
	return err
}

// RoundTrip plays the vendor.
func (p *process) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if err := p.begin(ctx, p.history.latency); err != nil {
		return nil, err
	}
	asked := r.URL.Path + "?" + r.URL.RawQuery
	answer := func() *http.Response {
		response := p.world.answer(r.URL, time.Now())
		// A token may have expired; the parent is begun again then.
		if response.StatusCode != http.StatusOK && r.URL.Query().Get("token") == "" {
			p.denied++
		}
		return response
	}
	p.asked++
	f, ok := at(p.askFaults, p.asked)
	if kind, response := p.world.broken(time.Now()); response != nil {
		// One fault, however often it is met.
		if p.struck++; !p.met[kind] {
			p.met[kind] = true
			p.fault(kind)
		}
		return response, nil
	}
	if !ok {
		p.record(p.name, "ask", asked, "", nil)
		response := answer()
		if response.StatusCode != http.StatusOK {
			p.record(p.name, "ask", asked, response.Status, nil)
		}
		return response, nil
	}
	p.strike(f.kind)
	p.record(p.name, "ask", asked, f.kind, nil)
	switch f.kind {
	case crashBefore:
		p.dead = true
		return nil, errKilled
	case vendorError:
		return respond(http.StatusInternalServerError, []byte(`{}`)), nil
	case vendorBusy:
		response := respond(http.StatusTooManyRequests, []byte(`{}`))
		response.Header.Set("Retry-After", "3")
		return response, nil
	case vendorBroken:
		response := answer()
		body, _ := io.ReadAll(response.Body)
		return respond(response.StatusCode, body[:len(body)/2]), nil
	case vendorGone:
		return nil, errLost
	case vendorShift, vendorSwap:
		p.of.shift(f.records, f.kind == vendorSwap, time.Now())
	case hang:
		if err := p.pause(ctx, f.wait); err != nil {
			p.strike(deadline)
			return nil, err
		}
	case zombie, rivalBefore:
		p.begins(f.rival)
		if !p.sleep(f.wait) {
			return nil, errKilled
		}
	case rivalAfter:
		response := answer()
		p.begins(f.rival)
		if !p.sleep(f.wait) {
			return nil, errKilled
		}
		return response, nil
	}
	return answer(), nil
}

// GetObject implements [objectstore.API].
func (p *process) GetObject(ctx context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	return request(ctx, p, "GET", *in.Key, func(ctx context.Context) (*s3.GetObjectOutput, error) { return p.next.GetObject(ctx, in) })
}

// HeadObject implements [objectstore.API].
func (p *process) HeadObject(ctx context.Context, in *s3.HeadObjectInput, _ ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	return request(ctx, p, "HEAD", *in.Key, func(ctx context.Context) (*s3.HeadObjectOutput, error) { return p.next.HeadObject(ctx, in) })
}

// PutObject implements [objectstore.API].
func (p *process) PutObject(ctx context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	unsettled := p.unsettled
	out, err := request(ctx, p, "PUT", *in.Key, func(ctx context.Context) (*s3.PutObjectOutput, error) {
		again := *in
		again.Body = bytes.NewReader(body)
		var before string
		curated := strings.Contains(*in.Key, p.of.name+"/dt=")
		if curated {
			if there, err := p.store.HeadObject(ctx, &s3.HeadObjectInput{Bucket: in.Bucket, Key: in.Key}); err == nil {
				before = there.Metadata["windrow-commit"]
			}
		}
		out, err := p.next.PutObject(ctx, &again)
		switch {
		case err == nil && curated:
			p.checkObject(p, *in.Key, in.Metadata["windrow-commit"], before)
		case err == nil && strings.Contains(*in.Key, "/commits/"):
			p.of.committed(p, *in.Key, strings.Trim(*out.ETag, `"`))
		case err == nil && strings.HasSuffix(*in.Key, "/days.json"):
			if err := p.of.daysPut(p, body); err != nil {
				p.broke(err)
			}
		case err == nil && strings.HasSuffix(*in.Key, "/"+audit):
			p.of.audits.keep(body)
		case err == nil && strings.HasSuffix(*in.Key, "/"+roster):
			p.of.rosters.keep(body)
			if err := p.of.rosterPut(body); err != nil {
				p.broke(err)
			}
		}
		return out, err
	})
	if errors.Is(err, errLost) || err != nil && ctx.Err() != nil {
		// Whether it took effect the handler cannot know, and the reading that is due next tells of it.
		p.unsettled = unsettled
	}
	return out, err
}

// DeleteObject implements [objectstore.API].
func (p *process) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput, _ ...func(*s3.Options)) (*s3.DeleteObjectOutput, error) {
	return request(ctx, p, "DELETE", *in.Key, func(ctx context.Context) (*s3.DeleteObjectOutput, error) {
		_, there := p.store.Body("curated", *in.Key)
		if there && *in.Bucket == "curated" {
			if err := p.of.deleted(p, *in.Key); err != nil {
				p.broke(err)
			}
		}
		return p.next.DeleteObject(ctx, in)
	})
}

// ListObjectsV2 implements [objectstore.API].
func (p *process) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	return request(ctx, p, "LIST", *in.Prefix, func(ctx context.Context) (*s3.ListObjectsV2Output, error) { return p.next.ListObjectsV2(ctx, in) })
}

// logger counts the findings that the invocation logs, which outlast its answer.
func (p *process) logger() *slog.Logger { return slog.New(logged{p}) }

// logged is a handler of log lines that keeps the findings' kinds alone.
type logged struct{ *process }

func (l logged) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }
func (l logged) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l logged) WithGroup(string) slog.Handler                    { return l }

func (l logged) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "finding" {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "kind" {
				l.findings[a.Value.String()]++
			}
			return true
		})
	}
	return nil
}

func (p *process) found(kind telemetry.Kind) int { return p.findings[string(kind)] }
