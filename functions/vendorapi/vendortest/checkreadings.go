package vendortest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// reading is what the client has read of one window or parent.
type reading struct {
	window window.Window
	// records are those that belong to the window.
	records []string
	// given counts all records of the answers, total is what the first of them announced.
	given   int
	total   int64
	untimed int
	outside int
	pages   int
	// short is the number of records of the first page that was neither full nor the last, 0 where there was none.
	short int
}

// readAll reads a window to its end.
func (c *checker) readAll(client *vendorapi.Client, s *vendorapi.Stream, w window.Window) (reading, error) {
	r := reading{window: w}
	for at := (vendorapi.Cursor{}); ; {
		page, err := client.Page(context.Background(), w, at)
		if err != nil {
			c.said = append(c.said, err.Error())
			return r, err
		}
		for record := range page.Records() {
			r.records = append(r.records, string(record))
		}
		if r.pages == 0 {
			r.total = page.Total
		}
		if r.short == 0 && page.Count > 0 && page.Count < s.Paging.Size {
			r.short = page.Count
		}
		r.given += page.Count
		r.untimed += page.Untimed
		r.outside += page.Outside
		r.pages++
		if page.Last {
			return r, nil
		}
		at = page.Next
	}
}

// readings lets the client read all windows of a day, or all parents, and compares them with what the vendor holds.
func (c *checker) readings(s *vendorapi.Stream, from time.Time) []reading {
	client, err := c.client(s.Name, c.secret)
	if err != nil {
		c.breach(s.Name, PromiseDescription, "%v", err)
		return nil
	}
	switch {
	case s.Parent != nil:
		return c.readParents(client, s)
	case s.Window.Listing != nil:
		return c.readListing(client, s, from)
	}
	return c.readWindows(client, s, from)
}

// forever holds every time that a world has.
var forever = window.Window{Start: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}

func (c *checker) now() time.Time { return c.server.now }

// cuts are windows that follow on one another, from before a day until after it. Some begin and end in the midst of a burst.
func (c *checker) cuts(s *vendorapi.Stream, from time.Time) (all []window.Window) {
	at := []time.Time{from.Add(-time.Hour)}
	for hours := time.Duration(1); hours < 26; hours += 3 {
		at = append(at, from.Add(hours*time.Hour+7*time.Minute))
	}
	// Where the world's records crowd, and where clocks are changed.
	for _, part := range []float64{0.55, 0.72} {
		burst := from.Add(time.Duration(part * float64(day))).Truncate(time.Minute)
		at = append(at, burst, burst.Add(2*time.Second), burst.Add(20*time.Second), burst.Add(41*time.Second))
	}
	at = append(at, from.Add(12*time.Hour+30*time.Minute), from.Add(13*time.Hour), from.Add(13*time.Hour+30*time.Minute), from.Add(30*time.Hour))
	for i := range at {
		at[i] = s.AlignDown(at[i])
	}
	slices.SortFunc(at, time.Time.Compare)
	for i := range len(at) - 1 {
		for start := at[i]; start.Before(at[i+1]); {
			end := at[i+1]
			if longest := s.LatestEnd(start); !longest.IsZero() && longest.Before(end) {
				end = longest
			}
			all = append(all, window.Window{Start: start, End: end})
			start = end
		}
	}
	return all
}

func (c *checker) readWindows(client *vendorapi.Client, s *vendorapi.Stream, from time.Time) (all []reading) {
	for _, w := range c.cuts(s, from) {
		r, err := c.readAll(client, s, w)
		if err != nil {
			c.unread(s, err)
			return all
		}
		all = append(all, r)
		c.compareWindow(s, r)
		c.compareTotal(s, r)
	}
	return all
}

