package vendorapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/window"
)

// shelf is a vendor that pages by offset, in a bubble of synctest: it takes time for an answer, and nobody else's.
type shelf struct {
	records int
	// most is the largest page that it gives.
	most    int
	latency func(offset int) time.Duration
	// padding is how long each record is made.
	padding int
	// fault answers in its place where it is not nil; nth counts the requests for the offset from 1.
	fault func(offset, nth int) *http.Response
	// totalOf is the total that it tells at an offset; nil tells how many records there are.
	totalOf func(offset int) int

	mutex    sync.Mutex
	asked    map[int]int
	times    []time.Time
	offsets  []int
	underWay int
	// crowd is the most requests that were under way at once.
	crowd int
}

func (s *shelf) RoundTrip(r *http.Request) (*http.Response, error) {
	offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
	size, _ := strconv.Atoi(r.URL.Query().Get("size"))
	s.mutex.Lock()
	if s.asked == nil {
		s.asked = map[int]int{}
	}
	s.asked[offset]++
	nth := s.asked[offset]
	s.times = append(s.times, time.Now())
	s.offsets = append(s.offsets, offset)
	s.underWay++
	s.crowd = max(s.crowd, s.underWay)
	s.mutex.Unlock()
	defer func() {
		s.mutex.Lock()
		s.underWay--
		s.mutex.Unlock()
	}()
	select {
	case <-time.After(s.latency(offset)):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if s.fault != nil {
		if answer := s.fault(offset, nth); answer != nil {
			return answer, nil
		}
	}
	return says(200, s.page(offset, min(size, s.most))), nil
}

func (s *shelf) page(offset, size int) string {
	total := s.records
	if s.totalOf != nil {
		total = s.totalOf(offset)
	}
	var things []string
	for id := offset; id < min(offset+size, s.records); id++ {
		things = append(things, fmt.Sprintf(`{"id":%d,"padding":%q}`, id, strings.Repeat("x", s.padding)))
	}
	return fmt.Sprintf(`{"total":%d,"things":[%s]}`, total, strings.Join(things, ","))
}

func says(status int, body string, header ...string) *http.Response {
	answer := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1}
	for i := 0; i+1 < len(header); i += 2 {
		answer.Header.Set(header[i], header[i+1])
	}
	return answer
}

// describe describes the shelf, with so many pages in flight.
func (s *shelf) describe(inFlight int) *Vendor {
	v := simple("http://vendor.example")
	v.Streams[0].Paging = Paging{
		Kind: PagingOffset, Place: Place{In: InQuery, Name: "offset"}, Size: 100, SizePlace: Place{In: InQuery, Name: "size"}, InFlight: inFlight,
	}
	v.Streams[0].Total = Total{Path: "total"}
	return v
}

