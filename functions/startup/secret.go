package startup

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Secret reads the vendor's secret, nil where the vendor needs none. Its errors match [ErrSecret] where the secret is at
// fault; they name fields, never values.
func (f *Function) Secret(ctx context.Context) (vendorapi.Secret, error) {
	id := f.Settings.Secret
	if id == "" {
		return nil, nil
	}
	wanted := strings.Join(f.Vendor.SecretFields(), ", ")
	output, err := secretsmanager.NewFromConfig(f.AWS).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
	if missing := (*types.ResourceNotFoundException)(nil); errors.As(err, &missing) {
		return nil, fmt.Errorf("%w: %s has no value yet: put a JSON object with the fields %s there", ErrSecret, id, wanted)
	}
	if err != nil {
		return nil, fmt.Errorf("read the vendor's secret: %w", err)
	}
	if output.SecretString == nil {
		return nil, fmt.Errorf("%w: %s is binary: want a JSON object of strings with the fields %s", ErrSecret, id, wanted)
	}
	secret, err := vendorapi.ParseSecret([]byte(*output.SecretString))
	if err == nil {
		err = f.Vendor.CheckSecret(secret)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrSecret, id, err)
	}
	return secret, nil
}
