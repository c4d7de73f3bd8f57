package assembly_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/windrow-data/windrow/infra/local/assembly"
)

const permissions = `{"Resources":{
	"Lake":{"Type":"AWS::S3::Bucket","Properties":{"BucketEncryption":{"ServerSideEncryptionConfiguration":[
		{"ServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":{"Fn::GetAtt":["Key","Arn"]}}}]}}},
	"Plain":{"Type":"AWS::S3::Bucket","Properties":{"BucketEncryption":{"ServerSideEncryptionConfiguration":[{"ServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}}},
	"LakePolicy":{"Type":"AWS::S3::BucketPolicy","Properties":{"Bucket":{"Ref":"Lake"},"PolicyDocument":{"Statement":[
		{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"s3:*","Resource":[{"Fn::GetAtt":["Lake","Arn"]},{"Fn::Join":["",[{"Fn::GetAtt":["Lake","Arn"]},"/*"]]}],"Condition":{"NumericLessThan":{"s3:TlsVersion":1.2}}}]}}},
	"Key":{"Type":"AWS::KMS::Key","Properties":{"KeyPolicy":{"Statement":[{"Effect":"Allow","Principal":{"AWS":{"Fn::Sub":"arn:aws:iam::${AWS::AccountId}:root"}},"Action":"kms:*","Resource":"*"}]}}},
	"OpenKey":{"Type":"AWS::KMS::Key","Properties":{"Description":"its policy is the default"}},
	"Secret":{"Type":"AWS::SecretsManager::Secret","Properties":{"KmsKeyId":{"Ref":"Key"},"GenerateSecretString":{"PasswordLength":64,"ExcludePunctuation":true}}},
	"SecretPolicy":{"Type":"AWS::SecretsManager::ResourcePolicy","Properties":{"SecretId":{"Ref":"Secret"},"ResourcePolicy":{"Statement":[]}}},
	"Topic":{"Type":"AWS::SNS::Topic","Properties":{"KmsMasterKeyId":"alias/aws/sns"}},
	"TopicPolicy":{"Type":"AWS::SNS::TopicPolicy","Properties":{"Topics":[{"Ref":"Topic"}],"PolicyDocument":{"Statement":[]}}},
	"Queue":{"Type":"AWS::SQS::Queue"},
	"QueuePolicy":{"Type":"AWS::SQS::QueuePolicy","Properties":{"Queues":[{"Ref":"Queue"}],"PolicyDocument":{"Statement":[]}}},
	"Bus":{"Type":"AWS::Events::EventBus","Properties":{"Name":"webinars"}},
	"BusPolicy":{"Type":"AWS::Events::EventBusPolicy","Properties":{"EventBusName":{"Ref":"Bus"},"StatementId":"S","Statement":{"Effect":"Allow"}}},
	"Rule":{"Type":"AWS::Events::Rule","Properties":{"EventBusName":{"Ref":"Bus"},"EventPattern":{"source":["windrow"],"detail":{"stream":[{"prefix":"att"}]}},
		"Targets":[{"Id":"T","Arn":{"Ref":"Machine"},"RoleArn":{"Fn::GetAtt":["Role","Arn"]},"InputPath":"$.detail","DeadLetterConfig":{"Arn":{"Fn::GetAtt":["Queue","Arn"]}}}]}},
	"Off":{"Type":"AWS::Events::Rule","Properties":{"State":"DISABLED"}},
	"Logs":{"Type":"AWS::Logs::LogGroup","Properties":{"KmsKeyId":{"Fn::GetAtt":["Key","Arn"]}}},
	"Boundary":{"Type":"AWS::IAM::ManagedPolicy","Properties":{"PolicyDocument":{"Statement":["bound"]}}},
	"Managed":{"Type":"AWS::IAM::ManagedPolicy","Properties":{"Roles":[{"Ref":"Role"}],"PolicyDocument":{"Statement":["managed"]}}},
	"Role":{"Type":"AWS::IAM::Role","Properties":{
		"AssumeRolePolicyDocument":{"Statement":["trust"]},
		"PermissionsBoundary":{"Ref":"Boundary"},
		"ManagedPolicyArns":[{"Ref":"Managed"},{"Fn::Sub":"arn:${AWS::Partition}:iam::aws:policy/service-role/Basic"}],
		"Policies":[{"PolicyName":"Own","PolicyDocument":{"Statement":[{"Resource":{"Fn::GetAtt":["Lake","Arn"]},"Extra":{"Ref":"AWS::NoValue"}},{"Ref":"AWS::NoValue"}]}},
			{"PolicyName":"Broken","PolicyDocument":{"Statement":{"Fn::ImportValue":"elsewhere"}}}]}},
	"Attached":{"Type":"AWS::IAM::Policy","Properties":{"PolicyName":"Attached","Roles":[{"Ref":"Role"}],"PolicyDocument":{"Statement":["attached"]}}},
	"Machine":{"Type":"AWS::StepFunctions::StateMachine","Properties":{"DefinitionString":"{}","RoleArn":{"Fn::GetAtt":["Role","Arn"]},
		"TracingConfiguration":{"Enabled":true},"LoggingConfiguration":{"Level":"ERROR"}}},
	"Quiet":{"Type":"AWS::StepFunctions::StateMachine","Properties":{"DefinitionString":"{}","LoggingConfiguration":{"Level":"OFF"}}},
	"Schedule":{"Type":"AWS::Scheduler::Schedule","Properties":{"ScheduleExpression":"rate(1 hour)","Target":{"Arn":{"Ref":"Machine"},
		"RoleArn":{"Fn::GetAtt":["Role","Arn"]},"DeadLetterConfig":{"Arn":{"Fn::GetAtt":["Queue","Arn"]}}}}},
	"Custom":{"Type":"Custom::Helper","Properties":{}}
}}`

