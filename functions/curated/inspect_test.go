package curated

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

func TestInspect(t *testing.T) {
	table, err := NewTable(&vendorapi.Stream{Name: "calls", Columns: []vendorapi.Column{
		{Name: "id", Type: vendorapi.TypeInt64},
		{Name: "id_text", Path: "id", Type: vendorapi.TypeString},
		{Name: "city", Path: "from.city", Type: vendorapi.TypeString},
		{Name: "more", Type: vendorapi.TypeJSON},
		{Name: "more_a", Path: "more.a", Type: vendorapi.TypeBool},
	}})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		record string
		// want are path, column, and what is wrong, or "undeclared".
		want []string
		err  string
	}{
		"all fit":              {`{"id":1,"from":{"city":"Leeds"},"more":{"a":true,"b":2}}`, []string{"id id ok", "id id_text ok", "from.city city ok", "more more ok", "more.a more_a ok"}, ""},
		"one does not convert": {`{"id":"x"}`, []string{"id id a string, want a whole number", "id id_text ok"}, ""},
		"null fits":            {`{"id":null}`, []string{"id id ok", "id id_text ok"}, ""},
		"undeclared":           {`{"a.b":[1],"from":{"zip":{"code":1}}}`, []string{"a.b undeclared", "from.zip undeclared"}, ""},
		"no object":            {`{"from":"Leeds"}`, []string{"from  a string, want an object"}, ""},
		"below a column":       {`{"more":[1]}`, []string{"more more ok", "more  an array, want an object"}, ""},
		"escaped name":         {`{"\u0069d":1}`, []string{"id id ok", "id id_text ok"}, ""},
		"an array":             {`[1]`, nil, "the record is an array, want an object"},
		"broken":               {`{"id":`, nil, "the record is no JSON"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			err := table.Inspect([]byte(test.record), func(v Value) {
				line := v.Path + " " + v.Column + " "
				switch {
				case !v.Declared:
					line = v.Path + " undeclared"
				case v.Fits:
					line += "ok"
				default:
					allowed, _, _ := strings.Cut(v.Allowed, " from")
					allowed, _, _ = strings.Cut(allowed, ",")
					line += v.Kind + ", want " + allowed
				}
				got = append(got, line)
			})
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Fatalf("error %v, want %q", err, test.err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
