package report

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed ask.mjs
var askScript string

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
	Questions    []Question
}

// Ask puts questions to the lake that a local run has left in the folder dir, by DuckDB in one Node process: the package
// @duckdb/node-api is found from the folder root. A question that cannot be answered is an insight with its fault; the error is that
// of asking at all, [ErrNoLibraries] where the package is missing.
func Ask(ctx context.Context, root, dir string, asked []Asked) ([]Lake, error) {
	if _, err := os.Stat(filepath.Join(root, "node_modules", "@duckdb", "node-api")); err != nil {
		return nil, fmt.Errorf("@duckdb/node-api is missing: %w", ErrNoLibraries)
	}
	views, err := filepath.Abs(filepath.Join(dir, "views.sql"))
	if err != nil {
		return nil, err
	}
	type lake struct {
		Schema  string   `json:"schema"`
		Queries []string `json:"queries"`
	}
	input := struct {
		Views string `json:"views"`
		Lakes []lake `json:"lakes"`
	}{views, []lake{}}
	for _, a := range asked {
		l := lake{a.Schema, []string{}}
		for _, q := range a.Questions {
			l.Queries = append(l.Queries, q.SQL)
		}
		input.Lakes = append(input.Lakes, l)
	}
	stdin, err := json.Marshal(input)
	if err != nil {
		return nil, err
	}
	// As text on the command line the script finds its package from the folder it is run in.
	node := exec.CommandContext(ctx, "node", "--input-type=module", "--eval", askScript)
	node.Dir = root
	node.Stdin = bytes.NewReader(stdin)
	var said bytes.Buffer
	node.Stderr = &said
	stdout, err := node.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := node.Start(); err != nil {
		return nil, fmt.Errorf("start node to ask the lake: %w", err)
	}
	lakes, fault := readAnswers(stdout, asked)
	if fault != nil {
		io.Copy(io.Discard, stdout) // so that it can end
	}
	if err := node.Wait(); err != nil {
		return nil, fmt.Errorf("ask the lake %s: %w: %s", views, err, strings.TrimSpace(said.String()))
	}
	return lakes, fault
}

// readAnswers reads what ask.mjs tells.
func readAnswers(r io.Reader, asked []Asked) ([]Lake, error) {
	lines := json.NewDecoder(r)
	next := func() (line struct {
		Columns [][2]string `json:"columns"`
		Rows    [][]*string `json:"rows"`
		Fault   string      `json:"fault"`
	}, err error) {
		err = lines.Decode(&line)
		return
	}
	lakes := []Lake{}
	line, err := next()
	for _, a := range asked {
		lake := Lake{Name: a.Name, Insights: []Insight{}}
		for _, q := range a.Questions {
			insight := Insight{Name: q.Name, Title: q.Title, Decision: q.Decision, Rows: [][]any{}}
			if err != nil {
				return nil, fmt.Errorf("%s was not answered: %w", q.Name, err)
			}
			if line.Fault != "" {
				insight.Fault = line.Fault
				lake.Insights = append(lake.Insights, insight)
				line, err = next()
				continue
			}
			var columns []Column
			for _, c := range line.Columns {
				columns = append(columns, Column{Name: c[0], Type: c[1]})
			}
			answer := NewAnswer(insight, columns)
			for line, err = next(); err == nil && line.Rows != nil; line, err = next() {
				for _, row := range line.Rows {
					if err := answer.Add(row); err != nil {
						return nil, err
					}
				}
			}
			lake.Insights = append(lake.Insights, answer.Insight())
		}
		lakes = append(lakes, lake)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return lakes, nil
}
