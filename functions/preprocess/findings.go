package preprocess

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/tables"
	"github.com/windrow-data/windrow/functions/telemetry"
)

const (
	// maxRemembered bounds how many undeclared fields of a stream are reported in its life, in case a vendor
	// uses ids as names.
	maxRemembered = 1000
	// maxNamed is how many fields a finding names.
	maxNamed = 20
)

type fieldSet map[string]bool

func (s fieldSet) add(fields []string) {
	for _, field := range fields {
		s[field] = true
	}
}

// report turns what was seen into findings.
func (r *run) report(ctx context.Context) error {
	finding := func(kind telemetry.Kind, numbers telemetry.Numbers, message string) {
		r.Logger.Warn("finding", "stream", r.names.Stream, "kind", string(kind), "message", message, "numbers", numbers)
		r.answer.Find(telemetry.Finding{
			Vendor: r.names.Vendor, Stream: r.names.Stream, Kind: kind, Message: message, Numbers: numbers,
		})
	}
	if n := r.answer.Quarantined; n > 0 {
		finding(telemetry.Quarantined, telemetry.Numbers{"quarantined": float64(n), "rows": float64(r.answer.Rows)}, fmt.Sprintf("%d of %d records of stream %s could not be curated; they are under %s/%s/quarantine/ with their reasons. The first: %s",
			n, n+r.answer.Rows, r.names.Stream, r.names.Vendor, r.names.Stream, r.reason))
	}
	if n := r.restored; n > 0 {
		finding(telemetry.DaysRestored, telemetry.Numbers{"days": float64(n)}, fmt.Sprintf("days.json of stream %s, which says how far its days are compacted, was lost or damaged; it was made again from the %d days that lie under %s/%s/compacted/, and each is compacted once more",
			r.names.Stream, n, r.names.Vendor, r.names.Stream))
	}
	fields, err := r.firstSeen(ctx)
	if err != nil || len(fields) == 0 {
		return err
	}
	named := fields[:min(len(fields), maxNamed)]
	message := fmt.Sprintf("records of stream %s hold fields that no column declares, seen for the first time: %s",
		r.names.Stream, strings.Join(named, ", "))
	if rest := len(fields) - len(named); rest > 0 {
		message += fmt.Sprintf(" and %d more", rest)
	}
	finding(telemetry.UndeclaredFields, telemetry.Numbers{"fields": float64(len(fields))}, message+". They are kept in "+tables.Undeclared+"; declare a column for what is to be queried")
	return nil
}

// firstSeen returns the undeclared fields that no run has reported, sorted, and remembers them as reported.
// The log has them all before they are remembered, so that none is lost where the answer is.
func (r *run) firstSeen(ctx context.Context) ([]string, error) {
	if len(r.fields) == 0 {
		return nil, nil
	}
	remembered := 0
	for object, err := range r.Curated.List(ctx, r.names.Undeclared(), "") {
		if err != nil {
			return nil, err
		}
		remembered++
		if field, err := url.QueryUnescape(strings.TrimPrefix(object.Key, r.names.Undeclared())); err == nil {
			delete(r.fields, field)
		}
	}
	fields := slices.Sorted(maps.Keys(r.fields))
	fields = fields[:max(0, min(len(fields), maxRemembered-remembered))]
	if len(fields) == 0 {
		return nil, nil
	}
	r.Logger.Warn("undeclared fields", "stream", r.names.Stream, "fields", fields)
	for _, field := range fields {
		_, err := r.Curated.Put(ctx, r.names.UndeclaredField(field), bytes.NewReader(nil), "application/octet-stream", nil, objectstore.Absent())
		if err != nil && !errors.Is(err, objectstore.ErrTaken) {
			return nil, err
		}
	}
	return fields, nil
}
