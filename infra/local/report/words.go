package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// number reads a cell that counts or measures.
func number(cell any) (float64, bool) {
	switch v := cell.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	}
	return 0, false
}

// index is where a column stands, -1 where it does not.
func (i *Insight) index(column string) int {
	for at, c := range i.Columns {
		if c.Name == column {
			return at
		}
	}
	return -1
}

// sum adds up a column over the rows that are there.
func (i *Insight) sum(column string) float64 {
	at, total := i.index(column), 0.0
	if at < 0 {
		return 0
	}
	for _, row := range i.Rows {
		n, _ := number(row[at])
		total += n
	}
	return total
}

// text is a cell of a row by its column, empty where there is none.
func (i *Insight) text(row []any, column string) string {
	at := i.index(column)
	if at < 0 {
		return ""
	}
	text, _ := row[at].(string)
	return text
}

// number is a cell of a row by its column, 0 where there is none, or no row.
func (i *Insight) number(row []any, column string) float64 {
	at := i.index(column)
	if at < 0 || row == nil {
		return 0
	}
	n, _ := number(row[at])
	return n
}

// best is the row with the most in a column, nil of none.
func (i *Insight) best(column string) (best []any) {
	for _, row := range i.Rows {
		if i.number(row, column) > 0 && (best == nil || i.number(row, column) > i.number(best, column)) {
			best = row
		}
	}
	return best
}

// count writes a whole number with its thousands apart.
func count(n float64) string {
	digits := strconv.FormatInt(int64(math.Round(math.Abs(n))), 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	if n <= -0.5 {
		return "−" + digits
	}
	return digits
}

// counted writes a number of things, in the singular where it is one.
func counted(n float64, one, more string) string {
	if math.Round(n) == 1 {
		return "1 " + one
	}
	return count(n) + " " + more
}

// measure writes a number with at most two decimals.
func measure(n float64) string {
	if n == math.Trunc(n) {
		return count(n)
	}
	whole, decimals, _ := strings.Cut(strconv.FormatFloat(math.Abs(n), 'f', 2, 64), ".")
	decimals = strings.TrimRight(decimals, "0")
	w, _ := strconv.ParseFloat(whole, 64)
	text := count(w)
	if decimals != "" {
		text += "." + decimals
	}
	if n < 0 {
		return "−" + text
	}
	return text
}

// percent writes a share; what is more than nothing and less than all never reads 0 % or 100 %.
func percent(share float64) string {
	p := math.Round(share * 100)
	switch {
	case share > 0 && p == 0:
		return "under 1 %"
	case share < 1 && p == 100:
		return strconv.FormatFloat(math.Min(99.9, math.Floor(share*1000)/10), 'f', 1, 64) + " %"
	}
	return count(p) + " %"
}

// of writes a part of a whole as a share, a dash of nothing.
func of(part, whole float64) string {
	if whole == 0 {
		return "–"
	}
	return percent(part / whole)
}

// dollars writes an amount of US dollars, small ones to a tenth of a cent.
func dollars(usd float64) string {
	switch {
	case usd != 0 && math.Abs(usd) < 0.1:
		return "$" + strconv.FormatFloat(usd, 'f', 3, 64)
	case math.Abs(usd) < 100:
		return "$" + strconv.FormatFloat(usd, 'f', 2, 64)
	}
	return "$" + count(usd)
}

// span writes seconds as hours and minutes, as exact as it is of runs.
func span(seconds float64) string {
	minutes := int(math.Round(seconds / 60))
	switch {
	case minutes < 60:
		return fmt.Sprintf("%d min", minutes)
	case minutes%60 == 0:
		return fmt.Sprintf("%d h", minutes/60)
	}
	return fmt.Sprintf("%d h %d min", minutes/60, minutes%60)
}

// day writes a date, moment a time of a day, both in UTC.
func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

func moment(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04") }

// days writes a span of whole days or of times.
func days(from, until time.Time) string {
	last := until.Add(-time.Second)
	switch {
	case from.IsZero():
		return ""
	case from.UTC().Format(time.DateOnly) == last.UTC().Format(time.DateOnly):
		return day(from)
	}
	return day(from) + " to " + day(last)
}

// vendorNames are as the vendors write themselves.
var vendorNames = map[string]string{"on24": "ON24", "zoom": "Zoom", "gotowebinar": "GoTo Webinar"}

func vendorName(name string) string {
	names := strings.Split(name, ",")
	for i, n := range names {
		names[i] = cmp.Or(vendorNames[n], n)
	}
	return and(names)
}

// and joins words as a sentence does.
func and(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// labels are the headings of columns whose names do not say it well enough.
var labels = map[string]string{
	"title": "Webinar", "starts_at": "Starts (UTC)", "asked": "Asked a question", "downloaded": "Downloaded",
	"average_minutes": "Minutes on average", "average_score": "Score on average", "last_seen": "Last seen (UTC)",
	"job_title": "Job title", "registered_at": "Registered (UTC)", "asked_at": "Asked (UTC)", "title_a": "Webinar", "title_b": "and webinar",
	"audience_a": "Audience of the one", "audience_b": "of the other", "both": "In both", "share": "Share of the smaller",
	"came_share": "Came of those registered", "newest_window_end": "Newest window ends (UTC)", "last_ingested_at": "Last ingested (UTC)",
	"late_records": "Late records", "undeclared_fields": "Undeclared fields",
}

func label(column string) string {
	if text, known := labels[column]; known {
		return text
	}
	text := strings.ReplaceAll(column, "_", " ")
	return strings.ToUpper(text[:1]) + text[1:]
}
