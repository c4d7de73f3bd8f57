package vendortest

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/preprocess"
	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// The buckets of a checked pipeline.
const (
	checkedRaw     = "raw"
	checkedCurated = "curated"
)

// pipeline is all streams of a vendor, taken forward by the real functions.
type pipeline struct {
	*checker
	store   *objectstoretest.Store
	tempDir string
	genesis time.Time
	// invocations counts those so far; left is how many requests, to the store and the vendor, one that is to be killed has left, -1 of
	// any other, and parts is after how many parts it is killed.
	invocations, left, parts int
	// missing is the parent, by the child stream's name, that the vendor does not find, missed how findings name it, refused whether one
	// was told of.
	missing map[string][]string
	missed  string
	refused map[string]bool
	// faults are what requests meet while anything goes wrong.
	faults []Plan
	// midway counts the invocations that were killed in mid-window, resumed those windows that were gone on with, of each stream.
	midway, resumed map[string]int
}

// errKilled is what each request to the store meets of an invocation that is no more.
var errKilled = errors.New("the invocation has been killed")

// run plays a day of the pipeline, with faults, tokens that expire, short invocations and killed ones, and then goes on without them
// until nothing is due any more.
func (c *checker) run(tempDir string) {
	p := &pipeline{
		checker: c, store: objectstoretest.New(), tempDir: tempDir, genesis: checkedDay.Add(-time.Hour), left: -1, parts: -1,
		missing: map[string][]string{}, refused: map[string]bool{}, midway: map[string]int{}, resumed: map[string]int{},
	}
	p.store.Now = func() time.Time { return c.clock }
	p.store.Before = func(objectstoretest.Call) error { return p.live() }
	p.store.After = func(call objectstoretest.Call) error {
		if call.Operation == objectstoretest.Put && strings.Contains(call.Key, "/parts/") && p.parts > 0 {
			if p.parts--; p.parts == 0 {
				p.left = 0
			}
		}
		return nil
	}
	c.transport.before = p.live
	p.lose()
	last := checkedDay.Add(day)
	if full := c.vendor.Retry.MaxAttempts; full == 0 || full > 2*DefaultMaxInRow {
		faults := Mixed(c.settings.seed, 0.08)
		faults.Rates[FaultExpired] = 0.004
		faults.RetryAfter = time.Second
		p.faults = []Plan{faults}
	}
	c.server.SetFaults(p.faults...)
	for n, now := 0, checkedDay.Add(30*time.Minute); now.Before(last); n, now = n+1, now.Add(95*time.Minute) {
		p.tick(now, n)
	}
	c.server.SetFaults()
	// A parent that is due for the last time waits for a day to be read.
	for now := last; now.Before(c.over()); now = now.Add(20 * time.Hour) {
		p.tick(now, -1)
	}
	p.tick(c.over(), -1)
	p.tick(c.over().Add(26*time.Hour), -1)
	for i := range c.vendor.Streams {
		if s := &c.vendor.Streams[i]; !c.broken(s.Name) {
			p.compare(s)
		}
	}
	p.secrets()
}

// live lets an invocation that is to be killed make one more request, while it has any left.
func (p *pipeline) live() error {
	switch p.left {
	case -1:
		return nil
	case 0:
		return errKilled
	}
	p.left--
	return nil
}

// over returns when nothing of the day is due any more.
func (c *checker) over() time.Time {
	longest := time.Duration(0)
	for _, s := range c.vendor.Streams {
		span := s.Settle.D() + s.Lookback.D()
		if s.Parent != nil {
			span += s.Parent.Ahead.D()
		}
		longest = max(longest, span)
	}
	return checkedDay.Add(day + longest + 8*time.Hour)
}

// lose has the vendor not find one parent that has children.
func (p *pipeline) lose() {
	for i := range p.vendor.Streams {
		s := &p.vendor.Streams[i]
		if s.Parent == nil || p.broken(s.Name) || len(p.missing) > 0 {
			continue
		}
		client, err := p.client(s.Name, p.secret)
		if err != nil {
			continue
		}
		children := map[string]int{}
		for _, r := range p.world.Records(s.Name, forever, p.now()) {
			children[strings.Join(r.Parent, "\x00")]++
		}
		records, keys := p.parents(s)
		for n, parent := range records {
			if children[strings.Join(keys[n], "\x00")] > 0 {
				p.transport.lost = client.Of(parent).Describe(rawzone.SlotWindow(parent.Time.Truncate(time.Second)))
				p.missing[s.Name], p.missed = keys[n], parent.Key
				break
			}
		}
	}
}