func (s *shelf) client(t testing.TB, v *Vendor) *Client {
	c, err := NewClient(v, "things", nil, bubbled(s))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bubbled are options in a bubble of synctest.
func bubbled(transport http.RoundTripper) Options {
	return Options{
		Transport: transport, Now: time.Now, Random: func() float64 { return 0 }, Logger: slog.New(slog.DiscardHandler),
		Sleep: func(ctx context.Context, d time.Duration) error {
			select {
			case <-time.After(d):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	}
}

func steady(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }

// reading is what a window gave: its records' ids, and why it ended early.
type reading struct {
	ids   []string
	pages int
	err   error
	took  time.Duration
}

// readWindow reads the hour to its end, as ingest does.
func readWindow(ctx context.Context, c *Client) (r reading) {
	begun := time.Now()
	defer func() { r.took = time.Since(begun) }()
	var at Cursor
	for {
		p, err := c.Page(ctx, hour, at)
		if err != nil {
			r.err = err
			return r
		}
		r.pages++
		for record := range p.Records() {
			id, _, _ := bytes.Cut(record, []byte(`,"padding`))
			r.ids = append(r.ids, strings.TrimPrefix(string(id), `{"id":`))
		}
		if p.Last {
			return r
		}
		at = p.Next
	}
}

func ids(n int) (all []string) {
	for id := range n {
		all = append(all, strconv.Itoa(id))
	}
	return all
}

func TestPagesSideBySideAreFaster(t *testing.T) {
	took := map[int]time.Duration{}
	for _, inFlight := range []int{1, 2, 4, 8} {
		synctest.Test(t, func(t *testing.T) {
			s := &shelf{records: 10_000, most: 100, latency: steady(300 * time.Millisecond)}
			v := s.describe(inFlight)
			v.RateLimit = RateLimit{Requests: 40, Per: Duration(time.Second)}
			c := s.client(t, v)
			got := readWindow(t.Context(), c)
			if diff := cmp.Diff(ids(10_000), got.ids); diff != "" || got.err != nil {
				t.Errorf("got %v, records (-want +got):\n%s", got.err, diff)
			}
			if s.crowd != inFlight || len(s.times) != 100 {
				t.Errorf("%d requests, %d at once", len(s.times), s.crowd)
			}
			took[inFlight] = got.took
		})
	}
	for inFlight, least := range map[int]float64{2: 1.9, 4: 3.6, 8: 6.5} {
		if ratio := took[1].Seconds() / took[inFlight].Seconds(); ratio < least {
			t.Errorf("%d in flight are %.2f times as fast as one, want %.1f", inFlight, ratio, least)
		}
	}
}

func TestFirstPageHasNoneAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{records: 10_000, most: 100, latency: steady(300 * time.Millisecond)}
		c := s.client(t, s.describe(8))
		for range 3 {
			if _, err := c.Page(t.Context(), hour, Cursor{}); err != nil {
				t.Fatal(err)
			}
		}
		// A later page whose total is not known, as of a window that is taken up.
		if _, err := c.Page(t.Context(), hour, Cursor{Page: 5, Seen: 400}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if len(s.times) != 4 {
			t.Errorf("%d requests", len(s.times))
		}
		if _, err := c.Page(t.Context(), hour, Cursor{Page: 6, Seen: 500}); err != nil {
			t.Fatal(err)
		}
		c.Stop()
		if s.crowd != 8 || s.underWay != 0 {
			t.Errorf("%d at once, %d under way after Stop", s.crowd, s.underWay)
		}
		// What is asked for next begins anew.
		if _, err := c.Page(t.Context(), window.Window{Start: hour.Start.Add(-time.Hour), End: hour.Start}, Cursor{}); err != nil {
			t.Fatal(err)
		}
	})
}

// Whatever happens on the way, what comes is what comes one page after the other.
func TestPagesAheadGiveTheSame(t *testing.T) {
	failing := func(offset, times int, answer func() *http.Response) func(int, int) *http.Response {
		return func(at, nth int) *http.Response {
			if at == offset && nth <= times {
				return answer()
			}
			return nil
		}
	}
	tests := map[string]struct {
		shelf   *shelf
		want    int
		err     error
		most    int // requests at most
		retries int
	}{
		"clamped pages":    {shelf: &shelf{records: 3000, most: 40}, want: 3000, most: 75},
		"a last short one": {shelf: &shelf{records: 2950, most: 100}, want: 2950, most: 30},
		"failed once": {shelf: &shelf{records: 3000, most: 100, fault: failing(1200, 1, func() *http.Response { return says(500, "oh") })},
			want: 3000, most: 31, retries: 1},
		"throttled twice": {shelf: &shelf{records: 3000, most: 100, fault: failing(1200, 2, func() *http.Response { return says(429, "", "Retry-After", "7") })},
			want: 3000, most: 32, retries: 2},
		"cut JSON": {shelf: &shelf{records: 3000, most: 100, fault: failing(1200, 1, func() *http.Response { return says(200, `{"total":3000,"things":[{"id":`) })},
			want: 3000, most: 31, retries: 1},
		"refused": {shelf: &shelf{records: 3000, most: 100, fault: failing(1200, 9, func() *http.Response { return says(400, "no") })},
			want: 1200, err: ErrRefused, most: 12 + 16},
		"out of order": {shelf: &shelf{records: 3000, most: 100, fault: failing(1200, 9, func() *http.Response { return says(503, "") })},
			want: 1200, err: ErrUnavailable, most: 12 + 5 + 16, retries: 5},
		"a page given twice": {shelf: &shelf{records: 3000, most: 100, fault: failing(1200, 9, func() *http.Response {
			return says(200, (&shelf{records: 3000}).page(1100, 100))
		})}, want: 1200, err: ErrRepeated, most: 12 + 16},
		"a total that grows": {shelf: &shelf{records: 3300, most: 100, totalOf: func(offset int) int { return min(3000+offset/10, 3300) }}, want: 3300, most: 33},
		"a total that falls": {shelf: &shelf{records: 3000, most: 100, totalOf: func(offset int) int { return 3000 - offset/50*10 }}, want: 3000, most: 32},
		"no total after all": {shelf: &shelf{records: 3000, most: 100, totalOf: func(int) int { return 0 }}, want: 3000, most: 31},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var one, eight reading
			var requests, crowd, retries int
			test.shelf.latency = steady(300 * time.Millisecond)
			synctest.Test(t, func(t *testing.T) {
				one = readWindow(t.Context(), test.shelf.client(t, test.shelf.describe(1)))
			})
			synctest.Test(t, func(t *testing.T) {
				test.shelf.asked, test.shelf.times, test.shelf.crowd = nil, nil, 0
				c := test.shelf.client(t, test.shelf.describe(8))
				eight = readWindow(t.Context(), c)
				c.Stop()
				requests, crowd, retries = len(test.shelf.times), test.shelf.crowd, c.Stats().Retries
				if c.Stats().Requests != requests {
					t.Errorf("counts %d requests, the vendor %d", c.Stats().Requests, requests)
				}
			})
			if diff := cmp.Diff(one.ids, eight.ids); diff != "" || !errors.Is(eight.err, test.err) || !errors.Is(one.err, test.err) {
				t.Errorf("got %v, alone %v, records (-alone +ahead):\n%s", eight.err, one.err, diff)
			}
			if one.err != nil && one.err.Error() != eight.err.Error() {
				t.Errorf("got %v, alone %v", eight.err, one.err)
			}
			if len(eight.ids) != test.want || requests > test.most || retries != test.retries {
				t.Errorf("%d records, %d requests, %d retries", len(eight.ids), requests, retries)
			}
			if name != "no total after all" && crowd != 8 {
				t.Errorf("%d at once", crowd)
			}
			if eight.took > one.took {
				t.Errorf("took %v, alone %v", eight.took, one.took)
			}
		})
	}
}

func TestPagesAheadAfterAThrottledOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{records: 3000, most: 100, latency: steady(300 * time.Millisecond)}
		var until time.Time
		s.fault = func(offset, nth int) *http.Response {
			if offset == 1200 && nth == 1 {
				until = time.Now().Add(20 * time.Second)
				return says(429, "", "Retry-After", "20")
			}
			return nil
		}
		v := s.describe(8)
		v.RateLimit = RateLimit{Requests: 12, Per: Duration(time.Second)} // Some wait when the vendor says so.
		c := s.client(t, v)
		got := readWindow(t.Context(), c)
		if got.err != nil || len(got.ids) != 3000 {
			t.Fatalf("%d records, %v", len(got.ids), got.err)
		}
		// What is under way when the vendor says "too many" is all that it gets until it may be asked again.
		for _, at := range s.times {
			if at.After(until.Add(-20*time.Second)) && at.Before(until) {
				t.Errorf("asked %v before the time that the vendor has said", until.Sub(at))
			}
		}
		if stats := c.Stats(); stats.Throttled != 1 || stats.Waited < 19*time.Second || stats.Waited > 22*time.Second {
			t.Errorf("%+v", stats)
		}
	})
}

func TestNothingIsAheadOfTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{records: 3000, most: 100, latency: steady(300 * time.Millisecond)}
		s.totalOf = func(offset int) int {
			if offset < 2200 {
				return 3000
			}
			return 2500
		}
		got := readWindow(t.Context(), s.client(t, s.describe(8)))
		synctest.Wait()
		if len(got.ids) != 2500 || s.underWay != 0 {
			t.Errorf("%d records, %d requests under way", len(got.ids), s.underWay)
		}
	})
}

