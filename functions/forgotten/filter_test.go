package forgotten_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/forgotten"
	"github.com/windrow-data/windrow/functions/privacy"
)

var key = privacy.Key(strings.Repeat("k", privacy.GeneratedKeyLength))

func filter(personPath string, emails ...string) *forgotten.Filter {
	list := forgotten.List{Version: 3}
	for _, email := range emails {
		list.Digests = append(list.Digests, key.Digest(email))
	}
	return forgotten.NewFilter(list, key, personPath)
}

func TestApply(t *testing.T) {
	const ann = "ann.b+c@example.com"
	for name, test := range map[string]struct {
		record, want string
		verdict      forgotten.Verdict
	}{
		"about somebody else":          {`{"email":"bob@example.com","id":1}`, `{"email":"bob@example.com","id":1}`, forgotten.Unchanged},
		"about the person":             {`{"id":1,"email":"ann.b+c@example.com"}`, ``, forgotten.Withheld},
		"in other case, with space":    {`{"email":" Ann.B+C@Example.COM "}`, ``, forgotten.Withheld},
		"escaped":                      {`{"email":"ann.b\u002Bc\u0040example.com"}`, ``, forgotten.Withheld},
		"a name and an address":        {`{"email":"Ann <ann.b+c@example.com>"}`, ``, forgotten.Withheld},
		"as a host":                    {`{"email":"bob@example.com","host":{"email":"ann.b+c@example.com"}}`, `{"email":"bob@example.com","host":{"email":null}}`, forgotten.Emptied},
		"the path below another":       {`{"host":{"email":"ann.b+c@example.com"}}`, `{"host":{"email":null}}`, forgotten.Emptied},
		"in an array":                  {`{"cc":["x@example.com", "ann.b+c@example.com"]}`, `{"cc":["x@example.com", null]}`, forgotten.Emptied},
		"in a question":                {`{"text":"mail \"me\": ann.b+c@example.com."}`, `{"text":"mail \"me\": [forgotten]."}`, forgotten.Emptied},
		"behind a line's end":          {`{"text":"at\nann.b+c@example.com\nplease"}`, `{"text":"at\n[forgotten]\nplease"}`, forgotten.Emptied},
		"in a link":                    {`{"url":"https://e.com/?to=ann.b%2Bc%40example.com&x=1"}`, `{"url":"https://e.com/?to=[forgotten]&x=1"}`, forgotten.Emptied},
		"in a link, as it is":          {`{"url":"https://e.com/u/ann.b+c@example.com/x"}`, `{"url":"https://e.com/u/[forgotten]/x"}`, forgotten.Emptied},
		"twice in a text":              {`{"text":"ann.b+c@example.com,ann.b+c@example.com"}`, `{"text":"[forgotten],[forgotten]"}`, forgotten.Emptied},
		"as a name":                    {`{"answers":{"ann.b+c@example.com":"yes"}}`, `{"answers":{"[forgotten]":"yes"}}`, forgotten.Emptied},
		"a longer address":             {`{"x":"joann.b+c@example.com"}`, `{"x":"joann.b+c@example.com"}`, forgotten.Unchanged},
		"a longer host":                {`{"x":"ann.b+c@example.com.uk"}`, `{"x":"[forgotten].uk"}`, forgotten.Emptied},
		"no address":                   {`{"x":"@","y":"a@","z":"@b"}`, `{"x":"@","y":"a@","z":"@b"}`, forgotten.Unchanged},
		"a name twice":                 {`{"a":1,"a":"ann.b+c@example.com"}`, `{"a":1,"a":null}`, forgotten.Emptied},
		"no JSON":                      {`{"a": ann.b+c@example.com`, `{"a": [forgotten]`, forgotten.Emptied},
		"no object":                    {`"ann.b+c@example.com"`, `null`, forgotten.Emptied},
		"other escapes, nobody's":      {`{"text":"\"a@b.com\" said"}`, `{"text":"\"a@b.com\" said"}`, forgotten.Unchanged},
		"numbers stay as written":      {`{"n":1.00e2,"c":"ann.b+c@example.com","m":12345678901234567890}`, `{"n":1.00e2,"c":null,"m":12345678901234567890}`, forgotten.Emptied},
		"bytes that are no UTF-8 stay": {"{\"n\":\"\xff\",\"c\":\"ann.b+c@example.com\"}", "{\"n\":\"\xff\",\"c\":null}", forgotten.Emptied},
	} {
		t.Run(name, func(t *testing.T) {
			got, verdict := filter("email", "somebody@else.org", ann).Apply([]byte(test.record))
			if verdict != test.verdict || string(got) != test.want {
				t.Errorf("got %s (%v), want %s (%v)", got, verdict, test.want, test.verdict)
			}
		})
	}
	nested := filter("person.email", ann)
	if _, verdict := nested.Apply([]byte(`{"person":{"email":"ann.b+c@example.com"}}`)); verdict != forgotten.Withheld {
		t.Errorf("a nested path: %v", verdict)
	}
	var none *forgotten.Filter
	if got, verdict := none.Apply([]byte(`{}`)); string(got) != `{}` || verdict != forgotten.Unchanged || none.Version() != 0 {
		t.Error("no filter changes something")
	}
	if filter("email") != nil {
		t.Error("a list of nobody makes a filter")
	}
}

