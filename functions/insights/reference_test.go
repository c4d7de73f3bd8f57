package insights_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// The reference is the insights once more, in Go, over what the vendor's own records say: plain loops that share nothing with the SQL. A
// file for each vendor makes a [webinars] of its records.

// address is an e-mail address as the lake has it: its digest, and nothing in place of none.
type address string

func (a *address) UnmarshalJSON(value []byte) error {
	var text string
	if err := json.Unmarshal(value, &text); err != nil || text == "" {
		return err
	}
	*a = address(testKey.Digest(text))
	return nil
}

type event struct {
	id, webinar, title, topic string
	starts, ends, local       time.Time
	minutes                   int
	test, held                bool
	told                      int
}

type registration struct {
	event, id, visitor, person          string
	contact, company, jobTitle, profile string
	at                                  time.Time
	status                              string
}

type attendance struct {
	event, visitor, person, mode string
	joined, left                 time.Time
	seconds                      int
	score                        *float64
}

type interaction struct {
	event, visitor, person, kind, what, text string
	at                                       time.Time
	answered                                 bool
	times                                    int
}

type webinars struct {
	events        map[string]event
	registrations []registration
	attendances   []attendance
	interactions  []interaction
}

// orNil is nil for a value that is not there.
func orNil[T comparable](value T) any {
	var none T
	if value == none {
		return nil
	}
	return value
}

func round(value float64, digits int) float64 {
	unit := math.Pow(10, float64(digits))
	return math.Round(value*unit) / unit
}

// unwanted are the people whom nobody may write to.
func (w *webinars) unwanted() map[string]bool {
	people, kept := map[string]bool{}, map[string]bool{}
	for _, r := range w.registrations {
		kept[r.person] = kept[r.person] || r.status != "deleted"
	}
	for _, r := range w.registrations {
		if r.person != "" && (r.status == "forgotten" || r.status == "blocked" || !kept[r.person]) {
			people[r.person] = true
		}
	}
	return people
}

// newest is each person's newest registration.
func (w *webinars) newest() map[string]registration {
	of := map[string]registration{}
	for _, r := range w.registrations {
		before, seen := of[r.person]
		if r.person != "" && (!seen || cmp.Or(before.at.Compare(r.at), strings.Compare(before.event, r.event), strings.Compare(before.id, r.id)) < 0) {
			of[r.person] = r
		}
	}
	return of
}

// turnout is what came of an event.
type turnout struct {
	event
	registered, came, watched, stayed, asked, downloaded, questions, seconds, scored int
	scores                                                                           float64
}

func (w *webinars) turnouts() (all []turnout) {
	for _, e := range w.events {
		if !e.held || e.test {
			continue
		}
		t := turnout{event: e}
		registered, live, watched, asked, downloaded := map[string]bool{}, map[string]int{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
		scores := map[string]float64{}
		for _, r := range w.registrations {
			if r.event == e.id && r.status != "denied" {
				registered[r.visitor] = true
			}
		}
		for _, a := range w.attendances {
			if a.event != e.id {
				continue
			}
			if a.mode == "on demand" {
				watched[a.visitor] = true
				continue
			}
			live[a.visitor] += a.seconds
			if a.score != nil {
				scores[a.visitor] = *a.score
			}
		}
		for _, i := range w.interactions {
			switch {
			case i.event != e.id:
			case i.kind == "question":
				t.questions++
				if i.visitor == "" {
					t.asked++
				} else {
					asked[i.visitor] = true
				}
			case i.kind == "download":
				downloaded[i.visitor] = true
			}
		}
		for _, seconds := range live {
			t.seconds += seconds
			if e.minutes > 0 && float64(seconds) >= 0.75*60*float64(e.minutes) {
				t.stayed++
			}
		}
		for _, score := range scores {
			t.scores += score
			t.scored++
		}
		t.registered, t.came, t.watched = max(len(registered), e.told), len(live), len(watched)
		t.asked, t.downloaded = t.asked+len(asked), len(downloaded)
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b turnout) int { return cmp.Or(b.starts.Compare(a.starts), strings.Compare(a.id, b.id)) })
	return all
}

func (w *webinars) attendanceFunnel() (rows [][]any) {
	for _, t := range w.turnouts() {
		rows = append(rows, []any{t.id, t.title, stamp(t.starts), t.registered, t.came, t.stayed, t.asked, t.downloaded, t.watched})
	}
	return rows
}

// summed adds turnouts up by what by gives.
func (w *webinars) summed(by func(turnout) string) (sums map[string]turnout, count map[string]int) {
	sums, count = map[string]turnout{}, map[string]int{}
	for _, t := range w.turnouts() {
		name := by(t)
		s := sums[name]
		s.registered, s.came, s.questions = s.registered+t.registered, s.came+t.came, s.questions+t.questions
		s.seconds, s.scores, s.scored = s.seconds+t.seconds, s.scores+t.scores, s.scored+t.scored
		sums[name] = s
		count[name]++
	}
	return sums, count
}

