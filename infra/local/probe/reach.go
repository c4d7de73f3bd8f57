package probe

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// spans are how far back records are looked for where no window is given, one after the other until some are found.
var spans = []time.Duration{24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour}

// shortSpans take their place where the vendor accepts less than a day, so that several hours of it are looked at.
var shortSpans = []time.Duration{4 * time.Hour, 8 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}

// windows are those to look at, each no longer than the vendor accepts.
func (p *prober) windows() []window.Window {
	return p.windowsOf(p.stream)
}

func (p *prober) windowsOf(s *vendorapi.Stream) []window.Window {
	until := p.options.Until
	if until.IsZero() {
		until = p.options.Now().Add(-s.Settle.D())
	}
	until = s.AlignDown(until)
	starts := []time.Time{p.options.From}
	if p.options.From.IsZero() {
		back := spans
		if longest := s.Window.LongestSpan.D(); longest > 0 && longest < spans[0] {
			back = append([]time.Duration{longest}, shortSpans...)
		}
		starts = nil
		for _, span := range back {
			starts = append(starts, until.Add(-span))
		}
	}
	var all []window.Window
	for _, start := range starts {
		w := window.Window{Start: s.AlignDown(start), End: until}
		if latest := s.LatestEnd(w.Start); !latest.IsZero() && latest.Before(w.End) {
			w.End = latest
		}
		if w.Start.Before(w.End) {
			all = append(all, w)
		}
	}
	return all
}

// ask is a window, or a parent, to look at.
type ask struct {
	client *vendorapi.Client
	window window.Window
}

func (p *prober) windowsToAsk() (asks []ask) {
	for _, w := range p.windows() {
		asks = append(asks, ask{p.client, w})
	}
	return asks
}

// fewParents is how many parents are looked at until one has children.
const fewParents = 3

// parentsToAsk are the latest parents of a window that holds some. They take requests of the stream's own share.
func (p *prober) parentsToAsk(ctx context.Context) ([]ask, error) {
	parent, err := p.options.Vendor.Stream(p.stream.Parent.Stream)
	if err != nil {
		return nil, err
	}
	if parent.Parent != nil {
		return nil, fmt.Errorf("its parents, of stream %s, are children themselves, for which there are too few requests", parent.Name)
	}
	client, err := p.connect(parent)
	if err != nil {
		return nil, err
	}
	reader, err := vendorapi.NewParentReader(p.options.Vendor, p.stream)
	if err != nil {
		return nil, err
	}
	for _, w := range p.windowsOf(parent) {
		page, err := client.Page(ctx, w, vendorapi.Cursor{})
		if err != nil {
			return nil, err
		}
		var parents []vendorapi.ParentRecord
		var unusable error
		for _, records := range []iter.Seq[[]byte]{page.Records(), page.Others()} {
			for record := range records {
				of, err := reader.Read(record)
				if err != nil {
					unusable = err
					continue
				}
				parents = append(parents, of)
			}
		}
		if len(parents) == 0 && unusable != nil {
			return nil, unusable
		}
		if len(parents) == 0 {
			continue
		}
		slices.SortFunc(parents, func(a, b vendorapi.ParentRecord) int { return b.Time.Compare(a.Time) })
		var asks []ask
		at := w.End.Truncate(time.Second)
		for _, of := range parents[:min(len(parents), fewParents)] {
			asks = append(asks, ask{p.client.Of(of), window.Window{Start: at, End: at.Add(time.Second)}})
		}
		return asks, nil
	}
	return nil, nil
}

