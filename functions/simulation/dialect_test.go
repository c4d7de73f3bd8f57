package simulation

import (
	"time"

	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// The ways in which a vendor takes the bounds of a window.
const (
	unixBounds  = "unix"
	localBounds = "2006-01-02T15:04:05"
	dayBounds   = "2006-01-02"
	// noBounds is of a vendor that takes none: it gives all it has.
	noBounds = ""
)

// dialect is how the model vendor talks, and what it does to its records.
type dialect struct {
	audit vendorapi.Audit
	// late records show after the settle delay, moves give records later times, edits change them where they are, vanishing
	// ones are there no more; all within the lookback.
	late, moves, edits, vanish bool
	counted                    bool
	inclusive                  bool
	// unknown says that the vendor compares fractions of a second, which the description does not tell.
	unknown bool
	paging  vendorapi.PagingKind
	first   int // number of the first page
	// bounds is the layout, zone the vendor's clocks. second says that a time which comes twice is taken as the later one.
	bounds string
	zone   *time.Location
	second bool
	// longest is the longest span that the vendor takes, 0 any.
	longest          time.Duration
	settle, lookback time.Duration
	// listing says that records are listed before their own time comes.
	listing *vendorapi.Listing
}

// zones are where clocks change: by an hour in both hemispheres, by half an hour, and never.
var zones = []string{"America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe", "UTC"}

func drawDialect(rt *rapid.T) dialect {
	d := dialect{
		audit:     rapid.SampledFrom([]vendorapi.Audit{vendorapi.AuditCount, vendorapi.AuditReread}).Draw(rt, "audit"),
		late:      rapid.Bool().Draw(rt, "late"),
		moves:     rapid.Bool().Draw(rt, "moves"),
		edits:     rapid.Bool().Draw(rt, "edits"),
		vanish:    rapid.IntRange(0, 3).Draw(rt, "vanish") == 3,
		counted:   rapid.IntRange(0, 3).Draw(rt, "uncounted") < 3,
		inclusive: rapid.Bool().Draw(rt, "inclusive"),
		unknown:   rapid.IntRange(0, 4).Draw(rt, "unknown") == 4,
		paging:    rapid.SampledFrom([]vendorapi.PagingKind{vendorapi.PagingOffset, vendorapi.PagingNumber, vendorapi.PagingToken}).Draw(rt, "paging"),
		first:     rapid.IntRange(0, 1).Draw(rt, "first"),
		bounds:    rapid.SampledFrom([]string{unixBounds, unixBounds, localBounds, localBounds, dayBounds}).Draw(rt, "bounds"),
		second:    rapid.Bool().Draw(rt, "second"),
		settle:    rapid.SampledFrom([]time.Duration{0, time.Minute, 5 * time.Minute}).Draw(rt, "settle"),
		lookback:  rapid.SampledFrom([]time.Duration{0, 2 * time.Hour, 6 * time.Hour, 30 * time.Hour}).Draw(rt, "lookback"),
	}
	d.zone, _ = time.LoadLocation(rapid.SampledFrom(zones).Draw(rt, "zone"))
	if rapid.IntRange(0, 2).Draw(rt, "longest") == 2 {
		d.longest = rapid.SampledFrom([]time.Duration{4 * time.Hour, 26 * time.Hour}).Draw(rt, "span")
	}
	return d.possible()
}

// possible returns the dialect without what no description can say or nobody promises.
func (d dialect) possible() dialect {
	if d.listing != nil {
		d.audit, d.unknown, d.lookback = vendorapi.AuditReread, false, 0
		return d
	}
	if d.filtered() || !d.counted {
		d.audit = vendorapi.AuditReread
	}
	if d.lookback == 0 {
		d.late, d.moves, d.edits, d.vanish = false, false, false, false
	}
	if d.audit == vendorapi.AuditCount {
		d.moves, d.edits = false, false
		d.vanish = d.vanish && !d.late
	}
	if d.bounds == dayBounds && d.longest > 0 {
		d.longest = 75 * time.Hour
	}
	return d
}

// filtered says that more than a window is asked for.
func (d dialect) filtered() bool {
	return d.listing == nil && (d.unknown || d.bounds == dayBounds || d.bounds == noBounds)
}

// changing is how long after its time a record changes.
func (d dialect) changing() time.Duration {
	if d.listing != nil {
		return 30 * time.Hour
	}
	return d.lookback
}

// release is what a deployment settles; a history changes it under running invocations.
type release struct {
	pageSize int
	wide     bool // one more column
}

// describe is the vendor's description in a release.
func (d dialect) describe(r release) *vendorapi.Vendor {
	stream := vendorapi.Stream{
		Name: "visits", Path: "/visits",
		Window: vendorapi.Window{
			Start: inQuery("from"), End: inQuery("to"), Layout: d.bounds,
			EndInclusive: d.inclusive, Resolution: vendorapi.Duration(time.Second), LongestSpan: vendorapi.Duration(d.longest),
		},
		Paging:      d.pages(0).paging(r.pageSize),
		RecordsPath: "records",
		Key:         []string{"id"}, VersionPath: "version", TimePath: "time", Audit: d.audit,
		Settle: vendorapi.Duration(d.settle), Lookback: vendorapi.Duration(d.lookback),
		Columns: []vendorapi.Column{
			{Name: "id", Type: vendorapi.TypeInt64}, {Name: "version", Type: vendorapi.TypeInt64}, {Name: "score", Type: vendorapi.TypeInt64},
		},
	}
	if d.bounds == noBounds {
		stream.Window = vendorapi.Window{}
	}
	stream.Window.Listing = d.listing
	if d.bounds != unixBounds && d.bounds != noBounds {
		stream.Window.Zone = d.zone.String()
	}
	if d.bounds == dayBounds {
		stream.Window.Granularity = vendorapi.Duration(24 * time.Hour)
	}
	if d.unknown {
		stream.Window.Resolution = 0
	}
	if d.counted {
		stream.Total = vendorapi.Total{Path: "total"}
	}
	if r.wide {
		stream.Columns = append(stream.Columns, vendorapi.Column{Name: "happened", Path: "time", Type: vendorapi.TypeFloat64})
	}
	return &vendorapi.Vendor{
		Name: "model", BaseURL: "https://api.example.com", Auth: vendorapi.Auth{Kind: vendorapi.AuthNone},
		Streams: []vendorapi.Stream{stream},
	}
}

// instant is the time that the vendor takes a bound for.
func (d dialect) instant(text string) (time.Time, error) {
	t, err := time.ParseInLocation(d.bounds, text, d.zone)
	if err != nil || d.bounds == dayBounds {
		return t, err
	}
	for _, shift := range []time.Duration{-time.Hour, -30 * time.Minute, 30 * time.Minute, time.Hour} {
		other := t.Add(shift)
		if other.Format(d.bounds) == text && other.After(t) == d.second {
			t = other
		}
	}
	return t, nil
}

// near returns what the totals of a window may count: the window itself, or more where more is asked for.
func (d dialect) near(w window.Window) (from, to time.Time) {
	if d.bounds == noBounds || d.listing != nil {
		return time.Time{}, w.End.Add(365 * 24 * time.Hour)
	}
	margin := 2 * time.Second
	if d.unknown && d.bounds == localBounds {
		margin = 3 * time.Hour
	}
	from, to = w.Start.Add(-margin), w.End.Add(margin)
	if d.bounds == dayBounds {
		from, to = d.midnight(from, 0), d.midnight(to, 1)
	}
	return from, to
}

// midnight is the start of the vendor's day that t lies in, or of one some days later.
func (d dialect) midnight(t time.Time, later int) time.Time {
	year, month, day := t.In(d.zone).Date()
	return time.Date(year, month, day+later, 0, 0, 0, 0, d.zone)
}
