package vendorapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/window"
)

// family is a vendor at the address with meetings and their visits.
func family(address string) *Vendor {
	v := simple(address)
	v.Streams[0].Name, v.Streams[0].Key = "meetings", []string{"uuid"}
	v.Streams[0].Columns = []Column{{Name: "uuid", Type: TypeString}}
	child := Stream{
		Name: "visits",
		Path: "/meetings/{meeting}/visits",
		Parent: &Parent{
			Stream:   "meetings",
			TimePath: "end",
			Places:   []ParentPlace{{Place: Place{In: InPath, Name: "meeting"}, Path: "uuid", EscapeTwice: true}, {Place: Place{In: InQuery, Name: "host"}, Path: "host.id"}},
			Fields:   []ParentField{{Name: "meeting_uuid", Path: "uuid"}, {Name: "host", Path: "host"}, {Name: "topic", Path: "topic"}},
		},
		Paging:      Paging{Kind: PagingNone},
		RecordsPath: "visits",
		Key:         []string{"meeting_uuid", "id"},
		Audit:       AuditReread,
		Columns:     []Column{{Name: "meeting_uuid", Type: TypeString}, {Name: "id", Type: TypeInt64}},
	}
	v.Streams = append([]Stream{child}, v.Streams...)
	return v
}

func readParent(t *testing.T, v *Vendor, record string) ParentRecord {
	t.Helper()
	reader, err := NewParentReader(v, &v.Streams[0])
	if err != nil {
		t.Fatal(err)
	}
	parent, err := reader.Read([]byte(record))
	if err != nil {
		t.Fatal(err)
	}
	// It survives being stored.
	stored, err := json.Marshal(parent)
	if err != nil {
		t.Fatal(err)
	}
	var read ParentRecord
	if err := json.Unmarshal(stored, &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(parent, read); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
	return read
}

func TestAChildIsAskedForWithItsParentsFields(t *testing.T) {
	tests := []struct{ name, uuid, path string }{
		{"a plain id", "aB3d==", "/meetings/aB3d==/visits"},
		{"a slash inside is escaped once", "aB3/d+==", "/meetings/aB3%2Fd+==/visits"},
		{"a slash at its beginning is escaped twice", "/ajXp112QmuoKj4854875==", "/meetings/%252FajXp112QmuoKj4854875==/visits"},
		{"two slashes are escaped twice", "a//b==", "/meetings/a%252F%252Fb==/visits"},
		{"a question mark is escaped", "a?b#c", "/meetings/a%3Fb%23c/visits"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var uri string
			v := family(serve(t, func(w http.ResponseWriter, r *http.Request) {
				uri = r.RequestURI
				io.WriteString(w, `{"visits":[]}`)
			}))
			parent := readParent(t, v, fmt.Sprintf(`{"uuid":%q,"end":"2026-03-10T18:04:40Z","host":{"id":9007199254740993}}`, test.uuid))
			client := mustClient(t, v, nil, newClock().options()).Of(parent)
			if _, err := client.Page(t.Context(), hour, Cursor{}); err != nil {
				t.Fatal(err)
			}
			if want := test.path + "?host=9007199254740993"; uri != want {
				t.Errorf("asked for %s, want %s", uri, want)
			}
			if got := client.Describe(hour); !strings.HasSuffix(got, test.path+"?host=9007199254740993") {
				t.Errorf("it is described as %s", got)
			}
		})
	}
}

