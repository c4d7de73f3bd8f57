package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// runView is what the page says of a run.
type runView struct {
	*Run
	Says, FaultsSay, AlarmsSay                        string
	WindowTable, UnusualTable, FreshnessTable         table
	RequestTable, FaultTable, MemoryTable, AlarmTable table
	TallyTable                                        table
}

// numbers makes headings of numbers, but for the first.
func numbers(first string, labels ...string) []heading {
	head := []heading{{first, ""}}
	for _, l := range labels {
		head = append(head, heading{l, "number"})
	}
	return head
}

func numberCells(first string, values ...float64) []cell {
	row := []cell{{Text: first}}
	for _, v := range values {
		row = append(row, cell{Text: measure(v), Class: "number"})
	}
	return row
}

func (r *Run) view() *runView {
	if r == nil {
		return nil
	}
	v := &runView{Run: r, Says: r.says(), FaultsSay: r.faultsSay(), AlarmsSay: r.alarmsSay()}
	v.WindowTable = table{Caption: "Windows of each stream", Head: numbers("Stream", "Windows", "Backed off", "Resumed", "Read again", "Replaced", "Records", "Rows", "Quarantined", "Missing", "Doubled", "Stale")}
	v.UnusualTable = table{
		Caption: "Windows that backed off, were resumed or replaced",
		Head:    []heading{{"Stream", ""}, {"Start (UTC)", ""}, {"End (UTC)", ""}, {"Records", "number"}, {"Back-offs", "number"}, {"Resumes", "number"}, {"Replaced", "number"}},
	}
	v.FreshnessTable = table{Caption: "Freshness of each stream", Head: numbers("Stream", "On time", "Median", "95th percentile", "Longest", "Bound", "Others", "Median", "95th percentile", "Longest")}
	v.RequestTable = table{Caption: "Requests to the vendor", Head: numbers("Stream", "Requests", "Retries", "Throttled")}
	unusual := 0
	for _, s := range r.Streams {
		v.WindowTable.Rows = append(v.WindowTable.Rows, numberCells(s.Name, float64(s.Committed), float64(s.BackedOff), float64(s.Resumed), float64(s.Reread), float64(s.Replaced),
			float64(s.Records), float64(s.Rows), float64(s.Quarantined), float64(s.Missing), float64(s.Duplicated), float64(s.Stale)))
		v.RequestTable.Rows = append(v.RequestTable.Rows, numberCells(s.Name, float64(s.Requests), float64(s.Retries), float64(s.Throttled)))
		v.FreshnessTable.Rows = append(v.FreshnessTable.Rows, s.Freshness.row(s.Name))
		for _, w := range s.Windows {
			if w.Backoffs == 0 && w.Resumes == 0 && w.Generation < 2 {
				continue
			}
			if unusual++; unusual > mostRows {
				v.UnusualTable.Note = "Only the first are shown; the commits in the lake have them all."
				continue
			}
			v.UnusualTable.Rows = append(v.UnusualTable.Rows, []cell{
				{Text: s.Name}, {Text: moment(w.Start), Class: "time"}, {Text: moment(w.End), Class: "time"}, {Text: count(float64(w.Records)), Class: "number"},
				{Text: count(float64(w.Backoffs)), Class: "number"}, {Text: count(float64(w.Resumes)), Class: "number"}, {Text: count(float64(w.Generation - 1)), Class: "number"},
			})
		}
	}
	v.FaultTable = table{Caption: "Faults of the simulated vendor", Head: numbers("Fault", "Requests that met it")}
	for _, kind := range slices.Sorted(maps.Keys(r.Faults)) {
		v.FaultTable.Rows = append(v.FaultTable.Rows, numberCells(kind, float64(r.Faults[kind])))
	}
	v.MemoryTable = table{Caption: "Peak memory of each function", Head: numbers("Function", "Peak in MB")}
	for _, m := range r.Memory {
		v.MemoryTable.Rows = append(v.MemoryTable.Rows, numberCells(m.Function, m.PeakMB))
	}
	v.AlarmTable = table{Caption: "Alarms that went off", Head: []heading{{"Alarm", ""}, {"Its changes", ""}}}
	for _, a := range r.Alarms {
		if a.Tripped {
			v.AlarmTable.Rows = append(v.AlarmTable.Rows, []cell{{Text: a.Name}, {Text: strings.TrimSpace(a.Timeline), Class: "long"}})
		}
	}
	v.TallyTable = table{Caption: "Findings and failures", Head: []heading{{"Stream", ""}, {"Handler", ""}, {"Kind", ""}, {"Times", "number"}, {"For example", ""}}}
	for _, t := range slices.Concat(r.Findings, r.Failures) {
		v.TallyTable.Rows = append(v.TallyTable.Rows, []cell{{Text: t.Stream}, {Text: t.Handler}, {Text: t.Kind}, {Text: count(float64(t.Count)), Class: "number"}, {Text: t.Example, Class: "long"}})
	}
	return v
}

