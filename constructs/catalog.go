package constructs

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsathena"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsglue"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/functions/tables"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// hiveTypes are the types of columns in Glue's words. https://docs.aws.amazon.com/athena/latest/ug/data-types.html
var hiveTypes = map[vendorapi.ColumnType]string{
	vendorapi.TypeString:    "string",
	vendorapi.TypeInt64:     "bigint",
	vendorapi.TypeFloat64:   "double",
	vendorapi.TypeBool:      "boolean",
	vendorapi.TypeTimestamp: "timestamp",
	vendorapi.TypeDate:      "date",
	vendorapi.TypeJSON:      "string",
}

// Limits of Glue and Athena.
const (
	// maxComment is the longest comment of a column. https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
	maxComment = 255
	// maxDescription is the longest description of a table. https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
	maxDescription = 2048
	// minScanLimitMB is the least limit that Athena takes.
	// https://docs.aws.amazon.com/athena/latest/APIReference/API_WorkGroupConfiguration.html
	minScanLimitMB = 10
	// maxScanLimitMB is as many bytes as a number in a template holds exactly, 8 PB.
	maxScanLimitMB = 1 << 33
)

// addTables describes the curated bucket to Glue, a table a stream. Partitions are worked out from the query, so that nothing
// has to be told of a new day. https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html
func (p *VendorPipeline) addTables(props *VendorPipelineProps) {
	if props.DisableTables {
		return
	}
	name := databaseName(props.DatabaseName, p.Name)
	if err := p.claim("DatabaseName", fmt.Sprintf("%q, that", name), "database "+*awscdk.Stack_Of(p).Node().Path()+" "+name,
		"a name of its own for each pipeline"); err != nil {
		panic(err)
	}
	p.Database = awsglue.NewCfnDatabase(p, jsii.String("Database"), &awsglue.CfnDatabaseProps{
		CatalogId: awscdk.Aws_ACCOUNT_ID(),
		DatabaseInput: awsglue.CfnDatabase_DatabaseInputProperty{
			Name:        jsii.String(name),
			Description: jsii.String(fmt.Sprintf("What the vendor %s has told, a table a stream: pipeline %s", props.Vendor.Name, p.Name)),
		},
	})
	for i := range props.Vendor.Streams {
		stream := &props.Vendor.Streams[i]
		p.Tables[stream.Name] = p.newTable(stream, props)
	}
	p.addWorkgroup(props)
}

func (p *VendorPipeline) newTable(stream *vendorapi.Stream, props *VendorPipelineProps) awsglue.CfnTable {
	location := fmt.Sprintf("s3://%s/%s", *p.CuratedBucket.BucketName(), prefix(props, stream.Name))
	var columns []awsglue.CfnTable_ColumnProperty
	for _, c := range tables.Columns(stream) {
		column := awsglue.CfnTable_ColumnProperty{Name: jsii.String(c.Name), Type: jsii.String(hiveTypes[c.Type])}
		if c.Comment != "" {
			column.Comment = jsii.String(cut(oneLine(c.Comment), maxComment))
		}
		columns = append(columns, column)
	}
	return awsglue.NewCfnTable(p, jsii.String("Table-"+stream.Name), &awsglue.CfnTableProps{
		CatalogId:    awscdk.Aws_ACCOUNT_ID(),
		DatabaseName: p.Database.Ref(),
		TableInput: awsglue.CfnTable_TableInputProperty{
			// A table's name in SQL has no hyphen.
			Name:        jsii.String(TableName(stream.Name)),
			Description: jsii.String(cut(cmp.Or(oneLine(stream.Description), fmt.Sprintf("The vendor %s's %s", props.Vendor.Name, stream.Name)), maxDescription)),
			TableType:   jsii.String("EXTERNAL_TABLE"),
			Parameters: map[string]string{
				"classification":              "parquet",
				"projection.enabled":          "true",
				"projection.dt.type":          "date",
				"projection.dt.format":        "yyyy-MM-dd",
				"projection.dt.range":         fmt.Sprintf("NOW-%dYEARS,NOW+1DAYS", props.TableYears),
				"projection.dt.interval":      "1",
				"projection.dt.interval.unit": "DAYS",
				"storage.location.template":   location + tables.Partition + "=${" + tables.Partition + "}/",
			},
			PartitionKeys: []awsglue.CfnTable_ColumnProperty{{
				Name: jsii.String(tables.Partition), Type: jsii.String("date"), Comment: jsii.String("UTC day of the window's start"),
			}},
			StorageDescriptor: awsglue.CfnTable_StorageDescriptorProperty{
				Columns:      columns,
				Location:     jsii.String(location),
				InputFormat:  jsii.String("org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"),
				OutputFormat: jsii.String("org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"),
				SerdeInfo: awsglue.CfnTable_SerdeInfoProperty{
					SerializationLibrary: jsii.String("org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"),
				},
			},
		},
	})
}

