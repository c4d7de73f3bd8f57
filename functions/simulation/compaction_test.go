package simulation

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	_ "unsafe" // for go:linkname

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/format"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/preprocess"
	"github.com/windrow-data/windrow/functions/rawzone"
)

// The library makes decoders when pages are read, with channels in them, and keeps them for whoever reads next: that would be another bubble, in which
// a channel of the first cannot be used. So all pages are read with one decoder that was made in none.
//
//go:linkname codecs github.com/parquet-go/parquet-go.compressionCodecs
var codecs [format.Lz4Raw + 1]compress.Codec

type oneDecoder struct {
	compress.Codec
	decoder *zstd.Decoder
}

func (d oneDecoder) Decode(dst, src []byte) ([]byte, error) { return d.decoder.DecodeAll(src, dst[:0]) }

func shareDecoder() error {
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		return err
	}
	codecs[format.Zstd] = oneDecoder{codecs[format.Zstd], decoder}
	return nil
}

// act is what happens to a lake whose days are old enough to be compacted, some time after the act before.
type act struct {
	after time.Duration
	// noon has it begin in the hours in which preprocess does what it does once a day.
	noon bool
	// replaced is which of a stream's commits are replaced by a next generation of the same records, as where a person is forgotten: each whose
	// number it divides; 0 for none. What curated objects are made of them is made by what happens then.
	replaced int
	// days is what becomes of days.json, empty: nothing.
	days       string
	release    *release
	executions []*execution
}

// What becomes of days.json.
const (
	daysLost    = "days.json lost"
	daysDamaged = "days.json damaged"
)

// remaking is an execution that makes curated objects of a past range, and reads nothing.
const remaking = "(replay)"

// drawActs draws what happens to the days when they are old.
func drawActs(rt *rapid.T, s setting, h *history) (acts []act) {
	for range rapid.IntRange(1, 5).Draw(rt, "acts") {
		a := act{
			after:    rapid.SampledFrom([]time.Duration{17 * time.Minute, 5 * time.Minute, 12 * time.Hour, 4 * 24 * time.Hour}).Draw(rt, "after"),
			noon:     rapid.Bool().Draw(rt, "noon"),
			replaced: rapid.SampledFrom([]int{0, 1, 2, 5}).Draw(rt, "replaced"),
		}
		switch rapid.IntRange(0, 7).Draw(rt, "act") {
		case 5:
			a.days = daysLost
		case 6:
			a.days = daysDamaged
		case 7:
			a.release = &release{h.release.pageSize, rapid.Bool().Draw(rt, "wide")}
		}
		for range rapid.IntRange(1, 2).Draw(rt, "executions") {
			e := &execution{kind: rapid.SampledFrom([]string{byHand, byHand, remaking}).Draw(rt, "kind"), seed: rapid.Uint64().Draw(rt, "execution")}
			if e.kind == remaking {
				e.replay = rapid.SampledFrom([]preprocess.Replay{preprocess.ReplayMissing, preprocess.ReplayMissing, preprocess.ReplayAll}).Draw(rt, "replay")
			}
			for range rapid.IntRange(0, 2).Draw(rt, "rounds") {
				r := round{preprocess: drawFaults(rt, s, h, s.of(s3Faults), 60, 0)}
				for i := range r.preprocess {
					if f := &r.preprocess[i]; f.kind == rivalBefore || f.kind == rivalAfter {
						f.rival = &execution{kind: rapid.SampledFrom([]string{byHand, remaking}).Draw(rt, "rival"), seed: rapid.Uint64().Draw(rt, "execution")}
						f.rival.replaced = rapid.SampledFrom([]int{0, 1, 2}).Draw(rt, "rivalReplaced")
						if rapid.Bool().Draw(rt, "whereItMatters") {
							f.on = rapid.SampledFrom([]string{"PUT model/visits/compacted/", "PUT model/visits/days/", "LIST model/visits/dt=", "GET model/visits/dt="}).Draw(rt, "on")
						}
					}
				}
				e.rounds = append(e.rounds, r)
			}
			e.children = e.rounds
			a.executions = append(a.executions, e)
		}
		acts = append(acts, a)
	}
	return acts
}

