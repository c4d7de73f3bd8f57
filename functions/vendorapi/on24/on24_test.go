package on24_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
	"github.com/windrow-data/windrow/functions/window"
)

func TestDescriptionSurvivesJSON(t *testing.T) {
	for name, vendor := range map[string]*vendorapi.Vendor{"US": on24.Vendor("22355"), "EU": on24.Vendor("22355", on24.EU)} {
		t.Run(name, func(t *testing.T) {
			written, err := json.Marshal(vendor)
			if err != nil {
				t.Fatal(err)
			}
			read, err := vendorapi.Parse(written)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(vendor.Resolved(), read); diff != "" {
				t.Errorf("(-written +read):\n%s", diff)
			}
		})
	}
	if got := on24.Vendor("22355", on24.EU).BaseURL; got != "https://api.eu.on24.com/v2" {
		t.Errorf("EU: got %s", got)
	}
	if diff := cmp.Diff([]string{"accessTokenKey", "accessTokenSecret"}, on24.Vendor("22355").SecretFields()); diff != "" {
		t.Errorf("secret's fields (-want +got):\n%s", diff)
	}
}

func TestBadClientID(t *testing.T) {
	for _, id := range []string{"", "acme", "22355/../1", " 22355", "-1", "12345678901234567890"} {
		err := on24.Vendor(id).Validate()
		want := "on24.Vendor: client id " + strconv.Quote(id) + ": want the number of the ON24 account"
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v", id, err)
		}
	}
}

func TestDescriptionsDoNotShareColumns(t *testing.T) {
	on24.Vendor("1").Streams[0].Columns[0].Name = "changed"
	if got := on24.Vendor("2").Streams[0].Columns[0].Name; got != "clientid" {
		t.Errorf("got %s", got)
	}
}

// example reads the answer that ON24's documentation shows for a stream.
func example(t *testing.T, stream string) (body []byte, record map[string]any) {
	t.Helper()
	body, err := os.ReadFile("testdata/" + stream + ".json")
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var answer map[string]any
	if err := decoder.Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return body, answer[stream].([]any)[0].(map[string]any)
}

func TestColumnsCoverTheExamples(t *testing.T) {
	vendor := on24.Vendor("90001")
	for _, stream := range vendor.Streams {
		t.Run(stream.Name, func(t *testing.T) {
			_, record := example(t, stream.Name)
			declared := map[string]bool{}
			for _, column := range stream.Columns {
				path := column.Path
				if path == "" {
					path = column.Name
				}
				root, _, _ := strings.Cut(path, ".")
				declared[root] = true
				value := find(record, path)
				if value == nil {
					t.Errorf("the example has no %s", path)
				} else if !fits(column.Type, value) {
					t.Errorf("%s: %v is no %s", path, value, column.Type)
				}
				if column.Comment == "" {
					t.Errorf("%s has no comment", column.Name)
				}
			}
			for field := range record {
				if !declared[field] {
					t.Errorf("%s is not declared", field)
				}
			}
			for _, path := range append(stream.Key, stream.TimePath, stream.VersionPath, stream.PersonPath) {
				if path != "" && find(record, path) == nil {
					t.Errorf("the example has no %s", path)
				}
			}
		})
	}
}

func find(record map[string]any, path string) any {
	var value any = record
	for _, name := range strings.Split(path, ".") {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[name]
	}
	return value
}

func fits(kind vendorapi.ColumnType, value any) bool {
	text, isText := value.(string)
	number, isNumber := value.(json.Number)
	switch kind {
	case vendorapi.TypeString:
		return isText
	case vendorapi.TypeInt64:
		_, err := number.Int64()
		return isNumber && err == nil
	case vendorapi.TypeFloat64:
		return isNumber
	case vendorapi.TypeBool:
		_, isBool := value.(bool)
		return isBool || text == "Y" || text == "N"
	case vendorapi.TypeTimestamp:
		_, err := time.Parse(time.RFC3339, text)
		return err == nil
	case vendorapi.TypeJSON:
		return !isText && !isNumber
	}
	return false
}

func TestRequestsAndAnswers(t *testing.T) {
	hour := window.Window{Start: time.Date(2026, 3, 10, 17, 0, 0, 0, time.UTC), End: time.Date(2026, 3, 10, 18, 0, 0, 0, time.UTC)}
	const bounds = "endDate=2026-03-10T17%3A59%3A59%2B00%3A00"
	const begin = "startDate=2026-03-10T17%3A00%3A00%2B00%3A00"
	tests := map[string]struct {
		request string
		total   int64
		last    bool
	}{
		"events":      {"/v2/client/90001/event?dateFilterMode=modified&" + bounds + "&" + begin, 1, true},
		"registrants": {"/v2/client/90001/registrant?dateFilterMode=lastActivity&" + bounds + "&itemsPerPage=100&pageOffset=0&" + begin, 412, false},
		"attendees":   {"/v2/client/90001/attendee?dateFilterMode=lastActivity&" + bounds + "&itemsPerPage=100&pageOffset=0&" + begin, 187, false},
		"leads":       {"/v2/client/90001/lead?" + bounds + "&itemsPerPage=50&pageOffset=0&" + begin, 1, true},
		"questions":   {"/v2/client/90001/userquestions?" + bounds + "&" + begin, -1, true},
	}
	for stream, test := range tests {
		t.Run(stream, func(t *testing.T) {
			body, _ := example(t, stream)
			throttled := true
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if throttled {
					throttled = false
					w.WriteHeader(http.StatusForbidden)
					io.WriteString(w, `{"message":"You have reached the maximum number of calls for this api"}`)
					return
				}
				if got := r.URL.String(); got != test.request {
					t.Errorf("got %s\nwant %s", got, test.request)
				}
				if r.Header.Get("accessTokenKey") != "key" || r.Header.Get("accessTokenSecret") != "secret" {
					t.Errorf("headers: %v", r.Header)
				}
				w.Write(body)
			}))
			defer server.Close()
			client := client(t, server.URL, stream)
			page, err := client.Page(t.Context(), hour, vendorapi.Cursor{})
			if err != nil {
				t.Fatal(err)
			}
			if page.Count != 1 || page.Kept != 1 || page.Total != test.total || page.Last != test.last {
				t.Errorf("got %+v", page)
			}
			if got := client.Stats().Throttled; got != 1 {
				t.Errorf("throttled %d times, want 1", got)
			}
		})
	}
}

func TestLeadsPastTheEnd(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"message":"Invalid pageOffset, range must be between 0 and 0"}`)
	}))
	defer server.Close()
	hour := window.Window{Start: time.Date(2026, 3, 10, 17, 0, 0, 0, time.UTC), End: time.Date(2026, 3, 10, 18, 0, 0, 0, time.UTC)}
	page, err := client(t, server.URL, "leads").Page(t.Context(), hour, vendorapi.Cursor{Page: 2, Seen: 50})
	if err != nil || !page.Last || page.Count != 0 {
		t.Errorf("got %+v, %v", page, err)
	}
}

func client(t *testing.T, address, stream string) *vendorapi.Client {
	t.Helper()
	vendor := on24.Vendor("90001")
	vendor.BaseURL = address + "/v2"
	vendor.AllowPrivate = true
	client, err := vendorapi.NewClient(vendor, stream, vendorapi.Secret{"accessTokenKey": "key", "accessTokenSecret": "secret"}, vendorapi.Options{
		Now:    func() time.Time { return time.Date(2026, 3, 10, 18, 15, 0, 0, time.UTC) },
		Sleep:  func(context.Context, time.Duration) error { return nil },
		Random: func() float64 { return 0 },
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}