// unread tells why something could not be read.
func (c *checker) unread(s *vendorapi.Stream, err error) {
	var request *vendorapi.RequestError
	status := 0
	if errors.As(err, &request) {
		status = request.Status
	}
	switch {
	case errors.Is(err, vendorapi.ErrRepeated):
		c.breach(s.Name, PromisePages, "the vendor gives a page that came before: %v. Look at paging: is kind %q right, does the next page's place %q mean what is described, and does nextPath lead to what changes from page to page?", err, s.Paging.Kind, s.Paging.Place.Name)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		c.breach(s.Name, PromiseAuth, "the right credentials are refused: %v. Look at auth: kind %q, and the names of headers or parameters", err, c.vendor.Auth.Kind)
	case status == http.StatusNotFound:
		c.breach(s.Name, PromiseDescription, "nothing is there: %v. Look at baseURL, path and method", err)
	case errors.Is(err, vendorapi.ErrMalformed):
		c.breach(s.Name, PromiseAnswers, "an answer is not as described: %v. Look at recordsPath, recordsAbsentWhenEmpty, total and paging.nextPath", err)
	case errors.Is(err, vendorapi.ErrUnavailable):
		c.breach(s.Name, PromiseRetries, "the vendor never answered well: %v. Look at retry, above all at retry.also", err)
	default:
		c.breach(s.Name, PromiseWindows, "the vendor refuses a request: %v. Look at window (layout, zone, granularity, longestSpan), at paging (size, first), and at the fixed query", err)
	}
}

// difference returns what each of two lists has that the other has not, and what got has twice.
func difference(got, want []string) (extra, missing, twice []string) {
	left := map[string]int{}
	for _, record := range want {
		left[record]++
	}
	seen := map[string]int{}
	for _, record := range got {
		if seen[record]++; seen[record] > 1 && left[record] <= 0 {
			twice = append(twice, record)
			continue
		}
		if left[record]--; left[record] < 0 {
			extra = append(extra, record)
		}
	}
	for _, record := range want {
		if left[record] > 0 {
			left[record] = 0
			missing = append(missing, record)
		}
	}
	return extra, missing, twice
}

// compareWindow compares a window with what the vendor holds of it.
func (c *checker) compareWindow(s *vendorapi.Stream, r reading) {
	times := map[string]time.Time{}
	for _, record := range c.world.Records(s.Name, forever, c.now()) {
		times[string(record.Held())] = record.Time
	}
	var want []string
	for _, record := range c.world.Records(s.Name, r.window, c.now()) {
		want = append(want, string(record.Held()))
	}
	extra, missing, twice := difference(r.records, want)
	unit := max(s.Window.Resolution.D(), time.Second)
	within := func(records []string, from, to time.Time) bool {
		return len(records) > 0 && !slices.ContainsFunc(records, func(record string) bool {
			at, ok := times[record]
			return !ok || at.Before(from) || !at.Before(to)
		})
	}
	switch {
	case r.untimed > 0:
		c.breach(s.Name, PromiseTimes, "window %s: %d records show no time at timePath %q that can be read, so they are kept in each window that meets them. Look at timePath, and at how its column is written: want RFC 3339, a Unix time, or the layout of the window",
			r.window, r.untimed, s.TimePath)
	case r.outside > 0 && r.outside*2 >= r.given:
		c.breach(s.Name, PromiseWindows, "window %s: %d of %d records show a time far outside it. Look at window.zone and window.layout, at the names of its places %q and %q, and at timePath %q",
			r.window, r.outside, r.given, s.Window.Start.Name, s.Window.End.Name, s.TimePath)
	case len(twice) > 0:
		c.breach(s.Name, PromisePages, "window %s: %d records come twice in its %d pages. Look at paging: first (%d), size (%d) and kind (%s)", r.window, len(twice), r.pages, s.Paging.First, s.Paging.Size, s.Paging.Kind)
	case len(missing) == 0 && within(extra, r.window.End, r.window.End.Add(unit)):
		c.breach(s.Name, PromiseBounds, "window %s: %d records of the very end come too, which belong to the next window. The vendor includes the end: look at window.endInclusive (%t) and window.resolution (%s)", r.window, len(extra), s.Window.EndInclusive, s.Window.Resolution)
	case len(extra) == 0 && within(missing, r.window.End.Add(-unit), r.window.End):
		c.breach(s.Name, PromiseBounds, "window %s: the %d records of its last %s are missing, and no other window asks for them. The vendor does not include the end: look at window.endInclusive (%t) and window.resolution (%s)", r.window, len(missing), unit, s.Window.EndInclusive, s.Window.Resolution)
	case len(extra) == 0 && len(missing) > 0 && r.short > 0:
		c.breach(s.Name, PromisePages, "window %s: %d of %d records are missing, and a page holds %d where paging.size asks for %d. The vendor clamps the size of pages: look at paging.size and paging.sizePlace", r.window, len(missing), len(want), r.short, s.Paging.Size)
	case len(extra) == 0 && len(missing) > 0:
		c.breach(s.Name, PromisePages, "window %s: %d of %d records are missing after %d pages. Look at paging: kind (%s), first (%d) and size (%d), and at total", r.window, len(missing), len(want), r.pages, s.Paging.Kind, s.Paging.First, s.Paging.Size)
	case len(extra) > 0:
		c.breach(s.Name, PromiseWindows, "window %s: %d records come that are none of its own, and %d of its own %d are missing. Look at window.zone, window.layout and the names of its places, and at the fixed query", r.window, len(extra), len(missing), len(want))
	}
}