// age lets the days become so old that they are compacted, and plays what happens then. In the end nothing is left to compact, and what was
// replaced is deleted.
func (p *play) age() error {
	if len(p.history.acts) == 0 {
		return nil
	}
	// The mark passes a day when it is three days old, or as old as the lookback.
	old := max(72*time.Hour, p.history.dialect.changing()+24*time.Hour)
	if f := p.history.family; f != nil {
		old = max(old, f.lookback+24*time.Hour)
	}
	for wait := time.Duration(0); wait < old+24*time.Hour; wait += 16 * time.Hour {
		time.Sleep(16 * time.Hour)
		if err := p.quiet(); err != nil {
			return err
		}
	}
	for _, a := range p.history.acts {
		time.Sleep(a.after)
		if a.noon {
			p.untilNoon()
		}
		if a.release != nil {
			p.mu.Lock()
			p.release = *a.release
			p.mu.Unlock()
		}
		for _, s := range p.streams {
			s.replaceCommits(a.replaced)
			s.harmDays(a.days)
		}
		for _, e := range a.executions {
			p.begins(e)
		}
		p.group.Wait()
		if p.broken() {
			return nil
		}
	}
	for range 2 {
		for _, s := range p.streams {
			s.remake(preprocess.ReplayMissing, nil)
		}
		time.Sleep(17 * time.Minute)
		if err := p.quiet(); err != nil {
			return err
		}
	}
	// What is done once a day is put off by as much as two days where another thing of that kind is due in each run of the hours for it.
	for range 3 {
		p.untilNoon()
		for range 4 {
			if err := p.quiet(); err != nil {
				return err
			}
			time.Sleep(29 * time.Minute)
		}
		time.Sleep(3 * 24 * time.Hour)
	}
	return nil
}

// untilNoon waits for the next time at which preprocess does what it does once a day.
func (p *play) untilNoon() {
	now := time.Now().UTC()
	noon := now.Truncate(24 * time.Hour).Add(12*time.Hour + time.Minute)
	for !noon.After(now) {
		noon = noon.Add(24 * time.Hour)
	}
	time.Sleep(noon.Sub(now))
}

// remake makes curated objects of all there is.
func (s *stream) remake(replay preprocess.Replay, rounds []round) {
	s.mu.Lock()
	running := s.release
	s.mu.Unlock()
	h := s.history
	past := preprocess.Past{Start: h.begin.Add(-h.genesis - h.past - 24*time.Hour), End: time.Now().UTC(), Replay: replay}
	for i := 0; i < longest && !s.broken(); i++ {
		var faults round
		if i < len(rounds) {
			faults = rounds[i]
		}
		answer, err := s.preprocess(time.Now().UTC(), running, faults, &past)
		if err != nil && len(rounds) == 0 {
			s.broke(fmt.Errorf("%w: making curated objects of the past failed without a fault: %v", errBreach, err))
		}
		if err != nil || !answer.More {
			return
		}
		past.Position = answer.Position
	}
}

// replaceCommits replaces each commit whose number one divides by a next generation of the same records.
func (s *stream) replaceCommits(divisor int) {
	if divisor == 0 {
		return
	}
	zone := s.zone(s.store)
	i := 0
	for ref := range zone.Commits(context.Background(), time.Time{}) {
		if i++; i%divisor > 0 {
			continue
		}
		commit, etag, err := zone.Commit(context.Background(), ref)
		if err != nil {
			s.broke(err)
			return
		}
		if commit.Records == 0 {
			continue
		}
		commit.Generation++
		if etag, err = zone.Put(context.Background(), commit, etag); err != nil {
			s.broke(err)
			return
		}
		s.mu.Lock()
		c := s.commits[ref.Key]
		c.Commit, c.past = *commit, true
		s.commits[ref.Key], s.generations[etag] = c, commit.Generation
		s.mu.Unlock()
		s.fault("(commit replaced when its day was old)")
	}
}

func (s *stream) harmDays(how string) {
	key := "model/" + s.name + "/days/days.json"
	body, there := s.store.Body("curated", key)
	if how == "" || !there {
		return
	}
	s.fault(how)
	s.mu.Lock()
	s.sides = map[string][]side{}
	s.mu.Unlock()
	if how == daysLost {
		s.store.Remove("curated", key)
		return
	}
	s.store.Set("curated", key, body[:len(body)/2])
}

// side is what a day is read from since a time: a compaction, or small objects where it is 0.
type side struct {
	compaction int64
	since      time.Time
}

// entry is what a reader needs of days.json, and whether a day is to be compacted again.
type entry struct {
	Day        string `json:"dt"`
	Compaction int64  `json:"compaction"`
	Stale      bool   `json:"stale"`
	Digest     string `json:"digest"`
	Columns    string `json:"columns"`
}

func entriesOf(body []byte) (map[string]entry, error) {
	all := map[string]entry{}
	for line := range bytes.Lines(body) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, err
		}
		all[e.Day] = e
	}
	return all, nil
}

