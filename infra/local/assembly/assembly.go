// Package assembly reads a synthesized cloud assembly as CloudFormation would: what functions, buckets, secrets, state
// machines, schedules, topics, queues and event rules its templates ask for, and who may do what with them, with every
// reference resolved to a name on this machine. Resources of other types are passed over.
//
// It reads files only. It stands apart so that a local run depends on what was synthesized, never on the app or the
// construct that did it; and without CDK, so that it stays quick to build. The format is described at
// https://pkg.go.dev/github.com/aws/aws-cdk-go/awscdk/v2/cloudassemblyschema.
package assembly

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Account is the account of everything local; no AWS account has it.
const Account = "000000000000"

// DefaultRegion is the region of a stack that is synthesized for any.
const DefaultRegion = "us-east-1"

// Assembly is what all stacks of a cloud assembly ask for.
type Assembly struct {
	Region        string
	Functions     []Function
	Buckets       []Bucket
	Secrets       []Secret
	StateMachines []StateMachine
	Schedules     []Schedule
	Topics        []Topic
	Queues        []Queue
	Buses         []Bus
	EventRules    []EventRule
	LogGroups     []LogGroup
	Roles         []Role
	// ResourcePolicies are the policies of buckets, topics, queues, secrets, keys and buses.
	ResourcePolicies []ResourcePolicy

	// stacks and names are what Resources reads.
	stacks []stack
	names  names
}

// Function is an AWS::Lambda::Function.
type Function struct {
	Name string
	ARN  string
	// Dir is the unpacked asset.
	Dir         string
	Environment map[string]string
	Timeout     time.Duration
	MemoryMB    int
	// Role is the ARN of its role, empty where the template names none.
	Role string
	// LogGroup is the name of its log group.
	LogGroup string
	// Key is the ARN of the KMS key that encrypts its environment, empty where that is AWS's own.
	Key string
}

// Bucket is an AWS::S3::Bucket.
type Bucket struct {
	Name string
	ARN  string
	// Key is the ARN of the KMS key that encrypts its objects, empty where S3 or AWS's own key does.
	Key string
}

// Secret is an AWS::SecretsManager::Secret.
type Secret struct {
	Name string
	ARN  string
	// Key is the ARN of the KMS key that encrypts it, empty where that is AWS's own.
	Key string
	// Generate says what a deployment would generate as its value; nil where it is left without one, or the template has it.
	Generate *Generate
}

// Generate is what the template says of a generated value.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-secretsmanager-secret-generatesecretstring.html
type Generate struct {
	// PasswordLength is the length in characters; zero means Secrets Manager's default.
	PasswordLength     int
	ExcludePunctuation bool
	// SecretStringTemplate is a JSON object to which the password is added under GenerateStringKey; empty where it is the whole value.
	SecretStringTemplate string
	GenerateStringKey    string
}

// LogGroup is an AWS::Logs::LogGroup.
type LogGroup struct {
	Name string
	ARN  string // without the :* that stands for its streams
	// Key is the ARN of the KMS key that encrypts it, empty where none does.
	Key string
}

// StateMachine is an AWS::StepFunctions::StateMachine.
type StateMachine struct {
	Name       string
	ARN        string
	Definition string
	Role       string // an ARN
	// Traced says that its executions are told to X-Ray, Logged that they are told to CloudWatch Logs.
	Traced, Logged bool
}

// Schedule is an AWS::Scheduler::Schedule.
type Schedule struct {
	Name string
	ARN  string
	// Target is the ARN of what it starts, with the role that has the ARN Role.
	Target string
	Role   string
	// DeadLetters is the ARN of the queue for ticks that could not be delivered, empty where there is none.
	DeadLetters string
	// Input is the template of the target's input; see [Schedule.InputAt].
	Input string
	Rule  Rule
}

// Defaults of CloudFormation where a template is silent,
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html.
const (
	defaultTimeoutSeconds = 3
	defaultMemoryMB       = 128
)

