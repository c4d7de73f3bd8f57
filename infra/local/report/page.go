package report

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"
)

var (
	//go:embed page.gohtml
	pageTemplate string
	//go:embed page.css
	pageStyle string
	//go:embed page.js
	pageScript string
)

var page = template.Must(template.New("page").Funcs(template.FuncMap{"moment": moment, "vendor": vendorName}).Parse(pageTemplate))

// Write writes the page of d with the libraries that it carries. The same data and libraries make the same page, byte by byte.
//
// The page may load nothing (its Content-Security-Policy has default-src 'none'), and runs only the scripts whose hashes it names, so
// that no text of a vendor's can become one. https://www.w3.org/TR/CSP3/
func Write(w io.Writer, d Data, l Libraries) error {
	data, err := json.Marshal(d) // which writes < as \u003c, so that no text ends the script
	if err != nil {
		return fmt.Errorf("the report's data: %w", err)
	}
	scripts := []string{l.D3, l.Plot, pageScript}
	policy := "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'unsafe-inline'; font-src data:; script-src"
	var tags strings.Builder
	for _, script := range scripts {
		// https://html.spec.whatwg.org/multipage/scripting.html#restrictions-for-contents-of-script-elements
		if lower := strings.ToLower(script); strings.Contains(lower, "</script") || strings.Contains(lower, "<!--") {
			return errors.New("a script of the report holds what ends a script element: it cannot stand in a page")
		}
		hash := sha256.Sum256([]byte(script))
		policy += " 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"
		tags.WriteString("<script>" + script + "</script>\n")
	}
	face := "@font-face{font-family:Inter;font-style:normal;font-weight:100 900;font-display:block;src:url(data:font/woff2;base64," +
		base64.StdEncoding.EncodeToString(l.Font) + ") format('woff2')}\n"
	var b bytes.Buffer
	err = page.Execute(&b, view{
		Data: d, Title: title(d), Span: days(d.From, d.Until), Lead: lead(d), Figures: figures(d),
		Lakes: lakes(d), Run: d.Run.view(), Costs: d.Costs.view(),
		Policy:  policy,
		Style:   template.HTML("<style>\n" + face + pageStyle + "</style>"),
		Scripts: template.HTML("<script type=\"application/json\" id=\"data\">" + string(data) + "</script>\n" + tags.String()),
	})
	if err != nil {
		return err
	}
	_, err = b.WriteTo(w)
	return err
}

// view is what the template shows.
type view struct {
	Data
	Title, Span, Policy string
	Lead                []string
	Figures             []keyFigure
	Lakes               []lakeView
	Run                 *runView
	Costs               *costsView
	Style, Scripts      template.HTML
}

type lakeView struct {
	Lake
	// Heading is empty where there is one lake alone.
	Heading  string
	Insights []insightView
}

type insightView struct {
	Insight
	// ID is the section's in the page, Chart what the script draws, empty where it draws nothing.
	ID, Chart string
	Lake      int
	// Says tells the answer in a sentence, where it is known how.
	Says  string
	Table table
	// People is the table of the persons in short, where there are any.
	People table
	// Counts are the webinars' rows.
	Counts table
	// Open says that the rows are what is to be seen, and not what a chart shows as well.
	Open bool
}

type table struct {
	Caption string
	Head    []heading
	Rows    [][]cell
	Note    string
}

type heading struct{ Label, Class string }

// cell is a text, with a second line below it, or with a bar of so many per cent.
type cell struct {
	Text, Class, Link, Below string
	Bar                      int
}

type keyFigure struct{ Value, Label, Note string }

// charts are the insights that are drawn.
var charts = []string{funnel, topics, noShows, openQuestions, overlap, trend}

func lakes(d Data) []lakeView {
	var all []lakeView
	for at, lake := range d.Lakes {
		v := lakeView{Lake: lake}
		if len(d.Lakes) > 1 {
			v.Heading = vendorName(lake.Name)
		}
		for _, insight := range lake.Insights {
			i := insightView{Insight: insight, ID: insight.Name, Lake: at, Says: says(&insight), Table: tableOf(&insight)}
			if at > 0 {
				i.ID = fmt.Sprintf("%s-%d", insight.Name, at+1)
			}
			// One month alone is no trend.
			drawn := insight.Total > 0 && (insight.Name != trend || insight.Total > 1)
			if slices.Contains(charts, insight.Name) && insight.Fault == "" && drawn {
				i.Chart = insight.Name
			}
			switch insight.Name {
			case leads:
				i.People = leadsOf(&insight)
			case noShows:
				i.Counts, i.People = countsOf(&insight), noShowsOf(&insight)
			case openQuestions:
				i.Counts = countsOf(&insight)
			}
			i.Open = i.People.Rows == nil && (i.Chart == "" || insight.Name == openQuestions)
			v.Insights = append(v.Insights, i)
		}
		all = append(all, v)
	}
	return all
}

