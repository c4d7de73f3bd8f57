package objectstore

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// VersionAPI is what a bucket's API must have beside [API] for what was replaced or deleted to be seen. *s3.Client has it. It stands
// apart because only who erases may use it: everything else lives with what is current.
type VersionAPI interface {
	API
	ListObjectVersions(context.Context, *s3.ListObjectVersionsInput, ...func(*s3.Options)) (*s3.ListObjectVersionsOutput, error)
}

// Version is one version of an object, or a delete marker. A bucket that was never versioned has one of each object, with the ID "null".
type Version struct {
	Object
	ID string
	// Current says that it is the one that a read without a version meets.
	Current bool
	// Marker says that it is a delete marker, which has no body.
	Marker bool
}

// Versions yields the versions and delete markers of the objects whose keys begin with prefix and come after the key after, in the order
// of their keys' bytes. It ends with an error where a request fails.
func (b Bucket) Versions(ctx context.Context, prefix, after string) iter.Seq2[Version, error] {
	return func(yield func(Version, error) bool) {
		api, ok := b.API.(VersionAPI)
		if !ok {
			yield(Version{}, fmt.Errorf("list versions of s3://%s/%s: the client cannot", b.Name, prefix))
			return
		}
		input := &s3.ListObjectVersionsInput{Bucket: &b.Name, Prefix: &prefix}
		if after != "" {
			input.KeyMarker = &after
		}
		for {
			output, err := api.ListObjectVersions(ctx, input)
			if err != nil {
				yield(Version{}, b.fault("list versions", prefix, err))
				return
			}
			for _, version := range merged(output) {
				if !yield(version, nil) {
					return
				}
			}
			if !aws.ToBool(output.IsTruncated) {
				return
			}
			input.KeyMarker, input.VersionIdMarker = output.NextKeyMarker, output.NextVersionIdMarker
		}
	}
}

// merged is a page of a listing in the order of the keys: S3 lists versions and delete markers apart.
func merged(page *s3.ListObjectVersionsOutput) []Version {
	var all []Version
	for _, v := range page.Versions {
		all = append(all, Version{
			Object: Object{
				Key: aws.ToString(v.Key), ETag: unquote(aws.ToString(v.ETag)), Size: aws.ToInt64(v.Size), Modified: aws.ToTime(v.LastModified),
			},
			ID: aws.ToString(v.VersionId), Current: aws.ToBool(v.IsLatest),
		})
	}
	for _, m := range page.DeleteMarkers {
		all = append(all, Version{
			Object: Object{Key: aws.ToString(m.Key), Modified: aws.ToTime(m.LastModified)},
			ID:     aws.ToString(m.VersionId), Current: aws.ToBool(m.IsLatest), Marker: true,
		})
	}
	slices.SortStableFunc(all, func(a, b Version) int { return strings.Compare(a.Key, b.Key) })
	return all
}

// OpenVersion returns a version and a reader of its body, which the caller closes. It fails with [ErrNotFound].
func (b Bucket) OpenVersion(ctx context.Context, v Version) (Object, io.ReadCloser, error) {
	input := &s3.GetObjectInput{Bucket: &b.Name, Key: &v.Key}
	if !v.Current {
		input.VersionId = &v.ID
	} else {
		input.IfMatch = aws.String(quote(v.ETag))
	}
	output, err := b.API.GetObject(ctx, input)
	if err != nil {
		return Object{}, nil, b.fault("get", v.Key, err)
	}
	return Object{
		Key: v.Key, ETag: unquote(aws.ToString(output.ETag)), Size: aws.ToInt64(output.ContentLength),
		Modified: aws.ToTime(output.LastModified), Metadata: output.Metadata,
	}, output.Body, nil
}

// DeleteVersion removes a version for good, or a delete marker; it is no error where there is none.
func (b Bucket) DeleteVersion(ctx context.Context, v Version) error {
	_, err := b.API.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.Name, Key: &v.Key, VersionId: &v.ID})
	if err != nil {
		return b.fault("delete version of", v.Key, err)
	}
	return nil
}
