package report

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/windrow-data/windrow/functions/lakesql"
)

// Question is what an insight asks.
type Question struct {
	Name, Title, Decision string
	// SQL is in the engine's words.
	SQL string
}

// Asked are the questions to one lake.
type Asked struct {
	// Name is the lake's; Schema is where its views are, empty where they are in no schema of their own.
	Name, Schema string
	// Kept is a view that several questions ask and that takes long: its rows are worked out once. Empty where there is none.
	Kept      string
	Questions []Question
}

// Ask puts questions to the lake that a local run has left in the folder dir, in one process of query.mjs, which stands with its
// packages in the checkout root. A question that cannot be answered is an insight with its fault; the error is that of asking at all,
// [ErrNoLibraries] where the packages are missing.
func Ask(ctx context.Context, root, dir string, asked []Asked) ([]Lake, error) {
	if len(asked) == 0 {
		return []Lake{}, nil
	}
	for _, path := range []string{"node_modules/@duckdb/node-api", queryProgram} {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(path))); err != nil {
			return nil, fmt.Errorf("%s is missing: %w", path, ErrNoLibraries)
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	queries, err := queriesOf(asked)
	if err != nil {
		return nil, err
	}
	node := exec.CommandContext(ctx, "node", filepath.FromSlash(queryProgram), "--json", "-", dir)
	node.Dir = root
	node.Stdin = bytes.NewReader(queries)
	var answers, said bytes.Buffer
	node.Stdout, node.Stderr = &answers, &said
	if err := node.Run(); err != nil {
		return nil, fmt.Errorf("ask the lake in %s: %w: %s", dir, err, strings.TrimSpace(said.String()))
	}
	return readAnswers(&answers, asked)
}

// queryProgram answers queries, and says how.
const queryProgram = "infra/local/query.mjs"

// queriesOf writes the questions as an object, whose order is theirs: each lake's begin with where it is looked in.
func queriesOf(asked []Asked) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	put := func(key, sql string) error {
		pair, err := json.Marshal(map[string]string{key: sql})
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.Write(bytes.Trim(pair, "{}"))
		return err
	}
	var faults []error
	for at, a := range asked {
		if a.Schema != "" {
			faults = append(faults, put(whereOf(at), "use "+lakesql.Identifier(a.Schema)))
		}
		if a.Kept != "" {
			// DuckDB looks for a name among the temporary tables first. Where the view cannot be read, the questions say so.
			view := lakesql.Identifier(a.Schema) + "." + lakesql.Identifier(a.Kept)
			faults = append(faults, put(whereOf(at)+" keeps", "create or replace temp table "+lakesql.Identifier(a.Kept)+" as select * from "+view))
		}
		for _, q := range a.Questions {
			faults = append(faults, put(fmt.Sprintf("%d %s", at, q.Name), q.SQL))
		}
	}
	b.WriteByte('}')
	return b.Bytes(), errors.Join(faults...)
}

// whereOf names the query that says where a lake is. It is no number: an object's numbers would come first, whatever their place.
func whereOf(lake int) string { return fmt.Sprintf("lake %d", lake) }

// told is what query.mjs answers to one query.
type told struct {
	Columns []string `json:"columns"`
	Types   []string `json:"types"`
	Rows    [][]any  `json:"rows"`
	Error   string   `json:"error"`
}

func readAnswers(r io.Reader, asked []Asked) ([]Lake, error) {
	decoder := json.NewDecoder(r)
	decoder.UseNumber()
	var answers map[string]told
	if err := decoder.Decode(&answers); err != nil {
		return nil, fmt.Errorf("what the lake answers: %w", err)
	}
	lakes := []Lake{}
	for at, a := range asked {
		if where := answers[whereOf(at)]; where.Error != "" {
			return nil, fmt.Errorf("the lake has no schema %s: %s", a.Schema, where.Error)
		}
		lake := Lake{Name: a.Name, Insights: []Insight{}}
		for _, q := range a.Questions {
			t, answered := answers[fmt.Sprintf("%d %s", at, q.Name)]
			if !answered {
				return nil, fmt.Errorf("%s was not answered", q.Name)
			}
			insight, err := t.insight(q)
			if err != nil {
				return nil, err
			}
			lake.Insights = append(lake.Insights, insight)
		}
		lakes = append(lakes, lake)
	}
	return lakes, nil
}

func (t told) insight(q Question) (Insight, error) {
	insight := Insight{Name: q.Name, Title: q.Title, Decision: q.Decision, Rows: [][]any{}, Fault: t.Error}
	if t.Error != "" {
		return insight, nil
	}
	if len(t.Types) != len(t.Columns) {
		return insight, fmt.Errorf("%s: %d types for %d columns", q.Name, len(t.Types), len(t.Columns))
	}
	columns := make([]Column, len(t.Columns))
	for i, name := range t.Columns {
		columns[i] = Column{Name: name, Type: t.Types[i]}
	}
	answer := NewAnswer(insight, columns)
	for _, row := range t.Rows {
		for i, cell := range row {
			if list, is := cell.([]any); is {
				row[i] = strings.Trim(fmt.Sprint(list), "[]")
			}
		}
		if err := answer.Add(row); err != nil {
			return insight, err
		}
	}
	return answer.Insight(), nil
}
