package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	o, err := parse(nil, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	if !o.From.Equal(from) || !o.Until.Equal(from.Add(24*time.Hour)) || o.Env != "local" || o.Out != ".local" {
		t.Errorf("defaults %+v", o)
	}
	if o, err = parse([]string{"-from", "2026-04-01T12:00:00Z"}, &stderr); err != nil || !o.Until.Equal(o.From.Add(24*time.Hour)) {
		t.Errorf("a day from %s ends at %s (%v)", o.From, o.Until, err)
	}
	if o, err = parse([]string{"-c", "vendor=zoom", "-c", "owner=a=b"}, &stderr); err != nil || len(o.Context) != 2 || o.Context["vendor"] != "zoom" || o.Context["owner"] != "a=b" {
		t.Errorf("the context is %v (%v)", o.Context, err)
	}
	if o, err = parse([]string{"-keep"}, &stderr); err != nil || !o.From.IsZero() || !o.Until.IsZero() {
		t.Errorf("-keep leaves the span to the last run, got %s to %s (%v)", o.From, o.Until, err)
	}
}

func TestWrongFlags(t *testing.T) {
	t.Parallel()
	tests := []struct {
		arguments string
		want      string
	}{
		{"-from yesterday", "RFC 3339"},
		{"-until 2026-03-10T00:00:00.5Z", "whole seconds"},
		{"-interval -1m", "above 0"},
		{"-attendees 0", "1 or more"},
		{"-secret file", "belongs to -vendor-url"},
		{"-c vendor", "want KEY=VALUE"},
		{"-c =zoom", "want KEY=VALUE"},
		{"now", "flags only"},
		{"-nonsense", "-nonsense"},
	}
	for _, test := range tests {
		t.Run(test.arguments, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), strings.Fields(test.arguments), &stdout, &stderr)
			if code != exitUsage || !strings.Contains(stderr.String(), test.want) {
				t.Errorf("exit status %d, %q; want %d and %q", code, stderr.String(), exitUsage, test.want)
			}
		})
	}
}

func TestHelpTellsDefaults(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-help"}, &stdout, &stderr); code != 0 {
		t.Errorf("exit status %d", code)
	}
	for _, want := range []string{"go run ./infra", defaultFrom, ".local", "60000"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("help lacks %s", want)
		}
	}
}
