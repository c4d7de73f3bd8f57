package vendorapi

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/window"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestBoundsAsSent(t *testing.T) {
	const wallClock = "2006-01-02T15:04:05"
	second, day := Duration(time.Second), Duration(24*time.Hour)
	tests := map[string]struct {
		window     Window
		start, end string
		from, to   string
	}{
		"exclusive end":      {Window{Layout: time.RFC3339, Resolution: second}, "2026-03-10T17:00:00Z", "2026-03-10T17:30:00Z", "2026-03-10T17:00:00Z", "2026-03-10T17:30:00Z"},
		"inclusive end":      {Window{Layout: time.RFC3339, Resolution: second, EndInclusive: true}, "2026-03-10T17:00:00Z", "2026-03-10T17:30:00Z", "2026-03-10T17:00:00Z", "2026-03-10T17:29:59Z"},
		"offset":             {Window{Layout: "2006-01-02T15:04:05-07:00", Zone: "America/Los_Angeles", Resolution: second}, "2026-03-10T17:00:00Z", "2026-03-10T17:30:00Z", "2026-03-10T10:00:00-07:00", "2026-03-10T10:30:00-07:00"},
		"milliseconds":       {Window{Layout: "2006-01-02T15:04:05.000Z07:00", Resolution: Duration(time.Millisecond), EndInclusive: true}, "2026-03-10T17:00:00Z", "2026-03-10T17:30:00Z", "2026-03-10T17:00:00.000Z", "2026-03-10T17:29:59.999Z"},
		"Unix":               {Window{Layout: LayoutUnix, Resolution: second, EndInclusive: true}, "2026-03-10T17:00:00Z", "2026-03-10T17:30:00Z", "1773162000", "1773163799"},
		"Unix milli":         {Window{Layout: LayoutUnixMilli, Resolution: second}, "2026-03-10T17:00:00Z", "2026-03-10T17:30:00Z", "1773162000000", "1773163800000"},
		"unknown resolution": {Window{Layout: time.RFC3339, EndInclusive: true}, "2026-03-10T17:00:00Z", "2026-03-10T17:30:00Z", "2026-03-10T16:59:59Z", "2026-03-10T17:30:01Z"},
		"days, exclusive":    {Window{Layout: time.DateOnly, Resolution: second, Granularity: day}, "2026-03-10T17:00:00Z", "2026-03-10T17:30:00Z", "2026-03-10", "2026-03-11"},
		"days, inclusive":    {Window{Layout: time.DateOnly, Resolution: second, Granularity: day, EndInclusive: true}, "2026-03-10T17:00:00Z", "2026-03-11T00:00:00Z", "2026-03-10", "2026-03-10"},
		"days of a zone":     {Window{Layout: time.DateOnly, Zone: "America/Los_Angeles", Resolution: second, Granularity: day, EndInclusive: true}, "2026-03-10T06:00:00Z", "2026-03-10T07:00:01Z", "2026-03-09", "2026-03-10"},
		"days, fine layout":  {Window{Layout: wallClock, Resolution: second, Granularity: day, EndInclusive: true}, "2026-03-10T17:00:00Z", "2026-03-10T17:30:00Z", "2026-03-10T00:00:00", "2026-03-10T23:59:59"},
		"days, unknown":      {Window{Layout: time.DateOnly, Granularity: day, EndInclusive: true}, "2026-03-10T00:00:00Z", "2026-03-10T12:00:00Z", "2026-03-09", "2026-03-10"},
		"day of 23 hours":    {Window{Layout: wallClock, Zone: "America/Los_Angeles", Resolution: second, Granularity: day}, "2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z", "2026-03-08T00:00:00", "2026-03-09T00:00:00"},
		"day of 25 hours":    {Window{Layout: wallClock, Zone: "America/Los_Angeles", Resolution: second, Granularity: day}, "2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z", "2026-11-01T00:00:00", "2026-11-02T00:00:00"},
		"no midnight":        {Window{Layout: time.DateOnly, Zone: "America/Santiago", Resolution: second, Granularity: day}, "2026-09-06T03:00:00Z", "2026-09-06T05:00:00Z", "2026-09-05", "2026-09-07"},
		"by the beginning":   {Window{Layout: time.RFC3339, Resolution: second, EndInclusive: true, Before: day}, "2026-03-10T17:00:00Z", "2026-03-10T17:30:00Z", "2026-03-09T17:00:00Z", "2026-03-10T17:29:59Z"},
		"unknown, beginning": {Window{Layout: time.RFC3339, Before: day}, "2026-03-10T17:00:00Z", "2026-03-10T17:30:00Z", "2026-03-09T16:59:59Z", "2026-03-10T17:30:01Z"},
		"days, beginning":    {Window{Layout: time.DateOnly, Resolution: second, Granularity: day, EndInclusive: true, Before: day}, "2026-03-11T00:10:00Z", "2026-03-11T00:30:00Z", "2026-03-10", "2026-03-11"},
		"hours, repeated":    {Window{Layout: wallClock, Zone: "America/Los_Angeles", Resolution: second, Granularity: Duration(time.Hour)}, "2026-11-01T09:10:00Z", "2026-11-01T09:20:00Z", "2026-11-01T00:00:00", "2026-11-01T02:00:00"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := (&Stream{Window: test.window}).bounds()
			from, to := b.asked(window.Window{Start: at(test.start), End: at(test.end)})
			gotFrom, _ := b.format(from)
			gotTo, _ := b.format(to)
			if gotFrom != test.from || gotTo != test.to {
				t.Errorf("got %s to %s, want %s to %s", gotFrom, gotTo, test.from, test.to)
			}
		})
	}
}

