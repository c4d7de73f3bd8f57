package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseSizes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want []int
	}{
		{"128", []int{128}},
		{"512, 128,256", []int{128, 256, 512}},
		{"10240,128,128", []int{128, 10240}},
		{"", nil},
		{"64", nil},
		{"10241", nil},
		{"128,,256", nil},
		{"128MB", nil},
	}
	for _, test := range tests {
		got, err := parseSizes(test.text)
		if diff := cmp.Diff(test.want, got); diff != "" || (err == nil) != (test.want != nil) {
			t.Errorf("%q: %v, %v", test.text, got, err)
		}
	}
}

func TestSizesFlags(t *testing.T) {
	t.Parallel()
	tests := []struct {
		arguments string
		code      int
		want      string
	}{
		{"-help", 0, "power tuning"},
		{"-memory 64", exitUsage, `-memory "64": want sizes from 128 to 10240 MB`},
		{"-samples 0", exitUsage, "-samples 0: want 1 or more"},
		{"-repeat 0", exitUsage, "-repeat 0: want 1 or more"},
		{"-attendees 0", exitUsage, "-attendees 0: want 1 or more"},
		{"-page -1s", exitUsage, "-page -1s and -object 50ms: want 0 or more"},
		{"-c vendor", exitUsage, `-c "vendor": want KEY=VALUE`},
		{"now", exitUsage, "want flags only"},
		{"-nonsense", exitUsage, "-nonsense"},
	}
	for _, test := range tests {
		t.Run(test.arguments, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := findSizes(t.Context(), strings.Fields(test.arguments), surroundings{stdout: &stdout, stderr: &stderr, now: time.Now})
			if code != test.code || !strings.Contains(stderr.String(), test.want) {
				t.Errorf("exit status %d, want %d and %q:\n%s", code, test.code, test.want, stderr.String())
			}
		})
	}
}
