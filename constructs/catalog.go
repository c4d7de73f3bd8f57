package constructs

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsathena"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsglue"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
)

// Limits of Glue and Athena.
const (
	// maxComment is the longest comment of a column. https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
	maxComment = 255
	// maxViewText is the longest definition of a view. https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
	maxViewText = 409_600
	// maxDescription is the longest description of a table. https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
	maxDescription = 2048
	// minScanLimitMB is the least limit that Athena takes.
	// https://docs.aws.amazon.com/athena/latest/APIReference/API_WorkGroupConfiguration.html
	minScanLimitMB = 10
	// maxScanLimitMB is as many bytes as a number in a template holds exactly, 8 PB.
	maxScanLimitMB = 1 << 33
)

// addTables makes what is there to be queried: a database of tables and views, and the workgroup to query it in.
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
			Description: jsii.String(fmt.Sprintf("What the vendor %s has told, a view a stream: pipeline %s", props.Vendor.Name, p.Name)),
		},
	})
	p.addRelations(name, props)
	p.addWorkgroup(props)
	p.addInsights(props)
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

// oneLine is text with a blank in place of each line break and tab, which Glue does not take in comments.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// cut is text, no longer than most bytes, between characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}

// GrantQuery lets grantee query the tables in the pipeline's workgroup with Athena: read what is curated, keep the
// results, and read the queries that the workgroup keeps, the insights among them. It is all that a report takes. It panics with DisableTables, since there is nothing to query then.
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
		Grantee: grantee,
		Actions: jsii.Strings(
			"athena:BatchGetNamedQuery", "athena:GetNamedQuery", "athena:GetQueryExecution", "athena:GetQueryResults", "athena:GetWorkGroup",
			"athena:ListNamedQueries", "athena:StartQueryExecution", "athena:StopQueryExecution",
		),
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