// askReachable reads the first page of a window that holds records; nil where there is none.
func (p *prober) askReachable(ctx context.Context) *answer {
	asks := p.windowsToAsk()
	if p.stream.Parent != nil {
		var err error
		if asks, err = p.parentsToAsk(ctx); err != nil {
			p.judgeFailure(err)
			return nil
		}
	}
	var first *answer
	for _, ask := range asks {
		a, err := p.page(ctx, ask.client, ask.window, vendorapi.Cursor{})
		if err != nil {
			p.judgeFailure(err)
			return nil
		}
		p.client = ask.client
		if first = a; a.count > 0 || a.total > 0 {
			break
		}
	}
	if first == nil {
		if p.stream.Parent != nil {
			p.add(Reachable, Unknown, "nothing was asked: no parent was found, see stream %s; give a longer window with -from and -until", p.stream.Parent.Stream)
		} else {
			p.add(Reachable, Unknown, "nothing was asked: no window of the stream lies before -until")
		}
		return nil
	}
	p.add(Reachable, OK, "it answers")
	p.add(Authorized, OK, "%s", p.authorizedBy())
	switch {
	case first.count > 0:
		p.add(Records, OK, "%d on the first page of %s", first.count, first.window)
	case first.total > 0:
		p.add(Records, Differs, "none on the first page of %s, though the total is %d", first.window, first.total).asked(first.request).
			write("%s", p.recordsHint("RecordsPath, or Paging.First where pages are counted from another number"))
	default:
		f := p.add(Records, Unknown, "none in %s: give a longer window with -from and -until, in which there are some", first.window).asked(first.request)
		if hint := p.recordsHint(""); hint != "" {
			f.Verdict = Differs
			f.write("%s", hint)
		}
	}
	return first
}

func (p *prober) authorizedBy() string {
	fields := p.options.Vendor.SecretFields()
	if len(fields) == 0 {
		return "without credentials"
	}
	return "with " + strings.Join(fields, ", ") + " of the secret"
}

// judgeFailure tells of a first page that could not be read, as far as the request came.
func (p *prober) judgeFailure(err error) {
	var failed *vendorapi.RequestError
	if !errors.As(err, &failed) {
		p.add(Reachable, Unknown, "not asked: %v", err)
		return
	}
	told := func(question, write string, arguments ...any) {
		p.add(question, Differs, "%s", failed.Reason).asked(failed.Request).write(write, arguments...)
	}
	if p.wire.status == 0 {
		told(Reachable, "BaseURL, the address that the vendor's API has; it must be reachable from here over HTTPS")
		return
	}
	p.add(Reachable, OK, "it answers")
	switch {
	case failed.Throttled:
		p.add(Authorized, Unknown, "the vendor throttles")
	case failed.Status == http.StatusUnauthorized, failed.Status == http.StatusForbidden:
		told(Authorized, "other values into the secret's fields %s; or Auth as the vendor wants it", strings.Join(p.options.Vendor.SecretFields(), ", "))
	case failed.Status == http.StatusNotFound:
		p.add(Authorized, Unknown, "there is nothing at the address")
		told(Records, "Path, with BaseURL before it")
	case errors.Is(err, vendorapi.ErrMalformed):
		p.add(Authorized, OK, "%s", p.authorizedBy())
		told(Records, "%s", p.recordsHint("RecordsPath and Total as they stand in an answer"))
	case failed.Status/100 == 4:
		p.add(Authorized, Unknown, "the vendor refuses the request")
		told(Records, "what the vendor asks for: Query, Window.Layout, Window.LongestSpan, Paging.Size and the names of parameters")
	default:
		p.add(Authorized, Unknown, "the vendor did not answer well")
		p.add(Records, Unknown, "%s", failed.Reason).asked(failed.Request)
	}
}

// recordsHint says where records seem to stand in the last answer, if not where they are described.
func (p *prober) recordsHint(otherwise string) string {
	arrays, _ := outline(p.wire.body.Bytes())
	var paths []string
	for _, a := range arrays {
		switch {
		case a.path == p.stream.RecordsPath:
			return otherwise
		case a.objects:
			paths = append(paths, fmt.Sprintf("%q", a.path))
		}
	}
	if len(paths) == 0 {
		return otherwise
	}
	return "RecordsPath: " + strings.Join(paths, " or ") + ", where the answer has an array of objects"
}
