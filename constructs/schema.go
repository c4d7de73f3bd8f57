package constructs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/functions/tables"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// ContextConfirmSchema is the context value by which changes of columns are confirmed that break existing queries:
// -c windrow:confirm-schema=STREAM, several joined by commas.
const ContextConfirmSchema = "windrow:confirm-schema"

// SchemaError says which changes of columns are not confirmed.
type SchemaError struct {
	// File is the SchemaFile that remembers the columns as they were.
	File string
	// Changes are the changes, as "stream attendees: column score: float64 becomes string".
	Changes []string
	// Streams are those that the changes are of.
	Streams []string
}

// Error is a line for each change, and how to go on.
func (e *SchemaError) Error() string {
	return fmt.Sprintf("columns have changed in a way that breaks existing queries and mixes types until all objects are made again:\n  %s\n"+
		"keep the old column beside a new one of another name, or confirm with -c %s=%s; %s then remembers the change",
		strings.Join(e.Changes, "\n  "), ContextConfirmSchema, strings.Join(e.Streams, ","), e.File)
}

// schema are the types of the columns of a pipeline's streams: stream, column, type.
type schema map[string]map[string]vendorapi.ColumnType

func schemaOf(vendor *vendorapi.Vendor) schema {
	s := schema{}
	for i := range vendor.Streams {
		stream := &vendor.Streams[i]
		s[stream.Name] = map[string]vendorapi.ColumnType{}
		for _, column := range tables.Columns(stream) {
			s[stream.Name][column.Name] = column.Type
		}
	}
	return s
}

// breaks returns what a reader of before would miss or take for something else in after, by stream. A new stream and a
// new column break nothing.
func (before schema) breaks(after schema) map[string][]string {
	breaks := map[string][]string{}
	for stream, columns := range before {
		for column, was := range columns {
			switch is, there := after[stream][column]; {
			case after[stream] == nil:
				breaks[stream] = []string{fmt.Sprintf("stream %s is gone", stream)}
			case !there:
				breaks[stream] = append(breaks[stream], fmt.Sprintf("stream %s: column %s (%s) is gone", stream, column, was))
			case is != was:
				breaks[stream] = append(breaks[stream], fmt.Sprintf("stream %s: column %s: %s becomes %s", stream, column, was, is))
			}
		}
		slices.Sort(breaks[stream])
	}
	return breaks
}

// checkSchema compares the columns with those that SchemaFile remembers of this pipeline. Its error is a [*SchemaError] where
// a change is not confirmed; remember has the file remember the columns as they are now.
func (p *VendorPipeline) checkSchema(props *VendorPipelineProps) (remember func() error, err error) {
	if props.SchemaFile == "" {
		return func() error { return nil }, nil
	}
	remembered, _, err := readSchemas(props.SchemaFile)
	if err != nil {
		return nil, err
	}
	now := schemaOf(props.Vendor)
	var confirmed []string
	if value := p.Node().TryGetContext(jsii.String(ContextConfirmSchema)); value != nil {
		confirmed = strings.Split(fmt.Sprint(value), ",")
	}
	refused := SchemaError{File: props.SchemaFile}
	for stream, changes := range remembered[p.Name].breaks(now) {
		if len(changes) > 0 && !slices.Contains(confirmed, stream) {
			refused.Streams = append(refused.Streams, stream)
			refused.Changes = append(refused.Changes, changes...)
		}
	}
	if len(refused.Changes) > 0 {
		slices.Sort(refused.Streams)
		slices.Sort(refused.Changes)
		return nil, &refused
	}
	return func() error { return p.rememberSchema(props.SchemaFile, now) }, nil
}

// readSchemas returns what a schema file remembers by the names of the pipelines, and the file as it is; nothing where there
// is no file.
func readSchemas(file string) (map[string]schema, []byte, error) {
	schemas := map[string]schema{}
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return schemas, nil, nil
	}
	if err == nil {
		err = json.Unmarshal(content, &schemas)
	}
	if err == nil && schemas == nil {
		err = errors.New("it holds null")
	}
	if err != nil {
		return nil, nil, schemaFileFault(file, err)
	}
	return schemas, content, nil
}

// rememberSchema writes the file anew where it does not know the columns as they are now. Another pipeline of the app may have
// written it meanwhile.
func (p *VendorPipeline) rememberSchema(file string, now schema) error {
	schemas, before, err := readSchemas(file)
	if err != nil {
		return err
	}
	schemas[p.Name] = now
	after, err := json.MarshalIndent(schemas, "", "  ")
	if err != nil {
		return err
	}
	if after = append(after, '\n'); bytes.Equal(before, after) {
		return nil
	}
	if err := os.WriteFile(file, after, 0o644); err != nil {
		return schemaFileFault(file, err)
	}
	return nil
}

func schemaFileFault(file string, err error) error {
	return &PropsError{Construct: "VendorPipeline", Faults: []Fault{{"SchemaFile", fmt.Sprintf("%q (%v)", file, err),
		"a file that a synthesis has written, or none yet, in a folder that is there"}}}
}