// A page that failed while one before it was waited for has waited for its repetition meanwhile.
func TestAPageAheadWaitsForItsRepetitionMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{records: 2000, most: 100}
		s.latency = func(offset int) time.Duration {
			if offset == 200 {
				return 5 * time.Second
			}
			return 300 * time.Millisecond
		}
		s.fault = func(offset, nth int) *http.Response {
			if offset == 300 && nth == 1 {
				return says(500, "")
			}
			return nil
		}
		got := readWindow(t.Context(), s.client(t, s.describe(8)))
		// Page one, the slow one, the repetition, and what is after the 16 that may be there.
		if want := 300*time.Millisecond + 5*time.Second + 300*time.Millisecond; got.err != nil || got.took < want || got.took > want+300*time.Millisecond {
			t.Errorf("took %v, %v", got.took, got.err)
		}
	})
}

func TestPagesAheadKeepToTheLimit(t *testing.T) {
	tests := map[string]struct {
		limit RateLimit
		span  time.Duration
		least float64
	}{
		"100 a minute":      {RateLimit{100, Duration(time.Minute)}, time.Minute, 0.95 * 0.85},
		"30 a second":       {RateLimit{30, Duration(time.Second)}, time.Second, 0.95 * 25.0 / 30},
		"one in 2 seconds":  {RateLimit{1, Duration(2 * time.Second)}, 2 * time.Second, 0.95 * 0.85},
		"more than is kept": {RateLimit{6000, Duration(time.Minute)}, time.Minute, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &shelf{records: 40_000, most: 100, latency: func(offset int) time.Duration { return time.Duration(100+offset%7*40) * time.Millisecond }}
				v := s.describe(8)
				v.Streams[0].RateLimit = test.limit
				got := readWindow(t.Context(), s.client(t, v))
				if got.err != nil || len(got.ids) != 40_000 {
					t.Fatalf("%d records, %v", len(got.ids), got.err)
				}
				if name == "one in 2 seconds" && !slices.IsSorted(s.offsets) {
					t.Errorf("out of order: %v", s.offsets)
				}
				if most := busiest(s.times, test.span); most > test.limit.Requests {
					t.Errorf("%d requests in %v", most, test.span)
				}
				spans := got.took.Seconds() / test.span.Seconds()
				if used := 400 / spans / float64(test.limit.Requests); used < test.least {
					t.Errorf("%.3f of the limit are used", used)
				}
			})
		})
	}
}

// busiest returns the most requests in any span.
func busiest(times []time.Time, span time.Duration) (most int) {
	times = slices.Clone(times)
	slices.SortFunc(times, time.Time.Compare)
	first := 0
	for i, at := range times {
		for !times[first].After(at.Add(-span)) {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

func TestDeadlineAmongPagesAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{records: 3000, most: 100, latency: steady(300 * time.Millisecond)}
		c := s.client(t, s.describe(8))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got := readWindow(ctx, c)
		if !errors.Is(got.err, ErrDeadline) || got.pages != 1+2*8 {
			t.Errorf("%d pages, %v", got.pages, got.err)
		}
		if got.took != time.Second {
			t.Errorf("took %v", got.took)
		}
		c.Stop()
		if s.underWay != 0 {
			t.Errorf("%d are under way", s.underWay)
		}
	})
}