// Load reads the cloud assembly in dir. Its error names every resource that cannot be understood.
func Load(dir string) (*Assembly, error) {
	stacks, err := readStacks(dir)
	if err != nil {
		return nil, fmt.Errorf("cloud assembly %s: %w", dir, err)
	}
	if len(stacks) == 0 {
		return nil, fmt.Errorf("cloud assembly %s: no stack in it: the app must add at least one", dir)
	}
	names := newNames(stacks)
	a := &Assembly{Region: stacks[0].region, stacks: stacks, names: names}
	var attached attachments
	var faults []error
	for _, s := range stacks {
		if s.region != a.Region {
			faults = append(faults, fmt.Errorf("stack %s is for region %s, another for %s: a local run has one", s.name, s.region, a.Region))
			continue
		}
		r := &resolver{stack: s, names: names}
		for _, id := range slices.Sorted(maps.Keys(s.template.Resources)) {
			err := errors.Join(a.add(r, id), attached.add(r, id, a))
			if err != nil {
				faults = append(faults, fmt.Errorf("stack %s: %s (%s): %w", s.name, id, s.template.Resources[id].Type, err))
			}
		}
	}
	attached.attach(a.Roles)
	return a, errors.Join(faults...)
}

func (a *Assembly) add(r *resolver, id string) error {
	resource := r.stack.template.Resources[id]
	switch resource.Type {
	case typeFunction:
		return a.addFunction(r, id, resource)
	case typeBucket:
		return a.addBucket(r, id, resource)
	case typeSecret:
		return a.addSecret(r, id, resource)
	case typeStateMachine:
		return a.addStateMachine(r, id, resource)
	case typeSchedule:
		return a.addSchedule(r, id, resource)
	case typeLogGroup:
		return a.addLogGroup(r, id, resource)
	case typeTopic:
		return a.addTopic(r, id, resource)
	case typeQueue:
		return a.addQueue(r, id, resource)
	case typeBus:
		return a.addBus(r, id, resource)
	case typeEventRule:
		return a.addEventRule(r, id, resource)
	}
	return nil
}

func (a *Assembly) addBucket(r *resolver, id string, resource resource) error {
	var encryption struct {
		ServerSideEncryptionConfiguration []struct {
			ServerSideEncryptionByDefault struct{ SSEAlgorithm, KMSMasterKeyID string }
		}
	}
	fault := r.properties(resource, map[string]any{"BucketEncryption": &encryption})
	name, err := r.names.of(r.stack, id)
	b := Bucket{Name: name, ARN: r.arn(typeBucket, name)}
	for _, rule := range encryption.ServerSideEncryptionConfiguration {
		b.Key = r.key(rule.ServerSideEncryptionByDefault.KMSMasterKeyID)
	}
	a.Buckets = append(a.Buckets, b)
	return errors.Join(fault, err)
}

func (a *Assembly) addSecret(r *resolver, id string, resource resource) error {
	var key string
	var generate *Generate
	fault := r.properties(resource, map[string]any{"KmsKeyId": &key, "GenerateSecretString": &generate})
	name, err := r.names.of(r.stack, id)
	a.Secrets = append(a.Secrets, Secret{Name: name, ARN: r.arn(typeSecret, name), Key: r.key(key), Generate: generate})
	return errors.Join(fault, err)
}

func (a *Assembly) addLogGroup(r *resolver, id string, resource resource) error {
	var key string
	fault := r.properties(resource, map[string]any{"KmsKeyId": &key})
	name, err := r.names.of(r.stack, id)
	a.LogGroups = append(a.LogGroups, LogGroup{Name: name, ARN: strings.TrimSuffix(r.arn(typeLogGroup, name), ":*"), Key: r.key(key)})
	return errors.Join(fault, err)
}

// key returns the ARN of a key that is given by its ARN or its id; empty for none, and for the keys of AWS's own, which
// every role of the account may use through their services.
func (r *resolver) key(given string) string {
	switch {
	case given == "" || strings.HasPrefix(given, "alias/aws/") || strings.Contains(given, ":alias/aws/"):
		return ""
	case strings.HasPrefix(given, "arn:"):
		return given
	}
	return r.arn(typeKey, given)
}

