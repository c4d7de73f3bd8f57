// Package vendorsecret reads a vendor's secret in Secrets Manager, and writes it where its refresh token is replaced by its use.
//
// It stands apart because it is a protocol between functions: of all streams' functions one at a time spends the refresh token,
// and what came in its place is never lost by a crash, nor does it undo what a person writes meanwhile. See [Keeper].
package vendorsecret

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// API is the part of the Secrets Manager client that is used. *secretsmanager.Client has it.
type API interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
	PutSecretValue(context.Context, *secretsmanager.PutSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error)
	UpdateSecretVersionStage(context.Context, *secretsmanager.UpdateSecretVersionStageInput, ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error)
}

// Store is where a vendor's secret is.
type Store struct {
	API API
	// ID is the secret's ARN or name.
	ID     string
	Vendor *vendorapi.Vendor
}

// stageCurrent is the stage of the version that counts.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version
const stageCurrent = "AWSCURRENT"

// Read returns the current secret. Its errors match [vendorapi.ErrSecret] where the secret is at fault; they name fields, never
// values.
func (s Store) Read(ctx context.Context) (vendorapi.Secret, error) {
	v, err := s.read(ctx, &secretsmanager.GetSecretValueInput{})
	if missing := (*types.ResourceNotFoundException)(nil); errors.As(err, &missing) {
		return nil, fmt.Errorf("%w: %s has no value yet: put a JSON object with the fields %s there", vendorapi.ErrSecret, s.ID, s.fields())
	}
	if err != nil {
		return nil, err
	}
	return v.secret(), nil
}

func (s Store) fields() string { return strings.Join(s.Vendor.SecretFields(), ", ") }

// version is one version of the secret. Its fields are in a closure, since fmt would print them from an unexported field.
type version struct {
	id     string
	secret func() vendorapi.Secret
}

// read returns the version that the input asks for.
func (s Store) read(ctx context.Context, input *secretsmanager.GetSecretValueInput) (version, error) {
	input.SecretId = &s.ID
	output, err := s.API.GetSecretValue(ctx, input)
	if err != nil {
		return version{}, fmt.Errorf("read the vendor's secret: %w", err)
	}
	if output.SecretString == nil {
		return version{}, fmt.Errorf("%w: %s is binary: want a JSON object of strings with the fields %s", vendorapi.ErrSecret, s.ID, s.fields())
	}
	secret, err := vendorapi.ParseSecret([]byte(*output.SecretString))
	if err == nil {
		err = s.Vendor.CheckSecret(secret)
	}
	if err != nil {
		return version{}, fmt.Errorf("%w: %s: %w", vendorapi.ErrSecret, s.ID, err)
	}
	id := ""
	if output.VersionId != nil {
		id = *output.VersionId
	}
	return version{id: id, secret: func() vendorapi.Secret { return secret }}, nil
}
