package startup_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/windrow-data/windrow/functions/startup"
	"github.com/windrow-data/windrow/functions/startup/secrets"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
)

// load makes a function from variables and the text of the vendor's description, "" for no such file.
func load(t *testing.T, env map[string]string, description string, logs *bytes.Buffer) (*startup.Function, error) {
	t.Helper()
	readFile := func(path string) ([]byte, error) {
		if path == "/proc/self/status" {
			return []byte("VmPeak:\t 99999 kB\nVmHWM:\t    1024 kB\n"), nil
		}
		if path != filepath.Join("/var/task", "vendor.json") || description == "" {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		}
		return []byte(description), nil
	}
	return startup.Load(func(name string) string { return env[name] }, readFile, logs)
}

func on24Description(t *testing.T) string {
	t.Helper()
	vendor := on24.Vendor("123")
	description, err := json.Marshal(vendor)
	if err != nil {
		t.Fatal(err)
	}
	return string(description)
}

func environment() map[string]string {
	return map[string]string{
		"LAMBDA_TASK_ROOT": "/var/task", "WINDROW_STREAM": "attendees", "WINDROW_RAW_BUCKET": "raw",
		"WINDROW_CURATED_BUCKET": "curated", "WINDROW_LOG_LEVEL": "WARN", "WINDROW_PIPELINE": "web/Pipeline", "WINDROW_EVENT_BUS": "default",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
	}
}

func TestLoad(t *testing.T) {
	var logs bytes.Buffer
	f, err := load(t, environment(), on24Description(t), &logs)
	if err != nil {
		t.Fatal(err)
	}
	if f.Stream.Name != "attendees" || f.Zone.Vendor != "on24" || f.Zone.Stream != "attendees" || f.Zone.Bucket.Name != "raw" ||
		f.Curated.Name != "curated" || f.AWS.Region != "eu-central-1" {
		t.Errorf("got %+v", f)
	}
	f.Logger.Info("left out")
	f.Logger.Warn("written", "stream", f.Stream.Name)
	var line struct{ Msg, Level, Stream string }
	if err := json.Unmarshal(logs.Bytes(), &line); err != nil || line.Msg != "written" || line.Stream != "attendees" {
		t.Errorf("the log holds %s (%v), want one line of JSON", logs.Bytes(), err)
	}
}

func TestLoadNamesWhatIsWrong(t *testing.T) {
	tests := []struct {
		name        string
		variable    string
		value       string
		description string
		says        string
	}{
		{"no bucket", "WINDROW_RAW_BUCKET", "", on24Description(t), "WINDROW_RAW_BUCKET is not set"},
		{"no description", "WINDROW_STREAM", "attendees", "", "/var/task/vendor.json"},
		{"no region", "AWS_REGION", "", on24Description(t), "AWS_REGION is not set: want the function's region"},
		{"a retry mode that is none", "AWS_RETRY_MODE", "stubborn", on24Description(t), `AWS_RETRY_MODE="stubborn": want standard or adaptive`},
		{"a number of attempts that is none", "AWS_MAX_ATTEMPTS", "few", on24Description(t), `AWS_MAX_ATTEMPTS="few": want a whole number`},
		{"no memory", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "", on24Description(t), `AWS_LAMBDA_FUNCTION_MEMORY_SIZE="": want the function's memory`},
		{"a description that is none", "WINDROW_STREAM", "attendees", `{"name":"on24","colour":"red"}`, "vendor.json: vendor description: colour: unknown field"},
		{"a stream that the vendor lacks", "WINDROW_STREAM", "sales", on24Description(t), `WINDROW_STREAM: vendor on24 has no stream "sales": want one of`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			env := environment()
			env[test.variable] = test.value
			_, err := load(t, env, test.description, &bytes.Buffer{})
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want an error that says %q", err, test.says)
			}
			if test.description == "" && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v does not match the file's own error", err)
			}
		})
	}
}

func TestOnlyASecretThatIsRenewedHasAKeeper(t *testing.T) {
	vendor := on24.Vendor("123")
	for name, c := range map[string]struct {
		auth vendorapi.Auth
		want bool
	}{
		"fixed credentials": {vendor.Auth, false},
		"tokens for them":   {vendorapi.AccountCredentials("https://login.example.com/token"), false},
		"a refresh token":   {vendorapi.RefreshToken("https://login.example.com/token"), true},
	} {
		t.Run(name, func(t *testing.T) {
			vendor.Auth = c.auth
			description, err := json.Marshal(vendor)
			if err != nil {
				t.Fatal(err)
			}
			f, err := load(t, environment(), string(description), &bytes.Buffer{})
			if err != nil {
				t.Fatal(err)
			}
			if got := secrets.Keeper(f, "holder", nil, nil); (got != nil) != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