func (a *Assembly) addFunction(r *resolver, id string, resource resource) error {
	var properties struct {
		Runtime string
		Code    struct {
			S3Key json.RawMessage
		}
		Environment struct {
			Variables map[string]json.RawMessage
		}
		Timeout    int
		MemorySize int
	}
	if err := json.Unmarshal(resource.Properties, &properties); err != nil {
		return err
	}
	if !strings.HasPrefix(properties.Runtime, "provided.") {
		// CDK's own helpers, for example one that empties a bucket: only deployments use them.
		return nil
	}
	name, err := r.names.of(r.stack, id)
	if err != nil {
		return err
	}
	f := Function{
		Name:        name,
		ARN:         r.arn(typeFunction, name),
		Environment: map[string]string{},
		Timeout:     time.Duration(orDefault(properties.Timeout, defaultTimeoutSeconds)) * time.Second,
		MemoryMB:    orDefault(properties.MemorySize, defaultMemoryMB),
	}
	var faults []error
	for variable, raw := range properties.Environment.Variables {
		value, err := r.text(raw)
		if err != nil {
			faults = append(faults, fmt.Errorf("Environment.Variables.%s: %w", variable, err))
		}
		f.Environment[variable] = value
	}
	var logging struct{ LogGroup string }
	err = r.properties(resource, map[string]any{"Role": &f.Role, "LoggingConfig": &logging, "KmsKeyArn": &f.Key})
	faults = append(faults, err)
	if f.LogGroup = logging.LogGroup; f.LogGroup == "" {
		f.LogGroup = "/aws/lambda/" + name
	}
	key, err := r.text(properties.Code.S3Key)
	if err != nil {
		faults = append(faults, fmt.Errorf("Code.S3Key: %w", err))
	} else if f.Dir = r.stack.assets[key]; f.Dir == "" {
		faults = append(faults, fmt.Errorf("Code.S3Key: no folder in the assets of the stack is for %q", key))
	}
	a.Functions = append(a.Functions, f)
	return errors.Join(faults...)
}

func (a *Assembly) addStateMachine(r *resolver, id string, resource resource) error {
	var properties struct {
		DefinitionString        json.RawMessage
		DefinitionSubstitutions map[string]json.RawMessage
	}
	if err := json.Unmarshal(resource.Properties, &properties); err != nil {
		return err
	}
	if properties.DefinitionString == nil {
		return errors.New("DefinitionString is missing: a definition elsewhere cannot be read")
	}
	definition, err := r.text(properties.DefinitionString)
	if err != nil {
		return fmt.Errorf("DefinitionString: %w", err)
	}
	for placeholder, raw := range properties.DefinitionSubstitutions {
		value, err := r.text(raw)
		if err != nil {
			return fmt.Errorf("DefinitionSubstitutions.%s: %w", placeholder, err)
		}
		definition = strings.ReplaceAll(definition, "${"+placeholder+"}", value)
	}
	name, err := r.names.of(r.stack, id)
	m := StateMachine{Name: name, ARN: r.arn(typeStateMachine, name), Definition: definition}
	var tracing struct{ Enabled bool }
	var logging struct{ Level string }
	fault := r.properties(resource, map[string]any{"RoleArn": &m.Role, "TracingConfiguration": &tracing, "LoggingConfiguration": &logging})
	m.Traced, m.Logged = tracing.Enabled, logging.Level != "" && logging.Level != "OFF"
	a.StateMachines = append(a.StateMachines, m)
	return errors.Join(err, fault)
}

func (a *Assembly) addSchedule(r *resolver, id string, resource resource) error {
	var properties struct {
		State                      string
		ScheduleExpression         string
		ScheduleExpressionTimezone string
		Target                     struct {
			Arn              json.RawMessage
			RoleArn          json.RawMessage
			Input            json.RawMessage
			DeadLetterConfig struct{ Arn json.RawMessage }
		}
	}
	if err := json.Unmarshal(resource.Properties, &properties); err != nil {
		return err
	}
	if properties.State == "DISABLED" {
		return nil
	}
	if zone := properties.ScheduleExpressionTimezone; zone != "" && zone != "UTC" {
		return fmt.Errorf("ScheduleExpressionTimezone is %s: only UTC can be run locally", zone)
	}
	rule, err := ParseRule(properties.ScheduleExpression)
	if err != nil {
		return err
	}
	s := Schedule{Input: "{}", Rule: rule}
	for _, field := range []struct {
		name string
		raw  json.RawMessage
		text *string
	}{
		{"Arn", properties.Target.Arn, &s.Target},
		{"RoleArn", properties.Target.RoleArn, &s.Role},
		{"Input", properties.Target.Input, &s.Input},
		{"DeadLetterConfig.Arn", properties.Target.DeadLetterConfig.Arn, &s.DeadLetters},
	} {
		if field.raw == nil {
			continue
		}
		if *field.text, err = r.text(field.raw); err != nil {
			return fmt.Errorf("Target.%s: %w", field.name, err)
		}
	}
	if s.Target == "" {
		return errors.New("Target.Arn is missing")
	}
	s.Name, err = r.names.of(r.stack, id)
	s.ARN = r.arn(typeSchedule, s.Name)
	a.Schedules = append(a.Schedules, s)
	return err
}

