package constructs

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Tags by which costs are attributed. Every resource of a pipeline that can be tagged has all but the last; what
// belongs to one stream has TagStream too.
const (
	TagApplication = "Application"
	TagPipeline    = "Pipeline"
	TagVendor      = "Vendor"
	TagEnvironment = "Environment"
	TagOwner       = "Owner"
	TagCostCenter  = "CostCenter"
	TagStream      = "Stream"
)

// application is the value of TagApplication.
const application = "windrow"

// requiredTags are those without which a synthesis fails.
var requiredTags = []string{TagApplication, TagPipeline, TagVendor, TagEnvironment, TagOwner, TagCostCenter}

// tags are those of everything that the pipeline makes.
func (p *VendorPipeline) tags(props *VendorPipelineProps) map[string]string {
	return map[string]string{
		TagApplication: application,
		TagPipeline:    p.Name,
		TagVendor:      props.Vendor.Name,
		TagEnvironment: props.Environment,
		TagOwner:       props.Owner,
		TagCostCenter:  props.CostCenter,
	}
}

func (p *VendorPipeline) tag(props *VendorPipelineProps) {
	for key, value := range p.tags(props) {
		tag(p, key, value)
	}
	p.Node().AddValidation(&tagged{p})
}

func tag(scope constructs.Construct, key, value string) {
	awscdk.Tags_Of(scope).Add(jsii.String(key), jsii.String(value), nil)
}

// tagged is the validation that every taggable resource has the required tags when the template is written: an app may
// remove tags, and what has none is a cost that nobody can be asked about.
type tagged struct{ pipeline *VendorPipeline }

// Validate implements [constructs.IValidation].
func (v *tagged) Validate() *[]*string {
	faults := []*string{}
	for _, node := range *v.pipeline.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		manager := awscdk.TagManager_Of(node)
		if manager == nil {
			continue
		}
		values := *manager.TagValues()
		var missing []string
		for _, key := range requiredTags {
			if values[key] == nil || *values[key] == "" {
				missing = append(missing, key)
			}
		}
		if len(missing) > 0 {
			faults = append(faults, jsii.String(fmt.Sprintf("%s lacks the tags %s: do not remove them from what a VendorPipeline makes",
				*node.Node().Path(), strings.Join(missing, ", "))))
		}
	}
	return &faults
}
