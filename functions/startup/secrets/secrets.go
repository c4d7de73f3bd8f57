// Package secrets reads and keeps the vendor's secret of a function.
//
// It stands apart from startup because only ingest asks the vendor for anything: a main links the client of Secrets Manager, and
// has it made at each start, where it imports this.
package secrets

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/windrow-data/windrow/functions/lease"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/startup"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorsecret"
)

// Read returns the vendor's secret, nil where the vendor needs none. Its errors match [vendorapi.ErrSecret] where the secret is at
// fault; they name fields, never values.
func Read(ctx context.Context, f *startup.Function) (vendorapi.Secret, error) {
	if f.Settings.Secret == "" {
		return nil, nil
	}
	return store(f).Read(ctx)
}

// Keeper returns what keeps the vendor's secret where its refresh token may be replaced, nil where nothing has to be written. Holder
// names the process as no other is named.
func Keeper(f *startup.Function, holder string, now func() time.Time, sleep func(context.Context, time.Duration) error) vendorapi.Keeper {
	if !f.Vendor.RenewsSecret() {
		return nil
	}
	return &vendorsecret.Keeper{
		Store: store(f),
		Lease: lease.Leaser{
			Bucket: f.Zone.Bucket, Key: settings.LeaseKey(f.Vendor.Name), Holder: holder, TTL: vendorsecret.TTL(f.Vendor), Now: now,
		},
		Sleep:  sleep,
		Logger: f.Logger,
	}
}

func store(f *startup.Function) vendorsecret.Store {
	return vendorsecret.Store{API: secretsmanager.NewFromConfig(f.AWS), ID: f.Settings.Secret, Vendor: f.Vendor}
}
