package bench

import (
	"bytes"
	"slices"
	"testing"
)

// The programs are made of all that is beside them, as modules that nobody else depends on.
func TestSourcesOfCandidates(t *testing.T) {
	t.Parallel()
	files, err := sourcesOfCandidates()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "go.sum", "main.go", "columns.go", "json-hand.go", "compress-gzip1-klauspost.go", "parquet-arrowgo.go"} {
		if len(files[name]) == 0 {
			t.Errorf("%s is missing", name)
		}
	}
	if !bytes.Contains(files["scan.go"], []byte("\npackage main\n")) && !bytes.HasPrefix(files["scan.go"], []byte("package main\n")) {
		t.Errorf("scan.go is of another package than the programs: %.40s", files["scan.go"])
	}
	for name, content := range files {
		if name != "scan.go" && bytes.Contains(content, []byte("package main")) && !bytes.HasPrefix(content, []byte("//go:build ignore\n")) {
			t.Errorf("%s would be built as a part of Windrow", name)
		}
	}
}

// They are compared where somebody asks for it, since they are downloaded.
func TestCandidatesHaveToBeAskedFor(t *testing.T) {
	t.Parallel()
	is := func(m measure) bool { return m.name == "candidates" }
	all, err := Options{}.chosen()
	if err != nil || slices.ContainsFunc(all, is) {
		t.Errorf("candidates are among all measures (%v)", err)
	}
	asked, err := Options{Only: []string{"candidates"}}.chosen()
	if err != nil || len(asked) != 1 || !is(asked[0]) {
		t.Errorf("asked for, the measures are %v (%v)", asked, err)
	}
}
