package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/infra/local/report"
)

func cells(texts ...string) (row []*string) {
	for _, text := range texts {
		if text == "NULL" {
			row = append(row, nil)
			continue
		}
		row = append(row, &text)
	}
	return row
}

// TestMain has the packages that draw found from the checkout's root, where the command is run.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func noon() time.Time { return time.Date(2026, 3, 12, 12, 0, 0, 0, time.UTC) }

var someTopics = keptQuery{
	name: "topics", database: "windrow_prod_on24", description: "Which topics to make more of.", sql: "select topics",
	columns: [][2]string{{"topic", "varchar"}, {"webinars", "bigint"}, {"registered", "bigint"}, {"came", "bigint"}, {"average_minutes", "double"}, {"average_score", "double"}, {"questions", "bigint"}},
	rows: [][]*string{
		cells("Tax, \"new\"", "2", "35298", "18104", "31.4", "5.2", "2790"),
		cells("", "1", "12", "4", "3.5", "NULL", "0"),
		cells("NULL", "1", "1", "0", "NULL", "NULL", "0"),
	},
}

// someQuestions has more rows than a page.
func someQuestions(rows int) keptQuery {
	q := keptQuery{
		name: "open_questions", database: "windrow_prod_on24", sql: "select questions",
		columns: [][2]string{{"event_id", "varchar"}, {"title", "varchar"}, {"asked_at", "timestamp"}, {"person", "varchar"}, {"question", "varchar"}},
	}
	for range rows {
		q.rows = append(q.rows, cells("7", "Bonds", "2026-03-10 14:05:00.000", "d1", "Why?"))
	}
	return q
}

func TestADeployedLakeAnswers(t *testing.T) {
	fake := &fakeAthena{
		t: t, workgroup: "windrow-prod-on24", page: 7,
		busy: map[string]int{"ListNamedQueries": 1, "StartQueryExecution": 2, "GetQueryExecution": 3, "GetQueryResults": 2},
		kept: []keptQuery{
			someQuestions(40), someTopics,
			{name: "my own", database: "windrow_prod_on24", sql: "drop table topics"},
			{name: "leads", database: "windrow_prod_on24", sql: "select leads", failed: "SYNTAX_ERROR: line 3:1: Column 'points' cannot be resolved"},
			{name: "no_shows", database: "windrow_prod_on24", sql: "select no_shows", refused: "Queries of this type are not supported"},
			{name: "monthly_trend", database: "windrow_prod_on24", sql: "select trend", columns: [][2]string{{"month", "varchar"}}},
		},
	}
	fake.serve()
	page, kept := filepath.Join(t.TempDir(), "report.html"), filepath.Join(t.TempDir(), "report.json")
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"-workgroup", "windrow-prod-on24", "-page", page, "-data", kept}, &stdout, &stderr, noon)
	if code != exitWrong {
		t.Errorf("exit status %d, want %d for what was not answered: %s", code, exitWrong, &stderr)
	}
	for _, want := range []string{"5 queries, 4.5 MB read", "the insight leads of windrow_prod_on24 has no answer: SYNTAX_ERROR: line 3:1", "no_shows of windrow_prod_on24 has no answer: Queries of this type"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("it does not say %q: %s", want, &stderr)
		}
	}
	file, err := os.Open(kept)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	got, err := report.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Lakes) != 1 || len(got.Lakes[0].Insights) != 5 {
		t.Fatalf("%d lakes, want one with 5 insights: %+v", len(got.Lakes), got)
	}
	var names []string
	for _, insight := range got.Lakes[0].Insights {
		names = append(names, insight.Name)
	}
	if diff := cmp.Diff([]string{"topics", "leads", "no_shows", "open_questions", "monthly_trend"}, names); diff != "" {
		t.Errorf("insights (-want +got):\n%s", diff)
	}
	topics := got.Lakes[0].Insights[0]
	plain := func(rows [][]any) (texts [][]string) {
		for _, row := range rows {
			var line []string
			for _, cell := range row {
				text := "null"
				if cell != nil {
					text = strings.TrimSpace(strings.Join([]string{kindOf(cell), toText(cell)}, " "))
				}
				line = append(line, text)
			}
			texts = append(texts, line)
		}
		return texts
	}
	want := [][]string{
		{`text Tax, "new"`, "number 2", "number 35298", "number 18104", "number 31.4", "number 5.2", "number 2790"},
		{"text", "number 1", "number 12", "number 4", "number 3.5", "null", "number 0"},
		{"null", "number 1", "number 1", "number 0", "null", "null", "number 0"},
	}
	if diff := cmp.Diff(want, plain(topics.Rows)); diff != "" || topics.Title != "Topics" || topics.Decision != "Which topics to make more of." {
		t.Errorf("topics %q, %q (-want +got):\n%s", topics.Title, topics.Decision, diff)
	}
	if questions := got.Lakes[0].Insights[3]; questions.Total != 40 || len(questions.Webinars) != 1 || questions.Webinars[0].Rows != 40 || questions.Rows[0][2] != "2026-03-10T14:05:00Z" {
		t.Errorf("questions of several pages: %+v", questions)
	}
	if trend := got.Lakes[0].Insights[4]; trend.Total != 0 || trend.Fault != "" {
		t.Errorf("an insight without rows: %+v", trend)
	}
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"40 questions from 1 webinar wait for an answer.", "as of 12 Mar 2026, 12:00 UTC", "What the runs did and what they cost is not in the lake", "the Athena workgroup windrow-prod-on24 in eu-west-1"} {
		if !strings.Contains(string(content), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if info, err := os.Stat(page); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the page is for everybody: %v, %v", info.Mode(), err)
	}
}

