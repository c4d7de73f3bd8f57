package startup

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/windrow-data/windrow/functions/lease"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorsecret"
)

// Secret reads the vendor's secret, nil where the vendor needs none. Its errors match [ErrSecret] where the secret is at
// fault; they name fields, never values.
func (f *Function) Secret(ctx context.Context) (vendorapi.Secret, error) {
	if f.Settings.Secret == "" {
		return nil, nil
	}
	return f.secretStore().Read(ctx)
}

// Keeper returns what keeps the vendor's secret where its refresh token may be replaced, nil where nothing has to be written. Holder
// names the process as no other is named.
func (f *Function) Keeper(holder string, now func() time.Time, sleep func(context.Context, time.Duration) error) vendorapi.Keeper {
	if !f.Vendor.RenewsSecret() {
		return nil
	}
	return &vendorsecret.Keeper{
		Store: f.secretStore(),
		Lease: lease.Leaser{
			Bucket: f.Zone.Bucket, Key: settings.LeaseKey(f.Vendor.Name), Holder: holder, TTL: vendorsecret.TTL(f.Vendor), Now: now,
		},
		Sleep:  sleep,
		Logger: f.Logger,
	}
}

func (f *Function) secretStore() vendorsecret.Store {
	return vendorsecret.Store{API: secretsmanager.NewFromConfig(f.AWS), ID: f.Settings.Secret, Vendor: f.Vendor}
}
