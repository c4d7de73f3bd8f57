package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/windrow-data/windrow/functions/privacy"
)

const (
	machineARN = "arn:aws:states:eu-west-1:111122223333:stateMachine:Erasure"
	keyARN     = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:key-a1b2c3"
	email      = "ann.b@example.com"
)

var keyText = strings.Repeat("k", privacy.GeneratedKeyLength)

// fakeAWS stands for the services, and keeps what they are told.
type fakeAWS struct {
	told   []string
	polls  int
	status types.ExecutionStatus
	output string
}

func (f *fakeAWS) GetSecretValue(_ context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	f.told = append(f.told, *in.SecretId)
	return &secretsmanager.GetSecretValueOutput{SecretString: &keyText}, nil
}

func (f *fakeAWS) StartExecution(_ context.Context, in *sfn.StartExecutionInput, _ ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	f.told = append(f.told, *in.StateMachineArn, *in.Name, *in.Input)
	return &sfn.StartExecutionOutput{ExecutionArn: aws.String("arn:execution")}, nil
}

func (f *fakeAWS) DescribeExecution(context.Context, *sfn.DescribeExecutionInput, ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error) {
	if f.polls++; f.polls < 3 {
		return &sfn.DescribeExecutionOutput{Status: types.ExecutionStatusRunning}, nil
	}
	return &sfn.DescribeExecutionOutput{Status: f.status, Output: &f.output, Error: aws.String("ErasureIncomplete"), Cause: aws.String("not all")}, nil
}

func (f *fakeAWS) ListObjectsV2(_ context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	return &s3.ListObjectsV2Output{Contents: []s3types.Object{
		{Key: aws.String(*in.Prefix + "attendees-1.ndjson")}, {Key: aws.String(*in.Prefix + "refund-notes-2.ndjson")},
	}}, nil
}

func (f *fakeAWS) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	return &s3.GetObjectOutput{Body: io.NopCloser(strings.NewReader(`{"email":"` + email + `","key":"` + *in.Key + "\"}\n"))}, nil
}

// call runs the command with arguments against f.
func (f *fakeAWS) call(t *testing.T, stdin string, arguments ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, diagnostics bytes.Buffer
	o, err := parse(arguments, &diagnostics)
	if err != nil {
		return "", diagnostics.String(), err
	}
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	c := command{
		options: o, secrets: f, machines: f, objects: f, stdin: strings.NewReader(stdin), stdout: &out, stderr: &diagnostics,
		now: func() time.Time { return now }, sleep: func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil },
	}
	err = c.run(t.Context())
	return out.String(), diagnostics.String(), err
}

func TestErase(t *testing.T) {
	f := &fakeAWS{status: types.ExecutionStatusSucceeded, output: `{"next":"done","bucket":"raw","record":"acme/erasures/x.json","found":{"attendees":{"records":3,"parts":2,"windows":1}}}`}
	stdout, stderr, err := f.call(t, " Ann.B@example.com \nerase\n", "erase", "-state-machine", machineARN, "-key", keyARN)
	if err != nil {
		t.Fatal(err)
	}
	digest := privacy.Key(keyText).Digest(email)
	told := strings.Join(f.told, "\n")
	want := strings.Join([]string{keyARN, machineARN, "erase-" + digest[:8] + "-20260310T120000Z", `{"action":"erase","digest":"` + digest + `"}`}, "\n")
	if told != want {
		t.Errorf("AWS was told\n%s\nwant\n%s", told, want)
	}
	for _, part := range []string{"attendees  3", "record: s3://raw/acme/erasures/x.json"} {
		if !strings.Contains(stdout, part) {
			t.Errorf("stdout lacks %q:\n%s", part, stdout)
		}
	}
	if all := strings.ToLower(stdout + stderr + told); strings.Contains(all, email) {
		t.Errorf("the address is told:\n%s", all)
	}
}

func TestExport(t *testing.T) {
	out := filepath.Join(t.TempDir(), "ann.ndjson")
	f := &fakeAWS{status: types.ExecutionStatusSucceeded, output: `{"next":"done","bucket":"results","record":"exports/x/y/","found":{}}`}
	if _, _, err := f.call(t, email, "export", "-state-machine", machineARN, "-key", keyARN, "-out", out); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(out)
	want := `{"stream":"attendees","record":{"email":"ann.b@example.com","key":"exports/x/y/attendees-1.ndjson"}}
{"stream":"refund-notes","record":{"email":"ann.b@example.com","key":"exports/x/y/refund-notes-2.ndjson"}}
`
	if err != nil || string(content) != want {
		t.Errorf("%v\n%s", err, content)
	}
	if info, err := os.Stat(out); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is for others to read: %v, %v", info.Mode(), err)
	}
	f.polls = 0
	if _, _, err := f.call(t, email, "export", "-state-machine", machineARN, "-key", keyARN, "-out", out); !errors.Is(err, os.ErrExist) {
		t.Errorf("over a file that is there: %v", err)
	}
}

func TestWhatIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		stdin, arguments, want string
	}{
		"no action":                {"", "-state-machine " + machineARN, `action "": want erase or export`},
		"another action":           {"", "forget -state-machine " + machineARN, `action "forget"`},
		"an address as argument":   {"", "erase -state-machine " + machineARN + " -key k x@example.com", "the address is read from standard input"},
		"no state machine":         {"", "erase -key k", "-state-machine"},
		"no key":                   {"", "erase -state-machine " + machineARN, "-key"},
		"an export without a file": {"", "export -key k -state-machine " + machineARN, "-out"},
		"an erasure with a file":   {"", "erase -out f -key k -state-machine " + machineARN, "-out"},
		"no address":               {"", "erase -key k -state-machine " + machineARN, "no address on standard input"},
		"two addresses":            {"a@example.com b@example.com\n", "erase -key k -state-machine " + machineARN, "no e-mail address"},
		"a name":                   {"Ann\n", "erase -key k -state-machine " + machineARN, "no e-mail address"},
		"a wrong digest":           {"", "erase -digest abc -state-machine " + machineARN, "want 32 of 0-9 and a-f"},
		"no confirmation":          {email + "\nno\n", "erase -key k -state-machine " + machineARN, "nothing was done"},
		"a failed execution":       {email + "\n", "erase -yes -key k -state-machine " + machineARN, "ended as FAILED, ErasureIncomplete: not all"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeAWS{status: types.ExecutionStatusFailed}
			_, stderr, err := f.call(t, test.stdin, strings.Fields(test.arguments)...)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if err != nil && test.stdin != "" && strings.Contains(err.Error()+stderr, strings.TrimSpace(test.stdin)) {
				t.Errorf("the error quotes what was typed: %v", err)
			}
			if started := len(f.told) > 1; started != (name == "a failed execution") {
				t.Errorf("started: %v", started)
			}
		})
	}
}
