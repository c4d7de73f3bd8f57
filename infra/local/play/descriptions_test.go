package play

import (
	"strings"
	"testing"
)

// TestDescriptions gets the description of this repository's app, as it is deployed.
func TestDescriptions(t *testing.T) {
	if testing.Short() {
		t.Skip("synthesizes the app")
	}
	all, err := Descriptions(t.Context(), "cd ../../.. && go run ./infra", map[string]any{"env": "dev", "clientId": "90001"})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || all[0].Name != "on24" || all[0].BaseURL != "https://api.on24.com/v2" {
		t.Errorf("found %d descriptions, %+v", len(all), all)
	}
	if _, err := Descriptions(t.Context(), "exit 3", nil); err == nil || !strings.Contains(err.Error(), "does not synthesize") {
		t.Errorf("a broken app: %v", err)
	}
}
