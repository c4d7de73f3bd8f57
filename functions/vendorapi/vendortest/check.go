package vendortest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Check is the acceptance test of a vendor's description, to be called in a test of the module that holds it:
//
//	func TestAcme(t *testing.T) { vendortest.Check(t, acme.Vendor()) }
//
// It makes a world and a server from the description, and lets the real client, ingest and preprocess read it, with a model of S3 and a
// clock on which no time passes. For each stream it proves that
//
//   - windows follow on one another, and each record is read exactly once: at inclusive and exclusive ends, in whole days, and while the
//     clocks of the zone are changed;
//   - pages and totals lead to the end and agree;
//   - each kind of fault ([TransientFaults]) is got over, and tokens that expire in mid-window are;
//   - a missing or wrong credential is refused, and none goes to another host, into an error, a log or an object;
//   - a run that is killed in mid-window is gone on with;
//   - what shows late, changes or vanishes is found within the lookback;
//   - of each parent the children are read once, and one that is not found does not stop the others;
//   - keys are unique, each column converts, and no field is undeclared but the one that the world makes so on purpose.
//
// Each promise that is broken is an error of t in plain words: which stream, which promise, what was seen, and what to look at.
//
// What a server that is made from the description cannot tell is whether the vendor really is as described: for that, give recorded
// answers with [WithAnswers]. A description of five streams takes a few seconds.
func Check(t testing.TB, v *vendorapi.Vendor, options ...CheckOption) {
	t.Helper()
	c := &checker{settings: checkSettings{seed: 1, records: defaultChecked}, described: v}
	for _, option := range options {
		option(&c.settings)
	}
	c.check(t.TempDir())
	for _, b := range c.breaches {
		t.Errorf("%s", b)
	}
}

// CheckOption changes what [Check] does.
type CheckOption func(*checkSettings)

type checkSettings struct {
	seed    uint64
	records int
	answers fs.FS
	serve   func(http.Handler) http.Handler
	truth   *vendorapi.Vendor
}

// defaultChecked is the number of records of each stream and day.
const defaultChecked = 240

// WithSeed makes another world. The default seed is 1.
func WithSeed(seed uint64) CheckOption { return func(s *checkSettings) { s.seed = seed } }

// WithRecords makes so many records of each stream and day, 240 by default.
func WithRecords(n int) CheckOption { return func(s *checkSettings) { s.records = n } }

// WithAnswers has recorded answers of the real vendor reviewed too ([Review]): the JSON bodies of a stream are the files
// <stream>.json, <stream>.2.json and so on of the folder, for example os.DirFS("testdata/answers").
func WithAnswers(folder fs.FS) CheckOption { return func(s *checkSettings) { s.answers = folder } }

// WithServer puts a handler before the simulated vendor, to see what the description makes of one that deviates.
func WithServer(before func(http.Handler) http.Handler) CheckOption {
	return func(s *checkSettings) { s.serve = before }
}

// against simulates another vendor than the one described, which has streams of the same names.
func against(truth *vendorapi.Vendor) CheckOption { return func(s *checkSettings) { s.truth = truth } }

// Promises that a description keeps or breaks, as [Breach] names them.
const (
	PromiseDescription = "description"
	PromiseWindows     = "windows"
	PromiseBounds      = "bounds"
	PromisePages       = "pages"
	PromiseTotals      = "totals"
	PromiseRetries     = "retries"
	PromiseAuth        = "auth"
	PromiseResume      = "resume"
	PromiseChildren    = "children"
	PromiseColumns     = "columns"
	PromiseKeys        = "keys"
	PromiseTimes       = "times"
	PromiseAnswers     = "answers"
)

// Breach is a promise that a description does not keep.
type Breach struct {
	// Stream is empty where it concerns the vendor as a whole.
	Stream  string
	Promise string
	// Text says what was seen and what to look at.
	Text string
}

// String is the breach as [Check] reports it.
func (b Breach) String() string {
	if b.Stream == "" {
		return fmt.Sprintf("%s: %s", b.Promise, b.Text)
	}
	return fmt.Sprintf("stream %s: %s: %s", b.Stream, b.Promise, b.Text)
}

