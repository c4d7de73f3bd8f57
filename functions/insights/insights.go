// Package insights answers what marketing and sales ask of webinars: which topics draw people, whom to call and why, who did not come, what is
// still to be answered, and whether all of it is better than last month.
//
// It stands apart because the questions do not depend on the vendor. Each vendor's streams are brought into one model of webinars (events,
// registrations, attendances, interactions) by SQL of its own, and each insight is one query over that model alone, which the construct
// deploys as a named query of Athena and the local run puts to DuckDB. All SQL is in Trino's words, see package lakesql. It is pure.
//
// docs/insights.md has the model's columns, where each vendor's fields land, and each insight's formula.
package insights

import (
	"embed"
	"fmt"
	"path"
	"strings"

	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Insight is a question with its answer in SQL.
type Insight struct {
	// Name is the name of its file and of the named query: lower-case letters and underscores.
	Name string
	// Title is the name as people read it.
	Title string
	// Decision says in a sentence what is decided with the answer; it is the first of the comment that SQL begins with.
	Decision string
	// SQL is one query in Trino's words, without a semicolon. Its rows come in one order only.
	SQL string
}

// names are the insights over the model, in the order in which a report shows them.
var names = []string{
	"attendance_funnel", "topics", "leads", "no_shows", "open_questions", "audience_overlap", "monthly_trend",
}

//go:embed queries/*.sql
var queries embed.FS

// All returns the insights over the model, which are the same for each vendor.
func All() []Insight {
	var all []Insight
	for _, name := range names {
		all = append(all, newInsight(name, mustRead(queries, path.Join("queries", name+".sql"))))
	}
	return all
}

// Of returns what can be asked of a vendor whose views are in place: the insights over the model, where there is a model, and [Health].
func Of(vendor *vendorapi.Vendor, model []lakesql.View) []Insight {
	if len(model) == 0 {
		return []Insight{Health(vendor)}
	}
	return append(All(), Health(vendor))
}

func newInsight(name, sql string) Insight {
	title := strings.ReplaceAll(name, "_", " ")
	return Insight{
		Name: name, Title: strings.ToUpper(title[:1]) + title[1:], Decision: firstSentence(comment(sql)), SQL: strings.TrimSpace(sql),
	}
}

// comment is the text of the comment that sql begins with, on one line.
func comment(sql string) string {
	var lines []string
	for line := range strings.Lines(sql) {
		text, ok := strings.CutPrefix(line, "--")
		if !ok {
			break
		}
		lines = append(lines, strings.TrimSpace(text))
	}
	return strings.Join(lines, " ")
}

func firstSentence(text string) string {
	if end := strings.Index(text, ". "); end >= 0 {
		return text[:end+1]
	}
	return text
}

// mustRead reads a file that was built in, and so is there.
func mustRead(files embed.FS, name string) string {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(fmt.Errorf("insights: %w", err))
	}
	return string(text)
}