// tick runs all streams at now, those first that are not read by parents of another. Every third time one of them is killed, and
// every third its time is short; n is -1 of a time at which nothing goes wrong.
func (p *pipeline) tick(now time.Time, n int) {
	p.server.SetNow(now)
	for depth := range p.vendor.Streams {
		for i := range p.vendor.Streams {
			s := &p.vendor.Streams[i]
			if p.depth(s) != depth || p.broken(s.Name) {
				continue
			}
			if n >= 0 && (n+i)%3 == 1 {
				p.kill(s, now, n)
			}
			timeout := 15 * time.Minute
			if n >= 0 && (n+i)%3 == 2 {
				timeout = 20 * time.Second
			}
			if n >= 0 && n%4 == 3 && s.Paging.Chained() {
				p.expire(s)
			}
			p.execute(s, now, timeout)
		}
	}
}

// expire lets tokens of a stream expire while its next windows or parents are read.
func (p *pipeline) expire(s *vendorapi.Stream) {
	script := make([]Fault, 20)
	script[1], script[14] = FaultExpired, FaultExpired
	p.server.SetFaults(append([]Plan{{Streams: []string{s.Name}, Script: script}}, p.faults...)...)
}

// kill runs ingest of a stream at now and kills it, mostly when it has stored two parts.
func (p *pipeline) kill(s *vendorapi.Stream, now time.Time, n int) {
	if n%4 == 0 {
		p.left = 4 + n%11
	} else {
		p.parts = 2
	}
	committed := func() int { return len(p.store.Keys(checkedRaw, p.vendor.Name+"/"+s.Name+"/commits/")) }
	before := committed()
	_, err := p.ingest(s, now, 15*time.Minute)
	// What a child stream begins with may be a parent that is read again, which is not counted as gone on with.
	if err != nil && p.parts == 0 && committed() == before && s.Parent == nil {
		p.midway[s.Name]++
	}
	p.left, p.parts = -1, -1
}

// depth returns how many parents a stream waits for.
func (p *pipeline) depth(s *vendorapi.Stream) (n int) {
	for s.Parent != nil && n < len(p.vendor.Streams) {
		parent, err := p.vendor.Stream(s.Parent.Stream)
		if err != nil {
			break
		}
		s, n = parent, n+1
	}
	return n
}

// mostRounds is after how many rounds of one execution there is taken to be more for ever.
const mostRounds = 200

// execute runs ingest and preprocess of a stream until there is no more.
func (p *pipeline) execute(s *vendorapi.Stream, now time.Time, timeout time.Duration) {
	for range mostRounds {
		ingested, err := p.ingest(s, now, timeout)
		p.noted(s, ingested)
		if err != nil && timeout < 15*time.Minute {
			// There was no time for anything, perhaps because of a wait that the vendor asked for.
			timeout, err = 15*time.Minute, nil
			ingested.More = true
		}
		if err != nil {
			p.failed(s, err)
			return
		}
		made, err := p.preprocess(s, now)
		if err != nil {
			p.breach(s.Name, PromiseColumns, "what was read cannot be made into a table: %v", err)
			return
		}
		for _, finding := range made.Findings {
			if finding.Kind == telemetry.Quarantined {
				p.breach(s.Name, PromiseColumns, "%s. Look at the type, the layout and the path of that column", finding.Message)
			}
		}
		if !ingested.More && !made.More {
			return
		}
	}
	p.breach(s.Name, PromiseResume, "after %d invocations at %s there is still more to read. Look at paging, and at rateLimit", mostRounds, now.Format(time.RFC3339))
}

func (p *pipeline) failed(s *vendorapi.Stream, err error) {
	switch {
	case errors.Is(err, vendorapi.ErrRefused), errors.Is(err, vendorapi.ErrMalformed), errors.Is(err, vendorapi.ErrUnavailable):
		p.unread(s, err)
	default:
		p.breach(s.Name, PromiseResume, "a run fails: %v", err)
	}
}

