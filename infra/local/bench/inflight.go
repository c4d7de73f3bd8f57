package bench

import "github.com/windrow-data/windrow/functions/vendorapi"

// setInFlight does nothing as long as pages are read one after the other.
func setInFlight(*vendorapi.Paging, int) {}
