package vendortest

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// recordedCalls is an answer as described tells of it, with fields that no column declares.
const recordedCalls = `{"data":{"count":2,"items":[
	{"call":{"id":9007199254740993,"title":"A"},"at":"2026-03-10T10:00:00Z","rev":1,"score":1.5,"ok":true,"day":"2026-03-10","more":[1],
	 "hostEmail":"a@example.com","createdAt":1773136800,"Seats":3,"ratio":0.5,"active":"Y","tags":[],"endedOn":"2026-03-10","ended":"2026-03-10T11:00:00+01:00"},
	{"call":{"id":9007199254740995,"title":"B"},"at":"2026-03-10T10:00:01Z","rev":1,"hostEmail":null,"createdAt":0,"Seats":"4","ratio":2,"active":"N","tags":["x"],"endedOn":"2026-03-11","ended":""}
]}}`

func TestReview(t *testing.T) {
	type stream = vendorapi.Stream
	many := func(record string) string {
		return `{"data":{"count":12,"items":[` + strings.TrimSuffix(strings.Repeat(record+",", 12), ",") + `]}}`
	}
	for name, test := range map[string]struct {
		change  func(*stream)
		answers []string
		// want are texts that the breaches hold, and not is one that they must not hold.
		want []string
		not  string
	}{
		"fields that are not declared": {
			answers: []string{recordedCalls},
			want: []string{
				"stream calls: columns: 9 fields are not declared: rev, hostEmail,",
				`{Name: "host_email", Path: "hostEmail", Type: vendorapi.TypeString},`,
				`{Name: "created_at", Path: "createdAt", Type: vendorapi.TypeTimestamp, Layout: vendorapi.LayoutUnix},`,
				`{Name: "seats", Path: "Seats", Type: vendorapi.TypeString},`,
				`{Name: "ratio", Type: vendorapi.TypeFloat64},`,
				`{Name: "active", Type: vendorapi.TypeBool},`,
				`{Name: "tags", Type: vendorapi.TypeJSON},`,
				`{Name: "ended_on", Path: "endedOn", Type: vendorapi.TypeDate},`,
				`{Name: "ended", Type: vendorapi.TypeTimestamp},`,
			},
			not: "keys:",
		},
		"no record at recordsPath": {
			change:  func(s *stream) { s.RecordsPath = "data.records" },
			answers: []string{recordedCalls},
			want:    []string{"stream calls: answers:", `nothing stands at recordsPath "data.records"`, `Arrays of objects stand at "data.items"`},
		},
		"no record at all": {
			answers: []string{`{"data":{"count":0,"items":[]}}`},
			want:    []string{"none of the 1 answers holds a record"},
		},
		"no JSON": {
			answers: []string{`<html>`},
			want:    []string{"a recorded answer is not as described"},
		},
		"a total that counts something else": {
			answers: []string{strings.Replace(recordedCalls, `"count":2`, `"count":1`, 1)},
			want:    []string{"stream calls: totals:", "is 1, and the answer alone holds 2"},
		},
		"a key that is not unique": {
			change: func(s *stream) {
				s.Key = []string{"rev"}
				s.Columns = append(s.Columns, vendorapi.Column{Name: "rev", Type: vendorapi.TypeInt64})
			},
			answers: []string{recordedCalls},
			want:    []string{"stream calls: keys: two records of one answer have the same key (rev)"},
		},
		"a key that is absent": {
			change: func(s *stream) {
				s.Key = []string{"hostEmail"}
				s.Columns = append(s.Columns, vendorapi.Column{Name: "h", Path: "hostEmail", Type: vendorapi.TypeString})
			},
			answers: []string{recordedCalls},
			want:    []string{`stream calls: keys: a record has nothing at "hostEmail"`},
		},
		"a column that never converts": {
			change:  func(s *stream) { s.Columns[2].Type = vendorapi.TypeFloat64 },
			answers: []string{recordedCalls},
			want:    []string{"stream calls: columns: it never converts: column title: the value is a string"},
		},
		"a column that does not always convert": {
			change: func(s *stream) {
				s.Columns = append(s.Columns, vendorapi.Column{Name: "ended", Type: vendorapi.TypeTimestamp})
			},
			answers: []string{recordedCalls, strings.Replace(recordedCalls, `"2026-03-10T11:00:00+01:00"`, `"soon"`, 1)},
			want:    []string{"stream calls: columns: in 1 of 4 records it does not convert: column ended"},
		},
		"a column that is never seen": {
			change:  func(s *stream) { s.Columns[3].Path, s.Key = "Score", []string{"call.id"} },
			answers: []string{many(`{"call":{"id":1,"title":"A"},"at":"2026-03-10T10:00:00Z"}`)},
			want:    []string{`column score: none of the 12 records has anything at "Score"`},
		},
		"a time elsewhere": {
			change:  func(s *stream) { s.TimePath = "call.title" },
			answers: []string{recordedCalls},
			want:    []string{`stream calls: times: 2 of 2 records show no time at timePath "call.title"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := described(func(_ *vendorapi.Vendor, s *stream) {
				if test.change != nil {
					test.change(s)
				}
			})
			var answers [][]byte
			for _, answer := range test.answers {
				answers = append(answers, []byte(answer))
			}
			var told []string
			for _, b := range Review(v, "calls", answers...) {
				told = append(told, b.String())
			}
			text := strings.Join(told, "\n")
			for _, want := range test.want {
				if !strings.Contains(text, want) {
					t.Errorf("it says\n%s\nwant %q", text, want)
				}
			}
			if test.not != "" && strings.Contains(text, test.not) {
				t.Errorf("it says\n%s\nwant no %q", text, test.not)
			}
		})
	}
}

func TestReviewOfParentsAndChildren(t *testing.T) {
	v := house(func(*vendorapi.Vendor) {})
	meetings := []byte(`{"data":{"count":1,"items":[{"uuid":"/a==","number":1,"at":"2026-03-10T10:00:00Z","about":{"topic":"T"},"starts":1773136800}]}}`)
	visits := []byte(`{"data":{"next":"abc","items":[{"id":1,"joined":"2026-03-10T10:00:00Z"},{"id":2,"joined":null}]}}`)
	if told := append(Review(v, "meetings", meetings), Review(v, "visits", visits)...); len(told) > 0 {
		t.Errorf("good answers: %v", told)
	}
	own := []byte(`{"data":{"next":"","items":[{"meeting":"/a==","id":1,"joined":"2026-03-10T10:00:00Z"}]}}`)
	if told := Review(v, "visits", own); len(told) != 1 || !strings.Contains(told[0].Text, `have a field "meeting" themselves`) {
		t.Errorf("a child that has a field of its parent itself: %v", told)
	}
	v.Streams[1].Parent.TimePath = "about.topic"
	if told := Review(v, "meetings", meetings); len(told) != 1 || !strings.Contains(told[0].Text, `parent.timePath "about.topic" of visits`) {
		t.Errorf("a parent without a time: %v", told)
	}
	v.Streams[1].Parent.Fields[0].Path = "id"
	v.Streams[1].Parent.TimePath = "starts"
	if told := Review(v, "meetings", meetings); len(told) != 1 || !strings.Contains(told[0].Text, `nothing at "id"`) {
		t.Errorf("a parent without a field: %v", told)
	}
}

func TestCheckReviewsRecordedAnswers(t *testing.T) {
	v := described(func(*vendorapi.Vendor, *vendorapi.Stream) {})
	for name, test := range map[string]struct {
		folder fstest.MapFS
		want   string
	}{
		"a stream":          {fstest.MapFS{"calls.json": {Data: []byte(recordedCalls)}, "calls.2.json": {Data: []byte(recordedCalls)}}, "fields are not declared"},
		"no stream":         {fstest.MapFS{"people.json": {Data: []byte(recordedCalls)}}, `no stream "people"`},
		"an empty folder":   {fstest.MapFS{}, "no file <stream>.json"},
		"a good one passes": {fstest.MapFS{"calls.json": {Data: []byte(`{"data":{"count":1,"items":[{"call":{"id":1},"at":"2026-03-10T10:00:00Z"}]}}`)}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{TB: t}
			Check(r, v, WithAnswers(test.folder), WithRecords(20))
			if text := strings.Join(r.told, "\n"); !strings.Contains(text, test.want) || test.want == "" && text != "" {
				t.Errorf("it says %q, want %q", text, test.want)
			}
		})
	}
}
