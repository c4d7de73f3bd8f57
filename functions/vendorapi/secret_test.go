package vendorapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

func TestParseSecret(t *testing.T) {
	tests := map[string]struct {
		data  string
		want  Secret
		fault string
	}{
		"well":         {`{"key": "a", "secret": "b\n"}`, Secret{"key": "a", "secret": "b\n"}, ""},
		"empty":        {`{}`, Secret{}, ""},
		"a bare value": {canary, nil, "not a JSON object"},
		"a string":     {`"` + canary + `"`, nil, "not a JSON object"},
		"nothing":      {"", nil, "not a JSON object"},
		"a number":     {`{"key": 1}`, nil, `field "key" of the vendor's secret is a JSON number`},
		"nested":       {`{"key": {"a": "` + canary + `"}}`, nil, `field "key" of the vendor's secret is a JSON object`},
		"broken":       {`{"key": "` + canary, nil, "not valid JSON near byte"},
		"unquoted":     {`{"key": canary}`, nil, "not valid JSON near byte"},
		"more":         {`{"key": "a"} ` + canary, nil, "not valid JSON near byte"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseSecret([]byte(test.data))
			if test.fault == "" {
				if diff := cmp.Diff(map[string]string(test.want), map[string]string(got)); err != nil || diff != "" {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.fault) || strings.Contains(err.Error(), "canary") {
				t.Errorf("got %v, want %s", err, test.fault)
			}
		})
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	secret := Secret{"key": canary}
	type holder struct{ Secret Secret }
	var log strings.Builder
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(handler).With("bound", secret).WithGroup("g").Info("x", "secret", secret, "held", holder{secret},
			"pointer", &secret, "error", fmt.Errorf("bad %v", secret))
	}
	marshalled, err := json.Marshal(holder{secret})
	if err != nil {
		t.Fatal(err)
	}
	other, err := jsonv2.Marshal(map[string]any{"a": []Secret{secret}})
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{log.String(), string(marshalled), string(other), fmt.Sprint(secret), secret.String(), fmt.Errorf("bad %w %s", errors.New("x"), secret).Error()}
	for _, verb := range "vsqxXdobBcUeEfFgGtOz" {
		for _, flags := range []string{"", "+", "#", "-", " ", "0", "40", ".2"} {
			for _, value := range []any{secret, &secret, holder{secret}, &holder{secret}, []Secret{secret}, map[string]Secret{"a": secret}, []any{secret}} {
				texts = append(texts, fmt.Sprintf("%"+flags+string(verb), value))
			}
		}
	}
	for _, text := range texts {
		if !strings.Contains(text, redacted) {
			t.Errorf("got %s", text)
		}
		for _, form := range []string{"%s", "%x", "%X", "% x", "% X", "%d"} {
			if shown := strings.Trim(fmt.Sprintf(form, []byte("canary")), "[]"); strings.Contains(text, shown) {
				t.Errorf("got %s", text)
			}
		}
	}
}

func TestAClientDoesNotPrintItsSecret(t *testing.T) {
	v := simple("http://127.0.0.1:1")
	v.Auth = Auth{Kind: AuthBearer, TokenField: "t"}
	client := mustClient(t, v, Secret{"t": canary}, newClock().options())
	held := struct{ client *Client }{client}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, value := range []any{client, held, *client} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, "canary") {
				t.Errorf("%s: %s", verb, text)
			}
		}
	}
}

func TestRedactor(t *testing.T) {
	secret := Secret{"user": "me", "short": "short", "long": "short-and-long"}
	redact := secret.redactor(Auth{Kind: AuthBasic, UsernameField: "user", PasswordField: "long"})
	got := redact.Replace("me short-and-long short bWU6c2hvcnQtYW5kLWxvbmc=")
	if want := "me [redacted] [redacted] [redacted]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
