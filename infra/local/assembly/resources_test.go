package assembly_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/infra/local/assembly"
)

func TestResources(t *testing.T) {
	t.Parallel()
	a, err := assembly.Load(write(t, `{"Resources":{
		"Topic11112222": {"Type":"AWS::SNS::Topic"},
		"LettersAAAA0000": {"Type":"AWS::SQS::Queue"},
		"LetterAlarmBBBB0000": {"Type":"AWS::CloudWatch::Alarm","Properties":{
			"Dimensions": [{"Name":"QueueName","Value":{"Fn::GetAtt":["LettersAAAA0000","QueueName"]}}],
			"AlarmActions": [{"Ref":"Topic11112222"},{"Ref":"AWS::NoValue"}],
			"OKActions": {"Ref":"AWS::NoValue"},
			"Threshold": 12345678901234567890,
			"AlarmDescription": {"Fn::Join":["",["of ",{"Ref":"LettersAAAA0000"}]]}}},
		"PageCCCC0000": {"Type":"AWS::CloudWatch::CompositeAlarm","Properties":{
			"AlarmName": "page",
			"AlarmRule": {"Fn::Join":["",["ALARM(\"",{"Fn::GetAtt":["LetterAlarmBBBB0000","Arn"]},"\") OR OK(\"",{"Ref":"LetterAlarmBBBB0000"},"\")"]]}}}
	}}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.Resources(assembly.TypeAlarm, assembly.TypeCompositeAlarm)
	if err != nil {
		t.Fatal(err)
	}
	const cloudwatch = "arn:aws:cloudwatch:eu-west-1:000000000000:alarm:"
	want := []assembly.Resource{{
		Stack: "stack", LogicalID: "LetterAlarmBBBB0000", Type: assembly.TypeAlarm,
		Name: "LetterAlarm", ARN: cloudwatch + "LetterAlarm",
		Properties: []byte(`{"AlarmActions":["arn:aws:sns:eu-west-1:000000000000:Topic"],` +
			`"AlarmDescription":"of https://sqs.eu-west-1.amazonaws.com/000000000000/Letters",` +
			`"Dimensions":[{"Name":"QueueName","Value":"Letters"}],"Threshold":12345678901234567890}`),
	}, {
		Stack: "stack", LogicalID: "PageCCCC0000", Type: assembly.TypeCompositeAlarm,
		Name: "page", ARN: cloudwatch + "page",
		Properties: []byte(`{"AlarmName":"page","AlarmRule":"ALARM(\"` + cloudwatch + `LetterAlarm\") OR OK(\"LetterAlarm\")"}`),
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
}

func TestResourcesThatCannotBeResolved(t *testing.T) {
	t.Parallel()
	a, err := assembly.Load(write(t, `{"Resources":{
		"One": {"Type":"AWS::CloudWatch::Alarm","Properties":{"Dimensions":[{"Name":"a","Value":"b"},{"Name":"c","Value":{"Ref":"Nobody"}}]}},
		"Two": {"Type":"AWS::CloudWatch::Alarm","Properties":{"Threshold":{"Fn::ImportValue":"x"}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Resources(assembly.TypeAlarm)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`stack stack: One (AWS::CloudWatch::Alarm): Dimensions: [1]: Value: Ref: the template has no parameter and no resource "Nobody"`,
		`Two (AWS::CloudWatch::Alarm): Threshold: Fn::ImportValue`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
}