func (t turnout) averageMinutes() any {
	if t.came == 0 {
		return nil
	}
	return round(float64(t.seconds)/60/float64(t.came), 1)
}

func (w *webinars) topics() (rows [][]any) {
	sums, count := w.summed(func(t turnout) string { return t.topic })
	for topic, t := range sums {
		var score any
		if t.scored > 0 {
			score = round(t.scores/float64(t.scored), 1)
		}
		rows = append(rows, []any{topic, count[topic], t.registered, t.came, t.averageMinutes(), score, t.questions})
	}
	slices.SortFunc(rows, func(a, b []any) int {
		return cmp.Or(cmp.Compare(b[3].(int), a[3].(int)), strings.Compare(a[0].(string), b[0].(string)))
	})
	return rows
}

func (w *webinars) monthlyTrend() (rows [][]any) {
	sums, count := w.summed(func(t turnout) string { return t.local.Format("2006-01") })
	var registeredBefore, cameBefore any
	for _, month := range slices.Sorted(maps.Keys(sums)) {
		t := sums[month]
		var share any
		if t.registered > 0 {
			share = round(float64(t.came)/float64(t.registered), 3)
		}
		rows = append(rows, []any{month, count[month], t.registered, t.came, share, t.averageMinutes(), t.questions, registeredBefore, cameBefore})
		registeredBefore, cameBefore = t.registered, t.came
	}
	return rows
}

// lead is what is known of a person.
type lead struct {
	person                                         string
	seen                                           time.Time
	seconds                                        map[string]int
	score                                          *float64
	questions, downloads, clicks                   int
	calls                                          map[string]bool
	watched, length, points                        int
	contact, company, jobTitle, profile, reasonsOf string
}

func (w *webinars) leads() (rows [][]any) {
	people := map[string]*lead{}
	of := func(person string) *lead {
		if people[person] == nil {
			people[person] = &lead{person: person, seconds: map[string]int{}, calls: map[string]bool{}}
		}
		return people[person]
	}
	var newest time.Time
	saw := func(l *lead, at time.Time) {
		if at.After(l.seen) {
			l.seen = at
		}
		if at.After(newest) {
			newest = at
		}
	}
	for _, a := range w.attendances {
		if a.person == "" || w.events[a.event].test {
			continue
		}
		l := of(a.person)
		l.seconds[a.event] += a.seconds
		saw(l, a.left)
		if a.score != nil && (l.score == nil || *a.score > *l.score) {
			l.score = a.score
		}
	}
	for _, i := range w.interactions {
		if i.person == "" || w.events[i.event].test {
			continue
		}
		l := of(i.person)
		saw(l, i.at)
		switch i.kind {
		case "question":
			l.questions++
		case "download":
			l.downloads++
		case "call_to_action":
			l.clicks += i.times
			l.calls[i.what] = true
		}
	}
	unwanted, registered := w.unwanted(), w.newest()
	var all []*lead
	for _, l := range people {
		if len(l.seconds) == 0 || unwanted[l.person] {
			continue
		}
		r := registered[l.person]
		l.contact, l.company, l.jobTitle, l.profile = r.contact, r.company, r.jobTitle, r.profile
		w.judge(l, newest)
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b *lead) int {
		return cmp.Or(cmp.Compare(b.points, a.points), b.seen.Compare(a.seen), strings.Compare(a.person, b.person))
	})
	for _, l := range all[:min(len(all), 500)] {
		seconds := 0
		for _, s := range l.seconds {
			seconds += s
		}
		var score any
		if l.score != nil {
			score = *l.score
		}
		rows = append(rows, []any{l.person, orNil(l.contact), orNil(l.company), orNil(l.jobTitle), stamp(l.seen), len(l.seconds), seconds / 60, score,
			l.questions, l.downloads, l.clicks, l.points, l.reasonsOf, orNil(l.profile)})
	}
	return rows
}