// mostTold is how many breaches of one promise are told of one stream: further ones mostly have the same cause.
const mostTold = 2

// checker is one run of Check.
type checker struct {
	settings  checkSettings
	described *vendorapi.Vendor
	// vendor is what the client is told: as described, with small pages. truth is what is simulated.
	vendor, truth *vendorapi.Vendor
	secret        map[string]string
	world         *World
	server        *Server
	transport     *checkedTransport
	// clock goes on with each request and each wait. It is ahead of the real one, since contexts go by that.
	clock time.Time
	logs  bytes.Buffer
	// said are the errors that were met.
	said     []string
	breaches []Breach
}

func (c *checker) breach(stream, promise, format string, arguments ...any) {
	told := 0
	for _, b := range c.breaches {
		if b.Stream == stream && b.Promise == promise {
			told++
		}
	}
	if told < mostTold {
		c.breaches = append(c.breaches, Breach{Stream: stream, Promise: promise, Text: fmt.Sprintf(format, arguments...)})
	}
}

// broken reports whether a stream has broken a promise so far.
func (c *checker) broken(stream string) bool {
	return slices.ContainsFunc(c.breaches, func(b Breach) bool { return b.Stream == stream || b.Stream == "" })
}

// checkedPage is the number of records of a page, where the description leaves it to the client: so few that a window has several.
const checkedPage = 7

func (c *checker) check(tempDir string) {
	if err := c.described.Validate(); err != nil {
		c.breach("", PromiseDescription, "%v", err)
		return
	}
	if c.settings.answers != nil {
		c.breaches = append(c.breaches, reviewFolder(c.described, c.settings.answers)...)
	}
	if c.settings.truth == nil {
		c.settings.truth = c.described
	}
	c.clock = time.Now().Add(240 * time.Hour)
	c.secret = map[string]string{}
	for _, field := range c.described.SecretFields() {
		c.secret[field] = "s3cret-value-of-" + field
	}
	c.vendor, c.truth = smallPages(c.described).OneByOne(), smallPages(c.settings.truth)
	for i, from := range c.days() {
		if err := c.simulate(from); err != nil {
			c.breach("", PromiseDescription, "no vendor can be simulated that is as described: %v", err)
			return
		}
		for n := range c.vendor.Streams {
			s := &c.vendor.Streams[n]
			// Children are asked for without a window, so one day tells all of them.
			if c.broken(s.Name) || i > 0 && s.Parent != nil {
				continue
			}
			all := c.readings(s, from)
			c.uniqueKeys(s, all)
			if i == 0 && !c.broken(s.Name) {
				c.faults(s, all)
			}
		}
	}
	if err := c.simulate(checkedDay); err != nil {
		return
	}
	c.credentials()
	c.run(tempDir)
	c.leaks()
}

// smallPages returns a copy of a description whose pages are small, so that a few records make several.
func smallPages(v *vendorapi.Vendor) *vendorapi.Vendor {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // A valid description always marshals.
	}
	var small vendorapi.Vendor
	if err := json.Unmarshal(text, &small); err != nil {
		panic(err)
	}
	for i := range small.Streams {
		if p := &small.Streams[i].Paging; p.SizePlace.Name != "" || isDescribed(v) && p.Kind != vendorapi.PagingNone {
			p.Size = checkedPage
		}
	}
	return &small
}

// checkedDay is the first day of the simulated world: one on which no clocks are changed.
var checkedDay = time.Date(2026, 5, 19, 0, 0, 0, 0, time.UTC)

// days returns the days on which windows are read: an ordinary one, and those on which the clocks of a stream's zone are changed.
func (c *checker) days() []time.Time {
	all := []time.Time{checkedDay}
	for i := range c.vendor.Streams {
		zone, err := time.LoadLocation(c.vendor.Streams[i].Window.Zone)
		if err != nil {
			continue
		}
		at := checkedDay.In(zone)
		for range 2 {
			_, change := at.ZoneBounds()
			if change.IsZero() {
				break
			}
			at = change
			// The world's bursts are at 0.55 and 0.72 of its day.
			if from := change.UTC().Truncate(time.Hour).Add(-13 * time.Hour); !slices.ContainsFunc(all, from.Equal) {
				all = append(all, from)
			}
		}
	}
	return all
}

