package vendortest

import (
	"io/fs"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

func reviewFolder(v *vendorapi.Vendor, folder fs.FS) []Breach { return nil }
