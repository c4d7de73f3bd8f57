package simulation

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/preprocess"
)

// history is all that happens to a stream until the faults stop: it is drawn whole before it is played, so that the
// shortest one that shows a fault can be looked for.
type history struct {
	dialect dialect
	// family is the stream that is read once for each record of the first, nil where there is none.
	family *family
	// begin is when the schedule begins, every interval from then on.
	begin    time.Time
	interval time.Duration
	ticks    []tick
	// genesis is how long before begin the vendor has records that the log is to hold; set says that the configuration
	// says so, and not the first run.
	genesis time.Duration
	set     bool
	// past is how much longer the vendor has records.
	past    time.Duration
	records int
	bursts  []int
	seed    uint64

	outages, jams []span
	tokenLife     time.Duration

	release   release
	timeout   time.Duration
	latency   time.Duration // of the vendor; S3 is much quicker
	partBytes int64
	listing   int // keys that a page of a listing holds
	// replay says that all is made again in the end, and compared byte for byte.
	replay bool
	// acts are what happens when the days have become old; none where they do not.
	acts []act
}

// tick is one beat of the schedule, and what else happens then.
type tick struct {
	release *release // deployed then, nil: none
	// audit is what becomes of audit.json, empty: nothing.
	audit string
	// roster is what becomes of the children's roster.json, likewise.
	roster     string
	executions []*execution
}

// execution is one execution of a state machine.
type execution struct {
	kind string
	// after is how long after the tick, or after the fault that starts it, it begins.
	after time.Duration
	// shift is how far its scheduled time is from the tick's, or from its beginning.
	shift time.Duration
	// from and to are a past range, counted from the beginning of the schedule; lanes share it.
	from, to time.Duration
	lanes    int
	replay   preprocess.Replay
	// replaced is as that of an [act], when the execution begins.
	replaced int
	// rounds are those of the first stream, children those of the second.
	rounds, children []round
	seed             uint64
}

// round is the faults that one round of an execution meets: Ingest's requests to S3 and to the vendor, Preprocess's.
type round struct{ ingest, asks, preprocess []fault }

// Kinds of execution. Those in parentheses are counted, but are no faults.
const (
	scheduled = "(scheduled run)"
	byHand    = "(run started by hand)"
	oldTick   = "old tick run again"
	aheadTick = "tick ahead of its time"
	backfill  = "(backfill)"
)

// What becomes of audit.json.
const (
	auditLost    = "audit.json lost"
	auditDamaged = "audit.json damaged"
	auditOld     = "audit.json put back to an earlier one"
)

// What becomes of roster.json.
const (
	rosterLost    = "roster.json lost"
	rosterDamaged = "roster.json damaged"
	rosterOld     = "roster.json put back to an earlier one"
)

// drawHistory draws a history. Everything it holds shrinks to what is least remarkable.
func drawHistory(rt *rapid.T, s setting) *history {
	h := &history{dialect: drawDialect(rt)}
	if s.dialect != nil {
		s.dialect(&h.dialect)
	}
	if s.families > 0 && rapid.IntRange(1, s.families).Draw(rt, "family") == s.families {
		h.family = drawFamily(rt, &h.dialect)
		if s.family != nil {
			s.family(h.family)
		}
	}
	h.begin = drawBegin(rt, h.dialect.zone)
	h.interval = rapid.SampledFrom([]time.Duration{5 * time.Minute, 30 * time.Minute, 3 * time.Hour, 13 * time.Hour}).Draw(rt, "interval")
	h.release.pageSize = rapid.IntRange(1, 40).Draw(rt, "pageSize")
	h.timeout = time.Duration(rapid.SampledFrom([]int{60, 6, 10, 20, 200, 900}).Draw(rt, "timeout")) * time.Second
	h.latency = time.Duration(rapid.IntRange(5, 100).Draw(rt, "latency")) * time.Millisecond
	h.partBytes = int64(rapid.IntRange(1, 3000).Draw(rt, "partBytes"))
	h.listing = rapid.IntRange(1, 20).Draw(rt, "listing")
	h.tokenLife = time.Duration(rapid.IntRange(2, 30).Draw(rt, "tokenLife")) * time.Minute
	h.genesis = time.Duration(rapid.IntRange(1, 24).Draw(rt, "genesis")) * time.Hour
	h.set = rapid.Bool().Draw(rt, "genesisSet")
	h.records = rapid.IntRange(0, 60).Draw(rt, "records")
	for range rapid.IntRange(0, 2).Draw(rt, "bursts") {
		h.bursts = append(h.bursts, rapid.IntRange(20, 150).Draw(rt, "burst"))
	}
	if h.family != nil {
		// Each of them is asked for by itself.
		h.records = min(h.records, 10)
		for i, burst := range h.bursts {
			h.bursts[i] = burst % 8
		}
	}
	h.seed = rapid.Uint64().Draw(rt, "seed")
	h.replay = rapid.IntRange(0, 3).Draw(rt, "replay") == 3
	most := s.ticks
	if most == 0 {
		most = 6
	}
	if rapid.IntRange(0, 3).Draw(rt, "past") == 3 && most > 1 {
		h.past = time.Duration(rapid.IntRange(1, 60).Draw(rt, "pastHours")) * time.Hour
	}
	for range rapid.IntRange(1, most).Draw(rt, "ticks") {
		h.ticks = append(h.ticks, drawTick(rt, s, h))
	}
	whole := time.Duration(len(h.ticks)) * h.interval
	drawSpans := func(label string, longest time.Duration) (spans []span) {
		for range max(0, rapid.IntRange(-2, 1).Draw(rt, label)) {
			from := h.begin.Add(time.Duration(rapid.IntRange(0, int(whole/time.Minute)).Draw(rt, "from")) * time.Minute)
			to := from.Add(time.Duration(rapid.IntRange(1, int(longest/time.Minute)).Draw(rt, "minutes")) * time.Minute)
			if end := h.begin.Add(whole); to.After(end) {
				to = end
			}
			spans = append(spans, span{from, to})
		}
		return spans
	}
	h.outages = drawSpans("outages", 10*time.Hour)
	if h.family != nil && rapid.IntRange(0, 3).Draw(rt, "down") == 3 {
		h.outages = []span{{h.end().Add(-time.Duration(rapid.IntRange(1, int(longestOutage/time.Hour)).Draw(rt, "downHours")) * time.Hour), h.end()}}
		for i := range h.ticks {
			// What is lost is made again where a run succeeds within a day.
			h.ticks[i].audit, h.ticks[i].roster = "", ""
		}
	}
	h.jams = drawSpans("jams", time.Hour)
	if !s.young && rapid.IntRange(0, 2).Draw(rt, "ages") == 2 {
		h.acts = drawActs(rt, s, h)
	}
	if s.history != nil {
		s.history(h)
	}
	return h
}

