package vendortest

import (
	"slices"
	"time"
)

// webinar is one event of ON24's world.
type webinar struct {
	id                  int64
	number              int
	start, end          time.Time
	created             time.Time
	attendees           int
	registrants         int
	title, campaign     string
	presenter           string
	presenterID         int64
	watched, recordings []time.Time
	signedUp            []time.Time
}

const (
	// signupWeeks is how long before a webinar people begin to sign up.
	signupWeeks = 4 * 7 * 24 * time.Hour
	// attendance is the part of the registrants of a webinar that comes to it.
	attendance = 0.62
	// doorsOpen is how long before its start a webinar can be entered.
	doorsOpen = 15 * time.Minute
)

var (
	titles = []string{"Spring product update", "Security for \"everyone\"", "Données & décisions", "Market outlook:\nyour questions", "クラウド入門", "Ask me anything 🎤"}
	// categories are what organizers file them under; one of them under nothing.
	categories = map[string]string{titles[0]: "Product", titles[1]: "Security", titles[2]: "Data", titles[3]: "Product", titles[4]: "Cloud"}
	presenters = []string{"Lee Park", "Ana \"Nina\" Díaz", "Wei 王"}
)

// agenda lays out the webinars of a world: in each day two large ones whose bursts are the day's load, four
// small ones, and hours with none; after the last day a few to which people already sign up.
func agenda(o Size) []*webinar {
	d := newDice(o.Seed, 2)
	var all []*webinar
	add := func(start time.Time, length time.Duration, attendees int) {
		n := len(all)
		all = append(all, &webinar{
			id: 4501001 + int64(n)*137, number: n, start: start, end: start.Add(length),
			created:   start.Add(-signupWeeks - d.upTo(10*24*time.Hour)),
			attendees: attendees, registrants: int(float64(attendees)/attendance) + 1,
			title: pick(d, titles), campaign: pick(d, []string{"CMP-77", "CMP-78", ""}),
			presenter: pick(d, presenters), presenterID: 5500001 + int64(d.IntN(3)),
		})
	}
	starts, lengths := days(o)
	for i, first := range starts {
		span := lengths[i]
		// A webinar takes an hour and starts on the half hour; in a day cut short both shrink with it.
		length, grid := time.Hour, 30*time.Minute
		if span < 12*time.Hour {
			length, grid = max(span/12, time.Second).Truncate(time.Second), time.Second
		}
		at := func(part float64) time.Time {
			return first.Add(time.Duration(part * float64(span))).Truncate(grid)
		}
		small := max(3, o.Attendees/1000)
		add(at(0.09), length, small)
		add(at(0.48), length/2, small)
		add(at(0.55), length, o.Attendees-o.Attendees/2)
		add(at(0.63), length, small)
		add(at(0.72), length, o.Attendees/2)
		add(at(0.86), length/2, small)
	}
	for _, ahead := range []time.Duration{17 * time.Hour, 65 * time.Hour, 90 * time.Hour} {
		add(o.Until.Add(ahead).Truncate(30*time.Minute), time.Hour, max(3, o.Attendees/20))
	}
	return all
}

// visit is what one registrant does at a webinar. A zero time is something that did not happen.
type visit struct {
	join, leave                               time.Time
	polled, surveyed, downloaded, clicked     time.Time
	liked, asked                              time.Time
	replayed, replayEnd, secondReplay, seenTo time.Time
	questionID                                int64
	question                                  string
	answered                                  bool
}

// live reports whether the visitor has been at the webinar itself by seenTo.
func (v *visit) live() bool { return !v.join.IsZero() && !v.join.After(v.seenTo) }

// by reports whether something has happened by seenTo.
func (v *visit) by(t time.Time) bool { return !t.IsZero() && !t.After(v.seenTo) }

var questionTexts = []string{
	"Recorded?", "Will the slides be shared?\nThanks!", "What about \"edge\" cases, e.g. C:\\temp?", "¿Y en español?", "日本語でもいいですか？", "👍👍", "",
	"A longer question that goes on for a while: how does this compare with what we do today, and what would have to change first?",
}

// attends draws what a live attendee does. Four of five stay to the end and leave in the last minute, half
// of them as the room is closed, in its last five seconds.
func (w *webinar) attends(d dice) visit {
	length := w.end.Sub(w.start)
	open := min(doorsOpen, length/4)
	v := visit{join: w.start.Add(-open + min(d.about(open), length/2))}
	if d.chance(0.8) {
		last := min(time.Minute, length/4)
		if d.chance(0.5) {
			last = min(5*time.Second, last)
		}
		v.leave = w.end.Add(-1 - d.upTo(last))
	} else {
		v.leave = v.join.Add(1 + d.upTo(w.end.Sub(v.join)-time.Second))
	}
	during := func(p float64) time.Time {
		if !d.chance(p) {
			return time.Time{}
		}
		return v.join.Add(d.upTo(v.leave.Sub(v.join)))
	}
	v.polled, v.surveyed, v.downloaded, v.clicked, v.liked = during(0.5), during(0.2), during(0.3), during(0.1), during(0.25)
	v.asked = during(0.06)
	return v
}

// replays draws whether and when somebody watches the recording, hours later and perhaps twice.
func (w *webinar) replays(d dice, v *visit, p float64, until time.Time) {
	if !d.chance(p) {
		return
	}
	length := w.end.Sub(w.start)
	at := w.end.Add(length/2 + d.about(5*length))
	end := at.Add(d.upTo(length) + 1)
	if quiet(at) || !end.Before(until) {
		return
	}
	v.replayed, v.replayEnd = at, end
	if again := end.Add(d.about(2 * length)); d.chance(0.2) && !quiet(again) && again.Before(until) {
		v.secondReplay = again
	}
}

// moments returns when the visitor's record changes, in order: sometimes during the webinar, at leaving it, and with
// each viewing of the recording.
func (v *visit) moments(d dice) []time.Time {
	var all []time.Time
	if !v.join.IsZero() {
		if at := v.join.Add(d.upTo(v.leave.Sub(v.join))); d.chance(0.08) && at.Before(v.leave) {
			all = append(all, at)
		}
		all = append(all, v.leave)
	}
	for _, at := range []time.Time{v.replayEnd, v.secondReplay} {
		if !at.IsZero() {
			all = append(all, at)
		}
	}
	return all
}

// signsUp draws when somebody signs up: few early, most in the last days, some in the last hour; not
// in the quiet hours, and not from until on.
func (w *webinar) signsUp(d dice, until time.Time) (time.Time, bool) {
	before := d.about(5 * 24 * time.Hour)
	for before > signupWeeks {
		before = d.about(5 * 24 * time.Hour)
	}
	at := w.start.Add(-doorsOpen - before - 1)
	if quiet(at) {
		at = at.Add(-3 * time.Hour)
	}
	return at, at.Before(until)
}

// countBy returns how many of the sorted times are no later than t.
func countBy(times []time.Time, t time.Time) int64 {
	n, _ := slices.BinarySearchFunc(times, t, func(a, b time.Time) int {
		if a.After(b) {
			return 1
		}
		return -1
	})
	return int64(n)
}
