package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/gotowebinar"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
	"github.com/windrow-data/windrow/functions/vendorapi/zoom"
)

// contextVendor is the key by which the context names the vendor; defaultVendor is whose pipeline it is where it names none.
const (
	contextVendor = "vendor"
	defaultVendor = on24.Name
)

// readyVendor is a vendor whose description this module has.
type readyVendor struct {
	// account is the context key of the account's number at the vendor, empty where the secret alone names the account; where says where
	// a person finds it, simulated is that of a local run.
	account, where, simulated string
	describe                  func(account string) *vendorapi.Vendor
}

var readyVendors = map[string]readyVendor{
	on24.Name: {
		account: "clientId", where: "the client id that ON24 shows beside the API token", simulated: "90001",
		describe: func(clientID string) *vendorapi.Vendor { return on24.Vendor(clientID) },
	},
	zoom.Name: {
		describe: func(string) *vendorapi.Vendor { return zoom.Vendor() },
	},
	gotowebinar.Name: {
		account: "organizerKey", where: "the organizer_key in the answer to GoTo's first token request", simulated: "5555555555555555555",
		describe: func(organizerKey string) *vendorapi.Vendor { return gotowebinar.Vendor(organizerKey) },
	},
}

// vendorOf describes the vendor that the context names.
func (e environment) vendorOf(value func(key string) string) (*vendorapi.Vendor, error) {
	name := cmp.Or(value(contextVendor), defaultVendor)
	ready, known := readyVendors[name]
	if !known {
		return nil, fmt.Errorf("vendor is %q: give -c vendor=NAME, with NAME one of %s; for any other one, see docs/own-vendor.md",
			name, strings.Join(slices.Sorted(maps.Keys(readyVendors)), ", "))
	}
	if ready.account == "" {
		return ready.describe(""), nil
	}
	account := value(ready.account)
	if e.Simulated {
		account = cmp.Or(account, ready.simulated)
	}
	if account == "" || strings.Trim(account, "0123456789") != "" {
		return nil, fmt.Errorf("%s is %q: give -c %s=NUMBER, %s", ready.account, account, ready.account, ready.where)
	}
	return ready.describe(account), nil
}