func (c *checker) compareTotal(s *vendorapi.Stream, r reading) {
	if r.total >= 0 && r.total != int64(r.given) {
		c.breach(s.Name, PromiseTotals, "window %s: the total is %d, and its pages hold %d records. It counts something else: look at total (path %q, header %q), and leave it out with audit %q where the vendor has none of the request's records",
			r.window, r.total, r.given, s.Total.Path, s.Total.Header, vendorapi.AuditReread)
	}
}

// readListing reads what is listed in the middle of the day.
func (c *checker) readListing(client *vendorapi.Client, s *vendorapi.Stream, from time.Time) []reading {
	settled := c.now()
	now := s.AlignDown(from.Add(day / 2))
	c.server.SetNow(now)
	defer c.server.SetNow(settled)
	r, err := c.readAll(client, s, window.Window{Start: s.AlignDown(now.Add(-time.Hour)), End: now})
	if err != nil {
		c.unread(s, err)
		return nil
	}
	c.compareTotal(s, r)
	c.compareListing(s, r, now)
	return []reading{r}
}

// compareListing makes sure that all is there that is listed at now.
func (c *checker) compareListing(s *vendorapi.Stream, r reading, now time.Time) {
	listed := forever
	if s.Window.Start != (vendorapi.Place{}) {
		// At the bounds more or less may be listed, by the unit of the vendor's bounds.
		unit := max(s.Window.Resolution.D(), s.Window.Granularity.D(), time.Second)
		listed = window.Window{Start: r.window.End.Add(unit - s.Window.Listing.Behind.D()), End: r.window.End.Add(s.Window.Listing.Ahead.D() - unit)}
	}
	var want []string
	for _, record := range c.world.Records(s.Name, listed, now) {
		want = append(want, string(record.Held()))
	}
	_, missing, twice := difference(r.records, want)
	switch {
	case len(twice) > 0:
		c.breach(s.Name, PromisePages, "%d listed records come twice. Look at paging: first (%d), size (%d) and kind (%s)", len(twice), s.Paging.First, s.Paging.Size, s.Paging.Kind)
	case len(missing) > 0:
		c.breach(s.Name, PromiseWindows, "%d of %d records that are listed are missing. Look at window.listing, at the window's layout and zone, and at paging", len(missing), len(want))
	}
}

// parents returns the parents of a child stream as the client reads them, each with its key as the world has it.
func (c *checker) parents(s *vendorapi.Stream) (records []vendorapi.ParentRecord, keys [][]string) {
	reader, err := vendorapi.NewParentReader(c.vendor, s)
	if err != nil {
		c.breach(s.Name, PromiseDescription, "%v", err)
		return nil, nil
	}
	for _, of := range c.world.Records(s.Parent.Stream, forever, c.now()) {
		parent, err := reader.Read(of.Held())
		switch {
		case err != nil:
			c.breach(s.Name, PromiseChildren, "a record of %s cannot be a parent: %v. Look at parent.places", s.Parent.Stream, err)
			return nil, nil
		case parent.Time.IsZero():
			c.breach(s.Name, PromiseChildren, "a record of %s shows no time at parent.timePath %q that can be read. Look at that path, and at how the time is written: want RFC 3339 or a Unix time", s.Parent.Stream, s.Parent.TimePath)
			return nil, nil
		}
		records, keys = append(records, parent), append(keys, of.Key)
	}
	return records, keys
}