func TestPagesAheadEndWithTheContextOfTheirCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{records: 3000, most: 100, latency: steady(300 * time.Millisecond)}
		c := s.client(t, s.describe(8))
		var at Cursor
		var got []string
		for {
			// Each call has its own context, which ends with it.
			ctx, cancel := context.WithCancel(t.Context())
			p, err := c.Page(ctx, hour, at)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, records(p)...)
			cancel()
			synctest.Wait()
			if s.underWay != 0 {
				t.Fatalf("%d are under way", s.underWay)
			}
			if p.Last {
				break
			}
			at = p.Next
		}
		if len(got) != 3000 || c.Stats().Retries != 0 {
			t.Errorf("%d records, %d retries", len(got), c.Stats().Retries)
		}
	})
}

func TestCancellingPagesAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{records: 3000, most: 100, latency: func(offset int) time.Duration { return time.Duration(offset+1) * time.Hour }}
		v := s.describe(8)
		v.RequestTimeout = Duration(10_000 * time.Hour)
		c := s.client(t, v)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Hour, cancel)
		got := readWindow(ctx, c)
		if !errors.Is(got.err, context.Canceled) || errors.Is(got.err, ErrDeadline) || got.took != 50*time.Hour {
			t.Errorf("took %v: %v", got.took, got.err)
		}
		c.Stop()
		if s.underWay != 0 {
			t.Errorf("%d are under way", s.underWay)
		}
	})
}

func TestPagesAheadOfABoundedSize(t *testing.T) {
	tests := map[string]struct {
		padding, records, crowd int
	}{
		"small ones":               {10, 2000, 8},
		"of a megabyte":            {10 << 10, 2000, 7},
		"of three megabytes":       {30 << 10, 1000, 2},
		"larger than all the room": {90 << 10, 600, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &shelf{records: test.records, most: 100, padding: test.padding, latency: steady(300 * time.Millisecond)}
				c := s.client(t, s.describe(8))
				got := readWindow(t.Context(), c)
				if diff := cmp.Diff(ids(test.records), got.ids); diff != "" || got.err != nil {
					t.Errorf("got %v, records (-want +got):\n%s", got.err, diff)
				}
				if s.crowd < test.crowd || s.crowd > test.crowd+1 {
					t.Errorf("%d at once, want %d or one more", s.crowd, test.crowd)
				}
				if len(s.times) != test.records/100 {
					t.Errorf("%d requests", len(s.times))
				}
				c.Stop()
				spare := int64(0)
				for _, one := range c.ahead.room.spare {
					spare += int64(cap(one))
				}
				if c.ahead.room.used != spare || spare > aheadBytes {
					t.Errorf("%d bytes are taken, %d of them to spare", c.ahead.room.used, spare)
				}
			})
		})
	}
}

// A page that turns out larger than those before waits for room, and does not keep the one whose turn it is from coming.
func TestPagesThatGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{records: 2400, most: 100, latency: func(offset int) time.Duration { return time.Duration(5000-offset) * time.Millisecond }}
		plain := s.page
		var c *Client
		most := int64(0)
		s.fault = func(offset, _ int) *http.Response {
			c.ahead.room.mutex.Lock()
			most = max(most, c.ahead.room.used)
			c.ahead.room.mutex.Unlock()
			if offset < 300 {
				return nil
			}
			return says(200, strings.Replace(plain(offset, 100), `"things"`, `"more":"`+strings.Repeat("y", 3<<20)+`","things"`, 1))
		}
		c = s.client(t, s.describe(8))
		got := readWindow(t.Context(), c)
		if diff := cmp.Diff(ids(2400), got.ids); diff != "" || got.err != nil {
			t.Errorf("got %v, records (-want +got):\n%s", got.err, diff)
		}
		if len(s.times) != 24 || most > aheadBytes || most < aheadBytes/2 {
			t.Errorf("%d requests, %d bytes at most", len(s.times), most)
		}
	})
}