// noted takes what an answer of ingest tells.
func (p *pipeline) noted(s *vendorapi.Stream, answer ingest.Answer) {
	p.resumed[s.Name] += answer.Resumed
	for _, finding := range answer.Findings {
		switch finding.Kind {
		case telemetry.CountsUnsettled:
			p.breach(s.Name, PromiseTotals, "%s. Look at total, at key and at paging", finding.Message)
		case telemetry.OutsideWindow:
			p.breach(s.Name, PromiseWindows, "%s. Look at window and at timePath", finding.Message)
		case telemetry.ParentUnreadable:
			p.refused[s.Name] = p.refused[s.Name] || strings.Contains(finding.Message, p.missed)
			if p.missing[s.Name] == nil || answer.Unreadable > 1 || !strings.Contains(finding.Message, p.missed) {
				p.breach(s.Name, PromiseChildren, "%s. Look at parent.places and at paging", finding.Message)
			}
		}
	}
}

func (p *pipeline) zone(s *vendorapi.Stream) rawzone.Zone {
	return rawzone.Zone{Bucket: p.store.Bucket(checkedRaw), Vendor: p.vendor.Name, Stream: s.Name}
}

// deadlined is a context that ends by the checker's clock.
type deadlined struct {
	context.Context
	at time.Time
}

// Deadline implements context.Context.
func (d deadlined) Deadline() (time.Time, bool) { return d.at, true }

// punctual is a client whose requests do not outlast their deadline, by the checker's clock.
type punctual struct {
	*vendorapi.Client
	checker *checker
}

func (c punctual) Page(ctx context.Context, w window.Window, at vendorapi.Cursor) (*vendorapi.Page, error) {
	page, err := c.Client.Page(ctx, w, at)
	if deadline, ok := ctx.Deadline(); ok && c.checker.clock.After(deadline) {
		return nil, vendorapi.ErrDeadline
	}
	return page, err
}

func (p *pipeline) ingest(s *vendorapi.Stream, now time.Time, timeout time.Duration) (ingest.Answer, error) {
	client, err := p.client(s.Name, p.secret)
	if err != nil {
		return ingest.Answer{}, err
	}
	p.invocations++
	config := ingest.Config{
		Stream: s, Vendor: punctual{client, p.checker}, Zone: p.zone(s), Run: fmt.Sprintf("run%d", p.invocations), Genesis: p.genesis,
		PartBytes: 1, SafetyMargin: timeout / 10, DefaultRate: 20, Clock: func() time.Time { return p.clock }, Logger: p.logger(),
	}
	if config.Parents, err = ingest.ParentsOf(p.vendor, s, config.Zone, client); err != nil {
		return ingest.Answer{}, err
	}
	if config.Parents != nil {
		config.Parents.Of = func(of vendorapi.ParentRecord) ingest.Vendor { return punctual{client.Of(of), p.checker} }
	}
	answer, err := ingest.Run(deadlined{context.Background(), p.clock.Add(timeout)}, config, now)
	if err != nil {
		p.said = append(p.said, err.Error())
	}
	return answer, err
}

func (p *pipeline) preprocess(s *vendorapi.Stream, now time.Time) (preprocess.Answer, error) {
	return preprocess.Run(deadlined{context.Background(), p.clock.Add(15 * time.Minute)}, preprocess.Config{
		Stream: s, Raw: p.zone(s), Curated: p.store.Bucket(checkedCurated), TempDir: p.tempDir, SafetyMargin: time.Minute,
		PrivacyKey: func(context.Context) (privacy.Key, error) { return checkedKey, nil },
		Clock:      func() time.Time { return p.clock }, Logger: p.logger(),
	}, now)
}

// checkedKey is what personal values are hashed with; nobody looks for them.
var checkedKey = privacy.Key(strings.Repeat("k", privacy.LeastKeyLength))

// committed is a commit with the records of its parts.
type committed struct {
	*rawzone.Commit
	records []string
}

