package columns

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

func TestNames(t *testing.T) {
	var names Names
	names.Take("id")
	for _, test := range []struct{ path, want string }{
		{"eventUserId", "event_user_id"}, {"joinURL", "join_url"}, {"URLPath", "url_path"}, {"utm-source", "utm_source"}, {"customer.firstName", "customer_first_name"},
		{"attributes.email", "email"}, {"email", "email_2"}, {"id", "id_2"}, {"ID", "id_3"}, {"@type", "type"}, {"2fa", "field_2fa"}, {"dt", "field_dt"}, {"windrow_part", "field_windrow_part"},
		{"名", "field"}, {"page2Title", "page2_title"}, {"attributes.id", "attributes_id"},
	} {
		if got := names.For(test.path); got != test.want {
			t.Errorf("%s becomes %s, want %s", test.path, got, test.want)
		}
	}
}

// TestNamesAreValid holds the names to what a description takes, whatever a vendor calls its fields.
func TestNamesAreValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var names Names
		stream := vendorapi.Stream{Name: "s", Key: []string{"k"}, Columns: []vendorapi.Column{{Name: "k", Type: vendorapi.TypeString}}}
		names.Take("k")
		for _, path := range rapid.SliceOf(rapid.StringMatching(`[a-zA-Z0-9_ \-@é]+(\.[a-zA-Z0-9]+)?`)).Draw(t, "paths") {
			stream.Columns = append(stream.Columns, vendorapi.Column{Name: names.For(path), Path: path, Type: vendorapi.TypeString})
		}
		place := func(name string) vendorapi.Place { return vendorapi.Place{In: vendorapi.InQuery, Name: name} }
		stream.Window = vendorapi.Window{Start: place("from"), End: place("to"), Layout: vendorapi.LayoutUnix, Resolution: 1e9}
		stream.Paging.Kind, stream.Audit = vendorapi.PagingNone, vendorapi.AuditReread
		v := vendorapi.Vendor{Name: "v", BaseURL: "https://api.example.com", Auth: vendorapi.Auth{Kind: vendorapi.AuthNone}, Streams: []vendorapi.Stream{stream}}
		if err := v.Validate(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestGuess(t *testing.T) {
	tests := map[string]struct {
		name   string
		values []string
		want   []vendorapi.Column
	}{
		"whole numbers":      {"count", []string{"1", "9007199254740993", "null"}, []vendorapi.Column{{Name: "count", Type: vendorapi.TypeInt64}}},
		"numbers":            {"count", []string{"1", "2.5"}, []vendorapi.Column{{Name: "count", Type: vendorapi.TypeFloat64}}},
		"beyond 64 bits":     {"count", []string{"99999999999999999999"}, []vendorapi.Column{{Name: "count", Type: vendorapi.TypeFloat64}}},
		"strings of digits":  {"id", []string{`"1"`, `"2"`}, []vendorapi.Column{{Name: "id", Type: vendorapi.TypeString}}},
		"numbers or strings": {"id", []string{`"1"`, `2`}, []vendorapi.Column{{Name: "id", Type: vendorapi.TypeString}}},
		"booleans":           {"ok", []string{"true", `"N"`}, []vendorapi.Column{{Name: "ok", Type: vendorapi.TypeBool}}},
		"flags":              {"ok", []string{`"Y"`, `""`}, []vendorapi.Column{{Name: "ok", Type: vendorapi.TypeBool}}},
		"RFC 3339":           {"x", []string{`"2026-03-10T17:00:00Z"`, `"2026-03-10T17:00:00.5-07:00"`}, []vendorapi.Column{{Name: "x", Type: vendorapi.TypeTimestamp}}},
		"no offset":          {"x", []string{`"2026-03-10 17:00:00"`}, []vendorapi.Column{{Name: "x", Type: vendorapi.TypeTimestamp, Layout: "2006-01-02 15:04:05"}}},
		"dates":              {"x", []string{`"2026-03-10"`}, []vendorapi.Column{{Name: "x", Type: vendorapi.TypeDate}}},
		"dates and others":   {"x", []string{`"2026-03-10"`, `"soon"`}, []vendorapi.Column{{Name: "x", Type: vendorapi.TypeString}}},
		"Unix seconds":       {"createdAt", []string{"1773162000", "0"}, []vendorapi.Column{{Name: "created_at", Path: "createdAt", Type: vendorapi.TypeTimestamp, Layout: "unix"}}},
		"Unix milliseconds":  {"start_time", []string{"1773162000000"}, []vendorapi.Column{{Name: "start_time", Type: vendorapi.TypeTimestamp, Layout: "unixMilli"}}},
		"a number like one":  {"customer", []string{"1773162000"}, []vendorapi.Column{{Name: "customer", Type: vendorapi.TypeInt64}}},
		"arrays":             {"tags", []string{`["a"]`}, []vendorapi.Column{{Name: "tags", Type: vendorapi.TypeJSON}}},
		"objects":            {"from", []string{`{"city":"Leeds"}`, `{"zip":{"code":1},"city":null}`}, []vendorapi.Column{{Name: "from_city", Path: "from.city", Type: vendorapi.TypeString}, {Name: "from_zip_code", Path: "from.zip.code", Type: vendorapi.TypeInt64}}},
		"empty objects":      {"from", []string{`{}`}, []vendorapi.Column{{Name: "from", Type: vendorapi.TypeJSON}}},
		"names with dots":    {"from", []string{`{"a.b":1}`}, []vendorapi.Column{{Name: "from", Type: vendorapi.TypeJSON}}},
		"nothing":            {"x", []string{"null"}, []vendorapi.Column{{Name: "x", Type: vendorapi.TypeString}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var g Guess
			for _, value := range test.values {
				g.Add([]byte(value))
			}
			if diff := cmp.Diff(test.want, g.Columns(test.name, &Names{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSource(t *testing.T) {
	got := Source(vendorapi.Column{Name: "at", Path: "call.at", Type: vendorapi.TypeTimestamp, Layout: vendorapi.LayoutUnix, Zone: "UTC", Comment: `a "time"`})
	want := `{Name: "at", Path: "call.at", Type: vendorapi.TypeTimestamp, Layout: vendorapi.LayoutUnix, Zone: "UTC", Comment: "a \"time\""},`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