// simulate makes the vendor of a day.
func (c *checker) simulate(from time.Time) error {
	world, err := Generate(c.truth, Size{
		Seed: c.settings.seed, From: from, Until: from.Add(day), Attendees: c.settings.records, Lateness: lateness(c.truth),
	})
	if err != nil {
		return err
	}
	c.world = world
	c.server = NewServer(c.truth, world, c.secret, ServerOptions{
		Now: c.settledAt(from), Clock: func() time.Time { return c.clock }, Sleep: c.sleep,
	})
	var handler http.Handler = c.server
	if c.truth.Auth.Kind == vendorapi.AuthToken {
		options := DocumentedTokens(c.truth)
		options.Now = func() time.Time { return c.clock }
		handler = NewTokens(c.truth.Auth, c.secret, options, c.server)
	}
	if c.settings.serve != nil {
		handler = c.settings.serve(handler)
	}
	c.transport = &checkedTransport{checker: c, handler: handler, hosts: hostsOf(c.vendor)}
	return nil
}

// lateness has some records of each stream show late, change and vanish, as late as its lookback allows for. Vendors with a
// world of their own are on time.
func lateness(v *vendorapi.Vendor) Lateness {
	all := Lateness{}
	for _, s := range v.Streams {
		latest := s.Lookback.D() / 2
		if !isDescribed(v) || latest < time.Hour {
			continue
		}
		delay := Delay{Late: 0.1, Mean: latest / 4, Longest: latest, Changed: 0.1, ChangesFrom: latest / 4, ChangesUntil: latest}
		if s.Audit == vendorapi.AuditCount {
			delay.Changed = 0 // A count does not show what changes in its place.
		}
		isParent := slices.ContainsFunc(v.Streams, func(child vendorapi.Stream) bool { return child.Parent != nil && child.Parent.Stream == s.Name })
		if s.Parent != nil && !isParent {
			// What is read of a parent replaces all that was read before.
			delay.Vanishing = 0.05
		}
		all[s.Name] = delay
	}
	return all
}

// settledAt returns when all that a world holds of the day from from on shows, its parents' children too.
func (c *checker) settledAt(from time.Time) time.Time {
	longest := time.Duration(0)
	for _, s := range c.truth.Streams {
		span := s.Settle.D() + 2*s.Lookback.D()
		if s.Parent != nil {
			span += s.Parent.Ahead.D() + longestAfter
		}
		longest = max(longest, span)
	}
	return from.Add(day + longest + time.Hour)
}

// surroundings are those of a client.
func (c *checker) surroundings() vendorapi.Options {
	return vendorapi.Options{
		Transport: c.transport, Now: func() time.Time { return c.clock }, Sleep: c.sleep,
		Random: func() float64 { return 0.5 }, Logger: c.logger(),
	}
}

// keeper keeps a secret in memory, for one client at a time.
type keeper struct {
	field  string
	secret map[string]string
}

// Renew implements [vendorapi.Keeper].
func (k keeper) Renew(ctx context.Context, _ string, spend func(context.Context, vendorapi.Secret) (vendorapi.Grant, error)) (vendorapi.Grant, error) {
	grant, err := spend(ctx, vendorapi.Secret(k.secret))
	if err == nil && grant.Refresh != "" {
		k.secret[k.field] = grant.Refresh
	}
	return grant, err
}

func (c *checker) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(&c.logs, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func (c *checker) client(stream string, secret map[string]string) (*vendorapi.Client, error) {
	options := c.surroundings()
	options.Keeper = keeper{field: c.vendor.Auth.Token.Refresh.Field, secret: secret}
	client, err := vendorapi.NewClient(c.vendor, stream, secret, options)
	if err != nil {
		c.said = append(c.said, err.Error())
	}
	return client, err
}
