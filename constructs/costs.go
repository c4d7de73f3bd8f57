package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Tags by which costs are attributed. Every resource of a pipeline that can be tagged has the first three, and
// TagEnvironment where one is given; what belongs to one stream has TagStream too.
const (
	TagApplication = "Application"
	TagPipeline    = "Pipeline"
	TagVendor      = "Vendor"
	TagEnvironment = "Environment"
	TagStream      = "Stream"
)

// application is the value of TagApplication.
const application = "windrow"

func (p *VendorPipeline) tag(props *VendorPipelineProps) {
	tag(p, TagApplication, application)
	tag(p, TagPipeline, *p.Node().Path())
	tag(p, TagVendor, props.Vendor.Name)
	if props.Environment != "" {
		tag(p, TagEnvironment, props.Environment)
	}
}

func tag(scope constructs.Construct, key, value string) {
	awscdk.Tags_Of(scope).Add(jsii.String(key), jsii.String(value), nil)
}
