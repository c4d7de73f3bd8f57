package vendortest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// Review compares real answers of a vendor, the JSON bodies of pages of a stream, with what the stream's description says of them:
// whether records stand at recordsPath and a total at its place, each column is seen and converts, each field is declared (with columns
// proposed for those that are not), keys are unique, and times can be read. It returns what is not so. A server that is made from the
// description cannot tell any of this. It panics where the vendor has no such stream.
func Review(v *vendorapi.Vendor, stream string, answers ...[]byte) []Breach {
	s, err := v.Stream(stream)
	if err != nil {
		panic(err)
	}
	r := &review{vendor: v, stream: s}
	for _, answer := range answers {
		r.read(answer)
	}
	if len(r.breaches) > 0 {
		return r.breaches
	}
	if len(r.records) == 0 {
		r.breach(PromiseAnswers, "none of the %d answers holds a record, so they say nothing. Record one that does", len(answers))
		return r.breaches
	}
	r.added()
	r.keys()
	r.times()
	r.columns()
	r.undeclared()
	for i := range v.Streams {
		if child := &v.Streams[i]; child.Parent != nil && child.Parent.Stream == stream {
			r.parents(child)
		}
	}
	return r.breaches
}

// reviewFolder reviews the answers of each stream that a folder has any of.
func reviewFolder(v *vendorapi.Vendor, folder fs.FS) (all []Breach) {
	files, err := fs.Glob(folder, "*.json")
	if err != nil || len(files) == 0 {
		return []Breach{{Promise: PromiseAnswers, Text: fmt.Sprintf("the folder of recorded answers holds no file <stream>.json (%v)", err)}}
	}
	answers := map[string][][]byte{}
	for _, name := range files {
		stream, _, _ := strings.Cut(name, ".")
		if _, err := v.Stream(stream); err != nil {
			all = append(all, Breach{Promise: PromiseAnswers, Text: fmt.Sprintf("recorded answer %s: %v: want <stream>.json", name, err)})
			continue
		}
		answer, err := fs.ReadFile(folder, name)
		if err != nil {
			all = append(all, Breach{Promise: PromiseAnswers, Text: fmt.Sprintf("recorded answer %s: %v", name, err)})
			continue
		}
		answers[stream] = append(answers[stream], answer)
	}
	for i := range v.Streams {
		if name := v.Streams[i].Name; len(answers[name]) > 0 {
			all = append(all, Review(v, name, answers[name]...)...)
		}
	}
	return all
}

// review is one run of Review.
type review struct {
	vendor  *vendorapi.Vendor
	stream  *vendorapi.Stream
	records [][]byte
	// pages are how many of the records each answer holds.
	pages    []int
	untimed  int
	breaches []Breach
}

func (r *review) breach(promise, format string, arguments ...any) {
	r.breaches = append(r.breaches, Breach{Stream: r.stream.Name, Promise: promise, Text: fmt.Sprintf(format, arguments...)})
}

// answered answers each request with a body.
type answered []byte

// RoundTrip implements http.RoundTripper.
func (a answered) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(a)),
		Body: io.NopCloser(bytes.NewReader(a)), Request: r, ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// placing returns a copy of the vendor whose stream has its records placed by their own time, and no total in a header, which a body
// does not show: so the client tells which records show no time.
func (r *review) placing() *vendorapi.Vendor {
	v := smallPages(r.vendor)
	s, err := v.Stream(r.stream.Name)
	if err != nil {
		panic(err) // It has the same streams.
	}
	s.Paging.Size = r.stream.Paging.Size
	s.Total.Header = ""
	s.RateLimit, v.RateLimit = vendorapi.RateLimit{}, vendorapi.RateLimit{}
	s.Audit = vendorapi.AuditReread
	s.Window.Listing, s.Window.LongestSpan = nil, 0
	if s.Parent == nil && s.TimePath == "" && s.Window.Start != (vendorapi.Place{}) && s.Window.Resolution == 0 {
		s.Window.Resolution = vendorapi.Duration(time.Second) // Without a listing it would want a time.
	}
	if s.Parent == nil && s.TimePath != "" {
		s.Window.Resolution, s.Window.Granularity = 0, 0
		if s.Window.Layout == time.DateOnly {
			s.Window.Layout = time.RFC3339
		}
	}
	v.Retry.MaxAttempts = 1
	// What was answered once needs no credentials.
	v.Auth = vendorapi.Auth{Kind: vendorapi.AuthNone}
	return v
}