func (c *checker) readParents(client *vendorapi.Client, s *vendorapi.Stream) (all []reading) {
	children := map[string][]string{}
	for _, r := range c.world.Records(s.Name, forever, c.now()) {
		of := strings.Join(r.Parent, "\x00")
		children[of] = append(children[of], string(r.Held()))
	}
	records, keys := c.parents(s)
	absent := 0
	for i, parent := range records {
		in := window.Window{Start: parent.Time.Truncate(time.Second), End: parent.Time.Truncate(time.Second).Add(time.Second)}
		r, err := c.readAll(client.Of(parent), s, in)
		var request *vendorapi.RequestError
		if errors.As(err, &request) && request.Status == http.StatusNotFound {
			absent++
			continue
		}
		if err != nil {
			c.unread(s, err)
			return all
		}
		all = append(all, r)
		c.compareTotal(s, r)
		want := children[strings.Join(keys[i], "\x00")]
		switch extra, missing, twice := difference(r.records, want); {
		case len(twice) > 0:
			c.breach(s.Name, PromisePages, "%d children of one of %s come twice. Look at paging: first (%d), size (%d) and kind (%s)", len(twice), s.Parent.Stream, s.Paging.First, s.Paging.Size, s.Paging.Kind)
		case len(extra) > 0:
			c.breach(s.Name, PromiseChildren, "%d children come that are not those of the one of %s that is asked for, and %d of its %d are missing. Look at parent.places and parent.fields", len(extra), s.Parent.Stream, len(missing), len(want))
		case len(missing) > 0:
			c.breach(s.Name, PromisePages, "%d of the %d children of one of %s are missing after %d pages. Look at paging: kind (%s), first (%d) and size (%d), and at total", len(missing), len(want), s.Parent.Stream, r.pages, s.Paging.Kind, s.Paging.First, s.Paging.Size)
		}
	}
	if absent > 0 {
		c.breach(s.Name, PromiseChildren, "the vendor does not know %d of %d parents that %s shows, and answers 404. Look at parent.places: does each path lead to the id that %s asks for, and is escapeTwice right?", absent, len(records), s.Parent.Stream, s.Path)
	}
	return all
}

// uniqueKeys makes sure that no two records that show at once have one key.
func (c *checker) uniqueKeys(s *vendorapi.Stream, all []reading) {
	records, first := 0, map[string]string{}
	for _, r := range all {
		for _, record := range r.records {
			records++
			key := keyOf([]byte(record), s.Key)
			if i := slices.Index(key, ""); i >= 0 && string(valueAt([]byte(record), strings.Split(s.Key[i], "."))) == "null" {
				c.breach(s.Name, PromiseKeys, "a record has nothing at %q, which is part of the key, so its changes cannot be told from new records. Look at key", s.Key[i])
				return
			}
			text := strings.Join(key, "\x00")
			if other, seen := first[text]; seen && other != record {
				c.breach(s.Name, PromiseKeys, "two records that differ have one key (%s), so a table would show only one of them. Look at key: which fields does it lack?", strings.Join(s.Key, ", "))
				return
			}
			first[text] = record
		}
	}
}

