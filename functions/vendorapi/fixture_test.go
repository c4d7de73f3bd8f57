package vendorapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/window"
)

// clock is the time of a test: sleeping moves it and takes none.
type clock struct {
	now   time.Time
	slept []time.Duration
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 10, 18, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time { return c.now }

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.slept = append(c.slept, d)
	c.now = c.now.Add(d)
	return nil
}

func (c *clock) options() Options {
	return Options{
		Transport: http.DefaultTransport,
		Now:       c.Now,
		Sleep:     c.Sleep,
		Random:    func() float64 { return 0 },
		Logger:    slog.New(slog.DiscardHandler),
	}
}

// hour is the window of most tests.
var hour = window.Window{
	Start: time.Date(2026, 3, 10, 17, 0, 0, 0, time.UTC),
	End:   time.Date(2026, 3, 10, 18, 0, 0, 0, time.UTC),
}

// simple is a description with as little as there can be, of a vendor at the address.
func simple(address string) *Vendor {
	return &Vendor{
		Name:         "simple",
		BaseURL:      address,
		AllowPrivate: true,
		Auth:         Auth{Kind: AuthNone},
		Streams: []Stream{{
			Name: "things",
			Path: "/things",
			Window: Window{
				Start:      Place{In: InQuery, Name: "from"},
				End:        Place{In: InQuery, Name: "to"},
				Layout:     time.RFC3339,
				Resolution: Duration(time.Second),
			},
			Paging:      Paging{Kind: PagingNone},
			RecordsPath: "things",
			Key:         []string{"id"},
			Audit:       AuditReread,
			Columns:     []Column{{Name: "id", Type: TypeInt64}},
		}},
	}
}