// read lets the client read an answer.
func (r *review) read(answer []byte) {
	v := r.placing()
	client, err := vendorapi.NewClient(v, r.stream.Name, nil, vendorapi.Options{
		Transport: answered(answer), Now: func() time.Time { return checkedDay }, Sleep: func(context.Context, time.Duration) error { return nil },
		Random: func() float64 { return 0 }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		r.breach(PromiseDescription, "%v", err)
		return
	}
	if r.stream.Parent != nil {
		parent := vendorapi.ParentRecord{}
		for range r.stream.Parent.Places {
			parent.Places = append(parent.Places, jsontext.Value(`"1"`))
		}
		client = client.Of(parent)
	}
	page, err := client.Page(context.Background(), window.Window{Start: checkedDay, End: checkedDay.Add(time.Hour)}, vendorapi.Cursor{})
	if err != nil {
		var request *vendorapi.RequestError
		reason := err.Error()
		if errors.As(err, &request) {
			reason = request.Reason
		}
		r.breach(PromiseAnswers, "a recorded answer is not as described: %s.%s", reason, arraysIn(answer))
		return
	}
	for record := range page.Records() {
		r.records = append(r.records, bytes.Clone(record))
	}
	for record := range page.Others() {
		r.records = append(r.records, bytes.Clone(record))
	}
	r.pages = append(r.pages, page.Count)
	r.untimed += page.Untimed
	switch total := page.Total; {
	case total >= 0 && total < int64(page.Count):
		r.breach(PromiseTotals, "the total %q is %d, and the answer alone holds %d records. It counts something else: look at total", r.stream.Total.Path, total, page.Count)
	case total > int64(page.Count) && r.stream.Paging.Kind == vendorapi.PagingNone:
		r.breach(PromiseTotals, "the total %q is %d, the answer holds %d records, and there is no other page. Look at total and at paging.kind", r.stream.Total.Path, total, page.Count)
	}
}

// arraysIn says where in an answer arrays of objects stand.
func arraysIn(answer []byte) string {
	var paths []string
	var find func(value any, path string)
	find = func(value any, path string) {
		switch value := value.(type) {
		case map[string]any:
			for _, name := range sortedNames(value) {
				find(value[name], strings.TrimPrefix(path+"."+name, "."))
			}
		case []any:
			if len(value) > 0 {
				if _, ok := value[0].(map[string]any); ok {
					paths = append(paths, fmt.Sprintf("%q", path))
				}
			}
		}
	}
	var body any
	if json.Unmarshal(answer, &body) != nil {
		return ""
	}
	if find(body, ""); len(paths) == 0 {
		return ""
	}
	return " Arrays of objects stand at " + strings.Join(paths, ", ") + ": look at recordsPath"
}

// own leaves of paths those that are not the parent's.
func (r *review) own(paths []string) []string {
	added := rolesOf(r.vendor, r.stream)
	return slices.DeleteFunc(slices.Clone(paths), added.adds)
}

// added makes sure that no record has a field itself that its parent adds: with both, a table takes it for damaged.
func (r *review) added() {
	for _, name := range rolesOf(r.vendor, r.stream).added {
		if slices.ContainsFunc(r.records, func(record []byte) bool { return hasPath(record, []string{name}) }) {
			r.breach(PromiseChildren, "the records have a field %q themselves, and parent.fields add one of this name. Look at parent.fields: give it another name, or leave it out where the two are the same", name)
		}
	}
}

// keys makes sure that each key field is there, and that no two records of an answer have one key.
func (r *review) keys() {
	own := r.own(r.stream.Key)
	from := 0
	for _, n := range r.pages {
		first := map[string]bool{}
		for _, record := range r.records[from : from+n] {
			for _, path := range own {
				if string(valueAt(record, strings.Split(path, "."))) == "null" {
					r.breach(PromiseKeys, "a record has nothing at %q, which is part of the key. Look at key", path)
					return
				}
			}
			text := strings.Join(keyOf(record, own), "\x00")
			if first[text] {
				r.breach(PromiseKeys, "two records of one answer have the same key (%s), so a table would show only one of them. Look at key: which fields does it lack?", strings.Join(r.stream.Key, ", "))
				return
			}
			first[text] = true
		}
		from += n
	}
}

func (r *review) times() {
	if r.untimed > 0 {
		r.breach(PromiseTimes, "%d of %d records show no time at timePath %q that can be read. Look at timePath, and at how the time is written: want RFC 3339, a Unix time (0 is none), or the layout of the window",
			r.untimed, len(r.records), r.stream.TimePath)
	}
}

// enough is the number of records from which a column that none of them has is told of.
const enough = 10

// columns makes sure that each column is seen and converts.
func (r *review) columns() {
	for _, column := range r.stream.Columns {
		path := column.Path
		if path == "" {
			path = column.Name
		}
		if len(r.own([]string{path})) == 0 {
			continue
		}
		seen := 0
		for _, record := range r.records {
			if hasPath(record, strings.Split(path, ".")) {
				seen++
			}
		}
		if seen == 0 && len(r.records) >= enough {
			r.breach(PromiseColumns, "column %s: none of the %d records has anything at %q. Look at its path; if it is rare, record an answer that has it", column.Name, len(r.records), path)
			continue
		}
		counts, reason, _, err := curate([]vendorapi.Column{column}, r.records)
		switch {
		case err != nil:
			r.breach(PromiseColumns, "column %s: %v", column.Name, err)
		case counts.Quarantined > 0 && int(counts.Quarantined) >= seen:
			r.breach(PromiseColumns, "it never converts: %s. Look at its type and layout", reason)
		case counts.Quarantined > 0:
			r.breach(PromiseColumns, "in %d of %d records it does not convert: %s. Look at its type and layout", counts.Quarantined, len(r.records), reason)
		}
	}
}

// hasPath reports whether something stands at a path of a record, be it null.
func hasPath(record []byte, names []string) bool {
	var object map[string]json.RawMessage
	if json.Unmarshal(record, &object) != nil {
		return false
	}
	value, ok := object[names[0]]
	return ok && (len(names) == 1 || string(value) == "null" || hasPath(value, names[1:]))
}

// curate makes a table of records, and tells what became of them. What becomes of personal values is left out of it: whether a column fits
// what the vendor sends is no matter of that, and of a column that is dropped nothing would be known.
func curate(columns []vendorapi.Column, records [][]byte) (counts curated.Counts, reason string, undeclared []string, err error) {
	columns = slices.Clone(columns)
	for i := range columns {
		columns[i].Personal, columns[i].Protect, columns[i].Within = "", "", nil
	}
	table, err := curated.NewTable(&vendorapi.Stream{Name: "reviewed", Columns: columns})
	if err != nil {
		return counts, "", nil, err
	}
	w := table.NewWriter(io.Discard, io.Discard, curated.Source{Window: window.Window{Start: checkedDay, End: checkedDay.Add(time.Hour)}, IngestedAt: checkedDay})
	lines := append(bytes.Join(records, []byte{'\n'}), '\n')
	if _, err := w.AddPart(context.Background(), "answers", bytes.NewReader(lines)); err != nil {
		return counts, "", nil, err
	}
	counts, err = w.Close()
	return counts, w.Reason(), w.Undeclared(), err
}

// undeclared proposes columns for the fields that no column declares.
func (r *review) undeclared() {
	_, _, fields, err := curate(r.stream.Columns, r.records)
	if err != nil || len(fields) == 0 {
		return
	}
	var proposed []string
	for _, column := range proposeColumns(r.stream.Columns, fields, r.records) {
		proposed = append(proposed, "\t"+columnSource(column))
	}
	r.breach(PromiseColumns, "%d fields are not declared: %s. Columns for them could be\n%s", len(fields), strings.Join(fields, ", "), strings.Join(proposed, "\n"))
}

// parents makes sure that a child stream can be read of the records.
func (r *review) parents(child *vendorapi.Stream) {
	reader, err := vendorapi.NewParentReader(r.vendor, child)
	if err != nil {
		r.breach(PromiseChildren, "%v", err)
		return
	}
	for _, record := range r.records {
		parent, err := reader.Read(record)
		switch {
		case err != nil:
			r.breach(PromiseChildren, "stream %s cannot be read of it: %v. Look at parent.places of %s", child.Name, err, child.Name)
			return
		case parent.Time.IsZero():
			r.breach(PromiseChildren, "a record shows no time at parent.timePath %q of %s that can be read. Look at that path, and at how the time is written", child.Parent.TimePath, child.Name)
			return
		}
		for i, field := range child.Parent.Fields {
			if !hasPath(record, strings.Split(field.Path, ".")) && string(parent.Fields[i]) == "null" {
				r.breach(PromiseChildren, "a record has nothing at %q, which parent.fields of %s add as %s. Look at that path", field.Path, child.Name, field.Name)
				return
			}
		}
	}
}
