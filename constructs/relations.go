package constructs

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsglue"
	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/tables"
)

// storage is how Athena reads objects of a format.
type storage struct {
	input, output, serde string
	serdeParameters      map[string]string
	classification       string
}

// storages are https://docs.aws.amazon.com/athena/latest/ug/parquet-serde.html and
// https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html
var storages = map[lakesql.Format]storage{
	lakesql.Parquet: {
		input:          "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
		output:         "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
		serde:          "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
		classification: "parquet",
	},
	lakesql.JSONLines: {
		input:  "org.apache.hadoop.mapred.TextInputFormat",
		output: "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
		serde:  "org.openx.data.jsonserde.JsonSerDe",
		// What a quarantined record holds is the vendor's: two names that differ in case alone, or one that stands there twice, must
		// not keep its reason from being read.
		serdeParameters: map[string]string{"case.insensitive": "false", "ignore.malformed.json": "true"},
		classification:  "json",
	},
}

// addRelations describes the curated bucket to Glue as tables, and adds the views that read them. A view depends on all that it reads, so
// that it is changed after that.
func (p *VendorPipeline) addRelations(database string, props *VendorPipelineProps) {
	for _, table := range lakesql.Tables(props.Vendor) {
		p.Relations[table.Name] = p.newTable(table, props)
	}
	streams := map[string]string{}
	for _, stream := range props.Vendor.Streams {
		streams[lakesql.TableName(stream.Name)] = stream.Name
	}
	for _, view := range lakesql.Views(props.Vendor) {
		id := "View-" + view.Name
		stream, ofStream := streams[view.Name]
		if ofStream {
			// The resource of this ID held the stream's rows before there were views: CloudFormation makes the table a view in
			// place, and could not make another one of its name beside it.
			// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-glue-table-tableinput.html
			id = "Table-" + stream
		}
		made := p.addView(id, database, view)
		if ofStream {
			p.Tables[stream] = made
		}
	}
	for _, view := range props.model() {
		p.addView("View-"+view.Name, database, view)
	}
}

// addView makes a view that waits for what it reads.
func (p *VendorPipeline) addView(id, database string, view lakesql.View) awsglue.CfnTable {
	made := p.newView(id, database, view)
	for _, name := range slices.Sorted(maps.Keys(p.Relations)) {
		if names(view.SQL, name) {
			made.AddResourceDependency(p.Relations[name], nil)
		}
	}
	p.Relations[view.Name] = made
	return made
}

// names reports whether a query has the name in it, as a word.
func names(sql, name string) bool {
	return regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).MatchString(sql)
}

// newTable describes a folder of objects. Partitions are worked out from the query, so that nothing has to be told of a new day.
// https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html
func (p *VendorPipeline) newTable(table lakesql.Table, props *VendorPipelineProps) awsglue.CfnTable {
	location := fmt.Sprintf("s3://%s/%s%s", *p.CuratedBucket.BucketName(), prefix(props, table.Stream), table.Folder)
	kept := storages[table.Format]
	parameters := map[string]string{"classification": kept.classification}
	partitions := []awsglue.CfnTable_ColumnProperty{}
	if table.Partitioned {
		partitions = append(partitions, column(lakesql.Partition))
		maps.Copy(parameters, map[string]string{
			"projection.enabled":          "true",
			"projection.dt.type":          "date",
			"projection.dt.format":        "yyyy-MM-dd",
			"projection.dt.range":         fmt.Sprintf("NOW-%dYEARS,NOW+1DAYS", props.TableYears),
			"projection.dt.interval":      "1",
			"projection.dt.interval.unit": "DAYS",
			"storage.location.template":   location + tables.Partition + "=${" + tables.Partition + "}/",
		})
	}
	return p.newGlueTable("Table-"+table.Name, &awsglue.CfnTable_TableInputProperty{
		Name:          jsii.String(table.Name),
		Description:   jsii.String(cut(oneLine(table.Comment), maxDescription)),
		TableType:     jsii.String("EXTERNAL_TABLE"),
		Parameters:    parameters,
		PartitionKeys: partitions,
		StorageDescriptor: awsglue.CfnTable_StorageDescriptorProperty{
			Columns:      columns(table.Columns),
			Location:     jsii.String(location),
			InputFormat:  jsii.String(kept.input),
			OutputFormat: jsii.String(kept.output),
			SerdeInfo:    awsglue.CfnTable_SerdeInfoProperty{SerializationLibrary: jsii.String(kept.serde), Parameters: kept.serdeParameters},
		},
	})
}

