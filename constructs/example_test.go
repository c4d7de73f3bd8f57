package constructs_test

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/constructs"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
)

// A CDK app of one's own with one pipeline, that runs every hour and whose results another stack may read.
func ExampleNewVendorPipeline() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("webinars"), nil)

	pipeline := constructs.NewVendorPipeline(stack, "Webinars", &constructs.VendorPipelineProps{
		Vendor:           on24.Vendor("90001"),
		Environment:      "prod",
		Owner:            "marketing-data",
		CostCenter:       "4711",
		ScheduleInterval: time.Hour,
	})
	awscdk.NewCfnOutput(stack, jsii.String("Lake"), &awscdk.CfnOutputProps{Value: pipeline.CuratedBucket.BucketName()})

	app.Synth(nil)
}
