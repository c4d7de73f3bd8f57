package alarms

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Change is one change of an alarm's state.
type Change struct {
	At    time.Time
	Alarm string
	From  State
	To    State
	// Reason says in words what was found, with the values, the oldest first.
	Reason string
	// Told are the ARNs that the alarm tells of it.
	Told []string
}

// Result is what alarms have done over a span of time.
type Result struct {
	// Changes are in the order in which they happened; of one time, metric alarms come before composite ones.
	Changes []Change
	// States are the last ones, by the names of the alarms.
	States map[string]State
}

// Tripped returns the names of the alarms that went to ALARM at any time, sorted.
func (r Result) Tripped() []string {
	names := map[string]bool{}
	for _, change := range r.Changes {
		if change.To == InAlarm {
			names[change.Alarm] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Evaluate goes over alarms that are made at from, in INSUFFICIENT_DATA, and evaluates them at each step after from, up to and
// including until. CloudWatch's step is a minute, which from and step have to be multiples of; a longer one is quicker and
// sees changes later. As CloudWatch does,
//
//   - it looks at periods that end where it evaluates: "at the end of minute 5 the alarm evaluates based on data from minutes
//     1 to 5. Then at the end of minute 6, [...] minutes 2 to 6". Points from before the alarm was made count;
//   - it evaluates an alarm that spans more than a day once an hour, by the data up to the full hour;
//   - it evaluates composite alarms after those that they name, and has actions taken on changes only.
//
// Unlike CloudWatch, every point is there at once: nothing is evaluated before a late one has arrived. The error tells
// everything that is wrong with the alarms.
func Evaluate(alarms Alarms, store *Store, from, until time.Time, step time.Duration) (Result, error) {
	if step < time.Minute || step%time.Minute != 0 || !from.Truncate(time.Minute).Equal(from) {
		return Result{}, fmt.Errorf("alarms cannot be evaluated every %s from %s on: want full minutes, as CloudWatch has", step, from.Format(time.RFC3339Nano))
	}
	watches, composites, err := prepare(alarms, store)
	if err != nil {
		return Result{}, err
	}
	result := Result{States: map[string]State{}}
	for _, w := range watches {
		result.States[w.alarm.Name] = InsufficientData
	}
	for _, c := range composites {
		result.States[c.alarm.Name] = InsufficientData
	}
	for now := from.Add(step); !now.After(until); now = now.Add(step) {
		for _, w := range watches {
			found := w.judge(w.values(w.end(now)), result.States[w.alarm.Name])
			result.change(now, w.alarm.Name, found.state, w.alarm.Actions, func() string { return w.reason(found) })
		}
		for _, c := range composites {
			to := OK
			if c.rule.holds(result.States) {
				to = InAlarm
			}
			result.change(now, c.alarm.Name, to, c.alarm.Actions, func() string { return c.reason(result.States) })
		}
	}
	return result, nil
}

func (r *Result) change(at time.Time, name string, to State, actions Actions, reason func() string) {
	from := r.States[name]
	if from == to {
		return
	}
	r.States[name] = to
	r.Changes = append(r.Changes, Change{At: at, Alarm: name, From: from, To: to, Reason: reason(), Told: actions.on(to)})
}

// watch is a metric alarm made ready.
type watch struct {
	alarm   MetricAlarm
	program program
	// points are those of the queries that are metrics, by their ids.
	points map[string][]point
}

// composite is a composite alarm made ready.
type composite struct {
	alarm CompositeAlarm
	rule  rule
}

// prepare checks the alarms and puts the composite ones in an order in which each comes after those that it names.
func prepare(alarms Alarms, store *Store) ([]*watch, []composite, error) {
	var faults []error
	var watches []*watch
	known := map[string]bool{}
	for _, a := range alarms.Metric {
		w, err := newWatch(a, store)
		if err == nil && known[a.Name] {
			err = errors.New("another alarm has the same name")
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("alarm %s: %w", a.Name, err))
		}
		known[a.Name] = true
		watches = append(watches, w)
	}
	waiting := map[string]composite{}
	for _, a := range alarms.Composite {
		parsed, err := parseRule(a.Rule)
		if err == nil && known[a.Name] {
			err = errors.New("another alarm has the same name")
		}
		known[a.Name] = true
		if err != nil {
			faults = append(faults, fmt.Errorf("alarm %s: %w", a.Name, err))
			continue
		}
		waiting[a.Name] = composite{a, parsed}
	}
	for _, name := range slices.Sorted(maps.Keys(waiting)) {
		for _, needed := range waiting[name].rule.needs {
			if !known[needed] {
				faults = append(faults, fmt.Errorf("alarm %s: AlarmRule names %q: want an alarm of the template", name, needed))
			}
		}
	}
	if len(faults) > 0 {
		return nil, nil, errors.Join(faults...)
	}
	composites, err := inOrder(waiting)
	return watches, composites, err
}

func inOrder(waiting map[string]composite) (ordered []composite, err error) {
	for len(waiting) > 0 {
		before := len(waiting)
		for _, name := range slices.Sorted(maps.Keys(waiting)) {
			needsWaiting := slices.ContainsFunc(waiting[name].rule.needs, func(needed string) bool {
				_, waits := waiting[needed]
				return waits
			})
			if !needsWaiting {
				ordered = append(ordered, waiting[name])
				delete(waiting, name)
			}
		}
		if len(waiting) == before {
			return nil, fmt.Errorf("composite alarms %s: each waits for another of them, and CloudWatch would evaluate none",
				strings.Join(slices.Sorted(maps.Keys(waiting)), ", "))
		}
	}
	return ordered, nil
}

func newWatch(a MetricAlarm, store *Store) (*watch, error) {
	faults := a.check()
	program, err := compile(a.Queries, a.Watched)
	if err = errors.Join(append(faults, err)...); err != nil {
		return nil, err
	}
	w := &watch{alarm: a, program: program, points: map[string][]point{}}
	for _, q := range a.Queries {
		if q.Expression == "" {
			w.points[q.ID] = store.series[q.Metric.key()]
		}
	}
	return w, nil
}

// end is up to where data is looked at now. An alarm that spans more than a day goes by the full hour, so that looking more
// often changes nothing: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html#evaluate-multiday-alarm.
func (w *watch) end(now time.Time) time.Time {
	if w.alarm.Period*time.Duration(w.alarm.EvaluationPeriods) > 24*time.Hour {
		return now.Truncate(time.Hour)
	}
	return now
}

// values are those of the periods up to end, the oldest first.
func (w *watch) values(end time.Time) series {
	s := scope{w.alarm.RangePeriods, map[string]operand{}}
	for _, step := range w.program.steps {
		if step.query.Expression != "" {
			s.values[step.query.ID] = step.node.eval(s)
			continue
		}
		s.values[step.query.ID] = s.each(func(i int) float64 {
			start := end.Add(-w.alarm.Period * time.Duration(s.periods-i))
			value, ok := step.query.Statistic.of(within(w.points[step.query.ID], start, w.alarm.Period))
			if !ok {
				return missing
			}
			return value
		})
	}
	return s.values[w.alarm.Watched].list[0]
}

// finding is what an evaluation came to.
type finding struct {
	state State
	// used are the values that it goes by, the oldest first.
	used []float64
	// filled is how many more were taken from TreatMissingData.
	filled int
	// old says that the values breach for so long that the missing ones after them do not matter.
	old bool
}

// judge decides on the state by the values of the evaluation range.
//
// As many real values as EvaluationPeriods are enough, the most recent ones, and missing data does not matter. With fewer,
// all of them count, and the rest is filled in. With missing and ignore nothing can be filled in:
//
//   - one value that does not breach is enough for OK, unless DatapointsToAlarm breach;
//   - where all breach, the alarm goes off once the oldest is DatapointsToAlarm periods old ("premature alarm state"), but
//     ignore keeps the state. The text says so of breaching values after others too, the tables and experiments do not:
//     https://github.com/awsdocs/amazon-cloudwatch-user-guide/issues/129;
//   - younger ones alone "do not go immediately into ALARM state", so the state stays what it is.
func (w *watch) judge(values series, current State) finding {
	a := w.alarm
	found := finding{state: current}
	oldest := 0 // in periods, one for the most recent
	for i := len(values) - 1; i >= 0 && len(found.used) < a.EvaluationPeriods; i-- {
		if !isMissing(values[i]) {
			found.used = append(found.used, values[i])
			oldest = len(values) - i
		}
	}
	slices.Reverse(found.used)
	found.filled = a.EvaluationPeriods - len(found.used)
	breaching := 0
	for _, value := range found.used {
		if a.Comparison.breaches(value, a.Threshold) {
			breaching++
		}
	}
	if found.filled > 0 && a.MissingData == MissingIsBreaching {
		breaching += found.filled
	}
	decided := found.filled == 0 || a.MissingData == MissingIsBreaching || a.MissingData == MissingIsNotBreaching
	switch {
	case breaching >= a.DatapointsToAlarm:
		found.state = InAlarm
	case decided || breaching < len(found.used):
		found.state = OK
	case a.MissingData == MissingIsIgnored:
	case len(found.used) == 0:
		found.state = InsufficientData
	case oldest >= a.DatapointsToAlarm:
		found.state, found.old = InAlarm, true
	}
	return found
}

// reason says why a finding is what it is.
func (w *watch) reason(f finding) string {
	a := w.alarm
	text := a.subject()
	if len(f.used) == 0 {
		text += fmt.Sprintf(" had no data for %s", count(a.RangePeriods, "period"))
	} else {
		var values []string
		for _, value := range f.used {
			values = append(values, figure(value))
		}
		text += " was " + strings.Join(values, ", ")
	}
	filled := ""
	if len(f.used) > 0 {
		filled = fmt.Sprintf("%d missing ", f.filled)
	}
	switch {
	case f.filled > 0 && a.MissingData == MissingIsBreaching:
		text += fmt.Sprintf(", %staken as breaching", filled)
	case f.filled > 0 && a.MissingData == MissingIsNotBreaching:
		text += fmt.Sprintf(", %staken as not breaching", filled)
	case f.old:
		text += fmt.Sprintf(", the first of them %s ago or more and none after that does not breach", count(a.DatapointsToAlarm, "period"))
	}
	text += fmt.Sprintf(", threshold %s %s", comparisonSigns[a.Comparison], figure(a.Threshold))
	if a.EvaluationPeriods > 1 {
		text += fmt.Sprintf(" in %d of %d", a.DatapointsToAlarm, a.EvaluationPeriods)
	}
	return text
}

func (c composite) reason(states map[string]State) string {
	var found []string
	for _, name := range c.rule.needs {
		found = append(found, fmt.Sprintf("%s is %s", name, states[name]))
	}
	verb := "does not hold"
	if c.rule.holds(states) {
		verb = "holds"
	}
	if len(found) == 0 {
		return "its rule " + verb
	}
	return fmt.Sprintf("its rule %s: %s", verb, strings.Join(found, ", "))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// figure writes a value with six digits, which is all that a person reads.
func figure(value float64) string {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(value, 'g', 6, 64), 64)
	if err != nil {
		rounded = value
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}
