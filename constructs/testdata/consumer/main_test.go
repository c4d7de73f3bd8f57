package main

import (
	"testing"

	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
)

// TestVendor reads a vendor that is as described, and looks whether anything is lost, doubled or refused.
func TestVendor(t *testing.T) { vendortest.Check(t, acme) }