// longestOutage is for how long the vendor is down at most: for longer than most parents are read for, and no longer than one is
// tried that the vendor fails for.
const longestOutage = 100 * time.Hour

// epoch is when the clock of a history stands still at first; no history can begin before.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// drawBegin draws when the schedule begins: some time before the vendor's clocks change, in spring or in autumn.
func drawBegin(rt *rapid.T, zone *time.Location) time.Time {
	begin := epoch.Add(5 * 24 * time.Hour)
	if changes := rapid.IntRange(0, 2).Draw(rt, "clockChange"); changes > 0 {
		at := begin.In(zone)
		for range changes {
			if _, next := at.ZoneBounds(); !next.IsZero() {
				at = next
			}
		}
		begin = at.Add(-time.Duration(rapid.IntRange(0, 20*60).Draw(rt, "before")) * time.Minute).UTC()
	}
	return begin
}

func drawTick(rt *rapid.T, s setting, h *history) (t tick) {
	switch rapid.IntRange(0, 7).Draw(rt, "deployment") {
	case 6:
		t.release = &release{rapid.IntRange(1, 40).Draw(rt, "pageSize"), h.release.wide}
	case 7:
		t.release = &release{h.release.pageSize, rapid.Bool().Draw(rt, "wide")}
	}
	// A lost audit costs no more than requests where a run succeeds within a day.
	if audit := rapid.SampledFrom([]string{"", "", "", "", "", "", "", auditLost, auditDamaged, auditOld}).Draw(rt, "audit"); h.interval < 12*time.Hour {
		t.audit = audit
	}
	if h.family != nil {
		t.roster = rapid.SampledFrom([]string{"", "", "", "", "", rosterLost, rosterDamaged, rosterOld}).Draw(rt, "roster")
	}
	for range rapid.SampledFrom([]int{1, 1, 1, 1, 0, 2, 3}).Draw(rt, "executions") {
		t.executions = append(t.executions, drawExecution(rt, s, h, 2))
	}
	return t
}

// drawExecution draws an execution; its faults may start others, depth deep.
func drawExecution(rt *rapid.T, s setting, h *history, depth int) *execution {
	e := &execution{kind: scheduled, seed: rapid.Uint64().Draw(rt, "execution")}
	kinds := []string{scheduled, scheduled, scheduled, scheduled, scheduled, byHand, byHand, oldTick, aheadTick}
	if h.past > 0 {
		kinds = append(kinds, backfill, backfill, backfill)
	}
	if s.kinds != nil {
		kinds = s.kinds
	}
	e.kind = rapid.SampledFrom(kinds).Draw(rt, "kind")
	if rapid.IntRange(0, 3).Draw(rt, "late") == 3 {
		e.after = time.Duration(rapid.IntRange(1, 20*60).Draw(rt, "after")) * time.Second
	}
	switch e.kind {
	case oldTick:
		e.shift = -time.Duration(rapid.IntRange(1, 30*60).Draw(rt, "ago")) * time.Minute
	case aheadTick:
		e.shift = time.Duration(rapid.IntRange(1, s.ahead()).Draw(rt, "ahead")) * time.Minute
	case backfill:
		e.lanes = rapid.IntRange(1, 3).Draw(rt, "lanes")
		e.from = -h.genesis - time.Duration(rapid.IntRange(0, int(h.past/time.Minute)).Draw(rt, "pastFrom"))*time.Minute
		e.to = e.from + time.Duration(rapid.IntRange(1, int((h.past+h.genesis)/time.Minute)).Draw(rt, "pastSpan"))*time.Minute
		e.replay = rapid.SampledFrom([]preprocess.Replay{preprocess.ReplayMissing, preprocess.ReplayAll, preprocess.ReplayQuarantined}).Draw(rt, "replay")
	}
	e.rounds = drawRounds(rt, s, h, depth, 12)
	if h.family != nil {
		e.children = drawRounds(rt, s, h, depth, 40)
	}
	return e
}