// daysPut judges days.json at the moment at which a process has put it: a compaction that begins to count must have all its objects, and hold
// what the windows hold that have their receipts.
func (s *stream) daysPut(by *process, body []byte) error {
	entries, err := entriesOf(body)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, e := range entries {
		sides := s.sides[name]
		if len(sides) == 0 || sides[len(sides)-1].compaction != e.Compaction {
			s.sides[name] = append(sides, side{e.Compaction, time.Now()})
		}
		if e.Compaction == 0 || e.Stale || s.judged[name] == e {
			continue
		}
		s.judged[name] = e
		s.faults["(compaction)"]++
		if err := s.checkDay(e, false); err != nil {
			return fmt.Errorf("%s puts days.json with %s: %w", by.name, name, err)
		}
	}
	return nil
}

// deleted judges the deletion of a curated object: nobody may have been told to read it within two days.
func (s *stream) deleted(by *process, key string) error {
	names := curated.Names{Vendor: "model", Stream: s.name}
	of, compaction := "", int64(0)
	if o, ok := names.ParseCompacted(key); ok {
		of, compaction = o.Day, o.Compaction
	} else if w, ok := names.ObjectDay(key); ok {
		of = w
	} else {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sides := s.sides[of]
	if len(sides) == 0 {
		// It belongs to a window that is made again, or days.json is lost.
		return nil
	}
	last := sides[len(sides)-1]
	if compaction == 0 && last.compaction == 0 {
		return nil
	}
	for i, side := range sides {
		ended := time.Now()
		if i+1 < len(sides) {
			ended = sides[i+1].since
		}
		if side.compaction == compaction && ended.After(time.Now().Add(-48*time.Hour)) && (compaction > 0 || i+1 < len(sides)) {
			return fmt.Errorf("%s deletes %s, which was read until %s: %w", by.name, key, ended, errMissing)
		}
	}
	return nil
}

// row is a row of the lake as far as its place and its age go.
type row struct {
	ID         int64  `parquet:"id,optional"`
	Version    int64  `parquet:"version,optional"`
	Start      int64  `parquet:"windrow_window_start"`
	Generation int64  `parquet:"windrow_generation"`
	Part       string `parquet:"windrow_part"`
	Position   int64  `parquet:"windrow_position"`
	Compaction int64  `parquet:"windrow_compaction,optional"`
}

// newer orders rows as the view does, the newest of a key first.
func newer(a, b row) int {
	return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(b.Version, a.Version), cmp.Compare(b.Start, a.Start),
		cmp.Compare(b.Generation, a.Generation), cmp.Compare(b.Part, a.Part), cmp.Compare(b.Position, a.Position))
}

// folded keeps the newest row of each key.
func folded(rows []row) []row {
	slices.SortFunc(rows, newer)
	return slices.CompactFunc(rows, func(a, b row) bool { return a.ID == b.ID })
}

// rowsOf are the rows that a commit comes to.
func (s *stream) rowsOf(c *rawzone.Commit) (rows []row, err error) {
	for _, part := range c.Parts {
		body, _ := s.store.Body("raw", part.Key)
		text, err := gunzip(body)
		if err != nil {
			return nil, err
		}
		position := int64(0)
		for l := range bytes.Lines(text) {
			var r struct {
				ID, Version int64
				Score       json.RawMessage
			}
			if err := json.Unmarshal(l, &r); err != nil {
				return nil, err
			}
			if !bytes.HasPrefix(r.Score, []byte(`"`)) {
				rows = append(rows, row{r.ID, r.Version, c.Start.UnixMicro(), int64(c.Generation), part.Key, position, 0})
			}
			position++
		}
	}
	return rows, nil
}

// checkDay compares the compaction of a day that counts with what its windows come to. Unless all of it is over, only a day is judged of which each
// window has its receipt, since one that has none yet is about to make the day stale.
func (s *stream) checkDay(e entry, over bool) error {
	names := curated.Names{Vendor: "model", Stream: s.name}
	from, err := time.Parse(time.DateOnly, e.Day)
	if err != nil {
		return err
	}
	var want []row
	for key, c := range s.commits {
		if c.Start.Before(from) || !c.Start.Before(from.Add(24*time.Hour)) || c.Records == 0 && c.Generation == 1 {
			continue
		}
		body, _ := s.store.Body("raw", key)
		if _, there := s.store.Body("curated", names.Receipt(rawzone.FormatTime(c.Start), etagOf(body), e.Columns)); !there && !over {
			return nil
		}
		rows, err := s.rowsOf(&c.Commit)
		if err != nil {
			return err
		}
		want = append(want, rows...)
	}
	want = folded(want)
	var got []row
	sets := map[string]int{}
	for _, key := range s.store.Keys("curated", names.CompactedOn(e.Day)) {
		o, ok := names.ParseCompacted(key)
		if !ok || o.Compaction != e.Compaction {
			continue
		}
		body, _ := s.store.Body("curated", key)
		rows, err := parquet.Read[row](bytes.NewReader(body), int64(len(body)))
		if err != nil {
			return fmt.Errorf("object %s: %w", key, err)
		}
		for _, r := range rows {
			if r.Compaction != e.Compaction {
				return fmt.Errorf("object %s holds a row of compaction %d", key, r.Compaction)
			}
			r.Compaction = 0
			got = append(got, r)
		}
		if !slices.IsSortedFunc(rows, func(a, b row) int { return cmp.Compare(a.ID, b.ID) }) {
			return fmt.Errorf("object %s is not sorted", key)
		}
		sets[fmt.Sprintf("%s of %d", o.Digest, o.Of)]++
	}
	if len(sets) > 1 {
		return fmt.Errorf("compaction %d of %s has objects of several sets: %v: %w", e.Compaction, e.Day, sets, errTwice)
	}
	if got = folded(got); !slices.Equal(got, want) {
		return fmt.Errorf("compaction %d of %s holds %v, want %v: %w", e.Compaction, e.Day, got, want, errMissing)
	}
	return nil
}