// hidden are columns that say nothing to a reader.
var hidden = []string{"event_id", "event_a", "event_b"}

func tableOf(i *Insight) table {
	t := table{Caption: i.Title}
	var shown []int
	for at, c := range i.Columns {
		if slices.Contains(hidden, c.Name) {
			continue
		}
		shown = append(shown, at)
		class := ""
		if isNumber(i, at) {
			class = "number"
		}
		t.Head = append(t.Head, heading{label(c.Name), class})
	}
	for _, row := range i.Rows {
		var cells []cell
		for at, column := range shown {
			cells = append(cells, cellOf(i.Columns[column].Name, t.Head[at].Class, row[column]))
		}
		t.Rows = append(t.Rows, cells)
	}
	if len(i.Rows) < i.Total {
		t.Note = fmt.Sprintf("The first %s of %s rows; the lake has them all.", count(float64(len(i.Rows))), count(float64(i.Total)))
	}
	return t
}

// isNumber says that a column has numbers and no texts.
func isNumber(i *Insight, at int) bool {
	numbers := false
	for _, row := range i.Rows {
		if row[at] == nil {
			continue
		}
		if _, ok := number(row[at]); !ok {
			return false
		}
		numbers = true
	}
	return numbers
}

func cellOf(column, class string, value any) cell {
	c := cell{Class: class}
	n, numeric := number(value)
	text, isText := value.(string)
	switch {
	case value == nil:
		c.Text = "–"
	case numeric && (column == "share" || strings.HasSuffix(column, "_share")):
		c.Text = percent(n)
	case numeric:
		c.Text = measure(n)
	case column == "person":
		c.Text, c.Class = text, "id"
	case isText && strings.HasPrefix(text, "https://"):
		c.Text, c.Link = "open", text
	case isText:
		c.Text = text
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			c.Text, c.Class = moment(t), "time"
		}
	default:
		c.Text = map[any]string{true: "yes", false: "no"}[value]
	}
	if column == "reasons" || column == "question" || column == "title" {
		c.Class = "long"
	}
	return c
}

// who is a person as one would ask for them: what is known of them, and below it how they are found, which is the contact where it may be
// seen, else the digest.
func who(i *Insight, row []any) cell {
	var known []string
	for _, column := range []string{"job_title", "company"} {
		if text := strings.TrimSpace(i.text(row, column)); text != "" {
			known = append(known, text)
		}
	}
	found := cmp.Or(i.text(row, "contact"), i.text(row, "person"))
	if len(known) == 0 {
		return cell{Text: found, Class: "who"}
	}
	return cell{Text: strings.Join(known, ", "), Below: found, Class: "who"}
}

func leadsOf(i *Insight) table {
	t := table{Caption: i.Title, Head: []heading{{"Who", ""}, {"Points", ""}, {"Why", ""}, {"Last seen (UTC)", ""}}}
	most := 0.0
	if best := i.best("points"); best != nil {
		most = i.number(best, "points")
	}
	for _, row := range i.Rows {
		points := i.number(row, "points")
		t.Rows = append(t.Rows, []cell{
			who(i, row),
			{Text: measure(points), Class: "bar", Bar: int(100 * points / max(most, 1))},
			{Text: i.text(row, "reasons"), Class: "long"},
			cellOf("last_seen", "", i.text(row, "last_seen")),
		})
	}
	return t
}

func noShowsOf(i *Insight) table {
	t := table{Caption: "The first who did not come", Head: []heading{{"Who", ""}, {"Webinar", ""}, {"Registered (UTC)", ""}}}
	for _, row := range i.Rows {
		t.Rows = append(t.Rows, []cell{who(i, row), {Text: i.text(row, "title"), Class: "long"}, cellOf("registered_at", "", i.text(row, "registered_at"))})
	}
	if len(i.Rows) < i.Total {
		t.Note = fmt.Sprintf("The first %s of %s; the lake has them all.", count(float64(len(i.Rows))), count(float64(i.Total)))
	}
	return t
}

func countsOf(i *Insight) table {
	t := table{Caption: i.Title + ", by webinar", Head: []heading{{"Webinar", ""}, {"Starts (UTC)", ""}, {"Number", "number"}}}
	for _, w := range i.Webinars {
		starts := cellOf("starts_at", "", w.StartsAt)
		starts.Text = cmp.Or(starts.Text, "–")
		t.Rows = append(t.Rows, []cell{{Text: w.Title, Class: "long"}, starts, {Text: count(float64(w.Rows)), Class: "number"}})
	}
	return t
}

func title(d Data) string {
	parts := []string{"Windrow report"}
	if d.Vendor != "" {
		parts = append(parts, vendorName(d.Vendor))
	}
	if span := days(d.From, d.Until); span != "" {
		parts = append(parts, span)
	}
	return strings.Join(parts, " · ")
}
