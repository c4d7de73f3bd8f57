package vendortest

import (
	"fmt"
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
)

// recorder is a test that is told of errors.
type recorder struct {
	testing.TB
	told []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, arguments ...any) {
	r.told = append(r.told, fmt.Sprintf(format, arguments...))
}

func TestCheckPassesGoodDescriptions(t *testing.T) {
	for name, v := range map[string]*vendorapi.Vendor{
		"ON24":  on24.Vendor("90001"),
		"house": house(func(*vendorapi.Vendor) {}),
		"whole days of a zone": described(func(v *vendorapi.Vendor, s *vendorapi.Stream) {
			s.Window.Layout, s.Window.Zone, s.Window.EndInclusive = time.DateOnly, "America/Los_Angeles", true
			s.Window.Resolution, s.Window.Granularity = 0, vendorapi.Duration(24*time.Hour)
			s.Lookback = vendorapi.Duration(24 * time.Hour)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			Check(t, v)
			t.Logf("%d streams in %s", len(v.Streams), time.Since(begun))
		})
	}
}