// full is a description with every field set.
func full() *Vendor {
	jitter := 0.5
	return &Vendor{
		Format:  FormatVersion,
		Name:    "full",
		BaseURL: "https://api.example.com/v2",
		Auth: Auth{
			Kind:         AuthHeaders,
			HeaderFields: map[string]string{"X-Key": "key", "X-Secret": "secret"},
			HookFields:   []string{"signingKey"},
		},
		Headers: map[string]string{"Accept": "application/vnd.api+json"},
		Retry: Retry{
			InitialWait: Duration(2 * time.Second),
			Factor:      3,
			MaxWait:     Duration(90 * time.Second),
			Jitter:      &jitter,
			MaxAttempts: 4,
			Also:        []Answer{{Status: 403, BodyContains: "maximum number", Throttled: true}},
		},
		RateLimit:      RateLimit{Requests: 100, Per: Duration(time.Minute)},
		BackfillShare:  0.25,
		RequestTimeout: Duration(20 * time.Second),
		MaxPageBytes:   1 << 20,
		Protect:        map[Personal]Protection{PersonalPhone: ProtectMask},
		Streams: []Stream{
			{
				Name:        "people",
				Description: "A person.",
				Method:      "POST",
				Path:        "/account/{from}/people",
				Query:       map[string]string{"include": "all"},
				Body:        json.RawMessage(`{"filter":{"kind":"person"}}`),
				Window: Window{
					Start:        Place{In: InPath, Name: "from"},
					End:          Place{In: InBody, Name: "filter.until"},
					Layout:       "2006-01-02T15:04:05.000",
					Zone:         "America/Los_Angeles",
					EndInclusive: true,
					Resolution:   Duration(time.Millisecond),
					LongestSpan:  Duration(24 * time.Hour),
				},
				Paging: Paging{
					Kind:      PagingNumber,
					Place:     Place{In: InBody, Name: "page.number"},
					First:     1,
					Size:      100,
					SizePlace: Place{In: InBody, Name: "page.size"},
					PastEnd:   []Answer{{Status: 400, BodyContains: "past the end"}},
					MaxPages:  5000,
					InFlight:  4,
				},
				RecordsPath:            "data.people",
				RecordsAbsentWhenEmpty: true,
				FailurePath:            "errors",
				Total:                  Total{Path: "data.total"},
				RateLimit:              RateLimit{Requests: 10, Per: Duration(time.Second)},
				Weight:                 3,
				Key:                    []string{"id"},
				TimePath:               "meta.changed",
				VersionPath:            "meta.version",
				Settle:                 Duration(5 * time.Minute),
				Lookback:               Duration(48 * time.Hour),
				Audit:                  AuditCount,
				Columns: []Column{
					{Name: "id", Type: TypeInt64, Comment: "Its number"},
					{Name: "changed", Path: "meta.changed", Type: TypeTimestamp, Layout: "2006-01-02 15:04:05", Zone: "America/Los_Angeles"},
				},
			},
			{
				Name: "days",
				Path: "/days",
				Window: Window{
					Start:       Place{In: InQuery, Name: "from"},
					End:         Place{In: InQuery, Name: "to"},
					Layout:      time.DateOnly,
					Granularity: Duration(24 * time.Hour),
				},
				Paging:   Paging{Kind: PagingLinkHeader},
				Total:    Total{Header: "X-Total"},
				Key:      []string{"id"},
				TimePath: "at",
				Settle:   0,
				Audit:    AuditReread,
				Columns:  []Column{{Name: "id", Type: TypeString}},
			},
			{
				Name: "visits",
				Path: "/people/{person}/visits",
				Parent: &Parent{
					Stream:   "people",
					TimePath: "meta.changed",
					Ahead:    Duration(30 * 24 * time.Hour),
					Places:   []ParentPlace{{Place: Place{In: InPath, Name: "person"}, Path: "id", EscapeTwice: true}, {Place: Place{In: InQuery, Name: "name"}, Path: "meta.name"}},
					Fields:   []ParentField{{Name: "person_id", Path: "id"}, {Name: "person_name", Path: "meta.name"}},
				},
				Paging:     Paging{Kind: PagingToken, Place: Place{In: InQuery, Name: "token"}, NextPath: "next"},
				Key:        []string{"person_id", "at"},
				Lookback:   Duration(72 * time.Hour),
				Audit:      AuditReread,
				PersonPath: "email",
				Columns: []Column{
					{Name: "person_id", Type: TypeString},
					{Name: "at", Type: TypeTimestamp},
					{Name: "email", Type: TypeString, Personal: PersonalEmail, Protect: ProtectHash},
					{Name: "with", Type: TypeJSON, Within: []Within{{Path: "people.name", Personal: PersonalName, Protect: ProtectMask}}},
				},

				RecordsPath: "visits",
			},
			{
				Name: "planned",
				Path: "/planned",
				Window: Window{
					Start:      Place{In: InQuery, Name: "from"},
					End:        Place{In: InQuery, Name: "to"},
					Layout:     time.RFC3339,
					Resolution: Duration(time.Second),
					Listing:    &Listing{Behind: Duration(time.Hour), Ahead: Duration(60 * 24 * time.Hour)},
				},
				Paging:   Paging{Kind: PagingNone},
				Key:      []string{"id"},
				ZonePath: "venue.zone",
				Audit:    AuditReread,
				Columns: []Column{
					{Name: "id", Type: TypeString},
					{Name: "zone", Path: "venue.zone", Type: TypeString},
					{Name: "parts", Type: TypeJSON, Items: []Column{
						{Name: "title", Path: "about.title", Type: TypeString, Comment: "What it is called"},
						{Name: "begins", Type: TypeTimestamp, Layout: time.DateTime, Zone: "Europe/Berlin"},
					}},
					{Name: "tags", Type: TypeJSON, Items: []Column{{Name: "tag", Path: ItemItself, Type: TypeString}}},
				},
			},
		},
	}
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func mustClient(t *testing.T, v *Vendor, secret Secret, o Options) *Client {
	t.Helper()
	client, err := NewClient(v, v.Streams[0].Name, secret, o)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func records(p *Page) []string {
	var all []string
	for r := range p.Records() {
		all = append(all, string(r))
	}
	return all
}

// readAll reads every page of the hour.
func readAll(t *testing.T, c *Client) (all []string, pages int) {
	t.Helper()
	var at Cursor
	for {
		p, err := c.Page(t.Context(), hour, at)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		all = append(all, records(p)...)
		if p.Last {
			return all, pages
		}
		// A cursor survives being stored.
		stored, err := json.Marshal(p.Next)
		if err != nil {
			t.Fatal(err)
		}
		at = Cursor{}
		if err := json.Unmarshal(stored, &at); err != nil {
			t.Fatal(err)
		}
	}
}