// InputAt is the target's input for the tick at t, context attributes filled in. See
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html.
func (s Schedule) InputAt(t time.Time, execution string) string {
	return strings.NewReplacer(
		"<aws.scheduler.scheduled-time>", t.UTC().Format(time.RFC3339),
		"<aws.scheduler.execution-id>", execution,
		"<aws.scheduler.attempt-number>", "1",
	).Replace(s.Input)
}

func orDefault(value, fallback int) int {
	if value == 0 {
		return fallback
	}
	return value
}

// stack is one stack's template and where its assets lie.
type stack struct {
	name     string
	region   string
	template template
	// assets are the folders by the key under which CloudFormation finds them, zipped, in the assets' bucket.
	assets map[string]string
}

type template struct {
	Parameters map[string]struct{ Default json.RawMessage }
	Resources  map[string]resource
	Outputs    map[string]struct {
		Value  json.RawMessage
		Export *struct{ Name json.RawMessage }
	}
}

type resource struct {
	Type       string
	Properties json.RawMessage
}

// properties are the resource's properties as the template has them.
func (r resource) properties() (properties map[string]json.RawMessage, err error) {
	if len(r.Properties) > 0 {
		err = json.Unmarshal(r.Properties, &properties)
	}
	return properties, err
}

// readStacks reads the stacks of an assembly and of those nested in it (one a CDK stage).
func readStacks(dir string) ([]stack, error) {
	var manifest struct {
		Artifacts map[string]struct {
			Type        string
			Environment string
			Properties  struct {
				TemplateFile  string
				StackName     string
				File          string
				DirectoryName string
			}
			Dependencies []string
		}
	}
	if err := readJSON(filepath.Join(dir, "manifest.json"), &manifest); err != nil {
		return nil, err
	}
	var stacks []stack
	for _, id := range slices.Sorted(maps.Keys(manifest.Artifacts)) {
		artifact := manifest.Artifacts[id]
		switch artifact.Type {
		case "cdk:cloud-assembly":
			nested, err := readStacks(filepath.Join(dir, artifact.Properties.DirectoryName))
			if err != nil {
				return nil, err
			}
			stacks = append(stacks, nested...)
		case "aws:cloudformation:stack":
			s := stack{name: artifact.Properties.StackName, region: regionOf(artifact.Environment), assets: map[string]string{}}
			if s.name == "" {
				s.name = id
			}
			if err := readJSON(filepath.Join(dir, artifact.Properties.TemplateFile), &s.template); err != nil {
				return nil, err
			}
			for _, dependency := range artifact.Dependencies {
				if assets := manifest.Artifacts[dependency]; assets.Type == "cdk:asset-manifest" {
					if err := s.readAssets(dir, assets.Properties.File); err != nil {
						return nil, err
					}
				}
			}
			stacks = append(stacks, s)
		}
	}
	return stacks, nil
}

func (s *stack) readAssets(dir, file string) error {
	var assets struct {
		Files map[string]struct {
			Source struct {
				Path      string
				Packaging string
			}
			Destinations map[string]struct{ ObjectKey string }
		}
	}
	if err := readJSON(filepath.Join(dir, file), &assets); err != nil {
		return err
	}
	for _, asset := range assets.Files {
		if asset.Source.Packaging != "zip" {
			continue
		}
		path := asset.Source.Path
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		for _, destination := range asset.Destinations {
			s.assets[destination.ObjectKey] = path
		}
	}
	return nil
}

// regionOf reads the region from an artifact's environment, aws://ACCOUNT/REGION.
func regionOf(environment string) string {
	region := environment[strings.LastIndexByte(environment, '/')+1:]
	if region == "" || region == "unknown-region" {
		return DefaultRegion
	}
	return region
}

func readJSON(path string, into any) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return nil
}
