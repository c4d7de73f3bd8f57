package secrets_test

import (
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/windrow-data/windrow/infra/local/secrets"
)

const arn = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:vendor-local0"

func client(t *testing.T) *secretsmanager.Client {
	t.Helper()
	server := secrets.NewServer(func() time.Time { return time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC) })
	server.Set(arn, "vendor", `{"token":"one"}`)
	front := httptest.NewServer(server)
	t.Cleanup(front.Close)
	return secretsmanager.New(secretsmanager.Options{
		Region:       "eu-central-1",
		BaseEndpoint: aws.String(front.URL),
		Credentials:  credentials.NewStaticCredentialsProvider("access", "secret", ""),
	})
}

func TestValueIsFoundByNameAndARN(t *testing.T) {
	t.Parallel()
	c := client(t)
	for _, id := range []string{"vendor", arn} {
		output, err := c.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(id)})
		if err != nil {
			t.Fatal(err)
		}
		if aws.ToString(output.SecretString) != `{"token":"one"}` || aws.ToString(output.ARN) != arn {
			t.Errorf("%s: value %q of %q", id, aws.ToString(output.SecretString), aws.ToString(output.ARN))
		}
	}
}

func TestUnknownSecret(t *testing.T) {
	t.Parallel()
	_, err := client(t).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("nobody")})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) {
		t.Errorf("error %v, want ResourceNotFoundException", err)
	}
}

func TestStageMovesOnlyFromWhereItIs(t *testing.T) {
	t.Parallel()
	c := client(t)
	first, err := c.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(arn)})
	if err != nil {
		t.Fatal(err)
	}
	pending, err := c.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(arn), SecretString: aws.String(`{"token":"two"}`), VersionStages: []string{"PENDING"},
	})
	if err != nil {
		t.Fatal(err)
	}
	moveFrom := func(from *string) error {
		_, err := c.UpdateSecretVersionStage(t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
			SecretId: aws.String(arn), VersionStage: aws.String("AWSCURRENT"),
			MoveToVersionId: pending.VersionId, RemoveFromVersionId: from,
		})
		return err
	}
	var wrong *types.InvalidParameterException
	if err := moveFrom(aws.String("another")); !errors.As(err, &wrong) {
		t.Errorf("from another version: %v, want InvalidParameterException", err)
	}
	if err := moveFrom(first.VersionId); err != nil {
		t.Fatal(err)
	}
	for stage, want := range map[string]string{"AWSCURRENT": `{"token":"two"}`, "AWSPREVIOUS": `{"token":"one"}`} {
		output, err := c.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(arn), VersionStage: aws.String(stage)})
		if err != nil {
			t.Fatal(err)
		}
		if got := aws.ToString(output.SecretString); got != want {
			t.Errorf("%s is %s, want %s", stage, got, want)
		}
	}
}

// TestAPendingVersionIsPutOnce puts a version as a function does that stores a new refresh token.
func TestAPendingVersionIsPutOnce(t *testing.T) {
	t.Parallel()
	c := client(t)
	const id = "windrow-0123456789abcdef0123456789abcdef"
	put := func(id, value string) error {
		_, err := c.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
			SecretId: aws.String(arn), ClientRequestToken: aws.String(id), SecretString: aws.String(value), VersionStages: []string{"WINDROW_PENDING"},
		})
		return err
	}
	for range 2 {
		if err := put(id, `{"token":"two"}`); err != nil {
			t.Fatal(err)
		}
	}
	var exists *types.ResourceExistsException
	if err := put(id, `{"token":"three"}`); !errors.As(err, &exists) {
		t.Errorf("another value under one id: %v, want ResourceExistsException", err)
	}
	var wrong *types.InvalidParameterException
	if err := put("short", `{}`); !errors.As(err, &wrong) {
		t.Errorf("a short id: %v, want InvalidParameterException", err)
	}
	get := func(id, stage *string) string {
		output, err := c.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(arn), VersionId: id, VersionStage: stage})
		var missing *types.ResourceNotFoundException
		if err != nil && !errors.As(err, &missing) {
			t.Fatal(err)
		}
		if err != nil {
			return "none"
		}
		return aws.ToString(output.SecretString)
	}
	for name, check := range map[string]struct{ got, want string }{
		"the current one":   {get(nil, nil), `{"token":"one"}`},
		"by its stage":      {get(nil, aws.String("WINDROW_PENDING")), `{"token":"two"}`},
		"by its id":         {get(aws.String(id), nil), `{"token":"two"}`},
		"by both":           {get(aws.String(id), aws.String("AWSCURRENT")), "none"},
		"of no such id":     {get(aws.String("0123456789abcdef0123456789abcdef0123"), nil), "none"},
		"of an empty stage": {get(nil, aws.String("AWSPREVIOUS")), "none"},
	} {
		if check.got != check.want {
			t.Errorf("%s is %s, want %s", name, check.got, check.want)
		}
	}
	// The next pending version takes the stage, and the one before keeps its id.
	if err := put("windrow-f123456789abcdef0123456789abcdef", `{"token":"three"}`); err != nil {
		t.Fatal(err)
	}
	if got := get(nil, aws.String("WINDROW_PENDING")) + get(aws.String(id), nil); got != `{"token":"three"}{"token":"two"}` {
		t.Errorf("got %s", got)
	}
	_, err := c.UpdateSecretVersionStage(t.Context(), &secretsmanager.UpdateSecretVersionStageInput{SecretId: aws.String(arn), VersionStage: aws.String("AWSCURRENT")})
	if !errors.As(err, &wrong) {
		t.Errorf("AWSCURRENT to nowhere: %v, want InvalidParameterException", err)
	}
}