// checkCompacted compares the days that are compacted with their windows, when nothing is left to compact, and returns them.
func (s *stream) checkCompacted() (map[string]entry, error) {
	names := curated.Names{Vendor: "model", Stream: s.name}
	body, _ := s.store.Body("curated", names.Days())
	entries, err := entriesOf(body)
	if err != nil {
		return nil, fmt.Errorf("days.json: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		e := entries[name]
		if e.Compaction == 0 && !e.Stale {
			return nil, fmt.Errorf("%s is neither compacted nor to be", name)
		}
		if len(s.history.acts) == 0 {
			// The mark may be behind it.
			if e.Compaction == 0 || e.Stale {
				continue
			}
		}
		if e.Stale {
			return nil, fmt.Errorf("%s is to be compacted still: %w", name, errLate)
		}
		if err := s.checkDay(e, true); err != nil {
			return nil, err
		}
		for _, key := range s.store.Keys("curated", names.CompactedOn(name)) {
			if o, ok := names.ParseCompacted(key); len(s.history.acts) > 0 && !s.history.replay && (!ok || o.Compaction != e.Compaction) {
				return nil, fmt.Errorf("object %s is replaced, and there still: %w", key, errLate)
			}
		}
	}
	for _, key := range s.store.Keys("curated", names.Compacted()) {
		o, _ := names.ParseCompacted(key)
		if _, there := entries[o.Day]; !there {
			return nil, fmt.Errorf("object %s is of a day that days.json does not have: %w", key, errMissing)
		}
	}
	return entries, nil
}

// tell tells an act.
func (a act) tell(b *strings.Builder) {
	fmt.Fprintf(b, "old days: after %s (noon %t), every %d. commit replaced, %s", a.after, a.noon, a.replaced, a.days)
	if a.release != nil {
		fmt.Fprintf(b, ", release wide %t", a.release.wide)
	}
	b.WriteByte('\n')
	for _, e := range a.executions {
		e.tell(b, "  ")
	}
}

// warmCompaction makes a compaction of an object, so that what compresses it is made in no bubble.
func warmCompaction(table *curated.Table, d dialect, object []byte) error {
	compaction, err := table.NewCompaction(&d.describe(release{pageSize: 1}).Streams[0])
	if err != nil {
		return err
	}
	sorter := compaction.NewSorter(1, nil)
	if _, err := sorter.Add(context.Background(), bytes.NewReader(object), int64(len(object))); err != nil {
		return err
	}
	_, err = sorter.WriteTo(context.Background(), &bytes.Buffer{})
	return err
}

// olderHistory has a history begin so long before the days get old that each has several windows.
func olderHistory(h *history) {
	h.outages, h.jams = nil, nil
	h.interval, h.timeout, h.latency, h.partBytes = 30*time.Minute, 15*time.Minute, 5*time.Millisecond, 3000
	random := rand.New(rand.NewPCG(1, h.seed))
	for len(h.acts) < 3 {
		h.acts = append(h.acts, act{after: 17 * time.Minute, replaced: 1 + random.IntN(2), executions: []*execution{{kind: byHand}}})
	}
}

// contended is such a history in which windows are replaced and made while their day's compaction is about to be put.
func contended(h *history) {
	olderHistory(h)
	for i := range h.acts {
		h.acts[i] = act{after: 17 * time.Minute}
		for _, kind := range []string{remaking, byHand} {
			h.acts[i].executions = append(h.acts[i].executions, contendedBy(kind, time.Duration(i)))
		}
	}
}

func contendedBy(kind string, i time.Duration) *execution {
	rival := &execution{kind: remaking, replaced: 1}
	return &execution{kind: kind, after: i * time.Second, rounds: []round{{preprocess: []fault{
		{on: "PUT model/visits/compacted/", kind: rivalBefore, wait: 5 * time.Minute, rival: rival},
	}}}}
}