// commits returns what a stream has committed.
func (p *pipeline) commits(s *vendorapi.Stream) (all []committed, err error) {
	zone := p.zone(s)
	for ref, err := range zone.Commits(context.Background(), time.Time{}) {
		if err != nil {
			return nil, err
		}
		commit, _, err := zone.Commit(context.Background(), ref)
		if err != nil {
			return nil, err
		}
		one := committed{Commit: commit}
		for _, part := range commit.Parts {
			body, err := zone.OpenPart(context.Background(), part)
			if err != nil {
				return nil, err
			}
			lines := bufio.NewScanner(body)
			lines.Buffer(nil, 1<<24)
			for lines.Scan() {
				one.records = append(one.records, lines.Text())
			}
			if err := errors.Join(lines.Err(), body.Close()); err != nil {
				return nil, err
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// compare compares what a stream has committed with what the vendor holds.
func (p *pipeline) compare(s *vendorapi.Stream) {
	all, err := p.commits(s)
	if err != nil {
		p.breach(s.Name, PromiseResume, "what is committed cannot be read: %v", err)
		return
	}
	held := map[string]int{}
	for _, one := range all {
		for _, record := range one.records {
			held[record]++
		}
	}
	switch {
	case s.Parent != nil:
		p.compareChildren(s, held)
	case s.Window.Listing != nil:
		p.compareListed(s, all)
	default:
		p.compareLog(s, all, held)
	}
	p.compareTable(s)
	if p.midway[s.Name] > 1 && p.resumed[s.Name] == 0 {
		p.breach(s.Name, PromiseResume, "runs were killed in mid-window %d times, and none of these windows was gone on with. Look at paging", p.midway[s.Name])
	}
}

// compareLog makes sure that windows follow on one another and hold each record once.
func (p *pipeline) compareLog(s *vendorapi.Stream, all []committed, held map[string]int) {
	if len(all) == 0 {
		p.breach(s.Name, PromiseWindows, "nothing was committed in a day")
		return
	}
	for i := 1; i < len(all); i++ {
		if !all[i].Start.Equal(all[i-1].End) {
			p.breach(s.Name, PromiseWindows, "a window ends at %s, and the next begins at %s", all[i-1].End, all[i].Start)
		}
	}
	within := window.Window{Start: all[0].Start, End: all[len(all)-1].End}
	ever := map[string]bool{}
	for _, r := range p.world.Versions(s.Name, forever) {
		ever[string(r.Held())] = true
	}
	missing, twice, altered := 0, 0, 0
	for _, r := range p.world.Records(s.Name, within, p.now()) {
		if held[string(r.Held())] == 0 {
			missing++
		}
	}
	for record, n := range held {
		if n > 1 {
			twice++
		}
		if !ever[record] {
			altered++
		}
	}
	if missing > 0 {
		p.breach(s.Name, PromiseWindows, "%d records that the vendor shows are in no window when all is read. Look at settle and lookback, at window.endInclusive and at paging", missing)
	}
	if twice > 0 {
		p.breach(s.Name, PromiseWindows, "%d records are in more than one window, or twice in one. Look at window.endInclusive and window.resolution, at timePath and at paging", twice)
	}
	if altered > 0 {
		p.breach(s.Name, PromiseWindows, "%d records are none that the vendor ever gave", altered)
	}
}

// compareListed makes sure that each listing holds what was listed when it was read.
func (p *pipeline) compareListed(s *vendorapi.Stream, all []committed) {
	if !slices.ContainsFunc(all, func(one committed) bool { return len(one.records) > 0 }) {
		p.breach(s.Name, PromiseWindows, "nothing that is listed was committed in a day. Look at window.listing")
	}
	for _, one := range all {
		if one.Same.IsZero() {
			p.compareListing(s, reading{window: one.Window(), records: one.records}, one.ReadAt)
		}
	}
}

// compareChildren makes sure that all children are there once of the parents that are committed, but for the one that is not found.
func (p *pipeline) compareChildren(s *vendorapi.Stream, held map[string]int) {
	parent, err := p.vendor.Stream(s.Parent.Stream)
	if err != nil {
		return
	}
	all, err := p.commits(parent)
	if err != nil {
		p.breach(s.Name, PromiseChildren, "what is committed of %s cannot be read: %v", parent.Name, err)
		return
	}
	known := map[string]bool{}
	for _, one := range all {
		for _, record := range one.records {
			known[strings.Join(keyOf([]byte(record), parent.Key), "\x00")] = true
		}
	}
	lost := strings.Join(p.missing[s.Name], "\x00")
	compared, missing, twice, parents := 0, 0, 0, map[string]bool{}
	for _, r := range p.world.Records(s.Name, forever, p.now()) {
		of := strings.Join(r.Parent, "\x00")
		if !known[of] || lost != "" && of == lost {
			continue
		}
		compared++
		switch n := held[string(r.Held())]; {
		case n == 0:
			missing++
			parents[of] = true
		case n > 1:
			twice++
		}
	}
	if compared == 0 {
		p.breach(s.Name, PromiseChildren, "none of the parents that %s has committed has any children. Look at the window of %s and at parent.places", s.Parent.Stream, s.Parent.Stream)
	}
	if missing > 0 {
		p.breach(s.Name, PromiseChildren, "%d children of %d of %s are missing when each of these has been read for the last time. Look at parent.timePath and parent.ahead, at settle and lookback, and at paging", missing, len(parents), s.Parent.Stream)
	}
	if twice > 0 {
		p.breach(s.Name, PromiseChildren, "%d children are there twice. Look at parent.places and at key", twice)
	}
	if lost != "" && !p.refused[s.Name] {
		p.breach(s.Name, PromiseChildren, "the vendor did not find one of %s, and no finding tells of it", s.Parent.Stream)
	}
}

// compareTable makes sure that all that is committed is in the table, in declared columns.
func (p *pipeline) compareTable(s *vendorapi.Stream) {
	names := curated.Names{Vendor: p.vendor.Name, Stream: s.Name}
	var known []string
	known = append(known, undeclared, s.TimePath, s.VersionPath)
	known = append(known, s.Key...)
	truth, err := p.truth.Stream(s.Name)
	if err == nil {
		r := rolesOf(p.truth, truth)
		known = slices.Concat(known, r.ids(), r.ownTimes(), r.taken)
	}
	var fields []string
	for _, key := range p.store.Keys(checkedCurated, names.Undeclared()) {
		field, err := url.QueryUnescape(strings.TrimPrefix(key, names.Undeclared()))
		if err == nil && !slices.ContainsFunc(known, func(path string) bool { return path == field || strings.HasPrefix(path, field+".") }) {
			fields = append(fields, field)
		}
	}
	if len(fields) > 0 {
		p.breach(s.Name, PromiseColumns, "no column declares %s. Look at columns; a field that a parent adds needs one too", strings.Join(fields, ", "))
	}
	objects := 0
	for _, key := range p.store.Keys(checkedCurated, p.vendor.Name+"/"+s.Name+"/") {
		if strings.HasSuffix(key, ".parquet") {
			objects++
		}
	}
	if objects == 0 {
		p.breach(s.Name, PromiseColumns, "no table was made of what was read")
	}
}

// secrets makes sure that no credential stands in an object.
func (p *pipeline) secrets() {
	for _, bucket := range []string{checkedRaw, checkedCurated} {
		for _, key := range p.store.Keys(bucket, "") {
			body, _ := p.store.Body(bucket, key)
			if field := p.holdsSecret(key + " " + string(body)); field != "" {
				p.breach("", PromiseAuth, "the credential %q stands in the object %s. Look at auth, and at what repeats it", field, key)
			}
		}
	}
}

// leaks makes sure that no credential stands in an error or a log.
func (c *checker) leaks() {
	if field := c.holdsSecret(c.logs.String()); field != "" {
		c.breach("", PromiseAuth, "the credential %q stands in a log. Look at auth, and at what repeats it", field)
	}
	for _, said := range c.said {
		if field := c.holdsSecret(said); field != "" {
			c.breach("", PromiseAuth, "the credential %q stands in an error. Look at auth, and at what repeats it", field)
		}
	}
}

// holdsSecret returns the field of the secret whose value stands in a text, empty where none does.
func (c *checker) holdsSecret(text string) string {
	found := ""
	for field, value := range c.secret {
		if strings.Contains(text, value) {
			found = cmp.Or(found, field)
		}
	}
	if auth := c.vendor.Auth; auth.Kind == vendorapi.AuthBasic {
		pair := c.secret[auth.UsernameField] + ":" + c.secret[auth.PasswordField]
		if strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(pair))) {
			found = cmp.Or(found, auth.PasswordField)
		}
	}
	return found
}