func TestPermissions(t *testing.T) {
	t.Parallel()
	a, err := assembly.Load(write(t, permissions))
	if err != nil {
		t.Fatal(err)
	}
	const key, role, queue = "arn:aws:kms:eu-west-1:000000000000:key/Key", "arn:aws:iam::000000000000:role/Role", "arn:aws:sqs:eu-west-1:000000000000:Queue"
	const secret, topic, machine = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:Secret-local0", "arn:aws:sns:eu-west-1:000000000000:Topic", "arn:aws:states:eu-west-1:000000000000:stateMachine:Machine"
	const bus = "arn:aws:events:eu-west-1:000000000000:event-bus/webinars"

	compare := func(what string, want, got any) {
		t.Helper()
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(assembly.Schedule{}, "Rule")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	compare("buckets", []assembly.Bucket{{"lake", "arn:aws:s3:::lake", key}, {"plain", "arn:aws:s3:::plain", ""}}, a.Buckets)
	compare("secrets", []assembly.Secret{{Name: "Secret", ARN: secret, Key: key, Generate: &assembly.Generate{PasswordLength: 64, ExcludePunctuation: true}}}, a.Secrets)
	compare("log groups", []assembly.LogGroup{{"Logs", "arn:aws:logs:eu-west-1:000000000000:log-group:Logs", key}}, a.LogGroups)
	compare("topics", []assembly.Topic{{"Topic", topic, ""}}, a.Topics)
	compare("queues", []assembly.Queue{{"Queue", queue, ""}}, a.Queues)
	compare("buses", []assembly.Bus{{"webinars", bus}}, a.Buses)
	target := assembly.EventTarget{ID: "T", ARN: machine, Role: role, InputPath: "$.detail"}
	target.DeadLetterConfig.ARN = queue
	compare("event rules", []assembly.EventRule{{
		Name: "Rule", ARN: "arn:aws:events:eu-west-1:000000000000:rule/Rule", Bus: "webinars",
		Pattern: json.RawMessage(`{"detail":{"stream":[{"prefix":"att"}]},"source":["windrow"]}`), Targets: []assembly.EventTarget{target},
	}}, a.EventRules)
	compare("state machines", []assembly.StateMachine{
		{Name: "Machine", ARN: machine, Definition: "{}", Role: role, Traced: true, Logged: true},
		{Name: "Quiet", ARN: "arn:aws:states:eu-west-1:000000000000:stateMachine:Quiet", Definition: "{}"},
	}, a.StateMachines)
	compare("schedules", []assembly.Schedule{{
		Name: "Schedule", ARN: "arn:aws:scheduler:eu-west-1:000000000000:schedule/default/Schedule", Target: machine, Role: role, DeadLetters: queue, Input: "{}",
	}}, a.Schedules)

	if len(a.Roles) != 1 {
		t.Fatalf("%d roles, want 1", len(a.Roles))
	}
	got := a.Roles[0]
	broken := got.Policies[1]
	if broken.Name != "Broken" || broken.Fault == nil || !strings.Contains(broken.Fault.Error(), "Fn::ImportValue") {
		t.Errorf("the policy that cannot be resolved is %+v", broken)
	}
	got.Policies = slices.Delete(slices.Clone(got.Policies), 1, 2)
	document := func(name, content string) assembly.Document {
		return assembly.Document{Name: name, JSON: json.RawMessage(content)}
	}
	boundary := document("Boundary", `{"Statement":["bound"]}`)
	compare("role", assembly.Role{
		Name: "Role", ARN: role, Trust: document("Role", `{"Statement":["trust"]}`),
		Policies: []assembly.Document{
			document("Own", `{"Statement":[{"Resource":"arn:aws:s3:::lake"}]}`),
			document("Attached", `{"Statement":["attached"]}`),
			document("Managed", `{"Statement":["managed"]}`),
		},
		Elsewhere: []string{"arn:aws:iam::aws:policy/service-role/Basic"},
		Boundary:  "arn:aws:iam::000000000000:policy/Boundary", BoundaryDocument: &boundary,
	}, got)

	policies := map[string]assembly.Document{}
	for _, p := range a.ResourcePolicies {
		policies[p.Resource] = p.Document
	}
	compare("policies of resources", map[string]assembly.Document{
		"arn:aws:s3:::lake": document("LakePolicy", `{"Statement":[{"Action":"s3:*","Condition":{"NumericLessThan":{"s3:TlsVersion":1.2}},"Effect":"Deny","Principal":{"AWS":"*"},"Resource":["arn:aws:s3:::lake","arn:aws:s3:::lake/*"]}]}`),
		key:                 document("Key", `{"Statement":[{"Action":"kms:*","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Resource":"*"}]}`),
		secret:              document("SecretPolicy", `{"Statement":[]}`),
		topic:               document("TopicPolicy", `{"Statement":[]}`),
		queue:               document("QueuePolicy", `{"Statement":[]}`),
		bus:                 document("BusPolicy", `{"Statement":{"Effect":"Allow"},"Version":"2012-10-17"}`),
	}, policies)
}
