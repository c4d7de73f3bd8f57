package events

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestMatches(t *testing.T) {
	event := Event{
		Source: "windrow", DetailType: "Curated objects made", Resources: []string{"one", "two"},
		Detail: json.RawMessage(`{"pipeline":"web/Pipeline","stream":"orders","rows":3,"window":{"start":"2026"},"keys":["a","b"],"none":null}`),
	}
	tests := []struct {
		name, pattern string
		want          bool
	}{
		{"its source", `{"source":["windrow"]}`, true},
		{"one of two sources", `{"source":["other","windrow"]}`, true},
		{"another source", `{"source":["other"]}`, false},
		{"all fields count", `{"source":["windrow"],"detail-type":["Something else"]}`, false},
		{"a field of the detail", `{"detail":{"stream":["orders"]}}`, true},
		{"a field in the detail's object", `{"detail":{"window":{"start":["2026"]}}}`, true},
		{"a number", `{"detail":{"rows":[3]}}`, true},
		{"a number as a text is another", `{"detail":{"rows":["3"]}}`, false},
		{"an element of a list", `{"detail":{"keys":["b"]}}`, true},
		{"no element of a list", `{"detail":{"keys":["c"]}}`, false},
		{"null", `{"detail":{"none":[null]}}`, true},
		{"a missing field is not null", `{"detail":{"missing":[null]}}`, false},
		{"a field that is there", `{"detail":{"stream":[{"exists":true}]}}`, true},
		{"a field that is not", `{"detail":{"missing":[{"exists":false}]}}`, true},
		{"a field that should not be", `{"detail":{"stream":[{"exists":false}]}}`, false},
		{"a prefix", `{"detail":{"pipeline":[{"prefix":"web/"}]}}`, true},
		{"another prefix", `{"detail":{"pipeline":[{"prefix":"app/"}]}}`, false},
		{"a prefix of a number", `{"detail":{"rows":[{"prefix":"3"}]}}`, false},
		{"a suffix", `{"detail":{"pipeline":[{"suffix":"Pipeline"}]}}`, true},
		{"another case", `{"detail":{"stream":[{"equals-ignore-case":"Orders"}]}}`, true},
		{"anything but another", `{"detail":{"stream":[{"anything-but":["refunds"]}]}}`, true},
		{"anything but it", `{"detail":{"stream":[{"anything-but":"orders"}]}}`, false},
		{"a prefix, or a value", `{"detail":{"stream":[{"prefix":"ref"},"orders"]}}`, true},
		{"nothing asked for", `{}`, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, err := Matches(json.RawMessage(test.pattern), event); got != test.want || err != nil {
				t.Errorf("%s: %t, %v, want %t", test.pattern, got, err, test.want)
			}
		})
	}
	for pattern, says := range map[string]string{
		`{"source":[{"wildcard":"w*"}]}`: "operator wildcard", `{"source":"windrow"}`: "a list of values", `[]`: "not a JSON object",
	} {
		if _, err := Matches(json.RawMessage(pattern), event); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want an error that says %q", pattern, err, says)
		}
	}
}
