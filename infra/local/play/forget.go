package play

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/windrow-data/windrow/functions/erasure"
	"github.com/windrow-data/windrow/functions/forgotten"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/preprocess"
	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/s3server"
	"github.com/windrow-data/windrow/infra/local/secrets"
	"github.com/windrow-data/windrow/infra/local/toolcache"
	"github.com/windrow-data/windrow/infra/local/verify"
)

// ForgetOptions say whom to forget, and where.
type ForgetOptions struct {
	// Email is the person's address.
	Email string
	// Out is the folder that a run has left its lake in.
	Out   string
	Cache toolcache.Cache
	// Print takes what was found.
	Print io.Writer
}

// Forget erases a person from the lakes of the last run, by what is deployed, but for the waiting: nothing is under way.
func Forget(ctx context.Context, o ForgetOptions) (err error) {
	root, err := filepath.Abs(o.Out)
	if err != nil {
		return err
	}
	out := foldersIn(root)
	if _, err := os.Stat(out.lake); err != nil {
		return fmt.Errorf("%s: %w; play a day first, with make run", o.Out, err)
	}
	loaded, err := assembly.Load(out.assembly)
	if err != nil {
		return err
	}
	found, err := pipelines(loaded)
	if err != nil {
		return err
	}
	binary, err := s3server.Build(ctx, o.Cache)
	if err != nil {
		return err
	}
	server, err := s3server.Start(ctx, s3server.Options{
		Binary: binary, Root: out.lake, Attributes: out.attributes, Region: loaded.Region, AccessKeyID: accessKeyID, SecretAccessKey: secretAccessKey,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	client := s3.New(s3.Options{
		Region: loaded.Region, BaseEndpoint: aws.String(server.URL()), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(accessKeyID, secretAccessKey, ""),
	})
	for i, p := range found {
		if err := p.forget(ctx, loaded, client, o, i); err != nil {
			return fmt.Errorf("the vendor %s: %w", p.vendor.Name, err)
		}
	}
	return nil
}

// forget erases the person from one pipeline's lake.
func (p *pipeline) forget(ctx context.Context, a *assembly.Assembly, client *s3.Client, o ForgetOptions, number int) error {
	if p.privacyKey == "" {
		fmt.Fprintf(o.Print, "%s: no stream says whose its records are\n", p.vendor.Name)
		return nil
	}
	key, err := keyOf(a, p.privacyKey)
	if err != nil {
		return err
	}
	bucket := func(name string) objectstore.Bucket { return objectstore.Bucket{API: client, Name: name} }
	config := erasure.Config{
		Vendor: p.vendor, Raw: bucket(p.rawBucket), Curated: bucket(p.curatedBucket), Results: bucket(resultsOf(a)), Key: key, Digest: key.Digest(o.Email),
		Run: fmt.Sprintf("forget%dx%d", time.Now().UnixNano(), number), Execution: "local", Clock: time.Now, Logger: slog.New(slog.DiscardHandler),
	}
	var answer erasure.Answer
	for round := 0; answer.Next != erasure.Done; round++ {
		for stream, within := range answer.Remake {
			if err := p.remake(ctx, client, stream, within, key); err != nil {
				return err
			}
		}
		config.Run = fmt.Sprintf("%sx%d", config.Run, round)
		if answer, err = erasure.Erase(ctx, config, answer.Position); err != nil {
			return err
		}
	}
	fmt.Fprintf(o.Print, "%s: %d streams held the person\n", p.vendor.Name, len(answer.Found))
	for _, stream := range slices.Sorted(maps.Keys(answer.Found)) {
		f := answer.Found[stream]
		fmt.Fprintf(o.Print, "  %s: %d records, and %d that mention the person, in %d parts of %d windows\n", stream, f.Records, f.Emptied, f.Parts, f.Windows)
	}
	fmt.Fprintf(o.Print, "  record: %s\n", filepath.Join(o.Out, "lake", answer.Bucket, answer.Record))
	return nil
}

// remake makes the curated objects of a stream anew.
func (p *pipeline) remake(ctx context.Context, client *s3.Client, stream string, within erasure.Range, key privacy.Key) error {
	s, err := p.vendor.Stream(stream)
	if err != nil {
		return err
	}
	config := preprocess.Config{
		Stream: s, Raw: rawzone.Zone{Bucket: objectstore.Bucket{API: client, Name: p.rawBucket}, Vendor: p.vendor.Name, Stream: stream},
		Curated:    objectstore.Bucket{API: client, Name: p.curatedBucket},
		PrivacyKey: func(context.Context) (privacy.Key, error) { return key, nil },
		Clock:      time.Now, Logger: slog.New(slog.DiscardHandler),
	}
	for position, more := "", true; more; {
		answer, err := preprocess.Remake(ctx, config, preprocess.Past{Start: within.Start, End: within.End, Position: position}, time.Now())
		if err != nil {
			return err
		}
		position, more = answer.Position, answer.More
	}
	return nil
}

// keyOf is the value that the last run had for the privacy key.
func keyOf(a *assembly.Assembly, arn string) (privacy.Key, error) {
	generate := &assembly.Generate{PasswordLength: privacy.GeneratedKeyLength, ExcludePunctuation: true}
	for _, secret := range a.Secrets {
		if secret.ARN == arn {
			generate = cmp.Or(secret.Generate, generate)
		}
	}
	value, err := secrets.Generated(arn, *generate)
	if err != nil {
		return nil, err
	}
	return privacy.ParseKey(value)
}

// resultsOf is the bucket for results of queries, empty where there is none.
func resultsOf(a *assembly.Assembly) string {
	for _, f := range a.Functions {
		if name := f.Environment[settings.EnvResultsBucket]; name != "" && strings.TrimSpace(name) != "" {
			return name
		}
	}
	return ""
}

// forgets returns what leaves out of a source of the vendor's records what a lake does not have, since somebody was forgotten. raw is the folder
// of a stream in the raw bucket.
func (p *playing) forgets(raw, key string) func(*vendorapi.Stream, verify.Source) verify.Source {
	content, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(raw)), filepath.FromSlash(settings.ForgottenKey(p.vendor.Name))))
	var list forgotten.List
	if err != nil || json.Unmarshal(content, &list) != nil {
		return func(_ *vendorapi.Stream, source verify.Source) verify.Source { return source }
	}
	return func(stream *vendorapi.Stream, source verify.Source) verify.Source {
		return func(within window.Window) iter.Seq2[verify.Record, error] {
			return func(yield func(verify.Record, error) bool) {
				filter := forgotten.NewFilter(list, privacy.Key(key), stream.PersonPath)
				for record, err := range source(within) {
					kept, verdict := filter.Apply(record.JSON)
					if verdict == forgotten.Withheld {
						continue
					}
					record.JSON = bytes.Clone(kept)
					if !yield(record, err) {
						return
					}
				}
			}
		}
	}
}