// drawRounds draws the faults of one stream of an execution, which strike within so many requests of ingest to S3.
func drawRounds(rt *rapid.T, s setting, h *history, depth, within int) (rounds []round) {
	for range rapid.IntRange(0, 3).Draw(rt, "rounds") {
		rounds = append(rounds, round{
			drawFaults(rt, s, h, s.of(s3Faults), within, depth), drawFaults(rt, s, h, s.of(vendorFaults), 10, depth), drawFaults(rt, s, h, s.of(s3Faults), 12, depth),
		})
	}
	return rounds
}

// String tells the history, for somebody who is to find out what it shows.
func (h *history) String() string {
	var b strings.Builder
	d := h.dialect
	fmt.Fprintf(&b, "vendor: audit %s, late %t, moves %t, edits %t, vanish %t, counted %t, inclusive %t, unknown resolution %t, paging %s from %d, bounds %s in %s (second %t), longest %s, settle %s, lookback %s\n",
		d.audit, d.late, d.moves, d.edits, d.vanish, d.counted, d.inclusive, d.unknown, d.paging, d.first, d.bounds, d.zone, d.second, d.longest, d.settle, d.lookback)
	fmt.Fprintf(&b, "family: %s\n", h.family)
	fmt.Fprintf(&b, "schedule: from %s every %s; genesis %s before (set %t), records for %s more; %d records, bursts %v, seed %d\n",
		h.begin.Format(time.RFC3339), h.interval, h.genesis, h.set, h.past, h.records, h.bursts, h.seed)
	fmt.Fprintf(&b, "release: page size %d, wide %t; timeout %s, latency %s, parts of %d bytes, listings of %d keys, tokens live %s; outages %v, jams %v; replay %t\n",
		h.release.pageSize, h.release.wide, h.timeout, h.latency, h.partBytes, h.listing, h.tokenLife, h.outages, h.jams, h.replay)
	for i, t := range h.ticks {
		fmt.Fprintf(&b, "tick %d:", i)
		if t.release != nil {
			fmt.Fprintf(&b, " release with page size %d, wide %t;", t.release.pageSize, t.release.wide)
		}
		fmt.Fprintf(&b, " %s %s\n", t.audit, t.roster)
		for _, e := range t.executions {
			e.tell(&b, "  ")
		}
	}
	for _, a := range h.acts {
		a.tell(&b)
	}
	return b.String()
}

func (e *execution) tell(b *strings.Builder, indent string) {
	fmt.Fprintf(b, "%s%s after %s, shifted by %s", indent, e.kind, e.after, e.shift)
	if e.kind == backfill {
		fmt.Fprintf(b, ", [%s, %s) in %d lanes, replay %q", e.from, e.to, e.lanes, e.replay)
	}
	b.WriteByte('\n')
	tellRounds(b, indent, e.rounds)
	tellRounds(b, indent+"  children:", e.children)
}

func tellRounds(b *strings.Builder, indent string, rounds []round) {
	for i, r := range rounds {
		tellFaults(b, fmt.Sprintf("%s  round %d, ingest at S3", indent, i+1), indent, r.ingest)
		tellFaults(b, fmt.Sprintf("%s  round %d, ingest at the vendor", indent, i+1), indent, r.asks)
		tellFaults(b, fmt.Sprintf("%s  round %d, preprocess at S3", indent, i+1), indent, r.preprocess)
	}
}

func tellFaults(b *strings.Builder, where, indent string, faults []fault) {
	for _, f := range faults {
		fmt.Fprintf(b, "%s, requests %d to %d: %s (wait %s, records %d)\n", where, f.at, f.run, f.kind, f.wait, f.records)
		if f.rival != nil {
			f.rival.tell(b, indent+"    ")
		}
	}
}

// newWorld makes the vendor of a history.
func newWorld(h *history) *world {
	w := &world{dialect: h.dialect, random: rand.New(rand.NewPCG(1, h.seed)), tokenLife: h.tokenLife, outages: h.outages, jams: h.jams}
	if h.family != nil {
		w.kin = &kin{family: *h.family, of: map[int][]int{}, refused: map[int]int{}, changes: map[int][]change{}, last: -1, committed: map[[2]int]time.Time{}}
	}
	w.populate(h.begin.Add(-h.genesis-h.past), h.end(), h.records, h.bursts)
	return w
}

// end is when no new records happen any more.
func (h *history) end() time.Time { return h.begin.Add(time.Duration(len(h.ticks)) * h.interval) }
