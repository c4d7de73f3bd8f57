// Package report makes one page of what a lake has to say: the insights as charts with their tables, what a run did, and what it
// cost. The page is a single file that asks no network for anything, so that it can be mailed, archived and opened anywhere.
//
// It stands apart from what the figures come from: [Data] is plain, and [Write] makes the same page of it whether DuckDB answered for
// a local run ([OfRun]) or Athena for a deployed one (infra/report). Everything that is told is text and tables in the page itself;
// its script only draws.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Data is all that a page shows. As JSON it can be kept, and made a page of later.
type Data struct {
	// Source says in words where the figures are from, for example "a day that was simulated on one machine".
	Source string `json:"source"`
	// Vendor is the name of the vendor; several are joined by commas.
	Vendor string `json:"vendor"`
	// From and Until are the span that a run played; zero where the figures are of all that a lake holds.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// MadeAt is when the figures were asked for; zero where From and Until say enough.
	MadeAt time.Time `json:"madeAt,omitzero"`
	// Lakes are the vendors' databases, with the answers to the same questions each.
	Lakes []Lake `json:"lakes"`
	// Run is what a run did, Costs what that costs; nil where the page has no part of it.
	Run   *Run   `json:"run,omitempty"`
	Costs *Costs `json:"costs,omitempty"`
	// LeftOut says in a sentence each what the page lacks, and why.
	LeftOut []string `json:"leftOut,omitempty"`
}

// Lake is one database.
type Lake struct {
	Name     string    `json:"name"`
	Insights []Insight `json:"insights"`
}

// Insight returns the one of a name, nil where the lake has none or it could not be asked.
func (l Lake) Insight(name string) *Insight {
	i := slices.IndexFunc(l.Insights, func(i Insight) bool { return i.Name == name && i.Fault == "" })
	if i < 0 {
		return nil
	}
	return &l.Insights[i]
}

// Insight is a question to the lake with what it answered.
type Insight struct {
	Name string `json:"name"`
	// Title and Decision are the question in words, and what is decided by it.
	Title    string   `json:"title"`
	Decision string   `json:"decision"`
	Columns  []Column `json:"columns"`
	// Rows are the first ones of Total, see [most]. A cell is a number, a text, true, false or nil; times are texts in RFC 3339.
	Rows  [][]any `json:"rows"`
	Total int     `json:"total"`
	// Webinars count all rows by their webinars, in the order in which these first came; none where rows have no event_id.
	Webinars []Webinar `json:"webinars,omitempty"`
	// Fault says why the lake gave no answer, empty where it did.
	Fault string `json:"fault,omitempty"`
}

// Webinar is how many rows an insight has of one.
type Webinar struct {
	EventID  string `json:"event_id"`
	Title    string `json:"title"`
	StartsAt string `json:"starts_at,omitempty"`
	Rows     int    `json:"rows"`
}

// Column is a column of an insight. Type is what the engine calls it.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// most is how many rows of an insight the page shows: persons and questions are looked up in the lake, the others are few.
var most = map[string]int{leads: 25, noShows: 10, openQuestions: 15}

// mostRows bounds all other insights: a year of webinars, or the pairs of twenty.
const mostRows = 400

// Names of the insights that the page draws; it shows others as tables.
const (
	funnel        = "attendance_funnel"
	topics        = "topics"
	leads         = "leads"
	noShows       = "no_shows"
	openQuestions = "open_questions"
	overlap       = "audience_overlap"
	trend         = "monthly_trend"
	health        = "data_health"
)

// Answer tells an insight's rows one after another, as an engine has them: the columns first.
type Answer struct {
	insight *Insight
	limit   int
	texts   []bool // the columns that are kept as they are written
	event   int
	counted map[string]int // where a webinar stands
}

// NewAnswer begins the answer to a question, in columns.
func NewAnswer(insight Insight, columns []Column) *Answer {
	limit, bounded := most[insight.Name]
	if !bounded {
		limit = mostRows
	}
	insight.Columns, insight.Rows = columns, [][]any{}
	a := &Answer{insight: &insight, limit: limit, event: -1, counted: map[string]int{}}
	for i, c := range columns {
		a.texts = append(a.texts, identifies(c.Name))
		if c.Name == "event_id" {
			a.event = i
		}
	}
	return a
}

