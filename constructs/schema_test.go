package constructs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// deploySchema synthesizes a pipeline whose columns are remembered in file, and returns what is refused.
func deploySchema(file, confirm string, change func(*vendorapi.Vendor)) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = r.(error)
		}
	}()
	context := map[string]any{}
	if confirm != "" {
		context[ContextConfirmSchema] = confirm
	}
	props := required()
	props.SchemaFile = file
	if change != nil {
		change(props.Vendor)
	}
	NewVendorPipeline(awscdk.NewStack(newApp(context), jsii.String("test"), nil), "Pipeline", props)
	return nil
}

func TestColumnsChangeOnlyWhenConfirmed(t *testing.T) {
	add := func(v *vendorapi.Vendor) {
		v.Streams[0].Columns = append(v.Streams[0].Columns, vendorapi.Column{Name: "amount", Type: vendorapi.TypeFloat64})
	}
	retype := func(v *vendorapi.Vendor) { v.Streams[0].Columns[0].Type = vendorapi.TypeInt64 }
	for name, c := range map[string]struct {
		change  func(*vendorapi.Vendor)
		changes []string
	}{
		"nothing changes":                 {nil, nil},
		"a new column":                    {add, nil},
		"another comment":                 {func(v *vendorapi.Vendor) { v.Streams[0].Columns[0].Comment = "The order's number" }, nil},
		"columns in another order":        {func(v *vendorapi.Vendor) { c := v.Streams[1].Columns; c[0], c[1] = c[1], c[0] }, nil},
		"a column of another type":        {retype, []string{"stream orders: column id: string becomes int64"}},
		"a column that is gone":           {func(v *vendorapi.Vendor) { v.Streams[0].Columns[1].Name = "at"; v.Streams[0].Columns[1].Path = "time" }, []string{"stream orders: column time (timestamp) is gone"}},
		"a stream that is gone":           {func(v *vendorapi.Vendor) { v.Streams = v.Streams[:1] }, []string{"stream refund-notes is gone"}},
		"a stream under another name":     {func(v *vendorapi.Vendor) { v.Streams[1].Name = "refunds" }, []string{"stream refund-notes is gone"}},
		"two streams at once":             {func(v *vendorapi.Vendor) { retype(v); v.Streams[1].Columns[0].Type = vendorapi.TypeInt64 }, []string{"stream orders: column id: string becomes int64", "stream refund-notes: column id: string becomes int64"}},
		"a new column beside one changed": {func(v *vendorapi.Vendor) { add(v); retype(v) }, []string{"stream orders: column id: string becomes int64"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "schema.json")
			if err := deploySchema(file, "", nil); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			err = deploySchema(file, "", c.change)
			var refused *SchemaError
			if c.changes == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.As(err, &refused) {
				t.Fatalf("got %v, want a *SchemaError", err)
			}
			if diff := cmp.Diff(c.changes, refused.Changes); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			confirmation := ContextConfirmSchema + "=" + strings.Join(refused.Streams, ",")
			if !strings.Contains(err.Error(), "-c "+confirmation) {
				t.Errorf("the message does not say how to confirm:\n%v", err)
			}
			if now, _ := os.ReadFile(file); string(now) != string(before) {
				t.Error("a change that was refused is remembered")
			}
			if err := deploySchema(file, "another-stream", c.change); err == nil {
				t.Error("another stream's confirmation counted")
			}
			if err := deploySchema(file, strings.Join(refused.Streams, ","), c.change); err != nil {
				t.Fatalf("confirmed: %v", err)
			}
			if err := deploySchema(file, "", c.change); err != nil {
				t.Errorf("once confirmed, it is refused again: %v", err)
			}
			// The way back is as much of a change, but for a stream that comes again.
			if err := deploySchema(file, "", nil); (err == nil) != (name == "a stream that is gone") {
				t.Errorf("the way back: %v", err)
			}
		})
	}
}

func TestPipelinesShareASchemaFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "schema.json")
	stack := awscdk.NewStack(newApp(map[string]any{}), jsii.String("other"), nil)
	props := required()
	props.SchemaFile = file
	NewVendorPipeline(stack, "Pipeline", props)
	if err := deploySchema(file, "", func(v *vendorapi.Vendor) { v.Streams[0].Columns[0].Type = vendorapi.TypeInt64 }); err != nil {
		t.Errorf("another pipeline's columns are compared: %v", err)
	}
	content, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(content), `"other/Pipeline"`) || !strings.Contains(string(content), `"test/Pipeline"`) {
		t.Errorf("the file holds %s (%v)", content, err)
	}
}

func TestADamagedSchemaFileIsNotOverwritten(t *testing.T) {
	for _, damaged := range []string{"<<<<<<< ours", "null"} {
		file := filepath.Join(t.TempDir(), "schema.json")
		if err := os.WriteFile(file, []byte(damaged), 0o644); err != nil {
			t.Fatal(err)
		}
		checkSchemaFileRefusal(t, file, deploySchema(file, "", nil))
		if content, _ := os.ReadFile(file); string(content) != damaged {
			t.Errorf("the file holds %s", content)
		}
	}
}

func TestASchemaFileInAFolderThatIsNotThere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nowhere", "schema.json")
	checkSchemaFileRefusal(t, file, deploySchema(file, "", nil))
}

func checkSchemaFileRefusal(t *testing.T, file string, err error) {
	t.Helper()
	var refused *PropsError
	if want := fmt.Sprintf("SchemaFile is %q", file); !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want a *PropsError that says %s", err, want)
	}
}

// TestOnlyWhatIsMadeIsRemembered fails a synthesis after the columns were compared.
func TestOnlyWhatIsMadeIsRemembered(t *testing.T) {
	file := filepath.Join(t.TempDir(), "schema.json")
	props := required()
	props.SchemaFile = file
	checkRefusal(t, "the pipeline's name is ", func() { NewVendorPipeline(newStack(), "a#b", props) })
	if content, err := os.ReadFile(file); err == nil {
		t.Errorf("the columns of a pipeline are remembered that was not made: %s", content)
	}
}
