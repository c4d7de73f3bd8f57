package simulation

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
)

// Kinds of fault, each at one request of an invocation. "took effect" is what S3 did with the request.
const (
	crashBefore  = "crash before a request"
	crashAfter   = "crash after a request"
	lostAnswer   = "answer lost, took effect"
	sentTwice    = "answer lost, sent again"
	s3Error      = "S3 500"
	s3Conflict   = "S3 409"
	hang         = "late answer"
	rivalBefore  = "another run before a request"
	rivalAfter   = "another run after a request"
	vendorError  = "vendor 500"
	vendorBusy   = "vendor 429"
	vendorBroken = "vendor answer cut off"
	vendorGone   = "vendor connection lost"
	vendorShift  = "records change between pages"

	// These strike outside requests.
	deadline      = "deadline reached"
	tickMissed    = "tick missed"
	tickDoubled   = "tick doubled"
	sizeChanged   = "page size changed"
	columnChanged = "columns changed"
)

var (
	s3Faults     = []string{crashBefore, crashAfter, lostAnswer, sentTwice, s3Error, s3Conflict, hang, rivalBefore, rivalAfter}
	vendorFaults = []string{vendorShift, vendorShift, vendorShift, crashBefore, crashAfter, vendorError, vendorBusy, vendorBroken, vendorGone, hang, rivalBefore, rivalAfter}
)

var (
	errKilled = errors.New("the process is gone")
	errLost   = errors.New("connection reset by peer")
)

// fault strikes at the atth request, and at the ones after it up to run.
type fault struct {
	at, run int
	kind    string
	wait    time.Duration
	records int
}

// plan draws the faults of one kind of request in one invocation.
func plan(rt *rapid.T, kinds []string, most, within int) (faults []fault) {
	for range rapid.IntRange(0, most).Draw(rt, "faults") {
		f := fault{at: rapid.IntRange(1, within).Draw(rt, "at"), kind: rapid.SampledFrom(kinds).Draw(rt, "kind")}
		f.run = f.at
		switch f.kind {
		case vendorError, vendorBusy, s3Conflict:
			f.run += rapid.IntRange(0, 8).Draw(rt, "run")
		case hang, rivalBefore, rivalAfter:
			f.wait = time.Duration(rapid.IntRange(0, 90).Draw(rt, "wait")) * time.Second
		case vendorShift:
			f.records = rapid.IntRange(1, 20).Draw(rt, "records")
		}
		faults = append(faults, f)
	}
	return faults
}

// process is one invocation of a handler: its requests to S3 and to the vendor go through it, and meet its
// faults. Once it is killed none takes effect any more.
type process struct {
	*history
	next      objectstore.API
	latency   time.Duration // of the vendor; S3 is much quicker
	s3, asked int
	s3Faults  []fault
	askFaults []fault
	dead      bool
	// struck counts the faults met.
	struck int
	nested bool
}

func at(faults []fault, n int) (fault, bool) {
	i := slices.IndexFunc(faults, func(f fault) bool { return f.at <= n && n <= f.run })
	if i < 0 {
		return fault{}, false
	}
	return faults[i], true
}

func (p *process) strike(kind string) {
	p.struck++
	p.faults[kind]++
}

// pause lets time pass. It fails where the context ends meanwhile.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// begin is what every request meets first. It fails where the process is killed or its time is over.
func (p *process) begin(ctx context.Context, latency time.Duration) error {
	if p.dead {
		return errKilled
	}
	if err := pause(ctx, latency); err != nil {
		p.strike(deadline)
		return err
	}
	return nil
}

