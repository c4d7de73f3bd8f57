package curated

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/tables"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// TestObjectsHoldWhatTablesDeclare compares the Parquet schema with the columns that are declared to those who query it.
func TestObjectsHoldWhatTablesDeclare(t *testing.T) {
	made, err := NewTable(everyType)
	if err != nil {
		t.Fatal(err)
	}
	parquetTypes := map[vendorapi.ColumnType]string{
		vendorapi.TypeString: "STRING", vendorapi.TypeInt64: "INT(64,true)", vendorapi.TypeFloat64: "DOUBLE", vendorapi.TypeBool: "BOOLEAN",
		vendorapi.TypeTimestamp: "TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)", vendorapi.TypeDate: "DATE", vendorapi.TypeJSON: "JSON",
	}
	var want, got []string
	for _, column := range tables.Columns(everyType) {
		want = append(want, column.Name+" "+parquetTypes[column.Type])
	}
	for _, field := range made.Schema().Fields() {
		got = append(got, field.Name()+" "+field.Type().String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-declared +written):\n%s", diff)
	}
}
