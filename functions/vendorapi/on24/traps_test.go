package on24_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/internal/readytest"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
	"github.com/windrow-data/windrow/functions/window"
)

var trapDay = time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)

// newest are the records that the world shows at now of what happened in the day.
func newest(p *readytest.Play, stream string, now time.Time) (all []string) {
	for _, r := range p.World.Records(stream, window.Window{Start: trapDay.Add(time.Hour), End: trapDay.Add(24 * time.Hour)}, now) {
		all = append(all, string(r.JSON))
	}
	slices.Sort(all)
	return all
}

// missing are the records of want that are not stored.
func missing(p *readytest.Play, stream string, want []string) []string {
	held := map[string]bool{}
	for _, record := range p.Records(stream) {
		held[record] = true
	}
	return slices.DeleteFunc(slices.Clone(want), func(record string) bool { return held[record] })
}

func stream(t *testing.T, name string) *vendorapi.Stream {
	t.Helper()
	s, err := on24.Vendor("90001").Stream(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// exampleRow is the row that the example of a stream becomes.
func exampleRow(t *testing.T, name string) map[string]string {
	t.Helper()
	_, records := readytest.Example(t, on24.Vendor("90001"), name)
	return readytest.Rows(t, stream(t, name), records...)[0]
}

// TestTraps plays what is known to break clients of ON24, each under its name.
func TestTraps(t *testing.T) {
	small := vendortest.Size{Seed: 5, From: trapDay, Until: trapDay.Add(24 * time.Hour), Attendees: 300}

	t.Run("an attendee has no lastactivity", func(t *testing.T) {
		p := readytest.Simulate(t, on24.Vendor("90001"), small, vendortest.ServerOptions{})
		for now := small.From.Add(time.Hour); !now.After(small.Until.Add(time.Hour)); now = now.Add(time.Hour) {
			p.Run(now, "attendees")
		}
		want := newest(p, "attendees", small.Until.Add(time.Hour))
		if lost := missing(p, "attendees", want); len(lost) > 0 || len(want) < 200 {
			t.Errorf("%d attendees of %d are missing", len(lost), len(want))
		}
		for _, record := range want {
			if strings.Contains(record, `"lastactivity"`) {
				t.Fatal("an attendee shows when it was active last: nothing is tested here")
			}
		}
	})

	t.Run("a later change of the engagement score does not move lastactivity", func(t *testing.T) {
		late := small
		late.Lateness = vendortest.DocumentedLateness()
		p := readytest.Simulate(t, on24.Vendor("90001"), late, vendortest.ServerOptions{})
		end := small.Until.Add(80 * time.Hour)
		for now := small.From.Add(time.Hour); !now.After(end); now = now.Add(time.Hour) {
			p.Run(now, "attendees")
		}
		atOnce, settled := newest(p, "attendees", small.Until.Add(time.Hour)), newest(p, "attendees", end)
		if cmp.Equal(atOnce, settled) {
			t.Fatal("nothing changed after the day: nothing is tested here")
		}
		if lost := missing(p, "attendees", settled); len(lost) > 0 {
			t.Errorf("%d attendees of %d are not as they are in the end, the first %.200s", len(lost), len(settled), lost[0])
		}
	})

	t.Run("ctaid and clicks are strings on attendees", func(t *testing.T) {
		got := exampleRow(t, "attendees")["calltoactions"]
		if !strings.Contains(got, `"ctaid":"83970001"`) || !strings.Contains(got, `"clicks":"3"`) {
			t.Errorf("got %s", got)
		}
	})

	t.Run("surveyid is no number", func(t *testing.T) {
		if got := exampleRow(t, "attendees")["surveys"]; !strings.Contains(got, `"surveyid":"4501001_survey1"`) {
			t.Errorf("got %s", got)
		}
	})

	t.Run("isblocked and marketingemail are Y or N and other flags are booleans", func(t *testing.T) {
		events, registrants, attendees := exampleRow(t, "events"), exampleRow(t, "registrants"), exampleRow(t, "attendees")
		got := []string{
			attendees["isblocked"], registrants["marketingemail"], registrants["eventemail"],
			events["iseliteexpired"], events["isactive"], events["istestevent"],
		}
		if diff := cmp.Diff([]string{"false", "false", "true", "false", "true", "false"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})

	t.Run("arrays are absent rather than null", func(t *testing.T) {
		bare := `{"clientid":90001,"eventid":4501001,"eventuserid":700000123,"userstatus":"active"}`
		row := readytest.Rows(t, stream(t, "attendees"), bare)[0]
		if _, set := row["polls"]; set || row["eventuserid"] != "700000123" {
			t.Errorf("got %v", row)
		}
		hour := window.Window{Start: trapDay, End: trapDay.Add(time.Hour)}
		for answer, good := range map[string]bool{
			`{"clientid":90001,"totalattendees":0,"pagecount":0,"currentpage":0}`: true,
			`{"clientid":90001,"totalattendees":9,"pagecount":1,"currentpage":0}`: false,
		} {
			p := readytest.New(t, on24.Vendor("90001"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(answer)) }))
			page, err := p.Client("attendees").Page(t.Context(), hour, vendorapi.Cursor{})
			if (err == nil) != good || err == nil && (page.Count != 0 || !page.Last) {
				t.Errorf("%s: got %+v, %v", answer, page, err)
			}
		}
	})

	t.Run("a person has another eventuserid at each event", func(t *testing.T) {
		keys := vendorapi.NewKeyReader(stream(t, "attendees"))
		hashes := map[uint64]bool{}
		for _, record := range []string{
			`{"clientid":90001,"eventid":4501001,"eventuserid":700000123}`,
			`{"clientid":90001,"eventid":4501002,"eventuserid":700000123}`,
			`{"clientid":90001,"eventid":4501001,"eventuserid":700000124}`,
			`{"clientid":90002,"eventid":4501001,"eventuserid":700000123}`,
		} {
			hash, keyed, err := keys.Hash([]byte(record))
			if err != nil || !keyed {
				t.Fatalf("%s has no key: %v", record, err)
			}
			hashes[hash] = true
		}
		if len(hashes) != 4 {
			t.Errorf("4 records have %d keys", len(hashes))
		}
	})

	t.Run("userstatus includes deleted and forgotten people", func(t *testing.T) {
		large := small
		large.Attendees = 3000
		p := readytest.Simulate(t, on24.Vendor("90001"), large, vendortest.ServerOptions{})
		p.Run(trapDay.Add(time.Hour), "registrants")
		p.Run(large.Until.Add(time.Hour), "registrants")
		states := map[string]int{}
		for _, row := range readytest.Rows(t, stream(t, "registrants"), p.Records("registrants")...) {
			states[row["userstatus"]]++
		}
		if states["active"] == 0 || states["deleted"] == 0 || states["forgotten"] == 0 {
			t.Errorf("got %v, want some of each", states)
		}
	})
}