// Any pages, faults and number in flight give what one page after the other gives.
func TestPagesAheadAsIfAlone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		records := rapid.IntRange(0, 900).Draw(rt, "records")
		most := rapid.SampledFrom([]int{7, 50, 100, 150}).Draw(rt, "most")
		inFlight := rapid.IntRange(2, 12).Draw(rt, "inFlight")
		latencies := rapid.SliceOfN(rapid.IntRange(1, 900), 16, 16).Draw(rt, "latencies")
		kinds := []string{"", "", "", "500", "429", "cut", "short", "400", "gone"}
		faults := rapid.SliceOfN(rapid.SampledFrom(kinds), 16, 16).Draw(rt, "faults")
		shift := rapid.SampledFrom([]int{0, 0, 0, -40, 40}).Draw(rt, "shift")
		limit := rapid.SampledFrom([]RateLimit{{}, {20, Duration(10 * time.Second)}, {3, Duration(time.Second)}}).Draw(rt, "limit")
		play := func(inFlight int) (got reading, times []time.Time) {
			synctest.Test(t, func(t *testing.T) {
				s := &shelf{records: records, most: most}
				s.latency = func(offset int) time.Duration { return time.Duration(latencies[offset%16]) * time.Millisecond }
				if shift != 0 {
					s.totalOf = func(offset int) int { return max(records+shift*(offset/300), 0) }
				}
				s.fault = func(offset, nth int) *http.Response {
					switch kind := faults[offset/50%16]; {
					case kind == "400" && offset >= 500:
						return says(400, "no")
					case kind == "short" && offset >= 50:
						return says(200, s.page(offset, 13))
					case nth > 2:
						return nil
					case kind == "500":
						return says(500, "")
					case kind == "429":
						return says(429, "", "Retry-After", "3")
					case kind == "cut" && nth == 1:
						return says(200, `{"total":`)
					}
					return nil
				}
				v := s.describe(inFlight)
				v.Streams[0].RateLimit = limit
				c := s.client(t, v)
				got = readWindow(t.Context(), c)
				c.Stop()
				times = s.times
			})
			return got, times
		}
		one, _ := play(1)
		many, times := play(inFlight)
		if diff := cmp.Diff(one.ids, many.ids); diff != "" {
			rt.Fatalf("records (-alone +ahead):\n%s", diff)
		}
		if fmt.Sprint(one.err) != fmt.Sprint(many.err) {
			rt.Fatalf("got %v, alone %v", many.err, one.err)
		}
		if limit.Requests > 0 && busiest(times, limit.Per.D()) > limit.Requests {
			rt.Fatalf("%d requests in %v", busiest(times, limit.Per.D()), limit.Per)
		}
	})
}

// Hooks and tokens meet one request at a time, and a token that is rejected is renewed once for all pages.
func TestHooksAndTokensOfPagesSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{records: 4000, most: 100, latency: steady(300 * time.Millisecond)}
		var mutex sync.Mutex
		tokens, rejected := 0, 0
		good := func(token string) bool {
			mutex.Lock()
			defer mutex.Unlock()
			s.mutex.Lock()
			asked := len(s.times)
			s.mutex.Unlock()
			// The first token ends after a while, long before its half.
			if token == "Bearer t1" && asked > 20 {
				rejected++
				return false
			}
			return token == fmt.Sprintf("Bearer t%d", tokens) || token == "Bearer t1"
		}
		options := bubbled(roundTrips(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/token" {
				time.Sleep(200 * time.Millisecond)
				mutex.Lock()
				defer mutex.Unlock()
				tokens++
				return says(200, fmt.Sprintf(`{"access_token":"t%d","expires_in":36000}`, tokens)), nil
			}
			answer, err := s.RoundTrip(r)
			if err == nil && !good(r.Header.Get("Authorization")) {
				return says(401, "expired"), nil
			}
			return answer, err
		}))
		signed, judged, inHook := 0, 0, 0
		alone := func() func() {
			inHook++
			if inHook != 1 {
				t.Error("two hooks at once")
			}
			return func() { inHook-- }
		}
		options.Hooks = Hooks{
			Sign: func(*http.Request, []byte, Secret) error {
				defer alone()()
				signed++
				return nil
			},
			Judge: func(Received) Verdict {
				defer alone()()
				judged++
				return AsDescribed
			},
		}
		v := s.describe(8)
		v.Auth = ClientCredentials("http://vendor.example/token")
		c, err := NewClient(v, "things", Secret{"clientId": "a", "clientSecret": "b"}, options)
		if err != nil {
			t.Fatal(err)
		}
		got := readWindow(t.Context(), c)
		if diff := cmp.Diff(ids(4000), got.ids); diff != "" || got.err != nil {
			t.Errorf("got %v, records (-want +got):\n%s", got.err, diff)
		}
		if tokens != 2 || rejected == 0 || rejected > 16 || signed != len(s.times) || judged != signed {
			t.Errorf("%d tokens, %d rejected, %d signed, %d judged, %d requests", tokens, rejected, signed, judged, len(s.times))
		}
		if stats := c.Stats(); stats.Requests != len(s.times)+2 || stats.Tokens != 2 || stats.Retries != rejected {
			t.Errorf("%+v", stats)
		}
	})
}

