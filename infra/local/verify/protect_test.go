package verify

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// people have personal columns of each protection.
var people = &vendorapi.Stream{Name: "people", Key: []string{"id", "email"}, Columns: []vendorapi.Column{
	{Name: "id", Type: vendorapi.TypeInt64},
	{Name: "email", Type: vendorapi.TypeString, Personal: vendorapi.PersonalEmail},
	{Name: "host", Path: "email", Type: vendorapi.TypeString, Personal: vendorapi.PersonalEmail, Protect: vendorapi.ProtectMask},
	{Name: "name", Path: "who.name", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName},
	{Name: "ip", Type: vendorapi.TypeString, Personal: vendorapi.PersonalIP},
	{Name: "phone", Path: "who.phone", Type: vendorapi.TypeString, Personal: vendorapi.PersonalPhone},
	{Name: "nickname", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName, Protect: vendorapi.ProtectKeep},
	{Name: "answers", Type: vendorapi.TypeJSON, Within: []vendorapi.Within{
		{Path: "by.email", Personal: vendorapi.PersonalEmail}, {Path: "by.name", Personal: vendorapi.PersonalName}, {Path: "by.phone", Personal: vendorapi.PersonalPhone},
	}},
}}

func TestExpectedIsProtected(t *testing.T) {
	table, err := newTable(people, []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		record     string
		values     []string
		undeclared string
	}{
		// The digest is that of printf %s anna@example.com | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
		"each": {`{"id":1,"email":"Anna@Example.com","who":{"name":"Anna Smith","phone":"123456","x":1},"ip":"203.0.113.7","nickname":"Annie"}`,
			[]string{"1", "b4f91fcf9c0343c2df41d24673fe622d", "a***@example.com", "A. S.", "203.0.113.0/24", "Annie", "null"}, `{"who":{"x":1}}`},
		"within an array": {`{"id":1,"answers":[ {"text":"a, b <c>" , "by":[{"email":"Anna@example.com","name":"Anna Smith","phone":"123456"},{"email":null,"name":"7"}]}, {"by":{"name":["Bob",{"x":1}]}}, "Anna", null ]}`,
			[]string{"1", "null", "null", "null", "null", "null", `[{"text":"a, b <c>","by":[{"email":"b4f91fcf9c0343c2df41d24673fe622d","name":"A. S."},{"email":null,"name":null}]},{"by":{"name":["B."]}},null]`}, ""},
		"within a text": {`{"id":1,"answers":"Anna"}`, []string{"1", "null", "null", "null", "null", "null", "null"}, ""},
		"nothing":       {`{"id":1}`, []string{"1", "null", "null", "null", "null", "null", "null"}, ""},
		"empty":         {`{"id":1,"email":" ","who":{"name":"","phone":""},"ip":"","nickname":""}`, []string{"1", "null", "null", "null", "null", "", "null"}, ""},
		"of no use":     {`{"id":1,"email":"@","who":{"name":"42"},"ip":"?"}`, []string{"1", "124b1eb95816a1dd37748b6f2f4c4827", "***", "null", "null", "null", "null"}, ""},
		"dropped only":  {`{"id":1,"who":{"phone":"123456"}}`, []string{"1", "null", "null", "null", "null", "null", "null"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			row, err := table.expected([]byte(test.record))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, value := range row.values {
				if value == nil {
					got = append(got, "null")
				} else {
					got = append(got, string(value))
				}
			}
			if diff := cmp.Diff(test.values, got); diff != "" || string(row.undeclared) != test.undeclared {
				t.Errorf("undeclared %s, values (-want +got):\n%s", row.undeclared, diff)
			}
		})
	}
	keyless, err := newTable(people, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keyless.expected([]byte(`{"id":1,"email":"anna@example.com"}`)); err == nil || !strings.Contains(err.Error(), "no key") {
		t.Errorf("without a key: %v", err)
	}
}

// TestMasksAgree has both ways of writing the same down come to the same, on whatever text.
func TestMasksAgree(t *testing.T) {
	table, err := newTable(people, []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	key := privacy.Key("0123456789abcdef0123456789abcdef")
	functions := map[vendorapi.Personal]func(string) string{
		vendorapi.PersonalName: privacy.MaskName, vendorapi.PersonalEmail: privacy.MaskEmail, vendorapi.PersonalIP: privacy.MaskIP, vendorapi.PersonalPhone: privacy.MaskPhone,
	}
	rapid.Check(t, func(r *rapid.T) {
		value := rapid.OneOf(
			rapid.String(), rapid.StringMatching(`[ a-zA-Z0-9.+"-]{0,12}@[A-Za-z.ß0-9 -]{0,12}`), rapid.StringMatching(`[0-9]{1,3}(\.[0-9]{1,3}){3}(:[0-9]{1,4})?`),
			rapid.StringMatching(`\[?[0-9a-f:]{2,20}(%eth0)?\]?(:80)?`), rapid.StringMatching(`[+0-9 ()-]{0,20}`), rapid.StringMatching(`(\p{L}\p{Mn}?[ -]){0,6}`),
		).Draw(r, "value")
		for kind, mask := range functions {
			got, err := table.protected(column{protect: vendorapi.ProtectMask, personal: kind}, []byte(value))
			if err != nil || string(got) != mask(value) {
				r.Errorf("%s of %q: %q (%v), and the functions make %q", kind, value, got, err, mask(value))
			}
		}
		got, err := table.protected(column{protect: vendorapi.ProtectHash}, []byte(value))
		if want := key.Digest(value); err != nil || len(got) > 0 && string(got) != want || len(got) == 0 && strings.TrimSpace(value) != "" {
			r.Errorf("digest of %q: %q (%v), and the functions make %q", value, got, err, want)
		}
	})
}

func TestQuarantineIsSearched(t *testing.T) {
	table, err := newTable(people, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		line string
		want []string
	}{
		"nothing personal":      {`{"reason":"r","part":"p","position":1,"record":{"id":"x","who":{"city":"Leeds"},"nickname":"Annie"}}`, nil},
		"no record":             {`{"reason":"r","record":null}`, nil},
		"what is hashed":        {`{"record":{"email":"anna@example.com"}}`, []string{"email", "email"}},
		"what is below":         {`{"record":{"who":{"name":"Anna","phone":"1"}}}`, []string{"who.name", "who.phone"}},
		"a text":                {`{"record":"anna@example.com"}`, []string{"a record that is no JSON object"}},
		"an array":              {`{"record":["anna@example.com"]}`, []string{"a record that is no JSON object"}},
		"a line that is broken": {`{"record":`, []string{"a line that is no JSON"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, table.exposed([]byte(test.line))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	open, err := newTable(&vendorapi.Stream{Key: []string{"id"}, Columns: people.Columns[:1]}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := open.exposed([]byte(`{"record":"broken"}`)); got != nil {
		t.Errorf("a stream without personal columns: %q", got)
	}
}