func kindOf(cell any) string {
	if _, is := cell.(string); is {
		return "text"
	}
	return "number"
}

func toText(cell any) string {
	if text, is := cell.(string); is {
		return text
	}
	return cell.(interface{ String() string }).String()
}

func TestWhatCannotBeAsked(t *testing.T) {
	for _, c := range []struct {
		name      string
		arguments []string
		kept      []keptQuery
		code      int
		want      string
	}{
		{"no workgroup", nil, nil, exitUsage, "-workgroup is missing"},
		{"an argument", []string{"-workgroup", "w", "x"}, nil, exitUsage, "want flags only"},
		{"another workgroup", []string{"-workgroup", "other"}, nil, exitWrong, "WorkGroup other is not found."},
		{"a workgroup without insights", []string{"-workgroup", "w"}, []keptQuery{{name: "my own", database: "d"}}, exitWrong, "the workgroup w keeps no insights for any database"},
		{"another database", []string{"-workgroup", "w", "-database", "e"}, []keptQuery{someTopics}, exitWrong, "keeps no insights for the database e"},
		{"a name twice", []string{"-workgroup", "w"}, []keptQuery{someTopics, someTopics}, exitWrong, "keeps two queries topics"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake := &fakeAthena{t: t, workgroup: "w", page: 1000, kept: c.kept}
			fake.serve()
			var stdout, stderr bytes.Buffer
			page := filepath.Join(t.TempDir(), "report.html")
			if code := run(t.Context(), append([]string{"-page", page}, c.arguments...), &stdout, &stderr, noon); code != c.code || !strings.Contains(stderr.String(), c.want) {
				t.Errorf("exit status %d, %s; want %d, %q", code, &stderr, c.code, c.want)
			}
			if _, err := os.Stat(page); err == nil {
				t.Error("there is a page all the same")
			}
			if fake.calls["StartQueryExecution"] > 0 {
				t.Error("a query was started")
			}
		})
	}
}

// TestAQueryThatNobodyWaitsForIsStopped ends the command in the midst of a query, which would go on to cost.
func TestAQueryThatNobodyWaitsForIsStopped(t *testing.T) {
	endless := someTopics
	endless.endless = true
	fake := &fakeAthena{t: t, workgroup: "w", page: 1000, kept: []keptQuery{endless}}
	fake.serve()
	ctx, stop := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer stop()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, []string{"-workgroup", "w", "-page", filepath.Join(t.TempDir(), "report.html")}, &stdout, &stderr, noon); code != exitWrong {
		t.Errorf("exit status %d: %s", code, &stderr)
	}
	if diff := cmp.Diff([]string{"topics"}, fake.stopped); diff != "" {
		t.Errorf("stopped (-want +got):\n%s", diff)
	}
}

// TestRowsBeyondTheMostAreLeftOut has more rows than are read.
func TestRowsBeyondTheMostAreLeftOut(t *testing.T) {
	fake := &fakeAthena{t: t, workgroup: "w", page: 1000, kept: []keptQuery{someQuestions(4500)}}
	fake.serve()
	settings, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a := &asker{athena: athena.NewFromConfig(settings), workgroup: "w", most: 2000, pause: func(context.Context, time.Duration) error { return nil }}
	lakes, err := a.lakes(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if total := lakes[0].Insights[0].Total; total != 2000 {
		t.Errorf("%d rows were counted, want 2000", total)
	}
	if diff := cmp.Diff([]string{"Of open_questions only the first 2000 rows were read."}, a.leftOut); diff != "" {
		t.Errorf("what is left out (-want +got):\n%s", diff)
	}
	// The first page has the columns' names too.
	if len(fake.pages) != 3 {
		t.Errorf("%d pages were read, want 3", len(fake.pages))
	}
}