type roundTrips func(*http.Request) (*http.Response, error)

func (f roundTrips) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// What a server far away sees: pages side by side over real connections, which are used again.
func TestPagesSideBySideOverHTTP(t *testing.T) {
	s := &shelf{records: 5000, most: 100, latency: steady(20 * time.Millisecond)}
	connections := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := s.RoundTrip(r)
		if err != nil {
			return
		}
		io.Copy(w, answer.Body)
	}))
	var mutex sync.Mutex
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		mutex.Lock()
		defer mutex.Unlock()
		if state == http.StateNew {
			connections++
		}
	}
	server.Start()
	defer server.Close()
	v := s.describe(8)
	v.BaseURL = server.URL
	options := bubbled(nil)
	c, err := NewClient(v, "things", nil, options)
	if err != nil {
		t.Fatal(err)
	}
	got := readWindow(t.Context(), c)
	c.Stop()
	if diff := cmp.Diff(ids(5000), got.ids); diff != "" || got.err != nil {
		t.Errorf("got %v, records (-want +got):\n%s", got.err, diff)
	}
	mutex.Lock()
	defer mutex.Unlock()
	if s.crowd < 4 || s.crowd > 8 || connections > 24 || len(s.times) != 50 {
		t.Errorf("%d at once over %d connections, %d requests", s.crowd, connections, len(s.times))
	}
}

// Under 100 requests a minute the limit is what bounds an execution and a backfill together, and they keep to it, as the server
// counts.
func TestRunAndBackfillUnderOneLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{records: 1_000_000, most: 100, latency: func(offset int) time.Duration { return time.Duration(200+offset%900) * time.Millisecond }}
		v := s.describe(8)
		v.Streams[0].RateLimit = RateLimit{Requests: 100, Per: Duration(time.Minute)}
		const span = 30 * time.Minute
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), span)
		defer cancel()
		var running sync.WaitGroup
		for _, turn := range []Turn{{Begun: begun}, {Begun: begun, Past: true, Lane: 0, Lanes: 2}, {Begun: begun, Past: true, Lane: 1, Lanes: 2}} {
			options := bubbled(s)
			options.Limits = NewLimits(v, "things")
			options.Limits.Begin(turn, time.Now())
			c, err := NewClient(v, "things", nil, options)
			if err != nil {
				t.Fatal(err)
			}
			running.Go(func() {
				if got := readWindow(ctx, c); !errors.Is(got.err, ErrDeadline) {
					t.Errorf("%+v: %v", turn, got.err)
				}
				c.Stop()
			})
		}
		running.Wait()
		most, used := busiest(s.times, time.Minute), float64(len(s.times))/span.Minutes()
		if most > 100 || used < 95 {
			t.Errorf("%d requests in the busiest minute, %.1f in each", most, used)
		}
	})
}
