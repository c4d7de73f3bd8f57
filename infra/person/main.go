// Command person erases or exports what a pipeline's lake holds of one person.
//
//	go run ./infra/person erase  -state-machine ARN -key ARN
//	go run ./infra/person export -state-machine ARN -key ARN -out FILE
//
// The stack's outputs name both: PipelineErasureArn and PipelinePrivacyKeySecretArn. The person's e-mail address is read from standard input,
// since a command line stands in the shell's history and in the list of processes. Its keyed digest is made here, by the key that AWS
// Secrets Manager hands out to who may read it; the address itself goes nowhere.
//
// It stands apart from the app beside it as what people use who answer for data and not for infrastructure: it needs credentials that
// VendorPipeline.GrantErase was called for, and no CDK.
//
// Exit status: 0 where it is done; 1 where it is not; 2 for wrong flags.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/windrow-data/windrow/functions/settings"
)

const (
	exitWrong = 1
	exitUsage = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

const help = `Erases or exports what a pipeline's lake holds of one person.

  go run ./infra/person erase  -state-machine ARN -key ARN
  go run ./infra/person export -state-machine ARN -key ARN -out FILE

The e-mail address is read from standard input: on the command line it would stand in the shell's history and in the list of processes.
Only its keyed digest leaves this machine. An erasure takes about 20 minutes and a few more for each year of data, since it
waits for whatever was under way; it goes on when this command is stopped, and starting the same again does only what is left.

The ARNs are the stack's outputs PipelineErasureArn and PipelinePrivacyKeySecretArn (docs/privacy.md).

`

// options are what the command line says.
type options struct {
	action, machine, key, out, digest string
	yes                               bool
}

func run(ctx context.Context, arguments []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(arguments, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "person:", err)
		return exitUsage
	}
	loaded, err := config.LoadDefaultConfig(ctx, config.WithRegion(regionOf(o.machine)))
	if err != nil {
		fmt.Fprintln(stderr, "person: no credentials for AWS:", err)
		return exitWrong
	}
	c := command{
		options: o, secrets: secretsmanager.NewFromConfig(loaded), machines: sfn.NewFromConfig(loaded), objects: s3.NewFromConfig(loaded),
		stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now, sleep: sleep,
	}
	if err := c.run(ctx); err != nil {
		fmt.Fprintln(stderr, "person:", err)
		return exitWrong
	}
	return 0
}

func parse(arguments []string, stderr io.Writer) (options, error) {
	var o options
	if len(arguments) > 0 && !strings.HasPrefix(arguments[0], "-") {
		o.action, arguments = arguments[0], arguments[1:]
	}
	flags := flag.NewFlagSet("person", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, help)
		flags.PrintDefaults()
	}
	flags.StringVar(&o.machine, "state-machine", "", "`ARN` of the state machine that erases: the stack's output PipelineErasureArn")
	flags.StringVar(&o.key, "key", "", "`ARN` of the secret with the key of digests: the stack's output PipelinePrivacyKeySecretArn")
	flags.StringVar(&o.digest, "digest", "", "`digest` of the person, from an earlier record or a table, in place of the address; -key is not needed then")
	flags.StringVar(&o.out, "out", "", "`file` that an export is written to, for its owner alone to read; it must not be there yet")
	flags.BoolVar(&o.yes, "yes", false, "erase without asking whether that is meant")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	switch {
	case o.action != settings.ActionErase && o.action != settings.ActionExport:
		return o, fmt.Errorf("action %q: want %s or %s, see -help", o.action, settings.ActionErase, settings.ActionExport)
	case flags.NArg() > 0:
		return o, fmt.Errorf("argument %q: want flags only; the address is read from standard input", flags.Arg(0))
	case regionOf(o.machine) == "":
		return o, fmt.Errorf("-state-machine %q: want an ARN, arn:aws:states:REGION:ACCOUNT:stateMachine:NAME", o.machine)
	case o.key == "" && o.digest == "":
		return o, errors.New("-key: want the ARN of the secret with the key of digests")
	case (o.action == settings.ActionExport) != (o.out != ""):
		return o, errors.New("-out: an export needs the name of a file to write to, and an erasure writes none")
	}
	return o, nil
}

// regionOf is the region in a state machine's ARN, empty where it is none.
func regionOf(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) != 7 || parts[0] != "arn" || parts[2] != "states" {
		return ""
	}
	return parts[3]
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// These are the parts of the clients that are used.
type (
	secretsAPI interface {
		GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
	}
	machinesAPI interface {
		StartExecution(context.Context, *sfn.StartExecutionInput, ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error)
		DescribeExecution(context.Context, *sfn.DescribeExecutionInput, ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error)
	}
	objectsAPI interface {
		ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
		GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	}
)