// identifies says that a column's numbers count nothing, and are not rounded or grouped.
func identifies(column string) bool {
	return strings.HasSuffix(column, "_id") || slices.Contains([]string{"event_a", "event_b", "person"}, column)
}

// Add takes the next row. A cell is a number, a text, true, false or nil; a time is a text in RFC 3339.
func (a *Answer) Add(row []any) error {
	if len(row) != len(a.insight.Columns) {
		return fmt.Errorf("%s: a row has %d cells, want the %d of its columns", a.insight.Name, len(row), len(a.insight.Columns))
	}
	for i, cell := range row {
		if cell != nil && a.texts[i] {
			row[i] = fmt.Sprint(cell)
		}
	}
	a.insight.Total++
	if a.event >= 0 {
		a.count(row)
	}
	if len(a.insight.Rows) < a.limit {
		a.insight.Rows = append(a.insight.Rows, row)
	}
	return nil
}

// AddText takes the next row as an engine tells it that writes every value as text, nil for null: each cell is read by its column's
// type.
func (a *Answer) AddText(cells []*string) error {
	row := make([]any, len(cells))
	for i, cell := range cells {
		switch {
		case cell == nil:
		case i < len(a.texts) && !a.texts[i]:
			row[i] = valueOf(a.insight.Columns[i].Type, *cell)
		default:
			row[i] = *cell
		}
	}
	return a.Add(row)
}

func (a *Answer) count(row []any) {
	id, _ := row[a.event].(string)
	at, known := a.counted[id]
	if !known {
		at = len(a.insight.Webinars)
		a.counted[id] = at
		webinar := Webinar{EventID: id}
		for i, c := range a.insight.Columns {
			text, _ := row[i].(string)
			switch c.Name {
			case "title":
				webinar.Title = text
			case "starts_at":
				webinar.StartsAt = text
			}
		}
		a.insight.Webinars = append(a.insight.Webinars, webinar)
	}
	a.insight.Webinars[at].Rows++
}

// Insight is what was told so far.
func (a *Answer) Insight() Insight { return *a.insight }

// valueOf reads a cell by Athena's type. What cannot be read stays text, so that it is seen.
// https://docs.aws.amazon.com/athena/latest/ug/data-types.html
func valueOf(kind, text string) any {
	kind = strings.ToLower(kind)
	switch {
	case strings.HasPrefix(kind, "timestamp"):
		for _, layout := range []string{"2006-01-02 15:04:05.999999999 UTC", "2006-01-02 15:04:05.999999999"} {
			if t, err := time.Parse(layout, text); err == nil {
				return t.UTC().Format(time.RFC3339)
			}
		}
	case kind == "boolean":
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	case slices.Contains([]string{"tinyint", "smallint", "integer", "int", "bigint"}, kind):
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case kind == "double", kind == "float", kind == "real", strings.HasPrefix(kind, "decimal"):
		// NaN and infinities are no JSON.
		if f, err := strconv.ParseFloat(text, 64); err == nil && f-f == 0 {
			return f
		}
	}
	return text
}

// Read reads data that was kept as JSON.
func Read(r io.Reader) (Data, error) {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	var d Data
	if err := decoder.Decode(&d); err != nil {
		return d, fmt.Errorf("the report's data: %w", err)
	}
	for _, lake := range d.Lakes {
		for _, insight := range lake.Insights {
			for _, row := range insight.Rows {
				if len(row) != len(insight.Columns) {
					return d, fmt.Errorf("the report's data: %s: a row has %d cells, want the %d of its columns", insight.Name, len(row), len(insight.Columns))
				}
			}
		}
	}
	return d, nil
}

// Names are the insights that there are, in the order of the page.
func Names() []string {
	return []string{funnel, topics, leads, noShows, openQuestions, overlap, trend, health}
}

// TitleOf is an insight's name as people read it.
func TitleOf(name string) string {
	title := strings.ReplaceAll(name, "_", " ")
	return strings.ToUpper(title[:1]) + title[1:]
}
