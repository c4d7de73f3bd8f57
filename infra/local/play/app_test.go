package play

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/windrow-data/windrow/infra/local/gate"
	"github.com/windrow-data/windrow/infra/local/iam"
)

// withoutStatement is a command that takes a statement out of a role in the template.
func withoutStatement(role, sid string) string {
	return fmt.Sprintf(`node -e '
		const fs = require("fs"), dir = process.env.CDK_OUTDIR + "/"
		const file = dir + fs.readdirSync(dir).find((name) => name.endsWith(".template.json"))
		const template = JSON.parse(fs.readFileSync(file))
		const id = Object.keys(template.Resources).find((id) => id.startsWith("%s"))
		const document = template.Resources[id].Properties.Policies[0].PolicyDocument
		document.Statement = document.Statement.filter((statement) => statement.Sid !== "%s")
		fs.writeFileSync(file, JSON.stringify(template))'`, role, sid)
}

func permissionsOf(t *testing.T, out string) []iam.Permission {
	t.Helper()
	all, err := gate.ReadPermissions(filepath.Join(out, "permissions.json"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestTheAppOfThisRepository plays a morning and a webinar through the app as it is synthesized, and then meets a vendor and a
// secret that are wrong: what was committed before stays, and each failure is one clear message.
func TestTheAppOfThisRepository(t *testing.T) {
	again := thisApp(t)
	var said bytes.Buffer
	options := optionsFor(t, again, &said)
	from := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	options.From, options.Until, options.Interval, options.Attendees = from, from.Add(15*time.Hour), 3*time.Hour, 3000
	summary, err := Run(t.Context(), options)
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	names := []string{}
	rows := map[string]int64{}
	for _, stream := range summary.Streams {
		names = append(names, stream.Name)
		rows[stream.Name] = stream.CuratedRows
	}
	if !summary.Good() || summary.Vendor != "on24" || summary.Runs != 5 ||
		!slices.Equal(names, []string{"events", "registrants", "attendees", "leads", "questions"}) || rows["attendees"] < 1000 {
		t.Fatalf("summary %+v\n%s", summary, said.String())
	}

	const lake = `select (select count(*) from attendees) = (select count(distinct (clientid, eventid, eventuserid)) from attendees_rows) as once,
		(select count(*) from attendees_polls) = (select sum(json_array_length(polls)) from attendees where polls is not null) as polls,
		(select count(*) from attendees_polls where pollid is not null and pollsubmittedtimestamp is not null) > 100 as typed,
		(select count(*) from events where livestart - livestart_local in (interval 7 hour, interval 8 hour)) > 0 as in_california`
	if got := queried(t, options.Out, lake); got != `[{"once":true,"polls":true,"typed":true,"in_california":true}]` {
		t.Errorf("the views of the lake: %s", got)
	}
	if len(summary.Denied) > 0 {
		t.Errorf("denied: %v", summary.Denied)
	}
	for _, p := range gate.FindUnused(permissionsOf(t, options.Out)).Unexplained {
		// A day without findings publishes none.
		if p.Role == "PipelineeventsIngestRole" || p.Role == "PipelineStateMachineRole" && p.Sid != "PublishFindings" {
			t.Errorf("a run does not use %+v", p)
		}
	}
	t.Run("a statement less", func(t *testing.T) {
		options := options
		options.App, options.Until, options.Out = thisApp(t, withoutStatement("PipelineleadsIngestRole", "ReadAndWriteRaw")), from.Add(3*time.Hour), filepath.Join(t.TempDir(), "out")
		var said bytes.Buffer
		options.Screen = NewScreen(&said, false)
		denied, err := Run(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		denied.Print(&said, options.Out)
		const call = "PipelineleadsIngestRole may not s3:GetObject on arn:aws:s3:::pipelinerawbucket/on24/leads/"
		if denied.Good() || countOf(denied.Denied, call) == 0 || denied.FailedRuns != denied.Runs {
			t.Errorf("summary %+v", denied)
		}
		if text := said.String(); !strings.Contains(text, "denied: "+call) || !strings.Contains(text, "THE RUN IS NOT RIGHT") {
			t.Errorf("it says:\n%s", text)
		}
		for _, stream := range denied.Streams {
			if (stream.CommittedRecords == 0) != (stream.Name == "leads" || stream.VendorRecords == 0) {
				t.Errorf("%s has %d of %d records", stream.Name, stream.CommittedRecords, stream.VendorRecords)
			}
		}
	})

	html := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html><body>We are down for maintenance</body></html>")
	}))
	defer html.Close()
	for _, wrong := range []struct {
		name, secret, says string
	}{
		{"a vendor that answers HTML", `{"accessTokenKey":"k-canary","accessTokenSecret":"s-canary"}`, "text/html"},
		{"a secret without a field", `{"accessTokenKey":"k-canary"}`, "accessTokenSecret"},
		{"a secret that is no JSON", `k-canary`, "not a JSON object"},
	} {
		t.Run(wrong.name, func(t *testing.T) {
			options := options
			options.Keep, options.From, options.Until = true, time.Time{}, summary.Until.Add(3*time.Hour)
			options.VendorURL, options.Secret = html.URL, []byte(wrong.secret)
			failed, err := Run(t.Context(), options)
			if err != nil {
				t.Fatal(err)
			}
			if failed.Good() || failed.FailedRuns != failed.Runs || failed.Runs == 0 {
				t.Errorf("%d of %d runs failed", failed.FailedRuns, failed.Runs)
			}
			if len(failed.Failures) != len(failed.Streams) {
				t.Errorf("%d kinds of failures are told, want one a stream: %+v", len(failed.Failures), failed.Failures)
			}
			for _, f := range failed.Failures {
				if !strings.Contains(f.Example, wrong.says) || strings.Contains(f.Example, "goroutine") || strings.Contains(f.Example, "canary") {
					t.Errorf("message %q: want one that says %q, without a stack or a credential", f.Example, wrong.says)
				}
			}
			for _, stream := range failed.Streams {
				if stream.CuratedRows != rows[stream.Name] {
					t.Errorf("%s has %d rows, and had %d before", stream.Name, stream.CuratedRows, rows[stream.Name])
				}
			}
			summary = failed
		})
	}
	canaries := []string{"k-canary", "s-canary"}
	for _, value := range simulatedSecret("accessTokenKey", "accessTokenSecret") {
		canaries = append(canaries, value)
	}
	searchForCanaries(t, options.Out, canaries...)
}