// judge gives a lead its points and says why.
func (w *webinars) judge(l *lead, newest time.Time) {
	seconds, lengthKnown := 0, true
	for id, s := range l.seconds {
		seconds += s
		watched := s / 60
		if minutes := w.events[id].minutes; minutes > 0 {
			watched = min(watched, minutes)
			l.length += minutes
		} else {
			lengthKnown = false
		}
		l.watched += watched
	}
	if l.score != nil {
		l.points += int(math.Round(3 * *l.score))
	}
	l.points += min(seconds/60/5, 24) + min(10*len(l.calls), 30) + min(5*l.questions, 15) + min(3*l.downloads, 9)
	within := 0
	switch days := newest.Sub(l.seen).Hours() / 24; {
	case days <= 7:
		l.points, within = l.points+20, 7
	case days <= 30:
		l.points, within = l.points+10, 30
	}
	plural := func(n int, one string) string {
		if n == 1 {
			return fmt.Sprintf("1 %s", one)
		}
		return fmt.Sprintf("%d %ss", n, one)
	}
	var reasons []string
	if len(l.calls) > 0 {
		reasons = append(reasons, "clicked "+strings.Join(slices.Sorted(maps.Keys(l.calls)), ", "))
	}
	if l.questions > 0 {
		reasons = append(reasons, "asked "+plural(l.questions, "question"))
	}
	if l.downloads > 0 {
		reasons = append(reasons, "downloaded "+plural(l.downloads, "resource"))
	}
	watched := fmt.Sprintf("watched %d", l.watched)
	if lengthKnown {
		watched += fmt.Sprintf(" of %d", l.length)
	}
	watched += " minutes"
	if len(l.seconds) > 1 {
		watched += fmt.Sprintf(" in %d webinars", len(l.seconds))
	}
	reasons = append(reasons, watched)
	if l.score != nil {
		reasons = append(reasons, fmt.Sprintf("scored %.1f of 10", *l.score))
	}
	if within > 0 {
		reasons = append(reasons, fmt.Sprintf("seen in the last %d days", within))
	}
	l.reasonsOf = strings.Join(reasons, "; ")
}

func (w *webinars) noShows() (rows [][]any) {
	came := map[[2]string]bool{}
	for _, a := range w.attendances {
		came[[2]string{a.event, a.visitor}] = true
	}
	unwanted := w.unwanted()
	var all []registration
	for _, r := range w.registrations {
		e := w.events[r.event]
		if e.held && !e.test && (r.status == "active" || r.status == "waiting") && !unwanted[r.person] && !came[[2]string{r.event, r.visitor}] {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b registration) int {
		return cmp.Or(w.events[b.event].starts.Compare(w.events[a.event].starts), strings.Compare(a.event, b.event), a.at.Compare(b.at), strings.Compare(a.id, b.id))
	})
	for _, r := range all {
		e := w.events[r.event]
		rows = append(rows, []any{e.id, e.title, stamp(e.starts), orNil(r.person), orNil(r.contact), orNil(r.company), orNil(r.jobTitle), stamp(r.at), r.id})
	}
	return rows
}

func (w *webinars) openQuestions() (rows [][]any) {
	unwanted := w.unwanted()
	var all []interaction
	for _, i := range w.interactions {
		e, known := w.events[i.event]
		if i.kind == "question" && known && !e.test && !i.answered && strings.Trim(i.text, " ") != "" && !unwanted[i.person] {
			all = append(all, i)
		}
	}
	// Nobody comes after everybody.
	last := func(person string) string { return cmp.Or(person, "\U0010FFFF") }
	slices.SortFunc(all, func(a, b interaction) int {
		return cmp.Or(b.at.Compare(a.at), strings.Compare(a.event, b.event), strings.Compare(last(a.person), last(b.person)), strings.Compare(a.text, b.text))
	})
	for _, i := range all {
		rows = append(rows, []any{i.event, w.events[i.event].title, stamp(i.at), orNil(i.person), i.text})
	}
	return rows
}

func (w *webinars) audienceOverlap() (rows [][]any) {
	audience := map[string]map[string]bool{}
	for _, a := range w.attendances {
		if e, known := w.events[a.event]; a.person == "" || !known || e.test {
			continue
		}
		if audience[a.event] == nil {
			audience[a.event] = map[string]bool{}
		}
		audience[a.event][a.person] = true
	}
	ids := slices.Collect(maps.Keys(audience))
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(w.events[a].starts.Compare(w.events[b].starts), strings.Compare(a, b))
	})
	for i, a := range ids {
		for _, b := range ids[i+1:] {
			both := 0
			for person := range audience[a] {
				if audience[b][person] {
					both++
				}
			}
			if both == 0 {
				continue
			}
			share := round(float64(both)/float64(min(len(audience[a]), len(audience[b]))), 3)
			rows = append(rows, []any{a, w.events[a].title, b, w.events[b].title, len(audience[a]), len(audience[b]), both, share})
		}
	}
	slices.SortFunc(rows, func(a, b []any) int {
		return cmp.Or(cmp.Compare(b[6].(int), a[6].(int)), cmp.Compare(b[7].(float64), a[7].(float64)),
			strings.Compare(a[0].(string), b[0].(string)), strings.Compare(a[2].(string), b[2].(string)))
	})
	return rows[:min(len(rows), 500)]
}

// answers are all of the insights over the model, by their names.
func (w *webinars) answers() map[string][][]any {
	return map[string][][]any{
		"attendance_funnel": w.attendanceFunnel(),
		"topics":            w.topics(),
		"leads":             w.leads(),
		"no_shows":          w.noShows(),
		"open_questions":    w.openQuestions(),
		"audience_overlap":  w.audienceOverlap(),
		"monthly_trend":     w.monthlyTrend(),
	}
}
