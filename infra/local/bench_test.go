package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/windrow-data/windrow/infra/local/bench"
)

func TestBenchFlags(t *testing.T) {
	t.Parallel()
	tests := []struct {
		arguments string
		want      bench.Options
	}{
		{"", bench.Options{Out: ".local/bench.json", Dir: ".local/bench-work"}},
		{"-quick", bench.Options{Quick: true, Out: ".local/bench.json", Dir: ".local/bench-work"}},
		{"-records 50000 -only ingest -only idle -out out/b.json", bench.Options{Records: 50_000, Only: []string{"ingest", "idle"}, Out: "out/b.json", Dir: "out/bench-work"}},
	}
	for _, test := range tests {
		t.Run(test.arguments, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			got, err := parseBench(strings.Fields(test.arguments), &stderr)
			if err != nil {
				t.Fatal(err)
			}
			if got.Records != test.want.Records || got.Quick != test.want.Quick || got.Out != test.want.Out || got.Dir != test.want.Dir ||
				strings.Join(got.Only, " ") != strings.Join(test.want.Only, " ") {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestWrongBenchFlags(t *testing.T) {
	t.Parallel()
	for arguments, want := range map[string]string{
		"bench -only speed":   `measure "speed": want one of`,
		"bench -records 1":    "want at least",
		"bench -records many": "invalid value",
		"bench ingest":        `argument "ingest": want flags only`,
		"bench -fast":         "-fast",
	} {
		t.Run(arguments, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), strings.Fields(arguments), &stdout, &stderr); code != exitUsage || !strings.Contains(stderr.String(), want) {
				t.Errorf("exit status %d, %q; want %d and %q", code, stderr.String(), exitUsage, want)
			}
		})
	}
}

func TestBenchHelpTellsMeasures(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"bench", "-help"}, &stdout, &stderr); code != 0 {
		t.Errorf("exit status %d", code)
	}
	for _, want := range []string{"ingest", "idle", "coldstart", "1000000", "100000", ".local/bench.json"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("help lacks %s", want)
		}
	}
}
