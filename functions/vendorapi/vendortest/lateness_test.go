package vendortest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
	"github.com/windrow-data/windrow/functions/window"
)

func lateON24(t testing.TB, attendees int) (*vendorapi.Vendor, *World) {
	t.Helper()
	v := on24.Vendor("90001")
	w, err := Generate(v, Size{Seed: 7, From: dayStart, Until: dayEnd, Attendees: attendees, Lateness: DocumentedLateness()})
	if err != nil {
		t.Fatal(err)
	}
	return v, w
}

// seenAt returns those of a record's versions that are seen at a time.
func seenAt(versions []Record, at time.Time) (seen []Record) {
	for _, r := range versions {
		if !r.VisibleAt.After(at) && (r.GoneAt.IsZero() || r.GoneAt.After(at)) {
			seen = append(seen, r)
		}
	}
	return seen
}

func TestLatenessChangesWhenThingsAreSeenAndNotWhatHappens(t *testing.T) {
	v, prompt := smallON24(t, 400)
	_, late := lateON24(t, 400)
	past := window.Window{Start: dayStart.AddDate(0, -3, 0), End: dayEnd}
	for _, s := range v.Streams {
		if on24Resource(&s) == on24Events {
			continue // Their figures go on being counted.
		}
		dump := func(w *World) (all []string) {
			for _, r := range w.Records(s.Name, past, dayEnd.AddDate(0, 0, 3)) {
				all = append(all, fmt.Sprint(r.Key, r.Time, string(r.JSON)))
			}
			return all
		}
		if diff := cmp.Diff(dump(prompt), dump(late)); diff != "" {
			t.Errorf("%s, three days later (-without +with lateness):\n%s", s.Name, diff)
		}
	}
}

func TestDocumentedLatenessOfON24(t *testing.T) {
	v, w := lateON24(t, 3000)
	for _, s := range v.Streams {
		want := DocumentedLateness()[on24Resource(&s)]
		versions := w.Versions(s.Name, window.Window{Start: dayStart.AddDate(0, -3, 0), End: dayEnd})
		first, changed, late := map[string]Record{}, 0, 0
		for _, r := range versions {
			id := fmt.Sprint(r.Key, r.Time)
			before, again := first[id]
			if !again {
				first[id] = r
				// The time is cut to its second.
				if took := r.VisibleAt.Sub(r.Time) - time.Second; took > s.Settle.D() {
					late++
					if took > max(want.Longest, s.Settle.D()) && on24Resource(&s) != on24Events {
						t.Fatalf("%s: a record shows after %s", s.Name, took)
					}
				}
				continue
			}
			changed++
			took := r.VisibleAt.Sub(r.Time)
			if string(before.JSON) == string(r.JSON) || !before.GoneAt.Equal(r.VisibleAt) && s.Name != "events" {
				t.Fatalf("%s: %s, until %s, changes into %s", s.Name, before.JSON, before.GoneAt, r.JSON)
			}
			if s.Name == "attendees" && (took < want.ChangesFrom || took > want.ChangesUntil+time.Second) {
				t.Fatalf("%s: a record changes in place after %s", s.Name, took)
			}
		}
		t.Logf("%s: %d versions, %d late, %d changed in place", s.Name, len(versions), late, changed)
		share := float64(late) / float64(len(first))
		if want.Late > 0 && (share < 0.8*want.Late || share > 1.1*want.Late) || want.Late == 0 && late > 0 {
			t.Errorf("%s: %.2f of the versions are late, want %.2f", s.Name, share, want.Late)
		}
		if changes := s.Name == "attendees" || s.Name == "events"; (changed > len(first)/10) != changes {
			// Questions get their answers in place without lateness too.
			if s.Name != "questions" {
				t.Errorf("%s: %d of %d change in place", s.Name, changed, len(first))
			}
		}
	}
}

