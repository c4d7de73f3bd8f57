package insights_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/windrow-data/windrow/functions/insights"
	"github.com/windrow-data/windrow/functions/lakesql"
)

// TestTheDocumentTellsAll holds docs/insights.md to the columns of the model and to what each insight decides and gives.
func TestTheDocumentTellsAll(t *testing.T) {
	content, err := os.ReadFile("../../docs/insights.md")
	if err != nil {
		t.Fatal(err)
	}
	document := string(content)
	has := func(text string) {
		t.Helper()
		if !strings.Contains(document, text+"\n") {
			t.Errorf("docs/insights.md lacks the line\n%s", text)
		}
	}
	for _, view := range []string{insights.Events, insights.Registrations, insights.Attendances, insights.Interactions, insights.People, insights.Turnout} {
		has("### " + view)
		for _, c := range insights.Columns(view) {
			has(fmt.Sprintf("| %s | %s | %s |", c.Name, strings.TrimSuffix(lakesql.TrinoType(c.Type), "(3)"), c.Comment))
		}
	}
	for _, insight := range append(insights.All(), insights.Health(ready["on24"])) {
		has("### " + insight.Name)
		has(insight.Decision)
		has("Columns: " + strings.ReplaceAll(resultColumns[insight.Name], " ", ", ") + ".")
	}
}
