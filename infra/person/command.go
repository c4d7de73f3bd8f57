package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/windrow-data/windrow/functions/erasure"
	"github.com/windrow-data/windrow/functions/forgotten"
	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/settings"
)

// command is one call of the program.
type command struct {
	options
	secrets        secretsAPI
	machines       machinesAPI
	objects        objectsAPI
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	sleep          func(context.Context, time.Duration) error
}

func (c *command) run(ctx context.Context) error {
	lines := bufio.NewReader(c.stdin)
	digest, err := c.person(ctx, lines)
	if err != nil {
		return err
	}
	if c.action == settings.ActionErase && !c.yes {
		fmt.Fprintf(c.stderr, "This erases the person with the digest %s for good, from all objects and all their old versions.\nType erase to go on: ", digest)
		if answer, err := line(lines); err != nil || answer != settings.ActionErase {
			return errors.New("nothing was done")
		}
	}
	answer, err := c.execute(ctx, digest)
	if err != nil {
		return err
	}
	c.tell(answer)
	if c.action == settings.ActionExport {
		return c.download(ctx, answer)
	}
	fmt.Fprintf(c.stdout, "record: s3://%s/%s\n", answer.Bucket, answer.Record)
	return nil
}

// person returns the digest of whom the person at the terminal names.
func (c *command) person(ctx context.Context, lines *bufio.Reader) (string, error) {
	if c.digest != "" {
		return c.digest, forgotten.CheckDigest(c.digest)
	}
	secret, err := c.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &c.key})
	if err != nil {
		return "", fmt.Errorf("read the key of digests: %w", err)
	}
	key, err := privacy.ParseKey(aws.ToString(secret.SecretString))
	if err != nil {
		return "", fmt.Errorf("the secret %s: %w", c.key, err)
	}
	fmt.Fprint(c.stderr, "E-mail address of the person: ")
	address, err := line(lines)
	if err != nil {
		return "", fmt.Errorf("no address on standard input: %w", err)
	}
	// It is not quoted: what is printed may be kept.
	if local, host, found := strings.Cut(address, "@"); !found || local == "" || host == "" || strings.ContainsAny(address, " <>,;") {
		return "", errors.New("what stands on standard input is no e-mail address: want one, such as ann@example.com, and nothing else on the line")
	}
	return key.Digest(address), nil
}

func line(lines *bufio.Reader) (string, error) {
	text, err := lines.ReadString('\n')
	if text = strings.TrimSpace(text); text != "" {
		return text, nil
	}
	if err == nil {
		err = errors.New("the line is empty")
	}
	return "", err
}

// pollEvery is how often an execution is looked at; Step Functions allows far more.
const pollEvery = 10 * time.Second

// execute starts an execution and waits for its end.
func (c *command) execute(ctx context.Context, digest string) (erasure.Answer, error) {
	input, err := json.Marshal(settings.Input{Action: c.action, Digest: digest})
	if err != nil {
		return erasure.Answer{}, err
	}
	began := c.now()
	started, err := c.machines.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: &c.machine,
		Name:            aws.String(fmt.Sprintf("%s-%s-%s", c.action, digest[:8], began.UTC().Format("20060102T150405Z"))),
		Input:           aws.String(string(input)),
	})
	if err != nil {
		return erasure.Answer{}, fmt.Errorf("start %s: %w", c.machine, err)
	}
	fmt.Fprintf(c.stderr, "started %s\n", aws.ToString(started.ExecutionArn))
	for {
		seen, err := c.machines.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: started.ExecutionArn})
		if err != nil {
			return erasure.Answer{}, fmt.Errorf("the execution goes on, and cannot be looked at: %w", err)
		}
		switch seen.Status {
		case types.ExecutionStatusRunning, types.ExecutionStatusPendingRedrive:
			fmt.Fprintf(c.stderr, "\r%s: under way", c.now().Sub(began).Round(time.Second))
		case types.ExecutionStatusSucceeded:
			fmt.Fprintf(c.stderr, "\r%s: done     \n", c.now().Sub(began).Round(time.Second))
			var answer erasure.Answer
			if err := json.Unmarshal([]byte(aws.ToString(seen.Output)), &answer); err != nil {
				return answer, fmt.Errorf("the execution is done, and what it tells cannot be read: %w", err)
			}
			return answer, nil
		default:
			return erasure.Answer{}, fmt.Errorf("the execution ended as %s, %s: %s", seen.Status, aws.ToString(seen.Error), aws.ToString(seen.Cause))
		}
		if err := c.sleep(ctx, pollEvery); err != nil {
			return erasure.Answer{}, fmt.Errorf("the execution goes on by itself: %w", err)
		}
	}
}

// tell prints what was found, in all versions of the parts.
func (c *command) tell(answer erasure.Answer) {
	table := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "stream\trecords\tmentions elsewhere\tparts\twindows")
	for _, stream := range slices.Sorted(maps.Keys(answer.Found)) {
		f := answer.Found[stream]
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\n", stream, f.Records, f.Emptied, f.Parts, f.Windows)
	}
	table.Flush()
	if len(answer.Found) == 0 {
		fmt.Fprintln(c.stdout, "nothing was found of this person")
	}
}

// download writes what was exported to a file.
func (c *command) download(ctx context.Context, answer erasure.Answer) (err error) {
	file, err := os.OpenFile(c.out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	input := &s3.ListObjectsV2Input{Bucket: &answer.Bucket, Prefix: &answer.Record}
	for {
		listed, err := c.objects.ListObjectsV2(ctx, input)
		if err != nil {
			return err
		}
		for _, object := range listed.Contents {
			got, err := c.objects.GetObject(ctx, &s3.GetObjectInput{Bucket: &answer.Bucket, Key: object.Key})
			if err != nil {
				return err
			}
			stream := strings.TrimPrefix(aws.ToString(object.Key), answer.Record)
			if at := strings.LastIndexByte(stream, '-'); at > 0 {
				stream = stream[:at]
			}
			if err := copyLines(file, stream, got.Body); err != nil {
				return err
			}
		}
		if !aws.ToBool(listed.IsTruncated) {
			fmt.Fprintf(c.stdout, "written to %s; the copy at s3://%s/%s expires with the results of queries\n", c.out, answer.Bucket, answer.Record)
			return nil
		}
		input.ContinuationToken = listed.NextContinuationToken
	}
}

// copyLines writes each record with the name of its stream, {"stream": ..., "record": ...}.
func copyLines(to io.Writer, stream string, body io.ReadCloser) (err error) {
	defer func() { err = errors.Join(err, body.Close()) }()
	lines := bufio.NewReader(body)
	for {
		record, err := lines.ReadString('\n')
		if record = strings.TrimSuffix(record, "\n"); record != "" {
			if _, err := fmt.Fprintf(to, "{\"stream\":%q,\"record\":%s}\n", stream, record); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
