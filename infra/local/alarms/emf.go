package alarms

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Datum is what a line in the embedded metric format says of one metric.
type Datum struct {
	Metric Metric
	At     time.Time
	Values []float64
}

// Limits of the embedded metric format, see
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html.
const (
	longestLine          = 1 << 20 // bytes
	mostMetrics          = 100     // of a directive
	mostValues           = 100     // of a metric
	mostDimensions       = 30      // of a set
	longestName          = 1024    // characters of a namespace, a metric's name, or a dimension's value
	longestDimensionName = 250
	standardResolution   = 60 // seconds
	highResolution       = 1
	memberMetadata       = "_aws"
)

// units are those of https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html.
var units = strings.Fields("Seconds Microseconds Milliseconds Percent Count Count/Second None " +
	"Bytes Kilobytes Megabytes Gigabytes Terabytes Bytes/Second Kilobytes/Second Megabytes/Second Gigabytes/Second Terabytes/Second " +
	"Bits Kilobits Megabits Gigabits Terabits Bits/Second Kilobits/Second Megabits/Second Gigabits/Second Terabits/Second")

// AddLine adds the data of a log line in the embedded metric format, at the line's own time where at is zero. A line of
// another kind adds nothing. A line that breaks the format is an error and adds nothing, while CloudWatch would drop it silently.
func (s *Store) AddLine(line []byte, at time.Time) error {
	data, err := ParseLine(line)
	if err != nil {
		return err
	}
	for _, d := range data {
		if !at.IsZero() {
			d.At = at
		}
		s.Add(d.Metric, d.At, d.Values...)
	}
	return nil
}

// ParseLine reads a log line in the embedded metric format; what stands before its first brace is what Lambda may put there. It
// returns nil for a line that is something else. Its error tells everything that breaks the format.
func ParseLine(line []byte) ([]Datum, error) {
	start := bytes.IndexByte(line, '{')
	if start < 0 || !bytes.Contains(line[start:], []byte(`"`+memberMetadata+`"`)) {
		return nil, nil
	}
	var root map[string]jsontext.Value
	if err := json.Unmarshal(line[start:], &root); err != nil {
		return nil, fmt.Errorf("line in the embedded metric format: it is no JSON object and nothing after it: %w", err)
	}
	if root[memberMetadata] == nil {
		return nil, nil
	}
	d := document{root: root}
	data := d.read()
	if len(line) > longestLine {
		d.fault("the line has %d bytes: want at most %d", len(line), longestLine)
	}
	if err := errors.Join(d.faults...); err != nil {
		return nil, fmt.Errorf("line in the embedded metric format: %w", err)
	}
	return data, nil
}

// document is a line being read.
type document struct {
	root   map[string]jsontext.Value
	faults []error
}

func (d *document) fault(format string, args ...any) {
	d.faults = append(d.faults, fmt.Errorf(format, args...))
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []struct {
		Name              string
		Unit              *string
		StorageResolution *int
	}
}

func (d *document) read() (data []Datum) {
	var metadata struct {
		Timestamp         *int64
		CloudWatchMetrics []directive
	}
	if err := json.Unmarshal(d.root[memberMetadata], &metadata); err != nil {
		if semantic := (*json.SemanticError)(nil); errors.As(err, &semantic) {
			d.fault("%s%s is of the wrong kind (JSON %s)", memberMetadata, semantic.JSONPointer, semantic.JSONKind)
		} else {
			d.fault("%s: %w", memberMetadata, err)
		}
		return nil
	}
	if metadata.Timestamp == nil {
		d.fault("_aws.Timestamp is missing: want milliseconds since 1970")
		metadata.Timestamp = new(int64)
	}
	if metadata.CloudWatchMetrics == nil {
		d.fault("_aws.CloudWatchMetrics is missing: want a list of what the line holds")
	}
	at := time.UnixMilli(*metadata.Timestamp).UTC()
	for i, directive := range metadata.CloudWatchMetrics {
		path := fmt.Sprintf("_aws.CloudWatchMetrics[%d]", i)
		if n := len(directive.Namespace); n < 1 || n > longestName {
			d.fault("%s.Namespace has %d characters: want 1 to %d", path, n, longestName)
		}
		sets := d.dimensionSets(path, directive)
		if n := len(directive.Metrics); directive.Metrics == nil || n > mostMetrics {
			d.fault("%s.Metrics has %d metrics: want a list of at most %d", path, n, mostMetrics)
		}
		for j, metric := range directive.Metrics {
			path := fmt.Sprintf("%s.Metrics[%d]", path, j)
			if n := len(metric.Name); n < 1 || n > longestName {
				d.fault("%s.Name has %d characters: want 1 to %d", path, n, longestName)
				continue
			}
			if metric.Unit != nil && !slices.Contains(units, *metric.Unit) {
				d.fault("%s.Unit is %q: want one of %s", path, *metric.Unit, strings.Join(units, ", "))
			}
			if r := metric.StorageResolution; r != nil && *r != standardResolution && *r != highResolution {
				d.fault("%s.StorageResolution is %d: want %d or %d", path, *r, highResolution, standardResolution)
			}
			values := d.values(path, metric.Name)
			for _, dimensions := range sets {
				data = append(data, Datum{Metric{directive.Namespace, metric.Name, dimensions}, at, values})
			}
		}
	}
	return data
}

// dimensionSets returns the dimensions of each set, with their values.
func (d *document) dimensionSets(path string, of directive) (sets []map[string]string) {
	if len(of.Dimensions) == 0 {
		d.fault("%s.Dimensions has no set: want at least one, [[]] for a metric without dimensions", path)
	}
	for i, names := range of.Dimensions {
		path := fmt.Sprintf("%s.Dimensions[%d]", path, i)
		if len(names) > mostDimensions {
			d.fault("%s has %d dimensions: want at most %d", path, len(names), mostDimensions)
		}
		set := map[string]string{}
		for _, name := range names {
			if n := len(name); n < 1 || n > longestDimensionName {
				d.fault("%s has a name of %d characters: want 1 to %d", path, n, longestDimensionName)
				continue
			}
			set[name] = d.dimension(path, name)
		}
		sets = append(sets, set)
	}
	return sets
}

func (d *document) dimension(path, name string) (value string) {
	raw, ok := d.root[name]
	switch {
	case !ok:
		d.fault("%s names %q: want a member of that name at the root of the line", path, name)
	case json.Unmarshal(raw, &value) != nil || raw.Kind() != '"':
		d.fault("%s names %q, which is %s: want text", path, name, raw)
	case value == "" || len(value) > longestName:
		d.fault("%s names %q, which has %d characters: want 1 to %d", path, name, len(value), longestName)
	}
	return value
}

func (d *document) values(path, name string) (values []float64) {
	raw, ok := d.root[name]
	if !ok {
		d.fault("%s names %q: want a member of that name at the root of the line", path, name)
		return nil
	}
	if raw.Kind() == '0' {
		values = make([]float64, 1)
		if err := json.Unmarshal(raw, &values[0]); err != nil {
			d.fault("%s names %q, which is %s: want a number that 64 bits can hold", path, name, raw)
		}
		return values
	}
	if raw.Kind() != '[' || json.Unmarshal(raw, &values) != nil || bytes.Contains(raw, []byte("null")) {
		d.fault("%s names %q, which is %s: want a number or a list of numbers", path, name, raw)
		return nil
	}
	if len(values) == 0 || len(values) > mostValues {
		d.fault("%s names %q, which has %d values: want 1 to %d", path, name, len(values), mostValues)
	}
	return values
}