func TestAlignDown(t *testing.T) {
	local := Window{Layout: "2006-01-02T15:04:05", Zone: "America/Los_Angeles", Resolution: Duration(time.Second)}
	inclusive := local
	inclusive.EndInclusive = true
	tests := map[string]struct {
		window Window
		at     string
		want   string
	}{
		"resolution":                   {Window{Layout: time.RFC3339, Resolution: Duration(time.Second)}, "2026-03-10T17:00:00.9Z", "2026-03-10T17:00:00Z"},
		"unknown resolution":           {Window{Layout: time.RFC3339}, "2026-03-10T17:00:00.9Z", "2026-03-10T17:00:00Z"},
		"before the repeated hour":     {local, "2026-11-01T07:59:59Z", "2026-11-01T07:59:59Z"},
		"its beginning":                {local, "2026-11-01T08:00:00Z", "2026-11-01T07:59:59Z"},
		"its first turn":               {local, "2026-11-01T08:30:00Z", "2026-11-01T07:59:59Z"},
		"its second turn":              {local, "2026-11-01T09:59:59Z", "2026-11-01T07:59:59Z"},
		"after it":                     {local, "2026-11-01T10:00:00Z", "2026-11-01T10:00:00Z"},
		"after it, inclusive":          {inclusive, "2026-11-01T10:00:00Z", "2026-11-01T07:59:59Z"},
		"a second after it, inclusive": {inclusive, "2026-11-01T10:00:01Z", "2026-11-01T10:00:01Z"},
		"spring":                       {inclusive, "2026-03-08T10:00:00Z", "2026-03-08T10:00:00Z"},
		"with an offset":               {Window{Layout: time.RFC3339, Zone: "America/Los_Angeles", Resolution: Duration(time.Second)}, "2026-11-01T08:30:00Z", "2026-11-01T08:30:00Z"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := (&Stream{Window: test.window}).AlignDown(at(test.at))
			if !got.Equal(at(test.want)) || got.Location() != time.UTC {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestLatestEnd(t *testing.T) {
	day := Duration(24 * time.Hour)
	tests := map[string]struct {
		window Window
		start  string
		want   string
	}{
		"any":                {Window{Layout: time.RFC3339, Resolution: Duration(time.Second)}, "2026-03-10T17:00:00Z", ""},
		"an hour":            {Window{Layout: time.RFC3339, Resolution: Duration(time.Second), LongestSpan: Duration(time.Hour), EndInclusive: true}, "2026-03-10T17:00:00Z", "2026-03-10T18:00:00Z"},
		"unknown resolution": {Window{Layout: time.RFC3339, LongestSpan: Duration(time.Hour)}, "2026-03-10T17:00:00Z", "2026-03-10T17:59:58Z"},
		"one day":            {Window{Layout: time.DateOnly, Resolution: Duration(time.Second), Granularity: day, LongestSpan: day, EndInclusive: true}, "2026-03-10T17:00:00Z", "2026-03-11T00:00:00Z"},
		"one day of 25 h":    {Window{Layout: time.DateOnly, Zone: "America/Los_Angeles", Resolution: Duration(time.Second), Granularity: day, LongestSpan: day}, "2026-11-01T07:00:00Z", "2026-11-02T07:00:00Z"},
		"the rest of it":     {Window{Layout: time.DateOnly, Zone: "America/Los_Angeles", Resolution: Duration(time.Second), Granularity: day, LongestSpan: day}, "2026-11-02T07:00:00Z", "2026-11-02T08:00:00Z"},
		"28 days and before": {Window{Layout: time.DateOnly, Resolution: Duration(time.Second), Granularity: day, LongestSpan: 28 * day, Before: day, EndInclusive: true}, "2026-03-10T17:00:00Z", "2026-04-06T00:00:00Z"},
		"clocks go forward":  {Window{Layout: "2006-01-02T15:04:05", Zone: "America/Los_Angeles", Resolution: Duration(time.Second), LongestSpan: Duration(3 * time.Hour)}, "2026-03-08T09:00:00Z", "2026-03-08T11:00:00Z"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := (&Stream{Window: test.window}).LatestEnd(at(test.start))
			if test.want == "" {
				if !got.IsZero() {
					t.Errorf("got %s, want none", got)
				}
				return
			}
			if !got.Equal(at(test.want)) {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// model is a vendor that knows nothing of the client: it reads the bounds as text, cuts each record's time
// down to its resolution, and takes an ambiguous local time for either of its two meanings.
type model struct {
	Window
	resolution  time.Duration
	granularity time.Duration
	second      bool
	// rounds says that times are rounded and not cut, so that some seem to lie in the next unit.
	rounds bool
	// earlier is how long before a record's own time the one lies that it is found by.
	earlier time.Duration
}

// meaning reads a bound. Of an ambiguous one it takes the turn that second says.
func (m model) meaning(t *rapid.T, text string) time.Time {
	zone, _ := time.LoadLocation(m.Zone)
	for _, offset := range m.offsets(zone) {
		read, err := time.ParseInLocation(m.Layout, text, time.FixedZone("", offset))
		if err != nil {
			t.Fatalf("the vendor cannot read %q: %v", text, err)
		}
		const clock = "2006-01-02T15:04:05.999999999"
		if read.In(zone).Format(clock) == read.Format(clock) {
			return read.In(zone)
		}
	}
	t.Fatalf("no local clock shows %q", text)
	return time.Time{}
}

func (m model) offsets(zone *time.Location) []int {
	_, winter := at("2026-01-01T12:00:00Z").In(zone).Zone()
	_, summer := at("2026-07-01T12:00:00Z").In(zone).Zone()
	offsets := []int{winter, summer}
	slices.Sort(offsets)
	if !m.second {
		slices.Reverse(offsets)
	}
	return offsets
}

func (m model) answers(first, last, record time.Time) bool {
	record = record.Add(-m.earlier)
	seen := record.Truncate(m.resolution)
	if m.rounds {
		seen = record.Round(m.resolution)
	}
	if m.EndInclusive {
		if m.Layout == time.DateOnly {
			last = last.AddDate(0, 0, 1).Add(-1)
		}
		return !seen.Before(first) && !seen.After(last)
	}
	return !seen.Before(first) && seen.Before(last)
}

// TestEachRecordIsInOneWindow walks windows over both clock changes of a zone and asks the model for each.
func TestEachRecordIsInOneWindow(t *testing.T) {
	zone, _ := time.LoadLocation("America/Los_Angeles")
	rapid.Check(t, func(t *rapid.T) {
		m := model{second: rapid.Bool().Draw(t, "second")}
		m.EndInclusive = rapid.Bool().Draw(t, "inclusive")
		m.Zone = rapid.SampledFrom([]string{"", "America/Los_Angeles"}).Draw(t, "zone")
		m.resolution = rapid.SampledFrom([]time.Duration{time.Second, time.Millisecond}).Draw(t, "resolution")
		m.Layout = rapid.SampledFrom([]string{"2006-01-02T15:04:05.000", "2006-01-02 15:04:05.000-07:00"}).Draw(t, "layout")
		switch rapid.SampledFrom([]string{"known", "unknown", "hours", "days"}).Draw(t, "kind") {
		case "known":
			m.Resolution = Duration(m.resolution)
		case "unknown":
			m.rounds = true
		case "hours":
			m.granularity = time.Hour
		case "days":
			m.granularity = 24 * time.Hour
			m.Layout = time.DateOnly
		}
		m.Granularity = Duration(m.granularity)
		if m.Before = Duration(rapid.SampledFrom([]time.Duration{0, 0, time.Hour, 24 * time.Hour}).Draw(t, "longest")); m.Before > 0 {
			m.earlier = time.Duration(rapid.Int64Range(0, int64(m.Before)).Draw(t, "earlier"))
		}
		s := &Stream{Window: m.Window, TimePath: "at"}
		b := s.bounds()

		edge := rapid.SampledFrom([]time.Time{at("2026-03-08T10:00:00Z"), at("2026-11-01T09:00:00Z")}).Draw(t, "edge")
		start := s.AlignDown(edge.Add(-time.Duration(rapid.IntRange(0, 5*3600_000).Draw(t, "before")) * time.Millisecond))
		const spacing = 5 * time.Minute
		records := make([]time.Time, 120)
		found := make([]int, len(records))
		shift := time.Duration(rapid.Int64Range(0, int64(spacing)-1).Draw(t, "shift"))
		for i := range records {
			records[i] = start.Add(shift + time.Duration(i)*spacing).In(zone)
		}
		last := start
		for now := start; now.Before(start.Add(14 * time.Hour)); {
			if rapid.Bool().Draw(t, "onTheHour") {
				now = now.Truncate(time.Hour).Add(time.Hour)
			} else {
				now = now.Add(time.Duration(rapid.IntRange(1, 3*3600_000).Draw(t, "step")) * time.Millisecond)
			}
			end := s.AlignDown(now)
			if !last.Before(end) {
				continue
			}
			w := window.Window{Start: last, End: end}
			if err := b.check(w); err != nil {
				t.Fatal(err)
			}
			askedFrom, askedTo := b.asked(w)
			from, _ := b.format(askedFrom)
			to, _ := b.format(askedTo)
			first, final := m.meaning(t, from), m.meaning(t, to)
			for i, record := range records {
				if !m.answers(first, final, record) || b.filtered && !w.Contains(record) {
					continue
				}
				found[i]++
				if !w.Contains(record) {
					t.Fatalf("record %s is in window %s, asked for as %s to %s", record, w, from, to)
				}
			}
			last = end
		}
		for i, count := range found {
			if count != 1 {
				t.Fatalf("record %s is in %d windows", records[i], count)
			}
		}
	})
}

func TestAlignDownIsABound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &Stream{Window: Window{
			Layout:       rapid.SampledFrom([]string{"2006-01-02T15:04:05", time.RFC3339, LayoutUnix}).Draw(t, "layout"),
			Zone:         rapid.SampledFrom([]string{"", "America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe"}).Draw(t, "zone"),
			EndInclusive: rapid.Bool().Draw(t, "inclusive"),
			Resolution:   Duration(time.Second),
		}}
		any := time.Unix(rapid.Int64Range(1_760_000_000, 1_800_000_000).Draw(t, "at"), rapid.Int64Range(0, 999_999_999).Draw(t, "fraction"))
		aligned := s.AlignDown(any)
		switch {
		case aligned.After(any):
			t.Fatalf("%s comes after %s", aligned, any)
		case any.Sub(aligned) > leastSpanLocal:
			t.Fatalf("%s is more than %s before %s", aligned, leastSpanLocal, any)
		case !s.AlignDown(aligned).Equal(aligned):
			t.Fatalf("%s is not aligned itself", aligned)
		}
	})
}