// viewDefinition is how Athena keeps a view, which is how Trino does.
// https://github.com/trinodb/trino/blob/master/core/trino-spi/src/main/java/io/trino/spi/connector/ConnectorViewDefinition.java
type viewDefinition struct {
	OriginalSQL string       `json:"originalSql"`
	Catalog     string       `json:"catalog"`
	Schema      string       `json:"schema"`
	Columns     []viewColumn `json:"columns"`
}

type viewColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// newView makes a view as "create view" in Athena does. Athena looks up the names in its query in the database, and refuses a view
// whose columns are not those of the query.
// https://github.com/trinodb/trino/blob/master/plugin/trino-hive/src/main/java/io/trino/plugin/hive/ViewReaderUtil.java
func (p *VendorPipeline) newView(id, database string, view lakesql.View) awsglue.CfnTable {
	definition := viewDefinition{OriginalSQL: view.SQL, Catalog: "awsdatacatalog", Schema: database}
	for _, c := range view.Columns {
		definition.Columns = append(definition.Columns, viewColumn{c.Name, lakesql.TrinoType(c.Type)})
	}
	encoded, err := json.Marshal(definition)
	if err != nil {
		panic(err)
	}
	text := fmt.Sprintf("/* Presto View: %s */", base64.StdEncoding.EncodeToString(encoded))
	if len(text) > maxViewText {
		panic(fmt.Errorf("the view %s of the pipeline %s takes %d characters, more than the %d that Glue keeps: want fewer columns in its stream",
			view.Name, p.Name, len(text), maxViewText))
	}
	return p.newGlueTable(id, &awsglue.CfnTable_TableInputProperty{
		Name:             jsii.String(view.Name),
		Description:      jsii.String(cut(oneLine(view.Comment), maxDescription)),
		TableType:        jsii.String("VIRTUAL_VIEW"),
		Parameters:       map[string]string{"presto_view": "true", "comment": "Presto View"},
		PartitionKeys:    []awsglue.CfnTable_ColumnProperty{},
		ViewExpandedText: jsii.String("/* Presto View */"),
		ViewOriginalText: jsii.String(text),
		StorageDescriptor: awsglue.CfnTable_StorageDescriptorProperty{
			Columns: columns(view.Columns),
			// A view has no storage, but Athena wants to see that this is said.
			SerdeInfo: awsglue.CfnTable_SerdeInfoProperty{Name: jsii.String("-"), SerializationLibrary: jsii.String("-")},
		},
	})
}

func (p *VendorPipeline) newGlueTable(id string, input *awsglue.CfnTable_TableInputProperty) awsglue.CfnTable {
	return awsglue.NewCfnTable(p, jsii.String(id), &awsglue.CfnTableProps{
		CatalogId: awscdk.Aws_ACCOUNT_ID(), DatabaseName: p.Database.Ref(), TableInput: input,
	})
}

func columns(all []tables.Column) []awsglue.CfnTable_ColumnProperty {
	made := []awsglue.CfnTable_ColumnProperty{}
	for _, c := range all {
		made = append(made, column(c))
	}
	return made
}

func column(c tables.Column) awsglue.CfnTable_ColumnProperty {
	made := awsglue.CfnTable_ColumnProperty{Name: jsii.String(c.Name), Type: jsii.String(lakesql.HiveType(c.Type))}
	if c.Comment != "" {
		made.Comment = jsii.String(cut(oneLine(c.Comment), maxComment))
	}
	return made
}
