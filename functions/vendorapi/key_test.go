package vendorapi

import (
	"fmt"
	"strings"
	"testing"
)

func keyed(key ...string) *KeyReader { return NewKeyReader(&Stream{Key: key}) }

func TestKeysOfRecords(t *testing.T) {
	tests := map[string]struct {
		key   []string
		a, b  string
		equal bool
	}{
		"one field":                 {[]string{"id"}, `{"id":7,"x":1}`, `{"x":2, "id" : 7 }`, true},
		"another value":             {[]string{"id"}, `{"id":7}`, `{"id":8}`, false},
		"above 2^53":                {[]string{"id"}, `{"id":9007199254740993}`, `{"id":9007199254740992}`, false},
		"numbers as written":        {[]string{"id"}, `{"id":1}`, `{"id":1.0}`, false},
		"number and string":         {[]string{"id"}, `{"id":1}`, `{"id":"1"}`, false},
		"two fields in any order":   {[]string{"a", "b"}, `{"a":1,"b":2}`, `{"b":2,"a":1}`, true},
		"two fields exchanged":      {[]string{"a", "b"}, `{"a":1,"b":2}`, `{"a":2,"b":1}`, false},
		"two fields run together":   {[]string{"a", "b"}, `{"a":12,"b":3}`, `{"a":1,"b":23}`, false},
		"nested":                    {[]string{"o.p.id"}, `{"o":{"x":[{"id":0}],"p":{"id":7}}}`, `{"o":{"p":{"id":7,"x":1},"id":3}}`, true},
		"nested beside":             {[]string{"o.a", "c", "o.b"}, `{"o":{"a":1,"b":2},"c":3}`, `{"c":3,"o":{"b":2,"a":1}}`, true},
		"through one another":       {[]string{"o", "x"}, `{"o":{"x":1},"x":2}`, `{"o":{"x":1},"x":3}`, false},
		"escapes":                   {[]string{"id"}, `{"id":"a\u0062\/"}`, `{"id":"ab/"}`, true},
		"an escaped name":           {[]string{"id"}, `{"\u0069d":7}`, `{"id":7}`, true},
		"an escape that is escaped": {[]string{"id"}, `{"id":"\\u0062"}`, `{"id":"b"}`, false},
		"the first of two":          {[]string{"id", "z"}, `{"id":1,"id":2,"z":0}`, `{"id":1,"z":0,"id":3}`, true},
		"an object as it stands":    {[]string{"id"}, `{"id":{"a":1}}`, `{"id":{"a":2}}`, false},
		"no look past the last":     {[]string{"id"}, `{"id":7,"x":`, `{"id":7}`, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			k := keyed(test.key...)
			a, keyedA, errA := k.Hash([]byte(test.a))
			b, keyedB, errB := k.Hash([]byte(test.b))
			if errA != nil || errB != nil || !keyedA || !keyedB {
				t.Fatalf("keyed %v, %v; errors %v, %v", keyedA, keyedB, errA, errB)
			}
			if (a == b) != test.equal {
				t.Errorf("%x and %x, want equal: %v", a, b, test.equal)
			}
		})
	}
}

func TestRecordsWithoutAKey(t *testing.T) {
	for _, record := range []string{`{}`, `{"id":null,"o":{"id":1}}`, `{"id":1}`, `{"id":1,"o":{"id":null}}`, `{"id":1,"o":[{"id":1}]}`, `{"id":1,"o":3}`, `7`, `null`, `[{"id":1}]`} {
		if _, ok, err := keyed("id", "o.id").Hash([]byte(record)); ok || err != nil {
			t.Errorf("%s: keyed %v, %v", record, ok, err)
		}
	}
	if _, ok, err := keyed().Hash([]byte(`{"id":1}`)); ok || err != nil {
		t.Errorf("no key fields: keyed %v, %v", ok, err)
	}
	for _, record := range []string{``, `{`, `{"x":1`, `{"x"}`, `{"x":1 "id":2}`, `{"o":{"id":}}`} {
		if _, ok, err := keyed("id", "o.id").Hash([]byte(record)); ok || err == nil {
			t.Errorf("%s: keyed %v, want an error", record, ok)
		}
	}
}

// wide is a record with its key behind many other fields.
func wide() []byte {
	var b strings.Builder
	b.WriteString(`{"clientid":22355,`)
	for i := range 40 {
		fmt.Fprintf(&b, `"field%d":"what a person has said, %d","list%d":[{"a":1},{"b":[2,3]}],`, i, i, i)
	}
	b.WriteString(`"event":{"eventid":4711},"email":"ann\u0040example.com"}`)
	return []byte(b.String())
}

func TestReadingAKeyTakesNoMemory(t *testing.T) {
	k := keyed("clientid", "event.eventid", "email")
	record := wide()
	allocations := testing.AllocsPerRun(100, func() {
		if _, ok, err := k.Hash(record); !ok || err != nil {
			t.Fatal(ok, err)
		}
	})
	if allocations > 0 {
		t.Errorf("%v allocations a record", allocations)
	}
}

func BenchmarkKey(b *testing.B) {
	k := keyed("clientid", "event.eventid", "email")
	record := wide()
	b.SetBytes(int64(len(record)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := k.Hash(record); err != nil {
			b.Fatal(err)
		}
	}
}
