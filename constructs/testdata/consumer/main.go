// Command consumer is another team's CDK app: a pipeline for a vendor of its own, and a queue of fresh sign-ups.
package main

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
	"github.com/windrow-data/windrow/constructs"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

var query = func(name string) vendorapi.Place { return vendorapi.Place{In: vendorapi.InQuery, Name: name} }

var acme = &vendorapi.Vendor{
	Name: "acme", BaseURL: "https://api.acme.example/v1",
	Auth: vendorapi.Auth{Kind: vendorapi.AuthBearer, TokenField: "token"},
	Streams: []vendorapi.Stream{{
		Name: "signups", Path: "/signups", Description: "Who has signed up for a webinar",
		Window:      vendorapi.Window{Start: query("from"), End: query("to"), Layout: time.RFC3339, Resolution: vendorapi.Duration(time.Second)},
		Paging:      vendorapi.Paging{Kind: vendorapi.PagingNumber, Place: query("page"), First: 1, Size: 200, SizePlace: query("per_page")},
		RecordsPath: "data", Total: vendorapi.Total{Path: "meta.total"},
		Key: []string{"id"}, TimePath: "created_at", Audit: vendorapi.AuditCount,
		Settle: vendorapi.Duration(5 * time.Minute), Lookback: vendorapi.Duration(24 * time.Hour),
		Columns: []vendorapi.Column{
			{Name: "id", Type: vendorapi.TypeInt64}, {Name: "email", Type: vendorapi.TypeString},
			{Name: "webinar", Type: vendorapi.TypeString}, {Name: "created_at", Type: vendorapi.TypeTimestamp},
		},
	}},
}

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("acme-webinars"), nil)
	props := &constructs.VendorPipelineProps{
		Vendor: acme, Environment: "prod", Owner: "growth", CostCenter: "4711",
		AlarmEmails: []string{"oncall@acme.example"}, SchemaFile: "schema.json",
		StartOn: &awsevents.EventPattern{Source: jsii.Strings("acme.webhooks")},
	}
	if address := app.Node().TryGetContext(jsii.String(constructs.ContextVendorURL)); address != nil {
		if err := props.Simulate(address.(string)); err != nil {
			panic(err)
		}
	}
	pipeline := constructs.NewVendorPipeline(stack, "Webinars", props)
	pipeline.AddOutputs()

	// Whoever follows up on sign-ups takes them from this queue, minutes after they happened.
	fresh := awssqs.NewQueue(stack, jsii.String("FreshSignups"), &awssqs.QueueProps{EnforceSSL: jsii.Bool(true)})
	pipeline.OnCurated("FollowUp", &awsevents.OnEventOptions{Target: awseventstargets.NewSqsQueue(fresh, nil)})
	app.Synth(nil)
}
