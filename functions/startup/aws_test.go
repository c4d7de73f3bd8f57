package startup_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"
)

// sent notes the requests of the SDK's clients, and refuses each.
type sent []string

// signature differs from second to second.
var signature = regexp.MustCompile(`Signature=\w+`)

func (s *sent) Do(r *http.Request) (*http.Response, error) {
	header := r.Header.Clone()
	for _, name := range []string{"X-Amz-Date", "Amz-Sdk-Invocation-Id"} {
		header.Del(name)
	}
	var text bytes.Buffer
	if err := header.Write(&text); err != nil {
		return nil, err
	}
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	line := r.Method + " " + r.URL.String() + "\n" + text.String() + "\n" + string(body)
	*s = append(*s, signature.ReplaceAllString(line, "Signature=..."))
	return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{}, Body: http.NoBody}, nil
}

// requests are what the clients send that are made from c.
func requests(t *testing.T, c aws.Config) []string {
	t.Helper()
	var s sent
	c.HTTPClient = &s
	store := s3.NewFromConfig(c)
	put := &s3.PutObjectInput{Bucket: aws.String("raw"), Key: aws.String("k"), Body: strings.NewReader("x"), IfNoneMatch: aws.String("*")}
	ctx := context.Background()
	call := func(err error) {
		if err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("a client says %v", err)
		}
	}
	_, err := store.PutObject(ctx, put)
	call(err)
	_, err = store.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("raw"), Key: aws.String("k")})
	call(err)
	_, err = store.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("raw"), Prefix: aws.String("k")})
	call(err)
	_, err = secretsmanager.NewFromConfig(c).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")})
	call(err)
	_, err = eventbridge.NewFromConfig(c).PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{Source: aws.String("windrow")}}})
	call(err)
	return s
}

// TestTheSDKIsSetUpAsByItself compares what the clients send with what they send where the SDK's own package configures them.
func TestTheSDKIsSetUpAsByItself(t *testing.T) {
	for name, variables := range map[string]map[string]string{
		"in Lambda":                 {},
		"with a session":            {"AWS_SESSION_TOKEN": "session"},
		"on one's own machine":      {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://127.0.0.1:2", "AWS_ENDPOINT_URL_EVENTBRIDGE": "http://127.0.0.1:3"},
		"with one endpoint for all": {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
		"one endpoint but for S3":   {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:2"},
		"with FIPS":                 {"AWS_USE_FIPS_ENDPOINT": "true"},
		"with IPv6":                 {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
		"with another retry mode":   {"AWS_RETRY_MODE": "adaptive", "AWS_MAX_ATTEMPTS": "5"},
	} {
		t.Run(name, func(t *testing.T) {
			env := environment()
			for name, value := range variables {
				env[name] = value
			}
			for _, variable := range os.Environ() {
				if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") {
					t.Setenv(name, "")
					os.Unsetenv(name)
				}
			}
			for name, value := range env {
				t.Setenv(name, value)
			}
			none := filepath.Join(t.TempDir(), "none")
			t.Setenv("AWS_CONFIG_FILE", none)
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
			want, err := config.LoadDefaultConfig(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			f, err := load(t, env, on24Description(t), &bytes.Buffer{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(requests(t, want), requests(t, f.AWS)); diff != "" {
				t.Errorf("(-the SDK's own +ours):\n%s", diff)
			}
		})
	}
}

func TestWithoutCredentialsNothingIsSent(t *testing.T) {
	env := environment()
	delete(env, "AWS_SECRET_ACCESS_KEY")
	f, err := load(t, env, on24Description(t), &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	var s sent
	f.AWS.HTTPClient = &s
	_, err = s3.NewFromConfig(f.AWS).GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("raw"), Key: aws.String("k")})
	if want := "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"; err == nil || !strings.Contains(err.Error(), want) || len(s) > 0 {
		t.Errorf("got %v after %d requests, want an error that says %q", err, len(s), want)
	}
}
