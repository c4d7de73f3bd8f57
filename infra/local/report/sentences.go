package report

import (
	"fmt"
	"strings"
	"time"
)

// says tells an insight's answer in a sentence. It is empty of one that is not known, or that has no rows.
func says(i *Insight) string {
	if i.Fault != "" || i.Total == 0 {
		return ""
	}
	switch i.Name {
	case funnel:
		return saysFunnel(i)
	case topics:
		return saysTopics(i)
	case leads:
		return saysLeads(i)
	case noShows:
		return fmt.Sprintf("%s for %s did not come.", counted(float64(i.Total), "registration", "registrations"), counted(float64(len(i.Webinars)), "webinar", "webinars"))
	case openQuestions:
		verb := "wait"
		if i.Total == 1 {
			verb = "waits"
		}
		return fmt.Sprintf("%s from %s %s for an answer.", counted(float64(i.Total), "question", "questions"), counted(float64(len(i.Webinars)), "webinar", "webinars"), verb)
	case overlap:
		if best := i.best("both"); best != nil {
			return fmt.Sprintf("“%s” and “%s” share the most people: %s, %s of the smaller audience.",
				i.text(best, "title_a"), i.text(best, "title_b"), count(i.number(best, "both")), percent(i.number(best, "share")))
		}
	case trend:
		return saysTrend(i)
	case health:
		return saysHealth(i)
	}
	return ""
}

func saysFunnel(i *Insight) string {
	registered, came := i.sum("registered"), i.sum("came")
	if registered == 0 {
		return ""
	}
	text := fmt.Sprintf("Of %s for %s, %s came (%s)", counted(registered, "registration", "registrations"), counted(float64(i.Total), "webinar", "webinars"), count(came), of(came, registered))
	// A vendor may know nothing of some.
	var parts []string
	for _, of := range []struct{ column, what string }{{"stayed", "stayed"}, {"asked", "asked a question"}, {"downloaded", "downloaded something"}} {
		if n := i.sum(of.column); n > 0 && came > 0 {
			parts = append(parts, percent(n/came)+" "+of.what)
		}
	}
	if len(parts) > 0 {
		text += "; of those " + and(parts)
	}
	return text + "."
}

// fewest is the part of the best attended topic's audience that another one needs for its average to be told as the best.
const fewest = 0.05

func saysTopics(all *Insight) string {
	i := &Insight{Columns: all.Columns}
	most := all.number(all.best("came"), "came")
	for _, row := range all.Rows {
		if all.number(row, "came") >= fewest*most {
			i.Rows = append(i.Rows, row)
		}
	}
	score, minutes := i.best("average_score"), i.best("average_minutes")
	switch {
	case score == nil && minutes == nil:
		return ""
	case score == nil:
		return fmt.Sprintf("“%s” keeps people longest, %s minutes on average.", i.text(minutes, "topic"), measure(round1(i.number(minutes, "average_minutes"))))
	case minutes == nil || i.text(minutes, "topic") == i.text(score, "topic"):
		text := fmt.Sprintf("“%s” engages most, with a score of %s on average", i.text(score, "topic"), measure(round1(i.number(score, "average_score"))))
		if minutes != nil {
			text += fmt.Sprintf(", and keeps people longest, %s minutes", measure(round1(i.number(minutes, "average_minutes"))))
		}
		return text + "."
	}
	return fmt.Sprintf("“%s” engages most, with a score of %s on average; “%s” keeps people longest, %s minutes.",
		i.text(score, "topic"), measure(round1(i.number(score, "average_score"))), i.text(minutes, "topic"), measure(round1(i.number(minutes, "average_minutes"))))
}

func saysLeads(i *Insight) string {
	text := fmt.Sprintf("%s worth a call", counted(float64(i.Total), "person is", "people are"))
	if i.Total > len(i.Rows) {
		text += fmt.Sprintf("; the %s with the most points come first", count(float64(len(i.Rows))))
	}
	return text + "."
}