func TestON24sLookbacksCoverItsLateness(t *testing.T) {
	v, w := lateON24(t, 1000)
	for _, s := range v.Streams {
		for _, r := range w.Versions(s.Name, window.Window{Start: dayStart, End: dayEnd}) {
			// The last reading is made when the window's end is as old as the lookback.
			if took := r.VisibleAt.Sub(r.Time); took > s.Lookback.D() {
				t.Fatalf("%s: a version shows after %s, the lookback is %s: %s", s.Name, took, s.Lookback, r.JSON)
			}
		}
	}
}

func TestLateAttendeesGetTheirScoreSurveysAndClicksInPlace(t *testing.T) {
	_, w := lateON24(t, 1500)
	type attendee struct {
		Score   float64           `json:"engagementscore"`
		Surveys []json.RawMessage `json:"surveys"`
		Calls   []json.RawMessage `json:"calltoactions"`
		Polls   []json.RawMessage `json:"polls"`
		Live    int               `json:"liveminutes"`
	}
	byKey := map[string][]Record{}
	for _, r := range w.Versions("attendees", window.Window{Start: dayStart, End: dayEnd}) {
		id := fmt.Sprint(r.Key, r.Time)
		byKey[id] = append(byKey[id], r)
	}
	surveys, calls := 0, 0
	for _, versions := range byKey {
		if len(versions) != 2 {
			continue
		}
		var before, counted attendee
		if err := json.Unmarshal(versions[0].JSON, &before); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(versions[1].JSON, &counted); err != nil {
			t.Fatal(err)
		}
		if before.Score > counted.Score || before.Live != counted.Live || len(before.Polls) != len(counted.Polls) {
			t.Fatalf("%s\nchanges into %s", versions[0].JSON, versions[1].JSON)
		}
		surveys += len(counted.Surveys) - len(before.Surveys)
		calls += len(counted.Calls) - len(before.Calls)
	}
	if surveys == 0 || calls == 0 {
		t.Errorf("%d surveys and %d calls to action come later, want some of each", surveys, calls)
	}
}

// TestTheVendorShowsWhatItHasAtTheTime reads windows at all times and compares them with the versions that are seen then.
func TestTheVendorShowsWhatItHasAtTheTime(t *testing.T) {
	v, w := lateON24(t, 300)
	s := NewServer(v, w, secret, ServerOptions{})
	rapid.Check(t, func(t *rapid.T) {
		stream := &v.Streams[rapid.IntRange(0, len(v.Streams)-1).Draw(t, "stream")]
		now := dayStart.Add(time.Duration(rapid.IntRange(0, 48*3600).Draw(t, "now")) * time.Second)
		s.SetNow(now)
		start := dayStart.Add(time.Duration(rapid.IntRange(-3600, 24*3600).Draw(t, "start")) * time.Second)
		in := window.Window{Start: start, End: start.Add(time.Duration(rapid.IntRange(1, 3600).Draw(t, "seconds")) * time.Second)}
		var want []string
		for _, r := range seenAt(w.Versions(stream.Name, in), now) {
			want = append(want, string(r.JSON))
		}
		if diff := cmp.Diff(want, readON24(t, s, stream, in, rapid.IntRange(1, 50).Draw(t, "items"))); diff != "" {
			t.Fatalf("%s %s as of %s (-held +served):\n%s", stream.Name, in, now, diff)
		}
	})
}