func request[Out any](ctx context.Context, p *process, put bool, effect func() (*Out, error)) (*Out, error) {
	if err := p.begin(ctx, p.latency/100); err != nil {
		return nil, err
	}
	p.s3++
	f, ok := at(p.s3Faults, p.s3)
	if !ok || f.kind == s3Conflict && !put || p.nested && (f.kind == rivalBefore || f.kind == rivalAfter) {
		return effect()
	}
	p.strike(f.kind)
	switch f.kind {
	case crashBefore:
		p.dead = true
		return nil, errKilled
	case crashAfter:
		_, _ = effect()
		p.dead = true
		return nil, errKilled
	case lostAnswer:
		_, _ = effect()
		return nil, errLost
	case sentTwice:
		_, _ = effect()
	case s3Error:
		return nil, objectstoretest.Failure(http.StatusInternalServerError, "InternalError")
	case s3Conflict:
		return nil, objectstoretest.Failure(http.StatusConflict, "ConditionalRequestConflict")
	case hang:
		if err := pause(ctx, f.wait); err != nil {
			p.strike(deadline)
			return nil, err
		}
	case rivalBefore:
		p.rival(ctx, f.wait)
	case rivalAfter:
		out, err := effect()
		p.rival(ctx, f.wait)
		return out, err
	}
	return effect()
}

// rival plays another run while a request of this one is under way.
func (p *process) rival(ctx context.Context, after time.Duration) {
	if pause(ctx, after) != nil {
		return
	}
	p.rivals(p.rt)
}

// RoundTrip plays the vendor.
func (p *process) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if err := p.begin(ctx, p.latency); err != nil {
		return nil, err
	}
	p.asked++
	f, ok := at(p.askFaults, p.asked)
	if !ok || p.nested && (f.kind == rivalBefore || f.kind == rivalAfter) {
		return p.world.answer(r.URL.Query(), time.Now()), nil
	}
	p.strike(f.kind)
	switch f.kind {
	case crashBefore, crashAfter:
		p.dead = true
		return nil, errKilled
	case vendorError:
		return respond(http.StatusInternalServerError, []byte(`{}`)), nil
	case vendorBusy:
		response := respond(http.StatusTooManyRequests, []byte(`{}`))
		response.Header.Set("Retry-After", "3")
		return response, nil
	case vendorBroken:
		response := p.world.answer(r.URL.Query(), time.Now())
		body, _ := io.ReadAll(response.Body)
		return respond(http.StatusOK, body[:len(body)/2]), nil
	case vendorGone:
		return nil, errLost
	case vendorShift:
		p.world.shift(f.records, time.Now())
	case hang:
		if err := pause(ctx, f.wait); err != nil {
			p.strike(deadline)
			return nil, err
		}
	case rivalBefore:
		p.rival(ctx, f.wait)
	case rivalAfter:
		response := p.world.answer(r.URL.Query(), time.Now())
		p.rival(ctx, f.wait)
		return response, nil
	}
	return p.world.answer(r.URL.Query(), time.Now()), nil
}

// GetObject implements [objectstore.API].
func (p *process) GetObject(ctx context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	return request(ctx, p, false, func() (*s3.GetObjectOutput, error) { return p.next.GetObject(ctx, in) })
}

// HeadObject implements [objectstore.API].
func (p *process) HeadObject(ctx context.Context, in *s3.HeadObjectInput, _ ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	return request(ctx, p, false, func() (*s3.HeadObjectOutput, error) { return p.next.HeadObject(ctx, in) })
}

// PutObject implements [objectstore.API].
func (p *process) PutObject(ctx context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	return request(ctx, p, true, func() (*s3.PutObjectOutput, error) {
		again := *in
		again.Body = bytes.NewReader(body)
		return p.next.PutObject(ctx, &again)
	})
}

// DeleteObject implements [objectstore.API].
func (p *process) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput, _ ...func(*s3.Options)) (*s3.DeleteObjectOutput, error) {
	return request(ctx, p, false, func() (*s3.DeleteObjectOutput, error) { return p.next.DeleteObject(ctx, in) })
}

// ListObjectsV2 implements [objectstore.API].
func (p *process) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	return request(ctx, p, false, func() (*s3.ListObjectsV2Output, error) { return p.next.ListObjectsV2(ctx, in) })
}
