package constructs

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
)

func TestTablesShowWhatIsCurated(t *testing.T) {
	for name, c := range map[string]struct {
		tpl           template
		bucket        string
		database      string
		range_        string
		limit, expiry float64
		encryption    string
	}{
		"defaults": {
			withDefaults(), "<" + withDefaults().bucket(t, "CuratedBucket").ID + ">", "test__pipeline", "NOW-3YEARS,NOW+1DAYS",
			10_240e6, 7, `{"EncryptionOption":"SSE_S3"}`,
		},
		"everything": {
			withEverything(), "own-curated", "acme_lake", "NOW-7YEARS,NOW+1DAYS",
			500e6, 2, `{"EncryptionOption":"SSE_KMS","KmsKey":"` + ownKey + `"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			database := c.tpl.only(t, "AWS::Glue::Database")
			if got := at(database.Properties, "DatabaseInput", "Name"); got != c.database {
				t.Errorf("the database is %v, want %s", got, c.database)
			}
			tables := map[string]resource{}
			for _, table := range c.tpl.ofType("AWS::Glue::Table") {
				tables[at(table.Properties, "TableInput", "Name").(string)] = table
			}
			for stream, table := range map[string]string{"orders": "orders_rows", "refund-notes": "refund_notes_rows"} {
				input := at(tables[table].Properties, "TableInput")
				location := "s3://" + c.bucket + "/acme/" + stream + "/"
				if got := text(at(tables[table].Properties, "DatabaseName")); got != "<"+database.ID+">" {
					t.Errorf("%s is in the database %s", table, got)
				}
				if got := text(at(input, "StorageDescriptor", "Location")); got != location {
					t.Errorf("%s lies at %s, want %s", table, got, location)
				}
				parameters := at(input, "Parameters")
				for parameter, want := range map[string]string{
					"classification": "parquet", "projection.enabled": "true", "projection.dt.type": "date", "projection.dt.format": "yyyy-MM-dd",
					"projection.dt.range": c.range_, "projection.dt.interval": "1", "projection.dt.interval.unit": "DAYS",
					"storage.location.template": location + "dt=${dt}/",
				} {
					if got := text(at(parameters, parameter)); got != want {
						t.Errorf("%s has %s %s, want %s", table, parameter, got, want)
					}
				}
				if got := text(at(input, "PartitionKeys", 0)); got != `{"Comment":"UTC day of the window's start","Name":"dt","Type":"date"}` {
					t.Errorf("%s is partitioned by %s", table, got)
				}
				var columns []string
				for _, column := range list(at(input, "StorageDescriptor", "Columns")) {
					columns = append(columns, at(column, "Name").(string)+" "+at(column, "Type").(string))
				}
				want := []string{"id string", "time timestamp"}
				if name == "everything" && stream == "orders" {
					want = append(want, "email string", "name string")
				}
				want = append(want,
					"windrow_undeclared string", "windrow_window_start timestamp", "windrow_window_end timestamp",
					"windrow_generation bigint", "windrow_late bigint", "windrow_part string", "windrow_position bigint", "windrow_ingested_at timestamp",
				)
				if diff := cmp.Diff(want, columns); diff != "" {
					t.Errorf("%s (-want +got):\n%s", table, diff)
				}
			}

			workgroup := c.tpl.only(t, "AWS::Athena::WorkGroup").Properties
			configuration := at(workgroup, "WorkGroupConfiguration")
			results := c.tpl.bucket(t, "ResultsBucket")
			if workgroup["Name"] != "test.Pipeline" || at(configuration, "BytesScannedCutoffPerQuery") != c.limit || at(configuration, "EnforceWorkGroupConfiguration") != true {
				t.Errorf("the workgroup is %s", text(workgroup))
			}
			if got := text(at(configuration, "ResultConfiguration", "OutputLocation")); got != "s3://<"+results.ID+">/" {
				t.Errorf("results go to %s", got)
			}
			if got := text(at(configuration, "ResultConfiguration", "EncryptionConfiguration")); got != c.encryption {
				t.Errorf("results are encrypted by %s, want %s", got, c.encryption)
			}
			expires := slices.ContainsFunc(list(at(results.Properties, "LifecycleConfiguration", "Rules")), func(rule any) bool {
				return at(rule, "ExpirationInDays") == c.expiry && at(rule, "Prefix") == nil
			})
			if !expires {
				t.Errorf("results do not expire after %v days: %s", c.expiry, text(results.Properties["LifecycleConfiguration"]))
			}
		})
	}
}

func TestColumnsCarryTheirComments(t *testing.T) {
	vendor := testVendor()
	vendor.Streams[0].Columns[0].Comment = "\n\t" + strings.Repeat("é", 200)
	vendor.Streams[0].Columns[1].Comment = "when it\nwas bought"
	vendor.Streams[0].Description = "What was\nbought"
	vendor.Streams[1].Description = strings.Repeat("é", 3000)
	tpl, _ := synthesize(func(awscdk.Stack) *VendorPipelineProps {
		props := required()
		props.Vendor = vendor
		return props
	})
	input := relation(t, tpl, "orders")
	if got := at(relation(t, tpl, "refund_notes"), "Description").(string); len(got) != maxDescription-1 || !strings.HasSuffix(got, "é") {
		t.Errorf("a long comment of a view is %v", got)
	}
	if got := at(input, "StorageDescriptor", "Columns", 1, "Comment"); got != "when it was bought" {
		t.Errorf("a comment of two lines is %q", got)
	}
	if got := at(input, "Description"); got != "The newest version of each record. What was bought" {
		t.Errorf("the view's comment is %v", got)
	}
	// Glue counts bytes, and a character is not cut in half.
	if got := at(input, "StorageDescriptor", "Columns", 0, "Comment"); got != strings.Repeat("é", 127) {
		t.Errorf("the column's comment is %v", got)
	}
	if got := at(input, "StorageDescriptor", "Columns", 2, "Comment"); got != "Fields that no column declares, as one JSON object" {
		t.Errorf("the comment of windrow_undeclared is %v", got)
	}
}

func TestNamesFitWhatTheyName(t *testing.T) {
	long := "windrow-prod-on24/" + strings.Repeat("a/", 100)
	for what, c := range map[string]struct {
		name  func(pipeline string) string
		most  int
		valid *regexp.Regexp
	}{
		"database":  {func(p string) string { return databaseName("", p) }, maxDatabaseName, validDatabase},
		"workgroup": {workgroupName, maxWorkgroupName, regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)},
		"budget":    {func(p string) string { return budgetName(p, "ap-southeast-1") }, maxBudgetName, regexp.MustCompile(`^[^:\\]+$`)},
	} {
		one, other := c.name(long+"First"), c.name(long+"Second")
		if len(one) > c.most || !c.valid.MatchString(one) {
			t.Errorf("%s %q", what, one)
		}
		if one == other {
			t.Errorf("two pipelines whose names begin alike have one %s: %s", what, one)
		}
		owner := map[string]string{}
		for _, pipeline := range []string{
			"acme/web-Pipeline", "acme-web/Pipeline", "acme/web/Pipeline", "acme-web-Pipeline", "acme/web.Pipeline", "acme.web/Pipeline", "acme/web Pipeline", "acme/web:Pipeline",
			"acme/web_Pipeline", "acme/web--Pipeline", "acme/web-/Pipeline", "acme/web/-Pipeline", "acme/web__Pipeline", "acme/web//Pipeline", "acme/wéb/Pipeline",
		} {
			made := c.name(pipeline)
			if other, taken := owner[made]; taken || !c.valid.MatchString(made) {
				t.Errorf("%s has the %s %q, as has %q", pipeline, what, made, other)
			}
			owner[made] = pipeline
		}
	}
	if got := databaseName("", "windrow-prod-on24/Pipeline"); got != "windrow_prod_on24__pipeline" {
		t.Errorf("a short name is changed to %q", got)
	}
}

func TestTablesCanBeLeftOut(t *testing.T) {
	tpl, _ := synthesize(func(awscdk.Stack) *VendorPipelineProps {
		props := required()
		props.DisableTables = true
		return props
	})
	for _, kind := range []string{"AWS::Glue::Database", "AWS::Glue::Table", "AWS::Athena::WorkGroup"} {
		if left := tpl.ofType(kind); len(left) > 0 {
			t.Errorf("%s is left", left[0].ID)
		}
	}
	if buckets := tpl.ofType("AWS::S3::Bucket"); len(buckets) != 2 {
		t.Errorf("%d buckets are left, want raw and curated", len(buckets))
	}
}

func TestQueriesOfNoTablesCannotBeGranted(t *testing.T) {
	stack := awscdk.NewStack(newApp(map[string]any{}), jsii.String("test"), nil)
	props := required()
	props.DisableTables = true
	p := NewVendorPipeline(stack, "Pipeline", props)
	defer func() {
		if err, _ := recover().(error); err == nil || !strings.Contains(err.Error(), "the pipeline test/Pipeline has no tables") {
			t.Errorf("got %v", err)
		}
	}()
	p.GrantQuery(awsiam.NewRole(stack, jsii.String("Analyst"), &awsiam.RoleProps{AssumedBy: awsiam.NewAccountRootPrincipal()}))
}

func TestQueriesCanBeGranted(t *testing.T) {
	app := newApp(map[string]any{})
	stack := awscdk.NewStack(app, jsii.String("test"), nil)
	p := NewVendorPipeline(stack, "Pipeline", required())
	analyst := awsiam.NewRole(stack, jsii.String("Analyst"), &awsiam.RoleProps{AssumedBy: awsiam.NewAccountRootPrincipal()})
	if !*p.GrantQuery(analyst).Success() || !*p.GrantStartRun(analyst).Success() || !*p.GrantStartBackfill(analyst).Success() {
		t.Error("not granted")
	}
	tpl := templateOf(stack)
	all := strings.Join(tpl.permissions(tpl.logicalID(t, "AWS::IAM::Role", "Analyst")), "\n")
	for _, want := range []string{
		"athena:BatchGetNamedQuery arn:<AWS::Partition>:athena:<AWS::Region>:<AWS::AccountId>:workgroup/test.Pipeline",
		"athena:ListNamedQueries arn:<AWS::Partition>:athena:<AWS::Region>:<AWS::AccountId>:workgroup/test.Pipeline",
		"athena:StartQueryExecution arn:<AWS::Partition>:athena:<AWS::Region>:<AWS::AccountId>:workgroup/test.Pipeline",
		"glue:GetTable arn:<AWS::Partition>:glue:<AWS::Region>:<AWS::AccountId>:table/<" + tpl.only(t, "AWS::Glue::Database").ID + ">/*",
		"states:StartExecution <" + tpl.machine(t, "StateMachine").ID + ">",
		"states:StartExecution <" + tpl.machine(t, "Backfill").ID + ">",
		"s3:GetObject* <" + tpl.bucket(t, "CuratedBucket").ID + ".Arn>/acme/*",
		"glue:GetDatabase arn:<AWS::Partition>:glue:<AWS::Region>:<AWS::AccountId>:database/default",
		"s3:PutObject <" + tpl.bucket(t, "ResultsBucket").ID + ".Arn>/*",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("the analyst may not %s:\n%s", want, all)
		}
	}
	if strings.Contains(all, tpl.bucket(t, "RawBucket").ID) {
		t.Errorf("the analyst reaches the raw bucket:\n%s", all)
	}
}