func TestDescribedRecordsComeLateChangeAndVanish(t *testing.T) {
	for _, audit := range []vendorapi.Audit{vendorapi.AuditReread, vendorapi.AuditCount} {
		t.Run(string(audit), func(t *testing.T) {
			v := described(func(_ *vendorapi.Vendor, s *vendorapi.Stream) {
				s.Audit = audit
				s.Columns = append(s.Columns, vendorapi.Column{Name: "rev", Type: vendorapi.TypeTimestamp})
			})
			w, err := Generate(v, Size{Seed: 7, From: dayStart, Until: dayEnd, Attendees: 2000, Lateness: Lateness{"calls": {
				Late: 0.25, Mean: time.Hour, Longest: 6 * time.Hour,
				Changed: 0.5, ChangesFrom: time.Hour, ChangesUntil: 2 * time.Hour,
				Vanishing: 0.1,
			}}})
			if err != nil {
				t.Fatal(err)
			}
			byKey := map[string][]Record{}
			for _, r := range w.Versions("calls", all()) {
				byKey[r.Key[0]] = append(byKey[r.Key[0]], r)
			}
			late, changed, moved, gone := 0, 0, 0, 0
			for key, versions := range byKey {
				slices.SortStableFunc(versions, func(a, b Record) int { return a.VisibleAt.Compare(b.VisibleAt) })
				for i, r := range versions {
					if r.VisibleAt.Sub(r.Time) > 10*time.Minute && (i == 0 || !r.Time.Equal(versions[i-1].Time)) {
						late++
					}
					if i == 0 {
						continue
					}
					before := versions[i-1]
					if !before.GoneAt.Equal(r.VisibleAt) {
						t.Fatalf("%s is gone at %s and comes back at %s", key, before.GoneAt, r.VisibleAt)
					}
					var was, is struct{ Rev time.Time }
					if json.Unmarshal(before.JSON, &was) != nil || json.Unmarshal(r.JSON, &is) != nil || !was.Rev.Before(is.Rev) {
						t.Fatalf("the version does not grow from %s to %s", before.JSON, r.JSON)
					}
					if r.Time.Equal(before.Time) {
						changed++
					} else {
						moved++
					}
				}
				if !versions[len(versions)-1].GoneAt.IsZero() {
					gone++
				}
			}
			t.Logf("%d records: %d late versions, %d changes, %d moves, %d gone", len(byKey), late, changed, moved, gone)
			if late < 400 || changed < 400 || gone < 150 || gone > 250 || (moved > 0) != (audit == vendorapi.AuditReread) {
				t.Errorf("of %d records %d come late, %d change, %d move and %d vanish", len(byKey), late, changed, moved, gone)
			}
			s := NewServer(v, w, nil, ServerOptions{})
			for now := dayStart; now.Before(dayEnd.Add(12 * time.Hour)); now = now.Add(47 * time.Minute) {
				s.SetNow(now)
				want := len(seenAt(w.Versions("calls", window.Window{Start: dayStart, End: dayEnd}), now))
				values := map[string]string{"from": dayStart.Format(time.RFC3339), "to": dayEnd.Format(time.RFC3339), "skip": "0", "take": "7"}
				rec, envelope, _ := exchange{target: "/rest/calls", values: values}.page(t, s, http.MethodGet)
				if rec.Code != http.StatusOK {
					t.Fatal(rec.Body)
				}
				if got := fmt.Sprint(envelope["data"].(map[string]any)["count"]); got != fmt.Sprint(want) {
					t.Errorf("as of %s the total is %s, want %d", now, got, want)
				}
			}
		})
	}
}

func TestLatenessSaysWhatIsWrongWithIt(t *testing.T) {
	for name, test := range map[string]struct {
		delay Delay
		want  string
	}{
		"share above one":   {Delay{Late: 1.1, Mean: time.Hour, Longest: time.Hour}, "lateness of attendee: a share of 1.1: want 0 to 1"},
		"no mean":           {Delay{Late: 0.1, Longest: time.Hour}, "want times above zero"},
		"longest too short": {Delay{Late: 0.1, Mean: time.Hour, Longest: time.Minute}, "the longest no shorter"},
		"changes backwards": {Delay{Changed: 0.1, ChangesFrom: time.Hour, ChangesUntil: time.Minute}, "want an end after the start"},
		"vanishing":         {Delay{Vanishing: 0.1, Longest: time.Hour}, "want no Vanishing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Generate(on24.Vendor("90001"), Size{From: dayStart, Until: dayEnd, Lateness: Lateness{on24Attendees: test.delay}})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