func TestARecordGetsItsParentsFields(t *testing.T) {
	v := family(serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"visits":[{"id":1,"topic":"own"},{"topic":{"a":1}},{"host":1,"x":{"topic":2},"n":12345678901234567890},{ },{`+"\n"+`"id":2},7]}`)
	}))
	parent := readParent(t, v, `{"uuid":"a\u00e9","host":{"id":12345678901234567890,`+"\n"+`"x":1},"end":1773165880}`)
	page, err := mustClient(t, v, nil, newClock().options()).Of(parent).Page(t.Context(), hour, Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	fields := `"meeting_uuid":"a\u00e9","host":{"id":12345678901234567890,"x":1},"topic":null`
	want := []string{`{` + fields + `,"id":1}`, `{` + fields + `}`, `{` + fields + `,"x":{"topic":2},"n":12345678901234567890}`, `{` + fields + `}`, `{` + fields + `,"id":2}`, `7`}
	if diff := cmp.Diff(want, records(page)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if want := time.Date(2026, 3, 10, 18, 4, 40, 0, time.UTC); !parent.Time.Equal(want) {
		t.Errorf("the parent's time is %s, want %s", parent.Time, want)
	}
}

func TestAParentsFieldsMayStandInAnArray(t *testing.T) {
	v := family("http://127.0.0.1:1")
	v.Streams[0].Parent.TimePath, v.Streams[0].Parent.Fields[0].Path = "times.1.end", "times.0"
	parent := readParent(t, v, `{"uuid":"a","host":{"id":1},"times":[{"end":"2026-03-10T18:04:40Z"},{"end":"2026-03-11T18:04:40Z"}]}`)
	if want := time.Date(2026, 3, 11, 18, 4, 40, 0, time.UTC); !parent.Time.Equal(want) {
		t.Errorf("the parent's time is %s, want %s", parent.Time, want)
	}
	if got := string(parent.Fields[0]); got != `{"end":"2026-03-10T18:04:40Z"}` {
		t.Errorf("the parent's first field is %s", got)
	}
	if parent := readParent(t, v, `{"uuid":"a","host":{"id":1},"times":[{}]}`); !parent.Time.IsZero() {
		t.Errorf("the parent has the time %s, want none", parent.Time)
	}
}

func TestAParentThatCannotBeAskedFor(t *testing.T) {
	v := family("http://127.0.0.1:1")
	reader, err := NewParentReader(v, &v.Streams[0])
	if err != nil {
		t.Fatal(err)
	}
	for record, want := range map[string]string{
		`{"end":"2026-03-10T18:04:40Z","host":{"id":1}}`:      "has no key",
		`{"uuid":"a","host":{"id":null}}`:                     "no text or number at host.id",
		`{"uuid":"a","host":{"id":[1]}}`:                      "no text or number at host.id",
		`{"uuid":"a"`:                                         "EOF",
		`{"uuid":"a","end":"2026-03-10T18:04:40Z","host":12}`: "no text or number at host.id",
	} {
		if _, err := reader.Read([]byte(record)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", record, err, want)
		}
	}
}

func TestAParentsFieldDoesNotLeadToAnotherPath(t *testing.T) {
	v := family("http://127.0.0.1:1")
	client := mustClient(t, v, nil, newClock().options())
	for _, uuid := range []string{"", ".", ".."} {
		_, err := client.Of(readParent(t, v, fmt.Sprintf(`{"uuid":%q,"host":{"id":1}}`, uuid))).Page(t.Context(), hour, Cursor{})
		if err == nil || !strings.Contains(err.Error(), "would lead to another path") {
			t.Errorf("%q: got %v", uuid, err)
		}
	}
}

// TestClientsOfParentsShareTheLimit counts the requests of all, and spaces them as if they were one client's.
func TestClientsOfParentsShareTheLimit(t *testing.T) {
	v := family(serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"visits":[]}`) }))
	v.RateLimit = RateLimit{Requests: 1, Per: Duration(time.Second)}
	clock := newClock()
	client := mustClient(t, v, nil, clock.options())
	for _, uuid := range []string{"a", "b", "c"} {
		parent := readParent(t, v, fmt.Sprintf(`{"uuid":%q,"host":{"id":1}}`, uuid))
		if _, err := client.Of(parent).Page(t.Context(), hour, Cursor{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := client.Stats(); got.Requests != 3 || got.Waited < 2*time.Second {
		t.Errorf("the figures are %+v, want 3 requests, each a second after the one before", got)
	}
}

func TestAVendorWithoutBoundsIsFilteredByTheRecordsTime(t *testing.T) {
	var uri string
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
		uri = r.RequestURI
		io.WriteString(w, `{"things":[{"id":1,"attributes":{"updated_at":1773161999}},{"id":2,"attributes":{"updated_at":1773162000}},{"id":3,"attributes":{"updated_at":1773165600}},{"id":4,"attributes":{"updated_at":0}},{"id":5,"attributes":{"updated_at":1700000000}}]}`)
	}))
	v.Streams[0].Window, v.Streams[0].TimePath = Window{}, "attributes.updated_at"
	page, err := mustClient(t, v, nil, newClock().options()).Page(t.Context(), hour, Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	if uri != "/things" {
		t.Errorf("asked for %s", uri)
	}
	want := []string{`{"id":2,"attributes":{"updated_at":1773162000}}`, `{"id":4,"attributes":{"updated_at":0}}`}
	if diff := cmp.Diff(want, records(page)); diff != "" || page.Untimed != 1 || page.Outside != 0 {
		t.Errorf("%d untimed, want 1, and %d outside, want none of what the vendor cannot leave out (-want +got):\n%s", page.Untimed, page.Outside, diff)
	}
}

func TestAListingIsAskedForRoundTheWindowsEnd(t *testing.T) {
	var query string
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.RawQuery
		io.WriteString(w, `{"things":[{"id":1,"start":"2027-01-01T00:00:00Z"}]}`)
	}))
	v.Streams[0].Window.Listing = &Listing{Behind: Duration(time.Hour), Ahead: Duration(48 * time.Hour)}
	v.Streams[0].Window.Resolution = 0
	w := window.Window{Start: hour.Start, End: hour.Start.Add(30 * time.Minute)}
	page, err := mustClient(t, v, nil, newClock().options()).Page(t.Context(), w, Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	if want := "from=2026-03-10T16%3A30%3A00Z&to=2026-03-12T17%3A30%3A00Z"; query != want || page.Kept != 1 {
		t.Errorf("asked for %s and kept %d, want %s and 1", query, page.Kept, want)
	}
}