// faults lets one request after another meet each kind of fault.
func (c *checker) faults(s *vendorapi.Stream, all []reading) {
	of, err := c.client(s.Name, c.secret)
	if err != nil {
		return
	}
	in := slices.IndexFunc(all, func(r reading) bool { return len(r.records) > 0 })
	if in < 0 {
		c.breach(s.Name, PromiseWindows, "no record was read at all. Look at recordsPath and at window")
		return
	}
	want := all[in]
	if s.Parent != nil {
		records, _ := c.parents(s)
		of = of.Of(records[in])
	}
	defer c.server.SetFaults()
	for _, fault := range TransientFaults {
		c.server.SetFaults(Plan{Script: []Fault{fault}, RetryAfter: 2 * time.Second})
		got, err := c.readAll(of, s, want.window)
		switch {
		case err != nil && c.vendor.Retry.MaxAttempts == 1:
			c.breach(s.Name, PromiseRetries, "after an answer of the kind %q nothing is asked again, since retry.maxAttempts is 1: %v", fault, err)
		case err != nil:
			c.breach(s.Name, PromiseRetries, "an answer of the kind %q is not got over: %v. Look at retry: maxAttempts (%d) and also", fault, err, c.vendor.Retry.MaxAttempts)
		case s.Window.Listing == nil && !slices.Equal(got.records, want.records):
			c.breach(s.Name, PromiseRetries, "after an answer of the kind %q there are %d records, want the %d of a reading without", fault, len(got.records), len(want.records))
		}
	}
}

// credentials makes sure that the vendor refuses a request without each credential, and with a wrong one.
func (c *checker) credentials() {
	for i := range c.vendor.Streams {
		s := &c.vendor.Streams[i]
		if c.broken(s.Name) {
			continue
		}
		w := window.Window{Start: s.AlignDown(checkedDay), End: s.AlignDown(checkedDay.Add(2 * time.Hour))}
		if longest := s.LatestEnd(w.Start); !longest.IsZero() && longest.Before(w.End) {
			w.End = longest
		}
		for _, field := range c.vendor.SecretFields() {
			lacking, wrong := map[string]string{}, map[string]string{}
			for name, value := range c.secret {
				wrong[name] = value
				if name != field {
					lacking[name] = value
				}
			}
			wrong[field] = "wr0ng-value-of-" + field
			if _, err := c.client(s.Name, lacking); err == nil {
				c.breach(s.Name, PromiseAuth, "a secret without %q is taken. Look at auth", field)
			}
			client, err := c.client(s.Name, wrong)
			if err != nil {
				c.breach(s.Name, PromiseAuth, "%v", err)
				return
			}
			if s.Parent != nil {
				records, _ := c.parents(s)
				if len(records) == 0 {
					continue
				}
				client = client.Of(records[0])
			}
			_, err = client.Page(context.Background(), w, vendorapi.Cursor{})
			var request *vendorapi.RequestError
			switch {
			case err == nil:
				c.breach(s.Name, PromiseAuth, "a request with a wrong %q is answered all the same, so that field of the secret is sent where the vendor does not look. Look at auth", field)
			case !errors.As(err, &request) || !errors.Is(err, vendorapi.ErrRefused):
				c.breach(s.Name, PromiseAuth, "a wrong %q is not taken as a refusal: %v. Look at retry.also: does it match the vendor's answer to wrong credentials?", field, err)
			}
			if err != nil {
				c.said = append(c.said, err.Error())
				if strings.Contains(err.Error(), wrong[field]) {
					c.breach(s.Name, PromiseAuth, "an error quotes the credential %q. Look at auth, and at whether a fixed query or header repeats it", field)
				}
			}
		}
	}
	c.redirects()
}

// redirects makes sure that a request that is sent elsewhere is not followed there.
func (c *checker) redirects() {
	handler := c.transport.handler
	defer func() { c.transport.handler = handler }()
	c.transport.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://elsewhere.example/", http.StatusTemporaryRedirect)
	})
	s := &c.vendor.Streams[0]
	if client, err := c.client(s.Name, c.secret); err == nil && s.Parent == nil {
		w := window.Window{Start: s.AlignDown(checkedDay), End: s.AlignDown(checkedDay.Add(time.Hour))}
		if _, err := client.Page(context.Background(), w, vendorapi.Cursor{}); err == nil || !errors.Is(err, vendorapi.ErrRefused) {
			c.breach(s.Name, PromiseAuth, "an answer that leads to another host is not refused: %v", fmt.Sprint(err))
		}
	}
}
