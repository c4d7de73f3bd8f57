package assembly

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Types of resources that a local run has.
const (
	typeFunction     = "AWS::Lambda::Function"
	typeBucket       = "AWS::S3::Bucket"
	typeSecret       = "AWS::SecretsManager::Secret"
	typeStateMachine = "AWS::StepFunctions::StateMachine"
	typeSchedule     = "AWS::Scheduler::Schedule"
	typeTopic        = "AWS::SNS::Topic"
	typeRole         = "AWS::IAM::Role"
	typeLogGroup     = "AWS::Logs::LogGroup"
	typeKey          = "AWS::KMS::Key"

	typePolicy         = "AWS::IAM::Policy"
	typeManagedPolicy  = "AWS::IAM::ManagedPolicy"
	typeBucketPolicy   = "AWS::S3::BucketPolicy"
	typeTopicPolicy    = "AWS::SNS::TopicPolicy"
	typeQueuePolicy    = "AWS::SQS::QueuePolicy"
	typeSecretPolicy   = "AWS::SecretsManager::ResourcePolicy"
	typeQueue          = "AWS::SQS::Queue"
	typeBus            = "AWS::Events::EventBus"
	typeEventRule      = "AWS::Events::Rule"
	typeEventBusPolicy = "AWS::Events::EventBusPolicy"
)

// nameProperty is the property by which a template may name a resource itself.
var nameProperty = map[string]string{
	typeFunction:     "FunctionName",
	typeBucket:       "BucketName",
	typeSecret:       "Name",
	typeStateMachine: "StateMachineName",
	typeSchedule:     "Name",
	typeTopic:        "TopicName",
	typeRole:         "RoleName",
	typeLogGroup:     "LogGroupName",

	typeManagedPolicy: "ManagedPolicyName",
	typeQueue:         "QueueName",
	typeBus:           "Name",
	typeEventRule:     "Name",

	TypeAlarm:          "AlarmName",
	TypeCompositeAlarm: "AlarmName",
}

// names are the physical names of resources. One that the template leaves open is named after its logical id, without
// the hash that CDK appends, so that a folder of the lake can be told by its name; where two would get one
// name, each gets its stack and its hash too.
type names struct{ ofResource map[resourceID]string }

type resourceID struct{ stack, logical string }

// hashSuffix is what CDK appends to a logical id.
var hashSuffix = regexp.MustCompile(`[0-9A-F]{8}$`)

func newNames(stacks []stack) names {
	n := names{map[resourceID]string{}}
	taken := map[string][]resourceID{}
	for _, s := range stacks {
		for _, id := range slices.Sorted(maps.Keys(s.template.Resources)) {
			r := s.template.Resources[id]
			short := legal(r.Type, hashSuffix.ReplaceAllString(id, ""))
			taken[r.Type+short] = append(taken[r.Type+short], resourceID{s.name, id})
			n.ofResource[resourceID{s.name, id}] = short
		}
	}
	for _, rivals := range taken {
		if len(rivals) < 2 {
			continue
		}
		for _, id := range rivals {
			kind := ""
			for _, s := range stacks {
				if s.name == id.stack {
					kind = s.template.Resources[id.logical].Type
				}
			}
			n.ofResource[id] = legal(kind, id.stack+"-"+id.logical)
		}
	}
	return n
}

// of returns the name of a resource, its own where the template gives one.
func (n names) of(s stack, logical string) (string, error) {
	r := s.template.Resources[logical]
	properties, err := r.properties()
	if err != nil {
		return "", err
	}
	if raw, ok := properties[nameProperty[r.Type]]; ok {
		name, err := (&resolver{stack: s, names: n}).text(raw)
		if err != nil {
			return "", fmt.Errorf("%s: %w", nameProperty[r.Type], err)
		}
		return name, nil
	}
	return n.ofResource[resourceID{s.name, logical}], nil
}

// Longest names: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html for buckets, 64 for
// functions, 80 for state machines.
const longestName = 63

// legal makes a name of the resource's kind out of text. A long one keeps its end, where names differ.
func legal(kind, text string) string {
	if kind == typeBucket {
		text = strings.ToLower(text)
	}
	if len(text) > longestName {
		text = strings.TrimLeft(text[len(text)-longestName:], "-")
	}
	return text
}