// addWorkgroup makes where queries are run and counted: with a limit on what one of them may read, and a bucket of their own
// for results, which are gone after days.
func (p *VendorPipeline) addWorkgroup(props *VendorPipelineProps) {
	p.ResultsBucket = newBucket(p, "ResultsBucket", props, false, []*awss3.LifecycleRule{{
		Id:         jsii.String("results"),
		Expiration: days(props.QueryResultDays),
	}})
	encryption := awsathena.CfnWorkGroup_EncryptionConfigurationProperty{EncryptionOption: jsii.String("SSE_S3")}
	if props.EncryptionKey != nil {
		encryption = awsathena.CfnWorkGroup_EncryptionConfigurationProperty{
			EncryptionOption: jsii.String("SSE_KMS"), KmsKey: props.EncryptionKey.KeyArn(),
		}
	}
	p.Workgroup = awsathena.NewCfnWorkGroup(p, jsii.String("Workgroup"), &awsathena.CfnWorkGroupProps{
		Name:        jsii.String(workgroupName(p.Name)),
		Description: jsii.String(fmt.Sprintf("Queries of what the vendor %s has told", props.Vendor.Name)),
		// Saved queries and the history go with it; results have their own bucket.
		RecursiveDeleteOption: jsii.Bool(props.DestroyData),
		WorkGroupConfiguration: awsathena.CfnWorkGroup_WorkGroupConfigurationProperty{
			EnforceWorkGroupConfiguration:   jsii.Bool(true),
			PublishCloudWatchMetricsEnabled: jsii.Bool(true),
			BytesScannedCutoffPerQuery:      jsii.Number(float64(props.QueryScanLimitMB) * 1e6),
			EngineVersion:                   awsathena.CfnWorkGroup_EngineVersionProperty{SelectedEngineVersion: jsii.String("Athena engine version 3")},
			ResultConfiguration: awsathena.CfnWorkGroup_ResultConfigurationProperty{
				OutputLocation:          jsii.String("s3://" + *p.ResultsBucket.BucketName() + "/"),
				EncryptionConfiguration: encryption,
			},
		},
	})
}

// TableName is the name of a stream's table.
func TableName(stream string) string { return strings.ReplaceAll(stream, "-", "_") }

// oneLine is text with a blank in place of each line break and tab, which Glue does not take in comments.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// cut is text, no longer than most bytes, between characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}

// GrantQuery lets grantee query the tables in the pipeline's workgroup with Athena: read what is curated, and keep the
// results. It panics with DisableTables, since there is nothing to query then.
func (p *VendorPipeline) GrantQuery(grantee awsiam.IGrantable) awsiam.Grant {
	if p.Workgroup == nil {
		panic(fmt.Errorf("GrantQuery: the pipeline %s has no tables: want one without DisableTables", p.Name))
	}
	stack := awscdk.Stack_Of(p)
	arn := func(service, resource string) *string {
		return stack.FormatArn(&awscdk.ArnComponents{Service: jsii.String(service), Resource: jsii.String(resource)})
	}
	database := *p.Database.Ref()
	grant := awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      grantee,
		Actions:      jsii.Strings("athena:GetQueryExecution", "athena:GetQueryResults", "athena:GetWorkGroup", "athena:StartQueryExecution", "athena:StopQueryExecution"),
		ResourceArns: &[]*string{arn("athena", "workgroup/"+*p.Workgroup.Name())},
	})
	return grant.
		Combine(awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
			Grantee: grantee,
			Actions: jsii.Strings("glue:GetDatabase", "glue:GetDatabases", "glue:GetPartitions", "glue:GetTable", "glue:GetTables"),
			ResourceArns: &[]*string{
				// Athena wants to see the database default, whichever is queried.
				// https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html
				arn("glue", "catalog"), arn("glue", "database/default"), arn("glue", "database/"+database), arn("glue", "table/"+database+"/*"),
			},
		})).
		Combine(p.GrantReadCurated(grantee)).
		Combine(p.ResultsBucket.GrantReadWrite(grantee, nil))
}