func saysTrend(i *Insight) string {
	last := i.Rows[len(i.Rows)-1]
	for _, row := range i.Rows {
		if i.text(row, "month") > i.text(last, "month") {
			last = row
		}
	}
	month := i.text(last, "month")
	if t, err := time.Parse("2006-01", month); err == nil {
		month = t.Format("January 2006")
	}
	return fmt.Sprintf("%s had %s with %s, of whom %s came.", month, counted(i.number(last, "webinars"), "webinar", "webinars"),
		counted(i.number(last, "registered"), "registration", "registrations"), of(i.number(last, "came"), i.number(last, "registered")))
}

func saysHealth(i *Insight) string {
	var parts []string
	for _, of := range []struct{ column, one, more string }{
		{"quarantined", "record in quarantine", "records in quarantine"},
	} {
		parts = append(parts, countedOrNo(i.sum(of.column), of.one, of.more))
	}
	fields := 0
	for _, row := range i.Rows {
		// They are told by their names.
		if names := i.text(row, "undeclared_fields"); names != "" {
			fields += len(strings.Split(names, ", "))
		}
	}
	parts = append(parts, countedOrNo(float64(fields), "undeclared field", "undeclared fields"))
	return fmt.Sprintf("%s of %s: %s.", counted(i.sum("records"), "record", "records"), counted(float64(i.Total), "stream", "streams"), and(parts))
}

func countedOrNo(n float64, one, more string) string {
	if n == 0 {
		return "no " + more
	}
	return counted(n, one, more)
}

func round1(n float64) float64 { return float64(int64(n*10+0.5)) / 10 }

// lead are the sentences that a reader takes away who reads no further.
func lead(d Data) []string {
	var all []string
	for _, lake := range d.Lakes {
		for _, name := range []string{funnel, topics, leads, openQuestions} {
			insight := lake.Insight(name)
			if insight == nil {
				continue
			}
			if text := says(insight); text != "" {
				all = append(all, text)
			}
		}
	}
	if d.Run != nil && !d.Run.Good {
		all = append(all, "The run is not right: see what it did.")
	}
	return all
}

// figures are the few numbers above all.
func figures(d Data) []keyFigure {
	var all []keyFigure
	var registered, came, toCall, open float64
	asked := map[string]bool{}
	for _, lake := range d.Lakes {
		for _, insight := range lake.Insights {
			if insight.Fault != "" {
				continue
			}
			asked[insight.Name] = true
			switch insight.Name {
			case funnel:
				registered += insight.sum("registered")
				came += insight.sum("came")
			case leads:
				toCall += float64(insight.Total)
			case openQuestions:
				open += float64(insight.Total)
			}
		}
	}
	if asked[funnel] {
		all = append(all, keyFigure{count(registered), "registrations", ""}, keyFigure{count(came), "came", of(came, registered) + " of them"})
	}
	if asked[leads] {
		all = append(all, keyFigure{count(toCall), "leads to call", ""})
	}
	if asked[openQuestions] {
		all = append(all, keyFigure{count(open), "open questions", ""})
	}
	if d.Run != nil {
		if slowest := d.Run.onTime(); slowest > 0 {
			all = append(all, keyFigure{span(slowest), "from vendor to lake", "95 % of what shows on time"})
		}
	}
	if d.Costs != nil {
		all = append(all, keyFigure{dollars(d.Costs.BusyYearUSD), "a year at most", fmt.Sprintf("Glue's compute alone: %s", dollars(d.Costs.GlueYearUSD))})
	}
	return all
}

// onTime is within how many seconds 95 of 100 records on time are rows, of the slowest stream.
func (r *Run) onTime() float64 {
	slowest := 0.0
	for _, s := range r.Streams {
		slowest = max(slowest, s.Freshness.OnTime.P95Seconds)
	}
	return slowest
}
