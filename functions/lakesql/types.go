package lakesql

import "github.com/windrow-data/windrow/functions/vendorapi"

// types are a column's type in the words of each engine.
var types = map[vendorapi.ColumnType]struct{ trino, hive, duckDB string }{
	vendorapi.TypeString:  {"varchar", "string", "VARCHAR"},
	vendorapi.TypeInt64:   {"bigint", "bigint", "BIGINT"},
	vendorapi.TypeFloat64: {"double", "double", "DOUBLE"},
	vendorapi.TypeBool:    {"boolean", "boolean", "BOOLEAN"},
	// Athena reads times from Parquet with milliseconds, the precision of Trino's timestamp without one.
	vendorapi.TypeTimestamp: {"timestamp(3)", "timestamp", "TIMESTAMP"},
	vendorapi.TypeDate:      {"date", "date", "DATE"},
	vendorapi.TypeJSON:      {"varchar", "string", "VARCHAR"},
}

// TrinoType is the type in Trino's words, as a view's definition has it. https://trino.io/docs/current/language/types.html
func TrinoType(t vendorapi.ColumnType) string { return types[t].trino }

// HiveType is the type in the words of Hive, as Glue has it. https://docs.aws.amazon.com/athena/latest/ug/data-types.html
func HiveType(t vendorapi.ColumnType) string { return types[t].hive }

// DuckDBType is the type in DuckDB's words, as describe shows it. https://duckdb.org/docs/stable/sql/data_types/overview
func DuckDBType(t vendorapi.ColumnType) string { return types[t].duckDB }
