// Package keys reads the privacy key of a function: that under which it makes digests of what tells who a person is.
//
// It stands apart from package secrets, whose vendor's secret is ingest's alone, and from startup, since a main links the client of
// Secrets Manager where it imports this.
package keys

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/startup"
)

// Reader returns what reads the function's privacy key, for one goroutine at a time: from Secrets Manager the first time that it is
// called with success, and from memory from then on, so that a process that needs no key asks for none, and any other once. The client
// is not made before either. Its errors match [startup.ErrMisconfigured] where the function has no such secret, and [privacy.ErrKey]
// where the secret holds no key; they never tell what it holds.
func Reader(f *startup.Function) func(context.Context) (privacy.Key, error) {
	// A closure holds the key, since fmt would print it from an unexported field.
	var key privacy.Key
	return func(ctx context.Context) (_ privacy.Key, err error) {
		if key == nil {
			key, err = read(ctx, f)
		}
		return key, err
	}
}

func read(ctx context.Context, f *startup.Function) (privacy.Key, error) {
	id := f.Settings.PrivacyKeySecret
	if id == "" {
		return nil, fmt.Errorf("%w: %s is not set: want the ARN of the secret that holds the privacy key, as the construct sets it", startup.ErrMisconfigured, settings.EnvPrivacyKeySecret)
	}
	output, err := secretsmanager.NewFromConfig(f.AWS).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
	if missing := (*types.ResourceNotFoundException)(nil); errors.As(err, &missing) {
		return nil, fmt.Errorf("%w: the secret %s is not there or has no value: want one of %d letters and digits; where it had one before, that one, since all digests hang on it", privacy.ErrKey, id, privacy.GeneratedKeyLength)
	}
	if err != nil {
		return nil, fmt.Errorf("read the privacy key: %w", err)
	}
	if output.SecretString == nil {
		return nil, fmt.Errorf("%w: the secret %s is binary: want text of at least %d characters", privacy.ErrKey, id, privacy.LeastKeyLength)
	}
	key, err := privacy.ParseKey(*output.SecretString)
	if err != nil {
		return nil, fmt.Errorf("the secret %s: %w", id, err)
	}
	return key, nil
}