func (f Freshness) row(name string) []cell {
	row := []cell{{Text: name}}
	add := func(text string) { row = append(row, cell{Text: text, Class: "number"}) }
	ages := func(a Ages) {
		add(count(float64(a.Records)))
		for _, seconds := range []float64{a.P50Seconds, a.P95Seconds, a.MaxSeconds} {
			if a.Records == 0 {
				add("–")
				continue
			}
			add(span(seconds))
		}
	}
	ages(f.OnTime)
	if f.BoundSeconds == 0 {
		add("–")
	} else {
		add(span(f.BoundSeconds))
	}
	ages(f.Others)
	return row
}

func (r *Run) says() string {
	var records, windows, backedOff, resumed, replaced float64
	for _, s := range r.Streams {
		records += float64(s.Records)
		windows += float64(s.Committed)
		backedOff += float64(s.BackedOff)
		resumed += float64(s.Resumed)
		replaced += float64(s.Replaced)
	}
	text := fmt.Sprintf("%s brought %s in %s; shortened until they fitted: %s, read in several goes: %s, replacements as the vendor changed what it had shown: %s.",
		counted(float64(r.Runs), "run", "runs"), counted(records, "record", "records"), counted(windows, "window", "windows"), orNone(backedOff), orNone(resumed), orNone(replaced))
	if r.Good {
		return text + " Compared with the vendor’s own records one by one, nothing is missing and nothing is doubled."
	}
	return text + " Compared with the vendor’s own records, the lake is not right:"
}

func orNone(n float64) string {
	if n == 0 {
		return "none"
	}
	return count(n)
}

func (r *Run) faultsSay() string {
	requests, retries, throttled, faults := 0, 0, 0, 0
	for _, s := range r.Streams {
		requests += s.Requests
		retries += s.Retries
		throttled += s.Throttled
	}
	for _, n := range r.Faults {
		faults += n
	}
	text := fmt.Sprintf("Of %s, %s were made again; %s answered by being told to wait.", counted(float64(requests), "request", "requests"), count(float64(retries)), counted(float64(throttled), "was", "were"))
	if faults > 0 {
		text += fmt.Sprintf(" The simulated vendor failed %s on purpose, in %s.", counted(float64(faults), "time", "times"), counted(float64(len(r.Faults)), "way", "ways"))
	}
	return text
}

func (r *Run) alarmsSay() string {
	tripped := 0
	for _, a := range r.Alarms {
		if a.Tripped {
			tripped++
		}
	}
	text := fmt.Sprintf("%s would have read the run’s metrics; ", counted(float64(len(r.Alarms)), "alarm", "alarms"))
	switch tripped {
	case 0:
		text += "none went off."
	default:
		text += fmt.Sprintf("%d went off.", tripped)
	}
	if len(r.Findings)+len(r.Failures) == 0 {
		return text + " The functions found nothing that a person should know, and failed of nothing."
	}
	return text
}

// costsView is what the page says of costs.
type costsView struct {
	*Costs
	Says  string
	Table table
}

func (c *Costs) view() *costsView {
	if c == nil {
		return nil
	}
	v := &costsView{Costs: c, Table: table{
		Caption: "Costs of a year in US dollars",
		Head:    []heading{{"Item", ""}, {"Service", ""}, {"For", ""}, {"Quiet days", "number"}, {"Days like this one", "number"}, {"As Glue jobs", "number"}, {"How the dearest comes about", ""}},
	}}
	v.Says = fmt.Sprintf("The work of the day cost %s; as Glue Python Shell jobs it would have been %s. A year of days like this one comes to %s in all, of quiet days to %s; "+
		"of that the work is %s and %s, where Glue’s compute alone is %s.",
		dollars(c.DayUSD), dollars(c.GlueDayUSD), dollars(c.BusyYearUSD), dollars(c.QuietYearUSD), dollars(c.WorkBusyYearUSD), dollars(c.WorkQuietYearUSD), dollars(c.GlueYearUSD))
	usd := func(amount float64) cell {
		if amount == 0 {
			return cell{Text: "–", Class: "number"}
		}
		return cell{Text: dollars(amount), Class: "number"}
	}
	for _, l := range c.Lines {
		v.Table.Rows = append(v.Table.Rows, []cell{{Text: l.Item}, {Text: l.Service}, {Text: l.Use}, usd(l.QuietUSD), usd(l.BusyUSD), usd(l.GlueUSD), {Text: l.Arithmetic, Class: "long"}})
	}
	v.Table.Rows = append(v.Table.Rows, []cell{{Text: "everything"}, {}, {}, usd(c.QuietYearUSD), usd(c.BusyYearUSD), usd(c.GlueYearUSD), {}})
	return v
}
