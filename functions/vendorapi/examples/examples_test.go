package examples_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/examples"
	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
)

func TestExamplesPassCheck(t *testing.T) {
	for file, v := range map[string]*vendorapi.Vendor{
		"livestorm.go":   examples.Livestorm(),
		"ringcentral.go": examples.RingCentral(),
		"square.go":      examples.Square("L88917AVBK2S5"),
		"gitlab.go":      examples.GitLab(),
		"usgs.go":        examples.USGS(),
	} {
		t.Run(v.Name, func(t *testing.T) {
			begun := time.Now()
			vendortest.Check(t, v)
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("Check took %s, want less than 10 s", took)
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if lines := bytes.Count(source, []byte{'\n'}); lines >= 80 {
				t.Errorf("%s has %d lines, want fewer than 80", file, lines)
			}
		})
	}
}