// TestNothingIsLeft draws records with the address somewhere in them, written in some way.
func TestNothingIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		local := rapid.StringMatching(`[a-z0-9]([a-z0-9._+-]{0,10}[a-z0-9])?`).Draw(t, "local")
		host := rapid.StringMatching(`[a-z0-9]{1,8}(\.[a-z]{2,4}){1,2}`).Draw(t, "host")
		email := local + "@" + host
		written := rapid.SampledFrom([]string{email, strings.ToUpper(email), url.QueryEscape(email)}).Draw(t, "written")
		before := rapid.SampledFrom([]string{"", "mail ", "<", "\"", "\n", "/", "=", "(", "'", "é ", "x;", "%20"}).Draw(t, "before")
		after := rapid.SampledFrom([]string{"", ".", ">", "\"", "\n", "/", "&x", ")", "'", " é", ";", "!", "?"}).Draw(t, "after")
		quoted, err := jsontext.AppendQuote(nil, before+written+after)
		if err != nil {
			t.Fatal(err)
		}
		form := rapid.SampledFrom([]string{`{"x":%s}`, `{"a":[{"b":%s}],"c":1}`, `{%s:1}`, `{"email":%s}`}).Draw(t, "form")
		record := fmt.Sprintf(form, quoted)
		got, verdict := filter("email", email).Apply([]byte(record))
		if verdict == forgotten.Unchanged {
			t.Fatalf("nothing is found in %s", record)
		}
		for _, trace := range []string{email, url.QueryEscape(email)} {
			if strings.Contains(strings.ToLower(string(got)), strings.ToLower(trace)) {
				t.Fatalf("%s becomes %s", record, got)
			}
		}
		if verdict == forgotten.Emptied && !jsontext.Value(got).IsValid() {
			t.Fatalf("%s becomes %s, which is no JSON", record, got)
		}
		if other, verdict := filter("email", "x"+email, email+"x").Apply([]byte(record)); verdict != forgotten.Unchanged {
			t.Fatalf("%s becomes %s for somebody else", record, other)
		}
	})
}

func BenchmarkApply(b *testing.B) {
	record := []byte(`{"firstname":"Mia","lastname":"Stone","email":"mia.stone@example.com","company":"Acme","jobtitle":"Analyst","city":"Leeds","zip":"LS1 1AA","country":"United Kingdom","workphone":"+44 113 555 0100","username":"mstone","clientid":90001,"eventid":4501001,"eventuserid":700000123,"createtimestamp":"2026-03-02T05:11:09-08:00","ipaddress":"203.0.113.7"}`)
	f := filter("email", "ann@example.com")
	b.SetBytes(int64(len(record)))
	for b.Loop() {
		f.Apply(record)
	}
}
